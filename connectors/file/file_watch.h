/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_watch.h: which files there are to read: names, patterns, rotation.
 */
#ifndef LEAT_FILE_WATCH_H
#define LEAT_FILE_WATCH_H

#include <leat/connector.h>

#include "file_tail.h"

enum { WATCH_FILES_MAX = 4096 };

struct file_watch {
	struct leat_task *task;
	const struct leat_list *patterns;
	int notify_fd;		/* inotify; -1: not available */
	bool changed;		/* names may have changed since the scan */
	struct file_tail *tails;	/* oldest first */
	uint32_t ntails;
	bool from_end;		/* new files of the first scan: their end */
	int64_t keep_ms;	/* a renamed file is read on so long */
};

/* Prepares; nothing is opened yet. */
void file_watch_init(struct file_watch *w, struct leat_task *t,
    const struct leat_list *patterns);
void file_watch_fini(struct file_watch *w);

/* Takes in what inotify has: sets `changed` when names did. */
void file_watch_events(struct file_watch *w);
/*
 * Looks at all names: opens what is new, marks what is gone, closes what is
 * gone for long. `first`: resume from stored offsets and look for files that
 * were renamed while nobody watched. 0, or negative with err filled.
 */
int file_watch_scan(struct file_watch *w, bool first, struct leat_err *err);

#endif
