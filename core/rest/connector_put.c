/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connector_put.c: connectors made and changed over HTTP. What is stored is a
 * file of the configuration directory, which the worker then follows.
 */
#include <string.h>
#include <strings.h>

#include <leat/str.h>

#include "core/base/obj.h"
#include "core/config/flatten.h"
#include "core/plugin/registry.h"
#include "core/rest/connector_json.h"

/* Kafka Connect's words around the list of all problems. */
static void
answer_problems(struct request *rq, const struct problems *problems)
{
	struct leat_buf text;

	leat_buf_init(&text, 1 << 20);
	leat_buf_printf(&text,
	    "Connector configuration is invalid and contains the following %zu "
	    "error(s):\n",
	    problems_count(problems));
	problems_print(problems, &text);
	leat_buf_add_str(&text,
	    "\nYou can also find the above list of errors at the endpoint "
	    "`/connector-plugins/{connectorType}/config/validate`");
	leat_buf_reset(&rq->out);
	rq->json = json_writer(&rq->out);
	json_object(&rq->json);
	json_member_int(&rq->json, "error_code", 400);
	json_key(&rq->json, "message");
	json_text_n(&rq->json, (const char *)text.data, text.len);
	json_key(&rq->json, "problems");
	problems_print_json(problems, &rq->out);
	rq->json.comma = true;
	json_object_end(&rq->json);
	rq->status = 400;
	rq->answered = true;
	leat_buf_fini(&text);
}

struct properties *
config_from_json(struct request *rq, const struct leat_value *map,
    struct problems *problems)
{
	struct properties *props;

	if (map->kind != LEAT_MAP) {
		answer_error(rq, 400, "expected a JSON object of settings");
		return NULL;
	}
	props = flatten_json(map, "REST", &references_system, problems);
	if (props == NULL && problems_count(problems) > 0)
		answer_problems(rq, problems);
	else if (props == NULL)
		answer_error(rq, 500, "out of memory");
	return props;
}

/* Stores the configuration; the answer is ConnectorInfo. */
static void
store(struct request *rq, const char *name, const struct leat_value *map)
{
	const struct rest_store *st = &rq->options->store;
	struct leat_err err = LEAT_ERR_INIT;
	struct problems *problems = problems_new();
	struct properties *props = NULL;
	bool created = false;
	int rc;

	if (problems == NULL) {
		answer_error(rq, 500, "out of memory");
		return;
	}
	props = config_from_json(rq, map, problems);
	if (props == NULL)
		goto done;
	rc = st->put(st->arg, name, props, &created, problems, &err);
	if (problems_count(problems) > 0) {
		answer_problems(rq, problems);
	} else if (rc < 0) {
		answer_err(rq, &err);
	} else {
		struct connector_status info = {
			.name = name, .type = "unknown"
		};

		if (herder_status(rq->options->herder, name, &rq->arena, &info,
			&err) == 0)
			connector_status_put(&info);
		info.props = props;
		write_info(
		    &rq->json, herder_registry(rq->options->herder), &info);
		rq->status = created ? 201 : 200;
		rq->location = leat_arena_printf(
		    &rq->arena, "/connectors/%s", name);
	}
done:
	properties_unref(props);
	problems_free(problems);
}

/* Is this what GET shows instead of the secret that stands there? */
static bool
is_mask(struct request *rq, const struct properties *have,
    const struct property *p, const struct leat_value *given)
{
	const struct registered *r =
	    registry_find(herder_registry(rq->options->herder),
		properties_get(have, "connector.class", ""));
	struct leat_buf shown;
	bool same;

	if (p == NULL || given->kind != LEAT_STRING)
		return false;
	leat_buf_init(&shown, REST_BODY_MAX);
	same = config_shown(r, p, &shown) == 0 && shown.len == given->len &&
	    memmem(shown.data, shown.len, "***", 3) != NULL &&
	    memcmp(shown.data, given->u.s, shown.len) == 0;
	leat_buf_fini(&shown);
	return same;
}

/*
 * Settings as they were given, over those the connector has: with `merge` all
 * of them, and a null takes one away (PATCH); without it only the secrets, so
 * that what GET showed as "***" can be put back. NULL after answering.
 */
static const struct leat_value *
combine(struct request *rq, const struct leat_value *given,
    const struct properties *have, bool merge)
{
	size_t n = 0, rows = properties_count(have);
	struct leat_value *items = leat_arena_calloc(
	    &rq->arena, 2 * (given->len + rows), sizeof(*items));
	struct leat_value *map = leat_arena_alloc(&rq->arena, sizeof(*map));

	if (items == NULL || map == NULL) {
		answer_error(rq, 500, "out of memory");
		return NULL;
	}
	for (uint32_t i = 0; i < given->len; i++) {
		const struct leat_value *k = &given->u.items[2 * i];
		const char *key =
		    leat_arena_strndup(&rq->arena, k->u.s, k->len);
		const struct property *p =
		    key == NULL ? NULL : properties_find(have, key);

		if (merge && k[1].kind == LEAT_NULL)
			continue;
		items[n++] = *k;
		items[n++] = is_mask(rq, have, p, &k[1]) ? leat_cstring(p->raw)
							 : k[1];
	}
	for (size_t i = 0; merge && i < rows; i++) {
		const struct property *p = properties_at(have, i);

		if (leat_map_value(given, p->key) != NULL)
			continue;
		items[n++] = leat_cstring(p->key);
		items[n++] = leat_cstring(p->raw);
	}
	*map = leat_items(LEAT_MAP, items, n / 2);
	return map;
}

static bool
names_agree(struct request *rq, const char *name, const struct leat_value *map)
{
	const struct leat_value *inner = leat_map_value(map, "name");

	if (inner == NULL || inner->kind != LEAT_STRING ||
	    leat_str_eq_c((struct leat_str){ inner->u.s, inner->len }, name))
		return true;
	answer_error(rq, 400,
	    "Connector name configuration (%.*s) doesn't match connector name "
	    "in the URL (%s)",
	    (int)inner->len, inner->u.s, name);
	return false;
}

/* The body of PUT and PATCH; false after answering. */
static bool
read_settings(struct request *rq, struct leat_value *ret_body)
{
	if (request_json(rq, ret_body) < 0)
		return false;
	if (ret_body->kind != LEAT_MAP)
		answer_error(rq, 400, "expected a JSON object of settings");
	return !rq->answered && names_agree(rq, rq->params[0], ret_body);
}

void
put_config(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_value *map;
	struct connector_status st;
	struct leat_value body;

	if (!read_settings(rq, &body))
		return;
	map = &body;
	if (herder_status(rq->options->herder, rq->params[0], &rq->arena, &st,
		&err) == 0) {
		request_hold(rq, st.props);
		map = combine(rq, &body, st.props, false);
	}
	if (map != NULL)
		store(rq, rq->params[0], map);
}

void
patch_config(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_value *map;
	struct connector_status st;
	struct leat_value body;
	int rc;

	if (!read_settings(rq, &body))
		return;
	rc = herder_status(
	    rq->options->herder, rq->params[0], &rq->arena, &st, &err);
	if (rc == LEAT_E_NOTFOUND) {
		answer_error(rq, 404, "Connector %s not found", rq->params[0]);
		return;
	}
	if (rc < 0) {
		answer_err(rq, &err);
		return;
	}
	request_hold(rq, st.props);
	map = combine(rq, &body, st.props, true);
	if (map != NULL)
		store(rq, rq->params[0], map);
}

/* "PAUSED" and so on, any case; 0, or -1. */
static int
parse_target(const char *text, enum target_state *ret_target)
{
	static const struct {
		const char *name;
		enum target_state target;
	} states[] = {
		{ "RUNNING", TARGET_STARTED },
		{ "PAUSED", TARGET_PAUSED },
		{ "STOPPED", TARGET_STOPPED },
	};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strcasecmp(text, states[i].name) == 0) {
			*ret_target = states[i].target;
			return 0;
		}
	}
	return -1;
}

/* The initial_state of a POST; false after answering 400. */
static bool
initial_state(struct request *rq, const struct leat_value *body,
    enum target_state *ret_target)
{
	const struct leat_value *v = leat_map_value(body, "initial_state");
	const char *text = "RUNNING";

	if (v != NULL && v->kind == LEAT_STRING)
		text = leat_arena_strndup(&rq->arena, v->u.s, v->len);
	if (text != NULL && parse_target(text, ret_target) == 0)
		return true;
	answer_error(rq, 400,
	    "initial_state: expected RUNNING, PAUSED or STOPPED, not '%s'",
	    text);
	return false;
}

void
post_connectors(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_value body;
	const struct leat_value *given, *config;
	struct connector_status st;
	enum target_state target;
	char *name;

	if (request_json(rq, &body) < 0)
		return;
	given = leat_map_value(&body, "name");
	config = leat_map_value(&body, "config");
	if (given == NULL || given->kind != LEAT_STRING || config == NULL ||
	    config->kind != LEAT_MAP) {
		answer_error(rq, 400,
		    "the body must be {\"name\":\"...\",\"config\":{...}}");
		return;
	}
	name = leat_arena_strndup(&rq->arena, given->u.s, given->len);
	if (name == NULL || !initial_state(rq, &body, &target) ||
	    !names_agree(rq, name, config))
		return;
	if (herder_status(rq->options->herder, name, &rq->arena, &st, &err) ==
	    0) {
		connector_status_put(&st);
		answer_error(rq, 409, "Connector %s already exists", name);
		return;
	}
	store(rq, name, config);
	if (rq->status == 201 && target != TARGET_STARTED)
		(void)herder_target(rq->options->herder, name, target, &err);
}
