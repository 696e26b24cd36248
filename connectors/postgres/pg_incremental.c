/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental.c: the queue of tables, what signals do to it, and what the
 * stream says about the chunk in progress.
 */
#include "pg_incremental.h"
#include "pg_copy_text.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/wire.h>

enum {
	ARENA_CHUNK = 8 * 1024,
	ARENA_MAX = 64 * 1024 * 1024,
	NAMES_MAX = 64 * 1024
};

/* ------------------------------------------------------------ init, fini */

static void
set_metrics(struct pg_incremental *inc)
{
	struct leat_task *t = inc->task;

	inc->m_rows = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_incremental_rows_total",
	    "Rows read by incremental snapshots.");
	inc->m_chunks = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_incremental_chunks_total",
	    "Chunks delivered by incremental snapshots.");
	inc->m_again = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_incremental_chunks_again_total",
	    "Chunks of incremental snapshots that were read again.");
	inc->m_left = leat_metric(t, LEAT_METRIC_GAUGE,
	    "postgres_incremental_tables_left",
	    "Tables in the queue of incremental snapshots.");
}

int
pg_inc_init(struct pg_incremental *inc, const struct pg_relcache *rels,
    struct leat_err *err)
{
	(void)err;
	pg_relcache_init(&inc->rels);
	inc->rels.task = inc->task;
	inc->rels.cfg = inc->cfg;
	inc->rels.filters = rels->filters;
	inc->rels.prefix = rels->prefix;
	inc->rels.conn = inc->sql;
	inc->rels.publication = inc->cfg->publication;
	inc->rels.source_schema = rels->source_schema;
	inc->rels.m_unconverted = rels->m_unconverted;
	leat_arena_init(&inc->arena, ARENA_CHUNK, ARENA_MAX);
	leat_buf_init(&inc->after, PG_INC_KEY_MAX);
	leat_buf_init(&inc->upto, PG_INC_KEY_MAX);
	leat_buf_init(&inc->chunk_end, PG_INC_KEY_MAX);
	leat_buf_init(&inc->scratch, SIZE_MAX / 2);
	leat_buf_init(&inc->scratch_key, PG_INC_KEY_MAX);
	inc->limit = inc->cfg->chunk_size;
	inc->epoll_fd = -1;
	set_metrics(inc);
	return 0;
}

void
pg_inc_table_free(struct pg_inc_table *t)
{
	free(t->id);
	free(t->condition);
	free(t->surrogate);
	free(t);
}

void
pg_inc_fini(struct pg_incremental *inc)
{
	if (inc->task == NULL)
		return;
	while (inc->first != NULL) {
		struct pg_inc_table *t = inc->first;

		inc->first = t->next;
		pg_inc_table_free(t);
	}
	pg_window_reset(&inc->window);
	PQclear(inc->result);
	pg_conn_close(&inc->conn);
	if (inc->epoll_fd >= 0)
		(void)close(inc->epoll_fd);
	inc->epoll_fd = -1;
	pg_relcache_fini(&inc->rels);
	leat_arena_fini(&inc->arena);
	leat_buf_fini(&inc->after);
	leat_buf_fini(&inc->upto);
	leat_buf_fini(&inc->chunk_end);
	leat_buf_fini(&inc->scratch);
	leat_buf_fini(&inc->scratch_key);
}

/* ----------------------------------------------------------------- telling */

/* The names in the queue, with commas. */
static const char *
queue_names(const struct pg_incremental *inc, struct leat_buf *b)
{
	for (const struct pg_inc_table *t = inc->first; t != NULL;
	    t = t->next) {
		if (b->len > 0)
			(void)leat_buf_add_byte(b, ',');
		(void)leat_buf_add_str(b, t->id);
	}
	return leat_buf_cstr(b) == NULL ? "" : leat_buf_cstr(b);
}

static void
tell(struct pg_incremental *inc, const char *type)
{
	struct pg_notify_field f = { "data_collections", NULL };
	struct leat_buf names;

	leat_buf_init(&names, NAMES_MAX);
	f.value = queue_names(inc, &names);
	pg_notify(inc->notify, inc->signal_id, PG_NOTIFY_INCREMENTAL, type, &f,
	    1);
	leat_buf_fini(&names);
}

void
pg_inc_show_key(struct leat_buf *b, const struct leat_buf *key)
{
	struct leat_str rest = { (const char *)key->data, key->len };
	struct pgo_column c;

	for (int i = 0; pg_key_next(&rest, &c); i++) {
		if (i > 0)
			(void)leat_buf_add_byte(b, ',');
		if (c.kind == PGO_NULL)
			(void)leat_buf_add_str(b, "<null>");
		else
			(void)leat_buf_add(b, c.data, c.len);
	}
}

static void
tell_progress(struct pg_incremental *inc)
{
	struct leat_buf names, last, most;
	struct pg_notify_field f[4] = {
		{ "data_collections", NULL },
		{ "current_collection_in_progress", inc->first->id },
	};

	leat_buf_init(&names, NAMES_MAX);
	leat_buf_init(&last, PG_INC_KEY_MAX);
	leat_buf_init(&most, PG_INC_KEY_MAX);
	pg_inc_show_key(&last, &inc->after);
	pg_inc_show_key(&most, &inc->upto);
	f[0].value = queue_names(inc, &names);
	f[2] = (struct pg_notify_field){ "maximum_key", leat_buf_cstr(&most) };
	f[3] = (struct pg_notify_field){ "last_processed_key",
		leat_buf_cstr(&last) };
	pg_notify(inc->notify, inc->signal_id, PG_NOTIFY_INCREMENTAL,
	    "IN_PROGRESS", f, 4);
	leat_buf_fini(&names);
	leat_buf_fini(&last);
	leat_buf_fini(&most);
}

static void
tell_scanned(struct pg_incremental *inc, const char *id, int64_t rows,
    const char *status)
{
	char number[24];
	struct leat_buf names;
	struct pg_notify_field f[4] = {
		{ "data_collections", NULL },
		{ "scanned_collection", id },
		{ "total_rows_scanned", number },
		{ "status", status },
	};

	leat_buf_init(&names, NAMES_MAX);
	f[0].value = queue_names(inc, &names);
	(void)snprintf(number, sizeof(number), "%lld", (long long)rows);
	pg_notify(inc->notify, inc->signal_id, PG_NOTIFY_INCREMENTAL,
	    "TABLE_SCAN_COMPLETED", f, 4);
	leat_buf_fini(&names);
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
	tell_scanned(inc, t->id, inc->rows, status);
	unlink_table(inc, &inc->first);
	if (inc->first == NULL)
		tell(inc, "COMPLETED");
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
		tell_scanned(inc, s->collections[i], 0, "UNKNOWN_SCHEMA");
	}
	if (inc->ntables == before)
		return;
	inc->dirty = 1;
	leat_log_notice(inc->task, "incremental snapshot wanted",
	    "signal=%s tables=%u queue=%u", s->id, inc->ntables - before,
	    inc->ntables);
	tell(inc, "STARTED");
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

	leat_buf_init(&names, NAMES_MAX);
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
	tell(inc, paused ? "PAUSED" : "RESUMED");
}

/* ---------------------------------------------------- what the stream says */

/* The mark is passed: the rows that are left are as new as the stream. */
static void
close_window(struct pg_incremental *inc)
{
	inc->mark_seen = 1;
	if (inc->step == PG_INC_WAIT)
		inc->step = PG_INC_EMIT;
}

void
pg_inc_reached(struct pg_incremental *inc, uint64_t lsn)
{
	if (lsn > inc->stream_lsn)
		inc->stream_lsn = lsn;
	if (inc->step == PG_INC_WAIT && lsn >= inc->mark_lsn)
		close_window(inc);
}

void
pg_inc_begin(struct pg_incremental *inc, uint32_t xid, uint64_t lsn)
{
	pg_ring_push(&inc->ring, xid);
	pg_inc_reached(inc, lsn);
}

int
pg_inc_message(struct pg_incremental *inc, const struct pgo_message *m)
{
	if (!leat_str_eq_c(m->prefix, PG_INC_PREFIX))
		return 0;
	if (leat_str_eq_c(m->content, inc->chunk_id))
		close_window(inc);
	return 1;
}

void
pg_inc_signal_row(struct pg_incremental *inc, struct leat_str id)
{
	size_t n = strlen(inc->chunk_id);

	if (n > 0 && id.len == n + 6 && memcmp(id.ptr, inc->chunk_id, n) == 0 &&
	    memcmp(id.ptr + n, "-close", 6) == 0)
		close_window(inc);
}

/* Are these the columns that the chunk was read with? */
static int
same_columns(const struct pg_relation *plan, const struct pgo_relation *rel)
{
	if (plan->ncols != rel->ncols)
		return 0;
	for (uint32_t i = 0; i < rel->ncols; i++)
		if (!leat_str_eq_c(rel->cols[i].name, plan->cols[i].name) ||
		    rel->cols[i].type_oid != plan->cols[i].type_oid ||
		    rel->cols[i].typmod != plan->cols[i].typmod)
			return 0;
	return 1;
}

void
pg_inc_relation(struct pg_incremental *inc, const struct pgo_relation *rel)
{
	if (inc->window.open && inc->begun &&
	    rel->oid == inc->query.rel->oid &&
	    !same_columns(inc->query.rel, rel))
		inc->changed = 1;
}

/* A tuple's key, by the names of its columns. */
static void
strike_tuple(struct pg_incremental *inc, const struct pg_relation *rel,
    const struct pgo_tuple *t, int whole)
{
	uint32_t which[PG_WINDOW_KEYS];

	for (uint32_t i = 0; i < inc->nkeys; i++) {
		uint32_t c = 0;

		while (c < rel->ncols && c < t->ncols &&
		    strcmp(rel->cols[c].name, inc->keys[i]) != 0)
			c++;
		if (c >= rel->ncols || c >= t->ncols) {
			inc->changed = 1;
			return;
		}
		/* What an old row has not sent is no key of it. */
		if (!whole && !rel->cols[c].in_identity)
			return;
		if (t->cols[c].kind == PGO_UNCHANGED)
			return;
		which[i] = c;
	}
	leat_buf_reset(&inc->scratch);
	pg_key_encode(&inc->scratch, t->cols, which, inc->nkeys);
	if (inc->scratch.failed)
		inc->window.overflow = 1;
	else
		pg_window_strike(&inc->window, (struct leat_str){
		    (const char *)inc->scratch.data, inc->scratch.len });
}

static void
strike_change(struct pg_incremental *inc, const struct pg_relation *rel,
    const struct pgo_msg *m)
{
	const struct pgo_change *c = &m->u.change;

	if (c->old_kind != 0)
		strike_tuple(inc, rel, &c->old_row, c->old_kind == 'O');
	if (m->tag != PGO_DELETE)
		strike_tuple(inc, rel, &c->new_row, 1);
}

static int
truncates(const struct pgo_truncate *t, uint32_t oid)
{
	for (uint32_t i = 0; i < t->nrels; i++)
		if (leat_get_u32(t->oids + (size_t)i * 4) == oid)
			return 1;
	return 0;
}

void
pg_inc_change(struct pg_incremental *inc, struct pg_relcache *rels,
    const char *payload, size_t len)
{
	const struct pg_relation *rel;
	uint32_t oid;
	struct pgo_msg m;

	if (!inc->window.open || len < 5)
		return;
	oid = inc->query.rel->oid;
	if (payload[0] != PGO_TRUNCATE &&
	    leat_get_u32((const uint8_t *)payload + 1) != oid)
		return;
	if (pgo_decode(inc->dec, payload, len, &m, NULL) < 0)
		return;		/* it fails again, where that counts */
	if (m.tag == PGO_TRUNCATE) {
		if (truncates(&m.u.truncate, oid))
			pg_window_strike_all(&inc->window);
		return;
	}
	rel = pg_relcache_find(rels, oid);
	if (rel == NULL || !rel->captured)
		inc->changed = 1;
	else
		strike_change(inc, rel, &m);
}

/* ---------------------------------------------------------------- delivery */

static int
emit_one(struct pg_incremental *inc, struct leat_batch *b,
    const struct pg_window_row *row, uint64_t lsn, struct leat_err *err)
{
	struct pg_relation *rel = (struct pg_relation *)(uintptr_t)
	    inc->query.rel;
	struct pgo_tuple t = { .cols = inc->cols };
	uint32_t which[PG_WINDOW_KEYS];
	struct pg_row values;
	char *line = leat_batch_copy(b, row->line, row->len);
	int n, rc;

	if (line == NULL)
		return PG_CONV_NOMEM;
	n = pg_copy_split(line, row->len, inc->cols, PGO_MAX_COLUMNS);
	t.ncols = (uint32_t)n;
	for (uint32_t i = 0; i < inc->query.order.n; i++)
		which[i] = inc->order[i].col;
	leat_buf_reset(&inc->scratch_key);
	pg_key_encode(&inc->scratch_key, inc->cols, which, inc->query.order.n);
	rel->any_label = 1;
	rc = pg_row_convert(&inc->rels, rel, &t, NULL, PG_ROW_NEW, b, &values,
	    err);
	rel->any_label = 0;
	if (rc == 0) {
		pg_emit_begin(inc->emit, 0);
		rc = pg_emit_row(inc->emit, b, rel, lsn, 'r', &values);
	}
	return rc;
}

static int
emit_rows(struct pg_incremental *inc, struct leat_batch *b, uint64_t lsn,
    struct leat_err *err)
{
	for (; inc->at < inc->window.nrows; inc->at++) {
		const struct pg_window_row *row = &inc->window.rows[inc->at];
		struct leat_buf old = inc->after;
		int rc;

		if (row->gone)
			continue;
		if (b->full || (int64_t)b->nrecords >= inc->cfg->max_batch)
			return PG_CONV_NOMEM;
		rc = emit_one(inc, b, row, lsn, err);
		if (rc != 0)
			return rc;
		inc->after = inc->scratch_key;
		inc->scratch_key = old;
		inc->dirty = 1;
	}
	return 0;
}

void
pg_inc_chunk_done(struct pg_incremental *inc)
{
	struct leat_buf old = inc->after;
	int last = inc->chunk_rows < inc->limit && !inc->cut;
	int64_t rate = inc->cfg->chunk_rate;

	inc->after = inc->chunk_end;
	inc->chunk_end = old;
	inc->rows += inc->window.nrows;
	inc->chunk++;
	inc->dirty = 1;
	inc->failures = 0;
	leat_metric_add(inc->m_rows, inc->window.nrows);
	leat_metric_add(inc->m_chunks, 1);
	if (rate > 0)
		inc->retry_ms = inc->chunk_ms +
		    (int64_t)inc->window.nrows * 1000 / rate;
	/* Rows that are too large for a chunk: ask for as many as fit. */
	if (inc->cut)
		inc->limit = inc->window.nrows;
	leat_log_debug(inc->task, "chunk delivered", "table=%s chunk=%lld "
	    "rows=%u struck=%u", inc->first->id, (long long)inc->chunk,
	    inc->window.nrows, inc->window.struck);
	pg_window_reset(&inc->window);
	inc->step = PG_INC_IDLE;
	tell_progress(inc);
	if (last)
		pg_inc_table_done(inc, "SUCCEEDED");
}

int
pg_inc_emit(struct pg_incremental *inc, struct leat_batch *b,
    uint64_t last_commit, uint64_t lsn, struct leat_err *err)
{
	struct pg_emit *e = inc->emit;
	int rc;

	if (inc->changed || inc->window.overflow) {
		leat_log_info(inc->task, "chunk is read again",
		    "table=%s reason=\"%s\"", inc->first->id, inc->changed ?
		    "the table was altered" : "too many changes meanwhile");
		leat_metric_add(inc->m_again, 1);
		inc->begun = inc->begun && !inc->changed;
		pg_inc_drop_chunk(inc);
		return 0;
	}
	pg_emit_marker(e, "incremental");
	pg_emit_transaction(e, leat_now_us(inc->task), 0, last_commit);
	e->no_lsn = 1;
	rc = emit_rows(inc, b, lsn, err);
	e->no_lsn = 0;
	pg_emit_marker(e, NULL);
	if (rc == 0)
		pg_inc_chunk_done(inc);
	return rc;
}
