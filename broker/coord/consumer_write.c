/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumer groups in __consumer_offsets, as Kafka writes them: keys 3 (epoch),
 * 5 (member), 6 (epoch of the target), 7 (a member's target) and 8 (what it
 * has). Key 4 is of older brokers, and what expressions match (16) is found
 * anew: neither is written, and both are left out when loading.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/wire.h>

#include "broker/coord/consumer_group.h"

enum {
	KEY_EPOCH = 3,
	KEY_MEMBER = 5,
	KEY_TARGET_EPOCH = 6,
	KEY_TARGET = 7,
	KEY_CURRENT = 8,
	VALUE_MAX_BYTES = 8 << 20
};

/* ------------------------------------------------------------- writing */

static void
put_key(struct leat_buf *to, int key, const char *group, const char *member)
{
	leat_write_u16(to, (uint16_t)key);
	leat_write_u16(to, (uint16_t)strlen(group));
	(void)leat_buf_add_str(to, group);
	if (member != NULL) {
		leat_write_u16(to, (uint16_t)strlen(member));
		(void)leat_buf_add_str(to, member);
	}
}

static void
put_text(struct leat_buf *to, const char *s)
{
	leat_write_uvarint(to, s == NULL ? 0 : (uint32_t)strlen(s) + 1);
	if (s != NULL)
		(void)leat_buf_add_str(to, s);
}

static void
put_tags(struct leat_buf *to)
{
	leat_write_uvarint(to, 0);
}

static void
put_set(struct leat_buf *to, const struct tp_set *s)
{
	uint32_t topics = 0;

	for (size_t i = 0; i < s->n; i++)
		topics += i == 0 || memcmp(s->list[i].topic,
		    s->list[i - 1].topic, 16) != 0;
	leat_write_uvarint(to, topics + 1);
	for (size_t i = 0, end; i < s->n; i = end) {
		end = i;
		while (end < s->n && memcmp(s->list[end].topic,
		    s->list[i].topic, 16) == 0)
			end++;
		(void)leat_buf_add(to, s->list[i].topic, 16);
		leat_write_uvarint(to, (uint32_t)(end - i) + 1);
		for (size_t k = i; k < end; k++)
			leat_write_u32(to, (uint32_t)s->list[k].partition);
		put_tags(to);
	}
}

void
consumer_batch_begin(struct consumer_batch *cb)
{
	cb->err = (struct leat_err)LEAT_ERR_INIT;
	cb->bb = group_batch_new(&cb->err);
	cb->rc = cb->bb == NULL ? -ENOMEM : 0;
}

int
consumer_batch_end(struct consumer_batch *cb, struct group *g)
{
	if (cb->rc == 0)
		cb->rc = group_append(g->gs, g->name, cb->bb, &cb->err);
	batch_builder_free(cb->bb);
	if (cb->rc < 0)
		groups_note_err(g->gs, "group not saved", &cb->err);
	else
		g->saved = true;
	return cb->rc;
}

/* value NULL: a tombstone. Frees both. */
static void
add(struct consumer_batch *cb, const struct groups *gs, struct leat_buf *key,
    struct leat_buf *value)
{
	if (cb->rc == 0)
		cb->rc = group_add_record(cb->bb, key, value,
		    clock_wall_ms(gs->b->env.clock), &cb->err);
	leat_buf_fini(key);
	if (value != NULL)
		leat_buf_fini(value);
}

static void
begin(struct leat_buf *key, struct leat_buf *value, int number,
    const struct group *g, const char *member)
{
	leat_buf_init(key, 8192);
	leat_buf_init(value, VALUE_MAX_BYTES);
	put_key(key, number, g->name, member);
	leat_write_u16(value, 0);
}

void
consumer_write_epoch(struct consumer_batch *cb, const struct group *g)
{
	struct leat_buf key, value;

	begin(&key, &value, KEY_EPOCH, g, NULL);
	leat_write_u32(&value, (uint32_t)g->consumer->epoch);
	put_tags(&value);
	add(cb, g->gs, &key, &value);
}

void
consumer_write_target_epoch(struct consumer_batch *cb, const struct group *g)
{
	struct leat_buf key, value;

	begin(&key, &value, KEY_TARGET_EPOCH, g, NULL);
	leat_write_u32(&value, (uint32_t)g->consumer->assignment_epoch);
	put_tags(&value);
	add(cb, g->gs, &key, &value);
}

void
consumer_write_member(struct consumer_batch *cb, const struct consumer *m)
{
	struct leat_buf key, value;

	begin(&key, &value, KEY_MEMBER, m->g, m->id);
	put_text(&value, m->instance);
	put_text(&value, m->rack);
	put_text(&value, m->client_id);
	put_text(&value, m->client_host);
	leat_write_uvarint(&value, (uint32_t)m->ntopics + 1);
	for (int32_t i = 0; i < m->ntopics; i++)
		put_text(&value, m->topics[i]);
	put_text(&value, m->regex);
	leat_write_u32(&value, (uint32_t)m->rebalance_ms);
	put_text(&value, m->assignor);
	put_tags(&value);
	add(cb, m->g->gs, &key, &value);
}

void
consumer_write_target(struct consumer_batch *cb, const struct consumer *m)
{
	struct leat_buf key, value;

	begin(&key, &value, KEY_TARGET, m->g, m->id);
	put_set(&value, &m->target);
	put_tags(&value);
	add(cb, m->g->gs, &key, &value);
}

void
consumer_write_current(struct consumer_batch *cb, const struct consumer *m)
{
	struct leat_buf key, value;

	begin(&key, &value, KEY_CURRENT, m->g, m->id);
	leat_write_u32(&value, (uint32_t)m->epoch);
	leat_write_u32(&value, (uint32_t)m->previous);
	leat_write_u8(&value, (uint8_t)m->state);
	put_set(&value, &m->assigned);
	put_set(&value, &m->revoking);
	put_tags(&value);
	add(cb, m->g->gs, &key, &value);
}

void
consumer_write_gone(struct consumer_batch *cb, const struct group *g,
    const char *member_id)
{
	static const int keys[] = { KEY_CURRENT, KEY_TARGET, KEY_MEMBER };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct leat_buf key;

		leat_buf_init(&key, 8192);
		put_key(&key, keys[i], g->name, member_id);
		add(cb, g->gs, &key, NULL);
	}
}

int
consumer_add_group_gone(struct batch_builder *bb, const char *group,
    int64_t now_ms, struct leat_err *err)
{
	static const int keys[] = { KEY_TARGET_EPOCH, KEY_EPOCH };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys) && rc == 0; i++) {
		struct leat_buf key;

		leat_buf_init(&key, 8192);
		put_key(&key, keys[i], group, NULL);
		rc = group_add_record(bb, &key, NULL, now_ms, err);
		leat_buf_fini(&key);
	}
	return rc;
}
