/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of requests and answers, and the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"
#include "tests/harness/proc.h"

static struct kafka_server *server;
static struct broker *broker;
static struct kafka_peer peer;
static struct kafka_request rq;
static int replies, slows;

static void
done(struct kafka_request *r)
{
	replies++;
}

static void
go_slow(struct kafka_request *r, void (*fn)(struct kafka_request *))
{
	slows++;
	fn(r);
}

static const struct kafka_carrier carrier = { .done = done,
	.go_slow = go_slow };

static int
group_setup(void **unused)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options o;
	struct broker_options bo;
	char host[] = "broker.example.com:9095";

	broker_options_init(&bo);
	bo.dir = th_path("data");
	bo.auto_create = true;
	if (broker_open(&bo, &broker, &err) < 0)
		fail_msg("%s", err.text);
	broker_listen_options_init(&o);
	o.advertised = host;
	if (kafka_server_new(broker, &o, &server, &err) < 0)
		fail_msg("%s", err.text);
	memset(host, 'x', sizeof(host) - 1);
	/* The options' texts are the server's own. */
	assert_string_equal(server->o.advertised, "broker.example.com:9095");
	assert_string_equal(server->o.listen, "127.0.0.1:9092");
	assert_ptr_not_equal(server->o.listen, o.listen);
	return 0;
}

static int
group_teardown(void **unused)
{
	kafka_server_free(server);
	broker_close(broker);
	return 0;
}

static int
setup(void **unused)
{
	memset(&rq, 0, sizeof(rq));
	leat_arena_init(&rq.arena, 4096, 1 << 20);
	kout_init(&rq.out, 1 << 20);
	rq.server = server;
	rq.broker = broker;
	rq.peer = &peer;
	rq.carrier = &carrier;
	peer.authenticated = true;
	replies = slows = 0;
	return 0;
}

static int
teardown(void **unused)
{
	free(rq.frame);
	kout_fini(&rq.out);
	leat_arena_fini(&rq.arena);
	return 0;
}

static int
begin(const char *bytes, size_t len)
{
	free(rq.frame);
	rq.frame = malloc(len);
	assert_non_null(rq.frame);
	memcpy(rq.frame, bytes, len);
	rq.frame_len = len;
	return kafka_request_begin(&rq);
}

#define BEGIN(bytes) begin(bytes, sizeof(bytes) - 1)

#define ANSWERED(bytes) \
	do { \
		assert_int_equal(replies, 1); \
		assert_int_equal(rq.outcome, OUTCOME_REPLY); \
		assert_true(rq.out.buf.len >= sizeof(bytes) - 1); \
		assert_int_equal(leat_get_u32(rq.out.buf.data), \
		    rq.out.buf.len - 4); \
		assert_memory_equal(rq.out.buf.data + 4, bytes, \
		    sizeof(bytes) - 1); \
	} while (0)

/* Classic: key, version, correlation id, client id. */
static void
test_header_v1(void **unused)
{
	/* Metadata v1 of no topics */
	assert_int_equal(BEGIN("\0\3\0\1\0\0\0\x2a\0\3abc\0\0\0\0"), 0);
	assert_string_equal(rq.api->name, "Metadata");
	assert_int_equal(rq.version, 1);
	assert_int_equal(rq.correlation_id, 42);
	assert_string_equal(rq.client_id, "abc");
	assert_false(rq.in.flexible);
	assert_int_equal(leat_reader_left(&rq.in.r), 4);
	rq.api->handle(&rq);
	/* correlation id, one broker: id 1, its name, port 9095, no rack */
	ANSWERED("\0\0\0\x2a"
		 "\0\0\0\1"
		 "\0\0\0\1"
		 "\0\x12"
		 "broker.example.com"
		 "\0\0\x23\x87"
		 "\xff\xff");
}

static void
test_header_v1_without_client(void **unused)
{
	assert_int_equal(BEGIN("\0\3\0\1\0\0\0\x2a\xff\xff\0\0\0\0"), 0);
	assert_string_equal(rq.client_id, "");
}

/* Flexible: the client id stays classic, tags follow. */
static void
test_header_v2(void **unused)
{
	/* Metadata v9: a tag in the header, no topics, three flags, no tags */
	assert_int_equal(BEGIN("\0\3\0\x09\0\0\0\7\0\1c\1\5\2xy"
	    "\1\0\0\0\0"), 0);
	assert_string_equal(rq.client_id, "c");
	assert_true(rq.in.flexible);
	assert_int_equal(leat_reader_left(&rq.in.r), 5);
	rq.api->handle(&rq);
	/* correlation id, tags, throttle, brokers */
	ANSWERED("\0\0\0\7"
		 "\0"
		 "\0\0\0\0"
		 "\2"
		 "\0\0\0\1"
		 "\x13"
	    "broker.example.com");
	assert_int_equal(slows, 0);
}

/* The answer to ApiVersions has no tags in its header, in no version. */
static void
test_api_versions(void **unused)
{
	size_t n;

	(void)kafka_apis(&n);
	assert_int_equal(BEGIN("\0\x12\0\3\0\0\0\7\xff\xff\0\2a\2b\0"), 0);
	assert_true(rq.in.flexible);
	rq.api->handle(&rq);
	ANSWERED("\0\0\0\7"
		 "\0\0");
	assert_int_equal(rq.out.buf.data[10], n + 1);
}

/* Of a version that we do not know: version 0's answer, and what we know. */
static void
test_api_versions_of_the_future(void **unused)
{
	size_t n;

	(void)kafka_apis(&n);
	assert_int_equal(BEGIN("\0\x12\0\x63\0\0\0\7\0\1c\0what is this"), 0);
	rq.api->handle(&rq);
	ANSWERED("\0\0\0\7"
		 "\0\x23");
	assert_int_equal(leat_get_u32(rq.out.buf.data + 10), n);
	assert_int_equal(rq.out.buf.len, 14 + 6 * n);
}

static void
refused(const char *why)
{
	assert_int_equal(rq.outcome, OUTCOME_HANG_UP);
	if (strstr(rq.why, why) == NULL)
		fail_msg("'%s' has no '%s'", rq.why, why);
	assert_int_equal(replies, 0);
}

static void
test_refused(void **unused)
{
	assert_int_equal(BEGIN("\0\3\x7f\0\0\0\0\1\0\1c"), -1);
	refused("Metadata of version 32512, of 0 to 12");
	assert_string_equal(rq.client_id, "c");
	assert_int_equal(BEGIN("\0\3\xff\xff\0\0\0\1\0\1c"), -1);
	refused("Metadata of version -1");
	assert_int_equal(BEGIN("\x7f\xff\0\0\0\0\0\1\0\1c"), -1);
	refused("unknown request 32767");
	assert_int_equal(BEGIN("\0\3\0\0\0\0\0\1\0\2c"), -1);
	refused("no request header");
	assert_int_equal(BEGIN("\0\3\0\0\0\0"), -1);
	refused("no request header (too short)");
	assert_int_equal(BEGIN("\0\3\0\0\0\0\0\1\xff\xfe"), -1);
	refused("no request header");
	peer.authenticated = false;
	assert_int_equal(BEGIN("\0\3\0\0\0\0\0\1\0\1c"), -1);
	refused("Metadata before authentication");
	assert_int_equal(BEGIN("\0\x12\0\0\0\0\0\1\0\1c"), 0);
}

static void
test_malformed_body(void **unused)
{
	/* More topics than there are bytes. */
	assert_int_equal(BEGIN("\0\3\0\1\0\0\0\1\0\1c\0\0\0\x09"
			       "ab"),
	    0);
	rq.api->handle(&rq);
	assert_int_equal(replies, 1);
	assert_int_equal(rq.outcome, OUTCOME_HANG_UP);
	assert_non_null(strstr(rq.why, "malformed Metadata of version 1"));
}

static void
test_answer_without_room(void **unused)
{
	kout_fini(&rq.out);
	kout_init(&rq.out, 20);
	assert_int_equal(BEGIN("\0\x12\0\0\0\0\0\1\0\1c"), 0);
	rq.api->handle(&rq);
	assert_int_equal(rq.outcome, OUTCOME_HANG_UP);
	assert_non_null(strstr(rq.why, "no room"));
}

static void
test_drop_frame(void **unused)
{
	assert_int_equal(BEGIN("\0\3\0\1\0\0\0\x2a\0\3abc\0\0\0\0"), 0);
	kafka_drop_frame(&rq);
	assert_null(rq.frame);
	assert_string_equal(rq.client_id, "abc");
	assert_int_equal(kin_i32(&rq.in), 0);
	assert_false(kin_ok(&rq.in));
}

/* Metadata waits for the disk only where it creates a topic. */
static void
test_go_slow(void **unused)
{
	assert_int_equal(BEGIN("\0\3\0\4\0\0\0\1\0\1c\0\0\0\1\0\4made\1"), 0);
	rq.api->handle(&rq);
	assert_int_equal(slows, 1);
	assert_int_equal(replies, 1);
	assert_int_equal(BEGIN("\0\3\0\4\0\0\0\1\0\1c\0\0\0\1\0\4made\1"), 0);
	rq.api->handle(&rq);
	assert_int_equal(slows, 1);
	assert_int_equal(BEGIN("\0\3\0\4\0\0\0\1\0\1c\0\0\0\1\0\4none\0"), 0);
	rq.api->handle(&rq);
	assert_int_equal(slows, 1);
	assert_int_equal(replies, 3);
}

/* The table in order, its rows within Kafka's own bounds. */
static void
test_table(void **unused)
{
	size_t n;
	const struct kafka_api *rows = kafka_apis(&n);

	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || rows[i - 1].key < rows[i].key);
		assert_ptr_equal(kafka_api_find(rows[i].key), &rows[i]);
		assert_true(rows[i].min >= 0 && rows[i].min <= rows[i].max);
		assert_true(rows[i].advertised_min <= rows[i].min);
		assert_non_null(rows[i].handle);
	}
	assert_null(kafka_api_find(-1));
	assert_null(kafka_api_find(rows[n - 1].key + 1));
	assert_null(kafka_api_find(127));
	assert_null(kafka_api_find(128));
	assert_null(kafka_api_find(INT16_MIN));
	assert_null(kafka_api_find(INT16_MAX));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_header_v1),
		TEST(test_header_v1_without_client),
		TEST(test_header_v2),
		TEST(test_api_versions),
		TEST(test_api_versions_of_the_future),
		TEST(test_refused),
		TEST(test_malformed_body),
		TEST(test_answer_without_room),
		TEST(test_drop_frame),
		TEST(test_go_slow),
		TEST(test_table),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
