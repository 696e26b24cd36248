/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predicates.c: HasHeaderKey, RecordIsTombstone, TopicNameMatches.
 */
#include <string.h>

#include "core/record/java_regex.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/memo.h"

#define PACKAGE "org.apache.kafka.connect.transforms.predicates."

struct text_config {
	const char *text;
};

/* ------------------------------------------------------------- HasHeaderKey */

/* clang-format off */
static const struct leat_option header_options[] = {
	{ "name", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct text_config, text),
	  "The name that a header must have.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static bool
has_header(const struct transform *t, const struct leat_record *rec)
{
	const struct text_config *cfg = t->config;
	uint32_t i;

	for (i = 0; i < rec->nheaders; i++)
		if (strcmp(rec->headers[i].name, cfg->text) == 0)
			return true;
	return false;
}

const struct predicate_class predicate_has_header_key = {
	.name = PACKAGE "HasHeaderKey",
	.options = header_options,
	.config_size = sizeof(struct text_config),
	.test = has_header,
};

/* -------------------------------------------------------- RecordIsTombstone */

static bool
is_tombstone(const struct transform *t, const struct leat_record *rec)
{
	return rec->value.kind == LEAT_NULL;
}

const struct predicate_class predicate_record_is_tombstone = {
	.name = PACKAGE "RecordIsTombstone",
	.test = is_tombstone,
};

/* --------------------------------------------------------- TopicNameMatches */

/* clang-format off */
static const struct leat_option topic_options[] = {
	{ "pattern", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  NULL, offsetof(struct text_config, text),
	  "A regular expression that the whole topic name must match.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

struct topic {
	struct java_regex *re;
	struct leat_map memo;	/* "y" or "n" */
};

static int
topic_init(struct transform *t, struct leat_err *err)
{
	const struct text_config *cfg = t->config;
	struct topic *self = t->self;

	leat_map_init(&self->memo);
	return java_regex_new(cfg->text, &self->re, err);
}

static bool
topic_matches(const struct transform *t, const struct leat_record *rec)
{
	struct topic *self = t->self;
	const char *known = leat_map_get_c(&self->memo, rec->topic);
	bool yes;

	if (known != NULL)
		return *known == 'y';
	yes = java_regex_matches(self->re, rec->topic);
	memo_add(&self->memo, rec->topic, yes ? "y" : "n");
	return yes;
}

static void
topic_fini(struct transform *t)
{
	struct topic *self = t->self;

	java_regex_free(self->re);
	memo_fini(&self->memo);
}

const struct predicate_class predicate_topic_name_matches = {
	.name = PACKAGE "TopicNameMatches",
	.options = topic_options,
	.config_size = sizeof(struct text_config),
	.self_size = sizeof(struct topic),
	.init = topic_init,
	.test = topic_matches,
	.fini = topic_fini,
};
