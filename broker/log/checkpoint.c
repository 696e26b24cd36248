/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint files: "0\n<count>\n<topic> <partition> <offset>\n...".
 *
 * They only save work, but for the log start: losing that one brings deleted
 * records back. A damaged file is therefore taken as absent, not as fatal.
 */
#include "broker/log/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

enum { FILE_MAX_BYTES = 64 << 20 };

void
checkpoint_add(struct leat_buf *lines, const char *topic, int32_t partition,
    int64_t offset)
{
	leat_buf_printf(lines, "%s %d %lld\n", topic, partition,
	    (long long)offset);
}

int
checkpoint_save(const struct fsio *fs, const char *path,
    const struct leat_buf *lines, size_t n, struct leat_err *err)
{
	struct leat_buf text;
	int rc;

	leat_buf_init(&text, FILE_MAX_BYTES);
	leat_buf_printf(&text, "0\n%zu\n", n);
	leat_buf_add(&text, lines->data, lines->len);
	if (text.failed || lines->failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for %s", path);
	else
		rc = fsio_replace(fs, path, text.data, text.len, 0640, err);
	leat_buf_fini(&text);
	return rc;
}

static int
add_line(struct checkpoint *c, struct leat_str line)
{
	struct leat_str key = line;
	int64_t number, offset;

	leat_str_cut(&line, ' ');
	if (leat_parse_i64(leat_str_cut(&line, ' '), 0, INT32_MAX,
	    &number) < 0 ||
	    leat_parse_i64(line, 0, INT64_MAX - 1, &offset) < 0)
		return 0;
	key.len = (size_t)(line.ptr - key.ptr) - 1;
	return leat_map_set(&c->offsets, key,
	    (void *)(uintptr_t)(offset + 1), NULL);
}

int
checkpoint_load(struct checkpoint *c, const struct fsio *fs,
    const char *path, struct leat_err *err)
{
	struct leat_str rest;
	char *data;
	size_t len;
	int rc;

	leat_map_init(&c->offsets);
	rc = fsio_slurp(fs, path, FILE_MAX_BYTES, &data, &len, err);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	rest = (struct leat_str){ data, len };
	if (leat_str_eq_c(leat_str_cut(&rest, '\n'), "0")) {
		leat_str_cut(&rest, '\n');
		while (rest.len > 0 && rc == 0)
			rc = add_line(c, leat_str_cut(&rest, '\n'));
	}
	free(data);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "out of memory for %s", path);
	return 0;
}

void
checkpoint_fini(struct checkpoint *c)
{
	leat_map_fini(&c->offsets);
}

int64_t
checkpoint_get(const struct checkpoint *c, const char *topic,
    int32_t partition, int64_t none)
{
	char key[320];
	void *v;

	snprintf(key, sizeof(key), "%s %d", topic, partition);
	v = leat_map_get_c(&c->offsets, key);
	return v == NULL ? none : (int64_t)(uintptr_t)v - 1;
}
