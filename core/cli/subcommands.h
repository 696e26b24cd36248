/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subcommands.h: commands of two words, as `leat topics create`: which one is
 * meant, and what there is.
 */
#ifndef LEAT_CORE_CLI_SUBCOMMANDS_H
#define LEAT_CORE_CLI_SUBCOMMANDS_H

#include "core/cli/cli.h"

struct subcommands {
	const char *name;	/* "topics" */
	const char *about;
	const struct cli_command *table;	/* ends with a NULL name; the
						   first is meant without one */
	const char *options;	/* what all take, as lines for help */
};

/* Runs the one that argv[1] names; the exit code. */
int subcommands_run(const struct subcommands *s, int argc, char **argv);

#endif
