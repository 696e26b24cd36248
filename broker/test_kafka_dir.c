/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a directory that Kafka wrote: tests/data/kafka-dir, a copy of it for
 * each test.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include <cmocka.h>

#include <leat/wire.h>

#include "broker/broker_int.h"
#include "broker/log/dir_list.h"
#include "core/base/obj.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"

/* ----------------------------------------------------------- directories */

static void
put_file(const char *path, const void *data, size_t len, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static void
copy_dir(const char *from, const char *to)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct dir_list list;
	char a[1024], b[1024], *data;
	size_t len;

	assert_int_equal(mkdir(to, 0700), 0);
	OK(dir_list_load(&list, from, &err));
	for (size_t i = 0; i < list.n; i++) {
		snprintf(a, sizeof(a), "%s/%s", from, list.entries[i].name);
		snprintf(b, sizeof(b), "%s/%s", to, list.entries[i].name);
		if (list.entries[i].is_dir) {
			copy_dir(a, b);
			continue;
		}
		OK(fsio_slurp(&fsio_system, a, 1 << 20, &data, &len, &err));
		put_file(b, data, len, O_EXCL);
		free(data);
	}
	dir_list_fini(&list);
}

/* A fresh copy; a path below it. */
static const char *
copy(const char *name)
{
	static char to[512];
	char from[512];

	snprintf(from, sizeof(from), "%s/tests/data/kafka-dir", th_src_dir());
	snprintf(to, sizeof(to), "%s/%s", th_tmpdir(), name);
	copy_dir(from, to);
	return to;
}

static const char *
below(const char *dir, const char *file)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static void
remove_all(const char *dir)
{
	struct dir_list list;
	char path[2048];

	assert_int_equal(dir_list_load(&list, dir, NULL), 0);
	for (size_t i = 0; i < list.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
		    list.entries[i].name);
		assert_int_equal(unlink(path), 0);
	}
	dir_list_fini(&list);
	assert_int_equal(rmdir(dir), 0);
}

/* An hour after the sample was written, whenever the test runs. */
static int64_t
wall_us(const struct clock *c)
{
	return 1795347725LL * 1000000 + 3600LL * 1000000;
}

static struct clock later;

static struct broker *
open_broker(const char *dir)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_options o;
	struct broker *b = NULL;

	later = clock_system;
	later.wall_us = wall_us;
	broker_options_init(&o);
	o.dir = dir;
	o.clock = &later;
	OK(broker_open(&o, &b, &err));
	return b;
}

/* ---------------------------------------------------------------- reading */

/* "offset:key=value ..." of all that can be read. */
static const char *
text_of(struct broker *b, const char *topic, int32_t partition,
    enum broker_isolation isolation)
{
	static char text[8192];
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p = topics_find(b, topic, partition);
	struct broker_offsets at;
	struct broker_reader *r;
	struct record rec;
	int rc;

	assert_non_null(p);
	broker_partition_offsets(p, &at);
	text[0] = '\0';
	r = broker_reader_open(p, at.log_start, isolation, &err);
	assert_non_null(r);
	while ((rc = broker_reader_fill(r, 4096, &err)) > 0)
		while ((rc = broker_reader_next(r, &rec, &err)) > 0) {
			size_t n = strlen(text);

			snprintf(text + n, sizeof(text) - n,
			    "%lld:%.*s=%.*s ", (long long)rec.offset,
			    (int)rec.key.len, rec.key.ptr != NULL ?
			    rec.key.ptr : "", (int)MIN(rec.value.len, 8u),
			    rec.value.ptr != NULL ? rec.value.ptr : "");
		}
	if (rc < 0)
		fail_msg("%s", err.text);
	broker_reader_close(r);
	broker_partition_put(p);
	return text;
}

static void
check_records(struct broker *b)
{
	static const char *const codecs[] = { "none", "gzip", "snappy", "lz4",
		"zstd" };
	char want[4096] = "";

	assert_string_equal(text_of(b, "plain", 0, READ_COMMITTED),
	    "0:k0=v0 1:k2=v2 2:k4=v4 3:k6=v6 4:k8=v8 5:k10=v10 6:k12=v12 "
	    "7:k14=v14 8:k16=v16 9:k18=v18 ");
	assert_string_equal(text_of(b, "txn.data", 0, READ_COMMITTED),
	    "0:n0=txn-0-0 1:n0=txn-0-1 2:n0=txn-0-2 8:n2=txn-2-0 "
	    "9:n2=txn-2-1 10:n2=txn-2-2 16:=with-off ");
	assert_string_equal(text_of(b, "compacted", 0, READ_COMMITTED),
	    "21:k1=r5-1 22:k2=r5-2 24:k3= 25:k0=last 26:k1=last ");
	assert_string_equal(text_of(b, "log-append", 0, READ_COMMITTED),
	    "0:=l0 1:=l1 2:=l2 ");
	for (int i = 0; i < 50; i++) {
		size_t n = strlen(want);
		char value[32];

		snprintf(value, sizeof(value), "%s-%d....", codecs[i / 10],
		    i % 10);
		snprintf(want + n, sizeof(want) - n, "%d:k%d=%.8s ", i,
		    i % 10, value);
	}
	assert_string_equal(text_of(b, "codecs", 0, READ_COMMITTED), want);
}

static void
check_offset(struct broker *b, const char *group, const char *topic,
    int32_t partition, int64_t want)
{
	int64_t offset;

	assert_int_equal(broker_group_offset(b, group, topic, partition,
	    &offset), 0);
	assert_int_equal(offset, want);
}

static void
check_setting(struct broker *b, const char *topic, const char *name,
    const char *want)
{
	const struct topic *t;
	const char *value;

	lock_acquire(&b->lock);
	t = topic_find_locked(b, topic);
	value = t->settings[setting_find(name)];
	lock_release(&b->lock);
	if (want == NULL)
		assert_null(value);
	else
		assert_string_equal(value, want);
}

static void
append(struct broker *b, const char *topic)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p = topics_find(b, topic, 0);
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 20);
	struct record rec = { .timestamp_ms = clock_wall_ms(&later),
		.key = LEAT_STR("k"),
		.value = LEAT_STR("new") };
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	OK(batch_builder_add(bb, &rec, &err));
	OK(batch_builder_finish(bb, NULL, &data, &len, &err));
	OK(broker_append(p, data, len, &done, &err));
	batch_builder_free(bb);
	broker_partition_put(p);
}

/* ------------------------------------------------------------------ tests */

static void
test_clean(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char *dir = copy("clean");
	struct broker *b = open_broker(dir);
	struct broker_partition *p;
	struct stat st;
	int64_t id;

	assert_string_equal(broker_cluster_id(b), "MkU3OEVBNTcwNTJENDM2Qk");
	assert_int_equal(broker_topic_partitions(b, "plain"), 2);
	assert_int_equal(broker_topic_partitions(b, "gone"), LEAT_E_NOTFOUND);
	assert_int_equal(broker_topic_partitions(b, "__cluster_metadata"),
	    LEAT_E_NOTFOUND);
	assert_int_equal(stat(below(dir, KRAFT_LOG_DIR), &st), 0);
	check_records(b);
	assert_string_equal(text_of(b, "trimmed", 0, READ_COMMITTED),
	    "4:=t4 5:=t5 6:=t6 7:=t7 8:=t8 9:=t9 ");
	/* A transaction was open; its time is long up. */
	p = topics_find(b, "plain", 0);
	keeper_round(b, false, false);
	TH_WAIT(offset_load(&p->stable) == 12, 30000);
	assert_int_equal(offset_load(&p->written), 12);
	broker_partition_put(p);
	check_offset(b, "plain-group", "plain", 0, 7);
	check_offset(b, "plain-group", "plain", 1, 3);
	check_offset(b, "plain-group", "codecs", 0, 49);
	check_offset(b, "txn-group", "plain", 0, 10);
	check_setting(b, "compacted", "cleanup.policy", "compact");
	check_setting(b, "compacted", "segment.ms", "1000");
	check_setting(b, "log-append", "message.timestamp.type",
	    "LogAppendTime");
	check_setting(b, "plain", "cleanup.policy", NULL);
	OK(broker_producer_id(b, &id, &err));
	assert_true(id >= 1000);
	append(b, "codecs");
	broker_close(b);
	/* And again, by our own catalogue now. */
	b = open_broker(dir);
	assert_non_null(strstr(text_of(b, "codecs", 0, READ_COMMITTED),
	    "50:k=new "));
	check_setting(b, "compacted", "segment.ms", "1000");
	check_offset(b, "txn-group", "plain", 1, 10);
	broker_close(b);
}

/* As after kill -9: no mark, indexes with room to spare, half a batch. */
static void
test_unclean(void **state)
{
	static const char zeros[4096];
	const char *dir = copy("unclean");
	struct broker *b;

	assert_int_equal(unlink(below(dir, ".kafka_cleanshutdown")), 0);
	put_file(below(dir, "plain-0/00000000000000000000.index"), zeros,
	    sizeof(zeros), O_APPEND);
	put_file(below(dir, "plain-0/00000000000000000000.timeindex"), zeros,
	    4092, O_APPEND);
	put_file(below(dir, "plain-0/00000000000000000000.log"),
	    "\0\0\0\0\0\0\0\13\0\0\0\100half", 16, O_APPEND);
	b = open_broker(dir);
	check_records(b);
	check_offset(b, "plain-group", "codecs", 0, 49);
	append(b, "plain");
	broker_close(b);
}

/* Without Kafka's metadata: what was compacted is at least not deleted. */
static void
test_no_metadata(void **state)
{
	const char *dir = copy("no-metadata");
	struct broker *b;

	remove_all(below(dir, KRAFT_LOG_DIR));
	assert_int_equal(unlink(below(dir,
	    "codecs-0/partition.metadata")), 0);
	b = open_broker(dir);
	check_records(b);
	check_setting(b, "compacted", "cleanup.policy", "compact");
	check_setting(b, "plain", "cleanup.policy", NULL);
	broker_close(b);
}

/* A metadata log whose end is torn is read as far as it goes. */
static void
test_torn_metadata(void **state)
{
	const char *dir = copy("torn-metadata");
	struct broker *b;

	put_file(below(dir, KRAFT_LOG_DIR "/00000000000000000000.log"),
	    "torn torn torn torn torn torn", 29, O_APPEND);
	b = open_broker(dir);
	check_records(b);
	check_setting(b, "compacted", "segment.ms", "1000");
	broker_close(b);
}

/* A message of format 1, as Kafka 0.10 wrote them. */
static size_t
old_message(uint8_t to[64], int64_t offset)
{
	enum { LENGTH = 4 + 1 + 1 + 8 + 4 + 1 + 4 + 5 };

	memset(to, 0, 64);
	leat_put_u64(to, (uint64_t)offset);
	leat_put_u32(to + 8, LENGTH);
	to[16] = 1;
	leat_put_u64(to + 18, 1500000000000);
	leat_put_u32(to + 26, 1);
	to[30] = 'k';
	leat_put_u32(to + 31, 5);
	memcpy(to + 35, "value", 5);
	leat_put_u32(to + 12, (uint32_t)crc32(0, to + 16, LENGTH - 4));
	return 12 + LENGTH;
}

static void
check_old_format(const char *dir, bool clean)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p;
	struct broker *b;
	struct stat st;
	char path[1024];
	uint8_t m[64];
	size_t n = old_message(m, 0);

	if (!clean)
		assert_int_equal(unlink(below(dir, ".kafka_cleanshutdown")),
		    0);
	assert_int_equal(mkdir(below(dir, "old-0"), 0700), 0);
	snprintf(path, sizeof(path), "%s/old-0/00000000000000000000.log",
	    dir);
	put_file(path, m, n, 0);
	(void)old_message(m, 1);
	put_file(path, m, n, O_APPEND);
	b = open_broker(dir);
	p = topics_find(b, "old", 0);
	assert_non_null(p);
	assert_false(partition_is_online(p));
	lock_acquire(&p->lock);
	assert_int_equal(partition_check_locked(p, &err), BROKER_E_OFFLINE);
	lock_release(&p->lock);
	if (strstr(err.text, "from before Kafka 0.11") == NULL)
		fail_msg("%s", err.text);
	broker_partition_put(p);
	check_records(b);
	broker_close(b);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 * n);	/* nothing was cut */
}

static void
test_old_format(void **state)
{
	check_old_format(copy("old-unclean"), false);
	check_old_format(copy("old-clean"), true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_unclean),
		cmocka_unit_test(test_no_metadata),
		cmocka_unit_test(test_torn_metadata),
		cmocka_unit_test(test_old_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
