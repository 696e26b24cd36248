/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_progress.c: see pg_progress.h.
 */
#include "pg_progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/json.h>

enum {
	PARTITION_MAX = 4096,
	/* Below the host's limit of an offset: some ninety thousand tables. */
	LIST_MAX = 1000 * 1000,
	PARSE_MAX = 64 * 1024 * 1024
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

int
pg_progress_init(struct pg_progress *p, const char *prefix,
    struct leat_err *err)
{
	struct leat_buf b;
	size_t len;

	*p = (struct pg_progress){ 0 };
	leat_map_init(&p->oids);
	leat_buf_init(&p->list, LIST_MAX);
	leat_buf_init(&b, PARTITION_MAX);
	(void)leat_buf_add_str(&b, "{\"server\":");
	(void)leat_json_add_string(&b, prefix, strlen(prefix));
	(void)leat_buf_add_str(&b, ",\"snapshot\":\"tables\"}");
	if (leat_buf_cstr(&b) != NULL)
		p->partition = (char *)leat_buf_detach(&b, &len);
	leat_buf_fini(&b);
	return p->partition == NULL ? no_memory(err) : 0;
}

void
pg_progress_fini(struct pg_progress *p)
{
	leat_map_fini(&p->oids);
	leat_buf_fini(&p->list);
	free(p->partition);
	p->partition = NULL;
}

void
pg_progress_reset(struct pg_progress *p, int64_t id)
{
	leat_map_fini(&p->oids);
	leat_map_init(&p->oids);
	leat_buf_reset(&p->list);
	(void)leat_buf_add_str(&p->list, "{\"snapshot_id\":");
	(void)leat_buf_add_i64(&p->list, id);
	(void)leat_buf_add_str(&p->list, ",\"finished\":[");
	p->id = id;
	p->dirty = p->stored;
	p->full = 0;
}

int
pg_progress_add(struct pg_progress *p, uint32_t oid, struct leat_err *err)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	if (pg_progress_has(p, oid))
		return 0;
	p->dirty = 1;
	if (p->oids.len > 0)
		(void)leat_buf_add_byte(&p->list, ',');
	(void)leat_buf_add_u64(&p->list, oid);
	return leat_map_set(&p->oids, key, p, NULL) < 0 ? no_memory(err) : 0;
}

int
pg_progress_has(const struct pg_progress *p, uint32_t oid)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	return p != NULL && leat_map_get(&p->oids, key) != NULL;
}

/* -------------------------------------------------------------------- load */

static int
take_list(struct pg_progress *p, const struct leat_value *v, int64_t id,
    struct leat_err *err)
{
	const struct leat_value *of = leat_map_value(v, "snapshot_id");
	const struct leat_value *list = leat_map_value(v, "finished");
	int rc = 0;

	if (of == NULL || of->kind != LEAT_INT64 || of->u.i != id ||
	    list == NULL || list->kind != LEAT_ARRAY)
		return 0;
	for (uint32_t i = 0; i < list->len && rc == 0; i++) {
		const struct leat_value *oid = &list->u.items[i];

		if (oid->kind == LEAT_INT64 && oid->u.i > 0 &&
		    oid->u.i <= UINT32_MAX)
			rc = pg_progress_add(p, (uint32_t)oid->u.i, err);
	}
	return rc;
}

int
pg_progress_load(struct pg_progress *p, struct leat_task *t, int64_t id,
    struct leat_err *err)
{
	const char *text = leat_offset_get(t, p->partition);
	struct leat_arena a;
	struct leat_value v;
	int rc;

	p->stored = text != NULL;
	pg_progress_reset(p, id);
	if (text == NULL)
		return 0;
	leat_arena_init(&a, PARTITION_MAX, PARSE_MAX);
	rc = leat_json_parse(&a, text, strlen(text), &v, err);
	if (rc == 0 && v.kind == LEAT_MAP)
		rc = take_list(p, &v, id, err);
	leat_arena_fini(&a);
	p->dirty = 0;
	return rc < 0 ? leat_err_wrap(err, "stored list of tables") : 0;
}

/* -------------------------------------------------------------------- give */

/* Valid once the list is ended: the text up to here, and its end. */
static const char *
list_text(struct pg_progress *p)
{
	const char *text;

	if (leat_buf_add_str(&p->list, "]}") < 0)
		return NULL;
	text = leat_buf_cstr(&p->list);
	p->list.len -= 2;
	return text;
}

int
pg_progress_give(struct pg_progress *p, struct leat_batch *b,
    struct leat_err *err)
{
	const char *text;

	if (!p->dirty || p->full)
		return 0;
	text = list_text(p);
	p->dirty = 0;
	if (text == NULL) {
		p->full = 1;	/* what is stored stays true */
		return 0;
	}
	if (leat_batch_position(b, p->partition, text) < 0)
		return no_memory(err);
	p->stored = 1;
	return 0;
}
