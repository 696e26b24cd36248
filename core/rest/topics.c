/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.c: /leat/topics: which topics there are, where they stand, and their
 * records, for those who have HTTP alone.
 *
 * Reading is stateless: a request says at which offsets it stands and the
 * answer says where the next one goes on.
 */
#include <stdio.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/bus/bus.h"
#include "core/rest/request.h"

enum {
	RECORDS_DEFAULT = 500,
	RECORDS_MAX = 10000,
	BYTES_DEFAULT = 1 << 20,
	BYTES_MAX = 16 << 20,
	WAIT_MAX_MS = 30000
};

/* --------------------------------------------------------------- topics */

static int
write_topic(void *arg, const struct bus_topic_info *info)
{
	struct json_writer *w = arg;

	json_object(w);
	json_member(w, "name", info->name);
	json_member_int(w, "partitions", info->partitions);
	json_member_bool(w, "internal", info->internal);
	json_object_end(w);
	return 0;
}

static void
get_topics(struct request *rq)
{
	json_array(&rq->json);
	(void)bus_topic_each(rq->options->bus, write_topic, &rq->json);
	json_array_end(&rq->json);
}

static void
write_setting(void *arg, const char *name, const char *value, bool def)
{
	struct json_writer *w = arg;

	json_key(w, name);
	json_object(w);
	json_member(w, "value", value);
	json_member_bool(w, "default", def);
	json_object_end(w);
}

static void
write_partition(struct request *rq, int32_t partition)
{
	struct json_writer *w = &rq->json;
	struct bus_partition_info info;
	struct leat_err err = LEAT_ERR_INIT;

	json_object(w);
	json_member_int(w, "partition", partition);
	if (bus_partition_info(
		rq->options->bus, rq->params[0], partition, &info, &err) == 0) {
		json_member_int(w, "start_offset", info.start);
		json_member_int(w, "stable_offset", info.stable);
		json_member_int(w, "end_offset", info.end);
		json_member_int(w, "durable_offset", info.durable);
		json_member_int(w, "size_bytes", info.bytes);
	} else {
		json_member(w, "error", err.text);
	}
	json_object_end(w);
}

/* The number of partitions, or -1 after answering 404. */
static int32_t
partitions_of(struct request *rq)
{
	int32_t n = bus_topic_partitions(rq->options->bus, rq->params[0]);

	if (n >= 0)
		return n;
	answer_error(rq, 404, "Topic %s not found", rq->params[0]);
	return -1;
}

static void
get_topic(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	int32_t n = partitions_of(rq);

	if (n < 0)
		return;
	json_object(&rq->json);
	json_member(&rq->json, "name", rq->params[0]);
	json_key(&rq->json, "partitions");
	json_array(&rq->json);
	for (int32_t i = 0; i < n; i++)
		write_partition(rq, i);
	json_array_end(&rq->json);
	json_key(&rq->json, "config");
	json_object(&rq->json);
	if (bus_topic_settings(rq->options->bus, rq->params[0], write_setting,
		&rq->json, &err) < 0) {
		answer_err(rq, &err);
		return;
	}
	json_object_end(&rq->json);
	json_object_end(&rq->json);
}

/* -------------------------------------------------------------- records */

/* A reading request: its bounds and where each partition stands. */
struct reading {
	int64_t max_records;
	int64_t max_bytes;
	int64_t wait_ms;
	int64_t written;	/* records so far */
	int32_t partitions;
	int64_t *next; /* per partition; -1: not asked for */
};

static int
start_offset(
    struct request *rq, int32_t partition, bool from_end, int64_t *ret_offset)
{
	struct bus_partition_info info;
	struct leat_err err = LEAT_ERR_INIT;

	if (bus_partition_info(
		rq->options->bus, rq->params[0], partition, &info, &err) < 0) {
		answer_err(rq, &err);
		return -1;
	}
	*ret_offset = from_end ? info.stable : info.start;
	return 0;
}

/* "0:12,1:5": partitions and where to go on; others are left out. */
static int
parse_offsets(struct request *rq, const char *text, struct reading *rd)
{
	struct leat_str rest = leat_str_c(text);

	for (int32_t i = 0; i < rd->partitions; i++)
		rd->next[i] = -1;
	while (rest.len > 0) {
		struct leat_str one = leat_str_cut(&rest, ',');
		struct leat_str part = leat_str_cut(&one, ':');
		int64_t p, offset;

		if (leat_parse_i64(part, 0, rd->partitions - 1, &p) < 0 ||
		    leat_parse_i64(one, 0, INT64_MAX, &offset) < 0) {
			answer_error(rq, 400,
			    "offsets: expected partition:offset pairs, not "
			    "'%s'",
			    text);
			return -1;
		}
		rd->next[p] = offset;
	}
	return 0;
}

static int
parse_reading(struct request *rq, struct reading *rd)
{
	const char *offsets = request_query(rq, "offsets");
	const char *from = request_query(rq, "from");
	bool end = from != NULL && strcmp(from, "end") == 0;

	rd->max_records = request_query_int(
	    rq, "max_records", 1, RECORDS_MAX, RECORDS_DEFAULT);
	rd->max_bytes = request_query_int(
	    rq, "max_bytes", 1, BYTES_MAX, BYTES_DEFAULT);
	rd->wait_ms = request_query_int(rq, "wait_ms", 0, WAIT_MAX_MS, 0);
	rd->written = 0;
	rd->partitions = partitions_of(rq);
	if (!rq->answered && from != NULL && !end &&
	    strcmp(from, "beginning") != 0)
		answer_error(rq, 400,
		    "from: expected beginning or end, not '%s'", from);
	if (rq->answered)
		return -1;
	rd->next = leat_arena_calloc(
	    &rq->arena, (size_t)rd->partitions, sizeof(*rd->next));
	if (rd->next == NULL) {
		answer_error(rq, 500, "out of memory");
		return -1;
	}
	if (offsets != NULL)
		return parse_offsets(rq, offsets, rd);
	for (int32_t i = 0; i < rd->partitions; i++)
		if (start_offset(rq, i, end, &rd->next[i]) < 0)
			return -1;
	return 0;
}

/* Bytes as text, or as {"base64": ...} when they are not UTF-8. */
static void
write_bytes(struct request *rq, const char *name, struct leat_str bytes)
{
	struct json_writer *w = &rq->json;
	char *text;

	json_key(w, name);
	if (bytes.ptr == NULL || leat_utf8_valid(bytes.ptr, bytes.len)) {
		json_text_n(w, bytes.ptr, bytes.len);
		return;
	}
	json_object(w);
	json_key(w, "base64");
	text = leat_arena_alloc(&rq->arena, leat_base64_len(bytes.len));
	if (text != NULL)
		leat_base64_encode(text, bytes.ptr, bytes.len);
	json_text_n(w, text, leat_base64_len(bytes.len));
	json_object_end(w);
}

static void
write_record(struct request *rq, const struct bus_message *m)
{
	struct json_writer *w = &rq->json;

	json_object(w);
	json_member_int(w, "partition", m->partition);
	json_member_int(w, "offset", m->offset);
	json_member_int(w, "timestamp", m->timestamp_ms);
	write_bytes(rq, "key", m->key);
	write_bytes(rq, "value", m->value);
	json_key(w, "headers");
	json_array(w);
	for (uint32_t i = 0; i < m->nheaders; i++) {
		json_object(w);
		write_bytes(rq, "name", m->headers[i].name);
		write_bytes(rq, "value", m->headers[i].value);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

/* One record is given however few bytes are allowed: readers must get on. */
static bool
is_full(const struct request *rq, const struct reading *rd)
{
	return rd->max_records == 0 ||
	    (rd->written > 0 && (int64_t)rq->out.len > rd->max_bytes);
}

/* Writes what a poll gave, within the bounds; the number of records. */
static int64_t
write_polled(struct request *rq, struct reading *rd,
    const struct bus_message *messages, size_t n)
{
	int64_t written = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bus_message *m = &messages[i];

		if (is_full(rq, rd))
			break;
		if (rd->next[m->partition] < 0 ||
		    m->offset < rd->next[m->partition])
			continue;
		write_record(rq, m);
		rd->next[m->partition] = m->offset + 1;
		rd->max_records--;
		rd->written++;
		written++;
	}
	return written;
}

static int
seek_all(struct request *rq, struct bus_consumer *c, const struct reading *rd,
    struct leat_err *err)
{
	for (int32_t i = 0; i < rd->partitions; i++) {
		struct bus_offset to = { .topic = rq->params[0],
			.partition = i,
			.offset = rd->next[i] < 0 ? 0 : rd->next[i] };
		struct bus_partition_info info;
		int rc = bus_partition_info(
		    rq->options->bus, to.topic, i, &info, err);

		/* A partition that nobody asked for is parked at its end. */
		if (rc == 0 && (rd->next[i] < 0 || to.offset > info.end))
			to.offset = info.end;
		if (rc == 0 && to.offset < info.start)
			to.offset = info.start;
		if (rc == 0)
			rc = bus_consumer_seek(c, &to, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Polls until there was something, the time is up, or the server stops. */
static int
poll_records(struct request *rq, struct bus_consumer *c, struct wake *wake,
    struct reading *rd, struct leat_err *err)
{
	int64_t deadline = clock_deadline_ns(&clock_system, rd->wait_ms);
	int64_t written = 0;

	for (;;) {
		int64_t left = clock_left_ms(&clock_system, deadline);
		const struct bus_message *messages;
		size_t n;
		int rc = bus_poll(c, &messages, &n, err);

		if (rc < 0)
			return rc;
		written += write_polled(rq, rd, messages, n);
		if (is_full(rq, rd))
			return 0;
		if (n > 0)
			continue;
		if (written > 0 || left == 0 ||
		    request_wait(rq, wake->fd, left) <= 0)
			return 0;
		wake_drain(wake);
	}
}

static void
write_next(struct request *rq, const struct reading *rd)
{
	json_key(&rq->json, "next");
	json_object(&rq->json);
	for (int32_t i = 0; i < rd->partitions; i++) {
		char name[16];

		if (rd->next[i] < 0)
			continue;
		snprintf(name, sizeof(name), "%d", i);
		json_member_int(&rq->json, name, rd->next[i]);
	}
	json_object_end(&rq->json);
}

static void
get_records(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct bus_consumer *c = NULL;
	struct wake wake = { -1 };
	struct reading rd;
	struct bus_consumer_options o = { .topics = rq->params,
		.ntopics = 1,
		.members = 1,
		.poll_records = RECORDS_DEFAULT,
		.wake = &wake };
	int rc;

	if (parse_reading(rq, &rd) < 0)
		return;
	o.poll_bytes = (size_t)rd.max_bytes;
	json_object(&rq->json);
	json_key(&rq->json, "records");
	json_array(&rq->json);
	rc = wake_init(&wake, &err);
	if (rc == 0)
		rc = bus_consumer_open(rq->options->bus, &o, &c, &err);
	if (rc == 0)
		rc = seek_all(rq, c, &rd, &err);
	if (rc == 0)
		rc = poll_records(rq, c, &wake, &rd, &err);
	json_array_end(&rq->json);
	write_next(rq, &rd);
	json_object_end(&rq->json);
	if (rc < 0)
		answer_err(rq, &err);
	bus_consumer_close(c);
	wake_fini(&wake);
}

const struct route routes_topics[] = {
	{ "GET", "/leat/topics", get_topics },
	{ "GET", "/leat/topics/{}", get_topic },
	{ "GET", "/leat/topics/{}/records", get_records },
	{ 0 },
};
