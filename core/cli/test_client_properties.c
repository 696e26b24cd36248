/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <leat/buf.h>

#include "core/cli/client_properties.h"

static int
note(void *arg, const char *name, const char *value, int line,
    struct leat_err *err)
{
	if (strcmp(name, "refused") == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "refused at %d", line);
	leat_buf_printf(arg, "%d %s=%s|", line, name, value);
	return 0;
}

static void
is(const char *text, const char *wanted)
{
	struct leat_buf got;
	struct leat_err err = LEAT_ERR_INIT;

	leat_buf_init(&got, 4096);
	assert_int_equal(properties_parse(text, strlen(text), note, &got,
	    &err), 0);
	assert_string_equal(leat_buf_cstr(&got), wanted);
	leat_buf_fini(&got);
}

static void
forms(void **state)
{
	is("", "");
	is("a=b", "1 a=b|");
	is("\n # c\n!d\na = b c \nd:e\nf g\nh\n",
	    "4 a=b c |5 d=e|6 f=g|7 h=|");
	is("a=1\r\nb=2\r\n", "1 a=1|2 b=2|");
	is("a=one,\\\n   two\\\n three\nb=c", "1 a=one,twothree|4 b=c|");
	is("a=x\\\\\nb=y", "1 a=x\\|2 b=y|");
	is("a\\=b\\ c=\\t\\u00e9\\u20ac\\q=",
	    "1 a=b c=\t\xc3\xa9\xe2\x82\xacq=|");
	is("# no continuation \\\na=b", "2 a=b|");
	is("a=b\\", "1 a=b|");
}

static void
refused(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf got;

	leat_buf_init(&got, 4096);
	assert_true(properties_parse("a=b\nc=\\u12", 10, note, &got,
	    &err) < 0);
	assert_non_null(strstr(err.text, "line 2: a bad escape"));
	leat_err_clear(&err);
	assert_true(properties_parse("a=b\nrefused=1", 13, note, &got,
	    &err) < 0);
	assert_string_equal(err.text, "refused at 2");
	leat_buf_fini(&got);
}

static void
jaas(void **state)
{
	static const char line[] =
	    "org.apache.kafka.common.security.plain.PlainLoginModule required "
	    "username=\"al ice\" password=\"p\\\"=;w\" x=y;";
	char got[16];

	assert_int_equal(properties_jaas(line, "username", got, 16), 1);
	assert_string_equal(got, "al ice");
	assert_int_equal(properties_jaas(line, "password", got, 16), 1);
	assert_string_equal(got, "p\"=;w");
	assert_int_equal(properties_jaas(line, "x", got, 16), 1);
	assert_string_equal(got, "y");
	assert_int_equal(properties_jaas(line, "required", got, 16), 0);
	assert_int_equal(properties_jaas("", "x", got, 16), 0);
	assert_int_equal(properties_jaas("a=\"open", "a", got, 4), 1);
	assert_string_equal(got, "ope");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(refused),
		cmocka_unit_test(jaas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
