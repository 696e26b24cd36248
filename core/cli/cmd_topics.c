/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_topics.c: `leat topics`. */
#include <stdio.h>
#include <string.h>

#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/client.h"

struct options {
	const char *url;
	bool json;
	bool internal;
};

static int
list(const struct options *o)
{
	struct answer a;
	int rc = client_call(o->url, "GET", "/leat/topics", NULL, &a);

	if (rc == EXIT_OK && o->json)
		printf("%.*s\n", (int)a.body.len, (char *)a.body.data);
	for (uint32_t i = 0; rc == EXIT_OK && !o->json && i < a.json.len; i++) {
		const struct leat_value *t = &a.json.u.items[i];
		const struct leat_value *internal = leat_map_value(
		    t, "internal");
		struct leat_str name = json_text_of(t, "name");

		if (internal != NULL && internal->u.i && !o->internal)
			continue;
		printf("%-48.*s %4lld partitions\n", (int)name.len, name.ptr,
		    (long long)json_int_of(t, "partitions"));
	}
	answer_release(&a);
	return rc;
}

static void
print_partition(const struct leat_value *p)
{
	printf(
	    "  partition %lld: offsets %lld to %lld, stable %lld, durable "
	    "%lld, "
	    "%lld bytes\n",
	    (long long)json_int_of(p, "partition"),
	    (long long)json_int_of(p, "start_offset"),
	    (long long)json_int_of(p, "end_offset"),
	    (long long)json_int_of(p, "stable_offset"),
	    (long long)json_int_of(p, "durable_offset"),
	    (long long)json_int_of(p, "size_bytes"));
}

static void
print_topic(const struct leat_value *topic)
{
	const struct leat_value *parts = leat_map_value(topic, "partitions");
	const struct leat_value *config = leat_map_value(topic, "config");
	struct leat_str name = json_text_of(topic, "name");

	printf("%.*s\n", (int)name.len, name.ptr);
	for (uint32_t i = 0; parts != NULL && i < parts->len; i++)
		print_partition(&parts->u.items[i]);
	for (uint32_t i = 0; config != NULL && i < config->len; i++) {
		const struct leat_value *key = &config->u.items[2 * i];
		const struct leat_value *def = leat_map_value(
		    key + 1, "default");
		struct leat_str value = json_text_of(key + 1, "value");

		printf("  %.*s=%.*s%s\n", (int)key->len, key->u.s,
		    (int)value.len, value.ptr,
		    def != NULL && def->u.i ? " (default)" : "");
	}
}

static int
describe(const struct options *o, const char *name)
{
	struct leat_buf path;
	struct answer a;
	int rc;

	leat_buf_init(&path, 4096);
	leat_buf_add_str(&path, "/leat/topics/");
	client_add_part(&path, name);
	rc = client_call(o->url, "GET", leat_buf_cstr(&path), NULL, &a);
	if (rc == EXIT_OK && o->json)
		printf("%.*s\n", (int)a.body.len, (char *)a.body.data);
	else if (rc == EXIT_OK)
		print_topic(&a.json);
	answer_release(&a);
	leat_buf_fini(&path);
	return rc;
}

int
cmd_topics(int argc, char **argv)
{
	struct options o = { .url = CLIENT_URL_DEFAULT };
	const struct arg table[] = {
		{ "url", 'u', ARG_TEXT, "URL",
		    "the worker's REST address (" CLIENT_URL_DEFAULT ")",
		    &o.url },
		{ "internal", 'i', ARG_FLAG, NULL, "list internal topics too",
		    &o.internal },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &o.json },
		{ 0 },
	};
	struct args a = {
		.usage = "leat topics [list | describe TOPIC] [options]",
		.about =
		    "Lists the topics of a running worker's broker, or "
		    "describes "
		    "one: its partitions\nwith their offsets and its settings.",
		.table = table,
		.examples =
		    "  leat topics\n  leat topics describe "
		    "shop.public.orders\n",
		.max_words = 2,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (a.nwords == 0 || (a.nwords == 1 && strcmp(a.words[0], "list") == 0))
		return list(&o);
	if (a.nwords == 2 && strcmp(a.words[0], "describe") == 0)
		return describe(&o, a.words[1]);
	fprintf(stderr, "leat: usage: %s\n", a.usage);
	return EXIT_USAGE;
}
