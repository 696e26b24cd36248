/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_array.c: {1,NULL,"a \"b\""} and pgvector's [1,2,3].
 *
 * One dimension, as Debezium's schemas have it: nested arrays are not
 * representable. Lower bounds ("[2:3]={5,6}") are dropped.
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

static int
element(const struct pg_type *ty, char **p, char *end, struct leat_batch *mem,
    struct leat_value *ret)
{
	char *s = *p;
	uint32_t len;

	if (*p < end && **p == '{')
		return PG_CONV_NONE;	/* one more dimension */
	if (*p < end && **p == '"') {
		if (quoted(p, end, &s, &len) < 0)
			return PG_CONV_BAD;
		return ty->elem->conv(ty->elem, s, len, mem, ret);
	}
	while (*p < end && **p != ',')
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
		most += *q == ',';
	items = leat_batch_alloc(mem, (uint64_t)most * sizeof(*items));
	if (items == NULL)
		return PG_CONV_NOMEM;
	while (p < end) {
		int rc = element(ty, &p, end, mem, &items[n]);

		if (rc < 0)
			return rc;
		n++;
		if (p < end && (*p != ',' || ++p == end))
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
