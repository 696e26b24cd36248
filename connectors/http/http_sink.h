/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_sink.h: the inside of the http-sink.
 *
 * put() gives each record, or each batch of them, to a lane. A lane is one
 * connection with at most one request on it; it keeps its records, through
 * retries too, until they are delivered or given up.
 *
 *	sink_options.c	the option table and what the options become
 *	sink_request.c	records to request bytes
 *	sink_lane.c	one lane: connect, send, receive, judge, wait
 *	sink_curl.c	the same through libcurl's own HTTP, for HTTP/2
 *	sink.c		the loop over all lanes
 */
#ifndef LEAT_HTTP_SINK_H
#define LEAT_HTTP_SINK_H

#include <poll.h>
#include <stdatomic.h>

#include "http1.h"
#include "http_conn.h"
#include "http_options.h"
#include "http_order.h"
#include "http_retry.h"
#include "http_status.h"
#include "http_template.h"

enum {
	SINK_LANES_MAX = 256,
	SINK_HEADERS_MAX = 64,
	SINK_BODY_MAX = 256 * 1024 * 1024,
	SINK_READ_BYTES = 64 * 1024,
	SINK_FRAME_MAX = 256,	/* batch.prefix and the like, with a NUL */
	SINK_GRACE_MS = 1000	/* for requests under way when stopping */
};

enum sink_method { SINK_POST, SINK_PUT, SINK_PATCH, SINK_DELETE };
enum sink_tombstone { TOMB_IGNORE, TOMB_NULL, TOMB_DELETE, TOMB_FAIL };
enum sink_body { BODY_AUTO, BODY_JSON, BODY_STRING };
enum sink_batching { BATCH_ARRAY, BATCH_NDJSON };
enum sink_exhausted { EXHAUSTED_RETRY, EXHAUSTED_FAIL };

struct sink_config {
	struct http_options http;
	const char *url;
	const char *delete_url;
	const char *content_type;
	const char *idempotency_header;
	const char *prefix;
	const char *suffix;
	const char *separator;
	int32_t method;
	int32_t tombstones;
	int32_t body;
	int32_t batching;
	int32_t exhausted;
	int32_t decimals;
	int64_t batch_records;
	int64_t batch_bytes;
	int64_t connections;
	int64_t max_retries;
	int64_t backoff_ms;
	int64_t backoff_max_ms;
	int64_t retry_after_max_ms;
	struct leat_list success;
	struct leat_list retry;
	struct leat_list config;
};

/* What sink_options_check found out about the options. */
struct sink_plan {
	struct http_template target;	/* path and query */
	struct http_template delete_target;
	struct http_template headers[SINK_HEADERS_MAX];
	const char *header_names[SINK_HEADERS_MAX];
	uint32_t nheaders;
	bool headers_vary;
	bool tls;
	struct leat_str origin;		/* "https://host:port" */
	struct leat_str authority;	/* "host:port" */
	struct http_status_set success;
	struct http_status_set retry;
	struct http_status_set config;
	char prefix[SINK_FRAME_MAX];
	char suffix[SINK_FRAME_MAX];
	char separator[SINK_FRAME_MAX];
};

enum lane_state {
	LANE_IDLE,
	LANE_CONNECTING,
	LANE_SENDING,
	LANE_RECEIVING,
	LANE_TRANSFER,		/* libcurl does both */
	LANE_WAITING		/* until the next try */
};

struct http_sink;

struct sink_lane {
	struct http_sink *sink;
	uint32_t number;
	enum lane_state state;
	struct http_conn conn;
	CURL *easy;		/* HTTP/2 only */
	struct curl_slist *headers;	/* HTTP/2 only */
	uint32_t *items;	/* records of the request under way */
	uint32_t nitems;
	bool is_delete;
	bool used;		/* the connection has carried a request */
	bool reconnected;	/* this try replaced a stale connection */
	uint32_t attempt;	/* tries so far */
	int64_t start_ms;	/* of this try */
	int64_t deadline_ms;	/* of the state it is in */
	struct leat_buf target;	/* of the request, expanded */
	struct leat_buf extra;	/* its templated header lines */
	struct leat_buf head;
	struct leat_buf body;
	size_t sent;
	struct http1_response resp;
};

struct http_sink {
	struct leat_task *task;
	const struct sink_config *cfg;
	struct sink_plan plan;
	CURLM *multi;
	struct sink_lane *lanes;
	uint32_t nlanes;
	uint32_t busy;		/* lanes not idle */
	uint32_t connecting;	/* lanes that need libcurl to run */
	struct pollfd *pfds;	/* one per lane, one for wake_fd */
	struct curl_waitfd *waits;
	struct http_order order;
	const struct leat_sink_batch *batch;
	struct leat_buf fixed;	/* header lines of every request */
	struct leat_buf scratch;
	struct leat_buf scratch2;
	struct http_backoff backoff;
	uint8_t *rx;
	int wake_fd;
	atomic_int interrupted;
	bool stopping;		/* no new requests in this put() */
	bool closing_gaps;	/* but those between what was delivered */
	int64_t now_ms;
	int64_t abort_ms;	/* when stopping: until then */
	struct leat_err fatal;	/* why stopping, if not interrupted */
	int64_t *m_requests;
	int64_t *m_retries;
	int64_t *m_failed;
	int64_t *m_bytes;
	int64_t *m_request_ms;
};

extern const struct leat_option sink_options[];

/* Checks the options against each other; ret_plan may be NULL. 0 or CONFIG. */
int sink_options_check(const struct sink_config *c, struct sink_plan *ret_plan,
    struct leat_err *err);

/* Builds the header lines that never change into sink->fixed. */
int sink_request_fixed(struct http_sink *s, struct leat_err *err);
/*
 * Takes the records of the next request and builds it; sets nitems to 0 when
 * there is none to send now. 0, or negative with err: stop.
 */
int sink_request_next(struct sink_lane *l, struct leat_err *err);
/* The record at index i is lost to the dead letters. 0, or stop with err. */
int sink_record_fail(struct http_sink *s, uint32_t i,
    const struct leat_err *why, struct leat_err *err);
void sink_record_ack(struct http_sink *s, uint32_t i);
const char *sink_method_name(const struct sink_lane *l);

int sink_lane_init(struct sink_lane *l, struct http_sink *s, uint32_t number,
    struct leat_err *err);
void sink_lane_fini(struct sink_lane *l);
/* An idle lane takes work, as far as there is some. */
void sink_lane_fill(struct sink_lane *l);
/* Its socket is ready; its deadline passed; libcurl is done with it. */
void sink_lane_ready(struct sink_lane *l);
void sink_lane_timeout(struct sink_lane *l);
void sink_lane_curl_done(struct sink_lane *l, CURLcode result);
/* Drops what is under way; its records stay undone. */
void sink_lane_abort(struct sink_lane *l);
/* A try ended with a response, or without one. */
void sink_lane_response(struct sink_lane *l, int status,
    struct leat_str retry_after, struct leat_str body);
void sink_lane_broken(struct sink_lane *l, const struct leat_err *why);

int sink_curl_init(struct sink_lane *l, struct leat_err *err);
void sink_curl_fini(struct sink_lane *l);
int sink_curl_start(struct sink_lane *l, struct leat_err *err);
void sink_curl_done(struct sink_lane *l, CURLcode result);
void sink_curl_abort(struct sink_lane *l);

/* No new requests; the first reason is kept. */
void sink_stop(struct http_sink *s, const struct leat_err *why);

extern const struct leat_sink_ops http_sink_ops;

#endif
