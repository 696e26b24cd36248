/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_err.c: filling, wrapping and cutting errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <leat/err.h>
#include <leat/str.h>

static void
test_set_fills_everything(void **state)
{
	struct leat_err err;

	(void)state;
	memset(&err, 0xff, sizeof(err));
	assert_int_equal(leat_err_set(&err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "port '%s' is not %d..%d", "x", 1, 2), LEAT_E_CONFIG);
	assert_int_equal(err.code, LEAT_E_CONFIG);
	assert_int_equal(err.cls, LEAT_CLS_CONFIG);
	assert_string_equal(err.text, "port 'x' is not 1..2");
	assert_string_equal(err.sqlstate, "");
	assert_non_null(strstr(err.file, "test_err.c"));
	assert_true(err.line > 0);
	assert_int_equal(err.reserved, 0);
}

static void
test_errno_appends_its_text(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(leat_err_errno(&err, LEAT_CLS_RETRY, "open '%s'",
	    "a"), -ENOENT);
	assert_string_equal(err.text, "open 'a': No such file or directory");
	assert_int_equal(errno, ENOENT);
}

static void
test_wrap_grows_outward(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;

	(void)state;
	(void)leat_err_set(&err, LEAT_CLS_RETRY, -EIO, "disk");
	assert_int_equal(leat_err_wrap(&err, "read %d", 7), -EIO);
	assert_int_equal(leat_err_wrap(&err, "start"), -EIO);
	assert_string_equal(err.text, "start: read 7: disk");
	assert_int_equal(err.cls, LEAT_CLS_RETRY);
}

static void
test_own_text_may_be_an_argument(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;

	(void)state;
	(void)leat_err_set(&err, LEAT_CLS_RETRY, -EIO, "inner");
	(void)leat_err_set(&err, LEAT_CLS_FATAL, -EIO, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
}

static void
test_long_text_is_cut_between_characters(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	char text[600];
	size_t pad;

	(void)state;
	for (pad = 0; pad < 4; pad++) {
		size_t i;

		memset(text, 'x', pad);
		for (i = pad; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[i] = '\0';
		(void)leat_err_set(&err, LEAT_CLS_FATAL, -1, "%s", text);
		assert_true(strlen(err.text) > 470);
		assert_true(leat_utf8_valid(err.text, strlen(err.text)));
		(void)leat_err_wrap(&err, "%s", text);
		assert_true(leat_utf8_valid(err.text, strlen(err.text)));
	}
}

static void
test_slot_may_be_null(void **state)
{
	(void)state;
	errno = EIO;
	assert_int_equal(leat_err_set(NULL, LEAT_CLS_FATAL, -5, "x"), -5);
	assert_int_equal(leat_err_errno(NULL, LEAT_CLS_FATAL, "x"), -EIO);
	assert_true(leat_err_wrap(NULL, "x") < 0);
	leat_err_clear(NULL);
}

static void
test_class_names(void **state)
{
	(void)state;
	assert_string_equal(leat_err_class_name(LEAT_CLS_RETRY), "retry");
	assert_string_equal(leat_err_class_name(LEAT_CLS_RECORD), "record");
	assert_string_equal(leat_err_class_name(LEAT_CLS_CONFIG), "config");
	assert_string_equal(leat_err_class_name(LEAT_CLS_FATAL), "fatal");
	assert_string_equal(leat_err_class_name(-1), "unknown");
	assert_string_equal(leat_err_class_name(5), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_fills_everything),
		cmocka_unit_test(test_errno_appends_its_text),
		cmocka_unit_test(test_wrap_grows_outward),
		cmocka_unit_test(test_own_text_may_be_an_argument),
		cmocka_unit_test(test_long_text_is_cut_between_characters),
		cmocka_unit_test(test_slot_may_be_null),
		cmocka_unit_test(test_class_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
