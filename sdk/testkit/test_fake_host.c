/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fake_host.c: the fake host, with connectors that do what a test tells
 * them, good and bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <leat/fake_host.h>

/* What the connectors below do, set by the tests. */
static struct {
	int32_t (*open)(struct leat_task *t, struct leat_err *err);
	int32_t (*poll)(struct leat_batch *b, struct leat_err *err);
	int32_t (*put)(struct leat_task *t, const struct leat_sink_batch *b,
	    struct leat_err *err);
	struct leat_task *task;
	const void *config;
	char durable[256];
	int ticks, closes, interrupts, flushes;
} script;

struct config {
	const char *name;
	int64_t n;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ .name = "name", .type = LEAT_OPT_STRING, .flags = LEAT_OPT_REQUIRED,
	  .offset = offsetof(struct config, name), .help = "A name." },
	{ .name = "n", .type = LEAT_OPT_INT, .def = "7",
	  .offset = offsetof(struct config, n), .help = "A number." },
	{ .name = NULL }
};
/* clang-format on */

static int32_t
script_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	script.task = t;
	script.config = config;
	*ret_self = &script;
	return script.open != NULL ? script.open(t, err) : 0;
}

static int32_t
script_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	assert_ptr_equal(self, &script);
	return script.poll != NULL ? script.poll(b, err) : 0;
}

static int32_t
script_durable(void *self, const struct leat_position *pos,
    struct leat_err *err)
{
	size_t n = strlen(script.durable);

	(void)self;
	(void)err;
	(void)snprintf(script.durable + n, sizeof(script.durable) - n, "%s%s ",
	    pos->partition, pos->offset);
	return 0;
}

static int32_t
script_put(void *self, const struct leat_sink_batch *b, struct leat_err *err)
{
	assert_ptr_equal(self, &script);
	return script.put != NULL ? script.put(script.task, b, err) : 0;
}

static int32_t
script_flush(void *self, struct leat_err *err)
{
	(void)self;
	(void)err;
	script.flushes++;
	return 0;
}

static int32_t
script_tick(void *self, struct leat_err *err)
{
	(void)self;
	(void)err;
	script.ticks++;
	return 0;
}

static void
script_interrupt(void *self)
{
	(void)self;
	script.interrupts++;
}

static void
script_close(void *self)
{
	(void)self;
	script.closes++;
}

static int32_t
script_check(const void *config, struct leat_err *err)
{
	const struct config *c = config;

	return c->n != 13 ? 0 : leat_err_set(err, LEAT_CLS_CONFIG,
	    LEAT_E_CONFIG, "n: 13 is unlucky");
}

static int32_t
script_plan(struct leat_task *t, const void *config, int32_t max_tasks,
    struct leat_err *err)
{
	const struct config *c = config;
	const struct leat_param over = { "n", "8" };
	int64_t i;

	(void)max_tasks;
	(void)err;
	for (i = 0; i < c->n; i++)
		(void)leat_plan_add(t, &over, 1);
	return 0;
}

static const struct leat_source_ops source_ops = {
	.size = sizeof(struct leat_source_ops),
	.open = script_open,
	.poll = script_poll,
	.durable = script_durable,
	.tick = script_tick,
	.interrupt = script_interrupt,
	.close = script_close,
};

static const struct leat_sink_ops sink_ops = {
	.size = sizeof(struct leat_sink_ops),
	.open = script_open,
	.put = script_put,
	.flush = script_flush,
	.tick = script_tick,
	.interrupt = script_interrupt,
	.close = script_close,
};

static const struct leat_connector source = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "script-source",
	.version = "1",
	.options = options,
	.config_size = sizeof(struct config),
	.check = script_check,
	.plan = script_plan,
	.source = &source_ops,
};

static const struct leat_connector sink = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SINK,
	.name = "script-sink",
	.version = "1",
	.options = options,
	.config_size = sizeof(struct config),
	.sink = &sink_ops,
};

static struct leat_fake *
start(const struct leat_connector *connector)
{
	struct leat_fake *f = leat_fake_new(connector);

	memset(&script, 0, sizeof(script));
	leat_fake_set(f, "name", "x");
	assert_int_equal(leat_fake_open(f), 0);
	return f;
}

/* The last call broke a rule. */
static void
assert_broken(struct leat_fake *f, int rc, const char *rule)
{
	char text[300];

	assert_int_equal(rc, LEAT_E_STATE);
	(void)snprintf(text, sizeof(text), "broken rule: %s", rule);
	assert_string_equal(leat_fake_err(f)->text, text);
}

/* ------------------------------------------------------------ configuration */

static void
test_configuration(void **state)
{
	struct leat_fake *f = leat_fake_new(&source);

	(void)state;
	leat_fake_set(f, "n", "x");
	leat_fake_set(f, "nam", "x");
	assert_int_equal(leat_fake_open(f), LEAT_E_CONFIG);
	assert_string_equal(leat_fake_err(f)->text,
	    "n: expected a whole number, got 'x'; "
	    "nam: unknown option (did you mean 'name'?); "
	    "name: required, but not set");
	leat_fake_set(f, "nam", NULL);
	leat_fake_set(f, "name", "y");
	leat_fake_set(f, "n", "13");
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	assert_string_equal(leat_fake_err(f)->text, "n: 13 is unlucky");
	leat_fake_set(f, "n", "14");
	assert_int_equal(leat_fake_validate(f), 0);
	assert_int_equal(leat_fake_open(f), 0);
	assert_int_equal(((const struct config *)script.config)->n, 14);
	assert_int_equal(leat_fake_open(f), LEAT_E_STATE);
	leat_fake_free(f);
	assert_int_equal(script.closes, 1);
}

static void
test_plan(void **state)
{
	struct leat_fake *f = leat_fake_new(&source);

	(void)state;
	leat_fake_set(f, "name", "y");
	leat_fake_set(f, "n", "3");
	assert_int_equal(leat_fake_plan(f, 5), 3);
	assert_string_equal(leat_fake_planned(f, 2, "n"), "8");
	assert_null(leat_fake_planned(f, 2, "name"));
	assert_null(leat_fake_planned(f, 3, "n"));
	assert_int_equal(leat_fake_plan(f, 2), LEAT_E_STATE);
	assert_string_equal(leat_fake_err(f)->text,
	    "broken rule: plan() made 3 tasks of at most 2");
	leat_fake_free(f);
	f = leat_fake_new(&sink);
	leat_fake_set(f, "name", "y");
	assert_int_equal(leat_fake_plan(f, 5), 1);
	leat_fake_free(f);
}

/* ------------------------------------------------------------------ sources */

static int32_t
poll_two(struct leat_batch *b, struct leat_err *err)
{
	const struct leat_field fields[] = {
		{ .name = "id", .schema = leat_schema_plain(LEAT_INT32, 0) },
		{ .name = "b", .schema = leat_schema_plain(LEAT_BYTES, 1) },
	};
	const struct leat_schema row = {
		.kind = LEAT_STRUCT, .fields = fields, .nfields = 2
	};
	struct leat_value *values = leat_batch_alloc(b, 2 * sizeof(*values));
	struct leat_header *h = leat_batch_alloc(b, sizeof(*h));
	struct leat_record rec = LEAT_RECORD("t");

	if (values == NULL || h == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "memory");
	values[0] = leat_i32(1);
	values[1] = leat_bytes(leat_batch_copy(b, "\1\2", 2), 2);
	rec.key = leat_string(leat_batch_copy(b, "k", 1), 1);
	rec.value = leat_items(LEAT_STRUCT, values, 2);
	rec.value_schema = leat_schema_intern(script.task, &row, err);
	if (rec.value_schema == NULL)
		return err->code;
	if (leat_batch_add(b, &rec) < 0)
		return 0;
	(void)leat_batch_position(b, "{\"p\":1}", "{\"o\":1}");
	rec.partition = 3;
	rec.timestamp_ms = 99;
	*h = (struct leat_header){ .name = "h", .value = leat_i64(5) };
	rec.headers = h;
	rec.nheaders = 1;
	(void)leat_batch_add(b, &rec);
	(void)leat_batch_position(b, "{ \"p\" : 1 }", "{\"o\":2}");
	(void)leat_batch_position(b, "{\"p\":2}", "{\"o\":7}");
	return 0;
}

static void
test_records_and_positions(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	script.poll = poll_two;
	assert_int_equal(leat_fake_poll(f), 2);
	assert_int_equal(leat_fake_count(f), 2);
	assert_string_equal(leat_fake_json(f, 0), "{\"topic\":\"t\","
	    "\"key\":\"k\",\"value\":{\"id\":1,\"b\":\"AQI=\"}}");
	assert_string_equal(leat_fake_json(f, 1), "{\"topic\":\"t\","
	    "\"partition\":3,\"timestamp\":99,\"key\":\"k\","
	    "\"value\":{\"id\":1,\"b\":\"AQI=\"},\"headers\":{\"h\":5}}");
	assert_string_equal(leat_fake_key(f, 0), "\"k\"");
	assert_null(leat_fake_json(f, 2));
	assert_null(leat_fake_record(f, 2));

	assert_int_equal(leat_fake_positions(f), 3);
	assert_int_equal(leat_fake_position(f, 0)->nrecords, 1);
	assert_int_equal(leat_fake_position(f, 1)->nrecords, 2);
	assert_int_equal(leat_fake_durable_to(f, 0), 0);
	assert_string_equal(script.durable, "{\"p\":1}{\"o\":1} ");
	assert_string_equal(leat_fake_offset(f, "{\"p\":1}"), "{\"o\":1}");
	assert_null(leat_fake_offset(f, "{\"p\":2}"));
	script.durable[0] = '\0';
	assert_int_equal(leat_fake_poll(f), 2);
	assert_int_equal(leat_fake_durable(f), 0);
	assert_string_equal(script.durable,
	    "{ \"p\" : 1 }{\"o\":2} {\"p\":2}{\"o\":7} ");
	leat_fake_clear(f);
	assert_int_equal(leat_fake_count(f), 0);
	assert_string_equal(leat_fake_offset(f, "{\"p\":2}"), "{\"o\":7}");
	leat_fake_free(f);
}

static int32_t
open_reads_offset(struct leat_task *t, struct leat_err *err)
{
	const char *offset = leat_offset_get(t, "{\"b\":2, \"a\":1}");

	(void)err;
	assert_string_equal(offset, "{\"o\":41}");
	assert_int_equal(leat_offset_i64(t, "{\"a\":1,\"b\":2}", "o", 0), 41);
	assert_int_equal(leat_offset_i64(t, "{\"a\":1,\"b\":2}", "x", 5), 5);
	assert_int_equal(leat_offset_i64(t, "{\"a\":3}", "o", 6), 6);
	return 0;
}

static void
test_preset_offset(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	leat_fake_close(f);
	leat_fake_set_offset(f, "{\"a\":1,\"b\":2}", "{\"o\":41}");
	script.open = open_reads_offset;
	assert_int_equal(leat_fake_open(f), 0);
	leat_fake_set_offset(f, "{\"a\":1,\"b\":2}", NULL);
	assert_null(leat_fake_offset(f, "{\"b\":2,\"a\":1}"));
	leat_fake_free(f);
}

/* Each mistake is told by the driver that sees it. */
static const struct leat_record *bad_record;
static const char *bad_partition;

static int32_t
poll_bad(struct leat_batch *b, struct leat_err *err)
{
	(void)err;
	if (bad_record != NULL)
		(void)leat_batch_add(b, bad_record);
	if (bad_partition != NULL)
		(void)leat_batch_position(b, bad_partition, "{}");
	return 0;
}

static void
check_bad_record(struct leat_fake *f, const struct leat_record *rec,
    const char *rule)
{
	bad_record = rec;
	assert_broken(f, leat_fake_poll(f), rule);
	bad_record = NULL;
}

static void
test_bad_records(void **state)
{
	struct leat_fake *f = start(&source);
	struct leat_record rec = LEAT_RECORD("a b");
	struct leat_header h = { .name = NULL };

	(void)state;
	script.poll = poll_bad;
	check_bad_record(f, &rec, "'a b' is not the name of a topic");
	rec.topic = NULL;
	check_bad_record(f, &rec, "'(null)' is not the name of a topic");
	rec.topic = "t";
	rec.partition = -2;
	check_bad_record(f, &rec, "partition -2");
	rec.partition = 0;
	rec.timestamp_ms = -5;
	check_bad_record(f, &rec, "timestamp -5");
	rec.timestamp_ms = 0;
	rec.key = leat_items(LEAT_STRUCT, NULL, 0);
	check_bad_record(f, &rec, "key: a struct needs a schema");
	rec.key = leat_null();
	rec.value = leat_i64(5);
	rec.value_schema = leat_schema_plain(LEAT_INT64, 0);
	check_bad_record(f, &rec,
	    "value: the schema is not interned by this task");
	rec.value_schema = leat_schema_intern(script.task,
	    leat_schema_plain(LEAT_STRING, 0), NULL);
	check_bad_record(f, &rec, "value: expected string, got int64");
	rec.value_schema = NULL;
	rec.headers = &h;
	rec.nheaders = 1;
	check_bad_record(f, &rec, "header 0 has no name");
	assert_int_equal(leat_fake_count(f), 0);

	bad_partition = "[1]";
	assert_broken(f, leat_fake_poll(f),
	    "the partition is not a JSON object");
	bad_partition = NULL;
	leat_fake_free(f);
}

static int32_t
poll_fails_silently(struct leat_batch *b, struct leat_err *err)
{
	(void)b;
	(void)err;
	return -EIO;
}

static int32_t
poll_fails_without_class(struct leat_batch *b, struct leat_err *err)
{
	(void)b;
	return leat_err_set(err, 0, -EIO, "it broke");
}

static int32_t
poll_returns_a_count(struct leat_batch *b, struct leat_err *err)
{
	(void)b;
	(void)err;
	return 3;
}

static int32_t
poll_misbehaves(struct leat_batch *b, struct leat_err *err)
{
	(void)b;
	(void)err;
	leat_status(script.task, "not json");
	return 0;
}

static void
test_bad_returns(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	script.poll = poll_fails_silently;
	assert_broken(f, leat_fake_poll(f),
	    "poll() failed without an error's text");
	script.poll = poll_fails_without_class;
	assert_broken(f, leat_fake_poll(f),
	    "poll() failed without an error's class");
	script.poll = poll_returns_a_count;
	assert_broken(f, leat_fake_poll(f), "poll() returned 3");
	script.poll = poll_misbehaves;
	assert_broken(f, leat_fake_poll(f),
	    "the status is not a JSON object");
	assert_int_equal(leat_fake_put(f, NULL, 0), LEAT_E_STATE);
	assert_string_equal(leat_fake_err(f)->text, "put(): no sink is open");
	leat_fake_free(f);
}

static int32_t
poll_until_full(struct leat_batch *b, struct leat_err *err)
{
	struct leat_record rec = LEAT_RECORD("t");

	(void)err;
	while (!b->full)
		if (leat_batch_alloc(b, 100) == NULL ||
		    leat_batch_add(b, &rec) < 0)
			break;
	return 0;
}

static void
test_limits_and_failures(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	script.poll = poll_until_full;
	assert_int_equal(leat_fake_poll(f), 500);
	leat_fake_batch_limits(f, 7, 100000);
	assert_int_equal(leat_fake_poll(f), 7);
	leat_fake_batch_limits(f, 100, 1000);
	assert_int_equal(leat_fake_poll(f), 10);
	leat_fake_fail_at(f, 6);
	assert_int_equal(leat_fake_poll(f), 2);
	assert_true(leat_fake_has_failed(f));
	assert_int_equal(leat_fake_poll(f), 0);
	leat_fake_fail_at(f, 0);
	assert_int_equal(leat_fake_poll(f), 10);
	leat_fake_free(f);
}

static int32_t
poll_fails_half_way(struct leat_batch *b, struct leat_err *err)
{
	struct leat_record rec = LEAT_RECORD("t");

	(void)leat_batch_add(b, &rec);
	(void)leat_batch_position(b, "{}", "{\"n\":1}");
	(void)leat_batch_add(b, &rec);
	return leat_err_set(err, LEAT_CLS_RETRY, -EIO, "it broke");
}

/* What stands in front of the last position counts; behind it comes again. */
static void
test_half_a_batch(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	script.poll = poll_fails_half_way;
	assert_int_equal(leat_fake_poll(f), -EIO);
	assert_string_equal(leat_fake_err(f)->text, "it broke");
	assert_int_equal(leat_fake_count(f), 1);
	leat_fake_fail_at(f, 2);
	assert_int_equal(leat_fake_poll(f), -EIO);
	assert_int_equal(leat_fake_count(f), 1);
	assert_int_equal(leat_fake_positions(f), 1);
	leat_fake_free(f);
}

/* ------------------------------------------------------------------ waiting */

static int wait_pipe[2];

static int32_t
poll_waits(struct leat_batch *b, struct leat_err *err)
{
	struct leat_record rec = LEAT_RECORD("t");
	char c;

	(void)err;
	if (read(wait_pipe[0], &c, 1) == 1)
		(void)leat_batch_add(b, &rec);
	else
		leat_wait(script.task, wait_pipe[0], LEAT_WAIT_READ, 60000);
	return 0;
}

static void
test_waits(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	assert_int_equal(pipe2(wait_pipe, O_NONBLOCK | O_CLOEXEC), 0);
	script.poll = poll_waits;
	assert_int_equal(leat_fake_poll(f), 0);
	assert_int_equal(write(wait_pipe[1], "xy", 2), 2);
	assert_int_equal(leat_fake_wait(f), 1);
	assert_int_equal(leat_fake_run(f, 2, 10000), 0);
	assert_int_equal(leat_fake_run(f, 3, 20), -ETIME);
	/* A stop ends a wait. */
	leat_fake_stop(f);
	assert_int_equal(leat_fake_wait(f), 1);
	assert_int_equal(script.interrupts, 1);
	assert_int_equal(leat_stopping(script.task), 1);
	leat_fake_free(f);
	(void)close(wait_pipe[0]);
	(void)close(wait_pipe[1]);
}

static int32_t
poll_by_the_clock(struct leat_batch *b, struct leat_err *err)
{
	struct leat_record rec = LEAT_RECORD("t");

	(void)err;
	if (leat_mono_ms(script.task) % 3600000 == 0)
		(void)leat_batch_add(b, &rec);
	leat_wait(script.task, -1, 0,
	    3600000 - leat_mono_ms(script.task) % 3600000);
	return 0;
}

/* Hours go by in no time, with their ticks. */
static void
test_scripted_clock(void **state)
{
	struct leat_fake *f = start(&source);

	(void)state;
	leat_fake_set_clock(f, 1700000000000000);
	script.poll = poll_by_the_clock;
	assert_int_equal(leat_now_us(script.task), 1700000000000000);
	assert_int_equal(leat_fake_run(f, 1, 4000000), 0);
	assert_true(script.ticks > 2000);
	assert_int_equal(leat_now_us(script.task) % 3600000000, 0);
	leat_fake_add_clock(f, 5);
	assert_int_equal(leat_now_us(script.task) % 3600000000, 5);
	leat_fake_free(f);
}

/* -------------------------------------------------------------------- sinks */

static int32_t
put_judges(struct leat_task *t, const struct leat_sink_batch *b,
    struct leat_err *err)
{
	uint32_t i;
	int32_t rc = 0;

	for (i = 0; i < b->nrecords && rc == 0; i++) {
		struct leat_err bad = LEAT_ERR_INIT;

		assert_string_equal(b->records[i].origin_topic, "t");
		if (b->records[i].value.kind == LEAT_INT64) {
			leat_sink_ack(t, i);
			continue;
		}
		(void)leat_err_set(&bad, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "record %d is no number", (int)b->records[i].offset);
		rc = leat_sink_fail(t, i, &bad);
		if (rc < 0)
			*err = bad;
	}
	return rc;
}

static void
test_sink(void **state)
{
	struct leat_fake *f = start(&sink);
	struct leat_record recs[] = { LEAT_RECORD("t"), LEAT_RECORD("t") };

	(void)state;
	script.put = put_judges;
	recs[0].value = leat_cstring("x");
	recs[1].value = leat_i64(1);
	recs[1].value_schema = leat_schema_plain(LEAT_INT64, 0);
	assert_int_equal(leat_fake_put_json(f, "t", "\"k\"", "5"), 0);
	assert_true(leat_fake_acked(f, 0));
	assert_int_equal(leat_fake_put(f, recs, 2), 0);
	assert_false(leat_fake_acked(f, 0));
	assert_true(leat_fake_acked(f, 1));
	assert_false(leat_fake_acked(f, 2));
	assert_int_equal(leat_fake_failures(f), 1);
	assert_int_equal(leat_fake_failed_index(f, 0), 0);
	assert_string_equal(leat_fake_failure(f, 0)->text,
	    "record 1 is no number");
	assert_null(leat_fake_failure(f, 1));
	assert_int_equal(leat_fake_flush(f), 0);
	assert_int_equal(script.flushes, 1);
	assert_int_equal(leat_fake_tick(f), 0);
	assert_int_equal(script.ticks, 1);

	leat_fake_tolerate(f, 0);
	assert_int_equal(leat_fake_put(f, recs, 1), LEAT_E_DATA);
	assert_int_equal(leat_fake_failures(f), 1);
	assert_int_equal(leat_fake_put_json(f, "t", NULL, "{"), LEAT_E_PARSE);
	leat_fake_free(f);
}

static int32_t
put_acks_too_much(struct leat_task *t, const struct leat_sink_batch *b,
    struct leat_err *err)
{
	(void)err;
	leat_sink_ack(t, b->nrecords);
	return 0;
}

static int32_t
put_fails_without_text(struct leat_task *t, const struct leat_sink_batch *b,
    struct leat_err *err)
{
	(void)b;
	(void)err;
	(void)leat_sink_fail(t, 0, NULL);
	return 0;
}

static void
test_bad_sinks(void **state)
{
	struct leat_fake *f = start(&sink);

	(void)state;
	script.put = put_acks_too_much;
	assert_broken(f, leat_fake_put_json(f, "t", NULL, "1"),
	    "leat_sink_ack(1) outside of the put()");
	script.put = put_fails_without_text;
	assert_broken(f, leat_fake_put_json(f, "t", NULL, "1"),
	    "leat_sink_fail() without an error's text");
	assert_int_equal(leat_fake_poll(f), LEAT_E_STATE);
	assert_string_equal(leat_fake_err(f)->text,
	    "poll(): no source is open");
	leat_fake_free(f);
}

/* ---------------------------------------------------- logs, metrics, status */

static void
test_logs_metrics_status(void **state)
{
	struct leat_fake *f = start(&source);
	int64_t *m;

	(void)state;
	leat_log_info(script.task, "slot created", "slot=%s lsn=%d", "a", 7);
	leat_log_debug(script.task, "detail", "%s", "");
	assert_int_equal(leat_fake_logged(f, "info slot created slot=a lsn=7"),
	    1);
	assert_int_equal(leat_fake_logged(f, "debug"), 1);
	assert_int_equal(leat_fake_logged(f, "error"), 0);

	m = leat_metric(script.task, LEAT_METRIC_COUNTER, "x_total", "Xs.");
	leat_metric_add(m, 5);
	leat_metric_add(leat_metric(script.task, LEAT_METRIC_COUNTER,
	    "x_total", "Xs."), 2);
	leat_metric_set(leat_metric(script.task, LEAT_METRIC_GAUGE, "y", "Y."),
	    -1);
	leat_metric_add(NULL, 1);
	assert_int_equal(leat_fake_metric(f, "x_total"), 7);
	assert_int_equal(leat_fake_metric(f, "y"), -1);
	assert_int_equal(leat_fake_metric(f, "z"), 0);

	assert_null(leat_fake_status(f));
	leat_status(script.task, "{\"lag\":1}");
	assert_string_equal(leat_fake_status(f), "{\"lag\":1}");
	assert_string_equal(leat_task_name(script.task), "fake");
	assert_int_equal(leat_task_id(script.task), 0);
	leat_fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_records_and_positions),
		cmocka_unit_test(test_preset_offset),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_bad_returns),
		cmocka_unit_test(test_limits_and_failures),
		cmocka_unit_test(test_half_a_batch),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_scripted_clock),
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_bad_sinks),
		cmocka_unit_test(test_logs_metrics_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
