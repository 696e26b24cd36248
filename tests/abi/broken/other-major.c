/* SPDX-License-Identifier: Apache-2.0 */
/*
 * other-major.c: a plugin of another age. Only the frozen 16 bytes are there,
 * so that reading on is an overrun.
 */
#include <leat/connector.h>

LEAT_EXPORT const struct leat_plugin *
leat_plugin(void)
{
	static const uint32_t prefix[4] = { LEAT_PLUGIN_MAGIC, 4096,
		LEAT_ABI_MAJOR + 1, 0 };

	return (const struct leat_plugin *)(const void *)prefix;
}
