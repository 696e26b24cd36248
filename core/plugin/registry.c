/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c: see registry.h. Entries are allocated one by one and never move,
 * because tasks keep pointers to them.
 */
#include "core/plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <leat/buf.h>
#include <leat/str.h>

#include "core/base/obj.h"
#include "core/plugin/loader.h"

enum { REGISTRY_MAX = 1024, NEAR_EDITS = 3 };

struct registry {
	struct registered *entries[REGISTRY_MAX];
	size_t n;
};

struct registry *
registry_new(void)
{
	return calloc(1, sizeof(struct registry));
}

static void
entry_free(struct registered *e)
{
	if (e == NULL)
		return;
	free((char *)(uintptr_t)e->path);
	free(e);
}

void
registry_free(struct registry *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		entry_free(r->entries[i]);
	free(r);
}

static struct registered *
entry_new(const char *path, const struct loaded *from,
    const struct loaded_connector *c)
{
	struct registered *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->connector = c->connector;
	e->source = c->source;
	e->sink = c->sink;
	e->plugin = from->plugin.name;
	e->plugin_version = from->plugin.version;
	e->path = strdup(path);
	if (e->path == NULL) {
		entry_free(e);
		return NULL;
	}
	if (e->connector.kind == LEAT_SOURCE)
		e->connector.source = &e->source;
	else
		e->connector.sink = &e->sink;
	return e;
}

/* A name may be there once, in all plugins: which would be meant otherwise? */
static int
check_names(const struct registry *r, const char *path,
    const struct loaded *from, struct leat_err *err)
{
	const struct registered *there;
	uint32_t i, j;

	for (i = 0; i < from->plugin.nconnectors; i++) {
		const char *name = from->connectors[i].connector.name;

		there = registry_find(r, name);
		if (there != NULL && strcmp(there->connector.name, name) == 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_EXISTS, "%s: connector '%s' (%s) is there "
			    "already, version %s from %s: remove one of the "
			    "two files", path, name,
			    from->connectors[i].connector.version,
			    there->connector.version, there->path);
		for (j = 0; j < i; j++) {
			if (strcmp(from->connectors[j].connector.name,
			    name) == 0)
				return leat_err_set(err, LEAT_CLS_CONFIG,
				    LEAT_E_EXISTS, "%s: has connector '%s' "
				    "twice", path, name);
		}
	}
	if (r->n + from->plugin.nconnectors > REGISTRY_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s: more than %d connectors", path, (int)REGISTRY_MAX);
	return 0;
}

static int
add_loaded(struct registry *r, const char *path, struct loaded *from,
    struct leat_err *err)
{
	struct registered *made[LOADER_CONNECTORS_MAX] = { NULL };
	uint32_t i, n = from->plugin.nconnectors;
	int rc;

	rc = check_names(r, path, from, err);
	for (i = 0; rc == 0 && i < n; i++) {
		made[i] = entry_new(path, from, &from->connectors[i]);
		if (made[i] == NULL)
			rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "%s: out of memory", path);
	}
	for (i = 0; i < n; i++) {
		if (rc == 0)
			r->entries[r->n++] = TAKE(made[i]);
		entry_free(made[i]);
	}
	free(TAKE(from->connectors));
	return rc;
}

int
registry_add(struct registry *r, const char *file, struct leat_err *err)
{
	struct loaded from = { 0 };

	if (loader_open(file, &from, err) < 0)
		return err->code;
	return add_loaded(r, file, &from, err);
}

int
registry_add_static(struct registry *r, const char *path,
    const struct leat_plugin *descriptor, struct leat_err *err)
{
	struct loaded from = { 0 };

	if (loader_check(path, descriptor, &from, err) < 0)
		return err->code;
	return add_loaded(r, path, &from, err);
}

static int
is_shared_object(const struct dirent *d)
{
	return leat_str_ends(leat_str_c(d->d_name), ".so");
}

static void
load_dir(struct registry *r, const char *dir, registry_refused_fn *refused,
    void *arg)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct dirent **list = NULL;
	char file[PATH_MAX];
	int i, n;

	n = scandir(dir, &list, is_shared_object, alphasort);
	if (n < 0) {
		leat_err_errno(&err, LEAT_CLS_CONFIG, "%s", dir);
		if (refused != NULL)
			refused(arg, dir, &err);
		return;
	}
	for (i = 0; i < n; i++) {
		int len = snprintf(file, sizeof(file), "%s/%s", dir,
		    list[i]->d_name);

		leat_err_clear(&err);
		if (len < 0 || (size_t)len >= sizeof(file))
			leat_err_set(&err, LEAT_CLS_CONFIG, -ENAMETOOLONG,
			    "%s/%s: path too long", dir, list[i]->d_name);
		else
			(void)registry_add(r, file, &err);
		if (err.code != 0 && refused != NULL)
			refused(arg, file, &err);
		free(list[i]);
	}
	free(list);
}

struct registry *
registry_load(const char *path, registry_refused_fn *refused, void *arg,
    struct leat_err *err)
{
	struct leat_str rest = leat_str_c(path), dir;
	struct registry *r = registry_new();
	char name[PATH_MAX];

	if (r == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	while (rest.len > 0) {
		dir = leat_str_trim(leat_str_cut(&rest, ':'));
		if (dir.len == 0 || dir.len >= sizeof(name))
			continue;
		memcpy(name, dir.ptr, dir.len);
		name[dir.len] = '\0';
		load_dir(r, name, refused, arg);
	}
	return r;
}

size_t
registry_count(const struct registry *r)
{
	return r->n;
}

const struct registered *
registry_at(const struct registry *r, size_t i)
{
	return i < r->n ? r->entries[i] : NULL;
}

/* What stands behind the last dot: the simple name of a Java class. */
static struct leat_str
simple_name(struct leat_str name)
{
	size_t i;

	for (i = name.len; i > 0; i--) {
		if (name.ptr[i - 1] == '.')
			return (struct leat_str){ name.ptr + i, name.len - i };
	}
	return name;
}

/* Kafka Connect also takes "FileStreamSource" for FileStreamSourceConnector. */
static bool
same_class(struct leat_str alias, struct leat_str wanted)
{
	struct leat_str simple = simple_name(alias);

	if (leat_str_eq(alias, wanted) || leat_str_eq(simple, wanted))
		return true;
	if (!leat_str_ends(simple, "Connector"))
		return false;
	simple.len -= strlen("Connector");
	return simple.len > 0 && leat_str_eq(simple, wanted);
}

static bool
answers_to(const struct leat_connector *c, struct leat_str wanted)
{
	struct leat_str rest;

	if (c->aliases == NULL)
		return false;
	rest = leat_str_c(c->aliases);
	while (rest.len > 0) {
		if (same_class(leat_str_trim(leat_str_cut(&rest, ',')), wanted))
			return true;
	}
	return false;
}

const struct registered *
registry_find(const struct registry *r, const char *name)
{
	struct leat_str wanted = leat_str_c(name);
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (leat_str_eq_c(wanted, r->entries[i]->connector.name))
			return r->entries[i];
	}
	for (i = 0; i < r->n; i++) {
		if (answers_to(&r->entries[i]->connector, wanted))
			return r->entries[i];
	}
	return NULL;
}

const char *
registry_nearest(const struct registry *r, const char *name)
{
	struct leat_str wanted = leat_str_c(name);
	unsigned best = NEAR_EDITS + 1, d;
	const char *near = NULL;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const char *have = r->entries[i]->connector.name;

		d = leat_edit_distance(wanted, leat_str_c(have), NEAR_EDITS);
		if (d < best) {
			best = d;
			near = have;
		}
	}
	return near;
}
