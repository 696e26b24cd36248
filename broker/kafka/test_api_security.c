/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SaslHandshake, SaslAuthenticate, the requests about ACLs and those about
 * credentials, without a connection.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/sasl.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_kafka.h"

static struct broker *broker;
static struct kafka_server *open_server;	/* no users, no rules */
static struct kafka_server *server;
static struct th_call c;
static struct sasl *login;	/* from call to call */
static const char *users_path, *acl_path;

static const char first_rules[] = "# the rules\n"
    "allow User:auditor describe cluster # looks\n"
    "allow User:alice read,write topic orders*\n";

static void
serve(struct broker_listen_options *o, struct kafka_server **ret)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (kafka_server_new(broker, o, ret, &err) < 0)
		fail_msg("%s", err.text);
}

/* "name:mechanism$...", appended to a text. */
static void
add_line(struct leat_buf *to, const char *name, enum scram_mechanism m,
    const char *password)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct scram_credential made;
	char text[SCRAM_TEXT_MAX];

	assert_int_equal(scram_make(m, 4096, leat_str_c(password), &made,
	    &err), 0);
	scram_encode(&made, text);
	(void)leat_buf_printf(to, "%s:%s\n", name, text);
}

static void
write_files(void)
{
	struct leat_buf text;

	leat_buf_init(&text, 1 << 16);
	add_line(&text, "alice", SCRAM_SHA_256, "wonder");
	add_line(&text, "alice", SCRAM_SHA_512, "wonder");
	(void)leat_buf_add_str(&text, "tester:PLAIN$secret\n");
	th_write_text(users_path, leat_buf_cstr(&text));
	assert_int_equal(chmod(users_path, 0600), 0);
	th_write_text(acl_path, first_rules);
	leat_buf_fini(&text);
}

static int
group_setup(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options o;
	struct broker_options bo;

	broker_options_init(&bo);
	bo.dir = th_path("data");
	if (broker_open(&bo, &broker, &err) < 0)
		fail_msg("%s", err.text);
	users_path = th_path("users");
	acl_path = th_path("acl");
	broker_listen_options_init(&o);
	serve(&o, &open_server);
	return 0;
}

static int
group_teardown(void **state)
{
	kafka_server_free(open_server);
	broker_close(broker);
	return 0;
}

static int
setup(void **state)
{
	struct broker_listen_options o;

	write_files();
	broker_listen_options_init(&o);
	o.users_file = users_path;
	o.acl_file = acl_path;
	o.super_users = "User:admin";
	serve(&o, &server);
	return 0;
}

static int
teardown(void **state)
{
	sasl_free(TAKE(login));
	kafka_server_free(server);
	return 0;
}

/* ---------------------------------------------------------------- calling */

static void
begin(struct kafka_server *s, const char *principal, int16_t key,
    int16_t version)
{
	th_kafka_begin(&c, s, key, version, "test");
	free(c.peer.principal);
	c.peer.principal = strdup(principal);
	assert_non_null(c.peer.principal);
}

static struct kafka_in *
send_it(void)
{
	kout_tags(&c.body);
	th_kafka_send(&c);
	assert_true(th_kafka_wait(&c, 10000));
	assert_int_equal(c.rq.outcome, OUTCOME_REPLY);
	return &c.in;
}

static void
end(void)
{
	assert_true(kin_ok(&c.in));
	assert_int_equal(leat_reader_left(&c.in.r), 0);
	th_kafka_end(&c);
}

static const char *
rules_now(void)
{
	char *text = th_slurp(acl_path, NULL);
	const char *kept = th_text("%s", text);

	free(text);
	return kept;
}

/* ------------------------------------------------------------------ login */

static int16_t
handshake(struct kafka_server *s, int16_t version, const char *mechanism,
    bool in_already)
{
	struct kafka_in *in;
	int16_t error;
	int32_t n;

	begin(s, "User:ANONYMOUS", 17, version);
	c.peer.authenticated = in_already;
	c.peer.sasl = login;
	kout_str(&c.body, mechanism);
	in = send_it();
	error = kin_i16(in);
	n = kin_array(in);
	assert_int_equal(n, s == open_server ? 0 : 3);
	for (int32_t i = 0; i < n; i++)
		(void)kin_str(in);
	login = c.peer.sasl;
	end();
	return error;
}

struct answer {
	int16_t error;
	char message[128];
	char token[512];
	char principal[64];
	bool authenticated, refused;
	int64_t took_ms;
};

static struct answer
authenticate(int16_t version, const void *token, size_t len)
{
	int64_t begun = th_now_ms();
	struct answer a = { 0 };
	struct leat_str bytes;
	struct kafka_in *in;
	const char *message;

	begin(server, "User:ANONYMOUS", 36, version);
	c.peer.authenticated = false;
	c.peer.sasl = login;
	kout_bytes(&c.body, token, len);
	in = send_it();
	a.error = kin_i16(in);
	message = kin_str_null(in);
	(void)snprintf(a.message, sizeof(a.message), "%s",
	    message == NULL ? "" : message);
	bytes = kin_bytes(in);
	(void)snprintf(a.token, sizeof(a.token), "%.*s", (int)bytes.len,
	    bytes.ptr);
	if (version >= 1)
		assert_int_equal(kin_i64(in), 0);
	kin_tags(in);
	(void)snprintf(a.principal, sizeof(a.principal), "%s",
	    c.peer.principal);
	a.authenticated = c.peer.authenticated;
	a.refused = c.peer.refused;
	login = c.peer.sasl;
	end();
	a.took_ms = th_now_ms() - begun;
	return a;
}

/* The client's side of SCRAM: the final message to a challenge. */
static const char *
prove(const char *challenge, const char *password)
{
	const char *salt64 = strstr(challenge, ",s=") + 3;
	const char *end64 = strstr(salt64, ",i=");
	uint8_t salt[64], salted[32], key[32], stored[32], proof[32];
	char text[128];
	const char *without, *message;
	int64_t n = leat_base64_decode(salt, salt64, (size_t)(end64 -
	    salt64)), iterations;

	assert_int_equal(leat_parse_i64(leat_str_c(end64 + 3), 1, 1 << 20,
	    &iterations), 0);
	without = th_text("c=biws,%.*s", (int)(salt64 - 3 - challenge),
	    challenge);
	message = th_text("n=alice,r=abc,%s,%s", challenge, without);
	assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
	    salt, (int)n, (int)iterations, EVP_sha256(), 32, salted), 1);
	(void)HMAC(EVP_sha256(), salted, 32, (const uint8_t *)"Client Key", 10,
	    key, NULL);
	(void)SHA256(key, 32, stored);
	(void)HMAC(EVP_sha256(), stored, 32, (const uint8_t *)message,
	    strlen(message), proof, NULL);
	for (size_t i = 0; i < 32; i++)
		proof[i] ^= key[i];
	leat_base64_encode(text, proof, 32);
	return th_text("%s,p=%.*s", without, (int)leat_base64_len(32), text);
}

static void
a_handshake_says_what_there_is(void **state)
{
	for (int16_t v = 0; v <= 1; v++) {
		assert_int_equal(handshake(server, v, "PLAIN", false),
		    KAFKA_NONE);
		assert_int_equal(sasl_is_raw(login), v == 0);
		sasl_free(TAKE(login));
		assert_int_equal(handshake(server, v, "GSSAPI", false),
		    KAFKA_UNSUPPORTED_SASL_MECHANISM);
		assert_null(login);
		assert_int_equal(handshake(open_server, v, "PLAIN", true),
		    KAFKA_ILLEGAL_SASL_STATE);
	}
	assert_int_equal(handshake(server, 0, "PLAIN", true),
	    KAFKA_ILLEGAL_SASL_STATE);
	assert_int_equal(handshake(server, 1, "PLAIN", true), KAFKA_NONE);
}

static void
plain_takes_the_right_password_only(void **state)
{
	static const struct {
		const char *token;
		size_t len;
		const char *want;	/* the principal, or the message */
		bool in;
	} rows[] = {
#define TOKEN(s) s, sizeof(s) - 1
		{ TOKEN("\0tester\0secret"), "User:tester", true },
		{ TOKEN("tester\0tester\0secret"), "User:tester", true },
		{ TOKEN("\0alice\0wonder"), "User:alice", true },
		{ TOKEN("\0alice\0Wonder"),
		    "Authentication failed: wrong user or password", false },
		{ TOKEN("\0tester\0secret1"),
		    "Authentication failed: wrong user or password", false },
		{ TOKEN("\0nobody\0secret"),
		    "Authentication failed: wrong user or password", false },
		{ TOKEN("other\0tester\0secret"), "Authentication failed: "
		    "nobody may act as somebody else", false },
		{ TOKEN("\0tester\0"),
		    "Authentication failed: malformed token", false },
		{ TOKEN("\0tester\0secret\0x"),
		    "Authentication failed: malformed token", false },
		{ TOKEN("tester"),
		    "Authentication failed: malformed token", false },
		{ TOKEN(""), "Authentication failed: empty token", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer a;

		assert_int_equal(handshake(server, 1, "PLAIN", false), 0);
		a = authenticate((int16_t)(i % 3), rows[i].token,
		    rows[i].len);
		assert_int_equal(a.error, rows[i].in ? KAFKA_NONE :
		    KAFKA_SASL_AUTHENTICATION_FAILED);
		assert_int_equal(a.authenticated, rows[i].in);
		assert_int_equal(a.refused, !rows[i].in);
		assert_string_equal(rows[i].in ? a.principal : a.message,
		    rows[i].want);
		/* Guessing is slow. */
		if (!rows[i].in)
			assert_true(a.took_ms >= 99);
		sasl_free(TAKE(login));
	}
}

static void
scram_takes_two_round_trips(void **state)
{
	static const char *const passwords[] = { "wonder", "under" };

	for (size_t i = 0; i < ARRAY_LEN(passwords); i++) {
		const char *last;
		struct answer a;

		assert_int_equal(handshake(server, 1, "SCRAM-SHA-256", false),
		    0);
		a = authenticate(2, "n,,n=alice,r=abc", 16);
		assert_int_equal(a.error, KAFKA_NONE);
		assert_false(a.authenticated);
		assert_memory_equal(a.token, "r=abc", 5);
		last = prove(a.token, passwords[i]);
		a = authenticate(2, last, strlen(last));
		assert_int_equal(a.authenticated, i == 0);
		if (i == 0) {
			assert_string_equal(a.principal, "User:alice");
			assert_memory_equal(a.token, "v=", 2);
			assert_null(login);
		} else {
			assert_int_equal(a.error,
			    KAFKA_SASL_AUTHENTICATION_FAILED);
		}
		sasl_free(TAKE(login));
	}
}

/* A user that is not there is asked as one that is. */
static void
strangers_get_a_salt_of_their_own(void **state)
{
	char first[512] = "", salt[128];

	for (int i = 0; i < 2; i++) {
		struct answer a;

		assert_int_equal(handshake(server, 1, "SCRAM-SHA-512", false),
		    0);
		a = authenticate(2, "n,,n=mallory,r=abc", 18);
		assert_int_equal(a.error, KAFKA_NONE);
		(void)snprintf(salt, sizeof(salt), "%s",
		    strstr(a.token, ",s="));
		if (i == 1)
			assert_string_equal(salt, first);
		(void)snprintf(first, sizeof(first), "%s", salt);
		assert_non_null(strstr(salt, ",i=4096"));
	}
}

static void
a_token_without_a_handshake(void **state)
{
	struct answer a = authenticate(1, "\0tester\0secret", 14);

	assert_int_equal(a.error, KAFKA_ILLEGAL_SASL_STATE);
	assert_string_equal(a.message, "SaslHandshake comes first");
	assert_false(a.authenticated);
}

/* The frame is a token: what stands in it goes through no header. */
static void
send_raw(const char *token, size_t len)
{
	begin(server, "User:ANONYMOUS", 36, 0);
	c.peer.authenticated = false;
	c.peer.sasl = login;
	leat_buf_reset(&c.body.buf);
	(void)leat_buf_add(&c.body.buf, token, len);
	th_kafka_send(&c);
	assert_true(th_kafka_wait(&c, 10000));
	login = c.peer.sasl;
}

static void
tokens_without_a_header(void **state)
{
	const uint8_t nothing[4] = { 0 };

	assert_int_equal(handshake(server, 0, "PLAIN", false), 0);
	send_raw("\0tester\0secret", 14);
	assert_int_equal(c.rq.outcome, OUTCOME_REPLY);
	assert_int_equal(c.rq.out.buf.len, 4);
	assert_memory_equal(c.rq.out.buf.data, nothing, 4);
	assert_true(c.peer.authenticated);
	assert_string_equal(c.peer.principal, "User:tester");
	th_kafka_end(&c);
	assert_null(login);

	assert_int_equal(handshake(server, 0, "PLAIN", false), 0);
	send_raw("\0tester\0wrong", 13);
	assert_int_equal(c.rq.outcome, OUTCOME_HANG_UP);
	assert_string_equal(c.rq.why, "login refused");
	assert_false(c.peer.authenticated);
	th_kafka_end(&c);
}

/* The last thing that a peer is told. */
static void
a_refused_peer_asks_no_more(void **state)
{
	begin(server, "User:ANONYMOUS", 18, 0);
	c.peer.refused = true;
	c.rq.frame = malloc(c.body.buf.len);
	memcpy(c.rq.frame, c.body.buf.data, c.body.buf.len);
	c.rq.frame_len = c.body.buf.len;
	assert_int_equal(kafka_request_begin(&c.rq), -1);
	assert_string_equal(c.rq.why, "a request after a refused login");
	th_kafka_end(&c);
}

/* -------------------------------------------------------------------- may */

static void
masks_have_the_bits_of_the_kind(void **state)
{
	static const struct {
		enum acl_resource resource;
		int32_t all;
	} rows[] = { { ACL_TOPIC, 3576 }, { ACL_GROUP, 328 },
		{ ACL_CLUSTER, 8096 }, { ACL_TRANSACTIONAL_ID, 272 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *name = rows[i].resource == ACL_CLUSTER ?
		    ACL_THE_CLUSTER : "x";

		begin(open_server, "User:x", 18, 0);
		assert_int_equal(kafka_may_mask(&c.rq, rows[i].resource,
		    name), rows[i].all);
		th_kafka_end(&c);
		begin(server, "User:admin", 18, 0);
		assert_int_equal(kafka_may_mask(&c.rq, rows[i].resource,
		    name), rows[i].all);
		th_kafka_end(&c);
		begin(server, "User:x", 18, 0);
		assert_int_equal(kafka_may_mask(&c.rq, rows[i].resource,
		    name), 0);
		th_kafka_end(&c);
	}
	begin(server, "User:alice", 18, 0);
	assert_int_equal(kafka_may_mask(&c.rq, ACL_TOPIC, "orders-1"),
	    1 << ACL_READ | 1 << ACL_WRITE | 1 << ACL_DESCRIBE);
	assert_true(kafka_may_any(&c.rq, ACL_WRITE, ACL_TOPIC));
	assert_false(kafka_may_any(&c.rq, ACL_DELETE, ACL_TOPIC));
	th_kafka_end(&c);
}

/* ------------------------------------------------------------------- ACLs */

struct filter {
	int8_t resource, pattern, op, permission;
	const char *name, *principal, *host;
};

static const struct filter any = { 1, 1, 1, 1, NULL, NULL, NULL };

static void
put_filter(const struct filter *f)
{
	struct kafka_out *b = &c.body;

	kout_i8(b, f->resource);
	kout_str_null(b, f->name);
	kout_i8(b, f->pattern);
	kout_str_null(b, f->principal);
	kout_str_null(b, f->host);
	kout_i8(b, f->op);
	kout_i8(b, f->permission);
}

/* "2:orders*:User:alice/3 ..." of what DescribeAcls tells, or "error 54". */
static const char *
describe(struct kafka_server *s, const char *who, int16_t version,
    const struct filter *f)
{
	static char told[1024];
	struct kafka_in *in;
	int32_t n, m;
	size_t at = 0;
	int16_t error;

	begin(s, who, 29, version);
	put_filter(f);
	in = send_it();
	assert_int_equal(kin_i32(in), 0);
	error = kin_i16(in);
	(void)kin_str_null(in);
	told[0] = '\0';
	if (error != KAFKA_NONE)
		(void)snprintf(told, sizeof(told), "error %d", error);
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		int8_t resource = kin_i8(in);
		const char *name = kin_str(in);
		int8_t pattern = kin_i8(in);

		at += (size_t)snprintf(told + at, sizeof(told) - at,
		    "%d:%s%s", resource, name, pattern == 4 ? "*" : "");
		m = kin_array(in);
		for (int32_t k = 0; k < m; k++) {
			const char *principal = kin_str(in);
			const char *host = kin_str(in);
			int8_t op = kin_i8(in), permission = kin_i8(in);

			at += (size_t)snprintf(told + at, sizeof(told) - at,
			    " %s%s@%s/%d", permission == 2 ? "!" : "",
			    principal, host, op);
			kin_tags(in);
		}
		at += (size_t)snprintf(told + at, sizeof(told) - at, "\n");
		kin_tags(in);
	}
	kin_tags(in);
	end();
	return told;
}

static void
acls_are_described_by_filters(void **state)
{
	static const char everything[] =
	    "2:orders* User:alice@*/3 User:alice@*/4\n"
	    "4:kafka-cluster User:auditor@*/8\n";
	static const struct {
		struct filter f;
		const char *want;
	} rows[] = {
		{ { 1, 1, 1, 1, NULL, NULL, NULL }, everything },
		{ { 2, 2, 3, 3, "orders-7", "User:alice", "*" },
		    "2:orders* User:alice@*/3\n" },
		{ { 2, 1, 1, 1, "orders", NULL, NULL },
		    "2:orders* User:alice@*/3 User:alice@*/4\n" },
		{ { 2, 3, 1, 1, "orders", NULL, NULL }, "" },
		{ { 2, 4, 1, 1, "orders", NULL, NULL },
		    "2:orders* User:alice@*/3 User:alice@*/4\n" },
		{ { 2, 2, 1, 1, "other", NULL, NULL }, "" },
		{ { 1, 1, 1, 2, NULL, NULL, NULL }, "" },
		{ { 1, 1, 1, 1, NULL, "User:bob", NULL }, "" },
		{ { 1, 1, 1, 1, NULL, NULL, "1.2.3.4" }, "" },
		{ { 1, 1, 8, 1, NULL, NULL, NULL },
		    "4:kafka-cluster User:auditor@*/8\n" },
		{ { 0, 1, 1, 1, NULL, NULL, NULL }, "error 42" },
		{ { 1, 5, 1, 1, NULL, NULL, NULL }, "error 42" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int16_t v = 1; v <= 3; v++)
			assert_string_equal(describe(server, "User:auditor",
			    v, &rows[i].f), rows[i].want);
	assert_string_equal(describe(server, "User:alice", 2, &any),
	    "error 31");
	assert_string_equal(describe(open_server, "User:alice", 2, &any),
	    "error 54");
}

/* One creation; its error. */
static int16_t
create(struct kafka_server *s, const char *who, const struct filter *f)
{
	struct kafka_in *in;
	int16_t error;

	begin(s, who, 30, 3);
	kout_array(&c.body, 1);
	kout_i8(&c.body, f->resource);
	kout_str(&c.body, f->name);
	kout_i8(&c.body, f->pattern);
	kout_str(&c.body, f->principal);
	kout_str(&c.body, f->host);
	kout_i8(&c.body, f->op);
	kout_i8(&c.body, f->permission);
	kout_tags(&c.body);
	in = send_it();
	assert_int_equal(kin_i32(in), 0);
	assert_int_equal(kin_array(in), 1);
	error = kin_i16(in);
	(void)kin_str_null(in);
	kin_tags(in);
	kin_tags(in);
	end();
	return error;
}

static void
acls_are_created_in_the_file(void **state)
{
	struct filter f = { 2, 4, 3, 3, "logs", "User:bob", "*" };

	assert_int_equal(create(server, "User:auditor", &f),
	    KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	assert_int_equal(create(open_server, "User:admin", &f),
	    KAFKA_SECURITY_DISABLED);
	assert_int_equal(create(server, "User:admin", &f), KAFKA_NONE);
	assert_int_equal(create(server, "User:admin", &f), KAFKA_NONE);
	f.op = 4;
	assert_int_equal(create(server, "User:admin", &f), KAFKA_NONE);
	f = (struct filter){ 4, 3, 2, 2, "kafka-cluster", "User:*", "::1" };
	assert_int_equal(create(server, "User:admin", &f), KAFKA_NONE);
	assert_string_equal(rules_now(), "# the rules\n"
	    "allow User:auditor describe cluster # looks\n"
	    "allow User:alice read,write topic orders*\n"
	    "allow User:bob read,write topic logs*\n"
	    "deny User:* all cluster from ::1\n");
	/* And hold at once. */
	begin(server, "User:bob", 18, 0);
	assert_true(kafka_may(&c.rq, ACL_WRITE, ACL_TOPIC, "logs-1"));
	th_kafka_end(&c);
}

static void
acls_that_are_refused(void **state)
{
	static const struct filter rows[] = {
		{ 1, 3, 3, 3, "x", "User:a", "*" },
		{ 6, 3, 3, 3, "x", "User:a", "*" },
		{ 2, 2, 3, 3, "x", "User:a", "*" },
		{ 2, 3, 1, 3, "x", "User:a", "*" },
		{ 2, 3, 13, 3, "x", "User:a", "*" },
		{ 2, 3, 3, 1, "x", "User:a", "*" },
		{ 2, 3, 9, 3, "x", "User:a", "*" },
		{ 2, 3, 3, 3, "", "User:a", "*" },
		{ 2, 3, 3, 3, "x", "Group:a", "*" },
		{ 2, 3, 3, 3, "x", "User:a\nallow User:a all topic *", "*" },
		{ 2, 3, 3, 3, "x\nallow User:a all topic *", "User:a", "*" },
		{ 2, 3, 3, 3, "x", "User:a", "somewhere" },
		{ 4, 3, 5, 3, "other", "User:a", "*" },
		{ 4, 4, 5, 3, "kafka-cluster", "User:a", "*" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(create(server, "User:admin", &rows[i]),
		    KAFKA_INVALID_REQUEST);
	assert_string_equal(rules_now(), first_rules);
}

/* One filter: its error, or how many went. */
static int
drop(struct kafka_server *s, const char *who, const struct filter *f)
{
	struct kafka_in *in;
	int16_t error;
	int32_t n;

	begin(s, who, 31, 2);
	kout_array(&c.body, 1);
	put_filter(f);
	kout_tags(&c.body);
	in = send_it();
	assert_int_equal(kin_i32(in), 0);
	assert_int_equal(kin_array(in), 1);
	error = kin_i16(in);
	(void)kin_str_null(in);
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		assert_int_equal(kin_i16(in), 0);
		assert_null(kin_str_null(in));
		(void)kin_i8(in);
		(void)kin_str(in);
		(void)kin_i8(in);
		(void)kin_str(in);
		(void)kin_str(in);
		(void)kin_i8(in);
		(void)kin_i8(in);
		kin_tags(in);
	}
	kin_tags(in);
	kin_tags(in);
	end();
	return error != KAFKA_NONE ? -error : n;
}

static void
acls_are_deleted_from_the_file(void **state)
{
	struct filter f = { 2, 1, 4, 1, NULL, NULL, NULL };

	assert_int_equal(drop(server, "User:auditor", &f),
	    -KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	assert_int_equal(drop(open_server, "User:admin", &f),
	    -KAFKA_SECURITY_DISABLED);
	assert_int_equal(drop(server, "User:admin", &f), 1);
	assert_int_equal(drop(server, "User:admin", &f), 0);
	assert_string_equal(rules_now(), "# the rules\n"
	    "allow User:auditor describe cluster # looks\n"
	    "allow User:alice read topic orders*\n");
	assert_int_equal(drop(server, "User:admin", &any), 2);
	assert_string_equal(rules_now(), "# the rules\n");
	f.pattern = 9;
	assert_int_equal(drop(server, "User:admin", &f),
	    -KAFKA_INVALID_REQUEST);
}

static void
a_file_with_mistakes_is_left_alone(void **state)
{
	struct filter f = { 2, 4, 3, 3, "logs", "User:bob", "*" };

	th_write_text(acl_path, "nonsense\n");
	assert_int_equal(create(server, "User:admin", &f),
	    KAFKA_UNKNOWN_SERVER_ERROR);
	assert_int_equal(drop(server, "User:admin", &any),
	    -KAFKA_UNKNOWN_SERVER_ERROR);
	assert_string_equal(rules_now(), "nonsense\n");
	/* What it said before holds. */
	assert_string_equal(describe(server, "User:auditor", 3, &f), "");
}

struct asking {
	bool want;
};

static bool
bob_may(void *arg)
{
	const struct asking *a = arg;
	bool may;

	begin(server, "User:bob", 18, 0);
	may = kafka_may(&c.rq, ACL_READ, ACL_TOPIC, "x");
	th_kafka_end(&c);
	return may == a->want;
}

static void
a_changed_file_holds_soon(void **state)
{
	struct asking a = { .want = true };

	th_write_text(acl_path, "allow User:bob read topic x\n");
	assert_true(th_wait_until(bob_may, &a, 10000));
	th_write_text(acl_path, "allow User:bob read topic y\n");
	a.want = false;
	assert_true(th_wait_until(bob_may, &a, 10000));
}

static int stop_asking;		/* atomic */
static int64_t asked;		/* atomic */

static void *
ask_all_the_time(void *arg)
{
	uint32_t lost = 0;

	while (!__atomic_load_n(&stop_asking, __ATOMIC_RELAXED)) {
		lost |= ~access_allowed(server->access, "User:alice",
		    "127.0.0.1", ACL_TOPIC, "orders-1") & (1u << ACL_READ);
		__atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
	}
	return lost == 0 ? NULL : arg;
}

/* Nobody sees a table that is gone, or a right that was there all the time. */
static void
rules_change_while_they_are_asked(void **state)
{
	struct filter f = { 2, 3, 3, 3, "x", "User:bob", "*" };
	struct filter g = { 1, 1, 1, 1, NULL, "User:bob", NULL };
	pthread_t threads[3];
	void *result;

	stop_asking = 0;
	asked = 0;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    ask_all_the_time, &f), 0);
	for (int i = 0; i < 20; i++) {
		int64_t before = __atomic_load_n(&asked, __ATOMIC_RELAXED);

		assert_int_equal(create(server, "User:admin", &f), KAFKA_NONE);
		assert_int_equal(drop(server, "User:admin", &g), 1);
		TH_WAIT(__atomic_load_n(&asked, __ATOMIC_RELAXED) > before,
		    10000);
	}
	__atomic_store_n(&stop_asking, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
}

/* ------------------------------------------------------------ credentials */

/* "alice:0:1=4096,2=4096 bob:91: " or "error 54". */
static const char *
describe_users(struct kafka_server *s, const char *who,
    const char *const *names)
{
	static char told[512];
	struct kafka_in *in;
	int32_t n = 0, m;
	size_t at = 0;
	int16_t error;

	begin(s, who, 50, 0);
	while (names != NULL && names[n] != NULL)
		n++;
	kout_array(&c.body, names == NULL ? -1 : n);
	for (int32_t i = 0; i < n; i++) {
		kout_str(&c.body, names[i]);
		kout_tags(&c.body);
	}
	in = send_it();
	assert_int_equal(kin_i32(in), 0);
	error = kin_i16(in);
	(void)kin_str_null(in);
	told[0] = '\0';
	if (error != KAFKA_NONE)
		(void)snprintf(told, sizeof(told), "error %d", error);
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		const char *name = kin_str(in);

		at += (size_t)snprintf(told + at, sizeof(told) - at,
		    "%s:%d:", name, kin_i16(in));
		(void)kin_str_null(in);
		m = kin_array(in);
		for (int32_t k = 0; k < m; k++) {
			int8_t mechanism = kin_i8(in);

			at += (size_t)snprintf(told + at, sizeof(told) - at,
			    "%d=%d,", mechanism, kin_i32(in));
			kin_tags(in);
		}
		kin_tags(in);
		at += (size_t)snprintf(told + at, sizeof(told) - at, " ");
	}
	kin_tags(in);
	end();
	return told;
}

static void
users_are_described(void **state)
{
	const char *const names[] = { "alice", "zoe", "tester", "alice",
		NULL };
	const char *const one[] = { "alice", NULL };

	assert_string_equal(describe_users(server, "User:auditor", NULL),
	    "alice:0:1=4096,2=4096, ");
	assert_string_equal(describe_users(server, "User:auditor", one),
	    "alice:0:1=4096,2=4096, ");
	assert_string_equal(describe_users(server, "User:auditor", names),
	    "alice:92: tester:91: zoe:91: ");
	assert_string_equal(describe_users(server, "User:alice", NULL),
	    "error 31");
	assert_string_equal(describe_users(open_server, "User:x", NULL),
	    "error 54");
}

struct change {
	const char *name;
	int8_t mechanism;
	int32_t iterations;	/* 0: delete */
	const char *salt, *salted;
};

/* "alice:0 bob:91 " */
static const char *
alter_users(struct kafka_server *s, const char *who,
    const struct change *changes, int32_t n)
{
	static char told[512];
	int32_t deletions = 0;
	struct kafka_in *in;
	size_t at = 0;

	for (int32_t i = 0; i < n; i++)
		deletions += changes[i].iterations == 0;
	begin(s, who, 51, 0);
	kout_array(&c.body, deletions);
	for (int32_t i = 0; i < n; i++) {
		if (changes[i].iterations != 0)
			continue;
		kout_str(&c.body, changes[i].name);
		kout_i8(&c.body, changes[i].mechanism);
		kout_tags(&c.body);
	}
	kout_array(&c.body, n - deletions);
	for (int32_t i = 0; i < n; i++) {
		const struct change *w = &changes[i];

		if (w->iterations == 0)
			continue;
		kout_str(&c.body, w->name);
		kout_i8(&c.body, w->mechanism);
		kout_i32(&c.body, w->iterations);
		kout_bytes(&c.body, w->salt, strlen(w->salt));
		kout_bytes(&c.body, w->salted, strlen(w->salted));
		kout_tags(&c.body);
	}
	in = send_it();
	assert_int_equal(kin_i32(in), 0);
	told[0] = '\0';
	n = kin_array(in);
	for (int32_t i = 0; i < n; i++) {
		const char *name = kin_str(in);

		at += (size_t)snprintf(told + at, sizeof(told) - at,
		    "%s:%d ", name, kin_i16(in));
		(void)kin_str_null(in);
		kin_tags(in);
	}
	kin_tags(in);
	end();
	return told;
}

static void
users_are_changed_in_the_file(void **state)
{
	uint8_t salted[33] = { 0 };
	struct change changes[] = {
		{ "bob", 1, 5000, "salty", (char *)salted },
		{ "alice", 2, 0, NULL, NULL },
	};
	struct answer a;

	do {	/* what the client sends instead of the password */
		assert_int_equal(PKCS5_PBKDF2_HMAC("builder", 7,
		    (const uint8_t *)"salty", 5, 5000, EVP_sha256(), 32,
		    salted), 1);
	} while (strlen((char *)salted) != 32);
	assert_string_equal(alter_users(server, "User:auditor", changes, 2),
	    "alice:31 bob:31 ");
	assert_string_equal(alter_users(open_server, "User:admin", changes,
	    2), "alice:54 bob:54 ");
	assert_string_equal(alter_users(server, "User:admin", changes, 2),
	    "alice:0 bob:0 ");
	assert_string_equal(describe_users(server, "User:admin", NULL),
	    "alice:0:1=4096, bob:0:1=5000, ");
	assert_int_equal(handshake(server, 1, "PLAIN", false), 0);
	a = authenticate(2, "\0bob\0builder", 12);
	assert_string_equal(a.principal, "User:bob");
}

static void
changes_that_are_refused(void **state)
{
	static const char key[] = "0123456789abcdef0123456789abcdef";
	static const struct {
		struct change list[2];
		int32_t n;
		const char *want;
	} rows[] = {
		{ { { "bob", 1, 4095, "salty", key } }, 1, "bob:93 " },
		{ { { "bob", 1, 1000001, "salty", key } }, 1, "bob:93 " },
		{ { { "bob", 1, 4096, "", key } }, 1, "bob:93 " },
		{ { { "bob", 1, 4096, "salty", "short" } }, 1, "bob:93 " },
		{ { { "bob", 2, 4096, "salty", key } }, 1, "bob:93 " },
		{ { { "", 1, 4096, "salty", key } }, 1, ":93 " },
		{ { { "a:b", 1, 4096, "salty", key } }, 1, "a:b:93 " },
		{ { { "bob", 0, 4096, "salty", key } }, 1, "bob:33 " },
		{ { { "bob", 3, 4096, "salty", key } }, 1, "bob:33 " },
		{ { { "bob", 1, 0, NULL, NULL } }, 1, "bob:91 " },
		{ { { "tester", 1, 0, NULL, NULL } }, 1, "tester:91 " },
		{ { { "alice", 1, 0, NULL, NULL },
		    { "alice", 1, 4096, "salty", key } }, 2, "alice:92 " },
		{ { { "alice", 1, 0, NULL, NULL },
		    { "alice", 2, 100, "salty", key } }, 2, "alice:93 " },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(alter_users(server, "User:admin",
		    rows[i].list, rows[i].n), rows[i].want);
	assert_string_equal(describe_users(server, "User:admin", NULL),
	    "alice:0:1=4096,2=4096, ");
}

/* -------------------------------------------------------------- beginning */

static void
options_that_are_refused(void **state)
{
	static const struct {
		const char *listen, *mechanisms, *want;
		bool cleartext;
	} rows[] = {
		{ "127.0.0.1:1,[::1]:1,localhost:1", "PLAIN", NULL, false },
		{ "0.0.0.0:1", NULL, NULL, false },
		{ "0.0.0.0:1", "SCRAM-SHA-256", NULL, false },
		{ "0.0.0.0:1", "PLAIN", NULL, true },
		{ "127.0.0.1:1,10.0.0.1:1", "SCRAM-SHA-256, PLAIN",
		    "PLAIN sends passwords as they are, and "
		    "'127.0.0.1:1,10.0.0.1:1' is neither loopback nor TLS: "
		    "take a certificate, or SCRAM only, or set "
		    "broker.sasl.plain.cleartext", false },
		{ "127.0.0.1:1", "PLAIN,GSSAPI", "SASL mechanism 'GSSAPI': not "
		    "one of SCRAM-SHA-256, SCRAM-SHA-512, PLAIN", false },
		{ "127.0.0.1:1", " ,", "there are users, but no SASL mechanism "
		    "to log in by", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct leat_err err = LEAT_ERR_INIT;
		struct broker_listen_options o;
		struct access *a = NULL;

		broker_listen_options_init(&o);
		o.listen = rows[i].listen;
		o.users_file = users_path;
		o.sasl_mechanisms = rows[i].mechanisms;
		o.sasl_plain_cleartext = rows[i].cleartext;
		if (access_new(&o, &a, &err) == 0) {
			assert_null(rows[i].want);
			assert_int_equal(access_offers(a, "PLAIN"),
			    rows[i].mechanisms != NULL &&
			    strstr(rows[i].mechanisms, "PLAIN") != NULL);
			access_free(a);
		} else {
			assert_string_equal(err.text, rows[i].want);
		}
	}
}

static void
files_that_are_refused(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options o;
	struct access *a = NULL;

	broker_listen_options_init(&o);
	o.acl_file = th_path("not-there");
	assert_true(access_new(&o, &a, &err) < 0);
	assert_non_null(strstr(err.text, "not-there: No such file"));
	th_write_text(th_path("bad-acl"), "allow\n\ndeny x\n");
	o.acl_file = th_path("bad-acl");
	assert_true(access_new(&o, &a, &err) < 0);
	assert_non_null(strstr(err.text, "bad-acl:1: want: allow|deny"));
	assert_non_null(strstr(err.text, "(and 1 more)"));
	o.acl_file = NULL;
	o.super_users = "admin";
	assert_true(access_new(&o, &a, &err) < 0);
	assert_non_null(strstr(err.text, "'admin' is not of the form"));
}

int
main(void)
{
#define ON_FILES(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		ON_FILES(a_handshake_says_what_there_is),
		ON_FILES(plain_takes_the_right_password_only),
		ON_FILES(scram_takes_two_round_trips),
		ON_FILES(strangers_get_a_salt_of_their_own),
		ON_FILES(a_token_without_a_handshake),
		ON_FILES(tokens_without_a_header),
		ON_FILES(a_refused_peer_asks_no_more),
		ON_FILES(masks_have_the_bits_of_the_kind),
		ON_FILES(acls_are_described_by_filters),
		ON_FILES(acls_are_created_in_the_file),
		ON_FILES(acls_that_are_refused),
		ON_FILES(acls_are_deleted_from_the_file),
		ON_FILES(a_file_with_mistakes_is_left_alone),
		ON_FILES(a_changed_file_holds_soon),
		ON_FILES(rules_change_while_they_are_asked),
		ON_FILES(users_are_described),
		ON_FILES(users_are_changed_in_the_file),
		ON_FILES(changes_that_are_refused),
		ON_FILES(options_that_are_refused),
		ON_FILES(files_that_are_refused),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
