/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_reader.h: a file line by line, in one buffer, with a limit for a line.
 */
#ifndef LEAT_CORE_CLI_LINE_READER_H
#define LEAT_CORE_CLI_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

enum line_kind {
	LINE_ONE,
	LINE_TOO_LONG,		/* skipped */
	LINE_WAIT,		/* nothing came for a while, or a signal did */
	LINE_END		/* of the file, or an error of it */
};

struct line_reader {
	int fd;
	size_t max;		/* bytes of a line, without its end */
	struct leat_buf buf;
	size_t at;		/* where the next line begins in buf */
	size_t seen;		/* bytes behind at without an end of line */
	bool skipping;		/* the line at `at` is too long */
	bool ended;
	int error;		/* errno of a read that failed */
};

/* "-" is standard input. 0, or an error; line_close() in any case. */
int line_open(struct line_reader *r, const char *path, size_t max,
    struct leat_err *err);
/*
 * The next line, without its \n; valid until the next call. The last one needs
 * no \n. Waits for input for a short time only.
 */
enum line_kind line_next(struct line_reader *r, struct leat_str *ret_line);
/* After LINE_END: 0, or the error that ended it. */
int line_failed(const struct line_reader *r, struct leat_err *err);
void line_close(struct line_reader *r);

#endif
