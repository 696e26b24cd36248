/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_state.h: what the file-sink knows about a file that outlives a crash.
 *
 * Beside "out.jsonl" stands ".out.jsonl.leat", one JSON object:
 *
 *	{"bytes":1234,"rotated":"out.jsonl.20240301T010203Z",
 *	 "offsets":{"orders":{"0":41,"1":7}}}
 *
 * The first `bytes` bytes of the file are durable and whole, and hold the
 * records of each partition up to its offset. "rotated" is there while the file
 * is being renamed: after a crash the renaming is finished first.
 *
 * The file is replaced by write, fsync, rename, fsync of the directory.
 */
#ifndef LEAT_FILE_STATE_H
#define LEAT_FILE_STATE_H

#include <stdint.h>

#include <leat/err.h>
#include <leat/map.h>

enum { FILE_STATE_MAX = 16 * 1024 * 1024 };

struct file_state {
	int64_t bytes;
	char *rotated;		/* name in the same directory, or NULL */
	struct leat_map offsets;	/* "topic\0partition" -> int64_t * */
};

void file_state_init(struct file_state *s);
void file_state_fini(struct file_state *s);

/*
 * Reads the state file; a missing one leaves the state empty. 0 with *ret_found
 * set, or negative with err filled.
 */
int file_state_load(struct file_state *s, int dir_fd, const char *name,
    int *ret_found, struct leat_err *err);
/* Makes the state durable. 0, or negative with err filled. */
int file_state_save(const struct file_state *s, int dir_fd, const char *name,
    struct leat_err *err);

/*
 * The place of a partition's last offset (-1: none yet), valid until fini; NULL
 * when out of memory.
 */
int64_t *file_state_offset(struct file_state *s, const char *topic,
    int32_t partition);

#endif
