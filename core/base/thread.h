/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h: threads with a name, a modest stack and all signals blocked, and
 * the wake-up that ends another thread's poll().
 */
#ifndef LEAT_CORE_BASE_THREAD_H
#define LEAT_CORE_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <leat/err.h>

struct thread_state;

/* Zeroed, it is a thread that does not run; joining it does nothing. */
struct thread {
	pthread_t id;
	bool running;
	struct thread_state *state;
};

/* The name is cut to 15 characters. */
int thread_start(struct thread *t, const char *name, void *(*fn)(void *),
    void *arg, struct leat_err *err);
void thread_join(struct thread *t);
/* false when it still runs at the deadline (monotonic ns). */
bool thread_join_until(struct thread *t, int64_t deadline_ns);
/* Nobody will join it: it cleans up after itself when it ends. */
void thread_detach(struct thread *t);

/* An eventfd: any number of wakes before a drain count as one. */
struct wake {
	int fd;
};

int wake_init(struct wake *w, struct leat_err *err);
void wake_fini(struct wake *w);
/* @thread any; async-signal-safe */
void wake_up(struct wake *w);
void wake_drain(struct wake *w);

#endif
