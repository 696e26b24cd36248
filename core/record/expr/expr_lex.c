/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_lex.c: tokens; strings in three kinds of quotes.
 */
#include "core/record/expr/expr_lex.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/record/expr/expr_node.h"

int
expr_lex_fail(struct expr_lexer *l, uint32_t at, const char *fmt, ...)
{
	char what[300], place[48];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return leat_err_set(l->err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s: %s",
	    expr_place(l->text, at, place), what);
}

static int
no_memory(struct expr_lexer *l)
{
	return leat_err_set(l->err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (uint8_t)c >= 0x80;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ------------------------------------------------------------------- tokens */

/* White space, line ends and comments. */
static int
skip(struct expr_lexer *l)
{
	const char *p, *end;

	for (;;) {
		p = l->text + l->at;
		if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
			l->at++;
		} else if (p[0] == '/' && p[1] == '/') {
			l->at += (uint32_t)strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			end = strstr(p + 2, "*/");
			if (end == NULL)
				return expr_lex_fail(l, l->at,
				    "a comment without its */");
			l->at = (uint32_t)(end + 2 - l->text);
		} else {
			return 0;
		}
	}
}

/* Digits with _ between them, a fraction, an exponent, a suffix. */
static uint32_t
number_len(const char *p)
{
	const char *start = p;

	if (p[0] == '0' && (p[1] | 0x20) == 'x') {
		for (p += 2; is_digit(*p) || is_name(*p);)
			p++;
		return (uint32_t)(p - start);
	}
	while (is_digit(*p) || *p == '_')
		p++;
	if (p[0] == '.' && is_digit(p[1]))
		for (p++; is_digit(*p) || *p == '_';)
			p++;
	if ((*p | 0x20) == 'e' && (is_digit(p[1]) ||
	    ((p[1] == '-' || p[1] == '+') && is_digit(p[2]))))
		for (p += 2; is_digit(*p);)
			p++;
	while (is_name(*p) || is_digit(*p))
		p++;
	return (uint32_t)(p - start);
}

static bool
sign_at(const char *p, struct expr_token *t)
{
	static const char *const signs[] = {
#define SIGN(name, text) text,
		EXPR_SIGNS(SIGN)
#undef SIGN
	};
	unsigned i;

	for (i = 0; i < S_N; i++)
		if (strncmp(p, signs[i], strlen(signs[i])) == 0) {
			t->sign = (uint8_t)i;
			t->text = leat_str_c(signs[i]);
			return true;
		}
	return false;
}

int
expr_lex_next(struct expr_lexer *l)
{
	struct expr_token *t = &l->token;
	const char *p;
	uint32_t len = 0;

	if (skip(l) < 0)
		return -1;
	p = l->text + l->at;
	*t = (struct expr_token){ .at = l->at, .text = { p, 0 } };
	if (*p == '\0') {
		t->kind = T_END;
	} else if (is_digit(*p)) {
		t->kind = T_NUMBER;
		len = number_len(p);
	} else if (*p == '\'' || *p == '"') {
		t->kind = T_QUOTE;
		len = 1;
	} else if (is_name(*p)) {
		t->kind = T_NAME;
		while (is_name(p[len]) || is_digit(p[len]))
			len++;
	} else if (sign_at(p, t)) {
		t->kind = T_SIGN;
		len = (uint32_t)t->text.len;
	} else {
		return expr_lex_fail(l, l->at, "'%c' is not expected here%s",
		    *p, *p == '$' ? "; \"${...}\" stands in double quotes"
		    : "");
	}
	t->text.len = len;
	l->at += len;
	return 0;
}

/* ------------------------------------------------------------------ strings */

static int
unicode(struct expr_lexer *l, struct leat_buf *to)
{
	const char *p = l->text + l->at;
	uint32_t c = 0;
	unsigned i;

	for (i = 0; i < 4; i++) {
		const char d = (char)(p[i] | 0x20);

		if (is_digit(p[i]))
			c = c * 16 + (uint32_t)(p[i] - '0');
		else if (d >= 'a' && d <= 'f')
			c = c * 16 + (uint32_t)(d - 'a') + 10;
		else
			return expr_lex_fail(l, l->at,
			    "expected four hexadecimal digits behind \\u");
	}
	if (c >= 0xd800 && c < 0xe000)
		return expr_lex_fail(l, l->at, "half a character; write the "
		    "character itself");
	l->at += 4;
	if (c < 0x80)
		return leat_buf_add_byte(to, (uint8_t)c);
	if (c >= 0x800) {
		leat_buf_add_byte(to, (uint8_t)(0xe0 | c >> 12));
		leat_buf_add_byte(to, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	} else {
		leat_buf_add_byte(to, (uint8_t)(0xc0 | c >> 6));
	}
	return leat_buf_add_byte(to, (uint8_t)(0x80 | (c & 0x3f)));
}

/* Behind a backslash. */
static int
escape(struct expr_lexer *l, struct leat_buf *to)
{
	static const char from[] = "ntrbf\\'\"$";
	static const char is[] = "\n\t\r\b\f\\'\"$";
	const char c = l->text[l->at];
	const char *at = c == '\0' ? NULL : strchr(from, c);

	if (c == 'u') {
		l->at++;
		return unicode(l, to);
	}
	if (at == NULL)
		return expr_lex_fail(l, l->at - 1, "the escape \\%c is not "
		    "known; a backslash is \\\\, or write the pattern "
		    "between slashes: /\\d+/", c == '\0' ? ' ' : c);
	l->at++;
	return leat_buf_add_byte(to, (uint8_t)is[at - from]);
}

/* Is the string at its end, or at something to compute? */
static bool
piece_ends(const char *p, char quote, enum expr_string_end *ret_end)
{
	*ret_end = STRING_QUOTE;
	if (*p == quote)
		return true;
	if (quote == '\'' || p[0] != '$')
		return false;
	*ret_end = p[1] == '{' ? STRING_BLOCK : STRING_NAME;
	return p[1] == '{' || is_name(p[1]);
}

int
expr_lex_string(struct expr_lexer *l, char quote,
    struct leat_str *ret_piece, enum expr_string_end *ret_end)
{
	const uint32_t start = l->at;
	struct leat_buf buf;
	const char *p;
	int rc = 0;

	leat_buf_init(&buf, EXPR_TEXT_MAX);
	while (rc == 0) {
		p = l->text + l->at;
		if (*p == '\0') {
			rc = expr_lex_fail(l, start - 1,
			    "a string without its closing %c", quote);
		} else if (piece_ends(p, quote, ret_end)) {
			l->at += *ret_end == STRING_BLOCK ? 2 : 1;
			break;
		} else if (*p == '\\' && (quote != '/' || p[1] == '/')) {
			l->at++;
			rc = quote != '/' ? escape(l, &buf)
			    : leat_buf_add_byte(&buf, (uint8_t)*++p);
			l->at += quote == '/';
		} else {
			rc = leat_buf_add_byte(&buf, (uint8_t)*p);
			l->at++;
		}
	}
	if (rc == 0) {
		ret_piece->len = buf.len;
		ret_piece->ptr = leat_arena_strndup(l->arena,
		    buf.data != NULL ? (const char *)buf.data : "", buf.len);
		rc = ret_piece->ptr == NULL ? no_memory(l) : 0;
	} else if (buf.failed) {
		rc = no_memory(l);
	}
	leat_buf_fini(&buf);
	return rc;
}
