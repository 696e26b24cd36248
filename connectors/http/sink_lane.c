/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lane: a connection and the request on it.
 *
 *	IDLE -> CONNECTING -> SENDING -> RECEIVING -> IDLE	delivered
 *	     (IDLE -> SENDING when the connection is open)
 *	any -> WAITING -> CONNECTING or SENDING			tried again
 *	IDLE -> TRANSFER -> IDLE or WAITING			HTTP/2
 *
 * A lane that is not IDLE owns the records in items[]; the way back to IDLE
 * delivers them, fails them, or leaves them undone because the task stops.
 */
#include "http_sink.h"

#include <errno.h>
#include <stdlib.h>

static void start_try(struct sink_lane *l);

static void
set_state(struct sink_lane *l, enum lane_state state, int64_t deadline_ms)
{
	struct http_sink *s = l->sink;

	s->busy += (state != LANE_IDLE) - (l->state != LANE_IDLE);
	s->connecting += (state == LANE_CONNECTING || state == LANE_TRANSFER);
	s->connecting -= (l->state == LANE_CONNECTING ||
	    l->state == LANE_TRANSFER);
	l->state = state;
	l->deadline_ms = deadline_ms;
	s->pfds[l->number].fd = -1;
	s->pfds[l->number].revents = 0;
	if (state == LANE_SENDING || state == LANE_RECEIVING) {
		s->pfds[l->number].fd = l->conn.fd;
		s->pfds[l->number].events =
		    state == LANE_SENDING ? POLLOUT : POLLIN;
	}
}

static CURL *
new_easy(struct sink_lane *l, struct leat_err *err)
{
	struct http_sink *s = l->sink;
	CURL *easy = curl_easy_init();
	char *origin = strndup(s->plan.origin.ptr, s->plan.origin.len);
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	if (easy != NULL && origin != NULL)
		rc = curl_easy_setopt(easy, CURLOPT_URL, origin);
	free(origin);
	if (rc != CURLE_OK) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for a connection");
	} else if (http_options_apply(&s->cfg->http, easy, err) == 0) {
		curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)l);
		return easy;
	}
	curl_easy_cleanup(easy);
	return NULL;
}

int
sink_lane_init(struct sink_lane *l, struct http_sink *s, uint32_t number,
    struct leat_err *err)
{
	CURL *easy;

	l->sink = s;
	l->number = number;
	leat_buf_init(&l->target, HTTP_URL_MAX);
	leat_buf_init(&l->extra, HTTP_HEADER_MAX);
	leat_buf_init(&l->head, HTTP_URL_MAX + 4 * HTTP_HEADER_MAX);
	leat_buf_init(&l->body, SINK_BODY_MAX);
	http1_init(&l->resp);
	l->items = calloc((size_t)s->cfg->batch_records, sizeof(*l->items));
	if (l->items == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for %lld records in a batch",
		    (long long)s->cfg->batch_records);
	easy = new_easy(l, err);
	if (easy == NULL)
		return err->code;
	if (s->cfg->http.version == HTTP_VERSION_2) {
		l->easy = easy;
		return sink_curl_init(l, err);
	}
	http_conn_init(&l->conn, s->multi, easy, s->plan.tls);
	return 0;
}

void
sink_lane_fini(struct sink_lane *l)
{
	sink_curl_fini(l);
	http_conn_fini(&l->conn);
	http1_fini(&l->resp);
	leat_buf_fini(&l->target);
	leat_buf_fini(&l->extra);
	leat_buf_fini(&l->head);
	leat_buf_fini(&l->body);
	free(l->items);
	l->items = NULL;
}

/* ---------------------------------------------------------------- verdicts */

static void
deliver(struct sink_lane *l)
{
	struct http_sink *s = l->sink;
	uint32_t i;

	for (i = 0; i < l->nitems; i++)
		sink_record_ack(s, l->items[i]);
	set_state(l, LANE_IDLE, 0);
	sink_lane_fill(l);
}

/* The records cannot be delivered: dead letters, or the task stops. */
static void
give_up(struct sink_lane *l, const struct leat_err *why)
{
	struct http_sink *s = l->sink;
	struct leat_err err = LEAT_ERR_INIT;
	uint32_t i;

	for (i = 0; i < l->nitems; i++) {
		if (sink_record_fail(s, l->items[i], why, &err) < 0) {
			sink_stop(s, &err);
			break;
		}
	}
	set_state(l, LANE_IDLE, 0);
	sink_lane_fill(l);
}

static void
drop(struct sink_lane *l, const struct leat_err *why)
{
	set_state(l, LANE_IDLE, 0);
	sink_stop(l->sink, why);
}

/* A try failed in a way that another one may mend. */
static void
try_again(struct sink_lane *l, struct leat_err *why, int64_t after_ms)
{
	struct http_sink *s = l->sink;
	const struct sink_config *c = s->cfg;
	int64_t wait = http_backoff_ms(&s->backoff, l->attempt);

	if (s->stopping) {
		set_state(l, LANE_IDLE, 0);
		return;
	}
	if (l->attempt > c->max_retries) {
		leat_err_wrap(why, "gave up after %u tries", l->attempt);
		if (c->exhausted == EXHAUSTED_FAIL)
			give_up(l, why);
		else
			drop(l, why);
		return;
	}
	if (after_ms > c->retry_after_max_ms)
		after_ms = c->retry_after_max_ms;
	if (wait < after_ms)
		wait = after_ms;
	leat_metric_add(s->m_retries, 1);
	leat_log_debug(s->task, "request will be tried again",
	    "attempt=%u wait_ms=%lld error=\"%s\"", l->attempt,
	    (long long)wait, why->text);
	set_state(l, LANE_WAITING, s->now_ms + wait);
}

static void
describe(const struct sink_lane *l, struct leat_err *err, int cls, int status,
    struct leat_str body)
{
	const struct http_sink *s = l->sink;
	struct leat_str target = { (const char *)l->target.data,
		l->target.len };
	const char *hint = status >= 300 && status < 400
	    ? " (redirects are not followed: give the final url)"
	    : cls == LEAT_CLS_CONFIG ? " (check the credentials)"
				     : "";

	/* The query may hold secrets. */
	target = leat_str_cut(&target, '?');
	body = leat_str_trim(body);
	leat_err_set(err, cls, LEAT_E_REMOTE, "%s %.*s%.*s: status %d%s%s%.*s",
	    sink_method_name(l), (int)s->plan.origin.len, s->plan.origin.ptr,
	    (int)target.len, target.ptr, status, hint,
	    body.len > 0 ? ": " : "", (int)body.len, body.ptr);
}

/* DELETE of what is gone already has done its work. */
static bool
is_success(const struct sink_lane *l, int status)
{
	return http_status_has(&l->sink->plan.success, status) ||
	    (l->is_delete && (status == 404 || status == 410));
}

void
sink_lane_response(struct sink_lane *l, int status,
    struct leat_str retry_after, struct leat_str body)
{
	struct http_sink *s = l->sink;
	struct leat_err why = LEAT_ERR_INIT;
	int64_t after_ms = 0;

	leat_metric_add(s->m_request_ms, s->now_ms - l->start_ms);
	if (is_success(l, status)) {
		deliver(l);
		return;
	}
	if (http_status_has(&s->plan.retry, status)) {
		describe(l, &why, LEAT_CLS_RETRY, status, body);
		http_retry_after_parse(retry_after,
		    leat_now_us(s->task) / 1000000, &after_ms);
		try_again(l, &why, after_ms);
		return;
	}
	if (http_status_has(&s->plan.config, status)) {
		describe(l, &why, LEAT_CLS_CONFIG, status, body);
		drop(l, &why);
		return;
	}
	describe(l, &why, LEAT_CLS_RECORD, status, body);
	/* Of several records one may be bad: the host brings them singly. */
	if (l->nitems > 1)
		drop(l, &why);
	else
		give_up(l, &why);
}

void
sink_lane_broken(struct sink_lane *l, const struct leat_err *why)
{
	struct leat_err err = *why;

	leat_err_wrap(&err, "%s %.*s", sink_method_name(l),
	    (int)l->sink->plan.origin.len, l->sink->plan.origin.ptr);
	if (err.cls == LEAT_CLS_RETRY)
		try_again(l, &err, 0);
	else
		drop(l, &err);
}

/* ------------------------------------------------------------------- a try */

static void
complete(struct sink_lane *l)
{
	const struct http1_response *r = &l->resp;

	l->used = true;
	if (!r->keep_alive)
		http_conn_close(&l->conn);
	sink_lane_response(l, r->status, leat_str_c(r->retry_after),
	    (struct leat_str){ (const char *)r->body.data, r->body.len });
}

/*
 * The connection ended. An idle one may have been closed by the server just
 * before this request came: such a stale connection costs no try.
 */
static void
lost(struct sink_lane *l, const struct leat_err *why)
{
	bool stale = l->used && !l->reconnected && l->resp.total == 0;

	http_conn_close(&l->conn);
	if (stale && !l->sink->stopping) {
		l->reconnected = true;
		l->attempt--;
		start_try(l);
		return;
	}
	sink_lane_broken(l, why);
}

/*
 * The server closed while we were sending; it may have said why before (413).
 */
static bool
early_answer(struct sink_lane *l)
{
	struct http_sink *s = l->sink;
	size_t used;
	ssize_t n;
	bool eof;
	int rc;

	do {
		n = http_conn_recv(&l->conn, s->rx, SINK_READ_BYTES, &eof,
		    NULL);
		rc = n > 0 ? http1_feed(&l->resp, s->rx, (size_t)n, &used,
				 NULL)
		    : eof  ? http1_feed_eof(&l->resp, NULL)
			   : -1;
	} while (rc == 0);
	if (rc < 0)
		return false;
	l->resp.keep_alive = false;
	complete(l);
	return true;
}

static void
send_more(struct sink_lane *l)
{
	struct leat_err err = LEAT_ERR_INIT;
	size_t head = l->head.len, done;
	struct iovec iov[2];
	ssize_t n;

	do {
		done = l->sent < head ? l->sent : head;
		iov[0].iov_base = l->head.data + done;
		iov[0].iov_len = head - done;
		done = l->sent > head ? l->sent - head : 0;
		iov[1].iov_base = l->body.data + done;
		iov[1].iov_len = l->is_delete ? 0 : l->body.len - done;
		n = http_conn_send(&l->conn, iov, iov[1].iov_len > 0 ? 2 : 1,
		    &err);
		if (n < 0) {
			if (!early_answer(l))
				lost(l, &err);
			return;
		}
		l->sent += (size_t)n;
	} while (n > 0 && (size_t)n < iov[0].iov_len + iov[1].iov_len);
	if (n > 0)
		set_state(l, LANE_RECEIVING, l->deadline_ms);
	else if (l->state != LANE_SENDING)
		set_state(l, LANE_SENDING, l->deadline_ms);
}

static void
start_request(struct sink_lane *l)
{
	l->sent = 0;
	http1_reset(&l->resp, false);
	l->deadline_ms = l->sink->now_ms +
	    l->sink->cfg->http.request_timeout_ms;
	leat_metric_add(l->sink->m_requests, 1);
	leat_metric_add(l->sink->m_bytes,
	    (int64_t)(l->head.len + l->body.len));
	send_more(l);
}

static void
start_try(struct sink_lane *l)
{
	struct http_sink *s = l->sink;
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	l->attempt++;
	l->start_ms = s->now_ms;
	if (l->easy != NULL) {
		set_state(l, LANE_TRANSFER, INT64_MAX);
		rc = sink_curl_start(l, &err);
	} else if (l->conn.state == HTTP_CONN_OPEN) {
		start_request(l);
		return;
	} else {
		/* libcurl has the timeout of connecting. */
		set_state(l, LANE_CONNECTING, INT64_MAX);
		l->used = false;
		rc = http_conn_start(&l->conn, &err);
	}
	if (rc < 0)
		sink_lane_broken(l, &err);
}

static void
receive(struct sink_lane *l)
{
	struct http_sink *s = l->sink;
	struct leat_err err = LEAT_ERR_INIT;
	size_t used;
	ssize_t n;
	bool eof;
	int rc;

	for (;;) {
		n = http_conn_recv(&l->conn, s->rx, SINK_READ_BYTES, &eof,
		    &err);
		if (n == 0 && !eof)
			return;
		if (n < 0)
			rc = (int)n;
		else if (eof)
			rc = http1_feed_eof(&l->resp, &err);
		else
			rc = http1_feed(&l->resp, s->rx, (size_t)n, &used,
			    &err);
		if (rc != 0)
			break;
	}
	if (rc < 0) {
		lost(l, &err);
		return;
	}
	/* Bytes behind a response belong to nothing we asked for. */
	if (eof || used < (size_t)n)
		l->resp.keep_alive = false;
	complete(l);
}

void
sink_lane_fill(struct sink_lane *l)
{
	struct http_sink *s = l->sink;
	struct leat_err err = LEAT_ERR_INIT;

	if ((s->stopping && !s->closing_gaps) || l->state != LANE_IDLE ||
	    s->order.left == 0)
		return;
	if (sink_request_next(l, &err) < 0) {
		sink_stop(s, &err);
		return;
	}
	if (l->nitems == 0)
		return;
	l->attempt = 0;
	l->reconnected = false;
	start_try(l);
}

void
sink_lane_ready(struct sink_lane *l)
{
	/* An answer may come before the whole request is out (413, 429). */
	if (l->state == LANE_RECEIVING)
		receive(l);
	else if (l->state == LANE_SENDING)
		send_more(l);
}

void
sink_lane_timeout(struct sink_lane *l)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (l->state == LANE_WAITING) {
		l->reconnected = false;
		start_try(l);
		return;
	}
	if (l->state != LANE_SENDING && l->state != LANE_RECEIVING)
		return;
	leat_err_set(&err, LEAT_CLS_RETRY, -ETIMEDOUT,
	    "no response within %lld ms (request.timeout.ms)",
	    (long long)l->sink->cfg->http.request_timeout_ms);
	http_conn_close(&l->conn);
	sink_lane_broken(l, &err);
}

void
sink_lane_curl_done(struct sink_lane *l, CURLcode result)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (l->easy != NULL) {
		sink_curl_done(l, result);
		return;
	}
	if (l->state != LANE_CONNECTING)
		return;
	if (http_conn_done(&l->conn, result, &err) < 0)
		sink_lane_broken(l, &err);
	else
		start_request(l);
}

void
sink_lane_abort(struct sink_lane *l)
{
	if (l->state == LANE_TRANSFER)
		sink_curl_abort(l);
	else if (l->state != LANE_WAITING)
		http_conn_close(&l->conn);
	set_state(l, LANE_IDLE, 0);
}
