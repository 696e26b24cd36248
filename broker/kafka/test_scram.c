/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_scram.c: the vectors of RFC 5802's successors, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/kafka/scram.h"
#include "core/base/obj.h"

/* The example of RFC 7677, and one for the longer hash with the same words. */
static const struct vector {
	enum scram_mechanism mechanism;
	const char *client_nonce, *server_nonce, *salt;
	const char *proof, *signature;
} vectors[] = {
	{ SCRAM_SHA_256, "rOprNGfwEbeRWgbNEkqO",
	    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==",
	    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	{ SCRAM_SHA_512, "rOprNGfwEbeRWgbNEkqO",
	    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==",
	    "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw"
	    "+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
	    "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0v"
	    "SVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==" },
};

static struct scram_credential
credential_of(const struct vector *v, const char *password)
{
	struct scram_credential c = { .mechanism = v->mechanism,
		.iterations = 4096 };
	uint8_t salt[32];

	c.salt_len = (size_t)leat_base64_decode(salt, v->salt,
	    strlen(v->salt));
	memcpy(c.salt, salt, c.salt_len);
	assert_int_equal(scram_derive(&c, leat_str_c(password)), 0);
	return c;
}

/* The exchange up to the challenge. */
static void
challenge(struct scram_exchange *x, const struct vector *v)
{
	char first[128], out[SCRAM_OUT_MAX], want[256];
	const char *why = "";

	(void)snprintf(first, sizeof(first), "n,,n=user,r=%s",
	    v->client_nonce);
	assert_int_equal(scram_first(x, v->mechanism, leat_str_c(first),
	    &why), 0);
	assert_string_equal(x->user, "user");
	x->known = true;
	x->credential = credential_of(v, "pencil");
	scram_challenge(x, v->server_nonce, out);
	(void)snprintf(want, sizeof(want), "r=%s%s,s=%s,i=4096",
	    v->client_nonce, v->server_nonce, v->salt);
	assert_string_equal(out, want);
}

static void
the_rfcs_example(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		char last[512], out[SCRAM_OUT_MAX];
		struct scram_exchange x;
		const char *why = "";

		challenge(&x, v);
		(void)snprintf(last, sizeof(last), "c=biws,r=%s%s,p=%s",
		    v->client_nonce, v->server_nonce, v->proof);
		if (scram_final(&x, leat_str_c(last), out, &why) < 0)
			fail_msg("%s", why);
		assert_string_equal(out + 2, v->signature);
		assert_memory_equal(out, "v=", 2);
	}
}

static void
a_stranger_is_refused_at_the_end(void **state)
{
	const struct vector *v = &vectors[0];
	char last[512], out[SCRAM_OUT_MAX];
	struct scram_exchange x;
	const char *why = "";

	challenge(&x, v);
	x.known = false;
	(void)snprintf(last, sizeof(last), "c=biws,r=%s%s,p=%s",
	    v->client_nonce, v->server_nonce, v->proof);
	assert_int_equal(scram_final(&x, leat_str_c(last), out, &why), -1);
	assert_string_equal(why, "wrong user or password");
}

static void
first_messages_that_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "channel binding is not supported" },
		{ "p=tls-unique,,n=u,r=x",
		    "channel binding is not supported" },
		{ "n,,n=u", "malformed first message" },
		{ "n,,n=,r=x", "malformed first message" },
		{ "n,,n=u,r=", "malformed first message" },
		{ "n,,r=x,n=u", "malformed first message" },
		{ "n,,m=ext,n=u,r=x", "malformed first message" },
		{ "n,,n=a=b,r=x", "malformed first message" },
		{ "n,,n=a=2,r=x", "malformed first message" },
		{ "n,,n=u,r=a b", "malformed first message" },
		{ "n,b=u,n=u,r=x", "malformed first message" },
		{ "n,,n=\xff,r=x", "malformed first message" },
		{ "n,a=other,n=u,r=x", "nobody may act as somebody else" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scram_exchange x;
		const char *why = "";

		if (scram_first(&x, SCRAM_SHA_256, leat_str_c(rows[i].text),
		    &why) == 0)
			fail_msg("'%s' was taken", rows[i].text);
		assert_string_equal(why, rows[i].why);
	}
}

static void
names_are_unescaped_and_may_be_named_twice(void **state)
{
	struct scram_exchange x;
	const char *why = "";

	assert_int_equal(scram_first(&x, SCRAM_SHA_256,
	    LEAT_STR("y,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=x,ext=1"), &why), 0);
	assert_string_equal(x.user, "a,b=c");
	assert_string_equal(x.gs2, "y,a=a=2Cb=3Dc,");
	assert_string_equal(x.nonce, "x");
}

static void
final_messages_that_are_refused(void **state)
{
	static const char nonce[] =
	    "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	static const struct {
		const char *format, *why;
	} rows[] = {
		{ "", "malformed final message" },
		{ "c=biws", "malformed final message" },
		{ "c=biws,r=%s", "malformed final message" },
		{ "c=biws,r=%s,p=", "malformed final message" },
		{ "c=biws,r=%s,p=AAAA", "malformed final message" },
		{ "c=biws,r=%s,p=!zbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		    "malformed final message" },
		{ "c=eSws,r=%s,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		    "the final message is of another exchange" },
		{ "c=biws,r=%sx,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		    "the final message is of another exchange" },
		{ "c=biws,r=%s,p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		    "wrong user or password" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[SCRAM_OUT_MAX], text[512] = "";
		const char *at = strstr(rows[i].format, "%s"), *why = "";
		struct scram_exchange x;

		if (at == NULL)
			(void)snprintf(text, sizeof(text), "%s",
			    rows[i].format);
		else
			(void)snprintf(text, sizeof(text), "%.*s%s%s",
			    (int)(at - rows[i].format), rows[i].format, nonce,
			    at + 2);
		challenge(&x, &vectors[0]);
		if (scram_final(&x, leat_str_c(text), out, &why) == 0)
			fail_msg("'%s' was taken", text);
		assert_string_equal(why, rows[i].why);
	}
}

static void
credentials_are_written_and_read(void **state)
{
	for (int m = SCRAM_SHA_256; m < SCRAM_MECHANISM_N; m++) {
		struct scram_credential made, read;
		struct leat_err err = LEAT_ERR_INIT;
		char text[SCRAM_TEXT_MAX], again[SCRAM_TEXT_MAX];
		const char *why = "";

		assert_int_equal(scram_make((enum scram_mechanism)m, 4096,
		    LEAT_STR("s3cret"), &made, &err), 0);
		scram_encode(&made, text);
		assert_int_equal(scram_decode(leat_str_c(text), &read, &why),
		    0);
		scram_encode(&read, again);
		assert_string_equal(text, again);
		assert_true(scram_password_fits(&read, LEAT_STR("s3cret")));
		assert_false(scram_password_fits(&read, LEAT_STR("S3cret")));
		assert_false(scram_password_fits(&read, LEAT_STR("")));
	}
}

static void
credentials_that_are_refused(void **state)
{
	static const char keys[] =
	    "$QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=:"
	    "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
	static const struct {
		const char *text;
		bool keys;
		const char *why;
	} rows[] = {
		{ "MD5$x", false,
		    "want SCRAM-SHA-256$, SCRAM-SHA-512$ or PLAIN$" },
		{ "SCRAM-SHA-256-PLUS$4096:", false,
		    "want SCRAM-SHA-256$, SCRAM-SHA-512$ or PLAIN$" },
		{ "SCRAM-SHA-256$4095:W22ZaJ0SNY7soEsUEjb6gQ==", true,
		    "the iterations are no number from 4096 to 1000000" },
		{ "SCRAM-SHA-256$many:W22ZaJ0SNY7soEsUEjb6gQ==", true,
		    "the iterations are no number from 4096 to 1000000" },
		{ "SCRAM-SHA-256$4096:", true,
		    "the salt is not base64 of 1 to 64 bytes" },
		{ "SCRAM-SHA-256$4096:%%%%", true,
		    "the salt is not base64 of 1 to 64 bytes" },
		{ "SCRAM-SHA-512$4096:W22ZaJ0SNY7soEsUEjb6gQ==", true,
		    "the keys are not base64 of the hash's size" },
		{ "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==", false,
		    "the keys are not base64 of the hash's size" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scram_credential c;
		const char *why = "";
		char text[256];

		(void)snprintf(text, sizeof(text), "%s%s", rows[i].text,
		    rows[i].keys ? keys : "");
		if (scram_decode(leat_str_c(text), &c, &why) == 0)
			fail_msg("'%s' was taken", text);
		assert_string_equal(why, rows[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_example),
		cmocka_unit_test(a_stranger_is_refused_at_the_end),
		cmocka_unit_test(first_messages_that_are_refused),
		cmocka_unit_test(names_are_unescaped_and_may_be_named_twice),
		cmocka_unit_test(final_messages_that_are_refused),
		cmocka_unit_test(credentials_are_written_and_read),
		cmocka_unit_test(credentials_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
