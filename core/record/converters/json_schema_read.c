/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_schema_read.c: JSON text to a schema, with the complaints of Kafka
 * Connect's JsonConverter.
 *
 * The members of a schema come in any order, and its default can be read only
 * when the rest is known: so each object is first cut into the texts of its
 * members.
 */
#include <errno.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/converters/json_plan.h"
#include "core/record/converters/json_scan.h"
#include "core/record/memory.h"

enum {
	MAX_DEPTH = 64,
	MAX_FIELDS = 65536,
	MAX_PARAMS = 4096
};

#define MEMBERS(X)                                                       \
	X(TYPE, "type")                                                  \
	X(ITEMS, "items")                                                \
	X(KEYS, "keys")                                                  \
	X(VALUES, "values")                                              \
	X(FIELDS, "fields")                                              \
	X(OPTIONAL, "optional")                                          \
	X(NAME, "name")                                                  \
	X(VERSION, "version")                                            \
	X(DOC, "doc")                                                    \
	X(PARAMETERS, "parameters")                                      \
	X(DEFAULT, "default")                                            \
	X(FIELD, "field")

enum member {
#define ENUM(id, name) M_##id,
	MEMBERS(ENUM) M_COUNT
#undef ENUM
};

static const char *const member_names[M_COUNT] = {
#define NAME(id, name) name,
	MEMBERS(NAME)
#undef NAME
};

struct reader {
	struct json_plans *ps;
	struct leat_arena *arena;
	struct leat_err *err;
};

static int read_schema(struct reader *r, struct leat_str text, int depth,
    const struct leat_schema **ret_schema, const char **ret_field);

static int
bad(struct reader *r, const char *text)
{
	return leat_err_set(r->err, LEAT_CLS_RECORD, LEAT_E_DATA, "%s", text);
}

/* ---------------------------------------------------------------- members */

static bool
is_null(struct leat_str text)
{
	return text.ptr == NULL || text.ptr[0] == 'n';
}

/* The texts of an object's members; what is missing stays {NULL, 0}. */
static int
cut_members(struct reader *r, struct leat_str text,
    struct leat_str parts[M_COUNT])
{
	struct leat_str name = { 0 }, value;
	struct json_scan s;
	bool first = true;
	int rc, i;

	json_scan_init(&s, text, r->arena, r->err);
	if (json_scan_peek(&s) != '{')
		return bad(r, "Schema must contain 'type' field");
	s.p++;
	while ((rc = json_scan_member(&s, &first, &name)) > 0) {
		if (json_scan_skip(&s, &value) < 0)
			return -1;
		for (i = 0; i < M_COUNT; i++)
			if (leat_str_eq_c(name, member_names[i]))
				parts[i] = value;
	}
	return rc;
}

/* A string member as a C string; NULL if it is not a string. */
static int
get_text(struct reader *r, struct leat_str part, const char **ret_text)
{
	struct leat_str text = { 0 };
	struct json_scan s;
	char *copy;

	*ret_text = NULL;
	if (part.ptr == NULL || part.ptr[0] != '"')
		return 0;
	json_scan_init(&s, part, r->arena, r->err);
	if (json_scan_string(&s, &text) < 0)
		return -1;
	if (memchr(text.ptr, '\0', text.len) != NULL)
		return bad(r, "a name in the schema contains a NUL");
	copy = leat_arena_strndup(r->arena, text.ptr, text.len);
	if (copy == NULL)
		return record_no_memory(r->arena, r->err);
	*ret_text = copy;
	return 0;
}

static int
get_params(struct reader *r, struct leat_str part, struct leat_schema *to)
{
	struct leat_param *params;
	struct leat_str name = { 0 }, value;
	struct json_scan s;
	bool first = true;
	uint32_t n = 0;
	int rc;

	if (part.ptr == NULL || part.ptr[0] != '{')
		return 0;
	params = leat_arena_alloc(r->arena, (part.len / 5 + 1) *
	    sizeof(*params));
	if (params == NULL)
		return record_no_memory(r->arena, r->err);
	json_scan_init(&s, part, r->arena, r->err);
	s.p++;
	while ((rc = json_scan_member(&s, &first, &name)) > 0) {
		if (n == MAX_PARAMS)
			return bad(r, "too many schema parameters");
		if (*s.p != '"')
			return bad(r, "Schema parameters must have string "
			    "values.");
		params[n].key = leat_arena_strndup(r->arena, name.ptr,
		    name.len);
		if (params[n].key == NULL)
			return record_no_memory(r->arena, r->err);
		if (json_scan_skip(&s, &value) < 0 ||
		    get_text(r, value, &params[n].value) < 0)
			return -1;
		n++;
	}
	to->params = params;
	to->nparams = n;
	return rc;
}

/* ---------------------------------------------------------------- structure */

static int
get_part(struct reader *r, struct leat_str part, int depth,
    const char *complaint, const struct leat_schema **ret_schema)
{
	if (is_null(part))
		return bad(r, complaint);
	return read_schema(r, part, depth + 1, ret_schema, NULL);
}

static uint32_t
count_elems(struct leat_str part)
{
	uint32_t n = 1;
	size_t i;

	for (i = 0; i < part.len && n < MAX_FIELDS; i++)
		n += part.ptr[i] == '{';
	return n;
}

static int
check_names(struct reader *r, const struct leat_field *fields, uint32_t n)
{
	uint32_t size = 64, at, i, *slots;

	while (size < n * 2)
		size *= 2;
	slots = leat_arena_calloc(r->arena, size, sizeof(*slots));
	if (slots == NULL)
		return record_no_memory(r->arena, r->err);
	for (i = 0; i < n; i++) {
		at = (uint32_t)leat_hash(fields[i].name,
		    strlen(fields[i].name), 0) & (size - 1);
		for (; slots[at] != 0; at = (at + 1) & (size - 1))
			if (strcmp(fields[slots[at] - 1].name,
				fields[i].name) == 0)
				return bad(r, "Cannot create field because of "
				    "field name duplication");
		slots[at] = i + 1;
	}
	return 0;
}

static int
get_fields(struct reader *r, struct leat_str part, int depth,
    struct leat_schema *to)
{
	struct leat_field *fields;
	struct leat_str text;
	struct json_scan s;
	uint32_t n = 0, cap;
	bool first = true;
	int rc;

	if (part.ptr == NULL || part.ptr[0] != '[')
		return bad(r, "Struct schema's \"fields\" argument is not an "
		    "array.");
	cap = count_elems(part);
	fields = leat_arena_calloc(r->arena, cap, sizeof(*fields));
	if (fields == NULL)
		return record_no_memory(r->arena, r->err);
	json_scan_init(&s, part, r->arena, r->err);
	s.p++;
	while ((rc = json_scan_elem(&s, &first)) > 0) {
		if (n == cap || json_scan_peek(&s) != '{')
			return bad(r, "Struct schema's fields are not "
			    "schemas, or too many");
		if (json_scan_skip(&s, &text) < 0 ||
		    read_schema(r, text, depth + 1, &fields[n].schema,
			&fields[n].name) < 0)
			return -1;
		if (fields[n].name == NULL)
			return bad(r, "Struct schema's field name not "
			    "specified properly");
		n++;
	}
	to->fields = fields;
	to->nfields = n;
	return rc < 0 ? rc : check_names(r, fields, n);
}

static int
get_type(struct reader *r, const struct leat_str parts[M_COUNT], int depth,
    struct leat_schema *to)
{
	static const char *const types[LEAT_KIND_N] = {
		"", "boolean", "int8", "int16", "int32", "int64", "float",
		"double", "string", "bytes", "array", "map", "struct"
	};
	const char *type;
	int kind;

	if (get_text(r, parts[M_TYPE], &type) < 0)
		return -1;
	if (type == NULL)
		return bad(r, "Schema must contain 'type' field");
	for (kind = 1; kind < LEAT_KIND_N; kind++)
		if (strcmp(type, types[kind]) == 0)
			break;
	to->kind = (uint8_t)kind;
	switch (kind) {
	case LEAT_ARRAY:
		return get_part(r, parts[M_ITEMS], depth,
		    "Array schema did not specify the element type",
		    &to->elem);
	case LEAT_MAP:
		if (get_part(r, parts[M_KEYS], depth,
			"Map schema did not specify the key type",
			&to->key) < 0)
			return -1;
		return get_part(r, parts[M_VALUES], depth,
		    "Map schema did not specify the value type", &to->elem);
	case LEAT_STRUCT:
		return get_fields(r, parts[M_FIELDS], depth, to);
	case LEAT_KIND_N:
		return leat_err_set(r->err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Unknown schema type: %.80s", type);
	default:
		return 0;
	}
}

static int
get_version(struct reader *r, struct leat_str part, struct leat_schema *to)
{
	int64_t v;

	if (part.ptr == NULL || (*part.ptr != '-' &&
	    (*part.ptr < '0' || *part.ptr > '9')))
		return 0;
	if (leat_parse_i64(part, INT32_MIN, INT32_MAX, &v) < 0)
		return bad(r, "the schema's version is not an int32");
	to->version = (int32_t)v;
	return 0;
}

static int
get_default(struct reader *r, struct leat_str part, struct leat_schema *to)
{
	const struct leat_schema *plain;
	const struct json_plan *plan;

	if (is_null(part))
		return 0;
	plain = leat_schema_pool_intern(r->ps->pool, to, r->err);
	plan = plain == NULL ? NULL : json_plan_of(r->ps, plain, r->err);
	if (plan == NULL ||
	    json_decode(plan, part, r->arena, &to->def, r->err) < 0)
		return leat_err_wrap(r->err, "default value");
	to->has_default = 1;
	return 0;
}

static int
read_schema(struct reader *r, struct leat_str text, int depth,
    const struct leat_schema **ret_schema, const char **ret_field)
{
	struct leat_str parts[M_COUNT] = { { 0 } };
	struct leat_schema s = { 0 };

	if (depth > MAX_DEPTH)
		return bad(r, "the schema is nested too deep");
	if (cut_members(r, text, parts) < 0 ||
	    get_type(r, parts, depth, &s) < 0)
		return -1;
	s.optional = parts[M_OPTIONAL].ptr != NULL &&
	    parts[M_OPTIONAL].ptr[0] == 't';
	if (get_text(r, parts[M_NAME], &s.name) < 0 ||
	    get_version(r, parts[M_VERSION], &s) < 0 ||
	    get_text(r, parts[M_DOC], &s.doc) < 0 ||
	    get_params(r, parts[M_PARAMETERS], &s) < 0 ||
	    get_default(r, parts[M_DEFAULT], &s) < 0 ||
	    (ret_field != NULL &&
	    get_text(r, parts[M_FIELD], ret_field) < 0))
		return -1;
	*ret_schema = leat_schema_pool_intern(r->ps->pool, &s, r->err);
	return *ret_schema == NULL ? -1 : 0;
}

int
json_schema_read(struct json_plans *ps, struct leat_str text,
    struct leat_arena *arena, const struct leat_schema **ret_schema,
    struct leat_err *err)
{
	struct reader r = { ps, arena, err };
	const struct leat_schema *schema = NULL;

	if (!is_null(text) && read_schema(&r, text, 0, &schema, NULL) < 0)
		return err != NULL && err->code < 0 ? err->code : LEAT_E_DATA;
	*ret_schema = schema;
	return 0;
}
