/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_host.c: the life of the fake's task, and its configuration.
 */
#include <leat/fake_host.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sdk/testkit/fake.h"

enum {
	CHUNK_BYTES = 64 * 1024,
	POOL_BYTES = 64 * 1024 * 1024,
	DEFAULT_RECORDS = 500,
	DEFAULT_BYTES = 1024 * 1024
};

struct leat_fake *
leat_fake_new(const struct leat_connector *connector)
{
	struct leat_fake *f = fake_need(calloc(1, sizeof(*f)));

	f->head.host = &fake_table;
	f->connector = connector;
	f->limit_records = DEFAULT_RECORDS;
	f->limit_bytes = DEFAULT_BYTES;
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->wake < 0)
		fake_need(NULL);
	leat_arena_init(&f->arena, CHUNK_BYTES, 0);
	leat_arena_init(&f->config_arena, CHUNK_BYTES, 0);
	return f;
}

static void
free_pools(struct leat_fake *f)
{
	size_t i;

	leat_schema_pool_free(f->pool);
	for (i = 0; i < f->old_pools.len; i++)
		leat_schema_pool_free(f->old_pools.items[i]);
	free((void *)f->old_pools.items);
}

void
leat_fake_free(struct leat_fake *f)
{
	if (f == NULL)
		return;
	leat_fake_close(f);
	fake_end_loans(&f->batch_loans);
	free_pools(f);
	free((void *)f->plans.items);
	free((void *)f->topic.items);
	free((void *)f->records.items);
	free((void *)f->positions.items);
	free((void *)f->failures.items);
	free((void *)f->logs.items);
	free((void *)f->metrics.items);
	free(f->acked);
	free(f->config);
	leat_map_fini(&f->settings);
	leat_map_fini(&f->offsets);
	leat_arena_fini(&f->config_arena);
	leat_arena_fini(&f->arena);
	(void)close(f->wake);
	free(f);
}

struct leat_task *
leat_fake_task(struct leat_fake *f)
{
	return (struct leat_task *)(void *)f;
}

void *
leat_fake_self(struct leat_fake *f)
{
	return f->self;
}

const struct leat_err *
leat_fake_err(const struct leat_fake *f)
{
	return &f->err;
}

/* ----------------------------------------------------------- configuration */

void
leat_fake_set(struct leat_fake *f, const char *key, const char *value)
{
	char *copy = value != NULL ? fake_strdup(f, value) : NULL;

	if (leat_map_set(&f->settings, leat_str_c(key), copy, NULL) < 0)
		fake_need(NULL);
}

static void
add_issue(void *arg, const struct leat_issue *issue)
{
	struct leat_buf *all = arg;

	if (issue->severity != LEAT_ISSUE_ERROR)
		return;
	(void)leat_buf_printf(all, "%s%s: %s%s%s%s", all->len > 0 ? "; " : "",
	    issue->key, issue->text, issue->hint != NULL ? " (" : "",
	    issue->hint != NULL ? issue->hint : "",
	    issue->hint != NULL ? ")" : "");
}

static size_t
list_settings(struct leat_fake *f, struct leat_setting **ret_settings)
{
	const struct leat_map_entry *e;
	struct leat_setting *s;
	size_t it = 0, n = 0;

	s = fake_need(leat_arena_calloc(&f->config_arena, f->settings.len,
	    sizeof(*s)));
	while ((e = leat_map_next(&f->settings, &it)) != NULL)
		s[n++] = (struct leat_setting){ .key = e->key,
			.value = e->value };
	*ret_settings = s;
	return n;
}

static int
fill_config(struct leat_fake *f)
{
	struct leat_setting *settings = NULL;
	size_t n = list_settings(f, &settings);
	struct leat_buf all;
	struct leat_fill fill = {
		.table = f->connector->options,
		.settings = settings,
		.nsettings = n,
		.issue = add_issue,
		.arg = &all,
	};
	int rc;

	leat_buf_init(&all, sizeof(f->err.text));
	f->config = fake_need(calloc(1, f->connector->config_size + 1));
	rc = leat_options_fill(&fill, &f->config_arena, f->config,
	    f->connector->config_size);
	if (rc > 0)
		rc = leat_err_set(&f->err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s", leat_buf_cstr(&all) != NULL ? leat_buf_cstr(&all) :
		    "several options are wrong");
	leat_buf_fini(&all);
	return rc;
}

/* Ends the configuration: what the connector kept of it is gone now. */
static void
drop_config(struct leat_fake *f)
{
	free(f->config);
	f->config = NULL;
	leat_arena_fini(&f->config_arena);
}

int
fake_returned(struct leat_fake *f, const char *callback, int rc)
{
	fake_end_loans(&f->call_loans);
	if (rc > 0)
		fake_broken(f, "%s() returned %d", callback, rc);
	if (rc < 0 && f->err.text[0] == '\0')
		fake_broken(f, "%s() failed without an error's text", callback);
	if (rc < 0 && (f->err.cls < LEAT_CLS_RETRY ||
	    f->err.cls > LEAT_CLS_FATAL))
		fake_broken(f, "%s() failed without an error's class",
		    callback);
	if (f->broken[0] == '\0')
		return rc;
	rc = leat_err_set(&f->err, LEAT_CLS_FATAL, LEAT_E_STATE,
	    "broken rule: %s", f->broken);
	f->broken[0] = '\0';
	return rc;
}

int
fake_not_open(struct leat_fake *f, const char *callback)
{
	return leat_err_set(&f->err, LEAT_CLS_FATAL, LEAT_E_STATE,
	    "%s(): no %s is open", callback,
	    strcmp(callback, "put") == 0 || strcmp(callback, "flush") == 0 ?
	    "sink" : "source");
}

/* Fills and checks; the config stays on success only. */
static int
prepare(struct leat_fake *f)
{
	int rc;

	leat_err_clear(&f->err);
	rc = fill_config(f);
	if (rc == 0 && f->connector->check != NULL)
		rc = fake_returned(f, "check",
		    f->connector->check(f->config, &f->err));
	if (rc < 0)
		drop_config(f);
	return rc;
}

int
leat_fake_validate(struct leat_fake *f)
{
	int rc = prepare(f);

	if (rc == 0)
		drop_config(f);
	return rc;
}

int
leat_fake_plan(struct leat_fake *f, int32_t max_tasks)
{
	int rc = prepare(f);

	if (rc < 0)
		return rc;
	f->plans.len = 0;
	if (f->connector->plan != NULL)
		rc = fake_returned(f, "plan",
		    f->connector->plan(leat_fake_task(f), f->config,
		    max_tasks, &f->err));
	drop_config(f);
	if (rc < 0)
		return rc;
	if (f->plans.len > (size_t)max_tasks)
		return leat_err_set(&f->err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "broken rule: plan() made %zu tasks of at most %d",
		    f->plans.len, (int)max_tasks);
	return f->connector->plan != NULL ? (int)f->plans.len : 1;
}

const char *
leat_fake_planned(struct leat_fake *f, size_t i, const char *key)
{
	const struct fake_plan *plan;
	uint32_t k;

	if (i >= f->plans.len)
		return NULL;
	plan = f->plans.items[i];
	for (k = 0; k < plan->n; k++)
		if (strcmp(plan->params[k].key, key) == 0)
			return plan->params[k].value;
	return NULL;
}

/* -------------------------------------------------------------- life cycle */

static void
new_pool(struct leat_fake *f)
{
	if (f->pool != NULL)
		fake_add(&f->old_pools, f->pool);
	f->pool = fake_need(leat_schema_pool_new(POOL_BYTES));
}

static void
reset_stop(struct leat_fake *f)
{
	uint64_t n;

	__atomic_store_n(&f->stopping, 0, __ATOMIC_RELEASE);
	while (read(f->wake, &n, sizeof(n)) > 0)
		;
}

static int
call_open(struct leat_fake *f)
{
	const struct leat_connector *c = f->connector;

	f->self = NULL;
	if (c->kind == LEAT_SOURCE)
		return c->source->open(leat_fake_task(f), f->config, &f->self,
		    &f->err);
	return c->sink->open(leat_fake_task(f), f->config, &f->self, &f->err);
}

int
leat_fake_open(struct leat_fake *f)
{
	int rc;

	if (f->open)
		return leat_err_set(&f->err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "the connector is open already");
	if ((rc = prepare(f)) < 0)
		return rc;
	new_pool(f);
	reset_stop(f);
	f->open = true;
	rc = call_open(f);
	if (rc < 0) {
		f->open = false;
		rc = fake_returned(f, "open", rc);
		drop_config(f);
		return rc;
	}
	rc = fake_returned(f, "open", rc);
	if (rc < 0)
		leat_fake_close(f);
	return rc;
}

void
leat_fake_close(struct leat_fake *f)
{
	if (!f->open)
		return;
	if (f->connector->kind == LEAT_SOURCE)
		f->connector->source->close(f->self);
	else
		f->connector->sink->close(f->self);
	f->open = false;
	f->self = NULL;
	fake_end_loans(&f->call_loans);
	fake_end_loans(&f->batch_loans);
	drop_config(f);
}
