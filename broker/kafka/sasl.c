/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl.c: a login's steps; see sasl.h.
 */
#include "broker/kafka/sasl.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum { NONCE_BYTES = 24, PASSWORD_MAX = 4096 };

static const char wrong[] = "wrong user or password";

struct sasl {
	struct access *access;
	const char *mechanism;
	enum scram_mechanism scram;	/* 0: PLAIN */
	enum sasl_state state;
	bool raw;
	bool challenged;		/* SCRAM: the final message is next */
	struct scram_exchange x;
	char user[SCRAM_NAME_MAX + 1];
	char out[SCRAM_OUT_MAX];
	const char *why;
};

struct sasl *
sasl_new(struct access *a, const char *mechanism, bool raw)
{
	struct sasl *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->access = a;
	s->raw = raw;
	s->why = "";
	s->scram = scram_mechanism_of(mechanism);
	s->mechanism = s->scram == 0 ? "PLAIN" : scram_name(s->scram);
	return s;
}

void
sasl_free(struct sasl *s)
{
	if (s == NULL)
		return;
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

static enum sasl_state
fail(struct sasl *s, const char *why)
{
	s->why = why;
	s->out[0] = '\0';
	return s->state = SASL_FAILED;
}

/* ----------------------------------------------------------------- PLAIN */

/* Takes the same time whether there is such a user or not. */
static bool
password_fits(struct sasl *s, struct leat_str password)
{
	struct users *users = access_users(s->access);
	const struct user *u = users_find(users, s->user);
	struct scram_credential made_up;
	const struct scram_credential *c = &made_up;
	bool fits;

	access_made_up(s->access, s->user, SCRAM_SHA_256, &made_up);
	for (int m = SCRAM_MECHANISM_N - 1; u != NULL && m > 0; m--)
		if (u->scram[m].mechanism != 0)
			c = &u->scram[m];
	fits = scram_password_fits(c, password) && c != &made_up;
	if (u != NULL && u->password != NULL)
		fits = fits || (strlen(u->password) == password.len &&
		    CRYPTO_memcmp(u->password, password.ptr,
		    password.len) == 0);
	OPENSSL_cleanse(&made_up, sizeof(made_up));
	users_put(users);
	return fits;
}

/* authzid NUL user NUL password */
static enum sasl_state
step_plain(struct sasl *s, struct leat_str token)
{
	struct leat_str rest = token, authzid, user;

	authzid = leat_str_cut(&rest, '\0');
	user = leat_str_cut(&rest, '\0');
	if (user.len == 0 || user.len > SCRAM_NAME_MAX || rest.len == 0 ||
	    rest.len > PASSWORD_MAX || memchr(rest.ptr, '\0', rest.len) !=
	    NULL || !leat_utf8_valid(user.ptr, user.len))
		return fail(s, "malformed token");
	memcpy(s->user, user.ptr, user.len);
	s->user[user.len] = '\0';
	if (authzid.len > 0 && !leat_str_eq(authzid, user))
		return fail(s, "nobody may act as somebody else");
	if (!password_fits(s, rest))
		return fail(s, wrong);
	return s->state = SASL_DONE;
}

/* ----------------------------------------------------------------- SCRAM */

static enum sasl_state
step_first(struct sasl *s, struct leat_str token)
{
	uint8_t bytes[NONCE_BYTES];
	char nonce[NONCE_BYTES * 2];
	struct users *users;
	const struct user *u;
	const char *why;

	if (scram_first(&s->x, s->scram, token, &why) < 0)
		return fail(s, why);
	memcpy(s->user, s->x.user, sizeof(s->user));
	if (RAND_bytes(bytes, NONCE_BYTES) != 1)
		return fail(s, "no random bytes");
	leat_base64_encode(nonce, bytes, NONCE_BYTES);
	nonce[leat_base64_len(NONCE_BYTES)] = '\0';
	users = access_users(s->access);
	u = users_find(users, s->user);
	s->x.known = u != NULL && u->scram[s->scram].mechanism != 0;
	access_made_up(s->access, s->user, s->scram, &s->x.credential);
	if (s->x.known)
		s->x.credential = u->scram[s->scram];
	users_put(users);
	scram_challenge(&s->x, nonce, s->out);
	s->challenged = true;
	return s->state;
}

static enum sasl_state
step_final(struct sasl *s, struct leat_str token)
{
	const char *why;

	if (scram_final(&s->x, token, s->out, &why) < 0)
		return fail(s, why);
	OPENSSL_cleanse(&s->x, sizeof(s->x));
	return s->state = SASL_DONE;
}

/* ------------------------------------------------------------------- all */

enum sasl_state
sasl_step(struct sasl *s, struct leat_str token)
{
	if (s->state != SASL_GOING)
		return fail(s, "the login is over");
	if (token.len == 0)
		return fail(s, "empty token");
	if (s->scram == 0)
		return step_plain(s, token);
	return s->challenged ? step_final(s, token) : step_first(s, token);
}

void
sasl_refuse(struct sasl *s, const char *why)
{
	(void)fail(s, why);
}

bool
sasl_is_raw(const struct sasl *s)
{
	return s->raw;
}

enum sasl_state
sasl_state(const struct sasl *s)
{
	return s->state;
}

struct leat_str
sasl_answer(const struct sasl *s)
{
	return leat_str_c(s->out);
}

const char *
sasl_user(const struct sasl *s)
{
	return s->user;
}

const char *
sasl_mechanism(const struct sasl *s)
{
	return s->mechanism;
}

const char *
sasl_why(const struct sasl *s)
{
	return s->why;
}
