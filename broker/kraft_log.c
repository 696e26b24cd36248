/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kraft_log.c: what a directory that Kafka wrote says of its topics' settings
 * and of producer ids. Kafka keeps that as records in the log of a topic of its
 * own, __cluster_metadata, with snapshots beside it. It is read once, when the
 * directory is adopted, and never changed.
 *
 * A record's value is, all as unsigned varints, a frame version (1), the type
 * and its version, then fields in the flexible encoding.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>
#include <leat/wire.h>

#include "broker/broker_int.h"
#include "broker/log/dir_list.h"
#include "broker/log/log_scan.h"
#include "core/base/obj.h"

enum {
	RECORD_TOPIC = 2,
	RECORD_CONFIG = 4,
	RECORD_REMOVE_TOPIC = 9,
	RECORD_PRODUCER_IDS = 15,
	RESOURCE_TOPIC = 2,
	WINDOW_BYTES = 1 << 20,
	INFLATED_MAX_BYTES = 64 << 20
};

struct kraft {
	struct broker *b;
	struct batch_reader *reader;
	struct leat_map names;	/* id (16 bytes) to name (malloc'ed) */
	int64_t next_producer_id;
};

/* A compact string; {NULL, 0} for null. */
static struct leat_str
read_text(struct leat_reader *r)
{
	uint32_t n = leat_read_uvarint(r);
	struct leat_str s = { NULL, 0 };

	if (n == 0)
		return s;
	s.ptr = (const char *)leat_read_bytes(r, n - 1);
	s.len = s.ptr == NULL ? 0 : n - 1;
	return s;
}

/* ------------------------------------------------------------- records */

static int
note_topic(struct kraft *k, struct leat_reader *r)
{
	struct leat_str name = read_text(r);
	const uint8_t *id = leat_read_bytes(r, 16);
	char *copy;
	void *old = NULL;

	if (r->err < 0 || name.ptr == NULL)
		return LEAT_E_CORRUPT;
	if ((copy = strndup(name.ptr, name.len)) == NULL ||
	    leat_map_set(&k->names, (struct leat_str){ (const char *)id, 16 },
	    copy, &old) < 0) {
		free(copy);
		return -ENOMEM;
	}
	free(old);
	return 0;
}

/* A topic of that name may come again, with other settings. */
static int
forget_topic(struct kraft *k, struct leat_reader *r)
{
	const uint8_t *id = leat_read_bytes(r, 16);
	struct topic *t;
	char *name;

	if (r->err < 0)
		return LEAT_E_CORRUPT;
	name = leat_map_remove(&k->names,
	    (struct leat_str){ (const char *)id, 16 });
	t = name == NULL ? NULL : leat_map_get_c(&k->b->topics, name);
	for (int i = 0; t != NULL && !t->internal && i < setting_count(); i++)
		free(TAKE(t->settings[i]));
	free(name);
	return 0;
}

static int
set_setting(struct kraft *k, struct topic *t, const char *name,
    struct leat_str value)
{
	int i = setting_find(name);
	struct leat_err err = LEAT_ERR_INIT;
	char *text = NULL;

	if (value.ptr != NULL &&
	    (text = strndup(value.ptr, value.len)) == NULL)
		return -ENOMEM;
	if (i >= 0 && text != NULL && setting_check(i, text, &err) < 0)
		i = -1;
	if (i < 0) {
		log_warn(&k->b->env.lg, "setting not taken over",
		    "topic=%s setting=%s", t->name, name);
		free(text);
		return 0;
	}
	free(t->settings[i]);
	t->settings[i] = text;
	return 0;
}

static int
note_config(struct kraft *k, struct leat_reader *r)
{
	int8_t type = leat_read_i8(r);
	struct leat_str resource = read_text(r), name = read_text(r);
	struct leat_str value = read_text(r);
	struct topic *t;
	char text[128];

	if (r->err < 0)
		return LEAT_E_CORRUPT;
	t = type != RESOURCE_TOPIC || resource.ptr == NULL ? NULL :
	    leat_map_get(&k->b->topics, resource);
	if (t == NULL || name.ptr == NULL || name.len >= sizeof(text))
		return 0;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return set_setting(k, t, text, value);
}

static int
note_record(struct kraft *k, struct leat_str value)
{
	struct leat_reader r;
	uint32_t frame, type;
	int64_t next;

	leat_reader_init(&r, value.ptr, value.len);
	frame = leat_read_uvarint(&r);
	type = leat_read_uvarint(&r);
	(void)leat_read_uvarint(&r);	/* version: fields are only added */
	if (r.err < 0 || frame != 1)
		return LEAT_E_CORRUPT;
	switch (type) {
	case RECORD_TOPIC:
		return note_topic(k, &r);
	case RECORD_CONFIG:
		return note_config(k, &r);
	case RECORD_REMOVE_TOPIC:
		return forget_topic(k, &r);
	case RECORD_PRODUCER_IDS:
		(void)leat_read_bytes(&r, 4 + 8);	/* broker and epoch */
		next = leat_read_i64(&r);
		k->next_producer_id = MAX(k->next_producer_id, next);
		return r.err < 0 ? LEAT_E_CORRUPT : 0;
	default:
		return 0;
	}
}

/* --------------------------------------------------------------- files */

static int
note_batch(struct kraft *k, const struct batch_header *h,
    const uint8_t *batch, struct leat_err *err)
{
	struct record rec;
	int rc;

	if ((h->attributes & BATCH_CONTROL) != 0)
		return 0;
	rc = batch_reader_open(k->reader, batch, h->size, err);
	while (rc == 0 && (rc = batch_reader_next(k->reader, &rec, err)) > 0) {
		rc = rec.value.ptr == NULL ? 0 : note_record(k, rec.value);
		if (rc < 0)
			leat_err_set(err, LEAT_CLS_CONFIG, rc,
			    "metadata record %lld cannot be read",
			    (long long)rec.offset);
	}
	return rc;
}

static int
read_file(struct kraft *k, const char *path, struct leat_err *err)
{
	const struct fsio *fs = k->b->env.fs;
	struct batch_header h;
	struct log_scan scan;
	const uint8_t *batch;
	struct stat st;
	int fd = fs->open(fs, path, O_RDONLY, 0), rc;

	if (fd < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, fd, "open %s", path);
	if ((rc = fs->fstat(fs, fd, &st)) < 0) {
		fs->close(fs, fd);
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "stat %s", path);
	}
	log_scan_init(&scan, fs, fd, 0, st.st_size, WINDOW_BYTES, true);
	while ((rc = log_scan_next(&scan, &h, &batch, err)) > 0)
		if ((rc = note_batch(k, &h, batch, err)) < 0)
			break;
	log_scan_fini(&scan);
	fs->close(fs, fd);
	return rc < 0 ? leat_err_wrap(err, "%s", path) : 0;
}

/* The newest snapshot, then the log: what comes later counts. */
static int
read_files(struct kraft *k, const struct dir_list *files, const char *dir,
    struct leat_err *err)
{
	const char *snapshot = NULL;
	char path[8400];
	int rc = 0;

	for (size_t i = 0; i < files->n; i++)
		if (leat_str_ends(leat_str_c(files->entries[i].name),
		    ".checkpoint"))
			snapshot = files->entries[i].name;
	if (snapshot != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, snapshot);
		rc = read_file(k, path, err);
	}
	for (size_t i = 0; i < files->n && rc == 0; i++) {
		if (!leat_str_ends(leat_str_c(files->entries[i].name), ".log"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir,
		    files->entries[i].name);
		rc = read_file(k, path, err);
	}
	return rc;
}

int
kraft_log_read(struct broker *b, int64_t *ret_next_producer_id,
    struct leat_err *err)
{
	struct kraft k = { .b = b };
	const struct leat_map_entry *e;
	struct dir_list files;
	char dir[4200];
	size_t it = 0;
	int rc;

	snprintf(dir, sizeof(dir), "%s/%s", b->dir, KRAFT_LOG_DIR);
	if (dir_list_load(&files, dir, NULL) < 0)
		return LEAT_E_NOTFOUND;
	leat_map_init(&k.names);
	k.reader = batch_reader_new(INFLATED_MAX_BYTES);
	rc = k.reader == NULL ? leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory to read %s", dir) : read_files(&k, &files, dir,
	    err);
	batch_reader_free(k.reader);
	while ((e = leat_map_next(&k.names, &it)) != NULL)
		free(e->value);
	leat_map_fini(&k.names);
	dir_list_fini(&files);
	*ret_next_producer_id = k.next_producer_id;
	return rc;
}
