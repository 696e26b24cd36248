/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file-sink: records to lines of files.
 *
 * put() formats the whole batch in memory, writes it, and only then moves the
 * ends of the files: a batch is in the files or is not. flush() makes it
 * durable together with the offsets it reaches to (file_output.h).
 */
#include <errno.h>
#include <stdlib.h>

#include <leat/connector.h>
#include <leat/json.h>

#include "file_output.h"
#include "file_path.h"
#include "file_plugin.h"

enum {
	OUTPUTS_MAX = 256,
	PATH_BYTES_MAX = 4096,
	IDLE_MS = 5 * 60 * 1000	/* then a file is closed after a flush */
};

enum format { FORMAT_AUTO, FORMAT_JSON, FORMAT_RECORD };
enum tombstone { TOMB_WRITE, TOMB_IGNORE };
enum delivery { AT_LEAST_ONCE, EXACTLY_ONCE };

struct config {
	const char *file;
	int32_t format;
	int32_t tombstones;
	int32_t decimals;
	int32_t delivery;
	int64_t rotate_bytes;
	int64_t rotate_ms;
};

struct sink {
	struct leat_task *task;
	const struct config *cfg;
	int depends;		/* FILE_PATH_* of the file's name */
	struct file_output *outputs[OUTPUTS_MAX];
	uint32_t noutputs;
	struct leat_buf path;
	/* Of the record before: */
	struct file_output *last;
	const char *last_topic;
	const char *last_origin;
	int32_t last_partition;
	int64_t *last_offset;
	/* Of this batch: */
	struct file_output **where;	/* per record, NULL: not written */
	uint32_t nwhere;
	uint64_t skipped;	/* of this put */
	int64_t now_ms;
	int64_t *m_bytes;
	int64_t *m_rotations;
	int64_t *m_skipped;
};

#define ROW(n, t, field) \
	.name = n, .type = t, .offset = offsetof(struct config, field), \
	.since = "1.0.0"

/* clang-format off */
static const struct leat_option options[] = {
	{ ROW("file", LEAT_OPT_STRING, file), .aliases = "path",
	  .def = "/dev/stdout", .flags = LEAT_OPT_HIGH,
	  .help = "File to append to. May hold ${topic}, ${partition}, "
	      "${task}, and of the time in UTC ${date} and ${hour}." },
	{ ROW("format", LEAT_OPT_CHOICE, format), .def = "auto",
	  .choices = "auto,json,record", .flags = LEAT_OPT_HIGH,
	  .help = "What a line holds. auto: the value, text and bytes as they "
	      "are, everything else as JSON; json: the value as JSON; "
	      "record: a JSON object with topic, partition, offset, "
	      "timestamp, key and value." },
	{ ROW("behavior.on.null.values", LEAT_OPT_CHOICE, tombstones),
	  .aliases = "tombstones", .def = "write", .choices = "write,ignore",
	  .help = "Tombstones become a line null, or nothing." },
	{ ROW("decimal.format", LEAT_OPT_CHOICE, decimals), .def = "NUMERIC",
	  .choices = "NUMERIC,BASE64",
	  .help = "How Connect's Decimal stands in JSON." },
	{ ROW("delivery", LEAT_OPT_CHOICE, delivery), .def = "at-least-once",
	  .choices = "at-least-once,exactly-once",
	  .help = "exactly-once: records that the file holds already, by the "
	      "offsets kept beside it, are not written again, even when "
	      "they are replayed on purpose." },
	{ ROW("rotate.bytes", LEAT_OPT_BYTES, rotate_bytes), .def = "0",
	  .min = 0, .max = INT64_MAX,
	  .help = "Start a new file when this one has so many bytes "
	      "(checked between batches); 0: never." },
	{ ROW("rotate.interval.ms", LEAT_OPT_DURATION, rotate_ms),
	  .def = "0", .min = 0, .max = INT64_MAX,
	  .help = "Start a new file when this one is so old; 0: never." },
	{ .name = NULL },
};
/* clang-format on */

static int32_t
check(const void *config, struct leat_err *err)
{
	const struct config *c = config;
	int depends = file_path_check(c->file, err);

	if (depends < 0)
		return depends;
	if (c->delivery == EXACTLY_ONCE && (depends & FILE_PATH_TIME) != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "delivery: exactly-once needs a file name without ${date} "
		    "and ${hour}");
	return 0;
}

/* ----------------------------------------------------------------- outputs */

static void
close_output(struct sink *s, uint32_t i)
{
	file_output_close(s->outputs[i]);
	free(s->outputs[i]);
	s->outputs[i] = s->outputs[--s->noutputs];
	s->last = NULL;
	s->last_offset = NULL;
}

static struct file_output *
open_output(struct sink *s, const char *path, struct leat_err *err)
{
	struct file_output *o;

	if (s->noutputs == OUTPUTS_MAX) {
		leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "file: more than %d files open", OUTPUTS_MAX);
		return NULL;
	}
	o = malloc(sizeof(*o));
	if (o == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
		return NULL;
	}
	if (file_output_open(o, path, s->now_ms, err) < 0) {
		free(o);
		return NULL;
	}
	leat_log_info(s->task, "file opened", "file=\"%s\" bytes=%lld", path,
	    (long long)o->bytes);
	s->outputs[s->noutputs++] = o;
	return o;
}

static int
rotate_if_due(struct sink *s, struct file_output *o, struct leat_err *err)
{
	const struct config *c = s->cfg;
	bool big = c->rotate_bytes > 0 && o->bytes >= c->rotate_bytes;
	bool old = c->rotate_ms > 0 && s->now_ms - o->opened_ms >= c->rotate_ms;

	if (o->pending.len > 0 || o->plain || o->bytes == 0 || (!big && !old))
		return 0;
	if (file_output_rotate(o, s->now_ms, err) < 0)
		return err->code;
	leat_metric_add(s->m_rotations, 1);
	leat_log_info(s->task, "file rotated", "file=\"%s\"", o->path);
	return 0;
}

/* The file of a record, or NULL with err filled. */
static struct file_output *
output_of(struct sink *s, const struct leat_record *r, struct leat_err *err)
{
	struct file_path_vars v = { r->topic, r->origin_partition,
		leat_task_id(s->task), s->now_ms };
	const char *path;
	uint32_t i;

	if (s->last != NULL &&
	    ((s->depends & FILE_PATH_RECORD) == 0 ||
		(s->last_topic == r->topic &&
		    s->last_partition == r->origin_partition)))
		return s->last;
	leat_buf_reset(&s->path);
	if (file_path_expand(s->cfg->file, &v, &s->path, err) < 0)
		return NULL;
	path = leat_buf_cstr(&s->path);
	for (i = 0; path != NULL && i < s->noutputs; i++) {
		if (strcmp(s->outputs[i]->path, path) == 0)
			return s->outputs[i];
	}
	if (path == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
		return NULL;
	}
	return open_output(s, path, err);
}

/* ----------------------------------------------------------------- lines */

static void
add_value(const struct sink *s, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *b)
{
	bool text = v->kind == LEAT_STRING || v->kind == LEAT_BYTES;

	if (s->cfg->format == FORMAT_AUTO && text &&
	    (schema == NULL || schema->name == NULL))
		leat_buf_add(b, v->u.b, v->len);
	else
		leat_json_add_typed(b, schema, v,
		    s->cfg->decimals ? LEAT_JSON_DECIMAL_BASE64 : 0);
}

static void
add_envelope(const struct sink *s, const struct leat_record *r,
    struct leat_buf *b)
{
	leat_buf_add_str(b, "{\"topic\":");
	leat_json_add_string(b, r->topic, strlen(r->topic));
	leat_buf_add_str(b, ",\"partition\":");
	leat_buf_add_i64(b, r->origin_partition);
	leat_buf_add_str(b, ",\"offset\":");
	leat_buf_add_i64(b, r->offset);
	leat_buf_add_str(b, ",\"timestamp\":");
	leat_buf_add_i64(b, r->timestamp_ms);
	leat_buf_add_str(b, ",\"key\":");
	add_value(s, r->key_schema, &r->key, b);
	leat_buf_add_str(b, ",\"value\":");
	add_value(s, r->value_schema, &r->value, b);
	leat_buf_add_byte(b, '}');
}

static const char *
origin_topic(const struct leat_record *r)
{
	return r->origin_topic != NULL ? r->origin_topic : r->topic;
}

/* Where the offset of the record's partition is kept in its file. */
static int64_t *
offset_of(struct sink *s, struct file_output *o, const struct leat_record *r)
{
	if (s->last_offset == NULL || s->last != o ||
	    s->last_origin != origin_topic(r) ||
	    s->last_partition != r->origin_partition) {
		s->last_offset = file_state_offset(&o->next, origin_topic(r),
		    r->origin_partition);
		s->last = o;
		s->last_topic = r->topic;
		s->last_origin = origin_topic(r);
		s->last_partition = r->origin_partition;
	}
	return s->last_offset;
}

/* Formats one record. 0, or negative with err filled. */
static int
add_record(struct sink *s, uint32_t i, const struct leat_record *r,
    struct leat_err *err)
{
	struct file_output *o;
	int64_t *offset;
	size_t before;

	s->where[i] = NULL;
	if (r->value.kind == LEAT_NULL && s->cfg->tombstones == TOMB_IGNORE)
		return 0;
	o = output_of(s, r, err);
	if (o == NULL || rotate_if_due(s, o, err) < 0)
		return err->code;
	offset = offset_of(s, o, r);
	if (offset == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	if (s->cfg->delivery == EXACTLY_ONCE && r->offset <= *offset) {
		s->skipped++;
		return 0;
	}
	before = o->pending.len;
	if (s->cfg->format == FORMAT_RECORD)
		add_envelope(s, r, &o->pending);
	else
		add_value(s, r->value_schema, &r->value, &o->pending);
	leat_buf_add_byte(&o->pending, '\n');
	if (o->pending.failed) {
		o->pending.len = before;
		o->pending.failed = false;
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "no room for a line, or nested too deep");
	}
	o->used_ms = s->now_ms;
	s->where[i] = o;
	return 0;
}

static int
add_batch(struct sink *s, const struct leat_sink_batch *b,
    struct leat_err *err)
{
	uint32_t i;

	for (i = 0; i < b->nrecords; i++) {
		int rc = add_record(s, i, &b->records[i], err);

		if (rc < 0 && err->cls == LEAT_CLS_RECORD)
			rc = leat_sink_fail(s->task, i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
write_batch(struct sink *s, struct leat_err *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < s->noutputs; i++) {
		leat_metric_add(s->m_bytes,
		    (int64_t)s->outputs[i]->pending.len);
		rc = file_output_write(s->outputs[i], err);
	}
	return rc;
}

static int
make_room(struct sink *s, uint32_t n)
{
	struct file_output **where;

	if (n <= s->nwhere)
		return 0;
	where = realloc(s->where, n * sizeof(struct file_output *));
	if (where == NULL)
		return -ENOMEM;
	s->where = where;
	s->nwhere = n;
	return 0;
}

static int32_t
sink_put(void *self, const struct leat_sink_batch *b, struct leat_err *err)
{
	struct sink *s = self;
	uint32_t i;
	int rc;

	if (make_room(s, b->nrecords) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->now_ms = leat_now_us(s->task) / 1000;
	s->skipped = 0;
	/* The pointers of the last batch say nothing about this one's. */
	s->last = NULL;
	s->last_offset = NULL;
	rc = add_batch(s, b, err);
	if (rc == 0)
		rc = write_batch(s, err);
	if (rc < 0) {
		for (i = 0; i < s->noutputs; i++)
			file_output_rollback(s->outputs[i]);
		return rc;
	}
	for (i = 0; i < b->nrecords; i++) {
		const struct leat_record *r = &b->records[i];

		if (s->where[i] != NULL)
			*offset_of(s, s->where[i], r) = r->offset;
	}
	for (i = 0; i < s->noutputs; i++)
		file_output_commit(s->outputs[i]);
	if (s->skipped > 0) {
		leat_metric_add(s->m_skipped, (int64_t)s->skipped);
		leat_log_notice(s->task, "records skipped, the file has them",
		    "records=%llu", (unsigned long long)s->skipped);
	}
	return 0;
}

static int32_t
sink_flush(void *self, struct leat_err *err)
{
	struct sink *s = self;
	uint32_t i = 0;

	while (i < s->noutputs) {
		struct file_output *o = s->outputs[i];

		if (file_output_sync(o, err) < 0)
			return err->code;
		if (s->depends != 0 && s->now_ms - o->used_ms > IDLE_MS)
			close_output(s, i);
		else
			i++;
	}
	return 0;
}

/* Files grow old while nothing comes, too. */
static int32_t
sink_tick(void *self, struct leat_err *err)
{
	struct sink *s = self;
	uint32_t i;

	s->now_ms = leat_now_us(s->task) / 1000;
	for (i = 0; i < s->noutputs; i++) {
		if (rotate_if_due(s, s->outputs[i], err) < 0)
			return err->code;
	}
	return 0;
}

/* ------------------------------------------------------------ life and end */

static void
sink_close(void *self)
{
	struct sink *s = self;

	while (s->noutputs > 0)
		close_output(s, s->noutputs - 1);
	leat_buf_fini(&s->path);
	free(s->where);
	free(s);
}

static int32_t
sink_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	const struct config *c = config;
	struct file_path_vars v = { "", 0, leat_task_id(t), 0 };
	struct sink *s = calloc(1, sizeof(*s));
	const char *path;
	int rc;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->task = t;
	s->cfg = c;
	s->now_ms = leat_now_us(t) / 1000;
	leat_buf_init(&s->path, PATH_BYTES_MAX);
	rc = s->depends = file_path_check(c->file, err);
	/* A fixed name is tried at once, not at the first record. */
	if (rc == 0) {
		rc = file_path_expand(c->file, &v, &s->path, err);
		path = leat_buf_cstr(&s->path);
		if (rc == 0 && (path == NULL ||
				   open_output(s, path, err) == NULL))
			rc = path == NULL ? -ENOMEM : err->code;
	}
	if (rc < 0) {
		sink_close(s);
		return rc;
	}
	s->m_bytes = leat_metric(t, LEAT_METRIC_COUNTER,
	    "file_sink_bytes_total", "Bytes written.");
	s->m_rotations = leat_metric(t, LEAT_METRIC_COUNTER,
	    "file_sink_rotations_total", "Files rotated.");
	s->m_skipped = leat_metric(t, LEAT_METRIC_COUNTER,
	    "file_sink_skipped_records_total",
	    "Records that the file had already (delivery: exactly-once).");
	*ret_self = s;
	return 0;
}

static const struct leat_sink_ops ops = {
	.size = sizeof(struct leat_sink_ops),
	.open = sink_open,
	.put = sink_put,
	.flush = sink_flush,
	.tick = sink_tick,
	.close = sink_close,
};

const struct leat_connector file_sink = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SINK,
	.name = "file-sink",
	.version = "1.0.0",
	.aliases = "org.apache.kafka.connect.file.FileStreamSinkConnector,"
		   "FileStreamSink",
	.help = "Writes records as lines of files.",
	.flags = LEAT_TAKES_TOMBSTONES,
	.options = options,
	.config_size = sizeof(struct config),
	.check = check,
	.sink = &ops,
};
