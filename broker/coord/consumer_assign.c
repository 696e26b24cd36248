/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who shall read what. Two ways:
 *
 * range	each topic is cut into runs of neighbouring partitions, one for
 *		each member that reads it, in the order of their ids
 * uniform	every member gets as many as the others, as far as they read the
 *		same; what a member has it keeps where that goes together
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

static const char *const assignors[] = { "uniform", "range" };

/* What is known while one target is computed. */
struct work {
	struct group *g;
	struct consumer **members;	/* by instance id or id */
	size_t n;
	struct consumer **readers;	/* of the topic at hand */
	size_t nreaders;
	struct leat_map old;		/* struct tp to who has it in target */
};

bool
assignor_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(assignors); i++)
		if (strcmp(assignors[i], name) == 0)
			return true;
	return false;
}

bool
consumer_subscribes(const struct consumer *m, const struct seen_topic *t)
{
	for (int32_t i = 0; i < m->ntopics; i++)
		if (strcmp(m->topics[i], t->name) == 0)
			return true;
	return m->regex != NULL &&
	    name_regex_matches(&m->compiled, t->name);
}

/* What most members ask for; the first of the list if none does. */
static const char *
choose(const struct group *g)
{
	size_t votes[ARRAY_LEN(assignors)] = { 0 }, best = 0, it = 0;
	const struct leat_map_entry *e;

	while ((e = leat_map_next(&g->consumer->members, &it)) != NULL) {
		const struct consumer *m = e->value;

		for (size_t i = 0; i < ARRAY_LEN(assignors); i++)
			if (m->assignor != NULL &&
			    strcmp(m->assignor, assignors[i]) == 0)
				votes[i]++;
	}
	for (size_t i = 1; i < ARRAY_LEN(assignors); i++)
		if (votes[i] > votes[best])
			best = i;
	return assignors[best];
}

static int
by_id(const void *a, const void *b)
{
	const struct consumer *x = *(struct consumer *const *)a;
	const struct consumer *y = *(struct consumer *const *)b;

	return strcmp(x->instance != NULL ? x->instance : x->id,
	    y->instance != NULL ? y->instance : y->id);
}

static void
find_readers(struct work *w, const struct seen_topic *t)
{
	w->nreaders = 0;
	for (size_t i = 0; i < w->n; i++)
		if (consumer_subscribes(w->members[i], t))
			w->readers[w->nreaders++] = w->members[i];
}

static struct tp
tp_of(const struct seen_topic *t, int32_t partition)
{
	struct tp tp = { .partition = partition };

	memcpy(tp.topic, t->id, sizeof(tp.topic));
	return tp;
}

static int
give(struct consumer *m, const struct tp *t)
{
	m->load++;
	return tp_set_add(&m->next, t);
}

/* ---------------------------------------------------------------- range */

static int
share_range(struct work *w, const struct seen_topic *t)
{
	size_t each = (size_t)t->partitions / w->nreaders;
	size_t more = (size_t)t->partitions % w->nreaders;
	int32_t p = 0;
	int rc = 0;

	for (size_t i = 0; i < w->nreaders && rc == 0; i++)
		for (size_t k = each + (i < more ? 1 : 0); k > 0 && rc == 0;
		    k--) {
			struct tp tp = tp_of(t, p++);

			rc = give(w->readers[i], &tp);
		}
	return rc;
}

/* -------------------------------------------------------------- uniform */

static struct consumer *
least_loaded(const struct work *w)
{
	struct consumer *best = w->readers[0];

	for (size_t i = 1; i < w->nreaders; i++)
		if (w->readers[i]->load < best->load)
			best = w->readers[i];
	return best;
}

static bool
reads(const struct work *w, const struct consumer *m)
{
	for (size_t i = 0; i < w->nreaders; i++)
		if (w->readers[i] == m)
			return true;
	return false;
}

static struct leat_str
key(const struct tp *t)
{
	return (struct leat_str){ (const char *)t, sizeof(*t) };
}

/* Counts what members keep, before anything is given out. */
static void
count_kept(struct work *w, const struct seen_topic *t)
{
	for (int32_t p = 0; p < t->partitions; p++) {
		struct tp tp = tp_of(t, p);
		struct consumer *m = leat_map_get(&w->old, key(&tp));

		if (m != NULL && reads(w, m))
			m->load++;
		else
			(void)leat_map_remove(&w->old, key(&tp));
	}
}

/* What has nobody goes to who has least. */
static int
share_uniform(struct work *w, const struct seen_topic *t)
{
	int rc = 0;

	for (int32_t p = 0; p < t->partitions && rc == 0; p++) {
		struct tp tp = tp_of(t, p);
		struct consumer *m;

		if (leat_map_get(&w->old, key(&tp)) != NULL)
			continue;
		m = least_loaded(w);
		m->load++;
		rc = leat_map_set(&w->old, key(&tp), m, NULL);
	}
	return rc;
}

/* Who has two more than another one that could have it gives one away. */
static int
even_out(struct work *w, const struct seen_topic *t)
{
	int rc = 0;

	for (int32_t p = 0; p < t->partitions && rc == 0; p++) {
		struct tp tp = tp_of(t, p);
		struct consumer *m = leat_map_get(&w->old, key(&tp));
		struct consumer *to = least_loaded(w);

		if (m == NULL || m->load <= to->load + 1)
			continue;
		m->load--;
		to->load++;
		rc = leat_map_set(&w->old, key(&tp), to, NULL);
	}
	return rc;
}

static int
hand_out(struct work *w, const struct seen_topic *t)
{
	int rc = 0;

	for (int32_t p = 0; p < t->partitions && rc == 0; p++) {
		struct tp tp = tp_of(t, p);
		struct consumer *m = leat_map_get(&w->old, key(&tp));

		if (m != NULL)
			rc = tp_set_add(&m->next, &tp);
	}
	return rc;
}

static int
count_step(struct work *w, const struct seen_topic *t)
{
	count_kept(w, t);
	return 0;
}

/* ---------------------------------------------------------------- both */

typedef int step_fn(struct work *w, const struct seen_topic *t);

/* Calls fn for each topic that has readers. */
static int
each_topic(struct work *w, step_fn *fn)
{
	const struct leat_map_entry *e;
	size_t it = 0;
	int rc = 0;

	while (rc == 0 && (e = leat_map_next(&w->g->gs->topics.by_name,
	    &it)) != NULL) {
		find_readers(w, e->value);
		if (w->nreaders > 0)
			rc = fn(w, e->value);
	}
	return rc;
}

static int
compute(struct work *w, const char *assignor)
{
	static step_fn *const uniform[] = { count_step, share_uniform,
	    even_out, hand_out };
	int rc = 0;

	if (strcmp(assignor, "range") == 0)
		return each_topic(w, share_range);
	for (size_t i = 0; i < w->n && rc == 0; i++)
		for (size_t k = 0; k < w->members[i]->target.n && rc == 0; k++)
			rc = leat_map_set(&w->old,
			    key(&w->members[i]->target.list[k]),
			    w->members[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(uniform) && rc == 0; i++)
		rc = each_topic(w, uniform[i]);
	return rc;
}

static int
work_begin(struct work *w, struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0, n = g->consumer->members.len;

	w->g = g;
	w->members = calloc(n + 1, sizeof(struct consumer *));
	w->readers = calloc(n + 1, sizeof(struct consumer *));
	if (w->members == NULL || w->readers == NULL)
		return -ENOMEM;
	while ((e = leat_map_next(&g->consumer->members, &it)) != NULL) {
		struct consumer *m = e->value;

		w->members[w->n++] = m;
		m->load = 0;
		m->next = (struct tp_set){ .n = 0 };
	}
	if (w->n > 1)
		qsort(w->members, w->n, sizeof(struct consumer *), by_id);
	return 0;
}

/* Takes the new targets over, or throws them away. */
static void
work_end(struct work *w, bool take)
{
	for (size_t i = 0; i < w->n; i++) {
		struct consumer *m = w->members[i];

		if (take) {
			tp_set_fini(&m->target);
			m->target = m->next;
			m->next = (struct tp_set){ .n = 0 };
		} else {
			tp_set_fini(&m->next);
		}
	}
	leat_map_fini(&w->old);
	free(w->members);
	free(w->readers);
}

int
consumer_assign(struct group *g, bool changed)
{
	struct consumer_group *c = g->consumer;
	const char *assignor = choose(g);
	struct work w = { .n = 0 };
	struct consumer_batch cb;
	int rc = work_begin(&w, g);

	if (rc == 0)
		rc = compute(&w, assignor);
	for (size_t i = 0; i < w.n; i++)
		tp_set_sort(&w.members[i]->next);
	for (size_t i = 0; i < w.n && rc == 0 && !changed; i++)
		changed = !tp_set_equal(&w.members[i]->next,
		    &w.members[i]->target);
	if (rc < 0 || !changed) {
		if (rc == 0)
			c->topics_version = g->gs->topics.version;
		work_end(&w, false);
		return rc;
	}
	work_end(&w, true);
	c->epoch++;
	c->assignment_epoch = c->epoch;
	c->assignor = assignor;
	c->topics_version = g->gs->topics.version;
	consumer_batch_begin(&cb);
	consumer_write_epoch(&cb, g);
	consumer_write_target_epoch(&cb, g);
	for (size_t it = 0, n = 0; n < c->members.len; n++)
		consumer_write_target(&cb,
		    leat_map_next(&c->members, &it)->value);
	return consumer_batch_end(&cb, g);
}
