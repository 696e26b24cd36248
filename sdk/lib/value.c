/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c: names of kinds, and looking into maps.
 */
#include <leat/value.h>

const char *
leat_kind_name(int kind)
{
	static const char *const names[] = {
		[LEAT_NULL] = "null",
		[LEAT_BOOLEAN] = "boolean",
		[LEAT_INT8] = "int8",
		[LEAT_INT16] = "int16",
		[LEAT_INT32] = "int32",
		[LEAT_INT64] = "int64",
		[LEAT_FLOAT32] = "float32",
		[LEAT_FLOAT64] = "float64",
		[LEAT_STRING] = "string",
		[LEAT_BYTES] = "bytes",
		[LEAT_ARRAY] = "array",
		[LEAT_MAP] = "map",
		[LEAT_STRUCT] = "struct",
	};

	if (kind < 0 || kind >= LEAT_KIND_N)
		return "unknown";
	return names[kind];
}

const struct leat_value *
leat_map_value(const struct leat_value *map, const char *key)
{
	size_t len = strlen(key);
	uint32_t i;

	if (map == NULL || map->kind != LEAT_MAP)
		return NULL;
	/* From the end, because the last of equal keys wins. */
	for (i = map->len; i > 0; i--) {
		const struct leat_value *k = &map->u.items[(size_t)i * 2 - 2];

		if (k->kind == LEAT_STRING && k->len == len &&
		    memcmp(k->u.s, key, len) == 0)
			return k + 1;
	}
	return NULL;
}
