/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h: a source that does nothing, for fixtures that are wrong elsewhere.
 */
#ifndef LEAT_TESTS_ABI_BROKEN_SOURCE_H
#define LEAT_TESTS_ABI_BROKEN_SOURCE_H

#include <leat/connector.h>

static int32_t
idle_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	*ret_self = NULL;
	return 0;
}

static int32_t
idle_poll(void *self, struct leat_batch *batch, struct leat_err *err)
{
	return 0;
}

static void
idle_close(void *self)
{
}

#define IDLE_SOURCE_OPS(size_, poll_)  \
	{                              \
		.size = (size_),       \
		.open = idle_open,     \
		.poll = (poll_),       \
		.close = idle_close    \
	}

static const struct leat_source_ops idle_ops = IDLE_SOURCE_OPS(
    sizeof(struct leat_source_ops), idle_poll);

#endif
