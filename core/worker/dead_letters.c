/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letters.c: see dead_letters.h.
 */
#include "core/worker/dead_letters.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/worker/errors.h"
#include "core/worker/task.h"

enum { OWN_HEADERS = 10, NUMBER_MAX = 24, FLUSH_MS = 30000 };

struct dead_letters {
	struct leat_task *task;
	char *topic;
	bool with_headers;
	struct bus_producer *producer;	/* NULL before the first */
	struct bus_header *headers;
	uint32_t cap;
	uint64_t waiting;	/* letters not flushed */
	uint64_t ticket;
};

/* The numbers of one letter's headers, as text. */
struct letter_text {
	char partition[NUMBER_MAX];
	char offset[NUMBER_MAX];
	char task[NUMBER_MAX];
	char class[64];
	char trace[640];
};

struct dead_letters *
dead_letters_new(struct leat_task *t, const char *topic, bool headers)
{
	struct dead_letters *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->task = t;
	d->with_headers = headers;
	d->topic = strdup(topic);
	if (d->topic == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
dead_letters_free(struct dead_letters *d)
{
	if (d == NULL)
		return;
	bus_producer_close(d->producer);
	free(d->headers);
	free(d->topic);
	free(d);
}

static int
open_producer(struct dead_letters *d, struct leat_err *err)
{
	struct bus_producer_options o = { .connector = d->task->connector,
		.partitions = 1,
		.create_topics = true,
		.message_bytes = 8 * 1024 * 1024,
		.wake = &d->task->wake };

	if (d->producer != NULL)
		return 0;
	return bus_producer_open(d->task->o.bus, &o, &d->producer, err);
}

static void
put_header(struct bus_header *h, uint32_t *n, const char *name,
    const char *value)
{
	h[*n].name = leat_str_c(name);
	h[*n].value = leat_str_c(value);
	(*n)++;
}

/*
 * Kafka Connect gives Java's class of the exception; ours are the classes of
 * leat_err, under a name that says whose they are.
 */
static void
letter_text(const struct dead_letters *d, const struct bus_message *m,
    const struct leat_err *why, struct letter_text *text)
{
	(void)snprintf(text->partition, sizeof(text->partition), "%d",
	    (int)m->partition);
	(void)snprintf(text->offset, sizeof(text->offset), "%" PRId64,
	    m->offset);
	(void)snprintf(text->task, sizeof(text->task), "%d",
	    (int)d->task->o.id);
	(void)snprintf(text->class, sizeof(text->class), "leat.%s",
	    leat_err_class_name(why->cls));
	(void)snprintf(text->trace, sizeof(text->trace), "%s: %s (code %d, "
	    "%s:%d)", text->class, why->text, (int)why->code,
	    why->file == NULL ? "?" : why->file, (int)why->line);
}

static uint32_t
add_headers(const struct dead_letters *d, const struct bus_message *m,
    const struct chain_failure *failure, const struct leat_err *why,
    struct letter_text *text)
{
	struct bus_header *h = d->headers;
	uint32_t n = m->nheaders;

	letter_text(d, m, why, text);
	put_header(h, &n, "__connect.errors.topic", m->topic);
	put_header(h, &n, "__connect.errors.partition", text->partition);
	put_header(h, &n, "__connect.errors.offset", text->offset);
	put_header(h, &n, "__connect.errors.connector.name",
	    d->task->connector);
	put_header(h, &n, "__connect.errors.task.id", text->task);
	put_header(h, &n, "__connect.errors.stage", errors_stage(failure));
	put_header(h, &n, "__connect.errors.class.name",
	    failure->what == NULL ? "" : failure->what);
	put_header(h, &n, "__connect.errors.exception.class.name",
	    text->class);
	put_header(h, &n, "__connect.errors.exception.message", why->text);
	put_header(h, &n, "__connect.errors.exception.stacktrace",
	    text->trace);
	return n;
}

static int
headers_fit(struct dead_letters *d, uint32_t n)
{
	struct bus_header *more;

	if (n <= d->cap)
		return 0;
	more = realloc(d->headers, n * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	d->headers = more;
	d->cap = n;
	return 0;
}

int
dead_letters_add(struct dead_letters *d, const struct bus_message *m,
    const struct chain_failure *failure, const struct leat_err *why,
    struct leat_err *err)
{
	struct bus_message letter = *m;
	struct letter_text text;
	int rc;

	if (open_producer(d, err) < 0)
		goto failed;
	letter.topic = d->topic;
	letter.partition = -1;
	if (d->with_headers) {
		if (headers_fit(d, m->nheaders + OWN_HEADERS) < 0) {
			leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
			goto failed;
		}
		if (m->nheaders > 0)
			memcpy(d->headers, m->headers,
			    m->nheaders * sizeof(*d->headers));
		letter.nheaders = add_headers(d, m, failure, why, &text);
		letter.headers = d->headers;
	}
	while ((rc = bus_produce(d->producer, &letter, err)) == -EAGAIN) {
		if (dead_letters_flush(d, err) < 0)
			return err->code;
	}
	if (rc < 0)
		goto failed;
	d->waiting++;
	task_count(&d->task->m, M_DLQ, 1);
	return 0;
failed:
	task_count(&d->task->m, M_DLQ_FAILURES, 1);
	/* Whatever it is: the record must not be lost, so the task retries. */
	if (err->cls == LEAT_CLS_RECORD)
		err->cls = LEAT_CLS_CONFIG;
	return leat_err_wrap(err, "dead letter to '%s'", d->topic);
}

int
dead_letters_flush(struct dead_letters *d, struct leat_err *err)
{
	struct leat_task *t = d->task;
	int64_t until = task_now_ms(t) + FLUSH_MS;
	uint64_t ticket;
	int rc;

	if (d->producer == NULL || d->waiting == 0)
		return 0;
	rc = bus_commit(d->producer, ++d->ticket, err);
	while (rc == 0 && (rc = bus_commit_poll(d->producer, &ticket,
	    err)) == 0) {
		if (task_now_ms(t) >= until)
			rc = leat_err_set(err, LEAT_CLS_RETRY, -ETIME,
			    "not durable within %d ms", (int)FLUSH_MS);
		else
			task_wait(t, -1, 0, until);
	}
	if (rc < 0) {
		task_count(&t->m, M_DLQ_FAILURES, (int64_t)d->waiting);
		return leat_err_wrap(err, "dead letters to '%s'", d->topic);
	}
	d->waiting = 0;
	return 0;
}

size_t
dead_letters_held(const struct dead_letters *d)
{
	return d == NULL || d->producer == NULL ? 0 :
	    bus_producer_held(d->producer);
}
