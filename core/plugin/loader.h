/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.h: one plugin file, from its path to the host's own copies of its
 * tables. Private to core/plugin.
 *
 * The order of the checks is the order of trust: who may have written the file,
 * whether it loads, whether it has the symbol, whether the frozen prefix is
 * ours, whether the versions fit, and only then what the rest says.
 */
#ifndef LEAT_CORE_PLUGIN_LOADER_H
#define LEAT_CORE_PLUGIN_LOADER_H

#include <leat/connector.h>
#include <leat/err.h>

enum { LOADER_CONNECTORS_MAX = 64 };

struct loaded_connector {
	struct leat_connector connector;
	struct leat_source_ops source;
	struct leat_sink_ops sink;
};

struct loaded {
	struct leat_plugin plugin;
	struct loaded_connector *connectors;	/* plugin.nconnectors, malloc */
};

/*
 * Opens the file and fills *ret_loaded with copies; a plugin is never closed
 * again. Every refusal is class CONFIG and names the path, what was found, what
 * was expected, and the cure.
 */
int loader_open(const char *path, struct loaded *ret_loaded,
    struct leat_err *err);

/* Copies and checks a descriptor that is in memory already. */
int loader_check(const char *path, const struct leat_plugin *descriptor,
    struct loaded *ret_loaded, struct leat_err *err);

#endif
