/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snap_begin.c: opens the transactions of a snapshot, and makes sure that
 * they see the same.
 */
#include "pg_snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "pg_snap_tables.h"

enum {
	SNAPSHOT_CHUNK = 16 * 1024,
	SNAPSHOT_MAX = 256 * 1024 * 1024,
	NAME_MAX_LEN = 64,	/* of an exported snapshot */
	NAMES_MAX = 4 * 1024 * 1024
};

/* What the first transaction sees: xmin:xmax:xip. */
static const char *
snapshot_sql(const struct pg_conn *c)
{
	return c->version >= 130000 ? "SELECT pg_current_snapshot()::text" :
	    "SELECT txid_current_snapshot()::text";
}

/*
 * txId is the first transaction that the snapshot does not see. An id of its
 * own would make this one a writer for others: whoever creates a slot has to
 * wait for all writers, that is for the whole snapshot.
 */
#define FACTS_SQL(xmax)                                                   \
	"SELECT (extract(epoch FROM CURRENT_TIMESTAMP) * 1000000)::int8," \
	" CASE WHEN pg_is_in_recovery() THEN 0 ELSE " xmax " END,"        \
	" CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"    \
	" ELSE pg_current_wal_lsn() END"

static int
read_facts(struct pg_snapshot *s, int with_lsn, struct leat_err *err)
{
	static const char with_xact[] = FACTS_SQL(
	    "pg_snapshot_xmax(pg_current_snapshot())::text::int8");
	static const char with_txid[] = FACTS_SQL(
	    "txid_snapshot_xmax(txid_current_snapshot())");
	PGresult *res = NULL;
	int rc = pg_query(s->conn, &res, err, s->conn->version >= 130000 ?
	    with_xact : with_txid, 0, NULL);

	if (rc < 0)
		return rc;
	s->ts_us = pg_cell_i64(res, 0, 0);
	s->txid = pg_cell_i64(res, 0, 1);
	if (with_lsn)
		s->lsn = pg_lsn_parse(pg_cell(res, 0, 2));
	PQclear(res);
	return 0;
}

static const char *
isolation_of(const struct pg_config *cfg)
{
	switch (cfg->snapshot_isolation) {
	case PG_ISOLATION_SERIALIZABLE:
		return "SERIALIZABLE";
	case PG_ISOLATION_READ_COMMITTED:
		return "READ COMMITTED";
	case PG_ISOLATION_READ_UNCOMMITTED:
		return "READ UNCOMMITTED";
	default:
		return "REPEATABLE READ";
	}
}

static int
is_one_snapshot(const struct pg_config *cfg,
    const struct pg_snapshot_request *rq)
{
	return rq->imported != NULL ||
	    cfg->snapshot_isolation == PG_ISOLATION_SERIALIZABLE ||
	    cfg->snapshot_isolation == PG_ISOLATION_REPEATABLE_READ;
}

static int
begin_first(struct pg_snapshot *s, const struct pg_snapshot_request *rq,
    struct leat_err *err)
{
	const struct pg_reader_begin how = {
		.isolation = rq->imported != NULL ? "REPEATABLE READ" :
		    isolation_of(s->cfg),
		.imported = rq->imported,
	};

	s->readers[0].conn = s->conn;
	s->nreaders = 1;
	return pg_reader_begin(&s->readers[0], &how, err);
}

/* ------------------------------------------------------------- the others */

/* The first transaction's snapshot for the others, unless all import one. */
static int
export_snapshot(struct pg_snapshot *s, char name[NAME_MAX_LEN],
    struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = pg_query(s->conn, &res, err, "SELECT pg_export_snapshot()", 0,
	    NULL);

	if (rc < 0)
		return rc;
	(void)snprintf(name, NAME_MAX_LEN, "%.63s", pg_cell(res, 0, 0));
	PQclear(res);
	return 0;
}

static int
begin_other(struct pg_snapshot *s, const struct pg_reader_begin *how,
    const char *expected, struct leat_err *err)
{
	struct pg_reader *r = &s->readers[s->nreaders++];
	PGresult *res = NULL;
	int rc = pg_conn_open(&r->own, s->task, s->cfg, PG_CONN_SQL, err);

	r->conn = &r->own;
	if (rc == 0)
		rc = pg_reader_begin(r, how, err);
	if (rc == 0 && expected != NULL)
		rc = pg_query(r->conn, &res, err, snapshot_sql(r->conn), 0,
		    NULL);
	if (rc == 0 && expected != NULL &&
	    strcmp(pg_cell(res, 0, 0), expected) != 0)
		rc = leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "two connections of the snapshot do not see the same: "
		    "%.100s and %.100s", pg_cell(res, 0, 0), expected);
	PQclear(res);
	return rc;
}

static int
begin_others(struct pg_snapshot *s, const struct pg_snapshot_request *rq,
    uint32_t n, struct leat_err *err)
{
	struct pg_reader_begin how = { .imported = rq->imported,
		.isolation = "REPEATABLE READ" };
	char name[NAME_MAX_LEN];
	PGresult *res = NULL;
	int one = is_one_snapshot(s->cfg, rq), rc = 0;

	if (!one)
		how.isolation = isolation_of(s->cfg);
	if (one && rq->imported == NULL) {
		rc = export_snapshot(s, name, err);
		how.imported = name;
	}
	if (rc == 0 && one)
		rc = pg_query(s->conn, &res, err, snapshot_sql(s->conn), 0,
		    NULL);
	while (rc == 0 && s->nreaders < n)
		rc = begin_other(s, &how, one ? pg_cell(res, 0, 0) : NULL, err);
	PQclear(res);
	return rc < 0 ? leat_err_wrap(err,
	    "open connection %u of %u of the snapshot", s->nreaders, n) : 0;
}

static int
watch_all(struct pg_snapshot *s, struct leat_err *err)
{
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "epoll");
	for (uint32_t i = 0; i < s->nreaders; i++) {
		struct epoll_event ev = { .events = EPOLLIN };

		if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD,
		    PQsocket(s->readers[i].conn->pg), &ev) < 0)
			return leat_err_errno(err, LEAT_CLS_RETRY, "epoll");
	}
	return 0;
}

static int
open_others(struct pg_snapshot *s, const struct pg_snapshot_request *rq,
    struct leat_err *err)
{
	uint32_t n = pg_snap_tables_pieces(s);
	int rc;

	if (n > s->cfg->snapshot_threads)
		n = (uint32_t)s->cfg->snapshot_threads;
	if (n <= 1)
		return 0;
	rc = begin_others(s, rq, n, err);
	return rc < 0 ? rc : watch_all(s, err);
}

/* ------------------------------------------------------------------- begin */

static void
prepare(struct pg_snapshot *s, const struct pg_snapshot_request *rq)
{
	leat_arena_init(&s->arena, SNAPSHOT_CHUNK, SNAPSHOT_MAX);
	leat_buf_init(&s->names, NAMES_MAX);
	s->epoll_fd = -1;
	s->lsn = rq->lsn;
	s->next_table = s->turn = 0;
	s->tables_done = s->tables_before = 0;
	s->tail = NULL;
	s->done = 0;
	s->rows = s->bytes = s->estimate = 0;
	s->no_room_since = 0;
	pg_throttle_init(&s->throttle, s->cfg->snapshot_max_rows,
	    s->cfg->snapshot_max_bytes, leat_mono_ms(s->task));
	s->m_tables_left = leat_metric(s->task, LEAT_METRIC_GAUGE,
	    "postgres_snapshot_tables_left",
	    "Tables that the snapshot has not finished.");
	s->m_bytes = leat_metric(s->task, LEAT_METRIC_COUNTER,
	    "postgres_snapshot_bytes_total",
	    "Text of rows that snapshots have read.");
}

int
pg_snapshot_begin(struct pg_snapshot *s,
    const struct pg_snapshot_request *rq, struct leat_err *err)
{
	int rc = 0;

	prepare(s, rq);
	s->readers = calloc((size_t)s->cfg->snapshot_threads,
	    sizeof(*s->readers));
	if (s->readers == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (rc == 0)
		rc = begin_first(s, rq, err);
	if (rc == 0)
		rc = read_facts(s, rq->imported == NULL, err);
	if (rc == 0)
		rc = pg_snap_tables_list(s, rq, err);
	if (rc == 0)
		rc = pg_snap_tables_lock(s, err);
	if (rc == 0)
		rc = open_others(s, rq, err);
	if (rc < 0) {
		leat_err_wrap(err, "begin the snapshot");
		pg_snapshot_fini(s);
		return rc;
	}
	leat_metric_set(s->m_tables_left, s->tables.len);
	leat_log_notice(s->task, "snapshot started",
	    "tables=%u connections=%u lsn=" PG_LSN_FMT, s->tables.len,
	    s->nreaders, PG_LSN_ARGS(s->lsn));
	return 0;
}
