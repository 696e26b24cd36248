/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_sasl.c: SaslHandshake and SaslAuthenticate: logging in.
 *
 * A token is looked at on the slow thread, since keys may have to be derived;
 * what follows from it happens on the I/O thread, which alone changes the peer.
 * A refused login is answered late, so that guessing is slow, and ends the
 * connection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/kafka/access.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "broker/kafka/sasl.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum { REFUSAL_DELAY_MS = 100 };

static const struct logger lg = { "kafka", NULL, -1 };

/* ------------------------------------------------------------- handshake */

static enum kafka_error
begin_login(struct kafka_request *rq, const char *mechanism)
{
	struct kafka_peer *peer = rq->peer;
	struct access *a = rq->server->access;

	/* Who is in may log in again, but not in the form without headers. */
	if (!access_needs_login(a) || (peer->authenticated &&
	    rq->version == 0))
		return KAFKA_ILLEGAL_SASL_STATE;
	sasl_free(TAKE(peer->sasl));
	if (!access_offers(a, mechanism))
		return KAFKA_UNSUPPORTED_SASL_MECHANISM;
	peer->sasl = sasl_new(a, mechanism, rq->version == 0);
	return peer->sasl == NULL ? KAFKA_UNKNOWN_SERVER_ERROR : KAFKA_NONE;
}

void
api_sasl_handshake(struct kafka_request *rq)
{
	const char *const *names = access_mechanisms(rq->server->access);
	struct kafka_out *out = &rq->out;
	const char *mechanism = kin_str(&rq->in);
	int32_t n = 0;

	if (!kafka_decoded(rq))
		return;
	kout_i16(out, begin_login(rq, mechanism));
	while (names[n] != NULL)
		n++;
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++)
		kout_str(out, names[i]);
	kafka_reply(rq);
}

/* ----------------------------------------------------------------- login */

static void
write_answer(struct kafka_request *rq, enum kafka_error error,
    const char *message, struct leat_str token)
{
	struct kafka_out *out = &rq->out;

	kout_i16(out, error);
	kout_str_null(out, message);
	kout_bytes(out, token.ptr, token.len);
	if (rq->version >= 1)
		kout_i64(out, 0);	/* a session without end */
	kout_tags(out);
	kafka_reply(rq);
}

static void
write_token(struct kafka_request *rq, struct leat_str token)
{
	(void)leat_buf_add(&rq->out.buf, token.ptr, token.len);
	kafka_reply(rq);
}

static bool
is_raw(const struct kafka_request *rq)
{
	return rq->api == &api_sasl_raw;
}

/* The end of a login that failed, when it was put off long enough. */
static void
refuse(struct kafka_request *rq)
{
	struct kafka_peer *peer = rq->peer;
	const char *why = leat_arena_printf(&rq->arena,
	    "Authentication failed: %s", sasl_why(peer->sasl));

	rq->parked = NULL;
	peer->refused = true;
	if (is_raw(rq))
		kafka_hang_up(rq, "login refused");
	else
		write_answer(rq, KAFKA_SASL_AUTHENTICATION_FAILED, why,
		    LEAT_STR(""));
}

static void
refuse_later(struct kafka_request *rq)
{
	struct sasl *s = rq->peer->sasl;

	log_warn(&lg, "login refused", "peer=%s user=%s mechanism=%s why=%s",
	    rq->peer->host, sasl_user(s), sasl_mechanism(s),
	    sasl_why(s));
	rq->parked = rq->peer;
	rq->resume = refuse;
	kafka_resume_after(rq, REFUSAL_DELAY_MS);
}

/* The user is who it says: the peer is now this user. 0 or -1. */
static int
let_in(struct kafka_request *rq)
{
	struct kafka_peer *peer = rq->peer;
	char *principal;

	if (asprintf(&principal, "User:%s", sasl_user(peer->sasl)) < 0)
		return -1;
	/* A second login is to renew the first one, not to change. */
	if (peer->authenticated && strcmp(principal, peer->principal) != 0) {
		free(principal);
		return -1;
	}
	free(peer->principal);
	peer->principal = principal;
	peer->authenticated = true;
	log_debug(&lg, "logged in", "peer=%s user=%s mechanism=%s",
	    peer->host, sasl_user(peer->sasl), sasl_mechanism(peer->sasl));
	return 0;
}

/* On the I/O thread, when a token has been looked at. */
static void
go_on(struct kafka_request *rq)
{
	struct kafka_peer *peer = rq->peer;
	struct leat_str token = sasl_answer(peer->sasl);
	char *copy;

	if (sasl_state(peer->sasl) == SASL_FAILED) {
		refuse_later(rq);
		return;
	}
	copy = leat_arena_strndup(&rq->arena, token.ptr, token.len);
	if (copy == NULL) {
		kafka_hang_up(rq, "no memory");
		return;
	}
	token.ptr = copy;
	if (sasl_state(peer->sasl) == SASL_DONE) {
		if (let_in(rq) < 0) {
			sasl_refuse(peer->sasl, "another user than before");
			refuse_later(rq);
			return;
		}
		sasl_free(TAKE(peer->sasl));
	}
	if (is_raw(rq))
		write_token(rq, token);
	else
		write_answer(rq, KAFKA_NONE, NULL, token);
}

static void
step(struct kafka_request *rq, struct leat_str token)
{
	(void)sasl_step(rq->peer->sasl, token);
	rq->resume = go_on;
	kafka_resume(rq);
}

void
api_sasl_authenticate(struct kafka_request *rq)
{
	struct leat_str token = kin_bytes(&rq->in);

	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	if (rq->peer->sasl == NULL)
		write_answer(rq, KAFKA_ILLEGAL_SASL_STATE,
		    "SaslHandshake comes first", LEAT_STR(""));
	else
		step(rq, token);
}

void
api_sasl_cancel(struct kafka_request *rq)
{
	if (rq->parked != NULL)
		refuse(rq);
}

/* --------------------------------------------- tokens without a header */

static void
raw_token(struct kafka_request *rq)
{
	step(rq, (struct leat_str){ (const char *)rq->frame, rq->frame_len });
}

const struct kafka_api api_sasl_raw = { .key = 36, .name = "a SASL token",
	.flexible = -1, .flags = API_SLOW | API_UNAUTHENTICATED,
	.handle = raw_token, .cancel = api_sasl_cancel };
