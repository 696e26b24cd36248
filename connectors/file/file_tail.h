/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_tail.h: one file that the file-source reads, line by line.
 *
 * A file is known by its directory and inode number, so that renaming it in
 * its directory changes nothing; a fingerprint of its first bytes tells when an
 * inode number was used again, or the file was emptied and filled anew.
 */
#ifndef LEAT_FILE_TAIL_H
#define LEAT_FILE_TAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

enum {
	TAIL_HEAD_BYTES = 256,	/* that the fingerprint covers, at most */
	TAIL_READ_BYTES = 256 * 1024
};

struct file_tail {
	char *path;		/* where it was seen last */
	char *partition;	/* {"directory":..,"inode":..} */
	int fd;
	dev_t dev;
	ino_t ino;
	int64_t pos;		/* behind the last line handed out */
	int64_t size;		/* when last looked at */
	struct leat_buf buf;	/* bytes of the file from buf_pos on */
	int64_t buf_pos;
	size_t used;		/* of buf, handed out already */
	uint8_t head[TAIL_HEAD_BYTES];
	uint32_t head_len;
	bool skipping;		/* within a line that is too long */
	bool dirty;		/* pos moved since the last position */
	bool gone;		/* no longer under a name we watch */
	int64_t gone_ms;	/* since when */
	struct file_tail *prev;	/* its rest comes first; NULL: nothing */
	struct file_tail *next;	/* in the list of the source */
};

/* What is stored of a file. */
struct file_mark {
	int64_t position;
	uint64_t fingerprint;
	int64_t length;		/* of what the fingerprint covers */
};

/* Reads a stored offset; "position" alone will do. 0 or class CONFIG. */
int file_mark_parse(struct file_mark *m, const char *text,
    struct leat_err *err);

/* Opens a file, at its start. NULL with err (RETRY; -ENOENT: not there). */
struct file_tail *file_tail_open(const char *path, struct leat_err *err);
/* Accepts NULL. */
void file_tail_free(struct file_tail *t);

/* Goes to where the mark says if the file is still that one. */
bool file_tail_resume(struct file_tail *t, const struct file_mark *m);
/* Goes behind the last whole line. 0, or negative with err filled. */
int file_tail_to_end(struct file_tail *t, struct leat_err *err);

/*
 * Looks at the file. Where it was emptied it starts over: 1. Else 0, or
 * negative with err filled.
 */
int file_tail_check(struct file_tail *t, struct leat_err *err);
/*
 * Moves what is left of the buffer to its front and reads more. Lines handed
 * out before are gone then. 0, or negative with err filled.
 */
int file_tail_fill(struct file_tail *t, size_t max_line, struct leat_err *err);
/*
 * The next whole line without its end, and where it began. False when there is
 * none in the buffer.
 */
bool file_tail_line(struct file_tail *t, struct leat_str *ret_line);
/* Is the buffer full of one line without an end? Its rest is then skipped. */
bool file_tail_too_long(struct file_tail *t, size_t max_line);
/* Is there a whole line in the buffer, or more in the file? */
bool file_tail_ready(const struct file_tail *t);

/* Appends the offset to store. 0 or -1. */
int file_tail_print(struct file_tail *t, struct leat_buf *b);

#endif
