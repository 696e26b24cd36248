/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_template.h: text with ${variables}.
 *
 *	https://shop/${topic}/${key:/id}?at=${timestamp}
 *
 * A variable is ${name} or ${name:/json/pointer}; "$$" is one "$". Values are
 * escaped for where they stand: percent-encoded in URLs, refused in headers
 * when they hold control characters, so that no record can add a header.
 */
#ifndef LEAT_HTTP_TEMPLATE_H
#define LEAT_HTTP_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

/* The numbers are bits of the `allowed` mask. */
enum http_var {
	HTTP_VAR_TEXT = 0,	/* no variable: literal text */
	HTTP_VAR_TOPIC = 1,
	HTTP_VAR_PARTITION = 2,
	HTTP_VAR_OFFSET = 3,
	HTTP_VAR_TIMESTAMP = 4,
	HTTP_VAR_KEY = 5,	/* takes a pointer */
	HTTP_VAR_VALUE = 6,	/* takes a pointer */
	HTTP_VAR_CURSOR = 7,
	HTTP_VAR_PAGE = 8,
	HTTP_VAR_SKIP = 9,	/* ${offset} of a source: records to skip */
	HTTP_VAR_LIMIT = 10,
	HTTP_VAR_N = 11
};

enum {
	HTTP_VARS_SINK = 1 << HTTP_VAR_TOPIC | 1 << HTTP_VAR_PARTITION |
	    1 << HTTP_VAR_OFFSET | 1 << HTTP_VAR_TIMESTAMP |
	    1 << HTTP_VAR_KEY | 1 << HTTP_VAR_VALUE,
	HTTP_VARS_SOURCE = 1 << HTTP_VAR_CURSOR | 1 << HTTP_VAR_PAGE |
	    1 << HTTP_VAR_SKIP | 1 << HTTP_VAR_LIMIT
};

enum http_escape {
	HTTP_ESCAPE_NONE,
	HTTP_ESCAPE_URL,
	HTTP_ESCAPE_HEADER
};

struct http_part {
	enum http_var var;
	struct leat_str text;	/* literal text, or the pointer */
};

enum { HTTP_PARTS_MAX = 64 };

struct http_template {
	struct http_part parts[HTTP_PARTS_MAX];
	uint32_t nparts;
	uint32_t vars;		/* mask of the variables in it */
	enum http_escape escape;
};

/* Appends the raw value of a variable; 0 or negative with err filled. */
typedef int http_var_fn(const void *ctx, const struct http_part *part,
    struct leat_buf *out, struct leat_err *err);

/*
 * Reads a template. The text must outlive it. `option` is named in errors;
 * `allowed` is a mask of variables. 0, or class CONFIG.
 */
int http_template_parse(struct http_template *t, const char *text,
    const char *option, uint32_t allowed, enum http_escape escape,
    struct leat_err *err);

/*
 * Appends the text with its variables filled in. 0, or negative with err
 * filled: class RECORD for a value that may not stand there.
 */
int http_template_expand(const struct http_template *t, http_var_fn *get,
    const void *ctx, struct leat_buf *out, struct leat_err *err);

#endif
