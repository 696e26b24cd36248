/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_relation.h: what is known of a table, and its rows as values.
 *
 * A Relation message (or, for the snapshot, the catalog) makes a plan: for each
 * column its type, its place in the row's struct, and what stands for it when
 * it is missing; with it the schemas of key, row and envelope. A newer Relation
 * message replaces the plan; the old one lives until no batch refers to it.
 */
#ifndef LEAT_PG_RELATION_H
#define LEAT_PG_RELATION_H

#include <stdint.h>

#include <leat/map.h>

#include "pg_catalog.h"
#include "pg_mask.h"
#include "pg_tally.h"
#include "pgoutput.h"

struct pg_col {
	const char *name;
	const struct pg_type *type;	/* NULL: left out */
	int32_t field;		/* place in the row's struct, -1: none */
	uint32_t type_oid;
	int32_t typmod;
	uint32_t in_identity;
	uint32_t not_null;
	uint32_t key_pos;	/* 1.. */
	const char *def_expr;
	int32_t ndims;		/* of an array, as declared */
	const char *comment;
	const char *type_name;
	const struct pg_mask *mask;	/* changes values, or NULL */
	struct leat_value missing;	/* of an old row without this column */
	struct leat_schema schema;	/* of the field */
	struct leat_schema key_schema;	/* the same without masks */
};

struct pg_relation {
	uint32_t oid;
	uint32_t identity;	/* 'd' 'n' 'f' 'i' */
	uint32_t captured;	/* 0: the rest is not filled */
	uint32_t ncols;
	uint32_t nfields;
	uint32_t nkeys;		/* 0: no key */
	uint32_t key_in_identity;	/* old rows carry the whole key */
	uint32_t any_label;	/* accept enum labels that are not known */
	uint32_t superseded;	/* described anew meanwhile: pg_prepared.h */
	const char *schema;
	const char *name;
	const char *topic;
	struct pg_col *cols;
	uint32_t *key_cols;	/* columns of the key, in key order */
	const struct leat_schema *key_schema;	/* interned, NULL: no key */
	const struct leat_schema *envelope;	/* interned */
	struct pg_tally *tally;	/* its events, or NULL */
	int64_t nconverted;	/* values that could not be expressed */
	struct pg_relation *next_dead;
	struct leat_arena arena;
};

/* What plans need, and the plans by OID. */
struct pg_relcache {
	struct leat_task *task;
	const struct pg_config *cfg;
	const struct pg_filters *filters;
	const char *prefix;
	struct pg_conn *conn;	/* for the catalog */
	const char *publication;	/* its columns only, in the snapshot */
	const struct leat_schema *source_schema;
	struct pg_tallies *tallies;	/* NULL: nobody counts */
	struct leat_map map;
	struct pg_relation *last;	/* of the latest find */
	struct pg_relation *dead;	/* replaced, still referred to */
	int64_t *m_unconverted;
};

void pg_relcache_init(struct pg_relcache *rc);
void pg_relcache_fini(struct pg_relcache *rc);

/* Frees what was replaced: when no batch is open. */
void pg_relcache_sweep(struct pg_relcache *rc);

/* Forgets all plans: for a new connection. */
void pg_relcache_clear(struct pg_relcache *rc);

/* The plan of a relation, or NULL when no Relation message came. */
struct pg_relation *pg_relcache_find(struct pg_relcache *rc, uint32_t oid);

/* Makes a plan from a Relation message and keeps it. */
int pg_relcache_put(struct pg_relcache *rc, const struct pgo_relation *msg,
    struct pg_relation **ret_rel, struct leat_err *err);

/* Makes a plan from the catalog alone, for the snapshot, and keeps it. */
int pg_relcache_load(struct pg_relcache *rc, const struct pg_table *table,
    struct pg_relation **ret_rel, struct leat_err *err);

/* The same columns once more, with the catalog's facts of now. */
int pg_relcache_refresh(struct pg_relcache *rc, struct pg_relation **rel,
    struct leat_err *err);

/* How the columns of a tuple that have no value are to be read. */
enum {
	PG_ROW_NEW = 0,
	PG_ROW_OLD_KEY = 1	/* what is null was not sent */
};

/*
 * Converts a tuple into the values of the row's struct (nfields) and of the
 * key (nkeys), both taken from the batch. `old_row` completes unchanged values,
 * may be NULL. 0, PG_CONV_NOMEM, PG_CONV_STALE, or an error with err filled.
 */
struct pg_row {
	const struct leat_value *fields;
	const struct leat_value *keys;
};

int pg_row_convert(struct pg_relcache *rc, struct pg_relation *rel,
    const struct pgo_tuple *t, const struct pgo_tuple *old_row, int how,
    struct leat_batch *b, struct pg_row *ret, struct leat_err *err);

/* Are two keys of a relation the same? */
int pg_key_equal(const struct pg_relation *rel, const struct leat_value *a,
    const struct leat_value *b);

/* Are two values the same, recursively? */
int pg_value_equal(const struct leat_value *a, const struct leat_value *b);

/* prefix.schema.table with what topics do not allow replaced. */
char *pg_topic_name(struct leat_arena *a, const char *prefix,
    const char *delimiter, const char *schema, const char *table);

#endif
