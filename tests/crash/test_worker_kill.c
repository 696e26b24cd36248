/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=600 */
/*
 * test_worker_kill.c: kill -9 of the worker while a source runs as fast as it
 * can: a reader of committed records sees every number once and in order.
 * LEAT_LONG=1 makes more rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/str.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

struct sequence {
	int64_t next;
	int64_t wrong;		/* records that are not the next number */
};

static void
nap_ms(int64_t ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

static void
see(void *arg, const struct th_record *rec)
{
	struct sequence *s = arg;
	int64_t n = th_json_int(th_json(rec->value), "/n");

	if (n != s->next && s->wrong++ == 0)
		print_error("offset %" PRId64 ": %" PRId64 " instead of "
		    "%" PRId64 "\n", rec->offset, n, s->next);
	s->next = n + 1;
}

static void
start_source(struct th_worker *w)
{
	th_worker_file(w, "gen.yaml", "connector: datagen\n"
	    "topic: t\nfield.n: sequence 0\nrate: 20000\n"
	    "value.converter: json\n"
	    "value.converter.schemas.enable: false\n");
}

static void
rounds(struct th_worker *w, struct th_reader *r, struct sequence *s, int n)
{
	size_t before;
	int i;

	for (i = 0; i < n; i++) {
		before = th_reader_count(r);
		th_reader_wait(r, before + 500, 20000, see, s);
		nap_ms(17 * (i % 7));
		th_worker_kill(w);
		th_worker_resume(w);
		assert_int_equal(s->wrong, 0);
	}
}

static void
test_each_number_once(void **state)
{
	struct th_worker *w = th_worker_start(NULL);
	struct th_reader *r = th_reader_open(w, "t");
	struct sequence s = { 0, 0 };

	(void)state;
	start_source(w);
	rounds(w, r, &s, getenv("LEAT_LONG") != NULL ? 100 : 8);
	th_reader_wait(r, th_reader_count(r) + 500, 20000, see, &s);
	assert_int_equal(s.wrong, 0);
	assert_int_equal((int64_t)th_reader_count(r), s.next);
	th_reader_close(r);
	th_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_number_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
