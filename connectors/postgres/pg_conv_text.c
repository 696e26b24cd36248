/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_text.c: text, enums, bytes, bits and hstore.
 */
#include "pg_types.h"

#include <string.h>

#include <leat/buf.h>
#include <leat/json.h>
#include <leat/str.h>

int
pg_conv_text(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	(void)ty;
	(void)mem;
	*ret = leat_string(s, len);
	return 0;
}

int
pg_conv_enum(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_str v = { s, len };

	(void)mem;
	*ret = leat_string(s, len);
	for (uint32_t i = 0; i < ty->nlabels; i++)
		if (leat_str_eq(v, ty->labels[i]))
			return 0;
	return PG_CONV_STALE;
}

/* -------------------------------------------------------------------- bytes */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int64_t
pg_hex_decode(char *s, uint32_t len)
{
	uint32_t n = len / 2;

	if (len % 2 != 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		s[i] = (char)(hi << 4 | lo);
	}
	return n;
}

static int
hex_value(const uint8_t *p, size_t len, struct leat_batch *mem,
    struct leat_value *ret)
{
	static const char digits[] = "0123456789abcdef";
	char *to = leat_batch_alloc(mem, len * 2 + 1);

	if (to == NULL)
		return PG_CONV_NOMEM;
	for (size_t i = 0; i < len; i++) {
		to[2 * i] = digits[p[i] >> 4];
		to[2 * i + 1] = digits[p[i] & 15];
	}
	*ret = leat_string(to, len * 2);
	return 0;
}

int
pg_binary_value(int32_t mode, const void *p, size_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	size_t n = leat_base64_len(len);
	char *to;

	if (mode == PG_BINARY_BYTES) {
		*ret = leat_bytes(p, len);
		return 0;
	}
	if (mode == PG_BINARY_HEX)
		return hex_value(p, len, mem, ret);
	to = leat_batch_alloc(mem, n + 1);
	if (to == NULL)
		return PG_CONV_NOMEM;
	leat_base64_encode(to, p, len);
	for (size_t i = 0; mode == PG_BINARY_BASE64_URL && i < n; i++) {
		if (to[i] == '+')
			to[i] = '-';
		else if (to[i] == '/')
			to[i] = '_';
	}
	*ret = leat_string(to, n);
	return 0;
}

int
pg_conv_bytea(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	int64_t n;

	if (len < 2 || s[0] != '\\' || s[1] != 'x')
		return PG_CONV_BAD;
	n = pg_hex_decode(s + 2, len - 2);
	if (n < 0)
		return PG_CONV_BAD;
	return pg_binary_value(ty->mode, s + 2, (size_t)n, mem, ret);
}

/* The text itself, in the representation of binary.handling.mode. */
int
pg_conv_unknown(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	return pg_binary_value(ty->mode, s, len, mem, ret);
}

int
pg_conv_bit1(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	(void)ty;
	(void)mem;
	/* varbit(1) may be empty, which is neither. */
	if (len == 0)
		return PG_CONV_NONE;
	*ret = leat_bool(s[len - 1] == '1');
	return 0;
}

/* Little-endian: bit 0 is the rightmost character; no trailing zero bytes. */
int
pg_conv_bits(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	size_t n = (len + 7) / 8;
	uint8_t *b = leat_batch_alloc(mem, n + 1);	/* never of 0 */

	(void)ty;
	if (b == NULL)
		return PG_CONV_NOMEM;
	memset(b, 0, n);
	for (uint32_t i = 0; i < len; i++) {
		char c = s[len - 1 - i];

		if (c != '0' && c != '1')
			return PG_CONV_BAD;
		b[i / 8] |= (uint8_t)((c - '0') << (i % 8));
	}
	while (n > 0 && b[n - 1] == 0)
		n--;
	*ret = leat_bytes(b, n);
	return 0;
}

/* ------------------------------------------------------------------- hstore */

/* A quoted string, unescaped in place. Leaves *p behind the closing quote. */
static int
hstore_quoted(char **p, char *end, struct leat_str *ret)
{
	char *from = *p, *to = *p + 1;

	if (from >= end || *from != '"')
		return PG_CONV_BAD;
	ret->ptr = to;
	for (from++; from < end && *from != '"'; from++) {
		if (*from == '\\' && from + 1 < end)
			from++;
		*to++ = *from;
	}
	if (from >= end)
		return PG_CONV_BAD;
	ret->len = (size_t)(to - ret->ptr);
	*p = from + 1;
	return 0;
}

/* "k"=>"v" or "k"=>NULL; 1: one more, 0: end, negative: bad. */
static int
hstore_pair(char **p, char *end, struct leat_str *k, struct leat_str *v)
{
	while (*p < end && (**p == ' ' || **p == ','))
		(*p)++;
	if (*p == end)
		return 0;
	if (hstore_quoted(p, end, k) < 0 || end - *p < 3 ||
	    memcmp(*p, "=>", 2) != 0)
		return PG_CONV_BAD;
	*p += 2;
	if (end - *p >= 4 && memcmp(*p, "NULL", 4) == 0) {
		*p += 4;
		v->ptr = NULL;
		v->len = 0;
		return 1;
	}
	return hstore_quoted(p, end, v) < 0 ? PG_CONV_BAD : 1;
}

int
pg_conv_hstore_json(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	char *p = s, *end = s + len;
	struct leat_str k, v;
	struct leat_buf b;
	int rc;

	(void)ty;
	leat_buf_init(&b, (size_t)len * 6 + 64);
	(void)leat_buf_add_byte(&b, '{');
	while ((rc = hstore_pair(&p, end, &k, &v)) == 1) {
		if (b.len > 1)
			(void)leat_buf_add_byte(&b, ',');
		(void)leat_json_add_string(&b, k.ptr, k.len);
		(void)leat_buf_add_byte(&b, ':');
		if (v.ptr == NULL)
			(void)leat_buf_add_str(&b, "null");
		else
			(void)leat_json_add_string(&b, v.ptr, v.len);
	}
	(void)leat_buf_add_byte(&b, '}');
	if (rc == 0) {
		char *text = b.failed ? NULL :
		    leat_batch_copy(mem, b.data, b.len);

		rc = text == NULL ? PG_CONV_NOMEM : 0;
		if (rc == 0)
			*ret = leat_string(text, b.len);
	}
	leat_buf_fini(&b);
	return rc;
}

int
pg_conv_hstore_map(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	char *p = s, *end = s + len;
	struct leat_str k, v;
	struct leat_value *items;
	uint32_t n = 0, most = 1;
	int rc;

	(void)ty;
	for (uint32_t i = 0; i + 1 < len; i++)
		most += s[i] == '=' && s[i + 1] == '>';
	items = leat_batch_alloc(mem, (uint64_t)most * 2 * sizeof(*items));
	if (items == NULL)
		return PG_CONV_NOMEM;
	while ((rc = hstore_pair(&p, end, &k, &v)) == 1) {
		items[2 * n] = leat_string(k.ptr, k.len);
		items[2 * n + 1] = v.ptr == NULL ? leat_null() :
		    leat_string(v.ptr, v.len);
		n++;
	}
	if (rc < 0)
		return rc;
	*ret = leat_items(LEAT_MAP, items, n);
	return 0;
}
