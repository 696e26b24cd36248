/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_http: the HTTP sink against a load generator that posts bodies of the
 * same size to the same receiver over as many connections, in turns.
 *
 *	http-sink-single	requests/s, one record each
 *	http-sink-batch		bytes/s (MB), JSON arrays of 500 records
 *
 * BENCH_RECORDS changes how many records are sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <curl/curl.h>

#include <cmocka.h>

#include <leat/arena.h>
#include <leat/json.h>
#include <leat/str.h>

#include "tests/bench/bench.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { CONNECTIONS = 8, BATCH = 500, ROUNDS = 3 };

static struct th_worker *worker;
static int64_t port, records;

struct stats {
	double requests, bytes, seconds;
};

static size_t
keep(char *data, size_t size, size_t n, void *arg)
{
	char *to = arg;
	size_t have = strlen(to);

	n *= size;
	if (have + n < 1024) {
		memcpy(to + have, data, n);
		to[have + n] = '\0';
	}
	return n;
}

static double
number_of(const struct leat_value *map, const char *name)
{
	const struct leat_value *v = leat_map_value(map, name);

	return v == NULL ? 0 : v->kind == LEAT_INT64 ? (double)v->u.i : v->u.f;
}

static struct stats
ask(const char *what)
{
	CURL *curl = curl_easy_init();
	struct leat_arena arena;
	struct leat_value doc;
	struct stats st;
	char text[1024] = "";

	curl_easy_setopt(curl, CURLOPT_URL,
	    th_text("http://127.0.0.1:%d%s", (int)port, what));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
	curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	leat_arena_init(&arena, 4096, 0);
	if (leat_json_parse(&arena, text, strlen(text), &doc, NULL) < 0)
		th_fail("the receiver said '%s'", text);
	st = (struct stats){ number_of(&doc, "requests"),
		number_of(&doc, "bytes"), number_of(&doc, "seconds") };
	leat_arena_fini(&arena);
	return st;
}

static void
start_receiver(void)
{
	struct th_proc *p = th_proc_spawn(
	    th_text("%s/bench/receiver", th_build_dir()), NULL);
	char *text;

	TH_WAIT(th_proc_said(p, "port "), 5000);
	text = th_proc_text(p);
	if (leat_parse_i64(leat_str_trim(leat_str_c(text + strlen("port "))), 1,
		65535, &port) < 0)
		th_fail("the receiver said '%s'", text);
	free(text);
}

/* One run of the sink over the whole topic. */
static struct stats
run_sink(const char *name, const char *more, int64_t requests)
{
	struct stats st;

	ask("/reset");
	th_worker_file(worker, th_text("%s.yaml", name),
	    "connector: http-sink\ntopics: bench\nurl: http://127.0.0.1:%d/x\n"
	    "connections: %d\nvalue.converter: "
	    "org.apache.kafka.connect.storage.StringConverter\n"
	    "key.converter: org.apache.kafka.connect.storage.StringConverter\n%s",
	    (int)port, CONNECTIONS, more);
	TH_WAIT(ask("/stats").requests >= (double)requests, 120000);
	st = ask("/stats");
	th_worker_remove(worker, th_text("%s.yaml", name));
	return st;
}

static double
run_load(int64_t requests, double body_bytes)
{
	const char *digits;
	char *out;
	double rate;

	if (th_run(&out, th_text("%s/bench/httpload", th_build_dir()),
		th_text("%d", (int)port), th_text("%d", CONNECTIONS),
		th_text("%lld", (long long)requests),
		th_text("%lld", (long long)body_bytes), NULL) != 0)
		th_fail("httpload: %s", out);
	digits = strstr(out, "\"rate\":");
	if (digits == NULL ||
	    leat_parse_f64(
		(struct leat_str){ digits + 7, strcspn(digits + 7, "}") },
		&rate) < 0)
		th_fail("httpload: %s", out);
	free(out);
	return rate;
}

static void
compare(const char *row, const char *unit, const char *more, int64_t requests,
    bool by_bytes)
{
	double ours[ROUNDS], limit[ROUNDS], ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		struct stats st = run_sink(
		    th_text("%s-%d", row, i), more, requests);
		double rate = run_load(requests, st.bytes / st.requests);
		double factor = by_bytes ? st.bytes / st.requests / 1e6 : 1;

		ours[i] = st.requests / st.seconds * factor;
		limit[i] = rate * factor;
		ratio[i] = ours[i] / limit[i];
	}
	bench_print(row, bench_quantile(ours, ROUNDS, 0.5),
	    bench_quantile(limit, ROUNDS, 0.5), unit,
	    bench_quantile(ratio, ROUNDS, 0.5));
}

static void
bench_all(void **state)
{
	const char *text = getenv("BENCH_RECORDS");

	if (text == NULL ||
	    leat_parse_i64(leat_str_c(text), BATCH, 1 << 30, &records) < 0)
		records = 200000;
	start_receiver();
	worker = th_worker_start(NULL);
	th_worker_file(worker, "gen.yaml",
	    "connector: datagen\ntopic: bench\nquickstart: orders\nrate: 0\n"
	    "count: %lld\n",
	    (long long)records);
	TH_WAIT(th_worker_topic(worker, "bench", "stable_offset") >= records,
	    60000);
	compare("http-sink-single", "requests/s", "", records, false);
	compare("http-sink-batch", "MB/s",
	    th_text("batch.max.records: %d\nbatch.format: array\n", BATCH),
	    records / BATCH, true);
	th_worker_stop(worker);
	th_worker_free(worker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
