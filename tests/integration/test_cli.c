/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: what the commands print that ask a worker's REST API, and
 * the codes they end with. Those over Kafka's port: test_cli_kafka.c.
 */
#include <setjmp.h>
#include <signal.h>
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
#include "tests/integration/clirun.h"

enum { SOON_MS = 10000 };

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
		"connectors", "plugins", "topics", "consume", "produce",
		"groups" };
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
	out = leat(USAGE, "plugins --jsn");
	assert_non_null(strstr(out, "--jsn"));
	assert_non_null(strstr(out, "did you mean '--json'"));
	leat(USAGE, "connectors --url");
	leat(USAGE, "connectors --json=yes");
	leat(USAGE, "connectors rename x");
	leat(USAGE, "plugins explain datagen");
	leat(USAGE, "plugins -x");
}

static void
nobody_answers(void **state)
{
	const char *none = th_text("--url http://127.0.0.1:%u",
	    th_free_port());

	assert_non_null(strstr(leat(UNREACHABLE, "connectors %s", none),
	    "no worker answers"));
	leat(UNREACHABLE, "connectors pause x %s", none);
	leat(UNREACHABLE, "connectors --url http://no.such.host.invalid:80");
	assert_non_null(strstr(leat(USAGE, "connectors --url ftp://x"),
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
		cmocka_unit_test(plugins),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
