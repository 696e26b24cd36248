/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_address.h: how an address to listen on is written in the settings of the
 * broker.
 */
#ifndef LEAT_CORE_BASE_NET_ADDRESS_H
#define LEAT_CORE_BASE_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/err.h>

enum { NET_ADDRESS_MAX = 320 };	/* characters of one address */

enum net_protocol {
	NET_ANY,		/* TLS when there is a certificate */
	NET_PLAIN,
	NET_TLS
};

struct net_address {
	enum net_protocol protocol;
	char host[256];		/* "" is all addresses */
	int32_t port;		/* 0: a free one */
};

/*
 * "host:port", "[host]:port" or "*:port", with PLAINTEXT://, SSL://,
 * SASL_PLAINTEXT:// or SASL_SSL:// in front as Kafka writes it (whether there
 * is a login is said elsewhere). 0 or LEAT_E_CONFIG.
 */
int net_address_parse(const char *text, struct net_address *ret_at,
    struct leat_err *err);
/* Is a list of addresses, with commas between them, well written? */
int net_address_check_list(const char *list, struct leat_err *err);
/* Is the address reachable from this machine only? */
bool net_address_is_loopback(const struct net_address *at);

#endif
