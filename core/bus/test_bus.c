/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bus.c: producers, consumers, offsets and tables on a real broker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker.h"
#include "core/base/clock.h"
#include "core/base/obj.h"
#include "core/bus/bus.h"

static char dir[64];

struct fixture {
	struct broker *broker;
	struct bus *bus;
	struct wake wake;
	struct wake more;	/* of consumers */
	struct leat_err err;
};

static void
open_bus(struct fixture *f)
{
	struct broker_options o;

	leat_err_clear(&f->err);
	broker_options_init(&o);
	o.dir = dir;
	if (broker_open(&o, &f->broker, &f->err) < 0 ||
	    bus_open_embedded(f->broker, &f->bus, &f->err) < 0)
		fail_msg("%s", f->err.text);
}

static void
close_bus(struct fixture *f)
{
	bus_close(TAKE(f->bus));
	broker_close(TAKE(f->broker));
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(dir, sizeof(dir), "/tmp/leat-bus-XXXXXX");
	if (f == NULL || mkdtemp(dir) == NULL || wake_init(&f->wake,
	    &f->err) < 0 || wake_init(&f->more, &f->err) < 0)
		return -1;
	open_bus(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	close_bus(f);
	wake_fini(&f->wake);
	wake_fini(&f->more);
	free(f);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd); /* style: a test's own folder */
}

static void
good(struct fixture *f, int rc)
{
	if (rc < 0)
		fail_msg("%d: %s", rc, f->err.text);
}

static void
wait_for(struct wake *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 10000), 1);
	wake_drain(w);
}

static void
wait_wake(struct fixture *f)
{
	wait_for(&f->wake);
}

static struct bus_producer *
producer(struct fixture *f, const char *txn)
{
	struct bus_producer_options o = { .connector = "c",
		.transactional_id = txn,
		.partitions = 1,
		.create_topics = true,
		.wake = &f->wake,
		.buffer_bytes = 1 << 20 };
	struct bus_producer *p = NULL;

	good(f, bus_producer_open(f->bus, &o, &p, &f->err));
	return p;
}

static void
produce(struct fixture *f, struct bus_producer *p, const char *topic,
    const char *key, const char *value)
{
	struct bus_message m = { .topic = topic, .partition = -1,
		.timestamp_ms = 1000 };

	if (key != NULL)
		m.key = leat_str_c(key);
	if (value != NULL)
		m.value = leat_str_c(value);
	good(f, bus_produce(p, &m, &f->err));
}

static void
commit_wait(struct fixture *f, struct bus_producer *p)
{
	static uint64_t ticket;
	uint64_t got;
	int rc;

	good(f, bus_commit(p, ++ticket, &f->err));
	while ((rc = bus_commit_poll(p, &got, &f->err)) == 0)
		wait_wake(f);
	good(f, rc);
	assert_int_equal(got, ticket);
}

static struct bus_consumer *
consumer(struct fixture *f, const char *topic, const char *pattern)
{
	const char *topics[] = { topic };
	struct bus_consumer_options o = { .group = "connect-x",
		.topics = topics,
		.ntopics = topic == NULL ? 0 : 1,
		.pattern = pattern,
		.members = 1,
		.wake = &f->more };
	struct bus_consumer *c = NULL;

	good(f, bus_consumer_open(f->bus, &o, &c, &f->err));
	return c;
}

/* Joins the values of what there is, "a,b,". */
static const char *
drain(struct fixture *f, struct bus_consumer *c)
{
	static char text[4096];
	const struct bus_message *m;
	size_t n = 1, i, len = 0;

	text[0] = '\0';
	while (n > 0) {
		good(f, bus_poll(c, &m, &n, &f->err));
		for (i = 0; i < n; i++) {
			len += (size_t)snprintf(text + len,
			    sizeof(text) - len, "%.*s,", (int)m[i].value.len,
			    m[i].value.ptr == NULL ? "" : m[i].value.ptr);
		}
	}
	return text;
}

static void
test_transaction(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, "t-0");
	struct bus_consumer *c = consumer(f, "orders", NULL);
	char *at;

	produce(f, p, "orders", "k", "one");
	produce(f, p, "orders", NULL, "two");
	good(f, bus_produce_offset(p, "{\"s\": 1,\"a\":2}", "{\"lsn\":7}",
	    &f->err));
	good(f, bus_flush(p, &f->err));
	assert_string_equal(drain(f, c), "");	/* not committed */
	assert_null(bus_source_offset(f->bus, "c", "{\"a\":2,\"s\":1}"));
	commit_wait(f, p);
	assert_string_equal(drain(f, c), "one,two,");
	at = bus_source_offset(f->bus, "c", "{\"a\":2, \"s\":1}");
	assert_string_equal(at, "{\"lsn\":7}");
	free(at);
	bus_consumer_close(c);
	bus_producer_close(p);
}

static void
test_abort_on_close(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, "t-0");
	struct bus_consumer *c = consumer(f, "orders", NULL);

	produce(f, p, "orders", NULL, "lost");
	good(f, bus_produce_offset(p, "{}", "{\"n\":1}", &f->err));
	good(f, bus_flush(p, &f->err));
	bus_producer_close(p);
	assert_null(bus_source_offset(f->bus, "c", "{}"));
	p = producer(f, "t-0");
	produce(f, p, "orders", NULL, "kept");
	commit_wait(f, p);
	assert_string_equal(drain(f, c), "kept,");
	bus_consumer_close(c);
	bus_producer_close(p);
}

static void
test_fenced(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *old = producer(f, "t-0"), *new;
	uint64_t ticket;
	int rc;

	produce(f, old, "orders", NULL, "old");
	new = producer(f, "t-0");
	rc = bus_commit(old, 1, &f->err);
	while (rc == 0 && (rc = bus_commit_poll(old, &ticket, &f->err)) == 0)
		wait_wake(f);
	assert_int_equal(rc, LEAT_E_FENCED);
	produce(f, new, "orders", NULL, "new");
	commit_wait(f, new);
	bus_producer_close(old);
	bus_producer_close(new);
}

static void
test_at_least_once(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, NULL);
	struct bus_consumer *c = consumer(f, "orders", NULL);
	char *at;

	produce(f, p, "orders", NULL, "one");
	good(f, bus_produce_offset(p, "{}", "{\"n\":1}", &f->err));
	commit_wait(f, p);
	assert_string_equal(drain(f, c), "one,");
	at = bus_source_offset(f->bus, "c", "{}");
	assert_string_equal(at, "{\"n\":1}");
	free(at);
	good(f, bus_produce_offset(p, "{}", NULL, &f->err));
	commit_wait(f, p);
	assert_null(bus_source_offset(f->bus, "c", "{}"));
	bus_consumer_close(c);
	bus_producer_close(p);
}

static int
count_offset(void *arg, const char *partition, const char *offset)
{
	char *text = arg;

	strncat(text, partition, 100); /* style: bounded by the test */
	strncat(text, offset, 100); /* style: bounded by the test */
	return 0;
}

static void
test_offsets_survive(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, "t-0");
	char text[512] = "", *at;

	good(f, bus_produce_offset(p, "{\"t\":\"a\"}", "{\"n\":1}", &f->err));
	commit_wait(f, p);
	good(f, bus_produce_offset(p, "{\"t\":\"a\"}", "{\"n\":2}", &f->err));
	good(f, bus_produce_offset(p, "{\"t\":\"b\"}", "{\"n\":3}", &f->err));
	commit_wait(f, p);
	bus_producer_close(p);
	good(f, bus_source_offset_set(f->bus, "other", "{}", "{ \"z\" : 1}",
	    &f->err));
	close_bus(f);
	open_bus(f);
	good(f, bus_source_offset_each(f->bus, "c", count_offset, text));
	assert_string_equal(text,
	    "{\"t\":\"a\"}{\"n\":2}{\"t\":\"b\"}{\"n\":3}");
	at = bus_source_offset(f->bus, "other", "{}");
	assert_string_equal(at, "{\"z\":1}");
	free(at);
	good(f, bus_source_offset_set(f->bus, "other", "{}", NULL, &f->err));
	assert_null(bus_source_offset(f->bus, "other", "{}"));
}

/* While a commit is in flight messages are taken, up to the buffer. */
static void
test_pipeline(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, "t-0");
	struct bus_consumer *c = consumer(f, "orders", NULL);
	struct bus_message m = { .topic = "orders", .partition = -1 };
	char big[10000];
	uint64_t ticket;
	size_t n = 0, again, polled;
	const struct bus_message *got;
	int rc;

	memset(big, 'x', sizeof(big));
	m.value = (struct leat_str){ big, sizeof(big) };
	produce(f, p, "orders", NULL, "first");
	good(f, bus_commit(p, 1, &f->err));
	while (bus_commit_in_flight(p) && (rc = bus_produce(p, &m,
	    &f->err)) == 0 && n < 1000)
		n++;
	assert_true(bus_producer_held(p) < 3 << 20);
	if (bus_commit_in_flight(p))
		assert_int_equal(bus_commit(p, 2, &f->err), -EAGAIN);
	while ((rc = bus_commit_poll(p, &ticket, &f->err)) == 0)
		wait_wake(f);
	good(f, rc);
	assert_int_equal(ticket, 1);
	commit_wait(f, p);
	for (again = 0, polled = 1; polled > 0; again += polled)
		good(f, bus_poll(c, &got, &polled, &f->err));
	assert_int_equal(again, n + 1);
	bus_consumer_close(c);
	bus_producer_close(p);
}

static void
test_consumer_resumes(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, NULL);
	struct bus_consumer *c;

	produce(f, p, "orders", NULL, "one");
	commit_wait(f, p);
	c = consumer(f, "orders", NULL);
	assert_string_equal(drain(f, c), "one,");
	assert_true(bus_consumer_done(c));
	good(f, bus_consumer_commit_done(c, &f->err));
	assert_false(bus_consumer_done(c));
	wake_drain(&f->more);
	produce(f, p, "orders", NULL, "two");
	commit_wait(f, p);
	wait_for(&f->more);
	assert_string_equal(drain(f, c), "two,");
	bus_consumer_close(c);
	bus_producer_close(p);
	close_bus(f);
	open_bus(f);
	c = consumer(f, "orders", NULL);
	assert_string_equal(drain(f, c), "two,");
	bus_consumer_close(c);
}

static void
add_lag(void *arg, const struct bus_offset *committed, int64_t end)
{
	int64_t *lag = arg;

	*lag += end - (committed->offset < 0 ? 0 : committed->offset);
}

/* Behind a transaction stands its marker, which is no lag. */
static void
test_no_lag_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, "t-0");
	struct bus_consumer *c = consumer(f, "orders", NULL);
	int64_t lag = 0;

	produce(f, p, "orders", NULL, "one");
	commit_wait(f, p);
	assert_string_equal(drain(f, c), "one,");
	assert_true(bus_consumer_done(c));
	good(f, bus_consumer_commit_done(c, &f->err));
	bus_consumer_each(c, add_lag, &lag);
	assert_int_equal(lag, 0);
	bus_consumer_close(c);
	bus_producer_close(p);
}

static void
test_pattern_and_new_topics(void **state)
{
	struct fixture *f = *state;
	struct bus_producer *p = producer(f, NULL);
	struct bus_consumer *c = consumer(f, NULL, "orders\\..*");

	produce(f, p, "orders.a", NULL, "a");
	produce(f, p, "xorders.a", NULL, "no");
	commit_wait(f, p);
	assert_string_equal(drain(f, c), "a,");
	produce(f, p, "orders.b", NULL, "b");
	commit_wait(f, p);
	assert_string_equal(drain(f, c), "b,");
	assert_true(bus_consumer_takes(c, "orders.zzz"));
	assert_false(bus_consumer_takes(c, "orders"));
	bus_consumer_close(c);
	bus_producer_close(p);
}

/* Every partition has exactly one member, and more topics change nothing. */
static void
test_share_out(void **state)
{
	struct fixture *f = *state;
	const char *topics[] = { "t" };
	struct bus_consumer *c[3];
	struct bus_producer *p = producer(f, NULL);
	const struct bus_message *m;
	int seen[8] = { 0 };
	size_t i, k, n;

	good(f, bus_topic_ensure(f->bus, "t", 8, NULL, 0, &f->err));
	for (i = 0; i < 8; i++) {
		struct bus_message one = { .topic = "t",
			.partition = (int32_t)i,
			.value = LEAT_STR("v") };

		good(f, bus_produce(p, &one, &f->err));
	}
	commit_wait(f, p);
	for (k = 0; k < 3; k++) {
		struct bus_consumer_options o = { .group = "connect-x",
			.topics = topics,
			.ntopics = 1,
			.member = (int32_t)k,
			.members = 3,
			.wake = &f->wake };

		good(f, bus_consumer_open(f->bus, &o, &c[k], &f->err));
		do {
			good(f, bus_poll(c[k], &m, &n, &f->err));
			for (i = 0; i < n; i++)
				seen[m[i].partition]++;
		} while (n > 0);
	}
	for (i = 0; i < 8; i++)
		assert_int_equal(seen[i], 1);
	for (k = 0; k < 3; k++)
		bus_consumer_close(c[k]);
	bus_producer_close(p);
}

static char reset_text[200];

static void
on_reset(void *arg, const char *topic, int32_t partition, int64_t from,
    int64_t to)
{
	(void)arg;
	(void)snprintf(reset_text, sizeof(reset_text), "%s-%d %d->%d", topic,
	    (int)partition, (int)from, (int)to);
}

static void
test_out_of_range(void **state)
{
	struct fixture *f = *state;
	const char *topics[] = { "orders" };
	struct bus_consumer_options o = { .group = "connect-x",
		.topics = topics,
		.ntopics = 1,
		.members = 1,
		.wake = &f->wake,
		.out_of_range = on_reset };
	struct bus_offset far = { "orders", 0, 1000 };
	struct bus_producer *p = producer(f, NULL);
	struct bus_consumer *c = NULL;

	produce(f, p, "orders", NULL, "one");
	commit_wait(f, p);
	good(f, bus_group_set(f->bus, "connect-x", &far, 1, &f->err));
	good(f, bus_consumer_open(f->bus, &o, &c, &f->err));
	assert_string_equal(drain(f, c), "one,");
	assert_string_equal(reset_text, "orders-0 1000->0");
	bus_consumer_close(c);
	bus_producer_close(p);
}

static void
test_refusals(void **state)
{
	struct fixture *f = *state;
	struct bus_producer_options o = { .compression = "lz5" };
	struct bus_consumer_options co = { .group = "g", .pattern = "(" };
	struct bus_message m = { .topic = "bad topic", .partition = -1 };
	struct bus_producer *p = NULL;
	struct bus_consumer *c = NULL;

	assert_true(bus_producer_open(f->bus, &o, &p, &f->err) < 0);
	assert_non_null(strstr(f->err.text, "compression 'lz5' is not one of"));
	assert_true(bus_consumer_open(f->bus, &co, &c, &f->err) < 0);
	assert_non_null(strstr(f->err.text, "pattern '('"));
	p = producer(f, NULL);
	assert_true(bus_produce(p, &m, &f->err) < 0);
	assert_int_equal(f->err.cls, LEAT_CLS_RECORD);
	good(f, bus_topic_ensure(f->bus, "t", 2, NULL, 0, &f->err));
	m.topic = "t";
	m.partition = 2;
	assert_true(bus_produce(p, &m, &f->err) < 0);
	assert_int_equal(f->err.cls, LEAT_CLS_RECORD);
	assert_non_null(strstr(f->err.text, "has 2 partitions, the record "
	    "wants number 2"));
	bus_producer_close(p);
}

static void
test_compressed_batches(void **state)
{
	struct fixture *f = *state;
	struct bus_producer_options o = { .connector = "c", .partitions = 1,
		.create_topics = true, .wake = &f->wake,
		.compression = "lz4", .batch_bytes = 2000 };
	struct bus_consumer *c = consumer(f, "orders", NULL);
	const struct bus_message *m;
	struct bus_producer *p = NULL;
	char text[64];
	size_t n, i;
	int sent, got = 0;

	good(f, bus_producer_open(f->bus, &o, &p, &f->err));
	for (sent = 0; sent < 1000; sent++) {
		(void)snprintf(text, sizeof(text), "value %08d", sent);
		produce(f, p, "orders", NULL, text);
	}
	commit_wait(f, p);
	do {
		good(f, bus_poll(c, &m, &n, &f->err));
		for (i = 0; i < n; i++, got++) {
			(void)snprintf(text, sizeof(text), "value %08d", got);
			assert_memory_equal(m[i].value.ptr, text,
			    m[i].value.len);
		}
	} while (n > 0);
	assert_int_equal(got, 1000);
	bus_consumer_close(c);
	bus_producer_close(p);
}

static int
table_row(void *arg, struct leat_str key, struct leat_str value)
{
	char *text = arg;
	size_t len = strlen(text);

	(void)snprintf(text + len, 200 - len, "%.*s=%.*s;", (int)key.len,
	    key.ptr, (int)value.len, value.ptr);
	return 0;
}

static void
test_table(void **state)
{
	struct fixture *f = *state;
	char text[200] = "";

	good(f, bus_table_put(f->bus, BUS_CONFIGS_TOPIC, "a", "1", false,
	    &f->err));
	good(f, bus_table_put(f->bus, BUS_CONFIGS_TOPIC, "b", "2", false,
	    &f->err));
	good(f, bus_table_put(f->bus, BUS_CONFIGS_TOPIC, "a", "3", false,
	    &f->err));
	good(f, bus_table_put(f->bus, BUS_CONFIGS_TOPIC, "b", NULL, true,
	    &f->err));
	good(f, bus_table_each(f->bus, BUS_CONFIGS_TOPIC, table_row, text,
	    &f->err));
	assert_string_equal(text, "a=3;");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_transaction),
		T(test_abort_on_close),
		T(test_fenced),
		T(test_at_least_once),
		T(test_offsets_survive),
		T(test_pipeline),
		T(test_consumer_resumes),
		T(test_no_lag_at_the_end),
		T(test_pattern_and_new_topics),
		T(test_share_out),
		T(test_out_of_range),
		T(test_refusals),
		T(test_compressed_batches),
		T(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
