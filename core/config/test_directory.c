/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_directory.c: what is live after each change of the directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/thread.h"
#include "core/config/directory.h"
#include "tests/harness/conf.h"
#include "tests/harness/proc.h"

static char dir[64];
static struct directory *d;
static struct leat_err err;
enum { TREE_LARGE = 1024 * 1024 + 2 };

static int changes, failures, validations;

/* Refuses what has "bad" set. */
static void
validate(void *arg, const char *name, const struct properties *props,
    struct problems *out)
{
	const struct property *bad = properties_find(props, "bad");

	validations++;
	if (bad != NULL)
		problems_add(out, bad->place, "bad", NULL, "refused for '%s'",
		    name);
}

static void
changed(void *arg, const struct directory_view *now,
    const struct directory_view *before)
{
	assert_ptr_not_equal(now, before);
	changes++;
}

static void
failed(void *arg, const struct leat_err *e)
{
	failures++;
}

static void
start(const char *path)
{
	struct directory_options o = { .path = path, .refs = &testing_refs,
		.validate = validate, .changed = changed, .failed = failed };

	d = directory_new(&o, &err);
	assert_non_null(d);
}

static int
setup(void **state)
{
	changes = failures = validations = 0;
	memcpy(dir, "/tmp/leat-dir-XXXXXX", 21);
	if (mkdtemp(dir) == NULL)
		return -1;
	start(dir);
	return 0;
}

static int
teardown(void **state)
{
	directory_free(d);
	th_remove(dir);
	return 0;
}

static const char *
path_of(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void
put(const char *name, const char *text)
{
	assert_int_equal(fsio_replace(&fsio_system, path_of(name), text,
	    strlen(text), 0600, &err), 0);
}

static void
assert_file_has(const char *name, const char *want)
{
	char *text;
	size_t len;

	assert_int_equal(fsio_slurp(&fsio_system, path_of(name), 10000, &text,
	    &len, &err), 0);
	assert_string_equal(text, want);
	free(text);
}

static bool
exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

/* "name@generation ..." of what is wanted. */
static void
assert_wanted(const char *want)
{
	const struct directory_view *v = directory_view(d);
	struct leat_buf b;

	leat_buf_init(&b, 10000);
	for (size_t i = 0; i < v->nconnectors; i++)
		(void)leat_buf_printf(&b, "%s%s@%d", i > 0 ? " " : "",
		    v->connectors[i].name, (int)v->connectors[i].generation);
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
	directory_view_unref(v);
}

/* The problems, with the directory's name as "D". */
static void
assert_refused(const char *want)
{
	const struct directory_view *v = directory_view(d);
	struct leat_buf b, cut;

	leat_buf_init(&b, 100000);
	leat_buf_init(&cut, 100000);
	assert_int_equal(problems_print(v->problems, &b), 0);
	for (const char *p = leat_buf_cstr(&b); *p != '\0';) {
		bool here = strncmp(p, dir, strlen(dir)) == 0;

		(void)leat_buf_add_byte(&cut, (uint8_t)(here ? 'D' : *p));
		p += here ? strlen(dir) : 1;
	}
	assert_string_equal(leat_buf_cstr(&cut), want);
	leat_buf_fini(&b);
	leat_buf_fini(&cut);
	directory_view_unref(v);
}

static void
reload(const char *wanted, const char *refused)
{
	assert_int_equal(directory_reload(d, &err), 0);
	assert_wanted(wanted);
	assert_refused(refused);
}

/* ----------------------------------------------------------------- reloads */

static void
test_add_change_remove(void **state)
{
	reload("", "");
	assert_int_equal(changes, 0);
	put("a.yaml", "connector: x\nn: 1\n");
	put("b.yml", "connector: x\n");
	put("c.json", "{\"name\": \"z\", \"config\": {\"connector.class\": "
	    "\"x\"}}");
	reload("a@1 b@1 z@1", "");
	assert_int_equal(changes, 1);
	put("a.yaml", "connector: x\nn: 2\n");
	reload("a@2 b@1 z@1", "");
	/* Same content in other words: nothing happens. */
	put("a.yaml", "# comment\nn: '2'\nconnector.class: x\n");
	reload("a@2 b@1 z@1", "");
	assert_int_equal(changes, 2);
	assert_int_equal(unlink(path_of("b.yml")), 0);
	reload("a@2 z@1", "");
	put("a.yaml", "connector: x\nn: 2\nenabled: false\n");
	reload("z@1", "");
	assert_int_equal(changes, 4);
	put("a.yaml", "connector: x\nn: 2\n");
	reload("a@5 z@1", "");
}

static void
test_ignored_names(void **state)
{
	put(".a.yaml", "connector: x\n");
	put("#b.yaml", "connector: x\n");
	put("c.yaml~", "connector: x\n");
	put("d.yaml.tmp", "connector: x\n");
	put("e.yaml.swp", "connector: x\n");
	put("README.md", "hello");
	assert_int_equal(mkdir(path_of("f.yaml"), 0700), 0);
	assert_int_equal(mkfifo(path_of("g.yaml"), 0600), 0);
	reload("", "");
	assert_int_equal(changes, 0);
}

static void
test_last_good_stays(void **state)
{
	const struct directory_view *v;

	put("a.yaml", "connector: x\nn: 1\n");
	reload("a@1", "");
	put("a.yaml", "connector: x\nn: [\n");
	reload("a@1",
	    "D/a.yaml:3:1: syntax error: expected a value\n");
	v = directory_view(d);
	assert_int_equal(v->nfiles, 1);
	assert_true(v->files[0].refused);
	assert_int_equal(v->files[0].generation, 1);
	assert_string_equal(properties_get(v->connectors[0].props, "n", ""),
	    "1");
	directory_view_unref(v);
	assert_int_equal(changes, 2);
	reload("a@1",
	    "D/a.yaml:3:1: syntax error: expected a value\n");
	assert_int_equal(changes, 2);
	/* Validation refuses too; all problems of all files at once. */
	put("a.yaml", "connector: x\nbad: 1\n");
	put("b.yaml", "connector: x\nn: ${env:NONE}\nm: ${env:NONE}\n");
	put("c.yaml", "connector: x\n");
	reload("a@1 c@2",
	    "D/a.yaml:2:1: bad: refused for 'a'\n"
	    "D/b.yaml:2:4: n: environment variable 'NONE' is not set\n"
	    "D/b.yaml:3:4: m: environment variable 'NONE' is not set\n");
	put("a.yaml", "connector: x\nn: 1\n");
	put("b.yaml", "connector: x\n");
	reload("a@1 b@3 c@2", "");
	v = directory_view(d);
	assert_false(v->files[0].refused);
	directory_view_unref(v);
	/* A file that goes takes its connector with it, good or not. */
	put("a.yaml", "");
	reload("a@1 b@3 c@2", "D/a.yaml: the file is empty\n");
	assert_int_equal(unlink(path_of("a.yaml")), 0);
	reload("b@3 c@2", "");
}

static void
test_only_changes_are_validated(void **state)
{
	put("a.yaml", "connector: x\n");
	put("p.yaml", "source: {connector: y, topic: t}\n"
	    "sink: {connector: z, topics: t}\n");
	reload("a@1 p-sink@1 p-source@1", "");
	assert_int_equal(validations, 3);
	put("p.yaml", "source: {connector: y, topic: t}\n"
	    "sink: {connector: z, topics: t, n: 1}\n");
	reload("a@1 p-sink@2 p-source@2", "");
	assert_int_equal(validations, 4);
}

static void
test_name_conflicts(void **state)
{
	put("a.yaml", "connector: x\nname: n\n");
	put("b.yaml", "connector: x\nname: n\n");
	reload("",
	    "D/a.yaml:2:1: name: connector 'n' is also in D/b.yaml:2\n"
	    "D/b.yaml:2:1: name: connector 'n' is also in D/a.yaml:2\n");
	put("b.yaml", "connector: x\nname: m\n");
	reload("m@1 n@1", "");
	/* Who has the name keeps it. */
	put("b.yaml", "connector: x\nname: n\n");
	reload("m@1 n@1",
	    "D/b.yaml:2:1: name: connector 'n' is also in D/a.yaml:2\n");
	/* A name moves from file to file. */
	put("a.yaml", "connector: x\nname: o\n");
	reload("n@2 o@2", "");
	assert_int_equal(rename(path_of("a.yaml"), path_of("c.yaml")), 0);
	reload("n@2 o@3", "");
	/* The file's name counts, too. */
	put("n.yaml", "connector: x\n");
	reload("n@2 o@3",
	    "D/n.yaml:1:1: name: connector 'n' is also in D/b.yaml:2\n");
}

/* b falls back to a name that a wants: both are refused, and so on. */
static void
test_name_conflict_chain(void **state)
{
	put("a.yaml", "connector: x\nname: a\n");
	put("b.yaml", "connector: x\nname: b\n");
	put("c.yaml", "connector: x\nname: c\n");
	reload("a@1 b@1 c@1", "");
	put("a.yaml", "connector: x\nname: b\n");
	put("b.yaml", "connector: x\nname: c\n");
	reload("a@1 b@1 c@1",
	    "D/a.yaml:2:1: name: connector 'b' is also in D/b.yaml:2\n"
	    "D/b.yaml:2:1: name: connector 'c' is also in D/c.yaml:2\n");
	put("c.yaml", "connector: x\nname: a\n");
	reload("a@2 b@2 c@2", "");
}

static void
test_links(void **state)
{
	put("target", "connector: x\n");
	assert_int_equal(symlink("target", path_of("a.yaml")), 0);
	assert_int_equal(symlink("nowhere", path_of("b.yaml")), 0);
	reload("a@1", "D/b.yaml: a symbolic link that leads nowhere\n");
	assert_int_equal(unlink(path_of("target")), 0);
	reload("a@1", "D/a.yaml: a symbolic link that leads nowhere\n"
	    "D/b.yaml: a symbolic link that leads nowhere\n");
}

static void
test_directory_lost(void **state)
{
	char moved[80];

	put("a.yaml", "connector: x\n");
	reload("a@1", "");
	(void)snprintf(moved, sizeof(moved), "%s.moved", dir);
	assert_int_equal(rename(dir, moved), 0);
	assert_true(directory_reload(d, &err) < 0);
	assert_non_null(strstr(err.text, "open directory '"));
	assert_int_equal(failures, 1);
	assert_wanted("a@1");
	assert_int_equal(rename(moved, dir), 0);
	reload("a@1", "");
}

static void
test_large_file(void **state)
{
	char *text = malloc(TREE_LARGE);

	memset(text, '#', TREE_LARGE - 1);
	text[TREE_LARGE - 1] = '\0';
	put("a.yaml", text);
	free(text);
	assert_int_equal(directory_reload(d, &err), 0);
	assert_refused("D/a.yaml: 'D/a.yaml' is larger than 1048576 bytes\n");
}

/* --------------------------------------------------------- write and remove */

static struct properties *
props_of(const char *const *pairs)
{
	struct properties_builder *b = properties_builder_new();
	struct properties *p;

	for (; *pairs != NULL; pairs += 2)
		(void)properties_builder_set(b, pairs[0], pairs[1],
		    "interpolated", (struct place){ .file = "REST" }, false);
	p = properties_builder_finish(b);
	properties_builder_free(b);
	return p;
}

static void
test_write(void **state)
{
	struct properties *p = props_of((const char *[]){ "name", "n",
	    "connector.class", "x", "pw", "a$$b\"${env:USER_NAME}", NULL });
	const struct directory_view *v;
	struct stat st;

	assert_int_equal(directory_write(d, "n", p, &err), 0);
	assert_wanted("n@1");
	assert_file_has("n.json", "{\n  \"name\": \"n\",\n  \"config\": {\n"
	    "    \"connector.class\": \"x\",\n"
	    "    \"pw\": \"a$$b\\\"${env:USER_NAME}\"\n  }\n}\n");
	assert_int_equal(stat(path_of("n.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	v = directory_view(d);
	assert_string_equal(properties_get(directory_view_find(v, "n")->props,
	    "pw", ""), "a$$b\"ada");
	assert_null(directory_view_find(v, "m"));
	directory_view_unref(v);
	/* Written again with the same: nothing changes. */
	assert_int_equal(directory_write(d, "n", p, &err), 0);
	assert_wanted("n@1");
	assert_int_equal(directory_remove(d, "n", &err), 0);
	assert_wanted("");
	assert_false(exists("n.json"));
	assert_int_equal(directory_remove(d, "n", &err), LEAT_E_NOTFOUND);
	assert_string_equal(err.text, "no connector 'n'");
	properties_unref(p);
}

static void
test_write_refused(void **state)
{
	struct properties *p = props_of((const char *[]){
	    "connector.class", "y", "bad", "1", NULL });
	struct properties *q = props_of((const char *[]){
	    "connector.class", "y", "a", "${env:NONE}", NULL });

	assert_int_equal(directory_write(d, "n", p, &err), LEAT_E_CONFIG);
	assert_string_equal(err.text, "bad: refused for 'n'");
	assert_int_equal(directory_write(d, "n", q, &err), LEAT_E_CONFIG);
	assert_string_equal(err.text,
	    "a: environment variable 'NONE' is not set");
	assert_false(exists("n.json"));
	properties_unref(p);
	properties_unref(q);
}

static void
test_write_over_yaml(void **state)
{
	struct properties *p = props_of((const char *[]){
	    "connector.class", "y", NULL });

	put("mine.yaml", "# why\nname: n\nconnector: x\n");
	put("p.yaml", "source: {connector: y, topic: t}\n"
	    "sink: {connector: z, topics: t}\n");
	put("own.json", "{\"name\": \"o\", \"config\": {\"connector.class\": "
	    "\"x\"}}");
	reload("n@1 o@1 p-sink@1 p-source@1", "");
	assert_int_equal(directory_write(d, "n", p, &err), 0);
	assert_wanted("n@2 o@1 p-sink@1 p-source@1");
	assert_true(exists("n.json"));
	assert_false(exists("mine.yaml"));
	assert_file_has("mine.yaml~", "# why\nname: n\nconnector: x\n");
	assert_int_equal(directory_write(d, "o", p, &err), 0);
	assert_false(exists("o.json"));
	assert_wanted("n@2 o@3 p-sink@1 p-source@1");
	assert_int_equal(directory_write(d, "p-sink", p, &err), LEAT_E_STATE);
	assert_non_null(strstr(err.text,
	    "connector 'p-sink' is part of the pipeline in '"));
	assert_int_equal(directory_remove(d, "p-source", &err), LEAT_E_STATE);
	properties_unref(p);
}

static void
test_write_names(void **state)
{
	struct properties *p = props_of((const char *[]){
	    "connector.class", "y", NULL });
	char longest[256];

	assert_int_equal(directory_write(d, "../../etc/x y", p, &err), 0);
	assert_true(exists("%2E.%2F..%2Fetc%2Fx%20y.json"));
	assert_int_equal(directory_write(d, ".hidden", p, &err), 0);
	assert_true(exists("%2Ehidden.json"));
	assert_int_equal(directory_write(d, "", p, &err), LEAT_E_CONFIG);
	assert_string_equal(err.text, "the name is empty");
	assert_int_equal(directory_write(d, "a\nb", p, &err), LEAT_E_CONFIG);
	memset(longest, '/', sizeof(longest));
	longest[255] = '\0';
	assert_int_equal(directory_write(d, longest, p, &err), 0);
	/* The file of somebody else is left alone. */
	put("m.json", "{\"name\": \"other\", \"config\": {}}");
	assert_int_equal(directory_write(d, "m", p, &err), 0);
	assert_true(exists("m-1.json"));
	assert_int_equal(directory_reload(d, &err), 0);
	assert_int_equal(directory_remove(d, "../../etc/x y", &err), 0);
	assert_false(exists("%2E.%2F..%2Fetc%2Fx%20y.json"));
	properties_unref(p);
}

/* ---------------------------------------------------------------- threads */

static void *
write_many(void *arg)
{
	struct properties *p = props_of((const char *[]){
	    "connector.class", "y", NULL });

	for (int i = 0; i < 20; i++) {
		(void)directory_write(d, arg, p, NULL);
		(void)directory_remove(d, arg, NULL);
	}
	(void)directory_write(d, arg, p, NULL);
	properties_unref(p);
	return NULL;
}

static void
test_threads(void **state)
{
	static char names[3][2] = { "a", "b", "c" };
	struct thread t[3];

	for (int i = 0; i < 3; i++)
		assert_int_equal(thread_start(&t[i], "write", write_many,
		    names[i], &err), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(directory_reload(d, &err), 0);
		directory_view_unref(directory_view(d));
	}
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	assert_refused("");
	assert_int_equal(directory_reload(d, &err), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_add_change_remove),
		T(test_ignored_names),
		T(test_last_good_stays),
		T(test_only_changes_are_validated),
		T(test_name_conflicts),
		T(test_name_conflict_chain),
		T(test_links),
		T(test_directory_lost),
		T(test_large_file),
		T(test_write),
		T(test_write_refused),
		T(test_write_over_yaml),
		T(test_write_names),
		T(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
