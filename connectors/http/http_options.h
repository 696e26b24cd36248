/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_options.h: what the source and the sink have in common: who we are, how
 * we connect, and what we trust.
 */
#ifndef LEAT_HTTP_OPTIONS_H
#define LEAT_HTTP_OPTIONS_H

#include <curl/curl.h>

#include <leat/buf.h>
#include <leat/connector.h>

enum http_auth {
	HTTP_AUTH_AUTO = 0,	/* by which credentials are there */
	HTTP_AUTH_NONE = 1,
	HTTP_AUTH_BASIC = 2,
	HTTP_AUTH_BEARER = 3
};

enum http_version {
	HTTP_VERSION_1 = 0,
	HTTP_VERSION_2 = 1
};

struct http_options {
	int32_t auth;		/* enum http_auth */
	int32_t version;	/* enum http_version */
	int32_t tls_verify;
	int32_t reserved;
	const char *user;
	const char *password;
	const char *token;
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	const char *key_password;
	const char *proxy;
	int64_t connect_timeout_ms;
	int64_t request_timeout_ms;
	struct leat_params headers;
};

enum {
	HTTP_URL_MAX = 64 * 1024,
	HTTP_HEADER_MAX = 16 * 1024
};

/* clang-format off */
#define HTTP_COMMON_OPTIONS(config, member) \
	{ .name = "header", .type = LEAT_OPT_MAP, \
	  .offset = offsetof(config, member.headers), .since = "1.0.0", \
	  .help = "Headers of every request: header.X-Api-Key: secret. " \
	      "Values may hold the variables of url." }, \
	{ .name = "auth.type", .type = LEAT_OPT_CHOICE, .def = "auto", \
	  .choices = "auto,none,basic,bearer", \
	  .offset = offsetof(config, member.auth), .since = "1.0.0", \
	  .help = "How to authenticate; auto: basic when a user is given, " \
	      "bearer when a token is." }, \
	{ .name = "user", .aliases = "connection.user", \
	  .type = LEAT_OPT_STRING, \
	  .offset = offsetof(config, member.user), .since = "1.0.0", \
	  .help = "User name for basic authentication." }, \
	{ .name = "password", .aliases = "connection.password", \
	  .type = LEAT_OPT_STRING, .flags = LEAT_OPT_SECRET, \
	  .offset = offsetof(config, member.password), .since = "1.0.0", \
	  .help = "Password for basic authentication." }, \
	{ .name = "token", .aliases = "bearer.token", \
	  .type = LEAT_OPT_STRING, .flags = LEAT_OPT_SECRET, \
	  .offset = offsetof(config, member.token), .since = "1.0.0", \
	  .help = "Token sent as Authorization: Bearer." }, \
	{ .name = "connect.timeout.ms", \
	  .aliases = "http.connect.timeout.ms", \
	  .type = LEAT_OPT_DURATION, .def = "10s", .min = 1, \
	  .max = 3600000, .since = "1.0.0", \
	  .offset = offsetof(config, member.connect_timeout_ms), \
	  .help = "Longest time for resolving, connecting and TLS." }, \
	{ .name = "request.timeout.ms", \
	  .aliases = "http.request.timeout.ms", \
	  .type = LEAT_OPT_DURATION, .def = "30s", .min = 1, \
	  .max = 3600000, .since = "1.0.0", \
	  .offset = offsetof(config, member.request_timeout_ms), \
	  .help = "Longest time from sending a request to the end of its " \
	      "response." }, \
	{ .name = "http.version", .type = LEAT_OPT_CHOICE, .def = "1.1", \
	  .choices = "1.1,2", .since = "1.0.0", \
	  .offset = offsetof(config, member.version), \
	  .help = "HTTP version to use; 2 is negotiated over TLS and falls " \
	      "back to 1.1." }, \
	{ .name = "tls.verify", .type = LEAT_OPT_BOOL, .def = "true", \
	  .offset = offsetof(config, member.tls_verify), .since = "1.0.0", \
	  .help = "Check the server's certificate and name. Only for tests " \
	      "should this be off." }, \
	{ .name = "tls.ca.file", .type = LEAT_OPT_STRING, \
	  .offset = offsetof(config, member.ca_file), .since = "1.0.0", \
	  .help = "PEM file of the authorities to trust instead of the " \
	      "system's." }, \
	{ .name = "tls.cert.file", .type = LEAT_OPT_STRING, \
	  .offset = offsetof(config, member.cert_file), .since = "1.0.0", \
	  .help = "PEM file of the client certificate." }, \
	{ .name = "tls.key.file", .type = LEAT_OPT_STRING, \
	  .offset = offsetof(config, member.key_file), .since = "1.0.0", \
	  .help = "PEM file of the client certificate's private key." }, \
	{ .name = "tls.key.password", .type = LEAT_OPT_STRING, \
	  .flags = LEAT_OPT_SECRET, .since = "1.0.0", \
	  .offset = offsetof(config, member.key_password), \
	  .help = "Passphrase of tls.key.file." }, \
	{ .name = "proxy", .type = LEAT_OPT_STRING, \
	  .flags = LEAT_OPT_SECRET, \
	  .offset = offsetof(config, member.proxy), .since = "1.0.0", \
	  .help = "URL of a proxy (http, https, socks5); empty: the " \
	      "environment's http_proxy and https_proxy hold." }
/* clang-format on */

/* What the option rows cannot say. 0, or class CONFIG. */
int http_options_check(const struct http_options *o, struct leat_err *err);

/* Is the text a http or https URL with a host? `option` is for the error. */
int http_url_check(const char *url, const char *option, struct leat_err *err);

/* The authentication that holds: never HTTP_AUTH_AUTO. */
enum http_auth http_options_auth(const struct http_options *o);

/*
 * Appends "Authorization: ..." without a line end, nothing when there is no
 * authentication. 0 or -1.
 */
int http_options_authorization(const struct http_options *o,
    struct leat_buf *b);

/*
 * Applies connection, TLS and timeouts to a handle; not the headers. 0, or
 * negative with err filled.
 */
int http_options_apply(const struct http_options *o, CURL *easy,
    struct leat_err *err);

/*
 * Fills err with class and text for what libcurl says went wrong; `detail` is
 * its error buffer and may be empty. Returns the code.
 */
int http_curl_error(CURLcode code, const char *detail, struct leat_err *err);

/* libcurl's global start, once for the process. 0, or class FATAL. */
int http_global_init(struct leat_err *err);

#endif
