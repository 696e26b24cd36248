/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scriptable HTTP server for tests, on libmicrohttpd; see http.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "tests/harness/http.h"
#include "tests/harness/proc.h"

enum {
	MAX_BODY = 256 << 20
};

/* A request with the memory behind the public part. */
struct request {
	struct th_http_request pub;
	struct th_http_header *headers;
	size_t cap_headers;
	char *method;
	char *url;
	char *path;
	char *body;
	size_t cap_body;
	bool begun;	/* counted in in_work */
	bool filed;	/* belongs to th_http.requests now */
};

struct line {
	struct line *next;
	char *method;
	char *path;
	int left;	/* -1: for all */
	struct th_http_reply reply;
	char **headers;
};

struct th_http {
	uint16_t port;
	char *cert;
	char *key;
	struct MHD_Daemon *daemon;

	pthread_mutex_t lock;	/* guards all below */
	pthread_cond_t changed;
	bool stopping;
	struct line *lines;
	th_http_handler_fn *handler;
	void *handler_arg;
	struct request **requests;
	size_t n_requests;
	size_t cap_requests;
	size_t n_answered;
	size_t n_conns;
	size_t in_work;
	size_t max_in_work;
};

static void *
must(void *p)
{
	if (p == NULL)
		abort();	/* out of memory on a connection's thread */
	return p;
}

static char *
copy_text(const char *s)
{
	return s != NULL ? must(strdup(s)) : NULL;
}

static struct timespec
deadline(int64_t ms)
{
	int64_t at = th_now_ms() + ms;

	return (struct timespec){ at / 1000, (long)(at % 1000) * 1000000 };
}

/* ------------------------------------------------- requests, one thread */

static void
request_free(struct request *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->pub.n_headers; i++) {
		free((void *)(uintptr_t)r->headers[i].name);
		free((void *)(uintptr_t)r->headers[i].value);
	}
	free(r->headers);
	free(r->method);
	free(r->url);
	free(r->path);
	free(r->body);
	free(r);
}

static enum MHD_Result
add_header(void *arg, enum MHD_ValueKind kind, const char *name,
    const char *value)
{
	struct request *r = arg;

	if (r->pub.n_headers == r->cap_headers) {
		r->cap_headers = r->cap_headers * 2 + 16;
		r->headers = must(realloc(r->headers,
		    r->cap_headers * sizeof(*r->headers)));
	}
	r->headers[r->pub.n_headers].name = copy_text(name);
	r->headers[r->pub.n_headers++].value =
	    copy_text(value != NULL ? value : "");
	return MHD_YES;
}

static struct request *
request_new(const char *url)
{
	struct request *r = must(calloc(1, sizeof(*r)));
	char *q;

	r->url = copy_text(url);
	r->path = copy_text(url);
	if ((q = strchr(r->path, '?')) != NULL)
		*q++ = '\0';
	r->pub.url = r->url;
	r->pub.path = r->path;
	r->pub.query = q != NULL ? q : "";
	r->body = must(calloc(1, 1));
	r->pub.body = r->body;
	return r;
}

/* The headers are there: the rest but the body. */
static void
request_begin(struct request *r, struct MHD_Connection *mc, const char *method)
{
	const union MHD_ConnectionInfo *ci;

	r->begun = true;
	r->method = copy_text(method);
	r->pub.method = r->method;
	MHD_get_connection_values(mc, MHD_HEADER_KIND, add_header, r);
	r->pub.headers = r->headers;
	ci = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (ci != NULL)
		r->pub.conn = (uint32_t)(uintptr_t)ci->socket_context;
}

static bool
request_add_body(struct request *r, const char *data, size_t len)
{
	if (len > MAX_BODY - r->pub.body_len)
		return false;
	if (r->pub.body_len + len + 1 > r->cap_body) {
		r->cap_body = (r->pub.body_len + len + 1) * 2;
		r->body = must(realloc(r->body, r->cap_body));
		r->pub.body = r->body;
	}
	memcpy(r->body + r->pub.body_len, data, len);
	r->pub.body_len += len;
	r->body[r->pub.body_len] = '\0';
	return true;
}

/* --------------------------------------------------------------- answers */

static bool
fits(const struct line *l, const struct th_http_request *req)
{
	size_t n;

	if (l->left == 0)
		return false;
	if (l->method != NULL && strcmp(l->method, req->method) != 0)
		return false;
	if (l->path == NULL)
		return true;
	n = strlen(l->path);
	if (n > 0 && l->path[n - 1] == '*')
		return strncmp(l->path, req->path, n - 1) == 0;
	return strcmp(l->path, req->path) == 0;
}

/* Waits as the reply says, or until the server is stopped; false then. */
static bool
hold_back_locked(struct th_http *h, const struct th_http_reply *reply)
{
	struct timespec until = deadline(reply->delay_ms);
	int rc = 0;

	if (reply->flags & TH_HTTP_HANG)
		while (!h->stopping)
			pthread_cond_wait(&h->changed, &h->lock);
	else if (reply->delay_ms > 0)
		while (!h->stopping && rc == 0)
			rc = pthread_cond_timedwait(&h->changed, &h->lock,
			    &until);
	return !h->stopping;
}

struct half {
	char *data;
	size_t len;	/* that is sent, of twice as much announced */
};

static ssize_t
half_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct half *half = arg;
	size_t n = half->len - (size_t)pos;

	if (n == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > max)
		n = max;
	memcpy(buf, half->data + pos, n);
	return (ssize_t)n;
}

static void
half_free(void *arg)
{
	struct half *half = arg;

	free(half->data);
	free(half);
}

static struct MHD_Response *
make_response(const struct th_http_reply *reply)
{
	const char *body = reply->body != NULL ? reply->body : "";
	size_t len = reply->body_len > 0 ? reply->body_len : strlen(body);
	struct MHD_Response *res;
	size_t i;

	if (reply->flags & TH_HTTP_TRUNCATE) {
		struct half *half = must(calloc(1, sizeof(*half)));

		half->len = len / 2;
		half->data = must(malloc(half->len + 1));
		memcpy(half->data, body, half->len);
		res = MHD_create_response_from_callback(len, 4096, half_read,
		    half, half_free);
	} else {
		res = MHD_create_response_from_buffer(len,
		    (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	}
	must(res);
	for (i = 0; reply->headers != NULL && reply->headers[i] != NULL; i++) {
		char *name = copy_text(reply->headers[i]);
		char *colon = strchr(name, ':');

		if (colon != NULL) {
			*colon++ = '\0';
			MHD_add_response_header(res, name,
			    colon + strspn(colon, " "));
		}
		free(name);
	}
	if (reply->flags & TH_HTTP_CLOSE)
		MHD_add_response_header(res, "Connection", "close");
	return res;
}

/* The request is complete: files it and finds the reply. */
static void
file_request(struct th_http *h, struct request *r, struct th_http_reply *reply)
{
	th_http_handler_fn *handler;
	struct line *l;
	void *arg;

	pthread_mutex_lock(&h->lock);
	if (h->n_requests == h->cap_requests) {
		h->cap_requests = h->cap_requests * 2 + 64;
		h->requests = must(realloc(h->requests,
		    h->cap_requests * sizeof(*h->requests)));
	}
	r->pub.seq = (uint32_t)h->n_requests;
	r->pub.at_ms = th_now_ms();
	h->requests[h->n_requests++] = r;
	r->filed = true;
	for (l = h->lines; l != NULL && !fits(l, &r->pub); l = l->next)
		;
	if (l != NULL && l->left > 0)
		l->left--;
	handler = h->handler;
	arg = h->handler_arg;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);

	memset(reply, 0, sizeof(*reply));
	if (l != NULL)
		*reply = l->reply;
	else if (handler != NULL)
		handler(arg, &r->pub, reply);
}

static enum MHD_Result
answer(struct th_http *h, struct MHD_Connection *mc, struct request *r)
{
	struct th_http_reply reply;
	struct MHD_Response *res;
	enum MHD_Result rc = MHD_NO;
	bool go_on;

	file_request(h, r, &reply);
	pthread_mutex_lock(&h->lock);
	go_on = hold_back_locked(h, &reply);
	pthread_mutex_unlock(&h->lock);
	if (go_on && !(reply.flags & TH_HTTP_DROP)) {
		res = make_response(&reply);
		rc = MHD_queue_response(mc,
		    reply.status > 0 ? (unsigned)reply.status : 200, res);
		MHD_destroy_response(res);
	}
	return rc;
}

/* -------------------------------------------------- libmicrohttpd's calls */

/* The only call that sees the query; its result is on_request()'s *state. */
static void *
on_url(void *arg, const char *url, struct MHD_Connection *mc)
{
	return request_new(url);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *mc, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **state)
{
	struct th_http *h = arg;
	struct request *r = *state;

	if (!r->begun) {
		request_begin(r, mc, method);
		pthread_mutex_lock(&h->lock);
		if (++h->in_work > h->max_in_work)
			h->max_in_work = h->in_work;
		pthread_mutex_unlock(&h->lock);
		return MHD_YES;
	}
	if (*len > 0) {
		if (!request_add_body(r, data, *len))
			return MHD_NO;
		*len = 0;
		return MHD_YES;
	}
	return answer(h, mc, r);
}

static void
on_completed(void *arg, struct MHD_Connection *mc, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct th_http *h = arg;
	struct request *r = *state;
	bool ours;

	if (r == NULL)
		return;
	*state = NULL;
	ours = !r->filed;
	pthread_mutex_lock(&h->lock);
	if (r->begun)
		h->in_work--;
	if (!ours)
		h->n_answered++;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	if (ours)
		request_free(r);
}

static void
on_connection(void *arg, struct MHD_Connection *mc, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	struct th_http *h = arg;

	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	pthread_mutex_lock(&h->lock);
	*socket_context = (void *)(uintptr_t)++h->n_conns;
	pthread_mutex_unlock(&h->lock);
}

/* ------------------------------------------------------- start and stop */

static int
listen_on(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd, one = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (*port == 0)
		*port = th_free_port();
	sin.sin_port = htons(*port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		th_fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, len) < 0 || listen(fd, 128) < 0)
		th_fail("listen on port %u: %s", (unsigned)*port,
		    strerror(errno));
	return fd;
}

void
th_http_up(struct th_http *h)
{
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, h->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, h->key },
		{ MHD_OPTION_END, 0, NULL }
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION |
	    MHD_USE_INTERNAL_POLLING_THREAD;
	int fd;

	if (h->daemon != NULL)
		return;
	if (h->cert != NULL)
		flags |= MHD_USE_TLS;
	fd = listen_on(&h->port);
	h->stopping = false;
	h->daemon = MHD_start_daemon(flags, h->port, NULL, NULL,
	    on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_URI_LOG_CALLBACK, on_url, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(256 * 1024),
	    MHD_OPTION_ARRAY, h->cert != NULL ? tls : none, MHD_OPTION_END);
	if (h->daemon == NULL)
		th_fail("cannot start the HTTP server on port %u",
		    (unsigned)h->port);
}

void
th_http_down(struct th_http *h)
{
	if (h->daemon == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	MHD_stop_daemon(h->daemon);
	h->daemon = NULL;
}

struct th_http *
th_http_start_tls(const char *cert_pem, const char *key_pem)
{
	struct th_http *h = must(calloc(1, sizeof(*h)));
	pthread_condattr_t attr;

	h->cert = copy_text(cert_pem);
	h->key = copy_text(key_pem);
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->changed, &attr);
	pthread_condattr_destroy(&attr);
	th_http_up(h);
	return h;
}

struct th_http *
th_http_start(void)
{
	return th_http_start_tls(NULL, NULL);
}

void
th_http_stop(struct th_http *h)
{
	if (h == NULL)
		return;
	th_http_down(h);
	th_http_reset(h);
	free(h->requests);
	free(h->cert);
	free(h->key);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

uint16_t
th_http_port(const struct th_http *h)
{
	return h->port;
}

const char *
th_http_url(const struct th_http *h, const char *path)
{
	return th_text("%s://127.0.0.1:%u%s", h->cert ? "https" : "http",
	    (unsigned)h->port, path);
}

/* ---------------------------------------------------------------- script */

static void
line_free(struct line *l)
{
	size_t i;

	for (i = 0; l->headers != NULL && l->headers[i] != NULL; i++)
		free(l->headers[i]);
	free(l->headers);
	free(l->method);
	free(l->path);
	free((void *)(uintptr_t)l->reply.body);
	free(l);
}

void
th_http_script(struct th_http *h, const char *method, const char *path,
    int times, const struct th_http_reply *reply)
{
	struct line *l = must(calloc(1, sizeof(*l))), **end;
	size_t i, n = 0;
	char *body;

	l->method = copy_text(method);
	l->path = copy_text(path);
	l->left = times > 0 ? times : -1;
	l->reply = *reply;
	if (reply->headers != NULL) {
		while (reply->headers[n] != NULL)
			n++;
		l->headers = must(calloc(n + 1, sizeof(*l->headers)));
		for (i = 0; i < n; i++)
			l->headers[i] = copy_text(reply->headers[i]);
		l->reply.headers = (const char *const *)l->headers;
	}
	if (reply->body != NULL) {
		n = reply->body_len ? reply->body_len : strlen(reply->body);
		body = must(malloc(n + 1));
		memcpy(body, reply->body, n);
		body[n] = '\0';
		l->reply.body = body;
		l->reply.body_len = n;
	}
	pthread_mutex_lock(&h->lock);
	for (end = &h->lines; *end != NULL; end = &(*end)->next)
		;
	*end = l;
	pthread_mutex_unlock(&h->lock);
}

void
th_http_answer(struct th_http *h, const char *method, const char *path,
    int times, int status, const char *body)
{
	struct th_http_reply reply = { .status = status, .body = body };

	th_http_script(h, method, path, times, &reply);
}

void
th_http_handler(struct th_http *h, th_http_handler_fn *fn, void *arg)
{
	pthread_mutex_lock(&h->lock);
	h->handler = fn;
	h->handler_arg = arg;
	pthread_mutex_unlock(&h->lock);
}

void
th_http_reset(struct th_http *h)
{
	struct line *l;
	size_t i;

	pthread_mutex_lock(&h->lock);
	for (i = 0; i < h->n_requests; i++)
		request_free(h->requests[i]);
	h->n_requests = h->n_answered = h->max_in_work = 0;
	while ((l = h->lines) != NULL) {
		h->lines = l->next;
		line_free(l);
	}
	pthread_mutex_unlock(&h->lock);
}

/* ------------------------------------------------------ what has arrived */

static size_t
read_locked(struct th_http *h, const size_t *field)
{
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = *field;
	pthread_mutex_unlock(&h->lock);
	return n;
}

size_t
th_http_count(struct th_http *h)
{
	return read_locked(h, &h->n_requests);
}

size_t
th_http_connections(struct th_http *h)
{
	return read_locked(h, &h->n_conns);
}

size_t
th_http_max_concurrent(struct th_http *h)
{
	return read_locked(h, &h->max_in_work);
}

size_t
th_http_unused(struct th_http *h)
{
	const struct line *l;
	size_t n = 0;

	pthread_mutex_lock(&h->lock);
	for (l = h->lines; l != NULL; l = l->next)
		if (l->left > 0)
			n += (size_t)l->left;
	pthread_mutex_unlock(&h->lock);
	return n;
}

const struct th_http_request *
th_http_request(struct th_http *h, size_t i)
{
	const struct th_http_request *req = NULL;
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = h->n_requests;
	if (i < n)
		req = &h->requests[i]->pub;
	pthread_mutex_unlock(&h->lock);
	if (req == NULL)
		th_fail("request %zu of %zu", i, n);
	return req;
}

static bool
wait_for(struct th_http *h, const size_t *field, size_t n, int timeout_ms)
{
	struct timespec until = deadline((int64_t)timeout_ms * th_slowness());
	int rc = 0;
	bool ok;

	pthread_mutex_lock(&h->lock);
	while (*field < n && rc == 0)
		rc = pthread_cond_timedwait(&h->changed, &h->lock, &until);
	ok = *field >= n;
	pthread_mutex_unlock(&h->lock);
	return ok;
}

bool
th_http_wait(struct th_http *h, size_t n, int timeout_ms)
{
	return wait_for(h, &h->n_requests, n, timeout_ms);
}

bool
th_http_wait_answered(struct th_http *h, size_t n, int timeout_ms)
{
	return wait_for(h, &h->n_answered, n, timeout_ms);
}

const char *
th_http_header(const struct th_http_request *req, const char *name)
{
	size_t i;

	for (i = 0; i < req->n_headers; i++)
		if (strcasecmp(req->headers[i].name, name) == 0)
			return req->headers[i].value;
	return NULL;
}
