/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.h: the directory whose files are the wish for connectors.
 *
 * A reload reads all files, collects all problems, and decides file by file:
 * one that is good replaces what it meant before, one that is not leaves its
 * last good version running. What came out is a view: immutable, shared by
 * reference counts, with a generation that counts changes of what is wanted.
 *
 * Files are *.yaml, *.yml and *.json that do not begin with a dot or "#";
 * what else lies there (editors' temporary files, directories) is not looked
 * at. Symbolic links are followed.
 *
 * All functions are @thread any unless they say otherwise. Hooks are called by
 * whoever reloads, one reload at a time, with no lock held; they must not
 * reload themselves.
 */
#ifndef LEAT_CORE_CONFIG_DIRECTORY_H
#define LEAT_CORE_CONFIG_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/connector.h>
#include <leat/err.h>

#include "core/base/fsio.h"
#include "core/config/interpolate.h"
#include "core/config/properties.h"

enum { DIRECTORY_FILES_MAX = 10000 };

struct directory;

/* A connector that is wanted. */
struct directory_connector {
	const char *name;
	struct properties *props;	/* the view's reference */
	const char *file;		/* "connectors.d/orders.yaml" */
	uint64_t generation;		/* of the view it came in with */
};

struct directory_file {
	const char *path;
	uint64_t generation;	/* of what is live; 0: nothing is */
	size_t nconnectors;	/* live ones */
	bool pipeline;
	bool disabled;		/* `enabled: false` */
	bool refused;		/* the present text is not what is live */
};

struct directory_view {
	uint64_t generation;
	const struct directory_connector *connectors;	/* by name */
	size_t nconnectors;
	const struct directory_file *files;		/* by path */
	size_t nfiles;
	const struct problems *problems;	/* of the refused files */
};

struct directory_options {
	const char *path;
	const struct references *refs;	/* NULL: references_system */
	const struct fsio *fs;		/* NULL: the system's */
	void *arg;			/* of the hooks, which may be NULL */
	/* A connector by class, name or alias, to join pipelines. */
	const struct leat_connector *(*find)(void *arg, const char *name);
	/* Checks a connector that is new or changed (herder_validate). */
	void (*validate)(void *arg, const char *name,
	    const struct properties *props, struct problems *out);
	/* What is wanted, or what is refused, is not what it was. */
	void (*changed)(void *arg, const struct directory_view *now,
	    const struct directory_view *before);
	/* The directory could not be read; everything stays as it is. */
	void (*failed)(void *arg, const struct leat_err *err);
};

/* Does not read anything yet: the first view is empty, of generation 0. */
struct directory *directory_new(const struct directory_options *o,
    struct leat_err *err);
void directory_free(struct directory *d);	/* accepts NULL */

/*
 * Reads the directory again. 0 also when files were refused: the view tells.
 * Negative when the directory cannot be read: nothing changes then, so that a
 * lost mount does not stop what runs.
 */
int directory_reload(struct directory *d, struct leat_err *err);

/* The latest view; give it back with directory_view_unref. */
const struct directory_view *directory_view(struct directory *d);
void directory_view_unref(const struct directory_view *v);
const struct directory_connector *directory_view_find(
    const struct directory_view *v, const char *name);

/*
 * Makes a connector's file, or replaces the one it has, and reloads. The raw
 * text of the properties is what is written. Nothing is written when it would
 * not be taken (LEAT_E_CONFIG with the first problem), or when the connector is
 * part of a pipeline (LEAT_E_STATE). A YAML file is replaced by a JSON file and
 * kept as "<file>~".
 */
int directory_write(struct directory *d, const char *name,
    const struct properties *props, struct leat_err *err);
/* Removes a connector's file and reloads. LEAT_E_NOTFOUND, LEAT_E_STATE. */
int directory_remove(struct directory *d, const char *name,
    struct leat_err *err);

#endif
