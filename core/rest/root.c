/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c: what is about the worker itself: /, /health, /metrics, and
 * /leat/config: which files are live and what was refused.
 */
#include "core/base/metrics.h"
#include "core/config/directory.h"
#include "core/rest/request.h"
#include "core/worker/herder.h"

static void
get_root(struct request *rq)
{
	json_object(&rq->json);
	json_member(&rq->json, "version", LEAT_VERSION);
	json_member(&rq->json, "commit", "leat");
	json_member(&rq->json, "kafka_cluster_id", rq->options->cluster_id);
	json_object_end(&rq->json);
}

/* Kafka Connect's words; the server starts when the worker is ready. */
static void
get_health(struct request *rq)
{
	json_object(&rq->json);
	json_member(&rq->json, "status", "healthy");
	json_member(&rq->json, "message",
	    "Worker has completed startup and is ready to handle requests.");
	json_object_end(&rq->json);
}

static void
get_metrics(struct request *rq)
{
	metrics_print(rq->options->metrics, &rq->out);
	rq->content_type = "text/plain; version=0.0.4; charset=utf-8";
}

static void
write_file(struct json_writer *w, const struct directory_file *f)
{
	json_object(w);
	json_member(w, "path", f->path);
	json_member_int(w, "generation", (int64_t)f->generation);
	json_member_int(w, "connectors", (int64_t)f->nconnectors);
	json_member_bool(w, "pipeline", f->pipeline);
	json_member_bool(w, "enabled", !f->disabled);
	json_member_bool(w, "refused", f->refused);
	json_object_end(w);
}

static void
get_config(struct request *rq)
{
	const struct directory_view *view =
	    directory_view(rq->options->directory);
	struct json_writer *w = &rq->json;

	json_object(w);
	json_member_int(w, "generation", (int64_t)view->generation);
	json_key(w, "files");
	json_array(w);
	for (size_t i = 0; i < view->nfiles; i++)
		write_file(w, &view->files[i]);
	json_array_end(w);
	json_key(w, "problems");
	if (view->problems == NULL)
		json_raw(w, "[]");
	else
		problems_print_json(view->problems, &rq->out);
	w->comma = true;
	json_object_end(w);
	directory_view_unref(view);
}

const struct route routes_root[] = {
	{ "GET", "/", get_root },
	{ "GET", "/health", get_health },
	{ "GET", "/metrics", get_metrics },
	{ "GET", "/leat/config", get_config },
	{ 0 },
};
