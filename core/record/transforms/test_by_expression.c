/* SPDX-License-Identifier: Apache-2.0 */
/* test_by_expression.c: Debezium's Filter and ContentBasedRouter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/config/properties.h"
#include "core/record/testing_chain.h"

#define FILTER "transforms=f\ntransforms.f.type=" \
	       "io.debezium.transforms.Filter\ntransforms.f.language=" \
	       "jsr223.groovy\ntransforms.f.condition="
#define ROUTE "transforms=r\ntransforms.r.type=" \
	      "io.debezium.transforms.ContentBasedRouter\n" \
	      "transforms.r.topic.expression="

/* What becomes of an event (NULL: a tombstone): its topic, or a word. */
static void
expect(const char *settings, const struct leat_value *event,
    const char *want)
{
	struct leat_record rec = { .topic = "px.shop.orders",
		.key_schema = &t_key,
		.key = t_k1 };
	struct testing_chain c;
	const char *got;
	size_t len;

	assert_int_equal(testing_chain_open(&c, settings), 0);
	if (event != NULL) {
		rec.value_schema = &t_envelope;
		rec.value = *event;
	}
	got = testing_chain_run(&c, &rec);
	len = got[0] == '!' ? strlen(got) : strcspn(got, "|");
	if (strlen(want) != len || memcmp(got, want, len) != 0)
		fail_msg("%s, not %s", got, want);
	testing_chain_close(&c);
}

static void
test_filter(void **state)
{
	expect(FILTER "value.op == 'u' && value.before.id == 1\n", &t_e2,
	    "px.shop.orders");
	expect(FILTER "value.op == 'u' && value.before.id == 2\n", &t_e2,
	    "dropped");
	expect(FILTER "value.op == 'u'\n", &t_e4, "dropped");
	expect(FILTER "value.nope\n", &t_e1, "!transform 'f': condition: line "
	    "1, column 7: there is no field 'nope' in "
	    "px.shop.orders.Envelope");
	expect(FILTER "value.op\n", &t_e1, "!transform 'f': condition: gives "
	    "a string, not true or false");
}

static void
test_router(void **state)
{
	expect(ROUTE "value.op == 'u' ? 'updates' : null\n", &t_e2,
	    "updates");
	expect(ROUTE "value.op == 'u' ? 'updates' : null\n", &t_e1,
	    "px.shop.orders");
	expect(ROUTE "\"${topic}_${value.op}\"\n", &t_e1,
	    "px.shop.orders_c");
	expect(ROUTE "value.before.id\n", &t_e2, "!transform 'r': "
	    "topic.expression: gives an integer, not a topic's name or null");
	expect(ROUTE "''\n", &t_e2, "!transform 'r': topic.expression: gives "
	    "a topic's name that is empty or has a NUL");
	expect(ROUTE "value.before.id\n", &t_e1, "!transform 'r': "
	    "topic.expression: line 1, column 14: 'id' of null; '?.' gives "
	    "null there");
}

static void
test_null(void **state)
{
	expect(FILTER "false\n", NULL, "px.shop.orders");
	expect(FILTER "false\ntransforms.f.null.handling.mode=drop\n", NULL,
	    "dropped");
	expect(FILTER "true\ntransforms.f.null.handling.mode=drop\n", &t_e1,
	    "px.shop.orders");
	expect(FILTER "value == null && key.id == 1\n"
	    "transforms.f.null.handling.mode=evaluate\n", NULL,
	    "px.shop.orders");
	expect(FILTER "value != null\n"
	    "transforms.f.null.handling.mode=evaluate\n", NULL, "dropped");
	expect(ROUTE "'x'\n", NULL, "px.shop.orders");
	expect(ROUTE "'x'\ntransforms.r.null.handling.mode=evaluate\n", NULL,
	    "x");
}

static void
test_topics(void **state)
{
	expect(FILTER "false\ntransforms.f.topic.regex=px\\.shop\\..*\n",
	    &t_e1, "dropped");
	expect(FILTER "false\ntransforms.f.topic.regex=shop\n", &t_e1,
	    "px.shop.orders");
	/* A topic that is left alone keeps its tombstones too. */
	expect(FILTER "false\ntransforms.f.topic.regex=other\n"
	    "transforms.f.null.handling.mode=drop\n", NULL, "px.shop.orders");
}

/* Kafka's own Filter has the same name behind another package. */
static void
test_names(void **state)
{
	expect("transforms=f\ntransforms.f.type=Filter\n", &t_e1, "dropped");
	expect("transforms=f\ntransforms.f.type=ContentBasedRouter\n"
	    "transforms.f.topic.expression='x'\n"
	    "transforms.f.language=leat\n", &t_e1, "x");
	expect("transforms=f\ntransforms.f.type=ContentBasedRouter\n"
	    "transforms.f.topic.expression='x'\n"
	    "transforms.f.language=jsr223.graal.js\n", &t_e1, "x");
}

/* The first problem of a configuration, with its line. */
static void
refuse(const char *settings, unsigned line, const char *want)
{
	struct properties *props = testing_props(settings);
	struct problems *problems = problems_new();
	const struct problem *p;

	assert_non_null(props);
	assert_non_null(problems);
	chain_validate(props, problems);
	assert_int_equal(problems_count(problems), 1);
	p = problems_at(problems, 0);
	assert_int_equal(p->place.line, line);
	assert_string_equal(p->text, want);
	problems_free(problems);
	properties_unref(props);
}

static void
test_refused(void **state)
{
	refuse(FILTER "value.op = 'u'\n", 4, "line 1, column 10: expected an "
	    "operator or the end, not '='; == compares");
	refuse(FILTER "true\ntransforms.f.topic.regex=(a\n", 5,
	    "the pattern '(a' at its character 1: a ( without its )");
	refuse(ROUTE "a\n", 3, "line 1, column 1: there is no variable 'a' "
	    "(allowed: key, value, keySchema, valueSchema, topic, headers); "
	    "a text stands in quotes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_router),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
