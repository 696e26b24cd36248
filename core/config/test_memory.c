/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c: each allocation fails once: nothing crashes, nothing leaks,
 * and no configuration is taken for good that was not read whole.
 *
 * The C library's allocator is replaced for that, which sanitizers do not let
 * us do: under them the tests are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <errno.h>
#include <unistd.h>

#include "core/config/config_file.h"
#include "core/config/directory.h"
#include "core/config/worker_options.h"
#include "tests/harness/conf.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REPLACED 0
#else
#define REPLACED 1
#endif
#else
#define REPLACED 1
#endif

static long fail_at;	/* the n-th allocation from now fails; 0: none */
static long live;	/* allocations not freed */

#if REPLACED
/* Seen by the shared libraries, too. */
#pragma GCC visibility push(default)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool
fails(void)
{
	if (fail_at > 0 && --fail_at == 0) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

void *
malloc(size_t size)
{
	if (fails())
		return NULL;
	live++;
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	if (fails())
		return NULL;
	live++;
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	if (p == NULL)
		live++;
	return __libc_realloc(p, size);
}

void
free(void *p)
{
	if (p != NULL)
		live--;
	__libc_free(p);
}
#pragma GCC visibility pop
#endif

/*
 * Runs fn with the first, second, ... allocation failing, until one run needs
 * fewer. fn returns whether it succeeded, and cleans up after itself.
 */
static void
torture(bool (*fn)(void))
{
	long before, n = 0;
	bool ok = false;

	if (!REPLACED)
		skip();
	assert_true(fn());
	while (!ok) {
		bool reached;

		before = live;
		fail_at = ++n;
		ok = fn();
		reached = fail_at == 0;
		fail_at = 0;
		assert_int_equal(live, before);
		/* A failure may be survived, but then it is not the end. */
		if (reached)
			ok = false;
		else
			assert_true(ok);
		assert_true(n < 100000);
	}
	assert_true(n > 10);
}

static const char pipeline[] =
    "source: &s\n  connector: gen\n  tables: [a, '${env:USER_NAME}', 'b,c']\n"
    "  transforms: [{type: T, name: n}, {type: U}]\n"
    "sinks:\n  a: {connector: s, topics: t}\n"
    "  b:\n    <<: {connector: u, x: {y: z}}\n    q: $$\n"
    "key.converter: json\n";

static bool
read_pipeline(void)
{
	static const struct config_reader reader = { &testing_refs, NULL,
		NULL };
	struct problems *problems = problems_new();
	struct config_file f = { 0 };
	bool ok = false;

	if (problems == NULL)
		return false;
	if (config_file_read(&reader, "f.yaml", "stem", pipeline,
	    sizeof(pipeline) - 1, &f, problems) == 0) {
		const struct properties *p = f.connectors[2].props;

		/* What is taken is whole. */
		ok = f.len == 3 && properties_count(p) == 6 &&
		    strcmp(properties_get(p, "q", ""), "$") == 0;
		assert_true(ok);
		config_file_fini(&f);
	} else {
		assert_true(problems_count(problems) > 0);
	}
	problems_free(problems);
	return ok;
}

static void
test_file(void **state)
{
	torture(read_pipeline);
}

static bool
read_kafka(void)
{
	static const char text[] = "{\"name\": \"n\", \"config\": "
	    "{\"connector.class\": \"X\", \"u\": \"\\ud83d\\ude00\"}}";
	static const struct config_reader reader = { &testing_refs, NULL,
		NULL };
	struct problems *problems = problems_new();
	struct config_file f = { 0 };
	bool ok = false;

	if (problems == NULL)
		return false;
	ok = config_file_read(&reader, "f.json", "stem", text,
	    sizeof(text) - 1, &f, problems) == 0;
	assert_int_equal(problems_count(problems) > 0, !ok);
	config_file_fini(&f);
	problems_free(problems);
	return ok;
}

static void
test_json(void **state)
{
	torture(read_kafka);
}

static bool
read_worker(void)
{
	static const char *const sets[] = { "log.task=debug",
	    "plugin.path=/a,/b", "broker.topic.a=b" };
	struct problems *problems = problems_new();
	struct worker_config c;
	bool ok = false;

	if (problems == NULL)
		return false;
	ok = worker_config_read(NULL, sets, 3, NULL, &c, problems, NULL) == 0;
	assert_int_equal(problems_count(problems) > 0, !ok);
	if (ok) {
		assert_string_equal(c.options.plugin_path, "/a:/b");
		worker_config_fini(&c);
	}
	problems_free(problems);
	return ok;
}

static void
test_worker(void **state)
{
	torture(read_worker);
}

static char dir[64];

/* A reload that fails leaves what was live; the next one catches up. */
static bool
reload(void)
{
	struct directory_options o = { .path = dir, .refs = &testing_refs };
	struct directory *d = directory_new(&o, NULL);
	const struct directory_view *v;
	bool ok = false;

	if (d == NULL)
		return false;
	if (directory_reload(d, NULL) == 0) {
		v = directory_view(d);
		ok = v->nconnectors == 2 && problems_count(v->problems) == 0;
		assert_true(ok || problems_count(v->problems) > 0);
		directory_view_unref(v);
	}
	directory_free(d);
	return ok;
}

static void
test_directory(void **state)
{
	char path[128];
	struct leat_err err;

	memcpy(dir, "/tmp/leat-mem-XXXXXX", 21);
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%c.yaml", dir, 'a' + i);
		assert_int_equal(fsio_replace(&fsio_system, path,
		    "connector: x\n", 13, 0600, &err), 0);
	}
	torture(reload);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%c.yaml", dir, 'a' + i);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
