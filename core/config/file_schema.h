/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_schema.h: a JSON Schema (draft 07) of connector files, from option
 * tables, for editors and CI.
 *
 * It describes the three kinds of files. Each known connector has its own
 * branch, chosen by `connector` or `connector.class`. Keys are given in their
 * flat form; nested maps are let through, since what they join to is known to
 * the worker only.
 */
#ifndef LEAT_CORE_CONFIG_FILE_SCHEMA_H
#define LEAT_CORE_CONFIG_FILE_SCHEMA_H

#include <leat/buf.h>
#include <leat/connector.h>

struct file_schema_input {
	const struct leat_connector *const *connectors;
	size_t nconnectors;
	/* The framework's rows, of sources and of sinks. */
	const struct leat_option *source_rows;
	const struct leat_option *sink_rows;
};

/* Appends the schema; 0 or -1, as the buffer. */
int file_schema_write(const struct file_schema_input *in,
    struct leat_buf *to);

#endif
