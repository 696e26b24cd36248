/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rdkafka_tour.c: the tour of librdkafka from C. usage: rdkafka_tour HOST:PORT
 *
 * A line per check, "N checks passed" at the end, exit status 1 at the first
 * fault. With TOUR_HALF in the environment it makes that file in the middle and
 * goes on producing until somebody takes it away, having killed and restarted
 * the broker.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <leat/str.h>
#include <librdkafka/rdkafka.h>

enum {
	CALL_MS = 20000,	/* for what asks the broker once */
	WAIT_MS = 40000,
	MIDDLE_MS = 150000,	/* others may be slow to come to theirs */
	MOMENT_MS = 50,
	TOUR_S = 300,
	MIDDLE_MAX = 100000,	/* records */
	ERR_TEXT = 512
};

static const char *address;
static long passed;

static void __attribute__((format(printf, 2, 3), noreturn))
fail(const char *what, const char *fmt, ...)
{
	va_list ap;

	printf("FAIL %s\n  ", what);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	(void)fflush(stdout);
	_exit(1);
}

static void
ok(const char *what)
{
	passed++;
	printf("ok %s\n", what);
	(void)fflush(stdout);
}

static void
same(const char *what, int64_t seen, int64_t expected)
{
	if (seen != expected)
		fail(what, "expected %" PRId64 ", seen %" PRId64, expected,
		    seen);
	ok(what);
}

static void
good(const char *what, rd_kafka_resp_err_t err)
{
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		fail(what, "expected no error, seen %s",
		    rd_kafka_err2name(err));
	ok(what);
}

/* Takes the error over. */
static void
fine(const char *what, rd_kafka_error_t *error)
{
	if (error != NULL)
		fail(what, "expected no error, seen %s: %s",
		    rd_kafka_error_name(error), rd_kafka_error_string(error));
	ok(what);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A name of this run's own; lives until the next 16 calls. */
static const char *
name(const char *what)
{
	static char names[16][128];
	static unsigned next;
	char *n = names[next++ % 16];

	(void)snprintf(n, sizeof(names[0]), "tour-%ld-%" PRId64 "-%s",
	    (long)getpid(), (int64_t)time(NULL), what);
	return n;
}

/* ------------------------------------------------------------- clients */

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[ERR_TEXT];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) !=
	    RD_KAFKA_CONF_OK)
		fail("configuration", "%s", text);
}

static rd_kafka_conf_t *
new_conf(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "bootstrap.servers", address);
	set(conf, "reconnect.backoff.ms", "50");
	set(conf, "reconnect.backoff.max.ms", "500");
	return conf;
}

static rd_kafka_t *
client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char text[ERR_TEXT];
	rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));

	if (rk == NULL)
		fail("a client", "%s", text);
	return rk;
}

/* What the broker said of a producer's records. */
struct sent {
	int64_t acked, failed;
	rd_kafka_resp_err_t last;
	int64_t last_offset;
};

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct sent *s = opaque;

	(void)rk;
	s->last = m->err;
	s->last_offset = m->offset;
	if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		s->failed++;
	else
		s->acked++;
}

static rd_kafka_t *
producer(struct sent *s, const char *const *conf_pairs)
{
	rd_kafka_conf_t *conf = new_conf();

	set(conf, "retry.backoff.ms", "50");
	set(conf, "queue.buffering.max.ms", "5");
	for (; conf_pairs != NULL && *conf_pairs != NULL; conf_pairs += 2)
		set(conf, conf_pairs[0], conf_pairs[1]);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, s);
	return client(RD_KAFKA_PRODUCER, conf);
}

static rd_kafka_t *
consumer(const char *group, const char *isolation)
{
	rd_kafka_conf_t *conf = new_conf();

	set(conf, "group.id", group);
	set(conf, "enable.auto.commit", "false");
	set(conf, "auto.offset.reset", "earliest");
	set(conf, "session.timeout.ms", "10000");
	set(conf, "heartbeat.interval.ms", "300");
	set(conf, "fetch.wait.max.ms", "100");
	set(conf, "isolation.level", isolation);
	return client(RD_KAFKA_CONSUMER, conf);
}

static void
finish(rd_kafka_t *producer_rk)
{
	good("flush", rd_kafka_flush(producer_rk, WAIT_MS));
	rd_kafka_destroy(producer_rk);
}

/* --------------------------------------------------------------- admin */

/* Waits for the one event of a request; to be destroyed. */
static rd_kafka_event_t *
event_of(rd_kafka_queue_t *q, const char *what)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(q, CALL_MS);

	if (ev == NULL)
		fail(what, "expected an answer, seen none in %d ms", CALL_MS);
	if (rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR_NO_ERROR)
		fail(what, "expected no error, seen %s",
		    rd_kafka_event_error_string(ev));
	return ev;
}

/* Of an answer for one topic. */
static rd_kafka_resp_err_t
topic_error(const rd_kafka_topic_result_t **results, size_t n)
{
	if (n != 1)
		fail("an answer", "expected 1 topic, seen %zu", n);
	return rd_kafka_topic_result_error(results[0]);
}

static rd_kafka_resp_err_t
try_create(rd_kafka_t *rk, const char *topic, int partitions)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(topic, partitions, 1,
	    NULL, 0);
	const rd_kafka_topic_result_t **got;
	rd_kafka_event_t *ev;
	rd_kafka_resp_err_t err;
	size_t n;

	rd_kafka_NewTopic_set_config(t, "retention.ms", "3600000");
	rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
	ev = event_of(q, "create topic");
	got = rd_kafka_CreateTopics_result_topics(
	    rd_kafka_event_CreateTopics_result(ev), &n);
	err = topic_error(got, n);
	rd_kafka_event_destroy(ev);
	rd_kafka_NewTopic_destroy(t);
	rd_kafka_queue_destroy(q);
	return err;
}

static int
partitions_of(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *md;
	int i, n = -1;

	good("metadata", rd_kafka_metadata(rk, 1, NULL, &md, CALL_MS));
	for (i = 0; i < md->topic_cnt; i++)
		if (strcmp(md->topics[i].topic, topic) == 0)
			n = md->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(md);
	return n;
}

static void
wait_partitions(rd_kafka_t *rk, const char *topic, int n)
{
	int64_t end = now_ms() + CALL_MS;

	while (partitions_of(rk, topic) != n)
		if (now_ms() > end)
			fail("metadata", "%s has not %d partitions", topic, n);
}

static void
create(rd_kafka_t *rk, const char *topic, int partitions)
{
	good("create topic", try_create(rk, topic, partitions));
	wait_partitions(rk, topic, partitions);
}

/* Checks one value of a topic's configuration. */
static bool
has_config(rd_kafka_t *rk, const char *topic, const char *key,
    const char *value)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(
	    RD_KAFKA_RESOURCE_TOPIC, topic);
	const rd_kafka_ConfigResource_t **got;
	const rd_kafka_ConfigEntry_t **entries;
	rd_kafka_event_t *ev;
	bool found = false;
	size_t n, i;

	rd_kafka_DescribeConfigs(rk, &r, 1, NULL, q);
	ev = event_of(q, "describe configs");
	got = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(ev), &n);
	if (n != 1)
		fail("describe configs", "expected 1 resource, seen %zu", n);
	entries = rd_kafka_ConfigResource_configs(got[0], &n);
	for (i = 0; i < n; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), key) == 0)
			found = strcmp(rd_kafka_ConfigEntry_value(entries[i]),
			    value) == 0;
	rd_kafka_event_destroy(ev);
	rd_kafka_ConfigResource_destroy(r);
	rd_kafka_queue_destroy(q);
	return found;
}

static void
alter(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(
	    RD_KAFKA_RESOURCE_TOPIC, topic);
	int64_t end = now_ms() + CALL_MS;

	rd_kafka_ConfigResource_set_config(r, "retention.ms", "7200000");
	rd_kafka_AlterConfigs(rk, &r, 1, NULL, q);
	rd_kafka_event_destroy(event_of(q, "alter configs"));
	while (!has_config(rk, topic, "retention.ms", "7200000"))
		if (now_ms() > end)
			fail("alter configs", "retention.ms stays");
	ok("alter configs");
	rd_kafka_ConfigResource_destroy(r);
	rd_kafka_queue_destroy(q);
}

static void
grow(rd_kafka_t *rk, const char *topic, size_t to)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	char text[ERR_TEXT];
	rd_kafka_NewPartitions_t *np = rd_kafka_NewPartitions_new(topic, to,
	    text, sizeof(text));
	const rd_kafka_topic_result_t **got;
	rd_kafka_event_t *ev;
	size_t n;

	rd_kafka_CreatePartitions(rk, &np, 1, NULL, q);
	ev = event_of(q, "create partitions");
	got = rd_kafka_CreatePartitions_result_topics(
	    rd_kafka_event_CreatePartitions_result(ev), &n);
	good("create partitions", topic_error(got, n));
	rd_kafka_event_destroy(ev);
	rd_kafka_NewPartitions_destroy(np);
	rd_kafka_queue_destroy(q);
	wait_partitions(rk, topic, (int)to);
}

static void
delete_topic(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *t = rd_kafka_DeleteTopic_new(topic);
	const rd_kafka_topic_result_t **got;
	rd_kafka_event_t *ev;
	size_t n;

	rd_kafka_DeleteTopics(rk, &t, 1, NULL, q);
	ev = event_of(q, "delete topic");
	got = rd_kafka_DeleteTopics_result_topics(
	    rd_kafka_event_DeleteTopics_result(ev), &n);
	good("delete topic", topic_error(got, n));
	rd_kafka_event_destroy(ev);
	rd_kafka_DeleteTopic_destroy(t);
	rd_kafka_queue_destroy(q);
	wait_partitions(rk, topic, -1);
}

static void
tour_topics(rd_kafka_t *rk)
{
	const char *topic = name("admin");

	create(rk, topic, 2);
	same("create again", try_create(rk, topic, 2),
	    RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
	same("retention.ms", has_config(rk, topic, "retention.ms", "3600000"),
	    true);
	same("cleanup.policy", has_config(rk, topic, "cleanup.policy",
	    "delete"), true);
	alter(rk, topic);
	grow(rk, topic, 5);
	delete_topic(rk, topic);
}

static void
delete_records(rd_kafka_t *rk, const char *topic, int64_t offset)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *d;
	const rd_kafka_topic_partition_list_t *got;
	rd_kafka_event_t *ev;

	rd_kafka_topic_partition_list_add(l, topic, 0)->offset = offset;
	d = rd_kafka_DeleteRecords_new(l);
	rd_kafka_DeleteRecords(rk, &d, 1, NULL, q);
	ev = event_of(q, "delete records");
	got = rd_kafka_DeleteRecords_result_offsets(
	    rd_kafka_event_DeleteRecords_result(ev));
	same("delete records: partitions", got->cnt, 1);
	good("delete records", got->elems[0].err);
	same("delete records: the new start", got->elems[0].offset, offset);
	rd_kafka_event_destroy(ev);
	rd_kafka_DeleteRecords_destroy(d);
	rd_kafka_topic_partition_list_destroy(l);
	rd_kafka_queue_destroy(q);
}

/* --------------------------------------------------- produce and consume */

static void
assign(rd_kafka_t *rk, const char *topic, int partitions, int64_t offset)
{
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(partitions);
	int p;

	for (p = 0; p < partitions; p++)
		rd_kafka_topic_partition_list_add(l, topic, p)->offset =
		    offset;
	good("assign", rd_kafka_assign(rk, l));
	rd_kafka_topic_partition_list_destroy(l);
}

/* The next record, or NULL after ms. Errors that pass are left out. */
static rd_kafka_message_t *
next(rd_kafka_t *rk, int ms)
{
	int64_t end = now_ms() + ms;
	rd_kafka_message_t *m;

	do {
		m = rd_kafka_consumer_poll(rk, ms);
		if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			return m;
		if (m != NULL)
			rd_kafka_message_destroy(m);
	} while (now_ms() < end);
	return NULL;
}

static int64_t
count_all(const char *topic, int partitions, const char *isolation,
    int64_t expected)
{
	rd_kafka_t *rk = consumer("unused", isolation);
	rd_kafka_message_t *m;
	int64_t n = 0;

	assign(rk, topic, partitions, RD_KAFKA_OFFSET_BEGINNING);
	while ((m = next(rk, n < expected ? CALL_MS : MOMENT_MS)) != NULL) {
		n++;
		rd_kafka_message_destroy(m);
	}
	rd_kafka_destroy(rk);
	return n;
}

enum { CODEC_RECORDS = 200, VALUE_SIZE = 300 };

static void
fill(char *value, int i)
{
	int n = snprintf(value, VALUE_SIZE, "value %d ", i);

	memset(value + n, 'a' + i % 26, (size_t)(VALUE_SIZE - n));
}

static void
send_codec(rd_kafka_t *rk, const char *topic, int64_t stamp)
{
	char text[VALUE_SIZE], name_text[32], *value, *key;
	size_t key_len, value_len;
	rd_kafka_resp_err_t err;
	int i, n;

	for (i = 0; i < CODEC_RECORDS; i++) {
		fill(text, i);
		n = snprintf(name_text, sizeof(name_text), "key %d", i);
		key = i % 3 == 0 ? NULL : name_text;
		value = i % 7 == 0 ? NULL : text;
		key_len = key != NULL ? (size_t)n : 0;
		value_len = value != NULL ? VALUE_SIZE : 0;
		err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
		    RD_KAFKA_V_PARTITION(0),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		    RD_KAFKA_V_KEY(key, key_len),
		    RD_KAFKA_V_VALUE(value, value_len),
		    RD_KAFKA_V_TIMESTAMP(stamp + i),
		    RD_KAFKA_V_HEADER("h", name_text, n),
		    RD_KAFKA_V_HEADER("null", NULL, 0), RD_KAFKA_V_END);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			fail("produce", "%s", rd_kafka_err2name(err));
	}
}

static void
check_headers(const rd_kafka_message_t *m, const char *key)
{
	rd_kafka_headers_t *h;
	const void *v;
	size_t len;

	if (rd_kafka_message_headers(m, &h) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_cnt(h) != 2 ||
	    rd_kafka_header_get_last(h, "h", &v, &len) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR || len != strlen(key) ||
	    memcmp(v, key, len) != 0 ||
	    rd_kafka_header_get_last(h, "null", &v, &len) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR || v != NULL)
		fail("headers", "expected two at offset %" PRId64,
		    m->offset);
}

static void
check_record(const rd_kafka_message_t *m, int i, int64_t stamp)
{
	char value[VALUE_SIZE], key[32];
	rd_kafka_timestamp_type_t type;

	fill(value, i);
	(void)snprintf(key, sizeof(key), "key %d", i);
	if (m->offset != i)
		fail("offsets", "expected %d, seen %" PRId64, i, m->offset);
	if (rd_kafka_message_timestamp(m, &type) != stamp + i ||
	    type != RD_KAFKA_TIMESTAMP_CREATE_TIME)
		fail("timestamps", "wrong at offset %d", i);
	if (i % 7 == 0 ? m->payload != NULL : m->len != sizeof(value) ||
	    memcmp(m->payload, value, sizeof(value)) != 0)
		fail("values", "wrong at offset %d", i);
	if (i % 3 == 0 ? m->key != NULL : m->key_len != strlen(key) ||
	    memcmp(m->key, key, m->key_len) != 0)
		fail("keys", "wrong at offset %d", i);
	check_headers(m, key);
}

static void
tour_codec(rd_kafka_t *admin, const char *codec, const char *acks)
{
	const char *const conf[] = { "compression.codec", codec,
		"request.required.acks", acks, NULL };
	struct sent s = { 0, 0, 0, 0 };
	int64_t stamp = (int64_t)time(NULL) * 1000 - 5000;
	const char *topic = name(codec);
	rd_kafka_message_t *m;
	rd_kafka_t *rk;
	char what[64];
	int i;

	(void)snprintf(what, sizeof(what), "%s-%s", codec, acks);
	topic = name(what);
	create(admin, topic, 1);
	rk = producer(&s, conf);
	send_codec(rk, topic, stamp);
	finish(rk);
	same("acknowledged", s.acked, CODEC_RECORDS);
	rk = consumer("unused", "read_committed");
	assign(rk, topic, 1, RD_KAFKA_OFFSET_BEGINNING);
	for (i = 0; i < CODEC_RECORDS; i++) {
		if ((m = next(rk, CALL_MS)) == NULL)
			fail(what, "expected %d records, seen %d",
			    CODEC_RECORDS, i);
		check_record(m, i, stamp);
		rd_kafka_message_destroy(m);
	}
	same(what, next(rk, MOMENT_MS) == NULL, true);
	rd_kafka_destroy(rk);
}

static void
send_numbers(rd_kafka_t *rk, const char *topic, int from, int to,
    int partitions)
{
	rd_kafka_resp_err_t err;
	char value[32];
	int i, n;

	for (i = from; i < to; i++) {
		n = snprintf(value, sizeof(value), "%d", i);
		err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
		    RD_KAFKA_V_PARTITION(i % partitions),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		    RD_KAFKA_V_TIMESTAMP(1600000000000 + i * 1000),
		    RD_KAFKA_V_VALUE(value, (size_t)n), RD_KAFKA_V_END);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			fail("produce", "%s", rd_kafka_err2name(err));
		rd_kafka_poll(rk, 0);
	}
}

static int64_t
offset_at(rd_kafka_t *rk, const char *topic, int64_t stamp)
{
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(1);
	int64_t offset;

	rd_kafka_topic_partition_list_add(l, topic, 0)->offset = stamp;
	good("offsets for times", rd_kafka_offsets_for_times(rk, l, CALL_MS));
	offset = l->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(l);
	return offset;
}

static void
tour_positions(rd_kafka_t *admin)
{
	const char *topic = name("positions");
	struct sent s = { 0, 0, 0, 0 };
	rd_kafka_t *rk = producer(&s, NULL), *c;
	rd_kafka_message_t *m;
	int64_t low, high;

	create(admin, topic, 1);
	send_numbers(rk, topic, 0, 50, 1);
	finish(rk);
	c = consumer("unused", "read_committed");
	same("by timestamp", offset_at(c, topic, 1600000030500), 31);
	same("by a late timestamp", offset_at(c, topic, 1700000000000),
	    RD_KAFKA_OFFSET_END);
	assign(c, topic, 1, 20);
	if ((m = next(c, CALL_MS)) == NULL)
		fail("from an offset", "nothing");
	same("from an offset", m->offset, 20);
	rd_kafka_message_destroy(m);
	delete_records(admin, topic, 10);
	good("watermarks", rd_kafka_query_watermark_offsets(c, topic, 0, &low,
	    &high, CALL_MS));
	same("the low watermark", low, 10);
	same("the high watermark", high, 50);
	assign(c, topic, 1, 3);	/* out of range: to the earliest */
	if ((m = next(c, CALL_MS)) == NULL)
		fail("below the start", "nothing");
	same("below the start", m->offset, 10);
	rd_kafka_message_destroy(m);
	rd_kafka_destroy(c);
}

/* ---------------------------------------------------------- the middle */

static void
nap_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static int
send_through(rd_kafka_t *rk, const char *topic)
{
	const char *half = getenv("TOUR_HALF");
	int64_t end = now_ms() + (half != NULL ? MIDDLE_MS : 300);
	FILE *f;
	int n = 0;

	if (half != NULL) {
		if ((f = fopen(half, "we")) == NULL)
			fail("the middle", "%s: %s", half, strerror(errno));
		(void)fclose(f);
	}
	while (now_ms() < end && n < MIDDLE_MAX &&
	    (half == NULL || access(half, F_OK) == 0)) {
		send_numbers(rk, topic, n, n + 1, 2);
		n++;
		nap_ms(5);
	}
	if (half != NULL && access(half, F_OK) == 0)
		fail("the middle", "the broker is not started again");
	send_numbers(rk, topic, n, n + 10, 2);
	return n + 10;
}

/* Each number once, in the order of each partition. */
static void
check_numbers(rd_kafka_t *c, int n)
{
	int expected[2] = { 0, 1 };
	rd_kafka_message_t *m;
	char text[32];
	int i;

	for (i = 0; i < n; i++) {
		if ((m = next(c, WAIT_MS)) == NULL)
			fail("through the middle", "expected %d, seen %d", n,
			    i);
		(void)snprintf(text, sizeof(text), "%d",
		    expected[m->partition]);
		if (m->len != strlen(text) ||
		    memcmp(m->payload, text, m->len) != 0)
			fail("through the middle", "expected %s, seen %.*s",
			    text, (int)m->len, (const char *)m->payload);
		expected[m->partition] += 2;
		rd_kafka_message_destroy(m);
	}
}

static void
tour_middle(rd_kafka_t *admin)
{
	const char *const conf[] = { "enable.idempotence", "true", NULL };
	const char *topic = name("middle");
	struct sent s = { 0, 0, 0, 0 };
	rd_kafka_t *rk, *c = consumer(name("middle-group"), "read_committed");
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(1);
	int n;

	create(admin, topic, 2);
	rd_kafka_topic_partition_list_add(l, topic, -1);
	good("subscribe", rd_kafka_subscribe(c, l));
	rk = producer(&s, conf);
	n = send_through(rk, topic);
	finish(rk);
	same("through the middle: acknowledged", s.acked, n);
	check_numbers(c, n);
	same("through the middle: no more", next(c, MOMENT_MS) == NULL, true);
	good("commit", rd_kafka_commit(c, NULL, 0));
	rd_kafka_topic_partition_list_destroy(l);
	rd_kafka_destroy(c);
}

/* ---------------------------------------------------------------- groups */

enum { GROUP_PARTITIONS = 4, GROUP_MAX = 100000 };

static void
subscribe(rd_kafka_t *c, const char *topic)
{
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(l, topic, -1);
	good("subscribe", rd_kafka_subscribe(c, l));
	rd_kafka_topic_partition_list_destroy(l);
}

static int
assigned(rd_kafka_t *c)
{
	rd_kafka_topic_partition_list_t *l;
	int n = 0;

	if (rd_kafka_assignment(c, &l) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		n = l->cnt;
		rd_kafka_topic_partition_list_destroy(l);
	}
	return n;
}

static void
poll_member(rd_kafka_t *c, char *seen)
{
	rd_kafka_message_t *m = next(c, 10);
	struct leat_str text;
	int64_t i;

	if (m == NULL)
		return;
	text = (struct leat_str){ m->payload, m->len };
	if (leat_parse_i64(text, 0, GROUP_MAX - 1, &i) < 0)
		fail("a group", "a value that is no number");
	seen[i] = 1;
	rd_kafka_message_destroy(m);
}

/* Produces and polls until each member has its share. */
static int
work_until_shared(rd_kafka_t *p, const char *topic, rd_kafka_t **members,
    int nmembers, int sent, char *seen)
{
	int64_t end = now_ms() + WAIT_MS;
	int i, all, least;

	do {
		if (now_ms() > end || sent + GROUP_PARTITIONS > GROUP_MAX)
			fail("a group", "%d members do not share", nmembers);
		send_numbers(p, topic, sent, sent + GROUP_PARTITIONS,
		    GROUP_PARTITIONS);
		sent += GROUP_PARTITIONS;
		for (i = 0, all = 0, least = GROUP_PARTITIONS; i < nmembers;
		    i++) {
			poll_member(members[i], seen);
			all += assigned(members[i]);
			if (assigned(members[i]) < least)
				least = assigned(members[i]);
		}
	} while (all != GROUP_PARTITIONS || least == 0);
	ok("the members share");
	return sent;
}

static bool
all_seen(const char *seen, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!seen[i])
			return false;
	return true;
}

static void
check_committed(rd_kafka_t *c, const char *topic, int n)
{
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(GROUP_PARTITIONS);
	int p;

	for (p = 0; p < GROUP_PARTITIONS; p++)
		rd_kafka_topic_partition_list_add(l, topic, p);
	good("committed", rd_kafka_committed(c, l, CALL_MS));
	for (p = 0; p < GROUP_PARTITIONS; p++)
		same("committed", l->elems[p].offset, n / GROUP_PARTITIONS);
	l->elems[1].offset = 1;
	l->elems[1].metadata = strdup("a note");
	l->elems[1].metadata_size = strlen("a note");
	good("commit with metadata", rd_kafka_commit(c, l, 0));
	good("committed", rd_kafka_committed(c, l, CALL_MS));
	same("the metadata of a commit", l->elems[1].metadata_size ==
	    strlen("a note") && memcmp(l->elems[1].metadata, "a note",
	    l->elems[1].metadata_size) == 0, true);
	rd_kafka_topic_partition_list_destroy(l);
}

static void
delete_group(rd_kafka_t *rk, const char *group)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_DeleteGroup_t *g = rd_kafka_DeleteGroup_new(group);
	const rd_kafka_group_result_t **got;
	rd_kafka_event_t *ev;
	size_t n;

	rd_kafka_DeleteGroups(rk, &g, 1, NULL, q);
	ev = event_of(q, "delete group");
	got = rd_kafka_DeleteGroups_result_groups(
	    rd_kafka_event_DeleteGroups_result(ev), &n);
	same("delete group: results", (int64_t)n, 1);
	good("delete group", rd_kafka_error_code(
	    rd_kafka_group_result_error(got[0])));
	rd_kafka_event_destroy(ev);
	rd_kafka_DeleteGroup_destroy(g);
	rd_kafka_queue_destroy(q);
}

static void
check_listed(rd_kafka_t *rk, const char *group, const char *state,
    int members)
{
	const struct rd_kafka_group_list *l;

	good("list groups", rd_kafka_list_groups(rk, group, &l, CALL_MS));
	same("list groups: one", l->group_cnt, 1);
	if (strcmp(l->groups[0].state, state) != 0)
		fail("list groups", "expected %s, seen %s", state,
		    l->groups[0].state);
	same("list groups: members", l->groups[0].member_cnt, members);
	rd_kafka_group_list_destroy(l);
}

static void
tour_groups(rd_kafka_t *admin)
{
	static char seen[GROUP_MAX];
	const char *topic = name("group"), *group = name("group");
	struct sent s = { 0, 0, 0, 0 };
	rd_kafka_t *p = producer(&s, NULL), *m[3];
	int64_t end;
	int i, n = 0;

	create(admin, topic, GROUP_PARTITIONS);
	for (i = 0; i < 3; i++) {
		m[i] = consumer(group, "read_committed");
		subscribe(m[i], topic);
		n = work_until_shared(p, topic, m, i + 1, n, seen);
	}
	check_listed(admin, group, "Stable", 3);
	for (i = 0; i < 2; i++) {
		(void)rd_kafka_commit(m[i], NULL, 0);
		rd_kafka_consumer_close(m[i]);
		rd_kafka_destroy(m[i]);
		n = work_until_shared(p, topic, m + i + 1, 2 - i, n, seen);
	}
	finish(p);
	for (end = now_ms() + WAIT_MS; !all_seen(seen, n);) {
		if (now_ms() > end)
			fail("a group", "not all is read");
		poll_member(m[2], seen);
	}
	ok("each record was read, without a gap");
	good("commit", rd_kafka_commit(m[2], NULL, 0));
	check_committed(m[2], topic, n);
	rd_kafka_consumer_close(m[2]);
	rd_kafka_destroy(m[2]);
	check_listed(admin, group, "Empty", 0);
	delete_group(admin, group);
}

/* ---------------------------------------------------------- transactions */

static void
tour_transactions(rd_kafka_t *admin)
{
	const char *topic = name("txn");
	const char *const conf[] = { "transactional.id", name("txn-id"),
		NULL };
	struct sent s = { 0, 0, 0, 0 };
	rd_kafka_t *p = producer(&s, conf);
	int n;

	create(admin, topic, 2);
	fine("init transactions", rd_kafka_init_transactions(p, CALL_MS));
	for (n = 0; n < 4; n++) {
		fine("begin", rd_kafka_begin_transaction(p));
		send_numbers(p, topic, 0, 10, 2);
		if (n % 2 == 0) {
			fine("commit", rd_kafka_commit_transaction(p,
			    CALL_MS));
			continue;
		}
		good("flush", rd_kafka_flush(p, CALL_MS));
		fine("abort", rd_kafka_abort_transaction(p, CALL_MS));
	}
	same("read_committed", count_all(topic, 2, "read_committed", 20), 20);
	same("read_uncommitted", count_all(topic, 2, "read_uncommitted", 40),
	    40);
	rd_kafka_destroy(p);
}

/* Offsets that belong to a transaction. */
static void
tour_offsets_in_transaction(rd_kafka_t *admin)
{
	const char *source = name("txn-in"), *group = name("txn-group");
	const char *const conf[] = { "transactional.id", name("txn-off"),
		NULL };
	struct sent s = { 0, 0, 0, 0 };
	rd_kafka_t *p = producer(&s, conf), *c;
	rd_kafka_topic_partition_list_t *l =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_consumer_group_metadata_t *md;
	int round;

	create(admin, source, 1);
	c = consumer(group, "read_committed");
	rd_kafka_topic_partition_list_add(l, source, 0)->offset = 5;
	fine("init transactions", rd_kafka_init_transactions(p, CALL_MS));
	for (round = 0; round < 2; round++) {
		l->elems[0].offset = 5;
		md = rd_kafka_consumer_group_metadata(c);
		fine("begin", rd_kafka_begin_transaction(p));
		send_numbers(p, source, 0, 3, 1);
		fine("send offsets", rd_kafka_send_offsets_to_transaction(p,
		    l, md, CALL_MS));
		rd_kafka_consumer_group_metadata_destroy(md);
		if (round == 0)
			fine("abort", rd_kafka_abort_transaction(p, CALL_MS));
		else
			fine("commit", rd_kafka_commit_transaction(p,
			    CALL_MS));
		good("committed", rd_kafka_committed(c, l, CALL_MS));
		same("offsets of the transaction", l->elems[0].offset,
		    round == 0 ? RD_KAFKA_OFFSET_INVALID : 5);
	}
	rd_kafka_topic_partition_list_destroy(l);
	rd_kafka_destroy(c);
	rd_kafka_destroy(p);
}

int
main(int argc, char **argv)
{
	static const char *const codecs[] = { "none", "gzip", "snappy", "lz4",
		"zstd" };
	static const char *const acks[] = { "0", "1", "all" };
	rd_kafka_t *admin;
	size_t i;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: rdkafka_tour HOST:PORT\n");
		return 2;
	}
	address = argv[1];
	(void)alarm(TOUR_S);
	admin = client(RD_KAFKA_CONSUMER, new_conf());
	tour_topics(admin);
	for (i = 0; i < 5 * 3; i++)
		tour_codec(admin, codecs[i / 3], acks[i % 3]);
	tour_positions(admin);
	tour_middle(admin);
	tour_groups(admin);
	tour_transactions(admin);
	tour_offsets_in_transaction(admin);
	rd_kafka_destroy(admin);
	printf("%ld checks passed\n", passed);
	return 0;
}
