/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h: from method and path to a row of the route tables.
 */
#ifndef LEAT_CORE_REST_ROUTER_H
#define LEAT_CORE_REST_ROUTER_H

#include "core/rest/request.h"

/*
 * Finds the handler and fills rq->params; answers 404 or 405 itself and
 * returns NULL when there is none. The path is as sent, still encoded; a `{}`
 * of a route stands for one part of it, which is decoded after the split, so
 * that an encoded slash belongs to a name.
 */
request_fn *router_find(struct request *rq, const char *path);

/* Decodes %XX into the arena; NULL for bad escapes or an encoded NUL. */
char *router_decode(struct leat_arena *arena, const char *text, size_t len);

#endif
