/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conn.c: connecting, and waiting on a connection; see pg_query.c and
 * pg_error.c for the rest of pg_conn.h.
 */
#include "pg_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

enum {
	SLICE_MS = 50,		/* between two looks at `stopping` */
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

void
pg_add_table(const struct pg_conn *c, struct leat_buf *b, const char *schema,
    const char *table)
{
	pg_add_identifier(c, b, schema);
	(void)leat_buf_add_byte(b, '.');
	pg_add_identifier(c, b, table);
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

/* ---------------------------------------------------------------- waiting */

int
pg_conn_wait(struct pg_conn *c, int events, int64_t deadline, const char *what,
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
			return pg_connect_error(c->pg, err);
		rc = pg_conn_wait(c, st == PGRES_POLLING_READING ? POLLIN :
		    POLLOUT, deadline, "connect to PostgreSQL", err);
		if (rc < 0)
			return rc;
		st = PQconnectPoll(c->pg);
	}
	return 0;
}

/*
 * From PostgreSQL 18 on a publication that is missing where a change is decoded
 * is no error but this warning, and the change is passed over.
 */
static void
take_notice(void *arg, const PGresult *res)
{
	struct pg_conn *c = arg;
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *from = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	if (state != NULL && strcmp(state, "55000") == 0 && from != NULL &&
	    strcmp(from, "LoadPublications") == 0)
		c->unpublished = 1;
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
	(void)PQsetNoticeReceiver(c->pg, take_notice, c);
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
