/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_spool.c: see pg_spool.h. A record of a file is a head (length of the
 * message, subtransaction, position) and the message as it would have come
 * without streaming: without the transaction's id behind its tag.
 */
#include "pg_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/wire.h>

enum {
	HEAD_BYTES = 16,
	OUT_BYTES = 32 * 1024,
	IN_BYTES = 256 * 1024,
	MESSAGE_MAX = 0x7fffffff,
	ABORTED_MAX = 1 << 20,
	BEGIN_BYTES = 21,
	COMMIT_BYTES = 26
};

/* ------------------------------------------------------------ life of all */

int
pg_spools_init(struct pg_spools *s, struct leat_task *t,
    const struct pg_config *cfg, int version, struct leat_err *err)
{
	*s = (struct pg_spools){ .task = t, .cfg = cfg };
	if (!cfg->stream_large)
		return 0;
	if (version < 140000) {
		leat_log_warn(t, "streaming.large.transactions needs "
		    "PostgreSQL 14", "server=%d", version / 10000);
		return 0;
	}
	s->items = calloc(PG_SPOOLS_MAX, sizeof(*s->items));
	if (s->items == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	for (int i = 0; i < PG_SPOOLS_MAX; i++)
		s->items[i].fd = -1;
	leat_buf_init(&s->in, (size_t)MESSAGE_MAX + IN_BYTES);
	s->enabled = 1;
	s->m_bytes = leat_metric(t, LEAT_METRIC_GAUGE, "postgres_spooled_bytes",
	    "Parts of open transactions that the server streamed.");
	s->m_total = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_streamed_transactions_total",
	    "Transactions that were streamed before their commit.");
	return 0;
}

/* Empties it; memory that one large value took goes back. */
static void
empty(struct leat_buf *b, size_t most)
{
	size_t max = b->max;

	if (b->cap > most) {
		leat_buf_fini(b);
		leat_buf_init(b, max);
	}
	leat_buf_reset(b);
}

static void
spool_free(struct pg_spools *s, struct pg_spool *sp)
{
	if (sp->fd >= 0)
		(void)close(sp->fd);
	leat_buf_fini(&sp->out);
	free(sp->aborted);
	s->bytes -= sp->bytes;
	*sp = (struct pg_spool){ .fd = -1 };
	leat_metric_set(s->m_bytes, (int64_t)s->bytes);
}

void
pg_spools_fini(struct pg_spools *s)
{
	for (int i = 0; s->items != NULL && i < PG_SPOOLS_MAX; i++)
		spool_free(s, &s->items[i]);
	free(s->items);
	leat_buf_fini(&s->in);
	*s = (struct pg_spools){ 0 };
}

static struct pg_spool *
find(struct pg_spools *s, uint32_t xid)
{
	for (int i = 0; i < PG_SPOOLS_MAX; i++)
		if (s->items[i].xid == xid)
			return &s->items[i];
	return NULL;
}

/* ---------------------------------------------------------------- writing */

/* A file that is gone when it is closed, however that happens. */
static int
make_file(const char *dir, int *ret_fd, struct leat_err *err)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/leat-spool-XXXXXX", dir);
	int fd = n >= (int)sizeof(path) ? -1 : mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG,
		    "streaming.spool.directory: a file in %s", dir);
	if (unlink(path) < 0) {
		(void)leat_err_errno(err, LEAT_CLS_CONFIG, "unlink %s", path);
		(void)close(fd);
		return err->code;
	}
	*ret_fd = fd;
	return 0;
}

static int
start_block(struct pg_spools *s, uint32_t xid, struct leat_err *err)
{
	struct pg_spool *sp = find(s, xid);
	int rc;

	if (sp == NULL) {
		sp = find(s, 0);
		if (sp == NULL)
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
			    "streaming.large.transactions: more than %d "
			    "transactions are streamed at the same time; set "
			    "it to false", PG_SPOOLS_MAX);
		rc = make_file(s->cfg->spool_dir, &sp->fd, err);
		if (rc < 0)
			return rc;
		leat_buf_init(&sp->out, (size_t)MESSAGE_MAX + OUT_BYTES);
		sp->xid = xid;
		leat_metric_add(s->m_total, 1);
	}
	s->open = sp;
	return 0;
}

static int
flush(struct pg_spool *sp, struct leat_err *err)
{
	for (size_t done = 0; done < sp->out.len;) {
		ssize_t n = write(sp->fd, sp->out.data + done,
		    sp->out.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return leat_err_errno(err, LEAT_CLS_RETRY,
			    "streaming.spool.directory: write");
		done += (size_t)n;
	}
	empty(&sp->out, 4 * OUT_BYTES);
	return 0;
}

static int
check_room(const struct pg_spools *s, size_t more, struct leat_err *err)
{
	if (s->bytes + more <= (uint64_t)s->cfg->spool_max)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
	    "streaming.spool.max.bytes: open transactions have more than %lld "
	    "bytes; raise it, or set streaming.large.transactions to false",
	    (long long)s->cfg->spool_max);
}

/* Inside a block these carry the (sub)transaction's id behind the tag. */
static int
has_xid(char tag)
{
	return tag == PGO_INSERT || tag == PGO_UPDATE || tag == PGO_DELETE ||
	    tag == PGO_TRUNCATE || tag == PGO_RELATION || tag == PGO_TYPE ||
	    tag == PGO_MESSAGE;
}

static int
keep(struct pg_spools *s, const struct pgo_frame *f, struct leat_err *err)
{
	struct pg_spool *sp = s->open;
	size_t skip = has_xid(f->payload[0]) ? 4 : 0;
	size_t len = f->payload_len - skip;
	uint8_t head[HEAD_BYTES];
	int rc;

	if (f->payload_len <= skip)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "short message '%c' in a stream", f->payload[0]);
	rc = check_room(s, HEAD_BYTES + len, err);
	if (rc < 0)
		return rc;
	if (sp->first_lsn == 0)
		sp->first_lsn = f->lsn;
	leat_put_u32(head, (uint32_t)len);
	leat_put_u32(head + 4, skip > 0 ? leat_get_u32(f->payload + 1) :
	    sp->xid);
	leat_put_u64(head + 8, f->lsn);
	(void)leat_buf_add(&sp->out, head, sizeof(head));
	(void)leat_buf_add_byte(&sp->out, (uint8_t)f->payload[0]);
	(void)leat_buf_add(&sp->out, f->payload + 1 + skip, len - 1);
	if (sp->out.failed)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	sp->bytes += HEAD_BYTES + len;
	s->bytes += HEAD_BYTES + len;
	return sp->out.len < OUT_BYTES ? 0 : flush(sp, err);
}

static int
note_abort(struct pg_spool *sp, uint32_t subxid, struct leat_err *err)
{
	uint32_t cap = sp->cap == 0 ? 16 : sp->cap * 2;
	uint32_t *more;

	if (sp->naborted == sp->cap) {
		more = cap > ABORTED_MAX ? NULL : realloc(sp->aborted,
		    cap * sizeof(*more));
		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "no memory for %u aborted subtransactions",
			    sp->naborted);
		sp->aborted = more;
		sp->cap = cap;
	}
	sp->aborted[sp->naborted++] = subxid;
	return 0;
}

static int
abort_part(struct pg_spools *s, const struct pgo_msg *m, struct leat_err *err)
{
	struct pg_spool *sp = find(s, m->xid);

	if (sp == NULL)
		return 0;	/* nothing of it came */
	if (m->u.prepared.subxid != m->xid)
		return note_abort(sp, m->u.prepared.subxid, err);
	spool_free(s, sp);
	return 0;
}

int
pg_spools_owns(const struct pg_spools *s, const struct pgo_frame *f)
{
	char tag = f->payload_len > 0 ? f->payload[0] : '\0';

	if (!s->enabled || tag == '\0')
		return 0;
	return s->open != NULL || tag == PGO_STREAM_START ||
	    tag == PGO_STREAM_COMMIT || tag == PGO_STREAM_ABORT;
}

int
pg_spools_take(struct pg_spools *s, struct pgo_decoder *d,
    const struct pgo_frame *f, struct leat_err *err)
{
	char tag = f->payload[0];
	struct pgo_msg m;
	int rc;

	if (tag != PGO_STREAM_START && tag != PGO_STREAM_STOP &&
	    tag != PGO_STREAM_ABORT)
		return keep(s, f, err);
	rc = pgo_decode(d, f->payload, f->payload_len, &m, err);
	if (rc < 0)
		return rc;
	if (tag == PGO_STREAM_ABORT)
		return abort_part(s, &m, err);
	leat_metric_set(s->m_bytes, (int64_t)s->bytes);
	if (tag == PGO_STREAM_START)
		return start_block(s, m.xid, err);
	s->open = NULL;
	return 0;
}

/* ----------------------------------------------------------------- replay */

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

/* Makes `want` bytes from the present place on be in memory. */
static int
read_ahead(struct pg_spools *s, const struct pg_spool *sp, size_t want,
    struct leat_err *err)
{
	while (s->in.len - s->in_at < want) {
		size_t have = s->in.len - s->in_at;
		size_t more = want - have > IN_BYTES ? want - have : IN_BYTES;
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
		n = pread(sp->fd, to, more, (off_t)(s->at + have));
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
		int rc = read_ahead(s, sp, HEAD_BYTES, err);

		if (rc < 0)
			return rc;
		len = leat_get_u32(s->in.data + s->in_at);
		rc = read_ahead(s, sp, HEAD_BYTES + len, err);
		if (rc < 0)
			return rc;
		p = s->in.data + s->in_at;
		if (is_aborted(sp, leat_get_u32(p + 4))) {
			advance(s, HEAD_BYTES + len);
			continue;
		}
		*ret = (struct pgo_frame){ .kind = PGO_FRAME_DATA,
			.lsn = leat_get_u64(p + 8),
			.payload = (const char *)p + HEAD_BYTES,
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
		.lsn = sp->first_lsn, .payload = (const char *)p,
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
	int rc = flush(sp, err);

	if (rc < 0)
		return rc;
	if (sp->naborted > 1)
		qsort(sp->aborted, sp->naborted, sizeof(*sp->aborted),
		    by_number);
	empty(&s->in, 4 * IN_BYTES);
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
	empty(&s->in, 4 * IN_BYTES);
	spool_free(s, sp);
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
	sp = find(s, m.xid);
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
		advance(s, HEAD_BYTES +
		    leat_get_u32(s->in.data + s->in_at));
		break;
	default:
		s->step = STEP_END;
	}
}
