/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line.h: one line of the log as text, in a buffer on the stack.
 *
 * A line is rendered without its time, so that identical ones are found and
 * can be written again later with the number of repeats. Nothing here
 * allocates; what does not fit is cut, and JSON stays JSON.
 */
#ifndef LEAT_CORE_BASE_LOG_LINE_H
#define LEAT_CORE_BASE_LOG_LINE_H

#include <stddef.h>

#include "core/base/log.h"

enum { LOG_LINE_MAX = 8192 };

/* Stands before each field in fields text that log_line_fields_fmt marked. */
#define LOG_FIELD_MARK '\x1e'

struct log_line {
	size_t len;
	char text[LOG_LINE_MAX];
};

/*
 * Renders level, object, message and fields: the whole line but the time, the
 * end and the line feed. `fields` is "key=value key=value"; where marks stand
 * they part the fields, else a word with "=" behind a space does.
 */
void log_line_render(struct log_line *to, enum log_format format,
    const struct logger *lg, enum log_level level, const char *msg,
    const char *fields);

/*
 * Copies a printf format with a mark before each "key=", so that values with
 * spaces can be told from fields; false when it does not fit.
 */
bool log_line_mark(char *to, size_t size, const char *fmt);

#endif
