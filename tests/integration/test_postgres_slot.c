/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_slot.c: what becomes of a stream when its slot, its timeline or
 * its walsender is another one than before.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

#include <sys/stat.h>

static void
expect_text(const struct leat_fake *f, int cls, const char *part)
{
	if (strstr(leat_fake_err(f)->text, part) == NULL)
		fail_msg("'%s' does not contain '%s'", leat_fake_err(f)->text,
		    part);
	assert_int_equal(leat_fake_err(f)->cls, cls);
}

static void
expect_refusal(struct leat_fake *f, int cls, const char *part)
{
	if (leat_fake_open(f) == 0)
		fail_msg("opened, instead of: %s", part);
	expect_text(f, cls, part);
}

static struct leat_fake *
new_source(struct th_pg *server, const char *id)
{
	struct leat_fake *f = pgt_source(server, id, "public.t");

	th_pg_exec(server, "DROP TABLE IF EXISTS t; "
	    "CREATE TABLE t (id int PRIMARY KEY, v text)");
	leat_fake_set(f, "snapshot.mode", "no_data");
	return f;
}

static void
idle(struct th_pg *server, const char *id)
{
	assert_true(th_pg_wait(server, "f", PGT_WAIT_MS, "SELECT active FROM "
	    "pg_replication_slots WHERE slot_name = '%s'", id));
}

/* Opens, takes n records, makes them durable, and ends. */
static void
run_once(struct th_pg *server, struct leat_fake *f, const char *id, size_t n)
{
	pgt_open(f);
	pgt_run(f, n);
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	idle(server, id);
}

static void
insert(int id)
{
	th_pg_exec(pg, "INSERT INTO t VALUES (%d)", id);
}

/* -------------------------------------------------------------- strategies */

static void
test_strategies(void **state)
{
	static const char *const accept[] = { "trust_slot",
		"trust_greater_lsn", "no_validation" };
	struct leat_fake *f = new_source(pg, "str");
	const char *before;

	run_once(pg, f, "str", 0);
	before = th_text("%s", leat_fake_offset(f, "{\"server\":\"px\"}"));
	insert(1);
	th_pg_exec(pg, "SELECT pg_replication_slot_advance('str', "
	    "pg_current_wal_lsn())");
	expect_refusal(f, LEAT_CLS_CONFIG, "ahead of the stored position");
	leat_fake_set(f, "offset.mismatch.strategy", "trust_offset");
	expect_refusal(f, LEAT_CLS_CONFIG, "ahead of the stored position");
	for (int i = 0; i < 3; i++) {
		leat_fake_set_offset(f, "{\"server\":\"px\"}", before);
		leat_fake_set(f, "offset.mismatch.strategy", accept[i]);
		pgt_open(f);
		assert_int_equal(leat_fake_logged(f, "changes are skipped"),
		    i + 1);
		insert(10 + i);
		pgt_run(f, 1);
		assert_string_equal(leat_fake_key(f, 0), th_text("{\"id\":%d}",
		    10 + i));
		pgt_settle(f);
		leat_fake_close(f);
		leat_fake_clear(f);
		idle(pg, "str");
	}
	pgt_end(pg, f, "str");
}

/* The stored position with one member replaced. */
static void
change_offset(struct leat_fake *f, const char *member, const char *value)
{
	const char *text = leat_fake_offset(f, "{\"server\":\"px\"}");
	const char *at = strstr(text, th_text("\"%s\":", member));

	assert_non_null(at);
	at += strlen(member) + 3;
	leat_fake_set_offset(f, "{\"server\":\"px\"}", th_text("%.*s%s%s",
	    (int)(at - text), text, value, at + strcspn(at, ",}")));
}

/* -------------------------------------------------------------- timelines */

/* Starts the server again with a file of that name in its data directory. */
static void
restart_with(struct th_pg *server, const char *file_name)
{
	const char *dir = th_pg_value(server, "SHOW data_directory");
	const char *name = th_text("%s/%s", dir, file_name);
	struct stat st;
	FILE *file;

	th_pg_stop(server);
	assert_int_equal(stat(dir, &st), 0);
	file = fopen(name, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chown(name, st.st_uid, st.st_gid), 0);
	th_pg_resume(server);
}

/* The server comes back promoted, as it would from a recovery. */
static void
promote(struct th_pg *server)
{
	th_pg_set(server, "restore_command = '/bin/false'");
	restart_with(server, "recovery.signal");
	assert_true(th_pg_wait(server, "f", PGT_WAIT_MS,
	    "SELECT pg_is_in_recovery()"));
}

static void
test_standby(void **state)
{
	struct th_pg_opts o = { .name = "standby" };
	struct th_pg *other = th_pg_start(&o);
	struct leat_fake *f;

	th_pg_exec(other, "CREATE TABLE t (id int PRIMARY KEY)");
	restart_with(other, "standby.signal");
	f = pgt_source(other, "sby", "public.t");
	if (th_pg_version() < 16)
		expect_refusal(f, LEAT_CLS_CONFIG, "the server is a standby, "
		    "and logical decoding on a standby needs PostgreSQL 16: "
		    "connect to the primary");
	else
		expect_refusal(f, LEAT_CLS_CONFIG, "run it on the primary and "
		    "set publication.autocreate.mode=disabled");
	leat_fake_free(f);
	th_pg_free(other);
}

static void
test_timeline(void **state)
{
	struct th_pg_opts o = { .name = "promoted" };
	struct th_pg *other = th_pg_start(&o);
	struct leat_fake *f = new_source(other, "tli");
	const char *kept;

	run_once(other, f, "tli", 0);
	th_pg_exec(other, "INSERT INTO t VALUES (1)");
	promote(other);
	th_pg_exec(other, "INSERT INTO t VALUES (2)");
	/* The position lies before the promotion: nothing is missing. */
	run_once(other, f, "tli", 2);
	assert_int_equal(leat_fake_logged(f, "the server was promoted"), 1);
	kept = th_text("%s", leat_fake_offset(f, "{\"server\":\"px\"}"));
	assert_non_null(strstr(kept, "\"timeline\":2"));

	change_offset(f, "timeline", "1");
	expect_refusal(f, LEAT_CLS_CONFIG, "the server left timeline 1 at");
	change_offset(f, "timeline", "3");
	expect_refusal(f, LEAT_CLS_CONFIG, "the stored position is of "
	    "timeline 3, the server is still on 2");
	leat_fake_set_offset(f, "{\"server\":\"px\"}", kept);
	change_offset(f, "lsn_flush", "99999999999");
	expect_refusal(f, LEAT_CLS_CONFIG, "restored from a backup");
	leat_fake_set_offset(f, "{\"server\":\"px\"}", kept);
	th_pg_exec(other, "INSERT INTO t VALUES (3)");
	run_once(other, f, "tli", 1);
	leat_fake_free(f);
	th_pg_free(other);
}

/* ------------------------------------------------------------ while it runs */

static void
test_in_use(void **state)
{
	struct leat_fake *f = new_source(pg, "use"), *g;

	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	g = pgt_source(pg, "use", "public.t");
	leat_fake_set(g, "snapshot.mode", "no_data");
	leat_fake_set(g, "slot.max.retries", "0");
	expect_refusal(g, LEAT_CLS_RETRY, "is active for PID");
	leat_fake_set(g, "slot.max.retries", NULL);
	pgt_open(g);
	assert_int_equal(leat_fake_logged(g, "waiting for the slot"), 1);
	assert_int_equal(leat_fake_run(g, 1, 300), -ETIME);
	leat_fake_close(f);
	insert(1);
	pgt_run(g, 1);
	leat_fake_free(f);
	pgt_end(pg, g, "use");
}

static void
kill_walsender(const char *id)
{
	assert_string_equal(th_pg_value(pg, "SELECT pg_terminate_backend("
	    "active_pid) FROM pg_replication_slots WHERE slot_name = '%s'",
	    id), "t");
}

/* Runs until the connector fails. */
static void
run_to_error(struct leat_fake *f)
{
	for (int i = 0; i < 2000; i++) {
		if (leat_fake_poll(f) < 0)
			return;
		(void)leat_fake_wait(f);
		if (leat_fake_tick(f) < 0)
			return;
	}
	fail_msg("no error");
}

static void
test_walsender_killed(void **state)
{
	struct leat_fake *f = new_source(pg, "kil");

	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert(1);
	pgt_run(f, 1);
	pgt_settle(f);
	kill_walsender("kil");
	insert(2);
	run_to_error(f);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	leat_fake_close(f);
	leat_fake_clear(f);
	pgt_open(f);
	pgt_run(f, 1);
	assert_string_equal(leat_fake_key(f, 0), "{\"id\":2}");
	pgt_end(pg, f, "kil");
}

static void
test_dropped(void **state)
{
	struct leat_fake *f = new_source(pg, "drp");

	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert(1);
	pgt_run(f, 1);
	pgt_settle(f);
	kill_walsender("drp");
	idle(pg, "drp");
	th_pg_exec(pg, "SELECT pg_drop_replication_slot('drp')");
	run_to_error(f);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	leat_fake_close(f);
	expect_refusal(f, LEAT_CLS_CONFIG, "replication slot 'drp' is gone");
	pgt_end(pg, f, "drp");
}

static void
test_publication_changed(void **state)
{
	static const char changed[] = "the publication was changed while it "
	    "is streamed from name=pch tables_before=1 tables=0";
	struct leat_fake *f = new_source(pg, "pch");

	leat_fake_set(f, "xmin.fetch.interval.ms", "10");
	pgt_open(f);
	/* The first look is what later ones are compared with. */
	for (int i = 0; i < 1000 && leat_fake_metric(f,
	    "postgres_slot_retained_bytes") == 0; i++)
		(void)leat_fake_run(f, 1, 20);
	th_pg_exec(pg, "ALTER PUBLICATION pch DROP TABLE t");
	for (int i = 0; i < 1000 && leat_fake_logged(f, changed) == 0; i++)
		(void)leat_fake_run(f, 1, 20);
	assert_int_equal(leat_fake_logged(f, changed), 1);
	th_pg_exec(pg, "DROP PUBLICATION pch");
	run_to_error(f);
	expect_text(f, LEAT_CLS_RETRY, "publication 'pch' was dropped while");
	leat_fake_close(f);
	/* It is made again before the next change: nothing is missing. */
	pgt_open(f);
	insert(1);
	pgt_run(f, 1);
	pgt_settle(f);
	leat_fake_close(f);
	idle(pg, "pch");
	/* With a change in between, something is, and that is said. */
	th_pg_exec(pg, "DROP PUBLICATION pch");
	insert(2);
	pgt_open(f);
	run_to_error(f);
	expect_text(f, LEAT_CLS_CONFIG, "changes were made while publication "
	    "'pch' did not exist, and cannot be decoded: SELECT "
	    "pg_drop_replication_slot('pch');");
	pgt_end(pg, f, "pch");
}

/* The server removes the log of a slot that lags too far behind. */
static void
test_lost(void **state)
{
	static const char *const settings[] = { "max_slot_wal_keep_size = 1MB",
		"min_wal_size = 32MB", "max_wal_size = 32MB", NULL };
	struct th_pg_opts o = { .name = "lost", .settings = settings };
	struct th_pg *other = th_pg_start(&o);
	struct leat_fake *f = new_source(other, "los");

	leat_fake_set(f, "xmin.fetch.interval.ms", "20");
	run_once(other, f, "los", 0);
	for (int i = 0; i < 6; i++)
		th_pg_exec(other, "SELECT pg_logical_emit_message(false, 'x', "
		    "repeat('y', 1000)) FROM generate_series(1, 100);"
		    "SELECT pg_switch_wal()");
	th_pg_exec(other, "CHECKPOINT");
	assert_true(th_pg_wait(other, "lost", PGT_WAIT_MS, "SELECT wal_status "
	    "FROM pg_replication_slots"));
	expect_refusal(f, LEAT_CLS_CONFIG, "replication slot 'los' is lost: "
	    "the server removed the log that it needed "
	    "(max_slot_wal_keep_size); SELECT pg_drop_replication_slot");
	leat_fake_free(f);
	th_pg_free(other);
}

/* Somebody else has the slot, and the stream has not noticed its end. */
static void
test_watched(void **state)
{
	struct leat_fake *f = new_source(pg, "wat");
	const char *xmin;

	leat_fake_set(f, "xmin.fetch.interval.ms", "10");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert(1);
	pgt_run(f, 1);
	xmin = pgt_at(f, 0, "/source/xmin");
	assert_string_equal(xmin, th_pg_value(pg, "SELECT catalog_xmin FROM "
	    "pg_replication_slots WHERE slot_name = 'wat'"));
	assert_true(leat_fake_metric(f, "postgres_slot_retained_bytes") > 0);
	pgt_end(pg, f, "wat");
}

/* A slot that nobody lets advance, and 4 MB of log behind it. */
static struct leat_fake *
guarded(const char *id, const char *action)
{
	struct leat_fake *f = new_source(pg, id);

	leat_fake_set(f, "xmin.fetch.interval.ms", "10");
	leat_fake_set(f, "lsn.flush.mode", "manual");
	leat_fake_set(f, "wal.guard.bytes", "2MiB");
	leat_fake_set(f, "wal.guard.action", action);
	pgt_open(f);
	insert(1);
	pgt_run(f, 1);
	pgt_settle(f);
	th_pg_exec(pg, "CREATE TABLE other AS SELECT repeat(md5(i::text), 4) "
	    "FROM generate_series(1, 25000) i; DROP TABLE other");
	return f;
}

static void
test_guard_warns(void **state)
{
	struct leat_fake *f = guarded("gwa", "warn");
	int64_t end = th_now_ms() + PGT_WAIT_MS;

	while (leat_fake_metric(f, "postgres_wal_guard_over") != 1) {
		assert_true(th_now_ms() < end);
		(void)leat_fake_run(f, SIZE_MAX, 20);
		assert_int_equal(leat_fake_err(f)->code, 0);
	}
	pgt_end(pg, f, "gwa");
}

static void
test_guard_gives_up(void **state)
{
	struct leat_fake *f = guarded("ggi", "give-up");
	int rc = leat_fake_run(f, SIZE_MAX, PGT_WAIT_MS * th_slowness());

	assert_true(rc < 0);
	expect_text(f, LEAT_CLS_RETRY, "slot 'ggi' retains ");
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE slot_name = 'ggi'"));
	/* What that means is decided at the next start. */
	expect_refusal(f, LEAT_CLS_CONFIG, "'ggi' is gone");
	leat_fake_set(f, "snapshot.mode", "when_needed");
	leat_fake_clear(f);
	pgt_open(f);
	pgt_run(f, 1);
	pgt_end(pg, f, "ggi");
}

/* --------------------------------------------------------------- flushing */

static void
check_manual(const char *option, const char *value)
{
	struct leat_fake *f = new_source(pg, "man");
	const char *at;

	leat_fake_set(f, option, value);
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	at = th_pg_value(pg, "SELECT confirmed_flush_lsn FROM "
	    "pg_replication_slots WHERE slot_name = 'man'");
	insert(1);
	pgt_run(f, 1);
	for (int i = 0; i < 5; i++)
		pgt_settle(f);
	assert_string_equal(at, th_pg_value(pg, "SELECT confirmed_flush_lsn "
	    "FROM pg_replication_slots WHERE slot_name = 'man'"));
	/* The server knows all the same that nothing is missing. */
	assert_true(th_pg_number(pg, "SELECT write_lsn - '%s' FROM "
	    "pg_stat_replication WHERE write_lsn IS NOT NULL", at) > 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	idle(pg, "man");
	insert(2);
	run_once(pg, f, "man", 1);
	pgt_end(pg, f, "man");
}

static void
test_flush_modes(void **state)
{
	struct leat_fake *f;
	const char *at, *told = "f";

	check_manual("lsn.flush.mode", "manual");
	check_manual("flush.lsn.source", "false");
	f = new_source(pg, "drv");
	leat_fake_set(f, "lsn.flush.mode", "connector_and_driver");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert(1);
	pgt_run(f, 1);
	at = pgt_at(f, 0, "/source/lsn");
	for (int i = 0; i < 200 && strcmp(told, "t") != 0; i++) {
		pgt_settle(f);
		told = th_pg_value(pg, "SELECT confirmed_flush_lsn - '0/0' > "
		    "%s FROM pg_replication_slots WHERE slot_name = 'drv'", at);
	}
	assert_string_equal(told, "t");
	pgt_end(pg, f, "drv");
}

static void
test_stream_params(void **state)
{
	struct leat_fake *f = new_source(pg, "par");

	leat_fake_set(f, "slot.stream.params", "streaming=on");
	expect_refusal(f, LEAT_CLS_CONFIG, "slot.stream.params: 'streaming' "
	    "is set by the connector itself");
	leat_fake_set(f, "slot.stream.params", "no_such_thing=x");
	expect_refusal(f, LEAT_CLS_CONFIG, th_text("slot.stream.params: "
	    "PostgreSQL %d does not know all of 'no_such_thing=x'",
	    th_pg_version()));
	pgt_end(pg, f, "par");
}

/*
 * A walsender whose client is gone, unheard by the server, keeps its temporary
 * slot: another one of ours is not in its way.
 */
static void
test_temporary_slot_left(void **state)
{
	struct leat_fake *f = new_source(pg, "old");
	PGconn *old;

	run_once(pg, f, "old", 0);
	old = PQconnectdb(th_text("%s replication=database",
	    th_pg_conninfo(pg)));
	th_pg_run(old, th_text("CREATE_REPLICATION_SLOT old_s%d TEMPORARY "
	    "LOGICAL pgoutput", (int)getpid()));
	th_pg_run(old, th_text("CREATE_REPLICATION_SLOT old_b%d TEMPORARY "
	    "LOGICAL pgoutput", (int)getpid()));
	insert(1);
	leat_fake_set(f, "snapshot.mode", "always");
	pgt_open(f);
	pgt_run(f, 2);		/* the change, and the row */
	pgt_expect(f, 1, "/op", "\"r\"");
	leat_fake_signal(f, "id", "execute-snapshot", "{\"type\":\"BLOCKING\","
	    "\"data-collections\":[\"public.t\"]}");
	pgt_run(f, 3);
	PQfinish(old);
	pgt_end(pg, f, "old");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strategies),
		cmocka_unit_test(test_timeline),
		cmocka_unit_test(test_standby),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_walsender_killed),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_publication_changed),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_watched),
		cmocka_unit_test(test_guard_warns),
		cmocka_unit_test(test_guard_gives_up),
		cmocka_unit_test(test_flush_modes),
		cmocka_unit_test(test_stream_params),
		cmocka_unit_test(test_temporary_slot_left),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
