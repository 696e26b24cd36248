/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/net_address.h"
#include "core/base/obj.h"

static void
test_good(void **unused)
{
	static const struct {
		const char *text, *host;
		int32_t port;
		enum net_protocol protocol;
		bool loopback;
	} rows[] = {
		{ "127.0.0.1:9092", "127.0.0.1", 9092, NET_ANY, true },
		{ "[::1]:0", "::1", 0, NET_ANY, true },
		{ ":9092", "", 9092, NET_ANY, false },
		{ "*:9092", "", 9092, NET_ANY, false },
		{ "PLAINTEXT://0.0.0.0:1", "0.0.0.0", 1, NET_PLAIN, false },
		{ "SASL_PLAINTEXT://a:1", "a", 1, NET_PLAIN, false },
		{ "SSL://localhost:65535", "localhost", 65535, NET_TLS, true },
		{ "SASL_SSL://:9093", "", 9093, NET_TLS, false },
	};
	struct net_address at;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(net_address_parse(rows[i].text, &at, NULL),
		    0);
		assert_string_equal(at.host, rows[i].host);
		assert_int_equal(at.port, rows[i].port);
		assert_int_equal(at.protocol, rows[i].protocol);
		assert_int_equal(net_address_is_loopback(&at),
		    rows[i].loopback);
	}
	assert_int_equal(net_address_check_list("127.0.0.1:1, [::1]:1", NULL),
	    0);
}

static void
test_bad(void **unused)
{
	static const char *const bad[] = { "", " ,", "nowhere", "host:",
		"host:x", "host:70000", "host:-1", "::1:9092",
		"KAFKA://host:9092", "127.0.0.1:1,host" };
	struct leat_err err = LEAT_ERR_INIT;
	char longer[400];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(net_address_check_list(bad[i], &err),
		    LEAT_E_CONFIG);
	memset(longer, 'a', sizeof(longer));
	memcpy(longer + sizeof(longer) - 3, ":1", 3);
	assert_int_equal(net_address_check_list(longer, &err), LEAT_E_CONFIG);
	assert_non_null(strstr(err.text, "longer than a name"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
