/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: what each command prints and the codes it ends with, asked
 * of a running worker.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000 };
enum { OK = 0, FAILED = 1, USAGE = 2, INVALID = 3, UNREACHABLE = 4,
	NOT_FOUND = 5 };

static struct th_worker *w;

static int
start(void **state)
{
	w = th_worker_start(NULL);
	th_worker_file(w, "ten.yaml", "connector: datagen\ntopic: ten\n"
	    "field.id: sequence\nkey.field: id\ncount: 10\nrate: 0\n"
	    "value.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n");
	th_worker_file(w, "steady.yaml", "connector: datagen\ntopic: steady\n"
	    "field.id: sequence\nrate: 20\n"
	    "value.converter.schemas.enable: false\n");
	TH_WAIT(th_worker_topic(w, "ten", "stable_offset") >= 10, SOON_MS);
	TH_WAIT(th_worker_topic(w, "steady", "stable_offset") > 0, SOON_MS);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

/*
 * Runs `leat` with words separated by blanks; fails unless it ends with code.
 * The output.
 */
static const char *
leat(int code, const char *fmt, ...)
{
	static int runs;
	const char *argv[32] = { "timeout", "20", th_leat_bin() };
	struct th_proc_opts o = { .argv = argv,
		.name = th_text("run-%d", ++runs) };
	struct th_proc *p;
	const char *out;
	size_t n = 3;
	char *line, *word, *rest, *text;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&line, fmt, ap);
	va_end(ap);
	assert_true(rc >= 0);
	for (rest = line; (word = strsep(&rest, " ")) != NULL;)
		if (*word != '\0' && n < 31)
			argv[n++] = word;
	p = th_proc_start(&o);
	if (!th_proc_wait(p, 25000, &rc))
		th_fail("leat %s does not end", line);
	text = th_proc_text(p);
	if (!WIFEXITED(rc) || WEXITSTATUS(rc) != code)
		th_fail("leat %s: status %#x, not %d: %s", line, (unsigned)rc,
		    code, text);
	out = th_text("%s", text);
	free(text);
	free(line);
	th_proc_free(p);
	return out;
}

static size_t
lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static const char *
url(void)
{
	return th_worker_url(w);
}

/* -------------------------------------------------------------- the words */

static void
help(void **state)
{
	static const char *const commands[] = { "worker", "validate",
		"connectors", "plugins", "topics", "consume" };
	const char *all = leat(OK, "--help");

	assert_string_equal(leat(OK, "-h"), all);
	assert_string_equal(leat(OK, "help"), all);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *one = leat(OK, "%s --help", commands[i]);

		assert_non_null(strstr(all, commands[i]));
		assert_ptr_equal(strstr(one, "usage: leat"), one);
		assert_non_null(strstr(one, commands[i]));
		assert_non_null(strstr(one, "options:"));
		assert_non_null(strstr(one, "--help"));
		assert_string_equal(leat(OK, "%s -h", commands[i]), one);
	}
	assert_non_null(strstr(leat(USAGE, "%s", ""), "usage:"));
	assert_int_equal(strncmp(leat(OK, "--version"), "leat 0.", 7), 0);
}

static void
wrong_words(void **state)
{
	const char *out = leat(USAGE, "conect");

	assert_non_null(strstr(out, "no command 'conect'"));
	assert_non_null(strstr(leat(USAGE, "topic"), "did you mean 'topics'"));
	assert_non_null(strstr(leat(USAGE, "consum"),
	    "did you mean 'consume'"));
	assert_null(strstr(leat(USAGE, "xyzzy"), "did you mean"));
	out = leat(USAGE, "topics --jsn");
	assert_non_null(strstr(out, "--jsn"));
	assert_non_null(strstr(out, "did you mean '--json'"));
	assert_non_null(strstr(leat(USAGE, "consume"), "usage: leat consume"));
	leat(USAGE, "consume a b");
	leat(USAGE, "consume a --count");
	leat(USAGE, "consume a --count=x");
	leat(USAGE, "consume a --count=-1");
	leat(USAGE, "consume a --json=yes");
	leat(USAGE, "topics rename x");
	leat(USAGE, "connectors rename x");
	leat(USAGE, "plugins explain datagen");
	leat(USAGE, "topics -x");
}

static void
nobody_answers(void **state)
{
	const char *none = th_text("--url http://127.0.0.1:%u",
	    th_free_port());
	const char *out = leat(UNREACHABLE, "topics %s", none);

	assert_non_null(strstr(out, "no worker answers"));
	leat(UNREACHABLE, "topics describe x %s", none);
	leat(UNREACHABLE, "connectors %s", none);
	leat(UNREACHABLE, "connectors pause x %s", none);
	leat(UNREACHABLE, "consume x %s", none);
	leat(UNREACHABLE, "topics --url http://no.such.host.invalid:80");
	assert_non_null(strstr(leat(USAGE, "topics --url ftp://x"),
	    "http://host:port"));
}

/* ------------------------------------------------------------- connectors */

static void
connectors(void **state)
{
	const char *out = leat(OK, "connectors --url %s", url());
	const struct leat_value *doc;

	assert_non_null(strstr(out, "ten"));
	assert_non_null(strstr(out, "steady"));
	assert_non_null(strstr(out, "RUNNING"));
	assert_string_equal(leat(OK, "connectors list --url %s", url()), out);
	doc = th_json(leat(OK, "connectors --json --url=%s", url()));
	assert_string_equal(th_json_text(doc, "/steady/status/name"), "steady");
	doc = th_json(leat(OK, "connectors status ten -j -u %s", url()));
	assert_string_equal(th_json_text(doc, "/connector/state"), "RUNNING");
	assert_non_null(strstr(leat(OK, "connectors status ten --url %s",
	    url()), "RUNNING"));
	assert_non_null(strstr(leat(NOT_FOUND, "connectors status no --url %s",
	    url()), "no"));
	leat(NOT_FOUND, "connectors pause no --url %s", url());
	leat(NOT_FOUND, "connectors delete no --url %s", url());
}

static void
life_of_a_connector(void **state)
{
	th_worker_file(w, "my.yaml", "connector: datagen\ntopic: my\n"
	    "field.id: sequence\nrate: 5\n");
	TH_WAIT(th_worker_is(w, "my", "RUNNING"), SOON_MS);
	leat(OK, "connectors pause my --url %s", url());
	TH_WAIT(th_worker_is(w, "my", "PAUSED"), SOON_MS);
	leat(OK, "connectors resume my --url %s", url());
	TH_WAIT(th_worker_is(w, "my", "RUNNING"), SOON_MS);
	leat(OK, "connectors restart my --url %s", url());
	TH_WAIT(th_worker_is(w, "my", "RUNNING"), SOON_MS);
	leat(OK, "connectors stop my --url %s", url());
	TH_WAIT(th_worker_is(w, "my", "STOPPED"), SOON_MS);
	leat(OK, "connectors delete my --url %s", url());
	TH_WAIT(!th_exists(th_text("%s/my.yaml", th_worker_dir(w))), SOON_MS);
	TH_WAIT(th_worker_call(w, "GET", "/connectors/my", NULL, NULL) == 404,
	    SOON_MS);
}

/* ----------------------------------------------------------------- topics */

static void
topics(void **state)
{
	const char *out = leat(OK, "topics --url %s", url());
	const struct leat_value *doc;

	assert_non_null(strstr(out, "ten"));
	assert_null(strstr(out, "connect-offsets"));
	assert_non_null(strstr(leat(OK, "topics --internal --url %s", url()),
	    "connect-offsets"));
	doc = th_json(leat(OK, "topics --json --url %s", url()));
	assert_true(th_json_len(doc, "") >= 2);
	out = leat(OK, "topics describe ten --url %s", url());
	assert_non_null(strstr(out, "partition 0: offsets 0 to "));
	assert_non_null(strstr(out, "cleanup.policy=delete"));
	doc = th_json(leat(OK, "topics describe ten --json --url %s", url()));
	assert_string_equal(th_json_text(doc, "/name"), "ten");
	leat(NOT_FOUND, "topics describe nothing --url %s", url());
}

/* ---------------------------------------------------------------- consume */

static void
consume_what_is_there(void **state)
{
	const char *out = leat(OK, "consume ten --from-beginning --url %s",
	    url());
	const struct leat_value *doc;
	struct leat_str rest;

	assert_int_equal(lines(out), 10);
	assert_int_equal(strncmp(out, "{\"id\":", 6), 0);
	out = leat(OK, "consume ten -b --count 3 --url %s", url());
	assert_int_equal(lines(out), 3);
	assert_int_equal(lines(leat(OK, "consume ten -b -n 0 --url %s",
	    url())), 0);
	out = leat(OK, "consume ten -b -k -n 1 --url %s", url());
	assert_non_null(strchr(out, '\t'));
	out = leat(OK, "consume ten --from-beginning --json --url %s", url());
	rest = leat_str_c(out);
	for (int i = 0; i < 10; i++) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		doc = th_json(th_text("%.*s", (int)line.len, line.ptr));
		assert_string_equal(th_json_text(doc, "/topic"), "ten");
		assert_int_equal(th_json_int(doc, "/partition"), 0);
		assert_int_equal(th_json_int(doc, "/value/id"),
		    th_json_int(doc, "/key"));
		assert_true(th_json_int(doc, "/offset") >= 0);
		assert_int_equal(th_json_len(doc, "/headers"), 0);
	}
	assert_int_equal(rest.len, 0);
	out = leat(OK, "consume ten -p 0 -o 8 --url %s", url());
	assert_in_range(lines(out), 1, 2);
	leat(NOT_FOUND, "consume nothing --from-beginning --url %s", url());
	leat(INVALID, "consume ten --partition 5 --url %s", url());
}

static void
consume_what_comes(void **state)
{
	int64_t began = th_now_ms();

	assert_int_equal(lines(leat(OK, "consume steady --count 5 --url %s",
	    url())), 5);
	assert_in_range(th_now_ms() - began, 0, 8000);
}

static void
follow_ends_by_signal(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < 2; i++) {
		struct th_proc *p = th_proc_spawn(th_leat_bin(), "consume",
		    "steady", "--follow", "--url", url(), NULL);
		int status;

		TH_WAIT(th_proc_said(p, "{\"id\":"), SOON_MS);
		th_proc_signal(p, signals[i]);
		assert_true(th_proc_wait(p, 3000, &status));
		th_proc_free(p);
	}
}

/* A reader that goes away, as `head` does, ends the command in silence. */
static void
closed_pipe(void **state)
{
	char *out;

	assert_int_equal(th_run(&out, "timeout", "15", "sh", "-c", th_text(
	    "%s consume steady --from-beginning --follow --url %s | head -n 2",
	    th_leat_bin(), url()), NULL), 0);
	assert_int_equal(lines(out), 2);
	free(out);
}

/* ---------------------------------------------------------------- plugins */

static void
plugins(void **state)
{
	const char *out = leat(OK, "plugins");
	const struct leat_value *doc;
	bool found = false;

	assert_non_null(strstr(out, "datagen"));
	assert_non_null(strstr(out, "postgres-source"));
	doc = th_json(leat(OK, "plugins --json"));
	for (uint32_t i = 0; i < doc->len; i++)
		found |= strcmp(th_json_text(&doc->u.items[i], "/class"),
		    "http-sink") == 0;
	assert_true(found);
	out = leat(OK, "plugins describe datagen");
	assert_non_null(strstr(out, "topic (required)"));
	assert_non_null(strstr(out, "default 10"));
	doc = th_json(leat(OK, "plugins describe http-sink --json"));
	assert_string_equal(th_json_text(doc, "/type"), "sink");
	assert_true(th_json_len(doc, "/options") > 10);
	out = leat(NOT_FOUND, "plugins describe datagn");
	assert_non_null(strstr(out, "did you mean 'datagen'"));
	th_mkdir(th_path("empty"));
	assert_string_equal(leat(OK, "plugins --plugin-path %s",
	    th_path("empty")), "");
	th_write_text(th_path("empty/bad.so"), "no library");
	assert_non_null(strstr(leat(OK, "plugins --plugin-path %s",
	    th_path("empty")), "bad.so"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(connectors),
		cmocka_unit_test(life_of_a_connector),
		cmocka_unit_test(topics),
		cmocka_unit_test(consume_what_is_there),
		cmocka_unit_test(consume_what_comes),
		cmocka_unit_test(follow_ends_by_signal),
		cmocka_unit_test(closed_pipe),
		cmocka_unit_test(plugins),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
