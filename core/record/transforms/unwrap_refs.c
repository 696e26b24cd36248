/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwrap_refs.c: see unwrap_refs.h.
 */
#include "core/record/transforms/unwrap_refs.h"

#include <string.h>

#include "core/record/transforms/envelope.h"

static bool
is_one_of(struct leat_str s, const char *const *names)
{
	for (; *names != NULL; names++)
		if (leat_str_eq_c(s, *names))
			return true;
	return false;
}

/* Where a name without a dot is looked for. */
static const char *
home_of(struct leat_str field)
{
	static const char *const envelope[] = { "op", "ts_ms", "ts_us",
		"ts_ns", NULL };
	static const char *const transaction[] = { "id", "total_order",
		"data_collection_order", NULL };

	if (is_one_of(field, envelope))
		return NULL;
	return is_one_of(field, transaction) ? "transaction" : "source";
}

static int
parse_ref(struct transform *t, const char *key, const char *text,
    const char *prefix, struct unwrap_ref *ret, struct leat_err *err)
{
	struct leat_str name = leat_str_c(text), whole, in, field;
	const char *dot;

	whole = leat_str_trim(leat_str_cut(&name, ':'));
	name = leat_str_trim(name);
	dot = memchr(whole.ptr, '.', whole.len);
	field = whole;
	in = dot == NULL ? (struct leat_str){ NULL, 0 }
			 : leat_str_cut(&field, '.');
	if (field.len == 0 || (dot != NULL && in.len == 0) ||
	    memchr(field.ptr, '.', field.len) != NULL ||
	    memchr(name.ptr, ':', name.len) != NULL)
		return config_error(err, "%s: Unexpected field name: %s "
		    "(expected field, struct.field or either with :newname)",
		    key, text);
	ret->in = dot == NULL ? home_of(field)
	    : leat_arena_strndup(&t->arena, in.ptr, in.len);
	ret->field = leat_arena_strndup(&t->arena, field.ptr, field.len);
	if (name.len > 0)
		ret->name = leat_arena_printf(&t->arena, "%s%.*s", prefix,
		    (int)name.len, name.ptr);
	else if (dot != NULL)
		ret->name = leat_arena_printf(&t->arena, "%s%s_%s", prefix,
		    ret->in, ret->field);
	else
		ret->name = leat_arena_printf(&t->arena, "%s%s", prefix,
		    ret->field);
	if (ret->field == NULL || ret->name == NULL ||
	    (dot != NULL && ret->in == NULL))
		return record_no_memory(&t->arena, err);
	return 0;
}

int
unwrap_refs_parse(struct transform *t, const char *key,
    const struct leat_list *list, const char *prefix,
    struct unwrap_refs *ret, struct leat_err *err)
{
	uint32_t i;

	ret->v = leat_arena_calloc(&t->arena, list->len, sizeof(*ret->v));
	if (ret->v == NULL)
		return record_no_memory(&t->arena, err);
	for (i = 0; i < list->len; i++)
		if (parse_ref(t, key, list->items[i], prefix, &ret->v[i],
			err) < 0)
			return LEAT_E_CONFIG;
	ret->n = list->len;
	return 0;
}

/* The struct's field, or else the envelope's own of that name. */
static struct unwrap_place
find_place(const struct unwrap_ref *ref, const struct leat_schema *envelope)
{
	struct unwrap_place place = { -1, -1 };
	const struct leat_schema *in = NULL;

	if (ref->in != NULL) {
		place.in = leat_schema_field(envelope, ref->in);
		if (place.in >= 0)
			in = envelope->fields[place.in].schema;
		if (in != NULL && in->kind == LEAT_STRUCT)
			place.field = leat_schema_field(in, ref->field);
		if (place.field >= 0)
			return place;
	}
	return (struct unwrap_place){ -1,
		leat_schema_field(envelope, ref->field) };
}

int
unwrap_ref_find(struct transform *t, const struct unwrap_ref *ref,
    const struct leat_schema *envelope, struct unwrap_place *ret_place,
    const struct leat_schema **ret_schema, struct leat_err *err)
{
	const struct unwrap_place place = find_place(ref, envelope);
	const struct leat_schema *in = place.in < 0 ? envelope
	    : envelope->fields[place.in].schema,
				 *s = NULL;

	if (place.field >= 0) {
		s = schema_with(t, in->fields[place.field].schema, true, err);
		if (s == NULL)
			return -1;
	}
	*ret_place = place;
	*ret_schema = s;
	return 0;
}

struct leat_value
unwrap_ref_value(const struct leat_value *envelope, struct unwrap_place place)
{
	struct leat_value in = *envelope;

	if (place.in >= 0)
		in = envelope_field(envelope, place.in);
	return envelope_field(&in, place.field);
}

bool
unwrap_ref_map_value(const struct leat_value *envelope,
    const struct unwrap_ref *ref, struct leat_value *ret)
{
	const struct leat_value *in = envelope, *v = NULL;

	if (ref->in != NULL)
		in = leat_map_value(envelope, ref->in);
	if (in != NULL && in->kind == LEAT_MAP)
		v = leat_map_value(in, ref->field);
	if (v == NULL && in != envelope)
		v = leat_map_value(envelope, ref->field);
	if (v == NULL && (in == NULL || in->kind != LEAT_NULL))
		return false;
	*ret = v == NULL ? leat_null() : *v;
	return true;
}
