/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_text.c: values to plain text.
 */
#include "core/record/value_text.h"

#include <errno.h>
#include <string.h>

#include <leat/json.h>
#include <leat/time.h>

#include "core/record/decimal.h"
#include "core/record/memory.h"

/* What differs between the two forms of text. */
struct style {
	const char *comma;
	const char *equals;
	const char *struct_head;
	int quote;		/* strings inside, and the keys of structs */
	int skip_null;		/* fields of structs that are null */
};

static const struct style values_style = { ",", ":", "{", 1, 0 };
static const struct style java_style = { ", ", "=", "Struct{", 0, 1 };

struct writer {
	const struct style *style;
	struct leat_buf *to;
	struct leat_err *err;
};

int
schema_is(const struct leat_schema *s, const char *name)
{
	return s != NULL && s->name != NULL && strcmp(s->name, name) == 0;
}

int
schema_decimal_scale(const struct leat_schema *s, int32_t *ret_scale)
{
	int64_t scale;
	uint32_t i;

	for (i = 0; i < s->nparams; i++)
		if (strcmp(s->params[i].key, "scale") == 0 &&
		    leat_parse_i64(leat_str_c(s->params[i].value), INT32_MIN,
			INT32_MAX, &scale) == 0) {
			*ret_scale = (int32_t)scale;
			return 0;
		}
	return -1;
}

/* ------------------------------------------------------------------ scalars */

/* Milliseconds: a bare date, a bare time or both, as Values does. */
static void
add_millis(struct writer *w, int64_t ms, int date, int time)
{
	char text[40];
	size_t len = leat_time_format_us(text, ms * 1000, 3);
	const char *t = memchr(text, 'T', len);

	if (t == NULL)
		t = text + len;
	if (date && time)
		leat_buf_add(w->to, text, len);
	else if (date)
		leat_buf_add(w->to, text, (size_t)(t - text));
	else if (t < text + len)
		leat_buf_add(w->to, t + 1, (size_t)(text + len - t - 1));
}

/* A number, or what a logical type makes of it. */
static int
add_int(struct writer *w, const struct leat_schema *s, int64_t v)
{
	const int64_t max = INT64_C(9000000000000000);
	const int date = schema_is(s, LOGICAL_DATE);
	const int time = schema_is(s, LOGICAL_TIME);

	if (!date && !time && !schema_is(s, LOGICAL_TIMESTAMP)) {
		leat_buf_add_i64(w->to, v);
		return 0;
	}
	if (v > max || v < -max || (date && (v > max / 86400000 ||
	    v < -max / 86400000)))
		return leat_err_set(w->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "a date or time outside of what text can show");
	add_millis(w, date ? v * 86400000 : v, !time, !date);
	return 0;
}

static int
add_float(struct writer *w, const struct leat_value *v)
{
	const size_t at = w->to->len;

	if (v->kind == LEAT_FLOAT32)
		leat_json_add_f32(w->to, (float)v->u.f);
	else
		leat_json_add_f64(w->to, v->u.f);
	/* NaN and the infinities come in quotes. */
	if (!w->to->failed && w->to->data[at] == '"') {
		w->to->len -= 2;
		memmove(w->to->data + at, w->to->data + at + 1,
		    w->to->len - at);
	}
	return 0;
}

static int
add_bytes(struct writer *w, const struct leat_schema *s,
    const struct leat_value *v)
{
	uint8_t *to;
	int32_t scale;
	int64_t len;

	if (schema_is(s, LOGICAL_DECIMAL)) {
		to = leat_buf_reserve(w->to, decimal_text_max(v->len));
		if (to == NULL)
			return 0;
		len = schema_decimal_scale(s, &scale) < 0 ? -1
		    : decimal_to_text((char *)to, v->u.b, v->len, scale);
		if (len < 0)
			return leat_err_set(w->err, LEAT_CLS_RECORD,
			    LEAT_E_DATA, "a Decimal that has no text");
		w->to->len += (size_t)len;
		return 0;
	}
	if (!w->style->quote)
		return leat_err_set(w->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "bytes have no text; use the ByteArrayConverter, or Cast "
		    "them to string");
	to = leat_buf_reserve(w->to, leat_base64_len(v->len));
	if (to != NULL) {
		leat_base64_encode((char *)to, v->u.b, v->len);
		w->to->len += leat_base64_len(v->len);
	}
	return 0;
}

/* In containers: quoted, with quotes and backslashes escaped. */
static int
add_string(struct writer *w, const char *s, size_t len, int inside)
{
	size_t i;

	if (!inside || !w->style->quote) {
		leat_buf_add(w->to, s, len);
		return 0;
	}
	leat_buf_add_byte(w->to, '"');
	for (i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			leat_buf_add_byte(w->to, '\\');
		leat_buf_add_byte(w->to, (uint8_t)s[i]);
	}
	leat_buf_add_byte(w->to, '"');
	return 0;
}

/* --------------------------------------------------------------- containers */

static int add_value(struct writer *w, const struct leat_schema *s,
    const struct leat_value *v, int inside);

static int
add_array(struct writer *w, const struct leat_schema *s,
    const struct leat_value *v)
{
	uint32_t i;

	leat_buf_add_byte(w->to, '[');
	for (i = 0; i < v->len; i++) {
		if (i > 0)
			leat_buf_add_str(w->to, w->style->comma);
		if (add_value(w, s == NULL ? NULL : s->elem, &v->u.items[i],
			1) < 0)
			return -1;
	}
	leat_buf_add_byte(w->to, ']');
	return 0;
}

static int
add_map(struct writer *w, const struct leat_schema *s,
    const struct leat_value *v)
{
	const struct leat_value *kv = v->u.items;
	uint32_t i;

	leat_buf_add_byte(w->to, '{');
	for (i = 0; i < v->len; i++, kv += 2) {
		if (i > 0)
			leat_buf_add_str(w->to, w->style->comma);
		if (add_value(w, s == NULL ? NULL : s->key, kv, 1) < 0)
			return -1;
		leat_buf_add_str(w->to, w->style->equals);
		if (add_value(w, s == NULL ? NULL : s->elem, kv + 1, 1) < 0)
			return -1;
	}
	leat_buf_add_byte(w->to, '}');
	return 0;
}

static int
add_struct(struct writer *w, const struct leat_schema *s,
    const struct leat_value *v)
{
	const char *comma = "";
	uint32_t i;

	if (s == NULL || s->nfields != v->len)
		return leat_err_set(w->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "a struct without its schema");
	leat_buf_add_str(w->to, w->style->struct_head);
	for (i = 0; i < v->len; i++) {
		const struct leat_field *f = &s->fields[i];
		const struct leat_value *item = &v->u.items[i];

		if (item->kind == LEAT_NULL && w->style->skip_null)
			continue;
		leat_buf_add_str(w->to, comma);
		comma = ",";
		add_string(w, f->name, strlen(f->name), 1);
		leat_buf_add_str(w->to, w->style->equals);
		if (item->kind == LEAT_NULL && f->schema->has_default)
			item = &f->schema->def;
		if (add_value(w, f->schema, item, 1) < 0)
			return -1;
	}
	leat_buf_add_byte(w->to, '}');
	return 0;
}

static int
add_value(struct writer *w, const struct leat_schema *s,
    const struct leat_value *v, int inside)
{
	switch (v->kind) {
	case LEAT_BOOLEAN:
		leat_buf_add_str(w->to, v->u.i != 0 ? "true" : "false");
		return 0;
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		return add_int(w, s, v->u.i);
	case LEAT_FLOAT32:
	case LEAT_FLOAT64:
		return add_float(w, v);
	case LEAT_STRING:
		return add_string(w, v->u.s, v->len, inside);
	case LEAT_BYTES:
		return add_bytes(w, s, v);
	case LEAT_ARRAY:
		return add_array(w, s, v);
	case LEAT_MAP:
		return add_map(w, s, v);
	case LEAT_STRUCT:
		return add_struct(w, s, v);
	default:
		leat_buf_add_str(w->to, "null");
		return 0;
	}
}

static int
write_text(const struct style *style, const struct leat_schema *s,
    const struct leat_value *v, struct leat_buf *to, struct leat_err *err)
{
	struct writer w = { style, to, err };
	int rc = add_value(&w, s, v, 0);

	if (rc < 0)
		return err != NULL ? err->code : LEAT_E_DATA;
	return to->failed ? record_buf_failed(to, "a value as text", err) : 0;
}

int
value_text_values(const struct leat_schema *s, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err)
{
	return write_text(&values_style, s, v, to, err);
}

int
value_text_java(const struct leat_schema *s, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err)
{
	return write_text(&java_style, s, v, to, err);
}
