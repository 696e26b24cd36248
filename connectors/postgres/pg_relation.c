/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_relation.c: the cache of plans; see pg_schema.c for what a plan's schemas
 * look like and pg_row.c for its use.
 */
#include "pg_relation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg_schema.h"

enum {
	RELATION_CHUNK = 2 * 1024,	/* small: there may be thousands */
	RELATION_MAX = 16 * 1024 * 1024
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static struct pg_relation *
relation_new(void)
{
	struct pg_relation *rel = calloc(1, sizeof(*rel));

	if (rel != NULL)
		leat_arena_init(&rel->arena, RELATION_CHUNK, RELATION_MAX);
	return rel;
}

static void
relation_free(struct pg_relation *rel)
{
	if (rel == NULL)
		return;
	leat_arena_fini(&rel->arena);
	free(rel);
}

void
pg_relcache_init(struct pg_relcache *rc)
{
	leat_map_init(&rc->map);
	rc->last = rc->dead = NULL;
}

void
pg_relcache_sweep(struct pg_relcache *rc)
{
	while (rc->dead != NULL) {
		struct pg_relation *next = rc->dead->next_dead;

		relation_free(rc->dead);
		rc->dead = next;
	}
}

void
pg_relcache_clear(struct pg_relcache *rc)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&rc->map, &it)) != NULL)
		relation_free(e->value);
	leat_map_fini(&rc->map);
	leat_map_init(&rc->map);
	rc->last = NULL;
}

void
pg_relcache_fini(struct pg_relcache *rc)
{
	pg_relcache_clear(rc);
	pg_relcache_sweep(rc);
	leat_map_fini(&rc->map);
}

static struct leat_str
oid_key(const uint32_t *oid)
{
	return (struct leat_str){ (const char *)oid, sizeof(*oid) };
}

struct pg_relation *
pg_relcache_find(struct pg_relcache *rc, uint32_t oid)
{
	if (rc->last == NULL || rc->last->oid != oid)
		rc->last = leat_map_get(&rc->map, oid_key(&oid));
	return rc->last;
}

/* Takes the plan into the cache; the one before it dies with the next batch. */
static int
keep(struct pg_relcache *rc, struct pg_relation *rel, struct leat_err *err)
{
	void *old = NULL;

	if (leat_map_set(&rc->map, oid_key(&rel->oid), rel, &old) < 0)
		return no_memory(err);
	if (old != NULL) {
		struct pg_relation *dead = old;

		dead->next_dead = rc->dead;
		rc->dead = dead;
	}
	rc->last = rel;
	return 0;
}

/* ------------------------------------------------------------ making plans */

static const struct pg_colinfo *
find_info(const struct pg_tableinfo *t, const char *name)
{
	for (uint32_t i = 0; i < t->ncols; i++)
		if (strcmp(t->cols[i].name, name) == 0)
			return &t->cols[i];
	return NULL;
}

/* A copy in the plan's memory: the catalog's answer may go before it. */
static int
own(struct pg_relation *rel, const char *text, const char **ret)
{
	*ret = text == NULL ? NULL : leat_arena_strdup(&rel->arena, text);
	return text != NULL && *ret == NULL ? -ENOMEM : 0;
}

static int
fill_columns(struct pg_relation *rel, const struct pgo_relation *msg,
    const struct pg_tableinfo *t)
{
	rel->ncols = msg->ncols;
	rel->cols = leat_arena_calloc(&rel->arena, msg->ncols,
	    sizeof(*rel->cols));
	if (rel->cols == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < msg->ncols; i++) {
		const struct pgo_relcol *from = &msg->cols[i];
		struct pg_col *col = &rel->cols[i];
		const struct pg_colinfo *info;

		col->name = leat_arena_strndup(&rel->arena, from->name.ptr,
		    from->name.len);
		if (col->name == NULL)
			return -ENOMEM;
		col->type_oid = from->type_oid;
		col->typmod = from->typmod;
		col->in_identity = from->in_identity;
		info = find_info(t, col->name);
		if (info == NULL)
			continue;
		col->not_null = info->not_null;
		col->key_pos = info->key_pos;
		if (own(rel, info->comment, &col->comment) < 0)
			return -ENOMEM;
		/* A default of another type belongs to another column. */
		if (info->type_oid != col->type_oid)
			continue;
		col->ndims = info->ndims;
		if (own(rel, info->def, &col->def_expr) < 0 ||
		    own(rel, info->type_name, &col->type_name) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A partition is captured too when the include list has its root. */
static int
is_captured(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_err *err)
{
	const char *root = NULL;
	int rc2;

	if (pg_filters_table(rc->filters, rel->schema, rel->name, NULL, NULL))
		return 1;
	if (rc->filters->table_include.len == 0)
		return 0;
	rc2 = pg_catalog_root(rc->conn, rel->oid, &rel->arena, &root, err);
	if (rc2 < 0)
		return rc2;
	return root != NULL && pg_filters_table(rc->filters, rel->schema,
	    rel->name, root, NULL);
}

/* `known`: what the catalog says, where that was just asked; else NULL. */
static int
build(struct pg_relcache *rc, const struct pgo_relation *msg,
    const struct pg_tableinfo *known, struct pg_relation *rel,
    struct leat_err *err)
{
	struct pg_tableinfo t = { 0 };
	int rc2 = 0;

	rel->oid = msg->oid;
	rel->identity = msg->identity;
	rel->schema = leat_arena_strndup(&rel->arena, msg->schema.ptr,
	    msg->schema.len);
	rel->name = leat_arena_strndup(&rel->arena, msg->name.ptr,
	    msg->name.len);
	if (rel->schema == NULL || rel->name == NULL)
		return no_memory(err);
	rc2 = is_captured(rc, rel, err);
	if (rc2 <= 0)
		return rc2;
	rel->captured = 1;
	if (rc->tallies != NULL)
		rel->tally = pg_tallies_of(rc->tallies, rel->schema,
		    rel->name);
	rel->topic = pg_topic_name(&rel->arena, rc->prefix,
	    rc->cfg->topic_delimiter, rel->schema, rel->name);
	if (rel->topic == NULL)
		return no_memory(err);
	if (known != NULL)
		t = *known;
	else
		rc2 = pg_catalog_table(rc->conn, rel->oid, NULL, &rel->arena,
		    &t, err);
	if (rc2 < 0)
		return rc2;
	if (fill_columns(rel, msg, &t) < 0)
		return no_memory(err);
	return pg_schema_build(rc, rel, err);
}

static int
put(struct pg_relcache *rc, const struct pgo_relation *msg,
    const struct pg_tableinfo *known, struct pg_relation **ret_rel,
    struct leat_err *err)
{
	struct pg_relation *rel = relation_new();
	int rc2;

	if (rel == NULL)
		return no_memory(err);
	rc2 = build(rc, msg, known, rel, err);
	if (rc2 == 0)
		rc2 = keep(rc, rel, err);
	if (rc2 < 0) {
		leat_err_wrap(err, "table %.*s.%.*s", (int)msg->schema.len,
		    msg->schema.ptr, (int)msg->name.len, msg->name.ptr);
		relation_free(rel);
		return rc2;
	}
	*ret_rel = rel;
	return 0;
}

int
pg_relcache_put(struct pg_relcache *rc, const struct pgo_relation *msg,
    struct pg_relation **ret_rel, struct leat_err *err)
{
	return put(rc, msg, NULL, ret_rel, err);
}

/* A Relation message as the server would write it, from what was found out. */
static int
put_columns(struct pg_relcache *rc, const struct pg_table *table,
    const struct pg_tableinfo *t, struct pgo_relcol *cols,
    struct pg_relation **ret_rel, struct leat_err *err)
{
	struct pgo_relation msg = { .oid = table->oid, .identity = t->identity,
		.schema = leat_str_c(table->schema),
		.name = leat_str_c(table->name), .ncols = t->ncols,
		.cols = cols };

	for (uint32_t i = 0; i < t->ncols; i++) {
		cols[i].name = leat_str_c(t->cols[i].name);
		cols[i].type_oid = t->cols[i].type_oid;
		cols[i].typmod = t->cols[i].typmod;
		cols[i].in_identity = t->cols[i].in_identity;
	}
	return put(rc, &msg, t, ret_rel, err);
}

int
pg_relcache_load(struct pg_relcache *rc, const struct pg_table *table,
    struct pg_relation **ret_rel, struct leat_err *err)
{
	struct leat_arena a;
	struct pg_tableinfo t = { 0 };
	struct pgo_relcol *cols;
	int rc2;

	leat_arena_init(&a, RELATION_CHUNK, RELATION_MAX);
	rc2 = pg_catalog_table(rc->conn, table->oid, rc->publication, &a, &t,
	    err);
	if (rc2 == 0) {
		cols = leat_arena_calloc(&a, t.ncols, sizeof(*cols));
		rc2 = cols == NULL ? no_memory(err) :
		    put_columns(rc, table, &t, cols, ret_rel, err);
	}
	leat_arena_fini(&a);
	return rc2;
}

int
pg_relcache_refresh(struct pg_relcache *rc, struct pg_relation **rel,
    struct leat_err *err)
{
	const struct pg_relation *r = *rel;
	struct pgo_relcol *cols = calloc(r->ncols, sizeof(*cols));
	struct pgo_relation msg = { .oid = r->oid, .identity = r->identity,
		.schema = leat_str_c(r->schema), .name = leat_str_c(r->name),
		.ncols = r->ncols, .cols = cols };
	int rc2;

	if (cols == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < r->ncols; i++) {
		cols[i].name = leat_str_c(r->cols[i].name);
		cols[i].type_oid = r->cols[i].type_oid;
		cols[i].typmod = r->cols[i].typmod;
		cols[i].in_identity = r->cols[i].in_identity;
	}
	rc2 = pg_relcache_put(rc, &msg, rel, err);
	free(cols);
	return rc2;
}
