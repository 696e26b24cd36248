/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: one line per event: time, level, object, constant message, key=value.
 *
 * A logger names the object that speaks (component, connector, task). The
 * message is a constant, so that it can be counted and searched; what varies
 * are the fields. At most one identical line per 10 s, with "repeated=n"
 * (notices, which tell of a life's steps, are never held back).
 * @thread any, for all functions here but log_setup.
 *
 *	2026-03-01T10:11:12.123Z info  [orders-0] slot created slot=px lsn=0/1
 *	{"ts":"...","level":"info","component":"task","connector":"orders",
 *	 "task":0,"msg":"slot created","slot":"px","lsn":"0/15D68"}
 */
#ifndef LEAT_CORE_BASE_LOG_H
#define LEAT_CORE_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#include "core/base/clock.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_N
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct logger {
	const char *component;	/* "broker", "task", "rest", ...: a constant */
	const char *connector;	/* NULL: none */
	int32_t task;		/* -1: none */
};

struct log_settings {
	enum log_level level;
	enum log_format format;
	int fd;			/* where lines go, 2 as a rule */
	bool priorities;	/* "<3>" prefixes for journald */
	const struct clock *clock;	/* NULL: the system's */
};

/* Once, at start, before other threads run. */
void log_setup(const struct log_settings *settings);
/* The level of one component; NULL sets the level of all others. */
int log_set_level(const char *component, enum log_level level);
/* "error", ... to level; -1 when unknown. */
int log_level_parse(const char *name);
const char *log_level_name(enum log_level level);

bool log_enabled(const struct logger *lg, enum log_level level);
/*
 * fmt is printf-checked text "key=%s other=%d"; NULL for none. A value may hold
 * spaces: it is quoted where that is needed. What does not fit is cut.
 */
void log_at(const struct logger *lg, enum log_level level, const char *msg,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/*
 * Tells how often lines were held back as identical: of those whose 10 s are
 * over, or of all. Each line written does the former too; call this now and
 * then where none may come, and at the end.
 */
void log_flush(bool all);
enum { LOG_FIELDS_MAX = 4096 };

/*
 * The fields of log_at as text, for a line that is written later by log_ready.
 * What does not fit (LOG_FIELDS_MAX is enough) is cut.
 */
void log_fields(char *to, size_t size, const char *fmt, va_list ap);
/* The fields ready-made (a plugin's line, or from log_fields). */
void log_ready(const struct logger *lg, enum log_level level,
    const char *msg, const char *fields);
/* With class, code, text and origin of an error. */
void log_error_at(const struct logger *lg, enum log_level level,
    const char *msg, const struct leat_err *err);

#define log_err(lg, msg, err) log_error_at((lg), LOG_LEVEL_ERROR, (msg), (err))
#define log_warn_err(lg, msg, err) \
	log_error_at((lg), LOG_LEVEL_WARN, (msg), (err))
#define log_error(lg, msg, ...) \
	log_at((lg), LOG_LEVEL_ERROR, (msg), __VA_ARGS__)
#define log_warn(lg, msg, ...) \
	log_at((lg), LOG_LEVEL_WARN, (msg), __VA_ARGS__)
#define log_notice(lg, msg, ...) \
	log_at((lg), LOG_LEVEL_NOTICE, (msg), __VA_ARGS__)
#define log_info(lg, msg, ...) \
	log_at((lg), LOG_LEVEL_INFO, (msg), __VA_ARGS__)
#define log_debug(lg, msg, ...)                                         \
	do {                                                            \
		if (log_enabled((lg), LOG_LEVEL_DEBUG))                 \
			log_at((lg), LOG_LEVEL_DEBUG, (msg),            \
			    __VA_ARGS__);                               \
	} while (0)

#endif
