/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.c: opening and closing a consumer, and its offsets. How it works:
 * consumer.h.
 */
#include "core/bus/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum { POLL_BYTES = 1024 * 1024, POLL_RECORDS = 2000 };

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
		return consumer_no_memory(err);
	for (i = 0; i < o->ntopics; i++) {
		c->topics[i] = strdup(o->topics[i]);
		if (c->topics[i] == NULL)
			return consumer_no_memory(err);
		c->ntopics++;
	}
	return 0;
}

/* As Kafka Connect names the consumer of a task. */
static int
join_group(struct bus_consumer *c, struct leat_err *err)
{
	static const char prefix[] = "connect-";
	const char *name = c->group;
	char *client_id;
	int rc;

	if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	if (asprintf(&client_id, "connector-consumer-%s-%d", name,
	    (int)c->o.member) < 0)
		return consumer_no_memory(err);
	rc = broker_group_join(c->bus->broker, c->group, client_id,
	    &c->member, err);
	free(client_id);
	return rc;
}

int
consumer_tell(struct bus_consumer *c, struct leat_err *err)
{
	struct broker_assigned *list;
	size_t i;
	int rc;

	if (c->member == NULL)
		return 0;
	list = calloc(c->nparts + 1, sizeof(*list));
	if (list == NULL)
		return consumer_no_memory(err);
	for (i = 0; i < c->nparts; i++) {
		list[i].topic = c->parts[i]->topic->name;
		list[i].partition = c->parts[i]->index;
	}
	rc = broker_group_assign(c->member, list, c->nparts, err);
	free(list);
	return rc;
}

int
bus_consumer_open(struct bus *b, const struct bus_consumer_options *o,
    struct bus_consumer **ret_consumer, struct leat_err *err)
{
	struct bus_consumer *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return consumer_no_memory(err);
	c->magic = BUS_CONSUMER_MAGIC;
	c->bus = b;
	c->o = *o;
	if (c->o.poll_bytes == 0)
		c->o.poll_bytes = POLL_BYTES;
	if (c->o.poll_records == 0)
		c->o.poll_records = POLL_RECORDS;
	leat_arena_init(&c->headers, CONSUMER_CHUNK, 0);
	leat_map_init(&c->known);
	c->group = o->group == NULL ? NULL : strdup(o->group);
	c->messages = calloc(c->o.poll_records, sizeof(*c->messages));
	if ((c->group == NULL && o->group != NULL) || c->messages == NULL) {
		consumer_no_memory(err);
		goto fail;
	}
	if (copy_topics(c, o, err) < 0 ||
	    (c->group != NULL && join_group(c, err) < 0) ||
	    consumer_topics_refresh(c, err) < 0)
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
	broker_group_leave(c->member);
	for (i = 0; i < c->nparts; i++)
		consumer_part_free(c->parts[i]);
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
		.partition = cp->index,
		.leader_epoch = -1,
		.offset = offset,
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
