/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_users.c: `leat users`: who may log in to the Kafka port. Works on the file
 * itself; a running worker takes the change within a second.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "broker/kafka/users.h"
#include "core/base/fsio.h"
#include "core/base/json_writer.h"
#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"

enum { PASSWORD_BYTES = 1024, ITERATIONS = 8192, MODE_OWNER = 0600 };

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
	OPENSSL_cleanse(again, sizeof(again));
	if (rc == 0 && strlen(to) == PASSWORD_BYTES - 1) {
		fputs("leat: the password is too long\n", stderr);
		return -2;
	}
	if (rc == -1 || (rc == 0 && to[0] == '\0'))
		fputs("leat: there was no password\n", stderr);
	return rc == 0 && to[0] != '\0' ? 0 : -1;
}

/* -------------------------------------------------------------- the file */

static int
say(const struct leat_err *err)
{
	fprintf(stderr, "leat: %s\n", err->text);
	return EXIT_FAILED;
}

/* Carries changes out in the file. */
static int
change(const char *path, const struct user_change *changes, size_t n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct access_file f;
	struct users *users;
	int fd, rc;

	if (access_file_init(&f, path, true, &err) < 0)
		return say(&err);
	fd = access_file_lock(&f, &err);
	rc = fd < 0 ? fd : users_change(&f, changes, n, &users, &err);
	if (rc == 0)
		users_put(users);
	if (fd >= 0)
		(void)close(fd);
	access_file_fini(&f);
	return rc < 0 ? say(&err) : EXIT_OK;
}

/* The table; NULL when it was said what is wrong. */
static struct users *
load(const char *path)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct access_problems problems;
	struct users *users = NULL;
	struct access_file f;
	char *text = NULL;
	size_t len = 0;

	if (access_file_init(&f, path, true, &err) < 0 ||
	    access_file_read(&f, &text, &len, &err) < 0) {
		(void)say(&err);
		access_file_fini(&f);
		return NULL;
	}
	access_problems_init(&problems, path);
	if (users_parse((struct leat_str){ text, len }, &problems, &users) < 0)
		fwrite(problems.text.data, 1, problems.text.len, stderr);
	access_problems_fini(&problems);
	access_text_free(text, len);
	access_file_fini(&f);
	return users;
}

/* A file that is not there yet is made, for its owner's eyes only. */
static int
make_file(const char *path)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct stat st;

	if (stat(path, &st) == 0 || errno != ENOENT)
		return EXIT_OK;
	if (fsio_replace(&fsio_system, path, "", 0, MODE_OWNER, &err) < 0)
		return say(&err);
	return EXIT_OK;
}

/* -------------------------------------------------------------- commands */

static bool
wanted(const struct options *o, enum scram_mechanism m)
{
	return o->mechanism == NULL ||
	    strcmp(o->mechanism, scram_name(m)) == 0;
}

static int
add(const struct options *o, const char *name)
{
	struct scram_credential made[SCRAM_MECHANISM_N];
	struct user_change changes[SCRAM_MECHANISM_N];
	struct leat_err err = LEAT_ERR_INIT;
	char password[PASSWORD_BYTES];
	size_t n = 0;
	int rc = 0;

	if (read_password(password) < 0)
		return EXIT_FAILED;
	for (int i = SCRAM_SHA_256; rc == 0 && i < SCRAM_MECHANISM_N; i++) {
		enum scram_mechanism m = (enum scram_mechanism)i;

		if (!wanted(o, m))
			continue;
		rc = scram_make(m, (int32_t)o->iterations,
		    leat_str_c(password), &made[n], &err);
		changes[n] = (struct user_change){ .name = name,
			.mechanism = m, .set = &made[n] };
		n++;
	}
	OPENSSL_cleanse(password, sizeof(password));
	if (rc < 0)
		return say(&err);
	rc = make_file(o->file);
	if (rc == EXIT_OK)
		rc = change(o->file, changes, n);
	OPENSSL_cleanse(made, sizeof(made));
	return rc;
}

static int
remove_user(const struct options *o, const char *name)
{
	struct user_change changes[SCRAM_MECHANISM_N] = {
		{ .name = name, .all = true }
	};
	struct users *users = load(o->file);
	const struct user *u;
	bool there;

	if (users == NULL)
		return EXIT_FAILED;
	u = users_find(users, name);
	there = u != NULL;
	if (there && o->mechanism != NULL) {
		changes[0] = (struct user_change){ .name = name,
			.mechanism = scram_mechanism_of(o->mechanism) };
		there = u->scram[changes[0].mechanism].mechanism != 0;
	}
	users_put(users);
	if (!there) {
		fprintf(stderr, "leat: there is no user '%s'%s%s\n", name,
		    o->mechanism == NULL ? "" : " with ",
		    o->mechanism == NULL ? "" : o->mechanism);
		return EXIT_NOT_FOUND;
	}
	return change(o->file, changes, 1);
}

static void
print_json(const struct users *users)
{
	struct leat_buf out;
	struct json_writer w;

	leat_buf_init(&out, 64 << 20);
	w = json_writer(&out);
	json_array(&w);
	for (size_t i = 0; i < users->n; i++) {
		const struct user *u = &users->list[i];

		json_object(&w);
		json_member(&w, "name", u->name);
		for (int m = SCRAM_SHA_256; m < SCRAM_MECHANISM_N; m++)
			if (u->scram[m].mechanism != 0)
				json_member_int(&w,
				    scram_name((enum scram_mechanism)m),
				    u->scram[m].iterations);
		if (u->password != NULL)
			json_member_bool(&w, "PLAIN", true);
		json_object_end(&w);
	}
	json_array_end(&w);
	leat_buf_add_byte(&out, '\n');
	fwrite(out.data, 1, out.len, stdout);
	leat_buf_fini(&out);
}

static int
list(const struct options *o)
{
	struct users *users = load(o->file);

	if (users == NULL)
		return EXIT_FAILED;
	if (o->json)
		print_json(users);
	for (size_t i = 0; !o->json && i < users->n; i++) {
		const struct user *u = &users->list[i];

		printf("%-24s", u->name);
		for (int m = SCRAM_SHA_256; m < SCRAM_MECHANISM_N; m++)
			if (u->scram[m].mechanism != 0)
				printf(" %s (%d iterations)",
				    scram_name((enum scram_mechanism)m),
				    u->scram[m].iterations);
		if (u->password != NULL)
			fputs(" PLAIN (a readable password)", stdout);
		putchar('\n');
	}
	users_put(users);
	return EXIT_OK;
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
	if (o->mechanism != NULL && scram_mechanism_of(o->mechanism) == 0)
		return "--mechanism is SCRAM-SHA-256 or SCRAM-SHA-512";
	if (o->iterations < SCRAM_ITERATIONS_MIN ||
	    o->iterations > SCRAM_ITERATIONS_MAX)
		return "--iterations is a number from 4096 to 1000000";
	return listing ? NULL : user_name_check(a->words[1]);
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
