/* SPDX-License-Identifier: Apache-2.0 */
/* Members of consumer groups: their memory, and what they say of themselves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

enum { CONSUMER_BYTES = sizeof(struct consumer) + 512 };

/* ---------------------------------------------------------------- group */

struct consumer_group *
consumer_group_make(struct group *g)
{
	if (g->consumer != NULL)
		return g->consumer;
	if (!group_set_text(&g->protocol_type, "consumer") ||
	    (g->consumer = calloc(1, sizeof(*g->consumer))) == NULL)
		return NULL;
	g->consumer->assignor = "uniform";
	return g->consumer;
}

static void
consumer_free(struct consumer *m)
{
	struct groups *gs;

	if (m == NULL)
		return;
	gs = m->g->gs;
	group_timer_fini(gs, &m->session);
	group_timer_fini(gs, &m->rebalance);
	gs->held -= m->bytes;
	for (int32_t i = 0; i < m->ntopics; i++)
		free(m->topics[i]);
	free(m->topics);
	if (m->regex != NULL)
		regfree(&m->compiled);
	free(m->regex);
	free(m->assignor);
	free(m->id);
	free(m->instance);
	free(m->rack);
	free(m->client_id);
	free(m->client_host);
	tp_set_fini(&m->assigned);
	tp_set_fini(&m->revoking);
	tp_set_fini(&m->target);
	tp_set_fini(&m->next);
	free(m);
}

void
consumer_group_free(struct group *g)
{
	struct consumer_group *c = TAKE(g->consumer);
	const struct leat_map_entry *e;
	size_t it = 0;

	if (c == NULL)
		return;
	while ((e = leat_map_next(&c->members, &it)) != NULL)
		consumer_free(e->value);
	leat_map_fini(&c->members);
	leat_map_fini(&c->instances);
	leat_map_fini(&c->owners);
	free(c);
}

void
consumer_group_end(struct group *g)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct batch_builder *bb;
	int rc;

	if (g->consumer->members.len > 0)
		return;
	if ((bb = group_batch_new(&err)) == NULL)
		return;
	rc = consumer_add_group_gone(bb, g->name,
	    clock_wall_ms(g->gs->b->env.clock), &err);
	if (rc == 0)
		rc = group_append(g->gs, g->name, bb, &err);
	batch_builder_free(bb);
	if (rc < 0) {
		groups_note_err(g->gs, "group not forgotten", &err);
		return;
	}
	consumer_group_free(g);
	g->saved = false;
}

/* --------------------------------------------------------------- members */

struct consumer *
consumer_new(struct group *g, const char *id, const char *instance)
{
	struct consumer *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->g = g;
	m->state = CM_STABLE;
	m->rebalance_ms = -1;
	m->bytes = CONSUMER_BYTES;
	g->gs->held += m->bytes;
	m->id = strdup(id);
	m->client_id = strdup("");
	m->client_host = strdup("");
	if (instance != NULL)
		m->instance = strdup(instance);
	if (m->id == NULL || m->client_id == NULL || m->client_host == NULL ||
	    (instance != NULL && m->instance == NULL) ||
	    group_timer_init(g->gs, &m->session, consumer_session_due,
	    m) < 0 || group_timer_init(g->gs, &m->rebalance,
	    consumer_rebalance_due, m) < 0 ||
	    leat_map_set(&g->consumer->members, leat_str_c(id), m,
	    NULL) < 0) {
		consumer_free(m);
		return NULL;
	}
	if (instance != NULL && leat_map_set(&g->consumer->instances,
	    leat_str_c(instance), m, NULL) < 0) {
		(void)leat_map_remove(&g->consumer->members, leat_str_c(id));
		consumer_free(m);
		return NULL;
	}
	return m;
}

void
consumer_remove(struct consumer *m)
{
	struct consumer_group *c = m->g->consumer;

	consumer_disown(m, &m->assigned);
	consumer_disown(m, &m->revoking);
	(void)leat_map_remove(&c->members, leat_str_c(m->id));
	if (m->instance != NULL &&
	    leat_map_get_c(&c->instances, m->instance) == m)
		(void)leat_map_remove(&c->instances, leat_str_c(m->instance));
	consumer_free(m);
}

struct consumer *
consumer_find(const struct group *g, const char *id)
{
	return leat_map_get_c(&g->consumer->members, id);
}

void
consumer_session_start(struct consumer *m)
{
	group_timer_set(m->g->gs, &m->session, CONSUMER_SESSION_MS);
}

static struct leat_str
tp_key(const struct tp *t)
{
	return (struct leat_str){ (const char *)t, sizeof(*t) };
}

int
consumer_own(struct consumer *m, const struct tp_set *s)
{
	struct leat_map *owners = &m->g->consumer->owners;

	for (size_t i = 0; i < s->n; i++)
		if (leat_map_set(owners, tp_key(&s->list[i]), m, NULL) < 0)
			return -ENOMEM;
	return 0;
}

void
consumer_disown(struct consumer *m, const struct tp_set *s)
{
	struct leat_map *owners = &m->g->consumer->owners;

	for (size_t i = 0; i < s->n; i++)
		if (leat_map_get(owners, tp_key(&s->list[i])) == m)
			(void)leat_map_remove(owners, tp_key(&s->list[i]));
}

/* -------------------------------------------------------- subscriptions */

int
consumer_set_regex(struct consumer *m, const char *regex)
{
	char *copy = NULL;
	regex_t re;

	if (regex != NULL) {
		if (name_regex_compile(&re, regex) < 0)
			return -1;
		if ((copy = strdup(regex)) == NULL) {
			regfree(&re);
			return -1;
		}
	}
	if (m->regex != NULL)
		regfree(&m->compiled);
	free(m->regex);
	m->regex = copy;
	if (copy != NULL)
		m->compiled = re;
	return 0;
}

static bool
same_topics(const struct consumer *m, const struct consumer_beat *q)
{
	if (m->ntopics != q->ntopics)
		return false;
	for (int32_t i = 0; i < m->ntopics; i++)
		if (strcmp(m->topics[i], q->topics[i]) != 0)
			return false;
	return true;
}

static int
set_topics(struct consumer *m, const struct consumer_beat *q)
{
	char **list = calloc((size_t)q->ntopics + 1, sizeof(*list));
	size_t bytes = CONSUMER_BYTES;
	int32_t n = 0;

	while (list != NULL && n < q->ntopics) {
		bytes += strlen(q->topics[n]) + 24;
		if ((list[n] = strdup(q->topics[n])) == NULL)
			break;
		n++;
	}
	if (list == NULL || n < q->ntopics) {
		for (int32_t i = 0; i < n; i++)
			free(list[i]);
		free(list);
		return -ENOMEM;
	}
	for (int32_t i = 0; i < m->ntopics; i++)
		free(m->topics[i]);
	free(m->topics);
	m->topics = list;
	m->ntopics = n;
	m->g->gs->held += bytes - m->bytes;
	m->bytes = bytes;
	return 0;
}

static bool
differs(const char *a, const char *b)
{
	return (a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0);
}

static enum group_error
update_regex(struct consumer *m, const char *said, bool *changed,
    const char **why)
{
	const char *regex = said[0] == '\0' ? NULL : said;

	if (!differs(m->regex, regex))
		return GROUP_OK;
	if (regex != NULL && (*why = name_regex_check(regex)) != NULL)
		return GROUP_INVALID_REGEX;
	if (consumer_set_regex(m, regex) < 0) {
		*why = "The expression is not one of POSIX's extended ones.";
		return GROUP_INVALID_REGEX;
	}
	*changed = true;
	return GROUP_OK;
}

enum group_error
consumer_update(struct consumer *m, const struct consumer_beat *q,
    bool *changed, const char **why)
{
	enum group_error error = GROUP_OK;

	if (q->regex != NULL)
		error = update_regex(m, q->regex, changed, why);
	if (error != GROUP_OK)
		return error;
	if (q->ntopics >= 0 && !same_topics(m, q)) {
		if (set_topics(m, q) < 0)
			return GROUP_UNAVAILABLE;
		*changed = true;
	}
	if (q->assignor != NULL && differs(m->assignor, q->assignor)) {
		if (!group_set_text(&m->assignor, q->assignor))
			return GROUP_UNAVAILABLE;
		*changed = true;
	}
	if (q->rebalance_ms >= 0)
		m->rebalance_ms = q->rebalance_ms;
	if ((q->rack_id != NULL && !group_set_text(&m->rack, q->rack_id)) ||
	    (differs(m->client_id, q->client_id) &&
	    !group_set_text(&m->client_id, q->client_id)) ||
	    (differs(m->client_host, q->client_host) &&
	    !group_set_text(&m->client_host, q->client_host)))
		return GROUP_UNAVAILABLE;
	return GROUP_OK;
}

bool
consumer_reads(const struct group *g, const char *topic)
{
	struct seen_topic t = { .name = (char *)(uintptr_t)topic };
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&g->consumer->members, &it)) != NULL)
		if (consumer_subscribes(e->value, &t))
			return true;
	return false;
}

const char *
consumer_state_name(const struct group *g)
{
	const struct consumer_group *c = g->consumer;
	const struct leat_map_entry *e;
	size_t it = 0;

	if (c->members.len == 0)
		return "Empty";
	while ((e = leat_map_next(&c->members, &it)) != NULL) {
		const struct consumer *m = e->value;

		if (m->state != CM_STABLE || (m->epoch >= 0 &&
		    m->epoch < c->assignment_epoch))
			return "Reconciling";
	}
	return "Stable";
}

enum group_error
consumer_check(const struct group *g, const struct group_who *who, bool fresh,
    bool transactional)
{
	const char *id = who->member_id != NULL ? who->member_id : "";
	const struct consumer *m;

	if (who->generation < 0 && (g->consumer->members.len == 0 ||
	    (transactional && id[0] == '\0')))
		return GROUP_OK;
	if ((m = consumer_find(g, id)) == NULL)
		return GROUP_UNKNOWN_MEMBER;
	if (who->generation == m->epoch)
		return GROUP_OK;
	return !transactional && fresh ? GROUP_STALE_EPOCH :
	    transactional ? GROUP_ILLEGAL_GENERATION :
			    GROUP_UNSUPPORTED_VERSION;
}
