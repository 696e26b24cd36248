/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h: one HTTP request on its way through a handler, and the helpers
 * that every handler uses. Private to core/rest.
 */
#ifndef LEAT_CORE_REST_REQUEST_H
#define LEAT_CORE_REST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/value.h>

#include "core/base/json_writer.h"
#include "core/rest/rest.h"

enum {
	REST_BODY_MAX = 4 << 20,
	REST_RESPONSE_MAX = 64 << 20,
	REST_URL_MAX = 8 << 10,
	REST_PARAMS_MAX = 2,
	REST_HELD_MAX = 4
};

struct MHD_Connection;

struct request {
	struct rest *rest;
	const struct rest_options *options;
	struct MHD_Connection *connection;
	const char *method;
	const char *params[REST_PARAMS_MAX];	/* decoded path parts */
	struct leat_buf body;
	struct leat_arena arena;
	/* The answer. */
	struct leat_buf out;
	struct json_writer json;	/* onto out */
	int status;
	const char *content_type;	/* NULL: application/json */
	const char *location;	/* NULL: none */
	bool answered;		/* out holds an error already */
	/* References to properties that are dropped when it is over. */
	struct properties *held[REST_HELD_MAX];
	size_t nheld;
};

typedef void request_fn(struct request *rq);

/* A row of the table of what the API can do. */
struct route {
	const char *method;
	const char *path;	/* "/connectors/{}/status" */
	request_fn *handle;
};

extern const struct route routes_connectors[];
extern const struct route routes_offsets[];
extern const struct route routes_plugins[];
extern const struct route routes_signals[];
extern const struct route routes_topics[];
extern const struct route routes_root[];

/* A query parameter, decoded, or NULL. */
const char *request_query(struct request *rq, const char *name);
/* Is the (repeatable) parameter there with this value? */
bool request_query_has(struct request *rq, const char *name,
    const char *value);
/* "true" in any case; absent is false. */
bool request_query_bool(struct request *rq, const char *name);
/* A number within bounds, or def when absent; -1 after answering 400. */
int64_t request_query_int(struct request *rq, const char *name, int64_t min,
    int64_t max, int64_t def);

/* The body as JSON: 0, or -1 after answering 400. */
int request_json(struct request *rq, struct leat_value *ret_value);

/*
 * Waits until the fd is readable: 1; 0 when ms have passed; -1 when the server
 * is asked to stop.
 */
int request_wait(struct request *rq, int fd, int64_t ms);

/* Takes over a reference, to be dropped after the answer; may be NULL. */
void request_hold(struct request *rq, struct properties *owned_props);

/* Ends with {"error_code":..,"message":..} instead of what was written. */
void answer_error(struct request *rq, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for an error of ours: 404, 409, 400 or 500 by its code. */
void answer_err(struct request *rq, const struct leat_err *err);
/* No body. */
void answer_empty(struct request *rq, int status);

#endif
