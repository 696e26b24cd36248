/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_columns.c: what options make of single columns: masks, hashes,
 * cuts, names, comments, types told in parameters, defaults.
 */
#include "tests/integration/pgtest.h"

#include "core/record/converter.h"
#include "core/record/record_testing.h"

static struct th_pg *pg;
static struct leat_schema_pool *pool;
static void *converter;

/* The schema of a column as the JsonConverter writes it, within the row's. */
static const char *
schema_of(struct leat_fake *f, size_t i, const char *column)
{
	const struct leat_record *rec = leat_fake_record(f, i);
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_arena a = { 0 };
	struct leat_value doc;
	const struct leat_value *fields;
	struct leat_buf b;
	const char *out = NULL;
	bool null = false;

	leat_buf_init(&b, 1u << 20);
	leat_arena_init(&a, 4096, 0);
	if (json_converter.encode(converter, rec->value_schema, &rec->value,
	    &b, &null, &err) < 0 || leat_json_parse(&a, (const char *)b.data,
	    b.len, &doc, &err) < 0)
		fail_msg("%s", err.text);
	fields = leat_json_pointer(&doc, leat_str_c("/schema/fields/1/fields"));
	leat_buf_reset(&b);
	for (uint32_t k = 0; k < fields->len && out == NULL; k++) {
		const struct leat_value *name = leat_map_value(
		    &fields->u.items[k], "field");

		if (name->len != strlen(column) ||
		    memcmp(name->u.s, column, name->len) != 0)
			continue;
		(void)leat_json_add_value(&b, &fields->u.items[k]);
		out = th_text("%s", leat_buf_cstr(&b));
	}
	leat_buf_fini(&b);
	leat_arena_fini(&a);
	return out == NULL ? "(no such field)" : out;
}

static void
test_masks(void **state)
{
	struct leat_fake *f = pgt_source(pg, "masks", "public.masks");

	th_pg_exec(pg, "CREATE TABLE masks (id text PRIMARY KEY, a text,"
	    " b varchar(10), c text NOT NULL, d bytea, n int, e citext,"
	    " s varchar(3)); ALTER TABLE masks REPLICA IDENTITY FULL;"
	    "INSERT INTO masks VALUES ('key1', 'secret', 'secret', 'secret',"
	    " '\\x01020304', 7, 'secret', 'abc'), ('key2', NULL, NULL, '',"
	    " NULL, NULL, NULL, NULL)");
	leat_fake_set(f, "column.mask.with.4.chars",
	    "public.masks.(a|id|n|e)");
	leat_fake_set(f, "column.mask.hash.v2.SHA-256.with.salt.salt",
	    "public.masks.b");
	leat_fake_set(f, "column.truncate.to.3.chars",
	    "public\\.masks\\.(c|d|s)");
	pgt_open(f);
	pgt_run(f, 2);
	/* The key is the row's name and stays. */
	assert_string_equal(leat_fake_key(f, 0), "{\"id\":\"key1\"}");
	pgt_expect(f, 0, "/after", "{\"id\":\"****\",\"a\":\"****\","
	    "\"b\":\"bede90386d\",\"c\":\"sec\",\"d\":\"AQID\",\"n\":7,"
	    "\"e\":\"****\",\"s\":\"abc\"}");
	pgt_expect(f, 1, "/after", "{\"id\":\"****\",\"a\":\"****\","
	    "\"b\":null,\"c\":\"\",\"d\":null,\"n\":null,\"e\":\"****\","
	    "\"s\":null}");
	assert_true(leat_fake_logged(f, "column cannot be masked") > 0);
	assert_string_equal(schema_of(f, 0, "a"), "{\"type\":\"string\","
	    "\"optional\":true,\"parameters\":{\"masked\":\"true\"},"
	    "\"field\":\"a\"}");
	assert_string_equal(schema_of(f, 0, "c"), "{\"type\":\"string\","
	    "\"optional\":false,\"parameters\":{\"truncateLength\":\"3\"},"
	    "\"field\":\"c\"}");
	assert_string_equal(schema_of(f, 0, "n"), "{\"type\":\"int32\","
	    "\"optional\":true,\"field\":\"n\"}");
	/* It cannot be longer than that. */
	assert_string_equal(schema_of(f, 0, "s"), "{\"type\":\"string\","
	    "\"optional\":true,\"field\":\"s\"}");
	th_pg_exec(pg, "UPDATE masks SET id = 'key3' WHERE id = 'key1'");
	th_pg_exec(pg, "DELETE FROM masks WHERE id = 'key2'");
	pgt_run(f, 7);
	assert_string_equal(leat_fake_key(f, 2), "{\"id\":\"key1\"}");
	pgt_expect(f, 2, "/before/a", "\"****\"");
	assert_string_equal(leat_fake_key(f, 4), "{\"id\":\"key3\"}");
	pgt_expect(f, 5, "/before/c", "\"\"");
	pgt_end(pg, f, "masks");
}

static void
test_propagation(void **state)
{
	struct leat_fake *f = pgt_source(pg, "prop", "public.prop");

	th_pg_exec(pg, "CREATE TABLE prop (id serial PRIMARY KEY,"
	    " v varchar(20), n numeric(10,2), t timestamptz, x text);"
	    "COMMENT ON COLUMN prop.v IS 'a \"name\"';"
	    "INSERT INTO prop VALUES (1, 'v', 1, now(), 'x')");
	leat_fake_set(f, "column.propagate.source.type",
	    "public.prop.(id|v|t)");
	leat_fake_set(f, "datatype.propagate.source.type", ".*\\.NUMERIC");
	leat_fake_set(f, "include.schema.comments", "true");
	pgt_open(f);
	pgt_run(f, 1);
	assert_string_equal(schema_of(f, 0, "id"), "{\"type\":\"int32\","
	    "\"optional\":false,\"parameters\":{"
	    "\"__debezium.source.column.type\":\"SERIAL\","
	    "\"__debezium.source.column.length\":\"10\","
	    "\"__debezium.source.column.scale\":\"0\","
	    "\"__debezium.source.column.name\":\"id\"},\"default\":0,"
	    "\"field\":\"id\"}");
	assert_string_equal(schema_of(f, 0, "v"), "{\"type\":\"string\","
	    "\"optional\":true,\"doc\":\"a \\\"name\\\"\",\"parameters\":{"
	    "\"__debezium.source.column.type\":\"VARCHAR\","
	    "\"__debezium.source.column.length\":\"20\","
	    "\"__debezium.source.column.scale\":\"0\","
	    "\"__debezium.source.column.comment\":\"a \\\"name\\\"\","
	    "\"__debezium.source.column.name\":\"v\"},\"field\":\"v\"}");
	assert_string_equal(schema_of(f, 0, "n"), "{\"type\":\"bytes\","
	    "\"optional\":true,\"name\":"
	    "\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"
	    "\"parameters\":{\"scale\":\"2\","
	    "\"connect.decimal.precision\":\"10\","
	    "\"__debezium.source.column.type\":\"NUMERIC\","
	    "\"__debezium.source.column.length\":\"10\","
	    "\"__debezium.source.column.scale\":\"2\","
	    "\"__debezium.source.column.name\":\"n\"},\"field\":\"n\"}");
	assert_string_equal(schema_of(f, 0, "x"), "{\"type\":\"string\","
	    "\"optional\":true,\"field\":\"x\"}");
	pgt_end(pg, f, "prop");
}

static void
test_names(void **state)
{
	struct leat_fake *f = pgt_source(pg, "names", "public.na-mes");
	const struct leat_record *rec;

	th_pg_exec(pg, "CREATE TABLE \"na-mes\" (\"1 id\" int PRIMARY KEY,"
	    " \"a.b\" int, \"a_b\" int); INSERT INTO \"na-mes\" VALUES "
	    "(1,2,3)");
	leat_fake_set(f, "schema.name.adjustment.mode", "avro");
	leat_fake_set(f, "field.name.adjustment.mode", "avro_unicode");
	pgt_open(f);
	pgt_run(f, 1);
	rec = leat_fake_record(f, 0);
	assert_string_equal(rec->topic, "px.public.na-mes");
	assert_string_equal(rec->key_schema->name, "px.public.na_mes.Key");
	assert_string_equal(rec->value_schema->name,
	    "px.public.na_mes.Envelope");
	assert_string_equal(rec->value_schema->fields[0].schema->name,
	    "px.public.na_mes.Value");
	assert_string_equal(leat_fake_key(f, 0), "{\"_u0031_u0020id\":1}");
	pgt_expect(f, 0, "/after", "{\"_u0031_u0020id\":1,\"a_u002eb\":2,"
	    "\"a_u005fb\":3}");
	pgt_end(pg, f, "names");

	/* Two columns of one name: said, not merged. */
	f = pgt_source(pg, "names", "public.na-mes");
	leat_fake_set(f, "field.name.adjustment.mode", "avro");
	pgt_open(f);
	assert_true(leat_fake_run(f, 1, PGT_WAIT_MS) < 0);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "two columns of public.na-mes become 'a_b'"));
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	pgt_end(pg, f, "names");
}

static void
test_defaults(void **state)
{
	static const struct {
		const char *column;
		const char *json;	/* the default; NULL: none */
	} rows[] = {
		{ "i int DEFAULT 42", "42" },
		{ "neg int DEFAULT -1", "-1" },
		{ "t text DEFAULT 'it''s'", "\"it's\"" },
		{ "fn text DEFAULT upper('a')", "\"\"" },
		{ "expr text DEFAULT 'a' || 'b'", NULL },
		{ "nul text DEFAULT NULL", NULL },
		{ "b boolean DEFAULT true", "true" },
		{ "n numeric(10,2) DEFAULT 1.5", "\"AJY=\"" },
		{ "vn numeric DEFAULT 1.5", NULL },
		{ "d date DEFAULT '2024-01-02'", "19724" },
		{ "dn date DEFAULT CURRENT_DATE", "0" },
		{ "ts timestamp(3) DEFAULT now()", "0" },
		{ "tz timestamptz DEFAULT now()",
		    "\"1970-01-01T00:00:00.000000Z\"" },
		{ "iv interval DEFAULT '1 day'", "86400000000" },
		{ "u uuid DEFAULT gen_random_uuid()",
		    "\"00000000-0000-0000-0000-000000000000\"" },
		{ "j jsonb DEFAULT '{\"a\": 1}'", "\"{\\\"a\\\": 1}\"" },
		{ "bi bit(3) DEFAULT B'101'", "\"BQ==\"" },
		{ "by bytea DEFAULT '\\x00'", NULL },
		{ "ar int[] DEFAULT '{1}'", NULL },
		{ "m colour DEFAULT 'red'", "\"red\"" },
		{ "dom num DEFAULT 1", NULL },
	};
	struct leat_fake *f = pgt_source(pg, "defs", "public.defs");

	th_pg_exec(pg, "CREATE TYPE colour AS ENUM ('red');"
	    "CREATE DOMAIN num AS int; CREATE TABLE defs (id int PRIMARY KEY)");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		th_pg_exec(pg, "ALTER TABLE defs ADD %s", rows[i].column);
	th_pg_exec(pg, "INSERT INTO defs VALUES (1)");
	pgt_open(f);
	pgt_run(f, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = th_text("%.*s",
		    (int)strcspn(rows[i].column, " "), rows[i].column);
		const char *schema = schema_of(f, 0, name);
		const char *want = th_text("\"default\":%s,\"field\"",
		    rows[i].json);

		if (rows[i].json == NULL ? strstr(schema, "\"default\"") !=
		    NULL : strstr(schema, want) == NULL)
			fail_msg("%s: %s", rows[i].column, schema);
	}
	pgt_end(pg, f, "defs");
}

static void
test_refused(void **state)
{
	static const struct {
		const char *option;
		const char *value;
		const char *text;
	} rows[] = {
		{ "converters", "isbn", "Java classes" },
		{ "column.mask.with.x.chars", "a.b.c", "not of the form" },
		{ "column.mask.hash.FOO.with.salt.s", "a.b.c",
		    "not a known algorithm" },
		{ "column.truncate.to.3.chars", "a(", "regular expression" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_fake *f = pgt_source(pg, "refused", "public.x");

		leat_fake_set(f, rows[i].option, rows[i].value);
		assert_true(leat_fake_open(f) < 0);
		if (strstr(leat_fake_err(f)->text, rows[i].text) == NULL)
			fail_msg("%s: %s", rows[i].option,
			    leat_fake_err(f)->text);
		leat_fake_free(f);
	}
}

static int
start(void **state)
{
	static const char *const settings[] = { "schemas.enable", "true",
		NULL };

	pg = th_pg_start(NULL);
	th_pg_exec(pg, "CREATE EXTENSION citext");
	pool = leat_schema_pool_new(1u << 24);
	converter = testing_open(&json_converter, pool, settings);
	return 0;
}

static int
stop(void **state)
{
	json_converter.close(converter);
	leat_schema_pool_free(pool);
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_propagation),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
