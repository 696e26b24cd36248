/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_methods.c: the methods of lists, maps, structs, schemas and numbers, and
 * the table of all.
 */
#include "core/record/expr/expr_methods.h"

#include "core/record/expr/expr_number.h"

int
expr_no_method(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *self)
{
	if (self->kind == X_NULL)
		return expr_fail(r, n, "%s() of null; '?.' gives null there",
		    n->u.method->name);
	return expr_fail(r, n, "%s has no %s()", expr_kind_words(self),
	    n->u.method->name);
}

static bool
is_struct(const struct expr_value *v)
{
	return v->kind == X_DATA && v->u.data->kind == LEAT_STRUCT;
}

/* -------------------------------------------------------------- every value */

METHOD(equals)
{
	*ret_value = expr_bool(expr_equal(self, &args[0]));
	return 0;
}

METHOD(compare_to)
{
	int order;

	if (self->kind == X_NULL || args[0].kind == X_NULL ||
	    !expr_order(self, &args[0], &order))
		return expr_fail(r, n, "%s and %s have no order",
		    expr_kind_words(self), expr_kind_words(&args[0]));
	*ret_value = expr_int((order > 0) - (order < 0));
	return 0;
}

METHOD(to_string)
{
	return expr_to_string(r, n, self, ret_value);
}

METHOD(accessor)
{
	struct expr_node property = { .op = N_PROPERTY, .at = n->at };

	if (is_struct(self) || expr_is_map(self)) {
		if (!is_struct(self) ||
		    strcmp(n->u.method->property, "schema") != 0)
			return expr_no_method(r, n, self);
		*ret_value = expr_schema(self->schema);
		return 0;
	}
	if (self->kind == X_NULL)
		return expr_no_method(r, n, self);
	return expr_property(r, &property, self, n->u.method->property,
	    ret_value);
}

/* --------------------------------------------------------- what has members */

METHOD(size)
{
	if (self->kind == X_STRING)
		return expr_string_length(self, ret_value);
	if (expr_is_list(self))
		*ret_value = expr_int(expr_list_len(self));
	else if (expr_is_map(self))
		*ret_value = expr_int(expr_map_len(self));
	else if (self->kind == X_BYTES)
		*ret_value = expr_int(self->len);
	else
		return expr_no_method(r, n, self);
	return 0;
}

METHOD(is_empty)
{
	struct expr_value len;

	if (call_size(r, n, self, args, &len) < 0)
		return -1;
	*ret_value = expr_bool(len.u.i == 0);
	return 0;
}

METHOD(contains)
{
	struct expr_value member;
	bool found = false;
	uint32_t i;

	if (self->kind == X_STRING)
		return expr_string_contains(r, n, self, args, ret_value);
	if (!expr_is_list(self))
		return expr_no_method(r, n, self);
	for (i = 0; !found && i < expr_list_len(self); i++) {
		member = expr_list_at(self, i);
		found = expr_equal(&member, &args[0]);
	}
	*ret_value = expr_bool(found);
	return 0;
}

METHOD(contains_key)
{
	bool found;

	if (!expr_is_map(self))
		return expr_no_method(r, n, self);
	expr_map_get(self, &args[0], &found);
	*ret_value = expr_bool(found);
	return 0;
}

METHOD(get)
{
	if (is_struct(self) || expr_is_map(self))
		return expr_member(r, n, self, &args[0], ret_value);
	if (!expr_is_list(self))
		return expr_no_method(r, n, self);
	if (args[0].kind != X_INT || args[0].u.i < 0 ||
	    args[0].u.i >= expr_list_len(self))
		return expr_fail(r, n, "the list has only %u members",
		    expr_list_len(self));
	*ret_value = expr_list_at(self, (uint32_t)args[0].u.i);
	return 0;
}

/* A null stays one where the schema has a default. */
METHOD(get_without_default)
{
	struct expr_value v;
	char text[256];
	int32_t i;

	if (!is_struct(self))
		return expr_no_method(r, n, self);
	/* Finds what is wrong with the name, if anything is. */
	if (expr_member(r, n, self, &args[0], &v) < 0)
		return -1;
	memcpy(text, args[0].u.s, args[0].len);
	text[args[0].len] = '\0';
	i = leat_schema_field(self->schema, text);
	*ret_value = expr_of_data(self->schema->fields[i].schema,
	    &self->u.data->u.items[i]);
	return 0;
}

/* A schema's field by its name, or null. */
METHOD(field)
{
	uint32_t i;

	if (self->kind != X_SCHEMA)
		return expr_no_method(r, n, self);
	if (self->schema->kind != LEAT_STRUCT || args[0].kind != X_STRING)
		return expr_fail(r, n, "only the schema of a struct has "
		    "fields, by their names");
	*ret_value = expr_null();
	for (i = 0; i < self->schema->nfields; i++)
		if (leat_str_eq_c(expr_str(&args[0]),
			self->schema->fields[i].name))
			*ret_value = (struct expr_value){ .kind = X_FIELD,
				.scale = (int32_t)i,
				.u.field = &self->schema->fields[i] };
	return 0;
}

/* ------------------------------------------------------------------ numbers */

/* Text becomes the number that it shows. */
static int
as_number(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *self, struct expr_value *ret_value)
{
	struct leat_str s;

	*ret_value = *self;
	if (expr_is_number(self))
		return 0;
	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	s = leat_str_trim(expr_str(self));
	if (s.len <= 400 && expr_number_parse(s, r->arena, ret_value))
		return 0;
	return expr_fail(r, n, "'%.*s' is not a number",
	    (int)(s.len < 40 ? s.len : 40), s.ptr);
}

METHOD(to_int)
{
	struct expr_value v;
	int64_t i;

	if (as_number(r, n, self, &v) < 0)
		return -1;
	if (self->kind == X_STRING && v.scale > 0)
		return expr_fail(r, n, "the text is not an integer");
	if (!expr_number_int(&v, &i))
		return expr_fail(r, n, "the number is beyond 64 bits");
	*ret_value = expr_int(i);
	return 0;
}

METHOD(to_double)
{
	struct expr_value v;

	if (as_number(r, n, self, &v) < 0)
		return -1;
	*ret_value = expr_double(expr_number_double(&v));
	return 0;
}

METHOD(to_decimal)
{
	struct expr_value text;

	if (self->kind == X_DECIMAL) {
		*ret_value = *self;
		return 0;
	}
	if (!expr_is_number(self))
		return as_number(r, n, self, ret_value);
	if (expr_to_string(r, n, self, &text) < 0)
		return -1;
	return as_number(r, n, &text, ret_value);
}

METHOD(absolute)
{
	const struct expr_value zero = expr_int(0);
	const char *wrong;

	if (!expr_is_number(self))
		return expr_no_method(r, n, self);
	*ret_value = *self;
	if (expr_number_order(self, &zero) >= 0)
		return 0;
	wrong = expr_number_negate(self, r->arena, ret_value);
	return wrong != NULL ? expr_fail(r, n, "%s", wrong) : 0;
}

METHOD(int_div)
{
	const int64_t a = self->u.i, b = args[0].u.i;

	if (self->kind != X_INT || args[0].kind != X_INT)
		return expr_fail(r, n, "intdiv() divides two integers, not "
		    "%s by %s", expr_kind_words(self),
		    expr_kind_words(&args[0]));
	if (b == 0)
		return expr_fail(r, n, "division by zero");
	if (a == INT64_MIN && b == -1)
		return expr_fail(r, n, "the result is too large");
	*ret_value = expr_int(a / b);
	return 0;
}

/* -------------------------------------------------------------------- table */

/* clang-format off */
#define GETTER(name) { name, 1, 1, false, call_get, NULL }
#define ACCESSOR(name, property) { name, 0, 0, false, call_accessor, property }

const struct expr_method expr_methods[] = {
	{ "equals", 1, 1, false, call_equals, NULL },
	{ "compareTo", 1, 1, false, call_compare_to, NULL },
	{ "toString", 0, 0, false, call_to_string, NULL },
	{ "size", 0, 0, false, call_size, NULL },
	{ "length", 0, 0, false, call_size, NULL },
	{ "isEmpty", 0, 0, false, call_is_empty, NULL },
	{ "contains", 1, 1, false, call_contains, NULL },
	{ "containsKey", 1, 1, false, call_contains_key, NULL },
	GETTER("get"), GETTER("getAt"), GETTER("getString"),
	GETTER("getBoolean"), GETTER("getInt8"), GETTER("getInt16"),
	GETTER("getInt32"), GETTER("getInt64"), GETTER("getFloat32"),
	GETTER("getFloat64"), GETTER("getBytes"), GETTER("getStruct"),
	GETTER("getArray"), GETTER("getMap"),
	{ "getWithoutDefault", 1, 1, false, call_get_without_default, NULL },
	{ "field", 1, 1, false, call_field, NULL },
	ACCESSOR("schema", "schema"), ACCESSOR("getSchema", "schema"),
	ACCESSOR("value", "value"), ACCESSOR("getValue", "value"),
	ACCESSOR("name", "name"), ACCESSOR("getName", "name"),
	ACCESSOR("version", "version"), ACCESSOR("type", "type"),
	ACCESSOR("getType", "type"), ACCESSOR("doc", "doc"),
	ACCESSOR("index", "index"), ACCESSOR("fields", "fields"),
	ACCESSOR("isOptional", "optional"),
	ACCESSOR("defaultValue", "defaultValue"),
	ACCESSOR("keySchema", "keySchema"),
	ACCESSOR("valueSchema", "valueSchema"),
	ACCESSOR("parameters", "parameters"),
	{ "toInteger", 0, 0, false, call_to_int, NULL },
	{ "toLong", 0, 0, false, call_to_int, NULL },
	{ "intValue", 0, 0, false, call_to_int, NULL },
	{ "longValue", 0, 0, false, call_to_int, NULL },
	{ "toDouble", 0, 0, false, call_to_double, NULL },
	{ "doubleValue", 0, 0, false, call_to_double, NULL },
	{ "toBigDecimal", 0, 0, false, call_to_decimal, NULL },
	{ "abs", 0, 0, false, call_absolute, NULL },
	{ "intdiv", 1, 1, false, call_int_div, NULL },
	{ "startsWith", 1, 1, false, expr_string_starts, NULL },
	{ "endsWith", 1, 1, false, expr_string_ends, NULL },
	{ "indexOf", 1, 1, false, expr_string_index, NULL },
	{ "toLowerCase", 0, 0, false, expr_string_lower, NULL },
	{ "toUpperCase", 0, 0, false, expr_string_upper, NULL },
	{ "trim", 0, 0, false, expr_string_trim, NULL },
	{ "isBlank", 0, 0, false, expr_string_blank, NULL },
	{ "equalsIgnoreCase", 1, 1, false, expr_string_equals_any_case, NULL },
	{ "substring", 1, 2, false, expr_string_substring, NULL },
	{ "replace", 2, 2, false, expr_string_replace, NULL },
	{ "matches", 1, 1, true, expr_string_matches, NULL },
	{ NULL, 0, 0, false, NULL, NULL }
};
/* clang-format on */
