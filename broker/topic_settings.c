/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of topic settings. A row that is NOWHERE in struct topic_config is
 * one that Kafka's clients may set and read, and that changes nothing here; its
 * text says why.
 */
#include "broker/topic_settings.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"

enum rule { NUMBER, RATIO, BOOL, CHOICE, POLICY, ANY, NEVER_TRUE };

struct setting {
	const char *name;
	const char *broker_name;	/* of the default for all topics */
	const char *def;
	enum setting_type type;
	enum rule rule;
	int64_t min, max;		/* NUMBER */
	const char *choices;		/* CHOICE: "a|b|c" */
	int offset;			/* in struct topic_config, -1: none */
	const char *doc;
};

#define AT(f) ((int)offsetof(struct topic_config, f))
#define NOWHERE (-1)
#define MAX32 INT32_MAX
#define MAX64 INT64_MAX
#define NEVER "9223372036854775807"

#define INT32(n, bn, def, lo, hi, at, doc) \
	{ \
		n, bn, def, SETTING_INT, NUMBER, lo, hi, NULL, at, doc \
	}
#define INT64(n, bn, def, lo, hi, at, doc) \
	{ \
		n, bn, def, SETTING_LONG, NUMBER, lo, hi, NULL, at, doc \
	}
#define WORDS(n, bn, def, rule, choices, at, doc) \
	{ \
		n, bn, def, SETTING_STRING, rule, 0, 0, choices, at, doc \
	}
#define LIST(n, bn, def, rule, at, doc) \
	{ \
		n, bn, def, SETTING_LIST, rule, 0, 0, NULL, at, doc \
	}
#define FLAG(n, bn, rule, at, doc) \
	{ \
		n, bn, "false", SETTING_BOOL, rule, 0, 0, NULL, at, doc \
	}

/* In the order of their names. */
static const struct setting settings[] = {
	LIST("cleanup.policy", "log.cleanup.policy", "delete", POLICY,
	    AT(cleanup), "What happens to old records: \"delete\" removes "
	    "segments by age and size, \"compact\" keeps the newest record of "
	    "each key; or both."),
	INT32("compression.gzip.level", "compression.gzip.level", "-1", -1, 9,
	    AT(gzip_level), "Level of gzip where compression.type is gzip; "
	    "-1, the library's own."),
	INT32("compression.lz4.level", "compression.lz4.level", "9", 1, 17,
	    AT(lz4_level), "Level of lz4 where compression.type is lz4."),
	WORDS("compression.type", "compression.type", "producer", CHOICE,
	    "uncompressed|gzip|snappy|lz4|zstd|producer", AT(compression),
	    "Codec of stored batches; \"producer\" keeps the sender's."),
	INT32("compression.zstd.level", "compression.zstd.level", "3", -131072,
	    22, AT(zstd_level), "Level of zstd where compression.type is "
	    "zstd."),
	INT64("delete.retention.ms", "log.cleaner.delete.retention.ms",
	    "86400000", 0, MAX64, AT(delete_retention_ms), "How long a "
	    "compaction keeps tombstones after it has first seen them."),
	INT64("file.delete.delay.ms", "log.segment.delete.delay.ms", "60000",
	    0, MAX64, NOWHERE, "Kept and shown only: a removed file goes at "
	    "once, and who still reads it holds it open."),
	INT64("flush.messages", "log.flush.interval.messages", NEVER, 1, MAX64,
	    AT(flush_messages), "Records after which a sync is forced."),
	INT64("flush.ms", "log.flush.interval.ms", NEVER, 0, MAX64,
	    AT(flush_ms), "Time after which a sync is forced, where it is less "
	    "than the broker's own interval."),
	LIST("follower.replication.throttled.replicas", NULL, "", ANY, NOWHERE,
	    "Kept and shown only: there is one replica."),
	INT32("index.interval.bytes", "log.index.interval.bytes", "4096", 0,
	    MAX32, AT(index_interval_bytes), "Bytes of log between two entries "
	    "of the offset index."),
	LIST("leader.replication.throttled.replicas", NULL, "", ANY, NOWHERE,
	    "Kept and shown only: there is one replica."),
	INT64("local.retention.bytes", "log.local.retention.bytes", "-2", -2,
	    MAX64, NOWHERE, "Kept and shown only: there is no remote "
	    "storage."),
	INT64("local.retention.ms", "log.local.retention.ms", "-2", -2, MAX64,
	    NOWHERE, "Kept and shown only: there is no remote storage."),
	INT64("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms",
	    NEVER, 1, MAX64, AT(max_compaction_lag_ms), "Age at which a record "
	    "makes its partition be compacted whatever its dirty ratio."),
	INT32("max.message.bytes", "message.max.bytes", "1048588", 0, MAX32,
	    AT(max_message_bytes), "Size of the largest batch that is taken."),
	INT64("message.timestamp.after.max.ms",
	    "log.message.timestamp.after.max.ms", "3600000", 0, MAX64,
	    AT(timestamp_after_max_ms), "How far ahead of the broker's clock a "
	    "record's timestamp may be, with CreateTime."),
	INT64("message.timestamp.before.max.ms",
	    "log.message.timestamp.before.max.ms", NEVER, 0, MAX64,
	    AT(timestamp_before_max_ms), "How far behind the broker's clock a "
	    "record's timestamp may be, with CreateTime."),
	WORDS("message.timestamp.type", "log.message.timestamp.type",
	    "CreateTime", CHOICE, "CreateTime|LogAppendTime",
	    AT(log_append_time), "Whose clock gives records their time: the "
	    "producer's or the broker's."),
	{ "min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio",
	    "0.5", SETTING_DOUBLE, RATIO, 0, 0, NULL, AT(min_cleanable_ratio),
	    "Share of a log that must be new since the last compaction before "
	    "the next." },
	INT64("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms",
	    "0", 0, MAX64, AT(min_compaction_lag_ms), "Age before which a "
	    "record is left alone by compaction."),
	INT32("min.insync.replicas", "min.insync.replicas", "1", 1, MAX32,
	    NOWHERE, "Kept and shown only: there is one replica, which is "
	    "always in sync."),
	FLAG("preallocate", "log.preallocate", BOOL, AT(preallocate),
	    "Reserve the room of a segment on disk when it is begun."),
	FLAG("remote.storage.enable", NULL, NEVER_TRUE, NOWHERE,
	    "There is no remote storage: only false is taken."),
	INT64("retention.bytes", "log.retention.bytes", "-1", -1, MAX64,
	    AT(retention_bytes), "Size of a partition beyond which its oldest "
	    "segments are removed; -1, no limit."),
	INT64("retention.ms", "log.retention.ms", "604800000", -1, MAX64,
	    AT(retention_ms), "Age at which segments are removed; -1, never."),
	INT32("segment.bytes", "log.segment.bytes", "1073741824", 14, MAX32,
	    AT(segment_bytes), "Size of a segment file."),
	INT32("segment.index.bytes", "log.index.size.max.bytes", "10485760", 4,
	    MAX32, AT(segment_index_bytes), "Size of a segment's offset index "
	    "at which the next segment begins."),
	INT64("segment.jitter.ms", "log.roll.jitter.ms", "0", 0, MAX64,
	    AT(segment_jitter_ms), "What is taken at most, at random, from "
	    "segment.ms, so that segments do not all end together."),
	INT64("segment.ms", "log.roll.ms", "604800000", 1, MAX64,
	    AT(segment_ms), "Time after which a segment ends though it is not "
	    "full."),
	FLAG("unclean.leader.election.enable",
	    "unclean.leader.election.enable", BOOL, NOWHERE,
	    "Kept and shown only: there is one replica."),
};

int
setting_count(void)
{
	return (int)ARRAY_LEN(settings);
}

const char *
setting_name(int i)
{
	return settings[i].name;
}

const char *
setting_default(int i)
{
	return settings[i].def;
}

const char *
setting_broker_name(int i)
{
	return settings[i].broker_name;
}

enum setting_type
setting_type(int i)
{
	return settings[i].type;
}

const char *
setting_doc(int i)
{
	return settings[i].doc;
}

bool
setting_acts(int i)
{
	return settings[i].offset >= 0;
}

int
setting_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* The position of a value among "a|b|c", or -1. */
static int
choice_of(const char *choices, struct leat_str value)
{
	struct leat_str rest = leat_str_c(choices);

	for (int i = 0; rest.len > 0; i++)
		if (leat_str_eq(leat_str_cut(&rest, '|'), value))
			return i;
	return -1;
}

/* "compact,delete" to CLEANUP_*, or -1. */
static int
parse_policy(const char *value)
{
	struct leat_str rest = leat_str_c(value);
	int policy = 0;

	while (rest.len > 0) {
		struct leat_str word = leat_str_trim(leat_str_cut(&rest, ','));

		if (leat_str_eq_c(word, "delete"))
			policy |= CLEANUP_DELETE;
		else if (leat_str_eq_c(word, "compact"))
			policy |= CLEANUP_COMPACT;
		else
			return -1;
	}
	return policy == 0 ? -1 : policy;
}

static int
refuse(struct leat_err *err, const struct setting *s, const char *value,
    const char *allowed)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%s: '%s' is not %s", s->name, value, allowed);
}

int
setting_check(int i, const char *value, struct leat_err *err)
{
	const struct setting *s = &settings[i];
	struct leat_str v = leat_str_c(value);
	char range[80];
	int64_t n;
	double d;
	bool b;

	if (strlen(value) > 4096 || strpbrk(value, "\n\r") != NULL)
		return refuse(err, s, "...", "one short line");
	switch (s->rule) {
	case NUMBER:
		if (leat_parse_i64(v, s->min, s->max, &n) == 0)
			return 0;
		snprintf(range, sizeof(range), "a number from %lld to %lld",
		    (long long)s->min, (long long)s->max);
		return refuse(err, s, value, range);
	case RATIO:
		if (leat_parse_f64(v, &d) == 0 && d >= 0 && d <= 1)
			return 0;
		return refuse(err, s, value, "a number from 0 to 1");
	case BOOL:
		return leat_parse_bool(v, &b) == 0 ? 0 :
		    refuse(err, s, value, "true or false");
	case CHOICE:
		return choice_of(s->choices, v) >= 0 ? 0 :
		    refuse(err, s, value, s->choices);
	case POLICY:
		return parse_policy(value) >= 0 ? 0 :
		    refuse(err, s, value, "compact, delete or both");
	case NEVER_TRUE:
		return leat_parse_bool(v, &b) == 0 && !b ? 0 :
		    refuse(err, s, value, "false, the only value there is");
	case ANY:
		return 0;
	}
	UNREACHABLE("rule of a setting");
}

void
topic_config_apply(struct topic_config *c, int i, const char *value)
{
	const struct setting *s = &settings[i];
	struct leat_str v = leat_str_c(value);
	char *at = (char *)c + s->offset;
	int64_t n = 0;

	if (s->offset < 0)
		return;
	if (s->rule == RATIO) {
		double d = 0;

		(void)leat_parse_f64(v, &d);
		memcpy(at, &d, sizeof(d));
		return;
	}
	if (s->rule == POLICY) {
		n = parse_policy(value);
	} else if (s->rule == CHOICE) {
		n = choice_of(s->choices, v);
	} else if (s->rule == BOOL) {
		bool b = false;

		(void)leat_parse_bool(v, &b);
		n = b;
	} else {
		(void)leat_parse_i64(v, s->min, s->max, &n);
	}
	memcpy(at, &n, sizeof(n));
}

void
topic_config_init(struct topic_config *c)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < setting_count(); i++)
		topic_config_apply(c, i, settings[i].def);
}

int
topic_config_check(const struct topic_config *c, struct leat_err *err)
{
	if (c->min_compaction_lag_ms <= c->max_compaction_lag_ms)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "min.compaction.lag.ms (%lld) is more than max.compaction.lag.ms "
	    "(%lld)", (long long)c->min_compaction_lag_ms,
	    (long long)c->max_compaction_lag_ms);
}
