/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_typed.c: values with schemas to plain JSON text, for sinks.
 */
#include <leat/json.h>

#include <string.h>

enum {
	DECIMAL_BYTES_MAX = 256,	/* longer ones stay base64 */
	DECIMAL_SCALE_MAX = 1000
};

static int add_typed(struct leat_buf *b, const struct leat_schema *s,
    const struct leat_value *v, int flags, int depth);

/* -------------------------------------------------------------- decimals */

static int
decimal_scale(const struct leat_schema *s, int64_t *ret_scale)
{
	uint32_t i;

	for (i = 0; i < s->nparams; i++) {
		if (strcmp(s->params[i].key, "scale") == 0)
			return leat_parse_i64(leat_str_c(s->params[i].value),
			    -DECIMAL_SCALE_MAX, DECIMAL_SCALE_MAX, ret_scale);
	}
	return -1;
}

/* Divides a big-endian number by 10^9 in place and returns the remainder. */
static uint32_t
divide(uint8_t *n, size_t len)
{
	uint64_t rest = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		rest = rest << 8 | n[i];
		n[i] = (uint8_t)(rest / 1000000000);
		rest %= 1000000000;
	}
	return (uint32_t)rest;
}

/*
 * The digits of a two's complement big-endian number, most significant first,
 * without sign and leading zeros (zero has none). `to` needs 3 * len + 9.
 */
static size_t
unscaled_digits(const uint8_t *p, size_t len, char *to, int *ret_negative)
{
	uint8_t n[DECIMAL_BYTES_MAX];
	size_t i, at, room = len * 3 + 9;
	unsigned carry = 1;

	*ret_negative = len > 0 && (p[0] & 0x80) != 0;
	for (i = len; i-- > 0;) {
		unsigned c = *ret_negative ? (uint8_t)~p[i] + carry : p[i];

		n[i] = (uint8_t)c;
		carry = c >> 8;
	}
	at = room;
	while (at >= 9) {
		uint32_t part = divide(n, len);
		int d;

		for (d = 0; d < 9; d++, part /= 10)
			to[--at] = (char)('0' + part % 10);
	}
	while (at < room && to[at] == '0')
		at++;
	memmove(to, to + at, room - at);
	return room - at;
}

static int
add_zeros(struct leat_buf *b, int64_t n)
{
	while (n-- > 0) {
		if (leat_buf_add_byte(b, '0') < 0)
			return -1;
	}
	return 0;
}

static int
add_decimal(struct leat_buf *b, const struct leat_value *v, int64_t scale)
{
	char digits[DECIMAL_BYTES_MAX * 3 + 9];
	int negative;
	size_t n = unscaled_digits(v->u.b, v->len, digits, &negative);
	size_t whole = (int64_t)n > scale ? n - (size_t)(scale > 0 ? scale : 0)
					  : 0;

	if (negative)
		leat_buf_add_byte(b, '-');
	if (whole == 0)
		leat_buf_add_byte(b, '0');
	leat_buf_add(b, digits, whole);
	if (scale < 0 && n > 0)
		add_zeros(b, -scale);
	if (scale > 0) {
		leat_buf_add_byte(b, '.');
		add_zeros(b, scale - (int64_t)(n - whole));
		leat_buf_add(b, digits + whole, n - whole);
	}
	return b->failed ? -1 : 0;
}

static int
is_decimal(const struct leat_schema *s, const struct leat_value *v,
    int64_t *ret_scale)
{
	return s->name != NULL && v->len <= DECIMAL_BYTES_MAX &&
	    strcmp(s->name, "org.apache.kafka.connect.data.Decimal") == 0 &&
	    decimal_scale(s, ret_scale) == 0;
}

/* ------------------------------------------------------------- structures */

static int
add_struct(struct leat_buf *b, const struct leat_schema *s,
    const struct leat_value *v, int flags, int depth)
{
	uint32_t i;

	leat_buf_add_byte(b, '{');
	for (i = 0; i < s->nfields; i++) {
		const struct leat_field *f = &s->fields[i];

		if (i > 0)
			leat_buf_add_byte(b, ',');
		if (f->json_key != NULL) {
			leat_buf_add(b, f->json_key, f->json_key_len);
		} else {
			leat_json_add_string(b, f->name, strlen(f->name));
			leat_buf_add_byte(b, ':');
		}
		if (add_typed(b, f->schema, &v->u.items[i], flags,
		    depth + 1) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, '}');
}

static int
add_array(struct leat_buf *b, const struct leat_schema *elem,
    const struct leat_value *v, int flags, int depth)
{
	uint32_t i;

	leat_buf_add_byte(b, '[');
	for (i = 0; i < v->len; i++) {
		if (i > 0)
			leat_buf_add_byte(b, ',');
		if (add_typed(b, elem, &v->u.items[i], flags, depth + 1) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, ']');
}

/* String keys make an object, others an array of pairs, as in Connect. */
static int
add_map(struct leat_buf *b, const struct leat_schema *s,
    const struct leat_value *v, int flags, int depth)
{
	int object = s->key != NULL && s->key->kind == LEAT_STRING;
	const struct leat_value *kv = v->u.items;
	uint32_t i;

	for (i = 0; object && i < v->len; i++)
		object = kv[2 * i].kind == LEAT_STRING;
	leat_buf_add_byte(b, object ? '{' : '[');
	for (i = 0; i < v->len; i++, kv += 2) {
		if (i > 0)
			leat_buf_add_byte(b, ',');
		if (!object)
			leat_buf_add_byte(b, '[');
		if (add_typed(b, s->key, kv, flags, depth + 1) < 0)
			return -1;
		leat_buf_add_byte(b, object ? ':' : ',');
		if (add_typed(b, s->elem, kv + 1, flags, depth + 1) < 0)
			return -1;
		if (!object)
			leat_buf_add_byte(b, ']');
	}
	return leat_buf_add_byte(b, object ? '}' : ']');
}

static int
add_typed(struct leat_buf *b, const struct leat_schema *s,
    const struct leat_value *v, int flags, int depth)
{
	int64_t scale;

	if (depth > LEAT_JSON_DEPTH) {
		b->failed = true;
		return -1;
	}
	if (s != NULL) {
		if (v->kind == LEAT_STRUCT && s->kind == LEAT_STRUCT &&
		    s->nfields == v->len)
			return add_struct(b, s, v, flags, depth);
		if (v->kind == LEAT_ARRAY)
			return add_array(b, s->elem, v, flags, depth);
		if (v->kind == LEAT_MAP)
			return add_map(b, s, v, flags, depth);
		if (v->kind == LEAT_BYTES &&
		    (flags & LEAT_JSON_DECIMAL_BASE64) == 0 &&
		    is_decimal(s, v, &scale))
			return add_decimal(b, v, scale);
	}
	return leat_json_add_value(b, v);
}

int
leat_json_add_typed(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int flags)
{
	return add_typed(b, schema, v, flags, 0);
}
