/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_compat.h"

#include <string.h>

#include <leat/str.h>

static const struct {
	const char *key;
	const char *values;
	const char *instead;
} keys[] = {
#define ROW(name, key, values, help, instead) { key, values, instead },
	PG_COMPAT_KEYS(ROW)
#undef ROW
};

static bool
is_among(const char *value, const char *values)
{
	struct leat_str rest = leat_str_c(values);

	while (rest.len > 0) {
		struct leat_str one = leat_str_cut(&rest, ',');

		if (leat_str_eq(one, leat_str_c(value)))
			return true;
	}
	return false;
}

int
pg_compat_check(const char *const *compat, struct leat_err *err)
{
	for (uint32_t i = 0; i < PG_COMPAT_N; i++) {
		const char *value = compat[i];

		if (value == NULL || *value == '\0' ||
		    strcmp(keys[i].values, "*") == 0 ||
		    is_among(value, keys[i].values))
			continue;
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: '%s' is not available: %s", keys[i].key, value,
		    keys[i].instead);
	}
	return 0;
}
