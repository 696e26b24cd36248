/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan.h: a cursor over JSON text that a schema guides.
 *
 * Functions return a negative code with the error set (class RECORD, with the
 * position) once the text is not JSON; the cursor is then of no use. The text
 * must be valid UTF-8: the caller has looked.
 */
#ifndef LEAT_RECORD_JSON_SCAN_H
#define LEAT_RECORD_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/str.h>

struct json_scan {
	const char *p;
	const char *end;
	const char *start;
	struct leat_arena *arena;	/* for strings with escapes */
	struct leat_err *err;
};

void json_scan_init(struct json_scan *s, struct leat_str text,
    struct leat_arena *arena, struct leat_err *err);

/* "Converting byte[] to Kafka Connect data failed ...: what at byte n" */
int json_scan_fail(struct json_scan *s, const char *what);

static inline void
json_scan_space(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' ||
	    *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

/* The first byte of the value that comes, 0 at the end. */
static inline char
json_scan_peek(struct json_scan *s)
{
	json_scan_space(s);
	return s->p < s->end ? *s->p : '\0';
}

/* Takes the literal (null, true, false) if it comes next. */
bool json_scan_word(struct json_scan *s, const char *word, size_t len);
/* A string, without quotes and escapes; at its opening quote. */
int json_scan_string(struct json_scan *s, struct leat_str *ret_text);
/* The text of a number; *ret_integer: no point and no exponent. */
int json_scan_number(struct json_scan *s, struct leat_str *ret_text,
    bool *ret_integer);
/* Passes over one value and gives its text. */
int json_scan_skip(struct json_scan *s, struct leat_str *ret_text);
/* Only white space may be left. */
int json_scan_end(struct json_scan *s);

/*
 * Walks an object: after the opening brace was taken, *first is true. 1: at the
 * value of the member *ret_name; 0: the closing brace was taken.
 */
int json_scan_member(struct json_scan *s, bool *first,
    struct leat_str *ret_name);
/* The same for an array. */
int json_scan_elem(struct json_scan *s, bool *first);

#endif
