/* SPDX-License-Identifier: Apache-2.0 */
/* Consumer groups read back from __consumer_offsets: see consumer_write.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/wire.h>

#include "broker/coord/consumer_group.h"

enum { TEXT_BYTES = GROUP_MAX_BYTES + 1 };

/* A text of at most that many bytes; longer ones fail the record. */
static bool
get_text(struct leat_reader *r, char to[TEXT_BYTES])
{
	uint32_t n = leat_read_uvarint(r);
	const uint8_t *p;

	to[0] = '\0';
	if (n == 0)
		return false;
	if (n > TEXT_BYTES) {
		leat_reader_fail(r);
		return false;
	}
	if ((p = leat_read_bytes(r, n - 1)) == NULL)
		return false;
	memcpy(to, p, n - 1);
	to[n - 1] = '\0';
	return true;
}

static void
get_key_text(struct leat_reader *r, char to[TEXT_BYTES])
{
	uint16_t n = leat_read_u16(r);
	const uint8_t *p = leat_read_bytes(r, n);

	to[0] = '\0';
	if (p == NULL || n > GROUP_MAX_BYTES) {
		leat_reader_fail(r);
		return;
	}
	memcpy(to, p, n);
	to[n] = '\0';
}

static void
skip_tags(struct leat_reader *r)
{
	for (uint32_t n = leat_read_uvarint(r); n > 0 && r->err == 0; n--) {
		(void)leat_read_uvarint(r);
		(void)leat_read_bytes(r, leat_read_uvarint(r));
	}
}

/* 0, or -ENOMEM; what does not decode fails the reader. */
static int
get_set(struct leat_reader *r, struct tp_set *s)
{
	uint32_t topics = leat_read_uvarint(r);
	int rc = 0;

	for (; topics > 1 && r->err == 0 && rc == 0; topics--) {
		const uint8_t *id = leat_read_bytes(r, 16);
		uint32_t n = leat_read_uvarint(r);

		for (; n > 1 && r->err == 0 && rc == 0; n--) {
			struct tp t = { .partition = leat_read_i32(r) };

			if (r->err != 0)
				break;
			memcpy(t.topic, id, sizeof(t.topic));
			rc = tp_set_add(s, &t);
		}
		skip_tags(r);
	}
	tp_set_sort(s);
	return rc;
}

/* ------------------------------------------------------------- records */

static int
load_member(struct group *g, const char *id, struct leat_reader *r)
{
	char instance[TEXT_BYTES], rack[TEXT_BYTES], client[TEXT_BYTES];
	char host[TEXT_BYTES], text[TEXT_BYTES], regex[TEXT_BYTES];
	struct consumer_beat q = { .client_id = client, .client_host = host };
	char **topics = NULL;
	bool has_instance, has_rack, changed = false;
	const char *why = NULL;
	struct consumer *m;
	uint32_t n;
	int rc = 0;

	has_instance = get_text(r, instance);
	has_rack = get_text(r, rack);
	(void)get_text(r, client);
	(void)get_text(r, host);
	n = leat_read_uvarint(r);
	if (n > CONSUMER_TOPICS_MAX)
		leat_reader_fail(r);
	if (r->err == 0 && (topics = calloc(n + 1, sizeof(*topics))) == NULL)
		return -ENOMEM;
	for (; q.ntopics + 1 < (int32_t)n && r->err == 0; q.ntopics++) {
		(void)get_text(r, text);
		if ((topics[q.ntopics] = strdup(text)) == NULL) {
			rc = -ENOMEM;
			break;
		}
	}
	(void)get_text(r, regex);
	q.topics = (const char *const *)topics;
	q.regex = regex;
	q.rack_id = has_rack ? rack : NULL;
	q.rebalance_ms = leat_read_i32(r);
	if (get_text(r, text) && assignor_known(text))
		q.assignor = text;
	if (rc == 0 && r->err == 0) {
		m = consumer_find(g, id);
		if (m == NULL)
			m = consumer_new(g, id, has_instance ? instance :
			    NULL);
		if (m == NULL || consumer_update(m, &q, &changed, &why) ==
		    GROUP_UNAVAILABLE)
			rc = -ENOMEM;
	}
	for (int32_t i = 0; i < q.ntopics; i++)
		free(topics[i]);
	free(topics);
	return rc;
}

static int
load_current(struct consumer *m, struct leat_reader *r)
{
	struct tp_set assigned = { .n = 0 }, revoking = { .n = 0 };
	int32_t epoch = leat_read_i32(r), previous = leat_read_i32(r);
	uint8_t state = leat_read_u8(r);
	int rc = get_set(r, &assigned);

	if (rc == 0)
		rc = get_set(r, &revoking);
	if (rc < 0 || r->err != 0) {
		tp_set_fini(&assigned);
		tp_set_fini(&revoking);
		return rc;
	}
	m->epoch = epoch;
	m->previous = previous;
	m->state = state == CM_UNREVOKED || state == CM_UNRELEASED ? state :
	    CM_STABLE;
	tp_set_fini(&m->assigned);
	tp_set_fini(&m->revoking);
	m->assigned = assigned;
	m->revoking = revoking;
	return 0;
}

static int
load_target(struct consumer *m, struct leat_reader *r)
{
	struct tp_set target = { .n = 0 };
	int rc = get_set(r, &target);

	if (rc < 0 || r->err != 0) {
		tp_set_fini(&target);
		return rc;
	}
	tp_set_fini(&m->target);
	m->target = target;
	return 0;
}

static void
load_gone(struct group *g, int key, const char *id)
{
	struct consumer *m;

	if (key == 3)
		consumer_group_free(g);
	else if (key == 5 && (m = consumer_find(g, id)) != NULL)
		consumer_remove(m);
}

int
consumer_load(struct groups *gs, struct leat_str key, struct leat_str value)
{
	char group[TEXT_BYTES], id[TEXT_BYTES] = "";
	struct leat_reader r;
	struct consumer *m;
	struct group *g;
	int number;

	leat_reader_init(&r, key.ptr, key.len);
	number = leat_read_u16(&r);
	if (number < 3 || number > 8 || number == 4)
		return 0;
	get_key_text(&r, group);
	if (number != 3 && number != 6)
		get_key_text(&r, id);
	if (r.err != 0 || group[0] == '\0')
		return 0;
	g = group_find(gs, group);
	if (value.ptr == NULL) {
		if (g != NULL && g->consumer != NULL)
			load_gone(g, number, id);
		return 0;
	}
	leat_reader_init(&r, value.ptr, value.len);
	if (leat_read_u16(&r) != 0)
		return 0;		/* of a newer version */
	if ((g = group_make(gs, group)) == NULL ||
	    consumer_group_make(g) == NULL)
		return -ENOMEM;
	m = consumer_find(g, id);
	if (number == 3)
		g->consumer->epoch = leat_read_i32(&r);
	else if (number == 6)
		g->consumer->assignment_epoch = leat_read_i32(&r);
	else if (number == 5)
		return load_member(g, id, &r);
	else if (m != NULL)
		return number == 7 ? load_target(m, &r) :
		    load_current(m, &r);
	return 0;
}

int
consumer_load_end(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	g->saved = true;
	while ((e = leat_map_next(&g->consumer->members, &it)) != NULL) {
		struct consumer *m = e->value;

		if (consumer_own(m, &m->assigned) < 0 ||
		    consumer_own(m, &m->revoking) < 0)
			return -ENOMEM;
		consumer_session_start(m);
		if (m->state == CM_UNREVOKED)
			group_timer_set(g->gs, &m->rebalance,
			    m->rebalance_ms);
	}
	return 0;
}
