/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn.h: one connection to a server, opened by libcurl (names, proxies,
 * TLS), then used as a plain stream of bytes without blocking.
 */
#ifndef LEAT_HTTP_CONN_H
#define LEAT_HTTP_CONN_H

#include <stdbool.h>
#include <sys/uio.h>

#include <curl/curl.h>

#include <leat/err.h>

enum http_conn_state {
	HTTP_CONN_CLOSED,
	HTTP_CONN_CONNECTING,
	HTTP_CONN_OPEN
};

struct http_conn {
	CURL *easy;
	CURLM *multi;		/* shared by the connections of a task */
	enum http_conn_state state;
	bool tls;
	int fd;			/* valid when OPEN */
	char detail[CURL_ERROR_SIZE];
};

/*
 * Prepares a closed connection. `easy` has its options and URL and now belongs
 * to the connection. Never fails.
 */
void http_conn_init(struct http_conn *c, CURLM *multi, CURL *easy, bool tls);
/* Closes and frees. Accepts a zeroed one. */
void http_conn_fini(struct http_conn *c);

/*
 * Starts connecting; the owner then runs curl_multi_perform and hands each
 * finished transfer to http_conn_done. 0, or negative with err filled.
 */
int http_conn_start(struct http_conn *c, struct leat_err *err);
/* libcurl is done connecting: OPEN, or CLOSED with err filled. */
int http_conn_done(struct http_conn *c, CURLcode result,
    struct leat_err *err);
void http_conn_close(struct http_conn *c);

/* Bytes moved, 0 when it would block (recv: or *ret_eof), negative with err. */
ssize_t http_conn_send(struct http_conn *c, const struct iovec *iov, int n,
    struct leat_err *err);
ssize_t http_conn_recv(struct http_conn *c, void *to, size_t room,
    bool *ret_eof, struct leat_err *err);

#endif
