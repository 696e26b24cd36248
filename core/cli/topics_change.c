/* SPDX-License-Identifier: Apache-2.0 */
/* topics_change.c: `leat topics create`, `delete`, `alter`, `purge`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_admin.h"
#include "core/cli/kafka_offsets.h"
#include "core/cli/topics.h"

enum { NAME_MAX_BYTES = 256 };

static int
usage(const char *text, const char *which)
{
	fprintf(stderr, "leat: %s '%s'\n", text, which);
	return EXIT_USAGE;
}

/* "name=value" into name and value; a usage error's code, or 0. */
static int
split(const char *pair, char *name, size_t size, const char **ret_value)
{
	const char *equals = strchr(pair, '=');

	if (equals == NULL || equals == pair ||
	    (size_t)(equals - pair) >= size)
		return usage("--set wants name=value, not", pair);
	snprintf(name, size, "%.*s", (int)(equals - pair), pair);
	*ret_value = equals + 1;
	return EXIT_OK;
}

static int
check_pairs(const struct arg_list *set)
{
	char name[NAME_MAX_BYTES];
	const char *value;
	int rc = EXIT_OK;

	for (size_t i = 0; rc == EXIT_OK && i < set->n; i++)
		rc = split(set->items[i], name, sizeof(name), &value);
	return rc;
}

/* ---------------------------------------------------------------- create */

struct create {
	struct kafka_options kafka;
	const struct args *names;
	int64_t partitions;	/* -1: as the broker does */
	int64_t replicas;
	struct arg_list set;
	bool if_not_exists;
};

static int
new_topic(const struct create *o, const char *name, rd_kafka_NewTopic_t **ret)
{
	char text[256], key[NAME_MAX_BYTES];
	const char *value;

	*ret = rdk.NewTopic_new(name, (int)o->partitions, (int)o->replicas,
	    text, sizeof(text));
	if (*ret == NULL) {
		fprintf(stderr, "leat: topic '%s': %s\n", name, text);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < o->set.n; i++) {
		split(o->set.items[i], key, sizeof(key), &value);
		rdk.NewTopic_set_config(*ret, key, value);
	}
	return EXIT_OK;
}

static int
create(struct kafka *k, void *arg)
{
	const struct create *o = arg;
	const struct args *a = o->names;
	rd_kafka_NewTopic_t *topics[64] = { NULL };
	const rd_kafka_topic_result_t **results;
	struct kafka_call c;
	size_t n = 0;
	int rc = EXIT_OK;

	for (size_t i = 0; rc == EXIT_OK && i < a->nwords; i++)
		rc = new_topic(o, a->words[i], &topics[i]);
	kafka_call_begin(k, &c);
	if (rc == EXIT_OK) {
		rdk.CreateTopics(
		    k->rk, topics, a->nwords, c.options, c.queue);
		rc = kafka_call_wait(&c, "cannot create topics");
	}
	if (rc == EXIT_OK) {
		results = rdk.CreateTopics_result_topics(
		    rdk.event_CreateTopics_result(c.event), &n);
		rc = kafka_topic_results(k, results, n, "create",
		    o->if_not_exists ? RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
				     : 0);
	}
	kafka_call_end(&c);
	for (size_t i = 0; i < a->nwords; i++)
		if (topics[i] != NULL)
			rdk.NewTopic_destroy(topics[i]);
	return rc;
}

int
cmd_topics_create(int argc, char **argv)
{
	struct create o = { .partitions = -1, .replicas = -1 };
	const struct arg table[] = {
		{ "partitions", 'p', ARG_INT, "N",
		    "how many (the broker's num.partitions)", &o.partitions },
		{ "replication-factor", 'r', ARG_INT, "N",
		    "copies of each (the broker's default)", &o.replicas },
		{ "set", 's', ARG_LIST, "NAME=VALUE",
		    "a setting, as retention.ms=86400000; may be repeated",
		    &o.set },
		{ "if-not-exists", 0, ARG_FLAG, NULL,
		    "a topic that is there is fine", &o.if_not_exists },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics create NAME.. [options]",
		.about = "Creates topics, all with the same settings.",
		.table = table,
		.examples =
		    "  leat topics create orders --partitions 6\n"
		    "  leat topics create users --set cleanup.policy=compact\n",
		.min_words = 1,
		.max_words = 64,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (o.partitions == 0 || o.partitions > INT32_MAX)
		return usage("a topic has 1 partition and more, not this "
			     "number of",
		    "--partitions");
	if (o.replicas == 0 || o.replicas > INT16_MAX)
		return usage("there is 1 copy and more, not this number of",
		    "--replication-factor");
	rc = check_pairs(&o.set);
	if (rc != EXIT_OK)
		return rc;
	o.names = &a;
	return kafka_with(&o.kafka, create, &o);
}

/* ---------------------------------------------------------------- delete */

struct removal {
	struct kafka_options kafka;
	const struct args *names;
	bool if_exists;
};

static int
delete_topics(struct kafka *k, void *arg)
{
	const struct removal *o = arg;
	const struct args *a = o->names;
	rd_kafka_DeleteTopic_t *topics[64];
	const rd_kafka_topic_result_t **results;
	struct kafka_call c;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < a->nwords; i++)
		topics[i] = rdk.DeleteTopic_new(a->words[i]);
	kafka_call_begin(k, &c);
	rdk.DeleteTopics(k->rk, topics, a->nwords, c.options, c.queue);
	rc = kafka_call_wait(&c, "cannot delete topics");
	if (rc == EXIT_OK) {
		results = rdk.DeleteTopics_result_topics(
		    rdk.event_DeleteTopics_result(c.event), &n);
		rc = kafka_topic_results(k, results, n, "delete",
		    o->if_exists ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : 0);
	}
	kafka_call_end(&c);
	for (size_t i = 0; i < a->nwords; i++)
		rdk.DeleteTopic_destroy(topics[i]);
	return rc;
}

int
cmd_topics_delete(int argc, char **argv)
{
	struct removal o = { .names = NULL };
	const struct arg table[] = {
		{ "if-exists", 0, ARG_FLAG, NULL,
		    "a topic that is not there is fine", &o.if_exists },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics delete NAME.. [options]",
		.about = "Deletes topics with all of their records.",
		.table = table,
		.min_words = 1,
		.max_words = 64,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	o.names = &a;
	return kafka_with(&o.kafka, delete_topics, &o);
}

/* ----------------------------------------------------------------- alter */

struct alter {
	struct kafka_options kafka;
	const char *topic;
	int64_t partitions;	/* 0: as they are */
	struct arg_list set, unset;
};

static int
grow(struct kafka *k, const char *topic, int64_t partitions)
{
	const rd_kafka_topic_result_t **results;
	rd_kafka_NewPartitions_t *p;
	struct kafka_call c;
	char text[256];
	size_t n = 0;
	int rc;

	p = rdk.NewPartitions_new(
	    topic, (size_t)partitions, text, sizeof(text));
	if (p == NULL)
		return usage("this number of partitions is refused:", text);
	kafka_call_begin(k, &c);
	rdk.CreatePartitions(k->rk, &p, 1, c.options, c.queue);
	rdk.NewPartitions_destroy(p);
	rc = kafka_call_wait(&c, "cannot add partitions");
	if (rc == EXIT_OK) {
		results = rdk.CreatePartitions_result_topics(
		    rdk.event_CreatePartitions_result(c.event), &n);
		rc = kafka_topic_results(
		    k, results, n, "add partitions to", 0);
	}
	kafka_call_end(&c);
	return rc;
}

bool
cmd_topics_own(const rd_kafka_ConfigEntry_t *e)
{
	switch ((int)rdk.ConfigEntry_source(e)) {
	case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: return true;
	case RD_KAFKA_CONFIG_SOURCE_UNKNOWN_CONFIG:
		return !rdk.ConfigEntry_is_default(e) &&
		    !rdk.ConfigEntry_is_read_only(e);
	default: return false;
	}
}

static bool
named(const struct arg_list *list, const char *name, bool pairs)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->items[i], name, len) == 0 &&
		    list->items[i][len] == (pairs ? '=' : '\0'))
			return true;
	return false;
}

/*
 * All settings that the topic shall have of its own: the request replaces them
 * as a whole.
 */
static int
wished(struct kafka *k, const struct alter *o, const char *topic,
    rd_kafka_ConfigResource_t *r)
{
	const rd_kafka_ConfigEntry_t **entries;
	struct kafka_call c;
	char name[NAME_MAX_BYTES];
	size_t n = 0, unset = 0;
	const char *value;
	int rc = kafka_topic_config(k, &c, topic, &entries, &n);

	for (size_t i = 0; rc == EXIT_OK && i < n; i++) {
		const char *key = rdk.ConfigEntry_name(entries[i]);

		if (!cmd_topics_own(entries[i]))
			continue;
		if (named(&o->unset, key, false))
			unset++;
		else if (!named(&o->set, key, true))
			rdk.ConfigResource_set_config(
			    r, key, rdk.ConfigEntry_value(entries[i]));
	}
	kafka_call_end(&c);
	if (rc != EXIT_OK)
		return rc;
	if (unset < o->unset.n) {
		fprintf(stderr, "leat: topic '%s' has not all settings of "
		    "--unset; `leat topics describe %s` shows them\n", topic,
		    topic);
		return EXIT_NOT_FOUND;
	}
	for (size_t i = 0; i < o->set.n; i++) {
		split(o->set.items[i], name, sizeof(name), &value);
		rdk.ConfigResource_set_config(r, name, value);
	}
	return EXIT_OK;
}

static int
configure(struct kafka *k, const struct alter *o, const char *topic)
{
	rd_kafka_ConfigResource_t *r = rdk.ConfigResource_new(
	    RD_KAFKA_RESOURCE_TOPIC, topic);
	const rd_kafka_ConfigResource_t **found;
	struct kafka_call c;
	size_t n = 0;
	int rc = wished(k, o, topic, r);

	kafka_call_begin(k, &c);
	if (rc == EXIT_OK) {
		rdk.AlterConfigs(k->rk, &r, 1, c.options, c.queue);
		rc = kafka_call_wait(&c, "cannot change settings");
	}
	if (rc == EXIT_OK) {
		found = rdk.AlterConfigs_result_resources(
		    rdk.event_AlterConfigs_result(c.event), &n);
		for (size_t i = 0; i < n; i++)
			if (rdk.ConfigResource_error(found[i]) != 0)
				rc = kafka_complain(k,
				    rdk.ConfigResource_error(found[i]),
				    rdk.ConfigResource_error_string(found[i]),
				    "cannot change topic '%s'", topic);
	}
	kafka_call_end(&c);
	rdk.ConfigResource_destroy(r);
	return rc;
}

static int
alter(struct kafka *k, void *arg)
{
	const struct alter *o = arg;
	int rc = EXIT_OK;

	if (o->set.n + o->unset.n > 0)
		rc = configure(k, o, o->topic);
	if (rc == EXIT_OK && o->partitions > 0)
		rc = grow(k, o->topic, o->partitions);
	return rc;
}

int
cmd_topics_alter(int argc, char **argv)
{
	struct alter o = { .partitions = 0 };
	const struct arg table[] = {
		{ "partitions", 'p', ARG_INT, "N",
		    "grow to so many; keys may move to others",
		    &o.partitions },
		{ "set", 's', ARG_LIST, "NAME=VALUE",
		    "a setting; may be repeated", &o.set },
		{ "unset", 'u', ARG_LIST, "NAME",
		    "back to the broker's default; may be repeated",
		    &o.unset },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics alter NAME [options]",
		.about = "Changes the settings of a topic, or adds partitions.",
		.table = table,
		.examples =
		    "  leat topics alter orders --set retention.ms=3600000\n"
		    "  leat topics alter orders --unset retention.ms\n"
		    "  leat topics alter orders --partitions 12\n",
		.min_words = 1,
		.max_words = 1,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (o.partitions == 0 && o.set.n + o.unset.n == 0)
		return usage("say what to change: --partitions, --set or "
			     "--unset, for",
		    a.words[0]);
	if (o.partitions > INT32_MAX)
		return usage("no topic has this number of", "--partitions");
	rc = check_pairs(&o.set);
	if (rc != EXIT_OK)
		return rc;
	o.topic = a.words[0];
	return kafka_with(&o.kafka, alter, &o);
}

/* ----------------------------------------------------------------- purge */

struct purge {
	struct kafka_options kafka;
	const char *topic;
	const char *before;
	int64_t partition;	/* -1: all */
	struct kafka_place place;
};

static int
purge_places(struct kafka *k, const struct purge *o,
    rd_kafka_topic_partition_list_t *parts)
{
	struct kafka_range *ranges;
	int rc;

	if (o->place.kind == PLACE_TIME)
		return kafka_times(k, parts, o->place.n);
	ranges = calloc((size_t)parts->cnt + 1, sizeof(*ranges));
	if (ranges == NULL)
		return EXIT_FAILED;
	rc = kafka_ranges(k, parts, ranges);
	for (int i = 0; rc == EXIT_OK && i < parts->cnt; i++) {
		int64_t low = ranges[i].low, high = ranges[i].high;

		parts->elems[i].offset = o->place.kind == PLACE_END ? high
		    : o->place.kind == PLACE_BACK
		    ? MAX(low, high - MIN(o->place.n, high))
		    : MIN(high, MAX(low, o->place.n));
	}
	free(ranges);
	return rc;
}

static int
delete_records(struct kafka *k, rd_kafka_topic_partition_list_t *parts)
{
	rd_kafka_DeleteRecords_t *wish = rdk.DeleteRecords_new(parts);
	const rd_kafka_topic_partition_list_t *now;
	struct kafka_call c;
	int rc;

	kafka_call_begin(k, &c);
	rdk.DeleteRecords(k->rk, &wish, 1, c.options, c.queue);
	rdk.DeleteRecords_destroy(wish);
	rc = kafka_call_wait(&c, "cannot delete records");
	if (rc == EXIT_OK) {
		now = rdk.DeleteRecords_result_offsets(
		    rdk.event_DeleteRecords_result(c.event));
		for (int i = 0; i < now->cnt; i++) {
			const rd_kafka_topic_partition_t *p = &now->elems[i];

			if (p->err != 0)
				rc = kafka_complain(k, p->err, NULL,
				    "cannot delete records of topic '%s', "
				    "partition %d", p->topic, p->partition);
			else
				printf("partition %d begins at offset %lld\n",
				    p->partition, (long long)p->offset);
		}
	}
	kafka_call_end(&c);
	return rc;
}

static int
purge(struct kafka *k, void *arg)
{
	const struct purge *o = arg;
	const char *topic = o->topic;
	rd_kafka_topic_partition_list_t *parts;
	const struct rd_kafka_metadata *md;
	int rc = kafka_metadata(k, topic, &md);

	if (rc != EXIT_OK)
		return rc;
	parts = rdk.topic_partition_list_new(8);
	for (int i = 0; i < md->topics[0].partition_cnt; i++) {
		int32_t id = md->topics[0].partitions[i].id;

		if (o->partition < 0 || o->partition == id)
			rdk.topic_partition_list_add(parts, topic, id);
	}
	rdk.metadata_destroy(md);
	if (parts->cnt == 0)
		rc = kafka_complain(k, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
		    NULL, "topic '%s' partition %lld", topic,
		    (long long)o->partition);
	if (rc == EXIT_OK)
		rc = purge_places(k, o, parts);
	if (rc == EXIT_OK)
		rc = delete_records(k, parts);
	rdk.topic_partition_list_destroy(parts);
	return rc;
}

int
cmd_topics_purge(int argc, char **argv)
{
	struct purge o = { .partition = -1 };
	const struct arg table[] = {
		{ "before", 'B', ARG_TEXT, "PLACE",
		    "an offset, end, -N (the last N stay), @ms, @-15m, a time",
		    &o.before },
		{ "partition", 'p', ARG_INT, "N", "only this partition",
		    &o.partition },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics purge NAME --before PLACE [options]",
		.about =
		    "Deletes the records before a place. There is no way "
		    "back.",
		.table = table,
		.examples =
		    "  leat topics purge orders --before end\n"
		    "  leat topics purge orders -p 0 --before 1000\n"
		    "  leat topics purge orders --before @-7d\n",
		.min_words = 1,
		.max_words = 1,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (o.before == NULL)
		return usage("say where to stop with --before, for",
		    a.words[0]);
	if (kafka_place_parse(o.before, kafka_wall_ms(), &o.place) < 0 ||
	    o.place.kind == PLACE_BEGINNING || o.place.kind == PLACE_FORTH)
		return usage("--before is an offset, end, -N, @ms, @-15m or a "
			     "time like 2026-01-31T12:00:00Z, not",
		    o.before);
	o.topic = a.words[0];
	return kafka_with(&o.kafka, purge, &o);
}
