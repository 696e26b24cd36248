/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_client.c: see kafka_client.h. */
#include "core/cli/kafka_client.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/obj.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_config.h"

enum { TIMEOUT_S = 20, TIMEOUT_MAX_S = 86400, SLICE_MS = 200 };

static atomic_int stop_signal;

/* What an error means to the caller, and what to try. */
static const struct {
	rd_kafka_resp_err_t code;
	int exit_code;
	const char *hint;
} known[] = {
	{ RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, EXIT_UNREACHABLE, NULL },
	{ RD_KAFKA_RESP_ERR__TRANSPORT, EXIT_UNREACHABLE, NULL },
	{ RD_KAFKA_RESP_ERR__TIMED_OUT, EXIT_UNREACHABLE,
	    "--timeout gives it more time." },
	{ RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, EXIT_UNREACHABLE, NULL },
	{ RD_KAFKA_RESP_ERR__RESOLVE, EXIT_UNREACHABLE, NULL },
	{ RD_KAFKA_RESP_ERR__AUTHENTICATION, EXIT_FAILED,
	    "The user and the password stand in the file of --config "
	    "(sasl.jaas.config)\nor in -X sasl.username and "
	    "-X sasl.password." },
	{ RD_KAFKA_RESP_ERR__SSL, EXIT_FAILED,
	    "Is this port one for TLS, and is its certificate known here? "
	    "-X ssl.ca.location\nnames the file of the authority." },
	{ RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, EXIT_NOT_FOUND,
	    "`leat topics list` shows what there is." },
	{ RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, EXIT_NOT_FOUND,
	    "`leat topics list` shows what there is." },
	{ RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, EXIT_NOT_FOUND,
	    "`leat topics describe` shows what there is." },
	{ RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, EXIT_NOT_FOUND,
	    "`leat groups list` shows what there is." },
	{ RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, EXIT_FAILED,
	    "Its members must end first; `leat groups describe` shows them." },
	{ RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, EXIT_FAILED,
	    "Its members must end first; `leat groups describe` shows them." },
	{ RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, EXIT_FAILED,
	    "This user may not do that to this topic." },
	{ RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, EXIT_FAILED,
	    "This user may not do that to this group." },
	{ RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, EXIT_FAILED,
	    "This user may not administer the cluster." },
};

int64_t
kafka_now_ms(void)
{
	return clock_mono_ms(&clock_system);
}

static void
on_signal(int sig)
{
	/* A second one ends at once: something does not answer. */
	if (atomic_exchange(&stop_signal, sig) != 0)
		_exit(128 + sig);
}

void
kafka_catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int
kafka_stop_signal(void)
{
	return atomic_load(&stop_signal);
}

/* ------------------------------------------------------------ properties */

static int
refused(const struct leat_err *err)
{
	fprintf(stderr, "leat: %s\n", err->text);
	return EXIT_USAGE;
}

static int
conf_set(struct kafka *k, const char *name, const char *value,
    struct leat_err *err)
{
	char text[512];

	if (rdk.conf_set(k->conf, name, value, text, sizeof(text)) ==
	    RD_KAFKA_CONF_OK)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s", text);
}

static int
set_option(struct kafka *k, const char *pair, struct leat_err *err)
{
	const char *equals = strchr(pair, '=');
	char name[128];
	int rc;

	if (equals == NULL || (size_t)(equals - pair) >= sizeof(name))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "-X '%s' is not name=value", pair);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
	rc = conf_set(k, name, equals + 1, err);
	return rc < 0 ? leat_err_wrap(err, "-X %s", name) : 0;
}

static int
gather(struct kafka *k, const struct kafka_options *o,
    const struct kafka_setting *defaults, struct leat_err *err)
{
	const char *env = getenv("LEAT_BOOTSTRAP");
	int rc = conf_set(k, "client.id", "leat", err);

	if (rc == 0)
		rc = conf_set(k, "bootstrap.servers",
		    env != NULL && env[0] != '\0' ? env
						  : KAFKA_BOOTSTRAP_DEFAULT,
		    err);
	for (; rc == 0 && defaults != NULL && defaults->name != NULL;
	    defaults++)
		rc = conf_set(k, defaults->name, defaults->value, err);
	if (rc == 0 && o->config != NULL) {
		rc = kafka_config_file(k->conf, o->config, err);
		if (rc < 0)
			leat_err_wrap(err, "--config");
	}
	if (rc == 0 && o->bootstrap != NULL)
		rc = conf_set(k, "bootstrap.servers", o->bootstrap, err);
	for (size_t i = 0; rc == 0 && i < o->set.n; i++)
		rc = set_option(k, o->set.items[i], err);
	return rc;
}

int
kafka_prepare(struct kafka *k, const struct kafka_options *o,
    const struct kafka_setting *defaults)
{
	struct leat_err err = LEAT_ERR_INIT;

	memset(k, 0, sizeof(*k));
	if (rdkafka_load(&err) < 0) {
		fprintf(stderr, "leat: %s\n", err.text);
		return EXIT_FAILED;
	}
	if (o->timeout_s > TIMEOUT_MAX_S) {
		fprintf(stderr, "leat: --timeout is at most %d seconds\n",
		    TIMEOUT_MAX_S);
		return EXIT_USAGE;
	}
	k->timeout_ms = 1000 * (int)(o->timeout_s > 0 ? o->timeout_s
						      : TIMEOUT_S);
	k->conf = rdk.conf_new();
	return gather(k, o, defaults, &err) < 0 ? refused(&err) : EXIT_OK;
}

void
kafka_must(struct kafka *k, const char *name, const char *value)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (conf_set(k, name, value, &err) < 0)
		UNREACHABLE("a property of librdkafka that it does not know");
}

void
kafka_property(struct kafka *k, const char *name, char *ret, size_t size)
{
	if (rdk.conf_get(k->conf, name, ret, &size) != RD_KAFKA_CONF_OK)
		ret[0] = '\0';
}

/* ----------------------------------------------------------- the client */

/* The first words of why are worth more than "all brokers are down". */
static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *arg)
{
	struct kafka *k = arg;

	if (k->talk)
		fprintf(stderr, "leat: %s\n", reason);
	else if (k->cause[0] == '\0')
		snprintf(k->cause, sizeof(k->cause), "%s", reason);
	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
	    code == RD_KAFKA_RESP_ERR__SSL ||
	    (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->broken == 0 &&
		!k->talk))
		k->broken = (rd_kafka_resp_err_t)code;
}

/* From threads of librdkafka; only `-X debug=..` makes it talk. */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	if (level >= 7)
		fprintf(stderr, "%% %s: %s\n", facility, text);
}

static int
nobody(struct kafka *k)
{
	rd_kafka_resp_err_t code = k->broken;

	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
	    code == RD_KAFKA_RESP_ERR__SSL)
		return kafka_complain(
		    k, code, k->cause, "cannot log in at %s", k->brokers);
	fprintf(stderr, "leat: no broker answers at %s: %s\n", k->brokers,
	    k->cause[0] != '\0' ? k->cause : "no answer in time");
	fputs("Is a worker running there? `leat worker` starts one; "
	      "--bootstrap names another\naddress. A port for TLS or SASL "
	      "wants --config or -X security.protocol=..\n",
	    stderr);
	return EXIT_UNREACHABLE;
}

/* Any answer will do; it is asked for until one comes or none can. */
static int
reach(struct kafka *k)
{
	int64_t end = kafka_now_ms() + k->timeout_ms;

	while (kafka_now_ms() < end && kafka_stop_signal() == 0) {
		const struct rd_kafka_metadata *md;

		if (rdk.metadata(k->rk, 0, NULL, &md, SLICE_MS) == 0) {
			rdk.metadata_destroy(md);
			k->broken = 0;
			k->cause[0] = '\0';
			return EXIT_OK;
		}
		rdk.poll(k->rk, 0);
		if (k->broken != 0)
			break;
	}
	return nobody(k);
}

int
kafka_start(struct kafka *k, rd_kafka_type_t type)
{
	char text[512];

	kafka_property(k, "bootstrap.servers", k->brokers, sizeof(k->brokers));
	rdk.conf_set_opaque(k->conf, k);
	rdk.conf_set_error_cb(k->conf, on_error);
	rdk.conf_set_log_cb(k->conf, on_log);
	k->rk = rdk.new(type, k->conf, text, sizeof(text));
	if (k->rk == NULL) {
		fprintf(stderr, "leat: these properties do not go together: "
		    "%s\n", text);
		return EXIT_USAGE;
	}
	k->conf = NULL; /* the client's now */
	return reach(k);
}

void
kafka_close(struct kafka *k)
{
	if (k->conf != NULL)
		rdk.conf_destroy(k->conf);
	if (k->rk != NULL)
		rdk.destroy_flags(
		    k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	k->conf = NULL;
	k->rk = NULL;
}

static int
open_client(struct kafka *k, const struct kafka_options *o)
{
	int rc = kafka_prepare(k, o, NULL);

	/* As Kafka's own tools, not the end of what is committed. */
	if (rc == EXIT_OK) {
		kafka_must(k, "isolation.level", "read_uncommitted");
		rc = kafka_start(k, RD_KAFKA_CONSUMER);
	}
	return rc;
}

int
kafka_with(const struct kafka_options *o,
    int (*fn)(struct kafka *k, void *arg), void *arg)
{
	struct kafka k;
	int rc = open_client(&k, o);

	if (rc == EXIT_OK)
		rc = fn(&k, arg);
	kafka_close(&k);
	return rc;
}

/* --------------------------------------------------------------- errors */

int
kafka_complain(const struct kafka *k, rd_kafka_resp_err_t code,
    const char *text, const char *fmt, ...)
{
	int exit_code = EXIT_FAILED;
	const char *hint = NULL;
	va_list ap;

	fputs("leat: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (text == NULL || text[0] == '\0')
		text = rdk.err2str(code);
	fprintf(stderr, ": %s", text);
	if (code > 0)
		fprintf(stderr, " (%s)", rdk.err2name(code));
	fputc('\n', stderr);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].code != code)
			continue;
		exit_code = known[i].exit_code;
		hint = known[i].hint;
	}
	if (hint != NULL)
		fprintf(stderr, "%s\n", hint);
	return exit_code;
}

static const struct rd_kafka_metadata_topic *
one_topic(const struct rd_kafka_metadata *md, const char *name)
{
	for (int i = 0; i < md->topic_cnt; i++)
		if (strcmp(md->topics[i].topic, name) == 0)
			return &md->topics[i];
	return NULL;
}

int
kafka_metadata(struct kafka *k, const char *topic,
    const struct rd_kafka_metadata **ret_md)
{
	const struct rd_kafka_metadata *md = NULL;
	const struct rd_kafka_metadata_topic *found;
	rd_kafka_topic_t *handle = NULL;
	rd_kafka_resp_err_t code;

	if (topic != NULL) {
		handle = rdk.topic_new(k->rk, topic, NULL);
		if (handle == NULL) {
			fprintf(stderr, "leat: '%s' cannot be the name of a "
			    "topic\n", topic);
			return EXIT_USAGE;
		}
	}
	code = rdk.metadata(k->rk, topic == NULL, handle, &md, k->timeout_ms);
	if (handle != NULL)
		rdk.topic_destroy(handle);
	if (code != 0)
		return kafka_complain(
		    k, code, NULL, "cannot ask for the topics");
	if (topic == NULL) {
		*ret_md = md;
		return EXIT_OK;
	}
	found = one_topic(md, topic);
	code = found == NULL ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
			     : found->err;
	if (code != 0) {
		rdk.metadata_destroy(md);
		return kafka_complain(k, code, NULL, "topic '%s'", topic);
	}
	*ret_md = md;
	return EXIT_OK;
}
