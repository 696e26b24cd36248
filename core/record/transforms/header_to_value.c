/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_to_value.c: Debezium's HeaderToValue: headers as fields of the value,
 * or of structs within it ("source.id").
 *
 * The settings make a tree of names, whose leaves are headers. For a schema of
 * the value and the schemas of the headers that are there it is worked out once
 * what comes out; another set of headers replaces that.
 */
#include <string.h>

#include "core/base/obj.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

enum {
	DEPTH = 8, /* names in a path */
	NODES = 1000
};

struct config {
	struct leat_list headers;
	struct leat_list fields;
	int32_t operation; /* 0 move, 1 copy */
};

/* A name below a parent; its siblings are chained. Node 0 is the value. */
struct node {
	const char *name;
	int32_t child; /* the first, -1: a leaf */
	int32_t next; /* sibling, -1: the last */
};

struct header_to_value {
	struct node *nodes;
	uint32_t nnodes;
	uint32_t *leaves; /* per header its node */
	/* Of the record at hand, per node: its header, and is one below? */
	const struct leat_header **given;
	bool *live;
	struct plans plans; /* struct value_plan by value schema */
};

/* Per node: where it is in its struct, and the schema that comes out. */
struct node_plan {
	const struct leat_schema *header; /* NULL: not there */
	const struct leat_schema *in; /* NULL: a new struct */
	const struct leat_schema *out;
	int32_t at;
};

struct value_plan {
	bool done;
	struct node_plan nodes[];
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "headers", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, headers), "Headers to take.", "0.1" },
	{ "fields", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, fields),
	  "The fields that they become, in the same order; source.id is one "
	  "of a struct within.", "0.1" },
	{ "operation", NULL, LEAT_OPT_CHOICE, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  "move,copy", offsetof(struct config, operation),
	  "move takes the headers away, copy leaves them.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* ---------------------------------------------------------------- the tree */

/* The child of that name, made if there is none. */
static int
get_child(struct transform *t, int32_t parent, struct leat_str name,
    int32_t *ret, struct leat_err *err)
{
	struct header_to_value *self = t->self;
	int32_t *link = &self->nodes[parent].child;

	for (; *link >= 0; link = &self->nodes[*link].next)
		if (leat_str_eq_c(name, self->nodes[*link].name))
			break;
	if (*link < 0) {
		struct node *n = &self->nodes[self->nnodes];

		if (self->nnodes == NODES)
			return config_error(err, "fields: more than %d names",
			    NODES);
		n->name = leat_arena_strndup(&t->arena, name.ptr, name.len);
		if (n->name == NULL)
			return record_no_memory(&t->arena, err);
		n->child = n->next = -1;
		*link = (int32_t)self->nnodes++;
	}
	*ret = *link;
	return 0;
}

static int
add_path(struct transform *t, const char *path, uint32_t *ret_leaf,
    struct leat_err *err)
{
	struct leat_str rest = leat_str_c(path), part;
	int32_t at = 0;
	int depth = 0;
	bool more;

	do {
		more = memchr(rest.ptr, '.', rest.len) != NULL;
		part = leat_str_cut(&rest, '.');
		if (part.len == 0 || depth++ == DEPTH)
			return config_error(err, "fields: '%s' is not field "
			    "or struct.field (at most %d deep)",
			    path, DEPTH);
		if (get_child(t, at, part, &at, err) < 0)
			return LEAT_E_CONFIG;
	} while (more);
	*ret_leaf = (uint32_t)at;
	return 0;
}

static int
check_spaces(const struct leat_list *list, const char *key,
    struct leat_err *err)
{
	uint32_t i;

	for (i = 0; i < list->len; i++)
		if (strpbrk(list->items[i], " \t") != NULL)
			return config_error(err, "%s: '%s' holds a space", key,
			    list->items[i]);
	return 0;
}

static int
alloc_tree(struct transform *t, uint32_t n, struct leat_err *err)
{
	struct header_to_value *self = t->self;
	const size_t most = MIN(NODES, (size_t)n * DEPTH + 1);

	self->nodes = leat_arena_calloc(&t->arena, most,
	    sizeof(*self->nodes));
	self->given = leat_arena_calloc(&t->arena, most,
	    sizeof(*self->given));
	self->live = leat_arena_calloc(&t->arena, most, sizeof(*self->live));
	self->leaves = leat_arena_calloc(&t->arena, n, sizeof(*self->leaves));
	if (self->nodes == NULL || self->given == NULL ||
	    self->live == NULL || self->leaves == NULL)
		return record_no_memory(&t->arena, err);
	self->nodes[0] = (struct node){ "", -1, -1 };
	self->nnodes = 1;
	return 0;
}

static int
to_value_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct header_to_value *self = t->self;
	uint32_t i;

	if (cfg->headers.len == 0 || cfg->fields.len != cfg->headers.len)
		return config_error(err, "'headers' config must have the same "
		    "number of elements as 'fields' config.");
	if (check_spaces(&cfg->headers, "headers", err) < 0 ||
	    check_spaces(&cfg->fields, "fields", err) < 0 ||
	    alloc_tree(t, cfg->fields.len, err) < 0)
		return LEAT_E_CONFIG;
	for (i = 0; i < cfg->fields.len; i++)
		if (add_path(t, cfg->fields.items[i], &self->leaves[i], err) <
		    0)
			return LEAT_E_CONFIG;
	for (i = 0; i < cfg->fields.len; i++)
		if (self->nodes[self->leaves[i]].child >= 0)
			return config_error(err, "fields: '%s' is a header's "
			    "field and a struct of others",
			    cfg->fields.items[i]);
	return 0;
}

/* ------------------------------------------------------------------- plans */

/* A header without a schema gets that of its kind. */
static const struct leat_schema *
schema_of(struct transform *t, const struct leat_header *h,
    struct leat_err *err)
{
	if (h->schema != NULL)
		return leat_schema_pool_intern(t->pool, h->schema, err);
	if (h->value.kind > LEAT_BYTES) {
		record_error(err, "the header '%s' is a %s without a schema",
		    h->name, leat_kind_name(h->value.kind));
		return NULL;
	}
	return schema_plain(t, h->value.kind == LEAT_NULL ? LEAT_STRING
	    : h->value.kind, true, err);
}

/* Sets which headers there are; false: none. */
static bool
match_headers(const struct config *cfg, struct header_to_value *self,
    const struct leat_record *rec)
{
	bool any = false;
	uint32_t i, j;

	memset(self->given, 0, self->nnodes * sizeof(*self->given));
	for (i = 0; i < rec->nheaders; i++)
		for (j = 0; j < cfg->headers.len; j++)
			if (strcmp(rec->headers[i].name,
				cfg->headers.items[j]) == 0) {
				self->given[self->leaves[j]] =
				    &rec->headers[i];
				any = true;
				break;
			}
	return any;
}

/* Parents have lower numbers than their children. */
static void
mark_live(struct header_to_value *self)
{
	uint32_t i = self->nnodes;
	int32_t c;

	while (i-- > 0) {
		self->live[i] = self->given[i] != NULL;
		for (c = self->nodes[i].child; c >= 0;
		     c = self->nodes[c].next)
			self->live[i] |= self->live[c];
	}
}

static int make_struct(struct transform *t, struct value_plan *p, int32_t n,
    struct leat_arena *arena, struct leat_err *err);

/* A field of the struct that comes out; *nfields grows with a new one. */
static int
make_field(struct transform *t, struct value_plan *p, int32_t n,
    struct leat_field *f, uint32_t *nfields, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct header_to_value *self = t->self;
	const struct node *node = &self->nodes[n];
	struct node_plan *np = &p->nodes[n];
	const bool is_new = np->at < 0;

	if (is_new) {
		np->at = (int32_t)*nfields;
		f[(*nfields)++].name = node->name;
	}
	if (node->child >= 0) {
		np->in = is_new ? NULL : f[np->at].schema;
		if (make_struct(t, p, n, arena, err) < 0)
			return err->code;
		f[np->at].schema = np->out;
		return 0;
	}
	if (is_new)
		f[np->at].schema = np->header;
	else if (f[np->at].schema->kind != np->header->kind)
		return record_error(err, "the header '%s' is %s, and the field "
		    "'%s' %s",
		    self->given[n]->name,
		    leat_kind_name(np->header->kind), node->name,
		    leat_kind_name(f[np->at].schema->kind));
	return 0;
}

/* The struct of a node that has children; depth is bounded by the tree's. */
static int
make_struct(struct transform *t, struct value_plan *p, int32_t n,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct header_to_value *self = t->self;
	struct node_plan *np = &p->nodes[n];
	struct leat_schema s = { .kind = LEAT_STRUCT, .optional = 1 };
	struct leat_field *f;
	int32_t c;

	if (np->in != NULL)
		s = *np->in;
	if (s.kind != LEAT_STRUCT)
		return record_error(err, "Field '%s' is a primitive type, not "
		    "a struct",
		    self->nodes[n].name);
	f = leat_arena_calloc(arena, s.nfields + self->nnodes, sizeof(*f));
	if (f == NULL)
		return record_no_memory(arena, err);
	if (s.nfields > 0)
		memcpy(f, s.fields, s.nfields * sizeof(*f));
	for (c = self->nodes[n].child; c >= 0; c = self->nodes[c].next) {
		p->nodes[c].at = np->in == NULL ? -1
		    : leat_schema_field(np->in, self->nodes[c].name);
		if (self->live[c] && make_field(t, p, c, f, &s.nfields, arena,
		    err) < 0)
			return err->code;
	}
	s.interned = 0;
	s.fields = f;
	np->out = leat_schema_pool_intern(t->pool, &s, err);
	return np->out == NULL ? err->code : 0;
}

static struct value_plan *
get_plan(struct header_to_value *self, const struct leat_schema *in,
    struct leat_err *err)
{
	struct value_plan *p = plans_get(&self->plans, in);

	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p) + self->nnodes * sizeof(p->nodes[0]));
	if (p != NULL && plans_put(&self->plans, in, p) == 0)
		return p;
	free(p);
	leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	return NULL;
}

/* Makes the plan fit the headers of the record. */
static int
fit_plan(struct transform *t, struct value_plan *p,
    const struct leat_schema *in, struct leat_arena *arena,
    struct leat_err *err)
{
	struct header_to_value *self = t->self;
	bool same = p->done;
	uint32_t i;

	for (i = 0; i < self->nnodes; i++) {
		const struct leat_schema *s = NULL;

		if (self->given[i] != NULL &&
		    (s = schema_of(t, self->given[i], err)) == NULL)
			return err->code;
		same = same && p->nodes[i].header == s;
		p->nodes[i].header = s;
	}
	if (same)
		return 0;
	p->done = false;
	mark_live(self);
	p->nodes[0].in = in;
	if (make_struct(t, p, 0, arena, err) < 0)
		return err->code;
	p->done = true;
	return 0;
}

/* ---------------------------------------------------------------- applying */

/* What stands in a struct; a struct within that is null stays null. */
static int
fill_struct(const struct header_to_value *self, const struct value_plan *p,
    int32_t n, const struct leat_value *from, struct leat_arena *arena,
    struct leat_value *ret, struct leat_err *err)
{
	const struct node_plan *np = &p->nodes[n];
	struct leat_value *items;
	uint32_t i;
	int32_t c;

	items = leat_arena_calloc(arena, np->out->nfields, sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; np->in != NULL && i < np->in->nfields && i < from->len;
	     i++)
		items[i] = field_value(np->in, from, i, true);
	for (c = self->nodes[n].child; c >= 0; c = self->nodes[c].next) {
		struct leat_value *to = &items[MAX(p->nodes[c].at, 0)];

		if (self->given[c] != NULL)
			*to = self->given[c]->value;
		else if (self->live[c] && (p->nodes[c].in == NULL ||
			to->kind == LEAT_STRUCT) &&
		    fill_struct(self, p, c, to, arena, to, err) < 0)
			return err->code;
	}
	*ret = leat_items(LEAT_STRUCT, items, np->out->nfields);
	return 0;
}

static int
take_headers(const struct config *cfg, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	struct leat_header *left;
	uint32_t i, n = 0;

	left = leat_arena_calloc(arena, rec->nheaders, sizeof(*left));
	if (left == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < rec->nheaders; i++)
		if (!list_has(&cfg->headers,
			leat_str_c(rec->headers[i].name)))
			left[n++] = rec->headers[i];
	rec->headers = left;
	rec->nheaders = n;
	return 0;
}

static int
to_value_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct header_to_value *self = t->self;
	struct value_plan *p;

	if (rec->value.kind == LEAT_NULL)
		return 0;
	if (require_struct(rec->value_schema, &rec->value,
		"Header field insertion", err) < 0)
		return LEAT_E_DATA;
	if (!match_headers(cfg, self, rec))
		return 0;
	p = get_plan(self, rec->value_schema, err);
	if (p == NULL || fit_plan(t, p, rec->value_schema, arena, err) < 0)
		return err->code;
	mark_live(self);
	if (fill_struct(self, p, 0, &rec->value, arena, &rec->value, err) < 0)
		return err->code;
	rec->value_schema = p->nodes[0].out;
	return cfg->operation == 0 ? take_headers(cfg, rec, arena, err) : 0;
}

static void
to_value_fini(struct transform *t)
{
	struct header_to_value *self = t->self;

	plans_fini(&self->plans);
}

const struct transform_class transform_header_to_value = {
	.name = "io.debezium.transforms.HeaderToValue",
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct header_to_value),
	.init = to_value_init,
	.apply = to_value_apply,
	.fini = to_value_fini,
};
