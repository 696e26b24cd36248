/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connector_json.h: Kafka Connect's JSON objects about a connector, and the
 * handlers that write one. Private to core/rest.
 */
#ifndef LEAT_CORE_REST_CONNECTOR_JSON_H
#define LEAT_CORE_REST_CONNECTOR_JSON_H

#include "core/config/properties.h"
#include "core/rest/request.h"
#include "core/worker/herder.h"

struct registered;
struct registry;

/*
 * {"id","state","worker_id","trace"?}; with an arena to work in also our own
 * members: "detail","restarts","retry_in_ms"?,"progress".
 */
void write_task(struct json_writer *w, const struct connector_status *st,
    const struct task_status *task, struct leat_arena *arena);
/* ConnectorStateInfo; its tasks are as above. */
void write_status(struct json_writer *w, const struct connector_status *st,
    struct leat_arena *arena);
/* ConnectorInfo */
void write_info(struct json_writer *w, const struct registry *reg,
    const struct connector_status *st);
/*
 * A setting as it is shown: references stay as they were written, secrets in
 * clear become "***", also the password in a URL. 0 or -1, as the buffer.
 */
int config_shown(const struct registered *r, const struct property *p,
    struct leat_buf *to);
void write_config(struct json_writer *w, const struct registry *reg,
    const struct properties *props, const char *name);

/* A JSON object as properties; NULL after answering. */
struct properties *config_from_json(struct request *rq,
    const struct leat_value *map, struct problems *problems);

/* POST /connectors, PUT and PATCH /connectors/{}/config */
void post_connectors(struct request *rq);
void put_config(struct request *rq);
void patch_config(struct request *rq);

#endif
