/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_append.c: the append sink in the fake host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <leat/fake_host.h>

struct fixture {
	struct leat_fake *fake;
	char path[64];
};

static int
setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	int fd;

	assert_non_null(x);
	(void)snprintf(x->path, sizeof(x->path), "/tmp/leat-append-XXXXXX");
	fd = mkstemp(x->path);
	assert_true(fd >= 0);
	(void)close(fd);
	x->fake = leat_fake_new(leat_plugin()->connectors[0]);
	leat_fake_set(x->fake, "path", x->path);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	leat_fake_free(x->fake);
	(void)unlink(x->path);
	free(x);
	return 0;
}

static void
assert_file(const char *path, const char *expected)
{
	char text[256];
	FILE *file = fopen(path, "re");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	assert_string_equal(text, expected);
}

static void
test_appends_lines(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(leat_fake_open(x->fake), 0);
	assert_int_equal(leat_fake_put_json(x->fake, "t", NULL,
	    "{\"b\":[1,2.5,\"x\"], \"a\":null}"), 0);
	assert_int_equal(leat_fake_put_json(x->fake, "t", NULL, NULL), 0);
	assert_int_equal(leat_fake_flush(x->fake), 0);
	assert_file(x->path, "{\"b\":[1,2.5,\"x\"],\"a\":null}\nnull\n");
}

static void
test_names_the_fields_of_structs(void **state)
{
	struct fixture *x = *state;
	const struct leat_field fields[] = {
		{ .name = "id", .schema = leat_schema_plain(LEAT_INT32, 0) },
		{ .name = "s", .schema = leat_schema_plain(LEAT_STRING, 1) },
	};
	const struct leat_schema schema = {
		.kind = LEAT_STRUCT, .fields = fields, .nfields = 2
	};
	const struct leat_value values[] = { leat_i32(7), leat_null() };
	struct leat_record rec = LEAT_RECORD("t");

	rec.value_schema = &schema;
	rec.value = leat_items(LEAT_STRUCT, values, 2);
	assert_int_equal(leat_fake_open(x->fake), 0);
	assert_int_equal(leat_fake_put(x->fake, &rec, 1), 0);
	assert_int_equal(leat_fake_flush(x->fake), 0);
	assert_file(x->path, "{\"id\":7,\"s\":null}\n");
}

static void
test_refuses_a_path_that_cannot_be(void **state)
{
	struct fixture *x = *state;

	leat_fake_set(x->fake, "path", "/no/such/place");
	assert_true(leat_fake_open(x->fake) < 0);
	assert_string_equal(leat_fake_err(x->fake)->text,
	    "path: open '/no/such/place': No such file or directory");
	assert_int_equal(leat_fake_err(x->fake)->cls, LEAT_CLS_CONFIG);
}

/* The device is full when the buffer is written, at the flush at the latest. */
static void
test_tells_that_the_disk_is_full(void **state)
{
	struct fixture *x = *state;

	if (access("/dev/full", W_OK) != 0)
		skip();
	leat_fake_set(x->fake, "path", "/dev/full");
	assert_int_equal(leat_fake_open(x->fake), 0);
	assert_int_equal(leat_fake_put_json(x->fake, "t", NULL, "1"), 0);
	assert_true(leat_fake_flush(x->fake) < 0);
	assert_string_equal(leat_fake_err(x->fake)->text,
	    "flush: No space left on device");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_appends_lines, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_names_the_fields_of_structs, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_refuses_a_path_that_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_tells_that_the_disk_is_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
