/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_testing.h: what the tests, fuzz targets and benches of this folder share:
 * Debezium's schemas, and a converter opened from plain settings.
 */
#ifndef LEAT_CORE_RECORD_RECORD_TESTING_H
#define LEAT_CORE_RECORD_RECORD_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/options.h>
#include <leat/record.h>

#include "core/record/converter.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline void
testing_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	abort();
}

/* Opens a converter; settings are "key", "value", ..., NULL. */
static inline void *
testing_open(const struct converter_class *cls, struct leat_schema_pool *pool,
    const char *const *settings)
{
	struct leat_setting v[8] = { { 0 } };
	struct leat_err err = LEAT_ERR_INIT;
	_Alignas(16) uint8_t config[64];
	struct leat_arena arena;
	struct leat_fill fill = { .table = cls->options, .settings = v };
	void *self;

	for (; settings != NULL && *settings != NULL; settings += 2)
		v[fill.nsettings++] = (struct leat_setting){
			.key = settings[0], .value = settings[1] };
	leat_arena_init(&arena, 1024, 0);
	if (cls->options != NULL && leat_options_fill(&fill, &arena, config,
		cls->config_size) != 0)
		testing_die(cls->name, "settings");
	if (cls->open(cls, config, pool, &self, &err) < 0)
		testing_die(cls->name, err.text);
	leat_arena_fini(&arena);
	return self;
}

static inline const struct leat_schema *
testing_intern(struct leat_schema_pool *pool, const struct leat_schema *s)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *interned;

	interned = leat_schema_pool_intern(pool, s, &err);
	if (interned == NULL)
		testing_die("intern", err.text);
	return interned;
}

/* ------------------------------------------- the example of the references */

/* clang-format off */

static const struct leat_schema t_int32 = { .kind = LEAT_INT32 };
static const struct leat_schema t_int64 = { .kind = LEAT_INT64 };
static const struct leat_schema t_string = { .kind = LEAT_STRING };
static const struct leat_schema t_opt_int32 = { .kind = LEAT_INT32,
	.optional = 1 };
static const struct leat_schema t_opt_int64 = { .kind = LEAT_INT64,
	.optional = 1 };
static const struct leat_schema t_opt_string = { .kind = LEAT_STRING,
	.optional = 1 };

static const struct leat_schema t_id = { .kind = LEAT_INT32,
	.has_default = 1, .def = { .kind = LEAT_INT32 } };
static const struct leat_param t_amount_params[] = {
	{ "scale", "2" }, { "connect.decimal.precision", "10" } };
static const struct leat_schema t_amount = { .kind = LEAT_BYTES,
	.optional = 1, .version = 1,
	.name = "org.apache.kafka.connect.data.Decimal",
	.params = t_amount_params, .nparams = 2 };
static const struct leat_schema t_note = { .kind = LEAT_STRING, .optional = 1,
	.has_default = 1,
	.def = { .kind = LEAT_STRING, .len = 4, .u.s = "none" } };
static const struct leat_schema t_created = { .kind = LEAT_STRING,
	.version = 1, .name = "io.debezium.time.ZonedTimestamp" };
static const struct leat_param t_mood_params[] = {
	{ "allowed", "sad,happy" } };
static const struct leat_schema t_mood = { .kind = LEAT_STRING, .optional = 1,
	.version = 1, .name = "io.debezium.data.Enum",
	.params = t_mood_params, .nparams = 1 };

static const struct leat_field t_row_fields[] = {
	{ .name = "id", .schema = &t_id },
	{ .name = "customer", .schema = &t_string },
	{ .name = "amount", .schema = &t_amount },
	{ .name = "note", .schema = &t_note },
	{ .name = "created", .schema = &t_created },
	{ .name = "m", .schema = &t_mood },
};
static const struct leat_schema t_row = { .kind = LEAT_STRUCT, .optional = 1,
	.name = "px.shop.orders.Value", .fields = t_row_fields,
	.nfields = COUNT(t_row_fields) };

static const struct leat_param t_snapshot_params[] = { { "allowed",
	"true,first,first_in_data_collection,last_in_data_collection,last,"
	"false,incremental" } };
static const struct leat_schema t_snapshot = { .kind = LEAT_STRING,
	.optional = 1, .version = 1, .name = "io.debezium.data.Enum",
	.params = t_snapshot_params, .nparams = 1, .has_default = 1,
	.def = { .kind = LEAT_STRING, .len = 5, .u.s = "false" } };
static const struct leat_field t_source_fields[] = {
	{ .name = "version", .schema = &t_string },
	{ .name = "connector", .schema = &t_string },
	{ .name = "name", .schema = &t_string },
	{ .name = "ts_ms", .schema = &t_int64 },
	{ .name = "snapshot", .schema = &t_snapshot },
	{ .name = "db", .schema = &t_string },
	{ .name = "sequence", .schema = &t_opt_string },
	{ .name = "ts_us", .schema = &t_opt_int64 },
	{ .name = "ts_ns", .schema = &t_opt_int64 },
	{ .name = "schema", .schema = &t_string },
	{ .name = "table", .schema = &t_string },
	{ .name = "txId", .schema = &t_opt_int64 },
	{ .name = "lsn", .schema = &t_opt_int64 },
	{ .name = "xmin", .schema = &t_opt_int64 },
	{ .name = "origin", .schema = &t_opt_string },
	{ .name = "origin_lsn", .schema = &t_opt_int64 },
};
static const struct leat_schema t_source = { .kind = LEAT_STRUCT,
	.version = 1, .name = "io.debezium.connector.postgresql.Source",
	.fields = t_source_fields, .nfields = COUNT(t_source_fields) };
static const struct leat_field t_block_fields[] = {
	{ .name = "id", .schema = &t_string },
	{ .name = "total_order", .schema = &t_int64 },
	{ .name = "data_collection_order", .schema = &t_int64 },
};
static const struct leat_schema t_block = { .kind = LEAT_STRUCT,
	.optional = 1, .version = 1, .name = "event.block",
	.fields = t_block_fields, .nfields = COUNT(t_block_fields) };
static const struct leat_field t_envelope_fields[] = {
	{ .name = "before", .schema = &t_row },
	{ .name = "after", .schema = &t_row },
	{ .name = "source", .schema = &t_source },
	{ .name = "transaction", .schema = &t_block },
	{ .name = "op", .schema = &t_string },
	{ .name = "ts_ms", .schema = &t_opt_int64 },
	{ .name = "ts_us", .schema = &t_opt_int64 },
	{ .name = "ts_ns", .schema = &t_opt_int64 },
};
static const struct leat_schema t_envelope = { .kind = LEAT_STRUCT,
	.version = 2, .name = "px.shop.orders.Envelope",
	.fields = t_envelope_fields, .nfields = COUNT(t_envelope_fields) };
static const struct leat_field t_key_fields[] = {
	{ .name = "id", .schema = &t_id },
};
static const struct leat_schema t_key = { .kind = LEAT_STRUCT,
	.name = "px.shop.orders.Key", .fields = t_key_fields, .nfields = 1 };

#define V_STR(t) { .kind = LEAT_STRING, .len = sizeof(t) - 1, .u.s = "" t }
#define V_I32(n) { .kind = LEAT_INT32, .u.i = (n) }
#define V_I64(n) { .kind = LEAT_INT64, .u.i = (n) }
#define V_STRUCT(a)                                       \
	{ .kind = LEAT_STRUCT, .len = COUNT(a), .u.items = (a) }
#define V_NULL { .kind = LEAT_NULL }

/* E1, E2 with replica identity FULL, and E4 of the references. */
static const struct leat_value t_row_1[] = { V_I32(1), V_STR("ann"),
	{ .kind = LEAT_BYTES, .len = 2, .u.b = (const uint8_t *)"\x07\xcf" },
	V_STR("none"), V_STR("2024-03-01T01:02:03.450000Z"), V_NULL };
static const struct leat_value t_row_2[] = { V_I32(1), V_STR("ann"),
	{ .kind = LEAT_BYTES, .len = 2, .u.b = (const uint8_t *)"\x01\xf4" },
	V_STR("none"), V_STR("2024-03-01T01:02:03.450000Z"), V_NULL };
static const struct leat_value t_row_4[] = { V_I32(7), V_STR(""), V_NULL,
	V_NULL, V_STR("1970-01-01T00:00:00Z"), V_NULL };
static const struct leat_value t_source_1[] = { V_STR("3.7.0.Final"),
	V_STR("postgresql"), V_STR("px"), V_I64(1795331268011),
	V_STR("false"), V_STR("demo"), V_STR("[null,\"531324432\"]"),
	V_I64(1795331268011738), V_I64(1795331268011738000), V_STR("shop"),
	V_STR("orders"), V_I64(200795), V_I64(531324432), V_NULL, V_NULL,
	V_NULL };
static const struct leat_value t_source_2[] = { V_STR("3.7.0.Final"),
	V_STR("postgresql"), V_STR("px"), V_I64(1795331268012),
	V_STR("false"), V_STR("demo"),
	V_STR("[\"531324728\",\"531324728\"]"), V_I64(1795331268012051),
	V_I64(1795331268012051000), V_STR("shop"), V_STR("orders"),
	V_I64(200796), V_I64(531324728), V_NULL, V_NULL, V_NULL };
static const struct leat_value t_source_4[] = { V_STR("3.7.0.Final"),
	V_STR("postgresql"), V_STR("px"), V_I64(1795331268015),
	V_STR("false"), V_STR("demo"),
	V_STR("[\"531325128\",\"531325128\"]"), V_I64(1795331268015674),
	V_I64(1795331268015674000), V_STR("shop"), V_STR("orders"),
	V_I64(200798), V_I64(531325128), V_NULL, V_NULL, V_NULL };
static const struct leat_value t_event_1[] = { V_NULL, V_STRUCT(t_row_1),
	V_STRUCT(t_source_1), V_NULL, V_STR("c"), V_I64(1795331268300),
	V_I64(1795331268300412), V_I64(1795331268300412000) };
static const struct leat_value t_event_2[] = { V_STRUCT(t_row_1),
	V_STRUCT(t_row_2), V_STRUCT(t_source_2), V_NULL, V_STR("u"),
	V_I64(1795331268300), V_I64(1795331268300412),
	V_I64(1795331268300412000) };
static const struct leat_value t_event_4[] = { V_STRUCT(t_row_4), V_NULL,
	V_STRUCT(t_source_4), V_NULL, V_STR("d"), V_I64(1795331268300),
	V_I64(1795331268300412), V_I64(1795331268300412000) };
static const struct leat_value t_e1 = V_STRUCT(t_event_1);
static const struct leat_value t_e2 = V_STRUCT(t_event_2);
static const struct leat_value t_e4 = V_STRUCT(t_event_4);
static const struct leat_value t_key_1[] = { V_I32(1) };
static const struct leat_value t_k1 = V_STRUCT(t_key_1);

#define E1_AFTER                                                           \
	"{\"id\":1,\"customer\":\"ann\",\"amount\":\"B88=\",\"note\":"     \
	"\"none\",\"created\":\"2024-03-01T01:02:03.450000Z\",\"m\":null}"
#define E1_JSON                                                            \
	"{\"before\":null,\"after\":" E1_AFTER ",\"source\":{\"version\":" \
	"\"3.7.0.Final\",\"connector\":\"postgresql\",\"name\":\"px\","    \
	"\"ts_ms\":1795331268011,\"snapshot\":\"false\",\"db\":\"demo\","  \
	"\"sequence\":\"[null,\\\"531324432\\\"]\",\"ts_us\":"             \
	"1795331268011738,\"ts_ns\":1795331268011738000,\"schema\":"       \
	"\"shop\",\"table\":\"orders\",\"txId\":200795,\"lsn\":531324432," \
	"\"xmin\":null,\"origin\":null,\"origin_lsn\":null},"              \
	"\"transaction\":null,\"op\":\"c\",\"ts_ms\":1795331268300,"       \
	"\"ts_us\":1795331268300412,\"ts_ns\":1795331268300412000}"
#define E2_JSON                                                            \
	"{\"before\":" E1_AFTER ",\"after\":{\"id\":1,\"customer\":"       \
	"\"ann\",\"amount\":\"AfQ=\",\"note\":\"none\",\"created\":"       \
	"\"2024-03-01T01:02:03.450000Z\",\"m\":null},\"source\":{"         \
	"\"version\":\"3.7.0.Final\",\"connector\":\"postgresql\","        \
	"\"name\":\"px\",\"ts_ms\":1795331268012,\"snapshot\":\"false\","  \
	"\"db\":\"demo\",\"sequence\":\"[\\\"531324728\\\","               \
	"\\\"531324728\\\"]\",\"ts_us\":1795331268012051,\"ts_ns\":"       \
	"1795331268012051000,\"schema\":\"shop\",\"table\":\"orders\","    \
	"\"txId\":200796,\"lsn\":531324728,\"xmin\":null,\"origin\":null," \
	"\"origin_lsn\":null},\"transaction\":null,\"op\":\"u\",\"ts_ms\":" \
	"1795331268300,\"ts_us\":1795331268300412,\"ts_ns\":"              \
	"1795331268300412000}"

/* clang-format on */

#endif
