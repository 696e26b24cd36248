/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_sink.c: driving a sink.
 */
#include <leat/fake_host.h>

#include <stdlib.h>

#include <leat/json.h>

#include "sdk/testkit/fake.h"

static bool
is_sink(const struct leat_fake *f)
{
	return f->open && f->connector->kind == LEAT_SINK;
}

static const struct leat_schema *
intern(struct leat_fake *f, const struct leat_schema *schema)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_schema *s;

	if (schema == NULL)
		return NULL;
	s = leat_schema_pool_intern(f->pool, schema, &err);
	if (s == NULL)
		fake_broken(f, "put: %s", err.text);
	return s;
}

/* What the worker would hand over: a copy with interned schemas, an origin. */
static void
prepare(struct leat_fake *f, struct leat_arena *arena, struct leat_record *to,
    const struct leat_record *from)
{
	fake_copy_record(arena, to, from);
	to->key_schema = intern(f, from->key_schema);
	to->value_schema = intern(f, from->value_schema);
	if (to->origin_topic == NULL) {
		to->origin_topic = to->topic;
		to->origin_partition = 0;
		to->offset = f->next_offset++;
	}
}

static int
call_put(struct leat_fake *f, const struct leat_sink_batch *batch)
{
	int rc;

	free(f->acked);
	f->acked = fake_need(calloc(batch->nrecords + 1, 1));
	f->nacked = batch->nrecords;
	f->putting = batch;
	leat_err_clear(&f->err);
	rc = f->connector->sink->put(f->self, batch, &f->err);
	f->putting = NULL;
	return fake_returned(f, "put", rc);
}

int
leat_fake_put(struct leat_fake *f, const struct leat_record *records,
    uint32_t n)
{
	struct leat_sink_batch batch = { .nrecords = n };
	struct leat_record *copies;
	struct leat_arena arena;
	uint32_t i;
	int rc;

	if (!is_sink(f))
		return fake_not_open(f, "put");
	leat_arena_init(&arena, 0, 0);
	copies = fake_need(leat_arena_calloc(&arena, n, sizeof(*copies)));
	for (i = 0; i < n; i++)
		prepare(f, &arena, &copies[i], &records[i]);
	batch.records = copies;
	rc = f->broken[0] != '\0' ? fake_returned(f, "put", 0) :
	    call_put(f, &batch);
	leat_arena_fini(&arena);
	return rc;
}

int
leat_fake_put_json(struct leat_fake *f, const char *topic, const char *key,
    const char *value)
{
	struct leat_record rec = { .topic = topic,
		.timestamp_ms = LEAT_TIMESTAMP_NONE };
	int rc = 0;

	if (key != NULL)
		rc = leat_json_parse(&f->arena, key, strlen(key), &rec.key,
		    &f->err);
	if (rc == 0 && value != NULL)
		rc = leat_json_parse(&f->arena, value, strlen(value),
		    &rec.value, &f->err);
	return rc < 0 ? rc : leat_fake_put(f, &rec, 1);
}

int
leat_fake_flush(struct leat_fake *f)
{
	int rc = 0;

	if (!is_sink(f))
		return fake_not_open(f, "flush");
	leat_err_clear(&f->err);
	if (f->connector->sink->flush != NULL)
		rc = f->connector->sink->flush(f->self, &f->err);
	return fake_returned(f, "flush", rc);
}

int
leat_fake_acked(const struct leat_fake *f, uint32_t index)
{
	return index < f->nacked && f->acked[index] != 0;
}

size_t
leat_fake_failures(const struct leat_fake *f)
{
	return f->failures.len;
}

static const struct fake_failure *
failure_at(const struct leat_fake *f, size_t i)
{
	return i < f->failures.len ? f->failures.items[i] : NULL;
}

const struct leat_err *
leat_fake_failure(const struct leat_fake *f, size_t i)
{
	const struct fake_failure *failure = failure_at(f, i);

	return failure == NULL ? NULL : &failure->err;
}

uint32_t
leat_fake_failed_index(const struct leat_fake *f, size_t i)
{
	const struct fake_failure *failure = failure_at(f, i);

	return failure == NULL ? UINT32_MAX : failure->index;
}

void
leat_fake_tolerate(struct leat_fake *f, int tolerate)
{
	f->refuse_failures = !tolerate;
}
