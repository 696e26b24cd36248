/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file-source: lines of files that others append to, as records.
 *
 * Each poll() reads a piece of each file that has more, hands out its whole
 * lines and gives the file's position behind them. A line without its end
 * waits. Lines are handed out where they stand in the read buffer, so a buffer
 * moves only at the beginning of a poll().
 */
#include <errno.h>
#include <stdlib.h>

#include <leat/connector.h>
#include <leat/json.h>

#include "file_plugin.h"
#include "file_watch.h"

enum { SCAN_MS = 10000, LOOK_MS = 1000 };

enum format { FORMAT_LINES, FORMAT_JSON };
enum start { START_BEGINNING, START_END };
enum on_error { ERROR_FAIL, ERROR_SKIP };

struct config {
	struct leat_list files;
	const char *topic;
	const char *key_pointer;
	int32_t format;
	int32_t start;
	int32_t on_error;
	int32_t reserved;
	int64_t max_line;
	int64_t batch;
	int64_t rotate_wait_ms;
};

struct source {
	struct leat_task *task;
	const struct config *cfg;
	struct file_watch watch;
	const struct leat_schema *text;	/* of a line */
	struct leat_arena arena;	/* parsed lines of one poll() */
	struct leat_buf offset;
	bool scanned;
	bool give_mark;		/* the very first poll() */
	int64_t next_scan_ms;
	uint32_t turn;		/* which file comes first */
	int64_t *m_records;
	int64_t *m_bytes;
	int64_t *m_skipped;
	int64_t *m_files;
};

/* Says that this source ran before: then new files are read whole. */
static const char started[] = "{\"source\":\"file\"}";

#define ROW(n, t, field) \
	.name = n, .type = t, .offset = offsetof(struct config, field), \
	.since = "1.0.0"

/* clang-format off */
static const struct leat_option options[] = {
	{ ROW("file", LEAT_OPT_LIST, files), .aliases = "files,path,paths",
	  .flags = LEAT_OPT_REQUIRED | LEAT_OPT_HIGH,
	  .help = "Files to read, as names or patterns (*, ?, [a-z])." },
	{ ROW("topic", LEAT_OPT_STRING, topic),
	  .flags = LEAT_OPT_REQUIRED | LEAT_OPT_HIGH,
	  .help = "Topic to write to." },
	{ ROW("format", LEAT_OPT_CHOICE, format), .def = "lines",
	  .choices = "lines,json", .flags = LEAT_OPT_HIGH,
	  .help = "lines: each line is a string; json: each line is a JSON "
	      "value." },
	{ ROW("key.pointer", LEAT_OPT_STRING, key_pointer),
	  .help = "JSON pointer to the record's key, with format json." },
	{ ROW("start", LEAT_OPT_CHOICE, start), .def = "beginning",
	  .choices = "beginning,end",
	  .help = "Where to begin, the very first time, in files that are "
	      "there already." },
	{ ROW("behavior.on.error", LEAT_OPT_CHOICE, on_error),
	  .def = "fail", .choices = "fail,skip",
	  .help = "What to do about a line that is too long or not JSON: "
	      "stop, or pass over it with a warning." },
	{ ROW("max.line.bytes", LEAT_OPT_BYTES, max_line), .def = "1MiB",
	  .min = 1, .max = 268435456, .help = "Longest line." },
	{ ROW("batch.size", LEAT_OPT_INT, batch), .def = "2000", .min = 1,
	  .max = 1000000, .help = "Most records of one file at a time." },
	{ ROW("rotate.wait.ms", LEAT_OPT_DURATION, rotate_wait_ms),
	  .def = "5s", .min = 0, .max = 86400000,
	  .help = "How long a file that was renamed away is still read, for "
	      "a writer that has not noticed." },
	{ .name = NULL },
};
/* clang-format on */

static int32_t
check(const void *config, struct leat_err *err)
{
	const struct config *c = config;

	if (c->files.len == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "file: no names");
	if (c->key_pointer == NULL || *c->key_pointer == '\0')
		return 0;
	if (c->format != FORMAT_JSON)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "key.pointer: needs format: json");
	if (*c->key_pointer != '/')
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "key.pointer: '%s' is not a JSON pointer (it begins with "
		    "a /)",
		    c->key_pointer);
	return 0;
}

/* ------------------------------------------------------------------- lines */

/* A bad line: 0 to go on, or class RECORD. */
static int
bad_line(struct source *s, const struct file_tail *t, size_t len,
    const char *why, struct leat_err *err)
{
	long long at = (long long)t->pos - (long long)len;

	leat_metric_add(s->m_skipped, 1);
	if (s->cfg->on_error == ERROR_FAIL)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "'%s' near byte %lld: %s (behavior.on.error: skip passes "
		    "over it)",
		    t->path, at, why);
	leat_log_warn(s->task, "line skipped",
	    "file=\"%s\" near=%lld why=\"%s\"", t->path, at, why);
	return 0;
}

/* Puts U+FFFD where bytes are not UTF-8, into the batch's memory. */
static int
mend_utf8(struct leat_batch *b, struct leat_str *line)
{
	uint8_t *to = leat_batch_alloc(b, line->len * 3 + 1);
	size_t at = 0, n = 0, k;

	if (to == NULL)
		return -ENOMEM;
	while (at < line->len) {
		for (k = 1; k <= 4 && at + k <= line->len; k++) {
			if (leat_utf8_valid(line->ptr + at, k))
				break;
		}
		if (k <= 4 && at + k <= line->len) {
			memcpy(to + n, line->ptr + at, k);
			n += k;
			at += k;
		} else {
			memcpy(to + n, "\xef\xbf\xbd", 3);
			n += 3;
			at++;
		}
	}
	*line = (struct leat_str){ (const char *)to, n };
	return 0;
}

static int
add_text(struct source *s, struct leat_batch *b, struct leat_str line)
{
	struct leat_record r = {
		.topic = s->cfg->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = LEAT_TIMESTAMP_NONE,
		.value_schema = s->text,
	};

	if (!leat_utf8_valid(line.ptr, line.len) && mend_utf8(b, &line) < 0)
		return -ENOMEM;
	r.value = leat_string(line.ptr, line.len);
	return leat_batch_add(b, &r);
}

enum { BAD_JSON = 1 };

/* 0, BAD_JSON with err filled, or -ENOMEM. */
static int
add_json(struct source *s, struct leat_batch *b, struct leat_str line,
    struct leat_err *err)
{
	struct leat_record r = {
		.topic = s->cfg->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = LEAT_TIMESTAMP_NONE,
	};
	const struct leat_value *key;
	int rc;

	rc = leat_json_parse(&s->arena, line.ptr, line.len, &r.value, err);
	if (rc < 0)
		return rc == -ENOMEM ? rc : BAD_JSON;
	if (s->cfg->key_pointer != NULL && *s->cfg->key_pointer != '\0') {
		key = leat_json_pointer(&r.value,
		    leat_str_c(s->cfg->key_pointer));
		if (key != NULL)
			r.key = *key;
	}
	return leat_batch_add(b, &r);
}

/* Steps back before the line, which did not fit into the batch. */
static void
put_back(struct file_tail *t, size_t used)
{
	t->used = used;
	t->pos = t->buf_pos + (int64_t)used;
}

/* 0: added or passed over; 1: no room; negative with err filled. */
static int
add_line(struct source *s, struct leat_batch *b, struct file_tail *t,
    struct leat_str line, size_t before, struct leat_err *err)
{
	int rc;

	if ((int64_t)line.len > s->cfg->max_line)
		return bad_line(s, t, line.len, "line longer than "
		    "max.line.bytes", err);
	if (s->cfg->format == FORMAT_LINES) {
		rc = add_text(s, b, line);
	} else {
		if (leat_str_trim(line).len == 0)
			return 0;
		rc = add_json(s, b, line, err);
		if (rc == BAD_JSON)
			return bad_line(s, t, line.len, err->text, err);
	}
	if (rc < 0) {
		put_back(t, before);
		return 1;
	}
	leat_metric_add(s->m_records, 1);
	return 0;
}

static int
give_position(struct source *s, struct leat_batch *b, struct file_tail *t,
    struct leat_err *err)
{
	const char *text;
	int rc = -ENOMEM;

	leat_buf_reset(&s->offset);
	file_tail_print(t, &s->offset);
	text = leat_buf_cstr(&s->offset);
	if (text != NULL)
		rc = leat_batch_position(b, t->partition, text);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "no memory for the position");
	t->dirty = false;
	return 0;
}

/* The lines of one file that are in its buffer. */
static int
take_lines(struct source *s, struct leat_batch *b, struct file_tail *t,
    struct leat_err *err)
{
	struct leat_str line;
	int64_t n = 0, from = t->pos;
	int rc = 0;

	while (rc == 0 && b->full == 0 && n < s->cfg->batch) {
		size_t before = t->used;

		if (!file_tail_line(t, &line))
			break;
		rc = add_line(s, b, t, line, before, err);
		n++;
	}
	leat_metric_add(s->m_bytes, t->pos - from);
	if (rc >= 0 && file_tail_too_long(t, (size_t)s->cfg->max_line))
		rc = bad_line(s, t, 0, "line longer than max.line.bytes",
		    err);
	if (rc < 0)
		return rc;
	return t->dirty ? give_position(s, b, t, err) : 0;
}

static int
read_tail(struct source *s, struct leat_batch *b, struct file_tail *t,
    struct leat_err *err)
{
	int rc = file_tail_check(t, err);

	if (rc > 0)
		leat_log_notice(s->task, "file was truncated",
		    "file=\"%s\"", t->path);
	if (rc < 0 ||
	    file_tail_fill(t, (size_t)s->cfg->max_line, err) < 0)
		return err->code;
	return take_lines(s, b, t, err);
}

/* ----------------------------------------------------------------- polling */

/* Is a file before this one, of the same name, still to be read? */
static bool
has_to_wait(const struct file_tail *t)
{
	return t->prev != NULL && (file_tail_check(t->prev, NULL) != 0 ||
	    file_tail_ready(t->prev) || has_to_wait(t->prev));
}

static int
read_all(struct source *s, struct leat_batch *b, struct leat_err *err)
{
	struct file_tail *t;
	uint32_t i, round;
	int rc;

	/* The first in turn, to the end of the list, then the others. */
	for (round = 0; round < 2; round++) {
		for (t = s->watch.tails, i = 0; t != NULL; t = t->next, i++) {
			if ((i >= s->turn) == (round == 1) ||
			    has_to_wait(t))
				continue;
			if (b->full != 0)
				return 0;
			rc = read_tail(s, b, t, err);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int
scan(struct source *s, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);
	int rc;

	file_watch_events(&s->watch);
	if (!s->watch.changed && now < s->next_scan_ms)
		return 0;
	rc = file_watch_scan(&s->watch, !s->scanned, err);
	s->scanned = true;
	s->next_scan_ms = now + SCAN_MS;
	leat_metric_set(s->m_files, s->watch.ntails);
	return rc;
}

static bool
more(const struct source *s)
{
	const struct file_tail *t;

	for (t = s->watch.tails; t != NULL; t = t->next) {
		if (file_tail_ready(t))
			return true;
	}
	return false;
}

static int64_t
wait_ms(struct source *s)
{
	const struct file_tail *t;
	int64_t ms = LOOK_MS;

	if (more(s))
		return 0;
	for (t = s->watch.tails; t != NULL; t = t->next) {
		if (t->gone && s->cfg->rotate_wait_ms < ms)
			ms = s->cfg->rotate_wait_ms;
		if (t->gone)
			s->next_scan_ms = 0;
	}
	return ms;
}

static int32_t
source_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct source *s = self;
	int rc;

	leat_arena_reset(&s->arena);
	rc = scan(s, err);
	if (rc == 0)
		rc = read_all(s, b, err);
	if (rc < 0)
		return rc;
	if (s->give_mark) {
		if (leat_batch_position(b, started, "{\"started\":true}") < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "no memory for the position");
		s->give_mark = false;
	}
	s->turn = s->watch.ntails > 0 ? (s->turn + 1) % s->watch.ntails : 0;
	if (b->nrecords == 0)
		leat_wait(s->task, s->watch.notify_fd, LEAT_WAIT_READ,
		    wait_ms(s));
	return 0;
}

/* ------------------------------------------------------------ life and end */

static void
source_close(void *self)
{
	struct source *s = self;

	file_watch_fini(&s->watch);
	leat_arena_fini(&s->arena);
	leat_buf_fini(&s->offset);
	free(s);
}

static int32_t
source_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	const struct config *c = config;
	struct source *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->task = t;
	s->cfg = c;
	leat_buf_init(&s->offset, 64 * 1024);
	leat_arena_init(&s->arena, 256 * 1024, 0);
	file_watch_init(&s->watch, t, &c->files);
	s->watch.keep_ms = c->rotate_wait_ms;
	s->give_mark = leat_offset_get(t, started) == NULL;
	s->watch.from_end = c->start == START_END && s->give_mark;
	s->text = leat_schema_intern(t, leat_schema_plain(LEAT_STRING, 0),
	    err);
	rc = s->text == NULL ? err->code : 0;
	/* Offsets can be asked for here only while open() runs, or poll(). */
	if (rc == 0)
		rc = scan(s, err);
	if (rc < 0) {
		source_close(s);
		return rc;
	}
	s->m_records = leat_metric(t, LEAT_METRIC_COUNTER,
	    "file_source_records_total", "Lines handed out.");
	s->m_bytes = leat_metric(t, LEAT_METRIC_COUNTER,
	    "file_source_bytes_total", "Bytes of lines handed out.");
	s->m_skipped = leat_metric(t, LEAT_METRIC_COUNTER,
	    "file_source_bad_lines_total", "Lines too long or not JSON.");
	s->m_files = leat_metric(t, LEAT_METRIC_GAUGE, "file_source_files",
	    "Files open.");
	leat_metric_set(s->m_files, s->watch.ntails);
	*ret_self = s;
	return 0;
}

static const struct leat_source_ops ops = {
	.size = sizeof(struct leat_source_ops),
	.open = source_open,
	.poll = source_poll,
	.close = source_close,
};

const struct leat_connector file_source = {
	.size = sizeof(struct leat_connector),
	.kind = LEAT_SOURCE,
	.name = "file-source",
	.version = "1.0.0",
	.aliases = "org.apache.kafka.connect.file.FileStreamSourceConnector,"
		   "FileStreamSource",
	.help = "Follows files line by line.",
	.flags = LEAT_CAN_EXACTLY_ONCE,
	.options = options,
	.config_size = sizeof(struct config),
	.check = check,
	.source = &ops,
};
