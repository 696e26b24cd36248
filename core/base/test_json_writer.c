/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_writer.c: documents with commas where they belong. */
#include "core/base/json_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_document(void **state)
{
	struct leat_buf buf;
	struct json_writer w;

	leat_buf_init(&buf, 1024);
	w = json_writer(&buf);
	json_object(&w);
	json_member(&w, "a\"b", "x\ny");
	json_member_int(&w, "n", -7);
	json_key(&w, "list");
	json_array(&w);
	json_int(&w, 1);
	json_object(&w);
	json_object_end(&w);
	json_array(&w);
	json_array_end(&w);
	json_text(&w, NULL);
	json_array_end(&w);
	json_member_bool(&w, "t", true);
	json_key(&w, "raw");
	json_raw(&w, "{\"k\":1}");
	json_object_end(&w);
	assert_string_equal(leat_buf_cstr(&buf),
	    "{\"a\\\"b\":\"x\\ny\",\"n\":-7,\"list\":[1,{},[],null],"
	    "\"t\":true,\"raw\":{\"k\":1}}");
	leat_buf_fini(&buf);
}

static void
test_limit_is_sticky(void **state)
{
	struct leat_buf buf;
	struct json_writer w;

	leat_buf_init(&buf, 8);
	w = json_writer(&buf);
	json_array(&w);
	for (int i = 0; i < 100; i++)
		json_int(&w, i);
	json_array_end(&w);
	assert_true(buf.failed);
	leat_buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_limit_is_sticky),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
