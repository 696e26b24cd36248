/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_converter.c: Kafka Connect's JsonConverter: options, the envelope with
 * the schema, and the cache of schemas that were read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/converter.h"
#include "core/record/converters/json_plan.h"
#include "core/record/converters/json_scan.h"
#include "core/record/memory.h"

enum {
	CACHE_SLOTS_MAX = 1024,
	CACHE_TEXT_MAX = 64 << 10,	/* longer schemas are read each time */
	WORK_BYTES_MAX = 64 << 20	/* memory for reading one schema */
};

struct json_config {
	int64_t cache_size;
	int32_t schemas_enable;
	int32_t decimal_format;
	int32_t replace_null;
};

/* clang-format off */
static const struct leat_option json_options[] = {
	{ "schemas.enable", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0, NULL,
	  offsetof(struct json_config, schemas_enable),
	  "Write and expect {\"schema\":...,\"payload\":...}.", "0.1" },
	{ "schemas.cache.size", NULL, LEAT_OPT_INT, 0, "1000", 1, 1000000,
	  NULL, offsetof(struct json_config, cache_size),
	  "How many schemas that were read are remembered (at most 1024).",
	  "0.1" },
	{ "decimal.format", NULL, LEAT_OPT_CHOICE, 0, "BASE64", 0, 0,
	  "BASE64,NUMERIC", offsetof(struct json_config, decimal_format),
	  "How Decimals are written; both forms are read.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct json_config, replace_null),
	  "A null in a field that has a default is the default.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* A schema that was read, by its text. */
struct cached {
	uint64_t hash;
	char *text;
	size_t len;
	const struct leat_schema *schema;
};

struct json {
	struct json_plans plans;
	struct leat_arena work;
	struct cached *cache;
	size_t nslots;		/* a power of two */
	size_t cached_bytes;
	const struct cached *last;
};

static int
json_open(const struct converter_class *cls, const void *config,
    struct leat_schema_pool *pool, void **ret_self, struct leat_err *err)
{
	const struct json_config *cfg = config;
	struct json *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	json_plans_init(&j->plans, pool);
	j->plans.envelopes = cfg->schemas_enable != 0;
	j->plans.numeric = cfg->decimal_format == 1;
	j->plans.replace_null = cfg->replace_null != 0;
	leat_arena_init(&j->work, 4096, WORK_BYTES_MAX);
	j->nslots = 1;
	while (j->nslots < CACHE_SLOTS_MAX &&
	    (int64_t)j->nslots < cfg->cache_size)
		j->nslots *= 2;
	*ret_self = j;
	return 0;
}

static void
json_close(void *self)
{
	struct json *j = self;
	size_t i;

	if (j == NULL)
		return;
	for (i = 0; j->cache != NULL && i < j->nslots; i++)
		free(j->cache[i].text);
	free(j->cache);
	json_plans_fini(&j->plans);
	leat_arena_fini(&j->work);
	free(j);
}

static size_t
json_held(const void *self)
{
	const struct json *j = self;

	return json_plans_held(&j->plans) + j->work.held_bytes +
	    j->cached_bytes;
}

/* ----------------------------------------------------------------- encoding */

static int
encode_schemaless(struct json *j, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err)
{
	if (j->plans.envelopes)
		leat_buf_add_str(to, "{\"schema\":null,\"payload\":");
	if (leat_json_add_value(to, v) < 0)
		return record_buf_failed(to, "a value as JSON", err);
	if (j->plans.envelopes && leat_buf_add_byte(to, '}') < 0)
		return record_buf_failed(to, "a value as JSON", err);
	return 0;
}

static int
encode_envelope(struct json *j, const struct json_plan *plan,
    const struct leat_value *v, struct leat_buf *to, struct leat_err *err)
{
	int rc;

	if (plan->envelope.ptr == NULL &&
	    json_plan_envelope(&j->plans, plan, err) < 0)
		return -1;
	if (leat_buf_add(to, plan->envelope.ptr, plan->envelope.len) < 0)
		return record_buf_failed(to, "a value as JSON", err);
	rc = json_encode(plan, v, to, err);
	if (rc < 0)
		return rc;
	return leat_buf_add_byte(to, '}') < 0
	    ? record_buf_failed(to, "a value as JSON", err) : 0;
}

static int
json_converter_encode(void *self, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
    struct leat_err *err)
{
	struct json *j = self;
	const struct json_plan *plan;

	*ret_null = false;
	if (schema == NULL) {
		*ret_null = v->kind == LEAT_NULL;
		return *ret_null ? 0 : encode_schemaless(j, v, to, err);
	}
	plan = json_plan_of(&j->plans, schema, err);
	if (plan == NULL)
		return -1;
	if (j->plans.envelopes)
		return encode_envelope(j, plan, v, to, err);
	return json_encode(plan, v, to, err);
}

/* ----------------------------------------------------------------- decoding */

static const char envelope_head[] = "{\"schema\":";
static const char envelope_mid[] = ",\"payload\":";

enum {
	HEAD = sizeof(envelope_head) - 1,
	MID = sizeof(envelope_mid) - 1
};

static int
not_an_envelope(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "JsonConverter with schemas.enable requires \"schema\" and "
	    "\"payload\" fields and may not contain additional fields. If you "
	    "are trying to deserialize plain JSON data, set "
	    "schemas.enable=false in your converter configuration.");
}

static int
check_utf8(struct leat_str text, struct leat_err *err)
{
	if (leat_utf8_valid(text.ptr, text.len))
		return 0;
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "Converting byte[] to Kafka Connect data failed due to "
	    "serialization error: not UTF-8");
}

/*
 * A message of a producer like us, with the schema of the message before:
 * comparing it is all that its schema costs. Gives the payload's text.
 */
static bool
same_as_last(const struct json *j, struct leat_str text,
    struct leat_str *ret_payload)
{
	const struct cached *last = j->last;
	const char *p = text.ptr;

	if (last == NULL || text.len < HEAD + last->len + MID + 2 ||
	    text.ptr[text.len - 1] != '}' ||
	    memcmp(p, envelope_head, HEAD) != 0 ||
	    memcmp(p + HEAD, last->text, last->len) != 0 ||
	    memcmp(p + HEAD + last->len, envelope_mid, MID) != 0)
		return false;
	*ret_payload = (struct leat_str){ p + HEAD + last->len + MID,
		text.len - HEAD - last->len - MID - 1 };
	return true;
}

/* The texts of the two members, wherever they stand. */
static int
open_envelope(struct leat_str text, struct leat_arena *arena,
    struct leat_str *ret_schema, struct leat_str *ret_payload,
    struct leat_err *err)
{
	struct leat_str schema = { 0 }, payload = { 0 }, name = { 0 }, value;
	struct json_scan s;
	bool first = true;
	int rc;

	json_scan_init(&s, text, arena, err);
	if (json_scan_peek(&s) != '{')
		return json_scan_skip(&s, &value) < 0 ? -1
		    : not_an_envelope(err);
	s.p++;
	while ((rc = json_scan_member(&s, &first, &name)) > 0) {
		if (json_scan_skip(&s, &value) < 0)
			return -1;
		if (leat_str_eq_c(name, "schema"))
			schema = value;
		else if (leat_str_eq_c(name, "payload"))
			payload = value;
		else
			return not_an_envelope(err);
	}
	if (rc < 0 || json_scan_end(&s) < 0)
		return -1;
	if (schema.ptr == NULL || payload.ptr == NULL)
		return not_an_envelope(err);
	*ret_schema = schema;
	*ret_payload = payload;
	return 0;
}

/* Remembers a schema; without memory or room it is read again next time. */
static void
remember(struct json *j, struct leat_str text, uint64_t hash,
    const struct leat_schema *schema)
{
	struct cached *c = &j->cache[hash & (j->nslots - 1)];
	char *copy;

	if (text.len > CACHE_TEXT_MAX || (copy = malloc(text.len)) == NULL)
		return;
	memcpy(copy, text.ptr, text.len);
	if (j->last == c)
		j->last = NULL;
	free(c->text);
	j->cached_bytes += text.len - c->len;
	*c = (struct cached){ hash, copy, text.len, schema };
	j->last = c;
}

static int
schema_of(struct json *j, struct leat_str text,
    const struct leat_schema **ret_schema, struct leat_err *err)
{
	const uint64_t hash = leat_hash(text.ptr, text.len, 0);
	const struct cached *c;
	int rc;

	if (j->cache == NULL) {
		j->cache = calloc(j->nslots, sizeof(*j->cache));
		if (j->cache == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
		j->cached_bytes = j->nslots * sizeof(*j->cache);
	}
	c = &j->cache[hash & (j->nslots - 1)];
	if (c->text != NULL && c->hash == hash && c->len == text.len &&
	    memcmp(c->text, text.ptr, text.len) == 0) {
		*ret_schema = c->schema;
		j->last = c;
		return 0;
	}
	rc = json_schema_read(&j->plans, text, &j->work, ret_schema, err);
	leat_arena_reset(&j->work);
	if (rc == 0 && *ret_schema != NULL)
		remember(j, text, hash, *ret_schema);
	return rc;
}

/* Any JSON, and the class of what is wrong with it. */
static int
decode_plain(struct leat_str text, struct leat_arena *arena,
    struct leat_value *ret_value, struct leat_err *err)
{
	int rc = leat_json_parse(arena, text.ptr, text.len, ret_value, err);

	if (rc == -ENOMEM)
		return record_no_memory(arena, err);
	if (rc < 0) {
		leat_err_wrap(err, "Converting byte[] to Kafka Connect data "
		    "failed due to serialization error");
		if (err != NULL)
			err->cls = LEAT_CLS_RECORD;
	}
	return rc;
}

static int
decode_envelope(struct json *j, struct leat_str text,
    struct leat_arena *arena, const struct leat_schema **ret_schema,
    struct leat_value *ret_value, struct leat_err *err)
{
	const struct leat_schema *schema = NULL;
	struct leat_str schema_text = { 0 }, payload = { 0 };
	const struct json_plan *plan;
	int rc;

	if (same_as_last(j, text, &payload)) {
		schema = j->last->schema;
		rc = check_utf8(payload, err);
	} else {
		rc = check_utf8(text, err);
		if (rc == 0)
			rc = open_envelope(text, arena, &schema_text,
			    &payload, err);
		if (rc == 0)
			rc = schema_of(j, schema_text, &schema, err);
	}
	if (rc < 0)
		return rc;
	if (schema == NULL) {
		rc = decode_plain(payload, arena, ret_value, err);
	} else {
		plan = json_plan_of(&j->plans, schema, err);
		rc = plan == NULL ? -1
		    : json_decode(plan, payload, arena, ret_value, err);
	}
	if (rc == 0)
		*ret_schema = schema;
	return rc;
}

static int
json_converter_decode(void *self, struct leat_str bytes,
    struct leat_arena *arena, const struct leat_schema **ret_schema,
    struct leat_value *ret_value, struct leat_err *err)
{
	struct json *j = self;

	if (bytes.ptr == NULL || (bytes.len == 0 && !j->plans.envelopes)) {
		*ret_schema = NULL;
		*ret_value = leat_null();
		return 0;
	}
	if (j->plans.envelopes && bytes.len == 0)
		return not_an_envelope(err);
	if (j->plans.envelopes)
		return decode_envelope(j, bytes, arena, ret_schema, ret_value,
		    err);
	*ret_schema = NULL;
	return decode_plain(bytes, arena, ret_value, err);
}

const struct converter_class json_converter = {
	.name = "org.apache.kafka.connect.json.JsonConverter",
	.alias = "json",
	.options = json_options,
	.config_size = sizeof(struct json_config),
	.open = json_open,
	.close = json_close,
	.encode = json_converter_encode,
	.decode = json_converter_decode,
	.held = json_held,
};
