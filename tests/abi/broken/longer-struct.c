/* SPDX-License-Identifier: Apache-2.0 */
/*
 * longer-struct.c: nothing is wrong with this one. Its structs have members
 * behind those that this host knows, as a plugin built with a later patch of
 * the same version may have; the host takes what it knows.
 */
#include "source.h"

struct longer_ops {
	struct leat_source_ops ops;
	void *later[4];
};

struct longer_connector {
	struct leat_connector connector;
	void *later[4];
};

struct longer_plugin {
	struct leat_plugin plugin;
	void *later[4];
};

static const struct longer_ops ops = {
	.ops = IDLE_SOURCE_OPS(sizeof(struct longer_ops), idle_poll),
};

static const struct longer_connector connector = {
	.connector = {
	    .size = sizeof(struct longer_connector),
	    .kind = LEAT_SOURCE,
	    .name = "longer-struct",
	    .version = "1.0.0",
	    .help = "Does nothing.",
	    .source = &ops.ops,
	},
};

static const struct leat_connector *const connectors[] = {
	&connector.connector
};

static const struct longer_plugin longer = {
	.plugin = {
	    .magic = LEAT_PLUGIN_MAGIC,
	    .size = sizeof(struct longer_plugin),
	    .abi_major = LEAT_ABI_MAJOR,
	    .abi_minor = LEAT_ABI_MINOR,
	    .name = "longer-struct",
	    .version = "1.0.0",
	    .connectors = connectors,
	    .nconnectors = 1,
	},
};

LEAT_PLUGIN(longer.plugin)
