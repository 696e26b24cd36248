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

int
pg_type_set_fields(struct pg_type_build *b, uint32_t n, const char *kinds,
    const char *const *names)
{
	struct leat_field *f = leat_arena_calloc(b->a, n, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		int optional = kinds[i] >= 'a' && kinds[i] <= 'z';
		int kind = 0;

		switch (kinds[i] & ~0x20) {
		case 'C': kind = LEAT_INT8; break;
		case 'H': kind = LEAT_INT16; break;
		case 'I': kind = LEAT_INT32; break;
		case 'L': kind = LEAT_INT64; break;
		case 'D': kind = LEAT_FLOAT64; break;
		case 'S': kind = LEAT_STRING; break;
		case 'B': kind = LEAT_BYTES; break;
		default: break;
		}
		f[i].name = names[i];
		f[i].schema = leat_schema_plain(kind, optional);
	}
	b->ty->schema.fields = f;
	b->ty->schema.nfields = n;
	return 0;
}

int
pg_type_set_fallback(struct pg_type_build *b, const char *text)
{
	struct pg_arena_batch ab;
	char *s = leat_arena_strdup(b->a, text);

	pg_arena_batch_init(&ab, b->a);
	return s == NULL ? -ENOMEM : b->ty->conv(b->ty, s,
	    (uint32_t)strlen(s), &ab.b, &b->ty->fallback);
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

/* Zero as text, with its zeros behind the point. */
static const char *
zero_text(struct pg_type_build *b, int64_t scale)
{
	return scale <= 0 ? "0" :
	    leat_arena_printf(b->a, "0.%0*d", (int)scale, 0);
}

static int
string_decimal(struct pg_type_build *b, int64_t scale)
{
	const char *zero = zero_text(b, scale);

	if (zero == NULL)
		return -ENOMEM;
	pg_type_set_schema(b, LEAT_STRING, NULL);
	b->ty->fallback = leat_cstring(zero);
	b->ty->scale = (int32_t)scale;
	return 0;
}

static int
make_vardecimal(struct pg_type_build *b)
{
	static const struct leat_value zero[2] = {
		{ .kind = LEAT_INT32 },
		{ .kind = LEAT_BYTES, .len = 1,
			.u.b = (const uint8_t *)"" },
	};
	static const char *const names[] = { "scale", "value" };

	pg_type_set_schema(b, LEAT_STRUCT,
	    "io.debezium.data.VariableScaleDecimal");
	b->ty->schema.doc = "Variable scaled decimal";
	b->ty->fallback = leat_items(LEAT_STRUCT, zero, 2);
	b->ty->conv = pg_conv_vardecimal;
	return pg_type_set_fields(b, 2, "IB", names);
}

static int
make_numeric(struct pg_type_build *b)
{
	int32_t mod = b->typmod < 4 ? 0 : b->typmod - 4;
	/* 11 bits and a sign */
	int32_t scale = ((mod & 0x7ff) ^ 1024) - 1024;

	if (b->env->cfg->decimal_mode == PG_DECIMAL_DOUBLE) {
		pg_type_set_schema(b, LEAT_FLOAT64, NULL);
		b->ty->fallback = leat_f64(0);
		b->ty->conv = pg_conv_numeric_double;
		return 0;
	}
	if (b->env->cfg->decimal_mode == PG_DECIMAL_STRING) {
		b->ty->conv = pg_conv_numeric_string;
		return string_decimal(b, b->typmod < 4 ? 0 : scale);
	}
	if (b->typmod < 4)
		return make_vardecimal(b);
	b->ty->conv = pg_conv_decimal;
	b->ty->precision = (mod >> 16) & 0xffff;
	return decimal_param(b, scale, b->ty->precision);
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
		b->ty->conv = pg_conv_money_string;
		return string_decimal(b, b->env->cfg->money_digits);
	}
	b->ty->conv = pg_conv_money;
	return decimal_param(b, (int32_t)b->env->cfg->money_digits, 0);
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
make_vector(struct pg_type_build *b)
{
	int dbl = strcmp(b->info->name, "vector") == 0;
	struct pg_type *e = leat_arena_calloc(b->a, 1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	e->conv = pg_conv_float;
	b->ty->delim = ',';
	e->schema.kind = dbl ? LEAT_FLOAT64 : LEAT_FLOAT32;
	b->ty->elem = e;
	b->ty->schema.elem = leat_schema_plain(e->schema.kind, 0);
	b->ty->fallback = leat_items(LEAT_ARRAY, NULL, 0);
	return 0;
}

static int
make_sparse(struct pg_type_build *b)
{
	static const char *const names[] = { "dimensions", "vector" };
	struct leat_schema *map = leat_arena_calloc(b->a, 1, sizeof(*map));
	struct leat_field *f;

	if (map == NULL || pg_type_set_fields(b, 2, "HH", names) < 0)
		return -ENOMEM;
	map->kind = LEAT_MAP;
	map->key = leat_schema_plain(LEAT_INT16, 0);
	map->elem = leat_schema_plain(LEAT_FLOAT64, 0);
	f = leat_arena_memdup(b->a, b->ty->schema.fields, 2 * sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f[1].schema = map;
	b->ty->schema.fields = f;
	b->ty->schema.doc = "Sparse double vector";
	return pg_type_set_fallback(b, "{}/0");
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
	ROW(19, 1003, STRING, TEXT, NULL, text, NULL),
	ROW(20, 1016, INT64, NUMBER, NULL, int, NULL),
	ROW(21, 1005, INT16, NUMBER, NULL, int, NULL),
	ROW(23, 1007, INT32, NUMBER, NULL, int, NULL),
	ROW(25, 1009, STRING, TEXT, NULL, text, NULL),
	ROW(26, 1028, INT64, NUMBER, NULL, int, NULL),
	ROW(114, 199, STRING, TEXT, DBZ "Json", text, NULL),
	ROW(142, 143, STRING, TEXT, DBZ "Xml", text, NULL),
	ROW(600, 1017, STRUCT, OTHER, DBZ "geometry.Point", point,
	    pg_make_point),
	ROW(601, 1018, STRUCT, OTHER, DBZ "geometry.Geometry", lseg,
	    pg_make_shape),
	ROW(602, 1019, STRUCT, OTHER, DBZ "geometry.Geometry", path,
	    pg_make_shape),
	ROW(603, 1020, STRUCT, OTHER, DBZ "geometry.Geometry", box,
	    pg_make_shape),
	ROW(604, 1027, STRUCT, OTHER, DBZ "geometry.Geometry", polygon,
	    pg_make_shape),
	ROW(628, 629, STRUCT, OTHER, DBZ "geometry.Line", line, pg_make_line),
	ROW(650, 651, STRING, TEXT, NULL, text, NULL),
	ROW(700, 1021, FLOAT32, NUMBER, NULL, float, NULL),
	ROW(701, 1022, FLOAT64, NUMBER, NULL, float, NULL),
	ROW(718, 719, STRUCT, OTHER, DBZ "geometry.Circle", circle,
	    pg_make_circle),
	ROW(774, 775, STRING, TEXT, NULL, text, NULL),
	ROW(790, 791, BYTES, NUMBER, NULL, money, make_money),
	ROW(829, 1040, STRING, TEXT, NULL, text, NULL),
	ROW(869, 1041, STRING, TEXT, NULL, text, NULL),
	ROW(1042, 1014, STRING, TEXT, NULL, text, NULL),
	ROW(1043, 1015, STRING, TEXT, NULL, text, NULL),
	ROW(1082, 1182, INT32, TIME, NULL, date, pg_make_date),
	ROW(1083, 1183, INT64, TIME, NULL, time, pg_make_time),
	ROW(1114, 1115, INT64, TIME, NULL, timestamp, pg_make_timestamp),
	ROW(1184, 1185, STRING, TIME, "io.debezium.time.ZonedTimestamp",
	    timestamptz, pg_make_timestamptz),
	ROW(1186, 1187, INT64, OTHER, NULL, interval, pg_make_interval),
	ROW(1266, 1270, STRING, TIME, "io.debezium.time.ZonedTime", timetz,
	    pg_make_timetz),
	ROW(1560, 1561, BYTES, OTHER, NULL, bits, make_bit),
	ROW(1562, 1563, BYTES, OTHER, NULL, bits, make_bits),
	ROW(1700, 1231, BYTES, NUMBER, NULL, decimal, make_numeric),
	ROW(2950, 2951, STRING, UUID, DBZ "Uuid", text, NULL),
	ROW(3614, 3643, STRING, TEXT, DBZ "Tsvector", text, NULL),
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
	    pg_make_geometry),
	EXT("geography", STRUCT, OTHER, DBZ "geometry.Geography", geometry,
	    pg_make_geometry),
	EXT("vector", ARRAY, OTHER, DBZ "DoubleVector", vector, make_vector),
	EXT("halfvec", ARRAY, OTHER, DBZ "FloatVector", vector, make_vector),
	EXT("sparsevec", STRUCT, OTHER, DBZ "SparseDoubleVector", sparse,
	    make_sparse),
	EXT("isbn", STRING, TEXT, NULL, text, NULL),
	EXT("isbn13", STRING, TEXT, NULL, text, NULL),
	EXT("ismn", STRING, TEXT, NULL, text, NULL),
	EXT("ismn13", STRING, TEXT, NULL, text, NULL),
	EXT("issn", STRING, TEXT, NULL, text, NULL),
	EXT("issn13", STRING, TEXT, NULL, text, NULL),
	EXT("upc", STRING, TEXT, NULL, text, NULL),
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

const struct pg_type_row pg_type_row_text = {
	.kind = LEAT_STRING,
	.category = PG_CAT_TEXT,
	.conv = pg_conv_text,
};
