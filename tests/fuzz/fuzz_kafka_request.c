/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of Kafka's protocol against a broker in this process: the input is a
 * list of frames, each behind its length in two bytes, sent by one client. The
 * first byte says whether the broker has users. Every request must be answered,
 * also one that is cancelled. What requests make is thrown away now and then.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker_int.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/obj.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FRAMES_MAX = 16,
	INPUTS_PER_BROKER = 1000,
	PARTITIONS_PER_BROKER = 300,
	PARTITIONS_AT_ONCE = 100,
	CREATE_TOPICS = 19,
	CREATE_PARTITIONS = 37,
	RESUMES_MAX = 3,
	ANSWER_MS = 30000,
	OUT_MAX_BYTES = 64 << 20
};

static struct {
	char dir[64];
	struct broker *broker;
	struct kafka_server *open_server;	/* everybody may come in */
	struct kafka_server *server;	/* the one that has users */
	int inputs;

	struct lock lock;	/* guards the rest */
	struct cond cond;
	bool done, resume;
} f;

/* --------------------------------------------------------------- carrying */

static void
done(struct kafka_request *rq)
{
	lock_acquire(&f.lock);
	assert(!f.done);
	f.done = true;
	cond_broadcast(&f.cond);
	lock_release(&f.lock);
}

static void
resume(struct kafka_request *rq)
{
	lock_acquire(&f.lock);
	f.resume = true;
	cond_broadcast(&f.cond);
	lock_release(&f.lock);
}

static void
resume_after(struct kafka_request *rq, int64_t ms)
{
	resume(rq);
}

static const struct kafka_carrier carrier = { .done = done, .resume = resume,
	.resume_after = resume_after };

/* Waits for the reply or a resume: true when it is done. */
static bool
wait_for(bool for_resume)
{
	int64_t deadline = clock_deadline_ns(&clock_system, ANSWER_MS);
	bool is_done;

	lock_acquire(&f.lock);
	while (!f.done && !(for_resume && f.resume))
		if (!cond_wait_until(&f.cond, &f.lock, deadline))
			abort();	/* nobody answers it */
	is_done = f.done;
	f.resume = false;
	lock_release(&f.lock);
	return is_done;
}

static bool
is_done(void)
{
	bool yes;

	lock_acquire(&f.lock);
	yes = f.done;
	lock_release(&f.lock);
	return yes;
}

static bool
wants_resume(void)
{
	bool yes;

	lock_acquire(&f.lock);
	yes = f.resume;
	f.resume = false;
	lock_release(&f.lock);
	return yes;
}

static void
handle(struct kafka_request *rq)
{
	int resumes = 0;

	rq->api->handle(rq);
	while (!is_done() && resumes++ < RESUMES_MAX && wants_resume() &&
	    rq->resume != NULL)
		rq->resume(rq);
	if (!is_done() && rq->api->cancel != NULL)
		rq->api->cancel(rq);
	/* After a cancel it may go on by a resume once more. */
	while (!wait_for(rq->resume != NULL))
		rq->resume(rq);
}

/* --------------------------------------------------------------- requests */

/* Thousands of partitions are lawful, and would take all the time. */
static bool
asks_for_many(const uint8_t *frame, size_t len)
{
	uint16_t key = leat_get_u16(frame);
	uint32_t n;

	if (key != CREATE_TOPICS && key != CREATE_PARTITIONS)
		return false;
	for (size_t at = 8; at + 4 <= len; at++) {
		n = leat_get_u32(frame + at);
		if (n > PARTITIONS_AT_ONCE && n <= PARTITIONS_MAX)
			return true;
	}
	return false;
}

static bool
one_request(struct kafka_server *s, struct kafka_peer *peer,
    const uint8_t *frame, size_t len)
{
	struct kafka_request rq = { .server = s, .broker = f.broker,
		.peer = peer, .carrier = &carrier, .frame_len = len };
	bool go_on;

	if ((rq.frame = malloc(len + 1)) == NULL)
		return false;
	memcpy(rq.frame, frame, len);
	leat_arena_init(&rq.arena, 4096, 8 << 20);
	kout_init(&rq.out, OUT_MAX_BYTES);
	f.done = f.resume = false;
	if (kafka_request_begin(&rq) == 0)
		handle(&rq);
	go_on = rq.outcome != OUTCOME_HANG_UP && !peer->refused;
	if (go_on && rq.outcome == OUTCOME_REPLY)
		assert(leat_get_u32(rq.out.buf.data) == rq.out.buf.len - 4 +
		    rq.out.slice_bytes);
	free(rq.frame);
	kout_fini(&rq.out);
	leat_arena_fini(&rq.arena);
	return go_on;
}

/* --------------------------------------------------------------- a broker */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)remove(path);
	return 0;
}

static void
close_all(void)
{
	kafka_server_free(f.server);
	kafka_server_free(f.open_server);
	if (f.broker != NULL)
		broker_close(f.broker);
	f.server = f.open_server = NULL;
	f.broker = NULL;
	(void)nftw(f.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_users(const char *path)
{
	static const char line[] = "alice:PLAIN$secret\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, sizeof(line) - 1) < 0)
		abort();
	(void)close(fd);
}

static void
open_all(void)
{
	struct broker_listen_options lo;
	struct broker_options bo;
	char users[128];

	/* In memory where that can be: each round syncs a lot. */
	(void)snprintf(f.dir, sizeof(f.dir), "%s/leat-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(f.dir) == NULL)
		abort();
	broker_options_init(&bo);
	bo.dir = f.dir;
	bo.auto_create = true;
	if (broker_open(&bo, &f.broker, NULL) < 0)
		abort();
	broker_listen_options_init(&lo);
	if (kafka_server_new(f.broker, &lo, &f.open_server, NULL) < 0)
		abort();
	(void)snprintf(users, sizeof(users), "%s/users", f.dir);
	write_users(users);
	lo.users_file = users;
	lo.super_users = "User:alice";
	if (kafka_server_new(f.broker, &lo, &f.server, NULL) < 0)
		abort();
}

static bool
is_worn(void)
{
	size_t n;
	struct broker_partition **list = topics_partitions(f.broker, &n);

	partitions_put(list, n);
	return n > PARTITIONS_PER_BROKER || ++f.inputs % INPUTS_PER_BROKER == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kafka_peer peer = { .host = "127.0.0.1",
		.local_host = "127.0.0.1",
		.local_port = 9092 };
	struct kafka_server *s;
	size_t at = 1, len;

	if (size < 3)
		return 0;
	if (f.broker == NULL) {
		if (f.inputs == 0) {
			lock_init(&f.lock, RANK_LEAF);
			cond_init(&f.cond);
			log_setup(&(struct log_settings){
			    .level = LOG_LEVEL_ERROR,
			    .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) });
			(void)atexit(close_all);
		}
		open_all();
	}
	s = data[0] & 1 ? f.server : f.open_server;
	if (kafka_peer_init(&peer, s) < 0)
		return 0;
	for (int i = 0; i < FRAMES_MAX && at + 2 <= size; i++) {
		len = MIN((size_t)leat_get_u16(data + at), size - at - 2);
		at += 2;
		if (len < 8 || asks_for_many(data + at, len) ||
		    !one_request(s, &peer, data + at, len))
			break;
		at += len;
	}
	kafka_peer_fini(&peer);
	if (is_worn())
		close_all();
	return 0;
}
