/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of groups, their lock, and opening and closing.
 *
 * Everything about groups is guarded by one lock. What is written to
 * __consumer_offsets is written under it, so the log and the memory have the
 * same order. Answers to those who wait, and lines of the log, are gathered in
 * lists while the lock is held and given out by groups_unlock, so that a
 * callback may do what it likes and nobody waits for the log.
 *
 * The other files: group_members.c and group_state.c (the classic protocol),
 * group_join.c, group_sync.c (its requests), group_timers.c, group_offsets.c,
 * group_commit.c, group_expire.c (offsets), group_write.c, group_load.c (the
 * topic), group_admin.c, group_local.c (members in this process), consumer_*.c
 * (the newer protocol).
 */
#include "broker/coord/consumer_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- answers */

void
groups_lock(struct groups *gs)
{
	lock_acquire(&gs->lock);
}

static void
add_note(struct groups *gs, struct group_note *n)
{
	n->next = NULL;
	*gs->notes_tail = n;
	gs->notes_tail = &n->next;
}

void
groups_note(struct groups *gs, enum log_level level, const char *msg,
    const char *fmt, ...)
{
	char fields[LOG_FIELDS_MAX];
	struct group_note *n;
	va_list ap;

	if (!log_enabled(&gs->b->env.lg, level) ||
	    (n = calloc(1, sizeof(*n))) == NULL)
		return;
	n->level = level;
	n->msg = msg;
	va_start(ap, fmt);
	log_fields(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	n->fields = strdup(fields);
	if (n->fields == NULL)
		free(n);
	else
		add_note(gs, n);
}

void
groups_note_err(struct groups *gs, const char *msg, const struct leat_err *err)
{
	struct group_note *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return;
	n->level = LOG_LEVEL_WARN;
	n->msg = msg;
	n->err = *err;
	add_note(gs, n);
}

static void
write_notes(const struct groups *gs, struct group_note *n)
{
	struct group_note *next;

	for (; n != NULL; n = next) {
		next = n->next;
		if (n->fields != NULL)
			log_ready(&gs->b->env.lg, n->level, n->msg, n->fields);
		else
			log_error_at(&gs->b->env.lg, n->level, n->msg,
			    &n->err);
		free(n->fields);
		free(n);
	}
}

void
groups_unlock(struct groups *gs)
{
	struct group_wait *w = TAKE(gs->answers), *next;
	struct group_note *notes = TAKE(gs->notes);

	gs->answers_tail = &gs->answers;
	gs->notes_tail = &gs->notes;
	lock_release(&gs->lock);
	write_notes(gs, notes);
	for (; w != NULL; w = next) {
		next = w->next;
		w->fn(w);
	}
}

void
group_answer(struct groups *gs, struct group_wait *w, enum group_error error)
{
	w->error = error;
	w->member = NULL;
	if (w->leader == NULL)
		w->leader = "";
	if (w->member_id == NULL)
		w->member_id = "";
	if (error != GROUP_OK) {
		w->generation = -1;
		w->protocol = w->protocol_type = NULL;
		w->members = NULL;
		w->nmembers = 0;
		w->leader = "";
	}
	w->next = NULL;
	*gs->answers_tail = w;
	gs->answers_tail = &w->next;
}

void
group_wait_fini(struct group_wait *w)
{
	leat_arena_fini(&w->memory);
}

void
group_cancel(struct groups *gs, struct group_wait *w)
{
	struct member *m;

	groups_lock(gs);
	if ((m = w->member) != NULL) {
		bool join = m->join == w;

		if (join)
			m->join = NULL;
		else
			m->sync = NULL;
		group_answer(gs, w, GROUP_UNAVAILABLE);
		/* Nobody will ever know the id that it would have got. */
		if (join && m->is_new && m->instance == NULL)
			group_remove_member(m);
		else
			member_session_start(m);
	}
	groups_unlock(gs);
}

/* --------------------------------------------------------------- table */

bool
group_name_ok(const char *name)
{
	return name[0] != '\0' && strlen(name) <= GROUP_MAX_BYTES;
}

bool
groups_have_room(const struct groups *gs, size_t bytes)
{
	return bytes <= GROUPS_MEMORY_MAX &&
	    gs->held <= GROUPS_MEMORY_MAX - bytes;
}

bool
group_set_text(char **to, const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);

	if (text != NULL && copy == NULL)
		return false;
	free(*to);
	*to = copy;
	return true;
}

bool
group_has_members(const struct group *g)
{
	return g->members.len > 0 || g->locals != NULL ||
	    (g->consumer != NULL && g->consumer->members.len > 0);
}

struct group *
group_find(struct groups *gs, const char *name)
{
	return leat_map_get_c(&gs->by_name, name);
}

static void
group_free(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it;

	if (g == NULL)
		return;
	for (it = 0; (e = leat_map_next(&g->offsets, &it)) != NULL;)
		free(e->value);
	for (it = 0; (e = leat_map_next(&g->members, &it)) != NULL;)
		member_free(e->value);
	for (it = 0; (e = leat_map_next(&g->awaited, &it)) != NULL;)
		pending_member_free(e->value);
	consumer_group_free(g);
	group_timer_fini(g->gs, &g->timer);
	leat_map_fini(&g->offsets);
	leat_map_fini(&g->unstable);
	leat_map_fini(&g->members);
	leat_map_fini(&g->instances);
	leat_map_fini(&g->awaited);
	free(g->protocol_type);
	free(g->protocol);
	free(g->leader);
	free(g->name);
	free(g);
}

struct group *
group_make(struct groups *gs, const char *name)
{
	struct group *g = group_find(gs, name);

	if (g != NULL)
		return g;
	if (gs->by_name.len >= GROUPS_MAX ||
	    (g = calloc(1, sizeof(*g))) == NULL)
		return NULL;
	g->gs = gs;
	g->state_ms = -1;
	if ((g->name = strdup(name)) == NULL ||
	    group_timer_init(gs, &g->timer, group_timer_due, g) < 0 ||
	    leat_map_set(&gs->by_name, leat_str_c(name), g, NULL) < 0) {
		group_free(g);
		return NULL;
	}
	return g;
}

void
group_drop_if_unused(struct group *g)
{
	struct groups *gs = g->gs;

	if (g->saved || g->offsets.len > 0 || g->unstable.len > 0 ||
	    g->awaited.len > 0 || group_has_members(g))
		return;
	(void)leat_map_remove(&gs->by_name, leat_str_c(g->name));
	group_free(g);
}

int32_t
groups_partition_number(const struct groups *gs, const char *group)
{
	return (int32_t)(java_hash(leat_str_c(group)) %
	    (uint32_t)gs->npartitions);
}

struct broker_partition *
groups_partition(struct groups *gs, const char *group)
{
	struct broker_partition *p =
	    gs->parts[groups_partition_number(gs, group)];

	partition_get(p);
	return p;
}

/* ------------------------------------------------------ open and close */

static const struct broker_setting topic_settings[] = {
	{ "cleanup.policy", "compact" },
	{ "compression.type", "producer" },
	{ "segment.bytes", "4194304" },
};

static int
get_partitions(struct groups *gs, struct leat_err *err)
{
	gs->npartitions = broker_topic_partitions(gs->b, offsets_topic);
	gs->parts = calloc((size_t)gs->npartitions, sizeof(*gs->parts));
	if (gs->parts == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	for (int32_t i = 0; i < gs->npartitions; i++) {
		gs->parts[i] = broker_partition_get(gs->b, offsets_topic, i,
		    err);
		if (gs->parts[i] == NULL)
			return err->code;
	}
	return 0;
}

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
	gs->limits = (struct group_limits){
		.session_min_ms = 6000,
		.session_max_ms = 1800000,
		.max_members = 10000,
	};
	gs->answers_tail = &gs->answers;
	gs->notes_tail = &gs->notes;
	lock_init(&gs->lock, RANK_GROUPS);
	cond_init(&gs->cond);
	rc = get_partitions(gs, err);
	if (rc < 0 || (rc = groups_load(gs, err)) < 0) {
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
	groups_stop(gs);
	while ((e = leat_map_next(&gs->by_name, &it)) != NULL)
		group_free(e->value);
	it = 0;
	while ((e = leat_map_next(&gs->pending, &it)) != NULL)
		offset_pending_free(e->value);
	leat_map_fini(&gs->by_name);
	leat_map_fini(&gs->pending);
	topic_view_fini(&gs->topics);
	for (int32_t i = 0; gs->parts != NULL && i < gs->npartitions; i++)
		broker_partition_put(gs->parts[i]);
	free(gs->parts);
	free(gs->heap);
	cond_fini(&gs->cond);
	lock_fini(&gs->lock);
	free(gs);
}

void
groups_configure(struct groups *gs, const struct group_limits *limits)
{
	groups_lock(gs);
	gs->limits = *limits;
	groups_unlock(gs);
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
