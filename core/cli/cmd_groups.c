/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_groups.c: `leat groups`: which command is meant, list and describe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json_writer.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/kafka_group.h"
#include "core/cli/subcommands.h"

enum { JSON_MAX = 256 << 20 };

static const char *
text_or(const char *text, const char *otherwise)
{
	return text != NULL && text[0] != '\0' ? text : otherwise;
}

static void
print_buf(struct leat_buf *text)
{
	puts(text->failed ? "" : leat_buf_cstr(text));
	leat_buf_fini(text);
}

/* ------------------------------------------------------------------ list */

static int
by_name(const void *a, const void *b)
{
	const rd_kafka_ConsumerGroupListing_t *const *x = a, *const *y = b;

	return strcmp(rdk.ConsumerGroupListing_group_id(*x),
	    rdk.ConsumerGroupListing_group_id(*y));
}

static const char *
state_of(const rd_kafka_ConsumerGroupListing_t *g)
{
	return rdk.consumer_group_state_name(
	    rdk.ConsumerGroupListing_state(g));
}

static void
print_list(const rd_kafka_ConsumerGroupListing_t **all, size_t n, bool json)
{
	struct leat_buf text;
	struct json_writer w;

	leat_buf_init(&text, JSON_MAX);
	w = json_writer(&text);
	json_array(&w);
	for (size_t i = 0; i < n; i++) {
		const char *name = rdk.ConsumerGroupListing_group_id(all[i]);

		if (!json)
			printf("%-48s %s\n", name, state_of(all[i]));
		json_object(&w);
		json_member(&w, "name", name);
		json_member(&w, "state", state_of(all[i]));
		json_object_end(&w);
	}
	json_array_end(&w);
	if (json)
		print_buf(&text);
	else
		leat_buf_fini(&text);
}

struct list {
	struct kafka_options kafka;
	bool json;
};

static int
list(struct kafka *k, void *arg)
{
	const struct list *o = arg;
	const rd_kafka_ConsumerGroupListing_t **found, **all;
	const rd_kafka_ListConsumerGroups_result_t *result;
	const rd_kafka_error_t **errors;
	struct kafka_call c;
	size_t n = 0, nerrors = 0;
	int rc;

	kafka_call_begin(k, &c);
	rdk.ListConsumerGroups(k->rk, c.options, c.queue);
	rc = kafka_call_wait(&c, "cannot ask for the groups");
	if (rc == EXIT_OK) {
		result = rdk.event_ListConsumerGroups_result(c.event);
		found = rdk.ListConsumerGroups_result_valid(result, &n);
		errors = rdk.ListConsumerGroups_result_errors(
		    result, &nerrors);
		all = calloc(n + 1, sizeof(*all));
		if (all == NULL)
			n = 0;
		if (n > 0)
			memcpy(all, found, n * sizeof(*all));
		if (n > 1)
			qsort(all, n, sizeof(*all), by_name);
		print_list(all, n, o->json);
		free(all);
		for (size_t i = 0; i < nerrors; i++)
			rc = kafka_complain(k, rdk.error_code(errors[i]),
			    rdk.error_string(errors[i]),
			    "one broker did not answer");
	}
	kafka_call_end(&c);
	return rc;
}

int
cmd_groups_list(int argc, char **argv)
{
	struct list o = { .json = false };
	const struct arg table[] = {
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &o.json },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat groups [list] [options]",
		.about = "Lists the consumer groups with their states.",
		.table = table,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	return kafka_with(&o.kafka, list, &o);
}

/* -------------------------------------------------------------- describe */

struct options {
	struct kafka_options kafka;
	const struct args *names;
	bool json;
	bool members;
};

static int64_t
total_lag(const struct kafka_group *g)
{
	int64_t sum = 0;

	for (size_t i = 0; i < g->nparts; i++)
		if (kafka_group_lag(&g->parts[i]) > 0)
			sum += kafka_group_lag(&g->parts[i]);
	return sum;
}

/* A number, or "-" for one that is not there. */
static const char *
number(int64_t n, char to[24])
{
	snprintf(to, 24, "%lld", (long long)n);
	return n < 0 ? "-" : to;
}

static void
print_parts(const struct kafka_group *g)
{
	char a[24], b[24], c[24];

	if (g->nparts > 0)
		printf("\n%-40s %9s %12s %12s %12s  %s\n", "TOPIC",
		    "PARTITION", "OFFSET", "END", "LAG", "MEMBER");
	for (size_t i = 0; i < g->nparts; i++) {
		const struct kafka_group_part *p = &g->parts[i];

		printf("%-40s %9d %12s %12s %12s  %s\n", p->topic,
		    p->partition, number(p->committed, a),
		    number(p->range.high, b), number(kafka_group_lag(p), c),
		    p->member == NULL
			? "-"
			: rdk.MemberDescription_consumer_id(p->member));
	}
}

static void
print_members(const struct kafka_group *g)
{
	if (g->nmembers > 0)
		printf("\n%-48s %-16s %-16s %-16s %s\n", "MEMBER", "CLIENT",
		    "HOST", "INSTANCE", "PARTITIONS");
	for (size_t i = 0; i < g->nmembers; i++) {
		const rd_kafka_MemberDescription_t *m =
		    rdk.ConsumerGroupDescription_member(g->about, i);
		const char *before = "";

		printf("%-48s %-16s %-16s %-16s ",
		    rdk.MemberDescription_consumer_id(m),
		    text_or(rdk.MemberDescription_client_id(m), "-"),
		    text_or(rdk.MemberDescription_host(m), "-"),
		    text_or(rdk.MemberDescription_group_instance_id(m), "-"));
		for (size_t j = 0; j < g->nparts; j++) {
			if (g->parts[j].member != m)
				continue;
			printf("%s%s:%d", before, g->parts[j].topic,
			    g->parts[j].partition);
			before = ",";
		}
		puts(before[0] == '\0' ? "-" : "");
	}
}

static void
print_text(const struct options *o, const struct kafka_group *g)
{
	const rd_kafka_Node_t *at = rdk.ConsumerGroupDescription_coordinator(
	    g->about);

	printf("group        %s\nstate        %s\n", g->name,
	    rdk.consumer_group_state_name(g->state));
	printf("assignor     %s\n", text_or(
	    rdk.ConsumerGroupDescription_partition_assignor(g->about), "-"));
	if (at != NULL)
		printf("coordinator  %s:%u (%d)\n", rdk.Node_host(at),
		    rdk.Node_port(at), rdk.Node_id(at));
	printf("members      %zu\nlag          %lld\n", g->nmembers,
	    (long long)total_lag(g));
	print_parts(g);
	if (o->members)
		print_members(g);
}

static void
json_number(struct json_writer *w, const char *name, int64_t n)
{
	json_key(w, name);
	if (n < 0)
		json_null(w);
	else
		json_int(w, n);
}

static void
json_members(struct json_writer *w, const struct kafka_group *g)
{
	json_key(w, "members");
	json_array(w);
	for (size_t i = 0; i < g->nmembers; i++) {
		const rd_kafka_MemberDescription_t *m =
		    rdk.ConsumerGroupDescription_member(g->about, i);

		json_object(w);
		json_member(w, "id", rdk.MemberDescription_consumer_id(m));
		json_member(
		    w, "client_id", rdk.MemberDescription_client_id(m));
		json_member(w, "host", rdk.MemberDescription_host(m));
		json_member(w, "instance_id",
		    rdk.MemberDescription_group_instance_id(m));
		json_object_end(w);
	}
	json_array_end(w);
}

static void
print_json(const struct kafka_group *g)
{
	struct leat_buf text;
	struct json_writer w;

	leat_buf_init(&text, JSON_MAX);
	w = json_writer(&text);
	json_object(&w);
	json_member(&w, "name", g->name);
	json_member(&w, "state", rdk.consumer_group_state_name(g->state));
	json_member(&w, "assignor",
	    rdk.ConsumerGroupDescription_partition_assignor(g->about));
	json_member_int(&w, "lag", total_lag(g));
	json_members(&w, g);
	json_key(&w, "partitions");
	json_array(&w);
	for (size_t i = 0; i < g->nparts; i++) {
		const struct kafka_group_part *p = &g->parts[i];

		json_object(&w);
		json_member(&w, "topic", p->topic);
		json_member_int(&w, "partition", p->partition);
		json_number(&w, "offset", p->committed);
		json_number(&w, "end_offset", p->range.high);
		json_number(&w, "lag", kafka_group_lag(p));
		json_member(&w, "member", p->member == NULL
			? NULL
			: rdk.MemberDescription_consumer_id(p->member));
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	print_buf(&text);
}

static int
describe(struct kafka *k, const struct options *o, const char *name)
{
	struct kafka_group g;
	int rc = kafka_group_load(k, name, false, &g);

	if (rc == EXIT_OK)
		rc = kafka_group_ranges(k, &g);
	if (rc == EXIT_OK && o->json)
		print_json(&g);
	else if (rc == EXIT_OK)
		print_text(o, &g);
	kafka_group_fini(&g);
	return rc;
}

static int
describe_all(struct kafka *k, void *arg)
{
	const struct options *o = arg;
	int rc = EXIT_OK;

	for (size_t i = 0; rc == EXIT_OK && i < o->names->nwords; i++) {
		if (i > 0 && !o->json)
			putchar('\n');
		rc = describe(k, o, o->names->words[i]);
	}
	return rc;
}

int
cmd_groups_describe(int argc, char **argv)
{
	struct options o = { 0 };
	const struct arg table[] = {
		{ "members", 'm', ARG_FLAG, NULL,
		    "the members too, with their partitions", &o.members },
		{ "json", 'j', ARG_FLAG, NULL,
		    "print one JSON object per group", &o.json },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat groups describe NAME.. [options]",
		.about =
		    "Describes groups: their state, and per partition where "
		    "they are, the end and\nthe lag. The sink connector x is "
		    "the group connect-x.",
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

int
cmd_groups(int argc, char **argv)
{
	static const struct cli_command table[] = {
		{ "list", "list groups (also without a command)",
		    cmd_groups_list },
		{ "describe", "state, members, offsets and lag of groups",
		    cmd_groups_describe },
		{ "reset", "move the offsets of a group", cmd_groups_reset },
		{ "delete", "delete groups, or some of their offsets",
		    cmd_groups_delete },
		{ 0 },
	};
	static const struct subcommands groups = {
		.name = "groups",
		.about =
		    "Looks after consumer groups: where they are, and where "
		    "they go on.",
		.table = table,
		.options = KAFKA_ARGS_HELP,
	};

	return subcommands_run(&groups, argc, argv);
}
