/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_incremental_window.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include <leat/err.h>
#include <leat/wire.h>

/* What the map holds for a key without a row. */
#define TOUCHED ((void *)(uintptr_t)UINT32_MAX)

/* -------------------------------------------------------------------- keys */

void
pg_key_encode(struct leat_buf *b, const struct pgo_column *cols,
    const uint32_t *which, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct pgo_column *c = &cols[which == NULL ? i :
		    which[i]];
		uint8_t len[4];

		if (c->kind == PGO_NULL) {
			(void)leat_buf_add_byte(b, 'n');
			continue;
		}
		leat_put_u32(len, c->len);
		(void)leat_buf_add_byte(b, 't');
		(void)leat_buf_add(b, len, sizeof(len));
		(void)leat_buf_add(b, c->data, c->len);
	}
}

int
pg_key_next(struct leat_str *rest, struct pgo_column *ret)
{
	uint32_t len;

	if (rest->len == 0)
		return 0;
	if (rest->ptr[0] == 'n') {
		*ret = (struct pgo_column){ .kind = PGO_NULL };
		rest->ptr++;
		rest->len--;
		return 1;
	}
	if (rest->len < 5)
		return 0;
	len = leat_get_u32((const uint8_t *)rest->ptr + 1);
	if (len > rest->len - 5)
		return 0;
	*ret = (struct pgo_column){ .kind = PGO_TEXT, .data = rest->ptr + 5,
		.len = len };
	rest->ptr += 5 + len;
	rest->len -= 5 + len;
	return 1;
}

/* ------------------------------------------------------------------ window */

void
pg_window_reset(struct pg_window *w)
{
	for (uint32_t i = 0; i < w->nrows; i++)
		PQfreemem(w->rows[i].line);
	free(w->rows);
	leat_map_fini(&w->keys);
	*w = (struct pg_window){ 0 };
}

void
pg_window_open(struct pg_window *w)
{
	pg_window_reset(w);
	w->open = 1;
}

static int
make_room(struct pg_window *w)
{
	uint32_t cap = w->cap == 0 ? 64 : w->cap * 2;
	struct pg_window_row *rows;

	if (w->nrows < w->cap)
		return 0;
	if (cap < w->cap)
		return -ENOMEM;
	rows = reallocarray(w->rows, cap, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	w->rows = rows;
	w->cap = cap;
	return 0;
}

int
pg_window_add(struct pg_window *w, struct leat_str key, char *owned_line,
    size_t len)
{
	void *old = leat_map_get(&w->keys, key);
	struct pg_window_row *row;

	if (make_room(w) < 0 || (old != TOUCHED && leat_map_set(&w->keys, key,
	    (void *)(uintptr_t)(w->nrows + 1), NULL) < 0)) {
		PQfreemem(owned_line);
		return -ENOMEM;
	}
	row = &w->rows[w->nrows++];
	*row = (struct pg_window_row){ .line = owned_line, .len = len };
	row->gone = old == TOUCHED || w->emptied;
	w->struck += (uint32_t)row->gone;
	if (old != TOUCHED)
		row->next = (uint32_t)(uintptr_t)old;
	w->bytes += len;
	return 0;
}

static void
strike(struct pg_window *w, struct pg_window_row *row)
{
	w->struck += !row->gone;
	row->gone = 1;
}

void
pg_window_strike(struct pg_window *w, struct leat_str key)
{
	void *old = NULL;
	uint32_t at;

	if (!w->open || w->overflow)
		return;
	w->key_bytes += key.len;
	if (w->keys.len >= PG_WINDOW_TOUCHED + (size_t)w->nrows ||
	    w->key_bytes > PG_WINDOW_KEY_BYTES ||
	    leat_map_set(&w->keys, key, TOUCHED, &old) < 0) {
		w->overflow = 1;
		return;
	}
	if (old == TOUCHED)
		return;
	for (at = (uint32_t)(uintptr_t)old; at != 0;
	    at = w->rows[at - 1].next)
		strike(w, &w->rows[at - 1]);
}

void
pg_window_strike_all(struct pg_window *w)
{
	w->emptied = w->open;
	for (uint32_t i = 0; i < w->nrows; i++)
		strike(w, &w->rows[i]);
}

/* -------------------------------------------------------------- visibility */

int
pg_visible_parse(const char *text, struct leat_arena *a,
    struct pg_visible *ret)
{
	struct leat_str rest = leat_str_c(text);
	struct leat_str xmin = leat_str_cut(&rest, ':');
	struct leat_str xmax = leat_str_cut(&rest, ':');
	struct pg_visible v = { 0 };
	uint64_t *xip;
	uint32_t n = rest.len > 0;

	for (size_t i = 0; i < rest.len; i++)
		n += rest.ptr[i] == ',';
	if (leat_parse_u64(xmin, UINT64_MAX, &v.xmin) < 0 ||
	    leat_parse_u64(xmax, UINT64_MAX, &v.xmax) < 0 ||
	    v.xmin > v.xmax || n > PG_SNAPSHOT_XIDS)
		return LEAT_E_PARSE;
	xip = leat_arena_calloc(a, n, sizeof(*xip));
	if (xip == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (leat_parse_u64(leat_str_cut(&rest, ','), UINT64_MAX,
		    &xip[i]) < 0)
			return LEAT_E_PARSE;
	v.xip = xip;
	v.nxip = n;
	*ret = v;
	return 0;
}

/* The id of 64 bits that is nearest to `near`. */
static uint64_t
widen(uint32_t xid, uint64_t near)
{
	uint64_t full = (near & ~(uint64_t)UINT32_MAX) | xid;
	const uint64_t half = UINT64_C(1) << 31, epoch = half << 1;

	if (full > near && full - near > half && full >= epoch)
		return full - epoch;
	if (full < near && near - full > half)
		return full + epoch;
	return full;
}

int
pg_visible_has(const struct pg_visible *v, uint32_t xid)
{
	uint64_t full = widen(xid, v->xmax);

	if (full < v->xmin)
		return 1;
	if (full >= v->xmax)
		return 0;
	for (uint32_t i = 0; i < v->nxip; i++)
		if (v->xip[i] == full)
			return 0;
	return 1;
}

int
pg_ring_seen(const struct pg_ring *r, uint64_t upto,
    const struct pg_visible *v)
{
	uint64_t oldest = r->n > PG_RING_XIDS ? r->n - PG_RING_XIDS : 0;

	for (uint64_t i = upto; i > oldest; i--)
		if (!pg_visible_has(v, r->xids[(i - 1) % PG_RING_XIDS]))
			return 0;
	return 1;
}
