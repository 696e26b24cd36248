/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kafka_access.c: what strangers send at a login, and the files of users
 * and rules. The first byte says which.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/kafka/acl_table.h"
#include "broker/kafka/scram.h"
#include "broker/kafka/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

/* The first line is the first message, the rest the final one. */
static void
try_scram(struct leat_str text)
{
	struct leat_str first = leat_str_cut(&text, '\n');
	struct scram_exchange x;
	char out[SCRAM_OUT_MAX];
	const char *why = NULL;

	if (scram_first(&x, SCRAM_SHA_256, first, &why) < 0) {
		must(why != NULL);
		return;
	}
	must(x.user[0] != '\0');
	x.credential.mechanism = SCRAM_SHA_256;
	x.credential.iterations = SCRAM_ITERATIONS_MIN;
	x.credential.salt_len = SCRAM_SALT_BYTES;
	x.known = true;
	scram_challenge(&x, "0123456789abcdefghijklmnopqrstuv", out);
	must(strstr(out, "abcdefghijklmnopqrstuv,s=") != NULL);
	/* Nobody guesses the proof of a key. */
	must(scram_final(&x, text, out, &why) < 0 && why != NULL);
}

static void
try_users(struct leat_str text)
{
	struct user_change gone = { .name = "alice", .all = true };
	struct access_problems problems;
	struct users *users, *again;
	struct leat_buf out;

	access_problems_init(&problems, "users");
	if (users_parse(text, &problems, &users) == 0) {
		leat_buf_init(&out, 1 << 22);
		must(users_edit(text, &gone, 1, &out) == 0);
		must(users_parse((struct leat_str){ (char *)out.data,
		    out.len }, &problems, &again) == 0);
		must(users_find(again, "alice") == NULL);
		must(again->n + 1 >= users->n && again->n <= users->n);
		users_put(again);
		users_put(users);
		leat_buf_fini(&out);
	} else {
		must(problems.n > 0);
	}
	access_problems_fini(&problems);
}

/* Written anew, rules mean the same. */
static void
try_rules(struct leat_str text)
{
	struct acl_rules *rules, *again;
	struct access_problems problems;
	struct acl_table *t;
	struct leat_buf out;

	access_problems_init(&problems, "rules");
	if (acl_rules_parse(text, &problems, &rules) < 0) {
		must(problems.n > 0);
		access_problems_fini(&problems);
		return;
	}
	for (size_t i = 0; i < rules->n; i++)
		rules->list[i].changed = true;
	leat_buf_init(&out, 1 << 22);
	must(acl_rules_print(rules, &out) == 0);
	must(acl_rules_parse((struct leat_str){ (char *)out.data, out.len },
	    &problems, &again) == 0);
	must(again->n == rules->n);
	for (size_t i = 0; i < rules->n; i++) {
		const struct acl_rule *a = &rules->list[i];
		const struct acl_rule *b = &again->list[i];

		must(a->permission == b->permission &&
		    a->resource == b->resource && a->pattern == b->pattern &&
		    a->ops == b->ops && strcmp(a->name, b->name) == 0 &&
		    strcmp(a->principal, b->principal) == 0 &&
		    strcmp(a->host, b->host) == 0);
	}
	must(acl_table_new(again, "User:admin", &t, NULL) == 0);
	for (size_t i = 0; i < rules->n; i++)
		(void)acl_table_ask(t, rules->list[i].principal, "::1",
		    rules->list[i].resource, rules->list[i].name);
	acl_table_free(t);
	acl_rules_free(rules);
	leat_buf_fini(&out);
	access_problems_fini(&problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leat_str text = { (const char *)data + 1, size - 1 };

	if (size == 0)
		return 0;
	if (data[0] == 's')
		try_scram(text);
	else if (data[0] == 'u')
		try_users(text);
	else
		try_rules(text);
	return 0;
}
