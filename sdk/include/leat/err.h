/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h: the error slot that a fallible function fills.
 *
 * A function that can fail returns 0 or a negative code and, when it can fail
 * for more than one reason, takes a `struct leat_err *` owned by its caller.
 * The slot needs no heap and no thread-local state. Fill it once where the
 * error happens, wrap it with context while unwinding, log it once where the
 * decision is made.
 *
 * The class, not the code, decides what the worker does: retry with back-off,
 * send the record to the dead letters, wait for a human, or stop.
 */
#ifndef LEAT_ERR_H
#define LEAT_ERR_H

#include <stdarg.h>
#include <stdint.h>

enum {
	LEAT_CLS_NONE = 0,
	LEAT_CLS_RETRY = 1,	/* may succeed later by itself */
	LEAT_CLS_RECORD = 2,	/* this record is bad, others may be good */
	LEAT_CLS_CONFIG = 3,	/* a human must change something */
	LEAT_CLS_FATAL = 4	/* the state is unknown or broken: stop */
};

/*
 * Codes beyond errno. A system error is reported as -errno (above -1000),
 * one of ours as one of these.
 */
enum {
	LEAT_E_CORRUPT = -1001,	/* stored bytes contradict their format */
	LEAT_E_PROTO = -1002,	/* a peer broke its protocol */
	LEAT_E_LIMIT = -1003,	/* a limit of ours was reached */
	LEAT_E_PARSE = -1004,	/* text that does not parse */
	LEAT_E_CONFIG = -1005,	/* configuration refused */
	LEAT_E_EXISTS = -1006,	/* there already */
	LEAT_E_NOTFOUND = -1007,	/* no such thing */
	LEAT_E_STATE = -1008,	/* not possible in this state */
	LEAT_E_FENCED = -1009,	/* a newer owner took over */
	LEAT_E_ABI = -1010,	/* plugin and host do not fit */
	LEAT_E_REMOTE = -1011,	/* the external system refused */
	LEAT_E_DATA = -1012,	/* a value does not fit its schema or type */
	LEAT_E_RANGE = -1013,	/* an offset or number outside what exists */
	LEAT_E_STOPPED = -1014	/* interrupted by a stop */
};

struct leat_err {
	int32_t code;		/* 0, -errno or LEAT_E_*: for programs */
	int32_t cls;		/* LEAT_CLS_* */
	char sqlstate[8];	/* five characters, or empty */
	char text[480];		/* for people; grows outward */
	const char *file;	/* where it was first set */
	int32_t line;
	int32_t reserved;
};

#define LEAT_ERR_INIT { 0 }

/* Empties the slot. Accepts NULL. */
void leat_err_clear(struct leat_err *err);

/*
 * Fills the slot, which may be NULL, and returns `code` (negative) so that
 * callers can write `return leat_err_set(...)`. Text that does not fit is cut.
 */
int leat_err_set_at(struct leat_err *err, const char *file, int line, int cls,
    int code, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The same with the text of errno appended; the code is -errno. */
int leat_err_errno_at(struct leat_err *err, const char *file, int line,
    int cls, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Puts "context: " in front of the text and returns the slot's code. */
int leat_err_wrap(struct leat_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A short word for a class ("retry", "record", "config", "fatal"). */
const char *leat_err_class_name(int cls);

#define leat_err_set(err, cls, code, ...) \
	leat_err_set_at((err), __FILE__, __LINE__, (cls), (code), __VA_ARGS__)
#define leat_err_errno(err, cls, ...) \
	leat_err_errno_at((err), __FILE__, __LINE__, (cls), __VA_ARGS__)

#endif
