/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file.h: one file of the directory to the connectors it describes.
 *
 * A file is one of
 *	a connector: its settings, nested or flat;
 *	a pipeline: `source:` with `sink:` or `sinks:`, joined by topics;
 *	Kafka Connect's {"name": .., "config": {..}, "initial_state": ..}.
 * A connector is called as the file without its extension unless it has a
 * `name`; the connectors of a pipeline <file>-source and <file>-sink.
 */
#ifndef LEAT_CORE_CONFIG_CONFIG_FILE_H
#define LEAT_CORE_CONFIG_CONFIG_FILE_H

#include <leat/connector.h>

#include "core/config/interpolate.h"
#include "core/config/properties.h"

enum {
	CONNECTOR_NAME_MAX = 255,	/* bytes */
	CONFIG_FILE_CONNECTORS_MAX = 100
};

/* What reading needs of the rest of the program. */
struct config_reader {
	const struct references *refs;
	/*
	 * A connector by its class, name or alias, to know its topics; NULL
	 * when there is none. The function may be NULL.
	 */
	const struct leat_connector *(*find)(void *arg, const char *name);
	void *arg;
};

/* `name` and `connector.class` are always among the properties. */
struct config_connector {
	char *name;
	struct properties *props;
};

struct config_file {
	struct config_connector *connectors;
	size_t len;
	bool pipeline;
	bool disabled;		/* `enabled: false` */
};

/*
 * Reads a text. `path` stands in places and tells JSON by its extension; `stem`
 * is the file's name without it. 0, or negative after problems were added; then
 * *ret_file is untouched.
 */
int config_file_read(const struct config_reader *r, const char *path,
    const char *stem, const char *text, size_t len,
    struct config_file *ret_file, struct problems *problems);
void config_file_fini(struct config_file *f);

/* Same connectors with same properties? */
bool config_file_equal(const struct config_file *a,
    const struct config_file *b);

/* Is this a legal name of a connector? NULL, or what is wrong. */
const char *connector_name_check(const char *name);

#endif
