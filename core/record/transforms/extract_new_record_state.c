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
#include "core/record/transforms/edit.h"
#include "core/record/transforms/unwrap_refs.h"

struct config {
	struct leat_list add_fields;
	struct leat_list add_headers;
	const char *add_fields_prefix;
	const char *add_headers_prefix;
	const char *route_by_field;
	const char *drop_header;
	const char *old_drop_tombstones;
	const char *old_delete_mode;
	int32_t mode;
	int32_t drop_from_key;
	int32_t drop_keep_compatible;
	int32_t replace_null;
};

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
	  "delete-to-tombstone", offsetof(struct config, mode),
	  "What becomes of deletes and of the tombstones behind them.",
	  "0.1" },
	{ "drop.tombstones", NULL, LEAT_OPT_STRING, LEAT_OPT_DEPRECATED,
	  NULL, 0, 0, NULL, offsetof(struct config, old_drop_tombstones),
	  "Before delete.tombstone.handling.mode: true (default) or false.",
	  "0.1" },
	{ "delete.handling.mode", NULL, LEAT_OPT_STRING, LEAT_OPT_DEPRECATED,
	  NULL, 0, 0, NULL, offsetof(struct config, old_delete_mode),
	  "Before delete.tombstone.handling.mode: drop (default), none or "
	  "rewrite.", "0.1" },
	{ "add.fields", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, add_fields),
	  "Fields of the envelope to add: op, source.ts_ms, lsn:newname.",
	  "0.1" },
	{ "add.fields.prefix", NULL, LEAT_OPT_STRING, 0, "__", 0, 0, NULL,
	  offsetof(struct config, add_fields_prefix),
	  "Stands before the names of added fields.", "0.1" },
	{ "add.headers", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, add_headers),
	  "Fields of the envelope to add as headers.", "0.1" },
	{ "add.headers.prefix", NULL, LEAT_OPT_STRING, 0, "__", 0, 0, NULL,
	  offsetof(struct config, add_headers_prefix),
	  "Stands before the names of added headers.", "0.1" },
	{ "route.by.field", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, route_by_field),
	  "The column that holds the topic.", "0.1" },
	{ "drop.fields.header.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0,
	  NULL, offsetof(struct config, drop_header),
	  "The header that lists columns to drop.", "0.1" },
	{ "drop.fields.from.key", NULL, LEAT_OPT_BOOL, 0, "false", 0, 0, NULL,
	  offsetof(struct config, drop_from_key),
	  "Drop them from the key too.", "0.1" },
	{ "drop.fields.keep.schema.compatible", NULL, LEAT_OPT_BOOL, 0,
	  "true", 0, 0, NULL, offsetof(struct config, drop_keep_compatible),
	  "Drop optional columns only.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/*
 * What is known of an envelope's schema. In `places` come the references of
 * add.fields, then those of add.headers. Slots are reused in the same order as
 * those of `rows`, so that `out` lives as long as its slot.
 */
enum { DELETED = -1, ADDED = -2 };

struct known {
	const struct leat_schema *in;
	const struct leat_schema *row;	/* of `before` and `after` */
	struct derived *out;	/* from: column, DELETED, or ADDED - i */
	int32_t before, after, op;
	struct unwrap_place *places;
	const struct leat_schema **header_schemas;
};

enum { KNOWN = DERIVED_SLOTS };

struct unwrap {
	struct unwrap_refs fields;
	struct unwrap_refs headers;
	struct derived_cache rows;
	struct known known[KNOWN];
	uint32_t next;
	uint32_t last;
	bool drop_deletes;
	bool rewrite;		/* else a delete becomes a tombstone */
	bool keep_tombstones;
};

/* The two options that delete.tombstone.handling.mode replaced. */
static int
old_modes(const struct config *cfg, struct unwrap *self, struct leat_err *err)
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
	const struct config *cfg = t->config;
	struct unwrap *self = t->self;
	const uint32_t n = cfg->add_fields.len + cfg->add_headers.len;
	size_t i;

	self->drop_deletes = cfg->mode == MODE_DROP;
	self->rewrite = cfg->mode == MODE_REWRITE ||
	    cfg->mode == MODE_REWRITE_WITH_TOMBSTONE;
	self->keep_tombstones = cfg->mode == MODE_REWRITE_WITH_TOMBSTONE;
	if ((cfg->old_drop_tombstones != NULL ||
	    cfg->old_delete_mode != NULL) && old_modes(cfg, self, err) < 0)
		return LEAT_E_CONFIG;
	for (i = 0; i < KNOWN; i++) {
		struct known *k = &self->known[i];

		k->places = leat_arena_calloc(&t->arena, n,
		    sizeof(*k->places));
		k->header_schemas = leat_arena_calloc(&t->arena, n,
		    sizeof(*k->header_schemas));
		if (k->places == NULL || k->header_schemas == NULL)
			return record_no_memory(&t->arena, err);
	}
	if (unwrap_refs_parse(t, &cfg->add_fields, cfg->add_fields_prefix,
		&self->fields, err) < 0)
		return LEAT_E_CONFIG;
	return unwrap_refs_parse(t, &cfg->add_headers,
	    cfg->add_headers_prefix, &self->headers, err);
}

/* ---------------------------------------------------- envelopes and schemas */

static bool
is_envelope(const struct leat_schema *s)
{
	const size_t len = s->name != NULL ? strlen(s->name) : 0;

	return s->kind == LEAT_STRUCT && len >= 8 &&
	    strcmp(s->name + len - 8, "Envelope") == 0 &&
	    leat_schema_field(s, "op") >= 0 &&
	    leat_schema_field(s, "after") >= 0;
}

/* The row's columns, then __deleted, then what is added. */
static struct derived *
derive_row(struct transform *t, struct known *k, struct leat_err *err)
{
	struct unwrap *self = t->self;
	const struct leat_schema *row = k->row, *s;
	struct draft d;
	uint32_t i;
	int rc = 0;

	if (draft_init(&d, row, row->nfields + self->fields.n + 1, err) < 0)
		return NULL;
	for (i = 0; rc == 0 && i < row->nfields; i++)
		rc = draft_add(&d, row->fields[i].name, row->fields[i].schema,
		    (int32_t)i, err);
	if (rc == 0 && self->rewrite)
		rc = draft_add(&d, "__deleted", schema_plain(t, LEAT_STRING,
			true, err), DELETED, err);
	for (i = 0; rc == 0 && i < self->fields.n; i++) {
		rc = unwrap_ref_find(t, &self->fields.v[i], k->in,
		    &k->places[i], &s, err);
		if (rc == 0)
			rc = draft_add(&d, self->fields.v[i].name, s,
			    ADDED - (int32_t)i, err);
	}
	if (rc == 0)
		return draft_finish(&d, t, &self->rows, k->in, err);
	draft_fini(&d);
	return NULL;
}

static int
learn(struct transform *t, const struct leat_schema *in, struct known *k,
    struct leat_err *err)
{
	struct unwrap *self = t->self;
	uint32_t i;

	k->in = NULL;
	k->before = leat_schema_field(in, "before");
	k->after = leat_schema_field(in, "after");
	k->op = leat_schema_field(in, "op");
	k->row = in->fields[k->after].schema;
	if (k->row->kind != LEAT_STRUCT || (k->before >= 0 &&
	    in->fields[k->before].schema != k->row))
		return record_error(err, "before and after of '%s' are not "
		    "rows of one schema", in->name);
	for (i = 0; i < self->headers.n; i++)
		if (unwrap_ref_find(t, &self->headers.v[i], in,
			&k->places[self->fields.n + i], &k->header_schemas[i],
			err) < 0)
			return LEAT_E_DATA;
	k->in = in;
	k->out = NULL;
	if (self->rewrite || self->fields.n > 0)
		k->out = derive_row(t, k, err);
	if (k->out == NULL && (self->rewrite || self->fields.n > 0)) {
		k->in = NULL;
		return LEAT_E_DATA;
	}
	return 0;
}

/* What is known of the schema; *ret is NULL if it is no envelope. */
static int
look_up(struct transform *t, const struct leat_schema *in,
    struct known **ret, struct leat_err *err)
{
	struct unwrap *self = t->self;
	uint32_t i;

	*ret = &self->known[self->last];
	if ((*ret)->in == in)
		return 0;
	for (i = 0; i < KNOWN; i++)
		if (self->known[i].in == in) {
			self->last = i;
			*ret = &self->known[i];
			return 0;
		}
	*ret = NULL;
	if (!is_envelope(in))
		return 0;
	i = self->next;
	if (learn(t, in, &self->known[i], err) < 0)
		return LEAT_E_DATA;
	self->last = i;
	self->next = (i + 1) % KNOWN;
	*ret = &self->known[i];
	return 0;
}

/* ----------------------------------------------------------------- dropping */

/* Is the column in the list that a header holds? */
static bool
is_listed(const struct leat_value *list, const char *name)
{
	const size_t len = strlen(name);
	uint32_t i;

	for (i = 0; i < list->len; i++)
		if (list->u.items[i].kind == LEAT_STRING &&
		    list->u.items[i].len == len &&
		    memcmp(list->u.items[i].u.s, name, len) == 0)
			return true;
	return false;
}

/* The schema depends on the record, so it is interned anew each time. */
static int
drop_columns(struct transform *t, const struct leat_value *list,
    const struct leat_schema **schema, struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
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
		if (is_listed(list, in->fields[i].name) &&
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

static int
drop_listed(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct leat_value *list = NULL;
	uint32_t i;

	for (i = 0; i < rec->nheaders; i++)
		if (strcmp(rec->headers[i].name, cfg->drop_header) == 0)
			list = &rec->headers[i].value;
	if (list == NULL || list->kind != LEAT_ARRAY || list->len == 0)
		return 0;
	if (rec->value.kind == LEAT_STRUCT && drop_columns(t, list,
		&rec->value_schema, &rec->value, arena, err) < 0)
		return LEAT_E_DATA;
	if (cfg->drop_from_key && rec->key.kind == LEAT_STRUCT &&
	    rec->key_schema != NULL)
		return drop_columns(t, list, &rec->key_schema, &rec->key,
		    arena, err);
	return 0;
}

/* ----------------------------------------------------------------- applying */

static bool
is_op(const struct leat_value *op, char letter)
{
	return op != NULL && op->kind == LEAT_STRING && op->len == 1 &&
	    op->u.s[0] == letter;
}

/* The topic that a column names. */
static int
route(const struct config *cfg, struct leat_record *rec,
    const struct leat_value *column, struct leat_arena *arena,
    struct leat_err *err)
{
	if (column == NULL || column->kind != LEAT_STRING || column->len == 0)
		return record_error(err, "route.by.field: the row has no text "
		    "in '%s'", cfg->route_by_field);
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

	*keep = self->keep_tombstones;
	for (i = 0; *keep && i < self->headers.n; i++)
		if (strcmp(self->headers.v[i].field, "op") == 0)
			return add_header(rec, arena, self->headers.v[i].name,
			    schema_plain(t, LEAT_STRING, false, err),
			    leat_cstring("d"), err);
	return 0;
}

/* A row with what is added. */
static int
extend_row(const struct transform *t, const struct known *k,
    const struct leat_value *envelope, const struct leat_value *row,
    bool deleted, struct leat_arena *arena, struct leat_value *ret,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct derived *d = k->out;
	struct leat_value *items;
	uint32_t i;

	items = leat_arena_alloc(arena, d->n * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < d->n; i++) {
		if (d->from[i] >= 0)
			items[i] = field_value(k->row, row,
			    (uint32_t)d->from[i], cfg->replace_null);
		else if (d->from[i] == DELETED)
			items[i] = leat_cstring(deleted ? "true" : "false");
		else
			items[i] = unwrap_ref_value(envelope,
			    k->places[ADDED - d->from[i]]);
	}
	*ret = leat_items(LEAT_STRUCT, items, d->n);
	return 0;
}

static int
add_headers(struct transform *t, const struct known *k,
    const struct leat_value *envelope, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct unwrap *self = t->self;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < self->headers.n; i++)
		rc = add_header(rec, arena, self->headers.v[i].name,
		    k->header_schemas[i], unwrap_ref_value(envelope,
			k->places[self->fields.n + i]), err);
	return rc;
}

static int
on_struct(struct transform *t, const struct known *k,
    struct leat_record *rec, struct leat_arena *arena, bool *keep,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct unwrap *self = t->self;
	const struct leat_value envelope = rec->value;
	const struct leat_value *row = &envelope.u.items[k->after];
	const bool deleted = row->kind == LEAT_NULL;
	int32_t at;
	int rc;

	if (is_op(&envelope.u.items[k->op], 't') ||
	    (deleted && self->drop_deletes)) {
		*keep = false;
		return 0;
	}
	if (deleted && k->before >= 0)
		row = &envelope.u.items[k->before];
	if (row->kind == LEAT_STRUCT && row->len != k->row->nfields)
		return record_error(err, "a row of %u columns where the "
		    "schema has %u", row->len, k->row->nfields);
	rc = add_headers(t, k, &envelope, rec, arena, err);
	if (rc == 0 && cfg->route_by_field != NULL) {
		at = leat_schema_field(k->row, cfg->route_by_field);
		rc = route(cfg, rec, at < 0 || row->kind != LEAT_STRUCT ? NULL
		    : &row->u.items[at], arena, err);
	}
	if (rc < 0)
		return rc;
	if (row->kind != LEAT_STRUCT || (deleted && !self->rewrite)) {
		set_null(rec);
		return 0;
	}
	rec->value_schema = k->out != NULL ? k->out->out : k->row;
	rec->value = *row;
	if (k->out != NULL)
		rc = extend_row(t, k, &envelope, row, deleted, arena,
		    &rec->value, err);
	if (rc == 0 && cfg->drop_header != NULL)
		rc = drop_listed(t, rec, arena, err);
	return rc;
}

/* The same for a map; what is added comes without a schema too. */
static int
on_map(struct transform *t, struct leat_record *rec, struct leat_arena *arena,
    bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct unwrap *self = t->self;
	const struct leat_value envelope = rec->value;
	const struct leat_value *op = leat_map_value(&envelope, "op");
	const struct leat_value *row = leat_map_value(&envelope, "after");
	const bool deleted = row == NULL || row->kind != LEAT_MAP;
	struct map_edit m;
	uint32_t i;
	int rc = 0;

	if (is_op(op, 't') || (deleted && self->drop_deletes)) {
		*keep = false;
		return 0;
	}
	if (deleted)
		row = leat_map_value(&envelope, "before");
	for (i = 0; rc == 0 && i < self->headers.n; i++)
		rc = add_header(rec, arena, self->headers.v[i].name, NULL,
		    unwrap_ref_map_value(&envelope, &self->headers.v[i]),
		    err);
	if (rc == 0 && cfg->route_by_field != NULL)
		rc = route(cfg, rec, row == NULL ? NULL
		    : leat_map_value(row, cfg->route_by_field), arena, err);
	if (rc < 0)
		return rc;
	if (row == NULL || row->kind != LEAT_MAP ||
	    (deleted && !self->rewrite)) {
		set_null(rec);
		return 0;
	}
	rc = map_edit_init(&m, arena, row, self->fields.n + 1, err);
	if (rc < 0)
		return rc;
	if (self->rewrite)
		map_edit_put_c(&m, "__deleted",
		    leat_cstring(deleted ? "true" : "false"));
	for (i = 0; i < self->fields.n; i++)
		map_edit_put_c(&m, self->fields.v[i].name,
		    unwrap_ref_map_value(&envelope, &self->fields.v[i]));
	rec->value = map_edit_value(&m);
	return 0;
}

/* Does a map look like an envelope? */
static bool
is_map_envelope(const struct leat_value *v)
{
	const struct leat_value *op = leat_map_value(v, "op");

	return op != NULL && op->kind == LEAT_STRING && op->len == 1 &&
	    leat_map_value(v, "source") != NULL &&
	    (leat_map_value(v, "after") != NULL ||
	    leat_map_value(v, "before") != NULL);
}

static int
unwrap_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct known *k;
	int rc;

	if (rec->value.kind == LEAT_NULL)
		return on_tombstone(t, rec, arena, keep, err);
	if (rec->value_schema == NULL)
		return is_map_envelope(&rec->value)
		    ? on_map(t, rec, arena, keep, err) : 0;
	rc = look_up(t, rec->value_schema, &k, err);
	if (rc < 0 || k == NULL)
		return rc;
	if (require_struct(k->in, &rec->value,
		"extracting the new record state", err) < 0)
		return LEAT_E_DATA;
	return on_struct(t, k, rec, arena, keep, err);
}

static void
unwrap_fini(struct transform *t)
{
	struct unwrap *self = t->self;

	derived_fini(&self->rows);
}

const struct transform_class transform_extract_new_record_state = {
	.name = "io.debezium.transforms.ExtractNewRecordState",
	.on_null = NULL_HANDLED,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct unwrap),
	.init = unwrap_init,
	.apply = unwrap_apply,
	.fini = unwrap_fini,
};
