/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_stream.c: what the stream says about the chunk in progress:
 * which of its keys changed meanwhile, and when its window closes.
 */
#include <string.h>

#include <leat/wire.h>

#include "pg_incremental_parts.h"

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
