/* SPDX-License-Identifier: Apache-2.0 */
/* subcommands.c: see subcommands.h. */
#include "core/cli/subcommands.h"

#include <stdio.h>
#include <string.h>

#include <leat/str.h>

static void
print_help(const struct subcommands *s)
{
	printf("usage: leat %s <command> [options]\n\n%s\n\ncommands:\n",
	    s->name, s->about);
	for (const struct cli_command *c = s->table; c->name != NULL; c++)
		printf("  %-12s %s\n", c->name, c->summary);
	printf("\noptions:\n%s  -h, --help                     print this\n\n"
	       "`leat %s <command> --help` says more.\n",
	    s->options, s->name);
}

int
subcommands_run(const struct subcommands *s, int argc, char **argv)
{
	const char *best = NULL;
	unsigned least = 3;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)) {
		print_help(s);
		return EXIT_OK;
	}
	if (argc < 2 || argv[1][0] == '-')
		return s->table[0].run(argc, argv);
	for (const struct cli_command *c = s->table; c->name != NULL; c++) {
		unsigned d = leat_edit_distance(
		    leat_str_c(argv[1]), leat_str_c(c->name), least);

		if (d == 0)
			return c->run(argc - 1, argv + 1);
		if (d < least) {
			least = d;
			best = c->name;
		}
	}
	fprintf(stderr, "leat: no command '%s %s'", s->name, argv[1]);
	if (best != NULL)
		fprintf(stderr, "; did you mean '%s'?", best);
	fprintf(stderr, "\nTry `leat %s --help`.\n", s->name);
	return EXIT_USAGE;
}
