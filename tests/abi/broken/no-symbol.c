/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no-symbol.c: a shared object that is not a plugin.
 */
#include <leat/connector.h>

LEAT_EXPORT int some_other_symbol(void);

int
some_other_symbol(void)
{
	return 0;
}
