/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_typed.c: values with a schema to JSON text.
 */
#include <leat/json.h>

static int add_typed(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int depth);

static int
add_name(struct leat_buf *b, const struct leat_field *f)
{
	if (f->json_key != NULL)
		return leat_buf_add(b, f->json_key, f->json_key_len);
	if (leat_json_add_string(b, f->name, strlen(f->name)) < 0)
		return -1;
	return leat_buf_add_byte(b, ':');
}

static int
add_struct(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int depth)
{
	uint32_t i;

	if (leat_buf_add_byte(b, '{') < 0)
		return -1;
	for (i = 0; i < v->len; i++) {
		const struct leat_field *f = &schema->fields[i];

		if (i > 0 && leat_buf_add_byte(b, ',') < 0)
			return -1;
		if (add_name(b, f) < 0 ||
		    add_typed(b, f->schema, &v->u.items[i], depth) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, '}');
}

static int
add_array(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int depth)
{
	uint32_t i;

	if (leat_buf_add_byte(b, '[') < 0)
		return -1;
	for (i = 0; i < v->len; i++) {
		if (i > 0 && leat_buf_add_byte(b, ',') < 0)
			return -1;
		if (add_typed(b, schema->elem, &v->u.items[i], depth) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, ']');
}

/* key:value of an object, or [key,value] of an array of pairs. */
static int
add_pair(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *kv, bool object, int depth)
{
	if (!object && leat_buf_add_byte(b, '[') < 0)
		return -1;
	if (add_typed(b, schema->key, kv, depth) < 0 ||
	    leat_buf_add_byte(b, object ? ':' : ',') < 0 ||
	    add_typed(b, schema->elem, kv + 1, depth) < 0)
		return -1;
	return object ? 0 : leat_buf_add_byte(b, ']');
}

static int
add_map(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int depth)
{
	bool object = schema->key->kind == LEAT_STRING;
	uint32_t i;

	for (i = 0; object && i < v->len; i++)
		object = v->u.items[(size_t)i * 2].kind == LEAT_STRING;
	if (leat_buf_add_byte(b, object ? '{' : '[') < 0)
		return -1;
	for (i = 0; i < v->len; i++) {
		if (i > 0 && leat_buf_add_byte(b, ',') < 0)
			return -1;
		if (add_pair(b, schema, &v->u.items[(size_t)i * 2], object,
		    depth) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, object ? '}' : ']');
}

static int
add_typed(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int depth)
{
	if (schema == NULL || v->kind != schema->kind || v->kind < LEAT_ARRAY ||
	    (v->kind == LEAT_STRUCT && v->len != schema->nfields))
		return leat_json_add_value(b, v);
	if (depth == LEAT_JSON_DEPTH) {
		b->failed = true;
		return -1;
	}
	if (v->kind == LEAT_STRUCT)
		return add_struct(b, schema, v, depth + 1);
	if (v->kind == LEAT_ARRAY)
		return add_array(b, schema, v, depth + 1);
	return add_map(b, schema, v, depth + 1);
}

int
leat_json_add_typed(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v)
{
	return add_typed(b, schema, v, 0);
}
