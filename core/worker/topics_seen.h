/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics_seen.h: the topics that a task wrote to or read from. The task adds,
 * anyone may look.
 */
#ifndef LEAT_CORE_WORKER_TOPICS_SEEN_H
#define LEAT_CORE_WORKER_TOPICS_SEEN_H

#include <leat/map.h>

#include "core/base/lock.h"

enum { TOPICS_SEEN_LIMIT = 10000 };

struct topics_seen {
	struct lock lock;	/* RANK_LEAF; guards set */
	struct leat_map set;
};

void topics_seen_init(struct topics_seen *s);
void topics_seen_fini(struct topics_seen *s);
/* The kept name, valid as long as the set; NULL when it could not be kept. */
const char *topics_seen_add(struct topics_seen *s, const char *topic);
void topics_seen_clear(struct topics_seen *s);
/* fn(arg, topic) for each, under the lock: copy and return. */
void topics_seen_each(struct topics_seen *s,
    void (*fn)(void *arg, const char *topic), void *arg);

#endif
