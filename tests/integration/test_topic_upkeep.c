/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_topic_upkeep.c: what the housekeeper does to topics, seen from a client:
 * retention by size and time, compaction, settings that change under way, and
 * topics that are deleted and made again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"
#include "tests/integration/clirun.h"

enum { SOON_MS = 20000 };

static struct th_worker *w;

static int
start(void **state)
{
	static const char *const settings[] = {
		"broker.log.retention.check.interval.ms: 1000", NULL
	};

	w = th_worker_start(&(struct th_worker_opts){ .settings = settings });
	setenv("LEAT_BOOTSTRAP", th_worker_kafka(w), 1);
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	return 0;
}

/* One batch: `n` records "key<k>:<round>......" of about 100 bytes. */
static void
produce(const char *topic, int n, int round)
{
	char text[4096], line[128];
	const char *path = th_path("batch");
	size_t len = 0;

	for (int k = 0; k < n; k++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "key%d:%d%080d\n", k, round, 0);
	th_write_file(path, text, len);
	(void)snprintf(line, sizeof(line), "produce %s -K :", topic);
	leat_words(OK, path, line);
}

static const char *
all_of(const char *topic)
{
	return leat(OK, "consume %s --from beginning --exit-eof", topic);
}

static int64_t
start_of(const char *topic)
{
	return th_worker_topic(w, topic, "start_offset");
}

static int64_t
end_of(const char *topic)
{
	return th_worker_topic(w, topic, "end_offset");
}

static void
test_by_size(void **state)
{
	leat(OK, "topics create sized --set segment.bytes=1000 "
	    "--set retention.bytes=2000");
	for (int i = 0; i < 8; i++)
		produce("sized", 5, i);
	TH_WAIT(start_of("sized") >= 20, SOON_MS);
	assert_int_equal(end_of("sized"), 40);
	/* What is left is whole. */
	assert_int_equal(lines(all_of("sized")), 40 - start_of("sized"));
	produce("sized", 1, 9);
	assert_int_equal(end_of("sized"), 41);
}

static void
test_by_time(void **state)
{
	leat(OK, "topics create aged --set segment.bytes=1000");
	for (int i = 0; i < 3; i++)
		produce("aged", 5, i);
	assert_int_equal(start_of("aged"), 0);
	/* From now on. */
	leat(OK, "topics alter aged --set retention.ms=1");
	TH_WAIT(start_of("aged") == 15, SOON_MS);
	assert_int_equal(lines(all_of("aged")), 0);
	leat(OK, "topics alter aged --unset retention.ms");
	produce("aged", 5, 3);
	assert_int_equal(lines(all_of("aged")), 5);
}

static void
test_compaction(void **state)
{
	const char *out;

	leat(OK, "topics create newest --set cleanup.policy=compact "
	    "--set segment.bytes=1000 --set min.cleanable.dirty.ratio=0.01");
	for (int i = 0; i < 10; i++)
		produce("newest", 5, i);
	/* The last segments are not looked at before they are finished. */
	TH_WAIT(lines(all_of("newest")) <= 20, SOON_MS);
	assert_int_equal(end_of("newest"), 50);
	out = leat(OK, "consume newest --from beginning --exit-eof -f "
	    "%%o:%%k:%%s");
	for (int k = 0; k < 5; k++)
		if (strstr(out, th_text("%d:key%d:9", 45 + k, k)) == NULL)
			th_fail("the newest of key%d is gone:\n%s", k, out);
}

static void
test_again(void **state)
{
	const char *dir = th_text("%s/again-0", th_worker_data(w));
	char *first, *second;

	leat(OK, "topics create again");
	produce("again", 5, 0);
	leat(OK, "consume again -g readers --from beginning --exit-eof");
	first = th_slurp(th_text("%s/partition.metadata", dir), NULL);
	leat(OK, "topics delete again");
	assert_int_not_equal(access(dir, F_OK), 0);
	leat(OK, "topics create again");
	second = th_slurp(th_text("%s/partition.metadata", dir), NULL);
	assert_string_not_equal(first, second);
	free(first);
	free(second);
	/* Nobody begins in the middle of the new one. */
	produce("again", 5, 1);
	assert_int_equal(lines(leat(OK, "consume again -g readers "
	    "--from beginning --exit-eof")), 5);
}

/* Instead of all others: see th_thread_sanitizer. */
static void
left_out(void **state)
{
	print_message("left out: no librdkafka under a thread sanitizer\n");
	skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_size),
		cmocka_unit_test(test_by_time),
		cmocka_unit_test(test_compaction),
		cmocka_unit_test(test_again),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(left_out) };

	if (th_thread_sanitizer())
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, start, stop);
}
