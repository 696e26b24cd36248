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
	/* Below the host's limit of an offset: some fifty thousand tables. */
	LIST_MAX = 1000 * 1000,
	FINISHED_MAX = 550 * 1000,	/* leaves room for all parts */
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

static void
drop_parts(struct pg_progress *p)
{
	while (p->nparts > 0)
		pg_ranges_fini(&p->parts[--p->nparts].read);
}

void
pg_progress_fini(struct pg_progress *p)
{
	drop_parts(p);
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
	drop_parts(p);
	leat_buf_reset(&p->list);
	(void)leat_buf_add_str(&p->list, "{\"snapshot_id\":");
	(void)leat_buf_add_i64(&p->list, id);
	(void)leat_buf_add_str(&p->list, ",\"finished\":[");
	p->id = id;
	p->dirty = p->stored;
	p->full = p->cut = 0;
}

int
pg_progress_add(struct pg_progress *p, uint32_t oid, struct leat_err *err)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	if (pg_progress_has(p, oid))
		return 0;
	p->dirty = 1;
	pg_progress_drop_part(p, oid);
	if (p->list.len > FINISHED_MAX) {
		p->cut = 1;
	} else {
		if (p->oids.len > 0)
			(void)leat_buf_add_byte(&p->list, ',');
		(void)leat_buf_add_u64(&p->list, oid);
	}
	return leat_map_set(&p->oids, key, p, NULL) < 0 ? no_memory(err) : 0;
}

int
pg_progress_has(const struct pg_progress *p, uint32_t oid)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	return p != NULL && leat_map_get(&p->oids, key) != NULL;
}

/* ------------------------------------------------------------------- parts */

static struct pg_part *
find_part(struct pg_progress *p, uint32_t oid)
{
	for (uint32_t i = 0; i < p->nparts; i++)
		if (p->parts[i].oid == oid)
			return &p->parts[i];
	return NULL;
}

const struct pg_part *
pg_progress_part(const struct pg_progress *p, uint32_t oid)
{
	for (uint32_t i = 0; p != NULL && i < p->nparts; i++)
		if (p->parts[i].oid == oid)
			return &p->parts[i];
	return NULL;
}

void
pg_progress_drop_part(struct pg_progress *p, uint32_t oid)
{
	struct pg_part *part = find_part(p, oid);

	if (part == NULL)
		return;
	pg_ranges_fini(&part->read);
	*part = p->parts[--p->nparts];
	p->dirty = 1;
}

void
pg_progress_add_blocks(struct pg_progress *p, uint32_t oid, int64_t file,
    struct pg_range blocks)
{
	struct pg_part *part = find_part(p, oid);

	if (part != NULL && part->file != file) {
		pg_progress_drop_part(p, oid);
		part = NULL;
	}
	if (part == NULL && p->nparts == PG_PARTS_MAX)
		return;
	if (part == NULL) {
		part = &p->parts[p->nparts++];
		*part = (struct pg_part){ .oid = oid, .file = file };
	}
	if (pg_ranges_add(&part->read, blocks) == 0)
		p->dirty = 1;
}

void
pg_progress_remove_blocks(struct pg_progress *p, uint32_t oid,
    struct pg_range blocks)
{
	struct pg_part *part = find_part(p, oid);

	if (part == NULL)
		return;
	pg_ranges_remove(&part->read, blocks);
	p->dirty = 1;
}

/* -------------------------------------------------------------------- load */

/* A number of 1 .. UINT32_MAX; 0: it is none. */
static uint32_t
number(const struct leat_value *v)
{
	return v != NULL && v->kind == LEAT_INT64 && v->u.i > 0 &&
	    v->u.i <= UINT32_MAX ? (uint32_t)v->u.i : 0;
}

/* {"table":16384,"file":16390,"blocks":[0,1024,2048,3072]} */
static void
take_part(struct pg_progress *p, const struct leat_value *v)
{
	const struct leat_value *blocks;
	uint32_t oid, file;

	if (v->kind != LEAT_MAP)
		return;
	oid = number(leat_map_value(v, "table"));
	file = number(leat_map_value(v, "file"));
	blocks = leat_map_value(v, "blocks");
	if (oid == 0 || file == 0 || blocks == NULL ||
	    blocks->kind != LEAT_ARRAY)
		return;
	for (uint32_t i = 0; i + 1 < blocks->len; i += 2) {
		struct pg_range r = { number(&blocks->u.items[i]),
			number(&blocks->u.items[i + 1]) };

		if (r.from < r.to)
			pg_progress_add_blocks(p, oid, file, r);
	}
}

static int
take_list(struct pg_progress *p, const struct leat_value *v, int64_t id,
    struct leat_err *err)
{
	const struct leat_value *of = leat_map_value(v, "snapshot_id");
	const struct leat_value *list = leat_map_value(v, "finished");
	const struct leat_value *parts = leat_map_value(v, "parts");
	int rc = 0;

	if (of == NULL || of->kind != LEAT_INT64 || of->u.i != id ||
	    list == NULL || list->kind != LEAT_ARRAY)
		return 0;
	for (uint32_t i = 0; i < list->len && rc == 0; i++) {
		uint32_t oid = number(&list->u.items[i]);

		if (oid != 0)
			rc = pg_progress_add(p, oid, err);
	}
	if (parts != NULL && parts->kind == LEAT_ARRAY)
		for (uint32_t i = 0; i < parts->len; i++)
			take_part(p, &parts->u.items[i]);
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

static void
write_part(const struct pg_part *part, struct leat_buf *b)
{
	(void)leat_buf_printf(b, "{\"table\":%u,\"file\":%lld,\"blocks\":[",
	    part->oid, (long long)part->file);
	for (uint32_t i = 0; i < part->read.len; i++)
		(void)leat_buf_printf(b, "%s%u,%u", i == 0 ? "" : ",",
		    part->read.items[i].from, part->read.items[i].to);
	(void)leat_buf_add_str(b, "]}");
}

static void
write_parts(const struct pg_progress *p, struct leat_buf *b)
{
	const char *sep = "";

	(void)leat_buf_add_str(b, ",\"parts\":[");
	for (uint32_t i = 0; i < p->nparts; i++) {
		if (p->parts[i].read.len == 0)
			continue;
		(void)leat_buf_add_str(b, sep);
		write_part(&p->parts[i], b);
		sep = ",";
	}
	(void)leat_buf_add_byte(b, ']');
}

/* Valid until the list grows: the text up to here, parts and its end. */
static const char *
list_text(struct pg_progress *p)
{
	const char *text;
	size_t len = p->list.len;

	(void)leat_buf_add_byte(&p->list, ']');
	if (p->nparts > 0 && !p->cut)
		write_parts(p, &p->list);
	(void)leat_buf_add_byte(&p->list, '}');
	text = leat_buf_cstr(&p->list);
	p->list.len = len;
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
	if (text == NULL || leat_batch_position(b, p->partition, text) < 0)
		return no_memory(err);
	p->dirty = 0;
	p->stored = 1;
	p->full = p->cut;
	return 0;
}
