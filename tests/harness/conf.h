/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h: what tests of configuration share.
 */
#ifndef LEAT_TESTS_HARNESS_CONF_H
#define LEAT_TESTS_HARNESS_CONF_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config/interpolate.h"
#include "core/config/properties.h"

/* An environment that does not change under the tests. */
static inline const char *
testing_env(const char *name)
{
	if (strcmp(name, "USER_NAME") == 0)
		return "ada";
	if (strcmp(name, "EMPTY") == 0)
		return "";
	if (strcmp(name, "LIST") == 0)
		return "a,b";
	if (strcmp(name, "NESTED") == 0)
		return "${env:USER_NAME}";
	if (strcmp(name, "CREDENTIALS_DIRECTORY") == 0)
		return getenv("TESTING_CREDENTIALS");
	return NULL;
}

static const struct references testing_refs = {
	.env = testing_env,
	.fs = &fsio_system,
};

/* Fails unless the problems print as wanted. */
static inline void
assert_problems(const struct problems *p, const char *want)
{
	struct leat_buf b;

	leat_buf_init(&b, 1 << 20);
	assert_int_equal(problems_print(p, &b), 0);
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
}

/* Fails unless the properties are "key=value" lines as wanted. */
static inline void
assert_properties(const struct properties *p, const char *want)
{
	struct leat_buf b;

	leat_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < properties_count(p); i++)
		(void)leat_buf_printf(&b, "%s=%s\n", properties_at(p, i)->key,
		    properties_at(p, i)->value);
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
}

#endif
