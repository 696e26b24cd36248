/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of topic settings: order, defaults, what is refused, what a value
 * becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "broker/record_batch.h"
#include "broker/topic_settings.h"
#include "core/base/obj.h"

static void
test_rows(void **state)
{
	for (int i = 0; i < setting_count(); i++) {
		if (i > 0)
			assert_true(strcmp(setting_name(i - 1),
			    setting_name(i)) < 0);
		assert_int_equal(setting_find(setting_name(i)), i);
		assert_int_equal(setting_check(i, setting_default(i), NULL),
		    0);
		assert_true(strlen(setting_doc(i)) > 20);
		/* What has no effect says so. */
		if (!setting_acts(i))
			assert_true(strstr(setting_doc(i), "shown only") ||
			    strstr(setting_doc(i), "only false"));
	}
	assert_int_equal(setting_find("retention"), -1);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name, *value, *why;
	} rows[] = {
		{ "retention.ms", "-2", "a number from -1 to" },
		{ "retention.ms", "7 days", "a number" },
		{ "retention.ms", "", "a number" },
		{ "max.message.bytes", "2147483648", "to 2147483647" },
		{ "cleanup.policy", "compact,drop", "compact, delete or" },
		{ "cleanup.policy", "", "compact, delete or both" },
		{ "compression.type", "none", "uncompressed|gzip|" },
		{ "compression.lz4.level", "0", "from 1 to 17" },
		{ "min.cleanable.dirty.ratio", "1.5", "from 0 to 1" },
		{ "preallocate", "maybe", "true or false" },
		{ "remote.storage.enable", "true", "the only value" },
		{ "message.timestamp.type", "Now", "CreateTime|LogAppend" },
		{ "follower.replication.throttled.replicas", "a\nb",
		    "one short line" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct leat_err err = LEAT_ERR_INIT;

		assert_int_equal(setting_check(setting_find(rows[i].name),
		    rows[i].value, &err), LEAT_E_CONFIG);
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("'%s' says not '%s'", err.text, rows[i].why);
	}
}

static void
apply(struct topic_config *c, const char *name, const char *value)
{
	int i = setting_find(name);

	assert_int_equal(setting_check(i, value, NULL), 0);
	topic_config_apply(c, i, value);
}

static void
test_applied(void **state)
{
	struct topic_config c;

	topic_config_init(&c);
	assert_int_equal(c.cleanup, CLEANUP_DELETE);
	assert_int_equal(c.compression, COMPRESSION_PRODUCER);
	assert_int_equal(c.flush_messages, INT64_MAX);
	assert_int_equal(c.flush_ms, INT64_MAX);
	assert_int_equal(c.gzip_level, -1);
	assert_int_equal(c.lz4_level, 9);
	assert_int_equal(c.zstd_level, 3);
	assert_int_equal(c.preallocate, 0);
	assert_true(c.min_cleanable_ratio == 0.5);
	apply(&c, "cleanup.policy", "compact, delete");
	assert_int_equal(c.cleanup, CLEANUP_DELETE | CLEANUP_COMPACT);
	apply(&c, "compression.type", "uncompressed");
	assert_int_equal(c.compression, CODEC_NONE);
	apply(&c, "compression.type", "zstd");
	assert_int_equal(c.compression, CODEC_ZSTD);
	apply(&c, "compression.type", "gzip");
	assert_int_equal(c.compression, CODEC_GZIP);
	apply(&c, "compression.zstd.level", "-5");
	assert_int_equal(c.zstd_level, -5);
	apply(&c, "preallocate", "true");
	assert_int_equal(c.preallocate, 1);
	apply(&c, "message.timestamp.type", "LogAppendTime");
	assert_int_equal(c.log_append_time, 1);
	apply(&c, "flush.ms", "10");
	assert_int_equal(c.flush_ms, 10);
	/* Kept, and without a place. */
	apply(&c, "min.insync.replicas", "2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
