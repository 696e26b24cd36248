/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_row.c: a tuple's texts become the values of a row and its key.
 */
#include "pg_relation.h"

#include <string.h>

int
pg_value_equal(const struct leat_value *a, const struct leat_value *b)
{
	uint32_t n = a->kind == LEAT_MAP ? a->len * 2 : a->len;

	if (a->kind != b->kind || a->len != b->len)
		return 0;
	switch (a->kind) {
	case LEAT_NULL:
		return 1;
	case LEAT_STRING:
	case LEAT_BYTES:
		return n == 0 || memcmp(a->u.b, b->u.b, n) == 0;
	case LEAT_ARRAY:
	case LEAT_MAP:
	case LEAT_STRUCT:
		for (uint32_t i = 0; i < n; i++)
			if (!pg_value_equal(&a->u.items[i], &b->u.items[i]))
				return 0;
		return 1;
	default:
		return a->u.i == b->u.i;
	}
}

int
pg_key_equal(const struct pg_relation *rel, const struct leat_value *a,
    const struct leat_value *b)
{
	for (uint32_t i = 0; i < rel->nkeys; i++)
		if (!pg_value_equal(&a[i], &b[i]))
			return 0;
	return 1;
}

/* A value that its schema cannot express: null, or what stands for it. */
static int
unexpressible(struct pg_relcache *rc, struct pg_relation *rel,
    const struct pg_col *col, const struct pgo_column *from, int why,
    struct leat_value *ret, struct leat_err *err)
{
	uint32_t show = from->len < 40 ? from->len : 40;

	if (rc->cfg->convert_failure == PG_FAILURE_FAIL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_DATA,
		    "%s.%s.%s: value '%.*s' %s; event.converting.failure."
		    "handling.mode=warn makes it null", rel->schema, rel->name,
		    col->name, (int)show, from->data, why == PG_CONV_BAD ?
		    "is not understood" : "cannot be represented");
	if (rel->nconverted++ == 0 &&
	    rc->cfg->convert_failure == PG_FAILURE_WARN)
		leat_log_warn(rc->task, "value cannot be represented",
		    "table=%s.%s column=%s type=%u", rel->schema, rel->name,
		    col->name, col->type_oid);
	leat_metric_add(rc->m_unconverted, 1);
	*ret = col->missing;
	return 0;
}

/* A large value that the update left alone. */
static int
unchanged(struct pg_relcache *rc, struct pg_relation *rel,
    const struct pg_col *col, const struct pgo_column *from,
    struct leat_value *ret, struct leat_err *err)
{
	if (col->type->has_placeholder) {
		*ret = col->type->placeholder;
		return 0;
	}
	return unexpressible(rc, rel, col, from, PG_CONV_NONE, ret, err);
}

static int
convert(struct pg_relcache *rc, struct pg_relation *rel,
    const struct pg_col *col, const struct pgo_column *from, int how,
    struct leat_batch *b, struct leat_value *ret, struct leat_err *err)
{
	int rc2;

	if (from->kind == PGO_NULL) {
		*ret = how == PG_ROW_OLD_KEY ? col->missing : leat_null();
		/* The catalog may know of a NOT NULL newer than the row. */
		if (ret->kind == LEAT_NULL && col->not_null)
			*ret = col->missing;
		return 0;
	}
	if (from->kind == PGO_UNCHANGED)
		return unchanged(rc, rel, col, from, ret, err);
	/* The text is the batch's own copy: conversions may write to it. */
	rc2 = col->type->conv(col->type, (char *)(uintptr_t)from->data,
	    from->len, b, ret);
	if (rc2 == 0 || rc2 == PG_CONV_NOMEM)
		return rc2;
	if (rc2 == PG_CONV_STALE)
		return rel->any_label ? 0 : rc2;
	return unexpressible(rc, rel, col, from, rc2, ret, err);
}

/* Masks and cuts do not reach the key. */
static int
masked(const struct pg_relation *rel, const struct pg_col *col, uint32_t at,
    struct leat_batch *b, struct leat_value *field, struct leat_value *keys)
{
	for (uint32_t i = 0; i < rel->nkeys; i++)
		if (rel->key_cols[i] == at)
			keys[i] = *field;
	return pg_mask_value(col->mask, b, field);
}

int
pg_row_convert(struct pg_relcache *rc, struct pg_relation *rel,
    const struct pgo_tuple *t, const struct pgo_tuple *old_row, int how,
    struct leat_batch *b, struct pg_row *ret, struct leat_err *err)
{
	struct leat_value *fields = leat_batch_alloc(b,	/* never of 0 */
	    (uint64_t)(rel->nfields + rel->nkeys + 1) * sizeof(*fields));
	struct leat_value *keys = fields + rel->nfields;
	int rc2;

	if (fields == NULL)
		return PG_CONV_NOMEM;
	if (t->ncols != rel->ncols)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "a row of %s.%s has %u columns, its relation %u",
		    rel->schema, rel->name, t->ncols, rel->ncols);
	for (uint32_t i = 0; i < t->ncols; i++) {
		const struct pg_col *col = &rel->cols[i];
		struct pgo_column tmp;
		const struct pgo_column *from = &t->cols[i];

		if (col->field < 0)
			continue;
		if (from->kind == PGO_UNCHANGED && old_row != NULL &&
		    i < old_row->ncols && old_row->cols[i].kind == PGO_TEXT) {
			/* The old row is converted too, in its own text. */
			tmp = old_row->cols[i];
			tmp.data = leat_batch_copy(b, tmp.data, tmp.len);
			if (tmp.data == NULL)
				return PG_CONV_NOMEM;
			from = &tmp;
		}
		rc2 = convert(rc, rel, col, from, how, b,
		    &fields[col->field], err);
		if (rc2 == 0 && col->mask != NULL)
			rc2 = masked(rel, col, i, b, &fields[col->field], keys);
		if (rc2 != 0)
			return rc2;
	}
	for (uint32_t i = 0; i < rel->nkeys; i++) {
		const struct pg_col *col = &rel->cols[rel->key_cols[i]];

		if (col->field >= 0) {
			if (col->mask == NULL)
				keys[i] = fields[col->field];
			continue;
		}
		rc2 = convert(rc, rel, col, &t->cols[rel->key_cols[i]], how, b,
		    &keys[i], err);
		if (rc2 != 0)
			return rc2;
	}
	ret->fields = fields;
	ret->keys = keys;
	return 0;
}
