/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_encode.c: typed values to JSON text by their plan. The hot path of every
 * source.
 *
 * Room is checked once per string, bytes, array element and map entry, never
 * per byte: `limit` stands so far before the end of the buffer that everything
 * of fixed size that is still to come fits behind it. Whoever writes something
 * of variable size makes sure that it ends before `limit`; whoever writes
 * something of fixed size need not look. Elements of arrays and maps lower the
 * limit by their own fixed part while they last.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/converters/json_plan.h"
#include "core/record/converters/json_text.h"
#include "core/record/decimal.h"

struct out {
	struct leat_buf *buf;
	intptr_t limit;		/* an address, maybe before the buffer */
	size_t fixed;		/* what `limit` keeps free, without the slack */
	struct leat_err *err;
};

static uint8_t *put_value(struct out *o, uint8_t *p,
    const struct json_plan *plan, unsigned op, const struct leat_value *v);

static uint8_t *
grow(struct out *o, uint8_t *p, size_t need)
{
	struct leat_buf *b = o->buf;
	size_t spare = o->fixed + JSON_SLACK;

	b->len = (size_t)(p - b->data);
	if (need > b->max || need + spare > b->max - b->len) {
		leat_err_set(o->err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "a value is larger than %zu bytes as JSON", b->max);
		return NULL;
	}
	if (leat_buf_reserve(b, need + spare) == NULL) {
		leat_err_set(o->err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	o->limit = (intptr_t)(b->data + b->cap) - (intptr_t)spare;
	return b->data + b->len;
}

/* Where to write `need` bytes of variable size; NULL with the error set. */
static inline uint8_t *
room(struct out *o, uint8_t *p, size_t need)
{
	if (o->limit - (intptr_t)p >= (intptr_t)need)
		return p;
	return grow(o, p, need);
}

/* In pieces, so that room is asked for what comes, not for the worst. */
static uint8_t *
put_long_string(struct out *o, uint8_t *p, const uint8_t *s, size_t n)
{
	const size_t step = JSON_SHORT_STRING;
	size_t len;

	p = room(o, p, n + 2);
	if (p != NULL)
		*p++ = '"';
	for (; p != NULL && n > 0; s += len, n -= len) {
		len = n < step ? n : step;
		/* Not within a character of four bytes. */
		for (int i = 0; i < 3 && len < n && (s[len] & 0xc0) == 0x80;
		     i++)
			len--;
		p = room(o, p, JSON_STRING_MAX(len));
		if (p != NULL)
			p = json_put_piece(p, s, len);
	}
	if (p != NULL)
		*p++ = '"';
	return p;
}

static uint8_t *
put_string(struct out *o, uint8_t *p, const struct leat_value *v)
{
	const uint8_t *s = (const uint8_t *)v->u.s;

	if (v->len > JSON_SHORT_STRING)
		return put_long_string(o, p, s, v->len);
	p = room(o, p, JSON_STRING_MAX(v->len));
	return p == NULL ? NULL : json_put_string(p, s, v->len);
}

static uint8_t *
put_bytes(struct out *o, uint8_t *p, const struct leat_value *v)
{
	size_t len = leat_base64_len(v->len);

	p = room(o, p, len + 2);
	if (p == NULL)
		return NULL;
	*p++ = '"';
	leat_base64_encode((char *)p, v->u.b, v->len);
	p += len;
	*p++ = '"';
	return p;
}

/* Jackson writes a BigDecimal as its toString. */
static uint8_t *
put_decimal(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *v)
{
	int64_t len;

	p = room(o, p, decimal_text_max(v->len));
	if (p == NULL)
		return NULL;
	len = decimal_to_text((char *)p, v->u.b, v->len, plan->scale);
	if (len < 0) {
		leat_err_set(o->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "a decimal of %u bytes cannot be written as a number",
		    v->len);
		return NULL;
	}
	return p + len;
}

static uint8_t *
put_double(uint8_t *p, const struct leat_value *v, unsigned op)
{
	struct leat_buf b = { .data = p, .cap = JSON_NUMBER_MAX,
		.max = JSON_NUMBER_MAX };

	if (op == JSON_FLOAT32)
		(void)leat_json_add_f32(&b, (float)v->u.f);
	else
		(void)leat_json_add_f64(&b, v->u.f);
	return p + b.len;
}

/* ---------------------------------------------------------- null and wrong */

/* A value that is not of the kind its schema says: null, or a mistake. */
static uint8_t *
put_other(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *v)
{
	if (v->kind != LEAT_NULL) {
		leat_err_set(o->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Invalid type for %s: %s",
		    leat_kind_name(plan->schema->kind),
		    leat_kind_name(v->kind));
		return NULL;
	}
	if (plan->null_text.ptr == NULL) {
		leat_err_set(o->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Conversion error: null value for field that is required "
		    "and has no default value");
		return NULL;
	}
	memcpy(p, plan->null_text.ptr, plan->null_text.len);
	return p + plan->null_text.len;
}

/* ------------------------------------------------------------- containers */

/* Text in blocks of 16: it is padded, and so is the buffer. */
static inline uint8_t *
put_padded(uint8_t *p, const uint8_t *text, size_t len)
{
	memcpy(p, text, 16);
	if (len > 16) {
		memcpy(p + 16, text + 16, 16);
		if (len > 32)
			memcpy(p + 32, text + 32, len - 32);
	}
	return p + len;
}

/* Times, ids and positions often are what they were in the value before. */
static inline uint8_t *
put_int(uint8_t *p, struct json_last *last, int64_t v)
{
	uint8_t *end;

	if (last == NULL)
		return json_put_i64(p, v);
	if (last->value == v && last->len != 0) {
		memcpy(p, last->text, sizeof(last->text));
		return p + last->len;
	}
	end = json_put_i64(p, v);
	if (last->value == v) {
		memcpy(last->text, p, sizeof(last->text));
		last->len = (uint32_t)(end - p);
	} else {
		last->value = v;
		last->len = 0;
	}
	return end;
}

static uint8_t *
put_wrong_field(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct json_field *f, const struct leat_value *v)
{
	const struct leat_schema *s = plan->schema;

	if (put_other(o, p, f->plan, v) == NULL)
		leat_err_wrap(o->err, "%s", s->fields[f - plan->fields].name);
	return NULL;
}

static uint8_t *
put_struct(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *v)
{
	const struct json_field *f = plan->fields, *end = f + plan->nfields;
	const struct leat_value *item = v->u.items;

	if (v->len != plan->nfields) {
		leat_err_set(o->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "a struct of %u fields where the schema has %u", v->len,
		    plan->nfields);
		return NULL;
	}
	if (f == end)
		*p++ = '{';
	for (; f < end; f++, item++) {
		if (item->kind != f->kind) {
			if (item->kind != LEAT_NULL || f->all_len == 0)
				return put_wrong_field(o, p, plan, f, item);
			p = put_padded(p, f->text, f->all_len);
			continue;
		}
		p = put_padded(p, f->text, f->key_len);
		if (f->op == JSON_INT) {
			p = put_int(p, f->last, item->u.i);
			continue;
		}
		p = f->op == JSON_STRING ? put_string(o, p, item) :
		    put_value(o, p, f->plan, f->op, item);
		if (__builtin_expect(p == NULL, 0)) {
			leat_err_wrap(o->err, "%s",
			    plan->schema->fields[f - plan->fields].name);
			return NULL;
		}
	}
	*p++ = '}';
	return p;
}

/* Lowers the limit by an element's fixed part; raise() takes it back. */
static void
lower(struct out *o, size_t by)
{
	o->fixed += by;
	o->limit -= (intptr_t)by;
}

static void
raise(struct out *o, size_t by)
{
	o->fixed -= by;
	o->limit += (intptr_t)by;
}

static inline uint8_t *
put_elem(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *v)
{
	if (v->kind != plan->kind)
		return put_other(o, p, plan, v);
	return put_value(o, p, plan, plan->op, v);
}

static uint8_t *
put_array(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *v)
{
	const size_t by = plan->elem->fixed_max + 8;
	uint32_t i;

	lower(o, by);
	p = room(o, p, 0);
	if (p != NULL)
		*p++ = '[';
	for (i = 0; p != NULL && i < v->len; i++) {
		p = room(o, p, 0);
		if (p == NULL)
			break;
		if (i > 0)
			*p++ = ',';
		p = put_elem(o, p, plan->elem, &v->u.items[i]);
		if (p == NULL)
			leat_err_wrap(o->err, "[%u]", i);
	}
	raise(o, by);
	if (p != NULL)
		*p++ = ']';
	return p;
}

/* One entry of a map, with what stands before, between and behind. */
static uint8_t *
put_entry(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *kv)
{
	if (plan->op == JSON_OBJECT) {
		if (kv->kind != LEAT_STRING) {
			leat_err_set(o->err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "Invalid type for the key of a map: %s",
			    leat_kind_name(kv->kind));
			return NULL;
		}
		p = put_string(o, p, kv);
		if (p != NULL)
			*p++ = ':';
		return p == NULL ? NULL : put_elem(o, p, plan->elem, kv + 1);
	}
	*p++ = '[';
	p = put_elem(o, p, plan->key, kv);
	if (p != NULL)
		*p++ = ',';
	if (p != NULL)
		p = put_elem(o, p, plan->elem, kv + 1);
	if (p != NULL)
		*p++ = ']';
	return p;
}

static uint8_t *
put_map(struct out *o, uint8_t *p, const struct json_plan *plan,
    const struct leat_value *v)
{
	const bool object = plan->op == JSON_OBJECT;
	const size_t by = plan->elem->fixed_max + 8 +
	    (object ? 0 : plan->key->fixed_max);
	uint32_t i;

	lower(o, by);
	p = room(o, p, 0);
	if (p != NULL)
		*p++ = object ? '{' : '[';
	for (i = 0; p != NULL && i < v->len; i++) {
		p = room(o, p, 0);
		if (p == NULL)
			break;
		if (i > 0)
			*p++ = ',';
		p = put_entry(o, p, plan, &v->u.items[(size_t)i * 2]);
	}
	raise(o, by);
	if (p != NULL)
		*p++ = object ? '}' : ']';
	return p;
}

static inline uint8_t *
put_boolean(uint8_t *p, int64_t v)
{
	memcpy(p, v != 0 ? "true\0\0\0" : "false\0\0", 8);
	return p + (v != 0 ? 4 : 5);
}

/* A value whose kind has been checked. */
static uint8_t *
put_value(struct out *o, uint8_t *p, const struct json_plan *plan, unsigned op,
    const struct leat_value *v)
{
	switch ((enum json_op)op) {
	case JSON_BOOLEAN:
		return put_boolean(p, v->u.i);
	case JSON_INT:
		return json_put_i64(p, v->u.i);
	case JSON_FLOAT32:
	case JSON_FLOAT64:
		return put_double(p, v, op);
	case JSON_STRING:
		return put_string(o, p, v);
	case JSON_BYTES:
		return put_bytes(o, p, v);
	case JSON_DECIMAL:
		return put_decimal(o, p, plan, v);
	case JSON_ARRAY:
		return put_array(o, p, plan, v);
	case JSON_OBJECT:
	case JSON_PAIRS:
		return put_map(o, p, plan, v);
	case JSON_STRUCT:
		return put_struct(o, p, plan, v);
	}
	__builtin_unreachable();
}

int
json_encode(const struct json_plan *plan, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err)
{
	struct out o = { .buf = to, .fixed = plan->fixed_max, .err = err };
	uint8_t *p;

	/* Twice the fixed part: `limit` keeps it free to the end. */
	if (leat_buf_reserve(to, 2 * plan->fixed_max + JSON_SLACK) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	o.limit = (intptr_t)(to->data + to->cap) -
	    (intptr_t)(plan->fixed_max + JSON_SLACK);
	p = put_elem(&o, to->data + to->len, plan, v);
	if (p == NULL)
		return err != NULL ? err->code : LEAT_E_DATA;
	to->len = (size_t)(p - to->data);
	return 0;
}
