/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h: an HTTP server for tests that answers by script and remembers what it
 * was asked.
 *
 * It listens on the loopback, on a free port, with a thread per connection. An
 * answer is found in this order: the first script line that fits the request
 * and is not used up; the handler; 200 with an empty body. All functions may be
 * called while requests are served. As in proc.h, what cannot be done fails the
 * running test.
 */
#ifndef LEAT_TESTS_HARNESS_HTTP_H
#define LEAT_TESTS_HARNESS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct th_http;

struct th_http_header {
	const char *name;
	const char *value;
};

/* One request, complete with its body. Lives until reset or stop. */
struct th_http_request {
	uint32_t seq;	/* order of arrival, from 0 */
	uint32_t conn;	/* connection: 1, 2, .. in order of their opening */
	int64_t at_ms;	/* th_now_ms() when the body was complete */
	const char *method;
	const char *url;	/* path and query, as sent */
	const char *path;	/* the url up to '?', not decoded */
	const char *query;	/* behind '?', or "" */
	const struct th_http_header *headers;
	size_t n_headers;
	const char *body;	/* a NUL follows, that is not part of it */
	size_t body_len;
};

enum {
	TH_HTTP_DROP = 1,	/* close the connection without an answer */
	TH_HTTP_TRUNCATE = 2,	/* close it after half of the body */
	TH_HTTP_HANG = 4,	/* never answer; ends with the server */
	TH_HTTP_CLOSE = 8	/* answer with "Connection: close" */
};

struct th_http_reply {
	int status;	/* 0: 200 */
	const char *const *headers;	/* "Name: value", NULL-terminated */
	const char *body;	/* NULL: empty */
	size_t body_len;	/* 0: strlen(body) */
	int delay_ms;	/* before the answer */
	int flags;	/* TH_HTTP_* */
};

/*
 * Fills *reply (zeroed before) for a request no script line fits. Runs on the
 * connection's thread; what the reply points to must live on until the next
 * call on that connection, or until the server is stopped.
 */
typedef void th_http_handler_fn(void *arg, const struct th_http_request *req,
    struct th_http_reply *reply);

/* Starts a server. The second form speaks TLS with the PEM texts given. */
struct th_http *th_http_start(void);
struct th_http *th_http_start_tls(const char *cert_pem, const char *key_pem);
/* Ends open requests without an answer. Accepts NULL. */
void th_http_stop(struct th_http *h);

uint16_t th_http_port(const struct th_http *h);
/* "http://127.0.0.1:<port><path>"; lives until the program ends. */
const char *th_http_url(const struct th_http *h, const char *path);

/*
 * Adds a script line for the next `times` requests (0: for all) with this
 * method (NULL: any) and path (NULL: any; "/a*": all that begin with "/a"). The
 * reply is copied.
 */
void th_http_script(struct th_http *h, const char *method, const char *path,
    int times, const struct th_http_reply *reply);
/* The common case: a status and a body (or NULL). */
void th_http_answer(struct th_http *h, const char *method, const char *path,
    int times, int status, const char *body);
void th_http_handler(struct th_http *h, th_http_handler_fn *fn, void *arg);

/* Nobody listens (connections are refused) until th_http_up(), same port. */
void th_http_down(struct th_http *h);
void th_http_up(struct th_http *h);

/* ------------------------------------------------------ what has arrived */

/* Complete requests so far. */
size_t th_http_count(struct th_http *h);
/* The i-th request; the test fails when there is none. */
const struct th_http_request *th_http_request(struct th_http *h, size_t i);
/* Waits for n requests; false after timeout_ms (times th_slowness()). */
bool th_http_wait(struct th_http *h, size_t n, int timeout_ms);
/* Waits until n answers are written or dropped. */
bool th_http_wait_answered(struct th_http *h, size_t n, int timeout_ms);

/* The first header of this name (any case), or NULL. */
const char *th_http_header(const struct th_http_request *req,
    const char *name);

/* Connections opened so far. */
size_t th_http_connections(struct th_http *h);
/* The most requests that were in work at the same time. */
size_t th_http_max_concurrent(struct th_http *h);
/* Script lines with a count that were not used up. */
size_t th_http_unused(struct th_http *h);

/* Forgets requests, script and high-water mark. No request may be in work. */
void th_http_reset(struct th_http *h);

#endif
