/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of topic settings. A row without a place in struct topic_config is
 * one that Kafka's clients may set and read, and that changes nothing here
 * (docs/FORMAT-log.md names them).
 */
#include "broker/topic_settings.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"

enum setting_type { LONG, RATIO, BOOL, CHOICE, POLICY, ANY };

struct setting {
	const char *name;
	const char *def;
	enum setting_type type;
	int64_t min, max;		/* LONG */
	const char *choices;		/* CHOICE: "a|b|c" */
	int offset;			/* in struct topic_config, -1: none */
};

#define AT(f) ((int)offsetof(struct topic_config, f))
#define MAX32 INT32_MAX
#define MAX64 INT64_MAX
#define NEVER "9223372036854775807"

static const struct setting settings[] = {
	{ "cleanup.policy", "delete", POLICY, 0, 0, NULL, AT(cleanup) },
	{ "compression.gzip.level", "-1", LONG, -1, 9, NULL, -1 },
	{ "compression.lz4.level", "9", LONG, 1, 17, NULL, -1 },
	{ "compression.type", "producer", CHOICE, 0, 0,
	    "producer|uncompressed|none|gzip|snappy|lz4|zstd", -1 },
	{ "compression.zstd.level", "3", LONG, -131072, 22, NULL, -1 },
	{ "delete.retention.ms", "86400000", LONG, 0, MAX64, NULL,
	    AT(delete_retention_ms) },
	{ "file.delete.delay.ms", "60000", LONG, 0, MAX64, NULL, -1 },
	{ "flush.messages", NEVER, LONG, 1, MAX64, NULL, -1 },
	{ "flush.ms", NEVER, LONG, 0, MAX64, NULL, -1 },
	{ "follower.replication.throttled.replicas", "", ANY, 0, 0, NULL, -1 },
	{ "index.interval.bytes", "4096", LONG, 0, MAX32, NULL,
	    AT(index_interval_bytes) },
	{ "leader.replication.throttled.replicas", "", ANY, 0, 0, NULL, -1 },
	{ "local.retention.bytes", "-2", LONG, -2, MAX64, NULL, -1 },
	{ "local.retention.ms", "-2", LONG, -2, MAX64, NULL, -1 },
	{ "max.compaction.lag.ms", NEVER, LONG, 1, MAX64, NULL,
	    AT(max_compaction_lag_ms) },
	{ "max.message.bytes", "1048588", LONG, 0, MAX32, NULL,
	    AT(max_message_bytes) },
	{ "message.timestamp.after.max.ms", "3600000", LONG, 0, MAX64, NULL,
	    AT(timestamp_after_max_ms) },
	{ "message.timestamp.before.max.ms", NEVER, LONG, 0, MAX64, NULL,
	    AT(timestamp_before_max_ms) },
	{ "message.timestamp.type", "CreateTime", CHOICE, 0, 0,
	    "CreateTime|LogAppendTime", AT(log_append_time) },
	{ "min.cleanable.dirty.ratio", "0.5", RATIO, 0, 0, NULL,
	    AT(min_cleanable_ratio) },
	{ "min.compaction.lag.ms", "0", LONG, 0, MAX64, NULL,
	    AT(min_compaction_lag_ms) },
	{ "min.insync.replicas", "1", LONG, 1, MAX32, NULL, -1 },
	{ "preallocate", "false", BOOL, 0, 0, NULL, -1 },
	{ "remote.storage.enable", "false", BOOL, 0, 0, NULL, -1 },
	{ "retention.bytes", "-1", LONG, -1, MAX64, NULL, AT(retention_bytes) },
	{ "retention.ms", "604800000", LONG, -1, MAX64, NULL,
	    AT(retention_ms) },
	{ "segment.bytes", "1073741824", LONG, 14, MAX32, NULL,
	    AT(segment_bytes) },
	{ "segment.index.bytes", "10485760", LONG, 4, MAX32, NULL,
	    AT(segment_index_bytes) },
	{ "segment.jitter.ms", "0", LONG, 0, MAX64, NULL,
	    AT(segment_jitter_ms) },
	{ "segment.ms", "604800000", LONG, 1, MAX64, NULL, AT(segment_ms) },
	{ "unclean.leader.election.enable", "false", BOOL, 0, 0, NULL, -1 },
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
	switch (s->type) {
	case LONG:
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
	case ANY:
		return 0;
	}
	UNREACHABLE("setting type");
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
	if (s->type == RATIO) {
		double d = 0;

		(void)leat_parse_f64(v, &d);
		memcpy(at, &d, sizeof(d));
		return;
	}
	if (s->type == POLICY)
		n = parse_policy(value);
	else if (s->type == CHOICE)
		n = choice_of(s->choices, v);
	else
		(void)leat_parse_i64(v, s->min, s->max, &n);
	memcpy(at, &n, sizeof(n));
}

void
topic_config_init(struct topic_config *c)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < setting_count(); i++)
		topic_config_apply(c, i, settings[i].def);
}
