/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snap_pieces.c: see pg_snap_pieces.h.
 */
#include "pg_snap_pieces.h"

#include <errno.h>

enum {
	SHARED_MIN = 128,	/* 1 MiB: less is not worth a round trip */
	/* What is kept of a table that was interrupted: by 8 to 64 MiB. */
	KEPT_MIN = 1024,
	KEPT_MAX = 8192,
	KEPT_OF_TABLE = 256,
	PIECES_MAX = 16384
};

/* Blocks of a piece. */
static int64_t
piece_blocks(const struct pg_config *cfg, const struct pg_snap_table *st)
{
	int64_t most = cfg->snapshot_threads * cfg->snapshot_multiplier;
	int64_t n = st->blocks / SHARED_MIN, step;
	int64_t kept = st->blocks / KEPT_OF_TABLE;

	if (n > most)
		n = most;
	step = n > 1 ? (st->blocks + n - 1) / n : st->blocks;
	if (kept < KEPT_MIN)
		kept = KEPT_MIN;
	if (kept > KEPT_MAX)
		kept = KEPT_MAX;
	if (kept < step && st->file != 0)
		step = kept;
	if (step < st->blocks / PIECES_MAX)
		step = st->blocks / PIECES_MAX;
	return step > 0 ? step : 1;
}

/* The pieces of [from, to); to.plan NULL: they are counted only. */
static void
add_pieces(struct pg_snap_table *st, int64_t from, int64_t to, int64_t step)
{
	/* What is left over makes the last one longer, not another. */
	for (; from < to; from += step) {
		int64_t end = to - from < step + step / 2 ? to : from + step;

		if (st->plan != NULL)
			st->plan[st->pieces] = (struct pg_range){
				(uint32_t)from, (uint32_t)end };
		st->pieces++;
		if (end == to)
			break;
	}
}

/* What is not in `part`. The end of the table is always read again. */
static void
add_all(struct pg_snap_table *st, const struct pg_part *part, int64_t step)
{
	int64_t from = 0;

	st->pieces = 0;
	for (uint32_t i = 0; part != NULL && i < part->read.len; i++) {
		const struct pg_range *r = &part->read.items[i];

		add_pieces(st, from, r->from < st->blocks ? r->from :
		    st->blocks, step);
		from = r->to;
	}
	if (from < st->blocks)
		add_pieces(st, from, st->blocks, step);
	else if (st->plan != NULL)
		st->plan[st->pieces++] = (struct pg_range){
			(uint32_t)from, 0 };
	else
		st->pieces++;
}

static void
take_estimate(struct pg_snap_table *st)
{
	int64_t left = 0;

	for (uint32_t i = 0; i < st->pieces; i++)
		left += st->plan[i].to > st->plan[i].from ?
		    st->plan[i].to - st->plan[i].from : 0;
	if (st->blocks > 0 && st->estimate > 0)
		st->estimate = (int64_t)((double)st->estimate * (double)left /
		    (double)st->blocks);
}

int
pg_snap_pieces_plan(struct pg_snapshot *s, struct pg_snap_table *st,
    int heap, const struct pg_progress *before)
{
	const struct pg_part *part = pg_progress_part(before, st->t->oid);
	int64_t step = st->blocks > 0 ? st->blocks : 1;

	if (st->select != NULL || s->cfg->snapshot_legacy_threads)
		st->file = 0;
	if (part != NULL && (st->file == 0 || part->file != st->file))
		part = NULL;
	if (heap && st->select == NULL && !s->cfg->snapshot_legacy_threads)
		step = piece_blocks(s->cfg, st);
	st->plan = NULL;
	add_all(st, part, step);
	st->plan = leat_arena_calloc(&s->arena, st->pieces, sizeof(*st->plan));
	st->over = leat_arena_calloc(&s->arena, st->pieces, 1);
	if (st->plan == NULL || st->over == NULL)
		return -ENOMEM;
	add_all(st, part, step);
	if (part != NULL && !st->resumed)
		take_estimate(st);
	st->resumed = part != NULL;
	st->plan[st->pieces - 1].to = (uint32_t)PG_BLOCKS_ALL;
	return 0;
}

int
pg_snap_pieces_again(struct pg_snapshot *s,
    const struct pg_progress *before, struct leat_err *err)
{
	for (uint32_t i = 0; i < s->tables.len; i++)
		if (s->states[i].resumed && pg_snap_pieces_plan(s,
		    &s->states[i], 1, before) < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
	return 0;
}

int
pg_snap_pieces_whole(const struct pg_snap_table *st)
{
	return st->pieces == 1 && st->plan[0].from == 0;
}

void
pg_snap_pieces_where(const struct pg_range *piece, struct leat_buf *b)
{
	(void)leat_buf_printf(b, " ctid >= '(%u,0)'", piece->from);
	if (piece->to != (uint32_t)PG_BLOCKS_ALL)
		(void)leat_buf_printf(b, " AND ctid < '(%u,0)'", piece->to);
}
