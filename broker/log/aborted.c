/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The .txnindex of a segment: one entry per aborted transaction whose marker
 * stands in the segment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <leat/wire.h>

#include "broker/log/partition.h"

enum { ENTRY_BYTES = 34, ENTRIES_MAX = 1 << 20 };

int
aborted_append(struct segment *s, const struct aborted_txn *t,
    struct leat_err *err)
{
	const struct fsio *fs = s->env->fs;
	uint8_t e[ENTRY_BYTES];
	char path[4096];
	struct stat st;
	int fd, rc;

	leat_put_u16(e, 0);
	leat_put_u64(e + 2, (uint64_t)t->producer_id);
	leat_put_u64(e + 10, (uint64_t)t->first_offset);
	leat_put_u64(e + 18, (uint64_t)t->last_offset);
	leat_put_u64(e + 26, (uint64_t)t->stable);
	segment_sibling(s, SEG_TXNINDEX, path, sizeof(path));
	fd = fs->open(fs, path, O_RDWR | O_CREAT, 0640);
	if (fd < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, fd, "open %s", path);
	if ((rc = fs->fstat(fs, fd, &st)) < 0)
		leat_err_set(err, LEAT_CLS_RETRY, rc, "stat %s", path);
	else
		rc = fsio_pwrite_full(fs, fd, e, sizeof(e),
		    st.st_size / ENTRY_BYTES * ENTRY_BYTES, err);
	(void)fs->close(fs, fd);
	if (rc == 0)
		s->has_aborted = true;
	return rc;
}

int
aborted_load(struct segment *s, struct aborted_txn **ret, size_t *ret_n,
    struct leat_err *err)
{
	struct aborted_txn *list = NULL;
	char path[4096], *data;
	size_t len, n;
	int rc;

	segment_sibling(s, SEG_TXNINDEX, path, sizeof(path));
	rc = fsio_slurp(s->env->fs, path, (size_t)ENTRIES_MAX * ENTRY_BYTES,
	    &data, &len, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	n = rc == -ENOENT ? 0 : len / ENTRY_BYTES;
	if (n > 0 && (list = calloc(n, sizeof(*list))) == NULL) {
		free(data);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for %s", path);
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *e = (const uint8_t *)data + i * ENTRY_BYTES;

		list[i].producer_id = (int64_t)leat_get_u64(e + 2);
		list[i].first_offset = (int64_t)leat_get_u64(e + 10);
		list[i].last_offset = (int64_t)leat_get_u64(e + 18);
		list[i].stable = (int64_t)leat_get_u64(e + 26);
	}
	if (rc == 0)
		free(data);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* Visits the entries of one segment; 1 when no later one can matter. */
static int
visit(struct segment *s, int64_t from, int64_t to,
    int (*fn)(void *arg, int64_t producer_id, int64_t first_offset),
    void *arg, struct leat_err *err)
{
	struct aborted_txn *list;
	size_t n;
	int rc = aborted_load(s, &list, &n, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (list[i].last_offset >= from && list[i].first_offset < to)
			rc = fn(arg, list[i].producer_id,
			    list[i].first_offset);
		if (rc == 0 && list[i].stable >= to)
			rc = 1;
	}
	free(list);
	return rc;
}

int
broker_aborted_each(struct broker_partition *p, int64_t from, int64_t to,
    int (*fn)(void *arg, int64_t producer_id, int64_t first_offset),
    void *arg, struct leat_err *err)
{
	int64_t seen = -1;		/* base of the segment visited last */
	int rc = 0;

	while (rc == 0) {
		struct segment *s = NULL;

		lock_acquire(&p->lock);
		for (size_t i = partition_find_locked(p, from);
		    i < p->nsegs && s == NULL; i++)
			if (p->segs[i]->has_aborted && p->segs[i]->base > seen)
				s = p->segs[i];
		if (s != NULL)
			segment_get(s);
		lock_release(&p->lock);
		if (s == NULL)
			return 0;
		rc = visit(s, from, to, fn, arg, err);
		seen = s->base;
		segment_put(s);
	}
	return rc < 0 ? rc : 0;
}
