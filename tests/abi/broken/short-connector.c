/* SPDX-License-Identifier: Apache-2.0 */
/*
 * short-connector.c: a connector that states no size.
 */
#include "source.h"

static const struct leat_connector sizeless = {
	.kind = LEAT_SOURCE,
	.name = "short-connector",
	.version = "1.0.0",
	.source = &idle_ops,
};

static const struct leat_connector *const connectors[] = { &sizeless };

static const struct leat_plugin plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "short-connector",
	.version = "1.0.0",
	.connectors = connectors,
	.nconnectors = 1,
};

LEAT_PLUGIN(plugin)
