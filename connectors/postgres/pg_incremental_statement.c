/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_statement.c: the text of each step's statement.
 */
#include <stdio.h>

#include "pg_incremental_parts.h"

enum pg_inc_mark
pg_inc_mark_of(const struct pg_incremental *inc)
{
	if (inc->cfg->read_only || inc->no_marks)
		return PG_MARK_POSITION;
	if (inc->cfg->signal_table != NULL)
		return PG_MARK_TABLE;
	return inc->conn.version >= 140000 ? PG_MARK_MESSAGE : PG_MARK_POSITION;
}

void
pg_inc_add_signal_table(const struct pg_incremental *inc, struct leat_buf *b)
{
	struct leat_str rest = leat_str_c(inc->cfg->signal_table);
	struct leat_str schema = leat_str_cut(&rest, '.');
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)schema.len,
	    schema.ptr);
	pg_sql_table(b, name, rest.ptr);
}

static void
write_signal(const struct pg_incremental *inc, struct leat_buf *b,
    const char *end, const char *type)
{
	(void)leat_buf_add_str(b, "INSERT INTO ");
	pg_inc_add_signal_table(inc, b);
	(void)leat_buf_printf(b, " VALUES ('%s-%s', '%s', '{}')",
	    inc->chunk_id, end, type);
}

static void
write_mark(const struct pg_incremental *inc, struct leat_buf *b)
{
	if (inc->mark == PG_MARK_MESSAGE && inc->conn.version >= 170000) {
		(void)leat_buf_printf(b, "SELECT pg_catalog."
		    "pg_logical_emit_message(false, '" PG_INC_PREFIX
		    "', '%s', true)", inc->chunk_id);
		return;
	}
	if (inc->mark == PG_MARK_MESSAGE) {
		/* With an id of its own the commit flushes the message too. */
		(void)leat_buf_printf(b, "SELECT pg_catalog."
		    "pg_logical_emit_message(false, '" PG_INC_PREFIX
		    "', '%s'), pg_catalog.pg_current_xact_id()",
		    inc->chunk_id);
		return;
	}
	if (inc->mark == PG_MARK_TABLE &&
	    inc->cfg->watermark == PG_WATERMARK_INSERT_DELETE) {
		(void)leat_buf_add_str(b, "DELETE FROM ");
		pg_inc_add_signal_table(inc, b);
		(void)leat_buf_add_str(b, " WHERE ");
		pg_sql_name(b, inc->first_column);
		(void)leat_buf_printf(b, " = '%s-open'; ", inc->chunk_id);
	} else if (inc->mark == PG_MARK_TABLE) {
		write_signal(inc, b, "close", "snapshot-window-close");
		(void)leat_buf_add_str(b, "; ");
	}
	(void)leat_buf_add_str(b, "SELECT CASE WHEN pg_is_in_recovery() THEN"
	    " pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END");
}

static void
write_facts(const struct pg_incremental *inc, struct leat_buf *b)
{
	(void)leat_buf_printf(b, "SELECT %s()::text, pg_is_in_recovery(), ",
	    inc->conn.version >= 130000 ? "pg_catalog.pg_current_snapshot" :
	    "pg_catalog.txid_current_snapshot");
	pg_sql_signature(b, inc->query.rel->oid);
}

static void
write_begin(const struct pg_incremental *inc, struct leat_buf *b)
{
	/* The lock comes before the snapshot: no column changes behind it. */
	(void)leat_buf_add_str(b, "BEGIN ISOLATION LEVEL REPEATABLE READ "
	    "READ ONLY; LOCK TABLE ");
	if (inc->query.only)
		(void)leat_buf_add_str(b, "ONLY ");
	pg_sql_table(b, inc->query.rel->schema, inc->query.rel->name);
	(void)leat_buf_add_str(b, " IN ACCESS SHARE MODE");
}

void
pg_inc_write_step(struct pg_incremental *inc, struct leat_buf *b)
{
	struct pg_chunk_query *q = &inc->query;

	q->after = (struct leat_str){ (const char *)inc->after.data,
		inc->after.len };
	q->upto = (struct leat_str){ (const char *)inc->upto.data,
		inc->upto.len };
	q->limit = inc->limit;
	switch (inc->step) {
	case PG_INC_OPEN:
		write_signal(inc, b, "open", "snapshot-window-open");
		break;
	case PG_INC_BEGIN:
		write_begin(inc, b);
		break;
	case PG_INC_FACTS:
		write_facts(inc, b);
		break;
	case PG_INC_MAXIMUM:
		pg_sql_maximum(b, q);
		break;
	case PG_INC_COPY:
		pg_sql_chunk(b, q);
		break;
	case PG_INC_COMMIT:
		(void)leat_buf_add_str(b, "COMMIT");
		break;
	case PG_INC_MARK:
		write_mark(inc, b);
		break;
	case PG_INC_IDLE:
	case PG_INC_WAIT:
	case PG_INC_EMIT:
		break;
	}
}
