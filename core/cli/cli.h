/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h: the command line: `leat <command> [options]`. One file per command.
 */
#ifndef LEAT_CORE_CLI_CLI_H
#define LEAT_CORE_CLI_CLI_H

/* Exit codes, documented in leat(1). */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	/* the command could not be carried out */
	EXIT_USAGE = 2,		/* the command line is wrong */
	EXIT_INVALID = 3,	/* a configuration is refused */
	EXIT_UNREACHABLE = 4,	/* no worker or broker answers */
	EXIT_NOT_FOUND = 5	/* no such connector, topic, group, plugin */
};

struct cli_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);	/* argv[0] is the name */
};

/* A list that ends with a row whose name is NULL. */
extern const struct cli_command cli_commands[];

int cli_main(int argc, char **argv);

int cmd_worker(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_connectors(int argc, char **argv);
int cmd_plugins(int argc, char **argv);
int cmd_topics(int argc, char **argv);
int cmd_consume(int argc, char **argv);
int cmd_produce(int argc, char **argv);
int cmd_groups(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_users(int argc, char **argv);

#endif
