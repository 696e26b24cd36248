/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small files that say whose directory this is: .lock, meta.properties,
 * partition.metadata.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/broker_int.h"

enum { META_MAX_BYTES = 64 * 1024 };

void
uuid_make(uint8_t id[16])
{
	if (getrandom(id, 16, 0) != 16)
		abort();
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	/* Kafka's tools take a leading '-' for an option. */
	if (id[0] >> 2 == 62)
		id[0] = 0;
}

void
uuid_text(const uint8_t id[16], char to[23])
{
	char text[25];

	leat_base64_encode(text, id, 16);
	for (int i = 0; i < 22; i++)
		to[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_'
							      : text[i];
	to[22] = '\0';
}

int
uuid_parse(const char *text, uint8_t id[16])
{
	char plain[24];
	uint8_t out[18];

	if (strlen(text) != 22)
		return -1;
	for (int i = 0; i < 22; i++)
		plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/'
								 : text[i];
	plain[22] = plain[23] = '=';
	if (leat_base64_decode(out, plain, 24) != 16)
		return -1;
	memcpy(id, out, 16);
	return 0;
}

/* The value of "key=" or "key: " in a file of lines, or {NULL, 0}. */
static struct leat_str
property(const char *data, size_t len, const char *key)
{
	struct leat_str rest = { data, len };

	while (rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		if (!leat_str_starts(line, key))
			continue;
		line.ptr += strlen(key);
		line.len -= strlen(key);
		return leat_str_trim(line);
	}
	return (struct leat_str){ NULL, 0 };
}

static int
property_uuid(const char *data, size_t len, const char *key, char *to,
    uint8_t id[16])
{
	struct leat_str v = property(data, len, key);

	if (v.len != 22)
		return -1;
	memcpy(to, v.ptr, 22);
	to[22] = '\0';
	return uuid_parse(to, id);
}

static int
load_meta(struct broker *b, const char *path, struct leat_err *err)
{
	uint8_t id[16];
	char *data;
	size_t len;
	int rc = fsio_slurp(b->env.fs, path, META_MAX_BYTES, &data, &len, err);

	if (rc < 0)
		return rc;
	if (property_uuid(data, len, "cluster.id=", b->cluster_id, id) < 0)
		rc = leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
		    "%s has no cluster.id", path);
	if (property_uuid(data, len, "directory.id=", b->node_dir_id, id) < 0)
		memcpy(b->node_dir_id, b->cluster_id, 23);
	free(data);
	return rc;
}

static int
make_meta(struct broker *b, const char *path, struct leat_err *err)
{
	uint8_t id[16];
	char text[256];
	int n;

	uuid_make(id);
	uuid_text(id, b->cluster_id);
	uuid_make(id);
	uuid_text(id, b->node_dir_id);
	n = snprintf(text, sizeof(text), "version=1\ncluster.id=%s\n"
	    "node.id=1\ndirectory.id=%s\n", b->cluster_id, b->node_dir_id);
	return fsio_replace(b->env.fs, path, text, (size_t)n, 0640, err);
}

int
meta_open(struct broker *b, struct leat_err *err)
{
	char path[4096];
	int rc;

	b->lock_fd = -1;
	if ((rc = fsio_mkdirs(b->env.fs, b->dir, 0750, err)) < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/.lock", b->dir);
	b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (b->lock_fd < 0)
		return leat_err_errno(err, LEAT_CLS_FATAL, "open %s", path);
	if (flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
			    "%s is in use by another broker", b->dir);
		return leat_err_errno(err, LEAT_CLS_FATAL, "lock %s", path);
	}
	snprintf(path, sizeof(path), "%s/meta.properties", b->dir);
	rc = load_meta(b, path, err);
	if (rc == -ENOENT)
		rc = make_meta(b, path, err);
	return rc;
}

void
meta_close(struct broker *b)
{
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	b->lock_fd = -1;
}

/*
 * Not synced: where a crash takes it away or leaves it empty, it is written
 * again, since the catalogue knows the id.
 */
int
meta_partition_save(struct broker *b, const char *dir, const uint8_t id[16],
    struct leat_err *err)
{
	char path[4096], text[64], uuid[23];
	int n;

	uuid_text(id, uuid);
	n = snprintf(text, sizeof(text), "version: 0\ntopic_id: %s", uuid);
	snprintf(path, sizeof(path), "%s/partition.metadata", dir);
	return fsio_replace_unsynced(b->env.fs, path, text, (size_t)n, 0640,
	    err);
}

int
meta_partition_load(struct broker *b, const char *dir, uint8_t id[16],
    struct leat_err *err)
{
	char path[4096], text[23], *data;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/partition.metadata", dir);
	rc = fsio_slurp(b->env.fs, path, META_MAX_BYTES, &data, &len, err);
	if (rc < 0)
		return rc;
	if (property_uuid(data, len, "topic_id:", text, id) < 0 &&
	    property_uuid(data, len, "topic_id: ", text, id) < 0)
		rc = leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
		    "%s has no topic_id", path);
	free(data);
	return rc;
}
