/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the file-source: growth, rotation, truncation, restarts.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <leat/fake_host.h>

#include "file_plugin.h"
#include "tests/harness/proc.h"

static struct leat_fake *f;
static const char *dir;
static int number;

static const char *
at(const char *name)
{
	return th_text("%s/%s", dir, name);
}

static void
append(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

static int
setup(void **state)
{
	dir = th_path("src%d", number++);
	th_mkdir(dir);
	f = leat_fake_new(&file_source);
	leat_fake_set(f, "file", at("app.log"));
	leat_fake_set(f, "topic", "logs");
	return 0;
}

static int
teardown(void **state)
{
	leat_fake_free(f);
	return 0;
}

static void
must_open(void)
{
	if (leat_fake_open(f) != 0)
		fail_msg("%s", leat_fake_err(f)->text);
}

/* Waits for n records in all, and that there are no more. */
static void
expect(size_t n)
{
	if (leat_fake_run(f, n, 5000) != 0)
		fail_msg("%zu records, not %zu: %s", leat_fake_count(f), n,
		    leat_fake_err(f)->text);
	assert_true(leat_fake_poll(f) >= 0);
	assert_int_equal(leat_fake_count(f), n);
}

static void
has_value(size_t i, const char *want)
{
	assert_string_equal(leat_fake_value(f, i), want);
}

/* Stores what was delivered and starts again. */
static void
restart(void)
{
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	must_open();
}

static void
test_follow(void **state)
{
	must_open();
	expect(0);
	append("app.log", "one\ntwo\r\nthr");
	expect(2);
	has_value(0, "\"one\"");
	has_value(1, "\"two\"");
	append("app.log", "ee\n\n");
	expect(4);
	has_value(2, "\"three\"");
	has_value(3, "\"\"");
	assert_string_equal(leat_fake_record(f, 0)->topic, "logs");
	assert_int_equal(leat_fake_record(f, 0)->value_schema->kind,
	    LEAT_STRING);
}

static void
test_restart(void **state)
{
	append("app.log", "a\nb\npart");
	must_open();
	expect(2);
	restart();
	append("app.log", "ial\nc\n");
	expect(2);
	has_value(0, "\"partial\"");
	has_value(1, "\"c\"");
	/* What was not durable comes again. */
	leat_fake_close(f);
	leat_fake_clear(f);
	must_open();
	expect(2);
	has_value(0, "\"partial\"");
}

static void
test_exact_positions(void **state)
{
	char line[32];
	size_t i, done = 0;

	for (i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "line %zu\n", i);
		append("app.log", line);
	}
	leat_fake_batch_limits(f, 7, 1 << 20);
	must_open();
	/* Stop after each few records: no line is lost or comes twice. */
	while (done < 1000) {
		assert_true(leat_fake_poll(f) > 0);
		for (i = 0; i < leat_fake_count(f); i++) {
			snprintf(line, sizeof(line), "\"line %zu\"", done++);
			has_value(i, line);
		}
		restart();
	}
	expect(0);
}

static void
test_rename(void **state)
{
	append("app.log", "1\n2\n");
	must_open();
	expect(2);
	append("app.log", "3\n");
	assert_int_equal(rename(at("app.log"), at("app.log.1")), 0);
	append("app.log", "5\n");
	/* A writer that has not noticed. */
	append("app.log.1", "4\n");
	expect(5);
	has_value(2, "\"3\"");
	has_value(3, "\"4\"");
	has_value(4, "\"5\"");
	restart();
	append("app.log", "6\n");
	expect(1);
	has_value(0, "\"6\"");
}

static void
test_rename_meanwhile(void **state)
{
	append("app.log", "1\n2\n");
	must_open();
	expect(2);
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	append("app.log", "3\n");
	assert_int_equal(rename(at("app.log"), at("app.log.2")), 0);
	th_nap(20);
	append("app.log.1", "4\n5\n");
	th_nap(20);
	append("app.log", "6\n");
	append("app.log.gz", "not lines\n");
	append("app.log.bak", "not ours\n");
	must_open();
	expect(4);
	has_value(0, "\"3\"");
	has_value(1, "\"4\"");
	has_value(2, "\"5\"");
	has_value(3, "\"6\"");
	restart();
	expect(0);
}

static void
test_truncate(void **state)
{
	append("app.log", "first\nsecond\n");
	must_open();
	expect(2);
	assert_int_equal(truncate(at("app.log"), 0), 0);
	append("app.log", "x\n");
	expect(3);
	has_value(2, "\"x\"");
	/* Emptied, and longer than before when we look again. */
	restart();
	assert_int_equal(truncate(at("app.log"), 0), 0);
	append("app.log", "a much longer line\n");
	expect(1);
	has_value(0, "\"a much longer line\"");
	/* The same while we are away. */
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_int_equal(truncate(at("app.log"), 0), 0);
	append("app.log", "another text that is long enough to hide it\n");
	must_open();
	expect(1);
	has_value(0, "\"another text that is long enough to hide it\"");
}

static void
test_patterns(void **state)
{
	append("a.log", "a1\n");
	append("b.log", "b1\n");
	append("c.txt", "c1\n");
	leat_fake_set(f, "file", th_text("%s/*.log, %s/c.txt", dir, dir));
	must_open();
	expect(3);
	append("d.log", "d1\n");
	expect(4);
	/* A new name for a known file is no new file. */
	assert_int_equal(rename(at("a.log"), at("e.log")), 0);
	append("e.log", "a2\n");
	expect(5);
	restart();
	append("b.log", "b2\n");
	expect(1);
	has_value(0, "\"b2\"");
}

static void
test_start_at_end(void **state)
{
	append("app.log", "old\nold too\nunfin");
	leat_fake_set(f, "start", "end");
	must_open();
	expect(0);
	append("app.log", "ished\n");
	expect(1);
	has_value(0, "\"unfinished\"");
	restart();
	/* After the first start nothing is passed over. */
	leat_fake_close(f);
	assert_int_equal(rename(at("app.log"), at("gone")), 0);
	append("app.log", "new\n");
	must_open();
	expect(1);
	has_value(0, "\"new\"");
}

static void
test_json(void **state)
{
	append("app.log", "{\"id\":7,\"v\":[1,2]}\n\n{\"id\":8}\n");
	leat_fake_set(f, "format", "json");
	leat_fake_set(f, "key.pointer", "/id");
	must_open();
	expect(2);
	has_value(0, "{\"id\":7,\"v\":[1,2]}");
	assert_string_equal(leat_fake_key(f, 1), "8");
	append("app.log", "{\"id\":\n{\"id\":9}\n");
	while (leat_fake_poll(f) == 0)
		leat_fake_wait(f);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RECORD);
	assert_non_null(strstr(leat_fake_err(f)->text, "app.log"));
	leat_fake_set(f, "behavior.on.error", "skip");
	restart();
	expect(1);
	has_value(0, "{\"id\":9}");
	assert_int_equal(leat_fake_metric(f, "file_source_bad_lines_total"),
	    2);
}

static void
test_long_lines(void **state)
{
	size_t n = 3 * 1024 * 1024;
	char *big = malloc(n + 2);

	memset(big, 'x', n);
	big[n] = '\n';
	big[n + 1] = '\0';
	append("app.log", "before\n");
	append("app.log", big);
	append("app.log", "after\n");
	leat_fake_set(f, "behavior.on.error", "skip");
	leat_fake_set(f, "max.line.bytes", "1000");
	must_open();
	expect(2);
	has_value(0, "\"before\"");
	has_value(1, "\"after\"");
	leat_fake_close(f);
	leat_fake_clear(f);
	leat_fake_set(f, "max.line.bytes", "4MiB");
	must_open();
	expect(3);
	assert_int_equal(leat_fake_record(f, 1)->value.len, n);
	leat_fake_close(f);
	leat_fake_clear(f);
	leat_fake_set(f, "max.line.bytes", "1000");
	leat_fake_set(f, "behavior.on.error", "fail");
	must_open();
	while (leat_fake_poll(f) >= 0)
		leat_fake_wait(f);
	assert_non_null(strstr(leat_fake_err(f)->text, "max.line.bytes"));
	free(big);
}

static void
test_bad_utf8(void **state)
{
	append("app.log", "caf\xe9 ok\n\xc3\xa9\n\xf0\x9f\x98\n");
	must_open();
	expect(3);
	has_value(0, "\"caf\xef\xbf\xbd ok\"");
	has_value(1, "\"\xc3\xa9\"");
}

static void
test_validation(void **state)
{
	leat_fake_set(f, "key.pointer", "/id");
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "needs format: json"));
	leat_fake_set(f, "key.pointer", NULL);
	leat_fake_set(f, "file", " , ");
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	leat_fake_set(f, "file", dir);
	must_open();
	assert_true(leat_fake_poll(f) >= 0);
}

static void
test_memory(void **state)
{
	uint32_t n;
	int i;

	for (i = 0; i < 50; i++)
		append("app.log", "caf\xe9 line\n");
	/* Whatever runs out, and when: all lines come, none comes twice. */
	for (n = 1; n < 200; n += 3) {
		struct leat_fake *g = leat_fake_new(&file_source);

		leat_fake_set(g, "file", at("app.log"));
		leat_fake_set(g, "topic", "logs");
		assert_int_equal(leat_fake_open(g), 0);
		leat_fake_fail_at(g, n);
		/* What a poll() that fails added is not taken. */
		if (leat_fake_poll(g) < 0)
			leat_fake_clear(g);
		leat_fake_fail_at(g, 0);
		assert_int_equal(leat_fake_durable(g), 0);
		leat_fake_close(g);
		if (leat_fake_open(g) != 0 ||
		    leat_fake_run(g, 50, 2000) != 0 ||
		    leat_fake_poll(g) != 0)
			fail_msg("%zu records after failure %u",
			    leat_fake_count(g), n);
		leat_fake_free(g);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(test_follow),
		T(test_restart),
		T(test_exact_positions),
		T(test_rename),
		T(test_rename_meanwhile),
		T(test_truncate),
		T(test_patterns),
		T(test_start_at_end),
		T(test_json),
		T(test_long_lines),
		T(test_bad_utf8),
		T(test_validation),
		T(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
