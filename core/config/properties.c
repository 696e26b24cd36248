/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.c: rows in the order they were set, and an index sorted by key.
 *
 * Everything a set of properties points to lies in its one arena.
 */
#include "core/config/properties.h"

#include <errno.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/map.h>

#include "core/base/obj.h"

enum { CHUNK_BYTES = 2048 };

struct properties {
	unsigned refs;		/* atomic */
	struct leat_arena arena;
	struct property *rows;
	const struct property **by_key;
	size_t len;
	struct place origin;
};

/* Rows live in the arena; the map finds them by key and keeps the order. */
struct properties_builder {
	struct leat_arena arena;
	struct leat_map map;
	const char *file;	/* the last one copied */
	struct place origin;
	int failed;
};

/* --------------------------------------------------------------- reading */

struct properties *
properties_ref(const struct properties *p)
{
	/* Counting users changes nothing that they see. */
	struct properties *own = (struct properties *)(uintptr_t)p;

	__atomic_add_fetch(&own->refs, 1, __ATOMIC_RELAXED);
	return own;
}

void
properties_unref(struct properties *p)
{
	if (p == NULL || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	leat_arena_fini(&p->arena);
	free(p);
}

size_t
properties_count(const struct properties *p)
{
	return p->len;
}

const struct property *
properties_at(const struct properties *p, size_t i)
{
	assert(i < p->len);
	return &p->rows[i];
}

const struct property *
properties_find(const struct properties *p, const char *key)
{
	size_t lo = 0, hi = p->len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(key, p->by_key[mid]->key);

		if (c == 0)
			return p->by_key[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const char *
properties_get(const struct properties *p, const char *key, const char *def)
{
	const struct property *row = properties_find(p, key);

	return row == NULL ? def : row->value;
}

bool
properties_equal(const struct properties *a, const struct properties *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->by_key[i]->key, b->by_key[i]->key) != 0 ||
		    strcmp(a->by_key[i]->value, b->by_key[i]->value) != 0)
			return false;
	return true;
}

struct place
properties_origin(const struct properties *p)
{
	return p->origin;
}

/* -------------------------------------------------------------- building */

struct properties_builder *
properties_builder_new(void)
{
	struct properties_builder *b = calloc(1, sizeof(*b));

	if (b != NULL)
		leat_arena_init(&b->arena, CHUNK_BYTES, PROPERTIES_BYTES_MAX);
	return b;
}

static void
builder_empty(struct properties_builder *b)
{
	leat_map_fini(&b->map);
	leat_arena_fini(&b->arena);
	leat_map_init(&b->map);
	leat_arena_init(&b->arena, CHUNK_BYTES, PROPERTIES_BYTES_MAX);
	b->file = NULL;
	b->origin = (struct place){ 0 };
	b->failed = 0;
}

void
properties_builder_free(struct properties_builder *b)
{
	if (b == NULL)
		return;
	builder_empty(b);
	free(b);
}

/* Most rows come from one file, whose name is copied once. */
static struct place
copy_place(struct properties_builder *b, struct place place)
{
	if (place.file != NULL &&
	    (b->file == NULL || strcmp(b->file, place.file) != 0)) {
		b->file = leat_arena_strdup(&b->arena, place.file);
		if (b->file == NULL)
			b->failed = -ENOMEM;
	}
	if (place.file != NULL)
		place.file = b->file;
	return place;
}

static struct property *
new_row(struct properties_builder *b, const char *key, const char *raw,
    const char *value)
{
	struct property *row = leat_arena_calloc(&b->arena, 1, sizeof(*row));

	if (row == NULL)
		return NULL;
	row->key = leat_arena_strdup(&b->arena, key);
	row->value = leat_arena_strdup(&b->arena, value);
	row->raw = raw == value || strcmp(raw, value) == 0 ? row->value :
	    leat_arena_strdup(&b->arena, raw);
	if (row->key == NULL || row->value == NULL || row->raw == NULL)
		return NULL;
	return row;
}

int
properties_builder_set(struct properties_builder *b, const char *key,
    const char *raw, const char *value, struct place place, bool secret)
{
	struct property *row;

	if (b->failed != 0)
		return b->failed;
	if (b->map.len >= PROPERTIES_MAX &&
	    leat_map_get_c(&b->map, key) == NULL)
		return b->failed = LEAT_E_LIMIT;
	row = new_row(b, key, raw, value);
	if (row == NULL)
		return b->failed = -ENOMEM;
	row->place = copy_place(b, place);
	row->secret = secret;
	if (b->failed == 0 && leat_map_set(&b->map, leat_str_c(key), row,
	    NULL) < 0)
		b->failed = -ENOMEM;
	return b->failed;
}

int
properties_builder_add(struct properties_builder *b,
    const struct properties *p, bool keep)
{
	int rc = b->failed;

	for (size_t i = 0; rc == 0 && i < p->len; i++) {
		const struct property *row = &p->rows[i];

		if (keep && leat_map_get_c(&b->map, row->key) != NULL)
			continue;
		rc = properties_builder_set(b, row->key, row->raw, row->value,
		    row->place, row->secret);
	}
	return rc;
}

void
properties_builder_remove(struct properties_builder *b, const char *key)
{
	(void)leat_map_remove(&b->map, leat_str_c(key));
}

const struct property *
properties_builder_find(const struct properties_builder *b, const char *key)
{
	return leat_map_get_c(&b->map, key);
}

void
properties_builder_origin(struct properties_builder *b, struct place place)
{
	b->origin = copy_place(b, place);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct property *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static int
fill_rows(struct properties *p, struct properties_builder *b)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	p->rows = leat_arena_calloc(&b->arena, b->map.len, sizeof(*p->rows));
	p->by_key = leat_arena_calloc(&b->arena, b->map.len,
	    sizeof(struct property *));
	if (p->rows == NULL || p->by_key == NULL)
		return -ENOMEM;
	while ((e = leat_map_next(&b->map, &it)) != NULL) {
		p->rows[p->len] = *(const struct property *)e->value;
		p->by_key[p->len] = &p->rows[p->len];
		p->len++;
	}
	qsort(p->by_key, p->len, sizeof(struct property *), compare_keys);
	p->origin = b->origin;
	return 0;
}

struct properties *
properties_builder_finish(struct properties_builder *b)
{
	struct properties *p = NULL;

	if (b->failed == 0)
		p = calloc(1, sizeof(*p));
	if (p != NULL && fill_rows(p, b) < 0) {
		free(p);
		p = NULL;
	}
	if (p != NULL) {
		p->refs = 1;
		/* The arena goes over with all that the rows point to. */
		p->arena = b->arena;
		leat_arena_init(&b->arena, CHUNK_BYTES, PROPERTIES_BYTES_MAX);
	}
	builder_empty(b);
	return p;
}
