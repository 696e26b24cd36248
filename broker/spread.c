/* SPDX-License-Identifier: Apache-2.0 */
/* The same for many things, by several threads: see spread.h. */
#include "broker/spread.h"

#include "core/base/lock.h"
#include "core/base/thread.h"

enum { HELPERS = 8, EACH_MIN = 8 };	/* things for a thread, at least */

struct spreading {
	spread_fn *fn;
	void *arg;
	size_t n;
	struct lock lock;	/* RANK_LEAF; guards the next three */
	size_t next;
	int rc;
	struct leat_err err;
};

static void *
work(void *arg)
{
	struct spreading *s = arg;

	lock_acquire(&s->lock);
	while (s->rc == 0 && s->next < s->n) {
		struct leat_err err = LEAT_ERR_INIT;
		size_t i = s->next++;
		int rc;

		lock_release(&s->lock);
		rc = s->fn(s->arg, i, &err);
		lock_acquire(&s->lock);
		if (rc < 0 && s->rc == 0) {
			s->rc = rc;
			s->err = err;
		}
	}
	lock_release(&s->lock);
	return NULL;
}

int
spread(size_t n, spread_fn *fn, void *arg, struct leat_err *err)
{
	struct spreading s = { .fn = fn, .arg = arg, .n = n };
	struct thread helpers[HELPERS] = { 0 };

	lock_init(&s.lock, RANK_LEAF);
	/* One that cannot be started leaves more for the others. */
	for (size_t i = 0; i < HELPERS && i < n / EACH_MIN; i++)
		(void)thread_start(&helpers[i], "leat-spread", work, &s, NULL);
	(void)work(&s);
	for (size_t i = 0; i < HELPERS; i++)
		thread_join(&helpers[i]);
	lock_fini(&s.lock);
	if (s.rc < 0 && err != NULL)
		*err = s.err;
	return s.rc;
}
