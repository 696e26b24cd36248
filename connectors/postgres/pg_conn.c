/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

#define STATEMENT "leat"	/* of pg_query_often */

enum {
	SLICE_MS = 50,		/* between two looks at `stopping` */
	NAG_MS = 10000,		/* between two words about a long wait */
	CONN_KEYWORDS_MAX = 32
};

/*
 * The text of values follows these settings of the session, so they are pinned.
 * Values in a snapshot and in the stream are then the same text.
 */
#define SESSION_OPTIONS                                                \
	"-c datestyle=ISO -c intervalstyle=postgres"                   \
	" -c extra_float_digits=3 -c bytea_output=hex -c timezone=UTC" \
	" -c lc_monetary=C -c statement_timeout=0 -c lock_timeout=0"   \
	" -c idle_in_transaction_session_timeout=0"

void
pg_add_identifier(const struct pg_conn *c, struct leat_buf *b,
    const char *name)
{
	char *q = PQescapeIdentifier(c->pg, name, strlen(name));

	if (q == NULL)
		b->failed = true;
	else
		(void)leat_buf_add_str(b, q);
	PQfreemem(q);
}

uint64_t
pg_lsn_parse(const char *text)
{
	uint64_t part[2] = { 0, 0 };
	int i = 0;

	for (const char *p = text; *p != '\0'; p++) {
		static const char digits[] = "0123456789abcdef";
		const char *at;

		if (*p == '/' && i == 0) {
			i = 1;
			continue;
		}
		at = strchr(digits, *p | 0x20);
		if (at == NULL || part[i] > 0x0fffffff)
			return 0;
		part[i] = part[i] << 4 | (uint64_t)(at - digits);
	}
	return i == 1 ? part[0] << 32 | part[1] : 0;
}

/* ----------------------------------------------------------------- errors */

int32_t
pg_error_class(const char *st, const char *text)
{
	static const struct {
		const char *prefix;
		int32_t cls;
	} rows[] = {
		{ "55006", LEAT_CLS_RETRY },	/* slot is active elsewhere */
		{ "57P04", LEAT_CLS_CONFIG },	/* database was dropped */
		{ "53400", LEAT_CLS_CONFIG },	/* a setting's limit */
		{ "58P01", LEAT_CLS_CONFIG },	/* WAL is gone */
		{ "55000", LEAT_CLS_CONFIG },
		{ "0A000", LEAT_CLS_CONFIG },
		{ "28", LEAT_CLS_CONFIG },	/* who may connect */
		{ "3D", LEAT_CLS_CONFIG },
		{ "3F", LEAT_CLS_CONFIG },
		{ "42", LEAT_CLS_CONFIG },	/* names, rights, syntax */
		{ "22", LEAT_CLS_CONFIG },
	};

	/* Startup and shutdown of the server pass by themselves. */
	if (strncmp(st, "55000", 5) == 0 && strstr(text, "recovery") != NULL)
		return LEAT_CLS_RETRY;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(st, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].cls;
	return LEAT_CLS_RETRY;
}

/* The first line of a message, without "ERROR:  ". */
static struct leat_str
first_line(const char *text)
{
	static const char *const heads[] = { "ERROR:  ", "FATAL:  " };
	const char *end = strchr(text, '\n');
	struct leat_str s = { text, end == NULL ? strlen(text) :
	    (size_t)(end - text) };

	for (size_t i = 0; i < 2; i++) {
		if (leat_str_starts(s, heads[i])) {
			s.ptr += 8;
			s.len -= 8;
		}
	}
	return leat_str_trim(s);
}

int
pg_error(const struct pg_conn *c, const PGresult *res, const char *what,
    struct leat_err *err)
{
	const char *state = res == NULL ? NULL :
	    PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = res == NULL ? NULL :
	    PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = res == NULL ? NULL :
	    PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	struct leat_str line;
	int rc;

	if (text == NULL)
		text = c->pg == NULL ? "not connected" :
		    PQerrorMessage(c->pg);
	line = first_line(text);
	if (line.len == 0)
		line = LEAT_STR("the connection was lost");
	rc = leat_err_set(err, state == NULL ? LEAT_CLS_RETRY :
	    pg_error_class(state, text), LEAT_E_REMOTE,
	    "%.*s%s%s (in: %.80s)", (int)line.len, line.ptr,
	    hint == NULL ? "" : "; ", hint == NULL ? "" : hint, what);
	if (state != NULL && err != NULL && strlen(state) == 5)
		memcpy(err->sqlstate, state, 6);
	return rc;
}

/*
 * What a failed attempt to connect says. The connection was made to speak
 * verbosely, so that a refusal by the server carries its SQLSTATE:
 * "FATAL:  28P01: password ...".
 */
static int
connect_error(PGconn *pg, struct leat_err *err)
{
	const char *text = PQerrorMessage(pg);
	const char *fatal = strstr(text, "FATAL:  ");
	char state[6] = "";
	struct leat_str line;
	int rc;

	if (fatal != NULL && strlen(fatal) > 15 && fatal[13] == ':') {
		memcpy(state, fatal + 8, 5);
		line = first_line(fatal + 15);
	} else {
		line = first_line(text);
	}
	rc = leat_err_set(err, pg_error_class(state, text), LEAT_E_REMOTE,
	    "connect to PostgreSQL at %s:%s, database '%s': %.*s",
	    PQhost(pg) == NULL ? "?" : PQhost(pg),
	    PQport(pg) == NULL ? "?" : PQport(pg),
	    PQdb(pg) == NULL ? "?" : PQdb(pg), (int)line.len, line.ptr);
	if (err != NULL)
		memcpy(err->sqlstate, state, 6);
	return rc;
}

/* ---------------------------------------------------------------- waiting */

/*
 * Waits until the socket is ready. `deadline` is in leat_mono_ms, -1: none.
 * 0, or negative when stopped or out of time.
 */
static int
wait_ready(struct pg_conn *c, int events, int64_t deadline, const char *what,
    struct leat_err *err)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = (short)events };

	for (;;) {
		int n = poll(&p, 1, SLICE_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return leat_err_errno(err, LEAT_CLS_RETRY, "%s: poll",
			    what);
		if (leat_stopping(c->task))
			return leat_err_set(err, LEAT_CLS_RETRY,
			    LEAT_E_STOPPED, "%s: stopped", what);
		if (deadline >= 0 && leat_mono_ms(c->task) >= deadline)
			return leat_err_set(err, LEAT_CLS_RETRY, -ETIMEDOUT,
			    "%s: no answer in time", what);
	}
}

/* ------------------------------------------------------------- connecting */

struct keywords {
	const char *names[CONN_KEYWORDS_MAX];
	const char *values[CONN_KEYWORDS_MAX];
	int n;
};

static void
add_keyword(struct keywords *k, const char *name, const char *value)
{
	if (value == NULL || k->n + 1 >= CONN_KEYWORDS_MAX)
		return;
	k->names[k->n] = name;
	k->values[k->n] = value;
	k->n++;
}

static PGconn *
start_connect(const struct pg_config *cfg, int kind)
{
	struct keywords k = { .n = 0 };
	char port[24];

	(void)snprintf(port, sizeof(port), "%lld", (long long)cfg->port);
	/* The first dbname is expanded when it is a connection string. */
	add_keyword(&k, "dbname", cfg->url);
	add_keyword(&k, "host", cfg->hostname);
	add_keyword(&k, "port", cfg->port > 0 ? port : NULL);
	add_keyword(&k, "user", cfg->user);
	add_keyword(&k, "password", cfg->password);
	add_keyword(&k, "dbname", cfg->dbname);
	add_keyword(&k, "sslmode", cfg->sslmode);
	add_keyword(&k, "sslrootcert", cfg->sslrootcert);
	add_keyword(&k, "sslcert", cfg->sslcert);
	add_keyword(&k, "sslkey", cfg->sslkey);
	add_keyword(&k, "sslpassword", cfg->sslpassword);
	add_keyword(&k, "keepalives", cfg->tcp_keepalive ? "1" : "0");
	add_keyword(&k, "keepalives_idle", "30");
	add_keyword(&k, "keepalives_interval", "10");
	add_keyword(&k, "keepalives_count", "3");
	add_keyword(&k, "tcp_user_timeout", "60000");
	add_keyword(&k, "client_encoding", "UTF8");
	add_keyword(&k, "options", SESSION_OPTIONS);
	add_keyword(&k, "fallback_application_name", "leat");
	add_keyword(&k, "replication",
	    kind == PG_CONN_REPLICATION ? "database" : NULL);
	return PQconnectStartParams(k.names, k.values, 1);
}

static int
finish_connect(struct pg_conn *c, int64_t deadline, struct leat_err *err)
{
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;

	while (st != PGRES_POLLING_OK) {
		int rc;

		if (st == PGRES_POLLING_FAILED ||
		    PQstatus(c->pg) == CONNECTION_BAD)
			return connect_error(c->pg, err);
		rc = wait_ready(c, st == PGRES_POLLING_READING ? POLLIN :
		    POLLOUT, deadline, "connect to PostgreSQL", err);
		if (rc < 0)
			return rc;
		st = PQconnectPoll(c->pg);
	}
	return 0;
}

static void
ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

/* database.initial.statements, cut at semicolons (";;" is a literal one). */
static int
run_initial(struct pg_conn *c, const char *text, struct leat_err *err)
{
	struct leat_buf b;
	int rc = 0;

	leat_buf_init(&b, 1u << 20);
	for (const char *p = text; rc == 0; p++) {
		if (*p != '\0' && (*p != ';' || p[1] == ';')) {
			(void)leat_buf_add_byte(&b, (uint8_t)*p);
			p += *p == ';';
			continue;
		}
		if (b.len > 0 && leat_buf_cstr(&b) != NULL)
			rc = pg_query(c, NULL, err, leat_buf_cstr(&b), 0, NULL);
		leat_buf_reset(&b);
		if (*p == '\0')
			break;
	}
	leat_buf_fini(&b);
	return rc < 0 ? leat_err_wrap(err, "database.initial.statements") : 0;
}

int
pg_conn_open(struct pg_conn *c, struct leat_task *t,
    const struct pg_config *cfg, int kind, struct leat_err *err)
{
	int rc;

	*c = (struct pg_conn){ .task = t, .timeout_ms = cfg->query_timeout_ms };
	c->pg = start_connect(cfg, kind);
	if (c->pg == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	(void)PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
	(void)PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
	rc = finish_connect(c, leat_mono_ms(t) + cfg->connect_timeout_ms, err);
	if (rc == 0) {
		(void)PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
		c->version = PQserverVersion(c->pg);
		if (PQsetnonblocking(c->pg, 1) < 0)
			rc = pg_error(c, NULL, "connect to PostgreSQL", err);
	}
	if (rc == 0 && kind == PG_CONN_SQL && cfg->initial_statements != NULL)
		rc = run_initial(c, cfg->initial_statements, err);
	if (rc < 0)
		pg_conn_close(c);
	return rc;
}

void
pg_conn_close(struct pg_conn *c)
{
	if (c->pg != NULL)
		PQfinish(c->pg);
	c->pg = NULL;
	c->prepared = NULL;
	c->pending = 0;
}

int
pg_conn_ok(const struct pg_conn *c)
{
	return c->pg != NULL && PQstatus(c->pg) == CONNECTION_OK;
}

/* ---------------------------------------------------------------- queries */

static int
flush_out(struct pg_conn *c, int64_t deadline, const char *what,
    struct leat_err *err)
{
	for (;;) {
		int rc = PQflush(c->pg);

		if (rc == 0)
			return 0;
		if (rc < 0)
			return pg_error(c, NULL, what, err);
		rc = wait_ready(c, POLLIN | POLLOUT, deadline, what, err);
		if (rc < 0)
			return rc;
		if (PQconsumeInput(c->pg) == 0)
			return pg_error(c, NULL, what, err);
	}
}

static int
await_result(struct pg_conn *c, int64_t deadline, const char *what,
    struct leat_err *err)
{
	int64_t nag = leat_mono_ms(c->task) + NAG_MS;

	while (PQisBusy(c->pg)) {
		int64_t now = leat_mono_ms(c->task);
		int64_t until = deadline >= 0 && deadline < nag ? deadline :
		    nag;
		int rc = wait_ready(c, POLLIN, until, what, err);

		if (rc == -ETIMEDOUT && until == nag) {
			leat_log_warn(c->task, "still waiting for PostgreSQL",
			    "statement=\"%s\"", what);
			nag = now + NAG_MS + NAG_MS;
			continue;
		}
		if (rc < 0)
			return rc;
		if (PQconsumeInput(c->pg) == 0)
			return pg_error(c, NULL, what, err);
	}
	return 0;
}

/* All results of a statement; *ret_res gets the last, as PQexec does. */
static int
take_results(struct pg_conn *c, PGresult **ret_res, int64_t deadline,
    const char *what, struct leat_err *err)
{
	PGresult *last = NULL, *res;
	ExecStatusType st;
	int rc;

	for (;;) {
		rc = await_result(c, deadline, what, err);
		if (rc < 0) {
			/* The statement runs on: the connection is no use. */
			PQclear(last);
			pg_conn_close(c);
			return rc;
		}
		res = PQgetResult(c->pg);
		if (res == NULL)
			break;
		PQclear(last);
		last = res;
		st = PQresultStatus(res);
		if (st == PGRES_COPY_OUT || st == PGRES_COPY_BOTH ||
		    PQstatus(c->pg) == CONNECTION_BAD)
			break;
	}
	if (last == NULL)
		return pg_error(c, NULL, what, err);
	*ret_res = last;
	return 0;
}

static int
send_query(struct pg_conn *c, const char *sql, int nparams,
    const char *const *params)
{
	if (sql == c->prepared)
		return PQsendQueryPrepared(c->pg, STATEMENT, nparams, params,
		    NULL, NULL, 0);
	/* Replication connections know the simple protocol only. */
	return nparams == 0 ? PQsendQuery(c->pg, sql) :
	    PQsendQueryParams(c->pg, sql, nparams, NULL, params, NULL, NULL, 0);
}

static int
run(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params,
    int64_t timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? leat_mono_ms(c->task) + timeout_ms :
	    -1;
	int rc;

	if (!pg_conn_ok(c))
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_REMOTE,
		    "%s: not connected", sql);
	if (send_query(c, sql, nparams, params) == 0)
		return pg_error(c, NULL, sql, err);
	rc = flush_out(c, deadline, sql, err);
	if (rc < 0) {
		pg_conn_close(c);
		return rc;
	}
	return take_results(c, ret_res, deadline, sql, err);
}

/* What pg_conn_send() began must end before the connection can do more. */
static int
finish_pending(struct pg_conn *c, const char *what, struct leat_err *err)
{
	int64_t deadline = leat_mono_ms(c->task) + c->timeout_ms;
	struct leat_err failed = LEAT_ERR_INIT;
	int rc, waited;

	while ((rc = pg_conn_collect(c, &failed)) == 1) {
		waited = wait_ready(c, POLLIN, deadline, what, err);
		if (waited < 0)
			return waited;
	}
	if (rc < 0)
		leat_log_warn(c->task, "a statement failed", "reason=\"%s\"",
		    failed.text);
	return 0;
}

static int
run_checked(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params,
    int64_t timeout_ms)
{
	PGresult *res = NULL;
	ExecStatusType st;
	int rc;

	rc = finish_pending(c, sql, err);
	if (rc < 0)
		return rc;
	rc = run(c, &res, err, sql, nparams, params, timeout_ms);
	if (rc < 0)
		return rc;
	st = PQresultStatus(res);
	if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK &&
	    st != PGRES_EMPTY_QUERY) {
		rc = pg_error(c, res, sql, err);
		PQclear(res);
		return rc;
	}
	if (ret_res != NULL)
		*ret_res = res;
	else
		PQclear(res);
	return 0;
}

int
pg_query(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params)
{
	return run_checked(c, ret_res, err, sql, nparams, params,
	    c->timeout_ms);
}

int
pg_query_patient(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql)
{
	return run_checked(c, ret_res, err, sql, 0, NULL, 0);
}

/* The answer to what was just sent (`sent`: what libpq said to that). */
static int
describe_step(struct pg_conn *c, int sent, PGresult **ret_res,
    const char *sql, struct leat_err *err)
{
	int64_t deadline = leat_mono_ms(c->task) + c->timeout_ms;
	PGresult *res = NULL;
	int rc;

	if (sent == 0)
		return pg_error(c, NULL, sql, err);
	rc = flush_out(c, deadline, sql, err);
	if (rc == 0)
		rc = take_results(c, &res, deadline, sql, err);
	if (rc == 0 && PQresultStatus(res) != PGRES_COMMAND_OK)
		rc = pg_error(c, res, sql, err);
	if (rc == 0 && ret_res != NULL)
		*ret_res = res;
	else
		PQclear(res);
	return rc;
}

int
pg_describe(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql)
{
	int rc;

	if (!pg_conn_ok(c))
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_REMOTE,
		    "%s: not connected", sql);
	rc = describe_step(c, PQsendPrepare(c->pg, "", sql, 0, NULL), NULL,
	    sql, err);
	return rc < 0 ? rc : describe_step(c, PQsendDescribePrepared(c->pg,
	    ""), ret_res, sql, err);
}

int
pg_query_often(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params)
{
	int rc = finish_pending(c, sql, err);

	if (rc == 0 && pg_conn_ok(c) && c->prepared == NULL) {
		rc = describe_step(c, PQsendPrepare(c->pg, STATEMENT, sql,
		    nparams, NULL), NULL, sql, err);
		if (rc == 0)
			c->prepared = sql;
	}
	return rc < 0 ? rc : pg_query(c, ret_res, err, sql, nparams, params);
}

int
pg_conn_send(struct pg_conn *c, const char *sql, struct leat_err *err)
{
	if (!pg_conn_ok(c) || PQsendQuery(c->pg, sql) == 0)
		return pg_error(c, NULL, sql, err);
	c->pending = 1;
	return PQflush(c->pg) < 0 ? pg_error(c, NULL, sql, err) : 0;
}

int
pg_conn_collect(struct pg_conn *c, struct leat_err *err)
{
	PGresult *res;
	int rc = 0;

	if (!c->pending || c->pg == NULL)
		return 0;
	if (PQflush(c->pg) < 0 || PQconsumeInput(c->pg) == 0) {
		c->pending = 0;
		return pg_error(c, NULL, "query", err);
	}
	while (!PQisBusy(c->pg)) {
		res = PQgetResult(c->pg);
		if (res == NULL) {
			c->pending = 0;
			return rc;
		}
		if (PQresultStatus(res) == PGRES_FATAL_ERROR)
			rc = pg_error(c, res, "query", err);
		PQclear(res);
	}
	return 1;
}

/* ---------------------------------------------------------------- streams */

int
pg_copy_start(struct pg_conn *c, const char *sql, struct leat_err *err)
{
	PGresult *res = NULL;
	ExecStatusType st;
	int rc = run(c, &res, err, sql, 0, NULL, c->timeout_ms);

	if (rc < 0)
		return rc;
	st = PQresultStatus(res);
	if (st != PGRES_COPY_OUT && st != PGRES_COPY_BOTH)
		rc = pg_error(c, res, sql, err);
	PQclear(res);
	return rc;
}

/* The stream is over: did it end well? */
static int
copy_end(struct pg_conn *c, struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = take_results(c, &res, leat_mono_ms(c->task) + c->timeout_ms,
	    "end of the stream", err);

	if (rc < 0)
		return rc;
	rc = 2;
	if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		rc = pg_error(c, res, "stream from PostgreSQL", err);
	PQclear(res);
	return rc;
}

int
pg_copy_read(struct pg_conn *c, char **ret_data, size_t *ret_len,
    struct leat_err *err)
{
	int n = PQgetCopyData(c->pg, ret_data, 1);

	if (n > 0) {
		*ret_len = (size_t)n;
		return 1;
	}
	if (n == 0)
		return 0;
	if (n == -1)
		return copy_end(c, err);
	return pg_error(c, NULL, "stream from PostgreSQL", err);
}

int
pg_conn_consume(struct pg_conn *c, struct leat_err *err)
{
	if (PQconsumeInput(c->pg) == 0)
		return pg_error(c, NULL, "stream from PostgreSQL", err);
	return 0;
}
