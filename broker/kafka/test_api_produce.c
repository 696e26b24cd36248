/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Produce: what is appended, what is answered and when, and every refusal.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "broker/log/batch.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"
#include "tests/harness/th_kafka.h"

enum { PRODUCE = 0, WAIT_MS = 10000, SERIES_MAX = 8 };

static struct broker *broker;
static struct kafka_server *server;

static struct broker *
open_broker(const char *name, const struct fsio *fs)
{
	struct broker_options o;

	broker_options_init(&o);
	o.fs = fs;
	if (fs != NULL)		/* nothing is synced that nobody asks for */
		o.flush_interval_ms = 3600000;
	return th_broker_open(name, &o);
}

static struct kafka_server *
open_server(struct broker *b)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options o;
	struct kafka_server *s = NULL;

	broker_listen_options_init(&o);
	OK(kafka_server_new(b, &o, &s, &err));
	return s;
}

static void
topic(struct broker *b, const char *name, const char *setting,
    const char *value)
{
	struct broker_setting s = { setting, value };
	struct leat_err err = LEAT_ERR_INIT;

	OK(broker_topic_create(b, name, 1, &s, setting != NULL, &err));
}

/* ------------------------------------------------------------- batches */

struct batch {
	uint8_t data[4096];
	size_t len;
};

/* n records with keys, the `unkeyed`th without. */
static struct batch
batch_of(enum record_codec codec, int n, int unkeyed, int64_t ts,
    const struct batch_identity *id)
{
	struct batch_builder *bb = batch_builder_new(codec, 0, 1 << 20);
	struct leat_err err = LEAT_ERR_INIT;
	struct batch b = { .len = 0 };
	uint8_t *data;

	for (int i = 0; i < n; i++) {
		struct record rec = { .timestamp_ms = ts };

		if (i != unkeyed)
			rec.key = LEAT_STR("key");
		rec.value = LEAT_STR("some value");
		OK(batch_builder_add(bb, &rec, &err));
	}
	OK(batch_builder_finish(bb, id, &data, &b.len, &err));
	assert_true(b.len <= sizeof(b.data));
	memcpy(b.data, data, b.len);
	batch_builder_free(bb);
	return b;
}

static struct batch
plain(int n)
{
	return batch_of(CODEC_NONE, n, -1, clock_wall_ms(&clock_system), NULL);
}

/* ------------------------------------------------------------- requests */

struct result {
	int16_t error;
	int64_t base, append_time, log_start;
	int32_t bad_record;	/* -1: none is named */
	char message[200];	/* "" for null */
};

struct produce {
	int16_t version, acks;
	int32_t timeout_ms;
	const char *client, *transactional_id;
};

static const struct produce usual = { 9, 1, 5000, "test", NULL };

static void
put_part(struct th_call *c, int32_t index, const void *data, size_t len)
{
	kout_i32(&c->body, index);
	kout_bytes_null(&c->body, (struct leat_str){ data, len });
	kout_tags(&c->body);
}

static void
begin(struct th_call *c, struct kafka_server *s, const struct produce *p,
    const char *name, int32_t parts)
{
	th_kafka_begin(c, s, PRODUCE, p->version, p->client);
	kout_str_null(&c->body, p->transactional_id);
	kout_i16(&c->body, p->acks);
	kout_i32(&c->body, p->timeout_ms);
	kout_array(&c->body, 1);
	kout_str(&c->body, name);
	kout_array(&c->body, parts);
}

static void
send(struct th_call *c)
{
	kout_tags(&c->body);
	kout_tags(&c->body);
	th_kafka_send(c);
}

static struct result
get_part(struct th_call *c)
{
	struct kafka_in *in = &c->in;
	struct result r = { .bad_record = -1, .log_start = -1 };
	const char *text;
	int32_t n;

	(void)kin_i32(in);
	r.error = kin_i16(in);
	r.base = kin_i64(in);
	r.append_time = kin_i64(in);
	if (c->rq.version >= 5)
		r.log_start = kin_i64(in);
	if (c->rq.version >= 8) {
		n = kin_array(in);
		for (int32_t i = 0; i < n; i++) {
			r.bad_record = kin_i32(in);
			(void)kin_str_null(in);
			kin_tags(in);
		}
		text = kin_str_null(in);
		snprintf(r.message, sizeof(r.message), "%s",
		    text != NULL ? text : "");
	}
	kin_tags(in);
	return r;
}

static void
get_head(struct th_call *c, const char *name, int32_t parts)
{
	assert_int_equal(kin_array(&c->in), 1);
	assert_string_equal(kin_str(&c->in), name);
	assert_int_equal(kin_array(&c->in), parts);
}

static void
get_tail(struct th_call *c)
{
	kin_tags(&c->in);
	assert_int_equal(kin_i32(&c->in), 0);
	kin_tags(&c->in);
	assert_true(kin_ok(&c->in));
	assert_int_equal(leat_reader_left(&c->in.r), 0);
}

/* One batch for one partition. */
static struct result
produce_to(struct kafka_server *s, const struct produce *p, const char *name,
    const void *data, size_t len)
{
	struct th_call c;
	struct result r;

	begin(&c, s, p, name, 1);
	put_part(&c, 0, data, len);
	send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	assert_int_equal(c.rq.outcome, OUTCOME_REPLY);
	get_head(&c, name, 1);
	r = get_part(&c);
	get_tail(&c);
	th_kafka_end(&c);
	return r;
}

static struct result
produce(const struct produce *p, const char *name, const struct batch *b)
{
	return produce_to(server, p, name, b->data, b->len);
}

static void
expect_error(const struct result *r, int16_t error, const char *text)
{
	assert_int_equal(r->error, error);
	assert_int_equal(r->base, -1);
	if (strstr(r->message, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, r->message);
}

/* --------------------------------------------------------------- tests */

static void
test_versions(void **state)
{
	struct produce p = usual;
	struct batch b = plain(3);
	struct result r;

	topic(broker, "versions", NULL, NULL);
	for (int16_t v = 3; v <= 11; v++) {
		p.version = v;
		r = produce(&p, "versions", &b);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.base, (v - 3) * 3);
		assert_int_equal(r.append_time, -1);
		assert_int_equal(r.log_start, v >= 5 ? 0 : -1);
	}
}

static void
test_append_time(void **state)
{
	struct batch b = batch_of(CODEC_NONE, 2, -1, 1000, NULL);
	int64_t now = clock_wall_ms(&clock_system);
	struct result r;

	topic(broker, "times", "message.timestamp.type", "LogAppendTime");
	r = produce(&usual, "times", &b);
	assert_int_equal(r.error, 0);
	assert_in_range(r.append_time, now, now + WAIT_MS);
}

static void
test_whole_request(void **state)
{
	struct produce p = usual;
	struct batch_identity id = { 77, 0, 0, true };
	struct batch b = batch_of(CODEC_NONE, 1, -1, 1000, &id);
	struct result r;

	topic(broker, "whole", NULL, NULL);
	p.acks = 2;
	r = produce(&p, "whole", &b);
	expect_error(&r, KAFKA_INVALID_REQUIRED_ACKS, "");
	p.acks = 1;
	r = produce(&p, "whole", &b);
	expect_error(&r, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "");
	p.transactional_id = "mine";
	r = produce(&p, "whole", &b);
	expect_error(&r, KAFKA_INVALID_TXN_STATE, "in no open transaction");
	p.version = 11;
	r = produce(&p, "whole", &b);
	expect_error(&r, KAFKA_TRANSACTION_ABORTABLE, "in no open");
}

static void
test_where_to(void **state)
{
	struct produce p = usual;
	struct batch b = plain(1);
	struct result r;
	struct th_call c;

	r = produce(&p, "nowhere", &b);
	expect_error(&r, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "");
	assert_int_equal(broker_topic_partitions(broker, "nowhere"),
	    LEAT_E_NOTFOUND);
	topic(broker, "one", NULL, NULL);
	begin(&c, server, &p, "one", 2);
	put_part(&c, 1, b.data, b.len);
	put_part(&c, 0, b.data, b.len);
	send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	get_head(&c, "one", 2);
	r = get_part(&c);
	expect_error(&r, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "");
	r = get_part(&c);
	assert_int_equal(r.error, 0);
	get_tail(&c);
	th_kafka_end(&c);

	r = produce(&p, offsets_topic, &b);
	expect_error(&r, KAFKA_INVALID_TOPIC_EXCEPTION, "internal topic");
	p.client = "__admin_client";
	r = produce(&p, txn_topic, &b);
	assert_int_equal(r.error, 0);
}

struct damage {
	const char *text;
	int16_t error;
	size_t at;		/* of the byte to change */
	uint8_t value;
	bool seal;		/* with a checksum that is right again */
};

static void
test_damaged(void **state)
{
	static const struct damage rows[] = {
		{ "magic 1", KAFKA_INVALID_RECORD, 16, 1, false },
		{ "base offset", KAFKA_INVALID_RECORD, 7, 1, false },
		{ "checksum", KAFKA_CORRUPT_MESSAGE, 70, 0xff, false },
		{ "cut off", KAFKA_CORRUPT_MESSAGE, 9, 1, false },
		{ "batch length", KAFKA_CORRUPT_MESSAGE, 11, 1, false },
		{ "fit the offsets", KAFKA_INVALID_RECORD, 60, 9, true },
		{ "fit the offsets", KAFKA_INVALID_RECORD, 26, 9, true },
		{ "unknown compression", KAFKA_INVALID_RECORD, 22, 6, true },
		{ "append time", KAFKA_INVALID_TIMESTAMP, 22, 8, true },
		{ "control batch", KAFKA_INVALID_RECORD, 22, 0x20, true },
		{ "delete horizon", KAFKA_INVALID_RECORD, 22, 0x40, true },
		{ "without sequence", KAFKA_INVALID_RECORD, 43, 0, true },
		{ "record 0 is damaged", KAFKA_CORRUPT_MESSAGE, 61, 2, true },
		{ "0, 1, 2", KAFKA_INVALID_RECORD, 64, 2, true },
	};
	struct result r;

	topic(broker, "damaged", NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct batch b = plain(2);

		b.data[rows[i].at] = rows[i].value;
		if (rows[i].seal)
			batch_seal(b.data, b.len);
		r = produce(&usual, "damaged", &b);
		expect_error(&r, rows[i].error, rows[i].text);
	}
}

static void
test_not_one_batch(void **state)
{
	struct batch b = plain(1);
	struct result r;

	topic(broker, "count", NULL, NULL);
	memcpy(b.data + b.len, b.data, b.len);
	r = produce_to(server, &usual, "count", b.data, 2 * b.len);
	expect_error(&r, KAFKA_INVALID_RECORD, "exactly one batch");
	r = produce_to(server, &usual, "count", b.data, b.len - 1);
	expect_error(&r, KAFKA_CORRUPT_MESSAGE, "cut off");
	r = produce_to(server, &usual, "count", b.data, 20);
	expect_error(&r, KAFKA_CORRUPT_MESSAGE, "cut off");
	r = produce_to(server, &usual, "count", "", 0);
	expect_error(&r, KAFKA_INVALID_RECORD, "empty");
	r = produce_to(server, &usual, "count", NULL, 0);
	expect_error(&r, KAFKA_INVALID_RECORD, "empty");
}

static void
test_topic_rules(void **state)
{
	int64_t now = clock_wall_ms(&clock_system);
	struct batch b = plain(100), keyless, inflated, late;
	struct produce p = usual;
	struct result r;

	topic(broker, "small", "max.message.bytes", "100");
	r = produce(&p, "small", &b);
	expect_error(&r, KAFKA_MESSAGE_TOO_LARGE, "max.message.bytes 100");
	topic(broker, "segments", "segment.bytes", "100");
	r = produce(&p, "segments", &b);
	expect_error(&r, KAFKA_RECORD_LIST_TOO_LARGE, "segment.bytes 100");

	topic(broker, "keys", "cleanup.policy", "compact");
	keyless = batch_of(CODEC_NONE, 3, 1, now, NULL);
	r = produce(&p, "keys", &keyless);
	expect_error(&r, KAFKA_INVALID_RECORD, "without a key");
	assert_int_equal(r.bad_record, 1);
	inflated = batch_of(CODEC_GZIP, 3, 2, now, NULL);
	r = produce(&p, "keys", &inflated);
	expect_error(&r, KAFKA_INVALID_RECORD, "without a key");
	assert_int_equal(r.bad_record, 2);

	topic(broker, "future", "message.timestamp.after.max.ms", "1000");
	late = batch_of(CODEC_NONE, 1, -1, now + 3600000, NULL);
	r = produce(&p, "future", &late);
	expect_error(&r, KAFKA_INVALID_TIMESTAMP, "in the future");
	assert_int_equal(r.bad_record, 0);
	topic(broker, "past", "message.timestamp.before.max.ms", "1000");
	late = batch_of(CODEC_LZ4, 1, -1, now - 3600000, NULL);
	r = produce(&p, "past", &late);
	expect_error(&r, KAFKA_INVALID_TIMESTAMP, "in the past");
}

static void
test_zstd(void **state)
{
	struct batch b = batch_of(CODEC_ZSTD, 50, -1, 1000, NULL);
	struct produce p = usual;
	struct result r;

	topic(broker, "zstd", NULL, NULL);
	p.version = 6;
	r = produce(&p, "zstd", &b);
	expect_error(&r, KAFKA_UNSUPPORTED_COMPRESSION_TYPE, "");
	p.version = 7;
	r = produce(&p, "zstd", &b);
	assert_int_equal(r.error, 0);
}

/* The header's largest timestamp is what the records say. */
static void
test_max_timestamp(void **state)
{
	struct batch b = batch_of(CODEC_NONE, 1, -1, 5000, NULL);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p;
	int64_t offset, ts;
	struct result r;

	topic(broker, "maxts", NULL, NULL);
	leat_put_u64(b.data + 35, 999999);
	batch_seal(b.data, b.len);
	r = produce(&usual, "maxts", &b);
	assert_int_equal(r.error, 0);
	p = topics_find(broker, "maxts", 0);
	OK(broker_partition_offset_of_max(p, &offset, &ts, &err));
	assert_int_equal(offset, 0);
	assert_int_equal(ts, 5000);
	broker_partition_put(p);
}

/* The codec of the only batch there is; its records are counted. */
static int
stored_codec(const char *name, int records)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p = topics_find(broker, name, 0);
	struct batch_reader *r = batch_reader_new(1 << 20);
	struct broker_slice s;
	struct record rec;
	uint8_t bytes[4096];
	int codec, n = 0;

	assert_int_equal(broker_slice_get(p, 0, READ_UNCOMMITTED, 1 << 20, &s,
	    &err), 1);
	assert_true(s.len <= sizeof(bytes));
	assert_int_equal(pread(s.fd, bytes, s.len, s.pos), s.len);
	OK(batch_reader_open(r, bytes, s.len, &err));
	codec = batch_reader_header(r)->attributes & BATCH_CODEC_MASK;
	assert_int_equal(batch_reader_header(r)->producer_id, 9);
	assert_int_equal(crc32c(0, bytes + 21, s.len - 21),
	    leat_get_u32(bytes + 17));
	while (batch_reader_next(r, &rec, &err) > 0) {
		assert_int_equal(rec.offset, n++);
		assert_int_equal(rec.timestamp_ms, 1000);
		assert_int_equal(rec.value.len, 10);
	}
	assert_int_equal(n, records);
	broker_slice_put(&s);
	batch_reader_free(r);
	broker_partition_put(p);
	return codec;
}

static void
test_compression_type(void **state)
{
	static const char *const names[] = { "uncompressed", "gzip", "snappy",
		"lz4", "zstd" };
	struct batch_identity id = { 9, 0, 0, false };

	for (int to = CODEC_NONE; to < CODEC_N; to++)
		for (int from = CODEC_NONE; from < CODEC_N; from++) {
			struct batch b = batch_of((enum record_codec)from, 50,
			    -1, 1000, &id);
			char name[64];
			struct result r;

			snprintf(name, sizeof(name), "codec-%d-%d", from, to);
			topic(broker, name, "compression.type", names[to]);
			r = produce(&usual, name, &b);
			assert_int_equal(r.error, 0);
			assert_int_equal(stored_codec(name, 50), to);
			/* What is sent again is known again. */
			r = produce(&usual, name, &b);
			assert_int_equal(r.error, 0);
			assert_int_equal(r.base, 0);
		}
}

/* What inflates to more than the topic takes is refused. */
static void
test_compression_size(void **state)
{
	struct broker_setting s[] = { { "compression.type", "uncompressed" },
		{ "max.message.bytes", "500" } };
	struct batch b = batch_of(CODEC_GZIP, 100, -1, 1000, NULL);
	struct leat_err err = LEAT_ERR_INIT;
	struct result r;

	assert_true(b.len < 500);
	OK(broker_topic_create(broker, "inflate", 1, s, 2, &err));
	r = produce(&usual, "inflate", &b);
	expect_error(&r, KAFKA_MESSAGE_TOO_LARGE, "compress as the topic");
}

static void
test_preallocate(void **state)
{
	struct broker_setting s[] = { { "preallocate", "true" },
		{ "segment.bytes", "1000000" } };
	struct leat_err err = LEAT_ERR_INIT;
	struct batch b = plain(1);
	struct stat st;
	struct result r;

	OK(broker_topic_create(broker, "room", 1, s, 2, &err));
	r = produce(&usual, "room", &b);
	assert_int_equal(r.error, 0);
	assert_int_equal(stat(th_path("all/room-0/%020d.log", 0),
	    &st), 0);
	assert_int_equal(st.st_size, b.len);
	assert_true(st.st_blocks * 512 >= 1000000);
}

static void
test_sequences(void **state)
{
	struct batch_identity id = { 4711, 3, 0, false };
	struct batch b = batch_of(CODEC_NONE, 2, -1, 1000, &id);
	struct result r;

	topic(broker, "sequences", NULL, NULL);
	r = produce(&usual, "sequences", &b);
	assert_int_equal(r.error, 0);
	r = produce(&usual, "sequences", &b);	/* again: it is there */
	assert_int_equal(r.error, 0);
	assert_int_equal(r.base, 0);
	id.base_sequence = 7;
	b = batch_of(CODEC_NONE, 1, -1, 1000, &id);
	r = produce(&usual, "sequences", &b);
	expect_error(&r, KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER, "expected 2");
	id = (struct batch_identity){ 4711, 2, 2, false };
	b = batch_of(CODEC_NONE, 1, -1, 1000, &id);
	r = produce(&usual, "sequences", &b);
	expect_error(&r, KAFKA_INVALID_PRODUCER_EPOCH, "newer epoch 3");
}

static void
test_no_acks(void **state)
{
	struct produce p = usual;
	struct batch b = plain(1);
	struct th_call c;

	topic(broker, "silent", NULL, NULL);
	p.acks = 0;
	begin(&c, server, &p, "silent", 1);
	put_part(&c, 0, b.data, b.len);
	send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	assert_int_equal(c.rq.outcome, OUTCOME_SILENCE);
	th_kafka_end(&c);

	begin(&c, server, &p, "silent", 2);
	put_part(&c, 0, b.data, b.len);
	put_part(&c, 5, b.data, b.len);
	send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	assert_int_equal(c.rq.outcome, OUTCOME_HANG_UP);
	assert_string_equal(c.rq.why, "produce to silent-5 without acks: "
	    "UNKNOWN_TOPIC_OR_PARTITION");
	th_kafka_end(&c);
}

static void
test_malformed(void **state)
{
	struct th_call c;

	begin(&c, server, &usual, "x", 1000);
	send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	assert_int_equal(c.rq.outcome, OUTCOME_HANG_UP);
	assert_non_null(strstr(c.rq.why, "malformed Produce"));
	th_kafka_end(&c);
}

/* ----------------------------------------------------------- durability */

/* A disk that answers when it is told to. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool closed;		/* syncs of logs wait */
	int waiting;
	int code;		/* what they give */
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0 };

static int
gated_fdatasync(const struct fsio *fs, int fd)
{
	int code;

	pthread_mutex_lock(&gate.mutex);
	gate.waiting++;
	pthread_cond_broadcast(&gate.cond);
	while (gate.closed)
		pthread_cond_wait(&gate.cond, &gate.mutex);
	gate.waiting--;
	code = gate.code;
	pthread_mutex_unlock(&gate.mutex);
	return code != 0 ? code : fsio_system.fdatasync(fs, fd);
}

static void
gate_set(bool closed, int code)
{
	pthread_mutex_lock(&gate.mutex);
	gate.closed = closed;
	gate.code = code;
	pthread_cond_broadcast(&gate.cond);
	pthread_mutex_unlock(&gate.mutex);
}

/* Until a sync has begun. */
static void
gate_await(void)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&gate.mutex);
	while (gate.waiting == 0 && rc == 0)
		rc = pthread_cond_timedwait(&gate.cond, &gate.mutex, &until);
	pthread_mutex_unlock(&gate.mutex);
	assert_int_equal(rc, 0);
}

/* Settings of a topic that ask for a sync which acks=1 does not. */
static void
flush_settings(struct broker *b, struct kafka_server *s)
{
	struct produce p = usual;
	struct batch one = plain(1);
	struct broker_setting often = { "flush.messages", "2" };
	struct broker_setting soon = { "flush.ms", "10" };
	struct leat_err err = LEAT_ERR_INIT;
	struct result r;
	struct th_call c;

	/* flush.messages makes acks=1 wait from the second record on. */
	OK(broker_topic_create(b, "often", 1, &often, 1, &err));
	p.acks = 1;
	gate_set(true, 0);
	r = produce_to(s, &p, "often", one.data, one.len);
	assert_int_equal(r.error, 0);
	begin(&c, s, &p, "often", 1);
	put_part(&c, 0, one.data, one.len);
	send(&c);
	assert_false(th_kafka_wait(&c, 50));
	gate_set(false, 0);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	th_kafka_end(&c);

	/* flush.ms is less than the broker's interval. */
	OK(broker_topic_create(b, "soon", 1, &soon, 1, &err));
	gate_set(true, 0);
	r = produce_to(s, &p, "soon", one.data, one.len);
	assert_int_equal(r.error, 0);
	gate_await();
	gate_set(false, 0);
}

static void
test_acks_all(void **state)
{
	struct fsio fs = fsio_system;
	struct broker *b;
	struct kafka_server *s;
	struct produce p = usual;
	struct batch one = plain(1);
	struct leat_err err = LEAT_ERR_INIT;
	struct result r;
	struct th_call c;

	fs.fdatasync = gated_fdatasync;
	b = open_broker("gated", &fs);
	s = open_server(b);
	OK(broker_topic_create(b, "all", 2, NULL, 0, &err));
	p.acks = -1;

	/* Two partitions and one that is not there: when both are durable. */
	gate_set(true, 0);
	begin(&c, s, &p, "all", 3);
	put_part(&c, 0, one.data, one.len);
	put_part(&c, 7, one.data, one.len);
	put_part(&c, 1, one.data, one.len);
	send(&c);
	assert_false(th_kafka_wait(&c, 50));
	assert_null(c.rq.frame);
	gate_set(false, 0);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	get_head(&c, "all", 3);
	r = get_part(&c);
	assert_int_equal(r.error, 0);
	r = get_part(&c);
	expect_error(&r, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "");
	r = get_part(&c);
	assert_int_equal(r.error, 0);
	get_tail(&c);
	th_kafka_end(&c);

	/* The disk answers long after the request is gone. */
	gate_set(true, 0);
	p.timeout_ms = 20;
	r = produce_to(s, &p, "all", one.data, one.len);
	expect_error(&r, KAFKA_REQUEST_TIMED_OUT, "");
	gate_set(false, 0);
	p.timeout_ms = 5000;
	r = produce_to(s, &p, "all", one.data, one.len);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.base, 2);

	flush_settings(b, s);

	/* A disk that fails, and what comes after. */
	gate_set(false, -EIO);
	r = produce_to(s, &p, "all", one.data, one.len);
	expect_error(&r, KAFKA_KAFKA_STORAGE_ERROR, "");
	r = produce_to(s, &p, "all", one.data, one.len);
	expect_error(&r, KAFKA_KAFKA_STORAGE_ERROR, "takes no appends");

	/* The same for two that are synced side by side. */
	gate_set(false, 0);
	OK(broker_topic_create(b, "both", 2, NULL, 0, &err));
	gate_set(true, -EIO);
	begin(&c, s, &p, "both", 2);
	put_part(&c, 0, one.data, one.len);
	put_part(&c, 1, one.data, one.len);
	send(&c);
	assert_false(th_kafka_wait(&c, 50));
	gate_set(false, -EIO);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	get_head(&c, "both", 2);
	for (int i = 0; i < 2; i++) {
		r = get_part(&c);
		expect_error(&r, KAFKA_KAFKA_STORAGE_ERROR, "");
	}
	get_tail(&c);
	th_kafka_end(&c);
	gate_set(false, 0);
	kafka_server_free(s);
	broker_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_append_time),
		cmocka_unit_test(test_whole_request),
		cmocka_unit_test(test_where_to),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_not_one_batch),
		cmocka_unit_test(test_topic_rules),
		cmocka_unit_test(test_zstd),
		cmocka_unit_test(test_max_timestamp),
		cmocka_unit_test(test_compression_type),
		cmocka_unit_test(test_compression_size),
		cmocka_unit_test(test_preallocate),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_no_acks),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_acks_all),
	};
	int failed;

	broker = open_broker("all", NULL);
	server = open_server(broker);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kafka_server_free(server);
	broker_close(broker);
	return failed;
}
