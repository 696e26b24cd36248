/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json_typed.c: values with their schemas to plain JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/json.h>

static const struct leat_schema int32 = { .kind = LEAT_INT32 };
static const struct leat_schema text = { .kind = LEAT_STRING, .optional = 1 };

static void
check(const struct leat_schema *s, struct leat_value v, int flags,
    const char *json)
{
	struct leat_buf b;

	leat_buf_init(&b, 10000);
	assert_int_equal(leat_json_add_typed(&b, s, &v, flags), 0);
	assert_string_equal(leat_buf_cstr(&b), json);
	leat_buf_fini(&b);
}

static void
test_scalars(void **state)
{
	(void)state;
	check(NULL, leat_i64(5), 0, "5");
	check(&int32, leat_i32(5), 0, "5");
	check(&text, leat_null(), 0, "null");
	check(&int32, leat_cstring("x"), 0, "\"x\"");
}

static void
test_structs(void **state)
{
	static const struct leat_field fields[] = {
		{ .name = "i\"d", .schema = &int32 },
		{ .name = "s", .schema = &text },
	};
	const struct leat_schema row = {
		.kind = LEAT_STRUCT, .fields = fields, .nfields = 2
	};
	const struct leat_value values[] = { leat_i32(7), leat_null() };
	struct leat_schema_pool *pool = leat_schema_pool_new(0);

	(void)state;
	check(&row, leat_items(LEAT_STRUCT, values, 2), 0,
	    "{\"i\\\"d\":7,\"s\":null}");
	check(leat_schema_pool_intern(pool, &row, NULL),
	    leat_items(LEAT_STRUCT, values, 2), 0,
	    "{\"i\\\"d\":7,\"s\":null}");
	check(&row, leat_items(LEAT_STRUCT, values, 1), 0, "[7]");
	leat_schema_pool_free(pool);
}

static void
test_arrays_and_maps(void **state)
{
	const struct leat_schema list = { .kind = LEAT_ARRAY, .elem = &text };
	const struct leat_schema by_text = {
		.kind = LEAT_MAP, .key = &text, .elem = &int32
	};
	const struct leat_schema by_int = {
		.kind = LEAT_MAP, .key = &int32, .elem = &text
	};
	const struct leat_value items[] = {
		leat_cstring("a"), leat_i32(1), leat_cstring("b"), leat_i32(2)
	};

	(void)state;
	check(&list, leat_items(LEAT_ARRAY, items, 1), 0, "[\"a\"]");
	check(&by_text, leat_items(LEAT_MAP, items, 2), 0,
	    "{\"a\":1,\"b\":2}");
	check(&by_int, leat_items(LEAT_MAP, items + 1, 1), 0, "[[1,\"b\"]]");
}

static void
check_decimal(const char *bytes, size_t len, const char *scale,
    const char *json)
{
	const struct leat_param params[] = { { "scale", scale } };
	const struct leat_schema s = {
		.kind = LEAT_BYTES,
		.name = "org.apache.kafka.connect.data.Decimal",
		.params = params,
		.nparams = 1,
	};

	check(&s, leat_bytes(bytes, len), 0, json);
}

static void
test_decimals(void **state)
{
	static const struct leat_schema plain = { .kind = LEAT_BYTES };

	(void)state;
	check_decimal("\x07\xcf", 2, "2", "19.99");
	check_decimal("\xff", 1, "2", "-0.01");
	check_decimal("\xfe\x0c", 2, "2", "-5.00");
	check_decimal("\0", 1, "2", "0.00");
	check_decimal("\0", 1, "0", "0");
	check_decimal("\x01", 1, "-2", "100");
	check_decimal("\x80\0\0\0\0\0\0\0", 8, "0", "-9223372036854775808");
	check_decimal("\x01\0\0\0\0\0\0\0\0", 9, "3",
	    "18446744073709551.616");
	check_decimal("\x01", 1, "x", "\"AQ==\"");
	check(&plain, leat_bytes("\x01", 1), 0, "\"AQ==\"");
}

static void
test_decimals_as_base64(void **state)
{
	const struct leat_param params[] = { { "scale", "2" } };
	const struct leat_schema s = {
		.kind = LEAT_BYTES,
		.name = "org.apache.kafka.connect.data.Decimal",
		.params = params,
		.nparams = 1,
	};

	(void)state;
	check(&s, leat_bytes("\x07\xcf", 2), LEAT_JSON_DECIMAL_BASE64,
	    "\"B88=\"");
}

static void
test_depth_is_limited(void **state)
{
	struct leat_schema s[LEAT_JSON_DEPTH + 2];
	struct leat_value v[LEAT_JSON_DEPTH + 2];
	struct leat_buf b;
	size_t i;

	(void)state;
	s[0] = text;
	v[0] = leat_null();
	for (i = 1; i < LEAT_JSON_DEPTH + 2; i++) {
		s[i] = (struct leat_schema){ .kind = LEAT_ARRAY,
			.elem = &s[i - 1] };
		v[i] = leat_items(LEAT_ARRAY, &v[i - 1], 1);
	}
	leat_buf_init(&b, 10000);
	assert_int_equal(leat_json_add_typed(&b, &s[LEAT_JSON_DEPTH],
	    &v[LEAT_JSON_DEPTH], 0), 0);
	assert_true(leat_json_add_typed(&b, &s[LEAT_JSON_DEPTH + 1],
	    &v[LEAT_JSON_DEPTH + 1], 0) < 0);
	leat_buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_structs),
		cmocka_unit_test(test_arrays_and_maps),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_decimals_as_base64),
		cmocka_unit_test(test_depth_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
