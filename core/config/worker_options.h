/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_options.h: the worker's own settings.
 *
 * One table of rows drives reading, defaults, `leat worker --help`,
 * configs/worker.yaml and docs/CONFIG.md. Names are those of Kafka Connect's
 * workers and, behind "broker.", of Kafka's brokers.
 */
#ifndef LEAT_CORE_CONFIG_WORKER_OPTIONS_H
#define LEAT_CORE_CONFIG_WORKER_OPTIONS_H

#include <leat/arena.h>
#include <leat/connector.h>

#include "core/config/interpolate.h"
#include "core/config/properties.h"

enum worker_client_auth { CLIENT_AUTH_NONE, CLIENT_AUTH_REQUESTED,
	CLIENT_AUTH_REQUIRED };

enum worker_eos { WORKER_EOS_ENABLED, WORKER_EOS_DISABLED,
	WORKER_EOS_PREPARING };

/* In the field types that leat_option rows fill. */
struct worker_options {
	/* files */
	const char *config_dir;
	int32_t config_watch;
	const char *config_allowed_paths;	/* NULL: any */
	const char *data_dir;
	const char *plugin_path;	/* colons; NULL: beside the program */
	/* faces */
	const char *rest_listen;		/* NULL: none */
	const char *worker_id;			/* NULL: the REST address */
	/* logs */
	int32_t log_level;			/* enum log_level */
	int32_t log_format;			/* enum log_format */
	struct leat_params log_components;	/* name to level */
	/* running */
	int64_t memory_max_bytes;
	int64_t shutdown_timeout_ms;
	int64_t offset_flush_interval_ms;
	int32_t exactly_once;			/* worker_eos */
	const char *key_converter;
	const char *value_converter;
	const char *header_converter;
	/* the embedded broker */
	int64_t broker_partitions;
	int32_t broker_auto_create;
	int32_t broker_delete_topics;
	int32_t broker_lenient_replication;
	int64_t broker_max_partitions;
	int64_t broker_flush_interval_ms;
	int64_t broker_retention_check_ms;
	int64_t broker_retention_ms;		/* -1: for ever */
	int64_t broker_retention_bytes;		/* -1: no limit */
	int64_t broker_segment_bytes;
	int64_t broker_message_max_bytes;
	struct leat_params broker_topic;	/* defaults of all topics */
	/* the Kafka port */
	const char *broker_listeners;		/* NULL: none */
	const char *broker_advertised;		/* NULL: as they reach us */
	int64_t broker_threads;
	int64_t broker_max_connections;
	int64_t broker_max_connections_per_ip;
	int64_t broker_idle_ms;
	int64_t broker_request_max_bytes;
	int64_t broker_queued_max_bytes;
	const char *broker_tls_certificate;	/* NULL: no TLS */
	const char *broker_tls_key;
	const char *broker_tls_client_ca;
	int32_t broker_tls_client_auth;		/* worker_client_auth */
	int64_t broker_group_delay_ms;
	int64_t broker_group_session_min_ms;
	int64_t broker_group_session_max_ms;
	int64_t broker_group_max_size;
	int64_t broker_offsets_retention_min;
	int64_t broker_txn_max_timeout_ms;
	int64_t broker_txn_id_expiration_ms;
	const char *broker_users_file;		/* NULL: nobody logs in */
	const char *broker_sasl_mechanisms;	/* NULL: what is safe */
	int32_t broker_sasl_plain_cleartext;
	const char *broker_acl_file;		/* NULL: all may do all */
	const char *broker_super_users;
	/* accepted for Kafka Connect's sake, without effect here */
	struct leat_params converter_settings[3];
	struct leat_params ignored_map;
	const char *ignored_text;
};

extern const struct leat_option worker_option_table[];

struct worker_config {
	struct worker_options options;
	struct properties *props;	/* what was set, for herder_options */
	struct leat_arena arena;	/* of the options' texts */
};

/*
 * Reads the worker's file (NULL: none, all defaults) and then `sets`, each
 * "key=value", as given on the command line. 0, or negative after problems were
 * added; then *ret_config is untouched. refs NULL: references_system.
 */
int worker_config_read(const char *path, const char *const *sets,
    size_t nsets, const struct references *refs,
    struct worker_config *ret_config, struct problems *problems,
    struct problems *warnings);
void worker_config_fini(struct worker_config *c);

#endif
