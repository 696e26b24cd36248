/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_chain.c: which converters a connector gets, what validation finds, and
 * where failures are said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* clang-format off */

/* E1 through a chain built from both sets of properties. */
static void
expect_bytes(const char *own, const char *worker, const char *key,
    const char *value)
{
	struct properties *props = testing_props(own);
	struct properties *defaults = testing_props(worker);
	struct leat_record rec = { .topic = "t", .key = t_k1, .value = t_k1 };
	struct testing_chain c = { 0 };
	struct chain_bytes bytes;

	c.pool = leat_schema_pool_new(1 << 24);
	leat_arena_init(&c.arena, 4096, 1 << 24);
	assert_int_equal(chain_new(props, defaults, c.pool, &c.chain, &c.err),
	    0);
	rec.key_schema = rec.value_schema = testing_intern(c.pool, &t_key);
	assert_int_equal(chain_encode(c.chain, &rec, &c.arena, &bytes,
	    &c.failure, &c.err), 0);
	assert_int_equal(bytes.key.len, strlen(key));
	assert_memory_equal(bytes.key.ptr, key, strlen(key));
	assert_int_equal(bytes.value.len, strlen(value));
	assert_memory_equal(bytes.value.ptr, value, strlen(value));
	testing_chain_close(&c);
	properties_unref(props);
	properties_unref(defaults);
}

#define BARE "{\"id\":1}"
#define FULL "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":"      \
	"\"int32\",\"optional\":false,\"default\":0,\"field\":\"id\"}],"    \
	"\"optional\":false,\"name\":\"px.shop.orders.Key\"},\"payload\":"  \
	"{\"id\":1}}"
#define JAVA "org.apache.kafka.connect.json.JsonConverter"

static void
test_which_converter(void **state)
{
	/* Nobody says anything: plain JSON. */
	expect_bytes("", "", BARE, BARE);
	expect_bytes("value.converter.schemas.enable=true\n", "", BARE, FULL);
	/* Who names JsonConverter gets Kafka's default. */
	expect_bytes("value.converter=" JAVA "\n", "", BARE, FULL);
	expect_bytes("value.converter=json\n"
	    "value.converter.schemas.enable=false\n", "", BARE, BARE);
	/* The worker's, its options, and single options over them. */
	expect_bytes("", "key.converter=" JAVA "\nvalue.converter=" JAVA "\n"
	    "value.converter.schemas.enable=false\n", FULL, BARE);
	expect_bytes("value.converter.schemas.enable=true\n",
	    "value.converter=json\nvalue.converter.schemas.enable=false\n",
	    BARE, FULL);
	/* Naming one drops the worker's options for it. */
	expect_bytes("value.converter=json\n", "value.converter=json\n"
	    "value.converter.schemas.enable=false\n", BARE, FULL);
	expect_bytes("key.converter=string\n", "", "Struct{id=1}", BARE);
	expect_bytes("key.converter=StringConverter\n", "key.converter=json\n"
	    "key.converter.schemas.enable=false\n", "Struct{id=1}", BARE);
}

/* All complaints about these properties, one per line. */
static void
expect_problems(const char *text, const char *want)
{
	struct properties *props = testing_props(text);
	struct problems *out = problems_new();
	struct leat_buf buf;
	const char *got;

	chain_validate(props, out);
	leat_buf_init(&buf, 1 << 16);
	problems_print(out, &buf);
	got = leat_buf_cstr(&buf);
	assert_string_equal(got, want);
	leat_buf_fini(&buf);
	problems_free(out);
	properties_unref(props);
}

static void
test_validate(void **state)
{
	expect_problems("name=x\nvalue.converter=json\n", "");
	expect_problems("value.converter=jsn\n"
	    "key.converter=string\n"
	    "key.converter.schemas.enable=true\n"
	    "header.converter.x=1\n",
	    "c.yaml:3:1: key.converter.schemas.enable: unknown option\n"
	    "c.yaml:1:1: value.converter: there is no converter 'jsn' "
	    "(did you mean 'json'?)\n"
	    "c.yaml:4:1: header.converter.x: unknown option\n");
	expect_problems("transforms=a,b,c,a,d,e\n"
	    "transforms.a.type=InsertFild\n"
	    "transforms.b.type=InsertField$Value\n"
	    "transforms.b.topic.feld=t\n"
	    "transforms.c.type=" "Filter$Key\n"
	    "transforms.d.type=Filter\n"
	    "transforms.d.predicate=p\n"
	    "transforms.z.type=Filter\n"
	    "transforms.e.type=RegexRouter\n"
	    "transforms.e.regex=a*?\n"
	    "transforms.e.replacement=b\n",
	    "c.yaml:1:1: transforms: 'a' is listed twice\n"
	    "c.yaml:2:1: transforms.a.type: there is no transform "
	    "'InsertFild' (did you mean 'InsertField'?)\n"
	    "c.yaml:4:1: transforms.b.topic.feld: unknown option (did you "
	    "mean 'topic.field'?)\n"
	    "c.yaml:5:1: transforms.c.type: there is no transform "
	    "'Filter$Key' (did you mean 'Filter'?)\n"
	    "c.yaml:7:1: transforms.d.predicate: there is no predicate 'p' in "
	    "'predicates', or it is not valid\n"
	    "c.yaml:9:1: transforms.e.type: the regular expression 'a*?' uses "
	    "a lazy quantifier at character 3; exclude the character that "
	    "follows, as in [^.]*\n"
	    "c.yaml:8:1: transforms.z.type: 'z' is not listed in "
	    "'transforms' (did you mean 'a'?)\n");
	expect_problems("transforms=a,b\n"
	    "transforms.a.type=Cast\n"
	    "transforms.a.negate=true\n"
	    "predicates=p\n"
	    "predicates.p.type=HasHeaderKy\n",
	    "c.yaml:5:1: predicates.p.type: there is no predicate "
	    "'HasHeaderKy' (did you mean 'HasHeaderKey'?)\n"
	    "transforms.a.spec: required, but not set\n"
	    "c.yaml:3:1: transforms.a.negate: negate needs a predicate\n"
	    "c.yaml:1:1: transforms.b.type: the transform 'b' needs a "
	    "type\n");
}

static void
test_bad_options(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
		{ "InsertField\n", "No field insertion configured" },
		{ "InsertField\ntransforms.x.static.field=a\n", "No value "
		    "specified for static field: a" },
		{ "Cast\ntransforms.x.spec=a:int7\n", "Invalid type found in "
		    "casting spec: int7 (allowed: boolean, int8, int16, "
		    "int32, int64, float32, float64, string)" },
		{ "Cast\ntransforms.x.spec=int8,int8\n", "Cast "
		    "transformations that specify a type to cast the entire "
		    "value to may ONLY specify a single cast in their spec" },
		{ "ReplaceField\ntransforms.x.renames=a\n", "Invalid rename "
		    "mapping: 'a' is not old:new" },
		{ "SetSchemaMetadata\n", "Neither schema name nor version "
		    "configured" },
		{ "SetSchemaMetadata\ntransforms.x.schema.version=x\n",
		    "schema.version: expected a whole number (1 to "
		    "2147483647)" },
		{ "TimestampRouter\ntransforms.x.timestamp.format=yyyy-ww\n",
		    "the date pattern 'yyyy-ww' uses 'w', which is not "
		    "supported (letters: y M d H h k K m s S a E z Z X)" },
		{ "TimestampConverter\ntransforms.x.target.type=string\n",
		    "TimestampConverter requires format option to be "
		    "specified when using string timestamps" },
		{ "ExtractField\ntransforms.x.field=a.`b\n"
		    "transforms.x.field.syntax.version=V2\n",
		    "Incomplete backtick pair in path: [a.`b]" },
		{ "HeaderFrom\ntransforms.x.fields=a,b\n"
		    "transforms.x.headers=a\ntransforms.x.operation=move\n",
		    "'fields' config must have the same number of elements as "
		    "'headers' config." },
		{ "RegexRouter\ntransforms.x.regex=a\n"
		    "transforms.x.replacement=$1\n", "the replacement '$1' "
		    "names a group that the regular expression does not "
		    "have" },
		{ "RegexRouter\ntransforms.x.regex=(a\n"
		    "transforms.x.replacement=b\n", "the regular expression "
		    "'(a' is not valid: Unmatched ( or \\(" },
		{ "io.debezium.transforms.ExtractNewRecordState\n"
		    "transforms.x.add.fields=a.b.c\n",
		    "add.fields: Unexpected field name: a.b.c "
		    "(expected field, struct.field or either with :newname)" },
		{ "io.debezium.transforms.ExtractNewRecordState\n"
		    "transforms.x.delete.handling.mode=x\n",
		    "delete.handling.mode: expected drop, none or rewrite" },
	};
	char text[400], want[400];
	struct testing_chain c;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text),
		    "transforms=x\ntransforms.x.type=%s", rows[i].text);
		snprintf(want, sizeof(want), "transforms.x.type: %s",
		    rows[i].want);
		assert_true(testing_chain_open(&c, text) < 0);
		assert_string_equal(c.err.text, want);
		assert_int_equal(c.err.cls, LEAT_CLS_CONFIG);
		testing_chain_close(&c);
	}
}

static void
test_owns_key(void **state)
{
	assert_true(chain_owns_key(NULL, "key.converter"));
	assert_true(chain_owns_key(NULL, "value.converter.schemas.enable"));
	assert_true(chain_owns_key(NULL, "header.converter"));
	assert_true(chain_owns_key(NULL, "transforms.a.type"));
	assert_true(chain_owns_key(NULL, "predicates"));
	assert_false(chain_owns_key(NULL, "transformsx"));
	assert_false(chain_owns_key(NULL, "topics"));
}

static void
test_failures(void **state)
{
	const struct chain_header bad_header = { "h", { "{", 1 } };
	struct chain_bytes bytes = { .key = LEAT_STR("{"),
		.value = LEAT_STR("1") };
	struct leat_record rec = { .topic = "t" };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, "header.converter=json\n"
	    "header.converter.schemas.enable=false\ntransforms=x\n"
	    "transforms.x.type=ValueToKey\ntransforms.x.fields=a\n"), 0);
	assert_true(chain_decode(c.chain, &bytes, &c.arena, &rec, &c.failure,
	    &c.err) < 0);
	assert_int_equal(c.failure.stage, STAGE_KEY_CONVERTER);
	assert_string_equal(c.failure.what, JAVA);
	assert_int_equal(c.err.cls, LEAT_CLS_RECORD);

	bytes.key = LEAT_STR("1");
	bytes.value = LEAT_STR("[1");
	assert_true(chain_decode(c.chain, &bytes, &c.arena, &rec, &c.failure,
	    &c.err) < 0);
	assert_int_equal(c.failure.stage, STAGE_VALUE_CONVERTER);

	bytes.value = LEAT_STR("1");
	bytes.headers = &bad_header;
	bytes.nheaders = 1;
	assert_true(chain_decode(c.chain, &bytes, &c.arena, &rec, &c.failure,
	    &c.err) < 0);
	assert_int_equal(c.failure.stage, STAGE_HEADER_CONVERTER);
	assert_non_null(strstr(c.err.text, "header 'h': "));

	bytes.nheaders = 0;
	assert_int_equal(chain_decode(c.chain, &bytes, &c.arena, &rec,
	    &c.failure, &c.err), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "!transform 'x': "
	    "Only Map objects supported in absence of schema for [copying "
	    "fields from value to key], found: int64");
	assert_int_equal(c.failure.stage, STAGE_TRANSFORMATION);
	assert_string_equal(c.failure.what,
	    "org.apache.kafka.connect.transforms.ValueToKey");
	assert_true(chain_held(c.chain) > 4096);
	testing_chain_close(&c);
}

/* Key, value and headers share a growing buffer; null is not empty. */
static void
test_pieces(void **state)
{
	static char big[100000];
	const struct leat_header h[] = {
		{ "n", NULL, { .kind = LEAT_NULL } },
		{ "e", NULL, { .kind = LEAT_STRING, .u.s = "" } },
		{ "b", NULL, { .kind = LEAT_STRING, .len = sizeof(big),
		    .u.s = big } } };
	struct leat_record rec = { .topic = "t", .headers = h, .nheaders = 3,
		.key = { .kind = LEAT_STRING, .u.s = "" } };
	struct chain_bytes bytes;
	struct testing_chain c;

	memset(big, 'x', sizeof(big));
	assert_int_equal(testing_chain_open(&c, "key.converter=string\n"), 0);
	assert_int_equal(chain_encode(c.chain, &rec, &c.arena, &bytes,
	    &c.failure, &c.err), 0);
	assert_non_null(bytes.key.ptr);
	assert_int_equal(bytes.key.len, 0);
	assert_null(bytes.value.ptr);
	assert_null(bytes.headers[0].value.ptr);
	assert_non_null(bytes.headers[1].value.ptr);
	assert_int_equal(bytes.headers[1].value.len, 0);
	assert_int_equal(bytes.headers[2].value.len, sizeof(big));
	assert_memory_equal(bytes.headers[2].value.ptr, big, sizeof(big));
	testing_chain_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_converter),
		cmocka_unit_test(test_validate),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_owns_key),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
