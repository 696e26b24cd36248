/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config_file.c: the kinds of files, and how pipelines are joined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/config_file.h"
#include "tests/harness/conf.h"

/* ------------------------------------------------- connectors to be found */

#define ROW(n, a, d) { (n), (a), LEAT_OPT_STRING, 0, (d), 0, 0, NULL, 0, "", \
	"1.0" }

static const struct leat_option pg_rows[] = {
	ROW("topic.prefix", NULL, NULL),
	ROW("topic.delimiter", NULL, "."),
	{ .name = NULL },
};
static const struct leat_option gen_rows[] = {
	ROW("topic", "kafka.topic", NULL),
	{ .name = NULL },
};
static const struct leat_option hook_rows[] = {
	ROW("topic", NULL, "hooks.${path}"),
	{ .name = NULL },
};
static const struct leat_option dumb_rows[] = {
	{ .name = NULL },
};

static const struct leat_connector connectors[] = {
	{ .kind = LEAT_SOURCE, .name = "pg", .options = pg_rows },
	{ .kind = LEAT_SOURCE, .name = "gen", .options = gen_rows },
	{ .kind = LEAT_SOURCE, .name = "hook", .options = hook_rows },
	{ .kind = LEAT_SOURCE, .name = "dumb", .options = dumb_rows },
};

static const struct leat_connector *
find(void *arg, const char *name)
{
	for (size_t i = 0; i < 4; i++)
		if (strcmp(connectors[i].name, name) == 0)
			return &connectors[i];
	return NULL;
}

static const struct config_reader reader = { &testing_refs, find, NULL };
static const struct config_reader blind = { &testing_refs, NULL, NULL };

static void
assert_file_by(const struct config_reader *r, const char *path,
    const char *text, const char *want, const char *want_problems)
{
	struct problems *problems = problems_new();
	struct config_file f = { 0 };
	struct leat_buf b;
	int rc;

	rc = config_file_read(r, path, "orders", text, strlen(text), &f,
	    problems);
	problems_sort(problems);
	assert_problems(problems, want_problems);
	assert_int_equal(rc < 0, *want_problems != '\0');
	leat_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < f.len; i++) {
		const struct properties *p = f.connectors[i].props;

		(void)leat_buf_printf(&b, "[%s]\n", f.connectors[i].name);
		for (size_t k = 0; k < properties_count(p); k++)
			(void)leat_buf_printf(&b, "%s=%s\n",
			    properties_at(p, k)->key,
			    properties_at(p, k)->value);
	}
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
	config_file_fini(&f);
	problems_free(problems);
}

static void
assert_file(const char *text, const char *want)
{
	assert_file_by(&reader, "f.yaml", text, want, "");
}

static void
assert_refused(const char *text, const char *want)
{
	assert_file_by(&reader, "f.yaml", text, "", want);
}

/* -------------------------------------------------------------- connectors */

static void
test_connector(void **state)
{
	assert_file("connector: pg\ntopic: {prefix: px}\n",
	    "[orders]\ntopic.prefix=px\nconnector.class=pg\nname=orders\n");
	assert_file("name: n\nconnector.class: io.debezium.X\n",
	    "[n]\nname=n\nconnector.class=io.debezium.X\n");
	assert_file("connector: pg\nenabled: false\n", "");
	assert_file("connector: pg\nenabled: yes\nsource: {x: 1}\n",
	    "[orders]\nsource.x=1\nconnector.class=pg\nname=orders\n");
}

static void
test_connector_errors(void **state)
{
	assert_refused("", "f.yaml: the file is empty\n");
	assert_refused("- a\n",
	    "f.yaml:1:1: expected settings, as 'key: value'\n");
	assert_refused("x: 1\n", "f.yaml:1:1: connector.class: required, but "
	    "not set (write 'connector: <name>')\n");
	assert_refused("connector: a\nconnector.class: b\nenabled: maybe\n",
	    "f.yaml:1:1: connector: set twice, also as 'connector.class'\n"
	    "f.yaml:3:1: enabled: expected true or false\n");
	assert_refused("connector: a\nname: ''\n",
	    "f.yaml:2:1: name: the name is empty\n");
	assert_refused("connector: a\nname: \"a\\nb\"\n",
	    "f.yaml:2:1: name: the name has a control character\n");
	assert_refused("a: b: c\n",
	    "f.yaml:1:5: syntax error: unexpected ':' (check the "
	    "indentation, or quote a value that contains ': ')\n");
}

static void
test_names(void **state)
{
	char name[258];

	memset(name, 'x', sizeof(name));
	name[257] = '\0';
	assert_string_equal(connector_name_check(name),
	    "the name is longer than 255 bytes");
	name[255] = '\0';
	assert_null(connector_name_check(name));
	assert_string_equal(connector_name_check("\xff"),
	    "the name is not UTF-8");
	assert_null(connector_name_check("a/b \xc3\xa4"));
}

static void
test_kafka_form(void **state)
{
	assert_file_by(&reader, "f.json", "{\"name\": \"n\", \"config\": {"
	    "\"connector.class\": \"X\", \"pw\": \"a$$b\", \"n\": 1}, "
	    "\"initial_state\": \"PAUSED\"}",
	    "[n]\nconnector.class=X\npw=a$$b\nn=1\ninitial_state=PAUSED\n"
	    "name=n\n", "");
	/* A flat map in JSON, as connect-standalone takes it. */
	assert_file_by(&reader, "f.json",
	    "{\"name\": \"n\", \"connector.class\": \"X\"}",
	    "[n]\nname=n\nconnector.class=X\n", "");
	assert_file("config: {connector.class: X}\n",
	    "[orders]\nconnector.class=X\nname=orders\n");
}

static void
test_kafka_errors(void **state)
{
	assert_refused("name: a\nconfig: {name: b, connector.class: X}\n"
	    "tasks.max: 1\n",
	    "f.yaml:2:10: name: not the name that stands beside 'config'\n"
	    "f.yaml:3:1: tasks.max: not a key of this form (allowed: name, "
	    "config, initial_state) (it belongs into 'config')\n");
	assert_refused("name: [a]\nconfig: {connector.class: X}\n",
	    "f.yaml:1:1: name: expected a plain value\n");
}

/* --------------------------------------------------------------- pipelines */

static void
test_pipeline(void **state)
{
	assert_file("source:\n  connector: pg\n  tables: [public.orders]\n"
	    "sink:\n  connector: http-sink\n  url: https://x/${topic}\n",
	    "[orders-source]\ntables=public.orders\nconnector.class=pg\n"
	    "topic.prefix=orders\nname=orders-source\n"
	    "[orders-sink]\nurl=https://x/${topic}\n"
	    "topics.regex=orders\\..*\nconnector.class=http-sink\n"
	    "name=orders-sink\n");
}

static void
test_pipeline_topics(void **state)
{
	/* A prefix and a delimiter of one's own, quoted for the expression. */
	assert_file("name: p\nsource: {connector: pg, topic.prefix: a.b, "
	    "topic.delimiter: _}\nsink: {connector: s}\n",
	    "[p-source]\ntopic.prefix=a.b\ntopic.delimiter=_\n"
	    "connector.class=pg\nname=p-source\n"
	    "[p-sink]\ntopics.regex=a\\.b_.*\nconnector.class=s\n"
	    "name=p-sink\n");
	assert_file("source: {connector: gen}\nsink: {connector: s}\n",
	    "[orders-source]\nconnector.class=gen\ntopic=orders\n"
	    "name=orders-source\n"
	    "[orders-sink]\ntopics=orders\nconnector.class=s\n"
	    "name=orders-sink\n");
	assert_file("source: {connector: gen, kafka.topic: t}\n"
	    "sink: {connector: s}\n",
	    "[orders-source]\nkafka.topic=t\nconnector.class=gen\n"
	    "name=orders-source\n"
	    "[orders-sink]\ntopics=t\nconnector.class=s\nname=orders-sink\n");
	assert_file("source: {connector: hook}\nsink: {connector: s}\n",
	    "[orders-source]\nconnector.class=hook\nname=orders-source\n"
	    "[orders-sink]\ntopics.regex=hooks\\..*\nconnector.class=s\n"
	    "name=orders-sink\n");
	/* A sink that says is left alone; so is one nobody can tell. */
	assert_file("source: {connector: gen}\n"
	    "sink: {connector: s, topics: [a, b]}\n",
	    "[orders-source]\nconnector.class=gen\ntopic=orders\n"
	    "name=orders-source\n"
	    "[orders-sink]\ntopics=a,b\nconnector.class=s\n"
	    "name=orders-sink\n");
	assert_file("source: {connector: dumb}\nsink: {connector: s}\n",
	    "[orders-source]\nconnector.class=dumb\nname=orders-source\n"
	    "[orders-sink]\nconnector.class=s\nname=orders-sink\n");
	assert_file("source: {connector: unknown}\nsink: {connector: s}\n",
	    "[orders-source]\nconnector.class=unknown\nname=orders-source\n"
	    "[orders-sink]\nconnector.class=s\nname=orders-sink\n");
}

static void
test_pipeline_without_registry(void **state)
{
	assert_file_by(&blind, "f.yaml", "source: {connector: "
	    "io.debezium.connector.postgresql.PostgresConnector}\n"
	    "sink: {connector: s}\n",
	    "[orders-source]\nconnector.class="
	    "io.debezium.connector.postgresql.PostgresConnector\n"
	    "topic.prefix=orders\nname=orders-source\n"
	    "[orders-sink]\ntopics.regex=orders\\..*\nconnector.class=s\n"
	    "name=orders-sink\n", "");
	assert_file_by(&blind, "f.yaml", "source: {connector: x}\n"
	    "sink: {connector: s}\n",
	    "[orders-source]\nconnector.class=x\ntopic=orders\n"
	    "name=orders-source\n"
	    "[orders-sink]\ntopics=orders\nconnector.class=s\n"
	    "name=orders-sink\n", "");
}

static void
test_pipeline_sinks(void **state)
{
	assert_file("source: {connector: gen}\nsink: {connector: s}\n"
	    "sinks:\n  - {connector: t}\n  - {connector: u, name: mine}\n"
	    "value: {converter: {schemas.enable: false}}\n"
	    "key.converter: string\n",
	    "[orders-source]\nconnector.class=gen\n"
	    "value.converter.schemas.enable=false\nkey.converter=string\n"
	    "topic=orders\nname=orders-source\n"
	    "[orders-sink]\nvalue.converter.schemas.enable=false\n"
	    "key.converter=string\ntopics=orders\nconnector.class=s\n"
	    "name=orders-sink\n"
	    "[orders-sink-1]\nvalue.converter.schemas.enable=false\n"
	    "key.converter=string\ntopics=orders\nconnector.class=t\n"
	    "name=orders-sink-1\n"
	    "[mine]\nname=mine\nvalue.converter.schemas.enable=false\n"
	    "key.converter=string\ntopics=orders\nconnector.class=u\n");
	assert_file("source: {connector: gen}\nsinks:\n"
	    "  audit: {connector: t, key.converter: json}\n"
	    "  off: {connector: u, enabled: false}\nkey.converter: string\n",
	    "[orders-source]\nconnector.class=gen\nkey.converter=string\n"
	    "topic=orders\nname=orders-source\n"
	    "[orders-sink-audit]\nkey.converter=json\ntopics=orders\n"
	    "connector.class=t\nname=orders-sink-audit\n");
	assert_file("enabled: false\nsource: {connector: gen}\n"
	    "sink: {connector: s}\n", "");
}

static void
test_pipeline_renaming(void **state)
{
	assert_refused("source:\n  connector: pg\n  transforms:\n"
	    "    - {name: route, type: RegexRouter}\nsink:\n"
	    "  connector: s\n",
	    "f.yaml:6:3: topics: required, since the source's transform "
	    "'route' renames topics\n");
	assert_file("source: {connector: gen, transforms: {r: {type: "
	    "RegexRouter}}}\nsink: {connector: s, topics: x}\n",
	    "[orders-source]\ntransforms=r\ntransforms.r.type=RegexRouter\n"
	    "connector.class=gen\ntopic=orders\nname=orders-source\n"
	    "[orders-sink]\ntopics=x\nconnector.class=s\n"
	    "name=orders-sink\n");
}

static void
test_pipeline_errors(void **state)
{
	assert_refused("sink: {connector: s}\n",
	    "f.yaml:1:1: source: required beside 'sink', but not set\n");
	assert_refused("source: {connector: gen}\n",
	    "f.yaml:1:1: sink: required beside 'source', but not set\n");
	assert_refused("source: x\nsink: [y]\nsinks: z\n",
	    "f.yaml:1:9: source: expected a map with the settings of a "
	    "connector\n"
	    "f.yaml:2:7: sink: expected a map with the settings of a "
	    "connector\n"
	    "f.yaml:3:1: sinks: expected a list, or a map, of sinks\n");
	assert_refused("source: {connector: gen}\nsink: {connector: s}\n"
	    "transforms: a\ntasks.max: 2\nenabled: x\n",
	    "f.yaml:3:1: transforms: not a key of a pipeline (put it under "
	    "'source' or 'sink')\n"
	    "f.yaml:4:1: tasks.max: not a key of a pipeline (put it under "
	    "'source' or 'sink')\n"
	    "f.yaml:5:1: enabled: expected true or false\n");
	assert_refused("source: {url: x}\nsink:\n  connector: s\n"
	    "  enabled: 2\n  a: ${env:NONE}\n",
	    "f.yaml:1:9: connector.class: required, but not set (write "
	    "'connector: <name>')\n"
	    "f.yaml:4:3: enabled: expected true or false\n"
	    "f.yaml:5:6: a: environment variable 'NONE' is not set\n");
	assert_refused("source: {connector: gen, name: x}\n"
	    "sink: {connector: s, name: x}\n",
	    "f.yaml:2:7: name: another connector of this file has this "
	    "name\n");
}

static void
test_pipeline_limit(void **state)
{
	struct problems *problems = problems_new();
	struct config_file f;
	struct leat_buf b;

	leat_buf_init(&b, 1 << 20);
	(void)leat_buf_add_str(&b, "source: {connector: gen}\nsinks:\n");
	for (int i = 0; i < CONFIG_FILE_CONNECTORS_MAX; i++)
		(void)leat_buf_add_str(&b, "  - {connector: s}\n");
	assert_int_equal(config_file_read(&reader, "f.yaml", "x",
	    leat_buf_cstr(&b), b.len, &f, problems), LEAT_E_CONFIG);
	assert_problems(problems,
	    "f.yaml:102:5: too many connectors in one file\n");
	leat_buf_fini(&b);
	problems_free(problems);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connector),
		cmocka_unit_test(test_connector_errors),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_kafka_form),
		cmocka_unit_test(test_kafka_errors),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_pipeline_topics),
		cmocka_unit_test(test_pipeline_without_registry),
		cmocka_unit_test(test_pipeline_sinks),
		cmocka_unit_test(test_pipeline_renaming),
		cmocka_unit_test(test_pipeline_errors),
		cmocka_unit_test(test_pipeline_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
