/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_type_rows.h"

#include <errno.h>
#include <string.h>

/* ------------------------------------------------------------------ makers */

void
pg_type_set_schema(struct pg_type_build *b, uint8_t kind, const char *name)
{
	b->ty->schema.kind = kind;
	b->ty->schema.name = name;
	b->ty->schema.version = name == NULL ? 0 : 1;
}

int
pg_type_set_params(struct pg_type_build *b, uint32_t n,
    const char *const *pairs)
{
	struct leat_param *p = leat_arena_calloc(b->a, n, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		p[i].key = pairs[2 * i];
		p[i].value = pairs[2 * i + 1];
		if (p[i].value == NULL)
			return -ENOMEM;
	}
	b->ty->schema.params = p;
	b->ty->schema.nparams = n;
	return 0;
}

static int
set_fields(struct pg_type_build *b, const struct leat_field *fields, uint32_t n)
{
	b->ty->schema.fields = fields;
	b->ty->schema.nfields = n;
	return 0;
}

static int
decimal_param(struct pg_type_build *b, int32_t scale, int32_t precision)
{
	const char *pairs[] = {
		"scale",
		leat_arena_printf(b->a, "%d", scale),
		"connect.decimal.precision",
		leat_arena_printf(b->a, "%d", precision),
	};

	pg_type_set_schema(b, LEAT_BYTES,
	    "org.apache.kafka.connect.data.Decimal");
	b->ty->fallback = leat_bytes("", 1);	/* one zero byte */
	b->ty->scale = scale;
	return pg_type_set_params(b, precision > 0 ? 2 : 1, pairs);
}

static int
make_vardecimal(struct pg_type_build *b)
{
	static const struct leat_value zero[2] = {
		{ .kind = LEAT_INT32 },
		{ .kind = LEAT_BYTES, .len = 1,
			.u.b = (const uint8_t *)"" },
	};
	struct leat_field *f = leat_arena_calloc(b->a, 2, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f[0].name = "scale";
	f[0].schema = leat_schema_plain(LEAT_INT32, 0);
	f[1].name = "value";
	f[1].schema = leat_schema_plain(LEAT_BYTES, 0);
	pg_type_set_schema(b, LEAT_STRUCT,
	    "io.debezium.data.VariableScaleDecimal");
	b->ty->schema.doc = "Variable scaled decimal";
	b->ty->fallback = leat_items(LEAT_STRUCT, zero, 2);
	b->ty->conv = pg_conv_vardecimal;
	return set_fields(b, f, 2);
}

static int
make_numeric(struct pg_type_build *b)
{
	int32_t mod = b->typmod - 4;

	if (b->env->cfg->decimal_mode == PG_DECIMAL_DOUBLE) {
		pg_type_set_schema(b, LEAT_FLOAT64, NULL);
		b->ty->fallback = leat_f64(0);
		b->ty->conv = pg_conv_numeric_double;
		return 0;
	}
	if (b->env->cfg->decimal_mode == PG_DECIMAL_STRING) {
		pg_type_set_schema(b, LEAT_STRING, NULL);
		b->ty->fallback = leat_cstring("0");
		b->ty->conv = pg_conv_numeric_string;
		return 0;
	}
	if (b->typmod < 4)
		return make_vardecimal(b);
	b->ty->conv = pg_conv_decimal;
	b->ty->precision = (mod >> 16) & 0xffff;
	/* The scale has 11 bits and a sign. */
	return decimal_param(b, ((mod & 0x7ff) ^ 1024) - 1024,
	    b->ty->precision);
}

static int
make_money(struct pg_type_build *b)
{
	if (b->env->cfg->decimal_mode == PG_DECIMAL_DOUBLE) {
		pg_type_set_schema(b, LEAT_FLOAT64, NULL);
		b->ty->fallback = leat_f64(0);
		b->ty->conv = pg_conv_money_double;
		return 0;
	}
	if (b->env->cfg->decimal_mode == PG_DECIMAL_STRING) {
		pg_type_set_schema(b, LEAT_STRING, NULL);
		b->ty->fallback = leat_cstring("0");
		b->ty->conv = pg_conv_money_string;
		return 0;
	}
	b->ty->conv = pg_conv_money;
	return decimal_param(b, (int32_t)b->env->cfg->money_digits, 0);
}

static int
make_date(struct pg_type_build *b)
{
	int32_t mode = b->env->cfg->time_mode;

	b->ty->mode = mode == PG_TIME_ISOSTRING ? PG_OUT_ISO : PG_OUT_DAYS;
	if (mode == PG_TIME_ISOSTRING) {
		pg_type_set_schema(b, LEAT_STRING, "io.debezium.time.IsoDate");
		b->ty->fallback = leat_cstring("1970-01-01Z");
	} else {
		pg_type_set_schema(b, LEAT_INT32, mode == PG_TIME_CONNECT ?
		    "org.apache.kafka.connect.data.Date" :
		    "io.debezium.time.Date");
		b->ty->fallback = leat_i32(0);
	}
	return 0;
}

/* How a time or timestamp of precision p comes out under the option. */
static int32_t
time_output(int32_t mode, int32_t p, int is_time)
{
	switch (mode) {
	case PG_TIME_ADAPTIVE:
		return p <= 3 ? PG_OUT_MS : PG_OUT_US;
	case PG_TIME_ADAPTIVE_TIME_MICROS:
		return p <= 3 && !is_time ? PG_OUT_MS : PG_OUT_US;
	case PG_TIME_NANOS:
		return PG_OUT_NS;
	case PG_TIME_CONNECT:
		return PG_OUT_MS;
	case PG_TIME_ISOSTRING:
		return PG_OUT_ISO;
	default:
		return PG_OUT_US;
	}
}

static int
make_time(struct pg_type_build *b)
{
	static const char *const names[] = { NULL, "io.debezium.time.Time",
		"io.debezium.time.MicroTime", "io.debezium.time.NanoTime",
		"io.debezium.time.IsoTime" };
	int32_t mode = b->env->cfg->time_mode;
	int32_t p = b->typmod < 0 ? 6 : b->typmod;
	int32_t out = time_output(mode, p, 1);

	b->ty->mode = out;
	b->ty->precision = p;
	if (out == PG_OUT_ISO) {
		pg_type_set_schema(b, LEAT_STRING, names[out]);
		b->ty->fallback = leat_cstring("00:00:00Z");
		return 0;
	}
	pg_type_set_schema(b, out == PG_OUT_MS ? LEAT_INT32 : LEAT_INT64,
	    mode == PG_TIME_CONNECT ? "org.apache.kafka.connect.data.Time" :
	    names[out]);
	b->ty->fallback = out == PG_OUT_MS ? leat_i32(0) : leat_i64(0);
	return 0;
}

static int
make_timestamp(struct pg_type_build *b)
{
	static const char *const names[] = { NULL,
		"io.debezium.time.Timestamp",
		"io.debezium.time.MicroTimestamp",
		"io.debezium.time.NanoTimestamp",
		"io.debezium.time.IsoTimestamp" };
	int32_t mode = b->env->cfg->time_mode;
	int32_t p = b->typmod < 0 ? 6 : b->typmod;
	int32_t out = time_output(mode, p, 0);

	b->ty->mode = out;
	b->ty->precision = p;
	if (out == PG_OUT_ISO) {
		pg_type_set_schema(b, LEAT_STRING, names[out]);
		b->ty->fallback = leat_cstring("1970-01-01T00:00:00Z");
		return 0;
	}
	pg_type_set_schema(b, LEAT_INT64, mode == PG_TIME_CONNECT ?
	    "org.apache.kafka.connect.data.Timestamp" : names[out]);
	b->ty->fallback = leat_i64(0);
	return 0;
}

static int
make_timestamptz(struct pg_type_build *b)
{
	b->ty->precision = b->typmod < 0 || b->typmod > 6 ? 6 : b->typmod;
	b->ty->fallback = leat_cstring("1970-01-01T00:00:00Z");
	return 0;
}

static int
make_timetz(struct pg_type_build *b)
{
	b->ty->fallback = leat_cstring("00:00:00Z");
	return 0;
}

static int
make_interval(struct pg_type_build *b)
{
	b->ty->mode = b->env->cfg->interval_mode;
	if (b->ty->mode == PG_INTERVAL_STRING) {
		pg_type_set_schema(b, LEAT_STRING, "io.debezium.time.Interval");
		b->ty->fallback = leat_cstring("P0Y0M0DT0H0M0S");
	} else {
		pg_type_set_schema(b, LEAT_INT64,
		    "io.debezium.time.MicroDuration");
		b->ty->fallback = leat_i64(0);
	}
	return 0;
}

static int
make_binary(struct pg_type_build *b)
{
	b->ty->mode = b->env->cfg->binary_mode;
	if (b->ty->mode == PG_BINARY_BYTES) {
		pg_type_set_schema(b, LEAT_BYTES, NULL);
		b->ty->fallback = leat_bytes("", 0);
	} else {
		pg_type_set_schema(b, LEAT_STRING, NULL);
		b->ty->fallback = leat_string("", 0);
	}
	return 0;
}

static int
make_bits(struct pg_type_build *b)
{
	/* bit without a length is bit(1), varbit without one is unbounded. */
	int32_t n = b->typmod < 0 ? INT32_MAX : b->typmod;
	const char *pairs[] = { "length", leat_arena_printf(b->a, "%d", n) };

	if (n == 1) {
		pg_type_set_schema(b, LEAT_BOOLEAN, NULL);
		b->ty->conv = pg_conv_bit1;
		b->ty->fallback = leat_bool(0);
		return 0;
	}
	pg_type_set_schema(b, LEAT_BYTES, "io.debezium.data.Bits");
	b->ty->fallback = leat_bytes("", 0);
	return pg_type_set_params(b, 1, pairs);
}

static int
make_bit(struct pg_type_build *b)
{
	if (b->typmod < 0)
		b->typmod = 1;
	return make_bits(b);
}

static int
make_hstore(struct pg_type_build *b)
{
	if (b->env->cfg->hstore_mode == PG_HSTORE_JSON)
		return 0;
	pg_type_set_schema(b, LEAT_MAP, NULL);
	b->ty->conv = pg_conv_hstore_map;
	b->ty->schema.key = leat_schema_plain(LEAT_STRING, 0);
	b->ty->schema.elem = leat_schema_plain(LEAT_STRING, 1);
	b->ty->fallback = leat_items(LEAT_MAP, NULL, 0);
	return 0;
}

static int
make_point(struct pg_type_build *b)
{
	static const struct leat_value zero[4] = {
		{ .kind = LEAT_FLOAT64 },
		{ .kind = LEAT_FLOAT64 },
		{ .kind = LEAT_NULL },
		{ .kind = LEAT_NULL },
	};
	static const char *const names[] = { "x", "y", "wkb", "srid" };
	static const int kinds[] = { LEAT_FLOAT64, LEAT_FLOAT64, LEAT_BYTES,
		LEAT_INT32 };
	struct leat_field *f = leat_arena_calloc(b->a, 4, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	for (int i = 0; i < 4; i++) {
		f[i].name = names[i];
		f[i].schema = leat_schema_plain(kinds[i], i >= 2);
	}
	b->ty->schema.doc = "Geometry (POINT)";
	b->ty->fallback = leat_items(LEAT_STRUCT, zero, 4);
	return set_fields(b, f, 4);
}

/* geometry is v2 with a map of extensions, geography v1 without. */
static int
make_geometry(struct pg_type_build *b)
{
	static const struct leat_schema extensions = { .kind = LEAT_MAP,
		.optional = 1 };
	int geometry = strcmp(b->info->name, "geometry") == 0;
	struct leat_field *f = leat_arena_calloc(b->a, 3, sizeof(*f));
	struct leat_schema *ext = leat_arena_memdup(b->a, &extensions,
	    sizeof(extensions));
	struct leat_value *v = leat_arena_calloc(b->a, 3, sizeof(*v));

	if (f == NULL || ext == NULL || v == NULL)
		return -ENOMEM;
	ext->key = leat_schema_plain(LEAT_STRING, 0);
	ext->elem = leat_schema_plain(LEAT_STRING, 0);
	f[0].name = "wkb";
	f[0].schema = leat_schema_plain(LEAT_BYTES, 0);
	f[1].name = "srid";
	f[1].schema = leat_schema_plain(LEAT_INT32, 1);
	f[2].name = "extensions";
	f[2].schema = ext;
	v[0] = leat_bytes("", 0);
	b->ty->schema.doc = geometry ? "Geometry" : NULL;
	b->ty->schema.version = geometry ? 2 : 1;
	b->ty->fallback = leat_items(LEAT_STRUCT, v, geometry ? 3 : 2);
	return set_fields(b, f, geometry ? 3 : 2);
}

static int
make_vector(struct pg_type_build *b)
{
	int dbl = strcmp(b->info->name, "vector") == 0;
	struct pg_type *e = leat_arena_calloc(b->a, 1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	e->conv = pg_conv_float;
	e->schema.kind = dbl ? LEAT_FLOAT64 : LEAT_FLOAT32;
	b->ty->elem = e;
	b->ty->schema.elem = leat_schema_plain(e->schema.kind, 0);
	b->ty->fallback = leat_items(LEAT_ARRAY, NULL, 0);
	return 0;
}

/* --------------------------------------------------------------- the table */

#define DBZ "io.debezium.data."

#define ROW(id, array, k, cat, schema, conversion, maker)               \
	{ .oid = id, .array_oid = array, .kind = LEAT_##k,              \
		.category = PG_CAT_##cat, .schema_name = schema,        \
		.conv = pg_conv_##conversion, .make = maker \
	}
/* Of extensions; their arrays are found through the catalog. */
#define EXT(type, k, cat, schema, conversion, maker)                    \
	{ .name = type, .kind = LEAT_##k, .category = PG_CAT_##cat,     \
		.schema_name = schema, .conv = pg_conv_##conversion,    \
		.make = maker \
	}

/* clang-format off */
static const struct pg_type_row rows[] = {
	/* oid, array, kind, category, schema, conversion, maker */
	ROW(16, 1000, BOOLEAN, OTHER, NULL, bool, NULL),
	ROW(17, 1001, BYTES, BINARY, NULL, bytea, make_binary),
	ROW(18, 1002, STRING, TEXT, NULL, text, NULL),
	ROW(19, 0, STRING, TEXT, NULL, text, NULL),
	ROW(20, 1016, INT64, NUMBER, NULL, int, NULL),
	ROW(21, 1005, INT16, NUMBER, NULL, int, NULL),
	ROW(23, 1007, INT32, NUMBER, NULL, int, NULL),
	ROW(25, 1009, STRING, TEXT, NULL, text, NULL),
	ROW(26, 1028, INT64, NUMBER, NULL, int, NULL),
	ROW(114, 199, STRING, TEXT, DBZ "Json", text, NULL),
	ROW(142, 0, STRING, TEXT, DBZ "Xml", text, NULL),
	ROW(600, 0, STRUCT, OTHER, DBZ "geometry.Point", point, make_point),
	ROW(650, 651, STRING, TEXT, NULL, text, NULL),
	ROW(700, 1021, FLOAT32, NUMBER, NULL, float, NULL),
	ROW(701, 1022, FLOAT64, NUMBER, NULL, float, NULL),
	ROW(774, 775, STRING, TEXT, NULL, text, NULL),
	ROW(790, 0, BYTES, NUMBER, NULL, money, make_money),
	ROW(829, 1040, STRING, TEXT, NULL, text, NULL),
	ROW(869, 1041, STRING, TEXT, NULL, text, NULL),
	ROW(1042, 1014, STRING, TEXT, NULL, text, NULL),
	ROW(1043, 1015, STRING, TEXT, NULL, text, NULL),
	ROW(1082, 1182, INT32, TIME, NULL, date, make_date),
	ROW(1083, 1183, INT64, TIME, NULL, time, make_time),
	ROW(1114, 1115, INT64, TIME, NULL, timestamp, make_timestamp),
	ROW(1184, 1185, STRING, TIME, "io.debezium.time.ZonedTimestamp",
	    timestamptz, make_timestamptz),
	ROW(1186, 0, INT64, OTHER, NULL, interval, make_interval),
	ROW(1266, 1270, STRING, TIME, "io.debezium.time.ZonedTime", timetz,
	    make_timetz),
	ROW(1560, 0, BYTES, OTHER, NULL, bits, make_bit),
	ROW(1562, 0, BYTES, OTHER, NULL, bits, make_bits),
	ROW(1700, 1231, BYTES, NUMBER, NULL, decimal, make_numeric),
	ROW(2950, 2951, STRING, UUID, DBZ "Uuid", text, NULL),
	ROW(3614, 0, STRING, TEXT, DBZ "Tsvector", text, NULL),
	ROW(3802, 3807, STRING, TEXT, DBZ "Json", text, NULL),
	ROW(3904, 3905, STRING, TEXT, NULL, text, NULL),
	ROW(3906, 3907, STRING, TEXT, NULL, text, NULL),
	ROW(3908, 3909, STRING, TEXT, NULL, text, NULL),
	ROW(3910, 3911, STRING, TEXT, NULL, text, NULL),
	ROW(3912, 3913, STRING, TEXT, NULL, text, NULL),
	ROW(3926, 3927, STRING, TEXT, NULL, text, NULL),
	EXT("citext", STRING, TEXT, NULL, text, NULL),
	EXT("ltree", STRING, TEXT, DBZ "Ltree", text, NULL),
	EXT("hstore", STRING, TEXT, DBZ "Json", hstore_json, make_hstore),
	EXT("geometry", STRUCT, OTHER, DBZ "geometry.Geometry", geometry,
	    make_geometry),
	EXT("geography", STRUCT, OTHER, DBZ "geometry.Geography", geometry,
	    make_geometry),
	EXT("vector", ARRAY, OTHER, DBZ "DoubleVector", vector, make_vector),
	EXT("halfvec", ARRAY, OTHER, DBZ "FloatVector", vector, make_vector),
	EXT("isbn", STRING, TEXT, NULL, text, NULL),
	EXT("isbn13", STRING, TEXT, NULL, text, NULL),
	EXT("issn", STRING, TEXT, NULL, text, NULL),
	EXT("ean13", STRING, TEXT, NULL, text, NULL),
};
/* clang-format on */

enum { NROWS = sizeof(rows) / sizeof(rows[0]) };

const struct pg_type_row *
pg_type_row_by_oid(uint32_t oid, int as_array)
{
	for (int i = 0; i < NROWS; i++)
		if (rows[i].oid != 0 &&
		    (as_array ? rows[i].array_oid : rows[i].oid) == oid)
			return &rows[i];
	return NULL;
}

const struct pg_type_row *
pg_type_row_by_name(const char *name)
{
	for (int i = 0; i < NROWS; i++)
		if (rows[i].oid == 0 && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const struct pg_type_row pg_type_row_unknown = {
	.kind = LEAT_BYTES,
	.category = PG_CAT_BINARY,
	.conv = pg_conv_unknown,
	.make = make_binary,
};
