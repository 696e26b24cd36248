/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_config.h: the options of postgres-source, and what is derived from them.
 */
#ifndef LEAT_PG_CONFIG_H
#define LEAT_PG_CONFIG_H

#include <stdint.h>

#include <leat/connector.h>

#include "pg_compat.h"
#include "pg_filter.h"

enum {
	PG_SNAPSHOT_INITIAL,
	PG_SNAPSHOT_ALWAYS,
	PG_SNAPSHOT_INITIAL_ONLY,
	PG_SNAPSHOT_NO_DATA,
	PG_SNAPSHOT_NEVER,	/* the old word for no_data */
	PG_SNAPSHOT_WHEN_NEEDED,
	PG_SNAPSHOT_CONFIGURATION_BASED,
	PG_SNAPSHOT_CUSTOM	/* refused */
};

enum {
	PG_ISOLATION_SERIALIZABLE,
	PG_ISOLATION_REPEATABLE_READ,
	PG_ISOLATION_READ_COMMITTED,
	PG_ISOLATION_READ_UNCOMMITTED
};

enum {
	PG_LOCKING_NONE,
	PG_LOCKING_SHARED,
	PG_LOCKING_CUSTOM	/* refused */
};

enum {
	PG_QUERY_SELECT_ALL,
	PG_QUERY_CUSTOM		/* refused */
};

enum { PG_ORDER_DISABLED, PG_ORDER_ASCENDING, PG_ORDER_DESCENDING };

enum {
	PG_PUBLICATION_FILTERED,
	PG_PUBLICATION_ALL_TABLES,
	PG_PUBLICATION_NO_TABLES,
	PG_PUBLICATION_DISABLED
};

enum { PG_DECIMAL_PRECISE, PG_DECIMAL_DOUBLE, PG_DECIMAL_STRING };

enum {
	PG_TIME_ADAPTIVE,
	PG_TIME_ADAPTIVE_TIME_MICROS,
	PG_TIME_MICROS,
	PG_TIME_NANOS,
	PG_TIME_CONNECT,
	PG_TIME_ISOSTRING,
	PG_TIME_STRUCTURED
};

enum { PG_INTERVAL_NUMERIC, PG_INTERVAL_STRING };

enum {
	PG_BINARY_BYTES,
	PG_BINARY_BASE64,
	PG_BINARY_BASE64_URL,
	PG_BINARY_HEX
};

enum { PG_HSTORE_JSON, PG_HSTORE_MAP };

/* infinity.handling.mode, array.handling.mode */
enum { PG_INFINITY_DEBEZIUM, PG_INFINITY_LIMITS };
enum { PG_ARRAY_NESTED, PG_ARRAY_TEXT };

/* schema.name.adjustment.mode, field.name.adjustment.mode */
enum { PG_NAMES_NONE, PG_NAMES_AVRO, PG_NAMES_AVRO_UNICODE };

/* incremental.snapshot.watermarking.strategy */
enum { PG_WATERMARK_INSERT_INSERT, PG_WATERMARK_INSERT_DELETE };

/* signal.enabled.channels, notification.enabled.channels */
enum {
	PG_CHANNEL_SOURCE = 1,
	PG_CHANNEL_KAFKA = 2,
	PG_CHANNEL_FILE = 4,
	PG_CHANNEL_PROCESS = 8,	/* in-process, jmx */
	PG_CHANNEL_SINK = 16,
	PG_CHANNEL_LOG = 32
};

/* offset.mismatch.strategy */
enum {
	PG_MISMATCH_REFUSE,
	PG_MISMATCH_NO_VALIDATION,
	PG_MISMATCH_TRUST_OFFSET,
	PG_MISMATCH_TRUST_SLOT,
	PG_MISMATCH_TRUST_GREATER
};

/* lsn.flush.mode, lsn.flush.timeout.action */
enum { PG_FLUSH_CONNECTOR, PG_FLUSH_MANUAL, PG_FLUSH_AND_DRIVER };
enum { PG_TIMEOUT_FAIL, PG_TIMEOUT_WARN, PG_TIMEOUT_IGNORE };

/* event.converting.failure.handling.mode */
enum { PG_FAILURE_WARN, PG_FAILURE_FAIL, PG_FAILURE_SKIP };

/* event.processing.failure.handling.mode */
enum { PG_EVENT_FAIL, PG_EVENT_WARN, PG_EVENT_SKIP };

/* wal.guard.action */
enum { PG_WAL_WARN, PG_WAL_HOLD_SNAPSHOTS, PG_WAL_GIVE_UP };

/* guardrail.collections.limit.action */
enum { PG_GUARD_WARN, PG_GUARD_FAIL };

/* Bits for skipped.operations. */
enum {
	PG_SKIP_CREATE = 1,
	PG_SKIP_UPDATE = 2,
	PG_SKIP_DELETE = 4,
	PG_SKIP_TRUNCATE = 8
};

/* Filled by the host; the order is that of the option table. */
struct pg_config {
	const char *url;
	const char *hostname;
	int64_t port;
	const char *user;
	const char *password;
	const char *dbname;
	const char *sslmode;
	const char *sslrootcert;
	const char *sslcert;
	const char *sslkey;
	const char *sslpassword;
	int32_t tcp_keepalive;
	int32_t plugin;
	const char *initial_statements;
	int64_t query_timeout_ms;
	int64_t connect_timeout_ms;

	const char *prefix;
	const char *topic_delimiter;
	const char *heartbeat_prefix;
	const char *heartbeat_topic;
	const char *transaction_topic;

	struct leat_list schema_include;
	struct leat_list schema_exclude;
	struct leat_list table_include;
	struct leat_list table_exclude;
	struct leat_list column_include;
	struct leat_list column_exclude;
	const char *message_keys;
	struct leat_list message_include;
	struct leat_list message_exclude;

	const char *slot;
	int32_t slot_drop;
	int32_t slot_failover;
	const char *publication;
	int32_t publication_mode;
	int32_t publish_via_root;
	struct leat_list identities;
	int64_t status_interval_ms;
	int64_t wal_bytes;
	int64_t wal_age_ms;
	int32_t wal_action;
	const char *stream_params;
	int32_t protocol;	/* 0: the server's best */
	int32_t stream_large;
	int32_t two_phase;
	const char *spool_dir;
	int64_t spool_max;
	int64_t slot_retries;
	int64_t slot_retry_ms;
	int32_t mismatch_strategy;
	int32_t flush_mode;
	int32_t flush_source;
	int64_t flush_timeout_ms;
	int32_t flush_action;
	int64_t xmin_interval_ms;

	int32_t snapshot_mode;
	int32_t based_data;	/* configuration_based */
	int32_t based_schema;
	int32_t based_stream;
	int32_t based_schema_error;
	int32_t based_data_error;
	struct leat_list snapshot_include;
	struct leat_list snapshot_overrides;
	struct leat_params snapshot_select_of;	/* of these, by table */
	int64_t snapshot_threads;
	int64_t snapshot_multiplier;
	int32_t snapshot_legacy_threads;
	int32_t snapshot_order;
	int32_t snapshot_isolation;
	int32_t snapshot_locking;
	int64_t snapshot_lock_timeout_ms;
	int32_t snapshot_query;
	int64_t snapshot_delay_ms;
	int64_t streaming_delay_ms;
	int64_t snapshot_max_rows;	/* a second */
	int64_t snapshot_max_bytes;
	int64_t snapshot_fetch_size;
	int64_t heartbeat_interval_ms;
	const char *heartbeat_query;
	int64_t poll_interval_ms;
	int64_t max_batch;

	struct leat_params signal_consumer;	/* without effect */
	const char *signal_table;
	struct leat_list signal_channels;
	int64_t signal_poll_ms;
	const char *signal_topic;
	const char *signal_file;
	const char *signal_servers;	/* without effect, as the next two */
	const char *signal_group;
	int64_t signal_timeout_ms;
	int32_t read_only;
	int64_t chunk_size;
	int32_t watermark;
	int64_t chunk_rate;
	int32_t chunk_schema;	/* without effect */
	struct leat_list notify_channels;
	const char *notify_topic;

	int32_t decimal_mode;
	int32_t time_mode;
	int32_t interval_mode;
	int32_t binary_mode;
	int32_t hstore_mode;
	int64_t money_digits;
	int32_t infinity_mode;
	int32_t array_mode;
	int32_t include_unknown;
	const char *placeholder;
	int32_t schema_names;
	int32_t field_names;
	struct leat_list converters;

	struct leat_params truncate;
	struct leat_params mask;
	struct leat_params mask_hash;
	struct leat_list propagate_columns;
	struct leat_list propagate_types;
	int32_t comments;

	int32_t tombstones;
	struct leat_list skipped;
	int32_t skip_unchanged;
	int32_t extended_headers;
	int32_t transaction_metadata;
	int32_t convert_failure;
	int32_t event_failure;
	int64_t guard_tables;
	int32_t guard_action;

	const char *compat[PG_COMPAT_N];
};

extern const struct leat_option pg_source_options[];

/* The check() callback: options against each other. */
int32_t pg_config_check(const void *config, struct leat_err *err);

/* The part of it that concerns snapshots. */
int pg_config_check_snapshot(const struct pg_config *c, struct leat_err *err);

/* skipped.operations as PG_SKIP_* bits, or -1 with err filled. */
int32_t pg_config_skipped(const struct pg_config *cfg, struct leat_err *err);

/* The channels as PG_CHANNEL_* bits, or -1 with err filled. */
int32_t pg_config_signal_channels(const struct pg_config *cfg,
    struct leat_err *err);
int32_t pg_config_notify_channels(const struct pg_config *cfg,
    struct leat_err *err);

/* One rule of message.key.columns. */
struct pg_key_rule {
	regex_t re;
	char **columns;
	uint32_t ncolumns;
};

/* The compiled filters of a task. */
struct pg_filters {
	struct pg_filter schema_include;
	struct pg_filter schema_exclude;
	struct pg_filter table_include;
	struct pg_filter table_exclude;
	struct pg_filter column_include;
	struct pg_filter column_exclude;
	struct pg_key_rule *keys;
	uint32_t nkeys;
};

int pg_filters_init(struct pg_filters *f, const struct pg_config *cfg,
    struct leat_err *err);
void pg_filters_fini(struct pg_filters *f);

/*
 * Is the table captured? `root` is the table that it is a partition of, as
 * "schema.table", or NULL: an include list that names the root takes its
 * partitions. *ret_rank, which may be NULL, gets the place of the matching
 * expression in table.include.list.
 */
int pg_filters_table(const struct pg_filters *f, const char *schema,
    const char *table, const char *root, int32_t *ret_rank);

/* Is the column part of the values? */
int pg_filters_column(const struct pg_filters *f, const char *schema,
    const char *table, const char *column);

/* The rule of message.key.columns for a table, or NULL. */
const struct pg_key_rule *pg_filters_key(const struct pg_filters *f,
    const char *schema, const char *table);

#endif
