/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_type_shape.c: the schemas of geometric types and of PostGIS.
 */
#include "pg_type_rows.h"

#include <errno.h>
#include <string.h>

static const char *const point_fields[] = { "x", "y", "wkb", "srid" };

int
pg_make_point(struct pg_type_build *b)
{
	b->ty->schema.doc = "Geometry (POINT)";
	if (pg_type_set_fields(b, 4, "DDbi", point_fields) < 0)
		return -ENOMEM;
	return pg_type_set_fallback(b, "(0,0)");
}

/* Circles, lines and geometries are optional even in a NOT NULL column. */
int
pg_make_line(struct pg_type_build *b)
{
	static const char *const names[] = { "a", "b", "c" };

	b->ty->schema.doc = "Geometry (LINE)";
	b->ty->schema.optional = 1;
	if (pg_type_set_fields(b, 3, "DDD", names) < 0)
		return -ENOMEM;
	return pg_type_set_fallback(b, "{0,1,0}");
}

int
pg_make_circle(struct pg_type_build *b)
{
	struct leat_schema *center = leat_arena_calloc(b->a, 1,
	    sizeof(*center));
	struct leat_field *f = leat_arena_calloc(b->a, 2, sizeof(*f));

	if (center == NULL || f == NULL ||
	    pg_type_set_fields(b, 4, "DDbi", point_fields) < 0)
		return -ENOMEM;
	*center = (struct leat_schema){ .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.data.geometry.Point",
		.doc = "Geometry (POINT)", .fields = b->ty->schema.fields,
		.nfields = 4 };
	f[0].name = "center";
	f[0].schema = center;
	f[1].name = "radius";
	f[1].schema = leat_schema_plain(LEAT_FLOAT64, 0);
	b->ty->schema.doc = "Geometry (CIRCLE)";
	b->ty->schema.optional = 1;
	b->ty->schema.fields = f;
	b->ty->schema.nfields = 2;
	return pg_type_set_fallback(b, "<(0,0),0>");
}

/* Version 2 has a map of extensions. */
static int
geometry_schema(struct pg_type_build *b)
{
	struct leat_field *f = leat_arena_calloc(b->a, 3, sizeof(*f));
	struct leat_schema *ext = leat_arena_calloc(b->a, 1, sizeof(*ext));

	if (f == NULL || ext == NULL)
		return -ENOMEM;
	*ext = (struct leat_schema){ .kind = LEAT_MAP, .optional = 1,
		.key = leat_schema_plain(LEAT_STRING, 0),
		.elem = leat_schema_plain(LEAT_STRING, 0) };
	f[0].name = "wkb";
	f[0].schema = leat_schema_plain(LEAT_BYTES, 0);
	f[1].name = "srid";
	f[1].schema = leat_schema_plain(LEAT_INT32, 1);
	f[2].name = "extensions";
	f[2].schema = ext;
	b->ty->schema.doc = "Geometry";
	b->ty->schema.version = 2;
	b->ty->schema.optional = 1;
	b->ty->schema.fields = f;
	b->ty->schema.nfields = 3;
	return 0;
}

/* A shape of some size, as Debezium has it: sinks check what they are given. */
int
pg_make_shape(struct pg_type_build *b)
{
	pg_conv_fn *conv = b->ty->conv;
	struct leat_value *items;
	int rc = geometry_schema(b);

	if (rc < 0)
		return rc;
	if (conv == pg_conv_box)
		return pg_type_set_fallback(b, "(0,0),(1,1)");
	if (conv == pg_conv_polygon)
		return pg_type_set_fallback(b, "((0,0),(1,0),(0,1))");
	rc = pg_type_set_fallback(b, "[(0,0),(1,0)]");
	if (rc < 0 || conv != pg_conv_path)
		return rc;
	/* That of a path does not say whether it is closed. */
	items = leat_arena_memdup(b->a, b->ty->fallback.u.items,
	    3 * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	items[2].len = 1;
	b->ty->fallback.u.items = items;
	return 0;
}

int
pg_make_geometry(struct pg_type_build *b)
{
	int rc = geometry_schema(b);

	if (rc < 0)
		return rc;
	if (strcmp(b->info->name, "geography") == 0) {
		b->ty->schema.doc = "Geography";
		b->ty->schema.version = 1;
		b->ty->schema.optional = 0;
		b->ty->schema.nfields = 2;
	}
	/* an empty collection */
	return pg_type_set_fallback(b, "010700000000000000");
}
