/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null-descriptor.c: the function is there, the descriptor is not.
 */
#include <leat/connector.h>

LEAT_EXPORT const struct leat_plugin *
leat_plugin(void)
{
	return NULL;
}
