/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.c: DropHeaders and InsertHeader.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

/* -------------------------------------------------------------- DropHeaders */

struct drop_config {
	struct leat_list headers;
};

/* clang-format off */
static const struct leat_option drop_options[] = {
	{ "headers", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct drop_config, headers),
	  "Names of the headers to remove.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
drop_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct drop_config *cfg = t->config;
	struct leat_header *left;
	uint32_t i, n = 0;

	if (rec->nheaders == 0)
		return 0;
	left = leat_arena_alloc(arena, rec->nheaders * sizeof(*left));
	if (left == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < rec->nheaders; i++)
		if (!list_has(&cfg->headers, leat_str_c(rec->headers[i].name)))
			left[n++] = rec->headers[i];
	rec->headers = left;
	rec->nheaders = n;
	return 0;
}

const struct transform_class transform_drop_headers = {
	.name = "org.apache.kafka.connect.transforms.DropHeaders",
	.on_null = NULL_UNUSED,
	.options = drop_options,
	.config_size = sizeof(struct drop_config),
	.apply = drop_apply,
};

/* ------------------------------------------------------------- InsertHeader */

struct insert_config {
	const char *header;
	const char *literal;
};

/* clang-format off */
static const struct leat_option insert_options[] = {
	{ "header", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  NULL, offsetof(struct insert_config, header),
	  "The header's name.", "0.1" },
	{ "value.literal", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0,
	  0, NULL, offsetof(struct insert_config, literal),
	  "Its value, typed by what it looks like: 1 is a number.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
insert_init(struct transform *t, struct leat_err *err)
{
	const struct insert_config *cfg = t->config;
	struct leat_header *h = t->self;
	struct value_types types;

	if (value_types_init(&types, t->pool, err) < 0)
		return LEAT_E_LIMIT;
	h->name = cfg->header;
	return value_text_parse(&types, leat_str_c(cfg->literal), &t->arena,
	    &h->schema, &h->value, err);
}

static int
insert_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	return header_add(rec, arena, t->self, err);
}

const struct transform_class transform_insert_header = {
	.name = "org.apache.kafka.connect.transforms.InsertHeader",
	.on_null = NULL_UNUSED,
	.options = insert_options,
	.config_size = sizeof(struct insert_config),
	.self_size = sizeof(struct leat_header),
	.init = insert_init,
	.apply = insert_apply,
};
