/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_file.h: a file of lines that says who may come in or do what: read as
 * a whole, watched for changes, and replaced as a whole.
 */
#ifndef LEAT_BROKER_KAFKA_ACCESS_FILE_H
#define LEAT_BROKER_KAFKA_ACCESS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

enum { ACCESS_FILE_MAX = 4 << 20 };

struct access_file {
	char *path;
	bool secret;		/* others may not read it */
	/* As it was when last read; all zero before. */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

/* What is wrong with the lines of a file; zero it, end with _fini. */
struct access_problems {
	const char *path;
	struct leat_buf text;	/* "path:line: text" lines, the first ones */
	size_t n;
};

int access_file_init(struct access_file *f, const char *path, bool secret,
    struct leat_err *err);
void access_file_fini(struct access_file *f);
/* Is it another one than was last read? One stat. */
bool access_file_changed(const struct access_file *f);
/*
 * Reads all of it into *ret_text (to be freed with access_text_free), and
 * remembers what it was like, also when it fails.
 */
int access_file_read(struct access_file *f, char **ret_text, size_t *ret_len,
    struct leat_err *err);
/* Wipes and frees; accepts NULL. */
void access_text_free(char *text, size_t len);
/*
 * Takes the right to change the file, against other processes: a descriptor to
 * be closed, or negative. Does not wait: LEAT_CLS_RETRY when somebody has it.
 */
int access_file_lock(const struct access_file *f, struct leat_err *err);
/* Puts new text in its place, with its mode and owner; remembers it. */
int access_file_replace(struct access_file *f, const void *text, size_t len,
    struct leat_err *err);

void access_problems_init(struct access_problems *p, const char *path);
void access_problems_fini(struct access_problems *p);
void access_problem(struct access_problems *p, int32_t line, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
/*
 * 0 when there are none. Otherwise the error has the first and how many more
 * there are.
 */
int access_problems_err(const struct access_problems *p,
    struct leat_err *err);

/* The next line without white space around it, and its number; false: none. */
bool access_line(struct leat_str *rest, int32_t *line,
    struct leat_str *ret_line);

#endif
