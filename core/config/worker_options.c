/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_options.c: reading the worker's file.
 */
#include "core/config/worker_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/options.h>
#include <leat/str.h>

#include "core/base/fsio.h"
#include "core/base/log.h"
#include "core/base/net_address.h"
#include "core/base/obj.h"
#include "core/config/bind.h"
#include "core/config/flatten.h"
#include "core/config/listen.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

static const char set_place[] = "command line";

/* ------------------------------------------------------------------ reading */

static void
read_tree(const struct flatten *f, const char *text, size_t len,
    struct properties_builder *b)
{
	const struct tree_node *root;
	struct leat_arena arena;

	leat_arena_init(&arena, 0, ARENA_MAX);
	root = tree_parse(text, len, f->file, &arena, f->problems);
	if (root != NULL && root->kind == TREE_MAP)
		(void)flatten_map(f, root, b);
	else if (root != NULL && root->kind != TREE_NULL)
		problems_add(f->problems, (struct place){ f->file, root->line,
		    root->column }, NULL, NULL,
		    "expected settings, as 'key: value'");
	leat_arena_fini(&arena);
}

static void
read_file(const struct flatten *f, struct properties_builder *b)
{
	struct leat_err err = LEAT_ERR_INIT;
	char *text = NULL;
	size_t len;

	properties_builder_origin(b, (struct place){ .file = f->file });
	if (fsio_slurp(&fsio_system, f->file, TREE_BYTES_MAX, &text, &len,
	    &err) < 0)
		problems_add(f->problems, (struct place){ .file = f->file },
		    NULL, NULL, "%s", err.text);
	else
		read_tree(f, text, len, b);
	free(text);
}

/* "key=value" of the command line; replaces what a file says. */
static void
read_set(const char *set, struct properties_builder *b,
    struct problems *problems)
{
	struct place place = { .file = set_place };
	const char *eq = strchr(set, '=');
	char *key;

	if (eq == NULL || eq == set) {
		problems_add(problems, place, NULL, NULL,
		    "expected key=value, got '%.100s'", set);
		return;
	}
	key = strndup(set, (size_t)(eq - set));
	if (key == NULL || properties_builder_set(b, key, eq + 1, eq + 1,
	    place, false) < 0)
		problems_add(problems, place, NULL, NULL, "out of memory");
	free(key);
}

static struct properties *
read_all(const char *path, const char *const *sets, size_t nsets,
    const struct references *refs, struct problems *problems)
{
	struct properties_builder *b = properties_builder_new();
	struct flatten f = { path, refs, false, problems };
	struct properties *props = NULL;

	if (b != NULL) {
		if (path != NULL)
			read_file(&f, b);
		else
			properties_builder_origin(b,
			    (struct place){ .file = set_place });
		for (size_t i = 0; i < nsets; i++)
			read_set(sets[i], b, problems);
		props = properties_builder_finish(b);
	}
	if (props == NULL)
		problems_add(problems, (struct place){ .file = path }, NULL,
		    NULL, "out of memory");
	properties_builder_free(b);
	return props;
}

/* --------------------------------------------------- across the options */

static struct place
place_of(const struct properties *props, const char *key)
{
	const struct property *row = properties_find(props, key);

	return row != NULL ? row->place : properties_origin(props);
}

/* The name by which an option was set, of those it has. */
static const char *
used_name(const struct properties *props, const char *key)
{
	const struct leat_option *row = leat_options_find(worker_option_table,
	    key, NULL);
	const char *used = key;

	for (size_t i = 0; i < properties_count(props); i++)
		if (leat_options_find(worker_option_table,
		    properties_at(props, i)->key, NULL) == row)
			used = properties_at(props, i)->key;
	return used;
}

static void
none_is_null(const char **value)
{
	if (*value != NULL && (**value == '\0' ||
	    strcmp(*value, "none") == 0))
		*value = NULL;
}

/* "none" and "" become NULL. */
static void
check_listen(const struct properties *props, const char *key,
    const char **value, struct problems *problems)
{
	struct listen_address a;
	const char *used;

	none_is_null(value);
	if (*value == NULL || listen_parse(*value, &a) == 0)
		return;
	used = used_name(props, key);
	problems_add(problems, place_of(props, used), used, NULL,
	    "expected an address as host:port or none, got '%.100s'", *value);
}

static void
check_broker_listen(const struct properties *props, const char **value,
    struct problems *problems)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *used;

	none_is_null(value);
	if (*value == NULL || net_address_check_list(*value, &err) == 0)
		return;
	used = used_name(props, "broker.listeners");
	problems_add(problems, place_of(props, used), used, NULL,
	    "expected a list of host:port or none, but %.200s", err.text);
}

/* What says nothing without a certificate, or without those who sign. */
static void
check_tls(const struct properties *props, const struct worker_options *o,
    struct problems *problems)
{
	const char *missing = NULL, *used = NULL;

	if (o->broker_tls_certificate == NULL) {
		missing = "broker.ssl.keystore.location";
		if (o->broker_tls_key != NULL)
			used = "broker.ssl.key.location";
		else if (o->broker_tls_client_auth != CLIENT_AUTH_NONE)
			used = "broker.ssl.client.auth";
	} else if (o->broker_tls_client_auth != CLIENT_AUTH_NONE &&
	    o->broker_tls_client_ca == NULL) {
		missing = "broker.ssl.truststore.location";
		used = "broker.ssl.client.auth";
	}
	if (used == NULL)
		return;
	used = used_name(props, used);
	problems_add(problems, place_of(props, used), used, NULL,
	    "needs %s too", missing);
}

static void
check_level(const struct properties *props, const struct leat_param *p,
    struct problems *problems)
{
	static const char *const names[] = { "log.level.", "log." };
	struct leat_buf key;

	if (log_level_parse(p->value) >= 0)
		return;
	leat_buf_init(&key, PROPERTIES_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		leat_buf_reset(&key);
		(void)leat_buf_printf(&key, "%s%s", names[i], p->key);
		if (leat_buf_cstr(&key) == NULL || properties_find(props,
		    (const char *)key.data) != NULL)
			break;
	}
	problems_add(problems, key.failed ? properties_origin(props) :
	    place_of(props, (const char *)key.data),
	    key.failed ? "log" : (const char *)key.data, NULL,
	    strchr(p->key, '.') != NULL ? "unknown option" :
	    "unknown level (allowed: error, warn, notice, info, debug)");
	leat_buf_fini(&key);
}

static void
check(const struct properties *props, struct worker_options *o,
    struct problems *problems)
{
	check_listen(props, "rest.listen", &o->rest_listen, problems);
	check_broker_listen(props, &o->broker_listeners, problems);
	check_tls(props, o, problems);
	for (uint32_t i = 0; i < o->log_components.len; i++)
		check_level(props, &o->log_components.items[i], problems);
}

/* A list is written with commas, a search path with colons. */
static int
make_search_path(struct worker_config *c)
{
	char *path;

	if (c->options.plugin_path == NULL)
		return 0;
	path = leat_arena_strdup(&c->arena, c->options.plugin_path);
	if (path == NULL)
		return -1;
	c->options.plugin_path = path;
	while ((path = strchr(path, ',')) != NULL)
		*path = ':';
	return 0;
}

int
worker_config_read(const char *path, const char *const *sets, size_t nsets,
    const struct references *refs, struct worker_config *ret_config,
    struct problems *problems, struct problems *warnings)
{
	size_t before = problems_count(problems);
	struct worker_config c = { .props = NULL };

	leat_arena_init(&c.arena, 0, ARENA_MAX);
	c.props = read_all(path, sets, nsets, refs != NULL ? refs :
	    &references_system, problems);
	if (c.props != NULL && config_bind(c.props, worker_option_table, NULL,
	    &c.arena, &c.options, sizeof(c.options), problems, warnings) == 0)
		check(c.props, &c.options, problems);
	if (make_search_path(&c) < 0)
		problems_add(problems, (struct place){ .file = path }, NULL,
		    NULL, "out of memory");
	if (problems_count(problems) == before) {
		*ret_config = c;
		return 0;
	}
	worker_config_fini(&c);
	return LEAT_E_CONFIG;
}

void
worker_config_fini(struct worker_config *c)
{
	properties_unref(TAKE(c->props));
	leat_arena_fini(&c->arena);
	c->options = (struct worker_options){ 0 };
}
