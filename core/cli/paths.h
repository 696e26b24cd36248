/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.h: where things are when nobody says.
 */
#ifndef LEAT_CORE_CLI_PATHS_H
#define LEAT_CORE_CLI_PATHS_H

/*
 * The plugin path: $LEAT_PLUGIN_PATH, else ../lib/leat/plugins or ../plugins
 * beside the directory of this program (installed, or in the build folder).
 * To be freed.
 */
char *paths_plugins(void);

#endif
