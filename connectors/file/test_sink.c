/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the file-sink: formats, durability, rotation, recovery.
 */
#include <dirent.h>
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
#include <leat/json.h>

#include "file_path.h"
#include "file_plugin.h"
#include "file_state.h"
#include "tests/harness/proc.h"

static struct leat_fake *f;
static const char *dir;
static int number;

static const char *
at(const char *name)
{
	return th_text("%s/%s", dir, name);
}

static int
setup(void **state)
{
	dir = th_path("sink%d", number++);
	th_mkdir(dir);
	f = leat_fake_new(&file_sink);
	leat_fake_set(f, "file", at("out"));
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

static void
check_file(const char *name, const char *want)
{
	size_t len;
	char *text = th_slurp(at(name), &len);

	assert_string_equal(text, want);
	free(text);
}

static struct leat_record
record(int64_t offset, const char *text)
{
	return (struct leat_record){ .topic = "t", .origin_topic = "t",
		.offset = offset, .timestamp_ms = 17,
		.value = text == NULL ? leat_null() : leat_cstring(text) };
}

static void
put(int64_t from, int64_t to)
{
	struct leat_record r[100];
	char text[100][24];
	uint32_t n = 0;

	for (; from < to; from++, n++) {
		snprintf(text[n], sizeof(text[n]), "r%d", (int)from);
		r[n] = record(from, text[n]);
	}
	if (leat_fake_put(f, r, n) != 0)
		fail_msg("%s", leat_fake_err(f)->text);
}

static void
test_formats(void **state)
{
	struct leat_record r[2] = { record(3, "plain \"text\""),
		record(4, NULL) };

	must_open();
	assert_int_equal(leat_fake_put_json(f, "t", NULL, "{\"a\":1}"), 0);
	assert_int_equal(leat_fake_put(f, r, 2), 0);
	check_file("out", "{\"a\":1}\nplain \"text\"\nnull\n");
	leat_fake_close(f);
	leat_fake_set(f, "file", at("json"));
	leat_fake_set(f, "format", "json");
	leat_fake_set(f, "behavior.on.null.values", "ignore");
	must_open();
	assert_int_equal(leat_fake_put(f, r, 2), 0);
	check_file("json", "\"plain \\\"text\\\"\"\n");
	leat_fake_close(f);
	leat_fake_set(f, "file", at("rec"));
	leat_fake_set(f, "format", "record");
	must_open();
	assert_int_equal(leat_fake_put(f, r, 1), 0);
	check_file("rec", "{\"topic\":\"t\",\"partition\":0,\"offset\":3,"
			  "\"timestamp\":17,\"key\":null,"
			  "\"value\":\"plain \\\"text\\\"\"}\n");
}

static void
test_append(void **state)
{
	th_write_text(at("out"), "not ours\n");
	must_open();
	put(0, 2);
	assert_int_equal(leat_fake_flush(f), 0);
	check_file("out", "not ours\nr0\nr1\n");
	leat_fake_close(f);
	must_open();
	put(2, 3);
	check_file("out", "not ours\nr0\nr1\nr2\n");
}

/* What was not flushed is cut off; with exactly-once nothing comes twice. */
static void
test_crash(void **state)
{
	int fd;

	must_open();
	put(0, 3);
	assert_int_equal(leat_fake_flush(f), 0);
	put(3, 5);
	leat_fake_close(f);
	fd = open(at("out"), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "torn", 4), 4);
	close(fd);
	must_open();
	check_file("out", "r0\nr1\nr2\n");
	put(2, 5);
	check_file("out", "r0\nr1\nr2\nr2\nr3\nr4\n");
	leat_fake_close(f);
	leat_fake_set(f, "delivery", "exactly-once");
	must_open();
	put(1, 5);
	check_file("out", "r0\nr1\nr2\nr3\nr4\n");
	assert_int_equal(
	    leat_fake_metric(f, "file_sink_skipped_records_total"), 2);
}

static void
test_changed_by_others(void **state)
{
	must_open();
	put(0, 3);
	assert_int_equal(leat_fake_flush(f), 0);
	leat_fake_close(f);
	assert_int_equal(truncate(at("out"), 2), 0);
	assert_true(leat_fake_open(f) < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, ".out.leat"));
	th_write_text(at(".out.leat"), "{\"bytes\":-1}");
	assert_true(leat_fake_open(f) < 0);
	assert_non_null(strstr(leat_fake_err(f)->text, "not a state file"));
}

static char *
find_rotated(const char *prefix, int n)
{
	struct dirent **names;
	char *found = NULL;
	int i, count = scandir(dir, &names, NULL, alphasort);

	for (i = 0; i < count; i++) {
		if (strncmp(names[i]->d_name, prefix, strlen(prefix)) == 0 &&
		    n-- == 0)
			found = strdup(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return found;
}

static void
test_rotation(void **state)
{
	char *name;

	leat_fake_set(f, "rotate.bytes", "7");
	leat_fake_set_clock(f, 1700000000000000);
	must_open();
	put(0, 3);
	put(3, 5);
	put(5, 6);
	check_file("out", "r3\nr4\nr5\n");
	check_file("out.20231114T221320Z", "r0\nr1\nr2\n");
	put(6, 7);
	check_file("out", "r6\n");
	check_file("out.20231114T221320Z-2", "r3\nr4\nr5\n");
	assert_int_equal(leat_fake_metric(f, "file_sink_rotations_total"), 2);
	/* By age, without new records, and not when empty. */
	leat_fake_close(f);
	leat_fake_set(f, "file", at("aged"));
	leat_fake_set(f, "rotate.bytes", NULL);
	leat_fake_set(f, "rotate.interval.ms", "1h");
	must_open();
	leat_fake_add_clock(f, 3600000000);
	assert_int_equal(leat_fake_tick(f), 0);
	assert_null(find_rotated("aged.", 0));
	put(0, 1);
	leat_fake_add_clock(f, 3600000000);
	assert_int_equal(leat_fake_tick(f), 0);
	name = find_rotated("aged.", 0);
	assert_non_null(name);
	check_file(name, "r0\n");
	check_file("aged", "");
	free(name);
}

/* A crash between the announcement of a rotation and its end. */
static void
test_rotation_crash(void **state)
{
	leat_fake_set(f, "delivery", "exactly-once");
	must_open();
	put(0, 3);
	assert_int_equal(leat_fake_flush(f), 0);
	leat_fake_close(f);
	/* Announced, not renamed. */
	th_write_text(at(".out.leat"), "{\"bytes\":9,\"rotated\":\"out.1\","
				       "\"offsets\":{\"t\":{\"0\":2}}}");
	must_open();
	check_file("out.1", "r0\nr1\nr2\n");
	check_file("out", "");
	put(1, 4);
	check_file("out", "r3\n");
	leat_fake_close(f);
	/* Renamed, and the new file has lines that were not synced. */
	th_write_text(at(".out.leat"), "{\"bytes\":9,\"rotated\":\"out.1\","
				       "\"offsets\":{\"t\":{\"0\":2}}}");
	must_open();
	check_file("out.1", "r0\nr1\nr2\n");
	check_file("out", "");
}

static void
test_templates(void **state)
{
	struct leat_record r[3] = { record(0, "a"), record(0, "b"),
		record(1, "c") };

	r[1].topic = "u";
	leat_fake_set_clock(f, 1700000000000000);
	leat_fake_set(f, "file", at("${topic}-${task}-${date}T${hour}"));
	must_open();
	assert_int_equal(leat_fake_put(f, r, 3), 0);
	assert_int_equal(leat_fake_flush(f), 0);
	check_file("t-0-2023-11-14T22", "a\nc\n");
	check_file("u-0-2023-11-14T22", "b\n");
	r[0].topic = "../evil";
	assert_int_equal(leat_fake_put(f, r, 1), 0);
	assert_int_equal(leat_fake_failures(f), 1);
	/* The next hour is another file. */
	leat_fake_add_clock(f, 3600000000);
	assert_int_equal(leat_fake_put(f, &r[2], 1), 0);
	check_file("t-0-2023-11-14T23", "c\n");
}

static void
test_two_tasks(void **state)
{
	struct leat_fake *g = leat_fake_new(&file_sink);

	must_open();
	leat_fake_set(g, "file", at("out"));
	assert_true(leat_fake_open(g) < 0);
	assert_int_equal(leat_fake_err(g)->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(g)->text, "${task}"));
	leat_fake_free(g);
}

static void
test_errors(void **state)
{
	leat_fake_set(f, "file", at("no/such/dir"));
	assert_true(leat_fake_open(f) < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	leat_fake_set(f, "file", at("${nope}"));
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "unknown variable"));
	leat_fake_set(f, "file", at("${date}"));
	leat_fake_set(f, "delivery", "exactly-once");
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	leat_fake_set(f, "delivery", NULL);
	/* A full disk: nothing of the batch stays, the next try is whole. */
	if (access("/dev/full", W_OK) != 0)
		return;
	leat_fake_set(f, "file", "/dev/full");
	must_open();
	assert_true(leat_fake_put_json(f, "t", NULL, "1") < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	assert_int_equal(leat_fake_err(f)->code, -28);
}

static void
test_state(void **state)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY), found = 0, i;
	struct file_state a, b;
	struct leat_err err;

	file_state_init(&a);
	file_state_init(&b);
	a.bytes = 99;
	for (i = 0; i < 20; i++)
		*file_state_offset(&a, i % 2 ? "odd\"" : "even", i) = i * 3;
	assert_int_equal(file_state_save(&a, fd, ".s", &err), 0);
	assert_int_equal(file_state_load(&b, fd, ".s", &found, &err), 0);
	assert_true(found);
	assert_int_equal(b.bytes, 99);
	for (i = 0; i < 20; i++)
		assert_int_equal(*file_state_offset(&b,
		    i % 2 ? "odd\"" : "even", i), i * 3);
	assert_int_equal(*file_state_offset(&b, "even", 1), -1);
	file_state_fini(&a);
	file_state_fini(&b);
	close(fd);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(test_formats),
		T(test_append),
		T(test_crash),
		T(test_changed_by_others),
		T(test_rotation),
		T(test_rotation_crash),
		T(test_templates),
		T(test_two_tasks),
		T(test_errors),
		T(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
