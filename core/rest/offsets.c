/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offsets.c: /connectors/{}/offsets: where a connector stands, and, while it is
 * stopped, setting it elsewhere. A source's offsets are its own JSON objects, a
 * sink's are topic partitions.
 */
#include <stdio.h>
#include <string.h>

#include <leat/json.h>
#include <leat/str.h>

#include "core/rest/request.h"
#include "core/worker/herder.h"

static void
answer_state(struct request *rq, const struct leat_err *err)
{
	if (err->code == LEAT_E_NOTFOUND)
		answer_error(rq, 404, "Connector %s not found", rq->params[0]);
	else if (err->code == LEAT_E_STATE)
		answer_error(rq, 400,
		    "Connectors must be in the STOPPED state before their "
		    "offsets can be modified. This can be done for the "
		    "specified connector by issuing a 'PUT' request to the "
		    "'/connectors/%s/stop' endpoint",
		    rq->params[0]);
	else
		answer_err(rq, err);
}

static void
answer_done(struct request *rq, const char *word)
{
	char text[96];

	(void)snprintf(text, sizeof(text),
	    "The offsets for this connector have been %s successfully", word);
	json_object(&rq->json);
	json_member(&rq->json, "message", text);
	json_object_end(&rq->json);
}

/* ---------------------------------------------------------------- reading */

static int
write_source(void *arg, const char *partition, const char *offset)
{
	struct json_writer *w = arg;

	json_object(w);
	json_key(w, "partition");
	json_raw(w, partition);
	json_key(w, "offset");
	json_raw(w, offset);
	json_object_end(w);
	return 0;
}

static int
write_sink(void *arg, const char *topic, int32_t partition, int64_t offset)
{
	struct json_writer *w = arg;

	json_object(w);
	json_key(w, "partition");
	json_object(w);
	json_member(w, "kafka_topic", topic);
	json_member_int(w, "kafka_partition", partition);
	json_object_end(w);
	json_key(w, "offset");
	json_object(w);
	json_member_int(w, "kafka_offset", offset);
	json_object_end(w);
	json_object_end(w);
	return 0;
}

static void
get_offsets(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct json_writer *w = &rq->json;

	json_object(w);
	json_key(w, "offsets");
	json_array(w);
	if (herder_offsets_each(rq->options->herder, rq->params[0],
		write_source, write_sink, w, &err) < 0) {
		answer_state(rq, &err);
		return;
	}
	json_array_end(w);
	json_object_end(w);
}

/* --------------------------------------------------------------- changing */

/* One item of the list; false after answering. */
typedef bool item_fn(struct request *rq, const struct leat_value *partition,
    const struct leat_value *offset, bool apply);

static const char *
json_of(struct request *rq, const struct leat_value *v)
{
	struct leat_buf b;
	char *text = NULL;

	leat_buf_init(&b, REST_BODY_MAX);
	if (leat_json_add_value(&b, v) == 0)
		text = leat_arena_strndup(
		    &rq->arena, (const char *)b.data, b.len);
	leat_buf_fini(&b);
	return text;
}

static bool
source_item(struct request *rq, const struct leat_value *partition,
    const struct leat_value *offset, bool apply)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *where = json_of(rq, partition);
	const char *at =
	    offset->kind == LEAT_NULL ? NULL : json_of(rq, offset);

	if (where == NULL || (at == NULL && offset->kind != LEAT_NULL)) {
		answer_error(rq, 500, "out of memory");
		return false;
	}
	if (!apply)
		return true;
	if (herder_source_offset_set(
		rq->options->herder, rq->params[0], where, at, &err) == 0)
		return true;
	answer_state(rq, &err);
	return false;
}

/* A number, or a text that is one. */
static bool
number_of(const struct leat_value *v, int64_t max, int64_t *ret_number)
{
	if (v->kind == LEAT_STRING)
		return leat_parse_i64((struct leat_str){ v->u.s, v->len }, 0,
			   max, ret_number) == 0;
	*ret_number = v->u.i;
	return v->kind == LEAT_INT64 && v->u.i >= 0 && v->u.i <= max;
}

static bool
sink_item(struct request *rq, const struct leat_value *partition,
    const struct leat_value *offset, bool apply)
{
	const struct leat_value *topic =
	    leat_map_value(partition, "kafka_topic");
	const struct leat_value *number =
	    leat_map_value(partition, "kafka_partition");
	const struct leat_value *to = offset->kind == LEAT_MAP
	    ? leat_map_value(offset, "kafka_offset")
	    : NULL;
	struct leat_err err = LEAT_ERR_INIT;
	int64_t p = 0, at = -1;
	const char *name;

	if (topic == NULL || number == NULL || topic->kind != LEAT_STRING) {
		answer_error(rq, 400,
		    "The partition for a sink connector offset must contain "
		    "the keys 'kafka_topic' and 'kafka_partition'");
		return false;
	}
	if (!number_of(number, INT32_MAX, &p) ||
	    (to != NULL && !number_of(to, INT64_MAX, &at))) {
		answer_error(rq, 400,
		    "partitions and offsets of a sink connector are whole "
		    "numbers from 0");
		return false;
	}
	if (to == NULL && offset->kind != LEAT_NULL) {
		answer_error(rq, 400,
		    "The offset for a sink connector should either be null or "
		    "contain the key 'kafka_offset'");
		return false;
	}
	if (!apply)
		return true;
	name = leat_arena_strndup(&rq->arena, topic->u.s, topic->len);
	if (name != NULL &&
	    herder_sink_offset_set(rq->options->herder, rq->params[0], name,
		(int32_t)p, at, &err) == 0)
		return true;
	answer_state(rq, &err);
	return false;
}

/* Each item through fn; true when all went well. */
static bool
each_item(struct request *rq, const struct leat_value *list, item_fn *fn,
    bool apply)
{
	for (uint32_t i = 0; i < list->len; i++) {
		const struct leat_value *item = &list->u.items[i], *p, *o;

		p = item->kind == LEAT_MAP ? leat_map_value(item, "partition")
					   : NULL;
		o = p == NULL ? NULL : leat_map_value(item, "offset");
		if (o == NULL || p->kind != LEAT_MAP ||
		    (o->kind != LEAT_MAP && o->kind != LEAT_NULL)) {
			answer_error(rq, 400,
			    "each offset must be {\"partition\":{..},"
			    "\"offset\":{..} or null}");
			return false;
		}
		if (!fn(rq, p, o, apply))
			return false;
	}
	return true;
}

static void
patch_offsets(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_value *list;
	struct connector_status st;
	struct leat_value body;
	item_fn *fn;

	if (request_json(rq, &body) < 0)
		return;
	if (herder_status(rq->options->herder, rq->params[0], &rq->arena, &st,
		&err) < 0) {
		answer_state(rq, &err);
		return;
	}
	request_hold(rq, st.props);
	list = body.kind == LEAT_MAP ? leat_map_value(&body, "offsets") : NULL;
	if (list == NULL || list->kind != LEAT_ARRAY || list->len == 0) {
		answer_error(rq, 400,
		    "Partitions / offsets need to be provided for an alter "
		    "offsets request");
		return;
	}
	/* All are looked at before the first is changed. */
	fn = strcmp(st.type, "sink") == 0 ? sink_item : source_item;
	if (each_item(rq, list, fn, false) && each_item(rq, list, fn, true))
		answer_done(rq, "altered");
}

static void
delete_offsets(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (herder_offsets_reset(rq->options->herder, rq->params[0], &err) < 0)
		answer_state(rq, &err);
	else
		answer_done(rq, "reset");
}

const struct route routes_offsets[] = {
	{ "GET", "/connectors/{}/offsets", get_offsets },
	{ "PATCH", "/connectors/{}/offsets", patch_offsets },
	{ "DELETE", "/connectors/{}/offsets", delete_offsets },
	{ 0 },
};
