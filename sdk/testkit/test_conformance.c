/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conformance.c: what the conformance checks find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include <leat/conformance.h>

struct config {
	int64_t a;
	int64_t b;
	const char *c;
};

/* Failures as lines "where: check: text"; and the number of all checks. */
struct notes {
	struct leat_buf text;
	int checks;
};

static void
note(void *arg, const char *where, const char *check, const char *text)
{
	struct notes *n = arg;

	n->checks++;
	if (text != NULL)
		(void)leat_buf_printf(&n->text, "%s: %s: %s\n", where, check,
		    text);
}

static int
setup(void **state)
{
	static struct notes n;

	n.checks = 0;
	leat_buf_init(&n.text, 100000);
	*state = &n;
	return 0;
}

static int
teardown(void **state)
{
	struct notes *n = *state;

	leat_buf_fini(&n->text);
	return 0;
}

static void
assert_notes(struct notes *n, const char *expected)
{
	assert_string_equal(leat_buf_cstr(&n->text), expected);
}

/* ---------------------------------------------------------------- a source */

/* How the source below misbehaves. */
static struct {
	int keeps_silent;	/* fails without a text */
	int ignores_memory;	/* takes NULL for memory as fatal */
	int forgets_position;
} bad;

static int32_t
one_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	(void)config;
	if (leat_schema_intern(t, leat_schema_plain(LEAT_STRING, 0),
	    err) == NULL)
		return bad.ignores_memory ? leat_err_set(err, LEAT_CLS_FATAL,
		    -ENOMEM, "no memory, no hope") : err->code;
	*ret_self = t;
	return 0;
}

static int32_t
one_poll(void *self, struct leat_batch *batch, struct leat_err *err)
{
	struct leat_record rec = LEAT_RECORD("t");

	(void)self;
	if (bad.keeps_silent)
		return -EIO;
	if (leat_batch_add(batch, &rec) < 0)
		return 0;
	if (!bad.forgets_position &&
	    leat_batch_position(batch, "{}", "{\"n\":1}") < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	return 0;
}

static void
one_close(void *self)
{
	(void)self;
}

static const struct leat_source_ops one_ops = {
	.size = sizeof(struct leat_source_ops),
	.open = one_open,
	.poll = one_poll,
	.close = one_close,
};

#define AT(field) .offset = offsetof(struct config, field)

/* clang-format off */
static const struct leat_option good_options[] = {
	{ .name = "a", .type = LEAT_OPT_INT, .flags = LEAT_OPT_REQUIRED,
	  .aliases = "x.y, z", AT(a), .help = "A." },
	{ .name = "b.ms", .type = LEAT_OPT_DURATION, .def = "1s", .max = 5000,
	  AT(b), .help = "B." },
	{ .name = NULL }
};
/* clang-format on */

static const struct leat_connector good = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "one-source",
	.version = "1.0.0",
	.help = "One record at a time.",
	.flags = LEAT_CAN_EXACTLY_ONCE,
	.options = good_options,
	.config_size = sizeof(struct config),
	.source = &one_ops,
};

static int
check_tables(struct notes *n, const struct leat_connector *const *connectors,
    uint32_t count)
{
	struct leat_plugin plugin = {
		LEAT_PLUGIN_HEAD,
		.name = "p",
		.version = "1",
		.connectors = connectors,
		.nconnectors = count,
	};

	return leat_conformance_tables(&plugin, note, n);
}

static int
check_one(struct notes *n, const struct leat_connector *connector)
{
	return check_tables(n, &connector, 1);
}

static int
check_options(struct notes *n, const struct leat_option *options)
{
	struct leat_connector c = good;

	c.options = options;
	return check_one(n, &c);
}

static void
test_good_tables(void **state)
{
	struct notes *n = *state;

	assert_int_equal(check_one(n, &good), 0);
	assert_notes(n, "");
	assert_true(n->checks > 20);
	assert_int_equal(check_options(n, NULL), 0);
}

static void
test_bad_descriptor(void **state)
{
	struct leat_plugin plugin = { LEAT_PLUGIN_HEAD, .name = NULL };
	struct notes *n = *state;

	assert_int_equal(leat_conformance_tables(&plugin, note, n), 3);
	plugin.abi_minor++;
	plugin.size = 16;
	assert_int_equal(leat_conformance_tables(&plugin, note, n), 2);
	assert_notes(n,
	    "(no name): name: the plugin has no name\n"
	    "(no name): version: the plugin has no version\n"
	    "(no name): connectors: the plugin has no connectors\n"
	    "plugin: abi: magic 4c454154, ABI 1.2\n"
	    "plugin: size: states 16 bytes\n");
}

static void
test_bad_connectors(void **state)
{
	struct leat_connector c = { .kind = 9, .name = "Bad Name" };
	struct leat_connector s = good;
	const struct leat_connector *list[] = { &good, &good, &c, &s };
	struct notes *n = *state;

	s.kind = LEAT_SINK;
	s.name = "one-sink";
	assert_int_equal(check_tables(n, list, 4), 7);
	assert_notes(n,
	    "one-source: unique: there are two connectors of this name\n"
	    "Bad Name: size: states 0 bytes\n"
	    "Bad Name: name: the name is not of lower-case letters, digits"
	    " and dashes\n"
	    "Bad Name: version: there is no version\n"
	    "Bad Name: help: there is no help text\n"
	    "Bad Name: kind: kind 9 is unknown\n"
	    "one-sink: callbacks: a sink needs open(), put(), close() and its"
	    " size\n");
}

static void
test_bad_option_names(void **state)
{
	/* clang-format off */
	static const struct leat_option options[] = {
		{ .name = "a b", .type = LEAT_OPT_INT, AT(a), .help = "x" },
		{ .name = "b", .type = LEAT_OPT_INT, AT(b) },
		{ .name = "b", .type = LEAT_OPT_STRING, .aliases = "c, a b",
		  AT(c), .help = "x" },
		{ .name = NULL }
	};
	/* clang-format on */
	struct notes *n = *state;

	assert_int_equal(check_options(n, options), 4);
	assert_notes(n,
	    "one-source: a b: name: 'a b' is not a name of letters, digits,"
	    " dots, dashes and underscores\n"
	    "one-source: b: help: there is no help text\n"
	    "one-source: b: unique: there are two options of this name\n"
	    "one-source: b: alias: the alias 'a b' leads to another option\n");
}

static void
test_bad_option_places(void **state)
{
	/* clang-format off */
	static const struct leat_option options[] = {
		{ .name = "a", .type = LEAT_OPT_INT, AT(a), .help = "x" },
		{ .name = "b", .type = LEAT_OPT_INT, .offset = 4, .help = "x" },
		{ .name = "c", .type = LEAT_OPT_INT, .offset = 24,
		  .help = "x" },
		{ .name = "d", .type = 99, .help = "x" },
		{ .name = NULL }
	};
	/* clang-format on */
	struct notes *n = *state;

	assert_int_equal(check_options(n, options), 4);
	assert_notes(n,
	    "one-source: b: alignment: the field at 4 is not aligned\n"
	    "one-source: b: overlap: the field overlaps that of 'a'\n"
	    "one-source: c: offset: the field at 24 lies outside of a struct"
	    " of 24 bytes\n"
	    "one-source: d: type: type 99 is unknown\n");
}

static void
test_bad_option_rules(void **state)
{
	/* clang-format off */
	static const struct leat_option options[] = {
		{ .name = "a", .type = LEAT_OPT_CHOICE, AT(a), .help = "x" },
		{ .name = "b", .type = LEAT_OPT_INT, .min = 2, .max = 1,
		  .flags = LEAT_OPT_REQUIRED, .def = "5", AT(b), .help = "x" },
		{ .name = "c", .type = LEAT_OPT_STRING, .def = "x",
		  .flags = LEAT_OPT_SECRET, AT(c), .help = "x" },
		{ .name = NULL }
	};
	/* clang-format on */
	struct notes *n = *state;

	assert_int_equal(check_options(n, options), 5);
	assert_notes(n,
	    "one-source: a: choices: a choice without choices\n"
	    "one-source: b: range: min 2 is above max 1\n"
	    "one-source: b: required: required, but with a default\n"
	    "one-source: c: secret: a secret with a default\n"
	    "one-source: b: default: default '5': expected a whole number"
	    " (2 to 1)\n");
}

/* --------------------------------------------------------------------- life */

static int
live(struct notes *n)
{
	const struct leat_setting settings[] = {
		{ .key = "z", .value = "1" }, { .key = "b.ms", .value = "1ms" }
	};

	return leat_conformance_life(&good, settings, 2, note, n);
}

static void
test_good_life(void **state)
{
	struct notes *n = *state;

	memset(&bad, 0, sizeof(bad));
	assert_int_equal(live(n), 0);
	assert_notes(n, "");
	assert_true(n->checks > 10);
}

static void
test_settings_that_do_not_fit(void **state)
{
	struct notes *n = *state;

	assert_int_equal(leat_conformance_life(&good, NULL, 0, note, n), 1);
	assert_notes(n, "one-source: open: a: required, but not set\n");
}

static void
test_silent_failure(void **state)
{
	struct notes *n = *state;

	memset(&bad, 0, sizeof(bad));
	bad.keeps_silent = 1;
	assert_int_equal(live(n), 1);
	assert_notes(n, "one-source: poll: broken rule: poll() failed without"
	    " an error's text\n");
}

static void
test_wrong_class(void **state)
{
	struct notes *n = *state;

	memset(&bad, 0, sizeof(bad));
	bad.ignores_memory = 1;
	assert_int_equal(live(n), 1);
	assert_notes(n, "one-source: out of memory: at allocation 1:"
	    " no memory, no hope (class fatal, expected retry)\n");
}

static void
test_missing_positions(void **state)
{
	struct notes *n = *state;

	memset(&bad, 0, sizeof(bad));
	bad.forgets_position = 1;
	assert_int_equal(live(n), 2);
	assert_notes(n,
	    "one-source: positions: 20 of 20 records have no position behind"
	    " them\n"
	    "one-source: positions: 40 of 40 records have no position behind"
	    " them\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good_tables),
		TEST(test_bad_descriptor),
		TEST(test_bad_connectors),
		TEST(test_bad_option_names),
		TEST(test_bad_option_places),
		TEST(test_bad_option_rules),
		TEST(test_good_life),
		TEST(test_settings_that_do_not_fit),
		TEST(test_silent_failure),
		TEST(test_wrong_class),
		TEST(test_missing_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
