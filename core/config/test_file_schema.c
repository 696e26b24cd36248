/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_file_schema.c: the schema is JSON, and says what the tables say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/json.h>

#include "core/config/file_schema.h"
#include "tests/harness/conf.h"

static const struct leat_option rows[] = {
	{ .name = "url", .aliases = "uri,link", .type = LEAT_OPT_STRING,
	    .help = "Where \"it\" is." },
	{ .name = "port", .type = LEAT_OPT_INT, .def = "80", .min = 1,
	    .max = 65535 },
	{ .name = "fast", .type = LEAT_OPT_BOOL,
	    .flags = LEAT_OPT_DEPRECATED },
	{ .name = "mode", .type = LEAT_OPT_CHOICE, .choices = "a, b" },
	{ .name = "wait.ms", .type = LEAT_OPT_DURATION },
	{ .name = "size", .type = LEAT_OPT_BYTES },
	{ .name = "ratio", .type = LEAT_OPT_DOUBLE },
	{ .name = "tables", .type = LEAT_OPT_LIST },
	{ .name = "header", .type = LEAT_OPT_MAP },
	{ .name = NULL },
};
static const struct leat_option common[] = {
	{ .name = "name", .type = LEAT_OPT_STRING },
	{ .name = "port", .type = LEAT_OPT_STRING },
	{ .name = "tasks.max", .type = LEAT_OPT_INT, .min = 1, .max = 9 },
	{ .name = NULL },
};
static const struct leat_connector source = {
	.kind = LEAT_SOURCE,
	.name = "a-source",
	.aliases = "org.x.A,A",
	.help = "An A.",
	.options = rows,
};
static const struct leat_connector sink = {
	.kind = LEAT_SINK,
	.name = "b-sink",
	.options = rows,
};

static struct leat_arena arena;

static const struct leat_value *
at(const struct leat_value *doc, const char *pointer)
{
	const struct leat_value *v = leat_json_pointer(doc,
	    leat_str_c(pointer));

	if (v == NULL)
		fail_msg("nothing at %s", pointer);
	return v;
}

static struct leat_value
schema_of(size_t n)
{
	const struct leat_connector *const all[] = { &source, &sink };
	struct file_schema_input in = { all, n, common, common };
	struct leat_value doc;
	struct leat_buf b;
	struct leat_err err = LEAT_ERR_INIT;
	char *text;

	leat_buf_init(&b, 1 << 20);
	assert_int_equal(file_schema_write(&in, &b), 0);
	text = leat_arena_strdup(&arena, leat_buf_cstr(&b));
	leat_buf_fini(&b);
	if (leat_json_parse(&arena, text, strlen(text), &doc, &err) < 0)
		fail_msg("%s", err.text);
	return doc;
}

#define SOURCE "/definitions/a-source/"

static void
test_schema(void **state)
{
	struct leat_value doc;

	leat_arena_init(&arena, 0, 0);
	doc = schema_of(2);
	assert_int_equal(at(&doc, SOURCE "properties/port/anyOf/0/maximum")
	    ->u.i, 65535);
	assert_int_equal(at(&doc, SOURCE "properties/connector/enum")->len,
	    3);
	(void)at(&doc, SOURCE "properties/uri/description");
	(void)at(&doc, SOURCE "properties/link");
	(void)at(&doc, SOURCE "properties/tasks.max");
	(void)at(&doc, SOURCE "properties/fast/deprecated");
	(void)at(&doc, SOURCE "properties/tables/anyOf/1/items");
	(void)at(&doc, SOURCE "patternProperties/^header\\.");
	assert_int_equal(at(&doc, SOURCE "properties/mode/anyOf/0/enum")->len,
	    2);
	assert_int_equal(at(&doc, "/definitions/any-source/anyOf")->len, 1);
	assert_int_equal(at(&doc, "/definitions/any-connector/anyOf")->len,
	    2);
	/* Nothing is said twice. */
	for (uint32_t i = 0; i < 2; i++) {
		const struct leat_value *p = at(&doc, SOURCE "properties");

		for (uint32_t k = 0; k < p->len; k++)
			for (uint32_t l = 0; l < k; l++)
				assert_false(p->u.items[2 * k].len ==
				    p->u.items[2 * l].len &&
				    memcmp(p->u.items[2 * k].u.s,
				    p->u.items[2 * l].u.s,
				    p->u.items[2 * k].len) == 0);
	}
	(void)schema_of(0);
	leat_arena_fini(&arena);
}

static void
test_ceiling(void **state)
{
	struct file_schema_input in = { NULL, 0, common, common };
	struct leat_buf b;

	leat_buf_init(&b, 10);
	assert_int_equal(file_schema_write(&in, &b), -1);
	leat_buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
