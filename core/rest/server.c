/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c: the HTTP server behind the API, on libmicrohttpd.
 *
 * The only file that knows the library. It collects a request's body up to a
 * limit, lets the router find the handler, runs it and sends what it wrote.
 */
#include "core/rest/rest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <leat/json.h>
#include <leat/str.h>

#include "core/base/log.h"
#include "core/base/obj.h"
#include "core/base/thread.h"
#include "core/config/properties.h"
#include "core/rest/request.h"
#include "core/rest/router.h"

enum {
	CONNECTIONS_MAX = 64,
	THREAD_STACK_BYTES = 256 << 10,
	IDLE_TIMEOUT_S = 60,
	ARENA_CHUNK = 16 << 10,
	ARENA_MAX = 64 << 20
};

struct rest {
	struct rest_options options;
	struct MHD_Daemon *daemon;
	char address[80];
	struct wake stop; /* readable once rest_stop was called */
};

static const struct logger lg = { .component = "rest", .task = -1 };

/* ------------------------------------------------------------- answers */

static void
restart_answer(struct request *rq, int status)
{
	leat_buf_reset(&rq->out);
	rq->json = json_writer(&rq->out);
	rq->status = status;
	rq->content_type = NULL;
}

void
answer_error(struct request *rq, int status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	restart_answer(rq, status);
	json_object(&rq->json);
	json_member_int(&rq->json, "error_code", status);
	json_member(&rq->json, "message", text);
	json_object_end(&rq->json);
	rq->answered = true;
}

static int
status_of(const struct leat_err *err)
{
	switch (err->code) {
	case LEAT_E_NOTFOUND: return 404;
	case LEAT_E_EXISTS:
	case LEAT_E_STATE: return 409;
	case LEAT_E_CONFIG:
	case LEAT_E_PARSE:
	case LEAT_E_RANGE:
	case LEAT_E_DATA: return 400;
	default: return 500;
	}
}

void
answer_err(struct request *rq, const struct leat_err *err)
{
	answer_error(rq, status_of(err), "%s", err->text);
}

void
answer_empty(struct request *rq, int status)
{
	restart_answer(rq, status);
}

/* ------------------------------------------------------------- requests */

const char *
request_query(struct request *rq, const char *name)
{
	const char *raw = MHD_lookup_connection_value(
	    rq->connection, MHD_GET_ARGUMENT_KIND, name);

	return raw == NULL ? NULL : router_decode(&rq->arena, raw, strlen(raw));
}

struct wanted_pair {
	const char *name;
	const char *value;
	bool found;
};

static enum MHD_Result
match_pair(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct wanted_pair *want = arg;

	if (value != NULL && strcmp(name, want->name) == 0 &&
	    strcmp(value, want->value) == 0)
		want->found = true;
	return want->found ? MHD_NO : MHD_YES;
}

bool
request_query_has(struct request *rq, const char *name, const char *value)
{
	struct wanted_pair want = { name, value, false };

	MHD_get_connection_values(
	    rq->connection, MHD_GET_ARGUMENT_KIND, match_pair, &want);
	return want.found;
}

bool
request_query_bool(struct request *rq, const char *name)
{
	const char *text = request_query(rq, name);
	bool value = false;

	return text != NULL && leat_parse_bool(leat_str_c(text), &value) == 0 &&
	    value;
}

int64_t
request_query_int(
    struct request *rq, const char *name, int64_t min, int64_t max, int64_t def)
{
	const char *text = request_query(rq, name);
	int64_t value;

	if (text == NULL)
		return def;
	if (leat_parse_i64(leat_str_c(text), min, max, &value) < 0) {
		answer_error(rq, 400,
		    "%s: expected a number from %lld to %lld, not '%s'", name,
		    (long long)min, (long long)max, text);
		return -1;
	}
	return value;
}

int
request_json(struct request *rq, struct leat_value *ret_value)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (leat_json_parse(&rq->arena, (const char *)rq->body.data,
		rq->body.len, ret_value, &err) < 0) {
		answer_error(rq, 400, "the body is not JSON: %s", err.text);
		return -1;
	}
	return 0;
}

int
request_wait(struct request *rq, int fd, int64_t ms)
{
	struct pollfd fds[] = {
		{ .fd = rq->rest->stop.fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	if (poll(fds, ARRAY_LEN(fds), (int)ms) < 0)
		return 0;
	return fds[0].revents != 0 ? -1 : fds[1].revents != 0;
}

static struct request *
request_new(
    struct rest *rest, struct MHD_Connection *connection, const char *method)
{
	struct request *rq = calloc(1, sizeof(*rq));

	if (rq == NULL)
		return NULL;
	rq->rest = rest;
	rq->options = &rest->options;
	rq->connection = connection;
	rq->method = method;
	leat_buf_init(&rq->body, REST_BODY_MAX);
	leat_buf_init(&rq->out, REST_RESPONSE_MAX);
	leat_arena_init(&rq->arena, ARENA_CHUNK, ARENA_MAX);
	restart_answer(rq, 200);
	return rq;
}

void
request_hold(struct request *rq, struct properties *owned_props)
{
	assert(rq->nheld < REST_HELD_MAX);
	rq->held[rq->nheld++] = owned_props;
}

static void
request_free(struct request *rq)
{
	for (size_t i = 0; i < rq->nheld; i++)
		properties_unref(rq->held[i]);
	leat_buf_fini(&rq->body);
	leat_buf_fini(&rq->out);
	leat_arena_fini(&rq->arena);
	free(rq);
}

static enum MHD_Result
send_answer(struct request *rq)
{
	struct MHD_Response *response;
	enum MHD_Result rc;

	if (rq->out.failed)
		answer_error(
		    rq, 500, "the answer is too large or memory ran out");
	response = MHD_create_response_from_buffer(
	    rq->out.len, rq->out.data, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	if (rq->out.len > 0)
		MHD_add_response_header(response, "Content-Type",
		    rq->content_type == NULL ? "application/json"
					     : rq->content_type);
	if (rq->location != NULL)
		MHD_add_response_header(response, "Location", rq->location);
	rc = MHD_queue_response(rq->connection, (unsigned)rq->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **state)
{
	struct rest *rest = arg;
	struct request *rq = *state;
	request_fn *handle;

	if (rq == NULL) {
		rq = request_new(rest, connection, method);
		*state = rq;
		return rq == NULL ? MHD_NO : MHD_YES;
	}
	if (*len > 0) {
		leat_buf_add(&rq->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (rq->body.failed) {
		answer_error(
		    rq, 413, "the body is larger than %d bytes", REST_BODY_MAX);
		return send_answer(rq);
	}
	handle = router_find(rq, url);
	if (handle != NULL)
		handle(rq);
	log_debug(&lg, "request", "method=%s path=%s status=%d", method, url,
	    rq->status);
	return send_answer(rq);
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode why)
{
	if (*state != NULL)
		request_free(*state);
	*state = NULL;
}

/* Paths are decoded part by part by the router, queries when asked for. */
static size_t
keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
}

/* ------------------------------------------------------------ listening */

/* "host:port", "[v6]:port" or "port" into an address. */
static int
resolve(const char *text, struct sockaddr_storage *ret_addr, socklen_t *ret_len,
    struct leat_err *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	const char *colon = strrchr(text, ':');
	char host[256];
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	const char *from = text;
	int rc;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		from++;
		n -= 2;
	}
	if (n >= sizeof(host))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listen address '%s' is too long", text);
	memcpy(host, from, n);
	host[n] = '\0';
	rc = getaddrinfo(n == 0 ? "127.0.0.1" : host,
	    colon == NULL ? text : colon + 1, &hints, &found);
	if (rc != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listen address '%s': %s", text, gai_strerror(rc));
	memcpy(ret_addr, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int
listen_on(const char *text, struct leat_err *err)
{
	struct sockaddr_storage addr;
	socklen_t len = 0;
	int one = 1;
	int fd, rc = resolve(text, &addr, &len, err);

	if (rc < 0)
		return rc;
	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return leat_err_errno(err, LEAT_CLS_FATAL, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 64) < 0) {
		rc = leat_err_errno(err, LEAT_CLS_CONFIG, "listen on %s", text);
		close(fd);
		return rc;
	}
	return fd;
}

static void
name_address(struct rest *rest, int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(rest->address, sizeof(rest->address),
	    addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static struct MHD_Daemon *
start_daemon(struct rest *rest, int fd)
{
	uint32_t limit = rest->options.max_connections;

	return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION |
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC,
	    0, NULL, NULL, on_request, rest, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, rest,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_CONNECTION_LIMIT, limit == 0 ? CONNECTIONS_MAX : limit,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
	    MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES,
	    MHD_OPTION_END);
}

int
rest_start(
    const struct rest_options *o, struct rest **ret_rest, struct leat_err *err)
{
	struct rest *rest = calloc(1, sizeof(*rest));
	int fd, rc;

	if (rest == NULL)
		return leat_err_set(
		    err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	rest->options = *o;
	rest->stop.fd = -1;
	fd = rc = listen_on(o->listen, err);
	if (fd < 0 || (rc = wake_init(&rest->stop, err)) < 0)
		goto fail;
	name_address(rest, fd);
	rest->daemon = start_daemon(rest, fd);
	if (rest->daemon == NULL) {
		rc = leat_err_set(err, LEAT_CLS_FATAL, -EIO,
		    "the HTTP server did not start on %s", o->listen);
		goto fail;
	}
	log_notice(&lg, "listening", "address=%s", rest->address);
	*ret_rest = rest;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	wake_fini(&rest->stop);
	free(rest);
	return rc;
}

const char *
rest_address(const struct rest *r)
{
	return r->address;
}

void
rest_stop(struct rest *r)
{
	if (r == NULL)
		return;
	wake_up(&r->stop);
	MHD_stop_daemon(r->daemon);
	wake_fini(&r->stop);
	free(r);
}
