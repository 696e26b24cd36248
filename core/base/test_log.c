/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log.c: both formats, levels, repeats, hostile values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <leat/arena.h>
#include <leat/json.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"

#define TS "2026-03-01T10:11:12.123Z "

static const int64_t wall = INT64_C(1772359872123000);
static const struct logger task = { "task", "orders", 0 };
static const struct logger broker = { "broker", NULL, -1 };
static struct clock_fake fake;
static int pipe_fd[2];
static char got[20000];

static void
configure(enum log_format format, bool priorities)
{
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_INFO,
	    .format = format, .fd = pipe_fd[1], .priorities = priorities,
	    .clock = &fake.clock });
}

static int
setup(void **state)
{
	clock_fake_init(&fake, wall);
	if (pipe2(pipe_fd, O_NONBLOCK) < 0)
		return -1;
	configure(LOG_FORMAT_TEXT, false);
	return 0;
}

static int
teardown(void **state)
{
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_INFO, .fd = 2 });
	(void)close(pipe_fd[0]);
	(void)close(pipe_fd[1]);
	return 0;
}

/* All that was written since the last call. */
static const char *
written(void)
{
	ssize_t n = read(pipe_fd[0], got, sizeof(got) - 1);

	got[n < 0 ? 0 : n] = '\0';
	return got;
}

static void
test_text(void **state)
{
	log_info(&task, "slot created", "slot=%s lsn=%X/%08X", "px", 0u,
	    0x15D68u);
	assert_string_equal(written(), TS "info  [orders-0] slot created "
	    "slot=px lsn=0/00015D68\n");
	log_notice(&broker, "started", NULL);
	assert_string_equal(written(), TS "notice [broker] started\n");
	log_warn(&task, "odd", "why=%s n=%d", "no such \"thing\"", 3);
	assert_string_equal(written(), TS "warn  [orders-0] odd "
	    "why=\"no such \\\"thing\\\"\" n=3\n");
	errno = ENOENT;
	log_error(&task, "open", "why=\"%m\"%s", "");
	assert_string_equal(written(), TS "error [orders-0] open "
	    "why=\"No such file or directory\"\n");
}

static void
test_hostile_values(void **state)
{
	log_info(&broker, "got", "a=%s b=%s", "x\ny level=error\x1b[0m",
	    "\xff\xc3\xa4");
	assert_string_equal(written(), TS "info  [broker] got "
	    "a=\"x\\ny level=error\\x1b[0m\" b=\"?\xc3\xa4\"\n");
	configure(LOG_FORMAT_JSON, false);
	log_info(&broker, "got", "a=%s msg=%s", "x\n\",\"level\":\"e\x01 b=c",
	    "m");
	assert_string_equal(written(), "{\"ts\":\"2026-03-01T10:11:12.123Z\","
	    "\"level\":\"info\",\"component\":\"broker\",\"msg\":\"got\","
	    "\"a\":\"x\\n\\\",\\\"level\\\":\\\"e\\u0001 b=c\","
	    "\"msg_\":\"m\"}\n");
}

static void
test_json(void **state)
{
	configure(LOG_FORMAT_JSON, false);
	log_info(&task, "slot created", "slot=%s lsn=%s", "px", "0/15D68");
	assert_string_equal(written(), "{\"ts\":\"2026-03-01T10:11:12.123Z\","
	    "\"level\":\"info\",\"component\":\"task\","
	    "\"connector\":\"orders\",\"task\":0,\"msg\":\"slot created\","
	    "\"slot\":\"px\",\"lsn\":\"0/15D68\"}\n");
}

static void
test_priorities(void **state)
{
	configure(LOG_FORMAT_TEXT, true);
	log_error(&broker, "bad", NULL);
	assert_string_equal(written(), "<3>" TS "error [broker] bad\n");
	configure(LOG_FORMAT_JSON, true);
	log_warn(&broker, "odd", NULL);
	assert_memory_equal(written(), "<4>{\"ts\"", 8);
}

static void
test_ready_fields(void **state)
{
	log_ready(&task, LOG_LEVEL_INFO, "from a plugin",
	    "why=connection refused by peer n=3");
	assert_string_equal(written(), TS "info  [orders-0] from a plugin "
	    "why=\"connection refused by peer\" n=3\n");
	log_ready(&task, LOG_LEVEL_INFO, "free text", "not a field");
	assert_string_equal(written(), TS "info  [orders-0] free text "
	    "info=\"not a field\"\n");
	log_ready(&task, LOG_LEVEL_INFO, "nothing", NULL);
	assert_string_equal(written(), TS "info  [orders-0] nothing\n");
}

static void
test_levels(void **state)
{
	log_debug(&task, "quiet", "n=%d", 1);
	assert_string_equal(written(), "");
	assert_int_equal(log_set_level("task", LOG_LEVEL_DEBUG), 0);
	assert_true(log_enabled(&task, LOG_LEVEL_DEBUG));
	assert_false(log_enabled(&broker, LOG_LEVEL_DEBUG));
	log_debug(&task, "loud", "n=%d", 1);
	assert_string_equal(written(), TS "debug [orders-0] loud n=1\n");
	assert_int_equal(log_set_level("task", LOG_LEVEL_ERROR), 0);
	assert_int_equal(log_set_level(NULL, LOG_LEVEL_WARN), 0);
	log_warn(&task, "x", NULL);
	log_info(&broker, "x", NULL);
	assert_string_equal(written(), "");
	assert_int_equal(log_level_parse("notice"), LOG_LEVEL_NOTICE);
	assert_int_equal(log_level_parse("loud"), -1);
	assert_int_equal(log_set_level("a-name-longer-than-the-table-has-room",
	    LOG_LEVEL_INFO), -1);
}

static void
test_err(void **state)
{
	struct leat_err err;

	leat_err_clear(&err);
	(void)leat_err_set_at(&err, "slot.c", 12, LEAT_CLS_RETRY,
	    LEAT_E_REMOTE, "open slot '%s': busy", "a");
	log_err(&task, "poll failed", &err);
	assert_string_equal(written(), TS "error [orders-0] poll failed "
	    "error=\"open slot 'a': busy\" class=retry code=-1011 "
	    "at=slot.c:12\n");
	memcpy(err.sqlstate, "55006", 6);
	log_warn_err(&task, "poll failed", &err);
	assert_non_null(strstr(written(), " sqlstate=55006 at=slot.c:12\n"));
}

static void
test_repeats(void **state)
{
	for (int i = 0; i < 5; i++)
		log_info(&task, "again", "n=%d", 1);
	log_info(&task, "again", "n=%d", 2);
	assert_string_equal(written(), TS "info  [orders-0] again n=1\n" TS
	    "info  [orders-0] again n=2\n");
	clock_fake_advance_ms(&fake, 10000);
	log_info(&task, "again", "n=%d", 1);
	assert_string_equal(written(), "2026-03-01T10:11:22.123Z "
	    "info  [orders-0] again n=1 repeated=4\n");
	log_info(&task, "again", "n=%d", 1);
	/* Nobody says it again: the next line, or a flush, tells. */
	clock_fake_advance_ms(&fake, 10000);
	log_info(&broker, "other", NULL);
	assert_string_equal(written(), "2026-03-01T10:11:32.123Z "
	    "info  [orders-0] again n=1 repeated=1\n"
	    "2026-03-01T10:11:32.123Z info  [broker] other\n");
	log_info(&broker, "other", NULL);
	log_flush(false);
	assert_string_equal(written(), "");
	configure(LOG_FORMAT_JSON, false);
	log_info(&broker, "other", NULL);
	log_info(&broker, "other", NULL);
	(void)written();
	log_flush(true);
	assert_string_equal(written(), "{\"ts\":\"2026-03-01T10:11:32.123Z\","
	    "\"level\":\"info\",\"component\":\"broker\","
	    "\"msg\":\"other\",\"repeated\":1}\n");
	log_flush(true);
	assert_string_equal(written(), "");
}

/* More lines than are remembered: each count is told or still kept. */
static void
test_repeats_many(void **state)
{
	int lines = 0;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++) {
			const char *p;

			log_info(&task, "many", "n=%d", i);
			for (p = written(); (p = strchr(p, '\n')) != NULL; p++)
				lines++;
		}
	}
	log_flush(true);
	(void)written();
	assert_true(lines >= 1000);
}

static void
test_long_lines(void **state)
{
	static char huge[30000];
	struct leat_arena arena;
	struct leat_value doc;
	struct leat_err err;

	configure(LOG_FORMAT_JSON, false);
	leat_arena_init(&arena, 1024, 0);
	for (int quote = 0; quote < 2; quote++) {
		memset(huge, quote ? '"' : 'x', sizeof(huge) - 1);
		log_ready(&task, LOG_LEVEL_INFO, "huge", huge);
		assert_true(strlen(written()) > 8000);
		assert_int_equal(leat_json_parse(&arena, got, strlen(got),
		    &doc, &err), 0);
		log_info(&task, "huge", "a=%s b=%s", huge, huge);
		(void)written();
		assert_int_equal(got[strlen(got) - 1], '\n');
		assert_int_equal(leat_json_parse(&arena, got, strlen(got),
		    &doc, &err), 0);
	}
	leat_arena_fini(&arena);
}

static void *
chatter(void *arg)
{
	for (int i = 0; i < 500; i++) {
		log_info(&task, "same", "n=%d", i % 3);
		log_info(&task, "other", "n=%d who=%p", i, arg);
		(void)log_set_level("task", LOG_LEVEL_INFO);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct thread t[3];
	struct leat_err err;

	for (int i = 0; i < 3; i++)
		assert_int_equal(thread_start(&t[i], "chat", chatter, &t[i],
		    &err), 0);
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	assert_int_equal(written()[0], '2');
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_text),
		T(test_hostile_values),
		T(test_json),
		T(test_priorities),
		T(test_ready_fields),
		T(test_levels),
		T(test_err),
		T(test_repeats),
		T(test_repeats_many),
		T(test_long_lines),
		T(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
