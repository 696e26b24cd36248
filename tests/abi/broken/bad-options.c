/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-options.c: a plugin that loads, whose option table is wrong in every way
 * that the conformance checks know.
 */
#include "source.h"

struct config {
	int64_t a;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ .name = "a", .type = LEAT_OPT_INT, .def = "x", .help = "x" },
	{ .name = "a", .type = LEAT_OPT_INT, .def = "1", .help = "x" },
	{ .name = "b", .type = LEAT_OPT_INT, .offset = 4, .help = "x" },
	{ .name = "c", .type = LEAT_OPT_STRING, .offset = 800, .help = "x" },
	{ .name = "D d", .type = LEAT_OPT_INT },
	{ .name = "e", .type = 99, .help = "x" },
	{ .name = "f", .type = LEAT_OPT_CHOICE, .help = "x" },
	{ .name = "g", .type = LEAT_OPT_INT, .min = 2, .max = 1, .help = "x" },
	{ .name = "h", .type = LEAT_OPT_INT, .flags = LEAT_OPT_REQUIRED,
	  .def = "1", .help = "x" },
	{ .name = NULL }
};
/* clang-format on */

LEAT_SINGLE_PLUGIN("bad-options", "1.0.0",
    .kind = LEAT_SOURCE,
    .help = "Loads, but does not conform.",
    .options = options,
    .config_size = sizeof(struct config),
    .source = &idle_ops)
