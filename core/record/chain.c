/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.c: a task's converters and transforms as one.
 */
#include "core/record/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/conf.h"
#include "core/record/converter_pick.h"
#include "core/record/memory.h"
#include "core/record/transform.h"

enum {
	OUT_FIRST = 4096,
	OUT_KEEP = 4 << 20,	/* more is given back after a large record */
	CONF_MEMORY = 16 << 20,
	POOL_MEMORY = 16 << 20,	/* for the schemas of a validation */
	HEADERS_MAX = 100000
};

struct chain {
	struct leat_schema_pool *pool;
	struct converter key;
	struct converter value;
	struct converter header;
	struct transform_set set;
	struct leat_buf out;	/* the record being encoded */
};

void
chain_free(struct chain *c)
{
	if (c == NULL)
		return;
	converter_close(&c->key);
	converter_close(&c->value);
	converter_close(&c->header);
	transform_set_fini(&c->set);
	leat_buf_fini(&c->out);
	free(c);
}

/* Reports all problems when conf->out is set, else stops at the first. */
static int
build(struct conf *conf, struct leat_schema_pool *pool,
    struct chain **ret_chain)
{
	struct chain *c = calloc(1, sizeof(*c));
	const bool all = conf->out != NULL;
	int rc;

	if (c == NULL)
		return conf_no_memory(conf);
	c->pool = pool;
	leat_buf_init(&c->out, RECORD_LIMIT_ENCODED);
	rc = leat_buf_grow(&c->out, OUT_FIRST) < 0 ? conf_no_memory(conf) : 0;
	if (rc == 0 || all)
		rc |= converter_pick(conf, "key.converter", pool, &c->key);
	if (rc == 0 || all)
		rc |= converter_pick(conf, "value.converter", pool, &c->value);
	if (rc == 0 || all)
		rc |= converter_pick(conf, "header.converter", pool,
		    &c->header);
	if (rc == 0 || all)
		rc |= transform_set_init(&c->set, conf, pool);
	if (rc != 0 || conf->nproblems > 0) {
		chain_free(c);
		return conf->err->code < 0 ? conf->err->code : LEAT_E_CONFIG;
	}
	*ret_chain = c;
	return 0;
}

int
chain_new(const struct properties *props, const struct properties *defaults,
    struct leat_schema_pool *pool, struct chain **ret_chain,
    struct leat_err *err)
{
	struct leat_err own = LEAT_ERR_INIT;
	struct leat_arena arena;
	struct conf conf = { .props = props, .defaults = defaults,
		.err = err != NULL ? err : &own, .arena = &arena };
	int rc;

	leat_err_clear(conf.err);
	leat_arena_init(&arena, 4096, CONF_MEMORY);
	rc = build(&conf, pool, ret_chain);
	leat_arena_fini(&arena);
	return rc;
}

void
chain_validate(const struct properties *props, struct problems *out)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_arena arena;
	struct conf conf = { .props = props, .out = out, .err = &err,
		.arena = &arena };
	struct leat_schema_pool *pool = leat_schema_pool_new(POOL_MEMORY);
	struct chain *c = NULL;

	if (pool == NULL)
		return;
	leat_arena_init(&arena, 4096, CONF_MEMORY);
	if (build(&conf, pool, &c) == 0)
		chain_free(c);
	leat_arena_fini(&arena);
	leat_schema_pool_free(pool);
}

bool
chain_owns_key(const struct properties *props, const char *key)
{
	static const char *const roots[] = { "key.converter",
		"value.converter", "header.converter", "transforms",
		"predicates" };
	size_t i, len;

	(void)props;
	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		len = strlen(roots[i]);
		if (strncmp(key, roots[i], len) == 0 &&
		    (key[len] == '\0' || key[len] == '.'))
			return true;
	}
	return false;
}

size_t
chain_held(const struct chain *c)
{
	return sizeof(*c) + c->out.cap + converter_held(&c->key) +
	    converter_held(&c->value) + converter_held(&c->header) +
	    transform_set_held(&c->set);
}

/* --------------------------------------------------------------- transforms */

/* What transforms know of schemas is filed by their ids in the pool. */
static int
intern_schemas(struct chain *c, struct leat_record *rec, struct leat_err *err)
{
	const struct leat_schema **schemas[] = { &rec->key_schema,
		&rec->value_schema };
	size_t i;

	for (i = 0; i < 2; i++) {
		if (*schemas[i] == NULL || (*schemas[i])->interned)
			continue;
		*schemas[i] = leat_schema_pool_intern(c->pool, *schemas[i],
		    err);
		if (*schemas[i] == NULL)
			return err->code;
	}
	return 0;
}

int
chain_transform(struct chain *c, struct leat_record *rec,
    struct leat_arena *arena, bool *ret_keep,
    struct chain_failure *ret_failure, struct leat_err *err)
{
	struct leat_err own;
	bool keep = true;
	size_t i;
	int rc;

	/* Transforms read the code back: give them a slot in any case. */
	if (err == NULL)
		err = &own;
	for (i = 0; keep && i < c->set.transforms.n; i++) {
		struct transform *t = &c->set.transforms.v[i];

		if (t->predicate != NULL &&
		    t->predicate->pcls->test(t->predicate, rec) == t->negate)
			continue;
		rc = intern_schemas(c, rec, err);
		if (rc == 0)
			rc = t->cls->apply(t, rec, arena, &keep, err);
		if (rc < 0) {
			*ret_failure = (struct chain_failure){
				STAGE_TRANSFORMATION, t->class_name };
			return leat_err_wrap(err, "transform '%s'", t->alias);
		}
	}
	*ret_keep = keep;
	return 0;
}

/* ---------------------------------------------------------------- encoding */

static int
failed(struct chain_failure *ret_failure, enum chain_stage stage,
    const struct converter *c, int rc, const struct leat_err *err)
{
	*ret_failure = (struct chain_failure){ stage, c->cls->name };
	return err != NULL && err->code < 0 ? err->code : rc;
}

/*
 * The buffer may move while the record grows, so positions are kept until it
 * is complete; they become pointers then. A null is a position of -1.
 */
static inline struct leat_str
piece(const struct chain *c, int64_t from, size_t to)
{
	if (from < 0)
		return (struct leat_str){ NULL, 0 };
	return (struct leat_str){ (const char *)c->out.data + from,
		to - (size_t)from };
}

/* Headers come last: what is encoded before them has its place already. */
static void
place_headers(const struct chain *c, size_t from, struct chain_header *headers,
    uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (headers[i].value.ptr != NULL)
			headers[i].value.ptr = (const char *)c->out.data +
			    from;
		from += headers[i].value.len;
	}
}

static int
encode_headers(struct chain *c, const struct leat_record *rec,
    struct leat_arena *arena, struct chain_header **ret_headers,
    struct leat_err *err)
{
	const size_t first = c->out.len;
	struct chain_header *headers;
	uint32_t i;
	bool null;
	int rc;

	if (rec->nheaders > HEADERS_MAX)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "%u headers", rec->nheaders);
	headers = leat_arena_alloc(arena, rec->nheaders * sizeof(*headers));
	if (headers == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < rec->nheaders; i++) {
		const struct leat_header *h = &rec->headers[i];
		const size_t from = c->out.len;

		rc = c->header.cls->encode(c->header.self, h->schema,
		    &h->value, &c->out, &null, err);
		if (rc < 0) {
			leat_err_wrap(err, "header '%s'", h->name);
			return rc;
		}
		headers[i].name = h->name;
		headers[i].value.len = c->out.len - from;
		/* Null or not; the place is set when all are written. */
		headers[i].value.ptr = null ? NULL : "";
	}
	place_headers(c, first, headers, rec->nheaders);
	*ret_headers = headers;
	return 0;
}

/* After a giant the buffer goes back to an ordinary size. */
static int
reset_out(struct chain *c, struct leat_err *err)
{
	leat_buf_reset(&c->out);
	if (c->out.cap <= OUT_KEEP)
		return 0;
	leat_buf_fini(&c->out);
	leat_buf_init(&c->out, RECORD_LIMIT_ENCODED);
	if (leat_buf_grow(&c->out, OUT_FIRST) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return 0;
}

int
chain_encode(struct chain *c, const struct leat_record *rec,
    struct leat_arena *arena, struct chain_bytes *ret_bytes,
    struct chain_failure *ret_failure, struct leat_err *err)
{
	struct chain_header *headers = NULL;
	size_t key_end, value_end;
	bool no_key, no_value;
	int rc;

	rc = reset_out(c, err);
	if (rc < 0)
		return failed(ret_failure, STAGE_VALUE_CONVERTER, &c->value,
		    rc, err);
	rc = c->key.cls->encode(c->key.self, rec->key_schema, &rec->key,
	    &c->out, &no_key, err);
	if (rc < 0)
		return failed(ret_failure, STAGE_KEY_CONVERTER, &c->key, rc,
		    err);
	key_end = c->out.len;
	if (c->value.cls->headers != NULL)
		c->value.cls->headers(c->value.self, rec->headers,
		    rec->nheaders);
	rc = c->value.cls->encode(c->value.self, rec->value_schema,
	    &rec->value, &c->out, &no_value, err);
	if (rc < 0)
		return failed(ret_failure, STAGE_VALUE_CONVERTER, &c->value,
		    rc, err);
	value_end = c->out.len;
	if (rec->nheaders > 0) {
		rc = encode_headers(c, rec, arena, &headers, err);
		if (rc < 0)
			return failed(ret_failure, STAGE_HEADER_CONVERTER,
			    &c->header, rc, err);
	}
	ret_bytes->key = piece(c, no_key ? -1 : 0, key_end);
	ret_bytes->value = piece(c, no_value ? -1 : (int64_t)key_end,
	    value_end);
	ret_bytes->headers = headers;
	ret_bytes->nheaders = rec->nheaders;
	return 0;
}

/* ---------------------------------------------------------------- decoding */

static int
decode_headers(struct chain *c, const struct chain_bytes *bytes,
    struct leat_arena *arena, struct leat_header **ret_headers,
    struct leat_err *err)
{
	struct leat_header *headers;
	uint32_t i;
	int rc;

	if (bytes->nheaders > HEADERS_MAX)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "%u headers", bytes->nheaders);
	headers = leat_arena_alloc(arena, bytes->nheaders * sizeof(*headers));
	if (headers == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < bytes->nheaders; i++) {
		headers[i].name = bytes->headers[i].name;
		rc = c->header.cls->decode(c->header.self,
		    bytes->headers[i].value, arena, &headers[i].schema,
		    &headers[i].value, err);
		if (rc < 0) {
			leat_err_wrap(err, "header '%s'", headers[i].name);
			return rc;
		}
	}
	*ret_headers = headers;
	return 0;
}

int
chain_decode(struct chain *c, const struct chain_bytes *bytes,
    struct leat_arena *arena, struct leat_record *rec,
    struct chain_failure *ret_failure, struct leat_err *err)
{
	struct leat_header *headers = NULL;
	int rc;

	rc = c->key.cls->decode(c->key.self, bytes->key, arena,
	    &rec->key_schema, &rec->key, err);
	if (rc < 0)
		return failed(ret_failure, STAGE_KEY_CONVERTER, &c->key, rc,
		    err);
	rc = c->value.cls->decode(c->value.self, bytes->value, arena,
	    &rec->value_schema, &rec->value, err);
	if (rc < 0)
		return failed(ret_failure, STAGE_VALUE_CONVERTER, &c->value,
		    rc, err);
	if (bytes->nheaders > 0) {
		rc = decode_headers(c, bytes, arena, &headers, err);
		if (rc < 0)
			return failed(ret_failure, STAGE_HEADER_CONVERTER,
			    &c->header, rc, err);
	}
	rec->headers = headers;
	rec->nheaders = bytes->nheaders;
	return 0;
}
