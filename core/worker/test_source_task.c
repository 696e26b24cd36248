/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_source_task.c: a scripted source under a real herder, bus and broker.
 */
#include "tests/harness/herding.h"

#define BASE "connector.class", "fake-source"

static int64_t
durable(void)
{
	return __atomic_load_n(&fake_src.durable, __ATOMIC_ACQUIRE);
}

static void
test_records_arrive_once(void **state)
{
	struct testing *f = *state;
	char *at;

	testing_run(f, "c", testing_props(BASE, "fake.total", "25", NULL));
	testing_wait(durable() == 25);
	assert_int_equal(testing_read(f, "t", NULL), 25);
	assert_string_equal(testing_text, "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,"
	    "15,16,17,18,19,20,21,22,23,24,");
	at = bus_source_offset(f->bus, "c", "{\"p\":0}");
	assert_string_equal(at, "{\"n\":25}");
	free(at);
	assert_int_equal(testing_metric(f,
	    "leat_source_record_write_total{connector=\"c\",task=\"0\"} "), 25);
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", -1, NULL), "RUNNING");
	testing_close(f);
	assert_int_equal(fake_src.opens, 1);
	assert_int_equal(fake_src.closes, 1);
	testing_open(f);
	testing_run(f, "c", testing_props(BASE, "fake.total", "30", NULL));
	testing_wait(durable() == 30);
	assert_int_equal(testing_read(f, "t", NULL), 30);
}

static void
test_at_least_once_mode(void **state)
{
	struct testing *f = *state;

	testing_run(f, "c", testing_props(BASE, "fake.total", "1000",
	    "exactly.once.support", "disabled", NULL));
	testing_wait(durable() == 1000);
	assert_int_equal(testing_read(f, "t", NULL), 1000);
}

static void
test_open_is_retried(void **state)
{
	struct testing *f = *state;
	const char *trace;

	fake_src.open_error = LEAT_CLS_RETRY;
	fake_src.open_errors = 2;
	testing_run(f, "c", testing_props(BASE, "fake.total", "5",
	    "errors.retry.delay.max.ms", "50", NULL));
	testing_wait(durable() == 5);
	assert_int_equal(fake_load(&fake_src.opens), 3);
	assert_string_equal(testing_state(f, "c", 0, &trace), "running");
	assert_int_equal(testing_metric(f,
	    "leat_task_restarts_total{connector=\"c\",task=\"0\"} "), 2);
}

static void
test_config_error_waits_for_a_human(void **state)
{
	struct testing *f = *state;
	const char *trace;

	fake_src.open_error = LEAT_CLS_CONFIG;
	fake_src.open_errors = 1;
	testing_run(f, "c", testing_props(BASE, "fake.total", "5", NULL));
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", 0, &trace), "failed");
	assert_non_null(strstr(trace, "config error: scripted failure"));
	assert_int_equal(fake_load(&fake_src.opens), 1);
	assert_int_equal(herder_restart(f->herder, "c", 0, false, false,
	    &f->err), 0);
	testing_wait(durable() == 5);
}

static void
poll_fails(struct testing *f, int32_t class)
{
	fake_src.poll_error = class;
	fake_src.poll_error_at = 7;
	fake_src.poll_errors = 1;
	testing_run(f, "c", testing_props(BASE, "fake.total", "20",
	    "errors.retry.delay.max.ms", "50", NULL));
}

/* What came before the failure is there, and nothing is there twice. */
static void
test_poll_retry(void **state)
{
	struct testing *f = *state;

	poll_fails(f, LEAT_CLS_RETRY);
	testing_wait(durable() == 20);
	assert_int_equal(testing_read(f, "t", NULL), 20);
	assert_int_equal(fake_load(&fake_src.opens), 2);
	assert_int_equal(fake_load(&fake_src.closes), 1);
}

static void
test_poll_record_fails_by_default(void **state)
{
	struct testing *f = *state;
	const char *trace;

	poll_fails(f, LEAT_CLS_RECORD);
	testing_wait(strcmp(testing_state(f, "c", 0, &trace), "failed") == 0);
	assert_non_null(strstr(trace, "record error: poll: scripted failure"));
	assert_int_equal(testing_read(f, "t", NULL), 7);
	assert_int_equal(durable(), 7);
}

static void
test_poll_record_is_skipped(void **state)
{
	struct testing *f = *state;

	fake_src.poll_error = LEAT_CLS_RECORD;
	fake_src.poll_error_at = 7;
	fake_src.poll_errors = 1;
	testing_run(f, "c", testing_props(BASE, "fake.total", "20",
	    "errors.tolerance", "all", NULL));
	testing_wait(durable() == 20);
	assert_int_equal(testing_read(f, "t", NULL), 19);
	assert_int_equal(testing_metric(f, "leat_task_error_records_skipped_"
	    "total{connector=\"c\",task=\"0\"} "), 1);
	assert_int_equal(fake_load(&fake_src.opens), 1);
}

static void
test_poll_fatal(void **state)
{
	struct testing *f = *state;
	const char *trace;

	poll_fails(f, LEAT_CLS_FATAL);
	testing_wait(strcmp(testing_state(f, "c", 0, &trace), "failed") == 0);
	assert_non_null(strstr(trace, "fatal error: poll: scripted failure"));
	assert_int_equal(testing_read(f, "t", NULL), 7);
}

static void
test_pause_resume(void **state)
{
	struct testing *f = *state;
	int64_t n;

	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(durable() > 100);
	assert_int_equal(herder_target(f->herder, "c", TARGET_PAUSED, &f->err),
	    0);
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", 0, NULL), "paused");
	assert_string_equal(testing_state(f, "c", -1, NULL), "PAUSED");
	n = durable();
	assert_int_equal(fake_load(&fake_src.closes), 1);
	assert_int_equal(testing_read(f, "t", NULL), n);
	/* It outlives the worker. */
	testing_close(f);
	testing_open(f);
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", 0, NULL), "paused");
	assert_int_equal(herder_target(f->herder, "c", TARGET_STARTED,
	    &f->err), 0);
	testing_wait(durable() > n + 100);
}

static int64_t
retry_in(struct testing *f)
{
	struct connector_status st;
	struct leat_arena arena;
	int64_t ms = -2;

	leat_arena_init(&arena, 4096, 0);
	if (herder_status(f->herder, "c", &arena, &st, &f->err) == 0) {
		ms = st.ntasks == 0 ? -2 : st.tasks[0].retry_in_ms;
		connector_status_put(&st);
	}
	leat_arena_fini(&arena);
	return ms;
}

/* What waits for its next try waits no more when it is paused. */
static void
test_pause_in_backoff(void **state)
{
	struct testing *f = *state;

	fake_src.open_error = LEAT_CLS_RETRY;
	fake_src.open_errors = 1000000;
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(retry_in(f) >= 0);
	assert_int_equal(herder_target(f->herder, "c", TARGET_PAUSED, &f->err),
	    0);
	testing_wait(strcmp(testing_state(f, "c", 0, NULL), "paused") == 0);
	assert_int_equal(retry_in(f), -1);
	__atomic_store_n(&fake_src.open_errors, 0, __ATOMIC_RELEASE);
	assert_int_equal(herder_target(f->herder, "c", TARGET_STARTED,
	    &f->err), 0);
	testing_wait(durable() > 10);
}

/* A source that opens, stores where it is and fails is tried less and less. */
static void
test_backoff_grows(void **state)
{
	struct testing *f = *state;

	fake_src.position_only = 1;
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(retry_in(f) > 500);	/* the first is 250 at most */
}

static void
test_stop_resume_remove(void **state)
{
	struct testing *f = *state;
	int64_t n;

	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(durable() > 100);
	assert_int_equal(herder_target(f->herder, "c", TARGET_STOPPED,
	    &f->err), 0);
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", -1, NULL), "STOPPED");
	assert_string_equal(testing_state(f, "c", 0, NULL), "none");
	n = durable();
	assert_int_equal(testing_read(f, "t", NULL), n);
	assert_int_equal(herder_source_offset_set(f->herder, "c", "{\"p\":0}",
	    "{\"n\":1000000}", &f->err), 0);
	assert_int_equal(herder_target(f->herder, "c", TARGET_STARTED,
	    &f->err), 0);
	testing_wait(durable() > 1000000);
	assert_int_equal(herder_source_offset_set(f->herder, "c", "{\"p\":0}",
	    "{}", &f->err), LEAT_E_STATE);
	testing_apply(f, NULL, 0);
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", -1, NULL), "none");
	assert_int_equal(fake_load(&fake_src.opens),
	    fake_load(&fake_src.closes));
	assert_int_equal(herder_target(f->herder, "c", TARGET_PAUSED, &f->err),
	    LEAT_E_NOTFOUND);
}

/* Only what changed is restarted. */
static void
test_change_restarts_one(void **state)
{
	struct testing *f = *state;
	struct wanted list[2] = {
		{ "a", testing_props(BASE, "fake.topic", "a", NULL) },
		{ "b", testing_props(BASE, "fake.topic", "b", NULL) },
	};

	testing_apply(f, list, 2);
	testing_settle(f);
	assert_int_equal(fake_load(&fake_src.opens), 2);
	properties_unref(list[1].props);
	list[1].props = testing_props(BASE, "fake.topic", "b2", NULL);
	testing_apply(f, list, 2);
	testing_settle(f);
	assert_int_equal(fake_load(&fake_src.opens), 3);
	assert_int_equal(fake_load(&fake_src.closes), 1);
	properties_unref(list[0].props);
	properties_unref(list[1].props);
}

static void
test_tasks_by_plan(void **state)
{
	struct testing *f = *state;

	testing_run(f, "c", testing_props(BASE, "fake.total", "10",
	    "fake.tasks", "3", "tasks.max", "5", NULL));
	testing_wait(testing_read(f, "t", NULL) == 30);
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", 2, NULL), "running");
	assert_string_equal(testing_state(f, "c", 3, NULL), "none");
}

static void
test_blocked_poll_is_interrupted(void **state)
{
	struct testing *f = *state;

	fake_src.block = 1;
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(fake_load(&fake_src.polls) == 1);
	testing_apply(f, NULL, 0);
	testing_settle(f);
	assert_int_equal(fake_load(&fake_src.closes), 1);
	assert_true(fake_load(&fake_src.interrupts) > 0);
}

/* A task that hears nothing is left behind, and blocks nobody. */
static void
test_stuck_task(void **state)
{
	struct testing *f = *state;
	int64_t began = clock_mono_ms(&clock_system);

	testing_close(f);
	testing_stop_ms = 300;
	testing_open(f);
	fake_src.block = fake_src.block_deaf = 1;
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(fake_load(&fake_src.polls) == 1);
	testing_run(f, "d", testing_props("connector.class", "fake-sink",
	    "topics", "t", NULL));
	testing_settle(f);
	assert_true(clock_mono_ms(&clock_system) - began < 5000);
	assert_string_equal(testing_state(f, "d", 0, NULL), "running");
	assert_string_equal(testing_state(f, "c", -1, NULL), "none");
	assert_int_equal(testing_metric(f, "leat_worker_stuck_task_count "),
	    1);
	__atomic_store_n(&fake_src.block, 0, __ATOMIC_RELEASE);
	testing_wait(fake_load(&fake_src.closes) == 1);
}

/* What is being ended is not there any more for who wishes something of it. */
static void
test_ending_is_unknown(void **state)
{
	struct testing *f = *state;

	fake_src.block = fake_src.block_deaf = 1;
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(fake_load(&fake_src.polls) == 1);
	testing_apply(f, NULL, 0);
	assert_int_equal(herder_target(f->herder, "c", TARGET_PAUSED, &f->err),
	    LEAT_E_NOTFOUND);
	assert_string_equal(f->err.text, "Connector c not found");
	leat_err_clear(&f->err);
	assert_int_equal(herder_restart(f->herder, "c", -1, true, false,
	    &f->err), LEAT_E_NOTFOUND);
	leat_err_clear(&f->err);
	__atomic_store_n(&fake_src.block, 0, __ATOMIC_RELEASE);
	testing_settle(f);
	assert_int_equal(fake_load(&fake_src.closes), 1);
}

static void
test_stuck_plan(void **state)
{
	struct testing *f = *state;

	testing_close(f);
	testing_stop_ms = 200;
	testing_open(f);
	fake_src.block_plan = 1;
	testing_run(f, "c", testing_props(BASE, NULL));
	testing_wait(fake_load(&fake_src.plans) == 1);
	assert_string_equal(testing_state(f, "c", -1, NULL), "UNASSIGNED");
	testing_apply(f, NULL, 0);
	testing_settle(f);
	__atomic_store_n(&fake_src.block_plan, 0, __ATOMIC_RELEASE);
	fake_nap();
}

static int
see_status(void *arg, struct leat_str key, struct leat_str value)
{
	char *text = arg;
	size_t len = strlen(text);

	(void)snprintf(text + len, 2000 - len, "%.*s %.*s\n", (int)key.len,
	    key.ptr, (int)value.len, value.ptr);
	return 0;
}

/* Kafka Connect's records in connect-status, and tombstones in the end. */
static void
test_published_status(void **state)
{
	struct testing *f = *state;
	char text[2000];

	testing_run(f, "c", testing_props(BASE, "fake.total", "1", NULL));
	testing_wait((text[0] = '\0', bus_table_each(f->bus,
	    BUS_STATUS_TOPIC, see_status, text, &f->err) == 0 &&
	    strstr(text, "status-task-c-0 {\"state\":\"RUNNING\",\"trace\":"
	    "null,\"worker_id\":\"test:1\",\"generation\":1}\n") != NULL &&
	    strstr(text, "status-connector-c {\"state\":\"RUNNING\",") !=
	    NULL));
	testing_apply(f, NULL, 0);
	testing_settle(f);
	testing_wait((text[0] = '\0', bus_table_each(f->bus,
	    BUS_STATUS_TOPIC, see_status, text, &f->err) == 0 &&
	    text[0] == '\0'));
}

/*
 * Removed and wished again, at every moment of its end: it is there again, and
 * running, whatever it was asked before.
 */
static void
test_wished_again(void **state)
{
	struct testing *f = *state;
	struct properties *props = testing_props(BASE, "fake.total", "0", NULL);
	struct wanted w = { "c", props };

	for (int i = 0; i < 60; i++) {
		const struct timespec ts = { .tv_nsec = i * 100000 };

		testing_apply(f, &w, 1);
		testing_settle(f);
		assert_int_equal(herder_target(f->herder, "c", TARGET_PAUSED,
		    &f->err), 0);
		testing_apply(f, NULL, 0);
		nanosleep(&ts, NULL);
	}
	testing_apply(f, &w, 1);
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", -1, NULL), "RUNNING");
	assert_string_equal(testing_state(f, "c", 0, NULL), "running");
	properties_unref(props);
}

static void
test_unknown_connector(void **state)
{
	struct testing *f = *state;
	const char *trace;

	testing_run(f, "c", testing_props("connector.class", "fake-sauce",
	    NULL));
	testing_settle(f);
	assert_string_equal(testing_state(f, "c", -1, &trace), "FAILED");
	assert_non_null(strstr(trace, "no plugin has a connector 'fake-sauce'; "
	    "did you mean 'fake-source'?"));
}

/* A buffer far above the bound, a slow disk: the bound holds, ticks go on. */
static void
test_memory_bound(void **state)
{
	struct testing *f = *state;
	size_t most = 0, used;
	int64_t until;

	testing_close(f);
	testing_memory = 4 * 1024 * 1024;
	testing_open(f);
	testing_run(f, "c", testing_props(BASE, "fake.per.poll", "100000",
	    "fake.value.bytes", "1000", "buffer.bytes", "100MiB", NULL));
	until = clock_mono_ms(&clock_system) + 2500;
	while (clock_mono_ms(&clock_system) < until) {
		used = budget_used(f->budget);
		most = MAX(most, used);
		fake_nap();
	}
	assert_true(most <= testing_memory);
	assert_true(most > 256 * 1024);
	assert_true(durable() > 5000);
	assert_true(fake_load(&fake_src.ticks) >= 2);
	testing_apply(f, NULL, 0);
	testing_settle(f);
	assert_int_equal(budget_used(f->budget), 0);
}

static void
test_bad_record_by_transform(void **state)
{
	struct testing *f = *state;

	/* A name that no topic may have: the record is bad, not the task. */
	testing_run(f, "c", testing_props(BASE, "fake.total", "5",
	    "fake.topic", "no topic", "errors.tolerance", "all", NULL));
	testing_wait(testing_metric(f, "leat_task_error_records_skipped_"
	    "total{connector=\"c\",task=\"0\"} ") == 5);
	testing_wait(durable() == 5);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, testing_setup, \
    testing_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_records_arrive_once),
		T(test_at_least_once_mode),
		T(test_open_is_retried),
		T(test_config_error_waits_for_a_human),
		T(test_poll_retry),
		T(test_poll_record_fails_by_default),
		T(test_poll_record_is_skipped),
		T(test_poll_fatal),
		T(test_pause_resume),
		T(test_pause_in_backoff),
		T(test_backoff_grows),
		T(test_stop_resume_remove),
		T(test_change_restarts_one),
		T(test_tasks_by_plan),
		T(test_blocked_poll_is_interrupted),
		T(test_stuck_task),
		T(test_ending_is_unknown),
		T(test_stuck_plan),
		T(test_published_status),
		T(test_wished_again),
		T(test_unknown_connector),
		T(test_memory_bound),
		T(test_bad_record_by_transform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
