/* SPDX-License-Identifier: Apache-2.0 */
/* consume_run.c: the loop of `leat consume`; see consume.h. */
#include "core/cli/consume.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/obj.h"
#include "core/cli/cli.h"

enum { BATCH = 1000, WAIT_MS = 100, FLUSH_BYTES = 256 << 10 };

/* ---------------------------------------------------------------- output */

static int
write_all(struct consume *c)
{
	size_t at = 0;

	while (at < c->out.len) {
		ssize_t n = write(
		    STDOUT_FILENO, c->out.data + at, c->out.len - at);

		if (n < 0 && errno == EINTR && kafka_stop_signal() == 0)
			continue;
		if (n < 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

void
consume_flush(struct consume *c)
{
	if (c->closed)
		return;
	if (c->out.failed) {
		fputs("leat: out of memory\n", stderr);
		c->closed = true;
		c->exit_code = EXIT_FAILED;
	} else if (write_all(c) < 0) {
		c->closed = true;
		if (errno != EPIPE && errno != EINTR) {
			fprintf(stderr, "leat: write: %s\n", strerror(errno));
			c->exit_code = EXIT_FAILED;
		}
	} else if (c->done != NULL && c->done->cnt > 0 && c->out.len > 0) {
		rdk.offsets_store(c->k.rk, c->done);
	}
	leat_buf_reset(&c->out);
}

/* Does nobody read it? Asked while no record comes. */
static void
look_at_reader(struct consume *c)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	if (poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0)
		c->closed = true;
}

/* --------------------------------------------------------------- records */

static void
take_headers(struct consume *c, const rd_kafka_message_t *m,
    struct cli_record *r)
{
	rd_kafka_headers_t *all;
	struct cli_header *to;
	const char *name;
	const void *value;
	size_t n = 0, size;

	if (rdk.message_headers(m, &all) != 0)
		return;
	while (rdk.header_get_all(all, n, &name, &value, &size) == 0)
		n++;
	leat_arena_reset(&c->record);
	to = leat_arena_calloc(&c->record, n, sizeof(*to));
	if (to == NULL) {
		c->out.failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		rdk.header_get_all(all, i, &name, &value, &size);
		to[i].name = leat_str_c(name);
		to[i].value = (struct leat_str){ value, size };
	}
	r->headers = to;
	r->nheaders = n;
}

/* A key or value: librdkafka has NULL for null, and bytes for empty. */
static struct leat_str
bytes(void *p, size_t len)
{
	return (struct leat_str){ p, len };
}

static void
print_message(struct consume *c, const rd_kafka_message_t *m)
{
	struct cli_record r = {
		.topic = leat_str_c(rdk.topic_name(m->rkt)),
		.partition = m->partition,
		.offset = m->offset,
		.timestamp = -1,
		.key = bytes(m->key, m->key_len),
		.value = bytes(m->payload, m->len),
	};
	rd_kafka_timestamp_type_t type;
	int64_t ms = rdk.message_timestamp(m, &type);

	if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
		r.timestamp = ms;
	if (c->json || c->format.headers)
		take_headers(c, m, &r);
	if (c->json)
		record_print_json(&r, &c->work, &c->out);
	else
		record_print(&c->format, &r, &c->out);
}

/* The group goes on behind this record, once it is written. */
static void
mark_done(struct consume *c, const rd_kafka_message_t *m)
{
	const char *topic = rdk.topic_name(m->rkt);
	rd_kafka_topic_partition_list_t *l = c->done;
	rd_kafka_topic_partition_t *p = NULL;

	for (int i = 0; i < l->cnt && p == NULL; i++)
		if (l->elems[i].partition == m->partition &&
		    strcmp(l->elems[i].topic, topic) == 0)
			p = &l->elems[i];
	if (p == NULL)
		p = rdk.topic_partition_list_add(l, topic, m->partition);
	p->offset = m->offset + 1;
}

static void
mark_end(struct consume *c, const rd_kafka_message_t *m)
{
	const char *topic = rdk.topic_name(m->rkt);

	for (int i = 0; i < c->parts->cnt; i++) {
		rd_kafka_topic_partition_t *p = &c->parts->elems[i];

		if (p->partition == m->partition &&
		    strcmp(p->topic, topic) == 0)
			p->opaque = p;
	}
}

static bool
all_ended(const struct consume *c)
{
	if (!c->exit_eof || (c->group && !c->assigned))
		return false;
	for (int i = 0; i < c->parts->cnt; i++)
		if (c->parts->elems[i].opaque == NULL)
			return false;
	return true;
}

/* What librdkafka goes on with by itself, having said it already. */
static bool
will_pass(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
	    code == RD_KAFKA_RESP_ERR__RESOLVE ||
	    code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	    code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED;
}

static void
take_error(struct consume *c, const rd_kafka_message_t *m)
{
	const char *topic = m->rkt != NULL ? rdk.topic_name(m->rkt) : "?";

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		mark_end(c, m);
		return;
	}
	if (will_pass(m->err))
		return;
	c->exit_code = m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
	    ? kafka_complain(&c->k, m->err,
		  "the records there have been deleted since",
		  "topic '%s' partition %d", topic, m->partition)
	    : kafka_complain(&c->k, m->err, m->payload,
		  "cannot read topic '%s'", topic);
}

static void
take_messages(struct consume *c, rd_kafka_message_t **all, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		if (c->exit_code == EXIT_OK && !c->closed && c->left != 0) {
			if (all[i]->err != 0) {
				take_error(c, all[i]);
			} else {
				print_message(c, all[i]);
				if (c->group)
					mark_done(c, all[i]);
				c->left -= c->left > 0;
			}
			if (c->out.len >= FLUSH_BYTES)
				consume_flush(c);
		}
		rdk.message_destroy(all[i]);
	}
}

/* ------------------------------------------------------------- the group */

void
consume_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
    rd_kafka_topic_partition_list_t *parts, void *arg)
{
	struct consume *c = (void *)((char *)arg - offsetof(struct consume, k));
	const char *protocol = rdk.rebalance_protocol(rk);
	bool cooperative = protocol != NULL &&
	    strcmp(protocol, "COOPERATIVE") == 0;
	bool given = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
	rd_kafka_topic_partition_list_t *now = NULL;

	/* What was printed is committed before somebody else goes on. */
	if (!given) {
		consume_flush(c);
		rdk.commit(rk, NULL, 0);
	}
	if (cooperative && given)
		rdk.error_destroy(rdk.incremental_assign(rk, parts));
	else if (cooperative)
		rdk.error_destroy(rdk.incremental_unassign(rk, parts));
	else
		rdk.assign(rk, given ? parts : NULL);
	rdk.topic_partition_list_destroy(c->done);
	c->done = rdk.topic_partition_list_new(8);
	if (rdk.assignment(rk, &now) == 0) {
		rdk.topic_partition_list_destroy(c->parts);
		c->parts = now;
	}
	for (int i = 0; i < c->parts->cnt; i++)
		c->parts->elems[i].opaque = NULL;
	c->assigned |= given;
}

/* -------------------------------------------------------------- the loop */

static bool
goes_on(const struct consume *c)
{
	return c->exit_code == EXIT_OK && !c->closed && c->left != 0 &&
	    kafka_stop_signal() == 0 && !all_ended(c);
}

int
consume_run(struct consume *c)
{
	rd_kafka_message_t *all[BATCH];

	while (goes_on(c)) {
		/* All that is there; or write, and wait for the next one. */
		ssize_t n = rdk.consume_batch_queue(c->queue, 0, all, BATCH);

		if (n == 0) {
			consume_flush(c);
			look_at_reader(c);
			n = c->closed ? 0
				      : rdk.consume_batch_queue(
					    c->queue, WAIT_MS, all, 1);
		}
		if (n > 0)
			take_messages(c, all, n);
		if (!c->group)
			rdk.poll(c->k.rk, 0);
		if (c->k.broken == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
		    c->k.broken == RD_KAFKA_RESP_ERR__SSL)
			c->exit_code = EXIT_FAILED;
	}
	consume_flush(c);
	return c->exit_code;
}
