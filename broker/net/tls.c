/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c: connections that speak TLS, by OpenSSL.
 *
 * The context with certificate and key is shared and counted by OpenSSL; when
 * the files have changed, the next connection gets a new one, and the others
 * keep theirs. No tickets and no cache of sessions: nothing outlives a
 * connection. Answers leave in pieces of a TLS record; what stands in a file is
 * read a record at a time.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	RECORD_BYTES = 16 << 10,	/* the largest of TLS */
	RECORD_HANDSHAKE = 22,		/* the first byte of a client */
	LOOK_AGAIN_MS = 1000,		/* at the files */
	FILES = 3
};

static const struct logger lg = { "kafka", NULL, -1 };

struct file_stamp {
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct tls {
	char *certificate, *key, *client_ca;
	bool client_optional;
	struct lock lock;	/* RANK_LEAF; guards the next four */
	SSL_CTX *context;
	struct file_stamp stamps[FILES];
	int64_t looked_ns;
	bool looking;
};

struct tls_conn {
	SSL *ssl;
};

/* ------------------------------------------------------------------ errors */

/* The first of OpenSSL's errors, which is the cause; forgets the others. */
static const char *
openssl_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

	if (text == NULL && code != 0 && ERR_SYSTEM_ERROR(code))
		text = strerror(ERR_GET_REASON(code));
	ERR_clear_error();
	return text != NULL ? text : "unknown reason";
}

static int
file_error(const char *what, const char *path, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "TLS: %s '%s': %s", what, path, openssl_reason());
}

/* OpenSSL says of a file that cannot be read less than the system does. */
static int
check_readable(const char *what, const char *path, struct leat_err *err)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "TLS: %s '%s': %s", what, path, strerror(errno));
	(void)fclose(f);
	return 0;
}

/* ------------------------------------------------------------- the context */

static int
set_client_ca(const struct tls *t, SSL_CTX *ctx, struct leat_err *err)
{
	STACK_OF(X509_NAME) * names;
	int rc, mode = SSL_VERIFY_PEER;

	if (t->client_ca == NULL)
		return 0;
	if ((rc = check_readable("client CA", t->client_ca, err)) < 0)
		return rc;
	names = SSL_load_client_CA_file(t->client_ca);
	if (names == NULL ||
	    SSL_CTX_load_verify_locations(ctx, t->client_ca, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return file_error("client CA", t->client_ca, err);
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	if (!t->client_optional)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

static int
set_certificate(const struct tls *t, SSL_CTX *ctx, struct leat_err *err)
{
	const char *key = t->key != NULL ? t->key : t->certificate;
	int rc;

	if ((rc = check_readable("certificate", t->certificate, err)) < 0 ||
	    (rc = check_readable("key", key, err)) < 0)
		return rc;
	if (SSL_CTX_use_certificate_chain_file(ctx, t->certificate) != 1)
		return file_error("certificate", t->certificate, err);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1)
		return 0;
	if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH)
		return file_error("key of another certificate", key, err);
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "TLS: key '%s': no private key that can be read without a "
	    "passphrase (%s)", key, openssl_reason());
}

/* A key with a passphrase has nobody to ask. */
static int
no_passphrase(char *to, int size, int writing, void *arg)
{
	return -1;
}

static SSL_CTX *
context_new(const struct tls *t, struct leat_err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL) {
		(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "TLS: %s",
		    openssl_reason());
		return NULL;
	}
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* An idle connection holds no buffers; parts of a record may leave. */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (set_certificate(t, ctx, err) < 0 ||
	    set_client_ca(t, ctx, err) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* ------------------------------------------------------- files that change */

static struct file_stamp
stamp_of(const char *path)
{
	struct file_stamp stamp = { { 0, 0 }, 0, 0 };
	struct stat st;

	if (path != NULL && stat(path, &st) == 0)
		stamp = (struct file_stamp){ st.st_mtim, st.st_size,
			st.st_ino };
	return stamp;
}

static void
take_stamps(const struct tls *t, struct file_stamp to[FILES])
{
	to[0] = stamp_of(t->certificate);
	to[1] = stamp_of(t->key);
	to[2] = stamp_of(t->client_ca);
}

static bool
same_stamps(const struct file_stamp *a, const struct file_stamp *b)
{
	for (int i = 0; i < FILES; i++)
		if (a[i].changed.tv_sec != b[i].changed.tv_sec ||
		    a[i].changed.tv_nsec != b[i].changed.tv_nsec ||
		    a[i].size != b[i].size || a[i].inode != b[i].inode)
			return false;
	return true;
}

/* Is it time to look at the files? Then nobody else does meanwhile. */
static bool
begin_looking(struct tls *t, struct file_stamp known[FILES])
{
	int64_t now = clock_mono_ns(&clock_system);
	bool yes;

	lock_acquire(&t->lock);
	yes = !t->looking &&
	    now - t->looked_ns > (int64_t)LOOK_AGAIN_MS * 1000000;
	if (yes) {
		t->looking = true;
		t->looked_ns = now;
		memcpy(known, t->stamps, sizeof(t->stamps));
	}
	lock_release(&t->lock);
	return yes;
}

static void
look_at_files(struct tls *t)
{
	struct file_stamp known[FILES], now[FILES];
	struct leat_err err = LEAT_ERR_INIT;
	SSL_CTX *ctx = NULL;

	if (!begin_looking(t, known))
		return;
	take_stamps(t, now);
	if (!same_stamps(known, now)) {
		ctx = context_new(t, &err);
		if (ctx == NULL)
			log_err(&lg, "the certificate has changed and cannot "
			    "be used: the old one stays", &err);
		else
			log_notice(&lg, "certificate read again", "file=%s",
			    t->certificate);
	}
	lock_acquire(&t->lock);
	memcpy(t->stamps, now, sizeof(t->stamps));
	t->looking = false;
	if (ctx != NULL) {
		SSL_CTX *old = t->context;

		t->context = ctx;
		ctx = old;
	}
	lock_release(&t->lock);
	SSL_CTX_free(ctx);
}

int
tls_open(const struct broker_listen_options *o, struct tls **ret_tls,
    struct leat_err *err)
{
	struct tls *t;

	*ret_tls = NULL;
	if (o->tls_certificate == NULL)
		return o->tls_client_ca == NULL ? 0 : leat_err_set(err,
		    LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "TLS: a client CA without a certificate");
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	lock_init(&t->lock, RANK_LEAF);
	t->certificate = strdup(o->tls_certificate);
	t->key = o->tls_key != NULL ? strdup(o->tls_key) : NULL;
	t->client_ca = o->tls_client_ca != NULL ? strdup(o->tls_client_ca) :
	    NULL;
	t->client_optional = o->tls_client_optional;
	if (t->certificate == NULL ||
	    (t->key == NULL) != (o->tls_key == NULL) ||
	    (t->client_ca == NULL) != (o->tls_client_ca == NULL)) {
		tls_close(t);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	}
	take_stamps(t, t->stamps);
	t->looked_ns = clock_mono_ns(&clock_system);
	if ((t->context = context_new(t, err)) == NULL) {
		tls_close(t);
		return err->code;
	}
	*ret_tls = t;
	return 0;
}

void
tls_close(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->context);
	free(t->certificate);
	free(t->key);
	free(t->client_ca);
	lock_fini(&t->lock);
	free(t);
}

/* ---------------------------------------------------------- the connection */

/* What to do about a result that is not a count of bytes. */
static ssize_t
tls_result(struct conn *c, int rc, bool reading)
{
	switch (SSL_get_error(c->tls->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		if (!reading)
			c->wants |= LOOP_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		if (reading)
			c->wants |= LOOP_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		rc = errno;
		ERR_clear_error();
		return rc == 0 ? -ECONNRESET : -rc;
	default:
		ERR_clear_error();
		return -EPROTO;
	}
}

static ssize_t
tls_read(struct conn *c, const struct iovec *iov, int n)
{
	ssize_t total = 0;
	int rc;

	for (int i = 0; i < n; i++) {
		size_t at = 0;

		while (at < iov[i].iov_len) {
			ERR_clear_error();
			errno = 0;
			rc = SSL_read(c->tls->ssl, (char *)iov[i].iov_base + at,
			    (int)(iov[i].iov_len - at));
			if (rc <= 0)
				/* Said again when nothing came before it. */
				return total > 0 ? total :
				    tls_result(c, rc, true);
			at += (size_t)rc;
			total += rc;
		}
	}
	return total;
}

/*
 * A write that has to wait must be repeated with the same bytes. It is: what is
 * sent begins with the same answers, behind which there may only be more.
 */
static ssize_t
write_record(struct conn *c, const void *p, size_t len)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_write(c->tls->ssl, p, (int)MIN(len, (size_t)RECORD_BYTES));
	if (rc > 0)
		return rc;
	rc = (int)tls_result(c, rc, false);
	return rc == 0 ? -EPIPE : rc;
}

static ssize_t
tls_write(struct conn *c, struct iovec *iov, int n, bool more)
{
	uint8_t *record = c->io->scratch;
	size_t have = 0, part;

	if (iov[0].iov_len >= RECORD_BYTES || n == 1)
		return write_record(c, iov[0].iov_base, iov[0].iov_len);
	for (int i = 0; i < n && have < RECORD_BYTES; i++) {
		part = MIN(iov[i].iov_len, RECORD_BYTES - have);
		memcpy(record + have, iov[i].iov_base, part);
		have += part;
	}
	return write_record(c, record, have);
}

static ssize_t
tls_send_file(struct conn *c, int fd, off_t pos, size_t len)
{
	uint8_t *record = c->io->scratch;
	ssize_t n;

	do {
		n = pread(fd, record, MIN(len, (size_t)RECORD_BYTES), pos);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	return write_record(c, record, (size_t)n);
}

static bool
tls_pending(const struct conn *c)
{
	return SSL_pending(c->tls->ssl) > 0;
}

static void
tls_conn_close(struct conn *c)
{
	if (c->tls == NULL)
		return;
	if (!c->shaking)
		(void)SSL_shutdown(c->tls->ssl);
	ERR_clear_error();
	SSL_free(c->tls->ssl);
	free(TAKE(c->tls));
}

/* --------------------------------------------------------------- handshake */

/* "User:CN=name,OU=unit": the subject as Kafka writes it (RFC 2253). */
static int
take_principal(struct conn *c)
{
	X509 *cert = SSL_get0_peer_certificate(c->tls->ssl);
	BIO *bio;
	char *text, *principal = NULL;
	long len;

	if (cert == NULL)
		return 0;
	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return -1;
	if (X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
	    XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 &&
	    (len = BIO_get_mem_data(bio, &text)) >= 0 &&
	    memchr(text, 0, (size_t)len) == NULL &&
	    asprintf(&principal, "User:%.*s", (int)len, text) < 0)
		principal = NULL;
	(void)BIO_free(bio);
	if (principal == NULL)
		return -1;
	free(c->peer.principal);
	c->peer.principal = principal;
	return 0;
}

/* A client that does not speak TLS at all is told apart. */
static bool
is_plain(const struct conn *c)
{
	uint8_t first;

	return recv(c->fd, &first, 1, MSG_PEEK) == 1 &&
	    first != RECORD_HANDSHAKE;
}

static int
tls_shake(struct conn *c, char *ret_why, size_t size)
{
	SSL *ssl = c->tls->ssl;
	int rc;

	if (SSL_get_state(ssl) == TLS_ST_BEFORE && is_plain(c)) {
		(void)snprintf(ret_why, size,
		    "a client without TLS on a port of TLS");
		return -EPROTO;
	}
	ERR_clear_error();
	errno = 0;
	if ((rc = SSL_do_handshake(ssl)) == 1) {
		if (take_principal(c) == 0)
			return 0;
		(void)snprintf(ret_why, size,
		    "the subject of its certificate cannot be used");
		return -EPROTO;
	}
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		c->wants = LOOP_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		c->wants = LOOP_WRITE;
		return -EAGAIN;
	default:
		break;
	}
	if (ERR_peek_error() == 0)
		(void)snprintf(ret_why, size, "%s", errno != 0 ?
		    strerror(errno) : "the peer closed it");
	else
		(void)snprintf(ret_why, size, "%s", openssl_reason());
	return -EPROTO;
}

static const struct transport transport_tls = {
	.read = tls_read,
	.write = tls_write,
	.send_file = tls_send_file,
	.pending = tls_pending,
	.shake = tls_shake,
	.close = tls_conn_close,
};

int
tls_attach(struct tls *t, struct conn *c)
{
	SSL_CTX *ctx;

	look_at_files(t);
	if ((c->tls = calloc(1, sizeof(*c->tls))) == NULL)
		return -1;
	lock_acquire(&t->lock);
	ctx = t->context;
	(void)SSL_CTX_up_ref(ctx);
	lock_release(&t->lock);
	c->tls->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (c->tls->ssl == NULL || SSL_set_fd(c->tls->ssl, c->fd) != 1) {
		SSL_free(c->tls->ssl);
		free(TAKE(c->tls));
		ERR_clear_error();
		return -1;
	}
	SSL_set_accept_state(c->tls->ssl);
	c->transport = &transport_tls;
	c->shaking = true;
	return 0;
}
