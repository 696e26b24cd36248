/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwrap.h: the parts of ExtractNewRecordState: its settings, what it works out
 * for an envelope's schema (unwrap_plan.c), and the dropping of columns that a
 * header lists (unwrap_drop.c).
 */
#ifndef LEAT_RECORD_UNWRAP_H
#define LEAT_RECORD_UNWRAP_H

#include "core/record/transforms/edit.h"
#include "core/record/transforms/unwrap_refs.h"

struct unwrap_config {
	struct leat_list add_fields;
	struct leat_list add_headers;
	const char *add_fields_prefix;
	const char *add_headers_prefix;
	const char *route_by_field;
	const char *drop_header;
	const char *old_drop_tombstones;
	const char *old_delete_mode;
	int32_t mode;
	int32_t drop_from_key;
	int32_t drop_keep_compatible;
	int32_t replace_null;
};

struct unwrap {
	struct unwrap_refs fields;
	struct unwrap_refs headers;
	struct plans plans; /* struct unwrap_plan by envelope */
	const struct leat_schema *last; /* the envelope before, or NULL */
	struct unwrap_plan *last_plan;
	bool drop_deletes;
	bool rewrite; /* else a delete becomes a tombstone */
	bool keep_tombstones;
};

/* In unwrap_plan.from: a column, DELETED, or ADDED - the reference. */
enum { UNWRAP_DELETED = -1,
	UNWRAP_ADDED = -2 };

/* What is known of an envelope's schema. */
struct unwrap_plan {
	const struct leat_schema *row; /* of `before` and `after` */
	const struct leat_schema *out; /* the same object if none is added */
	int32_t before; /* -1: the envelope has none */
	int32_t after;
	int32_t op;
	int32_t route; /* the column with the topic, -1: none */
	int32_t *from; /* per field of `out` */
	struct unwrap_place *fields; /* per reference of add.fields */
	struct unwrap_place *headers; /* per reference of add.headers */
	const struct leat_schema **header_schemas; /* NULL: not there */
};

/* The plan of an envelope; NULL with err filled. */
struct unwrap_plan *unwrap_plan_get(struct transform *t,
    const struct leat_schema *envelope, struct leat_err *err);

/*
 * Takes the columns that the header lists out of the value, if that is a
 * struct, and out of the key, if that is wished.
 */
int unwrap_drop(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err);

#endif
