/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_numbers.c: everything that reads short texts. What is accepted must
 * print, and read again as the same.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>
#include <leat/time.h>
#include <leat/wire.h>

#include "sdk/lib/float.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int ok)
{
	if (!ok)
		abort();
}

static void
check_floats(struct leat_str s)
{
	char text[LEAT_FLOAT_TEXT];
	double v, back = 0;

	if (leat_parse_f64(s, &v) < 0 || !__builtin_isfinite(v))
		return;
	check(leat_parse_f64((struct leat_str){ text,
	    leat_f64_to_text(text, v) }, &back) == 0);
	check(v == back && signbit(v) == signbit(back));
	check(leat_f64_exact(s.ptr, s.len) == (v < 0 ? -v : v));
}

static void
check_times(struct leat_str s)
{
	int64_t us, back = 0;
	char text[40];

	if (leat_time_parse_us(s, &us) < 0)
		return;
	check(leat_time_parse_us((struct leat_str){ text,
	    leat_time_format_us(text, us, 6) }, &back) == 0);
	check(us == back);
}

static void
check_numbers(struct leat_str s)
{
	int64_t v, back = 0;
	struct leat_buf b;
	bool yes;

	(void)leat_parse_bool(s, &yes);
	(void)leat_parse_duration_ms(s, &v);
	(void)leat_parse_bytes(s, &v);
	if (leat_parse_i64(s, INT64_MIN, INT64_MAX, &v) < 0)
		return;
	leat_buf_init(&b, 32);
	check(leat_buf_add_i64(&b, v) == 0);
	check(leat_parse_i64((struct leat_str){ (char *)b.data, b.len },
	    INT64_MIN, INT64_MAX, &back) == 0);
	check(v == back);
	leat_buf_fini(&b);
}

static void
check_base64(struct leat_str s)
{
	char *bytes = malloc(s.len + 1), *text = malloc(s.len + 4);
	int64_t n;

	check(bytes != NULL && text != NULL);
	n = leat_base64_decode(bytes, s.ptr, s.len);
	if (n >= 0) {
		leat_base64_encode(text, bytes, (size_t)n);
		check(leat_base64_decode(bytes, text,
		    leat_base64_len((size_t)n)) == n);
	}
	free(bytes);
	free(text);
}

static void
check_wire(const uint8_t *data, size_t size)
{
	struct leat_reader r;

	leat_reader_init(&r, data, size);
	while (r.err == 0 && leat_reader_left(&r) > 0) {
		(void)leat_read_varint(&r);
		(void)leat_read_varlong(&r);
		(void)leat_read_cstr(&r);
		(void)leat_read_u16(&r);
	}
	check(leat_reader_pos(&r) <= size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leat_str s = { (const char *)data, size };

	(void)leat_utf8_valid(data, size);
	check_floats(s);
	check_times(s);
	check_numbers(s);
	check_base64(s);
	check_wire(data, size);
	return 0;
}
