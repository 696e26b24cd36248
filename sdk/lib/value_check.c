/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_check.c: does a value fit its schema?
 */
#include <leat/schema.h>

#include <stdio.h>

/* The way from the root to a value, kept in the frames of the recursion. */
struct path {
	const struct path *up;
	const char *name;	/* of a field, or NULL */
	uint32_t index;		/* of an item, where name is NULL */
	int depth;
};

/* Writes the path ("after.tags[2]"); the length, cut at size. */
static size_t
print_path(const struct path *p, char *to, size_t size)
{
	size_t n;
	int add;

	if (p == NULL || p->up == NULL)
		return 0;
	n = print_path(p->up, to, size);
	if (p->name == NULL)
		add = snprintf(to + n, size - n, "[%u]", (unsigned)p->index);
	else
		add = snprintf(to + n, size - n, "%s%s", n > 0 ? "." : "",
		    p->name);
	if (add < 0)
		return n;
	return (size_t)add < size - n ? n + (size_t)add : size - 1;
}

static int
misfit(const struct path *p, struct leat_err *err, const char *what,
    const char *got)
{
	char place[256] = "";
	size_t n = print_path(p, place, sizeof(place));

	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA, "%s%s%s%s",
	    place, n > 0 ? ": " : "", what, got);
}

static int
wrong_kind(const struct path *p, const struct leat_schema *s,
    const struct leat_value *v, struct leat_err *err)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "expected %s, got ",
	    leat_kind_name(s->kind));
	return misfit(p, err, what, leat_kind_name(v->kind));
}

static int
check_range(const struct path *p, const struct leat_value *v, int64_t min,
    int64_t max, struct leat_err *err)
{
	if (v->u.i < min || v->u.i > max)
		return misfit(p, err, "value out of range of ",
		    leat_kind_name(v->kind));
	return 0;
}

static int check(const struct path *p, const struct leat_schema *s,
    const struct leat_value *v, struct leat_err *err);

static int
check_items(const struct path *p, const struct leat_schema *s,
    const struct leat_value *v, struct leat_err *err)
{
	struct path here = { p, NULL, 0, p->depth + 1 };
	const struct leat_value *item = v->u.items;
	int rc;

	if (v->len > 0 && item == NULL)
		return misfit(p, err, "items are missing", "");
	for (; here.index < v->len; here.index++) {
		if (s->kind == LEAT_MAP &&
		    (rc = check(&here, s->key, item++, err)) < 0)
			return rc;
		if ((rc = check(&here, s->elem, item++, err)) < 0)
			return rc;
	}
	return 0;
}

static int
check_struct(const struct path *p, const struct leat_schema *s,
    const struct leat_value *v, struct leat_err *err)
{
	struct path here = { p, NULL, 0, p->depth + 1 };
	char what[64];
	uint32_t i;
	int rc;

	if (v->len != s->nfields) {
		(void)snprintf(what, sizeof(what),
		    "expected %u fields, got %u", (unsigned)s->nfields,
		    (unsigned)v->len);
		return misfit(p, err, what, "");
	}
	for (i = 0; i < v->len; i++) {
		here.name = s->fields[i].name;
		rc = check(&here, s->fields[i].schema, &v->u.items[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
check_kind(const struct path *p, const struct leat_schema *s,
    const struct leat_value *v, struct leat_err *err)
{
	switch (s->kind) {
	case LEAT_BOOLEAN:
		return check_range(p, v, 0, 1, err);
	case LEAT_INT8:
		return check_range(p, v, INT8_MIN, INT8_MAX, err);
	case LEAT_INT16:
		return check_range(p, v, INT16_MIN, INT16_MAX, err);
	case LEAT_INT32:
		return check_range(p, v, INT32_MIN, INT32_MAX, err);
	case LEAT_STRING:
	case LEAT_BYTES:
		if (v->len > 0 && v->u.b == NULL)
			return misfit(p, err, "bytes are missing", "");
		return 0;
	case LEAT_ARRAY:
	case LEAT_MAP:
		return check_items(p, s, v, err);
	case LEAT_STRUCT:
		return check_struct(p, s, v, err);
	default:
		return 0;
	}
}

static int
check(const struct path *p, const struct leat_schema *s,
    const struct leat_value *v, struct leat_err *err)
{
	if (s == NULL)
		return 0;
	if (p->depth > LEAT_SCHEMA_DEPTH)
		return misfit(p, err, "nested too deeply", "");
	if (v->kind == LEAT_NULL) {
		if (s->optional || s->has_default)
			return 0;
		return misfit(p, err, "null in a required ",
		    leat_kind_name(s->kind));
	}
	if (v->kind != s->kind)
		return wrong_kind(p, s, v, err);
	return check_kind(p, s, v, err);
}

int
leat_value_check(const struct leat_schema *s, const struct leat_value *v,
    struct leat_err *err)
{
	struct path root = { NULL, NULL, 0, 0 };

	return check(&root, s, v, err);
}
