/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_directory_watch.c: each way in which files change is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config/directory_watch.h"
#include "tests/harness/conf.h"
#include "tests/harness/proc.h"

static char base[64], dir[96];
static struct directory *d;
static struct directory_watch *watch;
static struct loop *loop;
static struct leat_err err;
static int changes;

static void
changed(void *arg, const struct directory_view *now,
    const struct directory_view *before)
{
	changes++;
}

static int
setup(void **state)
{
	struct directory_options o = { .path = dir, .refs = &testing_refs,
		.changed = changed };

	changes = 0;
	memcpy(base, "/tmp/leat-watch-XXXXXX", 23);
	if (mkdtemp(base) == NULL)
		return -1;
	(void)snprintf(dir, sizeof(dir), "%s/connectors.d", base);
	if (mkdir(dir, 0700) < 0)
		return -1;
	d = directory_new(&o, &err);
	loop = loop_new(NULL, &err);
	watch = directory_watch_new(d, loop, NULL, &err);
	return watch == NULL;
}

static int
teardown(void **state)
{
	directory_watch_free(watch);
	directory_watch_free(NULL);
	loop_free(loop);
	directory_free(d);
	th_remove(base);
	return 0;
}

static const char *
at(const char *name)
{
	static char path[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", base, name);
	return path[turn];
}

static void
put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

/* Runs the loop until the n of connector `name` is as wanted; NULL: gone. */
static void
wait_for(const char *name, const char *want)
{
	int64_t deadline = clock_deadline_ns(&clock_system, 20000);
	bool found = false;

	while (!found && clock_left_ms(&clock_system, deadline) > 0) {
		const struct directory_view *v;
		const struct directory_connector *c;

		assert_int_equal(loop_run_once(loop, 100, &err), 0);
		v = directory_view(d);
		c = directory_view_find(v, name);
		found = want == NULL ? c == NULL : c != NULL &&
		    strcmp(properties_get(c->props, "n", ""), want) == 0;
		directory_view_unref(v);
	}
	assert_true(found);
}

static void
test_plain_files(void **state)
{
	put("connectors.d/a.yaml", "connector: x\nn: 1\n");
	wait_for("a", "1");
	put("connectors.d/a.yaml", "connector: x\nn: 2\n");
	wait_for("a", "2");
	put("new", "connector: x\nn: 3\n");
	assert_int_equal(rename(at("new"), at("connectors.d/a.yaml")), 0);
	wait_for("a", "3");
	assert_int_equal(rename(at("connectors.d/a.yaml"),
	    at("connectors.d/b.yaml")), 0);
	wait_for("b", "3");
	wait_for("a", NULL);
	assert_int_equal(unlink(at("connectors.d/b.yaml")), 0);
	wait_for("b", NULL);
}

/* Many writes in a row are one reload. */
static void
test_debounce(void **state)
{
	char text[64];

	wait_for("a", NULL);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(text, sizeof(text), "connector: x\nn: %d\n", i);
		put("connectors.d/a.yaml", text);
		assert_int_equal(loop_run_once(loop, 0, &err), 0);
	}
	wait_for("a", "9");
	assert_true(changes <= 2);
}

/* As Kubernetes mounts a ConfigMap. */
static void
test_config_map(void **state)
{
	assert_int_equal(mkdir(at("connectors.d/..1"), 0700), 0);
	assert_int_equal(mkdir(at("connectors.d/..2"), 0700), 0);
	put("connectors.d/..1/a.yaml", "connector: x\nn: 1\n");
	put("connectors.d/..2/a.yaml", "connector: x\nn: 2\n");
	assert_int_equal(symlink("..1", at("connectors.d/..data")), 0);
	assert_int_equal(symlink("..data/a.yaml", at("connectors.d/a.yaml")),
	    0);
	wait_for("a", "1");
	assert_int_equal(symlink("..2", at("connectors.d/..tmp")), 0);
	assert_int_equal(rename(at("connectors.d/..tmp"),
	    at("connectors.d/..data")), 0);
	wait_for("a", "2");
	put("connectors.d/..2/a.yaml", "connector: x\nn: 3\n");
	wait_for("a", "3");
}

/* A link to a file elsewhere, which is edited there. */
static void
test_linked_file(void **state)
{
	assert_int_equal(mkdir(at("else"), 0700), 0);
	put("else/real", "connector: x\nn: 1\n");
	assert_int_equal(symlink("../else/real", at("connectors.d/a.yaml")),
	    0);
	wait_for("a", "1");
	put("else/real", "connector: x\nn: 2\n");
	wait_for("a", "2");
	put("beside", "connector: x\nn: 3\n");
	assert_int_equal(symlink("../beside", at("connectors.d/b.yaml")), 0);
	wait_for("b", "3");
	put("beside", "connector: x\nn: 4\n");
	wait_for("b", "4");
}

/* The directory itself is swapped for another. */
static void
test_swapped_directory(void **state)
{
	put("connectors.d/a.yaml", "connector: x\nn: 1\n");
	wait_for("a", "1");
	assert_int_equal(mkdir(at("next"), 0700), 0);
	put("next/a.yaml", "connector: x\nn: 2\n");
	assert_int_equal(rename(at("connectors.d"), at("before")), 0);
	assert_int_equal(rename(at("next"), at("connectors.d")), 0);
	wait_for("a", "2");
	put("connectors.d/a.yaml", "connector: x\nn: 3\n");
	wait_for("a", "3");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_plain_files),
		T(test_debounce),
		T(test_config_map),
		T(test_linked_file),
		T(test_swapped_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
