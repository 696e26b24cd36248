/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_parse.c: header text to typed values, Kafka Connect's Values.parse.
 *
 * Where that parser loses text ("1,2,3" becomes 1) this one gives the string.
 */
#include <errno.h>
#include <string.h>

#include <leat/time.h>

#include "core/record/decimal.h"
#include "core/record/memory.h"
#include "core/record/value_text.h"

enum { MAX_DEPTH = 32 };

/* A typed value that was read. */
struct typed {
	const struct leat_schema *schema;
	struct leat_value value;
};

struct parser {
	const struct value_types *types;
	struct leat_arena *arena;
	struct leat_err *err;
	const char *p;
	const char *end;
};

/* What parsing a part comes to, besides a failure (negative). */
enum { PLAIN_TEXT = 0, TYPED = 1 };

int
value_types_init(struct value_types *t, struct leat_schema_pool *pool,
    struct leat_err *err)
{
	const struct {
		const struct leat_schema **to;
		struct leat_schema s;
	} logical[] = {
		{ &t->date, { .kind = LEAT_INT32, .version = 1,
		    .name = LOGICAL_DATE } },
		{ &t->time, { .kind = LEAT_INT32, .version = 1,
		    .name = LOGICAL_TIME } },
		{ &t->timestamp, { .kind = LEAT_INT64, .version = 1,
		    .name = LOGICAL_TIMESTAMP } },
	};
	int kind;
	size_t i;

	memset(t, 0, sizeof(*t));
	t->pool = pool;
	for (kind = LEAT_BOOLEAN; kind <= LEAT_BYTES; kind++) {
		t->plain[kind] = leat_schema_pool_intern(pool,
		    leat_schema_plain(kind, 0), err);
		if (t->plain[kind] == NULL)
			return -1;
	}
	for (i = 0; i < sizeof(logical) / sizeof(logical[0]); i++) {
		*logical[i].to = leat_schema_pool_intern(pool, &logical[i].s,
		    err);
		if (*logical[i].to == NULL)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ numbers */

static void
set_int(const struct value_types *t, int64_t v, struct typed *ret)
{
	uint8_t kind = LEAT_INT64;

	if (v >= INT8_MIN && v <= INT8_MAX)
		kind = LEAT_INT8;
	else if (v >= INT16_MIN && v <= INT16_MAX)
		kind = LEAT_INT16;
	else if (v >= INT32_MIN && v <= INT32_MAX)
		kind = LEAT_INT32;
	ret->schema = t->plain[kind];
	ret->value = (struct leat_value){ .kind = kind, .u.i = v };
}

static void
set_float(const struct value_types *t, uint8_t kind, double v,
    struct typed *ret)
{
	ret->schema = t->plain[kind];
	ret->value = (struct leat_value){ .kind = kind, .u.f = v };
}

static int
parse_decimal(struct parser *ps, struct leat_str text, struct typed *ret)
{
	uint8_t bytes[DECIMAL_BYTES_MAX], *copy;
	struct leat_buf scale_text;
	struct leat_param param = { "scale", NULL };
	struct leat_schema s = { .kind = LEAT_BYTES, .version = 1,
		.name = LOGICAL_DECIMAL, .params = &param, .nparams = 1 };
	int32_t scale;
	size_t len;

	if (decimal_text_scale(text, &scale) < 0 ||
	    decimal_from_text(text, scale, bytes, &len) < 0)
		return PLAIN_TEXT;
	leat_buf_init(&scale_text, 64);
	leat_buf_add_i64(&scale_text, scale);
	param.value = leat_buf_cstr(&scale_text);
	ret->schema = param.value == NULL ? NULL
	    : leat_schema_pool_intern(ps->types->pool, &s, ps->err);
	leat_buf_fini(&scale_text);
	copy = leat_arena_memdup(ps->arena, bytes, len);
	if (ret->schema == NULL || copy == NULL)
		return record_no_memory(ps->arena, ps->err);
	ret->value = leat_bytes(copy, len);
	return TYPED;
}

static int
parse_number(struct parser *ps, struct leat_str text, struct typed *ret)
{
	uint8_t bytes[DECIMAL_BYTES_MAX];
	size_t len = 0, i;
	uint64_t v;
	double f;
	int rc;

	if (strchr("+-0123456789", text.ptr[0]) == NULL)
		return PLAIN_TEXT;
	rc = decimal_from_text(text, 0, bytes, &len);
	if (rc == DECIMAL_BAD)
		return PLAIN_TEXT;
	if (rc == DECIMAL_OK && len <= 8) {
		v = (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
		for (i = 0; i < len; i++)
			v = v << 8 | bytes[i];
		set_int(ps->types, (int64_t)v, ret);
		return TYPED;
	}
	if (text.ptr[0] == '+') {
		text.ptr++;
		text.len--;
	}
	if (leat_parse_f64(text, &f) == 0) {
		if (__builtin_isfinite((float)f)) {
			set_float(ps->types, LEAT_FLOAT32, (double)(float)f,
			    ret);
			return TYPED;
		}
		if (__builtin_isfinite(f)) {
			set_float(ps->types, LEAT_FLOAT64, f, ret);
			return TYPED;
		}
	}
	return parse_decimal(ps, text, ret);
}

/* ---------------------------------------------------------- dates and times */

/* Does the text have this shape? 0 in the shape is any digit. */
static bool
has_shape(struct leat_str text, const char *shape)
{
	size_t i;

	if (text.len != strlen(shape))
		return false;
	for (i = 0; i < text.len; i++)
		if (shape[i] == '0' ? text.ptr[i] < '0' || text.ptr[i] > '9'
		    : text.ptr[i] != shape[i])
			return false;
	return true;
}

static bool
parse_time(const struct value_types *t, struct leat_str text,
    struct typed *ret)
{
	char full[40];
	int64_t us;

	if (has_shape(text, "0000-00-00")) {
		memcpy(full, text.ptr, 10);
		memcpy(full + 10, "T00:00:00Z", 10);
		if (leat_time_parse_us((struct leat_str){ full, 20 }, &us) < 0)
			return false;
		ret->schema = t->date;
		ret->value = leat_i32((int32_t)(us / 86400000000));
		if (us % 86400000000 < 0)
			ret->value.u.i--;
		return true;
	}
	if (has_shape(text, "00:00:00.000Z")) {
		memcpy(full, "1970-01-01T", 11);
		memcpy(full + 11, text.ptr, 13);
		if (leat_time_parse_us((struct leat_str){ full, 24 }, &us) < 0)
			return false;
		ret->schema = t->time;
		ret->value = leat_i32((int32_t)(us / 1000));
		return true;
	}
	if (has_shape(text, "0000-00-00T00:00:00.000Z") &&
	    leat_time_parse_us(text, &us) == 0) {
		ret->schema = t->timestamp;
		ret->value = leat_i64(us / 1000);
		return true;
	}
	return false;
}

/* --------------------------------------------------------------- containers */

static void
space(struct parser *ps)
{
	while (ps->p < ps->end && strchr(" \t\r\n", *ps->p) != NULL &&
	    *ps->p != '\0')
		ps->p++;
}

static bool
take(struct parser *ps, char c)
{
	space(ps);
	if (ps->p == ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

static int parse_part(struct parser *ps, int depth, struct typed *ret);

static int
parse_quoted(struct parser *ps, struct typed *ret)
{
	const char *begin = ++ps->p;
	char *text, *to;

	while (ps->p < ps->end && *ps->p != '"')
		ps->p += *ps->p == '\\' && ps->p + 1 < ps->end ? 2 : 1;
	if (ps->p == ps->end)
		return PLAIN_TEXT;
	text = to = leat_arena_alloc(ps->arena, (size_t)(ps->p - begin));
	if (text == NULL)
		return record_no_memory(ps->arena, ps->err);
	for (; begin < ps->p; begin++) {
		if (*begin == '\\')
			begin++;
		*to++ = *begin;
	}
	ps->p++;
	ret->schema = ps->types->plain[LEAT_STRING];
	ret->value = leat_string(text, (size_t)(to - text));
	parse_time(ps->types,
	    (struct leat_str){ text, (size_t)(to - text) }, ret);
	return TYPED;
}

/* The schema that holds both, or NULL. */
static const struct leat_schema *
common(const struct value_types *t, const struct leat_schema *a,
    const struct leat_schema *b)
{
	if (a == b)
		return a;
	if (a == NULL || b == NULL || a->name != NULL || b->name != NULL ||
	    a->kind < LEAT_INT8 || a->kind > LEAT_FLOAT64 ||
	    b->kind < LEAT_INT8 || b->kind > LEAT_FLOAT64)
		return NULL;
	return t->plain[a->kind > b->kind ? a->kind : b->kind];
}

/* Makes every `step`-th value from `first` on one of this schema. */
static void
widen(struct leat_value *v, uint32_t first, uint32_t n, uint32_t step,
    const struct leat_schema *s)
{
	uint32_t i;

	if (s->kind < LEAT_INT8 || s->kind > LEAT_FLOAT64 || s->name != NULL)
		return;
	for (i = first; i < n; i += step) {
		if (s->kind >= LEAT_FLOAT32 && v[i].kind <= LEAT_INT64)
			v[i].u.f = (double)v[i].u.i;
		v[i].kind = s->kind;
	}
}

struct parts {
	struct typed *v;
	uint32_t n;
	uint32_t cap;
};

static int
add_part(struct parser *ps, struct parts *parts, int depth)
{
	struct typed *more;
	int rc;

	if (parts->n == parts->cap) {
		parts->cap = parts->cap == 0 ? 8 : parts->cap * 2;
		more = leat_arena_alloc(ps->arena,
		    parts->cap * sizeof(*more));
		if (more == NULL)
			return record_no_memory(ps->arena, ps->err);
		if (parts->n > 0)
			memcpy(more, parts->v, parts->n * sizeof(*more));
		parts->v = more;
	}
	rc = parse_part(ps, depth + 1, &parts->v[parts->n]);
	parts->n += rc == TYPED;
	return rc;
}

/* The items and, of every `step`-th from `first`, the common schema. */
static const struct leat_schema *
unify(struct parser *ps, struct leat_value *items, const struct parts *parts,
    uint32_t first, uint32_t step)
{
	const struct leat_schema *s = NULL;
	uint32_t i;

	for (i = first; i < parts->n; i += step) {
		items[i] = parts->v[i].value;
		s = i == first ? parts->v[i].schema
		    : common(ps->types, s, parts->v[i].schema);
		if (s == NULL)
			break;
	}
	for (; i < parts->n; i += step)
		items[i] = parts->v[i].value;
	if (s != NULL)
		widen(items, first, parts->n, step, s);
	return s;
}

static int
finish(struct parser *ps, const struct parts *parts, uint8_t kind,
    struct typed *ret)
{
	const uint32_t step = kind == LEAT_MAP ? 2 : 1;
	struct leat_schema s = { .kind = kind };
	struct leat_value *items;

	items = leat_arena_calloc(ps->arena, parts->n, sizeof(*items));
	if (items == NULL)
		return record_no_memory(ps->arena, ps->err);
	if (kind == LEAT_MAP)
		s.key = unify(ps, items, parts, 0, 2);
	s.elem = unify(ps, items, parts, step - 1, step);
	ret->value = leat_items(kind, items, parts->n / step);
	ret->schema = NULL;
	if (s.elem == NULL || (kind == LEAT_MAP && s.key == NULL))
		return TYPED;
	ret->schema = leat_schema_pool_intern(ps->types->pool, &s, ps->err);
	return ret->schema == NULL ? -1 : TYPED;
}

static int
parse_list(struct parser *ps, int depth, struct typed *ret)
{
	struct parts parts = { 0 };
	int rc;

	ps->p++;
	while (!take(ps, ']')) {
		rc = add_part(ps, &parts, depth);
		if (rc != TYPED)
			return rc;
		if (!take(ps, ',')) {
			if (!take(ps, ']'))
				return PLAIN_TEXT;
			break;
		}
	}
	return finish(ps, &parts, LEAT_ARRAY, ret);
}

static int
parse_map(struct parser *ps, int depth, struct typed *ret)
{
	struct parts parts = { 0 };
	int rc;

	ps->p++;
	while (!take(ps, '}')) {
		rc = add_part(ps, &parts, depth);
		if (rc == TYPED)
			rc = take(ps, ':') ? add_part(ps, &parts, depth)
			    : PLAIN_TEXT;
		if (rc != TYPED)
			return rc;
		if (!take(ps, ',')) {
			if (!take(ps, '}'))
				return PLAIN_TEXT;
			break;
		}
	}
	return finish(ps, &parts, LEAT_MAP, ret);
}

/* ------------------------------------------------------------------- a part */

/* null, true, false, a number, a date: the whole of the text. */
static int
parse_word(struct parser *ps, struct leat_str text, struct typed *ret)
{
	if (leat_str_eq_c(text, "null")) {
		*ret = (struct typed){ NULL, leat_null() };
		return TYPED;
	}
	if (leat_str_eq_c(text, "true") || leat_str_eq_c(text, "false")) {
		ret->schema = ps->types->plain[LEAT_BOOLEAN];
		ret->value = leat_bool(text.len == 4);
		return TYPED;
	}
	if (parse_time(ps->types, text, ret))
		return TYPED;
	return parse_number(ps, text, ret);
}

/* An element of a container. */
static int
parse_part(struct parser *ps, int depth, struct typed *ret)
{
	struct leat_str word;
	const char *begin;

	space(ps);
	if (ps->p == ps->end || depth > MAX_DEPTH)
		return PLAIN_TEXT;
	if (*ps->p == '"')
		return parse_quoted(ps, ret);
	if (*ps->p == '[')
		return parse_list(ps, depth, ret);
	if (*ps->p == '{')
		return parse_map(ps, depth, ret);
	begin = ps->p;
	while (ps->p < ps->end && memchr(",:]}", *ps->p, 4) == NULL)
		ps->p++;
	word = leat_str_trim((struct leat_str){ begin,
	    (size_t)(ps->p - begin) });
	return word.len == 0 ? PLAIN_TEXT : parse_word(ps, word, ret);
}

int
value_text_parse(const struct value_types *t, struct leat_str text,
    struct leat_arena *arena, const struct leat_schema **ret_schema,
    struct leat_value *ret_value, struct leat_err *err)
{
	struct parser ps = { t, arena, err, text.ptr, text.ptr + text.len };
	struct leat_str word = leat_str_trim(text);
	struct typed v = { t->plain[LEAT_STRING], { 0 } };
	int rc = PLAIN_TEXT;

	if (word.len > 0 && (word.ptr[0] == '[' || word.ptr[0] == '{')) {
		rc = parse_part(&ps, 0, &v);
		space(&ps);
		if (rc == TYPED && ps.p != ps.end)
			rc = PLAIN_TEXT;
	} else if (word.len > 0) {
		rc = parse_word(&ps, word, &v);
	}
	if (rc < 0)
		return rc;
	if (rc == PLAIN_TEXT) {
		v.schema = t->plain[LEAT_STRING];
		v.value = leat_string(text.ptr, text.len);
	}
	*ret_schema = v.schema;
	*ret_value = v.value;
	return 0;
}
