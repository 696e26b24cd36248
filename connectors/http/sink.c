/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http-sink: the loop over all lanes.
 *
 * put() returns when every record of the batch is delivered or given up, or
 * when it has to stop early: then requests under way may still finish, for a
 * short while after an interrupt, so that what was delivered is acknowledged
 * and not sent twice. An offset can be stored only up to the first record that
 * is missing, so records that waited for their key are sent in that time too.
 */
#include "http_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void
sink_record_ack(struct http_sink *s, uint32_t i)
{
	leat_sink_ack(s->task, i);
	http_order_done(&s->order, i);
}

int
sink_record_fail(struct http_sink *s, uint32_t i, const struct leat_err *why,
    struct leat_err *err)
{
	struct leat_err rec = *why;
	int rc;

	rec.cls = LEAT_CLS_RECORD;
	leat_metric_add(s->m_failed, 1);
	rc = leat_sink_fail(s->task, i, &rec);
	if (rc < 0) {
		*err = rec;
		err->code = rc;
		return rc;
	}
	http_order_done(&s->order, i);
	return 0;
}

void
sink_stop(struct http_sink *s, const struct leat_err *why)
{
	uint32_t i;

	if (!s->stopping) {
		if (why != NULL)
			s->fatal = *why;
		s->abort_ms = INT64_MAX;
	}
	s->stopping = true;
	if (why != NULL)
		s->closing_gaps = false;
	for (i = 0; i < s->nlanes; i++) {
		if (s->lanes[i].state == LANE_WAITING)
			sink_lane_abort(&s->lanes[i]);
	}
}

/* ----------------------------------------------------------------- waiting */

static int
wait_ms(const struct http_sink *s)
{
	int64_t until = s->stopping ? s->abort_ms : INT64_MAX;
	uint32_t i;

	for (i = 0; i < s->nlanes; i++) {
		if (s->lanes[i].state != LANE_IDLE &&
		    s->lanes[i].deadline_ms < until)
			until = s->lanes[i].deadline_ms;
	}
	if (until == INT64_MAX)
		return 60000;
	until -= s->now_ms;
	return until < 0 ? 0 : until > 60000 ? 60000
					     : (int)until;
}

/* While libcurl connects, it has to watch its own sockets too. */
static void
wait_with_curl(struct http_sink *s, int timeout_ms)
{
	uint32_t i, n = 0;

	for (i = 0; i <= s->nlanes; i++) {
		if (s->pfds[i].fd < 0)
			continue;
		s->waits[n].fd = s->pfds[i].fd;
		s->waits[n].events = s->pfds[i].events == POLLOUT
		    ? CURL_WAIT_POLLOUT
		    : CURL_WAIT_POLLIN;
		s->waits[n++].revents = 0;
	}
	curl_multi_poll(s->multi, s->waits, n, timeout_ms, NULL);
	poll(s->pfds, s->nlanes + 1, 0);
}

static void
run_curl(struct http_sink *s)
{
	CURLMsg *m;
	char *lane;
	int n;

	curl_multi_perform(s->multi, &n);
	while ((m = curl_multi_info_read(s->multi, &n)) != NULL) {
		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
			&lane) != CURLE_OK)
			continue;
		sink_lane_curl_done((struct sink_lane *)(void *)lane,
		    m->data.result);
	}
}

static void
on_wake(struct http_sink *s)
{
	uint64_t n;

	while (read(s->wake_fd, &n, sizeof(n)) > 0)
		;
	if (atomic_load(&s->interrupted) == 0)
		return;
	if (!s->stopping) {
		http_order_seal(&s->order);
		s->closing_gaps = true;
	}
	sink_stop(s, NULL);
	if (s->abort_ms > s->now_ms + SINK_GRACE_MS)
		s->abort_ms = s->now_ms + SINK_GRACE_MS;
}

static void
step(struct http_sink *s)
{
	uint32_t i;

	if (s->connecting > 0)
		wait_with_curl(s, wait_ms(s));
	else
		poll(s->pfds, s->nlanes + 1, wait_ms(s));
	s->now_ms = leat_mono_ms(s->task);
	if (s->pfds[s->nlanes].revents != 0)
		on_wake(s);
	for (i = 0; i < s->nlanes; i++) {
		if (s->pfds[i].revents != 0)
			sink_lane_ready(&s->lanes[i]);
	}
	if (s->connecting > 0)
		run_curl(s);
	for (i = 0; i < s->nlanes; i++) {
		if (s->lanes[i].state != LANE_IDLE &&
		    s->lanes[i].deadline_ms <= s->now_ms)
			sink_lane_timeout(&s->lanes[i]);
	}
	/* What one lane finished may have freed work for an idle one. */
	for (i = 0; i < s->nlanes && s->busy < s->nlanes; i++)
		sink_lane_fill(&s->lanes[i]);
}

static int32_t
sink_put(void *self, const struct leat_sink_batch *batch,
    struct leat_err *err)
{
	struct http_sink *s = self;
	uint32_t i;

	if (http_order_begin(&s->order, batch, s->nlanes > 1) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for a batch of %u records", batch->nrecords);
	s->batch = batch;
	s->stopping = s->closing_gaps = false;
	leat_err_clear(&s->fatal);
	if (leat_stopping(s->task) == 0)
		atomic_store(&s->interrupted, 0);
	s->now_ms = leat_mono_ms(s->task);
	for (i = 0; i < s->nlanes; i++)
		sink_lane_fill(&s->lanes[i]);
	while (s->busy > 0) {
		if (s->stopping && s->now_ms >= s->abort_ms)
			break;
		step(s);
	}
	for (i = 0; i < s->nlanes; i++) {
		if (s->lanes[i].state != LANE_IDLE)
			sink_lane_abort(&s->lanes[i]);
	}
	s->batch = NULL;
	if (s->order.left == 0)
		return 0;
	if (s->fatal.code != 0) {
		*err = s->fatal;
		return err->code;
	}
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STOPPED,
	    "stopped with %u records undelivered", s->order.left);
}

static void
sink_interrupt(void *self)
{
	struct http_sink *s = self;
	uint64_t one = 1;

	atomic_store(&s->interrupted, 1);
	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return;		/* full: it is awake already */
}

/* ------------------------------------------------------------ life and end */

static void
sink_close(void *self)
{
	struct http_sink *s = self;
	uint32_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->nlanes; i++)
		sink_lane_fini(&s->lanes[i]);
	if (s->multi != NULL)
		curl_multi_cleanup(s->multi);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	http_order_fini(&s->order);
	leat_buf_fini(&s->fixed);
	leat_buf_fini(&s->scratch);
	leat_buf_fini(&s->scratch2);
	free(s->lanes);
	free(s->pfds);
	free(s->waits);
	free(s->rx);
	free(s);
}

static void
open_metrics(struct http_sink *s)
{
	struct leat_task *t = s->task;

	s->m_requests = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_sink_requests_total", "Requests sent, retries included.");
	s->m_retries = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_sink_retries_total", "Requests that were to be sent again.");
	s->m_failed = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_sink_failed_records_total",
	    "Records that could not be delivered.");
	s->m_bytes = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_sink_sent_bytes_total", "Bytes of requests sent.");
	s->m_request_ms = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_sink_request_ms_total",
	    "Time between requests and their responses.");
}

static int
open_memory(struct http_sink *s, struct leat_err *err)
{
	uint32_t n = (uint32_t)s->cfg->connections, i;

	s->lanes = calloc(n, sizeof(*s->lanes));
	s->pfds = calloc(n + 1, sizeof(*s->pfds));
	s->waits = calloc(n + 1, sizeof(*s->waits));
	s->rx = malloc(SINK_READ_BYTES);
	s->multi = curl_multi_init();
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->lanes == NULL || s->pfds == NULL || s->waits == NULL ||
	    s->rx == NULL || s->multi == NULL || s->wake_fd < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for %u connections", n);
	/* Kept connections: one each, nothing pooled behind our back. */
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)n);
	for (i = 0; i < n; i++)
		s->pfds[i].fd = -1;
	s->pfds[n].fd = s->wake_fd;
	s->pfds[n].events = POLLIN;
	return 0;
}

static int32_t
sink_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	const struct sink_config *c = config;
	struct http_sink *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->task = t;
	s->cfg = c;
	s->wake_fd = -1;
	leat_buf_init(&s->fixed, 4 * HTTP_HEADER_MAX);
	leat_buf_init(&s->scratch, HTTP_URL_MAX + HTTP_HEADER_MAX);
	leat_buf_init(&s->scratch2, HTTP_HEADER_MAX);
	http_backoff_init(&s->backoff, c->backoff_ms, c->backoff_max_ms,
	    (uint64_t)leat_now_us(t) * 2654435761u +
		(uint64_t)leat_task_id(t));
	rc = http_global_init(err);
	if (rc == 0)
		rc = sink_options_check(c, &s->plan, err);
	if (rc == 0)
		rc = sink_request_fixed(s, err);
	if (rc == 0)
		rc = open_memory(s, err);
	while (rc == 0 && s->nlanes < c->connections) {
		rc = sink_lane_init(&s->lanes[s->nlanes], s, s->nlanes, err);
		s->nlanes++;
	}
	if (rc < 0) {
		sink_close(s);
		return rc;
	}
	open_metrics(s);
	*ret_self = s;
	return 0;
}

const struct leat_sink_ops http_sink_ops = {
	.size = sizeof(struct leat_sink_ops),
	.open = sink_open,
	.put = sink_put,
	.interrupt = sink_interrupt,
	.close = sink_close,
};
