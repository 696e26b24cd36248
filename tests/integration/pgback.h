/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgback.h: the values of events back into texts that the server reads: what a
 * consumer does that knows Debezium's schemas and the type of the column.
 */
#ifndef LEAT_TESTS_INTEGRATION_PGBACK_H
#define LEAT_TESTS_INTEGRATION_PGBACK_H

#include <endian.h>
#include <inttypes.h>

#include <leat/time.h>

#include "tests/integration/pgtest.h"

#define PGB_DAY_US INT64_C(86400000000)

/* NULL stands for null. */
static const char *pgb_text(const struct leat_schema *s,
    const struct leat_value *v, const char *type);

static inline const char *
pgb_quoted(const char *s)
{
	struct leat_buf b;
	const char *out;

	leat_buf_init(&b, 1u << 20);
	(void)leat_buf_add_byte(&b, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)leat_buf_add_byte(&b, '\\');
		(void)leat_buf_add_byte(&b, (uint8_t)*s);
	}
	(void)leat_buf_add_byte(&b, '"');
	out = th_text("%s", leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return out;
}

/* ------------------------------------------------------------------ numbers */

/* Two's complement, the most significant byte first, with `scale` decimals. */
static inline const char *
pgb_decimal(const uint8_t *p, uint32_t len, int64_t scale)
{
	static uint8_t n[2048];
	static char digits[6000];
	int neg = len > 0 && p[0] >= 0x80;
	size_t at = sizeof(digits) - 1, first = 0;

	assert_true(len > 0 && len < sizeof(n));
	for (uint32_t i = 0; i < len; i++)
		n[i] = neg ? (uint8_t)~p[i] : p[i];
	for (uint32_t i = len; neg && i-- > 0 && ++n[i] == 0;)
		continue;
	digits[at] = '\0';
	while (first < len || scale >= 0) {
		unsigned rem = 0;

		for (size_t i = first; i < len; i++) {
			rem = rem << 8 | n[i];
			n[i] = (uint8_t)(rem / 10);
			rem %= 10;
		}
		while (first < len && n[first] == 0)
			first++;
		digits[--at] = (char)('0' + rem);
		if (--scale == 0)
			digits[--at] = '.';
	}
	return th_text("%s%s", neg ? "-" : "", digits + at);
}

static inline const char *
pgb_number(const struct leat_value *v)
{
	if (v->kind != LEAT_FLOAT32 && v->kind != LEAT_FLOAT64)
		return th_text("%" PRId64, v->u.i);
	if (v->u.f != v->u.f)
		return "NaN";
	if (v->u.f - v->u.f != 0)
		return v->u.f > 0 ? "Infinity" : "-Infinity";
	return th_text(v->kind == LEAT_FLOAT32 ? "%.9g" : "%.17g", v->u.f);
}

/* -------------------------------------------------------------------- times */

/* A year of astronomers, as the server has it; *ret_era goes to the end. */
static inline const char *
pgb_day(int64_t year, int64_t month, int64_t day, const char **ret_era)
{
	*ret_era = year <= 0 ? " BC" : "";
	return th_text("%04" PRId64 "-%02" PRId64 "-%02" PRId64, year <= 0 ?
	    1 - year : year, month, day);
}

static inline const char *
pgb_clock(int64_t us)
{
	int64_t s = us / 1000000;

	return th_text("%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%06" PRId64,
	    s / 3600, s / 60 % 60, s % 60, us % 1000000);
}

static inline const char *
pgb_date(int64_t days)
{
	struct leat_date d = leat_date_from_days(days);
	const char *era, *s;

	if (days == INT32_MAX || days == -2147472692)
		return "infinity";
	if (days == INT32_MIN || days == -2147472691)
		return "-infinity";
	s = pgb_day(d.year, d.month, d.day, &era);
	return th_text("%s%s", s, era);
}

/* `unit` of them are a microsecond, or the other way round if negative. */
static inline const char *
pgb_timestamp(int64_t v, int64_t unit)
{
	int64_t us = unit < 0 ? v * -unit : v / unit, day;
	struct leat_date d;
	const char *era, *s;

	if (v == INT64_MAX || v == INT64_C(9223372036825200000) ||
	    v == INT64_C(9223372036825200))
		return "infinity";
	if (v == INT64_MIN || v == INT64_C(-9223372036832400000) ||
	    v == INT64_C(-9223372036832400))
		return "-infinity";
	day = us / PGB_DAY_US - (us % PGB_DAY_US < 0);
	d = leat_date_from_days(day);
	s = pgb_day(d.year, d.month, d.day, &era);
	return th_text("%s %s%s", s, pgb_clock(us - day * PGB_DAY_US), era);
}

/* "-0043-03-15T01:02:03Z", "+12345-01-01Z", "01:02:03Z" */
static inline const char *
pgb_iso(const char *s)
{
	char *text = strdup(s), *p = text;
	int64_t year;
	const char *out;
	size_t n;

	assert_non_null(text);
	n = strlen(p);
	if (p[n - 1] != 'Z')
		out = th_text("%s", p);
	else if (p[2] == ':')
		out = th_text("%.*s+00", (int)n - 1, p);
	else {
		char *dash = strchr(p + 1, '-'), *t = strchr(p, 'T');
		struct leat_str y = { p + (*p == '+'), (size_t)(dash - p) -
			(*p == '+') };

		p[n - 1] = '\0';
		if (t != NULL)
			*t = ' ';
		assert_int_equal(leat_parse_i64(y, INT32_MIN, INT32_MAX,
		    &year), 0);
		out = th_text("%04" PRId64 "%s%s%s", year <= 0 ? 1 - year :
		    year, dash, t == NULL ? "" : "+00", year <= 0 ? " BC" : "");
	}
	free(text);
	return out;
}

/* The clock of a struct at its field for the hour. */
static inline const char *
pgb_struct_clock(const struct leat_value *v)
{
	return pgb_clock(((v[0].u.i * 60 + v[1].u.i) * 60 + v[2].u.i) *
	    1000000 + v[3].u.i / 1000);
}

static inline const char *
pgb_special(const struct leat_value *v)
{
	return v->len == 17 && v->u.s[0] == 'P' ? "infinity" : "-infinity";
}

static inline const char *
pgb_structured(const char *name, const struct leat_value *v)
{
	const char *era = "", *day = "";

	if (strcmp(name, "StructuredTime") == 0)
		return pgb_struct_clock(v);
	if (strcmp(name, "StructuredZonedTime") == 0)
		return th_text("%s%c%.8s", pgb_struct_clock(v),
		    v[4].u.i < 0 ? '-' : '+', pgb_clock((v[4].u.i < 0 ?
		    -v[4].u.i : v[4].u.i) * 1000000));
	if (strcmp(name, "StructuredDuration") == 0)
		return th_text("%" PRId64 " years %" PRId64 " mons %" PRId64
		    " days %" PRId64 " hours %" PRId64 " mins %" PRId64
		    " secs %" PRId64 " us", v[0].u.i, v[1].u.i, v[2].u.i,
		    v[3].u.i, v[4].u.i, v[5].u.i, v[6].u.i / 1000);
	if (v[0].kind != LEAT_NULL)
		day = pgb_day(v[0].u.i, v[1].u.i, v[2].u.i, &era);
	if (strcmp(name, "StructuredDate") == 0)
		return v[0].kind == LEAT_NULL ? pgb_special(&v[3]) :
		    th_text("%s%s", day, era);
	if (strcmp(name, "StructuredTimestamp") == 0)
		return v[0].kind == LEAT_NULL ? pgb_special(&v[7]) :
		    th_text("%s %s%s", day, pgb_struct_clock(v + 3), era);
	return v[0].kind == LEAT_NULL ? pgb_special(&v[9]) :
	    th_text("%s %s+00%s", day, pgb_struct_clock(v + 3), era);
}

/* ------------------------------------------------------------------- shapes */

static inline double
pgb_double(const uint8_t *p)
{
	uint64_t bits;
	double v;

	memcpy(&bits, p, 8);
	bits = le64toh(bits);
	memcpy(&v, &bits, 8);
	return v;
}

static inline const char *
pgb_points(const uint8_t *p, uint32_t n, char open, char close)
{
	const char *s = "";

	for (uint32_t i = 0; i < n; i++)
		s = th_text("%s%s(%.17g,%.17g)", s, i == 0 ? "" : ",",
		    pgb_double(p + (size_t)16 * i),
		    pgb_double(p + (size_t)16 * i + 8));
	return th_text("%c%s%c", open, s, close);
}

/* Well-known binary, of which `extensions` say what it was. */
static inline const char *
pgb_geometry(const struct leat_value *v)
{
	const struct leat_value *ext = v[2].u.items;
	const uint8_t *p = v[0].u.b;
	const uint8_t *points = p + (p[1] == 3 ? 13 : 9);
	uint32_t n = (v[0].len - (uint32_t)(points - p)) / 16;

	if (ext[1].len == 3)	/* a box: opposite corners of the ring */
		return th_text("(%.17g,%.17g),(%.17g,%.17g)",
		    pgb_double(points), pgb_double(points + 8),
		    pgb_double(points + 32), pgb_double(points + 40));
	if (memcmp(ext[1].u.s, "lseg", 4) == 0)
		return pgb_points(points, n, '[', ']');
	if (memcmp(ext[1].u.s, "path", 4) == 0)
		return ext[3].len == 4 ? pgb_points(points, n, '(', ')') :
		    pgb_points(points, n, '[', ']');
	return pgb_points(points, n > 1 ? n - 1 : n, '(', ')');
}

/* --------------------------------------------------------------- containers */

static inline const char *
pgb_array(const struct leat_schema *s, const struct leat_value *v,
    const char *type)
{
	char delim = strncmp(type, "box", 3) == 0 ? ';' : ',';
	/* Elements and inner dimensions are of the type without brackets. */
	const char *elem = th_text("%.*s", (int)strcspn(type, "["), type);
	const char *out = "";

	for (uint32_t i = 0; i < v->len; i++) {
		const char *one = pgb_text(s->elem, &v->u.items[i], elem);

		if (one == NULL)
			one = "NULL";
		else if (s->elem->kind != LEAT_ARRAY)
			one = pgb_quoted(one);
		out = th_text("%s%.*s%s", out, i > 0, &delim, one);
	}
	return th_text("{%s}", out);
}

static inline const char *
pgb_map(const struct leat_value *v)
{
	const char *out = "";

	for (uint32_t i = 0; i < v->len; i++) {
		const struct leat_value *k = &v->u.items[2 * i], *e = k + 1;

		out = th_text("%s%s%s=>%s", out, i == 0 ? "" : ",",
		    pgb_quoted(th_text("%.*s", (int)k->len, k->u.s)),
		    e->kind == LEAT_NULL ? "NULL" :
		    pgb_quoted(th_text("%.*s", (int)e->len, e->u.s)));
	}
	return out;
}

static inline const char *
pgb_hstore_json(const char *text)
{
	struct leat_arena a = { 0 };
	struct leat_value doc;
	const char *out;

	leat_arena_init(&a, 4096, 0);
	assert_int_equal(leat_json_parse(&a, text, strlen(text), &doc, NULL),
	    0);
	out = pgb_map(&doc);
	leat_arena_fini(&a);
	return out;
}

static inline const char *
pgb_hex(const struct leat_value *v)
{
	struct leat_buf b;
	const char *out;

	leat_buf_init(&b, 1u << 20);
	leat_buf_add_str(&b, "\\x");
	for (uint32_t i = 0; i < v->len; i++) {
		(void)leat_buf_add_byte(&b, (uint8_t)
		    "0123456789abcdef"[v->u.b[i] >> 4]);
		(void)leat_buf_add_byte(&b, (uint8_t)
		    "0123456789abcdef"[v->u.b[i] & 15]);
	}
	out = th_text("%s", leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return out;
}

/* Bit 0 is the last character; leading zeros are there in bit(n) only. */
static inline const char *
pgb_bits(const struct leat_schema *s, const struct leat_value *v,
    const char *type)
{
	char out[128];
	int64_t n = (int64_t)v->len * 8, from;

	if (strncmp(type, "bit(", 4) == 0)
		assert_int_equal(leat_parse_i64(leat_str_c(s->params[0].value),
		    1, 100, &n), 0);
	for (int64_t i = 0; i < n; i++)
		out[n - 1 - i] = i / 8 < v->len &&
		    (v->u.b[i / 8] >> (i % 8) & 1) ? '1' : '0';
	for (from = 0; from < n && strncmp(type, "varbit", 6) == 0 &&
	    out[from] == '0';)
		from++;
	return th_text("%.*s", (int)(n - from), out + from);
}

static inline const char *
pgb_string(const char *name, const struct leat_value *v, const char *type)
{
	const char *s = th_text("%.*s", (int)v->len, v->u.s);

	if (strchr(type, '[') != NULL)
		return s;	/* array.handling.mode=text */
	if (strncmp(name, "Iso", 3) == 0 || strncmp(name, "Zoned", 5) == 0)
		return pgb_iso(s);
	if (strncmp(type, "hstore", 6) == 0 && strcmp(name, "Json") == 0)
		return pgb_hstore_json(s);
	if (strncmp(type, "bytea", 5) == 0)
		return th_text("\\x%s", s);
	if (strncmp(type, "numeric", 7) == 0)
		return strcmp(s, "NAN") == 0 ? "NaN" :
		    strcmp(s, "POSITIVE_INFINITY") == 0 ? "Infinity" :
		    strcmp(s, "NEGATIVE_INFINITY") == 0 ? "-Infinity" : s;
	return s;
}

static inline const char *
pgb_struct(const char *name, const struct leat_value *v)
{
	if (strcmp(name, "VariableScaleDecimal") == 0)
		return pgb_decimal(v[1].u.b, v[1].len, v[0].u.i);
	if (strcmp(name, "Point") == 0)
		return th_text("(%.17g,%.17g)", v[0].u.f, v[1].u.f);
	if (strcmp(name, "Circle") == 0)
		return th_text("<(%.17g,%.17g),%.17g>", v[0].u.items[0].u.f,
		    v[0].u.items[1].u.f, v[1].u.f);
	if (strcmp(name, "Line") == 0)
		return th_text("{%.17g,%.17g,%.17g}", v[0].u.f, v[1].u.f,
		    v[2].u.f);
	if (strcmp(name, "Geometry") == 0)
		return pgb_geometry(v);
	return pgb_structured(name, v);
}

static inline const char *
pgb_temporal(const char *name, const struct leat_value *v)
{
	if (strcmp(name, "Date") == 0)
		return pgb_date(v->u.i);
	if (strcmp(name, "Time") == 0)
		return pgb_clock(v->u.i * 1000);
	if (strcmp(name, "MicroTime") == 0)
		return pgb_clock(v->u.i);
	if (strcmp(name, "NanoTime") == 0)
		return pgb_clock(v->u.i / 1000);
	if (strcmp(name, "Timestamp") == 0)
		return pgb_timestamp(v->u.i, -1000);
	if (strcmp(name, "MicroTimestamp") == 0)
		return pgb_timestamp(v->u.i, 1);
	if (strcmp(name, "NanoTimestamp") == 0)
		return pgb_timestamp(v->u.i, 1000);
	/* Months have no length: the way back does not exist. */
	return strcmp(name, "MicroDuration") == 0 ? "0" : pgb_number(v);
}

static const char *
pgb_text(const struct leat_schema *s, const struct leat_value *v,
    const char *type)
{
	const char *dot = s->name == NULL ? NULL : strrchr(s->name, '.');
	const char *name = dot == NULL ? "" : dot + 1;
	int64_t scale;

	if (v->kind == LEAT_NULL)
		return NULL;
	switch (v->kind) {
	case LEAT_BOOLEAN:
		return th_text("%c", (int)v->u.i + '0');
	case LEAT_STRING:
		return pgb_string(name, v, type);
	case LEAT_BYTES:
		if (strcmp(name, "Bits") == 0)
			return pgb_bits(s, v, type);
		if (strcmp(name, "Decimal") != 0)
			return pgb_hex(v);
		assert_int_equal(leat_parse_i64(leat_str_c(
		    s->params[0].value), -1000, 1000, &scale), 0);
		return scale >= 0 ? pgb_decimal(v->u.b, v->len, scale) :
		    th_text("%s%.*s", pgb_decimal(v->u.b, v->len, 0),
		    (int)-scale, "0000000000");
	case LEAT_ARRAY:
		return pgb_array(s, v, type);
	case LEAT_MAP:
		return pgb_map(v);
	case LEAT_STRUCT:
		return pgb_struct(name, v->u.items);
	default:
		return pgb_temporal(name, v);
	}
}

#endif
