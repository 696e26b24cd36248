/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_plugin.h: the connectors of leat-file.
 */
#ifndef LEAT_FILE_PLUGIN_H
#define LEAT_FILE_PLUGIN_H

#include <leat/connector.h>

extern const struct leat_connector file_sink;
extern const struct leat_connector file_source;

#endif
