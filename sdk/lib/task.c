/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.c: what is more than one call of the host's table.
 */
#include <leat/connector.h>

#include <stdarg.h>
#include <stdio.h>

#include <leat/json.h>

enum { FIELDS_BYTES = 2048, FINDING_BYTES = 2048 };

void
leat_log_at(struct leat_task *t, int32_t level, const char *msg,
    const char *fmt, ...)
{
	char fields[FIELDS_BYTES] = "";
	va_list ap;

	if (!leat_log_enabled(t, level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	leat_host_of(t)->log(t, level, msg, fields);
}

void
leat_finding_add(struct leat_task *t, int32_t grade, const char *subject,
    const char *cure, const char *fmt, ...)
{
	const struct leat_host *host = leat_host_of(t);
	struct leat_finding f = { .grade = grade, .subject = subject,
		.cure = cure };
	char text[FINDING_BYTES] = "";
	va_list ap;

	if (host->size < offsetof(struct leat_host, finding) +
	    sizeof(host->finding) || host->finding == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f.text = text;
	(void)host->finding(t, &f);
}

int64_t
leat_offset_i64(struct leat_task *t, const char *partition, const char *member,
    int64_t def)
{
	const char *text = leat_offset_get(t, partition);
	const struct leat_value *found;
	struct leat_arena arena;
	struct leat_value doc;
	int64_t v = def;

	if (text == NULL)
		return def;
	leat_arena_init(&arena, 0, 0);
	if (leat_json_parse(&arena, text, strlen(text), &doc, NULL) == 0) {
		found = leat_map_value(&doc, member);
		if (found != NULL && found->kind == LEAT_INT64)
			v = found->u.i;
	}
	leat_arena_fini(&arena);
	return v;
}
