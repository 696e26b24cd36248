/* SPDX-License-Identifier: Apache-2.0 */
/*
 * by_expression.c: Debezium's Filter and ContentBasedRouter: an expression over
 * the record (docs/EXPRESSIONS.md) says whether it goes on, or to which topic.
 */
#include "core/record/expr/expr.h"
#include "core/record/expr/pattern.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

enum null_mode { MODE_KEEP, MODE_DROP, MODE_EVALUATE };

struct config {
	const char *expression;
	const char *topic_regex;
	int32_t language;
	int32_t null_mode;	/* enum null_mode */
};

struct by_expression {
	struct expr *expr;
	struct pattern *topics;	/* or NULL: all */
};

/* clang-format off */
#define COMMON_OPTIONS                                                        \
	{ "language", NULL, LEAT_OPT_CHOICE, 0, "leat", 0, 0,                 \
	  "leat,jsr223.groovy,jsr223.graal.js,jsr223.js",                     \
	  offsetof(struct config, language),                                  \
	  "Debezium's languages, all read as Leat's expressions.", "0.1" },   \
	{ "topic.regex", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,          \
	  offsetof(struct config, topic_regex),                               \
	  "Only for topics whose whole name matches.", "0.1" },               \
	{ "null.handling.mode", NULL, LEAT_OPT_CHOICE, 0, "keep", 0, 0,       \
	  "keep,drop,evaluate", offsetof(struct config, null_mode),           \
	  "What happens to a record without a value (a tombstone).", "0.1" },

static const struct leat_option filter_options[] = {
	COMMON_OPTIONS
	{ "condition", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  NULL, offsetof(struct config, expression),
	  "An expression; a record for which it is true goes on.", "0.1" },
	{ .name = NULL }
};

static const struct leat_option router_options[] = {
	COMMON_OPTIONS
	{ "topic.expression", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL,
	  0, 0, NULL, offsetof(struct config, expression),
	  "An expression that gives the topic, or null for no change.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
start(struct transform *t, const char *option, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct by_expression *self = t->self;
	struct pattern_fault fault;

	t->wrong = "topic.regex";
	if (cfg->topic_regex != NULL &&
	    pattern_new(leat_str_c(cfg->topic_regex), &t->arena,
		&self->topics, &fault) < 0)
		return fault.what == NULL ? record_no_memory(&t->arena, err)
		    : config_error(err, "the pattern '%.100s' at its "
		    "character %zu: %s", cfg->topic_regex, fault.at + 1,
		    fault.what);
	t->wrong = option;
	return expr_new(cfg->expression, &t->arena, &self->expr, err);
}

static void
stop(struct transform *t)
{
	struct by_expression *self = t->self;

	expr_free(self->expr);
}

/* Is there something to evaluate? Else *keep says what becomes of it. */
static int
applies(const struct transform *t, const struct leat_record *rec, bool *keep,
    bool *ret_applies, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct by_expression *self = t->self;

	*ret_applies = true;
	if (self->topics != NULL &&
	    pattern_test(self->topics, leat_str_c(rec->topic), true,
		ret_applies) < 0)
		return record_error(err, "topic.regex is too much work for "
		    "the topic '%.60s'", rec->topic);
	if (!*ret_applies || rec->value.kind != LEAT_NULL ||
	    cfg->null_mode == MODE_EVALUATE)
		return 0;
	*ret_applies = false;
	*keep = cfg->null_mode == MODE_KEEP;
	return 0;
}

static int
evaluate(const struct transform *t, const struct leat_record *rec,
    const char *option, struct leat_arena *arena, struct expr_value *ret_value,
    struct leat_err *err)
{
	const struct by_expression *self = t->self;
	int rc = expr_eval(self->expr, rec, arena, ret_value, err);

	return rc < 0 ? leat_err_wrap(err, "%s", option) : 0;
}

/* ------------------------------------------------------------------- Filter */

static int
filter_init(struct transform *t, struct leat_err *err)
{
	return start(t, "condition", err);
}

static int
filter_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct expr_value v;
	bool wanted;
	int rc = applies(t, rec, keep, &wanted, err);

	if (rc < 0 || !wanted)
		return rc;
	rc = evaluate(t, rec, "condition", arena, &v, err);
	if (rc < 0)
		return rc;
	if (v.kind != X_BOOL)
		return record_error(err, "condition: gives %s, not true or "
		    "false", expr_kind_words(&v));
	*keep = v.u.i != 0;
	return 0;
}

const struct transform_class transform_filter_by_expression = {
	.name = "io.debezium.transforms.Filter",
	.on_null = NULL_HANDLED,
	.options = filter_options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct by_expression),
	.init = filter_init,
	.apply = filter_apply,
	.fini = stop,
};

/* ------------------------------------------------------- ContentBasedRouter */

static int
router_init(struct transform *t, struct leat_err *err)
{
	return start(t, "topic.expression", err);
}

static int
router_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct expr_value v;
	const char *topic;
	bool wanted;
	int rc = applies(t, rec, keep, &wanted, err);

	if (rc < 0 || !wanted)
		return rc;
	rc = evaluate(t, rec, "topic.expression", arena, &v, err);
	if (rc < 0 || v.kind == X_NULL)
		return rc;
	if (v.kind != X_STRING)
		return record_error(err, "topic.expression: gives %s, not a "
		    "topic's name or null", expr_kind_words(&v));
	if (v.len == 0 || memchr(v.u.s, '\0', v.len) != NULL)
		return record_error(err, "topic.expression: gives a topic's "
		    "name that is empty or has a NUL");
	topic = leat_arena_strndup(arena, v.u.s, v.len);
	if (topic == NULL)
		return record_no_memory(arena, err);
	rec->topic = topic;
	return 0;
}

const struct transform_class transform_content_based_router = {
	.name = "io.debezium.transforms.ContentBasedRouter",
	.on_null = NULL_HANDLED,
	.options = router_options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct by_expression),
	.init = router_init,
	.apply = router_apply,
	.fini = stop,
};
