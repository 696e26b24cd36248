/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl.h: a login under way: PLAIN (RFC 4616) or SCRAM, token by token.
 */
#ifndef LEAT_BROKER_KAFKA_SASL_H
#define LEAT_BROKER_KAFKA_SASL_H

#include <leat/str.h>

#include "broker/kafka/access.h"

enum sasl_state {
	SASL_GOING,		/* the answer asks for another token */
	SASL_DONE,		/* `user` is who it says */
	SASL_FAILED		/* `why` says why; for good */
};

struct sasl;

/*
 * Begins a login by a mechanism that is offered. raw: its tokens come without
 * Kafka's header. NULL: no memory.
 */
struct sasl *sasl_new(struct access *a, const char *mechanism, bool raw);
void sasl_free(struct sasl *s);	/* wipes it; accepts NULL */
bool sasl_is_raw(const struct sasl *s);

/*
 * Takes the client's next token. May take some milliseconds: PLAIN derives keys
 * from the password. Not for an I/O thread.
 */
enum sasl_state sasl_step(struct sasl *s, struct leat_str token);
/* What fits otherwise is refused for another reason (a constant). */
void sasl_refuse(struct sasl *s, const char *why);
enum sasl_state sasl_state(const struct sasl *s);
/* Of the last step: what to answer, which lives as long as the login. */
struct leat_str sasl_answer(const struct sasl *s);
/* Who it is, or wants to be: "" while it is not known. */
const char *sasl_user(const struct sasl *s);
const char *sasl_mechanism(const struct sasl *s);
const char *sasl_why(const struct sasl *s);

#endif
