/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extract_changed_record_state.c: Debezium's ExtractChangedRecordState: headers
 * that list which columns an update changed, and which not. The old row must be
 * there (REPLICA IDENTITY FULL); else both lists are empty.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/envelope.h"

struct config {
	const char *changed;
	const char *unchanged;
};

struct changes {
	const struct leat_schema *changed; /* NULL: not wanted */
	const struct leat_schema *unchanged;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "header.changed.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, changed),
	  "The header for the names of columns that changed.", "0.1" },
	{ "header.unchanged.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, unchanged),
	  "The header for the names of columns that did not.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* An optional array of optional strings, named like the header. */
static int
header_schema(struct transform *t, const char *name,
    const struct leat_schema **ret, struct leat_err *err)
{
	const struct leat_schema s = { .kind = LEAT_ARRAY, .optional = 1,
	    .name = name, .elem = leat_schema_plain(LEAT_STRING, 1) };

	if (name == NULL || *name == '\0')
		return 0;
	*ret = leat_schema_pool_intern(t->pool, &s, err);
	return *ret == NULL ? err->code : 0;
}

static int
changes_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct changes *self = t->self;

	if (header_schema(t, cfg->changed, &self->changed, err) < 0)
		return err->code;
	return header_schema(t, cfg->unchanged, &self->unchanged, err);
}

/* As Java's equals: a float is what its bits are. */
static bool
is_same_number(const struct leat_value *a, const struct leat_value *b)
{
	int64_t x = a->u.i, y = b->u.i;

	if (a->kind == LEAT_FLOAT32 || a->kind == LEAT_FLOAT64) {
		memcpy(&x, &a->u.f, sizeof(x));
		memcpy(&y, &b->u.f, sizeof(y));
	}
	return x == y;
}

/* Depth is bounded by the schema's. */
static bool
is_equal(const struct leat_value *a, const struct leat_value *b)
{
	const size_t n = a->kind == LEAT_MAP ? (size_t)a->len * 2 : a->len;
	size_t i;

	if (a->kind != b->kind)
		return false;
	if (a->kind < LEAT_STRING)
		return a->kind == LEAT_NULL || is_same_number(a, b);
	if (a->len != b->len)
		return false;
	if (a->kind <= LEAT_BYTES)
		return n == 0 || memcmp(a->u.s, b->u.s, n) == 0;
	for (i = 0; i < n; i++)
		if (!is_equal(&a->u.items[i], &b->u.items[i]))
			return false;
	return true;
}

static int
changes_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct changes *self = t->self;
	const struct leat_schema *s = rec->value_schema;
	struct leat_header h[2] = { { .schema = self->changed },
		{ .schema = self->unchanged } };
	struct leat_value before, after, *names[2];
	uint32_t n[2] = { 0, 0 }, i;
	const struct leat_schema *row;

	if (rec->value.kind != LEAT_STRUCT || !envelope_is(s))
		return 0;
	after = envelope_field(&rec->value, leat_schema_field(s, "after"));
	before = envelope_field(&rec->value, leat_schema_field(s, "before"));
	row = s->fields[leat_schema_field(s, "after")].schema;
	names[0] = leat_arena_calloc(arena, row->nfields, sizeof(*names[0]));
	names[1] = leat_arena_calloc(arena, row->nfields, sizeof(*names[1]));
	if (names[0] == NULL || names[1] == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < row->nfields && i < after.len && i < before.len;
	     i++) {
		const int same = is_equal(&after.u.items[i],
		    &before.u.items[i]);

		names[same][n[same]++] = leat_string(row->fields[i].name,
		    row->fields[i].name_len);
	}
	for (i = 0; i < 2; i++) {
		if (h[i].schema == NULL)
			continue;
		h[i].name = h[i].schema->name;
		h[i].value = leat_items(LEAT_ARRAY, names[i], n[i]);
		if (header_add(rec, arena, &h[i], err) < 0)
			return err->code;
	}
	return 0;
}

const struct transform_class transform_extract_changed_record_state = {
	.name = "io.debezium.transforms.ExtractChangedRecordState",
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct changes),
	.init = changes_init,
	.apply = changes_apply,
};
