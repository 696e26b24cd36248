/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.h: a private PostgreSQL server for a test program.
 *
 * A real cluster in the test's own folder, on a free loopback port and a unix
 * socket, with trust authentication and the superuser "postgres". It is set up
 * for logical replication. initdb runs once per version and build folder; later
 * clusters are copies of its result, so a server is up in a fraction of a
 * second. The server ends with the test program, however that ends. When the
 * test runs as root, the server runs as user "postgres" (or "nobody").
 *
 * As in proc.h, what cannot be done fails the running test with a message.
 */
#ifndef LEAT_TESTS_HARNESS_PG_H
#define LEAT_TESTS_HARNESS_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libpq-fe.h>

struct th_pg;

struct th_pg_opts {
	const char *name;	/* of its folder; NULL: "pg" */
	const char *const *settings;	/* "name = value", NULL-terminated */
	bool fsync;	/* off unless asked for: tests crash processes only */
	uint16_t port;	/* 0: a free one */
};

/*
 * Makes a cluster and starts it; returns when it accepts connections. opts may
 * be NULL. Defaults: wal_level = logical, 20 slots and walsenders, 100
 * connections, 10 prepared transactions, fsync = off.
 */
struct th_pg *th_pg_start(const struct th_pg_opts *opts);

/* Stops it if it runs, and removes its folder. Accepts NULL. */
void th_pg_free(struct th_pg *pg);

/* Orderly stop: SIGINT, "fast": open connections are ended. */
void th_pg_stop(struct th_pg *pg);
/* SIGQUIT, "immediate": the next start recovers from the WAL. */
void th_pg_stop_immediate(struct th_pg *pg);
/* kill -9 of the postmaster and of all its children at once. */
void th_pg_kill(struct th_pg *pg);
/* Starts it again after one of those, on the same port and folder. */
void th_pg_resume(struct th_pg *pg);
/* Stop and resume. */
void th_pg_restart(struct th_pg *pg);

/* Appends "name = value" to postgresql.conf; see th_pg_reload(). */
void th_pg_set(struct th_pg *pg, const char *setting);
void th_pg_reload(struct th_pg *pg);

/* ------------------------------------------------------------- addresses */

uint16_t th_pg_port(const struct th_pg *pg);
pid_t th_pg_pid(const struct th_pg *pg);	/* of the postmaster */
/* Folder of the unix socket. */
const char *th_pg_socket_dir(const struct th_pg *pg);
/* "host=<socket dir> port=.. user=postgres dbname=postgres" */
const char *th_pg_conninfo(const struct th_pg *pg);
/* "postgres://postgres@127.0.0.1:<port>/<db>"; db NULL: postgres */
const char *th_pg_url(const struct th_pg *pg, const char *db);
/* The server's log. */
const char *th_pg_log(const struct th_pg *pg);
/*
 * PostgreSQL's own programs, e.g. "pg_recvlogical": the full path. The server
 * is that of PG_BINDIR, if it is set, else the newest of the system. A client
 * that PG_BINDIR lacks is the system's.
 */
const char *th_pg_program(const char *name);
/* Major version of the server that will be used: 15. */
int th_pg_version(void);

/* -------------------------------------------------------------- questions */
/*
 * These use one connection to database "postgres", opened when needed and
 * opened again after a restart. For other databases, or to hold a transaction
 * open beside it, see th_pg_connect().
 */

/* Runs one or more commands; the test fails when the server refuses. */
void th_pg_exec(struct th_pg *pg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Runs a command that may be refused: the SQLSTATE, "00000" when it went well,
 * "08006" when the server is not there.
 */
const char *th_pg_try(struct th_pg *pg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The first column of the first row, or NULL when it is null or there is no
 * row. The text lives until the program ends.
 */
const char *th_pg_value(struct th_pg *pg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same as a number; the test fails when it is none. */
int64_t th_pg_number(struct th_pg *pg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* All rows: columns joined by "|", each row ended by a newline. */
const char *th_pg_rows(struct th_pg *pg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Asks until the value is `expected`; false, with the last value said on
 * stderr, when it is not within timeout_ms (times th_slowness()). A server that
 * is not there is no failure, only not yet the value.
 */
bool th_pg_wait(struct th_pg *pg, const char *expected, int timeout_ms,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A connection of the caller's own; db NULL: postgres. PQfinish() it. */
PGconn *th_pg_connect(struct th_pg *pg, const char *db);

/* Runs a command on such a connection; the test fails when refused. */
void th_pg_run(PGconn *conn, const char *sql);

#endif
