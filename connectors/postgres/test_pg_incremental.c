/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_incremental.c: keys as bytes, windows, what a snapshot sees, and the
 * SQL of chunks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg_incremental_sql.h"
#include "pg_incremental_window.h"

static struct leat_buf key;

/* Texts as a key; "\N" is null. */
static struct leat_str
key_of(const char *a, const char *b)
{
	const char *texts[2] = { a, b };

	leat_buf_reset(&key);
	for (int i = 0; i < 2 && texts[i] != NULL; i++) {
		struct pgo_column c = { .kind = PGO_NULL };

		if (strcmp(texts[i], "\\N") != 0)
			c = (struct pgo_column){ .kind = PGO_TEXT,
				.data = texts[i],
				.len = (uint32_t)strlen(texts[i]) };
		pg_key_encode(&key, &c, NULL, 1);
	}
	return (struct leat_str){ (const char *)key.data, key.len };
}

/* -------------------------------------------------------------------- keys */

static void
test_key(void **state)
{
	struct leat_str k = key_of("one", "\\N");
	struct pgo_column c;

	assert_int_equal(pg_key_next(&k, &c), 1);
	assert_int_equal(c.kind, PGO_TEXT);
	assert_int_equal(c.len, 3);
	assert_memory_equal(c.data, "one", 3);
	assert_int_equal(pg_key_next(&k, &c), 1);
	assert_int_equal(c.kind, PGO_NULL);
	assert_int_equal(pg_key_next(&k, &c), 0);
	/* What is cut off is no column. */
	k = key_of("one", NULL);
	k.len--;
	assert_int_equal(pg_key_next(&k, &c), 0);
	k.len = 3;
	assert_int_equal(pg_key_next(&k, &c), 0);
}

/* Two keys are the same bytes only when all columns are. */
static void
test_keys_differ(void **state)
{
	char first[64];
	struct leat_str k = key_of("a", "bc");
	size_t n = k.len;

	memcpy(first, k.ptr, n);
	k = key_of("ab", "c");
	assert_int_equal(k.len, n);
	assert_memory_not_equal(k.ptr, first, n);
	k = key_of("a", "bc");
	assert_memory_equal(k.ptr, first, n);
}

/* ----------------------------------------------------------------- windows */

/* Lines are libpq's memory, which is malloc's. */
static void
add(struct pg_window *w, const char *k, const char *line)
{
	assert_int_equal(pg_window_add(w, key_of(k, NULL), strdup(line),
	    strlen(line)), 0);
}

static void
test_window(void **state)
{
	struct pg_window w = { 0 };

	/* Closed: what the stream says does not matter. */
	pg_window_strike(&w, key_of("1", NULL));
	pg_window_open(&w);
	pg_window_strike(&w, key_of("2", NULL));	/* before its row */
	add(&w, "1", "1\n");
	add(&w, "2", "2\n");
	add(&w, "3", "3\n");
	add(&w, "3", "3 too\n");	/* not unique, as surrogates may be */
	assert_int_equal(w.struck, 1);
	assert_true(w.rows[1].gone);
	pg_window_strike(&w, key_of("3", NULL));
	pg_window_strike(&w, key_of("3", NULL));
	pg_window_strike(&w, key_of("9", NULL));
	assert_false(w.rows[0].gone);
	assert_true(w.rows[2].gone && w.rows[3].gone);
	assert_int_equal(w.struck, 3);
	/* Opened again it knows nothing. */
	pg_window_open(&w);
	add(&w, "3", "3\n");
	assert_int_equal(w.struck, 0);
	pg_window_reset(&w);
	assert_false(w.open);
}

static void
test_truncated(void **state)
{
	struct pg_window w = { 0 };

	pg_window_open(&w);
	add(&w, "1", "1\n");
	pg_window_strike_all(&w);
	add(&w, "2", "2\n");
	assert_int_equal(w.struck, 2);
	pg_window_reset(&w);
}

static void
test_overflow(void **state)
{
	struct pg_window w = { 0 };

	pg_window_open(&w);
	w.key_bytes = PG_WINDOW_KEY_BYTES;
	pg_window_strike(&w, key_of("1", NULL));
	assert_true(w.overflow);
	pg_window_reset(&w);
	assert_false(w.overflow);
}

/* -------------------------------------------------------------- visibility */

static struct leat_arena arena;

static struct pg_visible
visible(const char *text)
{
	struct pg_visible v;

	assert_int_equal(pg_visible_parse(text, &arena, &v), 0);
	return v;
}

static void
test_visible(void **state)
{
	struct pg_visible v = visible("100:110:103,105"), none;

	assert_true(pg_visible_has(&v, 99));
	assert_true(pg_visible_has(&v, 100));
	assert_false(pg_visible_has(&v, 103));
	assert_true(pg_visible_has(&v, 104));
	assert_false(pg_visible_has(&v, 105));
	assert_true(pg_visible_has(&v, 109));
	assert_false(pg_visible_has(&v, 110));
	v = visible("7:7:");
	assert_true(pg_visible_has(&v, 6));
	assert_false(pg_visible_has(&v, 7));
	assert_true(pg_visible_parse("7", &arena, &none) < 0);
	assert_true(pg_visible_parse("9:7:", &arena, &none) < 0);
	assert_true(pg_visible_parse("7:9:x", &arena, &none) < 0);
}

/* The stream's ids have 32 bits, a snapshot's do not. */
static void
test_wraparound(void **state)
{
	/* Just behind the first wrap: 2^32 + 5. */
	struct pg_visible v = visible("4294967290:4294967301:4294967295,"
	    "4294967297");

	assert_true(pg_visible_has(&v, 4294967289u));
	assert_true(pg_visible_has(&v, 4294967294u));
	assert_false(pg_visible_has(&v, 4294967295u));
	assert_true(pg_visible_has(&v, 0));
	assert_false(pg_visible_has(&v, 1));
	assert_true(pg_visible_has(&v, 4));
	assert_false(pg_visible_has(&v, 5));
	/* Just before it: what has wrapped is newer. */
	v = visible("4294967290:4294967294:");
	assert_false(pg_visible_has(&v, 3));
	assert_true(pg_visible_has(&v, 4294967293u));
	/* Many epochs later. */
	v = visible("21474836490:21474836495:21474836491");
	assert_false(pg_visible_has(&v, 11));
	assert_true(pg_visible_has(&v, 12));
}

static void
test_ring(void **state)
{
	static struct pg_ring r;
	struct pg_visible v = visible("100:110:103");

	assert_true(pg_ring_seen(&r, r.n, &v));
	pg_ring_push(&r, 101);
	pg_ring_push(&r, 102);
	assert_true(pg_ring_seen(&r, r.n, &v));
	pg_ring_push(&r, 103);	/* delivered, and not visible yet */
	assert_true(pg_ring_seen(&r, 2, &v));
	assert_false(pg_ring_seen(&r, 3, &v));
	/* It remembers the last of them only. */
	for (int i = 0; i < PG_RING_XIDS; i++)
		pg_ring_push(&r, 90);
	assert_true(pg_ring_seen(&r, r.n, &v));
}

/* --------------------------------------------------------------------- SQL */

static struct pg_col cols[3] = { { .name = "a" }, { .name = "b\"" },
	{ .name = "v" } };
static struct pg_relation rel = { .schema = "s", .name = "t", .ncols = 3,
	.cols = cols };
static struct pg_order_col order[2] = {
	{ .name = "a", .type = "integer", .not_null = 1, .col = 0 },
	{ .name = "b\"", .type = "text", .not_null = 1, .col = 1 },
};

static void
check_chunk(const struct pg_chunk_query *q, const char *want)
{
	struct leat_buf b;

	leat_buf_init(&b, 1 << 16);
	pg_sql_chunk(&b, q);
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
}

static void
test_chunk_sql(void **state)
{
	struct pg_chunk_query q = { .rel = &rel, .order = { order, 2 },
		.only = 1, .limit = 10 };

	check_chunk(&q, "COPY (SELECT \"a\",\"b\"\"\",\"v\" FROM ONLY "
	    "\"s\".\"t\" ORDER BY \"a\", \"b\"\"\" LIMIT 10) TO STDOUT");
	q.after = key_of("1", "it's \\");
	q.row_filter = "v > 0";
	q.condition = "a = 1 -- all";
	check_chunk(&q, "COPY (SELECT \"a\",\"b\"\"\",\"v\" FROM ONLY "
	    "\"s\".\"t\" WHERE (\"a\", \"b\"\"\") > ( E'1'::integer,  "
	    "E'it''s \\\\'::text) AND (v > 0) AND (a = 1 -- all\n) ORDER BY "
	    "\"a\", \"b\"\"\" LIMIT 10) TO STDOUT");
}

/* Columns that may be null are compared one by one; nulls come last. */
static void
test_null_sql(void **state)
{
	struct pg_chunk_query q = { .rel = &rel, .order = { order, 2 },
		.limit = 5 };

	order[0].not_null = 0;
	q.after = key_of("1", "x");
	check_chunk(&q, "COPY (SELECT \"a\",\"b\"\"\",\"v\" FROM \"s\".\"t\" "
	    "WHERE (\"a\" >  E'1'::integer OR \"a\" IS NULL OR (\"a\" = "
	    "E'1'::integer AND (\"b\"\"\" >  E'x'::text))) ORDER BY \"a\", "
	    "\"b\"\"\" LIMIT 5) TO STDOUT");
	q.after = key_of("\\N", "x");
	check_chunk(&q, "COPY (SELECT \"a\",\"b\"\"\",\"v\" FROM \"s\".\"t\" "
	    "WHERE ((\"a\" IS NULL AND (\"b\"\"\" >  E'x'::text))) ORDER BY "
	    "\"a\", \"b\"\"\" LIMIT 5) TO STDOUT");
	q.after = (struct leat_str){ NULL, 0 };
	q.upto = key_of("\\N", "x");
	check_chunk(&q, "COPY (SELECT \"a\",\"b\"\"\",\"v\" FROM \"s\".\"t\" "
	    "WHERE (\"a\" IS NOT NULL OR (\"a\" IS NULL AND (\"b\"\"\" <=  "
	    "E'x'::text))) ORDER BY \"a\", \"b\"\"\" LIMIT 5) TO STDOUT");
	order[0].not_null = 1;
}

static int
start(void **state)
{
	leat_buf_init(&key, 1 << 16);
	leat_arena_init(&arena, 4096, 0);
	return 0;
}

static int
stop(void **state)
{
	leat_buf_fini(&key);
	leat_arena_fini(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_keys_differ),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_wraparound),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_chunk_sql),
		cmocka_unit_test(test_null_sql),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
