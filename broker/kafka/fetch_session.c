/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_session.c: the table of sessions, and the partitions of one.
 *
 * A full table makes room for a new session by ending the one that was not
 * used for the longest time, if that is long enough; else a smaller one, since
 * sessions with many partitions save the most.
 */
#include "broker/kafka/fetch_session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <leat/wire.h>

#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/obj.h"

enum {
	IDLE_SECONDS = 120,		/* then another may have the place */
	SESSION_PARTS_MAX = 20000,
	ALL_PARTS_MAX = 500000,
	KEY_MAX_BYTES = 256 + 4
};

struct fetch_sessions {
	int32_t max;
	struct lock lock;		/* RANK_QUEUE; guards all below */
	struct leat_map by_id;
	struct fetch_session *head, *tail;
	int32_t parts;			/* of all, when last released */
};

/* ---------------------------------------------------------------- lists */

void
fetch_list_add(struct fetch_list *l, struct fetch_part *p)
{
	p->next = NULL;
	p->prev = l->tail;
	if (l->tail != NULL)
		l->tail->next = p;
	else
		l->head = p;
	l->tail = p;
	l->n++;
}

void
fetch_list_remove(struct fetch_list *l, struct fetch_part *p)
{
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		l->head = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	else
		l->tail = p->prev;
	p->prev = p->next = NULL;
	l->n--;
}

/* ---------------------------------------------------------- one session */

/* Topic and number as one key into to[KEY_MAX_BYTES]. */
static struct leat_str
key_of(const struct fetch_session *s, const char *topic,
    const uint8_t id[16], int32_t number, char *to)
{
	size_t len = 16;

	if (s->by_id) {
		memcpy(to, id, 16);
	} else {
		/* A longer one is no topic's name; all of them are one. */
		len = strnlen(topic, KEY_MAX_BYTES - 4);
		memcpy(to, topic, len);
	}
	leat_put_u32(to + len, (uint32_t)number);
	return (struct leat_str){ to, len + 4 };
}

static void
part_free(struct fetch_part *p)
{
	assert(!p->waiting);
	broker_partition_put(p->part);
	free(p->owned_topic);
	free(p);
}

static void
session_free(struct fetch_session *s)
{
	struct fetch_part *p;

	while ((p = s->list.head) != NULL) {
		fetch_list_remove(&s->list, p);
		part_free(p);
	}
	leat_map_fini(&s->by_key);
	free(s);
}

static struct fetch_part *
part_new(const char *topic, const uint8_t id[16], int32_t number)
{
	struct fetch_part *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (topic != NULL && (p->owned_topic = strdup(topic)) == NULL) {
		free(p);
		return NULL;
	}
	p->topic = p->owned_topic;
	memcpy(p->id, id, sizeof(p->id));
	p->number = number;
	p->high_watermark = p->log_start = -1;
	return p;
}

struct fetch_part *
fetch_session_part(struct fetch_session *s, const char *topic,
    const uint8_t id[16], int32_t number)
{
	char buf[KEY_MAX_BYTES];
	struct leat_str key = key_of(s, topic, id, number, buf);
	struct fetch_part *p = leat_map_get(&s->by_key, key);

	if (p != NULL || s->list.n >= SESSION_PARTS_MAX)
		return p;
	p = part_new(s->by_id ? NULL : topic, id, number);
	if (p == NULL)
		return NULL;
	if (leat_map_set(&s->by_key, key, p, NULL) < 0) {
		part_free(p);
		return NULL;
	}
	fetch_list_add(&s->list, p);
	return p;
}

void
fetch_session_forget(struct fetch_session *s, const char *topic,
    const uint8_t id[16], int32_t number)
{
	char buf[KEY_MAX_BYTES];
	struct leat_str key = key_of(s, topic, id, number, buf);
	struct fetch_part *p = leat_map_remove(&s->by_key, key);

	if (p == NULL)
		return;
	fetch_list_remove(&s->list, p);
	part_free(p);
}

/* ------------------------------------------------------------ the table */

struct fetch_sessions *
fetch_sessions_new(int32_t max)
{
	struct fetch_sessions *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->max = max;
	lock_init(&t->lock, RANK_QUEUE);
	return t;
}

void
fetch_sessions_free(struct fetch_sessions *t)
{
	struct fetch_session *s;

	if (t == NULL)
		return;
	while ((s = t->head) != NULL) {
		assert(!s->taken);
		t->head = s->next;
		session_free(s);
	}
	leat_map_fini(&t->by_id);
	lock_fini(&t->lock);
	free(t);
}

int32_t
fetch_sessions_count(struct fetch_sessions *t)
{
	int32_t n;

	lock_acquire(&t->lock);
	n = (int32_t)t->by_id.len;
	lock_release(&t->lock);
	return n;
}

static struct leat_str
id_key(const int32_t *id)
{
	return (struct leat_str){ (const char *)id, sizeof(*id) };
}

static void
unlink_locked(struct fetch_sessions *t, struct fetch_session *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		t->head = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	else
		t->tail = s->prev;
	s->prev = s->next = NULL;
}

static void
link_locked(struct fetch_sessions *t, struct fetch_session *s)
{
	s->used_ns = clock_mono_ns(&clock_system);
	s->next = NULL;
	s->prev = t->tail;
	if (t->tail != NULL)
		t->tail->next = s;
	else
		t->head = s;
	t->tail = s;
}

/* Out of the table; the session when it can be freed now, else NULL. */
static struct fetch_session *
drop_locked(struct fetch_sessions *t, struct fetch_session *s)
{
	(void)leat_map_remove(&t->by_id, id_key(&s->id));
	unlink_locked(t, s);
	t->parts -= s->counted;
	s->dropped = true;
	return s->taken ? NULL : s;
}

/* Whose place a session of n parts may have; NULL: nobody's. */
static struct fetch_session *
victim_locked(const struct fetch_sessions *t, int32_t n)
{
	int64_t now = clock_mono_ns(&clock_system);
	struct fetch_session *s, *least = NULL;

	for (s = t->head; s != NULL; s = s->next)
		if (!s->taken) {
			if (now - s->used_ns > IDLE_SECONDS * 1000000000LL)
				return s;
			if (s->counted < n && (least == NULL ||
			    s->counted < least->counted))
				least = s;
		}
	return least;
}

static bool
full_locked(const struct fetch_sessions *t, int32_t n)
{
	return t->by_id.len >= (size_t)t->max ||
	    t->parts > ALL_PARTS_MAX - n;
}

/* A number that nobody has and nobody can guess. */
static int
choose_id_locked(struct fetch_sessions *t, struct fetch_session *s)
{
	do {
		uint32_t r;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return -1;
		s->id = (int32_t)(r & INT32_MAX);
	} while (s->id == 0 ||
	    leat_map_get(&t->by_id, id_key(&s->id)) != NULL);
	return leat_map_set(&t->by_id, id_key(&s->id), s, NULL);
}

struct fetch_session *
fetch_session_create(struct fetch_sessions *t, int32_t n, bool by_id)
{
	struct fetch_session *s, *old = NULL;

	if (n <= 0 || n > SESSION_PARTS_MAX || t->max <= 0 ||
	    (s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->by_id = by_id;
	s->epoch = 1;
	s->taken = true;
	s->counted = n;
	lock_acquire(&t->lock);
	if (full_locked(t, n) && (old = victim_locked(t, n)) != NULL)
		old = drop_locked(t, old);
	if (full_locked(t, n) || choose_id_locked(t, s) < 0) {
		free(TAKE(s));
	} else {
		link_locked(t, s);
		t->parts += n;
	}
	lock_release(&t->lock);
	if (old != NULL)
		session_free(old);
	return s;
}

enum kafka_error
fetch_session_take(struct fetch_sessions *t, int32_t id, int32_t epoch,
    bool by_id, struct fetch_session **ret_session)
{
	enum kafka_error error = KAFKA_NONE;
	struct fetch_session *s;

	lock_acquire(&t->lock);
	s = leat_map_get(&t->by_id, id_key(&id));
	if (s == NULL)
		error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
	else if (s->taken || s->epoch != epoch)
		error = KAFKA_INVALID_FETCH_SESSION_EPOCH;
	else if (s->by_id != by_id)
		error = KAFKA_FETCH_SESSION_TOPIC_ID_ERROR;
	if (error == KAFKA_NONE) {
		s->taken = true;
		s->epoch = epoch == INT32_MAX ? 1 : epoch + 1;
		*ret_session = s;
	}
	lock_release(&t->lock);
	return error;
}

void
fetch_session_release(struct fetch_sessions *t, struct fetch_session *s)
{
	bool gone;

	lock_acquire(&t->lock);
	s->taken = false;
	if (!s->dropped) {
		if (s->list.n == 0) {
			(void)drop_locked(t, s);
		} else {
			t->parts += s->list.n - s->counted;
			s->counted = s->list.n;
			unlink_locked(t, s);
			link_locked(t, s);
		}
	}
	gone = s->dropped;
	lock_release(&t->lock);
	if (gone)
		session_free(s);
}

void
fetch_session_close(struct fetch_sessions *t, int32_t id)
{
	struct fetch_session *s;

	lock_acquire(&t->lock);
	s = leat_map_get(&t->by_id, id_key(&id));
	if (s != NULL)
		s = drop_locked(t, s);
	lock_release(&t->lock);
	if (s != NULL)
		session_free(s);
}
