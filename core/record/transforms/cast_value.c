/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast_value.c: see cast_value.h.
 */
#include "core/record/transforms/cast_value.h"

#include <strings.h>

#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

enum { TEXT_MAX = 64 << 20 };

static int
text_of(const struct leat_schema *schema, const struct leat_value *v,
    struct leat_arena *arena, struct leat_str *ret, struct leat_err *err)
{
	struct leat_buf buf;
	char *copy;
	int rc;

	if (v->kind == LEAT_STRING) {
		*ret = (struct leat_str){ v->u.s, v->len };
		return 0;
	}
	leat_buf_init(&buf, TEXT_MAX);
	rc = value_text_values(schema, v, &buf, err);
	copy = rc < 0 ? NULL : leat_arena_strndup(arena,
	    buf.data != NULL ? (const char *)buf.data : "", buf.len);
	if (rc == 0 && copy == NULL)
		rc = record_no_memory(arena, err);
	*ret = (struct leat_str){ copy, buf.len };
	leat_buf_fini(&buf);
	return rc;
}

/* Java's (long) of a double: no fraction, held at the ends, NaN is 0. */
static int64_t
long_of(double f)
{
	if (__builtin_isnan(f))
		return 0;
	if (f >= 9223372036854775808.0)
		return INT64_MAX;
	return f <= -9223372036854775808.0 ? INT64_MIN : (int64_t)f;
}

/* Java goes from a floating number to int8 and int16 through int32. */
static int64_t
narrow(int64_t n, int kind, bool from_float)
{
	if (from_float && kind < LEAT_INT64)
		n = n > INT32_MAX ? INT32_MAX
		    : n >= INT32_MIN ? n
		    : INT32_MIN;
	switch (kind) {
	case LEAT_INT8:
		return (int8_t)n;
	case LEAT_INT16:
		return (int16_t)n;
	case LEAT_INT32:
		return (int32_t)n;
	default:
		return n;
	}
}

static int
parse_int(struct leat_str text, int kind, int64_t *ret, struct leat_err *err)
{
	static const int64_t max[] = { INT8_MAX, INT16_MAX, INT32_MAX,
		INT64_MAX };
	const int64_t top = max[kind - LEAT_INT8];

	if (text.len > 1 && text.ptr[0] == '+' && text.ptr[1] != '-') {
		text.ptr++;
		text.len--;
	}
	if (leat_parse_i64(text, -top - 1, top, ret) == 0)
		return 0;
	return record_error(err, "text that is not a number, or out of range, "
	    "for requested type %s", leat_kind_name(kind));
}

static bool
is_int(const struct leat_value *v)
{
	return v->kind >= LEAT_INT8 && v->kind <= LEAT_INT64;
}

static bool
is_float(const struct leat_value *v)
{
	return v->kind == LEAT_FLOAT32 || v->kind == LEAT_FLOAT64;
}

static int
unexpected(const struct leat_value *v, struct leat_err *err)
{
	return record_error(err, "Unexpected type in Cast transformation: %s",
	    leat_kind_name(v->kind));
}

/* A Decimal as a floating number. */
static int
decimal_number(const struct leat_schema *schema, const struct leat_value *v,
    struct leat_arena *arena, double *ret, struct leat_err *err)
{
	struct leat_str text;

	if (v->kind != LEAT_BYTES || !schema_is(schema, LOGICAL_DECIMAL))
		return unexpected(v, err);
	if (text_of(schema, v, arena, &text, err) < 0)
		return LEAT_E_DATA;
	return leat_parse_f64(text, ret) < 0 ? unexpected(v, err) : 0;
}

static int
to_int(const struct leat_schema *schema, const struct leat_value *v, int kind,
    struct leat_arena *arena, int64_t *ret, struct leat_err *err)
{
	double f;

	if (is_int(v) || v->kind == LEAT_BOOLEAN) {
		*ret = narrow(v->u.i, kind, false);
		return 0;
	}
	if (v->kind == LEAT_STRING)
		return parse_int((struct leat_str){ v->u.s, v->len }, kind,
		    ret, err);
	f = v->u.f;
	if (!is_float(v) &&
	    decimal_number(schema, v, arena, &f, err) < 0)
		return LEAT_E_DATA;
	*ret = narrow(long_of(f), kind, is_float(v));
	return 0;
}

static int
to_float(const struct leat_schema *schema, const struct leat_value *v,
    int kind, struct leat_arena *arena, double *ret, struct leat_err *err)
{
	double f;

	if (is_int(v) || v->kind == LEAT_BOOLEAN) {
		f = (double)v->u.i;
	} else if (is_float(v)) {
		f = v->u.f;
	} else if (v->kind == LEAT_STRING) {
		if (leat_parse_f64((struct leat_str){ v->u.s, v->len }, &f) <
		    0)
			return record_error(err, "text that is not a number, "
			    "for requested type %s", leat_kind_name(kind));
	} else if (decimal_number(schema, v, arena, &f, err) < 0) {
		return LEAT_E_DATA;
	}
	*ret = kind == LEAT_FLOAT32 ? (double)(float)f : f;
	return 0;
}

static int
to_boolean(const struct leat_schema *schema, const struct leat_value *v,
    struct leat_arena *arena, int64_t *ret, struct leat_err *err)
{
	int rc = 0;

	if (v->kind == LEAT_STRING)
		*ret = v->len == 4 && strncasecmp(v->u.s, "true", 4) == 0;
	else
		rc = to_int(schema, v, LEAT_INT64, arena, ret, err);
	*ret = *ret != 0;
	return rc;
}

int
cast_value(const struct leat_schema *schema, const struct leat_value *v,
    int kind, struct leat_arena *arena, struct leat_value *ret,
    struct leat_err *err)
{
	struct leat_value to = { .kind = (uint8_t)kind };
	struct leat_str text;
	int rc;

	if (v->kind == LEAT_NULL) {
		*ret = *v;
		return 0;
	}
	if (v->kind > LEAT_BYTES)
		return unexpected(v, err);
	if (kind == LEAT_STRING) {
		rc = text_of(schema, v, arena, &text, err);
		to = leat_string(text.ptr, text.len);
	} else if (kind == LEAT_BOOLEAN) {
		rc = to_boolean(schema, v, arena, &to.u.i, err);
	} else if (kind >= LEAT_FLOAT32) {
		rc = to_float(schema, v, kind, arena, &to.u.f, err);
	} else {
		rc = to_int(schema, v, kind, arena, &to.u.i, err);
	}
	if (rc == 0)
		*ret = to;
	return rc;
}
