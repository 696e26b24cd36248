/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_text.c: header text, and the regular expressions and date patterns of
 * configurations. The first line is a pattern, the rest the text.
 */
#include <stdlib.h>

#include "core/record/java_date.h"
#include "core/record/java_regex.h"
#include "core/record/record_testing.h"
#include "core/record/value_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_header(struct leat_str text)
{
	struct leat_schema_pool *pool = leat_schema_pool_new(1 << 20);
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *schema;
	struct value_types types;
	struct leat_arena arena;
	struct leat_value v;
	struct leat_buf buf;

	leat_arena_init(&arena, 4096, 1 << 22);
	leat_buf_init(&buf, 1 << 22);
	if (value_types_init(&types, pool, &err) < 0)
		testing_die("types", err.text);
	if (value_text_parse(&types, text, &arena, &schema, &v, &err) == 0) {
		if (schema != NULL && v.kind != LEAT_NULL &&
		    leat_value_check(schema, &v, &err) < 0)
			testing_die("check", err.text);
		(void)value_text_values(schema, &v, &buf, &err);
	}
	leat_buf_fini(&buf);
	leat_arena_fini(&arena);
	leat_schema_pool_free(pool);
}

static void
try_regex(const char *pattern, const char *text, struct leat_arena *arena)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct java_regex *re;
	const char *out;

	if (strlen(pattern) > 64 || java_regex_new(pattern, &re, &err) < 0)
		return;
	if (strlen(text) < 64)
		(void)java_regex_replace(re, text, text, arena, &out, &err);
	java_regex_free(re);
}

static void
try_date(const char *pattern, const char *text)
{
	struct leat_err err = LEAT_ERR_INIT;
	char out[JAVA_DATE_TEXT];
	int64_t ms;

	if (java_date_check(pattern, &err) < 0)
		return;
	if (java_date_parse(leat_str_c(text), pattern, &ms) < 0)
		ms = 0;
	if (java_date_format(out, pattern, ms) > sizeof(out))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leat_str rest = { (const char *)data, size }, line;
	struct leat_arena arena;
	const char *pattern, *text;

	leat_arena_init(&arena, 4096, 0);
	line = leat_str_cut(&rest, '\n');
	pattern = leat_arena_strndup(&arena, line.ptr, line.len);
	text = leat_arena_strndup(&arena, rest.ptr, rest.len);
	if (pattern != NULL && text != NULL &&
	    memchr(pattern, '{', line.len) == NULL) {
		try_regex(pattern, text, &arena);
		try_date(pattern, text);
	}
	try_header((struct leat_str){ (const char *)data, size });
	leat_arena_fini(&arena);
	return 0;
}
