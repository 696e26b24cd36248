/* SPDX-License-Identifier: Apache-2.0 */
/*
 * geometry.c: Debezium's GeometryFormatTransformer and SwapGeometryCoordinates:
 * the bytes of PostGIS's geometries with or without their SRID, and with x and
 * y exchanged. Schemas stay.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/wkb.h"
#include "core/record/value_text.h"

#define GEOMETRY "io.debezium.data.geometry.Geometry"

struct config {
	struct leat_list srids;
	int32_t format;		/* 0 wkb, 1 ewkb */
};

/* Does a value of the schema hold a geometry? */
struct geometry_plan {
	bool any;
};

struct geometry {
	struct plans plans;
	/* Another form of the bytes: *v stays or is replaced. */
	int (*change)(const struct transform *t, int32_t srid, bool has_srid,
	    struct leat_value *v, struct leat_arena *arena,
	    struct leat_err *err);
	int32_t *srids;
};

/* clang-format off */
static const struct leat_option format_options[] = {
	{ "format", NULL, LEAT_OPT_CHOICE, 0, "wkb", 0, 0, "wkb,ewkb",
	  offsetof(struct config, format),
	  "The form that geometries get: without or with their SRID.",
	  "0.1" },
	{ .name = NULL }
};
static const struct leat_option swap_options[] = {
	{ "srids", NULL, LEAT_OPT_LIST, 0, "4326,3857,4269", 0, 0, NULL,
	  offsetof(struct config, srids),
	  "The reference systems whose coordinates are exchanged.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* ----------------------------------------------------------------- changes */

static int
set_format(const struct transform *t, int32_t srid, bool has_srid,
    struct leat_value *v, struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const bool extended = wkb_has_srid(v->u.b, v->len);
	uint8_t *to;

	if (v->len < 5 || extended == (cfg->format != 0) ||
	    (!extended && !has_srid))
		return 0;
	to = leat_arena_alloc(arena, v->len + WKB_SRID_BYTES);
	if (to == NULL)
		return record_no_memory(arena, err);
	*v = leat_bytes(to, extended ? wkb_cut_srid(to, v->u.b, v->len)
	    : wkb_add_srid(to, v->u.b, v->len, srid));
	return 0;
}

static int
swap_axes(const struct transform *t, int32_t srid, bool has_srid,
    struct leat_value *v, struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct geometry *self = t->self;
	uint8_t *to;
	uint32_t i;

	for (i = 0; i < cfg->srids.len; i++)
		if (has_srid && self->srids[i] == srid)
			break;
	if (i == cfg->srids.len)
		return 0;
	to = leat_arena_memdup(arena, v->u.b, v->len);
	if (to == NULL)
		return record_no_memory(arena, err);
	if (wkb_swap(to, v->len) < 0)
		return record_error(err, "Failed to swap EWKB/WKB "
		    "coordinates: the bytes are no geometry");
	*v = leat_bytes(to, v->len);
	return 0;
}

static int
format_init(struct transform *t, struct leat_err *err)
{
	struct geometry *self = t->self;

	self->change = set_format;
	return 0;
}

static int
swap_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct geometry *self = t->self;
	int64_t srid;
	uint32_t i;

	self->change = swap_axes;
	self->srids = leat_arena_calloc(&t->arena, cfg->srids.len,
	    sizeof(*self->srids));
	if (self->srids == NULL)
		return record_no_memory(&t->arena, err);
	for (i = 0; i < cfg->srids.len; i++) {
		if (leat_parse_i64(leat_str_c(cfg->srids.items[i]), INT32_MIN,
			INT32_MAX, &srid) < 0)
			return config_error(err, "srids: '%s' is not a number",
			    cfg->srids.items[i]);
		self->srids[i] = (int32_t)srid;
	}
	return 0;
}

/* ----------------------------------------------------------------- walking */

/* Depth is bounded by the schema's; 1, 0, or -1 without memory. */
static int
has_geometry(struct geometry *self, const struct leat_schema *s)
{
	struct geometry_plan *p = plans_get(&self->plans, s);
	uint32_t i;
	int any = schema_is(s, GEOMETRY);

	if (p != NULL)
		return p->any;
	if (!any && s->elem != NULL)
		any = has_geometry(self, s->elem);
	for (i = 0; any == 0 && i < s->nfields; i++)
		any = has_geometry(self, s->fields[i].schema);
	if (any < 0)
		return -1;
	p = malloc(sizeof(*p));
	if (p == NULL || plans_put(&self->plans, s, p) < 0) {
		free(p);
		return -1;
	}
	p->any = any;
	return any;
}

static int
change_one(struct transform *t, const struct leat_schema *s,
    struct leat_value *items, struct leat_arena *arena, struct leat_err *err)
{
	const struct geometry *self = t->self;
	const int32_t wkb = leat_schema_field(s, "wkb");
	const int32_t at = leat_schema_field(s, "srid");
	const bool has_srid = at >= 0 && items[at].kind == LEAT_INT32;

	if (wkb < 0 || items[wkb].kind != LEAT_BYTES)
		return 0;
	return self->change(t, has_srid ? (int32_t)items[at].u.i : 0,
	    has_srid, &items[wkb], arena, err);
}

/* The schema of an item of a struct, an array or a map. */
static const struct leat_schema *
schema_at(const struct leat_schema *s, size_t i)
{
	if (s->kind == LEAT_STRUCT)
		return s->fields[i].schema;
	return s->kind == LEAT_MAP && i % 2 == 0 ? s->key : s->elem;
}

static int
walk(struct transform *t, const struct leat_schema *s, struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	const size_t n = s->kind == LEAT_MAP ? (size_t)v->len * 2 : v->len;
	const int any = has_geometry(t->self, s);
	struct leat_value *items;
	size_t i;
	int rc = 0;

	if (any < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (any == 0 || v->kind != s->kind ||
	    (s->kind == LEAT_STRUCT && v->len != s->nfields))
		return 0;
	items = leat_arena_memdup(arena, v->u.items, n * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	if (schema_is(s, GEOMETRY))
		rc = change_one(t, s, items, arena, err);
	else
		for (i = 0; rc == 0 && i < n; i++)
			rc = walk(t, schema_at(s, i), &items[i], arena, err);
	*v = leat_items(v->kind, items, v->len);
	return rc;
}

static int
geometry_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	if (rec->value_schema == NULL || rec->value.kind != LEAT_STRUCT)
		return 0;
	return walk(t, rec->value_schema, &rec->value, arena, err);
}

static void
geometry_fini(struct transform *t)
{
	struct geometry *self = t->self;

	plans_fini(&self->plans);
}

const struct transform_class transform_geometry_format = {
	.name = "io.debezium.transforms.GeometryFormatTransformer",
	.on_null = NULL_PASSES,
	.options = format_options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct geometry),
	.init = format_init,
	.apply = geometry_apply,
	.fini = geometry_fini,
};

const struct transform_class transform_swap_geometry_coordinates = {
	.name = "io.debezium.transforms.SwapGeometryCoordinates",
	.on_null = NULL_PASSES,
	.options = swap_options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct geometry),
	.init = swap_init,
	.apply = geometry_apply,
	.fini = geometry_fini,
};
