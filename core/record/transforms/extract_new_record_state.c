/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extract_new_record_state.c: Debezium's ExtractNewRecordState: of a change
 * event the new row alone, with what of the envelope is wished for.
 *
 * Unlike Debezium's it also takes envelopes without a schema (maps), which is
 * what a sink reads from plain JSON.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/envelope.h"
#include "core/record/transforms/unwrap.h"

enum mode {
	MODE_DROP,
	MODE_TOMBSTONE,
	MODE_REWRITE,
	MODE_REWRITE_WITH_TOMBSTONE,
	MODE_DELETE_TO_TOMBSTONE
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "delete.tombstone.handling.mode", NULL, LEAT_OPT_CHOICE, 0,
	  "tombstone", 0, 0, "drop,tombstone,rewrite,rewrite-with-tombstone,"
	  "delete-to-tombstone", offsetof(struct unwrap_config, mode),
	  "What becomes of deletes and of the tombstones behind them.",
	  "0.1" },
	{ "drop.tombstones", NULL, LEAT_OPT_STRING, LEAT_OPT_DEPRECATED,
	  NULL, 0, 0, NULL, offsetof(struct unwrap_config, old_drop_tombstones),
	  "Before delete.tombstone.handling.mode: true (default) or false.",
	  "0.1" },
	{ "delete.handling.mode", NULL, LEAT_OPT_STRING, LEAT_OPT_DEPRECATED,
	  NULL, 0, 0, NULL, offsetof(struct unwrap_config, old_delete_mode),
	  "Before delete.tombstone.handling.mode: drop (default), none or "
	  "rewrite.", "0.1" },
	{ "add.fields", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct unwrap_config, add_fields),
	  "Fields of the envelope to add: op, source.ts_ms, lsn:newname.",
	  "0.1" },
	{ "add.fields.prefix", NULL, LEAT_OPT_STRING, 0, "__", 0, 0, NULL,
	  offsetof(struct unwrap_config, add_fields_prefix),
	  "Stands before the names of added fields.", "0.1" },
	{ "add.headers", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct unwrap_config, add_headers),
	  "Fields of the envelope to add as headers.", "0.1" },
	{ "add.headers.prefix", NULL, LEAT_OPT_STRING, 0, "__", 0, 0, NULL,
	  offsetof(struct unwrap_config, add_headers_prefix),
	  "Stands before the names of added headers.", "0.1" },
	{ "route.by.field", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct unwrap_config, route_by_field),
	  "The column that holds the topic.", "0.1" },
	{ "drop.fields.header.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0,
	  NULL, offsetof(struct unwrap_config, drop_header),
	  "The header that lists columns to drop.", "0.1" },
	{ "drop.fields.from.key", NULL, LEAT_OPT_BOOL, 0, "false", 0, 0, NULL,
	  offsetof(struct unwrap_config, drop_from_key),
	  "Drop them from the key too.", "0.1" },
	{ "drop.fields.keep.schema.compatible", NULL, LEAT_OPT_BOOL, 0,
	  "true", 0, 0, NULL,
	  offsetof(struct unwrap_config, drop_keep_compatible),
	  "Drop optional columns only.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct unwrap_config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* The two options that delete.tombstone.handling.mode replaced. */
static int
old_modes(const struct unwrap_config *cfg, struct unwrap *self,
    struct leat_err *err)
{
	const char *mode = cfg->old_delete_mode;
	bool drop = true;

	if (cfg->old_drop_tombstones != NULL &&
	    leat_parse_bool(leat_str_c(cfg->old_drop_tombstones), &drop) < 0)
		return config_error(err, "drop.tombstones: expected true or "
		    "false");
	if (mode != NULL && strcmp(mode, "drop") != 0 &&
	    strcmp(mode, "none") != 0 && strcmp(mode, "rewrite") != 0)
		return config_error(err, "delete.handling.mode: expected "
		    "drop, none or rewrite");
	self->drop_deletes = mode == NULL || strcmp(mode, "drop") == 0;
	self->rewrite = mode != NULL && strcmp(mode, "rewrite") == 0;
	self->keep_tombstones = !drop;
	return 0;
}

static int
unwrap_init(struct transform *t, struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	struct unwrap *self = t->self;

	self->drop_deletes = cfg->mode == MODE_DROP;
	self->rewrite = cfg->mode == MODE_REWRITE ||
	    cfg->mode == MODE_REWRITE_WITH_TOMBSTONE;
	self->keep_tombstones = cfg->mode == MODE_REWRITE_WITH_TOMBSTONE;
	if ((cfg->old_drop_tombstones != NULL ||
		cfg->old_delete_mode != NULL) &&
	    old_modes(cfg, self, err) < 0)
		return LEAT_E_CONFIG;
	if (unwrap_refs_parse(t, "add.fields", &cfg->add_fields,
		cfg->add_fields_prefix, &self->fields, err) < 0)
		return LEAT_E_CONFIG;
	return unwrap_refs_parse(t, "add.headers", &cfg->add_headers,
	    cfg->add_headers_prefix, &self->headers, err);
}

/* ---------------------------------------------------------------- applying */

/* The topic that a column names; without text there it stays. */
static int
route(const struct unwrap_config *cfg, struct leat_record *rec,
    const struct leat_value *column, struct leat_arena *arena,
    struct leat_err *err)
{
	struct leat_str text;

	if (column != NULL && column->kind == LEAT_NULL)
		return 0;
	if (column == NULL || column->kind != LEAT_STRING)
		return record_error(err, "route.by.field: the row has no text "
		    "in '%s'",
		    cfg->route_by_field);
	text = leat_str_trim((struct leat_str){ column->u.s, column->len });
	if (text.len == 0)
		return 0;
	rec->topic = leat_arena_strndup(arena, column->u.s, column->len);
	return rec->topic == NULL ? record_no_memory(arena, err) : 0;
}

static int
add_header(struct leat_record *rec, struct leat_arena *arena,
    const char *name, const struct leat_schema *schema, struct leat_value v,
    struct leat_err *err)
{
	const struct leat_header h = { name, schema, v };

	return header_add(rec, arena, &h, err);
}

static void
set_null(struct leat_record *rec)
{
	rec->value = leat_null();
	rec->value_schema = NULL;
}

/* A tombstone that is kept says only that it deletes. */
static int
on_tombstone(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct unwrap *self = t->self;
	uint32_t i;
	int rc = 0;

	*keep = self->keep_tombstones;
	for (i = 0; *keep && rc == 0 && i < self->headers.n; i++)
		if (strcmp(self->headers.v[i].field, "op") == 0)
			rc = add_header(rec, arena, self->headers.v[i].name,
			    schema_plain(t, LEAT_STRING, false, err),
			    leat_cstring("d"), err);
	return rc;
}

/* A row with what is added. */
static int
extend_row(const struct transform *t, const struct unwrap_plan *p,
    const struct leat_value *envelope, const struct leat_value *row,
    bool deleted, struct leat_arena *arena, struct leat_value *ret,
    struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct unwrap *self = t->self;
	/* Debezium's rewriting replaces nulls, its adding does not. */
	const bool replace_null = self->rewrite && cfg->replace_null;
	const uint32_t n = p->out->nfields;
	struct leat_value *items;
	uint32_t i;

	items = leat_arena_alloc(arena, n * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < n; i++) {
		if (p->from[i] >= 0)
			items[i] = field_value(p->row, row,
			    (uint32_t)p->from[i], replace_null);
		else if (p->from[i] == UNWRAP_DELETED)
			items[i] = leat_cstring(deleted ? "true" : "false");
		else
			items[i] = unwrap_ref_value(envelope,
			    p->fields[UNWRAP_ADDED - p->from[i]]);
	}
	*ret = leat_items(LEAT_STRUCT, items, n);
	return 0;
}

static int
add_headers(struct transform *t, const struct unwrap_plan *p,
    const struct leat_value *envelope, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct unwrap *self = t->self;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < self->headers.n; i++)
		if (p->header_schemas[i] != NULL)
			rc = add_header(rec, arena, self->headers.v[i].name,
			    p->header_schemas[i],
			    unwrap_ref_value(envelope, p->headers[i]), err);
	return rc;
}

/* The value that a change leaves: a row or nothing. */
static int
set_row(struct transform *t, const struct unwrap_plan *p,
    const struct leat_value *envelope, const struct leat_value *row,
    bool deleted, struct leat_record *rec, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct unwrap *self = t->self;
	int rc = 0;

	if (row->kind != LEAT_STRUCT || (deleted && !self->rewrite)) {
		set_null(rec);
	} else {
		rec->value_schema = p->out;
		rec->value = *row;
		if (self->rewrite || self->fields.n > 0)
			rc = extend_row(t, p, envelope, row, deleted, arena,
			    &rec->value, err);
	}
	if (rc == 0 && cfg->drop_header != NULL)
		rc = unwrap_drop(t, rec, arena, err);
	return rc;
}

static int
on_struct(struct transform *t, const struct unwrap_plan *p,
    struct leat_record *rec, struct leat_arena *arena, bool *keep,
    struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct unwrap *self = t->self;
	const struct leat_value envelope = rec->value;
	const struct leat_value *row = &envelope.u.items[p->after];
	const bool deleted = row->kind == LEAT_NULL;
	int rc;

	if (envelope_op_is(&envelope.u.items[p->op], 't') ||
	    (deleted && self->drop_deletes)) {
		*keep = false;
		return 0;
	}
	if (deleted && p->before >= 0)
		row = &envelope.u.items[p->before];
	if (row->kind == LEAT_STRUCT && row->len != p->row->nfields)
		return record_error(err, "a row of %u columns where the "
		    "schema has %u",
		    row->len, p->row->nfields);
	rc = add_headers(t, p, &envelope, rec, arena, err);
	if (rc == 0 && cfg->route_by_field != NULL)
		rc = route(cfg, rec, p->route < 0 || row->kind != LEAT_STRUCT
		    ? NULL : &row->u.items[p->route], arena, err);
	return rc < 0 ? rc : set_row(t, p, &envelope, row, deleted, rec, arena,
	    err);
}

/* A map's row with what is added, which comes without a schema too. */
static int
set_map_row(const struct unwrap *self, const struct leat_value *envelope,
    const struct leat_value *row, bool deleted, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	struct leat_value v;
	struct map_edit m;
	uint32_t i;
	int rc;

	rc = map_edit_init(&m, arena, row, self->fields.n + 1, err);
	if (rc < 0)
		return rc;
	if (self->rewrite)
		map_edit_put_c(&m, "__deleted",
		    leat_cstring(deleted ? "true" : "false"));
	for (i = 0; i < self->fields.n; i++)
		if (unwrap_ref_map_value(envelope, &self->fields.v[i], &v))
			map_edit_put_c(&m, self->fields.v[i].name, v);
	rec->value = map_edit_value(&m);
	return 0;
}

static int
add_map_headers(const struct unwrap *self, const struct leat_value *envelope,
    struct leat_record *rec, struct leat_arena *arena, struct leat_err *err)
{
	struct leat_value v;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < self->headers.n; i++)
		if (unwrap_ref_map_value(envelope, &self->headers.v[i], &v))
			rc = add_header(rec, arena, self->headers.v[i].name,
			    NULL, v, err);
	return rc;
}

static int
on_map(struct transform *t, struct leat_record *rec, struct leat_arena *arena,
    bool *keep, struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct unwrap *self = t->self;
	const struct leat_value envelope = rec->value;
	const struct leat_value *row = leat_map_value(&envelope, "after");
	const bool deleted = row == NULL || row->kind != LEAT_MAP;
	int rc;

	if (envelope_op_is(leat_map_value(&envelope, "op"), 't') ||
	    (deleted && self->drop_deletes)) {
		*keep = false;
		return 0;
	}
	if (deleted)
		row = leat_map_value(&envelope, "before");
	rc = add_map_headers(self, &envelope, rec, arena, err);
	if (rc == 0 && cfg->route_by_field != NULL)
		rc = route(cfg, rec, row == NULL ? NULL : leat_map_value(row,
		    cfg->route_by_field), arena, err);
	if (rc < 0)
		return rc;
	if (row == NULL || row->kind != LEAT_MAP ||
	    (deleted && !self->rewrite))
		set_null(rec);
	else
		rc = set_map_row(self, &envelope, row, deleted, rec, arena,
		    err);
	if (rc == 0 && cfg->drop_header != NULL)
		rc = unwrap_drop(t, rec, arena, err);
	return rc;
}

static int
unwrap_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct unwrap *self = t->self;

	if (rec->value.kind == LEAT_NULL)
		return on_tombstone(t, rec, arena, keep, err);
	if (rec->value_schema == NULL)
		return envelope_is_map(&rec->value)
		    ? on_map(t, rec, arena, keep, err)
		    : 0;
	if (rec->value_schema != self->last) {
		self->last = NULL;
		self->last_plan = NULL;
		if (envelope_is(rec->value_schema)) {
			self->last_plan = unwrap_plan_get(t,
			    rec->value_schema, err);
			if (self->last_plan == NULL)
				return LEAT_E_DATA;
		}
		self->last = rec->value_schema;
	}
	if (self->last_plan == NULL)
		return 0;
	if (require_struct(rec->value_schema, &rec->value,
		"extracting the new record state", err) < 0)
		return LEAT_E_DATA;
	return on_struct(t, self->last_plan, rec, arena, keep, err);
}

static void
unwrap_fini(struct transform *t)
{
	struct unwrap *self = t->self;

	plans_fini(&self->plans);
}

const struct transform_class transform_extract_new_record_state = {
	.name = "io.debezium.transforms.ExtractNewRecordState",
	.on_null = NULL_HANDLED,
	.options = options,
	.config_size = sizeof(struct unwrap_config),
	.self_size = sizeof(struct unwrap),
	.init = unwrap_init,
	.apply = unwrap_apply,
	.fini = unwrap_fini,
};
