/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoned_text.h: ISO 8601 texts with an offset, as ZonedTimestamp and ZonedTime
 * of io.debezium.time have them, and the same instants with another offset.
 * Written as Java writes them: no zeros at the end of a fraction, Z for none.
 */
#ifndef LEAT_RECORD_ZONED_TEXT_H
#define LEAT_RECORD_ZONED_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <leat/str.h>

enum { ZONED_TEXT = 64 }; /* room for any of them */

/* A text taken apart: an instant, or a time of day in UTC. */
struct zoned {
	int64_t utc_s;
	struct leat_str fraction; /* digits, without zeros at the end */
};

/* "2024-03-01T01:02:03.45+01:00"; 0, or -1. */
int zoned_parse_timestamp(struct leat_str text, struct zoned *ret);
/* "01:02:03.45+01:00"; 0, or -1. */
int zoned_parse_time(struct leat_str text, struct zoned *ret);

/* Return the length. */
size_t zoned_format_timestamp(char to[ZONED_TEXT], const struct zoned *z,
    int32_t offset);
size_t zoned_format_time(char to[ZONED_TEXT], const struct zoned *z,
    int32_t offset);

#endif
