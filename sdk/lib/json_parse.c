/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_parse.c: JSON text to values, in one pass.
 *
 * Finished values are pushed on a stack of their own; the end of an array or
 * object copies what was pushed since its beginning into the arena and pushes
 * the container instead. The stack starts in the caller's frame and moves into
 * the arena when it grows.
 */
#include <leat/json.h>

#include <errno.h>

#include "sdk/lib/float.h"
#include "sdk/lib/scan.h"

enum { STACK_ITEMS = 64 };

struct parser {
	const uint8_t *start;
	const uint8_t *cur;
	const uint8_t *end;
	struct leat_arena *arena;
	struct leat_err *err;
	struct leat_value *items;	/* the stack */
	size_t n;
	size_t cap;
	int depth;		/* open arrays and objects */
};

static int parse_value(struct parser *p);

static int
fail(struct parser *p, const char *reason)
{
	return leat_err_set(p->err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "byte %zu: %s", (size_t)(p->cur - p->start), reason);
}

/* What is expected here, unless the text ends here. */
static int
fail_at_end(struct parser *p, const char *expected)
{
	return fail(p, p->cur == p->end ? "unexpected end" : expected);
}

static int
no_memory(struct parser *p)
{
	return leat_err_set(p->err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory for JSON of %zu bytes",
	    (size_t)(p->end - p->start));
}

static size_t
left(const struct parser *p)
{
	return (size_t)(p->end - p->cur);
}

static void
skip_space(struct parser *p)
{
	while (p->cur < p->end && (*p->cur == ' ' || *p->cur == '\n' ||
	    *p->cur == '\t' || *p->cur == '\r'))
		p->cur++;
}

/* Skips white space; the byte behind it, 0 at the end. */
static uint8_t
peek(struct parser *p)
{
	uint8_t c = p->cur < p->end ? *p->cur : 0;

	if (c > ' ')
		return c;
	skip_space(p);
	return p->cur < p->end ? *p->cur : 0;
}

static int
grow_stack(struct parser *p)
{
	struct leat_value *items;

	items = leat_arena_calloc(p->arena, p->cap * 2, sizeof(*items));
	if (items == NULL)
		return no_memory(p);
	memcpy(items, p->items, p->n * sizeof(*items));
	p->items = items;
	p->cap *= 2;
	return 0;
}

static int
push(struct parser *p, struct leat_value v)
{
	int rc;

	if (p->n == p->cap && (rc = grow_stack(p)) < 0)
		return rc;
	p->items[p->n++] = v;
	return 0;
}

/* Replaces what was pushed since `base` by one container. */
static int
push_container(struct parser *p, uint8_t kind, size_t base)
{
	size_t n = p->n - base, bytes = n * sizeof(struct leat_value);
	struct leat_value *copy = NULL;

	if (n > UINT32_MAX)
		return fail(p, "too many items");
	if (n > 0) {
		copy = leat_arena_memdup(p->arena, p->items + base, bytes);
		if (copy == NULL)
			return no_memory(p);
	}
	p->n = base;
	return push(p, leat_items(kind, copy, kind == LEAT_MAP ? n / 2 : n));
}

/* ---------------------------------------------------------------- strings */

/*
 * Moves behind plain text: up to a quote or backslash, through valid UTF-8.
 */
static int
skip_text(struct parser *p)
{
	size_t n;

	for (;;) {
		p->cur += scan_json(p->cur, left(p), 1);
		if (p->cur == p->end)
			return fail(p, "unterminated string");
		if (*p->cur == '"' || *p->cur == '\\')
			return 0;
		if (*p->cur < 0x20)
			return fail(p, "control character in a string");
		while (p->cur < p->end && *p->cur >= 0x80) {
			n = scan_utf8_char(p->cur, left(p));
			if (n == 0)
				return fail(p, "invalid UTF-8");
			p->cur += n;
		}
	}
}

/* Four hex digits, or -1. */
static int32_t
hex4(const uint8_t *s)
{
	int32_t v = 0;
	int i;

	for (i = 0; i < 4; i++) {
		uint8_t c = s[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static size_t
put_utf8(uint8_t *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (uint8_t)(0xc0 | c >> 6);
		to[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (uint8_t)(0xe0 | c >> 12);
		to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		to[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (uint8_t)(0xf0 | c >> 18);
	to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	to[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

/* \uXXXX, or two of them for a character beyond U+FFFF. */
static int
unescape_u(struct parser *p, uint8_t **to)
{
	int32_t c, low;

	c = left(p) < 6 ? -1 : hex4(p->cur + 2);
	if (c < 0)
		return fail(p, "bad \\u escape");
	if (c >= 0xdc00 && c <= 0xdfff)
		return fail(p, "lone surrogate");
	if (c >= 0xd800 && c <= 0xdbff) {
		low = left(p) < 12 || p->cur[6] != '\\' || p->cur[7] != 'u' ?
		    -1 : hex4(p->cur + 8);
		if (low < 0xdc00 || low > 0xdfff)
			return fail(p, "lone surrogate");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p->cur += 6;
	}
	p->cur += 6;
	*to += put_utf8(*to, (uint32_t)c);
	return 0;
}

static int
unescape(struct parser *p, uint8_t **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (left(p) < 2)
		return fail(p, "unterminated string");
	if (p->cur[1] == 'u')
		return unescape_u(p, to);
	at = p->cur[1] == 0 ? NULL : strchr(from, p->cur[1]);
	if (at == NULL)
		return fail(p, "bad escape");
	*(*to)++ = (uint8_t)into[at - from];
	p->cur += 2;
	return 0;
}

/* Bytes from the cursor to the closing quote: what unescaped text needs. */
static size_t
raw_length(const struct parser *p)
{
	const uint8_t *s = p->cur;

	while (s < p->end && *s != '"')
		s += *s == '\\' && p->end - s > 1 ? 2 : 1;
	return (size_t)(s - p->cur);
}

/* A string with escapes: `head` is the plain text before the first one. */
static int
parse_escaped(struct parser *p, const uint8_t *head)
{
	size_t n = (size_t)(p->cur - head);
	uint8_t *copy, *to;
	int rc;

	copy = leat_arena_alloc(p->arena, n + raw_length(p));
	if (copy == NULL)
		return no_memory(p);
	memcpy(copy, head, n);
	to = copy + n;
	while (*p->cur != '"') {
		if ((rc = unescape(p, &to)) < 0)
			return rc;
		head = p->cur;
		if ((rc = skip_text(p)) < 0)
			return rc;
		n = (size_t)(p->cur - head);
		memcpy(to, head, n);
		to += n;
	}
	p->cur++;
	return push(p, leat_string((char *)copy, (size_t)(to - copy)));
}

/* The cursor is on the opening quote. */
static int
parse_string(struct parser *p)
{
	const uint8_t *s = ++p->cur;
	int rc = skip_text(p);

	if (rc < 0)
		return rc;
	if (p->cur - s > UINT32_MAX)
		return fail(p, "string too long");
	if (*p->cur == '\\')
		return parse_escaped(p, s);
	p->cur++;
	return push(p, leat_string((const char *)s, (size_t)(p->cur - 1 - s)));
}

/* ---------------------------------------------------------------- numbers */

static bool
at_digit(const struct parser *p)
{
	return p->cur < p->end && *p->cur >= '0' && *p->cur <= '9';
}

static void
skip_digits(struct parser *p)
{
	while (at_digit(p))
		p->cur++;
}

/* What follows the integer part: a fraction, an exponent, both or nothing. */
static int
skip_fraction(struct parser *p)
{
	if (p->cur < p->end && *p->cur == '.') {
		p->cur++;
		if (!at_digit(p))
			return fail(p, "expected a digit behind the point");
		skip_digits(p);
	}
	if (p->cur < p->end && (*p->cur | 0x20) == 'e') {
		p->cur++;
		if (p->cur < p->end && (*p->cur == '+' || *p->cur == '-'))
			p->cur++;
		if (!at_digit(p))
			return fail(p, "expected a digit in the exponent");
		skip_digits(p);
	}
	return 0;
}

static int
push_double(struct parser *p, const uint8_t *s)
{
	double v = leat_f64_from_text((const char *)s, (size_t)(p->cur - s));

	if (__builtin_isinf(v)) {
		p->cur = s;
		return fail(p, "number out of range");
	}
	return push(p, leat_f64(v));
}

/* Reads the integer part; is it at most INT64_MAX, or one more if minus? */
static bool
read_integer(struct parser *p, bool minus, uint64_t *ret_value)
{
	uint64_t v = 0;
	bool fits = true;
	int safe;

	/* So many digits cannot overflow. */
	for (safe = 18; safe > 0 && at_digit(p); safe--, p->cur++)
		v = v * 10 + (uint64_t)(*p->cur - '0');
	for (; at_digit(p); p->cur++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p->cur - '0'), &v))
			fits = false;
	*ret_value = v;
	return fits && v <= (uint64_t)INT64_MAX + minus;
}

static int
parse_number(struct parser *p)
{
	const uint8_t *s = p->cur, *digits, *behind;
	bool minus = *s == '-', fits;
	uint64_t v;
	int rc;

	p->cur += minus;
	if (!at_digit(p))
		return fail(p, "expected a digit");
	digits = p->cur;
	fits = read_integer(p, minus, &v);
	behind = p->cur;
	if (*digits == '0' && behind - digits > 1) {
		p->cur = digits;
		return fail(p, "leading zero in a number");
	}
	if ((rc = skip_fraction(p)) < 0)
		return rc;
	if (!fits || p->cur != behind)
		return push_double(p, s);
	return push(p, leat_i64((int64_t)(minus ? -v : v)));
}

/* ------------------------------------------------------------- structure */

static int
parse_word(struct parser *p, const char *word, struct leat_value v)
{
	size_t n = strlen(word);

	if (left(p) < n || memcmp(p->cur, word, n) != 0)
		return fail(p, "expected a value");
	p->cur += n;
	return push(p, v);
}

static int
enter(struct parser *p)
{
	if (p->depth == LEAT_JSON_DEPTH)
		return fail(p, "nested too deeply");
	p->depth++;
	p->cur++;
	return 0;
}

/* Behind an item: 1 to go on, 0 at the end of the container, or an error. */
static int
next_item(struct parser *p, uint8_t close, const char *expected)
{
	uint8_t c = peek(p);

	if (c != ',' && c != close)
		return fail_at_end(p, expected);
	p->cur++;
	return c == ',';
}

static int
parse_array(struct parser *p)
{
	size_t base = p->n;
	int rc = enter(p);

	if (rc < 0)
		return rc;
	if (peek(p) == ']') {
		p->cur++;
	} else {
		do {
			if ((rc = parse_value(p)) < 0)
				return rc;
			rc = next_item(p, ']', "expected ',' or ']'");
		} while (rc > 0);
		if (rc < 0)
			return rc;
	}
	p->depth--;
	return push_container(p, LEAT_ARRAY, base);
}

static int
parse_member(struct parser *p)
{
	int rc;

	if (peek(p) != '"')
		return fail_at_end(p, "expected a member name");
	if ((rc = parse_string(p)) < 0)
		return rc;
	if (peek(p) != ':')
		return fail_at_end(p, "expected ':'");
	p->cur++;
	return parse_value(p);
}

static int
parse_object(struct parser *p)
{
	size_t base = p->n;
	int rc = enter(p);

	if (rc < 0)
		return rc;
	if (peek(p) == '}') {
		p->cur++;
	} else {
		do {
			if ((rc = parse_member(p)) < 0)
				return rc;
			rc = next_item(p, '}', "expected ',' or '}'");
		} while (rc > 0);
		if (rc < 0)
			return rc;
	}
	p->depth--;
	return push_container(p, LEAT_MAP, base);
}

/* Recursion ends at LEAT_JSON_DEPTH: see enter(). */
static int
parse_value(struct parser *p)
{
	switch (peek(p)) {
	case '{':
		return parse_object(p);
	case '[':
		return parse_array(p);
	case '"':
		return parse_string(p);
	case 't':
		return parse_word(p, "true", leat_bool(1));
	case 'f':
		return parse_word(p, "false", leat_bool(0));
	case 'n':
		return parse_word(p, "null", leat_null());
	case '-':
		return parse_number(p);
	default:
		if (at_digit(p))
			return parse_number(p);
		return fail_at_end(p, "expected a value");
	}
}

int
leat_json_parse_prefix(struct leat_arena *a, const char *text, size_t len,
    struct leat_value *ret_value, size_t *ret_used, struct leat_err *err)
{
	struct leat_value stack[STACK_ITEMS];
	const uint8_t *s = (const uint8_t *)(len > 0 ? text : "");
	struct parser p = { .start = s, .cur = s, .end = s + len, .arena = a,
	    .err = err, .items = stack, .cap = STACK_ITEMS };
	int rc = parse_value(&p);

	if (rc < 0)
		return rc;
	*ret_value = p.items[0];
	*ret_used = (size_t)(p.cur - p.start);
	return 0;
}

int
leat_json_parse(struct leat_arena *a, const char *text, size_t len,
    struct leat_value *ret_value, struct leat_err *err)
{
	struct leat_value v;
	size_t used;
	int rc = leat_json_parse_prefix(a, text, len, &v, &used, err);

	if (rc < 0)
		return rc;
	while (used < len && strchr(" \t\r\n", text[used]) != NULL &&
	    text[used] != '\0')
		used++;
	if (used < len)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
		    "byte %zu: text behind the value", used);
	*ret_value = v;
	return 0;
}
