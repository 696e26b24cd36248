/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_types.c: the table of types, and how a column's type is resolved.
 *
 * Built-in types are found by their OID, which never changes; extensions' by
 * name; enums, domains and arrays by what the catalog says. A row's maker
 * completes the type where an option or the type modifier decides.
 */
#include "pg_types.h"

#include <errno.h>
#include <string.h>

#include <leat/str.h>

enum { DOMAIN_DEPTH_MAX = 32 };

struct build {
	const struct pg_type_env *env;
	struct leat_arena *a;
	struct pg_type *ty;
	int32_t typmod;
	const struct pg_typeinfo *info;	/* types that are not built in */
};

typedef int maker_fn(struct build *b);

struct type_row {
	uint32_t oid;
	uint32_t array_oid;	/* 0: arrays of it have no mapping */
	const char *name;	/* of an extension's type, oid 0 */
	uint8_t kind;
	uint8_t category;
	const char *schema_name;
	pg_conv_fn *conv;
	maker_fn *make;
};

/* ------------------------------------------------------------------ makers */

static void
set_schema(struct build *b, uint8_t kind, const char *name)
{
	b->ty->schema.kind = kind;
	b->ty->schema.name = name;
	b->ty->schema.version = name == NULL ? 0 : 1;
}

static int
set_params(struct build *b, uint32_t n, const char *const *pairs)
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
set_fields(struct build *b, const struct leat_field *fields, uint32_t n)
{
	b->ty->schema.fields = fields;
	b->ty->schema.nfields = n;
	return 0;
}

static int
decimal_param(struct build *b, int32_t scale, int32_t precision)
{
	const char *pairs[] = {
		"scale", leat_arena_printf(b->a, "%d", scale),
		"connect.decimal.precision",
		leat_arena_printf(b->a, "%d", precision),
	};

	set_schema(b, LEAT_BYTES, "org.apache.kafka.connect.data.Decimal");
	b->ty->fallback = leat_bytes("", 1);	/* one zero byte */
	b->ty->scale = scale;
	return set_params(b, precision > 0 ? 2 : 1, pairs);
}

static int
make_vardecimal(struct build *b)
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
	set_schema(b, LEAT_STRUCT, "io.debezium.data.VariableScaleDecimal");
	b->ty->schema.doc = "Variable scaled decimal";
	b->ty->fallback = leat_items(LEAT_STRUCT, zero, 2);
	b->ty->conv = pg_conv_vardecimal;
	return set_fields(b, f, 2);
}

static int
make_numeric(struct build *b)
{
	int32_t mod = b->typmod - 4;

	if (b->env->cfg->decimal_mode == PG_DECIMAL_DOUBLE) {
		set_schema(b, LEAT_FLOAT64, NULL);
		b->ty->fallback = leat_f64(0);
		b->ty->conv = pg_conv_numeric_double;
		return 0;
	}
	if (b->env->cfg->decimal_mode == PG_DECIMAL_STRING) {
		set_schema(b, LEAT_STRING, NULL);
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
make_money(struct build *b)
{
	if (b->env->cfg->decimal_mode == PG_DECIMAL_DOUBLE) {
		set_schema(b, LEAT_FLOAT64, NULL);
		b->ty->fallback = leat_f64(0);
		b->ty->conv = pg_conv_money_double;
		return 0;
	}
	if (b->env->cfg->decimal_mode == PG_DECIMAL_STRING) {
		set_schema(b, LEAT_STRING, NULL);
		b->ty->fallback = leat_cstring("0");
		b->ty->conv = pg_conv_money_string;
		return 0;
	}
	b->ty->conv = pg_conv_money;
	return decimal_param(b, (int32_t)b->env->cfg->money_digits, 0);
}

static int
make_date(struct build *b)
{
	int32_t mode = b->env->cfg->time_mode;

	b->ty->mode = mode == PG_TIME_ISOSTRING ? PG_OUT_ISO : PG_OUT_DAYS;
	if (mode == PG_TIME_ISOSTRING) {
		set_schema(b, LEAT_STRING, "io.debezium.time.IsoDate");
		b->ty->fallback = leat_cstring("1970-01-01Z");
	} else {
		set_schema(b, LEAT_INT32, mode == PG_TIME_CONNECT ?
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
make_time(struct build *b)
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
		set_schema(b, LEAT_STRING, names[out]);
		b->ty->fallback = leat_cstring("00:00:00Z");
		return 0;
	}
	set_schema(b, out == PG_OUT_MS ? LEAT_INT32 : LEAT_INT64,
	    mode == PG_TIME_CONNECT ? "org.apache.kafka.connect.data.Time" :
	    names[out]);
	b->ty->fallback = out == PG_OUT_MS ? leat_i32(0) : leat_i64(0);
	return 0;
}

static int
make_timestamp(struct build *b)
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
		set_schema(b, LEAT_STRING, names[out]);
		b->ty->fallback = leat_cstring("1970-01-01T00:00:00Z");
		return 0;
	}
	set_schema(b, LEAT_INT64, mode == PG_TIME_CONNECT ?
	    "org.apache.kafka.connect.data.Timestamp" : names[out]);
	b->ty->fallback = leat_i64(0);
	return 0;
}

static int
make_timestamptz(struct build *b)
{
	b->ty->precision = b->typmod < 0 || b->typmod > 6 ? 6 : b->typmod;
	b->ty->fallback = leat_cstring("1970-01-01T00:00:00Z");
	return 0;
}

static int
make_timetz(struct build *b)
{
	b->ty->fallback = leat_cstring("00:00:00Z");
	return 0;
}

static int
make_interval(struct build *b)
{
	b->ty->mode = b->env->cfg->interval_mode;
	if (b->ty->mode == PG_INTERVAL_STRING) {
		set_schema(b, LEAT_STRING, "io.debezium.time.Interval");
		b->ty->fallback = leat_cstring("P0Y0M0DT0H0M0S");
	} else {
		set_schema(b, LEAT_INT64, "io.debezium.time.MicroDuration");
		b->ty->fallback = leat_i64(0);
	}
	return 0;
}

static int
make_binary(struct build *b)
{
	b->ty->mode = b->env->cfg->binary_mode;
	if (b->ty->mode == PG_BINARY_BYTES) {
		set_schema(b, LEAT_BYTES, NULL);
		b->ty->fallback = leat_bytes("", 0);
	} else {
		set_schema(b, LEAT_STRING, NULL);
		b->ty->fallback = leat_string("", 0);
	}
	return 0;
}

static int
make_bits(struct build *b)
{
	/* bit without a length is bit(1), varbit without one is unbounded. */
	int32_t n = b->typmod < 0 ? INT32_MAX : b->typmod;
	const char *pairs[] = { "length", leat_arena_printf(b->a, "%d", n) };

	if (n == 1) {
		set_schema(b, LEAT_BOOLEAN, NULL);
		b->ty->conv = pg_conv_bit1;
		b->ty->fallback = leat_bool(0);
		return 0;
	}
	set_schema(b, LEAT_BYTES, "io.debezium.data.Bits");
	b->ty->fallback = leat_bytes("", 0);
	return set_params(b, 1, pairs);
}

static int
make_bit(struct build *b)
{
	if (b->typmod < 0)
		b->typmod = 1;
	return make_bits(b);
}

static int
make_hstore(struct build *b)
{
	if (b->env->cfg->hstore_mode == PG_HSTORE_JSON)
		return 0;
	set_schema(b, LEAT_MAP, NULL);
	b->ty->conv = pg_conv_hstore_map;
	b->ty->schema.key = leat_schema_plain(LEAT_STRING, 0);
	b->ty->schema.elem = leat_schema_plain(LEAT_STRING, 1);
	b->ty->fallback = leat_items(LEAT_MAP, NULL, 0);
	return 0;
}

static int
make_point(struct build *b)
{
	static const struct leat_value zero[4] = {
		{ .kind = LEAT_FLOAT64 }, { .kind = LEAT_FLOAT64 },
		{ .kind = LEAT_NULL }, { .kind = LEAT_NULL },
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
make_geometry(struct build *b)
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
make_vector(struct build *b)
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

/* clang-format off */
static const struct type_row rows[] = {
	/* oid, array, name, kind, category, schema, conversion, maker */
	{ 16, 1000, NULL, LEAT_BOOLEAN, PG_CAT_OTHER, NULL, pg_conv_bool, NULL },
	{ 17, 1001, NULL, LEAT_BYTES, PG_CAT_BINARY, NULL, pg_conv_bytea, make_binary },
	{ 18, 1002, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 19, 0, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 20, 1016, NULL, LEAT_INT64, PG_CAT_NUMBER, NULL, pg_conv_int, NULL },
	{ 21, 1005, NULL, LEAT_INT16, PG_CAT_NUMBER, NULL, pg_conv_int, NULL },
	{ 23, 1007, NULL, LEAT_INT32, PG_CAT_NUMBER, NULL, pg_conv_int, NULL },
	{ 25, 1009, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 26, 1028, NULL, LEAT_INT64, PG_CAT_NUMBER, NULL, pg_conv_int, NULL },
	{ 114, 199, NULL, LEAT_STRING, PG_CAT_TEXT, DBZ "Json", pg_conv_text, NULL },
	{ 142, 0, NULL, LEAT_STRING, PG_CAT_TEXT, DBZ "Xml", pg_conv_text, NULL },
	{ 600, 0, NULL, LEAT_STRUCT, PG_CAT_OTHER, DBZ "geometry.Point", pg_conv_point, make_point },
	{ 650, 651, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 700, 1021, NULL, LEAT_FLOAT32, PG_CAT_NUMBER, NULL, pg_conv_float, NULL },
	{ 701, 1022, NULL, LEAT_FLOAT64, PG_CAT_NUMBER, NULL, pg_conv_float, NULL },
	{ 774, 775, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 790, 0, NULL, LEAT_BYTES, PG_CAT_NUMBER, NULL, pg_conv_money, make_money },
	{ 829, 1040, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 869, 1041, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 1042, 1014, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 1043, 1015, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 1082, 1182, NULL, LEAT_INT32, PG_CAT_TIME, NULL, pg_conv_date, make_date },
	{ 1083, 1183, NULL, LEAT_INT64, PG_CAT_TIME, NULL, pg_conv_time, make_time },
	{ 1114, 1115, NULL, LEAT_INT64, PG_CAT_TIME, NULL, pg_conv_timestamp, make_timestamp },
	{ 1184, 1185, NULL, LEAT_STRING, PG_CAT_TIME, "io.debezium.time.ZonedTimestamp", pg_conv_timestamptz, make_timestamptz },
	{ 1186, 0, NULL, LEAT_INT64, PG_CAT_OTHER, NULL, pg_conv_interval, make_interval },
	{ 1266, 1270, NULL, LEAT_STRING, PG_CAT_TIME, "io.debezium.time.ZonedTime", pg_conv_timetz, make_timetz },
	{ 1560, 0, NULL, LEAT_BYTES, PG_CAT_OTHER, NULL, pg_conv_bits, make_bit },
	{ 1562, 0, NULL, LEAT_BYTES, PG_CAT_OTHER, NULL, pg_conv_bits, make_bits },
	{ 1700, 1231, NULL, LEAT_BYTES, PG_CAT_NUMBER, NULL, pg_conv_decimal, make_numeric },
	{ 2950, 2951, NULL, LEAT_STRING, PG_CAT_UUID, DBZ "Uuid", pg_conv_text, NULL },
	{ 3614, 0, NULL, LEAT_STRING, PG_CAT_TEXT, DBZ "Tsvector", pg_conv_text, NULL },
	{ 3802, 3807, NULL, LEAT_STRING, PG_CAT_TEXT, DBZ "Json", pg_conv_text, NULL },
	{ 3904, 3905, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 3906, 3907, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 3908, 3909, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 3910, 3911, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 3912, 3913, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 3926, 3927, NULL, LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	/* of extensions; their arrays are found through the catalog */
	{ 0, 1, "citext", LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 0, 1, "ltree", LEAT_STRING, PG_CAT_TEXT, DBZ "Ltree", pg_conv_text, NULL },
	{ 0, 1, "hstore", LEAT_STRING, PG_CAT_TEXT, DBZ "Json", pg_conv_hstore_json, make_hstore },
	{ 0, 1, "geometry", LEAT_STRUCT, PG_CAT_OTHER, DBZ "geometry.Geometry", pg_conv_geometry, make_geometry },
	{ 0, 1, "geography", LEAT_STRUCT, PG_CAT_OTHER, DBZ "geometry.Geography", pg_conv_geometry, make_geometry },
	{ 0, 1, "vector", LEAT_ARRAY, PG_CAT_OTHER, DBZ "DoubleVector", pg_conv_vector, make_vector },
	{ 0, 1, "halfvec", LEAT_ARRAY, PG_CAT_OTHER, DBZ "FloatVector", pg_conv_vector, make_vector },
	{ 0, 1, "isbn", LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 0, 1, "isbn13", LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 0, 1, "issn", LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
	{ 0, 1, "ean13", LEAT_STRING, PG_CAT_TEXT, NULL, pg_conv_text, NULL },
};
/* clang-format on */

enum { NROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct type_row *
row_by_oid(uint32_t oid, int as_array)
{
	for (int i = 0; i < NROWS; i++)
		if (rows[i].oid != 0 &&
		    (as_array ? rows[i].array_oid : rows[i].oid) == oid)
			return &rows[i];
	return NULL;
}

static const struct type_row *
row_by_name(const char *name)
{
	for (int i = 0; i < NROWS; i++)
		if (rows[i].oid == 0 && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* --------------------------------------------------------------- resolving */

static struct leat_value
plain_fallback(uint8_t kind)
{
	switch (kind) {
	case LEAT_STRING: return leat_string("", 0);
	case LEAT_BYTES: return leat_bytes("", 0);
	default: return (struct leat_value){ .kind = kind };
	}
}

/* The option's text as bytes: itself, or what hex: spells. */
static struct leat_str
placeholder_bytes(struct build *b)
{
	const char *text = b->env->cfg->placeholder;
	struct leat_str s = leat_str_c(text);
	char *hex;
	struct leat_value v;
	struct pg_type raw = { .mode = PG_BINARY_BYTES };
	struct pg_arena_batch ab;

	if (!leat_str_starts(s, "hex:"))
		return s;
	pg_arena_batch_init(&ab, b->a);
	hex = leat_arena_printf(b->a, "\\x%s", text + 4);
	if (hex == NULL || pg_conv_bytea(&raw, hex, (uint32_t)strlen(hex),
	    &ab.b, &v) < 0)
		return s;
	return (struct leat_str){ v.u.s, v.len };
}

/* One text, or the placeholder's bytes as numbers. */
static int
array_placeholder(struct build *b, struct leat_str text)
{
	static const char uuid[] = "b68a35a7-17ad-35b3-af2a-ae46edb4545a";
	const struct pg_type *e = b->ty->elem;
	uint8_t kind = e->schema.kind;
	int numbers = (kind == LEAT_INT32 || kind == LEAT_INT64) &&
	    (e->schema.name == NULL || e->conv == pg_conv_date);
	size_t n = numbers ? text.len : 1;
	struct leat_value *item = leat_arena_calloc(b->a, n, sizeof(*item));

	if (item == NULL)
		return -ENOMEM;
	item[0] = leat_string(text.ptr, text.len);
	for (size_t i = 0; numbers && i < n; i++) {
		item[i] = leat_i64((unsigned char)text.ptr[i]);
		item[i].kind = kind;
	}
	/* The name-based UUID of the default text; others have none. */
	if (e->category == PG_CAT_UUID &&
	    leat_str_eq_c(text, "__debezium_unavailable_value"))
		item[0] = leat_cstring(uuid);
	else if (!numbers && e->category != PG_CAT_TEXT)
		return 0;
	b->ty->placeholder = leat_items(LEAT_ARRAY, item, n);
	b->ty->has_placeholder = 1;
	return 0;
}

/* What stands for an unchanged large value of this type, where anything can. */
static int
set_placeholder(struct build *b)
{
	struct pg_type *ty = b->ty;
	struct pg_arena_batch ab;
	struct leat_value *item;
	struct leat_str text;

	if (b->env->cfg->placeholder == NULL)
		return 0;
	text = placeholder_bytes(b);
	if (ty->category == PG_CAT_BINARY) {
		pg_arena_batch_init(&ab, b->a);
		ty->has_placeholder = 1;
		return pg_binary_value(ty->mode, text.ptr, text.len, &ab.b,
		    &ty->placeholder);
	}
	if (ty->schema.kind == LEAT_STRING && ty->category == PG_CAT_TEXT) {
		ty->has_placeholder = 1;
		ty->placeholder = leat_string(text.ptr, text.len);
	} else if (ty->schema.kind == LEAT_MAP) {
		item = leat_arena_calloc(b->a, 2, sizeof(*item));
		if (item == NULL)
			return -ENOMEM;
		item[0] = item[1] = leat_string(text.ptr, text.len);
		ty->has_placeholder = 1;
		ty->placeholder = leat_items(LEAT_MAP, item, 1);
	} else if (ty->schema.kind == LEAT_ARRAY && ty->elem != NULL) {
		return array_placeholder(b, text);
	}
	return 0;
}

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static struct pg_type *
type_of_row(struct build *b, const struct type_row *row)
{
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));

	if (ty == NULL)
		return NULL;
	b->ty = ty;
	ty->conv = row->conv;
	ty->category = row->category;
	ty->fallback = plain_fallback(row->kind);
	set_schema(b, row->kind, row->schema_name);
	if (row->make != NULL && row->make(b) < 0)
		return NULL;
	return set_placeholder(b) < 0 ? NULL : ty;
}

static struct pg_type *
type_of_enum(struct build *b)
{
	const struct pg_typeinfo *info = b->info;
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));
	const char *pairs[2] = { "allowed", NULL };
	size_t len = 1;
	char *list, *p;

	for (uint32_t i = 0; i < info->nlabels; i++)
		len += info->labels[i].len + 1;
	list = p = leat_arena_alloc(b->a, len);
	if (ty == NULL || list == NULL)
		return NULL;
	for (uint32_t i = 0; i < info->nlabels; i++) {
		if (i > 0)
			*p++ = ',';
		memcpy(p, info->labels[i].ptr, info->labels[i].len);
		p += info->labels[i].len;
	}
	*p = '\0';
	pairs[1] = list;
	b->ty = ty;
	ty->conv = pg_conv_enum;
	ty->labels = info->labels;
	ty->nlabels = info->nlabels;
	ty->fallback = leat_string("", 0);
	set_schema(b, LEAT_STRING, "io.debezium.data.Enum");
	return set_params(b, 1, pairs) < 0 ? NULL : ty;
}

static struct pg_type *
type_of_array(struct build *b, const struct pg_type *elem)
{
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));
	struct leat_schema *es = leat_arena_memdup(b->a, &elem->schema,
	    sizeof(elem->schema));

	if (ty == NULL || es == NULL)
		return NULL;
	es->optional = 1;
	b->ty = ty;
	ty->conv = pg_conv_array;
	ty->elem = elem;
	ty->fallback = leat_items(LEAT_ARRAY, NULL, 0);
	set_schema(b, LEAT_ARRAY, NULL);
	ty->schema.elem = es;
	return set_placeholder(b) < 0 ? NULL : ty;
}

static int
unknown_type(struct build *b, const struct pg_type **ret, struct leat_err *err)
{
	static const struct type_row row = { .kind = LEAT_BYTES,
		.category = PG_CAT_BINARY, .conv = pg_conv_unknown,
		.make = make_binary };

	*ret = NULL;
	if (!b->env->cfg->include_unknown)
		return 0;
	*ret = type_of_row(b, &row);
	return *ret == NULL ? no_memory(err) : 0;
}

static int resolve(struct build *b, uint32_t oid, int depth,
    const struct pg_type **ret, struct leat_err *err);

static int
resolve_array(struct build *b, uint32_t elem_oid, int depth,
    const struct pg_type **ret, struct leat_err *err)
{
	const struct pg_type *elem = NULL;
	int32_t unknown = b->env->cfg->include_unknown;
	int rc = resolve(b, elem_oid, depth + 1, &elem, err);

	if (rc < 0)
		return rc;
	if (elem == NULL || (unknown && elem->conv == pg_conv_unknown))
		return unknown_type(b, ret, err);
	*ret = type_of_array(b, elem);
	return *ret == NULL ? no_memory(err) : 0;
}

/* Types that are not built in: ask the catalog. */
static int
resolve_other(struct build *b, uint32_t oid, int depth,
    const struct pg_type **ret, struct leat_err *err)
{
	struct pg_typeinfo info = { 0 };
	const struct type_row *row;
	int rc = b->env->lookup(b->env->arg, oid, b->a, &info, err);

	if (rc < 0)
		return rc;
	b->info = &info;
	row = info.name == NULL ? NULL : row_by_name(info.name);
	if (info.typtype == 'd') {
		if (b->typmod < 0)
			b->typmod = info.base_typmod;
		/* Arrays of domains have no mapping. */
		rc = depth > 0 ? unknown_type(b, ret, err) :
		    resolve(b, info.base_oid, depth, ret, err);
	} else if (info.typtype == 'e') {
		*ret = type_of_enum(b);
		rc = *ret == NULL ? no_memory(err) : 0;
	} else if (row != NULL) {
		*ret = type_of_row(b, row);
		rc = *ret == NULL ? no_memory(err) : 0;
	} else if (info.elem_oid != 0 && depth == 0) {
		rc = resolve_array(b, info.elem_oid, depth, ret, err);
	} else {
		rc = unknown_type(b, ret, err);
	}
	b->info = NULL;
	return rc;
}

static int
resolve(struct build *b, uint32_t oid, int depth, const struct pg_type **ret,
    struct leat_err *err)
{
	const struct type_row *row = row_by_oid(oid, 0);

	*ret = NULL;
	if (depth > 1)
		return unknown_type(b, ret, err);
	if (row != NULL) {
		*ret = type_of_row(b, row);
		return *ret == NULL ? no_memory(err) : 0;
	}
	row = depth > 0 ? NULL : row_by_oid(oid, 1);
	if (row != NULL)
		return resolve_array(b, row->oid, depth, ret, err);
	return resolve_other(b, oid, depth, ret, err);
}

int
pg_type_resolve(const struct pg_type_env *env, uint32_t oid, int32_t typmod,
    struct leat_arena *a, const struct pg_type **ret_type,
    struct leat_err *err)
{
	struct build b = { .env = env, .a = a, .typmod = typmod };

	return resolve(&b, oid, 0, ret_type, err);
}

/* ------------------------------------------------------------ arena as batch */

static uint8_t *
arena_grow(struct leat_batch *batch, uint64_t size)
{
	struct pg_arena_batch *ab = (struct pg_arena_batch *)(void *)batch;

	return leat_arena_alloc(ab->arena, size);
}

void
pg_arena_batch_init(struct pg_arena_batch *ab, struct leat_arena *a)
{
	*ab = (struct pg_arena_batch){ .arena = a };
	ab->host.size = sizeof(ab->host);
	ab->host.batch_grow = arena_grow;
	ab->head.host = &ab->host;
	ab->b.task = (struct leat_task *)(void *)&ab->head;
}
