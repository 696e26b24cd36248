/* SPDX-License-Identifier: Apache-2.0 */
/* paths.c: see paths.h. */
#include "core/cli/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/obj.h"

char *
paths_plugins(void)
{
	static const char *const beside[] = { "../lib/leat/plugins",
		"../plugins" };
	const char *env = getenv("LEAT_PLUGIN_PATH");
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (env != NULL && env[0] != '\0')
		return strdup(env);
	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
		snprintf(path, sizeof(path), "%s/%s", self, beside[i]);
		if (access(path, R_OK) == 0)
			return realpath(path, NULL);
	}
	return strdup("/usr/local/lib/leat/plugins");
}
