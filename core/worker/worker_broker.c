/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_broker.c: see worker_broker.h.
 */
#include "core/worker/worker_broker.h"

#include <inttypes.h>
#include <sys/resource.h>

#include "broker/broker.h"
#include "core/base/obj.h"
#include "core/config/worker_options.h"

enum { DEFAULTS_MAX = 64, DESCRIPTORS_MAX = 1 << 20, DESCRIPTORS_OWN = 64 };

/* Segments and connections need more than a login shell gives. */
int64_t
worker_descriptors(void)
{
	struct rlimit limit;
	int64_t n;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return DESCRIPTORS_MAX;
	if (limit.rlim_cur < MIN(limit.rlim_max, (rlim_t)DESCRIPTORS_MAX)) {
		limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)DESCRIPTORS_MAX);
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	n = (int64_t)MIN(limit.rlim_cur, (rlim_t)DESCRIPTORS_MAX) -
	    DESCRIPTORS_OWN;
	return MAX(n, DESCRIPTORS_OWN);
}

static const char *
number_text(struct leat_arena *memory, int64_t n)
{
	return leat_arena_printf(memory, "%" PRId64, n);
}

/* Defaults of all topics, by Kafka's names. */
static size_t
topic_defaults(const struct worker_options *set, struct leat_arena *memory,
    struct broker_setting *to)
{
	const struct leat_params *more = &set->broker_topic;
	size_t n = 0;

	to[n++] = (struct broker_setting){ "retention.ms",
		number_text(memory, set->broker_retention_ms) };
	to[n++] = (struct broker_setting){ "retention.bytes",
		number_text(memory, set->broker_retention_bytes) };
	to[n++] = (struct broker_setting){ "segment.bytes",
		number_text(memory, set->broker_segment_bytes) };
	to[n++] = (struct broker_setting){ "max.message.bytes",
		number_text(memory, set->broker_message_max_bytes) };
	for (uint32_t i = 0; i < more->len && n < DEFAULTS_MAX; i++)
		to[n++] = (struct broker_setting){ more->items[i].key,
			more->items[i].value };
	return n;
}

int
worker_open_broker(const struct worker_options *set, int64_t descriptors,
    struct metrics *metrics, struct leat_arena *memory,
    struct broker **ret_broker, struct leat_err *err)
{
	struct broker_setting defaults[DEFAULTS_MAX];
	struct broker_options o;

	broker_options_init(&o);
	o.descriptors = (uint32_t)(descriptors / 4);
	o.dir = set->data_dir;
	o.metrics = metrics;
	o.default_partitions = (int32_t)set->broker_partitions;
	o.auto_create = set->broker_auto_create != 0;
	o.max_partitions = (int32_t)set->broker_max_partitions;
	o.flush_interval_ms = set->broker_flush_interval_ms;
	o.retention_check_ms = set->broker_retention_check_ms;
	o.offsets_retention_ms = set->broker_offsets_retention_min * 60000;
	o.txn_id_expiration_ms = set->broker_txn_id_expiration_ms;
	o.defaults = defaults;
	o.ndefaults = topic_defaults(set, memory, defaults);
	if (broker_open(&o, ret_broker, err) < 0)
		return leat_err_wrap(err, "open broker in '%s'",
		    set->data_dir);
	return 0;
}

int
worker_open_listener(const struct worker_options *set, int64_t descriptors,
    struct broker *broker, struct broker_listener **ret_listener,
    struct leat_err *err)
{
	struct broker_listen_options o;

	if (set->broker_listeners == NULL)
		return 0;
	broker_listen_options_init(&o);
	o.listen = set->broker_listeners;
	o.advertised = set->broker_advertised;
	o.threads = (int32_t)set->broker_threads;
	o.max_connections = (int32_t)MIN(set->broker_max_connections,
	    MAX(descriptors / 8 * 5, 1));
	o.max_connections_per_ip =
	    (int32_t)set->broker_max_connections_per_ip;
	o.idle_ms = set->broker_idle_ms;
	o.delete_topics = set->broker_delete_topics != 0;
	o.lenient_replication = set->broker_lenient_replication != 0;
	o.request_max_bytes = set->broker_request_max_bytes;
	o.queued_max_bytes = set->broker_queued_max_bytes;
	o.tls_certificate = set->broker_tls_certificate;
	o.tls_key = set->broker_tls_key;
	if (set->broker_tls_client_auth != CLIENT_AUTH_NONE)
		o.tls_client_ca = set->broker_tls_client_ca;
	o.tls_client_optional =
	    set->broker_tls_client_auth == CLIENT_AUTH_REQUESTED;
	o.group_initial_delay_ms = set->broker_group_delay_ms;
	o.group_session_min_ms = set->broker_group_session_min_ms;
	o.group_session_max_ms = set->broker_group_session_max_ms;
	o.group_max_members = (int32_t)set->broker_group_max_size;
	o.txn_max_timeout_ms = set->broker_txn_max_timeout_ms;
	o.users_file = set->broker_users_file;
	o.sasl_mechanisms = set->broker_sasl_mechanisms;
	o.sasl_plain_cleartext = set->broker_sasl_plain_cleartext;
	o.acl_file = set->broker_acl_file;
	o.super_users = set->broker_super_users;
	if (broker_listen(broker, &o, ret_listener, err) < 0)
		return leat_err_wrap(err, "serve Kafka's clients");
	return 0;
}
