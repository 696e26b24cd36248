/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_roundtrip.c: random values of every type, into a table, into
 * events by snapshot and by stream, back into a second table: both are equal.
 *
 * LEAT_TEST_SEED sets the seed, which is printed when something differs.
 */
#include "tests/integration/pgback.h"
#include "tests/integration/pgrandom.h"

enum { ROWS = 24, COLUMNS_MAX = 160 };

enum shape { SCALAR, ARRAY, MATRIX };

/* How two values are compared. */
enum compare {
	BY_TEXT,	/* as printed, to the last zero */
	BY_VALUE,	/* zeros at the end may be lost */
	BY_INSTANT,	/* the zone may be lost */
	BY_BITS,	/* zeros at the start may be lost */
	BY_PARTS	/* not where an interval is a number */
};

static const struct column {
	const char *type;
	pgr_fn *make;
	const char *arg;
	enum shape shape;
	enum compare compare;
} columns[] = {
	{ "boolean", pgr_bool, "", SCALAR, BY_TEXT },
	{ "smallint", pgr_int, "-32768|32767|0", SCALAR, BY_TEXT },
	{ "integer", pgr_int, "-2147483648|2147483647", SCALAR, BY_TEXT },
	{ "bigint", pgr_int, "-9223372036854775808|9223372036854775807",
	    SCALAR, BY_TEXT },
	{ "oid", pgr_int, "0|4294967295", SCALAR, BY_TEXT },
	{ "real", pgr_float4, "", SCALAR, BY_TEXT },
	{ "double precision", pgr_float8, "", SCALAR, BY_TEXT },
	{ "numeric(10,2)", pgr_decimal, "8,2", SCALAR, BY_TEXT },
	{ "numeric(38,10)", pgr_decimal, "28,10", SCALAR, BY_TEXT },
	{ "numeric(300,100)", pgr_decimal, "200,100", SCALAR, BY_TEXT },
	{ "numeric(6,-3)", pgr_decimal, "9,0", SCALAR, BY_TEXT },
	{ "numeric", pgr_numeric, "40,20", SCALAR, BY_VALUE },
	{ "shortnum", pgr_decimal, "3,2", SCALAR, BY_TEXT },
	{ "money", pgr_money, "", SCALAR, BY_TEXT },
	{ "text", pgr_text, "long", SCALAR, BY_TEXT },
	{ "varchar(40)", pgr_text, "long", SCALAR, BY_TEXT },
	{ "char(40)", pgr_text, "long", SCALAR, BY_TEXT },
	{ "name", pgr_text, "short", SCALAR, BY_TEXT },
	{ "citext", pgr_text, "long", SCALAR, BY_TEXT },
	{ "\"char\"", pgr_words, "a|\\|\"| ", SCALAR, BY_TEXT },
	{ "json", pgr_json, "", SCALAR, BY_TEXT },
	{ "jsonb", pgr_json, "", SCALAR, BY_TEXT },
	{ "xml", pgr_words, "<a b=\"c\">x &amp; y</a>|<q/>", SCALAR,
	    BY_TEXT },
	{ "uuid", pgr_uuid, "", SCALAR, BY_TEXT },
	{ "mood", pgr_words, "sad|so so|it's, \"ok\"", SCALAR, BY_TEXT },
	{ "bytea", pgr_bytea, "", SCALAR, BY_TEXT },
	{ "inet", pgr_words, "10.1.2.3/8|::1|2001:db8::/32", SCALAR, BY_TEXT },
	{ "cidr", pgr_words, "10.0.0.0/8|::/0", SCALAR, BY_TEXT },
	{ "macaddr", pgr_words, "08:00:2b:01:02:03", SCALAR, BY_TEXT },
	{ "macaddr8", pgr_words, "08:00:2b:01:02:03:04:05", SCALAR, BY_TEXT },
	{ "bit", pgr_bit, "1", SCALAR, BY_TEXT },
	{ "bit(13)", pgr_bit, "13", SCALAR, BY_TEXT },
	{ "bit(64)", pgr_bit, "64", SCALAR, BY_TEXT },
	{ "varbit", pgr_bit, "<70", SCALAR, BY_BITS },
	{ "varbit(33)", pgr_bit, "<33", SCALAR, BY_BITS },
	{ "date", pgr_date, "", SCALAR, BY_TEXT },
	{ "time", pgr_time, "", SCALAR, BY_TEXT },
	{ "time(3)", pgr_time, "", SCALAR, BY_TEXT },
	{ "time(0)", pgr_time, "", SCALAR, BY_TEXT },
	{ "timetz", pgr_timetz, "", SCALAR, BY_INSTANT },
	{ "timetz(2)", pgr_timetz, "", SCALAR, BY_INSTANT },
	{ "timestamp", pgr_timestamp, "", SCALAR, BY_TEXT },
	{ "timestamp(3)", pgr_timestamp, "", SCALAR, BY_TEXT },
	{ "timestamp(0)", pgr_timestamp, "", SCALAR, BY_TEXT },
	{ "timestamptz", pgr_timestamp, "+05:30", SCALAR, BY_TEXT },
	{ "timestamptz(1)", pgr_timestamp, "-11", SCALAR, BY_TEXT },
	{ "timestamptz(0)", pgr_timestamp, "+00", SCALAR, BY_TEXT },
	{ "interval", pgr_interval, "", SCALAR, BY_PARTS },
	{ "interval(2)", pgr_interval, "", SCALAR, BY_PARTS },
	{ "point", pgr_point, "", SCALAR, BY_TEXT },
	{ "line", pgr_line, "", SCALAR, BY_TEXT },
	{ "lseg", pgr_points, "[]2", SCALAR, BY_TEXT },
	{ "box", pgr_points, "()2", SCALAR, BY_TEXT },
	{ "path", pgr_path, "", SCALAR, BY_TEXT },
	{ "polygon", pgr_points, "()3+", SCALAR, BY_TEXT },
	{ "circle", pgr_circle, "", SCALAR, BY_TEXT },
	{ "int4range", pgr_range, "-5|2147483646", SCALAR, BY_TEXT },
	{ "int8range", pgr_range, "1|9223372036854775806", SCALAR, BY_TEXT },
	{ "numrange", pgr_range, "-1.50|1e30", SCALAR, BY_TEXT },
	{ "tsrange", pgr_range, "0044-03-15 01:02:03 BC|infinity", SCALAR,
	    BY_TEXT },
	{ "tstzrange", pgr_range, "2024-01-01 00:00:00+01|12345-01-01 00:00+00",
	    SCALAR, BY_TEXT },
	{ "daterange", pgr_range, "-infinity|2024-02-29", SCALAR, BY_TEXT },
	{ "textrange", pgr_range, "a, \\\"b|z", SCALAR, BY_TEXT },
	{ "int4multirange", pgr_multirange, "1|9", SCALAR, BY_TEXT },
	{ "tstzmultirange", pgr_multirange,
	    "2024-01-01 00:00:00+01|12345-01-01 00:00+00", SCALAR, BY_TEXT },
	{ "tsvector", pgr_words, "a:1A b:2,3|'it''s':4| ", SCALAR, BY_TEXT },
	{ "tsquery", pgr_words, "a & !b|c <-> d", SCALAR, BY_TEXT },
	{ "ltree", pgr_words, "a.b.c|Top.x_1", SCALAR, BY_TEXT },
	{ "hstore", pgr_hstore, "", SCALAR, BY_TEXT },
	{ "isbn", pgr_words, "0-393-04002-X|978-0-393-04002-9", SCALAR,
	    BY_TEXT },
	{ "pair", pgr_pair, "", SCALAR, BY_TEXT },
	{ "pg_lsn", pgr_words, "0/0|FFFFFFFF/FFFFFFFF", SCALAR, BY_TEXT },
	{ "jsonpath", pgr_words, "$.a[*]", SCALAR, BY_TEXT },

	{ "boolean[]", pgr_bool, "", ARRAY, BY_TEXT },
	{ "integer[]", pgr_int, "-2147483648|2147483647", ARRAY, BY_TEXT },
	{ "bigint[]", pgr_int, "-9223372036854775808", ARRAY, BY_TEXT },
	{ "real[]", pgr_float4, "", ARRAY, BY_TEXT },
	{ "double precision[]", pgr_float8, "", ARRAY, BY_TEXT },
	{ "numeric(10,2)[]", pgr_decimal, "8,2", ARRAY, BY_TEXT },
	{ "numeric[]", pgr_numeric, "40,20", ARRAY, BY_VALUE },
	{ "money[]", pgr_money, "", ARRAY, BY_TEXT },
	{ "text[]", pgr_text, "short", ARRAY, BY_TEXT },
	{ "varchar(40)[]", pgr_text, "short", ARRAY, BY_TEXT },
	{ "name[]", pgr_text, "short", ARRAY, BY_TEXT },
	{ "citext[]", pgr_text, "short", ARRAY, BY_TEXT },
	{ "json[]", pgr_json, "", ARRAY, BY_TEXT },
	{ "jsonb[]", pgr_json, "", ARRAY, BY_TEXT },
	{ "xml[]", pgr_words, "<a b=\"c\">x</a>|<q/>", ARRAY, BY_TEXT },
	{ "uuid[]", pgr_uuid, "", ARRAY, BY_TEXT },
	{ "mood[]", pgr_words, "sad|so so|it's, \"ok\"", ARRAY, BY_TEXT },
	{ "bytea[]", pgr_bytea, "", ARRAY, BY_TEXT },
	{ "inet[]", pgr_words, "10.1.2.3/8|::1", ARRAY, BY_TEXT },
	{ "bit(13)[]", pgr_bit, "13", ARRAY, BY_TEXT },
	{ "varbit[]", pgr_bit, "<70", ARRAY, BY_BITS },
	{ "date[]", pgr_date, "", ARRAY, BY_TEXT },
	{ "time[]", pgr_time, "", ARRAY, BY_TEXT },
	{ "timetz[]", pgr_timetz, "", ARRAY, BY_INSTANT },
	{ "timestamp[]", pgr_timestamp, "", ARRAY, BY_TEXT },
	{ "timestamp(0)[]", pgr_timestamp, "", ARRAY, BY_TEXT },
	{ "timestamptz[]", pgr_timestamp, "-03", ARRAY, BY_TEXT },
	{ "interval[]", pgr_interval, "", ARRAY, BY_PARTS },
	{ "point[]", pgr_point, "", ARRAY, BY_TEXT },
	{ "lseg[]", pgr_points, "[]2", ARRAY, BY_TEXT },
	{ "box[]", pgr_points, "()2", ARRAY, BY_TEXT },
	{ "circle[]", pgr_circle, "", ARRAY, BY_TEXT },
	{ "int4range[]", pgr_range, "-5|2147483646", ARRAY, BY_TEXT },
	{ "int4multirange[]", pgr_multirange, "1|9", ARRAY, BY_TEXT },
	{ "tsvector[]", pgr_words, "a:1A b:2,3|'it''s':4", ARRAY, BY_TEXT },
	{ "ltree[]", pgr_words, "a.b.c|Top.x_1", ARRAY, BY_TEXT },
	{ "hstore[]", pgr_hstore, "", ARRAY, BY_TEXT },
	{ "pair[]", pgr_pair, "", ARRAY, BY_TEXT },
	{ "shortnum[]", pgr_decimal, "3,2", ARRAY, BY_TEXT },
	{ "numbers", pgr_int, "-2147483648|2147483647", ARRAY, BY_TEXT },
	{ "integer[][]", pgr_int, "-2147483648|2147483647", MATRIX, BY_TEXT },
	{ "text[][]", pgr_text, "short", MATRIX, BY_TEXT },
	{ "matrix", pgr_int, "-2147483648|2147483647", MATRIX, BY_TEXT },
	{ "pair[][]", pgr_pair, "", MATRIX, BY_TEXT },
};

enum { NCOLUMNS = sizeof(columns) / sizeof(columns[0]) };
_Static_assert((int)NCOLUMNS < (int)COLUMNS_MAX, "room for all");

static struct th_pg *pg;
static PGconn *conn;

static void
make_tables(void)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS rt, back;"
	    "CREATE TABLE rt (id int PRIMARY KEY)");
	for (size_t i = 0; i < NCOLUMNS; i++)
		th_pg_exec(pg, "ALTER TABLE rt ADD c%zu %s", i,
		    columns[i].type);
	th_pg_exec(pg, "CREATE TABLE back (LIKE rt INCLUDING ALL)");
}

static const char *
random_value(struct pgr *r, const struct column *c)
{
	char delim = strncmp(c->type, "box", 3) == 0 ? ';' : ',';

	if (pgr_below(r, 10) == 0)
		return NULL;
	switch (c->shape) {
	case ARRAY: return pgr_array(r, c->make, c->arg, delim);
	case MATRIX: return pgr_matrix(r, c->make, c->arg);
	case SCALAR: break;
	}
	return c->make(r, c->arg);
}

/* Texts, as the server's input functions read them. */
static void
insert_row(const char *table, const char *const *values, uint64_t seed)
{
	const char *sql = th_text("INSERT INTO %s VALUES ($1", table);
	PGresult *res;

	for (int i = 1; i <= NCOLUMNS; i++)
		sql = th_text("%s,$%d", sql, i + 1);
	res = PQexecParams(conn, th_text("%s)", sql), NCOLUMNS + 1, NULL,
	    values, NULL, NULL, 0);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		fail_msg("seed %" PRIu64 ": row %s into %s: %s", seed,
		    values[0], table, PQerrorMessage(conn));
	PQclear(res);
}

static void
insert_random(struct pgr *r, int from, int to, uint64_t seed)
{
	const char *values[COLUMNS_MAX];

	for (int id = from; id < to; id++) {
		values[0] = th_text("%d", id);
		for (size_t i = 0; i < NCOLUMNS; i++)
			values[i + 1] = random_value(r, &columns[i]);
		insert_row("rt", values, seed);
	}
}

/* What an event says of a row, into the second table. */
static void
insert_event(struct leat_fake *f, size_t n, uint64_t seed)
{
	const struct leat_record *rec = leat_fake_record(f, n);
	const struct leat_value *after = &rec->value.u.items[1];
	const struct leat_schema *s = rec->value_schema->fields[1].schema;
	const char *values[COLUMNS_MAX];

	assert_int_equal(s->nfields, NCOLUMNS + 1);
	values[0] = th_text("%" PRId64, after->u.items[0].u.i);
	for (size_t i = 0; i < NCOLUMNS; i++)
		values[i + 1] = pgb_text(s->fields[i + 1].schema,
		    &after->u.items[i + 1], columns[i].type);
	insert_row("back", values, seed);
}

/* The values of column i in table t, as they are compared. */
static const char *
compared(size_t i, const char *t, const char *mode)
{
	int arrays = columns[i].shape != SCALAR;
	enum compare c = columns[i].compare;

	if (strcmp(mode, "text") == 0 && arrays)
		c = BY_TEXT;
	switch (c) {
	case BY_VALUE:
		return th_text("%s.c%zu", t, i);
	case BY_PARTS:
		if (strcmp(mode, "defaults") == 0 || strcmp(mode, "text") == 0)
			return "NULL::text";
		break;
	case BY_INSTANT:
	case BY_BITS:
		if (c == BY_INSTANT && strcmp(mode, "structured") == 0)
			break;
		if (arrays)
			return c == BY_BITS ? th_text("(SELECT array_agg(ltrim("
			    "x::text, '0'))::text FROM unnest(%s.c%zu) x)", t,
			    i) : th_text("(SELECT array_agg((x AT TIME ZONE "
			    "'UTC')::text)::text FROM unnest(%s.c%zu) x)", t,
			    i);
		return c == BY_BITS ? th_text("ltrim(%s.c%zu::text, '0')", t,
		    i) : th_text("(%s.c%zu AT TIME ZONE 'UTC')::text", t, i);
	case BY_TEXT:
		break;
	}
	return th_text("%s.c%zu::text", t, i);
}

static void
compare_tables(const char *mode, uint64_t seed)
{
	assert_int_equal(th_pg_number(pg, "SELECT count(*) FROM back"),
	    2 * ROWS);
	for (size_t i = 0; i < NCOLUMNS; i++) {
		const char *bad = th_pg_rows(pg, "SELECT a.id, a.c%zu, b.c%zu "
		    "FROM rt a JOIN back b USING (id) WHERE %s IS DISTINCT "
		    "FROM %s LIMIT 1", i, i, compared(i, "a", mode),
		    compared(i, "b", mode));

		if (bad[0] != '\0')
			fail_msg("seed %" PRIu64 " mode %s: %s: id|was|is: %s",
			    seed, mode, columns[i].type, bad);
	}
}

static uint64_t
seed_of_run(void)
{
	const char *s = getenv("LEAT_TEST_SEED");
	int64_t seed = 20240229;

	if (s != NULL)
		assert_int_equal(leat_parse_i64(leat_str_c(s), 0, INT64_MAX,
		    &seed), 0);
	return (uint64_t)seed;
}

/* settings: name, value, ..., NULL */
static void
round_trip(const char *mode, struct pgr *r, const char *const *settings)
{
	uint64_t seed = r->state;
	const char *id = th_text("rt_%s", mode);
	struct leat_fake *f = pgt_source(pg, id, "public.rt");

	for (; *settings != NULL; settings += 2)
		leat_fake_set(f, settings[0], settings[1]);
	leat_fake_set(f, "event.converting.failure.handling.mode", "fail");
	make_tables();
	insert_random(r, 0, ROWS, seed);
	pgt_open(f);
	pgt_run(f, ROWS);
	pgt_expect(f, 0, "/op", "\"r\"");
	insert_random(r, ROWS, 2 * ROWS, seed);
	pgt_run(f, 2 * ROWS);
	pgt_expect(f, ROWS, "/op", "\"c\"");
	for (size_t i = 0; i < 2 * ROWS; i++)
		insert_event(f, i, seed);
	compare_tables(mode, seed);
	pgt_end(pg, f, id);
}

static void
test_defaults(void **state)
{
	static const char *const settings[] = { NULL };
	struct pgr r = { .state = seed_of_run(), .no_specials = 1 };

	round_trip("defaults", &r, settings);
}

static void
test_strings(void **state)
{
	static const char *const settings[] = {
		"time.precision.mode", "isostring",
		"interval.handling.mode", "string",
		"decimal.handling.mode", "string",
		"binary.handling.mode", "hex",
		"hstore.handling.mode", "map",
		"infinity.handling.mode", "limits", NULL
	};
	struct pgr r = { .state = seed_of_run() };

	round_trip("strings", &r, settings);
}

static void
test_structured(void **state)
{
	static const char *const settings[] = {
		"time.precision.mode", "structured", NULL
	};
	struct pgr r = { .state = seed_of_run(), .no_specials = 1 };

	round_trip("structured", &r, settings);
}

static void
test_text(void **state)
{
	static const char *const settings[] = {
		"time.precision.mode", "nanoseconds",
		"infinity.handling.mode", "limits",
		"array.handling.mode", "text", NULL };
	struct pgr r = { .state = seed_of_run(), .no_specials = 1,
		.narrow_times = 1 };

	round_trip("text", &r, settings);
}

static int
start(void **state)
{
	pg = th_pg_start(NULL);
	conn = th_pg_connect(pg, NULL);
	th_pg_exec(pg, "SET TimeZone = 'UTC'; SET lock_timeout = '5s'");
	th_pg_exec(pg, "CREATE EXTENSION citext; CREATE EXTENSION ltree;"
	    "CREATE EXTENSION hstore; CREATE EXTENSION isn;"
	    "CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s, \"ok\"');"
	    "CREATE TYPE pair AS (a int, b text);"
	    "CREATE TYPE textrange AS RANGE (subtype = text);"
	    "CREATE DOMAIN shortnum AS numeric(5,2);"
	    "CREATE DOMAIN numbers AS int[]; CREATE DOMAIN matrix AS int[][]");
	return 0;
}

static int
stop(void **state)
{
	PQfinish(conn);
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_structured),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
