/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_tell.c: what an incremental snapshot tells of itself, under
 * Debezium's names.
 */
#include <stdio.h>

#include "pg_incremental_parts.h"

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

void
pg_inc_tell(struct pg_incremental *inc, const char *type)
{
	struct pg_notify_field f = { "data_collections", NULL };
	struct leat_buf names;

	leat_buf_init(&names, PG_INC_NAMES_MAX);
	f.value = queue_names(inc, &names);
	pg_notify(inc->notify, inc->signal_id, PG_NOTIFY_INCREMENTAL, type, &f,
	    1);
	leat_buf_fini(&names);
}

/* A key as people read it: texts with commas. */
static void
show_key(struct leat_buf *b, const struct leat_buf *key)
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

void
pg_inc_tell_progress(struct pg_incremental *inc)
{
	struct leat_buf names, last, most;
	struct pg_notify_field f[4] = {
		{ "data_collections", NULL },
		{ "current_collection_in_progress", inc->first->id },
	};

	leat_buf_init(&names, PG_INC_NAMES_MAX);
	leat_buf_init(&last, PG_INC_KEY_MAX);
	leat_buf_init(&most, PG_INC_KEY_MAX);
	show_key(&last, &inc->after);
	show_key(&most, &inc->upto);
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

void
pg_inc_tell_scanned(struct pg_incremental *inc, const char *id, int64_t rows,
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

	leat_buf_init(&names, PG_INC_NAMES_MAX);
	f[0].value = queue_names(inc, &names);
	(void)snprintf(number, sizeof(number), "%lld", (long long)rows);
	pg_notify(inc->notify, inc->signal_id, PG_NOTIFY_INCREMENTAL,
	    "TABLE_SCAN_COMPLETED", f, 4);
	leat_buf_fini(&names);
}
