/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h: what to say when a record's arena is exhausted.
 */
#ifndef LEAT_RECORD_MEMORY_H
#define LEAT_RECORD_MEMORY_H

#include <errno.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>

/*
 * If the arena has come near its limit it is this record that needs too much;
 * else the machine has no memory now, and trying again may help.
 */
static inline int
record_no_memory(const struct leat_arena *a, struct leat_err *err)
{
	if (a->limit_bytes != 0 && a->held_bytes >= a->limit_bytes / 2)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "the record needs more than %zu bytes of memory",
		    a->limit_bytes);
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* The same for a buffer whose append failed; `what` became too large. */
static inline int
record_buf_failed(const struct leat_buf *b, const char *what,
    struct leat_err *err)
{
	if (b->cap >= b->max / 2)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "%s is larger than %zu bytes", what, b->max);
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

#endif
