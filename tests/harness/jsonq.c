/* SPDX-License-Identifier: Apache-2.0 */
/* jsonq.c: see jsonq.h. */
#include "tests/harness/jsonq.h"

#include <string.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/json.h>
#include <leat/str.h>

#include "tests/harness/proc.h"

enum { CHUNK_BYTES = 1 << 20, TEXT_MAX = 256 << 20 };

/* Never given back: what is in it lives until the program ends. */
static struct leat_arena all = { .chunk_bytes = CHUNK_BYTES };

const struct leat_value *
th_json(const char *text)
{
	struct leat_value *doc = leat_arena_alloc(&all, sizeof(*doc));
	char *copy = leat_arena_strdup(&all, text);
	struct leat_err err = LEAT_ERR_INIT;

	if (doc == NULL || copy == NULL)
		th_fail("out of memory");
	if (leat_json_parse(&all, copy, strlen(copy), doc, &err) < 0)
		th_fail("not JSON: %s: %.2000s", err.text, text);
	return doc;
}

const struct leat_value *
th_json_at(const struct leat_value *doc, const char *pointer)
{
	return leat_json_pointer(doc, leat_str_c(pointer));
}

const char *
th_json_text(const struct leat_value *doc, const char *pointer)
{
	const struct leat_value *v = th_json_at(doc, pointer);
	struct leat_buf b;
	const char *text;

	if (v == NULL)
		return "(nothing)";
	if (v->kind == LEAT_STRING)
		return leat_arena_strndup(&all, v->u.s, v->len);
	leat_buf_init(&b, TEXT_MAX);
	leat_json_add_value(&b, v);
	text = leat_arena_strndup(&all, (const char *)b.data, b.len);
	leat_buf_fini(&b);
	return text;
}

int64_t
th_json_int(const struct leat_value *doc, const char *pointer)
{
	const struct leat_value *v = th_json_at(doc, pointer);

	if (v == NULL || v->kind != LEAT_INT64)
		th_fail("no number at '%s' of %s", pointer,
		    th_json_text(doc, ""));
	return v->u.i;
}

size_t
th_json_len(const struct leat_value *doc, const char *pointer)
{
	const struct leat_value *v = th_json_at(doc, pointer);

	if (v == NULL || (v->kind != LEAT_ARRAY && v->kind != LEAT_MAP))
		th_fail("no array or object at '%s' of %s", pointer,
		    th_json_text(doc, ""));
	return v->len;
}

bool
th_json_lists(const struct leat_value *doc, const char *pointer,
    const char *text)
{
	const struct leat_value *v = th_json_at(doc, pointer);

	if (v == NULL || v->kind != LEAT_ARRAY)
		return false;
	for (uint32_t i = 0; i < v->len; i++) {
		const struct leat_value *item = &v->u.items[i];

		if (item->kind == LEAT_STRING && leat_str_eq_c(
			(struct leat_str){ item->u.s, item->len }, text))
			return true;
	}
	return false;
}
