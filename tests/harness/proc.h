/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h: what most tests of the whole need: a directory of their own, waiting
 * with a deadline, free ports, and processes that end with the test.
 *
 * A helper that cannot do its work fails the running CMocka test with a message
 * (from a fixture too), so callers need not check. Paths and texts that are
 * returned as `const char *` live until the program ends. Everything here
 * belongs to the main thread, except th_text(), th_now_ms(), th_nap() and
 * th_wait_until().
 */
#ifndef LEAT_TESTS_HARNESS_PROC_H
#define LEAT_TESTS_HARNESS_PROC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/* ----------------------------------------------------- files and folders */

/*
 * The directory of this test program: made under $TMPDIR at the first call,
 * removed when the program ends, unless TH_KEEP=1 is in the environment.
 */
const char *th_tmpdir(void);

/* A path below th_tmpdir(), as by printf; nothing is created. */
const char *th_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Formats a text that lives until the program ends. */
const char *th_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The whole file with a NUL behind it, to be freed; fails when unreadable. */
char *th_slurp(const char *path, size_t *ret_len);

/* Creates or replaces a file, through a rename, as an editor would. */
void th_write_file(const char *path, const void *data, size_t len);
void th_write_text(const char *path, const char *text);

bool th_exists(const char *path);
void th_mkdir(const char *path);
/* Removes a file or a whole tree; what is not there is fine. */
void th_remove(const char *path);

/* Does the file exist and hold this text? For th_wait_until() too. */
bool th_file_has(const char *path, const char *text);

/* The root of the source tree, for data files of tests. */
const char *th_src_dir(void);
/* build/<mode>, absolute. */
const char *th_build_dir(void);
/* The daemon ($LEAT_BIN) and the folder of its plugins ($LEAT_PLUGIN_PATH). */
const char *th_leat_bin(void);
const char *th_plugin_dir(void);
/* The folder of the fixtures declared as TEST_PLUGINS. */
const char *th_test_plugin_dir(void);

/* How much slower than a plain build this one is: 1, or 3 with a sanitizer. */
int th_slowness(void);
/*
 * Is this a build with the thread sanitizer? It cannot follow threads that were
 * started by C11's thrd_create, as librdkafka does: the process crashes.
 */
bool th_thread_sanitizer(void);

/* ------------------------------------------------------- time and waiting */

/* Milliseconds of a monotonic clock. */
int64_t th_now_ms(void);

/* For loops that poll, never instead of a condition. */
void th_nap(int ms);

/*
 * Polls until cond(arg) holds; false when it still does not after timeout_ms
 * (multiplied by th_slowness()).
 */
bool th_wait_until(bool (*cond)(void *arg), void *arg, int timeout_ms);

/* The same for an expression; the test fails with its text after the time. */
#define TH_WAIT(expr, timeout_ms) \
	do { \
		int64_t th_end_ = th_now_ms() + \
		    (int64_t)(timeout_ms)*th_slowness(); \
		while (!(expr)) { \
			if (th_now_ms() > th_end_) \
				th_fail("%s:%d: waited in vain for: %s", \
				    __FILE__, __LINE__, #expr); \
			th_nap(5); \
		} \
	} while (0)

/* Fails the running test with a message. */
noreturn void th_fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/*
 * A TCP port on the loopback that was free just now, outside of the range that
 * the kernel gives to outgoing connections.
 */
uint16_t th_free_port(void);

/* -------------------------------------------------------------- processes */

struct th_proc;

struct th_proc_opts {
	const char *const *argv;	/* NULL-terminated; searched in PATH */
	const char *const *env;	/* "NAME=value" to add, or NULL */
	const char *name;	/* of its log, or NULL: from argv[0] */
	const char *output;	/* file, NULL: <tmpdir>/<name>.log */
	const char *input;	/* file for its input, NULL: nothing */
	const char *cwd;	/* or NULL: th_tmpdir() */
	const char *user;	/* to run as, when we are root; or NULL */
	int death_signal;	/* when the test dies; 0: SIGKILL */
};

/*
 * Starts a process, which is killed when the test program ends or dies. The
 * calling thread must live as long as the process is wanted: the kernel sends
 * the death signal when that thread ends.
 */
struct th_proc *th_proc_start(const struct th_proc_opts *opts);

/* A shorter way: th_proc_spawn(th_leat_bin(), "worker", path, NULL). */
struct th_proc *th_proc_spawn(const char *argv0, ...)
    __attribute__((sentinel));

pid_t th_proc_pid(const struct th_proc *p);
/* The file with its output, and all of it so far (to be freed). */
const char *th_proc_output(const struct th_proc *p);
char *th_proc_text(const struct th_proc *p);
/* Has the output this text by now? */
bool th_proc_said(const struct th_proc *p, const char *text);

bool th_proc_running(struct th_proc *p);
void th_proc_signal(struct th_proc *p, int sig);

/*
 * Waits for the end: true and the status as waitpid(2) gives it, or false when
 * it still runs after timeout_ms (times th_slowness()).
 */
bool th_proc_wait(struct th_proc *p, int timeout_ms, int *ret_status);

/*
 * Asks with SIGTERM, insists with SIGKILL after timeout_ms; returns the exit
 * status, or 128 + the signal it died of. Works on an ended one too.
 */
int th_proc_stop(struct th_proc *p, int timeout_ms);

/* kill -9, and waits until it is gone. */
void th_proc_kill(struct th_proc *p);

/* Kills it if it still runs. Accepts NULL. */
void th_proc_free(struct th_proc *p);

/*
 * Runs a command to its end (within 60 s); the exit status, and its output in
 * *ret_output (to be freed) unless that is NULL.
 */
int th_run(char **ret_output, const char *argv0, ...)
    __attribute__((sentinel));

#endif
