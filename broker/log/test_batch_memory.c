/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch_memory.c: each allocation of building and reading a batch fails
 * once: it is told, nothing leaks, and the next try is whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/record_batch.h"
#include "sdk/testkit/mem_fail.h"

enum { RECORDS = 200, BATCH_MAX = 1 << 20 };

static char text[100];

/* Builds a batch and hands out a copy, to be freed; 0 or the error. */
static int
build(enum record_codec codec, uint8_t *ret, size_t *ret_len)
{
	struct batch_builder *b = batch_builder_new(codec, 0, BATCH_MAX);
	const struct batch_identity id = { .producer_id = -1,
		.producer_epoch = -1,
		.base_sequence = -1 };
	struct record rec = { .key = { "k", 1 }, .value = { text, 100 } };
	struct leat_err err = LEAT_ERR_INIT;
	uint8_t *data;
	int rc = b == NULL ? -1 : 0;

	for (int i = 0; i < RECORDS && rc == 0; i++) {
		rec.timestamp_ms = i;
		rc = batch_builder_add(b, &rec, &err);
	}
	if (rc == 0)
		rc = batch_builder_finish(b, &id, &data, ret_len, &err);
	if (rc == 0)
		memcpy(ret, data, *ret_len);
	batch_builder_free(b);
	return rc;
}

/* The number of records, or the error. */
static int
count(const uint8_t *data, size_t len)
{
	struct batch_reader *r = batch_reader_new(BATCH_MAX);
	struct leat_err err = LEAT_ERR_INIT;
	struct record rec;
	int n = 0, rc = r == NULL ? -1 : batch_reader_open(r, data, len, &err);

	while (rc >= 0 && (rc = batch_reader_next(r, &rec, &err)) == 1)
		n++;
	batch_reader_free(r);
	return rc < 0 ? rc : n;
}

static int
build_failing_at(int n, enum record_codec codec, uint8_t *data, size_t *len)
{
	mem_fail_at(n);
	return build(codec, data, len);
}

static int
count_failing_at(int n, const uint8_t *data, size_t len)
{
	mem_fail_at(n);
	return count(data, len);
}

static void
fail_each(enum record_codec codec)
{
	static uint8_t data[BATCH_MAX];
	size_t len = 0;
	long before = mem_live();
	int n, got;

	for (n = 1; build_failing_at(n, codec, data, &len) < 0; n++) {
		assert_true(mem_fail_hit());
		assert_int_equal(mem_live(), before);
	}
	mem_fail_at(0);
	assert_true(n > 1);
	for (n = 1; (got = count_failing_at(n, data, len)) < 0; n++) {
		assert_true(mem_fail_hit());
		assert_int_equal(mem_live(), before);
	}
	mem_fail_at(0);
	assert_true(n > 1);
	assert_int_equal(got, RECORDS);
	assert_int_equal(mem_live(), before);
}

static void
test_each_codec(void **state)
{
	memset(text, 'x', sizeof(text));
	for (int codec = CODEC_NONE; codec < CODEC_N; codec++)
		fail_each((enum record_codec)codec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
