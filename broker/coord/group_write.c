/* SPDX-License-Identifier: Apache-2.0 */
/* What groups write to __consumer_offsets. */
#include "broker/coord/groups_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/group_record.h"

struct batch_builder *
group_batch_new(struct leat_err *err)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
	    COMMIT_MAX_BYTES);

	if (bb == NULL)
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	return bb;
}

int
group_add_record(struct batch_builder *bb, struct leat_buf *key,
    struct leat_buf *value, int64_t now_ms, struct leat_err *err)
{
	struct record rec = { .timestamp_ms = now_ms };
	int rc;

	rec.key = (struct leat_str){ (char *)key->data, key->len };
	if (value != NULL)
		rec.value = (struct leat_str){ (char *)value->data,
		    value->len };
	if (key->failed || (value != NULL && value->failed))
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	else
		rc = batch_builder_add(bb, &rec, err);
	leat_buf_fini(key);
	if (value != NULL)
		leat_buf_fini(value);
	return rc;
}

int
group_add_offset(struct batch_builder *bb, const char *group,
    const char *topic, int32_t partition, const struct offset_value *v,
    int64_t now_ms, struct leat_err *err)
{
	struct leat_buf key, value;

	leat_buf_init(&key, 8192);
	leat_buf_init(&value, 8192);
	offset_key_encode(&key, leat_str_c(group), leat_str_c(topic),
	    partition);
	if (v != NULL)
		offset_value_encode(&value, v);
	return group_add_record(bb, &key, v == NULL ? NULL : &value, now_ms,
	    err);
}

int
group_add_tombstone(struct batch_builder *bb, const char *group,
    int64_t now_ms, struct leat_err *err)
{
	struct leat_buf key;

	leat_buf_init(&key, 8192);
	offset_group_key_encode(&key, leat_str_c(group));
	return group_add_record(bb, &key, NULL, now_ms, err);
}

int
group_append(struct groups *gs, const char *group, struct batch_builder *bb,
    struct leat_err *err)
{
	struct broker_partition *p;
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	if (batch_builder_count(bb) == 0)
		return 0;
	if ((rc = batch_builder_finish(bb, NULL, &data, &len, err)) < 0)
		return rc;
	p = groups_partition(gs, group);
	rc = partition_append_own(p, data, len, &done, err);
	broker_partition_put(p);
	return rc;
}

static int
encode_group(const struct group *g, struct leat_buf *to)
{
	const struct leat_map_entry *e;
	struct group_value v = { .protocol_type = g->protocol_type,
	    .protocol = g->protocol, .leader = g->leader,
	    .generation = g->generation, .state_ms = g->state_ms };
	size_t it = 0;

	v.members = calloc(g->members.len + 1, sizeof(*v.members));
	if (v.members == NULL)
		return -ENOMEM;
	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		const struct member *m = e->value;

		v.members[v.nmembers++] = (struct group_value_member){
		    .id = leat_str_c(m->id),
		    .instance = m->instance == NULL ?
			(struct leat_str){ NULL, 0 } : leat_str_c(m->instance),
		    .client_id = leat_str_c(m->client_id),
		    .client_host = leat_str_c(m->client_host),
		    .rebalance_ms = m->rebalance_ms,
		    .session_ms = m->session_ms,
		    .subscription = member_metadata(m, g->protocol),
		    .assignment = { (const char *)m->assignment,
			    m->assignment_len },
		};
	}
	group_value_encode(to, &v);
	free(v.members);
	return to->failed ? -ENOMEM : 0;
}

int
group_save(struct group *g)
{
	struct groups *gs = g->gs;
	struct leat_err err = LEAT_ERR_INIT;
	struct batch_builder *bb;
	struct leat_buf key, value;
	int rc;

	if ((bb = group_batch_new(&err)) == NULL)
		return -ENOMEM;
	leat_buf_init(&key, 8192);
	leat_buf_init(&value, COMMIT_MAX_BYTES);
	offset_group_key_encode(&key, leat_str_c(g->name));
	if (encode_group(g, &value) < 0)
		value.failed = true;
	rc = group_add_record(bb, &key, &value,
	    clock_wall_ms(gs->b->env.clock), &err);
	if (rc == 0)
		rc = group_append(gs, g->name, bb, &err);
	batch_builder_free(bb);
	if (rc < 0)
		groups_note_err(gs, "group not saved", &err);
	else
		g->saved = true;
	return rc;
}
