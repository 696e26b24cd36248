/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=900 */
/*
 * PostgreSQL capture while worker, network and server fail at random, under
 * load of all kinds (writers.h). In rounds: trouble for a while (chaos.h); then
 * everything is well, nobody writes, and
 *
 *  - the topics hold each committed change once, in order of its key, and
 *    applied they are the tables (twin.h);
 *  - a Kafka client reads the same records, and the file of a sink holds them;
 *  - the idle slot follows the server's log, also when only another database
 *    writes; there is one slot, and it is in use;
 *  - connectors run, the log has no error that is not of the trouble made.
 *
 * In the environment: LEAT_SEED=n repeats a schedule, LEAT_CHAOS_MINUTES=n
 * makes many rounds of 60 s. In every other round the worker is left alone,
 * with LEAT_CHAOS_SPARE=1 in all, so that its memory is seen over time.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/chaos.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"
#include "tests/harness/twin.h"
#include "tests/harness/writers.h"

enum {
	SOON_MS = 120000,
	WRITERS = 4,
	NAP_MS = 15,
	SHORT_ROUNDS = 2,
	SHORT_MS = 8000,
	LONG_MS = 60000,
	FLAT_KB = 48 * 1024,	/* more is no bounded memory */
};

#define SLOT "slot_name = 'debezium'"

struct scene {
	struct th_chaos c;
	struct th_writers *writers;
	struct th_twin *twin;
	int64_t rss_min, rss_max, rss_next;
	size_t in_file[TH_TWIN_TABLES];	/* records of the sink's file seen */
	size_t by_client[TH_TWIN_TABLES];	/* and of a Kafka client */
	int64_t file_at[TH_TWIN_TABLES];
	int64_t log_at, pg_log_at;
};

static uint64_t
number_in_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t n = otherwise;

	if (text != NULL && leat_parse_u64(leat_str_c(text), UINT64_MAX,
		&n) < 0)
		th_fail("%s is no number", name);
	return n;
}

static void
write_sink(struct scene *s)
{
	th_worker_file(s->c.w, "archive.yaml", "connector: file-sink\n"
	    "topics: [chaos.public.t0, chaos.public.t1, chaos.public.t2, "
	    "chaos.public.t3]\nfile: %s/${topic}\nformat: record\n"
	    "delivery: exactly-once\n", th_path("archive"));
}

/* ------------------------------------------------------------------- memory */

static void
look_at_memory(struct scene *s)
{
	int64_t kb;

	if (!s->c.worker_up || th_now_ms() < s->rss_next)
		return;
	s->rss_next = th_now_ms() + 200;
	kb = th_rss_kb(th_worker_pid(s->c.w));
	if (s->rss_min == 0 || kb < s->rss_min)
		s->rss_min = kb;
	if (kb > s->rss_max)
		s->rss_max = kb;
}

/* ------------------------------------------------------------------- checks */

static void
check_running(struct scene *s)
{
	TH_WAIT(th_worker_is(s->c.w, TH_CHAOS_SOURCE, "RUNNING"), SOON_MS);
	TH_WAIT(th_worker_is(s->c.w, "archive", "RUNNING"), SOON_MS);
}

/* Record number i of a topic must have this offset: a snapshot may go on. */
static void
expect(struct scene *s, int t, size_t i, int64_t is, const char *whose)
{
	size_t n;
	const int64_t *want = th_twin_offsets(s->twin, t, &n);

	if (i >= n) {
		th_twin_read(s->twin);
		want = th_twin_offsets(s->twin, t, &n);
	}
	if (i >= n || is != want[i])
		th_fail("%s: %s record %zu has offset %lld instead of %lld",
		    th_twin_topic(s->twin, t), whose, i, (long long)is,
		    i >= n ? -1LL : (long long)want[i]);
}

static bool
has_all(const struct scene *s, int t, size_t has)
{
	size_t n;

	(void)th_twin_offsets(s->twin, t, &n);
	return has >= n;
}

/* The offset of a line that the sink wrote. */
static int64_t
offset_in(const char *line)
{
	const char *at = strstr(line, "\"offset\":");
	int64_t v;

	if (at == NULL || leat_parse_i64((struct leat_str){ at + 9,
		strspn(at + 9, "0123456789") }, 0, INT64_MAX, &v) < 0)
		th_fail("the sink wrote %.200s", line);
	return v;
}

/* Reads on in the sink's file of one topic; has it all of it? */
static bool
file_has_all(struct scene *s, int t)
{
	const char *path = th_path("archive/%s", th_twin_topic(s->twin, t));
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (f == NULL)
		return has_all(s, t, 0);
	(void)fseek(f, (long)s->file_at[t], SEEK_SET);
	while ((len = getline(&line, &size, f)) > 0 && line[len - 1] == '\n') {
		expect(s, t, s->in_file[t]++, offset_in(line), "the sink's");
		s->file_at[t] += len;
	}
	free(line);
	(void)fclose(f);
	return has_all(s, t, s->in_file[t]);
}

static void
check_client(struct scene *s, int t)
{
	size_t n;
	const int64_t *want = th_twin_offsets(s->twin, t, &n);
	struct leat_str rest;
	char *out;

	if (s->by_client[t] == n)
		return;
	if (th_run(&out, "kcat", "-C", "-q", "-e", "-b",
	    th_worker_kafka(s->c.w), "-t", th_twin_topic(s->twin, t), "-o",
	    th_text("%lld", (long long)want[s->by_client[t]]), "-X",
	    "isolation.level=read_committed", "-f", "%o\\n", NULL) != 0)
		th_fail("kcat: %s", out);
	for (rest = leat_str_c(out); rest.len > 0;) {
		int64_t is = -1;

		(void)leat_parse_i64(leat_str_cut(&rest, '\n'), 0, INT64_MAX,
		    &is);
		expect(s, t, s->by_client[t]++, is, "a Kafka client's");
	}
	if (s->by_client[t] < n)
		th_fail("%s: a Kafka client reads %zu of %zu records",
		    th_twin_topic(s->twin, t), s->by_client[t], n);
	free(out);
}

/* Nobody writes, or only another database does: the slot goes on. */
static void
check_slot(struct scene *s)
{
	const char *lsn = th_pg_value(s->c.pg, "SELECT pg_current_wal_lsn()");

	assert_true(th_pg_wait(s->c.pg, "t", SOON_MS, "SELECT "
	    "confirmed_flush_lsn >= '%s' FROM pg_replication_slots WHERE "
	    SLOT, lsn));
	th_chaos_noise(&s->c);
	lsn = th_pg_value(s->c.pg, "SELECT pg_current_wal_lsn()");
	assert_true(th_pg_wait(s->c.pg, "t", SOON_MS, "SELECT "
	    "confirmed_flush_lsn >= '%s' FROM pg_replication_slots WHERE "
	    SLOT, lsn));
	/* A checkpoint notes the open transactions, so that it may move. */
	th_pg_exec(s->c.pg, "CHECKPOINT");
	assert_true(th_pg_wait(s->c.pg, "t", SOON_MS, "SELECT "
	    "restart_lsn >= '%s' FROM pg_replication_slots WHERE " SLOT, lsn));
	assert_true(th_pg_wait(s->c.pg, "1", SOON_MS,
	    "SELECT count(*) FROM pg_replication_slots"));
	assert_true(th_pg_wait(s->c.pg, "t", SOON_MS,
	    "SELECT active FROM pg_replication_slots WHERE " SLOT));
}

/* A slot is used for a while by who is gone without the server's knowledge. */
static bool
is_explained(const char *line)
{
	return strstr(line, "is active for PID") != NULL;
}

/* Fails at a new line of a log that has one of the words. */
static void
check_log(const char *path, int64_t *at, const char *const *words)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (f == NULL)
		th_fail("no %s", path);
	(void)fseek(f, (long)*at, SEEK_SET);
	while ((len = getline(&line, &size, f)) > 0) {
		*at += len;
		for (const char *const *w = words; *w != NULL; w++)
			if (strstr(line, *w) != NULL && !is_explained(line))
				th_fail("%s says: %s", path, line);
	}
	free(line);
	(void)fclose(f);
}

/* Trouble of others is a warning; the server refuses nothing that we ask. */
static void
check_logs(struct scene *s)
{
	static const char *const ours[] = { "Z error ", "ERROR: ", NULL };
	static const char *const servers[] = { " leat ERROR: ", "PANIC: ",
		"TRAP: ", NULL };

	check_log(th_path("chaos/log"), &s->log_at, ours);
	check_log(th_pg_log(s->c.pg), &s->pg_log_at, servers);
}

static void
check_all(struct scene *s)
{
	th_chaos_mend(&s->c, true);
	th_writers_pause(s->writers, SOON_MS);
	check_running(s);
	th_twin_settle(s->twin, s->c.pg, SOON_MS);
	for (int t = 0; t < TH_TWIN_TABLES; t++)
		TH_WAIT(file_has_all(s, t), SOON_MS);
	for (int t = 0; t < TH_TWIN_TABLES; t++)
		check_client(s, t);
	check_slot(s);
	/* Incremental snapshots may have gone on meanwhile. */
	th_twin_settle(s->twin, s->c.pg, SOON_MS);
	check_running(s);
	check_logs(s);
}

/* ------------------------------------------------------------------- rounds */

static void
round_of(struct scene *s, int64_t ms)
{
	int64_t end = th_now_ms() + ms, next = 0;

	th_writers_go_on(s->writers);
	while (th_now_ms() < end) {
		th_chaos_mend(&s->c, false);
		if (th_now_ms() >= next) {
			th_chaos_trouble(&s->c);
			next = th_chaos_trouble(&s->c);
		}
		look_at_memory(s);
		if (th_chaos_worker(&s->c))
			th_twin_read(s->twin);
		th_nap(20);
	}
	check_all(s);
	look_at_memory(s);
	fprintf(stderr, "# %zu transactions, %zu changes, %zu rows read; "
	    "worker %lld kB\n", th_writers_commits(s->writers),
	    th_twin_changes(s->twin), th_twin_rows(s->twin),
	    (long long)th_rss_kb(th_worker_pid(s->c.w)));
}

static void
begin(struct scene *s)
{
	static const char *const pg_settings[] = { "wal_sender_timeout = 5s",
		"max_wal_size = 64MB", "min_wal_size = 32MB",
		"checkpoint_timeout = 30s", "logical_decoding_work_mem = 64kB",
		"autovacuum_naptime = 5s", NULL };
	static const char *const settings[] = {
		"broker.log.segment.bytes: 4MiB", NULL
	};
	PGconn *noise;

	s->c.pg = th_pg_start(&(struct th_pg_opts){ .name = "pg",
	    .settings = pg_settings });
	s->c.server_up = true;
	th_twin_tables(s->c.pg);
	th_pg_exec(s->c.pg, "CREATE DATABASE other");
	noise = th_pg_connect(s->c.pg, "other");
	th_pg_run(noise, "CREATE TABLE noise (i int, v text)");
	PQfinish(noise);
	s->c.wire = th_wire_open(th_pg_port(s->c.pg));
	th_mkdir(th_path("spool"));
	th_mkdir(th_path("archive"));
	s->c.w = th_worker_start(&(struct th_worker_opts){ .name = "chaos",
	    .settings = settings });
	s->c.worker_up = true;
	s->twin = th_twin_new(s->c.w, "chaos");
	th_chaos_source(&s->c);
	write_sink(s);
	s->writers = th_writers_start(s->c.pg, WRITERS, NAP_MS, s->c.dice);
}

static void
finish(struct scene *s)
{
	th_chaos_tell();
	fprintf(stderr, "# worker's memory: %lld to %lld kB\n",
	    (long long)s->rss_min, (long long)s->rss_max);
	if (th_slowness() == 1)
		assert_true(s->rss_max < FLAT_KB);
	assert_true(th_twin_changes(s->twin) > 100);
	th_writers_free(s->writers);
	assert_int_equal(th_worker_stop(s->c.w), 0);
	th_twin_free(s->twin);
	th_worker_free(s->c.w);
	th_wire_close(s->c.wire);
	th_pg_free(s->c.pg);
}

static void
chaos(void **state)
{
	int64_t minutes = (int64_t)number_in_env("LEAT_CHAOS_MINUTES", 0);
	bool spare = number_in_env("LEAT_CHAOS_SPARE", 0) != 0;
	int64_t end = th_now_ms() + minutes * 60000;
	struct scene s = { .c.dice = number_in_env("LEAT_SEED", 1) };

	fprintf(stderr, "# LEAT_SEED=%" PRIu64 "\n", s.c.dice);
	begin(&s);
	for (int i = 0; minutes > 0 ? th_now_ms() < end : i < SHORT_ROUNDS;
	     i++) {
		s.c.spare = spare || i % 2 == 1;
		round_of(&s, minutes > 0 ? LONG_MS : SHORT_MS);
	}
	finish(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chaos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
