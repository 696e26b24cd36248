/* SPDX-License-Identifier: Apache-2.0 */
/*
 * short-struct.c: versions that fit, but a struct that ends with the frozen 16
 * bytes.
 */
#include <leat/connector.h>

LEAT_EXPORT const struct leat_plugin *
leat_plugin(void)
{
	static const uint32_t prefix[4] = { LEAT_PLUGIN_MAGIC, 16,
		LEAT_ABI_MAJOR, LEAT_ABI_MINOR };

	return (const struct leat_plugin *)(const void *)prefix;
}
