/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http-source: asks, finds the records, hands them out.
 *
 * A position is given with each poll() that has records. Within a response it
 * counts the records delivered and holds a hash over them: after a restart the
 * same request is made, and if its response begins with the same records, it
 * goes on right behind them. If not, the response is delivered from its start.
 */
#include "http_source.h"

#include <errno.h>
#include <stdlib.h>

#include <leat/json.h>
#include <leat/time.h>

#include "http_field.h"

static void
wait_until(struct http_source *s, int64_t ms)
{
	s->phase = PHASE_WAIT;
	s->next_ms = ms;
}

/* ----------------------------------------------------------------- records */

static bool
is_ndjson(const struct http_source *s)
{
	return s->cfg->format == FORMAT_NDJSON ||
	    (s->cfg->format == FORMAT_AUTO && s->resp.ndjson);
}

/* An array of all values in the text. */
static int
parse_ndjson(struct http_source *s, const char *p, size_t len,
    struct leat_err *err)
{
	struct leat_value *items = NULL, *more;
	size_t cap = 0, n = 0, at = 0, used;

	for (;;) {
		while (at < len && (p[at] == '\n' || p[at] == '\r' ||
				       p[at] == ' ' || p[at] == '\t' ||
				       p[at] == 0x1e))
			at++;
		if (at == len)
			break;
		if (n == cap) {
			cap = cap > 0 ? cap * 2 : 64;
			more = leat_arena_calloc(&s->arena, cap,
			    sizeof(*more));
			if (more == NULL)
				return leat_err_set(err, LEAT_CLS_RETRY,
				    -ENOMEM, "no memory for a response");
			if (n > 0)
				memcpy(more, items, n * sizeof(*more));
			items = more;
		}
		if (leat_json_parse_prefix(&s->arena, p + at, len - at,
		    &items[n], &used, err) < 0)
			return leat_err_wrap(err, "line %zu", n + 1);
		at += used;
		n++;
	}
	s->doc = leat_items(LEAT_ARRAY, items, n);
	return 0;
}

static int
parse_body(struct http_source *s, struct leat_err *err)
{
	const char *p = (const char *)s->resp.body.data;
	size_t len = s->resp.body.len;
	int rc;

	leat_arena_reset(&s->arena);
	if (leat_str_trim((struct leat_str){ p, len }).len == 0) {
		/* 204, or nothing new */
		s->doc = leat_items(LEAT_ARRAY, NULL, 0);
		return 0;
	}
	if (is_ndjson(s))
		rc = parse_ndjson(s, p, len, err);
	else
		rc = leat_json_parse(&s->arena, p, len, &s->doc, err);
	if (rc < 0) {
		/* A page of a proxy, say: it may be better next time. */
		leat_err_wrap(err, "the response is not JSON");
		err->cls = LEAT_CLS_RETRY;
	}
	return rc;
}

static int
find_records(struct http_source *s, struct leat_err *err)
{
	const char *pointer = s->cfg->records_pointer;
	const struct leat_schema *schema;
	const struct leat_value *v = &s->doc;
	bool empty = s->doc.kind == LEAT_ARRAY && s->doc.len == 0;

	s->at = 0;
	if (pointer != NULL && *pointer != '\0' && !empty && !is_ndjson(s))
		v = http_field_find(NULL, v, leat_str_c(pointer), &schema);
	if (v == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_DATA,
		    "records.pointer: the response has nothing at '%s'",
		    pointer);
	s->records = v;
	s->nrecords = 1;
	if (v->kind == LEAT_ARRAY) {
		s->records = v->u.items;
		s->nrecords = v->len;
	} else if (v->kind == LEAT_NULL) {
		s->nrecords = 0;
	}
	return 0;
}

static uint64_t
chain(uint64_t prefix, uint64_t hash)
{
	return leat_hash(&hash, sizeof(hash), prefix + 1);
}

/* Passes over what the response before, or the run before, delivered. */
static void
skip_delivered(struct http_source *s)
{
	struct source_state *st = &s->state;
	uint64_t prefix = 0;
	int64_t i;

	if (st->delivered == 0)
		return;
	for (i = 0; i < st->delivered && i < s->nrecords; i++)
		prefix = chain(prefix, http_field_hash(&s->records[i], 0));
	if (i == st->delivered && prefix == st->prefix) {
		s->at = (uint32_t)i;
		return;
	}
	if (!s->warned)
		leat_log_warn(s->task,
		    "response changed, delivered from its start",
		    "delivered_before=%lld records_now=%u",
		    (long long)st->delivered, s->nrecords);
	s->warned = true;
	st->delivered = 0;
	st->prefix = 0;
}

/* ---------------------------------------------------------------- verdicts */

static int
retry(struct http_source *s, int64_t after_ms, struct leat_err *err)
{
	const struct source_config *c = s->cfg;
	int64_t wait;

	if (s->attempt > c->max_retries)
		return leat_err_wrap(err, "gave up after %u tries",
		    s->attempt);
	wait = http_backoff_ms(&s->backoff, s->attempt);
	if (after_ms > c->retry_after_max_ms)
		after_ms = c->retry_after_max_ms;
	if (wait < after_ms)
		wait = after_ms;
	leat_metric_add(s->m_retries, 1);
	leat_log_warn(s->task, "request will be tried again",
	    "attempt=%u wait_ms=%lld error=\"%s\"", s->attempt,
	    (long long)wait, err->text);
	wait_until(s, leat_mono_ms(s->task) + wait);
	return 0;
}

static int
refuse(struct http_source *s, struct leat_err *err)
{
	struct leat_str url = leat_str_c(leat_buf_cstr(&s->request_url));
	struct leat_str body = { (const char *)s->resp.body.data,
		s->resp.body.len < 200 ? s->resp.body.len : 200 };
	int status = s->resp.status;
	bool again = http_status_has(&s->retry, status);
	const char *hint = status == 401 || status == 403
	    ? " (check the credentials)"
	    : status >= 300 && status < 400
	    ? " (redirects are not followed: give the final url)"
	    : "";
	int64_t after_ms = 0;

	url = leat_str_cut(&url, '?');
	body = leat_str_trim(body);
	leat_err_set(err, again ? LEAT_CLS_RETRY : LEAT_CLS_CONFIG,
	    LEAT_E_REMOTE, "%s %.*s: status %d%s%s%.*s",
	    s->cfg->method != 0 ? "POST" : "GET", (int)url.len, url.ptr,
	    status, hint, body.len > 0 ? ": " : "", (int)body.len, body.ptr);
	if (!again)
		return err->code;
	if (s->resp.retry_after != NULL)
		http_retry_after_parse(leat_str_c(s->resp.retry_after),
		    leat_now_us(s->task) / 1000000, &after_ms);
	return retry(s, after_ms, err);
}

static bool
unchanged(struct http_source *s)
{
	const struct source_config *c = s->cfg;

	s->body_hash = leat_hash(s->resp.body.data, s->resp.body.len, 0);
	return c->skip_unchanged != 0 && c->pages == PAGES_NONE &&
	    s->state.delivered == 0 && s->state.body == s->body_hash;
}

static int
on_response(struct http_source *s, struct leat_err *err)
{
	int rc;

	if (s->resp.status == 304 || (s->resp.status / 100 == 2 &&
					 unchanged(s))) {
		s->attempt = 0;
		leat_metric_add(s->m_skipped, 1);
		wait_until(s, leat_mono_ms(s->task) + s->cfg->interval_ms);
		return 0;
	}
	if (s->resp.status / 100 != 2)
		return refuse(s, err);
	rc = parse_body(s, err);
	if (rc < 0 && err->cls == LEAT_CLS_RETRY)
		return retry(s, 0, err);
	if (rc == 0)
		rc = find_records(s, err);
	if (rc < 0)
		return rc;
	s->attempt = 0;
	skip_delivered(s);
	s->phase = PHASE_DELIVER;
	return 0;
}

/* -------------------------------------------------------------- delivering */

static int64_t
record_time(const struct http_source *s, const struct leat_value *rec)
{
	const char *pointer = s->cfg->time_pointer;
	const struct leat_schema *schema;
	const struct leat_value *v;
	int64_t us;

	if (pointer == NULL || *pointer == '\0')
		return LEAT_TIMESTAMP_NONE;
	v = http_field_find(NULL, rec, leat_str_c(pointer), &schema);
	if (v == NULL)
		return LEAT_TIMESTAMP_NONE;
	if (s->cfg->time_format == TIME_ISO) {
		if (v->kind != LEAT_STRING ||
		    leat_time_parse_us((struct leat_str){ v->u.s, v->len },
			&us) < 0 || us < 0)
			return LEAT_TIMESTAMP_NONE;
		return us / 1000;
	}
	us = s->cfg->time_format == TIME_S ? 1000 : 1;
	if (v->kind == LEAT_INT64 && v->u.i >= 0 && v->u.i < INT64_MAX / 1000)
		return v->u.i * us;
	if (v->kind == LEAT_FLOAT64 && v->u.f >= 0 && v->u.f < 9e15)
		return (int64_t)(v->u.f * (double)us);
	return LEAT_TIMESTAMP_NONE;
}

static int
add_record(struct http_source *s, struct leat_batch *b,
    const struct leat_value *rec)
{
	const char *pointer = s->cfg->key_pointer;
	const struct leat_schema *schema;
	const struct leat_value *key;
	struct leat_record r = {
		.topic = s->cfg->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = record_time(s, rec),
		.value = *rec,
	};

	if (pointer != NULL && *pointer != '\0') {
		key = http_field_find(NULL, rec, leat_str_c(pointer),
		    &schema);
		if (key != NULL)
			r.key = *key;
	}
	return leat_batch_add(b, &r);
}

/* Hands out records until the batch is full; -ENOMEM: later. */
static int
deliver(struct http_source *s, struct leat_batch *b)
{
	while (s->at < s->nrecords && b->full == 0) {
		const struct leat_value *rec = &s->records[s->at];
		uint64_t hash = http_field_hash(rec, 0);

		if (source_page_seen(s, rec, hash))
			leat_metric_add(s->m_skipped, 1);
		else if (add_record(s, b, rec) < 0)
			return b->nrecords > 0 ? 0 : -ENOMEM;
		else
			leat_metric_add(s->m_records, 1);
		if (source_page_record(s, rec, hash) < 0)
			return -ENOMEM;
		s->state.prefix = chain(s->state.prefix, hash);
		s->state.delivered++;
		s->at++;
	}
	return 0;
}

static int
give_position(struct http_source *s, struct leat_batch *b,
    struct leat_err *err)
{
	struct leat_buf text;
	const char *offset;
	int rc = -ENOMEM;

	leat_buf_init(&text, 4 * HTTP_URL_MAX);
	source_state_print(&s->state, &text);
	offset = leat_buf_cstr(&text);
	if (offset != NULL)
		rc = leat_batch_position(b, s->partition, offset);
	leat_buf_fini(&text);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "no memory for the position");
	return 0;
}

static int
on_deliver(struct http_source *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = deliver(s, b);

	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "no memory for records");
	if (s->at == s->nrecords) {
		rc = source_page_advance(s, err);
		if (rc < 0)
			return rc;
		wait_until(s, leat_mono_ms(s->task) +
			(rc > 0 ? 0 : s->cfg->interval_ms));
	}
	return b->nrecords > 0 ? give_position(s, b, err) : 0;
}

/* ----------------------------------------------------------------- polling */

static int
on_fetch(struct http_source *s, struct leat_err *err)
{
	int rc = source_fetch_run(s, err);

	if (rc == 0) {
		leat_wait(s->task, s->epoll_fd, LEAT_WAIT_READ,
		    source_fetch_wait_ms(s));
		return 0;
	}
	if (rc > 0)
		return on_response(s, err);
	return err->cls == LEAT_CLS_RETRY ? retry(s, 0, err) : rc;
}

static int
on_wait(struct http_source *s, struct leat_err *err)
{
	int64_t left = s->next_ms - leat_mono_ms(s->task);
	int rc;

	if (left > 0) {
		leat_wait(s->task, -1, 0, left);
		return 0;
	}
	s->attempt++;
	rc = source_page_request(s, err);
	if (rc == 0)
		rc = source_fetch_start(s, err);
	s->phase = PHASE_FETCH;
	return rc;
}

static int32_t
source_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct http_source *s = self;
	int rc = 0;

	/* What a poll() delivers must stay as it is until the next one. */
	if (s->phase == PHASE_WAIT)
		rc = on_wait(s, err);
	if (rc == 0 && s->phase == PHASE_FETCH)
		rc = on_fetch(s, err);
	if (rc == 0 && s->phase == PHASE_DELIVER)
		rc = on_deliver(s, b, err);
	if (rc == 0 && s->phase == PHASE_WAIT && b->nrecords == 0) {
		int64_t left = s->next_ms - leat_mono_ms(s->task);

		leat_wait(s->task, -1, 0, left > 0 ? left : 0);
	}
	return rc;
}

/* ------------------------------------------------------------ life and end */

static void
source_close(void *self)
{
	struct http_source *s = self;

	source_fetch_close(s);
	source_state_fini(&s->state);
	leat_arena_fini(&s->arena);
	leat_buf_fini(&s->request_url);
	leat_buf_fini(&s->request_body);
	free(s->url_text);
	free(s->url_cursor_text);
	free(s->partition);
	free(s);
}

static void
open_metrics(struct http_source *s)
{
	struct leat_task *t = s->task;

	s->m_requests = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_source_requests_total", "Requests made.");
	s->m_retries = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_source_retries_total", "Requests that were to be repeated.");
	s->m_records = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_source_records_total", "Records delivered.");
	s->m_skipped = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_source_skipped_total",
	    "Unchanged responses and records delivered before.");
	s->m_bytes = leat_metric(t, LEAT_METRIC_COUNTER,
	    "http_source_received_bytes_total", "Bytes of responses.");
}

static int
resume(struct http_source *s, struct leat_err *err)
{
	const char *text = leat_offset_get(s->task, s->partition);

	return text == NULL ? 0 : source_state_parse(&s->state, text, err);
}

static int32_t
source_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	const struct source_config *c = config;
	struct http_source *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->task = t;
	s->cfg = c;
	s->epoll_fd = -1;
	leat_buf_init(&s->request_url, HTTP_URL_MAX);
	leat_buf_init(&s->request_body, (size_t)c->max_bytes);
	leat_buf_init(&s->resp.body, (size_t)c->max_bytes);
	/* Values take more room than their text. */
	leat_arena_init(&s->arena, 64 * 1024, (size_t)c->max_bytes * 20);
	http_backoff_init(&s->backoff, c->backoff_ms, c->backoff_max_ms,
	    (uint64_t)leat_now_us(t) * 2654435761u);
	rc = http_global_init(err);
	if (rc == 0)
		rc = http_status_parse(&c->retry, "retry.on.status.codes",
		    &s->retry, err);
	if (rc == 0)
		rc = source_page_init(s, err);
	if (rc == 0)
		rc = resume(s, err);
	if (rc == 0)
		rc = source_fetch_open(s, err);
	if (rc < 0) {
		source_close(s);
		return rc;
	}
	open_metrics(s);
	wait_until(s, 0);
	s->next_ms = leat_mono_ms(t);
	*ret_self = s;
	return 0;
}

const struct leat_source_ops http_source_ops = {
	.size = sizeof(struct leat_source_ops),
	.open = source_open,
	.poll = source_poll,
	.close = source_close,
};
