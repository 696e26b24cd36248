/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted sets of partitions. */
#include "broker/coord/tp_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
compare(const void *a, const void *b)
{
	const struct tp *x = a, *y = b;
	int c = memcmp(x->topic, y->topic, sizeof(x->topic));

	return c != 0 ? c : (x->partition > y->partition) -
	    (x->partition < y->partition);
}

void
tp_set_fini(struct tp_set *s)
{
	free(s->list);
	*s = (struct tp_set){ .n = 0 };
}

bool
tp_set_has(const struct tp_set *s, const struct tp *t)
{
	return s->n > 0 &&
	    bsearch(t, s->list, s->n, sizeof(*t), compare) != NULL;
}

bool
tp_set_equal(const struct tp_set *a, const struct tp_set *b)
{
	return a->n == b->n && (a->n == 0 ||
	    memcmp(a->list, b->list, a->n * sizeof(*a->list)) == 0);
}

bool
tp_set_within(const struct tp_set *a, const struct tp_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!tp_set_has(b, &a->list[i]))
			return false;
	return true;
}

bool
tp_set_meets(const struct tp_set *a, const struct tp_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (tp_set_has(b, &a->list[i]))
			return true;
	return false;
}

void
tp_set_sort(struct tp_set *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->list, s->n, sizeof(*s->list), compare);
	for (size_t i = 1; i < s->n; i++)
		if (compare(&s->list[n], &s->list[i]) != 0)
			s->list[++n] = s->list[i];
	s->n = n + 1;
}

/* Those of a that are in b, or that are not. */
static int
filter(const struct tp_set *a, const struct tp_set *b, bool in,
    struct tp_set *ret)
{
	struct tp_set s = { .cap = a->n + 1 };

	s.list = malloc(s.cap * sizeof(*s.list));
	if (s.list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++)
		if (tp_set_has(b, &a->list[i]) == in)
			s.list[s.n++] = a->list[i];
	*ret = s;
	return 0;
}

int
tp_set_and(const struct tp_set *a, const struct tp_set *b, struct tp_set *ret)
{
	return filter(a, b, true, ret);
}

int
tp_set_minus(const struct tp_set *a, const struct tp_set *b,
    struct tp_set *ret)
{
	return filter(a, b, false, ret);
}

int
tp_set_add(struct tp_set *s, const struct tp *t)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 8 : s->cap * 2;
		struct tp *list = realloc(s->list, cap * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = *t;
	return 0;
}
