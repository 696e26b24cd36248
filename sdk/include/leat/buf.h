/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h: a growing byte buffer with a ceiling.
 *
 * Every buffer states at its start how large it may become; an append beyond
 * that fails and sets the sticky `failed` flag, as a failed allocation does,
 * so that a writer may append freely and check once at the end.
 */
#ifndef LEAT_BUF_H
#define LEAT_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct leat_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;		/* ceiling in bytes */
	bool failed;		/* an append did not fit */
};

/* Prepares an empty buffer that may grow to max bytes. */
void leat_buf_init(struct leat_buf *b, size_t max);
/* Frees the memory; the buffer is as after init. Accepts a zeroed one. */
void leat_buf_fini(struct leat_buf *b);
/* Empties and clears `failed`; keeps the memory. */
static inline void
leat_buf_reset(struct leat_buf *b)
{
	b->len = 0;
	b->failed = false;
}
/* Makes room for n more bytes; 0 or -1 (then `failed` is set). */
int leat_buf_grow(struct leat_buf *b, size_t n);

/* Room for n more bytes at the returned place, or NULL. Does not move len. */
static inline uint8_t *
leat_buf_reserve(struct leat_buf *b, size_t n)
{
	if ((n > b->cap - b->len || b->data == NULL) &&
	    leat_buf_grow(b, n) < 0)
		return NULL;
	return b->data + b->len;
}

static inline int
leat_buf_add(struct leat_buf *b, const void *p, size_t n)
{
	uint8_t *to = leat_buf_reserve(b, n);

	if (to == NULL)
		return -1;
	if (n > 0)
		memcpy(to, p, n);
	b->len += n;
	return 0;
}

static inline int
leat_buf_add_byte(struct leat_buf *b, uint8_t c)
{
	uint8_t *to = leat_buf_reserve(b, 1);

	if (to == NULL)
		return -1;
	*to = c;
	b->len++;
	return 0;
}

int leat_buf_add_str(struct leat_buf *b, const char *s);
int leat_buf_printf(struct leat_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Decimal text of a number, without going through printf. */
int leat_buf_add_i64(struct leat_buf *b, int64_t v);
int leat_buf_add_u64(struct leat_buf *b, uint64_t v);
/* The contents as a C string (a NUL is kept behind them), NULL on failure. */
const char *leat_buf_cstr(struct leat_buf *b);
/* Hands the memory to the caller, to be freed with free(); b is empty. */
uint8_t *leat_buf_detach(struct leat_buf *b, size_t *ret_len);

#endif
