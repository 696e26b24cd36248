/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgoutput.c: see pgoutput.h. Every reader goes through leat_reader, whose
 * sticky error is looked at once per message, so that nothing read past the
 * end of a message is ever used.
 */
#include "pgoutput.h"

#include <leat/wire.h>

void
pgo_reset(struct pgo_decoder *d)
{
	d->in_stream = 0;
}

static int64_t
read_time(struct leat_reader *r)
{
	int64_t t = leat_read_i64(r);

	/* The server's range ends long before this addition could overflow. */
	if (t > INT64_MAX - PGO_EPOCH_US) {
		leat_reader_fail(r);
		return 0;
	}
	return t + PGO_EPOCH_US;
}

static void
read_columns(struct leat_reader *r, struct pgo_column *cols, uint32_t n)
{
	for (uint32_t i = 0; i < n && r->err == 0; i++) {
		struct pgo_column *c = &cols[i];

		c->kind = leat_read_u8(r);
		c->len = 0;
		c->data = NULL;
		switch (c->kind) {
		case PGO_NULL:
		case PGO_UNCHANGED:
			break;
		case PGO_TEXT:
		case PGO_BINARY:
			c->len = leat_read_u32(r);
			c->data = (const char *)leat_read_bytes(r, c->len);
			break;
		default:
			leat_reader_fail(r);
		}
	}
}

static void
read_tuple(struct leat_reader *r, struct pgo_column *cols,
    struct pgo_tuple *ret)
{
	uint32_t n = leat_read_u16(r);

	if (n > PGO_MAX_COLUMNS) {
		leat_reader_fail(r);
		return;
	}
	read_columns(r, cols, n);
	ret->cols = cols;
	ret->ncols = n;
}

static void
read_begin(struct leat_reader *r, struct pgo_msg *m)
{
	m->u.begin.final_lsn = leat_read_u64(r);
	m->u.begin.commit_us = read_time(r);
	m->xid = leat_read_u32(r);
}

static void
read_commit(struct leat_reader *r, struct pgo_msg *m)
{
	(void)leat_read_u8(r);	/* flags: none defined */
	m->u.commit.commit_lsn = leat_read_u64(r);
	m->u.commit.end_lsn = leat_read_u64(r);
	m->u.commit.commit_us = read_time(r);
}

static void
read_origin(struct leat_reader *r, struct pgo_msg *m)
{
	m->u.origin.lsn = leat_read_u64(r);
	m->u.origin.name = leat_read_cstr(r);
}

static void
read_relation(struct leat_reader *r, struct pgo_decoder *d, struct pgo_msg *m)
{
	struct pgo_relation *rel = &m->u.relation;

	rel->oid = leat_read_u32(r);
	rel->schema = leat_read_cstr(r);
	if (rel->schema.len == 0)
		rel->schema = LEAT_STR("pg_catalog");
	rel->name = leat_read_cstr(r);
	rel->identity = leat_read_u8(r);
	rel->ncols = leat_read_u16(r);
	rel->cols = d->rel_cols;
	if (rel->ncols > PGO_MAX_COLUMNS) {
		leat_reader_fail(r);
		return;
	}
	for (uint32_t i = 0; i < rel->ncols && r->err == 0; i++) {
		struct pgo_relcol *c = &d->rel_cols[i];

		c->in_identity = leat_read_u8(r) & 1u;
		c->name = leat_read_cstr(r);
		c->type_oid = leat_read_u32(r);
		c->typmod = leat_read_i32(r);
	}
}

static void
read_type(struct leat_reader *r, struct pgo_msg *m)
{
	m->u.type.oid = leat_read_u32(r);
	m->u.type.schema = leat_read_cstr(r);
	m->u.type.name = leat_read_cstr(r);
}

static void
read_insert(struct leat_reader *r, struct pgo_decoder *d, struct pgo_msg *m)
{
	struct pgo_change *c = &m->u.change;

	c->rel_oid = leat_read_u32(r);
	c->old_kind = 0;
	if (leat_read_u8(r) != 'N')
		leat_reader_fail(r);
	read_tuple(r, d->new_cols, &c->new_row);
}

static void
read_update(struct leat_reader *r, struct pgo_decoder *d, struct pgo_msg *m)
{
	struct pgo_change *c = &m->u.change;
	uint8_t kind;

	c->rel_oid = leat_read_u32(r);
	c->old_kind = 0;
	kind = leat_read_u8(r);
	if (kind == 'K' || kind == 'O') {
		c->old_kind = kind;
		read_tuple(r, d->old_cols, &c->old_row);
		kind = leat_read_u8(r);
	}
	if (kind != 'N')
		leat_reader_fail(r);
	read_tuple(r, d->new_cols, &c->new_row);
}

static void
read_delete(struct leat_reader *r, struct pgo_decoder *d, struct pgo_msg *m)
{
	struct pgo_change *c = &m->u.change;

	c->rel_oid = leat_read_u32(r);
	c->old_kind = leat_read_u8(r);
	if (c->old_kind != 'K' && c->old_kind != 'O')
		leat_reader_fail(r);
	read_tuple(r, d->old_cols, &c->old_row);
}

static void
read_truncate(struct leat_reader *r, struct pgo_msg *m)
{
	struct pgo_truncate *t = &m->u.truncate;
	uint8_t flags;

	t->nrels = leat_read_u32(r);
	flags = leat_read_u8(r);
	t->cascade = flags & 1u;
	t->restart_identity = (flags >> 1) & 1u;
	if (t->nrels > PGO_MAX_TRUNCATED)
		leat_reader_fail(r);
	t->oids = leat_read_bytes(r, (size_t)t->nrels * 4);
}

static void
read_message(struct leat_reader *r, struct pgo_msg *m)
{
	struct pgo_message *c = &m->u.message;

	c->transactional = leat_read_u8(r) & 1u;
	c->lsn = leat_read_u64(r);
	c->prefix = leat_read_cstr(r);
	c->content.len = leat_read_u32(r);
	c->content.ptr = (const char *)leat_read_bytes(r, c->content.len);
}

static void
read_stream_start(struct leat_reader *r, struct pgo_decoder *d,
    struct pgo_msg *m)
{
	if (d->in_stream)
		leat_reader_fail(r);
	m->xid = leat_read_u32(r);
	m->first = leat_read_u8(r);
	if (r->err == 0)
		d->in_stream = 1;
}

static void
read_stream_stop(struct leat_reader *r, struct pgo_decoder *d)
{
	if (!d->in_stream || leat_reader_left(r) > 0)
		leat_reader_fail(r);
	else
		d->in_stream = 0;
}

static void
read_stream_commit(struct leat_reader *r, struct pgo_msg *m)
{
	m->xid = leat_read_u32(r);
	(void)leat_read_u8(r);
	m->u.prepared.lsn = leat_read_u64(r);
	m->u.prepared.end_lsn = leat_read_u64(r);
	m->u.prepared.time_us = read_time(r);
}

static void
read_stream_abort(struct leat_reader *r, struct pgo_msg *m)
{
	m->xid = leat_read_u32(r);
	m->u.prepared.subxid = leat_read_u32(r);
	if (leat_reader_left(r) > 0) {	/* streaming=parallel */
		m->u.prepared.lsn = leat_read_u64(r);
		m->u.prepared.time_us = read_time(r);
	}
}

/* b P K p: [flags] lsn end_lsn time xid gid */
static void
read_prepare(struct leat_reader *r, struct pgo_msg *m)
{
	struct pgo_prepared *p = &m->u.prepared;

	if (m->tag != PGO_BEGIN_PREPARE)
		(void)leat_read_u8(r);
	p->lsn = leat_read_u64(r);
	p->end_lsn = leat_read_u64(r);
	p->time_us = read_time(r);
	m->xid = leat_read_u32(r);
	p->gid = leat_read_cstr(r);
}

static void
read_rollback_prepared(struct leat_reader *r, struct pgo_msg *m)
{
	struct pgo_prepared *p = &m->u.prepared;

	(void)leat_read_u8(r);
	p->lsn = leat_read_u64(r);
	p->end_lsn = leat_read_u64(r);
	(void)read_time(r);	/* when it was prepared */
	p->time_us = read_time(r);
	m->xid = leat_read_u32(r);
	p->gid = leat_read_cstr(r);
}

/* Inside a streamed block these carry the transaction's id in front. */
static int
has_stream_xid(uint8_t tag)
{
	return tag == PGO_INSERT || tag == PGO_UPDATE || tag == PGO_DELETE ||
	    tag == PGO_TRUNCATE || tag == PGO_RELATION || tag == PGO_TYPE ||
	    tag == PGO_MESSAGE;
}

/* 0, or -1 for a tag that is none. */
static int
read_body(struct leat_reader *r, struct pgo_decoder *d, struct pgo_msg *m)
{
	switch (m->tag) {
	case PGO_BEGIN: read_begin(r, m); return 0;
	case PGO_COMMIT: read_commit(r, m); return 0;
	case PGO_ORIGIN: read_origin(r, m); return 0;
	case PGO_RELATION: read_relation(r, d, m); return 0;
	case PGO_TYPE: read_type(r, m); return 0;
	case PGO_INSERT: read_insert(r, d, m); return 0;
	case PGO_UPDATE: read_update(r, d, m); return 0;
	case PGO_DELETE: read_delete(r, d, m); return 0;
	case PGO_TRUNCATE: read_truncate(r, m); return 0;
	case PGO_MESSAGE: read_message(r, m); return 0;
	case PGO_STREAM_START: read_stream_start(r, d, m); return 0;
	case PGO_STREAM_STOP: read_stream_stop(r, d); return 0;
	case PGO_STREAM_COMMIT: read_stream_commit(r, m); return 0;
	case PGO_STREAM_ABORT: read_stream_abort(r, m); return 0;
	case PGO_BEGIN_PREPARE:
	case PGO_PREPARE:
	case PGO_COMMIT_PREPARED:
	case PGO_STREAM_PREPARE: read_prepare(r, m); return 0;
	case PGO_ROLLBACK_PREPARED: read_rollback_prepared(r, m); return 0;
	}
	return -1;
}

int
pgo_decode(struct pgo_decoder *d, const void *p, size_t len,
    struct pgo_msg *ret_msg, struct leat_err *err)
{
	struct leat_reader r;
	uint8_t tag;

	leat_reader_init(&r, p, len);
	tag = leat_read_u8(&r);
	ret_msg->tag = (enum pgo_tag)tag;
	ret_msg->xid = 0;
	ret_msg->first = 0;
	if (tag >= 'A' && !has_stream_xid(tag))
		ret_msg->u.prepared = (struct pgo_prepared){ 0 };
	if (d->in_stream && has_stream_xid(tag))
		ret_msg->xid = leat_read_u32(&r);
	if (len == 0 || read_body(&r, d, ret_msg) < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "unknown pgoutput message 0x%02x of %zu bytes", tag, len);
	if (r.err != 0 || leat_reader_left(&r) != 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "malformed pgoutput message '%c' of %zu bytes: %s", tag,
		    len, r.err != 0 ? "a field does not fit" :
		    "bytes left over");
	return 0;
}

int
pgo_frame_decode(const void *p, size_t len, struct pgo_frame *ret_frame,
    struct leat_err *err)
{
	struct pgo_frame f = { 0 };
	struct leat_reader r;

	leat_reader_init(&r, p, len);
	f.kind = leat_read_u8(&r);
	f.lsn = leat_read_u64(&r);
	if (f.kind == PGO_FRAME_DATA) {
		(void)leat_read_u64(&r);	/* walEnd: equal to the start */
		(void)leat_read_u64(&r);	/* time of sending */
		f.payload_len = leat_reader_left(&r);
		f.payload = (const char *)leat_read_bytes(&r, f.payload_len);
	} else if (f.kind == PGO_FRAME_KEEPALIVE) {
		(void)leat_read_u64(&r);
		f.reply_now = leat_read_u8(&r);
	} else {
		leat_reader_fail(&r);
	}
	if (r.err != 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "malformed replication frame 0x%02x of %zu bytes", f.kind,
		    len);
	*ret_frame = f;
	return 0;
}

void
pgo_status_encode(uint8_t to[PGO_STATUS_BYTES], uint64_t written,
    uint64_t flushed, int64_t now_us, int reply_now)
{
	to[0] = 'r';
	leat_put_u64(to + 1, written);
	leat_put_u64(to + 9, flushed);
	leat_put_u64(to + 17, flushed);
	leat_put_u64(to + 25, (uint64_t)(now_us - PGO_EPOCH_US));
	to[33] = reply_now != 0;
}
