/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with ${variables}.
 */
#include "http_template.h"

static const struct {
	const char *name;
	enum http_var var;
	bool takes_pointer;
} vars[] = {
	{ "topic", HTTP_VAR_TOPIC, false },
	{ "partition", HTTP_VAR_PARTITION, false },
	{ "offset", HTTP_VAR_OFFSET, false },
	{ "timestamp", HTTP_VAR_TIMESTAMP, false },
	{ "key", HTTP_VAR_KEY, true },
	{ "value", HTTP_VAR_VALUE, true },
	{ "cursor", HTTP_VAR_CURSOR, false },
	{ "page", HTTP_VAR_PAGE, false },
	{ "offset", HTTP_VAR_SKIP, false },
	{ "limit", HTTP_VAR_LIMIT, false },
};

static int
add_part(struct http_template *t, enum http_var var, struct leat_str text)
{
	if (var == HTTP_VAR_TEXT && text.len == 0)
		return 0;
	if (t->nparts == HTTP_PARTS_MAX)
		return -1;
	t->parts[t->nparts++] = (struct http_part){ var, text };
	t->vars |= var == HTTP_VAR_TEXT ? 0 : 1u << var;
	return 0;
}

static int
unknown_variable(struct leat_str name, const char *option, uint32_t allowed,
    struct leat_err *err)
{
	char list[200];
	struct leat_buf b;
	size_t i;

	leat_buf_init(&b, sizeof(list));
	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		if ((allowed >> vars[i].var & 1) != 0)
			leat_buf_printf(&b, "%s${%s}", b.len > 0 ? " " : "",
			    vars[i].name);
	}
	leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%s: unknown variable '${%.*s}' (allowed: %.*s)", option,
	    (int)name.len, name.ptr, (int)b.len, (const char *)b.data);
	leat_buf_fini(&b);
	return LEAT_E_CONFIG;
}

/* `s` is what stands between the braces. */
static int
parse_variable(struct http_template *t, struct leat_str s, const char *option,
    uint32_t allowed, struct leat_err *err)
{
	struct leat_str pointer = s;
	struct leat_str name = leat_str_cut(&pointer, ':');
	size_t i;

	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		if ((allowed >> vars[i].var & 1) == 0 ||
		    !leat_str_eq_c(name, vars[i].name))
			continue;
		if (name.len < s.len &&
		    (!vars[i].takes_pointer || pointer.len == 0 ||
			*pointer.ptr != '/'))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG,
			    "%s: '${%.*s}': only ${key:/pointer} and "
			    "${value:/pointer} take a JSON pointer",
			    option, (int)s.len, s.ptr);
		if (name.len == s.len)
			pointer = (struct leat_str){ "", 0 };
		if (add_part(t, vars[i].var, pointer) < 0)
			break;
		return 0;
	}
	if (t->nparts == HTTP_PARTS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s: more than %d variables", option, HTTP_PARTS_MAX / 2);
	return unknown_variable(name, option, allowed, err);
}

static int
check_literal(const char *text, const char *option, enum http_escape escape,
    struct leat_err *err)
{
	const unsigned char *p;

	if (escape == HTTP_ESCAPE_NONE)
		return 0;
	for (p = (const unsigned char *)text; *p != '\0'; p++) {
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f ||
		    (escape == HTTP_ESCAPE_URL && *p <= 0x20))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG,
			    "%s: blank or control character at %zu", option,
			    (size_t)((const char *)p - text));
	}
	return 0;
}

int
http_template_parse(struct http_template *t, const char *text,
    const char *option, uint32_t allowed, enum http_escape escape,
    struct leat_err *err)
{
	struct leat_str rest = leat_str_c(text);
	const char *p, *end;
	int rc;

	memset(t, 0, sizeof(*t));
	t->escape = escape;
	rc = check_literal(text, option, escape, err);
	while (rc == 0 && (p = memchr(rest.ptr, '$', rest.len)) != NULL) {
		size_t at = (size_t)(p - rest.ptr);
		bool brace = at + 1 < rest.len && p[1] == '{';
		bool twice = at + 1 < rest.len && p[1] == '$';

		/* A "$" alone, and the first of two, are text. */
		if (add_part(t, HTTP_VAR_TEXT, (struct leat_str){ rest.ptr,
		    at + (brace ? 0 : 1) }) < 0)
			break;
		rest.ptr += at + (twice ? 2 : 1);
		rest.len -= at + (twice ? 2 : 1);
		if (!brace)
			continue;
		end = memchr(rest.ptr, '}', rest.len);
		if (end == NULL)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "%s: '${' without '}'", option);
		rc = parse_variable(t, (struct leat_str){ rest.ptr + 1,
		    (size_t)(end - rest.ptr) - 1 }, option, allowed, err);
		rest.len -= (size_t)(end + 1 - rest.ptr);
		rest.ptr = end + 1;
	}
	if (rc == 0 && add_part(t, HTTP_VAR_TEXT, rest) < 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s: more than %d parts", option, HTTP_PARTS_MAX);
	return rc;
}

static bool
is_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/* Percent-encodes what stands from `at` to the end, in place. */
static int
escape_url(struct leat_buf *out, size_t at, struct leat_err *err)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i, more = 0;
	uint8_t *from, *to;

	for (i = at; i < out->len; i++)
		more += is_unreserved(out->data[i]) ? 0 : 2;
	if (more == 0)
		return 0;
	if (leat_buf_reserve(out, more) == NULL)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "url longer than %zu bytes", out->max);
	from = out->data + out->len;
	out->len += more;
	to = out->data + out->len;
	while (from > out->data + at) {
		uint8_t c = *--from;

		if (is_unreserved(c)) {
			*--to = c;
			continue;
		}
		*--to = (uint8_t)hex[c & 15];
		*--to = (uint8_t)hex[c >> 4];
		*--to = '%';
	}
	return 0;
}

/*
 * What a record puts into a URL must not change which resource is meant: an
 * empty value would name the collection, a dot segment something above.
 */
static int
check_segment(const struct http_part *part, const struct leat_buf *out,
    size_t at, struct leat_err *err)
{
	size_t n = out->len - at;

	if (part->var != HTTP_VAR_KEY && part->var != HTTP_VAR_VALUE)
		return 0;
	if (n == 0)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "nothing to put into the url for ${%s%s%.*s}",
		    part->var == HTTP_VAR_KEY ? "key" : "value",
		    part->text.len > 0 ? ":" : "", (int)part->text.len,
		    part->text.ptr);
	if (n <= 2 && out->data[at] == '.' && out->data[at + n - 1] == '.')
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "'%.*s' may not stand in a url", (int)n,
		    (const char *)out->data + at);
	return 0;
}

static int
check_header(const struct leat_buf *out, size_t at, struct leat_err *err)
{
	size_t i;

	for (i = at; i < out->len; i++) {
		if (out->data[i] < 0x20 || out->data[i] == 0x7f)
			return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "control character 0x%02x in a header value",
			    out->data[i]);
	}
	return 0;
}

int
http_template_expand(const struct http_template *t, http_var_fn *get,
    const void *ctx, struct leat_buf *out, struct leat_err *err)
{
	uint32_t i;
	int rc;

	for (i = 0; i < t->nparts; i++) {
		const struct http_part *part = &t->parts[i];
		size_t at = out->len;

		if (part->var == HTTP_VAR_TEXT) {
			leat_buf_add(out, part->text.ptr, part->text.len);
			continue;
		}
		rc = get(ctx, part, out, err);
		if (rc == 0 && t->escape == HTTP_ESCAPE_URL)
			rc = check_segment(part, out, at, err);
		if (rc == 0 && t->escape == HTTP_ESCAPE_URL)
			rc = escape_url(out, at, err);
		if (rc == 0 && t->escape == HTTP_ESCAPE_HEADER)
			rc = check_header(out, at, err);
		if (rc < 0)
			return rc;
	}
	if (out->failed)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "text longer than %zu bytes", out->max);
	return 0;
}
