/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_columns.c: names of schemas and fields, masks, and what is told of
 * a column's type.
 */
#include "pg_mask.h"
#include "pg_names.h"
#include "pg_schema.h"
#include "pg_types_testing.h"

enum { VARCHAR = 1043 };

#define SALTED_SHA256 \
	"bede90386d450cea8b77b822f8887065" \
	"e4e5abf132c2f9dccfcc7fbd4cba5e35"
#define JAVA_SHA256 \
	"415495384c888900929e5499d91b87e3" \
	"051f44ece0f24218307c4f89e6dd7ccb"
#define JAVA_PAIR_SHA256 \
	"5f2f7e66754b52cfcccfe724e4e48042" \
	"2196cfa2afa42395a9192451760d0682"

static void
test_names(void **state)
{
	static const struct {
		int32_t mode;
		int is_field;
		const char *name;
		const char *want;
	} rows[] = {
		{ PG_NAMES_NONE, 0, "1 a-b.c", "1 a-b.c" },
		{ PG_NAMES_AVRO, 0, "px.my-shop.a$b", "px.my_shop.a_b" },
		{ PG_NAMES_AVRO, 0, "1px.a", "_1px.a" },
		{ PG_NAMES_AVRO, 0, ".px", "_px" },
		{ PG_NAMES_AVRO, 1, "a.b", "a_b" },
		{ PG_NAMES_AVRO, 1, "_a1", "_a1" },
		{ PG_NAMES_AVRO, 1, "9", "_9" },
		{ PG_NAMES_AVRO, 1, "gr\xc3\xb6\xc3\x9f"
				    "e", "gr__e" },
		/* Two of Java's characters. */
		{ PG_NAMES_AVRO, 1, "\xf0\x9f\x98\x80", "__" },
		{ PG_NAMES_AVRO_UNICODE, 0, "my_px.a-1",
		    "my_u005fpx.a_u002d1" },
		{ PG_NAMES_AVRO_UNICODE, 1, "a.b", "a_u002eb" },
		{ PG_NAMES_AVRO_UNICODE, 1, "1a", "_u0031a" },
		{ PG_NAMES_AVRO_UNICODE, 1, "\xc3\xb6", "_u00f6" },
		{ PG_NAMES_AVRO_UNICODE, 1, "\xc5\x82", "_u142" },
		{ PG_NAMES_AVRO_UNICODE, 1, "\xe4\xb8\xad", "_u4e2d" },
		{ PG_NAMES_AVRO_UNICODE, 1, "\xf0\x9f\x98\x80",
		    "_ud83d_ude00" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(pg_adjust_name(&arena, rows[i].mode,
		    rows[i].is_field, rows[i].name), rows[i].want);
}

static const char *
masked(const struct pg_mask *m, struct leat_value v)
{
	struct pg_arena_batch ab;

	pg_arena_batch_init(&ab, &arena);
	assert_int_equal(pg_mask_value(m, &ab.b, &v), 0);
	if (v.kind == LEAT_NULL)
		return "(null)";
	return leat_arena_strndup(&arena, v.u.s, v.len);
}

static void
test_masks(void **state)
{
	const struct pg_mask chars = { .what = PG_MASK_CHARS, .length = 3,
		.text = "***" };
	const struct pg_mask cut = { .what = PG_MASK_TRUNCATE, .length = 3 };
	struct pg_mask hash = { .what = PG_MASK_HASH, .length = UINT32_MAX,
		.digest = "SHA-256", .salt = "salt" };

	assert_string_equal(masked(&chars, leat_cstring("secret")), "***");
	assert_string_equal(masked(&chars, leat_null()), "***");
	assert_string_equal(masked(&cut, leat_cstring("secret")), "sec");
	assert_string_equal(masked(&cut, leat_cstring("ab")), "ab");
	assert_string_equal(masked(&cut, leat_null()), "(null)");
	assert_string_equal(masked(&cut, leat_cstring("\xc3\xa9\xc3\xa9\xc3"
	    "\xa9\xc3\xa9")), "\xc3\xa9\xc3\xa9\xc3\xa9");
	/* A pair of Java's characters is not cut apart. */
	assert_string_equal(masked(&cut, leat_cstring("ab\xf0\x9f\x98\x80")),
	    "ab");
	assert_string_equal(masked(&cut, leat_bytes("\1\2\3\4", 4)),
	    "\1\2\3");
	assert_string_equal(masked(&hash, leat_null()), "(null)");
	/* printf saltsecret | sha256sum */
	assert_string_equal(masked(&hash, leat_cstring("secret")),
	    SALTED_SHA256);
	hash.length = 10;
	assert_string_equal(masked(&hash, leat_cstring("secret")),
	    leat_arena_strndup(&arena, SALTED_SHA256, 10));
	/* printf 'salt\xac\xed\0\5t\0\6secret' | sha256sum */
	hash.length = UINT32_MAX;
	hash.what = PG_MASK_HASH_V1;
	assert_string_equal(masked(&hash, leat_cstring("secret")),
	    JAVA_SHA256);
	/* The same with "\xf0\x9f\x98\x80" as ed a0 bd ed b8 80. */
	assert_string_equal(masked(&hash, leat_cstring("\xf0\x9f\x98\x80")),
	    JAVA_PAIR_SHA256);
}

static const char *
rules_error(const char *what, const char *key, const char *value)
{
	const struct leat_param p = { key, value };
	const struct leat_params one = { .items = &p, .len = 1 };
	static struct leat_err err;
	struct pg_rules r;

	err = (struct leat_err)LEAT_ERR_INIT;
	cfg.truncate = cfg.mask = cfg.mask_hash = (struct leat_params){ 0 };
	if (strcmp(what, "truncate") == 0)
		cfg.truncate = one;
	else if (strcmp(what, "mask") == 0)
		cfg.mask = one;
	else
		cfg.mask_hash = one;
	if (pg_rules_init(&r, &cfg, &err) == 0) {
		assert_int_equal(r.nrules, 1);
		pg_rules_fini(&r);
		return "";
	}
	return err.text;
}

static void
test_rules(void **state)
{
	assert_string_equal(rules_error("truncate", "20.chars", "a.b.c"), "");
	assert_string_equal(rules_error("mask", "0.chars", "a.b.c, d.*"), "");
	assert_string_equal(rules_error("hash", "SHA-256.with.salt.x.y",
	    "a.b.c"), "");
	assert_string_equal(rules_error("hash", "v2.MD5.with.salt.x",
	    "a.b.c"), "");
	assert_non_null(strstr(rules_error("truncate", "0.chars", "a"),
	    "column.truncate.to.0.chars: not of the form"));
	assert_non_null(strstr(rules_error("mask", "x.chars", "a"),
	    "column.mask.with.<n>.chars with n from 0"));
	assert_non_null(strstr(rules_error("mask", "3.char", "a"),
	    "not of the form"));
	assert_non_null(strstr(rules_error("hash", "SHA-256.salt.x", "a"),
	    "column.mask.hash.<algorithm>.with.salt.<salt>"));
	assert_non_null(strstr(rules_error("hash", "CRC.with.salt.x", "a"),
	    "'CRC' is not a known algorithm"));
	assert_non_null(strstr(rules_error("truncate", "3.chars", "a("),
	    "'a(' is not a regular expression"));
}

static void
expect_source(uint32_t oid, int32_t typmod, int32_t length, int32_t scale)
{
	const struct pg_type *ty = type_of(oid, typmod);

	assert_int_equal(pg_source_length(ty), length);
	assert_int_equal(pg_source_scale(ty), scale);
}

static void
test_source_types(void **state)
{
	expect_source(INT4, -1, 10, 0);
	expect_source(VARCHAR, 24, 20, 0);
	expect_source(VARCHAR, -1, INT32_MAX, 0);
	expect_source(NUMERIC, TYPMOD(10, 2), 10, 2);
	expect_source(NUMERIC, -1, 131089, 0);
	expect_source(DOMAIN, -1, 5, 1);
	expect_source(TIMESTAMPTZ, -1, 35, 6);
	expect_source(TIMESTAMP, 3, 26, 3);
	expect_source(FLOAT8, -1, 17, 17);
	expect_source(INT4_ARRAY, -1, 10, 0);
	expect_source(ENUM, -1, INT32_MAX, 0);
	expect_source(VECTOR, 3, 3, 0);
	assert_string_equal(pg_source_type_name("int4", "nextval('s'::regclass"
	    ")"), "serial");
	assert_string_equal(pg_source_type_name("int4", "0"), "int4");
	assert_string_equal(pg_source_type_name("text", NULL), "text");
}

static void
test_topic_names(void **state)
{
	(void)state;
	assert_string_equal(pg_topic_name(&arena, "px", ".", "My-s",
	    "Tab le \xc3\xbc \xf0\x9f\x98\x80"), "px.My-s.Tab_le_____");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TYPES_TEST(test_names),
		TYPES_TEST(test_topic_names),
		TYPES_TEST(test_masks),
		TYPES_TEST(test_rules),
		TYPES_TEST(test_source_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
