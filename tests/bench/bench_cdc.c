/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_cdc: PostgreSQL capture against what PostgreSQL itself can do.
 *
 *	cdc-stream	changes/s into a durable topic as Debezium JSON, against
 *			pg_recvlogical writing the same pgoutput to a file;
 *			same table, same transactions, in turns
 *	cdc-snapshot	rows/s of the initial snapshot, against COPY TO STDOUT
 *	latency-*	ms from the commit to the answer of a waiting reader
 *	rss-cdc		MB at most while all that streamed
 *	cpu-cdc		cores of ours per 200,000 changes/s: user and system
 *			time of the worker from its start, median of the rounds
 *
 * BENCH_ROWS and BENCH_ROUNDS change the size (changes per round, rounds);
 * with BENCH_COLD=1 no memory is kept for the page cache (ballast_take).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/bench/bench.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum {
	ROWS_PER_TXN = 50,
	LATENCY_SAMPLES = 500,
	ROUNDS_MAX = 16,
	LOOK_MS = 20,			/* each look costs the worker's CPU */
	BALLAST_PER_ROW = 2048,
	BALLAST_FIRST = 64 << 20
};

static const char *const pg_settings[] = { "max_wal_size = 16GB",
	"checkpoint_timeout = 1h", "shared_buffers = 512MB", "autovacuum = off",
	NULL };
static const char topic[] = "bench.public.item";
static const char written[] = "leat_source_record_write_total"
			      "{connector=\"bench\",task=\"0\"}";

static struct th_pg *pg;
static struct th_worker *worker;
static int64_t rows, rounds;
static struct {
	uint8_t *at;
	size_t len, all;
} ballast;

static int64_t
number_env(const char *name, int64_t def)
{
	const char *text = getenv(name);
	int64_t v;

	if (text == NULL ||
	    leat_parse_i64(leat_str_c(text), 1, 1 << 30, &v) < 0)
		return def;
	return v;
}

static void
make_table(const char *name)
{
	th_pg_exec(pg,
	    "CREATE TABLE %s (id bigserial PRIMARY KEY, customer int NOT NULL, "
	    "amount numeric(12,2), state varchar(16), note text, placed "
	    "timestamptz, "
	    "rev int NOT NULL DEFAULT 1)",
	    name);
}

/* `n` inserted rows of about 200 bytes, in transactions of ROWS_PER_TXN. */
static void
insert_rows(int64_t n)
{
	th_pg_exec(pg,
	    "DO $$ BEGIN FOR i IN 1..%lld LOOP "
	    "INSERT INTO item(customer, amount, state, note, placed) "
	    "SELECT j, j * 1.25, 'new', repeat(md5(j::text), 4), now() "
	    "FROM generate_series(1, %d) j; COMMIT; END LOOP; END $$",
	    (long long)(n / ROWS_PER_TXN), ROWS_PER_TXN);
}

/* Every row of a range changes, in transactions as above. */
static void
update_rows(int64_t n)
{
	th_pg_exec(pg,
	    "DO $$ BEGIN FOR i IN 0..%lld LOOP "
	    "UPDATE item SET rev = rev + 1, state = 'paid' WHERE id > i * %d "
	    "AND id <= (i + 1) * %d; COMMIT; END LOOP; END $$",
	    (long long)(n / ROWS_PER_TXN - 1), ROWS_PER_TXN, ROWS_PER_TXN);
}

static void
write_connector(const char *mode)
{
	th_worker_file(worker, "bench.yaml",
	    "connector: postgres-source\nurl: %s\ntopic.prefix: bench\n"
	    "tables: [public.item]\nslot.name: leat\npublication.name: bench\n"
	    "snapshot.mode: %s\nstatus.update.interval.ms: 1s\n",
	    th_pg_url(pg, NULL), mode);
}

/*
 * A guest that reports free memory to its host (virtio's free page reporting)
 * faults on the first touch of each page, which takes ten times as long as the
 * write() that did it, and each page of a segment is such a page. On a machine
 * that has been up for a while the page cache is made of memory that was in use
 * a moment ago. So memory is taken before a round, and given back in step with
 * what is captured; all at once for a program whose steps are not seen.
 */
static void
ballast_take(int64_t changes)
{
	size_t bytes = BALLAST_FIRST + (size_t)changes * BALLAST_PER_ROW;

	if (number_env("BENCH_COLD", 0) != 0)
		return;
	ballast.at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ballast.at == MAP_FAILED)
		th_fail("no memory for a round");
	ballast.len = ballast.all = bytes;
}

/* Has given back so much since it was taken. */
static void
ballast_give(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), keep;

	if (ballast.len == 0)
		return;
	keep = bytes < ballast.all ? ballast.all - bytes : 0;
	keep = keep / page * page;
	if (keep >= ballast.len)
		return;
	(void)munmap(ballast.at + keep, ballast.len - keep);
	ballast.len = keep;
}

static int64_t
captured(void)
{
	return th_worker_topic(worker, topic, "stable_offset");
}

/* Waits until `n` more offsets than `before` are stable (markers included). */
static void
wait_captured(int64_t want)
{
	int64_t end = th_now_ms() + 300000, n;

	while ((n = th_worker_metric(worker, written)) < want) {
		if (th_now_ms() > end)
			th_fail("captured only %lld", (long long)n);
		ballast_give(BALLAST_FIRST + (size_t)n * BALLAST_PER_ROW);
		th_nap(LOOK_MS);
	}
	assert_true(captured() >= want);
}

/* Seconds for pg_recvlogical to write everything up to an LSN. */
static double
time_recvlogical(const char *lsn)
{
	const char *file = th_path("recv.out");
	double began;
	int rc;

	th_remove(file);
	ballast_take(rows);
	ballast_give(ballast.all);
	began = bench_now();
	rc = th_run(NULL, th_pg_program("pg_recvlogical"), "-d",
	    th_pg_url(pg, NULL), "--slot", "recv", "--start", "-P", "pgoutput",
	    "-o", "proto_version=1", "-o", "publication_names=bench", "-f",
	    file, "--endpos", lsn, "--no-loop", NULL);
	if (rc != 0)
		th_fail("pg_recvlogical ended with %d", rc);
	return bench_now() - began;
}

/* Seconds for a worker that is started to have `n` changes durable. */
static double
time_worker(int64_t n)
{
	double began, took;

	ballast_take(n);
	began = bench_now();
	th_worker_resume(worker);
	wait_captured(n);
	took = bench_now() - began;
	ballast_give(ballast.all);
	return took;
}

static double
cpu_seconds(pid_t pid)
{
	char *text = th_slurp(th_text("/proc/%d/stat", (int)pid), NULL);
	struct leat_str rest = leat_str_c(strrchr(text, ')') + 2);
	int64_t ticks = 0, v;

	for (int i = 3; i < 16; i++) {
		struct leat_str f = leat_str_cut(&rest, ' ');

		if (i >= 14 && leat_parse_i64(f, 0, INT64_MAX, &v) == 0)
			ticks += v;
	}
	free(text);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void
bench_stream(void)
{
	double ours[ROUNDS_MAX], limit[ROUNDS_MAX], ratio[ROUNDS_MAX];
	double cpu[ROUNDS_MAX], peak = 0;

	th_pg_exec(pg, "CREATE PUBLICATION bench FOR TABLE item");
	th_pg_exec(pg,
	    "SELECT pg_create_logical_replication_slot('recv', 'pgoutput')");
	write_connector("no_data");
	TH_WAIT(th_pg_number(pg,
		    "SELECT count(*) FROM pg_replication_slots "
		    "WHERE slot_name = 'leat' AND active") == 1,
	    20000);
	th_worker_stop(worker);
	for (int64_t i = 0; i < rounds; i++) {
		const char *lsn;
		int64_t pid;

		if (i % 2 == 0)
			insert_rows(rows);
		else
			update_rows(rows);
		th_pg_exec(pg, "CREATE TABLE mark_%d (x int)", (int)i);
		lsn = th_pg_value(pg, "SELECT pg_current_wal_lsn()");
		th_pg_exec(pg, "CHECKPOINT");
		if (i % 2 == 0)
			limit[i] = (double)rows / time_recvlogical(lsn);
		ours[i] = (double)rows / time_worker(rows);
		pid = th_worker_pid(worker);
		cpu[i] = cpu_seconds((pid_t)pid) / (double)rows * 200000;
		if ((double)th_rss_peak_kb((pid_t)pid) / 1024 > peak)
			peak = (double)th_rss_peak_kb((pid_t)pid) / 1024;
		/* So that the next round decodes no more than its own. */
		th_pg_wait(pg, "t", 10000,
		    "SELECT confirmed_flush_lsn >= '%s' FROM "
		    "pg_replication_slots WHERE slot_name = 'leat'", lsn);
		th_worker_stop(worker);
		if (i % 2 == 1)
			limit[i] = (double)rows / time_recvlogical(lsn);
		ratio[i] = ours[i] / limit[i];
		fprintf(stderr,
		    "round %lld: ours %.0f, pg_recvlogical %.0f, %.3f, "
		    "cores %.3f\n",
		    (long long)i, ours[i], limit[i], ratio[i], cpu[i]);
	}
	bench_print("cdc-stream", bench_quantile(ours, (size_t)rounds, 0.5),
	    bench_quantile(limit, (size_t)rounds, 0.5), "changes/s",
	    bench_quantile(ratio, (size_t)rounds, 0.5));
	bench_cost("cpu-cdc", bench_quantile(cpu, (size_t)rounds, 0.5), 0.4,
	    "cores per 200000 changes/s");
	bench_cost("rss-cdc", peak, 40, "MB");
}

static void
bench_latency(void)
{
	PGconn *conn = th_pg_connect(pg, NULL);
	static double ms[LATENCY_SAMPLES];

	th_worker_resume(worker);
	TH_WAIT(th_pg_number(pg,
		    "SELECT count(*) FROM pg_replication_slots "
		    "WHERE slot_name = 'leat' AND active") == 1,
	    20000);
	for (int i = 0; i < LATENCY_SAMPLES; i++) {
		const char *path = th_text(
		    "/leat/topics/%s/records?max_records=1"
		    "&wait_ms=10000&offsets=0:%lld",
		    topic, (long long)captured());
		struct th_worker_wait *wait = th_worker_get_start(worker, path);
		double began;

		th_nap(3);
		th_pg_run(conn, "UPDATE item SET rev = rev + 1 WHERE id = 1");
		began = bench_now();
		th_worker_get_finish(wait);
		ms[i] = (bench_now() - began) * 1000;
	}
	PQfinish(conn);
	bench_cost("latency-commit-to-consumer-p50",
	    bench_quantile(ms, LATENCY_SAMPLES, 0.5), 5, "ms");
	bench_cost("latency-commit-to-consumer-p99",
	    bench_quantile(ms, LATENCY_SAMPLES, 0.99), 10, "ms");
	th_worker_stop(worker);
}

static void
bench_snapshot(void)
{
	int64_t n = th_pg_number(pg, "SELECT count(*) FROM item");
	const char *sql = "COPY (SELECT * FROM item) TO STDOUT";
	double copy[3], began, ours;

	for (int i = 0; i < 3; i++) {
		began = bench_now();
		if (th_run(NULL, th_pg_program("psql"), "-d",
			th_pg_conninfo(pg), "-X", "-o", "/dev/null", "-c", sql,
			NULL) != 0)
			th_fail("COPY failed");
		copy[i] = (double)n / (bench_now() - began);
	}
	worker = th_worker_start(
	    &(struct th_worker_opts){ .name = "snapshot" });
	ballast_take(n);
	th_worker_file(worker, "bench.yaml",
	    "connector: postgres-source\nurl: %s\ntopic.prefix: bench\n"
	    "tables: [public.item]\nslot.name: snap\npublication.name: bench\n",
	    th_pg_url(pg, NULL));
	began = bench_now();
	wait_captured(n);
	ours = (double)n / (bench_now() - began);
	ballast_give(ballast.all);
	bench_rate(
	    "cdc-snapshot", ours, bench_quantile(copy, 3, 0.5), "rows/s");
	th_worker_stop(worker);
	th_worker_free(worker);
}

static void
bench_all(void **state)
{
	static const struct th_worker_opts opts = { .name = "stream" };
	struct th_pg_opts o = { .settings = pg_settings, .fsync = true };

	rows = number_env("BENCH_ROWS", 250000);
	rounds = number_env("BENCH_ROUNDS", 4);
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	pg = th_pg_start(&o);
	make_table("item");
	worker = th_worker_start(&opts);
	bench_stream();
	bench_latency();
	th_worker_free(worker);
	bench_snapshot();
	th_pg_free(pg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
