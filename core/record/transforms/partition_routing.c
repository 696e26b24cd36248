/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition_routing.c: Debezium's PartitionRouting: the partition of a change
 * event by the values of some of its fields.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/envelope.h"
#include "core/record/transforms/java_hash.h"

enum { PATH_MAX_PARTS = 8 };

struct config {
	struct leat_list fields;
	int64_t partitions;
	int32_t hash; /* 0 java, 1 murmur */
};

/* "change.id"; `change` is after, or of a delete before. */
struct path {
	const char *parts[PATH_MAX_PARTS];
	uint32_t n;
};

/* Where a path leads in an envelope. */
struct place {
	const struct leat_schema *schema; /* of the value; NULL: nowhere */
	int32_t at[PATH_MAX_PARTS];
};

/* What is known of an envelope: per path, for deletes and for others. */
struct route_plan {
	int32_t op;
	struct place places[];
};

struct routing {
	struct path *paths;
	uint32_t n;
	struct plans plans; /* struct route_plan by envelope */
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "partition.payload.fields", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED,
	  NULL, 0, 0, NULL, offsetof(struct config, fields),
	  "Fields that say the partition: change.id, source.table, op.",
	  "0.1" },
	{ "partition.topic.num", NULL, LEAT_OPT_INT, LEAT_OPT_REQUIRED, NULL,
	  1, INT32_MAX, NULL, offsetof(struct config, partitions),
	  "The topic's number of partitions.", "0.1" },
	{ "partition.hash.function", NULL, LEAT_OPT_CHOICE, 0, "java", 0, 0,
	  "java,murmur", offsetof(struct config, hash),
	  "How values are hashed.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
parse_path(struct transform *t, const char *text, struct path *p,
    struct leat_err *err)
{
	struct leat_str rest = leat_str_c(text);

	do {
		const struct leat_str part =
		    leat_str_trim(leat_str_cut(&rest, '.'));

		if (part.len == 0 || p->n == PATH_MAX_PARTS)
			return config_error(err, "partition.payload.fields: "
			    "'%s' is not field or struct.field (at most %d "
			    "deep)",
			    text, PATH_MAX_PARTS);
		p->parts[p->n] = leat_arena_strndup(&t->arena, part.ptr,
		    part.len);
		if (p->parts[p->n++] == NULL)
			return record_no_memory(&t->arena, err);
	} while (rest.len > 0);
	if (text[strlen(text) - 1] != '.')
		return 0;
	return config_error(err, "partition.payload.fields: '%s' ends with a "
	    "dot", text);
}

static int
routing_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct routing *self = t->self;
	uint32_t i;

	if (cfg->fields.len == 0)
		return config_error(err, "partition.payload.fields: expected "
		    "at least one field");
	self->paths = leat_arena_calloc(&t->arena, cfg->fields.len,
	    sizeof(*self->paths));
	if (self->paths == NULL)
		return record_no_memory(&t->arena, err);
	self->n = cfg->fields.len;
	for (i = 0; i < self->n; i++)
		if (parse_path(t, cfg->fields.items[i], &self->paths[i],
			err) < 0)
			return LEAT_E_CONFIG;
	return 0;
}

/* ------------------------------------------------------------------- plans */

static void
find_place(const struct path *path, const struct leat_schema *envelope,
    bool deleted, struct place *place)
{
	const struct leat_schema *s = envelope;
	uint32_t i;

	for (i = 0; s != NULL && i < path->n; i++) {
		const char *name = path->parts[i];

		/* The last part is a field's own name. */
		if (i + 1 < path->n && strcmp(name, "change") == 0)
			name = deleted ? "before" : "after";
		place->at[i] = s->kind != LEAT_STRUCT ? -1
		    : leat_schema_field(s, name);
		s = place->at[i] < 0 ? NULL
		    : s->fields[place->at[i]].schema;
	}
	place->schema = s;
}

static struct route_plan *
get_plan(struct routing *self, const struct leat_schema *envelope,
    struct leat_err *err)
{
	struct route_plan *p = plans_get(&self->plans, envelope);
	uint32_t i;

	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p) + (size_t)self->n * 2 * sizeof(p->places[0]));
	if (p == NULL || plans_put(&self->plans, envelope, p) < 0) {
		free(p);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	p->op = leat_schema_field(envelope, "op");
	for (i = 0; i < self->n; i++) {
		find_place(&self->paths[i], envelope, false, &p->places[i]);
		find_place(&self->paths[i], envelope, true,
		    &p->places[self->n + i]);
	}
	return p;
}

/* ---------------------------------------------------------------- applying */

/* The value at a place, null where there is nothing on the way. */
static struct leat_value
value_at(const struct path *path, const struct place *place,
    const struct leat_value *envelope)
{
	struct leat_value v = *envelope;
	uint32_t i;

	if (place->schema == NULL)
		return leat_null();
	for (i = 0; i < path->n; i++) {
		if (v.kind != LEAT_STRUCT)
			return leat_null();
		v = envelope_field(&v, place->at[i]);
	}
	return v.kind == LEAT_NULL && place->schema->has_default
	    ? place->schema->def
	    : v;
}

/* Adds the hashes; *ret_found is how many values there were. */
static int
sum_hashes(const struct transform *t, const struct route_plan *p,
    const struct leat_value *envelope, uint32_t *ret_sum, uint32_t *ret_found,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct routing *self = t->self;
	const bool deleted = envelope_op_is(&envelope->u.items[p->op], 'd');
	const struct place *place = &p->places[deleted ? self->n : 0];
	int32_t h;
	uint32_t i;
	int rc;

	for (i = 0; i < self->n; i++, place++) {
		const struct leat_value v = value_at(&self->paths[i], place,
		    envelope);

		if (v.kind == LEAT_NULL)
			continue;
		rc = cfg->hash == 0 ? java_hash_code(place->schema, &v, &h, err)
		    : java_hash_murmur(place->schema, &v, &h, err);
		if (rc < 0)
			return leat_err_wrap(err, "%s", cfg->fields.items[i]);
		*ret_sum += (uint32_t)h;
		++*ret_found;
	}
	return 0;
}

static int
routing_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct leat_value *op;
	struct route_plan *p;
	uint32_t sum = 0, found = 0;

	if (rec->value.kind == LEAT_NULL || !envelope_is(rec->value_schema))
		return 0;
	if (require_struct(rec->value_schema, &rec->value,
		"partition routing", err) < 0)
		return LEAT_E_DATA;
	p = get_plan(t->self, rec->value_schema, err);
	if (p == NULL)
		return err->code;
	op = &rec->value.u.items[p->op];
	if (envelope_op_is(op, 't') || envelope_op_is(op, 'm'))
		return 0;
	if (sum_hashes(t, p, &rec->value, &sum, &found, err) < 0)
		return LEAT_E_DATA;
	if (found == 0)
		return 0;
	sum &= INT32_MAX;
	rec->partition = sum == INT32_MAX ? 0
	    : (int32_t)(sum % (uint32_t)cfg->partitions);
	return 0;
}

static void
routing_fini(struct transform *t)
{
	struct routing *self = t->self;

	plans_fini(&self->plans);
}

const struct transform_class transform_partition_routing = {
	.name = "io.debezium.transforms.partitions.PartitionRouting",
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct routing),
	.init = routing_init,
	.apply = routing_apply,
	.fini = routing_fini,
};
