/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schema.c: schemas, the pool that interns them, and checking values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include <leat/schema.h>

#include "sdk/testkit/mem_fail.h"

static const struct leat_schema int32 = { .kind = LEAT_INT32 };
static const struct leat_schema text = { .kind = LEAT_STRING, .optional = 1 };

static const struct leat_param params[] = {
	{ "scale", "2" }, { "connect.decimal.precision", "10" }
};
static const struct leat_schema decimal = {
	.kind = LEAT_BYTES,
	.optional = 1,
	.version = 1,
	.name = "org.apache.kafka.connect.data.Decimal",
	.params = params,
	.nparams = 2,
};
static const struct leat_schema tags = { .kind = LEAT_ARRAY, .elem = &text };
static const struct leat_schema counts = {
	.kind = LEAT_MAP, .key = &text, .elem = &int32
};
static const struct leat_schema note = {
	.kind = LEAT_STRING,
	.has_default = 1,
	.def = { .kind = LEAT_STRING, .len = 4, .u.s = "none" },
	.doc = "a note",
};
static const struct leat_field row_fields[] = {
	{ .name = "id", .schema = &int32 },
	{ .name = "am\"ount", .schema = &decimal },
	{ .name = "tags", .schema = &tags },
	{ .name = "counts", .schema = &counts },
	{ .name = "note", .schema = &note },
};
static const struct leat_schema row = {
	.kind = LEAT_STRUCT, .optional = 1, .name = "shop.row",
	.fields = row_fields, .nfields = 5
};
static const struct leat_field envelope_fields[] = {
	{ .name = "before", .schema = &row },
	{ .name = "after", .schema = &row },
};
static const struct leat_schema envelope = {
	.kind = LEAT_STRUCT, .name = "shop.Envelope",
	.fields = envelope_fields, .nfields = 2
};

/* ------------------------------------------------------------------- plain */

static void
test_plain(void **state)
{
	int kind;

	(void)state;
	for (kind = LEAT_BOOLEAN; kind <= LEAT_BYTES; kind++) {
		assert_int_equal(leat_schema_plain(kind, 0)->kind, kind);
		assert_int_equal(leat_schema_plain(kind, 0)->optional, 0);
		assert_int_equal(leat_schema_plain(kind, 7)->optional, 1);
		assert_int_equal(leat_schema_plain(kind, 0)->interned, 0);
	}
	assert_null(leat_schema_plain(LEAT_NULL, 0));
	assert_null(leat_schema_plain(LEAT_ARRAY, 0));
}

static void
test_field(void **state)
{
	(void)state;
	assert_int_equal(leat_schema_field(&row, "id"), 0);
	assert_int_equal(leat_schema_field(&row, "note"), 4);
	assert_int_equal(leat_schema_field(&row, "no"), -1);
	assert_int_equal(leat_schema_field(&int32, "id"), -1);
}

/* Each attribute makes a difference, to equality and to the hash. */
static void
test_every_attribute_counts(void **state)
{
	static const struct leat_param other_params[] = {
		{ "scale", "2" }, { "connect.decimal.precision", "11" }
	};
	static const struct leat_field other_fields[] = {
		{ .name = "before", .schema = &row },
		{ .name = "aftet", .schema = &row },
	};
	struct leat_schema s[12];
	size_t i, k;

	(void)state;
	for (i = 0; i < 12; i++)
		s[i] = decimal;
	s[1].optional = 0;
	s[2].version = 2;
	s[3].name = "x";
	s[4].name = NULL;
	s[5].doc = "x";
	s[6].nparams = 1;
	s[7].params = other_params;
	s[8].has_default = 1;
	s[9].has_default = 1;
	s[9].def = leat_bytes("\1", 1);
	s[10] = envelope;
	s[11] = envelope;
	s[11].fields = other_fields;
	for (i = 0; i < 12; i++)
		for (k = 0; k < 12; k++) {
			assert_int_equal(leat_schema_equal(&s[i], &s[k]),
			    i == k);
			assert_int_equal(leat_schema_hash(&s[i]) ==
			    leat_schema_hash(&s[k]), i == k);
		}
	assert_true(leat_schema_equal(NULL, NULL));
	assert_false(leat_schema_equal(&int32, NULL));
	assert_int_equal(leat_schema_hash(NULL), leat_schema_hash(NULL));
}

static void
test_defaults_are_compared_deeply(void **state)
{
	struct leat_value a_items[] = { leat_i64(1), leat_cstring("x") };
	struct leat_value b_items[] = { leat_i64(1), leat_cstring("y") };
	struct leat_schema a = tags, b = tags;

	(void)state;
	a.has_default = b.has_default = 1;
	a.def = leat_items(LEAT_MAP, a_items, 1);
	b.def = leat_items(LEAT_MAP, b_items, 1);
	assert_false(leat_schema_equal(&a, &b));
	b_items[1] = leat_cstring("x");
	assert_true(leat_schema_equal(&a, &b));
	b.def = leat_items(LEAT_ARRAY, b_items, 2);
	assert_false(leat_schema_equal(&a, &b));
	a.def = leat_f64(0.0);
	b.def = leat_f64(-0.0);
	assert_false(leat_schema_equal(&a, &b));
	a.def = b.def = leat_f64(__builtin_nan(""));
	assert_true(leat_schema_equal(&a, &b));
}

/* -------------------------------------------------------------------- pool */

static void
test_interned_copy(void **state)
{
	struct leat_schema_pool *pool = leat_schema_pool_new(0);
	const struct leat_schema *s, *r;

	(void)state;
	s = leat_schema_pool_intern(pool, &envelope, NULL);
	assert_non_null(s);
	assert_ptr_not_equal(s, &envelope);
	assert_int_equal(s->interned, 1);
	assert_true(leat_schema_equal(s, &envelope));
	assert_ptr_equal(s->fields[0].schema, s->fields[1].schema);

	r = s->fields[0].schema;
	assert_string_equal(r->fields[0].json_key, "\"id\":");
	assert_int_equal(r->fields[0].json_key_len, 5);
	assert_string_equal(r->fields[1].json_key, "\"am\\\"ount\":");
	assert_int_equal(r->fields[1].name_len, 7);
	assert_ptr_not_equal(r->fields[4].schema->def.u.s, note.def.u.s);
	assert_memory_equal(r->fields[4].schema->def.u.s, "none", 4);
	assert_string_equal(r->fields[1].schema->params[0].value, "2");
	assert_int_equal(leat_schema_field(r, "counts"), 3);
	assert_int_equal(leat_schema_field(r, "count"), -1);
	leat_schema_pool_free(pool);
}

static void
test_interned_once(void **state)
{
	struct leat_schema_pool *pool = leat_schema_pool_new(0);
	const struct leat_schema *a, *b, *plain;
	struct leat_schema copy = envelope;

	(void)state;
	assert_int_equal(leat_schema_pool_count(pool), 0);
	a = leat_schema_pool_intern(pool, &envelope, NULL);
	/* int32, decimal, text, tags, counts, note, row, envelope */
	assert_int_equal(leat_schema_pool_count(pool), 8);
	b = leat_schema_pool_intern(pool, &copy, NULL);
	assert_ptr_equal(a, b);
	assert_ptr_equal(leat_schema_pool_intern(pool, a, NULL), a);
	plain = leat_schema_pool_intern(pool,
	    leat_schema_plain(LEAT_INT32, 0), NULL);
	assert_ptr_equal(plain, a->fields[0].schema->fields[0].schema);
	assert_int_equal(leat_schema_pool_count(pool), 8);
	leat_schema_pool_free(pool);
}

static void
test_ids_are_dense(void **state)
{
	struct leat_schema_pool *pool = leat_schema_pool_new(0);
	char name[16];
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		struct leat_schema s = { .kind = LEAT_STRING, .name = name };

		(void)snprintf(name, sizeof(name), "n%u", (unsigned)i);
		assert_int_equal(leat_schema_pool_intern(pool, &s, NULL)->id,
		    i);
	}
	for (i = 0; i < 1000; i++) {
		struct leat_schema s = { .kind = LEAT_STRING, .name = name };

		(void)snprintf(name, sizeof(name), "n%u", (unsigned)i);
		assert_int_equal(leat_schema_pool_intern(pool, &s, NULL)->id,
		    i);
	}
	assert_int_equal(leat_schema_pool_count(pool), 1000);
	leat_schema_pool_free(pool);
}

/* A schema of another pool is foreign, whatever its id. */
static void
test_two_pools(void **state)
{
	struct leat_schema_pool *one = leat_schema_pool_new(0);
	struct leat_schema_pool *two = leat_schema_pool_new(0);
	const struct leat_schema *a, *b;

	(void)state;
	a = leat_schema_pool_intern(one, &envelope, NULL);
	b = leat_schema_pool_intern(two, a, NULL);
	assert_ptr_not_equal(a, b);
	leat_schema_pool_free(one);
	assert_true(leat_schema_equal(b, &envelope));
	leat_schema_pool_free(two);
}

static void
check_refused(const struct leat_schema *s, int code, const char *expected)
{
	struct leat_schema_pool *pool = leat_schema_pool_new(0);
	struct leat_err err = LEAT_ERR_INIT;

	assert_null(leat_schema_pool_intern(pool, s, &err));
	assert_int_equal(err.code, code);
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
	assert_string_equal(err.text, expected);
	assert_null(leat_schema_pool_intern(pool, s, NULL));
	assert_int_equal(leat_schema_pool_count(pool), 0);
	leat_schema_pool_free(pool);
}

static void
test_malformed_schemas(void **state)
{
	struct leat_field fields[] = {
		{ .name = "a", .schema = &int32 },
		{ .name = "a", .schema = &text },
	};
	struct leat_param half = { "k", NULL };
	struct leat_schema s = { .kind = LEAT_NULL };

	(void)state;
	check_refused(&s, LEAT_E_DATA, "schema: unknown kind");
	s.kind = LEAT_KIND_N;
	check_refused(&s, LEAT_E_DATA, "schema: unknown kind");
	s = (struct leat_schema){ .kind = LEAT_MAP, .elem = &int32 };
	check_refused(&s, LEAT_E_DATA,
	    "schema: a map, and only a map, has a key schema");
	s = (struct leat_schema){ .kind = LEAT_ARRAY };
	check_refused(&s, LEAT_E_DATA,
	    "schema: maps and arrays, and only these, have an element schema");
	s = (struct leat_schema){ .kind = LEAT_INT8, .fields = fields,
		.nfields = 1 };
	check_refused(&s, LEAT_E_DATA, "schema: only a struct has fields");
	s = (struct leat_schema){ .kind = LEAT_INT8, .params = &half,
		.nparams = 1 };
	check_refused(&s, LEAT_E_DATA,
	    "schema: a parameter without key or value");
	s = (struct leat_schema){ .kind = LEAT_STRUCT, .fields = fields,
		.nfields = 2 };
	check_refused(&s, LEAT_E_DATA, "schema: two fields are named \"a\"");
	fields[1].name = NULL;
	check_refused(&s, LEAT_E_DATA,
	    "schema: field 1 has no name or no schema");
	s = note;
	s.def = leat_i32(1);
	check_refused(&s, LEAT_E_DATA,
	    "schema: default: expected string, got int32");
}

static void
test_depth_is_limited(void **state)
{
	struct leat_schema s[LEAT_SCHEMA_DEPTH + 1];
	struct leat_schema_pool *pool = leat_schema_pool_new(0);
	struct leat_err err = LEAT_ERR_INIT;
	size_t i;

	(void)state;
	s[0] = int32;
	for (i = 1; i <= LEAT_SCHEMA_DEPTH; i++)
		s[i] = (struct leat_schema){ .kind = LEAT_ARRAY,
			.elem = &s[i - 1] };
	assert_null(leat_schema_pool_intern(pool, &s[LEAT_SCHEMA_DEPTH],
	    &err));
	assert_string_equal(err.text, "schema: nested more than 128 deep");
	assert_non_null(leat_schema_pool_intern(pool,
	    &s[LEAT_SCHEMA_DEPTH - 1], &err));
	leat_schema_pool_free(pool);
}

static void
test_limit(void **state)
{
	struct leat_schema_pool *pool = leat_schema_pool_new(100000);
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *first, *s;
	char name[16];
	unsigned i;

	(void)state;
	first = leat_schema_pool_intern(pool, &envelope, &err);
	for (i = 0;; i++) {
		struct leat_schema t = { .kind = LEAT_STRING, .name = name };

		(void)snprintf(name, sizeof(name), "n%u", i);
		s = leat_schema_pool_intern(pool, &t, &err);
		if (s == NULL)
			break;
	}
	assert_int_equal(err.code, LEAT_E_LIMIT);
	assert_string_equal(err.text, "schemas need more than 100000 bytes");
	assert_true(i > 300);
	assert_ptr_equal(leat_schema_pool_intern(pool, &envelope, &err),
	    first);
	leat_schema_pool_free(pool);
}

static void
test_out_of_memory(void **state)
{
	long before = mem_live(), n;
	const struct leat_schema *s = NULL;

	(void)state;
	for (n = 1; s == NULL; n++) {
		struct leat_err err = LEAT_ERR_INIT;
		struct leat_schema_pool *pool;

		mem_fail_at(n);
		pool = leat_schema_pool_new(0);
		if (pool == NULL)
			continue;
		s = leat_schema_pool_intern(pool, &envelope, &err);
		if (s == NULL) {
			assert_int_equal(err.code, -ENOMEM);
			assert_int_equal(err.cls, LEAT_CLS_RETRY);
			/* It works once there is memory again. */
			mem_fail_at(0);
			assert_non_null(leat_schema_pool_intern(pool,
			    &envelope, &err));
			assert_int_equal(leat_schema_pool_count(pool), 8);
		}
		leat_schema_pool_free(pool);
		assert_int_equal(mem_live(), before);
	}
	mem_fail_at(0);
	assert_true(n > 4);
}

/* ------------------------------------------------------------------ values */

static void
check_value(const struct leat_schema *s, struct leat_value v,
    const char *expected)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc = leat_value_check(s, &v, &err);

	if (expected == NULL) {
		assert_int_equal(rc, 0);
		return;
	}
	assert_int_equal(rc, LEAT_E_DATA);
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
	assert_string_equal(err.text, expected);
}

static void
test_value_ranges(void **state)
{
	static const struct {
		int kind;
		int64_t min, max;
		const char *text;
	} rows[] = {
		{ LEAT_BOOLEAN, 0, 1, "value out of range of boolean" },
		{ LEAT_INT8, -128, 127, "value out of range of int8" },
		{ LEAT_INT16, -32768, 32767, "value out of range of int16" },
		{ LEAT_INT32, INT32_MIN, INT32_MAX,
		    "value out of range of int32" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		const struct leat_schema *s =
		    leat_schema_plain(rows[i].kind, 0);
		struct leat_value v = { .kind = (uint8_t)rows[i].kind };

		v.u.i = rows[i].min;
		check_value(s, v, NULL);
		v.u.i = rows[i].max;
		check_value(s, v, NULL);
		v.u.i = rows[i].min - 1;
		check_value(s, v, rows[i].text);
		v.u.i = rows[i].max + 1;
		check_value(s, v, rows[i].text);
	}
	check_value(NULL, leat_i64(1), NULL);
	check_value(leat_schema_plain(LEAT_INT64, 0), leat_i64(INT64_MIN),
	    NULL);
}

static void
test_value_kinds(void **state)
{
	struct leat_value v = { .kind = LEAT_STRING, .len = 3 };

	(void)state;
	check_value(&int32, leat_i64(1), "expected int32, got int64");
	check_value(&int32, leat_null(), "null in a required int32");
	check_value(&text, leat_null(), NULL);
	check_value(&note, leat_null(), NULL);
	check_value(&text, v, "bytes are missing");
	check_value(&text, leat_cstring(""), NULL);
}

/* Changes one place of a good row and says what is wrong there. */
static void
test_value_places(void **state)
{
	struct leat_value tag[] = { leat_cstring("x"), leat_null() };
	struct leat_value count[] = { leat_cstring("k"), leat_i32(1) };
	struct leat_value fields[] = {
		leat_i32(1), leat_bytes("\1", 1),
		leat_items(LEAT_ARRAY, tag, 2), leat_items(LEAT_MAP, count, 1),
		leat_cstring("n")
	};
	struct leat_value both[] = {
		leat_null(), leat_items(LEAT_STRUCT, fields, 5)
	};
	struct leat_value v = leat_items(LEAT_STRUCT, both, 2);

	(void)state;
	check_value(&envelope, v, NULL);
	tag[1] = leat_i32(5);
	check_value(&envelope, v,
	    "after.tags[1]: expected string, got int32");
	tag[1] = leat_null();
	count[1] = leat_null();
	check_value(&envelope, v,
	    "after.counts[0]: null in a required int32");
	count[1] = leat_i32(1);
	fields[2].u.items = NULL;
	check_value(&envelope, v, "after.tags: items are missing");
	fields[2].len = 0;
	check_value(&envelope, v, NULL);
	both[1].len = 4;
	check_value(&envelope, v, "after: expected 5 fields, got 4");
	check_value(&envelope, leat_null(), "null in a required struct");
}

static void
test_kind_names(void **state)
{
	(void)state;
	assert_string_equal(leat_kind_name(LEAT_NULL), "null");
	assert_string_equal(leat_kind_name(LEAT_STRUCT), "struct");
	assert_string_equal(leat_kind_name(LEAT_KIND_N), "unknown");
	assert_string_equal(leat_kind_name(-1), "unknown");
}

static void
test_map_value(void **state)
{
	const struct leat_value items[] = {
		leat_cstring("a"), leat_i64(1), leat_i64(5), leat_i64(2),
		leat_cstring("a"), leat_i64(3), leat_cstring(""), leat_i64(4)
	};
	struct leat_value map = leat_items(LEAT_MAP, items, 4);

	(void)state;
	assert_int_equal(leat_map_value(&map, "a")->u.i, 3);
	assert_int_equal(leat_map_value(&map, "")->u.i, 4);
	assert_null(leat_map_value(&map, "b"));
	assert_null(leat_map_value(NULL, "a"));
	assert_null(leat_map_value(&items[0], "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_every_attribute_counts),
		cmocka_unit_test(test_defaults_are_compared_deeply),
		cmocka_unit_test(test_interned_copy),
		cmocka_unit_test(test_interned_once),
		cmocka_unit_test(test_ids_are_dense),
		cmocka_unit_test(test_two_pools),
		cmocka_unit_test(test_malformed_schemas),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_value_ranges),
		cmocka_unit_test(test_value_kinds),
		cmocka_unit_test(test_value_places),
		cmocka_unit_test(test_kind_names),
		cmocka_unit_test(test_map_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
