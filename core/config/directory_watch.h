/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_watch.h: reloads when the directory changes.
 *
 * inotify on the directory, on its parent (for a directory or a link to one
 * that is swapped) and where its symbolic links lead. Changes are waited out:
 * a reload comes 150 ms after the last one, a second after the first at the
 * latest. While the directory cannot be read it is tried again every 5 s.
 *
 * Belongs to the loop's thread.
 */
#ifndef LEAT_CORE_CONFIG_DIRECTORY_WATCH_H
#define LEAT_CORE_CONFIG_DIRECTORY_WATCH_H

#include "core/base/loop.h"
#include "core/config/directory.h"

enum {
	DIRECTORY_DEBOUNCE_MS = 150,
	DIRECTORY_DEBOUNCE_MAX_MS = 1000,
	DIRECTORY_RETRY_MS = 5000
};

struct directory_watch;

/* clock is the loop's (NULL: the system's). */
struct directory_watch *directory_watch_new(struct directory *d,
    struct loop *loop, const struct clock *clock, struct leat_err *err);
void directory_watch_free(struct directory_watch *w);	/* accepts NULL */

#endif
