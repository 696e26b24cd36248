/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/kafka/broker_config.h"
#include "tests/harness/th_kafka_admin.h"
#include "broker/kafka/topic_config.h"

static struct admin a;

enum { SET, DELETE, APPEND, SUBTRACT };

/* ------------------------------------------------------- DescribeConfigs */

struct shown {
	enum kafka_error error;
	char text[256];
	int32_t n;		/* settings told */
	/* Of the one asked for: */
	char value[128];
	int8_t source, type;
	bool read_only;
	char synonyms[256];	/* "name=value@source ..." */
	bool doc;
};

static void
read_setting(struct kafka_in *in, int16_t version, const char *of,
    struct shown *s)
{
	const char *name = kin_str(in), *value = kin_str_null(in), *doc = NULL;
	bool mine = of != NULL && strcmp(of, name) == 0;
	bool read_only = kin_bool(in);
	int8_t source = kin_i8(in), type = 0;
	char list[256] = "";
	int32_t n;

	assert_false(kin_bool(in));
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		const char *k = kin_str(in), *v = kin_str_null(in);
		size_t at = strlen(list);

		snprintf(list + at, sizeof(list) - at, "%s=%s@%d ", k, v,
		    kin_i8(in));
		kin_tags(in);
	}
	if (version >= 3) {
		type = kin_i8(in);
		doc = kin_str_null(in);
	}
	kin_tags(in);
	if (!mine)
		return;
	snprintf(s->value, sizeof(s->value), "%s", value);
	memcpy(s->synonyms, list, sizeof(list));
	s->source = source;
	s->type = type;
	s->read_only = read_only;
	s->doc = doc != NULL;
}

/* Asks for all of a resource, or with `only` for the setting `of` alone. */
static void
describe(int16_t version, int8_t type, const char *name, const char *of,
    bool only, struct shown *s)
{
	struct kafka_out *b;
	struct kafka_in *in;
	const char *text;

	memset(s, 0, sizeof(*s));
	admin_begin(&a, 32, version);
	b = &a.call.body;
	kout_array(b, 1);
	kout_i8(b, type);
	kout_str(b, name);
	kout_array(b, only ? 1 : -1);
	if (only)
		kout_str(b, of);
	kout_tags(b);
	kout_bool(b, true);
	if (version >= 3)
		kout_bool(b, true);
	kout_tags(b);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), 1);
	s->error = kin_i16(in);
	text = kin_str_null(in);
	snprintf(s->text, sizeof(s->text), "%s", text != NULL ? text : "");
	assert_int_equal(kin_i8(in), type);
	assert_string_equal(kin_str(in), name);
	s->n = kin_array(in);
	for (int32_t i = 0; i < s->n; i++)
		read_setting(in, version, of, s);
	kin_tags(in);
	admin_end(&a);
}

static void
test_describe_topic(void **state)
{
	struct shown s;

	for (int16_t v = 1; v <= 4; v++) {
		describe(v, CONFIG_TOPIC, "t", "segment.bytes", false, &s);
		assert_int_equal(s.error, KAFKA_NONE);
		assert_int_equal(s.n, setting_count());
		assert_string_equal(s.value, "1073741824");
		assert_int_equal(s.source, CONFIG_SOURCE_DEFAULT);
		assert_false(s.read_only);
		assert_string_equal(s.synonyms,
		    "log.segment.bytes=1073741824@5 ");
		if (v < 3)
			continue;
		assert_int_equal(s.type, SETTING_INT);
		assert_true(s.doc);
	}
	/* The topic's own, before the broker's, before the default. */
	describe(4, CONFIG_TOPIC, "t", "retention.ms", true, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.value, "5000");
	assert_int_equal(s.source, CONFIG_SOURCE_TOPIC);
	assert_string_equal(s.synonyms, "retention.ms=5000@1 "
	    "log.retention.ms=3600000@4 log.retention.ms=604800000@5 ");
	describe(4, CONFIG_TOPIC, "__consumer_offsets", "retention.ms", true,
	    &s);
	assert_string_equal(s.value, "3600000");
	assert_int_equal(s.source, CONFIG_SOURCE_STATIC_BROKER);
	/* A name that is none. */
	describe(4, CONFIG_TOPIC, "t", "no.such", true, &s);
	assert_int_equal(s.error, KAFKA_NONE);
	assert_int_equal(s.n, 0);
}

static void
test_describe_broker(void **state)
{
	struct shown s;

	for (int i = 1; i < broker_config_count(); i++)
		assert_true(strcmp(broker_config_name(i - 1),
		    broker_config_name(i)) < 0);
	/* The defaults of topics stand among the broker's settings. */
	for (int i = 0; i < setting_count(); i++) {
		const char *name = setting_broker_name(i);
		int k = 0;

		while (name != NULL && k < broker_config_count() &&
		    strcmp(broker_config_name(k), name) != 0)
			k++;
		if (name != NULL && strncmp(name, "log.local.", 10) != 0)
			assert_true(k < broker_config_count());
	}
	describe(4, CONFIG_BROKER, "1", "log.retention.ms", false, &s);
	assert_int_equal(s.error, KAFKA_NONE);
	assert_int_equal(s.n, broker_config_count());
	assert_string_equal(s.value, "3600000");
	assert_int_equal(s.source, CONFIG_SOURCE_STATIC_BROKER);
	assert_true(s.read_only);
	describe(2, CONFIG_BROKER, "1", "offsets.retention.minutes", true,
	    &s);
	assert_string_equal(s.value, "10080");
	assert_int_equal(s.source, CONFIG_SOURCE_DEFAULT);
	describe(4, CONFIG_BROKER, "1", "log.dir", true, &s);
	assert_string_equal(s.value, a.root);
	describe(4, CONFIG_BROKER, "1", "delete.topic.enable", true, &s);
	assert_string_equal(s.value, "true");
	assert_int_equal(s.type, SETTING_BOOL);
	describe(4, CONFIG_BROKER, "", "num.partitions", false, &s);
	assert_int_equal(s.error, KAFKA_NONE);
	assert_int_equal(s.n, 0);
}

static void
test_describe_refused(void **state)
{
	struct shown s;

	describe(4, CONFIG_TOPIC, "nobody", NULL, false, &s);
	assert_int_equal(s.error, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_non_null(strstr(s.text, "nobody"));
	describe(4, CONFIG_TOPIC, "a/b", NULL, false, &s);
	assert_int_equal(s.error, KAFKA_INVALID_TOPIC_EXCEPTION);
	describe(4, CONFIG_BROKER, "7", NULL, false, &s);
	assert_int_equal(s.error, KAFKA_INVALID_REQUEST);
	describe(4, 16, "metrics", NULL, false, &s);
	assert_int_equal(s.error, KAFKA_INVALID_REQUEST);
	assert_int_equal(s.n, 0);
}

/* ------------------------------------------------------------ altering */

struct change {
	const char *name;
	const char *value;
	int op;
};

static enum kafka_error
alter_of(int16_t version, int8_t type, const char *name, bool incremental,
    const struct change *list, int32_t n, bool check_only, char text[256])
{
	struct kafka_out *b;
	struct kafka_in *in;
	enum kafka_error error;
	const char *why;

	admin_begin(&a, incremental ? 44 : 33, version);
	b = &a.call.body;
	kout_array(b, 1);
	kout_i8(b, type);
	kout_str(b, name);
	kout_array(b, n);
	for (int32_t i = 0; i < n; i++) {
		kout_str(b, list[i].name);
		if (incremental)
			kout_i8(b, list[i].op);
		kout_str_null(b, list[i].value);
		kout_tags(b);
	}
	kout_tags(b);
	kout_bool(b, check_only);
	kout_tags(b);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), 1);
	error = kin_i16(in);
	why = kin_str_null(in);
	assert_int_equal(why == NULL, error == KAFKA_NONE);
	snprintf(text, 256, "%s", why != NULL ? why : "");
	assert_int_equal(kin_i8(in), type);
	assert_string_equal(kin_str(in), name);
	kin_tags(in);
	admin_end(&a);
	return error;
}

static enum kafka_error
step(const char *name, int op, const char *value)
{
	struct change c = { name, value, op };
	char text[256];

	return alter_of(1, CONFIG_TOPIC, "t2", true, &c, 1, false, text);
}

static void
is_now(const char *name, const char *value, int8_t source)
{
	struct shown s;

	describe(4, CONFIG_TOPIC, "t2", name, true, &s);
	assert_string_equal(s.value, value);
	assert_int_equal(s.source, source);
}

static void
test_alter(void **state)
{
	const struct change first[] = { { "retention.ms", "1000", 0 },
		{ "segment.ms", "2000", 0 } };
	char text[256];

	/* The whole list is replaced: what is not in it goes back. */
	for (int16_t v = 0; v <= 2; v++) {
		assert_int_equal(alter_of(v, CONFIG_TOPIC, "t2", false, first,
		    2, false, text), KAFKA_NONE);
		is_now("retention.ms", "1000", CONFIG_SOURCE_TOPIC);
		is_now("segment.ms", "2000", CONFIG_SOURCE_TOPIC);
		assert_int_equal(alter_of(v, CONFIG_TOPIC, "t2", false,
		    first + 1, 1, true, text), KAFKA_NONE);
		is_now("retention.ms", "1000", CONFIG_SOURCE_TOPIC);
		assert_int_equal(alter_of(v, CONFIG_TOPIC, "t2", false,
		    first + 1, 1, false, text), KAFKA_NONE);
		is_now("retention.ms", "3600000", CONFIG_SOURCE_STATIC_BROKER);
		is_now("segment.ms", "2000", CONFIG_SOURCE_TOPIC);
	}
}

static void
test_steps(void **state)
{
	const struct change c = { "flush.ms", "5", SET };
	char text[256];

	for (int16_t v = 0; v <= 1; v++) {
		assert_int_equal(alter_of(v, CONFIG_TOPIC, "t2", true, &c, 1,
		    true, text), KAFKA_NONE);
		is_now("flush.ms", "9223372036854775807",
		    CONFIG_SOURCE_DEFAULT);
	}
	assert_int_equal(step("flush.ms", SET, "5"), KAFKA_NONE);
	is_now("flush.ms", "5", CONFIG_SOURCE_TOPIC);
	assert_int_equal(step("flush.ms", DELETE, NULL), KAFKA_NONE);
	is_now("flush.ms", "9223372036854775807", CONFIG_SOURCE_DEFAULT);
	/* Lists; the words of the default count as there. */
	assert_int_equal(step("cleanup.policy", APPEND, "compact,delete"),
	    KAFKA_NONE);
	is_now("cleanup.policy", "delete,compact", CONFIG_SOURCE_TOPIC);
	assert_int_equal(step("cleanup.policy", SUBTRACT, "delete"),
	    KAFKA_NONE);
	is_now("cleanup.policy", "compact", CONFIG_SOURCE_TOPIC);
	assert_int_equal(step("cleanup.policy", SUBTRACT, "compact"),
	    KAFKA_INVALID_CONFIG);
	is_now("cleanup.policy", "compact", CONFIG_SOURCE_TOPIC);
	assert_int_equal(step("leader.replication.throttled.replicas", APPEND,
	    "0:1"), KAFKA_NONE);
	is_now("leader.replication.throttled.replicas", "0:1",
	    CONFIG_SOURCE_TOPIC);
	assert_int_equal(step("leader.replication.throttled.replicas",
	    SUBTRACT, "0:1"), KAFKA_NONE);
	is_now("leader.replication.throttled.replicas", "",
	    CONFIG_SOURCE_TOPIC);
}

static void
test_alter_refused(void **state)
{
	static const struct {
		int8_t type;
		const char *resource;
		struct change c;
		enum kafka_error error;
		const char *why;
	} rows[] = {
		{ CONFIG_TOPIC, "nobody", { "flush.ms", "1", SET },
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "nobody" },
		{ CONFIG_TOPIC, "a b", { "flush.ms", "1", SET },
		    KAFKA_INVALID_TOPIC_EXCEPTION, "only letters" },
		{ CONFIG_TOPIC, "t", { "no.such", "1", SET },
		    KAFKA_INVALID_CONFIG, "no.such" },
		{ CONFIG_TOPIC, "t", { "flush.ms", "-1", SET },
		    KAFKA_INVALID_CONFIG, "'-1'" },
		{ CONFIG_TOPIC, "t", { "flush.ms", NULL, SET },
		    KAFKA_INVALID_REQUEST, "null" },
		{ CONFIG_TOPIC, "t", { "flush.ms", "1", 4 },
		    KAFKA_INVALID_REQUEST, "operation 4" },
		{ CONFIG_TOPIC, "t", { "flush.ms", "1", APPEND },
		    KAFKA_INVALID_CONFIG, "no list" },
		{ CONFIG_TOPIC, "t", { "min.compaction.lag.ms",
		    "9223372036854775806", SET }, KAFKA_NONE, "" },
		{ CONFIG_TOPIC, "t", { "max.compaction.lag.ms", "1", SET },
		    KAFKA_INVALID_CONFIG, "more than max.compaction.lag.ms" },
		{ CONFIG_BROKER, "1", { "log.retention.ms", "1", SET },
		    KAFKA_INVALID_REQUEST, "worker's configuration" },
		{ CONFIG_BROKER, "9", { "log.retention.ms", "1", SET },
		    KAFKA_INVALID_REQUEST, "no broker '9'" },
		{ 16, "x", { "interval.ms", "1", SET },
		    KAFKA_INVALID_REQUEST, "only topics (2)" },
	};
	const struct change twice[] = { { "flush.ms", "1", SET },
		{ "flush.ms", "2", SET } };
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(alter_of(1, rows[i].type, rows[i].resource,
		    true, &rows[i].c, 1, false, text), rows[i].error);
		if (strstr(text, rows[i].why) == NULL)
			fail_msg("'%s' says not '%s'", text, rows[i].why);
	}
	assert_int_equal(alter_of(1, CONFIG_TOPIC, "t", true, twice, 2, false,
	    text), KAFKA_INVALID_REQUEST);
	assert_non_null(strstr(text, "twice"));
	assert_int_equal(alter_of(2, CONFIG_TOPIC, "t", false, twice, 2, false,
	    text), KAFKA_INVALID_REQUEST);
	assert_int_equal(alter_of(2, CONFIG_TOPIC, "nobody", false, twice, 1,
	    false, text), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

static void
test_resource_twice(void **state)
{
	struct kafka_out *b;
	struct kafka_in *in;

	admin_begin(&a, 33, 2);
	b = &a.call.body;
	kout_array(b, 2);
	for (int i = 0; i < 2; i++) {
		kout_i8(b, CONFIG_TOPIC);
		kout_str(b, "t");
		kout_array(b, 0);
		kout_tags(b);
	}
	kout_bool(b, true);
	kout_tags(b);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kin_i16(in), KAFKA_INVALID_REQUEST);
		assert_non_null(kin_str_null(in));
		assert_int_equal(kin_i8(in), CONFIG_TOPIC);
		assert_string_equal(kin_str(in), "t");
		kin_tags(in);
	}
	admin_end(&a);
}

/* --------------------------------------------------- ListConfigResources */

static int32_t
list(int16_t version, int8_t only)
{
	struct kafka_in *in;
	int32_t n;

	admin_begin(&a, 74, version);
	if (version >= 1) {
		kout_array(&a.call.body, only >= 0 ? 1 : 0);
		if (only >= 0)
			kout_i8(&a.call.body, only);
	}
	kout_tags(&a.call.body);
	in = admin_send(&a);
	assert_int_equal(kin_i16(in), KAFKA_NONE);
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		const char *name = kin_str(in);
		int8_t type = kin_i8(in);

		if (only >= 0)
			assert_int_equal(type, only);
		if (type == CONFIG_BROKER)
			assert_string_equal(name, "1");
		kin_tags(in);
	}
	admin_end(&a);
	return n;
}

static void
test_list(void **state)
{
	int32_t topics = list(1, CONFIG_TOPIC);

	assert_int_equal(topics, 4);	/* t, t2, the two internal ones */
	assert_int_equal(list(1, CONFIG_BROKER), 1);
	assert_int_equal(list(1, 16), 0);
	assert_int_equal(list(1, -1), topics + 1);
	assert_int_equal(list(0, -1), 0);
}

static int
setup(void **state)
{
	const struct broker_setting s = { "retention.ms", "5000" };

	a.root = strdup(th_tmpdir());
	admin_open(&a);
	return broker_topic_create(a.broker, "t", 1, &s, 1, NULL) < 0 ||
	    broker_topic_create(a.broker, "t2", 1, NULL, 0, NULL) < 0 ? -1 : 0;
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
		cmocka_unit_test(test_describe_topic),
		cmocka_unit_test(test_describe_broker),
		cmocka_unit_test(test_describe_refused),
		cmocka_unit_test(test_alter),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_alter_refused),
		cmocka_unit_test(test_resource_twice),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
