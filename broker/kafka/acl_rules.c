/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_rules.c: the lines of an ACL file.
 */
#include "broker/kafka/acl_rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum { WORDS_MAX = 7 };

#define BIT(op) (1u << (op))

static const char *const operations[ACL_OPERATION_N] = {
	[ACL_ALL] = "all",
	[ACL_READ] = "read",
	[ACL_WRITE] = "write",
	[ACL_CREATE] = "create",
	[ACL_DELETE] = "delete",
	[ACL_ALTER] = "alter",
	[ACL_DESCRIBE] = "describe",
	[ACL_CLUSTER_ACTION] = "cluster-action",
	[ACL_DESCRIBE_CONFIGS] = "describe-configs",
	[ACL_ALTER_CONFIGS] = "alter-configs",
	[ACL_IDEMPOTENT_WRITE] = "idempotent-write",
};

static const struct {
	const char *name;
	uint32_t ops;
} resources[ACL_RESOURCE_N] = {
	[ACL_TOPIC] = { "topic", BIT(ACL_READ) | BIT(ACL_WRITE) |
	    BIT(ACL_CREATE) | BIT(ACL_DELETE) | BIT(ACL_ALTER) |
	    BIT(ACL_DESCRIBE) | BIT(ACL_DESCRIBE_CONFIGS) |
	    BIT(ACL_ALTER_CONFIGS) },
	[ACL_GROUP] = { "group", BIT(ACL_READ) | BIT(ACL_DELETE) |
	    BIT(ACL_DESCRIBE) },
	[ACL_CLUSTER] = { "cluster", BIT(ACL_CREATE) | BIT(ACL_ALTER) |
	    BIT(ACL_DESCRIBE) | BIT(ACL_CLUSTER_ACTION) |
	    BIT(ACL_DESCRIBE_CONFIGS) | BIT(ACL_ALTER_CONFIGS) |
	    BIT(ACL_IDEMPOTENT_WRITE) },
	[ACL_TRANSACTIONAL_ID] = { "transactional-id", BIT(ACL_WRITE) |
	    BIT(ACL_DESCRIBE) },
};

uint32_t
acl_known_ops(enum acl_resource r)
{
	return resources[r].ops;
}

const char *
acl_operation_name(enum acl_operation op)
{
	return operations[op];
}

const char *
acl_resource_name(enum acl_resource r)
{
	return resources[r].name;
}

/* ----------------------------------------------------------------- words */

struct word {
	char *text;		/* without quotes; in the line's copy */
	bool quoted;
	bool star;		/* a * behind it, which is not in text */
};

/* "describe-configs", "DescribeConfigs" and "DESCRIBE_CONFIGS" are the same. */
static bool
same_word(struct leat_str a, const char *b)
{
	size_t i = 0;

	for (; *b != '\0'; b++) {
		if (*b == '-')
			continue;
		while (i < a.len && (a.ptr[i] == '-' || a.ptr[i] == '_'))
			i++;
		if (i == a.len || tolower((unsigned char)a.ptr[i]) != *b)
			return false;
		i++;
	}
	return i == a.len;
}

/* Takes the word at *at, in place; the reason why not, or NULL. */
static const char *
take_word(char **at, struct word *ret)
{
	char *p = *at, *to;

	*ret = (struct word){ .text = p };
	if (*p == '"') {
		ret->quoted = true;
		for (p++, to = ret->text; *p != '\0' && *p != '"'; p++) {
			if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
				p++;
			*to++ = *p;
		}
		if (*p != '"')
			return "a quote is not closed";
		p++;
		ret->star = *p == '*';
		p += ret->star;
		if (*p != '\0' && *p != ' ' && *p != '\t')
			return "text right behind a closing quote";
		if (*p != '\0')
			*p++ = '\0';
		*to = '\0';
		*at = p;
		return NULL;
	}
	while (*p != '\0' && *p != ' ' && *p != '\t')
		p++;
	if (*p != '\0')
		*p++ = '\0';
	*at = p;
	to = strchr(ret->text, '*');
	if (to != NULL && to[1] != '\0')
		return "a * stands at the end of a name only";
	if (to != NULL) {
		ret->star = true;
		*to = '\0';
	}
	return NULL;
}

/* The words of a line up to its comment; their number, or -1. */
static int
take_words(char *line, struct word *words, const char **ret_why)
{
	int n = 0;

	for (;;) {
		while (*line == ' ' || *line == '\t')
			line++;
		if (*line == '\0' || *line == '#')
			return n;
		if (n == WORDS_MAX) {
			*ret_why = "too many words";
			return -1;
		}
		*ret_why = take_word(&line, &words[n]);
		if (*ret_why != NULL)
			return -1;
		n++;
	}
}

static const char *
parse_ops(const char *text, uint32_t *ret_ops)
{
	struct leat_str rest = leat_str_c(text), one;
	int op;

	*ret_ops = 0;
	do {
		one = leat_str_cut(&rest, ',');
		for (op = ACL_ALL; op < ACL_OPERATION_N; op++)
			if (same_word(one, operations[op]))
				break;
		if (op == ACL_OPERATION_N)
			return "unknown operation (read, write, create, "
			    "delete, alter, describe, cluster-action, "
			    "describe-configs, alter-configs, "
			    "idempotent-write, all)";
		*ret_ops |= BIT(op);
	} while (rest.len > 0);
	return NULL;
}

/* The name of a resource and what it stands for. */
static void
set_name(struct acl_rule *r, const struct word *w)
{
	static char all[] = "*";

	r->pattern = ACL_LITERAL;
	r->name = w->text;
	if (!w->star)
		return;
	if (w->text[0] == '\0')
		r->name = all;
	else
		r->pattern = ACL_PREFIXED;
}

static const char *
set_principal(struct acl_rule *r, const struct word *w)
{
	static char everybody[] = "User:*";

	r->principal = w->text;
	if (!w->star)
		return NULL;
	if (w->text[0] != '\0' && strcmp(w->text, "User:") != 0)
		return "a principal is User:name, or User:* for everybody";
	r->principal = everybody;
	return NULL;
}

/* Makes a rule of words; the reason why not, or NULL. */
static const char *
parse_words(struct acl_rule *r, const struct word *w, int n)
{
	static char everywhere[] = "*", cluster[] = ACL_THE_CLUSTER;
	const char *why;
	int i, at = 4;

	if (n < 4)
		return "want: allow|deny PRINCIPAL OPERATIONS RESOURCE [NAME] "
		    "[from ADDRESS]";
	if (strcmp(w[0].text, "allow") == 0)
		r->permission = ACL_ALLOW;
	else if (strcmp(w[0].text, "deny") == 0)
		r->permission = ACL_DENY;
	else
		return "a rule begins with allow or deny";
	if ((why = set_principal(r, &w[1])) != NULL ||
	    (why = parse_ops(w[2].star ? "*" : w[2].text, &r->ops)) != NULL)
		return why;
	if (w[0].star || w[3].star)
		return "a * stands at the end of a name only";
	for (i = ACL_TOPIC; i < ACL_RESOURCE_N; i++)
		if (same_word(leat_str_c(w[3].text), resources[i].name))
			break;
	if (i == ACL_RESOURCE_N)
		return "unknown resource (topic, group, cluster, "
		    "transactional-id)";
	r->resource = (enum acl_resource)i;
	r->host = everywhere;
	r->pattern = ACL_LITERAL;
	r->name = cluster;
	if (r->resource != ACL_CLUSTER) {
		if (n < 5)
			return "the name of the resource is missing";
		set_name(r, &w[at++]);
	}
	if (n - at == 2 && strcmp(w[at].text, "from") == 0 && !w[at].star &&
	    (!w[at + 1].star || w[at + 1].text[0] == '\0'))
		r->host = w[at + 1].star ? everywhere : w[at + 1].text;
	else if (n != at)
		return "behind the resource, only: from ADDRESS";
	return acl_rule_check(r);
}

/* Could this be written in a line? */
static bool
text_valid(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > ACL_TEXT_MAX || !leat_utf8_valid(text, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

const char *
acl_rule_check(const struct acl_rule *r)
{
	struct in6_addr a;

	if (!text_valid(r->principal) ||
	    strncmp(r->principal, "User:", 5) != 0 || r->principal[5] == '\0')
		return "a principal is User:name, or User:* for everybody";
	if (!text_valid(r->name))
		return "the name of the resource is empty, too long or has "
		    "control characters";
	if (strcmp(r->host, "*") != 0 && inet_pton(AF_INET, r->host, &a) != 1 &&
	    inet_pton(AF_INET6, r->host, &a) != 1)
		return "the host is no address";
	if (r->pattern == ACL_PREFIXED && (r->resource == ACL_CLUSTER ||
	    strcmp(r->name, "*") == 0))
		return "this resource has no prefixes";
	if (r->resource == ACL_CLUSTER &&
	    strcmp(r->name, ACL_THE_CLUSTER) != 0)
		return "the cluster is called " ACL_THE_CLUSTER;
	if (r->ops == 0 ||
	    (r->ops & ~(resources[r->resource].ops | BIT(ACL_ALL))) != 0)
		return "this resource has no such operation";
	return NULL;
}

/* ----------------------------------------------------------------- rules */

static bool
rule_same(const struct acl_rule *a, const struct acl_rule *b)
{
	return a->permission == b->permission && a->resource == b->resource &&
	    a->pattern == b->pattern && strcmp(a->name, b->name) == 0 &&
	    strcmp(a->principal, b->principal) == 0 &&
	    strcmp(a->host, b->host) == 0;
}

/* An address as a connection's is written; to be freed. */
static char *
host_copy(const char *host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (inet_pton(AF_INET6, host, &a) == 1 &&
	    inet_ntop(AF_INET6, &a, text, sizeof(text)) != NULL)
		return strdup(text);
	return strdup(host);
}

static int
append(struct acl_rules *rules, const struct acl_rule *r)
{
	size_t cap = rules->cap > 0 ? 2 * rules->cap : 32;
	struct acl_rule *more, copy = *r;

	if (rules->n == ACL_RULES_MAX)
		return LEAT_E_LIMIT;
	if (rules->n == rules->cap) {
		more = realloc(rules->list, cap * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		rules->list = more;
		rules->cap = cap;
	}
	copy.principal = strdup(r->principal);
	copy.host = host_copy(r->host);
	copy.name = strdup(r->name);
	if (copy.principal == NULL || copy.host == NULL ||
	    copy.name == NULL) {
		free(copy.principal);
		free(copy.host);
		free(copy.name);
		return -ENOMEM;
	}
	rules->list[rules->n++] = copy;
	return 0;
}

static void
parse_line(struct acl_rules *rules, struct leat_str line, int32_t number,
    struct access_problems *problems)
{
	struct acl_rule r = { .line = number };
	struct word words[WORDS_MAX];
	const char *why = "no memory";
	char *copy = strndup(line.ptr, line.len);
	int n;

	if (memchr(line.ptr, '\0', line.len) != NULL)
		why = "the line has a NUL";
	else if (copy != NULL && (n = take_words(copy, words, &why)) >= 0) {
		why = n == 0 ? NULL : parse_words(&r, words, n);
		if (n > 0 && why == NULL && append(rules, &r) < 0)
			why = "too many rules, or no memory";
	}
	if (why != NULL)
		access_problem(problems, number, "%s", why);
	free(copy);
}

int
acl_rules_parse(struct leat_str text, struct access_problems *problems,
    struct acl_rules **ret_rules)
{
	struct acl_rules *rules = calloc(1, sizeof(*rules));
	struct leat_str line, rest = text;
	int32_t number = 0;

	if (rules != NULL)
		rules->text = malloc(text.len + 1);
	if (rules == NULL || rules->text == NULL) {
		acl_rules_free(rules);
		access_problem(problems, 0, "no memory");
		return -ENOMEM;
	}
	if (text.len > 0)
		memcpy(rules->text, text.ptr, text.len);
	rules->text_len = text.len;
	while (access_line(&rest, &number, &line))
		if (line.len > 0)
			parse_line(rules, line, number, problems);
	if (problems->n > 0) {
		acl_rules_free(rules);
		return LEAT_E_CONFIG;
	}
	*ret_rules = rules;
	return 0;
}

void
acl_rules_free(struct acl_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->list[i].principal);
		free(rules->list[i].host);
		free(rules->list[i].name);
	}
	free(rules->list);
	free(rules->text);
	free(rules);
}

int
acl_rules_add(struct acl_rules *rules, const struct acl_rule *r)
{
	struct acl_rule fresh = *r, *same = NULL;

	for (size_t i = 0; i < rules->n; i++) {
		if (!rule_same(&rules->list[i], r))
			continue;
		if ((rules->list[i].ops & r->ops) == r->ops)
			return 0;
		same = &rules->list[i];
	}
	if (same != NULL) {
		same->ops |= r->ops;
		same->changed = true;
		return 0;
	}
	fresh.line = 0;
	fresh.changed = true;
	return append(rules, &fresh);
}

void
acl_rule_remove(struct acl_rule *r, uint32_t ops)
{
	r->changed = r->changed || (r->ops & ops) != 0;
	r->ops &= ~ops;
}

/* -------------------------------------------------------------- printing */

/* As it is if that reads back the same, else in quotes. */
static void
print_word(struct leat_buf *out, const char *text)
{
	bool bare = text[0] != '#';

	for (const char *p = text; *p != '\0'; p++)
		bare = bare && strchr(" \t\"*\\", *p) == NULL;
	if (bare) {
		(void)leat_buf_add_str(out, text);
		return;
	}
	(void)leat_buf_add_byte(out, '"');
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			(void)leat_buf_add_byte(out, '\\');
		(void)leat_buf_add_byte(out, (uint8_t)*p);
	}
	(void)leat_buf_add_byte(out, '"');
}

static void
print_rule(struct leat_buf *out, const struct acl_rule *r)
{
	const char *comma = "";

	(void)leat_buf_add_str(out, r->permission == ACL_ALLOW ? "allow " :
	    "deny ");
	if (strcmp(r->principal, "User:*") == 0)
		(void)leat_buf_add_str(out, "User:*");
	else
		print_word(out, r->principal);
	(void)leat_buf_add_byte(out, ' ');
	for (int op = ACL_ALL; op < ACL_OPERATION_N; op++) {
		if ((r->ops & BIT(op)) == 0)
			continue;
		(void)leat_buf_printf(out, "%s%s", comma, operations[op]);
		comma = ",";
	}
	(void)leat_buf_printf(out, " %s", resources[r->resource].name);
	if (r->resource != ACL_CLUSTER) {
		(void)leat_buf_add_byte(out, ' ');
		if (strcmp(r->name, "*") == 0)
			(void)leat_buf_add_byte(out, '*');
		else
			print_word(out, r->name);
		if (r->pattern == ACL_PREFIXED)
			(void)leat_buf_add_byte(out, '*');
	}
	if (strcmp(r->host, "*") != 0)
		(void)leat_buf_printf(out, " from %s", r->host);
}

/* The comment behind a rule, with its #. */
static struct leat_str
comment_of(struct leat_str raw)
{
	bool quoted = false;

	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] == '\\' && quoted)
			i++;
		else if (raw.ptr[i] == '"')
			quoted = !quoted;
		else if (raw.ptr[i] == '#' && !quoted && i > 0 &&
		    (raw.ptr[i - 1] == ' ' || raw.ptr[i - 1] == '\t'))
			return (struct leat_str){ raw.ptr + i, raw.len - i };
	}
	return (struct leat_str){ NULL, 0 };
}

int
acl_rules_print(const struct acl_rules *rules, struct leat_buf *out)
{
	struct leat_str rest = { rules->text, rules->text_len }, raw, note;
	const struct acl_rule *r;
	int32_t number = 0;
	size_t i = 0;

	while (rest.len > 0) {
		raw = leat_str_cut(&rest, '\n');
		number++;
		r = i < rules->n && rules->list[i].line == number ?
		    &rules->list[i++] : NULL;
		if (r != NULL && r->ops == 0)
			continue;
		if (r == NULL || !r->changed) {
			(void)leat_buf_add(out, raw.ptr, raw.len);
		} else {
			print_rule(out, r);
			note = comment_of(raw);
			if (note.len > 0)
				(void)leat_buf_printf(out, " %.*s",
				    (int)note.len, note.ptr);
		}
		(void)leat_buf_add_byte(out, '\n');
	}
	for (; i < rules->n; i++) {
		if (rules->list[i].ops == 0)
			continue;
		print_rule(out, &rules->list[i]);
		(void)leat_buf_add_byte(out, '\n');
	}
	return out->failed ? LEAT_E_LIMIT : 0;
}
