/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder_publish.c: statuses in the compacted topic connect-status, under Kafka
 * Connect's keys, for tools that look there. Nothing in the worker reads them.
 */
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/json.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/worker/herder_impl.h"

enum { PUBLISH_MAX = 16 * 1024 };

static void
put(struct herder *h, const char *key, const char *value)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (bus_table_put(h->o.bus, BUS_STATUS_TOPIC, key, value, false,
	    &err) < 0)
		log_warn_err(&h->log, "status was not published", &err);
}

static void
add_text(struct leat_buf *b, const char *name, const char *text)
{
	leat_buf_printf(b, "\"%s\":", name);
	if (text == NULL)
		leat_buf_add_str(b, "null");
	else
		(void)leat_json_add_string(b, text, strlen(text));
	leat_buf_add_str(b, ",");
}

static void
put_status(struct herder *h, const char *key, const char *state,
    const char *trace, uint64_t generation)
{
	struct leat_buf b;

	leat_buf_init(&b, PUBLISH_MAX);
	leat_buf_add_str(&b, "{");
	add_text(&b, "state", state);
	add_text(&b, "trace", trace);
	add_text(&b, "worker_id", h->worker_id);
	leat_buf_printf(&b, "\"generation\":%llu}",
	    (unsigned long long)generation);
	if (leat_buf_cstr(&b) != NULL)
		put(h, key, (const char *)b.data);
	leat_buf_fini(&b);
}

static const char *
task_key(struct leat_arena *a, const struct conn *c, size_t i)
{
	return leat_arena_printf(a, "status-task-%s-%zu", c->name, i);
}

/* The tasks whose state changed, and those that are gone. */
static void
publish_tasks(struct herder *h, struct conn *c,
    const struct connector_status *st, struct leat_arena *a)
{
	const char **more;
	size_t i;

	for (i = 0; i < st->ntasks || i < c->npublished; i++) {
		const char *key = task_key(a, c, i);

		if (key == NULL)
			return;
		if (i >= st->ntasks) {
			put(h, key, NULL);
			continue;
		}
		if (i < c->npublished &&
		    c->published_tasks[i] == st->tasks[i].state)
			continue;
		put_status(h, key, st->tasks[i].state, st->tasks[i].trace,
		    st->generation);
	}
	more = realloc(c->published_tasks, (st->ntasks + 1) * sizeof(*more));
	if (more == NULL)
		return;
	c->published_tasks = more;
	c->npublished = st->ntasks;
	for (i = 0; i < st->ntasks; i++)
		more[i] = st->tasks[i].state;	/* a constant */
}

void
herder_publish(struct herder *h, struct conn *c)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct connector_status st;
	struct leat_arena a;
	const char *key;

	leat_arena_init(&a, 4096, 0);
	if (herder_status(h, c->name, &a, &st, &err) == 0) {
		key = leat_arena_printf(&a, "status-connector-%s", c->name);
		if (key != NULL && c->published != st.state)
			put_status(h, key, st.state, st.trace, st.generation);
		c->published = st.state;	/* a constant */
		publish_tasks(h, c, &st, &a);
		connector_status_put(&st);
	}
	leat_arena_fini(&a);
}

void
herder_unpublish(struct herder *h, struct conn *c)
{
	struct leat_arena a;
	const char *key;
	size_t i;

	leat_arena_init(&a, 4096, 0);
	key = leat_arena_printf(&a, "status-connector-%s", c->name);
	if (key != NULL && c->published != NULL)
		put(h, key, NULL);
	for (i = 0; i < c->npublished; i++) {
		key = task_key(&a, c, i);
		if (key != NULL)
			put(h, key, NULL);
	}
	leat_arena_fini(&a);
}
