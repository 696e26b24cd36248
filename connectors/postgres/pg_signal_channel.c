/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_signal_channel.c: see pg_signal.h; the ways that signals come.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/buf.h>

#include "pg_signal.h"

enum {
	PARSE_CHUNK = 4096,
	PARSE_MAX = 16 * 1024 * 1024,
	RECORDS_A_LOOK = 100
};

int
pg_signals_init(struct pg_signals *s, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, struct leat_arena *a,
    struct leat_err *err)
{
	s->task = t;
	s->cfg = cfg;
	s->prefix = prefix;
	leat_buf_init(&s->file_done, PG_SIGNAL_FILE_MAX);
	s->channels = pg_config_signal_channels(cfg, err);
	if (s->channels < 0)
		return LEAT_E_CONFIG;
	s->topic = cfg->signal_topic != NULL ? cfg->signal_topic :
	    leat_arena_printf(a, "%s-signal", prefix);
	if (s->topic == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return 0;
}

void
pg_signals_fini(struct pg_signals *s)
{
	leat_buf_fini(&s->file_done);
}

static void
deliver(struct pg_signals *s, int rc, const struct pg_signal *sig,
    struct leat_str id, const struct leat_err *err)
{
	char shown[PG_SIGNAL_ID_MAX + 1];

	if (rc == 0) {
		s->act(s->arg, sig);
		return;
	}
	(void)snprintf(shown, sizeof(shown), "%.*s",
	    id.len > PG_SIGNAL_ID_MAX ? PG_SIGNAL_ID_MAX : (int)id.len,
	    id.len == 0 ? "" : id.ptr);
	s->refuse(s->arg, shown, err);
}

static void
take(struct pg_signals *s, struct leat_str id, struct leat_str type,
    struct leat_str data)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct pg_signal sig;
	struct leat_arena a;
	int rc;

	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	rc = pg_signal_parse(id, type, data, &a, &sig, &err);
	deliver(s, rc, &sig, id, &err);
	leat_arena_fini(&a);
}

static void
take_object(struct pg_signals *s, struct leat_str json)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct pg_signal sig;
	struct leat_arena a;
	int rc;

	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	rc = pg_signal_parse_object(json, &a, &sig, &err);
	deliver(s, rc, &sig, LEAT_STR(""), &err);
	leat_arena_fini(&a);
}

int
pg_signals_take(struct pg_signals *s, struct leat_str id,
    struct leat_str type, struct leat_str data, struct leat_err *err)
{
	if ((s->channels & PG_CHANNEL_PROCESS) == 0)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_STATE,
		    "signal.enabled.channels has no in-process: the signal is "
		    "not taken");
	take(s, id, type, data);
	return 0;
}

/* ------------------------------------------------------------------- table */

int
pg_signal_is_table(const char *table, struct leat_str schema,
    struct leat_str name)
{
	return table != NULL && strlen(table) == schema.len + 1 + name.len &&
	    memcmp(table, schema.ptr, schema.len) == 0 &&
	    table[schema.len] == '.' &&
	    memcmp(table + schema.len + 1, name.ptr, name.len) == 0;
}

void
pg_signals_relation(struct pg_signals *s, const struct pgo_relation *rel)
{
	if ((s->channels & PG_CHANNEL_SOURCE) == 0)
		return;
	if (pg_signal_is_table(s->cfg->signal_table, rel->schema, rel->name))
		s->table_oid = rel->oid;
	else if (s->table_oid == rel->oid)
		s->table_oid = 0;	/* it was renamed */
}

static struct leat_str
column(const struct pgo_tuple *row, uint32_t i)
{
	if (i >= row->ncols || row->cols[i].kind != PGO_TEXT)
		return LEAT_STR("");
	return (struct leat_str){ row->cols[i].data, row->cols[i].len };
}

void
pg_signals_row(struct pg_signals *s, const struct pgo_tuple *row)
{
	take(s, column(row, 0), column(row, 1), column(row, 2));
}

/* -------------------------------------------------------------------- file */

/* All of the file, which may grow meanwhile. */
static int
read_all(int fd, struct leat_buf *b)
{
	for (;;) {
		uint8_t *to = leat_buf_reserve(b, 4096);
		ssize_t n;

		if (to == NULL)
			return -EFBIG;
		n = read(fd, to, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

/* Opens it. -1, and *ret is 0 or -errno; a file that is not there is empty. */
static int
open_file(const char *path, int *ret)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	*ret = fd >= 0 || errno == ENOENT ? 0 : -errno;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		*ret = -errno;
	else if (!S_ISREG(st.st_mode))
		*ret = -EINVAL;
	if (*ret == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* What is in front of b's end was done: unless it is another file by now. */
static size_t
done_before(const struct pg_signals *s, const struct leat_buf *b)
{
	size_t n = s->file_done.len;

	return n > 0 && n <= b->len && memcmp(b->data, s->file_done.data,
	    n) == 0 ? n : 0;
}

/* All of it was done, and that is durable: it may go, if it did not grow. */
static int
empty_file(struct pg_signals *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size != s->file_done.len)
		return 0;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	leat_buf_reset(&s->file_done);
	return 0;
}

/* Acts on the lines from `at` on. */
static void
take_lines(struct pg_signals *s, const struct leat_buf *b, size_t at)
{
	struct leat_str rest = { (const char *)b->data + at, b->len - at };

	/* First: what they do is stored together with it. */
	leat_buf_reset(&s->file_done);
	(void)leat_buf_add(&s->file_done, b->data, b->len);
	s->file_waits = s->moved = 1;
	while (rest.len > 0) {
		struct leat_str line = leat_str_trim(leat_str_cut(&rest,
		    '\n'));

		if (line.len > 0)
			take_object(s, line);
	}
}

static int
read_file(struct pg_signals *s, int fd)
{
	struct leat_buf b;
	size_t at;
	int rc;

	leat_buf_init(&b, PG_SIGNAL_FILE_MAX);
	rc = read_all(fd, &b);
	at = rc < 0 ? 0 : done_before(s, &b);
	if (rc == 0 && b.len > at)
		take_lines(s, &b, at);
	else if (rc == 0 && at > 0)
		rc = empty_file(s, fd);
	leat_buf_fini(&b);
	return rc;
}

static void
poll_file(struct pg_signals *s)
{
	int rc, fd;

	if (s->file_waits)
		return;
	fd = open_file(s->cfg->signal_file, &rc);
	if (fd >= 0) {
		rc = read_file(s, fd);
		(void)close(fd);
	}
	if (rc < 0 && !s->file_bad)
		leat_log_warn(s->task, "the file of signals cannot be read",
		    "file=\"%s\" reason=\"%s\"", s->cfg->signal_file,
		    rc == -EINVAL ? "not a plain file" : strerror(-rc));
	s->file_bad = rc < 0;
}

#define FILE_MEMBER "\"signal_file_bytes\":"

void
pg_signals_encode(const struct pg_signals *s, struct leat_buf *b)
{
	if (s->file_waits)
		(void)leat_buf_printf(b, "," FILE_MEMBER "%zu",
		    s->file_done.len);
}

/* A quote within a text of the position has a backslash: this is no text. */
void
pg_signals_durable(struct pg_signals *s, const char *position)
{
	if (s->file_waits && strstr(position, FILE_MEMBER) != NULL)
		s->file_waits = 0;
}

/* ------------------------------------------------------------------- topic */

static void
take_record(struct pg_signals *s, const struct leat_topic_record *rec)
{
	struct leat_str key = { rec->key, rec->key_len };

	if (rec->key == NULL || !leat_str_eq_c(key, s->prefix))
		leat_log_debug(s->task, "signal for somebody else",
		    "offset=%lld", (long long)rec->offset);
	else if (rec->value != NULL)
		take_object(s, (struct leat_str){ rec->value,
		    rec->value_len });
}

static void
poll_topic(struct pg_signals *s)
{
	struct leat_topic_record rec = { .size = sizeof(rec) };
	struct leat_err err = LEAT_ERR_INIT;
	int rc = 0;

	for (int i = 0; i < RECORDS_A_LOOK; i++) {
		rc = leat_topic_next(s->task, s->topic, s->topic_offset, &rec,
		    &err);
		if (rc <= 0)
			break;
		/* First: what it does is stored together with it. */
		s->topic_offset = rec.offset + 1;
		s->moved = 1;
		take_record(s, &rec);
	}
	if (rc < 0 && !s->topic_bad)
		leat_log_warn(s->task, "the topic of signals cannot be read",
		    "topic=%s reason=\"%s\"", s->topic, err.text);
	s->topic_bad = rc < 0;
	if (rc > 0)
		s->next_look = 0;	/* there is more */
}

void
pg_signals_poll(struct pg_signals *s)
{
	int64_t now = leat_mono_ms(s->task);

	if (now < s->next_look ||
	    (s->channels & (PG_CHANNEL_FILE | PG_CHANNEL_KAFKA)) == 0)
		return;
	s->next_look = now + s->cfg->signal_poll_ms;
	if ((s->channels & PG_CHANNEL_FILE) != 0)
		poll_file(s);
	if ((s->channels & PG_CHANNEL_KAFKA) != 0)
		poll_topic(s);
}
