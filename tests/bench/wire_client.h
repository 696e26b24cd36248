/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_client.h: a client of Kafka's protocol that costs next to nothing: it
 * sends one ready-made batch over and over, and reads answers without looking
 * at the records. With it the broker is what is measured; with librdkafka, on
 * few cores, it is mostly the client.
 */
#ifndef LEAT_TESTS_BENCH_WIRE_CLIENT_H
#define LEAT_TESTS_BENCH_WIRE_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <leat/buf.h>
#include <leat/str.h>
#include <leat/wire.h>

#include "broker/record_batch.h"
#include "tests/bench/bench.h"
#include "tests/harness/proc.h"

enum {
	WIRE_BATCH_BYTES = 64 << 10,
	WIRE_IN_FLIGHT = 5,
	WIRE_ANSWER_MAX = 8 << 20,
	WIRE_FETCH_BYTES = 1 << 20
};

struct wire_client {
	pthread_t thread;
	const char *bootstrap, *topic;
	int32_t partition;
	int16_t acks;
	size_t bytes;		/* of a record */
	double seconds;
	int64_t records;	/* acknowledged, or read */
	double took;
};

static inline int
wire_connect(const char *bootstrap)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *colon = strrchr(bootstrap, ':');
	int64_t port;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (leat_parse_i64(leat_str_c(colon + 1), 1, 65535, &port) < 0)
		th_fail("no port in %s", bootstrap);
	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		th_fail("connect to %s", bootstrap);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static inline void
wire_send(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	while (len > 0) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0 && errno != EINTR)
			th_fail("send to the broker");
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static inline void
wire_recv(int fd, void *data, size_t len)
{
	uint8_t *p = data;
	ssize_t n;

	while (len > 0) {
		n = recv(fd, p, len, MSG_WAITALL);
		if (n == 0 || (n < 0 && errno != EINTR))
			th_fail("the broker hung up");
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

/* A whole answer; its length. */
static inline size_t
wire_answer(int fd, uint8_t *to)
{
	uint8_t size[4];
	size_t len;

	wire_recv(fd, size, sizeof(size));
	len = leat_get_u32(size);
	if (len > WIRE_ANSWER_MAX)
		th_fail("an answer of %zu bytes", len);
	wire_recv(fd, to, len);
	return len;
}

static inline void
wire_text(struct leat_buf *b, const char *s)
{
	leat_write_u16(b, (uint16_t)strlen(s));
	(void)leat_buf_add_str(b, s);
}

/* Length to be filled, header of version 1. */
static inline void
wire_header(struct leat_buf *b, int16_t key, int16_t version)
{
	leat_buf_reset(b);
	leat_write_u32(b, 0);
	leat_write_u16(b, (uint16_t)key);
	leat_write_u16(b, (uint16_t)version);
	leat_write_u32(b, 1);
	wire_text(b, "bench");
}

static inline void
wire_finish(struct leat_buf *b)
{
	leat_put_u32(b->data, (uint32_t)b->len - 4);
}

/* A Produce request with a full batch; the number of its records. */
static inline uint32_t
wire_produce_request(struct leat_buf *b, const struct wire_client *c)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
	    WIRE_BATCH_BYTES);
	const struct batch_identity id = { .producer_id = -1,
		.producer_epoch = -1,
		.base_sequence = -1 };
	char *value = calloc(1, c->bytes);
	struct record r = { .timestamp_ms = (int64_t)time(NULL) * 1000,
		.value = { value, c->bytes } };
	uint32_t n = 0;
	uint8_t *data;
	size_t len;

	while (batch_builder_add(bb, &r, NULL) == 0)
		n++;
	if (batch_builder_finish(bb, &id, &data, &len, NULL) < 0)
		th_fail("building a batch");
	wire_header(b, 0, 7);
	leat_write_u16(b, (uint16_t)-1);	/* no transaction */
	leat_write_u16(b, (uint16_t)c->acks);
	leat_write_u32(b, 30000);
	leat_write_u32(b, 1);
	wire_text(b, c->topic);
	leat_write_u32(b, 1);
	leat_write_u32(b, (uint32_t)c->partition);
	leat_write_u32(b, (uint32_t)len);
	(void)leat_buf_add(b, data, len);
	wire_finish(b);
	batch_builder_free(bb);
	free(value);
	return n;
}

static inline void *
wire_producer(void *arg)
{
	struct wire_client *c = arg;
	/* correlation, one topic, its name, one partition, its number */
	size_t error_at = 4 + 4 + 2 + strlen(c->topic) + 4 + 4;
	double began, end;
	struct leat_buf b;
	uint8_t *answer = malloc(WIRE_ANSWER_MAX);
	int fd = wire_connect(c->bootstrap), under_way = 0;
	int16_t error;
	uint32_t n;

	leat_buf_init(&b, 1 << 20);
	n = wire_produce_request(&b, c);
	began = bench_now();
	end = began + c->seconds;
	while (under_way > 0 || bench_now() < end) {
		if (under_way < WIRE_IN_FLIGHT && bench_now() < end) {
			wire_send(fd, b.data, b.len);
			under_way++;
			continue;
		}
		(void)wire_answer(fd, answer);
		under_way--;
		error = (int16_t)leat_get_u16(answer + error_at);
		/* A new topic of Kafka's has no leader for a moment. */
		if (c->records == 0 && (error == 3 || error == 6)) {
			began = bench_now();
			end = began + c->seconds;
		} else if (error != 0) {
			th_fail("Produce was answered with error %d", error);
		} else {
			c->records += n;
		}
	}
	c->took = bench_now() - began;
	(void)close(fd);
	leat_buf_fini(&b);
	free(answer);
	return NULL;
}

static inline void
wire_fetch_request(struct leat_buf *b, const struct wire_client *c,
    int64_t offset)
{
	wire_header(b, 1, 11);
	leat_write_u32(b, (uint32_t)-1);	/* not a replica */
	leat_write_u32(b, 0);			/* nor one that waits */
	leat_write_u32(b, 1);
	leat_write_u32(b, 50 << 20);
	leat_write_u8(b, 0);
	leat_write_u32(b, 0);			/* no session */
	leat_write_u32(b, (uint32_t)-1);
	leat_write_u32(b, 1);
	wire_text(b, c->topic);
	leat_write_u32(b, 1);
	leat_write_u32(b, (uint32_t)c->partition);
	leat_write_u32(b, (uint32_t)-1);
	leat_write_u64(b, (uint64_t)offset);
	leat_write_u64(b, (uint64_t)-1);
	leat_write_u32(b, WIRE_FETCH_BYTES);
	leat_write_u32(b, 0);
	wire_text(b, "");
	wire_finish(b);
}

/* The offset behind the last whole batch of an answer. */
static inline int64_t
wire_fetched(const struct wire_client *c, const uint8_t *answer, size_t len,
    int64_t offset)
{
	struct leat_reader r;
	size_t size;

	leat_reader_init(&r, answer, len);
	(void)leat_read_bytes(&r, 4 + 4 + 2 + 4 + 4 + 2 + strlen(c->topic) +
	    4 + 4);
	if (leat_read_u16(&r) != 0)
		th_fail("Fetch was answered with an error");
	(void)leat_read_bytes(&r, 8 + 8 + 8);
	if (leat_read_i32(&r) > 0)
		th_fail("aborted transactions in a plain topic");
	(void)leat_read_bytes(&r, 4 + 4);
	while (leat_reader_left(&r) >= RECORD_BATCH_HEADER_BYTES) {
		size = leat_get_u32(r.cur + 8) + 12;
		if (size > leat_reader_left(&r))
			break;
		offset = (int64_t)leat_get_u64(r.cur) +
		    leat_get_u32(r.cur + 23) + 1;
		(void)leat_read_bytes(&r, size);
	}
	return offset;
}

/* Reads its partition again and again for the time there is. */
static inline void *
wire_consumer(void *arg)
{
	struct wire_client *c = arg;
	uint8_t *answer = malloc(WIRE_ANSWER_MAX);
	int fd = wire_connect(c->bootstrap);
	int64_t offset = 0, next;
	struct leat_buf b;
	double began = bench_now();
	size_t len;

	leat_buf_init(&b, 1 << 16);
	while (bench_now() < began + c->seconds) {
		wire_fetch_request(&b, c, offset);
		wire_send(fd, b.data, b.len);
		len = wire_answer(fd, answer);
		next = wire_fetched(c, answer, len, offset);
		c->records += next - offset;
		/* The end comes with an answer that has less than it may. */
		offset = len < WIRE_FETCH_BYTES / 2 ? 0 : next;
	}
	c->took = bench_now() - began;
	(void)close(fd);
	leat_buf_fini(&b);
	free(answer);
	return NULL;
}

#endif
