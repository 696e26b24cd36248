/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem_fail.h: tests of running out of memory.
 *
 * The test program is linked with $(MEM_FAIL_LDFLAGS), which sends its calls of
 * malloc, calloc, realloc and free through here; calls within the C library
 * are not seen. In module.mk:
 *
 *	$(B)/test/<dir>/%: UNIT_LDFLAGS := $(MEM_FAIL_LDFLAGS)
 *
 * A test makes the 1st, 2nd, ... allocation fail until the operation succeeds:
 *
 *	for (n = 1; mem_fail_at(n), operation() < 0; n++)
 *		assert_int_equal(mem_live(), before);
 *	mem_fail_at(0);
 */
#ifndef LEAT_TESTKIT_MEM_FAIL_H
#define LEAT_TESTKIT_MEM_FAIL_H

/* The n-th allocation from now on fails, once; 0: none does. */
void mem_fail_at(long n);
/* Has it failed? */
int mem_fail_hit(void);
/* Allocations that were made and not freed. */
long mem_live(void);

#endif
