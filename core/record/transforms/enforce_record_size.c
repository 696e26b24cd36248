/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enforce_record_size.c: Debezium's EnforceRecordSize: the long texts and bytes
 * of a change event are cut, each in proportion to its length, so that the
 * event is about as large as allowed.
 */
#include <math.h>
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/envelope.h"

struct config {
	int64_t max_bytes;
	int64_t min_field;
	double ratio;
};

/* What Debezium takes a value to need in Java's memory. */
enum {
	SIZE_STRUCT = 56,
	SIZE_STRING = 56,
	SIZE_BYTES = 24,
	SIZE_ARRAY = 64,
	SIZE_MAP = 88,
	SIZE_NUMBER = 24,
	SIZE_REFERENCE = 8,
	SIZE_ENTRY = 100	/* of headers, source partition and offset */
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "max.bytes", NULL, LEAT_OPT_INT, LEAT_OPT_REQUIRED, NULL, 1,
	  INT32_MAX, NULL, offsetof(struct config, max_bytes),
	  "The size that a record may have, as it is estimated.", "0.1" },
	{ "compression.ratio", NULL, LEAT_OPT_DOUBLE, 0, "1.0", 0, 0, NULL,
	  offsetof(struct config, ratio),
	  "What the estimate is multiplied with.", "0.1" },
	{ "min.field.size", NULL, LEAT_OPT_INT, 0, "25000", 0, INT32_MAX,
	  NULL, offsetof(struct config, min_field),
	  "Fields of at most this size are not cut.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
size_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;

	if (!(cfg->ratio > 0))
		return config_error(err, "compression.ratio: expected a "
		    "positive number");
	return 0;
}

/* --------------------------------------------------------------- estimates */

/* Depth is bounded by the schema's and the JSON parser's. */
static uint64_t
size_of(const struct leat_value *v)
{
	const uint64_t n = v->kind == LEAT_MAP ? (uint64_t)v->len * 2
	    : v->len;
	uint64_t size = 0, i;

	switch (v->kind) {
	case LEAT_NULL:
		return 0;
	case LEAT_STRING:
		return SIZE_STRING + n;
	case LEAT_BYTES:
		return SIZE_BYTES + n;
	case LEAT_STRUCT:
		size = SIZE_STRUCT;
		break;
	case LEAT_ARRAY:
		size = SIZE_ARRAY;
		break;
	case LEAT_MAP:
		size = SIZE_MAP;
		break;
	default:
		return SIZE_NUMBER;
	}
	for (i = 0; i < n; i++)
		size += SIZE_REFERENCE + size_of(&v->u.items[i]);
	return size;
}

static uint64_t
size_of_record(const struct leat_record *rec)
{
	return (uint64_t)rec->nheaders * SIZE_ENTRY + 8 + size_of(&rec->key) +
	    size_of(&rec->value) + strlen(rec->topic);
}

/* ----------------------------------------------------------------- cutting */

static bool
is_long(const struct config *cfg, const struct leat_value *v)
{
	return (v->kind == LEAT_STRING || v->kind == LEAT_BYTES) &&
	    v->len > cfg->min_field;
}

/* The bytes of a row's long fields. */
static uint64_t
long_bytes(const struct config *cfg, const struct leat_value *row)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; row->kind == LEAT_STRUCT && i < row->len; i++)
		if (is_long(cfg, &row->u.items[i]))
			sum += row->u.items[i].len;
	return sum;
}

/* No character is cut in half. */
static uint32_t
whole_chars(const struct leat_value *v, uint32_t len)
{
	if (v->kind == LEAT_STRING)
		while (len > 0 && (v->u.b[len] & 0xc0) == 0x80)
			len--;
	return len;
}

static int
cut_row(const struct config *cfg, struct leat_value *row, uint64_t total,
    double excess, struct leat_arena *arena, struct leat_err *err)
{
	struct leat_value *items;
	double less;
	uint32_t i;

	if (total == 0 || excess <= 0)
		return 0;
	items = leat_arena_memdup(arena, row->u.items, row->len *
	    sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < row->len; i++) {
		struct leat_value *v = &items[i];

		if (!is_long(cfg, v))
			continue;
		less = ceil((double)v->len / (double)total * excess);
		if (less >= v->len)
			v->len = 0;
		else
			v->len = whole_chars(v, v->len - (uint32_t)less);
	}
	*row = leat_items(LEAT_STRUCT, items, row->len);
	return 0;
}

static int
size_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	static const char *const names[] = { "before", "after" };
	const struct config *cfg = t->config;
	struct leat_value *items;
	uint64_t bytes[2] = { 0, 0 };
	int32_t at[2];
	double excess;
	int i, rc = 0;

	if (rec->value.kind != LEAT_STRUCT || !envelope_is(rec->value_schema))
		return 0;
	excess = ceil((double)size_of_record(rec) * cfg->ratio) -
	    (double)cfg->max_bytes;
	if (excess <= 0)
		return 0;
	items = leat_arena_memdup(arena, rec->value.u.items, rec->value.len *
	    sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < 2; i++) {
		at[i] = leat_schema_field(rec->value_schema, names[i]);
		if (at[i] >= 0)
			bytes[i] = long_bytes(cfg, &items[at[i]]);
	}
	for (i = 0; rc == 0 && i < 2; i++)
		if (bytes[i] > 0)
			rc = cut_row(cfg, &items[at[i]], bytes[i],
			    ceil((double)bytes[i] /
			    (double)(bytes[0] + bytes[1]) * excess), arena,
			    err);
	rec->value = leat_items(LEAT_STRUCT, items, rec->value.len);
	return rc;
}

const struct transform_class transform_enforce_record_size = {
	.name = "io.debezium.transforms.EnforceRecordSize",
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.init = size_init,
	.apply = size_apply,
};
