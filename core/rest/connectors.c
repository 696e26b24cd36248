/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectors.c: /connectors and what is below it, as Kafka Connect has it.
 */
#include <string.h>

#include <leat/str.h>

#include "core/rest/connector_json.h"

static const struct registry *
registry_of(const struct request *rq)
{
	return herder_registry(rq->options->herder);
}

/* The status of a connector, or NULL after answering. */
static struct connector_status *
status_of(struct request *rq, const char *name, const char *not_found)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct connector_status *st = leat_arena_alloc(&rq->arena, sizeof(*st));
	int rc = st == NULL
	    ? -1
	    : herder_status(rq->options->herder, name, &rq->arena, st, &err);

	if (rc == LEAT_E_NOTFOUND)
		answer_error(rq, 404, "%s %s", not_found, name);
	else if (rc < 0)
		answer_error(rq, 500, "%s", err.text);
	if (rc < 0)
		return NULL;
	request_hold(rq, st->props);
	return st;
}

/* 404 "Connector x not found" has its words in another order. */
static struct connector_status *
info_of(struct request *rq, const char *name)
{
	struct connector_status *st = status_of(rq, name, "");

	if (st == NULL && rq->status == 404)
		answer_error(rq, 404, "Connector %s not found", name);
	return st;
}

/* ------------------------------------------------------------- reading */

static void
write_expanded(struct request *rq, const char *name, bool status, bool info)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct connector_status st;
	struct json_writer *w = &rq->json;

	if (herder_status(rq->options->herder, name, &rq->arena, &st, &err) < 0)
		return;
	json_key(w, name);
	json_object(w);
	if (status) {
		json_key(w, "status");
		write_status(w, &st, NULL);
	}
	if (info) {
		json_key(w, "info");
		write_info(w, registry_of(rq), &st);
	}
	json_object_end(w);
	connector_status_put(&st);
}

static void
get_connectors(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	bool expanded = request_query(rq, "expand") != NULL;
	bool status = request_query_has(rq, "expand", "status");
	bool info = request_query_has(rq, "expand", "info");
	const char *const *names;
	size_t n;

	if (herder_names(rq->options->herder, &rq->arena, &names, &n, &err) <
	    0) {
		answer_err(rq, &err);
		return;
	}
	if (expanded)
		json_object(&rq->json);
	else
		json_array(&rq->json);
	for (size_t i = 0; i < n; i++) {
		if (expanded)
			write_expanded(rq, names[i], status, info);
		else
			json_text(&rq->json, names[i]);
	}
	if (expanded)
		json_object_end(&rq->json);
	else
		json_array_end(&rq->json);
}

static void
get_connector(struct request *rq)
{
	struct connector_status *st = info_of(rq, rq->params[0]);

	if (st != NULL)
		write_info(&rq->json, registry_of(rq), st);
}

static void
get_config(struct request *rq)
{
	struct connector_status *st = info_of(rq, rq->params[0]);

	if (st != NULL)
		write_config(
		    &rq->json, registry_of(rq), st->props, st->name);
}

static void
get_status(struct request *rq)
{
	struct connector_status *st = status_of(
	    rq, rq->params[0], "No status found for connector");

	if (st != NULL)
		write_status(&rq->json, st, NULL);
}

/* The same, with what Kafka Connect has no place for. */
static void
get_progress(struct request *rq)
{
	struct connector_status *st = status_of(
	    rq, rq->params[0], "No status found for connector");

	if (st != NULL)
		write_status(&rq->json, st, &rq->arena);
}

static void
get_tasks(struct request *rq)
{
	struct connector_status *st = info_of(rq, rq->params[0]);
	struct json_writer *w = &rq->json;

	if (st == NULL)
		return;
	json_array(w);
	for (size_t i = 0; i < st->ntasks; i++) {
		struct properties *props = herder_task_config(
		    rq->options->herder, st->name, st->tasks[i].id);

		json_object(w);
		json_key(w, "id");
		json_object(w);
		json_member(w, "connector", st->name);
		json_member_int(w, "task", st->tasks[i].id);
		json_object_end(w);
		json_key(w, "config");
		write_config(w, registry_of(rq),
		    props == NULL ? st->props : props, st->name);
		json_object_end(w);
		properties_unref(props);
	}
	json_array_end(w);
}

/* A task's number, or -1 after answering 404. */
static int32_t
task_number(struct request *rq)
{
	int64_t id;

	if (leat_parse_i64(leat_str_c(rq->params[1]), 0, INT32_MAX, &id) == 0)
		return (int32_t)id;
	answer_error(rq, 404, "HTTP 404 Not Found");
	return -1;
}

static void
get_task_status(struct request *rq)
{
	int32_t id = task_number(rq);
	struct connector_status *st;

	if (id < 0)
		return;
	st = status_of(rq, rq->params[0], "No status found for connector");
	if (st == NULL)
		return;
	for (size_t i = 0; i < st->ntasks; i++) {
		if (st->tasks[i].id == id) {
			write_task(&rq->json, st, &st->tasks[i], NULL);
			return;
		}
	}
	answer_error(
	    rq, 404, "No status found for task %s-%d", rq->params[0], id);
}

static void
get_topics(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *const *topics;
	struct json_writer *w = &rq->json;
	size_t n;

	if (herder_topics(rq->options->herder, rq->params[0], &rq->arena,
		&topics, &n, &err) < 0) {
		answer_err(rq, &err);
		return;
	}
	json_object(w);
	json_key(w, rq->params[0]);
	json_object(w);
	json_key(w, "topics");
	json_array(w);
	for (size_t i = 0; i < n; i++)
		json_text(w, topics[i]);
	json_array_end(w);
	json_object_end(w);
	json_object_end(w);
}

static void
put_topics_reset(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (herder_topics_reset(rq->options->herder, rq->params[0], &err) < 0)
		answer_err(rq, &err);
	else
		answer_empty(rq, 202);
}

/* --------------------------------------------------------- life and death */

static void
set_target(struct request *rq, enum target_state want, int status)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc = herder_target(rq->options->herder, rq->params[0], want, &err);

	if (rc == LEAT_E_NOTFOUND)
		answer_error(rq, 404, "Unknown connector %s", rq->params[0]);
	else if (rc < 0)
		answer_err(rq, &err);
	else
		answer_empty(rq, status);
}

static void
put_pause(struct request *rq)
{
	set_target(rq, TARGET_PAUSED, 202);
}

static void
put_resume(struct request *rq)
{
	set_target(rq, TARGET_STARTED, 202);
}

static void
put_stop(struct request *rq)
{
	set_target(rq, TARGET_STOPPED, 204);
}

/* What will be restarted shows as RESTARTING in the answer. */
static void
answer_restarting(struct request *rq, bool only_failed)
{
	struct connector_status *st = status_of(
	    rq, rq->params[0], "Status not found for connector");

	if (st == NULL)
		return;
	if (!only_failed || strcmp(st->state, "FAILED") == 0)
		st->state = "RESTARTING";
	for (size_t i = 0; i < st->ntasks; i++)
		if (!only_failed || strcmp(st->tasks[i].state, "FAILED") == 0)
			st->tasks[i].state = "RESTARTING";
	write_status(&rq->json, st, NULL);
	rq->status = 202;
}

static void
post_restart(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	bool tasks = request_query_bool(rq, "includeTasks");
	bool failed = request_query_bool(rq, "onlyFailed");
	int rc;

	rq->status = 204;
	if (tasks)
		answer_restarting(rq, failed);
	if (rq->answered)
		return;
	rc = herder_restart(
	    rq->options->herder, rq->params[0], -1, tasks, failed, &err);
	if (rc == LEAT_E_NOTFOUND)
		answer_error(rq, 404, "Unknown connector: %s", rq->params[0]);
	else if (rc < 0)
		answer_err(rq, &err);
	else if (failed && !tasks)
		answer_restarting(rq, true);
}

static void
post_task_restart(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	int32_t id = task_number(rq);
	int rc;

	if (id < 0)
		return;
	rc = herder_restart(
	    rq->options->herder, rq->params[0], id, true, false, &err);
	if (rc == LEAT_E_NOTFOUND)
		answer_error(rq, 404, "Unknown task: %s-%d", rq->params[0], id);
	else if (rc < 0)
		answer_err(rq, &err);
	else
		answer_empty(rq, 204);
}

static void
delete_connector(struct request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct rest_store *store = &rq->options->store;
	int rc = store->remove(store->arg, rq->params[0], &err);

	if (rc == LEAT_E_NOTFOUND)
		answer_error(rq, 404, "Connector %s not found", rq->params[0]);
	else if (rc < 0)
		answer_err(rq, &err);
	else
		answer_empty(rq, 204);
}

const struct route routes_connectors[] = {
	{ "GET", "/connectors", get_connectors },
	{ "POST", "/connectors", post_connectors },
	{ "GET", "/connectors/{}", get_connector },
	{ "DELETE", "/connectors/{}", delete_connector },
	{ "GET", "/connectors/{}/config", get_config },
	{ "PUT", "/connectors/{}/config", put_config },
	{ "PATCH", "/connectors/{}/config", patch_config },
	{ "GET", "/connectors/{}/status", get_status },
	{ "PUT", "/connectors/{}/pause", put_pause },
	{ "PUT", "/connectors/{}/resume", put_resume },
	{ "PUT", "/connectors/{}/stop", put_stop },
	{ "POST", "/connectors/{}/restart", post_restart },
	{ "GET", "/connectors/{}/tasks", get_tasks },
	{ "GET", "/connectors/{}/tasks/{}/status", get_task_status },
	{ "GET", "/leat/connectors/{}/status", get_progress },
	{ "POST", "/connectors/{}/tasks/{}/restart", post_task_restart },
	{ "GET", "/connectors/{}/topics", get_topics },
	{ "PUT", "/connectors/{}/topics/reset", put_topics_reset },
	{ 0 },
};
