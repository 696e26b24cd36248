/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine.h: runs a connector's examine() outside of any worker.
 */
#ifndef LEAT_CORE_CLI_EXAMINE_H
#define LEAT_CORE_CLI_EXAMINE_H

#include <stdbool.h>

#include <leat/connector.h>

#include "core/config/properties.h"
#include "core/plugin/registry.h"

enum { EXAMINE_FINDINGS_MAX = 1000 };

/* What was found, in order; texts are in `memory`. */
struct examination {
	struct leat_finding *findings;
	uint32_t len;
	uint32_t left_out;	/* beyond EXAMINE_FINDINGS_MAX */
	struct leat_arena memory;
};

/*
 * Fills the options of a connector that has examine(), and calls it. What it
 * logs goes to stderr where `verbose`. The end of examine() that it could not
 * go on is a finding like others; only wrong options and missing memory are an
 * error here. In any case fini is to be called.
 */
int examine_connector(const struct registered *conn, const char *name,
    const struct properties *props, bool verbose, struct examination *ret,
    struct leat_err *err);
void examination_fini(struct examination *e);

/* How many of a grade (LEAT_FINDING_*) there are. */
uint32_t examination_count(const struct examination *e, int32_t grade);

#endif
