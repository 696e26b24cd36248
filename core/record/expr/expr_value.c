/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_value.c: looking into values, comparing them, their text.
 */
#include "core/record/expr/expr_value.h"

#include <leat/json.h>

#include "core/record/decimal.h"
#include "core/record/expr/expr_number.h"
#include "core/record/memory.h"
#include "core/record/value_text.h"

enum { MAP_LOOK_UP_MAX = 1000 };	/* pairs */

static struct expr_value
of_bytes(const struct leat_schema *s, const struct leat_value *v)
{
	struct expr_value to = { .kind = X_BYTES, .len = v->len,
		.u.b = v->u.b };

	/* A Decimal that is none by its scale or length stays bytes. */
	if (schema_is(s, LOGICAL_DECIMAL) && v->len > 0 &&
	    v->len <= DECIMAL_BYTES_MAX &&
	    schema_decimal_scale(s, &to.scale) == 0)
		to.kind = X_DECIMAL;
	return to;
}

struct expr_value
expr_of_data(const struct leat_schema *s, const struct leat_value *v)
{
	switch (v->kind) {
	case LEAT_BOOLEAN:
		return expr_bool(v->u.i != 0);
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		return expr_int(v->u.i);
	case LEAT_FLOAT32:
		return (struct expr_value){ .kind = X_DOUBLE, .scale = 1,
		    .u.f = v->u.f };
	case LEAT_FLOAT64:
		return expr_double(v->u.f);
	case LEAT_STRING:
		return expr_string(v->len > 0 ? v->u.s : "", v->len);
	case LEAT_BYTES:
		return of_bytes(s, v);
	case LEAT_ARRAY:
	case LEAT_MAP:
	case LEAT_STRUCT:
		return (struct expr_value){ .kind = X_DATA, .len = v->len,
		    .schema = s, .u.data = v };
	default:
		return expr_null();
	}
}

const char *
expr_kind_words(const struct expr_value *v)
{
	static const char *const words[X_KIND_N] = { "null", "a boolean",
		"an integer", "a double", "a decimal", "a string", "bytes",
		"a list", "a map", "", "a schema", "a field", ("a list of "
							       "fields"),
		"a map of parameters", "the headers", "a header" };

	if (v->kind != X_DATA)
		return words[v->kind];
	return v->u.data->kind == LEAT_STRUCT ? "a struct"
	    : v->u.data->kind == LEAT_MAP ? "a map" : "a list";
}

bool
expr_truth(const struct expr_value *v)
{
	if (expr_is_number(v))
		return !expr_number_is_zero(v);
	if (v->kind == X_BOOL)
		return v->u.i != 0;
	if (v->kind == X_STRING || v->kind == X_BYTES || expr_is_list(v))
		return expr_is_list(v) ? expr_list_len(v) > 0 : v->len > 0;
	if (expr_is_map(v))
		return expr_map_len(v) > 0;
	return v->kind != X_NULL;
}

/* ----------------------------------------------------------- lists and maps */

bool
expr_is_list(const struct expr_value *v)
{
	return v->kind == X_LIST || v->kind == X_FIELDS ||
	    (v->kind == X_DATA && v->u.data->kind == LEAT_ARRAY);
}

uint32_t
expr_list_len(const struct expr_value *list)
{
	return list->kind == X_FIELDS ? list->schema->nfields : list->len;
}

struct expr_value
expr_list_at(const struct expr_value *list, uint32_t i)
{
	if (list->kind == X_LIST)
		return list->u.items[i];
	if (list->kind == X_FIELDS)
		return (struct expr_value){ .kind = X_FIELD,
		    .scale = (int32_t)i,
		    .u.field = &list->schema->fields[i] };
	return expr_of_data(list->schema == NULL ? NULL : list->schema->elem,
	    &list->u.data->u.items[i]);
}

bool
expr_is_map(const struct expr_value *v)
{
	return v->kind == X_MAP || v->kind == X_PARAMS ||
	    v->kind == X_HEADERS ||
	    (v->kind == X_DATA && v->u.data->kind == LEAT_MAP);
}

uint32_t
expr_map_len(const struct expr_value *map)
{
	if (map->kind == X_PARAMS)
		return map->schema->nparams;
	return map->kind == X_HEADERS ? map->u.rec->nheaders : map->len;
}

/* The pair at a position. */
static void
pair_at(const struct expr_value *map, uint32_t i, struct expr_value *ret_key,
    struct expr_value *ret_value)
{
	const struct leat_schema *s = map->schema;
	const struct leat_value *kv;

	if (map->kind == X_MAP) {
		*ret_key = map->u.items[2 * (size_t)i];
		*ret_value = map->u.items[2 * (size_t)i + 1];
		return;
	}
	kv = map->u.data->u.items + 2 * (size_t)i;
	*ret_key = expr_of_data(s == NULL ? NULL : s->key, kv);
	*ret_value = expr_of_data(s == NULL ? NULL : s->elem, kv + 1);
}

static struct expr_value
param_of(const struct leat_schema *s, const struct expr_value *key,
    bool *ret_found)
{
	uint32_t i;

	for (i = 0; key->kind == X_STRING && i < s->nparams; i++)
		if (leat_str_eq_c(expr_str(key), s->params[i].key)) {
			*ret_found = true;
			return expr_cstring(s->params[i].value);
		}
	return expr_null();
}

/* The last of that name, as a Java map of headers has it. */
static struct expr_value
header_of(const struct leat_record *rec, const struct expr_value *key,
    bool *ret_found)
{
	uint32_t i;

	for (i = rec->nheaders; key->kind == X_STRING && i-- > 0;)
		if (leat_str_eq_c(expr_str(key), rec->headers[i].name)) {
			*ret_found = true;
			return (struct expr_value){ .kind = X_HEADER,
			    .u.header = &rec->headers[i] };
		}
	return expr_null();
}

struct expr_value
expr_map_get(const struct expr_value *map, const struct expr_value *key,
    bool *ret_found)
{
	struct expr_value k, v;
	uint32_t i;

	*ret_found = false;
	if (map->kind == X_PARAMS)
		return param_of(map->schema, key, ret_found);
	if (map->kind == X_HEADERS)
		return header_of(map->u.rec, key, ret_found);
	for (i = 0; i < map->len; i++) {
		pair_at(map, i, &k, &v);
		if (!expr_equal(&k, key))
			continue;
		*ret_found = true;
		return v;
	}
	return expr_null();
}

/* --------------------------------------------------------------- comparison */

static bool
lists_equal(const struct expr_value *a, const struct expr_value *b)
{
	struct expr_value x, y;
	uint32_t i;

	if (expr_list_len(a) != expr_list_len(b))
		return false;
	for (i = 0; i < expr_list_len(a); i++) {
		x = expr_list_at(a, i);
		y = expr_list_at(b, i);
		if (!expr_equal(&x, &y))
			return false;
	}
	return true;
}

/*
 * Every pair is where it is in the other map, or looked up there; in large maps
 * that would cost too much, so that their order counts.
 */
static bool
maps_equal(const struct expr_value *a, const struct expr_value *b)
{
	struct expr_value k, v, other_key, other;
	bool found;
	uint32_t i;

	if (a->len != b->len)
		return false;
	for (i = 0; i < a->len; i++) {
		pair_at(a, i, &k, &v);
		pair_at(b, i, &other_key, &other);
		found = expr_equal(&k, &other_key);
		if (!found && a->len <= MAP_LOOK_UP_MAX)
			other = expr_map_get(b, &k, &found);
		if (!found || !expr_equal(&v, &other))
			return false;
	}
	return true;
}

static bool
structs_equal(const struct expr_value *a, const struct expr_value *b)
{
	const struct leat_schema *s = a->schema;
	struct expr_value x, y;
	uint32_t i;

	if (a->u.data == b->u.data)
		return true;
	if (a->len != b->len || (s != b->schema &&
	    !leat_schema_equal(s, b->schema)))
		return false;
	for (i = 0; s != NULL && i < a->len; i++) {
		x = expr_of_data(s->fields[i].schema, &a->u.data->u.items[i]);
		y = expr_of_data(s->fields[i].schema, &b->u.data->u.items[i]);
		if (!expr_equal(&x, &y))
			return false;
	}
	return true;
}

static bool
is_struct(const struct expr_value *v)
{
	return v->kind == X_DATA && v->u.data->kind == LEAT_STRUCT;
}

/* A map whose members can be listed. */
static bool
is_plain_map(const struct expr_value *v)
{
	return v->kind == X_MAP || (v->kind == X_DATA &&
	    v->u.data->kind == LEAT_MAP);
}

/* Schemas and what belongs to them: the same one, or one like it. */
static bool
others_equal(const struct expr_value *a, const struct expr_value *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == X_SCHEMA || a->kind == X_PARAMS)
		return leat_schema_equal(a->schema, b->schema);
	return a->u.data == b->u.data;
}

bool
expr_equal(const struct expr_value *a, const struct expr_value *b)
{
	int order;

	if (a->kind == X_NULL || b->kind == X_NULL)
		return a->kind == b->kind;
	if (expr_is_number(a) && expr_is_number(b))
		return expr_number_order(a, b) == 0;
	if (expr_is_list(a) && expr_is_list(b))
		return lists_equal(a, b);
	if (is_plain_map(a) && is_plain_map(b))
		return maps_equal(a, b);
	if (is_struct(a) && is_struct(b))
		return structs_equal(a, b);
	if (a->kind == X_BYTES && b->kind == X_BYTES)
		return a->len == b->len &&
		    (a->len == 0 || memcmp(a->u.b, b->u.b, a->len) == 0);
	if (a->kind == b->kind && expr_order(a, b, &order))
		return order == 0;
	return others_equal(a, b);
}

bool
expr_order(const struct expr_value *a, const struct expr_value *b,
    int *ret_order)
{
	const uint32_t common = a->len < b->len ? a->len : b->len;
	int c;

	if (a->kind == X_NULL || b->kind == X_NULL) {
		*ret_order = (a->kind != X_NULL) - (b->kind != X_NULL);
		return true;
	}
	if (expr_is_number(a) && expr_is_number(b)) {
		*ret_order = expr_number_order(a, b);
		return true;
	}
	if (a->kind != b->kind)
		return false;
	if (a->kind == X_BOOL) {
		*ret_order = (int)(a->u.i - b->u.i);
		return true;
	}
	if (a->kind != X_STRING)
		return false;
	c = common == 0 ? 0 : memcmp(a->u.s, b->u.s, common);
	*ret_order = c != 0 ? c : a->len < b->len ? -1
						  : a->len > b->len;
	return true;
}

/* --------------------------------------------------------------------- text */

static void
add_double(const struct expr_value *v, struct leat_buf *to)
{
	const size_t at = to->len;

	if (v->scale != 0)
		leat_json_add_f32(to, (float)v->u.f);
	else
		leat_json_add_f64(to, v->u.f);
	/* NaN and the infinities come in quotes. */
	if (!to->failed && to->data[at] == '"') {
		to->len -= 2;
		memmove(to->data + at, to->data + at + 1, to->len - at);
	}
}

static int
add_members(const struct expr_value *v, struct leat_buf *to,
    struct leat_err *err)
{
	const bool map = v->kind == X_MAP;
	const uint32_t n = map ? v->len * 2 : v->len;
	uint32_t i;

	leat_buf_add_byte(to, '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			leat_buf_add_str(to, map && i % 2 == 1 ? ":" : ", ");
		if (expr_add_text(&v->u.items[i], to, err) < 0)
			return -1;
	}
	leat_buf_add_byte(to, ']');
	return 0;
}

static int
add_decimal(const struct expr_value *v, struct leat_buf *to,
    struct leat_err *err)
{
	uint8_t *at = leat_buf_reserve(to, decimal_text_max(v->len));
	int64_t len;

	if (at == NULL)
		return 0;
	len = decimal_to_text((char *)at, v->u.b, v->len, v->scale);
	if (len < 0)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "a decimal without digits");
	to->len += (size_t)len;
	return 0;
}

int
expr_add_text(const struct expr_value *v, struct leat_buf *to,
    struct leat_err *err)
{
	int rc = 0;

	if (v->kind == X_NULL)
		leat_buf_add_str(to, "null");
	else if (v->kind == X_BOOL)
		leat_buf_add_str(to, v->u.i != 0 ? "true" : "false");
	else if (v->kind == X_INT)
		leat_buf_add_i64(to, v->u.i);
	else if (v->kind == X_DOUBLE)
		add_double(v, to);
	else if (v->kind == X_DECIMAL)
		rc = add_decimal(v, to, err);
	else if (v->kind == X_STRING)
		leat_buf_add(to, v->u.s, v->len);
	else if (v->kind == X_LIST || v->kind == X_MAP)
		rc = add_members(v, to, err);
	else if (v->kind == X_DATA)
		rc = value_text_java(v->schema, v->u.data, to, err);
	else
		rc = leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "%s has no text", expr_kind_words(v));
	if (rc == 0 && to->failed)
		rc = record_buf_failed(to, "a string", err);
	return rc;
}
