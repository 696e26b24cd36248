/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to request bytes.
 *
 * A request is two pieces, head and body, that are sent together and kept for
 * retries. What never changes of the head is made once (sink->fixed).
 */
#include "http_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <strings.h>

#include <leat/json.h>

#include "http_field.h"

static const char *
origin_topic(const struct leat_record *r)
{
	return r->origin_topic != NULL ? r->origin_topic : r->topic;
}

static int
get_field(const struct http_part *part, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *out)
{
	v = http_field_find(schema, v, part->text, &schema);
	return v == NULL ? 0 : http_field_text(out, schema, v);
}

static int
get_var(const void *ctx, const struct http_part *part, struct leat_buf *out,
    struct leat_err *err)
{
	const struct leat_record *r = ctx;

	switch (part->var) {
	case HTTP_VAR_TOPIC:
		leat_buf_add_str(out, r->topic);
		break;
	case HTTP_VAR_PARTITION:
		leat_buf_add_i64(out, r->origin_partition);
		break;
	case HTTP_VAR_OFFSET:
		leat_buf_add_i64(out, r->offset);
		break;
	case HTTP_VAR_TIMESTAMP:
		leat_buf_add_i64(out, r->timestamp_ms);
		break;
	case HTTP_VAR_KEY:
		get_field(part, r->key_schema, &r->key, out);
		break;
	case HTTP_VAR_VALUE:
		get_field(part, r->value_schema, &r->value, out);
		break;
	case HTTP_VAR_TEXT:
	case HTTP_VAR_CURSOR:
	case HTTP_VAR_PAGE:
	case HTTP_VAR_SKIP:
	case HTTP_VAR_LIMIT:
	case HTTP_VAR_N:
		break;
	}
	if (!out->failed)
		return 0;
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
	    "text longer than %zu bytes", out->max);
}

static bool
has_header(const struct sink_plan *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->nheaders; i++) {
		if (strcasecmp(p->header_names[i], name) == 0)
			return true;
	}
	return false;
}

static const char *
content_type(const struct sink_config *c)
{
	if (c->content_type != NULL && *c->content_type != '\0')
		return c->content_type;
	if (c->body == BODY_STRING)
		return "text/plain; charset=utf-8";
	if (c->batch_records > 1 && c->batching == BATCH_NDJSON)
		return "application/x-ndjson";
	return "application/json";
}

int
sink_request_fixed(struct http_sink *s, struct leat_err *err)
{
	const struct sink_plan *p = &s->plan;
	struct leat_buf *b = &s->fixed;
	uint32_t i;

	if (!has_header(p, "Host"))
		leat_buf_printf(b, "Host: %.*s\r\n", (int)p->authority.len,
		    p->authority.ptr);
	if (!has_header(p, "User-Agent"))
		leat_buf_add_str(b, "User-Agent: leat-http\r\n");
	if (!has_header(p, "Accept"))
		leat_buf_add_str(b, "Accept: */*\r\n");
	if (!has_header(p, "Content-Type"))
		leat_buf_printf(b, "Content-Type: %s\r\n",
		    content_type(s->cfg));
	if (http_options_auth(&s->cfg->http) != HTTP_AUTH_NONE) {
		http_options_authorization(&s->cfg->http, b);
		leat_buf_add_str(b, "\r\n");
	}
	for (i = 0; i < p->nheaders; i++) {
		if (p->headers[i].vars != 0)
			continue;
		leat_buf_printf(b, "%s: ", p->header_names[i]);
		http_template_expand(&p->headers[i], get_var, NULL, b, NULL);
		leat_buf_add_str(b, "\r\n");
	}
	if (b->failed)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "header: longer than %zu bytes in all", b->max);
	return 0;
}

/* ------------------------------------------------------------ the request */

/* Path, query and the header lines that vary, for one record. */
static int
expand(struct http_sink *s, const struct leat_record *r, bool is_delete,
    struct leat_buf *target, struct leat_buf *extra, struct leat_err *err)
{
	const struct sink_plan *p = &s->plan;
	const struct http_template *t = is_delete ? &p->delete_target
						  : &p->target;
	uint32_t i;
	int rc;

	leat_buf_reset(target);
	leat_buf_reset(extra);
	if (t->nparts == 0 || t->parts[0].var != HTTP_VAR_TEXT ||
	    t->parts[0].text.ptr[0] != '/')
		leat_buf_add_byte(target, '/');
	rc = http_template_expand(t, get_var, r, target, err);
	for (i = 0; rc == 0 && p->headers_vary && i < p->nheaders; i++) {
		if (p->headers[i].vars == 0)
			continue;
		leat_buf_printf(extra, "%s: ", p->header_names[i]);
		rc = http_template_expand(&p->headers[i], get_var, r,
		    extra, err);
		if (rc < 0)
			leat_err_wrap(err, "header.%s", p->header_names[i]);
		leat_buf_add_str(extra, "\r\n");
	}
	return rc;
}

static bool
same(const struct leat_buf *a, const struct leat_buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static int
add_body(struct http_sink *s, const struct leat_record *r,
    struct leat_buf *body, struct leat_err *err)
{
	const struct sink_config *c = s->cfg;
	const struct leat_value *v = &r->value;
	bool raw = c->body != BODY_JSON && r->value_schema == NULL &&
	    (v->kind == LEAT_STRING || v->kind == LEAT_BYTES);

	if (c->body != BODY_JSON && r->value_schema != NULL &&
	    r->value_schema->name == NULL &&
	    (v->kind == LEAT_STRING || v->kind == LEAT_BYTES))
		raw = true;
	if (raw && c->batch_records > 1 && c->batching == BATCH_NDJSON &&
	    memchr(v->u.s, '\n', v->len) != NULL)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "a value with a line end does not fit into ndjson "
		    "(set body.format: json)");
	if (raw)
		leat_buf_add(body, v->u.b, v->len);
	else
		leat_json_add_typed(body, r->value_schema, v,
		    c->decimals ? LEAT_JSON_DECIMAL_BASE64 : 0);
	if (body->failed)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "body longer than %d bytes, or nested too deep",
		    SINK_BODY_MAX);
	return 0;
}

enum { ADDED, NOT_NOW };

/*
 * Adds record i to the lane's request. ADDED, NOT_NOW when it belongs into
 * another one, or negative with err: the record cannot be sent.
 */
static int
add_record(struct sink_lane *l, uint32_t i, struct leat_err *err)
{
	struct http_sink *s = l->sink;
	const struct sink_config *c = s->cfg;
	const struct leat_record *r = &s->batch->records[i];
	bool is_delete = (r->value.kind == LEAT_NULL &&
			     c->tombstones == TOMB_DELETE) ||
	    c->method == SINK_DELETE;
	bool vary = s->plan.target.vars != 0 || s->plan.headers_vary;
	size_t before = l->body.len;
	int rc;

	if (l->nitems > 0 && is_delete)
		return NOT_NOW;
	if (l->nitems == 0) {
		rc = expand(s, r, is_delete && r->value.kind == LEAT_NULL,
		    &l->target, &l->extra, err);
		if (rc < 0)
			return rc;
	} else if (vary) {
		rc = expand(s, r, false, &s->scratch, &s->scratch2, err);
		if (rc < 0)
			return rc;
		if (!same(&l->target, &s->scratch) ||
		    !same(&l->extra, &s->scratch2))
			return NOT_NOW;
	}
	l->is_delete = is_delete;
	if (!is_delete) {
		leat_buf_add_str(&l->body, l->nitems == 0
			? s->plan.prefix
			: s->plan.separator);
		rc = add_body(s, r, &l->body, err);
		if (rc < 0 || (l->nitems > 0 &&
				  (int64_t)l->body.len > c->batch_bytes)) {
			l->body.len = before;
			l->body.failed = false;
			return rc < 0 ? rc : NOT_NOW;
		}
	}
	l->items[l->nitems++] = i;
	return ADDED;
}

/*
 * Tombstones that need no request. 1: dealt with, 0: it is to be sent, or
 * negative with err: stop.
 */
static int
skip_tombstone(struct http_sink *s, uint32_t i, struct leat_err *err)
{
	struct leat_err why = LEAT_ERR_INIT;

	if (s->batch->records[i].value.kind != LEAT_NULL)
		return 0;
	if (s->cfg->tombstones == TOMB_IGNORE) {
		sink_record_ack(s, i);
		return 1;
	}
	if (s->cfg->tombstones != TOMB_FAIL)
		return 0;
	leat_err_set(&why, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "a tombstone (behavior.on.null.values is fail)");
	return sink_record_fail(s, i, &why, err) < 0 ? err->code : 1;
}

static void
add_idempotency(struct sink_lane *l)
{
	const struct http_sink *s = l->sink;
	const char *name = s->cfg->idempotency_header;
	const struct leat_record *first = &s->batch->records[l->items[0]];
	const struct leat_record *last =
	    &s->batch->records[l->items[l->nitems - 1]];
	struct leat_buf *b = &l->head;

	if (name == NULL || *name == '\0')
		return;
	leat_buf_add_str(b, name);
	leat_buf_add(b, ": ", 2);
	leat_buf_add_str(b, origin_topic(first));
	leat_buf_add_byte(b, '-');
	leat_buf_add_i64(b, first->origin_partition);
	leat_buf_add_byte(b, '-');
	leat_buf_add_i64(b, first->offset);
	if (last != first) {
		leat_buf_add_byte(b, ':');
		leat_buf_add_str(b, origin_topic(last));
		leat_buf_add_byte(b, '-');
		leat_buf_add_i64(b, last->origin_partition);
		leat_buf_add_byte(b, '-');
		leat_buf_add_i64(b, last->offset);
	}
	leat_buf_add(b, "\r\n", 2);
}

const char *
sink_method_name(const struct sink_lane *l)
{
	static const char *const names[] = { "POST", "PUT", "PATCH",
		"DELETE" };

	return l->is_delete ? "DELETE" : names[l->sink->cfg->method];
}

static int
finish(struct sink_lane *l, struct leat_err *err)
{
	const struct sink_config *c = l->sink->cfg;
	struct leat_buf *b = &l->head;

	if (!l->is_delete)
		leat_buf_add_str(&l->body, l->sink->plan.suffix);
	leat_buf_reset(b);
	if (c->http.version == HTTP_VERSION_1) {
		leat_buf_add_str(b, sink_method_name(l));
		leat_buf_add_byte(b, ' ');
		leat_buf_add(b, l->target.data, l->target.len);
		leat_buf_add(b, " HTTP/1.1\r\n", 11);
	}
	leat_buf_add(b, l->sink->fixed.data, l->sink->fixed.len);
	leat_buf_add(b, l->extra.data, l->extra.len);
	add_idempotency(l);
	if (c->http.version == HTTP_VERSION_1) {
		leat_buf_add(b, "Content-Length: ", 16);
		leat_buf_add_u64(b, l->body.len);
		leat_buf_add(b, "\r\n\r\n", 4);
	}
	if (b->failed || l->body.failed)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for a request");
	return 0;
}

int
sink_request_next(struct sink_lane *l, struct leat_err *err)
{
	struct http_sink *s = l->sink;
	struct leat_err why;
	uint32_t i;
	int rc;

	l->nitems = 0;
	l->is_delete = false;
	leat_buf_reset(&l->body);
	while (l->nitems < s->cfg->batch_records && !l->is_delete) {
		i = http_order_next(&s->order, l->number);
		if (i == HTTP_ORDER_NONE)
			break;
		rc = skip_tombstone(s, i, err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			continue;
		rc = add_record(l, i, &why);
		if (rc == NOT_NOW) {
			http_order_untake(&s->order, i);
			break;
		}
		if (rc < 0 && sink_record_fail(s, i, &why, err) < 0)
			return err->code;
	}
	return l->nitems > 0 ? finish(l, err) : 0;
}
