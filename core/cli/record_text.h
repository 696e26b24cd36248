/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_text.h: records as lines: JSON that can be read back to the byte, or
 * what a format of `%` letters says.
 */
#ifndef LEAT_CORE_CLI_RECORD_TEXT_H
#define LEAT_CORE_CLI_RECORD_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

/* The texts are views; one whose ptr is NULL is null. */
struct cli_header {
	struct leat_str name, value;
};

struct cli_record {
	struct leat_str topic;
	int32_t partition;	/* -1: not said */
	int64_t offset;
	int64_t timestamp;	/* ms since the epoch; -1: none */
	struct leat_str key, value;
	const struct cli_header *headers;
	size_t nheaders;
};

enum { FORMAT_PARTS_MAX = 64, FORMAT_TEXT_MAX = 1024 };

/* A format, taken apart. */
struct record_format {
	struct format_part {
		char letter;	/* 0: the text alone */
		uint16_t at, len;	/* of text, in front of it */
	} parts[FORMAT_PARTS_MAX];
	size_t nparts;
	char text[FORMAT_TEXT_MAX];
	size_t text_len;
	bool headers;		/* it prints headers */
	struct leat_str null;	/* what stands for null */
};

/*
 * Understands `%t` topic, `%p` partition, `%o` offset, `%k` key, `%s` value,
 * `%K` and `%S` their bytes (-1: null), `%T` timestamp, `%h` headers, `%%`,
 * and \n \t \r \0 \\ \xHH. 0, or an error that says what is wrong.
 */
int record_format_parse(struct record_format *f, const char *text,
    struct leat_err *err);

/* Appends the record as the format says. */
void record_print(const struct record_format *f, const struct cli_record *r,
    struct leat_buf *to);

/*
 * Appends the record as one line of JSON. Keys and values: a text that is JSON
 * but for a string or null stands there as it is, another text is a string,
 * other bytes are {"base64": ..}. arena is for work: it is reset.
 */
void record_print_json(const struct cli_record *r, struct leat_arena *arena,
    struct leat_buf *to);

/*
 * The reverse, for a line without its end. `topic`, `offset` and what is not
 * there are ignored, but a value must be there; partition and timestamp are -1
 * when they are not. The texts lie in the line or in the arena. 0, or an error.
 */
int record_parse_json(struct leat_str line, struct leat_arena *arena,
    struct cli_record *ret, struct leat_err *err);

/*
 * Text with its escapes resolved, as in a format; its length, or -1 for a bad
 * escape or more than size bytes.
 */
int64_t record_unescape(const char *text, char *to, size_t size);

#endif
