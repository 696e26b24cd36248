/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.c: see edit.h.
 */
#include "core/record/transforms/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
require_struct(const struct leat_schema *s, const struct leat_value *v,
    const char *purpose, struct leat_err *err)
{
	if (v->kind == LEAT_STRUCT && s != NULL && s->kind == LEAT_STRUCT &&
	    s->nfields == v->len)
		return 0;
	return record_error(err,
	    "Only Struct objects supported for [%s], found: %s", purpose,
	    leat_kind_name(v->kind));
}

int
require_map(const struct leat_value *v, const char *purpose,
    struct leat_err *err)
{
	if (v->kind == LEAT_MAP)
		return 0;
	return record_error(err, "Only Map objects supported in absence of "
	    "schema for [%s], found: %s", purpose, leat_kind_name(v->kind));
}

/* --------------------------------------------------------- derived schemas */

struct derived *
derived_add(struct derived_cache *c, const struct derived *d,
    const int32_t *from, struct leat_err *err)
{
	struct derived *copy = malloc(sizeof(*copy) + d->n * sizeof(*from));

	if (copy == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	*copy = (struct derived){ d->in, d->out, d->n };
	if (d->n > 0)
		memcpy(copy->from, from, d->n * sizeof(*from));
	if (plans_put(&c->plans, d->in, copy) < 0) {
		free(copy);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	return c->last = copy;
}

void
derived_fini(struct derived_cache *c)
{
	plans_fini(&c->plans);
	c->last = NULL;
}

int
draft_init(struct draft *d, const struct leat_schema *like, uint32_t cap,
    struct leat_err *err)
{
	memset(d, 0, sizeof(*d));
	d->schema.kind = LEAT_STRUCT;
	if (like != NULL) {
		d->schema.name = like->name;
		d->schema.version = like->version;
		d->schema.doc = like->doc;
		d->schema.params = like->params;
		d->schema.nparams = like->nparams;
	}
	leat_arena_init(&d->work, 4096, 0);
	d->fields = leat_arena_calloc(&d->work, cap, sizeof(*d->fields));
	d->from = leat_arena_calloc(&d->work, cap, sizeof(*d->from));
	d->cap = cap;
	if (d->fields != NULL && d->from != NULL)
		return 0;
	leat_arena_fini(&d->work);
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

void
draft_fini(struct draft *d)
{
	leat_arena_fini(&d->work);
}

int
draft_add(struct draft *d, const char *name,
    const struct leat_schema *schema, int32_t from, struct leat_err *err)
{
	uint32_t i;

	if (schema == NULL)
		return -1;	/* interning has said why */
	for (i = 0; i < d->n; i++)
		if (strcmp(d->fields[i].name, name) == 0)
			return record_error(err, "Cannot create field because "
			    "of field name duplication %s", name);
	if (d->n == d->cap)
		return record_error(err, "too many fields");
	d->fields[d->n].name = name;
	d->fields[d->n].schema = schema;
	d->from[d->n++] = from;
	return 0;
}

const struct leat_schema *
draft_schema(struct draft *d, struct transform *t, struct leat_err *err)
{
	d->schema.fields = d->fields;
	d->schema.nfields = d->n;
	return leat_schema_pool_intern(t->pool, &d->schema, err);
}

struct derived *
draft_finish(struct draft *d, struct transform *t, struct derived_cache *c,
    const struct leat_schema *in, struct leat_err *err)
{
	struct derived head = { .in = in, .n = d->n };
	struct derived *filed = NULL;

	head.out = draft_schema(d, t, err);
	if (head.out != NULL)
		filed = derived_add(c, &head, d->from, err);
	draft_fini(d);
	return filed;
}

const struct leat_schema *
schema_with(struct transform *t, const struct leat_schema *s, bool optional,
    struct leat_err *err)
{
	struct leat_schema copy = *s;

	copy.interned = 0;
	copy.optional = optional;
	copy.has_default = 0;
	copy.def = leat_null();
	return leat_schema_pool_intern(t->pool, &copy, err);
}

const struct leat_schema *
schema_plain(struct transform *t, int kind, bool optional,
    struct leat_err *err)
{
	return leat_schema_pool_intern(t->pool,
	    leat_schema_plain(kind, optional), err);
}

const struct leat_schema *
schema_named(struct transform *t, int kind, const char *name, bool optional,
    struct leat_err *err)
{
	const struct leat_schema s = { .kind = (uint8_t)kind, .name = name,
		.version = 1, .optional = optional };

	return leat_schema_pool_intern(t->pool, &s, err);
}

/* -------------------------------------------------------------------- maps */

int
map_edit_init(struct map_edit *m, struct leat_arena *arena,
    const struct leat_value *from, uint32_t extra, struct leat_err *err)
{
	const size_t n = from != NULL ? from->len : 0;

	m->items = leat_arena_alloc(arena, (n + extra) * 2 *
	    sizeof(*m->items));
	if (m->items == NULL)
		return record_no_memory(arena, err);
	if (n > 0)
		memcpy(m->items, from->u.items, n * 2 * sizeof(*m->items));
	m->n = (uint32_t)n;
	return 0;
}

int64_t
map_find(const struct leat_value *items, uint32_t npairs,
    struct leat_str key)
{
	size_t i;

	/* From the end: of two members with one name the last counts. */
	for (i = npairs; i > 0; i--) {
		const struct leat_value *k = &items[2 * i - 2];

		if (k->kind == LEAT_STRING && k->len == key.len &&
		    memcmp(k->u.s, key.ptr, key.len) == 0)
			return (int64_t)(2 * i - 1);
	}
	return -1;
}

void
map_edit_put(struct map_edit *m, struct leat_str key, struct leat_value v)
{
	const int64_t at = map_find(m->items, m->n, key);

	if (at >= 0) {
		m->items[at] = v;
		return;
	}
	m->items[(size_t)m->n * 2] = leat_string(key.ptr, key.len);
	m->items[(size_t)m->n * 2 + 1] = v;
	m->n++;
}

/* ----------------------------------------------------------------- headers */

int
header_add(struct leat_record *rec, struct leat_arena *arena,
    const struct leat_header *h, struct leat_err *err)
{
	struct leat_header *more;

	more = leat_arena_alloc(arena, ((size_t)rec->nheaders + 1) *
	    sizeof(*more));
	if (more == NULL)
		return record_no_memory(arena, err);
	if (rec->nheaders > 0)
		memcpy(more, rec->headers, rec->nheaders * sizeof(*more));
	more[rec->nheaders] = *h;
	rec->headers = more;
	rec->nheaders++;
	return 0;
}

bool
list_has(const struct leat_list *list, struct leat_str name)
{
	uint32_t i;

	for (i = 0; i < list->len; i++)
		if (leat_str_eq_c(name, list->items[i]))
			return true;
	return false;
}
