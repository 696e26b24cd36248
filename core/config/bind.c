/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.c: the SDK's option parser, with problems for issues.
 */
#include "core/config/bind.h"

#include <errno.h>

#include <leat/options.h>

#include "core/base/obj.h"

struct binding {
	const struct properties *props;
	struct problems *errors;
	struct problems *warnings;
};

static void
on_issue(void *arg, const struct leat_issue *issue)
{
	struct binding *b = arg;
	struct problems *to = issue->severity == LEAT_ISSUE_ERROR ?
	    b->errors : b->warnings;
	const struct property *row = issue->setting != NULL ?
	    issue->setting->place : NULL;

	if (to != NULL)
		problems_add(to, row != NULL ? row->place :
		    properties_origin(b->props), issue->key, issue->hint, "%s",
		    issue->text);
}

size_t
config_table_bytes(const struct leat_option *table)
{
	size_t end = 0;

	for (; table->name != NULL; table++) {
		size_t size = leat_option_size(table->type);

		if (table->offset < SIZE_MAX - size)
			end = MAX(end, table->offset + size);
	}
	return end;
}

static struct leat_setting *
settings_of(const struct properties *props, struct leat_arena *arena)
{
	size_t n = properties_count(props);
	struct leat_setting *s = leat_arena_calloc(arena, n, sizeof(*s));

	for (size_t i = 0; s != NULL && i < n; i++) {
		const struct property *row = properties_at(props, i);

		s[i] = (struct leat_setting){ .key = row->key,
		    .value = row->value, .place = row, .secret = row->secret };
	}
	return s;
}

int
config_bind(const struct properties *props, const struct leat_option *table,
    const struct leat_option *const *others, struct leat_arena *arena,
    void *config, size_t config_size, struct problems *errors,
    struct problems *warnings)
{
	struct binding b = { props, errors, warnings };
	struct leat_fill fill = {
		.table = table,
		.others = others,
		.settings = settings_of(props, arena),
		.nsettings = properties_count(props),
		.issue = on_issue,
		.arg = &b,
	};
	int rc = -ENOMEM;

	if (config == NULL) {
		config_size = config_table_bytes(table);
		config = leat_arena_alloc(arena, config_size);
	}
	if (fill.settings != NULL && config != NULL)
		rc = leat_options_fill(&fill, arena, config, config_size);
	if (rc < 0)
		problems_add(errors, properties_origin(props), NULL, NULL,
		    "out of memory");
	return rc;
}
