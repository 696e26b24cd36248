/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip_count.c: see ip_count.h.
 */
#include "broker/net/ip_count.h"

#include <netinet/in.h>
#include <string.h>

#include "core/base/obj.h"

enum { SLOTS_FIRST = 16 };

void
ip_count_init(struct ip_count *c)
{
	*c = (struct ip_count){ 0 };
	lock_init(&c->lock, RANK_LEAF);
}

void
ip_count_fini(struct ip_count *c)
{
	free(c->slots);
	lock_fini(&c->lock);
}

struct ip_key
ip_key_of(const struct sockaddr_storage *sa)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff };
	struct ip_key key = { { 0 } };
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	if (sa->ss_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		memcpy(key.addr, mapped, sizeof(mapped));
		memcpy(key.addr + sizeof(mapped), &in4.sin_addr, 4);
	} else if (sa->ss_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(key.addr, &in6.sin6_addr, sizeof(key.addr));
	}
	return key;
}

static size_t
home_of(const struct ip_count *c, const struct ip_key *key)
{
	uint32_t hash = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < sizeof(key->addr); i++)
		hash = (hash ^ key->addr[i]) * 16777619u;
	hash ^= hash >> 15;
	return hash & (c->nslots - 1);
}

/* The address's slot, or the free one where it would be. */
static struct ip_slot *
find_locked(const struct ip_count *c, const struct ip_key *key)
{
	size_t at = home_of(c, key);

	while (c->slots[at].n > 0 && memcmp(&c->slots[at].key, key,
	    sizeof(*key)) != 0)
		at = (at + 1) & (c->nslots - 1);
	return &c->slots[at];
}

/* Keeps a quarter of the slots free. */
static bool
make_room_locked(struct ip_count *c)
{
	size_t nold = c->nslots;
	struct ip_slot *old = c->slots, *more;

	if (4 * (c->used + 1) <= 3 * c->nslots)
		return true;
	more = calloc(nold > 0 ? 2 * nold : SLOTS_FIRST, sizeof(*more));
	if (more == NULL)
		return false;
	c->slots = more;
	c->nslots = nold > 0 ? 2 * nold : SLOTS_FIRST;
	for (size_t i = 0; i < nold; i++)
		if (old[i].n > 0)
			*find_locked(c, &old[i].key) = old[i];
	free(old);
	return true;
}

bool
ip_count_add(struct ip_count *c, struct ip_key key, int32_t max)
{
	struct ip_slot *slot;
	bool added = false;

	lock_acquire(&c->lock);
	if (make_room_locked(c)) {
		slot = find_locked(c, &key);
		if (slot->n < max) {
			added = true;
			if (slot->n == 0)
				c->used++;
			slot->key = key;
			slot->n++;
		}
	}
	lock_release(&c->lock);
	return added;
}

/* Moves up what stands behind a slot that became free. */
static void
close_gap_locked(struct ip_count *c, size_t gap)
{
	size_t mask = c->nslots - 1, at = gap, home;

	for (;;) {
		at = (at + 1) & mask;
		if (c->slots[at].n == 0)
			return;
		home = home_of(c, &c->slots[at].key);
		if (((at - home) & mask) >= ((at - gap) & mask)) {
			c->slots[gap] = c->slots[at];
			c->slots[at].n = 0;
			gap = at;
		}
	}
}

void
ip_count_remove(struct ip_count *c, struct ip_key key)
{
	struct ip_slot *slot;

	lock_acquire(&c->lock);
	slot = c->nslots > 0 ? find_locked(c, &key) : NULL;
	if (slot != NULL && slot->n > 0 && --slot->n == 0) {
		c->used--;
		close_gap_locked(c, (size_t)(slot - c->slots));
	}
	lock_release(&c->lock);
}
