/* SPDX-License-Identifier: Apache-2.0 */
/* Members of classic groups: their memory, and finding them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups_int.h"

enum { MEMBER_BYTES = sizeof(struct member) + 512 };

/* ----------------------------------------------------------- protocols */

size_t
member_protocols_bytes(const struct group_join *q)
{
	size_t n = q->nprotocols * sizeof(struct member_protocol);

	for (size_t i = 0; i < q->nprotocols; i++)
		n += strlen(q->protocols[i].name) + 1 +
		    q->protocols[i].metadata.len;
	return n;
}

/* One piece of memory: the array, then texts and bytes. */
static struct member_protocol *
protocols_copy(const struct group_join *q)
{
	struct member_protocol *list = malloc(member_protocols_bytes(q) + 1);
	char *to;

	if (list == NULL)
		return NULL;
	to = (char *)(list + q->nprotocols);
	for (size_t i = 0; i < q->nprotocols; i++) {
		const struct group_protocol *p = &q->protocols[i];
		size_t len = strlen(p->name) + 1;

		list[i].name = memcpy(to, p->name, len);
		to += len;
		list[i].metadata = (struct leat_str){ to, p->metadata.len };
		if (p->metadata.len > 0)
			memcpy(to, p->metadata.ptr, p->metadata.len);
		to += p->metadata.len;
	}
	return list;
}

/* Counts the memory of a member anew. */
static void
count_bytes(struct member *m, size_t bytes)
{
	m->g->gs->held += bytes - m->bytes;
	m->bytes = bytes;
}

int
member_update(struct member *m, const struct group_join *q)
{
	struct member_protocol *list = protocols_copy(q);
	size_t i, old = 0;

	if (list == NULL)
		return -ENOMEM;
	for (i = 0; i < m->nprotocols; i++)
		old += sizeof(*list) + strlen(m->protocols[i].name) + 1 +
		    m->protocols[i].metadata.len;
	free(m->protocols);
	m->protocols = list;
	m->nprotocols = q->nprotocols;
	m->session_ms = q->session_ms;
	m->rebalance_ms = q->rebalance_ms;
	count_bytes(m, m->bytes - old +
	    member_protocols_bytes(q));
	return 0;
}

bool
member_has_protocols_of(const struct member *m, const struct group_join *q)
{
	if (m->nprotocols != q->nprotocols)
		return false;
	for (size_t i = 0; i < m->nprotocols; i++)
		if (strcmp(m->protocols[i].name, q->protocols[i].name) != 0 ||
		    !leat_str_eq(m->protocols[i].metadata,
		    q->protocols[i].metadata))
			return false;
	return true;
}

struct leat_str
member_metadata(const struct member *m, const char *protocol)
{
	for (size_t i = 0; protocol != NULL && i < m->nprotocols; i++)
		if (strcmp(m->protocols[i].name, protocol) == 0)
			return m->protocols[i].metadata;
	return LEAT_STR("");
}

void
member_clear_assignment(struct member *m)
{
	count_bytes(m, m->bytes - m->assignment_len);
	m->assignment_len = 0;
}

int
member_set_assignment(struct member *m, struct leat_str assignment)
{
	uint8_t *copy = malloc(assignment.len + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (assignment.len > 0)
		memcpy(copy, assignment.ptr, assignment.len);
	free(m->assignment);
	count_bytes(m, m->bytes - m->assignment_len + assignment.len);
	m->assignment = copy;
	m->assignment_len = assignment.len;
	return 0;
}

/* -------------------------------------------------------------- members */

char *
member_make_id(const char *prefix)
{
	uint8_t u[16];
	char *id;

	uuid_make(u);
	if (asprintf(&id, "%.*s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x", CLIENT_MAX_BYTES, prefix, u[0], u[1],
	    u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
	    u[12], u[13], u[14], u[15]) < 0)
		return NULL;
	return id;
}

void
member_free(struct member *m)
{
	if (m == NULL)
		return;
	group_timer_fini(m->g->gs, &m->timer);
	m->g->gs->held -= m->bytes;
	free(m->id);
	free(m->instance);
	free(m->client_id);
	free(m->client_host);
	free(m->protocols);
	free(m->assignment);
	free(m);
}

struct member *
member_new(struct group *g, const struct group_join *q, const char *id)
{
	struct member *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->g = g;
	m->is_new = true;
	m->id = strdup(id);
	m->client_id = strndup(q->client_id, CLIENT_MAX_BYTES);
	m->client_host = strndup(q->client_host, CLIENT_MAX_BYTES);
	if (q->instance_id != NULL)
		m->instance = strdup(q->instance_id);
	count_bytes(m, MEMBER_BYTES);
	if (m->id == NULL || m->client_id == NULL || m->client_host == NULL ||
	    (q->instance_id != NULL && m->instance == NULL) ||
	    member_update(m, q) < 0 ||
	    group_timer_init(g->gs, &m->timer, member_timer_due, m) < 0)
		goto fail;
	if (leat_map_set(&g->members, leat_str_c(id), m, NULL) < 0)
		goto fail;
	if (m->instance != NULL && leat_map_set(&g->instances,
	    leat_str_c(m->instance), m, NULL) < 0) {
		(void)leat_map_remove(&g->members, leat_str_c(id));
		goto fail;
	}
	return m;
fail:
	member_free(m);
	return NULL;
}

int
member_rename(struct member *m, const char *id)
{
	char *copy = strdup(id);

	if (copy == NULL || leat_map_set(&m->g->members, leat_str_c(id), m,
	    NULL) < 0) {
		free(copy);
		return -ENOMEM;
	}
	(void)leat_map_remove(&m->g->members, leat_str_c(m->id));
	free(m->id);
	m->id = copy;
	return 0;
}

struct member *
member_find(const struct group *g, const char *id)
{
	return leat_map_get_c(&g->members, id);
}

enum group_error
member_check(const struct group *g, const struct group_who *who,
    struct member **ret)
{
	struct member *m;

	if (who->instance_id != NULL) {
		m = leat_map_get_c(&g->instances, who->instance_id);
		if (m == NULL)
			return GROUP_UNKNOWN_MEMBER;
		if (strcmp(m->id, who->member_id) != 0)
			return GROUP_FENCED_INSTANCE;
	} else if ((m = member_find(g, who->member_id)) == NULL) {
		return GROUP_UNKNOWN_MEMBER;
	}
	*ret = m;
	return GROUP_OK;
}

void
member_session_start(struct member *m)
{
	/* Who waits for us is there, as long as its connection is. */
	if (m->join != NULL || m->sync != NULL)
		group_timer_stop(m->g->gs, &m->timer);
	else
		group_timer_set(m->g->gs, &m->timer, m->session_ms);
}

/* ------------------------------------------------------ pending members */

struct pending_member *
pending_member_new(struct group *g, const char *id, int32_t session_ms)
{
	struct pending_member *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->g = g;
	if ((p->id = strdup(id)) == NULL ||
	    group_timer_init(g->gs, &p->timer, pending_member_due, p) < 0 ||
	    leat_map_set(&g->awaited, leat_str_c(id), p, NULL) < 0) {
		pending_member_free(p);
		return NULL;
	}
	group_timer_set(g->gs, &p->timer, session_ms);
	return p;
}

void
pending_member_free(struct pending_member *p)
{
	if (p == NULL)
		return;
	group_timer_fini(p->g->gs, &p->timer);
	free(p->id);
	free(p);
}
