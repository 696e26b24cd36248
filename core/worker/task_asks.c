/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/task_asks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/plugin/registry.h"
#include "core/worker/task.h"

enum { READER_BYTES = 256 * 1024, READER_RECORDS = 100 };

/* ----------------------------------------------------------------- signals */

static const char *
put_text(char **to, const char *s)
{
	size_t n = strlen(s) + 1;
	char *at = memcpy(*to, s, n);

	*to += n;
	return at;
}

static struct task_signal *
signal_new(const char *id, const char *type, const char *data)
{
	struct task_signal *s = malloc(sizeof(*s) + strlen(id) + strlen(type) +
	    strlen(data) + 3);
	char *text;

	if (s == NULL)
		return NULL;
	text = (char *)(s + 1);
	s->next = NULL;
	s->id = put_text(&text, id);
	s->type = put_text(&text, type);
	s->data = put_text(&text, data);
	return s;
}

static bool
is_up(enum task_state s)
{
	return s == TASK_RUNNING || s == TASK_OPENING || s == TASK_BACKOFF ||
	    s == TASK_NEW;
}

int
task_signal(struct leat_task *t, const char *id, const char *type,
    const char *data, struct leat_err *err)
{
	struct task_signal *s, **at;
	size_t n = 0;

	OBJ_CHECK(t, TASK_MAGIC);
	if (!is_up(task_state(t)))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "task %s-%d is %s: it takes signals while it runs",
		    t->connector, (int)t->o.id, task_state_name(task_state(t)));
	if (strlen(id) + strlen(type) + strlen(data) > TASK_SIGNAL_BYTES)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "a signal of more than 1 MiB");
	s = signal_new(id, type, data);
	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	lock_acquire(&t->lock);
	for (at = &t->signals; *at != NULL; at = &(*at)->next)
		n++;
	/* The task looks at the head without the lock. */
	if (n < TASK_SIGNALS_MAX)
		__atomic_store_n(at, s, __ATOMIC_RELAXED);
	lock_release(&t->lock);
	if (n == TASK_SIGNALS_MAX) {
		free(s);
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "%d signals wait for task %s-%d already", TASK_SIGNALS_MAX,
		    t->connector, (int)t->o.id);
	}
	wake_up(&t->wake);
	return 0;
}

static struct task_signal *
take_all(struct leat_task *t)
{
	struct task_signal *all;

	lock_acquire(&t->lock);
	all = t->signals;
	__atomic_store_n(&t->signals, NULL, __ATOMIC_RELAXED);
	lock_release(&t->lock);
	return all;
}

void
task_signals_free(struct leat_task *t)
{
	struct task_signal *s = take_all(t);

	while (s != NULL) {
		struct task_signal *next = s->next;

		free(s);
		s = next;
	}
}

static void
deliver(struct leat_task *t, const struct task_signal *s)
{
	const struct leat_signal sig = { .size = sizeof(sig), .id = s->id,
		.type = s->type, .data = s->data };
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	task_enter(t, "signal");
	rc = t->o.conn->source.signal(t->self, &sig, &err);
	task_leave(t);
	if (rc < 0 && err.code == 0)
		(void)leat_err_set(&err, LEAT_CLS_RECORD, rc, "signal() failed "
		    "without a reason (code %d)", rc);
	if (rc < 0)
		log_warn_err(&t->log, "signal refused", &err);
}

void
task_signals_deliver(struct leat_task *t)
{
	struct task_signal *s;

	if (t->o.conn->source.signal == NULL ||
	    __atomic_load_n(&t->signals, __ATOMIC_RELAXED) == NULL)
		return;
	s = take_all(t);
	while (s != NULL) {
		struct task_signal *next = s->next;

		deliver(t, s);
		free(s);
		s = next;
	}
}

/* ------------------------------------------------------------------ topics */

void
topic_reader_close(struct topic_reader *r)
{
	bus_consumer_close(r->consumer);
	free(r->topic);
	*r = (struct topic_reader){ 0 };
}

static int
reader_open(struct leat_task *t, struct topic_reader *r, const char *topic,
    struct leat_err *err)
{
	const char *topics[1] = { topic };
	const struct bus_consumer_options o = { .topics = topics, .ntopics = 1,
		.members = 1, .poll_bytes = READER_BYTES,
		.poll_records = READER_RECORDS, .wake = &t->wake };

	topic_reader_close(r);
	r->topic = strdup(topic);
	if (r->topic == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (bus_consumer_open(t->o.bus, &o, &r->consumer, err) < 0) {
		topic_reader_close(r);
		return err->code;
	}
	r->next = -1;
	return 0;
}

static int
reader_seek(struct topic_reader *r, int64_t from, struct leat_err *err)
{
	const struct bus_offset to = { r->topic, 0, from };

	if (r->next == from)
		return 0;
	r->n = r->at = 0;
	r->next = from;
	return bus_consumer_seek(r->consumer, &to, err);
}

/* The next message of partition 0: 1, or 0 when there is none. */
static int
reader_next(struct topic_reader *r, const struct bus_message **ret,
    struct leat_err *err)
{
	for (;;) {
		if (r->at == r->n) {
			r->at = r->n = 0;
			if (bus_poll(r->consumer, &r->messages, &r->n, err) < 0)
				return err->code;
			if (r->n == 0)
				return 0;
		}
		*ret = &r->messages[r->at++];
		if ((*ret)->partition == 0)
			return 1;
	}
}

int32_t
task_topic_next(struct leat_task *t, const char *topic, int64_t from,
    struct leat_topic_record *rec, struct leat_err *err)
{
	struct topic_reader *r = &t->topic_reader;
	struct leat_topic_record own = { .size = sizeof(own) };
	const struct bus_message *m = NULL;
	int rc;

	if (bus_topic_partitions(t->o.bus, topic) <= 0)
		return 0;
	if ((r->topic == NULL || strcmp(r->topic, topic) != 0) &&
	    reader_open(t, r, topic, err) < 0)
		return err->code;
	rc = reader_seek(r, from, err);
	if (rc == 0)
		rc = reader_next(r, &m, err);
	if (rc <= 0) {
		if (rc < 0)
			topic_reader_close(r);
		return rc;
	}
	r->next = m->offset + 1;
	own.offset = m->offset;
	own.timestamp_ms = m->timestamp_ms;
	own.key = m->key.ptr;
	own.key_len = (uint32_t)m->key.len;
	own.value = m->value.ptr;
	own.value_len = (uint32_t)m->value.len;
	/* Of an older plugin the struct is shorter. */
	own.size = rec->size;
	memcpy(rec, &own, MIN(rec->size, sizeof(own)));
	return 1;
}
