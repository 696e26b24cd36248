/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_compat.c: every key that Debezium documents for PostgreSQL is known,
 * and those that need nothing here take what holds anyway.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <leat/fake_host.h>
#include <leat/options.h>

#include "pg_compat.h"
#include "pg_source.h"

/* clang-format off */
static const char *const debezium_keys[] = {
	/* connection and naming */
	"database.hostname", "database.port", "database.user",
	"database.password", "database.dbname", "topic.prefix",
	"database.sslmode", "database.sslrootcert", "database.sslcert",
	"database.sslkey", "database.sslpassword", "database.sslfactory",
	"database.tcpKeepAlive", "database.initial.statements",
	"database.query.timeout.ms", "connection.validation.timeout.ms",
	"topic.naming.strategy", "topic.delimiter", "topic.cache.size",
	"topic.transaction", "topic.heartbeat.prefix", "topic.heartbeat.name",
	"custom.sanitize.pattern",
	/* slot, publication, stream */
	"plugin.name", "slot.name", "slot.drop.on.stop", "slot.failover",
	"slot.stream.params", "slot.max.retries", "slot.retry.delay.ms",
	"publication.name", "publication.autocreate.mode",
	"publish.via.partition.root", "replica.identity.autoset.values",
	"status.update.interval.ms", "lsn.flush.mode", "flush.lsn.source",
	"lsn.flush.timeout.ms", "lsn.flush.timeout.action",
	"offset.mismatch.strategy", "xmin.fetch.interval.ms",
	/* what to capture, shape of events */
	"schema.include.list", "schema.exclude.list", "table.include.list",
	"table.exclude.list", "column.include.list", "column.exclude.list",
	"table.ignore.builtin", "skipped.operations",
	"skip.messages.without.change", "tombstones.on.delete",
	"message.key.columns", "decimal.handling.mode", "time.precision.mode",
	"interval.handling.mode", "binary.handling.mode",
	"hstore.handling.mode", "money.fraction.digits",
	"include.unknown.datatypes", "unavailable.value.placeholder",
	"column.truncate.to.20.chars", "column.mask.with.12.chars",
	"column.mask.hash.SHA-256.with.salt.CzQMA0cB5K",
	"column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K",
	"column.propagate.source.type", "datatype.propagate.source.type",
	"include.schema.comments", "schema.refresh.mode",
	"schema.name.adjustment.mode", "field.name.adjustment.mode",
	"message.prefix.include.list", "message.prefix.exclude.list",
	"provide.transaction.metadata", "transaction.metadata.factory",
	"sourceinfo.struct.maker", "extended.headers.enabled", "converters",
	"post.processors", "event.converting.failure.handling.mode",
	"event.processing.failure.handling.mode",
	/* snapshot and signals */
	"snapshot.mode", "snapshot.mode.configuration.based.snapshot.data",
	"snapshot.mode.configuration.based.snapshot.schema",
	"snapshot.mode.configuration.based.start.stream",
	"snapshot.mode.configuration.based.snapshot.on.schema.error",
	"snapshot.mode.configuration.based.snapshot.on.data.error",
	"snapshot.mode.custom.name", "snapshot.query.mode",
	"snapshot.query.mode.custom.name", "snapshot.isolation.mode",
	"snapshot.locking.mode", "snapshot.locking.mode.custom.name",
	"snapshot.lock.timeout.ms", "snapshot.include.collection.list",
	"snapshot.select.statement.overrides",
	"snapshot.select.statement.overrides.public.orders",
	"snapshot.fetch.size", "snapshot.max.threads",
	"snapshot.max.threads.multiplier", "legacy.snapshot.max.threads",
	"snapshot.tables.order.by.row.count", "snapshot.delay.ms",
	"streaming.delay.ms", "signal.data.collection",
	"signal.enabled.channels", "signal.poll.interval.ms",
	"signal.kafka.topic", "signal.kafka.bootstrap.servers",
	"signal.kafka.groupId", "signal.kafka.poll.timeout.ms",
	"signal.consumer.security.protocol", "signal.file",
	"signal.emit.failure.max.retries",
	"signal.emit.failure.retry.backoff.ms", "read.only",
	"incremental.snapshot.chunk.size",
	"incremental.snapshot.watermarking.strategy",
	"incremental.snapshot.allow.schema.changes",
	"notification.enabled.channels", "notification.sink.topic.name",
	/* run time */
	"max.batch.size", "max.queue.size", "max.queue.size.in.bytes",
	"poll.interval.ms", "poll.dispatch.interval.ms",
	"queue.provider.type", "heartbeat.interval.ms",
	"heartbeat.action.query", "errors.max.retries",
	"retriable.restart.connector.wait.ms", "custom.metric.tags",
	"statistics.metrics.enabled", "guardrail.collections.max",
	"guardrail.collections.limit.action", "executor.shutdown.timeout.ms",
	"openlineage.integration.enabled",
};
/* clang-format on */

static void
test_all_known(void **state)
{
	const char *rest;
	size_t n = sizeof(debezium_keys) / sizeof(debezium_keys[0]);
	bool all = true;

	(void)state;
	for (size_t i = 0; i < n; i++)
		if (leat_options_find(pg_source_connector.options,
		    debezium_keys[i], &rest) == NULL) {
			print_error("%s is not known\n", debezium_keys[i]);
			all = false;
		}
	assert_true(all);
}

static struct leat_fake *f;

static void
takes(const char *key, const char *value)
{
	leat_fake_set(f, key, value);
	if (leat_fake_validate(f) < 0)
		fail_msg("%s", leat_fake_err(f)->text);
	leat_fake_set(f, key, NULL);
}

static void
refuses(const char *key, const char *value, const char *text)
{
	leat_fake_set(f, key, value);
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, key));
	if (strstr(leat_fake_err(f)->text, text) == NULL)
		fail_msg("'%s' lacks '%s'", leat_fake_err(f)->text, text);
	leat_fake_set(f, key, NULL);
}

static void
test_values(void **state)
{
	(void)state;
	f = leat_fake_new(&pg_source_connector);
	leat_fake_set(f, "url", "postgres://localhost/db");
	takes("max.queue.size", "8192");
	takes("table.ignore.builtin", "true");
	refuses("table.ignore.builtin", "false", "system tables");
	takes("topic.naming.strategy",
	    "io.debezium.schema.SchemaTopicNamingStrategy");
	takes("topic.naming.strategy",
	    "io.debezium.schema.DefaultTopicNamingStrategy");
	refuses("topic.naming.strategy", "com.example.Naming",
	    "ByLogicalTableRouter");
	takes("post.processors", "");
	refuses("post.processors", "reselector", "REPLICA IDENTITY FULL");
	refuses("queue.provider.type", "mem", "no queue");
	takes("queue.provider.type", "memory");
	leat_fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_known),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
