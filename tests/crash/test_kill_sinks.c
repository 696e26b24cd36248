/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=600 */
/*
 * kill -9 of the worker between a source that counts and two sinks: in the
 * topic each number is once; the sinks lose none, and what they deliver again
 * has the idempotency key it had the first time.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/http.h"
#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 30000, PER_ROUND = 600, NUMBERS_MAX = 1000000 };

static struct th_worker *w;
static struct th_http *hook;
static uint64_t dice;
static int numbers;	/* how many the source makes in all */

static int
random_up_to(int n)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (int)((dice >> 33) % (uint64_t)n);
}

static int
rounds(void)
{
	const char *text = getenv("LEAT_LONG");

	return text != NULL && strcmp(text, "1") == 0 ? 100 : 10;
}

static int
start(void **state)
{
	const char *text = getenv("LEAT_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	dice = (uint64_t)now.tv_nsec / 1000 + 1;
	if (text != NULL && leat_parse_u64(leat_str_c(text), UINT64_MAX,
		&dice) < 0)
		th_fail("LEAT_SEED is no number");
	fprintf(stderr, "# LEAT_SEED=%" PRIu64 "\n", dice);
	hook = th_http_start();
	w = th_worker_start(NULL);
	numbers = rounds() * PER_ROUND;
	th_worker_file(w, "count.yaml", "connector: datagen\ntopic: count\n"
	    "field.n: sequence\nkey.field: n\nrate: 2000\ncount: %d\n"
	    "key.converter.schemas.enable: false\n"
	    "value.converter.schemas.enable: false\n", numbers);
	th_worker_file(w, "hook.yaml", "connector: http-sink\ntopics: count\n"
	    "url: %s\nvalue.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n",
	    th_http_url(hook, "/count"));
	th_worker_file(w, "file.yaml", "connector: file-sink\ntopics: count\n"
	    "file: %s\nvalue.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n", th_path("count.jsonl"));
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_http_stop(hook);
	return 0;
}

/* ------------------------------------------------------------------ tests */

static void
kill_in_a_loop(void **state)
{
	int n = rounds();

	TH_WAIT(th_http_count(hook) > 0, SOON_MS);
	for (int i = 0; i < n; i++) {
		size_t before = th_http_count(hook);

		th_nap(random_up_to(300));	/* any moment */
		th_worker_kill(w);
		th_worker_resume(w);
		if (i % 3 == 0)
			TH_WAIT(th_http_count(hook) > before, SOON_MS);
	}
}

/* "{"n":17}" -> 17 */
static int64_t
number_of(const char *text, size_t len)
{
	const char *p = memmem(text, len, "\"n\":", 4);
	int64_t v;
	size_t n;

	if (p == NULL)
		th_fail("no number in '%.*s'", (int)len, text);
	p += 4;
	n = strspn(p, "0123456789");
	if (leat_parse_i64((struct leat_str){ p, n }, 0, NUMBERS_MAX, &v) < 0)
		th_fail("no number in '%.*s'", (int)len, text);
	return v;
}

static void
count_record(void *arg, const struct th_record *rec)
{
	int64_t *next = arg;

	assert_int_equal(number_of(rec->value, strlen(rec->value)), *next);
	++*next;
}

static void
topic_has_each_once(void **state)
{
	struct th_reader *r = th_reader_open(w, "count");
	int64_t next = 0;

	th_reader_wait(r, (size_t)numbers, SOON_MS, count_record, &next);
	assert_int_equal(next, numbers);
	th_reader_close(r);
}

/* All numbers that came are marked; how many are missing. */
static int
missing_in_file(int *ret_repeats)
{
	char *seen = calloc(1, (size_t)numbers);
	size_t len;
	char *text = th_slurp(th_path("count.jsonl"), &len);
	struct leat_str rest = { text, len };
	int missing = 0;

	assert_non_null(seen);
	*ret_repeats = 0;
	while (rest.len > 0) {
		bool whole = memchr(rest.ptr, '\n', rest.len) != NULL;
		struct leat_str line = leat_str_cut(&rest, '\n');
		int64_t n;

		if (!whole)
			break;
		n = number_of(line.ptr, line.len);
		assert_in_range(n, 0, numbers - 1);
		*ret_repeats += seen[n];
		seen[n] = 1;
	}
	for (int i = 0; i < numbers; i++)
		missing += !seen[i];
	free(text);
	free(seen);
	return missing;
}

static void
file_lost_nothing(void **state)
{
	int repeats;

	TH_WAIT(th_exists(th_path("count.jsonl")) &&
	    missing_in_file(&repeats) == 0, SOON_MS);
	fprintf(stderr, "# file: %d repeated\n", repeats);
}

static int
missing_in_hook(int *ret_repeats)
{
	const char **keys = calloc((size_t)numbers, sizeof(*keys));
	size_t count = th_http_count(hook);
	int missing = 0;

	assert_non_null(keys);
	*ret_repeats = 0;
	for (size_t i = 0; i < count; i++) {
		const struct th_http_request *rq = th_http_request(hook, i);
		const char *key = th_http_header(rq, "Idempotency-Key");
		int64_t n = number_of(rq->body, rq->body_len);

		assert_non_null(key);
		assert_in_range(n, 0, numbers - 1);
		if (keys[n] != NULL) {
			assert_string_equal(key, keys[n]);
			++*ret_repeats;
		}
		keys[n] = key;
	}
	for (int i = 0; i < numbers; i++)
		missing += keys[i] == NULL;
	free(keys);
	return missing;
}

static void
hook_lost_nothing(void **state)
{
	int repeats;

	TH_WAIT(missing_in_hook(&repeats) == 0, SOON_MS);
	fprintf(stderr, "# hook: %d repeated\n", repeats);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kill_in_a_loop),
		cmocka_unit_test(topic_has_each_once),
		cmocka_unit_test(file_lost_nothing),
		cmocka_unit_test(hook_lost_nothing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
