/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classic groups on a real directory, under a clock that the test moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "broker/coord/groups_int.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"

enum { SESSION_MS = 10000, REBALANCE_MS = 60000, CLIENTS_MAX = 16 };

static struct clock_fake clk;
static struct broker *b;
static struct groups *gs;

static void
open_named(const char *name)
{
	struct broker_options o;

	broker_options_init(&o);
	o.clock = &clk.clock;
	o.offsets_partitions = 3;
	b = th_broker_open(name, &o);
	gs = b->groups;
}

static void
advance(int64_t ms)
{
	clock_fake_advance_ms(&clk, ms);
	groups_tick(gs);
}

/* A client with its last answer. */
struct client {
	struct group_wait wait;
	int answers;
	enum group_error error;
	char id[128], leader[128], protocol[32], assignment[64];
	char told[256];		/* members, for the leader: "id=meta " */
	const char *instance;
	int32_t generation;
	bool skip;
	bool can_skip;
	bool old;		/* of a version without MEMBER_ID_REQUIRED */
	const char *type;
	int32_t session_ms;
};

static void
new_client(struct client *c)
{
	memset(c, 0, sizeof(*c));
	c->type = "consumer";
	c->session_ms = SESSION_MS;
}

static void
answered(struct group_wait *w)
{
	struct client *c = w->arg;
	size_t at = 0;

	c->answers++;
	c->error = w->error;
	c->skip = w->skip_assignment;
	c->generation = w->generation;
	if (w->member_id[0] != '\0')
		snprintf(c->id, sizeof(c->id), "%s", w->member_id);
	snprintf(c->leader, sizeof(c->leader), "%s", w->leader);
	snprintf(c->protocol, sizeof(c->protocol), "%s",
	    w->protocol != NULL ? w->protocol : "");
	snprintf(c->assignment, sizeof(c->assignment), "%.*s",
	    (int)w->assignment.len, w->assignment.ptr);
	c->told[0] = '\0';
	for (size_t i = 0; i < w->nmembers && at < sizeof(c->told); i++)
		at += (size_t)snprintf(c->told + at, sizeof(c->told) - at,
		    "%.*s ", (int)w->members[i].metadata.len,
		    w->members[i].metadata.ptr);
	group_wait_fini(w);
}

/* Joins with protocols "range=<meta>" and so on; NULL ends the list. */
static void
join(struct client *c, const char *group, ...)
{
	struct group_protocol list[4];
	struct group_join q = { .group = group, .member_id = c->id,
	    .instance_id = c->instance, .client_id = "client",
	    .client_host = "/127.0.0.1", .protocol_type = c->type,
	    .protocols = list, .session_ms = c->session_ms,
	    .rebalance_ms = REBALANCE_MS, .require_id = !c->old,
	    .can_skip = c->can_skip };
	va_list ap;
	char text[4][64];
	const char *p;

	va_start(ap, group);
	while ((p = va_arg(ap, const char *)) != NULL) {
		char *eq;

		snprintf(text[q.nprotocols], sizeof(text[0]), "%s", p);
		eq = strchr(text[q.nprotocols], '=');
		*eq = '\0';
		list[q.nprotocols].name = text[q.nprotocols];
		list[q.nprotocols++].metadata = leat_str_c(eq + 1);
	}
	va_end(ap);
	c->wait.fn = answered;
	c->wait.arg = c;
	group_join(gs, &q, &c->wait);
}

/* The first join of a new member, through MEMBER_ID_REQUIRED. */
static void
enter(struct client *c, const char *group, const char *protocol)
{
	int before = c->answers;

	join(c, group, protocol, NULL);
	assert_int_equal(c->answers, before + 1);
	assert_int_equal(c->error, GROUP_MEMBER_ID_REQUIRED);
	assert_true(strncmp(c->id, "client-", 7) == 0);
	join(c, group, protocol, NULL);
}

static struct group_who
who_is(const struct client *c)
{
	return (struct group_who){ c->id, c->instance, c->generation };
}

static void
sync_as(struct client *c, const char *group, struct client *const *members,
    size_t n)
{
	struct group_assignment list[CLIENTS_MAX];
	struct group_who who = who_is(c);
	char text[CLIENTS_MAX][64];

	for (size_t i = 0; i < n; i++) {
		snprintf(text[i], sizeof(text[i]), "part-%zu", i);
		list[i].member_id = members[i]->id;
		list[i].assignment = leat_str_c(text[i]);
	}
	group_sync(gs, group, &who, NULL, NULL, list, n, &c->wait);
}

static enum group_error
beat(const struct client *c, const char *group)
{
	struct group_who who = who_is(c);

	return group_heartbeat(gs, group, &who);
}

static enum group_error
leave(const struct client *c, const char *group)
{
	struct group_who who = who_is(c);

	return group_leave(gs, group, &who);
}

static void
expect_state(const char *group, const char *state)
{
	struct group_info info;
	struct leat_arena memory;

	leat_arena_init(&memory, 1024, 0);
	assert_int_equal(group_describe(gs, group, &memory, &info), GROUP_OK);
	assert_string_equal(info.state, state);
	leat_arena_fini(&memory);
}

/* One member, alone and stable. */
static void
settle_one(struct client *c, const char *group)
{
	struct client *all[] = { c };

	new_client(c);
	enter(c, group, "range=a");
	assert_int_equal(c->error, GROUP_OK);
	assert_string_equal(c->leader, c->id);
	assert_string_equal(c->told, "a ");
	expect_state(group, "CompletingRebalance");
	sync_as(c, group, all, 1);
	assert_string_equal(c->assignment, "part-0");
	expect_state(group, "Stable");
}

/* Two members, stable; a leads. */
static void
settle_two(struct client *a, struct client *c, const char *group)
{
	struct client *all[] = { a, c };
	int before;

	settle_one(a, group);
	new_client(c);
	enter(c, group, "range=b");
	before = c->answers;
	expect_state(group, "PreparingRebalance");
	assert_int_equal(beat(a, group), GROUP_REBALANCING);
	join(a, group, "range=a", NULL);
	assert_int_equal(c->answers, before + 1);
	assert_int_equal(a->generation, c->generation);
	assert_string_equal(c->leader, a->id);
	assert_string_equal(a->told, "a b ");
	assert_string_equal(c->told, "");
	assert_int_equal(beat(c, group), GROUP_OK);
	before = c->answers;
	sync_as(c, group, NULL, 0);
	assert_int_equal(c->answers, before);
	sync_as(a, group, all, 2);
	assert_int_equal(c->answers, before + 1);
	assert_string_equal(a->assignment, "part-0");
	assert_string_equal(c->assignment, "part-1");
	expect_state(group, "Stable");
}

/* --------------------------------------------------------------- tests */

static void
test_life(void **state)
{
	struct client a, c, d;

	open_named("life");
	settle_two(&a, &c, "g");
	assert_int_equal(a.generation, 2);
	/* A follower that comes again with the same is told what there is. */
	join(&c, "g", "range=b", NULL);
	assert_int_equal(c.generation, 2);
	expect_state("g", "Stable");
	sync_as(&c, "g", NULL, 0);
	assert_string_equal(c.assignment, "part-1");
	/* With something new it starts a round. */
	join(&c, "g", "range=bb", NULL);
	expect_state("g", "PreparingRebalance");
	join(&a, "g", "range=a", NULL);
	assert_int_equal(a.generation, 3);
	assert_string_equal(a.told, "a bb ");
	/* Of the generation before nobody is heard. */
	c.generation = 2;
	assert_int_equal(beat(&c, "g"), GROUP_ILLEGAL_GENERATION);
	sync_as(&c, "g", NULL, 0);
	assert_int_equal(c.error, GROUP_ILLEGAL_GENERATION);
	/* While the others complete a join repeats the answer. */
	join(&c, "g", "range=bb", NULL);
	assert_int_equal(c.generation, 3);
	/* A leader that leaves is followed by the other one. */
	assert_int_equal(leave(&a, "g"), GROUP_OK);
	assert_int_equal(leave(&a, "g"), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(beat(&c, "g"), GROUP_REBALANCING);
	join(&c, "g", "range=bb", NULL);
	assert_string_equal(c.leader, c.id);
	assert_int_equal(leave(&c, "g"), GROUP_OK);
	expect_state("g", "Empty");
	assert_int_equal(beat(&c, "g"), GROUP_UNKNOWN_MEMBER);
	join(&c, "g", "range=b", NULL);
	assert_int_equal(c.error, GROUP_UNKNOWN_MEMBER);
	/* An empty group takes another type. */
	new_client(&d);
	d.type = "connect";
	enter(&d, "g", "sessioned=x");
	assert_int_equal(d.error, GROUP_OK);
	assert_int_equal(leave(&d, "g"), GROUP_OK);
	assert_int_equal(group_delete(gs, "g"), GROUP_OK);
	assert_int_equal(group_delete(gs, "g"), GROUP_NOT_FOUND);
	broker_close(b);
}

static void
test_refused(void **state)
{
	struct group_limits limits = { 0, 6000, 60000, 2 };
	struct client a, c, d, e;
	char big[GROUP_MAX_BYTES + 2];

	open_named("refused");
	groups_configure(gs, &limits);
	settle_two(&a, &c, "g");
	new_client(&d);
	d.session_ms = 5999;
	join(&d, "g", "range=d", NULL);
	assert_int_equal(d.error, GROUP_INVALID_SESSION_TIMEOUT);
	d.session_ms = 60001;
	join(&d, "g", "range=d", NULL);
	assert_int_equal(d.error, GROUP_INVALID_SESSION_TIMEOUT);
	d.session_ms = 6000;
	join(&d, "", "range=d", NULL);
	assert_int_equal(d.error, GROUP_INVALID_ID);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	join(&d, big, "range=d", NULL);
	assert_int_equal(d.error, GROUP_INVALID_ID);
	join(&d, "g", "roundrobin=d", NULL);
	assert_int_equal(d.error, GROUP_INCONSISTENT_PROTOCOL);
	join(&d, "g", NULL);
	assert_int_equal(d.error, GROUP_INCONSISTENT_PROTOCOL);
	d.type = "connect";
	join(&d, "g", "range=d", NULL);
	assert_int_equal(d.error, GROUP_INCONSISTENT_PROTOCOL);
	d.type = "";
	join(&d, "g2", "range=d", NULL);
	assert_int_equal(d.error, GROUP_INCONSISTENT_PROTOCOL);
	d.type = "consumer";
	join(&d, "g", "range=d", NULL);
	assert_int_equal(d.error, GROUP_FULL);
	snprintf(d.id, sizeof(d.id), "nobody");
	join(&d, "g", "range=d", NULL);
	assert_int_equal(d.error, GROUP_UNKNOWN_MEMBER);
	join(&d, "absent", "range=d", NULL);
	assert_int_equal(d.error, GROUP_UNKNOWN_MEMBER);
	assert_int_equal(beat(&d, "absent"), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(beat(&d, ""), GROUP_INVALID_ID);
	assert_int_equal(leave(&d, "absent"), GROUP_UNKNOWN_MEMBER);
	/* What a client says of the protocol must be so. */
	{
		struct group_who who = who_is(&a);

		group_sync(gs, "g", &who, "connect", NULL, NULL, 0, &a.wait);
		assert_int_equal(a.error, GROUP_INCONSISTENT_PROTOCOL);
		group_sync(gs, "g", &who, "consumer", "sticky", NULL, 0,
		    &a.wait);
		assert_int_equal(a.error, GROUP_INCONSISTENT_PROTOCOL);
		group_sync(gs, "g", &who, "consumer", "range", NULL, 0,
		    &a.wait);
		assert_int_equal(a.error, GROUP_OK);
	}
	/* Nothing stays of groups that nobody got into. */
	new_client(&e);
	join(&e, "passing", "range=e", NULL);
	assert_int_equal(e.error, GROUP_MEMBER_ID_REQUIRED);
	assert_int_equal(leave(&e, "passing"), GROUP_OK);
	assert_int_equal(group_delete(gs, "passing"), GROUP_NOT_FOUND);
	join(&e, "passing", "range=e", NULL);
	assert_int_equal(e.error, GROUP_UNKNOWN_MEMBER);
	broker_close(b);
}

static void
test_expiry(void **state)
{
	struct client a, c, d;
	int before;

	open_named("expiry");
	settle_two(&a, &c, "g");
	/* Heartbeats keep a; c is silent. */
	advance(SESSION_MS - 1);
	expect_state("g", "Stable");
	assert_int_equal(beat(&a, "g"), GROUP_OK);
	advance(1);
	expect_state("g", "PreparingRebalance");
	assert_int_equal(beat(&c, "g"), GROUP_UNKNOWN_MEMBER);
	join(&a, "g", "range=a", NULL);
	assert_string_equal(a.told, "a ");
	/* It never asks for its assignment, but beats: it is put out. */
	for (int i = 0; i < REBALANCE_MS / 5000; i++) {
		assert_int_equal(beat(&a, "g"), GROUP_OK);
		advance(5000);
	}
	expect_state("g", "Empty");
	assert_int_equal(beat(&a, "g"), GROUP_UNKNOWN_MEMBER);

	/* A round ends without a member that does not come back. */
	settle_two(&a, &c, "h");
	new_client(&d);
	enter(&d, "h", "range=d");
	before = d.answers;
	join(&a, "h", "range=a", NULL);
	for (int i = 0; i < REBALANCE_MS / 5000; i++) {
		assert_int_equal(d.answers, before);
		assert_int_equal(beat(&c, "h"), GROUP_REBALANCING);
		advance(5000);
	}
	assert_int_equal(d.answers, before + 1);
	assert_string_equal(a.told, "a d ");
	assert_int_equal(beat(&c, "h"), GROUP_UNKNOWN_MEMBER);

	/* An id that is not used again does not hold up the others for ever. */
	new_client(&c);
	join(&c, "h", "range=c", NULL);
	assert_int_equal(c.error, GROUP_MEMBER_ID_REQUIRED);
	join(&a, "h", "range=aa", NULL);
	join(&d, "h", "range=d", NULL);
	before = d.answers;
	advance(SESSION_MS);
	assert_int_equal(d.answers, before + 1);
	assert_string_equal(a.told, "aa d ");
	broker_close(b);
}

static void *
tick(void *arg)
{
	groups_tick(gs);
	return arg;
}

static bool
is_rebalancing(const char *group)
{
	struct group_info info;
	struct leat_arena memory;
	bool yes;

	leat_arena_init(&memory, 1024, 0);
	assert_int_equal(group_describe(gs, group, &memory, &info), GROUP_OK);
	yes = strcmp(info.state, "PreparingRebalance") == 0;
	leat_arena_fini(&memory);
	return yes;
}

/* Who waits for a slow reader of the log does not hold up the groups. */
static void
test_slow_log(void **state)
{
	struct client a, c;
	pthread_t thread;
	char text[PIPE_BUF];
	int fds[2];
	ssize_t n;

	open_named("slow-log");
	settle_two(&a, &c, "slow");
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	memset(text, 'x', sizeof(text));
	while (write(fds[1], text, sizeof(text)) > 0)
		continue;
	assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
	advance(SESSION_MS - 1);
	assert_int_equal(beat(&a, "slow"), GROUP_OK);
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_INFO,
	    .fd = fds[1] });
	clock_fake_advance_ms(&clk, 1);
	assert_int_equal(pthread_create(&thread, NULL, tick, NULL), 0);
	TH_WAIT(is_rebalancing("slow"), 10000);
	assert_int_equal(beat(&a, "slow"), GROUP_REBALANCING);
	while (read(fds[0], text, 1) == 1 && text[0] == 'x')
		continue;
	assert_int_equal(pthread_join(thread, NULL), 0);
	n = read(fds[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	assert_non_null(strstr(text, "group member timed out group=slow "));
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_INFO, .fd = 2 });
	broker_close(b);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_old_clients(void **state)
{
	struct client a, c;

	open_named("old");
	new_client(&a);
	new_client(&c);
	a.old = c.old = true;
	join(&a, "g", "range=a", NULL);
	assert_int_equal(a.error, GROUP_OK);
	assert_int_equal(a.generation, 1);
	join(&c, "g", "range=c", NULL);
	assert_int_equal(c.answers, 0);
	/* Its connection ends before it knows its id: it is forgotten. */
	group_cancel(gs, &c.wait);
	assert_int_equal(c.answers, 1);
	assert_int_equal(c.error, GROUP_UNAVAILABLE);
	join(&a, "g", "range=a", NULL);
	assert_string_equal(a.told, "a ");
	group_cancel(gs, &c.wait);
	assert_int_equal(c.answers, 1);
	broker_close(b);
}

static void
test_cancelled_join(void **state)
{
	struct client a, c, d;

	open_named("cancel");
	settle_two(&a, &c, "g");
	join(&c, "g", "range=cc", NULL);
	group_cancel(gs, &c.wait);
	assert_int_equal(c.error, GROUP_UNAVAILABLE);
	c.generation = 2;
	/* It comes again on another connection. */
	join(&c, "g", "range=ccc", NULL);
	join(&a, "g", "range=a", NULL);
	assert_int_equal(c.error, GROUP_OK);
	assert_string_equal(a.told, "a ccc ");
	/* A sync that is cut off does not hurt the others. */
	sync_as(&c, "g", NULL, 0);
	group_cancel(gs, &c.wait);
	sync_as(&a, "g", (struct client *[]){ &a, &c }, 2);
	c.generation = 3;
	sync_as(&c, "g", NULL, 0);
	assert_string_equal(c.assignment, "part-1");
	/* A second join of the same member overtakes the first. */
	new_client(&d);
	memcpy(d.id, c.id, sizeof(d.id));
	join(&c, "g", "range=x", NULL);
	join(&d, "g", "range=y", NULL);
	assert_int_equal(c.error, GROUP_REBALANCING);
	join(&a, "g", "range=a", NULL);
	assert_string_equal(a.told, "a y ");
	broker_close(b);
}

static void
test_votes(void **state)
{
	struct client a, c, d;

	open_named("votes");
	new_client(&a);
	new_client(&c);
	new_client(&d);
	a.old = c.old = d.old = true;
	join(&a, "g", "range=r", "sticky=s", "odd=o", NULL);
	assert_string_equal(a.protocol, "range");
	join(&c, "g", "sticky=s", "range=r", NULL);
	join(&d, "g", "mine=m", "sticky=s", "range=r", NULL);
	join(&a, "g", "odd=o", "range=r", "sticky=s", NULL);
	assert_string_equal(a.protocol, "sticky");
	assert_string_equal(a.told, "s s s ");
	assert_string_equal(d.protocol, "sticky");
	broker_close(b);
}

static void
test_initial_delay(void **state)
{
	struct group_limits limits = { 3000, 6000, 60000, 10 };
	struct client a, c;

	open_named("delay");
	groups_configure(gs, &limits);
	new_client(&a);
	new_client(&c);
	enter(&a, "g", "range=a");
	assert_int_equal(a.answers, 1);
	advance(2000);
	enter(&c, "g", "range=c");
	advance(1000);
	assert_int_equal(a.answers, 1);	/* somebody came: once more */
	advance(2999);
	assert_int_equal(a.answers, 1);
	advance(1);
	assert_int_equal(a.answers, 2);
	assert_int_equal(c.answers, 2);
	assert_int_equal(a.generation, 1);
	assert_string_equal(a.told, "a c ");
	broker_close(b);
}

static void
settle_static(struct client *a, struct client *c, const char *group)
{
	struct client *all[] = { a, c };

	new_client(a);
	new_client(c);
	a->instance = "ia";
	c->instance = "ic";
	a->can_skip = true;
	join(a, group, "range=a", NULL);
	assert_int_equal(a->error, GROUP_OK);
	join(c, group, "range=c", NULL);
	join(a, group, "range=a", NULL);
	assert_string_equal(a->told, "a c ");
	sync_as(c, group, NULL, 0);
	sync_as(a, group, all, 2);
	expect_state(group, "Stable");
}

static void
test_static(void **state)
{
	struct client a, c, a2, c2;
	int32_t generation;

	open_named("static");
	settle_static(&a, &c, "g");
	generation = a.generation;
	/* A follower comes back: no round, a new id, the old one is fenced. */
	new_client(&c2);
	c2.instance = "ic";
	join(&c2, "g", "range=c", NULL);
	assert_int_equal(c2.error, GROUP_OK);
	assert_int_equal(c2.generation, generation);
	assert_string_not_equal(c2.id, c.id);
	assert_int_equal(beat(&c, "g"), GROUP_FENCED_INSTANCE);
	assert_int_equal(beat(&c2, "g"), GROUP_OK);
	sync_as(&c2, "g", NULL, 0);
	assert_string_equal(c2.assignment, "part-1");
	/* The leader too, and need not assign. */
	new_client(&a2);
	a2.instance = "ia";
	a2.can_skip = true;
	join(&a2, "g", "range=a", NULL);
	assert_int_equal(a2.generation, generation);
	assert_true(a2.skip);
	assert_string_equal(a2.leader, a2.id);
	assert_string_equal(a2.told, "c a ");
	/* One that cannot be told so must not believe that it leads. */
	a2.can_skip = false;
	memcpy(a.id, a2.id, sizeof(a.id));
	a2.id[0] = '\0';
	join(&a2, "g", "range=a", NULL);
	assert_false(a2.skip);
	assert_string_equal(a2.leader, a.id);
	assert_string_equal(a2.told, "");
	expect_state("g", "Stable");
	/* With another subscription there is a round. */
	new_client(&c);
	c.instance = "ic";
	join(&c, "g", "range=cc", NULL);
	expect_state("g", "PreparingRebalance");
	join(&a2, "g", "range=a", NULL);
	assert_string_equal(a2.told, "a cc ");
	/* What was parked under the old id is fenced. */
	sync_as(&c, "g", NULL, 0);
	new_client(&c2);
	c2.instance = "ic";
	join(&c2, "g", "range=cc", NULL);
	assert_int_equal(c.error, GROUP_FENCED_INSTANCE);
	join(&a2, "g", "range=a", NULL);
	assert_int_equal(c2.error, GROUP_OK);
	/* An instance with the wrong id; one that nobody knows. */
	snprintf(c.id, sizeof(c.id), "wrong");
	join(&c, "g", "range=c", NULL);
	assert_int_equal(c.error, GROUP_FENCED_INSTANCE);
	c.instance = "unheard";
	join(&c, "g", "range=c", NULL);
	assert_int_equal(c.error, GROUP_UNKNOWN_MEMBER);
	/* An admin takes one out by its instance alone. */
	c.instance = "ic";
	c.id[0] = '\0';
	assert_int_equal(leave(&c, "g"), GROUP_OK);
	assert_int_equal(leave(&c, "g"), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(beat(&a2, "g"), GROUP_REBALANCING);
	broker_close(b);
}

static void
test_static_stays(void **state)
{
	struct client a, c;

	open_named("static2");
	settle_static(&a, &c, "g");
	/* A round without c: it keeps its place until its session ends. */
	a.session_ms = c.session_ms = 60000;
	join(&c, "g", "range=c2", NULL);
	join(&a, "g", "range=a", NULL);
	join(&a, "g", "range=a2", NULL);
	advance(59000);
	assert_int_equal(beat(&c, "g"), GROUP_REBALANCING);
	advance(1000);
	assert_string_equal(a.told, "a2 c2 ");
	expect_state("g", "CompletingRebalance");
	broker_close(b);
}

static struct broker_group_offset
offset_of(int32_t partition, int64_t offset)
{
	return (struct broker_group_offset){ .topic = "t",
	    .partition = partition, .offset = offset, .leader_epoch = 4,
	    .metadata = "m" };
}

static void
test_commits(void **state)
{
	struct group_who nobody = { "", NULL, -1 }, who;
	struct broker_group_offset o = offset_of(0, 5), back;
	struct leat_arena memory;
	struct client a, c;

	open_named("commits");
	leat_arena_init(&memory, 1024, 0);
	/* Without a group only those who say nothing of themselves. */
	who = (struct group_who){ "x", NULL, 3 };
	assert_int_equal(group_commit(gs, "g", &who, false, -1, &o, 1),
	    GROUP_ILLEGAL_GENERATION);
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_NOT_FOUND);
	assert_int_equal(group_commit(gs, "g", &nobody, true, -1, &o, 1),
	    GROUP_OK);
	expect_state("g", "Empty");
	settle_two(&a, &c, "g");
	assert_int_equal(group_commit(gs, "g", &nobody, true, -1, &o, 1),
	    GROUP_UNKNOWN_MEMBER);
	assert_int_equal(group_check_commit(gs, "g", &nobody, true),
	    GROUP_OK);
	who = who_is(&a);
	o.offset = 6;
	assert_int_equal(group_commit(gs, "g", &who, false, -1, &o, 1),
	    GROUP_OK);
	who.generation--;
	assert_int_equal(group_commit(gs, "g", &who, false, -1, &o, 1),
	    GROUP_ILLEGAL_GENERATION);
	assert_int_equal(group_check_commit(gs, "g", &who, true),
	    GROUP_ILLEGAL_GENERATION);
	/* A commit is a sign of life. */
	who = who_is(&a);
	for (int i = 0; i < 3; i++) {
		struct group_who other = who_is(&c);

		advance(SESSION_MS - 1);
		assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
		    GROUP_OK);
		assert_int_equal(group_check_commit(gs, "g", &other, true),
		    GROUP_OK);
	}
	/* While the members complete a round nobody commits. */
	join(&c, "g", "range=b2", NULL);
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_OK);
	join(&a, "g", "range=a", NULL);
	who = who_is(&a);
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_REBALANCING);
	assert_int_equal(group_fetch(gs, "g", "t", 0, true, &memory, &back),
	    GROUP_OK);
	assert_int_equal(back.offset, 6);
	assert_int_equal(back.leader_epoch, 4);
	assert_string_equal(back.metadata, "m");
	assert_int_equal(group_fetch(gs, "g", "t", 1, true, &memory, &back),
	    GROUP_OK);
	assert_int_equal(back.offset, -1);
	assert_int_equal(group_fetch(gs, "no", "t", 1, true, &memory, &back),
	    GROUP_OK);
	assert_int_equal(back.offset, -1);
	leat_arena_fini(&memory);
	broker_close(b);
}

/* Bytes that are no text come back as they were, after a restart too. */
static void
test_metadata(void **state)
{
	struct broker_group_offset o = offset_of(0, 5), back, *all;
	struct group_who nobody = { "", NULL, -1 };
	struct leat_arena memory;
	char bytes[METADATA_MAX_BYTES + 1];
	size_t n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	open_named("metadata");
	leat_arena_init(&memory, 1024, 0);
	o.metadata = bytes;
	o.metadata_len = METADATA_MAX_BYTES;
	assert_int_equal(group_commit(gs, "g", &nobody, true, -1, &o, 1),
	    GROUP_OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(group_fetch(gs, "g", "t", 0, false, &memory,
		    &back), GROUP_OK);
		assert_int_equal(back.metadata_len, METADATA_MAX_BYTES);
		assert_memory_equal(back.metadata, bytes, METADATA_MAX_BYTES);
		assert_int_equal(group_fetch_all(gs, "g", false, &memory,
		    &all, &n), GROUP_OK);
		assert_int_equal(n, 1);
		assert_memory_equal(all[0].metadata, bytes,
		    METADATA_MAX_BYTES);
		if (round == 0) {
			broker_close(b);
			open_named("metadata");
		}
	}
	leat_arena_fini(&memory);
	broker_close(b);
}

static void
test_restart(void **state)
{
	struct client a, c, s1, s2;
	struct group_info info;
	struct leat_arena memory;

	open_named("restart");
	settle_two(&a, &c, "g");
	settle_static(&s1, &s2, "s");
	broker_close(b);

	/* The members go on as if nothing had been. */
	open_named("restart");
	expect_state("g", "Stable");
	assert_int_equal(beat(&a, "g"), GROUP_OK);
	assert_int_equal(beat(&c, "g"), GROUP_OK);
	assert_int_equal(beat(&s2, "s"), GROUP_OK);
	sync_as(&c, "g", NULL, 0);
	assert_string_equal(c.assignment, "part-1");
	leat_arena_init(&memory, 1024, 0);
	assert_int_equal(group_describe(gs, "g", &memory, &info), GROUP_OK);
	assert_int_equal(info.nmembers, 2);
	assert_string_equal(info.protocol, "range");
	assert_string_equal(info.protocol_type, "consumer");
	assert_string_equal(info.members[1].member_id, c.id);
	assert_string_equal(info.members[1].client_host, "/127.0.0.1");
	assert_memory_equal(info.members[1].metadata.ptr, "b", 1);
	assert_memory_equal(info.members[1].assignment.ptr, "part-1", 6);
	leat_arena_fini(&memory);
	/* One that is not there any more times out. */
	advance(SESSION_MS - 1);
	assert_int_equal(beat(&a, "g"), GROUP_OK);
	advance(1);
	assert_int_equal(beat(&c, "g"), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(leave(&a, "g"), GROUP_OK);
	expect_state("g", "Empty");
	broker_close(b);

	open_named("restart");
	expect_state("g", "Empty");
	assert_int_equal(group_delete(gs, "g"), GROUP_OK);
	broker_close(b);
	open_named("restart");
	assert_int_equal(group_delete(gs, "g"), GROUP_NOT_FOUND);
	broker_close(b);
}

static bool
has_offset(const char *group, int32_t partition)
{
	int64_t offset;

	return broker_group_offset(b, group, "t", partition, &offset) == 0;
}

static void
test_retention(void **state)
{
	struct group_who nobody = { "", NULL, -1 }, who;
	struct broker_group_offset o = offset_of(0, 5);
	struct client a;
	int64_t day = 24 * 3600 * 1000;

	open_named("retention");
	assert_int_equal(group_commit(gs, "simple", &nobody, true, -1, &o, 1),
	    GROUP_OK);
	o.partition = 1;
	assert_int_equal(group_commit(gs, "simple", &nobody, true, 9 * day,
	    &o, 1), GROUP_OK);
	settle_one(&a, "g");
	who = who_is(&a);
	assert_int_equal(group_commit(gs, "g", &who, true, -1, &o, 1),
	    GROUP_OK);
	/* Less than a session at a time: the timers' thread looks too. */
	for (int64_t ms = 0; ms < 8 * day; ms += 9000) {
		clock_fake_advance_ms(&clk, 9000);
		group_heartbeat(gs, "g", &who);
		groups_tick(gs);
	}
	groups_expire(gs, clock_wall_ms(&clk.clock) - 7 * day);
	assert_false(has_offset("simple", 0));
	assert_true(has_offset("simple", 1));
	/* "a" is no subscription: who knows what it reads. */
	assert_true(has_offset("g", 1));
	assert_int_equal(leave(&a, "g"), GROUP_OK);
	broker_close(b);
	open_named("retention");
	clock_fake_advance_ms(&clk, day);
	groups_expire(gs, clock_wall_ms(&clk.clock) - 7 * day);
	assert_false(has_offset("simple", 1));
	/* It counts from when the last member left. */
	assert_true(has_offset("g", 1));
	clock_fake_advance_ms(&clk, 7 * day);
	groups_expire(gs, clock_wall_ms(&clk.clock) - 7 * day);
	assert_false(has_offset("g", 1));
	assert_int_equal(group_delete(gs, "g"), GROUP_NOT_FOUND);
	assert_int_equal(group_delete(gs, "simple"), GROUP_NOT_FOUND);
	broker_close(b);
	open_named("retention");
	assert_int_equal(group_delete(gs, "g"), GROUP_NOT_FOUND);
	assert_false(has_offset("simple", 1));
	broker_close(b);
}

static void
test_topic_deleted(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_group_offset o = offset_of(0, 5);

	open_named("deleted");
	OK(broker_topic_create(b, "t", 1, NULL, 0, &err));
	OK(broker_group_commit(b, "g", &o, 1, &err));
	o.topic = "u";
	OK(broker_group_commit(b, "g", &o, 1, &err));
	OK(broker_topic_delete(b, "t", &err));
	assert_false(has_offset("g", 0));
	broker_close(b);
	open_named("deleted");
	assert_false(has_offset("g", 0));
	expect_state("g", "Empty");
	broker_close(b);
}

static void
test_local(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_assigned assigned[] = { { "t", 1 }, { "s", 0 },
	    { "t", 0 } };
	static const char subscription[] = "\0\0\0\0\0\2\0\1s\0\1t"
	    "\xff\xff\xff\xff";
	static const char assignment[] = "\0\0\0\0\0\2\0\1s\0\0\0\1\0\0\0\0"
	    "\0\1t\0\0\0\2\0\0\0\0\0\0\0\1\xff\xff\xff\xff";
	struct group_who nobody = { "", NULL, -1 };
	struct broker_group_offset o = offset_of(0, 5);
	struct broker_group_member *m, *m2;
	struct group_info info;
	struct leat_arena memory;
	struct client a;

	open_named("local");
	leat_arena_init(&memory, 1024, 0);
	OK(broker_group_join(b, "connect-x", "connector-x-0", &m, &err));
	OK(broker_group_join(b, "connect-x", "connector-x-1", &m2, &err));
	OK(broker_group_assign(m, assigned, 3, &err));
	OK(broker_group_commit(b, "connect-x", &o, 1, &err));
	assert_int_equal(group_describe(gs, "connect-x", &memory, &info),
	    GROUP_OK);
	assert_string_equal(info.state, "Stable");
	assert_string_equal(info.protocol_type, "consumer");
	assert_int_equal(info.nmembers, 2);
	assert_string_equal(info.members[1].client_id, "connector-x-0");
	assert_int_equal(info.members[1].metadata.len,
	    sizeof(subscription) - 1);
	assert_memory_equal(info.members[1].metadata.ptr, subscription,
	    sizeof(subscription) - 1);
	assert_int_equal(info.members[1].assignment.len,
	    sizeof(assignment) - 1);
	assert_memory_equal(info.members[1].assignment.ptr, assignment,
	    sizeof(assignment) - 1);
	/* Others keep out. */
	new_client(&a);
	join(&a, "connect-x", "range=a", NULL);
	assert_int_equal(a.error, GROUP_INCONSISTENT_PROTOCOL);
	assert_int_equal(group_commit(gs, "connect-x", &nobody, true, -1, &o,
	    1), GROUP_UNKNOWN_MEMBER);
	assert_int_equal(group_delete(gs, "connect-x"), GROUP_NON_EMPTY);
	assert_int_equal(group_check_delete_offsets(gs, "connect-x"),
	    GROUP_NON_EMPTY);
	assert_int_equal(broker_group_delete(b, "connect-x", &err),
	    LEAT_E_STATE);
	/* What they read does not expire, however quiet it is. */
	clock_fake_advance_ms(&clk, INT64_C(30) * 24 * 3600 * 1000);
	groups_expire(gs, clock_wall_ms(&clk.clock) - 1000);
	assert_true(has_offset("connect-x", 0));
	broker_group_leave(m);
	broker_group_leave(m2);
	expect_state("connect-x", "Empty");
	groups_expire(gs, clock_wall_ms(&clk.clock) - 1000);
	assert_true(has_offset("connect-x", 0));
	assert_int_equal(group_commit(gs, "connect-x", &nobody, true, -1, &o,
	    1), GROUP_OK);
	assert_int_equal(group_check_delete_offsets(gs, "connect-x"),
	    GROUP_OK);
	assert_int_equal(group_delete_offset(gs, "connect-x", "t", 0),
	    GROUP_OK);
	assert_false(has_offset("connect-x", 0));
	/* The other way round: clients keep it out. */
	settle_one(&a, "g");
	assert_int_equal(broker_group_join(b, "g", "c", &m, &err),
	    LEAT_E_STATE);
	assert_non_null(strstr(err.text, "has other members"));
	leat_arena_fini(&memory);
	broker_close(b);
}

static void
test_many(void **state)
{
	enum { N = 500 };
	struct client *list = calloc(N, sizeof(*list));
	int32_t generation;

	open_named("many");
	for (int i = 0; i < N; i++) {
		new_client(&list[i]);
		list[i].old = true;
		join(&list[i], "g", "range=x", "sticky=y", NULL);
	}
	/* The first was alone; the others wait for it. */
	assert_int_equal(list[0].answers, 1);
	assert_int_equal(list[1].answers, 0);
	join(&list[0], "g", "range=x", "sticky=y", NULL);
	generation = list[0].generation;
	for (int i = 0; i < N; i++)
		assert_int_equal(list[i].generation, generation);
	/* Half of them fall silent. */
	for (int i = 0; i < N; i++)
		sync_as(&list[N - 1 - i], "g", NULL, 0);
	expect_state("g", "Stable");
	advance(SESSION_MS - 1);
	for (int i = 0; i < N; i += 2)
		assert_int_equal(beat(&list[i], "g"), GROUP_OK);
	advance(1);
	for (int i = 0; i < N; i++)
		assert_int_equal(beat(&list[i], "g"), i % 2 == 0 ?
		    GROUP_REBALANCING : GROUP_UNKNOWN_MEMBER);
	for (int i = 0; i < N; i += 2)
		assert_int_equal(leave(&list[i], "g"), GROUP_OK);
	expect_state("g", "Empty");
	assert_int_equal(gs->held, 0);
	broker_close(b);
	free(list);
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
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_slow_log),
		cmocka_unit_test(test_old_clients),
		cmocka_unit_test(test_cancelled_join),
		cmocka_unit_test(test_votes),
		cmocka_unit_test(test_initial_delay),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_static_stays),
		cmocka_unit_test(test_commits),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_retention),
		cmocka_unit_test(test_topic_deleted),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
