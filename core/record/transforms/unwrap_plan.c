/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwrap_plan.c: what ExtractNewRecordState works out once for each schema of
 * an envelope.
 */
#include "core/record/transforms/unwrap.h"

/* One block of memory for a plan and its arrays. */
static struct unwrap_plan *
new_plan(const struct unwrap *self, uint32_t ncolumns)
{
	const size_t nfields = self->fields.n, nheaders = self->headers.n;
	const size_t nout = ncolumns + nfields + 1;
	struct unwrap_plan *p;

	p = calloc(1, sizeof(*p) + nheaders * sizeof(*p->header_schemas) +
	    (nfields + nheaders) * sizeof(*p->fields) +
	    nout * sizeof(*p->from));
	if (p == NULL)
		return NULL;
	p->header_schemas = (const struct leat_schema **)(p + 1);
	p->fields = (struct unwrap_place *)(p->header_schemas + nheaders);
	p->headers = p->fields + nfields;
	p->from = (int32_t *)(p->headers + nheaders);
	return p;
}

/* The row's columns, then __deleted, then what is added. */
static int
draft_row(struct transform *t, const struct leat_schema *in,
    struct unwrap_plan *p, struct draft *d, struct leat_err *err)
{
	const struct unwrap *self = t->self;
	const struct leat_schema *row = p->row, *s;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < row->nfields; i++)
		rc = draft_add(d, row->fields[i].name, row->fields[i].schema,
		    (int32_t)i, err);
	if (rc == 0 && self->rewrite)
		rc = draft_add(d, "__deleted", schema_plain(t, LEAT_STRING,
		    true, err), UNWRAP_DELETED, err);
	for (i = 0; rc == 0 && i < self->fields.n; i++) {
		rc = unwrap_ref_find(t, &self->fields.v[i], in, &p->fields[i],
		    &s, err);
		if (rc == 0 && s != NULL)
			rc = draft_add(d, self->fields.v[i].name, s,
			    UNWRAP_ADDED - (int32_t)i, err);
	}
	return rc;
}

static int
extend_row(struct transform *t, const struct leat_schema *in,
    struct unwrap_plan *p, struct leat_err *err)
{
	const struct unwrap *self = t->self;
	struct draft d;
	int rc;

	if (draft_init(&d, p->row, p->row->nfields + self->fields.n + 1, err) <
	    0)
		return -1;
	rc = draft_row(t, in, p, &d, err);
	if (rc == 0) {
		p->out = draft_schema(&d, t, err);
		memcpy(p->from, d.from, d.n * sizeof(*d.from));
	}
	draft_fini(&d);
	return rc < 0 || p->out == NULL ? -1 : 0;
}

/* A row alone is no part that may be missing. */
static int
require_row(struct transform *t, struct unwrap_plan *p, struct leat_err *err)
{
	struct leat_schema s = *p->row;

	s.interned = 0;
	s.optional = 0;
	p->out = leat_schema_pool_intern(t->pool, &s, err);
	return p->out == NULL ? -1 : 0;
}

static int
fill_plan(struct transform *t, const struct leat_schema *in,
    struct unwrap_plan *p, struct leat_err *err)
{
	const struct unwrap_config *cfg = t->config;
	const struct unwrap *self = t->self;
	uint32_t i;

	p->before = leat_schema_field(in, "before");
	p->after = leat_schema_field(in, "after");
	p->op = leat_schema_field(in, "op");
	p->row = in->fields[p->after].schema;
	p->out = p->row;
	p->route = cfg->route_by_field == NULL ? -1
	    : leat_schema_field(p->row, cfg->route_by_field);
	for (i = 0; i < self->headers.n; i++)
		if (unwrap_ref_find(t, &self->headers.v[i], in, &p->headers[i],
			&p->header_schemas[i], err) < 0)
			return -1;
	if (!self->rewrite && self->fields.n == 0)
		return require_row(t, p, err);
	return extend_row(t, in, p, err);
}

/* Is the row the same before and after? */
static int
check_rows(const struct leat_schema *in, struct leat_err *err)
{
	const int32_t before = leat_schema_field(in, "before");
	const struct leat_schema *row =
	    in->fields[leat_schema_field(in, "after")].schema;

	if (row->kind == LEAT_STRUCT &&
	    (before < 0 || in->fields[before].schema == row))
		return 0;
	return record_error(err, "before and after of '%s' are not rows of "
	    "one schema",
	    in->name);
}

static struct unwrap_plan *
make_plan(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	struct unwrap *self = t->self;
	struct unwrap_plan *p;

	if (check_rows(in, err) < 0)
		return NULL;
	p = new_plan(self,
	    in->fields[leat_schema_field(in, "after")].schema->nfields);
	if (p == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	if (fill_plan(t, in, p, err) < 0) {
		free(p);
		return NULL;
	}
	if (plans_put(&self->plans, in, p) < 0) {
		free(p);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	return p;
}

struct unwrap_plan *
unwrap_plan_get(struct transform *t, const struct leat_schema *envelope,
    struct leat_err *err)
{
	struct unwrap *self = t->self;
	struct unwrap_plan *p;

	p = plans_get(&self->plans, envelope);
	return p != NULL ? p : make_plan(t, envelope, err);
}
