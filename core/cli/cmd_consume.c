/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_consume.c: `leat consume`: the records of topics, as lines. */
#include <stdio.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/consume.h"
#include "core/cli/kafka_client.h"
#include "core/cli/kafka_offsets.h"

enum { OUT_MAX = 256 << 20 };

struct options {
	struct kafka_options kafka;
	const char *from;
	bool from_beginning;
	bool exit_eof;
	bool json;
	bool key;
	bool headers;
	int64_t count;		/* -1: no limit */
	int64_t partition;	/* -1: all */
	const char *group;
	const char *format;
	const char *null;
	const char *isolation;
	struct kafka_place place;
	const char *const *topics;
	size_t ntopics;
};

static int
usage(const char *text, const char *which)
{
	fprintf(stderr, "leat: %s%s%s%s\n", text, which ? " '" : "",
	    which ? which : "", which ? "'" : "");
	return EXIT_USAGE;
}

/* The format that the options mean; text is a line of value, key, headers. */
static int
understand_format(const struct options *o, struct consume *c)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *text = o->format;
	char line[32];

	c->json = o->json || (text != NULL && strcmp(text, "json") == 0);
	if (text == NULL || strcmp(text, "text") == 0 || c->json) {
		snprintf(line, sizeof(line), "%s%s%%s\\n",
		    o->headers ? "%h\\t" : "", o->key ? "%k\\t" : "");
		text = line;
	} else if (o->key || o->headers || o->json) {
		return usage("--key, --headers and --json do not go with "
			     "a format",
		    o->format);
	} else if (strchr(text, '%') == NULL) {
		return usage("--format is json, text or a text with %-letters, "
			     "not",
		    text);
	}
	if (record_format_parse(&c->format, text, &err) < 0)
		return usage("--format:", err.text);
	if (o->null != NULL)
		c->format.null = leat_str_c(o->null);
	return EXIT_OK;
}

static int
understand(struct options *o, struct consume *c)
{
	if (o->from_beginning && o->from != NULL)
		return usage("--from-beginning and --from are one too many",
		    NULL);
	if (o->from_beginning)
		o->from = "beginning";
	if (o->from == NULL)
		o->from = "end";
	if (kafka_place_parse(o->from, kafka_wall_ms(), &o->place) < 0 ||
	    o->place.kind == PLACE_FORTH)
		return usage("--from is beginning, end, an offset, -N, @ms, "
			     "@-15m or a time like 2026-01-31T12:00:00Z, not",
		    o->from);
	if (o->group != NULL && o->place.kind != PLACE_BEGINNING &&
	    o->place.kind != PLACE_END)
		return usage("a group begins at beginning or end where it has "
			     "no offset; `leat groups reset` moves it. Not",
		    o->from);
	if (o->group != NULL && o->partition >= 0)
		return usage("--partition does not go with --group", NULL);
	for (size_t i = 1; i < o->ntopics; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(o->topics[i], o->topics[j]) == 0)
				return usage("a topic is named twice:",
				    o->topics[i]);
	if (o->partition > INT32_MAX)
		return usage("there is no such --partition", NULL);
	if (strcmp(o->isolation, "committed") != 0 &&
	    strcmp(o->isolation, "uncommitted") != 0)
		return usage("--isolation is committed or uncommitted, not",
		    o->isolation);
	return understand_format(o, c);
}

/* ------------------------------------------------------- without a group */

static int
add_partitions(struct consume *c, const struct options *o, const char *topic)
{
	const struct rd_kafka_metadata *md;
	int rc = kafka_metadata(&c->k, topic, &md), found = 0;

	if (rc != EXIT_OK)
		return rc;
	for (int i = 0; i < md->topics[0].partition_cnt; i++) {
		int32_t id = md->topics[0].partitions[i].id;

		if (o->partition >= 0 && id != o->partition)
			continue;
		rdk.topic_partition_list_add(c->parts, topic, id);
		found++;
	}
	rdk.metadata_destroy(md);
	if (found > 0)
		return EXIT_OK;
	return kafka_complain(&c->k, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
	    NULL, "topic '%s' partition %lld", topic, (long long)o->partition);
}

static int
place_one(struct consume *c, const struct kafka_place *place,
    const struct kafka_range *range, rd_kafka_topic_partition_t *p)
{
	switch (place->kind) {
	case PLACE_BEGINNING: p->offset = range->low; break;
	case PLACE_END: p->offset = range->high; break;
	case PLACE_BACK:
		p->offset = place->n > range->high - range->low
		    ? range->low
		    : range->high - place->n;
		break;
	case PLACE_OFFSET:
		p->offset = place->n;
		if (place->n >= range->low && place->n <= range->high)
			break;
		fprintf(stderr, "leat: topic '%s' partition %d has the "
		    "offsets %lld to %lld, not %lld\n", p->topic,
		    p->partition, (long long)range->low,
		    (long long)range->high, (long long)place->n);
		return EXIT_FAILED;
	case PLACE_TIME: break; /* done for all at once */
	case PLACE_FORTH:
	case PLACE_N: UNREACHABLE("a place that was refused");
	}
	return EXIT_OK;
}

static int
find_places(struct consume *c, const struct kafka_place *place)
{
	struct kafka_range *ranges;
	int rc;

	if (place->kind == PLACE_TIME)
		return kafka_times(&c->k, c->parts, place->n);
	ranges = calloc((size_t)c->parts->cnt, sizeof(*ranges));
	if (ranges == NULL)
		return usage("out of memory", NULL);
	rc = kafka_ranges(&c->k, c->parts, ranges);
	for (int i = 0; rc == EXIT_OK && i < c->parts->cnt; i++)
		rc = place_one(c, place, &ranges[i], &c->parts->elems[i]);
	free(ranges);
	return rc;
}

/* The topics' handles live as long as the client. */
static int
begin_partitions(struct consume *c, const struct options *o,
    rd_kafka_topic_t **handles)
{
	int rc = EXIT_OK;

	for (size_t i = 0; rc == EXIT_OK && i < o->ntopics; i++)
		rc = add_partitions(c, o, o->topics[i]);
	if (rc == EXIT_OK)
		rc = find_places(c, &o->place);
	if (rc != EXIT_OK)
		return rc;
	c->queue = rdk.queue_new(c->k.rk);
	for (size_t i = 0; i < o->ntopics; i++)
		handles[i] = rdk.topic_new(c->k.rk, o->topics[i], NULL);
	for (int i = 0; i < c->parts->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &c->parts->elems[i];
		size_t t = 0;

		while (strcmp(o->topics[t], p->topic) != 0)
			t++;
		if (rdk.consume_start_queue(handles[t], p->partition,
			p->offset, c->queue) < 0)
			return kafka_complain(&c->k,
			    RD_KAFKA_RESP_ERR__FAIL, NULL,
			    "cannot begin with topic '%s'", p->topic);
	}
	return EXIT_OK;
}

static void
end_partitions(struct consume *c, const struct options *o,
    rd_kafka_topic_t **handles)
{
	for (int i = 0; c->queue != NULL && i < c->parts->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &c->parts->elems[i];
		size_t t = 0;

		while (strcmp(o->topics[t], p->topic) != 0)
			t++;
		rdk.consume_stop(handles[t], p->partition);
	}
	for (size_t i = 0; i < o->ntopics; i++)
		if (handles[i] != NULL)
			rdk.topic_destroy(handles[i]);
}

/* ---------------------------------------------------------- with a group */

static int
begin_group(struct consume *c, const struct options *o)
{
	rd_kafka_topic_partition_list_t *topics =
	    rdk.topic_partition_list_new((int)o->ntopics);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < o->ntopics; i++)
		rdk.topic_partition_list_add(
		    topics, o->topics[i], RD_KAFKA_PARTITION_UA);
	rdk.poll_set_consumer(c->k.rk);
	c->queue = rdk.queue_get_consumer(c->k.rk);
	code = rdk.subscribe(c->k.rk, topics);
	rdk.topic_partition_list_destroy(topics);
	if (code != 0)
		return kafka_complain(
		    &c->k, code, NULL, "cannot join group '%s'", o->group);
	return EXIT_OK;
}

/* ------------------------------------------------------------- the whole */

static int
prepare(struct consume *c, const struct options *o)
{
	static const struct kafka_setting defaults[] = {
		{ "enable.auto.commit", "true" },
		{ "auto.commit.interval.ms", "1000" },
		{ 0 },
	};
	int rc = kafka_prepare(&c->k, &o->kafka, defaults);

	if (rc != EXIT_OK)
		return rc;
	kafka_must(&c->k, "enable.partition.eof",
	    o->exit_eof ? "true" : "false");
	kafka_must(&c->k, "enable.auto.offset.store", "false");
	kafka_must(&c->k, "isolation.level",
	    strcmp(o->isolation, "committed") == 0 ? "read_committed"
						   : "read_uncommitted");
	kafka_must(&c->k, "auto.offset.reset",
	    o->group == NULL			   ? "error"
		: o->place.kind == PLACE_BEGINNING ? "earliest"
						   : "latest");
	if (o->group != NULL) {
		kafka_must(&c->k, "group.id", o->group);
		rdk.conf_set_rebalance_cb(c->k.conf, consume_rebalance);
	}
	return kafka_start(&c->k, RD_KAFKA_CONSUMER);
}

static int
consume(struct consume *c, const struct options *o)
{
	rd_kafka_topic_t *handles[64] = { NULL };
	int rc = prepare(c, o);

	if (rc != EXIT_OK)
		goto done;
	c->parts = rdk.topic_partition_list_new(8);
	c->done = rdk.topic_partition_list_new(8);
	c->k.talk = true;
	rc = o->group != NULL ? begin_group(c, o)
			      : begin_partitions(c, o, handles);
	if (rc == EXIT_OK)
		rc = consume_run(c);
	if (o->group == NULL)
		end_partitions(c, o, handles);
	else
		rdk.consumer_close(c->k.rk);
	if (c->queue != NULL)
		rdk.queue_destroy(c->queue);
	rdk.topic_partition_list_destroy(c->parts);
	rdk.topic_partition_list_destroy(c->done);
done:
	kafka_close(&c->k);
	return rc;
}

int
cmd_consume(int argc, char **argv)
{
	struct options o = { .count = -1,
		.partition = -1,
		.isolation = "committed" };
	const struct arg table[] = {
		{ "from", 'o', ARG_TEXT, "PLACE",
		    "beginning, end, an offset, -N, @ms, @-15m, a time (end)",
		    &o.from },
		{ "from-beginning", 0, ARG_FLAG, NULL,
		    "the same as --from beginning", &o.from_beginning },
		{ "exit-eof", 'e', ARG_FLAG, NULL,
		    "end at the end of the partitions", &o.exit_eof },
		{ "count", 'n', ARG_INT, "N", "end after N records",
		    &o.count },
		{ "partition", 'p', ARG_INT, "N", "only this partition",
		    &o.partition },
		{ "group", 'g', ARG_TEXT, "NAME",
		    "as a member of a group, which keeps the place",
		    &o.group },
		{ "format", 'f', ARG_TEXT, "FORMAT",
		    "json, text, or a text with %t %p %o %k %s %T ..",
		    &o.format },
		{ "json", 'j', ARG_FLAG, NULL, "the same as --format json",
		    &o.json },
		{ "key", 'k', ARG_FLAG, NULL, "print the key and a tab first",
		    &o.key },
		{ "headers", 'H', ARG_FLAG, NULL,
		    "print the headers and a tab first", &o.headers },
		{ "null", 'Z', ARG_TEXT, "TEXT", "what stands for null (null)",
		    &o.null },
		{ "isolation", 'i', ARG_TEXT, "LEVEL",
		    "committed or uncommitted (committed)", &o.isolation },
		KAFKA_ARGS(o.kafka),
		{ 0 },
	};
	struct args a = {
		.usage = "leat consume TOPIC.. [options]",
		.about =
		    "Prints the records of topics, one per line, from the end "
		    "on unless --from says\nelse, until it is interrupted, "
		    "--count are printed or --exit-eof finds the end.",
		.table = table,
		.examples =
		    "  leat consume orders --from beginning --exit-eof\n"
		    "  leat consume orders --from -10 --json\n"
		    "  leat consume orders --from @-15m -f '%T %k %s\\n'\n"
		    "  leat consume orders payments --group audit\n",
		.min_words = 1,
		.max_words = 64,
	};
	struct consume c = { .exit_code = EXIT_OK };
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	o.topics = a.words;
	o.ntopics = a.nwords;
	rc = understand(&o, &c);
	if (rc != EXIT_OK)
		return rc;
	c.left = o.count;
	c.exit_eof = o.exit_eof;
	c.group = o.group != NULL;
	leat_buf_init(&c.out, OUT_MAX);
	leat_arena_init(&c.work, 64 << 10, 0);
	leat_arena_init(&c.record, 4 << 10, 0);
	kafka_catch_signals();
	rc = consume(&c, &o);
	leat_buf_fini(&c.out);
	leat_arena_fini(&c.work);
	leat_arena_fini(&c.record);
	return rc;
}
