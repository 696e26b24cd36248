/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_validate.c: `leat validate`: everything that is wrong with configuration
 * files, all at once, each with its place; nothing is started.
 */
#include <stdio.h>

#include "core/base/json_writer.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/connector_files.h"
#include "core/config/worker_options.h"

static int
report(const struct connector_files *cf, bool json)
{
	size_t n = problems_count(cf->problems);
	struct leat_buf out;
	struct json_writer w;

	leat_buf_init(&out, 64 << 20);
	w = json_writer(&out);
	if (json) {
		json_object(&w);
		json_member_int(&w, "files", (int64_t)cf->files);
		json_member_int(&w, "connectors", (int64_t)cf->connectors);
		json_key(&w, "problems");
		problems_print_json(cf->problems, &out);
		w.comma = true;
		json_object_end(&w);
		(void)leat_buf_add_byte(&out, '\n');
	} else {
		problems_print(cf->problems, &out);
		if (n == 0)
			(void)leat_buf_printf(&out, "%zu files, %zu "
			    "connectors: good\n", cf->files, cf->connectors);
	}
	(void)fwrite(out.data, 1, out.len, stdout);
	leat_buf_fini(&out);
	return n == 0 ? EXIT_OK : EXIT_INVALID;
}

/* The files, with the worker's settings as they are or would be. */
static int
validate(struct connector_files *cf, struct worker_config *worker,
    const char *config, const char *plugins, const struct args *a,
    struct leat_err *err)
{
	struct problems *problems = problems_new();
	int read = problems == NULL ? -1 : worker_config_read(config, NULL, 0,
	    NULL, worker, problems, NULL);
	int rc;

	if (read == 0 && plugins == NULL)
		plugins = worker->options.plugin_path;
	cf->worker = read == 0 ? worker->props : NULL;
	rc = connector_files_open(cf, plugins, err);
	if (rc == 0 && problems != NULL)
		problems_append(cf->problems, problems);
	problems_free(problems);
	for (size_t i = 0; rc == 0 && i < a->nwords; i++)
		rc = connector_files_read(cf, a->words[i], err);
	return rc;
}

int
cmd_validate(int argc, char **argv)
{
	const char *config = NULL, *plugins = NULL;
	bool json = false;
	const struct arg table[] = {
		{ "config", 'c', ARG_TEXT, "FILE",
		    "the worker's own settings, checked too", &config },
		{ "plugin-path", 'p', ARG_TEXT, "DIRS",
		    "directories with plugins, colon separated", &plugins },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &json },
		{ 0 },
	};
	struct args a = {
		.usage = "leat validate [FILE | DIRECTORY]... [options]",
		.about = "Checks connector files and directories of them "
		    "without running anything. Says all\nthat is wrong, each "
		    "with file, line and column, and ends with 3 if anything "
		    "is.",
		.table = table,
		.examples = "  leat validate connectors.d\n"
		    "  leat validate --config worker.yaml orders.yaml\n",
		.max_words = 64,
	};
	struct connector_files cf = { 0 };
	struct worker_config worker = { 0 };
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (a.nwords == 0 && config == NULL) {
		(void)fprintf(stderr, "leat: usage: %s\n", a.usage);
		return EXIT_USAGE;
	}
	rc = validate(&cf, &worker, config, plugins, &a, &err);
	if (rc < 0)
		(void)fprintf(stderr, "leat: %s\n", err.text);
	rc = rc < 0 ? EXIT_FAILED : report(&cf, json);
	connector_files_fini(&cf);
	worker_config_fini(&worker);
	return rc;
}
