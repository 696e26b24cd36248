/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_read.h: the state of reading one file; for config_file.c and pipeline.c.
 */
#ifndef LEAT_CORE_CONFIG_FILE_READ_H
#define LEAT_CORE_CONFIG_FILE_READ_H

#include "core/config/config_file.h"
#include "core/config/flatten.h"

struct file_read {
	const struct config_reader *reader;
	struct flatten flatten;
	struct config_file *file;
	const char *stem;
	bool failed;
};

struct place file_place(const struct file_read *r, int32_t line,
    int32_t column);
void file_fail(struct file_read *r, struct place place, const char *key,
    const char *hint, const char *text);
void file_no_memory(struct file_read *r);

/* Flattens a section into the builder, whose origin it becomes. */
void file_section(struct file_read *r, const struct tree_node *map,
    struct properties_builder *to);
/* `connector` becomes connector.class. */
void file_class(struct file_read *r, struct properties_builder *b);
/* Takes `enabled` out and returns it. */
bool file_enabled(struct file_read *r, struct properties_builder *b);
/* Takes a text out of a map of the file: `name` and the like; NULL: unset. */
const char *file_text(struct file_read *r, const struct tree_node *map,
    const char *key);
/*
 * Makes a connector of the builder, which is emptied; its name is the one in
 * the builder, or `name`.
 */
void file_connector(struct file_read *r, struct properties_builder *b,
    const char *name);

/* Reads a pipeline. */
void pipeline_read(struct file_read *r, const struct tree_node *root);

#endif
