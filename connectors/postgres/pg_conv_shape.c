/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_shape.c: points, lines, boxes, paths, polygons, circles, and
 * PostGIS.
 *
 * What well-known binary can express is a Geometry whose `extensions` say
 * which of PostgreSQL's types it was; a circle and an endless line are structs
 * of their own.
 */
#include "pg_types.h"

#include <endian.h>
#include <string.h>

#include <leat/str.h>

enum { WKB_LINE = 2, WKB_POLYGON = 3 };

static int
is_delimiter(char c)
{
	return strchr("()[]<>{}, ", c) != NULL;
}

/* All numbers of the text, in order. */
static int
read_numbers(const char *s, uint32_t len, struct leat_batch *mem,
    double **ret, uint32_t *ret_n)
{
	uint32_t most = 1, n = 0;
	double *v;

	for (uint32_t i = 0; i < len; i++)
		most += s[i] == ',';
	v = leat_batch_alloc(mem, (uint64_t)most * sizeof(*v));
	if (v == NULL)
		return PG_CONV_NOMEM;
	for (uint32_t i = 0, from; i < len;) {
		if (is_delimiter(s[i])) {
			i++;
			continue;
		}
		for (from = i; i < len && !is_delimiter(s[i]);)
			i++;
		if (n == most || pg_parse_double((struct leat_str){ s + from,
		    i - from }, &v[n++]) < 0)
			return PG_CONV_BAD;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

/* Exactly n of them. */
static int
read_exactly(const char *s, uint32_t len, uint32_t n, struct leat_batch *mem,
    double **ret)
{
	uint32_t have = 0;
	int rc = read_numbers(s, len, mem, ret, &have);

	if (rc < 0)
		return rc;
	return have == n ? 0 : PG_CONV_BAD;
}

static uint8_t *
put_le32(uint8_t *to, uint32_t v)
{
	v = htole32(v);
	memcpy(to, &v, 4);
	return to + 4;
}

static uint8_t *
put_le_double(uint8_t *to, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	bits = htole64(bits);
	memcpy(to, &bits, 8);
	return to + 8;
}

/* {x, y, wkb, srid} */
static int
point_value(double x, double y, struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *items = leat_batch_alloc(mem, 4 * sizeof(*items));
	uint8_t *wkb = leat_batch_alloc(mem, 21);

	if (items == NULL || wkb == NULL)
		return PG_CONV_NOMEM;
	memcpy(wkb, "\1\1\0\0\0", 5);
	(void)put_le_double(put_le_double(wkb + 5, x), y);
	items[0] = leat_f64(x);
	items[1] = leat_f64(y);
	items[2] = leat_bytes(wkb, 21);
	items[3] = leat_null();
	*ret = leat_items(LEAT_STRUCT, items, 4);
	return 0;
}

/* "(1,2)" */
int
pg_conv_point(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	double *v;
	int rc;

	(void)ty;
	if (len < 5 || s[0] != '(' || s[len - 1] != ')')
		return PG_CONV_BAD;
	rc = read_exactly(s, len, 2, mem, &v);
	return rc < 0 ? rc : point_value(v[0], v[1], mem, ret);
}

/* Three numbers behind a bracket, and room for the fields of a struct. */
static int
read_three(char bracket, char *s, uint32_t len, uint32_t nfields,
    struct leat_batch *mem, double **ret_v, struct leat_value **ret_items)
{
	*ret_items = leat_batch_alloc(mem, nfields * sizeof(**ret_items));
	if (*ret_items == NULL)
		return PG_CONV_NOMEM;
	if (len == 0 || s[0] != bracket)
		return PG_CONV_BAD;
	return read_exactly(s, len, 3, mem, ret_v);
}

/* "<(1,2),3>" to {center, radius} */
int
pg_conv_circle(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *items;
	double *v;
	int rc = read_three('<', s, len, 2, mem, &v, &items);

	(void)ty;
	if (rc == 0)
		rc = point_value(v[0], v[1], mem, &items[0]);
	if (rc < 0)
		return rc;
	items[1] = leat_f64(v[2]);
	*ret = leat_items(LEAT_STRUCT, items, 2);
	return 0;
}

/* "{1,2,3}" to {a, b, c} */
int
pg_conv_line(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *items;
	double *v;
	int rc = read_three('{', s, len, 3, mem, &v, &items);

	(void)ty;
	if (rc < 0)
		return rc;
	for (int i = 0; i < 3; i++)
		items[i] = leat_f64(v[i]);
	*ret = leat_items(LEAT_STRUCT, items, 3);
	return 0;
}

/* ---------------------------------------------------------------- geometry */

/* {wkb, srid, extensions} of n points; `closed` may be NULL. */
static int
shape_value(uint32_t kind, const double *xy, uint32_t n, const char *type,
    const char *closed, struct leat_batch *mem, struct leat_value *ret)
{
	uint32_t len = 9 + (kind == WKB_POLYGON ? 4 : 0) + n * 16;
	struct leat_value *v = leat_batch_alloc(mem, 7 * sizeof(*v));
	uint8_t *wkb = leat_batch_alloc(mem, len), *p = wkb;

	if (v == NULL || wkb == NULL)
		return PG_CONV_NOMEM;
	*p++ = 1;	/* little-endian */
	p = put_le32(p, kind);
	if (kind == WKB_POLYGON)
		p = put_le32(p, 1);	/* one ring */
	p = put_le32(p, n);
	for (uint32_t i = 0; i < 2 * n; i++)
		p = put_le_double(p, xy[i]);
	v[3] = leat_cstring("type");
	v[4] = leat_cstring(type);
	v[5] = leat_cstring("closed");
	v[6] = leat_cstring(closed == NULL ? "" : closed);
	v[0] = leat_bytes(wkb, len);
	v[1] = leat_null();
	v[2] = leat_items(LEAT_MAP, v + 3, closed == NULL ? 1 : 2);
	*ret = leat_items(LEAT_STRUCT, v, 3);
	return 0;
}

/* "(3,4),(1,2)": two corners, as a ring of five points. */
int
pg_conv_box(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	double *v;
	int rc = read_exactly(s, len, 4, mem, &v);

	(void)ty;
	if (rc < 0)
		return rc;
	return shape_value(WKB_POLYGON, (const double[]){ v[0], v[1], v[0],
	    v[3], v[2], v[3], v[2], v[1], v[0], v[1] }, 5, "box", NULL, mem,
	    ret);
}

/* "[(1,2),(3,4)]" */
int
pg_conv_lseg(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	double *v;
	int rc = read_exactly(s, len, 4, mem, &v);

	(void)ty;
	if (rc < 0)
		return rc;
	return shape_value(WKB_LINE, v, 2, "lseg", NULL, mem, ret);
}

/* "((1,2),(3,4))" is closed, "[(1,2),(3,4)]" open. */
int
pg_conv_path(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	uint32_t n = 0;
	double *v = NULL;
	int rc = read_numbers(s, len, mem, &v, &n);

	(void)ty;
	if (rc < 0)
		return rc;
	if (n == 0 || n % 2 != 0)
		return PG_CONV_BAD;
	return shape_value(WKB_LINE, v, n / 2, "path",
	    s[0] == '[' ? "false" : "true", mem, ret);
}

/* "((0,0),(1,0),(0,1))": a ring, closed here if it is not. */
int
pg_conv_polygon(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	uint32_t n = 0;
	double *v = NULL, *ring;
	int rc = read_numbers(s, len, mem, &v, &n);

	(void)ty;
	if (rc < 0)
		return rc;
	if (n == 0 || n % 2 != 0)
		return PG_CONV_BAD;
	ring = leat_batch_alloc(mem, ((uint64_t)n + 2) * sizeof(*ring));
	if (ring == NULL)
		return PG_CONV_NOMEM;
	memcpy(ring, v, n * sizeof(*ring));
	if (n >= 4 && (v[0] != v[n - 2] || v[1] != v[n - 1])) {
		ring[n++] = v[0];
		ring[n++] = v[1];
	}
	return shape_value(WKB_POLYGON, ring, n / 2, "polygon", NULL, mem,
	    ret);
}

/* PostGIS prints EWKB as hex; the SRID stands behind the type if flagged. */
int
pg_conv_geometry(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	int64_t n = pg_hex_decode(s, len);
	struct leat_value *items;
	uint32_t type, srid;

	if (n < 9)
		return n < 5 ? PG_CONV_BAD : PG_CONV_NONE;
	items = leat_batch_alloc(mem, 3 * sizeof(*items));
	if (items == NULL)
		return PG_CONV_NOMEM;
	memcpy(&type, s + 1, 4);
	memcpy(&srid, s + 5, 4);
	type = s[0] == 1 ? le32toh(type) : be32toh(type);
	srid = s[0] == 1 ? le32toh(srid) : be32toh(srid);
	items[0] = leat_bytes(s, (size_t)n);
	items[1] = (type & 0x20000000u) == 0 ? leat_null() :
	    leat_i32((int32_t)srid);
	items[2] = leat_null();
	*ret = leat_items(LEAT_STRUCT, items, ty->schema.nfields);
	return 0;
}
