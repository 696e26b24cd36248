/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_group.c: see kafka_group.h. */
#include "core/cli/kafka_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/cli/cli.h"

struct kafka_group_part *
kafka_group_part_of(struct kafka_group *g, const char *topic, int32_t partition)
{
	struct kafka_group_part *p;

	for (size_t i = 0; i < g->nparts; i++)
		if (g->parts[i].partition == partition &&
		    strcmp(g->parts[i].topic, topic) == 0)
			return &g->parts[i];
	if (g->nparts == g->room) {
		size_t room = g->room * 2 + 16;

		p = reallocarray(g->parts, room, sizeof(*p));
		if (p == NULL) {
			fputs("leat: out of memory\n", stderr);
			return NULL;
		}
		g->parts = p;
		g->room = room;
	}
	p = &g->parts[g->nparts++];
	*p = (struct kafka_group_part){ .topic = topic,
		.partition = partition,
		.committed = -1,
		.range = { -1, -1 } };
	return p;
}

int64_t
kafka_group_lag(const struct kafka_group_part *p)
{
	if (p->committed < 0 || p->range.high < 0)
		return -1;
	return MAX(p->range.high - p->committed, 0);
}

static int
by_place(const void *a, const void *b)
{
	const struct kafka_group_part *x = a, *y = b;
	int d = strcmp(x->topic, y->topic);

	return d != 0 ? d : x->partition - y->partition;
}

/* ------------------------------------------------------------- questions */

static int
describe(struct kafka *k, struct kafka_group *g)
{
	const rd_kafka_ConsumerGroupDescription_t **all;
	const rd_kafka_error_t *e;
	size_t n = 0;
	int rc;

	kafka_call_begin(k, &g->described);
	rdk.DescribeConsumerGroups(
	    k->rk, &g->name, 1, g->described.options, g->described.queue);
	rc = kafka_call_wait(&g->described, "cannot ask for the group");
	if (rc != EXIT_OK)
		return rc;
	all = rdk.DescribeConsumerGroups_result_groups(
	    rdk.event_DescribeConsumerGroups_result(g->described.event), &n);
	e = n == 1 ? rdk.ConsumerGroupDescription_error(all[0]) : NULL;
	if (n != 1 || e != NULL)
		return kafka_complain(k,
		    e != NULL ? rdk.error_code(e) : RD_KAFKA_RESP_ERR__BAD_MSG,
		    e != NULL ? rdk.error_string(e) : NULL, "group '%s'",
		    g->name);
	g->about = all[0];
	g->state = rdk.ConsumerGroupDescription_state(all[0]);
	g->nmembers = rdk.ConsumerGroupDescription_member_count(all[0]);
	return EXIT_OK;
}

static int
ask_offsets(struct kafka *k, struct kafka_group *g)
{
	rd_kafka_ListConsumerGroupOffsets_t *wish =
	    rdk.ListConsumerGroupOffsets_new(g->name, NULL);
	const rd_kafka_group_result_t **all;
	const rd_kafka_topic_partition_list_t *list;
	size_t n = 0;
	int rc;

	kafka_call_begin(k, &g->offsets);
	rdk.ListConsumerGroupOffsets(
	    k->rk, &wish, 1, g->offsets.options, g->offsets.queue);
	rdk.ListConsumerGroupOffsets_destroy(wish);
	rc = kafka_call_wait(&g->offsets, "cannot ask for the offsets");
	if (rc != EXIT_OK)
		return rc;
	all = rdk.ListConsumerGroupOffsets_result_groups(
	    rdk.event_ListConsumerGroupOffsets_result(g->offsets.event), &n);
	rc = kafka_group_results(k, all, n, "read the offsets of");
	list = n == 1 ? rdk.group_result_partitions(all[0]) : NULL;
	for (int i = 0; rc == EXIT_OK && list != NULL && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];
		struct kafka_group_part *part = kafka_group_part_of(
		    g, p->topic, p->partition);

		if (part == NULL)
			return EXIT_FAILED;
		part->committed = p->offset >= 0 ? p->offset : -1;
	}
	return rc;
}

static const rd_kafka_topic_partition_list_t *
assigned(const rd_kafka_MemberDescription_t *m)
{
	const rd_kafka_MemberAssignment_t *a = rdk.MemberDescription_assignment(
	    m);

	return a == NULL ? NULL : rdk.MemberAssignment_partitions(a);
}

static int
add_members(struct kafka_group *g)
{
	for (size_t i = 0; i < g->nmembers; i++) {
		const rd_kafka_MemberDescription_t *m =
		    rdk.ConsumerGroupDescription_member(g->about, i);
		const rd_kafka_topic_partition_list_t *l = assigned(m);

		for (int j = 0; l != NULL && j < l->cnt; j++) {
			struct kafka_group_part *p = kafka_group_part_of(
			    g, l->elems[j].topic, l->elems[j].partition);

			if (p == NULL)
				return EXIT_FAILED;
			p->member = m;
		}
	}
	return EXIT_OK;
}

int
kafka_group_load(struct kafka *k, const char *name, bool new_one,
    struct kafka_group *ret_group)
{
	struct kafka_group *g = ret_group;
	int rc;

	memset(g, 0, sizeof(*g));
	g->name = name;
	rc = describe(k, g);
	if (rc == EXIT_OK)
		rc = ask_offsets(k, g);
	if (rc == EXIT_OK && !new_one && g->nparts == 0 && g->nmembers == 0 &&
	    g->state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD)
		return kafka_complain(k, RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND,
		    "there is no such group", "group '%s'", name);
	if (rc == EXIT_OK)
		rc = add_members(g);
	if (g->nparts > 0)
		qsort(g->parts, g->nparts, sizeof(*g->parts), by_place);
	return rc;
}

void
kafka_group_fini(struct kafka_group *g)
{
	kafka_call_end(&g->described);
	kafka_call_end(&g->offsets);
	free(g->parts);
	g->parts = NULL;
}

/* ---------------------------------------------------------------- ranges */

static bool
has_leader(const struct rd_kafka_metadata *md, const struct kafka_group_part *p)
{
	for (int i = 0; i < md->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &md->topics[i];

		if (strcmp(t->topic, p->topic) != 0)
			continue;
		for (int j = 0; j < t->partition_cnt; j++)
			if (t->partitions[j].id == p->partition)
				return t->partitions[j].leader >= 0;
	}
	return false;
}

/* Topics may have gone since the group read them: those are left out. */
int
kafka_group_ranges(struct kafka *k, struct kafka_group *g)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_partition_list_t *list;
	struct kafka_range *ranges;
	int rc = kafka_metadata(k, NULL, &md), n = 0;

	if (rc != EXIT_OK)
		return rc;
	list = rdk.topic_partition_list_new((int)g->nparts);
	ranges = calloc(g->nparts + 1, sizeof(*ranges));
	for (size_t i = 0; i < g->nparts; i++)
		if (has_leader(md, &g->parts[i]))
			rdk.topic_partition_list_add(
			    list, g->parts[i].topic, g->parts[i].partition);
	rc = ranges == NULL ? EXIT_FAILED : kafka_ranges(k, list, ranges);
	for (size_t i = 0; rc == EXIT_OK && i < g->nparts; i++)
		if (has_leader(md, &g->parts[i]))
			g->parts[i].range = ranges[n++];
	free(ranges);
	rdk.topic_partition_list_destroy(list);
	rdk.metadata_destroy(md);
	return rc;
}
