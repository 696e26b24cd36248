/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_array.c: {1,NULL,"a \"b\""}, {{1,2},{3,4}} and pgvector's [1,2,3]
 * and {1:0.5,3:2}/5.
 *
 * An array has as many dimensions as its schema; a value with more or less of
 * them cannot be represented. Lower bounds ("[2:3]={5,6}") are dropped.
 */
#include "pg_types.h"

#include <string.h>

#include <leat/str.h>

/* A quoted element, unescaped in place; leaves *p behind the quote. */
static int
quoted(char **p, char *end, char **ret_s, uint32_t *ret_len)
{
	char *from = *p + 1, *to = *p;

	*ret_s = to;
	for (; from < end && *from != '"'; from++) {
		if (*from == '\\' && from + 1 < end)
			from++;
		*to++ = *from;
	}
	if (from >= end)
		return PG_CONV_BAD;
	*ret_len = (uint32_t)(to - *ret_s);
	*p = from + 1;
	return 0;
}

/* The end of a nested array, behind its brace; NULL when there is none. */
static char *
nested_end(char *p, char *end)
{
	int depth = 0, in_quotes = 0;

	for (; p < end; p++) {
		if (in_quotes && *p == '\\')
			p++;
		else if (*p == '"')
			in_quotes = !in_quotes;
		else if (!in_quotes && *p == '{')
			depth++;
		else if (!in_quotes && *p == '}' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

static int
element(const struct pg_type *ty, char **p, char *end, struct leat_batch *mem,
    struct leat_value *ret)
{
	char *s = *p;
	uint32_t len;

	if (*p < end && **p == '{' && ty->nested != ty->elem)
		return PG_CONV_NONE;	/* one more dimension */
	if (*p < end && **p == '{') {
		*p = nested_end(s, end);
		return *p == NULL ? PG_CONV_BAD : ty->elem->conv(ty->elem, s,
		    (uint32_t)(*p - s), mem, ret);
	}
	if (ty->nested != NULL)
		return PG_CONV_NONE;	/* one dimension less */
	if (*p < end && **p == '"') {
		if (quoted(p, end, &s, &len) < 0)
			return PG_CONV_BAD;
		return ty->elem->conv(ty->elem, s, len, mem, ret);
	}
	while (*p < end && **p != ty->delim)
		(*p)++;
	len = (uint32_t)(*p - s);
	if (len == 4 && memcmp(s, "NULL", 4) == 0) {
		*ret = leat_null();
		return 0;
	}
	return len == 0 ? PG_CONV_BAD :
	    ty->elem->conv(ty->elem, s, len, mem, ret);
}

/* Elements between p and end, which exclude the brackets. */
static int
elements(const struct pg_type *ty, char *p, char *end, struct leat_batch *mem,
    struct leat_value *ret)
{
	struct leat_value *items;
	uint32_t n = 0, most = 1;

	for (const char *q = p; q < end; q++)
		most += *q == ty->delim;
	items = leat_batch_alloc(mem, (uint64_t)most * sizeof(*items));
	if (items == NULL)
		return PG_CONV_NOMEM;
	while (p < end) {
		int rc = element(ty, &p, end, mem, &items[n]);

		if (rc < 0)
			return rc;
		n++;
		if (p < end && (*p != ty->delim || ++p == end))
			return PG_CONV_BAD;
	}
	*ret = leat_items(LEAT_ARRAY, items, n);
	return 0;
}

int
pg_conv_array(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	char *p = s, *end = s + len;

	if (p < end && *p == '[') {
		p = memchr(p, '=', (size_t)(end - p));
		if (p == NULL)
			return PG_CONV_BAD;
		p++;
	}
	if (end - p < 2 || *p != '{' || end[-1] != '}')
		return PG_CONV_BAD;
	return elements(ty, p + 1, end - 1, mem, ret);
}

int
pg_conv_vector(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	if (len < 2 || s[0] != '[' || s[len - 1] != ']')
		return PG_CONV_BAD;
	return elements(ty, s + 1, s + len - 1, mem, ret);
}

/* index:value of a sparse vector; both behind each other in ret. */
static int
sparse_pair(struct leat_str text, struct leat_value *ret)
{
	struct leat_str index = leat_str_cut(&text, ':');
	int64_t i;
	double v;

	if (leat_parse_i64(index, 0, INT32_MAX, &i) < 0 ||
	    leat_parse_f64(text, &v) < 0)
		return PG_CONV_BAD;
	if (i > INT16_MAX)
		return PG_CONV_NONE;
	ret[0] = (struct leat_value){ .kind = LEAT_INT16, .u.i = i };
	ret[1] = leat_f64(v);
	return 0;
}

/* {dimensions, vector}, whose indexes are int16 in Debezium's schema. */
int
pg_conv_sparse(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_str rest = { s, len }, pairs = leat_str_cut(&rest, '/');
	uint32_t n = 0, most = 1;
	struct leat_value *v;
	int64_t dimensions;
	int rc;

	(void)ty;
	if (pairs.len < 2 || pairs.ptr[0] != '{' ||
	    pairs.ptr[pairs.len - 1] != '}' ||
	    leat_parse_i64(rest, 0, INT32_MAX, &dimensions) < 0)
		return PG_CONV_BAD;
	if (dimensions > INT16_MAX)
		return PG_CONV_NONE;
	pairs.ptr++;
	pairs.len -= 2;
	for (size_t i = 0; i < pairs.len; i++)
		most += pairs.ptr[i] == ',';
	v = leat_batch_alloc(mem, (2 + 2 * (uint64_t)most) * sizeof(*v));
	if (v == NULL)
		return PG_CONV_NOMEM;
	for (; pairs.len > 0; n++) {
		rc = sparse_pair(leat_str_cut(&pairs, ','), v + 2 + 2 * n);
		if (rc < 0)
			return rc;
	}
	v[0] = (struct leat_value){ .kind = LEAT_INT16, .u.i = dimensions };
	v[1] = leat_items(LEAT_MAP, v + 2, n);
	*ret = leat_items(LEAT_STRUCT, v, 2);
	return 0;
}
