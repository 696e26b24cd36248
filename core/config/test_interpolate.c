/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_interpolate.c: references, escapes, and what each error says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "tests/harness/conf.h"
#include "tests/harness/proc.h"


static char dir[64];
static struct leat_err err;

static void
make_file(const char *name, const char *text, size_t len)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(fsio_replace(&fsio_system, path, text, len, 0600,
	    &err), 0);
}

static int
setup(void **state)
{
	memcpy(dir, "/tmp/leat-refs-XXXXXX", 22);
	if (mkdtemp(dir) == NULL)
		return -1;
	make_file("pw", "s3cret\n", 7);
	make_file("crlf", "x\r\n", 3);
	make_file("two", "x\n\n", 3);
	make_file("nul", "x\0y", 3);
	make_file("p.properties", "user = ada\npw:s3\n", 17);
	return setenv("TESTING_CREDENTIALS", dir, 1);
}

static int
teardown(void **state)
{
	th_remove(dir);
	return 0;
}

/* Puts the directory where the text has @. */
static const char *
with_dir(const char *text, char *to, size_t size)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (size_t)snprintf(to + n, size - n, "%s",
		    *text == '@' ? dir : (char[]){ *text, '\0' });
	to[n] = '\0';
	return to;
}

static void
assert_value(const struct references *refs, const char *text,
    const char *want, bool want_secret)
{
	char in[512], out[512];
	bool secret = false;
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, INTERPOLATED_MAX);
	leat_err_clear(&err);
	rc = interpolate(refs, with_dir(text, in, sizeof(in)), &b, &secret,
	    &err);
	assert_string_equal(rc == 0 ? leat_buf_cstr(&b) : err.text,
	    with_dir(want, out, sizeof(out)));
	assert_int_equal(secret, want_secret);
	leat_buf_fini(&b);
}

static void
assert_plain(const char *text, const char *want)
{
	assert_value(&testing_refs, text, want, false);
}

static void
test_env(void **state)
{
	assert_plain("", "");
	assert_plain("plain", "plain");
	assert_plain("${env:USER_NAME}", "ada");
	assert_plain("<${env:USER_NAME}|${env:USER_NAME}>", "<ada|ada>");
	assert_plain("${env:NONE:-x y}", "x y");
	assert_plain("${env:NONE:-}", "");
	assert_plain("${env:EMPTY:-x}", "x");
	assert_plain("${env:EMPTY}", "");
	assert_plain("${env:USER_NAME:-x}", "ada");
	assert_plain("${env:NONE:-a:-b}", "a:-b");
	/* What is put in is not looked at again. */
	assert_plain("${env:NESTED}", "${env:USER_NAME}");
	assert_plain("${env:NONE}", "environment variable 'NONE' is not set");
	assert_plain("${env:}", "${env:} names no variable");
	assert_plain("${env::-x}", "${env:} names no variable");
}

static void
test_unclosed(void **state)
{
	assert_plain("a ${env:USER_NAME", "'${env:' without '}'");
	assert_plain("${env:USER_NAME} ${file:", "'${file:' without '}'");
}

static void
test_files(void **state)
{
	const struct references *r = &testing_refs;

	assert_value(r, "${file:@/pw}", "s3cret", true);
	assert_value(r, "u:${file:@/pw}%h", "u:s3cret%h", true);
	assert_value(r, "${file:@/crlf}", "x", true);
	assert_value(r, "${file:@/two}", "x\n", true);
	assert_value(r, "${file:@/p.properties:user}", "ada", true);
	assert_value(r, "${file:@/p.properties:pw}", "s3", true);
	assert_value(r, "${dir:@:pw}", "s3cret", true);
	assert_value(r, "${cred:pw}", "s3cret", true);
	assert_plain("${file:@/p.properties:none}",
	    "no key 'none' in '@/p.properties'");
	assert_plain("${file:@/none}",
	    "open '@/none': No such file or directory");
	assert_plain("${file:relative}",
	    "expected an absolute path, got 'relative'");
	assert_plain("${file:@/nul}", "a NUL byte in '@/nul'");
	assert_plain("${dir:@}", "expected ${dir:/path:name}, got '@'");
	assert_plain("${dir:@:../x}", "expected a file name, got '../x'");
	assert_plain("${dir:@:..}", "expected a file name, got '..'");
	assert_plain("${cred:}", "expected a file name, got ''");
	assert_plain("${cred:a/b}", "expected a file name, got 'a/b'");
}

static void
test_restricted(void **state)
{
	struct references inside = testing_refs, outside = testing_refs;
	struct references none = { .env = NULL };
	char list[128];

	(void)snprintf(list, sizeof(list), "/nowhere, %s", dir);
	inside.allowed = list;
	outside.allowed = "/usr/lib,/tmp/leat";
	assert_value(&inside, "${file:@/pw}", "s3cret", true);
	assert_value(&inside, "${file:@/../../etc/passwd}",
	    "outside the allowed directories: '@/../../etc/passwd'", false);
	assert_value(&outside, "${file:@/pw}",
	    "outside the allowed directories: '@/pw'", false);
	assert_value(&outside, "${dir:@:pw}",
	    "outside the allowed directories: '@/pw'", false);
	assert_value(&outside, "${cred:pw}", "s3cret", true);
	assert_value(&none, "${file:@/pw}",
	    "files may not be read here: '@/pw'", false);
	assert_value(&none, "${env:USER_NAME}",
	    "environment variable 'USER_NAME' is not set", false);
	assert_value(&none, "${env:USER_NAME:-x}", "x", false);
	assert_value(&none, "${cred:pw}",
	    "no credential 'pw': the service has no LoadCredential=", false);
}

static void
test_templates(void **state)
{
	assert_plain("/x/${topic}/${partition}", "/x/${topic}/${partition}");
	assert_plain("${value:/id}${key:/a/b}", "${value:/id}${key:/a/b}");
	assert_plain("${timestamp:yyyy}${header:x}",
	    "${timestamp:yyyy}${header:x}");
	assert_plain("${topic}-${env:USER_NAME}", "${topic}-ada");
	assert_plain("$", "$");
	assert_plain("a$$b$1", "a$$b$1");
	assert_plain("${", "${");
	assert_plain("${}", "${}");
	assert_plain("${a b:c}", "${a b:c}");
	assert_plain("${word:open", "${word:open");
	assert_plain("$${env:USER_NAME}", "${env:USER_NAME}");
	assert_plain("$$${env:X}", "$${env:X}");
	assert_plain("${vault:a/b:c}",
	    "unknown provider 'vault' (allowed: env, file, dir, cred)");
	assert_plain("${evn:X}",
	    "unknown provider 'evn' (allowed: env, file, dir, cred)");
}

/* Text as YAML has it, as interpolate() takes it, and its value. */
static void
test_yaml_dollars(void **state)
{
	static const char *const rows[][3] = {
		{ "a$$b", "a$b", "a$b" },
		{ "$$$$", "$$", "$$" },
		{ "$$", "$", "$" },
		{ "$", "$", "$" },
		{ "$x${topic}", "$x${topic}", "$x${topic}" },
		{ "$${env:X}", "$${env:X}", "${env:X}" },
		{ "$${topic}", "$${topic}", "${topic}" },
		{ "$$$${a}", "$$${a}", "$${a}" },
		{ "$$${topic}", "$$${topic}", "$${topic}" },
		{ "$$x${env:USER_NAME}", "$x${env:USER_NAME}", "$xada" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_buf b;

		leat_buf_init(&b, 1000);
		assert_int_equal(interpolate_from_yaml(rows[i][0], &b, &err),
		    0);
		assert_string_equal(leat_buf_cstr(&b), rows[i][1]);
		assert_plain(rows[i][1], rows[i][2]);
		leat_buf_fini(&b);
	}
}

static void
test_yaml_dollar_refused(void **state)
{
	struct leat_buf b;

	leat_buf_init(&b, 1000);
	assert_int_equal(interpolate_from_yaml("$$${env:X}", &b, &err),
	    LEAT_E_CONFIG);
	assert_string_equal(err.text,
	    "a '$' right before a reference is not possible");
	leat_buf_fini(&b);
}

static void
test_ceiling(void **state)
{
	struct leat_buf b;
	bool secret;

	leat_buf_init(&b, 8);
	assert_int_equal(interpolate(&testing_refs,
	    "12345${env:USER_NAME}${env:USER_NAME}", &b, &secret, &err),
	    LEAT_E_CONFIG);
	assert_string_equal(err.text, "the value is larger than 8 bytes");
	leat_buf_fini(&b);
}

static void
test_java_properties(void **state)
{
	static const char text[] =
	    "# comment = no\n! neither = no\n\n"
	    "a=1\n  b : two words  \nc three\nd\n"
	    "e = long \\\n    line\nf\\ g\\==h\\tt\\u00e4\\n\n"
	    "a=2\r\nlast=x";
	static const char *const rows[][2] = {
		{ "a", "2" },
		{ "b", "two words  " },
		{ "c", "three" },
		{ "d", "" },
		{ "e", "long line" },
		{ "f g=", "h\tt\xc3\xa4\n" },
		{ "last", "x" },
	};
	struct leat_buf b;

	leat_buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		leat_buf_reset(&b);
		assert_int_equal(java_properties_find(text, rows[i][0], &b),
		    0);
		assert_string_equal(leat_buf_cstr(&b), rows[i][1]);
	}
	assert_int_equal(java_properties_find(text, "comment", &b),
	    LEAT_E_NOTFOUND);
	assert_int_equal(java_properties_find("", "a", &b), LEAT_E_NOTFOUND);
	assert_int_equal(java_properties_find("a\\", "b", &b),
	    LEAT_E_NOTFOUND);
	assert_int_equal(java_properties_find("\\u12", "b", &b),
	    LEAT_E_NOTFOUND);
	leat_buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_unclosed),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_restricted),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_yaml_dollars),
		cmocka_unit_test(test_yaml_dollar_refused),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_java_properties),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
