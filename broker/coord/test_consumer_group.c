/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumer groups (KIP-848) under a clock that the test moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/coord/consumer_group.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"

enum { REBALANCE_MS = 30000 };

static struct clock_fake clk;
static struct broker *b;
static struct groups *gs;

static void
open_named(const char *name)
{
	struct broker_options o;

	broker_options_init(&o);
	o.clock = &clk.clock;
	b = th_broker_open(name, &o);
	gs = b->groups;
}

static void
topic(const char *name, int32_t partitions)
{
	struct leat_err err = LEAT_ERR_INIT;

	OK(broker_topic_create(b, name, partitions, NULL, 0, &err));
}

/* A client: what it believes to have, as "t0 t1 u0 ". */
struct client {
	const char *id, *instance, *assignor, *regex;
	const char *topics[4];
	int32_t ntopics;
	int32_t epoch;
	char has[256];
	char message[128];
	struct tp_set set;
};

static void
new_client(struct client *c, const char *id, const char *first)
{
	memset(c, 0, sizeof(*c));
	c->id = id;
	if (first != NULL)
		c->topics[c->ntopics++] = first;
}

static int
by_text(const void *x, const void *y)
{
	return strcmp(x, y);
}

static void
take(struct client *c, const struct consumer_told *told)
{
	char names[32][16];
	size_t n = 0, at = 0;

	tp_set_fini(&c->set);
	for (int32_t i = 0; i < told->n; i++) {
		const struct group_partitions *p = &told->assignment[i];
		const struct seen_topic *t = topic_view_id(gs, p->topic_id);
		struct tp tp;

		memcpy(tp.topic, p->topic_id, 16);
		for (int32_t k = 0; k < p->n; k++) {
			tp.partition = p->partitions[k];
			assert_int_equal(tp_set_add(&c->set, &tp), 0);
			snprintf(names[n++], 16, "%s%d", t == NULL ? "?" :
			    t->name, (int)p->partitions[k]);
		}
	}
	tp_set_sort(&c->set);
	qsort(names, n, 16, by_text);
	c->has[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(c->has + at, sizeof(c->has) - at,
		    "%s ", names[i]);
}

static enum group_error
send_beat(struct client *c, struct consumer_beat *q)
{
	struct consumer_told told;
	struct leat_arena memory;
	enum group_error error;

	q->group = "g";
	q->member_id = c->id;
	q->instance_id = c->instance;
	q->client_id = "client";
	q->client_host = "/127.0.0.1";
	leat_arena_init(&memory, 1024, 0);
	error = consumer_heartbeat(gs, q, &memory, &told);
	if (error == GROUP_OK) {
		assert_int_equal(told.interval_ms, CONSUMER_INTERVAL_MS);
		c->epoch = told.epoch;
		if (told.assigned)
			take(c, &told);
	} else {
		snprintf(c->message, sizeof(c->message), "%s",
		    told.message != NULL ? told.message : "");
	}
	leat_arena_fini(&memory);
	return error;
}

static enum group_error
enter(struct client *c)
{
	struct consumer_beat q = { .rebalance_ms = REBALANCE_MS,
	    .topics = c->topics, .ntopics = c->ntopics, .regex = c->regex,
	    .assignor = c->assignor };

	return send_beat(c, &q);
}

/* Nothing new. */
static enum group_error
beat(struct client *c)
{
	struct consumer_beat q = { .epoch = c->epoch, .rebalance_ms = -1,
	    .ntopics = -1, .nowned = -1 };

	return send_beat(c, &q);
}

/* Says what it has: the last that it was told. */
static enum group_error
confirm(struct client *c)
{
	struct group_partitions list[32];
	struct consumer_beat q = { .epoch = c->epoch, .rebalance_ms = -1,
	    .ntopics = -1, .owned = list, .nowned = (int32_t)c->set.n };

	memset(list, 0, sizeof(list));
	for (size_t i = 0; i < c->set.n; i++) {
		memcpy(list[i].topic_id, c->set.list[i].topic, 16);
		list[i].partitions = &c->set.list[i].partition;
		list[i].n = 1;
	}
	return send_beat(c, &q);
}

static enum group_error
leave(struct client *c, int32_t epoch)
{
	struct consumer_beat q = { .epoch = epoch, .rebalance_ms = -1,
	    .ntopics = -1, .nowned = -1 };

	return send_beat(c, &q);
}

static void
expect_state(const char *state, int32_t epoch)
{
	struct consumer_group_info info;
	struct leat_arena memory;

	leat_arena_init(&memory, 1024, 0);
	assert_int_equal(consumer_describe(gs, "g", &memory, &info),
	    GROUP_OK);
	assert_string_equal(info.state, state);
	assert_int_equal(info.epoch, epoch);
	leat_arena_fini(&memory);
}

static void
fini(struct client *c)
{
	tp_set_fini(&c->set);
}

/* --------------------------------------------------------------- tests */

static void
test_handover(void **state)
{
	struct client a, c;

	open_named("handover");
	topic("t", 4);
	new_client(&a, "a", "t");
	new_client(&c, "c", "t");
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(a.epoch, 1);
	assert_string_equal(a.has, "t0 t1 t2 t3 ");
	expect_state("Stable", 1);
	/* The new one waits until the old one has let go. */
	assert_int_equal(enter(&c), GROUP_OK);
	assert_int_equal(c.epoch, 2);
	assert_string_equal(c.has, "");
	expect_state("Reconciling", 2);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_string_equal(c.has, "");
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(a.epoch, 1);
	assert_string_equal(a.has, "t2 t3 ");
	assert_int_equal(beat(&a), GROUP_OK);	/* still busy */
	assert_int_equal(a.epoch, 1);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_string_equal(c.has, "");
	assert_int_equal(confirm(&a), GROUP_OK);
	assert_int_equal(a.epoch, 2);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_string_equal(c.has, "t0 t1 ");
	expect_state("Stable", 2);
	/* What it had is the other's, once it has asked. */
	assert_int_equal(leave(&c, CONSUMER_LEAVE), GROUP_OK);
	assert_int_equal(c.epoch, -1);
	expect_state("Reconciling", 3);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(a.epoch, 3);
	assert_string_equal(a.has, "t0 t1 t2 t3 ");
	c.epoch = 2;
	assert_int_equal(beat(&c), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(leave(&a, CONSUMER_LEAVE), GROUP_OK);
	expect_state("Empty", 4);
	assert_int_equal(group_delete(gs, "g"), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_UNKNOWN_MEMBER);
	fini(&a);
	fini(&c);
	broker_close(b);
}

static void
test_epochs(void **state)
{
	struct group_who who = { "a", NULL, 1 };
	struct broker_group_offset o = { .topic = "t", .offset = 3,
	    .leader_epoch = -1 };
	struct client a, c;

	open_named("epochs");
	topic("t", 2);
	new_client(&a, "a", "t");
	assert_int_equal(enter(&a), GROUP_OK);
	a.epoch = 2;
	assert_int_equal(beat(&a), GROUP_FENCED_EPOCH);
	a.epoch = 1;
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_OK);
	new_client(&c, "c", "t");
	assert_int_equal(enter(&c), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(confirm(&a), GROUP_OK);
	assert_int_equal(a.epoch, 2);
	/* An answer that was lost: the epoch before, and nothing too much. */
	a.epoch = 1;
	assert_int_equal(beat(&a), GROUP_FENCED_EPOCH);
	assert_int_equal(confirm(&a), GROUP_OK);
	assert_int_equal(a.epoch, 2);
	/* Commits of the epoch before are late. */
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_STALE_EPOCH);
	assert_int_equal(group_commit(gs, "g", &who, false, -1, &o, 1),
	    GROUP_UNSUPPORTED_VERSION);
	assert_int_equal(group_check_commit(gs, "g", &who, true),
	    GROUP_ILLEGAL_GENERATION);
	assert_int_equal(group_check_fetch(gs, "g", &who),
	    GROUP_STALE_EPOCH);
	who.generation = 2;
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_OK);
	assert_int_equal(group_check_fetch(gs, "g", &who), GROUP_OK);
	who.member_id = "x";
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_UNKNOWN_MEMBER);
	assert_int_equal(group_check_delete_offsets(gs, "g"), GROUP_OK);
	assert_int_equal(group_delete_offset(gs, "g", "t", 0),
	    GROUP_SUBSCRIBED_TO_TOPIC);
	assert_int_equal(group_delete(gs, "g"), GROUP_NON_EMPTY);
	fini(&a);
	fini(&c);
	broker_close(b);
}

static void
test_times(void **state)
{
	struct client a, c;

	open_named("times");
	topic("t", 2);
	new_client(&a, "a", "t");
	new_client(&c, "c", "t");
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(enter(&c), GROUP_OK);
	/* It beats but gives nothing up: it is put out. */
	assert_int_equal(beat(&a), GROUP_OK);
	assert_string_equal(a.has, "t1 ");
	clock_fake_advance_ms(&clk, REBALANCE_MS - 1);
	groups_tick(gs);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(beat(&c), GROUP_OK);
	clock_fake_advance_ms(&clk, 1);
	groups_tick(gs);
	assert_int_equal(beat(&a), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_string_equal(c.has, "t0 t1 ");
	/* Silence ends a session. */
	clock_fake_advance_ms(&clk, CONSUMER_SESSION_MS - 1);
	groups_tick(gs);
	expect_state("Stable", 3);
	clock_fake_advance_ms(&clk, 1);
	groups_tick(gs);
	expect_state("Empty", 4);
	fini(&a);
	fini(&c);
	broker_close(b);
}

static void
test_static(void **state)
{
	struct client a, a2, c;

	open_named("static");
	topic("t", 2);
	new_client(&a, "a", "t");
	new_client(&c, "c", "t");
	a.instance = "i";
	assert_int_equal(enter(&c), GROUP_OK);
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(confirm(&c), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(a.set.n, 1);
	new_client(&a2, "a2", "t");
	a2.instance = "i";
	assert_int_equal(enter(&a2), GROUP_UNRELEASED_INSTANCE);
	assert_int_equal(leave(&a, CONSUMER_LEAVE_STATIC), GROUP_OK);
	assert_int_equal(a.epoch, -2);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(c.set.n, 1);
	/* Back under another id, with what it had. */
	assert_int_equal(enter(&a2), GROUP_OK);
	assert_string_equal(a2.has, a.has);
	a.epoch = 2;
	assert_int_equal(beat(&a), GROUP_FENCED_INSTANCE);
	/* Away for too long. */
	assert_int_equal(leave(&a2, CONSUMER_LEAVE_STATIC), GROUP_OK);
	clock_fake_advance_ms(&clk, CONSUMER_SESSION_MS / 2);
	assert_int_equal(beat(&c), GROUP_OK);
	clock_fake_advance_ms(&clk, CONSUMER_SESSION_MS / 2);
	groups_tick(gs);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_string_equal(c.has, "t0 t1 ");
	fini(&a);
	fini(&a2);
	fini(&c);
	broker_close(b);
}

static void
test_topics(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct client a;

	open_named("topics");
	topic("t", 1);
	topic("orders-1", 1);
	new_client(&a, "a", NULL);
	a.regex = "orders-.*|t";
	assert_int_equal(enter(&a), GROUP_OK);
	assert_string_equal(a.has, "orders-10 t0 ");
	assert_int_equal(confirm(&a), GROUP_OK);
	/* Topics that come, grow and go. */
	topic("orders-2", 1);
	topic("tt", 1);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(a.epoch, 2);
	assert_string_equal(a.has, "orders-10 orders-20 t0 ");
	OK(broker_topic_grow(b, "t", 2, &err));
	assert_int_equal(beat(&a), GROUP_OK);
	assert_string_equal(a.has, "orders-10 orders-20 t0 t1 ");
	OK(broker_topic_delete(b, "orders-1", &err));
	assert_int_equal(beat(&a), GROUP_OK);
	assert_string_equal(a.has, "orders-20 t0 t1 ");
	assert_int_equal(confirm(&a), GROUP_OK);
	expect_state("Stable", 4);
	assert_int_equal(beat(&a), GROUP_OK);
	expect_state("Stable", 4);
	fini(&a);
	broker_close(b);
}

static void
test_assignors(void **state)
{
	struct client a, c, d;

	open_named("assignors");
	topic("t", 5);
	topic("u", 2);
	new_client(&a, "a", "t");
	new_client(&c, "c", "t");
	new_client(&d, "d", "u");
	a.topics[a.ntopics++] = "u";
	a.assignor = c.assignor = d.assignor = "range";
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(enter(&c), GROUP_OK);
	assert_int_equal(enter(&d), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_string_equal(a.has, "t0 t1 t2 u0 ");
	assert_int_equal(confirm(&a), GROUP_OK);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(beat(&d), GROUP_OK);
	assert_string_equal(c.has, "t3 t4 ");
	assert_string_equal(d.has, "u1 ");
	/* Evenly: d can have no more than two, so a and c share t. */
	a.assignor = c.assignor = d.assignor = "uniform";
	assert_int_equal(leave(&c, CONSUMER_LEAVE), GROUP_OK);
	assert_int_equal(leave(&d, CONSUMER_LEAVE), GROUP_OK);
	assert_int_equal(leave(&a, CONSUMER_LEAVE), GROUP_OK);
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(enter(&c), GROUP_OK);
	assert_int_equal(enter(&d), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(confirm(&a), GROUP_OK);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(confirm(&c), GROUP_OK);
	assert_int_equal(beat(&d), GROUP_OK);
	assert_int_equal(confirm(&d), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(a.set.n + c.set.n + d.set.n, 7);
	assert_true(a.set.n >= 2 && a.set.n <= 3);
	assert_true(c.set.n >= 2 && c.set.n <= 3);
	assert_true(d.set.n >= 1);
	fini(&a);
	fini(&c);
	fini(&d);
	broker_close(b);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *regex, *why;
	} bad[] = {
		{ "a{1,1000}", "intervals" },
		{ "(?i)x", "there is no '(?'" },
		{ "\\d+", "special character only" },
		{ "x\\", "ends with a backslash" },
		{ "(", "not one of POSIX" },
		{ "[", "not one of POSIX" },
	};
	struct group_limits limits = { 0, 6000, 60000, 1 };
	struct consumer_beat q = { .rebalance_ms = -1, .ntopics = -1 };
	struct broker_group_member *m;
	struct leat_err err = LEAT_ERR_INIT;
	struct client a, c;

	open_named("refused");
	topic("t", 1);
	new_client(&a, "a", NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		a.regex = bad[i].regex;
		assert_int_equal(enter(&a), GROUP_INVALID_REGEX);
		if (strstr(a.message, bad[i].why) == NULL)
			fail_msg("%s: %s", a.regex, a.message);
	}
	assert_int_equal(group_delete(gs, "g"), GROUP_OK);
	new_client(&a, "a", "t");
	a.assignor = "sticky";
	assert_int_equal(enter(&a), GROUP_UNSUPPORTED_ASSIGNOR);
	a.assignor = NULL;
	assert_int_equal(send_beat(&a, &q), GROUP_INVALID_REQUEST);
	assert_int_equal(leave(&a, -3), GROUP_INVALID_REQUEST);
	assert_int_equal(leave(&a, -2), GROUP_INVALID_REQUEST);
	assert_int_equal(leave(&a, -1), GROUP_UNKNOWN_MEMBER);
	a.epoch = 5;
	assert_int_equal(beat(&a), GROUP_UNKNOWN_MEMBER);
	groups_configure(gs, &limits);
	assert_int_equal(enter(&a), GROUP_OK);
	new_client(&c, "c", "t");
	assert_int_equal(enter(&c), GROUP_FULL);
	/* Members in this process and those of clients keep apart. */
	assert_int_equal(broker_group_join(b, "g", "c", &m, &err),
	    LEAT_E_STATE);
	assert_int_equal(leave(&a, -1), GROUP_OK);
	OK(broker_group_join(b, "g", "c", &m, &err));
	assert_int_equal(enter(&a), GROUP_INCONSISTENT_PROTOCOL);
	broker_group_leave(m);
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(leave(&a, -1), GROUP_OK);
	fini(&a);
	broker_close(b);
}

static void
test_restart(void **state)
{
	struct client a, c;
	struct consumer_group_info info;
	struct leat_arena memory;

	open_named("restart");
	topic("t", 3);
	new_client(&a, "a", "t");
	new_client(&c, "c", NULL);
	c.regex = "t";
	a.instance = "i";
	assert_int_equal(enter(&a), GROUP_OK);
	assert_int_equal(enter(&c), GROUP_OK);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(a.set.n, 2);
	broker_close(b);

	/* In the middle of a handover: it goes on where it was. */
	open_named("restart");
	expect_state("Reconciling", 2);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(c.set.n, 0);
	assert_int_equal(confirm(&a), GROUP_OK);
	assert_int_equal(a.epoch, 2);
	assert_int_equal(beat(&c), GROUP_OK);
	assert_int_equal(c.set.n, 1);
	expect_state("Stable", 2);
	broker_close(b);

	open_named("restart");
	expect_state("Stable", 2);
	assert_int_equal(beat(&a), GROUP_OK);
	assert_int_equal(beat(&c), GROUP_OK);
	leat_arena_init(&memory, 1024, 0);
	assert_int_equal(consumer_describe(gs, "g", &memory, &info),
	    GROUP_OK);
	assert_int_equal(info.nmembers, 2);
	assert_string_equal(info.members[0].member_id, "a");
	assert_string_equal(info.members[0].instance_id, "i");
	assert_string_equal(info.members[0].topics[0], "t");
	assert_int_equal(info.members[0].epoch, 2);
	assert_string_equal(info.members[0].assignment[0].topic, "t");
	assert_int_equal(info.members[0].assignment[0].n, 2);
	assert_int_equal(info.members[0].target[0].n, 2);
	assert_string_equal(info.members[1].regex, "t");
	assert_string_equal(info.members[1].client_host, "/127.0.0.1");
	leat_arena_fini(&memory);
	assert_int_equal(leave(&a, -1), GROUP_OK);
	assert_int_equal(leave(&c, -1), GROUP_OK);
	broker_close(b);
	open_named("restart");
	expect_state("Empty", 4);
	assert_int_equal(group_delete(gs, "g"), GROUP_OK);
	broker_close(b);
	open_named("restart");
	assert_int_equal(group_delete(gs, "g"), GROUP_NOT_FOUND);
	fini(&a);
	fini(&c);
	broker_close(b);
}

static int
begin(void **state)
{
	clock_fake_init(&clk, INT64_C(1700000000000000));
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handover),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_assignors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
