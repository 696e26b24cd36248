/* SPDX-License-Identifier: Apache-2.0 */
/* connector_json.c: see connector_json.h. */
#include "core/rest/connector_json.h"

#include <string.h>

#include <leat/connector.h>
#include <leat/json.h>
#include <leat/options.h>
#include <leat/str.h>

#include "core/plugin/registry.h"

enum { SHOWN_MAX = 4 << 20 };

static void
write_trace(struct json_writer *w, const char *trace)
{
	if (trace != NULL && trace[0] != '\0')
		json_member(w, "trace", trace);
}

/* What the connector says of itself, if it is an object: a plugin wrote it. */
static void
write_progress(struct json_writer *w, const char *text,
    struct leat_arena *arena)
{
	struct leat_value v;

	json_key(w, "progress");
	if (text != NULL && leat_json_parse(arena, text, strlen(text), &v,
	    NULL) == 0 && v.kind == LEAT_MAP)
		json_raw(w, text);
	else
		json_null(w);
}

void
write_task(struct json_writer *w, const struct connector_status *st,
    const struct task_status *task, struct leat_arena *arena)
{
	json_object(w);
	json_member_int(w, "id", task->id);
	json_member(w, "state", task->state);
	json_member(w, "worker_id", st->worker_id);
	write_trace(w, task->trace);
	if (arena != NULL) {
		json_member(w, "detail", task->detail);
		json_member_int(w, "restarts", (int64_t)task->restarts);
		if (task->retry_in_ms >= 0)
			json_member_int(w, "retry_in_ms", task->retry_in_ms);
		write_progress(w, task->json, arena);
	}
	json_object_end(w);
}

void
write_status(struct json_writer *w, const struct connector_status *st,
    struct leat_arena *arena)
{
	json_object(w);
	json_member(w, "name", st->name);
	json_key(w, "connector");
	json_object(w);
	json_member(w, "state", st->state);
	json_member(w, "worker_id", st->worker_id);
	write_trace(w, st->trace);
	json_object_end(w);
	json_key(w, "tasks");
	json_array(w);
	for (size_t i = 0; i < st->ntasks; i++)
		write_task(w, st, &st->tasks[i], arena);
	json_array_end(w);
	json_member(w, "type", st->type);
	json_object_end(w);
}

/* Is it a secret, by its option, or by its name where there is none? */
static bool
is_secret(const struct registered *r, const struct property *p)
{
	const struct leat_option *o = r == NULL || r->connector.options == NULL
	    ? NULL
	    : leat_options_find(r->connector.options, p->key, NULL);
	struct leat_str key = leat_str_c(p->key);

	return p->secret || (o != NULL && (o->flags & LEAT_OPT_SECRET) != 0) ||
	    leat_str_ends(key, "password") || leat_str_ends(key, "secret");
}

int
config_shown(const struct registered *r, const struct property *p,
    struct leat_buf *to)
{
	const struct leat_option row = {
		.name = p->key,
		.type = LEAT_OPT_STRING,
		.flags = is_secret(r, p) ? LEAT_OPT_SECRET : 0,
	};

	/* References are no secrets, what they lead to may be. */
	if (strcmp(p->raw, p->value) != 0)
		return leat_buf_add_str(to, p->raw);
	return leat_option_print(&row, &p->raw, to);
}

void
write_config(struct json_writer *w, const struct registry *reg,
    const struct properties *props, const char *name)
{
	const struct registered *r = registry_find(
	    reg, properties_get(props, "connector.class", ""));
	struct leat_buf text;
	bool named = false;

	leat_buf_init(&text, SHOWN_MAX);
	json_object(w);
	for (size_t i = 0; i < properties_count(props); i++) {
		const struct property *p = properties_at(props, i);

		named = named || strcmp(p->key, "name") == 0;
		leat_buf_reset(&text);
		json_key(w, p->key);
		if (config_shown(r, p, &text) < 0)
			json_text(w, "***");
		else
			json_text_n(w, (const char *)text.data, text.len);
	}
	if (!named)
		json_member(w, "name", name);
	json_object_end(w);
	leat_buf_fini(&text);
}

void
write_info(struct json_writer *w, const struct registry *reg,
    const struct connector_status *st)
{
	json_object(w);
	json_member(w, "name", st->name);
	json_key(w, "config");
	write_config(w, reg, st->props, st->name);
	json_key(w, "tasks");
	json_array(w);
	for (size_t i = 0; i < st->ntasks; i++) {
		json_object(w);
		json_member(w, "connector", st->name);
		json_member_int(w, "task", st->tasks[i].id);
		json_object_end(w);
	}
	json_array_end(w);
	json_member(w, "type", st->type);
	json_object_end(w);
}
