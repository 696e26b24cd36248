/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files that are wrong: each is refused with its place and a
 * hint, all of them in one run, by the worker while the rest runs on, and by
 * `leat validate`.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000 };

#define GOOD "connector: datagen\ntopic: %s\nfield.id: sequence\nrate: 40\n"

struct broken {
	const char *file;
	const char *text;
	int line;	/* where the complaint must point; 0: anywhere */
	const char *says;	/* must be said about the file */
};

static const struct broken all_broken[] = {
	{ "syntax.yaml", "connector: datagen\ntopic: [t\nfield.id: sequence\n",
	    3, "" },
	{ "tabs.yaml", "connector: datagen\n\ttopic: t\n", 2, "" },
	{ "unknown-key.yaml", "connector: datagen\ntopik: t\n"
	    "field.id: sequence\n", 2, "did you mean 'topic'" },
	{ "wrong-type.yaml", "connector: datagen\ntopic: t\n"
	    "field.id: sequence\nrate: often\n", 4, "rate" },
	{ "range.yaml", "connector: datagen\ntopic: t\n"
	    "field.id: sequence\ncount: -7\n", 4, "count" },
	{ "choice.yaml", "connector: datagen\ntopic: t\n"
	    "quickstart: order\n", 3, "did you mean 'orders'" },
	{ "missing.yaml", "connector: http-sink\ntopics: t\n", 1, "url" },
	{ "no-class.yaml", "topic: t\n", 1, "connector" },
	{ "no-such-class.yaml", "connector: datagon\ntopic: t\n", 1,
	    "did you mean 'datagen'" },
	{ "variable.yaml", "connector: datagen\ntopic: ${env:NO_SUCH_THING}\n"
	    "field.id: sequence\n", 2, "NO_SUCH_THING" },
	{ "reference.yaml", "connector: datagen\n"
	    "topic: ${nonsense:a}\nfield.id: sequence\n", 2, "nonsense" },
	{ "file-ref.yaml", "connector: datagen\n"
	    "topic: ${file:/no/such/file}\nfield.id: sequence\n", 2,
	    "/no/such/file" },
	{ "list.yaml", "- connector: datagen\n", 1, "" },
	{ "empty.yaml", "", 0, "" },
	{ "twice.yaml", "connector: datagen\ntopic: t\ntopic: u\n"
	    "field.id: sequence\n", 3, "topic" },
	{ "half.yaml", "source:\n  connector: datagen\n  topic: t\n"
	    "  field.id: sequence\nsnik:\n  connector: http-sink\n", 5,
	    "did you mean 'sink'" },
	{ "syntax.json", "{\"connector.class\":\"datagen\",\n"
	    "\"topic\" \"t\"}\n", 2, "" },
	{ "bomb.yaml", "a: &a [x,x,x,x,x,x,x,x,x]\n"
	    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n"
	    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
	    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n"
	    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\n"
	    "f: &f [*e,*e,*e,*e,*e,*e,*e,*e]\n"
	    "g: &g [*f,*f,*f,*f,*f,*f,*f,*f]\n"
	    "h: &h [*g,*g,*g,*g,*g,*g,*g,*g]\n", 0, "" },
	{ "not-utf8.yaml", "connector: datagen\ntopic: \xff\xfe\n", 0, "" },
};
enum { BROKEN = sizeof(all_broken) / sizeof(all_broken[0]) };

/*
 * Is there a line "<file>:<line>:<column>: ..." that says it? Line 0 stands for
 * any, and then for none at all.
 */
static bool
complained(const char *text, const struct broken *b)
{
	const char *p = text;

	while ((p = strstr(p, b->file)) != NULL) {
		const char *eol = p + strcspn(p, "\n");
		const char *line = th_text("%.*s", (int)(eol - p), p);
		const char *place = th_text("%s:%d:", b->file, b->line);
		size_t n = strlen(place);

		p = eol;
		if (strstr(line, b->says) == NULL)
			continue;
		if (b->line == 0)
			return true;
		if (strncmp(line, place, n) == 0 &&
		    isdigit((unsigned char)line[n]))
			return true;
	}
	return false;
}

static const char *
all_said(struct th_worker *w)
{
	char *text = th_slurp(th_text("%s/../log", th_worker_dir(w)), NULL);
	const char *copy = th_text("%s", text);

	free(text);
	return copy;
}

/* ---------------------------------------------------------------- worker */

static void
worker_refuses_all_and_runs_the_good(void **state)
{
	struct th_worker_opts o = { .name = "mixed" };
	struct th_worker *w = th_worker_launch(&o);
	const char *said;

	for (int i = 0; i < BROKEN; i++)
		th_worker_file(w, all_broken[i].file, "%s",
		    all_broken[i].text);
	th_worker_file(w, "good.yaml", GOOD, "good");
	TH_WAIT(th_worker_is(w, "good", "RUNNING"), SOON_MS);
	for (int i = 0; i < BROKEN; i++) {
		TH_WAIT(strstr(all_said(w), all_broken[i].file) != NULL,
		    SOON_MS);
		said = all_said(w);
		if (!complained(said, &all_broken[i]))
			th_fail("%s: no complaint of line %d with '%s':\n%s",
			    all_broken[i].file, all_broken[i].line,
			    all_broken[i].says, said);
	}
	TH_WAIT(strcmp(th_worker_get(w, "/connectors"), "[\"good\"]") == 0,
	    SOON_MS);
	assert_int_equal(th_worker_stop(w), 0);
	/* And a start on such a directory runs the good as well. */
	th_worker_resume(w);
	TH_WAIT(th_worker_is(w, "good", "RUNNING"), SOON_MS);
	assert_string_equal(th_worker_get(w, "/connectors"), "[\"good\"]");
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
}

static int64_t
refused_files(struct th_worker *w)
{
	return th_worker_metric(w, "leat_worker_refused_file_count");
}

struct since {
	struct th_worker *w;
	size_t from;	/* of its log */
	const struct broken *b;
};

static bool
complained_since(void *arg)
{
	struct since *s = arg;

	return complained(all_said(s->w) + s->from, s->b);
}

static void
last_good_stays_live(void **state)
{
	struct th_worker_opts o = { .name = "last" };
	struct th_worker *w = th_worker_start(&o);

	th_worker_file(w, "live.yaml", GOOD, "live");
	TH_WAIT(th_worker_topic(w, "live", "end_offset") > 0, SOON_MS);
	for (int i = 0; i < BROKEN; i++) {
		struct broken b = all_broken[i];
		int64_t end = th_worker_topic(w, "live", "end_offset");
		const char *before = all_said(w);

		if (strstr(b.file, ".json") != NULL)
			continue;
		th_worker_file(w, "live.yaml", "%s", b.text);
		b.file = "live.yaml";
		if (!th_wait_until(complained_since, &(struct since){ w,
			strlen(before), &b }, SOON_MS))
			th_fail("%s: no complaint of line %d with '%s':\n%s",
			    all_broken[i].file, b.line, b.says,
			    all_said(w) + strlen(before));
		TH_WAIT(th_worker_topic(w, "live", "end_offset") > end,
		    SOON_MS);
		assert_true(th_worker_is(w, "live", "RUNNING"));
	}
	assert_int_equal(refused_files(w), 1);
	th_worker_file(w, "live.yaml", GOOD, "mended");
	TH_WAIT(th_worker_topic(w, "mended", "end_offset") > 0, SOON_MS);
	TH_WAIT(refused_files(w) == 0, SOON_MS);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
}

static void
two_of_one_name(void **state)
{
	struct th_worker_opts o = { .name = "twins" };
	struct th_worker *w = th_worker_start(&o);

	th_worker_file(w, "a.yaml", GOOD, "first");
	TH_WAIT(th_worker_topic(w, "first", "end_offset") > 0, SOON_MS);
	th_worker_file(w, "b.yaml", "name: a\n" GOOD, "second");
	TH_WAIT(th_worker_said(w, "b.yaml:1:"), SOON_MS);
	assert_non_null(strstr(all_said(w), "a.yaml"));
	assert_true(th_worker_is(w, "a", "RUNNING"));
	assert_int_equal(th_worker_topic(w, "second", "end_offset"), 0);
	/* The other one takes over when the first goes. */
	th_worker_remove(w, "a.yaml");
	TH_WAIT(th_worker_topic(w, "second", "end_offset") > 0, SOON_MS);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
}

static void
wrong_worker_settings(void **state)
{
	static const char *const wrong[][2] = {
		{ "rest.lisen: 127.0.0.1:1", "did you mean 'rest.listen'" },
		{ "rest.listen: nonsense:x:y", "rest.listen" },
		{ "memory.max.bytes: lots", "memory.max.bytes" },
		{ "nothing.known: 1", "nothing.known" }
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *conf = th_path("wrong-%zu.yaml", i);
		char *out;
		int code;

		th_mkdir(th_path("none"));
		th_write_text(conf, th_text("config.dir: %s\ndata.dir: %s\n"
		    "%s\n", th_path("none"), th_path("none-data"),
		    wrong[i][0]));
		code = th_run(&out, "timeout", "5", th_leat_bin(), "worker",
		    "--config", conf, NULL);
		if (code != 3 || strstr(out, wrong[i][1]) == NULL)
			th_fail("'%s': exit %d: %s", wrong[i][0], code, out);
		assert_non_null(strstr(out, th_text("wrong-%zu.yaml:3:", i)));
		free(out);
	}
}

/* --------------------------------------------------------------- validate */

static int
validate(const char *what, const char *json, const char **ret_out)
{
	char *out;
	int code = th_run(&out, th_leat_bin(), "validate", what, json, NULL);

	*ret_out = th_text("%s", out);
	free(out);
	return code;
}

static void
validate_tells_all_at_once(void **state)
{
	const struct leat_value *doc;
	const char *out;

	th_mkdir(th_path("bad"));
	for (int i = 0; i < BROKEN; i++)
		th_write_text(th_path("bad/%s", all_broken[i].file),
		    all_broken[i].text);
	th_write_text(th_path("bad/good.yaml"), th_text(GOOD, "good"));
	assert_int_equal(validate(th_path("bad"), NULL, &out), 3);
	for (int i = 0; i < BROKEN; i++)
		if (!complained(out, &all_broken[i]))
			th_fail("%s: no complaint of line %d with '%s':\n%s",
			    all_broken[i].file, all_broken[i].line,
			    all_broken[i].says, out);
	assert_null(strstr(out, "good.yaml:"));
	assert_int_equal(validate(th_path("bad"), "--json", &out), 3);
	doc = th_json(out);
	assert_true(strstr(th_json_text(doc, ""), "unknown-key.yaml") != NULL);
}

static void
validate_good_files(void **state)
{
	const char *out;

	th_mkdir(th_path("fine"));
	th_write_text(th_path("fine/a.yaml"), th_text(GOOD, "a"));
	th_write_text(th_path("fine/b.yaml"), "source:\n  connector: datagen\n"
	    "  topic: b\n  quickstart: orders\nsink:\n  connector: file-sink\n"
	    "  file: /tmp/out\n");
	assert_int_equal(validate(th_path("fine"), NULL, &out), 0);
	assert_int_equal(validate(th_path("fine/a.yaml"), NULL, &out), 0);
	assert_int_equal(validate(th_path("fine"), "--json", &out), 0);
	th_json(out);
	assert_int_equal(validate(th_path("no-such-file.yaml"), NULL, &out),
	    1);
	assert_non_null(strstr(out, "no-such-file.yaml"));
}

/* What the example says in comments is true: each line may be switched on. */
static void
example_settings(void **state)
{
	const char *path = th_path("worker.yaml");
	char *out;

	th_run(&out, "sed", "-E", "s/^#([a-z.]+:)/\\1/", th_text(
	    "%s/configs/worker.yaml", th_src_dir()), NULL);
	th_write_text(path, out);
	free(out);
	if (th_run(&out, th_leat_bin(), "validate", "--config", path, NULL))
		th_fail("%s", out);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_refuses_all_and_runs_the_good),
		cmocka_unit_test(last_good_stays_live),
		cmocka_unit_test(two_of_one_name),
		cmocka_unit_test(wrong_worker_settings),
		cmocka_unit_test(validate_tells_all_at_once),
		cmocka_unit_test(validate_good_files),
		cmocka_unit_test(example_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
