/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_emit.c: the rows of a chunk that the stream did not change
 * become records.
 */
#include "pg_copy_text.h"
#include "pg_incremental_parts.h"

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

/* The chunk's rows were delivered. */
static void
chunk_done(struct pg_incremental *inc)
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
	pg_inc_tell_progress(inc);
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
		chunk_done(inc);
	return rc;
}
