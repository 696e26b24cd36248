/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_run.c: all threads of a pattern walk the text together, one character
 * at a time. A program counter is in a round's list once at most, which bounds
 * the work.
 */
#include <string.h>

#include "core/record/expr/pattern_code.h"

enum { NO_CHAR = 0x110000 };	/* before the first and behind the last */

struct run {
	struct pattern *p;
	uint32_t before;	/* the characters around the position */
	uint32_t after;
	bool at_last;		/* `after` is the text's last line end */
	bool matched;
};

/* The code point at *at; a byte that is not UTF-8 stands for itself. */
static uint32_t
next_char(struct leat_str s, size_t *at)
{
	const uint8_t *b = (const uint8_t *)s.ptr + *at;
	const size_t left = s.len - *at;
	uint32_t c = b[0], more;

	more = c < 0xc2 ? 0 : c < 0xe0 ? 1
	    : c < 0xf0                 ? 2
	    : c < 0xf5                 ? 3
				       : 0;
	if (more == 0 || left <= more ||
	    !leat_utf8_valid(b, (size_t)more + 1)) {
		*at += 1;
		return c;
	}
	c &= 0x3fU >> more;
	*at += more + 1;
	while (more-- > 0)
		c = c << 6 | (*++b & 0x3f);
	return c;
}

static bool
is_line_end(uint32_t c)
{
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 ||
	    c == 0x2029;
}

static bool
is_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
holds(const struct run *r, uint8_t op)
{
	switch (op) {
	case P_START:
		return r->before == NO_CHAR;
	case P_END:
		return r->after == NO_CHAR;
	case P_LAST_END:
		return r->after == NO_CHAR || r->at_last;
	case P_LINE_START:
		return r->before == NO_CHAR || (is_line_end(r->before) &&
		    r->after != NO_CHAR);
	case P_LINE_END:
		return r->after == NO_CHAR || is_line_end(r->after);
	case P_WORD:
		return is_word(r->before) != is_word(r->after);
	default:
		return is_word(r->before) == is_word(r->after);
	}
}

/* What a step without a character leads to: pushed, unless it was before. */
static uint32_t
push(struct run *r, uint32_t n, uint32_t pc)
{
	struct pattern *p = r->p;

	if (p->mark[pc] == p->round)
		return n;
	p->mark[pc] = p->round;
	p->stack[n] = (uint16_t)pc;
	return n + 1;
}

/* Adds a thread with all that it reaches without a character. */
static void
add(struct run *r, struct pattern_threads *to, uint32_t pc)
{
	struct pattern *p = r->p;
	uint32_t n = push(r, 0, pc);

	while (n > 0) {
		const struct pattern_step *s;

		pc = p->stack[--n];
		s = &p->code[pc];
		if (s->op <= P_SET) {
			to->pc[to->n++] = (uint16_t)pc;
		} else if (s->op == P_SPLIT) {
			n = push(r, n, s->x);
			n = push(r, n, s->y);
		} else if (s->op == P_JUMP) {
			n = push(r, n, s->x);
		} else if (s->op == P_MATCH) {
			r->matched = true;
		} else if (holds(r, s->op)) {
			n = push(r, n, pc + 1);
		}
	}
}

static bool
in_set(const struct pattern_set *set, uint32_t c)
{
	uint32_t i;

	for (i = 0; i < set->n; i++)
		if (c >= set->ranges[i].from && c <= set->ranges[i].to)
			return true;
	return false;
}

/* The other case of an ASCII letter. */
static uint32_t
other_case(uint32_t c)
{
	const uint32_t l = c | 0x20;

	return c < 0x80 && l >= 'a' && l <= 'z' ? c ^ 0x20 : c;
}

static bool
takes(const struct pattern *p, const struct pattern_step *s, uint32_t c)
{
	const struct pattern_set *set;
	const uint32_t other = p->icase ? other_case(c) : c;

	switch (s->op) {
	case P_CHAR:
		return s->x == c || s->x == other;
	case P_ANY:
		return !is_line_end(c);
	case P_SET:
		set = &p->sets[s->x];
		return (in_set(set, c) || (other != c && in_set(set, other)))
		    != set->invert;
	default:
		return true;
	}
}

static void
new_round(struct pattern *p)
{
	if (++p->round == 0) {
		memset(p->mark, 0, p->ncode * sizeof(*p->mark));
		p->round = 1;
	}
}

/* Moves to the character behind `at`; r->before is the one just passed. */
static void
look_ahead(struct run *r, struct leat_str text, size_t at, size_t *ret_behind)
{
	size_t last;

	*ret_behind = at;
	r->after = NO_CHAR;
	r->at_last = false;
	if (at == text.len)
		return;
	r->after = next_char(text, ret_behind);
	last = text.len - at;
	r->at_last = is_line_end(r->after) && (*ret_behind == text.len ||
	    (last == 2 && memcmp(text.ptr + at, "\r\n", 2) == 0)) &&
	    !(r->before == '\r' && r->after == '\n');
}

int
pattern_test(struct pattern *p, struct leat_str text, bool whole,
    bool *ret_matches)
{
	struct run r = { .p = p, .before = NO_CHAR };
	struct pattern_threads swap;
	int64_t work = 0;
	size_t at = 0, behind;
	uint32_t i;

	p->now.n = 0;
	new_round(p);
	look_ahead(&r, text, 0, &behind);
	add(&r, &p->now, 0);
	while (at < text.len && (whole || !r.matched)) {
		const uint32_t c = r.after;

		work += p->now.n + 1;
		if (work > PATTERN_WORK_MAX)
			return LEAT_E_LIMIT;
		if (whole && p->now.n == 0)
			break;
		at = behind;
		r.before = c;
		r.matched = false;
		look_ahead(&r, text, at, &behind);
		new_round(p);
		p->next.n = 0;
		for (i = 0; i < p->now.n; i++)
			if (takes(p, &p->code[p->now.pc[i]], c))
				add(&r, &p->next, p->now.pc[i] + 1U);
		if (!whole)
			add(&r, &p->next, 0);
		swap = p->now;
		p->now = p->next;
		p->next = swap;
	}
	*ret_matches = r.matched && (at == text.len || !whole);
	return 0;
}
