/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_expr.c: expressions of transforms, parsed and evaluated against a fixed
 * set of records. The text up to the first NUL is the expression, what follows
 * is a string in one of the records.
 */
#include <stdlib.h>

#include "core/record/expr/testing_expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_record(struct expr *e, const struct leat_record *rec)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_arena arena;
	struct expr_value v;
	struct leat_buf buf;

	leat_arena_init(&arena, 4096, 1 << 22);
	leat_buf_init(&buf, 1 << 22);
	if (expr_eval(e, rec, &arena, &v, &err) == 0)
		(void)expr_add_text(&v, &buf, &err);
	else if (err.text[0] == '\0')
		testing_die("eval", "an error without words");
	leat_buf_fini(&buf);
	leat_arena_fini(&arena);
}

static void
try_expression(const char *text, struct leat_str rest,
    struct leat_arena *arena)
{
	const struct leat_record records[] = { testing_event(), testing_all(),
		testing_plain(), { .topic = "empty" },
		{ .topic = "text", .key_schema = &t_string,
		    .key = leat_string(rest.ptr, rest.len) } };
	struct leat_err err = LEAT_ERR_INIT;
	struct expr *e;
	size_t i;

	if (expr_new(text, arena, &e, &err) < 0) {
		if (err.text[0] == '\0')
			testing_die("parse", "an error without words");
		return;
	}
	for (i = 0; i < COUNT(records); i++)
		try_record(e, &records[i]);
	expr_free(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leat_str rest = { (const char *)data, size }, text;
	struct leat_arena arena;
	const char *copy;

	leat_arena_init(&arena, 4096, 1 << 24);
	text = leat_str_cut(&rest, '\0');
	copy = leat_arena_strndup(&arena, text.ptr, text.len);
	if (copy != NULL)
		try_expression(copy, rest, &arena);
	leat_arena_fini(&arena);
	return 0;
}
