/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_output.h: one file that the file-sink writes.
 *
 * Lines are collected in memory, written by file_output_write and made durable
 * by file_output_sync. What was not synced when the sink ended badly is cut off
 * when the file is opened again; its records come again.
 */
#ifndef LEAT_FILE_OUTPUT_H
#define LEAT_FILE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

#include "file_state.h"

enum { FILE_OUTPUT_PENDING_MAX = 512 * 1024 * 1024 };

struct file_output {
	char *path;		/* as configured, expanded */
	char *base;		/* its last part */
	char *state_name;
	int dir_fd;
	int fd;
	bool plain;		/* not a regular file: no state, no sync */
	bool dirty;		/* written since the last sync */
	int64_t bytes;		/* written and part of the file */
	int64_t opened_ms;	/* wall clock: first byte, for rotation */
	int64_t used_ms;	/* wall clock of the last record */
	struct leat_buf pending;	/* lines not written yet */
	struct file_state state;	/* offsets as of the last sync */
	struct file_state next;	/* offsets as of what is written */
};

/*
 * Opens or creates the file, finishes a rotation that a crash cut short and
 * cuts off what was not durable. An existing file without state is appended
 * to. 0, or negative with err filled, and then nothing is left behind.
 */
int file_output_open(struct file_output *o, const char *path, int64_t now_ms,
    struct leat_err *err);
/* Closes without writing. Accepts a zeroed one. */
void file_output_close(struct file_output *o);

/*
 * Writes the pending lines behind the file's end, which does not move before
 * file_output_commit: a failed batch leaves no trace. 0, or negative with err.
 */
int file_output_write(struct file_output *o, struct leat_err *err);
void file_output_commit(struct file_output *o);
/* Forgets pending lines. */
void file_output_rollback(struct file_output *o);

/* Makes all that is committed durable, with its offsets. 0 or negative. */
int file_output_sync(struct file_output *o, struct leat_err *err);

/*
 * Syncs, renames the file to its name with the time behind it and starts an
 * empty one. 0, or negative with err filled.
 */
int file_output_rotate(struct file_output *o, int64_t now_ms,
    struct leat_err *err);

#endif
