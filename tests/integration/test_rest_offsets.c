/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka Connect's API about offsets: where connectors stand, and moving a
 * stopped one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/http.h"
#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000, RECORDS = 100 };

static struct th_worker *w;
static struct th_http *hook;

static int
start(void **state)
{
	hook = th_http_start();
	w = th_worker_start(NULL);
	th_worker_file(w, "src.yaml", "connector: datagen\ntopic: numbers\n"
	    "field.n: sequence\ncount: %d\nrate: 0\n"
	    "value.converter.schemas.enable: false\n", RECORDS);
	th_worker_file(w, "snk.yaml", "connector: http-sink\ntopics: numbers\n"
	    "url: %s\nconnections: 1\noffset.flush.interval.ms: 50\n"
	    "value.converter.schemas.enable: false\n",
	    th_http_url(hook, "/"));
	assert_true(th_http_wait(hook, RECORDS, SOON_MS));
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_http_stop(hook);
	return 0;
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
offsets_of(const char *name)
{
	return call("GET", th_text("/connectors/%s/offsets", name), NULL, 200);
}

static void
stop_connector(const char *name)
{
	call("PUT", th_text("/connectors/%s/stop", name), NULL, 204);
	TH_WAIT(th_worker_is(w, name, "STOPPED"), SOON_MS);
}

static void
resume_connector(const char *name)
{
	call("PUT", th_text("/connectors/%s/resume", name), NULL, 202);
	TH_WAIT(th_worker_is(w, name, "RUNNING"), SOON_MS);
}

/* ------------------------------------------------------------------ tests */

static void
where_they_stand(void **state)
{
	const struct leat_value *doc = offsets_of("src");

	assert_int_equal(th_json_len(doc, "/offsets"), 1);
	assert_int_equal(th_json_at(doc, "/offsets/0/partition")->kind,
	    LEAT_MAP);
	assert_int_equal(th_json_int(doc, "/offsets/0/offset/sequence"),
	    RECORDS);
	TH_WAIT(th_json_len(offsets_of("snk"), "/offsets") == 1 &&
	    th_json_int(offsets_of("snk"),
	    "/offsets/0/offset/kafka_offset") >= RECORDS, SOON_MS);
	doc = offsets_of("snk");
	assert_string_equal(th_json_text(doc, "/offsets/0/partition"),
	    "{\"kafka_topic\":\"numbers\",\"kafka_partition\":0}");
	call("GET", "/connectors/no/offsets", NULL, 404);
}

static void
only_when_stopped(void **state)
{
	const char *body = "{\"offsets\":[{\"partition\":{\"kafka_topic\":"
	    "\"numbers\",\"kafka_partition\":0},\"offset\":"
	    "{\"kafka_offset\":5}}]}";
	const char *want = "Connectors must be in the STOPPED state before "
	    "their offsets can be modified. This can be done for the specified "
	    "connector by issuing a 'PUT' request to the "
	    "'/connectors/snk/stop' endpoint";

	assert_string_equal(th_json_text(call("PATCH",
	    "/connectors/snk/offsets", body, 400), "/message"), want);
	assert_string_equal(th_json_text(call("DELETE",
	    "/connectors/snk/offsets", NULL, 400), "/message"), want);
	call("PATCH", "/connectors/no/offsets", body, 404);
	call("DELETE", "/connectors/no/offsets", NULL, 404);
}

static void
wrong_shapes(void **state)
{
	static const char *const bodies[] = { "[]", "{}", "{\"offsets\":[]}",
		"{\"offsets\":null}", "{\"offsets\":[1]}",
		"{\"offsets\":[{\"partition\":{}}]}",
		"{\"offsets\":[{\"partition\":{},\"offset\":{}}]}",
		"{\"offsets\":[{\"partition\":{\"kafka_topic\":\"numbers\"},"
		    "\"offset\":null}]}",
		"{\"offsets\":[{\"partition\":{\"kafka_topic\":\"numbers\","
		    "\"kafka_partition\":\"x\"},\"offset\":null}]}",
		"{\"offsets\":[{\"partition\":{\"kafka_topic\":\"numbers\","
		    "\"kafka_partition\":0},\"offset\":{\"other\":1}}]}",
		"{\"offsets\":[{\"partition\":{\"kafka_topic\":\"numbers\","
		    "\"kafka_partition\":0},\"offset\":{\"kafka_offset\":-1}}"
		    "]}" };

	stop_connector("snk");
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		call("PATCH", "/connectors/snk/offsets", bodies[i], 400);
	resume_connector("snk");
}

static void
a_sink_moved_back(void **state)
{
	size_t n = th_http_count(hook);
	const struct leat_value *doc;
	int64_t end;

	stop_connector("snk");
	end = th_json_int(offsets_of("snk"), "/offsets/0/offset/kafka_offset");
	doc = call("PATCH", "/connectors/snk/offsets", th_text("{\"offsets\":["
	    "{\"partition\":{\"kafka_topic\":\"numbers\",\"kafka_partition\":"
	    "\"0\"},\"offset\":{\"kafka_offset\":%lld}}]}",
	    (long long)end - 10), 200);
	assert_string_equal(th_json_text(doc, "/message"), "The offsets for "
	    "this connector have been altered successfully");
	assert_int_equal(th_json_int(offsets_of("snk"),
	    "/offsets/0/offset/kafka_offset"), end - 10);
	resume_connector("snk");
	/* Offsets count the marks of transactions too, so ten or a few less. */
	assert_true(th_http_wait(hook, n + 5, SOON_MS));
	TH_WAIT(th_json_int(offsets_of("snk"),
	    "/offsets/0/offset/kafka_offset") == end, SOON_MS);
	assert_in_range(th_http_count(hook), n + 5, n + 10);
}

static void
a_sink_begun_anew(void **state)
{
	size_t n = th_http_count(hook);
	const struct leat_value *doc;

	stop_connector("snk");
	doc = call("DELETE", "/connectors/snk/offsets", NULL, 200);
	assert_string_equal(th_json_text(doc, "/message"), "The offsets for "
	    "this connector have been reset successfully");
	assert_int_equal(th_json_len(offsets_of("snk"), "/offsets"), 0);
	resume_connector("snk");
	assert_true(th_http_wait(hook, n + RECORDS, SOON_MS));
}

static void
a_sink_forgets_a_partition(void **state)
{
	stop_connector("snk");
	assert_int_equal(th_json_len(offsets_of("snk"), "/offsets"), 1);
	call("PATCH", "/connectors/snk/offsets", "{\"offsets\":[{"
	    "\"partition\":{\"kafka_topic\":\"numbers\","
	    "\"kafka_partition\":0},\"offset\":null}]}", 200);
	assert_int_equal(th_json_len(offsets_of("snk"), "/offsets"), 0);
	resume_connector("snk");
}

static void
a_source_moved(void **state)
{
	int64_t end = th_worker_topic(w, "numbers", "stable_offset");
	struct th_reader *r = th_reader_open(w, "numbers");
	const struct leat_value *doc;
	const char *partition;

	stop_connector("src");
	doc = offsets_of("src");
	partition = th_json_text(doc, "/offsets/0/partition");
	call("PATCH", "/connectors/src/offsets", th_text("{\"offsets\":[{"
	    "\"partition\":%s,\"offset\":{\"sequence\":90}}]}", partition),
	    200);
	resume_connector("src");
	TH_WAIT(th_worker_topic(w, "numbers", "stable_offset") >= end + 10,
	    SOON_MS);
	th_reader_wait(r, RECORDS + 10, SOON_MS, NULL, NULL);

	stop_connector("src");
	call("PATCH", "/connectors/src/offsets", th_text("{\"offsets\":[{"
	    "\"partition\":%s,\"offset\":null}]}", partition), 200);
	assert_int_equal(th_json_len(offsets_of("src"), "/offsets"), 0);
	resume_connector("src");
	th_reader_wait(r, 2 * RECORDS + 10, SOON_MS, NULL, NULL);
	stop_connector("src");
	call("DELETE", "/connectors/src/offsets", NULL, 200);
	assert_int_equal(th_json_len(offsets_of("src"), "/offsets"), 0);
	assert_int_equal(th_reader_read(r, NULL, NULL), 0);
	th_reader_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_they_stand),
		cmocka_unit_test(only_when_stopped),
		cmocka_unit_test(wrong_shapes),
		cmocka_unit_test(a_sink_moved_back),
		cmocka_unit_test(a_sink_begun_anew),
		cmocka_unit_test(a_sink_forgets_a_partition),
		cmocka_unit_test(a_source_moved),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
