/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_str.c: views, hashes, distances, UTF-8 and base64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <leat/str.h>

static void
test_views(void **state)
{
	struct leat_str s = LEAT_STR("  a b\t\n");

	(void)state;
	assert_true(leat_str_eq_c(leat_str_trim(s), "a b"));
	assert_true(leat_str_eq_c(leat_str_trim(LEAT_STR(" \t")), ""));
	assert_true(leat_str_starts(LEAT_STR("abc"), "ab"));
	assert_false(leat_str_starts(LEAT_STR("a"), "ab"));
	assert_true(leat_str_ends(LEAT_STR("abc"), "bc"));
	assert_false(leat_str_ends(LEAT_STR("c"), "bc"));
	assert_true(leat_str_starts((struct leat_str){ NULL, 0 }, ""));
	assert_true(leat_str_ends((struct leat_str){ NULL, 0 }, ""));
}

static void
test_cut(void **state)
{
	struct leat_str rest = LEAT_STR("a,,bc");

	(void)state;
	assert_true(leat_str_eq_c(leat_str_cut(&rest, ','), "a"));
	assert_true(leat_str_eq_c(leat_str_cut(&rest, ','), ""));
	assert_true(leat_str_eq_c(leat_str_cut(&rest, ','), "bc"));
	assert_int_equal(rest.len, 0);
	assert_true(leat_str_eq_c(leat_str_cut(&rest, ','), ""));
	rest = (struct leat_str){ NULL, 0 };
	assert_int_equal(leat_str_cut(&rest, ',').len, 0);
}

/* All lengths, and every byte of them, make a difference. */
static void
test_hash(void **state)
{
	uint8_t text[100] = { 0 };
	size_t len, i;

	(void)state;
	assert_true(leat_hash(NULL, 0, 1) != leat_hash(NULL, 0, 2));
	for (len = 1; len < sizeof(text); len++) {
		uint64_t h = leat_hash(text, len, 7);

		assert_true(h != leat_hash(text, len - 1, 7));
		for (i = 0; i < len; i++) {
			text[i] ^= 0x10;
			assert_true(leat_hash(text, len, 7) != h);
			text[i] ^= 0x10;
		}
	}
}

static unsigned
distance(const char *a, const char *b, unsigned most)
{
	return leat_edit_distance(leat_str_c(a), leat_str_c(b), most);
}

static void
test_edit_distance(void **state)
{
	char longer[200];
	size_t i;

	(void)state;
	assert_int_equal(distance("", "", 5), 0);
	assert_int_equal(distance("abc", "", 5), 3);
	assert_int_equal(distance("", "abc", 5), 3);
	assert_int_equal(distance("kitten", "sitting", 5), 3);
	assert_int_equal(distance("talbes", "tables", 5), 1);
	assert_int_equal(distance("table", "tables", 5), 1);
	assert_int_equal(distance("abcdef", "ghijkl", 3), 4);
	assert_int_equal(distance("ab", "cdefgh", 3), 4);
	for (i = 0; i < sizeof(longer) - 1; i++)
		longer[i] = 'x';
	longer[i] = '\0';
	assert_int_equal(distance(longer, "x", 3), 4);
	assert_int_equal(distance(longer, longer, 3), 0);
}

static void
check_utf8(const char *s, size_t len, bool valid)
{
	char text[80];
	size_t pad;

	/* At all places of a block. */
	for (pad = 0; pad < 40; pad++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + pad, s, len);
		assert_int_equal(leat_utf8_valid(text, sizeof(text)), valid);
		assert_int_equal(leat_utf8_valid(text, pad + len), valid);
	}
}

static void
test_utf8(void **state)
{
	static const char *const good[] = {
		"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"\xe2\x82\xac\xe2\x82\xac\xc3\xa9"
	};
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\xc2",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf0\x90\x80", "\xff", "\xfe"
	};
	size_t i;

	(void)state;
	assert_true(leat_utf8_valid("", 0));
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check_utf8(good[i], strlen(good[i]), true);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_utf8(bad[i], strlen(bad[i]), false);
	assert_false(leat_utf8_valid("a\xe2\x82\xac", 3));
}

static void
check_base64(const char *plain, size_t len, const char *coded)
{
	char text[64], back[64];

	assert_int_equal(leat_base64_len(len), strlen(coded));
	leat_base64_encode(text, plain, len);
	assert_memory_equal(text, coded, strlen(coded));
	assert_int_equal(leat_base64_decode(back, coded, strlen(coded)), len);
	assert_memory_equal(back, plain, len);
}

static void
test_base64(void **state)
{
	static const char *const bad[] = {
		"A", "AA", "AAA", "AA=A", "=AAA", "A===", "====", "AA==AAAA",
		"AA\n=", "AA-_", "AAA=AAA=", "\xff|AA"
	};
	char back[16];
	size_t i;

	(void)state;
	check_base64("", 0, "");
	check_base64("f", 1, "Zg==");
	check_base64("fo", 2, "Zm8=");
	check_base64("foo", 3, "Zm9v");
	check_base64("foobar", 6, "Zm9vYmFy");
	check_base64("\xfb\xff\xbf", 3, "+/+/");
	check_base64("\x07\xcf", 2, "B88=");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(leat_base64_decode(back, bad[i],
		    strlen(bad[i])), -1);
}

static void
test_base64_round_trip(void **state)
{
	uint8_t plain[100], back[104];
	char text[140];
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 37 + (i >> 3));
	for (len = 0; len <= sizeof(plain); len++) {
		leat_base64_encode(text, plain, len);
		assert_int_equal(leat_base64_decode(back, text,
		    leat_base64_len(len)), len);
		assert_memory_equal(back, plain, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_edit_distance),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
