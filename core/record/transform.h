/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transform.h: what a transform and a predicate are.
 *
 * A class is a row; an instance is one entry of a connector's `transforms`. A
 * transform changes a record in place: what it builds comes from the record's
 * arena, schemas that it derives are interned in the task's pool.
 */
#ifndef LEAT_RECORD_TRANSFORM_H
#define LEAT_RECORD_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/connector.h>
#include <leat/err.h>
#include <leat/record.h>
#include <leat/schema.h>

struct conf;
struct transform;

/* What a transform does with a record whose key or value it needs is null. */
enum transform_null {
	NULL_UNUSED,		/* works on neither */
	NULL_PASSES,		/* goes on unchanged */
	NULL_HANDLED,		/* has a meaning of its own */
	NULL_REFUSED		/* is an error */
};

struct transform_class {
	const char *name;	/* org.apache.kafka.connect.transforms.Cast */
	bool key_or_value;	/* has the forms X$Key and X$Value */
	enum transform_null on_null;
	const struct leat_option *options;	/* or NULL */
	size_t config_size;
	size_t self_size;	/* zeroed memory for `self` */
	/*
	 * Prepares t->self from t->config, both of which live as long as the
	 * transform. May be NULL. On failure fini is called all the same.
	 */
	int (*init)(struct transform *t, struct leat_err *err);
	/* *keep is true on entry; false drops the record. */
	int (*apply)(struct transform *t, struct leat_record *rec,
	    struct leat_arena *arena, bool *keep, struct leat_err *err);
	void (*fini)(struct transform *t);	/* may be NULL */
};

struct predicate_class {
	const char *name;
	const struct leat_option *options;
	size_t config_size;
	size_t self_size;
	int (*init)(struct transform *t, struct leat_err *err);
	bool (*test)(const struct transform *t, const struct leat_record *rec);
	void (*fini)(struct transform *t);
};

/* An instance of either. */
struct transform {
	const struct transform_class *cls;	/* NULL for a predicate */
	const struct predicate_class *pcls;
	const char *alias;	/* in the configuration */
	const char *class_name;	/* as failures name it */
	bool on_key;		/* X$Key */
	bool negate;
	const struct transform *predicate;	/* or NULL: always */
	const char *wrong;	/* the option that init refused, or NULL */
	const void *config;
	void *self;
	struct leat_schema_pool *pool;
	struct leat_arena arena;	/* lives as long as the transform */
};

extern const struct transform_class *const transform_classes[];
extern const struct predicate_class *const predicate_classes[];

/* The connector's predicates and transforms. */
struct transform_list {
	struct transform *v;
	size_t n;
};

struct transform_set {
	struct transform_list predicates;
	struct transform_list transforms;
};

int transform_set_init(struct transform_set *set, struct conf *c,
    struct leat_schema_pool *pool);
void transform_set_fini(struct transform_set *set);
size_t transform_set_held(const struct transform_set *set);

#endif
