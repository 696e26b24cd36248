/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_regex.c: translates a pattern piece by piece into an extended regular
 * expression, all of it in one more group between ^ and $.
 */
#include "core/record/java_regex.h"

#include <errno.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

#include "core/record/memory.h"

enum {
	GROUPS_MAX = 32,	/* of POSIX, the outer one included */
	PATTERN_MAX = 4096,
	NAME_MAX_BYTES = 31
};

struct java_regex {
	regex_t re;
	/* Per Java group its POSIX group and its name (empty: none). */
	uint8_t group[GROUPS_MAX];
	char name[GROUPS_MAX][NAME_MAX_BYTES + 1];
	unsigned ngroups;	/* of Java, [0] being the whole */
};

struct translator {
	const char *start;
	const char *p;
	struct leat_buf out;
	struct java_regex *to;
	unsigned nposix;	/* groups opened so far */
	bool icase;
	struct leat_err *err;
};

/* Bytes of a bracket expression. */
struct set {
	uint8_t has[256];
};

static int
refuse(struct translator *t, const char *what, const char *hint)
{
	return leat_err_set(t->err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "the regular expression '%.200s' uses %s at character %zu%s%s",
	    t->start, what, (size_t)(t->p - t->start) + 1,
	    hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

/* ------------------------------------------------------- sets of characters */

static void
set_range(struct set *s, unsigned from, unsigned to)
{
	for (; from <= to; from++)
		s->has[from] = 1;
}

static void
set_invert(struct set *s)
{
	unsigned i;

	for (i = 1; i < 256; i++)
		s->has[i] = !s->has[i];
}

/* The class of \d, \w, \s and their opposites; false for other letters. */
static bool
set_class(struct set *to, char letter)
{
	struct set s = { { 0 } };
	unsigned i;

	switch (letter | 32) {
	case 'd':
		set_range(&s, '0', '9');
		break;
	case 'w':
		set_range(&s, '0', '9');
		set_range(&s, 'A', 'Z');
		set_range(&s, 'a', 'z');
		s.has['_'] = 1;
		break;
	case 's':
		set_range(&s, '\t', '\r');
		s.has[' '] = 1;
		break;
	default:
		return false;
	}
	if (letter < 'a')
		set_invert(&s);
	for (i = 0; i < 256; i++)
		to->has[i] |= s.has[i];
	return true;
}

/* As POSIX wants it: ] first, then [ before anything it could combine with. */
static void
set_write(const struct set *s, struct leat_buf *to)
{
	unsigned i;

	if (s->has['^'] && memchr(&s->has[1], 1, '^' - 1) == NULL &&
	    memchr(&s->has['^' + 1], 1, 255 - '^') == NULL) {
		leat_buf_add_str(to, "\\^");
		return;
	}
	leat_buf_add_byte(to, '[');
	if (s->has[']'])
		leat_buf_add_byte(to, ']');
	for (i = 1; i < 256; i++)
		if (s->has[i] && i != ']' && i != '[' && i != '^' && i != '-')
			leat_buf_add_byte(to, (uint8_t)i);
	if (s->has['['])
		leat_buf_add_byte(to, '[');
	if (s->has['^'])
		leat_buf_add_byte(to, '^');
	if (s->has['-'])
		leat_buf_add_byte(to, '-');
	leat_buf_add_byte(to, ']');
}

/* One character behind a backslash; 0 if it is not one. */
static char
escaped(char c)
{
	static const char from[] = "tnrfae";
	static const char to[] = "\t\n\r\f\a\033";
	const char *at = c == '\0' ? NULL : strchr(from, c);

	if (at != NULL)
		return to[at - from];
	if (c == '\0' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z'))
		return '\0';
	return c;
}

/* One member of a bracket expression: a class, or *ret_c. */
static int
bracket_member(struct translator *t, struct set *s, char *ret_c)
{
	*ret_c = *t->p++;
	if (*ret_c != '\\')
		return 0;
	if (set_class(s, *t->p)) {
		*ret_c = '\0';
		t->p++;
		return 0;
	}
	*ret_c = escaped(*t->p);
	if (*ret_c == '\0')
		return refuse(t, "an escape that is not supported", NULL);
	t->p++;
	return 0;
}

static int
bracket(struct translator *t)
{
	struct set s = { { 0 } };
	bool invert = false;
	char c, to;

	t->p++;
	if (*t->p == '^') {
		invert = true;
		t->p++;
	}
	do {
		if (*t->p == '\0')
			return refuse(t, "a [ without its ]", NULL);
		if (*t->p == '[' || (t->p[0] == '&' && t->p[1] == '&'))
			return refuse(t, "a set inside a set",
			    "list the characters instead");
		if (bracket_member(t, &s, &c) < 0)
			return -1;
		if (c == '\0')
			continue;
		to = c;
		if (t->p[0] == '-' && t->p[1] != ']' && t->p[1] != '\0') {
			t->p++;
			if (bracket_member(t, &s, &to) < 0)
				return -1;
		}
		if ((uint8_t)to < (uint8_t)c)
			return refuse(t, "a range that runs backwards", NULL);
		set_range(&s, (uint8_t)c, (uint8_t)to);
	} while (*t->p != ']');
	t->p++;
	if (invert)
		set_invert(&s);
	set_write(&s, &t->out);
	return 0;
}

/* ------------------------------------------------------------------- pieces */

static void
literal(struct translator *t, char c)
{
	if (strchr(".[]{}()*+?|^$\\", c) != NULL && c != ']' && c != '}')
		leat_buf_add_byte(&t->out, '\\');
	leat_buf_add_byte(&t->out, (uint8_t)c);
}

static int
backslash(struct translator *t)
{
	struct set s = { { 0 } };
	char c = t->p[1];

	if (c == 'Q') {
		for (t->p += 2; *t->p != '\0'; t->p++) {
			if (t->p[0] == '\\' && t->p[1] == 'E') {
				t->p += 2;
				return 0;
			}
			literal(t, *t->p);
		}
		return 0;
	}
	if (set_class(&s, c)) {
		set_write(&s, &t->out);
		t->p += 2;
		return 0;
	}
	if (c >= '1' && c <= '9')
		return refuse(t, "a back reference", NULL);
	if (c == 'b' || c == 'B')
		return refuse(t, "a word boundary", "the whole text must "
		    "match, so say what stands around the word");
	c = escaped(c);
	if (c == '\0')
		return refuse(t, "an escape that is not supported", NULL);
	literal(t, c);
	t->p += 2;
	return 0;
}

/* A ( with what may follow it. */
static int
group(struct translator *t)
{
	struct java_regex *re = t->to;
	const char *end;
	size_t len = 0;

	t->nposix++;
	if (t->nposix >= GROUPS_MAX || re->ngroups >= GROUPS_MAX)
		return refuse(t, "too many groups", NULL);
	leat_buf_add_byte(&t->out, '(');
	if (t->p[1] == '?' && t->p[2] == ':') {
		t->p += 3;
		return 0;
	}
	if (t->p[1] == '?' && t->p[2] == '<' && t->p[3] != '=' &&
	    t->p[3] != '!') {
		end = strchr(t->p, '>');
		len = end != NULL ? (size_t)(end - t->p) - 3 : 0;
		if (len == 0 || len > NAME_MAX_BYTES)
			return refuse(t, "a group's name that is not valid",
			    NULL);
		memcpy(re->name[re->ngroups], t->p + 3, len);
		t->p = end;
	} else if (t->p[1] == '?') {
		return refuse(t, "look-around or a flag inside",
		    "only (?:...), (?<name>...) and a leading (?i) are "
		    "supported");
	}
	re->group[re->ngroups++] = (uint8_t)t->nposix;
	t->p++;
	return 0;
}

/* Behind a quantifier: ? would make it lazy, + possessive. */
static int
quantifier(struct translator *t)
{
	do {
		leat_buf_add_byte(&t->out, (uint8_t)*t->p);
	} while (*t->p++ != '}' && t->p[-1] != '*' && t->p[-1] != '+' &&
	    t->p[-1] != '?' && *t->p != '\0');
	if (*t->p == '?')
		return refuse(t, "a lazy quantifier",
		    "exclude the character that follows, as in [^.]*");
	if (*t->p == '+')
		return refuse(t, "a possessive quantifier",
		    "leave the second + out");
	return 0;
}

static int
translate(struct translator *t)
{
	int rc = 0;

	if (strncmp(t->p, "(?i)", 4) == 0) {
		t->icase = true;
		t->p += 4;
	}
	while (rc == 0 && *t->p != '\0') {
		switch (*t->p) {
		case '\\':
			rc = backslash(t);
			break;
		case '[':
			rc = bracket(t);
			break;
		case '(':
			rc = group(t);
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			rc = quantifier(t);
			break;
		default:
			leat_buf_add_byte(&t->out, (uint8_t)*t->p++);
			break;
		}
	}
	return rc;
}

/* ----------------------------------------------------------------- compiled */

static int
compile(struct translator *t)
{
	const char *text = leat_buf_cstr(&t->out);
	char why[120];
	int rc;

	rc = text == NULL ? REG_ESPACE : regcomp(&t->to->re, text,
	    REG_EXTENDED | (t->icase ? REG_ICASE : 0));
	if (rc == 0)
		return 0;
	if (rc == REG_ESPACE)
		return leat_err_set(t->err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	regerror(rc, &t->to->re, why, sizeof(why));
	return leat_err_set(t->err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "the regular expression '%.200s' is not valid: %s", t->start, why);
}

int
java_regex_new(const char *pattern, struct java_regex **ret_regex,
    struct leat_err *err)
{
	struct translator t = { .start = pattern, .p = pattern, .nposix = 1,
		.err = err };
	int rc;

	if (strlen(pattern) > PATTERN_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "the regular expression '%.40s...' is too long", pattern);
	t.to = calloc(1, sizeof(*t.to));
	if (t.to == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	t.to->group[0] = 0;
	t.to->ngroups = 1;
	leat_buf_init(&t.out, (size_t)PATTERN_MAX * 300);
	leat_buf_add_str(&t.out, "^(");
	rc = translate(&t);
	leat_buf_add_str(&t.out, ")$");
	if (rc == 0)
		rc = compile(&t);
	leat_buf_fini(&t.out);
	if (rc < 0) {
		free(t.to);
		return rc;
	}
	*ret_regex = t.to;
	return 0;
}

void
java_regex_free(struct java_regex *re)
{
	if (re == NULL)
		return;
	regfree(&re->re);
	free(re);
}

bool
java_regex_matches(const struct java_regex *re, const char *text)
{
	return regexec(&re->re, text, 0, NULL, 0) == 0;
}

/* -------------------------------------------------------------- replacement */

/* The group behind a $ in a replacement; *p is moved behind it. -1: none. */
static int
which_group(const struct java_regex *re, const char **p)
{
	const char *end;
	unsigned i, n;
	size_t len;

	if (**p == '{') {
		end = strchr(*p, '}');
		if (end == NULL)
			return -1;
		len = (size_t)(end - *p) - 1;
		for (i = 1; i < re->ngroups; i++)
			if (strlen(re->name[i]) == len &&
			    memcmp(re->name[i], *p + 1, len) == 0)
				break;
		*p = end + 1;
		return i < re->ngroups ? (int)i : -1;
	}
	if (**p < '0' || **p > '9')
		return -1;
	n = (unsigned)(*(*p)++ - '0');
	if (n >= re->ngroups)
		return -1;
	/* More digits belong to it as long as there is such a group. */
	while (**p >= '0' && **p <= '9' &&
	    n * 10 + (unsigned)(**p - '0') < re->ngroups)
		n = n * 10 + (unsigned)(*(*p)++ - '0');
	return (int)n;
}

int
java_regex_check_replacement(const struct java_regex *re,
    const char *replacement, struct leat_err *err)
{
	const char *p = replacement, *at;

	while (*p != '\0') {
		at = p++;
		if (*at == '\\' && *p != '\0')
			p++;
		else if (*at == '$' && which_group(re, &p) < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "the replacement '%.200s' names a "
			    "group that the regular expression does not have",
			    replacement);
	}
	return 0;
}

int
java_regex_replace(const struct java_regex *re, const char *text,
    const char *replacement, struct leat_arena *arena, const char **ret_text,
    struct leat_err *err)
{
	const size_t len = strlen(text);
	const char *p;
	regmatch_t m[GROUPS_MAX];
	size_t size = strlen(replacement) + 1;
	char *to, *copy;
	int g;

	*ret_text = NULL;
	if (regexec(&re->re, text, GROUPS_MAX, m, 0) != 0)
		return 0;
	for (p = replacement; *p != '\0'; p++)
		size += *p == '$' ? len : 0;
	to = copy = leat_arena_alloc(arena, size);
	if (copy == NULL)
		return record_no_memory(arena, err);
	for (p = replacement; *p != '\0';) {
		if (*p == '\\' && p[1] != '\0') {
			*to++ = p[1];
			p += 2;
		} else if (*p == '$') {
			p++;
			g = which_group(re, &p);
			g = g < 0 ? 0 : re->group[g];
			if (m[g].rm_so >= 0) {
				memcpy(to, text + m[g].rm_so,
				    (size_t)(m[g].rm_eo - m[g].rm_so));
				to += m[g].rm_eo - m[g].rm_so;
			}
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	*ret_text = copy;
	return 0;
}
