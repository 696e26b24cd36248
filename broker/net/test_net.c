/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections, with requests of the test's own beside Kafka's: what they do is
 * said by their key.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cmocka.h>

/* The real ones are asked for what is not the test's. */
#define kafka_request_begin real_request_begin
#define kafka_api_find real_api_find
#include "broker/kafka/requests.c"
#undef kafka_request_begin
#undef kafka_api_find

#include "broker/net/net_int.h"
#include "tests/harness/proc.h"

int kafka_request_begin(struct kafka_request *rq);
const struct kafka_api *kafka_api_find(int16_t key);

enum {
	KEY_ECHO = 1000,	/* answers with its body */
	KEY_PARK,		/* waits for release() or its cancel */
	KEY_SLOW,		/* waits for the gate on an admin thread */
	KEY_BIG,		/* answers with as many bytes as it says */
	KEY_RELEASE,		/* answers all that are parked, then itself */
	KEY_SILENT,
	KEY_TIMER,		/* answers 20 ms later */
	KEY_GO_SLOW,		/* as KEY_SLOW, by its own will, then parks */
	KEY_HANG_UP,
	KEY_END
};

enum { PARKED_MAX = 256, WAIT_MS = 20000 };

static struct {
	struct lock lock;
	struct cond cond;
	struct kafka_request *parked[PARKED_MAX];
	int nparked;
	int cancelled;
	int cancelled_in_slow;	/* must stay 0 */
	int in_slow;
	int big_begun;
	bool gate;		/* open */
} state;

/* ---------------------------------------------------- handlers of the test */

static void
echo(struct kafka_request *rq)
{
	size_t n = leat_reader_left(&rq->in.r);
	const uint8_t *p = leat_read_bytes(&rq->in.r, n);

	(void)leat_buf_add(&rq->out.buf, p, n);
	kafka_reply(rq);
}

static void
park(struct kafka_request *rq)
{
	lock_acquire(&state.lock);
	assert_true(state.nparked < PARKED_MAX);
	rq->parked = rq;
	state.parked[state.nparked++] = rq;
	cond_broadcast(&state.cond);
	lock_release(&state.lock);
}

/* Was it still parked? Then it is the caller's. */
static bool
unpark(const struct kafka_request *rq)
{
	bool found = false;

	lock_acquire(&state.lock);
	for (int i = 0; i < state.nparked && !found; i++)
		if (state.parked[i] == rq) {
			found = true;
			memmove(&state.parked[i], &state.parked[i + 1],
			    (size_t)(state.nparked - i - 1) *
			    sizeof(state.parked[0]));
			state.nparked--;
		}
	lock_release(&state.lock);
	return found;
}

static void
cancel(struct kafka_request *rq)
{
	lock_acquire(&state.lock);
	state.cancelled++;
	if (state.in_slow > 0)
		state.cancelled_in_slow++;
	cond_broadcast(&state.cond);
	lock_release(&state.lock);
	if (unpark(rq))
		kafka_reply(rq);
}

static void
wait_at_gate(void)
{
	lock_acquire(&state.lock);
	state.in_slow++;
	cond_broadcast(&state.cond);
	while (!state.gate)
		cond_wait(&state.cond, &state.lock);
	state.in_slow--;
	lock_release(&state.lock);
}

static void
slow(struct kafka_request *rq)
{
	wait_at_gate();
	echo(rq);
}

static void
slow_then_park(struct kafka_request *rq)
{
	wait_at_gate();
	park(rq);
}

static void
go_slow(struct kafka_request *rq)
{
	kafka_go_slow(rq, slow_then_park);
}

static void
big(struct kafka_request *rq)
{
	int32_t n = kin_i32(&rq->in);
	uint8_t *p = leat_buf_reserve(&rq->out.buf, (size_t)n);

	__atomic_add_fetch(&state.big_begun, 1, __ATOMIC_SEQ_CST);
	assert_non_null(p);
	memset(p, 'b', (size_t)n);
	rq->out.buf.len += (size_t)n;
	kafka_reply(rq);
}

/* From the test's thread, or from a handler of another connection. */
static void
release_all(void)
{
	struct kafka_request *rq;

	for (;;) {
		lock_acquire(&state.lock);
		rq = state.nparked > 0 ? state.parked[0] : NULL;
		lock_release(&state.lock);
		if (rq == NULL)
			return;
		if (unpark(rq))
			echo(rq);
	}
}

static void
release(struct kafka_request *rq)
{
	release_all();
	echo(rq);
}

static void
timer(struct kafka_request *rq)
{
	rq->resume = echo;
	kafka_resume_after(rq, 20);
}

static void
hang_up(struct kafka_request *rq)
{
	kafka_hang_up(rq, "it was told to");
}

static const struct kafka_api rows[] = {
	{ KEY_ECHO, "Echo", 0, 0, -1, 0, 0, echo, NULL },
	{ KEY_PARK, "Park", 0, 0, -1, 0, API_OVERLAP, park, cancel },
	{ KEY_SLOW, "Slow", 0, 0, -1, 0, API_SLOW, slow, cancel },
	{ KEY_BIG, "Big", 0, 0, -1, 0, 0, big, NULL },
	{ KEY_RELEASE, "Release", 0, 0, -1, 0, 0, release, NULL },
	{ KEY_SILENT, "Silent", 0, 0, -1, 0, 0, kafka_reply_nothing, NULL },
	{ KEY_TIMER, "Timer", 0, 0, -1, 0, 0, timer, NULL },
	{ KEY_GO_SLOW, "GoSlow", 0, 0, -1, 0, 0, go_slow, cancel },
	{ KEY_HANG_UP, "HangUp", 0, 0, -1, 0, 0, hang_up, NULL },
};

const struct kafka_api *
kafka_api_find(int16_t key)
{
	return key >= KEY_ECHO && key < KEY_END ? &rows[key - KEY_ECHO] :
	    real_api_find(key);
}

/* The header is ApiVersions', the rest the row's. */
int
kafka_request_begin(struct kafka_request *rq)
{
	int16_t key = (int16_t)leat_get_u16(rq->frame);
	int rc;

	if (key < KEY_ECHO || key >= KEY_END)
		return real_request_begin(rq);
	leat_put_u16(rq->frame, API_VERSIONS);
	if ((rc = real_request_begin(rq)) == 0)
		rq->api = kafka_api_find(key);
	return rc;
}

/* ------------------------------------------------------------- the client */

static struct broker *broker;
static struct broker_listener *listener;
static struct broker_listen_options options;

static void
serve(void)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (broker_listen(broker, &options, &listener, &err) < 0)
		fail_msg("%s", err.text);
}

static int
dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(broker_listener_port(listener)) };
	struct timeval limit = { WAIT_MS / 1000, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

/* A whole request: its length, and a body of `len` bytes. */
static size_t
request(uint8_t *to, int16_t key, int32_t id, const void *body, size_t len)
{
	leat_put_u32(to, (uint32_t)(10 + len));
	leat_put_u16(to + 4, (uint16_t)key);
	leat_put_u16(to + 6, 0);
	leat_put_u32(to + 8, (uint32_t)id);
	leat_put_u16(to + 12, 0xffff);
	if (len > 0)
		memcpy(to + 14, body, len);
	return 14 + len;
}

static void
put(int fd, const void *p, size_t len)
{
	assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
}

static void
ask(int fd, int16_t key, int32_t id, const char *body)
{
	uint8_t frame[512];

	put(fd, frame, request(frame, key, id, body, strlen(body)));
}

static void
get_bytes(int fd, uint8_t *to, size_t len)
{
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		n = recv(fd, to + at, len - at, 0);
		if (n <= 0)
			fail_msg("no answer: %s", n == 0 ? "end" :
			    strerror(errno));
	}
}

/* Reads one answer: its id, and what it says (to be freed). */
static char *
answer(int fd, int32_t want_id, size_t *ret_len)
{
	uint8_t head[8];
	size_t len;
	char *body;

	get_bytes(fd, head, sizeof(head));
	assert_int_equal(leat_get_u32(head + 4), want_id);
	len = leat_get_u32(head) - 4;
	body = malloc(len + 1);
	assert_non_null(body);
	get_bytes(fd, (uint8_t *)body, len);
	body[len] = '\0';
	if (ret_len != NULL)
		*ret_len = len;
	return body;
}

static void
expect(int fd, int32_t id, const char *want)
{
	char *body = answer(fd, id, NULL);

	assert_string_equal(body, want);
	free(body);
}

static void
expect_end(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n > 0 || (n < 0 && errno != ECONNRESET))
		fail_msg("the connection is still there");
}

static bool
nothing_comes(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, ms) == 0;
}

static void
wait_for(const int *what, int least)
{
	int64_t deadline = clock_deadline_ns(&clock_system, WAIT_MS);

	lock_acquire(&state.lock);
	while (*what < least)
		if (!cond_wait_until(&state.cond, &state.lock, deadline)) {
			lock_release(&state.lock);
			fail_msg("waited in vain");
		}
	lock_release(&state.lock);
}

static void
open_gate(void)
{
	lock_acquire(&state.lock);
	state.gate = true;
	cond_broadcast(&state.cond);
	lock_release(&state.lock);
}

/* --------------------------------------------------------------- fixtures */

static int
group_setup(void **unused)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_options o;

	lock_init(&state.lock, RANK_LEAF);
	cond_init(&state.cond);
	broker_options_init(&o);
	o.dir = th_path("data");
	if (broker_open(&o, &broker, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int
group_teardown(void **unused)
{
	broker_close(broker);
	return 0;
}

static int
setup(void **unused)
{
	state.nparked = state.cancelled = state.cancelled_in_slow = 0;
	state.in_slow = state.big_begun = 0;
	state.gate = false;
	broker_listen_options_init(&options);
	options.listen = "127.0.0.1:0";
	return 0;
}

static int
teardown(void **unused)
{
	open_gate();
	broker_listener_close(listener);
	listener = NULL;
	assert_int_equal(state.nparked, 0);
	return 0;
}

/* ------------------------------------------------------------------ tests */

static void
test_byte_by_byte(void **unused)
{
	uint8_t frame[64];
	size_t len = request(frame, API_VERSIONS, 7, "", 0);
	int fd;

	serve();
	fd = dial();
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < len; i++)
			put(fd, frame + i, 1);
		free(answer(fd, 7, NULL));
	}
	close(fd);
}

static void
test_pipeline(void **unused)
{
	enum { N = 3000 };
	static uint8_t all[N * 32];
	char text[16];
	size_t len = 0;
	int fd;

	serve();
	fd = dial();
	for (int i = 0; i < N; i++) {
		/* Some answers are late or none, the order stays. */
		int16_t key = KEY_ECHO;

		if (i % 500 == 499)
			key = KEY_TIMER;
		else if (i % 7 == 3)
			key = KEY_SILENT;

		snprintf(text, sizeof(text), "%d", i);
		len += request(all + len, key, i, text, strlen(text));
	}
	put(fd, all, len);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "%d", i);
		if (i % 500 == 499 || i % 7 != 3)
			expect(fd, i, text);
	}
	close(fd);
}

static void
test_half_close(void **unused)
{
	int fd;

	serve();
	fd = dial();
	ask(fd, KEY_ECHO, 1, "a");
	ask(fd, KEY_TIMER, 2, "b");
	ask(fd, KEY_ECHO, 3, "c");
	shutdown(fd, SHUT_WR);
	expect(fd, 1, "a");
	expect(fd, 2, "b");
	expect(fd, 3, "c");
	expect_end(fd);
	close(fd);
}

static void
test_order_of_waiting(void **unused)
{
	int fd;

	serve();
	fd = dial();
	ask(fd, KEY_PARK, 1, "a");
	ask(fd, KEY_PARK, 2, "b");	/* may overlap */
	ask(fd, KEY_ECHO, 3, "c");	/* may not */
	wait_for(&state.nparked, 2);
	/* The second is answered first, and leaves second. */
	struct kafka_request *second = state.parked[1];
	assert_true(unpark(second));
	echo(second);
	assert_true(nothing_comes(fd, 100));
	release_all();
	expect(fd, 1, "a");
	expect(fd, 2, "b");
	expect(fd, 3, "c");
	close(fd);
}

static void
test_reply_from_another_handler(void **unused)
{
	int fds[8], other;

	options.threads = 1;
	serve();
	other = dial();
	for (int i = 0; i < 8; i++) {
		fds[i] = dial();
		ask(fds[i], KEY_PARK, i, "parked");
	}
	wait_for(&state.nparked, 8);
	ask(other, KEY_RELEASE, 99, "released");
	expect(other, 99, "released");
	for (int i = 0; i < 8; i++) {
		expect(fds[i], i, "parked");
		close(fds[i]);
	}
	close(other);
}

static void
test_close_while_parked(void **unused)
{
	struct linger abort = { 1, 0 };
	int fd;

	serve();
	fd = dial();
	ask(fd, KEY_PARK, 1, "a");
	ask(fd, KEY_PARK, 2, "b");
	wait_for(&state.nparked, 2);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(fd);
	wait_for(&state.cancelled, 2);
}

/* Replies and the end of connections meet each other. */
static void
test_race_of_reply_and_close(void **unused)
{
	struct linger abort = { 1, 0 };
	int fds[8];

	serve();
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 8; i++) {
			fds[i] = dial();
			ask(fds[i], KEY_PARK, i, "x");
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &abort,
			    sizeof(abort));
		}
		wait_for(&state.nparked, 8);
		for (int i = 0; i < 4; i++)
			close(fds[i]);
		release_all();
		for (int i = 4; i < 8; i++) {
			expect(fds[i], i, "x");
			close(fds[i]);
		}
		/* Those of closed ones may be parked again only next round. */
		lock_acquire(&state.lock);
		assert_int_equal(state.nparked, 0);
		lock_release(&state.lock);
	}
}

static void
test_slow_hurts_nobody(void **unused)
{
	int a, b;

	options.threads = 1;
	serve();
	a = dial();
	b = dial();
	ask(a, KEY_SLOW, 1, "slow");
	ask(a, KEY_ECHO, 2, "behind it");
	wait_for(&state.in_slow, 1);
	ask(b, KEY_ECHO, 3, "quick");
	expect(b, 3, "quick");
	assert_true(nothing_comes(a, 50));
	open_gate();
	expect(a, 1, "slow");
	expect(a, 2, "behind it");
	close(a);
	close(b);
}

/* The handler on the admin thread is not cancelled, but when it has parked. */
static void
test_close_while_slow(void **unused)
{
	struct linger abort = { 1, 0 };
	int fd, other;

	options.threads = 1;
	serve();
	fd = dial();
	ask(fd, KEY_GO_SLOW, 1, "slow");
	wait_for(&state.in_slow, 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(fd);
	/* The same thread has seen the end when it answers this. */
	for (int i = 0; i < 3; i++) {
		other = dial();
		ask(other, KEY_ECHO, 2, "x");
		expect(other, 2, "x");
		close(other);
	}
	assert_int_equal(state.cancelled, 0);
	open_gate();
	wait_for(&state.cancelled, 1);
	assert_int_equal(state.cancelled_in_slow, 0);
}

static void
test_stop_with_requests(void **unused)
{
	int a, b, c;

	serve();
	a = dial();
	b = dial();
	c = dial();
	ask(a, KEY_PARK, 1, "a");
	ask(b, KEY_SLOW, 2, "b");
	ask(c, KEY_GO_SLOW, 3, "c");
	wait_for(&state.nparked, 1);
	wait_for(&state.in_slow, 2);
	open_gate();
	broker_listener_close(listener);
	listener = NULL;
	assert_true(state.cancelled >= 1);
	/* The answer of the slow one may have left. */
	expect_end(a);
	close(a);
	close(b);
	close(c);
}

static void
test_bad_frames(void **unused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x80\0\0\0", 4 },
		{ "\xff\xff\xff\xff", 4 },
		{ "\x7f\xff\xff\xff", 4 },
		{ "\0\0\0\7abcdefg", 11 },
		{ "\0\0\0\0", 4 },
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\x16\3\1\2\0\1\0\1\xfc", 9 },
		/* an unknown request, one of an unknown version */
		{ "\0\0\0\x0a\x7f\xff\0\0\0\0\0\1\xff\xff", 14 },
		{ "\0\0\0\x0a\0\3\x7f\xff\0\0\0\1\xff\xff", 14 },
		/* no header */
		{ "\0\0\0\x0a\0\3\0\0\0\0\0\1\x7f\xff", 14 },
	};
	int fd, good;

	options.request_max_bytes = 1 << 20;
	serve();
	good = dial();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		fd = dial();
		put(fd, bad[i].bytes, bad[i].len);
		expect_end(fd);
		close(fd);
	}
	fd = dial();
	ask(fd, KEY_ECHO, 1, "before");
	ask(fd, KEY_HANG_UP, 2, "");
	ask(fd, KEY_ECHO, 3, "never");
	expect(fd, 1, "before");
	expect_end(fd);
	close(fd);
	ask(good, KEY_ECHO, 5, "still here");
	expect(good, 5, "still here");
	close(good);
}

/* Frames that are larger together than the memory for all of them. */
static void
test_memory_for_frames(void **unused)
{
	enum { N = 24,
		BODY = 600 << 10,
		PIECE = 20000 };
	static uint8_t frame[BODY + 32];
	size_t sent[N] = { 0 }, len, total = 0;
	int64_t deadline;
	char *body;
	int fds[N];
	ssize_t n;

	options.request_max_bytes = 1 << 20;
	options.queued_max_bytes = 512 << 10;
	serve();
	memset(frame, 'x', sizeof(frame));
	len = request(frame, KEY_ECHO, 4, frame + 14, BODY);
	for (int i = 0; i < N; i++)
		fds[i] = dial();
	deadline = clock_deadline_ns(&clock_system, WAIT_MS);
	/* All at once, piece by piece, as far as each is read. */
	while (total < N * len) {
		assert_true(clock_left_ms(&clock_system, deadline) > 0);
		for (int i = 0; i < N; i++) {
			n = send(fds[i], frame + sent[i],
			    MIN(len - sent[i], (size_t)PIECE),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n > 0) {
				sent[i] += (size_t)n;
				total += (size_t)n;
			}
		}
		assert_true(__atomic_load_n(&listener->queued,
		    __ATOMIC_SEQ_CST) <= options.queued_max_bytes +
		    options.request_max_bytes + N * (4 << 10));
	}
	for (int i = 0; i < N; i++) {
		body = answer(fds[i], 4, &len);
		assert_int_equal(len, BODY);
		free(body);
		close(fds[i]);
	}
	/* An answer is here a moment before its request is gone. */
	TH_WAIT(__atomic_load_n(&listener->queued, __ATOMIC_SEQ_CST) == 0,
	    WAIT_MS);
	assert_int_equal(__atomic_load_n(&listener->nstarved,
	    __ATOMIC_SEQ_CST), 0);
}

/* One that stalls while it holds the memory is closed for the others. */
static void
test_stalled_frames(void **unused)
{
	enum { N = 3,
		BODY = 300 << 10 };
	static uint8_t frame[BODY + 32];
	size_t len, half = 200 << 10;
	int fds[N], fd;
	char *body;

	options.request_max_bytes = 1 << 20;
	options.queued_max_bytes = 256 << 10;
	serve();
	len = request(frame, KEY_ECHO, 4, frame + 14, BODY);
	for (int i = 0; i < N; i++) {
		fds[i] = dial();
		put(fds[i], frame, half);
	}
	fd = dial();
	put(fd, frame, len);
	body = answer(fd, 4, &len);
	assert_int_equal(len, BODY);
	free(body);
	close(fd);
	for (int i = 0; i < N; i++)
		close(fds[i]);
}

static void
test_slow_reader(void **unused)
{
	enum { N = 40,
		BYTES = 4 << 20 };
	uint8_t frame[64], size[4];
	int fd, other, begun;
	size_t len, got;
	char *body;

	options.threads = 1;
	serve();
	fd = dial();
	leat_put_u32(size, BYTES);
	for (int i = 0; i < N; i++) {
		len = request(frame, KEY_BIG, i, size, sizeof(size));
		put(fd, frame, len);
	}
	/* The thread serves others, and has not begun what cannot leave. */
	other = dial();
	for (int i = 0; i < 20; i++) {
		ask(other, KEY_ECHO, i, "x");
		expect(other, i, "x");
	}
	begun = __atomic_load_n(&state.big_begun, __ATOMIC_SEQ_CST);
	assert_in_range(begun, 1, 8);
	for (int i = 0; i < N; i++) {
		body = answer(fd, i, &got);
		assert_int_equal(got, BYTES);
		free(body);
	}
	close(fd);
	close(other);
}

static void
test_too_many_connections(void **unused)
{
	int fds[3], fd;

	options.max_connections_per_ip = 3;
	serve();
	for (int i = 0; i < 3; i++) {
		fds[i] = dial();
		ask(fds[i], KEY_ECHO, i, "x");
		expect(fds[i], i, "x");
	}
	fd = dial();
	expect_end(fd);
	close(fd);
	close(fds[0]);
	/* Its place is free as soon as the end has been seen. */
	for (int64_t end = th_now_ms() + WAIT_MS;;) {
		uint8_t frame[64];
		char byte;

		fd = dial();
		(void)send(fd, frame, request(frame, KEY_ECHO, 9, "y", 1),
		    MSG_NOSIGNAL);
		if (recv(fd, &byte, 1, MSG_PEEK) == 1)
			break;
		close(fd);
		assert_true(th_now_ms() < end);
		th_nap(10);
	}
	expect(fd, 9, "y");
	close(fd);
	close(fds[1]);
	close(fds[2]);
}

static void
test_idle(void **unused)
{
	int idle, waiting;

	options.idle_ms = 200;
	serve();
	waiting = dial();
	ask(waiting, KEY_PARK, 1, "a");
	wait_for(&state.nparked, 1);
	idle = dial();
	expect_end(idle);
	release_all();
	expect(waiting, 1, "a");
	expect_end(waiting);
	close(idle);
	close(waiting);
}

static void
test_no_descriptors(void **unused)
{
	struct rlimit had, low;
	struct rusage before, after;
	int fd, spare = dup(0);
	int64_t spent_us;

	serve();
	fd = dial();
	ask(fd, KEY_ECHO, 1, "a");
	expect(fd, 1, "a");
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	low = had;
	low.rlim_cur = (rlim_t)spare + 1;
	close(spare);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	close(fd);
	fd = dial();		/* takes what its acceptance would need */
	low.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(broker_listener_port(listener)) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ask(fd, KEY_ECHO, 2, "b");
	getrusage(RUSAGE_SELF, &before);
	assert_true(nothing_comes(fd, 500));
	getrusage(RUSAGE_SELF, &after);
	spent_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec +
	    after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
	    after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	    after.ru_stime.tv_usec - before.ru_stime.tv_usec;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_true(spent_us < 250000);
	expect(fd, 2, "b");
	close(fd);
}

static void
test_addresses(void **unused)
{
	struct leat_err err = LEAT_ERR_INIT;

	options.listen = "SSL://127.0.0.1:0";
	assert_true(broker_listen(broker, &options, &listener, &err) < 0);
	assert_non_null(strstr(err.text, "without a certificate"));
	options.listen = "localhost:0";
	serve();
	assert_true(listener->nacceptors >= 1);
}

static void
test_counts_of_addresses(void **unused)
{
	struct ip_count c;
	struct ip_key key = { { 0 } };

	ip_count_init(&c);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			memcpy(key.addr + 12, &i, sizeof(i));
			assert_true(ip_count_add(&c, key, 2));
			assert_true(ip_count_add(&c, key, 2));
			assert_false(ip_count_add(&c, key, 2));
		}
		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t k = (i * 7919) % 5000;

			memcpy(key.addr + 12, &k, sizeof(k));
			ip_count_remove(&c, key);
			assert_true(ip_count_add(&c, key, 2));
			ip_count_remove(&c, key);
			ip_count_remove(&c, key);
			ip_count_remove(&c, key);	/* one too many */
		}
		assert_int_equal(c.used, 0);
	}
	ip_count_fini(&c);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_byte_by_byte),
		TEST(test_pipeline),
		TEST(test_half_close),
		TEST(test_order_of_waiting),
		TEST(test_reply_from_another_handler),
		TEST(test_close_while_parked),
		TEST(test_race_of_reply_and_close),
		TEST(test_slow_hurts_nobody),
		TEST(test_close_while_slow),
		TEST(test_stop_with_requests),
		TEST(test_bad_frames),
		TEST(test_memory_for_frames),
		TEST(test_stalled_frames),
		TEST(test_slow_reader),
		TEST(test_too_many_connections),
		TEST(test_idle),
		TEST(test_no_descriptors),
		TEST(test_addresses),
		TEST(test_counts_of_addresses),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
