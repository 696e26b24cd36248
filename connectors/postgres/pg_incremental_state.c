/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_state.c: where an incremental snapshot stands, as members of
 * the source's position, under Debezium's names. The keys are ours: lists of
 * texts, each the server's own, null for null.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <leat/json.h>

#include "pg_incremental_parts.h"

#define KEY "incremental_snapshot_"

static void
add_name(struct leat_buf *b, const char *name)
{
	(void)leat_buf_printf(b, ",\"%s\":", name);
}

static void
add_text(struct leat_buf *b, const char *s)
{
	(void)leat_json_add_string(b, s, strlen(s));
}

static void
add_key(struct leat_buf *b, const char *name, const struct leat_buf *key)
{
	struct leat_str rest = { (const char *)key->data, key->len };
	struct pgo_column c;

	if (key->len == 0)
		return;
	add_name(b, name);
	for (int i = 0; pg_key_next(&rest, &c); i++) {
		(void)leat_buf_add_byte(b, i == 0 ? '[' : ',');
		if (c.kind == PGO_NULL)
			(void)leat_buf_add_str(b, "null");
		else
			(void)leat_json_add_string(b, c.data, c.len);
	}
	(void)leat_buf_add_byte(b, ']');
}

static void
add_table(struct leat_buf *b, const struct pg_inc_table *t)
{
	(void)leat_buf_add_str(b, "{\"" KEY "collections_id\":");
	add_text(b, t->id);
	if (t->condition != NULL) {
		add_name(b, KEY "collections_additional_condition");
		add_text(b, t->condition);
	}
	if (t->surrogate != NULL) {
		add_name(b, KEY "collections_surrogate_key");
		add_text(b, t->surrogate);
	}
	(void)leat_buf_add_byte(b, '}');
}

void
pg_inc_encode(const struct pg_incremental *inc, struct leat_buf *b)
{
	if (inc->first == NULL)
		return;
	add_name(b, KEY "correlation_id");
	add_text(b, inc->signal_id);
	add_name(b, KEY "collections");
	for (const struct pg_inc_table *t = inc->first; t != NULL;
	    t = t->next) {
		(void)leat_buf_add_byte(b, t == inc->first ? '[' : ',');
		add_table(b, t);
	}
	(void)leat_buf_add_byte(b, ']');
	add_key(b, KEY "primary_key", &inc->after);
	add_key(b, KEY "maximum_key", &inc->upto);
	(void)leat_buf_printf(b, ",\"" KEY "rows\":%lld,\"" KEY
	    "chunks\":%lld", (long long)inc->rows, (long long)inc->chunk);
	if (inc->paused)
		(void)leat_buf_add_str(b, ",\"" KEY "paused\":true");
}

/* ----------------------------------------------------------------- reading */

/* A text member copied into `b`; NULL when it is not there. */
static const char *
get_text(const struct leat_value *map, const char *name, struct leat_arena *a)
{
	const struct leat_value *v = leat_map_value(map, name);

	return v == NULL || v->kind != LEAT_STRING ? NULL :
	    leat_arena_strndup(a, v->u.s, v->len);
}

static int64_t
get_number(const struct leat_value *map, const char *name)
{
	const struct leat_value *v = leat_map_value(map, name);

	return v == NULL || v->kind != LEAT_INT64 ? 0 : v->u.i;
}

static void
get_key(const struct leat_value *map, const char *name, struct leat_buf *to)
{
	const struct leat_value *v = leat_map_value(map, name);

	leat_buf_reset(to);
	if (v == NULL || v->kind != LEAT_ARRAY || v->len > PG_WINDOW_KEYS)
		return;
	for (uint32_t i = 0; i < v->len; i++) {
		const struct leat_value *one = &v->u.items[i];
		struct pgo_column c = { .kind = PGO_NULL };

		if (one->kind == LEAT_STRING)
			c = (struct pgo_column){ .kind = PGO_TEXT,
				.data = one->u.s, .len = one->len };
		pg_key_encode(to, &c, NULL, 1);
	}
}

int
pg_inc_restore(struct pg_incremental *inc, const struct leat_value *pos,
    struct leat_err *err)
{
	const struct leat_value *list = leat_map_value(pos, KEY "collections");
	const struct leat_value *paused = leat_map_value(pos, KEY "paused");
	struct leat_arena a;
	const char *id;
	int rc = 0;

	if (list != NULL && list->kind == LEAT_STRING && list->len > 2)
		leat_log_warn(inc->task, "an incremental snapshot that "
		    "Debezium began is not continued: signal it again",
		    "tables=\"%.*s\"", (int)list->len, list->u.s);
	if (list == NULL || list->kind != LEAT_ARRAY)
		return 0;
	leat_arena_init(&a, 4096, 4 * PG_INC_STATE_MAX);
	for (uint32_t i = 0; i < list->len && rc == 0; i++) {
		const struct leat_value *t = &list->u.items[i];

		id = get_text(t, KEY "collections_id", &a);
		if (id == NULL)
			continue;
		rc = pg_inc_enqueue(inc, id, get_text(t, KEY
		    "collections_additional_condition", &a), get_text(t, KEY
		    "collections_surrogate_key", &a));
	}
	id = get_text(pos, KEY "correlation_id", &a);
	(void)snprintf(inc->signal_id, sizeof(inc->signal_id), "%s",
	    id == NULL ? "" : id);
	leat_arena_fini(&a);
	get_key(pos, KEY "primary_key", &inc->after);
	get_key(pos, KEY "maximum_key", &inc->upto);
	inc->has_upto = inc->upto.len > 0;
	inc->rows = get_number(pos, KEY "rows");
	inc->chunk = get_number(pos, KEY "chunks");
	inc->paused = inc->first != NULL && paused != NULL &&
	    paused->kind == LEAT_BOOLEAN && paused->u.i != 0;
	inc->dirty = 0;
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "queue of incremental snapshots");
	if (inc->first != NULL)
		leat_log_notice(inc->task, "incremental snapshot goes on",
		    "table=%s rows=%lld tables=%u", inc->first->id,
		    (long long)inc->rows, inc->ntables);
	return 0;
}

/* ------------------------------------------------------------------ status */

/* Of the table that is read, since this task began with it. */
static int64_t
rows_per_second(const struct pg_incremental *inc)
{
	int64_t ms = leat_mono_ms(inc->task) - inc->begun_ms;

	return inc->begun && ms > 0 ?
	    (inc->rows - inc->begun_rows) * 1000 / ms : 0;
}

void
pg_inc_status(const struct pg_incremental *inc, struct leat_buf *b)
{
	int64_t rate = rows_per_second(inc);

	if (inc->first == NULL)
		return;
	(void)leat_buf_add_str(b, ",\"incremental_snapshot\":{\"table\":");
	add_text(b, inc->first->id);
	(void)leat_buf_printf(b, ",\"tables_left\":%u,\"chunk\":%lld,"
	    "\"rows\":%lld,\"rows_estimated\":%lld,\"rows_per_second\":%lld,"
	    "\"paused\":%s", inc->ntables, (long long)inc->chunk,
	    (long long)inc->rows, (long long)inc->estimate, (long long)rate,
	    inc->paused ? "true" : "false");
	if (rate > 0 && inc->estimate >= inc->rows)
		(void)leat_buf_printf(b, ",\"seconds_left\":%lld",
		    (long long)((inc->estimate - inc->rows) / rate));
	(void)leat_buf_add_byte(b, '}');
}
