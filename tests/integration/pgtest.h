/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgtest.h: what the tests of postgres-source share: the plugin as the worker
 * would load it, a fake host around it, and a real server behind it.
 */
#ifndef LEAT_TESTS_INTEGRATION_PGTEST_H
#define LEAT_TESTS_INTEGRATION_PGTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/arena.h>
#include <leat/fake_host.h>
#include <leat/json.h>

#include "tests/harness/pg.h"
#include "tests/harness/proc.h"

enum { PGT_WAIT_MS = 20000 };

/* The connector of that name in leat-postgres.so. */
static inline const struct leat_connector *
pgt_connector(const char *name)
{
	const struct leat_plugin *(*entry)(void) = NULL;
	void *so = dlopen(th_text("%s/leat-postgres.so", th_plugin_dir()),
	    RTLD_NOW | RTLD_LOCAL);
	void *sym = so == NULL ? NULL : dlsym(so, LEAT_PLUGIN_SYMBOL);

	if (sym == NULL)
		fail_msg("leat-postgres.so: %s", dlerror());
	memcpy(&entry, &sym, sizeof(entry));
	for (uint32_t i = 0; i < entry()->nconnectors; i++)
		if (strcmp(entry()->connectors[i]->name, name) == 0)
			return entry()->connectors[i];
	fail_msg("no connector %s", name);
	return NULL;
}

/* A source on the server's database; slot, publication and prefix are `id`. */
static inline struct leat_fake *
pgt_source(struct th_pg *server, const char *id, const char *tables)
{
	struct leat_fake *f = leat_fake_new(pgt_connector("postgres-source"));

	leat_fake_set(f, "url", th_pg_url(server, NULL));
	leat_fake_set(f, "topic.prefix", "px");
	leat_fake_set(f, "slot.name", id);
	leat_fake_set(f, "publication.name", id);
	leat_fake_set(f, "tables", tables);
	leat_fake_set(f, "status.update.interval.ms", "200");
	return f;
}

static inline void
pgt_open(struct leat_fake *f)
{
	if (leat_fake_open(f) < 0)
		fail_msg("open: %s", leat_fake_err(f)->text);
}

/* Runs until there are n records in all, and no more for a moment. */
static inline void
pgt_run(struct leat_fake *f, size_t n)
{
	int rc = leat_fake_run(f, n, PGT_WAIT_MS * th_slowness());

	if (rc < 0)
		fail_msg("run to %zu records, have %zu: %d %s", n,
		    leat_fake_count(f), rc, leat_fake_err(f)->text);
	assert_int_equal(leat_fake_count(f), n);
}

/* Polls and makes durable until the server has heard of `lsn`. */
static inline void
pgt_settle(struct leat_fake *f)
{
	for (int i = 0; i < 5; i++) {
		(void)leat_fake_run(f, SIZE_MAX, 20);
		assert_int_equal(leat_fake_durable(f), 0);
	}
}

/* Removes the task's slot once nobody uses it. */
static inline void
pgt_end(struct th_pg *server, struct leat_fake *f, const char *id)
{
	leat_fake_free(f);
	assert_true(th_pg_wait(server, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE slot_name = '%s' AND active", id));
	th_pg_exec(server, "SELECT pg_drop_replication_slot(slot_name) FROM "
	    "pg_replication_slots WHERE slot_name = '%s'", id);
	th_pg_exec(server, "DROP PUBLICATION IF EXISTS %s", id);
}

/* A member of record i's value by JSON pointer, as JSON text. */
static inline const char *
pgt_at(struct leat_fake *f, size_t i, const char *pointer)
{
	struct leat_arena a = { 0 };
	struct leat_value doc;
	const struct leat_value *v;
	struct leat_buf b;
	const char *text = leat_fake_value(f, i), *out;

	leat_arena_init(&a, 4096, 0);
	leat_buf_init(&b, 1u << 26);
	assert_int_equal(leat_json_parse(&a, text, strlen(text), &doc, NULL),
	    0);
	v = leat_json_pointer(&doc, leat_str_c(pointer));
	if (v == NULL)
		fail_msg("no %s in %s", pointer, text);
	(void)leat_json_add_value(&b, v);
	out = th_text("%s", leat_buf_cstr(&b));
	leat_buf_fini(&b);
	leat_arena_fini(&a);
	return out;
}

#define pgt_expect(f, i, pointer, text) \
	assert_string_equal(pgt_at((f), (i), (pointer)), (text))

#endif
