/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c: which command is meant; see cli.h. */
#include "core/cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <leat/str.h>

const struct cli_command cli_commands[] = {
	{ "worker", "run a worker", cmd_worker },
	{ "validate", "check configuration files without running them",
	    cmd_validate },
	{ "doctor", "examine the systems that connectors are to reach",
	    cmd_doctor },
	{ "connectors", "list connectors, pause, resume, stop, restart them",
	    cmd_connectors },
	{ "plugins", "list plugins, describe a connector's options",
	    cmd_plugins },
	{ "topics", "list, describe, create, alter, delete topics",
	    cmd_topics },
	{ "consume", "print the records of topics", cmd_consume },
	{ "produce", "write lines as records of a topic", cmd_produce },
	{ "groups", "consumer groups: describe, reset, delete", cmd_groups },
	{ "users", "add, list and remove users of the Kafka port", cmd_users },
	{ "schema", "print a JSON Schema of connector files", cmd_schema },
	{ 0 },
};

static void
print_help(FILE *to)
{
	fputs(
	    "leat moves records between systems and the topics of its broker.\n"
	    "\n"
	    "usage: leat <command> [options]\n\ncommands:\n",
	    to);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		fprintf(to, "  %-12s %s\n", c->name, c->summary);
	fputs(
	    "\n`leat <command> --help` says more. Exit codes: 0 done, 1 "
	    "failed,\n"
	    "2 wrong usage, 3 configuration refused, 4 nobody answers,\n"
	    "5 no such thing.\n",
	    to);
}

static const char *
nearest(const char *name)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		unsigned d = leat_edit_distance(
		    leat_str_c(name), leat_str_c(c->name), best_distance);

		if (d < best_distance) {
			best_distance = d;
			best = c->name;
		}
	}
	return best;
}

int
cli_main(int argc, char **argv)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const char *name = argc > 1 ? argv[1] : "--help";

	/* A closed pipe is an error of a write, not the end of the process. */
	sigaction(SIGPIPE, &ignore, NULL);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		if (strcmp(name, c->name) == 0)
			return c->run(argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
		puts("leat " LEAT_VERSION);
		return EXIT_OK;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
	    strcmp(name, "help") == 0) {
		print_help(argc > 1 ? stdout : stderr);
		return argc > 1 ? EXIT_OK : EXIT_USAGE;
	}
	fprintf(stderr, "leat: no command '%s'", name);
	if (nearest(name) != NULL)
		fprintf(stderr, "; did you mean '%s'?", nearest(name));
	fputs("\nTry `leat --help`.\n", stderr);
	return EXIT_USAGE;
}
