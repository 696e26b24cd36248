/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_topics.c: `leat topics`: which command is meant, and the list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json_writer.h"
#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_client.h"
#include "core/cli/subcommands.h"
#include "core/cli/topics.h"

enum { JSON_MAX = 256 << 20 };

/* Kafka's two, and those of Kafka Connect under their usual names. */
bool
cmd_topics_internal(const char *name)
{
	return strncmp(name, "__", 2) == 0 ||
	    strcmp(name, "connect-offsets") == 0 ||
	    strcmp(name, "connect-configs") == 0 ||
	    strcmp(name, "connect-status") == 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct rd_kafka_metadata_topic *const *x = a, *const *y = b;

	return strcmp((*x)->topic, (*y)->topic);
}

static int
replicas(const struct rd_kafka_metadata_topic *t)
{
	return t->partition_cnt > 0 ? t->partitions[0].replica_cnt : 0;
}

static void
print_list(const struct rd_kafka_metadata_topic **topics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%-48s %4d partition%s, %d replica%s\n",
		    topics[i]->topic, topics[i]->partition_cnt,
		    topics[i]->partition_cnt == 1 ? "" : "s",
		    replicas(topics[i]), replicas(topics[i]) == 1 ? "" : "s");
}

static void
print_json(const struct rd_kafka_metadata_topic **topics, size_t n)
{
	struct leat_buf text;
	struct json_writer w;

	leat_buf_init(&text, JSON_MAX);
	w = json_writer(&text);
	json_array(&w);
	for (size_t i = 0; i < n; i++) {
		json_object(&w);
		json_member(&w, "name", topics[i]->topic);
		json_member_int(&w, "partitions", topics[i]->partition_cnt);
		json_member_int(&w, "replication_factor", replicas(topics[i]));
		json_member_bool(
		    &w, "internal", cmd_topics_internal(topics[i]->topic));
		json_object_end(&w);
	}
	json_array_end(&w);
	puts(leat_buf_cstr(&text));
	leat_buf_fini(&text);
}

struct list {
	struct kafka_options kafka;
	bool json, internal;
};

static int
list(struct kafka *k, void *arg)
{
	const struct list *o = arg;
	const struct rd_kafka_metadata *md;
	const struct rd_kafka_metadata_topic **topics;
	int rc = kafka_metadata(k, NULL, &md);
	size_t n = 0;

	if (rc != EXIT_OK)
		return rc;
	topics = calloc((size_t)md->topic_cnt + 1, sizeof(*topics));
	for (int i = 0; topics != NULL && i < md->topic_cnt; i++)
		if (o->internal || !cmd_topics_internal(md->topics[i].topic))
			topics[n++] = &md->topics[i];
	if (topics == NULL) {
		fputs("leat: out of memory\n", stderr);
		rc = EXIT_FAILED;
	} else {
		qsort(topics, n, sizeof(*topics), by_name);
		if (o->json)
			print_json(topics, n);
		else
			print_list(topics, n);
	}
	free(topics);
	rdk.metadata_destroy(md);
	return rc;
}

int
cmd_topics_list(int argc, char **argv)
{
	struct list o = { .json = false };
	const struct arg table[] = {
		{ "internal", 'i', ARG_FLAG, NULL,
		    "list those too that the cluster keeps for itself",
		    &o.internal },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &o.json },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics [list] [options]",
		.about = "Lists the topics of a cluster.",
		.table = table,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	return kafka_with(&o.kafka, list, &o);
}

int
cmd_topics(int argc, char **argv)
{
	static const struct cli_command table[] = {
		{ "list", "list topics (also without a command)",
		    cmd_topics_list },
		{ "describe", "partitions, offsets and settings of topics",
		    cmd_topics_describe },
		{ "create", "create topics", cmd_topics_create },
		{ "delete", "delete topics with their records",
		    cmd_topics_delete },
		{ "alter", "change settings, add partitions",
		    cmd_topics_alter },
		{ "purge", "delete the oldest records of a topic",
		    cmd_topics_purge },
		{ 0 },
	};
	static const struct subcommands topics = {
		.name = "topics",
		.about =
		    "Looks after the topics of a cluster: the worker's, or any "
		    "of Kafka's.",
		.table = table,
		.options = KAFKA_ARGS_HELP,
	};

	return subcommands_run(&topics, argc, argv);
}
