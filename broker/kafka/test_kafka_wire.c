/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of Kafka's messages against vectors made by hand.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/kafka/kafka_wire.h"
#include "core/base/obj.h"
#include "tests/harness/proc.h"

static struct leat_arena arena;
static struct kafka_in in;
static struct kafka_out out;

static int
setup(void **unused)
{
	leat_arena_init(&arena, 4096, 1 << 20);
	kout_init(&out, 1 << 20);
	return 0;
}

static int
teardown(void **unused)
{
	kout_fini(&out);
	leat_arena_fini(&arena);
	return 0;
}

#define READ(flexible, bytes) \
	kin_init(&in, bytes, sizeof(bytes) - 1, &arena, 0, flexible)
/* All of it was read, without an error. */
#define READ_ALL() \
	do { \
		assert_true(kin_ok(&in)); \
		assert_int_equal(leat_reader_left(&in.r), 0); \
	} while (0)
#define WRITE(is_flexible) \
	do { \
		kout_reset(&out); \
		out.flexible = (is_flexible); \
	} while (0)
#define WROTE(bytes) \
	do { \
		assert_false(out.buf.failed); \
		assert_int_equal(out.buf.len, sizeof(bytes) - 1); \
		assert_memory_equal(out.buf.data, bytes, sizeof(bytes) - 1); \
	} while (0)

static void
test_numbers(void **unused)
{
	static const char v[] = "\1\0\x80\xff\xfe\x80\0\0\1"
	    "\x01\x02\x03\x04\x05\x06\x07\x08\x3f\xf8\0\0\0\0\0\0";

	READ(false, v);
	assert_true(kin_bool(&in));
	assert_false(kin_bool(&in));
	assert_int_equal(kin_i8(&in), -128);
	assert_int_equal(kin_i16(&in), -2);
	assert_int_equal(kin_i32(&in), INT32_MIN + 1);
	assert_int_equal(kin_i64(&in), INT64_C(0x0102030405060708));
	assert_true(kin_f64(&in) == 1.5);
	READ_ALL();
	/* Behind the end all is zero, and the error stays. */
	assert_int_equal(kin_i8(&in), 0);
	assert_false(kin_ok(&in));
	assert_string_equal(kin_str(&in), "");

	WRITE(true);
	kout_bool(&out, true);
	kout_bool(&out, false);
	kout_i8(&out, -128);
	kout_i16(&out, -2);
	kout_i32(&out, INT32_MIN + 1);
	kout_i64(&out, INT64_C(0x0102030405060708));
	kout_f64(&out, 1.5);
	WROTE(v);
}

static void
test_uuid(void **unused)
{
	static const char v[] = "0123456789abcdef";
	uint8_t id[16], none[16] = { 0 };

	READ(true, v);
	kin_uuid(&in, id);
	READ_ALL();
	WRITE(true);
	kout_uuid(&out, id);
	WROTE(v);
	READ(true, "short");
	kin_uuid(&in, id);
	assert_false(kin_ok(&in));
	assert_memory_equal(id, none, sizeof(id));
}

static void
test_strings(void **unused)
{
	static const char classic[] = "\0\2ab\0\0\xff\xff";
	static const char compact[] = "\3ab\1\0";

	for (int flexible = 0; flexible < 2; flexible++) {
		if (flexible)
			READ(true, compact);
		else
			READ(false, classic);
		assert_string_equal(kin_str(&in), "ab");
		assert_string_equal(kin_str_null(&in), "");
		assert_null(kin_str_null(&in));
		READ_ALL();
		WRITE(flexible);
		kout_str(&out, "ab");
		kout_str_null(&out, "");
		kout_str_null(&out, NULL);
		if (flexible)
			WROTE(compact);
		else
			WROTE(classic);
	}
}

static void
test_bad_strings(void **unused)
{
	READ(false, "\xff\xff");	/* null where there must be one */
	assert_string_equal(kin_str(&in), "");
	assert_false(kin_ok(&in));
	READ(false, "\xff\xfe"
		    "ab"); /* -2 */
	assert_null(kin_str_null(&in));
	assert_false(kin_ok(&in));
	READ(false, "\0\3ab");		/* longer than the frame */
	assert_null(kin_str_null(&in));
	assert_false(kin_ok(&in));
	assert_non_null(in.why);
	READ(true, "\0");
	assert_string_equal(kin_str(&in), "");
	assert_false(kin_ok(&in));
	READ(true, "\4ab");
	assert_null(kin_str_null(&in));
	assert_false(kin_ok(&in));
	READ(true, "\xff\xff\xff\xff\x0f");	/* 4 GiB */
	assert_null(kin_str_null(&in));
	assert_false(kin_ok(&in));
	READ(true, "\xff\xff\xff\xff\xff\xff");	/* a varint without end */
	assert_null(kin_str_null(&in));
	assert_false(kin_ok(&in));
	READ(false, "\0\3a\0b");	/* a NUL inside */
	assert_null(kin_str_null(&in));
	assert_string_equal(in.why, "a NUL in a string");
	READ(false, "\0\3a\0b");	/* which a text may have */
	assert_int_equal(kin_text_null(&in).len, 3);
	READ_ALL();
}

static void
test_bytes(void **unused)
{
	static const char classic[] = "\0\0\0\3x\0y\0\0\0\0\xff\xff\xff\xff";
	static const char compact[] = "\4x\0y\1\0";
	struct leat_str s;

	for (int flexible = 0; flexible < 2; flexible++) {
		if (flexible)
			READ(true, compact);
		else
			READ(false, classic);
		s = kin_bytes(&in);
		assert_int_equal(s.len, 3);
		assert_memory_equal(s.ptr, "x\0y", 3);
		s = kin_bytes_null(&in);
		assert_non_null(s.ptr);
		assert_int_equal(s.len, 0);
		assert_null(kin_bytes_null(&in).ptr);
		READ_ALL();
		WRITE(flexible);
		kout_bytes(&out, "x\0y", 3);
		kout_bytes(&out, NULL, 0);
		kout_bytes_null(&out, (struct leat_str){ NULL, 0 });
		if (flexible)
			WROTE(compact);
		else
			WROTE(classic);
	}
	READ(true, "\0");
	assert_non_null(kin_bytes(&in).ptr);
	assert_false(kin_ok(&in));
	READ(false, "\x80\0\0\0");
	assert_null(kin_bytes_null(&in).ptr);
	assert_false(kin_ok(&in));
}

static void
test_arrays(void **unused)
{
	int32_t *a;

	READ(false, "\0\0\0\2ab");
	assert_int_equal(kin_array(&in), 2);
	READ(true, "\3ab");
	assert_int_equal(kin_array(&in), 2);
	READ(false, "\xff\xff\xff\xff");
	assert_int_equal(kin_array_null(&in), -1);
	READ_ALL();
	READ(true, "\0");
	assert_int_equal(kin_array_null(&in), -1);
	READ_ALL();
	/* Null where there must be one, and more than the frame can hold. */
	READ(true, "\0");
	assert_int_equal(kin_array(&in), 0);
	assert_false(kin_ok(&in));
	READ(false, "\0\0\0\3ab");
	assert_int_equal(kin_array(&in), 0);
	assert_false(kin_ok(&in));
	READ(false, "\x7f\xff\xff\xff"
		    "ab");
	assert_int_equal(kin_array(&in), 0);
	assert_false(kin_ok(&in));

	READ(false, "");
	a = KIN_CALLOC(&in, 4, int32_t);
	for (int i = 0; i < 4; i++)
		assert_int_equal(a[i], 0);
	assert_non_null(KIN_CALLOC(&in, 0, int32_t));
	assert_non_null(KIN_CALLOC(&in, -1, int32_t));
	assert_true(kin_ok(&in));
	assert_null(KIN_CALLOC(&in, 1 << 20, int32_t));
	assert_false(kin_ok(&in));

	WRITE(false);
	kout_array(&out, 2);
	kout_array(&out, -1);
	WROTE("\0\0\0\2\xff\xff\xff\xff");
	WRITE(true);
	kout_array(&out, 2);
	kout_array(&out, -1);
	kout_array(&out, 300);
	WROTE("\3\0\xad\2");
}

static void
test_tags(void **unused)
{
	static const char v[] = "\2\0\3abc\5\1x"
				"z";
	uint32_t n, tag, size;

	READ(true, v);
	kin_tags(&in);
	assert_int_equal(kin_i8(&in), 'z');
	READ_ALL();
	READ(true, v);
	n = kin_tags_begin(&in);
	assert_int_equal(n, 2);
	tag = kin_tag(&in, &size);
	assert_int_equal(tag, 0);
	assert_int_equal(size, 3);
	kin_skip(&in, size);
	tag = kin_tag(&in, &size);
	assert_int_equal(tag, 5);
	assert_int_equal(size, 1);
	assert_int_equal(kin_i8(&in), 'x');
	/* Nothing of it in the classic encoding. */
	READ(false, "z");
	kin_tags(&in);
	assert_int_equal(kin_tags_begin(&in), 0);
	assert_int_equal(kin_i8(&in), 'z');
	READ(true, "\1\0\4abc");
	kin_tags(&in);
	assert_false(kin_ok(&in));
	READ(true, "\x7f");
	kin_tags(&in);
	assert_false(kin_ok(&in));
	READ(true, "\1\0\xff\xff\xff\xff\x0f");
	kin_tags(&in);
	assert_false(kin_ok(&in));

	WRITE(true);
	kout_tags_begin(&out, 2);
	kout_tag(&out, 0, 3);
	(void)leat_buf_add_str(&out.buf, "abc");
	kout_tag(&out, 5, 1);
	kout_i8(&out, 'x');
	kout_i8(&out, 'z');
	WROTE(v);
	WRITE(true);
	kout_tags(&out);
	WROTE("\0");
	WRITE(false);
	kout_tags(&out);
	kout_tags_begin(&out, 0);
	assert_int_equal(out.buf.len, 0);
}

static void
test_nullable_structs(void **unused)
{
	READ(true, "\xff\1");
	assert_false(kin_present(&in));
	assert_true(kin_present(&in));
	READ_ALL();
	assert_false(kin_present(&in));
	WRITE(true);
	kout_present(&out, false);
	kout_present(&out, true);
	WROTE("\xff\1");
}

static void
test_why(void **unused)
{
	READ(false, "\0");
	(void)kin_i32(&in);
	kin_fail(&in, "the first");
	kin_fail(&in, "the second");
	assert_string_equal(in.why, "the first");
	assert_false(kin_ok(&in));
}

/* The file's bytes as they would stand in the answer. */
static int
file_of(size_t len, char byte)
{
	const char *path = th_path("slice-%c", byte);
	char *bytes = malloc(len);
	int fd;

	assert_non_null(bytes);
	memset(bytes, byte, len);
	th_write_file(path, bytes, len);
	free(bytes);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* A count that needs more bytes than were kept moves what stands behind it. */
static void
test_array_end_moves_slices(void **unused)
{
	enum { LARGE = 100000 };
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_slice s = { .fd = file_of(LARGE, 'L'), .len = LARGE };
	int fd = s.fd;
	size_t at, before;

	WRITE(true);
	kout_str(&out, "head");
	at = kout_array_begin(&out);
	kout_i32(&out, 7);
	assert_int_equal(kout_records_slice(&out, &s, &err), 0);
	assert_int_equal(out.nslices, 1);
	assert_int_equal(out.slice_bytes, LARGE);
	before = out.slices[0].at;
	assert_int_equal(before, out.buf.len);
	kout_str(&out, "tail");
	kout_array_end(&out, at, 20000);
	assert_int_equal(out.slices[0].at, before + 2);
	WROTE("\5head"
	      "\xa1\x9c\1"
	      "\0\0\0\7"
	      "\xa1\x8d\6"
	      "\5tail");

	/* One that stands in front of the array stays. */
	WRITE(true);
	s = (struct broker_slice){ .fd = fd, .len = LARGE };
	assert_int_equal(kout_records_slice(&out, &s, &err), 0);
	before = out.slices[0].at;
	at = kout_array_begin(&out);
	kout_i8(&out, 1);
	kout_array_end(&out, at, 200);
	assert_int_equal(out.slices[0].at, before);
	WROTE("\xa1\x8d\6"
	      "\xc9\1"
	      "\1");

	WRITE(false);
	at = kout_array_begin(&out);
	kout_i8(&out, 1);
	kout_array_end(&out, at, 20000);
	WROTE("\0\0\x4e\x20\1");
	WRITE(true);
	at = kout_array_begin(&out);
	kout_array_end(&out, at, -1);
	WROTE("\0");
	close(fd);
}

static void
test_small_slices_are_copied(void **unused)
{
	struct leat_err err = LEAT_ERR_INIT;
	int fd = file_of(1000, 's');
	struct broker_slice s = { .fd = fd, .pos = 995, .len = 3 };

	WRITE(false);
	assert_int_equal(kout_records_slice(&out, &s, &err), 0);
	assert_int_equal(out.nslices, 0);
	WROTE("\0\0\0\3sss");
	/* One that the file does not hold leaves nothing behind. */
	s = (struct broker_slice){ .fd = fd, .pos = 995, .len = 100 };
	assert_true(kout_records_slice(&out, &s, &err) < 0);
	WROTE("\0\0\0\3sss");
	close(fd);
}

static void
test_limits_of_answers(void **unused)
{
	kout_fini(&out);
	kout_init(&out, 16);
	for (int i = 0; i < 5; i++)
		kout_i32(&out, i);
	assert_true(out.buf.failed);
	kout_reset(&out);
	assert_false(out.buf.failed);
	kout_i32(&out, 1);
	WROTE("\0\0\0\1");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers),
		TEST(test_uuid),
		TEST(test_strings),
		TEST(test_bad_strings),
		TEST(test_bytes),
		TEST(test_arrays),
		TEST(test_tags),
		TEST(test_nullable_structs),
		TEST(test_why),
		TEST(test_array_end_moves_slices),
		TEST(test_small_slices_are_copied),
		TEST(test_limits_of_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
