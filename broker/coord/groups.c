/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Committed offsets.
 *
 * A commit is one batch in the group's partition of __consumer_offsets and then
 * an entry in memory; both happen under the lock, so the log and the memory
 * have the same order. Offsets of a transaction are appended in its name and
 * wait in `pending` for its end.
 *
 * The topic is compacted. To keep the start quick its segments are small, and
 * it has one partition unless told otherwise; Kafka's tools ask the metadata.
 */
#include "broker/coord/groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/offset_record.h"
#include "core/base/obj.h"

enum {
	NAME_MAX_BYTES = 249,
	GROUP_MAX_BYTES = 1024,
	METADATA_MAX_BYTES = 4096,
	COMMIT_MAX_BYTES = 1 << 20,
	GROUPS_MAX = 100000,
	READ_BYTES = 256 * 1024
};

struct stored {
	int64_t offset;
	int32_t leader_epoch;
	int64_t commit_ms;
	char metadata[];
};

struct group {
	struct leat_map offsets;	/* "<topic>:<partition>" to stored */
};

/* One offset of an open transaction. */
struct pending {
	struct pending *next;
	char *group;
	char *topic;
	int32_t partition;
	bool forget;
	struct stored *stored;
};

struct groups {
	struct broker *b;
	int32_t npartitions;
	struct broker_partition **parts;	/* counted */
	struct lock lock;	/* RANK_GROUPS; guards all below */
	struct leat_map by_name;
	struct leat_map pending;	/* producer id to struct pending list */
};

/* -------------------------------------------------------------- memory */

static struct leat_str
offset_name(char *to, size_t n, const char *topic, int32_t partition)
{
	int len = snprintf(to, n, "%s:%d", topic, partition);

	return (struct leat_str){ to, (size_t)len };
}

static struct stored *
stored_new(int64_t offset, int32_t leader_epoch, int64_t commit_ms,
    struct leat_str metadata)
{
	struct stored *s = malloc(sizeof(*s) + metadata.len + 1);

	if (s == NULL)
		return NULL;
	s->offset = offset;
	s->leader_epoch = leader_epoch;
	s->commit_ms = commit_ms;
	if (metadata.len > 0)
		memcpy(s->metadata, metadata.ptr, metadata.len);
	s->metadata[metadata.len] = '\0';
	return s;
}

static void
group_free(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	if (g == NULL)
		return;
	while ((e = leat_map_next(&g->offsets, &it)) != NULL)
		free(e->value);
	leat_map_fini(&g->offsets);
	free(g);
}

static struct group *
group_make(struct groups *gs, const char *name)
{
	struct group *g = leat_map_get_c(&gs->by_name, name);

	if (g != NULL)
		return g;
	if (gs->by_name.len >= GROUPS_MAX ||
	    (g = calloc(1, sizeof(*g))) == NULL)
		return NULL;
	if (leat_map_set(&gs->by_name, leat_str_c(name), g, NULL) < 0) {
		free(g);
		return NULL;
	}
	return g;
}

static void
group_drop_if_empty(struct groups *gs, const char *name)
{
	struct group *g = leat_map_get_c(&gs->by_name, name);

	if (g != NULL && g->offsets.len == 0)
		group_free(leat_map_remove(&gs->by_name, leat_str_c(name)));
}

/* Stores (owned_s NULL: forgets) one offset; 0 or -ENOMEM. */
static int
apply(struct groups *gs, const char *group, const char *topic,
    int32_t partition, struct stored *owned_s)
{
	char name[NAME_MAX_BYTES + 32];
	struct leat_str key = offset_name(name, sizeof(name), topic,
	    partition);
	struct group *g;
	void *old = NULL;

	if (owned_s == NULL) {
		g = leat_map_get_c(&gs->by_name, group);
		if (g != NULL)
			free(leat_map_remove(&g->offsets, key));
		group_drop_if_empty(gs, group);
		return 0;
	}
	g = group_make(gs, group);
	if (g == NULL || leat_map_set(&g->offsets, key, owned_s, &old) < 0) {
		free(owned_s);
		return -ENOMEM;
	}
	free(old);
	return 0;
}

/* ------------------------------------------------------------- pending */

static void
pending_free(struct pending *p)
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

static int
add_pending(struct groups *gs, int64_t producer_id, struct leat_str group,
    struct leat_str topic, int32_t partition, struct stored *owned_s)
{
	struct leat_str key = { (const char *)&producer_id, 8 };
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		free(owned_s);
		return -ENOMEM;
	}
	p->stored = owned_s;
	p->forget = owned_s == NULL;
	p->partition = partition;
	p->group = strndup(group.ptr, group.len);
	p->topic = strndup(topic.ptr, topic.len);
	p->next = leat_map_get(&gs->pending, key);
	if (p->group == NULL || p->topic == NULL ||
	    leat_map_set(&gs->pending, key, p, NULL) < 0) {
		p->next = NULL;
		pending_free(p);
		return -ENOMEM;
	}
	return 0;
}

static void
end_pending(struct groups *gs, int64_t producer_id, bool commit)
{
	struct pending *p = leat_map_remove(&gs->pending,
	    (struct leat_str){ (const char *)&producer_id, 8 });
	struct pending *ordered = NULL, *next;

	for (; p != NULL; p = next) {	/* newest first: turn it round */
		next = p->next;
		p->next = ordered;
		ordered = p;
	}
	for (p = ordered; commit && p != NULL; p = p->next)
		(void)apply(gs, p->group, p->topic, p->partition,
		    TAKE(p->stored));
	pending_free(ordered);
}

void
groups_end_txn(struct groups *gs, int64_t producer_id, bool commit)
{
	lock_acquire(&gs->lock);
	end_pending(gs, producer_id, commit);
	lock_release(&gs->lock);
}

int
groups_add_pending(struct groups *gs, int64_t producer_id, const char *group,
    const struct broker_group_offset *offsets, size_t n, struct leat_err *err)
{
	int64_t now = clock_wall_ms(gs->b->env.clock);
	int rc = 0;

	lock_acquire(&gs->lock);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct broker_group_offset *o = &offsets[i];
		struct stored *s = stored_new(o->offset, o->leader_epoch, now,
		    leat_str_c(o->metadata != NULL ? o->metadata : ""));

		rc = s == NULL ? -ENOMEM : add_pending(gs, producer_id,
		    leat_str_c(group), leat_str_c(o->topic), o->partition, s);
	}
	lock_release(&gs->lock);
	return rc == 0 ? 0 : leat_err_set(err, LEAT_CLS_RETRY, rc,
	    "out of memory for group offsets");
}

/* ------------------------------------------------------------- writing */

struct broker_partition *
groups_partition(struct groups *gs, const char *group)
{
	struct broker_partition *p = gs->parts[
	    java_hash(leat_str_c(group)) % (uint32_t)gs->npartitions];

	partition_get(p);
	return p;
}

static int
check_commit(const char *group, const struct broker_group_offset *o, size_t n,
    struct leat_err *err)
{
	const char *why = NULL;

	if (group[0] == '\0' || strlen(group) > GROUP_MAX_BYTES)
		why = "the group's name is empty or too long";
	for (size_t i = 0; i < n && why == NULL; i++) {
		if (strlen(o[i].topic) > NAME_MAX_BYTES)
			why = "a topic's name is too long";
		else if (o[i].metadata != NULL &&
		    strlen(o[i].metadata) > METADATA_MAX_BYTES)
			why = "the metadata is longer than 4096 bytes";
		else if (o[i].offset < BROKER_OFFSET_FORGET)
			why = "an offset is negative";
	}
	return why == NULL ? 0 : leat_err_set(err, LEAT_CLS_CONFIG,
	    LEAT_E_CONFIG, "offsets of group '%.60s' refused: %s", group, why);
}

/* Adds one record of the topic; v NULL: a tombstone. */
static int
add_record(struct batch_builder *bb, const char *group, const char *topic,
    int32_t partition, const struct offset_value *v, int64_t now,
    struct leat_err *err)
{
	struct leat_buf key, value;
	struct record rec = { .timestamp_ms = now };
	int rc;

	leat_buf_init(&key, 8192);
	leat_buf_init(&value, 8192);
	if (topic != NULL)
		offset_key_encode(&key, leat_str_c(group), leat_str_c(topic),
		    partition);
	else
		offset_group_key_encode(&key, leat_str_c(group));
	if (v != NULL)
		offset_value_encode(&value, v);
	rec.key = (struct leat_str){ (char *)key.data, key.len };
	if (v != NULL)
		rec.value = (struct leat_str){ (char *)value.data, value.len };
	if (key.failed || value.failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for group offsets");
	else
		rc = batch_builder_add(bb, &rec, err);
	leat_buf_fini(&key);
	leat_buf_fini(&value);
	return rc;
}

int
groups_prepare(struct groups *gs, const char *group,
    const struct broker_group_offset *offsets, size_t n,
    struct batch_builder **ret, struct leat_err *err)
{
	int64_t now = clock_wall_ms(gs->b->env.clock);
	struct batch_builder *bb;
	int rc = check_commit(group, offsets, n, err);

	if (rc < 0)
		return rc;
	bb = batch_builder_new(CODEC_NONE, 0, COMMIT_MAX_BYTES);
	if (bb == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for group offsets");
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct offset_value v = {
			.offset = offsets[i].offset,
			.leader_epoch = offsets[i].leader_epoch,
			.metadata = leat_str_c(offsets[i].metadata != NULL ?
			    offsets[i].metadata : ""),
			.commit_ms = now,
		};

		rc = add_record(bb, group, offsets[i].topic,
		    offsets[i].partition,
		    v.offset == BROKER_OFFSET_FORGET ? NULL : &v, now, err);
	}
	if (rc < 0) {
		batch_builder_free(bb);
		return rc;
	}
	*ret = bb;
	return 0;
}

static int
append_builder(struct broker_partition *p, struct batch_builder *bb,
    struct leat_err *err)
{
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc = batch_builder_finish(bb, NULL, &data, &len, err);

	return rc < 0 ? rc : partition_append_own(p, data, len, &done, err);
}

int
broker_group_commit(struct broker *b, const char *group,
    const struct broker_group_offset *offsets, size_t n, struct leat_err *err)
{
	struct groups *gs = b->groups;
	struct broker_partition *p;
	struct batch_builder *bb;
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	if (n == 0)
		return 0;
	if ((rc = groups_prepare(gs, group, offsets, n, &bb, err)) < 0)
		return rc;
	p = groups_partition(gs, group);
	lock_acquire(&gs->lock);
	rc = append_builder(p, bb, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct broker_group_offset *o = &offsets[i];
		struct stored *s = o->offset == BROKER_OFFSET_FORGET ? NULL :
		    stored_new(o->offset, o->leader_epoch,
			clock_wall_ms(b->env.clock),
			leat_str_c(o->metadata != NULL ? o->metadata : ""));

		rc = s == NULL && o->offset != BROKER_OFFSET_FORGET ? -ENOMEM :
		    apply(gs, group, o->topic, o->partition, s);
		if (rc < 0)
			leat_err_set(err, LEAT_CLS_RETRY, rc,
			    "out of memory for group offsets");
	}
	lock_release(&gs->lock);
	broker_partition_put(p);
	batch_builder_free(bb);
	return rc;
}

/* "<topic>:<partition>" apart; the name is cut in place. */
static int32_t
split_name(char *name)
{
	char *colon = strrchr(name, ':');
	int64_t partition = -1;

	*colon = '\0';
	(void)leat_parse_i64(leat_str_c(colon + 1), 0, INT32_MAX, &partition);
	return (int32_t)partition;
}

/* Tombstones for the offsets that `which` picks, and for an emptied group. */
static int
forget_locked(struct groups *gs, const char *group, int64_t before_ms,
    struct leat_err *err)
{
	struct group *g = leat_map_get_c(&gs->by_name, group);
	int64_t now = clock_wall_ms(gs->b->env.clock);
	const struct leat_map_entry *e;
	struct batch_builder *bb;
	struct broker_partition *p;
	char name[NAME_MAX_BYTES + 32];
	size_t it = 0, kept = 0;
	int rc = 0;

	bb = batch_builder_new(CODEC_NONE, 0, COMMIT_MAX_BYTES * 16);
	if (bb == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for group offsets");
	while (rc == 0 && (e = leat_map_next(&g->offsets, &it)) != NULL) {
		int32_t partition;

		if (((struct stored *)e->value)->commit_ms >= before_ms) {
			kept++;
			continue;
		}
		snprintf(name, sizeof(name), "%s", e->key);
		partition = split_name(name);
		rc = add_record(bb, group, name, partition, NULL, now, err);
	}
	if (rc == 0 && kept == 0)
		rc = add_record(bb, group, NULL, 0, NULL, now, err);
	p = groups_partition(gs, group);
	if (rc == 0 && batch_builder_count(bb) > 0)
		rc = append_builder(p, bb, err);
	broker_partition_put(p);
	batch_builder_free(bb);
	it = 0;
	while (rc == 0 && (e = leat_map_next(&g->offsets, &it)) != NULL)
		if (((struct stored *)e->value)->commit_ms < before_ms)
			free(leat_map_remove(&g->offsets,
			    (struct leat_str){ e->key, e->key_len }));
	if (rc == 0)
		group_drop_if_empty(gs, group);
	return rc;
}

int
broker_group_delete(struct broker *b, const char *group, struct leat_err *err)
{
	struct groups *gs = b->groups;
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&gs->lock);
	if (leat_map_get_c(&gs->by_name, group) == NULL)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "there is no group '%.60s'", group);
	else
		rc = forget_locked(gs, group, INT64_MAX, err);
	lock_release(&gs->lock);
	return rc;
}

void
groups_expire(struct groups *gs, int64_t before_ms)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	lock_acquire(&gs->lock);
	while ((e = leat_map_next(&gs->by_name, &it)) != NULL) {
		const struct group *g = e->value;
		const struct leat_map_entry *o;
		size_t k = 0;
		bool old = false;

		while ((o = leat_map_next(&g->offsets, &k)) != NULL)
			if (((struct stored *)o->value)->commit_ms < before_ms)
				old = true;
		if (old)
			(void)forget_locked(gs, e->key, before_ms, NULL);
	}
	lock_release(&gs->lock);
}

/* ------------------------------------------------------------- reading */

int
broker_group_offset(struct broker *b, const char *group, const char *topic,
    int32_t partition, int64_t *ret_offset)
{
	struct groups *gs = b->groups;
	char name[NAME_MAX_BYTES + 32];
	const struct group *g;
	const struct stored *s;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&gs->lock);
	g = leat_map_get_c(&gs->by_name, group);
	s = g == NULL || strlen(topic) > NAME_MAX_BYTES ? NULL :
	    leat_map_get(&g->offsets,
	    offset_name(name, sizeof(name), topic, partition));
	if (s != NULL)
		*ret_offset = s->offset;
	lock_release(&gs->lock);
	return s == NULL ? LEAT_E_NOTFOUND : 0;
}

struct walk {
	int (*fn)(void *arg, const char *group,
	    const struct broker_group_offset *offset);
	void *arg;
	struct leat_buf found;	/* of struct found */
};

struct found {
	char *group;
	char *topic;
	char *metadata;
	struct broker_group_offset o;
};

static int
collect(struct walk *w, const char *group, const struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&g->offsets, &it)) != NULL) {
		const struct stored *s = e->value;
		struct found f = { .group = strdup(group),
		    .topic = strdup(e->key), .metadata = strdup(s->metadata) };

		if (f.group == NULL || f.topic == NULL || f.metadata == NULL ||
		    leat_buf_reserve(&w->found, sizeof(f)) == NULL) {
			free(f.group);
			free(f.topic);
			free(f.metadata);
			return -ENOMEM;
		}
		f.o.partition = split_name(f.topic);
		f.o.topic = f.topic;
		f.o.metadata = f.metadata;
		f.o.offset = s->offset;
		f.o.leader_epoch = s->leader_epoch;
		f.o.commit_ms = s->commit_ms;
		(void)leat_buf_add(&w->found, &f, sizeof(f));
	}
	return 0;
}

int
broker_group_each(struct broker *b, const char *group,
    int (*fn)(void *arg, const char *group,
    const struct broker_group_offset *offset), void *arg)
{
	struct groups *gs = b->groups;
	const struct leat_map_entry *e;
	struct walk w = { fn, arg, { 0 } };
	size_t it = 0;
	int rc = 0;

	OBJ_CHECK(b, BROKER_MAGIC);
	leat_buf_init(&w.found, SIZE_MAX / 2);
	lock_acquire(&gs->lock);
	while (rc == 0 && (e = leat_map_next(&gs->by_name, &it)) != NULL)
		if (group == NULL || strcmp(group, e->key) == 0)
			rc = collect(&w, e->key, e->value);
	lock_release(&gs->lock);
	for (size_t i = 0; i < w.found.len / sizeof(struct found); i++) {
		struct found *f = (struct found *)(void *)w.found.data + i;

		if (rc >= 0)
			rc = fn(arg, f->group, &f->o);
		free(f->group);
		free(f->topic);
		free(f->metadata);
	}
	leat_buf_fini(&w.found);
	return rc < 0 ? rc : 0;
}

/* ------------------------------------------------------------- loading */

static int
load_record(struct groups *gs, const struct batch_header *h,
    const struct record *rec)
{
	struct offset_key k;
	struct offset_value v;
	struct stored *s = NULL;
	char group[GROUP_MAX_BYTES + 1], topic[NAME_MAX_BYTES + 1];

	/* What does not decode is of a newer version: left alone. */
	if (offset_key_decode(rec->key, &k) != 0 || k.is_group ||
	    k.group.len > GROUP_MAX_BYTES || k.topic.len > NAME_MAX_BYTES)
		return 0;
	if (rec->value.ptr != NULL) {
		if (offset_value_decode(rec->value, &v) != 0)
			return 0;
		s = stored_new(v.offset, v.leader_epoch, v.commit_ms,
		    v.metadata);
		if (s == NULL)
			return -ENOMEM;
	}
	if ((h->attributes & BATCH_TRANSACTIONAL) != 0)
		return add_pending(gs, h->producer_id, k.group, k.topic,
		    k.partition, s);
	snprintf(group, sizeof(group), "%.*s", (int)k.group.len, k.group.ptr);
	snprintf(topic, sizeof(topic), "%.*s", (int)k.topic.len, k.topic.ptr);
	return apply(gs, group, topic, k.partition, s);
}

static int
load_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct groups *gs = arg;
	struct batch_reader *r;
	struct record rec;
	int32_t epoch;
	int rc;

	if ((h->attributes & BATCH_CONTROL) != 0) {
		if (h->count > 0)
			end_pending(gs, h->producer_id, batch_marker_decode(
			    batch, h->size, &epoch) == MARKER_COMMIT);
		return 0;
	}
	if ((r = batch_reader_new(BATCH_INFLATED_MAX)) == NULL)
		return -ENOMEM;
	rc = batch_reader_open(r, batch, h->size, err);
	while (rc >= 0 && (rc = batch_reader_next(r, &rec, err)) > 0)
		if ((rc = load_record(gs, h, &rec)) < 0)
			leat_err_set(err, LEAT_CLS_RETRY, rc,
			    "out of memory for group offsets");
	batch_reader_free(r);
	return rc;
}

static const struct broker_setting topic_settings[] = {
	{ "cleanup.policy", "compact" },
	{ "compression.type", "producer" },
	{ "segment.bytes", "4194304" },
};

int
groups_open(struct broker *b, struct groups **ret, struct leat_err *err)
{
	struct groups *gs;
	int rc;

	rc = topic_ensure_internal(b, offsets_topic, b->o.offsets_partitions,
	    topic_settings, ARRAY_LEN(topic_settings), err);
	if (rc < 0)
		return rc;
	if ((gs = calloc(1, sizeof(*gs))) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	gs->b = b;
	gs->npartitions = broker_topic_partitions(b, offsets_topic);
	lock_init(&gs->lock, RANK_GROUPS);
	gs->parts = calloc((size_t)gs->npartitions, sizeof(*gs->parts));
	if (gs->parts == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	for (int32_t i = 0; i < gs->npartitions && rc == 0; i++) {
		gs->parts[i] = broker_partition_get(b, offsets_topic, i, err);
		rc = partition_each_batch(gs->parts[i], load_batch, gs, err);
	}
	if (rc < 0) {
		groups_close(gs);
		return leat_err_wrap(err, "load committed offsets");
	}
	*ret = gs;
	return 0;
}

void
groups_close(struct groups *gs)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	if (gs == NULL)
		return;
	while ((e = leat_map_next(&gs->by_name, &it)) != NULL)
		group_free(e->value);
	it = 0;
	while ((e = leat_map_next(&gs->pending, &it)) != NULL)
		pending_free(e->value);
	leat_map_fini(&gs->by_name);
	leat_map_fini(&gs->pending);
	for (int32_t i = 0; gs->parts != NULL && i < gs->npartitions; i++)
		broker_partition_put(gs->parts[i]);
	free(gs->parts);
	lock_fini(&gs->lock);
	free(gs);
}

struct clamp {
	struct groups *gs;
	struct leat_err *err;
};

static int
clamp_one(void *arg, const char *group, const struct broker_group_offset *o)
{
	struct clamp *c = arg;
	struct broker_group_offset fixed = *o;
	struct broker_partition *p;
	int64_t end;
	bool online;

	if (broker_topic_partitions(c->gs->b, o->topic) <= o->partition)
		return 0;
	p = broker_partition_get(c->gs->b, o->topic, o->partition, NULL);
	if (p == NULL)
		return 0;
	end = offset_load(&p->written);
	online = p->state == PART_ONLINE;
	broker_partition_put(p);
	if (o->offset <= end || !online)
		return 0;
	log_warn(&c->gs->b->env.lg, "group offset was ahead of its topic",
	    "group=%s partition=%s-%d offset=%lld end=%lld", group, o->topic,
	    o->partition, (long long)o->offset, (long long)end);
	fixed.offset = end;
	return broker_group_commit(c->gs->b, group, &fixed, 1, c->err);
}

int
groups_clamp(struct groups *gs, struct leat_err *err)
{
	struct clamp c = { gs, err };

	return broker_group_each(gs->b, NULL, clamp_one, &c);
}
