/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c: the hash table, open addressing over an ordered array of entries.
 *
 * slots[] holds entry indexes + 1 and is probed linearly. A removed entry
 * keeps its slot with a NULL key, so that probing goes on past it, until the
 * table is rebuilt. At most half of the slots are in use.
 *
 * Keys are hashed with SipHash-1-3. Its key is the 16 random bytes that the
 * kernel gives every process, so that this needs no state of its own.
 */
#include <leat/map.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>

enum { FIRST_CAP = 8 };

/* ------------------------------------------------------------- hashing */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void
sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	s->v0 ^= m;
}

static inline struct sip
sip_start(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t k[2] = { 0, 0 };

	if (random != NULL)
		memcpy(k, random, sizeof(k));
	return (struct sip){ k[0] ^ 0x736f6d6570736575u,
		k[1] ^ 0x646f72616e646f6du, k[0] ^ 0x6c7967656e657261u,
		k[1] ^ 0x7465646279746573u };
}

static uint64_t
hash_key(struct leat_str key)
{
	struct sip s = sip_start();
	uint64_t m;
	size_t i;

	for (i = 0; i + 8 <= key.len; i += 8) {
		memcpy(&m, key.ptr + i, 8);
		sip_word(&s, m);
	}
	m = 0;
	if (i < key.len)
		memcpy(&m, key.ptr + i, key.len - i);
	sip_word(&s, m ^ (uint64_t)key.len << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* --------------------------------------------------------------- table */

void
leat_map_init(struct leat_map *m)
{
	*m = (struct leat_map){ 0 };
}

static char *
owned_key(struct leat_map_entry *e)
{
	return (char *)(uintptr_t)e->key;
}

void
leat_map_fini(struct leat_map *m)
{
	size_t i;

	for (i = 0; i < m->used; i++)
		free(owned_key(&m->entries[i]));
	free(m->entries);
	free(m->slots);
	leat_map_init(m);
}

static struct leat_map_entry *
find(const struct leat_map *m, struct leat_str key, uint64_t hash)
{
	size_t mask = m->nslots - 1, i;

	if (m->len == 0)
		return NULL;
	for (i = hash & mask; m->slots[i] != 0; i = (i + 1) & mask) {
		struct leat_map_entry *e = &m->entries[m->slots[i] - 1];

		if (e->key != NULL && e->hash == hash &&
		    e->key_len == key.len &&
		    (key.len == 0 || memcmp(e->key, key.ptr, key.len) == 0))
			return e;
	}
	return NULL;
}

static void
put_slot(uint32_t *slots, size_t nslots, uint64_t hash, size_t entry)
{
	size_t mask = nslots - 1, i = hash & mask;

	while (slots[i] != 0)
		i = (i + 1) & mask;
	slots[i] = (uint32_t)(entry + 1);
}

/* Closes the gaps of removed entries and files the live ones anew. */
static void
refile(struct leat_map *m)
{
	size_t i, live = 0;

	for (i = 0; i < m->used; i++) {
		if (m->entries[i].key == NULL)
			continue;
		m->entries[live] = m->entries[i];
		put_slot(m->slots, m->nslots, m->entries[live].hash, live);
		live++;
	}
	m->used = live;
}

/* Makes room for one more entry; nothing has changed on failure. */
static int
make_room(struct leat_map *m)
{
	size_t cap = m->cap == 0 ? FIRST_CAP : m->cap;
	struct leat_map_entry *entries;
	uint32_t *slots;

	if (m->used < m->cap)
		return 0;
	if (m->len > cap / 4 * 3)
		cap *= 2;
	if (cap > UINT32_MAX / 2)
		return -ENOMEM;
	slots = calloc(cap * 2, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	entries = realloc(m->entries, cap * sizeof(*entries));
	if (entries == NULL) {
		free(slots);
		return -ENOMEM;
	}
	free(m->slots);
	m->entries = entries;
	m->slots = slots;
	m->cap = cap;
	m->nslots = cap * 2;
	refile(m);
	return 0;
}

static int
add(struct leat_map *m, struct leat_str key, uint64_t hash, void *value)
{
	char *copy;

	if (key.len == SIZE_MAX || make_room(m) < 0)
		return -ENOMEM;
	copy = malloc(key.len + 1);
	if (copy == NULL)
		return -ENOMEM;
	if (key.len > 0)
		memcpy(copy, key.ptr, key.len);
	copy[key.len] = '\0';
	m->entries[m->used] = (struct leat_map_entry){ .key = copy,
	    .key_len = key.len, .hash = hash, .value = value };
	put_slot(m->slots, m->nslots, hash, m->used);
	m->used++;
	m->len++;
	return 0;
}

void *
leat_map_get(const struct leat_map *m, struct leat_str key)
{
	struct leat_map_entry *e;

	if (m->len == 0)
		return NULL;
	e = find(m, key, hash_key(key));
	return e == NULL ? NULL : e->value;
}

void *
leat_map_get_c(const struct leat_map *m, const char *key)
{
	return leat_map_get(m, leat_str_c(key));
}

int
leat_map_set(struct leat_map *m, struct leat_str key, void *value,
    void **ret_old)
{
	uint64_t hash = hash_key(key);
	struct leat_map_entry *e = find(m, key, hash);
	void *old = NULL;

	if (e != NULL) {
		old = e->value;
		e->value = value;
	} else if (add(m, key, hash, value) < 0) {
		return -ENOMEM;
	}
	if (ret_old != NULL)
		*ret_old = old;
	return 0;
}

void *
leat_map_remove(struct leat_map *m, struct leat_str key)
{
	struct leat_map_entry *e = find(m, key, hash_key(key));
	void *value;

	if (e == NULL)
		return NULL;
	value = e->value;
	free(owned_key(e));
	e->key = NULL;
	e->value = NULL;
	m->len--;
	return value;
}

const struct leat_map_entry *
leat_map_next(const struct leat_map *m, size_t *it)
{
	while (*it < m->used) {
		const struct leat_map_entry *e = &m->entries[(*it)++];

		if (e->key != NULL)
			return e;
	}
	return NULL;
}
