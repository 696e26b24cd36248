/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of the http-sink.
 */
#include "http_sink.h"

#include <strings.h>

#define ROW(n, t, field) \
	.name = n, .type = t, .offset = offsetof(struct sink_config, field), \
	.since = "1.0.0"

/* clang-format off */
const struct leat_option sink_options[] = {
	{ ROW("url", LEAT_OPT_STRING, url),
	  .aliases = "http.api.url,http.url",
	  .flags = LEAT_OPT_REQUIRED | LEAT_OPT_HIGH,
	  .help = "Where to send the records. Path and query may hold "
	      "${topic}, ${partition}, ${offset}, ${timestamp}, ${key}, "
	      "${key:/pointer} and ${value:/pointer}." },
	{ ROW("method", LEAT_OPT_CHOICE, method),
	  .aliases = "request.method", .def = "POST",
	  .choices = "POST,PUT,PATCH,DELETE", .flags = LEAT_OPT_HIGH,
	  .help = "Method of the requests." },
	HTTP_COMMON_OPTIONS(struct sink_config, http),
	{ ROW("body.format", LEAT_OPT_CHOICE, body),
	  .aliases = "request.body.format", .def = "auto",
	  .choices = "auto,json,string",
	  .help = "auto: text and bytes as they are, everything else as JSON; "
	      "json: always JSON, text in quotes; string: as auto, but sent "
	      "as text/plain." },
	{ ROW("content.type", LEAT_OPT_STRING, content_type),
	  .aliases = "http.headers.content.type",
	  .help = "Content-Type of the requests; without it, what fits the "
	      "body." },
	{ ROW("decimal.format", LEAT_OPT_CHOICE, decimals), .def = "NUMERIC",
	  .choices = "NUMERIC,BASE64",
	  .help = "How Connect's Decimal stands in JSON: as a number, or as "
	      "base64 of its unscaled value." },
	{ ROW("behavior.on.null.values", LEAT_OPT_CHOICE, tombstones),
	  .aliases = "tombstones", .def = "ignore",
	  .choices = "ignore,null,delete,fail",
	  .help = "What a tombstone becomes: nothing, a request with the body "
	      "null, a DELETE request to delete.url, or a failed record." },
	{ ROW("delete.url", LEAT_OPT_STRING, delete_url),
	  .help = "Where DELETE requests for tombstones go (same host as "
	      "url); without it to url." },
	{ ROW("batch.max.records", LEAT_OPT_INT, batch_records),
	  .aliases = "batch.max.size", .def = "1", .min = 1, .max = 1000000,
	  .flags = LEAT_OPT_HIGH,
	  .help = "Most records in one request; 1: each record by itself, "
	      "without the frame of batch.format." },
	{ ROW("batch.max.bytes", LEAT_OPT_BYTES, batch_bytes),
	  .def = "1MiB", .min = 1, .max = SINK_BODY_MAX / 2,
	  .help = "Most bytes in the body of one request; a larger record "
	      "travels alone." },
	{ ROW("batch.format", LEAT_OPT_CHOICE, batching), .def = "array",
	  .choices = "array,ndjson",
	  .help = "Frame of several records in one body: a JSON array, or one "
	      "per line." },
	{ ROW("batch.prefix", LEAT_OPT_STRING, prefix),
	  .help = "Text before the first record of a batch, instead of the "
	      "one of batch.format; \\n is a line end, \\t a tab, \\s a "
	      "blank." },
	{ ROW("batch.suffix", LEAT_OPT_STRING, suffix),
	  .help = "Text behind the last record of a batch." },
	{ ROW("batch.separator", LEAT_OPT_STRING, separator),
	  .help = "Text between two records of a batch." },
	{ ROW("connections", LEAT_OPT_INT, connections), .def = "4",
	  .min = 1, .max = SINK_LANES_MAX, .flags = LEAT_OPT_HIGH,
	  .help = "Requests under way at the same time. Records of one key "
	      "never overtake each other; with 1, no record does." },
	{ ROW("success.status.codes", LEAT_OPT_LIST, success), .def = "2xx",
	  .help = "Status codes that mean delivered." },
	{ ROW("retry.on.status.codes", LEAT_OPT_LIST, retry),
	  .def = "408,425,429,5xx",
	  .help = "Status codes after which the request is sent again." },
	{ ROW("stop.on.status.codes", LEAT_OPT_LIST, config),
	  .def = "401,403,407",
	  .help = "Status codes that stop the connector until someone mends "
	      "its configuration. All others fail the record." },
	{ ROW("max.retries", LEAT_OPT_INT, max_retries), .def = "10",
	  .min = 0, .max = 1000000,
	  .help = "How often a request is sent again before "
	      "behavior.on.retries.exhausted holds." },
	{ ROW("retry.backoff.ms", LEAT_OPT_DURATION, backoff_ms),
	  .aliases = "http.retry.backoff.ms", .def = "200ms", .min = 1,
	  .max = 3600000,
	  .help = "Ceiling of the wait before the first retry; it doubles "
	      "each time and the wait is a random part of it." },
	{ ROW("retry.backoff.max.ms", LEAT_OPT_DURATION, backoff_max_ms),
	  .def = "30s", .min = 1, .max = 3600000,
	  .help = "Ceiling of the wait before any retry." },
	{ ROW("retry.after.max.ms", LEAT_OPT_DURATION, retry_after_max_ms),
	  .def = "5m", .min = 0, .max = 86400000,
	  .help = "Longest wait that a server can ask for by Retry-After." },
	{ ROW("behavior.on.retries.exhausted", LEAT_OPT_CHOICE, exhausted),
	  .def = "retry", .choices = "retry,fail",
	  .help = "retry: the task backs off and starts again with the same "
	      "records; fail: the records become dead letters." },
	{ ROW("idempotency.header", LEAT_OPT_STRING, idempotency_header),
	  .def = "Idempotency-Key",
	  .help = "Header that carries topic-partition-offset of the record "
	      "(of the first and last one of a batch), the same in each "
	      "retry; empty: none." },
	{ .name = NULL },
};
/* clang-format on */

/* Splits "scheme://authority" from the rest. */
static int
split_url(const char *url, const char *option, struct leat_str *ret_origin,
    const char **ret_target, struct leat_err *err)
{
	const char *host, *end;

	if (http_url_check(url, option, err) < 0)
		return err != NULL ? err->code : LEAT_E_CONFIG;
	host = strstr(url, "://") + 3;
	end = host + strcspn(host, "/?#");
	if (memchr(host, '$', (size_t)(end - host)) != NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: variables may not stand in the host", option);
	if (strchr(end, '#') != NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: a fragment (#) is never sent", option);
	*ret_origin = (struct leat_str){ url, (size_t)(end - url) };
	*ret_target = end;
	return 0;
}

static int
plan_urls(const struct sink_config *c, struct sink_plan *p,
    struct leat_err *err)
{
	struct leat_str origin = { NULL, 0 };
	const char *target = "";
	int rc;

	rc = split_url(c->url, "url", &p->origin, &target, err);
	if (rc == 0)
		rc = http_template_parse(&p->target, target, "url",
		    HTTP_VARS_SINK, HTTP_ESCAPE_URL, err);
	if (rc < 0)
		return rc;
	p->tls = (p->origin.ptr[4] | 32) == 's';
	p->authority = p->origin;
	p->authority.ptr += p->tls ? 8 : 7;
	p->authority.len -= p->tls ? 8 : 7;
	p->delete_target = p->target;
	if (c->delete_url == NULL || *c->delete_url == '\0')
		return 0;
	rc = split_url(c->delete_url, "delete.url", &origin, &target, err);
	if (rc == 0 && !leat_str_eq(origin, p->origin))
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "delete.url: must have scheme and host of url");
	if (rc == 0)
		rc = http_template_parse(&p->delete_target, target,
		    "delete.url", HTTP_VARS_SINK, HTTP_ESCAPE_URL, err);
	return rc;
}

static int
plan_headers(const struct sink_config *c, struct sink_plan *p,
    struct leat_err *err)
{
	uint32_t i;
	int rc;

	if (c->http.headers.len > SINK_HEADERS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "header: more than %d headers", SINK_HEADERS_MAX);
	for (i = 0; i < c->http.headers.len; i++) {
		const struct leat_param *h = &c->http.headers.items[i];

		rc = http_template_parse(&p->headers[i], h->value, h->key,
		    HTTP_VARS_SINK, HTTP_ESCAPE_HEADER, err);
		if (rc < 0)
			return leat_err_wrap(err, "header");
		p->header_names[i] = h->key;
		p->headers_vary |= p->headers[i].vars != 0;
	}
	p->nheaders = c->http.headers.len;
	return 0;
}

static int
plan_statuses(const struct sink_config *c, struct sink_plan *p,
    struct leat_err *err)
{
	int rc;

	rc = http_status_parse(&c->success, "success.status.codes",
	    &p->success, err);
	if (rc == 0)
		rc = http_status_parse(&c->retry, "retry.on.status.codes",
		    &p->retry, err);
	if (rc == 0)
		rc = http_status_parse(&c->config, "stop.on.status.codes",
		    &p->config, err);
	return rc;
}

/* Copies a frame's text, its escapes undone. */
static int
plan_frame(const char *text, const char *ndjson, const char *array,
    const struct sink_config *c, char *to)
{
	char *end = to + SINK_FRAME_MAX - 1;

	if (text == NULL)
		text = c->batching == BATCH_ARRAY ? array : ndjson;
	if (c->batch_records == 1)
		text = "";
	for (; *text != '\0' && to < end; text++) {
		if (*text == '\\' && text[1] != '\0') {
			text++;
			*to++ = (char)(*text == 'n' ? '\n'
				: *text == 't'	    ? '\t'
				: *text == 's'	    ? ' '
						    : *text);
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return *text == '\0' ? 0 : -1;
}

static int
plan_frames(const struct sink_config *c, struct sink_plan *p,
    struct leat_err *err)
{
	if (plan_frame(c->prefix, "", "[", c, p->prefix) == 0 &&
	    plan_frame(c->suffix, "\\n", "]", c, p->suffix) == 0 &&
	    plan_frame(c->separator, "\\n", ",", c, p->separator) == 0)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
	    "batch.prefix: a frame text is longer than %d bytes",
	    SINK_FRAME_MAX - 1);
}

static bool
bad_header_text(const char *s)
{
	for (; s != NULL && *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	}
	return false;
}

int
sink_options_check(const struct sink_config *c, struct sink_plan *ret_plan,
    struct leat_err *err)
{
	static const struct sink_plan none;
	struct sink_plan local, *p = ret_plan != NULL ? ret_plan : &local;
	int rc;

	*p = none;
	rc = http_options_check(&c->http, err);
	if (rc == 0)
		rc = plan_urls(c, p, err);
	if (rc == 0)
		rc = plan_headers(c, p, err);
	if (rc == 0)
		rc = plan_statuses(c, p, err);
	if (rc == 0)
		rc = plan_frames(c, p, err);
	if (rc < 0)
		return rc;
	if (bad_header_text(c->content_type))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "content.type: holds a control character");
	if (bad_header_text(c->idempotency_header))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "idempotency.header: holds a control character");
	if (c->http.version == HTTP_VERSION_2 && !p->tls)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "http.version: 2 needs a https:// url");
	if (c->method == SINK_DELETE && c->batch_records > 1)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "batch.max.records: must be 1 with the method DELETE");
	return 0;
}
