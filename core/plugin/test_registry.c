/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_registry.c: every refusal of the loader, by its text, and finding what
 * was loaded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plugin/registry.h"

static int32_t
no_open(struct leat_task *t, const void *c, void **self, struct leat_err *err)
{
	(void)t;
	(void)c;
	(void)self;
	(void)err;
	return -1;
}

static int32_t
no_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	(void)self;
	(void)b;
	(void)err;
	return -1;
}

static void
no_close(void *self)
{
	(void)self;
}

static struct leat_source_ops ops;
static struct leat_connector conn;
static const struct leat_connector *list[2];
static struct leat_plugin plugin;
static struct registry *reg;
static struct leat_err err;

static int
setup(void **state)
{
	(void)state;
	ops = (struct leat_source_ops){ .size = sizeof(ops), .open = no_open,
		.poll = no_poll, .close = no_close };
	conn = (struct leat_connector){ .size = sizeof(conn),
		.kind = LEAT_SOURCE, .name = "one-source", .version = "1.2",
		.aliases = "io.example.OneConnector, first", .source = &ops };
	list[0] = &conn;
	list[1] = &conn;
	plugin = (struct leat_plugin){ LEAT_PLUGIN_HEAD, .name = "leat-one",
		.version = "1", .connectors = list, .nconnectors = 1 };
	reg = registry_new();
	leat_err_clear(&err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	registry_free(reg);
	return 0;
}

/* It is refused, class CONFIG, and the text has all these parts. */
static void
refused(const char *a, const char *b)
{
	assert_true(registry_add_static(reg, "/p/x.so", &plugin, &err) < 0);
	assert_int_equal(err.cls, LEAT_CLS_CONFIG);
	assert_memory_equal(err.text, "/p/x.so: ", 9);
	if (strstr(err.text, a) == NULL || strstr(err.text, b) == NULL)
		fail_msg("'%s' lacks '%s' or '%s'", err.text, a, b);
	assert_int_equal(registry_count(reg), 0);
}

static void
test_loads(void **state)
{
	(void)state;
	assert_int_equal(registry_add_static(reg, "/p/x.so", &plugin, &err),
	    0);
	assert_int_equal(registry_count(reg), 1);
	assert_string_equal(registry_at(reg, 0)->plugin, "leat-one");
	assert_ptr_equal(registry_at(reg, 0)->connector.source,
	    &registry_at(reg, 0)->source);
	assert_null(registry_at(reg, 1));
}

static void
test_finds(void **state)
{
	const struct registered *r;

	(void)state;
	assert_int_equal(registry_add_static(reg, "/p/x.so", &plugin, &err),
	    0);
	r = registry_at(reg, 0);
	assert_ptr_equal(registry_find(reg, "one-source"), r);
	assert_ptr_equal(registry_find(reg, "first"), r);
	assert_ptr_equal(registry_find(reg, "io.example.OneConnector"), r);
	assert_ptr_equal(registry_find(reg, "OneConnector"), r);
	assert_ptr_equal(registry_find(reg, "One"), r);
	assert_null(registry_find(reg, "example.OneConnector"));
	assert_null(registry_find(reg, ""));
	assert_string_equal(registry_nearest(reg, "one-sauce"), "one-source");
	assert_null(registry_nearest(reg, "postgres"));
}

static void
test_magic(void **state)
{
	(void)state;
	plugin.magic = 0x12345678;
	refused("magic 12345678, expected 4c454154", "LEAT_PLUGIN_HEAD");
}

static void
test_other_major(void **state)
{
	(void)state;
	plugin.abi_major = 2;
	plugin.abi_minor = 3;
	/* Nothing behind the prefix may be believed. */
	plugin.name = (const char *)(uintptr_t)16;
	refused("built for plugin ABI 2.3, this worker has 1.1",
	    "rebuild the plugin with the SDK of this worker");
}

static void
test_newer_minor(void **state)
{
	(void)state;
	plugin.abi_minor = 7;
	refused("ABI 1.7, newer than this worker's 1.1", "upgrade the worker");
}

static void
test_short_plugin(void **state)
{
	(void)state;
	plugin.size = 47;
	refused("is 47 bytes, shorter than the 48 of 1.0", "rebuild it");
}

static void
test_names(void **state)
{
	(void)state;
	plugin.name = NULL;
	refused("the plugin has no name", "");
	plugin.name = "leat-one";
	plugin.version = NULL;
	refused("plugin 'leat-one' has no version", "");
	plugin.version = "1";
	conn.name = NULL;
	refused("entry 0 of its connectors has no name", "");
	conn.name = "";
	refused("entry 0 of its connectors has no name", "");
	conn.name = "x";
	conn.version = NULL;
	refused("connector 'x' has no version", "");
}

static void
test_lists(void **state)
{
	(void)state;
	plugin.nconnectors = 0;
	refused("has no connectors", "");
	plugin.nconnectors = 65;
	refused("states 65 connectors, the most is 64", "");
	plugin.nconnectors = 1;
	list[0] = NULL;
	refused("entry 0 of its connectors is NULL", "");
	plugin.connectors = NULL;
	refused("has no connectors", "");
}

static void
test_short_tables(void **state)
{
	(void)state;
	conn.size = 95;
	refused("its connector table states 95 bytes", "at least 96");
	conn.size = sizeof(conn);
	ops.size = 8;
	refused("connector 'one-source': its source table states 8 bytes",
	    "set .size = sizeof(...)");
	conn.source = NULL;
	refused("connector 'one-source' has no source table", "");
	conn.kind = 9;
	refused("is of kind 9, neither source (1) nor sink (2)", "");
}

static void
test_callbacks(void **state)
{
	(void)state;
	ops.poll = NULL;
	refused("connector 'one-source' has no poll() callback", "");
	ops.poll = no_poll;
	ops.close = NULL;
	refused("has no close() callback", "");
	ops.close = no_close;
	ops.open = NULL;
	refused("has no open() callback", "");
}

static void
test_options_without_struct(void **state)
{
	static const struct leat_option none[] = { { .name = NULL } };

	(void)state;
	conn.options = none;
	refused("has options but a config_size of 0", "");
}

/* A plugin that is newer in its patch has larger structs: the rest is cut. */
static void
test_longer_structs(void **state)
{
	struct {
		struct leat_connector c;
		char more[64];
	} longer;

	(void)state;
	memset(&longer, 0x55, sizeof(longer));
	longer.c = conn;
	longer.c.size = sizeof(longer);
	list[0] = &longer.c;
	assert_int_equal(registry_add_static(reg, "/p/x.so", &plugin, &err),
	    0);
	assert_string_equal(registry_at(reg, 0)->connector.name, "one-source");
}

static void
test_duplicates(void **state)
{
	(void)state;
	plugin.nconnectors = 2;
	refused("has connector 'one-source' twice", "");
	plugin.nconnectors = 1;
	assert_int_equal(registry_add_static(reg, "/p/a.so", &plugin, &err),
	    0);
	assert_true(registry_add_static(reg, "/p/b.so", &plugin, &err) < 0);
	assert_string_equal(err.text, "/p/b.so: connector 'one-source' (1.2) "
	    "is there already, version 1.2 from /p/a.so: remove one of the "
	    "two files");
	assert_int_equal(registry_count(reg), 1);
}

/* -------------------------------------------------------------- files */

static char dir[64], file[128];

static void
make_file(mode_t mode, const char *text)
{
	int fd;

	(void)snprintf(dir, sizeof(dir), "/tmp/leat-reg-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/x.so", dir);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void
remove_file(void)
{
	(void)unlink(file);
	(void)rmdir(dir);
}

static void
file_refused(const char *a, const char *b)
{
	leat_err_clear(&err);
	assert_true(registry_add(reg, file, &err) < 0);
	assert_int_equal(err.cls, LEAT_CLS_CONFIG);
	if (strstr(err.text, file) == NULL || strstr(err.text, a) == NULL ||
	    strstr(err.text, b) == NULL)
		fail_msg("'%s' lacks '%s' or '%s'", err.text, a, b);
}

static void
test_files(void **state)
{
	(void)state;
	make_file(0646, "x");
	file_refused("the file is writable by everyone", "chmod o-w");
	(void)chmod(file, 0644);
	(void)chmod(dir, 0777);
	file_refused("the directory it is in is writable by everyone",
	    "chmod o-w");
	(void)chmod(dir, 0755);
	file_refused("cannot be loaded", "rebuild the plugin");
	if (geteuid() == 0) {
		assert_int_equal(chown(file, 12345, 0), 0);
		file_refused("the file belongs to user 12345", "chown");
	}
	remove_file();
	file_refused("No such file", "");
}

static int nrefused;

static void
count_refused(void *arg, const char *path, const struct leat_err *e)
{
	(void)arg;
	assert_non_null(path);
	assert_non_null(strstr(e->text, path));
	nrefused++;
}

static void
test_path(void **state)
{
	struct registry *r;
	char path[256];

	(void)state;
	make_file(0644, "no object at all");
	(void)snprintf(path, sizeof(path), "/no/such/dir::%s:", dir);
	nrefused = 0;
	r = registry_load(path, count_refused, NULL, &err);
	assert_non_null(r);
	assert_int_equal(registry_count(r), 0);
	assert_int_equal(nrefused, 2);
	registry_free(r);
	remove_file();
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_loads),
		T(test_finds),
		T(test_magic),
		T(test_other_major),
		T(test_newer_minor),
		T(test_short_plugin),
		T(test_names),
		T(test_lists),
		T(test_short_tables),
		T(test_callbacks),
		T(test_options_without_struct),
		T(test_longer_structs),
		T(test_duplicates),
		T(test_files),
		T(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
