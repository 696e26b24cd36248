/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_texts.c: decimals, header text, Java's toString, its regular expressions
 * and its dates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/decimal.h"
#include "core/record/java_date.h"
#include "core/record/java_regex.h"
#include "core/record/record_testing.h"
#include "core/record/value_text.h"

/* clang-format off */

static void
test_decimal(void **state)
{
	static const struct {
		const char *text;
		int32_t scale;
		const char *bytes;	/* hex */
		const char *back;
	} rows[] = {
		{ "12.34", 2, "04d2", "12.34" },
		{ "-1", 0, "ff", "-1" },
		{ "128", 0, "0080", "128" },
		{ "0", 0, "00", "0" },
		{ "10.2345", 4, "018fc9", "10.2345" },
		{ "-128", 0, "80", "-128" },
		{ "-129", 0, "ff7f", "-129" },
		{ "1E+3", -3, "01", "1E+3" },
		{ "12300", -2, "7b", "1.23E+4" },
		{ "0.0000001", 7, "01", "1E-7" },
		{ "0.000001", 6, "01", "0.000001" },
		{ "0", 7, "00", "0E-7" },
		{ "0.00", 2, "00", "0.00" },
		{ "-0.5", 1, "fb", "-0.5" },
		{ "1.500", 1, "0f", "1.5" },
		{ "340282366920938463463374607431768211456", 0,
		    "0100000000000000000000000000000000",
		    "340282366920938463463374607431768211456" },
		{ "-340282366920938463463374607431768211456", 0,
		    "ff00000000000000000000000000000000",
		    "-340282366920938463463374607431768211456" },
	};
	uint8_t bytes[DECIMAL_BYTES_MAX];
	char hex[64], text[256];
	size_t i, j, len;
	int64_t n;

	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(decimal_from_text(leat_str_c(rows[i].text),
		    rows[i].scale, bytes, &len), DECIMAL_OK);
		for (j = 0; j < len; j++)
			snprintf(hex + 2 * j, 3, "%02x", bytes[j]);
		assert_string_equal(hex, rows[i].bytes);
		n = decimal_to_text(text, bytes, len, rows[i].scale);
		assert_true(n > 0);
		text[n] = '\0';
		assert_string_equal(text, rows[i].back);
	}
	assert_int_equal(decimal_from_text(LEAT_STR("1.23"), 1, bytes, &len),
	    DECIMAL_ROUNDS);
	assert_int_equal(decimal_from_text(LEAT_STR("1E9864"), 0, bytes,
	    &len), DECIMAL_LARGE);
	assert_int_equal(decimal_from_text(LEAT_STR("1x"), 0, bytes, &len),
	    DECIMAL_BAD);
	assert_int_equal(decimal_from_text(LEAT_STR(""), 0, bytes, &len),
	    DECIMAL_BAD);
	assert_int_equal(decimal_to_text(text, bytes, 0, 0), -1);
}

/* The largest that fits, both ways. */
static void
test_decimal_limits(void **state)
{
	static char digits[DECIMAL_DIGITS_MAX + 64];
	static char back[DECIMAL_BYTES_MAX * 3 + 48];
	uint8_t bytes[DECIMAL_BYTES_MAX];
	size_t len;
	int64_t n;

	memset(digits, '9', DECIMAL_DIGITS_MAX);
	assert_int_equal(decimal_from_text((struct leat_str){ digits,
	    DECIMAL_DIGITS_MAX - 1 }, 0, bytes, &len), DECIMAL_OK);
	n = decimal_to_text(back, bytes, len, 0);
	assert_int_equal(n, DECIMAL_DIGITS_MAX - 1);
	assert_memory_equal(back, digits, DECIMAL_DIGITS_MAX - 1);
	memset(digits, '9', DECIMAL_DIGITS_MAX + 60);
	assert_int_equal(decimal_from_text((struct leat_str){ digits,
	    DECIMAL_DIGITS_MAX + 60 }, 0, bytes, &len), DECIMAL_LARGE);
}

/* ------------------------------------------------------------- header text */

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		const char *schema;
		const char *back;
	} rows[] = {
		{ "", "string", "" },
		{ "null", "-", "null" },
		{ "true", "boolean", "true" },
		{ "TRUE", "string", "TRUE" },
		{ "007", "int8", "7" },
		{ "-128", "int8", "-128" },
		{ "128", "int16", "128" },
		{ "1E3", "int16", "1000" },
		{ "1.0", "int8", "1" },
		{ "40000", "int32", "40000" },
		{ "9223372036854775807", "int64", "9223372036854775807" },
		{ "9223372036854775808", "float32", "9.223372E18" },
		{ " 0.11", "float32", "0.11" },
		{ "1E300", "float64", "1.0E300" },
		{ "1E400", "org.apache.kafka.connect.data.Decimal",
		    "1E+400" },
		{ ".5", "string", ".5" },
		{ "2020-01-02", "org.apache.kafka.connect.data.Date",
		    "2020-01-02" },
		{ "1969-12-31", "org.apache.kafka.connect.data.Date",
		    "1969-12-31" },
		{ "2020-13-02", "string", "2020-13-02" },
		{ "10:11:12.123Z", "org.apache.kafka.connect.data.Time",
		    "10:11:12.123Z" },
		{ "2020-01-02T10:11:12.123Z",
		    "org.apache.kafka.connect.data.Timestamp",
		    "2020-01-02T10:11:12.123Z" },
		{ "[1,2]", "array<int8>", "[1,2]" },
		{ "[1, 300 ]", "array<int16>", "[1,300]" },
		{ "[1,\"a\\\"b\"]", "-", "[1,\"a\\\"b\"]" },
		{ "[]", "-", "[]" },
		{ "{\"k\":\"v\",\"n\":1}", "-", "{\"k\":\"v\",\"n\":1}" },
		{ "{\"a\":1,}", "map<string,int8>", "{\"a\":1}" },
		{ "[1,2", "string", "[1,2" },
		{ "[a]", "string", "[a]" },
		{ "\"q\"", "string", "\"q\"" },
		{ "1,2,3", "string", "1,2,3" },
		{ "hello world", "string", "hello world" },
		{ "[[1],[2]]", "array<array>", "[[1],[2]]" },
	};
	struct leat_schema_pool *pool = leat_schema_pool_new(1 << 20);
	const struct leat_schema *s;
	struct leat_err err = LEAT_ERR_INIT;
	struct value_types types;
	struct leat_arena arena;
	struct leat_value v;
	struct leat_buf buf;
	char name[100];
	size_t i;

	leat_arena_init(&arena, 4096, 0);
	leat_buf_init(&buf, 4096);
	assert_int_equal(value_types_init(&types, pool, &err), 0);
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(value_text_parse(&types,
		    leat_str_c(rows[i].text), &arena, &s, &v, &err), 0);
		if (s == NULL)
			snprintf(name, sizeof(name), "-");
		else if (s->kind == LEAT_ARRAY)
			snprintf(name, sizeof(name), "array<%s>",
			    leat_kind_name(s->elem->kind));
		else if (s->kind == LEAT_MAP)
			snprintf(name, sizeof(name), "map<%s,%s>",
			    leat_kind_name(s->key->kind),
			    leat_kind_name(s->elem->kind));
		else
			snprintf(name, sizeof(name), "%s",
			    s->name != NULL ? s->name
			    : leat_kind_name(s->kind));
		assert_string_equal(name, rows[i].schema);
		leat_buf_reset(&buf);
		assert_int_equal(value_text_values(s, &v, &buf, &err), 0);
		assert_string_equal(leat_buf_cstr(&buf), rows[i].back);
	}
	leat_buf_fini(&buf);
	leat_arena_fini(&arena);
	leat_schema_pool_free(pool);
}

static void
test_java_text(void **state)
{
	const struct leat_value items[] = { leat_i32(1), leat_cstring("x") };
	const struct leat_value pair[] = { leat_cstring("k"),
		leat_items(LEAT_ARRAY, items, 2) };
	const struct leat_value map = leat_items(LEAT_MAP, pair, 1);
	const struct leat_value nan = leat_f64(__builtin_nan(""));
	const struct leat_value bytes = leat_bytes("x", 1);
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf buf;

	leat_buf_init(&buf, 4096);
	assert_int_equal(value_text_java(&t_envelope, &t_e1, &buf, &err),
	    0);
	assert_non_null(strstr(leat_buf_cstr(&buf), "Struct{after=Struct{id=1,"
	    "customer=ann,amount=19.99,note=none,created="));
	leat_buf_reset(&buf);
	assert_int_equal(value_text_java(NULL, &map, &buf, &err), 0);
	assert_string_equal(leat_buf_cstr(&buf), "{k=[1, x]}");
	leat_buf_reset(&buf);
	assert_int_equal(value_text_java(NULL, &nan, &buf, &err), 0);
	assert_string_equal(leat_buf_cstr(&buf), "NaN");
	assert_int_equal(value_text_java(NULL, &bytes, &buf, &err),
	    LEAT_E_DATA);
	assert_string_equal(err.text, "bytes have no text; use the "
	    "ByteArrayConverter, or Cast them to string");
	leat_buf_fini(&buf);
}

/* ------------------------------------------------------ regular expressions */

static void
test_regex(void **state)
{
	static const struct {
		const char *pattern;
		const char *yes;
		const char *no;
	} rows[] = {
		{ "a.*", "abc", "zabc" },
		{ "a|bc", "bc", "abc" },
		{ "\\d{2,3}-\\w+", "123-a_Z", "1-a" },
		{ "[\\w.-]+", "a.b-c", "a b" },
		{ "[^\\d]x", "ax", "1x" },
		{ "\\S\\s\\D", "a b", "a 1" },
		{ "(?:ab)+c", "ababc", "abac" },
		{ "(?i)AbC", "aBc", "abd" },
		{ "\\Qa.b\\E.", "a.bx", "aXbx" },
		{ "a\\.b\\$", "a.b$", "aXb$" },
		{ "[]x]+", "x]", "a" },
		{ "[a\\]^-]+", "]a^-", "b" },
		{ "[\\^]", "^", "a" },
		{ "\\t", "\t", "t" },
		{ "", "", "a" },
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct java_regex *re;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(java_regex_new(rows[i].pattern, &re, &err),
		    0);
		if (!java_regex_matches(re, rows[i].yes) ||
		    java_regex_matches(re, rows[i].no))
			fail_msg("%s", rows[i].pattern);
		java_regex_free(re);
	}
}

static void
test_regex_refusals(void **state)
{
	static const char *const rows[][2] = {
		{ "a+?", "a lazy quantifier" },
		{ "a++", "a possessive quantifier" },
		{ "(?=a)", "look-around" },
		{ "(?<=a)", "look-around" },
		{ "(a)\\1", "a back reference" },
		{ "\\ba", "a word boundary" },
		{ "\\p{L}", "an escape that is not supported" },
		{ "[a", "a [ without its ]" },
		{ "[a&&b]", "a set inside a set" },
		{ "[z-a]", "a range that runs backwards" },
		{ "(a", "is not valid: Unmatched (" },
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct java_regex *re;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		assert_true(java_regex_new(rows[i][0], &re, &err) < 0);
		assert_int_equal(err.cls, LEAT_CLS_CONFIG);
		assert_non_null(strstr(err.text, rows[i][1]));
	}
}

static void
test_regex_replace(void **state)
{
	static const char *const rows[][4] = {
		{ "(.*)-v1", "t-v1", "$1-v2", "t-v2" },
		{ "(.*)-v1", "t-v2", "$1-v2", NULL },
		{ "(?:x)?(a)(b)?", "a", "[$1$2]", "[a]" },
		{ "(?<first>\\w)(\\w)", "ab", "${first}$2$0", "abab" },
		{ "(a)", "a", "$10\\$", "a0$" },
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_arena arena;
	struct java_regex *re;
	const char *text;
	size_t i;

	leat_arena_init(&arena, 1024, 0);
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(java_regex_new(rows[i][0], &re, &err), 0);
		assert_int_equal(java_regex_check_replacement(re, rows[i][2],
		    &err), 0);
		assert_int_equal(java_regex_replace(re, rows[i][1],
		    rows[i][2], &arena, &text, &err), 0);
		if (rows[i][3] == NULL)
			assert_null(text);
		else
			assert_string_equal(text, rows[i][3]);
		assert_true(java_regex_check_replacement(re, "$9", &err) < 0);
		assert_true(java_regex_check_replacement(re, "${q}", &err) <
		    0);
		java_regex_free(re);
	}
	leat_arena_fini(&arena);
}

static void
test_dates(void **state)
{
	static const struct {
		const char *pattern;
		int64_t ms;
		const char *text;
	} rows[] = {
		{ "yyyyMMdd", 1577923200000, "20200102" },
		{ "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", -1,
		    "1969-12-31T23:59:59.999Z" },
		{ "EEE, d MMM yy hh:mm:ss a z", 1577975696000,
		    "Thu, 2 Jan 20 02:34:56 PM UTC" },
		{ "EEEE MMMM kk 'o''clock'", 0,
		    "Thursday January 24 o'clock" },
		{ "Z", 0, "+0000" },
	};
	struct leat_err err = LEAT_ERR_INIT;
	char text[JAVA_DATE_TEXT];
	size_t i, len;
	int64_t ms;

	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(java_date_check(rows[i].pattern, &err), 0);
		len = java_date_format(text, rows[i].pattern, rows[i].ms);
		assert_int_equal(len, strlen(rows[i].text));
		assert_memory_equal(text, rows[i].text, len);
		assert_int_equal(java_date_parse((struct leat_str){ text,
		    len }, rows[i].pattern, &ms), 0);
		if (strstr(rows[i].pattern, "ss") != NULL)
			assert_int_equal(ms, rows[i].ms);
	}
	assert_true(java_date_check("yyyy 'x", &err) < 0);
	assert_true(java_date_check("yyyyyyyyyyyyyyyyyyyyyyyyy", &err) < 0);
	assert_true(java_date_parse(LEAT_STR("2020x"), "yyyy", &ms) < 0);
	assert_true(java_date_parse(LEAT_STR("31.02.2020"), "dd.MM.yyyy",
	    &ms) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimal),
		cmocka_unit_test(test_decimal_limits),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_java_text),
		cmocka_unit_test(test_regex),
		cmocka_unit_test(test_regex_refusals),
		cmocka_unit_test(test_regex_replace),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
