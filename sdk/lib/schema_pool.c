/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_pool.c: one copy of each schema.
 *
 * A schema is looked up by its structure. If it is new, its parts are interned
 * first, so that a node in the pool points to nodes in the pool only; then the
 * node is copied into the pool's arena and filed. A failure on the way leaves
 * the pool as it was, but for parts that were complete by themselves.
 */
#include <leat/schema.h>

#include <errno.h>
#include <stdlib.h>

#include <leat/json.h>

#include "sdk/lib/schema_hash.h"

enum {
	CHUNK_BYTES = 8192,
	FIRST_NODES = 32,
	JSON_KEY_MAX = 1 << 20
};

struct node {
	const struct leat_schema *schema;
	uint64_t hash;
};

struct leat_schema_pool {
	struct leat_arena arena;
	struct leat_buf scratch;	/* for field names as JSON */
	struct node *nodes;	/* by id */
	uint32_t *slots;	/* id + 1, 0 is free; twice cap of them */
	uint32_t n;
	uint32_t cap;
};

static const struct leat_schema *intern(struct leat_schema_pool *pool,
    const struct leat_schema *s, int depth, struct leat_err *err);

struct leat_schema_pool *
leat_schema_pool_new(size_t limit_bytes)
{
	struct leat_schema_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	leat_arena_init(&pool->arena, CHUNK_BYTES, limit_bytes);
	leat_buf_init(&pool->scratch, JSON_KEY_MAX);
	return pool;
}

void
leat_schema_pool_free(struct leat_schema_pool *pool)
{
	if (pool == NULL)
		return;
	leat_arena_fini(&pool->arena);
	leat_buf_fini(&pool->scratch);
	free(pool->nodes);
	free(pool->slots);
	free(pool);
}

uint32_t
leat_schema_pool_count(const struct leat_schema_pool *pool)
{
	return pool->n;
}

static int
is_ours(const struct leat_schema_pool *pool, const struct leat_schema *s)
{
	return s->interned && s->id < pool->n &&
	    pool->nodes[s->id].schema == s;
}

/* ----------------------------------------------------------------- lookup */

static uint64_t
pool_hash(const struct leat_schema_pool *pool, const struct leat_schema *s,
    int depth)
{
	uint64_t h;
	uint32_t i;

	if (s == NULL || depth > LEAT_SCHEMA_DEPTH)
		return SCHEMA_HASH_NONE;
	if (is_ours(pool, s))
		return pool->nodes[s->id].hash;
	h = schema_hash_head(s);
	h = schema_hash_mix(h, pool_hash(pool, s->key, depth + 1));
	h = schema_hash_mix(h, pool_hash(pool, s->elem, depth + 1));
	for (i = 0; i < s->nfields; i++)
		h = schema_hash_mix(h,
		    pool_hash(pool, s->fields[i].schema, depth + 1));
	return h;
}

static const struct leat_schema *
find(const struct leat_schema_pool *pool, const struct leat_schema *s,
    uint64_t hash)
{
	uint32_t mask = pool->cap * 2 - 1, i;

	if (pool->n == 0)
		return NULL;
	for (i = (uint32_t)hash & mask; pool->slots[i] != 0;
	    i = (i + 1) & mask) {
		const struct node *node = &pool->nodes[pool->slots[i] - 1];

		if (node->hash == hash && leat_schema_equal(node->schema, s))
			return node->schema;
	}
	return NULL;
}

static void
file_node(struct leat_schema_pool *pool, uint32_t id)
{
	uint32_t mask = pool->cap * 2 - 1;
	uint32_t i = (uint32_t)pool->nodes[id].hash & mask;

	while (pool->slots[i] != 0)
		i = (i + 1) & mask;
	pool->slots[i] = id + 1;
}

static int
make_room(struct leat_schema_pool *pool)
{
	uint32_t cap = pool->cap == 0 ? FIRST_NODES : pool->cap * 2, i;
	struct node *nodes;
	uint32_t *slots;

	if (pool->n < pool->cap)
		return 0;
	if (cap > UINT32_MAX / 4)
		return -1;
	slots = calloc((size_t)cap * 2, sizeof(*slots));
	if (slots == NULL)
		return -1;
	nodes = realloc(pool->nodes, cap * sizeof(*nodes));
	if (nodes == NULL) {
		free(slots);
		return -1;
	}
	free(pool->slots);
	pool->nodes = nodes;
	pool->slots = slots;
	pool->cap = cap;
	for (i = 0; i < pool->n; i++)
		file_node(pool, i);
	return 0;
}

/* ---------------------------------------------------------------- copying */

static int
no_room(const struct leat_schema_pool *pool, struct leat_err *err)
{
	const struct leat_arena *a = &pool->arena;

	if (a->limit_bytes != 0 &&
	    a->held_bytes + CHUNK_BYTES > a->limit_bytes)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_LIMIT,
		    "schemas need more than %zu bytes", a->limit_bytes);
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory for a schema");
}

/* Copies *text in place; NULL stays NULL. */
static int
copy_text(struct leat_schema_pool *pool, const char **text)
{
	if (*text == NULL)
		return 0;
	*text = leat_arena_strdup(&pool->arena, *text);
	return *text == NULL ? -1 : 0;
}

static int
copy_params(struct leat_schema_pool *pool, struct leat_schema *s)
{
	struct leat_param *params;
	uint32_t i;

	if (s->nparams == 0) {
		s->params = NULL;
		return 0;
	}
	params = leat_arena_memdup(&pool->arena, s->params,
	    s->nparams * sizeof(*params));
	if (params == NULL)
		return -1;
	for (i = 0; i < s->nparams; i++)
		if (copy_text(pool, &params[i].key) < 0 ||
		    copy_text(pool, &params[i].value) < 0)
			return -1;
	s->params = params;
	return 0;
}

/* Depth is bounded: leat_value_check has seen the default. */
static int
copy_value(struct leat_schema_pool *pool, struct leat_value *v)
{
	size_t n = v->kind == LEAT_MAP ? (size_t)v->len * 2 : v->len, i;
	struct leat_value *items;

	if (v->kind < LEAT_STRING)
		return 0;
	if (v->kind <= LEAT_BYTES) {
		v->u.b = leat_arena_memdup(&pool->arena, v->u.b, v->len);
		return v->u.b == NULL ? -1 : 0;
	}
	items = leat_arena_memdup(&pool->arena, v->u.items,
	    n * sizeof(*items));
	if (items == NULL)
		return -1;
	v->u.items = items;
	for (i = 0; i < n; i++)
		if (copy_value(pool, &items[i]) < 0)
			return -1;
	return 0;
}

/* Sets json_key to `"name":`. */
static int
set_json_key(struct leat_schema_pool *pool, struct leat_field *f)
{
	struct leat_buf *b = &pool->scratch;

	leat_buf_reset(b);
	(void)leat_json_add_string(b, f->name, f->name_len);
	(void)leat_buf_add_byte(b, ':');
	if (b->failed)
		return -1;
	f->json_key_len = (uint32_t)b->len;
	f->json_key = leat_arena_strndup(&pool->arena, (char *)b->data,
	    b->len);
	return f->json_key == NULL ? -1 : 0;
}

static int
copy_fields(struct leat_schema_pool *pool, struct leat_schema *s, int depth,
    struct leat_err *err)
{
	struct leat_field *fields;
	uint32_t i;

	if (s->nfields == 0) {
		s->fields = NULL;
		return 0;
	}
	fields = leat_arena_memdup(&pool->arena, s->fields,
	    s->nfields * sizeof(*fields));
	if (fields == NULL)
		return no_room(pool, err);
	for (i = 0; i < s->nfields; i++) {
		struct leat_field *f = &fields[i];

		f->schema = intern(pool, f->schema, depth + 1, err);
		if (f->schema == NULL)
			return err == NULL ? -1 : err->code;
		f->name_len = (uint32_t)strlen(f->name);
		if (copy_text(pool, &f->name) < 0 || set_json_key(pool, f) < 0)
			return no_room(pool, err);
	}
	s->fields = fields;
	return 0;
}

/* Interns a part that may be missing. */
static int
copy_part(struct leat_schema_pool *pool, const struct leat_schema **part,
    int depth, struct leat_err *err)
{
	if (*part == NULL)
		return 0;
	*part = intern(pool, *part, depth + 1, err);
	return *part == NULL ? -1 : 0;
}

static const struct leat_schema *
add_copy(struct leat_schema_pool *pool, const struct leat_schema *from,
    uint64_t hash, int depth, struct leat_err *err)
{
	struct leat_schema *s;

	s = leat_arena_memdup(&pool->arena, from, sizeof(*from));
	if (s == NULL) {
		(void)no_room(pool, err);
		return NULL;
	}
	if (copy_part(pool, &s->key, depth, err) < 0 ||
	    copy_part(pool, &s->elem, depth, err) < 0 ||
	    copy_fields(pool, s, depth, err) < 0)
		return NULL;
	if (!s->has_default)
		s->def = leat_null();
	if (copy_text(pool, &s->name) < 0 || copy_text(pool, &s->doc) < 0 ||
	    copy_params(pool, s) < 0 || copy_value(pool, &s->def) < 0 ||
	    make_room(pool) < 0) {
		(void)no_room(pool, err);
		return NULL;
	}
	s->interned = 1;
	s->reserved = 0;
	s->id = pool->n;
	pool->nodes[pool->n++] = (struct node){ s, hash };
	file_node(pool, s->id);
	return s;
}

/* --------------------------------------------------------------- checking */

static int
refuse(struct leat_err *err, const char *what)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA, "schema: %s",
	    what);
}

static int
check_fields(const struct leat_schema *s, struct leat_err *err)
{
	uint32_t i;

	for (i = 0; i < s->nfields; i++) {
		const struct leat_field *f = &s->fields[i];

		if (f->name == NULL || f->schema == NULL)
			return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "schema: field %u has no name or no schema",
			    (unsigned)i);
		if (leat_schema_field(s, f->name) != (int32_t)i)
			return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "schema: two fields are named \"%s\"", f->name);
	}
	return 0;
}

/* Is the node well-formed, apart from its parts? */
static int
check_node(const struct leat_schema *s, struct leat_err *err)
{
	uint32_t i;

	if (s->kind < LEAT_BOOLEAN || s->kind > LEAT_STRUCT)
		return refuse(err, "unknown kind");
	if ((s->kind == LEAT_MAP) != (s->key != NULL))
		return refuse(err, "a map, and only a map, has a key schema");
	if ((s->kind == LEAT_MAP || s->kind == LEAT_ARRAY) !=
	    (s->elem != NULL))
		return refuse(err,
		    "maps and arrays, and only these, have an element schema");
	if (s->kind != LEAT_STRUCT && s->nfields != 0)
		return refuse(err, "only a struct has fields");
	for (i = 0; i < s->nparams; i++)
		if (s->params[i].key == NULL || s->params[i].value == NULL)
			return refuse(err, "a parameter without key or value");
	return check_fields(s, err);
}

static int
check_default(const struct leat_schema *s, struct leat_err *err)
{
	int rc;

	if (!s->has_default)
		return 0;
	rc = leat_value_check(s, &s->def, err);
	return rc < 0 ? leat_err_wrap(err, "schema: default") : 0;
}

static const struct leat_schema *
intern(struct leat_schema_pool *pool, const struct leat_schema *s, int depth,
    struct leat_err *err)
{
	const struct leat_schema *have;
	uint64_t hash;

	if (is_ours(pool, s))
		return s;
	if (depth >= LEAT_SCHEMA_DEPTH) {
		(void)leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "schema: nested more than %d deep", LEAT_SCHEMA_DEPTH);
		return NULL;
	}
	if (check_node(s, err) < 0)
		return NULL;
	hash = pool_hash(pool, s, 0);
	have = find(pool, s, hash);
	if (have != NULL)
		return have;
	if (check_default(s, err) < 0)
		return NULL;
	return add_copy(pool, s, hash, depth, err);
}

const struct leat_schema *
leat_schema_pool_intern(struct leat_schema_pool *pool,
    const struct leat_schema *schema, struct leat_err *err)
{
	return intern(pool, schema, 0, err);
}
