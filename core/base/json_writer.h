/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_writer.h: JSON documents written member by member, commas included.
 *
 * Appends to a leat_buf, whose `failed` flag is the sticky error: write the
 * whole document, then check once. A text of NULL is written as null.
 */
#ifndef LEAT_CORE_BASE_JSON_WRITER_H
#define LEAT_CORE_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>

struct json_writer {
	struct leat_buf *to;
	bool comma;		/* the next item needs one in front */
};

static inline struct json_writer
json_writer(struct leat_buf *to)
{
	return (struct json_writer){ .to = to };
}

void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
/* The name of the member that is written next. */
void json_key(struct json_writer *w, const char *name);
void json_text(struct json_writer *w, const char *s);
void json_text_n(struct json_writer *w, const char *s, size_t len);
void json_int(struct json_writer *w, int64_t v);
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* A value that is JSON already. */
void json_raw(struct json_writer *w, const char *json);

/* Member and value in one. */
void json_member(struct json_writer *w, const char *name, const char *s);
void json_member_int(struct json_writer *w, const char *name, int64_t v);
void json_member_bool(struct json_writer *w, const char *name, bool v);

#endif
