/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_file.c: changes of a users file by hand; see user_file.h.
 */
#include "broker/user_file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/kafka/users.h"
#include "core/base/fsio.h"
#include "core/base/obj.h"

enum { MODE_OWNER = 0600 };

const char *
broker_user_mechanism(size_t i)
{
	return scram_name((enum scram_mechanism)(SCRAM_SHA_256 + i));
}

const char *
broker_user_name_check(const char *name)
{
	return user_name_check(name);
}

static int
change(const char *file, const struct user_change *changes, size_t n,
    struct leat_err *err)
{
	struct access_file f;
	struct users *users;
	int fd, rc;

	if ((rc = access_file_init(&f, file, true, err)) < 0)
		return rc;
	fd = access_file_lock(&f, err);
	rc = fd < 0 ? fd : users_change(&f, changes, n, &users, err);
	if (rc == 0)
		users_put(users);
	if (fd >= 0)
		(void)close(fd);
	access_file_fini(&f);
	return rc;
}

int
broker_user_add(const char *file, const char *name, const char *password,
    const char *mechanism, int32_t iterations, struct leat_err *err)
{
	struct scram_credential made[BROKER_USER_MECHANISMS];
	struct user_change changes[BROKER_USER_MECHANISMS];
	struct stat st;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < BROKER_USER_MECHANISMS; i++) {
		enum scram_mechanism m = (enum scram_mechanism)
		    (SCRAM_SHA_256 + i);

		if (mechanism != NULL && strcmp(mechanism, scram_name(m)) != 0)
			continue;
		rc = scram_make(m, iterations, leat_str_c(password), &made[n],
		    err);
		changes[n] = (struct user_change){ .name = name,
			.mechanism = m, .set = &made[n] };
		n++;
	}
	if (rc == 0 && n == 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "no mechanism '%s'", mechanism);
	if (rc == 0 && stat(file, &st) < 0 && errno == ENOENT)
		rc = fsio_replace(&fsio_system, file, "", 0, MODE_OWNER, err);
	if (rc == 0)
		rc = change(file, changes, n, err);
	OPENSSL_cleanse(made, sizeof(made));
	return rc;
}

/* The table of a file as it is. */
static int
load(const char *file, struct users **ret_users, struct leat_buf *problems,
    struct leat_err *err)
{
	struct access_problems found;
	struct access_file f;
	char *text = NULL;
	size_t len = 0;
	int rc;

	if ((rc = access_file_init(&f, file, true, err)) < 0)
		return rc;
	if ((rc = access_file_read(&f, &text, &len, err)) < 0) {
		access_file_fini(&f);
		return rc;
	}
	access_problems_init(&found, file);
	if (users_parse((struct leat_str){ text, len }, &found,
	    ret_users) < 0) {
		rc = access_problems_err(&found, err);
		if (problems != NULL)
			(void)leat_buf_add(problems, found.text.data,
			    found.text.len);
	}
	access_problems_fini(&found);
	access_text_free(text, len);
	access_file_fini(&f);
	return rc;
}

int
broker_user_remove(const char *file, const char *name,
    const char *mechanism, struct leat_err *err)
{
	struct user_change gone = { .name = name, .all = mechanism == NULL };
	const struct user *u;
	struct users *users;
	bool there;
	int rc;

	if (mechanism != NULL)
		gone.mechanism = scram_mechanism_of(mechanism);
	if ((rc = load(file, &users, NULL, err)) < 0)
		return rc;
	u = users_find(users, name);
	there = u != NULL && (gone.all ||
	    u->scram[gone.mechanism].mechanism != 0);
	users_put(users);
	if (!there)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "there is no user '%s'%s%s", name,
		    mechanism == NULL ? "" : " with ",
		    mechanism == NULL ? "" : mechanism);
	return change(file, &gone, 1, err);
}

int
broker_user_each(const char *file,
    void (*fn)(void *arg, const struct broker_user_info *u), void *arg,
    struct leat_buf *problems, struct leat_err *err)
{
	struct users *users;
	int rc = load(file, &users, problems, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < users->n; i++) {
		const struct user *u = &users->list[i];
		struct broker_user_info info = { .name = u->name,
			.plain = u->password != NULL };

		for (size_t k = 0; k < BROKER_USER_MECHANISMS; k++)
			if (u->scram[SCRAM_SHA_256 + k].mechanism != 0)
				info.iterations[k] =
				    u->scram[SCRAM_SHA_256 + k].iterations;
		fn(arg, &info);
	}
	users_put(users);
	return 0;
}
