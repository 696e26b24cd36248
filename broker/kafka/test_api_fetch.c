/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetch: sizes, errors, transactions, waiting, sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "broker/broker_int.h"
#include "broker/kafka/fetch_session.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"
#include "tests/harness/th_kafka.h"

enum { FETCH = 1, WAIT_MS = 10000, SHORT_MS = 30, PARTS_MAX = 8 };

static const char *root;
static struct broker *broker;
static struct kafka_server *server;

/* ---------------------------------------------------------------- data */

static void
topic(const char *name, int32_t partitions)
{
	struct leat_err err = LEAT_ERR_INIT;

	OK(broker_topic_create(broker, name, partitions, NULL, 0, &err));
}

static struct batch_builder *
builder(int n, size_t value_bytes)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 20);
	struct leat_err err = LEAT_ERR_INIT;
	char value[4096] = { 0 };
	struct record rec = { .timestamp_ms = 1000 };

	rec.value = (struct leat_str){ value, value_bytes };
	for (int i = 0; i < n; i++)
		OK(batch_builder_add(bb, &rec, &err));
	return bb;
}

/* Appends one batch of n records; its bytes. */
static size_t
append(const char *name, int32_t number, int n, size_t value_bytes)
{
	struct broker_partition *p = topics_find(broker, name, number);
	struct batch_builder *bb = builder(n, value_bytes);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	assert_non_null(p);
	OK(batch_builder_finish(bb, NULL, &data, &len, &err));
	OK(broker_append(p, data, len, &done, &err));
	batch_builder_free(bb);
	broker_partition_put(p);
	return len;
}

/* ------------------------------------------------------------- requests */

struct ask {
	int16_t version;
	int32_t max_wait_ms, min_bytes, max_bytes;
	int8_t isolation;
	int32_t session, epoch;
	const char *topic;	/* all parts are of it; NULL: no topics */
	const uint8_t *id;	/* NULL: the topic's */
	int32_t nparts;
	struct ask_part {
		int32_t number, leader_epoch, fetched_epoch, max_bytes;
		int64_t offset;
	} parts[PARTS_MAX];
	int32_t forget;		/* a partition of it, -1: none */
};

static struct ask
ask_for(int16_t version, const char *name, int64_t offset)
{
	struct ask a = { .version = version, .min_bytes = 1,
		.max_bytes = 1 << 20, .epoch = -1, .topic = name, .nparts = 1,
		.forget = -1 };

	for (int i = 0; i < PARTS_MAX; i++)
		a.parts[i] = (struct ask_part){ i, -1, -1, 1 << 20, 0 };
	a.parts[0].offset = offset;
	return a;
}

static void
put_topic(struct th_call *c, const struct ask *a)
{
	struct broker_topic_info info = { 0 };

	if (a->version < 13) {
		kout_str(&c->body, a->topic);
		return;
	}
	(void)topics_info(broker, a->topic, &info);
	kout_uuid(&c->body, a->id != NULL ? a->id : info.id);
}

static void
send(struct th_call *c, const struct ask *a)
{
	struct kafka_out *out = &c->body;

	th_kafka_begin(c, server, FETCH, a->version, "test");
	if (a->version <= 14)
		kout_i32(out, -1);
	kout_i32(out, a->max_wait_ms);
	kout_i32(out, a->min_bytes);
	kout_i32(out, a->max_bytes);
	kout_i8(out, a->isolation);
	if (a->version >= 7) {
		kout_i32(out, a->session);
		kout_i32(out, a->epoch);
	}
	kout_array(out, a->nparts > 0);
	if (a->nparts > 0) {
		put_topic(c, a);
		kout_array(out, a->nparts);
	}
	for (int32_t i = 0; i < a->nparts; i++) {
		kout_i32(out, a->parts[i].number);
		if (a->version >= 9)
			kout_i32(out, a->parts[i].leader_epoch);
		kout_i64(out, a->parts[i].offset);
		if (a->version >= 12)
			kout_i32(out, a->parts[i].fetched_epoch);
		if (a->version >= 5)
			kout_i64(out, -1);
		kout_i32(out, a->parts[i].max_bytes);
		kout_tags(out);
	}
	if (a->nparts > 0)
		kout_tags(out);
	if (a->version >= 7) {
		kout_array(out, a->forget >= 0);
		if (a->forget >= 0) {
			put_topic(c, a);
			kout_array(out, 1);
			kout_i32(out, a->forget);
			kout_tags(out);
		}
	}
	if (a->version >= 11)
		kout_str(out, "");
	kout_tags(out);
	th_kafka_send(c);
}

struct got_part {
	int32_t number;
	int16_t error;
	int64_t high_watermark, stable, log_start;
	int32_t diverging_epoch;
	int64_t diverging_end;
	int32_t naborted;		/* -1: null */
	int64_t aborted[4][2];
	size_t bytes;
	int64_t first;			/* base offset of the first batch */
};

struct got {
	int16_t error;
	int32_t session;
	int32_t n;
	struct got_part parts[PARTS_MAX];
};

static struct got_part
get_part(struct th_call *c)
{
	struct kafka_in *in = &c->in;
	struct got_part p = { .diverging_epoch = -1, .first = -1,
		.log_start = -1 };
	struct leat_str records;
	uint32_t tags, size;

	p.number = kin_i32(in);
	p.error = kin_i16(in);
	p.high_watermark = kin_i64(in);
	p.stable = kin_i64(in);
	if (c->rq.version >= 5)
		p.log_start = kin_i64(in);
	p.naborted = kin_array_null(in);
	for (int32_t i = 0; i < p.naborted; i++) {
		assert_true(i < 4);
		p.aborted[i][0] = kin_i64(in);
		p.aborted[i][1] = kin_i64(in);
		kin_tags(in);
	}
	if (c->rq.version >= 11)
		assert_int_equal(kin_i32(in), -1);
	records = kin_bytes(in);
	p.bytes = records.len;
	if (records.len > 0)
		p.first = (int64_t)leat_get_u64(records.ptr);
	tags = in->flexible ? kin_tags_begin(in) : 0;
	for (uint32_t i = 0; i < tags; i++) {
		assert_int_equal(kin_tag(in, &size), 0);
		p.diverging_epoch = kin_i32(in);
		p.diverging_end = kin_i64(in);
		kin_tags(in);
		assert_int_equal(size, 13);
	}
	return p;
}

static struct got
receive(struct th_call *c, const struct ask *a)
{
	struct kafka_in *in = &c->in;
	struct got g = { 0 };
	uint8_t id[16];
	int32_t topics, parts;

	assert_true(th_kafka_wait(c, WAIT_MS));
	assert_int_equal(c->rq.outcome, OUTCOME_REPLY);
	assert_int_equal(kin_i32(in), 0);
	if (a->version >= 7) {
		g.error = kin_i16(in);
		g.session = kin_i32(in);
	}
	topics = kin_array(in);
	for (int32_t i = 0; i < topics; i++) {
		if (a->version >= 13)
			kin_uuid(in, id);
		else
			assert_string_equal(kin_str(in), a->topic);
		parts = kin_array(in);
		for (int32_t k = 0; k < parts; k++) {
			assert_true(g.n < PARTS_MAX);
			g.parts[g.n++] = get_part(c);
			assert_true(kin_ok(in));
		}
		kin_tags(in);
	}
	kin_tags(in);
	assert_true(kin_ok(in));
	assert_int_equal(leat_reader_left(&in->r), 0);
	th_kafka_end(c);
	return g;
}

static struct got
fetch(const struct ask *a)
{
	struct th_call c;

	send(&c, a);
	return receive(&c, a);
}

/* The error of the only partition, of which nothing else is told. */
static int16_t
error_of(const struct ask *a)
{
	struct got g = fetch(a);

	assert_int_equal(g.error, 0);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.parts[0].bytes, 0);
	if (g.parts[0].error != 0) {
		assert_int_equal(g.parts[0].high_watermark, -1);
		assert_int_equal(g.parts[0].stable, -1);
		assert_int_equal(g.parts[0].log_start, -1);
	}
	return g.parts[0].error;
}

/* --------------------------------------------------------------- tests */

/* Writes one byte of a topic's only segment. */
static void
damage(const char *name, size_t at, uint8_t byte)
{
	int fd = open(th_path("%s-0/%020d.log", name, 0), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	(void)close(fd);
}

/*
 * Damage in a log that is open: what stands before it is read, who comes to it
 * gets an error, each time, and the log a line, once.
 */
static void
test_damaged(void **state)
{
	enum { MAGIC_AT = 16 };
	struct ask a = ask_for(12, "damaged", 0);
	char text[4096];
	struct got g;
	size_t len;
	int fds[2];
	ssize_t n;

	topic("damaged", 1);
	len = append("damaged", 0, 5, 10);
	(void)append("damaged", 0, 5, 10);
	damage("damaged", len + MAGIC_AT, 9);
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_ERROR,
	    .fd = fds[1] });
	g = fetch(&a);
	assert_int_equal(g.parts[0].error, 0);
	assert_int_equal(g.parts[0].bytes, len);
	assert_true(read(fds[0], text, sizeof(text)) < 0);
	a.parts[0].offset = 5;
	for (int i = 0; i < 3; i++)
		assert_int_equal(error_of(&a), KAFKA_KAFKA_STORAGE_ERROR);
	log_flush(true);
	n = read(fds[0], text, sizeof(text) - 1);
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_INFO, .fd = 2 });
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text,
	    "records cannot be read partition=damaged-0 offset=5"));
	assert_null(strstr(text, "repeated"));
	assert_ptr_equal(strchr(text, '\n'), text + n - 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_versions(void **state)
{
	size_t len;

	topic("versions", 1);
	len = append("versions", 0, 5, 10);
	for (int16_t v = 4; v <= 16; v++) {
		struct ask a = ask_for(v, "versions", 0);
		struct got g = fetch(&a);

		assert_int_equal(g.n, 1);
		assert_int_equal(g.parts[0].error, 0);
		assert_int_equal(g.parts[0].bytes, len);
		assert_int_equal(g.parts[0].high_watermark, 5);
		assert_int_equal(g.parts[0].stable, 5);
		assert_int_equal(g.parts[0].log_start, v >= 5 ? 0 : -1);
		assert_int_equal(g.parts[0].naborted, -1);
		/* From the middle of a batch: all of it. */
		a = ask_for(v, "versions", 3);
		g = fetch(&a);
		assert_int_equal(g.parts[0].bytes, len);
		assert_int_equal(g.parts[0].first, 0);
		/* At the end. */
		a = ask_for(v, "versions", 5);
		assert_int_equal(error_of(&a), 0);
	}
}

static void
test_errors(void **state)
{
	static const uint8_t unknown[16] = { 1, 2, 3 };
	struct broker_setting zstd = { "compression.type", "zstd" };
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p;
	struct ask a;

	topic("errors", 1);
	append("errors", 0, 5, 10);
	p = topics_find(broker, "errors", 0);
	OK(broker_partition_trim(p, 2, &err));
	broker_partition_put(p);

	a = ask_for(12, "nowhere", 0);
	assert_int_equal(error_of(&a), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	a = ask_for(12, "errors", 0);
	a.parts[0].number = 7;
	assert_int_equal(error_of(&a), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	a.version = 13;
	assert_int_equal(error_of(&a), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	a.id = unknown;
	assert_int_equal(error_of(&a), KAFKA_UNKNOWN_TOPIC_ID);
	a = ask_for(12, "errors", 1);
	assert_int_equal(error_of(&a), KAFKA_OFFSET_OUT_OF_RANGE);
	a = ask_for(12, "errors", 6);
	assert_int_equal(error_of(&a), KAFKA_OFFSET_OUT_OF_RANGE);
	a = ask_for(12, "errors", -1);
	assert_int_equal(error_of(&a), KAFKA_OFFSET_OUT_OF_RANGE);
	a = ask_for(12, "errors", 5);
	a.parts[0].leader_epoch = 1;
	assert_int_equal(error_of(&a), KAFKA_UNKNOWN_LEADER_EPOCH);
	a.parts[0].leader_epoch = 0;
	assert_int_equal(error_of(&a), 0);

	OK(broker_topic_create(broker, "zstd", 1, &zstd, 1, &err));
	a = ask_for(9, "zstd", 0);
	assert_int_equal(error_of(&a), KAFKA_UNSUPPORTED_COMPRESSION_TYPE);
	a.version = 10;
	assert_int_equal(error_of(&a), 0);
}

static void
test_epochs(void **state)
{
	struct broker_partition *p;
	struct ask a;
	struct got g;

	topic("epochs", 1);
	append("epochs", 0, 5, 10);
	p = topics_find(broker, "epochs", 0);
	/* A crash cost what stood behind 5, and new records followed. */
	assert_int_equal(epochs_add(&p->epochs, 1, 5), 0);
	append("epochs", 0, 5, 10);
	broker_partition_put(p);

	a = ask_for(12, "epochs", 5);
	a.parts[0].leader_epoch = 0;
	assert_int_equal(error_of(&a), KAFKA_FENCED_LEADER_EPOCH);
	a = ask_for(12, "epochs", 8);
	a.parts[0].fetched_epoch = 0;
	g = fetch(&a);
	assert_int_equal(g.parts[0].error, 0);
	assert_int_equal(g.parts[0].bytes, 0);
	assert_int_equal(g.parts[0].diverging_epoch, 0);
	assert_int_equal(g.parts[0].diverging_end, 5);
	a.parts[0].fetched_epoch = 1;
	g = fetch(&a);
	assert_int_equal(g.parts[0].diverging_epoch, -1);
	assert_true(g.parts[0].bytes > 0);
	a.parts[0].fetched_epoch = 2;
	assert_int_equal(error_of(&a), KAFKA_OFFSET_OUT_OF_RANGE);
}

static void
test_sizes(void **state)
{
	size_t len;
	struct ask a;
	struct got g;

	topic("sizes", 3);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 4; k++)
			len = append("sizes", i, 10, 50);

	/* Whole batches within the partition's limit. */
	a = ask_for(11, "sizes", 0);
	a.parts[0].max_bytes = (int32_t)(2 * len + 10);
	g = fetch(&a);
	assert_int_equal(g.parts[0].bytes, 2 * len);
	/* Only the first of all may be too large. */
	a.nparts = 3;
	for (int i = 0; i < 3; i++)
		a.parts[i].max_bytes = 10;
	g = fetch(&a);
	assert_int_equal(g.n, 3);
	assert_int_equal(g.parts[0].bytes, len);
	assert_int_equal(g.parts[1].bytes, 0);
	assert_int_equal(g.parts[2].bytes, 0);
	assert_int_equal(g.parts[2].high_watermark, 40);
	/* All of them within the answer's. */
	a = ask_for(11, "sizes", 0);
	a.nparts = 3;
	a.max_bytes = (int32_t)(6 * len);
	g = fetch(&a);
	assert_int_equal(g.parts[0].bytes, 4 * len);
	assert_int_equal(g.parts[1].bytes, 2 * len);
	assert_int_equal(g.parts[2].bytes, 0);
	a.max_bytes = 0;
	g = fetch(&a);
	assert_int_equal(g.parts[0].bytes, len);
	assert_int_equal(g.parts[1].bytes, 0);
}

/* A slice that is not copied stands between the bytes of the answer. */
static void
test_large(void **state)
{
	struct ask a = ask_for(12, "large", 0);
	struct th_call c;
	size_t len;

	topic("large", 2);
	len = append("large", 0, 30, 4000);
	append("large", 1, 30, 4000);
	a.nparts = 2;
	send(&c, &a);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	assert_int_equal(c.rq.out.nslices, 2);
	assert_int_equal(c.rq.out.slice_bytes, 2 * len);
	assert_int_equal(leat_get_u32(c.rq.out.buf.data),
	    c.rq.out.buf.len - 4 + 2 * len);
	th_kafka_end(&c);
}

/* --------------------------------------------------------- transactions */

static pthread_mutex_t committed_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t committed_cond = PTHREAD_COND_INITIALIZER;
static bool committed;

static void
on_committed(void *arg, const struct leat_err *err)
{
	assert_null(err);
	pthread_mutex_lock(&committed_mutex);
	committed = true;
	pthread_cond_signal(&committed_cond);
	pthread_mutex_unlock(&committed_mutex);
}

static void
txn_append(struct broker_txn *t, const char *name, int n)
{
	struct broker_partition *p = topics_find(broker, name, 0);
	struct batch_builder *bb = builder(n, 10);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;

	OK(broker_txn_append(t, p, bb, &done, &err));
	batch_builder_free(bb);
	broker_partition_put(p);
}

static void
test_transactions(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_txn *t;
	struct ask a = ask_for(11, "txn", 0), slow;
	struct got g;
	struct th_call c;

	topic("txn", 1);
	OK(broker_txn_open(broker, "test", 60000, &t, &err));
	txn_append(t, "txn", 3);
	OK(broker_txn_abort(t, &err));		/* 0-2, marker 3 */
	append("txn", 0, 2, 10);		/* 4-5 */
	txn_append(t, "txn", 3);		/* 6-8 */
	a.isolation = 1;
	g = fetch(&a);
	assert_int_equal(g.parts[0].high_watermark, 9);
	assert_int_equal(g.parts[0].stable, 6);
	assert_int_equal(g.parts[0].naborted, 1);
	assert_int_equal(g.parts[0].aborted[0][1], 0);
	/* What is read uncommitted has no such list. */
	a.isolation = 0;
	g = fetch(&a);
	assert_int_equal(g.parts[0].naborted, -1);
	/* Behind the aborted one, and nothing stable. */
	a = ask_for(11, "txn", 4);
	a.isolation = 1;
	g = fetch(&a);
	assert_true(g.parts[0].bytes > 0);
	assert_int_equal(g.parts[0].naborted, 0);
	a = ask_for(11, "txn", 7);
	a.isolation = 1;
	assert_int_equal(error_of(&a), 0);

	/* The marker is what a reader of committed records waits for. */
	slow = ask_for(11, "txn", 6);
	slow.isolation = 1;
	slow.max_wait_ms = WAIT_MS;
	send(&c, &slow);
	assert_false(th_kafka_wait(&c, SHORT_MS));
	broker_txn_commit(t, on_committed, NULL);
	g = receive(&c, &slow);
	assert_true(g.parts[0].bytes > 0);
	assert_int_equal(g.parts[0].stable, 10);
	assert_int_equal(g.parts[0].naborted, 0);
	pthread_mutex_lock(&committed_mutex);
	while (!committed)
		pthread_cond_wait(&committed_cond, &committed_mutex);
	pthread_mutex_unlock(&committed_mutex);
	broker_txn_close(t);
}

/* -------------------------------------------------------------- waiting */

static void
test_long_poll(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct ask a = ask_for(11, "poll", 0);
	struct got g;
	struct th_call c;
	size_t len;

	topic("poll", 2);
	a.nparts = 2;
	a.max_wait_ms = WAIT_MS;
	send(&c, &a);
	assert_false(th_kafka_wait(&c, SHORT_MS));
	len = append("poll", 1, 1, 100);
	g = receive(&c, &a);
	assert_int_equal(g.parts[0].bytes, 0);
	assert_int_equal(g.parts[1].bytes, len);

	/* More than one batch has: the second append ends it. */
	a.parts[1].offset = 1;
	a.min_bytes = (int32_t)(2 * len);
	send(&c, &a);
	append("poll", 1, 1, 100);
	assert_false(th_kafka_wait(&c, SHORT_MS));
	append("poll", 0, 1, 100);
	g = receive(&c, &a);
	assert_int_equal(g.parts[0].bytes, len);
	assert_int_equal(g.parts[1].bytes, len);

	/* The time is up: what there is. */
	a.parts[0].offset = 1;
	a.max_wait_ms = SHORT_MS;
	g = fetch(&a);
	assert_int_equal(g.parts[0].bytes, 0);
	assert_int_equal(g.parts[1].bytes, len);

	/* Nothing to wait for. */
	a.max_wait_ms = WAIT_MS;
	a.min_bytes = 0;
	a.parts[1].offset = 2;
	g = fetch(&a);
	assert_int_equal(g.n, 2);
	a.nparts = 0;
	a.min_bytes = 1;
	g = fetch(&a);
	assert_int_equal(g.n, 0);

	/* The topic goes. */
	a.nparts = 2;
	send(&c, &a);
	assert_false(th_kafka_wait(&c, SHORT_MS));
	OK(broker_topic_delete(broker, "poll", &err));
	g = receive(&c, &a);
	assert_int_equal(g.parts[0].error, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

static void
test_cancel(void **state)
{
	struct ask a = ask_for(11, "cancel", 0);
	struct th_call c;

	topic("cancel", 1);
	a.max_wait_ms = WAIT_MS;
	a.epoch = 0;
	send(&c, &a);
	assert_false(th_kafka_wait(&c, SHORT_MS));
	c.rq.api->cancel(&c.rq);
	assert_true(th_kafka_wait(&c, 0));
	assert_int_equal(c.rq.outcome, OUTCOME_SILENCE);
	th_kafka_end(&c);
	append("cancel", 0, 1, 10);
}

/* ------------------------------------------------------------- sessions */

static void
check_session(int16_t version, const char *name)
{
	struct ask a = ask_for(version, name, 0);
	int32_t before = fetch_sessions_count(server->fetch_sessions);
	struct got g;
	size_t len;

	topic(name, 3);
	len = append(name, 0, 1, 10);
	a.nparts = 3;
	a.epoch = 0;
	g = fetch(&a);
	assert_int_equal(g.error, 0);
	assert_true(g.session > 0);
	assert_int_equal(g.n, 3);
	assert_int_equal(fetch_sessions_count(server->fetch_sessions),
	    before + 1);

	/* Nothing is new but the offset of one. */
	a.session = g.session;
	a.epoch = 1;
	a.nparts = 1;
	a.parts[0].offset = 1;
	g = fetch(&a);
	assert_int_equal(g.error, 0);
	assert_int_equal(g.session, a.session);
	assert_int_equal(g.n, 0);

	/* Only what has changed is told; who was served is last next time. */
	a.epoch = 2;
	a.nparts = 0;
	append(name, 0, 1, 10);
	append(name, 2, 1, 10);
	g = fetch(&a);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.parts[0].number, 2);
	assert_int_equal(g.parts[1].number, 0);
	assert_int_equal(g.parts[0].bytes, len);
	a.max_bytes = 1;
	a.epoch = 3;
	g = fetch(&a);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.parts[0].number, 2);
	a.epoch = 4;
	g = fetch(&a);
	assert_int_equal(g.parts[0].number, 0);

	/* An error is told each time. */
	a.epoch = 5;
	a.nparts = 1;
	a.parts[0].number = 1;
	a.parts[0].offset = 5;
	a.max_bytes = 1 << 20;
	g = fetch(&a);
	assert_int_equal(g.n, 3);
	a.epoch = 6;
	a.nparts = 0;
	g = fetch(&a);
	assert_int_equal(g.parts[0].number, 1);
	assert_int_equal(g.parts[0].error, KAFKA_OFFSET_OUT_OF_RANGE);

	/* Forgotten, all but one. */
	a.epoch = 7;
	a.forget = 1;
	g = fetch(&a);
	assert_int_equal(g.n, 2);
	a.epoch = 8;
	a.forget = 2;
	g = fetch(&a);
	assert_int_equal(g.n, 1);

	/* Wrong epoch, wrong kind of topics, unknown, closed. */
	a.forget = -1;
	g = fetch(&a);
	assert_int_equal(g.error, KAFKA_INVALID_FETCH_SESSION_EPOCH);
	assert_int_equal(g.session, 0);
	a.epoch = 9;
	a.version = version >= 13 ? 12 : 13;
	g = fetch(&a);
	assert_int_equal(g.error, KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
	a.version = version;
	a.epoch = -1;
	g = fetch(&a);
	assert_int_equal(g.error, 0);
	assert_int_equal(g.session, 0);
	assert_int_equal(fetch_sessions_count(server->fetch_sessions), before);
	a.epoch = 9;
	g = fetch(&a);
	assert_int_equal(g.error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
}

static void
test_session_by_name(void **state)
{
	check_session(7, "session7");
	check_session(12, "session12");
}

static void
test_session_by_id(void **state)
{
	check_session(13, "session13");
	check_session(16, "session16");
}

/* What a session knows of a topic does not outlive the topic. */
static void
test_session_deleted(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct ask a = ask_for(13, "reborn", 0);
	struct broker_topic_info info;
	uint8_t old_id[16];
	struct got g;

	topic("reborn", 1);
	assert_int_equal(topics_info(broker, "reborn", &info), 0);
	memcpy(old_id, info.id, sizeof(old_id));
	a.epoch = 0;
	g = fetch(&a);
	OK(broker_topic_delete(broker, "reborn", &err));
	topic("reborn", 1);
	append("reborn", 0, 1, 10);
	a.id = old_id;
	a.session = g.session;
	a.epoch = 1;
	a.nparts = 0;
	g = fetch(&a);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.parts[0].error, KAFKA_UNKNOWN_TOPIC_ID);
}

/* A session that waits is nobody else's. */
static void
test_session_taken(void **state)
{
	struct ask a = ask_for(11, "taken", 0), other;
	struct got g;
	struct th_call c;

	topic("taken", 1);
	a.epoch = 0;
	g = fetch(&a);
	a.session = g.session;
	a.epoch = 1;
	a.max_wait_ms = WAIT_MS;
	send(&c, &a);
	assert_false(th_kafka_wait(&c, SHORT_MS));
	other = a;
	other.epoch = 2;
	g = fetch(&other);
	assert_int_equal(g.error, KAFKA_INVALID_FETCH_SESSION_EPOCH);
	/* A full request of the same client ends it meanwhile. */
	other.epoch = 0;
	other.max_wait_ms = 0;
	g = fetch(&other);
	assert_int_equal(g.error, 0);
	assert_int_not_equal(g.session, a.session);
	append("taken", 0, 1, 10);
	g = receive(&c, &a);
	assert_int_equal(g.error, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_long_poll),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_session_by_name),
		cmocka_unit_test(test_session_by_id),
		cmocka_unit_test(test_session_deleted),
		cmocka_unit_test(test_session_taken),
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options lo;
	struct broker_options o;
	int failed;

	root = th_tmpdir();
	broker_options_init(&o);
	o.dir = root;
	broker_listen_options_init(&lo);
	if (broker_open(&o, &broker, &err) < 0 ||
	    kafka_server_new(broker, &lo, &server, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kafka_server_free(server);
	broker_close(broker);
	return failed;
}
