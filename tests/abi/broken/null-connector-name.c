/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null-connector-name.c: a connector without a name.
 */
#include "source.h"

static const struct leat_connector nameless = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.version = "1.0.0",
	.source = &idle_ops,
};

static const struct leat_connector *const connectors[] = { &nameless };

static const struct leat_plugin plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "null-connector-name",
	.version = "1.0.0",
	.connectors = connectors,
	.nconnectors = 1,
};

LEAT_PLUGIN(plugin)
