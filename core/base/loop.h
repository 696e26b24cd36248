/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h: an epoll loop with timers, for the main thread and the broker's
 * connections. Everything but loop_wake and loop_stop belongs to the thread
 * that runs it.
 */
#ifndef LEAT_CORE_BASE_LOOP_H
#define LEAT_CORE_BASE_LOOP_H

#include <stdint.h>

#include <leat/err.h>

#include "core/base/clock.h"

struct loop;
struct loop_fd;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };

typedef void loop_fd_fn(void *arg, int events);
typedef void loop_timer_fn(void *arg);

/* clock NULL: the system's. */
struct loop *loop_new(const struct clock *clock, struct leat_err *err);
/* Its timers must have been freed; its descriptors are forgotten. */
void loop_free(struct loop *l);

/* The fd stays the caller's. Freed with loop_fd_remove, also from callbacks. */
struct loop_fd *loop_fd_add(struct loop *l, int fd, int events,
    loop_fd_fn *fn, void *arg, struct leat_err *err);
int loop_fd_change(struct loop_fd *f, int events);
void loop_fd_remove(struct loop_fd *f);

/* A timer fires once, delay_ms from now; starting it again moves it. */
struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn *fn,
    void *arg);
void loop_timer_start(struct loop_timer *t, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Runs until loop_stop. */
int loop_run(struct loop *l, struct leat_err *err);
/* One round: waits at most timeout_ms (-1: no limit). For tests. */
int loop_run_once(struct loop *l, int64_t timeout_ms, struct leat_err *err);
void loop_stop(struct loop *l);	/* @thread any */
void loop_wake(struct loop *l);	/* @thread any; ends the present wait */

#endif
