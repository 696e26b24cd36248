/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_table.c: the host table of the fake host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sdk/testkit/fake.h"

enum { MOST_METRICS = 256 };

static struct leat_fake *
fake_of(struct leat_task *t)
{
	return (struct leat_fake *)(void *)t;
}

/* Is this the allocation that is to fail? */
static bool
fails(struct leat_fake *f)
{
	if (f->fail_at == 0)
		return false;
	if (f->fail_at > 1) {
		f->fail_at--;
		return false;
	}
	f->has_failed = true;
	return true;
}

/* ----------------------------------------------------------------- logging */

static int32_t
host_log_enabled(struct leat_task *t, int32_t level)
{
	(void)t;
	return level <= LEAT_LOG_DEBUG;
}

static void
host_log(struct leat_task *t, int32_t level, const char *msg,
    const char *fields)
{
	static const char *const names[] = {
		"error", "warn", "notice", "info", "debug"
	};
	struct leat_fake *f = fake_of(t);
	char *line;

	if (level < LEAT_LOG_ERROR || level > LEAT_LOG_DEBUG) {
		fake_broken(f, "log: unknown level %d", (int)level);
		return;
	}
	line = fake_need(leat_arena_printf(&f->arena, "%s %s %s",
	    names[level], msg, fields));
	fake_add(&f->logs, line);
	if (getenv("LEAT_FAKE_LOG") != NULL)
		(void)fprintf(stderr, "%s\n", line);
}

/* ----------------------------------------------------------------- batches */

static uint8_t *
host_batch_grow(struct leat_batch *b, uint64_t size)
{
	struct leat_fake *f = fake_of(b->task);

	if (!f->in_poll)
		fake_broken(f, "leat_batch_alloc() outside of poll()");
	if (fails(f))
		return NULL;
	f->batch_bytes += size;
	if (f->batch_bytes >= f->limit_bytes)
		b->full = 1;
	return fake_lend(&f->batch_loans, size);
}

/* As Kafka has it: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". */
static bool
is_topic(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < 250 && s[n] == '\0' && strcmp(s, ".") != 0 &&
	    strcmp(s, "..") != 0;
}

/* A schema must be NULL or this task's, and the value must fit. */
static void
check_value(struct leat_fake *f, const char *what,
    const struct leat_schema *schema, const struct leat_value *v)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (schema == NULL) {
		if (v->kind == LEAT_STRUCT)
			fake_broken(f, "%s: a struct needs a schema", what);
		return;
	}
	if (!schema->interned ||
	    leat_schema_pool_intern(f->pool, schema, NULL) != schema)
		fake_broken(f, "%s: the schema is not interned by this task",
		    what);
	else if (leat_value_check(schema, v, &err) < 0)
		fake_broken(f, "%s: %s", what, err.text);
}

static void
check_record(struct leat_fake *f, const struct leat_record *rec)
{
	uint32_t i;

	if (!f->in_poll)
		fake_broken(f, "leat_batch_add() outside of poll()");
	if (rec->topic == NULL || !is_topic(rec->topic))
		fake_broken(f, "'%s' is not the name of a topic",
		    rec->topic == NULL ? "(null)" : rec->topic);
	if (rec->partition < LEAT_PARTITION_ANY)
		fake_broken(f, "partition %d", (int)rec->partition);
	if (rec->timestamp_ms < LEAT_TIMESTAMP_NONE)
		fake_broken(f, "timestamp %lld", (long long)rec->timestamp_ms);
	check_value(f, "key", rec->key_schema, &rec->key);
	check_value(f, "value", rec->value_schema, &rec->value);
	for (i = 0; i < rec->nheaders; i++) {
		if (rec->headers[i].name == NULL)
			fake_broken(f, "header %u has no name", (unsigned)i);
		check_value(f, "header", rec->headers[i].schema,
		    &rec->headers[i].value);
	}
}

static int32_t
host_batch_add(struct leat_batch *b, const struct leat_record *rec)
{
	struct leat_fake *f = fake_of(b->task);
	struct leat_record *copy;

	if (fails(f))
		return -ENOMEM;
	check_record(f, rec);
	if (f->broken[0] != '\0')
		return -EINVAL;
	/* What it points to is copied when poll() has returned. */
	copy = fake_need(leat_arena_memdup(&f->arena, rec, sizeof(*rec)));
	fake_add(&f->records, copy);
	b->nrecords++;
	if (b->nrecords >= f->limit_records)
		b->full = 1;
	return 0;
}

static int32_t
host_batch_position(struct leat_batch *b, const struct leat_position *pos)
{
	struct leat_fake *f = fake_of(b->task);
	struct leat_fake_position *copy;

	if (fails(f)) {
		f->position_failed = true;
		return -ENOMEM;
	}
	if (!f->in_poll)
		fake_broken(f, "leat_batch_position() outside of poll()");
	if (fake_canonical(f, pos->partition) == NULL)
		fake_broken(f, "the partition is not a JSON object");
	if (fake_canonical(f, pos->offset) == NULL)
		fake_broken(f, "the offset is not a JSON object");
	if (f->broken[0] != '\0')
		return -EINVAL;
	copy = fake_need(leat_arena_alloc(&f->arena, sizeof(*copy)));
	copy->partition = fake_strdup(f, pos->partition);
	copy->offset = fake_strdup(f, pos->offset);
	copy->nrecords = f->records.len;
	fake_add(&f->positions, copy);
	return 0;
}

/* --------------------------------------------------------- schemas, offsets */

static const struct leat_schema *
host_schema_intern(struct leat_task *t, const struct leat_schema *schema,
    struct leat_err *err)
{
	struct leat_fake *f = fake_of(t);

	if (fails(f)) {
		(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a schema");
		return NULL;
	}
	return leat_schema_pool_intern(f->pool, schema, err);
}

static const char *
host_offset_get(struct leat_task *t, const char *partition)
{
	struct leat_fake *f = fake_of(t);
	const char *key = fake_canonical(f, partition), *offset;
	char *lent;
	size_t n;

	if (key == NULL) {
		fake_broken(f, "the partition is not a JSON object");
		return NULL;
	}
	offset = leat_map_get_c(&f->offsets, key);
	if (offset == NULL)
		return NULL;
	n = strlen(offset) + 1;
	lent = fake_lend(&f->call_loans, n);
	memcpy(lent, offset, n);
	return lent;
}

/* ---------------------------------------------------------- waiting, clocks */

static void
host_wait(struct leat_task *t, int32_t fd, int32_t events, int64_t timeout_ms)
{
	struct leat_fake *f = fake_of(t);

	f->wait_fd = fd;
	f->wait_events = events;
	f->wait_ms = timeout_ms;
}

static int32_t
host_stopping(struct leat_task *t)
{
	return __atomic_load_n(&fake_of(t)->stopping, __ATOMIC_ACQUIRE);
}

static int64_t
read_clock_us(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
fake_mono_ms(const struct leat_fake *f)
{
	return (f->scripted ? f->clock_us : read_clock_us(CLOCK_MONOTONIC)) /
	    1000;
}

static int64_t
host_now_us(struct leat_task *t)
{
	struct leat_fake *f = fake_of(t);

	return f->scripted ? f->clock_us : read_clock_us(CLOCK_REALTIME);
}

static int64_t
host_mono_ms(struct leat_task *t)
{
	return fake_mono_ms(fake_of(t));
}

/* ------------------------------------------------------------------ topics */

/* Offsets count the records of one topic. */
static int32_t
host_topic_next(struct leat_task *t, const char *topic, int64_t from,
    struct leat_topic_record *rec, struct leat_err *err)
{
	struct leat_fake *f = fake_of(t);
	int64_t offset = -1;

	if (rec->size != sizeof(*rec) || from < 0) {
		fake_broken(f, "leat_topic_next(): size %u, offset %lld",
		    (unsigned)rec->size, (long long)from);
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "leat_topic_next() was misused");
	}
	for (size_t i = 0; i < f->topic.len; i++) {
		const struct fake_topic_record *r = f->topic.items[i];

		if (strcmp(r->topic, topic) != 0 || ++offset < from)
			continue;
		*rec = (struct leat_topic_record){ .size = sizeof(*rec),
			.offset = offset, .key = r->key, .value = r->value };
		rec->key_len = r->key == NULL ? 0 : (uint32_t)strlen(r->key);
		rec->value_len = r->value == NULL ? 0 :
		    (uint32_t)strlen(r->value);
		return 1;
	}
	return 0;
}

/* --------------------------------------------------------- metrics, status */

static int64_t *
host_metric(struct leat_task *t, int32_t type, const char *name,
    const char *help)
{
	struct leat_fake *f = fake_of(t);
	struct fake_metric *m;
	size_t i;

	for (i = 0; i < f->metrics.len; i++) {
		m = f->metrics.items[i];
		if (strcmp(m->name, name) == 0)
			return &m->value;
	}
	if (type != LEAT_METRIC_COUNTER && type != LEAT_METRIC_GAUGE)
		fake_broken(f, "metric %s: unknown type", name);
	if (help == NULL || help[0] == '\0')
		fake_broken(f, "metric %s has no help text", name);
	if (f->metrics.len == MOST_METRICS)
		return NULL;
	m = fake_need(leat_arena_alloc(&f->arena, sizeof(*m)));
	*m = (struct fake_metric){ fake_strdup(f, name), type, 0 };
	fake_add(&f->metrics, m);
	return &m->value;
}

static void
host_status(struct leat_task *t, const char *json)
{
	struct leat_fake *f = fake_of(t);

	if (fake_canonical(f, json) == NULL)
		fake_broken(f, "the status is not a JSON object");
	else
		f->status = fake_strdup(f, json);
}

static const char *
host_task_name(struct leat_task *t)
{
	(void)t;
	return "fake";
}

static int32_t
host_task_id(struct leat_task *t)
{
	(void)t;
	return 0;
}

/* ------------------------------------------------------------ sinks, plans */

static void
host_sink_ack(struct leat_task *t, uint32_t index)
{
	struct leat_fake *f = fake_of(t);

	if (f->putting == NULL || index >= f->putting->nrecords)
		fake_broken(f, "leat_sink_ack(%u) outside of the put()",
		    (unsigned)index);
	else
		f->acked[index] = 1;
}

static int32_t
host_sink_fail(struct leat_task *t, uint32_t index, const struct leat_err *err)
{
	struct leat_fake *f = fake_of(t);
	struct fake_failure *failure;

	if (f->putting == NULL || index >= f->putting->nrecords) {
		fake_broken(f, "leat_sink_fail(%u) outside of the put()",
		    (unsigned)index);
		return -EINVAL;
	}
	if (err == NULL || err->text[0] == '\0')
		fake_broken(f, "leat_sink_fail() without an error's text");
	if (f->refuse_failures || err == NULL)
		return LEAT_E_DATA;
	failure = fake_need(leat_arena_alloc(&f->arena, sizeof(*failure)));
	failure->index = index;
	failure->err = *err;
	fake_add(&f->failures, failure);
	return 0;
}

static int32_t
host_plan_add(struct leat_task *t, const struct leat_param *over, uint32_t n)
{
	struct leat_fake *f = fake_of(t);
	struct fake_plan *plan;
	struct leat_param *params;
	uint32_t i;

	plan = fake_need(leat_arena_alloc(&f->arena, sizeof(*plan)));
	params = fake_need(leat_arena_calloc(&f->arena, n, sizeof(*params)));
	for (i = 0; i < n; i++) {
		if (leat_options_find(f->connector->options, over[i].key,
		    NULL) == NULL)
			fake_broken(f, "plan: unknown option '%s'",
			    over[i].key);
		params[i].key = fake_strdup(f, over[i].key);
		params[i].value = fake_strdup(f, over[i].value);
	}
	*plan = (struct fake_plan){ params, n };
	fake_add(&f->plans, plan);
	return 0;
}

const struct leat_host fake_table = {
	.size = sizeof(struct leat_host),
	.version = "fake",
	.log_enabled = host_log_enabled,
	.log = host_log,
	.batch_grow = host_batch_grow,
	.batch_add = host_batch_add,
	.batch_position = host_batch_position,
	.schema_intern = host_schema_intern,
	.offset_get = host_offset_get,
	.wait = host_wait,
	.stopping = host_stopping,
	.now_us = host_now_us,
	.mono_ms = host_mono_ms,
	.metric = host_metric,
	.sink_ack = host_sink_ack,
	.sink_fail = host_sink_fail,
	.plan_add = host_plan_add,
	.status = host_status,
	.task_name = host_task_name,
	.task_id = host_task_id,
	.topic_next = host_topic_next,
};
