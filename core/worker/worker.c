/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c: see worker.h. The main thread: it puts the parts together from the
 * bottom up, runs the loop (signals, the watched directory), and takes them
 * apart from the top down.
 *
 * The end. The first signal starts a thread that stops the herder, while the
 * loop goes on so that a second signal is seen. A task that does not end in
 * time is left behind, with all it may still use: then nothing below is freed
 * and the process just ends, which the broker survives as it survives a crash.
 */
#include "core/worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/broker.h"
#include "core/base/budget.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/metrics.h"
#include "core/base/notify.h"
#include "core/base/obj.h"
#include "core/base/thread.h"
#include "core/bus/bus.h"
#include "core/config/directory.h"
#include "core/config/directory_watch.h"
#include "core/config/interpolate.h"
#include "core/config/properties.h"
#include "core/config/worker_options.h"
#include "core/plugin/registry.h"
#include "core/worker/herder.h"
#include "core/worker/worker_broker.h"

enum { EXIT_START = 1, METRICS_MAX = 100000, TEXT_CHUNK = 1024,
	LOG_FLUSH_MS = 10000 };

static const struct logger lg = { "worker", NULL, -1 };

struct worker {
	const struct worker_start *o;
	const struct worker_options *set;
	struct leat_arena memory;
	struct metrics *metrics;
	int64_t *refused;	/* a gauge */
	struct broker *broker;
	struct broker_listener *listener;	/* NULL: none */
	struct bus *bus;
	struct registry *registry;
	struct budget *budget;
	struct herder *herder;
	struct directory *directory;
	struct loop *loop;
	struct directory_watch *watch;
	struct loop_fd *signals;
	struct loop_timer *log_timer;
	struct references refs;	/* as the settings allow them */
	int signal_fd;
	int64_t descriptors;	/* that may be open, but for our own */
	bool serving;
	bool ending;
	struct thread stopper;
	size_t stuck;
};

/* ------------------------------------------------------------- settings */

static void
setup_log(const struct worker *w)
{
	const struct leat_params *levels = &w->set->log_components;
	const struct log_settings s = {
		.level = (enum log_level)w->set->log_level,
		.format = (enum log_format)w->set->log_format,
		.fd = STDERR_FILENO,
		.priorities = getenv("JOURNAL_STREAM") != NULL,
	};
	uint32_t i;

	log_setup(&s);
	for (i = 0; i < levels->len; i++) {
		int level = log_level_parse(levels->items[i].value);

		if (level >= 0)
			(void)log_set_level(levels->items[i].key,
			    (enum log_level)level);
		else
			log_warn(&lg, "unknown log level",
			    "component=%s level=%s",
			    levels->items[i].key, levels->items[i].value);
	}
}

/* ---------------------------------------------------------------- parts */

static int
open_broker(struct worker *w, struct leat_err *err)
{
	if (worker_open_broker(w->set, w->descriptors, w->metrics, &w->memory,
	    &w->broker, err) < 0)
		return err->code;
	return bus_open_embedded(w->broker, &w->bus, err);
}

/* Kafka's clients come in when topics are there, before connectors run. */
static int
open_listener(struct worker *w, struct leat_err *err)
{
	if (worker_open_listener(w->set, w->descriptors, w->broker,
	    &w->listener, err) < 0)
		return err->code;
	if (w->listener != NULL)
		log_info(&lg, "listening for Kafka's clients", "address=%s",
		    w->set->broker_listeners);
	return 0;
}

static void
plugin_refused(void *arg, const char *path, const struct leat_err *err)
{
	(void)arg;
	(void)path;		/* the text names it */
	log_warn_err(&lg, "plugin refused", err);
}

static int
load_plugins(struct worker *w, struct leat_err *err)
{
	const char *path = w->set->plugin_path != NULL ?
	    w->set->plugin_path : w->o->plugin_path;

	w->registry = registry_load(path == NULL ? "" : path, plugin_refused,
	    w, err);
	if (w->registry == NULL)
		return err->code;
	log_info(&lg, "plugins loaded", "connectors=%zu",
	    registry_count(w->registry));
	return 0;
}

static int
start_herder(struct worker *w, struct leat_err *err)
{
	struct herder_options o = { 0 };

	w->budget = budget_new((size_t)w->set->memory_max_bytes);
	if (w->budget == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, -ENOMEM,
		    "out of memory");
	o.bus = w->bus;
	o.registry = w->registry;
	o.metrics = w->metrics;
	o.budget = w->budget;
	o.clock = &clock_system;
	o.worker = w->o->config->props;
	o.worker_id = w->set->worker_id != NULL ? w->set->worker_id :
	    w->set->rest_listen;
	o.stop_timeout_ms = w->set->shutdown_timeout_ms;
	return herder_new(&o, &w->herder, err);
}

/* ------------------------------------------------------ the directory */

static const struct leat_connector *
find_connector(void *arg, const char *name)
{
	const struct worker *w = arg;
	const struct registered *r = registry_find(w->registry, name);

	return r == NULL ? NULL : &r->connector;
}

static void
validate_connector(void *arg, const char *name,
    const struct properties *props, struct problems *out)
{
	const struct worker *w = arg;

	herder_validate(w->herder, name, props, out);
}

static void
log_problems(const struct problems *p)
{
	size_t i;

	for (i = 0; p != NULL && i < problems_count(p); i++) {
		const struct problem *at = problems_at(p, i);

		log_error(&lg, "configuration refused",
		    "at=%s:%d:%d key=%s error=%s hint=%s", at->place.file,
		    (int)at->place.line, (int)at->place.column,
		    at->key == NULL ? "-" : at->key, at->text,
		    at->hint == NULL ? "-" : at->hint);
	}
}

static void
show_refused(struct worker *w, const struct directory_view *now)
{
	int64_t n = 0;

	for (size_t i = 0; i < now->nfiles; i++)
		n += now->files[i].refused;
	metric_set(w->refused, n);
}

/* @thread of whoever reloaded: the loop's, or a request's */
static void
directory_changed(void *arg, const struct directory_view *now,
    const struct directory_view *before)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct worker *w = arg;
	struct wanted *list;
	size_t i;

	log_problems(now->problems);
	show_refused(w, now);
	if (before != NULL && now->generation == before->generation)
		return;
	list = calloc(now->nconnectors + 1, sizeof(*list));
	if (list == NULL) {
		log_error(&lg, "configuration could not be applied",
		    "error=%s", "out of memory");
		return;
	}
	for (i = 0; i < now->nconnectors; i++) {
		list[i].name = now->connectors[i].name;
		list[i].props = now->connectors[i].props;
	}
	if (herder_apply(w->herder, list, now->nconnectors, now->generation,
	    &err) < 0)
		log_err(&lg, "configuration could not be applied", &err);
	else
		log_notice(&lg, "configuration applied", "generation=%" PRIu64
		    " connectors=%zu", now->generation, now->nconnectors);
	free(list);
}

static void
directory_failed(void *arg, const struct leat_err *err)
{
	(void)arg;
	log_warn_err(&lg, "config.dir cannot be read, all stays as it is",
	    err);
}

static int
open_directory(struct worker *w, struct leat_err *err)
{
	struct directory_options o = { .path = w->set->config_dir,
		.refs = &w->refs,
		.arg = w,
		.find = find_connector,
		.validate = validate_connector,
		.changed = directory_changed,
		.failed = directory_failed };
	struct leat_err later = LEAT_ERR_INIT;

	w->refs = references_system;
	w->refs.allowed = w->set->config_allowed_paths;

	w->directory = directory_new(&o, err);
	if (w->directory == NULL)
		return err->code;
	/* A directory that is not there yet is waited for. */
	(void)directory_reload(w->directory, &later);
	if (!w->set->config_watch)
		return 0;
	w->watch = directory_watch_new(w->directory, w->loop, NULL, err);
	return w->watch == NULL ? err->code : 0;
}

/* Lines held back as identical are told now and then. */
static void
flush_log(void *arg)
{
	struct worker *w = arg;

	log_flush(false);
	loop_timer_start(w->log_timer, LOG_FLUSH_MS);
}

static int
start_log_timer(struct worker *w, struct leat_err *err)
{
	w->log_timer = loop_timer_new(w->loop, flush_log, w);
	if (w->log_timer == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, -ENOMEM,
		    "out of memory");
	loop_timer_start(w->log_timer, LOG_FLUSH_MS);
	return 0;
}

/* -------------------------------------------------------------- signals */

static void *
stopper_main(void *arg)
{
	struct worker *w = arg;

	w->stuck = herder_stop(w->herder);
	loop_stop(w->loop);
	return NULL;
}

static void
begin_end(struct worker *w, int number)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (w->ending) {
		log_warn(&lg, "second signal, ending at once", "signal=%d",
		    number);
		_exit(EXIT_START);
	}
	w->ending = true;
	log_notice(&lg, "stopping", "signal=%d", number);
	(void)notify_send(&err, "STOPPING=1\nSTATUS=stopping");
	if (thread_start(&w->stopper, "stopper", stopper_main, w, &err) < 0) {
		log_err(&lg, "cannot stop gracefully", &err);
		_exit(EXIT_START);
	}
}

static void
reload(struct worker *w)
{
	struct leat_err err = LEAT_ERR_INIT;

	(void)notify_send(&err, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    clock_mono_ns(&clock_system) / 1000);
	if (directory_reload(w->directory, &err) < 0)
		log_warn_err(&lg, "reload failed", &err);
	(void)notify_send(&err, "READY=1");
}

static void
on_signal(void *arg, int events)
{
	struct signalfd_siginfo info;
	struct worker *w = arg;

	(void)events;
	if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(w);
	else
		begin_end(w, (int)info.ssi_signo);
}

static int
open_signals(struct worker *w, struct leat_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGPIPE);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signal_fd < 0)
		return leat_err_errno(err, LEAT_CLS_FATAL, "signalfd");
	w->signals = loop_fd_add(w->loop, w->signal_fd, LOOP_READ, on_signal,
	    w, err);
	return w->signals == NULL ? err->code : 0;
}

/* ------------------------------------------------------------ start, end */

static int
serve(struct worker *w, struct leat_err *err)
{
	struct worker_parts parts = { w->set, w->broker, w->bus, w->herder,
		w->directory, w->metrics, broker_cluster_id(w->broker) };

	if (w->o->serve == NULL)
		return 0;
	if (w->o->serve(w->o->arg, &parts, err) < 0)
		return err->code;
	w->serving = true;
	return 0;
}

static int
start(struct worker *w, struct leat_err *err)
{
	w->descriptors = worker_descriptors();
	w->loop = loop_new(&clock_system, err);
	if (w->loop == NULL || open_signals(w, err) < 0 ||
	    start_log_timer(w, err) < 0)
		return err->code;
	w->metrics = metrics_new(METRICS_MAX);
	if (w->metrics == NULL)
		return leat_err_set(err, LEAT_CLS_FATAL, -ENOMEM,
		    "out of memory");
	w->refused = metrics_get(w->metrics, METRIC_GAUGE,
	    "leat_worker_refused_file_count",
	    "Files of the directory whose present text is not in force", NULL,
	    0, 1);
	if (open_broker(w, err) < 0 || open_listener(w, err) < 0 ||
	    load_plugins(w, err) < 0 ||
	    start_herder(w, err) < 0 || open_directory(w, err) < 0)
		return err->code;
	return serve(w, err);
}

static void
end(struct worker *w)
{
	thread_join(&w->stopper);
	if (w->serving && w->o->unserve != NULL)
		w->o->unserve(w->o->arg);
	directory_watch_free(w->watch);
	if (w->herder != NULL)
		w->stuck = herder_stop(w->herder);
	if (w->stuck > 0) {
		log_warn(&lg, "ended with stuck tasks", "tasks=%zu",
		    w->stuck);
		_exit(0);
	}
	directory_free(w->directory);
	herder_free(w->herder);
	budget_free(w->budget);
	registry_free(w->registry);
	bus_close(w->bus);
	broker_listener_close(w->listener);
	if (w->broker != NULL)
		broker_close(w->broker);
	if (w->refused != NULL)
		metrics_put(w->metrics, w->refused);
	metrics_free(w->metrics);
	if (w->signals != NULL)
		loop_fd_remove(w->signals);
	if (w->signal_fd >= 0)
		(void)close(w->signal_fd);
	if (w->log_timer != NULL)
		loop_timer_free(w->log_timer);
	loop_free(w->loop);
}

static int
run(struct worker *w)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (start(w, &err) < 0) {
		log_err(&lg, "worker cannot start", &err);
		return EXIT_START;
	}
	log_notice(&lg, "worker ready", "data=%s connectors=%s",
	    w->set->data_dir, w->set->config_dir);
	(void)notify_send(&err, "READY=1\nSTATUS=running");
	if (loop_run(w->loop, &err) < 0) {
		log_err(&lg, "loop failed", &err);
		return EXIT_START;
	}
	return 0;
}

int
worker_run(const struct worker_start *o)
{
	struct worker w = { .o = o, .set = &o->config->options,
		.signal_fd = -1 };
	int rc;

	leat_arena_init(&w.memory, TEXT_CHUNK, 0);
	setup_log(&w);
	rc = run(&w);
	end(&w);
	log_notice(&lg, "worker ended", "code=%d", rc);
	log_flush(true);
	leat_arena_fini(&w.memory);
	return rc;
}
