/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an output file.
 */
#include "file_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/json.h>

enum { KEY_MAX = 512 };

void
file_state_init(struct file_state *s)
{
	memset(s, 0, sizeof(*s));
	leat_map_init(&s->offsets);
}

void
file_state_fini(struct file_state *s)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&s->offsets, &it)) != NULL)
		free(e->value);
	leat_map_fini(&s->offsets);
	free(s->rotated);
	s->rotated = NULL;
}

int64_t *
file_state_offset(struct file_state *s, const char *topic, int32_t partition)
{
	struct leat_str key;
	char text[KEY_MAX];
	int64_t *value;
	int n;

	n = snprintf(text, sizeof(text), "%s%c%d", topic, 0, partition);
	if (n < 0 || (size_t)n >= sizeof(text))
		return NULL;
	key = (struct leat_str){ text, (size_t)n };
	value = leat_map_get(&s->offsets, key);
	if (value != NULL)
		return value;
	value = malloc(sizeof(*value));
	if (value == NULL)
		return NULL;
	*value = -1;
	if (leat_map_set(&s->offsets, key, value, NULL) < 0) {
		free(value);
		return NULL;
	}
	return value;
}

/* ----------------------------------------------------------------- loading */

static int
read_all(int fd, struct leat_buf *b)
{
	for (;;) {
		uint8_t *to = leat_buf_reserve(b, 65536);
		ssize_t n;

		if (to == NULL) {
			errno = EFBIG;
			return -1;
		}
		n = read(fd, to, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		b->len += (size_t)n;
	}
}

static int
take_offsets(struct file_state *s, const struct leat_value *topics)
{
	uint32_t i, j;
	char topic[KEY_MAX];

	if (topics == NULL || topics->kind != LEAT_MAP)
		return -1;
	for (i = 0; i < topics->len; i++) {
		const struct leat_value *k = &topics->u.items[2 * i];
		const struct leat_value *parts = k + 1;

		if (parts->kind != LEAT_MAP || k->len >= sizeof(topic))
			return -1;
		memcpy(topic, k->u.s, k->len);
		topic[k->len] = '\0';
		for (j = 0; j < parts->len; j++) {
			const struct leat_value *p = &parts->u.items[2 * j];
			int64_t n, *at;

			if (p[1].kind != LEAT_INT64 ||
			    leat_parse_i64((struct leat_str){ p->u.s, p->len },
				0, INT32_MAX, &n) < 0)
				return -1;
			at = file_state_offset(s, topic, (int32_t)n);
			if (at == NULL)
				return -1;
			*at = p[1].u.i;
		}
	}
	return 0;
}

static int
take_state(struct file_state *s, const struct leat_value *doc)
{
	const struct leat_value *v;

	if (doc->kind != LEAT_MAP)
		return -1;
	v = leat_map_value(doc, "bytes");
	if (v == NULL || v->kind != LEAT_INT64 || v->u.i < 0)
		return -1;
	s->bytes = v->u.i;
	v = leat_map_value(doc, "rotated");
	if (v != NULL) {
		if (v->kind != LEAT_STRING || v->len == 0 ||
		    memchr(v->u.s, '/', v->len) != NULL)
			return -1;
		s->rotated = strndup(v->u.s, v->len);
		if (s->rotated == NULL)
			return -1;
	}
	return take_offsets(s, leat_map_value(doc, "offsets"));
}

int
file_state_load(struct file_state *s, int dir_fd, const char *name,
    int *ret_found, struct leat_err *err)
{
	struct leat_buf text;
	struct leat_arena arena;
	struct leat_value doc;
	int fd, rc = 0;

	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*ret_found = 0;
		return 0;
	}
	if (fd < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "open '%s'", name);
	leat_buf_init(&text, FILE_STATE_MAX);
	leat_arena_init(&arena, 65536, 0);
	if (read_all(fd, &text) < 0)
		rc = leat_err_errno(err, LEAT_CLS_RETRY, "read '%s'", name);
	else if (leat_json_parse(&arena, (const char *)text.data, text.len,
	    &doc, NULL) < 0 || take_state(s, &doc) < 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
		    "'%s' is not a state file (remove it to append to the "
		    "file as it is)",
		    name);
	close(fd);
	leat_arena_fini(&arena);
	leat_buf_fini(&text);
	if (rc == 0)
		*ret_found = 1;
	return rc;
}

/* ------------------------------------------------------------------ saving */

/* Topics stand together: partitions are added as they come, topics rarely. */
static void
add_offsets(const struct file_state *s, struct leat_buf *b)
{
	const struct leat_map_entry *e, *f;
	size_t it = 0, it2;
	int ntopics = 0;

	while ((e = leat_map_next(&s->offsets, &it)) != NULL) {
		size_t len = strlen(e->key);
		int n = 0, seen = 0;

		it2 = 0;
		while (!seen && (f = leat_map_next(&s->offsets, &it2)) != e)
			seen = strcmp(f->key, e->key) == 0;
		if (seen)
			continue;
		leat_buf_add_str(b, ntopics++ > 0 ? "," : "");
		leat_json_add_string(b, e->key, len);
		leat_buf_add_str(b, ":{");
		it2 = 0;
		while ((f = leat_map_next(&s->offsets, &it2)) != NULL) {
			const int64_t *at = f->value;

			if (strcmp(f->key, e->key) != 0 || *at < 0)
				continue;
			leat_buf_printf(b, "%s\"%s\":%lld", n++ > 0 ? "," : "",
			    f->key + len + 1, (long long)*at);
		}
		leat_buf_add_byte(b, '}');
	}
}

static int
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
replace(int dir_fd, const char *name, const struct leat_buf *text)
{
	char tmp[300];
	int fd, n;

	n = snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (n < 0 || (size_t)n >= sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0644);
	if (fd < 0)
		return -1;
	if (write_all(fd, text->data, text->len) < 0 || fdatasync(fd) < 0) {
		close(fd);
		return -1;
	}
	if (close(fd) < 0 || renameat(dir_fd, tmp, dir_fd, name) < 0)
		return -1;
	return fsync(dir_fd);
}

int
file_state_save(const struct file_state *s, int dir_fd, const char *name,
    struct leat_err *err)
{
	struct leat_buf b;
	int rc = 0;

	leat_buf_init(&b, FILE_STATE_MAX);
	leat_buf_printf(&b, "{\"bytes\":%lld", (long long)s->bytes);
	if (s->rotated != NULL) {
		leat_buf_add_str(&b, ",\"rotated\":");
		leat_json_add_string(&b, s->rotated, strlen(s->rotated));
	}
	leat_buf_add_str(&b, ",\"offsets\":{");
	add_offsets(s, &b);
	leat_buf_add_str(&b, "}}\n");
	if (b.failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for '%s'", name);
	else if (replace(dir_fd, name, &b) < 0)
		rc = leat_err_errno(err, LEAT_CLS_RETRY, "write '%s'", name);
	leat_buf_fini(&b);
	return rc;
}
