/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_rules.c: which columns are masked, hashed or cut, and whose types are
 * told in parameters.
 */
#include "pg_mask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_digest.h"
#include "pg_relation.h"

enum {
	MASK_CHARS_MAX = 1024 * 1024,
	NAME_MAX_BYTES = 1024,	/* as in pg_config.c: four names */
	PARAMS_MAX = 6
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* -------------------------------------------------------------- compiling */

/* A comma-separated list of expressions, as a filter. */
static int
compile(struct pg_filter *f, const char *option, const char *text,
    struct leat_err *err)
{
	struct leat_str rest = leat_str_c(text);
	struct leat_list list = { 0 };
	char *copy = strdup(text), *p = copy;
	const char **items;
	size_t most = 1;
	int rc;

	for (const char *q = text; *q != '\0'; q++)
		most += *q == ',';
	items = calloc(most, sizeof(*items));
	while (copy != NULL && items != NULL && rest.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&rest, ','));

		if (one.len == 0)
			continue;
		memcpy(p, one.ptr, one.len);
		items[list.len++] = p;
		p += one.len;
		*p++ = '\0';
	}
	list.items = items;
	rc = copy == NULL || items == NULL ? no_memory(err) :
	    pg_filter_init(f, option, &list, err);
	free(items);
	free(copy);
	return rc;
}

/* The n of column.<verb>.<n>.chars. */
static int
parse_length(const char *option, const char *key, int64_t least,
    uint32_t *ret, struct leat_err *err)
{
	struct leat_str rest = leat_str_c(key), n = leat_str_cut(&rest, '.');
	int64_t v;

	if (!leat_str_eq_c(rest, "chars") ||
	    leat_parse_i64(n, least, MASK_CHARS_MAX, &v) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s.%s: not of the form %s.<n>.chars with n from %d to %d",
		    option, key, option, (int)least, MASK_CHARS_MAX);
	*ret = (uint32_t)v;
	return 0;
}

static int
length_rule(struct pg_mask_rule *r, int32_t what, const char *option,
    const struct leat_param *p, struct leat_err *err)
{
	int rc = parse_length(option, p->key, what == PG_MASK_TRUNCATE,
	    &r->mask.length, err);

	r->mask.what = what;
	return rc < 0 ? rc : compile(&r->columns, option, p->value, err);
}

/* [v2.]<algorithm>.with.salt.<salt> */
static int
hash_rule(struct pg_mask_rule *r, const struct leat_param *p,
    struct leat_err *err)
{
	static const char option[] = "column.mask.hash", with[] = ".with.salt.";
	const char *name = p->key, *at;

	r->mask.what = PG_MASK_HASH_V1;
	if (strncmp(name, "v2.", 3) == 0) {
		r->mask.what = PG_MASK_HASH;
		name += 3;
	}
	at = strstr(name, with);
	if (at == NULL || at == name || at[sizeof(with) - 1] == '\0')
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s.%s: not of the form %s.<algorithm>.with.salt.<salt>",
		    option, p->key, option);
	r->owned_digest = strndup(name, (size_t)(at - name));
	r->owned_salt = strdup(at + sizeof(with) - 1);
	if (r->owned_digest == NULL || r->owned_salt == NULL)
		return no_memory(err);
	if (!pg_digest_known(r->owned_digest))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s.%s: '%s' is not a known algorithm (SHA-256, SHA-512, "
		    "MD5, ...)", option, p->key, r->owned_digest);
	r->mask.digest = r->owned_digest;
	r->mask.salt = r->owned_salt;
	return compile(&r->columns, option, p->value, err);
}

static int
add_rules(struct pg_rules *r, const struct pg_config *c, struct leat_err *err)
{
	static const char truncate[] = "column.truncate.to";
	static const char mask[] = "column.mask.with";
	int rc = 0;

	for (uint32_t i = 0; i < c->truncate.len && rc == 0; i++)
		rc = length_rule(&r->rules[r->nrules++], PG_MASK_TRUNCATE,
		    truncate, &c->truncate.items[i], err);
	for (uint32_t i = 0; i < c->mask.len && rc == 0; i++)
		rc = length_rule(&r->rules[r->nrules++], PG_MASK_CHARS, mask,
		    &c->mask.items[i], err);
	for (uint32_t i = 0; i < c->mask_hash.len && rc == 0; i++)
		rc = hash_rule(&r->rules[r->nrules++], &c->mask_hash.items[i],
		    err);
	return rc;
}

int
pg_rules_init(struct pg_rules *r, const struct pg_config *cfg,
    struct leat_err *err)
{
	size_t n = (size_t)cfg->truncate.len + cfg->mask.len +
	    cfg->mask_hash.len;
	int rc;

	*r = (struct pg_rules){ .comments = cfg->comments };
	r->rules = calloc(n + 1, sizeof(*r->rules));
	if (r->rules == NULL)
		return no_memory(err);
	rc = add_rules(r, cfg, err);
	if (rc == 0)
		rc = pg_filter_init(&r->propagate_columns,
		    "column.propagate.source.type", &cfg->propagate_columns,
		    err);
	if (rc == 0)
		rc = pg_filter_init(&r->propagate_types,
		    "datatype.propagate.source.type", &cfg->propagate_types,
		    err);
	if (rc < 0)
		pg_rules_fini(r);
	return rc;
}

void
pg_rules_fini(struct pg_rules *r)
{
	for (uint32_t i = 0; i < r->nrules; i++) {
		pg_filter_fini(&r->rules[i].columns);
		free(r->rules[i].owned_digest);
		free(r->rules[i].owned_salt);
	}
	free(r->rules);
	pg_filter_fini(&r->propagate_columns);
	pg_filter_fini(&r->propagate_types);
	*r = (struct pg_rules){ 0 };
}

/* --------------------------------------------------------------- applying */

/* The schema's parameters while more of them are added. */
struct params {
	struct leat_param *items;
	uint32_t len;
};

static void
add_param(struct params *p, const char *key, const char *value)
{
	p->items[p->len++] = (struct leat_param){ .key = key, .value = value };
}

/* A mask that outlives the rules. */
static int
copy_mask(const struct pg_mask *from, struct pg_relation *rel,
    struct pg_col *col)
{
	struct pg_mask *m = leat_arena_memdup(&rel->arena, from,
	    sizeof(*from));
	char *text;

	if (m == NULL)
		return -ENOMEM;
	if (m->what == PG_MASK_CHARS) {
		m->text = text = leat_arena_alloc(&rel->arena, m->length + 1);
		if (text == NULL)
			return -ENOMEM;
		memset(text, '*', m->length);
	} else if (m->what != PG_MASK_TRUNCATE) {
		int32_t len = pg_source_length(col->type);

		m->digest = leat_arena_strdup(&rel->arena, m->digest);
		m->salt = leat_arena_strdup(&rel->arena, m->salt);
		m->length = len > 0 ? (uint32_t)len : UINT32_MAX;
		if (m->digest == NULL || m->salt == NULL)
			return -ENOMEM;
	}
	col->mask = m;
	return 0;
}

static int
apply_mask(const struct pg_mask *m, struct leat_task *t,
    struct pg_relation *rel, struct pg_col *col, struct params *p)
{
	int32_t len = pg_source_length(col->type);
	const char *n;

	if (m->what != PG_MASK_TRUNCATE) {
		if (col->schema.kind != LEAT_STRING) {
			leat_log_warn(t, "column cannot be masked",
			    "table=%s.%s column=%s reason=\"not a text\"",
			    rel->schema, rel->name, col->name);
			return 0;
		}
		add_param(p, "masked", "true");
		return copy_mask(m, rel, col);
	}
	/* A column that cannot be longer is left alone. */
	if (len >= 0 && (uint32_t)len <= m->length)
		return 0;
	n = leat_arena_printf(&rel->arena, "%u", m->length);
	if (n == NULL)
		return -ENOMEM;
	add_param(p, "truncateLength", n);
	/* Of bytes, those of bytea alone: others have a meaning as a whole. */
	return col->schema.kind == LEAT_STRING ||
	    (col->schema.kind == LEAT_BYTES && col->schema.name == NULL) ?
	    copy_mask(m, rel, col) : 0;
}

static char *
upper_case(struct leat_arena *a, const char *s)
{
	char *up = leat_arena_strdup(a, s);

	for (char *p = up; p != NULL && *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return up;
}

static int
propagate(const struct pg_rules *r, struct pg_relation *rel,
    struct pg_col *col, const char *type, struct params *p)
{
	int32_t len = pg_source_length(col->type);
	const char *name = upper_case(&rel->arena, type);
	const char *length = leat_arena_printf(&rel->arena, "%d", len);
	const char *scale = leat_arena_printf(&rel->arena, "%d",
	    pg_source_scale(col->type));

	if (name == NULL || length == NULL || scale == NULL)
		return -ENOMEM;
	add_param(p, "__debezium.source.column.type", name);
	if (len >= 0)
		add_param(p, "__debezium.source.column.length", length);
	add_param(p, "__debezium.source.column.scale", scale);
	if (r->comments && col->comment != NULL && col->comment[0] != '\0')
		add_param(p, "__debezium.source.column.comment", col->comment);
	add_param(p, "__debezium.source.column.name", col->name);
	return 0;
}

/* May be told at all, and is asked for by name or by type. */
static int
is_propagated(const struct pg_rules *r, const struct pg_relation *rel,
    const char *column, const char *type)
{
	char name[NAME_MAX_BYTES];

	if (pg_filter_find(&r->propagate_columns, column) >= 0)
		return 1;
	(void)snprintf(name, sizeof(name), "%s.%s.%s", rel->schema, rel->name,
	    type);
	return pg_filter_find(&r->propagate_types, name) >= 0;
}

int
pg_rules_apply(const struct pg_rules *r, struct leat_task *t,
    struct pg_relation *rel, struct pg_col *col)
{
	const char *type = col->type_name == NULL ? NULL :
	    pg_source_type_name(col->type_name, col->def_expr);
	char name[NAME_MAX_BYTES];
	struct params p = { .len = col->schema.nparams };
	int rc = 0;

	if (r->comments && col->comment != NULL)
		col->schema.doc = col->comment;
	col->key_schema = col->schema;
	p.items = leat_arena_calloc(&rel->arena, p.len + PARAMS_MAX,
	    sizeof(*p.items));
	if (p.items == NULL)
		return -ENOMEM;
	if (p.len > 0)
		memcpy(p.items, col->schema.params, p.len * sizeof(*p.items));
	(void)snprintf(name, sizeof(name), "%s.%s.%s", rel->schema, rel->name,
	    col->name);
	for (uint32_t i = 0; i < r->nrules; i++) {
		if (pg_filter_find(&r->rules[i].columns, name) < 0)
			continue;
		rc = apply_mask(&r->rules[i].mask, t, rel, col, &p);
		break;
	}
	if (rc == 0 && type != NULL && is_propagated(r, rel, name, type))
		rc = propagate(r, rel, col, type, &p);
	col->schema.params = p.items;
	col->schema.nparams = p.len;
	return rc;
}
