/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_path.h: names of output files with variables.
 *
 * ${topic}, ${partition}, ${task}, and of the time of day in UTC ${date}
 * ("2024-03-01") and ${hour} ("13").
 */
#ifndef LEAT_FILE_PATH_H
#define LEAT_FILE_PATH_H

#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

enum {
	FILE_PATH_RECORD = 1,	/* depends on the record */
	FILE_PATH_TIME = 2	/* depends on the time */
};

struct file_path_vars {
	const char *topic;
	int32_t partition;
	int32_t task;
	int64_t now_ms;
};

/* What the template depends on (FILE_PATH_*), or class CONFIG. */
int file_path_check(const char *template, struct leat_err *err);

/*
 * Appends the name. 0, or class RECORD when the topic cannot stand in a file
 * name.
 */
int file_path_expand(const char *template, const struct file_path_vars *v,
    struct leat_buf *out, struct leat_err *err);

#endif
