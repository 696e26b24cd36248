/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka Connect's API over the life of connectors, field for field: create,
 * read, change, pause, resume, stop, restart, delete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000 };

static struct th_worker *w;

static int
start(void **state)
{
	w = th_worker_start(NULL);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

/* A datagen configuration, that goes on for ever at a gentle pace. */
static const char *
config_of(const char *topic, const char *more)
{
	return th_text("{\"connector.class\":\"datagen\",\"topic\":\"%s\","
	    "\"field.id\":\"sequence\",\"key.field\":\"id\",\"rate\":\"50\"%s}",
	    topic, more);
}

static const struct leat_value *
call(const char *method, const char *path, const char *body, int want)
{
	const char *text;
	int status = th_worker_call(w, method, path, body, &text);

	if (status != want)
		th_fail("%s %s: status %d, not %d: %s", method, path, status,
		    want, text);
	return text[0] == '\0' ? NULL : th_json(text);
}

static const struct leat_value *
create(const char *name)
{
	return call("POST", "/connectors", th_text(
	    "{\"name\":\"%s\",\"config\":%s}", name, config_of(name, "")), 201);
}

static void
assert_error(const struct leat_value *doc, int64_t code, const char *message)
{
	assert_int_equal(th_json_len(doc, ""), 2);
	assert_int_equal(th_json_int(doc, "/error_code"), code);
	assert_string_equal(th_json_text(doc, "/message"), message);
}

static void
root_and_health(void **state)
{
	const struct leat_value *doc = call("GET", "/", NULL, 200);

	assert_int_equal(th_json_len(doc, ""), 3);
	assert_int_equal(th_json_at(doc, "/version")->kind, LEAT_STRING);
	assert_int_equal(th_json_at(doc, "/commit")->kind, LEAT_STRING);
	assert_int_equal(th_json_at(doc, "/kafka_cluster_id")->kind,
	    LEAT_STRING);
	doc = call("GET", "/health", NULL, 200);
	assert_string_equal(th_json_text(doc, "/status"), "healthy");
	assert_string_equal(th_json_text(doc, "/message"),
	    "Worker has completed startup and is ready to handle requests.");
}

static void
create_and_read(void **state)
{
	const struct leat_value *doc = create("made");

	assert_string_equal(th_json_text(doc, "/name"), "made");
	assert_string_equal(th_json_text(doc, "/type"), "source");
	assert_string_equal(th_json_text(doc, "/config/topic"), "made");
	assert_string_equal(th_json_text(doc, "/config/name"), "made");
	assert_int_equal(th_json_at(doc, "/tasks")->kind, LEAT_ARRAY);

	TH_WAIT(th_worker_is(w, "made", "RUNNING"), SOON_MS);
	doc = call("GET", "/connectors/made", NULL, 200);
	assert_int_equal(th_json_len(doc, ""), 4);
	assert_string_equal(th_json_text(doc, "/tasks"),
	    "[{\"connector\":\"made\",\"task\":0}]");
	assert_string_equal(th_json_text(doc, "/config/connector.class"),
	    "datagen");
	doc = call("GET", "/connectors/made/config", NULL, 200);
	assert_string_equal(th_json_text(doc, "/rate"), "50");
	assert_string_equal(th_json_text(doc, "/name"), "made");
	assert_int_equal(th_json_len(doc, ""), 6);
	doc = call("GET", "/connectors/made/tasks", NULL, 200);
	assert_int_equal(th_json_len(doc, ""), 1);
	assert_string_equal(th_json_text(doc, "/0/id"),
	    "{\"connector\":\"made\",\"task\":0}");
	assert_string_equal(th_json_text(doc, "/0/config/topic"), "made");
	assert_true(th_json_lists(call("GET", "/connectors", NULL, 200), "",
	    "made"));
}

static void
status_fields(void **state)
{
	const struct leat_value *doc;

	create("stat");
	TH_WAIT(th_worker_is(w, "stat", "RUNNING"), SOON_MS);
	doc = call("GET", "/connectors/stat/status", NULL, 200);
	assert_int_equal(th_json_len(doc, ""), 4);
	assert_string_equal(th_json_text(doc, "/name"), "stat");
	assert_string_equal(th_json_text(doc, "/type"), "source");
	assert_string_equal(th_json_text(doc, "/connector/state"), "RUNNING");
	/* The trace is there when there is one, and not otherwise. */
	assert_int_equal(th_json_len(doc, "/connector"), 2);
	assert_int_equal(th_json_len(doc, "/tasks/0"), 3);
	assert_int_equal(th_json_int(doc, "/tasks/0/id"), 0);
	assert_string_equal(th_json_text(doc, "/tasks/0/state"), "RUNNING");
	assert_string_equal(th_json_text(doc, "/tasks/0/worker_id"),
	    th_worker_url(w) + strlen("http://"));
	doc = call("GET", "/connectors/stat/tasks/0/status", NULL, 200);
	assert_int_equal(th_json_int(doc, "/id"), 0);
	assert_error(call("GET", "/connectors/stat/tasks/7/status", NULL, 404),
	    404, "No status found for task stat-7");
}

static void
status_has_more_of_ours(void **state)
{
	const struct leat_value *doc;

	create("more");
	TH_WAIT(strstr(th_worker_get(w, "/leat/connectors/more/status"),
	    "\"detail\":\"running\"") != NULL, SOON_MS);
	doc = call("GET", "/leat/connectors/more/status", NULL, 200);
	assert_int_equal(th_json_len(doc, ""), 4);
	assert_string_equal(th_json_text(doc, "/connector/state"), "RUNNING");
	assert_int_equal(th_json_len(doc, "/tasks/0"), 6);
	assert_string_equal(th_json_text(doc, "/tasks/0/detail"), "running");
	assert_int_equal(th_json_int(doc, "/tasks/0/restarts"), 0);
	assert_int_equal(th_json_at(doc, "/tasks/0/progress")->kind,
	    LEAT_NULL);
	assert_error(call("GET", "/leat/connectors/no/status", NULL, 404),
	    404, "No status found for connector no");
}

static void
failed_task_has_a_trace(void **state)
{
	const struct leat_value *doc;

	/* Nobody can make this folder, since a file stands there. */
	th_write_text(th_path("afile"), "");
	call("PUT", "/connectors/broken/config", th_text("{\"connector.class\":"
	    "\"file-sink\",\"topics\":\"nothing\",\"file\":\"%s/x\"}",
	    th_path("afile")), 201);
	TH_WAIT(strstr(th_worker_get(w, "/connectors/broken/status"),
	    "\"trace\"") != NULL, SOON_MS);
	doc = call("GET", "/connectors/broken/status", NULL, 200);
	assert_non_null(strstr(th_json_text(doc, "/tasks/0/trace"), "afile"));
	assert_string_equal(th_json_text(doc, "/type"), "sink");
	call("DELETE", "/connectors/broken", NULL, 204);
}

static void
listed_with_expand(void **state)
{
	const struct leat_value *doc;

	create("exp");
	TH_WAIT(th_worker_is(w, "exp", "RUNNING"), SOON_MS);
	doc = call("GET", "/connectors?expand=status", NULL, 200);
	assert_int_equal(th_json_len(doc, "/exp"), 1);
	assert_string_equal(th_json_text(doc, "/exp/status/connector/state"),
	    "RUNNING");
	doc = call("GET", "/connectors?expand=info", NULL, 200);
	assert_int_equal(th_json_len(doc, "/exp"), 1);
	assert_string_equal(th_json_text(doc, "/exp/info/config/topic"), "exp");
	doc = call("GET", "/connectors?expand=status&expand=info", NULL, 200);
	assert_int_equal(th_json_len(doc, "/exp"), 2);
	doc = call("GET", "/connectors?expand=nonsense", NULL, 200);
	assert_int_equal(th_json_len(doc, "/exp"), 0);
}

static void
put_creates_then_updates(void **state)
{
	const char *path = "/connectors/put/config";
	const struct leat_value *doc;

	doc = call("PUT", path, config_of("put", ""), 201);
	assert_string_equal(th_json_text(doc, "/name"), "put");
	TH_WAIT(th_worker_is(w, "put", "RUNNING"), SOON_MS);
	doc = call("PUT", path, config_of("put2", ""), 200);
	assert_string_equal(th_json_text(doc, "/config/topic"), "put2");
	TH_WAIT(th_worker_topic(w, "put2", "end_offset") > 0, SOON_MS);
	/* The same again changes nothing, and is fine. */
	call("PUT", path, config_of("put2", ""), 200);
	doc = call("GET", "/connectors/put/config", NULL, 200);
	assert_string_equal(th_json_text(doc, "/topic"), "put2");
}

static void
patch_merges(void **state)
{
	const char *path = "/connectors/patched/config";
	const struct leat_value *doc;

	call("PATCH", path, "{\"rate\":\"5\"}", 404);
	create("patched");
	TH_WAIT(th_worker_is(w, "patched", "RUNNING"), SOON_MS);
	doc = call("PATCH", path, "{\"rate\":7,\"key.field\":null}", 200);
	assert_string_equal(th_json_text(doc, "/config/rate"), "7");
	assert_string_equal(th_json_text(doc, "/config/topic"), "patched");
	assert_null(th_json_at(doc, "/config/key.field"));
	call("PATCH", path, "{\"topic\":null}", 400);
	doc = call("GET", path, NULL, 200);
	assert_string_equal(th_json_text(doc, "/topic"), "patched");
}

static void
scalars_become_texts(void **state)
{
	const struct leat_value *doc = call("POST", "/connectors",
	    "{\"name\":\"scalar\",\"config\":{\"connector.class\":\"datagen\","
	    "\"topic\":\"scalar\",\"field.id\":\"sequence\",\"rate\":50,"
	    "\"value.converter.schemas.enable\":false,\"tasks.max\":1}}", 201);

	assert_string_equal(th_json_text(doc, "/config/rate"), "50");
	assert_string_equal(th_json_text(doc,
	    "/config/value.converter.schemas.enable"), "false");
	TH_WAIT(th_worker_is(w, "scalar", "RUNNING"), SOON_MS);
}

static void
pause_resume_stop(void **state)
{
	int64_t end;

	create("life");
	TH_WAIT(th_worker_topic(w, "life", "end_offset") > 0, SOON_MS);
	assert_null(call("PUT", "/connectors/life/pause", NULL, 202));
	TH_WAIT(th_worker_is(w, "life", "PAUSED"), SOON_MS);
	call("PUT", "/connectors/life/pause", NULL, 202);
	end = th_worker_topic(w, "life", "end_offset");
	th_nap(200);	/* at 50 a second ten records would have come */
	assert_int_equal(th_worker_topic(w, "life", "end_offset"), end);
	assert_null(call("PUT", "/connectors/life/resume", NULL, 202));
	TH_WAIT(th_worker_is(w, "life", "RUNNING"), SOON_MS);
	TH_WAIT(th_worker_topic(w, "life", "end_offset") > end, SOON_MS);
	assert_null(call("PUT", "/connectors/life/stop", NULL, 204));
	TH_WAIT(th_worker_is(w, "life", "STOPPED"), SOON_MS);
	TH_WAIT(th_json_len(call("GET", "/connectors/life/tasks", NULL, 200),
	    "") == 0, SOON_MS);
	call("PUT", "/connectors/life/resume", NULL, 202);
	TH_WAIT(th_worker_is(w, "life", "RUNNING"), SOON_MS);
}

static void
restarts(void **state)
{
	const char *all = "/connectors/again/restart?includeTasks=true";
	const struct leat_value *doc;

	create("again");
	TH_WAIT(th_worker_is(w, "again", "RUNNING"), SOON_MS);
	assert_null(call("POST", "/connectors/again/restart", NULL, 204));
	doc = call("POST", all, NULL, 202);
	assert_string_equal(th_json_text(doc, "/connector/state"),
	    "RESTARTING");
	assert_string_equal(th_json_text(doc, "/tasks/0/state"), "RESTARTING");
	/* The restart under way may show for a while; then nothing failed. */
	TH_WAIT((doc = call("POST", th_text("%s&onlyFailed=true", all), NULL,
	    202), strcmp(th_json_text(doc, "/connector/state"), "RUNNING")) ==
	    0 && strcmp(th_json_text(doc, "/tasks/0/state"), "RUNNING") == 0,
	    SOON_MS);
	assert_null(call("POST", "/connectors/again/tasks/0/restart", NULL,
	    204));
	TH_WAIT(th_worker_is(w, "again", "RUNNING"), SOON_MS);
	assert_error(call("POST", "/connectors/again/tasks/9/restart", NULL,
	    404), 404, "Unknown task: again-9");
}

static void
initial_states(void **state)
{
	call("POST", "/connectors", th_text("{\"name\":\"cold\",\"config\":%s,"
	    "\"initial_state\":\"stopped\"}", config_of("cold", "")), 201);
	TH_WAIT(th_worker_is(w, "cold", "STOPPED"), SOON_MS);
	assert_int_equal(th_worker_topic(w, "cold", "end_offset"), 0);
	call("POST", "/connectors", th_text("{\"name\":\"cool\",\"config\":%s,"
	    "\"initial_state\":\"PAUSED\"}", config_of("cool", "")), 201);
	TH_WAIT(th_worker_is(w, "cool", "PAUSED"), SOON_MS);
	call("POST", "/connectors", th_text("{\"name\":\"hot\",\"config\":%s,"
	    "\"initial_state\":\"HOT\"}", config_of("hot", "")), 400);
	call("GET", "/connectors/hot", NULL, 404);
}

static void
topics_of_a_connector(void **state)
{
	create("tops");
	TH_WAIT(th_worker_topic(w, "tops", "end_offset") > 0, SOON_MS);
	assert_string_equal(th_worker_get(w, "/connectors/tops/topics"),
	    "{\"tops\":{\"topics\":[\"tops\"]}}");
	call("GET", "/connectors/nobody/topics", NULL, 404);
}

static void
delete_ends_it(void **state)
{
	create("gone");
	TH_WAIT(th_worker_topic(w, "gone", "end_offset") > 0, SOON_MS);
	assert_null(call("DELETE", "/connectors/gone", NULL, 204));
	TH_WAIT(th_worker_call(w, "GET", "/connectors/gone", NULL, NULL) == 404,
	    SOON_MS);
	assert_error(call("DELETE", "/connectors/gone", NULL, 404), 404,
	    "Connector gone not found");
	assert_false(th_json_lists(call("GET", "/connectors", NULL, 200), "",
	    "gone"));
	/* The topic and its records stay. */
	assert_true(th_worker_topic(w, "gone", "end_offset") > 0);
	create("gone");
	TH_WAIT(th_worker_is(w, "gone", "RUNNING"), SOON_MS);
}

static void
survives_a_restart_of_the_worker(void **state)
{
	create("stays");
	call("PUT", "/connectors/stays/pause", NULL, 202);
	TH_WAIT(th_worker_is(w, "stays", "PAUSED"), SOON_MS);
	create("runs");
	TH_WAIT(th_worker_is(w, "runs", "RUNNING"), SOON_MS);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_resume(w);
	TH_WAIT(th_worker_is(w, "runs", "RUNNING"), SOON_MS);
	TH_WAIT(th_worker_is(w, "stays", "PAUSED"), SOON_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_and_health),
		cmocka_unit_test(create_and_read),
		cmocka_unit_test(status_fields),
		cmocka_unit_test(status_has_more_of_ours),
		cmocka_unit_test(failed_task_has_a_trace),
		cmocka_unit_test(listed_with_expand),
		cmocka_unit_test(put_creates_then_updates),
		cmocka_unit_test(patch_merges),
		cmocka_unit_test(scalars_become_texts),
		cmocka_unit_test(pause_resume_stop),
		cmocka_unit_test(restarts),
		cmocka_unit_test(initial_states),
		cmocka_unit_test(topics_of_a_connector),
		cmocka_unit_test(delete_ends_it),
		cmocka_unit_test(survives_a_restart_of_the_worker),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
