/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.h: the broker on the network, for Kafka's clients. Part of broker.h.
 */
#ifndef LEAT_BROKER_LISTENER_H
#define LEAT_BROKER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

struct broker;
struct broker_listener;

struct broker_listen_options {
	/*
	 * Comma list of addresses: "127.0.0.1:9092,[::1]:9092". Port 0 takes a
	 * free one, the same for all addresses. With a certificate all of them
	 * speak TLS but those that begin with PLAINTEXT://.
	 */
	const char *listen;
	/*
	 * "host:port" that clients are told to connect to. NULL: the address
	 * at which they reached us, which is right unless there is a proxy or
	 * a container in between.
	 */
	const char *advertised;
	int32_t node_id;
	int32_t threads;		/* that serve connections */
	int32_t max_connections;
	int32_t max_connections_per_ip;
	int64_t idle_ms;		/* a silent connection is closed */
	int64_t request_max_bytes;	/* of one request */
	int64_t queued_max_bytes;	/* of all requests under way */
	int64_t fetch_max_bytes;	/* of records in one answer */
	int32_t fetch_sessions_max;

	bool delete_topics;		/* delete.topic.enable */
	/* Take a replication factor above 1 and report it as 1; else refuse. */
	bool lenient_replication;

	int64_t group_initial_delay_ms;	/* before a new group's first round */
	int64_t group_session_min_ms;
	int64_t group_session_max_ms;
	int32_t group_max_members;
	int64_t txn_max_timeout_ms;

	/*
	 * TLS, when there is a certificate. PEM files, read again when they
	 * have changed: the certificate with its chain, its key (NULL: in the
	 * same file), and who may sign the clients' certificates. With
	 * tls_client_ca a client must show one, unless tls_client_optional;
	 * who shows one is "User:" and its subject.
	 */
	const char *tls_certificate;
	const char *tls_key;
	const char *tls_client_ca;
	bool tls_client_optional;

	/* SASL, when there is a file of users. */
	const char *users_file;
	/*
	 * Comma list; NULL: all, but PLAIN only where passwords are not sent in
	 * the clear, which are TLS and loopback addresses.
	 */
	const char *sasl_mechanisms;
	bool sasl_plain_cleartext;	/* PLAIN everywhere */
	/* Who may do what; NULL: everybody everything. */
	const char *acl_file;
	const char *super_users;	/* "User:admin;User:ops" */
};

/* Fills in the defaults. */
void broker_listen_options_init(struct broker_listen_options *o);

/*
 * Starts serving; the options and what they point to are copied. Before
 * broker_close the listener must be closed.
 */
int broker_listen(struct broker *b, const struct broker_listen_options *o,
    struct broker_listener **ret_listener, struct leat_err *err);
/* Ends all connections, waiting for the requests under way. Accepts NULL. */
void broker_listener_close(struct broker_listener *l);
/* The port of the first address. */
uint16_t broker_listener_port(const struct broker_listener *l);

#endif
