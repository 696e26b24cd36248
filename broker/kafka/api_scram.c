/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_scram.c: DescribeUserScramCredentials and AlterUserScramCredentials: the
 * users file for Kafka's tools.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "broker/kafka/access.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum { CHANGES_MAX = 1000 };	/* of one request */

static const struct logger lg = { "kafka", NULL, -1 };

static const char no_users[] =
    "There is no file of users (broker.sasl.users.file)";

/* --------------------------------------------------------------- describe */

static int32_t
count_scram(const struct user *u)
{
	int32_t n = 0;

	for (int m = SCRAM_SHA_256; u != NULL && m < SCRAM_MECHANISM_N; m++)
		n += u->scram[m].mechanism != 0;
	return n;
}

static void
write_user(struct kafka_out *out, const char *name, const struct user *u,
    enum kafka_error error)
{
	int32_t n = error == KAFKA_NONE ? count_scram(u) : 0;

	kout_str(out, name);
	kout_i16(out, error);
	kout_str_null(out, error == KAFKA_RESOURCE_NOT_FOUND ?
	    "no such user, or none with SCRAM" :
	    error == KAFKA_DUPLICATE_RESOURCE ? "asked for twice" : NULL);
	kout_array(out, n);
	for (int m = SCRAM_SHA_256; n > 0 && m < SCRAM_MECHANISM_N; m++) {
		if (u->scram[m].mechanism == 0)
			continue;
		kout_i8(out, m);
		kout_i32(out, u->scram[m].iterations);
		kout_tags(out);
	}
	kout_tags(out);
}

static int
compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Each of those that were asked for, in the order of names. */
static void
write_named(struct kafka_out *out, const struct users *users,
    const char **names, int32_t n)
{
	size_t at = kout_array_begin(out);
	int32_t written = 0;

	if (n > 1)
		qsort(names, (size_t)n, sizeof(*names), compare_names);
	for (int32_t i = 0; i < n; written++) {
		const struct user *u = users_find(users, names[i]);
		enum kafka_error error = count_scram(u) > 0 ? KAFKA_NONE :
		    KAFKA_RESOURCE_NOT_FOUND;
		int32_t first = i;

		while (i < n && strcmp(names[i], names[first]) == 0)
			i++;
		if (i - first > 1)
			error = KAFKA_DUPLICATE_RESOURCE;
		write_user(out, names[first], u, error);
	}
	kout_array_end(out, at, written);
}

static void
write_all(struct kafka_out *out, const struct users *users)
{
	size_t at = kout_array_begin(out);
	int32_t n = 0;

	for (size_t i = 0; i < users->n; i++) {
		if (count_scram(&users->list[i]) == 0)
			continue;
		write_user(out, users->list[i].name, &users->list[i],
		    KAFKA_NONE);
		n++;
	}
	kout_array_end(out, at, n);
}

void
api_describe_user_scram(struct kafka_request *rq)
{
	int32_t n = kin_array_null(&rq->in);
	const char **names = KIN_CALLOC(&rq->in, n, const char *);
	struct kafka_out *out = &rq->out;
	enum kafka_error error = KAFKA_NONE;
	struct users *users;

	for (int32_t i = 0; i < n && kin_ok(&rq->in); i++) {
		names[i] = kin_str(&rq->in);
		kin_tags(&rq->in);
	}
	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	users = access_users(rq->server->access);
	if (!kafka_may(rq, ACL_DESCRIBE, ACL_CLUSTER, ACL_THE_CLUSTER))
		error = KAFKA_CLUSTER_AUTHORIZATION_FAILED;
	else if (users == NULL)
		error = KAFKA_SECURITY_DISABLED;
	kout_throttle(out);
	kout_i16(out, error);
	kout_str_null(out, error == KAFKA_SECURITY_DISABLED ? no_users :
	    NULL);
	if (error != KAFKA_NONE)
		kout_array(out, 0);
	else if (n <= 0)
		write_all(out, users);
	else
		write_named(out, users, names, n);
	kout_tags(out);
	users_put(users);
	kafka_reply(rq);
}

/* ------------------------------------------------------------------ alter */

/* What a request wants of one credential. */
struct wish {
	const char *name;
	int8_t mechanism;
	struct scram_credential *set;	/* NULL: delete it */
	enum kafka_error error;
	const char *why;
};

struct wishes {
	struct wish *list;
	int32_t n;
};

static void
wish_fail(struct wish *w, enum kafka_error error, const char *why)
{
	if (w->error != KAFKA_NONE)
		return;
	w->error = error;
	w->why = why;
}

static void
decode_set(struct kafka_in *in, struct wish *w)
{
	struct scram_credential *c = KIN_CALLOC(in, 1,
	    struct scram_credential);
	struct leat_str salt, salted;
	int32_t iterations;

	w->name = kin_str(in);
	w->mechanism = kin_i8(in);
	iterations = kin_i32(in);
	salt = kin_bytes(in);
	salted = kin_bytes(in);
	kin_tags(in);
	if (!kin_ok(in) || w->mechanism < SCRAM_SHA_256 ||
	    w->mechanism >= SCRAM_MECHANISM_N)
		return;
	c->mechanism = (enum scram_mechanism)w->mechanism;
	c->iterations = iterations;
	c->salt_len = salt.len;
	w->set = c;
	if (iterations < SCRAM_ITERATIONS_MIN)
		wish_fail(w, KAFKA_UNACCEPTABLE_CREDENTIAL,
		    "too few iterations, below 4096");
	else if (iterations > SCRAM_ITERATIONS_MAX)
		wish_fail(w, KAFKA_UNACCEPTABLE_CREDENTIAL,
		    "too many iterations, above 1000000");
	else if (salt.len < SCRAM_SALT_MIN || salt.len > SCRAM_SALT_MAX)
		wish_fail(w, KAFKA_UNACCEPTABLE_CREDENTIAL,
		    "the salt has not 1 to 64 bytes");
	else if (salted.len != scram_key_len(c->mechanism))
		wish_fail(w, KAFKA_UNACCEPTABLE_CREDENTIAL,
		    "the salted password has not the size of the hash");
	if (w->error != KAFKA_NONE)
		return;
	memcpy(c->salt, salt.ptr, salt.len);
	if (scram_derive_salted(c, (const uint8_t *)salted.ptr) < 0)
		wish_fail(w, KAFKA_UNKNOWN_SERVER_ERROR,
		    "OpenSSL cannot derive a key");
}

static void
decode_alter(struct kafka_in *in, struct wishes *all)
{
	struct wish *list;
	int32_t n = kin_array(in), more;

	if (n > CHANGES_MAX)
		kin_fail(in, "more than 1000 changes");
	list = KIN_CALLOC(in, 2 * CHANGES_MAX, struct wish);
	for (; all->n < n && kin_ok(in); all->n++) {
		list[all->n].name = kin_str(in);
		list[all->n].mechanism = kin_i8(in);
		kin_tags(in);
	}
	more = kin_array(in);
	if (more > CHANGES_MAX)
		kin_fail(in, "more than 1000 changes");
	for (; all->n < n + more && kin_ok(in); all->n++)
		decode_set(in, &list[all->n]);
	kin_tags(in);
	all->list = list;
}

static void
check_wish(struct wish *w, const struct users *users)
{
	const struct user *u = users_find(users, w->name);
	const char *why = user_name_check(w->name);

	if (why != NULL)
		wish_fail(w, KAFKA_UNACCEPTABLE_CREDENTIAL, why);
	else if (w->mechanism < SCRAM_SHA_256 ||
	    w->mechanism >= SCRAM_MECHANISM_N)
		wish_fail(w, KAFKA_UNSUPPORTED_SASL_MECHANISM,
		    "unknown mechanism");
	else if (w->set == NULL && (u == NULL ||
	    u->scram[w->mechanism].mechanism == 0))
		wish_fail(w, KAFKA_RESOURCE_NOT_FOUND,
		    "no such user, or not with this mechanism");
}

static int
compare_wishes(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : x->mechanism - y->mechanism;
}

/* The first error of a user is that of all its wishes. */
static void
settle(struct wishes *all)
{
	struct wish *list = all->list;
	int32_t first = 0, i, k;

	if (all->n > 1)
		qsort(list, (size_t)all->n, sizeof(*list), compare_wishes);
	for (i = 1; i < all->n; i++)
		if (compare_wishes(&list[i - 1], &list[i]) == 0)
			wish_fail(&list[i], KAFKA_DUPLICATE_RESOURCE,
			    "two changes of the same credential");
	for (; first < all->n; first = i) {
		for (i = first; i < all->n &&
		    strcmp(list[i].name, list[first].name) == 0; i++)
			wish_fail(&list[first], list[i].error, list[i].why);
		for (k = first; k < i; k++)
			wish_fail(&list[k], list[first].error,
			    list[first].why);
	}
}

static void
fail_all(struct wishes *all, enum kafka_error error, const char *why)
{
	for (int32_t i = 0; i < all->n; i++)
		wish_fail(&all->list[i], error, why);
}

static void
carry_out(struct kafka_request *rq, struct wishes *all)
{
	struct user_change *changes = leat_arena_calloc(&rq->arena,
	    2 * CHANGES_MAX, sizeof(*changes));
	struct leat_err err = LEAT_ERR_INIT;
	size_t n = 0;

	if (changes == NULL) {
		fail_all(all, KAFKA_UNKNOWN_SERVER_ERROR, "no memory");
		return;
	}
	for (int32_t i = 0; i < all->n; i++) {
		const struct wish *w = &all->list[i];

		if (w->error == KAFKA_NONE)
			changes[n++] = (struct user_change){ .name = w->name,
				.mechanism = (enum scram_mechanism)w->mechanism,
				.set = w->set };
	}
	if (n == 0)
		return;
	if (access_change_users(rq->server->access, changes, n, &err) < 0)
		fail_all(all, KAFKA_UNKNOWN_SERVER_ERROR,
		    leat_arena_strdup(&rq->arena, err.text));
	else
		log_notice(&lg, "users were changed", "principal=%s n=%zu",
		    rq->peer->principal, n);
}

static void
write_wishes(struct kafka_out *out, const struct wishes *all)
{
	size_t at = kout_array_begin(out);
	int32_t n = 0;

	for (int32_t i = 0; i < all->n; i++) {
		const struct wish *w = &all->list[i];

		if (i > 0 && strcmp(w[-1].name, w->name) == 0)
			continue;
		kout_str(out, w->name);
		kout_i16(out, w->error);
		kout_str_null(out, w->why);
		kout_tags(out);
		n++;
	}
	kout_array_end(out, at, n);
}

void
api_alter_user_scram(struct kafka_request *rq)
{
	struct access *a = rq->server->access;
	struct users *users;
	struct wishes all = { 0 };

	decode_alter(&rq->in, &all);
	if (!kafka_decoded(rq))
		return;
	users = access_users(a);
	if (!kafka_may(rq, ACL_ALTER, ACL_CLUSTER, ACL_THE_CLUSTER))
		fail_all(&all, KAFKA_CLUSTER_AUTHORIZATION_FAILED, NULL);
	else if (users == NULL)
		fail_all(&all, KAFKA_SECURITY_DISABLED, no_users);
	for (int32_t i = 0; users != NULL && i < all.n; i++)
		check_wish(&all.list[i], users);
	users_put(users);
	settle(&all);
	carry_out(rq, &all);
	kout_throttle(&rq->out);
	write_wishes(&rq->out, &all);
	kout_tags(&rq->out);
	OPENSSL_cleanse(rq->frame, rq->frame_len);
	kafka_reply(rq);
}
