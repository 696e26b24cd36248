/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.c: the framework's keys as rows, and filling structs from
 * properties. See settings.h.
 */
#include "core/worker/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/options.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"

#define AT(field) offsetof(struct connector_settings, field)
#define MIB (1024 * 1024)

/* clang-format off */
#define COMMON_ROWS \
{ "name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL, AT(name), \
	"The connector's name; the file's name if it is not set.", "0.1" }, \
{ "connector.class", "connector", LEAT_OPT_STRING, \
	LEAT_OPT_REQUIRED | LEAT_OPT_HIGH, NULL, 0, 0, NULL, \
	AT(connector_class), "Which connector: its name or the Java class " \
	"name it replaces.", "0.1" }, \
{ "tasks.max", NULL, LEAT_OPT_INT, LEAT_OPT_HIGH, "1", 1, 1000, NULL, \
	AT(tasks_max), "The most tasks that the work is split into.", "0.1" }, \
{ "initial_state", "initial.state", LEAT_OPT_CHOICE, 0, "RUNNING", 0, 0, \
	"RUNNING,PAUSED,STOPPED", AT(initial_state), \
	"The state that a new connector begins in.", "0.1" }, \
{ "errors.tolerance", NULL, LEAT_OPT_CHOICE, LEAT_OPT_HIGH, "default", 0, 0, \
	"default,none,all", AT(tolerance), "What a record that cannot be " \
	"converted, transformed or delivered does. none: it fails the task. " \
	"all: it is skipped, by a sink after it was written to the dead " \
	"letters. The default is none for sources, and all with dead letters " \
	"for sinks.", "0.1" }, \
{ "errors.retry.timeout", "errors.retry.timeout.ms", LEAT_OPT_DURATION, 0, \
	"0", -1, INT64_MAX, NULL, AT(retry_timeout_ms), "How long a " \
	"transform or converter that asks to be tried again is; -1: no " \
	"limit.", "0.1" }, \
{ "errors.retry.delay.max.ms", NULL, LEAT_OPT_DURATION, 0, "60000", 1, \
	86400000, NULL, AT(retry_delay_max_ms), "The longest wait before " \
	"something is tried again.", "0.1" }, \
{ "errors.log.enable", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0, NULL, \
	AT(log_errors), "Log each record that failed.", "0.1" }, \
{ "errors.log.include.messages", NULL, LEAT_OPT_BOOL, 0, "false", 0, 0, NULL, \
	AT(log_messages), "Say in the log which record it was.", "0.1" }, \
{ "errors.deadletterqueue.topic.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, \
	NULL, AT(dlq_topic), "Sinks: the topic of dead letters; " \
	"<connector>.dlq if it is not set, none if it is empty.", "0.1" }, \
{ "errors.deadletterqueue.context.headers.enable", NULL, LEAT_OPT_BOOL, 0, \
	"true", 0, 0, NULL, AT(dlq_headers), "Sinks: add the headers " \
	"__connect.errors.* that say what went wrong.", "0.1" }, \
{ "errors.deadletterqueue.topic.replication.factor", NULL, LEAT_OPT_INT, 0, \
	"1", -1, 1000, NULL, AT(ignored), "Accepted, without effect.", \
	"0.1" }, \
{ "tasks.max.enforce", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0, NULL, \
	AT(ignored_bool), "Accepted, without effect: it is enforced.", \
	"0.1" }, \
{ "config.action.reload", NULL, LEAT_OPT_CHOICE, 0, "restart", 0, 0, \
	"restart,none", AT(ignored_bool), "Accepted, without effect.", \
	"0.1" }, \
{ "enabled", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0, NULL, AT(ignored_bool), \
	"false keeps the connector out.", "0.1" }, \
{ "producer.override", NULL, LEAT_OPT_MAP, 0, NULL, 0, 0, NULL, \
	AT(ignored_map), "Accepted; those without an option of the same " \
	"name here have no effect.", "0.1" }, \
{ "consumer.override", NULL, LEAT_OPT_MAP, 0, NULL, 0, 0, NULL, \
	AT(ignored_map), "Accepted; those without an option of the same " \
	"name here have no effect.", "0.1" }, \
{ "admin.override", NULL, LEAT_OPT_MAP, 0, NULL, 0, 0, NULL, \
	AT(ignored_map), "Accepted, without effect.", "0.1" }

static const struct leat_option source_rows[] = {
COMMON_ROWS,
{ "exactly.once.support", NULL, LEAT_OPT_CHOICE, 0, "requested", 0, 0,
	"requested,required,disabled", AT(exactly_once), "Exactly-once "
	"delivery into the topics: whenever the connector can (requested), or "
	"refuse to run without (required), or never (disabled).", "0.1" },
{ "transaction.boundary", NULL, LEAT_OPT_CHOICE, 0, "poll", 0, 0,
	"poll,interval", AT(ignored_bool), "Accepted: commits end at polls, by "
	"commit.linger.ms and commit.bytes.", "0.1" },
{ "commit.linger.ms", "transaction.boundary.interval.ms", LEAT_OPT_DURATION,
	0, "25", 0, 60000, NULL, AT(linger_ms), "The longest time that records "
	"wait for more before they are committed; an idle source commits at "
	"once.", "0.1" },
{ "commit.bytes", NULL, LEAT_OPT_BYTES, 0, "4MiB", 1, INT64_C(1) << 40, NULL,
	AT(commit_bytes), "Commit when so much has been produced.", "0.1" },
{ "buffer.bytes", "producer.override.buffer.memory", LEAT_OPT_BYTES, 0,
	"4MiB", 65536, INT64_C(1) << 40, NULL, AT(buffer_bytes), "The most "
	"that is held in memory while a commit is under way.", "0.1" },
{ "batch.bytes", "producer.override.batch.size", LEAT_OPT_BYTES, 0, "256KiB",
	1024, 64 * MIB, NULL, AT(batch_bytes), "A record batch is closed at "
	"this size.", "0.1" },
{ "batch.records", NULL, LEAT_OPT_INT, 0, "4096", 1, 1000000, NULL,
	AT(batch_records), "The most records of one poll.", "0.1" },
{ "max.request.size", "producer.override.max.request.size", LEAT_OPT_BYTES,
	0, "1000000", 1024, 1024 * MIB, NULL, AT(message_bytes),
	"The largest record.", "0.1" },
{ "transaction.timeout.ms", "producer.override.transaction.timeout.ms",
	LEAT_OPT_DURATION, 0, "60000", 1000, 900000, NULL,
	AT(transaction_timeout_ms), "A transaction that is open for longer is "
	"aborted by the broker.", "0.1" },
{ "compression.type", "producer.override.compression.type",
	LEAT_OPT_STRING, 0, "none", 0, 0, NULL, AT(compression), "none, gzip, "
	"snappy, lz4 or zstd.", "0.1" },
{ "topic.creation.default.partitions", "topic.partitions", LEAT_OPT_INT, 0,
	"-1", -1, 10000, NULL, AT(topic_partitions), "Partitions of topics "
	"that are created on first use; -1: the broker's default.", "0.1" },
{ "topic.creation.default.replication.factor", NULL, LEAT_OPT_INT, 0, "1",
	-1, 1000, NULL, AT(ignored), "Accepted, without effect.", "0.1" },
{ "topic.creation.default", NULL, LEAT_OPT_MAP, 0, NULL, 0, 0, NULL,
	AT(topic_settings), "Settings of topics that are created on first use, "
	"by Kafka's names.", "0.1" },
{ "topic.creation.groups", NULL, LEAT_OPT_LIST, 0, NULL, 0, 0, NULL,
	AT(ignored_list), "Accepted, without effect: there is one group, "
	"default.", "0.1" },
{ "offsets.storage.topic", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	AT(ignored_text), "Accepted, without effect: offsets are in "
	"connect-offsets.", "0.1" },
{ NULL, NULL, 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL }
};

static const struct leat_option sink_rows[] = {
COMMON_ROWS,
{ "topics", NULL, LEAT_OPT_LIST, LEAT_OPT_HIGH, NULL, 0, 0, NULL, AT(topics),
	"The topics to read; this or topics.regex.", "0.1" },
{ "topics.regex", NULL, LEAT_OPT_STRING, LEAT_OPT_HIGH, NULL, 0, 0, NULL,
	AT(topics_regex), "All topics whose whole name matches (POSIX extended "
	"syntax).", "0.1" },
{ "offset.flush.interval.ms", NULL, LEAT_OPT_DURATION, 0, "1000", 1, 86400000,
	NULL, AT(commit_interval_ms), "How often the offsets of delivered "
	"records are stored.", "0.1" },
{ "max.poll.records", "consumer.override.max.poll.records", LEAT_OPT_INT, 0,
	"2000", 1, 1000000, NULL, AT(poll_records), "The most records of one "
	"batch.", "0.1" },
{ "fetch.max.bytes", "consumer.override.fetch.max.bytes", LEAT_OPT_BYTES, 0,
	"1MiB", 1024, 1024 * MIB, NULL, AT(poll_bytes), "About how much one "
	"read loads.", "0.1" },
{ "auto.offset.reset", "consumer.override.auto.offset.reset",
	LEAT_OPT_CHOICE, 0, "earliest", 0, 0, "earliest,latest", AT(reset),
	"Where to begin without a stored offset.", "0.1" },
{ "isolation.level", "consumer.override.isolation.level", LEAT_OPT_CHOICE, 0,
	"read_committed", 0, 0, "read_committed,read_uncommitted",
	AT(isolation), "Whether records of open and aborted transactions are "
	"read.", "0.1" },
{ NULL, NULL, 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL }
};
/* clang-format on */

/* What a worker may set for all its connectors. */
static const char *const inherited[] = { "offset.flush.interval.ms",
	"errors.tolerance", "errors.log.enable", "errors.log.include.messages",
	"commit.linger.ms", "commit.bytes", "buffer.bytes", "batch.bytes",
	"compression.type", "max.poll.records", "fetch.max.bytes" };

const struct leat_option *
settings_rows(int32_t kind)
{
	return kind == LEAT_SINK ? sink_rows : source_rows;
}

bool
settings_exactly_once(const struct connector_settings *set,
    const struct properties *worker)
{
	const char *support = worker == NULL ? "enabled" :
	    properties_get(worker, "exactly.once.source.support", "enabled");

	return set->exactly_once != EOS_DISABLED &&
	    (set->exactly_once == EOS_REQUIRED ||
	    strcmp(support, "disabled") != 0);
}

/* Properties as the settings that leat_options_fill takes. */
static size_t
settings_of(const struct properties *props, const struct properties *worker,
    struct leat_arena *arena, struct leat_setting **ret_list)
{
	size_t i, n = properties_count(props), used = 0;
	struct leat_setting *list;
	const struct property *p;

	list = leat_arena_calloc(arena, n + ARRAY_LEN(inherited) + 1,
	    sizeof(*list));
	*ret_list = list;
	if (list == NULL)
		return 0;
	for (i = 0; i < n; i++) {
		p = properties_at(props, i);
		list[used++] = (struct leat_setting){ .key = p->key,
			.value = p->value, .place = &p->place,
			.secret = p->secret };
	}
	for (i = 0; worker != NULL && i < ARRAY_LEN(inherited); i++) {
		p = properties_find(worker, inherited[i]);
		if (p != NULL && properties_find(props, p->key) == NULL)
			list[used++] = (struct leat_setting){ .key = p->key,
				.value = p->value, .place = &p->place,
				.secret = p->secret };
	}
	return used;
}

/* Keeps the first issue as an error. */
struct first_issue {
	struct leat_err *err;
	bool unknown;		/* unknown keys count */
};

static void
first_issue(void *arg, const struct leat_issue *issue)
{
	struct first_issue *f = arg;

	if (issue->severity != LEAT_ISSUE_ERROR || f->err->code != 0 ||
	    issue->option == NULL)
		return;
	leat_err_set(f->err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s: %s",
	    issue->key, issue->text);
}

static int
fill(const struct leat_option *table, const struct properties *props,
    const struct properties *worker, void *config, size_t size,
    struct leat_arena *arena, struct leat_err *err)
{
	struct first_issue first = { err, false };
	struct leat_setting *list;
	struct leat_fill f = { .table = table, .issue = first_issue,
		.arg = &first };

	leat_err_clear(err);
	f.nsettings = settings_of(props, worker, arena, &list);
	f.settings = list;
	if (list == NULL || leat_options_fill(&f, arena, config, size) ==
	    -ENOMEM)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return err->code;
}

int
settings_parse(const struct properties *props,
    const struct properties *worker, int32_t kind,
    struct connector_settings *set, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct property *dlq;

	if (fill(settings_rows(kind), props, worker, set, sizeof(*set), arena,
	    err) < 0)
		return err->code;
	/* An empty value means "none", which is not "not set". */
	dlq = properties_find(props, "errors.deadletterqueue.topic.name");
	if (dlq != NULL && set->dlq_topic == NULL)
		set->dlq_topic = "";
	return 0;
}

int
settings_fill(const struct registered *conn, const struct properties *props,
    void *config, struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_connector *c = &conn->connector;

	if (c->options == NULL || c->config_size == 0)
		return 0;
	if (fill(c->options, props, NULL, config, c->config_size, arena,
	    err) < 0)
		return err->code;
	if (c->check != NULL && c->check(config, err) < 0)
		return err->code;
	return 0;
}
