/* SPDX-License-Identifier: Apache-2.0 */
/* twin.c: see twin.h. */
#include "tests/harness/twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/json.h>
#include <leat/str.h>

#include "tests/harness/proc.h"

enum { ROW_MAX = 1 << 20, JOURNAL_ROWS = 20000, FULL = 1 };

#define UNAVAILABLE "__debezium_unavailable_value"

/* What happened to a key: 'c', 'u', 'd', or 'x' when its table was emptied. */
struct step {
	char op;
	int64_t rev;		/* of c and u */
};

struct steps {
	struct step *at;
	size_t len, cap;
};

struct row {
	bool alive;
	int64_t rev;
	char *val, *big;	/* NULL: null */
	char *more;		/* "x1=5;x2=2;" */
	/* The key was moved to here, with a large value that nobody told. */
	bool untold;
	struct steps noted, heard;	/* by journal, by topic; unmatched */
};

struct table {
	struct row rows[TH_TWIN_IDS + 1];
	struct th_reader *reader;
	const char *topic;
	int64_t *offsets;
	size_t noffsets, cap;
	size_t deletes, tombstones;
	struct th_twin *twin;
};

struct th_twin {
	struct table tables[TH_TWIN_TABLES];
	struct leat_arena arena;	/* of one event */
	int64_t journal;		/* number of the last entry read */
	size_t changes, snapshot;
	bool first;		/* nothing was compared yet */
	const char *event;	/* at hand, for messages */
};

/* ----------------------------------------------------------------- tables */

static void
make_table(struct th_pg *pg, int n)
{
	th_pg_exec(pg, "CREATE TABLE t%d (id int PRIMARY KEY, rev bigint NOT "
	    "NULL, val text, big text);"
	    "ALTER TABLE t%d ALTER big SET STORAGE EXTERNAL;"
	    "INSERT INTO t%d SELECT i, nextval('rev'), 'row ' || i, "
	    "CASE WHEN i %% 10 = 0 THEN repeat('big', 1000) END "
	    "FROM generate_series(1, %d) i;"
	    "CREATE TRIGGER number BEFORE INSERT OR UPDATE ON t%d "
	    "FOR EACH ROW EXECUTE FUNCTION number();"
	    "CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON t%d "
	    "FOR EACH ROW EXECUTE FUNCTION note('%d');"
	    "CREATE TRIGGER emptied AFTER TRUNCATE ON t%d "
	    "EXECUTE FUNCTION emptied('%d')",
	    n, n, n, TH_TWIN_FIRST, n, n, n, n, n);
}

void
th_twin_tables(struct th_pg *pg)
{
	th_pg_exec(pg, "CREATE SEQUENCE rev;"
	    "CREATE TABLE journal (n bigserial PRIMARY KEY, t int NOT NULL, "
	    "op text NOT NULL, id int, old int, rev bigint);"
	    "CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql AS $$ "
	    "BEGIN NEW.rev := nextval('rev'); RETURN NEW; END $$;"
	    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ "
	    "BEGIN IF TG_OP = 'INSERT' THEN INSERT INTO journal"
	    "(t, op, id, rev) VALUES (TG_ARGV[0]::int, 'c', NEW.id, NEW.rev);"
	    "ELSIF TG_OP = 'UPDATE' THEN INSERT INTO journal"
	    "(t, op, id, old, rev) VALUES (TG_ARGV[0]::int, 'u', NEW.id, "
	    "OLD.id, NEW.rev);"
	    "ELSE INSERT INTO journal(t, op, id) VALUES (TG_ARGV[0]::int, "
	    "'d', OLD.id); END IF; RETURN NULL; END $$;"
	    "CREATE FUNCTION emptied() RETURNS trigger LANGUAGE plpgsql AS $$ "
	    "BEGIN INSERT INTO journal(t, op) VALUES (TG_ARGV[0]::int, 'x');"
	    "RETURN NULL; END $$");
	for (int n = 0; n < TH_TWIN_TABLES; n++)
		make_table(pg, n);
	th_pg_exec(pg, "ALTER TABLE t%d REPLICA IDENTITY FULL", FULL);
}

struct th_twin *
th_twin_new(struct th_worker *w, const char *prefix)
{
	struct th_twin *t = calloc(1, sizeof(*t));

	if (t == NULL)
		th_fail("out of memory");
	leat_arena_init(&t->arena, 64 << 10, 0);
	t->first = true;
	for (int n = 0; n < TH_TWIN_TABLES; n++) {
		t->tables[n].twin = t;
		t->tables[n].topic = th_text("%s.public.t%d", prefix, n);
		t->tables[n].reader = th_reader_open(w, t->tables[n].topic);
	}
	return t;
}

void
th_twin_free(struct th_twin *t)
{
	if (t == NULL)
		return;
	for (int n = 0; n < TH_TWIN_TABLES; n++) {
		th_reader_close(t->tables[n].reader);
		free(t->tables[n].offsets);
		for (int i = 0; i <= TH_TWIN_IDS; i++) {
			struct row *r = &t->tables[n].rows[i];

			free(r->val);
			free(r->big);
			free(r->more);
			free(r->noted.at);
			free(r->heard.at);
		}
	}
	leat_arena_fini(&t->arena);
	free(t);
}

/* ------------------------------------------------------------------ steps */

static void
steps_add(struct steps *s, char op, int64_t rev)
{
	if (s->len == s->cap) {
		s->cap = s->cap == 0 ? 4 : s->cap * 2;
		s->at = realloc(s->at, s->cap * sizeof(*s->at));
		if (s->at == NULL)
			th_fail("out of memory");
	}
	s->at[s->len++] = (struct step){ op, rev };
}

static void
steps_drop(struct steps *s, size_t n)
{
	s->len -= n;
	if (s->len > 0)
		memmove(s->at, s->at + n, s->len * sizeof(*s->at));
}

/* What is noted and heard both must be the same; it is forgotten then. */
static void
match(struct table *tb, int64_t id)
{
	struct row *r = &tb->rows[id];
	size_t n = r->noted.len < r->heard.len ? r->noted.len : r->heard.len;

	for (size_t i = 0; i < n; i++) {
		const struct step *a = &r->noted.at[i], *b = &r->heard.at[i];

		if (a->op != b->op || a->rev != b->rev)
			th_fail("%s, key %lld: the database did %c %lld, the "
			    "topic says %c %lld; the last event: %s",
			    tb->topic, (long long)id, a->op,
			    (long long)a->rev, b->op, (long long)b->rev,
			    tb->twin->event == NULL ? "-" : tb->twin->event);
	}
	steps_drop(&r->noted, n);
	steps_drop(&r->heard, n);
}

static struct row *
row_of(struct table *tb, int64_t id)
{
	if (id < 1 || id > TH_TWIN_IDS)
		th_fail("%s has the id %lld", tb->topic, (long long)id);
	return &tb->rows[id];
}

static void
note(struct table *tb, int64_t id, char op, int64_t rev)
{
	steps_add(&row_of(tb, id)->noted, op, rev);
	match(tb, id);
}

static void
hear(struct table *tb, int64_t id, char op, int64_t rev)
{
	steps_add(&row_of(tb, id)->heard, op, rev);
	match(tb, id);
}

/* ----------------------------------------------------------------- events */

static noreturn void
bad_event(const struct table *tb, const char *why)
{
	th_fail("%s: %s: %s", tb->topic, why, tb->twin->event);
}

static int64_t
number_of(const struct table *tb, const struct leat_value *row,
    const char *name)
{
	const struct leat_value *v = leat_map_value(row, name);

	if (v == NULL || v->kind != LEAT_INT64)
		bad_event(tb, th_text("no number '%s'", name));
	return v->u.i;
}

/* false: the event does not tell it, and it is what it was. */
static bool
set_text(struct table *tb, const struct leat_value *row, const char *name,
    char **text)
{
	const struct leat_value *v = leat_map_value(row, name);

	if (v == NULL || (v->kind != LEAT_STRING && v->kind != LEAT_NULL))
		bad_event(tb, th_text("no text '%s'", name));
	if (v->kind == LEAT_STRING && leat_str_eq_c(
	    (struct leat_str){ v->u.s, v->len }, UNAVAILABLE))
		return false;
	free(*text);
	*text = v->kind == LEAT_NULL ? NULL : strndup(v->u.s, v->len);
	return true;
}

/* Columns that came later, as "name=value;". */
static void
set_more(struct table *tb, const struct leat_value *row, char **more)
{
	struct leat_buf b;
	size_t len;

	leat_buf_init(&b, ROW_MAX);
	for (uint32_t i = 0; i < row->len; i++) {
		const struct leat_value *k = &row->u.items[2 * i];

		if (k->len < 2 || k->u.s[0] != 'x')
			continue;
		if (k[1].kind != LEAT_INT64)
			bad_event(tb, "a column is no number");
		(void)leat_buf_printf(&b, "%.*s=%lld;", (int)k->len, k->u.s,
		    (long long)k[1].u.i);
	}
	free(*more);
	(void)leat_buf_add_byte(&b, '\0');
	*more = (char *)leat_buf_detach(&b, &len);
	leat_buf_fini(&b);
}

/*
 * A row of a snapshot: what the stream said before, or the first of its key.
 * From the chunks of an incremental one the stream has taken what is old. The
 * first snapshot begins anew when it is interrupted, with rows as they are now.
 */
static void
take_read(struct table *tb, const struct row *r, int64_t rev)
{
	tb->twin->snapshot++;
	if (tb->twin->first)
		return;
	if (!r->alive || r->rev != rev)
		bad_event(tb, th_text("the snapshot's row is not what was "
		    "said before (%s, revision %lld)", r->alive ? "alive" :
		    "deleted", (long long)r->rev));
}

static void
take_row(struct table *tb, char op, const struct leat_value *after)
{
	int64_t id = number_of(tb, after, "id");
	int64_t rev = number_of(tb, after, "rev");
	struct row *r = row_of(tb, id);

	if (op == 'r')
		take_read(tb, r, rev);
	else
		hear(tb, id, op, rev);
	r->alive = true;
	r->rev = rev;
	(void)set_text(tb, after, "val", &r->val);
	if (set_text(tb, after, "big", &r->big))
		r->untold = false;
	else if (tb == &tb->twin->tables[FULL])
		bad_event(tb, "the old row was there to tell it");
	else if (op == 'c' || r->big == NULL)
		r->untold = true;
	set_more(tb, after, &r->more);
}

static void
take_delete(struct table *tb, const struct leat_value *before)
{
	int64_t id = number_of(tb, before, "id");

	row_of(tb, id)->alive = false;
	hear(tb, id, 'd', 0);
	tb->deletes++;
}

static void
take_truncate(struct table *tb)
{
	for (int64_t id = 1; id <= TH_TWIN_IDS; id++) {
		row_of(tb, id)->alive = false;
		hear(tb, id, 'x', 0);
	}
}

static void
take_event(struct table *tb, const char *event)
{
	struct th_twin *t = tb->twin;
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_value *op;
	struct leat_value doc;

	leat_arena_reset(&t->arena);
	t->event = event;
	if (leat_json_parse(&t->arena, event, strlen(event), &doc, &err) < 0)
		bad_event(tb, err.text);
	op = leat_map_value(&doc, "op");
	if (op == NULL || op->kind != LEAT_STRING || op->len != 1)
		bad_event(tb, "no op");
	if (*op->u.s != 'r')
		t->changes++;
	if (*op->u.s == 'd')
		take_delete(tb, leat_map_value(&doc, "before"));
	else if (*op->u.s == 't')
		take_truncate(tb);
	else
		take_row(tb, *op->u.s, leat_map_value(&doc, "after"));
	t->event = NULL;
}

static void
take_record(void *arg, const struct th_record *rec)
{
	struct table *tb = arg;

	if (tb->noffsets == tb->cap) {
		tb->cap = tb->cap == 0 ? 4096 : tb->cap * 2;
		tb->offsets = realloc(tb->offsets,
		    tb->cap * sizeof(*tb->offsets));
		if (tb->offsets == NULL)
			th_fail("out of memory");
	}
	if (tb->noffsets > 0 && rec->offset <= tb->offsets[tb->noffsets - 1])
		th_fail("%s: offset %lld again", tb->topic,
		    (long long)rec->offset);
	tb->offsets[tb->noffsets++] = rec->offset;
	if (rec->value == NULL)
		tb->tombstones++;
	else
		take_event(tb, rec->value);
}

void
th_twin_read(struct th_twin *t)
{
	for (int n = 0; n < TH_TWIN_TABLES; n++)
		(void)th_reader_read(t->tables[n].reader, take_record,
		    &t->tables[n]);
}

/* ---------------------------------------------------------------- journal */

static int64_t
field(const PGresult *res, int i, int j)
{
	int64_t v = 0;

	if (!PQgetisnull(res, i, j) && leat_parse_i64(leat_str_c(
	    PQgetvalue(res, i, j)), 0, INT64_MAX, &v) < 0)
		th_fail("the database gave no number");
	return v;
}

static void
note_entry(struct th_twin *t, const PGresult *res, int i)
{
	struct table *tb = &t->tables[field(res, i, 1)];
	char op = *PQgetvalue(res, i, 2);
	int64_t id = field(res, i, 3), old = field(res, i, 4);
	int64_t rev = field(res, i, 5);

	if (op == 'x') {
		for (id = 1; id <= TH_TWIN_IDS; id++)
			note(tb, id, 'x', 0);
	} else if (op == 'u' && old != id) {
		note(tb, old, 'd', 0);
		note(tb, id, 'c', rev);
	} else {
		note(tb, id, op, rev);
	}
}

static void
read_journal(struct th_twin *t, PGconn *c, bool notes)
{
	int n;

	do {
		PGresult *res = PQexec(c, th_text("SELECT n, t, op, id, old, "
		    "rev FROM journal WHERE n > %lld ORDER BY n LIMIT %d",
		    (long long)t->journal, JOURNAL_ROWS));

		if (PQresultStatus(res) != PGRES_TUPLES_OK)
			th_fail("journal: %s", PQerrorMessage(c));
		n = PQntuples(res);
		for (int i = 0; i < n; i++) {
			t->journal = field(res, i, 0);
			if (notes)
				note_entry(t, res, i);
		}
		PQclear(res);
	} while (n == JOURNAL_ROWS);
}

/* ----------------------------------------------------------------- tables */

static bool
same_text(const char *ours, const PGresult *res, int i, int j)
{
	if (ours == NULL || PQgetisnull(res, i, j))
		return ours == NULL && PQgetisnull(res, i, j);
	return strcmp(ours, PQgetvalue(res, i, j)) == 0;
}

/* A column that was added after the row's last event has its default. */
static bool
same_more(const char *ours, const PGresult *res, int i)
{
	struct leat_str rest = leat_str_c(ours);
	bool same = true;

	for (int j = 4; j < PQnfields(res) && same; j++) {
		const char *name = PQfname(res, j);
		struct leat_str one = leat_str_cut(&rest, ';');

		same = leat_str_eq_c(one, one.len == 0 ?
		    "" : th_text("%s=%s", name, PQgetvalue(res, i, j))) &&
		    (one.len > 0 ||
		    strcmp(PQgetvalue(res, i, j), name + 1) == 0);
	}
	return same && rest.len == 0;
}

static bool
same_row(struct table *tb, const PGresult *res, int i)
{
	const struct row *r = row_of(tb, field(res, i, 0));

	return r->alive && r->rev == field(res, i, 1) &&
	    same_text(r->val, res, i, 2) &&
	    (r->untold || same_text(r->big, res, i, 3)) &&
	    same_more(r->more, res, i);
}

static void
say_row(const struct table *tb, const PGresult *res, int i)
{
	const struct row *r = &tb->rows[field(res, i, 0)];

	fprintf(stderr, "# %s: row %s is %s, %lld %s %.40s %s; not %s %s "
	    "%.40s\n", tb->topic, PQgetvalue(res, i, 0), r->alive ? "there" :
	    "gone", (long long)r->rev, r->val == NULL ? "-" : r->val,
	    r->big == NULL ? "-" : r->big, r->more == NULL ? "" : r->more,
	    PQgetvalue(res, i, 1), PQgetvalue(res, i, 2),
	    PQgetvalue(res, i, 3));
}

/* Is what was applied the table? The first difference is said. */
static bool
same_table(struct th_twin *t, PGconn *c, int n, bool say)
{
	PGresult *res = PQexec(c, th_text("SELECT * FROM t%d", n));
	struct table *tb = &t->tables[n];
	int alive = 0;
	bool same = true;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		th_fail("t%d: %s", n, PQerrorMessage(c));
	for (int i = 0; i < PQntuples(res) && same; i++) {
		same = same_row(tb, res, i);
		if (!same && say)
			say_row(tb, res, i);
	}
	for (int64_t id = 1; id <= TH_TWIN_IDS; id++)
		alive += tb->rows[id].alive;
	if (same && alive != PQntuples(res) && say)
		fprintf(stderr, "# %s has %d rows, the table %d\n", tb->topic,
		    alive, PQntuples(res));
	same = same && alive == PQntuples(res);
	PQclear(res);
	return same;
}

static bool
same_tables(struct th_twin *t, PGconn *c, bool say)
{
	bool same = true;

	for (int n = 0; n < TH_TWIN_TABLES && same; n++)
		same = same_table(t, c, n, say);
	return same;
}

/* Steps that only one side knows, and tombstones; the first is said. */
static size_t
unmatched(struct th_twin *t, bool say)
{
	size_t left = 0;

	for (int n = 0; n < TH_TWIN_TABLES; n++) {
		const struct table *tb = &t->tables[n];

		left += tb->deletes != tb->tombstones;
		for (int id = 1; id <= TH_TWIN_IDS; id++) {
			const struct row *r = &tb->rows[id];
			const struct steps *s = r->noted.len > 0 ?
			    &r->noted : &r->heard;

			if (left == 0 && s->len > 0 && say)
				fprintf(stderr, "# t%d, key %d: only the %s "
				    "has %c %lld\n", n, id, s == &r->noted ?
				    "database" : "topic", s->at[0].op,
				    (long long)s->at[0].rev);
			left += s->len;
		}
	}
	return left;
}

/*
 * The changes that the first snapshot saw are told by its rows. Equal tables do
 * not say that all is told: of a key that came and went there is no row.
 */
static void
settle_first(struct th_twin *t, struct th_pg *pg, PGconn *c, int64_t end)
{
	const char *lsn = th_pg_value(pg, "SELECT pg_current_wal_lsn()");

	th_twin_read(t);
	while (!same_tables(t, c, false)) {
		if (th_now_ms() > end)
			th_fail("the tables are not the same%s",
			    same_tables(t, c, true) ? " in time" : "");
		th_nap(100);
		th_twin_read(t);
	}
	if (!th_pg_wait(pg, "t", (int)(end - th_now_ms()), "SELECT "
	    "bool_and(confirmed_flush_lsn >= '%s') FROM pg_replication_slots",
	    lsn))
		th_fail("the slot stays behind");
	th_twin_read(t);
	read_journal(t, c, false);
	for (int n = 0; n < TH_TWIN_TABLES; n++)
		for (int id = 1; id <= TH_TWIN_IDS; id++)
			t->tables[n].rows[id].heard.len = 0;
	t->first = false;
}

void
th_twin_settle(struct th_twin *t, struct th_pg *pg, int timeout_ms)
{
	int64_t end = th_now_ms() + (int64_t)timeout_ms * th_slowness();
	PGconn *c = th_pg_connect(pg, NULL);

	if (t->first)
		settle_first(t, pg, c, end);
	read_journal(t, c, true);
	th_twin_read(t);
	while (unmatched(t, false) > 0) {
		if (th_now_ms() > end)
			th_fail("%zu changes are not the same after %d ms",
			    unmatched(t, true), timeout_ms);
		th_nap(20);
		th_twin_read(t);
	}
	if (!same_tables(t, c, true))
		th_fail("the tables are not the same");
	PQfinish(c);
}

size_t
th_twin_changes(const struct th_twin *t)
{
	return t->changes;
}

size_t
th_twin_rows(const struct th_twin *t)
{
	return t->snapshot;
}

const char *
th_twin_topic(const struct th_twin *t, int table)
{
	return t->tables[table].topic;
}

const int64_t *
th_twin_offsets(const struct th_twin *t, int table, size_t *ret_n)
{
	*ret_n = t->tables[table].noffsets;
	return t->tables[table].offsets;
}
