/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API says to requests that are wrong, and that none of them does
 * harm: unknown paths and methods, bodies that are no JSON, no object or too
 * large, names with anything in them, secrets.
 */
#include <dirent.h>
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

enum { SOON_MS = 10000 };

#define DATAGEN "{\"connector.class\":\"datagen\",\"topic\":\"t\"," \
		"\"field.id\":\"sequence\",\"rate\":\"5\"}"

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

/* The body of an error, which must have Kafka Connect's shape. */
static const char *
refusal(const char *method, const char *path, const char *body, int want)
{
	const char *text;
	int status = th_worker_call(w, method, path, body, &text);
	const struct leat_value *doc;

	if (status != want)
		th_fail("%s %s: status %d, not %d: %.500s", method, path,
		    status, want, text);
	doc = th_json(text);
	assert_int_equal(th_json_int(doc, "/error_code"), want);
	return th_json_text(doc, "/message");
}

static void
unknown_paths(void **state)
{
	static const char *const paths[] = { "/nothing", "/connectors/a/b",
		"/connectors/a/b/c/d/e", "/leat", "/leat/nothing",
		"/connectors//status", "/connector-plugins/a/b", "/admin" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_string_equal(refusal("GET", paths[i], NULL, 404),
		    "HTTP 404 Not Found");
}

static void
unknown_methods(void **state)
{
	static const struct {
		const char *method, *path;
	} calls[] = {
		{ "DELETE", "/" },
		{ "PUT", "/connectors" },
		{ "POST", "/connectors/a" },
		{ "GET", "/connectors/a/pause" },
		{ "PUT", "/connectors/a/restart" },
		{ "PATCH", "/health" },
		{ "OPTIONS", "/connectors/a/status" },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_string_equal(refusal(calls[i].method, calls[i].path,
		    NULL, 405), "HTTP 405 Method Not Allowed");
}

static void
unknown_connectors(void **state)
{
	static const struct {
		const char *method, *path, *message;
	} calls[] = {
		{ "GET", "/connectors/no", "Connector no not found" },
		{ "GET", "/connectors/no/config", "Connector no not found" },
		{ "GET", "/connectors/no/tasks", "Connector no not found" },
		{ "DELETE", "/connectors/no", "Connector no not found" },
		{ "GET", "/connectors/no/status",
		    "No status found for connector no" },
		{ "PUT", "/connectors/no/pause", "Unknown connector no" },
		{ "PUT", "/connectors/no/resume", "Unknown connector no" },
		{ "PUT", "/connectors/no/stop", "Unknown connector no" },
		{ "POST", "/connectors/no/restart", "Unknown connector: no" },
		{ "POST", "/connectors/no/tasks/0/restart",
		    "Unknown task: no-0" },
		{ "GET", "/leat/topics/no", "Topic no not found" },
		{ "GET", "/leat/topics/no/records", "Topic no not found" },
		{ "GET", "/connector-plugins/no/config", "Unknown plugin no." },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_string_equal(refusal(calls[i].method, calls[i].path,
		    NULL, 404), calls[i].message);
	refusal("POST", "/connectors/no/restart?includeTasks=true", NULL, 404);
}

static void
bodies_that_are_no_json(void **state)
{
	static const char *const bodies[] = { "", "{", "nonsense", "{\"a\":1}}",
		"{\"a\":}", "\xff\xfe", "{\"a\":\"\x01\"}" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		refusal("POST", "/connectors", bodies[i], 400);
		refusal("PUT", "/connectors/x/config", bodies[i], 400);
		refusal("PUT", "/connector-plugins/datagen/config/validate",
		    bodies[i], 400);
	}
	assert_string_equal(th_worker_get(w, "/connectors"), "[]");
}

static void
bodies_of_the_wrong_shape(void **state)
{
	static const char *const bodies[] = { "[]", "1", "null", "{}",
		"{\"name\":\"x\"}", "{\"config\":{}}",
		"{\"name\":1,\"config\":{}}", "{\"name\":\"x\",\"config\":[]}",
		"{\"name\":\"x\",\"config\":{\"a\":{\"b\":1}}}",
		"{\"name\":\"x\",\"config\":{\"a\":null}}",
		"{\"name\":\"\",\"config\":" DATAGEN "}" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		refusal("POST", "/connectors", bodies[i], 400);
	assert_string_equal(th_worker_get(w, "/connectors"), "[]");
}

static void
deep_and_large_bodies(void **state)
{
	size_t n = 5 << 20;
	char *big = malloc(n + 1);

	assert_non_null(big);
	memset(big, '[', n);
	big[n] = '\0';
	refusal("POST", "/connectors", big, 413);
	big[200000] = '\0';
	refusal("POST", "/connectors", big, 400);
	free(big);
	assert_int_equal(th_worker_call(w, "GET", "/health", NULL, NULL), 200);
}

static void
wrong_configurations(void **state)
{
	const char *m = refusal("POST", "/connectors", "{\"name\":\"x\","
	    "\"config\":{\"connector.class\":\"datagen\",\"topik\":\"t\","
	    "\"rate\":\"often\"}}", 400);

	assert_non_null(strstr(m, "Connector configuration is invalid and "
	    "contains the following"));
	assert_non_null(strstr(m, "did you mean 'topic'"));
	assert_non_null(strstr(m, "rate"));
	m = refusal("POST", "/connectors", "{\"name\":\"x\",\"config\":"
	    "{\"topic\":\"t\"}}", 400);
	assert_non_null(strstr(m, "connector.class"));
	m = refusal("POST", "/connectors", "{\"name\":\"x\",\"config\":"
	    "{\"connector.class\":\"datagon\"}}", 400);
	assert_non_null(strstr(m, "datagon"));
	assert_non_null(strstr(m, "did you mean 'datagen'"));
	m = refusal("PUT", "/connectors/x/config", "{\"name\":\"y\","
	    "\"connector.class\":\"datagen\"}", 400);
	assert_string_equal(m, "Connector name configuration (y) doesn't match "
	    "connector name in the URL (x)");
	assert_string_equal(th_worker_get(w, "/connectors"), "[]");
}

static void
twice_is_a_conflict(void **state)
{
	const char *body = "{\"name\":\"twice\",\"config\":" DATAGEN "}";

	assert_int_equal(th_worker_call(w, "POST", "/connectors", body, NULL),
	    201);
	assert_string_equal(refusal("POST", "/connectors", body, 409),
	    "Connector twice already exists");
	assert_int_equal(th_worker_call(w, "DELETE", "/connectors/twice", NULL,
	    NULL), 204);
}

/* ------------------------------------------------------------------ names */

/* The names in a folder, sorted, each with a blank behind it. */
static const char *
names_in(const char *dir)
{
	const char *all = "";
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		all = th_text("%s%s ", all, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return all;
}

static const char *
encoded(const char *name)
{
	const char *out = "";

	for (; *name != '\0'; name++)
		out = th_text("%s%%%02X", out, (unsigned)(unsigned char)*name);
	return out;
}

/* Such a name is refused, or works as any other; it never leaves the folder. */
static void
try_name(const char *name)
{
	const char *above = th_text("%s/..", th_worker_dir(w));
	const char *top = th_text("%s/..", above);
	const char *before = names_in(above), *before_top = names_in(top);
	const char *path = th_text("/connectors/%s", encoded(name));
	const char *body;
	int status = th_worker_call(w, "PUT", th_text("%s/config", path),
	    DATAGEN, &body);

	assert_string_equal(names_in(above), before);
	assert_string_equal(names_in(top), before_top);
	if (status == 400) {
		th_json(body);
		return;
	}
	assert_int_equal(status, 201);
	assert_string_equal(th_json_text(th_json(body), "/name"), name);
	TH_WAIT(th_worker_is(w, encoded(name), "RUNNING"), SOON_MS);
	assert_true(th_json_lists(th_json(th_worker_get(w, "/connectors")), "",
	    name));
	assert_int_equal(th_worker_call(w, "DELETE", path, NULL, &body), 204);
	TH_WAIT(strcmp(th_worker_get(w, "/connectors"), "[]") == 0, SOON_MS);
	assert_string_equal(names_in(above), before);
}

static void
names_of_all_kinds(void **state)
{
	static const char *const names[] = { "plain", "with blank", "a%b",
		"caf\xc3\xa9", "../x", "..", ".", "a/b", "/etc/x", "../../x",
		".hidden", "x.yaml", "a:b", "a'b\"c", "-", "#", "a\\b", "~" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		try_name(names[i]);
	refusal("PUT", "/connectors/a%0ab/config", DATAGEN, 400);
	refusal("PUT", "/connectors/a%00b/config", DATAGEN, 400);
	refusal("PUT", "/connectors/a%zz/config", DATAGEN, 400);
	refusal("PUT", "/connectors/a%f/config", DATAGEN, 400);
	refusal("PUT", "/connectors/%ff%fe/config", DATAGEN, 400);
	refusal("PUT", th_text("/connectors/%0300d/config", 0), DATAGEN, 400);
	assert_string_equal(th_worker_get(w, "/connectors"), "[]");
	assert_string_equal(names_in(th_worker_dir(w)), ". .. ");
}

/* ---------------------------------------------------------------- secrets */

static void
secrets_are_masked(void **state)
{
	const char *body;

	assert_int_equal(th_worker_call(w, "PUT", "/connectors/sec/config",
	    "{\"connector.class\":\"http-sink\",\"topics\":\"t\","
	    "\"url\":\"http://127.0.0.1:9/\",\"user\":\"u\","
	    "\"password\":\"hush-hush\"}", &body), 201);
	assert_null(strstr(body, "hush-hush"));
	assert_null(strstr(th_worker_get(w, "/connectors/sec"), "hush-hush"));
	assert_null(strstr(th_worker_get(w, "/connectors/sec/tasks"),
	    "hush-hush"));
	assert_null(strstr(th_worker_get(w, "/connectors?expand=info"),
	    "hush-hush"));
	assert_string_equal(th_json_text(th_json(th_worker_get(w,
	    "/connectors/sec/config")), "/password"), "***");
	assert_false(th_worker_said(w, "hush-hush"));
	th_worker_call(w, "PUT",
	    "/connector-plugins/http-sink/config/validate",
	    "{\"password\":\"hush-hush\"}", &body);
	assert_null(strstr(body, "hush-hush"));
	assert_int_equal(th_worker_call(w, "DELETE", "/connectors/sec", NULL,
	    NULL), 204);
}

static void
masked_password_is_not_stored(void **state)
{
	const char *conf = "{\"connector.class\":\"http-sink\",\"topics\":"
	    "\"t\",\"url\":\"http://127.0.0.1:9/\",\"user\":\"u\","
	    "\"password\":\"hush-hush\"}";
	char *file;

	/* What GET gave, PUT back as it is, must not destroy the secret. */
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/sec/config",
	    conf, NULL), 201);
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/sec/config",
	    th_worker_get(w, "/connectors/sec/config"), NULL), 200);
	assert_int_equal(th_run(&file, "grep", "-rh", "password",
	    th_worker_dir(w), NULL), 0);
	assert_null(strstr(file, "***"));
	assert_non_null(strstr(file, "hush-hush"));
	free(file);
	assert_int_equal(th_worker_call(w, "DELETE", "/connectors/sec", NULL,
	    NULL), 204);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_paths),
		cmocka_unit_test(unknown_methods),
		cmocka_unit_test(unknown_connectors),
		cmocka_unit_test(bodies_that_are_no_json),
		cmocka_unit_test(bodies_of_the_wrong_shape),
		cmocka_unit_test(deep_and_large_bodies),
		cmocka_unit_test(wrong_configurations),
		cmocka_unit_test(twice_is_a_conflict),
		cmocka_unit_test(names_of_all_kinds),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(masked_password_is_not_stored),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
