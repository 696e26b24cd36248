/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h: the plugins found in the plugin path, and the connectors in them.
 *
 * Plugins are loaded once and never unloaded; the registry does not change
 * after it was loaded, so its readers need no lock.
 */
#ifndef LEAT_CORE_PLUGIN_REGISTRY_H
#define LEAT_CORE_PLUGIN_REGISTRY_H

#include <stddef.h>

#include <leat/connector.h>
#include <leat/err.h>

struct registry;

/* A connector and where it came from. */
struct registered {
	/* The host's own zero-padded copies of the plugin's tables. */
	struct leat_connector connector;
	struct leat_source_ops source;
	struct leat_sink_ops sink;
	const char *plugin;	/* "leat-postgres" */
	const char *plugin_version;
	const char *path;
};

/*
 * Loads all *.so of the directories in `path` (colon separated). A file that is
 * refused is reported through `refused` and skipped; it never stops the rest.
 */
typedef void registry_refused_fn(void *arg, const char *path,
    const struct leat_err *err);
struct registry *registry_load(const char *path, registry_refused_fn *refused,
    void *arg, struct leat_err *err);
/* Without plugins; NULL when memory is out. */
struct registry *registry_new(void);
void registry_free(struct registry *r);

/*
 * Loads one file: checks that it is not writable by others, the frozen prefix,
 * the versions, the sizes, the names, before it believes anything else.
 */
int registry_add(struct registry *r, const char *file, struct leat_err *err);
/* The same for a descriptor linked into the program; `path` is for messages. */
int registry_add_static(struct registry *r, const char *path,
    const struct leat_plugin *descriptor, struct leat_err *err);

size_t registry_count(const struct registry *r);
const struct registered *registry_at(const struct registry *r, size_t i);
/* By name, alias or (simple) Java class name; NULL. */
const struct registered *registry_find(const struct registry *r,
    const char *name);
/* The nearest name, for "did you mean"; NULL when none is near. */
const char *registry_nearest(const struct registry *r, const char *name);

#endif
