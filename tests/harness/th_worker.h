/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_worker.h: the real program, run as a worker with a configuration directory
 * and a data directory of its own, and asked through its REST API.
 *
 * As in proc.h: what cannot be done fails the running test, texts live until
 * the program ends, everything belongs to the main thread.
 */
#ifndef LEAT_TESTS_HARNESS_TH_WORKER_H
#define LEAT_TESTS_HARNESS_TH_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct th_worker;

struct th_worker_opts {
	const char *name;	/* of its folder; NULL: "worker" */
	/* Lines of worker.yaml beyond the paths: "key: value", NULL-ended. */
	const char *const *settings;
	const char *const *env;	/* "NAME=value" to add, or NULL */
	const char *bin;	/* NULL: th_leat_bin() */
	const char *plugins;	/* NULL: th_plugin_dir() */
};

/* Starts it and waits until /health answers. opts may be NULL. */
struct th_worker *th_worker_start(const struct th_worker_opts *opts);
/* The same without the wait for /health. */
struct th_worker *th_worker_launch(const struct th_worker_opts *opts);
/* Stops it if it runs. Accepts NULL. */
void th_worker_free(struct th_worker *w);

/* SIGTERM and the wait for the end (60 s); its exit status. */
int th_worker_stop(struct th_worker *w);
/* kill -9. */
void th_worker_kill(struct th_worker *w);
/* Starts it again after one of those, on the same folders and address. */
void th_worker_resume(struct th_worker *w);

pid_t th_worker_pid(const struct th_worker *w);
/* "http://127.0.0.1:port" */
const char *th_worker_url(const struct th_worker *w);
/* "127.0.0.1:port" of its Kafka port */
const char *th_worker_kafka(const struct th_worker *w);
const char *th_worker_dir(const struct th_worker *w);	/* connectors.d */
const char *th_worker_data(const struct th_worker *w);
bool th_worker_said(const struct th_worker *w, const char *text);

/* Puts a file into the directory by rename, or takes it away. */
void th_worker_file(struct th_worker *w, const char *name, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
void th_worker_remove(struct th_worker *w, const char *name);

/* A request; the HTTP status (0: nobody answers), and the body as text. */
int th_worker_call(struct th_worker *w, const char *method, const char *path,
    const char *body, const char **ret_body);
/* The same with a body to be freed, for answers that are large or many. */
int th_worker_fetch(struct th_worker *w, const char *method, const char *path,
    const char *body, char **ret_body);
/* GET, whose status must be 200; the body. */
const char *th_worker_get(struct th_worker *w, const char *path);

/*
 * A GET that waits in a thread of its own: start sends it, finish waits for the
 * whole answer, whose status must be 200.
 */
struct th_worker_wait;
struct th_worker_wait *th_worker_get_start(struct th_worker *w,
    const char *path);
void th_worker_get_finish(struct th_worker_wait *wait);

/* Has the connector this state, and all its tasks too (one at least)? */
bool th_worker_is(struct th_worker *w, const char *connector,
    const char *state);
/* A number of /metrics by the start of its line up to the blank; -1: none. */
int64_t th_worker_metric(struct th_worker *w, const char *line_start);
/* A field of /leat/topics/<topic>, summed over partitions: "end_offset"; 0. */
int64_t th_worker_topic(struct th_worker *w, const char *topic,
    const char *field);
/* Resident memory of a process in kB, now and at its highest. */
int64_t th_rss_kb(pid_t pid);
int64_t th_rss_peak_kb(pid_t pid);

#endif
