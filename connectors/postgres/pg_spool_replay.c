/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_spool_replay.c: a transaction that was kept, as the server would have sent
 * it at its commit; see pg_spool.h.
 */
#include "pg_spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/wire.h>

enum { BEGIN_BYTES = 21, COMMIT_BYTES = 26 };

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
is_aborted(const struct pg_spool *sp, uint32_t subxid)
{
	return sp->naborted > 0 && bsearch(&subxid, sp->aborted, sp->naborted,
	    sizeof(subxid), by_number) != NULL;
}

/* From the file, or from memory where there is none. */
static ssize_t
read_at(const struct pg_spool *sp, uint8_t *to, size_t most, uint64_t at)
{
	size_t n = at < sp->out.len ? sp->out.len - (size_t)at : 0;

	if (sp->has_file)
		return pread(sp->fd, to, most, (off_t)at);
	if (n > most)
		n = most;
	memcpy(to, sp->out.data + at, n);
	return (ssize_t)n;
}

/* Makes `want` bytes from the present place on be in memory. */
static int
read_ahead(struct pg_spools *s, const struct pg_spool *sp, size_t want,
    struct leat_err *err)
{
	while (s->in.len - s->in_at < want) {
		size_t have = s->in.len - s->in_at;
		size_t more = want - have > PG_SPOOL_IN_BYTES ? want - have :
		    PG_SPOOL_IN_BYTES;
		uint8_t *to;
		ssize_t n;

		if (s->in_at > 0)
			memmove(s->in.data, s->in.data + s->in_at, have);
		s->in_at = 0;
		s->in.len = have;
		to = leat_buf_reserve(&s->in, more);
		if (to == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
		n = read_at(sp, to, more, s->at + have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? leat_err_set(err, LEAT_CLS_FATAL,
			    LEAT_E_CORRUPT, "the spool of transaction %u is "
			    "too short", sp->xid) : leat_err_errno(err,
			    LEAT_CLS_RETRY, "read the spool");
		s->in.len += (size_t)n;
	}
	return 0;
}

static void
advance(struct pg_spools *s, size_t n)
{
	s->at += n;
	s->in_at += n;
}

/* The next record that is not of an aborted subtransaction. 0: no more. */
static int
next_record(struct pg_spools *s, const struct pg_spool *sp,
    struct pgo_frame *ret, struct leat_err *err)
{
	while (s->at < sp->bytes) {
		const uint8_t *p;
		size_t len;
		int rc = read_ahead(s, sp, PG_SPOOL_HEAD_BYTES, err);

		if (rc < 0)
			return rc;
		len = leat_get_u32(s->in.data + s->in_at);
		rc = read_ahead(s, sp, PG_SPOOL_HEAD_BYTES + len, err);
		if (rc < 0)
			return rc;
		p = s->in.data + s->in_at;
		if (is_aborted(sp, leat_get_u32(p + 4))) {
			advance(s, PG_SPOOL_HEAD_BYTES + len);
			continue;
		}
		*ret = (struct pgo_frame){ .kind = PGO_FRAME_DATA,
			.lsn = leat_get_u64(p + 8),
			.payload = (const char *)p + PG_SPOOL_HEAD_BYTES,
			.payload_len = len };
		return 1;
	}
	return 0;
}

static uint64_t
wire_time(int64_t us)
{
	return (uint64_t)(us - PGO_EPOCH_US);
}

/* As the server would have begun it. */
static void
make_begin(struct pg_spools *s, const struct pg_spool *sp,
    const struct pgo_msg *m, struct pgo_frame *ret)
{
	uint8_t *p = leat_buf_reserve(&s->in, BEGIN_BYTES);

	*ret = (struct pgo_frame){ .kind = PGO_FRAME_DATA,
		.lsn = sp->has_origin ? 0 : sp->first_lsn,
		.payload = (const char *)p,
		.payload_len = p == NULL ? 0 : BEGIN_BYTES };
	if (p == NULL)
		return;
	p[0] = PGO_BEGIN;
	leat_put_u64(p + 1, m->u.prepared.lsn);
	leat_put_u64(p + 9, wire_time(m->u.prepared.time_us));
	leat_put_u32(p + 17, m->xid);
}

static void
make_commit(struct pg_spools *s, const struct pgo_msg *m,
    struct pgo_frame *ret)
{
	uint8_t *p;

	leat_buf_reset(&s->in);
	p = leat_buf_reserve(&s->in, COMMIT_BYTES);
	*ret = (struct pgo_frame){ .kind = PGO_FRAME_DATA,
		.lsn = m->u.prepared.end_lsn, .payload = (const char *)p,
		.payload_len = p == NULL ? 0 : COMMIT_BYTES };
	if (p == NULL)
		return;
	p[0] = PGO_COMMIT;
	p[1] = 0;
	leat_put_u64(p + 2, m->u.prepared.lsn);
	leat_put_u64(p + 10, m->u.prepared.end_lsn);
	leat_put_u64(p + 18, wire_time(m->u.prepared.time_us));
}

/* How far the replay is: in front of what pg_spools_next() gave last. */
enum { STEP_BEGIN, STEP_ROWS, STEP_COMMIT, STEP_END };

static int
start_replay(struct pg_spools *s, struct pg_spool *sp, struct leat_err *err)
{
	int rc = pg_spool_flush(s, sp, err);

	if (rc < 0)
		return rc;
	if (sp->naborted > 1)
		qsort(sp->aborted, sp->naborted, sizeof(*sp->aborted),
		    by_number);
	pg_spool_empty(&s->in, 4 * PG_SPOOL_IN_BYTES);
	s->in_at = 0;
	s->at = 0;
	return 0;
}

static int
next_step(struct pg_spools *s, struct pg_spool *sp, const struct pgo_msg *m,
    struct pgo_frame *ret, struct leat_err *err)
{
	int rc;

	if (s->step == STEP_BEGIN) {
		rc = start_replay(s, sp, err);
		if (rc == 0)
			make_begin(s, sp, m, ret);
		return rc < 0 ? rc : 1;
	}
	if (s->step == STEP_ROWS) {
		rc = next_record(s, sp, ret, err);
		if (rc != 0)
			return rc;
		s->step = STEP_COMMIT;
	}
	if (s->step == STEP_COMMIT) {
		make_commit(s, m, ret);
		return 1;
	}
	s->step = STEP_BEGIN;
	pg_spool_empty(&s->in, 4 * PG_SPOOL_IN_BYTES);
	pg_spool_free(s, sp);
	return 0;
}

int
pg_spools_next(struct pg_spools *s, struct pgo_decoder *d,
    const struct pgo_frame *commit, struct pgo_frame *ret,
    struct leat_err *err)
{
	struct pg_spool *sp;
	struct pgo_msg m;
	int rc = pgo_decode(d, commit->payload, commit->payload_len, &m, err);

	if (rc < 0)
		return rc;
	sp = pg_spool_find(s, m.xid);
	if (sp == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "the server commits transaction %u, but streamed nothing "
		    "of it", m.xid);
	return next_step(s, sp, &m, ret, err);
}

void
pg_spools_done(struct pg_spools *s)
{
	switch (s->step) {
	case STEP_BEGIN:
		s->step = STEP_ROWS;
		break;
	case STEP_ROWS:
		advance(s, PG_SPOOL_HEAD_BYTES +
		    leat_get_u32(s->in.data + s->in_at));
		break;
	default:
		s->step = STEP_END;
	}
}
