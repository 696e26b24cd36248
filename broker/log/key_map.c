/* SPDX-License-Identifier: Apache-2.0 */
/* The table of newest offsets: open addressing, at most three quarters full. */
#include "broker/log/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <leat/err.h>

#include "core/base/obj.h"

enum { SLOTS_MIN = 1024 };

struct slot {
	uint64_t hash[2];
	int64_t offset;		/* plus one; 0: free */
};

struct key_map {
	struct slot *slots;
	size_t nslots;		/* a power of two */
	size_t count;
	size_t max_slots;
	uint64_t seed[2];
};

struct key_map *
key_map_new(size_t max_bytes)
{
	struct key_map *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (getrandom(m->seed, sizeof(m->seed), 0) != sizeof(m->seed)) {
		free(m);
		return NULL;
	}
	m->max_slots = SLOTS_MIN;
	while (m->max_slots * 2 * sizeof(struct slot) <= max_bytes)
		m->max_slots *= 2;
	return m;
}

void
key_map_free(struct key_map *m)
{
	if (m == NULL)
		return;
	free(m->slots);
	free(m);
}

size_t
key_map_count(const struct key_map *m)
{
	return m->count;
}

static struct slot *
find(struct slot *slots, size_t nslots, const uint64_t hash[2])
{
	size_t i = hash[0] & (nslots - 1);

	while (slots[i].offset != 0 && (slots[i].hash[0] != hash[0] ||
	    slots[i].hash[1] != hash[1]))
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

static int
grow(struct key_map *m)
{
	size_t n = m->nslots == 0 ? SLOTS_MIN : m->nslots * 2;
	struct slot *more;

	if (n > m->max_slots)
		return LEAT_E_LIMIT;
	if ((more = calloc(n, sizeof(*more))) == NULL)
		return m->nslots == 0 ? -ENOMEM : LEAT_E_LIMIT;
	for (size_t i = 0; i < m->nslots; i++)
		if (m->slots[i].offset != 0)
			*find(more, n, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	m->slots = more;
	m->nslots = n;
	return 0;
}

static void
hash_key(const struct key_map *m, struct leat_str key, uint64_t hash[2])
{
	hash[0] = leat_hash(key.ptr, key.len, m->seed[0]);
	hash[1] = leat_hash(key.ptr, key.len, m->seed[1]);
}

int
key_map_put(struct key_map *m, struct leat_str key, int64_t offset)
{
	uint64_t hash[2];
	struct slot *s;
	int rc;

	if ((m->count + 1) * 4 > m->nslots * 3 && (rc = grow(m)) < 0)
		return rc;
	hash_key(m, key, hash);
	s = find(m->slots, m->nslots, hash);
	if (s->offset == 0)
		m->count++;
	*s = (struct slot){ { hash[0], hash[1] }, offset + 1 };
	return 0;
}

int64_t
key_map_get(const struct key_map *m, struct leat_str key)
{
	uint64_t hash[2];

	if (m->nslots == 0)
		return -1;
	hash_key(m, key, hash);
	return find(m->slots, m->nslots, hash)->offset - 1;
}
