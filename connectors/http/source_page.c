/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one request to the next.
 *
 * Without pagination.restart and without a cursor in the records, pages are a
 * list that grows at its end: the last page is asked for again in the next
 * round, and what it held before is passed over (state.delivered and
 * state.prefix). With a cursor in the records each round begins at the first
 * page, with the cursor that the round before has reached.
 */
#include "http_source.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include <leat/json.h>

#include "http_field.h"
#include "http_link.h"

static bool
set(const char *s)
{
	return s != NULL && *s != '\0';
}

/* ---------------------------------------------------------------- requests */

int
source_page_variable(const void *ctx, const struct http_part *part,
    struct leat_buf *out, struct leat_err *err)
{
	const struct http_source *s = ctx;

	switch (part->var) {
	case HTTP_VAR_CURSOR:
		if (s->state.cursor != NULL)
			leat_buf_add_str(out, s->state.cursor);
		break;
	case HTTP_VAR_PAGE:
		leat_buf_add_i64(out, s->state.page);
		break;
	case HTTP_VAR_SKIP:
		leat_buf_add_i64(out, s->state.skip);
		break;
	case HTTP_VAR_LIMIT:
		leat_buf_add_i64(out, s->cfg->page_size);
		break;
	case HTTP_VAR_TEXT:
	case HTTP_VAR_TOPIC:
	case HTTP_VAR_PARTITION:
	case HTTP_VAR_OFFSET:
	case HTTP_VAR_TIMESTAMP:
	case HTTP_VAR_KEY:
	case HTTP_VAR_VALUE:
	case HTTP_VAR_N:
		break;
	}
	if (!out->failed)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
	    "request longer than %zu bytes", out->max);
}

static void
add_param(struct leat_buf *b, const char *name, const char *variable)
{
	const char *text = leat_buf_cstr(b);

	if (!set(name) || text == NULL || strstr(text, variable) != NULL)
		return;
	leat_buf_add_byte(b, strchr(text, '?') != NULL ? '&' : '?');
	leat_buf_add_str(b, name);
	leat_buf_add_byte(b, '=');
	leat_buf_add_str(b, variable);
}

/* The templates: the url with the parameters that options add to it. */
static int
make_urls(struct http_source *s, struct leat_err *err)
{
	const struct source_config *c = s->cfg;
	struct leat_buf b;
	const char *text;

	leat_buf_init(&b, HTTP_URL_MAX);
	leat_buf_add(&b, c->url, strcspn(c->url, "#"));
	if (c->pages == PAGES_PAGE)
		add_param(&b, c->page_param, "${page}");
	if (c->pages == PAGES_OFFSET)
		add_param(&b, c->offset_param, "${offset}");
	if (c->page_size > 0)
		add_param(&b, c->limit_param, "${limit}");
	text = leat_buf_cstr(&b);
	s->url_text = text != NULL ? strdup(text) : NULL;
	if (c->body == NULL || strstr(c->body, "${cursor}") == NULL)
		add_param(&b, c->cursor_param, "${cursor}");
	text = leat_buf_cstr(&b);
	s->url_cursor_text = text != NULL ? strdup(text) : NULL;
	leat_buf_fini(&b);
	if (s->url_text == NULL || s->url_cursor_text == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	if (http_template_parse(&s->url, s->url_text, "url", HTTP_VARS_SOURCE,
	    HTTP_ESCAPE_URL, err) < 0)
		return err->code;
	return http_template_parse(&s->url_cursor, s->url_cursor_text, "url",
	    HTTP_VARS_SOURCE, HTTP_ESCAPE_URL, err);
}

/* {"url":"https://host/path"}: the query may hold secrets, and varies. */
static int
make_partition(struct http_source *s, struct leat_err *err)
{
	struct leat_buf b;
	size_t len;

	leat_buf_init(&b, 2 * HTTP_URL_MAX);
	leat_buf_add_str(&b, "{\"url\":");
	leat_json_add_string(&b, s->cfg->url, strcspn(s->cfg->url, "?#"));
	leat_buf_add_byte(&b, '}');
	leat_buf_cstr(&b);
	s->partition = (char *)leat_buf_detach(&b, &len);
	if (s->partition == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	return 0;
}

int
source_page_init(struct http_source *s, struct leat_err *err)
{
	const struct source_config *c = s->cfg;
	uint32_t i;
	int rc;

	rc = make_urls(s, err);
	if (rc == 0)
		rc = make_partition(s, err);
	if (rc == 0 && c->body != NULL)
		rc = http_template_parse(&s->body, c->body, "body",
		    HTTP_VARS_SOURCE, HTTP_ESCAPE_NONE, err);
	for (i = 0; rc == 0 && i < c->http.headers.len; i++)
		rc = http_template_parse(&s->headers[i],
		    c->http.headers.items[i].value, "header",
		    HTTP_VARS_SOURCE, HTTP_ESCAPE_HEADER, err);
	s->state.page = c->page_start;
	if (rc == 0 && set(c->cursor_initial) &&
	    source_set(&s->state.cursor, c->cursor_initial, SIZE_MAX) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	return rc;
}

int
source_page_request(struct http_source *s, struct leat_err *err)
{
	const struct http_template *t = set(s->state.cursor) ? &s->url_cursor
							     : &s->url;
	int rc;

	leat_buf_reset(&s->request_url);
	leat_buf_reset(&s->request_body);
	if (s->state.link != NULL)
		rc = leat_buf_add_str(&s->request_url, s->state.link);
	else
		rc = http_template_expand(t, source_page_variable, s,
		    &s->request_url, err);
	if (rc == 0 && s->cfg->body != NULL)
		rc = http_template_expand(&s->body, source_page_variable, s,
		    &s->request_body, err);
	return rc;
}

/* ----------------------------------------------------------------- cursors */

/* The cursor in a record as text, in `b`; NULL where there is none. */
static const char *
cursor_text(const struct leat_value *v, const char *pointer,
    struct leat_buf *b)
{
	const struct leat_schema *schema = NULL;

	leat_buf_reset(b);
	v = http_field_find(NULL, v, leat_str_c(pointer), &schema);
	if (v == NULL || v->kind == LEAT_NULL ||
	    http_field_text(b, schema, v) < 0 || b->len == 0)
		return NULL;
	return leat_buf_cstr(b);
}

static bool
is_greater(const char *a, const char *b)
{
	int64_t x, y;

	if (leat_parse_i64(leat_str_c(a), INT64_MIN, INT64_MAX, &x) == 0 &&
	    leat_parse_i64(leat_str_c(b), INT64_MIN, INT64_MAX, &y) == 0)
		return x > y;
	return strcmp(a, b) > 0;
}

bool
source_page_seen(const struct http_source *s, const struct leat_value *rec,
    uint64_t hash)
{
	struct leat_buf b;
	const char *c;
	bool seen;

	if (!set(s->cfg->cursor_pointer) || s->state.cursor == NULL ||
	    !source_seen_has(&s->state.seen, hash))
		return false;
	leat_buf_init(&b, HTTP_HEADER_MAX);
	c = cursor_text(rec, s->cfg->cursor_pointer, &b);
	seen = c != NULL && strcmp(c, s->state.cursor) == 0;
	leat_buf_fini(&b);
	return seen;
}

int
source_page_record(struct http_source *s, const struct leat_value *rec,
    uint64_t hash)
{
	struct source_state *st = &s->state;
	struct leat_buf b;
	const char *c;
	int rc = 0;

	if (!set(s->cfg->cursor_pointer))
		return 0;
	leat_buf_init(&b, HTTP_HEADER_MAX);
	c = cursor_text(rec, s->cfg->cursor_pointer, &b);
	if (c == NULL) {
		rc = b.failed ? -ENOMEM : 0;
	} else if (st->next_cursor != NULL && strcmp(c, st->next_cursor) == 0) {
		source_seen_add(&st->next_seen, hash);
	} else if (st->next_cursor == NULL ||
	    s->cfg->cursor_select == SELECT_LAST ||
	    is_greater(c, st->next_cursor)) {
		rc = source_set(&st->next_cursor, c, b.len) < 0 ? -ENOMEM : 0;
		st->next_seen.n = 0;
		source_seen_add(&st->next_seen, hash);
	}
	leat_buf_fini(&b);
	return rc;
}

/* ------------------------------------------------------------------- pages */

/* A link from a server may lead only to where we were told to go. */
static int
follow_link(struct http_source *s, struct leat_str target, char **ret_url,
    struct leat_err *err)
{
	CURLU *u = curl_url(), *base = curl_url();
	char *text = strndup(target.ptr, target.len), *url = NULL;
	char *a[3] = { NULL }, *b[3] = { NULL };
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST,
		CURLUPART_PORT };
	int i, rc = 0;

	if (u == NULL || base == NULL || text == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	} else if (curl_url_set(base, CURLUPART_URL,
		       leat_buf_cstr(&s->request_url), 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, leat_buf_cstr(&s->request_url),
		0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &url, 0) != CURLUE_OK) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_PROTO,
		    "the next link '%.200s' is not a url", text);
	}
	for (i = 0; rc == 0 && i < 3; i++) {
		curl_url_get(u, parts[i], &a[i], CURLU_DEFAULT_PORT);
		curl_url_get(base, parts[i], &b[i], CURLU_DEFAULT_PORT);
		if (a[i] == NULL || b[i] == NULL || strcasecmp(a[i], b[i]) != 0)
			rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_REMOTE,
			    "the next link '%.200s' leads to another server",
			    text);
	}
	if (rc == 0 && source_set(ret_url, url, SIZE_MAX) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	for (i = 0; i < 3; i++) {
		curl_free(a[i]);
		curl_free(b[i]);
	}
	curl_free(url);
	curl_url_cleanup(u);
	curl_url_cleanup(base);
	free(text);
	return rc;
}

enum { END, MORE };

static int
advance_link(struct http_source *s, struct leat_err *err)
{
	struct leat_str target;
	int rc;

	if (s->resp.link == NULL ||
	    http_link_next(leat_str_c(s->resp.link), &target) < 0)
		return END;
	rc = follow_link(s, target, &s->state.link, err);
	return rc < 0 ? rc : MORE;
}

/* The cursor that a response gives, in `b`; NULL: none. */
static const char *
response_cursor(struct http_source *s, struct leat_buf *b)
{
	if (set(s->cfg->cursor_header))
		return set(s->resp.cursor) ? s->resp.cursor : NULL;
	if (!set(s->cfg->cursor_response))
		return NULL;
	return cursor_text(&s->doc, s->cfg->cursor_response, b);
}

static int
advance_cursor(struct http_source *s, struct leat_err *err)
{
	struct source_state *st = &s->state;
	struct leat_buf b;
	const char *c;
	int rc = END;

	leat_buf_init(&b, HTTP_HEADER_MAX);
	c = response_cursor(s, &b);
	if (c != NULL && (st->cursor == NULL || strcmp(c, st->cursor) != 0)) {
		rc = MORE;
		if (source_set(&st->cursor, c, SIZE_MAX) < 0)
			rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "no memory");
	}
	leat_buf_fini(&b);
	return rc;
}

static int
advance_page(struct http_source *s, struct leat_err *err)
{
	int64_t size = s->cfg->page_size;

	switch ((enum source_pages)s->cfg->pages) {
	case PAGES_NONE:
		/* A new cursor, but the round ends all the same. */
		return advance_cursor(s, err);
	case PAGES_PAGE:
		if (s->nrecords < size)
			return END;
		s->state.page++;
		return MORE;
	case PAGES_OFFSET:
		if (s->nrecords == 0)
			return END;
		s->state.skip += s->nrecords;
		return MORE;
	case PAGES_CURSOR:
		return advance_cursor(s, err);
	case PAGES_LINK:
		return advance_link(s, err);
	}
	return END;
}

static void
keep_validators(struct http_source *s)
{
	struct source_state *st = &s->state;

	source_set(&st->etag, s->resp.etag, SIZE_MAX);
	source_set(&st->modified, s->resp.modified, SIZE_MAX);
}

/* The next round begins at the first page. */
static int
restart_round(struct source_state *st, const struct source_config *c,
    struct leat_err *err)
{
	st->page = c->page_start;
	st->skip = 0;
	source_set(&st->link, NULL, 0);
	if (c->pages == PAGES_CURSOR &&
	    source_set(&st->cursor, set(c->cursor_initial) ? c->cursor_initial
							   : NULL,
		SIZE_MAX) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	if (st->next_cursor == NULL)
		return 0;
	free(st->cursor);
	st->cursor = st->next_cursor;
	st->next_cursor = NULL;
	st->seen = st->next_seen;
	st->next_seen.n = 0;
	return 0;
}

int
source_page_advance(struct http_source *s, struct leat_err *err)
{
	struct source_state *st = &s->state;
	bool by_record = set(s->cfg->cursor_pointer);
	int step = advance_page(s, err);
	bool more = step == MORE && s->cfg->pages != PAGES_NONE;

	if (step < 0)
		return step;
	source_set(&st->etag, NULL, 0);
	source_set(&st->modified, NULL, 0);
	st->body = s->cfg->skip_unchanged != 0 ? s->body_hash : 0;
	/* Empty pages and short ones end a round; their cursor counts. */
	if (more && (s->nrecords == 0 ||
			(s->cfg->pages == PAGES_OFFSET &&
			    s->nrecords < s->cfg->page_size)))
		more = s->cfg->pages == PAGES_LINK;
	if (more) {
		st->delivered = 0;
		st->prefix = 0;
		return 1;
	}
	if (step == END && s->cfg->pages != PAGES_NONE &&
	    s->cfg->pages != PAGES_OFFSET && s->cfg->restart == 0 &&
	    !by_record) {
		/* The same page again, for what will be added to it. */
		keep_validators(s);
		return 0;
	}
	if (step == END && s->cfg->pages == PAGES_NONE &&
	    (st->next_cursor == NULL || (st->cursor != NULL &&
		strcmp(st->next_cursor, st->cursor) == 0)))
		keep_validators(s);
	st->delivered = 0;
	st->prefix = 0;
	if (s->cfg->restart == 0 && !by_record &&
	    s->cfg->pages != PAGES_NONE)
		return 0;
	/* There may be more behind a limit of the server's. */
	more = s->cfg->pages == PAGES_NONE && st->next_cursor != NULL &&
	    (st->cursor == NULL || strcmp(st->next_cursor, st->cursor) != 0);
	if (restart_round(st, s->cfg, err) < 0)
		return err->code;
	return more;
}
