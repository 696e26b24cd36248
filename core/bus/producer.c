/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer.c: messages into batches, batches into partitions, commits.
 *
 * A target is one partition that this producer writes to. It has a builder
 * while it holds messages that were not appended; the builder comes from a
 * small pool and goes back there, so memory follows what is buffered and not
 * how many partitions were ever seen. A builder is *closed* when it is large
 * enough: it is appended at once, or, while a transaction is being committed
 * and must not be touched, put in line (struct closed) and appended when that
 * commit has landed. Order within a partition is the order of the calls.
 *
 * A flight is a commit between bus_commit and the bus_commit_poll that reports
 * it. With a transaction it is one step (FLYING). Without, it is two, because an
 * offset must not be durable before its data: the data (FLYING), then the
 * offsets (FLYING again), begun in bus_commit_poll on the task's thread.
 * Callbacks of the broker only change the state, under the lock, and wake.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/bus/embedded.h"
#include "core/bus/partitioner.h"

enum {
	BATCH_BYTES = 256 * 1024,
	MESSAGE_BYTES = 1024 * 1024,
	BUFFER_BYTES = 4 * 1024 * 1024,
	POOL_MAX = 4,
	RECORD_OVERHEAD = 24,	/* varints around a message, about */
	TXN_TIMEOUT_MS = 60000
};

struct ptopic;

struct target {
	struct ptopic *topic;
	int32_t index;
	struct broker_partition *part;
	struct batch_builder *builder;	/* NULL: nothing taken */
	size_t bytes;		/* about what the builder holds */
	struct target *next_open;
	struct target *next_touched;
	bool touched;		/* appended to since the last commit */
	int64_t end;		/* behind the last append */
};

struct ptopic {
	char *name;
	struct target **targets;
	int32_t n;
	int32_t sticky;		/* where messages without a key go for now */
};

struct closed {
	struct closed *next;
	struct target *target;
	struct batch_builder *builder;
	size_t bytes;
};

/* A source partition whose offset moves with the next commit. */
struct slot {
	struct slot *next;
	char *partition;	/* as the source wrote it */
	char *key;		/* canonical */
	char *offset;		/* newest; NULL: forget */
	char *flying;
	bool dirty;
	struct slot *next_flight;	/* as long as it is in flight */
};

enum flight { IDLE, FLYING, FLYING_OFFSETS, LANDED_DATA, LANDED };

struct bus_producer {
	unsigned magic;
#define BUS_PRODUCER_MAGIC 0x62707264u
	struct bus *bus;
	struct broker_txn *txn;	/* NULL: at-least-once */
	struct bus_producer_options o;
	char *connector;
	enum record_codec codec;
	struct leat_map topics;	/* name to struct ptopic */
	struct ptopic *last;	/* the topic of the last message */
	struct target *open;	/* targets with a builder */
	struct target *touched;
	struct closed *closed;
	struct closed **closed_tail;
	struct batch_builder *pool[POOL_MAX];
	size_t npool;
	size_t bytes;		/* in open and closed builders, about */
	uint64_t topics_version;
	struct slot *slots;
	struct slot *last_slot;
	struct slot *flight_slots;	/* unchanged during a flight */
	uint64_t ticket;
	bool broken;
	struct lock lock;	/* RANK_LEAF; guards landing */
	struct cond cond;
	int32_t pending;	/* callbacks to come; guarded by lock */
	struct leat_err landing;	/* guarded by lock */
	enum flight flight;	/* set under lock, read with atomics */
};

_Static_assert(sizeof(struct bus_header) == sizeof(struct record_header) &&
    offsetof(struct bus_header, value) ==
    offsetof(struct record_header, value), "headers pass without a copy");

static enum flight
flight_of(const struct bus_producer *p)
{
	return __atomic_load_n(&p->flight, __ATOMIC_ACQUIRE);
}

static void
flight_set(struct bus_producer *p, enum flight f)
{
	__atomic_store_n(&p->flight, f, __ATOMIC_RELEASE);
}

static bool
flying(enum flight f)
{
	return f == FLYING || f == FLYING_OFFSETS;
}

/* An open transaction in commit must not be appended to. */
static bool
blocked(const struct bus_producer *p)
{
	return p->txn != NULL && flight_of(p) != IDLE;
}

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* -------------------------------------------------------------- topics */

static void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	if (t->part != NULL)
		broker_partition_put(t->part);
	batch_builder_free(t->builder);
	free(t);
}

static void
ptopic_free(struct ptopic *pt)
{
	int32_t i;

	if (pt == NULL)
		return;
	for (i = 0; i < pt->n; i++)
		target_free(pt->targets[i]);
	free(pt->targets);
	free(pt->name);
	free(pt);
}

static struct target *
target_new(struct bus_producer *p, struct ptopic *pt, int32_t index,
    struct leat_err *err)
{
	struct target *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		no_memory(err);
		return NULL;
	}
	t->topic = pt;
	t->index = index;
	t->part = broker_partition_get(p->bus->broker, pt->name, index, err);
	if (t->part == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

/* Opens partitions up to n. */
static int
ptopic_grow(struct bus_producer *p, struct ptopic *pt, int32_t n,
    struct leat_err *err)
{
	struct target **more;

	more = realloc(pt->targets, (size_t)n * sizeof(*more));
	if (more == NULL)
		return no_memory(err);
	pt->targets = more;
	while (pt->n < n) {
		more[pt->n] = target_new(p, pt, pt->n, err);
		if (more[pt->n] == NULL)
			return err->code;
		pt->n++;
	}
	return 0;
}

static int
ptopic_ensure(struct bus_producer *p, const char *name, int32_t *ret_n,
    struct leat_err *err)
{
	int32_t n = broker_topic_partitions(p->bus->broker, name);

	if (n <= 0 && broker_topic_name_check(name, err) < 0) {
		err->cls = LEAT_CLS_RECORD;
		return err->code;
	}
	if (n <= 0 && !p->o.create_topics)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "topic '%s' does not exist and topics are not created by "
		    "themselves", name);
	if (n <= 0) {
		if (bus_topic_ensure(p->bus, name, p->o.partitions,
		    p->o.settings, p->o.nsettings, err) < 0)
			return err->code;
		n = broker_topic_partitions(p->bus->broker, name);
	}
	if (n <= 0)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_NOTFOUND,
		    "topic '%s' is gone", name);
	*ret_n = n;
	return 0;
}

static struct ptopic *
ptopic_open(struct bus_producer *p, const char *name, struct leat_err *err)
{
	struct ptopic *pt;
	int32_t n = 0;

	if (ptopic_ensure(p, name, &n, err) < 0)
		return NULL;
	pt = calloc(1, sizeof(*pt));
	if (pt == NULL || (pt->name = strdup(name)) == NULL) {
		no_memory(err);
		goto fail;
	}
	if (ptopic_grow(p, pt, n, err) < 0)
		goto fail;
	if (leat_map_set(&p->topics, leat_str_c(name), pt, NULL) < 0) {
		no_memory(err);
		goto fail;
	}
	return pt;
fail:
	ptopic_free(pt);
	return NULL;
}

static struct ptopic *
ptopic_of(struct bus_producer *p, const char *name, struct leat_err *err)
{
	struct ptopic *pt = p->last;

	if (pt != NULL && strcmp(pt->name, name) == 0)
		return pt;
	pt = leat_map_get_c(&p->topics, name);
	if (pt == NULL)
		pt = ptopic_open(p, name, err);
	if (pt != NULL)
		p->last = pt;
	return pt;
}

/* Topics may have grown; those that are gone fail at their next append. */
static int
topics_refresh(struct bus_producer *p, struct leat_err *err)
{
	uint64_t version = broker_topics_version(p->bus->broker);
	const struct leat_map_entry *e;
	size_t it = 0;

	if (version == p->topics_version)
		return 0;
	while ((e = leat_map_next(&p->topics, &it)) != NULL) {
		struct ptopic *pt = e->value;
		int32_t n = broker_topic_partitions(p->bus->broker, pt->name);

		if (n > pt->n && ptopic_grow(p, pt, n, err) < 0)
			return err->code;
	}
	p->topics_version = version;
	return 0;
}

static struct target *
target_of(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err)
{
	struct ptopic *pt = ptopic_of(p, m->topic, err);

	if (pt == NULL)
		return NULL;
	if (m->partition >= pt->n) {
		leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_RANGE,
		    "topic '%s' has %d partitions, the record wants number %d",
		    pt->name, (int)pt->n, (int)m->partition);
		return NULL;
	}
	if (m->partition >= 0)
		return pt->targets[m->partition];
	if (pt->n == 1)
		return pt->targets[0];
	if (m->key.ptr != NULL)
		return pt->targets[partitioner_of_key(m->key.ptr, m->key.len,
		    pt->n)];
	return pt->targets[pt->sticky];
}

/* -------------------------------------------------------------- batches */

static struct batch_builder *
builder_take(struct bus_producer *p)
{
	if (p->npool > 0)
		return p->pool[--p->npool];
	return batch_builder_new(p->codec, 0, p->o.message_bytes);
}

static void
builder_give(struct bus_producer *p, struct batch_builder *b)
{
	if (p->npool < POOL_MAX) {
		batch_builder_reset(b);
		p->pool[p->npool++] = b;
	} else
		batch_builder_free(b);
}

static void
touch(struct bus_producer *p, struct target *t, int64_t end)
{
	t->end = end;
	if (!t->touched) {
		t->touched = true;
		t->next_touched = p->touched;
		p->touched = t;
	}
}

static int
append(struct bus_producer *p, struct target *t, struct batch_builder *b,
    struct leat_err *err)
{
	static const struct batch_identity nobody = { -1, -1, -1, false };
	struct broker_appended at;
	uint8_t *data;
	size_t len;
	int rc;

	if (p->txn != NULL)
		rc = broker_txn_append(p->txn, t->part, b, &at, err);
	else {
		rc = batch_builder_finish(b, &nobody, &data, &len, err);
		if (rc == 0)
			rc = broker_append(t->part, data, len, &at, err);
	}
	if (rc < 0) {
		p->broken = true;
		return leat_err_wrap(err, "append to '%s-%d'", t->topic->name,
		    (int)t->index);
	}
	touch(p, t, at.last_offset + 1);
	return 0;
}

/* Takes the builder out of the target, which leaves the list of open ones. */
static void
target_unopen(struct bus_producer *p, struct target *t)
{
	struct target **at = &p->open;

	while (*at != t)
		at = &(*at)->next_open;
	*at = t->next_open;
	t->next_open = NULL;
}

/* Closes the target's batch: into the log, or in line for it. */
static int
target_close_batch(struct bus_producer *p, struct target *t,
    struct leat_err *err)
{
	struct closed *c;
	int rc;

	if (blocked(p)) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return no_memory(err);
		c->target = t;
		c->builder = TAKE(t->builder);
		c->bytes = t->bytes;
		*p->closed_tail = c;
		p->closed_tail = &c->next;
		rc = 0;
	} else {
		rc = append(p, t, t->builder, err);
		builder_give(p, TAKE(t->builder));
		p->bytes -= t->bytes;
	}
	t->bytes = 0;
	target_unopen(p, t);
	if (t->topic->sticky == t->index)
		t->topic->sticky = (t->index + 1) % t->topic->n;
	return rc;
}

static int
write_closed(struct bus_producer *p, struct leat_err *err)
{
	struct closed *c;
	int rc = 0;

	while (rc == 0 && (c = p->closed) != NULL) {
		rc = append(p, c->target, c->builder, err);
		p->closed = c->next;
		p->bytes -= c->bytes;
		builder_give(p, c->builder);
		free(c);
	}
	if (p->closed == NULL)
		p->closed_tail = &p->closed;
	return rc;
}

static int
write_all(struct bus_producer *p, struct leat_err *err)
{
	if (write_closed(p, err) < 0)
		return err->code;
	while (p->open != NULL) {
		if (target_close_batch(p, p->open, err) < 0)
			return err->code;
	}
	return 0;
}

static int
target_add(struct bus_producer *p, struct target *t, const struct record *rec,
    struct leat_err *err)
{
	int rc;

	if (t->builder == NULL) {
		t->builder = builder_take(p);
		if (t->builder == NULL)
			return no_memory(err);
		t->next_open = p->open;
		p->open = t;
	}
	rc = batch_builder_add(t->builder, rec, err);
	if (rc != LEAT_E_LIMIT || batch_builder_count(t->builder) == 0)
		return rc;
	leat_err_clear(err);
	if (target_close_batch(p, t, err) < 0)
		return err->code;
	return target_add(p, t, rec, err);
}

static size_t
message_bytes(const struct bus_message *m)
{
	size_t n = m->key.len + m->value.len + RECORD_OVERHEAD;
	uint32_t i;

	for (i = 0; i < m->nheaders; i++)
		n += m->headers[i].name.len + m->headers[i].value.len + 8;
	return n;
}

static int
produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err)
{
	struct record rec;
	struct target *t;
	size_t size;
	int rc;

	t = target_of(p, m, err);
	if (t == NULL)
		return err->code;
	size = message_bytes(m);
	rec.offset = 0;
	rec.timestamp_ms = m->timestamp_ms >= 0 ? m->timestamp_ms :
	    clock_wall_ms(&clock_system);
	rec.key = m->key;
	rec.value = m->value;
	rec.headers = (const struct record_header *)(const void *)m->headers;
	rec.nheaders = m->nheaders;
	rc = target_add(p, t, &rec, err);
	if (rc < 0) {
		/* An empty builder is no open batch. */
		if (t->builder != NULL && batch_builder_count(t->builder) == 0) {
			target_unopen(p, t);
			builder_give(p, TAKE(t->builder));
		}
		return rc;
	}
	t->bytes += size;
	p->bytes += size;
	if (t->bytes >= p->o.batch_bytes)
		return target_close_batch(p, t, err);
	return 0;
}

static int
broken(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
	    "the producer failed before");
}

int
bus_produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err)
{
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return broken(err);
	if (p->bytes > 0 && p->bytes + message_bytes(m) > p->o.buffer_bytes) {
		if (blocked(p))
			return -EAGAIN;
		if (write_all(p, err) < 0)
			return err->code;
	}
	return produce(p, m, err);
}

int
bus_flush(struct bus_producer *p, struct leat_err *err)
{
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return broken(err);
	if (blocked(p))
		return -EAGAIN;
	if (write_all(p, err) < 0)
		return err->code;
	while (p->npool > 0)
		batch_builder_free(p->pool[--p->npool]);
	return 0;
}

/* -------------------------------------------------------------- offsets */

static void
slot_free(struct slot *s)
{
	free(s->partition);
	free(s->key);
	free(s->offset);
	free(s->flying);
	free(s);
}

static struct slot *
slot_new(struct bus_producer *p, const char *partition, struct leat_err *err)
{
	struct slot *s = calloc(1, sizeof(*s));
	struct leat_buf key;

	leat_buf_init(&key, BUS_JSON_MAX);
	if (s == NULL || (s->partition = strdup(partition)) == NULL) {
		no_memory(err);
		goto fail;
	}
	if (bus_offset_key(&key, p->connector, partition, err) < 0)
		goto fail;
	s->key = strdup((const char *)key.data);
	if (s->key == NULL) {
		no_memory(err);
		goto fail;
	}
	leat_buf_fini(&key);
	s->next = p->slots;
	p->slots = s;
	return s;
fail:
	leat_buf_fini(&key);
	if (s != NULL)
		slot_free(s);
	return NULL;
}

static struct slot *
slot_of(struct bus_producer *p, const char *partition, struct leat_err *err)
{
	struct slot *s = p->last_slot;

	if (s != NULL && strcmp(s->partition, partition) == 0)
		return s;
	for (s = p->slots; s != NULL; s = s->next) {
		if (strcmp(s->partition, partition) == 0)
			return p->last_slot = s;
	}
	return p->last_slot = slot_new(p, partition, err);
}

int
bus_produce_offset(struct bus_producer *p, const char *partition,
    const char *offset, struct leat_err *err)
{
	struct slot *s;
	char *copy = NULL;

	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return broken(err);
	s = slot_of(p, partition, err);
	if (s == NULL)
		return err->code;
	if (offset != NULL && (copy = strdup(offset)) == NULL)
		return no_memory(err);
	free(s->offset);
	s->offset = copy;
	s->dirty = true;
	return 0;
}

/* Puts the offsets that moved into the batch of connect-offsets. */
static int
offsets_add(struct bus_producer *p, struct leat_err *err)
{
	struct bus_message m = { .topic = BUS_OFFSETS_TOPIC, .partition = 0,
		.timestamp_ms = -1 };
	struct slot *s;

	for (s = p->flight_slots; s != NULL; s = s->next_flight) {
		m.key = leat_str_c(s->key);
		m.value = s->flying == NULL ? (struct leat_str){ NULL, 0 } :
		    leat_str_c(s->flying);
		if (produce(p, &m, err) < 0)
			return err->code;
	}
	return 0;
}

/* Marks what moves with this commit; later calls are for the next one. */
static void
offsets_depart(struct bus_producer *p)
{
	struct slot *s;

	p->flight_slots = NULL;
	for (s = p->slots; s != NULL; s = s->next) {
		if (!s->dirty)
			continue;
		free(s->flying);
		s->flying = TAKE(s->offset);
		s->dirty = false;
		s->next_flight = p->flight_slots;
		p->flight_slots = s;
	}
}

/* -------------------------------------------------------------- commits */

/*
 * One callback of a flight has come. When it was the last, the offsets that it
 * carried count as stored, the task is woken, and p may be freed as soon as the
 * lock is released. @thread of the broker
 */
static void
landed(void *arg, const struct leat_err *err)
{
	struct bus_producer *p = arg;
	enum flight next;
	bool last, good;
	struct slot *s;

	lock_acquire(&p->lock);
	if (err != NULL && p->landing.code == 0)
		p->landing = *err;
	last = --p->pending == 0;
	good = p->landing.code == 0;
	lock_release(&p->lock);
	if (!last)
		return;
	next = LANDED;
	if (p->txn == NULL && flight_of(p) == FLYING)
		next = LANDED_DATA;
	if (good && next == LANDED) {
		for (s = p->flight_slots; s != NULL; s = s->next_flight)
			bus_offsets_apply(p->bus, s->key, s->flying);
	}
	lock_acquire(&p->lock);
	flight_set(p, next);
	if (p->o.wake != NULL)
		wake_up(p->o.wake);
	cond_signal(&p->cond);
	lock_release(&p->lock);
}

/* Waits for the disk on everything appended since the last time. */
static void
depart_touched(struct bus_producer *p, enum flight f)
{
	struct target *t, *next;

	p->pending = 1;		/* ours, so that none of them is the last */
	p->landing = (struct leat_err)LEAT_ERR_INIT;
	flight_set(p, f);
	for (t = p->touched; t != NULL; t = next) {
		next = t->next_touched;
		t->touched = false;
		t->next_touched = NULL;
		lock_acquire(&p->lock);
		p->pending++;
		lock_release(&p->lock);
		broker_when_durable(t->part, t->end, landed, p);
	}
	p->touched = NULL;
	landed(p, NULL);
}

static void
depart_txn(struct bus_producer *p)
{
	struct target *t, *next;

	for (t = p->touched; t != NULL; t = next) {
		next = t->next_touched;
		t->touched = false;
		t->next_touched = NULL;
	}
	p->touched = NULL;
	p->pending = 1;
	p->landing = (struct leat_err)LEAT_ERR_INIT;
	flight_set(p, FLYING);
	broker_txn_commit(p->txn, landed, p);
}

int
bus_commit(struct bus_producer *p, uint64_t ticket, struct leat_err *err)
{
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return broken(err);
	if (flight_of(p) != IDLE)
		return -EAGAIN;
	if (topics_refresh(p, err) < 0 || write_all(p, err) < 0)
		return err->code;
	p->ticket = ticket;
	offsets_depart(p);
	if (p->txn == NULL) {
		depart_touched(p, FLYING);
		return 0;
	}
	if (offsets_add(p, err) < 0 || write_all(p, err) < 0) {
		p->broken = true;
		return err->code;
	}
	depart_txn(p);
	return 0;
}

/* The data is durable: now the offsets may be. */
static int
second_step(struct bus_producer *p, struct leat_err *err)
{
	if (offsets_add(p, err) < 0 || write_all(p, err) < 0) {
		p->broken = true;
		flight_set(p, IDLE);
		return err->code;
	}
	depart_touched(p, FLYING_OFFSETS);
	return 0;
}

int
bus_commit_poll(struct bus_producer *p, uint64_t *ret_ticket,
    struct leat_err *err)
{
	enum flight f = flight_of(p);

	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (f == IDLE || flying(f))
		return 0;
	lock_acquire(&p->lock);	/* the callback may still hold it */
	*err = p->landing;
	lock_release(&p->lock);
	if (err->code < 0) {
		p->broken = true;
		flight_set(p, IDLE);
		return leat_err_wrap(err, "commit");
	}
	if (f == LANDED_DATA && p->flight_slots != NULL)
		return second_step(p, err);
	flight_set(p, IDLE);
	if (write_closed(p, err) < 0)
		return err->code;
	*ret_ticket = p->ticket;
	return 1;
}

bool
bus_commit_in_flight(const struct bus_producer *p)
{
	return flight_of(p) != IDLE;
}

size_t
bus_producer_held(const struct bus_producer *p)
{
	const struct target *t;
	const struct closed *c;
	size_t n = 0, i;

	for (t = p->open; t != NULL; t = t->next_open)
		n += batch_builder_held(t->builder);
	for (c = p->closed; c != NULL; c = c->next)
		n += batch_builder_held(c->builder);
	for (i = 0; i < p->npool; i++)
		n += batch_builder_held(p->pool[i]);
	return n;
}

/* --------------------------------------------------------- open, close */

static int
producer_init(struct bus_producer *p, const struct bus_producer_options *o,
    struct leat_err *err)
{
	int codec = o->compression == NULL ? CODEC_NONE :
	    record_codec_parse(leat_str_c(o->compression));

	if (codec < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "compression '%s' is not one of none, gzip, snappy, lz4, "
		    "zstd", o->compression);
	p->codec = (enum record_codec)codec;
	if (p->o.batch_bytes == 0)
		p->o.batch_bytes = BATCH_BYTES;
	if (p->o.message_bytes == 0)
		p->o.message_bytes = MESSAGE_BYTES;
	if (p->o.buffer_bytes == 0)
		p->o.buffer_bytes = BUFFER_BYTES;
	if (p->o.batch_bytes > p->o.message_bytes)
		p->o.batch_bytes = p->o.message_bytes;
	if (o->connector != NULL &&
	    (p->connector = strdup(o->connector)) == NULL)
		return no_memory(err);
	if (o->transactional_id == NULL)
		return 0;
	return broker_txn_open(p->bus->broker, o->transactional_id,
	    o->transaction_timeout_ms > 0 ? o->transaction_timeout_ms :
	    TXN_TIMEOUT_MS, &p->txn, err);
}

int
bus_producer_open(struct bus *b, const struct bus_producer_options *o,
    struct bus_producer **ret_producer, struct leat_err *err)
{
	struct bus_producer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return no_memory(err);
	p->magic = BUS_PRODUCER_MAGIC;
	p->bus = b;
	p->o = *o;
	p->closed_tail = &p->closed;
	lock_init(&p->lock, RANK_LEAF);
	cond_init(&p->cond);
	leat_map_init(&p->topics);
	p->topics_version = broker_topics_version(b->broker);
	if (producer_init(p, o, err) < 0) {
		bus_producer_close(p);
		return leat_err_wrap(err, "open producer");
	}
	*ret_producer = p;
	return 0;
}

static void
wait_for_landing(struct bus_producer *p)
{
	lock_acquire(&p->lock);
	while (flying(flight_of(p)))
		cond_wait(&p->cond, &p->lock);
	lock_release(&p->lock);
}

void
bus_producer_close(struct bus_producer *p)
{
	const struct leat_map_entry *e;
	struct closed *c;
	struct slot *s;
	size_t it = 0;

	if (p == NULL)
		return;
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	wait_for_landing(p);
	if (p->txn != NULL)
		broker_txn_close(p->txn);
	while ((c = p->closed) != NULL) {
		p->closed = c->next;
		batch_builder_free(c->builder);
		free(c);
	}
	while ((s = p->slots) != NULL) {
		p->slots = s->next;
		slot_free(s);
	}
	while ((e = leat_map_next(&p->topics, &it)) != NULL)
		ptopic_free(e->value);
	leat_map_fini(&p->topics);
	while (p->npool > 0)
		batch_builder_free(p->pool[--p->npool]);
	cond_fini(&p->cond);
	lock_fini(&p->lock);
	free(p->connector);
	OBJ_FREE(p);
}
