/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, opened by libcurl (CURLOPT_CONNECT_ONLY).
 *
 * The easy handle must stay in the multi handle while the connection is used;
 * taking it out closes the connection.
 */
#include "http_conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "http_options.h"

void
http_conn_init(struct http_conn *c, CURLM *multi, CURL *easy, bool tls)
{
	memset(c, 0, sizeof(*c));
	c->multi = multi;
	c->easy = easy;
	c->tls = tls;
	c->fd = -1;
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->detail);
}

void
http_conn_fini(struct http_conn *c)
{
	if (c->easy == NULL)
		return;
	http_conn_close(c);
	curl_easy_cleanup(c->easy);
	c->easy = NULL;
}

int
http_conn_start(struct http_conn *c, struct leat_err *err)
{
	c->detail[0] = '\0';
	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "libcurl takes no more connections");
	c->state = HTTP_CONN_CONNECTING;
	return 0;
}

int
http_conn_done(struct http_conn *c, CURLcode result, struct leat_err *err)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (result == CURLE_OK)
		result = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET,
		    &fd);
	if (result == CURLE_OK && fd == CURL_SOCKET_BAD)
		result = CURLE_COULDNT_CONNECT;
	if (result != CURLE_OK) {
		http_curl_error(result, c->detail, err);
		http_conn_close(c);
		return err != NULL ? err->code : LEAT_E_REMOTE;
	}
	c->fd = (int)fd;
	c->state = HTTP_CONN_OPEN;
	return 0;
}

void
http_conn_close(struct http_conn *c)
{
	if (c->state == HTTP_CONN_CLOSED)
		return;
	curl_multi_remove_handle(c->multi, c->easy);
	c->state = HTTP_CONN_CLOSED;
	c->fd = -1;
}

static ssize_t
send_tls(struct http_conn *c, const struct iovec *iov, int n,
    struct leat_err *err)
{
	size_t sent, total = 0;
	int i;

	for (i = 0; i < n; i++) {
		CURLcode rc;

		if (iov[i].iov_len == 0)
			continue;
		sent = 0;
		rc = curl_easy_send(c->easy, iov[i].iov_base, iov[i].iov_len,
		    &sent);
		if (rc != CURLE_OK && rc != CURLE_AGAIN)
			return http_curl_error(rc, c->detail, err);
		total += sent;
		if (sent < iov[i].iov_len)
			break;
	}
	return (ssize_t)total;
}

ssize_t
http_conn_send(struct http_conn *c, const struct iovec *iov, int n,
    struct leat_err *err)
{
	struct iovec copy[4];
	struct msghdr m = { .msg_iov = copy, .msg_iovlen = (size_t)n };
	ssize_t sent;

	if (c->tls)
		return send_tls(c, iov, n, err);
	memcpy(copy, iov, (size_t)n * sizeof(*iov));
	do
		sent = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN)
		return 0;
	return leat_err_errno(err, LEAT_CLS_RETRY, "send");
}

ssize_t
http_conn_recv(struct http_conn *c, void *to, size_t room, bool *ret_eof,
    struct leat_err *err)
{
	ssize_t n;

	*ret_eof = false;
	if (c->tls) {
		size_t got = 0;
		CURLcode rc = curl_easy_recv(c->easy, to, room, &got);

		if (rc == CURLE_AGAIN)
			return 0;
		if (rc != CURLE_OK)
			return http_curl_error(rc, c->detail, err);
		*ret_eof = got == 0;
		return (ssize_t)got;
	}
	do
		n = recv(c->fd, to, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		*ret_eof = n == 0;
		return n;
	}
	if (errno == EAGAIN)
		return 0;
	return leat_err_errno(err, LEAT_CLS_RETRY, "receive");
}
