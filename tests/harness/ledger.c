/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c: see ledger.h. */
#include "tests/harness/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/json.h>
#include <leat/str.h>

#include "tests/harness/proc.h"

enum { IDS_MAX = 10000000, SAID_MAX = 10 };

struct key {
	int32_t rev;	/* 0: never seen */
	bool gone;
};

struct th_ledger {
	int flags;
	struct key *keys;	/* by id */
	int64_t nkeys;
	size_t changes;
	size_t repeats;
	struct leat_arena arena;	/* of one event */
};

/* ------------------------------------------------------------------- load */

void
th_ledger_tables(struct th_pg *pg, int rows)
{
	th_pg_exec(pg,
	    "CREATE TABLE item (id serial PRIMARY KEY, rev int NOT NULL "
	    "DEFAULT 1, pad text NOT NULL DEFAULT 'x');"
	    "ALTER TABLE item REPLICA IDENTITY FULL;"
	    "CREATE TABLE gone (id int PRIMARY KEY, rev int NOT NULL);"
	    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ "
	    "BEGIN INSERT INTO gone VALUES (OLD.id, OLD.rev); RETURN NULL; "
	    "END $$;"
	    "CREATE TRIGGER note AFTER DELETE ON item FOR EACH ROW "
	    "EXECUTE FUNCTION note();"
	    "CREATE TABLE lasting AS SELECT %d AS n;"
	    "INSERT INTO item(pad) SELECT 'row ' || i FROM "
	    "generate_series(1, %d) i;", rows, rows);
}

static const struct {
	const char *name;
	int weight;
	const char *text;
} scripts[] = {
	{ "insert", 3, "INSERT INTO item(pad) VALUES ('new');\n" },
	{ "update", 8, "\\set r random(1, :rows)\n"
	    "UPDATE item SET rev = rev + 1 WHERE id = :r;\n" },
	{ "many", 1, "\\set r random(0, 9)\n"
	    "WITH x AS (SELECT id FROM item WHERE id <= least(:rows, 200) AND "
	    "id % 10 = :r ORDER BY id FOR UPDATE) UPDATE item SET "
	    "rev = rev + 1 FROM x WHERE item.id = x.id;\n" },
	{ "delete", 2, "DELETE FROM item WHERE id = "
	    "(SELECT min(id) FROM item WHERE id > :rows);\n" },
	{ "back", 1, "\\set r random(1, :rows)\nBEGIN;\n"
	    "UPDATE item SET rev = rev + 1 WHERE id = :r;\n"
	    "INSERT INTO item(pad) VALUES ('never');\nROLLBACK;\n" },
	{ "save", 1, "\\set r random(1, :rows)\nBEGIN;\n"
	    "UPDATE item SET rev = rev + 1 WHERE id = :r;\n"
	    "SAVEPOINT s;\nUPDATE item SET rev = rev + 1 WHERE id = :r;\n"
	    "ROLLBACK TO s;\nUPDATE item SET rev = rev + 1 WHERE id = :r;\n"
	    "COMMIT;\n" },
};
enum { SCRIPTS = sizeof(scripts) / sizeof(scripts[0]) };

struct th_proc *
th_ledger_load(struct th_pg *pg, int clients, int rate, uint32_t seed)
{
	const char *argv[32 + 2 * SCRIPTS] = { th_pg_program("pgbench"), "-n",
		"-h", th_pg_socket_dir(pg), "-p",
		th_text("%u", (unsigned)th_pg_port(pg)), "-U", "postgres",
		"-c", th_text("%d", clients), "-T", "3600",
		"-R", th_text("%d", rate), "--random-seed",
		th_text("%u", seed), "-D", th_text("rows=%s",
		th_pg_value(pg, "SELECT n FROM lasting")) };
	struct th_proc_opts o = { .argv = argv, .name = "pgbench" };
	size_t n = 18;

	for (size_t i = 0; i < SCRIPTS; i++) {
		const char *path = th_path("%s.sql", scripts[i].name);

		th_write_text(path, scripts[i].text);
		argv[n++] = "-f";
		argv[n++] = th_text("%s@%d", path, scripts[i].weight);
	}
	argv[n++] = "postgres";
	return th_proc_start(&o);
}

/* ----------------------------------------------------------------- events */

struct th_ledger *
th_ledger_new(int flags)
{
	struct th_ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		th_fail("out of memory");
	l->flags = flags;
	leat_arena_init(&l->arena, 64 << 10, 0);
	return l;
}

void
th_ledger_free(struct th_ledger *l)
{
	leat_arena_fini(&l->arena);
	free(l->keys);
	free(l);
}

static struct key *
key_of(struct th_ledger *l, int64_t id)
{
	int64_t n = l->nkeys == 0 ? 4096 : l->nkeys;

	if (id < 1 || id > IDS_MAX)
		th_fail("an event has the id %lld", (long long)id);
	while (n <= id)
		n *= 2;
	if (n > l->nkeys) {
		l->keys = realloc(l->keys, (size_t)n * sizeof(*l->keys));
		if (l->keys == NULL)
			th_fail("out of memory");
		memset(l->keys + l->nkeys, 0,
		    (size_t)(n - l->nkeys) * sizeof(*l->keys));
		l->nkeys = n;
	}
	return &l->keys[id];
}

static int64_t
number_at(const struct leat_value *doc, const char *pointer, const char *event)
{
	const struct leat_value *v =
	    leat_json_pointer(doc, leat_str_c(pointer));

	if (v == NULL || v->kind != LEAT_INT64)
		th_fail("no %s in the event %s", pointer, event);
	return v->u.i;
}

/* A row that the snapshot read: where its key begins, or begins anew. */
static void
take_row(struct th_ledger *l, struct key *k, int64_t rev, const char *event)
{
	if (k->gone || rev < k->rev)
		th_fail("the snapshot is behind revision %d: %s", k->rev,
		    event);
	l->repeats += k->rev != 0;
	k->rev = (int32_t)rev;
}

static void
take_change(struct th_ledger *l, struct key *k, char op, int64_t rev,
    const char *event)
{
	int64_t want;

	/* The stream catches up with an interrupted snapshot by deletes. */
	if ((l->flags & TH_LEDGER_LATE) != 0 && op == 'd' && k->rev == 0)
		k->rev = (int32_t)rev;
	want = op == 'd' ? k->rev : k->rev + 1;
	if (!k->gone && rev == want && (op == 'c') == (k->rev == 0)) {
		k->rev = (int32_t)rev;
		k->gone = op == 'd';
		l->changes++;
		return;
	}
	if ((l->flags & TH_LEDGER_REPEATS) == 0 || rev > k->rev)
		th_fail("after revision %d%s came %c %lld: %s", k->rev,
		    k->gone ? " (deleted)" : "", op, (long long)rev, event);
	l->repeats++;
}

void
th_ledger_take(struct th_ledger *l, const char *event)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_value *op;
	struct leat_value doc;
	struct key *k;
	int64_t rev;
	bool gone;

	leat_arena_reset(&l->arena);
	if (leat_json_parse(&l->arena, event, strlen(event), &doc, &err) < 0)
		th_fail("an event is not JSON: %s: %s", err.text, event);
	op = leat_json_pointer(&doc, LEAT_STR("/op"));
	if (op == NULL || op->kind != LEAT_STRING || op->len != 1)
		th_fail("no op in the event %s", event);
	gone = *op->u.s == 'd';
	k = key_of(l, number_at(&doc, gone ? "/before/id" : "/after/id",
	    event));
	rev = number_at(&doc, gone ? "/before/rev" : "/after/rev", event);
	if (*op->u.s == 'r')
		take_row(l, k, rev, event);
	else
		take_change(l, k, *op->u.s, rev, event);
}

void
th_ledger_record(void *arg, const struct th_record *rec)
{
	if (rec->value != NULL)
		th_ledger_take(arg, rec->value);
}

size_t
th_ledger_changes(const struct th_ledger *l)
{
	return l->changes;
}

size_t
th_ledger_repeats(const struct th_ledger *l)
{
	return l->repeats;
}

/* ------------------------------------------------------------ differences */

static int64_t
field(struct leat_str *line, char end)
{
	int64_t v;

	if (leat_parse_i64(leat_str_cut(line, end), 0, INT32_MAX, &v) < 0)
		th_fail("the database gave no number");
	return v;
}

size_t
th_ledger_differences(struct th_ledger *l, struct th_pg *pg, bool say)
{
	struct leat_str rest = leat_str_c(th_pg_rows(pg,
	    "SELECT id, rev, 0 FROM item UNION ALL "
	    "SELECT id, rev, 1 FROM gone"));
	size_t n = 0, known = 0, seen = 0;

	for (; rest.len > 0; known++) {
		struct leat_str line = leat_str_cut(&rest, '\n');
		int64_t id = field(&line, '|'), rev = field(&line, '|');
		bool gone = field(&line, '|') == 1;
		const struct key *k = key_of(l, id);

		if (k->rev == rev && k->gone == gone)
			continue;
		if (k->rev == 0 && gone && (l->flags & TH_LEDGER_LATE) != 0) {
			known--;
			continue;
		}
		if (++n <= SAID_MAX && say)
			fprintf(stderr, "id %lld: database %lld%s, events %d%s"
			    "\n", (long long)id, (long long)rev,
			    gone ? " (deleted)" : "", k->rev,
			    k->gone ? " (deleted)" : "");
	}
	for (int64_t i = 0; i < l->nkeys; i++)
		seen += l->keys[i].rev != 0;
	return n == 0 && seen != known ? 1 : n;
}

void
th_ledger_settle(struct th_ledger *l, struct th_pg *pg, struct th_reader *r,
    int timeout_ms)
{
	int64_t end = th_now_ms() + (int64_t)timeout_ms * th_slowness();

	for (;;) {
		th_reader_read(r, th_ledger_record, l);
		if (th_ledger_differences(l, pg, false) == 0)
			return;
		if (th_now_ms() > end)
			break;
		th_nap(50);
	}
	th_fail("%zu keys differ", th_ledger_differences(l, pg, true));
}
