/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.c: growing a buffer, and decimal numbers without printf.
 *
 * The allocation is always one byte larger than cap, so that the NUL of
 * leat_buf_cstr() has its place and does not count against the ceiling.
 */
#include <leat/buf.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sdk/lib/digits.h"

enum { FIRST_CAP = 63 };

void
leat_buf_init(struct leat_buf *b, size_t max)
{
	*b = (struct leat_buf){ .max = max };
}

void
leat_buf_fini(struct leat_buf *b)
{
	free(b->data);
	leat_buf_init(b, b->max);
}

/* The capacity after growing for `need` bytes: doubled, within the ceiling. */
static size_t
next_cap(const struct leat_buf *b, size_t need)
{
	size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;

	if (cap < FIRST_CAP)
		cap = FIRST_CAP;
	if (cap > b->max)
		cap = b->max;
	return cap < need ? need : cap;
}

int
leat_buf_grow(struct leat_buf *b, size_t n)
{
	size_t need, cap;
	uint8_t *data;

	if (__builtin_add_overflow(b->len, n, &need) || need > b->max)
		goto failed;
	if (b->data != NULL && need <= b->cap)
		return 0;
	cap = next_cap(b, need);
	if (cap == SIZE_MAX)
		goto failed;
	data = realloc(b->data, cap + 1);
	if (data == NULL)
		goto failed;
	b->data = data;
	b->cap = cap;
	return 0;
failed:
	b->failed = true;
	return -1;
}

int
leat_buf_add_str(struct leat_buf *b, const char *s)
{
	return leat_buf_add(b, s, strlen(s));
}

int
leat_buf_printf(struct leat_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || leat_buf_reserve(b, (size_t)n) == NULL) {
		b->failed = true;
		return -1;
	}
	/* The NUL goes into the byte behind cap. */
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

static int
add_number(struct leat_buf *b, uint64_t v, unsigned minus)
{
	unsigned n = digits_of(v);
	uint8_t *to = leat_buf_reserve(b, n + minus);

	if (to == NULL)
		return -1;
	*to = '-';
	digits_put(to + minus, v, n);
	b->len += n + minus;
	return 0;
}

int
leat_buf_add_u64(struct leat_buf *b, uint64_t v)
{
	return add_number(b, v, 0);
}

int
leat_buf_add_i64(struct leat_buf *b, int64_t v)
{
	return add_number(b, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
}

const char *
leat_buf_cstr(struct leat_buf *b)
{
	if (b->failed || leat_buf_reserve(b, 0) == NULL)
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

uint8_t *
leat_buf_detach(struct leat_buf *b, size_t *ret_len)
{
	uint8_t *data = b->data;

	*ret_len = b->len;
	leat_buf_init(b, b->max);
	return data;
}
