/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental.c: begins and ends it, goes from chunk to chunk, and says what
 * to wait for.
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "pg_incremental_parts.h"

enum {
	ARENA_CHUNK = 8 * 1024,
	ARENA_MAX = 64 * 1024 * 1024
};

/* ------------------------------------------------------------ init, fini */

static void
set_metrics(struct pg_incremental *inc)
{
	struct leat_task *t = inc->task;

	inc->m_rows = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_incremental_rows_total",
	    "Rows read by incremental snapshots.");
	inc->m_chunks = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_incremental_chunks_total",
	    "Chunks delivered by incremental snapshots.");
	inc->m_again = leat_metric(t, LEAT_METRIC_COUNTER,
	    "postgres_incremental_chunks_again_total",
	    "Chunks of incremental snapshots that were read again.");
	inc->m_left = leat_metric(t, LEAT_METRIC_GAUGE,
	    "postgres_incremental_tables_left",
	    "Tables in the queue of incremental snapshots.");
}

int
pg_inc_init(struct pg_incremental *inc, const struct pg_relcache *rels,
    struct leat_err *err)
{
	(void)err;
	pg_relcache_init(&inc->rels);
	inc->rels.task = inc->task;
	inc->rels.cfg = inc->cfg;
	inc->rels.filters = rels->filters;
	inc->rels.prefix = rels->prefix;
	inc->rels.conn = inc->sql;
	inc->rels.publication = inc->cfg->publication;
	inc->rels.source_schema = rels->source_schema;
	inc->rels.tallies = rels->tallies;
	inc->rels.m_unconverted = rels->m_unconverted;
	leat_arena_init(&inc->arena, ARENA_CHUNK, ARENA_MAX);
	leat_buf_init(&inc->after, PG_INC_KEY_MAX);
	leat_buf_init(&inc->upto, PG_INC_KEY_MAX);
	leat_buf_init(&inc->chunk_end, PG_INC_KEY_MAX);
	leat_buf_init(&inc->scratch, SIZE_MAX / 2);
	leat_buf_init(&inc->scratch_key, PG_INC_KEY_MAX);
	inc->limit = inc->cfg->chunk_size;
	inc->epoll_fd = -1;
	set_metrics(inc);
	return 0;
}

void
pg_inc_fini(struct pg_incremental *inc)
{
	if (inc->task == NULL)
		return;
	while (inc->first != NULL) {
		struct pg_inc_table *t = inc->first;

		inc->first = t->next;
		pg_inc_table_free(t);
	}
	pg_window_reset(&inc->window);
	PQclear(inc->result);
	pg_conn_close(&inc->conn);
	if (inc->epoll_fd >= 0)
		(void)close(inc->epoll_fd);
	inc->epoll_fd = -1;
	pg_relcache_fini(&inc->rels);
	leat_arena_fini(&inc->arena);
	leat_buf_fini(&inc->after);
	leat_buf_fini(&inc->upto);
	leat_buf_fini(&inc->chunk_end);
	leat_buf_fini(&inc->scratch);
	leat_buf_fini(&inc->scratch_key);
}

/* ------------------------------------------------------------------- work */

/* From one chunk to the next. 1: nothing to do now. */
static int
start_next(struct pg_incremental *inc, int may_start, struct leat_err *err)
{
	struct leat_err why = LEAT_ERR_INIT;
	int rc = 0;

	if (!may_start || inc->paused || inc->held ||
	    leat_stopping(inc->task) || leat_mono_ms(inc->task) < inc->retry_ms)
		return 1;
	if (!inc->begun)
		rc = pg_inc_begin_table(inc, &why);
	if (rc > 0)
		return 0;
	if (rc == 0)
		rc = pg_inc_start_chunk(inc, &why);
	if (rc == 0)
		return 0;
	/* Without the source's own connection the task is no use. */
	if (!pg_conn_ok(inc->sql)) {
		*err = why;
		return rc;
	}
	if (why.cls != LEAT_CLS_RETRY && pg_inc_count_failure(inc, &why))
		return 0;
	pg_inc_back_off(inc, &why);
	return 1;
}

int
pg_inc_work(struct pg_incremental *inc, int may_start, struct leat_err *err)
{
	while (inc->first != NULL) {
		int rc = 0;

		if (inc->step == PG_INC_WAIT || inc->step == PG_INC_EMIT)
			return 0;
		rc = inc->step == PG_INC_IDLE ?
		    start_next(inc, may_start, err) : pg_inc_advance(inc);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	return 0;
}

/* ----------------------------------------------------------------- waiting */

int
pg_inc_asks(struct pg_incremental *inc)
{
	int64_t now;

	if (inc == NULL || inc->step != PG_INC_WAIT)
		return 0;
	now = leat_mono_ms(inc->task);
	if (now < inc->next_ask_ms)
		return 0;
	inc->next_ask_ms = now + PG_INC_ASK_MS;
	return 1;
}

static int
watch_both(struct pg_incremental *inc, int fd)
{
	int fds[2] = { fd, PQsocket(inc->conn.pg) };

	if (inc->epoll_fd >= 0)
		return inc->epoll_fd;
	inc->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 2 && inc->epoll_fd >= 0; i++) {
		struct epoll_event ev = { .events = EPOLLIN };

		if (epoll_ctl(inc->epoll_fd, EPOLL_CTL_ADD, fds[i], &ev) < 0) {
			(void)close(inc->epoll_fd);
			inc->epoll_fd = -1;
		}
	}
	return inc->epoll_fd;
}

static void
shorten(int64_t *ms, int64_t left)
{
	if (left < *ms)
		*ms = left > 0 ? left : 0;
}

int
pg_inc_wait_fd(struct pg_incremental *inc, int fd, int64_t *ms)
{
	int64_t now;
	int both;

	if (!pg_inc_active(inc))
		return fd;
	now = leat_mono_ms(inc->task);
	if (inc->step == PG_INC_IDLE && !inc->paused && !inc->held)
		shorten(ms, inc->retry_ms > now ? inc->retry_ms - now : 1);
	else if (inc->step == PG_INC_WAIT)
		shorten(ms, inc->next_ask_ms - now);
	if (inc->step == PG_INC_IDLE || inc->step == PG_INC_WAIT ||
	    inc->step == PG_INC_EMIT || !pg_conn_ok(&inc->conn))
		return fd;
	both = watch_both(inc, fd);
	if (both < 0 || PQflush(inc->conn.pg) != 0)
		shorten(ms, 5);
	return both < 0 ? fd : both;
}
