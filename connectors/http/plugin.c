/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat-http: http-sink and http-source.
 */
#include "http_sink.h"
#include "http_source.h"

static int32_t
sink_check(const void *config, struct leat_err *err)
{
	return sink_options_check(config, NULL, err);
}

static const struct leat_connector http_sink = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SINK,
	.name = "http-sink",
	.version = "1.0.0",
	.aliases = "io.confluent.connect.http.HttpSinkConnector,"
		   "io.aiven.kafka.connect.http.HttpSinkConnector",
	.help = "Sends records to an HTTP endpoint, in order per key.",
	.flags = LEAT_TAKES_TOMBSTONES,
	.options = sink_options,
	.config_size = sizeof(struct sink_config),
	.check = sink_check,
	.sink = &http_sink_ops,
};

static int32_t
source_check(const void *config, struct leat_err *err)
{
	return source_options_check(config, err);
}

static const struct leat_connector http_source = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "http-source",
	.version = "1.0.0",
	.aliases = "io.confluent.connect.http.HttpSourceConnector,"
		   "com.github.castorm.kafka.connect.http.HttpSourceConnector",
	.help = "Polls an HTTP endpoint for JSON records.",
	.options = source_options,
	.config_size = sizeof(struct source_config),
	.check = source_check,
	.source = &http_source_ops,
};

static const struct leat_connector *const connectors[] = {
	&http_source,
	&http_sink,
};

static const struct leat_plugin http_plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "leat-http",
	.version = "1.0.0",
	.connectors = connectors,
	.nconnectors = sizeof(connectors) / sizeof(connectors[0]),
};

LEAT_PLUGIN(http_plugin)
