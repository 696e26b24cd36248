/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_filter.h"

#include <errno.h>
#include <stdlib.h>

#include <leat/buf.h>

enum { FILTER_PATTERN_MAX = 64 * 1024 };

/* Java's spellings that POSIX lacks, outside of bracket expressions. */
static void
translate(struct leat_buf *b, const char *p)
{
	int in_bracket = 0;

	for (; *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] == 'd') {
			leat_buf_add_str(b, in_bracket ? "0-9" : "[0-9]");
			p++;
		} else if (p[0] == '\\' && p[1] == 'D' && !in_bracket) {
			leat_buf_add_str(b, "[^0-9]");
			p++;
		} else if (p[0] == '\\' && p[1] != '\0' && !in_bracket) {
			(void)leat_buf_add(b, p, 2);
			p++;
		} else if (p[0] == '(' && p[1] == '?' && p[2] == ':') {
			(void)leat_buf_add_byte(b, '(');
			p += 2;
		} else {
			if (p[0] == '[')
				in_bracket = 1;
			else if (p[0] == ']')
				in_bracket = 0;
			(void)leat_buf_add_byte(b, (uint8_t)p[0]);
		}
	}
}

int
pg_regex_compile(regex_t *re, const char *option, const char *pattern,
    struct leat_err *err)
{
	struct leat_buf b;
	char why[128];
	const char *text;
	int rc;

	leat_buf_init(&b, FILTER_PATTERN_MAX);
	leat_buf_add_str(&b, "^(");
	translate(&b, pattern);
	leat_buf_add_str(&b, ")$");
	text = leat_buf_cstr(&b);
	rc = text == NULL ? REG_ESPACE :
	    regcomp(re, text, REG_EXTENDED | REG_ICASE | REG_NOSUB);
	leat_buf_fini(&b);
	if (rc == 0)
		return 0;
	regerror(rc, NULL, why, sizeof(why));
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%s: '%s' is not a regular expression: %s", option, pattern, why);
}

int
pg_filter_init(struct pg_filter *f, const char *option,
    const struct leat_list *list, struct leat_err *err)
{
	*f = (struct pg_filter){ 0 };
	if (list->len == 0)
		return 0;
	f->res = calloc(list->len, sizeof(*f->res));
	if (f->res == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	for (uint32_t i = 0; i < list->len; i++) {
		int rc = pg_regex_compile(&f->res[i], option, list->items[i],
		    err);

		if (rc < 0) {
			pg_filter_fini(f);
			return rc;
		}
		f->len++;
	}
	return 0;
}

void
pg_filter_fini(struct pg_filter *f)
{
	for (uint32_t i = 0; i < f->len; i++)
		regfree(&f->res[i]);
	free(f->res);
	*f = (struct pg_filter){ 0 };
}

int32_t
pg_filter_find(const struct pg_filter *f, const char *name)
{
	for (uint32_t i = 0; i < f->len; i++)
		if (regexec(&f->res[i], name, 0, NULL, 0) == 0)
			return (int32_t)i;
	return -1;
}
