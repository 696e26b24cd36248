/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_plugins.c: `leat plugins`: what a worker would find in its plugin path,
 * told without one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/connector.h>

#include "core/base/json_writer.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/paths.h"
#include "core/plugin/registry.h"

static const char *
kind_name(const struct registered *r)
{
	return r->connector.kind == LEAT_SOURCE ? "source" : "sink";
}

static const char *
type_name(int32_t type)
{
	switch (type) {
	case LEAT_OPT_BOOL: return "boolean";
	case LEAT_OPT_INT: return "integer";
	case LEAT_OPT_DOUBLE: return "number";
	case LEAT_OPT_CHOICE: return "choice";
	case LEAT_OPT_DURATION: return "duration";
	case LEAT_OPT_BYTES: return "bytes";
	case LEAT_OPT_LIST: return "list";
	case LEAT_OPT_MAP: return "map";
	default: return "text";
	}
}

/* ----------------------------------------------------------------- list */

static void
list_text(const struct registry *reg)
{
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct registered *r = registry_at(reg, i);

		printf("%-20s %-7s %-8s %s\n", r->connector.name, kind_name(r),
		    r->connector.version, r->connector.help);
	}
}

static void
list_json(const struct registry *reg, struct json_writer *w)
{
	json_array(w);
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct registered *r = registry_at(reg, i);

		json_object(w);
		json_member(w, "class", r->connector.name);
		json_member(w, "type", kind_name(r));
		json_member(w, "version", r->connector.version);
		json_member(w, "aliases", r->connector.aliases);
		json_member(w, "help", r->connector.help);
		json_member(w, "plugin", r->plugin);
		json_member(w, "path", r->path);
		json_object_end(w);
	}
	json_array_end(w);
}

/* ------------------------------------------------------------- describe */

static void
option_text(const struct leat_option *o)
{
	printf("  %s%s\n      %s", o->name,
	    o->flags & LEAT_OPT_REQUIRED ? " (required)" : "",
	    type_name(o->type));
	if (o->choices != NULL)
		printf(": %s", o->choices);
	if (o->min != 0 || o->max != 0)
		printf(", %lld to %lld", (long long)o->min, (long long)o->max);
	if (o->def != NULL)
		printf(", default %s", o->def);
	if (o->aliases != NULL)
		printf(", also %s", o->aliases);
	if (o->flags & LEAT_OPT_SECRET)
		fputs(", secret", stdout);
	if (o->flags & LEAT_OPT_DEPRECATED)
		fputs(", deprecated", stdout);
	printf("\n      %s\n", o->help == NULL ? "" : o->help);
}

static void
describe_text(const struct registered *r)
{
	const struct leat_option *o = r->connector.options;

	printf("%s %s, a %s of plugin %s (%s)\n%s\n", r->connector.name,
	    r->connector.version, kind_name(r), r->plugin, r->path,
	    r->connector.help);
	if (r->connector.aliases != NULL)
		printf("also known as %s\n", r->connector.aliases);
	puts("\noptions:");
	for (; o != NULL && o->name != NULL; o++)
		option_text(o);
}

static void
option_json(struct json_writer *w, const struct leat_option *o)
{
	json_object(w);
	json_member(w, "name", o->name);
	json_member(w, "aliases", o->aliases);
	json_member(w, "type", type_name(o->type));
	json_member_bool(w, "required", (o->flags & LEAT_OPT_REQUIRED) != 0);
	json_member_bool(w, "secret", (o->flags & LEAT_OPT_SECRET) != 0);
	json_member_bool(
	    w, "deprecated", (o->flags & LEAT_OPT_DEPRECATED) != 0);
	json_member(w, "default", o->def);
	json_member(w, "choices", o->choices);
	if (o->min != 0 || o->max != 0) {
		json_member_int(w, "min", o->min);
		json_member_int(w, "max", o->max);
	}
	json_member(w, "help", o->help);
	json_member(w, "since", o->since);
	json_object_end(w);
}

static void
describe_json(const struct registered *r, struct json_writer *w)
{
	const struct leat_option *o = r->connector.options;

	json_object(w);
	json_member(w, "class", r->connector.name);
	json_member(w, "type", kind_name(r));
	json_member(w, "version", r->connector.version);
	json_member(w, "aliases", r->connector.aliases);
	json_member(w, "help", r->connector.help);
	json_key(w, "options");
	json_array(w);
	for (; o != NULL && o->name != NULL; o++)
		option_json(w, o);
	json_array_end(w);
	json_object_end(w);
}

/* -------------------------------------------------------------- command */

static void
refused(void *arg, const char *path, const struct leat_err *err)
{
	fprintf(stderr, "leat: plugin refused: %s\n", err->text);
}

static int
not_found(const struct registry *reg, const char *name)
{
	const char *near = registry_nearest(reg, name);

	fprintf(stderr, "leat: no connector '%s'%s%s%s\n", name,
	    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return EXIT_NOT_FOUND;
}

static int
run(const struct registry *reg, const struct args *a, bool json)
{
	bool describe = a->nwords == 2;
	const struct registered *r = describe ? registry_find(reg, a->words[1])
					      : NULL;
	struct leat_buf out;
	struct json_writer w;

	if (describe && r == NULL)
		return not_found(reg, a->words[1]);
	leat_buf_init(&out, 16 << 20);
	w = json_writer(&out);
	if (json && describe)
		describe_json(r, &w);
	else if (json)
		list_json(reg, &w);
	else if (describe)
		describe_text(r);
	else
		list_text(reg);
	if (json)
		printf("%.*s\n", (int)out.len, (char *)out.data);
	leat_buf_fini(&out);
	return EXIT_OK;
}

int
cmd_plugins(int argc, char **argv)
{
	const char *path = NULL;
	bool json = false;
	const struct arg table[] = {
		{ "plugin-path", 'p', ARG_TEXT, "DIRS",
		    "directories with plugins, colon separated", &path },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &json },
		{ 0 },
	};
	struct args a = {
		.usage = "leat plugins [list | describe CONNECTOR] [options]",
		.about =
		    "Lists the connectors in the plugin path, or describes one "
		    "with all its options.",
		.table = table,
		.examples =
		    "  leat plugins\n  leat plugins describe postgres-source\n",
		.max_words = 2,
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct registry *reg;
	char *found;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if ((a.nwords == 1 && strcmp(a.words[0], "list") != 0) ||
	    (a.nwords == 2 && strcmp(a.words[0], "describe") != 0)) {
		fprintf(stderr, "leat: usage: %s\n", a.usage);
		return EXIT_USAGE;
	}
	found = path == NULL ? paths_plugins() : strdup(path);
	reg = found == NULL ? NULL : registry_load(found, refused, NULL, &err);
	if (reg == NULL) {
		fprintf(stderr, "leat: %s\n", err.text);
		free(found);
		return EXIT_FAILED;
	}
	rc = run(reg, &a, json);
	registry_free(reg);
	free(found);
	return rc;
}
