/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_partitioner.c: the vectors of Kafka's own UtilsTest, and what
 * DefaultPartitioner makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/obj.h"
#include "core/bus/partitioner.h"

static void
test_murmur2(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} vectors[] = {
		{ "21", -973932308 },
		{ "foobar", -790332482 },
		{ "a-little-bit-long-string", -985981536 },
		{ "a-little-bit-longer-string", -1486304829 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
		    -58897971 },
		{ "abc", 479470107 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(vectors); i++)
		assert_int_equal((int32_t)partitioner_murmur2(vectors[i].key,
		    strlen(vectors[i].key)), vectors[i].hash);
}

static void
test_partition_of_key(void **state)
{
	(void)state;
	/* (479470107 & 0x7fffffff) % 7, and a negative hash */
	assert_int_equal(partitioner_of_key("abc", 3, 7), 479470107 % 7);
	assert_int_equal(partitioner_of_key("foobar", 6, 10),
	    (-790332482 & 0x7fffffff) % 10);
	assert_int_equal(partitioner_of_key("", 0, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_murmur2),
		cmocka_unit_test(test_partition_of_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
