/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_client.h: how commands talk to a cluster over Kafka's protocol: the
 * options they have in common, a client made of them, and what went wrong said
 * to people.
 */
#ifndef LEAT_CORE_CLI_KAFKA_CLIENT_H
#define LEAT_CORE_CLI_KAFKA_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cli/args.h"
#include "core/cli/rdkafka.h"

#define KAFKA_BOOTSTRAP_DEFAULT "127.0.0.1:9092"

struct kafka_options {
	const char *bootstrap;	/* NULL: by --config, the environment */
	const char *config;	/* a client's properties file, or NULL */
	struct arg_list set;	/* librdkafka's properties, "name=value" */
	int64_t timeout_s;	/* for an answer; 0: the default */
};

/* The rows of args.h for those; o is a struct kafka_options. */
#define KAFKA_ARGS(o)                                                   \
	{ "bootstrap", 'b', ARG_TEXT, "HOST:PORT,..",                   \
	    "brokers to begin with ($LEAT_BOOTSTRAP, "                  \
	    KAFKA_BOOTSTRAP_DEFAULT ")", &(o).bootstrap },              \
	    { "config", 'c', ARG_TEXT, "FILE", \
	    "properties of a Kafka client, in Java's names",            \
	    &(o).config },                                              \
	    { "property", 'X', ARG_LIST, "NAME=VALUE", \
	    "a property of librdkafka; may be repeated", &(o).set },    \
	{ "timeout", 't', ARG_INT, "SECONDS",                           \
	    "how long to wait for an answer (20)", &(o).timeout_s }

/* The same for the help of commands of two words. */
#define KAFKA_ARGS_HELP                                                 \
	"  -b, --bootstrap HOST:PORT,..   brokers to begin with "          \
	"($LEAT_BOOTSTRAP, " KAFKA_BOOTSTRAP_DEFAULT ")\n"                 \
	"  -c, --config FILE              properties of a Kafka client, "  \
	"in Java's names\n"                                                \
	"  -X, --property NAME=VALUE      a property of librdkafka\n"      \
	"  -t, --timeout SECONDS          how long to wait for an "        \
	"answer (20)\n"

/* A client. Everything but the callbacks' fields belongs to the main thread. */
struct kafka {
	rd_kafka_conf_t *conf;	/* until kafka_start() */
	rd_kafka_t *rk;
	int timeout_ms;
	char brokers[256];	/* for texts: where we began */
	rd_kafka_resp_err_t broken;	/* why nothing will work, or 0 */
	bool talk;		/* it runs: print what librdkafka says, go on */
	char cause[512];	/* what librdkafka complained about last */
};

struct kafka_setting {
	const char *name, *value;
};

/*
 * Loads the library and gathers the properties: defaults (NULL-ended, or NULL)
 * first, then the file, the environment, --bootstrap and -X. Returns 0, or the
 * exit code after having printed what is wrong. kafka_close() in any case.
 */
int kafka_prepare(struct kafka *k, const struct kafka_options *o,
    const struct kafka_setting *defaults);
/* What a command insists on, between prepare and start. */
void kafka_must(struct kafka *k, const char *name, const char *value);
/* The value of a property before the start; ret is "" when it has none. */
void kafka_property(struct kafka *k, const char *name, char *ret, size_t size);
/*
 * Makes the client and waits until a broker has answered. 0, or the exit code
 * after having printed why not.
 */
int kafka_start(struct kafka *k, rd_kafka_type_t type);
/* Ends the client. Accepts a zeroed one. */
void kafka_close(struct kafka *k);
/*
 * The whole of a command that only asks: prepares and starts a client, runs fn,
 * closes it. The exit code of what failed, or fn's.
 */
int kafka_with(const struct kafka_options *o,
    int (*fn)(struct kafka *k, void *arg), void *arg);

/*
 * Prints "leat: <what>: <reason>" with what to try where that is known, and
 * returns the exit code for this error. text may be NULL: the error's own.
 */
int kafka_complain(const struct kafka *k, rd_kafka_resp_err_t code,
    const char *text, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * The partitions of a topic, or of all topics when topic is NULL. Returns 0 and
 * *ret_md (to be released with rdk.metadata_destroy), or an exit code after
 * having printed why. A topic that is not there is complained about.
 */
int kafka_metadata(struct kafka *k, const char *topic,
    const struct rd_kafka_metadata **ret_md);

/* Milliseconds of a monotonic clock. */
int64_t kafka_now_ms(void);

/* Installs handlers for SIGINT and SIGTERM that set a flag. */
void kafka_catch_signals(void);
/* The signal that asked for the end, or 0. */
int kafka_stop_signal(void);

#endif
