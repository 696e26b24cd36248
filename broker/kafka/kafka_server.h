/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_server.h: what the requests of all connections of a listener share.
 */
#ifndef LEAT_BROKER_KAFKA_KAFKA_SERVER_H
#define LEAT_BROKER_KAFKA_KAFKA_SERVER_H

#include "broker/broker.h"
#include "broker/kafka/access.h"

struct kafka_peer;

struct fetch_sessions;

struct kafka_server {
	struct broker *broker;
	struct broker_listen_options o;	/* texts are the server's own copies */
	char *advertised_host;		/* NULL: as the peer reached us */
	int32_t advertised_port;
	struct fetch_sessions *fetch_sessions;
	struct access *access;		/* who may come in and do what */
};

/* Checks the options; loads what they name. */
int kafka_server_new(struct broker *b, const struct broker_listen_options *o,
    struct kafka_server **ret_server, struct leat_err *err);
/* No request may be under way. Accepts NULL. */
void kafka_server_free(struct kafka_server *s);

enum {
	/* Of one request before it is known who sends it. */
	STRANGER_REQUEST_MAX = 16 << 10
};

/*
 * Who a new connection's peer is before it has said so: nobody that has a name,
 * and if there are users, not let in yet. 0, or -1 without memory.
 */
int kafka_peer_init(struct kafka_peer *peer, const struct kafka_server *s);
void kafka_peer_fini(struct kafka_peer *peer);	/* accepts a zeroed one */

#endif
