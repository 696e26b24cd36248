/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json_random.c: random values survive a trip through JSON, and random
 * damage to a document is either refused or harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/json.h>

static uint64_t
next(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return (*x ^ *x >> 29) * 0x9e3779b97f4a7c15u >> 8;
}

static struct leat_value
random_string(struct leat_arena *a, uint64_t *x)
{
	static const char *const parts[] = {
		"a", "\"", "\\", "\n", "\x01", "\x7f", "/", "0123456789abcdef",
		"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " ", "u0041"
	};
	size_t n = next(x) % 12, i, len = 0;
	char *s = leat_arena_alloc(a, 16 * 12);

	assert_non_null(s);
	for (i = 0; i < n; i++) {
		const char *part = parts[next(x) %
		    (sizeof(parts) / sizeof(parts[0]))];

		memcpy(s + len, part, strlen(part));
		len += strlen(part);
	}
	return leat_string(s, len);
}

static struct leat_value
random_double(uint64_t *x)
{
	uint64_t bits = next(x) << 8 ^ next(x);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return leat_f64(__builtin_isfinite(v) ? v : 0.5);
}

static struct leat_value
random_value(struct leat_arena *a, uint64_t *x, int depth)
{
	uint8_t kind = LEAT_MAP;
	struct leat_value *items;
	size_t n, i;

	switch (next(x) % (depth > 0 ? 8 : 6)) {
	case 0: return leat_null();
	case 1: return leat_bool((int)(next(x) & 1));
	case 2: return leat_i64((int64_t)(next(x) << 8 ^ next(x)));
	case 3: return leat_i64((int64_t)(next(x) % 2001) - 1000);
	case 4: return random_double(x);
	case 5: return random_string(a, x);
	case 6: kind = LEAT_ARRAY;
	}
	n = next(x) % 6;
	items = leat_arena_calloc(a, 2 * n, sizeof(*items));
	assert_non_null(items);
	for (i = 0; i < n * (kind == LEAT_MAP ? 2 : 1); i++)
		items[i] = kind == LEAT_MAP && i % 2 == 0 ?
		    random_string(a, x) : random_value(a, x, depth - 1);
	return leat_items(kind, items, n);
}

static void
assert_same(const struct leat_value *a, const struct leat_value *b)
{
	size_t i;

	assert_int_equal(a->kind, b->kind);
	if (a->kind >= LEAT_STRING)
		assert_int_equal(a->len, b->len);
	if (a->kind == LEAT_STRING) {
		assert_memory_equal(a->u.s, b->u.s, a->len);
	} else if (a->kind >= LEAT_ARRAY) {
		for (i = 0; i < a->len * (a->kind == LEAT_MAP ? 2u : 1u); i++)
			assert_same(&a->u.items[i], &b->u.items[i]);
	} else if (a->kind != LEAT_NULL) {
		assert_true(a->u.i == b->u.i);
	}
}

static void
test_round_trip(void **state)
{
	struct leat_value v, back = leat_null();
	struct leat_arena a;
	struct leat_buf b;
	uint64_t x = 7;
	int i;

	(void)state;
	leat_arena_init(&a, 1 << 16, 0);
	leat_buf_init(&b, 1 << 24);
	for (i = 0; i < 20000; i++) {
		leat_arena_reset(&a);
		leat_buf_reset(&b);
		v = random_value(&a, &x, 4);
		assert_int_equal(leat_json_add_value(&b, &v), 0);
		assert_int_equal(leat_json_parse(&a, (char *)b.data, b.len,
		    &back, NULL), 0);
		assert_same(&v, &back);
	}
	leat_buf_fini(&b);
	leat_arena_fini(&a);
}

/* What parses in spite of the damage parses to the same again. */
static void
check_damaged(struct leat_arena *a, struct leat_buf *b)
{
	struct leat_value v = leat_null(), back = leat_null();
	struct leat_buf again;

	if (leat_json_parse(a, (char *)b->data, b->len, &v, NULL) < 0)
		return;
	leat_buf_init(&again, 1 << 24);
	assert_int_equal(leat_json_add_value(&again, &v), 0);
	assert_int_equal(leat_json_parse(a, (char *)again.data, again.len,
	    &back, NULL), 0);
	assert_same(&v, &back);
	leat_buf_fini(&again);
}

static void
test_damage(void **state)
{
	struct leat_value v;
	struct leat_arena a;
	struct leat_buf b;
	uint64_t x = 9;
	int i, k;

	(void)state;
	leat_arena_init(&a, 1 << 16, 0);
	leat_buf_init(&b, 1 << 24);
	for (i = 0; i < 3000; i++) {
		leat_arena_reset(&a);
		leat_buf_reset(&b);
		v = random_value(&a, &x, 4);
		assert_int_equal(leat_json_add_value(&b, &v), 0);
		for (k = 0; k < 10; k++) {
			b.data[next(&x) % b.len] = (uint8_t)next(&x);
			check_damaged(&a, &b);
		}
	}
	leat_buf_fini(&b);
	leat_arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
