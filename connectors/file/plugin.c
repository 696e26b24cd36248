/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat-file: file-source and file-sink.
 */
#include "file_plugin.h"

static const struct leat_connector *const connectors[] = {
	&file_source,
	&file_sink,
};

static const struct leat_plugin file_plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "leat-file",
	.version = "1.0.0",
	.connectors = connectors,
	.nconnectors = sizeof(connectors) / sizeof(connectors[0]),
};

LEAT_PLUGIN(file_plugin)
