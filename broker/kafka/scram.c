/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scram.c: keys by OpenSSL, and the messages of an exchange.
 */
#include "broker/kafka/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "core/base/obj.h"

static const struct {
	const char *name;
	size_t len;
	const EVP_MD *(*hash)(void);
} mechanisms[SCRAM_MECHANISM_N] = {
	[SCRAM_SHA_256] = { "SCRAM-SHA-256", 32, EVP_sha256 },
	[SCRAM_SHA_512] = { "SCRAM-SHA-512", 64, EVP_sha512 },
};

const char *
scram_name(enum scram_mechanism m)
{
	return mechanisms[m].name;
}

enum scram_mechanism
scram_mechanism_of(const char *name)
{
	for (int m = SCRAM_SHA_256; m < SCRAM_MECHANISM_N; m++)
		if (strcmp(mechanisms[m].name, name) == 0)
			return (enum scram_mechanism)m;
	return 0;
}

size_t
scram_key_len(enum scram_mechanism m)
{
	return mechanisms[m].len;
}

/* ------------------------------------------------------------------ keys */

int
scram_hmac(enum scram_mechanism m, const void *key, size_t key_len,
    const void *p, size_t len, uint8_t ret[SCRAM_KEY_MAX])
{
	return HMAC(mechanisms[m].hash(), key, (int)key_len, p, len, ret,
	    NULL) == NULL ? -1 : 0;
}

int
scram_derive_salted(struct scram_credential *c, const uint8_t *salted)
{
	uint8_t client_key[SCRAM_KEY_MAX];
	size_t len = mechanisms[c->mechanism].len;
	int rc = -1;

	if (scram_hmac(c->mechanism, salted, len, "Client Key", 10,
	    client_key) == 0 &&
	    EVP_Digest(client_key, len, c->stored_key, NULL,
	    mechanisms[c->mechanism].hash(), NULL) == 1)
		rc = scram_hmac(c->mechanism, salted, len, "Server Key", 10,
		    c->server_key);
	OPENSSL_cleanse(client_key, sizeof(client_key));
	return rc;
}

int
scram_derive(struct scram_credential *c, struct leat_str password)
{
	uint8_t salted[SCRAM_KEY_MAX];
	int rc = -1;

	if (PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, c->salt,
	    (int)c->salt_len, c->iterations, mechanisms[c->mechanism].hash(),
	    (int)mechanisms[c->mechanism].len, salted) == 1)
		rc = scram_derive_salted(c, salted);
	OPENSSL_cleanse(salted, sizeof(salted));
	return rc;
}

int
scram_make(enum scram_mechanism m, int32_t iterations,
    struct leat_str password, struct scram_credential *ret_c,
    struct leat_err *err)
{
	struct scram_credential c = { .mechanism = m,
		.iterations = iterations,
		.salt_len = SCRAM_SALT_BYTES };

	if (RAND_bytes(c.salt, SCRAM_SALT_BYTES) != 1 ||
	    scram_derive(&c, password) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "OpenSSL cannot derive a key");
	*ret_c = c;
	return 0;
}

bool
scram_password_fits(const struct scram_credential *c,
    struct leat_str password)
{
	struct scram_credential tried = *c;
	bool fits;

	fits = scram_derive(&tried, password) == 0 &&
	    CRYPTO_memcmp(tried.stored_key, c->stored_key,
	    mechanisms[c->mechanism].len) == 0;
	OPENSSL_cleanse(&tried, sizeof(tried));
	return fits;
}

/* ------------------------------------------------------------------ text */

/* Appends base64 and its NUL; the end. */
static char *
put_base64(char *to, const void *p, size_t len)
{
	leat_base64_encode(to, p, len);
	to += leat_base64_len(len);
	*to = '\0';
	return to;
}

void
scram_encode(const struct scram_credential *c, char to[SCRAM_TEXT_MAX])
{
	size_t len = mechanisms[c->mechanism].len;
	char *p = to;

	p += snprintf(to, SCRAM_TEXT_MAX, "%s$%d:",
	    mechanisms[c->mechanism].name, c->iterations);
	p = put_base64(p, c->salt, c->salt_len);
	*p++ = '$';
	p = put_base64(p, c->stored_key, len);
	*p++ = ':';
	(void)put_base64(p, c->server_key, len);
}

/* Base64 of min to max bytes; their number, or -1. */
static int64_t
get_base64(struct leat_str text, size_t min, size_t max, uint8_t *to)
{
	uint8_t room[SCRAM_KEY_MAX + 3];
	int64_t n;

	if (text.len > leat_base64_len(max))
		return -1;
	n = leat_base64_decode(room, text.ptr, text.len);
	if (n < (int64_t)min || n > (int64_t)max)
		return -1;
	memcpy(to, room, (size_t)n);
	OPENSSL_cleanse(room, sizeof(room));
	return n;
}

int
scram_decode(struct leat_str text, struct scram_credential *ret_c,
    const char **ret_why)
{
	struct scram_credential c = { 0 };
	struct leat_str part, keys;
	char name[16];
	int64_t n;
	size_t len;

	part = leat_str_cut(&text, '$');
	(void)snprintf(name, sizeof(name), "%.*s", (int)MIN(part.len, 15),
	    part.ptr);
	if ((c.mechanism = scram_mechanism_of(name)) == 0 ||
	    part.len != strlen(scram_name(c.mechanism))) {
		*ret_why = "want SCRAM-SHA-256$, SCRAM-SHA-512$ or PLAIN$";
		return -1;
	}
	len = mechanisms[c.mechanism].len;
	part = leat_str_cut(&text, ':');
	if (leat_parse_i64(part, SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX,
	    &n) < 0) {
		*ret_why = "the iterations are no number from 4096 to 1000000";
		return -1;
	}
	c.iterations = (int32_t)n;
	part = leat_str_cut(&text, '$');
	n = get_base64(part, SCRAM_SALT_MIN, SCRAM_SALT_MAX, c.salt);
	if (n < 0) {
		*ret_why = "the salt is not base64 of 1 to 64 bytes";
		return -1;
	}
	c.salt_len = (size_t)n;
	keys = leat_str_cut(&text, ':');
	if (get_base64(keys, len, len, c.stored_key) < 0 ||
	    get_base64(text, len, len, c.server_key) < 0) {
		*ret_why = "the keys are not base64 of the hash's size";
		return -1;
	}
	*ret_c = c;
	return 0;
}

/* -------------------------------------------------------------- messages */

/* "=2C" is a comma and "=3D" an equals sign. 0 or -1. */
static int
decode_name(struct leat_str text, char to[SCRAM_NAME_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '=') {
			if (text.len - i < 3)
				return -1;
			if (memcmp(text.ptr + i, "=2C", 3) == 0)
				c = ',';
			else if (memcmp(text.ptr + i, "=3D", 3) != 0)
				return -1;
			i += 2;
		}
		if (c == '\0' || n == SCRAM_NAME_MAX)
			return -1;
		to[n++] = c;
	}
	to[n] = '\0';
	return n > 0 ? 0 : -1;
}

/* The value of the attribute that must come next. 0 or -1. */
static int
attribute(struct leat_str *rest, char name, struct leat_str *ret_value)
{
	struct leat_str part = leat_str_cut(rest, ',');

	if (part.len < 2 || part.ptr[0] != name || part.ptr[1] != '=')
		return -1;
	*ret_value = (struct leat_str){ part.ptr + 2, part.len - 2 };
	return 0;
}

static bool
nonce_valid(struct leat_str nonce)
{
	if (nonce.len == 0 || nonce.len > SCRAM_NONCE_MAX)
		return false;
	for (size_t i = 0; i < nonce.len; i++)
		if (nonce.ptr[i] < 0x21 || nonce.ptr[i] > 0x7e ||
		    nonce.ptr[i] == ',')
			return false;
	return true;
}

/* "n,," in front: no channel binding, and nobody but oneself to act as. */
static int
take_gs2(struct scram_exchange *x, struct leat_str *msg, char *authzid,
    const char **ret_why)
{
	struct leat_str rest = *msg, flag, who;
	size_t len;

	flag = leat_str_cut(&rest, ',');
	who = leat_str_cut(&rest, ',');
	if (flag.len != 1 || (flag.ptr[0] != 'n' && flag.ptr[0] != 'y')) {
		*ret_why = "channel binding is not supported";
		return -1;
	}
	len = (size_t)(rest.ptr - msg->ptr);
	authzid[0] = '\0';
	if (len >= sizeof(x->gs2) || (who.len > 0 && (who.len < 3 ||
	    memcmp(who.ptr, "a=", 2) != 0 ||
	    decode_name((struct leat_str){ who.ptr + 2, who.len - 2 },
	    authzid) < 0))) {
		*ret_why = "malformed first message";
		return -1;
	}
	/* The header comes back in the final message. */
	memcpy(x->gs2, msg->ptr, len);
	x->gs2[len] = '\0';
	*msg = rest;
	return 0;
}

int
scram_first(struct scram_exchange *x, enum scram_mechanism m,
    struct leat_str msg, const char **ret_why)
{
	char authzid[SCRAM_NAME_MAX + 1];
	struct leat_str rest, user, nonce;

	*x = (struct scram_exchange){ .mechanism = m };
	*ret_why = "malformed first message";
	if (memchr(msg.ptr, '\0', msg.len) != NULL ||
	    take_gs2(x, &msg, authzid, ret_why) < 0)
		return -1;
	rest = msg;
	*ret_why = "malformed first message";
	if (msg.len >= sizeof(x->first_bare) ||
	    attribute(&rest, 'n', &user) < 0 ||
	    attribute(&rest, 'r', &nonce) < 0 || !nonce_valid(nonce) ||
	    decode_name(user, x->user) < 0 ||
	    !leat_utf8_valid(x->user, strlen(x->user)))
		return -1;
	if (authzid[0] != '\0' && strcmp(authzid, x->user) != 0) {
		*ret_why = "nobody may act as somebody else";
		return -1;
	}
	memcpy(x->first_bare, msg.ptr, msg.len);
	x->first_bare[msg.len] = '\0';
	memcpy(x->nonce, nonce.ptr, nonce.len);
	x->nonce[nonce.len] = '\0';
	return 0;
}

void
scram_challenge(struct scram_exchange *x, const char *server_nonce,
    char out[SCRAM_OUT_MAX])
{
	char salt[SCRAM_SALT_MAX * 2];
	size_t len = strlen(x->nonce);

	(void)snprintf(x->nonce + len, sizeof(x->nonce) - len, "%s",
	    server_nonce);
	(void)put_base64(salt, x->credential.salt, x->credential.salt_len);
	(void)snprintf(x->server_first, sizeof(x->server_first),
	    "r=%s,s=%s,i=%d", x->nonce, salt, x->credential.iterations);
	memcpy(out, x->server_first, sizeof(x->server_first));
}

/* Does c= repeat the header of the first message? */
static bool
binding_fits(const struct scram_exchange *x, struct leat_str value)
{
	char header[SCRAM_OUT_MAX + 3];
	int64_t n;

	if (value.len > leat_base64_len(sizeof(x->gs2)))
		return false;
	n = leat_base64_decode(header, value.ptr, value.len);
	return n >= 0 && leat_str_eq_c((struct leat_str){ header, (size_t)n },
	    x->gs2);
}

static bool
proof_fits(const struct scram_exchange *x, const char *message,
    const uint8_t *proof)
{
	const struct scram_credential *c = &x->credential;
	uint8_t key[SCRAM_KEY_MAX], hash[SCRAM_KEY_MAX];
	size_t len = mechanisms[x->mechanism].len;
	bool fits = false;

	if (scram_hmac(x->mechanism, c->stored_key, len, message,
	    strlen(message), key) == 0) {
		for (size_t i = 0; i < len; i++)
			key[i] ^= proof[i];
		fits = EVP_Digest(key, len, hash, NULL,
		    mechanisms[x->mechanism].hash(), NULL) == 1 &&
		    CRYPTO_memcmp(hash, c->stored_key, len) == 0;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return fits && x->known;
}

int
scram_final(struct scram_exchange *x, struct leat_str msg,
    char out[SCRAM_OUT_MAX], const char **ret_why)
{
	uint8_t proof[SCRAM_KEY_MAX], signature[SCRAM_KEY_MAX];
	size_t len = mechanisms[x->mechanism].len, without;
	struct leat_str rest = msg, binding, nonce, value = { 0 };
	char message[4 * SCRAM_OUT_MAX];

	*ret_why = "malformed final message";
	if (memchr(msg.ptr, '\0', msg.len) != NULL ||
	    msg.len > SCRAM_OUT_MAX || attribute(&rest, 'c', &binding) < 0 ||
	    attribute(&rest, 'r', &nonce) < 0)
		return -1;
	/* The proof is the last one; extensions may come before it. */
	without = (size_t)(rest.ptr - msg.ptr);
	while (rest.len > 0) {
		without = (size_t)(rest.ptr - msg.ptr);
		value = leat_str_cut(&rest, ',');
	}
	if (value.len < 2 || memcmp(value.ptr, "p=", 2) != 0 ||
	    get_base64((struct leat_str){ value.ptr + 2, value.len - 2 }, len,
	    len, proof) < 0)
		return -1;
	/*
	 * librdkafka up to 2.3 puts its own nonce in front once more; the proof
	 * covers what it sent.
	 */
	if (!binding_fits(x, binding) || !leat_str_ends(nonce, x->nonce)) {
		*ret_why = "the final message is of another exchange";
		return -1;
	}
	(void)snprintf(message, sizeof(message), "%s,%s,%.*s", x->first_bare,
	    x->server_first, (int)(without - 1), msg.ptr);
	*ret_why = "wrong user or password";
	if (!proof_fits(x, message, proof) ||
	    scram_hmac(x->mechanism, x->credential.server_key, len, message,
	    strlen(message), signature) < 0)
		return -1;
	out[0] = 'v';
	out[1] = '=';
	(void)put_base64(out + 2, signature, len);
	return 0;
}
