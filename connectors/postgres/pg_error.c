/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_error.c: what the server and libpq say of a failure, as an error with its
 * class.
 */
#include <string.h>

#include <leat/str.h>

#include "pg_conn.h"

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
 * The connection was made to speak verbosely, so that a refusal by the server
 * carries its SQLSTATE: "FATAL:  28P01: password ...".
 */
int
pg_connect_error(PGconn *pg, struct leat_err *err)
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
