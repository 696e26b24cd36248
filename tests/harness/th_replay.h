/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_replay.h: what somebody knows who applies the events of tables, held
 * against the tables themselves.
 */
#ifndef LEAT_TESTS_HARNESS_TH_REPLAY_H
#define LEAT_TESTS_HARNESS_TH_REPLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/arena.h>
#include <leat/json.h>
#include <leat/map.h>

#include "tests/harness/pg.h"
#include "tests/harness/proc.h"

/* ---------------------------------------------- values by numbers of rows */

enum { TH_GONE = -1 };

/* Has the table (id, v) these values, have[id] for 0 .. nkeys - 1? */
static inline void
th_replay_values(struct th_pg *server, const char *table, const int64_t *have,
    int nkeys)
{
	struct leat_str rest = leat_str_c(th_pg_rows(server, "SELECT "
	    "coalesce(v, %d) FROM generate_series(0, %d) g LEFT JOIN %s "
	    "ON id = g ORDER BY g", TH_GONE, nkeys - 1, table));

	for (int k = 0; k < nkeys; k++) {
		int64_t want = 0;

		assert_int_equal(leat_parse_i64(leat_str_cut(&rest, '\n'),
		    TH_GONE, INT64_MAX, &want), 0);
		if (have[k] != want)
			fail_msg("%s, key %d: have %lld, want %lld", table, k,
			    (long long)have[k], (long long)want);
	}
}

/* ---------------------------------------------- versions of rows by keys */

struct th_version {
	int64_t version;	/* of `ver`; -1: none seen */
	bool alive;
};

/* A table's rows by their keys as JSON; a zeroed one is empty. */
struct th_versions {
	struct leat_map rows;	/* of struct th_version, the map's own */
	size_t reads;		/* events of snapshots */
};

static inline void
th_versions_fini(struct th_versions *v)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&v->rows, &it)) != NULL)
		free(e->value);
	leat_map_fini(&v->rows);
	*v = (struct th_versions){ .reads = 0 };
}

static inline struct th_version *
th_versions_row(struct th_versions *v, const char *key)
{
	struct th_version *one = leat_map_get_c(&v->rows, key);

	if (one != NULL)
		return one;
	one = calloc(1, sizeof(*one));
	assert_non_null(one);
	one->version = -1;
	assert_int_equal(leat_map_set(&v->rows, leat_str_c(key), one, NULL), 0);
	return one;
}

/*
 * Applies an event as JSON. A row that is older than one before it fails the
 * test, and so does one that comes back after its delete.
 */
static inline void
th_versions_apply(struct th_versions *v, const char *key, const char *event)
{
	struct th_version *one = th_versions_row(v, key);
	const struct leat_value *version;
	struct leat_value doc;
	struct leat_arena a;
	char op;

	leat_arena_init(&a, 4096, 0);
	assert_int_equal(leat_json_parse(&a, event, strlen(event), &doc, NULL),
	    0);
	op = leat_map_value(&doc, "op")->u.s[0];
	version = leat_json_pointer(&doc, LEAT_STR("/after/ver"));
	if (op == 'd') {
		one->alive = false;
	} else {
		assert_non_null(version);
		v->reads += op == 'r';
		if (version->u.i < one->version ||
		    (version->u.i == one->version && !one->alive))
			fail_msg("%s: %c of version %lld after %lld, %s", key,
			    op, (long long)version->u.i,
			    (long long)one->version,
			    one->alive ? "alive" : "deleted");
		one->version = version->u.i;
		one->alive = true;
	}
	leat_arena_fini(&a);
}

/* What differs from the table, whose keys `key_sql` writes; NULL: nothing. */
static inline const char *
th_versions_differ(const struct th_versions *v, struct th_pg *server,
    const char *table, const char *key_sql)
{
	PGconn *c = th_pg_connect(server, NULL);
	PGresult *res = PQexec(c, th_text("SELECT %s, ver FROM %s", key_sql,
	    table));
	const struct leat_map_entry *e;
	const char *what = NULL;
	size_t it = 0;
	int alive = 0;

	assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
	for (int i = 0; i < PQntuples(res) && what == NULL; i++) {
		const char *key = PQgetvalue(res, i, 0);
		const struct th_version *one = leat_map_get_c(&v->rows, key);
		char seen[24];

		(void)snprintf(seen, sizeof(seen), "%lld", one == NULL ||
		    !one->alive ? -1 : (long long)one->version);
		if (strcmp(seen, PQgetvalue(res, i, 1)) != 0)
			what = th_text("%s: %s has version %s, seen is %s",
			    table, key, PQgetvalue(res, i, 1), seen);
	}
	while ((e = leat_map_next(&v->rows, &it)) != NULL)
		alive += ((const struct th_version *)e->value)->alive;
	if (what == NULL && alive != PQntuples(res))
		what = th_text("%s: %d rows, seen are %d", table,
		    PQntuples(res), alive);
	PQclear(res);
	PQfinish(c);
	return what;
}

#endif
