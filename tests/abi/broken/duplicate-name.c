/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duplicate-name.c: two connectors of one name.
 */
#include "source.h"

static const struct leat_connector twin = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "twin",
	.version = "1.0.0",
	.source = &idle_ops,
};

static const struct leat_connector *const connectors[] = { &twin, &twin };

static const struct leat_plugin plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "duplicate-name",
	.version = "1.0.0",
	.connectors = connectors,
	.nconnectors = 2,
};

LEAT_PLUGIN(plugin)
