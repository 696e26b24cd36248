/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_headers_values.c: HeaderToValue and ExtractChangedRecordState, alone and
 * together with ExtractNewRecordState.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* clang-format off */

#define TO_VALUE "transforms=h\ntransforms.h.type=" \
	"io.debezium.transforms.HeaderToValue\n"
#define H(headers, fields, operation) TO_VALUE "transforms.h.headers=" headers \
	"\ntransforms.h.fields=" fields "\ntransforms.h.operation=" operation \
	"\n"
#define CHANGES "transforms=c\ntransforms.c.type=" \
	"io.debezium.transforms.ExtractChangedRecordState\n"
#define C(key, value) "transforms.c.header." key ".name=" value "\n"
#define E(text) "!transform 'h': " text

static const struct leat_header headers[] = {
	{ "a", &t_int64, { .kind = LEAT_INT64, .u.i = 5 } },
	{ "b", &t_string, { .kind = LEAT_STRING, .len = 1, .u.s = "x" } },
	{ "c", NULL, { .kind = LEAT_INT32, .u.i = 9 } },
	{ "a", &t_int64, { .kind = LEAT_INT64, .u.i = 6 } },
};

static const struct leat_field in_fields[] = {
	{ .name = "p", .schema = &t_opt_string },
	{ .name = "q", .schema = &t_note },
};
static const struct leat_schema in_schema = { .kind = LEAT_STRUCT,
	.optional = 1, .name = "in", .fields = in_fields, .nfields = 2 };
static const struct leat_field value_fields[] = {
	{ .name = "id", .schema = &t_int32 },
	{ .name = "s", .schema = &in_schema },
	{ .name = "none", .schema = &in_schema },
};
static const struct leat_schema value_schema = { .kind = LEAT_STRUCT,
	.name = "v", .version = 3, .fields = value_fields, .nfields = 3 };
static const struct leat_value in_values[] = { V_STR("pp"), V_NULL };
static const struct leat_value values[] = { V_I32(1), V_STRUCT(in_values),
	V_NULL };

static const char *
run(struct testing_chain *c, struct leat_record *rec, const char *settings)
{
	*rec = (struct leat_record){ .topic = "t", .headers = headers,
		.nheaders = COUNT(headers), .value_schema = &value_schema,
		.value = V_STRUCT(values) };
	if (testing_chain_open(c, settings) < 0)
		fail_msg("%s", c->err.text);
	return testing_chain_run(c, rec);
}

static void
expect(const char *settings, const char *want)
{
	struct testing_chain c;
	struct leat_record rec;

	assert_string_equal(run(&c, &rec, settings), want);
	testing_chain_close(&c);
}

#define S "{\"p\":\"pp\",\"q\":\"none\"}"
#define ALL "|a=5 b=x c=9 a=6"

static void
test_to_value(void **state)
{
	expect(H("b", "x", "copy"), "t|NULL|{\"id\":1,\"s\":" S
	    ",\"none\":null,\"x\":\"x\"}" ALL);
	expect(H("b", "x", "move"), "t|NULL|{\"id\":1,\"s\":" S
	    ",\"none\":null,\"x\":\"x\"}|a=5 c=9 a=6");
	/* Of several headers with one name the last counts, all go. */
	expect(H("a,c", "x,y", "move"), "t|NULL|{\"id\":1,\"s\":" S
	    ",\"none\":null,\"x\":6,\"y\":9}|b=x");
	/* Headers that are not there add nothing. */
	expect(H("nope", "x", "move"), "t|NULL|{\"id\":1,\"s\":" S
	    ",\"none\":null}" ALL);
	expect(H("nope,b", "x,y", "copy"), "t|NULL|{\"id\":1,\"s\":" S
	    ",\"none\":null,\"y\":\"x\"}" ALL);
	/* A field that is there gets the header's value. */
	expect(H("c", "id", "copy"), "t|NULL|{\"id\":9,\"s\":" S
	    ",\"none\":null}" ALL);
	expect(H("b", "id", "copy"), E("the header 'b' is string, and the "
	    "field 'id' int32"));
}

static void
test_nested(void **state)
{
	expect(H("b,a", "s.x,s.y", "copy"), "t|NULL|{\"id\":1,\"s\":{\"p\":"
	    "\"pp\",\"q\":\"none\",\"x\":\"x\",\"y\":6},\"none\":null}" ALL);
	/* New structs, and what is null stays so. */
	expect(H("b,a,b,c", "n.m.x,n.y,none.x,s.p.x", "copy"),
	    E("Field 'p' is a primitive type, not a struct"));
	expect(H("a,c,b", "n.m.x,n.y,none.x", "copy"), "t|NULL|{\"id\":1,"
	    "\"s\":" S ",\"none\":null,\"n\":{\"m\":{\"x\":6},\"y\":9}}" ALL);
}

static void
test_schema(void **state)
{
	struct testing_chain c;
	struct leat_record rec, again;
	const struct leat_schema *s;

	(void)run(&c, &rec, H("b,c", "s.x,new.y", "copy"));
	s = rec.value_schema;
	assert_string_equal(s->name, "v");
	assert_int_equal(s->version, 3);
	assert_int_equal(s->nfields, 4);
	assert_string_equal(s->fields[1].schema->name, "in");
	assert_true(s->fields[1].schema->optional);
	assert_int_equal(s->fields[1].schema->nfields, 3);
	assert_int_equal(s->fields[1].schema->fields[2].schema->kind,
	    LEAT_STRING);
	assert_true(s->fields[3].schema->optional);
	assert_int_equal(s->fields[3].schema->fields[0].schema->kind,
	    LEAT_INT32);
	assert_true(s->fields[3].schema->fields[0].schema->optional);
	/* Other headers make another schema, the same ones the same. */
	again = (struct leat_record){ .topic = "t", .headers = headers,
		.nheaders = 2, .value_schema = &value_schema,
		.value = V_STRUCT(values) };
	assert_string_equal(testing_chain_run(&c, &again), "t|NULL|{\"id\":1,"
	    "\"s\":{\"p\":\"pp\",\"q\":\"none\",\"x\":\"x\"},\"none\":null}"
	    "|a=5 b=x");
	assert_int_equal(again.value_schema->nfields, 3);
	again = (struct leat_record){ .topic = "t", .headers = headers,
		.nheaders = 4, .value_schema = &value_schema,
		.value = V_STRUCT(values) };
	(void)testing_chain_run(&c, &again);
	assert_ptr_equal(again.value_schema, s);
	testing_chain_close(&c);
}

static void
test_no_struct(void **state)
{
	struct leat_record rec = { .topic = "t", .headers = headers,
		.nheaders = 4 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, H("b", "x", "move")), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|NULL" ALL);
	rec.value = leat_i32(1);
	assert_string_equal(testing_chain_run(&c, &rec), E("Only Struct "
	    "objects supported for [Header field insertion], found: int32"));
	testing_chain_close(&c);
}

static void
test_bad_settings(void **state)
{
	static const char *const rows[][2] = {
		{ TO_VALUE, "headers" },
		{ H("a,b", "x", "copy"), "'headers' config must have the same "
		    "number of elements as 'fields' config." },
		{ H("a", "x", "swap"), "operation" },
		{ H("a b", "x", "copy"), "headers: 'a b' holds a space" },
		{ H("a", "x y", "copy"), "fields: 'x y' holds a space" },
		{ H("a", "x..y", "copy"), "fields: 'x..y' is not field" },
		{ H("a", "x.", "copy"), "fields: 'x.' is not field" },
		{ H("a", "1.2.3.4.5.6.7.8.9", "copy"), "at most 8 deep" },
		{ H("a,b", "x,x.y", "copy"), "fields: 'x' is a header's field "
		    "and a struct of others" },
	};
	struct testing_chain c;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		assert_true(testing_chain_open(&c, rows[i][0]) < 0);
		if (strstr(c.err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], c.err.text);
		testing_chain_close(&c);
	}
}

/* ----------------------------------------------------------------- changes */

static const char *
run_event(struct testing_chain *c, const char *settings,
    const struct leat_value *event)
{
	struct leat_record rec = { .topic = "t", .value_schema = &t_envelope,
		.value = *event };

	if (testing_chain_open(c, settings) < 0)
		fail_msg("%s", c->err.text);
	return testing_chain_run(c, &rec);
}

static void
expect_headers(const char *settings, const struct leat_value *event,
    const char *want)
{
	struct testing_chain c;
	const char *line = run_event(&c, settings, event);

	assert_string_equal(strrchr(line, '|') + 1, want);
	testing_chain_close(&c);
}

static void
test_changes(void **state)
{
#define BOTH CHANGES C("changed", "ch") C("unchanged", "un")
	expect_headers(BOTH, &t_e2, "ch=[\"amount\"] un=[\"id\",\"customer\","
	    "\"note\",\"created\",\"m\"]");
	expect_headers(CHANGES C("changed", "ch"), &t_e2, "ch=[\"amount\"]");
	expect_headers(CHANGES C("unchanged", "un"), &t_e2, "un=[\"id\","
	    "\"customer\",\"note\",\"created\",\"m\"]");
	expect_headers(CHANGES, &t_e2, "");
	/* Without both rows the lists are empty. */
	expect_headers(BOTH, &t_e1, "ch=[] un=[]");
	expect_headers(BOTH, &t_e4, "ch=[] un=[]");
}

/* Null is compared as it is, and not as a default. */
static void
test_change_of_null(void **state)
{
	struct leat_value before[6], event[8];
	const struct leat_value v = V_STRUCT(event);

	memcpy(before, t_row_1, sizeof(before));
	before[3] = leat_null();
	before[5] = leat_cstring("sad");
	memcpy(event, t_event_2, sizeof(event));
	event[0] = leat_items(LEAT_STRUCT, before, 6);
	expect_headers(CHANGES C("changed", "ch"), &v,
	    "ch=[\"amount\",\"note\",\"m\"]");
}

static void
test_change_of_others(void **state)
{
	struct leat_record rec = { .topic = "t", .value_schema = &t_key,
		.value = t_k1 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, BOTH), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "t|NULL|{\"id\":1}|");
	rec.value_schema = NULL;
	rec.value = leat_null();
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|NULL|");
	testing_chain_close(&c);
}

/* As documented: the changed columns in the row, the unchanged dropped. */
static void
test_together(void **state)
{
	struct testing_chain c;

	assert_string_equal(run_event(&c, "transforms=c,h,u\n"
	    "transforms.c.type=ExtractChangedRecordState\n"
	    C("changed", "ch") C("unchanged", "un")
	    "transforms.h.type=HeaderToValue\n"
	    "transforms.h.headers=ch\ntransforms.h.fields=changes\n"
	    "transforms.h.operation=move\n"
	    "transforms.u.type=ExtractNewRecordState\n"
	    "transforms.u.add.fields=changes\n"
	    "transforms.u.drop.fields.header.name=un\n", &t_e2),
	    "t|NULL|{\"id\":1,\"customer\":\"ann\",\"amount\":\"AfQ=\","
	    "\"created\":\"2024-03-01T01:02:03.450000Z\",\"__changes\":"
	    "[\"amount\"]}|un=[\"id\",\"customer\",\"note\",\"created\","
	    "\"m\"]");
	testing_chain_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_value),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_no_struct),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_change_of_null),
		cmocka_unit_test(test_change_of_others),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
