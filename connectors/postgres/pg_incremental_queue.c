/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_queue.c: the tables that wait for their turn, and what signals
 * do to them.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_incremental_parts.h"

void
pg_inc_table_free(struct pg_inc_table *t)
{
	free(t->id);
	free(t->condition);
	free(t->surrogate);
	free(t);
}

/* ------------------------------------------------------------------- queue */

static char *
dup_or_null(const char *s)
{
	return s == NULL ? NULL : strdup(s);
}

static int
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Bytes that the queue takes as JSON, about. */
static size_t
queue_bytes(const struct pg_incremental *inc)
{
	size_t n = 0;

	for (const struct pg_inc_table *t = inc->first; t != NULL; t = t->next)
		n += 200 + strlen(t->id) +
		    (t->condition == NULL ? 0 : strlen(t->condition)) +
		    (t->surrogate == NULL ? 0 : strlen(t->surrogate));
	return n;
}

int
pg_inc_enqueue(struct pg_incremental *inc, const char *id,
    const char *condition, const char *surrogate)
{
	struct pg_inc_table **at = &inc->first, *t;

	for (; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->id, id) == 0 &&
		    same_text((*at)->condition, condition) &&
		    same_text((*at)->surrogate, surrogate))
			return 0;
	if (inc->ntables == PG_INC_TABLES_MAX ||
	    queue_bytes(inc) + strlen(id) + (condition == NULL ? 0 :
	    strlen(condition)) + (surrogate == NULL ? 0 : strlen(surrogate)) >
	    PG_INC_STATE_MAX)
		return LEAT_E_LIMIT;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->id = strdup(id);
	t->condition = dup_or_null(condition);
	t->surrogate = dup_or_null(surrogate);
	if (t->id == NULL || (condition != NULL && t->condition == NULL) ||
	    (surrogate != NULL && t->surrogate == NULL)) {
		pg_inc_table_free(t);
		return -ENOMEM;
	}
	*at = t;
	inc->ntables++;
	inc->dirty = 1;
	leat_metric_set(inc->m_left, inc->ntables);
	return 0;
}

/* Everything about the table in progress is forgotten. */
static void
forget_progress(struct pg_incremental *inc)
{
	pg_inc_drop_chunk(inc);
	inc->begun = 0;
	inc->has_upto = 0;
	leat_buf_reset(&inc->after);
	leat_buf_reset(&inc->upto);
	inc->rows = inc->chunk = 0;
	inc->limit = inc->cfg->chunk_size;
	inc->retry_ms = inc->backoff_ms = 0;
	inc->failures = 0;
}

/* Takes a table out of the queue. */
static void
unlink_table(struct pg_incremental *inc, struct pg_inc_table **at)
{
	struct pg_inc_table *t = *at;

	if (t == inc->first)
		forget_progress(inc);
	*at = t->next;
	pg_inc_table_free(t);
	inc->ntables--;
	inc->dirty = 1;
	leat_metric_set(inc->m_left, inc->ntables);
	if (inc->first == NULL) {
		pg_conn_close(&inc->conn);
		inc->paused = 0;
	}
}

void
pg_inc_table_done(struct pg_incremental *inc, const char *status)
{
	const struct pg_inc_table *t = inc->first;

	leat_log_notice(inc->task, "incremental snapshot of a table done",
	    "table=%s status=%s rows=%lld chunks=%lld", t->id, status,
	    (long long)inc->rows, (long long)inc->chunk);
	pg_inc_tell_scanned(inc, t->id, inc->rows, status);
	unlink_table(inc, &inc->first);
	if (inc->first == NULL)
		pg_inc_tell(inc, "COMPLETED");
}

/* ----------------------------------------------------------------- signals */

/* Does the expression match "schema.table", or the partition's root? */
static int
matches(const regex_t *re, const char *id, const char *root)
{
	return regexec(re, id, 0, NULL, 0) == 0 ||
	    (root != NULL && regexec(re, root, 0, NULL, 0) == 0);
}

static int
compile(struct pg_incremental *inc, regex_t *re, const char *pattern)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (pg_regex_compile(re, "data-collections", pattern, &err) == 0)
		return 0;
	leat_log_warn(inc->task, "signal ignored in part", "reason=\"%s\"",
	    err.text);
	return -1;
}

static const char *
condition_of(struct pg_incremental *inc, const struct pg_signal *s,
    const char *id, const char *root)
{
	for (uint32_t i = 0; i < s->nconditions; i++) {
		regex_t re;
		int found;

		if (compile(inc, &re, s->conditions[i].collection) < 0)
			continue;
		found = matches(&re, id, root);
		regfree(&re);
		if (found)
			return s->conditions[i].filter;
	}
	return NULL;
}

/* All tables that one expression matches; their number. */
static uint32_t
enqueue_matching(struct pg_incremental *inc, const struct pg_signal *s,
    const char *pattern, const struct pg_tables *tables)
{
	uint32_t n = 0;
	regex_t re;
	int rc = 0;

	if (compile(inc, &re, pattern) < 0)
		return 0;
	for (uint32_t i = 0; i < tables->len && rc == 0; i++) {
		const struct pg_table *t = &tables->items[i];

		leat_buf_reset(&inc->scratch);
		(void)leat_buf_printf(&inc->scratch, "%s.%s", t->schema,
		    t->name);
		if (leat_buf_cstr(&inc->scratch) == NULL ||
		    !matches(&re, leat_buf_cstr(&inc->scratch), t->root))
			continue;
		n++;
		rc = pg_inc_enqueue(inc, leat_buf_cstr(&inc->scratch),
		    condition_of(inc, s, leat_buf_cstr(&inc->scratch), t->root),
		    s->surrogate);
	}
	regfree(&re);
	if (rc < 0)
		leat_log_warn(inc->task, "the queue of incremental snapshots "
		    "is full", "tables=%u", inc->ntables);
	return n;
}

void
pg_inc_execute(struct pg_incremental *inc, const struct pg_signal *s,
    const struct pg_tables *tables)
{
	uint32_t before = inc->ntables;

	(void)snprintf(inc->signal_id, sizeof(inc->signal_id), "%s", s->id);
	for (uint32_t i = 0; i < s->ncollections; i++) {
		if (enqueue_matching(inc, s, s->collections[i], tables) > 0)
			continue;
		leat_log_warn(inc->task, "no captured table for a snapshot",
		    "signal=%s expression=\"%s\"", s->id, s->collections[i]);
		pg_inc_tell_scanned(inc, s->collections[i], 0,
		    "UNKNOWN_SCHEMA");
	}
	if (inc->ntables == before)
		return;
	inc->dirty = 1;
	leat_log_notice(inc->task, "incremental snapshot wanted",
	    "signal=%s tables=%u queue=%u", s->id, inc->ntables - before,
	    inc->ntables);
	pg_inc_tell(inc, "STARTED");
}

static int
stops(struct pg_incremental *inc, const struct pg_signal *s, const char *id)
{
	int found = s->ncollections == 0;

	for (uint32_t i = 0; i < s->ncollections && !found; i++) {
		regex_t re;

		if (compile(inc, &re, s->collections[i]) < 0)
			continue;
		found = matches(&re, id, NULL);
		regfree(&re);
	}
	return found;
}

void
pg_inc_stop(struct pg_incremental *inc, const struct pg_signal *s)
{
	struct pg_inc_table **at = &inc->first;
	struct pg_notify_field f = { "data_collections", NULL };
	struct leat_buf names;
	uint32_t n = 0;

	leat_buf_init(&names, PG_INC_NAMES_MAX);
	while (*at != NULL) {
		if (!stops(inc, s, (*at)->id)) {
			at = &(*at)->next;
			continue;
		}
		if (n++ > 0)
			(void)leat_buf_add_byte(&names, ',');
		(void)leat_buf_add_str(&names, (*at)->id);
		unlink_table(inc, at);
	}
	leat_log_notice(inc->task, "incremental snapshot stopped",
	    "signal=%s tables=%u left=%u", s->id, n, inc->ntables);
	f.value = leat_buf_cstr(&names);
	if (n > 0)
		pg_notify(inc->notify, inc->signal_id, PG_NOTIFY_INCREMENTAL,
		    "ABORTED", &f, s->ncollections == 0 ? 0 : 1);
	leat_buf_fini(&names);
}

void
pg_inc_pause(struct pg_incremental *inc, int paused)
{
	if (inc->first == NULL || inc->paused == paused) {
		leat_log_info(inc->task, "no incremental snapshot to pause or "
		    "resume", "paused=%d tables=%u", inc->paused,
		    inc->ntables);
		return;
	}
	inc->paused = paused;
	inc->dirty = 1;
	leat_log_notice(inc->task, paused ? "incremental snapshot paused" :
	    "incremental snapshot resumed", "table=%s rows=%lld",
	    inc->first->id, (long long)inc->rows);
	pg_inc_tell(inc, paused ? "PAUSED" : "RESUMED");
}
