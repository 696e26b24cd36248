/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c: the chunks behind the bump allocator.
 *
 * The head chunk is the one that is bumped; older chunks hang behind it. A
 * request that would waste much of a fresh chunk gets a chunk of its own, put
 * behind the head, so that the room left in the head is not lost.
 */
#include <leat/arena.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_CHUNK = 4096,
	MIN_CHUNK = 256
};

struct leat_arena_chunk {
	struct leat_arena_chunk *next;
	size_t size;		/* of the whole allocation */
	size_t used;		/* payload, valid once it is not the head */
	size_t reserved;	/* keeps the payload 16-byte aligned */
};

_Static_assert(sizeof(struct leat_arena_chunk) % 16 == 0, "alignment");

static uint8_t *
payload(struct leat_arena_chunk *c)
{
	return (uint8_t *)(c + 1);
}

void
leat_arena_init(struct leat_arena *a, size_t chunk_bytes, size_t limit_bytes)
{
	*a = (struct leat_arena){ .chunk_bytes = chunk_bytes,
	    .limit_bytes = limit_bytes };
}

static size_t
ordinary_bytes(const struct leat_arena *a)
{
	if (a->chunk_bytes == 0)
		return DEFAULT_CHUNK;
	return a->chunk_bytes < MIN_CHUNK ? MIN_CHUNK : a->chunk_bytes;
}

static void
chunk_free(struct leat_arena *a, struct leat_arena_chunk *c)
{
	a->held_bytes -= c->size;
	free(c);
}

void
leat_arena_fini(struct leat_arena *a)
{
	struct leat_arena_chunk *c, *next;

	for (c = a->head; c != NULL; c = next) {
		next = c->next;
		chunk_free(a, c);
	}
	leat_arena_init(a, a->chunk_bytes, a->limit_bytes);
}

static void
set_head(struct leat_arena *a, struct leat_arena_chunk *c)
{
	a->head = c;
	a->cur = payload(c);
	a->end = (uint8_t *)c + c->size;
}

void
leat_arena_reset(struct leat_arena *a)
{
	struct leat_arena_chunk *c, *next, *keep = NULL;

	for (c = a->head; c != NULL; c = next) {
		next = c->next;
		if (keep == NULL && c->size == ordinary_bytes(a))
			keep = c;
		else
			chunk_free(a, c);
	}
	a->head = NULL;
	a->cur = a->end = NULL;
	if (keep != NULL) {
		keep->next = NULL;
		set_head(a, keep);
	}
}

size_t
leat_arena_used(const struct leat_arena *a)
{
	const struct leat_arena_chunk *c;
	size_t used = 0;

	if (a->head == NULL)
		return 0;
	for (c = a->head->next; c != NULL; c = c->next)
		used += c->used;
	return used + (size_t)(a->cur - payload(a->head));
}

static struct leat_arena_chunk *
chunk_new(struct leat_arena *a, size_t size)
{
	struct leat_arena_chunk *c;

	if (a->limit_bytes != 0 && (a->held_bytes > a->limit_bytes ||
	    size > a->limit_bytes - a->held_bytes))
		return NULL;
	c = malloc(size);
	if (c == NULL)
		return NULL;
	*c = (struct leat_arena_chunk){ .size = size };
	a->held_bytes += size;
	return c;
}

/* A chunk for one big request, behind the head. */
static void *
alloc_big(struct leat_arena *a, size_t need)
{
	struct leat_arena_chunk *c;

	c = chunk_new(a, sizeof(*c) + need);
	if (c == NULL)
		return NULL;
	c->used = need;
	c->next = a->head->next;
	a->head->next = c;
	return payload(c);
}

/* A fresh head of at least `size` bytes in all. */
static int
push_head(struct leat_arena *a, size_t size)
{
	struct leat_arena_chunk *c = chunk_new(a, size);

	if (c == NULL)
		return -1;
	if (a->head != NULL)
		a->head->used = (size_t)(a->cur - payload(a->head));
	c->next = a->head;
	set_head(a, c);
	return 0;
}

void *
leat_arena_grow(struct leat_arena *a, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	size_t whole = ordinary_bytes(a);

	if (need < size || need > SIZE_MAX / 2)
		return NULL;
	if (a->head != NULL && need > whole / 4)
		return alloc_big(a, need);
	if (whole < sizeof(struct leat_arena_chunk) + need)
		whole = sizeof(struct leat_arena_chunk) + need;
	if (push_head(a, whole) < 0)
		return NULL;
	a->cur += need;
	return a->cur - need;
}

void *
leat_arena_calloc(struct leat_arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	p = leat_arena_alloc(a, bytes);
	if (p != NULL)
		memset(p, 0, bytes);
	return p;
}

void *
leat_arena_memdup(struct leat_arena *a, const void *p, size_t len)
{
	void *to = leat_arena_alloc(a, len);

	if (to != NULL && len > 0)
		memcpy(to, p, len);
	return to;
}

char *
leat_arena_strdup(struct leat_arena *a, const char *s)
{
	return leat_arena_strndup(a, s, strlen(s));
}

char *
leat_arena_strndup(struct leat_arena *a, const char *s, size_t len)
{
	char *to;

	if (len == SIZE_MAX)
		return NULL;
	to = leat_arena_alloc(a, len + 1);
	if (to == NULL)
		return NULL;
	if (len > 0)
		memcpy(to, s, len);
	to[len] = '\0';
	return to;
}

char *
leat_arena_printf(struct leat_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	to = leat_arena_alloc(a, (size_t)n + 1);
	if (to == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return to;
}
