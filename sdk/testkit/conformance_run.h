/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_run.h: a run of the conformance checks, private to the test kit.
 */
#ifndef LEAT_TESTKIT_CONFORMANCE_RUN_H
#define LEAT_TESTKIT_CONFORMANCE_RUN_H

#include <leat/conformance.h>

struct conformance {
	leat_conformance_fn *report;
	void *arg;
	const char *connector;
	char where[256];	/* what the checks look at */
	int failures;
};

/* Reports one check; the text is what is wrong unless ok. */
void conformance_check(struct conformance *c, const char *check, int ok,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
