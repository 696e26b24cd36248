/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka port of the real worker under what comes along on a network:
 * strangers' protocols, half requests, slow readers, crowds, TLS. Meanwhile one
 * well-behaved client must always get its answers, and memory stays bounded.
 *
 * LEAT_LONG=1 makes the crowd 10,000.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <leat/str.h>
#include <leat/wire.h>

#include "core/base/obj.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

enum {
	SOON_MS = 20000,
	METADATA = 3,
	API_VERSIONS = 18,
	TOPICS = 60,
	TOPIC_AUTHORIZATION_FAILED = 29,
	MB = 1 << 10		/* in kB, as memory is told */
};

static struct th_worker *w;
static int friend_fd;		/* the well-behaved client */

/* ------------------------------------------------------------- the client */

static int
dial_port(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval limit = { SOON_MS / 1000, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t port;

	assert_true(fd >= 0);
	assert_int_equal(leat_parse_i64(leat_str_c(strchr(address, ':') + 1),
	    1, 65535, &port), 0);
	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		fail_msg("connect: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static int
dial(void)
{
	return dial_port(th_worker_kafka(w));
}

static size_t
request(uint8_t *to, int16_t key, int16_t version, int32_t id,
    const void *body, size_t len)
{
	leat_put_u32(to, (uint32_t)(10 + len));
	leat_put_u16(to + 4, (uint16_t)key);
	leat_put_u16(to + 6, (uint16_t)version);
	leat_put_u32(to + 8, (uint32_t)id);
	leat_put_u16(to + 12, 0xffff);
	if (len > 0)
		memcpy(to + 14, body, len);
	return 14 + len;
}

static void
put(int fd, const void *p, size_t len)
{
	assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
}

static void
get_bytes(int fd, uint8_t *to, size_t len)
{
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		n = recv(fd, to + at, len - at, 0);
		if (n <= 0)
			fail_msg("no answer: %s", n == 0 ? "end" :
			    strerror(errno));
	}
}

/* Reads one answer and throws it away; its length. */
static size_t
answer(int fd, int32_t want_id)
{
	uint8_t head[8], piece[4096];
	size_t len, left;

	get_bytes(fd, head, sizeof(head));
	assert_int_equal(leat_get_u32(head + 4), want_id);
	len = leat_get_u32(head) - 4;
	for (left = len; left > 0; left -= MIN(left, sizeof(piece)))
		get_bytes(fd, piece, MIN(left, sizeof(piece)));
	return len;
}

static void
ask_versions(int fd, int32_t id)
{
	uint8_t frame[32];

	put(fd, frame, request(frame, API_VERSIONS, 0, id, NULL, 0));
}

static void
expect_end(int fd)
{
	uint8_t bytes[256];
	ssize_t n;

	do {
		n = recv(fd, bytes, sizeof(bytes), 0);
	} while (n > 0);
	if (n < 0 && errno != ECONNRESET)
		fail_msg("the connection is still there");
}

/* The others do not matter to it: an answer, and soon. */
static void
friend_is_well(void)
{
	int64_t begin = th_now_ms();

	for (int i = 0; i < 10; i++) {
		ask_versions(friend_fd, i);
		(void)answer(friend_fd, i);
	}
	assert_true(th_now_ms() - begin < 5000 * th_slowness());
	assert_int_equal(access(th_path("crash"), F_OK), -1);
}

static int64_t
rss_kb(void)
{
	return th_rss_kb(th_worker_pid(w));
}

/* ---------------------------------------------------------------- fixtures */

static void
make_topics(void)
{
	uint8_t body[TOPICS * 16 + 8], frame[TOPICS * 16 + 32];
	size_t len = 4;
	char name[24];
	int fd = dial();

	leat_put_u32(body, TOPICS);
	for (int i = 0; i < TOPICS; i++) {
		leat_put_u16(body + len, 8);
		(void)snprintf(name, sizeof(name), "topic-%02d", i);
		memcpy(body + len + 2, name, 8);
		len += 10;
	}
	body[len++] = 1;	/* create them */
	put(fd, frame, request(frame, METADATA, 4, 1, body, len));
	assert_true(answer(fd, 1) > TOPICS * 30);
	close(fd);
}

static int
setup(void **unused)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	w = th_worker_start(NULL);
	make_topics();
	friend_fd = dial();
	friend_is_well();
	return 0;
}

static int
teardown(void **unused)
{
	close(friend_fd);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

/* ------------------------------------------------------------------- tests */

static void
test_garbage(void **unused)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *said;
	} all[] = {
		{ "GET /topics HTTP/1.1\r\nHost: x\r\n\r\n", 32, "why=\"HTTP" },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11,
		    "why=\"TLS on a port without it" },
		{ "\x06\x40\x00\x01", 4, "why=\"a request that is too large" },
		{ "\xff\xff\xff\xff\xff\xff", 6, "why=\"not a request" },
		{ "SSH-2.0-OpenSSH_9\r\n", 19, "why=\"not a request" },
		{ "\0\0\0\x08\x7f\x7f\0\0\0\0\0\1", 12, "why=" },
	};
	uint8_t noise[65536];
	unsigned seed = 4711;
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		fd = dial();
		put(fd, all[i].bytes, all[i].len);
		expect_end(fd);
		close(fd);
		TH_WAIT(th_worker_said(w, all[i].said), SOON_MS);
		friend_is_well();
	}
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)rand_r(&seed);
		/* Every other one has a length that can be. */
		leat_put_u32(noise, round % 2 == 0 ? 60000 : 0x80000000 |
		    (uint32_t)rand_r(&seed));
		fd = dial();
		(void)send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
		expect_end(fd);
		close(fd);
	}
	friend_is_well();
}

/* Large requests that never come whole. */
static void
test_half_requests(void **unused)
{
	enum { N = 60,
		HAVE = 1 << 20,
		SAYS = 90 << 20 };
	static uint8_t bytes[HAVE];
	int64_t before = rss_kb();
	int fds[N];

	(void)request(bytes, METADATA, 0, 1, NULL, 0);
	leat_put_u32(bytes, SAYS);
	for (int i = 0; i < N; i++) {
		fds[i] = dial();
		put(fds[i], bytes, sizeof(bytes));
	}
	friend_is_well();
	/* What came, and nothing near the 5 GB that were announced. */
	assert_true(rss_kb() - before < 200 * MB);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	friend_is_well();
}

/* Those who ask much and read nothing. */
static void
test_slow_readers(void **unused)
{
	enum { N = 20,
		ASK = 4000 };
	uint8_t frame[64], all[4] = { 0xff, 0xff, 0xff, 0xff };
	size_t len = request(frame, METADATA, 1, 7, all, sizeof(all));
	int64_t before = rss_kb();
	int fds[N], asked[N], n;
	ssize_t sent;

	for (int i = 0; i < N; i++) {
		fds[i] = dial();
		for (asked[i] = 0; asked[i] < ASK; asked[i]++) {
			sent = send(fds[i], frame, len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
			if (sent != (ssize_t)len)
				break;
		}
		friend_is_well();
	}
	/* A sanitizer keeps what was freed. */
	assert_true(rss_kb() - before <
	    (th_slowness() > 1 ? 300 : 60) * MB);
	/* Who reads at last gets all that it asked for. */
	n = MIN(asked[0], 1000);
	assert_true(n > 10);
	for (int i = 0; i < n; i++)
		assert_true(answer(fds[0], 7) > TOPICS * 30);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	friend_is_well();
}

static void
test_crowd(void **unused)
{
	bool large = getenv("LEAT_LONG") != NULL;
	int n = large ? 10000 : 2000, *fds;
	struct rlimit limit;
	int64_t before, kb;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < (rlim_t)n + 200) {
		print_message("no crowd: only %llu descriptors\n",
		    (unsigned long long)limit.rlim_cur);
		n = (int)limit.rlim_cur - 200;
	}
	if ((fds = calloc((size_t)n, sizeof(*fds))) == NULL)
		fail();
	before = rss_kb();
	for (int i = 0; i < n; i++) {
		fds[i] = dial();
		ask_versions(fds[i], i);
		if (i % 100 == 99) {
			for (int k = i - 99; k <= i; k++)
				(void)answer(fds[k], k);
			friend_is_well();
		}
	}
	for (int k = n - n % 100; k < n; k++)
		(void)answer(fds[k], k);
	kb = rss_kb() - before;
	print_message("%d connections take %lld kB, %lld bytes each\n", n,
	    (long long)kb, (long long)(kb * 1024 / n));
	if (th_slowness() == 1)
		assert_true(kb * 1024 / n < 2048);
	assert_int_equal(th_worker_metric(w, "leat_kafka_connections"), n + 1);
	/* All of them at once. */
	for (int i = 0; i < n; i++)
		ask_versions(fds[i], i);
	for (int i = 0; i < n; i++)
		(void)answer(fds[i], i);
	friend_is_well();
	for (int i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	TH_WAIT(th_worker_metric(w, "leat_kafka_connections") == 1, SOON_MS);
	friend_is_well();
}

static void
test_metrics(void **unused)
{
	assert_true(th_worker_metric(w,
	    "leat_kafka_requests_total{api=\"ApiVersions\"}") > 100);
	assert_true(th_worker_metric(w,
	    "leat_kafka_requests_total{api=\"Metadata\"}") > 0);
	assert_true(th_worker_metric(w, "leat_kafka_received_bytes_total") >
	    100);
	assert_true(th_worker_metric(w, "leat_kafka_sent_bytes_total") > 100);
	assert_true(th_worker_metric(w,
	    "leat_kafka_connections_accepted_total") > 10);
	assert_int_equal(th_worker_metric(w,
	    "leat_kafka_connections_refused_total"), 0);
}

/* -------------------------------------------------------------------- TLS */

/* A certificate with its key in one file, signed by `ca` or by itself. */
static void
make_certificate(const char *name, const char *subject, const char *ca)
{
	static const char script[] = "set -e; cd \"$1\"; "
	    "ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; "
	    "if [ -z \"$4\" ]; then "
	    "openssl req -x509 $ec -days 2 -subj \"$3\" -keyout $2.key "
	    "-out $2.pem; "
	    "else openssl req $ec -subj \"$3\" -keyout $2.key -out $2.csr; "
	    "echo subjectAltName=IP:127.0.0.1 >$2.ext; "
	    "openssl x509 -req -in $2.csr -CA $4.pem -CAkey $4.key "
	    "-CAcreateserial -days 2 -extfile $2.ext -out $2.new; "
	    "cat $2.key >>$2.new; mv $2.new $2.pem; fi";
	char *said = NULL;

	if (th_run(&said, "sh", "-c", script, "sh", th_tmpdir(), name, subject,
	    ca != NULL ? ca : "", NULL) != 0)
		fail_msg("certificate %s: %s", name, said);
	free(said);
}

/* Connects with TLS, and shows a certificate when there is one. */
static SSL *
dial_tls(struct th_worker *to, const char *certificate, int max_version,
    char *ret_error, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_load_verify_locations(ctx, th_path("ca.pem"),
	    NULL), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (max_version != 0) {
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_max_proto_version(ctx, max_version);
	}
	if (certificate != NULL) {
		assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx,
		    certificate), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, certificate,
		    SSL_FILETYPE_PEM), 1);
	}
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_non_null(ssl);
	assert_int_equal(SSL_set_fd(ssl, dial_port(th_worker_kafka(to))), 1);
	if (SSL_connect(ssl) != 1) {
		(void)snprintf(ret_error, size, "handshake");
		close(SSL_get_fd(ssl));
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

static void
hang_up_tls(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

static bool
tls_bytes(SSL *ssl, uint8_t *to, size_t len)
{
	int n;

	for (size_t at = 0; at < len; at += (size_t)n)
		if ((n = SSL_read(ssl, to + at, (int)(len - at))) <= 0)
			return false;
	return true;
}

static bool
tls_answers(SSL *ssl, int32_t id)
{
	uint8_t frame[32], head[8], *body;
	size_t len = request(frame, API_VERSIONS, 0, id, NULL, 0);
	bool ok;

	if (SSL_write(ssl, frame, (int)len) != (int)len ||
	    !tls_bytes(ssl, head, sizeof(head)))
		return false;
	assert_int_equal(leat_get_u32(head + 4), id);
	len = leat_get_u32(head) - 4;
	if ((body = malloc(len)) == NULL)
		fail();
	ok = tls_bytes(ssl, body, len);
	free(body);
	return ok;
}

/* The error of a topic in Metadata v1, which would make it. */
static int
tls_topic_error(SSL *ssl, const char *topic)
{
	enum { ERROR_AT = 8 + 4 + 4 + 11 + 4 + 2 + 4 + 4 };
	uint8_t body[64], frame[96], all[4096];
	size_t len = strlen(topic);

	leat_put_u32(body, 1);
	leat_put_u16(body + 4, (uint16_t)len);
	memcpy(body + 6, topic, len);
	len = request(frame, METADATA, 1, 5, body, 6 + len);
	assert_int_equal(SSL_write(ssl, frame, (int)len), len);
	assert_true(tls_bytes(ssl, all, 4));
	len = leat_get_u32(all);
	assert_in_range(len, ERROR_AT, sizeof(all) - 4);
	assert_true(tls_bytes(ssl, all + 4, len));
	return (int16_t)leat_get_u16(all + ERROR_AT);
}

/* Many answers at once, larger together than the socket and a record. */
static void
tls_pipeline(SSL *ssl)
{
	enum { N = 300 };
	uint8_t frames[N * 32], all[4] = { 0xff, 0xff, 0xff, 0xff }, head[8];
	size_t len = 0;
	uint8_t *body;

	for (int i = 0; i < N; i++)
		len += request(frames + len, METADATA, 1, i, all, sizeof(all));
	assert_int_equal(SSL_write(ssl, frames, (int)len), len);
	for (int i = 0; i < N; i++) {
		assert_true(tls_bytes(ssl, head, sizeof(head)));
		assert_int_equal(leat_get_u32(head + 4), i);
		len = leat_get_u32(head) - 4;
		if ((body = malloc(len)) == NULL)
			fail();
		assert_true(tls_bytes(ssl, body, len));
		free(body);
	}
}

static void
test_tls(void **unused)
{
	const char *settings[] = {
		th_text("broker.ssl.keystore.location: %s",
		    th_path("server.pem")), NULL };
	struct th_worker_opts opts = { .name = "tls", .settings = settings };
	struct th_worker *t;
	uint8_t frame[32];
	char why[64] = "";
	SSL *ssl;
	int fd;

	make_certificate("ca", "/CN=test ca", NULL);
	make_certificate("server", "/CN=server", "ca");
	t = th_worker_start(&opts);
	ssl = dial_tls(t, NULL, 0, why, sizeof(why));
	assert_non_null(ssl);
	assert_true(tls_answers(ssl, 1));
	tls_pipeline(ssl);
	/* Versions before 1.2 are refused, and one without TLS at all. */
	assert_null(dial_tls(t, NULL, TLS1_1_VERSION, why, sizeof(why)));
	fd = dial_port(th_worker_kafka(t));
	put(fd, frame, request(frame, API_VERSIONS, 0, 1, NULL, 0));
	expect_end(fd);
	close(fd);
	TH_WAIT(th_worker_said(t, "a client without TLS on a port of TLS"),
	    SOON_MS);
	assert_true(tls_answers(ssl, 2));

	/* A new certificate is taken without a restart; who is there stays. */
	make_certificate("server", "/CN=server/O=renewed", "ca");
	TH_WAIT(({
		SSL *other = dial_tls(t, NULL, 0, why, sizeof(why));
		char *name = other == NULL ? NULL : X509_NAME_oneline(
		    X509_get_subject_name(SSL_get0_peer_certificate(other)),
		    NULL, 0);
		bool renewed = name != NULL && strstr(name, "renewed") != NULL;

		if (other != NULL)
			hang_up_tls(other);
		OPENSSL_free(name);
		renewed;
	}),
	    SOON_MS);
	assert_true(tls_answers(ssl, 3));
	/* A broken one is told, and the old one stays. */
	th_write_text(th_path("server.pem"), "this is no certificate\n");
	TH_WAIT(({
		SSL *other = dial_tls(t, NULL, 0, why, sizeof(why));

		assert_non_null(other);
		hang_up_tls(other);
		th_worker_said(t, "the old one stays");
	}),
	    SOON_MS);
	hang_up_tls(ssl);
	assert_int_equal(th_worker_stop(t), 0);
	th_worker_free(t);
}

static void
test_tls_client_certificates(void **unused)
{
	const char *settings[] = {
		th_text("broker.ssl.keystore.location: %s",
		    th_path("server.pem")),
		th_text("broker.ssl.truststore.location: %s",
		    th_path("ca.pem")),
		"broker.ssl.client.auth: required",
		th_text("broker.acl.file: %s", th_path("acl")),
		"broker.super.users: User:CN=alice,O=Leat", NULL
	};
	struct th_worker_opts opts = { .name = "mtls", .settings = settings };
	struct th_worker *t;
	char why[64] = "";
	SSL *ssl;

	make_certificate("ca", "/CN=test ca", NULL);
	make_certificate("server", "/CN=server", "ca");
	make_certificate("alice", "/O=Leat/CN=alice", "ca");
	make_certificate("bob", "/O=Leat/CN=bob", "ca");
	make_certificate("evil", "/CN=evil ca", NULL);
	make_certificate("mallory", "/CN=alice", "evil");
	th_write_text(th_path("acl"), "# nobody may do anything\n");
	t = th_worker_start(&opts);
	/* Who they are is said by their certificates. */
	ssl = dial_tls(t, th_path("alice.pem"), 0, why, sizeof(why));
	assert_non_null(ssl);
	assert_true(tls_answers(ssl, 1));
	assert_int_equal(tls_topic_error(ssl, "private"), 0);
	hang_up_tls(ssl);
	ssl = dial_tls(t, th_path("bob.pem"), 0, why, sizeof(why));
	assert_non_null(ssl);
	assert_int_equal(tls_topic_error(ssl, "private"),
	    TOPIC_AUTHORIZATION_FAILED);
	hang_up_tls(ssl);
	/* With TLS 1.3 the refusal comes behind the client's handshake. */
	ssl = dial_tls(t, NULL, 0, why, sizeof(why));
	assert_true(ssl == NULL || !tls_answers(ssl, 1));
	if (ssl != NULL)
		hang_up_tls(ssl);
	ssl = dial_tls(t, th_path("mallory.pem"), 0, why, sizeof(why));
	assert_true(ssl == NULL || !tls_answers(ssl, 1));
	if (ssl != NULL)
		hang_up_tls(ssl);
	TH_WAIT(th_worker_said(t, "no TLS connection"), SOON_MS);
	assert_int_equal(th_worker_stop(t), 0);
	th_worker_free(t);
}

/* What is wrong with the files is said at the start, by name. */
static void
refused_start(const char *certificate, const char *key, const char *want)
{
	char *said = NULL;
	int rc;

	rc = th_run(&said, th_leat_bin(), "worker", "--set",
	    th_text("data.dir=%s", th_path("refused")), "--set",
	    th_text("config.dir=%s", th_path("refused")), "--set",
	    th_text("plugin.path=%s", th_plugin_dir()), "--set",
	    "rest.listen=none", "--set", "broker.listeners=127.0.0.1:0",
	    "--set", th_text("broker.ssl.keystore.location=%s", certificate),
	    "--set", th_text("broker.ssl.key.location=%s", key), NULL);
	assert_int_not_equal(rc, 0);
	if (strstr(said, want) == NULL)
		fail_msg("no '%s' in: %s", want, said);
	free(said);
}

static void
test_tls_files(void **unused)
{
	const char *server = th_path("server.pem");

	make_certificate("ca", "/CN=test ca", NULL);
	make_certificate("server", "/CN=server", "ca");
	th_mkdir(th_path("refused"));
	th_write_text(th_path("no.pem"), "hello\n");
	refused_start(th_path("none.pem"), server,
	    "none.pem': No such file or directory");
	refused_start(th_path("no.pem"), server, "no.pem': no start line");
	refused_start(server, th_path("ca.key"), "key of another certificate");
	refused_start(server, th_path("no.pem"), "no.pem': no private key");
}

/* librdkafka over TLS, with a certificate of its own. */
static void
test_tls_kcat(void **unused)
{
	const char *settings[] = {
		th_text("broker.ssl.keystore.location: %s",
		    th_path("server.pem")),
		th_text("broker.ssl.truststore.location: %s",
		    th_path("ca.pem")),
		"broker.ssl.client.auth: required", NULL
	};
	struct th_worker_opts opts = { .name = "kcat", .settings = settings };
	struct th_worker *t;
	char *said = NULL;
	int rc;

	if (th_run(NULL, "sh", "-c", "command -v kcat", NULL) != 0) {
		print_message("kcat is not here\n");
		skip();
	}
	make_certificate("ca", "/CN=test ca", NULL);
	make_certificate("server", "/CN=server", "ca");
	make_certificate("alice", "/CN=alice", "ca");
	t = th_worker_start(&opts);
	rc = th_run(&said, "kcat", "-b", th_worker_kafka(t), "-L",
	    "-X", "security.protocol=ssl",
	    "-X", th_text("ssl.ca.location=%s", th_path("ca.pem")),
	    "-X", th_text("ssl.certificate.location=%s", th_path("alice.pem")),
	    "-X", th_text("ssl.key.location=%s", th_path("alice.pem")), NULL);
	if (rc != 0 || strstr(said, "broker 1 at 127.0.0.1") == NULL)
		fail_msg("kcat: %d %s", rc, said);
	free(said);
	assert_int_equal(th_worker_stop(t), 0);
	th_worker_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crowd),	/* in fresh memory */
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_half_requests),
		cmocka_unit_test(test_slow_readers),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_client_certificates),
		cmocka_unit_test(test_tls_files),
		cmocka_unit_test(test_tls_kcat),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
