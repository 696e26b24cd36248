/* SPDX-License-Identifier: Apache-2.0 */
/* groups_change.c: `leat groups reset` and `delete`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/json_writer.h"
#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_group.h"

enum { JSON_MAX = 64 << 20, TOPIC_MAX = 250 };

static int
usage(const char *text, const char *which)
{
	fprintf(stderr, "leat: %s '%s'\n", text, which);
	return EXIT_USAGE;
}

/* ------------------------------------------------------------ partitions */

/* One of --topic, taken apart. */
struct chosen {
	char topic[TOPIC_MAX];
	const char *partitions;	/* "0,2", or NULL: all */
};

static int
choose(const struct arg_list *list, struct chosen *to)
{
	for (size_t i = 0; i < list->n; i++) {
		struct leat_str rest = leat_str_c(list->items[i]), name;
		int64_t n;

		name = leat_str_cut(&rest, ':');
		if (name.len == 0 || name.len >= TOPIC_MAX)
			return usage("--topic is no name of a topic:",
			    list->items[i]);
		snprintf(to[i].topic, TOPIC_MAX, "%.*s", (int)name.len,
		    name.ptr);
		to[i].partitions = rest.len > 0 ? rest.ptr : NULL;
		while (rest.len > 0)
			if (leat_parse_i64(leat_str_cut(&rest, ','), 0,
				INT32_MAX, &n) < 0)
				return usage("--topic is NAME or NAME:0,1, "
					     "not",
				    list->items[i]);
	}
	return EXIT_OK;
}

/* Is a partition among "0,2"? All are among NULL. */
static bool
among(const char *partitions, int32_t partition)
{
	struct leat_str rest;
	int64_t n;

	if (partitions == NULL)
		return true;
	rest = leat_str_c(partitions);
	while (rest.len > 0)
		if (leat_parse_i64(leat_str_cut(&rest, ','), 0, INT32_MAX,
			&n) == 0 &&
		    n == partition)
			return true;
	return false;
}

/* The partitions of --topic that are there, into the list. */
static int
add_chosen(struct kafka *k, const struct chosen *c,
    rd_kafka_topic_partition_list_t *list)
{
	const struct rd_kafka_metadata *md;
	int rc = kafka_metadata(k, c->topic, &md), before = list->cnt;

	if (rc != EXIT_OK)
		return rc;
	for (int i = 0; i < md->topics[0].partition_cnt; i++) {
		int32_t id = md->topics[0].partitions[i].id;

		if (among(c->partitions, id))
			rdk.topic_partition_list_add(list, c->topic, id);
	}
	rdk.metadata_destroy(md);
	if (list->cnt > before)
		return EXIT_OK;
	return kafka_complain(k, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, NULL,
	    "topic '%s' partition %s", c->topic, c->partitions);
}

/* What --topic says, or all that the group has an offset of. */
static int
list_parts(struct kafka *k, struct kafka_group *g, const struct chosen *chosen,
    size_t n, rd_kafka_topic_partition_list_t *list)
{
	int rc = EXIT_OK;

	for (size_t i = 0; rc == EXIT_OK && i < n; i++)
		rc = add_chosen(k, &chosen[i], list);
	for (size_t i = 0; n == 0 && i < g->nparts; i++)
		if (g->parts[i].committed >= 0)
			rdk.topic_partition_list_add(list, g->parts[i].topic,
			    g->parts[i].partition);
	rdk.topic_partition_list_sort(list, NULL, NULL);
	for (int i = 0; rc == EXIT_OK && i < list->cnt; i++)
		if (kafka_group_part_of(g, list->elems[i].topic,
			list->elems[i].partition) == NULL)
			rc = EXIT_FAILED;
	return rc;
}

/* ----------------------------------------------------------------- reset */

struct reset {
	struct kafka_options kafka;
	const char *name;
	const char *to;
	struct arg_list topics;
	struct chosen chosen[64];
	struct kafka_place place;
	bool execute;
	bool json;
};

/* Where a partition goes, within what it has. */
static int64_t
target(const struct kafka_place *place, const struct kafka_group_part *p,
    int64_t at_time)
{
	int64_t low = p->range.low, high = p->range.high, to = high;

	switch (place->kind) {
	case PLACE_BEGINNING: return low;
	case PLACE_END: return high;
	case PLACE_OFFSET: to = place->n; break;
	case PLACE_TIME: to = at_time; break;
	case PLACE_BACK:
		to = p->committed - MIN(place->n, p->committed);
		break;
	case PLACE_FORTH:
		to = place->n > high ? high : p->committed + place->n;
		break;
	case PLACE_N: UNREACHABLE("a place that was refused");
	}
	return MAX(low, MIN(high, to));
}

/* Those that can be moved; what cannot is said. */
static int
keep_movable(const struct reset *o, struct kafka_group *g,
    const rd_kafka_topic_partition_list_t *all,
    rd_kafka_topic_partition_list_t *ret_list)
{
	bool shift = o->place.kind == PLACE_BACK ||
	    o->place.kind == PLACE_FORTH;
	int rc = EXIT_OK;

	for (int i = 0; i < all->cnt; i++) {
		const struct kafka_group_part *p = kafka_group_part_of(
		    g, all->elems[i].topic, all->elems[i].partition);

		if (p->range.high < 0) {
			fprintf(stderr, "leat: topic '%s' partition %d is "
			    "gone; its offset stays\n", p->topic,
			    p->partition);
		} else if (shift && p->committed < 0) {
			fprintf(stderr, "leat: topic '%s' partition %d has no "
			    "offset that could be moved\n", p->topic,
			    p->partition);
			rc = EXIT_FAILED;
		} else {
			rdk.topic_partition_list_add(
			    ret_list, p->topic, p->partition);
		}
	}
	return rc;
}

static int
find_targets(struct kafka *k, const struct reset *o, struct kafka_group *g,
    rd_kafka_topic_partition_list_t *list)
{
	int rc = EXIT_OK;

	if (o->place.kind == PLACE_TIME)
		rc = kafka_times(k, list, o->place.n);
	for (int i = 0; rc == EXIT_OK && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *e = &list->elems[i];

		e->offset = target(&o->place,
		    kafka_group_part_of(g, e->topic, e->partition), e->offset);
	}
	return rc;
}

static void
print_plan(const struct reset *o, struct kafka_group *g,
    const rd_kafka_topic_partition_list_t *list)
{
	struct leat_buf text;
	struct json_writer w;
	char from[24];

	leat_buf_init(&text, JSON_MAX);
	w = json_writer(&text);
	json_object(&w);
	json_member(&w, "name", g->name);
	json_member_bool(&w, "executed", o->execute);
	json_key(&w, "partitions");
	json_array(&w);
	if (!o->json)
		printf("%-40s %9s %12s %12s\n", "TOPIC", "PARTITION", "FROM",
		    "TO");
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *e = &list->elems[i];
		const struct kafka_group_part *p = kafka_group_part_of(
		    g, e->topic, e->partition);

		snprintf(from, sizeof(from), "%lld",
		    (long long)p->committed);
		if (!o->json)
			printf("%-40s %9d %12s %12lld\n", e->topic,
			    e->partition, p->committed < 0 ? "-" : from,
			    (long long)e->offset);
		json_object(&w);
		json_member(&w, "topic", e->topic);
		json_member_int(&w, "partition", e->partition);
		json_key(&w, "from");
		json_raw(&w, p->committed < 0 ? "null" : from);
		json_member_int(&w, "to", e->offset);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	if (o->json)
		puts(leat_buf_cstr(&text));
	leat_buf_fini(&text);
}

static int
store(struct kafka *k, const struct kafka_group *g,
    const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_AlterConsumerGroupOffsets_t *wish =
	    rdk.AlterConsumerGroupOffsets_new(g->name, list);
	const rd_kafka_group_result_t **all;
	struct kafka_call c;
	size_t n = 0;
	int rc;

	kafka_call_begin(k, &c);
	rdk.AlterConsumerGroupOffsets(k->rk, &wish, 1, c.options, c.queue);
	rdk.AlterConsumerGroupOffsets_destroy(wish);
	rc = kafka_call_wait(&c, "cannot move the offsets");
	if (rc == EXIT_OK) {
		all = rdk.AlterConsumerGroupOffsets_result_groups(
		    rdk.event_AlterConsumerGroupOffsets_result(c.event), &n);
		rc = kafka_group_results(k, all, n, "move the offsets of");
	}
	kafka_call_end(&c);
	return rc;
}

/* Members would go on from where they are, and store that again. */
static int
check_empty(const struct kafka *k, const struct kafka_group *g)
{
	if (g->nmembers == 0)
		return EXIT_OK;
	return kafka_complain(k, RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, NULL,
	    "group '%s' has %zu members", g->name, g->nmembers);
}

static int
reset(struct kafka *k, void *arg)
{
	const struct reset *o = arg;
	const char *name = o->name;
	rd_kafka_topic_partition_list_t *all = rdk.topic_partition_list_new(8);
	rd_kafka_topic_partition_list_t *list = rdk.topic_partition_list_new(8);
	struct kafka_group g;
	int rc = kafka_group_load(k, name, o->topics.n > 0, &g);

	if (rc == EXIT_OK)
		rc = check_empty(k, &g);
	if (rc == EXIT_OK)
		rc = list_parts(k, &g, o->chosen, o->topics.n, all);
	if (rc == EXIT_OK && all->cnt == 0) {
		fprintf(stderr, "leat: group '%s' has no offsets; --topic says "
		    "of what it shall have some\n", name);
		rc = EXIT_NOT_FOUND;
	}
	if (rc == EXIT_OK)
		rc = kafka_group_ranges(k, &g);
	if (rc == EXIT_OK)
		rc = keep_movable(o, &g, all, list);
	if (rc == EXIT_OK)
		rc = find_targets(k, o, &g, list);
	if (rc == EXIT_OK && o->execute && list->cnt > 0)
		rc = store(k, &g, list);
	if (rc == EXIT_OK)
		print_plan(o, &g, list);
	if (rc == EXIT_OK && !o->execute)
		fputs("leat: nothing was changed; --execute does it\n", stderr);
	kafka_group_fini(&g);
	rdk.topic_partition_list_destroy(all);
	rdk.topic_partition_list_destroy(list);
	return rc;
}

int
cmd_groups_reset(int argc, char **argv)
{
	struct reset o = { .to = NULL };
	bool dry_run = false;
	const struct arg table[] = {
		{ "to", 'T', ARG_TEXT, "PLACE",
		    "earliest, latest, an offset, -N or +N from here, @ms, "
		    "@-15m, a time", &o.to },
		{ "topic", 0, ARG_LIST, "NAME[:0,1]",
		    "only this; may be repeated", &o.topics },
		{ "execute", 'x', ARG_FLAG, NULL, "do it", &o.execute },
		{ "dry-run", 'n', ARG_FLAG, NULL,
		    "print what would be done (this is so anyway)", &dry_run },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &o.json },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat groups reset NAME --to PLACE [options]",
		.about =
		    "Moves the offsets of a group without members, or prints "
		    "where they would go.",
		.table = table,
		.examples =
		    "  leat groups reset audit --to earliest\n"
		    "  leat groups reset audit --to -100 --execute\n"
		    "  leat groups reset audit --topic orders:0 --to 42 "
		    "--execute\n"
		    "  leat groups reset audit --to 2026-01-31T12:00:00Z\n",
		.min_words = 1,
		.max_words = 1,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (o.to == NULL)
		return usage("say where to go with --to, for", a.words[0]);
	if (dry_run && o.execute)
		return usage("one is too many of --dry-run and", "--execute");
	if (kafka_place_parse(o.to, kafka_wall_ms(), &o.place) < 0)
		return usage("--to is earliest, latest, an offset, -N, +N, "
			     "@ms, @-15m or a time like 2026-01-31T12:00:00Z, "
			     "not",
		    o.to);
	rc = choose(&o.topics, o.chosen);
	if (rc != EXIT_OK)
		return rc;
	o.name = a.words[0];
	return kafka_with(&o.kafka, reset, &o);
}

/* ---------------------------------------------------------------- delete */

struct removal {
	struct kafka_options kafka;
	const struct args *names;
	struct arg_list topics;	/* none: the groups themselves */
	struct chosen chosen[64];
};

static int
delete_groups(struct kafka *k, const struct args *a)
{
	rd_kafka_DeleteGroup_t *groups[64];
	const rd_kafka_group_result_t **all;
	struct kafka_call c;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < a->nwords; i++)
		groups[i] = rdk.DeleteGroup_new(a->words[i]);
	kafka_call_begin(k, &c);
	rdk.DeleteGroups(k->rk, groups, a->nwords, c.options, c.queue);
	for (size_t i = 0; i < a->nwords; i++)
		rdk.DeleteGroup_destroy(groups[i]);
	rc = kafka_call_wait(&c, "cannot delete groups");
	if (rc == EXIT_OK) {
		all = rdk.DeleteGroups_result_groups(
		    rdk.event_DeleteGroups_result(c.event), &n);
		rc = kafka_group_results(k, all, n, "delete");
	}
	kafka_call_end(&c);
	return rc;
}

static int
delete_offsets(struct kafka *k, const char *name, const struct chosen *chosen,
    size_t nchosen)
{
	rd_kafka_topic_partition_list_t *list = rdk.topic_partition_list_new(8);
	rd_kafka_DeleteConsumerGroupOffsets_t *wish;
	const rd_kafka_group_result_t **all;
	struct kafka_call c;
	struct kafka_group g;
	size_t n = 0;
	int rc = kafka_group_load(k, name, false, &g);

	if (rc == EXIT_OK)
		rc = list_parts(k, &g, chosen, nchosen, list);
	kafka_call_begin(k, &c);
	if (rc == EXIT_OK) {
		wish = rdk.DeleteConsumerGroupOffsets_new(name, list);
		rdk.DeleteConsumerGroupOffsets(
		    k->rk, &wish, 1, c.options, c.queue);
		rdk.DeleteConsumerGroupOffsets_destroy(wish);
		rc = kafka_call_wait(&c, "cannot delete offsets");
	}
	if (rc == EXIT_OK) {
		all = rdk.DeleteConsumerGroupOffsets_result_groups(
		    rdk.event_DeleteConsumerGroupOffsets_result(c.event), &n);
		rc = kafka_group_results(k, all, n, "delete offsets of");
	}
	kafka_call_end(&c);
	kafka_group_fini(&g);
	rdk.topic_partition_list_destroy(list);
	return rc;
}

static int
delete_wanted(struct kafka *k, void *arg)
{
	const struct removal *o = arg;
	int rc = EXIT_OK;

	if (o->topics.n == 0)
		return delete_groups(k, o->names);
	for (size_t i = 0; rc == EXIT_OK && i < o->names->nwords; i++)
		rc = delete_offsets(k, o->names->words[i], o->chosen,
		    o->topics.n);
	return rc;
}

int
cmd_groups_delete(int argc, char **argv)
{
	struct removal o = { .names = NULL };
	const struct arg table[] = {
		{ "topic", 0, ARG_LIST, "NAME[:0,1]",
		    "only the offsets of this; may be repeated", &o.topics },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat groups delete NAME.. [options]",
		.about =
		    "Deletes groups without members, or their offsets of some "
		    "topics.",
		.table = table,
		.examples =
		    "  leat groups delete audit\n"
		    "  leat groups delete audit --topic orders\n",
		.min_words = 1,
		.max_words = 64,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	rc = choose(&o.topics, o.chosen);
	if (rc != EXIT_OK)
		return rc;
	o.names = &a;
	return kafka_with(&o.kafka, delete_wanted, &o);
}
