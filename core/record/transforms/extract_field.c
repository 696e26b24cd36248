/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extract_field.c: ExtractField: the key or value becomes one of its fields; in
 * syntax V2 by a path, in which backticks quote names that contain dots.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

#define PURPOSE "field extraction"

enum { STEPS_MAX = 32 };

struct config {
	const char *field;
	int32_t syntax;		/* 0: V1, 1: V2 */
	int32_t replace_null;
};

struct extract {
	const char *step[STEPS_MAX];
	uint32_t n;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "field", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, field), "The field, or its path.", "0.1" },
	{ "field.syntax.version", NULL, LEAT_OPT_CHOICE, 0, "V1", 0, 0,
	  "V1,V2", offsetof(struct config, syntax),
	  "V2: a.b is the field b of a.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
incomplete(const char *path, struct leat_err *err)
{
	return config_error(err, "Incomplete backtick pair in path: [%s]",
	    path);
}

/*
 * One step of a path. In quotes \` before a dot or the end is a backtick that
 * does not close.
 */
static int
take_step(const char **p, const char *path, char *to, struct leat_err *err)
{
	const char *s = *p;

	if (*s != '`') {
		while (*s != '\0' && *s != '.')
			*to++ = *s++;
		*to = '\0';
		*p = s;
		return 0;
	}
	for (s++;; s++) {
		if (*s == '\0')
			return incomplete(path, err);
		if (s[0] == '\\' && s[1] == '`' &&
		    (s[2] == '.' || s[2] == '\0')) {
			*to++ = '`';
			s++;
		} else if (s[0] == '`' && (s[1] == '.' || s[1] == '\0')) {
			break;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	*p = s + 1;
	return 0;
}

static int
extract_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct extract *self = t->self;
	const char *p = cfg->field;
	char *step;

	if (cfg->syntax == 0) {
		self->step[self->n++] = cfg->field;
		return 0;
	}
	do {
		step = leat_arena_alloc(&t->arena, strlen(p) + 1);
		if (step == NULL)
			return record_no_memory(&t->arena, err);
		if (self->n == STEPS_MAX)
			return config_error(err, "the path '%s' is too long",
			    cfg->field);
		if (take_step(&p, cfg->field, step, err) < 0)
			return LEAT_E_CONFIG;
		self->step[self->n++] = step;
	} while (*p++ == '.');
	return 0;
}

static int
extract_struct(struct transform *t, struct operand op, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct extract *self = t->self;
	const struct leat_schema *s = *op.schema;
	struct leat_value v = *op.value;
	uint32_t i;
	int32_t at;

	if (require_struct(s, &v, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	for (i = 0; i < self->n; i++) {
		at = s->kind == LEAT_STRUCT
		    ? leat_schema_field(s, self->step[i]) : -1;
		if (at < 0)
			return record_error(err, "Unknown field: %s",
			    cfg->field);
		if (v.kind == LEAT_STRUCT && v.len == s->nfields)
			v = field_value(s, &v, (uint32_t)at,
			    cfg->replace_null);
		s = s->fields[at].schema;
	}
	*op.value = v;
	*op.schema = s;
	return 0;
}

static int
extract_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct extract *self = t->self;
	struct operand op = operand_of(t, rec);
	const struct leat_value *v = op.value;
	uint32_t i;

	if (v->kind == LEAT_NULL)
		return 0;
	if (*op.schema != NULL)
		return extract_struct(t, op, err);
	if (require_map(v, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	for (i = 0; v != NULL && i < self->n; i++)
		v = leat_map_value(v, self->step[i]);
	*op.value = v != NULL ? *v : leat_null();
	return 0;
}

const struct transform_class transform_extract_field = {
	.name = "org.apache.kafka.connect.transforms.ExtractField",
	.key_or_value = true,
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct extract),
	.init = extract_init,
	.apply = extract_apply,
};
