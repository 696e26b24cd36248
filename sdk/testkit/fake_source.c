/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_source.c: driving a source.
 */
#include <leat/fake_host.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "sdk/testkit/fake.h"

enum {
	DEFAULT_WAIT_MS = 100,
	TICK_MS = 1000,
	LONGEST_WAIT_MS = 10000	/* a test should not hang */
};

static bool
is_open(const struct leat_fake *f, int kind)
{
	return f->open && f->connector->kind == kind;
}

/*
 * As the worker: of a poll() that failed it takes what stands in front of the
 * last position, and nothing if a position was lost.
 */
static void
drop_records(struct leat_fake *f, size_t nrecords, size_t npositions)
{
	if (f->position_failed)
		f->positions.len = npositions;
	f->records.len = nrecords;
	if (f->positions.len > npositions)
		f->records.len = leat_fake_position(f,
		    f->positions.len - 1)->nrecords;
}

/* Only now, as the worker reads a record when poll() has returned. */
static void
copy_records(struct leat_fake *f, size_t from)
{
	for (; from < f->records.len; from++) {
		struct leat_record *r = f->records.items[from], given = *r;

		fake_copy_record(&f->arena, r, &given);
	}
}

int
leat_fake_poll(struct leat_fake *f)
{
	size_t nrecords = f->records.len, npositions = f->positions.len;
	int rc;

	if (!is_open(f, LEAT_SOURCE))
		return fake_not_open(f, "poll");
	fake_end_loans(&f->batch_loans);
	f->batch_bytes = 0;
	f->batch = (struct leat_batch){ .task = leat_fake_task(f) };
	f->wait_fd = -1;
	f->wait_ms = DEFAULT_WAIT_MS;
	leat_err_clear(&f->err);
	f->position_failed = false;
	f->in_poll = true;
	rc = f->connector->source->poll(f->self, &f->batch, &f->err);
	f->in_poll = false;
	rc = fake_returned(f, "poll", rc);
	if (rc == 0 && f->position_failed)
		rc = leat_err_set(&f->err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a position");
	if (rc < 0)
		drop_records(f, nrecords, npositions);
	copy_records(f, nrecords);
	return rc < 0 ? rc : (int)f->batch.nrecords;
}

int
leat_fake_wait(struct leat_fake *f)
{
	short events = (short)((f->wait_events & LEAT_WAIT_READ ? POLLIN : 0) |
	    (f->wait_events & LEAT_WAIT_WRITE ? POLLOUT : 0));
	struct pollfd fds[] = { { .fd = f->wake, .events = POLLIN },
		{ .fd = f->wait_fd, .events = events } };
	int64_t ms = f->wait_ms;

	if (ms < 0 || ms > LONGEST_WAIT_MS)
		ms = LONGEST_WAIT_MS;
	if (poll(fds, f->wait_fd >= 0 ? 2 : 1, f->scripted ? 0 : (int)ms) > 0)
		return 1;
	if (f->scripted)
		f->clock_us += ms * 1000;
	return 0;
}

int
leat_fake_signal(struct leat_fake *f, const char *id, const char *type,
    const char *data)
{
	const struct leat_signal sig = { .size = sizeof(sig), .id = id,
		.type = type, .data = data };
	const struct leat_source_ops *ops = f->connector->source;

	if (!is_open(f, LEAT_SOURCE))
		return fake_not_open(f, "signal");
	if (ops->size < sizeof(*ops) || ops->signal == NULL)
		return LEAT_E_NOTFOUND;
	leat_err_clear(&f->err);
	return fake_returned(f, "signal", ops->signal(f->self, &sig,
	    &f->err));
}

void
leat_fake_topic_add(struct leat_fake *f, const char *topic, const char *key,
    const char *value)
{
	struct fake_topic_record *r = fake_need(leat_arena_alloc(&f->arena,
	    sizeof(*r)));

	r->topic = fake_strdup(f, topic);
	r->key = key == NULL ? NULL : fake_strdup(f, key);
	r->value = value == NULL ? NULL : fake_strdup(f, value);
	fake_add(&f->topic, r);
}

int
leat_fake_tick(struct leat_fake *f)
{
	int rc = 0;

	if (!f->open)
		return fake_not_open(f, "tick");
	leat_err_clear(&f->err);
	if (f->connector->kind == LEAT_SOURCE) {
		if (f->connector->source->tick != NULL)
			rc = f->connector->source->tick(f->self, &f->err);
	} else if (f->connector->sink->tick != NULL) {
		rc = f->connector->sink->tick(f->self, &f->err);
	}
	return fake_returned(f, "tick", rc);
}

int
leat_fake_run(struct leat_fake *f, size_t n, int64_t timeout_ms)
{
	int64_t now = fake_mono_ms(f), end = now + timeout_ms;
	int64_t next_tick = now + TICK_MS, left;
	int rc;

	for (;;) {
		rc = leat_fake_poll(f);
		if (rc < 0)
			return rc;
		if (f->records.len >= n)
			return 0;
		now = fake_mono_ms(f);
		if (now >= end)
			return -ETIME;
		if (now >= next_tick) {
			next_tick = now + TICK_MS;
			if ((rc = leat_fake_tick(f)) < 0)
				return rc;
		}
		left = (end < next_tick ? end : next_tick) - now;
		if (f->wait_ms < 0 || f->wait_ms > left)
			f->wait_ms = left;
		if (rc == 0)
			(void)leat_fake_wait(f);
	}
}

void
leat_fake_stop(struct leat_fake *f)
{
	uint64_t one = 1;

	__atomic_store_n(&f->stopping, 1, __ATOMIC_RELEASE);
	if (write(f->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		fake_need(NULL);
	if (!f->open)
		return;
	if (f->connector->kind == LEAT_SOURCE) {
		if (f->connector->source->interrupt != NULL)
			f->connector->source->interrupt(f->self);
	} else if (f->connector->sink->interrupt != NULL) {
		f->connector->sink->interrupt(f->self);
	}
}

/* ------------------------------------------------------------ durability */

static char *
lend_text(struct leat_fake *f, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(fake_lend(&f->call_loans, n), s, n);
}

static int
call_durable(struct leat_fake *f, const struct leat_fake_position *p)
{
	struct leat_position pos;
	int rc;

	if (f->connector->source->durable == NULL)
		return 0;
	pos.partition = lend_text(f, p->partition);
	pos.offset = lend_text(f, p->offset);
	leat_err_clear(&f->err);
	rc = f->connector->source->durable(f->self, &pos, &f->err);
	return fake_returned(f, "durable", rc);
}

/* Is there a newer position of the same partition up to the last one? */
static bool
is_overtaken(struct leat_fake *f, size_t i, size_t last)
{
	const struct leat_fake_position *p = leat_fake_position(f, i);
	const char *key = fake_canonical(f, p->partition);

	for (i++; i <= last; i++)
		if (strcmp(key, fake_canonical(f,
		    leat_fake_position(f, i)->partition)) == 0)
			return true;
	return false;
}

int
leat_fake_durable_to(struct leat_fake *f, size_t i)
{
	const struct leat_fake_position *p;
	int rc;

	if (!is_open(f, LEAT_SOURCE))
		return fake_not_open(f, "durable");
	for (; f->durable <= i && f->durable < f->positions.len;
	    f->durable++) {
		if (is_overtaken(f, f->durable, i))
			continue;
		p = leat_fake_position(f, f->durable);
		leat_fake_set_offset(f, p->partition, p->offset);
		if ((rc = call_durable(f, p)) < 0)
			return rc;
	}
	return 0;
}

int
leat_fake_durable(struct leat_fake *f)
{
	return leat_fake_durable_to(f,
	    f->positions.len == 0 ? 0 : f->positions.len - 1);
}
