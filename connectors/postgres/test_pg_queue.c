/* SPDX-License-Identifier: Apache-2.0 */
/* test_pg_queue.c: frames go out as they came in, whatever their sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg_queue.h"
#include "pgoutput.h"

enum { LARGE = 6 << 20 };

static char frame[LARGE];

/* Frame i has its number in front and i's letter behind. */
static size_t
make_frame(uint32_t i, size_t len)
{
	memset(frame, 'a' + (int)(i % 26), len);
	if (len >= sizeof(i))
		memcpy(frame, &i, sizeof(i));
	return len;
}

static size_t
size_of(uint32_t i)
{
	return i % 7 == 0 ? 0 : 4 + i * 37 % 900;
}

static void
push(struct pg_queue *q, uint32_t i, size_t len)
{
	assert_int_equal(pg_queue_push(q, frame, make_frame(i, len), i), 0);
}

static void
check_head(struct pg_queue *q, uint32_t i, size_t len)
{
	struct leat_str head = pg_queue_head(q);

	assert_int_equal(head.len, make_frame(i, len));
	assert_memory_equal(head.ptr, frame, len);
	pg_queue_pop(q);
}

/* In and out at different paces: the queue closes up, grows and empties. */
static void
test_order(void **state)
{
	struct pg_queue q = { 0 };
	uint32_t in = 0, out = 0;

	for (uint32_t round = 0; round < 300; round++) {
		uint32_t more = round % 3 == 0 ? 90 : 5;
		uint32_t less = round % 50 == 49 ? in - out : 20;

		while (more-- > 0) {
			push(&q, in, size_of(in));
			in++;
		}
		for (; less > 0 && out < in; less--, out++)
			check_head(&q, out, size_of(out));
		assert_int_equal(q.len, in - out);
	}
	for (; out < in; out++)
		check_head(&q, out, size_of(out));
	assert_int_equal(q.len, 0);
	assert_int_equal(pg_queue_bytes(&q), 0);
	pg_queue_fini(&q);
}

/* Delivered one by one from a full queue, the memory does not grow for ever. */
static void
test_bounded(void **state)
{
	struct pg_queue q = { 0 };
	uint32_t in = 0, out = 0;

	for (; !pg_queue_full(&q); in++)
		push(&q, in, 600);
	assert_true(pg_queue_bytes(&q) >= PG_QUEUE_BYTES);
	for (; in < 20000; in++, out++) {
		check_head(&q, out, 600);
		push(&q, in, 600);
	}
	assert_true(q.bytes.cap <= 4 * PG_QUEUE_BYTES);
	pg_queue_fini(&q);
	assert_int_equal(q.len, 0);
}

static void
test_full_by_frames(void **state)
{
	struct pg_queue q = { 0 };

	for (uint32_t i = 0; i < PG_QUEUE_FRAMES; i++) {
		assert_false(pg_queue_full(&q));
		push(&q, i, 4);
	}
	assert_true(pg_queue_full(&q));
	pg_queue_fini(&q);
}

/* What one large frame took goes back when it is delivered. */
static void
test_large(void **state)
{
	struct pg_queue q = { 0 };

	push(&q, 1, 100);
	push(&q, 2, LARGE);
	assert_true(pg_queue_full(&q));
	push(&q, 3, 100);
	check_head(&q, 1, 100);
	check_head(&q, 2, LARGE);
	check_head(&q, 3, 100);
	assert_int_equal(q.bytes.cap, 0);
	push(&q, 4, 100);
	check_head(&q, 4, 100);
	pg_queue_fini(&q);
}

static void
push_message(struct pg_queue *q, char tag, int64_t now_ms)
{
	char data[PGO_DATA_HEADER + 1] = { PGO_FRAME_DATA };

	data[PGO_DATA_HEADER] = tag;
	assert_int_equal(pg_queue_push(q, data, sizeof(data), now_ms), 0);
}

static void
test_transaction(void **state)
{
	struct pg_queue q = { 0 };

	push_message(&q, PGO_BEGIN, 7);
	assert_true(q.in_tx);
	push_message(&q, PGO_INSERT, 8);
	assert_true(q.in_tx);
	assert_int_equal(q.since_ms, 7);
	push_message(&q, PGO_COMMIT, 9);
	assert_false(q.in_tx);
	while (q.len > 0)
		pg_queue_pop(&q);
	push_message(&q, PGO_BEGIN, 11);
	assert_int_equal(q.since_ms, 11);
	pg_queue_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_full_by_frames),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
