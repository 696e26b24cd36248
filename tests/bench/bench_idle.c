/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_idle: what a worker costs before it does anything.
 *
 *	start-ms	from the start of the process to an answer of /health
 *	rss-idle	MB resident, all plugins loaded, no connector
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/bench/bench.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { STARTS = 11 };

static void
bench_all(void **state)
{
	double ms[STARTS], mb[STARTS];

	for (int i = 0; i < STARTS; i++) {
		struct th_worker_opts o = { .name = th_text("idle-%d", i) };
		double began = bench_now();
		struct th_worker *w = th_worker_launch(&o);

		while (th_worker_call(w, "GET", "/health", NULL, NULL) != 200)
			th_nap(1);
		ms[i] = (bench_now() - began) * 1000;
		mb[i] = (double)th_rss_kb(th_worker_pid(w)) / 1024;
		th_worker_stop(w);
		th_worker_free(w);
	}
	bench_cost("start-ms", bench_quantile(ms, STARTS, 0.5), 100, "ms");
	bench_cost("rss-idle", bench_quantile(mb, STARTS, 0.5), 12, "MB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
