/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_look.c: looking at what a connector did, and setting the scene.
 */
#include <leat/fake_host.h>

#include <leat/json.h>

#include "sdk/testkit/fake.h"

size_t
leat_fake_count(const struct leat_fake *f)
{
	return f->records.len;
}

const struct leat_record *
leat_fake_record(const struct leat_fake *f, size_t i)
{
	return i < f->records.len ? f->records.items[i] : NULL;
}

void
leat_fake_clear(struct leat_fake *f)
{
	f->records.len = 0;
	f->positions.len = 0;
	f->durable = 0;
}

/* -------------------------------------------------------------------- JSON */

/* The text of a buffer for good; the buffer ends. */
static const char *
keep(struct leat_fake *f, struct leat_buf *b)
{
	const char *text = fake_strdup(f,
	    fake_need((void *)(uintptr_t)leat_buf_cstr(b)));

	leat_buf_fini(b);
	return text;
}

static const char *
value_text(struct leat_fake *f, const struct leat_schema *schema,
    const struct leat_value *v)
{
	struct leat_buf b;

	leat_buf_init(&b, SIZE_MAX / 2);
	(void)leat_json_add_typed(&b, schema, v,
	    LEAT_JSON_DECIMAL_BASE64);
	return keep(f, &b);
}

const char *
leat_fake_key(struct leat_fake *f, size_t i)
{
	const struct leat_record *r = leat_fake_record(f, i);

	return r == NULL ? NULL : value_text(f, r->key_schema, &r->key);
}

const char *
leat_fake_value(struct leat_fake *f, size_t i)
{
	const struct leat_record *r = leat_fake_record(f, i);

	return r == NULL ? NULL : value_text(f, r->value_schema, &r->value);
}

static void
print_headers(struct leat_buf *b, const struct leat_record *r)
{
	uint32_t i;

	for (i = 0; i < r->nheaders; i++) {
		const struct leat_header *h = &r->headers[i];

		(void)leat_buf_add_byte(b, i == 0 ? '{' : ',');
		(void)leat_json_add_string(b, h->name, strlen(h->name));
		(void)leat_buf_add_byte(b, ':');
		(void)leat_json_add_typed(b, h->schema, &h->value,
	    LEAT_JSON_DECIMAL_BASE64);
	}
	(void)leat_buf_add_byte(b, '}');
}

const char *
leat_fake_json(struct leat_fake *f, size_t i)
{
	const struct leat_record *r = leat_fake_record(f, i);
	struct leat_buf b;

	if (r == NULL)
		return NULL;
	leat_buf_init(&b, SIZE_MAX / 2);
	(void)leat_buf_printf(&b, "{\"topic\":\"%s\"", r->topic);
	if (r->partition != LEAT_PARTITION_ANY)
		(void)leat_buf_printf(&b, ",\"partition\":%d",
		    (int)r->partition);
	if (r->timestamp_ms != LEAT_TIMESTAMP_NONE)
		(void)leat_buf_printf(&b, ",\"timestamp\":%lld",
		    (long long)r->timestamp_ms);
	(void)leat_buf_add_str(&b, ",\"key\":");
	(void)leat_json_add_typed(&b, r->key_schema, &r->key,
	    LEAT_JSON_DECIMAL_BASE64);
	(void)leat_buf_add_str(&b, ",\"value\":");
	(void)leat_json_add_typed(&b, r->value_schema, &r->value,
	    LEAT_JSON_DECIMAL_BASE64);
	if (r->nheaders > 0) {
		(void)leat_buf_add_str(&b, ",\"headers\":");
		print_headers(&b, r);
	}
	(void)leat_buf_add_byte(&b, '}');
	return keep(f, &b);
}

/* ----------------------------------------------------- positions, offsets */

size_t
leat_fake_positions(const struct leat_fake *f)
{
	return f->positions.len;
}

const struct leat_fake_position *
leat_fake_position(const struct leat_fake *f, size_t i)
{
	return i < f->positions.len ? f->positions.items[i] : NULL;
}

const char *
leat_fake_offset(struct leat_fake *f, const char *partition)
{
	const char *key = fake_canonical(f, partition);

	return key == NULL ? NULL : leat_map_get_c(&f->offsets, key);
}

void
leat_fake_set_offset(struct leat_fake *f, const char *partition,
    const char *offset)
{
	const char *key = fake_need((void *)(uintptr_t)fake_canonical(f,
	    partition));

	if (offset == NULL)
		(void)leat_map_remove(&f->offsets, leat_str_c(key));
	else if (leat_map_set(&f->offsets, leat_str_c(key),
	    fake_strdup(f, offset), NULL) < 0)
		fake_need(NULL);
}

/* ------------------------------------------------- logs, metrics, the scene */

size_t
leat_fake_logged(const struct leat_fake *f, const char *part)
{
	size_t i, n = 0;

	for (i = 0; i < f->logs.len; i++)
		n += strstr(f->logs.items[i], part) != NULL;
	return n;
}

int64_t
leat_fake_metric(const struct leat_fake *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->metrics.len; i++) {
		const struct fake_metric *m = f->metrics.items[i];

		if (strcmp(m->name, name) == 0)
			return __atomic_load_n(&m->value, __ATOMIC_RELAXED);
	}
	return 0;
}

const char *
leat_fake_status(const struct leat_fake *f)
{
	return f->status;
}

void
leat_fake_set_clock(struct leat_fake *f, int64_t now_us)
{
	f->scripted = true;
	f->clock_us = now_us;
}

void
leat_fake_add_clock(struct leat_fake *f, int64_t us)
{
	f->clock_us += us;
}

void
leat_fake_batch_limits(struct leat_fake *f, uint32_t records, uint64_t bytes)
{
	f->limit_records = records;
	f->limit_bytes = bytes;
}

void
leat_fake_fail_at(struct leat_fake *f, uint32_t n)
{
	f->fail_at = n;
	f->has_failed = false;
}

int
leat_fake_has_failed(const struct leat_fake *f)
{
	return f->has_failed;
}
