/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker is killed again and again while datagen makes records, a log file
 * grows and rotates, and file-sinks write both down: each line is there once,
 * and in order.
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

#include <leat/str.h>

#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 60000, RECORDS = 20000, KILLS = 5, LINES = 400 };

static struct th_worker *w;

static int
setup(void **state)
{
	w = th_worker_start(NULL);
	return 0;
}

static int
teardown(void **state)
{
	th_worker_free(w);
	return 0;
}

/*
 * Counts the lines of a file, which must be 0, 1, 2, .. in this order behind
 * the prefix.
 */
static int64_t
count_lines(const char *path, const char *prefix)
{
	int64_t n = 0, v;
	struct leat_str rest, line;
	size_t len;
	char *text;

	if (!th_exists(path))
		return 0;
	text = th_slurp(path, &len);
	rest = (struct leat_str){ text, len };
	while (memchr(rest.ptr, '\n', rest.len) != NULL) {
		line = leat_str_cut(&rest, '\n');
		if (!leat_str_starts(line, prefix))
			fail_msg("line %lld: %.*s", (long long)n,
			    (int)line.len, line.ptr);
		line.ptr += strlen(prefix);
		line.len -= strlen(prefix);
		if (line.len > 0 && line.ptr[line.len - 1] == '}')
			line.len--;
		if (leat_parse_i64(line, 0, INT64_MAX, &v) < 0 || v != n)
			fail_msg("%s: %.*s comes after %lld lines", path,
			    (int)line.len, line.ptr, (long long)n);
		n++;
	}
	free(text);
	return n;
}

static void
append_lines(const char *path, int from, int to)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644), n;
	char line[32];

	assert_true(fd >= 0);
	for (; from < to; from++) {
		n = snprintf(line, sizeof(line), "line %d\n", from);
		assert_int_equal(write(fd, line, (size_t)n), n);
	}
	close(fd);
}

static void
test_kill(void **state)
{
	const char *made = th_path("made"), *copied = th_path("copied");
	const char *log = th_path("app.log");
	int i, at = 0;

	th_worker_file(w, "gen.yaml",
	    "connector: datagen\ntopic: made\nfield.n: sequence\n"
	    "rate: 5000\ncount: %d\n",
	    RECORDS);
	th_worker_file(w, "made.yaml",
	    "connector: file-sink\ntopics: made\nfile: %s\n"
	    "delivery: exactly-once\n",
	    made);
	th_worker_file(w, "log.yaml",
	    "connector: file-source\ntopic: log\nfile: %s\n", log);
	th_worker_file(w, "copied.yaml",
	    "connector: file-sink\ntopics: log\nfile: %s\n"
	    "delivery: exactly-once\n",
	    copied);
	for (i = 0; i < KILLS; i++) {
		append_lines(log, at, at + LINES);
		at += LINES;
		th_nap(400 + 50 * i);
		th_worker_kill(w);
		append_lines(log, at, at + LINES);
		at += LINES;
		/* Rotated while nobody looks, every other time. */
		if (i % 2 == 1)
			assert_int_equal(rename(log,
			    th_text("%s.%d", log, KILLS - i)), 0);
		th_nap(20);
		append_lines(log, at, at + LINES);
		at += LINES;
		th_worker_resume(w);
	}
	TH_WAIT(count_lines(made, "{\"n\":") == RECORDS, SOON_MS);
	TH_WAIT(count_lines(copied, "line ") == at, SOON_MS);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
