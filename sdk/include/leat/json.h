/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h: JSON (RFC 8259) writing into buffers and parsing into values.
 *
 * Parsing gives schemaless values: objects become MAPs in document order,
 * integers that fit become INT64, other numbers FLOAT64, as Kafka Connect's
 * JsonConverter does. Input is bounded by the caller; depth by
 * LEAT_JSON_DEPTH. Duplicate keys are kept in order (the last one wins in
 * leat_map_value). Text must be valid UTF-8.
 */
#ifndef LEAT_JSON_H
#define LEAT_JSON_H

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/schema.h>
#include <leat/str.h>
#include <leat/value.h>

enum { LEAT_JSON_DEPTH = 128 };

/* Appends a quoted, escaped string. Bytes above 0x7f pass as they are. */
int leat_json_add_string(struct leat_buf *b, const char *s, size_t len);
/* Shortest text that reads back as the same double; NaN and infinities as the
 * strings "NaN", "Infinity", "-Infinity" (what Java's Jackson writes). */
int leat_json_add_f64(struct leat_buf *b, double v);
int leat_json_add_f32(struct leat_buf *b, float v);
/* Any schemaless value; BYTES as base64 text. */
int leat_json_add_value(struct leat_buf *b, const struct leat_value *v);
/*
 * The same with the members of objects in the order of their names, and of
 * equal names the last only: equal values give equal text. For small objects,
 * such as source partitions: the time is quadratic in their members.
 */
int leat_json_add_canonical(struct leat_buf *b, const struct leat_value *v);

enum { LEAT_JSON_DECIMAL_BASE64 = 1 };

/*
 * A value with its schema (NULL: as leat_json_add_value) as plain JSON, without
 * the schema: structs become objects. Decimals become numbers, or with the flag
 * LEAT_JSON_DECIMAL_BASE64 base64 text, as in Connect's decimal.format. A value
 * that does not fit its schema's shape is written as its kind says. 0 or -1.
 */
int leat_json_add_typed(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v, int flags);

/*
 * Parses one document that must fill the text but for white space. All memory
 * comes from the arena; strings without escapes point into `text`. 0, or
 * LEAT_E_PARSE with byte position and reason.
 */
int leat_json_parse(struct leat_arena *a, const char *text, size_t len,
    struct leat_value *ret_value, struct leat_err *err);

/*
 * As leat_json_parse, for a document with more text behind it: *ret_used gets
 * the bytes consumed.
 */
int leat_json_parse_prefix(struct leat_arena *a, const char *text, size_t len,
    struct leat_value *ret_value, size_t *ret_used, struct leat_err *err);

enum { LEAT_JSON_ESCAPE_MAX = 12 };

/*
 * Writes the escape of the character at s, which needs one, as Jackson and so
 * Kafka Connect do: \", \n, \u001F, and two of \uXXXX beyond U+FFFF. A byte
 * that begins no character stays. Returns the bytes written, at most
 * LEAT_JSON_ESCAPE_MAX; *ret_read of the n bytes are read, 1 or 4.
 */
size_t leat_json_escape(uint8_t *to, const uint8_t *s, size_t n,
    size_t *ret_read);

/* Follows a JSON pointer (RFC 6901); NULL where it leads nowhere. */
const struct leat_value *leat_json_pointer(const struct leat_value *doc,
    struct leat_str pointer);

#endif
