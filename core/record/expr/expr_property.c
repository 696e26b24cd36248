/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_property.c: a.name: fields of structs, entries of maps, headers, and
 * what schemas say of themselves.
 */
#include <leat/str.h>

#include "core/record/expr/expr_node.h"

static int
no_property(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *of, const char *name)
{
	if (of->kind == X_NULL)
		return expr_fail(r, n, "'%.60s' of null; '?.' gives null "
		    "there", name);
	return expr_fail(r, n, "%s has no '%.60s'", expr_kind_words(of), name);
}

/* A field's value; a null is the schema's default, as Connect's Struct has. */
static struct expr_value
field_value(const struct expr_value *of, uint32_t i)
{
	const struct leat_schema *f = of->schema->fields[i].schema;
	const struct leat_value *v = &of->u.data->u.items[i];

	if (v->kind == LEAT_NULL && f->has_default)
		v = &f->def;
	return expr_of_data(f, v);
}

static int
no_field(struct expr_run *r, const struct expr_node *n,
    const struct leat_schema *s, const char *name)
{
	return expr_fail(r, n, "there is no field '%.60s' in %.100s", name,
	    s != NULL && s->name != NULL ? s->name : "the struct");
}

static bool
is_struct(const struct expr_value *v)
{
	return v->kind == X_DATA && v->u.data->kind == LEAT_STRUCT;
}

static int
struct_property(struct expr_run *r, struct expr_node *n,
    const struct expr_value *of, const char *name,
    struct expr_value *ret_value)
{
	if (of->schema == NULL || of->schema->nfields != of->len)
		return no_field(r, n, NULL, name);
	if (n->seen != of->schema) {
		n->seen_at = leat_schema_field(of->schema, name);
		n->seen = of->schema;
	}
	if (n->seen_at < 0)
		return no_field(r, n, of->schema, name);
	*ret_value = field_value(of, (uint32_t)n->seen_at);
	return 0;
}

/* ------------------------------------------------------------------ schemas */

static const char *const type_names[LEAT_KIND_N] = { NULL, "BOOLEAN", "INT8",
	"INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "STRING", "BYTES",
	"ARRAY", "MAP", "STRUCT" };

/* False if there is no such property. */
static bool
schema_property(const struct leat_schema *s, const char *name,
    struct expr_value *ret)
{
	if (strcmp(name, "name") == 0)
		*ret = expr_cstring(s->name);
	else if (strcmp(name, "version") == 0)
		*ret = s->version == 0 ? expr_null() : expr_int(s->version);
	else if (strcmp(name, "type") == 0)
		*ret = expr_cstring(type_names[s->kind]);
	else if (strcmp(name, "doc") == 0)
		*ret = expr_cstring(s->doc);
	else if (strcmp(name, "optional") == 0)
		*ret = expr_bool(s->optional != 0);
	else if (strcmp(name, "defaultValue") == 0)
		*ret = s->has_default ? expr_of_data(s, &s->def)
		    : expr_null();
	else if (strcmp(name, "keySchema") == 0)
		*ret = expr_schema(s->key);
	else if (strcmp(name, "valueSchema") == 0)
		*ret = expr_schema(s->elem);
	else if (strcmp(name, "parameters") == 0)
		*ret = s->nparams == 0 ? expr_null() : (struct expr_value){
			.kind = X_PARAMS, .schema = s };
	else if (strcmp(name, "fields") == 0 && s->kind == LEAT_STRUCT)
		*ret = (struct expr_value){ .kind = X_FIELDS, .schema = s };
	else
		return false;
	return true;
}

static bool
field_property(const struct expr_value *of, const char *name,
    struct expr_value *ret)
{
	if (strcmp(name, "name") == 0)
		*ret = expr_cstring(of->u.field->name);
	else if (strcmp(name, "schema") == 0)
		*ret = expr_schema(of->u.field->schema);
	else if (strcmp(name, "index") == 0)
		*ret = expr_int(of->scale);
	else
		return false;
	return true;
}

static bool
header_property(const struct expr_value *of, const char *name,
    struct expr_value *ret)
{
	if (strcmp(name, "value") == 0)
		*ret = expr_of_data(of->u.header->schema,
		    &of->u.header->value);
	else if (strcmp(name, "schema") == 0)
		*ret = expr_schema(of->u.header->schema);
	else
		return false;
	return true;
}

/* ------------------------------------------------------------------ all */

int
expr_property(struct expr_run *r, struct expr_node *n,
    const struct expr_value *of, const char *name,
    struct expr_value *ret_value)
{
	struct expr_value key;
	bool found = false;

	if (is_struct(of))
		return struct_property(r, n, of, name, ret_value);
	if (expr_is_map(of)) {
		key = expr_cstring(name);
		*ret_value = expr_map_get(of, &key, &found);
		return 0;
	}
	if (of->kind == X_SCHEMA)
		found = schema_property(of->schema, name, ret_value);
	else if (of->kind == X_FIELD)
		found = field_property(of, name, ret_value);
	else if (of->kind == X_HEADER)
		found = header_property(of, name, ret_value);
	else if (strcmp(name, "length") == 0 && of->kind == X_STRING) {
		return expr_string_length(of, ret_value);
	} else if (strcmp(name, "length") == 0 && expr_is_list(of)) {
		*ret_value = expr_int(expr_list_len(of));
		found = true;
	}
	return found ? 0 : no_property(r, n, of, name);
}

int
expr_member(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *of, const struct expr_value *name,
    struct expr_value *ret_value)
{
	char text[256];
	int32_t i;
	bool found;

	if (expr_is_map(of)) {
		*ret_value = expr_map_get(of, name, &found);
		return 0;
	}
	if (!is_struct(of) || of->schema == NULL || name->kind != X_STRING)
		return expr_fail(r, n, "%s has no members by %s",
		    expr_kind_words(of), expr_kind_words(name));
	if (name->len >= sizeof(text) || of->schema->nfields != of->len)
		return no_field(r, n, of->schema, "...");
	memcpy(text, name->u.s, name->len);
	text[name->len] = '\0';
	i = leat_schema_field(of->schema, text);
	if (i < 0)
		return no_field(r, n, of->schema, text);
	*ret_value = field_value(of, (uint32_t)i);
	return 0;
}
