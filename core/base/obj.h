/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obj.h: small things that every file of the daemon may use.
 *
 * OBJ_MAGIC/OBJ_CHECK: a struct that travels through a `void *` starts with an
 * `unsigned magic`; the pointer proves its type when it comes back.
 */
#ifndef LEAT_CORE_BASE_OBJ_H
#define LEAT_CORE_BASE_OBJ_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* These evaluate an argument twice: no calls that change something. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Takes the pointer out of a variable: the variable becomes NULL. */
#define TAKE(p)                                                         \
	({                                                              \
		__typeof__(p) take_p_ = (p);                            \
		(p) = NULL;                                             \
		take_p_;                                                \
	})

#define OBJ_CHECK(o, m) assert((o) != NULL && (o)->magic == (m))
#define OBJ_CAST(to, from, m)                                           \
	do {                                                            \
		(to) = (from);                                          \
		OBJ_CHECK(to, m);                                       \
	} while (0)
#define OBJ_FREE(o)                                                     \
	do {                                                            \
		(o)->magic = 0;                                         \
		free(o);                                                \
	} while (0)

/* A branch that no input can reach; prints where and aborts. */
#define UNREACHABLE(what) unreachable_at((what), __FILE__, __LINE__)

static inline _Noreturn void
unreachable_at(const char *what, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: unreachable: %s\n", file, line, what);
	abort();
}

#endif
