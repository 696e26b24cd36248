/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at a time through libcurl, never blocking.
 *
 * libcurl says which sockets it waits for; they stand in an epoll set whose own
 * descriptor the worker can wait on. Only its timer has to be watched besides.
 */
#include "http_source.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http_source *s = arg;
	struct epoll_event ev = { .data.fd = (int)fd };

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, (int)fd, NULL);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		ev.events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, (int)fd, &ev) < 0)
		epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, (int)fd, &ev);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct http_source *s = arg;

	s->timer_ms = ms < 0 ? -1 : leat_mono_ms(s->task) + ms;
	return 0;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_source *s = arg;

	n *= size;
	if (leat_buf_add(&s->resp.body, p, n) < 0) {
		s->too_big = true;
		return 0;
	}
	leat_metric_add(s->m_bytes, (int64_t)n);
	return n;
}

int
source_fetch_open(struct http_source *s, struct leat_err *err)
{
	int rc;

	s->multi = curl_multi_init();
	s->easy = curl_easy_init();
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->timer_ms = -1;
	if (s->multi == NULL || s->easy == NULL || s->epoll_fd < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for a connection");
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
	rc = http_options_apply(&s->cfg->http, s->easy, err);
	curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->detail);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS,
	    (long)s->cfg->http.request_timeout_ms);
	return rc;
}

static void
free_response(struct source_response *r)
{
	source_set(&r->etag, NULL, 0);
	source_set(&r->modified, NULL, 0);
	source_set(&r->link, NULL, 0);
	source_set(&r->cursor, NULL, 0);
	source_set(&r->retry_after, NULL, 0);
	leat_buf_reset(&r->body);
	r->status = 0;
	r->ndjson = false;
}

void
source_fetch_close(struct http_source *s)
{
	if (s->running)
		curl_multi_remove_handle(s->multi, s->easy);
	curl_easy_cleanup(s->easy);
	if (s->multi != NULL)
		curl_multi_cleanup(s->multi);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	curl_slist_free_all(s->lines);
	free_response(&s->resp);
	leat_buf_fini(&s->resp.body);
}

/* ---------------------------------------------------------------- requests */

/* Appends a header line to the list; -1 when out of memory. */
static int
add_line(struct curl_slist **list, struct leat_buf *line)
{
	const char *text = leat_buf_cstr(line);
	struct curl_slist *more = text == NULL ? NULL
					       : curl_slist_append(*list, text);

	leat_buf_reset(line);
	if (more == NULL)
		return -1;
	*list = more;
	return 0;
}

static int
add_pair(struct curl_slist **list, struct leat_buf *line, const char *name,
    const char *value)
{
	leat_buf_add_str(line, name);
	leat_buf_add_str(line, ": ");
	leat_buf_add_str(line, value);
	return add_line(list, line);
}

static bool
has_header(const struct leat_params *h, const char *name)
{
	uint32_t i;

	for (i = 0; i < h->len; i++) {
		if (strcasecmp(h->items[i].key, name) == 0)
			return true;
	}
	return false;
}

static int
add_own(struct http_source *s, struct curl_slist **list,
    struct leat_buf *line)
{
	const struct http_options *o = &s->cfg->http;
	const struct source_state *st = &s->state;
	int rc = 0;

	if (http_options_auth(o) != HTTP_AUTH_NONE) {
		http_options_authorization(o, line);
		rc = add_line(list, line);
	}
	if (rc == 0 && !has_header(&o->headers, "Accept"))
		rc = add_pair(list, line, "Accept", "application/json, "
		    "application/x-ndjson;q=0.9, */*;q=0.1");
	if (rc == 0 && !has_header(&o->headers, "User-Agent"))
		rc = add_pair(list, line, "User-Agent", "leat-http");
	if (rc == 0 && s->cfg->body != NULL &&
	    !has_header(&o->headers, "Content-Type"))
		rc = add_pair(list, line, "Content-Type", "application/json");
	if (s->cfg->conditional == 0)
		return rc;
	if (rc == 0 && st->etag != NULL)
		rc = add_pair(list, line, "If-None-Match", st->etag);
	if (rc == 0 && st->modified != NULL)
		rc = add_pair(list, line, "If-Modified-Since", st->modified);
	return rc;
}

static int
make_lines(struct http_source *s, struct leat_err *err)
{
	const struct leat_params *h = &s->cfg->http.headers;
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	struct leat_buf line;
	uint32_t i;
	int rc = list == NULL ? -1 : 0;

	leat_buf_init(&line, HTTP_HEADER_MAX);
	for (i = 0; rc == 0 && i < h->len; i++) {
		leat_buf_add_str(&line, h->items[i].key);
		leat_buf_add_str(&line, ": ");
		rc = http_template_expand(&s->headers[i],
		    source_page_variable, s, &line, err);
		if (rc < 0)
			break;
		rc = add_line(&list, &line);
	}
	if (rc == 0)
		rc = add_own(s, &list, &line);
	leat_buf_fini(&line);
	curl_slist_free_all(s->lines);
	s->lines = list;
	if (rc == -1)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for headers");
	return rc;
}

int
source_fetch_start(struct http_source *s, struct leat_err *err)
{
	const char *url = leat_buf_cstr(&s->request_url);
	const char *body = leat_buf_cstr(&s->request_body);
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	free_response(&s->resp);
	s->too_big = false;
	s->detail[0] = '\0';
	if (make_lines(s, err) < 0)
		return err->code;
	if (url != NULL && body != NULL)
		rc = curl_easy_setopt(s->easy, CURLOPT_URL, url);
	if (rc != CURLE_OK)
		return http_curl_error(rc, "", err);
	if (s->cfg->method != 0) {
		curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)s->request_body.len);
	}
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->lines);
	if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "libcurl does not take the request");
	s->running = true;
	s->timer_ms = leat_mono_ms(s->task);
	leat_metric_add(s->m_requests, 1);
	return 0;
}

/* --------------------------------------------------------------- responses */

/* All headers of one name, joined by commas. */
static int
take_header(struct http_source *s, const char *name, char **at)
{
	struct curl_header *h;
	struct leat_buf b;
	const char *text;
	size_t i;
	int rc = 0;

	if (curl_easy_header(s->easy, name, 0, CURLH_HEADER, -1, &h) !=
	    CURLHE_OK)
		return 0;
	leat_buf_init(&b, 4 * HTTP_HEADER_MAX);
	for (i = 0; i < h->amount; i++) {
		struct curl_header *one;

		if (curl_easy_header(s->easy, name, i, CURLH_HEADER, -1,
		    &one) != CURLHE_OK)
			break;
		leat_buf_add_str(&b, i > 0 ? ", " : "");
		leat_buf_add_str(&b, one->value);
	}
	text = leat_buf_cstr(&b);
	if (text != NULL)
		rc = source_set(at, text, SIZE_MAX);
	leat_buf_fini(&b);
	return rc;
}

static int
take_response(struct http_source *s, struct leat_err *err)
{
	struct source_response *r = &s->resp;
	char *type = NULL;
	long status = 0;
	int rc;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	rc = take_header(s, "ETag", &r->etag);
	if (rc == 0)
		rc = take_header(s, "Last-Modified", &r->modified);
	if (rc == 0)
		rc = take_header(s, "Link", &r->link);
	if (rc == 0)
		rc = take_header(s, "Retry-After", &r->retry_after);
	if (rc == 0 && s->cfg->cursor_header != NULL &&
	    *s->cfg->cursor_header != '\0')
		rc = take_header(s, s->cfg->cursor_header, &r->cursor);
	if (rc == 0)
		rc = take_header(s, "Content-Type", &type);
	r->ndjson = type != NULL && (strcasestr(type, "ndjson") != NULL ||
		strcasestr(type, "jsonl") != NULL ||
		strcasestr(type, "json-seq") != NULL);
	free(type);
	return rc == 0 ? 0
		       : leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			     "no memory for a response");
}

static int
finish(struct http_source *s, CURLcode result, struct leat_err *err)
{
	int rc;

	if (s->too_big)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "response larger than max.response.bytes (%lld): raise "
		    "it, or ask for smaller pages",
		    (long long)s->cfg->max_bytes);
	else if (result != CURLE_OK)
		rc = http_curl_error(result, s->detail, err);
	else
		rc = take_response(s, err);
	curl_multi_remove_handle(s->multi, s->easy);
	s->running = false;
	return rc < 0 ? rc : 1;
}

int
source_fetch_run(struct http_source *s, struct leat_err *err)
{
	struct epoll_event ev[16];
	CURLMsg *m;
	int i, n, left;

	n = epoll_wait(s->epoll_fd, ev, 16, 0);
	for (i = 0; i < n; i++) {
		int what = 0;

		if ((ev[i].events & EPOLLIN) != 0)
			what |= CURL_CSELECT_IN;
		if ((ev[i].events & EPOLLOUT) != 0)
			what |= CURL_CSELECT_OUT;
		if ((ev[i].events & (EPOLLERR | EPOLLHUP)) != 0)
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(s->multi, ev[i].data.fd, what, &left);
	}
	if (s->timer_ms >= 0 && s->timer_ms <= leat_mono_ms(s->task)) {
		s->timer_ms = -1;
		curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0,
		    &left);
	}
	while ((m = curl_multi_info_read(s->multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE)
			return finish(s, m->data.result, err);
	}
	return 0;
}

int64_t
source_fetch_wait_ms(const struct http_source *s)
{
	int64_t ms;

	if (s->timer_ms < 0)
		return 1000;
	ms = s->timer_ms - leat_mono_ms(s->task);
	return ms < 0 ? 0 : ms > 1000 ? 1000
				      : ms;
}
