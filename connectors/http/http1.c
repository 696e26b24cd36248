/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading HTTP/1.1 responses.
 *
 * Lines are taken straight from the bytes fed; only a line that arrives in
 * pieces is put together in r->line. Of the headers only those matter that
 * frame the body, say whether the connection lives on, or when to retry.
 * Anything unclear about framing (two lengths, an odd chunk size) is refused:
 * the next response on this connection could not be told from this body.
 */
#include "http1.h"

#include <strings.h>

void
http1_init(struct http1_response *r)
{
	memset(r, 0, sizeof(*r));
	leat_buf_init(&r->line, HTTP1_LINE_MAX);
	leat_buf_init(&r->body, HTTP1_BODY_KEPT);
}

void
http1_fini(struct http1_response *r)
{
	leat_buf_fini(&r->line);
	leat_buf_fini(&r->body);
}

void
http1_reset(struct http1_response *r, bool no_body)
{
	struct leat_buf line = r->line, body = r->body;

	memset(r, 0, sizeof(*r));
	r->line = line;
	r->body = body;
	leat_buf_reset(&r->line);
	leat_buf_reset(&r->body);
	r->no_body = no_body;
	r->keep_alive = true;
}

static int
bad(struct leat_err *err, const char *what)
{
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_PROTO,
	    "malformed response: %s", what);
}

static bool
eq_nocase(struct leat_str a, const char *b, size_t n)
{
	return a.len == n && strncasecmp(a.ptr, b, n) == 0;
}

static int
on_status(struct http1_response *r, struct leat_str line, struct leat_err *err)
{
	int64_t code;

	if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 ||
	    line.ptr[8] != ' ' || (line.len > 12 && line.ptr[12] != ' ') ||
	    leat_parse_i64((struct leat_str){ line.ptr + 9, 3 }, 100, 599,
		&code) < 0)
		return bad(err, "no HTTP/1.1 status line");
	r->status = (int)code;
	r->http10 = line.ptr[7] == '0';
	r->keep_alive = !r->http10;
	r->chunked = r->has_length = false;
	r->left = 0;
	r->retry_after[0] = '\0';
	r->state = HTTP1_HEADER;
	return 0;
}

static void
on_connection(struct http1_response *r, struct leat_str value)
{
	while (value.len > 0) {
		struct leat_str t = leat_str_trim(leat_str_cut(&value, ','));

		if (eq_nocase(t, "close", 5))
			r->keep_alive = false;
		else if (eq_nocase(t, "keep-alive", 10) && r->http10)
			r->keep_alive = true;
	}
}

static int
on_length(struct http1_response *r, struct leat_str value,
    struct leat_err *err)
{
	uint64_t n;

	if (leat_parse_u64(value, INT64_MAX, &n) < 0 ||
	    (r->has_length && n != r->left))
		return bad(err, "bad Content-Length");
	r->has_length = true;
	r->left = n;
	return 0;
}

static int
on_header(struct http1_response *r, struct leat_str line, struct leat_err *err)
{
	struct leat_str value = line;
	struct leat_str name = leat_str_cut(&value, ':');

	if (name.len == line.len || name.len == 0)
		return bad(err, "a header without a colon");
	switch (name.len) {
	case 10:
		if (eq_nocase(name, "connection", 10))
			on_connection(r, value);
		break;
	case 11:
		value = leat_str_trim(value);
		if (eq_nocase(name, "retry-after", 11) &&
		    value.len < sizeof(r->retry_after)) {
			memcpy(r->retry_after, value.ptr, value.len);
			r->retry_after[value.len] = '\0';
		}
		break;
	case 14:
		if (eq_nocase(name, "content-length", 14))
			return on_length(r, leat_str_trim(value), err);
		break;
	case 17:
		if (!eq_nocase(name, "transfer-encoding", 17))
			break;
		/* Of the codings we asked for none, so only chunked is ours. */
		if (!eq_nocase(leat_str_trim(value), "chunked", 7))
			return bad(err, "unknown Transfer-Encoding");
		r->chunked = true;
		break;
	}
	return 0;
}

static int
on_head_end(struct http1_response *r, struct leat_err *err)
{
	if (r->status < 200) {
		if (r->status == 101)
			return bad(err, "unwanted 101 Switching Protocols");
		r->state = HTTP1_STATUS;
		return 0;
	}
	if (r->chunked && r->has_length)
		return bad(err, "both Content-Length and chunked");
	if (r->no_body || r->status == 204 || r->status == 304) {
		r->state = HTTP1_DONE;
	} else if (r->chunked) {
		r->state = HTTP1_CHUNK_SIZE;
	} else if (r->has_length) {
		r->state = r->left > 0 ? HTTP1_BODY_LENGTH : HTTP1_DONE;
	} else {
		r->keep_alive = false;
		r->state = HTTP1_BODY_EOF;
	}
	return 0;
}

static int
on_chunk_size(struct http1_response *r, struct leat_str line,
    struct leat_err *err)
{
	struct leat_str hex = leat_str_trim(leat_str_cut(&line, ';'));
	uint64_t n = 0;
	size_t i;

	if (hex.len == 0 || hex.len > 12)
		return bad(err, "bad chunk size");
	for (i = 0; i < hex.len; i++) {
		char c = hex.ptr[i];

		if (c >= '0' && c <= '9')
			n = n * 16 + (uint64_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			n = n * 16 + (uint64_t)((c | 32) - 'a' + 10);
		else
			return bad(err, "bad chunk size");
	}
	r->left = n;
	r->state = n > 0 ? HTTP1_CHUNK_DATA : HTTP1_TRAILER;
	return 0;
}

static int
on_line(struct http1_response *r, struct leat_str line, struct leat_err *err)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	switch (r->state) {
	case HTTP1_STATUS:
		return on_status(r, line, err);
	case HTTP1_HEADER:
		if (line.len == 0)
			return on_head_end(r, err);
		return on_header(r, line, err);
	case HTTP1_CHUNK_SIZE:
		return on_chunk_size(r, line, err);
	case HTTP1_CHUNK_END:
		r->state = HTTP1_CHUNK_SIZE;
		return line.len == 0 ? 0 : bad(err, "chunk longer than said");
	case HTTP1_TRAILER:
		if (line.len == 0)
			r->state = HTTP1_DONE;
		return 0;
	case HTTP1_BODY_LENGTH:
	case HTTP1_BODY_EOF:
	case HTTP1_CHUNK_DATA:
	case HTTP1_DONE:
		break;
	}
	return bad(err, "line in a body");
}

static int
take_line(struct http1_response *r, const uint8_t *p, size_t len,
    size_t *ret_used, struct leat_err *err)
{
	const uint8_t *nl = memchr(p, '\n', len);
	size_t n = nl != NULL ? (size_t)(nl - p) : len;
	struct leat_str line = { (const char *)p, n };
	int rc = 0;

	*ret_used = n + (nl != NULL);
	r->head_bytes += *ret_used;
	if (r->head_bytes > HTTP1_HEAD_MAX || n > HTTP1_LINE_MAX)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "response head longer than %d bytes", HTTP1_HEAD_MAX);
	if (nl == NULL || r->line.len > 0) {
		if (leat_buf_add(&r->line, p, n) < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
			    "response header longer than %d bytes",
			    HTTP1_LINE_MAX);
		line.ptr = (const char *)r->line.data;
		line.len = r->line.len;
	}
	if (nl != NULL) {
		rc = on_line(r, line, err);
		leat_buf_reset(&r->line);
	}
	return rc;
}

static int
take_body(struct http1_response *r, const uint8_t *p, size_t len,
    size_t *ret_used, struct leat_err *err)
{
	size_t keep;

	if (r->state != HTTP1_BODY_EOF && len > r->left)
		len = (size_t)r->left;
	keep = HTTP1_BODY_KEPT - r->body.len;
	leat_buf_add(&r->body, p, len < keep ? len : keep);
	*ret_used = len;
	r->body_bytes += len;
	if (r->body_bytes > HTTP1_BODY_MAX)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "response body longer than %d bytes", HTTP1_BODY_MAX);
	if (r->state == HTTP1_BODY_EOF)
		return 0;
	r->left -= len;
	if (r->left > 0)
		return 0;
	if (r->state == HTTP1_CHUNK_DATA) {
		r->state = HTTP1_CHUNK_END;
		r->head_bytes = 0;
	} else {
		r->state = HTTP1_DONE;
	}
	return 0;
}

int
http1_feed(struct http1_response *r, const uint8_t *p, size_t len,
    size_t *ret_used, struct leat_err *err)
{
	size_t at = 0, used;
	int rc;

	while (at < len && r->state != HTTP1_DONE) {
		if (r->state == HTTP1_BODY_LENGTH ||
		    r->state == HTTP1_BODY_EOF || r->state == HTTP1_CHUNK_DATA)
			rc = take_body(r, p + at, len - at, &used, err);
		else
			rc = take_line(r, p + at, len - at, &used, err);
		if (rc < 0)
			return rc;
		at += used;
	}
	r->total += at;
	*ret_used = at;
	return r->state == HTTP1_DONE;
}

int
http1_feed_eof(struct http1_response *r, struct leat_err *err)
{
	if (r->state == HTTP1_BODY_EOF) {
		r->state = HTTP1_DONE;
		return 1;
	}
	if (r->total == 0)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_PROTO,
		    "connection closed before the response");
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_PROTO,
	    "connection closed within the response");
}
