/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_acls.c: DescribeAcls, CreateAcls and DeleteAcls: the ACL file through the
 * eyes of Kafka's tools, which know a rule for each single operation.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/kafka/access.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/log.h"
#include "core/base/obj.h"

/* Kafka's numbers for what only filters know. */
enum { ANY = 1, PATTERN_MATCH = 2, PERMISSION_ALLOW = 3 };

static const struct logger lg = { "kafka", NULL, -1 };

static const char no_rules[] = "There is no ACL file (broker.acl.file)";

struct filter {
	int8_t resource, pattern, op, permission;
	const char *name, *principal, *host;	/* NULL: any */
};

/* One operation of a rule. */
struct binding {
	const struct acl_rule *rule;
	enum acl_operation op;
};

struct bindings {
	struct binding *list;
	size_t n, cap;
};

static void
decode_filter(struct kafka_in *in, struct filter *f)
{
	f->resource = kin_i8(in);
	f->name = kin_str_null(in);
	f->pattern = kin_i8(in);
	f->principal = kin_str_null(in);
	f->host = kin_str_null(in);
	f->op = kin_i8(in);
	f->permission = kin_i8(in);
	kin_tags(in);
}

static bool
filter_valid(const struct filter *f)
{
	return f->resource >= ANY && f->pattern >= ANY &&
	    f->pattern <= ACL_PREFIXED && f->op >= ANY &&
	    f->permission >= ANY && f->permission <= PERMISSION_ALLOW;
}

/* Would the rule apply to a resource of this name? */
static bool
rule_covers(const struct acl_rule *r, const char *name)
{
	if (r->pattern == ACL_PREFIXED)
		return strncmp(name, r->name, strlen(r->name)) == 0;
	return strcmp(r->name, "*") == 0 || strcmp(r->name, name) == 0;
}

static bool
name_fits(const struct filter *f, const struct acl_rule *r)
{
	if (f->pattern != ANY && f->pattern != PATTERN_MATCH &&
	    f->pattern != (int)r->pattern)
		return false;
	if (f->name == NULL)
		return true;
	return f->pattern == PATTERN_MATCH ? rule_covers(r, f->name) :
	    strcmp(f->name, r->name) == 0;
}

/* The operations of a rule that the filter is about. */
static uint32_t
filter_ops(const struct filter *f, const struct acl_rule *r)
{
	if ((f->resource != ANY && f->resource != (int)r->resource) ||
	    (f->permission != ANY && f->permission != (int)r->permission) ||
	    (f->principal != NULL && strcmp(f->principal, r->principal) !=
	    0) || (f->host != NULL && strcmp(f->host, r->host) != 0) ||
	    !name_fits(f, r))
		return 0;
	if (f->op == ANY)
		return r->ops;
	return f->op < ACL_OPERATION_N ? r->ops & (1u << f->op) : 0;
}

static int
add_binding(struct bindings *b, const struct acl_rule *r,
    enum acl_operation op)
{
	size_t cap = b->cap > 0 ? 2 * b->cap : 64;
	struct binding *more;

	if (b->n == b->cap) {
		more = realloc(b->list, cap * sizeof(*more));
		if (more == NULL)
			return -1;
		b->list = more;
		b->cap = cap;
	}
	b->list[b->n++] = (struct binding){ r, op };
	return 0;
}

static int
add_bindings(struct bindings *b, const struct acl_rule *r, uint32_t ops)
{
	for (int op = ACL_ALL; op < ACL_OPERATION_N; op++)
		if ((ops & (1u << op)) != 0 &&
		    add_binding(b, r, (enum acl_operation)op) < 0)
			return -1;
	return 0;
}

/* ---------------------------------------------------------- DescribeAcls */

static int
compare_resources(const struct acl_rule *x, const struct acl_rule *y)
{
	if (x->resource != y->resource)
		return x->resource < y->resource ? -1 : 1;
	if (x->pattern != y->pattern)
		return x->pattern < y->pattern ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
compare_bindings(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;
	int order = compare_resources(x->rule, y->rule);

	if (order != 0)
		return order;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return (int)x->op - (int)y->op;
}

static void
write_rule(struct kafka_out *out, const struct binding *b)
{
	kout_str(out, b->rule->principal);
	kout_str(out, b->rule->host);
	kout_i8(out, b->op);
	kout_i8(out, b->rule->permission);
}

static void
write_resource(struct kafka_out *out, const struct acl_rule *r)
{
	kout_i8(out, r->resource);
	kout_str(out, r->name);
	kout_i8(out, r->pattern);
}

static void
write_resources(struct kafka_out *out, struct bindings *b)
{
	size_t all = kout_array_begin(out), one, i = 0, first;
	int32_t n = 0;

	if (b->n > 1)
		qsort(b->list, b->n, sizeof(*b->list), compare_bindings);
	while (i < b->n) {
		first = i;
		write_resource(out, b->list[first].rule);
		one = kout_array_begin(out);
		for (; i < b->n && compare_resources(b->list[i].rule,
		    b->list[first].rule) == 0; i++) {
			write_rule(out, &b->list[i]);
			kout_tags(out);
		}
		kout_array_end(out, one, (int32_t)(i - first));
		kout_tags(out);
		n++;
	}
	kout_array_end(out, all, n);
}

struct describing {
	struct kafka_request *rq;
	struct filter filter;
};

/* The table may change once the rules are let go of: written at once. */
static int
describe(void *arg, struct acl_rules *rules, struct leat_err *err)
{
	struct describing *d = arg;
	struct kafka_out *out = &d->rq->out;
	struct bindings found = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < rules->n; i++)
		rc = add_bindings(&found, &rules->list[i],
		    filter_ops(&d->filter, &rules->list[i]));
	if (rc == 0) {
		kout_i16(out, KAFKA_NONE);
		kout_str_null(out, NULL);
		write_resources(out, &found);
	}
	free(found.list);
	return rc;
}

static void
write_no_resources(struct kafka_out *out, enum kafka_error error,
    const char *why)
{
	kout_i16(out, error);
	kout_str_null(out, why);
	kout_array(out, 0);
}

void
api_describe_acls(struct kafka_request *rq)
{
	struct describing d = { .rq = rq };
	struct access *a = rq->server->access;
	struct kafka_out *out = &rq->out;
	struct leat_err err = LEAT_ERR_INIT;

	decode_filter(&rq->in, &d.filter);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(out);
	if (!kafka_may(rq, ACL_DESCRIBE, ACL_CLUSTER, ACL_THE_CLUSTER))
		write_no_resources(out, KAFKA_CLUSTER_AUTHORIZATION_FAILED,
		    NULL);
	else if (!access_has_rules(a))
		write_no_resources(out, KAFKA_SECURITY_DISABLED, no_rules);
	else if (!filter_valid(&d.filter))
		write_no_resources(out, KAFKA_INVALID_REQUEST,
		    "The filter has an unknown kind");
	else if (access_read_rules(a, describe, &d, &err) < 0)
		write_no_resources(out, KAFKA_UNKNOWN_SERVER_ERROR,
		    "no memory");
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------------------ CreateAcls */

struct creation {
	struct acl_rule rule;
	enum kafka_error error;
	const char *why;
};

struct creating {
	struct creation *list;
	int32_t n;
	int32_t added;
};

static char *
text_of(struct kafka_in *in)
{
	const char *s = kin_str(in);
	char *copy = leat_arena_strdup(in->arena, s);

	if (copy == NULL)
		kin_fail(in, "no memory");
	return copy;
}

static void
decode_creation(struct kafka_in *in, struct creation *c)
{
	struct acl_rule *r = &c->rule;
	int8_t resource, pattern, op, permission;

	resource = kin_i8(in);
	r->name = text_of(in);
	pattern = kin_i8(in);
	r->principal = text_of(in);
	r->host = text_of(in);
	op = kin_i8(in);
	permission = kin_i8(in);
	kin_tags(in);
	if (!kin_ok(in))
		return;
	c->error = KAFKA_INVALID_REQUEST;
	c->why = "unknown resource, pattern, operation or permission";
	if (resource < ACL_TOPIC || resource >= ACL_RESOURCE_N ||
	    pattern < ACL_LITERAL || pattern > ACL_PREFIXED || op < ACL_ALL ||
	    op >= ACL_OPERATION_N || permission < ACL_DENY ||
	    permission > ACL_ALLOW)
		return;
	r->resource = (enum acl_resource)resource;
	r->pattern = (enum acl_pattern)pattern;
	r->ops = 1u << op;
	r->permission = (enum acl_permission)permission;
	c->why = acl_rule_check(r);
	if (c->why == NULL)
		c->error = KAFKA_NONE;
}

static int
create(void *arg, struct acl_rules *rules, struct leat_err *err)
{
	struct creating *all = arg;
	int rc = 1;

	for (int32_t i = 0; i < all->n; i++) {
		if (all->list[i].error != KAFKA_NONE)
			continue;
		rc = acl_rules_add(rules, &all->list[i].rule);
		if (rc < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG, rc,
			    "too many rules, or no memory");
		all->added++;
	}
	return rc;
}

static void
fail_creations(struct creating *all, enum kafka_error error,
    const char *why)
{
	for (int32_t i = 0; i < all->n; i++)
		if (all->list[i].error == KAFKA_NONE)
			all->list[i] = (struct creation){ .error = error,
				.why = why };
}

void
api_create_acls(struct kafka_request *rq)
{
	struct access *a = rq->server->access;
	struct kafka_out *out = &rq->out;
	struct leat_err err = LEAT_ERR_INIT;
	struct creating all = { 0 };

	all.n = kin_array(&rq->in);
	all.list = KIN_CALLOC(&rq->in, all.n, struct creation);
	for (int32_t i = 0; i < all.n && kin_ok(&rq->in); i++)
		decode_creation(&rq->in, &all.list[i]);
	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	if (!kafka_may(rq, ACL_ALTER, ACL_CLUSTER, ACL_THE_CLUSTER))
		fail_creations(&all, KAFKA_CLUSTER_AUTHORIZATION_FAILED, NULL);
	else if (!access_has_rules(a))
		fail_creations(&all, KAFKA_SECURITY_DISABLED, no_rules);
	else if (access_change_rules(a, create, &all, &err) < 0)
		fail_creations(&all, KAFKA_UNKNOWN_SERVER_ERROR, err.text);
	else if (all.added > 0)
		log_notice(&lg, "rules were added", "principal=%s n=%d",
		    rq->peer->principal, all.added);
	kout_throttle(out);
	kout_array(out, all.n);
	for (int32_t i = 0; i < all.n; i++) {
		kout_i16(out, all.list[i].error);
		kout_str_null(out, all.list[i].why);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------------------ DeleteAcls */

struct deleting {
	struct kafka_request *rq;
	struct filter *filters;
	int32_t n;
	size_t deleted;
};

static void
write_deleted(struct kafka_out *out, struct bindings *b)
{
	kout_i16(out, KAFKA_NONE);
	kout_str_null(out, NULL);
	kout_array(out, (int32_t)b->n);
	for (size_t i = 0; i < b->n; i++) {
		kout_i16(out, KAFKA_NONE);
		kout_str_null(out, NULL);
		write_resource(out, b->list[i].rule);
		write_rule(out, &b->list[i]);
		kout_tags(out);
	}
	kout_tags(out);
}

static void
write_not_deleted(struct kafka_out *out, enum kafka_error error,
    const char *why)
{
	kout_i16(out, error);
	kout_str_null(out, why);
	kout_array(out, 0);
	kout_tags(out);
}

/* What one filter is about goes, and is told. 0 or -1. */
static int
delete_one(struct deleting *d, struct acl_rules *rules,
    const struct filter *f)
{
	struct bindings gone = { 0 };
	uint32_t ops;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < rules->n; i++) {
		ops = filter_ops(f, &rules->list[i]);
		rc = add_bindings(&gone, &rules->list[i], ops);
		acl_rule_remove(&rules->list[i], ops);
	}
	if (rc == 0)
		write_deleted(&d->rq->out, &gone);
	d->deleted += gone.n;
	free(gone.list);
	return rc;
}

static int
drop(void *arg, struct acl_rules *rules, struct leat_err *err)
{
	struct deleting *d = arg;

	for (int32_t i = 0; i < d->n; i++) {
		if (!filter_valid(&d->filters[i]))
			write_not_deleted(&d->rq->out, KAFKA_INVALID_REQUEST,
			    "The filter has an unknown kind");
		else if (delete_one(d, rules, &d->filters[i]) < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, -1,
			    "no memory");
	}
	return d->deleted > 0 ? 0 : 1;
}

static void
fail_deletions(struct deleting *d, enum kafka_error error, const char *why)
{
	for (int32_t i = 0; i < d->n; i++)
		write_not_deleted(&d->rq->out, error, why);
}

void
api_delete_acls(struct kafka_request *rq)
{
	struct deleting d = { .rq = rq };
	struct access *a = rq->server->access;
	struct kafka_out *out = &rq->out;
	struct leat_err err = LEAT_ERR_INIT;
	size_t at;

	d.n = kin_array(&rq->in);
	d.filters = KIN_CALLOC(&rq->in, d.n, struct filter);
	for (int32_t i = 0; i < d.n && kin_ok(&rq->in); i++)
		decode_filter(&rq->in, &d.filters[i]);
	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(out);
	kout_array(out, d.n);
	at = out->buf.len;
	if (!kafka_may(rq, ACL_ALTER, ACL_CLUSTER, ACL_THE_CLUSTER)) {
		fail_deletions(&d, KAFKA_CLUSTER_AUTHORIZATION_FAILED, NULL);
	} else if (!access_has_rules(a)) {
		fail_deletions(&d, KAFKA_SECURITY_DISABLED, no_rules);
	} else if (access_change_rules(a, drop, &d, &err) < 0) {
		/* What was said of them is void. */
		out->buf.len = at;
		fail_deletions(&d, KAFKA_UNKNOWN_SERVER_ERROR, err.text);
	} else if (d.deleted > 0) {
		log_notice(&lg, "rules were taken away", "principal=%s n=%zu",
		    rq->peer->principal, d.deleted);
	}
	kout_tags(out);
	kafka_reply(rq);
}
