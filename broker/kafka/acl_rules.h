/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_rules.h: the rules of an ACL file, one a line, in words:
 *
 *	allow User:alice read,write topic orders*
 *	allow User:alice read group "a name with blanks"
 *	deny  User:* all topic secrets from 10.1.2.3
 *	allow User:ops create,describe cluster
 *
 * A name with * behind it stands for all that begin so, a bare * for all.
 */
#ifndef LEAT_BROKER_KAFKA_ACL_RULES_H
#define LEAT_BROKER_KAFKA_ACL_RULES_H

#include "broker/kafka/access_file.h"

/* Operations and resources by Kafka's numbers. */
enum acl_operation {
	ACL_ALL = 2,		/* in rules only */
	ACL_READ = 3,
	ACL_WRITE = 4,
	ACL_CREATE = 5,
	ACL_DELETE = 6,
	ACL_ALTER = 7,
	ACL_DESCRIBE = 8,
	ACL_CLUSTER_ACTION = 9,
	ACL_DESCRIBE_CONFIGS = 10,
	ACL_ALTER_CONFIGS = 11,
	ACL_IDEMPOTENT_WRITE = 12,
	ACL_OPERATION_N
};

enum acl_resource {
	ACL_TOPIC = 2,
	ACL_GROUP = 3,
	ACL_CLUSTER = 4,
	ACL_TRANSACTIONAL_ID = 5,
	ACL_RESOURCE_N
};

enum acl_pattern { ACL_LITERAL = 3, ACL_PREFIXED = 4 };
enum acl_permission { ACL_DENY = 2, ACL_ALLOW = 3 };

/* The name of the one cluster there is. */
#define ACL_THE_CLUSTER "kafka-cluster"

enum { ACL_RULES_MAX = 100000, ACL_TEXT_MAX = 1024 };

struct acl_rule {
	enum acl_permission permission;
	enum acl_resource resource;
	enum acl_pattern pattern;
	uint32_t ops;		/* bit n for operation n; 0: taken away */
	char *principal;	/* "User:alice", "User:*" */
	char *host;		/* an address, or "*" */
	char *name;		/* of the resource; literal "*": all */
	int32_t line;		/* of the file; 0: it is new */
	bool changed;
};

struct acl_rules {
	struct acl_rule *list;
	size_t n, cap;
	char *text;		/* the file as it was read */
	size_t text_len;
};

/* The bits of the operations that a kind of resource knows. */
uint32_t acl_known_ops(enum acl_resource r);
const char *acl_operation_name(enum acl_operation op);
const char *acl_resource_name(enum acl_resource r);

/*
 * Reads the text of a file, which is copied. 0, or negative: then every problem
 * was added.
 */
int acl_rules_parse(struct leat_str text, struct access_problems *problems,
    struct acl_rules **ret_rules);
void acl_rules_free(struct acl_rules *rules);	/* accepts NULL */

/* May there be such a rule? NULL, or why not (a constant). */
const char *acl_rule_check(const struct acl_rule *r);
/*
 * Adds the operations of a rule, whose texts are copied: to the one that is the
 * same in all else if there is one. 0 or -ENOMEM or LEAT_E_LIMIT.
 */
int acl_rules_add(struct acl_rules *rules, const struct acl_rule *r);
/* Takes operations out of a rule. */
void acl_rule_remove(struct acl_rule *r, uint32_t ops);
/*
 * The text of the file with what was changed; all other lines, comments too,
 * stay as they are. 0, or negative when it has no room.
 */
int acl_rules_print(const struct acl_rules *rules, struct leat_buf *out);

#endif
