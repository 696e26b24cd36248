/* SPDX-License-Identifier: Apache-2.0 */
/* test_expr.c: expressions, their values and their errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/expr/testing_expr.h"

struct case_of {
	const char *text;
	const char *want;	/* the value, strings in quotes; or !error */
};

/* The value as text, or "!" and the error. */
static const char *
run(const char *text, const struct leat_record *rec, struct leat_arena *arena)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct expr_value v;
	struct leat_buf buf;
	struct expr *e;
	const char *out;
	int rc;

	if (expr_new(text, arena, &e, &err) < 0) {
		assert_int_equal(err.cls, LEAT_CLS_CONFIG);
		return leat_arena_printf(arena, "?%s", err.text);
	}
	/* Twice: what is remembered between records must not matter. */
	rc = expr_eval(e, rec, arena, &v, &err);
	if (rc == 0)
		rc = expr_eval(e, rec, arena, &v, &err);
	if (rc < 0) {
		assert_int_equal(err.cls, LEAT_CLS_RECORD);
		expr_free(e);
		return leat_arena_printf(arena, "!%s", err.text);
	}
	leat_buf_init(&buf, 1 << 21);
	if (v.kind == X_STRING)
		leat_buf_add_byte(&buf, '\'');
	if (expr_add_text(&v, &buf, &err) < 0)
		leat_buf_printf(&buf, "<%s>", expr_kind_words(&v));
	if (v.kind == X_STRING)
		leat_buf_add_byte(&buf, '\'');
	out = leat_arena_strdup(arena, leat_buf_cstr(&buf));
	leat_buf_fini(&buf);
	expr_free(e);
	return out;
}

static void
check(const struct leat_record *rec, const struct case_of *cases, size_t n)
{
	struct leat_arena arena;
	const char *got;
	size_t i;

	leat_arena_init(&arena, 4096, 1 << 24);
	for (i = 0; i < n; i++) {
		got = run(cases[i].text, rec, &arena);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: %s, not %s", cases[i].text, got,
			    cases[i].want);
		leat_arena_reset(&arena);
	}
	leat_arena_fini(&arena);
}

#define CHECK(rec, ...)                                              \
	do {                                                         \
		static const struct case_of cases[] = { __VA_ARGS__ }; \
		const struct leat_record record = (rec);             \
		check(&record, cases, COUNT(cases));                 \
	} while (0)

/* clang-format off */

/* What Debezium's pages and its users write. */
static void
test_groovy(void **state)
{
	CHECK(testing_event(),
	    { "value.op == 'u' && value.before.id == 2", "false" },
	    { "value.op == 'u' && value.before.id == 1", "true" },
	    { "value.op == 'u' ? 'updates' : null", "'updates'" },
	    { "value.op == 'd' ? 'deletes' : null", "null" },
	    { "value.get('op') == 'u' && value.get('before').get('id') == 1",
	      "true" },
	    { "value.getStruct('after').getString('customer')", "'ann'" },
	    { "value.after.customer in ['bob', 'ann']", "true" },
	    { "!(value.op in ['d', 't'])", "true" },
	    { "topic.startsWith('px.')", "true" },
	    { "topic.endsWith(\".orders\")", "true" },
	    { "value.before?.id", "1" },
	    { "value.transaction?.id", "null" },
	    { "value.transaction?.id ?: 'none'", "'none'" },
	    { "headers.h.value", "'x'" },
	    { "header.idh.value == 5", "true" },
	    { "header['idh'].value() + 1", "6" },
	    { "headers.get('nope')?.value", "null" },
	    { "headers.containsKey('h')", "true" },
	    { "header.idh.schema.type", "'INT32'" },
	    { "keySchema.name", "'px.shop.orders.Key'" },
	    { "valueSchema.field('op') != null", "true" },
	    { "valueSchema.field('nope') == null", "true" },
	    { "valueSchema.field('op').schema().type()", "'STRING'" },
	    { "valueSchema.name.endsWith('.Envelope')", "true" },
	    { "value.schema().name() == valueSchema.name()", "true" },
	    { "key.id % 2 == 0", "false" },
	    { "key.id % 2 != 0 && value.source.ts_ms > 1000", "true" },
	    { "value.source.table == 'orders'", "true" },
	    { "value.after.amount > 4.99 && value.after.amount <= 5", "true" },
	    { "value.before.amount == 19.990", "true" },
	    { "value.after.customer ==~ /a.*/", "true" },
	    { "value.after.customer =~ /n+$/", "true" },
	    { "value.after.customer ==~ 'n+'", "false" },
	    { "value.after.customer.matches('^a[a-z]+$')", "true" },
	    { "\"${value.source.schema}.$value.source.table\"",
	      "'shop.orders'" },
	    { "'shop_' + value.source.table", "'shop_orders'" },
	    { "return value.op != 'd';", "true" },
	    { "value.op === 'u' && value.op !== 'd'", "true" },
	    { "value.before.customer == value.after.customer", "true" },
	    { "value.before == value.after", "false" },
	    { "value['after']['id']", "1" },
	    { "value.'after'.\"id\"", "1" },
	    { "value.source.lsn as int",
	      "?line 1, column 18: expected an operator or the end, not "
	      "'as'" },
	    { "['orders': 'o', 'users': 'u'][value.source.table]", "'o'" },
	    { "[orders: 'o'].get(value.source.table)", "'o'" },
	    { "value.op // the operation\n == /* is */ 'u'", "true" });
}

static void
test_literals(void **state)
{
	CHECK(testing_all(),
	    { "1", "1" }, { "1L", "1" }, { "1_000", "1000" }, { "0xff", "255" },
	    { "0xFFL", "255" }, { "1.50", "1.50" }, { "1.5d", "1.5" },
	    { "1e3", "1E+3" }, { "1.5f", "1.5" }, { "2g", "2" },
	    { "99999999999999999999", "99999999999999999999" },
	    { "9223372036854775807", "9223372036854775807" },
	    { "-9223372036854775808", "-9223372036854775808" },
	    { "true", "true" }, { "false", "false" }, { "null", "null" },
	    { "'it\\'s'", "'it's'" }, { "\"a\\tb\"", "'a\tb'" },
	    { "'\\u00e9'", "'\303\251'" }, { "'\\u20AC'", "'\342\202\254'" },
	    { "'$x'", "'$x'" }, { "\"\\$x\"", "'$x'" }, { "\"5 $\"", "'5 $'" },
	    { "/a\\/b\\d/", "'a/b\\d'" }, { "''", "''" },
	    { "[1, 'a', null,]", "[1, a, null]" }, { "[]", "[]" },
	    { "[:]", "[]" }, { "[a: 1, 'b': 2, 3: 4]", "[a:1, b:2, 3:4]" },
	    { "\"a${1 + 1}b${'c'}\"", "'a2bc'" },
	    { "\"${\"in${1}\"}\"", "'in1'" },
	    { "\"${[1, 2]}\"", "'[1, 2]'" });
}

static void
test_arithmetic(void **state)
{
	CHECK(testing_all(),
	    { "1 + 2 * 3", "7" }, { "(1 + 2) * 3", "9" }, { "7 % 3", "1" },
	    { "-7 % 3", "-1" }, { "1 - 2 - 3", "-4" }, { "+5", "5" },
	    { "- -5", "5" }, { "1 / 2", "0.5" }, { "4 / 2", "2" },
	    { "1 / 3", "0.3333333333" }, { "2 / 3", "0.6666666667" },
	    { "-2 / 3", "-0.6666666667" }, { "1 / 1024", "0.0009765625" },
	    { "7.intdiv(2)", "3" }, { "1.10 + 2.2", "3.30" },
	    { "1.1 * 1.1", "1.21" }, { "5.5 % 2", "1.5" },
	    { "0.1 + 0.2 == 0.3", "true" }, { "0.1d + 0.2d == 0.3d", "false" },
	    { "1 + 0.5d", "1.5" }, { "1d / 0", "Infinity" },
	    { "value.d * 2", "4.5" }, { "value.n + value.f", "42.5" },
	    { "9223372036854775807 + 1",
	      "!line 1, column 21: the result is too large" },
	    { "9223372036854775807 * 2",
	      "!line 1, column 21: the result is too large" },
	    { "-9223372036854775807 - 2",
	      "!line 1, column 22: the result is too large" },
	    { "1 / 0", "!line 1, column 3: division by zero" },
	    { "1 % 0", "!line 1, column 3: division by zero" },
	    { "1.0 % 0.00", "!line 1, column 5: division by zero" },
	    { "1.intdiv(0)", "!line 1, column 3: division by zero" },
	    { "value.big + 1", "!line 1, column 11: decimals of more than 35 "
	      "digits do not compute" },
	    { "99999999999999999999999999999999999.0 * "
	      "99999999999999999999999999999999999.0",
	      "!line 1, column 39: decimals of more than 35 digits do not "
	      "compute" },
	    { "9999999999999999999.0 * 99999999999999999999.0",
	      "!line 1, column 23: the result is too large" },
	    { "'a' + 1", "'a1'" }, { "1 + 'a'", "'1a'" },
	    { "'a' + null", "'anull'" }, { "'a' + 1.50 + true", "'a1.50true'" },
	    { "'x' + value.f + value.d", "'x0.52.25'" },
	    { "'x' + [1, 'b']", "'x[1, b]'" },
	    { "'x' + value.tags", "'x[red, blue]'" },
	    { "'x' + value.row", "'xStruct{id=1}'" },
	    { "true + 1", "!line 1, column 6: '+' takes two numbers, or a "
	      "string, not a boolean and an integer" },
	    { "null - 1", "!line 1, column 6: '-' takes two numbers, not null "
	      "and an integer" },
	    { "'a' * 2", "!line 1, column 5: '*' takes two numbers, not a "
	      "string and an integer" },
	    { "-'a'", "!line 1, column 1: a string has no sign" },
	    { "'a' + valueSchema", "!line 1, column 5: a schema has no text" });
}

static void
test_comparison(void **state)
{
	CHECK(testing_all(),
	    { "1 == 1.0", "true" }, { "1 == 1d", "true" },
	    { "1 == '1'", "false" },
	    { "'1' == 1", "false" }, { "null == null", "true" },
	    { "null == 0", "false" }, { "null != 0", "true" },
	    { "value.none == null", "true" }, { "true == true", "true" },
	    { "true == 1", "false" }, { "0.1 == 0.1d", "true" },
	    { "value.f == 0.5", "true" }, { "1 < 2", "true" },
	    { "2 <= 1.99", "false" }, { "1.5 > 1", "true" },
	    { "2 >= 2.0", "true" },
	    { "'a' < 'b'", "true" }, { "'a' < 'aa'", "true" },
	    { "'b' >= 'a'", "true" }, { "false < true", "true" },
	    { "1 <=> 2", "-1" }, { "'b' <=> 'a'", "1" }, { "1 <=> 1.0", "0" },
	    /* Groovy orders null before everything. */
	    { "value.none < 1", "true" }, { "value.none > 1", "false" },
	    { "1 > null", "true" }, { "null <= null", "true" },
	    { "'1' < 2", "!line 1, column 5: a string and an integer have no "
	      "order" },
	    { "[1] < [2]", "!line 1, column 5: a list and a list have no "
	      "order" },
	    { "value.row < 1", "!line 1, column 11: a struct and an integer "
	      "have no order" },
	    { "[1, 2.0] == [1.0, 2]", "true" }, { "[1] == [1, 2]", "false" },
	    { "value.tags == ['red', 'blue']", "true" },
	    { "[a: 1, b: 20] == value.scores", "true" },
	    { "value.scores == [b: 20, a: 1]", "true" },
	    { "value.scores == [b: 20, a: 2]", "false" },
	    { "value.scores == [b: 20, c: 1]", "false" },
	    { "value.row == value.twin", "true" },
	    { "value.row == value.tags", "false" },
	    { "value.b == value.b", "true" },
	    { "value.big == 12345678901234567890123456789012345678901.234",
	      "true" },
	    { "value.big == 12345678901234567890123456789012345678901.23400",
	      "true" },
	    { "value.big > 12345678901234567890123456789012345678901.2339",
	      "true" },
	    { "value.big < 12345678901234567890123456789012345678901.2341",
	      "true" },
	    { "value.big > 9", "true" }, { "-5 < value.big", "true" },
	    { "0 < value.big", "true" }, { "value.big > 1e60", "false" },
	    { "value.big > 1d", "true" }, { "value.big.toString()",
	      "'12345678901234567890123456789012345678901.234'" },
	    { "1e400 > 1d", "true" }, { "-1e400 < -1d", "true" },
	    { "1e-400 == 0d", "true" }, { "1e9000 > 1e8999", "true" });
}

static void
test_logic(void **state)
{
	CHECK(testing_all(),
	    { "true && false", "false" }, { "true || value.x", "true" },
	    { "false && value.x", "false" }, { "1 && 'a'", "true" },
	    { "'' || null", "false" }, { "!''", "true" }, { "!0", "true" },
	    { "!0.00", "true" }, { "![]", "true" }, { "![:]", "true" },
	    { "!'a'", "false" }, { "!value.tags", "false" },
	    { "!value.scores", "false" }, { "!value.row", "false" },
	    { "!value.none", "true" }, { "!!1", "true" },
	    { "true || true && false", "true" },
	    { "1 == 1 && 2 > 1 || false", "true" },
	    { "true ? 1 : 2", "1" }, { "null ? 1 : 2", "2" },
	    { "false ? 1 : true ? 2 : 3", "2" }, { "'' ?: 'x'", "'x'" },
	    { "'y' ?: 'x'", "'y'" }, { "null ?: null ?: 3", "3" },
	    { "true ? value.n : value.x", "42" });
}

static void
test_in(void **state)
{
	CHECK(testing_all(),
	    { "1 in [1, 2]", "true" }, { "1.0 in [1]", "true" },
	    { "3 in [1, 2]", "false" }, { "3 !in [1, 2]", "true" },
	    { "value.n in [41, 42]", "true" }, { "null in [null]", "true" },
	    { "'red' in value.tags", "true" }, { "'x' in value.tags", "false" },
	    { "'a' in value.scores", "true" }, { "'c' in [a: 1]", "false" },
	    { "'a' in 'a'", "true" }, { "1 in null", "false" },
	    { "5 in 1..5", "true" }, { "5 in 1..<5", "false" },
	    { "value.n in (40..45)", "true" }, { "2.5 in 1..5", "false" },
	    { "2.0 in 1..5", "true" }, { "'a' in 1..5", "false" },
	    { "3 in 1 + 1..2 * 2", "true" }, { "1 in [1] && true", "true" },
	    { "['a', 'b'].contains('b')", "true" },
	    { "value.tags.contains('green')", "false" },
	    { "1 in true", "!line 1, column 3: 'in' takes a list, a map or a "
	      "range, not a boolean" },
	    { "1 in 'a'..'b'", "!line 1, column 9: a range is between two "
	      "integers, not a string and a string" });
}

static void
test_properties(void **state)
{
	CHECK(testing_all(),
	    { "key", "'k'" }, { "keySchema.name", "null" },
	    { "keySchema.type", "'STRING'" }, { "value.flag", "true" },
	    { "value.note", "'none'" },
	    { "value.getWithoutDefault('note')", "null" },
	    { "value.get('note')", "'none'" }, { "value.tags[0]", "'red'" },
	    { "value.tags[-1]", "'blue'" }, { "value.tags[9]", "null" },
	    { "value.tags[-3]", "!line 1, column 11: the list has only 2 "
	      "members" },
	    { "value.tags['a']", "!line 1, column 11: a list is indexed by an "
	      "integer, not a string" },
	    { "value.tags.get(1)", "'blue'" },
	    { "value.tags.get(2)", "!line 1, column 12: the list has only 2 "
	      "members" },
	    { "value.scores.a", "1" }, { "value.scores['b']", "20" },
	    { "value.scores.zzz", "null" }, { "value.'null-tag'", "null" },
	    { "value.none?.x", "null" }, { "value.none?.length()", "null" },
	    { "value.none?['x']", "null" }, { "headers.size()", "0" },
	    { "headers.x", "null" },
	    { "headers.x.value", "!line 1, column 11: 'value' of null; '?.' "
	      "gives null there" },
	    { "value.none.x", "!line 1, column 12: 'x' of null; '?.' gives "
	      "null there" },
	    { "value.none.trim()", "!line 1, column 12: trim() of null; '?.' "
	      "gives null there" },
	    { "value.nope", "!line 1, column 7: there is no field 'nope' in "
	      "all" },
	    { "value.get('nope')", "!line 1, column 7: there is no field "
	      "'nope' in all" },
	    { "value[1]", "!line 1, column 6: a struct has no members by an "
	      "integer" },
	    { "value.s.x", "!line 1, column 9: a string has no 'x'" },
	    { "value.n.x", "!line 1, column 9: an integer has no 'x'" },
	    { "topic.trim().x", "!line 1, column 14: a string has no 'x'" },
	    { "valueSchema.x", "!line 1, column 13: a schema has no 'x'" },
	    { "valueSchema.version", "3" }, { "valueSchema.doc()", "'of all'" },
	    { "valueSchema.isOptional()", "false" },
	    { "valueSchema.optional", "false" },
	    { "valueSchema.fields.size()", "14" },
	    { "valueSchema.fields()[1].name", "'n'" },
	    { "valueSchema.field('s').index()", "4" },
	    { "valueSchema.field('tags').schema.valueSchema.type", "'STRING'" },
	    { "valueSchema.field('scores').schema.keySchema().type",
	      "'STRING'" },
	    { "valueSchema.field('big').schema.parameters.scale", "'3'" },
	    { "valueSchema.field('big').schema.parameters().get('x')",
	      "null" },
	    { "valueSchema.field('note').schema.defaultValue", "'none'" },
	    { "valueSchema.parameters", "null" },
	    { "keySchema.field('x')", "!line 1, column 11: only the schema of "
	      "a struct has fields, by their names" },
	    { "value.row.schema() == keySchema", "false" },
	    { "value.row.schema().equals(value.twin.schema())", "true" },
	    { "value.s.length", "5" }, { "value.tags.length", "2" });
	CHECK(testing_plain(),
	    { "value.op == 'u' && value.after.b == 20", "true" },
	    { "value.before", "null" }, { "value.before?.id", "null" },
	    { "keySchema", "null" }, { "valueSchema?.name", "null" },
	    { "key", "null" });
}

static void
test_methods(void **state)
{
	CHECK(testing_all(),
	    { "value.s.length()", "5" }, { "value.s.size()", "5" },
	    { "'\360\237\230\200x'.length()", "3" },
	    { "value.s.toUpperCase()", "'H\303\211LLO'" },
	    { "'\303\200\320\226\316\251Z'.toLowerCase()",
	      "'\303\240\320\266\317\211z'" },
	    { "'\320\201\303\227'.toLowerCase()", "'\321\221\303\227'" },
	    { "' a '.trim()", "'a'" }, { "'  '.isBlank()", "true" },
	    { "''.isEmpty()", "true" }, { "value.tags.isEmpty()", "false" },
	    { "[:].isEmpty()", "true" }, { "value.b.size()", "2" },
	    { "'abc'.contains('bc')", "true" },
	    { "'abc'.contains('')", "true" },
	    { "'abc'.indexOf('c')", "2" }, { "'abc'.indexOf('x')", "-1" },
	    { "value.s.indexOf('l')", "2" }, { "''.contains('a')", "false" },
	    { "'abc'.startsWith('abcd')", "false" },
	    { "'abc'.endsWith('')", "true" },
	    { "'ABC'.equalsIgnoreCase('abc')", "true" },
	    { "'ABC'.equalsIgnoreCase(null)", "false" },
	    { "'abc'.substring(1)", "'bc'" },
	    { "'abc'.substring(1, 2)", "'b'" },
	    { "value.s.substring(1, 3)", "'\303\251l'" },
	    { "'abc'.substring(3)", "''" },
	    { "'abc'.substring(4)", "!line 1, column 7: the string has only 3 "
	      "characters" },
	    { "'abc'.substring(2, 1)", "!line 1, column 7: the string has only "
	      "3 characters" },
	    { "'abc'.substring('a')", "!line 1, column 7: substring() takes "
	      "integers" },
	    { "'a.b.c'.replace('.', '__')", "'a__b__c'" },
	    { "'aaa'.replace('a', '')", "''" },
	    { "'a'.replace('', 'b')",
	      "!line 1, column 5: replace() of an empty "
	      "string" },
	    { "'a'.replace('a', 1)", "!line 1, column 5: replace() takes a "
	      "string, not an integer" },
	    { "'42'.toInteger() + 1", "43" }, { "' 42 '.toLong()", "42" },
	    { "'4.2'.toBigDecimal()", "4.2" }, { "'4.5'.toDouble()", "4.5" },
	    { "'4.2'.toInteger()", "!line 1, column 7: the text is not an "
	      "integer" },
	    { "'x'.toLong()", "!line 1, column 5: 'x' is not a number" },
	    { "value.d.intValue()", "2" }, { "1e30.longValue()",
	      "!line 1, column 6: the number is beyond 64 bits" },
	    { "value.n.toString() + 1", "'421'" },
	    { "null.toString()", "'null'" },
	    { "(-5).abs()", "5" }, { "(-1.5).abs()", "1.5" },
	    { "2.abs()", "2" },
	    { "(-1.5d).abs()", "1.5" }, { "0.5d.toBigDecimal()", "0.5" },
	    { "'a'.equals('a')", "true" }, { "null.equals(1)", "false" },
	    { "'a'.compareTo('b')", "-1" },
	    { "'a'.compareTo(1)", "!line 1, column 5: a string and an integer "
	      "have no order" },
	    { "1.trim()", "!line 1, column 3: an integer has no trim()" },
	    { "value.tags.trim()", "!line 1, column 12: a list has no trim()" },
	    { "value.row.size()", "!line 1, column 11: a struct has no "
	      "size()" },
	    { "value.row.name()", "!line 1, column 11: a struct has no "
	      "name()" },
	    { "'a'.contains(1)", "!line 1, column 5: contains() takes a "
	      "string, not an integer" },
	    { "7.intdiv(2.0)", "!line 1, column 3: intdiv() divides two "
	      "integers, not an integer by a decimal" });
}

static void
test_patterns(void **state)
{
	CHECK(testing_all(),
	    { "'abc' ==~ /a.c/", "true" }, { "'abcd' ==~ /a.c/", "false" },
	    { "'xabcx' =~ /a.c/", "true" }, { "'abc' ==~ ~/a.c/", "true" },
	    { "null ==~ /null/", "false" }, { "42 ==~ /\\d+/", "true" },
	    { "'a.b' ==~ 'a\\\\.b'", "true" }, { "!('a' =~ /b/)", "true" },
	    { "'A1' ==~ /(?i)[a-z]\\d/", "true" },
	    { "'a' =~ topic", "?line 1, column 8: expected a pattern written "
	      "out, as in /ab+/ or 'ab+'" },
	    { "'a' =~ \"$topic\"", "?line 1, column 8: expected a pattern "
	      "written out, as in /ab+/ or 'ab+'" },
	    { "'a'.matches(topic)", "?line 1, column 13: expected a pattern "
	      "written out, as in /ab+/ or 'ab+'" },
	    { "'a' =~ /a(?=b)/", "?line 1, column 8: the pattern 'a(?=b)' at "
	      "its character 3: look-around is not supported" },
	    { "'a' =~ '\\d'", "?line 1, column 9: the escape \\d is not known; "
	      "a backslash is \\\\, or write the pattern between slashes: "
	      "/\\d+/" });
}

static void
test_refused(void **state)
{
	CHECK(testing_all(),
	    { "", "?line 1, column 1: expected a value, but the expression "
	      "ends" },
	    { "value.op = 'u'", "?line 1, column 10: expected an operator or "
	      "the end, not '='; == compares" },
	    { "value.op ==", "?line 1, column 12: expected a value, but the "
	      "expression ends" },
	    { "value.\nop == 'u' &\n 1", "?line 2, column 11: expected an "
	      "operator or the end, not '&'; && is the logical and" },
	    { "(1", "?line 1, column 3: expected an operator or ')', but the "
	      "expression ends" },
	    { "[1",
	      "?line 1, column 3: expected ',' or ']', but the expression "
	      "ends" },
	    { "[a: 1", "?line 1, column 6: expected ',' or ']', but the "
	      "expression ends" },
	    { "[a: 1, 2]", "?line 1, column 9: expected ':' and the key's "
	      "value, not ']'" },
	    { "value[1", "?line 1, column 8: expected ']', but the expression "
	      "ends" },
	    { "'a'.contains('b'",
	      "?line 1, column 17: expected ',' or ')', but "
	      "the expression ends" },
	    { "value.", "?line 1, column 7: expected a name, but the "
	      "expression ends" },
	    { "value.1", "?line 1, column 7: expected a name, not '1'" },
	    { "true ? 1", "?line 1, column 9: expected ':' and what else to "
	      "choose, but the expression ends" },
	    { "'abc", "?line 1, column 1: a string without its closing '" },
	    { "/abc", "?line 1, column 1: a string without its closing /" },
	    { "\"${1", "?line 1, column 5: expected the closing } of "
	      "\"${...}\", but the expression ends" },
	    { "\"${1 2}\"", "?line 1, column 6: expected the closing } of "
	      "\"${...}\", not '2'" },
	    { "/* a", "?line 1, column 1: a comment without its */" },
	    { "'\\q'", "?line 1, column 2: the escape \\q is not known; a "
	      "backslash is \\\\, or write the pattern between slashes: "
	      "/\\d+/" },
	    { "'\\u12'", "?line 1, column 4: expected four hexadecimal digits "
	      "behind \\u" },
	    { "'\\ud800'", "?line 1, column 4: half a character; write the "
	      "character itself" },
	    { "12x", "?line 1, column 1: '12x' is not a number" },
	    { "0x", "?line 1, column 1: '0x' is not a number" },
	    { "99999999999999999999L", "?line 1, column 1: "
	      "'99999999999999999999L' is not a number" },
	    { "#", "?line 1, column 1: '#' is not expected here" },
	    { "$x", "?line 1, column 1: '$' is not expected here; \"${...}\" "
	      "stands in double quotes" },
	    { "op == 'u'", "?line 1, column 1: there is no variable 'op' "
	      "(allowed: key, value, keySchema, valueSchema, topic, headers); "
	      "a text stands in quotes" },
	    { "(new groovy.json.JsonSlurper()).parseText(value.after)",
	      "?line 1, column 2: 'new' is not part of the language; it is "
	      "one expression over the record" },
	    { "if (true) 1", "?line 1, column 1: 'if' is not part of the "
	      "language; it is one expression over the record" },
	    { "value.tags.any { it == 'x' }", "?line 1, column 16: expected an "
	      "operator or the end, not '{'; there are no closures and no "
	      "blocks, c ? a : b chooses" },
	    { "'a'.startswith('a')", "?line 1, column 5: there is no method "
	      "'startswith' (did you mean 'startsWith'?)" },
	    { "'a'.frobnicate()", "?line 1, column 5: there is no method "
	      "'frobnicate'" },
	    { "'a'.contains()", "?line 1, column 5: contains() takes 1 "
	      "argument, not 0" },
	    { "'a'.trim(1)", "?line 1, column 5: trim() takes 0 arguments, "
	      "not 1" },
	    { "'a'.substring(1, 2, 3)",
	      "?line 1, column 5: substring() takes 2 "
	      "arguments, not 3" },
	    { "1..5", "?line 1, column 2: a range stands only behind 'in'" },
	    { "[1..5]", "?line 1, column 3: a range stands only behind 'in'" },
	    { "(1..5).size()", "?line 1, column 3: a range stands only behind "
	      "'in'" },
	    { "true ? 1 : 1..2", "?line 1, column 13: a range stands only "
	      "behind 'in'" },
	    { "1; 2", "?line 1, column 2: expected an operator or the end, not "
	      "';'; it is one expression, without statements" },
	    { "value.\"a${1}\"", "?line 1, column 7: a name that is computed "
	      "stands in [ ]" },
	    { "\xff", "?the expression is not UTF-8" });
}

/* clang-format on */

static void
repeat(char *to, const char *first, const char *more, unsigned n)
{
	const size_t len = strlen(more);

	memcpy(to, first, strlen(first) + 1);
	for (to += strlen(first); n > 0; n--, to += len)
		memcpy(to, more, len + 1);
}

static void
test_limits(void **state)
{
	const struct leat_record rec = testing_all();
	struct leat_arena arena;
	char *text;

	leat_arena_init(&arena, 4096, 1 << 24);
	text = malloc(40000);
	assert_non_null(text);
	memset(text, ' ', 20000);
	text[20000] = '\0';
	assert_string_equal(run(text, &rec, &arena),
	    "?the expression is longer than 16384 bytes");
	memset(text, '(', 60);
	text[60] = '\0';
	assert_string_equal(run(text, &rec, &arena), "?line 1, column 51: "
	    "expected fewer brackets within brackets, not '('");
	memset(text, '!', 60);
	assert_string_equal(run(text, &rec, &arena), "?line 1, column 50: "
	    "expected fewer operators in a row, not '!'");
	repeat(text, "1", "+1", 300);
	assert_string_equal(run(text, &rec, &arena), "?line 1, column 500: "
	    "more than 250 operators in a row; 'in' with a list is shorter");
	repeat(text, "[1", ",1", 5000);
	assert_string_equal(run(text, &rec, &arena), "?line 1, column 8192: "
	    "the expression has more than 4096 parts");
	/* 1000 times 1100. */
	repeat(text, "'", "c", 1000);
	repeat(text + 1001, "'.replace('c','", "x", 1100);
	memcpy(text + strlen(text), "')", 3);
	assert_string_equal(run(text, &rec, &arena), "!line 1, column 1004: "
	    "the string is larger than 1048576 bytes");
	assert_string_equal(run("('x' + value.n).replace('4', 'y')", &rec,
	    &arena), "'xy2'");
	free(text);
	leat_arena_fini(&arena);
}

/* The arena is all that a record costs; a limit of it is the record's. */
static void
test_memory(void **state)
{
	const struct leat_record rec = testing_all();
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_arena arena, small;
	struct expr_value v;
	struct expr *e;

	leat_arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(expr_new("(value.s + value.s).replace('l', "
	    "'12345678901234567890123456789012345678901234567890')"
	    ".replace('1', '123456789012345678901234567890123456789012345')",
	    &arena, &e, &err), 0);
	leat_arena_init(&small, 512, 1024);
	assert_true(expr_eval(e, &rec, &small, &v, &err) < 0);
	assert_string_equal(err.text,
	    "the record needs more than 1024 bytes of memory");
	leat_arena_fini(&small);
	expr_free(e);
	leat_arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groovy),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_comparison),
		cmocka_unit_test(test_logic),
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
