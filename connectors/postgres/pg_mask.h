/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_mask.h: values that are cut, masked or hashed before they are written,
 * and types told in parameters of schemas.
 *
 * column.truncate.to.*, column.mask.with.* and column.mask.hash.* are rules:
 * the first one whose expressions match a column holds for it.
 */
#ifndef LEAT_PG_MASK_H
#define LEAT_PG_MASK_H

#include <stdint.h>

#include "pg_config.h"
#include "pg_types.h"

struct pg_col;
struct pg_relation;

enum {
	PG_MASK_TRUNCATE,
	PG_MASK_CHARS,
	PG_MASK_HASH,
	PG_MASK_HASH_V1	/* of the text as Java would serialize it */
};

/* What happens to the values of a column; lives as long as its relation. */
struct pg_mask {
	int32_t what;		/* PG_MASK_* */
	uint32_t length;	/* characters: of the result, or at most */
	const char *text;	/* CHARS: the asterisks */
	const char *digest;	/* HASH */
	const char *salt;
};

/* Replaces a value. 0, PG_CONV_NOMEM or PG_CONV_NONE. */
int pg_mask_value(const struct pg_mask *m, struct leat_batch *mem,
    struct leat_value *v);

struct pg_mask_rule {
	struct pg_filter columns;
	struct pg_mask mask;
	char *owned_digest;
	char *owned_salt;
};

struct pg_rules {
	struct pg_mask_rule *rules;
	uint32_t nrules;
	struct pg_filter propagate_columns;
	struct pg_filter propagate_types;
	int32_t comments;
};

/* Compiles the options; what is wrong with them is said in err. */
int pg_rules_init(struct pg_rules *r, const struct pg_config *cfg,
    struct leat_err *err);
void pg_rules_fini(struct pg_rules *r);

/* Sets the column's mask, and its schema's parameters and doc. */
int pg_rules_apply(const struct pg_rules *r, struct leat_task *t,
    struct pg_relation *rel, struct pg_col *col);

/* pg_source_type.c: length and scale of a type in the JDBC driver's terms. */
int32_t pg_source_length(const struct pg_type *ty);
int32_t pg_source_scale(const struct pg_type *ty);
/* Its name, which tells a serial column from its default. */
const char *pg_source_type_name(const char *type_name, const char *def_expr);

#endif
