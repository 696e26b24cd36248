/* SPDX-License-Identifier: Apache-2.0 */
/* Leader epochs of a partition and their checkpoint file. */
#include "broker/log/epochs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

enum { EPOCHS_MAX = 4096, FILE_MAX_BYTES = 1 << 20 };

static const char file_name[] = "leader-epoch-checkpoint";

void
epochs_init(struct epochs *e)
{
	memset(e, 0, sizeof(*e));
}

void
epochs_fini(struct epochs *e)
{
	free(e->starts);
	epochs_init(e);
}

int32_t
epochs_last(const struct epochs *e)
{
	return e->n == 0 ? -1 : e->starts[e->n - 1].epoch;
}

int
epochs_add(struct epochs *e, int32_t epoch, int64_t offset)
{
	struct epoch_start *more;

	epochs_cut(e, offset);		/* an epoch that wrote nothing */
	if (e->n == EPOCHS_MAX) {	/* the oldest says least */
		memmove(e->starts, e->starts + 1,
		    (e->n - 1) * sizeof(*e->starts));
		e->n--;
	}
	more = realloc(e->starts, (e->n + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	e->starts = more;
	e->starts[e->n++] = (struct epoch_start){ epoch, offset };
	return 0;
}

void
epochs_cut(struct epochs *e, int64_t end)
{
	while (e->n > 0 && e->starts[e->n - 1].offset >= end)
		e->n--;
}

void
epochs_end(const struct epochs *e, int32_t epoch, int64_t log_end,
    int32_t *ret_epoch, int64_t *ret_end)
{
	size_t i = e->n;

	while (i > 0 && e->starts[i - 1].epoch > epoch)
		i--;
	if (epoch < 0 || epoch > epochs_last(e)) {
		*ret_epoch = -1;
		*ret_end = -1;
		return;
	}
	if (i == 0) {
		*ret_epoch = epoch;
		*ret_end = e->starts[0].offset;
		return;
	}
	*ret_epoch = e->starts[i - 1].epoch;
	*ret_end = i == e->n ? log_end : e->starts[i].offset;
}

int32_t
epochs_at(const struct epochs *e, int64_t offset)
{
	size_t i = e->n;

	while (i > 0 && e->starts[i - 1].offset > offset)
		i--;
	return i == 0 ? -1 : e->starts[i - 1].epoch;
}

int
epochs_save(const struct epochs *e, const struct fsio *fs, const char *dir,
    bool sync, struct leat_err *err)
{
	struct leat_buf text;
	char path[4096];
	int rc;

	leat_buf_init(&text, FILE_MAX_BYTES);
	leat_buf_printf(&text, "0\n%zu\n", e->n);
	for (size_t i = 0; i < e->n; i++)
		leat_buf_printf(&text, "%d %lld\n", e->starts[i].epoch,
		    (long long)e->starts[i].offset);
	snprintf(path, sizeof(path), "%s/%s", dir, file_name);
	if (text.failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	else
		rc = (sync ? fsio_replace : fsio_replace_unsynced)(fs, path,
		    text.data, text.len, 0640, err);
	leat_buf_fini(&text);
	return rc;
}

static int
parse(struct epochs *e, const char *data, size_t len)
{
	struct leat_str rest = { data, len }, line;
	int64_t n, epoch, offset;

	line = leat_str_cut(&rest, '\n');
	if (!leat_str_eq_c(line, "0"))
		return LEAT_E_CORRUPT;
	line = leat_str_cut(&rest, '\n');
	if (leat_parse_i64(line, 0, EPOCHS_MAX, &n) < 0)
		return LEAT_E_CORRUPT;
	while (n-- > 0) {
		line = leat_str_cut(&rest, '\n');
		if (leat_parse_i64(leat_str_cut(&line, ' '), 0, INT32_MAX,
		    &epoch) < 0 ||
		    leat_parse_i64(line, 0, INT64_MAX, &offset) < 0 ||
		    epoch <= epochs_last(e))
			return LEAT_E_CORRUPT;
		if (epochs_add(e, (int32_t)epoch, offset) < 0)
			return -ENOMEM;
	}
	return 0;
}

int
epochs_load(struct epochs *e, const struct fsio *fs, const char *dir,
    struct leat_err *err)
{
	char path[4096], *data;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, file_name);
	rc = fsio_slurp(fs, path, FILE_MAX_BYTES, &data, &len, err);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	rc = parse(e, data, len);
	free(data);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, rc, "%s is damaged",
		    path);
	return 0;
}
