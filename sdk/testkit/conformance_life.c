/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_life.c: a connector's life in the fake host.
 */
#include <leat/conformance.h>

#include <stdio.h>

#include <leat/fake_host.h>

#include "sdk/testkit/conformance_run.h"

enum {
	POLLS = 20,
	MOST_FAILURES = 50,	/* places where memory may end */
	STOP_MS = 5000
};

struct life {
	struct conformance run;
	const struct leat_connector *connector;
	const struct leat_setting *settings;
	size_t nsettings;
};

static struct leat_fake *
fake_with_settings(const struct life *l)
{
	struct leat_fake *f = leat_fake_new(l->connector);
	size_t i;

	for (i = 0; i < l->nsettings; i++)
		leat_fake_set(f, l->settings[i].key, l->settings[i].value);
	return f;
}

static int
check_call(struct life *l, struct leat_fake *f, const char *check, int rc)
{
	conformance_check(&l->run, check, rc >= 0, "%s",
	    leat_fake_err(f)->text);
	return rc;
}

/* All calls that a quiet task may get. */
static int
live(struct life *l, struct leat_fake *f)
{
	int i, rc = 0;

	if (l->connector->kind == LEAT_SINK) {
		if (check_call(l, f, "put nothing",
		    leat_fake_put(f, NULL, 0)) < 0)
			return -1;
		return check_call(l, f, "flush", leat_fake_flush(f));
	}
	for (i = 0; i < POLLS && rc >= 0; i++)
		if ((rc = leat_fake_poll(f)) == 0)
			(void)leat_fake_wait(f);
	if (check_call(l, f, "poll", rc) < 0 ||
	    check_call(l, f, "tick", leat_fake_tick(f)) < 0)
		return -1;
	return check_call(l, f, "durable", leat_fake_durable(f));
}

/* With exactly-once every record has a position behind it. */
static void
check_positions(struct life *l, struct leat_fake *f)
{
	size_t n = leat_fake_positions(f);
	size_t covered = n == 0 ? 0 : leat_fake_position(f, n - 1)->nrecords;

	if ((l->connector->flags & LEAT_CAN_EXACTLY_ONCE) == 0)
		return;
	conformance_check(&l->run, "positions",
	    covered == leat_fake_count(f),
	    "%zu of %zu records have no position behind them",
	    leat_fake_count(f) - covered, leat_fake_count(f));
}

static void
check_life(struct life *l)
{
	struct leat_fake *f = fake_with_settings(l);
	int round;

	for (round = 0; round < 2; round++) {
		if (check_call(l, f, "open", leat_fake_open(f)) < 0 ||
		    live(l, f) < 0)
			break;
		check_positions(l, f);
		leat_fake_close(f);
	}
	leat_fake_free(f);
}

/* Without each required option in turn. */
static void
check_required(struct life *l)
{
	const struct leat_option *opt = l->connector->options;

	for (; opt != NULL && opt->name != NULL; opt++) {
		struct leat_fake *f;
		size_t i;

		if ((opt->flags & LEAT_OPT_REQUIRED) == 0)
			continue;
		f = fake_with_settings(l);
		for (i = 0; i < l->nsettings; i++)
			if (leat_options_find(l->connector->options,
			    l->settings[i].key, NULL) == opt)
				leat_fake_set(f, l->settings[i].key, NULL);
		conformance_check(&l->run, "required",
		    leat_fake_open(f) == LEAT_E_CONFIG,
		    "opens without the required option '%s'", opt->name);
		leat_fake_free(f);
	}
}

/* Memory ends at the first, second, ... place: no crash, no broken rule. */
static void
check_memory(struct life *l)
{
	uint32_t n;
	int more = 1;

	for (n = 1; n <= MOST_FAILURES && more; n++) {
		struct leat_fake *f = fake_with_settings(l);
		int rc, i;

		leat_fake_fail_at(f, n);
		rc = leat_fake_open(f);
		for (i = 0; rc >= 0 && i < 3 &&
		    l->connector->kind == LEAT_SOURCE; i++)
			rc = leat_fake_poll(f);
		more = leat_fake_has_failed(f);
		conformance_check(&l->run, "out of memory",
		    rc >= 0 || leat_fake_err(f)->cls == LEAT_CLS_RETRY,
		    "at allocation %u: %s (class %s, expected retry)",
		    (unsigned)n, leat_fake_err(f)->text,
		    leat_err_class_name(leat_fake_err(f)->cls));
		leat_fake_free(f);
	}
}

/* Once it is stopped it must not take long over anything. */
static void
check_stop(struct life *l)
{
	struct leat_fake *f = fake_with_settings(l);
	int64_t start, ms = 0;

	if (leat_fake_open(f) == 0) {
		start = leat_mono_ms(leat_fake_task(f));
		leat_fake_stop(f);
		if (l->connector->kind == LEAT_SOURCE)
			(void)leat_fake_poll(f);
		ms = leat_mono_ms(leat_fake_task(f)) - start;
	}
	conformance_check(&l->run, "stop", ms < STOP_MS,
	    "took %lld ms to return after a stop", (long long)ms);
	leat_fake_free(f);
}

int
leat_conformance_life(const struct leat_connector *connector,
    const struct leat_setting *settings, size_t nsettings,
    leat_conformance_fn *report, void *arg)
{
	struct life l = {
		.run = { .report = report, .arg = arg },
		.connector = connector,
		.settings = settings,
		.nsettings = nsettings,
	};

	(void)snprintf(l.run.where, sizeof(l.run.where), "%s",
	    connector->name);
	check_life(&l);
	if (l.run.failures > 0)
		return l.run.failures;
	check_required(&l);
	check_memory(&l);
	check_stop(&l);
	return l.run.failures;
}
