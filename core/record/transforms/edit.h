/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.h: what transforms have in common: reaching the key or the value,
 * deriving schemas once per input schema, and changing maps.
 */
#ifndef LEAT_RECORD_EDIT_H
#define LEAT_RECORD_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/record.h>
#include <leat/str.h>

#include "core/record/memory.h"
#include "core/record/transform.h"
#include "core/record/transforms/plans.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* ------------------------------------------------------------ key or value */

/* The part of a record that a transform works on. */
struct operand {
	const struct leat_schema **schema;
	struct leat_value *value;
};

static inline struct operand
operand_of(const struct transform *t, struct leat_record *rec)
{
	if (t->on_key)
		return (struct operand){ &rec->key_schema, &rec->key };
	return (struct operand){ &rec->value_schema, &rec->value };
}

/* 0, or "Only Struct objects supported for [purpose], found: int32". */
int require_struct(const struct leat_schema *s, const struct leat_value *v,
    const char *purpose, struct leat_err *err);
/* The same for a map without a schema. */
int require_map(const struct leat_value *v, const char *purpose,
    struct leat_err *err);

/* A field's value, or the default for a null where that is wished. */
static inline struct leat_value
field_value(const struct leat_schema *s, const struct leat_value *v,
    uint32_t i, bool replace_null)
{
	const struct leat_schema *f = s->fields[i].schema;

	if (replace_null && f->has_default && v->u.items[i].kind == LEAT_NULL)
		return f->def;
	return v->u.items[i];
}

/* An error of the record. */
#define record_error(err, ...) \
	leat_err_set((err), LEAT_CLS_RECORD, LEAT_E_DATA, __VA_ARGS__)
/* An error of the configuration, from init. */
#define config_error(err, ...) \
	leat_err_set((err), LEAT_CLS_CONFIG, LEAT_E_CONFIG, __VA_ARGS__)

/* --------------------------------------------------------- derived schemas */

/* What a transform keeps for an input schema. */
struct derived {
	const struct leat_schema *in;
	const struct leat_schema *out;
	uint32_t n;
	int32_t from[];		/* per output field: an input field, or < 0 */
};

/* All that there are so far; zeroed it is empty. */
struct derived_cache {
	struct plans plans;
	struct derived *last;
};

static inline struct derived *
derived_get(struct derived_cache *c, const struct leat_schema *in)
{
	if (c->last == NULL || c->last->in != in)
		c->last = plans_get(&c->plans, in);
	return c->last;
}

/* Files a copy of *d with its d->n numbers; NULL without memory. */
struct derived *derived_add(struct derived_cache *c, const struct derived *d,
    const int32_t *from, struct leat_err *err);
void derived_fini(struct derived_cache *c);

/* A struct schema being put together. */
struct draft {
	struct leat_schema schema;
	struct leat_field *fields;
	int32_t *from;
	uint32_t n;
	uint32_t cap;
	struct leat_arena work;
};

/* Begins with the name, version, doc and parameters of `like` (or NULL). */
int draft_init(struct draft *d, const struct leat_schema *like, uint32_t cap,
    struct leat_err *err);
void draft_fini(struct draft *d);
/* Fails on a name that is there already. */
int draft_add(struct draft *d, const char *name,
    const struct leat_schema *schema, int32_t from, struct leat_err *err);
/* Interns it; the draft goes on. NULL with err filled. */
const struct leat_schema *draft_schema(struct draft *d, struct transform *t,
    struct leat_err *err);
/* Interns it, files it for `in`, and ends the draft in any case. */
struct derived *draft_finish(struct draft *d, struct transform *t,
    struct derived_cache *c, const struct leat_schema *in,
    struct leat_err *err);

/* An interned copy that is optional or required, without its default. */
const struct leat_schema *schema_with(struct transform *t,
    const struct leat_schema *s, bool optional, struct leat_err *err);
/* A plain or named schema, interned. */
const struct leat_schema *schema_plain(struct transform *t, int kind,
    bool optional, struct leat_err *err);
const struct leat_schema *schema_named(struct transform *t, int kind,
    const char *name, bool optional, struct leat_err *err);

/* -------------------------------------------------------------------- maps */

/* A copy of a map that can take `cap` pairs. */
struct map_edit {
	struct leat_value *items;
	uint32_t n;		/* pairs */
};

int map_edit_init(struct map_edit *m, struct leat_arena *arena,
    const struct leat_value *from, uint32_t extra, struct leat_err *err);
/* Replaces the value of a string key, or appends the pair. */
void map_edit_put(struct map_edit *m, struct leat_str key,
    struct leat_value v);

static inline void
map_edit_put_c(struct map_edit *m, const char *key, struct leat_value v)
{
	map_edit_put(m, leat_str_c(key), v);
}

/* The position of a string key's value among the items, or -1. */
int64_t map_find(const struct leat_value *items, uint32_t npairs,
    struct leat_str key);

static inline struct leat_value
map_edit_value(const struct map_edit *m)
{
	return leat_items(LEAT_MAP, m->items, m->n);
}

/* ----------------------------------------------------------------- headers */

/* Appends a header; the name must live as long as the record. */
int header_add(struct leat_record *rec, struct leat_arena *arena,
    const struct leat_header *h, struct leat_err *err);

/* Is the text in a list of the configuration? */
bool list_has(const struct leat_list *list, struct leat_str name);

#endif
