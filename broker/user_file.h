/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_file.h: keeping the file of users of the Kafka port, with or without a
 * broker that runs on it. docs/KAFKA-SECURITY.md has its form.
 */
#ifndef LEAT_BROKER_USER_FILE_H
#define LEAT_BROKER_USER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

enum {
	BROKER_USER_ITERATIONS_MIN = 4096,
	BROKER_USER_ITERATIONS_MAX = 1000000,
	BROKER_USER_MECHANISMS = 2
};

struct broker_user_info {
	const char *name;
	/* Of each SCRAM mechanism, in the order of their names; 0: not set. */
	int32_t iterations[BROKER_USER_MECHANISMS];
	bool plain;		/* there is a readable password */
};

/* "SCRAM-SHA-256", "SCRAM-SHA-512" */
const char *broker_user_mechanism(size_t i);
/* May a user be called this? NULL, or why not. */
const char *broker_user_name_check(const char *name);
/*
 * Gives a user a password, for one mechanism or (NULL) each. The file is made
 * if it is not there.
 */
int broker_user_add(const char *file, const char *name, const char *password,
    const char *mechanism, int32_t iterations, struct leat_err *err);
/*
 * Takes a user away, or (not NULL) one mechanism of his. LEAT_E_NOTFOUND when
 * there was none.
 */
int broker_user_remove(const char *file, const char *name,
    const char *mechanism, struct leat_err *err);
/*
 * Calls fn for each user in the order of names. problems is an empty buffer;
 * when lines are wrong it has all of them, with their places.
 */
int broker_user_each(const char *file,
    void (*fn)(void *arg, const struct broker_user_info *u), void *arg,
    struct leat_buf *problems, struct leat_err *err);

#endif
