/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder_store.c: target states that outlive the worker, in the compacted topic
 * connect-configs, in Kafka Connect's form:
 *
 *	target-state-<name>	{"state":"PAUSED","state.v2":"STOPPED"}
 *
 * "state" has PAUSED in the place of STOPPED for workers that know only two
 * states. No record means STARTED.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/json.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/worker/herder_impl.h"

#define TARGET_PREFIX "target-state-"

static const char *const target_names[] = { "STARTED", "PAUSED", "STOPPED" };

enum { JSON_CHUNK = 1024, KEY_MAX = 1024 };

static int
target_parse(const struct leat_value *v)
{
	size_t i;

	if (v == NULL || v->kind != LEAT_STRING)
		return -1;
	for (i = 0; i < ARRAY_LEN(target_names); i++) {
		if (leat_str_eq_c((struct leat_str){ v->u.s, v->len },
		    target_names[i]))
			return (int)i;
	}
	return -1;
}

static int
load_one(void *arg, struct leat_str key, struct leat_str value)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct herder *h = arg;
	struct leat_arena arena;
	struct leat_value doc;
	int target = -1;

	if (!leat_str_starts(key, TARGET_PREFIX))
		return 0;
	leat_arena_init(&arena, JSON_CHUNK, 0);
	if (leat_json_parse(&arena, value.ptr, value.len, &doc, &err) == 0 &&
	    doc.kind == LEAT_MAP) {
		target = target_parse(leat_map_value(&doc, "state.v2"));
		if (target < 0)
			target = target_parse(leat_map_value(&doc, "state"));
	}
	leat_arena_fini(&arena);
	if (target < 0)
		return 0;
	key.ptr += strlen(TARGET_PREFIX);
	key.len -= strlen(TARGET_PREFIX);
	return leat_map_set(&h->targets, key, (void *)(intptr_t)(target + 1),
	    NULL);
}

int
herder_store_load(struct herder *h, struct leat_err *err)
{
	return bus_table_each(h->o.bus, BUS_CONFIGS_TOPIC, load_one, h, err);
}

void
herder_store_fini(struct herder *h)
{
	leat_map_fini(&h->targets);
}

int
herder_store_target(const struct herder *h, const char *name)
{
	return (int)(intptr_t)leat_map_get_c(&h->targets, name) - 1;
}

static void
put(struct herder *h, const char *name, const char *value)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf key;

	leat_buf_init(&key, KEY_MAX);
	leat_buf_printf(&key, TARGET_PREFIX "%s", name);
	if (leat_buf_cstr(&key) == NULL)
		leat_err_set(&err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	else
		(void)bus_table_put(h->o.bus, BUS_CONFIGS_TOPIC,
		    (const char *)key.data, value, true, &err);
	if (err.code < 0)
		log_warn_err(&h->log, "target state was not stored", &err);
	leat_buf_fini(&key);
}

void
herder_store_put(struct herder *h, struct conn *c, enum target_state target)
{
	const char *v2 = target_names[target];
	struct leat_buf value;

	if (c->is_stored && c->stored == target)
		return;
	c->is_stored = true;
	c->stored = target;
	lock_acquire(&h->lock);
	(void)leat_map_set(&h->targets, leat_str_c(c->name),
	    (void *)(intptr_t)(target + 1), NULL);
	lock_release(&h->lock);
	leat_buf_init(&value, KEY_MAX);
	leat_buf_printf(&value, "{\"state\":\"%s\",\"state.v2\":\"%s\"}",
	    target == TARGET_STARTED ? "STARTED" : "PAUSED", v2);
	put(h, c->name, leat_buf_cstr(&value));
	leat_buf_fini(&value);
}

void
herder_store_remove(struct herder *h, const char *name)
{
	bool there;

	lock_acquire(&h->lock);
	there = leat_map_remove(&h->targets, leat_str_c(name)) != NULL;
	lock_release(&h->lock);
	if (there)
		put(h, name, NULL);
}
