/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_compat.h: Debezium's keys that need nothing here.
 *
 * A configuration that carries them must run unchanged where what they ask for
 * holds anyway, and must be refused, with what to use instead, where it does
 * not. Each key is an option like any other, so that validation, suggestions
 * and the list of options know it.
 */
#ifndef LEAT_PG_COMPAT_H
#define LEAT_PG_COMPAT_H

#include <leat/err.h>

/*
 * Every key: name of the index, key, the values that are taken ("a,b"; "*" is
 * all of them), what the list of options says, and what to use instead when
 * another value is given.
 */
#define PG_COMPAT_KEYS(X) \
	X(TABLE_IGNORE_BUILTIN, "table.ignore.builtin", "true", \
	    "System schemas are never captured.", \
	    "the server does not decode changes of system tables") \
	X(NAMING_STRATEGY, "topic.naming.strategy", \
	    "io.debezium.schema.SchemaTopicNamingStrategy," \
	    "io.debezium.schema.DefaultTopicNamingStrategy", \
	    "Topics are <prefix>.<schema>.<table>.", \
	    "Java classes cannot be loaded; name topics with the transform " \
	    "ByLogicalTableRouter or RegexRouter") \
	X(TOPIC_CACHE, "topic.cache.size", "*", \
	    "Has no effect: a table keeps its topic's name.", "") \
	X(SOURCE_MAKER, "sourceinfo.struct.maker", \
	    "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker", \
	    "The source block is Debezium's.", \
	    "Java classes cannot be loaded; change the block with a " \
	    "transform") \
	X(TX_FACTORY, "transaction.metadata.factory", \
	    "io.debezium.pipeline.txmetadata." \
	    "DefaultTransactionMetadataFactory", \
	    "The transaction block is Debezium's.", \
	    "Java classes cannot be loaded; change the block with a " \
	    "transform") \
	X(POST_PROCESSORS, "post.processors", "", \
	    "None can be loaded.", \
	    "Java classes cannot be loaded; use transforms, or have a " \
	    "row read " \
	    "again by REPLICA IDENTITY FULL in place of the reselector") \
	X(SSL_FACTORY, "database.sslfactory", "", \
	    "TLS is libpq's.", \
	    "Java classes cannot be loaded; name the certificates by " \
	    "database.sslrootcert, .sslcert and .sslkey") \
	X(SHUTDOWN_TIMEOUT, "executor.shutdown.timeout.ms", "*", \
	    "Has no effect: the worker's " \
	    "task.shutdown.graceful.timeout.ms bounds it.", "") \
	X(QUEUE_SIZE, "max.queue.size", "*", \
	    "Has no effect: records go to the topics without a queue " \
	    "between.", \
	    "") \
	X(QUEUE_BYTES, "max.queue.size.in.bytes", "*", \
	    "Has no effect: records go to the topics without a queue " \
	    "between.", \
	    "") \
	X(QUEUE_TYPE, "queue.provider.type", "memory", \
	    "Records go to the topics without a queue between.", \
	    "there is no queue between the stream and the topics") \
	X(DISPATCH_INTERVAL, "poll.dispatch.interval.ms", "*", \
	    "Has no effect: records are delivered as they come.", "") \
	X(METRIC_TAGS, "custom.metric.tags", "*", \
	    "Has no effect: metrics carry the connector's name; add labels " \
	    "where they are scraped.", "") \
	X(METRIC_STATISTICS, "statistics.metrics.enabled", "*", \
	    "Has no effect: metrics are always kept.", "") \
	X(LINEAGE, "openlineage.integration.enabled", "false", \
	    "No lineage is sent.", \
	    "lineage is not sent; take it from the topics' names") \
	X(SANITIZE_PATTERN, "custom.sanitize.pattern", "", \
	    "Letters, digits, '.', '_' and '-' of names stay, others become " \
	    "'_'.", \
	    "no other characters can be kept; name topics with the transform " \
	    "ByLogicalTableRouter or RegexRouter") \
	X(SNAPSHOT_CUSTOM, "snapshot.mode.custom.name", "", \
	    "No class can be loaded.", \
	    "Java classes cannot be loaded; " \
	    "snapshot.mode=configuration_based " \
	    "chooses the steps by options") \
	X(QUERY_CUSTOM, "snapshot.query.mode.custom.name", "", \
	    "No class can be loaded.", \
	    "Java classes cannot be loaded; snapshot.select.statement." \
	    "overrides has SELECTs of your own") \
	X(LOCKING_CUSTOM, "snapshot.locking.mode.custom.name", "", \
	    "No class can be loaded.", \
	    "Java classes cannot be loaded; snapshot.locking.mode is none or " \
	    "shared") \
	X(EMIT_RETRIES, "signal.emit.failure.max.retries", "*", \
	    "Has no effect: what is to be written to the server for a signal " \
	    "is tried until it is.", "") \
	X(EMIT_BACKOFF, "signal.emit.failure.retry.backoff.ms", "*", \
	    "Has no effect: what is to be written to the server for a signal " \
	    "is tried until it is.", "") \
	X(REFRESH_MODE, "schema.refresh.mode", "*", \
	    "Has no effect: the stream describes each table that changed.", \
	    "") \
	X(MAX_RETRIES, "errors.max.retries", "*", \
	    "Has no effect: the worker restarts a task that failed for a " \
	    "passing reason, without end.", "") \
	X(RESTART_WAIT, "retriable.restart.connector.wait.ms", "*", \
	    "Has no effect: the worker chooses the wait before a restart.", \
	    "")

/* Indices of struct pg_config's `compat`. */
/* clang-format off */
enum {
#define PG_COMPAT_INDEX(name, key, values, help, instead) PG_COMPAT_##name,
	PG_COMPAT_KEYS(PG_COMPAT_INDEX)
#undef PG_COMPAT_INDEX
	PG_COMPAT_N
};
/* clang-format on */

/* Does a value ask for what is not here? `compat` has PG_COMPAT_N items. */
int pg_compat_check(const char *const *compat, struct leat_err *err);

#endif
