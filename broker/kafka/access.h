/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h: who may come in and who may do what: the users and the rules of a
 * listener, as their files have them. A thread of its own looks at the files
 * once a second; one with mistakes is told of and changes nothing.
 */
#ifndef LEAT_BROKER_KAFKA_ACCESS_H
#define LEAT_BROKER_KAFKA_ACCESS_H

#include "broker/broker.h"
#include "broker/kafka/acl_rules.h"
#include "broker/kafka/scram.h"
#include "broker/kafka/users.h"

struct access;

/* 0, negative on failure; 1: there is nothing to change. */
typedef int access_rules_fn(void *arg, struct acl_rules *rules,
    struct leat_err *err);

/* Reads the files that the options name, which need none. */
int access_new(const struct broker_listen_options *o,
    struct access **ret_access, struct leat_err *err);
/* Nobody may use it any more. Accepts NULL. */
void access_free(struct access *a);

/* Must one log in by SASL before all else? */
bool access_needs_login(const struct access *a);

/* The mechanisms that are offered, by name: a list that ends with NULL. */
const char *const *access_mechanisms(const struct access *a);
bool access_offers(const struct access *a, const char *mechanism);

/* ---- users; @thread any, but not an I/O thread for changes */

/* The present table, counted; NULL without a file. */
struct users *access_users(struct access *a);
/*
 * A credential for a user that there is not, always the same for a name while
 * the process lives, so that answers do not tell who there is.
 */
void access_made_up(struct access *a, const char *name,
    enum scram_mechanism m, struct scram_credential *ret_c);
/* Changes the file and takes the result. */
int access_change_users(struct access *a, const struct user_change *changes,
    size_t n, struct leat_err *err);

/* ---- rules */

/* Is there a file of rules? Else everybody may do everything. */
bool access_has_rules(const struct access *a);
/*
 * The bits of all operations that a principal at a host may do. With rules
 * only; waits for nothing. @thread any
 */
uint32_t access_allowed(struct access *a, const char *principal,
    const char *host, enum acl_resource resource, const char *name);
/* May it do this on any resource of a kind? @thread any */
bool access_allowed_any(struct access *a, const char *principal,
    const char *host, enum acl_operation op, enum acl_resource resource);

/*
 * Reads the file, lets fn change the rules, and if it returns 0 writes the file
 * and takes the result. fn's error is passed on. Not on an I/O thread.
 */
int access_change_rules(struct access *a, access_rules_fn *fn, void *arg,
    struct leat_err *err);
/* Shows fn the rules that hold now, which it must not change. */
int access_read_rules(struct access *a, access_rules_fn *fn, void *arg,
    struct leat_err *err);

#endif
