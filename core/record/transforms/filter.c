/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c: drops every record that it is applied to; its predicate chooses.
 */
#include "core/record/transforms/classes.h"

static int
filter_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	*keep = false;
	return 0;
}

const struct transform_class transform_filter = {
	.name = "org.apache.kafka.connect.transforms.Filter",
	.on_null = NULL_UNUSED,
	.apply = filter_apply,
};
