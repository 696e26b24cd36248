/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests through libcurl's own HTTP: for HTTP/2, where several lanes share
 * one connection.
 */
#include "http_sink.h"

#include <errno.h>
#include <stdlib.h>

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct sink_lane *l = arg;
	struct leat_buf *b = &l->resp.body;
	size_t keep = HTTP1_BODY_KEPT - b->len;

	n *= size;
	leat_buf_add(b, p, n < keep ? n : keep);
	l->resp.body_bytes += n;
	return l->resp.body_bytes > HTTP1_BODY_MAX ? 0 : n;
}

int
sink_curl_init(struct sink_lane *l, struct leat_err *err)
{
	CURLcode rc;

	curl_easy_setopt(l->easy, CURLOPT_ERRORBUFFER, l->conn.detail);
	curl_easy_setopt(l->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(l->easy, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(l->easy, CURLOPT_PIPEWAIT, 1L);
	rc = curl_easy_setopt(l->easy, CURLOPT_TIMEOUT_MS,
	    (long)l->sink->cfg->http.request_timeout_ms);
	return rc == CURLE_OK ? 0 : http_curl_error(rc, "", err);
}

void
sink_curl_fini(struct sink_lane *l)
{
	if (l->easy == NULL)
		return;
	sink_curl_abort(l);
	curl_easy_cleanup(l->easy);
	curl_slist_free_all(l->headers);
	l->easy = NULL;
	l->headers = NULL;
}

/* The head's lines as libcurl wants them, its own Expect switched off. */
static int
make_headers(struct sink_lane *l)
{
	struct leat_str rest = { (const char *)l->head.data, l->head.len };
	struct curl_slist *list, *more;

	list = curl_slist_append(NULL, "Expect:");
	while (list != NULL && rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');
		char *text = strndup(line.ptr, line.len - 1);

		more = text == NULL ? NULL : curl_slist_append(list, text);
		free(text);
		if (more == NULL) {
			curl_slist_free_all(list);
			return -1;
		}
		list = more;
	}
	curl_slist_free_all(l->headers);
	l->headers = list;
	return list == NULL ? -1 : 0;
}

static CURLcode
set_request(struct sink_lane *l)
{
	struct http_sink *s = l->sink;
	struct leat_buf *url = &s->scratch;
	const char *text;
	CURLcode rc;

	leat_buf_reset(url);
	leat_buf_add(url, s->plan.origin.ptr, s->plan.origin.len);
	leat_buf_add(url, l->target.data, l->target.len);
	text = leat_buf_cstr(url);
	if (text == NULL)
		return CURLE_OUT_OF_MEMORY;
	rc = curl_easy_setopt(l->easy, CURLOPT_URL, text);
	if (rc != CURLE_OK)
		return rc;
	if (l->is_delete) {
		curl_easy_setopt(l->easy, CURLOPT_HTTPGET, 1L);
	} else {
		curl_easy_setopt(l->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS,
		    (char *)l->body.data);
		curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)l->body.len);
	}
	curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, l->headers);
	return curl_easy_setopt(l->easy, CURLOPT_CUSTOMREQUEST,
	    sink_method_name(l));
}

int
sink_curl_start(struct sink_lane *l, struct leat_err *err)
{
	CURLcode rc;

	http1_reset(&l->resp, false);
	l->conn.detail[0] = '\0';
	if (make_headers(l) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for headers");
	rc = set_request(l);
	if (rc != CURLE_OK)
		return http_curl_error(rc, "", err);
	leat_metric_add(l->sink->m_requests, 1);
	leat_metric_add(l->sink->m_bytes,
	    (int64_t)(l->head.len + l->body.len));
	if (curl_multi_add_handle(l->sink->multi, l->easy) != CURLM_OK)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "libcurl takes no more requests");
	return 0;
}

void
sink_curl_done(struct sink_lane *l, CURLcode result)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct curl_header *after = NULL;
	struct leat_str retry_after = { "", 0 };
	long status = 0;

	curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	if (curl_easy_header(l->easy, "Retry-After", 0, CURLH_HEADER, -1,
	    &after) == CURLHE_OK)
		retry_after = leat_str_c(after->value);
	curl_multi_remove_handle(l->sink->multi, l->easy);
	if (result != CURLE_OK) {
		http_curl_error(result, l->conn.detail, &err);
		sink_lane_broken(l, &err);
		return;
	}
	sink_lane_response(l, (int)status, retry_after,
	    (struct leat_str){ (const char *)l->resp.body.data,
		l->resp.body.len });
}

void
sink_curl_abort(struct sink_lane *l)
{
	curl_multi_remove_handle(l->sink->multi, l->easy);
}
