/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery of a damaged directory: the input says which bytes of which file of
 * a small log change, grow or go; opening it must not crash, and what opens
 * must take an append and close.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/log/dir_list.h"
#include "core/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct broker *
open_broker(const char *dir)
{
	struct broker_options o;
	struct broker *b = NULL;

	broker_options_init(&o);
	o.dir = dir;
	(void)broker_open(&o, &b, NULL);
	return b;
}

static void
append(struct broker *b, int n)
{
	struct broker_partition *p = broker_partition_get(b, "t", 0, NULL);
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 4096);
	struct record rec = { .timestamp_ms = 1000, .key = LEAT_STR("k"),
	    .value = LEAT_STR("some value of a record") };
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	for (int i = 0; p != NULL && i < n; i++) {
		batch_builder_reset(bb);
		(void)batch_builder_add(bb, &rec, NULL);
		(void)batch_builder_finish(bb, NULL, &data, &len, NULL);
		(void)broker_append(p, data, len, &done, NULL);
	}
	batch_builder_free(bb);
	broker_partition_put(p);
}

/* Three bytes of input: file, kind and place, value. */
static void
damage(const char *dir, const struct dir_list *files, const uint8_t *in)
{
	const struct dir_entry *e = &files->entries[in[0] % files->n];
	int64_t at = e->size > 0 ? (in[1] & 0x3f) * e->size / 64 : 0;
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/t-0/%s", dir, e->name);
	if (in[1] >> 6 == 3) {
		(void)unlink(path);
		return;
	}
	if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return;
	if (in[1] >> 6 == 2 && ftruncate(fd, at) < 0)
		at = 0;
	if (in[1] >> 6 != 2 && pwrite(fd, &in[2], 1, at) < 0)
		at = 0;
	close(fd);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void
remove_tree(const char *dir)
{
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct broker_setting small[] = {
		{ "segment.bytes", "300" }, { "index.interval.bytes", "80" }
	};
	const char *tmp = getenv("TMPDIR");
	struct dir_list files;
	struct broker *b;
	char dir[512], cmd[600];

	log_setup(&(struct log_settings){ .level = LOG_LEVEL_ERROR,
	    .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) });
	snprintf(dir, sizeof(dir), "%s/fuzz-dir.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL || (b = open_broker(dir)) == NULL)
		abort();
	if (broker_topic_create(b, "t", 1, small, 2, NULL) < 0)
		abort();
	append(b, 12);
	broker_close(b);
	if (size > 0 && (data[0] & 1) == 0) {
		snprintf(cmd, sizeof(cmd), "%s/.kafka_cleanshutdown", dir);
		(void)unlink(cmd);
	}
	snprintf(cmd, sizeof(cmd), "%s/t-0", dir);
	if (dir_list_load(&files, cmd, NULL) < 0 || files.n == 0)
		abort();
	for (size_t i = 1; i + 3 <= size && i < 60; i += 3)
		damage(dir, &files, data + i);
	dir_list_fini(&files);
	if ((b = open_broker(dir)) != NULL) {
		append(b, 2);
		broker_close(b);
	}
	remove_tree(dir);
	return 0;
}
