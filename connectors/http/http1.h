/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1.h: reading HTTP/1.1 responses (RFC 9112), byte by byte as they come.
 *
 * Pure memory, no I/O. The sink frames HTTP/1.1 itself, over connections that
 * libcurl opened: it halves the processor time of a small request.
 */
#ifndef LEAT_HTTP_HTTP1_H
#define LEAT_HTTP_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

enum {
	HTTP1_LINE_MAX = 16 * 1024,	/* one header line */
	HTTP1_HEAD_MAX = 64 * 1024,	/* all of them */
	HTTP1_BODY_KEPT = 512,	/* of the body, for error texts */
	HTTP1_BODY_MAX = 16 * 1024 * 1024	/* read and thrown away */
};

enum http1_state {
	HTTP1_STATUS,
	HTTP1_HEADER,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_EOF,
	HTTP1_CHUNK_SIZE,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_END,
	HTTP1_TRAILER,
	HTTP1_DONE
};

struct http1_response {
	enum http1_state state;
	int status;
	bool keep_alive;	/* the connection may carry another request */
	bool chunked;
	bool has_length;
	bool no_body;		/* of a HEAD request */
	bool http10;
	uint64_t left;		/* bytes of the body or chunk to come */
	uint64_t head_bytes;
	uint64_t body_bytes;
	uint64_t total;		/* bytes fed since init */
	char retry_after[64];
	struct leat_buf line;	/* a line that came in pieces */
	struct leat_buf body;	/* the beginning of the body */
};

/* Prepares; buffers are kept over several responses. */
void http1_init(struct http1_response *r);
void http1_fini(struct http1_response *r);
/* Before each response. */
void http1_reset(struct http1_response *r, bool no_body);

/*
 * Takes bytes. 1: the response is complete and *ret_used bytes belonged to it;
 * 0: more is needed, all was used; LEAT_E_PROTO or LEAT_E_LIMIT with err (class
 * RETRY) filled.
 */
int http1_feed(struct http1_response *r, const uint8_t *p, size_t len,
    size_t *ret_used, struct leat_err *err);

/* The peer closed: 1 when that ends the response, else LEAT_E_PROTO. */
int http1_feed_eof(struct http1_response *r, struct leat_err *err);

#endif
