/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datagen: a source of made-up records, for demonstrations and benchmarks.
 *
 * Record number n depends on the seed and n alone, and the source offset is the
 * number of the next record: a restart goes on exactly where it stopped.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/connector.h>
#include <leat/json.h>

#include "datagen_field.h"

enum {
	FIELDS_MAX = 200,
	POLL_RECORDS = 10000,	/* most in one poll() */
	TEXT_MAX = 1024 * 1024	/* most bytes of text in a record */
};

enum quickstart { QUICK_NONE, QUICK_ORDERS, QUICK_USERS, QUICK_PAGEVIEWS };

struct config {
	const char *topic;
	const char *key_field;
	const char *schema_name;
	struct leat_params fields;
	int32_t quickstart;
	int32_t reserved;
	double rate;
	int64_t max_interval_ms;
	int64_t count;
	int64_t seed;
};

#define ROW(n, t, field) \
	.name = n, .type = t, .offset = offsetof(struct config, field), \
	.since = "1.0.0"

/* clang-format off */
static const struct leat_option options[] = {
	{ ROW("topic", LEAT_OPT_STRING, topic), .aliases = "kafka.topic",
	  .flags = LEAT_OPT_REQUIRED | LEAT_OPT_HIGH,
	  .help = "Topic to write to." },
	{ ROW("quickstart", LEAT_OPT_CHOICE, quickstart), .def = "none",
	  .choices = "none,orders,users,pageviews", .flags = LEAT_OPT_HIGH,
	  .help = "A ready set of fields with their key; fields given besides "
	      "are added." },
	{ ROW("field", LEAT_OPT_MAP, fields), .flags = LEAT_OPT_HIGH,
	  .help = "A field and its generator, as field.amount: float 1 100. "
	      "Generators: sequence [start] [step], int min max, float min "
	      "max [digits], bool [share], choice words.., string [length], "
	      "label prefix min max, name, uuid, timestamp [start] [step]." },
	{ ROW("key.field", LEAT_OPT_STRING, key_field),
	  .aliases = "schema.keyfield",
	  .help = "The field that is the record's key; empty: no key." },
	{ ROW("rate", LEAT_OPT_DOUBLE, rate), .def = "10",
	  .flags = LEAT_OPT_HIGH,
	  .help = "Records per second; 0: as fast as possible." },
	{ ROW("max.interval", LEAT_OPT_INT, max_interval_ms), .def = "-1",
	  .min = -1, .max = 86400000,
	  .help = "Instead of rate, as in Confluent's Datagen: the longest "
	      "pause between two records in ms, twice the mean." },
	{ ROW("count", LEAT_OPT_INT, count), .aliases = "iterations",
	  .def = "-1", .min = -1, .max = INT64_MAX,
	  .help = "Records to make in all; -1: no end." },
	{ ROW("seed", LEAT_OPT_INT, seed), .aliases = "random.seed",
	  .def = "1", .min = INT64_MIN, .max = INT64_MAX,
	  .help = "The same seed gives the same records." },
	{ ROW("schema.name", LEAT_OPT_STRING, schema_name),
	  .help = "Name of the value's schema; without it the quickstart's "
	      "name or \"record\"." },
	{ .name = NULL },
};

static const struct {
	const char *name;
	const char *key;
	struct leat_param fields[8];
} quickstarts[] = {
	{ "record", NULL, { { NULL, NULL } } },
	{ "orders", "orderid", {
		{ "ordertime", "timestamp" },
		{ "orderid", "sequence" },
		{ "itemid", "label Item_ 1 999" },
		{ "orderunits", "float 0.1 10 1" },
		{ "city", "label City_ 1 99" },
		{ "state", "label State_ 1 50" },
		{ "zipcode", "int 10000 99999" },
		{ NULL, NULL } } },
	{ "users", "userid", {
		{ "registertime", "timestamp" },
		{ "userid", "label User_ 1 9" },
		{ "name", "name" },
		{ "regionid", "label Region_ 1 9" },
		{ "gender", "choice FEMALE MALE OTHER" },
		{ NULL, NULL } } },
	{ "pageviews", "userid", {
		{ "viewtime", "timestamp" },
		{ "userid", "label User_ 1 9" },
		{ "pageid", "label Page_ 10 99" },
		{ NULL, NULL } } },
};
/* clang-format on */

struct datagen {
	struct leat_task *task;
	const struct config *cfg;
	struct leat_arena arena;
	struct datagen_field fields[FIELDS_MAX];
	uint32_t nfields;
	int32_t key;		/* position of the key, or -1 */
	uint32_t text_room;	/* of one record */
	const struct leat_schema *schema;
	double rate;		/* 0: no limit */
	int64_t number;		/* of the next record */
	int64_t base_ms;	/* since when the rate is kept */
	int64_t base_number;
	int64_t *m_records;
};

/* ----------------------------------------------------------------- opening */

static int
add_field(struct datagen *g, const char *name, const char *spec,
    struct leat_err *err)
{
	struct datagen_field *f = &g->fields[g->nfields];
	int rc;

	if (g->nfields == FIELDS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "field: more than %d fields", FIELDS_MAX);
	rc = datagen_field_parse(f, name, spec, &g->arena, err);
	if (rc < 0)
		return rc;
	g->nfields++;
	g->text_room += f->room;
	if (g->text_room > TEXT_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "field.%s: more than %d bytes of text in a record", name,
		    TEXT_MAX);
	return 0;
}

static int
find_key(struct datagen *g, const char *name, struct leat_err *err)
{
	uint32_t i;

	g->key = -1;
	if (name == NULL || *name == '\0')
		return 0;
	for (i = 0; i < g->nfields; i++) {
		if (strcmp(g->fields[i].name, name) == 0)
			g->key = (int32_t)i;
	}
	if (g->key < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "key.field: there is no field '%s'", name);
	return 0;
}

static int
make_fields(struct datagen *g, const struct config *c, struct leat_err *err)
{
	const struct leat_param *p = quickstarts[c->quickstart].fields;
	uint32_t i;
	int rc = 0;

	g->cfg = c;
	leat_arena_init(&g->arena, 4096, 1024 * 1024);
	for (; rc == 0 && p->key != NULL; p++)
		rc = add_field(g, p->key, p->value, err);
	for (i = 0; rc == 0 && i < c->fields.len; i++)
		rc = add_field(g, c->fields.items[i].key,
		    c->fields.items[i].value, err);
	if (rc == 0 && g->nfields == 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "field: no fields (set quickstart, or field.<name>)");
	if (rc == 0)
		rc = find_key(g, c->key_field != NULL ? c->key_field
			: quickstarts[c->quickstart].key, err);
	if (rc == 0 && !(c->rate >= 0 && c->rate <= 1e9))
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "rate: must be 0 to 1000000000");
	return rc;
}

static int32_t
check(const void *config, struct leat_err *err)
{
	struct datagen *g = calloc(1, sizeof(*g));
	int rc;

	if (g == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	rc = make_fields(g, config, err);
	leat_arena_fini(&g->arena);
	free(g);
	return rc;
}

static int
make_schema(struct datagen *g, struct leat_err *err)
{
	struct leat_field *f = leat_arena_calloc(&g->arena, g->nfields,
	    sizeof(*f));
	struct leat_schema s = { .kind = LEAT_STRUCT, .nfields = g->nfields,
		.name = quickstarts[g->cfg->quickstart].name, .fields = f };
	uint32_t i;

	if (f == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	for (i = 0; i < g->nfields; i++) {
		f[i].name = g->fields[i].name;
		f[i].schema = datagen_field_schema(&g->fields[i]);
	}
	if (g->cfg->schema_name != NULL)
		s.name = g->cfg->schema_name;
	g->schema = leat_schema_intern(g->task, &s, err);
	return g->schema == NULL ? err->code : 0;
}

static const char *
partition_of(void)
{
	return "{\"task\":0}";
}

static int
resume(struct datagen *g, struct leat_err *err)
{
	const char *text = leat_offset_get(g->task, partition_of());
	const struct leat_value *v = NULL;
	struct leat_value doc;

	if (text == NULL)
		return 0;
	if (leat_json_parse(&g->arena, text, strlen(text), &doc, err) == 0 &&
	    doc.kind == LEAT_MAP)
		v = leat_map_value(&doc, "sequence");
	if (v == NULL || v->kind != LEAT_INT64 || v->u.i < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
		    "the stored offset %.100s has no \"sequence\"", text);
	g->number = v->u.i;
	return 0;
}

static void
gen_close(void *self)
{
	struct datagen *g = self;

	leat_arena_fini(&g->arena);
	free(g);
}

static int32_t
gen_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	const struct config *c = config;
	struct datagen *g = calloc(1, sizeof(*g));
	int rc;

	if (g == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	g->task = t;
	rc = make_fields(g, c, err);
	if (rc == 0)
		rc = make_schema(g, err);
	if (rc == 0)
		rc = resume(g, err);
	if (rc < 0) {
		gen_close(g);
		return rc;
	}
	g->rate = c->rate;
	if (c->max_interval_ms >= 0)
		g->rate = c->max_interval_ms == 0
		    ? 0
		    : 2000.0 / (double)c->max_interval_ms;
	g->base_ms = leat_mono_ms(t);
	g->base_number = g->number;
	g->m_records = leat_metric(t, LEAT_METRIC_COUNTER,
	    "datagen_records_total", "Records made.");
	*ret_self = g;
	return 0;
}

/* ----------------------------------------------------------------- polling */

/*
 * How many records are due. What could not be made in time (back-pressure) is
 * made up for within a second's worth, not more.
 */
static int64_t
due(struct datagen *g)
{
	int64_t left = g->cfg->count < 0 ? INT64_MAX
					 : g->cfg->count - g->number;
	int64_t n = POLL_RECORDS, made = g->number - g->base_number;
	double want;

	if (left <= 0)
		return 0;
	if (g->rate > 0) {
		int64_t now = leat_mono_ms(g->task);

		want = g->rate * (double)(now - g->base_ms) / 1000 -
		    (double)made;
		if (want > g->rate + 1) {
			want = g->rate + 1;
			g->base_ms = now - 1000;
			g->base_number = g->number;
		}
		if (want < (double)n)
			n = (int64_t)want;
	}
	return n < left ? n : left;
}

static void
wait_for_next(struct datagen *g)
{
	double at;
	int64_t ms;

	if (g->cfg->count >= 0 && g->number >= g->cfg->count) {
		leat_wait(g->task, -1, 0, -1);
		return;
	}
	at = (double)(g->number - g->base_number + 1) * 1000 / g->rate;
	ms = g->base_ms + (int64_t)at + 1 - leat_mono_ms(g->task);
	leat_wait(g->task, -1, 0, ms < 1 ? 1 : ms);
}

static int
add_record(struct datagen *g, struct leat_batch *b, int64_t now_ms)
{
	size_t size = g->nfields * sizeof(struct leat_value);
	struct leat_value *v = leat_batch_alloc(b, size + g->text_room);
	struct datagen_draw d = { .number = g->number, .now_ms = now_ms };
	struct leat_record r = {
		.topic = g->cfg->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = now_ms,
		.value_schema = g->schema,
	};
	uint32_t i;

	if (v == NULL)
		return -ENOMEM;
	d.seed = datagen_record_seed((uint64_t)g->cfg->seed, g->number);
	d.text = (char *)v + size;
	for (i = 0; i < g->nfields; i++)
		v[i] = datagen_field_value(&g->fields[i], i, &d);
	r.value = leat_items(LEAT_STRUCT, v, g->nfields);
	if (g->key >= 0) {
		r.key = v[g->key];
		r.key_schema = g->schema->fields[g->key].schema;
	}
	return leat_batch_add(b, &r);
}

static int32_t
gen_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct datagen *g = self;
	int64_t n = due(g), now_ms, made = 0;
	struct leat_buf pos;
	const char *text;
	int rc;

	if (n <= 0) {
		wait_for_next(g);
		return 0;
	}
	now_ms = leat_now_us(g->task) / 1000;
	while (made < n && b->full == 0 && add_record(g, b, now_ms) == 0) {
		made++;
		g->number++;
	}
	if (made == 0)
		return 0;
	leat_metric_add(g->m_records, made);
	leat_buf_init(&pos, 64);
	leat_buf_printf(&pos, "{\"sequence\":%" PRId64 "}", g->number);
	text = leat_buf_cstr(&pos);
	rc = text == NULL ? -ENOMEM
			  : leat_batch_position(b, partition_of(), text);
	leat_buf_fini(&pos);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "no memory for the position");
	return 0;
}

static const struct leat_source_ops source_ops = {
	.size = sizeof(struct leat_source_ops),
	.open = gen_open,
	.poll = gen_poll,
	.close = gen_close,
};

static const struct leat_connector datagen = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "datagen",
	.version = "1.0.0",
	.aliases = "io.confluent.kafka.connect.datagen.DatagenConnector,"
		   "datagen-source",
	.help = "Makes up records of a given shape at a given rate.",
	.flags = LEAT_CAN_EXACTLY_ONCE,
	.options = options,
	.config_size = sizeof(struct config),
	.check = check,
	.source = &source_ops,
};

static const struct leat_connector *const connectors[] = { &datagen };

static const struct leat_plugin plugin = {
	LEAT_PLUGIN_HEAD,
	.name = "leat-datagen",
	.version = "1.0.0",
	.connectors = connectors,
	.nconnectors = 1,
};

LEAT_PLUGIN(plugin)
