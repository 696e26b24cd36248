/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Committed offsets in memory, and those of open transactions, which were
 * appended in the transaction's name and wait in `pending` for its end.
 */
#include "broker/coord/groups_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct leat_str
offset_name(char to[OFFSET_NAME_BYTES], const char *topic, int32_t partition)
{
	int len = snprintf(to, OFFSET_NAME_BYTES, "%s:%d", topic, partition);

	return (struct leat_str){ to, (size_t)len };
}

int32_t
offset_name_split(char *name)
{
	char *colon = strrchr(name, ':');
	int64_t partition = -1;

	*colon = '\0';
	(void)leat_parse_i64(leat_str_c(colon + 1), 0, INT32_MAX, &partition);
	return (int32_t)partition;
}

struct leat_str
offset_metadata(const struct broker_group_offset *o)
{
	if (o->metadata == NULL)
		return LEAT_STR("");
	return o->metadata_len > 0 ?
	    (struct leat_str){ o->metadata, o->metadata_len } :
	    leat_str_c(o->metadata);
}

struct stored *
stored_new(const struct broker_group_offset *o, int64_t commit_ms,
    int64_t expire_ms)
{
	struct leat_str metadata = offset_metadata(o);
	struct stored *s = malloc(sizeof(*s) + metadata.len + 1);

	if (s == NULL)
		return NULL;
	s->offset = o->offset;
	s->leader_epoch = o->leader_epoch;
	s->commit_ms = commit_ms;
	s->expire_ms = expire_ms;
	s->metadata_len = (uint32_t)metadata.len;
	if (metadata.len > 0)
		memcpy(s->metadata, metadata.ptr, metadata.len);
	s->metadata[metadata.len] = '\0';
	return s;
}

static size_t
stored_bytes(const struct stored *s, struct leat_str name)
{
	/* With its entry in the table. */
	return sizeof(*s) + s->metadata_len + name.len + 80;
}

void
offset_forget(struct group *g, struct leat_str name)
{
	struct stored *s = leat_map_remove(&g->offsets, name);

	if (s != NULL)
		g->gs->held -= stored_bytes(s, name);
	free(s);
}

int
offset_apply(struct groups *gs, const char *group, const char *topic,
    int32_t partition, struct stored *owned_s)
{
	char text[OFFSET_NAME_BYTES];
	struct leat_str name = offset_name(text, topic, partition);
	struct group *g;
	void *old = NULL;

	if (owned_s == NULL) {
		if ((g = group_find(gs, group)) != NULL)
			offset_forget(g, name);
		return 0;
	}
	g = group_make(gs, group);
	if (g == NULL || leat_map_set(&g->offsets, name, owned_s, &old) < 0) {
		free(owned_s);
		return -ENOMEM;
	}
	gs->held += stored_bytes(owned_s, name);
	if (old != NULL)
		gs->held -= stored_bytes(old, name);
	free(old);
	return 0;
}

/* ------------------------------------------------------------- pending */

void
offset_pending_free(struct pending *p)
{
	while (p != NULL) {
		struct pending *next = p->next;

		free(p->group);
		free(p->topic);
		free(p->stored);
		free(p);
		p = next;
	}
}

/* Counts what is pending for a partition of a group, up or down. */
static int
count_unstable(struct groups *gs, const struct pending *p, int by)
{
	char text[OFFSET_NAME_BYTES];
	struct leat_str name = offset_name(text, p->topic, p->partition);
	struct group *g = by > 0 ? group_make(gs, p->group) :
	    group_find(gs, p->group);
	uintptr_t n;

	if (g == NULL)
		return by > 0 ? -ENOMEM : 0;
	n = (uintptr_t)leat_map_get(&g->unstable, name);
	if (by > 0) {
		n++;
	} else if (n > 0 && --n == 0) {
		(void)leat_map_remove(&g->unstable, name);
		return 0;
	}
	return leat_map_set(&g->unstable, name, (void *)n, NULL);
}

int
offset_add_pending(struct groups *gs, int64_t producer_id, int32_t log,
    const char *group, const char *topic, int32_t partition,
    struct stored *owned_s)
{
	struct leat_str key = { (const char *)&producer_id, 8 };
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		free(owned_s);
		return -ENOMEM;
	}
	p->log = log;
	p->stored = owned_s;
	p->forget = owned_s == NULL;
	p->partition = partition;
	p->group = strdup(group);
	p->topic = strdup(topic);
	if (p->group == NULL || p->topic == NULL ||
	    count_unstable(gs, p, 1) < 0) {
		offset_pending_free(p);
		return -ENOMEM;
	}
	p->next = leat_map_get(&gs->pending, key);
	if (leat_map_set(&gs->pending, key, p, NULL) < 0) {
		(void)count_unstable(gs, p, -1);
		p->next = NULL;
		offset_pending_free(p);
		return -ENOMEM;
	}
	return 0;
}

/* Takes a producer's pending offsets out of the table, the oldest first. */
static struct pending *
take_pending(struct groups *gs, int64_t producer_id, int32_t log)
{
	struct leat_str key = { (const char *)&producer_id, 8 };
	struct pending *p = leat_map_get(&gs->pending, key);
	struct pending *taken = NULL, *rest = NULL, **tail = &rest, *next;

	if (p == NULL)
		return NULL;
	for (; p != NULL; p = next) {	/* newest first: turned round */
		next = p->next;
		if (log == GROUPS_ALL_PARTITIONS || p->log == log) {
			p->next = taken;
			taken = p;
		} else {
			*tail = p;
			tail = &p->next;
		}
	}
	*tail = NULL;
	if (rest == NULL)
		(void)leat_map_remove(&gs->pending, key);
	else	/* a key that is there takes no memory */
		(void)leat_map_set(&gs->pending, key, rest, NULL);
	return taken;
}

void
offset_end_pending(struct groups *gs, int64_t producer_id, int32_t log,
    bool commit)
{
	struct pending *ordered = take_pending(gs, producer_id, log), *p;
	struct group *g;

	for (p = ordered; p != NULL; p = p->next) {
		(void)count_unstable(gs, p, -1);
		if (commit)
			(void)offset_apply(gs, p->group, p->topic,
			    p->partition, TAKE(p->stored));
		if ((g = group_find(gs, p->group)) != NULL)
			group_drop_if_unused(g);
	}
	offset_pending_free(ordered);
}

void
groups_end_txn(struct groups *gs, int64_t producer_id, int32_t partition,
    bool commit)
{
	groups_lock(gs);
	offset_end_pending(gs, producer_id, partition, commit);
	groups_unlock(gs);
}

int
groups_add_pending(struct groups *gs, int64_t producer_id, const char *group,
    const struct broker_group_offset *offsets, size_t n, struct leat_err *err)
{
	int64_t now = clock_wall_ms(gs->b->env.clock);
	int32_t log = groups_partition_number(gs, group);
	int rc = 0;

	groups_lock(gs);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct broker_group_offset *o = &offsets[i];
		struct stored *s = stored_new(o, now, -1);

		rc = s == NULL ? -ENOMEM : offset_add_pending(gs, producer_id,
		    log, group, o->topic, o->partition, s);
	}
	groups_unlock(gs);
	return rc == 0 ? 0 : leat_err_set(err, LEAT_CLS_RETRY, rc,
	    "out of memory for group offsets");
}

/* ------------------------------------------------------------- reading */

int
broker_group_offset(struct broker *b, const char *group, const char *topic,
    int32_t partition, int64_t *ret_offset)
{
	struct groups *gs = b->groups;
	char text[OFFSET_NAME_BYTES];
	const struct group *g;
	const struct stored *s;

	OBJ_CHECK(b, BROKER_MAGIC);
	groups_lock(gs);
	g = group_find(gs, group);
	s = g == NULL || strlen(topic) > TOPIC_NAME_MAX_LEN ? NULL :
	    leat_map_get(&g->offsets, offset_name(text, topic, partition));
	if (s != NULL)
		*ret_offset = s->offset;
	groups_unlock(gs);
	return s == NULL ? LEAT_E_NOTFOUND : 0;
}

static int
copy_stored(const struct stored *s, struct leat_arena *memory,
    struct broker_group_offset *o)
{
	o->offset = s->offset;
	o->leader_epoch = s->leader_epoch;
	o->commit_ms = s->commit_ms;
	o->metadata_len = s->metadata_len;
	o->metadata = leat_arena_memdup(memory, s->metadata,
	    s->metadata_len + 1);
	return o->metadata == NULL ? -ENOMEM : 0;
}

enum group_error
group_fetch(struct groups *gs, const char *group, const char *topic,
    int32_t partition, bool stable, struct leat_arena *memory,
    struct broker_group_offset *ret)
{
	enum group_error error = GROUP_OK;
	char text[OFFSET_NAME_BYTES];
	const struct stored *s;
	const struct group *g;
	struct leat_str name;

	*ret = (struct broker_group_offset){ .topic = topic,
	    .partition = partition, .leader_epoch = -1, .offset = -1,
	    .metadata = "" };
	if (strlen(topic) > TOPIC_NAME_MAX_LEN)
		return GROUP_OK;
	name = offset_name(text, topic, partition);
	groups_lock(gs);
	if ((g = group_find(gs, group)) != NULL) {
		s = leat_map_get(&g->offsets, name);
		if (stable && leat_map_get(&g->unstable, name) != NULL)
			error = GROUP_UNSTABLE_OFFSET;
		else if (s != NULL && copy_stored(s, memory, ret) < 0)
			error = GROUP_UNAVAILABLE;
	}
	groups_unlock(gs);
	return error;
}

static int
by_topic(const void *a, const void *b)
{
	const struct broker_group_offset *x = a, *y = b;
	int c = strcmp(x->topic, y->topic);

	return c != 0 ? c : (x->partition > y->partition) -
	    (x->partition < y->partition);
}

static enum group_error
fetch_all_locked(const struct group *g, bool stable,
    struct leat_arena *memory, struct broker_group_offset **ret, size_t *ret_n)
{
	struct broker_group_offset *list;
	const struct leat_map_entry *e;
	size_t it = 0, n = 0;

	list = leat_arena_calloc(memory, g->offsets.len + 1, sizeof(*list));
	while (list != NULL && (e = leat_map_next(&g->offsets, &it)) != NULL) {
		struct broker_group_offset *o = &list[n++];
		char *topic = leat_arena_strdup(memory, e->key);

		if (topic == NULL || copy_stored(e->value, memory, o) < 0)
			return GROUP_UNAVAILABLE;
		o->partition = offset_name_split(topic);
		o->topic = topic;
		if (stable && leat_map_get(&g->unstable,
		    (struct leat_str){ e->key, e->key_len }) != NULL)
			o->offset = -2;
	}
	if (list == NULL)
		return GROUP_UNAVAILABLE;
	qsort(list, n, sizeof(*list), by_topic);
	*ret = list;
	*ret_n = n;
	return GROUP_OK;
}

enum group_error
group_fetch_all(struct groups *gs, const char *group, bool stable,
    struct leat_arena *memory, struct broker_group_offset **ret, size_t *ret_n)
{
	enum group_error error = GROUP_OK;
	const struct group *g;

	*ret = NULL;
	*ret_n = 0;
	groups_lock(gs);
	if ((g = group_find(gs, group)) != NULL)
		error = fetch_all_locked(g, stable, memory, ret, ret_n);
	groups_unlock(gs);
	return error;
}

struct walk {
	struct leat_arena memory;
	struct one_group {
		const char *name;
		struct broker_group_offset *offsets;
		size_t n;
	} * groups;
	size_t n;
};

static int
collect(struct groups *gs, const char *group, struct walk *w)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	w->groups = leat_arena_calloc(&w->memory, gs->by_name.len + 1,
	    sizeof(*w->groups));
	if (w->groups == NULL)
		return -ENOMEM;
	while ((e = leat_map_next(&gs->by_name, &it)) != NULL) {
		struct one_group *one = &w->groups[w->n];

		if (group != NULL && strcmp(group, e->key) != 0)
			continue;
		one->name = leat_arena_strdup(&w->memory, e->key);
		if (one->name == NULL || fetch_all_locked(e->value, false,
		    &w->memory, &one->offsets, &one->n) != GROUP_OK)
			return -ENOMEM;
		w->n++;
	}
	return 0;
}

int
broker_group_each(struct broker *b, const char *group,
    int (*fn)(void *arg, const char *group,
    const struct broker_group_offset *offset), void *arg)
{
	struct walk w = { 0 };
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	leat_arena_init(&w.memory, 16384, 0);
	groups_lock(b->groups);
	rc = collect(b->groups, group, &w);
	groups_unlock(b->groups);
	for (size_t i = 0; i < w.n && rc >= 0; i++)
		for (size_t k = 0; k < w.groups[i].n && rc >= 0; k++)
			rc = fn(arg, w.groups[i].name,
			    &w.groups[i].offsets[k]);
	leat_arena_fini(&w.memory);
	return rc < 0 ? rc : 0;
}
