/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_eval.c: walks the tree for one record.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/record/expr/expr_node.h"
#include "core/record/expr/expr_number.h"
#include "core/record/memory.h"

static int eval(struct expr_run *r, struct expr_node *n,
    struct expr_value *ret_value);

/* ----------------------------------------------------------------- failures */

int
expr_fail(struct expr_run *r, const struct expr_node *n, const char *fmt, ...)
{
	char what[300], place[48];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return leat_err_set(r->err, LEAT_CLS_RECORD, LEAT_E_DATA, "%s: %s",
	    expr_place(r->expr->text, n->at, place), what);
}

int
expr_no_memory(struct expr_run *r)
{
	return record_no_memory(r->arena, r->err);
}

/* ------------------------------------------------------------------ strings */

static int
string_too_long(struct expr_run *r, const struct expr_node *n)
{
	return expr_fail(r, n, "the string is larger than %d bytes",
	    EXPR_STRING_MAX);
}

int
expr_to_string(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *v, struct expr_value *ret_value)
{
	struct leat_buf *work = &r->expr->work;
	char *copy, place[48];
	int rc;

	if (v->kind == X_STRING) {
		*ret_value = *v;
		return 0;
	}
	leat_buf_reset(work);
	rc = expr_add_text(v, work, r->err);
	if (rc < 0)
		return leat_err_wrap(r->err, "%s",
		    expr_place(r->expr->text, n->at, place));
	copy = leat_arena_memdup(r->arena, work->data, work->len);
	if (copy == NULL)
		return expr_no_memory(r);
	*ret_value = expr_string(copy, work->len);
	return 0;
}

static int
join(struct expr_run *r, const struct expr_node *n, struct expr_value a,
    struct expr_value b, struct expr_value *ret_value)
{
	char *to;

	if (expr_to_string(r, n, &a, &a) < 0 ||
	    expr_to_string(r, n, &b, &b) < 0)
		return -1;
	if ((size_t)a.len + b.len > EXPR_STRING_MAX)
		return string_too_long(r, n);
	to = leat_arena_alloc(r->arena, (size_t)a.len + b.len);
	if (to == NULL)
		return expr_no_memory(r);
	if (a.len > 0)
		memcpy(to, a.u.s, a.len);
	if (b.len > 0)
		memcpy(to + a.len, b.u.s, b.len);
	*ret_value = expr_string(to, (size_t)a.len + b.len);
	return 0;
}

/* "...${...}..." */
static int
eval_text(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value part;
	struct expr_node *m;

	*ret_value = expr_string("", 0);
	for (m = n->a; m != NULL; m = m->next)
		if (eval(r, m, &part) < 0 ||
		    join(r, n, *ret_value, part, ret_value) < 0)
			return -1;
	return 0;
}

/* ----------------------------------------------------------------- operands */

static void
eval_variable(const struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	const struct leat_record *rec = r->rec;

	switch ((enum expr_variable)n->variable) {
	case VAR_KEY:
		*ret_value = expr_of_data(rec->key_schema, &rec->key);
		break;
	case VAR_VALUE:
		*ret_value = expr_of_data(rec->value_schema, &rec->value);
		break;
	case VAR_KEY_SCHEMA:
		*ret_value = expr_schema(rec->key_schema);
		break;
	case VAR_VALUE_SCHEMA:
		*ret_value = expr_schema(rec->value_schema);
		break;
	case VAR_TOPIC:
		*ret_value = expr_cstring(rec->topic);
		break;
	case VAR_HEADERS:
		*ret_value = (struct expr_value){ .kind = X_HEADERS,
			.u.rec = rec };
		break;
	}
}

/* [a, b] and [k: v] */
static int
eval_members(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value *items;
	struct expr_node *m;
	uint32_t i = 0;

	items = leat_arena_calloc(r->arena, n->nargs + 1U, sizeof(*items));
	if (items == NULL)
		return expr_no_memory(r);
	for (m = n->a; m != NULL; m = m->next)
		if (eval(r, m, &items[i++]) < 0)
			return -1;
	*ret_value = (struct expr_value){
		.kind = n->op == N_MAP ? X_MAP : X_LIST,
		.len = n->op == N_MAP ? n->nargs / 2U : n->nargs,
		.u.items = items
	};
	return 0;
}

static int
eval_property(struct expr_run *r, struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value of;

	if (eval(r, n->a, &of) < 0)
		return -1;
	if (n->safe && of.kind == X_NULL) {
		*ret_value = expr_null();
		return 0;
	}
	return expr_property(r, n, &of, n->u.name, ret_value);
}

static int
eval_index(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value of, i;
	int64_t at;

	if (eval(r, n->a, &of) < 0 || eval(r, n->b, &i) < 0)
		return -1;
	if (of.kind == X_NULL && n->safe) {
		*ret_value = expr_null();
		return 0;
	}
	if (!expr_is_list(&of))
		return expr_member(r, n, &of, &i, ret_value);
	if (i.kind != X_INT)
		return expr_fail(r, n, "a list is indexed by an integer, not "
		    "%s", expr_kind_words(&i));
	at = i.u.i < 0 ? i.u.i + expr_list_len(&of) : i.u.i;
	if (i.u.i < 0 && at < 0)
		return expr_fail(r, n, "the list has only %u members",
		    expr_list_len(&of));
	*ret_value = at < expr_list_len(&of)
	    ? expr_list_at(&of, (uint32_t)at) : expr_null();
	return 0;
}

static int
eval_method(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value self, args[EXPR_ARGS_MAX];
	const struct expr_method *m = n->u.method;
	struct expr_node *arg;
	unsigned i = 0;

	if (eval(r, n->a, &self) < 0)
		return -1;
	if (self.kind == X_NULL && n->safe) {
		*ret_value = expr_null();
		return 0;
	}
	for (arg = n->b; arg != NULL; arg = arg->next)
		if (eval(r, arg, &args[i++]) < 0)
			return -1;
	return m->call(r, n, &self, args, ret_value);
}

/* ---------------------------------------------------------------- operators */

static int
eval_unary(struct expr_run *r, struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value v;
	const char *wrong;

	if (eval(r, n->a, &v) < 0)
		return -1;
	if (n->op == N_NOT) {
		*ret_value = expr_bool(!expr_truth(&v));
		return 0;
	}
	if (!expr_is_number(&v))
		return expr_fail(r, n, "%s has no sign", expr_kind_words(&v));
	*ret_value = v;
	if (n->op == N_PLUS)
		return 0;
	wrong = expr_number_negate(&v, r->arena, ret_value);
	return wrong != NULL ? expr_fail(r, n, "%s", wrong) : 0;
}

static int
eval_arithmetic(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *a, const struct expr_value *b,
    struct expr_value *ret_value)
{
	static const char signs[] = "+-*/%";
	const char *wrong;

	if (n->op == N_ADD && (a->kind == X_STRING || b->kind == X_STRING))
		return join(r, n, *a, *b, ret_value);
	if (!expr_is_number(a) || !expr_is_number(b))
		return expr_fail(r, n, "'%c' takes two numbers%s, not %s and "
		    "%s", signs[n->op - N_ADD], n->op == N_ADD
		    ? ", or a string" : "", expr_kind_words(a),
		    expr_kind_words(b));
	wrong = expr_number_compute((enum expr_arith)(n->op - N_ADD), a, b,
	    r->arena, ret_value);
	return wrong != NULL ? expr_fail(r, n, "%s", wrong) : 0;
}

static int
eval_order(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *a, const struct expr_value *b,
    struct expr_value *ret_value)
{
	int order;

	if (!expr_order(a, b, &order))
		return expr_fail(r, n, "%s and %s have no order",
		    expr_kind_words(a), expr_kind_words(b));
	if (n->op == N_COMPARE)
		*ret_value = expr_int((order > 0) - (order < 0));
	else if (n->op == N_LESS)
		*ret_value = expr_bool(order < 0);
	else if (n->op == N_LESS_EQUAL)
		*ret_value = expr_bool(order <= 0);
	else if (n->op == N_GREATER)
		*ret_value = expr_bool(order > 0);
	else
		*ret_value = expr_bool(order >= 0);
	return 0;
}

static int
eval_binary(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value a, b;

	if (eval(r, n->a, &a) < 0 || eval(r, n->b, &b) < 0)
		return -1;
	if (n->op == N_EQUAL || n->op == N_UNEQUAL) {
		*ret_value = expr_bool(expr_equal(&a, &b) ==
		    (n->op == N_EQUAL));
		return 0;
	}
	if (n->op >= N_ADD)
		return eval_arithmetic(r, n, &a, &b, ret_value);
	return eval_order(r, n, &a, &b, ret_value);
}

/* a && b, a || b; a ? b : c, a ?: b: what is not needed is not computed. */
static int
eval_logic(struct expr_run *r, struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value a;
	bool truth;

	if (eval(r, n->a, &a) < 0)
		return -1;
	truth = expr_truth(&a);
	if (n->op == N_CHOOSE)
		return eval(r, truth ? n->b : n->c, ret_value);
	if (n->op == N_ELVIS && truth) {
		*ret_value = a;
		return 0;
	}
	if (n->op == N_ELVIS)
		return eval(r, n->b, ret_value);
	if (truth == (n->op == N_AND)) {
		if (eval(r, n->b, &a) < 0)
			return -1;
		truth = expr_truth(&a);
	}
	*ret_value = expr_bool(truth);
	return 0;
}

/* a..b holds integers only. */
static int
in_range(struct expr_run *r, const struct expr_node *range,
    const struct expr_value *v, bool *ret_in)
{
	struct expr_value from, to;
	int64_t i;

	if (eval(r, range->a, &from) < 0 || eval(r, range->b, &to) < 0)
		return -1;
	if (from.kind != X_INT || to.kind != X_INT)
		return expr_fail(r, range, "a range is between two integers, "
		    "not %s and %s", expr_kind_words(&from),
		    expr_kind_words(&to));
	*ret_in = false;
	if (!expr_is_number(v) || !expr_number_int(v, &i))
		return 0;
	*ret_in = i >= from.u.i &&
	    (range->op == N_RANGE ? i <= to.u.i : i < to.u.i);
	if (*ret_in) {
		from = expr_int(i);
		*ret_in = expr_equal(&from, v);
	}
	return 0;
}

/* Member by member, so that a list that is written out is never built. */
static int
in_list(struct expr_run *r, const struct expr_node *list,
    const struct expr_value *v, bool *ret_in)
{
	struct expr_value member;
	struct expr_node *m;

	*ret_in = false;
	for (m = list->a; m != NULL && !*ret_in; m = m->next) {
		if (eval(r, m, &member) < 0)
			return -1;
		*ret_in = expr_equal(v, &member);
	}
	return 0;
}

static int
in_value(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *v, bool *ret_in)
{
	struct expr_value of, member;
	uint32_t i;

	*ret_in = false;
	if (eval(r, n->b, &of) < 0)
		return -1;
	if (expr_is_map(&of)) {
		expr_map_get(&of, v, ret_in);
		return 0;
	}
	if (!expr_is_list(&of)) {
		/* Groovy: what is no collection holds its equal. */
		if (of.kind != X_NULL && of.kind != X_STRING)
			return expr_fail(r, n, "'in' takes a list, a map or a "
			    "range, not %s", expr_kind_words(&of));
		*ret_in = expr_equal(v, &of);
		return 0;
	}
	for (i = 0; !*ret_in && i < expr_list_len(&of); i++) {
		member = expr_list_at(&of, i);
		*ret_in = expr_equal(v, &member);
	}
	return 0;
}

static int
eval_in(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value v;
	bool in;
	int rc;

	if (eval(r, n->a, &v) < 0)
		return -1;
	if (n->b->op == N_RANGE || n->b->op == N_RANGE_BELOW)
		rc = in_range(r, n->b, &v, &in);
	else if (n->b->op == N_LIST)
		rc = in_list(r, n->b, &v, &in);
	else
		rc = in_value(r, n, &v, &in);
	if (rc == 0)
		*ret_value = expr_bool(in == (n->op == N_IN));
	return rc;
}

int
expr_matches(struct expr_run *r, const struct expr_node *n,
    struct pattern *pattern, const struct expr_value *v, bool whole,
    struct expr_value *ret_value)
{
	struct expr_value text;
	bool matches;

	if (expr_to_string(r, n, v, &text) < 0)
		return -1;
	if (pattern_test(pattern, expr_str(&text), whole, &matches) < 0)
		return expr_fail(r, n, "the pattern is too much work for a "
		    "string of %u bytes", text.len);
	*ret_value = expr_bool(matches);
	return 0;
}

/* Null matches nothing, as with Groovy's ==~ (its =~ reads the text "null"). */
static int
eval_pattern(struct expr_run *r, const struct expr_node *n,
    struct expr_value *ret_value)
{
	struct expr_value v;

	if (eval(r, n->a, &v) < 0)
		return -1;
	*ret_value = expr_bool(false);
	return v.kind == X_NULL ? 0 : expr_matches(r, n, n->u.pattern, &v,
	    n->op == N_MATCH, ret_value);
}

/* -------------------------------------------------------------------- whole */

static int
eval(struct expr_run *r, struct expr_node *n, struct expr_value *ret_value)
{
	switch ((enum expr_op)n->op) {
	case N_CONST:
		*ret_value = n->u.value;
		return 0;
	case N_VARIABLE:
		eval_variable(r, n, ret_value);
		return 0;
	case N_LIST:
	case N_MAP:
		return eval_members(r, n, ret_value);
	case N_TEXT:
		return eval_text(r, n, ret_value);
	case N_PROPERTY:
		return eval_property(r, n, ret_value);
	case N_INDEX:
		return eval_index(r, n, ret_value);
	case N_METHOD:
		return eval_method(r, n, ret_value);
	case N_NOT:
	case N_NEGATE:
	case N_PLUS:
		return eval_unary(r, n, ret_value);
	case N_AND:
	case N_OR:
	case N_CHOOSE:
	case N_ELVIS:
		return eval_logic(r, n, ret_value);
	case N_IN:
	case N_NOT_IN:
		return eval_in(r, n, ret_value);
	case N_FIND:
	case N_MATCH:
		return eval_pattern(r, n, ret_value);
	case N_RANGE:		/* the parser lets them stand behind `in` */
	case N_RANGE_BELOW:
	case N_EQUAL:
	case N_UNEQUAL:
	case N_LESS:
	case N_LESS_EQUAL:
	case N_GREATER:
	case N_GREATER_EQUAL:
	case N_COMPARE:
	case N_ADD:
	case N_SUB:
	case N_MUL:
	case N_DIV:
	case N_REM:
		break;
	}
	return eval_binary(r, n, ret_value);
}

int
expr_eval(struct expr *e, const struct leat_record *rec,
    struct leat_arena *arena, struct expr_value *ret_value,
    struct leat_err *err)
{
	struct leat_err own = LEAT_ERR_INIT;
	struct expr_run r = { e, rec, arena, err != NULL ? err : &own };

	leat_err_clear(r.err);
	return eval(&r, e->root, ret_value) < 0 ? r.err->code : 0;
}
