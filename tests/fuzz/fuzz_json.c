/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c: JsonConverter reads anything, with and without schemas; what it
 * accepts fits its schema, and is the same after a second trip.
 */
#include <stdlib.h>

#include "core/record/record_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct leat_schema_pool *pool;
	struct leat_arena arena;
	struct leat_buf buf[2];
	void *self;
};

static void
open_state(struct state *st, const char *const *settings)
{
	st->pool = leat_schema_pool_new(1 << 22);
	leat_arena_init(&st->arena, 4096, 1 << 24);
	leat_buf_init(&st->buf[0], 1 << 24);
	leat_buf_init(&st->buf[1], 1 << 24);
	st->self = testing_open(&json_converter, st->pool, settings);
}

static void
close_state(struct state *st)
{
	json_converter.close(st->self);
	leat_buf_fini(&st->buf[0]);
	leat_buf_fini(&st->buf[1]);
	leat_arena_fini(&st->arena);
	leat_schema_pool_free(st->pool);
}

/* Reads a text and writes what was read; false if it is refused. */
static bool
trip(struct state *st, struct leat_str text, struct leat_buf *to)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *schema;
	struct leat_value v;
	bool null;

	if (json_converter.decode(st->self, text, &st->arena, &schema, &v,
		&err) < 0) {
		if (err.code == 0 || err.text[0] == '\0')
			abort();
		return false;
	}
	if (schema != NULL && leat_value_check(schema, &v, &err) < 0 &&
	    err.code != LEAT_E_LIMIT && v.kind != LEAT_NULL)
		testing_die("value_check", err.text);
	return json_converter.encode(st->self, schema, &v, to, &null, &err) ==
	    0 && !null;
}

static void
one(const char *const *settings, struct leat_str text)
{
	struct state st;
	struct leat_str again;

	open_state(&st, settings);
	if (trip(&st, text, &st.buf[0])) {
		again.ptr = (const char *)st.buf[0].data;
		again.len = st.buf[0].len;
		if (!trip(&st, again, &st.buf[1]) ||
		    st.buf[1].len != again.len ||
		    memcmp(st.buf[1].data, again.ptr, again.len) != 0)
			abort();
	}
	close_state(&st);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const plain[] = { "schemas.enable", "false", NULL };
	static const char *const full[] = { "decimal.format", "NUMERIC",
		NULL };
	const struct leat_str text = { (const char *)data, size };

	one(full, text);
	one(plain, text);
	return 0;
}
