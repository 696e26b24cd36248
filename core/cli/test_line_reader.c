/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli/line_reader.h"
#include "tests/harness/proc.h"

/* Lines as "a|b|", those that are too long as "!". */
static const char *
read_all(const void *data, size_t len, size_t max)
{
	const char *path = th_path("lines");
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf got;
	struct line_reader r;
	struct leat_str line;
	const char *text;

	th_write_file(path, data, len);
	leat_buf_init(&got, 1 << 20);
	assert_int_equal(line_open(&r, path, max, &err), 0);
	for (;;) {
		enum line_kind kind = line_next(&r, &line);

		if (kind == LINE_END)
			break;
		if (kind == LINE_ONE)
			leat_buf_add(&got, line.ptr, line.len);
		if (kind != LINE_WAIT)
			leat_buf_add_str(
			    &got, kind == LINE_ONE ? "|" : "!");
	}
	assert_int_equal(line_failed(&r, &err), 0);
	line_close(&r);
	text = th_text("%s", leat_buf_cstr(&got));
	leat_buf_fini(&got);
	return text;
}

static void
lines(void **state)
{
	assert_string_equal(read_all("", 0, 10), "");
	assert_string_equal(read_all("a", 1, 10), "a|");
	assert_string_equal(read_all("a\n", 2, 10), "a|");
	assert_string_equal(read_all("a\n\nb\r\nc", 7, 10), "a||b\r|c|");
	assert_string_equal(read_all("12345\n1234\n123456", 17, 5),
	    "12345|1234|!");
}

/* Longer than what is read at once. */
static void
long_lines(void **state)
{
	const size_t size = 3 << 20, most = 1 << 20;
	char *data = malloc(size);
	const char *got;

	assert_non_null(data);
	memset(data, 'x', size);
	data[most] = '\n';
	memcpy(data + size - 3, "\nyz", 3);
	got = read_all(data, size, most - 1);
	assert_string_equal(got, "!!yz|");
	memcpy(data + size - 3, "xxx", 3);
	assert_string_equal(read_all(data, size, 10), "!!");
	free(data);
}

static void
waits_for_more(void **state)
{
	struct line_reader r;
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_str line;
	int fd[2], saved = dup(STDIN_FILENO);

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(dup2(fd[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(line_open(&r, "-", 10, &err), 0);
	assert_int_equal(write(fd[1], "ab", 2), 2);
	assert_int_equal(line_next(&r, &line), LINE_WAIT);
	assert_int_equal(write(fd[1], "c\nd", 3), 3);
	assert_int_equal(line_next(&r, &line), LINE_ONE);
	assert_memory_equal(line.ptr, "abc", 3);
	close(fd[1]);
	assert_int_equal(line_next(&r, &line), LINE_ONE);
	assert_int_equal(line.len, 1);
	assert_int_equal(line_next(&r, &line), LINE_END);
	line_close(&r);
	close(fd[0]);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

static void
errors(void **state)
{
	struct line_reader r;
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_str line;

	assert_true(line_open(&r, th_path("none"), 10, &err) < 0);
	assert_non_null(strstr(err.text, "open: No such file"));
	line_close(&r);
	leat_err_clear(&err);
	assert_int_equal(line_open(&r, th_tmpdir(), 10, &err), 0);
	assert_int_equal(line_next(&r, &line), LINE_END);
	assert_true(line_failed(&r, &err) < 0);
	assert_non_null(strstr(err.text, "read: Is a directory"));
	line_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(waits_for_more),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
