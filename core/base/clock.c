/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c: the machine's clocks, deadlines, and a clock for tests.
 */
#include "core/base/clock.h"

#include <time.h>

enum { NS_PER_MS = 1000000 };

static int64_t
system_mono_ns(const struct clock *c)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t
system_wall_us(const struct clock *c)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const struct clock clock_system = {
	.mono_ns = system_mono_ns,
	.wall_us = system_wall_us,
};

int64_t
clock_deadline_ns(const struct clock *c, int64_t from_now_ms)
{
	int64_t ns, deadline;

	if (__builtin_mul_overflow(from_now_ms, (int64_t)NS_PER_MS, &ns) ||
	    __builtin_add_overflow(c->mono_ns(c), ns, &deadline))
		return from_now_ms < 0 ? 0 : INT64_MAX;
	return deadline < 0 ? 0 : deadline;
}

int64_t
clock_left_ms(const struct clock *c, int64_t deadline_ns)
{
	int64_t now = c->mono_ns(c);
	int64_t left;

	if (deadline_ns <= now)
		return 0;
	left = deadline_ns - now;
	return left / NS_PER_MS + (left % NS_PER_MS != 0);
}

static int64_t
fake_mono_ns(const struct clock *c)
{
	const struct clock_fake *f = (const struct clock_fake *)(const void *)c;

	return __atomic_load_n(&f->now_ns, __ATOMIC_ACQUIRE);
}

static int64_t
fake_wall_us(const struct clock *c)
{
	const struct clock_fake *f = (const struct clock_fake *)(const void *)c;

	return fake_mono_ns(c) / 1000 + f->wall_offset_us;
}

void
clock_fake_init(struct clock_fake *c, int64_t wall_us)
{
	c->clock.mono_ns = fake_mono_ns;
	c->clock.wall_us = fake_wall_us;
	c->now_ns = 1000000000;
	c->wall_offset_us = wall_us - c->now_ns / 1000;
}

void
clock_fake_advance_ms(struct clock_fake *c, int64_t ms)
{
	__atomic_fetch_add(&c->now_ns, ms * NS_PER_MS, __ATOMIC_RELEASE);
}
