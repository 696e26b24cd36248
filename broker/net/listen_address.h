/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_address.h: how an address to listen on is written.
 */
#ifndef LEAT_BROKER_NET_LISTEN_ADDRESS_H
#define LEAT_BROKER_NET_LISTEN_ADDRESS_H

#include <stdint.h>

#include <leat/err.h>

enum listen_protocol {
	LISTEN_ANY,		/* TLS when there is a certificate */
	LISTEN_PLAIN,
	LISTEN_TLS
};

struct listen_address {
	enum listen_protocol protocol;
	char host[256];		/* "" is all addresses */
	int32_t port;		/* 0: a free one */
};

/*
 * "host:port" or "[host]:port", with PLAINTEXT://, SSL://, SASL_PLAINTEXT:// or
 * SASL_SSL:// in front as Kafka writes it (whether there is a login is said
 * elsewhere). 0 or LEAT_E_CONFIG.
 */
int listen_address_parse(const char *text, struct listen_address *ret_at,
    struct leat_err *err);

#endif
