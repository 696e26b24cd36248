/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_kafka: the Kafka port under librdkafka, against a real Apache Kafka on
 * the same machine in the same run (tests/java fetches it; without Java the
 * limit is 0 and there is no ratio).
 *
 *	produce-<bytes>-<acks>-<n>	records/s with n producers
 *	produce-latency-p50, -p99	ms to the delivery report, paced
 *	fetch-<bytes>-<n>		records/s of n consumers who read all
 *	e2e-latency-p50, -p99		ms from produce() to a consumer, paced
 *	wire-produce-*, wire-fetch-*	the same by a client that costs next to
 *					nothing (wire_client.h)
 *	rss-kafka-port			MB at most during all of this
 *	cpu-produce-1000-<acks>		the broker's seconds per million records
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <leat/str.h>

#include "core/base/obj.h"
#include "tests/bench/bench.h"
#include "tests/bench/wire_client.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum {
	PARTITIONS = 4,
	CLIENTS_MAX = 8,
	RECORD_MAX = 1000,
	PACED_PER_S = 1000,
	PACED_RECORDS = 4000,
	START_MS = 60000,
	DEADLINE_S = 60
};

struct broker {
	const char *bootstrap;
	pid_t pid;
	double rss_mb;		/* highest seen */
};

static char payload[RECORD_MAX];
static double seconds = 3;
static int rounds = 3;

static void
nap_us(long us)
{
	const struct timespec ts = { 0, us * 1000 };

	(void)nanosleep(&ts, NULL);
}

/* ---------------------------------------------------------------- clients */

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) !=
	    RD_KAFKA_CONF_OK)
		th_fail("%s=%s: %s", name, value, why);
}

static rd_kafka_t *
client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *bootstrap)
{
	char why[256];
	rd_kafka_t *rk;

	set(conf, "bootstrap.servers", bootstrap);
	if ((rk = rd_kafka_new(type, conf, why, sizeof(why))) == NULL)
		th_fail("librdkafka: %s", why);
	return rk;
}

static void
create_topic(const char *bootstrap, const char *name)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(),
	    bootstrap);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	char why[256];
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(name, PARTITIONS, 1,
	    why, sizeof(why));
	const rd_kafka_CreateTopics_result_t *r;
	const rd_kafka_topic_result_t **each;
	rd_kafka_event_t *ev;
	size_t n;

	rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
	if ((ev = rd_kafka_queue_poll(q, START_MS)) == NULL)
		th_fail("no answer to CreateTopics from %s", bootstrap);
	r = rd_kafka_event_CreateTopics_result(ev);
	each = rd_kafka_CreateTopics_result_topics(r, &n);
	if (n != 1 || rd_kafka_topic_result_error(each[0]) != 0)
		th_fail("topic %s: %s", name, n == 1 ?
		    rd_kafka_topic_result_error_string(each[0]) : "none");
	rd_kafka_event_destroy(ev);
	rd_kafka_NewTopic_destroy(t);
	rd_kafka_queue_destroy(q);
	rd_kafka_destroy(rk);
}

/* -------------------------------------------------------------- producing */

struct producer {
	pthread_t thread;
	const char *bootstrap, *topic, *acks;
	size_t bytes;
	int64_t delivered, failed;
	double ended;
	double *latency_ms;	/* NULL: not wanted */
	int64_t paced;		/* records, 0: as fast as it goes */
};

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
	struct producer *p = arg;

	if (m->err != 0) {
		p->failed++;
		return;
	}
	if (p->latency_ms != NULL)
		p->latency_ms[p->delivered] =
		    (double)rd_kafka_message_latency(m) / 1000;
	p->delivered++;
}

static rd_kafka_t *
producer_client(struct producer *p)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "acks", p->acks);
	set(conf, "linger.ms", p->paced > 0 ? "0" : "5");
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, p);
	return client(RD_KAFKA_PRODUCER, conf, p->bootstrap);
}

/* One record, waiting while the client's queue is full. */
static void
produce(rd_kafka_t *rk, rd_kafka_topic_t *t, void *data, size_t len, int flags)
{
	while (rd_kafka_produce(t, RD_KAFKA_PARTITION_UA, flags, data, len,
	    NULL, 0, NULL) < 0) {
		if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			th_fail("produce: %s",
			    rd_kafka_err2str(rd_kafka_last_error()));
		rd_kafka_poll(rk, 10);
	}
}

static void *
run_producer(void *arg)
{
	struct producer *p = arg;
	rd_kafka_t *rk = producer_client(p);
	rd_kafka_topic_t *t = rd_kafka_topic_new(rk, p->topic, NULL);
	double began = bench_now();

	for (int64_t n = 0; p->paced > 0 ? n < p->paced :
	    bench_now() - began < seconds; n++) {
		produce(rk, t, payload, p->bytes, 0);
		if (p->paced > 0) {
			double at = began + (double)n / PACED_PER_S;

			for (rd_kafka_poll(rk, 0); bench_now() < at;
			    rd_kafka_poll(rk, 0))
				nap_us(100);
		} else if (n % 256 == 0) {
			rd_kafka_poll(rk, 0);
		}
	}
	rd_kafka_flush(rk, DEADLINE_S * 1000);
	p->ended = bench_now();
	rd_kafka_topic_destroy(t);
	rd_kafka_destroy(rk);
	return NULL;
}

/* Records/s that were acknowledged; *ret_n of them. */
static double
produce_rate(const struct broker *b, const char *topic, size_t bytes,
    const char *acks, int n, double *ret_n)
{
	struct producer p[CLIENTS_MAX] = { 0 };
	double began = bench_now(), end = began;
	int64_t sum = 0;

	for (int i = 0; i < n; i++) {
		p[i] = (struct producer){ .bootstrap = b->bootstrap,
			.topic = topic, .acks = acks, .bytes = bytes };
		pthread_create(&p[i].thread, NULL, run_producer, &p[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(p[i].thread, NULL);
		if (p[i].failed > 0)
			th_fail("%lld records to %s failed",
			    (long long)p[i].failed, b->bootstrap);
		sum += p[i].delivered;
		end = p[i].ended > end ? p[i].ended : end;
	}
	*ret_n = (double)sum;
	return (double)sum / (end - began);
}

static void
produce_latency(const struct broker *b, const char *topic, double *p50,
    double *p99)
{
	static double ms[PACED_RECORDS];
	struct producer p = { .bootstrap = b->bootstrap, .topic = topic,
		.acks = "all", .bytes = 100, .latency_ms = ms,
		.paced = PACED_RECORDS };

	run_producer(&p);
	/* The first ones pay for connections. */
	*p50 = bench_quantile(ms + 200, (size_t)p.delivered - 200, 0.5);
	*p99 = bench_quantile(ms + 200, (size_t)p.delivered - 200, 0.99);
}

/* --------------------------------------------------------------- fetching */

struct consumer {
	pthread_t thread;
	const char *bootstrap, *topic;
	int64_t want;
	double rate;
};

static rd_kafka_t *
consumer_client(const char *bootstrap, const char *topic, int64_t from)
{
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(PARTITIONS);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;

	set(conf, "group.id", "bench");
	set(conf, "enable.auto.commit", "false");
	set(conf, "fetch.wait.max.ms", "500");
	rk = client(RD_KAFKA_CONSUMER, conf, bootstrap);
	rd_kafka_poll_set_consumer(rk);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(l, topic, i)->offset = from;
	rd_kafka_assign(rk, l);
	rd_kafka_topic_partition_list_destroy(l);
	return rk;
}

static void *
run_consumer(void *arg)
{
	struct consumer *c = arg;
	rd_kafka_t *rk = consumer_client(c->bootstrap, c->topic,
	    RD_KAFKA_OFFSET_BEGINNING);
	rd_kafka_queue_t *q = rd_kafka_queue_get_consumer(rk);
	static const size_t batch = 5000;
	rd_kafka_message_t **m = calloc(batch, sizeof(*m));
	double began = 0, deadline = bench_now() + DEADLINE_S;
	int64_t n = 0;

	while (n < c->want && bench_now() < deadline) {
		ssize_t got = rd_kafka_consume_batch_queue(q, 100, m, batch);

		for (ssize_t i = 0; i < got; i++) {
			n += m[i]->err == 0;
			rd_kafka_message_destroy(m[i]);
		}
		if (began == 0 && got > 0)
			began = bench_now();
	}
	c->rate = n < c->want ? 0 : (double)n / (bench_now() - began);
	free(m);
	rd_kafka_queue_destroy(q);
	rd_kafka_destroy(rk);
	return NULL;
}

static double
fetch_rate(const struct broker *b, const char *topic, int64_t want, int n)
{
	struct consumer c[CLIENTS_MAX] = { 0 };
	double sum = 0;

	for (int i = 0; i < n; i++) {
		c[i] = (struct consumer){ .bootstrap = b->bootstrap,
			.topic = topic, .want = want };
		pthread_create(&c[i].thread, NULL, run_consumer, &c[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(c[i].thread, NULL);
		if (c[i].rate == 0)
			th_fail("%s: not all of %lld records came in %d s",
			    b->bootstrap, (long long)want, DEADLINE_S);
		sum += c[i].rate;
	}
	return sum;
}

/* ---------------------------------------------------------------- latency */

static void
end_to_end(const struct broker *b, const char *topic, double *p50,
    double *p99)
{
	static double ms[PACED_RECORDS];
	rd_kafka_t *in = consumer_client(b->bootstrap, topic,
	    RD_KAFKA_OFFSET_BEGINNING), *out;
	struct producer p = { .bootstrap = b->bootstrap, .acks = "all",
		.paced = 1 };
	rd_kafka_topic_t *t;
	double deadline, next;
	int n = 0, sent = 0;

	out = producer_client(&p);
	t = rd_kafka_topic_new(out, topic, NULL);
	next = bench_now() + 1;		/* the consumer is there by then */
	deadline = next + DEADLINE_S;
	while (n < PACED_RECORDS && bench_now() < deadline) {
		rd_kafka_message_t *m;
		double now = bench_now();

		if (sent < PACED_RECORDS && now >= next) {
			produce(out, t, &now, sizeof(now),
			    RD_KAFKA_MSG_F_COPY);
			sent++;
			next += 1.0 / PACED_PER_S;
		}
		rd_kafka_poll(out, 0);
		while ((m = rd_kafka_consumer_poll(in, 0)) != NULL) {
			if (m->err == 0) {
				memcpy(&now, m->payload, sizeof(now));
				ms[n++] = (bench_now() - now) * 1000;
			}
			rd_kafka_message_destroy(m);
		}
		nap_us(50);
	}
	if (n < PACED_RECORDS)
		th_fail("%s: %d of %d records came", b->bootstrap, n,
		    PACED_RECORDS);
	*p50 = bench_quantile(ms + 200, PACED_RECORDS - 200, 0.5);
	*p99 = bench_quantile(ms + 200, PACED_RECORDS - 200, 0.99);
	rd_kafka_topic_destroy(t);
	rd_kafka_destroy(out);
	rd_kafka_destroy(in);
}

/* ------------------------------------------------------------------- rows */

static void
note_rss(struct broker *b)
{
	double mb = (double)th_rss_kb(b->pid) / 1024;

	b->rss_mb = mb > b->rss_mb ? mb : b->rss_mb;
}

static double
cpu_of(pid_t pid)
{
	const char *path = th_text("/proc/%d/stat", pid);
	size_t len;
	char *text = th_slurp(path, &len), *p = strrchr(text, ')');
	uint64_t user = 0, sys = 0;
	int field = 2;
	char *save = NULL, *word;

	for (word = strtok_r(p + 1, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		field++;
		if (field == 14)
			(void)leat_parse_u64(leat_str_c(word), UINT64_MAX,
			    &user);
		if (field == 15)
			(void)leat_parse_u64(leat_str_c(word), UINT64_MAX,
			    &sys);
	}
	free(text);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* both[0] is ours; both[1].bootstrap is NULL without a Kafka. */
static void
bench_produce(struct broker *both, size_t bytes, const char *acks, int n)
{
	double rate[2][16] = { 0 }, cpu[2] = { 0 };

	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < 2 && both[i].bootstrap != NULL; i++) {
			const char *topic = th_text("p-%zu-%s-%d-%d", bytes,
			    acks, n, r);
			double was = cpu_of(both[i].pid), records;

			create_topic(both[i].bootstrap, topic);
			rate[i][r] = produce_rate(&both[i], topic, bytes,
			    acks, n, &records);
			cpu[i] = (cpu_of(both[i].pid) - was) * 1e6 / records;
			note_rss(&both[i]);
		}
	bench_rate(th_text("produce-%zu-%s-%d", bytes, acks, n),
	    bench_quantile(rate[0], (size_t)rounds, 0.5),
	    bench_quantile(rate[1], (size_t)rounds, 0.5), "records/s");
	if (bytes == 1000 && n == 1)
		bench_cost(th_text("cpu-produce-%zu-%s", bytes, acks),
		    cpu[0], cpu[1], "s/million");
}

/* n clients at once, each on a partition; records/s of all. */
static double
wire_rate(const struct broker *b, void *(*run)(void *), const char *topic,
    size_t bytes, const char *acks, int n)
{
	struct wire_client c[CLIENTS_MAX] = { 0 };
	double sum = 0;

	for (int i = 0; i < n; i++) {
		c[i] = (struct wire_client){ .bootstrap = b->bootstrap,
			.topic = topic,
			.partition = i % PARTITIONS,
			.acks = (int16_t)(acks[0] == '1' ? 1 : -1),
			.bytes = bytes,
			.seconds = seconds };
		pthread_create(&c[i].thread, NULL, run, &c[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(c[i].thread, NULL);
		sum += (double)c[i].records / c[i].took;
	}
	return sum;
}

static void
bench_wire(struct broker *both, bool fetch, size_t bytes, const char *acks,
    int n)
{
	void *(*run)(void *) = fetch ? wire_consumer : wire_producer;
	double rate[2][16] = { 0 };

	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < 2 && both[i].bootstrap != NULL; i++) {
			const char *topic = th_text("w%d-%zu-%s-%d-%d", fetch,
			    bytes, acks, n, r);

			create_topic(both[i].bootstrap, topic);
			if (fetch)
				(void)wire_rate(&both[i], wire_producer,
				    topic, bytes, acks, PARTITIONS);
			rate[i][r] = wire_rate(&both[i], run, topic, bytes,
			    acks, n);
			note_rss(&both[i]);
		}
	bench_rate(fetch ? th_text("wire-fetch-%zu-%d", bytes, n) :
	    th_text("wire-produce-%zu-%s-%d", bytes, acks, n),
	    bench_quantile(rate[0], (size_t)rounds, 0.5),
	    bench_quantile(rate[1], (size_t)rounds, 0.5), "records/s");
}

static void
bench_fetch(struct broker *both, size_t bytes, int64_t records, int n)
{
	double rate[2][16] = { 0 };
	const char *topic = th_text("f-%zu-%d", bytes, n);

	for (int i = 0; i < 2 && both[i].bootstrap != NULL; i++) {
		struct producer p = { .bootstrap = both[i].bootstrap,
			.topic = topic,
			.acks = "1",
			.bytes = bytes };
		rd_kafka_t *rk = producer_client(&p);
		rd_kafka_topic_t *t;

		create_topic(both[i].bootstrap, topic);
		t = rd_kafka_topic_new(rk, topic, NULL);
		for (int64_t k = 0; k < records; k++) {
			produce(rk, t, payload, bytes, 0);
			if (k % 256 == 0)
				rd_kafka_poll(rk, 0);
		}
		rd_kafka_flush(rk, DEADLINE_S * 1000);
		rd_kafka_topic_destroy(t);
		rd_kafka_destroy(rk);
	}
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < 2 && both[i].bootstrap != NULL; i++) {
			rate[i][r] = fetch_rate(&both[i], topic, records, n);
			note_rss(&both[i]);
		}
	bench_rate(th_text("fetch-%zu-%d", bytes, n),
	    bench_quantile(rate[0], (size_t)rounds, 0.5),
	    bench_quantile(rate[1], (size_t)rounds, 0.5), "records/s");
}

static void
bench_latency(struct broker *both)
{
	double p50[2] = { 0 }, p99[2] = { 0 };

	for (int i = 0; i < 2 && both[i].bootstrap != NULL; i++) {
		create_topic(both[i].bootstrap, "latency");
		produce_latency(&both[i], "latency", &p50[i], &p99[i]);
	}
	bench_cost("produce-latency-p50", p50[0], p50[1], "ms");
	bench_cost("produce-latency-p99", p99[0], p99[1], "ms");
	for (int i = 0; i < 2 && both[i].bootstrap != NULL; i++) {
		create_topic(both[i].bootstrap, "e2e");
		end_to_end(&both[i], "e2e", &p50[i], &p99[i]);
	}
	bench_cost("e2e-latency-p50", p50[0], p50[1], "ms");
	bench_cost("e2e-latency-p99", p99[0], p99[1], "ms");
}

/* ------------------------------------------------------------ the brokers */

static bool
answers(void *arg)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	bool ok;

	set(conf, "log_level", "0");
	rk = client(RD_KAFKA_PRODUCER, conf, arg);
	ok = rd_kafka_metadata(rk, 0, NULL, &md, 1000) == 0;
	if (ok)
		rd_kafka_metadata_destroy(md);
	rd_kafka_destroy(rk);
	return ok;
}

static void
start_kafka(struct broker *b)
{
	const char *port = th_text("%u", th_free_port());
	const char *bootstrap = th_text("127.0.0.1:%s", port);
	struct th_proc *p;
	char *said;
	int rc = th_run(&said, th_text("%s/tests/java/classpath",
	    th_src_dir()), NULL);

	if (rc != 0) {
		fprintf(stderr, "no Apache Kafka to compare with: %s", said);
		free(said);
		return;
	}
	free(said);
	p = th_proc_spawn(th_text("%s/tests/java/kafka-server",
	    th_src_dir()), th_path("kafka"), port, NULL);
	if (!th_wait_until(answers, (void *)(uintptr_t)bootstrap, START_MS))
		th_fail("Apache Kafka does not answer: %s", th_proc_text(p));
	b->bootstrap = bootstrap;
	b->pid = th_proc_pid(p);
}

static void
bench_all(void **state)
{
	struct broker both[2] = { 0 };
	struct th_worker *w = th_worker_start(NULL);
	const char *text = getenv("BENCH_ROUNDS");
	double records;

	if (text != NULL && text[0] >= '1' && text[0] <= '9')
		rounds = text[0] - '0';
	if ((text = getenv("BENCH_SECONDS")) != NULL)
		(void)leat_parse_f64(leat_str_c(text), &seconds);
	both[0].bootstrap = th_worker_kafka(w);
	both[0].pid = th_worker_pid(w);
	start_kafka(&both[1]);
	memset(payload, 'x', sizeof(payload));
	if (both[1].bootstrap != NULL) {
		/* A JVM's first seconds are not its speed. */
		create_topic(both[1].bootstrap, "warm");
		for (int i = 0; i < 3; i++)
			(void)produce_rate(&both[1], "warm", 100, "all", 1,
			    &records);
	}
	/* Before the disk has gigabytes of the rows below to write. */
	bench_latency(both);
	for (int n = 1; n <= CLIENTS_MAX; n += CLIENTS_MAX - 1) {
		bench_produce(both, 100, "1", n);
		bench_produce(both, 100, "all", n);
		bench_produce(both, 1000, "1", n);
		bench_produce(both, 1000, "all", n);
	}
	for (int n = 1; n <= CLIENTS_MAX; n += CLIENTS_MAX - 1) {
		bench_wire(both, false, 100, "1", n);
		bench_wire(both, false, 100, "all", n);
		bench_wire(both, false, 1000, "1", n);
		bench_wire(both, false, 1000, "all", n);
		bench_wire(both, true, 100, "1", n);
		bench_wire(both, true, 1000, "1", n);
	}
	bench_fetch(both, 100, 4000000, 1);
	bench_fetch(both, 1000, 1000000, 1);
	bench_fetch(both, 1000, 300000, CLIENTS_MAX);
	bench_cost("rss-kafka-port", both[0].rss_mb, both[1].rss_mb, "MB");
	th_worker_stop(w);
	th_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
