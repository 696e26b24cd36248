/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of fetch sessions: who may have one, and who has to go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/kafka/fetch_session.h"

static const uint8_t no_id[16];

static struct fetch_session *
make(struct fetch_sessions *t, int32_t n)
{
	struct fetch_session *s = fetch_session_create(t, n, false);

	for (int32_t i = 0; s != NULL && i < n; i++)
		assert_non_null(fetch_session_part(s, "topic", no_id, i));
	return s;
}

static int32_t
make_idle(struct fetch_sessions *t, int32_t n)
{
	struct fetch_session *s = make(t, n);
	int32_t id;

	assert_non_null(s);
	id = s->id;
	fetch_session_release(t, s);
	return id;
}

static enum kafka_error
take(struct fetch_sessions *t, int32_t id, int32_t epoch)
{
	struct fetch_session *s;
	enum kafka_error error = fetch_session_take(t, id, epoch, false, &s);

	if (error == KAFKA_NONE)
		fetch_session_release(t, s);
	return error;
}

static void
test_epochs(void **state)
{
	struct fetch_sessions *t = fetch_sessions_new(10);
	int32_t id = make_idle(t, 1);
	struct fetch_session *s;

	assert_true(id > 0);
	assert_int_equal(take(t, id + 1, 1),
	    KAFKA_FETCH_SESSION_ID_NOT_FOUND);
	assert_int_equal(take(t, id, 2), KAFKA_INVALID_FETCH_SESSION_EPOCH);
	assert_int_equal(take(t, id, 1), KAFKA_NONE);
	assert_int_equal(take(t, id, 1), KAFKA_INVALID_FETCH_SESSION_EPOCH);
	assert_int_equal(fetch_session_take(t, id, 2, true, &s),
	    KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
	assert_int_equal(fetch_session_take(t, id, 2, false, &s), KAFKA_NONE);
	assert_int_equal(take(t, id, 3), KAFKA_INVALID_FETCH_SESSION_EPOCH);
	s->epoch = INT32_MAX;
	fetch_session_release(t, s);
	assert_int_equal(take(t, id, INT32_MAX), KAFKA_NONE);
	assert_int_equal(take(t, id, 1), KAFKA_NONE);
	fetch_sessions_free(t);
}

static void
test_parts(void **state)
{
	struct fetch_sessions *t = fetch_sessions_new(10);
	struct fetch_session *s = make(t, 3);
	struct fetch_part *p = fetch_session_part(s, "topic", no_id, 1);

	assert_int_equal(s->list.n, 3);
	assert_ptr_equal(s->list.head->next, p);
	assert_ptr_not_equal(fetch_session_part(s, "topi", no_id, 1), p);
	assert_int_equal(s->list.n, 4);
	fetch_session_forget(s, "topi", no_id, 1);
	fetch_session_forget(s, "topic", no_id, 1);
	fetch_session_forget(s, "topic", no_id, 1);
	assert_int_equal(s->list.n, 2);
	fetch_session_forget(s, "topic", no_id, 0);
	fetch_session_forget(s, "topic", no_id, 2);
	assert_null(s->list.head);
	assert_null(s->list.tail);
	/* An empty one ends. */
	fetch_session_release(t, s);
	assert_int_equal(fetch_sessions_count(t), 0);
	fetch_sessions_free(t);
}

static void
test_by_id(void **state)
{
	static const uint8_t one[16] = { 1 }, two[16] = { 2 };
	struct fetch_sessions *t = fetch_sessions_new(10);
	struct fetch_session *s = fetch_session_create(t, 2, true);
	struct fetch_part *p = fetch_session_part(s, NULL, one, 0);

	assert_ptr_not_equal(fetch_session_part(s, NULL, two, 0), p);
	assert_ptr_equal(fetch_session_part(s, NULL, one, 0), p);
	fetch_session_release(t, s);
	fetch_sessions_free(t);
}

static void
test_limits(void **state)
{
	struct fetch_sessions *t = fetch_sessions_new(0);
	int32_t first, second;

	assert_null(fetch_session_create(t, 1, false));
	fetch_sessions_free(t);
	t = fetch_sessions_new(2);
	assert_null(fetch_session_create(t, 0, false));
	assert_null(fetch_session_create(t, 1 << 20, false));

	first = make_idle(t, 2);
	second = make_idle(t, 3);
	/* None is smaller, none is idle. */
	assert_null(make(t, 2));
	/* The smallest goes for a larger one. */
	(void)make_idle(t, 5);
	assert_int_equal(take(t, first, 1), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
	assert_int_equal(take(t, second, 1), KAFKA_NONE);
	assert_int_equal(fetch_sessions_count(t), 2);
	fetch_sessions_free(t);
}

static void
test_idle(void **state)
{
	struct fetch_sessions *t = fetch_sessions_new(2);
	struct fetch_session *old = make(t, 9);
	int32_t old_id = old->id, id;

	fetch_session_release(t, old);
	id = make_idle(t, 9);
	old->used_ns -= 121 * 1000000000LL;
	(void)make_idle(t, 1);
	assert_int_equal(take(t, old_id, 1), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
	assert_int_equal(take(t, id, 1), KAFKA_NONE);
	fetch_sessions_free(t);
}

/* A session in use is ended by its release. */
static void
test_close_taken(void **state)
{
	struct fetch_sessions *t = fetch_sessions_new(2);
	struct fetch_session *s = make(t, 1);

	fetch_session_close(t, s->id + 1);
	fetch_session_close(t, s->id);
	assert_int_equal(fetch_sessions_count(t), 0);
	assert_non_null(fetch_session_part(s, "topic", no_id, 5));
	fetch_session_release(t, s);
	assert_int_equal(fetch_sessions_count(t), 0);
	fetch_sessions_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_close_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
