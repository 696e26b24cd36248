/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing_chain.h: a chain built from a few properties, and records sent
 * through it, for tests.
 */
#ifndef LEAT_RECORD_TESTING_CHAIN_H
#define LEAT_RECORD_TESTING_CHAIN_H

#include "core/config/properties.h"
#include "core/record/chain.h"
#include "core/record/record_testing.h"

/* "key=value" lines as properties; line numbers are places. */
static inline struct properties *
testing_props(const char *text)
{
	struct properties_builder *b = properties_builder_new();
	struct leat_str rest = leat_str_c(text), line, key;
	struct place place = { "c.yaml", 0, 1 };
	struct properties *p;
	char k[200], v[600];

	if (b == NULL)
		return NULL;
	while (rest.len > 0) {
		line = leat_str_cut(&rest, '\n');
		place.line++;
		key = leat_str_cut(&line, '=');
		snprintf(k, sizeof(k), "%.*s", (int)key.len, key.ptr);
		snprintf(v, sizeof(v), "%.*s", (int)line.len, line.ptr);
		if (properties_builder_set(b, k, v, v, place, false) < 0)
			break;
	}
	p = properties_builder_finish(b);
	properties_builder_free(b);
	return p;
}

struct testing_chain {
	struct leat_schema_pool *pool;
	struct leat_arena arena;
	struct chain *chain;
	struct chain_failure failure;
	struct leat_err err;
};

static inline int
testing_chain_open(struct testing_chain *c, const char *text)
{
	struct properties *props = testing_props(text);
	int rc;

	memset(c, 0, sizeof(*c));
	c->pool = leat_schema_pool_new(1 << 24);
	leat_arena_init(&c->arena, 4096, 1 << 24);
	if (props == NULL || c->pool == NULL)
		return -1;
	rc = chain_new(props, NULL, c->pool, &c->chain, &c->err);
	properties_unref(props);
	return rc;
}

static inline void
testing_chain_close(struct testing_chain *c)
{
	chain_free(c->chain);
	leat_arena_fini(&c->arena);
	leat_schema_pool_free(c->pool);
}

/*
 * The record after transforms and converters as one line,
 * "topic|key|value|header=value ...", or "dropped", or "!error".
 */
static inline const char *
testing_chain_run(struct testing_chain *c, struct leat_record *rec)
{
	struct leat_buf line;
	struct chain_bytes bytes;
	const char *text;
	bool keep;
	uint32_t i;
	int rc;

	if (rec->key_schema != NULL)
		rec->key_schema = testing_intern(c->pool, rec->key_schema);
	if (rec->value_schema != NULL)
		rec->value_schema = testing_intern(c->pool,
		    rec->value_schema);
	leat_err_clear(&c->err);
	rc = chain_transform(c->chain, rec, &c->arena, &keep, &c->failure,
	    &c->err);
	if (rc == 0 && !keep)
		return "dropped";
	if (rc == 0)
		rc = chain_encode(c->chain, rec, &c->arena, &bytes,
		    &c->failure, &c->err);
	if (rc < 0)
		return leat_arena_printf(&c->arena, "!%s", c->err.text);
	leat_buf_init(&line, 1 << 20);
	leat_buf_printf(&line, "%s|%.*s|%.*s|", rec->topic,
	    bytes.key.ptr == NULL ? 4 : (int)bytes.key.len,
	    bytes.key.ptr == NULL ? "NULL" : bytes.key.ptr,
	    bytes.value.ptr == NULL ? 4 : (int)bytes.value.len,
	    bytes.value.ptr == NULL ? "NULL" : bytes.value.ptr);
	for (i = 0; i < bytes.nheaders; i++)
		leat_buf_printf(&line, "%s%s=%.*s", i > 0 ? " " : "",
		    bytes.headers[i].name,
		    bytes.headers[i].value.ptr == NULL ? 4
		    : (int)bytes.headers[i].value.len,
		    bytes.headers[i].value.ptr == NULL ? "NULL"
		    : bytes.headers[i].value.ptr);
	text = leat_arena_strdup(&c->arena, leat_buf_cstr(&line));
	leat_buf_fini(&line);
	return text;
}

#endif
