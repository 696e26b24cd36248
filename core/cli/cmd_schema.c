/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_schema.c: `leat schema`: a JSON Schema of connector files, made from the
 * plugins that are installed, for editors and checks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/paths.h"
#include "core/config/file_schema.h"
#include "core/plugin/registry.h"
#include "core/worker/settings.h"

enum { SCHEMA_BYTES_MAX = 64 << 20 };

static void
refused(void *arg, const char *path, const struct leat_err *err)
{
	fprintf(stderr, "leat: plugin refused: %s\n", err->text);
}

static int
print_schema(const struct registry *reg)
{
	size_t n = registry_count(reg);
	const struct leat_connector **list = calloc(n + 1, sizeof(*list));
	struct file_schema_input in = { .nconnectors = n,
		.source_rows = settings_rows(LEAT_SOURCE),
		.sink_rows = settings_rows(LEAT_SINK) };
	struct leat_buf text;
	int rc = -1;

	leat_buf_init(&text, SCHEMA_BYTES_MAX);
	if (list != NULL) {
		for (size_t i = 0; i < n; i++)
			list[i] = &registry_at(reg, i)->connector;
		in.connectors = list;
		rc = file_schema_write(&in, &text);
	}
	if (rc == 0)
		printf("%.*s\n", (int)text.len, (const char *)text.data);
	else
		fputs("leat: out of memory\n", stderr);
	leat_buf_fini(&text);
	free(list);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

int
cmd_schema(int argc, char **argv)
{
	const char *path = NULL;
	const struct arg table[] = {
		{ "plugin-path", 'p', ARG_TEXT, "DIRS",
		    "directories with plugins, colon separated", &path },
		{ 0 },
	};
	struct args a = {
		.usage = "leat schema [options]",
		.about = "Prints a JSON Schema of connector files: all options "
			 "of all connectors in the plugin\npath, for editors.",
		.table = table,
		.examples = "  leat schema > leat.schema.json\n",
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct registry *reg;
	char *found;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	found = path == NULL ? paths_plugins() : strdup(path);
	reg = found == NULL ? NULL : registry_load(found, refused, NULL, &err);
	if (reg == NULL) {
		fprintf(stderr, "leat: %s\n", err.text);
		free(found);
		return EXIT_FAILED;
	}
	rc = print_schema(reg);
	registry_free(reg);
	free(found);
	return rc;
}
