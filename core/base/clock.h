/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h: time as the daemon sees it, replaceable in tests.
 */
#ifndef LEAT_CORE_BASE_CLOCK_H
#define LEAT_CORE_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*mono_ns)(const struct clock *);	/* monotonic */
	int64_t (*wall_us)(const struct clock *);	/* since the epoch */
};

/* The machine's clocks. */
extern const struct clock clock_system;

static inline int64_t
clock_mono_ns(const struct clock *c)
{
	return c->mono_ns(c);
}

static inline int64_t
clock_mono_ms(const struct clock *c)
{
	return c->mono_ns(c) / 1000000;
}

static inline int64_t
clock_wall_us(const struct clock *c)
{
	return c->wall_us(c);
}

static inline int64_t
clock_wall_ms(const struct clock *c)
{
	return c->wall_us(c) / 1000;
}

/* An absolute point on the monotonic clock, for waits that share it. */
int64_t clock_deadline_ns(const struct clock *c, int64_t from_now_ms);
/* Milliseconds left until a deadline, rounded up, never below 0. */
int64_t clock_left_ms(const struct clock *c, int64_t deadline_ns);

/* A clock that stands still until a test moves it. @thread any */
struct clock_fake {
	struct clock clock;
	int64_t now_ns;
	int64_t wall_offset_us;
};
void clock_fake_init(struct clock_fake *c, int64_t wall_us);
void clock_fake_advance_ms(struct clock_fake *c, int64_t ms);

#endif
