/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dir_list.h: the names in a directory, sorted, with size and age.
 */
#ifndef LEAT_BROKER_DIR_LIST_H
#define LEAT_BROKER_DIR_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

struct dir_entry {
	char *name;
	int64_t size;
	int64_t mtime_ms;
	bool is_dir;
};

struct dir_list {
	struct dir_entry *entries;
	size_t n;
};

int dir_list_load(struct dir_list *l, const char *path, struct leat_err *err);
void dir_list_fini(struct dir_list *l);
/* The entry of that name, or NULL. */
const struct dir_entry *dir_list_find(const struct dir_list *l,
    const char *name);

#endif
