/* SPDX-License-Identifier: Apache-2.0 */
/* args.c: see args.h. */
#include "core/cli/args.h"

#include <stdio.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"
#include "core/cli/cli.h"

static void
print_help(const struct args *a)
{
	printf("usage: %s\n\n%s\n", a->usage, a->about);
	puts("\noptions:");
	for (const struct arg *o = a->table; o->name != NULL; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%c%s--%s%s%s",
		    o->letter ? "-" : " ", o->letter ? o->letter : ' ',
		    o->letter ? ", " : "  ", o->name, o->value ? " " : "",
		    o->value ? o->value : "");
		printf("  %-30s %s\n", left, o->help);
	}
	printf("  %-30s %s\n", "-h, --help", "print this");
	if (a->examples != NULL)
		printf("\nexamples:\n%s", a->examples);
}

static int
complain(
    const struct args *a, int *ret_exit, const char *what, const char *which)
{
	fprintf(stderr, "leat: %s '%s'\nusage: %s\n", what, which, a->usage);
	*ret_exit = EXIT_USAGE;
	return -1;
}

/* An option that is not known, with the nearest one that is. */
static int
no_option(const struct args *a, int *ret_exit, const char *word, size_t len)
{
	struct leat_str given = { word, len };
	const char *best = NULL;
	unsigned least = 3;

	while (given.len > 0 && *given.ptr == '-') {
		given.ptr++;
		given.len--;
	}
	for (const struct arg *o = a->table; o->name != NULL; o++) {
		unsigned d = leat_edit_distance(given,
		    leat_str_c(o->name), least);

		if (given.len > 1 && d < least) {
			least = d;
			best = o->name;
		}
	}
	if (best == NULL)
		return complain(a, ret_exit, "no option", word);
	fprintf(stderr,
	    "leat: no option '%.*s'; did you mean '--%s'?\nusage: %s\n",
	    (int)len, word, best, a->usage);
	*ret_exit = EXIT_USAGE;
	return -1;
}

static const struct arg *
find(const struct args *a, const char *word, size_t len)
{
	for (const struct arg *o = a->table; o->name != NULL; o++) {
		if (word[1] == '-' && strlen(o->name) == len - 2 &&
		    memcmp(o->name, word + 2, len - 2) == 0)
			return o;
		if (word[1] != '-' && len == 2 && o->letter == word[1])
			return o;
	}
	return NULL;
}

static int
store(const struct arg *o, const char *value)
{
	struct arg_list *list = o->to;

	switch (o->type) {
	case ARG_FLAG: *(bool *)o->to = true; return 0;
	case ARG_TEXT: *(const char **)o->to = value; return 0;
	case ARG_INT:
		return leat_parse_i64(leat_str_c(value), 0, INT64_MAX, o->to);
	case ARG_LIST:
		if (list->n == ARRAY_LEN(list->items))
			return -1;
		list->items[list->n++] = value;
		return 0;
	}
	return -1;
}

/* "-n5": an option of one letter with its value behind it, or NULL. */
static const struct arg *
find_attached(const struct args *a, const char *word)
{
	const struct arg *o;

	if (word[1] == '-' || word[1] == '\0' || word[2] == '\0' ||
	    word[2] == '=')
		return NULL;
	o = find(a, word, 2);
	return o == NULL || o->type == ARG_FLAG ? NULL : o;
}

/* An option and its value; how many words it took, or -1. */
static int
take_option(const struct args *a, char **argv, int left, int *ret_exit)
{
	const char *word = argv[0];
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct arg *attached = find_attached(a, word);
	const struct arg *o = attached ? attached : find(a, word, len);
	const char *value = attached ? word + 2 : equals ? equals + 1
							 : NULL;
	int took = 1;

	if (o == NULL)
		return no_option(a, ret_exit, word, len);
	if (o->type == ARG_FLAG && value != NULL)
		return complain(a, ret_exit, "no value goes with", word);
	if (o->type != ARG_FLAG && value == NULL) {
		if (left < 2)
			return complain(
			    a, ret_exit, "a value must follow", word);
		value = argv[1];
		took = 2;
	}
	if (store(o, value) < 0)
		return complain(
		    a, ret_exit, "this value is not understood:", value);
	return took;
}

int
args_parse(struct args *a, int argc, char **argv, int *ret_exit)
{
	bool only_words = false;

	for (int i = 1; i < argc;) {
		int took = 1;

		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words &&
		    (strcmp(argv[i], "--help") == 0 ||
			strcmp(argv[i], "-h") == 0)) {
			print_help(a);
			*ret_exit = EXIT_OK;
			return -1;
		} else if (!only_words && argv[i][0] == '-' &&
		    argv[i][1] != '\0') {
			took = take_option(a, argv + i, argc - i, ret_exit);
			if (took < 0)
				return -1;
		} else if (a->nwords == a->max_words ||
		    a->nwords == ARRAY_LEN(a->words)) {
			return complain(
			    a, ret_exit, "one word too many:", argv[i]);
		} else {
			a->words[a->nwords++] = argv[i];
		}
		i += took;
	}
	if (a->nwords >= a->min_words)
		return 0;
	return complain(a, ret_exit, "something is missing behind",
	    a->nwords > 0 ? a->words[a->nwords - 1] : argv[0]);
}
