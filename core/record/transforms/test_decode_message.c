/* SPDX-License-Identifier: Apache-2.0 */
/* test_decode_message.c: logical decoding messages as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* clang-format off */

#define DECODE "transforms=m\ntransforms.m.type=io.debezium.connector." \
	"postgresql.transforms.DecodeLogicalDecodingMessageContent\n"
#define THEN_OUTBOX "transforms=m,o\ntransforms.m.type=" \
	"DecodeLogicalDecodingMessageContent\n" \
	"transforms.o.type=EventRouter\n"

static const struct leat_schema s_bytes = { .kind = LEAT_BYTES,
	.optional = 1 };
static const struct leat_field block_fields[] = {
	{ .name = "prefix", .schema = &t_opt_string },
	{ .name = "content", .schema = &s_bytes },
};
static const struct leat_schema s_block = { .kind = LEAT_STRUCT,
	.version = 1, .name = "io.debezium.connector.postgresql.Message",
	.fields = block_fields, .nfields = 2 };
static const struct leat_field value_fields[] = {
	{ .name = "op", .schema = &t_string },
	{ .name = "ts_ms", .schema = &t_opt_int64 },
	{ .name = "message", .schema = &s_block },
	{ .name = "ts_us", .schema = &t_opt_int64 },
};
static const struct leat_schema s_value = { .kind = LEAT_STRUCT,
	.version = 1, .name = "io.debezium.connector.postgresql.MessageValue",
	.fields = value_fields, .nfields = COUNT(value_fields) };
static const struct leat_field key_fields[] = {
	{ .name = "prefix", .schema = &t_opt_string },
};
static const struct leat_schema s_key = { .kind = LEAT_STRUCT, .version = 1,
	.name = "io.debezium.connector.postgresql.MessageKey",
	.fields = key_fields, .nfields = 1 };
static const struct leat_value key_values[] = { V_STR("p") };

struct message {
	struct leat_value block[2];
	struct leat_value items[4];
	struct leat_record rec;
};

static struct leat_record *
message(struct message *m, const char *content)
{
	m->block[0] = leat_cstring("p");
	m->block[1] = content == NULL ? leat_null()
	    : leat_bytes(content, strlen(content));
	m->items[0] = leat_cstring("m");
	m->items[1] = leat_i64(5);
	m->items[2] = leat_items(LEAT_STRUCT, m->block, 2);
	m->items[3] = leat_i64(6);
	m->rec = (struct leat_record){ .topic = "px.message",
		.key_schema = &s_key, .key = V_STRUCT(key_values),
		.value_schema = &s_value,
		.value = leat_items(LEAT_STRUCT, m->items, 4) };
	return &m->rec;
}

static void
expect(const char *settings, const char *content, const char *want)
{
	struct testing_chain c;
	struct message m;

	assert_int_equal(testing_chain_open(&c, settings), 0);
	assert_string_equal(testing_chain_run(&c, message(&m, content)),
	    want);
	testing_chain_close(&c);
}

#define OUT(after) "px.message|NULL|{\"op\":\"c\",\"ts_ms\":5,\"ts_us\":6," \
	"\"after\":" after "}|"
#define E(text) "!transform 'm': " text
#define PARSE "Unable to parse logical decoding message content as JSON: "

static void
test_decode(void **state)
{
	expect(DECODE, "{\"id\": 1, \"item\": \"x\", \"none\": null, "
	    "\"price\": 39.98, \"tags\": [\"a\"], \"at\": {\"b\": true}}",
	    OUT("{\"id\":1,\"item\":\"x\",\"price\":39.98,\"tags\":[\"a\"],"
	    "\"at\":{\"b\":true}}"));
	expect(DECODE "transforms.m.fields.null.include=true\n",
	    "{\"id\": 1, \"none\": null}", OUT("{\"id\":1,\"none\":null}"));
	expect(DECODE, "{}", OUT("{}"));
	/* Each message may have a shape of its own. */
	expect(DECODE, "{\"a\": \"x\"}", OUT("{\"a\":\"x\"}"));
}

static void
test_schema(void **state)
{
	struct testing_chain c;
	struct message m, n;
	const struct leat_schema *s, *row;

	assert_int_equal(testing_chain_open(&c, DECODE), 0);
	(void)testing_chain_run(&c, message(&m, "{\"a\": {\"b\": 1}}"));
	s = m.rec.value_schema;
	assert_string_equal(s->name,
	    "io.debezium.connector.postgresql.MessageValue.Envelope");
	assert_int_equal(s->version, 0);
	assert_int_equal(s->nfields, 4);
	assert_string_equal(s->fields[3].name, "after");
	row = s->fields[3].schema;
	assert_null(row->name);
	assert_true(row->optional);
	assert_string_equal(row->fields[0].schema->name, "a");
	assert_null(m.rec.key_schema);
	/* The same shape has the same schema, another a different one. */
	(void)testing_chain_run(&c, message(&n, "{\"a\": {\"b\": 2}}"));
	assert_ptr_equal(n.rec.value_schema, s);
	(void)testing_chain_run(&c, message(&n, "{\"a\": 2}"));
	assert_ptr_not_equal(n.rec.value_schema, s);
	(void)testing_chain_run(&c, message(&n, "{\"a\": {\"b\": 2}}"));
	assert_ptr_equal(n.rec.value_schema, s);
	testing_chain_close(&c);
}

/* What it is for: an outbox without a table. */
static void
test_outbox(void **state)
{
	expect(THEN_OUTBOX, "{\"id\": \"u-1\", \"aggregatetype\": \"Order\", "
	    "\"aggregateid\": \"7\", \"payload\": \"x\"}",
	    "outbox.event.Order|\"7\"|\"x\"|id=u-1");
}

static void
test_refused(void **state)
{
	static const struct leat_field fields[] = {
		{ .name = "op", .schema = &t_string },
		{ .name = "message", .schema = &t_key },
	};
	static const struct leat_schema odd = { .kind = LEAT_STRUCT,
		.name = "io.debezium.connector.postgresql.MessageValue",
		.fields = fields, .nfields = 2 };
	static const struct leat_field block[] = {
		{ .name = "content", .schema = &t_string },
	};
	static const struct leat_schema text_block = { .kind = LEAT_STRUCT,
		.fields = block, .nfields = 1 };
	static const struct leat_field text_fields[] = {
		{ .name = "op", .schema = &t_string },
		{ .name = "message", .schema = &text_block },
	};
	static const struct leat_schema text = { .kind = LEAT_STRUCT,
		.name = "io.debezium.connector.postgresql.MessageValue",
		.fields = text_fields, .nfields = 2 };
	const struct leat_value items[] = { V_STR("m"), t_k1 };
	struct leat_record rec = { .topic = "t", .value_schema = &odd,
		.value = V_STRUCT(items) };
	struct testing_chain c;

	expect(DECODE, "x", E(PARSE "the text begins neither with '{' nor "
	    "with '['"));
	expect(DECODE, "[1]", E(PARSE "a list, and no object"));
	expect(DECODE, "{\"a\"", E(PARSE "byte 4: unexpected end"));
	expect(DECODE, NULL, E("a logical decoding message without content"));
	assert_int_equal(testing_chain_open(&c, DECODE), 0);
	assert_string_equal(testing_chain_run(&c, &rec), E("a logical "
	    "decoding message without op or message.content"));
	rec.value_schema = &text;
	assert_string_equal(testing_chain_run(&c, &rec), E("The content of a "
	    "logical decoding message is non-binary: it is decoded from bytes "
	    "(binary.handling.mode=bytes), not from string"));
	testing_chain_close(&c);
	assert_true(testing_chain_open(&c, DECODE
	    "transforms.m.fields.null.include=x\n") < 0);
	assert_non_null(strstr(c.err.text, "fields.null.include"));
	testing_chain_close(&c);
}

/* Other records, tombstones too, pass. */
static void
test_others(void **state)
{
	struct leat_record rec = { .topic = "t", .key_schema = &t_key,
		.key = t_k1, .value_schema = &t_envelope, .value = t_e1 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, DECODE), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "t|{\"id\":1}|" E1_JSON "|");
	rec.value_schema = NULL;
	rec.value = leat_null();
	assert_string_equal(testing_chain_run(&c, &rec),
	    "t|{\"id\":1}|NULL|");
	testing_chain_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_outbox),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
