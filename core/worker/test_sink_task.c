/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sink_task.c: a scripted sink: acknowledgements, retries, bad records and
 * their dead letters, offsets, and stopping in the middle.
 */
#include "tests/harness/herding.h"

#define BASE "connector.class", "fake-sink", "topics", "t"

static void
write_topic(struct testing *f, const char *topic, const char *const *values)
{
	struct bus_producer_options o = { .connector = "w", .partitions = 1,
		.create_topics = true };
	struct bus_producer *p = NULL;
	uint64_t ticket;
	int rc;

	if (bus_producer_open(f->bus, &o, &p, &f->err) < 0)
		fail_msg("%s", f->err.text);
	for (; *values != NULL; values++) {
		struct bus_header h = { LEAT_STR("h"), LEAT_STR("own") };
		struct bus_message m = { .topic = topic, .partition = -1,
			.timestamp_ms = 4711, .key = LEAT_STR("k"),
			.headers = &h, .nheaders = 1 };

		if ((*values)[0] != '\0')
			m.value = leat_str_c(*values);
		assert_int_equal(bus_produce(p, &m, &f->err), 0);
	}
	assert_int_equal(bus_commit(p, 1, &f->err), 0);
	while ((rc = bus_commit_poll(p, &ticket, &f->err)) == 0)
		fake_nap();
	assert_int_equal(rc, 1);
	bus_producer_close(p);
}

static void
write_values(struct testing *f, const char *const *values)
{
	write_topic(f, "t", values);
}

static const char *const five[] = { "a", "b", "c", "d", "e", NULL };

static int64_t
count(void)
{
	int64_t n;

	lock_acquire(&fake_snk.lock);
	n = fake_snk.count;
	lock_release(&fake_snk.lock);
	return n;
}

static int64_t group_offset;

static int
see_offset(void *arg, const struct bus_offset *o)
{
	const char *topic = arg;

	if (strcmp(o->topic, topic) == 0)
		group_offset = o->offset;
	return 0;
}

static int64_t
offset_of(struct testing *f, const char *name)
{
	char group[64], topic[] = "t";

	(void)snprintf(group, sizeof(group), "connect-%s", name);
	group_offset = -1;
	(void)bus_group_each(f->bus, group, see_offset, topic);
	return group_offset;
}

static void
test_delivers(void **state)
{
	struct testing *f = *state;

	write_values(f, five);
	testing_run(f, "s", testing_props(BASE, "offset.flush.interval.ms",
	    "50", NULL));
	testing_wait(count() == 5);
	assert_string_equal(fake_snk.seen, "a,b,c,d,e,");
	testing_wait(offset_of(f, "s") == 5);
	assert_true(fake_load(&fake_snk.flushes) > 0);
	testing_wait(testing_metric(f,
	    "leat_sink_record_lag{connector=\"s\",task=\"0\"} ") == 0);
	write_values(f, five);
	testing_wait(count() == 10);
	testing_close(f);
	assert_int_equal(fake_snk.closes, 1);
	testing_open(f);
	testing_run(f, "s", testing_props(BASE, NULL));
	testing_settle(f);
	write_values(f, five);
	testing_wait(count() == 15);
	assert_string_equal(fake_snk.seen,
	    "a,b,c,d,e,a,b,c,d,e,a,b,c,d,e,");
}

/* What was acknowledged does not come again; the order stays. */
static void
test_retry_after_acks(void **state)
{
	struct testing *f = *state;

	write_values(f, five);
	fake_snk.fail_class = LEAT_CLS_RETRY;
	fake_snk.fails = 2;
	fake_snk.ack_before_fail = 2;
	testing_run(f, "s", testing_props(BASE, "errors.retry.delay.max.ms",
	    "50", NULL));
	testing_wait(count() == 5);
	assert_string_equal(fake_snk.seen, "a,b,c,d,e,");
	assert_int_equal(fake_load(&fake_snk.puts), 3);
	assert_int_equal(fake_load(&fake_snk.opens), 1);
	assert_int_equal(testing_metric(f, "leat_task_error_retries_total{"
	    "connector=\"s\",task=\"0\"} "), 2);
}

static char letter[4096];

static void
see_letter(const struct bus_message *m)
{
	size_t len = 0;
	uint32_t i;

	len += (size_t)snprintf(letter, sizeof(letter), "key=%.*s value=%.*s "
	    "ts=%d", (int)m->key.len, m->key.ptr, (int)m->value.len,
	    m->value.ptr, (int)m->timestamp_ms);
	for (i = 0; i < m->nheaders; i++) {
		const struct bus_header *h = &m->headers[i];

		len += (size_t)snprintf(letter + len, sizeof(letter) - len,
		    "\n%.*s=%.*s", (int)h->name.len, h->name.ptr,
		    (int)h->value.len, h->value.ptr);
	}
}

static const char expected[] = "key=k value=c ts=4711\n"
    "h=own\n"
    "__connect.errors.topic=t\n"
    "__connect.errors.partition=0\n"
    "__connect.errors.offset=2\n"
    "__connect.errors.connector.name=s\n"
    "__connect.errors.task.id=0\n"
    "__connect.errors.stage=TASK_PUT\n"
    "__connect.errors.class.name=fake-sink\n"
    "__connect.errors.exception.class.name=leat.record\n"
    "__connect.errors.exception.message=cannot swallow this\n"
    "__connect.errors.exception.stacktrace=leat.record: cannot swallow this";

static void
bad_record(struct testing *f, int report)
{
	write_values(f, five);
	(void)snprintf(fake_snk.bad, sizeof(fake_snk.bad), "c");
	fake_snk.report_bad = report;
	testing_run(f, "s", testing_props(BASE, "offset.flush.interval.ms",
	    "50", NULL));
	testing_wait(count() == 4);
	assert_string_equal(fake_snk.seen, "a,b,d,e,");
	testing_wait(offset_of(f, "s") == 5);
	assert_int_equal(testing_read(f, "s.dlq", see_letter), 1);
	assert_memory_equal(letter, expected, sizeof(expected) - 1);
	assert_int_equal(testing_metric(f, "leat_task_error_"
	    "deadletterqueue_produce_requests_total{connector=\"s\","
	    "task=\"0\"} "), 1);
	testing_wait(testing_metric(f,
	    "leat_sink_record_lag{connector=\"s\",task=\"0\"} ") == 0);
}

static void
test_bad_record_is_found(void **state)
{
	bad_record(*state, 0);
}

static void
test_bad_record_is_reported(void **state)
{
	bad_record(*state, 1);
}

static void
test_undecodable_record(void **state)
{
	static const char *const values[] = { "1", "{", "2", NULL };
	struct testing *f = *state;

	write_values(f, values);
	testing_run(f, "s", testing_props(BASE, "value.converter",
	    "org.apache.kafka.connect.json.JsonConverter",
	    "value.converter.schemas.enable", "false", NULL));
	testing_wait(count() == 2);
	assert_int_equal(testing_read(f, "s.dlq", see_letter), 1);
	assert_string_equal(testing_text, "{,");
	assert_non_null(strstr(letter,
	    "__connect.errors.stage=VALUE_CONVERTER\n"));
	assert_non_null(strstr(letter,
	    "__connect.errors.class.name=org.apache.kafka.connect.json."
	    "JsonConverter\n"));
}

static void
tolerate(struct testing *f, const char *tolerance, const char *dlq)
{
	write_values(f, five);
	(void)snprintf(fake_snk.bad, sizeof(fake_snk.bad), "c");
	testing_run(f, "s", testing_props(BASE, "errors.tolerance", tolerance,
	    "errors.deadletterqueue.topic.name", dlq,
	    "errors.deadletterqueue.context.headers.enable", "false", NULL));
}

static void
test_tolerate_none(void **state)
{
	struct testing *f = *state;
	const char *trace;

	tolerate(f, "none", "letters");
	testing_wait(strcmp(testing_state(f, "s", 0, &trace), "failed") == 0);
	assert_non_null(strstr(trace, "TASK_PUT of t-0 at offset 2"));
	assert_non_null(strstr(trace, "cannot swallow this"));
	assert_int_equal(count(), 2);
	/* What was delivered is stored, the bad one comes again. */
	assert_int_equal(offset_of(f, "s"), 2);
	assert_int_equal(bus_topic_partitions(f->bus, "letters"),
	    LEAT_E_NOTFOUND);
	fake_snk.bad[0] = '\0';
	assert_int_equal(herder_restart(f->herder, "s", -1, true, true,
	    &f->err), 0);
	testing_wait(count() == 5);
	assert_string_equal(fake_snk.seen, "a,b,c,d,e,");
}

static void
test_tolerate_all_into_a_topic(void **state)
{
	struct testing *f = *state;

	tolerate(f, "all", "letters");
	testing_wait(count() == 4);
	assert_int_equal(testing_read(f, "letters", see_letter), 1);
	assert_string_equal(letter, "key=k value=c ts=4711\nh=own");
}

static void
test_tolerate_all_into_nothing(void **state)
{
	struct testing *f = *state;

	tolerate(f, "all", "");
	testing_wait(count() == 4);
	assert_int_equal(bus_topic_partitions(f->bus, "s.dlq"),
	    LEAT_E_NOTFOUND);
	assert_int_equal(testing_metric(f, "leat_task_error_records_skipped_"
	    "total{connector=\"s\",task=\"0\"} "), 1);
}

static void
test_tombstones_are_skipped(void **state)
{
	static const char *const values[] = { "a", "", "b", NULL };
	struct testing *f = *state;

	write_values(f, values);
	testing_run(f, "s", testing_props(BASE, NULL));
	testing_wait(count() == 2);
	assert_string_equal(fake_snk.seen, "a,b,");
	assert_int_equal(testing_metric(f, "leat_sink_tombstone_skipped_"
	    "total{connector=\"s\",task=\"0\"} "), 1);
}

/* Stopped while put() is retried: the acknowledged part is stored. */
static void
test_stop_in_the_middle(void **state)
{
	struct testing *f = *state;

	write_values(f, five);
	fake_snk.fail_class = LEAT_CLS_RETRY;
	fake_snk.fails = 1000000;
	fake_snk.ack_before_fail = 1;
	testing_run(f, "s", testing_props(BASE, "errors.retry.delay.max.ms",
	    "5000", NULL));
	testing_wait(count() >= 1);
	assert_int_equal(herder_target(f->herder, "s", TARGET_STOPPED,
	    &f->err), 0);
	testing_settle(f);
	assert_int_equal(offset_of(f, "s"), count());
	__atomic_store_n(&fake_snk.fails, 0, __ATOMIC_RELEASE);
	assert_int_equal(herder_target(f->herder, "s", TARGET_STARTED,
	    &f->err), 0);
	testing_wait(count() == 5);
	assert_string_equal(fake_snk.seen, "a,b,c,d,e,");
}

static void
test_pause_in_the_middle(void **state)
{
	struct testing *f = *state;
	int64_t n;

	fake_snk.fail_class = LEAT_CLS_RETRY;
	fake_snk.fails = 1;
	fake_snk.ack_before_fail = 3;
	write_values(f, five);
	testing_run(f, "s", testing_props(BASE, "errors.retry.delay.max.ms",
	    "2000", NULL));
	testing_wait(count() >= 3);
	assert_int_equal(herder_target(f->herder, "s", TARGET_PAUSED,
	    &f->err), 0);
	testing_settle(f);
	n = count();
	assert_int_equal(offset_of(f, "s"), n);
	write_values(f, five);
	assert_int_equal(herder_target(f->herder, "s", TARGET_STARTED,
	    &f->err), 0);
	testing_wait(count() == 10);
	assert_string_equal(fake_snk.seen, "a,b,c,d,e,a,b,c,d,e,");
}

static void
test_config_error_of_put(void **state)
{
	struct testing *f = *state;
	const char *trace;

	write_values(f, five);
	fake_snk.fail_class = LEAT_CLS_CONFIG;
	fake_snk.fails = 1;
	fake_snk.ack_before_fail = 2;
	testing_run(f, "s", testing_props(BASE, NULL));
	testing_wait(strcmp(testing_state(f, "s", 0, &trace), "failed") == 0);
	assert_non_null(strstr(trace, "config error: scripted failure"));
	assert_int_equal(offset_of(f, "s"), 2);
	assert_int_equal(herder_restart(f->herder, "s", 0, false, false,
	    &f->err), 0);
	testing_wait(count() == 5);
	assert_string_equal(fake_snk.seen, "a,b,c,d,e,");
}

static void
test_tasks_share_partitions(void **state)
{
	struct testing *f = *state;

	assert_int_equal(bus_topic_ensure(f->bus, "t", 4, NULL, 0, &f->err),
	    0);
	testing_run(f, "s", testing_props(BASE, "tasks.max", "3", NULL));
	testing_settle(f);
	assert_string_equal(testing_state(f, "s", 2, NULL), "running");
	write_values(f, five);
	testing_wait(count() == 5);
}

/* Large records, a small bound: it holds, and all of them arrive. */
static void
test_memory_bound(void **state)
{
	struct testing *f = *state;
	struct wanted list[3] = {
		{ "in", testing_props("connector.class", "fake-source",
		    "fake.total", "3000", "fake.value.bytes", "20000",
		    "fake.per.poll", "100000", NULL) },
		{ "out", testing_props(BASE, NULL) },
		{ "out2", testing_props(BASE, NULL) },
	};
	size_t most = 0, i;
	int64_t until;

	testing_close(f);
	testing_memory = 6 * 1024 * 1024;
	testing_open(f);
	testing_apply(f, list, 3);
	until = clock_mono_ms(&clock_system) + 30000;
	while (count() < 6000 && clock_mono_ms(&clock_system) < until) {
		most = MAX(most, budget_used(f->budget));
		fake_nap();
	}
	assert_int_equal(count(), 6000);
	assert_true(most <= testing_memory);
	for (i = 0; i < 3; i++)
		properties_unref(list[i].props);
}

static void
test_whole_way(void **state)
{
	struct testing *f = *state;
	struct wanted list[2] = {
		{ "in", testing_props("connector.class", "fake-source",
		    "fake.total", "20000", "fake.per.poll", "500", NULL) },
		{ "out", testing_props(BASE, NULL) },
	};
	const char *const *topics;
	struct leat_arena arena;
	size_t n;

	testing_apply(f, list, 2);
	testing_wait(count() == 20000);
	testing_settle(f);
	leat_arena_init(&arena, 4096, 0);
	assert_int_equal(herder_topics(f->herder, "out", &arena, &topics, &n,
	    &f->err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(topics[0], "t");
	leat_arena_fini(&arena);
	properties_unref(list[0].props);
	properties_unref(list[1].props);
}

static void
test_validation(void **state)
{
	struct testing *f = *state;
	struct properties *p = testing_props("connector.class", "fake-sink",
	    "topcis", "t", "tasks.max", "0", "fake.total", "many", NULL);
	struct problems *out = problems_new();
	struct leat_buf text;

	leat_buf_init(&text, 65536);
	herder_validate(f->herder, "s", p, out);
	(void)problems_print(out, &text);
	assert_non_null(strstr(leat_buf_cstr(&text), "topcis: unknown key for "
	    "connector 'fake-sink'"));
	assert_non_null(strstr((char *)text.data, "did you mean 'topics'?"));
	assert_non_null(strstr((char *)text.data, "tasks.max: "));
	assert_non_null(strstr((char *)text.data, "fake.total: "));
	assert_null(strstr((char *)text.data, "value.converter"));
	leat_buf_fini(&text);
	problems_free(out);
	properties_unref(p);
	p = testing_props("connector.class", "fake-sink", NULL);
	out = problems_new();
	leat_buf_init(&text, 65536);
	herder_validate(f->herder, "s", p, out);
	(void)problems_print(out, &text);
	assert_int_equal(problems_count(out), 1);
	assert_non_null(strstr(leat_buf_cstr(&text),
	    "Must configure one of topics or topics.regex"));
	leat_buf_fini(&text);
	problems_free(out);
	properties_unref(p);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, testing_setup, \
    testing_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_delivers),
		T(test_retry_after_acks),
		T(test_bad_record_is_found),
		T(test_bad_record_is_reported),
		T(test_undecodable_record),
		T(test_tolerate_none),
		T(test_tolerate_all_into_a_topic),
		T(test_tolerate_all_into_nothing),
		T(test_tombstones_are_skipped),
		T(test_stop_in_the_middle),
		T(test_pause_in_the_middle),
		T(test_config_error_of_put),
		T(test_tasks_share_partitions),
		T(test_memory_bound),
		T(test_whole_way),
		T(test_validation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
