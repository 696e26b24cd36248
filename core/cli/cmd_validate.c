/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_validate.c: `leat validate`: everything that is wrong with configuration
 * files, all at once, each with its place; nothing is started.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/json_writer.h"
#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/paths.h"
#include "core/config/config_file.h"
#include "core/config/directory.h"
#include "core/config/worker_options.h"
#include "core/plugin/registry.h"
#include "core/worker/settings.h"

enum { FILE_BYTES_MAX = 16 << 20 };

struct validation {
	struct registry *registry;
	struct worker_config config;
	struct problems *problems;
	size_t files;
	size_t connectors;
};

static const struct leat_connector *
find_connector(void *arg, const char *name)
{
	struct validation *v = arg;
	const struct registered *r = registry_find(v->registry, name);

	return r == NULL ? NULL : &r->connector;
}

static void
no_connector(struct validation *v, const struct property *class,
    struct problems *out)
{
	const char *near = registry_nearest(v->registry, class->value);
	char hint[128];

	(void)snprintf(hint, sizeof(hint), "did you mean '%s'?",
	    near == NULL ? "" : near);
	problems_add(out, class->place, class->key, near == NULL ? NULL : hint,
	    "no connector '%s' in the plugin path", class->value);
}

/* The class is checked here, since the rest needs a plugin to check against. */
static void
check_connector(void *arg, const char *name, const struct properties *props,
    struct problems *out)
{
	struct validation *v = arg;
	const struct property *class = properties_find(
	    props, "connector.class");
	const struct registered *r = class == NULL
	    ? NULL
	    : registry_find(v->registry, class->value);

	v->connectors++;
	if (class == NULL)
		problems_add(out, properties_origin(props), "connector.class",
		    NULL, "required: which connector is it?");
	else if (r == NULL)
		no_connector(v, class, out);
	else
		settings_validate(
		    name, r, props, v->config.props, out);
}

static int
check_directory(struct validation *v, const char *path, struct leat_err *err)
{
	const struct directory_options o = {
		.path = path,
		.arg = v,
		.find = find_connector,
		.validate = check_connector,
	};
	struct directory *d = directory_new(&o, err);
	const struct directory_view *view;
	int rc;

	if (d == NULL)
		return err->code;
	rc = directory_reload(d, err);
	if (rc == 0) {
		view = directory_view(d);
		v->files += view->nfiles;
		problems_append(v->problems, view->problems);
		directory_view_unref(view);
	}
	directory_free(d);
	return rc;
}

/* A file's name without folder and extension; to be freed. */
static char *
stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(base, '.');

	return dot == NULL || dot == base ? strdup(base)
					  : strndup(base, (size_t)(dot - base));
}

static int
check_file(struct validation *v, const char *path, struct leat_err *err)
{
	const struct config_reader reader = { .refs = &references_system,
		.find = find_connector,
		.arg = v };
	struct config_file file;
	char *text = NULL, *stem = stem_of(path);
	size_t len;
	int rc = fsio_slurp(
	    &fsio_system, path, FILE_BYTES_MAX, &text, &len, err);

	if (rc == 0 && stem != NULL) {
		v->files++;
		if (config_file_read(&reader, path, stem, text, len, &file,
			v->problems) == 0) {
			for (size_t i = 0; i < file.len; i++)
				check_connector(v, file.connectors[i].name,
				    file.connectors[i].props, v->problems);
			config_file_fini(&file);
		}
	}
	free(text);
	free(stem);
	return rc;
}

static int
check_path(struct validation *v, const char *path, struct leat_err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "'%s'", path);
	return S_ISDIR(st.st_mode) ? check_directory(v, path, err)
				   : check_file(v, path, err);
}

static int
report(const struct validation *v, bool json)
{
	size_t n = problems_count(v->problems);
	struct leat_buf out;
	struct json_writer w;

	leat_buf_init(&out, 64 << 20);
	w = json_writer(&out);
	if (json) {
		json_object(&w);
		json_member_int(&w, "files", (int64_t)v->files);
		json_member_int(&w, "connectors", (int64_t)v->connectors);
		json_key(&w, "problems");
		problems_print_json(v->problems, &out);
		w.comma = true;
		json_object_end(&w);
		leat_buf_add_byte(&out, '\n');
	} else {
		problems_print(v->problems, &out);
		if (n == 0)
			leat_buf_printf(&out, "%zu files, %zu connectors: "
			    "good\n",
			    v->files, v->connectors);
	}
	fwrite(out.data, 1, out.len, stdout);
	leat_buf_fini(&out);
	return n == 0 ? EXIT_OK : EXIT_INVALID;
}

static void
refused(void *arg, const char *path, const struct leat_err *err)
{
	fprintf(stderr, "leat: plugin refused: %s\n", err->text);
}

static int
prepare(struct validation *v, const char *config, const char *plugin_path,
    struct leat_err *err)
{
	char *found = NULL;
	const char *path;

	v->problems = problems_new();
	if (v->problems == NULL)
		return leat_err_set(
		    err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	if (worker_config_read(config, NULL, 0, NULL, &v->config, v->problems,
		NULL) < 0)
		return 0;
	path = plugin_path != NULL ? plugin_path
				   : v->config.options.plugin_path;
	if (path == NULL)
		path = found = paths_plugins();
	if (path == NULL)
		return leat_err_set(
		    err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	v->registry = registry_load(path, refused, NULL, err);
	free(found);
	return v->registry == NULL ? err->code : 0;
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
		    "without "
			 "running anything. Says all\nthat is wrong, each with "
			 "file, line and column, and ends with 3 if anything "
			 "is.",
		.table = table,
		.examples = "  leat validate connectors.d\n"
			    "  leat validate --config worker.yaml "
			    "orders.yaml\n",
		.max_words = 64,
	};
	struct validation v = { 0 };
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (a.nwords == 0 && config == NULL) {
		fprintf(stderr, "leat: usage: %s\n", a.usage);
		return EXIT_USAGE;
	}
	rc = prepare(&v, config, plugins, &err);
	for (size_t i = 0; rc == 0 && v.registry != NULL && i < a.nwords; i++)
		rc = check_path(&v, a.words[i], &err);
	if (rc < 0)
		fprintf(stderr, "leat: %s\n", err.text);
	rc = rc < 0 ? EXIT_FAILED : report(&v, json);
	registry_free(v.registry);
	worker_config_fini(&v.config);
	problems_free(v.problems);
	return rc;
}
