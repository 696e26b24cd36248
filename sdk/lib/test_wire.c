/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire.c: the binary cursors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/err.h>
#include <leat/wire.h>

static void
test_fixed_widths(void **state)
{
	struct leat_reader r;
	struct leat_buf b;

	(void)state;
	leat_buf_init(&b, 100);
	leat_write_u8(&b, 0xfe);
	leat_write_u16(&b, 0x0102);
	leat_write_u32(&b, 0x01020304);
	leat_write_u64(&b, 0x0102030405060708);
	assert_memory_equal(b.data, "\xfe\1\2\1\2\3\4\1\2\3\4\5\6\7\10", 15);

	leat_reader_init(&r, b.data, b.len);
	assert_int_equal(leat_read_i8(&r), -2);
	assert_int_equal(leat_read_u16(&r), 0x0102);
	assert_int_equal(leat_read_i32(&r), 0x01020304);
	assert_int_equal(leat_reader_pos(&r), 7);
	assert_int_equal(leat_reader_left(&r), 8);
	assert_true(leat_read_u64(&r) == 0x0102030405060708);
	assert_int_equal(r.err, 0);
	leat_buf_fini(&b);
}

static void
test_underflow_sticks(void **state)
{
	struct leat_reader r;

	(void)state;
	leat_reader_init(&r, "\1\2\3", 3);
	assert_int_equal(leat_read_u16(&r), 0x0102);
	assert_int_equal(leat_read_u16(&r), 0);
	assert_int_equal(r.err, LEAT_E_PROTO);
	assert_int_equal(leat_read_u8(&r), 0);
	assert_int_equal(leat_read_u32(&r), 0);
	assert_true(leat_read_u64(&r) == 0);
	assert_int_equal(leat_read_varint(&r), 0);
	assert_int_equal(leat_read_varlong(&r), 0);
	assert_null(leat_read_bytes(&r, 1));
	assert_null(leat_read_cstr(&r).ptr);
	assert_int_equal(leat_reader_left(&r), 0);
}

static void
test_empty_input(void **state)
{
	struct leat_reader r;

	(void)state;
	leat_reader_init(&r, NULL, 0);
	assert_non_null(leat_read_bytes(&r, 0));
	assert_int_equal(r.err, 0);
	assert_null(leat_read_bytes(&r, 1));
	assert_int_equal(r.err, LEAT_E_PROTO);
}

static void
check_varint(struct leat_buf *b, int32_t v)
{
	struct leat_reader r;

	leat_buf_reset(b);
	leat_write_varint(b, v);
	assert_int_equal(b->len, leat_varint_len(v));
	leat_reader_init(&r, b->data, b->len);
	assert_int_equal(leat_read_varint(&r), v);
	assert_int_equal(leat_reader_left(&r), 0);
	assert_int_equal(r.err, 0);
}

static void
check_varlong(struct leat_buf *b, int64_t v)
{
	struct leat_reader r;

	leat_buf_reset(b);
	leat_write_varlong(b, v);
	assert_int_equal(b->len, leat_varlong_len(v));
	leat_reader_init(&r, b->data, b->len);
	assert_true(leat_read_varlong(&r) == v);
	assert_int_equal(leat_reader_left(&r), 0);
	assert_int_equal(r.err, 0);
}

static void
test_varints(void **state)
{
	struct leat_buf b;
	int bits;

	(void)state;
	leat_buf_init(&b, 100);
	for (bits = 0; bits < 64; bits++) {
		int64_t v = (int64_t)(UINT64_C(1) << bits);

		check_varlong(&b, v);
		check_varlong(&b, v - (v != INT64_MIN));
		check_varlong(&b, -(v + (v == INT64_MIN)));
		check_varint(&b, (int32_t)v);
		check_varint(&b, (int32_t)((uint32_t)v - 1));
		check_varint(&b, (int32_t)(0 - (uint32_t)v));
	}
	check_varint(&b, INT32_MIN);
	check_varlong(&b, INT64_MIN);
	leat_buf_fini(&b);
}

/* Known bytes: zig-zag 1 is 2, 300 is ac 02 without zig-zag. */
static void
test_varint_bytes(void **state)
{
	struct leat_buf b;

	(void)state;
	leat_buf_init(&b, 100);
	leat_write_varint(&b, -1);
	leat_write_varint(&b, 1);
	leat_write_uvarint(&b, 300);
	leat_write_uvarint(&b, UINT32_MAX);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "\1\2\xac\2\xff\xff\xff\xff\xf", 9);
	leat_buf_fini(&b);
}

static void
check_bad(const char *bytes, size_t len, int wide)
{
	struct leat_reader r;

	leat_reader_init(&r, bytes, len);
	if (wide)
		assert_true(leat_read_varlong(&r) == 0);
	else
		assert_int_equal(leat_read_uvarint(&r), 0);
	assert_int_equal(r.err, LEAT_E_PROTO);
}

static void
test_bad_varints(void **state)
{
	(void)state;
	check_bad("", 0, 0);
	check_bad("\x80", 1, 0);
	check_bad("\xff\xff\xff\xff\x1f", 5, 0);
	check_bad("\x80\x80\x80\x80\x80\x00", 6, 0);
	check_bad("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, 1);
	check_bad("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, 1);
}

static void
test_cstr(void **state)
{
	struct leat_reader r;

	(void)state;
	leat_reader_init(&r, "ab\0\0c", 5);
	assert_true(leat_str_eq_c(leat_read_cstr(&r), "ab"));
	assert_true(leat_str_eq_c(leat_read_cstr(&r), ""));
	assert_null(leat_read_cstr(&r).ptr);
	assert_int_equal(r.err, LEAT_E_PROTO);
}

static void
test_in_place(void **state)
{
	uint8_t p[8];

	(void)state;
	leat_put_u16(p, 0x0102);
	assert_int_equal(leat_get_u16(p), 0x0102);
	leat_put_u32(p, 0x01020304);
	assert_int_equal(leat_get_u32(p), 0x01020304);
	leat_put_u64(p, 0x0102030405060708);
	assert_true(leat_get_u64(p) == 0x0102030405060708);
	assert_int_equal(p[0], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed_widths),
		cmocka_unit_test(test_underflow_sticks),
		cmocka_unit_test(test_empty_input),
		cmocka_unit_test(test_varints),
		cmocka_unit_test(test_varint_bytes),
		cmocka_unit_test(test_bad_varints),
		cmocka_unit_test(test_cstr),
		cmocka_unit_test(test_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
