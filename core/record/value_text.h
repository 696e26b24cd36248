/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_text.h: values as plain text, in the three forms that Kafka Connect
 * has: Values (headers), toString (StringConverter), and what Cast makes.
 *
 * Dates and times are in UTC (Kafka Connect uses the zone of its process).
 */
#ifndef LEAT_RECORD_VALUE_TEXT_H
#define LEAT_RECORD_VALUE_TEXT_H

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/schema.h>
#include <leat/str.h>

#define LOGICAL_DECIMAL "org.apache.kafka.connect.data.Decimal"
#define LOGICAL_DATE "org.apache.kafka.connect.data.Date"
#define LOGICAL_TIME "org.apache.kafka.connect.data.Time"
#define LOGICAL_TIMESTAMP "org.apache.kafka.connect.data.Timestamp"

/* Is it a schema of that name? NULL is none. */
int schema_is(const struct leat_schema *s, const char *name);
/* The scale of a Decimal schema; 0 or -1. */
int schema_decimal_scale(const struct leat_schema *s, int32_t *ret_scale);

/* As header text: strings raw at the top, quoted inside, {"k":v}, [1,2]. */
int value_text_values(const struct leat_schema *s, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err);
/* As Java's toString: Struct{a=1,b=x}, {k=v}, [1, 2]. */
int value_text_java(const struct leat_schema *s, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err);

/* The schemas that parsing gives, interned once. */
struct value_types {
	struct leat_schema_pool *pool;
	const struct leat_schema *plain[LEAT_KIND_N];
	const struct leat_schema *date;
	const struct leat_schema *time;
	const struct leat_schema *timestamp;
};

int value_types_init(struct value_types *t, struct leat_schema_pool *pool,
    struct leat_err *err);

/*
 * Reads header text (value_parse.c): null, true, numbers, dates, lists and maps
 * become what they look like, all else is a string. The value may point into
 * the text. Fails only for want of memory.
 */
int value_text_parse(const struct value_types *t, struct leat_str text,
    struct leat_arena *arena, const struct leat_schema **ret_schema,
    struct leat_value *ret_value, struct leat_err *err);

#endif
