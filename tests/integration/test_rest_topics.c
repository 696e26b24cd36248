/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API says about topics and their records, and the metrics.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000, RECORDS = 1000 };

#define RECORDS_OF "/leat/topics/thousand/records"

static struct th_worker *w;

static int
start(void **state)
{
	w = th_worker_start(NULL);
	th_worker_file(w, "thousand.yaml", "connector: datagen\n"
	    "topic: thousand\nfield.id: sequence\nfield.text: string 10\n"
	    "key.field: id\ncount: %d\nrate: 0\n"
	    "value.converter.schemas.enable: false\n", RECORDS);
	th_worker_file(w, "slow.yaml", "connector: datagen\ntopic: slow\n"
	    "field.id: sequence\nrate: 10\n");
	TH_WAIT(th_worker_topic(w, "thousand", "stable_offset") >= RECORDS,
	    SOON_MS);
	TH_WAIT(th_worker_topic(w, "slow", "stable_offset") > 0, SOON_MS);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

static const struct leat_value *
get(const char *path)
{
	return th_json(th_worker_get(w, path));
}

static const char *
refused(const char *path)
{
	const char *body;

	if (th_worker_call(w, "GET", path, NULL, &body) != 400)
		th_fail("GET %s is not refused: %.500s", path, body);
	return th_json_text(th_json(body), "/message");
}

/* ----------------------------------------------------------------- topics */

static void
topic_list(void **state)
{
	const struct leat_value *doc = get("/leat/topics");
	bool found = false, internal = false;

	for (uint32_t i = 0; i < doc->len; i++) {
		const struct leat_value *t = &doc->u.items[i];
		const char *name = th_json_text(t, "/name");

		assert_true(th_json_int(t, "/partitions") >= 1);
		if (strcmp(name, "thousand") == 0) {
			found = true;
			assert_string_equal(th_json_text(t, "/internal"),
			    "false");
		}
		if (strcmp(name, "connect-offsets") == 0) {
			internal = true;
			assert_string_equal(th_json_text(t, "/internal"),
			    "true");
		}
	}
	assert_true(found);
	assert_true(internal);
}

static void
topic_description(void **state)
{
	const struct leat_value *doc = get("/leat/topics/thousand");
	int64_t end = th_json_int(doc, "/partitions/0/end_offset");

	assert_string_equal(th_json_text(doc, "/name"), "thousand");
	assert_int_equal(th_json_int(doc, "/partitions/0/partition"), 0);
	assert_int_equal(th_json_int(doc, "/partitions/0/start_offset"), 0);
	assert_true(end >= RECORDS);
	/* Once all is on disk, all is stable. */
	TH_WAIT(th_worker_topic(w, "thousand", "stable_offset") == end,
	    SOON_MS);
	TH_WAIT(th_worker_topic(w, "thousand", "durable_offset") == end,
	    SOON_MS);
	assert_true(th_json_int(doc, "/partitions/0/size_bytes") > RECORDS);
	assert_string_equal(th_json_text(doc, "/config/cleanup.policy/value"),
	    "delete");
}

/* ---------------------------------------------------------------- records */

struct check {
	int64_t next;	/* value of "id" that must come */
	int64_t last_offset;
};

static void
check_record(void *arg, const struct th_record *rec)
{
	struct check *c = arg;
	const struct leat_value *v = th_json(rec->value);

	assert_int_equal(rec->partition, 0);
	assert_true(rec->offset > c->last_offset);
	assert_true(rec->timestamp > INT64_C(1600000000000));
	assert_int_equal(th_json_int(v, "/id"), c->next);
	assert_int_equal(strlen(th_json_text(v, "/text")), 10);
	assert_non_null(rec->key);
	c->last_offset = rec->offset;
	c->next++;
}

static void
all_records_in_order(void **state)
{
	struct th_reader *r = th_reader_open(w, "thousand");
	struct check c = { th_json_int(th_json(th_json_text(get(RECORDS_OF
	    "?max_records=1"), "/records/0/value")), "/id"), -1 };

	assert_int_equal(th_reader_read(r, check_record, &c), RECORDS);
	assert_int_equal(th_reader_read(r, check_record, &c), 0);
	th_reader_close(r);
}

static void
pages(void **state)
{
	const struct leat_value *doc = get(RECORDS_OF "?max_records=3");
	int64_t first = th_json_int(doc, "/records/0/offset");

	assert_int_equal(th_json_len(doc, "/records"), 3);
	assert_int_equal(th_json_len(doc, "/records/0"), 6);
	assert_int_equal(th_json_len(doc, "/records/0/headers"), 0);
	assert_true(th_json_int(doc, "/next/0") > first);
	doc = get(th_text("%s?max_records=1&offsets=0:%lld", RECORDS_OF,
	    (long long)th_json_int(doc, "/next/0")));
	assert_int_equal(th_json_int(doc, "/records/0/offset"), first + 3);
	/* At least one record comes, however few bytes are allowed. */
	doc = get(RECORDS_OF "?max_bytes=1");
	assert_int_equal(th_json_len(doc, "/records"), 1);
	doc = get(RECORDS_OF "?from=end");
	assert_int_equal(th_json_len(doc, "/records"), 0);
	doc = get(RECORDS_OF "?offsets=0:99999999");
	assert_int_equal(th_json_len(doc, "/records"), 0);
}

static void
long_poll(void **state)
{
	const struct leat_value *doc;
	int64_t began = th_now_ms(), took;

	/* Nothing comes: the wait ends at its time. */
	doc = get(RECORDS_OF "?from=end&wait_ms=300");
	took = th_now_ms() - began;
	assert_int_equal(th_json_len(doc, "/records"), 0);
	assert_in_range(took, 290, 5000);
	/* Something comes: the wait ends at once, not after its time. */
	began = th_now_ms();
	doc = get("/leat/topics/slow/records?from=end&wait_ms=20000");
	assert_true(th_json_len(doc, "/records") > 0);
	assert_in_range(th_now_ms() - began, 0, 5000);
}

static void
long_poll_does_not_hold_the_end(void **state)
{
	struct th_worker_opts o = { .name = "ending" };
	struct th_worker *other = th_worker_start(&o);
	const char *url = th_text("%s/leat/topics/t/records?wait_ms=30000",
	    th_worker_url(other));
	struct th_proc *curl;
	int64_t began;

	th_worker_file(other, "t.yaml", "connector: datagen\ntopic: t\n"
	    "field.id: sequence\ncount: 1\n");
	TH_WAIT(th_worker_topic(other, "t", "stable_offset") > 0, SOON_MS);
	curl = th_proc_spawn("curl", "-s", th_text("%s&from=end", url), NULL);
	began = th_now_ms();
	assert_int_equal(th_worker_stop(other), 0);
	assert_in_range(th_now_ms() - began, 0, 5000);
	th_proc_free(curl);
	th_worker_free(other);
}

static void
wrong_questions(void **state)
{
	static const char *const queries[] = { "max_records=0",
		"max_records=-1", "max_records=x", "max_records=999999999",
		"wait_ms=-1", "wait_ms=99999999999", "max_bytes=0",
		"offsets=1:0", "offsets=0", "offsets=0:x", "offsets=0:-5",
		"offsets=-1:0", "offsets=x", "from=middle" };

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		assert_non_null(refused(th_text(RECORDS_OF "?%s", queries[i])));
}

/* ---------------------------------------------------------------- metrics */

/* A line of Prometheus' text format: name{label="value",..} number */
static bool
is_sample(const char *line, size_t len)
{
	const char *p = line, *end = line + len;
	double number;

	if (!isalpha((unsigned char)*p) && *p != '_' && *p != ':')
		return false;
	while (p < end && (isalnum((unsigned char)*p) || *p == '_' ||
	    *p == ':'))
		p++;
	while (p < end && (*p == '{' || *p == ',')) {
		for (p++; p < end && (isalnum((unsigned char)*p) ||
		    *p == '_'); p++)
			;
		if (p + 1 >= end || p[0] != '=' || p[1] != '"')
			return false;
		for (p += 2; p < end && *p != '"'; p++)
			p += *p == '\\';
		p++;
		if (p < end && *p == '}') {
			p++;
			break;
		}
	}
	return p < end && *p == ' ' && leat_parse_f64(
	    (struct leat_str){ p + 1, (size_t)(end - p - 1) }, &number) == 0;
}

static void
metrics_are_prometheus_text(void **state)
{
	const char *text = th_worker_get(w, "/metrics");
	struct leat_str rest = leat_str_c(text);
	size_t samples = 0;

	assert_true(text[strlen(text) - 1] == '\n');
	while (rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		if (leat_str_starts(line, "# HELP ") ||
		    leat_str_starts(line, "# TYPE "))
			continue;
		if (!is_sample(line.ptr, line.len))
			th_fail("not a metric: '%.*s'", (int)line.len,
			    line.ptr);
		samples++;
	}
	assert_true(samples > 10);
	assert_non_null(strstr(text, "connector=\"thousand\""));
}

/* Each family has its type once, before its samples, as scrapers insist. */
static void
metrics_types_come_once(void **state)
{
	struct leat_str rest = leat_str_c(th_worker_get(w, "/metrics"));
	const char *seen = " ";

	while (rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');
		struct leat_str name;

		if (!leat_str_starts(line, "# TYPE "))
			continue;
		leat_str_cut(&line, ' ');
		leat_str_cut(&line, ' ');
		name = leat_str_cut(&line, ' ');
		assert_null(strstr(seen, th_text(" %.*s ", (int)name.len,
		    name.ptr)));
		seen = th_text("%s%.*s ", seen, (int)name.len, name.ptr);
	}
	assert_true(strlen(seen) > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topic_list),
		cmocka_unit_test(topic_description),
		cmocka_unit_test(all_records_in_order),
		cmocka_unit_test(pages),
		cmocka_unit_test(long_poll),
		cmocka_unit_test(long_poll_does_not_hold_the_end),
		cmocka_unit_test(wrong_questions),
		cmocka_unit_test(metrics_are_prometheus_text),
		cmocka_unit_test(metrics_types_come_once),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
