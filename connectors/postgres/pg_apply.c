/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_apply.h"

#include <errno.h>
#include <string.h>

#include <leat/json.h>
#include <leat/wire.h>

#include "pg_prepared.h"

/* With the queues that signals made. */
enum { POSITION_BYTES_MAX = 4 * 1024 * 1024 };

/* --------------------------------------------------------------- position */

int
pg_partition_json(const char *prefix, struct leat_buf *b)
{
	(void)leat_buf_add_str(b, "{\"server\":");
	(void)leat_json_add_string(b, prefix, strlen(prefix));
	(void)leat_buf_add_byte(b, '}');
	return leat_buf_cstr(b) == NULL ? -ENOMEM : 0;
}

int
pg_apply_position(struct pg_stream *s, struct leat_batch *b,
    struct leat_err *err)
{
	const struct pg_txmeta *tx = &s->emit->tx;
	struct leat_buf part, pos;
	int rc = 0;

	if (tx->open && tx->bytes > PG_TXMETA_BYTES_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "provide.transaction.metadata: transaction %lld changes "
		    "more tables than a position can count; switch it off",
		    (long long)tx->xid);
	leat_buf_init(&part, PG_POSITION_MAX);
	leat_buf_init(&pos, POSITION_BYTES_MAX);
	pg_position_encode(&s->pos, &pos);
	pg_control_encode(s->control, &pos);
	if (tx->open && pos.len > 0) {
		pos.len--;	/* the closing brace */
		pg_txmeta_encode(tx, s->pos.lsn, &pos);
		(void)leat_buf_add_byte(&pos, '}');
	}
	if (pg_partition_json(s->emit->prefix, &part) < 0 ||
	    leat_buf_cstr(&pos) == NULL ||
	    leat_batch_position(b, leat_buf_cstr(&part),
	    leat_buf_cstr(&pos)) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	leat_buf_fini(&part);
	leat_buf_fini(&pos);
	return rc;
}

/* ------------------------------------------------------------ transactions */

/*
 * The server begins with the first transaction that it has not heard to be
 * confirmed. If that lies behind the one that was delivered in part, the rest
 * of that one is lost, and going on would hide it.
 */
static int
check_resume(struct pg_stream *s, struct leat_err *err)
{
	if (s->resume_final == 0 || s->final_lsn <= s->resume_final)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
	    "the stream goes on at " PG_LSN_FMT ", but only %llu changes of "
	    "the transaction at " PG_LSN_FMT " were delivered: slot '%s' was "
	    "moved or recreated; delete the stored position to take a new "
	    "snapshot",
	    PG_LSN_ARGS(s->final_lsn), (unsigned long long)s->resume_events,
	    PG_LSN_ARGS(s->resume_final), s->cfg->slot);
}

/*
 * What committed before `flush` is delivered, or in the snapshot; and what
 * committed before the transaction that was delivered in part had nothing to
 * deliver then.
 */
static int
is_delivered(const struct pg_stream *s, uint64_t final_lsn)
{
	return final_lsn < s->pos.flush || final_lsn < s->resume_final;
}

static void
set_begin(struct pg_stream *s, const struct pgo_msg *m, uint64_t lsn)
{
	pg_emit_transaction(s->emit, s->commit_us, m->xid, s->pos.lsn_commit);
	s->pos.final_lsn = s->final_lsn;
	s->pos.events = s->pos.records = 0;
	if (s->final_lsn == s->resume_final) {
		s->pos.events = s->resume_events;
		s->pos.records = s->resume_records;
	}
	s->pos.txid = m->xid;
	s->pos.ts_us = s->commit_us;
	s->pos.message_type = 'B';
	if (lsn != 0)
		s->pos.lsn = lsn;
}

static int
begin(struct pg_stream *s, struct leat_batch *b, const struct pgo_msg *m,
    uint64_t lsn, struct leat_err *err)
{
	uint64_t final_lsn = m->u.begin.final_lsn;
	int drop = is_delivered(s, final_lsn), rc;

	if (s->until != 0 && final_lsn >= s->until) {
		s->reached = 1;
		return PG_CONV_NOMEM;	/* it stays in the queue */
	}
	pg_prepared_reached(s, final_lsn);
	s->final_lsn = final_lsn;
	s->commit_us = m->u.begin.commit_us;
	rc = drop ? 0 : check_resume(s, err);
	/* After a restart its record may be out already. */
	if (rc == 0 && !drop && !s->emit->tx.open)
		rc = pg_txmeta_begin(&s->emit->tx, b, m->xid, lsn != 0 ? lsn :
		    s->pos.lsn, s->commit_us);
	if (rc != 0)
		return rc;
	pg_control_begin(s->control, m->xid, final_lsn);
	s->in_tx = 1;
	s->drop_tx = drop;
	s->seen = 0;
	if (!drop)
		set_begin(s, m, lsn);
	return 0;
}

/* The transaction that was delivered in part came again: as a whole? */
static int
check_whole(struct pg_stream *s, struct leat_err *err)
{
	if (s->final_lsn != s->resume_final ||
	    s->seen >= s->resume_events + (s->resume_records > 0))
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
	    "the transaction at " PG_LSN_FMT " has %llu changes, but %llu of "
	    "it were delivered: the publication was changed meanwhile",
	    PG_LSN_ARGS(s->final_lsn), (unsigned long long)s->seen,
	    (unsigned long long)s->resume_events);
}

static int
commit(struct pg_stream *s, struct leat_batch *b, const struct pgo_msg *m,
    uint64_t lsn, struct leat_err *err)
{
	int rc = 0;

	if (!s->drop_tx)
		rc = check_whole(s, err);
	if (rc == 0 && !s->drop_tx)
		rc = pg_txmeta_end(&s->emit->tx, b, lsn, s->commit_us);
	if (rc != 0)
		return rc;
	s->in_tx = 0;
	pg_control_reached(s->control, m->u.commit.end_lsn);
	if (s->drop_tx) {
		s->drop_tx = 0;
		return 0;
	}
	if (s->final_lsn == s->resume_final)
		s->resume_final = 0;
	s->pos.final_lsn = 0;
	s->pos.events = s->pos.records = 0;
	s->pos.lsn_commit = m->u.commit.end_lsn;
	s->pos.message_type = 'C';
	/* Idle positions may have been ahead: never go back. */
	if (m->u.commit.end_lsn > s->pos.flush)
		s->pos.flush = m->u.commit.end_lsn;
	s->position_dirty = 1;
	leat_metric_add(s->m_tx, 1);
	return 0;
}

/* ----------------------------------------------------------------- changes */

static int
apply_insert(struct pg_stream *s, struct leat_batch *b,
    struct pg_relation *rel, const struct pgo_change *c, uint64_t lsn,
    struct leat_err *err)
{
	struct pg_row row;
	int rc = pg_row_convert(s->rels, rel, &c->new_row, NULL, PG_ROW_NEW, b,
	    &row, err);

	return rc != 0 ? rc : pg_emit_row(s->emit, b, rel, lsn, 'c', &row);
}

static int
rows_equal(const struct pg_relation *rel, const struct pg_row *x,
    const struct pg_row *y)
{
	for (uint32_t i = 0; i < rel->nfields; i++)
		if (!pg_value_equal(&x->fields[i], &y->fields[i]))
			return 0;
	return 1;
}

/* A table whose rows are still to be read: what is there counts later. */
static int
is_unread(const struct pg_stream *s, const struct pg_relation *rel)
{
	return pg_unread_whole(s->unread, rel->oid);
}

static int
apply_update(struct pg_stream *s, struct leat_batch *b,
    struct pg_relation *rel, const struct pgo_change *c, uint64_t lsn,
    struct leat_err *err)
{
	const struct pgo_tuple *old_row = c->old_kind != 0 ? &c->old_row : NULL;
	struct pg_row before, after;
	int changed = 0, rc;

	if (old_row == NULL && is_unread(s, rel))
		return 0;
	if (pg_unread_partly(s->unread, rel->oid)) {
		rc = pg_unread_update(s->unread, rel, c, b, err);
		if (rc < 0)
			return rc;
	}
	/* First the new row: it may borrow texts of the old one. */
	rc = pg_row_convert(s->rels, rel, &c->new_row, old_row, PG_ROW_NEW, b,
	    &after, err);
	if (rc != 0 || old_row == NULL)
		return rc != 0 ? rc : pg_emit_update(s->emit, b, rel, lsn, NULL,
		    &after, 0);
	rc = pg_row_convert(s->rels, rel, old_row, NULL, c->old_kind == 'K' ?
	    PG_ROW_OLD_KEY : PG_ROW_NEW, b, &before, err);
	if (rc != 0)
		return rc;
	if (s->cfg->skip_unchanged && c->old_kind == 'O' &&
	    !pg_unread_partly(s->unread, rel->oid) &&
	    rows_equal(rel, &before, &after)) {
		leat_metric_add(s->m_unchanged, 1);
		return 0;
	}
	if (rel->nkeys > 0 && (c->old_kind == 'O' || rel->key_in_identity))
		changed = !pg_key_equal(rel, before.keys, after.keys);
	if (is_unread(s, rel))
		return !changed || (s->skipped & PG_SKIP_DELETE) != 0 ? 0 :
		    pg_emit_delete(s->emit, b, rel, lsn, &before);
	return pg_emit_update(s->emit, b, rel, lsn, &before, &after, changed);
}

static int
apply_delete(struct pg_stream *s, struct leat_batch *b,
    struct pg_relation *rel, const struct pgo_change *c, uint64_t lsn,
    struct leat_err *err)
{
	struct pg_row before;
	int rc = pg_row_convert(s->rels, rel, &c->old_row, NULL,
	    c->old_kind == 'K' ? PG_ROW_OLD_KEY : PG_ROW_NEW, b, &before, err);

	return rc != 0 ? rc : pg_emit_delete(s->emit, b, rel, lsn, &before);
}

static int32_t
skip_bit(enum pgo_tag tag)
{
	return tag == PGO_INSERT ? PG_SKIP_CREATE : tag == PGO_UPDATE ?
	    PG_SKIP_UPDATE : PG_SKIP_DELETE;
}

static int
unknown_relation(uint32_t oid, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
	    "a change of relation %u came before its description", oid);
}

static int
apply_change(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_msg *m, uint64_t lsn, struct leat_err *err)
{
	const struct pgo_change *c = &m->u.change;
	struct pg_relation *rel = pg_relcache_find(s->rels, c->rel_oid);

	if (rel == NULL)
		return unknown_relation(c->rel_oid, err);
	if (m->tag == PGO_INSERT)
		return apply_insert(s, b, rel, c, lsn, err);
	if (m->tag == PGO_UPDATE)
		return apply_update(s, b, rel, c, lsn, err);
	return apply_delete(s, b, rel, c, lsn, err);
}

static int
apply_truncate(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_msg *m, uint64_t lsn, struct leat_err *err)
{
	const struct pgo_truncate *t = &m->u.truncate;

	for (uint32_t i = 0; i < t->nrels; i++) {
		uint32_t oid = leat_get_u32(t->oids + (size_t)i * 4);
		struct pg_relation *rel = pg_relcache_find(s->rels, oid);
		int rc;

		if (rel == NULL)
			return unknown_relation(oid, err);
		if (!rel->captured)
			continue;
		rc = pg_emit_truncate(s->emit, b, rel, lsn);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
apply_once(struct pg_stream *s, struct leat_batch *b, const struct pgo_frame *f,
    struct pgo_msg *m, struct leat_err *err)
{
	char *copy = leat_batch_copy(b, f->payload, f->payload_len);
	int rc;

	s->room.frame = *f;
	if (copy == NULL)
		return PG_CONV_NOMEM;
	rc = pgo_decode(&s->dec, copy, f->payload_len, m, err);
	if (rc < 0)
		return rc;
	pg_emit_begin(s->emit, (uint32_t)s->pos.records);
	rc = m->tag == PGO_TRUNCATE ? apply_truncate(s, b, m, f->lsn, err) :
	    apply_change(s, b, m, f->lsn, err);
	if (rc == PG_CONV_NOMEM && s->emit->done > s->pos.records) {
		s->pos.records = s->emit->done;
		s->position_dirty = 1;
	}
	return rc;
}

/* A label that the enum did not have when its schema was made: look again. */
static int
apply_stale(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, struct pgo_msg *m, struct leat_err *err)
{
	struct pg_relation *rel = pg_relcache_find(s->rels,
	    m->u.change.rel_oid);
	int rc = pg_relcache_refresh(s->rels, &rel, err);

	if (rc < 0)
		return rc;
	rel->any_label = 1;
	rc = apply_once(s, b, f, m, err);
	rel->any_label = 0;
	return rc;
}

/* The message is done. */
static void
counted(struct pg_stream *s, const struct pgo_frame *f, char tag)
{
	if (s->final_lsn == s->resume_final)
		s->resume_final = 0;
	s->seen++;
	s->pos.events = s->seen;
	s->pos.records = 0;
	s->pos.lsn = f->lsn;
	s->pos.message_type = tag;
	pg_control_done(s->control, f->payload, f->payload_len);
}

/* Looks at the relation before anything is copied. */
static int
is_filtered(struct pg_stream *s, const struct pgo_frame *f, char tag)
{
	const struct pg_relation *rel;

	if (tag == PGO_TRUNCATE)
		return (s->skipped & PG_SKIP_TRUNCATE) != 0;
	if (f->payload_len < 5)
		return 0;
	rel = pg_relcache_find(s->rels, leat_get_u32(f->payload + 1));
	if (rel == NULL)
		return 0;
	if (tag == PGO_INSERT && is_unread(s, rel))
		return 1;
	return !rel->captured ||
	    (s->skipped & skip_bit((enum pgo_tag)tag)) != 0;
}

/* Was it delivered before the restart, as part of its transaction? */
static int
is_repeated(struct pg_stream *s)
{
	if (!s->drop_tx && (s->final_lsn != s->resume_final ||
	    s->seen >= s->resume_events))
		return 0;
	s->seen++;
	return 1;
}

static int
outside(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
	    "a change came outside of a transaction");
}

/* A change that cannot become an event: event.processing.failure.handling. */
static int
failed_event(struct pg_stream *s, const struct pgo_frame *f,
    struct leat_err *err)
{
	leat_metric_add(s->m_erroneous, 1);
	if (s->cfg->event_failure == PG_EVENT_FAIL)
		return err->code;
	if (s->cfg->event_failure == PG_EVENT_WARN)
		leat_log_warn(s->task, "a change was left out",
		    "lsn=" PG_LSN_FMT " reason=\"%s\"", PG_LSN_ARGS(f->lsn),
		    err->text);
	leat_err_clear(err);
	return 0;
}

/* The relations of a change, as they were described last. */
static int
describe(struct pg_stream *s, struct leat_batch *b, const struct pgo_frame *f,
    char tag, struct leat_err *err)
{
	size_t at = tag == PGO_TRUNCATE ? 6 : 1;
	struct pgo_frame latest;
	uint32_t n = 1;
	int rc = 0;

	if (tag == PGO_TRUNCATE && f->payload_len >= at)
		n = leat_get_u32(f->payload + 1);
	for (; rc == 0 && n > 0 && at + 4 <= f->payload_len; n--, at += 4)
		if (pg_prepared_latest(s, leat_get_u32(f->payload + at),
		    &latest))
			rc = pg_apply(s, b, &latest, err);
	return rc;
}

/* A message that counts: it makes records, or would. */
static int
row_message(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, char tag, struct leat_err *err)
{
	struct pgo_msg m;
	int rc;

	if (!s->in_tx)
		return outside(err);
	rc = s->two_phase ? describe(s, b, f, tag, err) : 0;
	if (rc < 0)
		return rc;
	pg_control_change(s->control, s->rels, f->payload, f->payload_len);
	if (is_repeated(s))
		return 0;
	if (is_filtered(s, f, tag)) {
		leat_metric_add(s->m_filtered, 1);
		counted(s, f, tag);
		return 0;
	}
	rc = apply_once(s, b, f, &m, err);
	if (rc == PG_CONV_STALE)
		rc = apply_stale(s, b, f, &m, err);
	if (rc == LEAT_E_DATA)
		rc = failed_event(s, f, err);
	if (rc == 0)
		counted(s, f, tag);
	return rc;
}

/* -------------------------------------------------------- logical messages */

static int
emit_message(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, struct leat_err *err)
{
	char *copy = leat_batch_copy(b, f->payload, f->payload_len);
	struct pgo_msg m;
	int rc;

	if (copy == NULL)
		return PG_CONV_NOMEM;
	rc = pgo_decode(&s->dec, copy, f->payload_len, &m, err);
	return rc < 0 ? rc : pg_messages_emit(s->messages, s->emit, b,
	    &m.u.message, f->lsn);
}

/*
 * Outside of transactions. The server sends it in the order of the log, so what
 * committed before it is delivered, and its end is a position like a commit's.
 */
static int
lone_message(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, int wanted, struct leat_err *err)
{
	int rc;

	if (f->lsn <= s->pos.flush)
		return 0;
	s->pos.lsn_commit = f->lsn;
	if (!wanted)
		return 0;
	pg_emit_transaction(s->emit, s->pos.ts_us, 0, s->pos.lsn_commit);
	rc = emit_message(s, b, f, err);
	if (rc != 0)
		return rc;
	s->pos.lsn = s->pos.flush = f->lsn;
	s->pos.message_type = PGO_MESSAGE;
	s->position_dirty = 1;
	return 0;
}

static int
logical_message(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, const struct pgo_message *msg,
    struct leat_err *err)
{
	int wanted, rc = 0;

	if (msg->transactional && !s->in_tx)
		return outside(err);
	if (msg->transactional && is_repeated(s))
		return 0;
	wanted = pg_messages_wants(s->messages, msg->prefix);
	if (!wanted)
		leat_metric_add(s->m_filtered, 1);
	if (!msg->transactional)
		return lone_message(s, b, f, wanted, err);
	if (wanted)
		rc = emit_message(s, b, f, err);
	if (rc == 0)
		counted(s, f, PGO_MESSAGE);
	return rc;
}

static int
relation(struct pg_stream *s, const struct pgo_frame *f,
    const struct pgo_relation *msg, struct leat_err *err)
{
	struct pg_relation *rel;
	int rc = pg_prepared_relation(s, f, msg->oid, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	pg_control_relation(s->control, msg);
	pg_txmeta_forget_relations(&s->emit->tx);
	rc = pg_relcache_put(s->rels, msg, &rel, err);
	if (rc == 0)
		pg_prepared_planned(s, f, rel);
	return rc;
}

static int
control_message(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, struct leat_err *err)
{
	struct pgo_msg m;
	int rc = pgo_decode(&s->dec, f->payload, f->payload_len, &m, err);

	if (rc < 0)
		return rc;
	if (m.tag == PGO_BEGIN)
		return begin(s, b, &m, f->lsn, err);
	if (m.tag == PGO_COMMIT)
		return commit(s, b, &m, f->lsn, err);
	if (m.tag == PGO_RELATION)
		return relation(s, f, &m.u.relation, err);
	if (m.tag == PGO_MESSAGE && pg_control_message(s->control,
	    &m.u.message))
		return 0;
	if (m.tag == PGO_MESSAGE)
		return logical_message(s, b, f, &m.u.message, err);
	if (m.tag == PGO_ORIGIN && !s->drop_tx)
		pg_emit_origin(s->emit, &m.u.origin.name, m.u.origin.lsn);
	/* Type messages say nothing that is needed. */
	return 0;
}

int
pg_apply(struct pg_stream *s, struct leat_batch *b, const struct pgo_frame *f,
    struct leat_err *err)
{
	char tag = f->payload_len > 0 ? f->payload[0] : '\0';

	if (tag == PGO_INSERT || tag == PGO_UPDATE || tag == PGO_DELETE ||
	    tag == PGO_TRUNCATE)
		return row_message(s, b, f, tag, err);
	return control_message(s, b, f, err);
}
