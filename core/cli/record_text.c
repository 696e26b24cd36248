/* SPDX-License-Identifier: Apache-2.0 */
/* record_text.c: see record_text.h. */
#include "core/cli/record_text.h"

#include <ctype.h>
#include <string.h>

#include <leat/json.h>
#include <leat/value.h>

/* ----------------------------------------------------------- the format */

static int
hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* One character that may be escaped; the bytes it took, or -1. */
static int
one_char(const char *s, char *ret)
{
	static const char escapes[] = "n\nt\tr\r0\0\\\\";

	*ret = *s;
	if (*s != '\\')
		return 1;
	if (s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
		*ret = (char)(hex(s[2]) << 4 | hex(s[3]));
		return 4;
	}
	for (size_t i = 0; i < sizeof(escapes) - 1; i += 2)
		if (s[1] == escapes[i]) {
			*ret = escapes[i + 1];
			return 2;
		}
	return -1;
}

int64_t
record_unescape(const char *text, char *to, size_t size)
{
	size_t n = 0;

	while (*text != '\0') {
		char c;
		int used = one_char(text, &c);

		if (used < 0 || n == size)
			return -1;
		to[n++] = c;
		text += used;
	}
	return (int64_t)n;
}

static int
end_part(struct record_format *f, size_t from, char letter)
{
	struct format_part *p = &f->parts[f->nparts];

	if (f->nparts == FORMAT_PARTS_MAX)
		return -1;
	p->letter = letter;
	p->at = (uint16_t)from;
	p->len = (uint16_t)(f->text_len - from);
	f->nparts++;
	f->headers |= letter == 'h';
	return 0;
}

int
record_format_parse(
    struct record_format *f, const char *text, struct leat_err *err)
{
	size_t from = 0;

	memset(f, 0, sizeof(*f));
	f->null = LEAT_STR("null");
	while (*text != '\0') {
		char c = '\0';
		int used;

		if (text[0] == '%' && text[1] != '%') {
			if (text[1] == '\0' ||
			    strchr("tpoksKSTh", text[1]) == NULL)
				return leat_err_set(err, LEAT_CLS_CONFIG,
				    LEAT_E_PARSE,
				    "'%.2s' is none of %%t %%p %%o %%k %%s "
				    "%%K %%S %%T %%h %%%%", text);
			if (end_part(f, from, text[1]) < 0)
				goto too_long;
			from = f->text_len;
			text += 2;
			continue;
		}
		used = one_char(text, &c);
		if (used < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_PARSE,
			    "'%.2s' is none of \\n \\t \\r \\0 \\\\ \\xHH",
			    text);
		if (f->text_len == FORMAT_TEXT_MAX)
			goto too_long;
		f->text[f->text_len++] = c;
		text += text[0] == '%' ? 2 : used;
	}
	if (end_part(f, from, '\0') == 0)
		return 0;
too_long:
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
	    "more than %d letters or %d bytes of text", FORMAT_PARTS_MAX - 1,
	    FORMAT_TEXT_MAX);
}

static void
print_bytes(const struct record_format *f, struct leat_str s,
    struct leat_buf *to)
{
	if (s.ptr == NULL)
		s = f->null;
	leat_buf_add(to, s.ptr, s.len);
}

static void
print_headers(const struct record_format *f, const struct cli_record *r,
    struct leat_buf *to)
{
	for (size_t i = 0; i < r->nheaders; i++) {
		if (i > 0)
			leat_buf_add_byte(to, ',');
		print_bytes(f, r->headers[i].name, to);
		leat_buf_add_byte(to, '=');
		print_bytes(f, r->headers[i].value, to);
	}
}

static int64_t
size_of(struct leat_str s)
{
	return s.ptr == NULL ? -1 : (int64_t)s.len;
}

void
record_print(const struct record_format *f, const struct cli_record *r,
    struct leat_buf *to)
{
	for (size_t i = 0; i < f->nparts; i++) {
		const struct format_part *p = &f->parts[i];

		leat_buf_add(to, f->text + p->at, p->len);
		switch (p->letter) {
		case 't': print_bytes(f, r->topic, to); break;
		case 'p': leat_buf_add_i64(to, r->partition); break;
		case 'o': leat_buf_add_i64(to, r->offset); break;
		case 'k': print_bytes(f, r->key, to); break;
		case 's': print_bytes(f, r->value, to); break;
		case 'K': leat_buf_add_i64(to, size_of(r->key)); break;
		case 'S': leat_buf_add_i64(to, size_of(r->value)); break;
		case 'T': leat_buf_add_i64(to, r->timestamp); break;
		case 'h': print_headers(f, r, to); break;
		default: break;
		}
	}
}

/* ----------------------------------------------------------------- JSON */

/* {"base64": "text"}: how bytes are written, so no value may look like it. */
static bool
is_base64(const struct leat_value *v)
{
	return v->kind == LEAT_MAP && v->len == 1 && v->u.items[0].len == 6 &&
	    memcmp(v->u.items[0].u.s, "base64", 6) == 0;
}

/* May this text stand in the line as it is? */
static bool
is_plain_json(struct leat_str s, struct leat_arena *arena)
{
	struct leat_value v;

	if (s.len == 0 || strchr("{[-0123456789tf", s.ptr[0]) == NULL ||
	    s.ptr[0] == '\0' || isspace((unsigned char)s.ptr[s.len - 1]) ||
	    memchr(s.ptr, '\n', s.len) != NULL)
		return false;
	leat_arena_reset(arena);
	return leat_json_parse(arena, s.ptr, s.len, &v, NULL) == 0 &&
	    !is_base64(&v);
}

static void
add_base64(struct leat_buf *to, struct leat_str s)
{
	char *room;

	leat_buf_add_str(to, "{\"base64\":\"");
	room = (char *)leat_buf_reserve(to, leat_base64_len(s.len));
	if (room == NULL)
		return;
	leat_base64_encode(room, s.ptr, s.len);
	to->len += leat_base64_len(s.len);
	leat_buf_add_str(to, "\"}");
}

static void
add_json(struct leat_buf *to, struct leat_str s, struct leat_arena *arena)
{
	if (s.ptr == NULL)
		leat_buf_add_str(to, "null");
	else if (!leat_utf8_valid(s.ptr, s.len))
		add_base64(to, s);
	else if (is_plain_json(s, arena))
		leat_buf_add(to, s.ptr, s.len);
	else
		leat_json_add_string(to, s.ptr, s.len);
}

void
record_print_json(const struct cli_record *r, struct leat_arena *arena,
    struct leat_buf *to)
{
	leat_buf_add_str(to, "{\"topic\":");
	leat_json_add_string(to, r->topic.ptr, r->topic.len);
	leat_buf_add_str(to, ",\"partition\":");
	leat_buf_add_i64(to, r->partition);
	leat_buf_add_str(to, ",\"offset\":");
	leat_buf_add_i64(to, r->offset);
	leat_buf_add_str(to, ",\"timestamp\":");
	if (r->timestamp >= 0)
		leat_buf_add_i64(to, r->timestamp);
	else
		leat_buf_add_str(to, "null");
	leat_buf_add_str(to, ",\"key\":");
	add_json(to, r->key, arena);
	leat_buf_add_str(to, ",\"value\":");
	add_json(to, r->value, arena);
	leat_buf_add_str(to, ",\"headers\":[");
	for (size_t i = 0; i < r->nheaders; i++) {
		leat_buf_add_str(to, i > 0 ? ",{\"name\":" : "{\"name\":");
		add_json(to, r->headers[i].name, arena);
		leat_buf_add_str(to, ",\"value\":");
		add_json(to, r->headers[i].value, arena);
		leat_buf_add_byte(to, '}');
	}
	leat_buf_add_str(to, "]}\n");
}

/* --------------------------------------------------------- JSON, parsed */

static struct leat_str
skip_blanks(struct leat_str s)
{
	while (s.len > 0 && isspace((unsigned char)*s.ptr)) {
		s.ptr++;
		s.len--;
	}
	return s;
}

static bool
take(struct leat_str *rest, char c)
{
	*rest = skip_blanks(*rest);
	if (rest->len == 0 || *rest->ptr != c)
		return false;
	rest->ptr++;
	rest->len--;
	return true;
}

/* A value with the text it was made of. */
static int
take_value(struct leat_str *rest, struct leat_arena *arena,
    struct leat_value *v, struct leat_str *ret_raw, struct leat_err *err)
{
	size_t used = 0;
	int rc;

	*rest = skip_blanks(*rest);
	rc = leat_json_parse_prefix(
	    arena, rest->ptr, rest->len, v, &used, err);
	if (rc < 0)
		return rc;
	*ret_raw = leat_str_trim((struct leat_str){ rest->ptr, used });
	rest->ptr += used;
	rest->len -= used;
	return 0;
}

/* What add_json() wrote. */
static int
bytes_of(const struct leat_value *v, struct leat_str raw,
    struct leat_arena *arena, struct leat_str *ret, struct leat_err *err)
{
	const struct leat_value *text;
	uint8_t *to;
	int64_t n;

	*ret = raw;
	if (v->kind == LEAT_NULL)
		*ret = (struct leat_str){ NULL, 0 };
	else if (v->kind == LEAT_STRING)
		*ret = (struct leat_str){ v->len > 0 ? v->u.s : "", v->len };
	if (!is_base64(v))
		return 0;
	text = &v->u.items[1];
	if (text->kind != LEAT_STRING)
		goto bad;
	to = leat_arena_alloc(arena, text->len / 4 * 3 + 3);
	n = to == NULL ? -1 : leat_base64_decode(to, text->u.s, text->len);
	if (n < 0)
		goto bad;
	*ret = (struct leat_str){ (const char *)to, (size_t)n };
	return 0;
bad:
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "what stands behind \"base64\" is none");
}

static int
number_of(const struct leat_value *v, const char *name, int64_t most,
    int64_t *ret, struct leat_err *err)
{
	if (v->kind == LEAT_NULL)
		return 0;
	if (v->kind != LEAT_INT64 || v->u.i < -1 || v->u.i > most)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
		    "\"%s\" is not a number from 0 to %lld", name,
		    (long long)most);
	*ret = v->u.i;
	return 0;
}

/* {"name": "a", "value": ..}; "key" serves as the name too. */
static int
take_header(struct leat_str *rest, struct leat_arena *arena,
    struct cli_header *h, struct leat_err *err)
{
	struct leat_value name, v;
	struct leat_str raw, is;

	memset(h, 0, sizeof(*h));
	if (!take(rest, '{'))
		goto bad;
	do {
		int rc = take_value(rest, arena, &name, &raw, err);

		if (rc < 0)
			return rc;
		if (name.kind != LEAT_STRING || !take(rest, ':'))
			goto bad;
		rc = take_value(rest, arena, &v, &raw, err);
		if (rc < 0)
			return rc;
		is = (struct leat_str){ name.u.s, name.len };
		if (leat_str_eq_c(is, "value"))
			rc = bytes_of(&v, raw, arena, &h->value, err);
		else if (leat_str_eq_c(is, "name") || leat_str_eq_c(is, "key"))
			rc = bytes_of(&v, raw, arena, &h->name, err);
		else
			goto bad;
		if (rc < 0)
			return rc;
	} while (take(rest, ','));
	if (take(rest, '}') && h->name.ptr != NULL)
		return 0;
bad:
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "\"headers\" is not [{\"name\": .., \"value\": ..}, ..]");
}

enum { HEADERS_MAX = 4096 };

static int
take_headers(struct leat_str raw, uint32_t n, struct leat_arena *arena,
    struct cli_record *ret, struct leat_err *err)
{
	struct cli_header *all;

	if (n > HEADERS_MAX)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "more than %d headers", HEADERS_MAX);
	all = leat_arena_calloc(arena, n, sizeof(*all));
	if (all == NULL)
		return leat_err_set(
		    err, LEAT_CLS_RETRY, LEAT_E_LIMIT, "out of memory");
	take(&raw, '[');
	for (uint32_t i = 0; i < n; i++) {
		int rc = take_header(&raw, arena, &all[i], err);

		if (rc < 0)
			return rc;
		take(&raw, ',');
	}
	ret->headers = all;
	ret->nheaders = n;
	return 0;
}

static int
member(struct leat_str name, const struct leat_value *v, struct leat_str raw,
    struct leat_arena *arena, struct cli_record *ret, struct leat_err *err)
{
	int64_t n = -1;
	int rc;

	if (leat_str_eq_c(name, "key"))
		return bytes_of(v, raw, arena, &ret->key, err);
	if (leat_str_eq_c(name, "value"))
		return bytes_of(v, raw, arena, &ret->value, err);
	if (leat_str_eq_c(name, "timestamp"))
		return number_of(v, "timestamp", INT64_MAX, &ret->timestamp,
		    err);
	if (leat_str_eq_c(name, "partition")) {
		rc = number_of(v, "partition", INT32_MAX, &n, err);
		ret->partition = (int32_t)n;
		return rc;
	}
	if (leat_str_eq_c(name, "headers")) {
		if (v->kind == LEAT_NULL)
			return 0;
		if (v->kind == LEAT_ARRAY)
			return take_headers(raw, v->len, arena, ret, err);
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
		    "\"headers\" is not an array");
	}
	if (leat_str_eq_c(name, "topic") || leat_str_eq_c(name, "offset"))
		return 0;
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "'%.*s' is none of key, value, headers, partition, timestamp, "
	    "topic, offset", (int)(name.len < 64 ? name.len : 64), name.ptr);
}

int
record_parse_json(struct leat_str line, struct leat_arena *arena,
    struct cli_record *ret, struct leat_err *err)
{
	struct leat_str rest = line, raw;
	struct leat_value name, v;
	bool has_value = false;

	*ret = (struct cli_record){ .partition = -1,
		.offset = -1,
		.timestamp = -1 };
	if (!take(&rest, '{'))
		goto bad;
	do {
		int rc = take_value(&rest, arena, &name, &raw, err);
		struct leat_str text;

		if (rc < 0)
			return rc;
		if (name.kind != LEAT_STRING || !take(&rest, ':'))
			goto bad;
		rc = take_value(&rest, arena, &v, &raw, err);
		if (rc < 0)
			return rc;
		text = (struct leat_str){ name.u.s, name.len };
		has_value |= leat_str_eq_c(text, "value");
		rc = member(text, &v, raw, arena, ret, err);
		if (rc < 0)
			return rc;
	} while (take(&rest, ','));
	if (!take(&rest, '}') || skip_blanks(rest).len > 0)
		goto bad;
	if (has_value)
		return 0;
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "no \"value\" (null deletes a key)");
bad:
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "not one object {\"value\": .., ..}");
}
