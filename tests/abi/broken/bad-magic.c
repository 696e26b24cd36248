/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-magic.c: something else under the plugin's symbol. Only the frozen 16
 * bytes are there, so that reading on is an overrun.
 */
#include <leat/connector.h>

LEAT_EXPORT const struct leat_plugin *
leat_plugin(void)
{
	static const uint32_t prefix[4] = { 0xdeadbeef, 48, 1, 0 };

	return (const struct leat_plugin *)(const void *)prefix;
}
