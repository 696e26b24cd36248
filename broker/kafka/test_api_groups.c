/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests about groups, in every version that is served: a request is
 * written and its answer read field by field, by patterns of letters:
 *
 *	h i l	numbers of 16, 32 and 64 bits	s n	a string, or null
 *	b	a boolean			y	bytes
 *	a	the number of elements		.	tagged fields
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "tests/harness/proc.h"

enum { ANY = -99 };

static const char any[] = "?";		/* any text */
static struct broker *b;
static struct kafka_server server;
static char principal[] = "User:ANONYMOUS";
static struct kafka_peer peer = { .host = "127.0.0.1",
    .authenticated = true, .principal = principal };
static int replies;

static void
done(struct kafka_request *rq)
{
	(void)rq;
	replies++;
}

static void
never(struct kafka_request *rq)
{
	(void)rq;
	fail_msg("nothing resumes a request about groups");
}

static void
never_after(struct kafka_request *rq, int64_t ms)
{
	(void)ms;
	never(rq);
}

static const struct kafka_carrier carrier = { .done = done,
    .resume = never, .resume_after = never_after };

/* One request at a time, and a second one for those that wait. */
struct ask {
	struct kafka_request rq;
	struct kafka_in in;	/* over the answer */
	struct leat_arena memory;
};

static void
put(struct kafka_out *to, const char *pattern, va_list ap)
{
	for (const char *p = pattern; *p != '\0'; p++)
		switch (*p) {
		case 'h':
			kout_i16(to, va_arg(ap, int));
			break;
		case 'i':
			kout_i32(to, va_arg(ap, int));
			break;
		case 'l':
			kout_i64(to, va_arg(ap, int));
			break;
		case 'b':
			kout_bool(to, va_arg(ap, int) != 0);
			break;
		case 's':
			kout_str(to, va_arg(ap, const char *));
			break;
		case 'n':
			kout_str_null(to, va_arg(ap, const char *));
			break;
		case 'y': {
			const char *s = va_arg(ap, const char *);

			kout_bytes(to, s, strlen(s));
			break;
		}
		case 'a':
			kout_array(to, va_arg(ap, int));
			break;
		case '.':
			kout_tags(to);
			break;
		default:
			fail_msg("pattern '%s'", pattern);
		}
}

static void
ask_begin(struct ask *a, int16_t key, int version, const char *pattern, ...)
{
	const struct kafka_api *api = kafka_api_find(key);
	struct kafka_out to = { .version = (int16_t)version };
	va_list ap;

	assert_non_null(api);
	memset(a, 0, sizeof(*a));
	leat_arena_init(&a->memory, 4096, 0);
	leat_arena_init(&a->rq.arena, 4096, 0);
	kout_init(&to, 1 << 20);
	to.version = (int16_t)version;
	kout_i16(&to, key);
	kout_i16(&to, version);
	kout_i32(&to, 77);
	kout_str(&to, "me");		/* never compact */
	to.flexible = api->flexible >= 0 && version >= api->flexible;
	kout_tags(&to);
	va_start(ap, pattern);
	put(&to, pattern, ap);
	va_end(ap);
	a->rq.broker = b;
	a->rq.server = &server;
	a->rq.peer = &peer;
	a->rq.carrier = &carrier;
	a->rq.frame = leat_buf_detach(&to.buf, &a->rq.frame_len);
	kout_init(&a->rq.out, 1 << 20);
	kout_fini(&to);
	if (kafka_request_begin(&a->rq) < 0)
		fail_msg("%s", a->rq.why);
	api->handle(&a->rq);
}

/* The answer is there: reads its header. */
static void
ask_read(struct ask *a)
{
	const struct leat_buf *buf = &a->rq.out.buf;

	if (a->rq.outcome != OUTCOME_REPLY)
		fail_msg("%s %d: %s", a->rq.api->name, a->rq.version,
		    a->rq.why);
	assert_int_equal(leat_get_u32(buf->data), buf->len - 4);
	kin_init(&a->in, buf->data + 4, buf->len - 4, &a->memory,
	    a->rq.version, a->rq.out.flexible);
	assert_int_equal(kin_i32(&a->in), 77);
	kin_tags(&a->in);
}

static void
same_text(const struct ask *a, const char *got, const char *want)
{
	if (want == any)
		return;
	if ((got == NULL) != (want == NULL) ||
	    (got != NULL && strcmp(got, want) != 0))
		fail_msg("%s %d: '%s', want '%s'", a->rq.api->name,
		    a->rq.version, got, want);
}

static void
same_number(const struct ask *a, int64_t got, int64_t want)
{
	if (got != want && want != ANY)
		fail_msg("%s %d: %lld, want %lld", a->rq.api->name,
		    a->rq.version, (long long)got, (long long)want);
}

static void
take(struct ask *a, const char *pattern, ...)
{
	struct kafka_in *in = &a->in;
	va_list ap;

	va_start(ap, pattern);
	for (const char *p = pattern; *p != '\0'; p++)
		switch (*p) {
		case 'h':
			same_number(a, kin_i16(in), va_arg(ap, int));
			break;
		case 'i':
			same_number(a, kin_i32(in), va_arg(ap, int));
			break;
		case 'l':
			same_number(a, kin_i64(in), va_arg(ap, int));
			break;
		case 'b':
			same_number(a, kin_bool(in), va_arg(ap, int));
			break;
		case 's':
			same_text(a, kin_str(in), va_arg(ap, const char *));
			break;
		case 'n':
			same_text(a, kin_str_null(in),
			    va_arg(ap, const char *));
			break;
		case 'y': {
			struct leat_str s = kin_bytes(in);

			same_text(a, leat_arena_strndup(&a->memory,
			    s.len > 0 ? s.ptr : "", s.len),
			    va_arg(ap, const char *));
			break;
		}
		case 'a':
			same_number(a, kin_array(in), va_arg(ap, int));
			break;
		case '.':
			kin_tags(in);
			break;
		default:
			fail_msg("pattern '%s'", pattern);
		}
	va_end(ap);
	assert_true(kin_ok(in));
}

static void
ask_end(struct ask *a)
{
	assert_int_equal(leat_reader_left(&a->in.r), 0);
	kout_fini(&a->rq.out);
	leat_arena_fini(&a->rq.arena);
	leat_arena_fini(&a->memory);
	free(a->rq.frame);
}

/* --------------------------------------------------------------- tests */

static char group[32];

static void
join_once(struct ask *a, int v, const char *id, const char *protocol)
{
	if (v >= 8)
		ask_begin(a, 11, v, "siisns"
				    "asy."
				    "n.",
		    group, 10000, 60000,
		    id, NULL, "consumer", 1, protocol, "mine", "why");
	else if (v >= 5)
		ask_begin(a, 11, v, "siisns"
				    "asy."
				    ".",
		    group, 10000, 60000,
		    id, NULL, "consumer", 1, protocol, "mine");
	else if (v >= 1)
		ask_begin(a, 11, v, "siiss"
				    "asy",
		    group, 10000, 60000, id,
		    "consumer", 1, protocol, "mine");
	else
		ask_begin(a, 11, v, "siss"
				    "asy",
		    group, 10000, id,
		    "consumer", 1, protocol, "mine");
	ask_read(a);
	if (v >= 2)
		take(a, "i", 0);
}

static void
joined_head(struct ask *a, int v, int error, int generation,
    const char *protocol, const char *leader, const char *id)
{
	take(a, "hi", error, generation);
	if (v >= 7)
		take(a, "nn", protocol != NULL ? "consumer" : NULL, protocol);
	else
		take(a, "s", protocol != NULL ? protocol : "");
	take(a, "s", leader);
	if (v >= 9)
		take(a, "b", 0);
	take(a, "s", id);
}

/* Joins and gives the id that it got. */
static void
join_group(int v, char id[128])
{
	struct ask a;

	join_once(&a, v, "", "range");
	if (v >= 4) {
		char got[128];

		take(&a, "hi", KAFKA_MEMBER_ID_REQUIRED, -1);
		if (v >= 7)
			take(&a, "nn", NULL, NULL);
		else
			take(&a, "s", "");
		take(&a, "s", "");
		if (v >= 9)
			take(&a, "b", 0);
		snprintf(got, sizeof(got), "%s", kin_str(&a.in));
		take(&a, "a.", 0);
		ask_end(&a);
		join_once(&a, v, got, "range");
		joined_head(&a, v, 0, 1, "range", got, got);
		snprintf(id, 128, "%s", got);
	} else {
		joined_head(&a, v, 0, 1, "range", any, any);
		/* The leader is the only member. */
		snprintf(id, 128, "%s", "");
	}
	take(&a, "a", 1);
	snprintf(id, 128, "%s", kin_str(&a.in));
	assert_true(strncmp(id, "me-", 3) == 0);
	if (v >= 5)
		take(&a, "n", NULL);
	take(&a, "y..", "mine");
	ask_end(&a);
}

static void
sync_group(int v, const char *id, int generation, int error)
{
	struct ask a;

	if (v >= 5)
		ask_begin(&a, 14, v, "sisnnn"
				     "asy."
				     ".",
		    group, generation,
		    id, NULL, "consumer", "range", 1, id, "parts");
	else if (v >= 3)
		ask_begin(&a, 14, v, "sisn"
				     "asy."
				     ".",
		    group, generation, id,
		    NULL, 1, id, "parts");
	else
		ask_begin(&a, 14, v, "sis"
				     "asy",
		    group, generation, id, 1,
		    id, "parts");
	ask_read(&a);
	if (v >= 1)
		take(&a, "i", 0);
	take(&a, "h", error);
	if (v >= 5)
		take(&a, "nn", error == 0 ? "consumer" : NULL,
		    error == 0 ? "range" : NULL);
	take(&a, "y.", error == 0 ? "parts" : "");
	ask_end(&a);
}

static void
heartbeat(int v, const char *id, int generation, int error)
{
	struct ask a;

	if (v >= 3)
		ask_begin(&a, 12, v, "sisn.", group, generation, id, NULL);
	else
		ask_begin(&a, 12, v, "sis", group, generation, id);
	ask_read(&a);
	if (v >= 1)
		take(&a, "i", 0);
	take(&a, "h.", error);
	ask_end(&a);
}

static void
leave_group(int v, const char *id, int error)
{
	struct ask a;

	if (v >= 5)
		ask_begin(&a, 13, v, "s"
				     "asnn."
				     ".",
		    group, 1, id, NULL,
		    "why");
	else if (v >= 3)
		ask_begin(&a, 13, v, "s"
				     "asn."
				     ".",
		    group, 1, id, NULL);
	else
		ask_begin(&a, 13, v, "ss", group, id);
	ask_read(&a);
	if (v >= 1)
		take(&a, "i", 0);
	take(&a, "h", v >= 3 ? 0 : error);
	if (v >= 3)
		take(&a, "asnh.", 1, id, NULL, error);
	take(&a, ".");
	ask_end(&a);
}

static void
describe_group(int v, const char *state, const char *id)
{
	struct ask a;

	ask_begin(&a, 15, v, v >= 3 ? "asb." : "as", 1, group, 1);
	ask_read(&a);
	if (v >= 1)
		take(&a, "i", 0);
	take(&a, "ah", 1, v >= 6 && strcmp(state, "Dead") == 0 ?
	    KAFKA_GROUP_ID_NOT_FOUND : 0);
	if (v >= 6)
		take(&a, "n", strcmp(state, "Dead") == 0 ?
		    "There is no such group." : NULL);
	take(&a, "ss", group, state);
	if (id == NULL) {
		take(&a, "ssa", any, "", 0);
	} else {
		take(&a, "ssa", "consumer", "range", 1);
		take(&a, "s", id);
		if (v >= 4)
			take(&a, "n", NULL);
		take(&a, "ssyy.", "me", "/127.0.0.1", "mine", "parts");
	}
	if (v >= 3)
		take(&a, "i", ANY);
	take(&a, "..");
	ask_end(&a);
}

static void
list_groups(int v, const char *state, const char *type, int found)
{
	struct ask a;

	if (v >= 5)
		ask_begin(&a, 16, v, "asas.", 1, state, 1, type);
	else if (v >= 4)
		ask_begin(&a, 16, v, "as.", 1, state);
	else
		ask_begin(&a, 16, v, ".");
	ask_read(&a);
	if (v >= 1)
		take(&a, "i", 0);
	take(&a, "ha", 0, found);
	if (found == 1)
		take(&a, "ss", group, any);
	if (found == 1 && v >= 4)
		take(&a, "s", any);
	if (found == 1 && v >= 5)
		take(&a, "s", "classic");
	if (found == 1)
		take(&a, ".");
	take(&a, ".");
	ask_end(&a);
}

static void
delete_group(int v, int error)
{
	struct ask a;

	ask_begin(&a, 42, v, "as.", 1, group);
	ask_read(&a);
	take(&a, "iash..", 0, 1, group, error);
	ask_end(&a);
}

/* A life of a member with all its requests, at every version. */
static void
test_members(void **state)
{
	for (int v = 0; v <= 9; v++) {
		int sync = v < 5 ? v : 5, beat = v < 4 ? v : 4;
		int describe = v < 6 ? v : 6;
		char id[128];

		snprintf(group, sizeof(group), "g%d", v);
		describe_group(describe, "Dead", NULL);
		join_group(v, id);
		heartbeat(beat, id, 1, 0);
		sync_group(sync, id, 2, KAFKA_ILLEGAL_GENERATION);
		sync_group(sync, id, 1, 0);
		describe_group(describe, "Stable", id);
		list_groups(v < 5 ? v : 5, "sTABLE", "CLASSIC", 1);
		delete_group(v % 3, KAFKA_NON_EMPTY_GROUP);
		heartbeat(beat, "nobody", 1, KAFKA_UNKNOWN_MEMBER_ID);
		leave_group(sync, "nobody", KAFKA_UNKNOWN_MEMBER_ID);
		leave_group(sync, id, 0);
		describe_group(describe, "Empty", NULL);
		if (v >= 4)
			list_groups(4, "Stable", NULL, 0);
		if (v >= 5)
			list_groups(5, "Empty", "consumer", 0);
		delete_group(v % 3, 0);
		delete_group(v % 3, KAFKA_GROUP_ID_NOT_FOUND);
	}
}

static void
commit(int v, const char *topic, int partition, const char *metadata,
    int error)
{
	struct ask a;

	if (v >= 7)
		ask_begin(&a, 8, v, "sisn"
				    "as"
				    "ailin.."
				    ".",
		    group, -1, "",
		    NULL, 1, topic, 1, partition, 42, 3, metadata);
	else if (v >= 6)
		ask_begin(&a, 8, v, "sis"
				    "as"
				    "ailin",
		    group, -1, "", 1,
		    topic, 1, partition, 42, 3, metadata);
	else if (v >= 5)
		ask_begin(&a, 8, v, "sis"
				    "as"
				    "ailn",
		    group, -1, "", 1,
		    topic, 1, partition, 42, metadata);
	else
		ask_begin(&a, 8, v, "sisl"
				    "as"
				    "ailn",
		    group, -1, "", -1, 1,
		    topic, 1, partition, 42, metadata);
	ask_read(&a);
	if (v >= 3)
		take(&a, "i", 0);
	take(&a, "as"
		 "aih...",
	    1, topic, 1, partition, error);
	ask_end(&a);
}

static void
fetched(struct ask *a, int v, int partition, int offset, int epoch,
    const char *metadata)
{
	take(a, "il", partition, offset);
	if (v >= 5)
		take(a, "i", epoch);
	take(a, "nh.", metadata, 0);
}

/* Partition 0, which has an offset, and 1, which has none; or all. */
static void
fetch(int v, bool all, int epoch)
{
	struct ask a;

	if (v >= 9 && all)
		ask_begin(&a, 9, v, "as"
				    "nia.b.",
		    1, group, NULL, -1, -1, 1);
	else if (v >= 9)
		ask_begin(&a, 9, v, "as"
				    "niasaii..b.",
		    1, group, NULL, -1, 1,
		    "t", 2, 0, 1, 0);
	else if (v >= 8 && all)
		ask_begin(&a, 9, v, "asa.b.", 1, group, -1, 1);
	else if (v >= 8)
		ask_begin(&a, 9, v, "as"
				    "asaii..b.",
		    1, group, 1, "t", 2, 0,
		    1, 0);
	else if (all)
		ask_begin(&a, 9, v, v >= 7 ? "sab." : "sa.", group, -1, 1);
	else
		ask_begin(&a, 9, v, v >= 7 ? "s"
					     "asaii.b."
					   : "s"
					     "asaii..",
		    group, 1, "t", 2, 0, 1, 1);
	ask_read(&a);
	if (v >= 3)
		take(&a, "i", 0);
	if (v >= 8)
		take(&a, "as", 1, group);
	take(&a, "asa", 1, "t", all ? 1 : 2);
	fetched(&a, v, 0, 42, epoch, "meta");
	if (!all)
		fetched(&a, v, 1, -1, -1, "");
	take(&a, ".");
	if (v >= 2)
		take(&a, "h", 0);
	if (v >= 8)
		take(&a, ".");
	take(&a, ".");
	ask_end(&a);
}

static void
delete_offset(int partition, int error, int of_partition)
{
	struct ask a;

	ask_begin(&a, 47, 0, "sasai", group, 1, "t", 1, partition);
	ask_read(&a);
	take(&a, "hi", error, 0);
	if (error == 0)
		take(&a, "asaih", 1, "t", 1, partition, of_partition);
	else
		take(&a, "a", 0);
	ask_end(&a);
}

static void
test_offsets(void **state)
{
	char big[4098];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int v = 1; v <= 9; v++) {
		snprintf(group, sizeof(group), "o%d", v);
		delete_offset(0, KAFKA_GROUP_ID_NOT_FOUND, 0);
		commit(v < 2 ? 2 : v, "t", 0, "meta", 0);
		commit(v < 2 ? 2 : v, "t", 9, "meta",
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		commit(v < 2 ? 2 : v, "absent", 0, "meta",
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		commit(v < 2 ? 2 : v, "t", 1, big,
		    KAFKA_OFFSET_METADATA_TOO_LARGE);
		fetch(v, false, v >= 6 ? 3 : -1);
		if (v >= 2)
			fetch(v, true, v >= 6 ? 3 : -1);
		delete_offset(9, 0, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		delete_offset(0, 0, 0);
		delete_offset(0, KAFKA_GROUP_ID_NOT_FOUND, 0);
	}
}

/* A join that waits ends with its connection. */
static void
test_cancel(void **state)
{
	const struct kafka_api *api = kafka_api_find(11);
	struct ask first, second;
	int before;

	snprintf(group, sizeof(group), "cancel");
	join_once(&first, 0, "", "range");
	before = replies;
	ask_begin(&second, 11, 0, "siss"
				  "asy",
	    group, 10000, "", "consumer",
	    1, "range", "yours");
	assert_int_equal(replies, before);
	api->cancel(&second.rq);
	assert_int_equal(replies, before + 1);
	ask_read(&second);
	joined_head(&second, 0, KAFKA_COORDINATOR_NOT_AVAILABLE, -1, NULL, "",
	    "");
	take(&second, "a", 0);
	ask_end(&second);
	api->cancel(&first.rq);
	assert_int_equal(replies, before + 1);
	joined_head(&first, 0, 0, 1, "range", any, any);
	take(&first, "asy", 1, any, "mine");
	ask_end(&first);
}

static int
begin(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_options o;

	broker_options_init(&o);
	o.dir = th_tmpdir();
	if (broker_open(&o, &b, &err) < 0 ||
	    broker_topic_create(b, "t", 2, NULL, 0, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	server.broker = b;
	return 0;
}

static int
end(void **state)
{
	broker_close(b);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
