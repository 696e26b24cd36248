/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simple.c: the converters of one value without structure: text, bytes and
 * numbers, and the one for headers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/converter.h"
#include "core/record/value_text.h"

struct simple {
	const struct converter_class *cls;
	const struct leat_schema *optional;	/* of what is read */
	struct value_types types;
};

/* The kind that a class reads. */
static int
kind_of(const struct converter_class *cls)
{
	if (cls == &bytes_converter)
		return LEAT_BYTES;
	if (cls == &boolean_converter)
		return LEAT_BOOLEAN;
	if (cls == &short_converter)
		return LEAT_INT16;
	if (cls == &integer_converter)
		return LEAT_INT32;
	if (cls == &long_converter)
		return LEAT_INT64;
	if (cls == &float_converter)
		return LEAT_FLOAT32;
	return cls == &double_converter ? LEAT_FLOAT64 : LEAT_STRING;
}

static int
simple_open(const struct converter_class *cls, const void *config,
    struct leat_schema_pool *pool, void **ret_self, struct leat_err *err)
{
	struct simple *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	c->cls = cls;
	c->optional = leat_schema_pool_intern(pool,
	    leat_schema_plain(kind_of(cls), 1), err);
	if (c->optional == NULL || (cls == &simple_header_converter &&
	    value_types_init(&c->types, pool, err) < 0)) {
		free(c);
		return -1;
	}
	*ret_self = c;
	return 0;
}

static void
simple_close(void *self)
{
	free(self);
}

/* What all of them make of null: null. */
static bool
is_null(struct leat_str bytes, const struct leat_schema **ret_schema,
    struct leat_value *ret_value)
{
	if (bytes.ptr != NULL)
		return false;
	*ret_schema = NULL;
	*ret_value = leat_null();
	return true;
}

/* --------------------------------------------------------------------- text */

static int
string_encode(void *self, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
    struct leat_err *err)
{
	*ret_null = v->kind == LEAT_NULL;
	return *ret_null ? 0 : value_text_java(schema, v, to, err);
}

static int
string_decode(void *self, struct leat_str bytes, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	const struct simple *c = self;

	if (is_null(bytes, ret_schema, ret_value))
		return 0;
	if (!leat_utf8_valid(bytes.ptr, bytes.len))
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "the bytes are not UTF-8 text");
	*ret_schema = c->optional;
	*ret_value = leat_string(bytes.ptr, bytes.len);
	return 0;
}

static int
header_encode(void *self, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
    struct leat_err *err)
{
	*ret_null = v->kind == LEAT_NULL;
	return *ret_null ? 0 : value_text_values(schema, v, to, err);
}

static int
header_decode(void *self, struct leat_str bytes, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	const struct simple *c = self;

	if (is_null(bytes, ret_schema, ret_value))
		return 0;
	if (!leat_utf8_valid(bytes.ptr, bytes.len)) {
		*ret_schema = c->types.plain[LEAT_BYTES];
		*ret_value = leat_bytes(bytes.ptr, bytes.len);
		return 0;
	}
	return value_text_parse(&c->types, bytes, arena, ret_schema,
	    ret_value, err);
}

/* -------------------------------------------------------- bytes and numbers */

static int
wrong_type(const struct simple *c, const struct leat_value *v,
    struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "%s takes %s, not %s", c->cls->name,
	    leat_kind_name(kind_of(c->cls)), leat_kind_name(v->kind));
}

/* How many bytes a number of this kind takes. */
static unsigned
fixed_size(int kind)
{
	switch (kind) {
	case LEAT_BOOLEAN:
		return 1;
	case LEAT_INT16:
		return 2;
	case LEAT_INT32:
	case LEAT_FLOAT32:
		return 4;
	default:
		return 8;
	}
}

static int
fixed_encode(void *self, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
    struct leat_err *err)
{
	const struct simple *c = self;
	const int kind = kind_of(c->cls);
	uint8_t bytes[8];
	uint64_t bits = (uint64_t)v->u.i;
	const unsigned n = fixed_size(kind);
	unsigned i;

	*ret_null = v->kind == LEAT_NULL;
	if (*ret_null)
		return 0;
	if (v->kind != kind)
		return wrong_type(c, v, err);
	if (kind == LEAT_FLOAT32) {
		float f = (float)v->u.f;
		uint32_t word;

		memcpy(&word, &f, 4);
		bits = word;
	}
	for (i = 0; i < n; i++)
		bytes[i] = (uint8_t)(bits >> (n - 1 - i) * 8);
	if (leat_buf_add(to, bytes, n) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return 0;
}

static int
wrong_size(const struct simple *c, size_t n, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "Size of data received by %s is not %zu", c->cls->name, n);
}

static int
fixed_decode(void *self, struct leat_str bytes, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	const struct simple *c = self;
	const uint8_t kind = c->optional->kind;
	const unsigned size = fixed_size(kind);
	struct leat_value v = { .kind = kind };
	uint64_t bits = 0;
	uint32_t word;
	float f;
	size_t i;

	if (is_null(bytes, ret_schema, ret_value))
		return 0;
	if (bytes.len != size)
		return wrong_size(c, size, err);
	for (i = 0; i < bytes.len; i++)
		bits = bits << 8 | (uint8_t)bytes.ptr[i];
	if (kind == LEAT_BOOLEAN && bits > 1)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Unexpected byte received by %s: neither 0 nor 1",
		    c->cls->name);
	if (kind == LEAT_FLOAT32) {
		word = (uint32_t)bits;
		memcpy(&f, &word, 4);
		v.u.f = (double)f;
	} else if (kind == LEAT_INT16) {
		v.u.i = (int16_t)bits;
	} else if (kind == LEAT_INT32) {
		v.u.i = (int32_t)bits;
	} else {
		memcpy(&v.u, &bits, 8);
	}
	*ret_schema = c->optional;
	*ret_value = v;
	return 0;
}

static int
bytes_encode(void *self, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
    struct leat_err *err)
{
	if (schema != NULL && schema->kind != LEAT_BYTES)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Invalid schema type for ByteArrayConverter: %s",
		    leat_kind_name(schema->kind));
	*ret_null = v->kind == LEAT_NULL;
	if (*ret_null)
		return 0;
	if (v->kind != LEAT_BYTES)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "ByteArrayConverter is not compatible with objects of "
		    "type %s", leat_kind_name(v->kind));
	if (leat_buf_add(to, v->u.b, v->len) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return 0;
}

static int
bytes_decode(void *self, struct leat_str bytes, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	const struct simple *c = self;

	if (is_null(bytes, ret_schema, ret_value))
		return 0;
	*ret_schema = c->optional;
	*ret_value = leat_bytes(bytes.ptr, bytes.len);
	return 0;
}

/* ------------------------------------------------------------------ classes */

struct string_config {
	int32_t encoding[3];
};

/* clang-format off */
static const struct leat_option string_options[] = {
	{ "converter.encoding", "encoding", LEAT_OPT_CHOICE, 0, "UTF-8", 0, 0,
	  "UTF-8,UTF8", offsetof(struct string_config, encoding[0]),
	  "The encoding of the text: only UTF-8.", "0.1" },
	{ "converter.encoding.serializer", NULL, LEAT_OPT_CHOICE, 0, "UTF-8",
	  0, 0, "UTF-8,UTF8", offsetof(struct string_config, encoding[1]),
	  "As converter.encoding, for writing.", "0.1" },
	{ "converter.encoding.deserializer", NULL, LEAT_OPT_CHOICE, 0, "UTF-8",
	  0, 0, "UTF-8,UTF8", offsetof(struct string_config, encoding[2]),
	  "As converter.encoding, for reading.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

#define CONVERTER(c_name, java, short_name, enc, dec)   \
	const struct converter_class c_name = {         \
		.name = "org.apache.kafka.connect." java, \
		.alias = short_name,                    \
		.open = simple_open,                    \
		.close = simple_close,                  \
		.encode = enc,                          \
		.decode = dec,                          \
	}
#define NUMBER(c_name, java, short_name)                          \
	CONVERTER(c_name, "converters." java, short_name,         \
	    fixed_encode, fixed_decode)

const struct converter_class string_converter = {
	.name = "org.apache.kafka.connect.storage.StringConverter",
	.alias = "string",
	.options = string_options,
	.config_size = sizeof(struct string_config),
	.open = simple_open,
	.close = simple_close,
	.encode = string_encode,
	.decode = string_decode,
};
CONVERTER(bytes_converter, "converters.ByteArrayConverter", "bytes",
    bytes_encode, bytes_decode);
CONVERTER(simple_header_converter, "storage.SimpleHeaderConverter", "simple",
    header_encode, header_decode);
NUMBER(boolean_converter, "BooleanConverter", "boolean");
NUMBER(short_converter, "ShortConverter", "short");
NUMBER(integer_converter, "IntegerConverter", "integer");
NUMBER(long_converter, "LongConverter", "long");
NUMBER(float_converter, "FloatConverter", "float");
NUMBER(double_converter, "DoubleConverter", "double");
