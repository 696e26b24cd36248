/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_connectors.c: `leat connectors`. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <leat/json.h>

#include "core/base/obj.h"
#include "core/cli/args.h"
#include "core/cli/cli.h"
#include "core/cli/client.h"

enum { LINE_MAX_BYTES = 64 << 10 };

struct options {
	const char *url;
	bool json;
};

/* A value in one line: texts bare, members of an object side by side. */
static void
add_line(struct leat_buf *b, const struct leat_value *v)
{
	if (v->kind == LEAT_STRING) {
		(void)leat_buf_add(b, v->u.s, v->len);
		return;
	}
	if (v->kind != LEAT_MAP) {
		(void)leat_json_add_value(b, v);
		return;
	}
	for (uint32_t i = 0; i < v->len; i++) {
		const struct leat_value *key = &v->u.items[2 * i];

		(void)leat_buf_printf(b, "%s%.*s ", i == 0 ? "" : ", ",
		    (int)key->len, key->u.s);
		if (key[1].kind == LEAT_STRING)
			add_line(b, &key[1]);
		else
			(void)leat_json_add_value(b, &key[1]);
	}
}

static void
print_member(struct leat_str name, const struct leat_value *v)
{
	struct leat_buf line;

	leat_buf_init(&line, LINE_MAX_BYTES);
	add_line(&line, v);
	if (leat_buf_cstr(&line) != NULL)
		printf("    %-20.*s %s\n", (int)name.len, name.ptr,
		    leat_buf_cstr(&line));
	leat_buf_fini(&line);
}

/* What the connector says of itself, a line for each thing. */
static void
print_progress(const struct leat_value *progress)
{
	for (uint32_t i = 0; i < progress->len; i++) {
		const struct leat_value *key = &progress->u.items[2 * i];
		const struct leat_value *v = &key[1];
		struct leat_str name = { key->u.s, key->len };
		bool is_list = v->kind == LEAT_ARRAY;

		for (uint32_t k = 0; is_list && k < v->len; k++)
			print_member(name, &v->u.items[k]);
		if (!is_list)
			print_member(name, v);
	}
}

/* Our own finer state, where it says more. */
static void
print_detail(const struct leat_value *task)
{
	struct leat_str state = json_text_of(task, "state");
	struct leat_str detail = json_text_of(task, "detail");
	int64_t restarts = json_int_of(task, "restarts");

	if (detail.len > 0 && (detail.len != state.len ||
	    strncasecmp(detail.ptr, state.ptr, state.len) != 0))
		printf(", %.*s", (int)detail.len, detail.ptr);
	if (leat_map_value(task, "retry_in_ms") != NULL)
		printf(", next try in %lld ms",
		    (long long)json_int_of(task, "retry_in_ms"));
	if (restarts > 0)
		printf(", %lld restarts", (long long)restarts);
}

static void
print_task(const struct leat_value *task)
{
	const struct leat_value *progress = leat_map_value(task, "progress");
	struct leat_str state = json_text_of(task, "state");
	struct leat_str trace = json_text_of(task, "trace");

	printf("  task %lld  %.*s", (long long)json_int_of(task, "id"),
	    (int)state.len, state.ptr);
	print_detail(task);
	printf("\n");
	if (trace.len > 0)
		printf("    %.*s\n", (int)trace.len, trace.ptr);
	if (progress != NULL && progress->kind == LEAT_MAP)
		print_progress(progress);
}

static void
print_connector(const struct leat_value *status)
{
	const struct leat_value *conn = leat_map_value(status, "connector");
	const struct leat_value *tasks = leat_map_value(status, "tasks");
	struct leat_str name = json_text_of(status, "name");
	struct leat_str type = json_text_of(status, "type");
	struct leat_str state = json_text_of(conn, "state");
	struct leat_str trace = json_text_of(conn, "trace");

	printf("%-32.*s %-7.*s %.*s\n", (int)name.len, name.ptr, (int)type.len,
	    type.ptr, (int)state.len, state.ptr);
	if (trace.len > 0)
		printf("    %.*s\n", (int)trace.len, trace.ptr);
	for (uint32_t i = 0; tasks != NULL && i < tasks->len; i++)
		print_task(&tasks->u.items[i]);
}

static int
list(const struct options *o)
{
	struct answer a;
	int rc = client_call(
	    o->url, "GET", "/connectors?expand=status", NULL, &a);

	if (rc == EXIT_OK && o->json)
		printf("%.*s\n", (int)a.body.len, (char *)a.body.data);
	for (uint32_t i = 0; rc == EXIT_OK && !o->json && i < a.json.len; i++) {
		const struct leat_value *status = leat_map_value(
		    &a.json.u.items[2 * i + 1], "status");

		if (status != NULL)
			print_connector(status);
	}
	answer_release(&a);
	return rc;
}

static int
show(const struct options *o, const char *name)
{
	struct leat_buf path;
	struct answer a;
	int rc;

	leat_buf_init(&path, 4096);
	leat_buf_add_str(&path, "/leat/connectors/");
	client_add_part(&path, name);
	leat_buf_add_str(&path, "/status");
	rc = client_call(o->url, "GET", leat_buf_cstr(&path), NULL, &a);
	if (rc == EXIT_OK && o->json)
		printf("%.*s\n", (int)a.body.len, (char *)a.body.data);
	else if (rc == EXIT_OK)
		print_connector(&a.json);
	answer_release(&a);
	leat_buf_fini(&path);
	return rc;
}

/* What may be done to a connector, and the request that does it. */
static const struct {
	const char *word, *method, *tail;
} actions[] = {
	{ "pause", "PUT", "/pause" },
	{ "resume", "PUT", "/resume" },
	{ "stop", "PUT", "/stop" },
	{ "restart", "POST", "/restart?includeTasks=true" },
	{ "delete", "DELETE", "" },
};

static int
act(const struct options *o, const char *word, const char *name)
{
	struct leat_buf path;
	struct answer a;
	size_t i = 0;
	int rc;

	while (i < ARRAY_LEN(actions) && strcmp(word, actions[i].word) != 0)
		i++;
	if (i == ARRAY_LEN(actions)) {
		fprintf(stderr,
		    "leat: '%s' is not one of list, status, pause, resume, "
		    "stop, restart, delete\n", word);
		return EXIT_USAGE;
	}
	leat_buf_init(&path, 4096);
	leat_buf_add_str(&path, "/connectors/");
	client_add_part(&path, name);
	leat_buf_add_str(&path, actions[i].tail);
	rc = client_call(
	    o->url, actions[i].method, leat_buf_cstr(&path), NULL, &a);
	answer_release(&a);
	leat_buf_fini(&path);
	return rc;
}

int
cmd_connectors(int argc, char **argv)
{
	struct options o = { .url = CLIENT_URL_DEFAULT };
	const struct arg table[] = {
		{ "url", 'u', ARG_TEXT, "URL",
		    "the worker's REST address (" CLIENT_URL_DEFAULT ")",
		    &o.url },
		{ "json", 'j', ARG_FLAG, NULL, "print JSON", &o.json },
		{ 0 },
	};
	struct args a = {
		.usage = "leat connectors [list | ACTION NAME] [options]",
		.about = "Lists the connectors of a running worker with their "
		    "state, or acts on one:\nstatus (how far its tasks are), "
		    "pause, resume, stop, restart (with its tasks),\ndelete.",
		.table = table,
		.examples = "  leat connectors\n"
		    "  leat connectors status orders\n"
		    "  leat connectors pause orders\n",
		.max_words = 2,
	};
	int rc;

	if (args_parse(&a, argc, argv, &rc) < 0)
		return rc;
	if (a.nwords == 0 || (a.nwords == 1 && strcmp(a.words[0], "list") == 0))
		return list(&o);
	if (a.nwords == 1)
		return show(&o, a.words[0]);
	if (strcmp(a.words[0], "status") == 0)
		return show(&o, a.words[1]);
	return act(&o, a.words[0], a.words[1]);
}
