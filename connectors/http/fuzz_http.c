/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: everything here that reads text from a peer or an operator.
 * The first byte chooses what the rest is.
 */
#include <stdlib.h>

#include <leat/json.h>

#include "http1.h"
#include "http_field.h"
#include "http_link.h"
#include "http_retry.h"
#include "http_source.h"
#include "http_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
get_var(const void *ctx, const struct http_part *part, struct leat_buf *out,
    struct leat_err *err)
{
	return leat_buf_add_str(out, "../\r\n\xff ");
}

static void
run_template(const char *text, enum http_escape escape)
{
	struct http_template t;
	struct leat_err err;
	struct leat_buf b;

	if (http_template_parse(&t, text, "url",
	    HTTP_VARS_SINK | HTTP_VARS_SOURCE, escape, &err) < 0)
		return;
	leat_buf_init(&b, 4096);
	http_template_expand(&t, get_var, NULL, &b, &err);
	leat_buf_fini(&b);
}

/* The same response in one piece and byte by byte must end the same. */
static void
run_response(const uint8_t *p, size_t len)
{
	struct http1_response whole, bytes;
	struct leat_err err;
	size_t used, i;
	int a, b = 0;

	http1_init(&whole);
	http1_init(&bytes);
	http1_reset(&whole, false);
	http1_reset(&bytes, false);
	a = http1_feed(&whole, p, len, &used, &err);
	for (i = 0; i < len && b == 0; i++)
		b = http1_feed(&bytes, p + i, 1, &used, &err);
	if (len > 0 && (a != b || whole.status != bytes.status ||
			   whole.body.len != bytes.body.len))
		abort();
	http1_fini(&whole);
	http1_fini(&bytes);
}

static void
run_pointer(const char *text, size_t len)
{
	const struct leat_schema *schema;
	struct leat_str doc = { text, len }, pointer = leat_str_cut(&doc,
	    '\n');
	struct leat_arena a;
	struct leat_value v;

	leat_arena_init(&a, 4096, 1 << 20);
	if (leat_json_parse(&a, doc.ptr, doc.len, &v, NULL) == 0) {
		http_field_find(NULL, &v, pointer, &schema);
		http_field_hash(&v, 0);
	}
	leat_arena_fini(&a);
}

static void
run_state(const char *text)
{
	struct source_state st = { 0 };
	struct leat_err err;
	struct leat_buf b;

	leat_buf_init(&b, 1 << 20);
	if (source_state_parse(&st, text, &err) == 0)
		source_state_print(&st, &b);
	leat_buf_fini(&b);
	source_state_fini(&st);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leat_str s, target;
	int64_t ms;
	char *text;

	if (size == 0 || (text = malloc(size)) == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	s = (struct leat_str){ text, size - 1 };
	switch (data[0] % 6) {
	case 0:
		http_link_next(s, &target);
		break;
	case 1:
		http_retry_after_parse(s, 0, &ms);
		break;
	case 2:
		run_template(text, (enum http_escape)(data[0] / 6 % 3));
		break;
	case 3:
		run_response(data + 1, size - 1);
		break;
	case 4:
		run_pointer(text, size - 1);
		break;
	case 5:
		run_state(text);
		break;
	}
	free(text);
	return 0;
}
