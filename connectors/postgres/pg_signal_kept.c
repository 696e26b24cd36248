/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_signal_kept.h"

#include <errno.h>
#include <string.h>

#include <leat/json.h>

enum { PARSE_CHUNK = 8 * 1024, PARSE_MAX = 16 * 1024 * 1024 };

static const char member[] = "signals_kept";

static void
add_text(struct leat_buf *b, const char *before, const char *text)
{
	(void)leat_buf_add_str(b, before);
	(void)leat_json_add_string(b, text, strlen(text));
}

static void
add_conditions(struct leat_buf *b, const struct pg_signal *s)
{
	(void)leat_buf_add_str(b, ",\"additional-conditions\":[");
	for (uint32_t i = 0; i < s->nconditions; i++) {
		add_text(b, i == 0 ? "{\"data-collection\":" :
		    ",{\"data-collection\":", s->conditions[i].collection);
		add_text(b, ",\"filter\":", s->conditions[i].filter);
		(void)leat_buf_add_byte(b, '}');
	}
	(void)leat_buf_add_byte(b, ']');
}

/* As pg_signal_parse_object() reads it; the rest cannot fail at the server. */
static void
add_execute(struct leat_buf *b, const struct pg_signal *s)
{
	add_text(b, "{\"id\":", s->id);
	add_text(b, ",\"type\":\"execute-snapshot\",\"data\":{\"type\":",
	    s->blocking ? "BLOCKING" : "INCREMENTAL");
	(void)leat_buf_add_str(b, ",\"data-collections\":[");
	for (uint32_t i = 0; i < s->ncollections; i++)
		add_text(b, i == 0 ? "" : ",", s->collections[i]);
	(void)leat_buf_add_byte(b, ']');
	add_conditions(b, s);
	if (s->surrogate != NULL)
		add_text(b, ",\"surrogate-key\":", s->surrogate);
	(void)leat_buf_add_str(b, "}}");
}

int
pg_kept_add(struct pg_kept *k, const struct pg_signal *s)
{
	size_t before = k->signals.len;

	if (k->signals.max == 0)
		leat_buf_init(&k->signals, PG_KEPT_BYTES);
	if (before > 0)
		(void)leat_buf_add_byte(&k->signals, ',');
	add_execute(&k->signals, s);
	if (!k->signals.failed)
		return 0;
	k->signals.len = before;
	k->signals.failed = false;
	return -EFBIG;
}

int
pg_kept_any(const struct pg_kept *k)
{
	return k->signals.len > 0;
}

void
pg_kept_encode(const struct pg_kept *k, struct leat_buf *b)
{
	if (!pg_kept_any(k))
		return;
	(void)leat_buf_printf(b, ",\"%s\":[", member);
	(void)leat_buf_add(b, k->signals.data, k->signals.len);
	(void)leat_buf_add_byte(b, ']');
}

int
pg_kept_restore(struct pg_kept *k, const struct leat_value *position)
{
	const struct leat_value *list = leat_map_value(position, member);

	leat_buf_init(&k->signals, PG_KEPT_BYTES);
	for (uint32_t i = 0; list != NULL && list->kind == LEAT_ARRAY &&
	    i < list->len; i++) {
		if (i > 0)
			(void)leat_buf_add_byte(&k->signals, ',');
		(void)leat_json_add_value(&k->signals, &list->u.items[i]);
	}
	return k->signals.failed ? -ENOMEM : 0;
}

static void
give(const struct leat_value *v, pg_signal_fn *fn, void *arg)
{
	struct pg_signal s;
	struct leat_arena a;
	struct leat_buf b;

	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	leat_buf_init(&b, PG_KEPT_BYTES);
	if (leat_json_add_value(&b, v) == 0 && pg_signal_parse_object(
	    (struct leat_str){ (const char *)b.data, b.len }, &a, &s,
	    NULL) == 0)
		fn(arg, &s);
	leat_buf_fini(&b);
	leat_arena_fini(&a);
}

void
pg_kept_each(struct pg_kept *k, pg_signal_fn *fn, void *arg)
{
	struct leat_buf text;
	struct leat_value list;
	struct leat_arena a;

	leat_buf_init(&text, PG_KEPT_BYTES + 2);
	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	(void)leat_buf_add_byte(&text, '[');
	(void)leat_buf_add(&text, k->signals.data, k->signals.len);
	(void)leat_buf_add_byte(&text, ']');
	if (!text.failed && leat_json_parse(&a, (const char *)text.data,
	    text.len, &list, NULL) == 0) {
		leat_buf_reset(&k->signals);
		for (uint32_t i = 0; i < list.len; i++)
			give(&list.u.items[i], fn, arg);
	}
	leat_arena_fini(&a);
	leat_buf_fini(&text);
}

void
pg_kept_fini(struct pg_kept *k)
{
	leat_buf_fini(&k->signals);
}
