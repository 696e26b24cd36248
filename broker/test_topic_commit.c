/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of topics that are made together: how many syncs they take, and that
 * a power cut or a failing disk leaves all of them or none.
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

#include <cmocka.h>

#include "broker/broker_int.h"
#include "core/base/obj.h"
#include "tests/harness/crashfs.h"
#include "tests/harness/proc.h"

enum { MANY = 40, FEW = 5 };

static const char *root;

#define OK(call)                                                        \
	do {                                                            \
		if ((call) < 0)                                         \
			fail_msg("%s", err.text);                       \
	} while (0)

/* -------------------------------------------- a file system that counts */

static struct fsio counting;
static _Thread_local int syncs;		/* of this thread alone */
static _Thread_local int fail_at;	/* the sync that fails, 0: none */

static int
count(void)
{
	return ++syncs == fail_at ? -EIO : 0;
}

static int
count_fdatasync(const struct fsio *fs, int fd)
{
	int rc = count();

	return rc < 0 ? rc : fsio_system.fdatasync(fs, fd);
}

static int
count_fsync_dir(const struct fsio *fs, const char *dir)
{
	int rc = count();

	return rc < 0 ? rc : fsio_system.fsync_dir(fs, dir);
}

static struct broker *
open_broker(const char *dir, const struct fsio *fs, struct leat_err *err)
{
	struct broker_options o;
	struct broker *b = NULL;

	broker_options_init(&o);
	o.dir = dir;
	o.fs = fs;
	o.max_partitions = 500;
	return broker_open(&o, &b, err) < 0 ? NULL : b;
}

static struct broker *
open_counting(const char *name)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b;
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/%s", root, name);
	counting = fsio_system;
	counting.fdatasync = count_fdatasync;
	counting.fsync_dir = count_fsync_dir;
	if ((b = open_broker(dir, &counting, &err)) == NULL)
		fail_msg("%s", err.text);
	return b;
}

/* ------------------------------------------------------------ all at once */

static const char *
name_of(int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "topic-%d", i);
	return name;
}

/* Topics [0, n) made, grown to `partitions`, or deleted (0). */
static int
change(struct broker *b, int n, int32_t partitions, struct leat_err *err)
{
	struct topic_wish w = { .partitions = partitions };
	struct topic_changes c;
	int rc = 0, committed;

	topics_begin(&c, b);
	for (int i = 0; i < n && rc == 0; i++) {
		w.name = name_of(i);
		if (partitions == 0)
			rc = topics_delete(&c, w.name, err);
		else if (broker_topic_partitions(b, w.name) > 0)
			rc = topics_change(&c, &w, err);
		else
			rc = topics_create(&c, &w, err);
	}
	committed = topics_commit(&c, err);
	return rc < 0 ? rc : committed;
}

/* As many partitions as all of [0, n) have; -1 when they differ. */
static int32_t
partitions_of(struct broker *b, int n)
{
	int32_t all = broker_topic_partitions(b, name_of(0));

	for (int i = 1; i < n; i++)
		if (broker_topic_partitions(b, name_of(i)) != all)
			return -1;
	return all;
}

/* The syncs of making, growing and deleting n topics. */
static void
count_syncs(struct broker *b, int n, int ret[3])
{
	static const int32_t steps[] = { 2, 3, 0 };
	struct leat_err err = LEAT_ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		syncs = 0;
		OK(change(b, n, steps[i], &err));
		ret[i] = syncs;
		assert_int_equal(partitions_of(b, n), steps[i] == 0 ?
		    LEAT_E_NOTFOUND : steps[i]);
	}
}

static void
test_syncs(void **state)
{
	struct broker *b = open_counting("syncs");
	int one[3], many[3];

	count_syncs(b, 1, one);
	count_syncs(b, MANY, many);
	for (size_t i = 0; i < ARRAY_LEN(one); i++) {
		assert_int_equal(one[i], many[i]);
		assert_in_range(many[i], 2, 8);
	}
	broker_close(b);
}

static void
test_failed_commit(void **state)
{
	struct broker *b = open_counting("failed");
	struct leat_err err = LEAT_ERR_INIT;
	char path[600];

	syncs = 0;
	fail_at = 1;
	assert_int_equal(change(b, FEW, 2, &err), -EIO);
	assert_int_equal(partitions_of(b, FEW), LEAT_E_NOTFOUND);
	for (int i = 0; i < FEW; i++) {
		snprintf(path, sizeof(path), "%s/failed/%s-0", root,
		    name_of(i));
		assert_int_equal(access(path, F_OK), -1);
	}
	fail_at = 0;
	OK(change(b, FEW, 2, &err));
	for (int32_t to = 3; to >= 0; to -= 3) {
		syncs = 0;
		fail_at = 1;
		assert_int_equal(change(b, FEW, to, &err), -EIO);
		assert_int_equal(partitions_of(b, FEW), 2);
	}
	fail_at = 0;
	snprintf(path, sizeof(path), "%s/failed/%s-2", root, name_of(0));
	assert_int_equal(access(path, F_OK), -1);
	OK(change(b, FEW, 3, &err));
	OK(change(b, FEW, 0, &err));
	broker_close(b);
}

/* What one change would allow and another of the same commit does not. */
static void
test_among_themselves(void **state)
{
	struct broker *b = open_counting("among");
	struct leat_err err = LEAT_ERR_INIT;
	struct topic_wish w = { .name = "a.b", .partitions = 300 };
	struct topic_changes c;

	topics_begin(&c, b);
	OK(topics_create(&c, &w, &err));
	assert_int_equal(topics_create(&c, &w, &err), LEAT_E_EXISTS);
	w.name = "a_b";
	assert_int_equal(topics_create(&c, &w, &err), BROKER_E_TOPIC_NAME);
	w.name = "c";
	assert_int_equal(topics_create(&c, &w, &err), BROKER_E_POLICY);
	w.partitions = 1;
	OK(topics_create(&c, &w, &err));
	assert_int_equal(topics_delete(&c, "c", &err), LEAT_E_NOTFOUND);
	OK(topics_commit(&c, &err));
	assert_int_equal(broker_topic_partitions(b, "a.b"), 300);
	assert_int_equal(broker_topic_partitions(b, "c"), 1);

	topics_begin(&c, b);
	OK(topics_delete(&c, "c", &err));
	assert_int_equal(topics_delete(&c, "c", &err), LEAT_E_STATE);
	assert_non_null(strstr(err.text, "twice"));
	w.partitions = 2;
	assert_int_equal(topics_change(&c, &w, &err), LEAT_E_STATE);
	OK(topics_commit(&c, &err));
	assert_int_equal(broker_topic_partitions(b, "c"), LEAT_E_NOTFOUND);
	broker_close(b);
}

/* ------------------------------------------------------------ power cuts */

/* A record that is durable when this returns 0. */
static int
put_record(struct broker *b, const char *topic)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 65536);
	struct broker_partition *p = broker_partition_get(b, topic, 1, NULL);
	struct record rec = { .timestamp_ms = 1700000000000,
		.value = LEAT_STR("v") };
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	assert_non_null(p);
	assert_int_equal(batch_builder_add(bb, &rec, NULL), 0);
	batch_builder_finish(bb, NULL, &data, &len, NULL);
	if ((rc = broker_append(p, data, len, &done, NULL)) == 0)
		rc = flusher_sync(p, NULL);
	batch_builder_free(bb);
	broker_partition_put(p);
	return rc;
}

struct seen {
	int32_t confirmed;	/* partitions of all, as it was confirmed */
	int32_t asked;		/* of the change that the cut interrupted */
	int records;		/* durable in the last topic */
};

static void
work(struct broker *b, struct seen *s)
{
	static const int32_t steps[] = { 2, 4, 0 };
	struct leat_err err = LEAT_ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		s->asked = steps[i];
		if (change(b, FEW, steps[i], &err) < 0)
			return;
		s->confirmed = steps[i];
		if (steps[i] != 0 && put_record(b, name_of(FEW - 1)) == 0)
			s->records++;
	}
}

static void
check(struct broker *b, const struct seen *s)
{
	int32_t n = partitions_of(b, FEW);
	struct broker_partition *p;

	if (n == LEAT_E_NOTFOUND)
		n = 0;
	assert_true(n == s->confirmed || n == s->asked);
	if (n == 0)
		return;
	p = broker_partition_get(b, name_of(FEW - 1), 1, NULL);
	assert_non_null(p);
	assert_true(p->written >= s->records);
	assert_true(partition_is_online(p));
	broker_partition_put(p);
}

/* false: the work was over before the n-th sync. */
static bool
cut_at(uint64_t seed, uint64_t n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct seen seen = { 0 };
	char dir[512], stash[512];
	struct crashfs *c;
	struct broker *b;
	bool crashed;

	snprintf(dir, sizeof(dir), "%s/cut", root);
	snprintf(stash, sizeof(stash), "%s/stash", root);
	assert_int_equal(mkdir(dir, 0750), 0);
	assert_int_equal(mkdir(stash, 0750), 0);
	c = crashfs_new(dir, stash, seed * 1000 + n);
	if ((b = open_broker(dir, crashfs_fsio(c), &err)) == NULL)
		fail_msg("%s", err.text);
	crashfs_arm(c, n);
	work(b, &seen);
	crashed = crashfs_crashed(c);
	crashfs_crash(c);
	broker_close(b);
	crashfs_recover(c);
	crashfs_free(c);
	if ((b = open_broker(dir, &fsio_system, &err)) == NULL)
		fail_msg("seed %llu, sync %llu: %s", (unsigned long long)seed,
		    (unsigned long long)n, err.text);
	check(b, &seen);
	broker_close(b);
	th_remove(dir);
	th_remove(stash);
	return crashed;
}

/* Does a checkpoint file name a topic's partition? */
static bool
is_noted(const char *file, const char *line)
{
	char *text = th_slurp(th_path("noted/%s-offset-checkpoint", file),
	    NULL);
	bool found = strstr(text, line) != NULL;

	free(text);
	return found;
}

/* What was noted of a topic would be believed of the next of its name. */
static void
test_checkpoints(void **state)
{
	static const char *const files[] = { "recovery-point", "log-start" };
	struct broker *b = open_counting("noted");
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p;

	OK(broker_topic_create(b, "t", 2, NULL, 0, &err));
	for (int i = 0; i < 3; i++)
		assert_int_equal(put_record(b, "t"), 0);
	p = broker_partition_get(b, "t", 1, &err);
	assert_non_null(p);
	OK(broker_partition_trim(p, 2, &err));
	broker_partition_put(p);
	OK(keeper_save_checkpoints(b, &err));
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_true(is_noted(files[i], "t 1 "));
	OK(broker_topic_delete(b, "t", &err));
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_false(is_noted(files[i], "t 1 "));
	broker_close(b);
}

static void
test_power_cuts(void **state)
{
	/* Partitions go offline all the time here. */
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_ERROR,
	    .fd = open("/dev/null", O_WRONLY) });
	for (uint64_t seed = 1; seed <= 2; seed++)
		for (uint64_t n = 1; cut_at(seed, n); n++)
			assert_true(n < 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_failed_commit),
		cmocka_unit_test(test_among_themselves),
		cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_power_cuts),
	};

	root = th_tmpdir();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
