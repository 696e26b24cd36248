/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the source and the sink have in common.
 */
#include "http_options.h"

#include <pthread.h>
#include <unistd.h>

#include <leat/buf.h>
#include <leat/str.h>

enum http_auth
http_options_auth(const struct http_options *o)
{
	if (o->auth != HTTP_AUTH_AUTO)
		return (enum http_auth)o->auth;
	if (o->token != NULL && *o->token != '\0')
		return HTTP_AUTH_BEARER;
	return o->user != NULL && *o->user != '\0' ? HTTP_AUTH_BASIC
						   : HTTP_AUTH_NONE;
}

static bool
has_control(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; p != NULL && *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return true;
	}
	return false;
}

static int
check_auth(const struct http_options *o, struct leat_err *err)
{
	enum http_auth auth = http_options_auth(o);

	if (auth == HTTP_AUTH_BASIC && o->user == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "user: required by auth.type basic");
	if (auth == HTTP_AUTH_BEARER && o->token == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "token: required by auth.type bearer");
	if (o->user != NULL && strchr(o->user, ':') != NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "user: may not hold a colon");
	if (has_control(o->token))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "token: holds a control character (a line end read from "
		    "a file?)");
	return 0;
}

static bool
is_token(const char *s)
{
	static const char extra[] = "!#$%&'*+-.^_`|~";
	const char *p;

	for (p = s; *p != '\0'; p++) {
		char low = (char)(*p | 32);

		if (!(low >= 'a' && low <= 'z') && !(*p >= '0' && *p <= '9') &&
		    strchr(extra, *p) == NULL)
			return false;
	}
	return p > s;
}

/* Headers that would contradict how we frame requests. */
static bool
is_ours(const char *name)
{
	return strcasecmp(name, "content-length") == 0 ||
	    strcasecmp(name, "transfer-encoding") == 0 ||
	    strcasecmp(name, "connection") == 0 ||
	    strcasecmp(name, "expect") == 0;
}

static int
check_headers(const struct http_options *o, struct leat_err *err)
{
	uint32_t i;

	for (i = 0; i < o->headers.len; i++) {
		const struct leat_param *h = &o->headers.items[i];

		if (!is_token(h->key))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "header.%s: not a header name",
			    h->key);
		if (is_ours(h->key))
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG,
			    "header.%s: set by the connector itself", h->key);
		if (strcasecmp(h->key, "authorization") == 0 &&
		    http_options_auth(o) != HTTP_AUTH_NONE)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG,
			    "header.%s: contradicts user or token (set "
			    "auth.type: none)",
			    h->key);
	}
	return 0;
}

static int
check_file(const char *path, const char *option, struct leat_err *err)
{
	if (path == NULL || *path == '\0' || access(path, R_OK) == 0)
		return 0;
	return leat_err_errno(err, LEAT_CLS_CONFIG, "%s: cannot read '%s'",
	    option, path);
}

int
http_options_check(const struct http_options *o, struct leat_err *err)
{
	int rc = check_auth(o, err);

	if (rc == 0)
		rc = check_headers(o, err);
	if (rc == 0 && o->key_file != NULL && o->cert_file == NULL)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "tls.key.file: useless without tls.cert.file");
	return rc;
}

int
http_url_check(const char *url, const char *option, struct leat_err *err)
{
	struct leat_str s = leat_str_c(url);
	size_t scheme = strncasecmp(url, "http://", 7) == 0	? 7
	    : strncasecmp(url, "https://", 8) == 0		? 8
							    : 0;

	if (scheme == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: '%s' is not a http:// or https:// URL", option, url);
	if (s.len == scheme || url[scheme] == '/' || url[scheme] == '?')
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: '%s' has no host", option, url);
	if (strcspn(url + scheme, "@") < strcspn(url + scheme, "/?#$"))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: holds credentials; use user and password", option);
	if (s.len > HTTP_URL_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: longer than %d bytes", option, HTTP_URL_MAX);
	return 0;
}

int
http_options_authorization(const struct http_options *o, struct leat_buf *b)
{
	struct leat_buf plain;
	uint8_t *to;
	size_t n;

	if (http_options_auth(o) == HTTP_AUTH_BEARER) {
		leat_buf_add_str(b, "Authorization: Bearer ");
		return leat_buf_add_str(b, o->token);
	}
	if (http_options_auth(o) != HTTP_AUTH_BASIC)
		return 0;
	leat_buf_init(&plain, HTTP_HEADER_MAX / 2);
	leat_buf_add_str(&plain, o->user);
	leat_buf_add_byte(&plain, ':');
	leat_buf_add_str(&plain, o->password != NULL ? o->password : "");
	n = leat_base64_len(plain.len);
	leat_buf_add_str(b, "Authorization: Basic ");
	to = plain.failed ? NULL : leat_buf_reserve(b, n);
	if (to != NULL) {
		leat_base64_encode((char *)to, plain.data, plain.len);
		b->len += n;
	} else {
		b->failed = true;
	}
	leat_buf_fini(&plain);
	return b->failed ? -1 : 0;
}

static CURLcode
set_text(CURL *easy, CURLoption opt, const char *text)
{
	if (text == NULL || *text == '\0')
		return CURLE_OK;
	return curl_easy_setopt(easy, opt, text);
}

static CURLcode
apply_tls(const struct http_options *o, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
	    o->tls_verify != 0 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
	    o->tls_verify != 0 ? 2L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	rc = set_text(easy, CURLOPT_CAINFO, o->ca_file);
	if (rc == CURLE_OK)
		rc = set_text(easy, CURLOPT_SSLCERT, o->cert_file);
	if (rc == CURLE_OK)
		rc = set_text(easy, CURLOPT_SSLKEY, o->key_file);
	if (rc == CURLE_OK)
		rc = set_text(easy, CURLOPT_KEYPASSWD, o->key_password);
	return rc;
}

int
http_options_apply(const struct http_options *o, CURL *easy,
    struct leat_err *err)
{
	CURLcode rc;

	if (check_file(o->ca_file, "tls.ca.file", err) < 0 ||
	    check_file(o->cert_file, "tls.cert.file", err) < 0 ||
	    check_file(o->key_file, "tls.key.file", err) < 0)
		return err != NULL ? err->code : LEAT_E_CONFIG;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    o->version == HTTP_VERSION_2 ? (long)CURL_HTTP_VERSION_2TLS
					 : (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)o->connect_timeout_ms);
	rc = apply_tls(o, easy);
	if (rc == CURLE_OK)
		rc = set_text(easy, CURLOPT_PROXY, o->proxy);
	if (rc != CURLE_OK)
		return http_curl_error(rc, "", err);
	return 0;
}

static int
class_of(CURLcode code)
{
	switch ((int)code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_UNKNOWN_OPTION:
	case CURLE_NOT_BUILT_IN:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_LOGIN_DENIED:
		return LEAT_CLS_CONFIG;
	default:
		return LEAT_CLS_RETRY;
	}
}

int
http_curl_error(CURLcode code, const char *detail, struct leat_err *err)
{
	const char *hint = "";

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		hint = " (trust it with tls.ca.file)";
	return leat_err_set(err, class_of(code), LEAT_E_REMOTE, "%s%s%s%s",
	    curl_easy_strerror(code), *detail != '\0' ? ": " : "", detail,
	    hint);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode once_result;

static void
init_once(void)
{
	once_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int
http_global_init(struct leat_err *err)
{
	pthread_once(&once, init_once);
	if (once_result != CURLE_OK)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_REMOTE,
		    "libcurl does not start: %s",
		    curl_easy_strerror(once_result));
	return 0;
}
