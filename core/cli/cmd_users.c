/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_users.c: `leat users`: who may log in to the Kafka port. Works on the
 * file itself; a running worker takes the change within a second.
 */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <leat/buf.h>

#include "broker/user_file.h"
#include "core/base/json_writer.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"

enum { PASSWORD_BYTES = 1024, ITERATIONS = 8192 };

struct options {
	const char *file;
	const char *mechanism;		/* NULL: both */
	int64_t iterations;
	bool json;
};

/* -------------------------------------------------------------- password */

/* Reads a line without its end. 0, or -1 at the end of the input. */
static int
read_line(char to[PASSWORD_BYTES])
{
	size_t len;

	if (fgets(to, PASSWORD_BYTES, stdin) == NULL)
		return -1;
	len = strlen(to);
	if (len > 0 && to[len - 1] == '\n')
		to[--len] = '\0';
	return 0;
}

/* Asks on the terminal, where what is typed does not show. */
static int
ask(const char *prompt, char to[PASSWORD_BYTES])
{
	struct termios before, silent;
	int rc;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -1;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, stderr);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	rc = read_line(to);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputs("\n", stderr);
	return rc;
}

static int
read_password(char to[PASSWORD_BYTES])
{
	char again[PASSWORD_BYTES];
	int rc = 0;

	if (!isatty(STDIN_FILENO)) {
		rc = read_line(to);
	} else if (ask("Password: ", to) < 0 ||
	    ask("The same again: ", again) < 0) {
		rc = -1;
	} else if (strcmp(to, again) != 0) {
		fputs("leat: these were two passwords\n", stderr);
		rc = -2;
	}
	explicit_bzero(again, sizeof(again));
	if (rc == 0 && strlen(to) == PASSWORD_BYTES - 1) {
		fputs("leat: the password is too long\n", stderr);
		return -2;
	}
	if (rc == -1 || (rc == 0 && to[0] == '\0'))
		fputs("leat: there was no password\n", stderr);
	return rc == 0 && to[0] != '\0' ? 0 : -1;
}

/* -------------------------------------------------------------- commands */

static int
say(const struct leat_err *err)
{
	fprintf(stderr, "leat: %s\n", err->text);
	return err->code == LEAT_E_NOTFOUND ? EXIT_NOT_FOUND : EXIT_FAILED;
}

static int
add(const struct options *o, const char *name)
{
	struct leat_err err = LEAT_ERR_INIT;
	char password[PASSWORD_BYTES];
	int rc;

	if (read_password(password) < 0)
		return EXIT_FAILED;
	rc = broker_user_add(o->file, name, password, o->mechanism,
	    (int32_t)o->iterations, &err);
	explicit_bzero(password, sizeof(password));
	return rc < 0 ? say(&err) : EXIT_OK;
}

static int
remove_user(const struct options *o, const char *name)
{
	struct leat_err err = LEAT_ERR_INIT;

	return broker_user_remove(o->file, name, o->mechanism, &err) < 0 ?
	    say(&err) : EXIT_OK;
}

static void
print_json(void *arg, const struct broker_user_info *u)
{
	struct json_writer *w = arg;

	json_object(w);
	json_member(w, "name", u->name);
	for (size_t i = 0; i < BROKER_USER_MECHANISMS; i++)
		if (u->iterations[i] > 0)
			json_member_int(w, broker_user_mechanism(i),
			    u->iterations[i]);
	if (u->plain)
		json_member_bool(w, "PLAIN", true);
	json_object_end(w);
}

static void
print_text(void *arg, const struct broker_user_info *u)
{
	printf("%-24s", u->name);
	for (size_t i = 0; i < BROKER_USER_MECHANISMS; i++)
		if (u->iterations[i] > 0)
			printf(" %s (%d iterations)", broker_user_mechanism(i),
			    u->iterations[i]);
	if (u->plain)
		fputs(" PLAIN (a readable password)", stdout);
	putchar('\n');
}

static int
list(const struct options *o)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf out, problems;
	struct json_writer w;
	int rc;

	leat_buf_init(&out, 64 << 20);
	leat_buf_init(&problems, 1 << 20);
	w = json_writer(&out);
	json_array(&w);
	rc = broker_user_each(o->file, o->json ? print_json : print_text, &w,
	    &problems, &err);
	json_array_end(&w);
	(void)leat_buf_add_byte(&out, '\n');
	if (rc == 0 && o->json)
		fwrite(out.data, 1, out.len, stdout);
	if (problems.len > 0)
		fwrite(problems.data, 1, problems.len, stderr);
	if (rc < 0 && problems.len == 0)
		(void)say(&err);
	leat_buf_fini(&out);
	leat_buf_fini(&problems);
	return rc < 0 ? EXIT_FAILED : EXIT_OK;
}

static bool
mechanism_valid(const char *name)
{
	for (size_t i = 0; i < BROKER_USER_MECHANISMS; i++)
		if (strcmp(name, broker_user_mechanism(i)) == 0)
			return true;
	return false;
}

/* What is wrong with the command line, or NULL. */
static const char *
check(const struct options *o, const struct args *a)
{
	bool listing = strcmp(a->words[0], "list") == 0;

	if (!listing && strcmp(a->words[0], "add") != 0 &&
	    strcmp(a->words[0], "remove") != 0)
		return "want add, list or remove";
	if (a->nwords != (listing ? 1 : 2))
		return listing ? "list takes no name" : "which user?";
	if (o->file == NULL)
		return "--file is missing: the worker's "
		    "broker.sasl.users.file";
	if (o->mechanism != NULL && !mechanism_valid(o->mechanism))
		return "--mechanism is SCRAM-SHA-256 or SCRAM-SHA-512";
	if (o->iterations < BROKER_USER_ITERATIONS_MIN ||
	    o->iterations > BROKER_USER_ITERATIONS_MAX)
		return "--iterations is a number from 4096 to 1000000";
	return listing ? NULL : broker_user_name_check(a->words[1]);
}

int
cmd_users(int argc, char **argv)
{
	struct options o = { .iterations = ITERATIONS };
	const struct arg table[] = {
		{ "file", 'f', ARG_TEXT, "FILE",
		    "the file of users (broker.sasl.users.file)", &o.file },
		{ "mechanism", 'm', ARG_TEXT, "NAME",
		    "SCRAM-SHA-256 or SCRAM-SHA-512 only, not both",
		    &o.mechanism },
		{ "iterations", 'i', ARG_INT, "N",
		    "of the hash, 8192 if not given", &o.iterations },
		{ "json", 'j', ARG_FLAG, NULL, "list as JSON", &o.json },
		{ 0 },
	};
	struct args a = {
		.usage = "leat users (add NAME | remove NAME | list) "
		    "--file FILE [options]",
		.about = "Says who may log in to the Kafka port. The password "
		    "is asked for, or read from\nthe first line of the "
		    "input; the file has what proves it, not the password. "
		    "A\nworker that runs takes the change within a second.",
		.table = table,
		.examples = "  leat users add alice --file /etc/leat/users\n"
		    "  leat users remove alice --file /etc/leat/users\n",
		.min_words = 1,
		.max_words = 2,
	};
	const char *wrong;
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if ((wrong = check(&o, &a)) != NULL) {
		fprintf(stderr, "leat: %s\nusage: %s\n", wrong, a.usage);
		return EXIT_USAGE;
	}
	if (strcmp(a.words[0], "list") == 0)
		return list(&o);
	return strcmp(a.words[0], "add") == 0 ? add(&o, a.words[1]) :
	    remove_user(&o, a.words[1]);
}
