/* SPDX-License-Identifier: Apache-2.0 */
/*
 * problems.c: a list of what is wrong.
 */
#include "core/config/properties.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/json.h>

#include "core/base/obj.h"

enum {
	PROBLEMS_MAX = 500,
	PROBLEMS_BYTES_MAX = 1024 * 1024,
	CHUNK_BYTES = 2048,
	TEXT_MAX = 1024
};

struct problems {
	struct leat_arena arena;
	struct problem *rows;
	size_t len;
	size_t cap;
	size_t lost;		/* counted only */
	struct problem rest;	/* tells how many */
	char rest_text[64];
};

struct problems *
problems_new(void)
{
	struct problems *p = calloc(1, sizeof(*p));

	if (p != NULL)
		leat_arena_init(&p->arena, CHUNK_BYTES, PROBLEMS_BYTES_MAX);
	return p;
}

void
problems_free(struct problems *p)
{
	if (p == NULL)
		return;
	leat_arena_fini(&p->arena);
	free(p->rows);
	free(p);
}

size_t
problems_count(const struct problems *p)
{
	return p->len + (p->lost > 0);
}

const struct problem *
problems_at(const struct problems *p, size_t i)
{
	assert(i < problems_count(p));
	return i < p->len ? &p->rows[i] : &p->rest;
}

static void
lose(struct problems *p)
{
	p->lost++;
	(void)snprintf(p->rest_text, sizeof(p->rest_text),
	    "%zu more problems are not shown", p->lost);
	p->rest.place.file = "configuration";
	p->rest.text = p->rest_text;
}

static int
room(struct problems *p)
{
	size_t cap = p->cap == 0 ? 8 : p->cap * 2;
	struct problem *rows;

	if (p->len >= PROBLEMS_MAX)
		return -1;
	if (p->len < p->cap)
		return 0;
	rows = realloc(p->rows, cap * sizeof(*rows));
	if (rows == NULL)
		return -1;
	p->rows = rows;
	p->cap = cap;
	return 0;
}

/* A copy, or NULL for NULL; *ok turns false when memory is out. */
static const char *
copy(struct problems *p, const char *s, bool *ok)
{
	const char *to;

	if (s == NULL)
		return NULL;
	to = leat_arena_strdup(&p->arena, s);
	*ok = *ok && to != NULL;
	return to;
}

static void
add(struct problems *p, const struct problem *row)
{
	struct problem own = { .place = row->place };
	bool ok = true;

	if (p->len > 0 && row->place.file != NULL &&
	    p->rows[p->len - 1].place.file != NULL &&
	    strcmp(p->rows[p->len - 1].place.file, row->place.file) == 0)
		own.place.file = p->rows[p->len - 1].place.file;
	else
		own.place.file = copy(p, row->place.file, &ok);
	own.key = copy(p, row->key, &ok);
	own.text = copy(p, row->text, &ok);
	own.hint = copy(p, row->hint, &ok);
	if (!ok || room(p) < 0)
		lose(p);
	else
		p->rows[p->len++] = own;
}

void
problems_add(struct problems *p, struct place place, const char *key,
    const char *hint, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add(p, &(struct problem){ place, key, text, hint });
}

void
problems_append(struct problems *p, const struct problems *more)
{
	for (size_t i = 0; i < more->len; i++)
		add(p, &more->rows[i]);
	for (size_t i = 0; i < more->lost; i++)
		lose(p);
}

static int
compare_places(const struct problem *a, const struct problem *b)
{
	int c = strcmp(a->place.file != NULL ? a->place.file : "",
	    b->place.file != NULL ? b->place.file : "");

	if (c != 0)
		return c;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	if (a->place.column != b->place.column)
		return a->place.column < b->place.column ? -1 : 1;
	return 0;
}

/* Insertion: lists are short, nearly sorted, and equal ones stay in order. */
void
problems_sort(struct problems *p)
{
	for (size_t i = 1; i < p->len; i++) {
		struct problem row = p->rows[i];
		size_t at = i;

		for (; at > 0 && compare_places(&p->rows[at - 1], &row) > 0;
		    at--)
			p->rows[at] = p->rows[at - 1];
		p->rows[at] = row;
	}
}

/* -------------------------------------------------------------- printing */

static void
print_place(const struct place *place, struct leat_buf *to)
{
	if (place->file != NULL)
		(void)leat_buf_printf(to, "%s:", place->file);
	if (place->line > 0)
		(void)leat_buf_printf(to, "%d:", place->line);
	if (place->line > 0 && place->column > 0)
		(void)leat_buf_printf(to, "%d:", place->column);
	if (place->file != NULL || place->line > 0)
		(void)leat_buf_add_byte(to, ' ');
}

int
problems_print(const struct problems *p, struct leat_buf *to)
{
	for (size_t i = 0; i < problems_count(p); i++) {
		const struct problem *row = problems_at(p, i);

		print_place(&row->place, to);
		if (row->key != NULL)
			(void)leat_buf_printf(to, "%s: ", row->key);
		(void)leat_buf_add_str(to, row->text);
		if (row->hint != NULL)
			(void)leat_buf_printf(to, " (%s)", row->hint);
		(void)leat_buf_add_byte(to, '\n');
	}
	return to->failed ? -1 : 0;
}

static void
add_member(struct leat_buf *to, const char *name, const char *value)
{
	(void)leat_buf_printf(to, "\"%s\":", name);
	if (value == NULL)
		(void)leat_buf_add_str(to, "null");
	else
		(void)leat_json_add_string(to, value, strlen(value));
}

int
problems_print_json(const struct problems *p, struct leat_buf *to)
{
	(void)leat_buf_add_byte(to, '[');
	for (size_t i = 0; i < problems_count(p); i++) {
		const struct problem *row = problems_at(p, i);

		(void)leat_buf_add_str(to, i > 0 ? ",{" : "{");
		add_member(to, "file", row->place.file);
		(void)leat_buf_printf(to, ",\"line\":%d,\"column\":%d,",
		    row->place.line, row->place.column);
		add_member(to, "key", row->key);
		(void)leat_buf_add_byte(to, ',');
		add_member(to, "message", row->text);
		(void)leat_buf_add_byte(to, ',');
		add_member(to, "hint", row->hint);
		(void)leat_buf_add_byte(to, '}');
	}
	(void)leat_buf_add_byte(to, ']');
	return to->failed ? -1 : 0;
}
