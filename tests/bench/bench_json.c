/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_json.c: what encoding and decoding a Debezium envelope costs, as one
 * JSON object per line. usage: bench_json [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/record/record_testing.h"

enum { ROUNDS = 300000, TRIES = 7 };

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

struct run {
	const char *name;
	const char *const *settings;
	const struct leat_schema *schema;
	const struct leat_value *value;
	void *self;
	struct leat_buf buf;
	struct leat_arena arena;
};

static void
encode_once(struct run *r)
{
	struct leat_err err = LEAT_ERR_INIT;
	bool null;

	leat_buf_reset(&r->buf);
	if (json_converter.encode(r->self, r->schema, r->value, &r->buf, &null,
		&err) < 0)
		testing_die("encode", err.text);
}

static void
decode_once(struct run *r)
{
	const struct leat_str text = { (const char *)r->buf.data, r->buf.len };
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *schema;
	struct leat_value v;

	leat_arena_reset(&r->arena);
	if (json_converter.decode(r->self, text, &r->arena, &schema, &v,
		&err) < 0)
		testing_die("decode", err.text);
}

/* The best of some tries: the others measure the neighbours. */
static double
measure(struct run *r, void (*fn)(struct run *), long rounds)
{
	double best = 1e18, t;
	long i;
	int try;

	for (try = 0; try < TRIES; try++) {
		t = now_ns();
		for (i = 0; i < rounds; i++)
			fn(r);
		t = (now_ns() - t) / (double)rounds;
		if (t < best)
			best = t;
	}
	return best;
}

static void
report(struct run *r, const char *what, double ns)
{
	printf("{\"bench\":\"json\",\"what\":\"%s\",\"case\":\"%s\","
	    "\"bytes\":%zu,\"ns_per_record\":%.0f,\"mb_per_s\":%.0f}\n",
	    what, r->name, r->buf.len, ns, (double)r->buf.len / ns * 1000);
}

static void
run(struct leat_schema_pool *pool, struct run *r, long rounds)
{
	r->self = testing_open(&json_converter, pool, r->settings);
	r->schema = r->schema == NULL ? NULL
	    : testing_intern(pool, r->schema);
	leat_buf_init(&r->buf, 1 << 24);
	leat_arena_init(&r->arena, 1 << 16, 0);
	report(r, "encode", measure(r, encode_once, rounds));
	report(r, "decode", measure(r, decode_once, rounds));
	json_converter.close(r->self);
	leat_buf_fini(&r->buf);
	leat_arena_fini(&r->arena);
}

int
main(int argc, char **argv)
{
	static const char *const plain[] = { "schemas.enable", "false", NULL };
	static const char *const full[] = { "schemas.enable", "true", NULL };
	struct leat_schema_pool *pool = leat_schema_pool_new(1 << 24);
	struct run runs[] = {
		{ .name = "insert", .settings = plain, .schema = &t_envelope,
		    .value = &t_e1 },
		{ .name = "update with before", .settings = plain,
		    .schema = &t_envelope, .value = &t_e2 },
		{ .name = "update with before, schemas.enable",
		    .settings = full, .schema = &t_envelope, .value = &t_e2 },
	};
	int64_t rounds = ROUNDS;
	size_t i;

	if (argc > 1 && leat_parse_i64(leat_str_c(argv[1]), 1, INT32_MAX,
		&rounds) < 0)
		testing_die(argv[1], "not a number of rounds");
	for (i = 0; i < COUNT(runs); i++)
		run(pool, &runs[i], (long)rounds);
	leat_schema_pool_free(pool);
	return 0;
}
