/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_worker_options.c: the worker's file, addresses, and the documents that
 * repeat the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <leat/options.h>

#include "core/base/log.h"
#include "core/config/listen.h"
#include "core/config/worker_options.h"
#include "tests/harness/th_conf.h"

static char path[64];
static struct worker_config c;
static struct problems *problems;
static struct leat_err err;

static int
setup(void **state)
{
	memset(&c, 0, sizeof(c));
	problems = problems_new();
	memcpy(path, "/tmp/leat-worker-XXXXXX", 24);
	return close(mkstemp(path));
}

static int
teardown(void **state)
{
	worker_config_fini(&c);
	problems_free(problems);
	return unlink(path);
}

static int
read_text(const char *text, const char *const *sets, size_t nsets)
{
	assert_int_equal(fsio_replace(&fsio_system, path, text, strlen(text),
	    0600, &err), 0);
	return worker_config_read(path, sets, nsets, &testing_refs, &c,
	    problems, NULL);
}

static void
test_defaults(void **state)
{
	assert_int_equal(worker_config_read(NULL, NULL, 0, NULL, &c, problems,
	    NULL), 0);
	assert_string_equal(c.options.config_dir, "connectors.d");
	assert_string_equal(c.options.data_dir, "data");
	assert_string_equal(c.options.rest_listen, "127.0.0.1:8083");
	assert_null(c.options.plugin_path);
	assert_int_equal(c.options.log_level, LOG_LEVEL_INFO);
	assert_int_equal(c.options.log_format, LOG_FORMAT_TEXT);
	assert_int_equal(c.options.memory_max_bytes, 64 << 20);
	assert_int_equal(c.options.shutdown_timeout_ms, 5000);
	assert_int_equal(c.options.exactly_once, WORKER_EOS_ENABLED);
	assert_int_equal(c.options.broker_retention_ms, 7 * 86400000);
	assert_int_equal(c.options.broker_retention_bytes, -1);
	assert_int_equal(c.options.broker_flush_interval_ms, 50);
	assert_int_equal(properties_count(c.props), 0);
}

static void
test_file(void **state)
{
	static const char *const sets[] = { "log.level=warn",
	    "worker.id=a=b" };

	assert_int_equal(read_text("config: {dir: /c}\n"
	    "listeners: http://0.0.0.0:8084\n"
	    "log:\n  level: debug\n  format: json\n  postgres: debug\n"
	    "log.level.rest: error\n"
	    "plugin.path: [/a, /b]\nmemory.max.bytes: 100MiB\n"
	    "num.partitions: 3\nlog.retention.ms: -1\n"
	    "key.converter: org.apache.kafka.connect.json.JsonConverter\n"
	    "key.converter.schemas.enable: false\n"
	    "broker.topic: {cleanup.policy: compact}\n"
	    "offset.storage.file.filename: /tmp/x\n", sets, 2), 0);
	assert_string_equal(c.options.config_dir, "/c");
	assert_string_equal(c.options.rest_listen, "http://0.0.0.0:8084");
	assert_int_equal(c.options.log_level, LOG_LEVEL_WARN);
	assert_int_equal(c.options.log_format, LOG_FORMAT_JSON);
	assert_int_equal(c.options.log_components.len, 2);
	assert_string_equal(c.options.log_components.items[1].key, "rest");
	assert_string_equal(c.options.plugin_path, "/a:/b");
	assert_int_equal(c.options.memory_max_bytes, 100 << 20);
	assert_int_equal(c.options.broker_partitions, 3);
	assert_int_equal(c.options.broker_retention_ms, -1);
	assert_string_equal(c.options.worker_id, "a=b");
	assert_string_equal(c.options.broker_topic.items[0].key,
	    "cleanup.policy");
	assert_string_equal(properties_get(c.props,
	    "key.converter.schemas.enable", ""), "false");
}

static void
test_errors(void **state)
{
	static const char *const sets[] = { "nonsense", "tasks.max=1" };
	char want[2048];

	assert_true(read_text("rest.listen: nowhere\n"
	    "log.levle: debug\nlog.level.a: loud\n"
	    "data.dir: ${env:NONE}\nmemory.max.bytes: 1k\n",
	    sets, 2) < 0);
	problems_sort(problems);
	(void)snprintf(want, sizeof(want),
	    "%s:4:11: data.dir: environment variable 'NONE' is not set\n"
	    "%s:5:1: memory.max.bytes: expected a size such as 65536, "
	    "64KiB or 1MB (4194304 to 1125899906842624), got '1k'\n"
	    "command line: expected key=value, got 'nonsense'\n"
	    "command line: tasks.max: unknown option\n", path, path);
	assert_problems(problems, want);
	problems_free(problems);
	problems = problems_new();
	assert_true(read_text("rest.listen: nowhere\n"
	    "log.levle: debug\nlog.level.a: loud\nlog.retention.hours: 2\n",
	    NULL, 0) < 0);
	problems_sort(problems);
	(void)snprintf(want, sizeof(want),
	    "%s:1:1: rest.listen: expected an address as host:port or none, "
	    "got 'nowhere'\n"
	    "%s:3:1: log.level.a: unknown level (allowed: error, warn, "
	    "notice, info, debug)\n"
	    "%s:4:1: log.retention.hours: unknown option\n",
	    path, path, path);
	assert_problems(problems, want);
}

static void
test_kafka_port(void **state)
{
	char want[2048];

	assert_int_equal(read_text("broker.listeners: none\n"
	    "ssl.client.auth: none\n", NULL, 0), 0);
	assert_null(c.options.broker_listeners);
	worker_config_fini(&c);
	assert_true(read_text("broker.num.partitions: 2\n"
	    "broker.listen: PLAINTEXT://127.0.0.1:9092,nowhere\n"
	    "broker.ssl.key.location: a.pem\n", NULL, 0) < 0);
	problems_sort(problems);
	(void)snprintf(want, sizeof(want),
	    "%s:2:1: broker.listen: expected a list of host:port or none, "
	    "but 'nowhere' is not host:port\n"
	    "%s:3:1: broker.ssl.key.location: needs "
	    "broker.ssl.keystore.location too\n", path, path);
	assert_problems(problems, want);
	problems_free(problems);
	problems = problems_new();
	assert_true(read_text("broker.ssl.keystore.location: a.pem\n"
	    "ssl.client.auth: required\n", NULL, 0) < 0);
	(void)snprintf(want, sizeof(want),
	    "%s:2:1: ssl.client.auth: needs broker.ssl.truststore.location "
	    "too\n", path);
	assert_problems(problems, want);
}

static void
test_no_file(void **state)
{
	assert_true(worker_config_read("/nowhere/x.yaml", NULL, 0, NULL, &c,
	    problems, NULL) < 0);
	assert_problems(problems, "/nowhere/x.yaml: open '/nowhere/x.yaml': "
	    "No such file or directory\n");
	problems_free(problems);
	problems = problems_new();
	assert_true(read_text("- a\n", NULL, 0) < 0);
	assert_int_equal(problems_count(problems), 1);
	assert_string_equal(problems_at(problems, 0)->text,
	    "expected settings, as 'key: value'");
	problems_free(problems);
	problems = problems_new();
	assert_int_equal(read_text("# all defaults\n", NULL, 0), 0);
}

static void
test_listen(void **state)
{
	static const struct {
		const char *text;
		const char *host;
		int port;
		bool tls;
	} rows[] = {
		{ "127.0.0.1:8083", "127.0.0.1", 8083, false },
		{ "http://localhost:80/", "localhost", 80, false },
		{ "https://x.example:443", "x.example", 443, true },
		{ "PLAINTEXT://:9092", "", 9092, false },
		{ "*:1", "", 1, false },
		{ " 8083 ", "", 8083, false },
		{ "[::1]:0", "::1", 0, false },
		{ "[fe80::1%eth0]:5", "fe80::1%eth0", 5, false },
	};
	static const char *const bad[] = { "", "x", "x:", "x:65536", "::1:80",
	    "a b:1", "ftp://x:1", "x:-1", "[]x:1", "[a b]:1" };
	struct listen_address a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(listen_parse(rows[i].text, &a), 0);
		assert_string_equal(a.host, rows[i].host);
		assert_int_equal(a.port, rows[i].port);
		assert_int_equal(a.tls, rows[i].tls);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(listen_parse(bad[i], &a), -1);
	assert_int_equal(listen_parse("127.0.0.9:1", &a), 0);
	assert_true(listen_is_loopback(&a));
	assert_int_equal(listen_parse(":1", &a), 0);
	assert_false(listen_is_loopback(&a));
}

/* Rows are sane: no name or alias twice, bytes within the struct. */
static void
test_table(void **state)
{
	for (const struct leat_option *o = worker_option_table;
	    o->name != NULL; o++) {
		const char *rest;
		const struct leat_option *found = leat_options_find(
		    worker_option_table, o->name, &rest);

		assert_true(o->type == LEAT_OPT_MAP || found == o);
		assert_true(o->offset + leat_option_size(o->type) <=
		    sizeof(struct worker_options));
		assert_non_null(o->help);
	}
}

/* Every row that does something is in the example file and in the docs. */
static void
test_documents(void **state)
{
	static const char *const files[] = { "configs/worker.yaml",
	    "docs/CONFIG.md" };

	for (size_t f = 0; f < 2; f++) {
		char *text;
		size_t len;

		if (access(files[f], R_OK) < 0)
			skip();
		assert_int_equal(fsio_slurp(&fsio_system, files[f], 1 << 20,
		    &text, &len, &err), 0);
		for (const struct leat_option *o = worker_option_table;
		    o->name != NULL; o++) {
			if (strcmp(o->help, "Accepted, without effect.") == 0)
				continue;
			if (strstr(text, o->name) == NULL)
				fail_msg("%s does not name '%s'", files[f],
				    o->name);
		}
		free(text);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_defaults),
		T(test_file),
		T(test_errors),
		T(test_kafka_port),
		T(test_no_file),
		T(test_listen),
		T(test_table),
		T(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
