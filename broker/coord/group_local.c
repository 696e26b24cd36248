/* SPDX-License-Identifier: Apache-2.0 */
/* Members of groups that read in this process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"
#include "broker/coord/group_record.h"

enum { TEXT_MAX_BYTES = 64 << 20 };

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory for a group's member");
}

static void
assigned_free(struct local_assigned *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].topic);
	free(list);
}

static void
local_free(struct broker_group_member *m)
{
	if (m == NULL)
		return;
	assigned_free(m->assigned, m->nassigned);
	free(m->id);
	free(m->client_id);
	free(m);
}

static int
join_locked(struct groups *gs, const char *group,
    struct broker_group_member *m, struct leat_err *err)
{
	struct group *g;

	if (!group_name_ok(group))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "a group's name has 1 to %d bytes", GROUP_MAX_BYTES);
	if ((g = group_make(gs, group)) == NULL)
		return no_memory(err);
	if (g->consumer != NULL)
		consumer_group_end(g);
	if (g->members.len > 0 || g->consumer != NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "group '%.60s' has other members, of clients", group);
	if (!group_set_text(&g->protocol_type, "consumer"))
		return no_memory(err);
	m->g = g;
	m->next = g->locals;
	g->locals = m;
	return 0;
}

int
broker_group_join(struct broker *b, const char *group, const char *client_id,
    struct broker_group_member **ret_member, struct leat_err *err)
{
	struct broker_group_member *m = calloc(1, sizeof(*m));
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	if (m == NULL)
		return no_memory(err);
	m->gs = b->groups;
	m->id = member_make_id(client_id);
	m->client_id = strdup(client_id);
	if (m->id == NULL || m->client_id == NULL) {
		local_free(m);
		return no_memory(err);
	}
	groups_lock(b->groups);
	rc = join_locked(b->groups, group, m, err);
	groups_unlock(b->groups);
	if (rc < 0) {
		local_free(m);
		return rc;
	}
	*ret_member = m;
	return 0;
}

static int
by_topic(const void *a, const void *b)
{
	const struct local_assigned *x = a, *y = b;
	int c = strcmp(x->topic, y->topic);

	return c != 0 ? c : (x->partition > y->partition) -
	    (x->partition < y->partition);
}

int
broker_group_assign(struct broker_group_member *m,
    const struct broker_assigned *assigned, size_t n, struct leat_err *err)
{
	struct local_assigned *list = calloc(n + 1, sizeof(*list)), *old;
	size_t nold;

	for (size_t i = 0; list != NULL && i < n; i++) {
		list[i].partition = assigned[i].partition;
		list[i].topic = strdup(assigned[i].topic);
		if (list[i].topic == NULL) {
			assigned_free(list, i);
			list = NULL;
		}
	}
	if (list == NULL)
		return no_memory(err);
	qsort(list, n, sizeof(*list), by_topic);
	groups_lock(m->gs);
	old = m->assigned;
	nold = m->nassigned;
	m->assigned = list;
	m->nassigned = n;
	groups_unlock(m->gs);
	assigned_free(old, nold);
	return 0;
}

void
broker_group_leave(struct broker_group_member *m)
{
	struct broker_group_member **at;
	struct groups *gs;
	struct group *g;

	if (m == NULL)
		return;
	gs = m->gs;
	groups_lock(gs);
	g = m->g;
	for (at = &g->locals; *at != m; at = &(*at)->next)
		;
	*at = m->next;
	if (g->locals == NULL) {
		/* Its offsets are kept from now on for as long as any. */
		g->state_ms = clock_wall_ms(gs->b->env.clock);
		if (g->offsets.len > 0)
			(void)group_save(g);
		group_drop_if_unused(g);
	}
	groups_unlock(gs);
	local_free(m);
}

bool
group_local_reads(const struct group *g, const char *topic)
{
	for (const struct broker_group_member *m = g->locals; m != NULL;
	    m = m->next)
		for (size_t i = 0; i < m->nassigned; i++)
			if (strcmp(m->assigned[i].topic, topic) == 0)
				return true;
	return false;
}

/* What a client in its place would have told and been told. */
static bool
encode(const struct broker_group_member *m, struct leat_arena *memory,
    struct group_member_info *info)
{
	struct assigned_partition *list;
	const char **topics;
	struct leat_buf to;
	size_t n = 0, split;
	const char *copy;

	list = leat_arena_calloc(memory, m->nassigned + 1, sizeof(*list));
	topics = leat_arena_calloc(memory, m->nassigned + 1, sizeof(*topics));
	if (list == NULL || topics == NULL)
		return false;
	for (size_t i = 0; i < m->nassigned; i++) {
		list[i].topic = m->assigned[i].topic;
		list[i].partition = m->assigned[i].partition;
		if (n == 0 || strcmp(topics[n - 1], list[i].topic) != 0)
			topics[n++] = list[i].topic;
	}
	leat_buf_init(&to, TEXT_MAX_BYTES);
	subscription_encode(&to, topics, n);
	split = to.len;
	assignment_encode(&to, list, m->nassigned);
	copy = to.failed ? NULL : leat_arena_memdup(memory, to.data, to.len);
	if (copy != NULL) {
		info->metadata = (struct leat_str){ copy, split };
		info->assignment = (struct leat_str){ copy + split,
		    to.len - split };
	}
	leat_buf_fini(&to);
	return copy != NULL;
}

enum group_error
group_local_describe(const struct group *g, struct leat_arena *memory,
    struct group_info *info)
{
	const struct broker_group_member *m;
	struct group_member_info *list;
	size_t n = 0;

	for (m = g->locals; m != NULL; m = m->next)
		n++;
	list = leat_arena_calloc(memory, n, sizeof(*list));
	if (list == NULL)
		return GROUP_UNAVAILABLE;
	info->members = list;
	info->nmembers = n;
	info->protocol = "assigned";
	for (m = g->locals; m != NULL; m = m->next, list++) {
		list->member_id = leat_arena_strdup(memory, m->id);
		list->client_id = leat_arena_strdup(memory, m->client_id);
		list->client_host = "/127.0.0.1";
		if (list->member_id == NULL || list->client_id == NULL ||
		    !encode(m, memory, list))
			return GROUP_UNAVAILABLE;
	}
	return GROUP_OK;
}
