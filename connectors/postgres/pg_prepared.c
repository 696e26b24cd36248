/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_prepared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/wire.h>

enum {
	DESCRIPTIONS_MAX = 256 * 1024 * 1024,	/* bytes of all of them */
	OID_AT = 1		/* of a relation or change, behind its tag */
};

/* A Relation message as it came. */
struct description {
	size_t len;
	char payload[];
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static struct leat_str
oid_key(const uint32_t *oid)
{
	return (struct leat_str){ (const char *)oid, sizeof(*oid) };
}

static int
remember(struct pg_stream *s, uint32_t oid, const struct pgo_frame *f,
    struct leat_err *err)
{
	struct description *d, *old = leat_map_get(&s->described,
	    oid_key(&oid));

	if (old != NULL && old->len == f->payload_len &&
	    memcmp(old->payload, f->payload, old->len) == 0)
		return 0;
	if (s->described_bytes + f->payload_len > DESCRIPTIONS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "two-phase decoding: more than %d bytes of descriptions of "
		    "tables; publish fewer", DESCRIPTIONS_MAX);
	d = malloc(sizeof(*d) + f->payload_len);
	if (d == NULL || leat_map_set(&s->described, oid_key(&oid), d,
	    NULL) < 0) {
		free(d);
		return no_memory(err);
	}
	d->len = f->payload_len;
	memcpy(d->payload, f->payload, d->len);
	s->described_bytes += d->len - (old == NULL ? 0 : old->len);
	free(old);
	return 0;
}

void
pg_prepared_fini(struct pg_stream *s)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&s->described, &it)) != NULL)
		free(e->value);
	leat_map_fini(&s->described);
	leat_map_init(&s->described);
	s->described_bytes = 0;
}

/* ---------------------------------------------------------------- the spool */

/* The relation's description goes in front of its first change. */
static int
describe(struct pg_stream *s, uint32_t oid, struct leat_err *err)
{
	struct pg_spool *sp = s->spools.open;
	const struct description *d;
	struct pgo_frame f = { .kind = PGO_FRAME_DATA };

	if (leat_map_get(&sp->described, oid_key(&oid)) != NULL)
		return 0;
	d = leat_map_get(&s->described, oid_key(&oid));
	if (d == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "a change of relation %u came before its description",
		    oid);
	if (leat_map_set(&sp->described, oid_key(&oid), s, NULL) < 0)
		return no_memory(err);
	f.payload = d->payload;
	f.payload_len = d->len;
	return pg_spool_keep(&s->spools, sp, &f, 0, err);
}

static int
describe_truncated(struct pg_stream *s, const struct pgo_frame *f,
    struct leat_err *err)
{
	struct pgo_msg m;
	int rc = pgo_decode(&s->dec, f->payload, f->payload_len, &m, err);

	for (uint32_t i = 0; rc == 0 && i < m.u.truncate.nrels; i++)
		rc = describe(s, leat_get_u32(m.u.truncate.oids +
		    (size_t)i * 4), err);
	return rc;
}

/* It holds for what the server sends next, be this rolled back or not. */
static int
described(struct pg_stream *s, uint32_t oid, const struct pgo_frame *f,
    struct leat_err *err)
{
	struct pg_relation *rel = pg_relcache_find(s->rels, oid);
	int rc = remember(s, oid, f, err);

	if (rc == 0 && leat_map_set(&s->spools.open->described, oid_key(&oid),
	    s, NULL) < 0)
		rc = no_memory(err);
	if (rel != NULL)
		rel->superseded = 1;
	return rc;
}

static int
keep(struct pg_stream *s, const struct pgo_frame *f, struct leat_err *err)
{
	uint32_t oid = f->payload_len < OID_AT + 4 ? 0 :
	    leat_get_u32(f->payload + OID_AT);
	int rc = 0;

	switch (f->payload[0]) {
	case PGO_RELATION:
		rc = described(s, oid, f, err);
		break;
	case PGO_INSERT:
	case PGO_UPDATE:
	case PGO_DELETE:
		rc = describe(s, oid, err);
		break;
	case PGO_TRUNCATE:
		rc = describe_truncated(s, f, err);
	}
	return rc < 0 ? rc : pg_spool_keep(&s->spools, s->spools.open, f, 0,
	    err);
}

static int
begin(struct pg_stream *s, const struct pgo_msg *m, struct leat_err *err)
{
	struct pg_spool *sp = pg_spool_find(&s->spools, m->xid);
	int rc;

	if (sp != NULL || s->spools.open != NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "prepared transaction %u begins twice, or inside another",
		    m->xid);
	rc = pg_spool_begin(&s->spools, m->xid, &sp, err);
	if (rc < 0)
		return rc;
	sp->prepared = m->u.prepared.lsn;
	s->spools.open = sp;
	s->in_prepared = 1;
	return 0;
}

static void
end(struct pg_stream *s, const struct pgo_msg *m)
{
	struct pg_spool *sp = pg_spool_find(&s->spools, m->xid);

	/*
	 * Alone, where the transaction was rolled back before it was decoded
	 * (PostgreSQL 18).
	 */
	if (m->tag == PGO_PREPARE && s->in_prepared) {
		s->spools.open = NULL;
		s->in_prepared = 0;
	} else if (m->tag == PGO_STREAM_PREPARE && sp != NULL) {
		sp->prepared = m->u.prepared.lsn;
	} else if (m->tag == PGO_ROLLBACK_PREPARED && sp != NULL) {
		pg_spool_free(&s->spools, sp);
	}
	leat_metric_set(s->spools.m_bytes, (int64_t)s->spools.bytes);
}

int
pg_prepared_owns(const struct pg_stream *s, const struct pgo_frame *f)
{
	char tag = f->payload[0];

	return s->in_prepared || tag == PGO_BEGIN_PREPARE ||
	    tag == PGO_PREPARE || tag == PGO_ROLLBACK_PREPARED ||
	    tag == PGO_STREAM_PREPARE;
}

int
pg_prepared_take(struct pg_stream *s, const struct pgo_frame *f,
    struct leat_err *err)
{
	char tag = f->payload[0];
	struct pgo_msg m;
	int rc;

	if (s->in_prepared && tag != PGO_PREPARE)
		return keep(s, f, err);
	rc = pgo_decode(&s->dec, f->payload, f->payload_len, &m, err);
	if (rc == 0 && tag == PGO_BEGIN_PREPARE)
		rc = begin(s, &m, err);
	else if (rc == 0)
		end(s, &m);
	if (rc == 0)
		pg_prepared_hold(s);
	return rc;
}

/* ---------------------------------------------------------------- position */

void
pg_prepared_hold(struct pg_stream *s)
{
	uint64_t hold = pg_spools_hold(&s->spools, s->start_lsn);

	if (s->resend_until != 0 && (hold == 0 || s->start_lsn < hold))
		hold = s->start_lsn;
	/* Only what frees log is worth storing by itself. */
	if (s->pos.prepared != 0 && (hold == 0 || hold > s->pos.prepared))
		s->position_dirty = 1;
	s->pos.prepared = hold;
}

void
pg_prepared_reached(struct pg_stream *s, uint64_t lsn)
{
	if (s->resend_until == 0 || lsn < s->resend_until)
		return;
	s->resend_until = 0;
	pg_prepared_hold(s);
}

/* ------------------------------------------------------------ descriptions */

static int
is_latest(struct pg_stream *s, uint32_t oid, const struct pgo_frame *f)
{
	const struct description *d = leat_map_get(&s->described,
	    oid_key(&oid));

	return d != NULL && d->len == f->payload_len &&
	    memcmp(d->payload, f->payload, d->len) == 0;
}

int
pg_prepared_relation(struct pg_stream *s, const struct pgo_frame *f,
    uint32_t oid, struct leat_err *err)
{
	const struct pg_relation *rel;

	if (!s->two_phase)
		return 0;
	if (!s->replays_prepared)
		return remember(s, oid, f, err);
	rel = pg_relcache_find(s->rels, oid);
	return rel != NULL && !rel->superseded && is_latest(s, oid, f);
}

void
pg_prepared_planned(struct pg_stream *s, const struct pgo_frame *f,
    struct pg_relation *rel)
{
	rel->superseded = s->replays_prepared && !is_latest(s, rel->oid, f);
}

int
pg_prepared_latest(struct pg_stream *s, uint32_t oid, struct pgo_frame *ret)
{
	const struct description *d;
	const struct pg_relation *rel;

	if (!s->two_phase || s->replays_prepared)
		return 0;
	rel = pg_relcache_find(s->rels, oid);
	if (rel != NULL && !rel->superseded)
		return 0;
	d = leat_map_get(&s->described, oid_key(&oid));
	if (d == NULL)
		return 0;
	*ret = (struct pgo_frame){ .kind = PGO_FRAME_DATA,
		.payload = d->payload, .payload_len = d->len };
	return 1;
}
