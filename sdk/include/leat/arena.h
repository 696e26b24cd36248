/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: a bump allocator for things that die together.
 *
 * Everything made while a batch is handled comes from one arena and is freed
 * by one reset. Memory is 16-byte aligned and not zeroed. Not thread-safe.
 */
#ifndef LEAT_ARENA_H
#define LEAT_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct leat_arena_chunk;

struct leat_arena {
	uint8_t *cur;		/* next free byte of the head chunk */
	uint8_t *end;
	struct leat_arena_chunk *head;
	size_t chunk_bytes;	/* size of an ordinary chunk */
	size_t limit_bytes;	/* 0: no limit */
	size_t held_bytes;	/* memory held in all chunks */
};

/* Prepares an empty arena; nothing is allocated before the first use. */
void leat_arena_init(struct leat_arena *a, size_t chunk_bytes,
    size_t limit_bytes);

/* Frees everything. Accepts an arena that was only zeroed. */
void leat_arena_fini(struct leat_arena *a);

/* Forgets all contents; keeps one ordinary chunk for the next round. */
void leat_arena_reset(struct leat_arena *a);

/* Bytes handed out since the last reset, rounded up by alignment. */
size_t leat_arena_used(const struct leat_arena *a);

/* The slow path of leat_arena_alloc. */
void *leat_arena_grow(struct leat_arena *a, size_t size);

/*
 * `size` bytes, or NULL when memory or the limit ran out. A size of 0 gives a
 * valid pointer.
 */
static inline void *
leat_arena_alloc(struct leat_arena *a, size_t size)
{
	size_t room = (size_t)(a->end - a->cur);
	size_t need = (size + 15) & ~(size_t)15;

	if (need < size || need > room || a->cur == NULL)
		return leat_arena_grow(a, size);
	a->cur += need;
	return a->cur - need;
}

/* Zeroed array of n items, NULL also on overflow. */
void *leat_arena_calloc(struct leat_arena *a, size_t n, size_t size);

/* Copies; the string copies end with NUL. NULL when out of memory. */
void *leat_arena_memdup(struct leat_arena *a, const void *p, size_t len);
char *leat_arena_strdup(struct leat_arena *a, const char *s);
char *leat_arena_strndup(struct leat_arena *a, const char *s, size_t len);
char *leat_arena_printf(struct leat_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
