/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_settings.c: the rows of worker.yaml.
 */
#include "core/worker/worker.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <leat/options.h>

#include "core/config/properties.h"
#include "core/record/chain.h"
#include "core/worker/settings.h"

#define AT(field) offsetof(struct worker_settings, field)

/* clang-format off */
static const struct leat_option rows[] = {
{ "data.dir", NULL, LEAT_OPT_STRING, LEAT_OPT_HIGH, "/var/lib/leat", 0, 0,
	NULL, AT(data_dir), "Where topics, offsets and state are kept.", "0.1" },
{ "connectors.dir", NULL, LEAT_OPT_STRING, LEAT_OPT_HIGH,
	"/etc/leat/connectors.d", 0, 0, NULL, AT(connectors_dir),
	"The directory whose files are connectors.", "0.1" },
{ "plugin.path", NULL, LEAT_OPT_LIST, LEAT_OPT_HIGH, NULL, 0, 0, NULL,
	AT(plugin_path), "Directories with plugins.", "0.1" },
{ "rest.listen", "listeners", LEAT_OPT_STRING, LEAT_OPT_HIGH,
	"127.0.0.1:8083", 0, 0, NULL, AT(rest_listen),
	"Address of the REST API; none: off.", "0.1" },
{ "kafka.listen", NULL, LEAT_OPT_STRING, LEAT_OPT_HIGH, "127.0.0.1:9092", 0,
	0, NULL, AT(kafka_listen), "Address of the Kafka protocol; none: off.",
	"0.1" },
{ "kafka.advertise", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	AT(kafka_advertise), "What Kafka clients are told to connect to, when "
	"it differs.", "0.1" },
{ "memory.bytes", NULL, LEAT_OPT_BYTES, LEAT_OPT_HIGH, "256MiB", 4194304,
	INT64_C(1) << 44, NULL, AT(memory_bytes), "Memory for records under way, "
	"over all tasks.", "0.1" },
{ "task.shutdown.graceful.timeout.ms", NULL, LEAT_OPT_DURATION, 0, "5s", 1,
	3600000, NULL, AT(stop_timeout_ms), "How long a task may take to end.",
	"0.1" },
{ "num.partitions", NULL, LEAT_OPT_INT, 0, "1", 1, 10000, NULL,
	AT(num_partitions), "Partitions of topics that are created on first "
	"use.", "0.1" },
{ "auto.create.topics.enable", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0, NULL,
	AT(auto_create), "Whether Kafka clients create topics by using them.",
	"0.1" },
{ "log.retention.ms", NULL, LEAT_OPT_DURATION, 0, "7d", -1, INT64_MAX, NULL,
	AT(retention_ms), "How long records are kept.", "0.1" },
{ "log.retention.bytes", NULL, LEAT_OPT_BYTES, 0, "-1", -1, INT64_MAX, NULL,
	AT(retention_bytes), "How much of a partition is kept; -1: all.",
	"0.1" },
{ "log.segment.bytes", NULL, LEAT_OPT_BYTES, 0, "1GiB", 1024, 2147483647,
	NULL, AT(segment_bytes), "Size of a log file.", "0.1" },
{ "log.flush.interval.ms", NULL, LEAT_OPT_DURATION, 0, "50", 1, 3600000, NULL,
	AT(flush_interval_ms), "The longest time a written record waits for its "
	"fsync.", "0.1" },
{ "log.level", NULL, LEAT_OPT_STRING, 0, "info", 0, 0, NULL, AT(log_level),
	"error, warn, notice, info or debug.", "0.1" },
{ "log.level", NULL, LEAT_OPT_MAP, 0, NULL, 0, 0, NULL, AT(log_levels),
	"The same for one component: log.level.<component>.", "0.1" },
{ "log.format", NULL, LEAT_OPT_CHOICE, 0, "text", 0, 0, "text,json",
	AT(log_format), "Lines of text, or JSON objects.", "0.1" },
{ NULL, NULL, 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL }
};
/* clang-format on */

const struct leat_option *
worker_rows(void)
{
	return rows;
}

struct bind {
	const struct properties *settings;
	struct problems *out;
};

/* Converters of all connectors may be set here too: they are the chain's. */
static void
on_issue(void *arg, const struct leat_issue *issue)
{
	struct place at = { "worker", 0, 0 };
	const struct bind *b = arg;
	const struct property *p;

	if (issue->severity != LEAT_ISSUE_ERROR)
		return;
	if (issue->option == NULL && chain_owns_key(b->settings, issue->key))
		return;
	p = properties_find(b->settings, issue->key);
	problems_add(b->out, p == NULL ? at : p->place, issue->key,
	    issue->hint, "%s", issue->text);
}

int
worker_settings_fill(const struct properties *settings,
    struct leat_arena *arena, struct worker_settings *set,
    struct problems *out)
{
	const struct leat_option *others[] = { settings_rows(LEAT_SOURCE),
		settings_rows(LEAT_SINK), NULL };
	size_t i, n = settings == NULL ? 0 : properties_count(settings);
	struct bind b = { settings, out };
	struct leat_setting *list;
	struct leat_fill f = { .table = rows, .others = others,
		.issue = on_issue, .arg = &b };
	size_t before = problems_count(out);

	list = leat_arena_calloc(arena, n + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct property *p = properties_at(settings, i);

		list[i].key = p->key;
		list[i].value = p->value;
		list[i].secret = p->secret;
	}
	f.settings = list;
	f.nsettings = n;
	if (leat_options_fill(&f, arena, set, sizeof(*set)) == -ENOMEM)
		return -ENOMEM;
	if (settings != NULL)
		chain_validate(settings, out);
	return (int)(problems_count(out) - before);
}

void
worker_validate(const struct properties *settings, struct problems *out)
{
	struct worker_settings set;
	struct leat_arena arena;

	leat_arena_init(&arena, 8192, 0);
	(void)worker_settings_fill(settings, &arena, &set, out);
	leat_arena_fini(&arena);
}
