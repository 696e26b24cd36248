/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h: the text of an address to listen on.
 */
#ifndef LEAT_CORE_CONFIG_LISTEN_H
#define LEAT_CORE_CONFIG_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

enum { LISTEN_HOST_MAX = 255 };

struct listen_address {
	char host[LISTEN_HOST_MAX + 1];	/* "": all addresses */
	uint16_t port;			/* 0: any free one */
	bool tls;			/* https:// */
};

/*
 * "host:port", "[v6]:port", ":port", "*:port" or "port", behind "http://",
 * "https://", "PLAINTEXT://" or nothing. 0 or -1.
 */
int listen_parse(const char *text, struct listen_address *ret_address);

/* Is the address reachable from this machine only? */
bool listen_is_loopback(const struct listen_address *a);

#endif
