/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_loader.c: the broken plugins of tests/abi/broken, each refused with a
 * text that says what is wrong, and the tree's own plugins, which conform.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/conformance.h>

#include "core/plugin/registry.h"
#include "tests/harness/proc.h"

static void
no_refusals(void *arg, const char *path, const struct leat_err *err)
{
	(void)arg;
	fail_msg("%s: %s", path, err->text);
}

static struct registry *
empty_registry(void)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct registry *r;
	char dir[] = "/tmp/leat-abi-XXXXXX";

	assert_non_null(mkdtemp(dir));
	r = registry_load(dir, no_refusals, NULL, &err);
	(void)rmdir(dir);
	assert_non_null(r);
	return r;
}

static void
check_refused(const char *name, int code, const char *part)
{
	struct registry *r = empty_registry();
	struct leat_err err = LEAT_ERR_INIT;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s.so", th_test_plugin_dir(),
	    name);
	assert_int_equal(registry_add(r, path, &err), code);
	assert_int_equal(err.cls, LEAT_CLS_CONFIG);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, err.text);
	assert_memory_equal(err.text, path, strlen(path));
	assert_int_equal(registry_count(r), 0);
	registry_free(r);
}

static void
test_not_a_plugin(void **state)
{
	(void)state;
	check_refused("no-symbol", LEAT_E_ABI, "has no symbol leat_plugin");
	check_refused("null-descriptor", LEAT_E_ABI, "returns NULL");
	check_refused("bad-magic", LEAT_E_ABI,
	    "magic deadbeef, expected 4c454154");
	check_refused("there-is-none", -ENOENT, "No such file");
}

static void
test_versions(void **state)
{
	(void)state;
	check_refused("other-major", LEAT_E_ABI,
	    "built for plugin ABI 2.0, this worker has 1.1");
	check_refused("newer-minor", LEAT_E_ABI,
	    "built for plugin ABI 1.2, newer than this worker's 1.1");
	check_refused("short-struct", LEAT_E_ABI,
	    "is 16 bytes, shorter than the 48 of 1.0");
}

static void
test_names(void **state)
{
	(void)state;
	check_refused("null-name", LEAT_E_ABI, "the plugin has no name");
	check_refused("null-connector-name", LEAT_E_ABI,
	    "entry 0 of its connectors has no name");
	check_refused("duplicate-name", LEAT_E_EXISTS, "twin");
}

static void
test_connectors(void **state)
{
	(void)state;
	check_refused("short-connector", LEAT_E_ABI,
	    "connector table states 0 bytes");
	check_refused("unknown-kind", LEAT_E_ABI, "is of kind 3");
	check_refused("no-poll", LEAT_E_ABI, "has no poll() callback");
	check_refused("no-callbacks", LEAT_E_ABI, "has no sink table");
}

static void
test_takes_longer_structs(void **state)
{
	struct registry *r = empty_registry();
	struct leat_err err = LEAT_ERR_INIT;
	const struct registered *found;
	char path[512];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/longer-struct.so",
	    th_test_plugin_dir());
	assert_int_equal(registry_add(r, path, &err), 0);
	found = registry_find(r, "longer-struct");
	assert_non_null(found);
	assert_string_equal(found->connector.help, "Does nothing.");
	assert_non_null(found->source.poll);
	registry_free(r);
}

/* -------------------------------------------------------------- our plugins */

static void
count_failure(void *arg, const char *where, const char *check,
    const char *text)
{
	int *failures = arg;

	if (text == NULL)
		return;
	print_error("%s: %s: %s\n", where, check, text);
	++*failures;
}

static int
check_conformance(const char *path)
{
	const struct leat_plugin *(*entry)(void);
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	int failures = 0;

	if (dl == NULL)
		fail_msg("%s: %s", path, dlerror());
	*(void **)(void *)&entry = dlsym(dl, LEAT_PLUGIN_SYMBOL);
	assert_non_null(entry);
	(void)leat_conformance_tables(entry(), count_failure, &failures);
	return failures;
}

static void
test_our_plugins_conform(void **state)
{
	DIR *dir = opendir(th_plugin_dir());
	struct dirent *e;
	char path[512];
	int seen = 0, failures = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name);

		if (n < 3 || strcmp(e->d_name + n - 3, ".so") != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", th_plugin_dir(),
		    e->d_name);
		failures += check_conformance(path);
		seen++;
	}
	(void)closedir(dir);
	assert_true(seen >= 2);
	assert_int_equal(failures, 0);
}

static void
test_bad_options_do_not_conform(void **state)
{
	char path[512];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/bad-options.so",
	    th_test_plugin_dir());
	assert_true(check_conformance(path) >= 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_a_plugin),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_connectors),
		cmocka_unit_test(test_takes_longer_structs),
		cmocka_unit_test(test_our_plugins_conform),
		cmocka_unit_test(test_bad_options_do_not_conform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
