/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private PostgreSQL server; see pg.h.
 *
 * The postmaster is a direct child, so that it gets SIGQUIT from the kernel
 * when the test dies. The result of initdb is kept as build/pg-template-<v>,
 * made under a lock and moved into place whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/pg.h"
#include "tests/harness/proc.h"

enum {
	START_TIMEOUT_MS = 60000,
	STOP_TIMEOUT_MS = 60000,
	START_ATTEMPTS = 5,
	MAX_CHILDREN = 512
};

struct th_pg {
	struct th_pg *next;	/* in `servers` */
	struct th_proc *proc;	/* NULL while stopped */
	PGconn *conn;	/* for th_pg_exec() and its like, or NULL */
	uint16_t port;
	const char *dir;	/* of the next two */
	const char *data;
	const char *sock;
	const char *log;
	const char *conninfo;
};

static struct th_pg *servers;

static void
free_all(void)
{
	while (servers != NULL)
		th_pg_free(servers);
}

/* --------------------------------------------------- finding the programs */

/* The newest /usr/lib/postgresql/<version>/bin, or what pg_config says. */
static const char *
system_bindir(void)
{
	static const char *bindir;
	long best = 0;
	glob_t g;
	size_t i;

	if (bindir != NULL)
		return bindir;
	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++) {
			const char *s = g.gl_pathv[i] +
			    strlen("/usr/lib/postgresql/");
			long v = strtol(s, NULL, 10);	/* style: a folder */

			if (v > best) {
				best = v;
				bindir = th_text("/usr/lib/postgresql/%ld/bin",
				    v);
			}
		}
		globfree(&g);
	}
	if (bindir == NULL) {
		char *out;

		if (th_run(&out, "pg_config", "--bindir", NULL) != 0)
			th_fail("pg_config --bindir: %s", out);
		out[strcspn(out, "\n")] = '\0';
		bindir = th_text("%s", out);
		free(out);
	}
	return bindir;
}

const char *
th_pg_program(const char *name)
{
	const char *env = getenv("PG_BINDIR"), *path = NULL;

	if (env != NULL)
		path = th_text("%s/%s", env, name);
	if (path == NULL || access(path, X_OK) < 0)
		path = th_text("%s/%s", system_bindir(), name);
	if (access(path, X_OK) < 0)
		th_fail("there is no %s: is PostgreSQL installed?", path);
	return path;
}

/* "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)" */
static const char *
version_text(void)
{
	static const char *text;
	char *out;

	if (text != NULL)
		return text;
	if (th_run(&out, th_pg_program("postgres"), "--version", NULL) != 0)
		th_fail("postgres --version: %s", out);
	out[strcspn(out, "\n")] = '\0';
	text = th_text("%s", out);
	free(out);
	return text;
}

int
th_pg_version(void)
{
	const char *s = version_text();

	s += strcspn(s, "0123456789");
	return (int)strtol(s, NULL, 10);	/* style: digits, then a dot */
}

/* PostgreSQL refuses to run as root: whom it runs as then. */
static const char *
server_user(void)
{
	if (geteuid() != 0)
		return NULL;
	return getpwnam("postgres") != NULL ? "postgres" : "nobody";
}

static void
give_to_server(const char *path)
{
	const char *user = server_user();
	struct passwd *pw;

	if (user == NULL)
		return;
	if ((pw = getpwnam(user)) == NULL ||
	    chown(path, pw->pw_uid, pw->pw_gid) < 0)
		th_fail("chown %s to %s: %s", path, user, strerror(errno));
}

/* ------------------------------------------------------------ the cluster */

/* Runs initdb into the path, as the server's user. */
static void
make_template(const char *path)
{
	const char *dir = th_path("initdb");
	const char *data = th_path("initdb/data");
	const char *argv[] = { th_pg_program("initdb"), "-D", data, "-U",
		"postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync", NULL };
	struct th_proc_opts opts = { .argv = argv, .user = server_user(),
		.cwd = "/" };
	struct th_proc *p;
	char *out;

	/* Not in build/ itself: the server's user may not reach that. */
	th_mkdir(dir);
	give_to_server(dir);
	p = th_proc_start(&opts);
	if (!th_proc_wait(p, START_TIMEOUT_MS, NULL) ||
	    th_proc_stop(p, 0) != 0)
		th_fail("initdb: %s", th_proc_text(p));
	th_proc_free(p);
	if (th_run(&out, "cp", "-a", data, th_text("%s.new", path), NULL) != 0)
		th_fail("copy to %s: %s", path, out);
	free(out);
	if (rename(th_text("%s.new", path), path) < 0)
		th_fail("rename %s: %s", path, strerror(errno));
	th_remove(dir);
}

/* The folder that new clusters are copied from; made when it is missing. */
static const char *
template_dir(void)
{
	const char *path, *lock;
	const char *user = server_user(), *v;
	int fd;

	/* Only the number: "15.13" of "postgres (PostgreSQL) 15.13 (Deb..". */
	v = version_text();
	v += strcspn(v, "0123456789");
	path = th_text("%s/../pg-template-%.*s-%s", th_build_dir(),
	    (int)strcspn(v, " "), v, user != NULL ? user : "own");
	lock = th_text("%s.lock", path);
	if ((fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644)) < 0)
		th_fail("cannot open %s: %s", lock, strerror(errno));
	if (flock(fd, LOCK_EX) < 0)
		th_fail("cannot lock %s: %s", lock, strerror(errno));
	if (!th_exists(path)) {
		th_remove(th_text("%s.new", path));
		make_template(path);
	}
	close(fd);
	return path;
}

static const char *const default_settings[] = {
	"listen_addresses = '127.0.0.1'",
	"wal_level = logical",
	"max_wal_senders = 20",
	"max_replication_slots = 20",
	"max_connections = 100",
	"max_prepared_transactions = 10",
	"shared_buffers = 32MB",
	"jit = off",
	"timezone = 'UTC'",
	"log_timezone = 'UTC'",
	"log_line_prefix = '%m [%p] %a '",
	"unix_socket_permissions = 0777",
	NULL
};

static void
append_settings(struct th_pg *pg, const char *const *settings)
{
	const char *path = th_text("%s/postgresql.conf", pg->data);
	FILE *f;

	if ((f = fopen(path, "a")) == NULL)
		th_fail("cannot write %s: %s", path, strerror(errno));
	for (; *settings != NULL; settings++)
		fprintf(f, "%s\n", *settings);
	if (fclose(f) != 0)
		th_fail("cannot write %s: %s", path, strerror(errno));
}

static void
make_cluster(struct th_pg *pg, const struct th_pg_opts *opts)
{
	const char *name = opts->name != NULL ? opts->name : "pg";
	struct sockaddr_un sun;
	char *out;

	pg->dir = th_path("%s", name);
	pg->data = th_path("%s/data", name);
	pg->log = th_path("%s.log", name);
	if (th_exists(pg->dir))
		th_fail("a second server needs another name than '%s'", name);
	th_mkdir(pg->dir);
	give_to_server(pg->dir);
	if (th_run(&out, "cp", "-a", "--reflink=auto", template_dir(),
	    pg->data, NULL) != 0)
		th_fail("copy to %s: %s", pg->data, out);
	free(out);

	/* The path of a socket must be short. */
	if (strlen(pg->dir) + 24 < sizeof(sun.sun_path))
		pg->sock = pg->dir;
	else {
		char dir[] = "/tmp/leat-pg-XXXXXX";

		if (mkdtemp(dir) == NULL)
			th_fail("mkdtemp %s: %s", dir, strerror(errno));
		chmod(dir, 0755);
		give_to_server(dir);
		pg->sock = th_text("%s", dir);
	}
	append_settings(pg, default_settings);
	append_settings(pg, (const char *const[]){
		th_text("fsync = %s", opts->fsync ? "on" : "off"),
		th_text("unix_socket_directories = '%s'", pg->sock), NULL });
	if (opts->settings != NULL)
		append_settings(pg, opts->settings);
}

/* One attempt; false when it ended by itself. */
static bool
launch(struct th_pg *pg)
{
	const char *port = th_text("%u", (unsigned)pg->port);
	const char *argv[] = { th_pg_program("postgres"), "-D", pg->data, "-p",
		port, NULL };
	struct th_proc_opts opts = { .argv = argv, .user = server_user(),
		.cwd = pg->dir, .output = pg->log, .death_signal = SIGQUIT };
	int64_t end = th_now_ms() + (int64_t)START_TIMEOUT_MS * th_slowness();
	PGPing ping;

	pg->conninfo = th_text("host=%s port=%s user=postgres dbname=postgres",
	    pg->sock, port);
	pg->proc = th_proc_start(&opts);
	while ((ping = PQping(pg->conninfo)) != PQPING_OK) {
		if (!th_proc_running(pg->proc)) {
			th_proc_free(pg->proc);
			pg->proc = NULL;
			return false;
		}
		if (th_now_ms() > end)
			th_fail("PostgreSQL does not start (ping %d), log %s",
			    (int)ping, pg->log);
		th_nap(10);
	}
	return true;
}

static noreturn void
fail_with_log(struct th_pg *pg, const char *what)
{
	char *log = th_slurp(pg->log, NULL);
	size_t len = strlen(log);

	th_fail("%s; its log ends: %s", what,
	    log + (len > 1500 ? len - 1500 : 0));
}

struct th_pg *
th_pg_start(const struct th_pg_opts *opts)
{
	static const struct th_pg_opts none;
	struct th_pg *pg;
	int i;

	if (opts == NULL)
		opts = &none;
	if ((pg = calloc(1, sizeof(*pg))) == NULL)
		th_fail("out of memory");
	if (servers == NULL) {
		static bool registered;

		/* The first process registers its own end; ours before it. */
		(void)version_text();
		if (!registered)
			atexit(free_all);
		registered = true;
	}
	pg->next = servers;
	servers = pg;
	make_cluster(pg, opts);
	for (i = 0; i < START_ATTEMPTS; i++) {
		pg->port = opts->port != 0 ? opts->port : th_free_port();
		if (launch(pg))
			return pg;
		/* Another program may have been quicker to take the port. */
		if (!th_file_has(pg->log, "Address already in use"))
			break;
	}
	fail_with_log(pg, "PostgreSQL does not start");
}

static void
disconnect(struct th_pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
}

static void
stop_with(struct th_pg *pg, int sig)
{
	disconnect(pg);
	if (pg->proc == NULL)
		return;
	th_proc_signal(pg->proc, sig);
	if (!th_proc_wait(pg->proc, STOP_TIMEOUT_MS, NULL))
		fail_with_log(pg, "PostgreSQL does not stop");
	th_proc_free(pg->proc);
	pg->proc = NULL;
}

void
th_pg_stop(struct th_pg *pg)
{
	stop_with(pg, SIGINT);
}

void
th_pg_stop_immediate(struct th_pg *pg)
{
	stop_with(pg, SIGQUIT);
}

/* The direct children of a process; how many. */
static size_t
children_of(pid_t pid, pid_t *ret_pids, size_t max)
{
	const char *path = th_text("/proc/%d/task/%d/children", (int)pid,
	    (int)pid);
	char *list = th_slurp(path, NULL), *s = list, *end;
	size_t n = 0;

	for (; n < max; s = end) {
		long v = strtol(s, &end, 10);	/* style: the kernel's list */

		if (end == s)
			break;
		ret_pids[n++] = (pid_t)v;
	}
	free(list);
	return n;
}

static bool
all_gone(const pid_t *pids, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char *stat = th_text("/proc/%d/stat", (int)pids[i]);

		if (kill(pids[i], 0) == 0 && !th_file_has(stat, ") Z "))
			return false;
	}
	return true;
}

void
th_pg_kill(struct th_pg *pg)
{
	pid_t pids[MAX_CHILDREN];
	size_t i, n;

	disconnect(pg);
	if (pg->proc == NULL)
		return;
	/* Stopped first, it starts no child that we would miss. */
	th_proc_signal(pg->proc, SIGSTOP);
	n = children_of(th_proc_pid(pg->proc), pids, MAX_CHILDREN);
	th_proc_signal(pg->proc, SIGKILL);
	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	th_proc_kill(pg->proc);
	TH_WAIT(all_gone(pids, n), STOP_TIMEOUT_MS);
	th_proc_free(pg->proc);
	pg->proc = NULL;
}

void
th_pg_resume(struct th_pg *pg)
{
	if (pg->proc == NULL && !launch(pg))
		fail_with_log(pg, "PostgreSQL does not start again");
}

void
th_pg_restart(struct th_pg *pg)
{
	th_pg_stop(pg);
	th_pg_resume(pg);
}

void
th_pg_free(struct th_pg *pg)
{
	struct th_pg **pp;

	if (pg == NULL)
		return;
	for (pp = &servers; *pp != NULL; pp = &(*pp)->next)
		if (*pp == pg) {
			*pp = pg->next;
			break;
		}
	stop_with(pg, SIGQUIT);
	if (getenv("TH_KEEP") == NULL && pg->dir != NULL)
		th_remove(pg->dir);
	if (pg->sock != pg->dir && pg->sock != NULL)
		th_remove(pg->sock);
	free(pg);
}

void
th_pg_set(struct th_pg *pg, const char *setting)
{
	append_settings(pg, (const char *const[]){ setting, NULL });
}

void
th_pg_reload(struct th_pg *pg)
{
	th_pg_exec(pg, "select pg_reload_conf()");
}

/* ------------------------------------------------------------- addresses */

uint16_t
th_pg_port(const struct th_pg *pg)
{
	return pg->port;
}

pid_t
th_pg_pid(const struct th_pg *pg)
{
	return pg->proc != NULL ? th_proc_pid(pg->proc) : -1;
}

const char *
th_pg_socket_dir(const struct th_pg *pg)
{
	return pg->sock;
}

const char *
th_pg_conninfo(const struct th_pg *pg)
{
	return pg->conninfo;
}

const char *
th_pg_url(const struct th_pg *pg, const char *db)
{
	return th_text("postgres://postgres@127.0.0.1:%u/%s",
	    (unsigned)pg->port, db != NULL ? db : "postgres");
}

const char *
th_pg_log(const struct th_pg *pg)
{
	return pg->log;
}

/* -------------------------------------------------------------- questions */

PGconn *
th_pg_connect(struct th_pg *pg, const char *db)
{
	const char *info = th_text("%s dbname=%s application_name=test",
	    pg->conninfo, db != NULL ? db : "postgres");
	PGconn *conn = PQconnectdb(info);

	if (PQstatus(conn) != CONNECTION_OK)
		th_fail("connect to '%s': %s", info, PQerrorMessage(conn));
	return conn;
}

void
th_pg_run(PGconn *conn, const char *sql)
{
	PGresult *res = PQexec(conn, sql);
	ExecStatusType st = PQresultStatus(res);

	if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK &&
	    st != PGRES_EMPTY_QUERY)
		th_fail("%s: %s", sql, PQerrorMessage(conn));
	PQclear(res);
}

static void
no_notice(void *arg, const char *message)
{
}

/* Asks on the server's own connection; NULL when the server is not there. */
static PGresult *
ask(struct th_pg *pg, const char *sql)
{
	PGresult *res;
	int attempt;

	for (attempt = 0; attempt < 2; attempt++) {
		if (pg->conn == NULL) {
			pg->conn = PQconnectdb(th_text(
			    "%s application_name=test", pg->conninfo));
			PQsetNoticeProcessor(pg->conn, no_notice, NULL);
		}
		if (PQstatus(pg->conn) == CONNECTION_OK) {
			res = PQexec(pg->conn, sql);
			if (PQstatus(pg->conn) == CONNECTION_OK)
				return res;
			PQclear(res);
		}
		disconnect(pg);
	}
	return NULL;
}

static bool
went_well(const PGresult *res)
{
	ExecStatusType st = PQresultStatus(res);

	return st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK ||
	    st == PGRES_EMPTY_QUERY;
}

/* The same, for questions that must be answered. */
static PGresult *
must_ask(struct th_pg *pg, const char *sql)
{
	PGresult *res = ask(pg, sql);

	if (res == NULL)
		th_fail("%s: the server is gone", sql);
	if (!went_well(res))
		th_fail("%s: %s", sql, PQresultErrorMessage(res));
	return res;
}

static char *
format_sql(const char *fmt, va_list ap)
{
	char *sql;

	if (vasprintf(&sql, fmt, ap) < 0)
		th_fail("out of memory");
	return sql;
}

#define FORMAT_SQL(sql, fmt) \
	do { \
		va_list ap_; \
\
		va_start(ap_, fmt); \
		(sql) = format_sql((fmt), ap_); \
		va_end(ap_); \
	} while (0)

void
th_pg_exec(struct th_pg *pg, const char *fmt, ...)
{
	char *sql;

	FORMAT_SQL(sql, fmt);
	PQclear(must_ask(pg, sql));
	free(sql);
}

const char *
th_pg_try(struct th_pg *pg, const char *fmt, ...)
{
	const char *state = "00000";
	PGresult *res;
	char *sql;

	FORMAT_SQL(sql, fmt);
	res = ask(pg, sql);
	free(sql);
	if (res == NULL)
		return "08006";
	if (!went_well(res))
		state = th_text("%s",
		    PQresultErrorField(res, PG_DIAG_SQLSTATE));
	PQclear(res);
	return state;
}

static const char *
first_value(const PGresult *res)
{
	if (PQntuples(res) == 0 || PQnfields(res) == 0 ||
	    PQgetisnull(res, 0, 0))
		return NULL;
	return th_text("%s", PQgetvalue(res, 0, 0));
}

const char *
th_pg_value(struct th_pg *pg, const char *fmt, ...)
{
	const char *value;
	PGresult *res;
	char *sql;

	FORMAT_SQL(sql, fmt);
	res = must_ask(pg, sql);
	value = first_value(res);
	PQclear(res);
	free(sql);
	return value;
}

int64_t
th_pg_number(struct th_pg *pg, const char *fmt, ...)
{
	PGresult *res;
	char *sql, *end;
	const char *s;
	int64_t n;

	FORMAT_SQL(sql, fmt);
	res = must_ask(pg, sql);
	s = PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "";
	n = strtoll(s, &end, 10);	/* style: checked on the next line */
	if (end == s || *end != '\0')
		th_fail("%s: '%s' is not a number", sql, s);
	PQclear(res);
	free(sql);
	return n;
}

const char *
th_pg_rows(struct th_pg *pg, const char *fmt, ...)
{
	size_t size = 0;
	const char *text;
	PGresult *res;
	char *sql, *buf;
	int i, j;
	FILE *f;

	FORMAT_SQL(sql, fmt);
	res = must_ask(pg, sql);
	if ((f = open_memstream(&buf, &size)) == NULL)
		th_fail("out of memory");
	for (i = 0; i < PQntuples(res); i++)
		for (j = 0; j < PQnfields(res); j++)
			fprintf(f, "%s%s", PQgetvalue(res, i, j),
			    j + 1 < PQnfields(res) ? "|" : "\n");
	fclose(f);
	text = th_text("%s", buf);
	free(buf);
	PQclear(res);
	free(sql);
	return text;
}

bool
th_pg_wait(struct th_pg *pg, const char *expected, int timeout_ms,
    const char *fmt, ...)
{
	int64_t end = th_now_ms() + (int64_t)timeout_ms * th_slowness();
	bool same = false, late;
	char *sql;

	FORMAT_SQL(sql, fmt);
	for (;;) {
		PGresult *res = ask(pg, sql);
		const char *v = "(no answer)";

		late = th_now_ms() > end;
		if (res != NULL && !went_well(res))
			v = PQresultErrorMessage(res);
		else if (res != NULL && PQntuples(res) > 0)
			v = PQgetvalue(res, 0, 0);
		same = res != NULL && went_well(res) &&
		    strcmp(v, expected) == 0;
		if (late && !same)
			fprintf(stderr, "# %s: '%s' instead of '%s'\n", sql, v,
			    expected);
		PQclear(res);
		if (same || late)
			break;
		th_nap(10);
	}
	free(sql);
	return same;
}
