/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter.c: a source that counts: 1, 2, 3, ... up to the option `last`. After
 * a restart it goes on behind the last number that became durable.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <leat/connector.h>

static const char partition[] = "{\"counter\":1}";

struct config {
	const char *topic;
	int64_t last;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ .name = "topic", .type = LEAT_OPT_STRING, .flags = LEAT_OPT_REQUIRED,
	  .offset = offsetof(struct config, topic), .help = "The topic." },
	{ .name = "last", .type = LEAT_OPT_INT, .def = "1000000",
	  .offset = offsetof(struct config, last), .help = "The last number." },
	{ .name = NULL }
};
/* clang-format on */

struct counter {
	const struct config *config;
	int64_t n;		/* counted so far */
};

static int32_t
counter_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	struct counter *c = malloc(sizeof(*c));

	if (c == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	c->config = config;
	c->n = leat_offset_i64(t, partition, "n", 0);
	*ret_self = c;
	return 0;
}

static int32_t
counter_poll(void *self, struct leat_batch *batch, struct leat_err *err)
{
	struct counter *c = self;
	struct leat_record rec = LEAT_RECORD(c->config->topic);
	char offset[40];

	while (!batch->full && c->n < c->config->last) {
		rec.value = leat_i64(c->n + 1);
		if (leat_batch_add(batch, &rec) < 0)
			break;	/* out of memory: go on with the next poll */
		c->n++;
	}
	if (batch->nrecords == 0)
		return 0;
	(void)snprintf(offset, sizeof(offset), "{\"n\":%lld}", (long long)c->n);
	if (leat_batch_position(batch, partition, offset) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	return 0;
}

static const struct leat_source_ops counter_ops = {
	.size = sizeof(struct leat_source_ops),
	.open = counter_open,
	.poll = counter_poll,
	.close = free,
};

/* clang-format off */
LEAT_SINGLE_PLUGIN("counter-source", "1.0.0",
    .kind = LEAT_SOURCE,
    .help = "Counts to a number.",
    .flags = LEAT_CAN_EXACTLY_ONCE,
    .options = options,
    .config_size = sizeof(struct config),
    .source = &counter_ops)
