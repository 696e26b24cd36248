/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgsteady.h: two sources that read the same log give the same events, but for
 * the time of their making.
 */
#ifndef LEAT_TESTS_INTEGRATION_PGSTEADY_H
#define LEAT_TESTS_INTEGRATION_PGSTEADY_H

#include "tests/integration/pgtest.h"

/* A value without the time of its making: the length, from *ret_text on. */
static inline size_t
pgt_steady(struct leat_fake *f, size_t i, const char **ret_text)
{
	const char *text = leat_fake_value(f, i);
	const char *source = text == NULL ? NULL : strstr(text, "\"source\":");
	const char *op = source == NULL ? NULL : strstr(source, ",\"op\":");

	/* A message has its op and time in front of the source. */
	*ret_text = text == NULL ? "" : text;
	if (source != NULL && op == NULL)
		*ret_text = source;
	return op == NULL ? strlen(*ret_text) : (size_t)(op - text);
}

static inline void
pgt_expect_same(struct leat_fake *a, size_t i, struct leat_fake *b, size_t j)
{
	const char *x, *y;
	size_t n = pgt_steady(a, i, &x), m = pgt_steady(b, j, &y);

	assert_string_equal(leat_fake_record(a, i)->topic,
	    leat_fake_record(b, j)->topic);
	assert_string_equal(leat_fake_key(a, i), leat_fake_key(b, j));
	if (n != m || memcmp(x, y, n) != 0)
		fail_msg("record %zu: %.*s instead of record %zu: %.*s", j,
		    (int)m, y, i, (int)n, x);
}

#endif
