/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=600 */
/*
 * test_kafka_clients.c: the tours of tests/clients, all at once, against a
 * fresh worker; then once more, and the worker is killed and started again in
 * the middle of all of them. First of all the strict check of every API.
 *
 * A client that is not installed is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum {
	INSTALL_MS = 100000,
	CHECK_MS = 60000,
	TOUR_MS = 240000,
	HALF_MS = 120000,
	ARGS_MAX = 4
};

#define PYTHON "/usr/bin/python3"

struct tour {
	const char *name;
	const char *script;	/* below tests/clients, or NULL */
	const char *module;	/* of Python; NULL: none */
	const char *js;		/* its folder; NULL: not JavaScript */
	const char *missing;	/* why it is left out, or NULL */
	struct th_proc *proc;
	const char *half;	/* the file that it makes in the middle */
};

static struct tour tours[] = {
	{ .name = "kcat", .script = "kcat_tour" },
	{ .name = "rdkafka" },
	{ .name = "confluent", .script = "confluent_tour.py",
	  .module = "confluent_kafka" },
	{ .name = "kafka-python", .script = "kafka_python_tour.py",
	  .module = "kafka" },
	{ .name = "kafkajs", .script = "kafkajs_tour.mjs", .js = "js" },
	{ .name = "platformatic", .script = "platformatic_tour.mjs",
	  .js = "js" },
	{ .name = "node-rdkafka", .script = "node_rdkafka_tour.mjs",
	  .js = "js-native" },
};

enum { NTOURS = sizeof(tours) / sizeof(tours[0]) };

static struct th_worker *w;
static bool native;		/* the round of what make check-long installs */

/* ------------------------------------------------------- what there is */

static bool
runs(const char *argv0, const char *arg, const char *more)
{
	return th_run(NULL, "sh", "-c", th_text("command -v %s >/dev/null && "
	    "%s %s '%s' >/dev/null 2>&1", argv0, argv0, arg, more), NULL) == 0;
}

static bool
node_since(int version)
{
	return runs("node", "-e", th_text("process.exit("
	    "parseInt(process.versions.node) < %d ? 1 : 0)", version));
}

/* Old versions of Node.js cannot load what the clients are made of. */
static const char *
node_missing(void)
{
	if (!node_since(18))
		return "no Node.js of version 18 or later";
	if (!runs("npm", "--version", ""))
		return "no npm";
	return NULL;
}

static bool
is_native(const struct tour *t)
{
	return t->js != NULL && strcmp(t->js, "js-native") == 0;
}

/* Where the tours in JavaScript are, with their packages; for all builds. */
static const char *
js_dir(const char *folder)
{
	return th_text("%s/../clients-%s", th_build_dir(), folder);
}

static const char *
install_js(void)
{
	const char *say;
	struct th_proc *p;
	int status;

	if ((say = node_missing()) != NULL)
		return say;
	p = th_proc_spawn(th_text("%s/tests/clients/js_install", th_src_dir()),
	    "js", js_dir("js"), NULL);
	if (!th_proc_wait(p, INSTALL_MS, &status) || status != 0)
		say = "npm could not install the clients (no network?)";
	th_proc_free(p);
	return say;
}

static const char *
missing(const struct tour *t, const char *no_js)
{
	if (t->js != NULL && no_js != NULL)
		return no_js;
	/* It says itself that it wants a later Node.js than kafkajs. */
	if (strcmp(t->name, "platformatic") == 0 && !node_since(20))
		return "it wants Node.js 20 or later";
	if (t->module != NULL && !runs(PYTHON, "-c",
	    th_text("import %s", t->module)))
		return th_text("no module %s for " PYTHON, t->module);
	if (t->script == NULL && th_thread_sanitizer())
		return "the thread sanitizer cannot follow its threads";
	if (strcmp(t->name, "kcat") == 0 && !runs("kcat", "-V", ""))
		return "no kcat";
	return NULL;
}

/* --------------------------------------------------------------- tours */

static const char *
script_of(const struct tour *t)
{
	if (t->script == NULL)
		return th_text("%s/clients/rdkafka_tour", th_build_dir());
	if (t->js != NULL)
		return th_text("%s/%s", js_dir(t->js), t->script);
	return th_text("%s/tests/clients/%s", th_src_dir(), t->script);
}

static void
launch(struct tour *t, bool through)
{
	const char *argv[ARGS_MAX] = { NULL };
	const char *env[] = { "PYTHONDONTWRITEBYTECODE=1",
		"PYTHONFAULTHANDLER=1",
		"KAFKAJS_NO_PARTITIONER_WARNING=1", th_text("TOUR_TIMEOUT=%d",
		TOUR_MS / 1000), NULL, NULL };
	int n = 0;

	t->half = th_path("%s.half", t->name);
	if (through)
		env[4] = th_text("TOUR_HALF=%s", t->half);
	if (t->js != NULL)
		argv[n++] = "node";
	argv[n++] = script_of(t);
	argv[n] = th_worker_kafka(w);
	t->proc = th_proc_start(&(struct th_proc_opts){ .argv = argv,
	    .env = env, .name = th_text("%s-%d", t->name, through) });
}

static void
launch_all(bool through)
{
	for (int i = 0; i < NTOURS; i++)
		if (tours[i].missing == NULL &&
		    is_native(&tours[i]) == native)
			launch(&tours[i], through);
}

static void
print_end(struct th_proc *p)
{
	char *text = th_proc_text(p);
	size_t len = strlen(text);
	const char *from = len > 4000 ? text + len - 4000 : text;

	(void)fprintf(stderr, "%s\n", from);	/* print_error() cuts it */
	free(text);
}

/*
 * Debian's librdkafka 2.0.2 crashes now and then of its own. What a tour checks
 * is the broker, so one that died of a signal runs once more, unless it is our
 * own program.
 */
static bool
tour_ends(struct tour *t, int *ret_status)
{
	bool ended = th_proc_wait(t->proc, TOUR_MS, ret_status);

	if (!ended || !WIFSIGNALED(*ret_status) || t->script == NULL)
		return ended;
	print_end(t->proc);
	print_message("%s died of signal %d, once more\n", t->name,
	    WTERMSIG(*ret_status));
	th_proc_free(t->proc);
	launch(t, false);
	return th_proc_wait(t->proc, TOUR_MS, ret_status);
}

static void
test_tour(void **state)
{
	struct tour *t = *state;
	int status = -1;
	bool ended;

	if (t->missing != NULL) {
		print_message("%s is left out: %s\n", t->name, t->missing);
		skip();
	}
	assert_non_null(t->proc);
	ended = tour_ends(t, &status);
	if (!ended || status != 0) {
		print_end(t->proc);
		print_message("%s %s, wait status %#x\n", t->name,
		    ended ? "ended" : "still runs", (unsigned)status);
	}
	assert_true(ended);
	assert_int_equal(status, 0);
	assert_true(th_proc_said(t->proc, " checks passed"));
	th_proc_free(t->proc);
	t->proc = NULL;
}

static void
test_protocol(void **state)
{
	struct th_proc *p;
	int status = -1;
	bool ended;

	(void)state;
	if (!runs(PYTHON, "-c", "pass")) {
		print_message("no " PYTHON "\n");
		skip();
	}
	p = th_proc_spawn(PYTHON, "-B",
	    th_text("%s/tests/clients/protocol_check.py", th_src_dir()),
	    th_worker_kafka(w), NULL);
	ended = th_proc_wait(p, CHECK_MS, &status);
	if (!ended || status != 0)
		print_end(p);
	assert_true(ended);
	assert_int_equal(status, 0);
	th_proc_free(p);
}

static void
test_launch(void **state)
{
	(void)state;
	launch_all(false);
}

/* Are all that run in the middle? One that has ended fails its own test. */
static bool
all_half(void)
{
	for (int i = 0; i < NTOURS; i++)
		if (tours[i].proc != NULL && !th_exists(tours[i].half) &&
		    th_proc_running(tours[i].proc))
			return false;
	return true;
}

static void
test_kill(void **state)
{
	(void)state;
	launch_all(true);
	TH_WAIT(all_half(), HALF_MS);
	th_worker_kill(w);
	th_worker_resume(w);
	for (int i = 0; i < NTOURS; i++)
		if (tours[i].proc != NULL)
			th_remove(tours[i].half);
}

static int
start(void **state)
{
	static const char *const settings[] = {
		"broker.group.initial.rebalance.delay.ms: 0", NULL
	};
	const char *no_js = install_js();

	(void)state;
	for (int i = 0; i < NTOURS; i++)
		tours[i].missing = missing(&tours[i], no_js);
	w = th_worker_start(&(struct th_worker_opts){ .settings = settings });
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

#define TOUR(when, i) \
	{ \
		when, test_tour, NULL, NULL, &tours[i] \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_launch),
		TOUR("kcat", 0),
		TOUR("librdkafka", 1),
		TOUR("python3-confluent-kafka", 2),
		TOUR("python3-kafka", 3),
		TOUR("kafkajs", 4),
		TOUR("@platformatic/kafka", 5),
		cmocka_unit_test(test_kill),
		TOUR("kcat, killed", 0),
		TOUR("librdkafka, killed", 1),
		TOUR("python3-confluent-kafka, killed", 2),
		TOUR("python3-kafka, killed", 3),
		TOUR("kafkajs, killed", 4),
		TOUR("@platformatic/kafka, killed", 5),
	};
	const struct CMUnitTest native_tests[] = {
		cmocka_unit_test(test_launch),
		TOUR("node-rdkafka", 6),
		cmocka_unit_test(test_kill),
		TOUR("node-rdkafka, killed", 6),
	};
	int failed = cmocka_run_group_tests(tests, start, stop);

	if (!th_exists(th_text("%s/installed", js_dir("js-native"))))
		return failed;
	native = true;
	return failed + cmocka_run_group_tests(native_tests, start, stop);
}
