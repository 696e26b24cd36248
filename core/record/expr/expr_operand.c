/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_operand.c: operands: variables, lists and maps, and what follows an
 * operand.
 */
#include "core/record/expr/expr_parse.h"

struct expr_node *
expr_node_constant(struct expr_parser *p, uint32_t at, struct expr_value v)
{
	struct expr_node *n = expr_node_new(p, N_CONST, at, NULL, NULL);

	if (n != NULL)
		n->u.value = v;
	return n;
}

struct expr_node *
expr_node_property(struct expr_parser *p, uint32_t at, struct expr_node *of,
    struct leat_str name)
{
	struct expr_node *n = expr_node_new(p, N_PROPERTY, at, of, NULL);

	if (n == NULL)
		return NULL;
	n->u.name = leat_arena_strndup(p->arena, name.ptr, name.len);
	return n->u.name == NULL ? expr_parse_no_memory(p) : n;
}

/* The sign, and on to the next token. */
static bool
expect(struct expr_parser *p, enum expr_sign sign, const char *what)
{
	if (expr_at_sign(p, sign))
		return expr_lex_next(&p->lex) == 0;
	expr_parse_fail(p, what);
	return false;
}

/* ------------------------------------------------------------ lists, names */

/* A map's key: a name stands for itself. */
static struct expr_node *
name_key(struct expr_parser *p)
{
	const struct expr_token t = p->lex.token;
	struct expr_node *n = expr_node_constant(p, t.at,
	    expr_string(t.text.ptr, t.text.len));

	return n == NULL || expr_lex_next(&p->lex) < 0 ? NULL : n;
}

/* The members of [...], ( ... ) up to the closing sign; counts them. */
static bool
members(struct expr_parser *p, struct expr_node *of, struct expr_node **first,
    enum expr_sign close, const char *expected, bool map)
{
	struct expr_node **last = first, *n;

	while (!expr_at_sign(p, close)) {
		if (map && of->nargs % 2 == 0 && p->lex.token.kind == T_NAME)
			n = name_key(p);
		else
			n = expr_parse_whole(p);
		if (n == NULL || expr_refuse_range(p, n))
			return false;
		expr_node_cover(of, n);
		*last = n;
		last = &n->next;
		of->nargs++;
		if (map && of->nargs % 2 == 1) {
			if (!expect(p, S_COLON, "':' and the key's value"))
				return false;
		} else if (expr_at_sign(p, S_COMMA)) {
			if (expr_lex_next(&p->lex) < 0)
				return false;
		} else if (!expr_at_sign(p, close)) {
			expr_parse_fail(p, expected);
			return false;
		}
	}
	return expr_lex_next(&p->lex) == 0;
}

/* Does a map begin here, behind "["? A key is a name or a literal, then ':'. */
static bool
at_map(struct expr_parser *p)
{
	struct expr_lexer before = p->lex;
	bool map = expr_at_sign(p, S_COLON);
	const char *close;

	if (p->lex.token.kind == T_QUOTE) {
		close = p->lex.text + p->lex.token.at + 1;
		close += strcspn(close, p->lex.token.text.ptr[0] == '"'
		    ? "\"" : "'");
		if (*close == '\0')
			return false;
		p->lex.at = (uint32_t)(close + 1 - p->lex.text);
	}
	if (p->lex.token.kind != T_SIGN && expr_lex_next(&p->lex) == 0)
		map = expr_at_sign(p, S_COLON);
	p->lex = before;
	return map;
}

static struct expr_node *
list(struct expr_parser *p)
{
	struct expr_node *n = expr_node_new(p, N_LIST, p->lex.token.at, NULL,
	    NULL);

	if (n == NULL || expr_lex_next(&p->lex) < 0)
		return NULL;
	if (at_map(p))
		n->op = N_MAP;
	if (n->op == N_MAP && expr_at_sign(p, S_COLON)) {
		if (expr_lex_next(&p->lex) < 0)
			return NULL;
		return expect(p, S_CLOSE_LIST, "']'") ? n : NULL;
	}
	return members(p, n, &n->a, S_CLOSE_LIST, "',' or ']'",
	    n->op == N_MAP) ? n : NULL;
}

static const char *const variables[] = { "key", "value", "keySchema",
	"valueSchema", "topic", "header", "headers", NULL };

static void *
unknown_name(struct expr_parser *p)
{
	static const char *const later[] = { "new", "def", "if", "it",
		"instanceof", "as", "Math", "System" };
	const struct expr_token *t = &p->lex.token;
	const int len = (int)(t->text.len < 40 ? t->text.len : 40);
	unsigned i;

	for (i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (leat_str_eq_c(t->text, later[i])) {
			expr_lex_fail(&p->lex, t->at, "'%.*s' is not part of "
			    "the language; it is one expression over the "
			    "record", len, t->text.ptr);
			return NULL;
		}
	expr_lex_fail(&p->lex, t->at, "there is no variable '%.*s' (allowed: "
	    "key, value, keySchema, valueSchema, topic, headers); a text "
	    "stands in quotes", len, t->text.ptr);
	return NULL;
}

struct expr_node *
expr_parse_variable(struct expr_parser *p)
{
	struct expr_node *n;
	unsigned i;

	for (i = 0; variables[i] != NULL; i++)
		if (expr_at_word(p, variables[i]))
			break;
	if (variables[i] == NULL)
		return unknown_name(p);
	n = expr_node_new(p, N_VARIABLE, p->lex.token.at, NULL, NULL);
	if (n != NULL)
		n->variable = (uint8_t)(i < VAR_HEADERS ? i : VAR_HEADERS);
	return n;
}

static struct expr_node *
name(struct expr_parser *p)
{
	const uint32_t at = p->lex.token.at;
	struct expr_node *n;

	if (expr_at_word(p, "true") || expr_at_word(p, "false"))
		n = expr_node_constant(p, at,
		    expr_bool(expr_at_word(p, "true")));
	else if (expr_at_word(p, "null"))
		n = expr_node_constant(p, at, expr_null());
	else
		n = expr_parse_variable(p);
	return n == NULL || expr_lex_next(&p->lex) < 0 ? NULL : n;
}

static struct expr_node *
primary(struct expr_parser *p)
{
	struct expr_node *n;

	switch (p->lex.token.kind) {
	case T_NUMBER:
		return expr_parse_number(p);
	case T_QUOTE:
		return expr_parse_string(p, p->lex.token.text.ptr[0]);
	case T_NAME:
		return name(p);
	default:
		break;
	}
	if (expr_at_sign(p, S_SLASH))
		return expr_parse_string(p, '/');
	if (expr_at_sign(p, S_OPEN_LIST))
		return list(p);
	if (!expr_at_sign(p, S_OPEN))
		return expr_parse_fail(p, "a value");
	if (expr_lex_next(&p->lex) < 0)
		return NULL;
	n = expr_parse_whole(p);
	return n != NULL && expect(p, S_CLOSE, "an operator or ')'") ? n
	    : NULL;
}

/* -------------------------------------------------------- behind an operand */

static const struct expr_method *
find_method(struct leat_str name)
{
	const struct expr_method *m;

	for (m = expr_methods; m->name != NULL; m++)
		if (leat_str_eq_c(name, m->name))
			return m;
	return NULL;
}

static const char *
nearest_method(struct leat_str name)
{
	const struct expr_method *m;
	const char *nearest = NULL;
	unsigned best = (unsigned)(name.len / 3 + 1), d;

	for (m = expr_methods; name.len < 40 && m->name != NULL; m++) {
		d = leat_edit_distance(name, leat_str_c(m->name), best);
		if (d <= best && (nearest == NULL || d < best)) {
			nearest = m->name;
			best = d;
		}
	}
	return nearest;
}

static void *
unknown_method(struct expr_parser *p, uint32_t at, struct leat_str name)
{
	const char *nearest = nearest_method(name);

	expr_lex_fail(&p->lex, at, "there is no method '%.*s'%s%s%s",
	    (int)(name.len < 40 ? name.len : 40), name.ptr,
	    nearest != NULL ? " (did you mean '" : "",
	    nearest != NULL ? nearest : "", nearest != NULL ? "'?)" : "");
	return NULL;
}

/* a.name( */
static struct expr_node *
call(struct expr_parser *p, struct expr_node *of, uint32_t at,
    struct leat_str name)
{
	const struct expr_method *m = find_method(name);
	struct expr_node *n;
	unsigned wanted;

	if (m == NULL)
		return unknown_method(p, at, name);
	n = expr_node_new(p, N_METHOD, at, of, NULL);
	if (n == NULL || expr_lex_next(&p->lex) < 0 ||
	    !members(p, n, &n->b, S_CLOSE, "',' or ')'", false))
		return NULL;
	n->u.method = m;
	if (n->nargs < m->least || n->nargs > m->most) {
		wanted = n->nargs < m->least ? m->least : m->most;
		expr_lex_fail(&p->lex, at, "%s() takes %u argument%s, not %u",
		    m->name, wanted, wanted == 1 ? "" : "s", n->nargs);
		return NULL;
	}
	if (m->pattern && (n->pattern = expr_compile(p, n->b)) == NULL)
		return NULL;
	return n;
}

/* Behind a dot: a name, or one in quotes. */
static struct expr_node *
member(struct expr_parser *p, struct expr_node *of)
{
	const uint32_t at = p->lex.token.at;
	struct leat_str name = p->lex.token.text;
	struct expr_node *quoted;

	if (p->lex.token.kind == T_QUOTE) {
		quoted = expr_parse_string(p, name.ptr[0]);
		if (quoted == NULL)
			return NULL;
		if (quoted->op != N_CONST) {
			expr_lex_fail(&p->lex, at, "a name that is computed "
			    "stands in [ ]");
			return NULL;
		}
		name = expr_str(&quoted->u.value);
	} else if (p->lex.token.kind != T_NAME) {
		return expr_parse_fail(p, "a name");
	} else {
		if (expr_lex_next(&p->lex) < 0)
			return NULL;
		if (expr_at_sign(p, S_OPEN))
			return call(p, of, at, name);
	}
	return expr_node_property(p, at, of, name);
}

static struct expr_node *
index_of(struct expr_parser *p, struct expr_node *of, uint32_t at)
{
	struct expr_node *i = expr_parse_whole(p);

	if (i == NULL || !expect(p, S_CLOSE_LIST, "']'"))
		return NULL;
	return expr_node_new(p, N_INDEX, at, of, i);
}

struct expr_node *
expr_parse_operand(struct expr_parser *p)
{
	struct expr_node *n = primary(p);
	uint32_t at;
	bool safe, dot;

	while (n != NULL) {
		safe = expr_at_sign(p, S_SAFE_DOT) ||
		    expr_at_sign(p, S_SAFE_INDEX);
		dot = expr_at_sign(p, S_DOT) || expr_at_sign(p, S_SAFE_DOT);
		if (!dot && !safe && !expr_at_sign(p, S_OPEN_LIST))
			return n;
		at = p->lex.token.at;
		if (expr_lex_next(&p->lex) < 0)
			return NULL;
		n = dot ? member(p, n) : index_of(p, n, at);
		if (n != NULL)
			n->safe = safe;
	}
	return NULL;
}
