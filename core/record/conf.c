/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.c: properties to configs, see conf.h.
 */
#include "core/record/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct leat_option no_options[] = { { .name = NULL } };

void
conf_problem(struct conf *c, const struct property *at, const char *key,
    const char *hint, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->nproblems++;
	if (c->out != NULL)
		problems_add(c->out, at != NULL ? at->place :
		    properties_origin(c->props), key, hint, "%s", text);
	if (c->nproblems == 1)
		leat_err_set(c->err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: %s%s%s%s", key, text, hint != NULL ? " (" : "",
		    hint != NULL ? hint : "", hint != NULL ? ")" : "");
}

int
conf_no_memory(struct conf *c)
{
	return leat_err_set(c->err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* --------------------------------------------------------------- settings */

static struct leat_setting *
find_setting(const struct conf_settings *s, const char *key)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->v[i].key, key) == 0)
			return &s->v[i];
	return NULL;
}

static int
push(struct conf *c, struct conf_settings *to, struct leat_setting add)
{
	struct leat_setting *more;
	size_t cap;

	if (find_setting(to, add.key) != NULL)
		return 0;
	if (to->n == to->cap) {
		cap = to->cap == 0 ? 8 : to->cap * 2;
		more = leat_arena_calloc(c->arena, cap, sizeof(*more));
		if (more == NULL)
			return conf_no_memory(c);
		if (to->n > 0)
			memcpy(more, to->v, to->n * sizeof(*more));
		to->v = more;
		to->cap = cap;
	}
	to->v[to->n++] = add;
	return 0;
}

static int
is_in(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return 1;
	return 0;
}

int
conf_collect(struct conf *c, const struct properties *props,
    const char *prefix, const char *const *skip, struct conf_settings *to)
{
	const size_t len = strlen(prefix), n = properties_count(props);
	size_t i;

	for (i = 0; i < n; i++) {
		const struct property *p = properties_at(props, i);
		struct leat_setting add = { .value = p->value, .place = p,
			.secret = p->secret };

		if (strncmp(p->key, prefix, len) != 0 ||
		    is_in(skip, p->key + len))
			continue;
		add.key = p->key + len;
		if (push(c, to, add) < 0)
			return -ENOMEM;
	}
	return 0;
}

int
conf_add(struct conf *c, struct conf_settings *to, const char *key,
    const char *value)
{
	return push(c, to,
	    (struct leat_setting){ .key = key, .value = value });
}

/* ---------------------------------------------------------------- filling */

struct filling {
	struct conf *conf;
	const char *prefix;
};

static void
on_issue(void *arg, const struct leat_issue *issue)
{
	const struct filling *f = arg;
	const struct property *at = issue->setting == NULL ? NULL
	    : issue->setting->place;
	char key[300];

	if (issue->severity != LEAT_ISSUE_ERROR)
		return;
	snprintf(key, sizeof(key), "%s%s", f->prefix, issue->key);
	conf_problem(f->conf, at, key, issue->hint, "%s", issue->text);
}

int
conf_fill(struct conf *c, const char *prefix,
    const struct leat_option *table, const struct conf_settings *settings,
    struct leat_arena *arena, void *config, size_t config_size)
{
	struct filling filling = { c, prefix };
	const struct leat_fill fill = {
		.table = table != NULL ? table : no_options,
		.settings = settings->v,
		.nsettings = settings->n,
		.issue = on_issue,
		.arg = &filling,
	};
	int rc = leat_options_fill(&fill, arena, config, config_size);

	return rc < 0 ? conf_no_memory(c) : -(rc > 0);
}

/* ---------------------------------------------------------------- aliases */

static int
add_alias(struct conf *c, const struct property *p, const char **list,
    size_t *n, struct leat_str alias)
{
	char *copy = leat_arena_strndup(c->arena, alias.ptr, alias.len);

	if (copy == NULL)
		return conf_no_memory(c);
	list[*n] = NULL;
	if (is_in(list, copy))
		conf_problem(c, p, p->key, NULL, "'%s' is listed twice",
		    copy);
	else
		list[(*n)++] = copy;
	list[*n] = NULL;
	return 0;
}

const char *const *
conf_aliases(struct conf *c, const char *key)
{
	const struct property *p = properties_find(c->props, key);
	struct leat_str rest, alias;
	const char **list;
	size_t n = 0, max = 2;
	const char *s;

	for (s = p != NULL && p->value != NULL ? p->value : ""; *s != '\0'; s++)
		max += *s == ',';
	list = leat_arena_calloc(c->arena, max, sizeof(*list));
	if (list == NULL) {
		conf_no_memory(c);
		return NULL;
	}
	if (p == NULL || p->value == NULL)
		return list;
	rest = leat_str_c(p->value);
	while (rest.len > 0) {
		alias = leat_str_trim(leat_str_cut(&rest, ','));
		if (alias.len > 0 && add_alias(c, p, list, &n, alias) < 0)
			return NULL;
	}
	return list;
}

const char *
conf_nearest(struct conf *c, const char *word, const char *const *names)
{
	const struct leat_str w = leat_str_c(word);
	unsigned best = (unsigned)(w.len / 3 + 1), d;
	const char *nearest = NULL;

	for (; *names != NULL; names++) {
		d = leat_edit_distance(w, leat_str_c(*names), best);
		if (d <= best && (nearest == NULL || d < best)) {
			nearest = *names;
			best = d;
		}
	}
	if (nearest == NULL)
		return NULL;
	return leat_arena_printf(c->arena, "did you mean '%s'?", nearest);
}
