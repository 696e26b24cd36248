/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance.c: the tables of a plugin against the rules.
 */
#include <leat/conformance.h>

#include <stdarg.h>
#include <stdio.h>

#include "sdk/testkit/conformance_run.h"

/* ---------------------------------------------------------------- reporting */

void
conformance_check(struct conformance *c, const char *check, int ok,
    const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->failures += !ok;
	if (c->report != NULL)
		c->report(c->arg, c->where, check, ok ? NULL : text);
}

static void
enter(struct conformance *c, const char *outer, const char *inner)
{
	(void)snprintf(c->where, sizeof(c->where), "%s%s%s",
	    outer != NULL ? outer : "(no name)", inner != NULL ? ": " : "",
	    inner != NULL ? inner : "");
}

static int
is_name(const char *s, const char *more)
{
	size_t n;

	if (s == NULL)
		return 0;
	n = strlen(s);
	return n > 0 && n < 128 && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "0123456789") > 0 && n == strspn(s, more);
}

static int
is_text(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* ------------------------------------------------------------------ options */

static int
overlap(const struct leat_option *a, const struct leat_option *b)
{
	return a->offset < b->offset + leat_option_size(b->type) &&
	    b->offset < a->offset + leat_option_size(a->type);
}

static void
check_place(struct conformance *c, const struct leat_connector *connector,
    const struct leat_option *opt)
{
	size_t size = leat_option_size(opt->type);
	const struct leat_option *other;

	conformance_check(c, "type", size > 0, "type %d is unknown",
	    (int)opt->type);
	if (size == 0)
		return;
	conformance_check(c, "offset", size <= connector->config_size &&
	    opt->offset <= connector->config_size - size,
	    "the field at %llu lies outside of a struct of %llu bytes",
	    (unsigned long long)opt->offset,
	    (unsigned long long)connector->config_size);
	conformance_check(c, "alignment",
	    opt->offset % (size < 8 ? size : 8) == 0,
	    "the field at %llu is not aligned",
	    (unsigned long long)opt->offset);
	for (other = connector->options; other != opt; other++)
		if (overlap(opt, other))
			break;
	conformance_check(c, "overlap", other == opt,
	    "the field overlaps that of '%s'", other->name);
}

static void
check_names(struct conformance *c, const struct leat_option *table,
    const struct leat_option *opt)
{
	const struct leat_option *other;

	conformance_check(c, "name", is_name(opt->name,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-"), "'%s' is not a name of letters, digits, dots, "
	    "dashes and underscores", opt->name);
	/* A map may have the name of a plain option: it takes "name.<k>". */
	for (other = table; other != opt; other++)
		if (strcmp(other->name, opt->name) == 0 &&
		    (other->type == LEAT_OPT_MAP) ==
		    (opt->type == LEAT_OPT_MAP))
			break;
	conformance_check(c, "unique", other == opt,
	    "there are two options of this name");
	conformance_check(c, "help", is_text(opt->help),
	    "there is no help text");
}

static void
check_rules(struct conformance *c, const struct leat_option *opt)
{
	conformance_check(c, "choices", opt->type != LEAT_OPT_CHOICE ||
	    is_text(opt->choices), "a choice without choices");
	conformance_check(c, "range", opt->min <= opt->max,
	    "min %lld is above max %lld", (long long)opt->min,
	    (long long)opt->max);
	conformance_check(c, "required", opt->def == NULL ||
	    (opt->flags & LEAT_OPT_REQUIRED) == 0,
	    "required, but with a default");
	conformance_check(c, "secret", opt->def == NULL ||
	    opt->def[0] == '\0' || (opt->flags & LEAT_OPT_SECRET) == 0,
	    "a secret with a default");
}

/* Aliases must lead to their own option. */
static void
check_aliases(struct conformance *c, const struct leat_option *table,
    const struct leat_option *opt)
{
	struct leat_str rest = leat_str_c(opt->aliases != NULL ?
	    opt->aliases : "");
	char key[160];

	while (rest.len > 0) {
		struct leat_str word = leat_str_trim(leat_str_cut(&rest, ','));

		(void)snprintf(key, sizeof(key), "%.*s%s", (int)word.len,
		    word.ptr, opt->type == LEAT_OPT_MAP ? ".k" : "");
		conformance_check(c, "alias",
		    leat_options_find(table, key, NULL) == opt,
		    "the alias '%s' leads to another option", key);
	}
}

static void
note_default(void *arg, const struct leat_issue *issue)
{
	struct conformance *c = arg;

	/* Others than defaults: places, checked elsewhere, and required. */
	if (issue->option == NULL || issue->option->def == NULL ||
	    issue->setting != NULL ||
	    strncmp(issue->text, "default", 7) != 0)
		return;
	enter(c, c->connector, issue->option->name);
	conformance_check(c, "default", 0, "%s", issue->text);
}

/* A config of just defaults; too large ones would only be a waste. */
static void
check_defaults(struct conformance *c, const struct leat_connector *connector)
{
	struct leat_fill fill = {
		.table = connector->options, .issue = note_default, .arg = c
	};
	struct leat_arena arena;
	void *config;

	leat_arena_init(&arena, 0, 0);
	config = leat_arena_calloc(&arena, 1, connector->config_size);
	if (config != NULL)
		(void)leat_options_fill(&fill, &arena, config,
		    connector->config_size);
	leat_arena_fini(&arena);
}

static void
check_options(struct conformance *c, const struct leat_connector *connector)
{
	const struct leat_option *opt = connector->options;

	for (; opt != NULL && opt->name != NULL; opt++) {
		enter(c, c->connector, opt->name);
		check_names(c, connector->options, opt);
		check_place(c, connector, opt);
		check_rules(c, opt);
		check_aliases(c, connector->options, opt);
	}
	check_defaults(c, connector);
}

/* --------------------------------------------------------------- connectors */

static void
check_callbacks(struct conformance *c, const struct leat_connector *connector)
{
	const struct leat_source_ops *source = connector->source;
	const struct leat_sink_ops *sink = connector->sink;

	if (connector->kind == LEAT_SOURCE)
		conformance_check(c, "callbacks", source != NULL &&
		    source->size >= sizeof(*source) && source->open != NULL &&
		    source->poll != NULL && source->close != NULL,
		    "a source needs open(), poll(), close() and its size");
	else if (connector->kind == LEAT_SINK)
		conformance_check(c, "callbacks", sink != NULL &&
		    sink->size >= sizeof(*sink) && sink->open != NULL &&
		    sink->put != NULL && sink->close != NULL,
		    "a sink needs open(), put(), close() and its size");
	else
		conformance_check(c, "kind", 0, "kind %d is unknown",
		    (int)connector->kind);
}

static void
check_connector(struct conformance *c, const struct leat_plugin *plugin,
    uint32_t i)
{
	const struct leat_connector *connector = plugin->connectors[i];
	uint32_t k;

	c->connector = connector->name;
	enter(c, connector->name, NULL);
	conformance_check(c, "size", connector->size >= sizeof(*connector),
	    "states %u bytes", (unsigned)connector->size);
	conformance_check(c, "name", is_name(connector->name,
	    "abcdefghijklmnopqrstuvwxyz0123456789-"),
	    "the name is not of lower-case letters, digits and dashes");
	conformance_check(c, "version", is_text(connector->version),
	    "there is no version");
	conformance_check(c, "help", is_text(connector->help),
	    "there is no help text");
	for (k = 0; k < i; k++)
		if (is_text(connector->name) &&
		    is_text(plugin->connectors[k]->name) &&
		    strcmp(connector->name, plugin->connectors[k]->name) == 0)
			break;
	conformance_check(c, "unique", k == i,
	    "there are two connectors of this name");
	check_callbacks(c, connector);
	check_options(c, connector);
}

int
leat_conformance_tables(const struct leat_plugin *plugin,
    leat_conformance_fn *report, void *arg)
{
	struct conformance c = { .report = report, .arg = arg };
	uint32_t i;

	enter(&c, "plugin", NULL);
	conformance_check(&c, "abi", plugin->magic == LEAT_PLUGIN_MAGIC &&
	    plugin->abi_major == LEAT_ABI_MAJOR &&
	    plugin->abi_minor <= LEAT_ABI_MINOR, "magic %08x, ABI %u.%u",
	    (unsigned)plugin->magic, (unsigned)plugin->abi_major,
	    (unsigned)plugin->abi_minor);
	conformance_check(&c, "size", plugin->size >= sizeof(*plugin),
	    "states %u bytes", (unsigned)plugin->size);
	if (c.failures > 0)
		return c.failures;
	enter(&c, plugin->name, NULL);
	conformance_check(&c, "name", is_text(plugin->name),
	    "the plugin has no name");
	conformance_check(&c, "version", is_text(plugin->version),
	    "the plugin has no version");
	conformance_check(&c, "connectors", plugin->nconnectors > 0 &&
	    plugin->connectors != NULL, "the plugin has no connectors");
	for (i = 0; plugin->connectors != NULL && i < plugin->nconnectors; i++)
		check_connector(&c, plugin, i);
	return c.failures;
}
