/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and rules of the Kafka port, with Kafka's clients: who comes in by
 * which mechanism, who may do what, and what happens when the files change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 10000 };

static struct th_worker *w;
static const char *users, *rules;

static const char rules_text[] =
    "# who may do what\n"
    "allow User:alice read,write,create topic orders*\n"
    "allow User:alice read group alice-*\n"
    "deny  User:alice write topic orders-old\n"
    "allow User:tester read topic orders*\n";

/* Runs a shell line; whether it ended with 0, and its output. */
static bool
run(const char **ret_output, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool
run(const char **ret_output, const char *fmt, ...)
{
	char *line, *output;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		th_fail("no memory");
	va_end(ap);
	rc = th_run(&output, "sh", "-c", line, NULL);
	if (ret_output != NULL)
		*ret_output = th_text("%s", output);
	free(output);
	free(line);
	return rc == 0;
}

static void
add_user(const char *name, const char *password)
{
	const char *output;

	if (!run(&output, "printf '%%s\\n' '%s' | '%s' users add '%s' "
	    "--file '%s'", password, th_leat_bin(), name, users))
		th_fail("%s", output);
}

/* kcat, as somebody. */
static const char *
kcat(const char *mechanism, const char *user, const char *password)
{
	return th_text("kcat -b %s -X security.protocol=sasl_plaintext "
	    "-X sasl.mechanisms=%s -X sasl.username=%s -X sasl.password=%s "
	    "-X topic.metadata.refresh.interval.ms=500 "
	    "-X message.timeout.ms=8000", th_worker_kafka(w), mechanism, user,
	    password);
}

static const char *
as_alice(void)
{
	return kcat("SCRAM-SHA-256", "alice", "wonder");
}

static int
start(void **state)
{
	const char *lines[6] = { NULL };
	struct th_worker_opts o = { .settings = lines };

	users = th_path("users");
	rules = th_path("rules");
	add_user("alice", "wonder");
	add_user("admin", "admin-pw");
	add_user("bob", "bob-pw");
	if (!run(NULL, "echo 'tester:PLAIN$secret' >> '%s'", users))
		th_fail("cannot write %s", users);
	th_write_text(rules, rules_text);
	lines[0] = th_text("broker.sasl.users.file: %s", users);
	lines[1] = th_text("broker.acl.file: %s", rules);
	lines[2] = "broker.super.users: \"User:admin\"";
	w = th_worker_start(&o);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

/* ------------------------------------------------------------------ logins */

static void
each_mechanism_takes_the_right_password(void **state)
{
	static const struct {
		const char *mechanism, *user, *password;
		bool in;
	} rows[] = {
		{ "PLAIN", "tester", "secret", true },
		{ "PLAIN", "alice", "wonder", true },
		{ "SCRAM-SHA-256", "alice", "wonder", true },
		{ "SCRAM-SHA-512", "alice", "wonder", true },
		{ "PLAIN", "alice", "under", false },
		{ "PLAIN", "nobody", "secret", false },
		{ "SCRAM-SHA-256", "alice", "under", false },
		{ "SCRAM-SHA-512", "nobody", "wonder", false },
		{ "SCRAM-SHA-512", "tester", "secret", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *output;
		bool in = run(&output, "%s -L -m %d", kcat(rows[i].mechanism,
		    rows[i].user, rows[i].password), rows[i].in ? 10 : 1);

		if (in != rows[i].in)
			th_fail("%s %s: %s", rows[i].mechanism, rows[i].user,
			    output);
		if (!in)
			assert_non_null(strstr(output, "Authentication failed: "
			    "wrong user or password"));
	}
	assert_true(th_worker_said(w, "login refused"));
	assert_false(th_worker_said(w, "wonder"));
	assert_false(th_worker_said(w, "secret"));
}

static void
who_does_not_log_in_is_not_served(void **state)
{
	assert_false(run(NULL, "kcat -b %s -L -m 1", th_worker_kafka(w)));
	assert_true(th_worker_said(w, "Metadata before authentication"));
}

/* Before SaslAuthenticate, tokens came without a header. */
static void
an_old_client_logs_in(void **state)
{
	static const char old[] = "-X api.version.request=false "
	    "-X broker.version.fallback=0.10.0";
	const char *output;

	if (!run(&output, "%s %s -L -m 10", as_alice(), old))
		th_fail("%s", output);
	if (!run(&output, "%s %s -L -m 10", kcat("PLAIN", "tester", "secret"),
	    old))
		th_fail("%s", output);
	assert_false(run(NULL, "%s %s -L -m 1", kcat("PLAIN", "tester",
	    "wrong"), old));
}

/* ------------------------------------------------------------------- rules */

static void
rules_say_who_may_produce_and_consume(void **state)
{
	const char *output;

	if (!run(&output, "echo one | %s -P -t orders-1", as_alice()))
		th_fail("%s", output);
	if (!run(&output, "%s -C -t orders-1 -e -q", as_alice()) ||
	    strcmp(output, "one\n") != 0)
		th_fail("%s", output);
	assert_true(run(&output, "%s -C -t orders-1 -e -q", kcat("PLAIN",
	    "tester", "secret")));
	assert_string_equal(output, "one\n");

	assert_false(run(&output, "echo two | %s -P -t orders-1", kcat("PLAIN",
	    "tester", "secret")));
	assert_non_null(strstr(output, "Topic authorization failed"));
	assert_false(run(&output, "echo two | %s -P -t orders-old",
	    as_alice()));
	assert_non_null(strstr(output, "Topic authorization failed"));
	assert_false(run(&output, "%s -C -t other -e -q", as_alice()));
	assert_non_null(strstr(output, "Topic authorization failed"));
}

static void
rules_say_which_groups(void **state)
{
	const char *output;

	if (!run(&output, "%s -X auto.offset.reset=earliest -q "
	    "-G alice-1 orders-1 -c 1", as_alice()))
		th_fail("%s", output);
	assert_non_null(strstr(output, "one"));
	assert_false(run(&output, "%s -q -G others orders-1 -c 1",
	    as_alice()));
	assert_non_null(strstr(output, "Group authorization failed"));
}

static void
what_one_may_not_see_is_not_told(void **state)
{
	const char *output;

	assert_true(run(&output, "%s -L", kcat("SCRAM-SHA-512", "admin",
	    "admin-pw")));
	assert_non_null(strstr(output, "\"connect-status\""));
	assert_non_null(strstr(output, "\"orders-1\""));
	assert_true(run(&output, "%s -L", as_alice()));
	assert_null(strstr(output, "\"connect-status\""));
	assert_non_null(strstr(output, "\"orders-1\""));
	assert_true(run(&output, "%s -L", kcat("PLAIN", "bob", "bob-pw")));
	assert_non_null(strstr(output, " 0 topics:"));
}

static void
clients_administer_rules(void **state)
{
	char *text, *output;

	if (th_run(&output, "/usr/bin/python3", th_text(
	    "%s/tests/clients/security_tour.py", th_src_dir()),
	    th_worker_kafka(w), NULL) != 0)
		th_fail("%s", output);
	free(output);
	/* The file says it too, and has kept what else it said. */
	text = th_slurp(rules, NULL);
	assert_memory_equal(text, rules_text, strlen(rules_text));
	assert_non_null(strstr(text, "allow User:bob read group g\n"));
	assert_null(strstr(text, "tour"));
	free(text);
}

/* ----------------------------------------------------------------- changes */

static void
users_come_and_go_while_it_runs(void **state)
{
	const char *dora = kcat("SCRAM-SHA-512", "dora", "explorer");
	const char *output;

	assert_false(run(NULL, "%s -L -m 1", dora));
	add_user("dora", "explorer");
	TH_WAIT(run(NULL, "%s -L -m 1", dora), SOON_MS);
	if (!run(&output, "'%s' users remove dora --file '%s'", th_leat_bin(),
	    users))
		th_fail("%s", output);
	TH_WAIT(!run(NULL, "%s -L -m 1", dora), SOON_MS);
	assert_true(run(NULL, "%s -L -m 10", as_alice()));
}

static void
a_file_with_a_mistake_changes_nothing(void **state)
{
	char *before = th_slurp(rules, NULL);
	const char *output;

	th_write_text(rules, "allow User:tester read topic orders*\n"
	    "allow User:alice reed topic orders*\n");
	TH_WAIT(th_worker_said(w, "rules:2: unknown operation"), SOON_MS);
	assert_true(run(&output, "%s -C -t orders-1 -e -q", as_alice()));
	th_write_text(rules, "allow User:tester read topic orders*\n");
	TH_WAIT(!run(&output, "%s -C -t orders-1 -e -q", as_alice()), SOON_MS);
	th_write_text(rules, before);
	TH_WAIT(run(&output, "%s -C -t orders-1 -e -q", as_alice()), SOON_MS);
	free(before);
}

static void
what_is_not_safe_does_not_start(void **state)
{
	static const struct {
		const char *mode, *settings, *want;
	} rows[] = {
		{ "0644", "", "open to everybody (mode 0644)" },
		{ "0600", "--set broker.listeners=0.0.0.0:0 "
		    "--set broker.sasl.enabled.mechanisms=PLAIN",
		    "is neither loopback nor TLS" },
		{ "0600", "--set broker.super.users=admin",
		    "is not of the form User:name" },
	};
	const char *dir = th_path("unsafe");

	th_mkdir(dir);
	th_mkdir(th_text("%s/d", dir));
	th_mkdir(th_text("%s/c", dir));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *output;

		assert_true(run(NULL, "echo 'a:PLAIN$b' > '%s/users' && chmod "
		    "%s '%s/users'", dir, rows[i].mode, dir));
		assert_false(run(&output, "timeout 30 '%s' worker "
		    "--set data.dir='%s/d' --set config.dir='%s/c' "
		    "--set rest.listen=none --set broker.listeners=127.0.0.1:0 "
		    "--set broker.sasl.users.file='%s/users' %s",
		    th_leat_bin(), dir, dir, dir, rows[i].settings));
		if (strstr(output, rows[i].want) == NULL)
			th_fail("%s", output);
	}
}

static void
the_command_says_what_is_wrong(void **state)
{
	const char *file = th_path("others"), *bin = th_leat_bin(), *output;

	assert_true(run(&output, "echo one | '%s' users add b --file '%s' && "
	    "echo two | '%s' users add a -f '%s' -m SCRAM-SHA-256 -i 4096 && "
	    "'%s' users list -f '%s'", bin, file, bin, file, bin, file));
	assert_string_equal(output,
	    "a                        SCRAM-SHA-256 (4096 iterations)\n"
	    "b                        SCRAM-SHA-256 (8192 iterations) "
	    "SCRAM-SHA-512 (8192 iterations)\n");
	assert_true(run(&output, "'%s' users remove b -m SCRAM-SHA-512 "
	    "-f '%s' && '%s' users list -j -f '%s'", bin, file, bin, file));
	assert_string_equal(output, "[{\"name\":\"a\","
	    "\"SCRAM-SHA-256\":4096},{\"name\":\"b\","
	    "\"SCRAM-SHA-256\":8192}]\n");
	assert_true(run(&output, "'%s' users remove c -f '%s'; test $? = 5",
	    bin, file));
	assert_string_equal(output, "leat: there is no user 'c'\n");
	assert_true(run(&output, "'%s' users add c -f '%s' </dev/null; "
	    "test $? = 1", bin, file));
	assert_string_equal(output, "leat: there was no password\n");
	assert_true(run(&output, "'%s' users add a:b -f '%s'; test $? = 2",
	    bin, file));
	assert_non_null(strstr(output, "colon or a control character"));
	assert_true(run(&output, "echo x:y >>'%s'; '%s' users list -f '%s'; "
	    "test $? = 1", file, bin, file));
	assert_non_null(strstr(output, "others:3: want SCRAM-SHA-256$"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mechanism_takes_the_right_password),
		cmocka_unit_test(who_does_not_log_in_is_not_served),
		cmocka_unit_test(an_old_client_logs_in),
		cmocka_unit_test(rules_say_who_may_produce_and_consume),
		cmocka_unit_test(rules_say_which_groups),
		cmocka_unit_test(what_one_may_not_see_is_not_told),
		cmocka_unit_test(clients_administer_rules),
		cmocka_unit_test(users_come_and_go_while_it_runs),
		cmocka_unit_test(a_file_with_a_mistake_changes_nothing),
		cmocka_unit_test(what_is_not_safe_does_not_start),
		cmocka_unit_test(the_command_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
