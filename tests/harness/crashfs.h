/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashfs.h: a file system that loses power at a chosen sync.
 *
 * An fsio that passes every call to the real file system, so that the program
 * under test sees its own writes, and remembers what no sync has covered yet:
 * the bytes and sizes of files, and the names made, changed and removed in
 * directories. At the n-th sync (fdatasync or fsync_dir) it crashes: before
 * that sync takes effect, or after it, by the seed. From then on every call
 * fails with -EIO, so that the program comes down. crashfs_recover then makes
 * the tree what a disk may hold after such a crash:
 *
 *  - each unsynced write is kept, dropped, torn in the middle or garbled, each
 *    on its own and in any order; a file's size may be that of any subset;
 *  - of the unsynced changes of names in one directory, a prefix is kept
 *    (journalling file systems keep their order; different directories are
 *    independent here). A file whose name is lost is gone with its bytes.
 *
 * What a sync has covered stays. @thread any.
 */
#ifndef LEAT_TESTS_CRASHFS_H
#define LEAT_TESTS_CRASHFS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/fsio.h"

struct crashfs;

/* Below root, which must exist; `stash`, elsewhere, holds what may return. */
struct crashfs *crashfs_new(const char *root, const char *stash,
    uint64_t seed);
void crashfs_free(struct crashfs *c);
const struct fsio *crashfs_fsio(struct crashfs *c);

/* Crash at the n-th sync from now; 0: never. */
void crashfs_arm(struct crashfs *c, uint64_t n);
/* Crash now (also from another thread). */
void crashfs_crash(struct crashfs *c);
bool crashfs_crashed(const struct crashfs *c);
uint64_t crashfs_syncs(const struct crashfs *c);
/* Fails the n-th sync with -EIO without a crash; 0: none. */
void crashfs_fail_sync(struct crashfs *c, uint64_t n);
/*
 * Takes the tree to a state after the crash; all files must be closed. Then
 * the crashfs is as new and may be used again.
 */
void crashfs_recover(struct crashfs *c);

#endif
