/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c: see reader.h. */
#include "tests/harness/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/arena.h>
#include <leat/json.h>
#include <leat/str.h>

#include "tests/harness/proc.h"

/* READ_MS: when a producer is faster than the reader, it ends nevertheless. */
enum { ROUND_RECORDS = 5000, ROUND_BYTES = 2 << 20, PATH_BYTES = 4096,
	READ_MS = 10000 };

struct th_reader {
	struct th_worker *worker;
	char *topic;
	char next[PATH_BYTES / 2];	/* "0:12,1:5", empty: the beginning */
	size_t count;
	struct leat_arena arena;	/* of one answer */
};

struct th_reader *
th_reader_open(struct th_worker *w, const char *topic)
{
	struct th_reader *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->topic = strdup(topic)) == NULL)
		th_fail("out of memory");
	r->worker = w;
	leat_arena_init(&r->arena, 1 << 20, 0);
	return r;
}

void
th_reader_close(struct th_reader *r)
{
	if (r == NULL)
		return;
	leat_arena_fini(&r->arena);
	free(r->topic);
	free(r);
}

size_t
th_reader_count(const struct th_reader *r)
{
	return r->count;
}

static int64_t
number_of(const struct leat_value *map, const char *name)
{
	const struct leat_value *v = leat_map_value(map, name);

	if (v == NULL || v->kind != LEAT_INT64)
		th_fail("a record has no number '%s'", name);
	return v->u.i;
}

static const char *
text_of(struct th_reader *r, const struct leat_value *map, const char *name)
{
	const struct leat_value *v = leat_map_value(map, name);

	if (v == NULL)
		th_fail("a record has no '%s'", name);
	if (v->kind == LEAT_MAP)
		v = leat_map_value(v, "base64");
	if (v == NULL || v->kind != LEAT_STRING)
		return NULL;
	return leat_arena_strndup(&r->arena, v->u.s, v->len);
}

static void
give(struct th_reader *r, const struct leat_value *v, th_record_fn *fn,
    void *arg)
{
	struct th_record rec = {
		.partition = (int32_t)number_of(v, "partition"),
		.offset = number_of(v, "offset"),
		.timestamp = number_of(v, "timestamp"),
		.key = text_of(r, v, "key"),
		.value = text_of(r, v, "value"),
		.headers = leat_map_value(v, "headers"),
	};

	fn(arg, &rec);
}

static void
keep_next(struct th_reader *r, const struct leat_value *next)
{
	size_t used = 0;

	if (next == NULL || next->kind != LEAT_MAP)
		th_fail("the answer has no \"next\"");
	for (uint32_t i = 0; i < next->len; i++) {
		const struct leat_value *k = &next->u.items[2 * i];
		int n = snprintf(r->next + used, sizeof(r->next) - used,
		    "%s%.*s:%lld", i > 0 ? "," : "", (int)k->len, k->u.s,
		    (long long)k[1].u.i);

		used += (size_t)n;
		if (used >= sizeof(r->next))
			th_fail("too many partitions");
	}
}

/* One request; how many records it gave, and whether that was all it could. */
static size_t
read_round(struct th_reader *r, th_record_fn *fn, void *arg, bool *ret_full)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct leat_value *records;
	struct leat_value doc;
	char path[PATH_BYTES], *body;
	size_t n = 0;
	int status;

	*ret_full = false;
	snprintf(path, sizeof(path),
	    "/leat/topics/%s/records?max_records=%d&max_bytes=%d%s%s",
	    r->topic, ROUND_RECORDS, ROUND_BYTES,
	    r->next[0] == '\0' ? "" : "&offsets=", r->next);
	status = th_worker_fetch(r->worker, "GET", path, NULL, &body);
	if (status == 404) {
		free(body);
		return 0;
	}
	if (status != 200)
		th_fail("GET %s: status %d: %s", path, status, body);
	leat_arena_reset(&r->arena);
	if (leat_json_parse(&r->arena, body, strlen(body), &doc, &err) < 0)
		th_fail("GET %s: %s", path, err.text);
	records = leat_map_value(&doc, "records");
	if (records == NULL || records->kind != LEAT_ARRAY)
		th_fail("GET %s: no records in %.200s", path, body);
	for (n = 0; n < records->len; n++)
		if (fn != NULL)
			give(r, &records->u.items[n], fn, arg);
	keep_next(r, leat_map_value(&doc, "next"));
	*ret_full = n == ROUND_RECORDS || strlen(body) >= ROUND_BYTES;
	free(body);
	return n;
}

size_t
th_reader_read(struct th_reader *r, th_record_fn *fn, void *arg)
{
	int64_t end = th_now_ms() + (int64_t)READ_MS * th_slowness();
	size_t all = 0, n;
	bool full;

	/* A round that is not full has seen the end, which may move on. */
	do {
		n = read_round(r, fn, arg, &full);
		all += n;
		r->count += n;
	} while (full && th_now_ms() < end);
	return all;
}

void
th_reader_wait(struct th_reader *r, size_t n, int timeout_ms,
    th_record_fn *fn, void *arg)
{
	int64_t end = th_now_ms() + (int64_t)timeout_ms * th_slowness();

	for (;;) {
		(void)th_reader_read(r, fn, arg);
		if (r->count >= n)
			return;
		if (th_now_ms() > end)
			th_fail("topic %s has %zu records, not %zu", r->topic,
			    r->count, n);
		th_nap(10);
	}
}

const char *
th_record_header(const struct th_record *rec, const char *name)
{
	for (uint32_t i = 0; rec->headers != NULL && i < rec->headers->len;
	     i++) {
		const struct leat_value *h = &rec->headers->u.items[i];
		const struct leat_value *k = leat_map_value(h, "name");
		const struct leat_value *v = leat_map_value(h, "value");

		if (k == NULL || k->kind != LEAT_STRING || !leat_str_eq_c(
			(struct leat_str){ k->u.s, k->len }, name))
			continue;
		return v == NULL || v->kind != LEAT_STRING ? NULL :
		    th_text("%.*s", (int)v->len, v->u.s);
	}
	return NULL;
}
