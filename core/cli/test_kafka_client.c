/* SPDX-License-Identifier: Apache-2.0 */
/* Places by name, and the properties that options and files become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cli/cli.h"
#include "core/cli/kafka_client.h"
#include "core/cli/kafka_config.h"
#include "core/cli/kafka_offsets.h"
#include "tests/harness/proc.h"

enum { NOW_S = 1700000000 };

static void
is_place(const char *text, enum place_kind kind, int64_t n)
{
	struct kafka_place p;

	if (kafka_place_parse(text, NOW_S * 1000LL, &p) < 0)
		fail_msg("%s", text);
	assert_int_equal(p.kind, kind);
	assert_int_equal(p.n, n);
}

static void
places(void **state)
{
	static const char *const bad[] = { "", "-", "+", "x", "@", "@x", "1x",
		"@-", "@-1y", "@-99999d", "2026-13-01T00:00:00Z", "- 1",
		"9999999999999999999", "yesterday and so on" };
	struct kafka_place p;

	is_place("beginning", PLACE_BEGINNING, 0);
	is_place("earliest", PLACE_BEGINNING, 0);
	is_place("end", PLACE_END, 0);
	is_place("latest", PLACE_END, 0);
	is_place("0", PLACE_OFFSET, 0);
	is_place("17", PLACE_OFFSET, 17);
	is_place("-5", PLACE_BACK, 5);
	is_place("+5", PLACE_FORTH, 5);
	is_place("@1234567890123", PLACE_TIME, 1234567890123);
	is_place("@-15m", PLACE_TIME, (NOW_S - 900) * 1000LL);
	is_place("@2023-11-14T22:13:20Z", PLACE_TIME, NOW_S * 1000LL);
	is_place("2023-11-14T22:13:20.5Z", PLACE_TIME, NOW_S * 1000LL + 500);
	is_place("1970-01-02", PLACE_TIME, 86400000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (kafka_place_parse(bad[i], NOW_S * 1000LL, &p) == 0)
			fail_msg("'%s' was taken", bad[i]);
}

/* ------------------------------------------------------------ properties */

static struct kafka k;

static int
load(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;

	return rdkafka_load(&err);
}

static const char *
config(const char *text)
{
	const char *path = th_path("client.properties");

	th_write_text(path, text);
	return path;
}

static void
has(const char *name, const char *wanted)
{
	char got[512];

	kafka_property(&k, name, got, sizeof(got));
	assert_string_equal(got, wanted);
}

static void
a_file_of_java(void **state)
{
	struct kafka_options o = { 0 };

	o.config = config(
	    "bootstrap.servers=a:1,b:2\nsecurity.protocol=SASL_SSL\n"
	    "sasl.mechanism=SCRAM-SHA-256\n"
	    "sasl.jaas.config=org.apache.kafka.common.security.scram."
	    "ScramLoginModule required \\\n  username=\"u\" "
	    "password=\"p;\\\\\"q\";\n"
	    "ssl.truststore.location=/etc/ca.pem\n"
	    "ssl.truststore.type=PEM\n"
	    "ssl.endpoint.identification.algorithm=\n"
	    "key.serializer=org.apache.kafka.X\nclient.id=me\n"
	    "fetch.max.wait.ms=77\n");
	assert_int_equal(kafka_prepare(&k, &o, NULL), EXIT_OK);
	has("bootstrap.servers", "a:1,b:2");
	has("security.protocol", "sasl_ssl");
	has("sasl.mechanism", "SCRAM-SHA-256");
	has("sasl.username", "u");
	has("sasl.password", "p;\"q");
	has("ssl.ca.location", "/etc/ca.pem");
	has("ssl.endpoint.identification.algorithm", "none");
	has("client.id", "me");
	has("fetch.wait.max.ms", "77");
	kafka_close(&k);
}

static void
stores(void **state)
{
	struct kafka_options o = { 0 };

	o.config = config(
	    "ssl.keystore.location=/k.p12\nssl.keystore.type=PKCS12\n"
	    "ssl.keystore.password=x\n");
	assert_int_equal(kafka_prepare(&k, &o, NULL), EXIT_OK);
	has("ssl.keystore.location", "/k.p12");
	has("ssl.keystore.password", "x");
	kafka_close(&k);
	o.config = config("ssl.keystore.location=/k.pem\n");
	assert_int_equal(kafka_prepare(&k, &o, NULL), EXIT_OK);
	has("ssl.certificate.location", "/k.pem");
	has("ssl.key.location", "/k.pem");
	kafka_close(&k);
}

static void
refused(const char *text, const char *wanted)
{
	struct leat_err err = LEAT_ERR_INIT;
	rd_kafka_conf_t *conf = rdk.conf_new();

	assert_true(kafka_config_file(conf, config(text), &err) < 0);
	if (strstr(err.text, wanted) == NULL)
		fail_msg("%s", err.text);
	assert_non_null(strstr(err.text, "client.properties: "));
	rdk.conf_destroy(conf);
}

static void
bad_files(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	rd_kafka_conf_t *conf = rdk.conf_new();

	refused("a=b\nsecurity.protocol=foo\n", "line 2: Invalid value");
	refused("ssl.truststore.location=/x.jks\n", "keytool -exportcert");
	refused("ssl.keystore.location=/x.jks\n", "keytool -importkeystore");
	refused("a=\\u1\n", "line 1: a bad escape");
	assert_true(kafka_config_file(conf, th_path("none"), &err) < 0);
	assert_non_null(strstr(err.text, "open: No such file"));
	rdk.conf_destroy(conf);
}

/* What is nearer to the command line holds. */
static void
precedence(void **state)
{
	static const struct kafka_setting defaults[] = {
		{ "client.id", "default" },
		{ "linger.ms", "1" },
		{ 0 },
	};
	struct kafka_options o = { .timeout_s = 3 };

	unsetenv("LEAT_BOOTSTRAP");
	assert_int_equal(kafka_prepare(&k, &o, defaults), EXIT_OK);
	has("bootstrap.servers", "127.0.0.1:9092");
	has("client.id", "default");
	assert_int_equal(k.timeout_ms, 3000);
	kafka_close(&k);
	setenv("LEAT_BOOTSTRAP", "env:1", 1);
	assert_int_equal(kafka_prepare(&k, &o, defaults), EXIT_OK);
	has("bootstrap.servers", "env:1");
	kafka_close(&k);
	o.config = config("bootstrap.servers=file:1\nclient.id=file\n");
	assert_int_equal(kafka_prepare(&k, &o, defaults), EXIT_OK);
	has("bootstrap.servers", "file:1");
	has("client.id", "file");
	kafka_close(&k);
	o.bootstrap = "option:1";
	o.set.items[o.set.n++] = "client.id=x=y";
	assert_int_equal(kafka_prepare(&k, &o, defaults), EXIT_OK);
	has("bootstrap.servers", "option:1");
	has("client.id", "x=y");
	kafka_close(&k);
	o.set.items[o.set.n++] = "nonsense";
	assert_int_equal(kafka_prepare(&k, &o, defaults), EXIT_USAGE);
	kafka_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(a_file_of_java),
		cmocka_unit_test(stores),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(precedence),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
