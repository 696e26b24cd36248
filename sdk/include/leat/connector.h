/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connector.h: the ABI between a worker and a plugin, version 1.1.
 *
 * A plugin is one shared object with one exported symbol:
 *
 *	LEAT_PLUGIN(my_plugin)	with a `const struct leat_plugin my_plugin`
 *
 * It links nothing of the host: it calls the host through the table that every
 * callback can reach, and the pure functions of libleat.a are linked into it.
 *
 * Threads. A task is one open() .. close() of a connector, and all its
 * callbacks run on that task's own thread, one at a time: a connector needs no
 * locks. The one exception is interrupt(), marked below. plan() and check() run
 * on a thread of their own, never at the same time for one connector.
 *
 * Ownership. Nothing changes owner across this line. Strings and structs that
 * the host hands over are valid until the callback returns, configuration until
 * close() returns. What a source puts into a batch must stay valid until its
 * next poll(): take it from leat_batch_alloc(), which lives that long.
 *
 * Errors. A callback returns 0 or a negative code and fills err: its class
 * (err.h) decides what the worker does.
 *
 * Log of the ABI
 *	1.0	first version
 *	1.1	signals: leat_source_ops.signal; leat_host.topic_next;
 *		examinations: leat_connector.examine, leat_host.finding
 * Added things raise the minor and stand at the end of their struct; changed or
 * removed things raise the major.
 */
#ifndef LEAT_CONNECTOR_H
#define LEAT_CONNECTOR_H

#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>
#include <leat/record.h>
#include <leat/schema.h>
#include <leat/value.h>

#define LEAT_ABI_MAJOR 1
#define LEAT_ABI_MINOR 1
#define LEAT_PLUGIN_MAGIC 0x4c454154u	/* "LEAT" */
#define LEAT_PLUGIN_SYMBOL "leat_plugin"

struct leat_task;		/* the host's side of a task, opaque */

/* ------------------------------------------------------------ options */

enum {
	LEAT_OPT_STRING = 1,	/* const char *, NULL when unset */
	LEAT_OPT_BOOL = 2,	/* int32_t 0 or 1 */
	LEAT_OPT_INT = 3,	/* int64_t within min..max */
	LEAT_OPT_DOUBLE = 4,	/* double */
	LEAT_OPT_CHOICE = 5,	/* int32_t: index into choices */
	LEAT_OPT_DURATION = 6,	/* int64_t in ms; text may carry a unit */
	LEAT_OPT_BYTES = 7,	/* int64_t; text may carry a unit */
	LEAT_OPT_LIST = 8,	/* struct leat_list */
	LEAT_OPT_MAP = 9	/* struct leat_params: all keys "name.<k>" */
};

enum {
	LEAT_OPT_REQUIRED = 1,
	LEAT_OPT_SECRET = 2,	/* prints as *** everywhere */
	LEAT_OPT_RELOADABLE = 4,	/* a change needs no new open() */
	LEAT_OPT_DEPRECATED = 8,
	LEAT_OPT_HIGH = 16	/* shown first in docs and consoles */
};

struct leat_list {
	const char *const *items;
	uint32_t len;
	uint32_t reserved;
};

struct leat_params {
	const struct leat_param *items;
	uint32_t len;
	uint32_t reserved;
};

/* One row of an option table; a table ends with a row whose name is NULL. */
struct leat_option {
	const char *name;	/* as in Kafka Connect or Debezium */
	const char *aliases;	/* comma separated, or NULL */
	int32_t type;		/* LEAT_OPT_STRING .. */
	int32_t flags;		/* LEAT_OPT_REQUIRED .. */
	const char *def;	/* default as text, NULL: unset or zero */
	int64_t min;		/* INT, DURATION, BYTES; both 0: any */
	int64_t max;
	const char *choices;	/* CHOICE: "a,b,c" */
	uint64_t offset;	/* offsetof the field in the config struct */
	const char *help;	/* one or two sentences */
	const char *since;	/* version of the connector */
};

_Static_assert(offsetof(struct leat_option, offset) == 56, "ABI");
_Static_assert(sizeof(struct leat_option) == 80, "ABI");

/* --------------------------------------------------------- the host table */

enum {
	LEAT_LOG_ERROR = 0,	/* someone must act */
	LEAT_LOG_WARN = 1,	/* we coped */
	LEAT_LOG_NOTICE = 2,	/* life cycle */
	LEAT_LOG_INFO = 3,
	LEAT_LOG_DEBUG = 4
};

enum {
	LEAT_WAIT_READ = 1,
	LEAT_WAIT_WRITE = 2
};

enum {
	LEAT_METRIC_COUNTER = 1,	/* only grows */
	LEAT_METRIC_GAUGE = 2
};

/*
 * What a source's poll() fills. The first members are public so that
 * leat_batch_alloc() inlines; the host has more behind them.
 */
struct leat_batch {
	uint8_t *cur;		/* free memory of the batch's arena */
	uint8_t *end;
	uint32_t nrecords;	/* records added so far */
	uint32_t full;		/* 1: return from poll() soon */
	struct leat_task *task;
};

/* Where a source stands: two JSON objects, as in Kafka Connect. */
struct leat_position {
	const char *partition;	/* {"server":"px"} */
	const char *offset;	/* {"lsn":531325128} */
};

/* What a user asks a running source to do. The texts are never NULL. */
struct leat_signal {
	uint32_t size;		/* sizeof(struct leat_signal) */
	uint32_t reserved;
	const char *id;		/* "": none was given */
	const char *type;	/* "execute-snapshot" */
	const char *data;	/* JSON, or "" */
};

/* A record of a topic, in bytes. */
struct leat_topic_record {
	uint32_t size;		/* of the caller's struct, set by the caller */
	uint32_t reserved;
	int64_t offset;
	int64_t timestamp_ms;
	const char *key;	/* NULL: null; not NUL-terminated */
	const char *value;
	uint32_t key_len;
	uint32_t value_len;
};

/* What a sink's put() gets. */
struct leat_sink_batch {
	const struct leat_record *records;
	uint32_t nrecords;
	uint32_t reserved;
};

enum {
	LEAT_FINDING_GOOD = 0,
	LEAT_FINDING_NOTE = 1,	/* works, and is worth to know */
	LEAT_FINDING_WARNING = 2,	/* works, and will hurt one day */
	LEAT_FINDING_BAD = 3	/* the connector cannot work */
};

/* One thing that a connector's examine() looked at. */
struct leat_finding {
	int32_t grade;		/* LEAT_FINDING_GOOD .. */
	int32_t reserved;
	const char *subject;	/* "wal_level"; the same in every run */
	const char *text;	/* what was found, and what follows from it */
	const char *cure;	/* commands to paste, or NULL */
};

/*
 * The services of the host. The table only grows; `size` says how much of it
 * this host has. Plugins use the wrappers below, not the pointers.
 */
struct leat_host {
	uint32_t size;
	uint32_t reserved;
	const char *version;	/* of the worker */
	int32_t (*log_enabled)(struct leat_task *t, int32_t level);
	void (*log)(struct leat_task *t, int32_t level, const char *msg,
	    const char *fields);
	uint8_t *(*batch_grow)(struct leat_batch *b, uint64_t size);
	int32_t (*batch_add)(struct leat_batch *b,
	    const struct leat_record *rec);
	int32_t (*batch_position)(struct leat_batch *b,
	    const struct leat_position *pos);
	const struct leat_schema *(*schema_intern)(struct leat_task *t,
	    const struct leat_schema *schema, struct leat_err *err);
	const char *(*offset_get)(struct leat_task *t, const char *partition);
	void (*wait)(struct leat_task *t, int32_t fd, int32_t events,
	    int64_t timeout_ms);
	int32_t (*stopping)(struct leat_task *t);
	int64_t (*now_us)(struct leat_task *t);
	int64_t (*mono_ms)(struct leat_task *t);
	int64_t *(*metric)(struct leat_task *t, int32_t type,
	    const char *name, const char *help);
	void (*sink_ack)(struct leat_task *t, uint32_t index);
	int32_t (*sink_fail)(struct leat_task *t, uint32_t index,
	    const struct leat_err *err);
	int32_t (*plan_add)(struct leat_task *t, const struct leat_param *over,
	    uint32_t n);
	void (*status)(struct leat_task *t, const char *json);
	const char *(*task_name)(struct leat_task *t);
	int32_t (*task_id)(struct leat_task *t);
	int32_t (*finding)(struct leat_task *t,
	    const struct leat_finding *finding);	/* since 1.1 */
	/* since 1.1 */
	int32_t (*topic_next)(struct leat_task *t, const char *topic,
	    int64_t from, struct leat_topic_record *rec, struct leat_err *err);
};

/* The head of the opaque struct leat_task, so that wrappers reach the table. */
struct leat_task_head {
	const struct leat_host *host;
};

static inline const struct leat_host *
leat_host_of(struct leat_task *t)
{
	return ((const struct leat_task_head *)(void *)t)->host;
}

/* ------------------------------------------------------------- logging */

/* Is a line of this level wanted? For lines that cost something to build. */
static inline int32_t
leat_log_enabled(struct leat_task *t, int32_t level)
{
	return leat_host_of(t)->log_enabled(t, level);
}

/*
 * leat_log_info(t, "slot created", "slot=%s lsn=%X/%X", ...): a constant
 * message, then fields as key=value. The task's name is added by the host. In
 * libleat.a; formats into a buffer on the stack and calls the host.
 */
void leat_log_at(struct leat_task *t, int32_t level, const char *msg,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define leat_log_error(t, msg, ...) \
	leat_log_at((t), LEAT_LOG_ERROR, (msg), __VA_ARGS__)
#define leat_log_warn(t, msg, ...) \
	leat_log_at((t), LEAT_LOG_WARN, (msg), __VA_ARGS__)
#define leat_log_notice(t, msg, ...) \
	leat_log_at((t), LEAT_LOG_NOTICE, (msg), __VA_ARGS__)
#define leat_log_info(t, msg, ...) \
	leat_log_at((t), LEAT_LOG_INFO, (msg), __VA_ARGS__)
#define leat_log_debug(t, msg, ...)                                     \
	do {                                                            \
		if (leat_log_enabled((t), LEAT_LOG_DEBUG))              \
			leat_log_at((t), LEAT_LOG_DEBUG, (msg),         \
			    __VA_ARGS__);                               \
	} while (0)

/* --------------------------------------------------------------- batches */

/*
 * Memory that lives until the next poll(), 16-byte aligned, not zeroed. NULL
 * when the worker's memory bound is reached: return what the batch has.
 */
static inline void *
leat_batch_alloc(struct leat_batch *b, uint64_t size)
{
	uint64_t need = (size + 15) & ~(uint64_t)15;

	if (need < size || need > (uint64_t)(b->end - b->cur))
		return leat_host_of(b->task)->batch_grow(b, size);
	b->cur += need;
	return b->cur - need;
}

/* A copy in the batch's memory, with a NUL behind it. */
static inline void *
leat_batch_copy(struct leat_batch *b, const void *p, uint64_t len)
{
	char *to = (char *)leat_batch_alloc(b, len + 1);

	if (to != NULL) {
		if (len > 0)
			memcpy(to, p, len);
		to[len] = '\0';
	}
	return to;
}

/*
 * Adds a record. The struct is copied, what it points to is not. Returns 0, or
 * -ENOMEM (return what the batch has and poll again).
 */
static inline int32_t
leat_batch_add(struct leat_batch *b, const struct leat_record *rec)
{
	return leat_host_of(b->task)->batch_add(b, rec);
}

/*
 * Says that once all records added so far are durable, the source stands at
 * `offset` in `partition`; both are copied. A position without new records is
 * fine. Call it as often as it is cheap,
 * once before poll() returns at least. With exactly-once the records and the
 * position become visible together, so the position must be exact: a restart
 * begins right behind the last record before it. Returns 0 or -ENOMEM: then
 * fail the poll() with class RETRY; the host takes nothing of this batch.
 */
static inline int32_t
leat_batch_position(struct leat_batch *b, const char *partition,
    const char *offset)
{
	struct leat_position pos = { partition, offset };

	return leat_host_of(b->task)->batch_position(b, &pos);
}

/* ------------------------------------------------------ schemas, offsets */

/* The unique copy of a schema for this task; valid until close(). */
static inline const struct leat_schema *
leat_schema_intern(struct leat_task *t, const struct leat_schema *schema,
    struct leat_err *err)
{
	return leat_host_of(t)->schema_intern(t, schema, err);
}

/*
 * The stored offset (JSON text) of a source partition (JSON text; compared as
 * JSON, so white space and member order do not matter), or NULL. Valid until
 * the callback returns.
 */
static inline const char *
leat_offset_get(struct leat_task *t, const char *partition)
{
	return leat_host_of(t)->offset_get(t, partition);
}

/*
 * An integer member of the stored offset, or def where there is none: enough
 * for sources whose offset is one number. In libleat.a.
 */
int64_t leat_offset_i64(struct leat_task *t, const char *partition,
    const char *member, int64_t def);

/* ------------------------------------------------------------------ topics */

/*
 * For a source that reads a topic of the worker's broker: the first record of
 * partition 0 at or behind offset `from` that is committed. 1: it is in *rec,
 * valid until the callback returns; 0: none yet, or no such topic; negative:
 * err is filled, LEAT_E_STATE from a host before 1.1. Where it stands, the
 * source keeps in its own position.
 */
static inline int32_t
leat_topic_next(struct leat_task *t, const char *topic, int64_t from,
    struct leat_topic_record *rec, struct leat_err *err)
{
	const struct leat_host *h = leat_host_of(t);

	if (h->size < offsetof(struct leat_host, topic_next) + sizeof(void *))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "this worker gives connectors no topics");
	return h->topic_next(t, topic, from, rec, err);
}

/* ----------------------------------------------------- waiting, stopping */

/*
 * Says how to wait when poll() returns without records: until fd is ready
 * (fd -1: none), or timeout_ms have passed (-1: no limit), or something else
 * needs the task. Holds for the next wait only. Without this call an empty
 * poll() is followed by a wait of 100 ms. The call returns at once: the wait
 * itself is the host's, after poll().
 */
static inline void
leat_wait(struct leat_task *t, int32_t fd, int32_t events,
    int64_t timeout_ms)
{
	leat_host_of(t)->wait(t, fd, events, timeout_ms);
}

/* 1 once the task should come to an end. @thread any */
static inline int32_t
leat_stopping(struct leat_task *t)
{
	return leat_host_of(t)->stopping(t);
}

/* Wall clock in microseconds, and a monotonic clock in milliseconds. */
static inline int64_t
leat_now_us(struct leat_task *t)
{
	return leat_host_of(t)->now_us(t);
}

static inline int64_t
leat_mono_ms(struct leat_task *t)
{
	return leat_host_of(t)->mono_ms(t);
}

/* --------------------------------------------------------- metrics, status */

/*
 * A number that /metrics shows as leat_<name>{connector=,task=}; the same name
 * gives the same number. Valid until close(); NULL when there are too many,
 * which leat_metric_add and leat_metric_set accept. The name is Prometheus
 * style: "postgres_lag_bytes", counters end in _total.
 */
static inline int64_t *
leat_metric(struct leat_task *t, int32_t type, const char *name,
    const char *help)
{
	return leat_host_of(t)->metric(t, type, name, help);
}

static inline void
leat_metric_add(int64_t *m, int64_t n)
{
	if (m != NULL)
		__atomic_fetch_add(m, n, __ATOMIC_RELAXED);
}

static inline void
leat_metric_set(int64_t *m, int64_t v)
{
	if (m != NULL)
		__atomic_store_n(m, v, __ATOMIC_RELAXED);
}

/*
 * Replaces the JSON object (progress, lag) that `leat connectors status` shows.
 * A text that is no object is shown as null.
 */
static inline void
leat_status(struct leat_task *t, const char *json)
{
	leat_host_of(t)->status(t, json);
}

/* The connector's name and the task's number. */
static inline const char *
leat_task_name(struct leat_task *t)
{
	return leat_host_of(t)->task_name(t);
}

static inline int32_t
leat_task_id(struct leat_task *t)
{
	return leat_host_of(t)->task_id(t);
}

/* ----------------------------------------------------------------- sinks */

/*
 * Record `index` of the current put() is durable. If put() fails afterwards it
 * is called again with the records that were neither acknowledged nor failed.
 */
static inline void
leat_sink_ack(struct leat_task *t, uint32_t index)
{
	leat_host_of(t)->sink_ack(t, index);
}

/*
 * Record `index` of the current put() cannot be delivered. 0: the host took it
 * over (dead letter, or dropped by policy), go on. Negative: the policy is to
 * stop; return that code with err filled.
 */
static inline int32_t
leat_sink_fail(struct leat_task *t, uint32_t index,
    const struct leat_err *err)
{
	return leat_host_of(t)->sink_fail(t, index, err);
}

/* From plan(): one more task, whose options are the connector's with `over`. */
static inline int32_t
leat_plan_add(struct leat_task *t, const struct leat_param *over, uint32_t n)
{
	return leat_host_of(t)->plan_add(t, over, n);
}

/*
 * From examine(): something that was looked at, LEAT_FINDING_*; `cure` may be
 * NULL. In libleat.a. Texts of more than 2 KB are cut.
 */
void leat_finding_add(struct leat_task *t, int32_t grade, const char *subject,
    const char *cure, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* ------------------------------------------------------------ descriptors */

/*
 * A source. open and poll and close are required; the rest may be NULL.
 *
 * open	    Connects, reads the stored offset, gives its state through
 *	    *ret_self. On failure nothing is left behind and close() is not
 *	    called.
 * poll	    Adds records to the batch until it is full or there is nothing now,
 *	    and returns; never blocks for long (see leat_wait). When it fails,
 *	    records behind the last position of the batch are dropped: they
 *	    come again after the next open().
 * durable  The records up to this position are on disk and visible: the source
 *	    may acknowledge upstream. Positions come in order, per partition;
 *	    some may be skipped for newer ones.
 * tick	    Called at least every second, also while back-pressure holds poll():
 *	    keep-alives go here.
 * interrupt  @thread any. The task should return soon from whatever call it is
 *	    in. Async-signal-safe it need not be.
 * close    Always the last call; self is gone after it.
 * signal   A user asks for something (leat signal, the REST API), between two
 *	    other calls. A failure is logged and does not end the task.
 */
struct leat_source_ops {
	uint32_t size;		/* sizeof(struct leat_source_ops) */
	uint32_t reserved;
	int32_t (*open)(struct leat_task *t, const void *config,
	    void **ret_self, struct leat_err *err);
	int32_t (*poll)(void *self, struct leat_batch *batch,
	    struct leat_err *err);
	int32_t (*durable)(void *self, const struct leat_position *pos,
	    struct leat_err *err);
	int32_t (*tick)(void *self, struct leat_err *err);
	void (*interrupt)(void *self);
	void (*close)(void *self);
	/* since 1.1 */
	int32_t (*signal)(void *self, const struct leat_signal *sig,
	    struct leat_err *err);
};

/*
 * A sink. open, put and close are required; the rest may be NULL.
 *
 * put	    Delivers the records. 0: every record that was not failed is taken;
 *	    it is durable now if flush is NULL, else once flush() returned 0. A
 *	    failure of class RETRY brings the same records again, without those
 *	    acknowledged or failed; of class RECORD, the host then calls put()
 *	    record by record to find the bad ones; others stop the task.
 * flush    Makes all records taken so far durable; their offsets are committed
 *	    after it.
 * tick	    Called at least every second while there is nothing to put.
 * interrupt, close	as for a source.
 */
struct leat_sink_ops {
	uint32_t size;		/* sizeof(struct leat_sink_ops) */
	uint32_t reserved;
	int32_t (*open)(struct leat_task *t, const void *config,
	    void **ret_self, struct leat_err *err);
	int32_t (*put)(void *self, const struct leat_sink_batch *batch,
	    struct leat_err *err);
	int32_t (*flush)(void *self, struct leat_err *err);
	int32_t (*tick)(void *self, struct leat_err *err);
	void (*interrupt)(void *self);
	void (*close)(void *self);
};

enum {
	LEAT_SOURCE = 1,
	LEAT_SINK = 2
};

enum {
	/* Source: positions are exact, exactly-once delivery is possible. */
	LEAT_CAN_EXACTLY_ONCE = 1,
	/* Sink: knows what to do with a tombstone; else they are skipped. */
	LEAT_TAKES_TOMBSTONES = 2
};

struct leat_connector {
	uint32_t size;		/* sizeof(struct leat_connector) */
	int32_t kind;		/* LEAT_SOURCE or LEAT_SINK */
	const char *name;	/* "postgres-source" */
	const char *version;	/* "1.0.0" */
	const char *aliases;	/* Java class names, with commas, or NULL */
	const char *help;	/* one line */
	uint64_t flags;		/* LEAT_CAN_EXACTLY_ONCE .. */
	const struct leat_option *options;
	uint64_t config_size;	/* of the struct that the options fill */
	/*
	 * Optional: checks options against each other. 0, or class CONFIG;
	 * start the text with the option's name and a colon. No I/O.
	 */
	int32_t (*check)(const void *config, struct leat_err *err);
	/*
	 * Optional: splits the work by calling leat_plan_add up to max_tasks
	 * times. Without it a source has one task, and a sink max_tasks of
	 * them, which share out the partitions of its topics.
	 */
	int32_t (*plan)(struct leat_task *t, const void *config,
	    int32_t max_tasks, struct leat_err *err);
	const struct leat_source_ops *source;	/* LEAT_SOURCE */
	const struct leat_sink_ops *sink;	/* LEAT_SINK */
	/*
	 * Optional, since 1.1: looks at the system that the options lead to and
	 * calls leat_finding_add for all that matters, good or bad, without
	 * changing anything there. For `leat doctor`: no worker runs, the task
	 * has a log, a clock and leat_stopping, and nothing else. 0, or why it
	 * could not go on; what was found until then counts.
	 */
	int32_t (*examine)(struct leat_task *t, const void *config,
	    struct leat_err *err);
};

/* The first 16 bytes are frozen for ever. */
struct leat_plugin {
	uint32_t magic;		/* LEAT_PLUGIN_MAGIC */
	uint32_t size;		/* sizeof(struct leat_plugin) */
	uint32_t abi_major;
	uint32_t abi_minor;
	const char *name;	/* "leat-postgres" */
	const char *version;
	const struct leat_connector *const *connectors;
	uint32_t nconnectors;
	uint32_t reserved;
};

_Static_assert(offsetof(struct leat_plugin, name) == 16, "ABI");
_Static_assert(sizeof(struct leat_plugin) == 48, "ABI");
_Static_assert(sizeof(struct leat_source_ops) == 64, "ABI");
_Static_assert(sizeof(struct leat_sink_ops) == 56, "ABI");
_Static_assert(offsetof(struct leat_connector, examine) == 96, "ABI");
_Static_assert(offsetof(struct leat_batch, task) == 24, "ABI");
_Static_assert(offsetof(struct leat_host, task_id) == 152, "ABI");
_Static_assert(offsetof(struct leat_host, topic_next) == 168, "ABI");
_Static_assert(sizeof(struct leat_signal) == 32, "ABI");
_Static_assert(sizeof(struct leat_topic_record) == 48, "ABI");

#define LEAT_EXPORT __attribute__((visibility("default")))

/* The head of a descriptor. */
#define LEAT_PLUGIN_HEAD                                                \
	.magic = LEAT_PLUGIN_MAGIC, .size = sizeof(struct leat_plugin), \
	.abi_major = LEAT_ABI_MAJOR, .abi_minor = LEAT_ABI_MINOR

/* The exported function of a plugin. */
const struct leat_plugin *leat_plugin(void);
#define LEAT_PLUGIN(descriptor)                                         \
	LEAT_EXPORT const struct leat_plugin *leat_plugin(void)         \
	{                                                               \
		return &(descriptor);                                   \
	}

/*
 * All of the above for a plugin with a single connector of the same name and
 * version; the rest of struct leat_connector follows as initialisers:
 *
 *	LEAT_SINGLE_PLUGIN("my-source", "1.0.0", .kind = LEAT_SOURCE, ...)
 */
#define LEAT_SINGLE_PLUGIN(name_, version_, ...)                        \
	static const struct leat_connector leat_single_connector = {    \
		.size = sizeof(struct leat_connector),                  \
		.name = (name_),                                        \
		.version = (version_),                                  \
		__VA_ARGS__                                             \
	};                                                              \
	static const struct leat_connector *const leat_connectors[] = { \
		&leat_single_connector                                  \
	};                                                              \
	static const struct leat_plugin leat_single_plugin = {          \
		LEAT_PLUGIN_HEAD,                                       \
		.name = (name_),                                        \
		.version = (version_),                                  \
		.connectors = leat_connectors,                          \
		.nconnectors = 1,                                       \
	};                                                              \
	LEAT_PLUGIN(leat_single_plugin)

#endif
