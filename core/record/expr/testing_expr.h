/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing_expr.h: a record with a value of every kind, for the tests and the
 * fuzz target of expressions.
 */
#ifndef LEAT_RECORD_TESTING_EXPR_H
#define LEAT_RECORD_TESTING_EXPR_H

#include "core/record/expr/expr.h"
#include "core/record/record_testing.h"

/* clang-format off */

static const struct leat_schema t_bool = { .kind = LEAT_BOOLEAN };
static const struct leat_schema t_float = { .kind = LEAT_FLOAT32 };
static const struct leat_schema t_double = { .kind = LEAT_FLOAT64 };
static const struct leat_schema t_bytes = { .kind = LEAT_BYTES };
static const struct leat_schema t_tags = { .kind = LEAT_ARRAY,
	.elem = &t_string };
static const struct leat_schema t_scores = { .kind = LEAT_MAP,
	.key = &t_string, .elem = &t_int64 };
static const struct leat_param t_big_params[] = { { "scale", "3" } };
static const struct leat_schema t_big = { .kind = LEAT_BYTES,
	.version = 1, .name = "org.apache.kafka.connect.data.Decimal",
	.params = t_big_params, .nparams = 1 };

static const struct leat_field t_all_fields[] = {
	{ .name = "flag", .schema = &t_bool },
	{ .name = "n", .schema = &t_int64 },
	{ .name = "f", .schema = &t_float },
	{ .name = "d", .schema = &t_double },
	{ .name = "s", .schema = &t_string },
	{ .name = "b", .schema = &t_bytes },
	{ .name = "tags", .schema = &t_tags },
	{ .name = "scores", .schema = &t_scores },
	{ .name = "big", .schema = &t_big },
	{ .name = "none", .schema = &t_opt_int64 },
	{ .name = "note", .schema = &t_note },
	{ .name = "row", .schema = &t_key },
	{ .name = "twin", .schema = &t_key },
	{ .name = "null-tag", .schema = &t_opt_string },
};
static const struct leat_schema t_all = { .kind = LEAT_STRUCT,
	.name = "all", .version = 3, .doc = "of all",
	.fields = t_all_fields, .nfields = COUNT(t_all_fields) };

static const struct leat_value t_tag_items[] = { V_STR("red"), V_STR("blue") };
static const struct leat_value t_score_items[] = { V_STR("a"), V_I64(1),
	V_STR("b"), V_I64(20) };
/* 12345678901234567890123456789012345678901.234 */
static const uint8_t t_big_bytes[] = { 0x00, 0x8d, 0xb8, 0xb0, 0x83, 0xf7,
	0xbd, 0x8f, 0xe0, 0x5d, 0xdb, 0x7e, 0x55, 0xf2, 0xd8, 0x7e, 0x96,
	0xaf, 0xf2 };
static const struct leat_value t_all_values[] = {
	{ .kind = LEAT_BOOLEAN, .u.i = 1 },
	V_I64(42),
	{ .kind = LEAT_FLOAT32, .u.f = 0.5 },
	{ .kind = LEAT_FLOAT64, .u.f = 2.25 },
	V_STR("h\303\251llo"),
	{ .kind = LEAT_BYTES, .len = 2, .u.b = (const uint8_t *)"\x01\x02" },
	{ .kind = LEAT_ARRAY, .len = 2, .u.items = t_tag_items },
	{ .kind = LEAT_MAP, .len = 2, .u.items = t_score_items },
	{ .kind = LEAT_BYTES, .len = sizeof(t_big_bytes), .u.b = t_big_bytes },
	V_NULL,
	V_NULL,
	V_STRUCT(t_key_1),
	V_STRUCT(t_key_1),
	V_NULL,
};
static const struct leat_value t_all_value = V_STRUCT(t_all_values);

static const struct leat_header t_headers[] = {
	{ "h", &t_string, V_STR("old") },
	{ "idh", &t_int32, V_I32(5) },
	{ "h", &t_string, V_STR("x") },
};

/* A change event: E2 of the references. */
static inline struct leat_record
testing_event(void)
{
	return (struct leat_record){ .topic = "px.shop.orders",
		.key_schema = &t_key, .key = t_k1,
		.value_schema = &t_envelope, .value = t_e2,
		.headers = t_headers, .nheaders = COUNT(t_headers) };
}

static inline struct leat_record
testing_all(void)
{
	return (struct leat_record){ .topic = "all", .key_schema = &t_string,
		.key = V_STR("k"), .value_schema = &t_all,
		.value = t_all_value };
}

/* Without a schema, as JSON is read. */
static const struct leat_value t_plain_items[] = { V_STR("op"), V_STR("u"),
	V_STR("after"), { .kind = LEAT_MAP, .len = 2,
	    .u.items = t_score_items } };

static inline struct leat_record
testing_plain(void)
{
	return (struct leat_record){ .topic = "plain", .value = {
		.kind = LEAT_MAP, .len = 2, .u.items = t_plain_items } };
}

/* clang-format on */

#endif
