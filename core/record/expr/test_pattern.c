/* SPDX-License-Identifier: Apache-2.0 */
/* test_pattern.c: Java's patterns, yes or no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/record/expr/pattern.h"

enum { NOTHING = 0, PART = 1, WHOLE = 2 };	/* of the text matches */

static int
run(const char *pattern, const char *text)
{
	struct leat_arena arena;
	struct pattern_fault fault;
	struct pattern *p;
	bool whole = false, part = false;

	leat_arena_init(&arena, 4096, 1 << 20);
	if (pattern_new(leat_str_c(pattern), &arena, &p, &fault) < 0)
		fail_msg("%s: %s", pattern, fault.what);
	/* Twice: nothing stays from the first. */
	assert_int_equal(pattern_test(p, leat_str_c(text), true, &whole), 0);
	assert_int_equal(pattern_test(p, leat_str_c(text), false, &part), 0);
	assert_int_equal(pattern_test(p, leat_str_c(text), true, &whole), 0);
	leat_arena_fini(&arena);
	if (whole)
		assert_true(part);
	return whole ? WHOLE : part ? PART
				    : NOTHING;
}

static void
test_match(void **state)
{
	/* clang-format off */
	static const struct { const char *p, *text; int want; } cases[] = {
		{ "", "", WHOLE }, { "", "a", PART }, { "a", "a", WHOLE },
		{ "a", "b", NOTHING }, { "a", "ba", PART },
		{ "abc", "ab", NOTHING }, { ".", "\303\251", WHOLE },
		{ "..", "\303\251", NOTHING }, { ".", "\n", NOTHING },
		{ "(?s).", "\n", WHOLE }, { ".*", "a\nb", PART },
		{ "a|b|c", "b", WHOLE }, { "a|b|c", "d", NOTHING },
		{ "ab|cd", "cd", WHOLE }, { "a|", "", WHOLE },
		{ "|a", "a", WHOLE }, { "(a|b)c", "bc", WHOLE },
		{ "(?:a|b)c", "ac", WHOLE }, { "(?<x>a)", "a", WHOLE },
		{ "(a(b(c)))d", "abcd", WHOLE }, { "()", "", WHOLE },
		{ "a*", "", WHOLE }, { "a*", "aaa", WHOLE },
		{ "a*b", "aac", NOTHING }, { "a+", "", NOTHING },
		{ "a+", "aa", WHOLE }, { "a?", "a", WHOLE },
		{ "a?", "aa", PART }, { "a*?b", "aab", WHOLE },
		{ "a+?", "aa", WHOLE }, { "a??b", "ab", WHOLE },
		{ "a{2}", "a", NOTHING }, { "a{2}", "aa", WHOLE },
		{ "a{2}", "aaa", PART }, { "a{2,}", "aaaa", WHOLE },
		{ "a{0,2}", "", WHOLE }, { "a{0,2}", "aa", WHOLE },
		{ "a{0,2}b", "aaab", PART }, { "a{0}", "", WHOLE },
		{ "a{0,}", "aaa", WHOLE }, { "a{1,3}b", "aaab", WHOLE },
		{ "(ab){2,3}", "ababab", WHOLE }, { "(ab)*c", "ababc", WHOLE },
		{ "(a|bc){2}", "bca", WHOLE }, { "(a*)*", "aaa", WHOLE },
		{ "(a*)*b", "aaac", NOTHING }, { "(a|a)*b", "aab", WHOLE },
		{ "(|a)+", "aa", WHOLE }, { "((a?){2}){2}", "aaaa", WHOLE },
		{ "(a|b|c)*d", "abcabcd", WHOLE },
		{ "(a|b){2,}c", "abac", WHOLE },
		{ "[abc]+", "cab", WHOLE }, { "[^abc]", "d", WHOLE },
		{ "[^abc]", "a", NOTHING }, { "[a-c]", "b", WHOLE },
		{ "[a-]", "-", WHOLE }, { "[-a]", "-", WHOLE },
		{ "[]a]", "]", WHOLE }, { "[^]]", "a", WHOLE },
		{ "[.]", "x", NOTHING }, { "[\\]]", "]", WHOLE },
		{ "[\\d.]+", "1.5", WHOLE }, { "[\\W]", "-", WHOLE },
		{ "[\\W]", "a", NOTHING }, { "[^\\s]", " ", NOTHING },
		{ "[\303\240-\303\274]", "\303\251", WHOLE },
		{ "[^\303\251]", "\303\251", NOTHING },
		{ "\\d+", "123", WHOLE }, { "\\D", "1", NOTHING },
		{ "\\D", "\303\251", WHOLE }, { "\\w+", "a_1Z", WHOLE },
		{ "\\w", "\303\251", NOTHING }, { "\\s", "\t", WHOLE },
		{ "\\S", "x", WHOLE }, { "\\.", ".", WHOLE },
		{ "\\.", "a", NOTHING }, { "\\t\\n\\\\", "\t\n\\", WHOLE },
		{ "\\x41", "A", WHOLE }, { "\\u00e9", "\303\251", WHOLE },
		{ "\\Qa.b\\E.", "a.bc", WHOLE }, { "\\Qa.b", "axb", NOTHING },
		{ "\\Qab\\E+", "abb", WHOLE }, { "\\Q\\E", "", WHOLE },
		{ "^a", "ba", NOTHING }, { "^a$", "a", WHOLE },
		{ "a$", "a\n", PART }, { "a$", "a\r\n", PART },
		{ "a$", "a\nb", NOTHING }, { "a\\z", "a\n", NOTHING },
		{ "a\\Z", "a\n", PART }, { "\\Aa", "ba", NOTHING },
		{ "^b", "a\nb", NOTHING }, { "(?m)^b", "a\nb", PART },
		{ "(?m)a$", "a\nb", PART }, { "(?im)^B$", "a\nb\nc", PART },
		{ "\\bfoo\\b", "a foo b", PART },
		{ "\\bfoo\\b", "afoo", NOTHING },
		{ "\\Boo", "foo", PART }, { "\\Bfoo", "foo", NOTHING },
		{ "(?i)aBc", "AbC", WHOLE }, { "(?i)[a-z]+", "AbC", WHOLE },
		{ "(?i)[^a]", "A", NOTHING }, { "a}", "a}", WHOLE },
		{ "px\\.shop\\.(orders|users)", "px.shop.users", WHOLE },
		{ ".*\\.(.*)_(\\d+)", "a.b_2024", WHOLE },
		{ "\377", "\377", WHOLE }, { ".", "\377", WHOLE },
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (run(cases[i].p, cases[i].text) != cases[i].want)
			fail_msg("'%s' on '%s' is not %d", cases[i].p,
			    cases[i].text, cases[i].want);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *p;
		size_t at;
		const char *what;
	} cases[] = {
		{ "a**", 2, "nothing stands before this quantifier" },
		{ "a*+", 2, "possessive quantifiers are not supported; leave "
			    "the second + out" },
		{ "+a", 0, "nothing stands before this quantifier" },
		{ "{2}", 0, "nothing stands before this quantifier" },
		{ "a{", 2, "a number is expected" },
		{ "a{x}", 2, "a number is expected" },
		{ "a{1", 3, "a { without its }" },
		{ "a{2,1}", 5, "a range that runs backwards" },
		{ "a{1001}", 5, "more than 1000 repetitions" },
		{ "(a", 0, "a ( without its )" },
		{ "[a", 2, "a [ without its ]" },
		{ "[a[b]]", 2, "a set inside a set is not supported; list the "
			       "characters" },
		{ "[b-a]", 4, "a range that runs backwards" },
		{ "[a-\\d]", 5, "a class cannot end a range" },
		{ "(?=a)", 1, "look-around is not supported" },
		{ "(?<!a)", 1, "look-around is not supported" },
		{ "a(?i)b", 2, "only (?:...), (?<name>...) and flags at the "
			       "start are supported" },
		{ "(a)\\1", 4, "back references are not supported" },
		{ "\\p{L}", 1, "\\p is not supported; list the characters" },
		{ "\\y", 1, "an escape that is not supported" },
		{ "a\\", 2, "a backslash at the end" },
		{ "\\xg0", 2, "hexadecimal digits are expected" },
		{ "(a{100}){100}", 13, "the pattern is too large" },
	};
	struct leat_arena arena;
	struct pattern_fault fault;
	struct pattern *p;
	size_t i;

	leat_arena_init(&arena, 4096, 1 << 20);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(pattern_new(leat_str_c(cases[i].p), &arena,
		    &p, &fault), -1);
		assert_string_equal(fault.what, cases[i].what);
		assert_int_equal(fault.at, cases[i].at);
	}
	leat_arena_fini(&arena);
}

static void
test_deep(void **state)
{
	struct pattern_fault fault;
	struct leat_arena arena;
	struct pattern *p;
	char text[5000];

	leat_arena_init(&arena, 4096, 1 << 20);
	memset(text, '(', 100);
	assert_int_equal(pattern_new((struct leat_str){ text, 100 }, &arena,
	    &p, &fault), -1);
	assert_string_equal(fault.what, "groups are nested too deeply");
	memset(text, 'a', sizeof(text));
	assert_int_equal(pattern_new((struct leat_str){ text, 4097 }, &arena,
	    &p, &fault), -1);
	assert_string_equal(fault.what,
	    "the pattern is longer than 4096 bytes");
	leat_arena_fini(&arena);
}

/* What would take a backtracking matcher for ever takes none here. */
static void
test_work(void **state)
{
	const size_t len = 1 << 17;
	char *text = malloc(len);
	struct pattern_fault fault;
	struct leat_arena arena;
	struct pattern *p;
	bool matches;

	assert_non_null(text);
	memset(text, 'a', len);
	leat_arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(pattern_new(LEAT_STR("(a|aa)+b"), &arena, &p,
	    &fault), 0);
	assert_int_equal(pattern_test(p, (struct leat_str){ text, len },
	    true, &matches), 0);
	assert_false(matches);
	assert_int_equal(pattern_new(LEAT_STR("(.*.*){500}b"), &arena, &p,
	    &fault), -1);
	assert_int_equal(pattern_new(LEAT_STR("(.*.*){200}b"), &arena, &p,
	    &fault), 0);
	assert_int_equal(pattern_test(p, (struct leat_str){ text, len },
	    true, &matches), LEAT_E_LIMIT);
	leat_arena_fini(&arena);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
