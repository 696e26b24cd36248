/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_wire.h: reading and writing the fields of Kafka's messages.
 *
 * A field is written in one of two encodings, by the version of its message:
 * classic (fixed lengths) or flexible (compact lengths, and a section of tagged
 * fields behind every struct). Reader and writer know which, so that a message
 * is decoded and encoded by one list of calls in the order of its fields, with
 * `if (version >= n)` where a version adds one:
 *
 *	group = kin_str(in);
 *	generation = kin_i32(in);
 *	instance = in->version >= 3 ? kin_str_null(in) : NULL;
 *	kin_tags(in);
 *
 * The reader never reads past its end and remembers its first error: after it,
 * every call gives zero, "" or an empty array. Decode all, check kin_ok() once.
 * What it hands out lives in the arena (strings, with a NUL behind them) or in
 * the frame (bytes). A string with a NUL inside is an error, since all the rest
 * of the broker takes C strings.
 */
#ifndef LEAT_BROKER_KAFKA_KAFKA_WIRE_H
#define LEAT_BROKER_KAFKA_KAFKA_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/wire.h>

#include "broker/broker.h"

/* ------------------------------------------------------------ reading */

struct kafka_in {
	struct leat_reader r;
	struct leat_arena *arena;
	const char *why;	/* the first error, NULL: none */
	int16_t version;
	bool flexible;
};

void kin_init(struct kafka_in *in, const void *p, size_t len,
    struct leat_arena *arena, int16_t version, bool flexible);
/* Fails the message for a reason of the caller's (a constant). */
void kin_fail(struct kafka_in *in, const char *why);

static inline bool
kin_ok(const struct kafka_in *in)
{
	return in->r.err == 0;
}

static inline bool
kin_bool(struct kafka_in *in)
{
	return leat_read_u8(&in->r) != 0;
}

#define kin_i8(in) leat_read_i8(&(in)->r)
#define kin_i16(in) leat_read_i16(&(in)->r)
#define kin_i32(in) leat_read_i32(&(in)->r)
#define kin_i64(in) leat_read_i64(&(in)->r)
double kin_f64(struct kafka_in *in);
void kin_uuid(struct kafka_in *in, uint8_t ret_id[16]);

/* Never NULL; a null on the wire is an error. */
const char *kin_str(struct kafka_in *in);
/* NULL for null. */
const char *kin_str_null(struct kafka_in *in);
/* A string byte for byte, in the frame; ptr NULL for null. */
struct leat_str kin_text_null(struct kafka_in *in);
/* Bytes or records, in the frame; ptr NULL for null. */
struct leat_str kin_bytes_null(struct kafka_in *in);
/* The same, null being an error. */
struct leat_str kin_bytes(struct kafka_in *in);

/*
 * The number of elements, at most as many as the frame can hold; -1 for null
 * (which kin_array takes for an error, giving 0).
 */
int32_t kin_array_null(struct kafka_in *in);
int32_t kin_array(struct kafka_in *in);
/* Zeroed memory for n elements; NULL fails the message. */
void *kin_calloc(struct kafka_in *in, int32_t n, size_t size);
#define KIN_CALLOC(in, n, type) \
	((type *)kin_calloc((in), (n), sizeof(type)))

/* The i8 in front of a nullable struct: is there one? */
bool kin_present(struct kafka_in *in);

/* Skips the tagged fields behind a struct; nothing in classic encoding. */
void kin_tags(struct kafka_in *in);
/*
 * For structs whose tagged fields matter: the number of fields, then for each
 * its tag; the caller reads the value or skips `size` bytes.
 */
uint32_t kin_tags_begin(struct kafka_in *in);
uint32_t kin_tag(struct kafka_in *in, uint32_t *ret_size);
void kin_skip(struct kafka_in *in, size_t size);

/* ------------------------------------------------------------ writing */

/* File bytes that stand between two bytes of the buffer. */
struct kafka_out_slice {
	size_t at;		/* in buf: the slice goes in front of it */
	struct broker_slice slice;	/* owned */
};

struct kafka_out {
	struct leat_buf buf;
	struct kafka_out_slice *slices;
	uint32_t nslices, cap_slices;
	size_t slice_bytes;	/* of all slices */
	int16_t version;
	bool flexible;
};

void kout_init(struct kafka_out *out, size_t max_bytes);
/* Lets go of the slices too. Accepts a zeroed one. */
void kout_fini(struct kafka_out *out);
/* Empties it; keeps the buffer. */
void kout_reset(struct kafka_out *out);

static inline void
kout_bool(struct kafka_out *out, bool v)
{
	leat_write_u8(&out->buf, v ? 1 : 0);
}

#define kout_i8(out, v) leat_write_u8(&(out)->buf, (uint8_t)(v))
#define kout_i16(out, v) leat_write_u16(&(out)->buf, (uint16_t)(v))
#define kout_i32(out, v) leat_write_u32(&(out)->buf, (uint32_t)(v))
#define kout_i64(out, v) leat_write_u64(&(out)->buf, (uint64_t)(v))
void kout_f64(struct kafka_out *out, double v);
void kout_uuid(struct kafka_out *out, const uint8_t id[16]);

void kout_str(struct kafka_out *out, const char *s);
/* NULL is null. */
void kout_str_null(struct kafka_out *out, const char *s);
/* ptr NULL is null. */
void kout_text_null(struct kafka_out *out, struct leat_str s);
void kout_bytes(struct kafka_out *out, const void *p, size_t len);
void kout_bytes_null(struct kafka_out *out, struct leat_str s);

/* n elements follow; -1 is null. */
void kout_array(struct kafka_out *out, int32_t n);
/*
 * The same where n is known only behind the elements:
 *	at = kout_array_begin(out); ...; kout_array_end(out, at, n);
 */
size_t kout_array_begin(struct kafka_out *out);
void kout_array_end(struct kafka_out *out, size_t at, int32_t n);

/* The i8 in front of a nullable struct. */
void kout_present(struct kafka_out *out, bool present);

/* No tagged fields: ends a struct; nothing in classic encoding. */
void kout_tags(struct kafka_out *out);
/*
 * Tagged fields, in ascending order: their number, then for each kout_tag with
 * the bytes of its value, then the value. Only in flexible encoding.
 */
void kout_tags_begin(struct kafka_out *out, uint32_t n);
void kout_tag(struct kafka_out *out, uint32_t tag, uint32_t size);

/*
 * Records that stand in a file. Takes the slice over, also on failure; a small
 * one is copied into the buffer. 0 or an error of reading.
 */
int kout_records_slice(struct kafka_out *out, struct broker_slice *owned,
    struct leat_err *err);

#endif
