/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.h: the options of a command as a table: one row per option serves the
 * parser and `--help`.
 */
#ifndef LEAT_CORE_CLI_ARGS_H
#define LEAT_CORE_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arg_type {
	ARG_FLAG,		/* bool *: set to true */
	ARG_TEXT,		/* const char ** */
	ARG_INT,		/* int64_t *, 0 or more */
	ARG_LIST		/* struct arg_list *: may be repeated */
};

struct arg_list {
	const char *items[64];
	size_t n;
};

struct arg {
	const char *name;	/* "from-beginning" */
	char letter;		/* 0: none */
	enum arg_type type;
	const char *value;	/* what the value is called, for help */
	const char *help;
	void *to;
};

struct args {
	const char *usage;	/* "leat consume TOPIC [options]" */
	const char *about;	/* one paragraph */
	const struct arg *table;	/* ends with a row whose name is NULL */
	const char *examples;	/* or NULL */
	size_t min_words;	/* positional words wanted */
	size_t max_words;
	const char *words[64];
	size_t nwords;
};

/*
 * Parses argv[1..]. 0: go on; otherwise *ret_exit is the exit code to end with
 * (help was printed, or the complaint).
 */
int args_parse(struct args *a, int argc, char **argv, int *ret_exit);

#endif
