/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file that is read line by line while others write it.
 */
#include "file_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/json.h>

/* ------------------------------------------------------------------- marks */

static int
parse_hex(const struct leat_value *v, uint64_t *ret_value)
{
	uint64_t h = 0;
	uint32_t i;

	if (v->kind != LEAT_STRING || v->len != 16)
		return -1;
	for (i = 0; i < 16; i++) {
		char c = v->u.s[i];

		if (c >= '0' && c <= '9')
			h = h << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			h = h << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -1;
	}
	*ret_value = h;
	return 0;
}

int
file_mark_parse(struct file_mark *m, const char *text, struct leat_err *err)
{
	const struct leat_value *pos, *fp, *len;
	struct leat_arena a;
	struct leat_value doc;
	int rc = -1;

	memset(m, 0, sizeof(*m));
	leat_arena_init(&a, 1024, 1024 * 1024);
	if (leat_json_parse(&a, text, strlen(text), &doc, NULL) == 0 &&
	    doc.kind == LEAT_MAP) {
		pos = leat_map_value(&doc, "position");
		fp = leat_map_value(&doc, "fingerprint");
		len = leat_map_value(&doc, "length");
		if (pos != NULL && pos->kind == LEAT_INT64 && pos->u.i >= 0) {
			m->position = pos->u.i;
			rc = 0;
		}
		if (fp != NULL && parse_hex(fp, &m->fingerprint) < 0)
			rc = -1;
		if (len != NULL && len->kind == LEAT_INT64 && len->u.i >= 0 &&
		    len->u.i <= TAIL_HEAD_BYTES)
			m->length = len->u.i;
		else if (len != NULL)
			rc = -1;
	}
	leat_arena_fini(&a);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
		    "the stored offset %.200s is not one of ours", text);
	return 0;
}

static ssize_t
read_at(int fd, void *to, size_t n, int64_t pos)
{
	ssize_t got;

	do
		got = pread(fd, to, n, pos);
	while (got < 0 && errno == EINTR);
	return got;
}

int
file_tail_print(struct file_tail *t, struct leat_buf *b)
{
	int64_t length = t->pos < TAIL_HEAD_BYTES ? t->pos : TAIL_HEAD_BYTES;
	uint8_t head[TAIL_HEAD_BYTES];

	/*
	 * The fingerprint is of what was read, not of what stands there now:
	 * file_tail_fill keeps it.
	 */
	if (length > t->head_len)
		length = t->head_len;
	memcpy(head, t->head, (size_t)length);
	leat_buf_printf(b,
	    "{\"position\":%" PRId64 ",\"fingerprint\":\"%016" PRIx64
	    "\",\"length\":%" PRId64 ",\"file\":",
	    t->pos, leat_hash(head, (size_t)length, 0), length);
	leat_json_add_string(b, t->path, strlen(t->path));
	leat_buf_add_byte(b, '}');
	return b->failed ? -1 : 0;
}

/* ----------------------------------------------------------------- opening */

static int
make_partition(struct file_tail *t, struct leat_err *err)
{
	const char *slash = strrchr(t->path, '/');
	struct leat_buf b;
	size_t len;

	leat_buf_init(&b, 64 * 1024);
	leat_buf_add_str(&b, "{\"directory\":");
	if (slash == NULL)
		leat_json_add_string(&b, ".", 1);
	else
		leat_json_add_string(&b, t->path,
		    slash == t->path ? 1 : (size_t)(slash - t->path));
	leat_buf_printf(&b, ",\"inode\":%llu}", (unsigned long long)t->ino);
	leat_buf_cstr(&b);
	t->partition = (char *)leat_buf_detach(&b, &len);
	if (t->partition == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	return 0;
}

struct file_tail *
file_tail_open(const char *path, struct leat_err *err)
{
	struct file_tail *t = calloc(1, sizeof(*t));
	struct stat st;

	if (t == NULL || (t->path = strdup(path)) == NULL) {
		free(t);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
		return NULL;
	}
	leat_buf_init(&t->buf, (size_t)1 << 31);
	t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0 || fstat(t->fd, &st) < 0) {
		leat_err_errno(err, LEAT_CLS_RETRY, "open '%s'", path);
		file_tail_free(t);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "file: '%s' is not a regular file", path);
		file_tail_free(t);
		return NULL;
	}
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	t->size = st.st_size;
	if (make_partition(t, err) < 0) {
		file_tail_free(t);
		return NULL;
	}
	return t;
}

void
file_tail_free(struct file_tail *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		close(t->fd);
	leat_buf_fini(&t->buf);
	free(t->path);
	free(t->partition);
	free(t);
}

static void
go_to(struct file_tail *t, int64_t pos)
{
	t->pos = t->buf_pos = pos;
	t->used = 0;
	leat_buf_reset(&t->buf);
	t->skipping = false;
	t->head_len = 0;
}

static bool
load_head(struct file_tail *t)
{
	ssize_t n = read_at(t->fd, t->head, TAIL_HEAD_BYTES, 0);

	t->head_len = n > 0 ? (uint32_t)n : 0;
	return n >= 0;
}

bool
file_tail_resume(struct file_tail *t, const struct file_mark *m)
{
	if (m->position > t->size || !load_head(t) ||
	    t->head_len < m->length ||
	    (m->length > 0 && leat_hash(t->head, (size_t)m->length, 0) !=
				  m->fingerprint)) {
		go_to(t, 0);
		return false;
	}
	go_to(t, m->position);
	return load_head(t);
}

int
file_tail_to_end(struct file_tail *t, struct leat_err *err)
{
	char block[4096];
	int64_t at = t->size;

	while (at > 0) {
		int64_t from = at > (int64_t)sizeof(block)
		    ? at - (int64_t)sizeof(block)
		    : 0;
		ssize_t n = read_at(t->fd, block, (size_t)(at - from), from);
		const char *nl;

		if (n < 0)
			return leat_err_errno(err, LEAT_CLS_RETRY,
			    "read '%s'", t->path);
		nl = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;
		if (nl != NULL) {
			at = from + (nl - block) + 1;
			break;
		}
		at = n > 0 ? from : 0;
	}
	go_to(t, at);
	load_head(t);
	t->dirty = true;
	return 0;
}

/* ----------------------------------------------------------------- reading */

int
file_tail_check(struct file_tail *t, struct leat_err *err)
{
	uint8_t head[TAIL_HEAD_BYTES];
	struct stat st;
	ssize_t n;

	if (fstat(t->fd, &st) < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "stat '%s'",
		    t->path);
	if (st.st_size == t->size)
		return 0;
	n = read_at(t->fd, head, t->head_len, 0);
	if (n < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "read '%s'",
		    t->path);
	t->size = st.st_size;
	if (st.st_size >= t->buf_pos + (int64_t)t->buf.len &&
	    (uint32_t)n == t->head_len &&
	    memcmp(head, t->head, t->head_len) == 0)
		return 0;
	go_to(t, 0);
	t->dirty = true;
	return 1;
}

/* Extends the head as far as the file had been read. */
static void
keep_head(struct file_tail *t)
{
	int64_t end = t->buf_pos + (int64_t)t->buf.len;
	size_t n;

	if (t->head_len == TAIL_HEAD_BYTES || end <= t->head_len ||
	    t->buf_pos > t->head_len)
		return;
	n = (size_t)(end - t->head_len);
	if (n > TAIL_HEAD_BYTES - t->head_len)
		n = TAIL_HEAD_BYTES - t->head_len;
	memcpy(t->head + t->head_len,
	    t->buf.data + (t->head_len - t->buf_pos), n);
	t->head_len += (uint32_t)n;
}

int
file_tail_fill(struct file_tail *t, size_t max_line, struct leat_err *err)
{
	size_t want = TAIL_READ_BYTES;
	uint8_t *to;
	ssize_t n;

	if (t->used > 0) {
		memmove(t->buf.data, t->buf.data + t->used,
		    t->buf.len - t->used);
		t->buf.len -= t->used;
		t->buf_pos += (int64_t)t->used;
		t->used = 0;
	}
	if (t->buf_pos + (int64_t)t->buf.len >= t->size) {
		/* Idle files hold no memory. */
		if (t->buf.len == 0)
			leat_buf_fini(&t->buf);
		return 0;
	}
	if (t->buf.len + want > max_line + TAIL_READ_BYTES)
		want = max_line + TAIL_READ_BYTES - t->buf.len;
	to = leat_buf_reserve(&t->buf, want);
	if (to == NULL) {
		t->buf.failed = false;
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	}
	n = read_at(t->fd, to, want, t->buf_pos + (int64_t)t->buf.len);
	if (n < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "read '%s'",
		    t->path);
	t->buf.len += (size_t)n;
	if (t->buf_pos + (int64_t)t->buf.len > t->size)
		t->size = t->buf_pos + (int64_t)t->buf.len;
	keep_head(t);
	return 0;
}

/* Behind a line that was too long: true once its end was passed. */
static bool
skip_rest(struct file_tail *t)
{
	const uint8_t *from = t->buf.data + t->used;
	const uint8_t *nl = t->buf.len == t->used
	    ? NULL
	    : memchr(from, '\n', t->buf.len - t->used);

	t->used = nl != NULL ? (size_t)(nl - t->buf.data) + 1 : t->buf.len;
	t->skipping = nl == NULL;
	if (nl == NULL)
		return false;
	/* Only now: a restart within the line has to find its beginning. */
	t->pos = t->buf_pos + (int64_t)t->used;
	t->dirty = true;
	return true;
}

bool
file_tail_line(struct file_tail *t, struct leat_str *ret_line)
{
	const uint8_t *from, *nl;
	size_t n;

	if (t->skipping && !skip_rest(t))
		return false;
	if (t->buf.len == t->used)
		return false;
	from = t->buf.data + t->used;
	nl = memchr(from, '\n', t->buf.len - t->used);
	if (nl == NULL)
		return false;
	n = (size_t)(nl - from);
	t->used += n + 1;
	t->pos = t->buf_pos + (int64_t)t->used;
	t->dirty = true;
	if (n > 0 && from[n - 1] == '\r')
		n--;
	*ret_line = (struct leat_str){ (const char *)from, n };
	return true;
}

bool
file_tail_too_long(struct file_tail *t, size_t max_line)
{
	size_t n = t->buf.len - t->used;

	if (t->skipping || n <= max_line ||
	    memchr(t->buf.data + t->used, '\n', n) != NULL)
		return false;
	t->skipping = true;
	return true;
}

bool
file_tail_ready(const struct file_tail *t)
{
	return t->buf_pos + (int64_t)t->buf.len < t->size ||
	    (t->buf.len > t->used &&
		memchr(t->buf.data + t->used, '\n', t->buf.len - t->used) !=
		    NULL);
}
