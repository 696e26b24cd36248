/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_signal_blocking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/json.h>
#include <leat/wire.h>

enum {
	RETRY_MS = 2000,
	ASK_MS = 100,
	HOLD_MS = 5000,
	STATE_MAX = 512 * 1024,
	TABLES_CHUNK = 16 * 1024,
	TABLES_MAX = 256 * 1024 * 1024
};

/* -------------------------------------------------------------------- list */

static void
free_table(struct pg_blocking_table *t)
{
	free(t->id);
	free(t->select);
	free(t);
}

static int
add_table(struct pg_blocking *k, const char *id, const char *select)
{
	struct pg_blocking_table **at = &k->first, *t;
	size_t bytes = strlen(id) + (select == NULL ? 0 : strlen(select));

	for (; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->id, id) == 0)
			return 0;
		bytes += 100 + strlen((*at)->id) + ((*at)->select == NULL ? 0 :
		    strlen((*at)->select));
	}
	if (k->n == PG_BLOCKING_MAX || bytes > STATE_MAX)
		return LEAT_E_LIMIT;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->id = strdup(id);
	t->select = select == NULL ? NULL : strdup(select);
	if (t->id == NULL || (select != NULL && t->select == NULL)) {
		free_table(t);
		return -ENOMEM;
	}
	*at = t;
	k->n++;
	k->dirty = 1;
	return 0;
}

static int
matches(const char *pattern, const char *id, const char *root)
{
	regex_t re;
	int found;

	if (pg_regex_compile(&re, "data-collections", pattern, NULL) < 0)
		return 0;
	found = regexec(&re, id, 0, NULL, 0) == 0 ||
	    (root != NULL && regexec(&re, root, 0, NULL, 0) == 0);
	regfree(&re);
	return found;
}

static const char *
select_of(const struct pg_signal *s, const char *id)
{
	for (uint32_t i = 0; i < s->nconditions; i++)
		if (matches(s->conditions[i].collection, id, NULL))
			return s->conditions[i].filter;
	return NULL;
}

static uint32_t
want_table(struct pg_blocking *k, const struct pg_signal *s,
    const struct pg_table *t)
{
	struct leat_buf id;
	uint32_t n = 0;

	leat_buf_init(&id, 1024);
	(void)leat_buf_printf(&id, "%s.%s", t->schema, t->name);
	for (uint32_t i = 0; i < s->ncollections && n == 0; i++)
		if (leat_buf_cstr(&id) != NULL && matches(s->collections[i],
		    leat_buf_cstr(&id), t->root))
			n = add_table(k, leat_buf_cstr(&id), select_of(s,
			    leat_buf_cstr(&id))) == 0;
	leat_buf_fini(&id);
	return n;
}

uint32_t
pg_blocking_want(struct pg_blocking *k, const struct pg_signal *s,
    const struct pg_tables *tables)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tables->len; i++)
		n += want_table(k, s, &tables->items[i]);
	if (n > 0)
		(void)snprintf(k->signal_id, sizeof(k->signal_id), "%s",
		    s->id);
	return n;
}

static void
close_slot(struct pg_blocking *k)
{
	PQclear(k->result);
	k->result = NULL;
	pg_conn_close(&k->repl);
}

void
pg_blocking_finish(struct pg_blocking *k)
{
	while (k->first != NULL) {
		struct pg_blocking_table *t = k->first;

		k->first = t->next;
		free_table(t);
	}
	k->n = 0;
	k->dirty = 1;
	k->step = PG_BLOCKING_NONE;
	k->tables = (struct pg_tables){ 0 };
	k->selects = NULL;
	leat_arena_fini(&k->memory);
	close_slot(k);
}

void
pg_blocking_fini(struct pg_blocking *k)
{
	pg_blocking_finish(k);
}

/* -------------------------------------------------------------------- slot */

static void
hold_up(struct pg_blocking *k, const struct leat_err *why)
{
	leat_log_warn(k->task, "blocking snapshot is held up",
	    "retry_ms=%d reason=\"%s\"", RETRY_MS, why->text);
	close_slot(k);
	k->step = PG_BLOCKING_NONE;
	k->retry_ms = leat_mono_ms(k->task) + RETRY_MS;
}

static void
start_slot(struct pg_blocking *k)
{
	struct leat_err err = LEAT_ERR_INIT;
	char sql[160];
	int rc = pg_conn_open(&k->repl, k->task, k->cfg, PG_CONN_REPLICATION,
	    &err);

	/* By the server's process: the one of a lost connection may live on. */
	(void)snprintf(sql, sizeof(sql), "CREATE_REPLICATION_SLOT "
	    "\"%.50s_b%d\" TEMPORARY LOGICAL pgoutput", k->cfg->slot,
	    rc == 0 ? PQbackendPID(k->repl.pg) : 0);
	if (rc == 0 && (PQsendQuery(k->repl.pg, sql) == 0 ||
	    PQflush(k->repl.pg) < 0))
		rc = pg_error(&k->repl, NULL, sql, &err);
	if (rc < 0)
		hold_up(k, &err);
	else
		k->step = PG_BLOCKING_SLOT;
}

static void
take_slot(struct pg_blocking *k)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (PQresultStatus(k->result) != PGRES_TUPLES_OK) {
		(void)pg_error(&k->repl, k->result, "CREATE_REPLICATION_SLOT",
		    &err);
		hold_up(k, &err);
		return;
	}
	k->slot.consistent_lsn = pg_lsn_parse(pg_cell(k->result, 0, 1));
	(void)snprintf(k->slot.snapshot, sizeof(k->slot.snapshot), "%.63s",
	    pg_cell(k->result, 0, 2));
	PQclear(k->result);
	k->result = NULL;
	if (k->begun_lsn >= k->slot.consistent_lsn) {
		/* The stream is beyond it: another one, and it waits. */
		close_slot(k);
		k->step = PG_BLOCKING_NONE;
		k->hold_ms = leat_mono_ms(k->task) + HOLD_MS;
		return;
	}
	k->step = PG_BLOCKING_WAIT;
	k->next_ask_ms = 0;
	pg_blocking_reached(k, k->stream_lsn);
}

static void
await_slot(struct pg_blocking *k)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (PQflush(k->repl.pg) < 0 || PQconsumeInput(k->repl.pg) == 0) {
		(void)pg_error(&k->repl, NULL, "CREATE_REPLICATION_SLOT", &err);
		hold_up(k, &err);
		return;
	}
	while (!PQisBusy(k->repl.pg)) {
		PGresult *res = PQgetResult(k->repl.pg);

		if (res == NULL) {
			take_slot(k);
			return;
		}
		PQclear(k->result);
		k->result = res;
	}
}

void
pg_blocking_work(struct pg_blocking *k)
{
	if (k->first == NULL)
		return;
	if (k->step == PG_BLOCKING_NONE && !leat_stopping(k->task) &&
	    leat_mono_ms(k->task) >= k->retry_ms)
		start_slot(k);
	if (k->step == PG_BLOCKING_SLOT)
		await_slot(k);
}

void
pg_blocking_reached(struct pg_blocking *k, uint64_t lsn)
{
	if (lsn > k->stream_lsn)
		k->stream_lsn = lsn;
	if (k->step == PG_BLOCKING_WAIT && lsn >= k->slot.consistent_lsn)
		k->step = PG_BLOCKING_READY;
}

/* Where the commit stands of the transaction that the frame begins; or 0. */
static uint64_t
commit_of(const char *frame, size_t len)
{
	const uint8_t *msg = (const uint8_t *)frame + PGO_DATA_HEADER;

	if (len < PGO_DATA_HEADER + 14 || frame[0] != PGO_FRAME_DATA)
		return 0;
	if (*msg == PGO_BEGIN)
		return leat_get_u64(msg + 1);
	/* One that was streamed: its messages come with its commit. */
	if (*msg == PGO_COMMIT_PREPARED)
		return leat_get_u64(msg + 2);
	return *msg == PGO_STREAM_COMMIT ? leat_get_u64(msg + 6) : 0;
}

int
pg_blocking_holds(struct pg_blocking *k, const char *frame, size_t len)
{
	if (k->step == PG_BLOCKING_WAIT)
		pg_blocking_reached(k, commit_of(frame, len));
	return k->step == PG_BLOCKING_READY ||
	    (k->step == PG_BLOCKING_SLOT &&
	    leat_mono_ms(k->task) < k->hold_ms);
}

/* ---------------------------------------------------------------- snapshot */

static const struct pg_blocking_table *
find(const struct pg_blocking *k, const struct pg_table *t)
{
	const struct pg_blocking_table *w = k->first;

	while (w != NULL && !pg_signal_is_table(w->id, leat_str_c(t->schema),
	    leat_str_c(t->name)))
		w = w->next;
	return w;
}

int
pg_blocking_choose(struct pg_blocking *k, struct pg_conn *sql,
    const struct pg_filters *filters, struct leat_err *err)
{
	struct pg_tables *t = &k->tables;
	uint32_t n = 0;
	int rc;

	leat_arena_fini(&k->memory);
	leat_arena_init(&k->memory, TABLES_CHUNK, TABLES_MAX);
	rc = pg_catalog_published(sql, filters, k->cfg->publication,
	    &k->memory, t, err);
	if (rc < 0)
		return rc;
	k->selects = leat_arena_calloc(&k->memory, (size_t)t->len + 1,
	    sizeof(*k->selects));
	if (k->selects == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	for (uint32_t i = 0; i < t->len; i++) {
		const struct pg_blocking_table *w = find(k, &t->items[i]);

		if (w == NULL)
			continue;
		t->items[n] = t->items[i];
		k->selects[n++] = w->select;
	}
	t->len = n;
	return 0;
}

/* ------------------------------------------------------------------- state */

void
pg_blocking_encode(const struct pg_blocking *k, struct leat_buf *b)
{
	if (k->first == NULL)
		return;
	(void)leat_buf_add_str(b, ",\"blocking_snapshot_id\":");
	(void)leat_json_add_string(b, k->signal_id, strlen(k->signal_id));
	(void)leat_buf_add_str(b, ",\"blocking_snapshot\":");
	for (const struct pg_blocking_table *t = k->first; t != NULL;
	    t = t->next) {
		(void)leat_buf_add_byte(b, t == k->first ? '[' : ',');
		(void)leat_buf_add_str(b, "{\"id\":");
		(void)leat_json_add_string(b, t->id, strlen(t->id));
		if (t->select != NULL) {
			(void)leat_buf_add_str(b, ",\"select\":");
			(void)leat_json_add_string(b, t->select,
			    strlen(t->select));
		}
		(void)leat_buf_add_byte(b, '}');
	}
	(void)leat_buf_add_byte(b, ']');
}

static const char *
get_text(const struct leat_value *map, const char *name, struct leat_arena *a)
{
	const struct leat_value *v = leat_map_value(map, name);

	return v == NULL || v->kind != LEAT_STRING ? NULL :
	    leat_arena_strndup(a, v->u.s, v->len);
}

int
pg_blocking_restore(struct pg_blocking *k, const struct leat_value *pos,
    struct leat_err *err)
{
	const struct leat_value *list = leat_map_value(pos,
	    "blocking_snapshot");
	struct leat_arena a;
	const char *id;
	int rc = 0;

	if (list == NULL || list->kind != LEAT_ARRAY)
		return 0;
	leat_arena_init(&a, 4096, 4 * STATE_MAX);
	for (uint32_t i = 0; i < list->len && rc == 0; i++) {
		id = get_text(&list->u.items[i], "id", &a);
		if (id != NULL)
			rc = add_table(k, id, get_text(&list->u.items[i],
			    "select", &a));
	}
	id = get_text(pos, "blocking_snapshot_id", &a);
	(void)snprintf(k->signal_id, sizeof(k->signal_id), "%s",
	    id == NULL ? "" : id);
	leat_arena_fini(&a);
	k->dirty = 0;
	return rc < 0 ? leat_err_set(err, LEAT_CLS_RETRY, rc,
	    "tables of a blocking snapshot") : 0;
}
