/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches: bytes as another implementation writes them, every codec,
 * and every way a batch can be bad, each with its words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <snappy-c.h>

#include <leat/wire.h>

#include "broker/log/batch.h"
#include "core/base/obj.h"

/* Both made with python3-kafka 2.0.2; checked by hand against the layout. */
static const char three_records[] =
    "00000000000000000000005d0000000002a8a521510010000000020000018bcfe56800"
    "0000018bcfe568050000000000001388000300000007000000032a000000066b65790a"
    "76616c75650402680278026e0118000a02010c7365636f6e640010001304046b330100";

static size_t
unhex(const char *hex, uint8_t *to)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		static const char digits[] = "0123456789abcdef";

		to[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) * 16 +
		    (strchr(digits, hex[2 * i + 1]) - digits));
	}
	return n;
}

static void
test_crc(void **state)
{
	uint8_t data[20000];

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_portable(0, "123456789", 9), 0xe3069283);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t n = 0; n < sizeof(data); n += 1 + n / 13)
		for (size_t at = 0; at < 9; at += 4) {
			size_t len = MIN(n, sizeof(data) - at);

			assert_int_equal(crc32c(0, data + at, len),
			    crc32c_portable(0, data + at, len));
			assert_int_equal(crc32c(crc32c(0, data + at, len / 3),
			    data + at + len / 3, len - len / 3),
			    crc32c_portable(0, data + at, len));
		}
}

static void
add_three(struct batch_builder *b)
{
	struct record_header h[] = {
		{ LEAT_STR("h"), LEAT_STR("x") }, { LEAT_STR("n"), { 0 } }
	};
	struct record r[] = {
		{ .timestamp_ms = 1700000000000, .key = LEAT_STR("key"),
		    .value = LEAT_STR("value"), .headers = h, .nheaders = 2 },
		{ .timestamp_ms = 1700000000005, .value = LEAT_STR("second") },
		{ .timestamp_ms = 1699999999990, .key = LEAT_STR("k3") },
	};

	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		assert_int_equal(batch_builder_add(b, &r[i], NULL), 0);
}

static void
check_three(const uint8_t *data, size_t len)
{
	struct batch_reader *r = batch_reader_new(1 << 20);
	struct leat_err err = LEAT_ERR_INIT;
	struct record rec;

	if (batch_reader_open(r, data, len, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(batch_reader_next(r, &rec, &err), 1);
	assert_int_equal(rec.offset, 0);
	assert_int_equal(rec.timestamp_ms, 1700000000000);
	assert_true(leat_str_eq_c(rec.key, "key"));
	assert_true(leat_str_eq_c(rec.value, "value"));
	assert_int_equal(rec.nheaders, 2);
	assert_true(leat_str_eq_c(rec.headers[0].value, "x"));
	assert_null(rec.headers[1].value.ptr);
	assert_int_equal(batch_reader_next(r, &rec, &err), 1);
	assert_null(rec.key.ptr);
	assert_int_equal(batch_reader_next(r, &rec, &err), 1);
	assert_int_equal(rec.timestamp_ms, 1699999999990);
	assert_null(rec.value.ptr);
	assert_int_equal(batch_reader_next(r, &rec, &err), 0);
	batch_reader_free(r);
}

static void
test_golden(void **state)
{
	struct batch_builder *b = batch_builder_new(CODEC_NONE, 0, 1 << 20);
	struct batch_identity id = { 5000, 3, 7, true };
	uint8_t want[256], *data;
	size_t n = unhex(three_records, want), len;

	add_three(b);
	assert_int_equal(batch_builder_finish(b, &id, &data, &len, NULL), 0);
	assert_int_equal(len, n);
	leat_put_u32(data + 12, 0);	/* the epoch, as that writer sets it */
	assert_memory_equal(data, want, n);
	check_three(want, n);
	batch_builder_free(b);
}

static void
test_codecs(void **state)
{
	for (int k = CODEC_NONE; k < CODEC_N; k++) {
		struct batch_builder *b = batch_builder_new(
		    (enum record_codec)k, 0, 1 << 20);
		struct batch_header h;
		uint8_t *data;
		size_t len;

		for (int round = 0; round < 2; round++) {
			batch_builder_reset(b);
			add_three(b);
			assert_int_equal(batch_builder_finish(b, NULL, &data,
			    &len, NULL), 0);
			assert_int_equal(batch_header_decode(data, len, true,
			    &h, NULL), 0);
			assert_int_equal(h.attributes, k);
			assert_int_equal(h.size, len);
			check_three(data, len);
		}
		batch_builder_free(b);
		assert_int_equal(record_codec_parse(leat_str_c(
		    record_codec_name((enum record_codec)k))), k);
	}
	assert_int_equal(record_codec_parse(LEAT_STR("lzma")), -1);
}

/* librdkafka writes one raw snappy block without the framing. */
static void
test_raw_snappy(void **state)
{
	struct batch_builder *b = batch_builder_new(CODEC_NONE, 0, 1 << 20);
	uint8_t *data, raw[1024];
	size_t len, n = sizeof(raw) - 61;

	add_three(b);
	assert_int_equal(batch_builder_finish(b, NULL, &data, &len, NULL), 0);
	memcpy(raw, data, 61);
	assert_int_equal(snappy_compress((char *)data + 61, len - 61,
	    (char *)raw + 61, &n), SNAPPY_OK);
	raw[22] = CODEC_SNAPPY;
	batch_seal(raw, 61 + n);
	check_three(raw, 61 + n);
	batch_builder_free(b);
}

static void
test_limits(void **state)
{
	struct batch_builder *b = batch_builder_new(CODEC_NONE, 0, 200);
	struct leat_err err = LEAT_ERR_INIT;
	char big[300] = { 0 };
	struct record rec = { .value = { big, sizeof(big) } };

	assert_int_equal(batch_builder_add(b, &rec, &err), LEAT_E_LIMIT);
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
	assert_string_equal(err.text,
	    "record of 370 bytes is larger than a batch may be (200)");
	rec.value.len = 50;
	assert_int_equal(batch_builder_add(b, &rec, &err), 0);
	assert_int_equal(batch_builder_add(b, &rec, &err), 0);
	assert_int_equal(batch_builder_add(b, &rec, &err), LEAT_E_LIMIT);
	assert_string_equal(err.text, "batch is full");
	assert_int_equal(batch_builder_count(b), 2);
	batch_builder_reset(b);
	assert_int_equal(batch_builder_add(b, &rec, &err), 0);
	batch_builder_free(b);
}

static void
test_bomb(void **state)
{
	for (int k = CODEC_GZIP; k < CODEC_N; k++) {
		struct batch_builder *b = batch_builder_new(
		    (enum record_codec)k, 0, 8 << 20);
		struct batch_reader *r = batch_reader_new(100000);
		struct leat_err err = LEAT_ERR_INIT;
		char *zeros = calloc(1, 4 << 20);
		struct record rec = { .value = { zeros, 4 << 20 } };
		uint8_t *data;
		size_t len;

		assert_int_equal(batch_builder_add(b, &rec, &err), 0);
		assert_int_equal(batch_builder_finish(b, NULL, &data, &len,
		    &err), 0);
		assert_int_equal(batch_reader_open(r, data, len, &err),
		    LEAT_E_LIMIT);
		assert_string_equal(err.text, "batch at offset 0: batch "
		    "inflates to more than 100000 bytes");
		batch_builder_free(b);
		batch_reader_free(r);
		free(zeros);
	}
}

/* Sets bytes at a place of the golden batch and says what comes of it. */
static void
expect_bad(size_t at, const char *bytes, size_t n, const char *text)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct batch_reader *r = batch_reader_new(1 << 20);
	struct record rec;
	uint8_t data[256];
	size_t len = unhex(three_records, data);
	int rc;

	memcpy(data + at, bytes, n);
	rc = batch_reader_open(r, data, len, &err);
	while (rc >= 0 && (rc = batch_reader_next(r, &rec, &err)) > 0)
		;
	assert_int_equal(rc, LEAT_E_CORRUPT);
	assert_string_equal(err.text, text);
	batch_reader_free(r);
}

static void
test_corrupt(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct batch_header h;
	uint8_t data[256];
	size_t len = unhex(three_records, data);

	expect_bad(8, "\0\0\0\x30", 4, "batch length 48 is below 49");
	expect_bad(16, "\1", 1, "batch has magic 1, not 2");
	expect_bad(8, "\0\0\1\0", 4, "batch is cut off after 105 bytes");
	expect_bad(22, "\x17", 1, "batch at offset 0: unknown compression");
	expect_bad(0, "\xff", 1, "batch at offset -72057594037927936: "
	    "impossible offsets or count");
	expect_bad(57, "\0\0\0\4", 4,
	    "batch at offset 0: more records than offsets");
	expect_bad(57, "\0\0\0\2", 4,
	    "batch at offset 0: bytes behind the last record");
	expect_bad(61, "\x7e", 1,
	    "batch at offset 0: record length exceeds the batch");
	expect_bad(64, "\x08", 1,
	    "batch at offset 0: record offset is outside the batch");
	expect_bad(65, "\x7e", 1,
	    "batch at offset 0: record key exceeds the record");
	expect_bad(69, "\x7e", 1,
	    "batch at offset 0: record value exceeds the record");
	expect_bad(75, "\x7e", 1,
	    "batch at offset 0: bad number of record headers");
	expect_bad(76, "\1", 1, "batch at offset 0: bad record header");
	expect_bad(61, "\x02", 1, "batch at offset 0: record is cut off");
	expect_bad(22, "\1", 1, "batch at offset 0: gzip data does not "
	    "inflate: incorrect header check");
	expect_bad(22, "\2", 1, "batch at offset 0: snappy data does not "
	    "inflate: bad block");
	expect_bad(22, "\3", 1, "batch at offset 0: lz4 data does not "
	    "inflate: ERROR_frameType_unknown");
	expect_bad(22, "\4", 1, "batch at offset 0: zstd data does not "
	    "inflate: Unknown frame descriptor");
	data[70] ^= 1;
	assert_int_equal(batch_header_decode(data, len, true, &h, &err),
	    LEAT_E_CORRUPT);
	assert_string_equal(err.text,
	    "batch at offset 0: checksum does not match");
	assert_int_equal(batch_header_decode(data, 30, true, &h, &err), 1);
}

static void
test_marker(void **state)
{
	uint8_t data[BATCH_MARKER_BYTES + 16];
	struct batch_header h;
	int32_t epoch;
	size_t n = batch_marker_encode(data, 77, 5, true, 9, 1000);

	assert_int_equal(n, BATCH_MARKER_BYTES);
	assert_int_equal(batch_header_decode(data, n, true, &h, NULL), 0);
	assert_int_equal(h.attributes, BATCH_TRANSACTIONAL | BATCH_CONTROL);
	assert_int_equal(h.producer_id, 77);
	assert_int_equal(batch_marker_decode(data, n, &epoch), MARKER_COMMIT);
	assert_int_equal(epoch, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_raw_snappy),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_marker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
