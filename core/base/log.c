/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c: levels, repeats, and the one write per line.
 *
 * Levels of components stand in a table that only grows, so that asking needs
 * no lock. Repeats are remembered in a small table of line hashes; a line that
 * was held back is kept as text until its count is told. The write itself is
 * done without the lock.
 */
#include "core/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <leat/str.h>
#include <leat/time.h>

#include "core/base/lock.h"
#include "core/base/log_line.h"
#include "core/base/obj.h"

enum {
	COMPONENTS_MAX = 32,
	COMPONENT_NAME_MAX = 31,
	REPEATS = 128,		/* lines remembered */
	REPEATS_PROBE = 4,	/* places where a line may stand */
	FMT_MAX = 512
};

static const int64_t repeat_ns = INT64_C(10) * 1000000000;

struct component {
	char name[COMPONENT_NAME_MAX + 1];
	int level;		/* atomic */
};

/* A line seen lately. */
struct repeat {
	uint64_t hash;		/* 0: free */
	int64_t since_ns;	/* when it was last written */
	uint64_t count;		/* held back since */
	enum log_level level;
	char *line;		/* what was held back; NULL when count is 0 */
	size_t len;
};

/* A line to write that tells of repeats. */
struct told {
	struct repeat rows[REPEATS_PROBE];
	size_t n;
};

static struct log_settings settings = {
	.level = LOG_LEVEL_INFO,
	.format = LOG_FORMAT_TEXT,
	.fd = 2,
	.clock = &clock_system,
};
static int others_level = LOG_LEVEL_INFO;	/* atomic */
static struct component components[COMPONENTS_MAX];	/* append-only */
static unsigned ncomponents;	/* atomic; release after a row is complete */

static struct lock lock = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.rank = RANK_LOG,
};	/* guards repeats, and appending to components */
static struct repeat repeats[REPEATS];

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
_Static_assert(ARRAY_LEN(level_names) == LOG_LEVEL_N, "one name per level");

/* ---------------------------------------------------------------- levels */

static void
repeats_forget(void)
{
	lock_acquire(&lock);
	for (size_t i = 0; i < REPEATS; i++) {
		free(repeats[i].line);
		repeats[i] = (struct repeat){ 0 };
	}
	lock_release(&lock);
}

void
log_setup(const struct log_settings *s)
{
	repeats_forget();
	settings = *s;
	if (settings.clock == NULL)
		settings.clock = &clock_system;
	__atomic_store_n(&others_level, (int)s->level, __ATOMIC_RELAXED);
	__atomic_store_n(&ncomponents, 0, __ATOMIC_RELEASE);
}

static struct component *
component_find(const char *name)
{
	unsigned n = __atomic_load_n(&ncomponents, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++)
		if (strcmp(components[i].name, name) == 0)
			return &components[i];
	return NULL;
}

static struct component *
component_add_locked(const char *name)
{
	struct component *c = component_find(name);
	unsigned n = __atomic_load_n(&ncomponents, __ATOMIC_RELAXED);

	lock_assert_held(&lock);
	if (c != NULL)
		return c;
	if (n == COMPONENTS_MAX || strlen(name) > COMPONENT_NAME_MAX)
		return NULL;
	c = &components[n];
	memcpy(c->name, name, strlen(name) + 1);
	c->level = LOG_LEVEL_INFO;
	__atomic_store_n(&ncomponents, n + 1, __ATOMIC_RELEASE);
	return c;
}

int
log_set_level(const char *component, enum log_level level)
{
	struct component *c;

	if (component == NULL) {
		__atomic_store_n(&others_level, (int)level, __ATOMIC_RELAXED);
		return 0;
	}
	lock_acquire(&lock);
	c = component_add_locked(component);
	if (c != NULL)
		__atomic_store_n(&c->level, (int)level, __ATOMIC_RELAXED);
	lock_release(&lock);
	return c == NULL ? -1 : 0;
}

int
log_level_parse(const char *name)
{
	for (int i = 0; i < LOG_LEVEL_N; i++)
		if (strcmp(level_names[i], name) == 0)
			return i;
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

bool
log_enabled(const struct logger *lg, enum log_level level)
{
	const struct component *c = component_find(lg->component);
	const int *at = c == NULL ? &others_level : &c->level;

	return (int)level <= __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------- repeats */

/* Moves a row that owes its count to those to be told. */
static void
tell_locked(struct repeat *r, struct told *told)
{
	lock_assert_held(&lock);
	if (r->count > 0 && r->line != NULL)
		told->rows[told->n++] = *r;
	else
		free(r->line);
	*r = (struct repeat){ 0 };
}

/* The row of this line, or the one to use for it: a free or the oldest one. */
static struct repeat *
repeat_slot_locked(uint64_t hash)
{
	struct repeat *best = &repeats[hash % REPEATS];

	lock_assert_held(&lock);
	for (uint64_t i = 0; i < REPEATS_PROBE; i++) {
		struct repeat *r = &repeats[(hash + i) % REPEATS];

		if (r->hash == hash)
			return r;
		if (r->since_ns < best->since_ns)
			best = r;
	}
	return best;
}

static void
hold_back_locked(struct repeat *r, enum log_level level,
    const struct log_line *line)
{
	lock_assert_held(&lock);
	r->count++;
	if (r->line != NULL)
		return;
	r->line = malloc(line->len);
	if (r->line == NULL)
		return;
	memcpy(r->line, line->text, line->len);
	r->len = line->len;
	r->level = level;
}

/*
 * Is the line to be written now, and with how many repeats? What had to make
 * room for it goes to `told`.
 */
static bool
repeat_check_locked(enum log_level level, const struct log_line *line,
    int64_t now, uint64_t *ret_repeated, struct told *told)
{
	uint64_t hash = leat_hash(line->text, line->len, 0) | 1;
	struct repeat *r = repeat_slot_locked(hash);

	if (r->hash == hash && now - r->since_ns < repeat_ns) {
		hold_back_locked(r, level, line);
		return false;
	}
	if (r->hash == hash) {
		*ret_repeated = r->count;
		free(r->line);
	} else {
		tell_locked(r, told);
	}
	*r = (struct repeat){ .hash = hash, .since_ns = now };
	return true;
}

/* Takes out up to as many rows as `told` still holds; true when more wait. */
static bool
expired_locked(int64_t now, bool all, struct told *told)
{
	lock_assert_held(&lock);
	for (size_t i = 0; i < REPEATS; i++) {
		struct repeat *r = &repeats[i];

		if (r->count == 0 || (!all && now - r->since_ns < repeat_ns))
			continue;
		if (told->n == ARRAY_LEN(told->rows))
			return true;
		tell_locked(r, told);
	}
	return false;
}

/* --------------------------------------------------------------- writing */

static void
write_line(enum log_level level, const char *line, size_t len,
    uint64_t repeated)
{
	static const char *const priority[] = { "<3>", "<4>", "<5>", "<6>",
	    "<7>" };
	bool json = settings.format == LOG_FORMAT_JSON;
	const char *end = json ? "}\n" : "\n";
	char head[64], tail[64], ts[48];
	struct iovec iov[3];
	size_t n;

	_Static_assert(ARRAY_LEN(priority) == LOG_LEVEL_N, "one per level");
	n = leat_time_format_us(ts, clock_wall_us(settings.clock), 3);
	(void)snprintf(head, sizeof(head), "%s%s%.*s%s",
	    settings.priorities ? priority[level] : "",
	    json ? "{\"ts\":\"" : "", (int)n, ts, json ? "\"" : " ");
	if (repeated > 0)
		(void)snprintf(tail, sizeof(tail), "%s%llu%s",
		    json ? ",\"repeated\":" : " repeated=",
		    (unsigned long long)repeated, end);
	else
		(void)snprintf(tail, sizeof(tail), "%s", end);
	iov[0] = (struct iovec){ head, strlen(head) };
	iov[1] = (struct iovec){ (void *)(uintptr_t)line, len };
	iov[2] = (struct iovec){ tail, strlen(tail) };
	while (writev(settings.fd, iov, 3) < 0 && errno == EINTR)
		;
}

static void
write_told(struct told *told)
{
	for (size_t i = 0; i < told->n; i++) {
		struct repeat *r = &told->rows[i];

		write_line(r->level, r->line, r->len, r->count);
		free(r->line);
	}
	told->n = 0;
}

void
log_flush(bool all)
{
	int64_t now = clock_mono_ns(settings.clock);
	struct told told = { .n = 0 };
	bool more = true;

	while (more) {
		lock_acquire(&lock);
		more = expired_locked(now, all, &told);
		lock_release(&lock);
		write_told(&told);
	}
}

static void
log_write(const struct logger *lg, enum log_level level, const char *msg,
    const char *fields)
{
	int64_t now = clock_mono_ns(settings.clock);
	struct told told = { .n = 0 };
	uint64_t repeated = 0;
	struct log_line line;
	bool now_too;

	log_line_render(&line, settings.format, lg, level, msg, fields);
	lock_acquire(&lock);
	/* The steps of a life are few, and each one counts. */
	now_too = level == LOG_LEVEL_NOTICE ||
	    repeat_check_locked(level, &line, now, &repeated, &told);
	(void)expired_locked(now, false, &told);
	lock_release(&lock);
	write_told(&told);
	if (now_too)
		write_line(level, line.text, line.len, repeated);
}

void
log_ready(const struct logger *lg, enum log_level level, const char *msg,
    const char *fields)
{
	if (log_enabled(lg, level))
		log_write(lg, level, msg, fields);
}

void
log_fields(char *to, size_t size, const char *fmt, va_list ap)
{
	int saved = errno;
	char marked[FMT_MAX];
	bool fits = log_line_mark(marked, sizeof(marked), fmt);

	errno = saved;	/* for %m */
/* The format is the caller's, checked there, with marks between the fields. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)vsnprintf(to, size, fits ? marked : fmt, ap);
#pragma GCC diagnostic pop
}

void
log_at(const struct logger *lg, enum log_level level, const char *msg,
    const char *fmt, ...)
{
	int saved = errno;
	char fields[LOG_FIELDS_MAX];
	va_list ap;

	if (!log_enabled(lg, level))
		return;
	fields[0] = '\0';
	if (fmt != NULL) {
		va_start(ap, fmt);
		errno = saved;
		log_fields(fields, sizeof(fields), fmt, ap);
		va_end(ap);
	}
	log_write(lg, level, msg, fields);
	errno = saved;
}

void
log_error_at(const struct logger *lg, enum log_level level, const char *msg,
    const struct leat_err *err)
{
	const char *file = err->file != NULL ? err->file : "?";
	const char *state = err->sqlstate;

	if (*state != '\0')
		log_at(lg, level, msg,
		    "error=%s class=%s code=%d sqlstate=%s at=%s:%d",
		    err->text, leat_err_class_name(err->cls), err->code, state,
		    file, err->line);
	else
		log_at(lg, level, msg, "error=%s class=%s code=%d at=%s:%d",
		    err->text, leat_err_class_name(err->cls), err->code, file,
		    err->line);
}
