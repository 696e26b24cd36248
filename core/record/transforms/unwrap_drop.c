/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwrap_drop.c: ExtractNewRecordState's dropping of columns that a header
 * lists, as ExtractChangedRecordState writes it.
 */
#include <string.h>

#include "core/record/transforms/unwrap.h"

static bool
is_listed(const struct leat_value *list, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < list->len; i++)
		if (list->u.items[i].kind == LEAT_STRING &&
		    list->u.items[i].len == len &&
		    memcmp(list->u.items[i].u.s, name, len) == 0)
			return true;
	return false;
}

/* Without a schema. */
static int
drop_members(const struct leat_value *list, struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_value *kv = v->u.items;
	struct leat_value *items;
	uint32_t i, n = 0;

	items = leat_arena_calloc(arena, v->len, 2 * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < v->len; i++, kv += 2) {
		if (kv->kind == LEAT_STRING && is_listed(list, kv->u.s,
		    kv->len))
			continue;
		items[2 * n] = kv[0];
		items[2 * n++ + 1] = kv[1];
	}
	*v = leat_items(LEAT_MAP, items, n);
	return 0;
}

/* The schema depends on the record, so it is interned anew each time. */
static int
drop_columns(struct transform *t, const struct leat_value *list,
    const struct leat_schema **schema, struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct leat_schema *in = *schema;
	struct leat_schema out = *in;
	struct leat_field *fields;
	struct leat_value *items;
	uint32_t i, n = 0;

	fields = leat_arena_calloc(arena, in->nfields, sizeof(*fields));
	items = leat_arena_calloc(arena, in->nfields, sizeof(*items));
	if (fields == NULL || items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < in->nfields; i++) {
		if (is_listed(list, in->fields[i].name,
			in->fields[i].name_len) &&
		    (!cfg->drop_keep_compatible ||
			in->fields[i].schema->optional))
			continue;
		fields[n] = in->fields[i];
		items[n++] = v->u.items[i];
	}
	out.interned = 0;
	out.fields = fields;
	out.nfields = n;
	*schema = leat_schema_pool_intern(t->pool, &out, err);
	if (*schema == NULL)
		return LEAT_E_LIMIT;
	*v = leat_items(LEAT_STRUCT, items, n);
	return 0;
}

/* Takes the columns out of a row, with or without a schema. */
static int
drop_from(struct transform *t, const struct leat_value *list,
    const struct leat_schema **schema, struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	if (*schema == NULL && v->kind == LEAT_MAP)
		return drop_members(list, v, arena, err);
	if (*schema != NULL && (*schema)->kind == LEAT_STRUCT &&
	    v->kind == LEAT_STRUCT && v->len == (*schema)->nfields)
		return drop_columns(t, list, schema, v, arena, err);
	return 0;
}

int
unwrap_drop(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct leat_value *list = NULL;
	uint32_t i;

	/* The first of that name counts. */
	for (i = rec->nheaders; i > 0; i--)
		if (strcmp(rec->headers[i - 1].name, cfg->drop_header) == 0)
			list = &rec->headers[i - 1].value;
	if (list == NULL || list->kind != LEAT_ARRAY || list->len == 0)
		return 0;
	if (drop_from(t, list, &rec->value_schema, &rec->value, arena, err) <
	    0)
		return LEAT_E_DATA;
	if (!cfg->drop_from_key)
		return 0;
	return drop_from(t, list, &rec->key_schema, &rec->key, arena, err);
}
