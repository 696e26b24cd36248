/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip_count.h: how many connections each address has. @thread any
 */
#ifndef LEAT_BROKER_NET_IP_COUNT_H
#define LEAT_BROKER_NET_IP_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/lock.h"

/* An IPv4 address is mapped into IPv6; all zero is no address. */
struct ip_key {
	uint8_t addr[16];
};

struct ip_slot {
	struct ip_key key;
	int32_t n;		/* 0: free */
};

struct ip_count {
	struct lock lock;	/* RANK_LEAF; guards the rest */
	struct ip_slot *slots;	/* open addressing */
	size_t nslots;		/* a power of two, or 0 */
	size_t used;
};

void ip_count_init(struct ip_count *c);
void ip_count_fini(struct ip_count *c);
struct ip_key ip_key_of(const struct sockaddr_storage *sa);
/* Counts one more unless there are max: true when it was counted. */
bool ip_count_add(struct ip_count *c, struct ip_key key, int32_t max);
void ip_count_remove(struct ip_count *c, struct ip_key key);

#endif
