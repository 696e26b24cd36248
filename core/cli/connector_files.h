/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connector_files.h: files with connectors, and directories of them, that a
 * command is given, read and checked as a worker does it.
 */
#ifndef LEAT_CORE_CLI_CONNECTOR_FILES_H
#define LEAT_CORE_CLI_CONNECTOR_FILES_H

#include <stdbool.h>

#include <leat/err.h>

#include "core/config/properties.h"
#include "core/plugin/registry.h"

struct connector_files {
	struct registry *registry;
	struct problems *problems;		/* all that is wrong */
	const struct properties *worker;	/* its settings, or NULL */
	size_t files;
	size_t connectors;
	/*
	 * Takes each connector that nothing is wrong with; NULL: nobody does.
	 * After an error of it no other is given, and the reading ends with it.
	 */
	int (*take)(void *arg, const char *name, const struct registered *class,
	    const struct properties *props, struct leat_err *err);
	void *arg;
	struct leat_err failed;			/* take()'s */
};

/*
 * Makes room for problems and loads the plugins; without a path (NULL) those
 * that belong to the program. A plugin that is refused is told on stderr. In
 * any case fini is to be called.
 */
int connector_files_open(struct connector_files *cf, const char *plugin_path,
    struct leat_err *err);
void connector_files_fini(struct connector_files *cf);

/*
 * A file, or all files of a directory. What is wrong in them is a problem and
 * no error: an error is a file that cannot be read.
 */
int connector_files_read(struct connector_files *cf, const char *path,
    struct leat_err *err);

/* The text of a file that there may not be; `stem` is its name without ".x". */
int connector_files_read_text(struct connector_files *cf, const char *path,
    const char *stem, const char *text, size_t len, struct leat_err *err);

#endif
