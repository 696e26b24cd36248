/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine.c: see examine.h. The connector sees a task with a host of its own:
 * the log, the clock, an end by SIGINT or SIGTERM, and a list for findings; the
 * rest of the table says that there is nothing.
 */
#include "core/cli/examine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/worker/settings.h"

enum { CHUNK_BYTES = 16 << 10, MEMORY_MAX = 64 << 20 };

/* The connector knows it as struct leat_task. */
struct examiner {
	struct leat_task_head head;
	const char *name;
	bool verbose;
	struct examination *found;
};

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

static struct examiner *
examiner_of(struct leat_task *t)
{
	return (struct examiner *)(void *)t;
}

static int32_t
exam_log_enabled(struct leat_task *t, int32_t level)
{
	return examiner_of(t)->verbose && level <= LEAT_LOG_INFO;
}

static void
exam_log(struct leat_task *t, int32_t level, const char *msg,
    const char *fields)
{
	if (exam_log_enabled(t, level))
		(void)fprintf(stderr, "%s %s\n", msg, fields);
}

static uint8_t *
exam_batch_grow(struct leat_batch *b, uint64_t size)
{
	(void)b;
	(void)size;
	return NULL;
}

static int32_t
exam_batch_add(struct leat_batch *b, const struct leat_record *rec)
{
	(void)b;
	(void)rec;
	return -ENOMEM;
}

static int32_t
exam_batch_position(struct leat_batch *b, const struct leat_position *pos)
{
	(void)b;
	(void)pos;
	return -ENOMEM;
}

static const struct leat_schema *
exam_schema_intern(struct leat_task *t, const struct leat_schema *schema,
    struct leat_err *err)
{
	(void)t;
	(void)schema;
	leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
	    "no schemas in an examination");
	return NULL;
}

static const char *
exam_offset_get(struct leat_task *t, const char *partition)
{
	(void)t;
	(void)partition;
	return NULL;
}

static void
exam_wait(struct leat_task *t, int32_t fd, int32_t events, int64_t timeout_ms)
{
	(void)t;
	(void)fd;
	(void)events;
	(void)timeout_ms;
}

static int32_t
exam_stopping(struct leat_task *t)
{
	(void)t;
	return stop != 0;
}

static int64_t
exam_now_us(struct leat_task *t)
{
	(void)t;
	return clock_wall_us(&clock_system);
}

static int64_t
exam_mono_ms(struct leat_task *t)
{
	(void)t;
	return clock_mono_ms(&clock_system);
}

static int64_t *
exam_metric(struct leat_task *t, int32_t type, const char *name,
    const char *help)
{
	(void)t;
	(void)type;
	(void)name;
	(void)help;
	return NULL;
}

static void
exam_sink_ack(struct leat_task *t, uint32_t index)
{
	(void)t;
	(void)index;
}

static int32_t
exam_sink_fail(struct leat_task *t, uint32_t index, const struct leat_err *err)
{
	(void)t;
	(void)index;
	(void)err;
	return LEAT_E_STATE;
}

static int32_t
exam_plan_add(struct leat_task *t, const struct leat_param *over, uint32_t n)
{
	(void)t;
	(void)over;
	(void)n;
	return LEAT_E_STATE;
}

static void
exam_status(struct leat_task *t, const char *json)
{
	(void)t;
	(void)json;
}

static const char *
exam_task_name(struct leat_task *t)
{
	return examiner_of(t)->name;
}

static int32_t
exam_task_id(struct leat_task *t)
{
	(void)t;
	return 0;
}

static int32_t
exam_finding(struct leat_task *t, const struct leat_finding *finding)
{
	struct examination *e = examiner_of(t)->found;
	struct leat_finding *to = &e->findings[e->len];

	if (e->len == EXAMINE_FINDINGS_MAX) {
		e->left_out++;
		return 0;
	}
	*to = (struct leat_finding){ .grade = finding->grade,
		.subject = leat_arena_strdup(&e->memory, finding->subject),
		.text = leat_arena_strdup(&e->memory, finding->text),
		.cure = finding->cure == NULL ? NULL :
		    leat_arena_strdup(&e->memory, finding->cure) };
	if (to->subject == NULL || to->text == NULL ||
	    (finding->cure != NULL && to->cure == NULL))
		return -ENOMEM;
	e->len++;
	return 0;
}

static const struct leat_host host_table = {
	.size = sizeof(struct leat_host),
	.version = LEAT_VERSION,
	.log_enabled = exam_log_enabled,
	.log = exam_log,
	.batch_grow = exam_batch_grow,
	.batch_add = exam_batch_add,
	.batch_position = exam_batch_position,
	.schema_intern = exam_schema_intern,
	.offset_get = exam_offset_get,
	.wait = exam_wait,
	.stopping = exam_stopping,
	.now_us = exam_now_us,
	.mono_ms = exam_mono_ms,
	.metric = exam_metric,
	.sink_ack = exam_sink_ack,
	.sink_fail = exam_sink_fail,
	.plan_add = exam_plan_add,
	.status = exam_status,
	.task_name = exam_task_name,
	.task_id = exam_task_id,
	.finding = exam_finding,
};

/* Between these two, the first signal asks the connector to come to an end. */
static void
watch_signals(struct sigaction old[2])
{
	struct sigaction on = { .sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND };

	stop = 0;
	(void)sigaction(SIGINT, &on, &old[0]);
	(void)sigaction(SIGTERM, &on, &old[1]);
}

static void
leave_signals(const struct sigaction old[2])
{
	(void)sigaction(SIGINT, &old[0], NULL);
	(void)sigaction(SIGTERM, &old[1], NULL);
}

int
examine_connector(const struct registered *conn, const char *name,
    const struct properties *props, bool verbose, struct examination *ret,
    struct leat_err *err)
{
	struct examiner x = { .head.host = &host_table, .name = name,
		.verbose = verbose, .found = ret };
	struct leat_err why = LEAT_ERR_INIT;
	struct sigaction old[2];
	void *config;
	int rc;

	*ret = (struct examination){ 0 };
	leat_arena_init(&ret->memory, CHUNK_BYTES, MEMORY_MAX);
	ret->findings = leat_arena_calloc(&ret->memory, EXAMINE_FINDINGS_MAX,
	    sizeof(*ret->findings));
	config = leat_arena_calloc(&ret->memory, 1,
	    conn->connector.config_size + 1);
	if (ret->findings == NULL || config == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	rc = settings_fill(conn, props, config, &ret->memory, err);
	if (rc < 0)
		return rc;
	watch_signals(old);
	rc = conn->connector.examine((struct leat_task *)(void *)&x, config,
	    &why);
	leave_signals(old);
	if (rc < 0)
		leat_finding_add((struct leat_task *)(void *)&x,
		    LEAT_FINDING_BAD, "examination", NULL, "%s", why.text);
	return 0;
}

void
examination_fini(struct examination *e)
{
	leat_arena_fini(&e->memory);
}

uint32_t
examination_count(const struct examination *e, int32_t grade)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->len; i++)
		n += e->findings[i].grade == grade;
	return n;
}
