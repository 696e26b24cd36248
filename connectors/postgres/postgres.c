/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres.c: the plugin leat-postgres.
 */
#include <leat/connector.h>

#include "pg_source.h"

static const struct leat_connector *const connectors[] = {
	&pg_source_connector,
};

static const struct leat_plugin plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "leat-postgres",
	.version = LEAT_VERSION,
	.connectors = connectors,
	.nconnectors = sizeof(connectors) / sizeof(connectors[0]),
};

LEAT_PLUGIN(plugin)
