/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_table.c: the rows.
 */
#include <stddef.h>

#include "core/config/worker_options.h"

#define AT(field) offsetof(struct worker_options, field)
#define SINCE "0.1"

/* name, aliases, type, flags, default, min, max, choices, field, help */
#define ROW(n, a, t, f, d, lo, hi, c, field, h) \
	{ (n), (a), LEAT_OPT_##t, (f), (d), (lo), (hi), (c), AT(field), (h), \
	    SINCE }
#define TEXT(n, a, d, field, h) \
	ROW(n, a, STRING, 0, d, 0, 0, NULL, field, h)
#define FLAG(n, a, d, field, h) \
	ROW(n, a, BOOL, 0, d, 0, 0, NULL, field, h)
#define MAP(n, field, h) \
	ROW(n, NULL, MAP, 0, NULL, 0, 0, NULL, field, h)
#define IGNORED(n) \
	TEXT(n, NULL, NULL, ignored_text, "Accepted, without effect.")
#define IGNORED_MAP(n) MAP(n, ignored_map, "Accepted, without effect.")

const struct leat_option worker_option_table[] = {
	ROW("config.dir", "connectors.dir", STRING, LEAT_OPT_HIGH,
	    "connectors.d", 0, 0, NULL, config_dir,
	    "The directory whose files are the connectors to run."),
	FLAG("config.watch", NULL, "true", config_watch,
	    "Follow changes of that directory; else read it once."),
	TEXT("config.allowed.paths",
	    "config.providers.file.param.allowed.paths", NULL,
	    config_allowed_paths,
	    "Directories (comma list) that ${file:} and ${dir:} may read; "
	    "unset, any."),
	ROW("data.dir", "log.dirs", STRING, LEAT_OPT_HIGH, "data", 0, 0, NULL,
	    data_dir, "Where topics and offsets are kept."),
	ROW("plugin.path", NULL, STRING, LEAT_OPT_HIGH, NULL, 0, 0, NULL,
	    plugin_path, "Directories (a list) with plugins; unset, the one "
	    "installed with the program."),

	ROW("rest.listen", "listeners", STRING, LEAT_OPT_HIGH,
	    "127.0.0.1:8083", 0, 0, NULL, rest_listen,
	    "Address of the REST API and of /metrics, or none. "
	    "There is no password: keep it on loopback or behind a proxy."),
	TEXT("worker.id", NULL, NULL, worker_id,
	    "Name of this worker in status; unset, the REST address."),

	ROW("log.level", NULL, CHOICE, LEAT_OPT_HIGH, "info", 0, 0,
	    "error,warn,notice,info,debug", log_level,
	    "The least important lines that are logged."),
	ROW("log.format", NULL, CHOICE, 0, "text", 0, 0, "text,json",
	    log_format, "The form of a line."),
	ROW("log", "log.level", MAP, 0, NULL, 0, 0, NULL, log_components,
	    "log.<component>: the level of one component (broker, task, "
	    "rest, config, ...)."),

	ROW("memory.max.bytes", "memory.bytes", BYTES, LEAT_OPT_HIGH, "64MiB",
	    4194304, INT64_C(1) << 50, NULL, memory_max_bytes,
	    "Most memory that records in flight may take, of all tasks "
	    "together; what is above waits."),
	ROW("task.shutdown.graceful.timeout.ms", NULL, DURATION, 0, "5000",
	    0, 3600000, NULL, shutdown_timeout_ms,
	    "Time for all tasks together to end."),
	ROW("offset.flush.interval.ms", NULL, DURATION, 0, "1000", 1,
	    3600000, NULL, offset_flush_interval_ms,
	    "Longest time between two commits of a sink's offsets."),
	ROW("exactly.once.source.support", NULL, CHOICE, 0, "enabled", 0, 0,
	    "enabled,disabled,preparing", exactly_once,
	    "Whether sources write records and offsets in one transaction."),
	ROW("key.converter", NULL, STRING, LEAT_OPT_HIGH, "json", 0, 0, NULL,
	    key_converter, "Converter of keys where a connector sets none."),
	ROW("value.converter", NULL, STRING, LEAT_OPT_HIGH, "json", 0, 0,
	    NULL, value_converter,
	    "Converter of values where a connector sets none."),
	TEXT("header.converter", NULL, "simple", header_converter,
	    "Converter of headers where a connector sets none."),
	MAP("key.converter", converter_settings[0],
	    "Settings of the key converter."),
	MAP("value.converter", converter_settings[1],
	    "Settings of the value converter."),
	MAP("header.converter", converter_settings[2],
	    "Settings of the header converter."),

	ROW("broker.num.partitions", "num.partitions", INT, 0, "1", 1, 10000,
	    NULL, broker_partitions,
	    "Partitions of a topic that is made without a number."),
	FLAG("broker.auto.create.topics.enable", "auto.create.topics.enable",
	    "true", broker_auto_create, "Make topics on first use."),
	FLAG("broker.delete.topic.enable", "delete.topic.enable", "true",
	    broker_delete_topics, "May Kafka's clients delete topics?"),
	FLAG("broker.lenient.replication", NULL, "true",
	    broker_lenient_replication,
	    "Take replication factors above one and report them as one; else "
	    "refuse them."),
	ROW("broker.max.partitions", NULL, INT, 0, "100000", 10, 1000000,
	    NULL, broker_max_partitions,
	    "Partitions of all topics together."),
	ROW("broker.log.flush.interval.ms", "log.flush.interval.ms",
	    DURATION, 0, "50", 1, 3600000, NULL, broker_flush_interval_ms,
	    "Longest time until what nobody waits for is synced."),
	ROW("broker.log.retention.check.interval.ms",
	    "log.retention.check.interval.ms", DURATION, 0, "5m", 1000,
	    86400000, NULL, broker_retention_check_ms,
	    "Time between two rounds of deleting and compacting."),
	ROW("broker.log.retention.ms", "log.retention.ms", DURATION, 0, "7d",
	    -1, INT64_MAX, NULL, broker_retention_ms,
	    "Age at which segments are deleted; -1, never."),
	ROW("broker.log.retention.bytes", "log.retention.bytes", BYTES, 0,
	    "-1", -1, INT64_MAX, NULL, broker_retention_bytes,
	    "Size of a partition beyond which old segments are deleted; -1, "
	    "no limit."),
	ROW("broker.log.segment.bytes", "log.segment.bytes", BYTES, 0,
	    "1GiB", 1048576, INT32_MAX, NULL, broker_segment_bytes,
	    "Size of a segment file."),
	ROW("broker.message.max.bytes", "message.max.bytes", BYTES, 0,
	    "10MiB", 1024, 1 << 30, NULL, broker_message_max_bytes,
	    "Size of the largest batch that is taken."),
	MAP("broker.topic", broker_topic,
	    "broker.topic.<setting>: a default for all topics, by Kafka's "
	    "name (cleanup.policy, ...)."),

	ROW("broker.listeners", "broker.listen", STRING, LEAT_OPT_HIGH,
	    "127.0.0.1:9092", 0, 0, NULL, broker_listeners,
	    "Addresses (a list of host:port) for Kafka's clients, or none. "
	    "With a certificate they speak TLS, but for those that begin "
	    "with PLAINTEXT://."),
	TEXT("broker.advertised.listeners", "advertised.listeners", NULL,
	    broker_advertised,
	    "The one host:port that clients are told to connect to; unset, "
	    "the address at which they reached us."),
	ROW("broker.num.network.threads", "num.network.threads", INT, 0, "2",
	    1, 64, NULL, broker_threads,
	    "Threads that serve the connections of Kafka's clients."),
	ROW("broker.max.connections", "max.connections", INT, 0, "12000", 1,
	    1000000, NULL, broker_max_connections,
	    "Connections of Kafka's clients."),
	ROW("broker.max.connections.per.ip", "max.connections.per.ip", INT, 0,
	    "12000", 1, 1000000, NULL, broker_max_connections_per_ip,
	    "The same from one address."),
	ROW("broker.connections.max.idle.ms", "connections.max.idle.ms",
	    DURATION, 0, "10m", 1000, INT64_C(1) << 40, NULL, broker_idle_ms,
	    "A connection without requests is closed after it."),
	ROW("broker.socket.request.max.bytes", "socket.request.max.bytes",
	    BYTES, 0, "100MiB", 65536, 1 << 30, NULL,
	    broker_request_max_bytes, "Size of the largest request."),
	ROW("broker.queued.max.request.bytes", "queued.max.request.bytes",
	    BYTES, 0, "128MiB", 1048576, INT64_C(1) << 40, NULL,
	    broker_queued_max_bytes,
	    "Bytes of all requests under way; beyond it, reading waits."),
	TEXT("broker.ssl.keystore.location", "ssl.keystore.location", NULL,
	    broker_tls_certificate,
	    "PEM file with the certificate and its chain; with it, clients "
	    "speak TLS."),
	TEXT("broker.ssl.key.location", NULL, NULL, broker_tls_key,
	    "PEM file with its key; unset, it stands in the same file."),
	TEXT("broker.ssl.truststore.location", "ssl.truststore.location",
	    NULL, broker_tls_client_ca,
	    "PEM file with those who sign clients' certificates."),
	ROW("broker.ssl.client.auth", "ssl.client.auth", CHOICE, 0, "none", 0,
	    0, "none,requested,required", broker_tls_client_auth,
	    "Must clients have a certificate? Its subject is the user."),
	ROW("broker.group.initial.rebalance.delay.ms",
	    "group.initial.rebalance.delay.ms", DURATION, 0, "0", 0, 3600000,
	    NULL, broker_group_delay_ms,
	    "How long a new group waits for more members before its first "
	    "round."),
	ROW("broker.group.min.session.timeout.ms",
	    "group.min.session.timeout.ms", DURATION, 0, "6s", 1, 86400000,
	    NULL, broker_group_session_min_ms,
	    "The shortest session time-out that a member may ask for."),
	ROW("broker.group.max.session.timeout.ms",
	    "group.max.session.timeout.ms", DURATION, 0, "30m", 1, 86400000,
	    NULL, broker_group_session_max_ms,
	    "The longest session time-out that a member may ask for."),
	ROW("broker.group.max.size",
	    "group.max.size", INT, 0, "10000", 1, 1000000, NULL,
	    broker_group_max_size,
	    "Members of one group."),
	ROW("broker.offsets.retention.minutes",
	    "offsets.retention.minutes", INT, 0, "10080", 1, INT32_MAX, NULL,
	    broker_offsets_retention_min,
	    "Minutes for which the offsets of a group without members are "
	    "kept."),
	ROW("broker.transaction.max.timeout.ms", "transaction.max.timeout.ms",
	    DURATION, 0, "15m", 1, INT32_MAX, NULL,
	    broker_txn_max_timeout_ms,
	    "The longest time that a producer may ask for its transactions."),
	ROW("broker.transactional.id.expiration.ms",
	    "transactional.id.expiration.ms", DURATION, 0, "7d", 1,
	    INT64_MAX, NULL, broker_txn_id_expiration_ms,
	    "An unused transactional id is forgotten after it."),
	TEXT("broker.sasl.users.file", NULL, NULL, broker_users_file,
	    "File of users, as `leat users` writes it; with it, clients must "
	    "log in by SASL."),
	TEXT("broker.sasl.enabled.mechanisms", "sasl.enabled.mechanisms",
	    NULL, broker_sasl_mechanisms,
	    "Of SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN (a list); unset, all, "
	    "but PLAIN only over TLS or where only loopback is listened on."),
	FLAG("broker.sasl.plain.cleartext", NULL, "false",
	    broker_sasl_plain_cleartext,
	    "Let PLAIN send passwords through the network as they are."),
	TEXT("broker.acl.file", NULL, NULL, broker_acl_file,
	    "File of rules, who may do what; unset, whoever may connect may "
	    "do everything."),
	TEXT("broker.super.users", "super.users", NULL, broker_super_users,
	    "Who may do everything whatever the rules say: "
	    "User:admin;User:ops."),

	IGNORED_MAP("config.storage"),
	IGNORED_MAP("offset.storage"),
	IGNORED_MAP("status.storage"),
	IGNORED_MAP("internal"),
	IGNORED_MAP("rest.advertised"),
	IGNORED_MAP("config.providers"),
	IGNORED("config.providers"),
	IGNORED("plugin.discovery"),
	IGNORED("offset.flush.timeout.ms"),
	IGNORED("topic.creation.enable"),
	IGNORED("topic.tracking.enable"),
	IGNORED("topic.tracking.allow.reset"),
	IGNORED("connector.client.config.override.policy"),
	IGNORED("session.timeout.ms"),
	IGNORED("heartbeat.interval.ms"),
	IGNORED("rebalance.timeout.ms"),
	IGNORED("connect.protocol"),
	IGNORED("scheduled.rebalance.max.delay.ms"),
	{ .name = NULL },
};
