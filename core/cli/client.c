/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: see client.h. */
#include "core/cli/client.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <leat/json.h>
#include <leat/str.h>

#include "core/cli/cli.h"

enum { ANSWER_MAX = 128 << 20, READ_BYTES = 64 << 10, TIMEOUT_S = 60 };

/* "http://host:port" into host and port; -1 when it is something else. */
static int
split_url(
    const char *url, char *host, size_t host_size, char *port, size_t port_size)
{
	struct leat_str rest = leat_str_c(url);
	const char *colon;
	size_t n;

	if (!leat_str_starts(rest, "http://"))
		return -1;
	rest.ptr += 7;
	rest.len -= 7;
	rest = leat_str_cut(&rest, '/');
	colon = memrchr(rest.ptr, ':', rest.len);
	n = colon == NULL ? rest.len : (size_t)(colon - rest.ptr);
	snprintf(port, port_size, "%.*s",
	    colon == NULL ? 2 : (int)(rest.len - n - 1),
	    colon == NULL ? "80" : colon + 1);
	if (n >= 2 && rest.ptr[0] == '[' && rest.ptr[n - 1] == ']') {
		rest.ptr++;
		n -= 2;
	}
	if (n == 0 || n >= host_size)
		return -1;
	memcpy(host, rest.ptr, n);
	host[n] = '\0';
	return 0;
}

static int
dial(const char *url, struct leat_err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *a;
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	char host[256], port[16];
	int fd = -1, rc;

	if (split_url(url, host, sizeof(host), port, sizeof(port)) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "'%s' is not http://host:port", url);
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_REMOTE,
		    "%s: %s", host, gai_strerror(rc));
	for (a = found; a != NULL; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		rc = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd < 0) {
		errno = rc;
		return leat_err_errno(
		    err, LEAT_CLS_RETRY, "connect to %s", url);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

static int
send_all(int fd, const struct leat_buf *b, struct leat_err *err)
{
	size_t sent = 0;

	while (sent < b->len) {
		ssize_t n = send(
		    fd, b->data + sent, b->len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return leat_err_errno(err, LEAT_CLS_RETRY, "send");
		sent += (size_t)n;
	}
	return 0;
}

/* Reads to the end: the request asked for the connection to be closed. */
static int
receive_all(int fd, struct leat_buf *b, struct leat_err *err)
{
	for (;;) {
		uint8_t *to = leat_buf_reserve(b, READ_BYTES);
		ssize_t n;

		if (to == NULL)
			return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_LIMIT,
			    "the answer is larger than %d bytes", ANSWER_MAX);
		n = read(fd, to, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return leat_err_errno(err, LEAT_CLS_RETRY, "receive");
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

/* Takes the head off; the worker sends bodies whole, with a length. */
static int
parse_head(struct answer *a, struct leat_err *err)
{
	char *end = a->body.len == 0
	    ? NULL
	    : memmem(a->body.data, a->body.len, "\r\n\r\n", 4);
	struct leat_str head = { (char *)a->body.data, a->body.len };
	struct leat_str line = leat_str_cut(&head, '\n');
	int64_t status;
	size_t used;

	leat_str_cut(&line, ' ');
	if (end == NULL ||
	    leat_parse_i64(leat_str_cut(&line, ' '), 100, 599, &status) < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "the answer is not HTTP");
	a->status = (int)status;
	used = (size_t)((uint8_t *)end - a->body.data) + 4;
	memmove(a->body.data, a->body.data + used, a->body.len - used);
	a->body.len -= used;
	return 0;
}

static int
exchange(const char *url, const char *method, const char *path,
    const char *body, struct answer *a, struct leat_err *err)
{
	struct leat_buf request;
	int fd = dial(url, err), rc = fd;

	if (fd < 0)
		return fd;
	leat_buf_init(&request, READ_BYTES + (body ? strlen(body) : 0));
	leat_buf_printf(&request,
	    "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    method, path, url + strlen("http://"), body ? strlen(body) : 0);
	if (body != NULL)
		leat_buf_add_str(&request, body);
	if (request.failed)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "the request is too large");
	else
		rc = send_all(fd, &request, err);
	leat_buf_fini(&request);
	if (rc == 0)
		rc = receive_all(fd, &a->body, err);
	close(fd);
	return rc < 0 ? rc : parse_head(a, err);
}

static int
refused(const struct answer *a)
{
	struct leat_str text = json_text_of(&a->json, "message");

	fprintf(stderr, "leat: %.*s\n", (int)text.len, text.ptr);
	return a->status == 404 ? EXIT_NOT_FOUND
	    : a->status == 400  ? EXIT_INVALID
				: EXIT_FAILED;
}

int
client_call(const char *url, const char *method, const char *path,
    const char *body, struct answer *ret_answer)
{
	struct answer *a = ret_answer;
	struct leat_err err = LEAT_ERR_INIT;

	memset(a, 0, sizeof(*a));
	leat_buf_init(&a->body, ANSWER_MAX);
	leat_arena_init(&a->arena, READ_BYTES, 0);
	if (exchange(url, method, path, body, a, &err) < 0 &&
	    err.code == LEAT_E_CONFIG) {
		fprintf(stderr, "leat: --url: %s\n", err.text);
		return EXIT_USAGE;
	}
	if (err.code != 0) {
		fprintf(stderr, "leat: no worker answers at %s: %s\n", url,
		    err.text);
		if (err.code == -ECONNREFUSED)
			fputs(
			    "Is one running? `leat worker` starts one; --url "
			    "names "
			    "another address.\n",
			    stderr);
		return EXIT_UNREACHABLE;
	}
	if (a->body.len > 0 && a->body.data[0] != '#' &&
	    leat_json_parse(&a->arena, (const char *)a->body.data, a->body.len,
		&a->json, &err) < 0) {
		fprintf(stderr, "leat: the worker's answer is not JSON: %s\n",
		    err.text);
		return EXIT_FAILED;
	}
	return a->status >= 200 && a->status < 300 ? EXIT_OK : refused(a);
}

void
answer_release(struct answer *a)
{
	leat_buf_fini(&a->body);
	leat_arena_fini(&a->arena);
}

void
client_add_part(struct leat_buf *path, const char *part)
{
	for (; *part != '\0'; part++) {
		if (isalnum((unsigned char)*part) ||
		    strchr("-._~", *part) != NULL)
			leat_buf_add_byte(path, (uint8_t)*part);
		else
			leat_buf_printf(path, "%%%02X", (unsigned char)*part);
	}
}

struct leat_str
json_text_of(const struct leat_value *map, const char *name)
{
	const struct leat_value *v = map->kind == LEAT_MAP
	    ? leat_map_value(map, name)
	    : NULL;

	if (v == NULL || v->kind != LEAT_STRING)
		return (struct leat_str){ "", 0 };
	return (struct leat_str){ v->u.s, v->len };
}

int64_t
json_int_of(const struct leat_value *map, const char *name)
{
	const struct leat_value *v = map->kind == LEAT_MAP
	    ? leat_map_value(map, name)
	    : NULL;

	return v == NULL || v->kind != LEAT_INT64 ? 0 : v->u.i;
}
