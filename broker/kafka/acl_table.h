/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_table.h: rules made ready for being asked, a million times a second: who
 * may do what on which resource. Never changed once it is made.
 */
#ifndef LEAT_BROKER_KAFKA_ACL_TABLE_H
#define LEAT_BROKER_KAFKA_ACL_TABLE_H

#include "broker/kafka/acl_rules.h"

struct acl_table;

/*
 * Takes the rules over, also on failure. super is a list with semicolons,
 * "User:admin;User:ops", whose members may do everything; NULL: nobody.
 */
int acl_table_new(struct acl_rules *owned_rules, const char *super,
    struct acl_table **ret_table, struct leat_err *err);
void acl_table_free(struct acl_table *t);	/* accepts NULL */
struct acl_rules *acl_table_rules(struct acl_table *t);

/*
 * The bits of all operations that the principal may do from the host. What no
 * rule allows is denied; a rule that denies wins.
 */
uint32_t acl_table_ask(const struct acl_table *t, const char *principal,
    const char *host, enum acl_resource resource, const char *name);
/* May it do this on any resource of the kind? Slower. */
bool acl_table_ask_any(const struct acl_table *t, const char *principal,
    const char *host, enum acl_operation op, enum acl_resource resource);

/* Is the text a list of principals? */
int acl_super_check(const char *super, struct leat_err *err);

#endif
