/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the http-source stands, as JSON:
 *
 *	{"cursor":"17","seen":["1f.."],"page":3,"delivered":20,"prefix":"9a.."}
 *
 * Members that are not set are left out. Hashes are 16 hexadecimal digits.
 */
#include "http_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <leat/json.h>

int
source_set(char **at, const char *text, size_t len)
{
	char *copy = NULL;

	if (text != NULL) {
		copy = strndup(text, len);
		if (copy == NULL)
			return -1;
	}
	free(*at);
	*at = copy;
	return 0;
}

void
source_state_fini(struct source_state *st)
{
	free(st->cursor);
	free(st->next_cursor);
	free(st->link);
	free(st->etag);
	free(st->modified);
	memset(st, 0, sizeof(*st));
}

bool
source_seen_has(const struct source_seen *s, uint64_t hash)
{
	uint32_t i;

	for (i = 0; i < s->n; i++) {
		if (s->hash[i] == hash)
			return true;
	}
	return false;
}

void
source_seen_add(struct source_seen *s, uint64_t hash)
{
	if (source_seen_has(s, hash))
		return;
	if (s->n == SOURCE_SEEN_MAX)
		memmove(s->hash, s->hash + 1,
		    (size_t)--s->n * sizeof(s->hash[0]));
	s->hash[s->n++] = hash;
}

/* ----------------------------------------------------------------- reading */

static int
take_string(const struct leat_value *doc, const char *name, char **at)
{
	const struct leat_value *v = leat_map_value(doc, name);

	if (v == NULL)
		return 0;
	if (v->kind != LEAT_STRING)
		return -1;
	return source_set(at, v->u.s, v->len);
}

static int
take_number(const struct leat_value *doc, const char *name, int64_t *at)
{
	const struct leat_value *v = leat_map_value(doc, name);

	if (v == NULL)
		return 0;
	if (v->kind != LEAT_INT64 || v->u.i < 0)
		return -1;
	*at = v->u.i;
	return 0;
}

static int
parse_hash(const struct leat_value *v, uint64_t *at)
{
	uint64_t h = 0;
	uint32_t i;

	if (v->kind != LEAT_STRING || v->len != 16)
		return -1;
	for (i = 0; i < 16; i++) {
		char c = v->u.s[i];

		if (c >= '0' && c <= '9')
			h = h << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			h = h << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -1;
	}
	*at = h;
	return 0;
}

static int
take_hash(const struct leat_value *doc, const char *name, uint64_t *at)
{
	const struct leat_value *v = leat_map_value(doc, name);

	return v == NULL ? 0 : parse_hash(v, at);
}

static int
take_seen(const struct leat_value *doc, const char *name,
    struct source_seen *s)
{
	const struct leat_value *v = leat_map_value(doc, name);
	uint32_t i;

	s->n = 0;
	if (v == NULL)
		return 0;
	if (v->kind != LEAT_ARRAY || v->len > SOURCE_SEEN_MAX)
		return -1;
	for (i = 0; i < v->len; i++) {
		if (parse_hash(&v->u.items[i], &s->hash[i]) < 0)
			return -1;
	}
	s->n = v->len;
	return 0;
}

int
source_state_parse(struct source_state *st, const char *text,
    struct leat_err *err)
{
	struct leat_arena a;
	struct leat_value doc;
	int rc;

	leat_arena_init(&a, 4096, 16 * 1024 * 1024);
	rc = leat_json_parse(&a, text, strlen(text), &doc, NULL);
	if (rc < 0 || doc.kind != LEAT_MAP ||
	    take_string(&doc, "cursor", &st->cursor) < 0 ||
	    take_string(&doc, "next_cursor", &st->next_cursor) < 0 ||
	    take_string(&doc, "link", &st->link) < 0 ||
	    take_string(&doc, "etag", &st->etag) < 0 ||
	    take_string(&doc, "modified", &st->modified) < 0 ||
	    take_number(&doc, "page", &st->page) < 0 ||
	    take_number(&doc, "skip", &st->skip) < 0 ||
	    take_number(&doc, "delivered", &st->delivered) < 0 ||
	    take_hash(&doc, "prefix", &st->prefix) < 0 ||
	    take_hash(&doc, "body", &st->body) < 0 ||
	    take_seen(&doc, "seen", &st->seen) < 0 ||
	    take_seen(&doc, "next_seen", &st->next_seen) < 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
		    "the stored offset %.200s is not one of ours", text);
	leat_arena_fini(&a);
	return rc;
}

/* ----------------------------------------------------------------- writing */

static void
add_name(struct leat_buf *b, const char *name)
{
	leat_buf_add_str(b, b->data[b->len - 1] == '{' ? "\"" : ",\"");
	leat_buf_add_str(b, name);
	leat_buf_add_str(b, "\":");
}

static void
add_string(struct leat_buf *b, const char *name, const char *v)
{
	if (v == NULL || b->failed)
		return;
	add_name(b, name);
	leat_json_add_string(b, v, strlen(v));
}

static void
add_number(struct leat_buf *b, const char *name, int64_t v)
{
	if (v == 0 || b->failed)
		return;
	add_name(b, name);
	leat_buf_add_i64(b, v);
}

static void
add_hash(struct leat_buf *b, const char *name, uint64_t v)
{
	if (v == 0 || b->failed)
		return;
	add_name(b, name);
	leat_buf_printf(b, "\"%016" PRIx64 "\"", v);
}

static void
add_seen(struct leat_buf *b, const char *name, const struct source_seen *s)
{
	uint32_t i;

	if (s->n == 0 || b->failed)
		return;
	add_name(b, name);
	for (i = 0; i < s->n; i++)
		leat_buf_printf(b, "%c\"%016" PRIx64 "\"", i > 0 ? ',' : '[',
		    s->hash[i]);
	leat_buf_add_byte(b, ']');
}

int
source_state_print(const struct source_state *st, struct leat_buf *b)
{
	leat_buf_add_byte(b, '{');
	add_string(b, "cursor", st->cursor);
	add_seen(b, "seen", &st->seen);
	add_string(b, "next_cursor", st->next_cursor);
	add_seen(b, "next_seen", &st->next_seen);
	add_string(b, "link", st->link);
	add_number(b, "page", st->page);
	add_number(b, "skip", st->skip);
	add_number(b, "delivered", st->delivered);
	add_hash(b, "prefix", st->prefix);
	add_hash(b, "body", st->body);
	add_string(b, "etag", st->etag);
	add_string(b, "modified", st->modified);
	leat_buf_add_byte(b, '}');
	return b->failed ? -1 : 0;
}
