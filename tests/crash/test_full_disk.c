/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=200 */
/*
 * The disk of the data directory fills while a database is captured: the task
 * says so and tries again, and once there is room each row is there once.
 *
 * The disk is a small tmpfs in a mount namespace of this program's own, which
 * takes root; it ends with the program.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 60000, ROWS = 30000 };

static struct th_pg *pg;
static struct th_worker *w;
static unsigned char seen[ROWS + 1];
static int64_t nseen;

static void
take(void *arg, const struct th_record *rec)
{
	int64_t id = th_json_int(th_json(rec->value), "/after/id");

	(void)arg;
	assert_in_range(id, 1, ROWS);
	assert_int_equal(seen[id]++, 0);
	nseen++;
}

/* The status has the reason: of a task that waits, or of one that failed. */
static int
says_full(void)
{
	const char *body = th_worker_get(w, "/connectors/full/status");

	return strstr(body, "No space left on device") != NULL;
}

static void
test_full(void **state)
{
	struct th_reader *r;

	if (w == NULL)
		skip();
	th_worker_file(w, "full.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: [public.t]\ntopic.prefix: full\n"
	    "value.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n", th_pg_url(pg, NULL));
	assert_true(th_pg_wait(pg, "t", SOON_MS,
	    "SELECT active FROM pg_replication_slots"));
	th_pg_exec(pg, "INSERT INTO t SELECT g, repeat('x', 1000) FROM "
	    "generate_series(1, %d) g", ROWS);
	TH_WAIT(says_full(), SOON_MS);
	assert_int_equal(mount("tmpfs", th_worker_data(w), "tmpfs", MS_REMOUNT,
	    "size=256m"), 0);
	TH_WAIT(th_worker_is(w, "full", "RUNNING"), SOON_MS);
	r = th_reader_open(w, "full.public.t");
	TH_WAIT((th_reader_read(r, take, NULL), nseen) == ROWS, SOON_MS);
	th_reader_close(r);
	TH_WAIT(!says_full(), SOON_MS);
}

static int
start(void **state)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		print_message("a disk of its own takes root: skipped\n");
		return 0;
	}
	pg = th_pg_start(&(struct th_pg_opts){ .name = "pg-full" });
	th_pg_exec(pg, "CREATE TABLE t (id int PRIMARY KEY, pad text)");
	w = th_worker_start(&(struct th_worker_opts){ .name = "full" });
	assert_int_equal(th_worker_stop(w), 0);
	assert_int_equal(mount("tmpfs", th_worker_data(w), "tmpfs", 0,
	    "size=16m"), 0);
	th_worker_resume(w);
	return 0;
}

static int
stop(void **state)
{
	if (w == NULL)
		return 0;
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
