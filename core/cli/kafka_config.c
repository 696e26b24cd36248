/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_config.c: see kafka_config.h. */
#include "core/cli/kafka_config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <leat/buf.h>
#include <leat/str.h>

#include "core/base/obj.h"
#include "core/cli/client_properties.h"

enum { FILE_MAX = 1 << 20, TEXT_MAX = 4096 };

/* What must be seen together before it can be said in librdkafka's words. */
struct java {
	rd_kafka_conf_t *conf;
	const char *path;
	char jaas[TEXT_MAX];
	char mechanism[64];
	char truststore[TEXT_MAX], truststore_type[16];
	char keystore[TEXT_MAX], keystore_type[16];
};

/* Java's name and librdkafka's. NULL: it has no meaning there. */
static const struct {
	const char *java, *ours;
} renamed[] = {
	{ "receive.buffer.bytes", "socket.receive.buffer.bytes" },
	{ "send.buffer.bytes", "socket.send.buffer.bytes" },
	{ "fetch.max.wait.ms", "fetch.wait.max.ms" },
	{ "max.request.size", "message.max.bytes" },
	{ "ssl.truststore.certificates", "ssl.ca.pem" },
	{ "ssl.keystore.certificate.chain", "ssl.certificate.pem" },
	{ "ssl.keystore.key", "ssl.key.pem" },
	{ "sasl.kerberos.kinit.cmd", NULL },
	{ "allow.auto.create.topics", NULL },
	{ "auto.include.jmx.reporter", NULL },
	{ "buffer.memory", NULL },
	{ "client.dns.lookup", NULL },
	{ "default.api.timeout.ms", NULL },
	{ "enable.metrics.push", NULL },
	{ "exclude.internal.topics", NULL },
	{ "group.protocol", NULL },
	{ "interceptor.classes", NULL },
	{ "key.deserializer", NULL },
	{ "key.serializer", NULL },
	{ "max.block.ms", NULL },
	{ "max.poll.records", NULL },
	{ "metadata.recovery.strategy", NULL },
	{ "metric.reporters", NULL },
	{ "metrics.num.samples", NULL },
	{ "metrics.recording.level", NULL },
	{ "metrics.sample.window.ms", NULL },
	{ "partition.assignment.strategy", NULL },
	{ "partitioner.class", NULL },
	{ "request.timeout.ms", NULL },
	{ "sasl.client.callback.handler.class", NULL },
	{ "sasl.login.callback.handler.class", NULL },
	{ "sasl.login.class", NULL },
	{ "security.providers", NULL },
	{ "ssl.cipher.suites", NULL },
	{ "ssl.enabled.protocols", NULL },
	{ "ssl.keymanager.algorithm", NULL },
	{ "ssl.protocol", NULL },
	{ "ssl.provider", NULL },
	{ "ssl.secure.random.implementation", NULL },
	{ "ssl.trustmanager.algorithm", NULL },
	{ "ssl.truststore.password", NULL },
	{ "transactional.id", NULL },
	{ "value.deserializer", NULL },
	{ "value.serializer", NULL },
};

static int
set(struct java *j, const char *name, const char *value, struct leat_err *err)
{
	char text[512];

	if (rdk.conf_set(j->conf, name, value, text, sizeof(text)) ==
	    RD_KAFKA_CONF_OK)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s", text);
}

static int
keep(char *to, size_t size, const char *name, const char *value,
    struct leat_err *err)
{
	if (strlen(value) >= size)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s is longer than %zu bytes", name, size - 1);
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

/* 1: the property was one of those that are looked at together. */
static int
keep_for_later(struct java *j, const char *name, const char *value,
    struct leat_err *err)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} kept[] = {
		{ "sasl.jaas.config", j->jaas, sizeof(j->jaas) },
		{ "ssl.truststore.location", j->truststore,
		    sizeof(j->truststore) },
		{ "ssl.truststore.type", j->truststore_type,
		    sizeof(j->truststore_type) },
		{ "ssl.keystore.location", j->keystore, sizeof(j->keystore) },
		{ "ssl.keystore.type", j->keystore_type,
		    sizeof(j->keystore_type) },
	};

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (strcmp(name, kept[i].name) == 0)
			return keep(kept[i].to, kept[i].size, name, value,
				   err) < 0
			    ? -1
			    : 1;
	return 0;
}

static int
property(void *arg, const char *name, const char *value, int line,
    struct leat_err *err)
{
	struct java *j = arg;
	char text[512];
	int rc = keep_for_later(j, name, value, err);

	if (rc != 0)
		return rc < 0 ? leat_err_wrap(err, "line %d", line) : 0;
	for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
		if (strcmp(name, renamed[i].java) == 0) {
			name = renamed[i].ours;
			break;
		}
	if (name == NULL)
		return 0;
	if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 &&
	    value[0] == '\0')
		value = "none";
	if (strcmp(name, "sasl.mechanism") == 0 &&
	    keep(j->mechanism, sizeof(j->mechanism), name, value, err) < 0)
		return leat_err_wrap(err, "line %d", line);
	switch (rdk.conf_set(j->conf, name, value, text, sizeof(text))) {
	case RD_KAFKA_CONF_OK: return 0;
	case RD_KAFKA_CONF_UNKNOWN:
		fprintf(stderr, "leat: %s: line %d: no client knows '%s'; "
		    "passed over\n", j->path, line, name);
		return 0;
	case RD_KAFKA_CONF_INVALID: break;
	}
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "line %d: %s",
	    line, text);
}

/* An option of the JAAS line becomes a property. */
static int
from_jaas(struct java *j, const char *option, const char *name,
    struct leat_err *err)
{
	char value[TEXT_MAX];

	if (!properties_jaas(j->jaas, option, value, sizeof(value)))
		return 0;
	return set(j, name, value, err);
}

static int
apply_jaas(struct java *j, struct leat_err *err)
{
	static const struct {
		const char *option, *name;
	} plain[] = {
		{ "username", "sasl.username" },
		{ "password", "sasl.password" },
	},
	  kerberos[] = {
		  { "keyTab", "sasl.kerberos.keytab" },
		  { "principal", "sasl.kerberos.principal" },
		  { "serviceName", "sasl.kerberos.service.name" },
	  },
	  oauth[] = {
		  { "clientId", "sasl.oauthbearer.client.id" },
		  { "clientSecret", "sasl.oauthbearer.client.secret" },
		  { "scope", "sasl.oauthbearer.scope" },
	  };
	bool is_oauth = strcasecmp(j->mechanism, "OAUTHBEARER") == 0;
	bool is_kerberos = strstr(j->jaas, "Krb5LoginModule") != NULL;
	int rc = 0;

	if (j->jaas[0] == '\0')
		return 0;
	if (is_oauth)
		rc = set(j, "sasl.oauthbearer.method", "oidc", err);
	for (size_t i = 0; rc == 0 && is_oauth && i < ARRAY_LEN(oauth); i++)
		rc = from_jaas(j, oauth[i].option, oauth[i].name, err);
	for (size_t i = 0; rc == 0 && is_kerberos && i < ARRAY_LEN(kerberos);
	    i++)
		rc = from_jaas(j, kerberos[i].option, kerberos[i].name, err);
	for (size_t i = 0; rc == 0 && !is_oauth && !is_kerberos &&
	    i < ARRAY_LEN(plain); i++)
		rc = from_jaas(j, plain[i].option, plain[i].name, err);
	return rc < 0 ? leat_err_wrap(err, "sasl.jaas.config") : 0;
}

static bool
is_pem(const char *path, const char *type)
{
	struct leat_str name = leat_str_c(path);

	if (type[0] != '\0')
		return strcasecmp(type, "PEM") == 0;
	return leat_str_ends(name, ".pem") || leat_str_ends(name, ".crt");
}

static bool
is_pkcs12(const char *path, const char *type)
{
	struct leat_str name = leat_str_c(path);

	if (type[0] != '\0')
		return strcasecmp(type, "PKCS12") == 0;
	return leat_str_ends(name, ".p12") || leat_str_ends(name, ".pfx");
}

static int
apply_stores(struct java *j, struct leat_err *err)
{
	int rc = 0;

	if (j->truststore[0] != '\0' &&
	    !is_pem(j->truststore, j->truststore_type))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "ssl.truststore.location: only PEM is read here; "
		    "`keytool -exportcert -rfc -keystore %.200s -alias NAME "
		    "-file ca.pem` exports a certificate, then say "
		    "ssl.truststore.type=PEM", j->truststore);
	if (j->truststore[0] != '\0')
		rc = set(j, "ssl.ca.location", j->truststore, err);
	if (rc < 0 || j->keystore[0] == '\0')
		return rc;
	if (is_pkcs12(j->keystore, j->keystore_type))
		return set(j, "ssl.keystore.location", j->keystore, err);
	if (!is_pem(j->keystore, j->keystore_type))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "ssl.keystore.location: only PKCS12 and PEM are read here; "
		    "`keytool -importkeystore -srckeystore %.200s "
		    "-destkeystore client.p12 -deststoretype PKCS12` converts "
		    "it, then say ssl.keystore.type=PKCS12", j->keystore);
	rc = set(j, "ssl.certificate.location", j->keystore, err);
	return rc < 0 ? rc : set(j, "ssl.key.location", j->keystore, err);
}

static int
read_file(const char *path, struct leat_buf *to, struct leat_err *err)
{
	FILE *f = fopen(path, "re");
	size_t n = 1;

	if (f == NULL)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "open");
	while (n > 0) {
		uint8_t *p = leat_buf_reserve(to, 4096);

		n = p == NULL ? 0 : fread(p, 1, 4096, f);
		to->len += n;
	}
	n = ferror(f) != 0;
	fclose(f);
	if (n != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, -EIO,
		    "it cannot be read");
	if (to->failed)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "larger than %d bytes", FILE_MAX);
	return 0;
}

int
kafka_config_file(rd_kafka_conf_t *conf, const char *path,
    struct leat_err *err)
{
	struct java j = { .conf = conf, .path = path };
	struct leat_buf text;
	int rc;

	leat_buf_init(&text, FILE_MAX);
	rc = read_file(path, &text, err);
	if (rc == 0)
		rc = properties_parse((const char *)text.data, text.len,
		    property, &j, err);
	if (rc == 0)
		rc = apply_jaas(&j, err);
	if (rc == 0)
		rc = apply_stores(&j, err);
	leat_buf_fini(&text);
	return rc == 0 ? 0 : leat_err_wrap(err, "%s", path);
}
