/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_table.c: one hash table of all (principal, resource, pattern, name), and
 * for each principal the lengths of its prefixes: a question takes a look-up
 * for the name and one for each of these lengths, for the principal and for
 * everybody.
 */
#include "broker/kafka/acl_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum { EVERYBODY = 0 };

#define BIT(op) (1u << (op))
#define EVERYTHING ((1u << ACL_OPERATION_N) - 1)

struct entry {
	uint64_t hash;
	const char *name;	/* the rule's; NULL: a free place */
	const char *host;	/* the rule's; NULL: any */
	uint32_t principal;
	uint32_t len;		/* of the name */
	uint32_t allow, deny;	/* with what they imply */
	uint8_t resource;
	uint8_t pattern;
};

struct principal {
	uint64_t hash;
	const char *name;	/* a rule's, or the list's; NULL: free */
	uint32_t number;
};

/* What a principal has beyond the entries. */
struct holdings {
	uint16_t *prefixes[ACL_RESOURCE_N];	/* lengths, each once */
	uint32_t nprefixes[ACL_RESOURCE_N];
	bool names[ACL_RESOURCE_N];	/* are there literal ones? */
	bool all[ACL_RESOURCE_N];	/* is there one for "*"? */
	bool super;
};

struct acl_table {
	struct acl_rules *rules;
	char *super;		/* cut into its members */
	struct entry *entries;
	size_t mask;
	struct principal *principals;
	size_t principals_mask;
	struct holdings *holdings;	/* by number */
	uint32_t nprincipals;
};

/* ---------------------------------------------------------------- asking */

static uint64_t
key_hash(uint32_t principal, int resource, int pattern, const char *name,
    size_t len)
{
	return leat_hash(name, len, ((uint64_t)principal << 8) |
	    ((uint64_t)resource << 4) | (uint64_t)pattern);
}

struct answer {
	uint32_t allow, deny;
};

/* Adds what the entries of one key say. */
static void
look_up(const struct acl_table *t, struct answer *a, uint32_t principal,
    int resource, int pattern, const char *name, size_t len,
    const char *host)
{
	uint64_t hash = key_hash(principal, resource, pattern, name, len);
	const struct entry *e;

	for (size_t i = hash & t->mask; (e = &t->entries[i])->name != NULL;
	    i = (i + 1) & t->mask) {
		if (e->hash != hash || e->len != len ||
		    e->principal != principal || e->resource != resource ||
		    e->pattern != pattern || memcmp(e->name, name, len) != 0)
			continue;
		if (e->host != NULL && strcmp(e->host, host) != 0)
			continue;
		a->allow |= e->allow;
		a->deny |= e->deny;
	}
}

static void
gather(const struct acl_table *t, struct answer *a, uint32_t principal,
    int resource, const char *name, size_t len, const char *host)
{
	const struct holdings *h = &t->holdings[principal];

	if (h->all[resource])
		look_up(t, a, principal, resource, ACL_LITERAL, "*", 1, host);
	if (h->names[resource])
		look_up(t, a, principal, resource, ACL_LITERAL, name, len,
		    host);
	for (uint32_t i = 0; i < h->nprefixes[resource]; i++)
		if (h->prefixes[resource][i] <= len)
			look_up(t, a, principal, resource, ACL_PREFIXED, name,
			    h->prefixes[resource][i], host);
}

/* EVERYBODY when the rules do not name it. */
static uint32_t
find_principal(const struct acl_table *t, const char *name)
{
	uint64_t hash = leat_hash(name, strlen(name), 0);
	const struct principal *p;

	for (size_t i = hash & t->principals_mask;
	    (p = &t->principals[i])->name != NULL;
	    i = (i + 1) & t->principals_mask)
		if (p->hash == hash && strcmp(p->name, name) == 0)
			return p->number;
	return EVERYBODY;
}

uint32_t
acl_table_ask(const struct acl_table *t, const char *principal,
    const char *host, enum acl_resource resource, const char *name)
{
	uint32_t number = find_principal(t, principal);
	struct answer a = { 0, 0 };
	size_t len = strlen(name);

	if (t->holdings[number].super)
		return EVERYTHING;
	gather(t, &a, EVERYBODY, (int)resource, name, len, host);
	if (number != EVERYBODY)
		gather(t, &a, number, (int)resource, name, len, host);
	return a.allow & ~a.deny;
}

/*
 * Is there a resource that this entry allows and nothing denies? For a prefix:
 * no rule denies all that begin so.
 */
static bool
entry_lives(const struct acl_table *t, const struct entry *e,
    uint32_t number, const char *host, enum acl_operation op)
{
	struct answer a = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		uint32_t who = i == 0 ? EVERYBODY : number;
		const struct holdings *h = &t->holdings[who];

		if (e->pattern == ACL_LITERAL) {
			gather(t, &a, who, e->resource, e->name, e->len, host);
			continue;
		}
		look_up(t, &a, who, e->resource, ACL_LITERAL, "*", 1, host);
		for (uint32_t k = 0; k < h->nprefixes[e->resource]; k++)
			if (h->prefixes[e->resource][k] <= e->len)
				look_up(t, &a, who, e->resource, ACL_PREFIXED,
				    e->name, h->prefixes[e->resource][k],
				    host);
	}
	return (a.deny & BIT(op)) == 0;
}

bool
acl_table_ask_any(const struct acl_table *t, const char *principal,
    const char *host, enum acl_operation op, enum acl_resource resource)
{
	uint32_t number = find_principal(t, principal);
	const struct entry *e;

	if (t->holdings[number].super)
		return true;
	for (size_t i = 0; i <= t->mask; i++) {
		e = &t->entries[i];
		if (e->name != NULL && e->resource == (int)resource &&
		    (e->allow & BIT(op)) != 0 &&
		    (e->principal == EVERYBODY || e->principal == number) &&
		    (e->host == NULL || strcmp(e->host, host) == 0) &&
		    entry_lives(t, e, number, host, op))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- making */

static uint32_t
implied(uint32_t ops, bool allow)
{
	if ((ops & BIT(ACL_ALL)) != 0)
		return EVERYTHING;
	if (!allow)
		return ops;
	if ((ops & (BIT(ACL_READ) | BIT(ACL_WRITE) | BIT(ACL_DELETE) |
	    BIT(ACL_ALTER))) != 0)
		ops |= BIT(ACL_DESCRIBE);
	if ((ops & BIT(ACL_ALTER_CONFIGS)) != 0)
		ops |= BIT(ACL_DESCRIBE_CONFIGS);
	return ops;
}

static size_t
power_of_two(size_t n)
{
	size_t size = 8;

	while (size < n)
		size *= 2;
	return size;
}

static uint32_t
add_principal(struct acl_table *t, const char *name)
{
	uint64_t hash = leat_hash(name, strlen(name), 0);
	size_t i;

	if (strcmp(name, "User:*") == 0)
		return EVERYBODY;
	for (i = hash & t->principals_mask; t->principals[i].name != NULL;
	    i = (i + 1) & t->principals_mask)
		if (strcmp(t->principals[i].name, name) == 0)
			return t->principals[i].number;
	t->principals[i] = (struct principal){ hash, name,
		t->nprincipals++ };
	return t->principals[i].number;
}

static int
add_prefix(struct holdings *h, enum acl_resource resource, size_t len)
{
	uint32_t n = h->nprefixes[resource];
	uint16_t *more;

	for (uint32_t i = 0; i < n; i++)
		if (h->prefixes[resource][i] == len)
			return 0;
	more = realloc(h->prefixes[resource], (n + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	more[n] = (uint16_t)len;
	h->prefixes[resource] = more;
	h->nprefixes[resource]++;
	return 0;
}

static int
add_rule(struct acl_table *t, const struct acl_rule *r)
{
	uint32_t number = add_principal(t, r->principal);
	struct holdings *h = &t->holdings[number];
	size_t len = strlen(r->name), i;
	struct entry *e;
	uint64_t hash;

	if (r->ops == 0)
		return 0;
	hash = key_hash(number, (int)r->resource, (int)r->pattern, r->name,
	    len);
	for (i = hash & t->mask; t->entries[i].name != NULL;
	    i = (i + 1) & t->mask)
		;
	e = &t->entries[i];
	*e = (struct entry){ .hash = hash, .name = r->name,
		.principal = number, .len = (uint32_t)len,
		.resource = (uint8_t)r->resource,
		.pattern = (uint8_t)r->pattern };
	if (strcmp(r->host, "*") != 0)
		e->host = r->host;
	if (r->permission == ACL_ALLOW)
		e->allow = implied(r->ops, true);
	else
		e->deny = implied(r->ops, false);
	if (r->pattern == ACL_PREFIXED)
		return add_prefix(h, r->resource, len);
	if (strcmp(r->name, "*") == 0)
		h->all[r->resource] = true;
	else
		h->names[r->resource] = true;
	return 0;
}

/* Cuts the list in place; the next member, or NULL. */
static char *
next_super(char **rest)
{
	char *one;

	while ((one = strsep(rest, ";")) != NULL) {
		while (*one == ' ')
			one++;
		for (size_t n = strlen(one); n > 0 && one[n - 1] == ' '; n--)
			one[n - 1] = '\0';
		if (*one != '\0')
			return one;
	}
	return NULL;
}

int
acl_super_check(const char *super, struct leat_err *err)
{
	char *copy = strdup(super == NULL ? "" : super), *rest = copy, *one;
	int rc = 0;

	if (copy == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	while (rc == 0 && (one = next_super(&rest)) != NULL)
		if (strncmp(one, "User:", 5) != 0 || one[5] == '\0' ||
		    strcmp(one, "User:*") == 0)
			rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
			    "super users: '%s' is not of the form User:name",
			    one);
	free(copy);
	return rc;
}

static size_t
count_super(const char *super)
{
	size_t n = 1;

	for (; *super != '\0'; super++)
		n += *super == ';';
	return n;
}

int
acl_table_new(struct acl_rules *owned_rules, const char *super,
    struct acl_table **ret_table, struct leat_err *err)
{
	struct acl_table *t = calloc(1, sizeof(*t));
	size_t places, people;
	char *rest, *one;
	int rc = 0;

	if (t == NULL) {
		acl_rules_free(owned_rules);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	}
	t->rules = owned_rules;
	t->super = rest = strdup(super == NULL ? "" : super);
	people = owned_rules->n + 1 + count_super(super == NULL ? "" : super);
	places = power_of_two(2 * owned_rules->n + 1);
	t->mask = places - 1;
	t->entries = calloc(places, sizeof(*t->entries));
	t->principals_mask = power_of_two(2 * people) - 1;
	t->principals = calloc(t->principals_mask + 1,
	    sizeof(*t->principals));
	t->nprincipals = 1;
	t->holdings = calloc(people, sizeof(*t->holdings));
	if (rest == NULL || t->entries == NULL || t->principals == NULL ||
	    t->holdings == NULL)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < owned_rules->n; i++)
		rc = add_rule(t, &owned_rules->list[i]);
	while (rc == 0 && (one = next_super(&rest)) != NULL)
		t->holdings[add_principal(t, one)].super = true;
	if (rc < 0) {
		acl_table_free(t);
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "no memory");
	}
	*ret_table = t;
	return 0;
}

void
acl_table_free(struct acl_table *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; t->holdings != NULL && i < t->nprincipals; i++)
		for (int r = 0; r < ACL_RESOURCE_N; r++)
			free(t->holdings[i].prefixes[r]);
	free(t->holdings);
	free(t->principals);
	free(t->entries);
	free(t->super);
	acl_rules_free(t->rules);
	free(t);
}

struct acl_rules *
acl_table_rules(struct acl_table *t)
{
	return t->rules;
}
