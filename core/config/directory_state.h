/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_state.h: what directory.c, directory_scan.c, directory_view.c and
 * directory_write.c share.
 */
#ifndef LEAT_CORE_CONFIG_DIRECTORY_STATE_H
#define LEAT_CORE_CONFIG_DIRECTORY_STATE_H

#include "core/base/lock.h"
#include "core/config/config_file.h"
#include "core/config/directory.h"

/* A file of the directory. */
struct entry {
	char *path;
	struct config_file live;	/* wanted now; empty: nothing is */
	bool has_live;
	uint64_t generation;		/* of live */
	bool refused;
	/* During a reload: the text as it is now, unless it was refused. */
	struct config_file fresh;
	bool has_fresh;
	bool seen;
};

struct directory {
	struct lock lock;		/* RANK_CONFIG; guards busy and view */
	struct cond idle;
	bool busy;			/* somebody reloads or writes */
	struct directory_view *view;
	/* The rest belongs to whoever made it busy. */
	struct directory_options options;
	char *path;
	struct entry **entries;		/* by path */
	size_t len;
	uint64_t generation;
	bool unpublished;		/* entries changed, the view did not */
};

/* Waits until nobody else is at it, and makes the directory busy. */
void directory_begin(struct directory *d);
void directory_end(struct directory *d);
/* The work of a reload; the directory is busy. */
int directory_reload_busy(struct directory *d, struct leat_err *err);

/*
 * Reads all files into the entries: new ones are made, those without a file
 * have `seen` false, fresh texts are read, validated and checked for names.
 */
int directory_scan(struct directory *d, struct problems *problems,
    struct leat_err *err);
void entry_free(struct entry *e);

/* A view of the entries; it takes the problems over. NULL: no memory. */
struct directory_view *directory_view_new(const struct directory *d,
    struct problems *owned_problems);
struct directory_view *directory_view_ref(const struct directory_view *v);
/* Do both say the same, generations aside? */
bool directory_view_same(const struct directory_view *a,
    const struct directory_view *b);

#endif
