/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading __consumer_offsets back at a start. Groups come back as they were:
 * the members get a session's time to show that they are still there, and go
 * on in the generation that they know.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"
#include "broker/coord/group_record.h"
#include "broker/coord/groups_int.h"

struct load {
	struct groups *gs;
	struct leat_map values;		/* group to its last value, owned */
	struct batch_reader *reader;
	int32_t log;			/* the partition being read */
};

struct loaded_value {
	size_t len;
	char data[];
};

/* ------------------------------------------------------------- records */

static int
load_offset(struct load *l, const struct batch_header *h,
    const struct offset_key *k, struct leat_str value)
{
	char group[GROUP_MAX_BYTES + 1], topic[TOPIC_NAME_MAX_LEN + 1];
	struct stored *s = NULL;
	struct offset_value v;

	if (k->group.len > GROUP_MAX_BYTES ||
	    k->topic.len > TOPIC_NAME_MAX_LEN)
		return 0;
	if (value.ptr != NULL) {
		struct broker_group_offset o;

		if (offset_value_decode(value, &v) != 0)
			return 0;
		o = (struct broker_group_offset){ .offset = v.offset,
		    .leader_epoch = v.leader_epoch,
		    .metadata = v.metadata.len > 0 ? v.metadata.ptr : NULL,
		    .metadata_len = v.metadata.len };
		s = stored_new(&o, v.commit_ms, v.expire_ms);
		if (s == NULL)
			return -ENOMEM;
	}
	snprintf(group, sizeof(group), "%.*s", (int)k->group.len,
	    k->group.ptr);
	snprintf(topic, sizeof(topic), "%.*s", (int)k->topic.len,
	    k->topic.ptr);
	if ((h->attributes & BATCH_TRANSACTIONAL) != 0)
		return offset_add_pending(l->gs, h->producer_id, l->log,
		    group, topic, k->partition, s);
	return offset_apply(l->gs, group, topic, k->partition, s);
}

/* Only the last value of a group counts, so it is decoded at the end. */
static int
load_group(struct load *l, struct leat_str group, struct leat_str value)
{
	struct loaded_value *v = NULL;
	void *old = NULL;

	if (value.ptr == NULL) {
		free(leat_map_remove(&l->values, group));
		return 0;
	}
	if ((v = malloc(sizeof(*v) + value.len)) == NULL)
		return -ENOMEM;
	v->len = value.len;
	memcpy(v->data, value.ptr, value.len);
	if (leat_map_set(&l->values, group, v, &old) < 0) {
		free(v);
		return -ENOMEM;
	}
	free(old);
	return 0;
}

static int
load_record(struct load *l, const struct batch_header *h,
    const struct record *rec)
{
	struct offset_key k;

	int rc = offset_key_decode(rec->key, &k);

	if (rc > 0)
		return consumer_load(l->gs, rec->key, rec->value);
	/* What does not decode is of a newer version: left alone. */
	if (rc < 0)
		return 0;
	return k.is_group ? load_group(l, k.group, rec->value) :
	    load_offset(l, h, &k, rec->value);
}

static int
load_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct load *l = arg;
	struct record rec;
	int32_t epoch;
	int rc;

	if ((h->attributes & BATCH_CONTROL) != 0) {
		if (h->count > 0)
			offset_end_pending(l->gs, h->producer_id, l->log,
			    batch_marker_decode(batch, h->size, &epoch) ==
			    MARKER_COMMIT);
		return 0;
	}
	rc = batch_reader_open(l->reader, batch, h->size, err);
	while (rc >= 0 && (rc = batch_reader_next(l->reader, &rec, err)) > 0)
		if ((rc = load_record(l, h, &rec)) < 0)
			leat_err_set(err, LEAT_CLS_RETRY, rc,
			    "out of memory for group offsets");
	return rc;
}

/* -------------------------------------------------------------- groups */

/* A text of a record that must end with a NUL: cut, never too long. */
static void
text(char to[GROUP_MAX_BYTES + 1], struct leat_str s)
{
	snprintf(to, GROUP_MAX_BYTES + 1, "%.*s",
	    (int)MIN(s.len, (size_t)GROUP_MAX_BYTES),
	    s.ptr == NULL ? "" : s.ptr);
}

static int
load_member(struct group *g, const struct group_value_member *v)
{
	char id[GROUP_MAX_BYTES + 1], instance[GROUP_MAX_BYTES + 1];
	char client[GROUP_MAX_BYTES + 1], host[GROUP_MAX_BYTES + 1];
	struct group_protocol protocol = { g->protocol != NULL ? g->protocol :
	    "", v->subscription };
	struct group_join q = { .group = g->name, .member_id = id,
	    .client_id = client, .client_host = host,
	    .protocol_type = g->protocol_type, .protocols = &protocol,
	    .nprotocols = 1, .session_ms = v->session_ms,
	    .rebalance_ms = v->rebalance_ms };
	struct member *m;

	text(id, v->id);
	text(instance, v->instance);
	text(client, v->client_id);
	text(host, v->client_host);
	if (v->instance.ptr != NULL)
		q.instance_id = instance;
	if (id[0] == '\0' || member_find(g, id) != NULL)
		return 0;
	if ((m = member_new(g, &q, id)) == NULL ||
	    member_set_assignment(m, v->assignment) < 0)
		return -ENOMEM;
	m->is_new = false;
	member_session_start(m);
	return 0;
}

static int
restore(struct groups *gs, const char *name, struct leat_str value)
{
	struct group_value v;
	struct group *g;
	int rc = group_value_decode(value, &v);

	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;	/* of a newer version */
	if ((g = group_make(gs, name)) == NULL ||
	    !group_set_text(&g->protocol_type, v.protocol_type) ||
	    !group_set_text(&g->protocol, v.protocol) ||
	    !group_set_text(&g->leader, v.leader))
		rc = -ENOMEM;
	for (size_t i = 0; i < v.nmembers && rc == 0; i++)
		rc = load_member(g, &v.members[i]);
	if (rc == 0) {
		g->generation = v.generation;
		g->state = g->members.len > 0 ? GS_STABLE : GS_EMPTY;
		g->state_ms = v.state_ms;
		g->saved = true;
	}
	group_value_fini(&v);
	return rc;
}

static int
load_end(struct group *g)
{
	if (g->consumer != NULL && consumer_load_end(g) < 0)
		return -ENOMEM;
	group_drop_if_unused(g);
	return 0;
}

static int
restore_all(struct load *l, struct leat_err *err)
{
	const struct leat_map_entry *e;
	size_t it = 0;
	int rc = 0;

	while (rc == 0 && (e = leat_map_next(&l->values, &it)) != NULL) {
		const struct loaded_value *v = e->value;

		if (e->key_len > 0 && e->key_len <= GROUP_MAX_BYTES)
			rc = restore(l->gs, e->key,
			    (struct leat_str){ v->data, v->len });
	}
	/* Those of which the records read since have left nothing. */
	it = 0;
	while (rc == 0 && (e = leat_map_next(&l->gs->by_name, &it)) != NULL)
		rc = load_end(e->value);
	return rc == 0 ? 0 : leat_err_set(err, LEAT_CLS_RETRY, rc,
	    "out of memory for groups");
}

int
groups_load(struct groups *gs, struct leat_err *err)
{
	struct load l = { .gs = gs };
	const struct leat_map_entry *e;
	size_t it = 0;
	int rc = 0;

	if ((l.reader = batch_reader_new(BATCH_INFLATED_MAX)) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	groups_lock(gs);
	for (; l.log < gs->npartitions && rc == 0; l.log++)
		rc = partition_each_batch(gs->parts[l.log], load_batch, &l,
		    err);
	if (rc == 0)
		rc = restore_all(&l, err);
	groups_unlock(gs);
	while ((e = leat_map_next(&l.values, &it)) != NULL)
		free(e->value);
	leat_map_fini(&l.values);
	batch_reader_free(l.reader);
	return rc;
}
