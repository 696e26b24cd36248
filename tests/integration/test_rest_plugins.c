/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka Connect's API about plugins: their list, their options, and the check
 * of a configuration, which is answered with 200 whatever it finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

static struct th_worker *w;

static int
start(void **state)
{
	w = th_worker_start(NULL);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

static const struct leat_value *
validate(const char *plugin, const char *body)
{
	const char *text;
	int status = th_worker_call(w, "PUT",
	    th_text("/connector-plugins/%s/config/validate", plugin), body,
	    &text);

	if (status != 200)
		th_fail("validate: status %d: %s", status, text);
	return th_json(text);
}

/* The entry of a key among the configs of a validation. */
static const struct leat_value *
config_of(const struct leat_value *doc, const char *key)
{
	const struct leat_value *list = th_json_at(doc, "/configs");

	for (uint32_t i = 0; i < list->len; i++)
		if (strcmp(th_json_text(&list->u.items[i], "/value/name"),
			key) == 0)
			return &list->u.items[i];
	th_fail("no config '%s' in %s", key, th_json_text(doc, ""));
}

static void
list_of_plugins(void **state)
{
	static const char *const wanted[][2] = { { "datagen", "source" },
		{ "http-sink", "sink" }, { "file-sink", "sink" },
		{ "postgres-source", "source" } };
	const struct leat_value *doc =
	    th_json(th_worker_get(w, "/connector-plugins"));

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		bool found = false;

		for (uint32_t j = 0; j < doc->len; j++) {
			const struct leat_value *p = &doc->u.items[j];

			if (strcmp(th_json_text(p, "/class"), wanted[i][0]))
				continue;
			found = true;
			assert_int_equal(th_json_len(p, ""), 3);
			assert_string_equal(th_json_text(p, "/type"),
			    wanted[i][1]);
			assert_int_equal(th_json_at(p, "/version")->kind,
			    LEAT_STRING);
		}
		if (!found)
			th_fail("no %s", wanted[i][0]);
	}
	/* The filter is accepted; converters and transforms may be added. */
	doc = th_json(th_worker_get(w,
	    "/connector-plugins?connectorsOnly=false"));
	assert_true(th_json_len(doc, "") >= 4);
}

static void
options_of_a_plugin(void **state)
{
	static const char *const members[] = { "name", "type", "required",
		"default_value", "importance", "documentation", "group",
		"width", "display_name", "dependents", "order" };
	const struct leat_value *doc =
	    th_json(th_worker_get(w, "/connector-plugins/datagen/config"));
	bool topic = false;

	assert_true(th_json_len(doc, "") > 5);
	for (uint32_t i = 0; i < doc->len; i++) {
		const struct leat_value *o = &doc->u.items[i];

		assert_int_equal(th_json_len(o, ""), 11);
		for (size_t j = 0; j < 11; j++)
			assert_non_null(th_json_at(o,
			    th_text("/%s", members[j])));
		if (strcmp(th_json_text(o, "/name"), "topic") != 0)
			continue;
		topic = true;
		assert_string_equal(th_json_text(o, "/type"), "STRING");
		assert_string_equal(th_json_text(o, "/required"), "true");
		assert_string_equal(th_json_text(o, "/default_value"), "null");
		assert_string_equal(th_json_text(o, "/importance"), "HIGH");
	}
	assert_true(topic);
}

/* Keys that every connector has are options too, as in Kafka Connect. */
static void
options_of_the_framework(void **state)
{
	const char *text =
	    th_worker_get(w, "/connector-plugins/datagen/config");

	assert_non_null(strstr(text, "\"name\":\"tasks.max\""));
	text = th_worker_get(w, "/connector-plugins/http-sink/config");
	assert_non_null(strstr(text, "\"name\":\"topics\""));
	assert_non_null(strstr(text,
	    "\"name\":\"errors.deadletterqueue.topic.name\""));
}

static void
good_configuration(void **state)
{
	const struct leat_value *doc = validate("datagen", "{\"name\":\"x\","
	    "\"connector.class\":\"datagen\",\"topic\":\"t\","
	    "\"field.id\":\"sequence\"}");
	const struct leat_value *c;

	assert_int_equal(th_json_len(doc, ""), 4);
	assert_string_equal(th_json_text(doc, "/name"), "datagen");
	assert_int_equal(th_json_int(doc, "/error_count"), 0);
	assert_true(th_json_len(doc, "/groups") > 0);
	c = config_of(doc, "topic");
	assert_int_equal(th_json_len(c, ""), 2);
	assert_string_equal(th_json_text(c, "/definition/name"), "topic");
	assert_int_equal(th_json_len(c, "/value"), 5);
	assert_string_equal(th_json_text(c, "/value/value"), "t");
	assert_string_equal(th_json_text(c, "/value/errors"), "[]");
	assert_string_equal(th_json_text(c, "/value/visible"), "true");
	c = config_of(doc, "quickstart");
	assert_true(th_json_lists(c, "/value/recommended_values", "orders"));
}

static void
bad_configuration(void **state)
{
	const struct leat_value *doc = validate("datagen", "{\"name\":\"x\","
	    "\"connector.class\":\"datagen\",\"rate\":\"often\","
	    "\"quickstart\":\"cats\",\"topik\":\"t\"}");

	/* topic is missing, rate no number, cats no choice, topik unknown. */
	assert_int_equal(th_json_int(doc, "/error_count"), 4);
	assert_int_equal(th_json_len(config_of(doc, "topic"),
	    "/value/errors"), 1);
	assert_int_equal(th_json_len(config_of(doc, "rate"),
	    "/value/errors"), 1);
	assert_int_equal(th_json_len(config_of(doc, "quickstart"),
	    "/value/errors"), 1);
	assert_string_equal(th_json_text(config_of(doc, "topik"),
	    "/definition"), "null");
	assert_int_equal(th_json_len(config_of(doc, "topik"),
	    "/value/errors"), 1);
}

/* Null is "not set", which a required option does not take. */
static void
null_values(void **state)
{
	const struct leat_value *doc = validate("datagen", "{\"name\":\"x\","
	    "\"connector.class\":\"datagen\",\"topic\":null,"
	    "\"rate\":null,\"field.id\":\"sequence\"}");

	assert_int_equal(th_json_int(doc, "/error_count"), 1);
	assert_int_equal(th_json_len(config_of(doc, "topic"),
	    "/value/errors"), 1);
}

static void
secrets_and_classes(void **state)
{
	const struct leat_value *doc = validate("http-sink", "{\"name\":\"x\","
	    "\"connector.class\":\"http-sink\",\"topics\":\"t\","
	    "\"url\":\"http://h/\",\"user\":\"u\",\"password\":\"hush\"}");
	const char *body;

	assert_string_equal(th_json_text(config_of(doc, "password"),
	    "/value/value"), "[hidden]");
	assert_string_equal(th_json_text(config_of(doc, "password"),
	    "/definition/type"), "PASSWORD");
	assert_int_equal(th_worker_call(w, "PUT",
	    "/connector-plugins/datagen/config/validate",
	    "{\"connector.class\":\"http-sink\"}", &body), 400);
	assert_string_equal(th_json_text(th_json(body), "/message"),
	    "Included connector type http-sink does not match request type "
	    "datagen");
	assert_int_equal(th_worker_call(w, "PUT",
	    "/connector-plugins/no/config/validate", "{}", &body), 404);
}

/* The Java names of the connectors we replace work as ours. */
static void
names_of_the_replaced(void **state)
{
	static const char *const names[] = {
		"io.debezium.connector.postgresql.PostgresConnector",
		"PostgresConnector",
		"org.apache.kafka.connect.file.FileStreamSinkConnector",
		"FileStreamSink",
		"org.apache.kafka.connect.file.FileStreamSourceConnector",
		"io.confluent.kafka.connect.datagen.DatagenConnector",
		"io.confluent.connect.http.HttpSinkConnector"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		th_worker_get(w, th_text("/connector-plugins/%s/config",
		    names[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_of_plugins),
		cmocka_unit_test(options_of_a_plugin),
		cmocka_unit_test(options_of_the_framework),
		cmocka_unit_test(good_configuration),
		cmocka_unit_test(bad_configuration),
		cmocka_unit_test(null_values),
		cmocka_unit_test(secrets_and_classes),
		cmocka_unit_test(names_of_the_replaced),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
