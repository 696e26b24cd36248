/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex_router.c: RegexRouter: a new topic by a regular expression that the
 * whole of the old one must match.
 */
#include "core/record/java_regex.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/memo.h"

struct config {
	const char *regex;
	const char *replacement;
};

struct router {
	struct java_regex *re;
	struct leat_map memo;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "regex", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, regex),
	  "A regular expression that the whole topic must match.", "0.1" },
	{ "replacement", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  NULL, offsetof(struct config, replacement),
	  "The new topic; $1 is what the first group matched.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
router_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct router *self = t->self;
	int rc;

	leat_map_init(&self->memo);
	rc = java_regex_new(cfg->regex, &self->re, err);
	if (rc == 0)
		rc = java_regex_check_replacement(self->re, cfg->replacement,
		    err);
	return rc;
}

static int
router_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct router *self = t->self;
	const char *topic = leat_map_get_c(&self->memo, rec->topic);
	int rc;

	if (topic == NULL) {
		rc = java_regex_replace(self->re, rec->topic,
		    cfg->replacement, arena, &topic, err);
		if (rc < 0)
			return rc;
		memo_add(&self->memo, rec->topic,
		    topic != NULL ? topic : rec->topic);
		if (topic == NULL)
			return 0;
	}
	/* Out of the memo, which may forget while the record lives. */
	rec->topic = leat_arena_strdup(arena, topic);
	return rec->topic == NULL ? record_no_memory(arena, err) : 0;
}

static void
router_fini(struct transform *t)
{
	struct router *self = t->self;

	java_regex_free(self->re);
	memo_fini(&self->memo);
}

const struct transform_class transform_regex_router = {
	.name = "org.apache.kafka.connect.transforms.RegexRouter",
	.on_null = NULL_UNUSED,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct router),
	.init = router_init,
	.apply = router_apply,
	.fini = router_fini,
};
