/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer_topics.c: which topics and partitions a consumer reads.
 */
#include "core/bus/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

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

void
consumer_part_free(struct cpart *cp)
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
		return consumer_no_memory(err);
	c->parts = more;
	cp = calloc(1, sizeof(*cp));
	if (cp == NULL)
		return consumer_no_memory(err);
	cp->c = c;
	cp->topic = t;
	cp->index = index;
	cp->ready = 1;
	cp->waiter.fn = part_ready;
	cp->waiter.arg = cp;
	cp->part = broker_partition_get(c->bus->broker, t->name, index, err);
	if (cp->part == NULL) {
		consumer_part_free(cp);
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
		consumer_no_memory(err);
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
	} * first;
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
		consumer_part_free(cp);
	}
	c->nparts = kept;
}

int
consumer_topics_refresh(struct bus_consumer *c, struct leat_err *err)
{
	uint64_t version = broker_topics_version(c->bus->broker);
	struct topic_walk w = { .c = c };
	const struct found *f;
	int rc = 0;

	if (c->looked && version == c->topics_version)
		return 0;
	topics_drop_gone(c);
	leat_arena_init(&w.arena, CONSUMER_CHUNK, 0);
	(void)broker_topic_each(c->bus->broker, topic_found, &w);
	if (w.failed)
		rc = consumer_no_memory(err);
	for (f = w.first; rc == 0 && f != NULL; f = f->next)
		rc = topic_update(c, f->name, f->n, err);
	leat_arena_fini(&w.arena);
	if (rc == 0)
		rc = consumer_tell(c, err);
	if (rc == 0) {
		c->topics_version = version;
		c->looked = true;
	}
	return rc;
}
