/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converter_pick.h: which converter a connector uses for its keys, values and
 * headers.
 *
 * The class is the connector's, else the worker's, else JSON without schemas
 * (headers: SimpleHeaderConverter). A connector that names a class sets all of
 * its options; one that names none may still override single options of the
 * worker's.
 */
#ifndef LEAT_RECORD_CONVERTER_PICK_H
#define LEAT_RECORD_CONVERTER_PICK_H

#include "core/record/converter.h"

struct conf;

struct converter {
	const struct converter_class *cls;
	void *self;
};

/* `key` is "key.converter", "value.converter" or "header.converter". */
int converter_pick(struct conf *c, const char *key,
    struct leat_schema_pool *pool, struct converter *ret_converter);
/* Accepts one that was only zeroed. */
void converter_close(struct converter *c);
size_t converter_held(const struct converter *c);

#endif
