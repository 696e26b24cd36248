/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_offsets.c: where each source stands, in the compacted topic
 * connect-offsets and in a table in memory.
 *
 * The key is the JSON array ["<connector>",{<partition>}], the value the offset
 * as a JSON object, as in Kafka Connect. Two spellings of one partition would
 * be two keys for compaction, so keys are written in one canonical form:
 * members sorted, no blanks. Keys of another form are understood.
 *
 * The table holds committed offsets only: producer.c calls bus_offsets_apply
 * when a commit has succeeded, nothing else changes it but a change by hand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/json.h>

#include "core/base/obj.h"
#include "core/bus/embedded.h"

enum { JSON_CHUNK = 4096, JSON_ARENA_MAX = 16 * BUS_JSON_MAX };

/* ---------------------------------------------------------- canonical */

static int
compare_pairs(const void *a, const void *b)
{
	const struct leat_value *x = a, *y = b;
	size_t n = MIN(x->len, y->len);
	int c = n == 0 ? 0 : memcmp(x->u.s, y->u.s, n);

	if (c != 0)
		return c;
	return x->len < y->len ? -1 : x->len > y->len;
}

/* Sorts the members of all objects; the items are ours, from the arena. */
static void
sort_members(struct leat_value *v)
{
	struct leat_value *items = (struct leat_value *)(uintptr_t)v->u.items;
	uint32_t i, n;

	if (v->kind != LEAT_MAP && v->kind != LEAT_ARRAY)
		return;
	n = v->kind == LEAT_MAP ? v->len * 2 : v->len;
	for (i = 0; i < n; i++)
		sort_members(&items[i]);
	if (v->kind == LEAT_MAP && v->len > 1)
		qsort(items, v->len, 2 * sizeof(*items), compare_pairs);
}

int
bus_json_canonical(struct leat_buf *to, struct leat_str text,
    struct leat_err *err)
{
	struct leat_arena arena;
	struct leat_value doc;
	int rc;

	leat_arena_init(&arena, JSON_CHUNK, JSON_ARENA_MAX);
	rc = leat_json_parse(&arena, text.ptr, text.len, &doc, err);
	if (rc == 0) {
		sort_members(&doc);
		if (leat_json_add_value(to, &doc) < 0)
			rc = leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_LIMIT,
			    "JSON text of more than %d bytes",
			    (int)BUS_JSON_MAX);
	}
	leat_arena_fini(&arena);
	return rc;
}

int
bus_offset_key(struct leat_buf *to, const char *connector,
    const char *partition, struct leat_err *err)
{
	(void)leat_buf_add_byte(to, '[');
	(void)leat_json_add_string(to, connector, strlen(connector));
	(void)leat_buf_add_byte(to, ',');
	if (bus_json_canonical(to, leat_str_c(partition), err) < 0)
		return leat_err_wrap(err, "source partition '%s'", partition);
	if (leat_buf_add_byte(to, ']') < 0 || leat_buf_cstr(to) == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_LIMIT,
		    "source partition of more than %d bytes",
		    (int)BUS_JSON_MAX);
	return 0;
}

/* -------------------------------------------------------------- table */

void
bus_offsets_apply(struct bus *b, const char *key, const char *value)
{
	char *copy = value == NULL ? NULL : strdup(value);
	void *old = NULL;

	lock_acquire(&b->lock);
	if (copy == NULL)
		old = leat_map_remove(&b->offsets, leat_str_c(key));
	else if (leat_map_set(&b->offsets, leat_str_c(key), copy, &old) < 0)
		old = copy;
	lock_release(&b->lock);
	free(old);
}

static int
load_one(void *arg, struct leat_str key, struct leat_str value)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct bus *b = arg;
	struct leat_buf canon;

	leat_buf_init(&canon, BUS_JSON_MAX);
	/* A key that is no JSON is nobody's offset: leave it alone. */
	if (bus_json_canonical(&canon, key, &err) == 0 &&
	    leat_buf_cstr(&canon) != NULL && canon.len > 0 &&
	    b->offsets.len < BUS_OFFSET_COUNT_MAX)
		bus_offsets_apply(b, (const char *)canon.data, value.ptr);
	leat_buf_fini(&canon);
	return 0;
}

int
bus_offsets_load(struct bus *b, struct leat_err *err)
{
	return bus_table_each(b, BUS_OFFSETS_TOPIC, load_one, b, err);
}

void
bus_offsets_fini(struct bus *b)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&b->offsets, &it)) != NULL)
		free(e->value);
	leat_map_fini(&b->offsets);
}

char *
bus_source_offset(struct bus *b, const char *connector,
    const char *partition)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *have;
	char *copy = NULL;
	struct leat_buf key;

	leat_buf_init(&key, BUS_JSON_MAX);
	if (bus_offset_key(&key, connector, partition, &err) == 0) {
		lock_acquire(&b->lock);
		have = leat_map_get(&b->offsets,
		    (struct leat_str){ (const char *)key.data, key.len });
		if (have != NULL)
			copy = strdup(have);
		lock_release(&b->lock);
	}
	leat_buf_fini(&key);
	return copy;
}

/* A copy of the connector's rows, so that fn runs without the lock. */
struct offset_row {
	char *partition;
	char *offset;
};

static size_t
rows_copy(struct bus *b, struct leat_str prefix, struct offset_row **ret_rows)
{
	const struct leat_map_entry *e;
	struct offset_row *rows;
	size_t it = 0, n = 0;

	lock_acquire(&b->lock);
	rows = calloc(b->offsets.len + 1, sizeof(*rows));
	while (rows != NULL && (e = leat_map_next(&b->offsets, &it)) != NULL) {
		if (e->key_len <= prefix.len + 1 ||
		    memcmp(e->key, prefix.ptr, prefix.len) != 0)
			continue;
		rows[n].partition = strndup(e->key + prefix.len,
		    e->key_len - prefix.len - 1);
		rows[n].offset = strdup(e->value);
		n++;
	}
	lock_release(&b->lock);
	*ret_rows = rows;
	return n;
}

int
bus_source_offset_each(struct bus *b, const char *connector,
    int (*fn)(void *arg, const char *partition, const char *offset),
    void *arg)
{
	struct offset_row *rows = NULL;
	struct leat_buf prefix;
	size_t i, n = 0;
	int rc = 0;

	leat_buf_init(&prefix, BUS_JSON_MAX);
	(void)leat_buf_add_byte(&prefix, '[');
	(void)leat_json_add_string(&prefix, connector, strlen(connector));
	if (leat_buf_add_byte(&prefix, ',') == 0)
		n = rows_copy(b, (struct leat_str){
		    (const char *)prefix.data, prefix.len }, &rows);
	for (i = 0; i < n; i++) {
		if (rc >= 0 && rows[i].partition != NULL &&
		    rows[i].offset != NULL)
			rc = fn(arg, rows[i].partition, rows[i].offset);
		free(rows[i].partition);
		free(rows[i].offset);
	}
	free(rows);
	leat_buf_fini(&prefix);
	return rc;
}

int
bus_source_offset_set(struct bus *b, const char *connector,
    const char *partition, const char *offset, struct leat_err *err)
{
	struct leat_buf key, value;
	const char *text = NULL;
	int rc;

	leat_buf_init(&key, BUS_JSON_MAX);
	leat_buf_init(&value, BUS_JSON_MAX);
	rc = bus_offset_key(&key, connector, partition, err);
	if (rc == 0 && offset != NULL) {
		rc = bus_json_canonical(&value, leat_str_c(offset), err);
		text = leat_buf_cstr(&value);
		if (rc == 0 && text == NULL)
			rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
	}
	if (rc == 0)
		rc = bus_append_one(b, BUS_OFFSETS_TOPIC,
		    (const char *)key.data, text, true, err);
	if (rc == 0)
		bus_offsets_apply(b, (const char *)key.data, text);
	leat_buf_fini(&key);
	leat_buf_fini(&value);
	return rc < 0 ? leat_err_wrap(err, "set source offset") : 0;
}
