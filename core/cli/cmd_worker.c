/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_worker.c: `leat worker`: the settings, the REST server, and the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/paths.h"
#include "core/config/directory.h"
#include "core/config/worker_options.h"
#include "core/rest/rest.h"
#include "core/worker/herder.h"
#include "core/worker/worker.h"

enum { SETS_MAX = 70 };

/* What the REST server needs while it serves. */
struct service {
	const struct worker_config *config;
	struct worker_parts parts;
	struct rest *rest;
};

/* ------------------------------------------------------ the REST server */

static bool
is_wanted(const struct service *s, const char *name)
{
	const struct directory_view *view = directory_view(s->parts.directory);
	bool found = directory_view_find(view, name) != NULL;

	directory_view_unref(view);
	return found;
}

/* struct rest_store: connectors of the API are files of the directory. */
static int
store_put(void *arg, const char *name, const struct properties *props,
    bool *ret_created, struct problems *problems, struct leat_err *err)
{
	struct service *s = arg;
	bool created = !is_wanted(s, name);
	int rc;

	herder_validate(s->parts.herder, name, props, problems);
	if (problems_count(problems) > 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "the configuration is refused");
	rc = directory_write(s->parts.directory, name, props, err);
	if (rc == 0)
		*ret_created = created;
	return rc;
}

static int
store_remove(void *arg, const char *name, struct leat_err *err)
{
	struct service *s = arg;

	return directory_remove(s->parts.directory, name, err);
}

static int
serve(void *arg, const struct worker_parts *parts, struct leat_err *err)
{
	struct service *s = arg;
	const struct worker_options *o = &s->config->options;
	const struct rest_options rest = {
		.listen = o->rest_listen,
		.herder = parts->herder,
		.bus = parts->bus,
		.metrics = parts->metrics,
		.directory = parts->directory,
		.cluster_id = parts->cluster_id,
		.store = { .put = store_put, .remove = store_remove, .arg = s },
	};

	s->parts = *parts;
	if (o->rest_listen == NULL || o->rest_listen[0] == '\0')
		return 0;
	return rest_start(&rest, &s->rest, err);
}

static void
unserve(void *arg)
{
	struct service *s = arg;

	rest_stop(s->rest);
	s->rest = NULL;
}

/* ------------------------------------------------------------- command */

/* The options of the command line that are settings, as "key=value". */
struct shortcut {
	const char *key;
	const char *value;
};

static char *
setting(const char *key, const char *value)
{
	char *text;

	return asprintf(&text, "%s=%s", key, value) < 0 ? NULL : text;
}

static void
print_problems(const struct problems *problems)
{
	struct leat_buf text;

	leat_buf_init(&text, 16 << 20);
	problems_print(problems, &text);
	fwrite(text.data, 1, text.len, stderr);
	leat_buf_fini(&text);
}

static int
run(const char *file, const char *const *sets, size_t nsets)
{
	struct worker_config config;
	struct service service = { .config = &config };
	struct worker_start start = { .config = &config,
		.serve = serve,
		.unserve = unserve,
		.arg = &service };
	struct problems *problems = problems_new();
	char *plugins = paths_plugins();
	int rc = EXIT_FAILED;

	if (problems == NULL || plugins == NULL) {
		fputs("leat: out of memory\n", stderr);
	} else if (worker_config_read(file, sets, nsets, NULL, &config,
		       problems, NULL) < 0) {
		print_problems(problems);
		rc = EXIT_INVALID;
	} else {
		start.plugin_path = config.options.plugin_path != NULL
		    ? config.options.plugin_path
		    : plugins;
		rc = worker_run(&start);
		worker_config_fini(&config);
	}
	problems_free(problems);
	free(plugins);
	return rc;
}

int
cmd_worker(int argc, char **argv)
{
	const char *file = NULL;
	struct shortcut shortcuts[] = { { "config.dir", NULL },
		{ "data.dir", NULL }, { "rest.listen", NULL },
		{ "log.level", NULL } };
	struct arg_list given = { .n = 0 };
	const struct arg table[] = {
		{ "config", 'c', ARG_TEXT, "FILE",
		    "the worker's settings (YAML)", &file },
		{ "dir", 'd', ARG_TEXT, "DIR",
		    "directory with the connectors' files",
		    &shortcuts[0].value },
		{ "data", 'D', ARG_TEXT, "DIR",
		    "where topics and offsets are kept", &shortcuts[1].value },
		{ "listen", 'l', ARG_TEXT, "ADDRESS",
		    "of the REST API (127.0.0.1:8083)", &shortcuts[2].value },
		{ "log-level", 'L', ARG_TEXT, "LEVEL",
		    "error, warn, notice, info or debug", &shortcuts[3].value },
		{ "set", 's', ARG_LIST, "KEY=VALUE",
		    "any setting of the worker; may be repeated", &given },
		{ 0 },
	};
	struct args a = {
		.usage = "leat worker [options]",
		.about = "Runs a worker in the foreground until SIGTERM or "
			 "SIGINT. It runs the connectors of its\ndirectory and "
			 "follows its changes; SIGHUP reads it again.",
		.table = table,
		.examples = "  leat worker --dir connectors.d --data data\n",
	};
	const char *sets[SETS_MAX];
	char *made[SETS_MAX] = { NULL };
	size_t n = 0, nmade = 0;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	for (size_t i = 0; i < given.n; i++)
		sets[n++] = given.items[i];
	for (size_t i = 0; i < sizeof(shortcuts) / sizeof(shortcuts[0]); i++) {
		if (shortcuts[i].value == NULL)
			continue;
		made[nmade] = setting(shortcuts[i].key, shortcuts[i].value);
		sets[n++] = made[nmade++];
	}
	rc = run(file, sets, n);
	for (size_t i = 0; i < nmade; i++)
		free(made[i]);
	return rc;
}
