/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_view.c: snapshots of what the directory wants.
 */
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>

#include "core/base/obj.h"
#include "core/config/directory_state.h"

struct view {
	struct directory_view view;	/* first: found by its address */
	unsigned refs;			/* atomic */
	struct leat_arena arena;
	struct problems *problems;
};

static struct view *
own(const struct directory_view *v)
{
	return (struct view *)(uintptr_t)v;
}

struct directory_view *
directory_view_ref(const struct directory_view *v)
{
	__atomic_add_fetch(&own(v)->refs, 1, __ATOMIC_RELAXED);
	return &own(v)->view;
}

void
directory_view_unref(const struct directory_view *v)
{
	struct view *o = own(v);

	if (v == NULL || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < v->nconnectors; i++)
		properties_unref(v->connectors[i].props);
	problems_free(o->problems);
	leat_arena_fini(&o->arena);
	free(o);
}

const struct directory_connector *
directory_view_find(const struct directory_view *v, const char *name)
{
	size_t lo = 0, hi = v->nconnectors;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, v->connectors[mid].name);

		if (c == 0)
			return &v->connectors[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static int
compare_names(const void *a, const void *b)
{
	const struct directory_connector *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool
add_entry(struct view *v, const struct entry *e,
    struct directory_connector *connectors, struct directory_file *file)
{
	char *path = leat_arena_strdup(&v->arena, e->path);

	if (path == NULL)
		return false;
	*file = (struct directory_file){ .path = path,
	    .generation = e->generation, .nconnectors = e->live.len,
	    .pipeline = e->live.pipeline, .disabled = e->live.disabled,
	    .refused = e->refused };
	for (size_t i = 0; i < e->live.len; i++) {
		const struct config_connector *c = &e->live.connectors[i];
		struct directory_connector *to =
		    &connectors[v->view.nconnectors];

		to->name = leat_arena_strdup(&v->arena, c->name);
		if (to->name == NULL)
			return false;
		to->props = properties_ref(c->props);
		to->file = path;
		to->generation = e->generation;
		v->view.nconnectors++;
	}
	return true;
}

static bool
fill(struct view *v, const struct directory *d)
{
	struct directory_connector *connectors;
	struct directory_file *files;
	size_t n = 0;

	for (size_t i = 0; i < d->len; i++)
		n += d->entries[i]->live.len;
	connectors = leat_arena_calloc(&v->arena, n, sizeof(*connectors));
	files = leat_arena_calloc(&v->arena, d->len, sizeof(*files));
	if (connectors == NULL || files == NULL)
		return false;
	v->view.connectors = connectors;
	v->view.files = files;
	for (size_t i = 0; i < d->len; i++) {
		if (!add_entry(v, d->entries[i], connectors, &files[i]))
			return false;
		v->view.nfiles++;
	}
	qsort(connectors, n, sizeof(*connectors), compare_names);
	return true;
}

struct directory_view *
directory_view_new(const struct directory *d, struct problems *owned_problems)
{
	struct view *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		problems_free(owned_problems);
		return NULL;
	}
	v->refs = 1;
	leat_arena_init(&v->arena, 0, 0);
	v->problems = owned_problems;
	v->view.problems = owned_problems;
	v->view.generation = d->generation;
	if (fill(v, d))
		return &v->view;
	directory_view_unref(&v->view);
	return NULL;
}

/* ------------------------------------------------------------- comparing */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_problem(const struct problem *a, const struct problem *b)
{
	return a->place.line == b->place.line &&
	    a->place.column == b->place.column &&
	    same_text(a->place.file, b->place.file) &&
	    same_text(a->key, b->key) && same_text(a->text, b->text) &&
	    same_text(a->hint, b->hint);
}

static bool
same_file(const struct directory_file *a, const struct directory_file *b)
{
	return strcmp(a->path, b->path) == 0 &&
	    a->generation == b->generation && a->disabled == b->disabled &&
	    a->refused == b->refused;
}

bool
directory_view_same(const struct directory_view *a,
    const struct directory_view *b)
{
	size_t n = problems_count(a->problems);

	if (a->generation != b->generation || a->nfiles != b->nfiles ||
	    n != problems_count(b->problems))
		return false;
	for (size_t i = 0; i < a->nfiles; i++)
		if (!same_file(&a->files[i], &b->files[i]))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!same_problem(problems_at(a->problems, i),
		    problems_at(b->problems, i)))
			return false;
	return true;
}
