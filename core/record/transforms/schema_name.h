/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_name.h: names of schemas made fit for Avro
 * (schema.name.adjustment.mode), for names that are made of topics: ASCII.
 */
#ifndef LEAT_RECORD_SCHEMA_NAME_H
#define LEAT_RECORD_SCHEMA_NAME_H

#include <leat/arena.h>

/* In the order of the option's choices. */
enum schema_name_mode {
	SCHEMA_NAME_AS_IS,
	SCHEMA_NAME_AVRO, /* '_' for what Avro does not allow */
	SCHEMA_NAME_UNICODE /* _u002d, and _u005f for '_' itself */
};

#define SCHEMA_NAME_CHOICES "none,avro,avro_unicode"

/* NULL without memory. */
const char *schema_name_adjust(enum schema_name_mode mode, const char *name,
    struct leat_arena *arena);

#endif
