/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of the http-source.
 */
#include "http_source.h"

#define ROW(n, t, field) \
	.name = n, .type = t, .since = "1.0.0", \
	.offset = offsetof(struct source_config, field)

/* clang-format off */
const struct leat_option source_options[] = {
	{ ROW("url", LEAT_OPT_STRING, url), .aliases = "http.url",
	  .flags = LEAT_OPT_REQUIRED | LEAT_OPT_HIGH,
	  .help = "What to ask for. May hold ${cursor}, ${page}, ${offset} "
	      "and ${limit}." },
	{ ROW("topic", LEAT_OPT_STRING, topic), .aliases = "kafka.topic",
	  .flags = LEAT_OPT_REQUIRED | LEAT_OPT_HIGH,
	  .help = "Topic to write to." },
	{ ROW("poll.interval.ms", LEAT_OPT_DURATION, interval_ms),
	  .aliases = "http.timer.interval.millis", .def = "60s", .min = 1,
	  .max = 604800000, .flags = LEAT_OPT_HIGH,
	  .help = "Time between two rounds of requests." },
	{ ROW("method", LEAT_OPT_CHOICE, method),
	  .aliases = "http.request.method", .def = "GET",
	  .choices = "GET,POST", .help = "Method of the requests." },
	{ ROW("body", LEAT_OPT_STRING, body),
	  .aliases = "http.request.body",
	  .help = "Body of POST requests; may hold the variables of url." },
	HTTP_COMMON_OPTIONS(struct source_config, http),
	{ ROW("response.format", LEAT_OPT_CHOICE, format), .def = "auto",
	  .choices = "auto,json,ndjson",
	  .help = "auto: ndjson by its Content-Type, else json." },
	{ ROW("records.pointer", LEAT_OPT_STRING, records_pointer),
	  .def = "", .flags = LEAT_OPT_HIGH,
	  .help = "JSON pointer to the records in a response: an array, or "
	      "one record; empty: the whole response." },
	{ ROW("key.pointer", LEAT_OPT_STRING, key_pointer),
	  .help = "JSON pointer, in a record, to its key." },
	{ ROW("timestamp.pointer", LEAT_OPT_STRING, time_pointer),
	  .help = "JSON pointer, in a record, to its time." },
	{ ROW("timestamp.format", LEAT_OPT_CHOICE, time_format),
	  .def = "iso", .choices = "iso,s,ms",
	  .help = "What timestamp.pointer leads to: ISO 8601 text, or "
	      "seconds or milliseconds since 1970." },
	{ ROW("cursor.pointer", LEAT_OPT_STRING, cursor_pointer),
	  .flags = LEAT_OPT_HIGH,
	  .help = "JSON pointer, in a record, to what the next round asks "
	      "from (an id, a time of change)." },
	{ ROW("cursor.select", LEAT_OPT_CHOICE, cursor_select),
	  .def = "last", .choices = "last,max",
	  .help = "Which record's cursor counts: the last one's, or the "
	      "greatest." },
	{ ROW("cursor.response.pointer", LEAT_OPT_STRING, cursor_response),
	  .help = "JSON pointer, in a response, to the cursor of the next "
	      "request." },
	{ ROW("cursor.header", LEAT_OPT_STRING, cursor_header),
	  .help = "Response header with the cursor of the next request." },
	{ ROW("cursor.param", LEAT_OPT_STRING, cursor_param),
	  .help = "Query parameter that carries the cursor once there is "
	      "one, unless ${cursor} stands in url or body." },
	{ ROW("cursor.initial", LEAT_OPT_STRING, cursor_initial),
	  .help = "Cursor of the very first request." },
	{ ROW("pagination", LEAT_OPT_CHOICE, pages), .def = "none",
	  .choices = "none,page,offset,cursor,link", .flags = LEAT_OPT_HIGH,
	  .help = "How a round goes on: by page number, by number of records "
	      "to skip, by cursor of the response, by Link header "
	      "(rel=next)." },
	{ ROW("page.param", LEAT_OPT_STRING, page_param), .def = "page",
	  .help = "Query parameter of the page number." },
	{ ROW("page.start", LEAT_OPT_INT, page_start), .def = "1",
	  .min = 0, .max = INT64_MAX, .help = "Number of the first page." },
	{ ROW("page.size", LEAT_OPT_INT, page_size), .def = "0", .min = 0,
	  .max = 1000000,
	  .help = "Records in a full page; a shorter one ends the round. "
	      "Required by pagination: page." },
	{ ROW("offset.param", LEAT_OPT_STRING, offset_param),
	  .def = "offset",
	  .help = "Query parameter of the number of records to skip." },
	{ ROW("limit.param", LEAT_OPT_STRING, limit_param),
	  .help = "Query parameter that carries page.size." },
	{ ROW("pagination.restart", LEAT_OPT_BOOL, restart),
	  .def = "false",
	  .help = "Each round begins at the first page again; without it the "
	      "pages are taken as a list that grows at its end." },
	{ ROW("conditional.requests", LEAT_OPT_BOOL, conditional),
	  .def = "true",
	  .help = "Send If-None-Match and If-Modified-Since when a request "
	      "repeats the last one." },
	{ ROW("skip.unchanged", LEAT_OPT_BOOL, skip_unchanged),
	  .def = "false",
	  .help = "With neither pages nor cursor: pass over a response that "
	      "is the same as the last one." },
	{ ROW("max.response.bytes", LEAT_OPT_BYTES, max_bytes),
	  .def = "64MiB", .min = 1, .max = 1073741824,
	  .help = "Largest response, after decompression." },
	{ ROW("retry.on.status.codes", LEAT_OPT_LIST, retry),
	  .def = "408,425,429,5xx",
	  .help = "Status codes after which a request is sent again; other "
	      "errors stop the connector." },
	{ ROW("max.retries", LEAT_OPT_INT, max_retries), .def = "5",
	  .min = 0, .max = 1000000,
	  .help = "How often in a row before the task fails and is started "
	      "again by the worker." },
	{ ROW("retry.backoff.ms", LEAT_OPT_DURATION, backoff_ms),
	  .def = "1s", .min = 1, .max = 3600000,
	  .help = "Ceiling of the wait before the first retry; it doubles "
	      "each time and the wait is a random part of it." },
	{ ROW("retry.backoff.max.ms", LEAT_OPT_DURATION, backoff_max_ms),
	  .def = "1m", .min = 1, .max = 3600000,
	  .help = "Ceiling of the wait before any retry." },
	{ ROW("retry.after.max.ms", LEAT_OPT_DURATION, retry_after_max_ms),
	  .def = "15m", .min = 0, .max = 86400000,
	  .help = "Longest wait that a server can ask for by Retry-After." },
	{ .name = NULL },
};
/* clang-format on */

static bool
set(const char *s)
{
	return s != NULL && *s != '\0';
}

static int
check_pointer(const char *p, const char *option, struct leat_err *err)
{
	if (!set(p) || *p == '/')
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%s: '%s' is not a JSON pointer (it begins with a /)", option, p);
}

static int
check_param(const char *p, const char *option, struct leat_err *err)
{
	if (p == NULL || p[strcspn(p, "&=#? ${}")] == '\0')
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%s: '%s' is not the name of a query parameter", option, p);
}

static int
check_cursor(const struct source_config *c, struct leat_err *err)
{
	int n = set(c->cursor_pointer) + set(c->cursor_response) +
	    set(c->cursor_header);

	if (n > 1)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "cursor.pointer: only one of cursor.pointer, "
		    "cursor.response.pointer and cursor.header may be set");
	if (c->pages == PAGES_CURSOR && !set(c->cursor_response) &&
	    !set(c->cursor_header))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "pagination: cursor needs cursor.response.pointer or "
		    "cursor.header");
	if (c->pages == PAGES_PAGE && c->page_size == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "page.size: required by pagination: page");
	if (n > 0 && !set(c->cursor_param) &&
	    strstr(c->url, "${cursor}") == NULL &&
	    (c->body == NULL || strstr(c->body, "${cursor}") == NULL))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "cursor.param: the cursor is nowhere in the requests (set "
		    "it, or put ${cursor} into url or body)");
	return 0;
}

static int
check_templates(const struct source_config *c, struct leat_err *err)
{
	struct http_template t;
	uint32_t i;
	int rc;

	rc = http_template_parse(&t, c->url, "url", HTTP_VARS_SOURCE,
	    HTTP_ESCAPE_URL, err);
	if (rc == 0 && c->body != NULL)
		rc = http_template_parse(&t, c->body, "body",
		    HTTP_VARS_SOURCE, HTTP_ESCAPE_NONE, err);
	for (i = 0; rc == 0 && i < c->http.headers.len; i++)
		rc = http_template_parse(&t, c->http.headers.items[i].value,
		    "header", HTTP_VARS_SOURCE, HTTP_ESCAPE_HEADER, err);
	if (rc == 0 && c->http.headers.len > SOURCE_HEADERS_MAX)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "header: more than %d headers", SOURCE_HEADERS_MAX);
	return rc;
}

int
source_options_check(const struct source_config *c, struct leat_err *err)
{
	struct http_status_set set_;

	if (http_options_check(&c->http, err) < 0 ||
	    http_url_check(c->url, "url", err) < 0 ||
	    check_pointer(c->records_pointer, "records.pointer", err) < 0 ||
	    check_pointer(c->key_pointer, "key.pointer", err) < 0 ||
	    check_pointer(c->time_pointer, "timestamp.pointer", err) < 0 ||
	    check_pointer(c->cursor_pointer, "cursor.pointer", err) < 0 ||
	    check_pointer(c->cursor_response, "cursor.response.pointer",
		err) < 0 ||
	    check_param(c->page_param, "page.param", err) < 0 ||
	    check_param(c->offset_param, "offset.param", err) < 0 ||
	    check_param(c->limit_param, "limit.param", err) < 0 ||
	    check_param(c->cursor_param, "cursor.param", err) < 0 ||
	    check_cursor(c, err) < 0 || check_templates(c, err) < 0 ||
	    http_status_parse(&c->retry, "retry.on.status.codes", &set_,
		err) < 0)
		return err != NULL ? err->code : LEAT_E_CONFIG;
	return 0;
}
