/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_signal.h: what users ask a running task to do: its words, and the channels
 * that bring them.
 *
 * A signal has an id, a type and data, which is JSON. It comes as a row of the
 * table signal.data.collection (through the stream), as a line of a file, as a
 * record of a topic, or from the host (leat signal, REST). A bad one is logged
 * and told by a notification; it never fails the task.
 *
 * Table and topic give each signal once: their place is in the position. A file
 * gives it once at least: it is emptied when the position that tells of what
 * its signals did is durable, and read again where the worker dies before.
 */
#ifndef LEAT_PG_SIGNAL_H
#define LEAT_PG_SIGNAL_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/str.h>

#include "pg_config.h"
#include "pgoutput.h"

enum {
	PG_SIGNAL_ID_MAX = 63,	/* longer ids are cut */
	PG_SIGNAL_DATA_MAX = 256 * 1024,
	PG_SIGNAL_TABLES_MAX = 1000,	/* expressions of one signal */
	PG_SIGNAL_FILE_MAX = 4 * 1024 * 1024
};

enum pg_signal_kind {
	PG_SIGNAL_EXECUTE,
	PG_SIGNAL_STOP,
	PG_SIGNAL_PAUSE,
	PG_SIGNAL_RESUME,
	PG_SIGNAL_LOG,
	PG_SIGNAL_WINDOW_OPEN,	/* our own rows in the table */
	PG_SIGNAL_WINDOW_CLOSE
};

/* A condition for the collections that an expression matches. */
struct pg_condition {
	const char *collection;
	const char *filter;
};

/* A signal taken apart; all in the arena that was given. */
struct pg_signal {
	const char *id;
	enum pg_signal_kind kind;
	int blocking;		/* type BLOCKING */
	const char *const *collections;	/* regular expressions */
	uint32_t ncollections;
	const struct pg_condition *conditions;
	uint32_t nconditions;
	const char *surrogate;	/* column, or NULL */
	const char *message;	/* LOG */
};

/*
 * Understands a signal. An id of no text gets a UUID. 0, or LEAT_E_DATA with
 * what is wrong.
 */
int pg_signal_parse(struct leat_str id, struct leat_str type,
    struct leat_str data, struct leat_arena *a, struct pg_signal *ret,
    struct leat_err *err);

/*
 * The same for an object {"id":..,"type":..,"data":{..} or text}, as files and
 * topics have them.
 */
int pg_signal_parse_object(struct leat_str json, struct leat_arena *a,
    struct pg_signal *ret, struct leat_err *err);

/* What to do with a signal: the one place that acts. */
typedef void pg_signal_fn(void *arg, const struct pg_signal *s);

struct pg_signals {
	struct leat_task *task;
	const struct pg_config *cfg;
	const char *prefix;
	int32_t channels;	/* PG_CHANNEL_* */
	pg_signal_fn *act;
	/* A signal that was not understood: its id, as far as known. */
	void (*refuse)(void *arg, const char *id, const struct leat_err *err);
	void *arg;
	const char *topic;
	int64_t topic_offset;	/* the next record of the topic */
	uint32_t table_oid;	/* of the table, 0: not seen yet */
	int64_t next_look;	/* mono */
	int file_bad;		/* the last look failed and was logged */
	struct leat_buf file_done;	/* what was acted on, its first bytes */
	int file_waits;		/* the position that says so is not durable */
	int topic_bad;
	int moved;		/* newer than the position */
};

int pg_signals_init(struct pg_signals *s, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, struct leat_arena *a,
    struct leat_err *err);

/* Accepts a zeroed one. */
void pg_signals_fini(struct pg_signals *s);

/* A member for the position, with a comma in front; mostly nothing. */
void pg_signals_encode(const struct pg_signals *s, struct leat_buf *b);
/* A position became durable. */
void pg_signals_durable(struct pg_signals *s, const char *position);

/* A signal from the host. 0, or class RECORD when the channel is off. */
int pg_signals_take(struct pg_signals *s, struct leat_str id,
    struct leat_str type, struct leat_str data, struct leat_err *err);

/* The stream describes a relation: is it the table of signals? */
void pg_signals_relation(struct pg_signals *s,
    const struct pgo_relation *rel);

/* A row was inserted into the table of signals. */
void pg_signals_row(struct pg_signals *s, const struct pgo_tuple *row);

/* Looks at file and topic when it is time. */
void pg_signals_poll(struct pg_signals *s);

/* Does "schema.table" name this table? `table` may be NULL: it does not. */
int pg_signal_is_table(const char *table, struct leat_str schema,
    struct leat_str name);

#endif
