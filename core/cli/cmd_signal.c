/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_signal.c: `leat signal`. */
#include <stdio.h>
#include <string.h>

#include <leat/json.h>

#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/client.h"

enum { BODY_MAX = 1 << 20 };

struct options {
	const char *url;
	const char *id;
};

static void
add_member(struct leat_buf *b, const char *name, const char *value)
{
	(void)leat_buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
	(void)leat_json_add_string(b, value, strlen(value));
}

/* The data goes as text: what is wrong with it, the source says. */
static int
send_signal(const struct options *o, const char *name, const char *type,
    const char *data)
{
	struct leat_buf path, body;
	struct answer a;
	int rc;

	leat_buf_init(&path, 4096);
	leat_buf_init(&body, BODY_MAX);
	(void)leat_buf_add_str(&path, "/leat/connectors/");
	client_add_part(&path, name);
	(void)leat_buf_add_str(&path, "/signals");
	(void)leat_buf_add_byte(&body, '{');
	if (o->id != NULL)
		add_member(&body, "id", o->id);
	add_member(&body, "type", type);
	if (data != NULL)
		add_member(&body, "data", data);
	(void)leat_buf_add_byte(&body, '}');
	if (leat_buf_cstr(&body) == NULL || leat_buf_cstr(&path) == NULL) {
		fprintf(stderr, "leat: the signal is too long\n");
		leat_buf_fini(&path);
		leat_buf_fini(&body);
		return EXIT_USAGE;
	}
	rc = client_call(o->url, "POST", leat_buf_cstr(&path),
	    leat_buf_cstr(&body), &a);
	answer_release(&a);
	leat_buf_fini(&path);
	leat_buf_fini(&body);
	return rc;
}

int
cmd_signal(int argc, char **argv)
{
	struct options o = { .url = CLIENT_URL_DEFAULT };
	const struct arg table[] = {
		{ "url", 'u', ARG_TEXT, "URL",
		    "the worker's REST address (" CLIENT_URL_DEFAULT ")",
		    &o.url },
		{ "id", 'i', ARG_TEXT, "ID",
		    "what notifications name the signal by (a new UUID)",
		    &o.id },
		{ 0 },
	};
	struct args a = {
		.usage = "leat signal NAME TYPE [DATA] [options]",
		.about = "Asks the running source NAME for something. Of "
		    "postgres-source TYPE is\nexecute-snapshot, "
		    "stop-snapshot, pause-snapshot, resume-snapshot or log, "
		    "and\nDATA a JSON object.",
		.table = table,
		.examples = "  leat signal shop execute-snapshot "
		    "'{\"data-collections\":[\"public.orders\"]}'\n"
		    "  leat signal shop pause-snapshot\n",
		.max_words = 3,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (a.nwords < 2) {
		fprintf(stderr, "leat: signal needs a connector and a type\n"
		    "Try `leat signal --help`.\n");
		return EXIT_USAGE;
	}
	return send_signal(&o, a.words[0], a.words[1],
	    a.nwords > 2 ? a.words[2] : NULL);
}
