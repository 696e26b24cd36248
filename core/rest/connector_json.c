/* SPDX-License-Identifier: Apache-2.0 */
/* connector_json.c: see connector_json.h. */
#include "core/rest/connector_json.h"

#include <string.h>

static void
write_trace(struct json_writer *w, const char *trace)
{
	if (trace != NULL && trace[0] != '\0')
		json_member(w, "trace", trace);
}

void
write_task(struct json_writer *w, const struct connector_status *st,
    const struct task_status *task)
{
	json_object(w);
	json_member_int(w, "id", task->id);
	json_member(w, "state", task->state);
	json_member(w, "worker_id", st->worker_id);
	write_trace(w, task->trace);
	json_object_end(w);
}

void
write_status(struct json_writer *w, const struct connector_status *st)
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
		write_task(w, st, &st->tasks[i]);
	json_array_end(w);
	json_member(w, "type", st->type);
	json_object_end(w);
}

void
write_config(
    struct json_writer *w, const struct properties *props, const char *name)
{
	bool named = false;

	json_object(w);
	for (size_t i = 0; i < properties_count(props); i++) {
		const struct property *p = properties_at(props, i);
		bool clear = p->secret && strcmp(p->raw, p->value) == 0;

		named = named || strcmp(p->key, "name") == 0;
		json_member(w, p->key, clear ? "***" : p->raw);
	}
	if (!named)
		json_member(w, "name", name);
	json_object_end(w);
}

void
write_info(struct json_writer *w, const struct connector_status *st)
{
	json_object(w);
	json_member(w, "name", st->name);
	json_key(w, "config");
	write_config(w, st->props, st->name);
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
