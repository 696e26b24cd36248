/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_spool.c: see pg_spool.h. A record of a spool is a head (length of the
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
	OUT_BYTES = 32 * 1024,
	MESSAGE_MAX = 0x7fffffff,
	ABORTED_MAX = 1 << 20
};

/* ------------------------------------------------------------ life of all */

int
pg_spools_init(struct pg_spools *s, struct leat_task *t,
    const struct pg_config *cfg, struct leat_err *err)
{
	*s = (struct pg_spools){ .task = t, .cfg = cfg };
	s->items = calloc(PG_SPOOLS_MAX, sizeof(*s->items));
	if (s->items == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	leat_buf_init(&s->in, (size_t)MESSAGE_MAX + PG_SPOOL_IN_BYTES);
	s->m_bytes = leat_metric(t, LEAT_METRIC_GAUGE, "postgres_spooled_bytes",
	    "Parts of open transactions that the server streamed.");
	s->m_total = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_streamed_transactions_total",
	    "Transactions that were streamed before their commit.");
	s->m_prepared = leat_metric(t, LEAT_METRIC_GAUGE,
	    "postgres_prepared_transactions",
	    "Prepared transactions that wait for their COMMIT PREPARED.");
	return 0;
}

void
pg_spool_empty(struct leat_buf *b, size_t most)
{
	size_t max = b->max;

	if (b->cap > most) {
		leat_buf_fini(b);
		leat_buf_init(b, max);
	}
	leat_buf_reset(b);
}

void
pg_spool_free(struct pg_spools *s, struct pg_spool *sp)
{
	if (sp->xid == 0)
		return;
	if (sp->has_file)
		(void)close(sp->fd);
	leat_buf_fini(&sp->out);
	leat_map_fini(&sp->described);
	free(sp->aborted);
	s->bytes -= sp->bytes;
	if (s->open == sp)
		s->open = NULL;
	*sp = (struct pg_spool){ 0 };
	while (s->top > 0 && s->items[s->top - 1].xid == 0)
		s->top--;
	leat_metric_set(s->m_bytes, (int64_t)s->bytes);
}

void
pg_spools_fini(struct pg_spools *s)
{
	while (s->top > 0)
		pg_spool_free(s, &s->items[s->top - 1]);
	free(s->items);
	leat_buf_fini(&s->in);
	*s = (struct pg_spools){ 0 };
}

struct pg_spool *
pg_spool_find(struct pg_spools *s, uint32_t xid)
{
	for (uint32_t i = 0; i < s->top; i++)
		if (s->items[i].xid == xid)
			return &s->items[i];
	return NULL;
}

uint64_t
pg_spools_hold(const struct pg_spools *s, uint64_t from)
{
	uint64_t hold = 0;
	int64_t n = 0;

	for (uint32_t i = 0; i < s->top; i++) {
		uint64_t at = s->items[i].prepared;

		n += at != 0;
		if (at >= from && at != 0 && (hold == 0 || at < hold))
			hold = at;
	}
	leat_metric_set(s->m_prepared, n);
	return hold;
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

int
pg_spool_begin(struct pg_spools *s, uint32_t xid, struct pg_spool **ret,
    struct leat_err *err)
{
	struct pg_spool *sp;
	uint32_t i = 0;

	while (i < s->top && s->items[i].xid != 0)
		i++;
	if (i == PG_SPOOLS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "more than %d transactions are streamed or prepared at the "
		    "same time: end old ones of pg_prepared_xacts, or set "
		    "streaming.large.transactions to false", PG_SPOOLS_MAX);
	sp = &s->items[i];
	leat_buf_init(&sp->out, (size_t)MESSAGE_MAX + OUT_BYTES);
	sp->xid = xid;
	if (i == s->top)
		s->top++;
	*ret = sp;
	return 0;
}

static int
start_block(struct pg_spools *s, uint32_t xid, struct leat_err *err)
{
	struct pg_spool *sp = pg_spool_find(s, xid);
	int rc;

	if (sp == NULL) {
		rc = pg_spool_begin(s, xid, &sp, err);
		if (rc < 0)
			return rc;
		leat_metric_add(s->m_total, 1);
	}
	s->open = sp;
	return 0;
}

/* Small transactions need no file. */
static int
flush(struct pg_spools *s, struct pg_spool *sp, struct leat_err *err)
{
	int rc = sp->has_file ? 0 : make_file(s->cfg->spool_dir, &sp->fd, err);

	if (rc < 0)
		return rc;
	sp->has_file = 1;
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
	pg_spool_empty(&sp->out, 4 * OUT_BYTES);
	return 0;
}

int
pg_spool_flush(struct pg_spools *s, struct pg_spool *sp, struct leat_err *err)
{
	return sp->has_file ? flush(s, sp, err) : 0;
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

int
pg_spool_keep(struct pg_spools *s, struct pg_spool *sp,
    const struct pgo_frame *f, size_t skip, struct leat_err *err)
{
	size_t len = f->payload_len - skip;
	uint8_t head[PG_SPOOL_HEAD_BYTES];
	int rc;

	if (f->payload_len <= skip)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "short message '%c' in a stream", f->payload[0]);
	rc = check_room(s, sizeof(head) + len, err);
	if (rc < 0)
		return rc;
	if (sp->first_lsn == 0)
		sp->first_lsn = f->lsn;
	sp->has_origin |= f->payload[0] == PGO_ORIGIN;
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
	sp->bytes += sizeof(head) + len;
	s->bytes += sizeof(head) + len;
	return sp->out.len < OUT_BYTES ? 0 : flush(s, sp, err);
}

static int
keep_streamed(struct pg_spools *s, const struct pgo_frame *f,
    struct leat_err *err)
{
	if (s->open == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "message '%c' came outside of a block", f->payload[0]);
	return pg_spool_keep(s, s->open, f, has_xid(f->payload[0]) ? 4 : 0,
	    err);
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
	struct pg_spool *sp = pg_spool_find(s, m->xid);

	if (sp == NULL)
		return 0;	/* nothing of it came */
	if (m->u.prepared.subxid != m->xid)
		return note_abort(sp, m->u.prepared.subxid, err);
	pg_spool_free(s, sp);
	return 0;
}

int
pg_spools_owns(const struct pg_spools *s, const struct pgo_frame *f)
{
	static const char ours[] = { PGO_STREAM_START, PGO_STREAM_STOP,
		PGO_STREAM_COMMIT, PGO_STREAM_ABORT, PGO_STREAM_PREPARE,
		PGO_BEGIN_PREPARE, PGO_PREPARE, PGO_COMMIT_PREPARED,
		PGO_ROLLBACK_PREPARED };

	if (f->payload_len == 0)
		return 0;
	return s->open != NULL ||
	    memchr(ours, f->payload[0], sizeof(ours)) != NULL;
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
		return keep_streamed(s, f, err);
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
