/* SPDX-License-Identifier: Apache-2.0 */
/* chaos.c: see chaos.h. */
#include "tests/harness/chaos.h"

#include <signal.h>
#include <stdio.h>

#include "tests/harness/proc.h"

enum { TABLES = 4, PAUSE_MS = 900 };

static int
below(struct th_chaos *c, int n)
{
	c->dice = c->dice * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (int)((c->dice >> 33) % (uint64_t)n);
}

/* --------------------------------------------------------------- connector */

/* Another edit has other values, none of which changes what is delivered. */
void
th_chaos_source(struct th_chaos *c)
{
	static const int batches[] = { 2048, 100, 17 };

	th_worker_file(c->w, TH_CHAOS_SOURCE ".yaml",
	    "connector: postgres-source\n"
	    "url: postgres://postgres@127.0.0.1:%u/postgres\n"
	    "tables: ['public.t[0-9]']\ntopic.prefix: chaos\n"
	    "skipped.operations: none\n"
	    "value.converter.schemas.enable: false\n"
	    "snapshot.max.rows.per.second: 1500\n"
	    "incremental.snapshot.chunk.size: 150\n"
	    "incremental.snapshot.rows.per.second: 5000\n"
	    "database.query.timeout.ms: 5000\n"
	    "connection.validation.timeout.ms: 5000\n"
	    "lsn.flush.timeout.ms: 6000\n"
	    "streaming.spool.directory: %s\n"
	    "streaming.large.transactions: %s\nmax.batch.size: %d\n",
	    (unsigned)th_wire_port(c->wire), th_path("spool"),
	    c->edits % 2 == 1 ? "true" : "false", batches[c->edits % 3]);
}

static bool
call(struct th_chaos *c, const char *method, const char *what)
{
	return th_worker_call(c->w, method, th_text("/connectors/"
	    TH_CHAOS_SOURCE "/%s", what), NULL, NULL) / 100 == 2;
}

/* ------------------------------------------------------------------ trouble */

static void
kill_worker(struct th_chaos *c)
{
	th_worker_kill(c->w);
	c->worker_up = false;
}

static void
end_worker(struct th_chaos *c)
{
	if (th_worker_stop(c->w) != 0)
		th_fail("the worker ended badly");
	c->worker_up = false;
}

static void
start_worker(struct th_chaos *c)
{
	th_worker_resume(c->w);
	c->worker_up = true;
}

static void
freeze_worker(struct th_chaos *c)
{
	kill(th_worker_pid(c->w), SIGSTOP);
	c->frozen = true;
}

static void
thaw_worker(struct th_chaos *c)
{
	kill(th_worker_pid(c->w), SIGCONT);
	c->frozen = false;
}

static void
crash_server(struct th_chaos *c)
{
	th_pg_kill(c->pg);
	c->server_up = false;
}

static void
stop_immediate(struct th_chaos *c)
{
	th_pg_stop_immediate(c->pg);
	c->server_up = false;
}

static void
stop_fast(struct th_chaos *c)
{
	th_pg_stop(c->pg);
	c->server_up = false;
}

static void
start_server(struct th_chaos *c)
{
	th_pg_resume(c->pg);
	c->server_up = true;
}

static void
end_walsender(struct th_chaos *c)
{
	th_pg_exec(c->pg, "SELECT pg_terminate_backend(pid) FROM "
	    "pg_stat_activity WHERE backend_type = 'walsender'");
}

static void
end_session(struct th_chaos *c)
{
	th_pg_exec(c->pg, "SELECT pg_terminate_backend(pid) FROM "
	    "pg_stat_activity WHERE backend_type = 'client backend' AND "
	    "client_addr IS NOT NULL");
}

static void
cut_wire(struct th_chaos *c)
{
	th_wire_refuse(c->wire, true);
	th_wire_cut(c->wire);
}

static void
mend_wire(struct th_chaos *c)
{
	th_wire_refuse(c->wire, false);
}

static void
cut_message(struct th_chaos *c)
{
	th_wire_cut_after(c->wire, 1 + (size_t)below(c, 20000));
}

static void
stall_wire(struct th_chaos *c)
{
	th_wire_stall(c->wire, true);
	c->stalled = true;
}

static void
free_wire(struct th_chaos *c)
{
	th_wire_stall(c->wire, false);
	c->stalled = false;
}

static void
half_open(struct th_chaos *c)
{
	th_wire_forget(c->wire, below(c, 3) - 1);
}

static void
slow_wire(struct th_chaos *c)
{
	th_wire_delay(c->wire, 1 + below(c, 40));
}

static void
fast_wire(struct th_chaos *c)
{
	th_wire_delay(c->wire, 0);
}

static void
checkpoint(struct th_chaos *c)
{
	th_pg_exec(c->pg, "CHECKPOINT");
	th_pg_exec(c->pg, "SELECT pg_switch_wal()");
}

static void
signal_snapshot(struct th_chaos *c, const char *type)
{
	(void)th_worker_call(c->w, "POST", "/leat/connectors/" TH_CHAOS_SOURCE
	    "/signals", th_text("{\"type\":\"execute-snapshot\",\"data\":"
	    "{\"type\":\"%s\",\"data-collections\":[\"public.t%d\"]}}",
	    type, below(c, TABLES)), NULL);
}

static void
read_again(struct th_chaos *c)
{
	signal_snapshot(c, "INCREMENTAL");
}

static void
read_at_once(struct th_chaos *c)
{
	signal_snapshot(c, "BLOCKING");
}

static void
pause_source(struct th_chaos *c)
{
	(void)call(c, "PUT", "pause");
}

static void
resume_source(struct th_chaos *c)
{
	if (!call(c, "PUT", "resume"))
		th_fail("resume was refused");
}

static void
restart_source(struct th_chaos *c)
{
	(void)call(c, "POST", "restart?includeTasks=true");
}

static void
restart_task(struct th_chaos *c)
{
	(void)call(c, "POST", "tasks/0/restart");
}

static void
edit_source(struct th_chaos *c)
{
	c->edits++;
	th_chaos_source(c);
}

void
th_chaos_noise(struct th_chaos *c)
{
	PGconn *conn = th_pg_connect(c->pg, "other");

	th_pg_run(conn, "INSERT INTO noise SELECT i, repeat('noise', 50) FROM "
	    "generate_series(1, 10000) i");
	th_pg_run(conn, "DELETE FROM noise");
	PQfinish(conn);
}

/*
 * NEEDS_WIRE: a server that stops waits until it has told all, or knows that
 * nobody listens; then nobody mends the wire.
 */
enum { NEEDS_WORKER = 1, NEEDS_SERVER = 2, NEEDS_WIRE = 4, HURTS_WORKER = 8 };

struct trouble {
	const char *name;
	int weight;
	int flags;
	void (*begin)(struct th_chaos *c);
	void (*end)(struct th_chaos *c);	/* NULL: nothing lasts */
	int lasts_ms;			/* at most */
};

/* clang-format off */
static const struct trouble troubles[] = {
	{ "worker killed", 6, NEEDS_WORKER | HURTS_WORKER, kill_worker,
	    start_worker, 400 },
	{ "worker ended", 3, NEEDS_WORKER | HURTS_WORKER, end_worker,
	    start_worker, 400 },
	{ "worker frozen", 2, NEEDS_WORKER, freeze_worker, thaw_worker,
	    4000 },
	{ "server killed", 1, NEEDS_SERVER, crash_server, start_server,
	    600 },
	{ "server stopped (immediate)", 2, NEEDS_SERVER, stop_immediate,
	    start_server, 600 },
	{ "server stopped (fast)", 2, NEEDS_SERVER | NEEDS_WORKER | NEEDS_WIRE,
	    stop_fast, start_server, 600 },
	{ "walsender ended", 4, NEEDS_SERVER, end_walsender, NULL, 0 },
	{ "session ended", 4, NEEDS_SERVER, end_session, NULL, 0 },
	{ "network cut", 3, 0, cut_wire, mend_wire, 800 },
	{ "network cut in a message", 5, 0, cut_message, NULL, 0 },
	{ "network stalled", 2, 0, stall_wire, free_wire, 8000 },
	{ "network half-open", 2, 0, half_open, NULL, 0 },
	{ "network slow", 3, 0, slow_wire, fast_wire, 3000 },
	{ "log switched", 4, NEEDS_SERVER, checkpoint, NULL, 0 },
	{ "incremental snapshot", 8, NEEDS_WORKER, read_again, NULL, 0 },
	{ "blocking snapshot", 2, NEEDS_WORKER, read_at_once, NULL, 0 },
	{ "source paused", 2, NEEDS_WORKER, pause_source, resume_source,
	    2000 },
	{ "source restarted", 3, NEEDS_WORKER, restart_source, NULL, 0 },
	{ "task restarted", 2, NEEDS_WORKER, restart_task, NULL, 0 },
	{ "source edited", 3, NEEDS_WORKER, edit_source, NULL, 0 },
	{ "other database written", 2, NEEDS_SERVER, th_chaos_noise, NULL,
	    0 },
};
/* clang-format on */
enum { TROUBLES = sizeof(troubles) / sizeof(troubles[0]) };

static struct {
	int64_t until;		/* 0: it is over */
	int count;
} happened[TROUBLES];

bool
th_chaos_worker(const struct th_chaos *c)
{
	return c->worker_up && !c->frozen;
}

static void
say(const char *what, const char *name)
{
	static int64_t start;

	if (start == 0)
		start = th_now_ms();
	fprintf(stderr, "# %8.2f %s%s\n",
	    (double)(th_now_ms() - start) / 1000, what, name);
}

/*
 * What was begun ends, if it is time; what needs a worker that is gone waits.
 * (In the table the worker stands first.)
 */
void
th_chaos_mend(struct th_chaos *c, bool all)
{
	for (size_t i = 0; i < TROUBLES; i++) {
		const struct trouble *t = &troubles[i];

		if (happened[i].until == 0 ||
		    (!all && th_now_ms() < happened[i].until) ||
		    (t->end == resume_source && !th_chaos_worker(c)))
			continue;
		happened[i].until = 0;
		t->end(c);
		say("over: ", t->name);
	}
}

static bool
is_possible(const struct th_chaos *c, size_t i)
{
	const struct trouble *t = &troubles[i];

	return happened[i].until == 0 &&
	    ((t->flags & NEEDS_WORKER) == 0 || th_chaos_worker(c)) &&
	    ((t->flags & NEEDS_SERVER) == 0 || c->server_up) &&
	    ((t->flags & NEEDS_WIRE) == 0 || !c->stalled) &&
	    ((t->flags & HURTS_WORKER) == 0 || !c->spare);
}

int64_t
th_chaos_trouble(struct th_chaos *c)
{
	int64_t next = th_now_ms() + below(c, PAUSE_MS);
	int sum = 0, at;
	size_t i;

	for (i = 0; i < TROUBLES; i++)
		sum += troubles[i].weight;
	at = below(c, sum);
	for (i = 0; at >= troubles[i].weight; i++)
		at -= troubles[i].weight;
	if (!is_possible(c, i))
		return next;
	say("", troubles[i].name);
	troubles[i].begin(c);
	happened[i].count++;
	if (troubles[i].end != NULL)
		happened[i].until = th_now_ms() + 1 +
		    below(c, troubles[i].lasts_ms);
	return next;
}

void
th_chaos_tell(void)
{
	for (size_t i = 0; i < TROUBLES; i++)
		fprintf(stderr, "# %4d %s\n", happened[i].count,
		    troubles[i].name);
}
