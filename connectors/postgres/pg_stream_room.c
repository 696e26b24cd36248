/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_stream_room.c: changes that are larger than the memory there is for them.
 */
#include <stdio.h>

#include <leat/wire.h>

#include "pg_stream.h"

enum { NO_ROOM_MS = 30000, LARGE_CHANGE = 8 * 1024 * 1024 };

/* The table of an INSERT, UPDATE or DELETE, where it is known. */
static void
name_of(struct pg_stream *s, const struct pgo_frame *f, char *to, size_t n)
{
	const struct pg_relation *rel = NULL;
	const uint8_t *p = (const uint8_t *)f->payload;

	if (f->payload_len > 5)
		rel = pg_relcache_find(s->rels, leat_get_u32(p + 1));
	(void)snprintf(to, n, "%s%s%s", rel == NULL ? "a table" : rel->schema,
	    rel == NULL ? "" : ".", rel == NULL ? "" : rel->name);
}

int
pg_stream_no_room(struct pg_stream *s, struct leat_err *err)
{
	const struct pgo_frame *f = &s->room.frame;
	int64_t now = leat_mono_ms(s->task);
	char table[256];

	if (s->room.since == 0)
		s->room.since = now;
	if (now - s->room.since < NO_ROOM_MS || f->payload_len < LARGE_CHANGE)
		return 0;
	name_of(s, f, table, sizeof(table));
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
	    "a change of %s at " PG_LSN_FMT ", %zu bytes as text, finds no "
	    "room: raise memory.max.bytes of the worker to ten times that, and "
	    "max.request.size above it, or leave the column out "
	    "(column.exclude.list, column.truncate.to.<n>.chars)", table,
	    PG_LSN_ARGS(f->lsn), f->payload_len);
}
