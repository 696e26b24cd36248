/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest.h: Kafka Connect's REST API, Prometheus' /metrics, and our own additions
 * below /leat/ (docs/REST.md).
 *
 * The HTTP library runs one thread for each connection, at most
 * `max_connections` of them; handlers reach the worker through the herder and
 * the bus, whose calls are safe from any thread.
 */
#ifndef LEAT_CORE_REST_REST_H
#define LEAT_CORE_REST_REST_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/err.h>

struct bus;
struct directory;
struct herder;
struct metrics;
struct problems;
struct properties;
struct rest;

/*
 * Where connectors that are made through the API are kept: as files of the
 * configuration directory. All members are required.
 */
struct rest_store {
	/*
	 * Creates or replaces; *ret_created says which. Validates first: the
	 * problems are all those found, and then the result is LEAT_E_CONFIG.
	 */
	int (*put)(void *arg, const char *name, const struct properties *props,
	    bool *ret_created, struct problems *problems, struct leat_err *err);
	int (*remove)(void *arg, const char *name, struct leat_err *err);
	void *arg;
};

struct rest_options {
	const char *listen;	/* "127.0.0.1:8083", "[::1]:0", "8083" */
	struct herder *herder;
	struct bus *bus;
	struct metrics *metrics;
	struct directory *directory;
	struct rest_store store;
	const char *cluster_id;
	uint32_t max_connections;	/* 0: 64 */
};

/* Listens and serves. The address in use is rest_address(). */
int rest_start(const struct rest_options *o, struct rest **ret_rest,
    struct leat_err *err);
/* "127.0.0.1:8083", the real port included. */
const char *rest_address(const struct rest *r);
/* Ends requests that wait, then the server. Accepts NULL. */
void rest_stop(struct rest *r);

#endif
