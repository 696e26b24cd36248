/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.c: reading all partitions that one task of a sink is given.
 *
 * Sharing out. Partition p of topic t belongs to member (hash(t) + p) mod
 * members. That needs no talk between members, and a new topic moves no
 * partition that somebody reads already.
 *
 * Waiting. A partition is *ready* when it may have something to read. It stops
 * being so when a read finds its end; a waiter at the broker then makes it
 * ready again and wakes the task. So a poll costs what is there to read, and
 * idle partitions cost nothing but a look at a flag.
 *
 * Fairness. Each poll begins with the partition behind the one that the last
 * poll ended with, and takes no more than its share from each.
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>

#include "core/base/obj.h"
#include "core/bus/embedded.h"

enum {
	POLL_BYTES = 1024 * 1024,
	POLL_RECORDS = 2000,
	SHARE_MIN = 64 * 1024,
	HEADER_CHUNK = 16 * 1024,
	KEEP_READERS = 16	/* with more partitions, idle ones give memory */
};

struct cpart {
	struct bus_consumer *c;
	struct ctopic *topic;
	int32_t index;
	struct broker_partition *part;
	struct broker_reader *reader;	/* NULL: none open */
	struct broker_waiter waiter;
	bool waiting;
	bool loaded;		/* the reader holds records not handed out */
	int32_t ready;		/* atomic */
	int64_t position;	/* behind what was handed out */
	int64_t done;		/* behind what was dealt with */
	int64_t committed;	/* as stored; -1: nothing */
};

struct ctopic {
	char *name;
	int32_t n;		/* partitions known */
};

struct bus_consumer {
	unsigned magic;
#define BUS_CONSUMER_MAGIC 0x62636f6eu
	struct bus *bus;
	struct bus_consumer_options o;
	char *group;
	char **topics;
	size_t ntopics;
	regex_t pattern;
	bool has_pattern;
	struct leat_map known;	/* name to struct ctopic */
	struct cpart **parts;
	size_t nparts;
	size_t next;		/* where the next poll begins */
	uint64_t topics_version;
	bool looked;		/* topics were listed once */
	struct bus_message *messages;
	struct leat_arena headers;
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* ---------------------------------------------------------- assignment */

static void
part_ready(void *arg)
{
	struct cpart *cp = arg;
	struct wake *w = cp->c->o.wake;

	__atomic_store_n(&cp->ready, 1, __ATOMIC_RELEASE);
	if (w != NULL)
		wake_up(w);
}

static bool
is_mine(const struct bus_consumer *c, const char *topic, int32_t partition)
{
	uint64_t n = c->o.members > 1 ? (uint64_t)c->o.members : 1;
	uint64_t h = leat_hash(topic, strlen(topic), 0);

	return (h + (uint64_t)partition) % n == (uint64_t)c->o.member;
}

static int64_t
start_of(const struct bus_consumer *c, struct cpart *cp)
{
	struct broker_offsets at;

	if (cp->committed >= 0)
		return cp->committed;
	broker_partition_offsets(cp->part, &at);
	if (!c->o.from_latest)
		return at.log_start;
	return c->o.read_uncommitted ? at.written : at.stable;
}

static void
part_free(struct cpart *cp)
{
	if (cp == NULL)
		return;
	if (cp->waiting)
		broker_wait_cancel(&cp->waiter);
	if (cp->reader != NULL)
		broker_reader_close(cp->reader);
	if (cp->part != NULL)
		broker_partition_put(cp->part);
	free(cp);
}

static int
part_add(struct bus_consumer *c, struct ctopic *t, int32_t index,
    struct leat_err *err)
{
	struct cpart **more;
	struct cpart *cp;

	more = realloc(c->parts, (c->nparts + 1) * sizeof(*more));
	if (more == NULL)
		return no_memory(err);
	c->parts = more;
	cp = calloc(1, sizeof(*cp));
	if (cp == NULL)
		return no_memory(err);
	cp->c = c;
	cp->topic = t;
	cp->index = index;
	cp->ready = 1;
	cp->waiter.fn = part_ready;
	cp->waiter.arg = cp;
	cp->part = broker_partition_get(c->bus->broker, t->name, index, err);
	if (cp->part == NULL) {
		part_free(cp);
		return err->code;
	}
	if (c->group == NULL || broker_group_offset(c->bus->broker, c->group,
	    t->name, index, &cp->committed) < 0)
		cp->committed = -1;
	cp->position = cp->done = start_of(c, cp);
	c->parts[c->nparts++] = cp;
	return 0;
}

bool
bus_consumer_takes(const struct bus_consumer *c, const char *topic)
{
	regmatch_t m;
	size_t i;

	for (i = 0; i < c->ntopics; i++) {
		if (strcmp(c->topics[i], topic) == 0)
			return true;
	}
	if (!c->has_pattern || regexec(&c->pattern, topic, 1, &m, 0) != 0)
		return false;
	return m.rm_so == 0 && (size_t)m.rm_eo == strlen(topic);
}

static struct ctopic *
topic_known(struct bus_consumer *c, const char *name, struct leat_err *err)
{
	struct ctopic *t = leat_map_get_c(&c->known, name);

	if (t != NULL)
		return t;
	t = calloc(1, sizeof(*t));
	if (t == NULL || (t->name = strdup(name)) == NULL ||
	    leat_map_set(&c->known, leat_str_c(name), t, NULL) < 0) {
		if (t != NULL)
			free(t->name);
		free(t);
		no_memory(err);
		return NULL;
	}
	return t;
}

static int
topic_update(struct bus_consumer *c, const char *name, int32_t n,
    struct leat_err *err)
{
	struct ctopic *t = topic_known(c, name, err);

	if (t == NULL)
		return err->code;
	for (; t->n < n; t->n++) {
		if (is_mine(c, name, t->n) && part_add(c, t, t->n, err) < 0)
			return err->code;
	}
	return 0;
}

/* Names are copied first: the broker's walk is no place for I/O. */
struct topic_walk {
	struct bus_consumer *c;
	struct leat_arena arena;
	struct found {
		struct found *next;
		int32_t n;
		char *name;
	} *first;
	bool failed;
};

static int
topic_found(void *arg, const struct broker_topic_info *info)
{
	struct topic_walk *w = arg;
	struct found *f;

	if ((w->c->has_pattern && bus_is_internal(info)) ||
	    !bus_consumer_takes(w->c, info->name))
		return 0;
	f = leat_arena_alloc(&w->arena, sizeof(*f));
	if (f == NULL || (f->name = leat_arena_strdup(&w->arena,
	    info->name)) == NULL) {
		w->failed = true;
		return -1;
	}
	f->n = info->partitions;
	f->next = w->first;
	w->first = f;
	return 0;
}

/* A topic that is gone takes its partitions along; it may come back new. */
static void
topics_drop_gone(struct bus_consumer *c)
{
	size_t i, kept = 0;

	for (i = 0; i < c->nparts; i++) {
		struct cpart *cp = c->parts[i];

		if (broker_topic_partitions(c->bus->broker,
		    cp->topic->name) > 0) {
			c->parts[kept++] = cp;
			continue;
		}
		cp->topic->n = 0;
		part_free(cp);
	}
	c->nparts = kept;
}

static int
topics_refresh(struct bus_consumer *c, struct leat_err *err)
{
	uint64_t version = broker_topics_version(c->bus->broker);
	struct topic_walk w = { .c = c };
	const struct found *f;
	int rc = 0;

	if (c->looked && version == c->topics_version)
		return 0;
	topics_drop_gone(c);
	leat_arena_init(&w.arena, HEADER_CHUNK, 0);
	(void)broker_topic_each(c->bus->broker, topic_found, &w);
	if (w.failed)
		rc = no_memory(err);
	for (f = w.first; rc == 0 && f != NULL; f = f->next)
		rc = topic_update(c, f->name, f->n, err);
	leat_arena_fini(&w.arena);
	if (rc == 0) {
		c->topics_version = version;
		c->looked = true;
	}
	return rc;
}

/* --------------------------------------------------------- open, close */

static int
copy_topics(struct bus_consumer *c, const struct bus_consumer_options *o,
    struct leat_err *err)
{
	char text[256];
	size_t i;
	int rc;

	if (o->pattern != NULL) {
		rc = regcomp(&c->pattern, o->pattern, REG_EXTENDED);
		if (rc != 0) {
			(void)regerror(rc, &c->pattern, text, sizeof(text));
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "pattern '%s': %s", o->pattern,
			    text);
		}
		c->has_pattern = true;
	}
	c->topics = calloc(o->ntopics + 1, sizeof(*c->topics));
	if (c->topics == NULL)
		return no_memory(err);
	for (i = 0; i < o->ntopics; i++) {
		c->topics[i] = strdup(o->topics[i]);
		if (c->topics[i] == NULL)
			return no_memory(err);
		c->ntopics++;
	}
	return 0;
}

int
bus_consumer_open(struct bus *b, const struct bus_consumer_options *o,
    struct bus_consumer **ret_consumer, struct leat_err *err)
{
	struct bus_consumer *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return no_memory(err);
	c->magic = BUS_CONSUMER_MAGIC;
	c->bus = b;
	c->o = *o;
	if (c->o.poll_bytes == 0)
		c->o.poll_bytes = POLL_BYTES;
	if (c->o.poll_records == 0)
		c->o.poll_records = POLL_RECORDS;
	leat_arena_init(&c->headers, HEADER_CHUNK, 0);
	leat_map_init(&c->known);
	c->group = o->group == NULL ? NULL : strdup(o->group);
	c->messages = calloc(c->o.poll_records, sizeof(*c->messages));
	if ((c->group == NULL && o->group != NULL) || c->messages == NULL) {
		no_memory(err);
		goto fail;
	}
	if (copy_topics(c, o, err) < 0 || topics_refresh(c, err) < 0)
		goto fail;
	*ret_consumer = c;
	return 0;
fail:
	bus_consumer_close(c);
	return leat_err_wrap(err, "open consumer");
}

void
bus_consumer_close(struct bus_consumer *c)
{
	const struct leat_map_entry *e;
	size_t i, it = 0;

	if (c == NULL)
		return;
	OBJ_CHECK(c, BUS_CONSUMER_MAGIC);
	for (i = 0; i < c->nparts; i++)
		part_free(c->parts[i]);
	free(c->parts);
	while ((e = leat_map_next(&c->known, &it)) != NULL) {
		free(((struct ctopic *)e->value)->name);
		free(e->value);
	}
	leat_map_fini(&c->known);
	if (c->has_pattern)
		regfree(&c->pattern);
	for (i = 0; i < c->ntopics; i++)
		free(c->topics[i]);
	free(c->topics);
	leat_arena_fini(&c->headers);
	free(c->messages);
	free(c->group);
	OBJ_FREE(c);
}

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
			return no_memory(err);
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

static size_t
count_ready(const struct bus_consumer *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->nparts; i++)
		n += __atomic_load_n(&c->parts[i]->ready, __ATOMIC_ACQUIRE) != 0;
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
	if (topics_refresh(c, err) < 0)
		return err->code;
	nready = count_ready(c);
	share = nready == 0 ? 0 : MAX(c->o.poll_bytes / nready, SHARE_MIN);
	for (i = 0; nready > 0 && i < c->nparts; i++) {
		struct cpart *cp = c->parts[(c->next + i) % c->nparts];

		if (!__atomic_load_n(&cp->ready, __ATOMIC_ACQUIRE))
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

/* ------------------------------------------------------------- offsets */

bool
bus_consumer_done(struct bus_consumer *c)
{
	bool any = false;
	size_t i;

	for (i = 0; i < c->nparts; i++) {
		struct cpart *cp = c->parts[i];

		cp->done = cp->position;
		any = any || cp->done > cp->committed;
	}
	return any;
}

static int
commit_one(struct bus_consumer *c, struct cpart *cp, int64_t offset,
    struct leat_err *err)
{
	struct broker_group_offset at = { .topic = cp->topic->name,
		.partition = cp->index, .leader_epoch = -1, .offset = offset,
		.metadata = "" };

	if (c->group == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "a consumer without a group commits nothing");
	if (broker_group_commit(c->bus->broker, c->group, &at, 1, err) < 0)
		return leat_err_wrap(err, "commit offset of '%s-%d'",
		    cp->topic->name, (int)cp->index);
	cp->committed = offset;
	return 0;
}

int
bus_consumer_commit_done(struct bus_consumer *c, struct leat_err *err)
{
	size_t i;

	for (i = 0; i < c->nparts; i++) {
		struct cpart *cp = c->parts[i];

		/* A part of a poll may be stored already: never go back. */
		if (cp->done > cp->committed &&
		    commit_one(c, cp, cp->done, err) < 0)
			return err->code;
	}
	return 0;
}

static struct cpart *
part_find(struct bus_consumer *c, const char *topic, int32_t partition)
{
	size_t i;

	for (i = 0; i < c->nparts; i++) {
		if (c->parts[i]->index == partition &&
		    strcmp(c->parts[i]->topic->name, topic) == 0)
			return c->parts[i];
	}
	return NULL;
}

int
bus_consumer_commit(struct bus_consumer *c, const struct bus_offset *offsets,
    size_t n, struct leat_err *err)
{
	struct cpart *cp;
	size_t i;

	for (i = 0; i < n; i++) {
		cp = part_find(c, offsets[i].topic, offsets[i].partition);
		if (cp != NULL && commit_one(c, cp, offsets[i].offset, err) < 0)
			return err->code;
	}
	return 0;
}

int
bus_consumer_seek(struct bus_consumer *c, const struct bus_offset *to,
    struct leat_err *err)
{
	struct cpart *cp = part_find(c, to->topic, to->partition);

	if (cp == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_NOTFOUND,
		    "'%s-%d' is not assigned", to->topic, (int)to->partition);
	if (cp->reader != NULL)
		broker_reader_seek(cp->reader, to->offset);
	cp->position = cp->done = to->offset;
	cp->loaded = false;
	__atomic_store_n(&cp->ready, 1, __ATOMIC_RELEASE);
	return 0;
}

void
bus_consumer_each(struct bus_consumer *c, void (*fn)(void *arg,
    const struct bus_offset *committed, int64_t end), void *arg)
{
	struct broker_offsets at;
	size_t i;

	for (i = 0; i < c->nparts; i++) {
		struct cpart *cp = c->parts[i];
		struct bus_offset o = { cp->topic->name, cp->index,
			cp->committed };

		broker_partition_offsets(cp->part, &at);
		fn(arg, &o, c->o.read_uncommitted ? at.written : at.stable);
	}
}

size_t
bus_consumer_held(const struct bus_consumer *c)
{
	size_t i, n = c->headers.held_bytes;

	for (i = 0; i < c->nparts; i++) {
		if (c->parts[i]->reader != NULL)
			n += broker_reader_held(c->parts[i]->reader);
	}
	return n;
}
