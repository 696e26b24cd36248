/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connector_files.c: see connector_files.h.
 */
#include "core/cli/connector_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/fsio.h"
#include "core/cli/paths.h"
#include "core/config/config_file.h"
#include "core/config/directory.h"
#include "core/worker/settings.h"

enum { FILE_BYTES_MAX = 16 << 20 };

static void
refused(void *arg, const char *path, const struct leat_err *err)
{
	(void)arg;
	(void)path;
	(void)fprintf(stderr, "leat: plugin refused: %s\n", err->text);
}

int
connector_files_open(struct connector_files *cf, const char *plugin_path,
    struct leat_err *err)
{
	char *found = NULL;

	cf->problems = problems_new();
	if (plugin_path == NULL)
		plugin_path = found = paths_plugins();
	if (cf->problems == NULL || plugin_path == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	cf->registry = registry_load(plugin_path, refused, NULL, err);
	free(found);
	return cf->registry == NULL ? err->code : 0;
}

void
connector_files_fini(struct connector_files *cf)
{
	registry_free(cf->registry);
	problems_free(cf->problems);
}

/* -------------------------------------------------------------- a connector */

static const struct leat_connector *
find_connector(void *arg, const char *name)
{
	const struct connector_files *cf = arg;
	const struct registered *r = registry_find(cf->registry, name);

	return r == NULL ? NULL : &r->connector;
}

static void
no_connector(const struct connector_files *cf, const struct property *class,
    struct problems *out)
{
	const char *near = registry_nearest(cf->registry, class->value);
	char hint[128];

	(void)snprintf(hint, sizeof(hint), "did you mean '%s'?",
	    near == NULL ? "" : near);
	problems_add(out, class->place, class->key, near == NULL ? NULL : hint,
	    "no connector '%s' in the plugin path", class->value);
}

/* The class is checked here, since the rest needs a plugin to check against. */
static void
check(void *arg, const char *name, const struct properties *props,
    struct problems *out)
{
	struct connector_files *cf = arg;
	const struct property *class = properties_find(props,
	    "connector.class");
	const struct registered *r = class == NULL ? NULL :
	    registry_find(cf->registry, class->value);
	size_t before = problems_count(out);

	cf->connectors++;
	if (class == NULL)
		problems_add(out, properties_origin(props), "connector.class",
		    NULL, "required: which connector is it?");
	else if (r == NULL)
		no_connector(cf, class, out);
	else
		settings_validate(name, r, props, cf->worker, out);
	if (problems_count(out) == before && cf->take != NULL &&
	    cf->failed.code == 0)
		(void)cf->take(cf->arg, name, r, props, &cf->failed);
}

/* ----------------------------------------------------- files, directories */

static int
took(const struct connector_files *cf, struct leat_err *err)
{
	if (cf->failed.code != 0)
		*err = cf->failed;
	return cf->failed.code;
}

static int
read_directory(struct connector_files *cf, const char *path,
    struct leat_err *err)
{
	const struct directory_options o = {
		.path = path,
		.arg = cf,
		.find = find_connector,
		.validate = check,
	};
	struct directory *d = directory_new(&o, err);
	const struct directory_view *view;
	int rc;

	if (d == NULL)
		return err->code;
	rc = directory_reload(d, err);
	if (rc == 0) {
		view = directory_view(d);
		cf->files += view->nfiles;
		problems_append(cf->problems, view->problems);
		directory_view_unref(view);
	}
	directory_free(d);
	return rc < 0 ? rc : took(cf, err);
}

int
connector_files_read_text(struct connector_files *cf, const char *path,
    const char *stem, const char *text, size_t len, struct leat_err *err)
{
	const struct config_reader reader = { .refs = &references_system,
		.find = find_connector,
		.arg = cf };
	struct config_file file;

	cf->files++;
	if (config_file_read(&reader, path, stem, text, len, &file,
	    cf->problems) < 0)
		return 0;
	for (size_t i = 0; i < file.len; i++)
		check(cf, file.connectors[i].name, file.connectors[i].props,
		    cf->problems);
	config_file_fini(&file);
	return took(cf, err);
}

/* A file's name without folder and extension; to be freed. */
static char *
stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(base, '.');

	return dot == NULL || dot == base ? strdup(base) :
	    strndup(base, (size_t)(dot - base));
}

static int
read_file(struct connector_files *cf, const char *path, struct leat_err *err)
{
	char *text = NULL, *stem = stem_of(path);
	size_t len;
	int rc;

	rc = stem == NULL ? leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory") :
	    fsio_slurp(&fsio_system, path, FILE_BYTES_MAX, &text, &len, err);
	if (rc == 0)
		rc = connector_files_read_text(cf, path, stem, text, len, err);
	free(text);
	free(stem);
	return rc;
}

int
connector_files_read(struct connector_files *cf, const char *path,
    struct leat_err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "'%s'", path);
	return S_ISDIR(st.st_mode) ? read_directory(cf, path, err) :
	    read_file(cf, path, err);
}
