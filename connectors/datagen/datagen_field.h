/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datagen_field.h: one field of generated records and how its values come
 * about.
 *
 * A value is a function of the seed, the record's number and the field alone,
 * but for a timestamp without a start, which is the time of day.
 */
#ifndef LEAT_DATAGEN_FIELD_H
#define LEAT_DATAGEN_FIELD_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/connector.h>

enum datagen_kind {
	DATAGEN_SEQUENCE,	/* sequence [start] [step] */
	DATAGEN_INT,		/* int min max */
	DATAGEN_FLOAT,		/* float min max [digits] */
	DATAGEN_BOOL,		/* bool [share of true] */
	DATAGEN_CHOICE,		/* choice a b c */
	DATAGEN_STRING,		/* string [length] */
	DATAGEN_LABEL,		/* label prefix min max: "User_7" */
	DATAGEN_NAME,		/* name: "Ada Moore" */
	DATAGEN_UUID,		/* uuid */
	DATAGEN_TIMESTAMP	/* timestamp [start] [step in ms] */
};

enum {
	DATAGEN_STRING_MAX = 65536,
	DATAGEN_WORDS_MAX = 1000
};

struct datagen_field {
	const char *name;
	enum datagen_kind kind;
	int64_t a;		/* start, min, length */
	int64_t b;		/* step; width of the range */
	double scale;		/* FLOAT: 10^digits */
	uint64_t share;		/* BOOL: of 2^53 */
	const struct leat_value *words;	/* CHOICE */
	uint32_t nwords;
	uint32_t prefix_len;	/* LABEL */
	const char *prefix;
	uint32_t room;		/* most bytes of text that a value needs */
};

/* What is the same for all fields of a record. */
struct datagen_draw {
	uint64_t seed;		/* of the record, see datagen_record_seed */
	int64_t number;		/* of the record, from 0 */
	int64_t now_ms;
	char *text;		/* memory for texts; moved on */
};

/*
 * Reads a generator ("int 1 10"). Name and words are not copied; small things
 * come from the arena. 0, or class CONFIG.
 */
int datagen_field_parse(struct datagen_field *f, const char *name,
    const char *spec, struct leat_arena *a, struct leat_err *err);

/* The schema of the field's values. */
const struct leat_schema *datagen_field_schema(const struct datagen_field *f);

/* The seed of one record. */
uint64_t datagen_record_seed(uint64_t seed, int64_t number);

/* The value of the index-th field; texts go to d->text, f->room bytes. */
struct leat_value datagen_field_value(const struct datagen_field *f,
    uint32_t index, struct datagen_draw *d);

#endif
