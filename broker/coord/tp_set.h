/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tp_set.h: sorted sets of partitions, by the id of their topic.
 */
#ifndef LEAT_BROKER_TP_SET_H
#define LEAT_BROKER_TP_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tp {			/* 20 bytes without a gap: also a key */
	uint8_t topic[16];
	int32_t partition;
};
_Static_assert(sizeof(struct tp) == 20, "no gaps");

struct tp_set {			/* zeroed: empty */
	struct tp *list;
	size_t n, cap;
};

void tp_set_fini(struct tp_set *s);
bool tp_set_has(const struct tp_set *s, const struct tp *t);
bool tp_set_equal(const struct tp_set *a, const struct tp_set *b);
/* Is every one of a in b? */
bool tp_set_within(const struct tp_set *a, const struct tp_set *b);
bool tp_set_meets(const struct tp_set *a, const struct tp_set *b);
/* Sorts what was put into the list in any order, once each. */
void tp_set_sort(struct tp_set *s);
/* These make a new set: 0 or -ENOMEM, with *ret unchanged. */
int tp_set_and(const struct tp_set *a, const struct tp_set *b,
    struct tp_set *ret);
int tp_set_minus(const struct tp_set *a, const struct tp_set *b,
    struct tp_set *ret);
/* Adds one; the order may be lost until tp_set_sort. 0 or -ENOMEM. */
int tp_set_add(struct tp_set *s, const struct tp *t);

#endif
