/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwrap_refs.h: the fields of an envelope that ExtractNewRecordState adds to a
 * row or to the headers ("op", "source.ts_ms", "transaction.id:tx").
 */
#ifndef LEAT_RECORD_UNWRAP_REFS_H
#define LEAT_RECORD_UNWRAP_REFS_H

#include "core/record/transforms/edit.h"

struct unwrap_ref {
	const char *in; /* "source"; NULL: the envelope itself */
	const char *field;
	const char *name; /* "__source_ts_ms" */
};

struct unwrap_refs {
	struct unwrap_ref *v;
	uint32_t n;
};

/* Where a reference leads in an envelope's schema. */
struct unwrap_place {
	int32_t in; /* field of the envelope, -1: itself */
	int32_t field;
};

/* Memory comes from t->arena; `key` is the option, for messages. */
int unwrap_refs_parse(struct transform *t, const char *key,
    const struct leat_list *list, const char *prefix,
    struct unwrap_refs *ret, struct leat_err *err);

/*
 * Finds a reference in the schema; *ret_schema is what it gives, optional in
 * any case, or NULL if the envelope has no such field.
 */
int unwrap_ref_find(struct transform *t, const struct unwrap_ref *ref,
    const struct leat_schema *envelope, struct unwrap_place *ret_place,
    const struct leat_schema **ret_schema, struct leat_err *err);

/* The value at a place of an envelope with a schema. */
struct leat_value unwrap_ref_value(const struct leat_value *envelope,
    struct unwrap_place place);
/*
 * The value in an envelope that is a map, null where its struct is; false if
 * there is no such field.
 */
bool unwrap_ref_map_value(const struct leat_value *envelope,
    const struct unwrap_ref *ref, struct leat_value *ret);

#endif
