/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_options.c: the options of postgres-source, a row each.
 */
#include "pg_config.h"

#define ROW(key, also, kind, fl, dflt, lo, hi, ch, field, txt)          \
	{ .name = key, .aliases = also, .type = LEAT_OPT_##kind,        \
		.flags = fl, .def = dflt, .min = lo, .max = hi,         \
		.choices = ch, .offset = offsetof(struct pg_config, field), \
		.help = txt, .since = "0.1" \
	}

#define HIGH LEAT_OPT_HIGH
#define DEPR LEAT_OPT_DEPRECATED
#define DAY_MS 86400000

/* clang-format off */
const struct leat_option pg_source_options[] = {
	ROW("database.url", "url", STRING, HIGH | LEAT_OPT_SECRET, NULL, 0, 0,
	    NULL, url,
	    "Where to connect: postgres://user:password@host:port/database, or "
	    "a libpq connection string. The database.* options override its "
	    "parts."),
	ROW("database.hostname", NULL, STRING, HIGH, NULL, 0, 0, NULL,
	    hostname,
	    "Host name or address of the server, or the directory of its "
	    "socket."),
	ROW("database.port", NULL, INT, HIGH, NULL, 0, 65535, NULL, port,
	    "Port of the server; 5432 when neither this nor the url says."),
	ROW("database.user", NULL, STRING, HIGH, NULL, 0, 0, NULL, user,
	    "Role to connect as; it needs REPLICATION, and SELECT on the "
	    "captured tables."),
	ROW("database.password", NULL, STRING, HIGH | LEAT_OPT_SECRET, NULL, 0,
	    0, NULL, password,
	    "Password of the role."),
	ROW("database.dbname", NULL, STRING, HIGH, NULL, 0, 0, NULL, dbname,
	    "The database to capture."),
	ROW("database.sslmode", NULL, STRING, 0, NULL, 0, 0, NULL, sslmode,
	    "disable, allow, prefer, require, verify-ca or verify-full; prefer "
	    "when unset."),
	ROW("database.sslrootcert", NULL, STRING, 0, NULL, 0, 0, NULL,
	    sslrootcert,
	    "File with the certificates of the authorities to trust."),
	ROW("database.sslcert", NULL, STRING, 0, NULL, 0, 0, NULL, sslcert,
	    "File with the client's certificate."),
	ROW("database.sslkey", NULL, STRING, 0, NULL, 0, 0, NULL, sslkey,
	    "File with the client's private key."),
	ROW("database.sslpassword", NULL, STRING, LEAT_OPT_SECRET, NULL, 0, 0,
	    NULL, sslpassword,
	    "Password of the client's private key."),
	ROW("database.tcpKeepAlive", NULL, BOOL, 0, "true", 0, 0, NULL,
	    tcp_keepalive,
	    "Detect dead connections by TCP keep-alive probes."),
	ROW("database.initial.statements", NULL, STRING, 0, NULL, 0, 0, NULL,
	    initial_statements,
	    "SQL to run on each ordinary connection, separated by semicolons."),
	ROW("database.query.timeout.ms", NULL, DURATION, 0, "600000", 0,
	    DAY_MS, NULL, query_timeout_ms,
	    "Longest time to wait for the answer to a query."),
	ROW("connection.validation.timeout.ms", NULL, DURATION, 0, "60000",
	    1000, DAY_MS, NULL, connect_timeout_ms,
	    "Longest time to wait for a connection."),
	ROW("plugin.name", NULL, CHOICE, 0, "pgoutput", 0, 0, "pgoutput",
	    plugin,
	    "The logical decoding plug-in of the server; pgoutput is the one "
	    "supported."),

	ROW("topic.prefix", NULL, STRING, HIGH, NULL, 0, 0, NULL, prefix,
	    "First part of all topic names, and the name of the source in "
	    "stored positions; the connector's name when unset."),
	ROW("topic.delimiter", NULL, STRING, 0, ".", 0, 0, NULL,
	    topic_delimiter,
	    "What stands between the parts of a topic name."),
	ROW("topic.heartbeat.prefix", NULL, STRING, 0, "__debezium-heartbeat",
	    0, 0, NULL, heartbeat_prefix,
	    "First part of the heartbeat topic's name."),
	ROW("topic.heartbeat.name", NULL, STRING, 0, NULL, 0, 0, NULL,
	    heartbeat_topic,
	    "Whole name of the heartbeat topic."),
	ROW("topic.transaction", NULL, STRING, 0, "transaction", 0, 0, NULL,
	    transaction_topic,
	    "Last part of the name of the transaction metadata's topic."),

	ROW("schema.include.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    schema_include,
	    "Schemas to capture: regular expressions that match the whole "
	    "name."),
	ROW("schema.exclude.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    schema_exclude,
	    "Schemas not to capture; not together with schema.include.list."),
	ROW("table.include.list", "tables", LIST, HIGH, NULL, 0, 0, NULL,
	    table_include,
	    "Tables to capture: regular expressions that match schema.table. "
	    "The order is that of the snapshot."),
	ROW("table.exclude.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    table_exclude,
	    "Tables not to capture; not together with table.include.list."),
	ROW("column.include.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    column_include,
	    "Columns to capture: regular expressions that match "
	    "schema.table.column. Keys keep their columns."),
	ROW("column.exclude.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    column_exclude,
	    "Columns not to capture; not together with column.include.list."),
	ROW("message.key.columns", NULL, STRING, 0, NULL, 0, 0, NULL,
	    message_keys,
	    "Keys other than the primary key: "
	    "schema.table:col1,col2;other.*:col."),
	ROW("message.prefix.include.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    message_include,
	    "Logical messages to capture: regular expressions that match the "
	    "whole prefix."),
	ROW("message.prefix.exclude.list", NULL, LIST, 0, NULL, 0, 0, NULL,
	    message_exclude,
	    "Logical messages not to capture; not together with "
	    "message.prefix.include.list."),

	ROW("slot.name", NULL, STRING, HIGH, "debezium", 0, 0, NULL, slot,
	    "Replication slot; created when missing. One connector, one slot."),
	ROW("slot.drop.on.stop", NULL, BOOL, 0, "false", 0, 0, NULL, slot_drop,
	    "Drop the slot when the task stops: for tests, as changes made "
	    "meanwhile are lost."),
	ROW("slot.failover", NULL, BOOL, 0, "false", 0, 0, NULL, slot_failover,
	    "Create the slot so that standbys keep a copy (PostgreSQL 17 and "
	    "newer)."),
	ROW("publication.name", NULL, STRING, HIGH, "dbz_publication", 0, 0,
	    NULL, publication,
	    "Publication that selects the tables on the server."),
	ROW("publication.autocreate.mode", NULL, CHOICE, HIGH, "filtered", 0,
	    0, "filtered,all_tables,no_tables,disabled", publication_mode,
	    "What to do about the publication: keep one of the captured tables,"
	    " create one FOR ALL TABLES, create an empty one, or nothing."),
	ROW("publish.via.partition.root", NULL, BOOL, 0, "false", 0, 0, NULL,
	    publish_via_root,
	    "Create the publication so that changes of partitions carry the "
	    "name of the partitioned table."),
	ROW("replica.identity.autoset.values", NULL, LIST, 0, NULL, 0, 0, NULL,
	    identities,
	    "Replica identities to set at the start: "
	    "schema.table:FULL,other.*:DEFAULT,schema.t:INDEX name; also "
	    "NOTHING. The role must own the tables."),
	ROW("status.update.interval.ms", NULL, DURATION, 0, "10000", 100,
	    600000, NULL, status_interval_ms,
	    "How often the server is told what is durable."),
	ROW("slot.stream.params", NULL, STRING, 0, NULL, 0, 0, NULL,
	    stream_params,
	    "More options of pgoutput for the stream: name=value;name=value, "
	    "such as origin=none (PostgreSQL 16 and newer)."),
	ROW("streaming.protocol.version", NULL, CHOICE, 0, "auto", 0, 0,
	    "auto,1,2,3,4", protocol,
	    "Version of pgoutput's protocol; auto is the newest that the "
	    "server knows: 2 since PostgreSQL 14, 3 since 15, 4 since 16."),
	ROW("streaming.large.transactions", NULL, BOOL, 0, "false", 0, 0, NULL,
	    stream_large,
	    "Receive a large transaction while it runs, and deliver it at its "
	    "commit: it takes room on disk here, and less waiting then "
	    "(PostgreSQL 14 and newer)."),
	ROW("streaming.two.phase", NULL, BOOL, 0, "false", 0, 0, NULL,
	    two_phase,
	    "Receive a prepared transaction at its PREPARE TRANSACTION, and "
	    "deliver it at its COMMIT PREPARED (PostgreSQL 15 and newer). The "
	    "slot remembers it: to switch it off again drop the slot."),
	ROW("streaming.spool.directory", NULL, STRING, 0, "/var/tmp", 0, 0,
	    NULL, spool_dir,
	    "Where such and prepared transactions are kept until they "
	    "commit."),
	ROW("streaming.spool.max.bytes", NULL, BYTES, 0, "10737418240", 1,
	    INT64_MAX, NULL, spool_max,
	    "Most room that they take."),
	ROW("slot.max.retries", NULL, INT, 0, "6", 0, 1000000, NULL,
	    slot_retries,
	    "How often to try again, without a restart of the task, while "
	    "another session uses the slot."),
	ROW("slot.retry.delay.ms", NULL, DURATION, 0, "10000", 0, DAY_MS, NULL,
	    slot_retry_ms,
	    "Longest wait between these tries; the first ones come sooner."),
	ROW("offset.mismatch.strategy", NULL, CHOICE, 0, "refuse", 0, 0,
	    "refuse,no_validation,trust_offset,trust_slot,trust_greater_lsn",
	    mismatch_strategy,
	    "What to do when the slot is ahead of the stored position: stop "
	    "(refuse, trust_offset), or go on at the slot and accept that "
	    "changes are missing (the others)."),
	ROW("lsn.flush.mode", NULL, CHOICE, 0, "connector", 0, 0,
	    "connector,manual,connector_and_driver", flush_mode,
	    "Who moves the slot: this connector, with what is durable and with "
	    "idle keep-alives (connector, connector_and_driver), or somebody "
	    "else (manual)."),
	ROW("flush.lsn.source", NULL, BOOL, DEPR, "true", 0, 0, NULL,
	    flush_source,
	    "The old form of lsn.flush.mode: false is manual."),
	ROW("lsn.flush.timeout.ms", NULL, DURATION, 0, "30000", 1, DAY_MS,
	    NULL, flush_timeout_ms,
	    "How long the server may fail to take what it is told."),
	ROW("lsn.flush.timeout.action", NULL, CHOICE, 0, "fail", 0, 0,
	    "fail,warn,ignore", flush_action,
	    "What to do then: connect anew, say it in the log, or nothing."),
	ROW("xmin.fetch.interval.ms", NULL, DURATION, 0, "0", 0, DAY_MS, NULL,
	    xmin_interval_ms,
	    "How often to read the slot's catalog_xmin for source.xmin; 0 is "
	    "never."),

	ROW("snapshot.mode", NULL, CHOICE, HIGH, "initial", 0, 0,
	    "initial,always,initial_only,no_data,never,when_needed,"
	    "configuration_based,custom", snapshot_mode,
	    "When existing rows are read: once, at each start, once and then "
	    "end, never, once and again when the stream has a hole, or as "
	    "snapshot.mode.configuration.based.* say."),
	ROW("snapshot.mode.configuration.based.snapshot.data", NULL, BOOL, 0,
	    "false", 0, 0, NULL, based_data,
	    "configuration_based: read the rows at each start."),
	ROW("snapshot.mode.configuration.based.snapshot.schema", NULL, BOOL, 0,
	    "false", 0, 0, NULL, based_schema,
	    "configuration_based: has no effect, as tables are described when "
	    "they are read."),
	ROW("snapshot.mode.configuration.based.start.stream", NULL, BOOL, 0,
	    "false", 0, 0, NULL, based_stream,
	    "configuration_based: follow the changes, behind the snapshot if "
	    "there is one."),
	ROW("snapshot.mode.configuration.based.snapshot.on.schema.error", NULL,
	    BOOL, 0, "false", 0, 0, NULL, based_schema_error,
	    "configuration_based: has no effect, as there is no stored history "
	    "of schemas that could be broken."),
	ROW("snapshot.mode.configuration.based.snapshot.on.data.error", NULL,
	    BOOL, 0, "false", 0, 0, NULL, based_data_error,
	    "configuration_based: take a snapshot when the stream has a hole."),
	ROW("snapshot.include.collection.list", NULL, LIST, 0, NULL, 0, 0,
	    NULL, snapshot_include,
	    "Tables whose rows are read, of those captured: regular "
	    "expressions that match schema.table. All when unset."),
	ROW("snapshot.select.statement.overrides", NULL, LIST, 0, NULL, 0, 0,
	    NULL, snapshot_overrides,
	    "Tables, as schema.table, of which the snapshot reads what a "
	    "SELECT gives; it stands under this name and that of the table."),
	ROW("snapshot.select.statement.overrides", NULL, MAP, 0, NULL, 0, 0,
	    NULL, snapshot_select_of,
	    "The SELECT of a table, one statement that gives all captured "
	    "columns."),
	ROW("snapshot.max.threads", NULL, INT, 0, "1", 1, 64, NULL,
	    snapshot_threads,
	    "Connections that the snapshot reads by."),
	ROW("snapshot.max.threads.multiplier", NULL, INT, 0, "1", 1, 1000,
	    NULL, snapshot_multiplier,
	    "A table is read in as many pieces as snapshot.max.threads times "
	    "this, where it is large enough (PostgreSQL 14 and newer)."),
	ROW("legacy.snapshot.max.threads", NULL, BOOL, 0, "false", 0, 0, NULL,
	    snapshot_legacy_threads,
	    "Read each table whole, by one connection."),
	ROW("snapshot.tables.order.by.row.count", NULL, CHOICE, 0, "disabled",
	    0, 0, "disabled,ascending,descending", snapshot_order,
	    "Read small tables first, or large ones, by the server's estimate; "
	    "else in the order of table.include.list."),
	ROW("snapshot.isolation.mode", NULL, CHOICE, 0, "repeatable_read", 0,
	    0, "serializable,repeatable_read,read_committed,read_uncommitted",
	    snapshot_isolation,
	    "Isolation of a snapshot that belongs to no slot (initial_only); "
	    "others are repeatable_read."),
	ROW("snapshot.locking.mode", NULL, CHOICE, 0, "none", 0, 0,
	    "none,shared,custom", snapshot_locking,
	    "shared: keep all tables from being altered while the snapshot is "
	    "taken (ACCESS SHARE)."),
	ROW("snapshot.lock.timeout.ms", NULL, DURATION, 0, "10000", 0, DAY_MS,
	    NULL, snapshot_lock_timeout_ms,
	    "Longest time to wait for such a lock; 0 is for ever."),
	ROW("snapshot.query.mode", NULL, CHOICE, 0, "select_all", 0, 0,
	    "select_all,custom", snapshot_query,
	    "How tables are read; select_all is the one supported."),
	ROW("snapshot.delay.ms", NULL, DURATION, 0, "0", 0, DAY_MS, NULL,
	    snapshot_delay_ms,
	    "How long to wait before a snapshot begins."),
	ROW("streaming.delay.ms", NULL, DURATION, 0, "0", 0, DAY_MS, NULL,
	    streaming_delay_ms,
	    "How long to wait between a snapshot and the stream."),
	ROW("snapshot.max.rows.per.second", NULL, INT, 0, "0", 0, 1000000000,
	    NULL, snapshot_max_rows,
	    "Most rows that a snapshot reads in a second; 0 is no limit."),
	ROW("snapshot.max.bytes.per.second", NULL, BYTES, 0, "0", 0,
	    1000000000000, NULL, snapshot_max_bytes,
	    "Most bytes of rows, as the server's text, that a snapshot reads "
	    "in a second; 0 is no limit."),
	ROW("snapshot.fetch.size", NULL, INT, DEPR, "10240", 0, 0, NULL,
	    snapshot_fetch_size,
	    "Has no effect: the snapshot is read by COPY."),
	ROW("heartbeat.interval.ms", NULL, DURATION, 0, "0", 0, DAY_MS, NULL,
	    heartbeat_interval_ms,
	    "How often to write a heartbeat record; 0 is never. Not needed to "
	    "let the server free its log."),
	ROW("heartbeat.action.query", NULL, STRING, 0, NULL, 0, 0, NULL,
	    heartbeat_query,
	    "SQL to run at each heartbeat."),
	ROW("poll.interval.ms", NULL, DURATION, 0, "500", 1, 60000, NULL,
	    poll_interval_ms,
	    "Longest sleep while nothing arrives."),
	ROW("max.batch.size", NULL, INT, 0, "8192", 1, 1000000, NULL,
	    max_batch,
	    "Most records of one batch."),

	ROW("signal.data.collection", NULL, STRING, 0, NULL, 0, 0, NULL,
	    signal_table,
	    "Table of signals, schema.table: its rows of id, type and data are "
	    "read in the stream."),
	ROW("signal.enabled.channels", NULL, LIST, 0, "source,in-process", 0,
	    0, NULL, signal_channels,
	    "Where signals come from: source (the table), kafka (a topic), "
	    "file, in-process or jmx (leat signal and the REST API)."),
	ROW("signal.poll.interval.ms", NULL, DURATION, 0, "5000", 10, DAY_MS,
	    NULL, signal_poll_ms,
	    "How often the file and the topic of signals are looked at."),
	ROW("signal.kafka.topic", NULL, STRING, 0, NULL, 0, 0, NULL,
	    signal_topic,
	    "Topic of signals, one partition, on the worker's broker; "
	    "<topic.prefix>-signal when unset. The key of a record must be the "
	    "topic.prefix."),
	ROW("signal.file", NULL, STRING, 0, "file-signals.txt", 0, 0, NULL,
	    signal_file,
	    "File of signals, one JSON object a line; emptied when "
	    "what they did is durable."),
	ROW("signal.kafka.bootstrap.servers", NULL, STRING, DEPR, NULL, 0, 0,
	    NULL, signal_servers,
	    "Has no effect: the topic is on the worker's broker."),
	ROW("signal.kafka.groupId", NULL, STRING, DEPR, NULL, 0, 0, NULL,
	    signal_group,
	    "Has no effect: how far the topic was read is stored with the "
	    "position."),
	ROW("signal.consumer", NULL, MAP, DEPR, NULL, 0, 0, NULL,
	    signal_consumer,
	    "Has no effect: the topic is read from the worker's own broker."),
	ROW("signal.kafka.poll.timeout.ms", NULL, DURATION, DEPR, "100", 0, 0,
	    NULL, signal_timeout_ms,
	    "Has no effect: the topic is read without waiting."),
	ROW("read.only", NULL, BOOL, 0, "false", 0, 0, NULL, read_only,
	    "Write nothing to the database: incremental snapshots find their "
	    "place in the stream by log positions alone."),
	ROW("incremental.snapshot.chunk.size", NULL, INT, 0, "1024", 1,
	    1000000, NULL, chunk_size,
	    "Rows that an incremental snapshot reads at a time."),
	ROW("incremental.snapshot.watermarking.strategy", NULL, CHOICE, 0,
	    "insert_insert", 0, 0, "insert_insert,insert_delete", watermark,
	    "How chunks are marked in the table of signals: two inserts, or "
	    "one that is deleted. Without such a table: by logical messages."),
	ROW("incremental.snapshot.rows.per.second", NULL, INT, 0, "0", 0,
	    1000000000, NULL, chunk_rate,
	    "Most rows a second that incremental snapshots read; 0: no limit."),
	ROW("incremental.snapshot.allow.schema.changes", NULL, BOOL, DEPR,
	    "false", 0, 0, NULL, chunk_schema,
	    "Has no effect: a chunk during which the table changed is always "
	    "read again."),
	ROW("notification.enabled.channels", NULL, LIST, 0, NULL, 0, 0, NULL,
	    notify_channels,
	    "Where the progress of snapshots is told: sink (a topic), log."),
	ROW("notification.sink.topic.name", NULL, STRING, 0, NULL, 0, 0, NULL,
	    notify_topic,
	    "Topic of notifications; needed by the channel sink."),

	ROW("decimal.handling.mode", NULL, CHOICE, 0, "precise", 0, 0,
	    "precise,double,string", decimal_mode,
	    "How numeric and money are represented."),
	ROW("time.precision.mode", NULL, CHOICE, 0, "adaptive", 0, 0,
	    "adaptive,adaptive_time_microseconds,microseconds,"
	    "nanoseconds,connect,isostring,structured", time_mode,
	    "How dates, times and timestamps are represented."),
	ROW("interval.handling.mode", NULL, CHOICE, 0, "numeric", 0, 0,
	    "numeric,string", interval_mode,
	    "Intervals as microseconds or as ISO 8601 text."),
	ROW("binary.handling.mode", NULL, CHOICE, 0, "bytes", 0, 0,
	    "bytes,base64,base64-url-safe,hex", binary_mode,
	    "How bytea is represented."),
	ROW("hstore.handling.mode", NULL, CHOICE, 0, "json", 0, 0, "json,map",
	    hstore_mode,
	    "hstore as JSON text or as a map."),
	ROW("money.fraction.digits", NULL, INT, 0, "2", 0, 18, NULL,
	    money_digits,
	    "Digits of money behind the point."),
	ROW("infinity.handling.mode", NULL, CHOICE, 0, "debezium", 0, 0,
	    "debezium,limits", infinity_mode,
	    "The infinities of date and timestamp: Debezium's numbers, of "
	    "which those of date are far in the past, or the ends of the "
	    "range of the numbers."),
	ROW("array.handling.mode", NULL, CHOICE, 0, "nested", 0, 0,
	    "nested,text", array_mode,
	    "Arrays as arrays, nested as deep as the column was declared, or "
	    "as PostgreSQL's text, which keeps bounds and dimensions."),
	ROW("include.unknown.datatypes", NULL, BOOL, 0, "false", 0, 0, NULL,
	    include_unknown,
	    "Capture columns of types without a mapping too, as the bytes of "
	    "their text."),
	ROW("unavailable.value.placeholder", NULL, STRING, 0,
	    "__debezium_unavailable_value", 0, 0, NULL, placeholder,
	    "What stands for a large value that an update left alone; hex:... "
	    "gives bytes."),
	ROW("schema.name.adjustment.mode", NULL, CHOICE, 0, "none", 0, 0,
	    "none,avro,avro_unicode", schema_names,
	    "Characters of schema names that Avro does not allow: kept, "
	    "replaced by _, or by _uXXXX."),
	ROW("field.name.adjustment.mode", NULL, CHOICE, 0, "none", 0, 0,
	    "none,avro,avro_unicode", field_names,
	    "The same for the names of fields, which are those of columns."),
	ROW("converters", NULL, LIST, 0, NULL, 0, 0, NULL, converters,
	    "Refused: custom converters are Java classes."),
	ROW("column.truncate.to", NULL, MAP, 0, NULL, 0, 0, NULL, truncate,
	    "column.truncate.to.<n>.chars: columns whose texts are cut to n "
	    "characters, as regular expressions that match "
	    "schema.table.column."),
	ROW("column.mask.with", NULL, MAP, 0, NULL, 0, 0, NULL, mask,
	    "column.mask.with.<n>.chars: columns whose texts are replaced by n "
	    "asterisks. Keys stay as they are."),
	ROW("column.mask.hash", NULL, MAP, 0, NULL, 0, 0, NULL, mask_hash,
	    "column.mask.hash.<algorithm>.with.salt.<salt> and "
	    "column.mask.hash.v2.<algorithm>.with.salt.<salt>: columns whose "
	    "texts are replaced by a hash."),
	ROW("column.propagate.source.type", NULL, LIST, 0, NULL, 0, 0, NULL,
	    propagate_columns,
	    "Columns whose type, length, scale and name are told in parameters"
	    " of their schema: regular expressions that match "
	    "schema.table.column."),
	ROW("datatype.propagate.source.type", NULL, LIST, 0, NULL, 0, 0, NULL,
	    propagate_types,
	    "The same by type: regular expressions that match "
	    "schema.table.type."),
	ROW("include.schema.comments", NULL, BOOL, 0, "false", 0, 0, NULL,
	    comments,
	    "Comments on columns become the doc of their schemas."),

	ROW("tombstones.on.delete", NULL, BOOL, 0, "true", 0, 0, NULL,
	    tombstones,
	    "Write a tombstone behind each delete, for compacted topics."),
	ROW("skipped.operations", NULL, LIST, 0, NULL, 0, 0, NULL, skipped,
	    "Operations to leave out: c, u, d, t, or none; t when unset. When "
	    "set, the publication leaves them out too."),
	ROW("skip.messages.without.change", NULL, BOOL, 0, "false", 0, 0, NULL,
	    skip_unchanged,
	    "Leave out updates that change no captured column (needs REPLICA "
	    "IDENTITY FULL)."),
	ROW("extended.headers.enabled", NULL, BOOL, 0, "false", 0, 0, NULL,
	    extended_headers,
	    "Add the __debezium.context.* headers to data records."),
	ROW("provide.transaction.metadata", NULL, BOOL, 0, "false", 0, 0, NULL,
	    transaction_metadata,
	    "Write a record where a transaction begins and where it ends, and "
	    "the transaction block into its events."),
	ROW("event.converting.failure.handling.mode", NULL, CHOICE, 0, "warn",
	    0, 0, "warn,fail,skip", convert_failure,
	    "What to do about a value that its schema cannot express, such as "
	    "NaN in a precise numeric: null with a warning, stop, or null."),
	ROW("event.processing.failure.handling.mode", NULL, CHOICE, 0, "fail",
	    0, 0, "fail,warn,skip", event_failure,
	    "What to do about a change that cannot become an event: stop, "
	    "leave it out with a warning, or leave it out."),
	ROW("wal.guard.bytes", NULL, BYTES, 0, "10GiB", 0, INT64_MAX, NULL,
	    wal_bytes,
	    "How much log the slot may make the server keep before "
	    "wal.guard.action; 0 is no limit."),
	ROW("wal.guard.age.ms", NULL, DURATION, 0, "0", 0,
	    365 * (int64_t)DAY_MS, NULL, wal_age_ms,
	    "How long the slot may stand still while log piles up behind it "
	    "before wal.guard.action; 0 is no limit."),
	ROW("wal.guard.action", NULL, CHOICE, 0, "warn", 0, 0,
	    "warn,hold-snapshots,give-up", wal_action,
	    "Beyond the budget: say it; hold back the snapshots that are read "
	    "beside the stream until it is met again; or drop the slot, which "
	    "spares the server's disk and costs a new snapshot."),
	ROW("guardrail.collections.max", NULL, INT, 0, "0", 0, 1000000, NULL,
	    guard_tables,
	    "Most tables to capture; 0 is any number."),
	ROW("guardrail.collections.limit.action", NULL, CHOICE, 0, "warn", 0,
	    0, "warn,fail", guard_action,
	    "What to do when there are more: say it in the log, or stop."),

#define COMPAT_ROW(name, key, values, help, instead) \
	ROW(key, NULL, STRING, DEPR, NULL, 0, 0, NULL, \
	    compat[PG_COMPAT_##name], help),
	PG_COMPAT_KEYS(COMPAT_ROW)
#undef COMPAT_ROW
	{ .name = NULL }
};
/* clang-format on */
