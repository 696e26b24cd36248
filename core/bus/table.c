/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c: compacted topics of one partition as tables, for the few things the
 * worker must remember (target states, statuses, offsets set by hand).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/bus/embedded.h"

/* A thread that waits for the flusher. */
struct durable_wait {
	struct lock lock;	/* RANK_LEAF; guards done, err */
	struct cond cond;
	bool done;
	struct leat_err err;
};

static void
durable_done(void *arg, const struct leat_err *err)
{
	struct durable_wait *w = arg;

	lock_acquire(&w->lock);
	if (err != NULL)
		w->err = *err;
	w->done = true;
	cond_signal(&w->cond);
	lock_release(&w->lock);
}

int
bus_wait_durable(struct broker_partition *p, int64_t offset,
    struct leat_err *err)
{
	struct durable_wait w = { .done = false };
	int rc;

	lock_init(&w.lock, RANK_LEAF);
	cond_init(&w.cond);
	broker_when_durable(p, offset, durable_done, &w);
	lock_acquire(&w.lock);
	while (!w.done)
		cond_wait(&w.cond, &w.lock);
	lock_release(&w.lock);
	rc = w.err.code;
	if (rc < 0 && err != NULL)
		*err = w.err;
	cond_fini(&w.cond);
	lock_fini(&w.lock);
	return rc;
}

static struct leat_str
str_or_null(const char *s)
{
	return s == NULL ? (struct leat_str){ NULL, 0 } : leat_str_c(s);
}

int
bus_append_one(struct bus *b, const char *topic, const char *key,
    const char *value, bool durable, struct leat_err *err)
{
	static const struct batch_identity nobody = { -1, -1, -1, false };
	struct batch_builder *builder = NULL;
	struct broker_partition *p = NULL;
	struct broker_appended at;
	struct record rec = { 0 };
	uint8_t *data;
	size_t len;
	int rc = -1;

	p = broker_partition_get(b->broker, topic, 0, err);
	if (p == NULL)
		return err->code;
	builder = batch_builder_new(CODEC_NONE, 0, BUS_JSON_MAX);
	if (builder == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
		goto done;
	}
	rec.timestamp_ms = clock_wall_ms(&clock_system);
	rec.key = leat_str_c(key);
	rec.value = str_or_null(value);
	if ((rc = batch_builder_add(builder, &rec, err)) < 0 ||
	    (rc = batch_builder_finish(builder, &nobody, &data, &len,
	    err)) < 0 || (rc = broker_append(p, data, len, &at, err)) < 0)
		goto done;
	if (durable)
		rc = bus_wait_durable(p, at.last_offset + 1, err);
done:
	batch_builder_free(builder);
	broker_partition_put(p);
	return rc;
}

int
bus_table_put(struct bus *b, const char *topic, const char *key,
    const char *value, bool durable, struct leat_err *err)
{
	return bus_append_one(b, topic, key, value, durable, err);
}

/* One row while a table is read: the newest value of a key. */
struct table_row {
	size_t len;
	char value[];
};

static int
row_set(struct leat_map *m, const struct record *rec)
{
	struct table_row *row;
	void *old = NULL;
	int rc;

	if (rec->value.ptr == NULL) {
		free(leat_map_remove(m, rec->key));
		return 0;
	}
	row = malloc(sizeof(*row) + rec->value.len + 1);
	if (row == NULL)
		return -ENOMEM;
	row->len = rec->value.len;
	memcpy(row->value, rec->value.ptr, row->len);
	row->value[row->len] = '\0';
	rc = leat_map_set(m, rec->key, row, &old);
	free(rc < 0 ? row : old);
	return rc;
}

static int
table_load(struct bus *b, const char *topic, struct leat_map *m,
    struct leat_err *err)
{
	struct broker_partition *p;
	struct broker_reader *r;
	struct record rec;
	int rc;

	p = broker_partition_get(b->broker, topic, 0, err);
	if (p == NULL)
		return err->code;
	r = broker_reader_open(p, 0, READ_COMMITTED, err);
	rc = r == NULL ? err->code : 0;
	while (rc >= 0 && (rc = broker_reader_fill(r, BUS_TABLE_READ,
	    err)) > 0) {
		while ((rc = broker_reader_next(r, &rec, err)) > 0) {
			if (rec.key.ptr != NULL && row_set(m, &rec) < 0) {
				rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
				    "out of memory");
				break;
			}
		}
	}
	if (r != NULL)
		broker_reader_close(r);
	broker_partition_put(p);
	return rc < 0 ? leat_err_wrap(err, "read topic '%s'", topic) : 0;
}

int
bus_table_each(struct bus *b, const char *topic,
    int (*fn)(void *arg, struct leat_str key, struct leat_str value),
    void *arg, struct leat_err *err)
{
	const struct leat_map_entry *e;
	struct leat_map rows;
	size_t it = 0;
	int rc;

	leat_map_init(&rows);
	rc = table_load(b, topic, &rows, err);
	while ((e = leat_map_next(&rows, &it)) != NULL) {
		const struct table_row *row = e->value;

		if (rc >= 0)
			rc = fn(arg, (struct leat_str){ e->key, e->key_len },
			    (struct leat_str){ row->value, row->len });
		free(e->value);
	}
	leat_map_fini(&rows);
	return rc;
}
