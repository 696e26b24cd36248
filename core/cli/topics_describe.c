/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_topics_describe.c: `leat topics describe`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json_writer.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_admin.h"
#include "core/cli/kafka_offsets.h"
#include "core/cli/topics.h"

enum { JSON_MAX = 64 << 20 };

struct options {
	struct kafka_options kafka;
	const struct args *names;
	bool json;
	bool all;
};

/* What is known of a topic. */
struct topic {
	const struct rd_kafka_metadata_topic *md;
	struct kafka_range *ranges;	/* one per partition */
	const rd_kafka_ConfigEntry_t **config;
	size_t nconfig;
};

static const char *
id_list(const int32_t *ids, int n, char *to, size_t size)
{
	size_t at = 0;

	to[0] = '\0';
	for (int i = 0; i < n && at + 13 < size; i++)
		at += (size_t)snprintf(
		    to + at, size - at, "%s%d", i > 0 ? "," : "", ids[i]);
	return to;
}

static void
print_text(const struct options *o, const struct topic *t)
{
	char replicas[256], isrs[256];

	printf("%s\n", t->md->topic);
	printf("  %9s %8s %-10s %-10s %12s %12s %12s\n", "PARTITION", "LEADER",
	    "REPLICAS", "IN SYNC", "FIRST", "END", "RECORDS");
	for (int i = 0; i < t->md->partition_cnt; i++) {
		const struct rd_kafka_metadata_partition *p =
		    &t->md->partitions[i];
		const struct kafka_range *r = &t->ranges[i];

		printf("  %9d %8d %-10s %-10s %12lld %12lld %12lld\n", p->id,
		    p->leader, id_list(p->replicas, p->replica_cnt, replicas,
		    sizeof(replicas)), id_list(p->isrs, p->isr_cnt, isrs,
		    sizeof(isrs)), (long long)r->low, (long long)r->high,
		    (long long)(r->high - r->low));
	}
	for (size_t i = 0; i < t->nconfig; i++) {
		const char *value = rdk.ConfigEntry_value(t->config[i]);

		if (!o->all && !cmd_topics_own(t->config[i]))
			continue;
		printf("  %s=%s%s\n", rdk.ConfigEntry_name(t->config[i]),
		    value != NULL ? value : "",
		    cmd_topics_own(t->config[i]) ? "" : " (default)");
	}
}

static void
json_ids(struct json_writer *w, const char *name, const int32_t *ids, int n)
{
	json_key(w, name);
	json_array(w);
	for (int i = 0; i < n; i++)
		json_int(w, ids[i]);
	json_array_end(w);
}

static void
print_json(const struct options *o, const struct topic *t)
{
	struct leat_buf text;
	struct json_writer w;

	leat_buf_init(&text, JSON_MAX);
	w = json_writer(&text);
	json_object(&w);
	json_member(&w, "name", t->md->topic);
	json_key(&w, "partitions");
	json_array(&w);
	for (int i = 0; i < t->md->partition_cnt; i++) {
		const struct rd_kafka_metadata_partition *p =
		    &t->md->partitions[i];

		json_object(&w);
		json_member_int(&w, "partition", p->id);
		json_member_int(&w, "leader", p->leader);
		json_ids(&w, "replicas", p->replicas, p->replica_cnt);
		json_ids(&w, "in_sync", p->isrs, p->isr_cnt);
		json_member_int(&w, "start_offset", t->ranges[i].low);
		json_member_int(&w, "end_offset", t->ranges[i].high);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_key(&w, "config");
	json_object(&w);
	for (size_t i = 0; i < t->nconfig; i++) {
		bool own = cmd_topics_own(t->config[i]);

		if (!o->all && !own)
			continue;
		json_key(&w, rdk.ConfigEntry_name(t->config[i]));
		json_object(&w);
		json_member(&w, "value", rdk.ConfigEntry_value(t->config[i]));
		json_member_bool(&w, "default", !own);
		json_object_end(&w);
	}
	json_object_end(&w);
	json_object_end(&w);
	puts(leat_buf_cstr(&text));
	leat_buf_fini(&text);
}

static int
ranges_of(struct kafka *k, struct topic *t)
{
	rd_kafka_topic_partition_list_t *parts =
	    rdk.topic_partition_list_new(t->md->partition_cnt);
	int rc = EXIT_FAILED;

	t->ranges = calloc(
	    (size_t)t->md->partition_cnt + 1, sizeof(*t->ranges));
	for (int i = 0; i < t->md->partition_cnt; i++)
		rdk.topic_partition_list_add(
		    parts, t->md->topic, t->md->partitions[i].id);
	if (t->ranges != NULL)
		rc = kafka_ranges(k, parts, t->ranges);
	rdk.topic_partition_list_destroy(parts);
	return rc;
}

static int
describe(struct kafka *k, const struct options *o, const char *name)
{
	const struct rd_kafka_metadata *md;
	struct kafka_call c = { 0 };
	struct topic t = { 0 };
	int rc = kafka_metadata(k, name, &md);

	if (rc != EXIT_OK)
		return rc;
	t.md = &md->topics[0];
	rc = ranges_of(k, &t);
	if (rc == EXIT_OK)
		rc = kafka_topic_config(k, &c, name, &t.config, &t.nconfig);
	if (rc == EXIT_OK && o->json)
		print_json(o, &t);
	else if (rc == EXIT_OK)
		print_text(o, &t);
	kafka_call_end(&c);
	free(t.ranges);
	rdk.metadata_destroy(md);
	return rc;
}

static int
describe_all(struct kafka *k, void *arg)
{
	const struct options *o = arg;
	int rc = EXIT_OK;

	for (size_t i = 0; rc == EXIT_OK && i < o->names->nwords; i++)
		rc = describe(k, o, o->names->words[i]);
	return rc;
}

int
cmd_topics_describe(int argc, char **argv)
{
	struct options o = { 0 };
	const struct arg table[] = {
		{ "all", 'a', ARG_FLAG, NULL,
		    "all settings, those of the broker too", &o.all },
		{ "json", 'j', ARG_FLAG, NULL,
		    "print one JSON object per topic", &o.json },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics describe NAME.. [options]",
		.about =
		    "Describes topics: the partitions with their offsets, and "
		    "the settings\nthat are not the broker's.",
		.table = table,
		.min_words = 1,
		.max_words = 64,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	o.names = &a;
	return kafka_with(&o.kafka, describe_all, &o);
}
