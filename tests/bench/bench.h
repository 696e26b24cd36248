/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h: what the bench programs share. Each prints one JSON object per row;
 * tests/bench/run gathers them into results.json.
 *
 * "ours" and "limit" are in the same unit and measured in the same run; the
 * ratio is the better the larger it is. Where the limit is a budget (memory,
 * time), it is limit / ours.
 */
#ifndef LEAT_TESTS_BENCH_BENCH_H
#define LEAT_TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double
bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void
bench_print(const char *name, double ours, double limit, const char *unit,
    double ratio)
{
	printf("{\"name\":\"%s\",\"ours\":%.3f,\"limit\":%.3f,\"unit\":\"%s\","
	       "\"ratio\":%.3f}\n",
	    name, ours, limit, unit, ratio);
	fflush(stdout);
}

/* A rate: more is better. */
static inline void
bench_rate(const char *name, double ours, double limit, const char *unit)
{
	bench_print(name, ours, limit, unit, ours / limit);
}

/* A cost against its budget: less is better. */
static inline void
bench_cost(const char *name, double ours, double budget, const char *unit)
{
	bench_print(name, ours, budget, unit, budget / ours);
}

static inline int
bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sorts the values and gives the one at a share of 0..1. */
static inline double
bench_quantile(double *values, size_t n, double share)
{
	qsort(values, n, sizeof(*values), bench_compare);
	return values[(size_t)((double)(n - 1) * share)];
}

#endif
