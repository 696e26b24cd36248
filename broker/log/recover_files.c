/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a partition's directory in order before its segments are read.
 *
 * A compaction writes NNN.*.cleaned, syncs them, renames them to NNN.*.swap
 * (the .log last: from then on the new segment counts), removes the segments
 * that it replaces, and renames to the final names. So: *.cleaned goes, a
 * NNN.log.swap is completed, other *.swap go.
 */
#include "broker/log/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

int64_t
recover_parse_name(const char *name, const char *suffix)
{
	int64_t n;

	if (strlen(name) < 20 || strcmp(name + 20, suffix) != 0 ||
	    leat_parse_i64((struct leat_str){ name, 20 }, 0, INT64_MAX,
	    &n) < 0)
		return -1;
	return n;
}

static int
remove_file(struct broker_partition *p, const char *name,
    struct leat_err *err)
{
	char path[4096];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	rc = p->env->fs->unlink(p->env->fs, path);
	if (rc < 0 && rc != -ENOENT)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "unlink %s",
		    path);
	return 0;
}

static bool
ends(const char *name, const char *suffix)
{
	return leat_str_ends(leat_str_c(name), suffix);
}

/* The first offset behind a swapped-in segment, -1 when it is no good. */
static int64_t
swap_end(struct broker_partition *p, const char *path, int64_t size)
{
	const struct fsio *fs = p->env->fs;
	int fd = fs->open(fs, path, O_RDONLY, 0);
	struct batch_header h;
	struct log_scan scan;
	int64_t end = -1;
	int rc;

	if (fd < 0)
		return -1;
	log_scan_init(&scan, fs, fd, 0, size, 1 << 20, true);
	while ((rc = log_scan_next(&scan, &h, NULL, NULL)) > 0)
		end = batch_next_offset(&h);
	log_scan_fini(&scan);
	(void)fs->close(fs, fd);
	return rc < 0 ? -1 : end;
}

int
cleaned_install(struct broker_partition *p, int64_t base, int64_t end,
    struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	struct dir_list files;
	int rc = dir_list_load(&files, p->dir, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < files.n && rc == 0; i++) {
		int64_t b = recover_parse_name(files.entries[i].name, ".log");

		if (b >= base && b < end)
			rc = b == base ?
			    segment_unlink_logs(fs, p->dir, b, err) :
			    segment_unlink(fs, p->dir, b, err);
	}
	/* The old names must be gone before a new one may stand there. */
	if (rc == 0 && (rc = fs->fsync_dir(fs, p->dir)) < 0)
		leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", p->dir);
	for (int k = SEG_TXNINDEX; k >= SEG_LOG && rc == 0; k--) {
		char from[4096 + 8], to[4096];

		snprintf(to, sizeof(to), "%s/%020lld%s", p->dir,
		    (long long)base, segment_suffix((enum segment_file)k));
		snprintf(from, sizeof(from), "%s.swap", to);
		rc = fs->rename(fs, from, to);
		if (rc == -ENOENT && k != SEG_LOG)
			rc = 0;
		else if (rc < 0)
			leat_err_set(err, LEAT_CLS_RETRY, rc, "rename %s",
			    from);
	}
	if (rc == 0 && (rc = fs->fsync_dir(fs, p->dir)) < 0)
		leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", p->dir);
	dir_list_fini(&files);
	return rc;
}

static int
complete_swaps(struct broker_partition *p, const struct dir_list *files,
    struct leat_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < files->n && rc == 0; i++) {
		const struct dir_entry *e = &files->entries[i];
		int64_t base = recover_parse_name(e->name, ".log.swap"), end;
		char path[4096];

		if (base < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", p->dir, e->name);
		end = swap_end(p, path, e->size);
		if (end > base) {
			rc = cleaned_install(p, base, end, err);
			continue;
		}
		/* It was synced before it got this name: a damaged disk. */
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
		    "%s is damaged; the segments that it was to replace may "
		    "be gone", path);
	}
	return rc;
}

int
recover_files(struct broker_partition *p, struct leat_err *err)
{
	struct dir_list files;
	int rc = dir_list_load(&files, p->dir, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < files.n && rc == 0; i++) {
		const char *name = files.entries[i].name;

		if (ends(name, ".cleaned") || ends(name, ".deleted") ||
		    ends(name, ".tmp"))
			rc = remove_file(p, name, err);
	}
	if (rc == 0)
		rc = complete_swaps(p, &files, err);
	for (size_t i = 0; i < files.n && rc == 0; i++) {
		const char *name = files.entries[i].name;

		if (ends(name, ".swap"))
			rc = remove_file(p, name, err);
	}
	dir_list_fini(&files);
	return rc;
}

/* An index whose log is gone. */
static int
drop_orphan(struct broker_partition *p, const struct dir_list *files,
    const char *name, struct leat_err *err)
{
	for (int k = SEG_INDEX; k <= SEG_TXNINDEX; k++) {
		char log[64];

		if (recover_parse_name(name,
		    segment_suffix((enum segment_file)k)) < 0)
			continue;
		snprintf(log, sizeof(log), "%.20s.log", name);
		if (dir_list_find(files, log) == NULL)
			return remove_file(p, name, err);
	}
	return 0;
}

static int64_t
sibling_size(const struct dir_list *files, const char *log_name,
    enum segment_file which)
{
	const struct dir_entry *e;
	char name[64];

	snprintf(name, sizeof(name), "%.20s%s", log_name,
	    segment_suffix(which));
	e = dir_list_find(files, name);
	return e == NULL ? -1 : e->size;
}

int
recover_list(struct broker_partition *p, const struct dir_list *files,
    struct leat_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct dir_entry *e = &files->entries[i];
		int64_t base = recover_parse_name(e->name, ".log"), n;
		struct segment *s;
		int rc;

		if (base < 0) {
			if ((rc = drop_orphan(p, files, e->name, err)) < 0)
				return rc;
			continue;
		}
		s = segment_new(p->env, p->dir, base);
		if (s == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for a segment");
		s->size = e->size;
		s->created_ms = e->mtime_ms;
		n = sibling_size(files, e->name, SEG_INDEX);
		s->offsets.on_disk = n < 0 ? 0 :
		    (uint32_t)(n / OFFSET_ENTRY_BYTES);
		s->sealed = n >= 0;
		n = sibling_size(files, e->name, SEG_TIMEINDEX);
		s->times.on_disk = n < 0 ? 0 :
		    (uint32_t)(n / TIME_ENTRY_BYTES);
		s->sealed = s->sealed && n >= 0;
		s->has_aborted = sibling_size(files, e->name,
		    SEG_TXNINDEX) > 0;
		if ((rc = partition_insert_locked(p, p->nsegs, s, err)) < 0) {
			segment_put(s);
			return rc;
		}
	}
	return 0;
}
