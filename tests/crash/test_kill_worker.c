/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=900 */
/*
 * kill -9 of the worker, and of PostgreSQL, at any moment under load: every
 * committed change is in the topic exactly once, in order per key, and the slot
 * never says that something is safe which is not in the topic.
 *
 * A second slot is the oracle: how many changes are committed up to a place in
 * the log. LEAT_LONG=1 makes many rounds, LEAT_SEED=n repeats a run.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/ledger.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 30000, ROWS = 200, CLIENTS = 4, RATE = 400 };

#define TOPIC "item.public.item"

static uint64_t dice;

/* What happens at random follows from the seed, which is said. */
static void
throw_in(const char *test)
{
	const char *text = getenv("LEAT_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	dice = (uint64_t)now.tv_nsec / 1000 + 1;
	if (text != NULL && leat_parse_u64(leat_str_c(text), UINT64_MAX,
		&dice) < 0)
		th_fail("LEAT_SEED is no number");
	fprintf(stderr, "# %s: LEAT_SEED=%" PRIu64 "\n", test, dice);
}

static int
random_up_to(int n)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (int)((dice >> 33) % (uint64_t)n);
}

static int
rounds(int few, int many)
{
	const char *text = getenv("LEAT_LONG");

	return text != NULL && strcmp(text, "1") == 0 ? many : few;
}

struct scene {
	struct th_pg *pg;
	struct th_worker *w;
	struct th_reader *r;
	struct th_ledger *ledger;
	struct th_proc *load;
	const char *source;	/* its file */
	int64_t oracle;		/* changes up to where it was asked */
};

static void
begin(struct scene *s, const char *name, bool fsync)
{
	struct th_worker_opts o = { .name = name };

	*s = (struct scene){ 0 };
	s->pg = th_pg_start(&(struct th_pg_opts){ .name = th_text("pg-%s",
	    name), .fsync = fsync });
	th_ledger_tables(s->pg, ROWS);
	s->source = th_text("connector: postgres-source\nurl: %s\n"
	    "tables: [public.item]\ntopic.prefix: item\n"
	    "value.converter.schemas.enable: false\n",
	    th_pg_url(s->pg, NULL));
	s->w = th_worker_start(&o);
	s->r = th_reader_open(s->w, TOPIC);
	s->ledger = th_ledger_new(0);
	th_worker_file(s->w, "item.yaml", "%s", s->source);
	th_reader_wait(s->r, ROWS, SOON_MS, th_ledger_record, s->ledger);
	th_pg_value(s->pg, "SELECT pg_create_logical_replication_slot("
	    "'oracle', 'test_decoding')");
	s->load = th_ledger_load(s->pg, CLIENTS, RATE,
	    (uint32_t)random_up_to(1000000) + 1);
}

static void
end(struct scene *s)
{
	th_proc_stop(s->load, 5000);
	th_proc_free(s->load);
	th_ledger_settle(s->ledger, s->pg, s->r, SOON_MS);
	fprintf(stderr, "# %zu changes\n", th_ledger_changes(s->ledger));
	assert_true(th_ledger_changes(s->ledger) > 100);
	/* What comes now would be too much, which the ledger would tell. */
	th_pg_exec(s->pg, "UPDATE item SET rev = rev + 1 WHERE id = 1");
	th_ledger_settle(s->ledger, s->pg, s->r, SOON_MS);
	assert_int_equal(th_worker_stop(s->w), 0);
	th_reader_close(s->r);
	th_ledger_free(s->ledger);
	th_worker_free(s->w);
	th_pg_free(s->pg);
}

/*
 * The worker is dead. All changes up to the slot's confirmed place must be in
 * the topic; a worker without the connector shows what is in it.
 */
static void
check_confirmed(struct scene *s)
{
	const char *confirmed = th_pg_value(s->pg, "SELECT confirmed_flush_lsn "
	    "FROM pg_replication_slots WHERE slot_name <> 'oracle'");

	s->oracle += th_pg_number(s->pg, "SELECT count(*) FROM "
	    "pg_logical_slot_get_changes('oracle', '%s', NULL) "
	    "WHERE data LIKE 'table public.item:%%'", confirmed);
	th_worker_remove(s->w, "item.yaml");
	th_worker_resume(s->w);
	th_reader_read(s->r, th_ledger_record, s->ledger);
	if ((int64_t)th_ledger_changes(s->ledger) < s->oracle)
		th_fail("the slot confirmed %s, %lld changes; the topic has "
		    "%zu", confirmed, (long long)s->oracle,
		    th_ledger_changes(s->ledger));
}

static void
killed_worker(void **state)
{
	struct scene s;
	int n = rounds(20, 200);

	throw_in("killed_worker");
	begin(&s, "worker", false);
	for (int i = 0; i < n; i++) {
		th_nap(random_up_to(400));	/* any moment */
		th_worker_kill(s.w);
		check_confirmed(&s);
		th_worker_file(s.w, "item.yaml", "%s", s.source);
		if (i % 4 == 0)
			TH_WAIT(th_reader_read(s.r, th_ledger_record,
			    s.ledger) > 0, SOON_MS);
	}
	end(&s);
}

/* In the same place over and over: while it starts. */
static void
killed_while_starting(void **state)
{
	struct scene s;
	int n = rounds(10, 100);

	throw_in("killed_while_starting");
	begin(&s, "starting", false);
	for (int i = 0; i < n; i++) {
		th_worker_kill(s.w);
		th_worker_resume(s.w);
		th_nap(random_up_to(60));
	}
	end(&s);
}

static void
killed_database(void **state)
{
	struct scene s;
	int n = rounds(3, 20);

	throw_in("killed_database");
	begin(&s, "database", true);
	for (int i = 0; i < n; i++) {
		size_t before = th_ledger_changes(s.ledger);

		th_nap(random_up_to(500));
		th_pg_kill(s.pg);
		th_proc_stop(s.load, 5000);
		th_proc_free(s.load);
		th_pg_resume(s.pg);
		s.load = th_ledger_load(s.pg, CLIENTS, RATE,
		    (uint32_t)random_up_to(1000000) + 1);
		if (random_up_to(2) == 0) {
			th_worker_kill(s.w);
			th_worker_resume(s.w);
		}
		TH_WAIT((th_reader_read(s.r, th_ledger_record, s.ledger),
		    th_ledger_changes(s.ledger)) > before, SOON_MS);
	}
	end(&s);
}

/* A transaction of inserts and updates of its own rows, which waits. */
static void
prepare(struct scene *s, int n)
{
	PGconn *c = th_pg_connect(s->pg, NULL);

	th_pg_run(c, "BEGIN");
	for (int i = 0; i < 4; i++) {
		th_pg_run(c, "INSERT INTO item(pad) VALUES ('prepared')");
		th_pg_run(c, "UPDATE item SET rev = rev + 1 WHERE id = "
		    "(SELECT max(id) FROM item WHERE pad = 'prepared')");
	}
	th_pg_run(c, th_text("PREPARE TRANSACTION 'p%d'", n));
	PQfinish(c);
}

/* Commits two of three. */
static void
decide(struct scene *s, int n)
{
	if (th_pg_number(s->pg, "SELECT count(*) FROM pg_prepared_xacts WHERE "
	    "gid = 'p%d'", n) == 1)
		th_pg_exec(s->pg, "%s PREPARED 'p%d'", random_up_to(3) == 0 ?
		    "ROLLBACK" : "COMMIT", n);
}

/* Killed at any moment between PREPARE TRANSACTION and its end, or behind. */
static void
killed_between_the_phases(void **state)
{
	struct scene s;
	int n = rounds(12, 120);

	throw_in("killed_between_the_phases");
	begin(&s, "phases", false);
	s.source = th_text("%sstreaming.two.phase: true\n", s.source);
	th_worker_file(s.w, "item.yaml", "%s", s.source);
	assert_true(th_pg_wait(s.pg, "t", SOON_MS, "SELECT two_phase FROM "
	    "pg_replication_slots WHERE slot_name <> 'oracle'"));
	for (int i = 0; i < n; i++) {
		prepare(&s, i);
		th_nap(random_up_to(200));
		decide(&s, random_up_to(2) == 0 ? i : i - 3);
		th_worker_kill(s.w);
		decide(&s, i - 2);
		check_confirmed(&s);
		th_worker_file(s.w, "item.yaml", "%s", s.source);
	}
	for (int i = 0; i < n; i++)
		decide(&s, i);
	end(&s);
}

/* The snapshot starts again as often as it must, and then nothing is lost. */
static void
killed_in_the_snapshot(void **state)
{
	const struct th_pg_opts po = { .name = "pg-snap" };
	struct th_pg *pg = th_pg_start(&po);
	struct th_worker *w = th_worker_start(&(struct th_worker_opts){
	    .name = "snap" });
	struct th_ledger *l = th_ledger_new(TH_LEDGER_LATE);
	struct th_reader *r = th_reader_open(w, TOPIC);
	struct th_proc *load;
	int n = rounds(4, 20);

	throw_in("killed_in_the_snapshot");
	th_ledger_tables(pg, 30000);
	load = th_ledger_load(pg, 2, 200, (uint32_t)random_up_to(1000) + 1);
	th_worker_file(w, "item.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: [public.item]\ntopic.prefix: item\n"
	    "value.converter.schemas.enable: false\n", th_pg_url(pg, NULL));
	for (int i = 0; i < n; i++) {
		th_nap(random_up_to(150));
		th_worker_kill(w);
		th_worker_resume(w);
	}
	th_reader_wait(r, 30000, SOON_MS, th_ledger_record, l);
	th_proc_stop(load, 5000);
	th_proc_free(load);
	th_ledger_settle(l, pg, r, SOON_MS);
	fprintf(stderr, "# %zu rows read again\n", th_ledger_repeats(l));
	assert_int_equal(th_worker_stop(w), 0);
	th_reader_close(r);
	th_ledger_free(l);
	th_worker_free(w);
	th_pg_free(pg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_worker),
		cmocka_unit_test(killed_while_starting),
		cmocka_unit_test(killed_database),
		cmocka_unit_test(killed_between_the_phases),
		cmocka_unit_test(killed_in_the_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
