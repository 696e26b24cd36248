/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c: JsonConverter writes and reads what Kafka Connect's does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/record_testing.h"

/* clang-format off */

static struct leat_schema_pool *pool;
static struct leat_arena arena;
static struct leat_buf buf;

static int
setup(void **state)
{
	pool = leat_schema_pool_new(1 << 24);
	leat_arena_init(&arena, 4096, 1 << 24);
	leat_buf_init(&buf, 1 << 24);
	return 0;
}

static int
teardown(void **state)
{
	leat_schema_pool_free(pool);
	leat_arena_fini(&arena);
	leat_buf_fini(&buf);
	return 0;
}

static const char *const plain[] = { "schemas.enable", "false", NULL };
static const char *const numeric[] = { "schemas.enable", "false",
	"decimal.format", "numeric", NULL };
static const char *const bare_null[] = { "replace.null.with.default", "false",
	NULL };

/* The bytes of a value as text; NULL for null, "!text" for an error. */
static const char *
encoded(const char *const *settings, const struct leat_schema *s,
    const struct leat_value *v)
{
	void *self = testing_open(&json_converter, pool, settings);
	struct leat_err err = LEAT_ERR_INIT;
	bool null;
	int rc;

	if (s != NULL)
		s = testing_intern(pool, s);
	leat_buf_reset(&buf);
	rc = json_converter.encode(self, s, v, &buf, &null, &err);
	json_converter.close(self);
	if (rc < 0) {
		assert_int_equal(err.cls, LEAT_CLS_RECORD);
		return leat_arena_printf(&arena, "!%s", err.text);
	}
	return null ? NULL : leat_buf_cstr(&buf);
}

/* Reads a text, checks it against its schema, and shows it as Values would. */
static const char *
decoded(const char *const *settings, const char *text)
{
	void *self = testing_open(&json_converter, pool, settings);
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *s = NULL;
	struct leat_value v;
	int rc, round;

	/* Twice, for the second comes from the cache. */
	for (round = 0; round < 2; round++) {
		rc = json_converter.decode(self, leat_str_c(text), &arena, &s,
		    &v, &err);
		if (rc < 0)
			break;
		if (s != NULL)
			assert_int_equal(leat_value_check(s, &v, &err), 0);
	}
	json_converter.close(self);
	if (rc < 0) {
		assert_int_equal(err.cls, LEAT_CLS_RECORD);
		return leat_arena_printf(&arena, "!%s", err.text);
	}
	if (v.kind == LEAT_NULL)
		return "null";
	return encoded(s == NULL ? plain : settings, s, &v);
}

static void
test_debezium(void **state)
{
	assert_string_equal(encoded(plain, &t_envelope, &t_e1), E1_JSON);
	assert_string_equal(encoded(plain, &t_envelope, &t_e2), E2_JSON);
	assert_string_equal(encoded(plain, &t_key, &t_k1), "{\"id\":1}");
	assert_non_null(strstr(encoded(plain, &t_envelope, &t_e4),
	    "\"before\":{\"id\":7,\"customer\":\"\",\"amount\":null,\"note\":"
	    "\"none\",\"created\":\"1970-01-01T00:00:00Z\",\"m\":null},"
	    "\"after\":null,"));
}

static void
test_debezium_envelope(void **state)
{
	const char *text;

	assert_string_equal(encoded(NULL, &t_key, &t_k1), "{\"schema\":{"
	    "\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":"
	    "false,\"default\":0,\"field\":\"id\"}],\"optional\":false,"
	    "\"name\":\"px.shop.orders.Key\"},\"payload\":{\"id\":1}}");
	text = encoded(NULL, &t_envelope, &t_e1);
#define ROW "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\","         \
	"\"optional\":false,\"default\":0,\"field\":\"id\"},{\"type\":"     \
	"\"string\",\"optional\":false,\"field\":\"customer\"},{\"type\":"  \
	"\"bytes\",\"optional\":true,\"name\":"                             \
	"\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"          \
	"\"parameters\":{\"scale\":\"2\",\"connect.decimal.precision\":"    \
	"\"10\"},\"field\":\"amount\"},{\"type\":\"string\",\"optional\":"  \
	"true,\"default\":\"none\",\"field\":\"note\"},{\"type\":"          \
	"\"string\",\"optional\":false,\"name\":"                           \
	"\"io.debezium.time.ZonedTimestamp\",\"version\":1,\"field\":"      \
	"\"created\"},{\"type\":\"string\",\"optional\":true,\"name\":"     \
	"\"io.debezium.data.Enum\",\"version\":1,\"parameters\":{"          \
	"\"allowed\":\"sad,happy\"},\"field\":\"m\"}],\"optional\":true,"   \
	"\"name\":\"px.shop.orders.Value\",\"field\":"
	assert_non_null(strstr(text, "{\"schema\":{\"type\":\"struct\","
	    "\"fields\":[" ROW "\"before\"}," ROW "\"after\"},{\"type\":"
	    "\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,"
	    "\"field\":\"version\"},"));
	assert_non_null(strstr(text, "],\"optional\":false,\"name\":"
	    "\"px.shop.orders.Envelope\",\"version\":2},\"payload\":"
	    E1_JSON "}"));
}

/* Section 9 of the Kafka Connect reference. */
static void
test_golden_values(void **state)
{
	static const struct leat_param scale[] = { { "scale", "4" } };
	const struct leat_schema dec = { .kind = LEAT_BYTES, .version = 1,
		.name = "org.apache.kafka.connect.data.Decimal",
		.params = scale, .nparams = 1 };
	const struct leat_value d = leat_bytes("\x01\x8f\xc9", 3);
	const struct leat_value b = leat_bytes("\0\1\2", 3);
	const struct leat_schema bytes = { .kind = LEAT_BYTES };
	const struct leat_schema f64 = { .kind = LEAT_FLOAT64 };
	const struct leat_schema f32 = { .kind = LEAT_FLOAT32 };
	const struct leat_schema boolean = { .kind = LEAT_BOOLEAN };
	const struct leat_value big = leat_f64(1e20);
	const struct leat_value tenth = { .kind = LEAT_FLOAT32,
		.u.f = (double)0.1f };
	const struct leat_value nan = leat_f64(__builtin_nan(""));
	const struct leat_value yes = leat_bool(1);
	const struct leat_value null = leat_null(), five = leat_i32(5);

	assert_string_equal(encoded(plain, &dec, &d), "\"AY/J\"");
	assert_string_equal(encoded(numeric, &dec, &d), "10.2345");
	assert_string_equal(encoded(plain, &bytes, &b), "\"AAEC\"");
	assert_string_equal(encoded(plain, &f64, &big), "1.0E20");
	assert_string_equal(encoded(plain, &f32, &tenth), "0.1");
	assert_string_equal(encoded(plain, &f64, &nan), "\"NaN\"");
	assert_string_equal(encoded(plain, &boolean, &yes), "true");
	assert_string_equal(encoded(NULL, &t_opt_string, &null),
	    "{\"schema\":{\"type\":\"string\",\"optional\":true},"
	    "\"payload\":null}");
	assert_string_equal(encoded(plain, &t_opt_string, &null), "null");
	assert_null(encoded(plain, NULL, &null));
	assert_null(encoded(NULL, NULL, &null));
	assert_string_equal(encoded(NULL, NULL, &five),
	    "{\"schema\":null,\"payload\":5}");
}

static void
test_golden_structs(void **state)
{
	const struct leat_value one[] = { leat_i32(1) }, none[] = { V_NULL };
	const struct leat_value v = leat_items(LEAT_STRUCT, one, 1);
	const struct leat_value unset = leat_items(LEAT_STRUCT, none, 1);
	const struct leat_field id = { .name = "id", .schema = &t_int32 };
	const struct leat_schema foo = { .kind = LEAT_STRUCT, .name = "foo",
		.fields = &id, .nfields = 1 };
	const struct leat_schema x = { .kind = LEAT_STRING, .optional = 1,
		.has_default = 1,
		.def = { .kind = LEAT_STRING, .len = 1, .u.s = "x" } };
	const struct leat_field s = { .name = "s", .schema = &x };
	const struct leat_param p = { "p", "q" };
	const struct leat_schema n = { .kind = LEAT_STRUCT, .optional = 1,
		.name = "n", .version = 2, .doc = "d", .params = &p,
		.nparams = 1, .fields = &s, .nfields = 1 };
	const struct leat_schema empty = { .kind = LEAT_STRUCT };
	const struct leat_value no_items = leat_items(LEAT_STRUCT, NULL, 0);
	const struct leat_schema map = { .kind = LEAT_MAP, .key = &t_int32,
		.elem = &t_string };
	const struct leat_value pair[] = { leat_i32(1), leat_cstring("a") };
	const struct leat_value m = leat_items(LEAT_MAP, pair, 1);

	assert_string_equal(encoded(NULL, &foo, &v), "{\"schema\":{\"type\":"
	    "\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":false,"
	    "\"field\":\"id\"}],\"optional\":false,\"name\":\"foo\"},"
	    "\"payload\":{\"id\":1}}");
#define N_SCHEMA "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":" \
	"\"string\",\"optional\":true,\"default\":\"x\",\"field\":\"s\"}]," \
	"\"optional\":true,\"name\":\"n\",\"version\":2,\"doc\":\"d\","    \
	"\"parameters\":{\"p\":\"q\"}},\"payload\":"
	assert_string_equal(encoded(NULL, &n, &unset),
	    N_SCHEMA "{\"s\":\"x\"}}");
	assert_string_equal(encoded(bare_null, &n, &unset),
	    N_SCHEMA "{\"s\":null}}");
	assert_string_equal(encoded(plain, &empty, &no_items), "{}");
	assert_string_equal(encoded(plain, &map, &m), "[[1,\"a\"]]");
}

static void
test_containers(void **state)
{
	const struct leat_schema list = { .kind = LEAT_ARRAY,
		.elem = &t_opt_int64 };
	const struct leat_schema lists = { .kind = LEAT_ARRAY, .elem = &list };
	const struct leat_schema map = { .kind = LEAT_MAP, .key = &t_string,
		.elem = &lists };
	const struct leat_value n[] = { leat_i64(1), leat_null(),
		leat_i64(INT64_MIN) };
	const struct leat_value l[] = { leat_items(LEAT_ARRAY, n, 3),
		leat_items(LEAT_ARRAY, NULL, 0) };
	const struct leat_value kv[] = { leat_cstring("a\"\n"),
		leat_items(LEAT_ARRAY, l, 2), leat_cstring("\x01"),
		leat_items(LEAT_ARRAY, NULL, 0) };
	const struct leat_value m = leat_items(LEAT_MAP, kv, 2);

	assert_string_equal(encoded(plain, &map, &m), "{\"a\\\"\\n\":[[1,"
	    "null,-9223372036854775808],[]],\"\\u0001\":[]}");
}

static void
test_encode_errors(void **state)
{
	const struct leat_value row[] = { leat_i32(1), leat_null() };
	const struct leat_field f[] = { { .name = "a", .schema = &t_int32 },
		{ .name = "b", .schema = &t_string } };
	const struct leat_schema s = { .kind = LEAT_STRUCT, .fields = f,
		.nfields = 2 };
	const struct leat_schema outer = { .kind = LEAT_ARRAY, .elem = &s };
	const struct leat_value v = leat_items(LEAT_STRUCT, row, 2);
	const struct leat_value few = leat_items(LEAT_STRUCT, row, 1);
	const struct leat_value a = leat_items(LEAT_ARRAY, &v, 1);
	const struct leat_value one = leat_i32(1);
	const struct leat_schema dec = { .kind = LEAT_BYTES,
		.name = "org.apache.kafka.connect.data.Decimal" };

	assert_string_equal(encoded(plain, &outer, &a), "![0]: b: Conversion "
	    "error: null value for field that is required and has no default "
	    "value");
	assert_string_equal(encoded(plain, &s, &few),
	    "!a struct of 1 fields where the schema has 2");
	assert_string_equal(encoded(plain, &t_string, &one),
	    "!Invalid type for string: int32");
	assert_string_equal(encoded(numeric, &dec, &one),
	    "!Invalid Decimal schema: scale parameter not found.");
}

#define WITH(schema, payload)                                        \
	"{\"schema\":" schema ",\"payload\":" payload "}"
#define I32 "{\"type\":\"int32\",\"optional\":false}"
#define AB                                                             \
	"{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\","        \
	"\"optional\":true,\"field\":\"a\"},{\"type\":\"string\","     \
	"\"optional\":false,\"default\":\"d\",\"field\":\"b\"}],"      \
	"\"optional\":false}"

static void
test_decode(void **state)
{
	static const char *const same[] = {
		WITH(I32, "5"),
		WITH(AB, "{\"a\":1,\"b\":\"x\\\"\\\\\\n\\u0001\"}"),
		WITH("{\"type\":\"map\",\"keys\":" I32 ",\"values\":" AB ","
		    "\"optional\":false}", "[[1,{\"a\":1,\"b\":\"x\"}]]"),
		WITH("{\"type\":\"map\",\"keys\":{\"type\":\"string\","
		    "\"optional\":false},\"values\":" I32 ",\"optional\":"
		    "false}", "{\"k\":1,\"l\":2}"),
		WITH("{\"type\":\"array\",\"items\":{\"type\":\"double\","
		    "\"optional\":true},\"optional\":true,\"name\":\"x\","
		    "\"version\":7,\"doc\":\"y\",\"parameters\":{\"p\":\"q\","
		    "\"r\":\"s\"},\"default\":[1.0]}",
		    "[1.5,null,\"NaN\",\"-Infinity\",1.0E20]"),
		WITH("{\"type\":\"bytes\",\"optional\":false}", "\"AAEC\""),
		WITH("{\"type\":\"boolean\",\"optional\":false}", "true"),
		WITH("{\"type\":\"int8\",\"optional\":false}", "-128"),
		WITH("{\"type\":\"float\",\"optional\":false}", "0.1"),
		WITH("{\"type\":\"string\",\"optional\":true}", "null"),
		WITH("{\"type\":\"struct\",\"fields\":[],\"optional\":false}",
		    "{}"),
	};
	size_t i;

	for (i = 0; i < COUNT(same); i++)
		if (strstr(same[i], "\"payload\":null") != NULL)
			assert_string_equal(decoded(NULL, same[i]), "null");
		else
			assert_string_equal(decoded(NULL, same[i]), same[i]);
	assert_string_equal(decoded(NULL, " { \"payload\" : { \"zz\" : [ 1 , "
	    "{ } ] , \"b\" : \"\\u00e9\\ud83d\\ude00\\/\" , \"a\" : 1 , "
	    "\"a\" : 2 } , \"schema\" : " AB " } "),
	    WITH(AB, "{\"a\":2,\"b\":\"\xc3\xa9\\uD83D\\uDE00/\"}"));
	assert_string_equal(decoded(NULL, WITH(AB, "{}")),
	    WITH(AB, "{\"a\":null,\"b\":\"d\"}"));
	assert_string_equal(decoded(NULL, WITH("null", "{\"x\":[1,2.5]}")),
	    "{\"x\":[1,2.5]}");
	assert_string_equal(decoded(plain, "{\"x\":[1,2.5,null,true]}"),
	    "{\"x\":[1,2.5,null,true]}");
	assert_string_equal(decoded(plain, ""), "null");
	assert_string_equal(decoded(plain, "null"), "null");
}

static void
test_decode_decimals(void **state)
{
#define DEC                                                             \
	"{\"type\":\"bytes\",\"optional\":false,\"name\":"              \
	"\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"      \
	"\"parameters\":{\"scale\":\"2\"}}"
	static const char *const num[] = { "decimal.format", "NUMERIC",
		NULL };

	assert_string_equal(decoded(NULL, WITH(DEC, "12.34")),
	    WITH(DEC, "\"BNI=\""));
	assert_string_equal(decoded(NULL, WITH(DEC, "-0.01")),
	    WITH(DEC, "\"/w==\""));
	assert_string_equal(decoded(num, WITH(DEC, "\"BNI=\"")),
	    WITH(DEC, "12.34"));
	assert_string_equal(decoded(num, WITH(DEC,
		"-123456789012345678901234567890.5")),
	    WITH(DEC, "-123456789012345678901234567890.50"));
	assert_string_equal(decoded(num, WITH(DEC, "1.2E3")),
	    WITH(DEC, "1200.00"));
	assert_string_equal(decoded(NULL, WITH(DEC, "0.001")), "!Invalid "
	    "value for bytes field: a number that does not fit, at byte 0");
}

#define BAD_JSON                                                           \
	"!Converting byte[] to Kafka Connect data failed due to "          \
	"serialization error: "
#define NO_ENVELOPE                                                        \
	"!JsonConverter with schemas.enable requires \"schema\" and "      \
	"\"payload\" fields and may not contain additional fields. If you " \
	"are trying to deserialize plain JSON data, set "                  \
	"schemas.enable=false in your converter configuration."

static void
test_decode_errors(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{ "", NO_ENVELOPE },
		{ "null", NO_ENVELOPE },
		{ "{\"a\":1}", NO_ENVELOPE },
		{ "{\"schema\":null}", NO_ENVELOPE },
		{ "{\"schema\":null,\"payload\":1,\"x\":1}", NO_ENVELOPE },
		{ "{\"schema\":null,\"payload\":1} 2", BAD_JSON
		    "more text behind the value at byte 28" },
		{ "{\"schema\":", BAD_JSON "not a JSON value at byte 10" },
		{ "{\"schema\":nul", BAD_JSON "not a JSON value at byte 10" },
		{ "{\"schema\":\"\xff\"}", BAD_JSON "not UTF-8" },
		{ WITH("{}", "1"), "!Schema must contain 'type' field" },
		{ WITH("1", "1"), "!Schema must contain 'type' field" },
		{ WITH("{\"type\":\"x\"}", "1"), "!Unknown schema type: x" },
		{ WITH("{\"type\":\"array\"}", "1"), "!Array schema did not "
		    "specify the element type" },
		{ WITH("{\"type\":\"map\"}", "1"), "!Map schema did not "
		    "specify the key type" },
		{ WITH("{\"type\":\"map\",\"keys\":" I32 "}", "1"), "!Map "
		    "schema did not specify the value type" },
		{ WITH("{\"type\":\"struct\"}", "1"), "!Struct schema's "
		    "\"fields\" argument is not an array." },
		{ WITH("{\"type\":\"struct\",\"fields\":[" I32 "]}", "1"),
		    "!Struct schema's field name not specified properly" },
		{ WITH("{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\","
		    "\"field\":\"a\"},{\"type\":\"int8\",\"field\":\"a\"}]}",
		    "1"), "!Cannot create field because of field name "
		    "duplication" },
		{ WITH("{\"type\":\"int8\",\"parameters\":{\"a\":1}}", "1"),
		    "!Schema parameters must have string values." },
		{ WITH("{\"type\":\"int8\",\"default\":\"x\"}", "1"),
		    "!default value: Invalid value for int8 field: a string "
		    "that does not fit, at byte 0" },
		{ WITH(I32, "null"), "!Invalid null value for required INT32 "
		    "field" },
		{ WITH(I32, "\"abc\""), "!Invalid value for int32 field: a "
		    "string that does not fit, at byte 0" },
		{ WITH(I32, "1.9"), "!Invalid value for int32 field: a "
		    "number that does not fit, at byte 0" },
		{ WITH(I32, "99999999999"), "!Invalid value for int32 field: "
		    "a number that does not fit, at byte 0" },
		{ WITH("{\"type\":\"int8\"}", "300"), "!Invalid value for "
		    "int8 field: a number that does not fit, at byte 0" },
		{ WITH("{\"type\":\"boolean\"}", "\"true\""), "!Invalid value "
		    "for boolean field: a string that does not fit, at "
		    "byte 0" },
		{ WITH("{\"type\":\"bytes\"}", "\"?\""),
		    "!Invalid bytes field" },
		{ WITH("{\"type\":\"array\",\"items\":" I32 "}", "\"x\""),
		    "!Invalid value for array field: a string that does not "
		    "fit, at byte 0" },
		{ WITH("{\"type\":\"array\",\"items\":" I32 "}", "[1,null]"),
		    "![1]: Invalid null value for required INT32 field" },
		{ WITH(AB, "{\"a\":1,\"b\":2}"), "!b: Invalid value for "
		    "string field: a number that does not fit, at byte 11" },
		{ WITH(AB, "{\"x\":1\"a\":2}"), BAD_JSON
		    "',' or '}' expected at byte 0" },
		{ WITH(AB, "[]"), "!Invalid value for struct field: an array "
		    "that does not fit, at byte 0" },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		const char *got = decoded(NULL, rows[i].text);

		if (strstr(rows[i].error, "',' or '}'") != NULL)
			assert_non_null(strstr(got, "',' or '}' expected"));
		else
			assert_string_equal(got, rows[i].error);
	}
	assert_non_null(strstr(decoded(plain, "{\"a\":}"), BAD_JSON));
}

/* Every length around the block sizes, with an escape at every place. */
static void
test_string_escapes(void **state)
{
	char text[600], want[3700];
	size_t n, at;

	for (n = 0; n < 600; n += n < 70 ? 1 : 97) {
		for (at = 0; at <= n; at += n < 70 ? 1 : 13) {
			struct leat_value v = leat_string(text, n);
			char *w = want;
			size_t i;

			*w++ = '"';
			for (i = 0; i < n; i++) {
				text[i] = i == at ? '\x1f'
				    : (char)('a' + i % 26);
				if (i == at) {
					memcpy(w, "\\u001F", 6);
					w += 6;
				} else
					*w++ = text[i];
			}
			*w++ = '"';
			*w = '\0';
			assert_string_equal(encoded(plain, &t_string, &v),
			    want);
		}
		leat_arena_reset(&arena);
	}
}

static void
test_numbers(void **state)
{
	char want[32];
	int64_t v = 1;
	int i, j;

	for (i = 0; i < 19; i++, v *= 10)
		for (j = -1; j <= 1; j++) {
			struct leat_value n = leat_i64(v + j);

			snprintf(want, sizeof(want), "%lld",
			    (long long)v + j);
			assert_string_equal(encoded(plain, &t_int64, &n),
			    want);
			n.u.i = -n.u.i;
			snprintf(want, sizeof(want), "%lld",
			    (long long)n.u.i);
			assert_string_equal(encoded(plain, &t_int64, &n),
			    want);
			if (i == 18)
				break;
		}
}

/* Beyond U+FFFF, as Kafka Connect: two escapes, at every place of a piece. */
static void
test_astral(void **state)
{
	char text[600];
	size_t at;

	(void)state;
	for (at = 0; at + 4 < sizeof(text); at++) {
		const struct leat_value v = leat_string(text, sizeof(text));
		const char *got;

		memset(text, 'x', sizeof(text));
		memcpy(text + at, "\xf0\x9d\x84\x9e", 4);
		got = encoded(plain, &t_string, &v);
		assert_int_equal(strlen(got), sizeof(text) + 2 - 4 + 12);
		assert_memory_equal(got + 1 + at, "\\uD834\\uDD1Ex", 13);
	}
}

/* The text of a number that comes again and again is kept: but not for ever. */
static void
test_repeated_numbers(void **state)
{
	static const int64_t seen[] = { 0, 0, 0, 7, 7, INT64_MIN, INT64_MIN,
		INT64_MIN, 7, 0, -1, -1, -1, INT64_MAX, INT64_MAX, -1, 10, 10,
		1763794068011000000, 1763794068011000000, 1763794068011000000,
		1763794068011000001, 1763794068011000000 };
	static const struct leat_field fields[] = {
		{ .name = "a", .schema = &t_int64 },
		{ .name = "b", .schema = &t_int64 } };
	const struct leat_schema row = { .kind = LEAT_STRUCT,
		.fields = fields, .nfields = 2 };
	const struct leat_schema *s = testing_intern(pool, &row);
	void *self = testing_open(&json_converter, pool, plain);
	size_t n = sizeof(seen) / sizeof(seen[0]), i;
	struct leat_err err = LEAT_ERR_INIT;
	char want[64];
	bool null;

	for (i = 0; i < n; i++) {
		struct leat_value items[2] = { leat_i64(seen[i]),
			leat_i64(seen[n - 1 - i]) };
		struct leat_value v = leat_items(LEAT_STRUCT, items, 2);

		snprintf(want, sizeof(want), "{\"a\":%lld,\"b\":%lld}",
		    (long long)seen[i], (long long)seen[n - 1 - i]);
		leat_buf_reset(&buf);
		assert_int_equal(json_converter.encode(self, s, &v, &buf,
		    &null, &err), 0);
		assert_string_equal(leat_buf_cstr(&buf), want);
	}
	json_converter.close(self);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_debezium, setup, teardown),
		cmocka_unit_test_setup_teardown(test_debezium_envelope, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_golden_values, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_golden_structs, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_containers, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_encode_errors, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_decode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decode_decimals, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_decode_errors, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_string_escapes, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_astral, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated_numbers, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
