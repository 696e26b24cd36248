/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.h: one connector's (or the worker's) settings as flat key/value
 * rows that remember where they came from.
 *
 * Keys are Kafka Connect's and Debezium's; YAML nesting was joined with dots,
 * lists with commas. `raw` is the text as written, `value` the text after
 * interpolation; a value that came from a secret reference is marked, and what
 * prints it masks it. Immutable once built, shared by reference counts.
 */
#ifndef LEAT_CORE_CONFIG_PROPERTIES_H
#define LEAT_CORE_CONFIG_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

struct place {
	const char *file;	/* or "REST" */
	int32_t line;		/* from 1; 0: unknown */
	int32_t column;
};

struct property {
	const char *key;
	const char *raw;	/* as written */
	const char *value;	/* interpolated */
	struct place place;
	bool secret;		/* from ${file:}, ${cred:}, or marked so */
};

struct properties;

/* A builder refuses more than this. */
enum {
	PROPERTIES_MAX = 10000,		/* rows */
	PROPERTIES_BYTES_MAX = 16 * 1024 * 1024
};

struct properties *properties_ref(const struct properties *p);
void properties_unref(struct properties *p);	/* accepts NULL */

size_t properties_count(const struct properties *p);
const struct property *properties_at(const struct properties *p, size_t i);
const struct property *properties_find(const struct properties *p,
    const char *key);
/* The value, or def. */
const char *properties_get(const struct properties *p, const char *key,
    const char *def);
/* Same keys and values, in any order? */
bool properties_equal(const struct properties *a, const struct properties *b);

/* Where the whole of them was written: for what is missing. */
struct place properties_origin(const struct properties *p);

/*
 * Building: copies everything. Later sets of a key replace earlier ones. 0,
 * -ENOMEM, or LEAT_E_LIMIT; the failure is kept until finish.
 */
struct properties_builder;
struct properties_builder *properties_builder_new(void);
void properties_builder_free(struct properties_builder *b);
int properties_builder_set(struct properties_builder *b, const char *key,
    const char *raw, const char *value, struct place place, bool secret);
/* All rows of another, those set already excepted if `keep`. */
int properties_builder_add(struct properties_builder *b,
    const struct properties *p, bool keep);
void properties_builder_remove(struct properties_builder *b, const char *key);
/* Valid until the builder changes; NULL when the key is not set. */
const struct property *properties_builder_find(
    const struct properties_builder *b, const char *key);
void properties_builder_origin(struct properties_builder *b,
    struct place place);
/* Empties the builder. NULL when memory is out or a set failed. */
struct properties *properties_builder_finish(struct properties_builder *b);

/*
 * Something wrong with a configuration, with its place. Lists of these are
 * what all validation produces: all errors at once.
 */
struct problem {
	struct place place;
	const char *key;	/* NULL: the whole file */
	const char *text;	/* "expected a number (1 to 65535)" */
	const char *hint;	/* "did you mean 'tables'?", or NULL */
};

struct problems;
struct problems *problems_new(void);
void problems_free(struct problems *p);
size_t problems_count(const struct problems *p);
const struct problem *problems_at(const struct problems *p, size_t i);
/*
 * Copies. Past a limit, or without memory, further problems are only counted;
 * one more row then says how many there are.
 */
void problems_add(struct problems *p, struct place place, const char *key,
    const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* All of another list. */
void problems_append(struct problems *p, const struct problems *more);
/* Sorts by file, line and column, keeping the order of equal places. */
void problems_sort(struct problems *p);
/* "file:line:column: key: text (hint)" per line; or a JSON array. */
int problems_print(const struct problems *p, struct leat_buf *to);
int problems_print_json(const struct problems *p, struct leat_buf *to);

#endif
