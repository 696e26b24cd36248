/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_decode.c: JSON text straight to typed values, guided by a plan. Unlike
 * Kafka Connect's JsonConverter it refuses what does not fit the schema.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/converters/json_plan.h"
#include "core/record/converters/json_scan.h"
#include "core/record/decimal.h"
#include "core/record/memory.h"

static int get_value(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret);

static int
no_memory(struct json_scan *s)
{
	return record_no_memory(s->arena, s->err);
}

/* What begins with this byte; the value itself is not for logs. */
static const char *
json_kind(char c)
{
	switch (c) {
	case '{':
		return "an object";
	case '[':
		return "an array";
	case '"':
		return "a string";
	case 't':
	case 'f':
		return "a boolean";
	default:
		return "a number";
	}
}

/* The value that stands at `at` does not fit. */
static int
misfit(struct json_scan *s, const struct json_plan *plan, const char *at)
{
	if (memchr("{[\"tfn-0123456789", *at, 17) == NULL) {
		s->p = at;
		return json_scan_fail(s, "not a JSON value");
	}
	return leat_err_set(s->err, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "Invalid value for %s field: %s that does not fit, at byte %zu",
	    leat_kind_name(plan->schema->kind), json_kind(*at),
	    (size_t)(at - s->start));
}

/* A null, or a member that is not there. */
static int
get_null(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	static const char *const upper[LEAT_KIND_N] = {
		"NULL", "BOOLEAN", "INT8", "INT16", "INT32", "INT64",
		"FLOAT32", "FLOAT64", "STRING", "BYTES", "ARRAY", "MAP",
		"STRUCT"
	};

	if (plan->null_is_default) {
		*ret = plan->schema->def;
		return 0;
	}
	if (plan->schema->optional) {
		*ret = leat_null();
		return 0;
	}
	return leat_err_set(s->err, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "Invalid null value for required %s field",
	    upper[plan->schema->kind]);
}

/* ------------------------------------------------------------------ scalars */

static int
get_boolean(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	if (json_scan_word(s, "true", 4))
		*ret = leat_bool(1);
	else if (json_scan_word(s, "false", 5))
		*ret = leat_bool(0);
	else
		return misfit(s, plan, s->p);
	return 0;
}

/* An integer of at most 18 digits, as nearly all are; else nothing is taken. */
static bool
take_short_int(struct json_scan *s, int64_t *ret)
{
	const bool negative = *s->p == '-';
	const char *p = s->p + negative, *begin = p;
	const char *stop = s->end - p > 19 ? p + 19 : s->end;
	int64_t v = 0;

	for (; p < stop && *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (*p - '0');
	if (p == begin || p - begin > 18 || p == s->end || *p == '.' ||
	    (*p | 32) == 'e' || (*begin == '0' && p - begin > 1))
		return false;
	*ret = negative ? -v : v;
	s->p = p;
	return true;
}

static int
get_int(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	static const int64_t max[] = { INT8_MAX, INT16_MAX, INT32_MAX,
		INT64_MAX };
	const int64_t top = max[plan->kind - LEAT_INT8];
	const char *at = s->p;
	struct leat_str text;
	bool integer;
	int64_t v;

	if (*at != '-' && (*at < '0' || *at > '9'))
		return misfit(s, plan, at);
	if (take_short_int(s, &v)) {
		if (v > top || v < -top - 1)
			return misfit(s, plan, at);
		*ret = (struct leat_value){ .kind = plan->kind, .u.i = v };
		return 0;
	}
	if (json_scan_number(s, &text, &integer) < 0)
		return -1;
	if (!integer || leat_parse_i64(text, -top - 1, top, &v) < 0)
		return misfit(s, plan, at);
	*ret = (struct leat_value){ .kind = plan->kind, .u.i = v };
	return 0;
}

/* The words that encoding writes for what JSON cannot say. */
static int
get_not_finite(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	const char *at = s->p;
	struct leat_str text;
	double v;

	if (json_scan_string(s, &text) < 0)
		return -1;
	if (leat_str_eq_c(text, "NaN"))
		v = __builtin_nan("");
	else if (leat_str_eq_c(text, "Infinity"))
		v = __builtin_inf();
	else if (leat_str_eq_c(text, "-Infinity"))
		v = -__builtin_inf();
	else
		return misfit(s, plan, at);
	*ret = (struct leat_value){ .kind = plan->kind, .u.f = v };
	return 0;
}

static int
get_float(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	const char *at = s->p;
	struct leat_str text;
	bool integer;
	double v;

	if (*at == '"')
		return get_not_finite(s, plan, ret);
	if (*at != '-' && (*at < '0' || *at > '9'))
		return misfit(s, plan, at);
	if (json_scan_number(s, &text, &integer) < 0)
		return -1;
	if (leat_parse_f64(text, &v) < 0)
		return misfit(s, plan, at);
	if (plan->kind == LEAT_FLOAT32)
		v = (double)(float)v;
	*ret = (struct leat_value){ .kind = plan->kind, .u.f = v };
	return 0;
}

static int
get_string(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	struct leat_str text;

	if (*s->p != '"')
		return misfit(s, plan, s->p);
	if (json_scan_string(s, &text) < 0)
		return -1;
	if (text.len > UINT32_MAX)
		return json_scan_fail(s, "a string is too long");
	*ret = leat_string(text.ptr, text.len);
	return 0;
}

static int
get_number_as_bytes(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	uint8_t bytes[DECIMAL_BYTES_MAX], *copy;
	const char *at = s->p;
	struct leat_str text;
	size_t len = 0;
	bool integer;

	if (json_scan_number(s, &text, &integer) < 0)
		return -1;
	if (decimal_from_text(text, plan->scale, bytes, &len) < 0)
		return misfit(s, plan, at);
	copy = leat_arena_memdup(s->arena, bytes, len);
	if (copy == NULL)
		return no_memory(s);
	*ret = leat_bytes(copy, len);
	return 0;
}

static int
get_bytes(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	struct leat_str text;
	uint8_t *bytes;
	int64_t len;

	if (plan->decimal && (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')))
		return get_number_as_bytes(s, plan, ret);
	if (*s->p != '"')
		return misfit(s, plan, s->p);
	if (json_scan_string(s, &text) < 0)
		return -1;
	bytes = leat_arena_alloc(s->arena, text.len / 4 * 3);
	if (bytes == NULL)
		return no_memory(s);
	len = leat_base64_decode(bytes, text.ptr, text.len);
	if (len < 0)
		return leat_err_set(s->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Invalid bytes field");
	*ret = leat_bytes(bytes, (size_t)len);
	return 0;
}

/* --------------------------------------------------------------- containers */

/* Items of a container whose number is not known before its end. */
struct items {
	struct leat_value *v;
	uint32_t n;
	uint32_t cap;
};

static struct leat_value *
add_items(struct json_scan *s, struct items *it, uint32_t n)
{
	struct leat_value *more;
	uint32_t cap;

	if (it->n + n > it->cap) {
		cap = it->cap == 0 ? 8 : it->cap * 2;
		more = cap > UINT32_MAX / 64 ? NULL
		    : leat_arena_alloc(s->arena, cap * sizeof(*more));
		if (more == NULL) {
			no_memory(s);
			return NULL;
		}
		if (it->n > 0)
			memcpy(more, it->v, it->n * sizeof(*more));
		it->v = more;
		it->cap = cap;
	}
	it->n += n;
	return &it->v[it->n - n];
}

static int
get_array(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	struct items it = { 0 };
	bool first = true;
	int rc;

	if (*s->p != '[')
		return misfit(s, plan, s->p);
	s->p++;
	while ((rc = json_scan_elem(s, &first)) > 0) {
		struct leat_value *to = add_items(s, &it, 1);

		if (to == NULL)
			return -ENOMEM;
		if (get_value(s, plan->elem, to) < 0)
			return leat_err_wrap(s->err, "[%u]", it.n - 1);
	}
	if (rc < 0)
		return rc;
	*ret = leat_items(LEAT_ARRAY, it.v, it.n);
	return 0;
}

static int
get_object(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	struct items it = { 0 };
	struct leat_str name = { 0 };
	bool first = true;
	int rc;

	if (*s->p != '{')
		return misfit(s, plan, s->p);
	s->p++;
	while ((rc = json_scan_member(s, &first, &name)) > 0) {
		struct leat_value *kv = add_items(s, &it, 2);

		if (kv == NULL)
			return -ENOMEM;
		kv[0] = leat_string(name.ptr, name.len);
		if (get_value(s, plan->elem, &kv[1]) < 0)
			return -1;
	}
	if (rc < 0)
		return rc;
	*ret = leat_items(LEAT_MAP, it.v, it.n / 2);
	return 0;
}

static int
get_pair(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *kv)
{
	bool first = true;
	int rc;

	if (json_scan_peek(s) != '[')
		return misfit(s, plan, s->p);
	s->p++;
	if ((rc = json_scan_elem(s, &first)) > 0 &&
	    (rc = get_value(s, plan->key, &kv[0])) == 0 &&
	    (rc = json_scan_elem(s, &first)) > 0 &&
	    (rc = get_value(s, plan->elem, &kv[1])) == 0 &&
	    (rc = json_scan_elem(s, &first)) == 0)
		return 0;
	return rc < 0 ? rc : json_scan_fail(s, "a [key,value] pair expected");
}

static int
get_pairs(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	struct items it = { 0 };
	bool first = true;
	int rc;

	if (*s->p != '[')
		return misfit(s, plan, s->p);
	s->p++;
	while ((rc = json_scan_elem(s, &first)) > 0) {
		struct leat_value *kv = add_items(s, &it, 2);

		if (kv == NULL)
			return -ENOMEM;
		if (get_pair(s, plan, kv) < 0)
			return -1;
	}
	if (rc < 0)
		return rc;
	*ret = leat_items(LEAT_MAP, it.v, it.n / 2);
	return 0;
}

/* ------------------------------------------------------------------ structs */

/*
 * The next member is most often the next field, written as we would write it:
 * then one comparison of the whole key finds it.
 */
static bool
next_as_expected(struct json_scan *s, const struct json_plan *plan,
    uint32_t i, bool first)
{
	const struct json_field *f = &plan->fields[i];
	const char *key;
	size_t len;

	if (i >= plan->nfields || first != (i == 0))
		return false;
	key = (const char *)f->text + first;
	len = f->key_len - first;
	if ((size_t)(s->end - s->p) <= len || memcmp(s->p, key, len) != 0)
		return false;
	s->p += len;
	return true;
}

static int
skip_member(struct json_scan *s)
{
	struct leat_str text;

	return json_scan_skip(s, &text);
}

static int
get_members(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *items)
{
	struct leat_str name = { 0 };
	bool first = true;
	uint32_t next = 0;
	int32_t i;
	int rc;

	for (;;) {
		if (next_as_expected(s, plan, next, first)) {
			first = false;
			i = (int32_t)next;
		} else {
			rc = json_scan_member(s, &first, &name);
			if (rc <= 0)
				return rc;
			i = json_plan_field(plan, name);
		}
		if (i < 0) {
			if (skip_member(s) < 0)
				return -1;
			continue;
		}
		if (get_value(s, plan->fields[i].plan, &items[i]) < 0)
			return leat_err_wrap(s->err, "%s",
			    plan->schema->fields[i].name);
		next = (uint32_t)i + 1;
	}
}

static int
get_struct(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	struct leat_value *items;
	uint32_t i;

	if (*s->p != '{')
		return misfit(s, plan, s->p);
	s->p++;
	items = leat_arena_calloc(s->arena, plan->nfields, sizeof(*items));
	if (items == NULL)
		return no_memory(s);
	if (get_members(s, plan, items) < 0)
		return -1;
	for (i = 0; i < plan->nfields; i++)
		if (items[i].kind == LEAT_NULL &&
		    get_null(s, plan->fields[i].plan, &items[i]) < 0)
			return leat_err_wrap(s->err, "%s",
			    plan->schema->fields[i].name);
	*ret = leat_items(LEAT_STRUCT, items, plan->nfields);
	return 0;
}

static int
get_value(struct json_scan *s, const struct json_plan *plan,
    struct leat_value *ret)
{
	if (json_scan_peek(s) == '\0')
		return json_scan_fail(s, "a value expected");
	if (*s->p == 'n' && json_scan_word(s, "null", 4))
		return get_null(s, plan, ret);
	switch ((enum json_op)plan->op) {
	case JSON_BOOLEAN:
		return get_boolean(s, plan, ret);
	case JSON_INT:
		return get_int(s, plan, ret);
	case JSON_FLOAT32:
	case JSON_FLOAT64:
		return get_float(s, plan, ret);
	case JSON_STRING:
		return get_string(s, plan, ret);
	case JSON_BYTES:
	case JSON_DECIMAL:
		return get_bytes(s, plan, ret);
	case JSON_ARRAY:
		return get_array(s, plan, ret);
	case JSON_OBJECT:
		return get_object(s, plan, ret);
	case JSON_PAIRS:
		return get_pairs(s, plan, ret);
	case JSON_STRUCT:
		return get_struct(s, plan, ret);
	}
	__builtin_unreachable();
}

int
json_decode(const struct json_plan *plan, struct leat_str text,
    struct leat_arena *arena, struct leat_value *ret_value,
    struct leat_err *err)
{
	struct leat_value v;
	struct json_scan s;

	json_scan_init(&s, text, arena, err);
	if (get_value(&s, plan, &v) < 0 || json_scan_end(&s) < 0)
		return err != NULL ? err->code : LEAT_E_DATA;
	*ret_value = v;
	return 0;
}
