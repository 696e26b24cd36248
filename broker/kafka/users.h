/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users.h: the users of the Kafka port, as their file has them. One line each
 * for every way to prove who one is:
 *
 *	# a comment
 *	alice:SCRAM-SHA-256$4096:salt$storedkey:serverkey
 *	alice:SCRAM-SHA-512$4096:salt$storedkey:serverkey
 *	tester:PLAIN$a password as it is
 *
 * A SCRAM line serves that mechanism and PLAIN; a PLAIN line serves PLAIN only.
 */
#ifndef LEAT_BROKER_KAFKA_USERS_H
#define LEAT_BROKER_KAFKA_USERS_H

#include "broker/kafka/access_file.h"
#include "broker/kafka/scram.h"

enum { USERS_MAX = 100000 };

struct user {
	char *name;
	/* mechanism 0: not set */
	struct scram_credential scram[SCRAM_MECHANISM_N];
	char *password;		/* of a PLAIN line, or NULL */
};

/* A table, never changed once it is made; counted. */
struct users {
	int32_t refs;		/* atomic */
	struct user *list;	/* by name */
	size_t n, cap;
};

/*
 * Reads the text of a file. 0 with a table that counts one, or negative: then
 * every problem was added.
 */
int users_parse(struct leat_str text, struct access_problems *problems,
    struct users **ret_users);
struct users *users_get(struct users *u);	/* @thread any */
void users_put(struct users *u);	/* @thread any; accepts NULL */
/* NULL: nobody. */
const struct user *users_find(const struct users *u, const char *name);

/* May a user be called this? NULL, or why not. */
const char *user_name_check(const char *name);

/* What shall become of one line. */
struct user_change {
	const char *name;
	enum scram_mechanism mechanism;	/* 0: the PLAIN line */
	const struct scram_credential *set;	/* NULL: take it away */
	bool all;		/* take all lines of the user away */
};

/*
 * The text with the changes made; all other lines, comments too, stay as they
 * are. 0, or negative when it has no room.
 */
int users_edit(struct leat_str text, const struct user_change *changes,
    size_t n, struct leat_buf *out);
/*
 * The same with a file, whose lock the caller has: reads it, changes it and
 * replaces it. What it says then is *ret_users, counted.
 */
int users_change(struct access_file *f, const struct user_change *changes,
    size_t n, struct users **ret_users, struct leat_err *err);

#endif
