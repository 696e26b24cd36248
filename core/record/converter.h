/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converter.h: what a converter is: typed values to bytes and back.
 *
 * A class is a row with an option table; an instance is one use of it (the key,
 * the value or the headers of one task) and belongs to that task's thread.
 */
#ifndef LEAT_CORE_RECORD_CONVERTER_H
#define LEAT_CORE_RECORD_CONVERTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/connector.h>
#include <leat/err.h>
#include <leat/record.h>
#include <leat/schema.h>
#include <leat/str.h>

enum {
	/* The largest key, value or set of headers that is ever encoded. */
	RECORD_LIMIT_ENCODED = 1 << 30,
	/* Memory for derived encodings (plans), per converter. */
	RECORD_LIMIT_PLANS = 64 << 20
};

struct converter_class {
	const char *name;	/* the Java class, with its package */
	const char *alias;	/* json */
	bool values_only;	/* not for keys, not for headers */
	const struct leat_option *options;	/* or NULL */
	size_t config_size;
	/* `config` is valid during the call only. */
	int (*open)(const struct converter_class *cls, const void *config,
	    struct leat_schema_pool *pool, void **ret_self,
	    struct leat_err *err);
	void (*close)(void *self);
	/* The headers of the record whose value comes next; may be NULL. */
	void (*headers)(void *self, const struct leat_header *headers,
	    uint32_t n);
	/*
	 * Appends the bytes of a value; *ret_null says that they are null (then
	 * nothing is appended). On failure `to` may hold part of the value.
	 */
	int (*encode)(void *self, const struct leat_schema *schema,
	    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
	    struct leat_err *err);
	/* bytes.ptr may be NULL (null). The value may point into the bytes. */
	int (*decode)(void *self, struct leat_str bytes,
	    struct leat_arena *arena, const struct leat_schema **ret_schema,
	    struct leat_value *ret_value, struct leat_err *err);
	size_t (*held)(const void *self);	/* or NULL: next to nothing */
};

/* By class name or alias; NULL if there is none. */
const struct converter_class *converter_find(const char *name);
/* All, ended by NULL. */
extern const struct converter_class *const converter_classes[];

extern const struct converter_class json_converter;
extern const struct converter_class string_converter;
extern const struct converter_class bytes_converter;
extern const struct converter_class boolean_converter;
extern const struct converter_class short_converter;
extern const struct converter_class integer_converter;
extern const struct converter_class long_converter;
extern const struct converter_class float_converter;
extern const struct converter_class double_converter;
extern const struct converter_class simple_header_converter;
extern const struct converter_class cloud_events_converter;

#endif
