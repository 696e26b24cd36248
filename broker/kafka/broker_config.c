/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker_config.c: the table of the broker's settings.
 */
#include "broker/kafka/broker_config.h"

#include <inttypes.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/kafka_server.h"
#include "core/base/obj.h"

enum field_kind { FIXED, BOOL, I32, I64, SIZE, MINUTES, TEXT, TOPIC };

struct row {
	const char *name;
	enum setting_type type;
	enum field_kind kind;
	bool listener;		/* in broker_listen_options, else the broker's */
	int offset;
	const char *fixed;	/* FIXED: the value; TOPIC: of this setting */
	const char *doc;
};

#define BROKER(n, type, kind, field, doc) \
	{ n, SETTING_##type, kind, false, \
	    (int)offsetof(struct broker_options, field), NULL, doc }
#define LISTEN(n, type, kind, field, doc) \
	{ n, SETTING_##type, kind, true, \
	    (int)offsetof(struct broker_listen_options, field), NULL, doc }
#define FIX(n, type, value, doc) \
	{ \
		n, SETTING_##type, FIXED, false, 0, value, doc \
	}
#define DEFAULT_OF(n, type, setting) \
	{ n, SETTING_##type, TOPIC, false, 0, setting, \
	    "Default of the topic setting " setting "." }

static const struct row rows[] = {
	LISTEN("advertised.listeners", STRING, TEXT, advertised,
	    "The address that clients are told to connect to; none, the one at "
	    "which they reached the broker."),
	BROKER("auto.create.topics.enable", BOOL, BOOL, auto_create,
	    "Make topics on first use."),
	LISTEN("broker.id", INT, I32, node_id,
	    "The number of the one broker there is."),
	DEFAULT_OF("compression.gzip.level", INT, "compression.gzip.level"),
	DEFAULT_OF("compression.lz4.level", INT, "compression.lz4.level"),
	DEFAULT_OF("compression.type", STRING, "compression.type"),
	DEFAULT_OF("compression.zstd.level", INT, "compression.zstd.level"),
	LISTEN("connections.max.idle.ms", LONG, I64, idle_ms,
	    "A connection that is silent for so long is closed."),
	FIX("default.replication.factor", INT, "1",
	    "There is one broker, so there is one replica."),
	LISTEN("delete.topic.enable", BOOL, BOOL, delete_topics,
	    "May clients delete topics?"),
	LISTEN("fetch.max.bytes", INT, I64, fetch_max_bytes,
	    "Records in one answer to a fetch, at most."),
	LISTEN("group.initial.rebalance.delay.ms", INT, I64,
	    group_initial_delay_ms,
	    "Wait of a new group for further members before its first round."),
	LISTEN("group.max.session.timeout.ms", INT, I64, group_session_max_ms,
	    "The longest session timeout a member may ask for."),
	LISTEN("group.max.size", INT, I32, group_max_members,
	    "Members of one group, at most."),
	LISTEN("group.min.session.timeout.ms", INT, I64, group_session_min_ms,
	    "The shortest session timeout a member may ask for."),
	LISTEN("listeners", STRING, TEXT, listen,
	    "The addresses on which clients are served."),
	BROKER("log.cleaner.dedupe.buffer.size", LONG, SIZE, cleaner_memory,
	    "Memory of a compaction's table of keys, at most."),
	DEFAULT_OF("log.cleaner.delete.retention.ms", LONG,
	    "delete.retention.ms"),
	FIX("log.cleaner.enable", BOOL, "true",
	    "Topics whose cleanup.policy says so are compacted."),
	DEFAULT_OF("log.cleaner.max.compaction.lag.ms", LONG,
	    "max.compaction.lag.ms"),
	DEFAULT_OF("log.cleaner.min.cleanable.ratio", DOUBLE,
	    "min.cleanable.dirty.ratio"),
	DEFAULT_OF("log.cleaner.min.compaction.lag.ms", LONG,
	    "min.compaction.lag.ms"),
	DEFAULT_OF("log.cleanup.policy", LIST, "cleanup.policy"),
	BROKER("log.dir", STRING, TEXT, dir, "The directory of all topics."),
	BROKER("log.dirs", STRING, TEXT, dir, "The directory of all topics."),
	DEFAULT_OF("log.flush.interval.messages", LONG, "flush.messages"),
	BROKER("log.flush.interval.ms", LONG, I64, flush_interval_ms,
	    "Longest time until what nobody waits for is synced."),
	BROKER("log.flush.offset.checkpoint.interval.ms", INT, I64,
	    checkpoint_ms, "Time between two recovery points."),
	DEFAULT_OF("log.index.interval.bytes", INT, "index.interval.bytes"),
	DEFAULT_OF("log.index.size.max.bytes", INT, "segment.index.bytes"),
	DEFAULT_OF("log.message.timestamp.after.max.ms", LONG,
	    "message.timestamp.after.max.ms"),
	DEFAULT_OF("log.message.timestamp.before.max.ms", LONG,
	    "message.timestamp.before.max.ms"),
	DEFAULT_OF("log.message.timestamp.type", STRING,
	    "message.timestamp.type"),
	DEFAULT_OF("log.preallocate", BOOL, "preallocate"),
	DEFAULT_OF("log.retention.bytes", LONG, "retention.bytes"),
	BROKER("log.retention.check.interval.ms", LONG, I64,
	    retention_check_ms, "Time between two rounds of retention."),
	DEFAULT_OF("log.retention.ms", LONG, "retention.ms"),
	DEFAULT_OF("log.roll.jitter.ms", LONG, "segment.jitter.ms"),
	DEFAULT_OF("log.roll.ms", LONG, "segment.ms"),
	DEFAULT_OF("log.segment.bytes", INT, "segment.bytes"),
	DEFAULT_OF("log.segment.delete.delay.ms", LONG,
	    "file.delete.delay.ms"),
	LISTEN("max.connections", INT, I32, max_connections,
	    "Connections of all clients together, at most."),
	LISTEN("max.connections.per.ip", INT, I32, max_connections_per_ip,
	    "Connections from one address, at most."),
	LISTEN("max.incremental.fetch.session.cache.slots", INT, I32,
	    fetch_sessions_max, "Fetch sessions that are kept, at most."),
	BROKER("max.partitions", INT, I32, max_partitions,
	    "Partitions of all topics together, at most."),
	DEFAULT_OF("message.max.bytes", INT, "max.message.bytes"),
	DEFAULT_OF("min.insync.replicas", INT, "min.insync.replicas"),
	LISTEN("node.id", INT, I32, node_id,
	    "The number of the one broker there is."),
	LISTEN("num.network.threads", INT, I32, threads,
	    "Threads that serve connections."),
	BROKER("num.partitions", INT, I32, default_partitions,
	    "Partitions of a topic that is made without a number."),
	BROKER("offsets.retention.minutes", INT, MINUTES, offsets_retention_ms,
	    "How long a group without members keeps its offsets."),
	BROKER("offsets.topic.num.partitions", INT, I32, offsets_partitions,
	    "Partitions of __consumer_offsets when it is made."),
	FIX("offsets.topic.replication.factor", SHORT, "1",
	    "There is one broker, so there is one replica."),
	LISTEN("queued.max.request.bytes", LONG, I64, queued_max_bytes,
	    "Bytes of all requests under way, at most."),
	LISTEN("sasl.enabled.mechanisms", LIST, TEXT, sasl_mechanisms,
	    "How clients may log in, where there is a file of users."),
	LISTEN("socket.request.max.bytes", INT, I64, request_max_bytes,
	    "Bytes of one request, at most."),
	LISTEN("super.users", STRING, TEXT, super_users,
	    "Who may do everything."),
	LISTEN("transaction.max.timeout.ms", INT, I64, txn_max_timeout_ms,
	    "The longest timeout of a transaction."),
	BROKER("transaction.state.log.num.partitions", INT, I32,
	    txn_partitions,
	    "Partitions of __transaction_state when it is made."),
	FIX("transaction.state.log.replication.factor", SHORT, "1",
	    "There is one broker, so there is one replica."),
	DEFAULT_OF("unclean.leader.election.enable", BOOL,
	    "unclean.leader.election.enable"),
};

int
broker_config_count(void)
{
	return (int)ARRAY_LEN(rows);
}

const char *
broker_config_name(int i)
{
	return rows[i].name;
}

enum setting_type
broker_config_type(int i)
{
	return rows[i].type;
}

const char *
broker_config_doc(int i)
{
	return rows[i].doc;
}

static const char *
text_of(struct leat_arena *arena, enum field_kind kind, const void *at)
{
	switch (kind) {
	case BOOL:
		return *(const bool *)at ? "true" : "false";
	case I32:
		return leat_arena_printf(arena, "%" PRId32,
		    *(const int32_t *)at);
	case I64:
		return leat_arena_printf(arena, "%" PRId64,
		    *(const int64_t *)at);
	case SIZE:
		return leat_arena_printf(arena, "%zu", *(const size_t *)at);
	case MINUTES:
		return leat_arena_printf(arena, "%" PRId64,
		    *(const int64_t *)at / 60000);
	case TEXT:
		return *(const char *const *)at;
	case FIXED:
	case TOPIC:
		break;
	}
	UNREACHABLE("kind of a broker setting");
}

const char *
broker_config_value(struct kafka_request *rq, int i, bool *ret_default)
{
	struct broker_options o;
	struct broker_listen_options lo;
	const struct row *r = &rows[i];
	const char *now, *born;
	const void *from, *first;

	*ret_default = true;
	if (r->kind == FIXED)
		return r->fixed;
	if (r->kind == TOPIC) {
		int s = setting_find(r->fixed);

		*ret_default = rq->broker->defaults[s] == NULL;
		return *ret_default ? setting_default(s) :
		    rq->broker->defaults[s];
	}
	broker_options_init(&o);
	broker_listen_options_init(&lo);
	from = r->listener ? (const void *)&rq->server->o : &rq->broker->o;
	first = r->listener ? (const void *)&lo : &o;
	now = text_of(&rq->arena, r->kind, (const char *)from + r->offset);
	born = text_of(&rq->arena, r->kind, (const char *)first + r->offset);
	*ret_default = now == born ||
	    (now != NULL && born != NULL && strcmp(now, born) == 0);
	return now;
}
