/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_literal.c: numbers, strings with expressions in them, and patterns.
 */
#include "core/record/expr/expr_number.h"
#include "core/record/expr/expr_parse.h"

/* ------------------------------------------------------------------ numbers */

/* Digits without _; the suffix apart. */
struct number {
	char digits[64];
	size_t len;
	char suffix;
	bool fraction;		/* or an exponent */
};

static bool
number_read(struct leat_str text, struct number *to)
{
	size_t i;
	char c;

	*to = (struct number){ .len = 0 };
	for (i = 0; i < text.len; i++) {
		c = text.ptr[i];
		if (c == '_')
			continue;
		if (c == '.' || (c | 0x20) == 'e')
			to->fraction = true;
		else if ((c < '0' || c > '9') && c != '-' && c != '+')
			break;
		if (to->len >= sizeof(to->digits) - 1)
			return false;
		to->digits[to->len++] = c;
	}
	if (i < text.len)
		to->suffix = text.ptr[i++] | 0x20;
	return i == text.len &&
	    (to->suffix == 0 || strchr("lidfg", to->suffix) != NULL);
}

static bool
hex_value(struct leat_str text, int64_t *ret_value)
{
	uint64_t v = 0;
	size_t i;

	for (i = 2; i < text.len; i++) {
		const char c = text.ptr[i], l = (char)(c | 0x20);

		if (v >> 60 != 0)
			return false;
		if (c >= '0' && c <= '9')
			v = v * 16 + (uint64_t)(c - '0');
		else if (l >= 'a' && l <= 'f')
			v = v * 16 + (uint64_t)(l - 'a') + 10;
		else if (l != 'l' || i + 1 != text.len)
			return false;
	}
	*ret_value = (int64_t)v;
	return text.len > 2 && v <= INT64_MAX;
}

static bool
number_value(struct expr_parser *p, struct leat_str text,
    struct expr_value *ret_value)
{
	struct number n;
	struct leat_str digits;

	if (text.len > 1 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x') {
		*ret_value = expr_int(0);
		return hex_value(text, &ret_value->u.i);
	}
	if (!number_read(text, &n))
		return false;
	digits = (struct leat_str){ n.digits, n.len };
	if (n.suffix == 'd' || n.suffix == 'f') {
		*ret_value = expr_double(0);
		return leat_parse_f64(digits, &ret_value->u.f) == 0;
	}
	*ret_value = expr_int(0);
	if (!n.fraction && n.suffix != 'g' && leat_parse_i64(digits,
	    INT64_MIN, INT64_MAX, &ret_value->u.i) == 0)
		return true;
	return n.suffix != 'l' && n.suffix != 'i' &&
	    expr_number_parse(digits, p->arena, ret_value);
}

struct expr_node *
expr_parse_number(struct expr_parser *p)
{
	const struct expr_token t = p->lex.token;
	struct expr_value v = expr_null();

	if (!number_value(p, t.text, &v)) {
		expr_lex_fail(&p->lex, t.at, "'%.*s' is not a number",
		    (int)(t.text.len < 40 ? t.text.len : 40), t.text.ptr);
		return NULL;
	}
	return expr_lex_next(&p->lex) < 0 ? NULL
	    : expr_node_constant(p, t.at, v);
}

/* ------------------------------------------------------------------ strings */

/* The expression in ${...}; the token after it is the closing bracket. */
static struct expr_node *
embedded(struct expr_parser *p)
{
	struct expr_node *n;

	if (expr_lex_next(&p->lex) < 0)
		return NULL;
	n = expr_parse_whole(p);
	if (n == NULL)
		return NULL;
	if (!expr_at_sign(p, S_CLOSE_BLOCK))
		return expr_parse_fail(p, "the closing } of \"${...}\"");
	p->lex.at = p->lex.token.at + 1;
	return n;
}

/* $name.name: no further than names go. */
static struct expr_node *
embedded_name(struct expr_parser *p)
{
	struct expr_node *n;
	const char *after;

	if (expr_lex_next(&p->lex) < 0)
		return NULL;
	n = expr_parse_variable(p);
	while (n != NULL) {
		after = p->lex.text + p->lex.at;
		if (after[0] != '.' || !((after[1] | 0x20) >= 'a' &&
		    (after[1] | 0x20) <= 'z'))
			return n;
		if (expr_lex_next(&p->lex) < 0)	/* the dot */
			return NULL;
		if (expr_lex_next(&p->lex) < 0)
			return NULL;
		n = expr_node_property(p, p->lex.token.at, n,
		    p->lex.token.text);
	}
	return NULL;
}

/* Pieces and expressions, until the quote that began it. */
struct expr_node *
expr_parse_string(struct expr_parser *p, char quote)
{
	const uint32_t at = p->lex.token.at;
	struct expr_node *text = NULL, **last = NULL, *part;
	enum expr_string_end end;
	struct leat_str s;

	p->lex.at = at + 1;
	for (;;) {
		if (expr_lex_string(&p->lex, quote, &s, &end) < 0)
			return NULL;
		part = expr_node_constant(p, at, expr_string(s.ptr, s.len));
		if (part == NULL)
			return NULL;
		if (text == NULL && end == STRING_QUOTE)
			return expr_lex_next(&p->lex) < 0 ? NULL : part;
		if (text == NULL) {
			text = expr_node_new(p, N_TEXT, at, NULL, NULL);
			if (text == NULL)
				return NULL;
			last = &text->a;
		}
		*last = part;
		last = &part->next;
		if (end == STRING_QUOTE)
			return expr_lex_next(&p->lex) < 0 ? NULL : text;
		part = end == STRING_BLOCK ? embedded(p) : embedded_name(p);
		if (part == NULL || expr_refuse_range(p, part))
			return NULL;
		expr_node_cover(text, part);
		*last = part;
		last = &part->next;
	}
}

struct pattern *
expr_compile(struct expr_parser *p, const struct expr_node *literal)
{
	struct pattern_fault fault;
	struct pattern *pattern;

	if (literal->op != N_CONST || literal->u.value.kind != X_STRING) {
		expr_lex_fail(&p->lex, literal->at, "expected a pattern "
		    "written out, as in /ab+/ or 'ab+'");
		return NULL;
	}
	if (pattern_new(expr_str(&literal->u.value), p->arena, &pattern,
		&fault) == 0)
		return pattern;
	if (fault.what == NULL)
		return expr_parse_no_memory(p);
	expr_lex_fail(&p->lex, literal->at, "the pattern '%.100s' at its "
	    "character %zu: %s", literal->u.value.u.s, fault.at + 1,
	    fault.what);
	return NULL;
}

struct pattern *
expr_parse_pattern(struct expr_parser *p)
{
	struct expr_node *n;

	if (expr_at_sign(p, S_TILDE) && expr_lex_next(&p->lex) < 0)
		return NULL;
	n = expr_parse_operand(p);
	return n == NULL ? NULL : expr_compile(p, n);
}
