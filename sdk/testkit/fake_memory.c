/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_memory.c: lists, loans and copies of the fake host.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <leat/json.h>

#include "sdk/testkit/fake.h"

void *
fake_need(void *p)
{
	if (p == NULL) {
		(void)fputs("fake host: out of memory\n", stderr);
		abort();
	}
	return p;
}

void
fake_add(struct fake_list *list, void *item)
{
	if (list->len == list->cap) {
		list->cap = list->cap == 0 ? 16 : list->cap * 2;
		list->items = fake_need(realloc((void *)list->items,
		    list->cap * sizeof(void *)));
	}
	list->items[list->len++] = item;
}

char *
fake_strdup(struct leat_fake *f, const char *s)
{
	return fake_need(leat_arena_strdup(&f->arena, s));
}

void
fake_broken(struct leat_fake *f, const char *fmt, ...)
{
	va_list ap;

	if (f->broken[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(f->broken, sizeof(f->broken), fmt, ap);
	va_end(ap);
}

void *
fake_lend(struct fake_loan **loans, size_t size)
{
	struct fake_loan *loan = fake_need(malloc(sizeof(*loan) + size));

	loan->next = *loans;
	*loans = loan;
	return loan + 1;
}

void
fake_end_loans(struct fake_loan **loans)
{
	struct fake_loan *loan;

	while ((loan = *loans) != NULL) {
		*loans = loan->next;
		free(loan);
	}
}

/* ------------------------------------------------------------------ copies */

struct leat_value
fake_copy_value(struct leat_arena *arena, const struct leat_value *v)
{
	size_t n = v->kind == LEAT_MAP ? (size_t)v->len * 2 : v->len, i;
	struct leat_value copy = *v, *items;

	if (v->kind < LEAT_STRING)
		return copy;
	if (v->kind <= LEAT_BYTES) {
		copy.u.b = fake_need(leat_arena_memdup(arena, v->u.b, v->len));
		return copy;
	}
	items = fake_need(leat_arena_calloc(arena, n, sizeof(*items)));
	for (i = 0; i < n; i++)
		items[i] = fake_copy_value(arena, &v->u.items[i]);
	copy.u.items = items;
	return copy;
}

static const struct leat_header *
copy_headers(struct leat_arena *arena, const struct leat_record *from)
{
	struct leat_header *to;
	uint32_t i;

	if (from->nheaders == 0)
		return NULL;
	to = fake_need(leat_arena_calloc(arena, from->nheaders, sizeof(*to)));
	for (i = 0; i < from->nheaders; i++) {
		to[i].name = fake_need(leat_arena_strdup(arena,
		    from->headers[i].name));
		to[i].schema = from->headers[i].schema;
		to[i].value = fake_copy_value(arena, &from->headers[i].value);
	}
	return to;
}

void
fake_copy_record(struct leat_arena *arena, struct leat_record *to,
    const struct leat_record *from)
{
	*to = *from;
	to->topic = fake_need(leat_arena_strdup(arena, from->topic));
	if (from->origin_topic != NULL)
		to->origin_topic = fake_need(leat_arena_strdup(arena,
		    from->origin_topic));
	to->key = fake_copy_value(arena, &from->key);
	to->value = fake_copy_value(arena, &from->value);
	to->headers = copy_headers(arena, from);
}

const char *
fake_canonical(struct leat_fake *f, const char *json)
{
	const char *text = NULL;
	struct leat_value v;
	struct leat_buf b;

	if (json == NULL || leat_json_parse(&f->arena, json, strlen(json), &v,
	    NULL) < 0 || v.kind != LEAT_MAP)
		return NULL;
	leat_buf_init(&b, SIZE_MAX / 2);
	if (leat_json_add_canonical(&b, &v) == 0)
		text = fake_strdup(f, leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return text;
}
