/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeCluster, DescribeTopicPartitions, DescribeLogDirs, ElectLeaders,
 * ListPartitionReassignments, DescribeClientQuotas; and of Metadata the sets of
 * replicas and the order of topics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/th_kafka_admin.h"

static struct admin a;

enum { NOT_ASKED = INT32_MIN };

/* ------------------------------------------------------ DescribeCluster */

static enum kafka_error
describe(int16_t version, int8_t endpoint, bool operations)
{
	struct kafka_in *in;
	enum kafka_error error;
	int32_t n;

	admin_begin(&a, 60, version);
	kout_bool(&a.call.body, operations);
	if (version >= 1)
		kout_i8(&a.call.body, endpoint);
	if (version >= 2)
		kout_bool(&a.call.body, true);
	kout_tags(&a.call.body);
	in = admin_send(&a);
	error = kin_i16(in);
	assert_int_equal(kin_str_null(in) == NULL, error == KAFKA_NONE);
	if (version >= 1)
		assert_int_equal(kin_i8(in), 1);
	assert_string_equal(kin_str(in), error == KAFKA_NONE ?
	    broker_cluster_id(a.broker) : "");
	assert_int_equal(kin_i32(in), error == KAFKA_NONE ? 1 : -1);
	n = kin_array(in);
	assert_int_equal(n, error == KAFKA_NONE ? 1 : 0);
	if (n == 1) {
		assert_int_equal(kin_i32(in), 1);
		assert_string_equal(kin_str(in), "127.0.0.1");
		assert_int_equal(kin_i32(in), 9092);
		assert_null(kin_str_null(in));
		if (version >= 2)
			assert_false(kin_bool(in));
		kin_tags(in);
	}
	assert_int_equal(kin_i32(in) == NOT_ASKED, !operations || n == 0);
	admin_end(&a);
	return error;
}

static void
test_describe_cluster(void **state)
{
	for (int16_t v = 0; v <= 2; v++) {
		assert_int_equal(describe(v, 1, false), KAFKA_NONE);
		assert_int_equal(describe(v, 1, true), KAFKA_NONE);
	}
	assert_int_equal(describe(2, 2, true),
	    KAFKA_UNSUPPORTED_ENDPOINT_TYPE);
}

/* ---------------------------------------------- DescribeTopicPartitions */

struct page {
	char told[512];		/* "name:first-last " or "name!error " */
	char next[64];		/* "name:partition", "" */
};

static void
read_ids(struct kafka_in *in, int32_t n)
{
	assert_int_equal(kin_array(in), n);
	for (int32_t i = 0; i < n; i++)
		assert_int_equal(kin_i32(in), 1);
}

static void
read_topic(struct kafka_in *in, struct page *pg)
{
	enum kafka_error error = kin_i16(in);
	const char *name = kin_str_null(in);
	int32_t n, first = -1, last = -1;
	size_t at = strlen(pg->told);

	kin_skip(in, 16);
	assert_int_equal(kin_bool(in), name[0] == '_');
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		assert_int_equal(kin_i16(in), KAFKA_NONE);
		last = kin_i32(in);
		first = i == 0 ? last : first;
		assert_int_equal(kin_i32(in), 1);
		assert_int_equal(kin_i32(in), 0);
		read_ids(in, 1);
		read_ids(in, 1);
		read_ids(in, 0);
		read_ids(in, 0);
		read_ids(in, 0);
		kin_tags(in);
	}
	(void)kin_i32(in);
	kin_tags(in);
	if (error != KAFKA_NONE)
		snprintf(pg->told + at, sizeof(pg->told) - at, "%s!%d ", name,
		    error);
	else
		snprintf(pg->told + at, sizeof(pg->told) - at, "%s:%d-%d ",
		    name, first, last);
}

static void
get_page(const char *const *names, int32_t limit, const char *from,
    int32_t from_partition, struct page *pg)
{
	struct kafka_out *b;
	struct kafka_in *in;
	int32_t n = 0;

	memset(pg, 0, sizeof(*pg));
	while (names != NULL && names[n] != NULL)
		n++;
	admin_begin(&a, 75, 0);
	b = &a.call.body;
	kout_array(b, n);
	for (int32_t i = 0; i < n; i++) {
		kout_str(b, names[i]);
		kout_tags(b);
	}
	kout_i32(b, limit);
	kout_present(b, from != NULL);
	if (from != NULL) {
		kout_str(b, from);
		kout_i32(b, from_partition);
		kout_tags(b);
	}
	kout_tags(b);
	in = admin_send(&a);
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++)
		read_topic(in, pg);
	if (kin_present(in)) {
		const char *name = kin_str(in);

		snprintf(pg->next, sizeof(pg->next), "%s:%d", name,
		    kin_i32(in));
		kin_tags(in);
	}
	admin_end(&a);
}

static void
test_pages(void **state)
{
	struct page pg;

	get_page(NULL, 2000, NULL, 0, &pg);
	assert_string_equal(pg.told, "__consumer_offsets:0-0 "
	    "__transaction_state:0-0 alpha:0-2 beta:0-3 gamma:0-0 ");
	assert_string_equal(pg.next, "");
	get_page((const char *[]){ "gamma", "beta", "no/name", "nobody",
	    "beta", NULL }, 2000, NULL, 0, &pg);
	assert_string_equal(pg.told, "beta:0-3 gamma:0-0 no/name!17 "
	    "nobody!3 ");
	/* Page by page. */
	get_page(NULL, 4, NULL, 0, &pg);
	assert_string_equal(pg.told, "__consumer_offsets:0-0 "
	    "__transaction_state:0-0 alpha:0-1 ");
	assert_string_equal(pg.next, "alpha:2");
	get_page(NULL, 5, "alpha", 2, &pg);
	assert_string_equal(pg.told, "alpha:2-2 beta:0-3 ");
	assert_string_equal(pg.next, "gamma:0");
	get_page(NULL, 5, "gamma", 0, &pg);
	assert_string_equal(pg.told, "gamma:0-0 ");
	assert_string_equal(pg.next, "");
	get_page((const char *[]){ "beta", "alpha", NULL }, 0, NULL, 0, &pg);
	assert_string_equal(pg.told, "alpha:0-0 ");
	assert_string_equal(pg.next, "alpha:1");
	get_page((const char *[]){ "beta", "alpha", NULL }, 100, "b", 5, &pg);
	assert_string_equal(pg.told, "beta:0-3 ");
}

/* -------------------------------------------------------------- Metadata */

static void
test_metadata(void **state)
{
	struct broker_partition *p = topics_find(a.broker, "gamma", 0);
	struct leat_err why = LEAT_ERR_INIT;
	char last[256] = "";
	struct kafka_in *in;
	int32_t n;

	leat_err_set(&why, LEAT_CLS_FATAL, LEAT_E_CORRUPT, "for the test");
	lock_acquire(&p->lock);
	partition_fail_locked(p, &why);
	lock_release(&p->lock);
	admin_begin(&a, 3, 9);
	kout_array(&a.call.body, -1);
	kout_bool(&a.call.body, false);
	kout_bool(&a.call.body, false);
	kout_bool(&a.call.body, false);
	kout_tags(&a.call.body);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), 1);
	kin_skip(in, 4);
	(void)kin_str(in);
	kin_skip(in, 4);
	(void)kin_str_null(in);
	kin_tags(in);
	assert_string_equal(kin_str_null(in), broker_cluster_id(a.broker));
	assert_int_equal(kin_i32(in), 1);
	n = kin_array(in);
	assert_int_equal(n, 5);
	for (int32_t i = 0; i < n; i++) {
		const char *name;
		int32_t m;
		bool damaged;

		assert_int_equal(kin_i16(in), KAFKA_NONE);
		name = kin_str(in);
		assert_true(strcmp(last, name) < 0);
		snprintf(last, sizeof(last), "%s", name);
		damaged = strcmp(name, "gamma") == 0;
		(void)kin_bool(in);
		m = kin_array(in);
		for (int32_t k = 0; k < m; k++) {
			kin_skip(in, 2 + 4 + 4);
			assert_int_equal(kin_i32(in), 0);
			read_ids(in, 1);
			read_ids(in, damaged ? 0 : 1);
			read_ids(in, damaged ? 1 : 0);
			kin_tags(in);
		}
		assert_int_equal(kin_i32(in), NOT_ASKED);
		kin_tags(in);
	}
	assert_int_equal(kin_i32(in), NOT_ASKED);
	admin_end(&a);
	broker_partition_put(p);
}

/* ------------------------------------------------------- DescribeLogDirs */

static void
log_dirs(int16_t version, const char *topic, const int32_t *partitions,
    int32_t np, int32_t want_topics, int32_t want_partitions)
{
	struct kafka_out *b;
	struct kafka_in *in;
	char *path = realpath(a.root, NULL);
	int32_t n;

	admin_begin(&a, 35, version);
	b = &a.call.body;
	kout_array(b, topic != NULL ? 1 : -1);
	if (topic != NULL) {
		kout_str(b, topic);
		kout_array(b, np);
		for (int32_t i = 0; i < np; i++)
			kout_i32(b, partitions[i]);
		kout_tags(b);
	}
	kout_tags(b);
	in = admin_send(&a);
	if (version >= 3)
		assert_int_equal(kin_i16(in), KAFKA_NONE);
	assert_int_equal(kin_array(in), 1);
	assert_int_equal(kin_i16(in), KAFKA_NONE);
	assert_string_equal(kin_str(in), path);
	free(path);
	n = kin_array(in);
	assert_int_equal(n, want_topics);
	for (int32_t i = 0; i < n; i++) {
		int32_t m;

		(void)kin_str(in);
		m = kin_array(in);
		want_partitions -= m;
		for (int32_t k = 0; k < m; k++) {
			kin_skip(in, 4);
			assert_true(kin_i64(in) >= 0);
			assert_int_equal(kin_i64(in), 0);
			assert_false(kin_bool(in));
			kin_tags(in);
		}
		kin_tags(in);
	}
	assert_int_equal(want_partitions, 0);
	if (version >= 4) {
		int64_t total = kin_i64(in), usable = kin_i64(in);

		assert_true(total > 0 && usable >= 0 && usable <= total);
	}
	kin_tags(in);
	admin_end(&a);
}

static void
test_log_dirs(void **state)
{
	const int32_t some[] = { 0, 2, 9 };

	for (int16_t v = 1; v <= 4; v++) {
		log_dirs(v, NULL, NULL, 0, 5, 10);
		log_dirs(v, "beta", some, 3, 1, 2);
		log_dirs(v, "nobody", some, 1, 0, 0);
	}
}

/* ------------------------------------------------------------ the rest */

static void
test_elect(void **state)
{
	for (int16_t v = 0; v <= 2; v++) {
		struct kafka_out *b;
		struct kafka_in *in;

		admin_begin(&a, 43, v);
		b = &a.call.body;
		if (v >= 1)
			kout_i8(b, 0);
		kout_array(b, 1);
		kout_str(b, "alpha");
		kout_array(b, 2);
		kout_i32(b, 2);
		kout_i32(b, 3);
		kout_tags(b);
		kout_i32(b, 1000);
		kout_tags(b);
		in = admin_send(&a);
		if (v >= 1)
			assert_int_equal(kin_i16(in), KAFKA_NONE);
		assert_int_equal(kin_array(in), 1);
		assert_string_equal(kin_str(in), "alpha");
		assert_int_equal(kin_array(in), 2);
		assert_int_equal(kin_i32(in), 2);
		assert_int_equal(kin_i16(in), KAFKA_ELECTION_NOT_NEEDED);
		assert_non_null(kin_str_null(in));
		kin_tags(in);
		assert_int_equal(kin_i32(in), 3);
		assert_int_equal(kin_i16(in),
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		assert_non_null(kin_str_null(in));
		kin_tags(in);
		kin_tags(in);
		admin_end(&a);
	}
}

/* All partitions: none needs an election, so none is listed. */
static void
test_elect_all(void **state)
{
	struct kafka_in *in;

	admin_begin(&a, 43, 2);
	kout_i8(&a.call.body, 1);
	kout_array(&a.call.body, -1);
	kout_i32(&a.call.body, 1000);
	kout_tags(&a.call.body);
	in = admin_send(&a);
	assert_int_equal(kin_i16(in), KAFKA_NONE);
	assert_int_equal(kin_array(in), 0);
	admin_end(&a);
}

static void
test_nothing_there(void **state)
{
	struct kafka_in *in;

	admin_begin(&a, 46, 0);		/* reassignments */
	kout_i32(&a.call.body, 1000);
	kout_array(&a.call.body, -1);
	kout_tags(&a.call.body);
	in = admin_send(&a);
	assert_int_equal(kin_i16(in), KAFKA_NONE);
	assert_null(kin_str_null(in));
	assert_int_equal(kin_array(in), 0);
	admin_end(&a);
	for (int16_t v = 0; v <= 1; v++) {
		admin_begin(&a, 48, v);	/* quotas */
		kout_array(&a.call.body, 1);
		kout_str(&a.call.body, "user");
		kout_i8(&a.call.body, 0);
		kout_str_null(&a.call.body, "joe");
		kout_tags(&a.call.body);
		kout_bool(&a.call.body, false);
		kout_tags(&a.call.body);
		in = admin_send(&a);
		assert_int_equal(kin_i16(in), KAFKA_NONE);
		assert_null(kin_str_null(in));
		assert_int_equal(kin_array(in), 0);
		admin_end(&a);
	}
}

static int
setup(void **state)
{
	a.root = strdup(th_tmpdir());
	admin_open(&a);
	return broker_topic_create(a.broker, "beta", 4, NULL, 0, NULL) < 0 ||
	    broker_topic_create(a.broker, "gamma", 1, NULL, 0, NULL) < 0 ||
	    broker_topic_create(a.broker, "alpha", 3, NULL, 0, NULL) < 0 ? -1 :
	    0;
}

static int
teardown(void **state)
{
	admin_close(&a);
	free(a.root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe_cluster),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_log_dirs),
		cmocka_unit_test(test_elect),
		cmocka_unit_test(test_elect_all),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
