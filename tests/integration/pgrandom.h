/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgrandom.h: random values of PostgreSQL's types as the server reads them,
 * with a liking for what is at the edges. Same seed, same values.
 */
#ifndef LEAT_TESTS_INTEGRATION_PGRANDOM_H
#define LEAT_TESTS_INTEGRATION_PGRANDOM_H

#include <inttypes.h>

#include "tests/integration/pgtest.h"

struct pgr {
	uint64_t state;
	int no_specials;	/* no NaN and no infinity for numeric */
	int narrow_times;	/* timestamps within what nanoseconds hold */
};

typedef const char *pgr_fn(struct pgr *r, const char *arg);

/* splitmix64 */
static inline uint64_t
pgr_bits(struct pgr *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline uint64_t
pgr_below(struct pgr *r, uint64_t n)
{
	return pgr_bits(r) % n;
}

/* One of the words between bars: "a|b|c". */
static inline const char *
pgr_word(struct pgr *r, const char *words)
{
	uint64_t n = 1;

	for (const char *p = words; *p != '\0'; p++)
		n += *p == '|';
	for (n = pgr_below(r, n); n > 0; n--)
		words = strchr(words, '|') + 1;
	return th_text("%.*s", (int)strcspn(words, "|"), words);
}

static inline const char *
pgr_bool(struct pgr *r, const char *arg)
{
	return pgr_below(r, 2) ? "t" : "f";
}

/* arg: the extremes as words */
static inline const char *
pgr_int(struct pgr *r, const char *arg)
{
	if (pgr_below(r, 4) == 0)
		return pgr_word(r, arg);
	return th_text("%" PRIu64, pgr_below(r, 30000));
}

static inline const char *
pgr_float4(struct pgr *r, const char *arg)
{
	uint32_t bits = (uint32_t)pgr_bits(r);
	float v;

	memcpy(&v, &bits, sizeof(v));
	if (pgr_below(r, 4) == 0 || v != v)
		return pgr_word(r, "NaN|Infinity|-Infinity|-0|0|1e-45|"
		    "3.4028235e38|0.1|16777217");
	return v - v != 0 ? "1.5" : th_text("%.9g", (double)v);
}

static inline const char *
pgr_float8(struct pgr *r, const char *arg)
{
	uint64_t bits = pgr_bits(r);
	double v;

	memcpy(&v, &bits, sizeof(v));
	if (pgr_below(r, 4) == 0 || v != v || v - v != 0)
		return pgr_word(r, "NaN|Infinity|-Infinity|-0|0|5e-324|"
		    "1.7976931348623157e308|0.1|9007199254740993");
	return th_text("%.17g", v);
}

/* A number of finite size for geometry. */
static inline const char *
pgr_coord(struct pgr *r)
{
	if (pgr_below(r, 5) == 0)
		return pgr_word(r, "-0|1e300|-1e-300|0.1|1e20");
	return th_text("%g", (double)(int64_t)pgr_below(r, 20001) / 8 - 1000);
}

static inline const char *
pgr_digits(struct pgr *r, uint64_t most)
{
	char s[1200];
	uint64_t n = 1 + pgr_below(r, most);

	for (uint64_t i = 0; i < n; i++)
		s[i] = (char)('0' + (pgr_below(r, 4) == 0 ? 0 :
		    pgr_below(r, 10)));
	return th_text("%.*s", (int)n, s);
}

static inline const char *
pgr_sign(struct pgr *r)
{
	return pgr_below(r, 2) ? "-" : "";
}

/* A pair of numbers: digits before the point, and at most that many behind. */
static inline const char *
pgr_decimal(struct pgr *r, const char *arg)
{
	int64_t whole, fraction;
	struct leat_str rest = leat_str_c(arg);

	if (pgr_below(r, 8) == 0 && !r->no_specials)
		return "NaN";
	assert_int_equal(leat_parse_i64(leat_str_cut(&rest, ','), 1, 1000,
	    &whole), 0);
	assert_int_equal(leat_parse_i64(rest, 0, 1000, &fraction), 0);
	return fraction == 0 ? th_text("%s%s", pgr_sign(r),
	    pgr_digits(r, (uint64_t)whole)) : th_text("%s%s.%s", pgr_sign(r),
	    pgr_digits(r, (uint64_t)whole), pgr_digits(r,
	    (uint64_t)fraction));
}

/* The type without limits has all. */
static inline const char *
pgr_numeric(struct pgr *r, const char *arg)
{
	if (pgr_below(r, 8) == 0 && !r->no_specials)
		return pgr_word(r, "NaN|Infinity|-Infinity");
	if (pgr_below(r, 8) == 0)
		return pgr_word(r, "0|-0.000|100|12.500|1e-20|1e100");
	return pgr_decimal(r, pgr_below(r, 10) == 0 ? "900,300" : arg);
}

static inline const char *
pgr_money(struct pgr *r, const char *arg)
{
	if (pgr_below(r, 5) == 0)
		return pgr_word(r, "92233720368547758.07|-92233720368547758.08"
		    "|0|-0.01");
	return th_text("%s%s.%02d", pgr_sign(r), pgr_digits(r, 12),
	    (int)pgr_below(r, 100));
}

/* Texts of what must be escaped somewhere on the way. */
static inline const char *
pgr_text(struct pgr *r, const char *arg)
{
	static const char *const parts[] = { "a", "Z", "0", " ", "\"", "\\",
		"'", ",", "{", "}", "\t", "\n", "\r", "\b", "\x01", "\x7f",
		"NULL", "\\N", "\\.", ";", ":", "(", ")", "[", "]", "=>",
		"\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "//", "<&>",
		"%" };
	uint64_t n = pgr_below(r, arg[0] == 's' ? 5 : 24);
	char s[256] = "";
	size_t len = 0;

	for (uint64_t i = 0; i < n; i++) {
		const char *p = parts[pgr_below(r, sizeof(parts) /
		    sizeof(parts[0]))];

		memcpy(s + len, p, strlen(p) + 1);
		len += strlen(p);
	}
	return th_text("%s", s);
}

static inline const char *
pgr_json(struct pgr *r, const char *arg)
{
	struct leat_buf b;
	const char *text = pgr_text(r, "long"), *out;

	leat_buf_init(&b, 4096);
	leat_buf_add_str(&b, pgr_below(r, 2) ? "{\"k\":  " : "[1e2, ");
	(void)leat_json_add_string(&b, text, strlen(text));
	(void)leat_buf_add_byte(&b, b.data[0] == '{' ? '}' : ']');
	out = th_text("%s", leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return out;
}

static inline const char *
pgr_words(struct pgr *r, const char *arg)
{
	return pgr_word(r, arg);
}

static inline const char *
pgr_hex(struct pgr *r, uint64_t n)
{
	char s[128];

	for (uint64_t i = 0; i < n; i++)
		s[i] = "0123456789abcdef"[pgr_below(r, 16)];
	return th_text("%.*s", (int)n, s);
}

static inline const char *
pgr_uuid(struct pgr *r, const char *arg)
{
	return pgr_hex(r, 32);
}

static inline const char *
pgr_bytea(struct pgr *r, const char *arg)
{
	return th_text("\\x%s", pgr_hex(r, 2 * pgr_below(r, 40)));
}

/* arg: number of bits, with '<' before it for at most */
static inline const char *
pgr_bit(struct pgr *r, const char *arg)
{
	char s[128];
	int64_t n;

	assert_int_equal(leat_parse_i64(leat_str_c(arg + (arg[0] == '<')), 1,
	    100, &n), 0);
	if (arg[0] == '<')
		n = (int64_t)pgr_below(r, (uint64_t)n + 1);
	for (int64_t i = 0; i < n; i++)
		s[i] = pgr_below(r, 2) ? '1' : '0';
	return th_text("%.*s", (int)n, s);
}

/* -------------------------------------------------------------------- times */

static inline const char *
pgr_day(struct pgr *r, uint64_t years, const char **ret_era)
{
	uint64_t y = 1 + pgr_below(r, years);

	*ret_era = pgr_below(r, 6) == 0 && y < 4000 && !r->narrow_times ?
	    " BC" : "";
	if (r->narrow_times)
		y = 1700 + y % 500;
	return th_text("%04" PRIu64 "-%02d-%02d", y,
	    1 + (int)pgr_below(r, 12), 1 + (int)pgr_below(r, 28));
}

static inline const char *
pgr_clock(struct pgr *r)
{
	static const int micros[] = { 0, 1, 999999, 500000, 100 };

	if (pgr_below(r, 6) == 0)
		return pgr_word(r, "23:59:60|00:00:00|23:59:59.999999|"
		    "12:00:00.5");
	return th_text("%02d:%02d:%02d.%06d", (int)pgr_below(r, 24),
	    (int)pgr_below(r, 60), (int)pgr_below(r, 60),
	    micros[pgr_below(r, 5)]);
}

static inline const char *
pgr_date(struct pgr *r, const char *arg)
{
	const char *era, *day = pgr_day(r, pgr_below(r, 2) ? 3000 : 5000000,
	    &era);

	if (pgr_below(r, 5) == 0)
		return pgr_word(r, "infinity|-infinity|4714-11-24 BC|"
		    "5874897-12-31|0001-12-31 BC|0001-01-01|1582-10-10");
	return th_text("%s%s", day, era);
}

static inline const char *
pgr_time(struct pgr *r, const char *arg)
{
	return pgr_below(r, 8) == 0 ? "24:00:00" : pgr_clock(r);
}

static inline const char *
pgr_timetz(struct pgr *r, const char *arg)
{
	return th_text("%s%s", pgr_time(r, arg), pgr_word(r,
	    "+00|+05:30|-08|+15:59:59|-15:59|+14"));
}

/* arg: a zone, or nothing */
static inline const char *
pgr_timestamp(struct pgr *r, const char *arg)
{
	const char *era, *day = pgr_day(r, pgr_below(r, 2) ? 3000 : 290000,
	    &era);

	if (pgr_below(r, 8) == 0)
		return pgr_word(r, "infinity|-infinity");
	if (pgr_below(r, 8) == 0 && !r->narrow_times)
		return th_text("%s%s", pgr_word(r, "4714-11-24 00:00:00|"
		    "4000-01-01 00:00:00.000001"), " BC");
	if (pgr_below(r, 8) == 0 && !r->narrow_times)
		return "294246-12-31 23:59:59.999";
	return th_text("%s %s%s%s", day, pgr_clock(r), arg, era);
}

static inline const char *
pgr_interval(struct pgr *r, const char *arg)
{
	if (pgr_below(r, 6) == 0)
		return pgr_word(r, "0|-1 microsecond|178000000 years|-00:00:00"
		    ".000001|1 mon -1 day|99999:59:59.999999|-1 year -1 mon");
	return th_text("%d mons %d days %d microseconds",
	    (int)pgr_below(r, 999) - 500, (int)pgr_below(r, 99999) - 50000,
	    (int)pgr_below(r, UINT64_C(2000000000)) - 1000000000);
}

/* ------------------------------------------------------------------- shapes */

static inline const char *
pgr_point(struct pgr *r, const char *arg)
{
	return th_text("(%s,%s)", pgr_coord(r), pgr_coord(r));
}

/* arg: "<brackets><least points>": "[]2" */
static inline const char *
pgr_points(struct pgr *r, const char *arg)
{
	uint64_t n = (uint64_t)(arg[2] - '0');
	const char *s = pgr_point(r, "");

	if (arg[3] == '+')
		n += pgr_below(r, 5);
	for (uint64_t i = 1; i < n; i++)
		s = th_text("%s,%s", s, pgr_point(r, ""));
	return th_text("%c%s%c", arg[0], s, arg[1]);
}

static inline const char *
pgr_path(struct pgr *r, const char *arg)
{
	return pgr_points(r, pgr_below(r, 2) ? "[]1+" : "()1+");
}

static inline const char *
pgr_line(struct pgr *r, const char *arg)
{
	return th_text("{%s,3.5,%s}", pgr_coord(r), pgr_coord(r));
}

static inline const char *
pgr_circle(struct pgr *r, const char *arg)
{
	return th_text("<%s,%d.25>", pgr_point(r, ""), (int)pgr_below(r, 99));
}

/* -------------------------------------------------------------- containers */

/* In quotes, as arrays, composites and hstore read it. */
static inline const char *
pgr_quoted(const char *s)
{
	char out[4096];
	size_t n = 0;

	out[n++] = '"';
	for (; *s != '\0'; s++) {
		assert_true(n + 4 < sizeof(out));
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		out[n++] = *s;
	}
	out[n++] = '"';
	return th_text("%.*s", (int)n, out);
}

static inline const char *
pgr_hstore(struct pgr *r, const char *arg)
{
	uint64_t n = pgr_below(r, 4);
	const char *s = "";

	for (uint64_t i = 0; i < n; i++)
		s = th_text("%s%s%s=>%s", s, i == 0 ? "" : ",",
		    pgr_quoted(pgr_text(r, "short")), pgr_below(r, 4) == 0 ?
		    "NULL" : pgr_quoted(pgr_text(r, "short")));
	return s;
}

static inline const char *
pgr_pair(struct pgr *r, const char *arg)
{
	return th_text("(%s,%s)", pgr_below(r, 3) == 0 ? "" :
	    pgr_int(r, "2147483647"), pgr_quoted(pgr_text(r, "short")));
}

/* Of two values in order, empty, or open to one side. */
static inline const char *
pgr_range(struct pgr *r, const char *arg)
{
	struct leat_str high = leat_str_c(arg);
	struct leat_str low = leat_str_cut(&high, '|');
	const char *brackets[] = { "[)", "(]", "[]", "()" };
	const char *b = brackets[pgr_below(r, 4)];

	if (pgr_below(r, 6) == 0)
		return "empty";
	if (pgr_below(r, 6) == 0)
		return th_text("%c\"%.*s\",%c", b[0], (int)low.len, low.ptr,
		    b[1]);
	return th_text("%c\"%.*s\",\"%.*s\"%c", b[0], (int)low.len, low.ptr,
	    (int)high.len, high.ptr, b[1]);
}

static inline const char *
pgr_multirange(struct pgr *r, const char *arg)
{
	return pgr_below(r, 4) == 0 ? "{}" : th_text("{%s,%s}",
	    pgr_range(r, arg), pgr_range(r, arg));
}

/* Elements of fn in braces, NULL among them. */
static inline const char *
pgr_array(struct pgr *r, pgr_fn *fn, const char *arg, char delim)
{
	uint64_t n = pgr_below(r, 5);
	const char *s = "";

	for (uint64_t i = 0; i < n; i++)
		s = th_text("%s%.*s%s", s, i > 0, &delim,
		    pgr_below(r, 5) == 0 ? "NULL" : pgr_quoted(fn(r, arg)));
	return th_text("{%s}", s);
}

/* Two dimensions: rows of the same length. */
static inline const char *
pgr_matrix(struct pgr *r, pgr_fn *fn, const char *arg)
{
	uint64_t n = 1 + pgr_below(r, 3), m = 1 + pgr_below(r, 3);
	const char *s = "";

	for (uint64_t i = 0; i < n; i++) {
		s = th_text("%s%s{", s, i == 0 ? "" : ",");
		for (uint64_t j = 0; j < m; j++)
			s = th_text("%s%s%s", s, j == 0 ? "" : ",",
			    pgr_below(r, 5) == 0 ? "NULL" :
			    pgr_quoted(fn(r, arg)));
		s = th_text("%s}", s);
	}
	return pgr_below(r, 6) == 0 ? "{}" : th_text("{%s}", s);
}

#endif
