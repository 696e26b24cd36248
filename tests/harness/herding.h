/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herding.h: a worker in a test: a real broker and bus in a folder of its own,
 * a herder, and two fake connectors that do what a script says.
 *
 * The scripts are atomics and plain globals that a test sets while nothing
 * runs. For test programs only.
 */
#ifndef LEAT_TESTS_HARNESS_HERDING_H
#define LEAT_TESTS_HARNESS_HERDING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <leat/connector.h>

#include "broker/broker.h"
#include "core/base/budget.h"
#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/worker/herder.h"

#define TESTING __attribute__((unused)) static

/* ---------------------------------------------------------- fake source */

enum { FAKE_NONE, FAKE_RETRY, FAKE_RECORD, FAKE_CONFIG, FAKE_FATAL };

struct fake_config {
	int64_t total;		/* records, then idle; -1: without end */
	int64_t per_poll;
	int64_t value_bytes;
	int64_t tasks;
	const char *topic;
};

static struct {
	int32_t opens, closes, polls, ticks, interrupts, plans;
	int64_t durable;	/* newest number told to durable() */
	int32_t open_error;	/* FAKE_*, of the next open_errors opens */
	int32_t open_errors;
	int32_t poll_error;	/* after poll_error_at records */
	int32_t poll_errors;
	int64_t poll_error_at;
	int32_t block;		/* poll() hangs until it is 0 */
	int32_t block_deaf;	/* and interrupt() does not help */
	int32_t block_plan;
	int32_t position_only;	/* an open gives that; then poll() fails */
} fake_src;

struct fake_source {
	struct leat_task *t;
	const struct fake_config *c;
	int64_t next;
	char partition[64];
	int32_t interrupted;
	int32_t given, landed;	/* of position_only */
};

static int64_t
fake_load(const int32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void
fake_add(int32_t *p, int32_t n)
{
	__atomic_add_fetch(p, n, __ATOMIC_ACQ_REL);
}

static void
fake_nap(void)
{
	struct timespec ts = { 0, 1000000 };

	nanosleep(&ts, NULL);
}

static int32_t
fake_error(int32_t class, struct leat_err *err)
{
	return leat_err_set(err, class, LEAT_E_REMOTE, "scripted failure");
}

static int32_t
fake_source_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	struct fake_source *s;
	const char *at;
	int64_t n;

	fake_add(&fake_src.opens, 1);
	if (fake_load(&fake_src.open_errors) > 0) {
		fake_add(&fake_src.open_errors, -1);
		return fake_error(fake_src.open_error, err);
	}
	s = calloc(1, sizeof(*s));
	s->t = t;
	s->c = config;
	(void)snprintf(s->partition, sizeof(s->partition), "{\"p\":%d}",
	    leat_task_id(t));
	at = leat_offset_get(t, s->partition);
	if (at != NULL && leat_parse_i64((struct leat_str){ at + 5,
	    strlen(at) - 6 }, 0, INT64_MAX, &n) == 0)
		s->next = n;
	*ret_self = s;
	return 0;
}

static int32_t
fake_position_only(struct fake_source *s, struct leat_batch *b,
    struct leat_err *err)
{
	if (s->landed)
		return fake_error(LEAT_CLS_RETRY, err);
	if (!s->given)
		leat_batch_position(b, s->partition, "{\"n\":0}");
	s->given = 1;
	leat_wait(s->t, -1, 0, 10);
	return 0;
}

static int32_t
fake_source_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct fake_source *s = self;
	struct leat_record rec;
	char text[64], *value;
	int64_t i;
	int len;

	fake_add(&fake_src.polls, 1);
	if (fake_load(&fake_src.position_only) != 0)
		return fake_position_only(s, b, err);
	while (fake_load(&fake_src.block) != 0 &&
	    (fake_load(&fake_src.block_deaf) != 0 ||
	    fake_load(&s->interrupted) == 0))
		fake_nap();
	for (i = 0; i < s->c->per_poll && !b->full; i++) {
		if (s->c->total >= 0 && s->next >= s->c->total)
			break;
		if (fake_load(&fake_src.poll_errors) > 0 &&
		    s->next >= fake_src.poll_error_at) {
			fake_add(&fake_src.poll_errors, -1);
			if (fake_src.poll_error == LEAT_CLS_RECORD)
				s->next++;	/* it is bad: pass over it */
			return fake_error(fake_src.poll_error, err);
		}
		value = leat_batch_alloc(b, (uint64_t)s->c->value_bytes + 32);
		if (value == NULL)
			break;
		len = snprintf(value, 32, "%lld", (long long)s->next);
		memset(value + len, ' ', (size_t)s->c->value_bytes);
		memset(&rec, 0, sizeof(rec));
		rec.topic = s->c->topic;
		rec.partition = LEAT_PARTITION_ANY;
		rec.timestamp_ms = 1000;
		rec.key = leat_string(value, (size_t)len);
		rec.value = leat_string(value, (size_t)len +
		    (size_t)s->c->value_bytes);
		if (leat_batch_add(b, &rec) < 0)
			break;
		s->next++;
		(void)snprintf(text, sizeof(text), "{\"n\":%lld}",
		    (long long)s->next);
		leat_batch_position(b, s->partition, text);
	}
	if (b->nrecords == 0)
		leat_wait(s->t, -1, 0, 10);
	return 0;
}

static int32_t
fake_source_durable(void *self, const struct leat_position *pos,
    struct leat_err *err)
{
	struct fake_source *s = self;
	int64_t n;

	(void)err;
	s->landed = s->given;
	if (leat_parse_i64((struct leat_str){ pos->offset + 5,
	    strlen(pos->offset) - 6 }, 0, INT64_MAX, &n) == 0)
		__atomic_store_n(&fake_src.durable, n, __ATOMIC_RELEASE);
	return 0;
}

static int32_t
fake_source_tick(void *self, struct leat_err *err)
{
	(void)self;
	(void)err;
	fake_add(&fake_src.ticks, 1);
	return 0;
}

static void
fake_source_interrupt(void *self)
{
	struct fake_source *s = self;

	fake_add(&fake_src.interrupts, 1);
	__atomic_store_n(&s->interrupted, 1, __ATOMIC_RELEASE);
}

static void
fake_source_close(void *self)
{
	fake_add(&fake_src.closes, 1);
	free(self);
}

static int32_t
fake_source_plan(struct leat_task *t, const void *config, int32_t max,
    struct leat_err *err)
{
	const struct fake_config *c = config;
	int64_t i;

	(void)err;
	fake_add(&fake_src.plans, 1);
	while (fake_load(&fake_src.block_plan) != 0)
		fake_nap();
	for (i = 0; i < c->tasks && i < max; i++) {
		if (leat_plan_add(t, NULL, 0) < 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------ fake sink */

static struct {
	int32_t opens, closes, puts, flushes;
	int32_t fail_class;	/* class of put's failure, */
	int32_t fails;		/* so many times */
	int32_t ack_before_fail;	/* records acknowledged before */
	char bad[32];		/* a value that fails alone, class RECORD */
	int32_t report_bad;	/* 1: by leat_sink_fail */
	struct lock lock;	/* guards seen */
	char *seen;		/* values, each with a comma */
	size_t len, cap;
	int64_t count;
} fake_snk;

static void
fake_see(const struct leat_record *r)
{
	lock_acquire(&fake_snk.lock);
	if (fake_snk.len + r->value.len + 2 > fake_snk.cap) {
		fake_snk.cap = (fake_snk.cap + r->value.len + 64) * 2;
		fake_snk.seen = realloc(fake_snk.seen, fake_snk.cap);
	}
	if (r->value.kind == LEAT_STRING) {
		memcpy(fake_snk.seen + fake_snk.len, r->value.u.s,
		    r->value.len);
		fake_snk.len += r->value.len;
	}
	fake_snk.seen[fake_snk.len++] = ',';
	fake_snk.seen[fake_snk.len] = '\0';
	fake_snk.count++;
	lock_release(&fake_snk.lock);
}

static int32_t
fake_sink_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	(void)config;
	(void)err;
	fake_add(&fake_snk.opens, 1);
	*ret_self = t;
	return 0;
}

static bool
fake_is_bad(const struct leat_record *r)
{
	return fake_snk.bad[0] != '\0' && r->value.kind == LEAT_STRING &&
	    leat_str_eq_c((struct leat_str){ r->value.u.s, r->value.len },
	    fake_snk.bad);
}

static int32_t
fake_sink_put(void *self, const struct leat_sink_batch *b,
    struct leat_err *err)
{
	uint32_t i;
	int32_t rc;

	fake_add(&fake_snk.puts, 1);
	if (fake_load(&fake_snk.fails) > 0) {
		fake_add(&fake_snk.fails, -1);
		for (i = 0; i < (uint32_t)fake_snk.ack_before_fail &&
		    i < b->nrecords; i++) {
			fake_see(&b->records[i]);
			leat_sink_ack(self, i);
		}
		return fake_error(fake_snk.fail_class, err);
	}
	for (i = 0; i < b->nrecords; i++) {
		if (fake_is_bad(&b->records[i]) && !fake_snk.report_bad)
			return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "cannot swallow this");
	}
	for (i = 0; i < b->nrecords; i++) {
		if (fake_is_bad(&b->records[i])) {
			leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
			    "cannot swallow this");
			rc = leat_sink_fail(self, i, err);
			if (rc < 0)
				return rc;
			leat_err_clear(err);
			continue;
		}
		fake_see(&b->records[i]);
	}
	return 0;
}

static int32_t
fake_sink_flush(void *self, struct leat_err *err)
{
	(void)self;
	(void)err;
	fake_add(&fake_snk.flushes, 1);
	return 0;
}

static void
fake_sink_close(void *self)
{
	(void)self;
	fake_add(&fake_snk.closes, 1);
}

/* clang-format off */
static const struct leat_option fake_options[] = {
	{ "fake.total", NULL, LEAT_OPT_INT, 0, "-1", -1, INT64_MAX, NULL,
	    offsetof(struct fake_config, total), "How many.", "1" },
	{ "fake.per.poll", NULL, LEAT_OPT_INT, 0, "10", 1, 1000000, NULL,
	    offsetof(struct fake_config, per_poll), "How many a poll.", "1" },
	{ "fake.value.bytes", NULL, LEAT_OPT_INT, 0, "0", 0, 10000000, NULL,
	    offsetof(struct fake_config, value_bytes), "How large.", "1" },
	{ "fake.tasks", NULL, LEAT_OPT_INT, 0, "1", 0, 100, NULL,
	    offsetof(struct fake_config, tasks), "How many tasks.", "1" },
	{ "fake.topic", NULL, LEAT_OPT_STRING, 0, "t", 0, 0, NULL,
	    offsetof(struct fake_config, topic), "Where to.", "1" },
	{ NULL, NULL, 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL }
};
/* clang-format on */

static const struct leat_source_ops fake_source_ops = {
	.size = sizeof(struct leat_source_ops),
	.open = fake_source_open,
	.poll = fake_source_poll,
	.durable = fake_source_durable,
	.tick = fake_source_tick,
	.interrupt = fake_source_interrupt,
	.close = fake_source_close,
};

static const struct leat_sink_ops fake_sink_ops = {
	.size = sizeof(struct leat_sink_ops),
	.open = fake_sink_open,
	.put = fake_sink_put,
	.flush = fake_sink_flush,
	.close = fake_sink_close,
};

static const struct leat_connector fake_source_connector = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "fake-source",
	.version = "1",
	.flags = LEAT_CAN_EXACTLY_ONCE,
	.options = fake_options,
	.config_size = sizeof(struct fake_config),
	.plan = fake_source_plan,
	.source = &fake_source_ops,
};

static const struct leat_connector fake_sink_connector = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SINK,
	.name = "fake-sink",
	.version = "1",
	.options = fake_options,
	.config_size = sizeof(struct fake_config),
	.sink = &fake_sink_ops,
};

static const struct leat_connector *const fake_connectors[] = {
	&fake_source_connector,
	&fake_sink_connector,
};

static const struct leat_plugin fake_plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "leat-fake",
	.version = "1",
	.connectors = fake_connectors,
	.nconnectors = 2,
};

/* -------------------------------------------------------------- fixture */

struct testing {
	char dir[64];
	struct broker *broker;
	struct bus *bus;
	struct metrics *metrics;
	struct registry *registry;
	struct budget *budget;
	struct herder *herder;
	struct leat_err err;
	uint64_t generation;
	size_t stuck;
};

/* Waits until the condition holds, 10 s at most. */
#define testing_wait(cond)                                              \
	do {                                                            \
		int64_t until_ = clock_mono_ms(&clock_system) + 10000;  \
		while (!(cond) && clock_mono_ms(&clock_system) < until_) \
			fake_nap();                                     \
		assert_true(cond);                                      \
	} while (0)

static size_t testing_memory = 64 * 1024 * 1024;
static int64_t testing_stop_ms = 5000;

TESTING void
testing_open(struct testing *f)
{
	struct broker_options o;
	struct herder_options h = { 0 };

	broker_options_init(&o);
	o.dir = f->dir;
	if (broker_open(&o, &f->broker, &f->err) < 0 ||
	    bus_open_embedded(f->broker, &f->bus, &f->err) < 0)
		fail_msg("%s", f->err.text);
	f->metrics = metrics_new(10000);
	f->budget = budget_new(testing_memory);
	f->registry = registry_new();
	if (registry_add_static(f->registry, "fake", &fake_plugin,
	    &f->err) < 0)
		fail_msg("%s", f->err.text);
	h.bus = f->bus;
	h.registry = f->registry;
	h.metrics = f->metrics;
	h.budget = f->budget;
	h.clock = &clock_system;
	h.worker_id = "test:1";
	h.stop_timeout_ms = testing_stop_ms;
	if (herder_new(&h, &f->herder, &f->err) < 0)
		fail_msg("%s", f->err.text);
}

TESTING void
testing_close(struct testing *f)
{
	f->stuck = herder_stop(f->herder);
	herder_free(TAKE(f->herder));
	if (f->stuck > 0) {	/* a test lets them go in the end */
		testing_wait(fake_load(&fake_src.opens) ==
		    fake_load(&fake_src.closes));
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	}
	budget_free(TAKE(f->budget));
	registry_free(TAKE(f->registry));
	bus_close(TAKE(f->bus));
	broker_close(TAKE(f->broker));
	metrics_free(TAKE(f->metrics));
}

TESTING int
testing_setup(void **state)
{
	struct testing *f = calloc(1, sizeof(*f));
	struct log_settings quiet = { .level = LOG_LEVEL_ERROR, .fd = 2 };

	if (getenv("TH_LOG") != NULL)
		quiet.level = LOG_LEVEL_DEBUG;
	else
		quiet.fd = -1;
	log_setup(&quiet);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/leat-worker-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	memset(&fake_src, 0, sizeof(fake_src));
	memset(&fake_snk, 0, sizeof(fake_snk));
	lock_init(&fake_snk.lock, RANK_LEAF);
	testing_memory = 64 * 1024 * 1024;
	testing_stop_ms = 5000;
	testing_open(f);
	*state = f;
	return 0;
}

TESTING int
testing_teardown(void **state)
{
	struct testing *f = *state;
	char cmd[128];

	if (f->herder != NULL)
		testing_close(f);
	free(fake_snk.seen);
	lock_fini(&fake_snk.lock);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	free(f);
	return system(cmd); /* style: a test's own folder */
}

/* Properties from key, value, ..., NULL, with plain text converters. */
TESTING struct properties *
testing_props(const char *key, ...)
{
	struct properties_builder *b = properties_builder_new();
	struct place at = { "test", 1, 1 };
	struct properties *p;
	va_list ap;

	properties_builder_set(b, "key.converter",
	    "org.apache.kafka.connect.storage.StringConverter",
	    "org.apache.kafka.connect.storage.StringConverter", at, false);
	properties_builder_set(b, "value.converter",
	    "org.apache.kafka.connect.storage.StringConverter",
	    "org.apache.kafka.connect.storage.StringConverter", at, false);
	va_start(ap, key);
	for (; key != NULL; key = va_arg(ap, const char *)) {
		const char *value = va_arg(ap, const char *);

		properties_builder_set(b, key, value, value, at, false);
	}
	va_end(ap);
	p = properties_builder_finish(b);
	properties_builder_free(b);
	assert_non_null(p);
	return p;
}

TESTING void
testing_apply(struct testing *f, const struct wanted *list, size_t n)
{
	if (herder_apply(f->herder, list, n, ++f->generation, &f->err) < 0)
		fail_msg("%s", f->err.text);
}

/* Runs one connector and nothing else; takes the properties. */
TESTING void
testing_run(struct testing *f, const char *name, struct properties *props)
{
	struct wanted w = { name, props };

	testing_apply(f, &w, 1);
	properties_unref(props);
}

TESTING void
testing_settle(struct testing *f)
{
	assert_int_equal(herder_settle(f->herder, 10000), 0);
}

/* All records of a topic, as "value,value,", in testing_text. */
static char testing_text[1 << 20];

TESTING size_t
testing_read(struct testing *f, const char *topic,
    void (*each)(const struct bus_message *m))
{
	struct bus_consumer_options o = { .topics = &topic, .ntopics = 1,
		.members = 1 };
	const struct bus_message *m;
	struct bus_consumer *c = NULL;
	size_t i, n, len = 0, total = 0;

	testing_text[0] = '\0';
	if (bus_consumer_open(f->bus, &o, &c, &f->err) < 0)
		fail_msg("%s", f->err.text);
	do {
		if (bus_poll(c, &m, &n, &f->err) < 0)
			fail_msg("%s", f->err.text);
		for (i = 0; i < n; i++) {
			if (len + m[i].value.len + 2 < sizeof(testing_text)) {
				memcpy(testing_text + len, m[i].value.ptr,
				    m[i].value.len);
				len += m[i].value.len;
				testing_text[len++] = ',';
				testing_text[len] = '\0';
			}
			if (each != NULL)
				each(&m[i]);
		}
		total += n;
	} while (n > 0);
	bus_consumer_close(c);
	return total;
}

/* A number of the metrics, by the start of its line. */
TESTING int64_t
testing_metric(struct testing *f, const char *line)
{
	struct leat_buf text;
	char start[256];
	int64_t v = -1;
	const char *at;

	leat_buf_init(&text, 1 << 22);
	assert_true(metrics_print(f->metrics, &text) >= 0);
	(void)snprintf(start, sizeof(start), "\n%s", line);
	at = strstr(leat_buf_cstr(&text), start);
	if (at != NULL) {
		struct leat_str rest = leat_str_c(at + strlen(start));

		(void)leat_parse_i64(leat_str_trim(leat_str_cut(&rest, '\n')),
		    INT64_MIN, INT64_MAX, &v);
	}
	leat_buf_fini(&text);
	return v;
}

/* The state of a connector's task, or of the connector (task -1). */
TESTING const char *
testing_state(struct testing *f, const char *name, int task,
    const char **ret_trace)
{
	static char state[64], trace[1024];
	struct connector_status st;
	struct leat_arena arena;

	leat_arena_init(&arena, 4096, 0);
	(void)snprintf(state, sizeof(state), "none");
	trace[0] = '\0';
	if (herder_status(f->herder, name, &arena, &st, &f->err) == 0) {
		if (task < 0) {
			(void)snprintf(state, sizeof(state), "%s", st.state);
			if (st.trace != NULL)
				(void)snprintf(trace, sizeof(trace), "%s",
				    st.trace);
		} else if ((size_t)task < st.ntasks) {
			(void)snprintf(state, sizeof(state), "%s",
			    st.tasks[task].detail);
			if (st.tasks[task].trace != NULL)
				(void)snprintf(trace, sizeof(trace), "%s",
				    st.tasks[task].trace);
		}
		connector_status_put(&st);
	}
	leat_arena_fini(&arena);
	if (ret_trace != NULL)
		*ret_trace = trace;
	return state;
}

#endif
