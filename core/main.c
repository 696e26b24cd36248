/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: the program. Everything is in core/cli. */
#include "core/cli/cli.h"

int
main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
