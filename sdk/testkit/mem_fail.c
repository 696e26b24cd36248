/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem_fail.c: the allocator between a test program and the C library.
 */
#include "sdk/testkit/mem_fail.h"

#include <stddef.h>

/* The linker's --wrap names. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static long left;		/* allocations until the failing one */
static int hit;
static long live;

void
mem_fail_at(long n)
{
	left = n;
	hit = 0;
}

int
mem_fail_hit(void)
{
	return hit;
}

long
mem_live(void)
{
	return live;
}

static int
fails(void)
{
	if (left == 0 || --left > 0)
		return 0;
	hit = 1;
	return 1;
}

static void *
count(void *p)
{
	live += p != NULL;
	return p;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p == NULL ? count(__real_malloc(size)) : __real_realloc(p, size);
}

void
__wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}
