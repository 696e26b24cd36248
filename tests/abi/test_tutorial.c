/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tutorial.c: what docs/WRITING-A-CONNECTOR.md shows compiles, passes its
 * own tests, and is found by a registry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/plugin/registry.h"
#include "tests/harness/proc.h"

static const char *
compiler(void)
{
#ifdef __clang__
	return "clang";
#else
	return "gcc";
#endif
}

/* The libraries of this build want their own sanitizer's runtime. */
static const char *
sanitizer(void)
{
#if defined(__SANITIZE_THREAD__)
	return "-fsanitize=thread";
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return "-fsanitize=thread";
#endif
#endif
	return "";
}

static void
run_tutorial(const char *dir)
{
	char *output = NULL;
	int status;

	th_mkdir(dir);
	(void)setenv("CC", compiler(), 1);
	(void)setenv("SANITIZE", sanitizer(), 1);
	status = th_run(&output, "sh",
	    th_text("%s/tests/abi/tutorial.sh", th_src_dir()), th_build_dir(),
	    dir, NULL);
	if (status != 0)
		print_error("%s\n", output);
	free(output);
	assert_int_equal(status, 0);
}

static void
fail_on_refusal(void *arg, const char *path, const struct leat_err *err)
{
	(void)arg;
	fail_msg("%s: %s", path, err->text);
}

static void
test_tutorial(void **state)
{
	const char *dir = th_path("tutorial");
	struct leat_err err = LEAT_ERR_INIT;
	const struct registered *found;
	struct registry *r;

	(void)state;
	run_tutorial(dir);
	/* What is loose code on the page is no plugin. */
	th_remove(th_path("tutorial/leat-point.so"));
	r = registry_load(dir, fail_on_refusal, NULL, &err);
	assert_non_null(r);
	assert_int_equal(registry_count(r), 2);
	found = registry_find(r, "lines-source");
	assert_non_null(found);
	assert_int_equal(found->connector.kind, LEAT_SOURCE);
	found = registry_find(r, "spool-sink");
	assert_non_null(found);
	assert_int_equal(found->connector.kind, LEAT_SINK);
	registry_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tutorial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
