/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration directory: files that appear, change and go, and that only
 * what changed is touched.
 *
 * A http-sink tells whether it was restarted: it opens a new connection then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/http.h"
#include "tests/harness/jsonq.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000 };

static struct th_worker *w;
static struct th_http *hook;

static int
start(void **state)
{
	hook = th_http_start();
	w = th_worker_start(NULL);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_http_stop(hook);
	return 0;
}

static bool
there(const char *name)
{
	return th_worker_call(w, "GET", th_text("/connectors/%s", name), NULL,
	    NULL) == 200;
}

static const char *
setting(const char *name, const char *key)
{
	const char *body;

	if (th_worker_call(w, "GET", th_text("/connectors/%s/config", name),
		NULL, &body) != 200)
		return "(not there)";
	return th_json_text(th_json(body), th_text("/%s", key));
}

static void
datagen(const char *name, const char *topic)
{
	th_worker_file(w, th_text("%s.yaml", name), "connector: datagen\n"
	    "topic: %s\nfield.id: sequence\nrate: 40\n", topic);
}

/* A request came for this path after there were `from` of them. */
static bool
came(const char *path, size_t from)
{
	size_t n = th_http_count(hook);

	for (size_t i = from; i < n; i++)
		if (strcmp(th_http_request(hook, i)->path, path) == 0)
			return true;
	return false;
}

/* A change that is seen to be in force: what came before it, is too. */
static void
wait_applied(void)
{
	static int n;
	const char *name = th_text("mark%d", ++n);

	datagen(name, name);
	TH_WAIT(th_worker_is(w, name, "RUNNING"), SOON_MS);
	th_worker_remove(w, th_text("%s.yaml", name));
	TH_WAIT(!there(name), SOON_MS);
}

/* The stream that the tests watch: datagen "beat" to a sink "post". */
static void
start_beat(void)
{
	size_t n = th_http_count(hook);

	if (there("post"))
		return;
	datagen("beat", "beat");
	th_worker_file(w, "post.yaml", "connector: http-sink\n"
	    "topics: beat\nurl: %s\nconnections: 1\n",
	    th_http_url(hook, "/a"));
	TH_WAIT(came("/a", n), SOON_MS);
}

static void
drop_edit_remove(void **state)
{
	datagen("one", "one");
	TH_WAIT(th_worker_is(w, "one", "RUNNING"), SOON_MS);
	TH_WAIT(th_worker_topic(w, "one", "end_offset") > 0, SOON_MS);
	datagen("one", "uno");
	TH_WAIT(th_worker_topic(w, "uno", "end_offset") > 0, SOON_MS);
	assert_string_equal(setting("one", "topic"), "uno");
	th_worker_remove(w, "one.yaml");
	TH_WAIT(!there("one"), SOON_MS);
}

static void
only_what_changed_restarts(void **state)
{
	size_t conns, n;

	start_beat();
	conns = th_http_connections(hook);
	datagen("other", "other");
	TH_WAIT(th_worker_topic(w, "other", "end_offset") > 0, SOON_MS);
	datagen("other", "other2");
	TH_WAIT(th_worker_topic(w, "other2", "end_offset") > 0, SOON_MS);
	n = th_http_count(hook);
	TH_WAIT(came("/a", n + 1), SOON_MS);
	assert_int_equal(th_http_connections(hook), conns);

	th_worker_file(w, "post.yaml", "connector: http-sink\n"
	    "topics: beat\nurl: %s\nconnections: 1\n",
	    th_http_url(hook, "/b"));
	TH_WAIT(came("/b", n), SOON_MS);
	assert_true(th_http_connections(hook) > conns);
	n = th_http_count(hook);
	TH_WAIT(th_http_count(hook) > n + 3, SOON_MS);
	assert_false(came("/a", n + 1));
	th_worker_remove(w, "post.yaml");
	th_worker_remove(w, "other.yaml");
	TH_WAIT(!there("post"), SOON_MS);
}

static void
same_content_changes_nothing(void **state)
{
	const char *path = th_text("%s/post.yaml", th_worker_dir(w));
	size_t conns;
	char *text;

	start_beat();
	conns = th_http_connections(hook);
	text = th_slurp(path, NULL);
	th_write_text(path, text);
	wait_applied();
	/* Other lines, another order, the same meaning. */
	th_worker_file(w, "post.yaml", "# why not\n\nurl: \"%s\"\n"
	    "connections: '1'\ntopics: [beat]\nconnector: http-sink\n",
	    th_http_url(hook, "/a"));
	wait_applied();
	free(text);
	assert_true(th_worker_is(w, "post", "RUNNING"));
	assert_int_equal(th_http_connections(hook), conns);
}

static void
disabled(void **state)
{
	datagen("off", "off");
	TH_WAIT(th_worker_is(w, "off", "RUNNING"), SOON_MS);
	th_worker_file(w, "off.yaml", "connector: datagen\ntopic: off\n"
	    "field.id: sequence\nenabled: false\n");
	TH_WAIT(!there("off") || th_worker_is(w, "off", "STOPPED"), SOON_MS);
	datagen("off", "off");
	TH_WAIT(th_worker_is(w, "off", "RUNNING"), SOON_MS);
	th_worker_remove(w, "off.yaml");
}

static void
pipeline_file(void **state)
{
	const struct leat_value *list;
	size_t n = th_http_count(hook);

	th_worker_file(w, "pipe.yaml", "source:\n  connector: datagen\n"
	    "  topic: piped\n  field.id: sequence\n  rate: 20\n"
	    "sink:\n  connector: http-sink\n  url: %s\n",
	    th_http_url(hook, "/piped"));
	TH_WAIT(came("/piped", n), SOON_MS);
	list = th_json(th_worker_get(w, "/connectors?expand=info"));
	n = 0;
	for (uint32_t i = 0; i < list->len; i++) {
		const struct leat_value *k = &list->u.items[2 * i];

		n += k->len >= 4 && memcmp(k->u.s, "pipe", 4) == 0;
	}
	assert_int_equal(n, 2);
	n = th_http_count(hook);
	th_worker_file(w, "pipe.yaml", "source:\n  connector: datagen\n"
	    "  topic: piped\n  field.id: sequence\n  rate: 20\n"
	    "sink:\n  connector: http-sink\n  url: %s\n",
	    th_http_url(hook, "/piped2"));
	TH_WAIT(came("/piped2", n), SOON_MS);
	th_worker_remove(w, "pipe.yaml");
	TH_WAIT(strstr(th_worker_get(w, "/connectors"), "pipe") == NULL,
	    SOON_MS);
}

/* Kafka Connect's two forms of JSON files, and files that are not for us. */
static void
json_files(void **state)
{
	th_worker_file(w, "flat.json", "{\"name\":\"flat\",\"connector.class\":"
	    "\"datagen\",\"topic\":\"flat\",\"field.id\":\"sequence\"}");
	th_worker_file(w, "wrapped.json", "{\"name\":\"wrapped\",\"config\":{"
	    "\"connector.class\":\"io.confluent.kafka.connect.datagen."
	    "DatagenConnector\",\"kafka.topic\":\"wrapped\",\"quickstart\":"
	    "\"orders\",\"max.interval\":\"20\",\"iterations\":\"100000\","
	    "\"tasks.max\":\"1\"}}");
	th_worker_file(w, "notes.txt", "not: [for us");
	th_worker_file(w, ".hidden.yaml", "not: [for us");
	th_worker_file(w, "back.yaml~", "not: [for us");
	TH_WAIT(th_worker_topic(w, "flat", "end_offset") > 0, SOON_MS);
	TH_WAIT(th_worker_topic(w, "wrapped", "end_offset") > 0, SOON_MS);
	assert_string_equal(setting("wrapped", "quickstart"), "orders");
	th_worker_remove(w, "flat.json");
	th_worker_remove(w, "wrapped.json");
	TH_WAIT(!there("flat") && !there("wrapped"), SOON_MS);
}

static void
nesting_lists_and_variables(void **state)
{
	th_write_text(th_path("secret"), "from-a-file\n");
	th_worker_file(w, "nest.yaml", "connector: datagen\n"
	    "topic: ${env:NO_SUCH_VARIABLE:-nested}\n"
	    "field:\n  id: sequence\n  pick: choice a b\n"
	    "value.converter:\n  schemas:\n    enable: false\n"
	    "schema.name: ${file:%s}\nrate: 100\n", th_path("secret"));
	TH_WAIT(th_worker_topic(w, "nested", "end_offset") > 0, SOON_MS);
	/* What is shown is the reference, never what it stands for. */
	assert_string_equal(setting("nest", "schema.name"),
	    th_text("${file:%s}", th_path("secret")));
	th_worker_remove(w, "nest.yaml");
}

static void
link_to(const char *target, const char *name)
{
	const char *tmp = th_text("%s/..tmp", th_worker_dir(w));

	if (symlink(target, tmp) < 0 || rename(tmp, th_text("%s/%s",
		th_worker_dir(w), name)) < 0)
		th_fail("symlink %s", name);
}

/* As Kubernetes changes the files of a ConfigMap: one link, swapped. */
static void
symlink_swap(void **state)
{
	for (int v = 1; v <= 2; v++) {
		const char *dir = th_text("%s/..v%d", th_worker_dir(w), v);

		th_mkdir(dir);
		th_write_text(th_text("%s/km.yaml", dir), th_text(
		    "connector: datagen\ntopic: km%d\nfield.id: sequence\n",
		    v));
	}
	link_to("..v1", "..data");
	link_to("..data/km.yaml", "km.yaml");
	TH_WAIT(th_worker_topic(w, "km1", "end_offset") > 0, SOON_MS);
	link_to("..v2", "..data");
	TH_WAIT(th_worker_topic(w, "km2", "end_offset") > 0, SOON_MS);
	th_worker_remove(w, "km.yaml");
	TH_WAIT(!there("km"), SOON_MS);
}

static int64_t
generation(void)
{
	return th_worker_metric(w, "leat_worker_config_generation");
}

static void
generations(void **state)
{
	int64_t g = generation();

	assert_true(g > 0);
	datagen("gen", "gen");
	TH_WAIT(generation() > g, SOON_MS);
	g = generation();
	th_worker_remove(w, "gen.yaml");
	TH_WAIT(generation() > g, SOON_MS);
}

/* A file that was made through the API is a file as any other. */
static void
one_truth(void **state)
{
	const char *path;

	assert_int_equal(th_worker_call(w, "PUT", "/connectors/api/config",
	    "{\"connector.class\":\"datagen\",\"topic\":\"api\","
	    "\"field.id\":\"sequence\"}", NULL), 201);
	path = th_text("%s/api.%s", th_worker_dir(w), th_exists(th_text(
	    "%s/api.json", th_worker_dir(w))) ? "json" : "yaml");
	assert_true(th_exists(path));
	TH_WAIT(th_worker_is(w, "api", "RUNNING"), SOON_MS);
	th_remove(path);
	TH_WAIT(!there("api"), SOON_MS);
	/* And what a hand wrote can be changed and deleted through the API. */
	datagen("hand", "hand");
	TH_WAIT(th_worker_is(w, "hand", "RUNNING"), SOON_MS);
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/hand/config",
	    "{\"connector.class\":\"datagen\",\"topic\":\"hand2\","
	    "\"field.id\":\"sequence\"}", NULL), 200);
	TH_WAIT(th_worker_topic(w, "hand2", "end_offset") > 0, SOON_MS);
	assert_int_equal(th_worker_call(w, "DELETE", "/connectors/hand", NULL,
	    NULL), 204);
	TH_WAIT(!there("hand"), SOON_MS);
	assert_false(th_exists(th_text("%s/hand.yaml", th_worker_dir(w))));
	assert_false(th_exists(th_text("%s/hand.json", th_worker_dir(w))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_edit_remove),
		cmocka_unit_test(only_what_changed_restarts),
		cmocka_unit_test(same_content_changes_nothing),
		cmocka_unit_test(disabled),
		cmocka_unit_test(pipeline_file),
		cmocka_unit_test(json_files),
		cmocka_unit_test(nesting_lists_and_variables),
		cmocka_unit_test(symlink_swap),
		cmocka_unit_test(generations),
		cmocka_unit_test(one_truth),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
