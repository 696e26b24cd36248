/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c: what is about the worker itself: /, /health, /metrics.
 */
#include "core/base/metrics.h"
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

const struct route routes_root[] = {
	{ "GET", "/", get_root },
	{ "GET", "/health", get_health },
	{ "GET", "/metrics", get_metrics },
	{ 0 },
};
