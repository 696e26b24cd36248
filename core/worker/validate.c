/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c: everything that is wrong with a connector's configuration, all at
 * once. The keys of three owners meet in one configuration (the framework's
 * table, the plugin's table, the chain of converters and transforms); a key
 * that none of them knows is a mistake, told with the nearest that one knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/options.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/record/chain.h"
#include "core/worker/settings.h"

enum { VALIDATE_CHUNK = 8192, TOPICS_MAX = 10000, NEAR_EDITS = 3 };

struct check {
	const struct properties *props;
	const struct properties *worker;
	const struct registered *conn;
	const struct leat_option *framework;
	struct problems *out;
	bool unknown;		/* report unknown keys in this pass */
};

static struct place
place_of(const struct properties *props, const char *key)
{
	const struct property *p = properties_find(props, key);

	/* What is missing is missing where the connector begins. */
	return p == NULL ? properties_origin(props) : p->place;
}

/* The nearest key of both tables. */
static struct leat_str
nearest(const struct check *c, const char *key)
{
	struct leat_str wanted = leat_str_c(key), a, b;

	a = leat_options_nearest(c->framework, key);
	b = c->conn->connector.options == NULL ? (struct leat_str){ "", 0 } :
	    leat_options_nearest(c->conn->connector.options, key);
	if (a.len == 0)
		return b;
	if (b.len == 0)
		return a;
	return leat_edit_distance(wanted, b, NEAR_EDITS) <
	    leat_edit_distance(wanted, a, NEAR_EDITS) ? b : a;
}

static void
unknown_key(const struct check *c, const struct leat_issue *issue)
{
	struct leat_str near;
	struct leat_buf hint;

	if (chain_owns_key(c->props, issue->key))
		return;
	near = nearest(c, issue->key);
	leat_buf_init(&hint, 512);
	if (near.len > 0)
		leat_buf_printf(&hint, "did you mean '%.*s'?", (int)near.len,
		    near.ptr);
	problems_add(c->out, place_of(c->props, issue->key), issue->key,
	    near.len > 0 ? leat_buf_cstr(&hint) : NULL,
	    "unknown key for connector '%s'", c->conn->connector.name);
	leat_buf_fini(&hint);
}

static void
on_issue(void *arg, const struct leat_issue *issue)
{
	const struct check *c = arg;

	if (issue->severity != LEAT_ISSUE_ERROR)
		return;
	if (issue->option == NULL) {
		if (c->unknown)
			unknown_key(c, issue);
		return;
	}
	problems_add(c->out, place_of(c->props, issue->key), issue->key,
	    issue->hint, "%s", issue->text);
}

static int
fill_table(struct check *c, const struct leat_option *table,
    const struct leat_option *other, void *config, size_t size,
    struct leat_arena *arena)
{
	const struct leat_option *others[] = { other, NULL };
	size_t i, n = properties_count(c->props);
	struct leat_setting *list;
	struct leat_fill f = { .table = table, .issue = on_issue, .arg = c };

	list = leat_arena_calloc(arena, n + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct property *p = properties_at(c->props, i);

		list[i].key = p->key;
		list[i].value = p->value;
		list[i].secret = p->secret;
	}
	f.settings = list;
	f.nsettings = n;
	f.others = other == NULL ? NULL : others;
	return leat_options_fill(&f, arena, config, size);
}

/* The plugin's own check; its text begins with the option's name. */
static void
plugin_check(struct check *c, const void *config)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_str rest, key;
	char name[256];

	if (c->conn->connector.check == NULL ||
	    c->conn->connector.check(config, &err) >= 0)
		return;
	rest = leat_str_c(err.text);
	key = leat_str_cut(&rest, ':');
	if (rest.len > 0 && key.len < sizeof(name) &&
	    memchr(key.ptr, ' ', key.len) == NULL) {
		memcpy(name, key.ptr, key.len);
		name[key.len] = '\0';
		rest = leat_str_trim(rest);
		problems_add(c->out, place_of(c->props, name), name, NULL,
		    "%.*s", (int)rest.len, rest.ptr);
		return;
	}
	problems_add(c->out, place_of(c->props, "connector.class"), NULL, NULL,
	    "%s", err.text);
}

static void
check_plugin(struct check *c, struct leat_arena *arena)
{
	const struct leat_connector *conn = &c->conn->connector;
	static const struct leat_option none[] = { { .name = NULL } };
	void *config = leat_arena_calloc(arena, 1, conn->config_size + 1);
	size_t before = problems_count(c->out);

	if (config == NULL)
		return;
	c->unknown = true;
	(void)fill_table(c, conn->options == NULL ? none : conn->options,
	    c->framework, config, conn->config_size, arena);
	c->unknown = false;
	if (problems_count(c->out) == before)
		plugin_check(c, config);
}

static void
check_topics(struct check *c, const struct connector_settings *set)
{
	const char *dlq = set->dlq_topic;
	bool regex = set->topics_regex != NULL && set->topics_regex[0] != '\0';
	uint32_t i;

	if (set->topics.len == 0 && !regex)
		problems_add(c->out, place_of(c->props, "topics"), "topics",
		    NULL, "Must configure one of topics or topics.regex");
	if (set->topics.len > 0 && regex)
		problems_add(c->out, place_of(c->props, "topics.regex"),
		    "topics.regex", NULL, "topics and topics.regex are "
		    "mutually exclusive options, but both are set.");
	for (i = 0; dlq != NULL && i < set->topics.len; i++) {
		if (strcmp(set->topics.items[i], dlq) == 0)
			problems_add(c->out, place_of(c->props,
			    "errors.deadletterqueue.topic.name"),
			    "errors.deadletterqueue.topic.name", NULL,
			    "the topic of dead letters is one of the topics "
			    "that are read");
	}
}

static void
check_source(struct check *c, const struct connector_settings *set)
{
	if (set->exactly_once == EOS_REQUIRED &&
	    (c->conn->connector.flags & LEAT_CAN_EXACTLY_ONCE) == 0)
		problems_add(c->out, place_of(c->props,
		    "exactly.once.support"), "exactly.once.support", NULL,
		    "connector '%s' cannot deliver exactly once",
		    c->conn->connector.name);
	if (set->exactly_once == EOS_REQUIRED && c->worker != NULL &&
	    strcmp(properties_get(c->worker, "exactly.once.source.support",
	    "enabled"), "disabled") == 0)
		problems_add(c->out, place_of(c->props,
		    "exactly.once.support"), "exactly.once.support", NULL,
		    "exactly-once delivery is disabled for this worker "
		    "(exactly.once.source.support)");
}

static void
check_framework(struct check *c, struct leat_arena *arena)
{
	size_t before = problems_count(c->out);
	struct connector_settings set;

	/* Its result counts unknown keys too, which are told later. */
	if (fill_table(c, c->framework, c->conn->connector.options, &set,
	    sizeof(set), arena) == -ENOMEM || problems_count(c->out) > before)
		return;
	if (c->conn->connector.kind == LEAT_SINK)
		check_topics(c, &set);
	else
		check_source(c, &set);
}

static void
check_name(const char *name, const struct properties *props,
    struct problems *out)
{
	const char *said = properties_get(props, "name", NULL);
	const unsigned char *p;

	if (said != NULL && name != NULL && strcmp(said, name) != 0)
		problems_add(out, place_of(props, "name"), "name", NULL,
		    "the connector is called '%s'", name);
	if (name == NULL || name[0] == '\0') {
		problems_add(out, place_of(props, "name"), "name", NULL,
		    "a connector must have a name");
		return;
	}
	for (p = (const unsigned char *)name; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f) {
			problems_add(out, place_of(props, "name"), "name",
			    NULL, "the name has control characters");
			return;
		}
	}
}

void
settings_validate(const char *name, const struct registered *conn,
    const struct properties *props, const struct properties *worker,
    struct problems *out)
{
	struct check c = { .props = props, .conn = conn, .out = out };
	struct leat_arena arena;

	c.worker = worker;
	check_name(name, props, out);
	c.framework = settings_rows(conn->connector.kind);
	leat_arena_init(&arena, VALIDATE_CHUNK, 0);
	check_framework(&c, &arena);
	check_plugin(&c, &arena);
	chain_validate(props, out);
	leat_arena_fini(&arena);
}
