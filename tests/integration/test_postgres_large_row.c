/* SPDX-License-Identifier: Apache-2.0 */
/* test: serial timeout=300 */
/*
 * test_postgres_large_row.c: a row larger than the limits is refused with words
 * that help, and passes when they are raised, from the snapshot and from the
 * stream. LEAT_LONG=1: a row of 200 MB. The worker's memory is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 120000, SHORT_MB = 12, LONG_MB = 200 };

static struct th_pg *pg;
static struct th_worker *w;
static int megabytes;

static void
configure(const char *more)
{
	th_worker_file(w, "big.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: [public.big]\ntopic.prefix: px\n"
	    "value.converter.schemas.enable: false\n%s", th_pg_url(pg, NULL),
	    more);
}

static bool
is_failed(void)
{
	return strstr(th_worker_get(w, "/connectors/big/status"),
	    "\"FAILED\"") != NULL;
}

static void
insert_big(int id)
{
	th_pg_exec(pg, "INSERT INTO big SELECT %d, decode(repeat('c0ffee00', "
	    "%d), 'hex')", id, megabytes * 1024 * 256);
}

static int64_t
end_offset(void)
{
	return th_worker_topic(w, "px.public.big", "end_offset");
}

static int64_t
size_bytes(void)
{
	return th_worker_topic(w, "px.public.big", "size_bytes");
}

static void
test_refused(void **state)
{
	const char *status;

	th_pg_exec(pg, "CREATE TABLE big (id int PRIMARY KEY, data bytea)");
	configure("snapshot.mode: no_data\n");
	TH_WAIT(th_worker_is(w, "big", "RUNNING"), SOON_MS);
	assert_true(th_pg_wait(pg, "t", SOON_MS,
	    "SELECT active FROM pg_replication_slots"));
	th_pg_exec(pg, "INSERT INTO big VALUES (1, 'x')");
	TH_WAIT(end_offset() > 0, SOON_MS);
	insert_big(2);
	TH_WAIT(is_failed(), SOON_MS);
	status = th_worker_get(w, "/connectors/big/status");
	assert_non_null(strstr(status, "max.request.size"));
	printf("# refused: %d MB, peak %lld MB\n", megabytes,
	    (long long)th_rss_peak_kb(th_worker_pid(w)) / 1024);
}

static void
test_passes(void **state)
{
	int64_t wanted = (int64_t)megabytes * 1000000;

	configure("snapshot.mode: no_data\nmax.request.size: 512MiB\n");
	TH_WAIT(size_bytes() > wanted, SOON_MS);
	TH_WAIT(th_worker_is(w, "big", "RUNNING"), SOON_MS);
	th_pg_exec(pg, "INSERT INTO big VALUES (3, 'y')");
	assert_true(th_pg_wait(pg, "t", SOON_MS, "SELECT confirmed_flush_lsn "
	    ">= '%s' FROM pg_replication_slots", th_pg_value(pg,
	    "SELECT pg_current_wal_lsn()")));
	printf("# streamed: %d MB, peak %lld MB, now %lld MB\n", megabytes,
	    (long long)th_rss_peak_kb(th_worker_pid(w)) / 1024,
	    (long long)th_rss_kb(th_worker_pid(w)) / 1024);
}

static void
test_snapshot(void **state)
{
	int64_t before = size_bytes();

	configure("snapshot.mode: always\nmax.request.size: 512MiB\n");
	TH_WAIT(size_bytes() > before + (int64_t)megabytes * 1000000, SOON_MS);
	printf("# snapshot: %d MB, peak %lld MB, now %lld MB\n", megabytes,
	    (long long)th_rss_peak_kb(th_worker_pid(w)) / 1024,
	    (long long)th_rss_kb(th_worker_pid(w)) / 1024);
}

static int
start(void **state)
{
	static const char *const settings[] = { "memory.max.bytes: 4GiB",
		NULL };

	megabytes = getenv("LEAT_LONG") != NULL ? LONG_MB : SHORT_MB;
	pg = th_pg_start(NULL);
	w = th_worker_start(&(struct th_worker_opts){ .name = "big",
	    .settings = settings });
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
