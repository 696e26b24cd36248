/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_publication.c: what the publication and the tables' replica
 * identities become, and what is said where they cannot.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

static void
expect_refusal(struct leat_fake *f, int cls, const char *part)
{
	if (leat_fake_open(f) == 0)
		fail_msg("opened, instead of: %s", part);
	if (strstr(leat_fake_err(f)->text, part) == NULL)
		fail_msg("'%s' does not contain '%s'", leat_fake_err(f)->text,
		    part);
	assert_int_equal(leat_fake_err(f)->cls, cls);
}

static struct leat_fake *
new_source(const char *id, const char *tables)
{
	struct leat_fake *f = pgt_source(pg, id, tables);

	th_pg_exec(pg, "DROP TABLE IF EXISTS ta, tb; "
	    "CREATE TABLE ta (id int PRIMARY KEY, u int NOT NULL, v text);"
	    "CREATE UNIQUE INDEX ta_u ON ta (u);"
	    "CREATE TABLE tb (id int PRIMARY KEY)");
	leat_fake_set(f, "snapshot.mode", "no_data");
	return f;
}

static void
open_and_close(struct leat_fake *f, const char *id)
{
	pgt_open(f);
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "f", PGT_WAIT_MS, "SELECT active FROM "
	    "pg_replication_slots WHERE slot_name = '%s'", id));
}

/* The operations that are published: "iudt". */
static const char *
published(const char *id)
{
	return th_pg_value(pg, "SELECT concat(CASE WHEN pubinsert THEN 'i' END,"
	    " CASE WHEN pubupdate THEN 'u' END, CASE WHEN pubdelete THEN 'd' "
	    "END, CASE WHEN pubtruncate THEN 't' END) FROM pg_publication "
	    "WHERE pubname = '%s'", id);
}

static void
test_operations(void **state)
{
	struct leat_fake *f = new_source("ops", "public.t[ab]");

	open_and_close(f, "ops");
	assert_string_equal(published("ops"), "iudt");
	leat_fake_set(f, "skipped.operations", "d,t");
	open_and_close(f, "ops");
	assert_string_equal(published("ops"), "iu");
	assert_int_equal(leat_fake_logged(f, "publication changed"), 1);
	/* The same again takes no lock on anything. */
	open_and_close(f, "ops");
	assert_int_equal(leat_fake_logged(f, "publication changed"), 1);
	leat_fake_set(f, "skipped.operations", "none");
	open_and_close(f, "ops");
	assert_string_equal(published("ops"), "iudt");
	pgt_end(pg, f, "ops");

	f = new_source("op2", "public.t[ab]");
	leat_fake_set(f, "skipped.operations", "c,u");
	leat_fake_set(f, "publish.via.partition.root", "true");
	open_and_close(f, "op2");
	assert_string_equal(published("op2"), "dt");
	assert_string_equal(th_pg_value(pg, "SELECT pubviaroot FROM "
	    "pg_publication WHERE pubname = 'op2'"), "t");
	leat_fake_set(f, "publish.via.partition.root", NULL);
	open_and_close(f, "op2");
	assert_int_equal(leat_fake_logged(f, "the publication names partitions "
	    "otherwise"), 1);
	/* Another's publication is left as it is. */
	leat_fake_set(f, "publication.autocreate.mode", "disabled");
	leat_fake_set(f, "skipped.operations", NULL);
	open_and_close(f, "op2");
	assert_string_equal(published("op2"), "dt");
	assert_true(leat_fake_logged(f, "the publication leaves operations "
	    "out name=op2 insert=f update=f") > 0);
	pgt_end(pg, f, "op2");
}

static void
test_read_only(void **state)
{
	struct leat_fake *f = new_source("ron", "public.ta");

	th_pg_exec(pg, "DROP ROLE IF EXISTS reader; CREATE ROLE reader "
	    "SUPERUSER LOGIN; ALTER ROLE reader SET "
	    "default_transaction_read_only = on");
	leat_fake_set(f, "database.user", "reader");
	expect_refusal(f, LEAT_CLS_CONFIG, "run it on the primary and set "
	    "publication.autocreate.mode=disabled: CREATE PUBLICATION \"ron\" "
	    "FOR TABLE \"public\".\"ta\"");
	pgt_end(pg, f, "ron");
	th_pg_exec(pg, "DROP ROLE reader");
}

static void
test_failover(void **state)
{
	struct leat_fake *f = new_source("fov", "public.ta");

	leat_fake_set(f, "slot.failover", "true");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	assert_int_equal(leat_fake_logged(f, "slot.failover needs PostgreSQL "
	    "17"), th_pg_version() < 17);
	pgt_end(pg, f, "fov");
}

/* ------------------------------------------------------ replica identities */

static const char *
identity(const char *table)
{
	return th_pg_value(pg, "SELECT relreplident::text || coalesce((SELECT "
	    "' ' || i.indexrelid::regclass FROM pg_index i WHERE i.indrelid = "
	    "c.oid AND i.indisreplident AND relreplident = 'i'), '') FROM "
	    "pg_class c WHERE oid = '%s'::regclass", table);
}

static void
test_identities(void **state)
{
	struct leat_fake *f = new_source("idn", "public.t[ab]");

	leat_fake_set(f, "replica.identity.autoset.values",
	    "public.ta:index ta_u,PUBLIC.tb:FULL");
	open_and_close(f, "idn");
	assert_string_equal(identity("ta"), "i ta_u");
	assert_string_equal(identity("tb"), "f");
	assert_int_equal(leat_fake_logged(f, "replica identity set"), 2);
	open_and_close(f, "idn");
	assert_int_equal(leat_fake_logged(f, "replica identity set"), 2);
	leat_fake_set(f, "replica.identity.autoset.values",
	    "public.t[a-z]:DEFAULT");
	open_and_close(f, "idn");
	assert_string_equal(identity("ta"), "d");
	assert_string_equal(identity("tb"), "d");
	pgt_end(pg, f, "idn");
}

static void
test_identity_refusals(void **state)
{
	struct leat_fake *f = new_source("idr", "public.t[ab]");

	leat_fake_set(f, "replica.identity.autoset.values", "public.ta:SOME");
	expect_refusal(f, LEAT_CLS_CONFIG, "'public.ta:SOME' is not "
	    "table:identity");
	leat_fake_set(f, "replica.identity.autoset.values", "public.ta:INDEX");
	expect_refusal(f, LEAT_CLS_CONFIG, "is not table:identity");
	leat_fake_set(f, "replica.identity.autoset.values",
	    "public.t.:FULL,public.ta:NOTHING");
	expect_refusal(f, LEAT_CLS_CONFIG, "two values match table public.ta");
	leat_fake_set(f, "replica.identity.autoset.values",
	    "public.ta:INDEX none");
	expect_refusal(f, LEAT_CLS_CONFIG, "REPLICA IDENTITY USING INDEX "
	    "\"none\"");
	th_pg_exec(pg, "DROP ROLE IF EXISTS mover; CREATE ROLE mover "
	    "REPLICATION LOGIN; GRANT SELECT ON ta, tb TO mover");
	leat_fake_set(f, "database.user", "mover");
	leat_fake_set(f, "replica.identity.autoset.values", "public.ta:FULL");
	expect_refusal(f, LEAT_CLS_CONFIG, "must be owner of table ta");
	pgt_end(pg, f, "idr");
	th_pg_exec(pg, "DROP OWNED BY mover; DROP ROLE mover");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_identity_refusals),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
