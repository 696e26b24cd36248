/* SPDX-License-Identifier: Apache-2.0 */
/* writers.c: see writers.h. */
#include "tests/harness/writers.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/proc.h"
#include "tests/harness/twin.h"

enum { WRITERS_MAX = 16, SQL_MAX = 1000, COLUMNS_MAX = 12, MANY = 900 };

struct writer {
	struct th_writers *all;
	pthread_t thread;
	int number;
	uint64_t dice;
	PGconn *conn;
	bool lost;		/* the connection, or what it was doing */
};

struct th_writers {
	struct writer w[WRITERS_MAX];
	int n, nap_ms;
	const char *conninfo;
	pthread_mutex_t lock;	/* guards all below */
	int resting;
	size_t commits;
	int columns;		/* of t2, that were added */
	bool rest, ended;
	char trouble[2000];	/* the first */
};

/* --------------------------------------------------------------- statements */

static int
below(struct writer *w, int n)
{
	w->dice = w->dice * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (int)((w->dice >> 33) % (uint64_t)n);
}

static void
tell(struct writer *w, const char *sql, const char *why)
{
	pthread_mutex_lock(&w->all->lock);
	if (w->all->trouble[0] == '\0')
		snprintf(w->all->trouble, sizeof(w->all->trouble), "%s: %.500s",
		    sql, why);
	pthread_mutex_unlock(&w->all->lock);
}

/* Of a crash, a deadlock, a key that is taken, and what follows from them. */
static bool
is_expected(const char *state)
{
	static const char *const known[] = { "08", "57P", "23505", "3B001",
		"40", "42703", "42701", "25P02", "42704" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(state, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

/* false: refused, or the server is gone. */
static bool
run(struct writer *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool
run(struct writer *w, const char *fmt, ...)
{
	char sql[SQL_MAX];
	const char *state;
	PGresult *res;
	va_list ap;
	bool well;

	if (w->lost)
		return false;
	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	res = PQexec(w->conn, sql);
	well = PQresultStatus(res) == PGRES_COMMAND_OK ||
	    PQresultStatus(res) == PGRES_TUPLES_OK;
	state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	if (!well && state != NULL && !is_expected(state))
		tell(w, sql, PQresultErrorMessage(res));
	w->lost = PQstatus(w->conn) != CONNECTION_OK;
	PQclear(res);
	return well;
}

static int
columns(struct writer *w)
{
	int n;

	pthread_mutex_lock(&w->all->lock);
	n = w->all->columns;
	pthread_mutex_unlock(&w->all->lock);
	return n;
}

static void
add_column(struct writer *w)
{
	int n = columns(w) + 1;

	if (n > COLUMNS_MAX || !run(w, "ALTER TABLE t2 ADD COLUMN IF NOT "
	    "EXISTS x%d int NOT NULL DEFAULT %d", n, n))
		return;
	pthread_mutex_lock(&w->all->lock);
	w->all->columns = n;
	pthread_mutex_unlock(&w->all->lock);
}

/* One change of one row. */
static bool
change(struct writer *w)
{
	int t = below(w, TH_TWIN_TABLES), id = 1 + below(w, TH_TWIN_IDS);
	int other = 1 + below(w, TH_TWIN_IDS), n = columns(w);

	switch (below(w, 10)) {
	case 0:
	case 1:
		return run(w, "INSERT INTO t%d(id, val, big) VALUES (%d, "
		    "'new %d', CASE WHEN %d %% 4 = 0 THEN repeat('n%d', %d) "
		    "END) ON CONFLICT DO NOTHING", t, id, other, other, id,
		    600 + other);
	case 2:
		return run(w, "UPDATE t%d SET big = repeat('u%d', %d) "
		    "WHERE id = %d", t, other, 500 + other, id);
	case 3:
		return run(w, "DELETE FROM t%d WHERE id = %d", t, id);
	case 4:
		return run(w, "UPDATE t%d SET id = %d WHERE id = %d AND NOT "
		    "EXISTS (SELECT 1 FROM t%d WHERE id = %d)", t, other, id,
		    t, other);
	case 5:
		if (n > 0)
			return run(w, "UPDATE t2 SET x%d = %d WHERE id = %d",
			    1 + below(w, n), other, id);
		return true;
	default:
		return run(w, "UPDATE t%d SET val = 'val %d' WHERE id = %d", t,
		    other, id);
	}
}

/* ------------------------------------------------------------- transactions */

static void
changes(struct writer *w, int n)
{
	while (n-- > 0 && change(w))
		continue;
}

static bool
savepoints(struct writer *w)
{
	(void)run(w, "BEGIN");
	changes(w, 2);
	(void)run(w, "SAVEPOINT s");
	changes(w, 1 + below(w, 20));
	(void)run(w, "ROLLBACK TO s");
	changes(w, 2);
	(void)run(w, "SAVEPOINT z");
	changes(w, 1);
	return run(w, "COMMIT");
}

static bool
large(struct writer *w)
{
	int from = 1 + below(w, TH_TWIN_IDS), t = below(w, TH_TWIN_TABLES);

	(void)run(w, "BEGIN");
	(void)run(w, "UPDATE t%d SET val = 'many %d' WHERE id BETWEEN %d AND "
	    "%d", t, from, from, from + MANY);
	changes(w, 3);
	if (below(w, 2) == 0)
		(void)run(w, "DELETE FROM t%d WHERE id BETWEEN %d AND %d", t,
		    from, from + 50);
	(void)run(w, "INSERT INTO t%d(id, val) SELECT i, 'again' FROM "
	    "generate_series(%d, %d) i ON CONFLICT DO NOTHING", t,
	    from > TH_TWIN_IDS - 200 ? from - 200 : from,
	    from > TH_TWIN_IDS - 200 ? TH_TWIN_IDS : from + 200);
	return run(w, "COMMIT");
}

static bool
prepared(struct writer *w)
{
	(void)run(w, "BEGIN");
	changes(w, 3);
	if (!run(w, "PREPARE TRANSACTION 'w%d'", w->number))
		return false;
	return run(w, "%s PREPARED 'w%d'", below(w, 3) == 0 ? "ROLLBACK" :
	    "COMMIT", w->number);
}

/*
 * TRUNCATE stands alone: with rows in the same transaction, and a crash while
 * the slot is young, PostgreSQL 15 "could not map filenode", and that for ever.
 */
static bool
empties(struct writer *w)
{
	(void)run(w, "BEGIN");
	(void)run(w, "TRUNCATE t3");
	(void)run(w, below(w, 4) == 0 ? "ROLLBACK" : "COMMIT");
	return run(w, "INSERT INTO t3(id, val) SELECT i, 'fresh' FROM "
	    "generate_series(1, 300) i ON CONFLICT DO NOTHING");
}

static bool
transaction(struct writer *w)
{
	int kind = below(w, 400);

	if (kind < 250)
		return change(w);
	if (kind < 330) {
		(void)run(w, "BEGIN");
		changes(w, 2 + below(w, 8));
		return run(w, kind < 310 ? "COMMIT" : "ROLLBACK");
	}
	if (kind < 370)
		return savepoints(w);
	if (kind < 380)
		return large(w);
	if (kind < 390)
		return prepared(w);
	if (kind < 392)
		return empties(w);
	if (kind < 393)
		add_column(w);
	return true;
}

/* ------------------------------------------------------------------ threads */

static void
no_notice(void *arg, const char *message)
{
}

/* Connects, and ends what a crash left prepared. */
static void
connect_again(struct writer *w)
{
	PQfinish(w->conn);
	w->conn = PQconnectdb(w->all->conninfo);
	w->lost = PQstatus(w->conn) != CONNECTION_OK;
	PQsetNoticeProcessor(w->conn, no_notice, NULL);
	(void)run(w, "SET deadlock_timeout = '200ms'");
	(void)run(w, below(w, 2) == 0 ? "ROLLBACK PREPARED 'w%d'" :
	    "COMMIT PREPARED 'w%d'", w->number);
}

/* Waits as long as they shall rest; false: it is over. */
static bool
goes_on(struct writer *w)
{
	struct th_writers *ws = w->all;
	bool ended;

	pthread_mutex_lock(&ws->lock);
	ws->resting++;
	while (ws->rest && !ws->ended) {
		pthread_mutex_unlock(&ws->lock);
		th_nap(5);
		pthread_mutex_lock(&ws->lock);
	}
	ws->resting--;
	ended = ws->ended;
	pthread_mutex_unlock(&ws->lock);
	return !ended;
}

static bool
is_over(struct th_writers *ws, bool *ret_rest)
{
	bool ended;

	pthread_mutex_lock(&ws->lock);
	*ret_rest = ws->rest;
	ended = ws->ended;
	pthread_mutex_unlock(&ws->lock);
	return ended;
}

static void *
write_on(void *arg)
{
	struct writer *w = arg;
	struct th_writers *ws = w->all;
	bool rest;

	w->lost = true;
	while (!is_over(ws, &rest)) {
		if (w->lost)
			connect_again(w);
		if (w->lost) {
			th_nap(50);
			continue;
		}
		if (rest && !goes_on(w))
			break;
		if (transaction(w)) {
			pthread_mutex_lock(&ws->lock);
			ws->commits++;
			pthread_mutex_unlock(&ws->lock);
		}
		if (PQtransactionStatus(w->conn) != PQTRANS_IDLE)
			(void)run(w, "ROLLBACK");
		th_nap(below(w, ws->nap_ms + 1));
	}
	PQfinish(w->conn);
	return NULL;
}

/* -------------------------------------------------------------------- calls */

struct th_writers *
th_writers_start(struct th_pg *pg, int n, int nap_ms, uint64_t seed)
{
	struct th_writers *ws = calloc(1, sizeof(*ws));

	if (ws == NULL || n > WRITERS_MAX)
		th_fail("no writers");
	ws->n = n;
	ws->nap_ms = nap_ms;
	ws->conninfo = th_text("%s application_name=writer",
	    th_pg_conninfo(pg));
	pthread_mutex_init(&ws->lock, NULL);
	for (int i = 0; i < n; i++) {
		ws->w[i] = (struct writer){ .all = ws, .number = i,
			.dice = seed + (uint64_t)i * 7919 };
		if (pthread_create(&ws->w[i].thread, NULL, write_on,
		    &ws->w[i]) != 0)
			th_fail("no thread");
	}
	return ws;
}

void
th_writers_free(struct th_writers *ws)
{
	if (ws == NULL)
		return;
	pthread_mutex_lock(&ws->lock);
	ws->ended = true;
	pthread_mutex_unlock(&ws->lock);
	for (int i = 0; i < ws->n; i++)
		pthread_join(ws->w[i].thread, NULL);
	pthread_mutex_destroy(&ws->lock);
	free(ws);
}

/* All of them rest. */
static bool
all_rest(struct th_writers *ws)
{
	char trouble[sizeof(ws->trouble)];
	bool all;

	pthread_mutex_lock(&ws->lock);
	all = ws->resting == ws->n;
	memcpy(trouble, ws->trouble, sizeof(trouble));
	pthread_mutex_unlock(&ws->lock);
	if (trouble[0] != '\0')
		th_fail("a writer: %s", trouble);
	return all;
}

void
th_writers_pause(struct th_writers *ws, int timeout_ms)
{
	pthread_mutex_lock(&ws->lock);
	ws->rest = true;
	pthread_mutex_unlock(&ws->lock);
	TH_WAIT(all_rest(ws), timeout_ms);
}

void
th_writers_go_on(struct th_writers *ws)
{
	pthread_mutex_lock(&ws->lock);
	ws->rest = false;
	pthread_mutex_unlock(&ws->lock);
}

size_t
th_writers_commits(struct th_writers *ws)
{
	size_t n;

	pthread_mutex_lock(&ws->lock);
	n = ws->commits;
	pthread_mutex_unlock(&ws->lock);
	return n;
}
