/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_consume.c: `leat consume`: the records of a topic, as lines. */
#include <stdio.h>
#include <string.h>

#include <leat/json.h>

#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/client.h"

enum { WAIT_MS = 20000 };

struct options {
	const char *url;
	bool from_beginning;
	bool follow;
	bool json;
	bool keys;
	int64_t count; /* -1: no limit */
	int64_t partition; /* -1: all */
	int64_t offset; /* -1: by from_beginning */
};

/* A text, or what a {"base64":...} object holds, as it was. */
static void
print_raw(const struct leat_value *v)
{
	struct leat_str text = { "null", 4 };

	if (v != NULL && v->kind == LEAT_STRING)
		text = (struct leat_str){ v->u.s, v->len };
	else if (v != NULL && v->kind == LEAT_MAP)
		text = json_text_of(v, "base64");
	fwrite(text.ptr, 1, text.len, stdout);
}

/* Text that is JSON goes in as JSON, other text as a JSON string. */
static void
add_json(
    struct leat_buf *to, struct leat_arena *arena, const struct leat_value *v)
{
	struct leat_value parsed;

	if (v != NULL && v->kind == LEAT_STRING &&
	    leat_json_parse(arena, v->u.s, v->len, &parsed, NULL) == 0)
		leat_buf_add(to, v->u.s, v->len);
	else if (v != NULL)
		leat_json_add_value(to, v);
	else
		leat_buf_add_str(to, "null");
}

static void
print_json(const struct options *o, struct answer *a, const char *topic,
    const struct leat_value *rec, struct leat_buf *line)
{
	const struct leat_value *headers = leat_map_value(rec, "headers");

	leat_buf_reset(line);
	leat_buf_add_str(line, "{\"topic\":");
	leat_json_add_string(line, topic, strlen(topic));
	leat_buf_printf(line,
	    ",\"partition\":%lld,\"offset\":%lld,"
	    "\"timestamp\":%lld,\"key\":",
	    (long long)json_int_of(rec, "partition"),
	    (long long)json_int_of(rec, "offset"),
	    (long long)json_int_of(rec, "timestamp"));
	add_json(line, &a->arena, leat_map_value(rec, "key"));
	leat_buf_add_str(line, ",\"value\":");
	add_json(line, &a->arena, leat_map_value(rec, "value"));
	leat_buf_add_str(line, ",\"headers\":");
	add_json(line, &a->arena, headers);
	leat_buf_add_str(line, "}\n");
	fwrite(line->data, 1, line->len, stdout);
}

static void
print_record(const struct options *o, struct answer *a, const char *topic,
    const struct leat_value *rec, struct leat_buf *line)
{
	if (o->json) {
		print_json(o, a, topic, rec, line);
		return;
	}
	if (o->keys) {
		print_raw(leat_map_value(rec, "key"));
		putchar('\t');
	}
	print_raw(leat_map_value(rec, "value"));
	putchar('\n');
}

/* "0:12,1:5" from {"0":12,"1":5}. */
static void
set_offsets(struct leat_buf *to, const struct leat_value *next)
{
	leat_buf_reset(to);
	for (uint32_t i = 0; next != NULL && i < next->len; i++) {
		const struct leat_value *key = &next->u.items[2 * i];

		leat_buf_printf(to, "%s%.*s:%lld", i > 0 ? "," : "",
		    (int)key->len, key->u.s, (long long)key[1].u.i);
	}
}

static void
make_path(struct leat_buf *path, const struct options *o, const char *topic,
    struct leat_buf *offsets, int64_t left)
{
	int64_t most = left < 0 || left > 10000 ? 2000 : left;

	leat_buf_reset(path);
	leat_buf_add_str(path, "/leat/topics/");
	client_add_part(path, topic);
	leat_buf_printf(path, "/records?max_records=%lld&wait_ms=%d",
	    (long long)most, o->follow || left > 0 ? WAIT_MS : 0);
	if (offsets->len > 0)
		leat_buf_printf(path, "&offsets=%s", leat_buf_cstr(offsets));
	else
		leat_buf_printf(
		    path, "&from=%s", o->from_beginning ? "beginning" : "end");
}

/*
 * Until the count is reached, or the end when nobody follows. The first round
 * without --from-beginning finds the end, from where the next ones go on.
 */
static int
consume(const struct options *o, const char *topic)
{
	struct leat_buf path, offsets, line;
	int64_t left = o->count;
	int rc = EXIT_OK;

	leat_buf_init(&path, 64 << 10);
	leat_buf_init(&offsets, 32 << 10);
	leat_buf_init(&line, 256 << 20);
	if (o->partition >= 0)
		leat_buf_printf(&offsets, "%lld:%lld", (long long)o->partition,
		    (long long)(o->offset < 0 ? 0 : o->offset));
	for (bool more = left != 0; more && rc == EXIT_OK;) {
		const struct leat_value *records;
		struct answer a;

		make_path(&path, o, topic, &offsets, left);
		rc = client_call(o->url, "GET", leat_buf_cstr(&path), NULL, &a);
		records = rc == EXIT_OK ? leat_map_value(&a.json, "records")
					: NULL;
		for (uint32_t i = 0; records != NULL && i < records->len; i++)
			print_record(o, &a, topic, &records->u.items[i], &line);
		if (records != NULL) {
			set_offsets(&offsets, leat_map_value(&a.json, "next"));
			if (left > 0)
				left -= records->len;
			more = left != 0 &&
			    (records->len > 0 || o->follow || left > 0);
		}
		answer_release(&a);
		if (fflush(stdout) != 0)
			break;
	}
	leat_buf_fini(&path);
	leat_buf_fini(&offsets);
	leat_buf_fini(&line);
	return rc;
}

int
cmd_consume(int argc, char **argv)
{
	struct options o = { .url = CLIENT_URL_DEFAULT,
		.count = -1,
		.partition = -1,
		.offset = -1 };
	const struct arg table[] = {
		{ "from-beginning", 'b', ARG_FLAG, NULL,
		    "begin with the oldest record", &o.from_beginning },
		{ "follow", 'f', ARG_FLAG, NULL, "wait for more at the end",
		    &o.follow },
		{ "count", 'n', ARG_INT, "N",
		    "end after N records, wait for them", &o.count },
		{ "partition", 'p', ARG_INT, "N", "only this partition",
		    &o.partition },
		{ "offset", 'o', ARG_INT, "N", "begin there (with --partition)",
		    &o.offset },
		{ "keys", 'k', ARG_FLAG, NULL, "print key, tab, value",
		    &o.keys },
		{ "json", 'j', ARG_FLAG, NULL,
		    "print one JSON object per record, with offset and headers",
		    &o.json },
		{ "url", 'u', ARG_TEXT, "URL",
		    "the worker's REST address (" CLIENT_URL_DEFAULT ")",
		    &o.url },
		{ 0 },
	};
	struct args a = {
		.usage = "leat consume TOPIC [options]",
		.about =
		    "Prints the records of a topic, one per line: what there "
		    "is "
		    "with --from-beginning,\nwhat comes with --follow or "
		    "--count.",
		.table = table,
		.examples =
		    "  leat consume shop.public.orders --from-beginning "
		    "--json\n"
		    "  leat consume shop.public.orders --follow\n",
		.min_words = 1,
		.max_words = 1,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (!o.from_beginning && o.offset < 0 && o.count < 0 && o.partition < 0)
		o.follow = true;
	return consume(&o, a.words[0]);
}
