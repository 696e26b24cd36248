/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer_poll.c: reading what is there, fairly (consumer.h).
 */
#include "core/bus/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum {
	SHARE_MIN = 64 * 1024,
	KEEP_READERS = 16	/* with more, idle ones give back memory */
};

/* ---------------------------------------------------------------- poll */

static enum broker_isolation
isolation(const struct bus_consumer *c)
{
	return c->o.read_uncommitted ? READ_UNCOMMITTED : READ_COMMITTED;
}

/* The position is not in the log any more: go on where there is something. */
static int
reset_position(struct bus_consumer *c, struct cpart *cp)
{
	struct broker_offsets at;
	int64_t from = cp->position;

	broker_partition_offsets(cp->part, &at);
	cp->position = c->o.from_latest ? at.stable : at.log_start;
	if (cp->position == from)
		return -1;
	cp->done = cp->position;
	cp->committed = -1;
	if (cp->reader != NULL)
		broker_reader_seek(cp->reader, cp->position);
	cp->loaded = false;
	if (c->o.out_of_range != NULL)
		c->o.out_of_range(c->o.arg, cp->topic->name, cp->index, from,
		    cp->position);
	return 0;
}

/* A position before the log's start is silent loss unless somebody says so. */
static void
check_start(struct bus_consumer *c, struct cpart *cp)
{
	struct broker_offsets at;

	broker_partition_offsets(cp->part, &at);
	if (cp->position < at.log_start || cp->position > at.written)
		(void)reset_position(c, cp);
}

static int
part_open(struct bus_consumer *c, struct cpart *cp, struct leat_err *err)
{
	if (cp->reader != NULL)
		return 0;
	check_start(c, cp);
	cp->reader = broker_reader_open(cp->part, cp->position, isolation(c),
	    err);
	return cp->reader == NULL ? err->code : 0;
}

/* Nothing to read: wait for more, and give back memory if many are like it. */
static void
part_wait(struct bus_consumer *c, struct cpart *cp)
{
	cp->position = MAX(cp->position, broker_reader_offset(cp->reader));
	if (c->nparts > KEEP_READERS) {
		broker_reader_close(cp->reader);
		cp->reader = NULL;
	}
	__atomic_store_n(&cp->ready, 0, __ATOMIC_RELEASE);
	if (cp->waiting)
		broker_wait_cancel(&cp->waiter);
	cp->waiting = true;
	broker_wait(&cp->waiter, cp->part, cp->position, isolation(c));
}

/* Loads more: 1 when there is something, 0 when not. */
static int
part_fill(struct bus_consumer *c, struct cpart *cp, size_t share,
    struct leat_err *err)
{
	int rc;

	if (cp->loaded)
		return 1;
	if (part_open(c, cp, err) < 0)
		return err->code;
	check_start(c, cp);
	rc = broker_reader_fill(cp->reader, share, err);
	if (rc == LEAT_E_RANGE && reset_position(c, cp) == 0) {
		leat_err_clear(err);
		rc = broker_reader_fill(cp->reader, share, err);
	}
	if (rc < 0)
		return leat_err_wrap(err, "read '%s-%d'", cp->topic->name,
		    (int)cp->index);
	if (rc == 0) {
		part_wait(c, cp);
		return 0;
	}
	cp->loaded = true;
	return 1;
}

static int
message_fill(struct bus_consumer *c, struct cpart *cp,
    const struct record *rec, struct bus_message *m, struct leat_err *err)
{
	m->topic = cp->topic->name;
	m->partition = cp->index;
	m->timestamp_type = 0;
	m->offset = rec->offset;
	m->timestamp_ms = rec->timestamp_ms;
	m->key = rec->key;
	m->value = rec->value;
	m->headers = NULL;
	m->nheaders = rec->nheaders;
	if (rec->nheaders > 0) {
		/* The reader's array is good for one record only. */
		m->headers = leat_arena_memdup(&c->headers, rec->headers,
		    rec->nheaders * sizeof(*m->headers));
		if (m->headers == NULL)
			return consumer_no_memory(err);
	}
	return 0;
}

/* Hands out what the partition has loaded, as far as there is room. */
static int
part_take(struct bus_consumer *c, struct cpart *cp, size_t *n,
    struct leat_err *err)
{
	struct record rec;
	int rc = 0;

	while (*n < c->o.poll_records) {
		rc = broker_reader_next(cp->reader, &rec, err);
		if (rc <= 0)
			break;
		if (message_fill(c, cp, &rec, &c->messages[*n], err) < 0)
			return err->code;
		cp->position = rec.offset + 1;
		(*n)++;
	}
	if (rc < 0)
		return leat_err_wrap(err, "read '%s-%d'", cp->topic->name,
		    (int)cp->index);
	if (*n < c->o.poll_records) {
		cp->loaded = false;
		cp->position = MAX(cp->position,
		    broker_reader_offset(cp->reader));
	}
	return 0;
}

static bool
is_ready(const struct cpart *cp)
{
	return __atomic_load_n(&cp->ready, __ATOMIC_ACQUIRE) != 0;
}

static size_t
count_ready(const struct bus_consumer *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->nparts; i++)
		n += is_ready(c->parts[i]);
	return n;
}

int
bus_poll(struct bus_consumer *c, const struct bus_message **ret_messages,
    size_t *ret_n, struct leat_err *err)
{
	size_t i, nready, n = 0, share, before;
	int rc;

	OBJ_CHECK(c, BUS_CONSUMER_MAGIC);
	leat_arena_reset(&c->headers);
	if (consumer_topics_refresh(c, err) < 0)
		return err->code;
	nready = count_ready(c);
	share = nready == 0 ? 0 : MAX(c->o.poll_bytes / nready, SHARE_MIN);
	for (i = 0; nready > 0 && i < c->nparts; i++) {
		struct cpart *cp = c->parts[(c->next + i) % c->nparts];

		if (!is_ready(cp))
			continue;
		before = n;
		/* What is loaded may be markers and aborted records only. */
		do {
			rc = part_fill(c, cp, share, err);
			if (rc > 0)
				rc = part_take(c, cp, &n, err) < 0 ?
				    err->code : 1;
		} while (rc > 0 && n == before);
		if (rc < 0)
			return err->code;
		if (n == c->o.poll_records) {
			i++;
			break;
		}
	}
	if (c->nparts > 0)
		c->next = (c->next + i) % c->nparts;
	*ret_messages = c->messages;
	*ret_n = n;
	return 0;
}
