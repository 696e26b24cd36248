/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.c: compiles a pattern in one pass. A piece is code from its start to
 * the end of what is there; a quantifier moves and copies that piece.
 */
#include "core/record/expr/pattern.h"

#include "core/record/expr/pattern_compile.h"

enum {
	DEPTH_MAX = 50,		/* groups within groups */
	REPEAT_MAX = 1000,	/* x{n} */
	NO_END = -1		/* x{n,} */
};

/* --------------------------------------------------------------------- code */

static void
shift(struct pattern_step *s, uint32_t by)
{
	if (s->op == P_SPLIT || s->op == P_JUMP)
		s->x += by;
	if (s->op == P_SPLIT)
		s->y += by;
}

/* Puts a split in front of the piece at `start`. */
static int
insert_split(struct pattern_compiler *c, uint32_t start, uint32_t y)
{
	uint32_t i;

	if (pattern_emit(c, P_JUMP, 0, 0) < 0)
		return -1;
	memmove(&c->code[start + 1], &c->code[start],
	    (c->n - 1 - start) * sizeof(*c->code));
	for (i = start + 1; i < c->n; i++)
		shift(&c->code[i], 1);
	c->code[start] = (struct pattern_step){ P_SPLIT, start + 1, y };
	return 0;
}

/* Appends the piece that was put aside, of `len` steps made for `from`. */
static int
append_piece(struct pattern_compiler *c, uint32_t from, uint32_t len)
{
	const uint32_t by = c->n - from;
	uint32_t i;

	for (i = 0; i < len; i++) {
		struct pattern_step s = c->code[PATTERN_CODE_MAX + i];

		shift(&s, by);
		if (pattern_emit(c, s.op, s.x, s.y) < 0)
			return -1;
	}
	return 0;
}

/* The piece at `start`, `least` to `most` times. */
static int
repeat(struct pattern_compiler *c, uint32_t start, int least, int most)
{
	const uint32_t len = c->n - start;
	uint32_t first, i;
	int k;

	memcpy(&c->code[PATTERN_CODE_MAX], &c->code[start],
	    len * sizeof(*c->code));
	c->n = start;
	for (k = 0; k < least; k++)
		if (append_piece(c, start, len) < 0)
			return -1;
	if (most == NO_END && least > 0)
		return pattern_emit(c, P_SPLIT, c->n - len, c->n + 1);
	first = c->n;
	if (most == NO_END) {
		if (pattern_emit(c, P_SPLIT, first + 1, 0) < 0 ||
		    append_piece(c, start, len) < 0 ||
		    pattern_emit(c, P_JUMP, first, 0) < 0)
			return -1;
		c->code[first].y = c->n;
		return 0;
	}
	for (k = least; k < most; k++)
		if (pattern_emit(c, P_SPLIT, c->n + 1, 0) < 0 ||
		    append_piece(c, start, len) < 0)
			return -1;
	for (i = first; k > least; k--, i += len + 1)
		c->code[i].y = c->n;
	return 0;
}

/* ------------------------------------------------------------------- pieces */

static int alternatives(struct pattern_compiler *c, unsigned depth);

/* \Q...\E; each character is a piece of its own only at its end. */
static int
quoted(struct pattern_compiler *c, uint32_t *ret_start)
{
	for (c->at++; c->at < c->text.len;) {
		if (pattern_ahead(c, "\\E")) {
			c->at += 2;
			return 0;
		}
		*ret_start = c->n;
		if (pattern_emit(c, P_CHAR, pattern_take_char(c), 0) < 0)
			return -1;
	}
	return 0;
}

static int
backslash(struct pattern_compiler *c, uint32_t *ret_start)
{
	static const char letters[] = "bBAzZ";
	static const uint8_t ops[] = { P_WORD, P_NO_WORD, P_START, P_END,
		P_LAST_END };
	const char *at;
	uint32_t v;
	int rc;

	c->at++;
	if (pattern_peek(c) == 'Q')
		return quoted(c, ret_start);
	at = pattern_peek(c) == '\0' ? NULL : strchr(letters, pattern_peek(c));
	if (at != NULL) {
		c->at++;
		return pattern_emit(c, ops[at - letters], 0, 0);
	}
	c->nranges = 0;
	rc = pattern_add_class(c, pattern_peek(c));
	if (rc != -2) {
		c->at++;
		return rc < 0 ? rc : pattern_emit_set(c, false);
	}
	return pattern_escaped(c, &v) < 0 ? -1 : pattern_emit(c, P_CHAR, v, 0);
}

/* Behind "(": skips ?: and ?<name>. */
static int
group_head(struct pattern_compiler *c)
{
	if (!pattern_ahead(c, "?"))
		return 0;
	if (pattern_ahead(c, "?:")) {
		c->at += 2;
		return 0;
	}
	if (pattern_ahead(c, "?=") || pattern_ahead(c, "?!") ||
	    pattern_ahead(c, "?<=") || pattern_ahead(c, "?<!"))
		return pattern_refuse(c, "look-around is not supported");
	if (!pattern_ahead(c, "?<"))
		return pattern_refuse(c, "only (?:...), (?<name>...) and "
		    "flags at the start are supported");
	while (c->at < c->text.len && pattern_peek(c) != '>')
		c->at++;
	c->at++;
	return 0;
}

static int
group(struct pattern_compiler *c, unsigned depth)
{
	const size_t open = c->at++;

	if (depth >= DEPTH_MAX)
		return pattern_refuse(c, "groups are nested too deeply");
	if (group_head(c) < 0 || alternatives(c, depth + 1) < 0)
		return -1;
	if (c->at >= c->text.len || pattern_peek(c) != ')') {
		c->at = open;
		return pattern_refuse(c, "a ( without its )");
	}
	c->at++;
	return 0;
}

static int
piece(struct pattern_compiler *c, unsigned depth, uint32_t *ret_start)
{
	switch (pattern_peek(c)) {
	case '\\':
		return backslash(c, ret_start);
	case '[':
		return pattern_bracket(c);
	case '(':
		return group(c, depth);
	case '.':
		c->at++;
		return pattern_emit(c, c->dot_all ? P_ALL : P_ANY, 0, 0);
	case '^':
		c->at++;
		return pattern_emit(c,
		    c->multi_line ? P_LINE_START : P_START, 0, 0);
	case '$':
		c->at++;
		return pattern_emit(c,
		    c->multi_line ? P_LINE_END : P_LAST_END, 0, 0);
	case '*':
	case '+':
	case '?':
	case '{':
		return pattern_refuse(c,
		    "nothing stands before this quantifier");
	default:
		return pattern_emit(c, P_CHAR, pattern_take_char(c), 0);
	}
}

/* -------------------------------------------------------------- quantifiers */

static int
count(struct pattern_compiler *c, int *ret_n)
{
	int n = 0;

	if (pattern_peek(c) < '0' || pattern_peek(c) > '9')
		return pattern_refuse(c, "a number is expected");
	while (pattern_peek(c) >= '0' && pattern_peek(c) <= '9') {
		n = n * 10 + (pattern_peek(c) - '0');
		if (n > REPEAT_MAX)
			return pattern_refuse(c, "more than 1000 repetitions");
		c->at++;
	}
	*ret_n = n;
	return 0;
}

/* {n} {n,} {n,m} */
static int
counts(struct pattern_compiler *c, int *ret_least, int *ret_most)
{
	c->at++;
	if (count(c, ret_least) < 0)
		return -1;
	*ret_most = *ret_least;
	if (pattern_peek(c) == ',') {
		c->at++;
		*ret_most = NO_END;
		if (pattern_peek(c) != '}' && count(c, ret_most) < 0)
			return -1;
	}
	if (pattern_peek(c) != '}')
		return pattern_refuse(c, "a { without its }");
	if (*ret_most != NO_END && *ret_most < *ret_least)
		return pattern_refuse(c, "a range that runs backwards");
	c->at++;
	return 0;
}

static int
quantifier(struct pattern_compiler *c, uint32_t start)
{
	int least = 0, most = NO_END;

	switch (pattern_peek(c)) {
	case '*':
	case '+':
	case '?':
		least = pattern_peek(c) == '+';
		most = pattern_peek(c) == '?' ? 1 : NO_END;
		c->at++;
		break;
	case '{':
		if (counts(c, &least, &most) < 0)
			return -1;
		break;
	default:
		return 0;
	}
	if (pattern_peek(c) == '+')
		return pattern_refuse(c, "possessive quantifiers are not "
		    "supported; leave the second + out");
	/* Lazy or not is no difference to whether it matches. */
	c->at += pattern_peek(c) == '?';
	return repeat(c, start, least, most);
}

static int
alternatives(struct pattern_compiler *c, unsigned depth)
{
	const uint32_t none = UINT32_MAX;
	uint32_t chain = none, start, before, at;

	for (;;) {
		start = c->n;
		while (c->at < c->text.len && pattern_peek(c) != '|' &&
		    (pattern_peek(c) != ')' || depth == 0)) {
			at = c->n;
			if (piece(c, depth, &at) < 0 || quantifier(c, at) < 0)
				return -1;
		}
		if (c->at >= c->text.len || pattern_peek(c) != '|')
			break;
		c->at++;
		if (insert_split(c, start, c->n + 2) < 0 ||
		    pattern_emit(c, P_JUMP, chain, 0) < 0)
			return -1;
		chain = c->n - 1;
	}
	/* The jumps behind alternatives form a chain until the end is known. */
	for (; chain != none; chain = before) {
		before = c->code[chain].x;
		c->code[chain].x = c->n;
	}
	return 0;
}

/* -------------------------------------------------------------------- whole */

/* A leading (?i), (?s), (?m) or several. */
static void
flags(struct pattern_compiler *c)
{
	size_t end;

	if (!pattern_ahead(c, "(?"))
		return;
	for (end = c->at + 2; end < c->text.len; end++)
		if (strchr("ism", c->text.ptr[end]) == NULL)
			break;
	if (end == c->at + 2 || end >= c->text.len ||
	    c->text.ptr[end] != ')')
		return;
	for (c->at += 2; c->at < end; c->at++) {
		c->icase = c->icase || pattern_peek(c) == 'i';
		c->dot_all = c->dot_all || pattern_peek(c) == 's';
		c->multi_line = c->multi_line || pattern_peek(c) == 'm';
	}
	c->at++;
}

/* The pattern with the memory for its runs. */
static struct pattern *
finish(const struct pattern_compiler *c)
{
	struct pattern *p = leat_arena_calloc(c->arena, 1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->ncode = c->n;
	p->icase = c->icase;
	p->code = leat_arena_memdup(c->arena, c->code,
	    c->n * sizeof(*c->code));
	p->sets = leat_arena_memdup(c->arena, c->sets,
	    c->nsets * sizeof(*c->sets));
	p->now.pc = leat_arena_calloc(c->arena, c->n, sizeof(uint16_t));
	p->next.pc = leat_arena_calloc(c->arena, c->n, sizeof(uint16_t));
	p->stack = leat_arena_calloc(c->arena, c->n, sizeof(uint16_t));
	p->mark = leat_arena_calloc(c->arena, c->n, sizeof(uint32_t));
	if (p->code == NULL || p->sets == NULL || p->now.pc == NULL ||
	    p->next.pc == NULL || p->stack == NULL || p->mark == NULL)
		return NULL;
	return p;
}

int
pattern_new(struct leat_str text, struct leat_arena *arena,
    struct pattern **ret_pattern, struct pattern_fault *ret_fault)
{
	struct pattern_compiler c = { .text = text, .arena = arena,
		.fault = ret_fault };
	struct leat_arena work;
	struct pattern *p = NULL;

	if (text.len > PATTERN_TEXT_MAX)
		return pattern_refuse(&c,
		    "the pattern is longer than 4096 bytes");
	leat_arena_init(&work, 4096, 0);
	c.code = leat_arena_calloc(&work, (size_t)PATTERN_CODE_MAX * 2,
	    sizeof(*c.code));
	c.sets = leat_arena_calloc(&work, PATTERN_SETS_MAX, sizeof(*c.sets));
	if (c.code == NULL || c.sets == NULL) {
		pattern_refuse(&c, NULL);
	} else {
		flags(&c);
		if (alternatives(&c, 0) == 0 &&
		    pattern_emit(&c, P_MATCH, 0, 0) == 0) {
			p = finish(&c);
			if (p == NULL)
				pattern_refuse(&c, NULL);
		}
	}
	leat_arena_fini(&work);
	if (p == NULL)
		return -1;
	*ret_pattern = p;
	return 0;
}
