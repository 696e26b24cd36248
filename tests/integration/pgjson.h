/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgjson.h: what the JsonConverter writes for a value.
 */
#ifndef LEAT_TESTS_INTEGRATION_PGJSON_H
#define LEAT_TESTS_INTEGRATION_PGJSON_H

#include "core/record/converter.h"
#include "core/record/record_testing.h"

#include "tests/integration/pgtest.h"

/*
 * With a converter of its own, since one belongs to the schemas of one task;
 * "(null)" for null.
 */
static inline const char *
pgt_json(const char *schemas_enable, const struct leat_schema *schema,
    const struct leat_value *v)
{
	const char *const settings[] = { "schemas.enable", schemas_enable,
		NULL };
	struct leat_schema_pool *pool = leat_schema_pool_new(1u << 24);
	void *converter = testing_open(&json_converter, pool, settings);
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf b;
	const char *text;
	bool null = false;

	leat_buf_init(&b, 1u << 20);
	if (json_converter.encode(converter, schema, v, &b, &null, &err) < 0)
		fail_msg("%s", err.text);
	text = null ? "(null)" : th_text("%s", leat_buf_cstr(&b));
	leat_buf_fini(&b);
	json_converter.close(converter);
	leat_schema_pool_free(pool);
	return text;
}

#endif
