/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scram.h: SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), the server's
 * side, without channel binding.
 *
 * A password is never kept: a credential holds what proves it. Names and
 * passwords are taken as UTF-8 bytes; they are not normalised.
 */
#ifndef LEAT_BROKER_KAFKA_SCRAM_H
#define LEAT_BROKER_KAFKA_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>
#include <leat/str.h>

/* By Kafka's numbers. */
enum scram_mechanism {
	SCRAM_SHA_256 = 1,
	SCRAM_SHA_512 = 2,
	SCRAM_MECHANISM_N
};

enum {
	SCRAM_KEY_MAX = 64,	/* bytes of the longest hash */
	SCRAM_SALT_MIN = 1,
	SCRAM_SALT_MAX = 64,
	SCRAM_SALT_BYTES = 24,	/* of the salts that we make */
	SCRAM_ITERATIONS_MIN = 4096,
	SCRAM_ITERATIONS_MAX = 1000000,
	SCRAM_NAME_MAX = 255,
	SCRAM_NONCE_MAX = 512,	/* of the client's part */
	SCRAM_OUT_MAX = 1024	/* of a message to the client, with a NUL */
};

struct scram_credential {
	enum scram_mechanism mechanism;
	int32_t iterations;
	uint8_t salt[SCRAM_SALT_MAX];
	size_t salt_len;
	uint8_t stored_key[SCRAM_KEY_MAX];
	uint8_t server_key[SCRAM_KEY_MAX];
};

/* "SCRAM-SHA-256" */
const char *scram_name(enum scram_mechanism m);
/* 0 when it is none of them. */
enum scram_mechanism scram_mechanism_of(const char *name);
/* Bytes of its hash. */
size_t scram_key_len(enum scram_mechanism m);

/* HMAC with the hash of a mechanism. 0, or -1 when OpenSSL fails. */
int scram_hmac(enum scram_mechanism m, const void *key, size_t key_len,
    const void *p, size_t len, uint8_t ret[SCRAM_KEY_MAX]);
/*
 * Makes a credential of a password: salt, iterations and mechanism stand in *c
 * already. Takes a while (about a millisecond per 4096 iterations). 0, or -1.
 */
int scram_derive(struct scram_credential *c, struct leat_str password);
/* The same of the salted password. */
int scram_derive_salted(struct scram_credential *c, const uint8_t *salted);
/* A new credential with a salt of its own. */
int scram_make(enum scram_mechanism m, int32_t iterations,
    struct leat_str password, struct scram_credential *ret_c,
    struct leat_err *err);
/* Is it this password? In the time of scram_derive. */
bool scram_password_fits(const struct scram_credential *c,
    struct leat_str password);

/*
 * "SCRAM-SHA-256$4096:salt$storedkey:serverkey", as PostgreSQL and others write
 * it: the text of a credential, at most SCRAM_TEXT_MAX bytes with the NUL.
 */
enum { SCRAM_TEXT_MAX = 320 };
void scram_encode(const struct scram_credential *c, char to[SCRAM_TEXT_MAX]);
/* 0, or -1 with a reason (a constant, which tells nothing secret). */
int scram_decode(struct leat_str text, struct scram_credential *ret_c,
    const char **ret_why);

/* ------------------------------------------------------------ an exchange */

struct scram_exchange {
	enum scram_mechanism mechanism;
	char user[SCRAM_NAME_MAX + 1];
	struct scram_credential credential;
	bool known;		/* else the credential is made up */
	char gs2[SCRAM_OUT_MAX];	/* the header of the first message */
	char first_bare[SCRAM_OUT_MAX];
	char server_first[SCRAM_OUT_MAX];
	char nonce[SCRAM_NONCE_MAX + 64];
};

/*
 * Reads the client's first message: x->user is then who it wants to be, whose
 * credential the caller looks up and puts into x. 0, or -1 with a reason.
 */
int scram_first(struct scram_exchange *x, enum scram_mechanism m,
    struct leat_str msg, const char **ret_why);
/*
 * Answers it, when x->credential and x->known are set. server_nonce is
 * printable text without a comma.
 */
void scram_challenge(struct scram_exchange *x, const char *server_nonce,
    char out[SCRAM_OUT_MAX]);
/*
 * Reads the client's final message and checks its proof. 0 with the answer to
 * it in out, or -1 with a reason: it is not the user.
 */
int scram_final(struct scram_exchange *x, struct leat_str msg,
    char out[SCRAM_OUT_MAX], const char **ret_why);

#endif
