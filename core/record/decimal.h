/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal.h: Kafka Connect's Decimal: an unscaled integer in two's complement,
 * big-endian, whose scale stands in its schema; and its text.
 */
#ifndef LEAT_RECORD_DECIMAL_H
#define LEAT_RECORD_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#include <leat/str.h>

enum {
	DECIMAL_BYTES_MAX = 4096,	/* of the unscaled integer */
	DECIMAL_DIGITS_MAX = 9864	/* in so many bytes */
};

/* Room that decimal_to_text needs. */
static inline size_t
decimal_text_max(size_t nbytes)
{
	return nbytes * 3 + 48;
}

/*
 * The text that Java's BigDecimal.toString gives ("19.99", "1E+3", "1E-7"); its
 * length, or -1 if there are no bytes or too many.
 */
int64_t decimal_to_text(char *to, const uint8_t *bytes, size_t n,
    int32_t scale);

enum {
	DECIMAL_OK = 0,
	DECIMAL_BAD = -1,	/* not a number */
	DECIMAL_ROUNDS = -2,	/* more digits than the scale can hold */
	DECIMAL_LARGE = -3	/* more than DECIMAL_BYTES_MAX */
};

/*
 * The unscaled integer of a number (a sign, digits, a point, an exponent) for
 * this scale, in as few bytes as possible; `to` has DECIMAL_BYTES_MAX.
 */
int decimal_from_text(struct leat_str text, int32_t scale, uint8_t *to,
    size_t *ret_len);
/* The scale that the text itself has, as BigDecimal reads it. */
int decimal_text_scale(struct leat_str text, int32_t *ret_scale);

#endif
