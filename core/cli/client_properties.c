/* SPDX-License-Identifier: Apache-2.0 */
/* properties.c: see properties.h. */
#include "core/cli/client_properties.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

enum { PROPERTIES_MAX = 1 << 20 };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\r';
}

static struct leat_str
skip_blanks(struct leat_str s)
{
	while (s.len > 0 && is_blank(*s.ptr)) {
		s.ptr++;
		s.len--;
	}
	return s;
}

/*
 * One logical line without its leading blanks: a line that ends with an odd
 * number of backslashes goes on in the next one. false at the end.
 */
static bool
next_line(struct leat_str *rest, struct leat_buf *line, int *lineno)
{
	bool more = true;

	leat_buf_reset(line);
	if (rest->len == 0)
		return false;
	for (bool first = true; more && rest->len > 0; first = false) {
		struct leat_str s = leat_str_cut(rest, '\n');
		size_t slashes = 0;

		++*lineno;
		if (s.len > 0 && s.ptr[s.len - 1] == '\r')
			s.len--;
		s = skip_blanks(s);
		if (first && s.len > 0 && (*s.ptr == '#' || *s.ptr == '!'))
			break;
		while (slashes < s.len && s.ptr[s.len - 1 - slashes] == '\\')
			slashes++;
		more = slashes % 2 == 1;
		leat_buf_add(line, s.ptr, s.len - (more ? 1 : 0));
	}
	return true;
}

/* The four digits behind \u as UTF-8; -1 when they are none. */
static int
add_unicode(struct leat_buf *to, struct leat_str digits)
{
	unsigned c = 0;

	if (digits.len < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = tolower((unsigned char)digits.ptr[i]);

		if (!isxdigit(d))
			return -1;
		c = c * 16 + (unsigned)(d <= '9' ? d - '0' : d - 'a' + 10);
	}
	if (c == 0 || (c >= 0xd800 && c < 0xe000))
		return -1;
	if (c >= 0x800) {
		leat_buf_add_byte(to, (uint8_t)(0xe0 | c >> 12));
		leat_buf_add_byte(to, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	} else if (c >= 0x80) {
		leat_buf_add_byte(to, (uint8_t)(0xc0 | c >> 6));
	} else {
		return leat_buf_add_byte(to, (uint8_t)c);
	}
	return leat_buf_add_byte(to, (uint8_t)(0x80 | (c & 0x3f)));
}

/* Text without its escapes, up to an unescaped "=", ":" or blank if key. */
static int
unescape(struct leat_str *s, bool key, struct leat_buf *to)
{
	static const char escapes[] = "t\tn\nr\rf\f";

	for (; s->len > 0; s->ptr++, s->len--) {
		char c = *s->ptr;
		const char *e;

		if (key && (c == '=' || c == ':' || is_blank(c)))
			break;
		if (c != '\\' || s->len == 1) {
			leat_buf_add_byte(to, (uint8_t)c);
			continue;
		}
		c = *++s->ptr;
		s->len--;
		if (c == 'u') {
			struct leat_str digits = { s->ptr + 1, s->len - 1 };

			if (add_unicode(to, digits) < 0)
				return -1;
			s->ptr += 4;
			s->len -= 4;
			continue;
		}
		e = memchr(escapes, c, sizeof(escapes) - 1);
		leat_buf_add_byte(to, (uint8_t)(e != NULL ? e[1] : c));
	}
	leat_buf_add_byte(to, 0);
	return to->failed ? -1 : 0;
}

static int
parse_line(const struct leat_buf *line, struct leat_buf *to, size_t *ret_value)
{
	struct leat_str s = { (const char *)line->data, line->len };

	leat_buf_reset(to);
	if (unescape(&s, true, to) < 0)
		return -1;
	s = skip_blanks(s);
	if (s.len > 0 && (*s.ptr == '=' || *s.ptr == ':')) {
		s.ptr++;
		s.len--;
		s = skip_blanks(s);
	}
	*ret_value = to->len;
	return unescape(&s, false, to);
}

int
properties_parse(const char *text, size_t len, property_fn fn, void *arg,
    struct leat_err *err)
{
	struct leat_str rest = { text, len };
	struct leat_buf line, both;
	int lineno = 0, begin = 1, rc = 0;

	leat_buf_init(&line, PROPERTIES_MAX);
	leat_buf_init(&both, PROPERTIES_MAX);
	while (rc == 0 && next_line(&rest, &line, &lineno)) {
		size_t value = 0;

		if (line.failed || (line.len > 0 && parse_line(&line, &both,
		    &value) < 0))
			rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_PARSE,
			    "line %d: a bad escape, or too long", begin);
		else if (line.len > 0)
			rc = fn(arg, (const char *)both.data,
			    (const char *)both.data + value, begin, err);
		begin = lineno + 1;
	}
	leat_buf_fini(&line);
	leat_buf_fini(&both);
	return rc;
}

/* Copies a word or a quoted text; where it ends. */
static const char *
jaas_word(const char *s, char *to, size_t size)
{
	char quote = *s == '"' || *s == '\'' ? *s++ : '\0';
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (quote != '\0' ? *s == quote
				  : isspace((unsigned char)*s) || *s == ';' ||
			    *s == '=')
			break;
		if (quote != '\0' && *s == '\\' && s[1] != '\0')
			s++;
		if (n + 1 < size)
			to[n++] = *s;
	}
	to[n] = '\0';
	return quote != '\0' && *s == quote ? s + 1 : s;
}

int
properties_jaas(const char *jaas, const char *option, char *ret, size_t size)
{
	char name[128];

	while (*jaas != '\0') {
		bool wanted;

		if (isspace((unsigned char)*jaas) || *jaas == ';' ||
		    *jaas == '=') {
			jaas++;
			continue;
		}
		jaas = jaas_word(jaas, name, sizeof(name));
		if (*jaas != '=')
			continue;
		wanted = strcmp(name, option) == 0;
		jaas = jaas_word(jaas + 1, wanted ? ret : name,
		    wanted ? size : sizeof(name));
		if (wanted)
			return 1;
	}
	return 0;
}
