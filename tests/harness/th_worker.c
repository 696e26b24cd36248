/* SPDX-License-Identifier: Apache-2.0 */
/* th_worker.c: see th_worker.h. */
#include "tests/harness/th_worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <leat/str.h>

#include "tests/harness/proc.h"

enum { START_MS = 20000, STOP_MS = 60000, BODY_MAX = 256 << 20 };

struct th_worker {
	struct th_worker_opts opts;
	const char *dir;
	const char *connectors;
	const char *data;
	const char *config;
	const char *url;
	const char *kafka;
	struct th_proc *proc;
	CURL *curl;
};

struct body {
	char *text;
	size_t len;
};

/* --------------------------------------------------------------- requests */

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct body *b = arg;
	char *more;

	n *= size;
	if (b->len + n > BODY_MAX)
		return 0;
	more = realloc(b->text, b->len + n + 1);
	if (more == NULL)
		return 0;
	b->text = more;
	memcpy(more + b->len, data, n);
	b->len += n;
	more[b->len] = '\0';
	return n;
}

/* The status, or 0; the caller frees got->text, which is never NULL. */
static int
fetch(struct th_worker *w, const char *method, const char *path,
    const char *body, struct body *got)
{
	struct curl_slist *headers = curl_slist_append(
	    NULL, "Content-Type: application/json");
	long status = 0;

	*got = (struct body){ .text = calloc(1, 1) };

	curl_easy_reset(w->curl);
	curl_easy_setopt(w->curl, CURLOPT_URL, th_text("%s%s", w->url, path));
	curl_easy_setopt(w->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
	if (body != NULL)
		curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, got);
	curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, 60000L);
	if (curl_easy_perform(w->curl) == CURLE_OK)
		curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	return (int)status;
}

int
th_worker_call(struct th_worker *w, const char *method, const char *path,
    const char *body, const char **ret_body)
{
	struct body got;
	int status = fetch(w, method, path, body, &got);

	if (ret_body != NULL)
		*ret_body = th_text("%s", got.text);
	free(got.text);
	return status;
}

int
th_worker_fetch(struct th_worker *w, const char *method, const char *path,
    const char *body, char **ret_body)
{
	struct body got;
	int status = fetch(w, method, path, body, &got);

	*ret_body = got.text;
	return status;
}

const char *
th_worker_get(struct th_worker *w, const char *path)
{
	const char *body;
	int status = th_worker_call(w, "GET", path, NULL, &body);

	if (status != 200)
		th_fail("GET %s: status %d: %s", path, status, body);
	return body;
}

struct th_worker_wait {
	struct th_worker own; /* a copy with a handle of its own */
	const char *path;
	pthread_t thread;
	int status;
};

static void *
run_wait(void *arg)
{
	struct th_worker_wait *wait = arg;
	struct body got;

	wait->status = fetch(&wait->own, "GET", wait->path, NULL, &got);
	free(got.text);
	return NULL;
}

struct th_worker_wait *
th_worker_get_start(struct th_worker *w, const char *path)
{
	struct th_worker_wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL)
		th_fail("out of memory");
	wait->own = *w;
	wait->own.curl = curl_easy_init();
	wait->path = path;
	if (pthread_create(&wait->thread, NULL, run_wait, wait) != 0)
		th_fail("no thread");
	return wait;
}

void
th_worker_get_finish(struct th_worker_wait *wait)
{
	int status;

	pthread_join(wait->thread, NULL);
	status = wait->status;
	curl_easy_cleanup(wait->own.curl);
	free(wait);
	if (status != 200)
		th_fail("status %d for a GET that waited", status);
}

/* ------------------------------------------------------------ life cycle */

static void
write_config(struct th_worker *w)
{
	const char *const *s = w->opts.settings;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		th_fail("open_memstream");
	fprintf(f,
	    "config.dir: %s\ndata.dir: %s\nplugin.path: %s\n"
	    "rest.listen: %s\nbroker.listeners: %s\n",
	    w->connectors, w->data,
	    w->opts.plugins != NULL ? w->opts.plugins : th_plugin_dir(),
	    w->url + strlen("http://"), w->kafka);
	for (; s != NULL && *s != NULL; s++)
		fprintf(f, "%s\n", *s);
	fclose(f);
	th_write_text(w->config, text);
	free(text);
}

static void
launch(struct th_worker *w)
{
	const char *argv[] = { w->opts.bin != NULL ? w->opts.bin
						   : th_leat_bin(),
		"worker", "--config", w->config, NULL };
	struct th_proc_opts o = { .argv = argv,
		.env = w->opts.env,
		.name = w->opts.name,
		.output = th_text("%s/log", w->dir) };

	w->proc = th_proc_start(&o);
}

static bool
healthy(void *arg)
{
	struct th_worker *w = arg;

	if (!th_proc_running(w->proc))
		th_fail("the worker ended: %s", th_proc_text(w->proc));
	return th_worker_call(w, "GET", "/health", NULL, NULL) == 200;
}

static void
wait_healthy(struct th_worker *w)
{
	if (!th_wait_until(healthy, w, START_MS))
		th_fail(
		    "the worker does not answer: %s", th_proc_text(w->proc));
}

struct th_worker *
th_worker_launch(const struct th_worker_opts *opts)
{
	struct th_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		th_fail("out of memory");
	if (opts != NULL)
		w->opts = *opts;
	if (w->opts.name == NULL)
		w->opts.name = "worker";
	w->dir = th_path("%s", w->opts.name);
	w->connectors = th_text("%s/connectors.d", w->dir);
	w->data = th_text("%s/data", w->dir);
	w->config = th_text("%s/worker.yaml", w->dir);
	w->url = th_text("http://127.0.0.1:%u", th_free_port());
	w->kafka = th_text("127.0.0.1:%u", th_free_port());
	w->curl = curl_easy_init();
	th_mkdir(w->dir);
	th_mkdir(w->connectors);
	write_config(w);
	launch(w);
	return w;
}

struct th_worker *
th_worker_start(const struct th_worker_opts *opts)
{
	struct th_worker *w = th_worker_launch(opts);

	wait_healthy(w);
	return w;
}

void
th_worker_free(struct th_worker *w)
{
	if (w == NULL)
		return;
	th_proc_free(w->proc);
	curl_easy_cleanup(w->curl);
	free(w);
}

int
th_worker_stop(struct th_worker *w)
{
	return th_proc_stop(w->proc, STOP_MS);
}

void
th_worker_kill(struct th_worker *w)
{
	th_proc_kill(w->proc);
}

void
th_worker_resume(struct th_worker *w)
{
	th_proc_free(w->proc);
	launch(w);
	wait_healthy(w);
}

pid_t
th_worker_pid(const struct th_worker *w)
{
	return th_proc_pid(w->proc);
}

const char *
th_worker_url(const struct th_worker *w)
{
	return w->url;
}

const char *
th_worker_kafka(const struct th_worker *w)
{
	return w->kafka;
}

const char *
th_worker_dir(const struct th_worker *w)
{
	return w->connectors;
}

const char *
th_worker_data(const struct th_worker *w)
{
	return w->data;
}

bool
th_worker_said(const struct th_worker *w, const char *text)
{
	return th_proc_said(w->proc, text);
}

void
th_worker_file(struct th_worker *w, const char *name, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		th_fail("out of memory");
	th_write_text(th_text("%s/%s", w->connectors, name), text);
	free(text);
}

void
th_worker_remove(struct th_worker *w, const char *name)
{
	th_remove(th_text("%s/%s", w->connectors, name));
}

/* ---------------------------------------------------------------- answers */

/* All "state":"X" of a status are `state`, and there is a task among them. */
bool
th_worker_is(struct th_worker *w, const char *connector, const char *state)
{
	const char *path = th_text("/connectors/%s/status", connector);
	const char *want = th_text("\"state\":\"%s\"", state);
	struct body got;
	bool same = fetch(w, "GET", path, NULL, &got) == 200;
	int n = 0;

	for (const char *p = got.text; (p = strstr(p, "\"state\":\"")) != NULL;
	     p++, n++)
		same = same && strncmp(p, want, strlen(want)) == 0;
	free(got.text);
	return same && n >= (strcmp(state, "STOPPED") == 0 ? 1 : 2);
}

/* The number behind a text, from p on. */
static int64_t
number_at(const char *p)
{
	size_t n = strspn(p, "-0123456789");
	int64_t v;

	if (leat_parse_i64(
		(struct leat_str){ p, n }, INT64_MIN, INT64_MAX, &v) < 0)
		th_fail("no number at '%.20s'", p);
	return v;
}

int64_t
th_worker_metric(struct th_worker *w, const char *line_start)
{
	const char *want = th_text("\n%s ", line_start);
	int64_t v = -1;
	struct body got;
	const char *p;

	if (fetch(w, "GET", "/metrics", NULL, &got) == 200 &&
	    (p = strstr(got.text, want)) != NULL)
		v = number_at(p + strlen(want));
	free(got.text);
	return v;
}

int64_t
th_worker_topic(struct th_worker *w, const char *topic, const char *field)
{
	const char *path = th_text("/leat/topics/%s", topic);
	const char *want = th_text("\"%s\":", field);
	int64_t sum = 0;
	struct body got;

	if (fetch(w, "GET", path, NULL, &got) == 200)
		for (const char *p = got.text; (p = strstr(p, want)) != NULL;
		     p += strlen(want))
			sum += number_at(p + strlen(want));
	free(got.text);
	return sum;
}

static int64_t
status_kb(pid_t pid, const char *field)
{
	const char *path = th_text("/proc/%d/status", (int)pid);
	char *text = th_slurp(path, NULL);
	const char *p = strstr(text, field);
	int64_t kb = p == NULL
	    ? 0
	    : number_at(p + strlen(field) + strspn(p + strlen(field), ": \t"));

	free(text);
	return kb;
}

int64_t
th_rss_kb(pid_t pid)
{
	return status_kb(pid, "VmRSS");
}

int64_t
th_rss_peak_kb(pid_t pid)
{
	return status_kb(pid, "VmHWM");
}
