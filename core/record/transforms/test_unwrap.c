/* SPDX-License-Identifier: Apache-2.0 */
/* test_unwrap.c: ExtractNewRecordState against the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <leat/json.h>

#include "core/record/testing_chain.h"

/* clang-format off */

#define UNWRAP "transforms=u\ntransforms.u.type=" \
	"io.debezium.transforms.ExtractNewRecordState\n"
#define ROW "{\"id\":1,\"customer\":\"ann\",\"amount\":\"B88=\","      \
	"\"note\":\"none\",\"created\":\"2024-03-01T01:02:03.450000Z\"," \
	"\"m\":null"

/* Sends an event (NULL: a tombstone) through a chain with these settings. */
static const char *
run(struct testing_chain *c, const char *settings,
    const struct leat_value *event)
{
	struct leat_record rec = { .topic = "px.shop.orders",
		.key_schema = &t_key, .key = t_k1 };

	assert_int_equal(testing_chain_open(c, settings), 0);
	if (event != NULL) {
		rec.value_schema = &t_envelope;
		rec.value = *event;
	}
	return testing_chain_run(c, &rec);
}

static void
expect(const char *settings, const struct leat_value *event,
    const char *want)
{
	struct testing_chain c;

	assert_string_equal(run(&c, settings, event), want);
	testing_chain_close(&c);
}

#define KEY "px.shop.orders|{\"id\":1}|"

static void
test_default(void **state)
{
	expect(UNWRAP, &t_e1, KEY ROW "}|");
	expect(UNWRAP, &t_e4, KEY "NULL|");
	expect(UNWRAP, NULL, "dropped");
}

#define MODE(m) UNWRAP "transforms.u.delete.tombstone.handling.mode=" m "\n"
#define GONE "{\"id\":7,\"customer\":\"\",\"amount\":null,\"note\":"   \
	"\"none\",\"created\":\"1970-01-01T00:00:00Z\",\"m\":null"

static void
test_modes(void **state)
{
	expect(MODE("drop"), &t_e4, "dropped");
	expect(MODE("drop"), NULL, "dropped");
	expect(MODE("drop"), &t_e1, KEY ROW "}|");
	expect(MODE("rewrite"), &t_e4,
	    KEY GONE ",\"__deleted\":\"true\"}|");
	expect(MODE("rewrite"), NULL, "dropped");
	expect(MODE("rewrite"), &t_e1,
	    KEY ROW ",\"__deleted\":\"false\"}|");
	expect(MODE("rewrite-with-tombstone"), NULL, KEY "NULL|");
	expect(MODE("delete-to-tombstone"), &t_e4, KEY "NULL|");
	expect(MODE("delete-to-tombstone"), NULL, "dropped");
}

static void
test_old_modes(void **state)
{
	expect(UNWRAP "transforms.u.drop.tombstones=false\n", &t_e4,
	    "dropped");
	expect(UNWRAP "transforms.u.drop.tombstones=false\n", NULL,
	    KEY "NULL|");
	expect(UNWRAP "transforms.u.delete.handling.mode=rewrite\n", &t_e4,
	    KEY GONE ",\"__deleted\":\"true\"}|");
	expect(UNWRAP "transforms.u.delete.handling.mode=none\n", &t_e4,
	    KEY "NULL|");
}

static void
test_added(void **state)
{
	expect(MODE("rewrite") "transforms.u.add.fields=op,table,lsn\n",
	    &t_e1, KEY ROW ",\"__deleted\":\"false\",\"__op\":\"c\","
	    "\"__table\":\"orders\",\"__lsn\":531324432}|");
	expect(UNWRAP "transforms.u.add.fields=source.ts_ms,ts_ms:when,"
	    "transaction.id,before.note\ntransforms.u.add.fields.prefix=_\n",
	    &t_e1, KEY ROW ",\"_source_ts_ms\":1795331268011,\"_when\":"
	    "1795331268300,\"_transaction_id\":null,\"_before_note\":"
	    "null}|");
	expect(UNWRAP "transforms.u.add.headers=op,source.db:base\n", &t_e4,
	    KEY "NULL|__op=d __base=demo");
	expect(MODE("rewrite-with-tombstone")
	    "transforms.u.add.headers=op,db\n", NULL, KEY "NULL|__op=d");
	/* What is in no struct is looked for in the envelope, or left out. */
	expect(UNWRAP "transforms.u.add.fields=nope,op:o,source.op:p,"
	    "absent.x,op\ntransforms.u.add.fields.prefix=\n"
	    "transforms.u.add.headers=nope,ts_ms\n"
	    "transforms.u.add.headers.prefix=h.\n", &t_e1, KEY ROW
	    ",\"o\":\"c\",\"p\":\"c\",\"op\":\"c\"}|h.ts_ms=1795331268300");
}

/* What is added is optional, whatever it is in the envelope. */
static void
test_added_schema(void **state)
{
	struct leat_record rec = { .topic = "t", .value = t_e1,
		.value_schema = &t_envelope };
	struct testing_chain c;
	const struct leat_schema *s;

	assert_int_equal(testing_chain_open(&c, MODE("rewrite")
	    "transforms.u.add.fields=op,source.snapshot\n"), 0);
	testing_chain_run(&c, &rec);
	s = rec.value_schema;
	assert_int_equal(s->nfields, 9);
	assert_string_equal(s->name, "px.shop.orders.Value");
	assert_false(s->optional);
	assert_string_equal(s->fields[6].name, "__deleted");
	assert_true(s->fields[6].schema->optional);
	assert_string_equal(s->fields[7].name, "__op");
	assert_true(s->fields[7].schema->optional);
	assert_string_equal(s->fields[8].name, "__source_snapshot");
	assert_string_equal(s->fields[8].schema->name,
	    "io.debezium.data.Enum");
	assert_false(s->fields[8].schema->has_default);
	testing_chain_close(&c);
	/* In the envelope a row may be missing, alone it may not. */
	rec.value = t_e1;
	rec.value_schema = &t_envelope;
	assert_int_equal(testing_chain_open(&c, UNWRAP), 0);
	testing_chain_run(&c, &rec);
	assert_int_equal(rec.value_schema->nfields, 6);
	assert_false(rec.value_schema->optional);
	testing_chain_close(&c);
}

/* Nulls are replaced by defaults only where a row is rewritten. */
static void
test_replace_null(void **state)
{
#define RAW "value.converter=json\nvalue.converter.schemas.enable=false\n" \
	"value.converter.replace.null.with.default=false\n"
#define GONE_WITH(note) "{\"id\":7,\"customer\":\"\",\"amount\":null,"   \
	"\"note\":" note ",\"created\":\"1970-01-01T00:00:00Z\",\"m\":null"
	expect(RAW MODE("rewrite"), &t_e4, KEY GONE_WITH("\"none\"")
	    ",\"__deleted\":\"true\"}|");
	expect(RAW MODE("rewrite")
	    "transforms.u.replace.null.with.default=false\n", &t_e4,
	    KEY GONE_WITH("null") ",\"__deleted\":\"true\"}|");
}

static void
test_route(void **state)
{
	struct testing_chain c;

	assert_string_equal(run(&c, UNWRAP
	    "transforms.u.route.by.field=customer\n", &t_e1),
	    "ann|{\"id\":1}|" ROW "}|");
	testing_chain_close(&c);
	expect(UNWRAP "transforms.u.route.by.field=id\n", &t_e1,
	    "!transform 'u': route.by.field: the row has no text in 'id'");
	expect(UNWRAP "transforms.u.route.by.field=nope\n", &t_e1,
	    "!transform 'u': route.by.field: the row has no text in 'nope'");
	/* Nothing there: the topic stays; of a delete the old row counts. */
	expect(UNWRAP "transforms.u.route.by.field=m\n", &t_e1, KEY ROW "}|");
	expect(UNWRAP "transforms.u.route.by.field=created\n", &t_e4,
	    "1970-01-01T00:00:00Z|{\"id\":1}|NULL|");
	expect(UNWRAP "transforms.u.route.by.field=customer\n", &t_e4,
	    KEY "NULL|");
}

static void
test_drop_fields(void **state)
{
	static const struct leat_schema list = { .kind = LEAT_ARRAY,
		.elem = &t_string };
	static const struct leat_value names[] = { V_STR("note"),
		V_STR("customer"), V_STR("m") };
	const struct leat_header h = { "drop", &list,
		leat_items(LEAT_ARRAY, names, 3) };
	struct leat_record rec = { .topic = "t", .headers = &h,
		.nheaders = 1, .value_schema = &t_envelope, .value = t_e1 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, UNWRAP
	    "transforms.u.drop.fields.header.name=drop\n"), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|{\"id\":1,"
	    "\"customer\":\"ann\",\"amount\":\"B88=\",\"created\":"
	    "\"2024-03-01T01:02:03.450000Z\"}|drop=[\"note\",\"customer\","
	    "\"m\"]");
	testing_chain_close(&c);
}

/* From the key too, also where a delete leaves nothing but the key. */
static void
test_drop_from_key(void **state)
{
	static const struct leat_schema list = { .kind = LEAT_ARRAY,
		.elem = &t_string };
	static const struct leat_field fields[] = {
		{ .name = "id", .schema = &t_id },
		{ .name = "m", .schema = &t_mood } };
	static const struct leat_schema key = { .kind = LEAT_STRUCT,
		.fields = fields, .nfields = 2 };
	static const struct leat_value names[] = { V_STR("id"), V_STR("m") };
	static const struct leat_value parts[] = { V_I32(1), V_STR("sad") };
	const struct leat_header headers[] = {
		{ "drop", &list, leat_items(LEAT_ARRAY, names, 2) },
		{ "drop", &list, leat_items(LEAT_ARRAY, names, 1) } };
	struct leat_record rec = { .topic = "t", .headers = headers,
		.nheaders = 2, .value_schema = &t_envelope, .value = t_e4,
		.key_schema = &key, .key = V_STRUCT(parts) };
	struct testing_chain c;

#define DROP UNWRAP "transforms.u.drop.fields.header.name=drop\n" \
	"transforms.u.drop.fields.from.key=true\n"
	assert_int_equal(testing_chain_open(&c, DROP), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "t|{\"id\":1}|NULL|"
	    "drop=[\"id\",\"m\"] drop=[\"id\"]");
	testing_chain_close(&c);
	rec = (struct leat_record){ .topic = "t", .headers = headers,
		.nheaders = 1, .value_schema = &t_envelope, .value = t_e1,
		.key_schema = &key, .key = V_STRUCT(parts) };
	assert_int_equal(testing_chain_open(&c, DROP
	    "transforms.u.drop.fields.keep.schema.compatible=false\n"), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "t|{}|{\"customer\":"
	    "\"ann\",\"amount\":\"B88=\",\"note\":\"none\",\"created\":"
	    "\"2024-03-01T01:02:03.450000Z\"}|drop=[\"id\",\"m\"]");
	testing_chain_close(&c);
}

static void
check_config(const char *settings, const char *want)
{
	struct testing_chain c;

	assert_true(testing_chain_open(&c, settings) < 0);
	assert_non_null(strstr(c.err.text, want));
	testing_chain_close(&c);
}

static void
test_bad_settings(void **state)
{
	check_config(UNWRAP "transforms.u.add.fields=op:a:b\n",
	    "add.fields: Unexpected field name: op:a:b");
	check_config(UNWRAP "transforms.u.add.headers=a.b.c\n",
	    "add.headers: Unexpected field name: a.b.c");
	check_config(MODE("none"), "delete.tombstone.handling.mode");
	check_config(UNWRAP "transforms.u.delete.handling.mode=x\n",
	    "delete.handling.mode: expected drop, none or rewrite");
	check_config(UNWRAP "transforms.u.drop.tombstones=x\n",
	    "drop.tombstones: expected true or false");
}

/* Other records of the connector pass, and what a sink reads without schema. */
static void
test_others(void **state)
{
	static const struct leat_value pairs[] = { V_STR("serverName"),
		V_STR("px") };
	struct leat_record rec = { .topic = "hb",
		.value = leat_items(LEAT_MAP, pairs, 1) };
	static const struct leat_value names[] = { V_STR("note") };
	const struct leat_header h = { "drop", NULL,
		leat_items(LEAT_ARRAY, names, 1) };
	struct chain_bytes bytes = { .value = LEAT_STR(E1_JSON) };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, MODE("rewrite")
	    "transforms.u.add.fields=op,source.lsn\n"), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "hb|NULL|{\"serverName\":\"px\"}|");
	rec = (struct leat_record){ .topic = "t" };
	assert_int_equal(chain_decode(c.chain, &bytes, &c.arena, &rec,
	    &c.failure, &c.err), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|" ROW
	    ",\"__deleted\":\"false\",\"__op\":\"c\",\"__source_lsn\":"
	    "531324432}|");
	testing_chain_close(&c);
	/* Without a schema too: absent is left out, columns are dropped. */
	assert_int_equal(testing_chain_open(&c, UNWRAP
	    "transforms.u.add.fields=nope,total_order\n"
	    "transforms.u.drop.fields.header.name=drop\n"), 0);
	rec = (struct leat_record){ .topic = "t", .headers = &h,
		.nheaders = 1 };
	assert_int_equal(chain_decode(c.chain, &bytes, &c.arena, &rec,
	    &c.failure, &c.err), 0);
	rec.headers = &h;
	rec.nheaders = 1;
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|{\"id\":1,"
	    "\"customer\":\"ann\",\"amount\":\"B88=\",\"created\":"
	    "\"2024-03-01T01:02:03.450000Z\",\"m\":null,"
	    "\"__total_order\":null}|drop=[\"note\"]");
	testing_chain_close(&c);
}

/* More envelopes than are remembered, twice around. */
static void
test_many_schemas(void **state)
{
	struct testing_chain c;
	char name[40];
	int i;

	assert_int_equal(testing_chain_open(&c,
	    UNWRAP "transforms.u.add.fields=op\n"), 0);
	for (i = 0; i < 80; i++) {
		struct leat_schema s = t_envelope;
		struct leat_record rec = { .topic = "t", .value = t_e1,
			.value_schema = &s };

		snprintf(name, sizeof(name), "t%d.Envelope", i % 40);
		s.name = name;
		assert_string_equal(testing_chain_run(&c, &rec),
		    "t|NULL|" ROW ",\"__op\":\"c\"}|");
	}
	testing_chain_close(&c);
}

/* A connector's own schemas, which are not interned, are told apart too. */
static void
test_foreign_schemas(void **state)
{
	static const char *const names[] = { "x", "y" };
	struct leat_field row_fields[6];
	struct leat_schema row, envelope;
	struct leat_field fields[8];
	struct testing_chain c;
	size_t i;

	assert_int_equal(testing_chain_open(&c,
	    UNWRAP "transforms.u.add.fields=op\n"), 0);
	for (i = 0; i < COUNT(names); i++) {
		struct leat_record rec = { .topic = "t", .value = t_e1,
			.value_schema = &envelope };
		bool keep;

		memcpy(row_fields, t_row_fields, sizeof(row_fields));
		memcpy(fields, t_envelope_fields, sizeof(fields));
		row = t_row;
		envelope = t_envelope;
		row_fields[0].name = names[i];
		row.fields = row_fields;
		fields[0].schema = fields[1].schema = &row;
		envelope.fields = fields;
		assert_int_equal(chain_transform(c.chain, &rec, &c.arena,
		    &keep, &c.failure, &c.err), 0);
		assert_string_equal(rec.value_schema->fields[0].name,
		    names[i]);
	}
	testing_chain_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_old_modes),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_added_schema),
		cmocka_unit_test(test_replace_null),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_drop_fields),
		cmocka_unit_test(test_drop_from_key),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_many_schemas),
		cmocka_unit_test(test_foreign_schemas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
