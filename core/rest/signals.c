/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c: /leat/connectors/{c}/signals: asks a source for something. */
#include <string.h>

#include <leat/json.h>
#include <leat/str.h>

#include "core/rest/request.h"
#include "core/worker/herder.h"

/* A member that is a text, in the request's memory; "" when it is not there. */
static const char *
text_of(struct request *rq, const struct leat_value *body, const char *name)
{
	const struct leat_value *v = leat_map_value(body, name);
	const char *s;

	if (v == NULL || v->kind == LEAT_NULL)
		return "";
	if (v->kind != LEAT_STRING || memchr(v->u.s, '\0', v->len) != NULL) {
		answer_error(rq, 400, "%s must be a text", name);
		return NULL;
	}
	s = leat_arena_strndup(&rq->arena, v->u.s, v->len);
	if (s == NULL)
		answer_error(rq, 500, "out of memory");
	return s;
}

/* The data as text: an object is written as JSON, a text is taken as it is. */
static const char *
data_of(struct request *rq, const struct leat_value *body)
{
	const struct leat_value *v = leat_map_value(body, "data");
	struct leat_buf b;
	const char *s = NULL;

	if (v == NULL || v->kind != LEAT_MAP)
		return text_of(rq, body, "data");
	leat_buf_init(&b, REST_BODY_MAX);
	if (leat_json_add_value(&b, v) == 0 && leat_buf_cstr(&b) != NULL)
		s = leat_arena_strdup(&rq->arena, leat_buf_cstr(&b));
	leat_buf_fini(&b);
	if (s == NULL)
		answer_error(rq, 500, "out of memory");
	return s;
}

static void
post_signal(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *id, *type, *data;
	struct leat_value body;

	if (request_json(rq, &body) < 0)
		return;
	if (body.kind != LEAT_MAP) {
		answer_error(rq, 400, "the body must be a JSON object");
		return;
	}
	if ((id = text_of(rq, &body, "id")) == NULL ||
	    (type = text_of(rq, &body, "type")) == NULL ||
	    (data = data_of(rq, &body)) == NULL)
		return;
	if (type[0] == '\0') {
		answer_error(rq, 400, "type is missing");
		return;
	}
	if (herder_signal(rq->options->herder, rq->params[0], id, type, data,
	    &err) < 0)
		answer_err(rq, &err);
	else
		answer_empty(rq, 202);
}

const struct route routes_signals[] = {
	{ "POST", "/leat/connectors/{}/signals", post_signal },
	{ 0 },
};
