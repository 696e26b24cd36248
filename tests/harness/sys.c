/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of proc.h about files, time and ports.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/proc.h"

/* Texts handed out by th_text(), freed at exit so that leaks show. */
struct text {
	struct text *next;
	char s[];
};

static pthread_mutex_t texts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct text *texts;	/* guarded by texts_lock, and: */
static pid_t owner;	/* the process whose exit cleans up */
static char tmpdir[PATH_MAX];

void
th_fail(const char *fmt, ...)
{
	char msg[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	fail_msg("%s", msg);
	abort();
}

/* ----------------------------------------------------- files and folders */

static void
free_texts(void)
{
	struct text *t;

	if (getpid() != owner)
		return;
	while ((t = texts) != NULL) {
		texts = t->next;
		free(t);
	}
}

static void
remove_tmpdir(void)
{
	const char *keep = getenv("TH_KEEP");

	if (getpid() != owner || tmpdir[0] == '\0')
		return;
	if (keep != NULL && strcmp(keep, "1") == 0)
		fprintf(stderr, "# kept %s\n", tmpdir);
	else
		th_remove(tmpdir);
}

static const char *
vtext(const char *prefix, const char *fmt, va_list ap)
{
	char *body = NULL;
	struct text *t;
	size_t size;

	if (vasprintf(&body, fmt, ap) < 0)
		th_fail("out of memory");
	size = strlen(prefix) + strlen(body) + 1;
	if ((t = malloc(sizeof(*t) + size)) == NULL)
		th_fail("out of memory");
	snprintf(t->s, size, "%s%s", prefix, body);
	free(body);
	pthread_mutex_lock(&texts_lock);
	if (owner == 0) {
		owner = getpid();
		atexit(free_texts);
	}
	t->next = texts;
	texts = t;
	pthread_mutex_unlock(&texts_lock);
	return t->s;
}

const char *
th_text(const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = vtext("", fmt, ap);
	va_end(ap);
	return s;
}

const char *
th_path(const char *fmt, ...)
{
	char prefix[PATH_MAX + 1];
	const char *s;
	va_list ap;

	snprintf(prefix, sizeof(prefix), "%s/", th_tmpdir());
	va_start(ap, fmt);
	s = vtext(prefix, fmt, ap);
	va_end(ap);
	return s;
}

/* Can any user reach what is in this folder? A server may run as another. */
static bool
reachable(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	char *slash;

	if (realpath(dir, path) == NULL)
		return false;
	for (;;) {
		if (stat(path[0] ? path : "/", &st) < 0 ||
		    (st.st_mode & S_IXOTH) == 0)
			return false;
		if ((slash = strrchr(path, '/')) == NULL)
			return true;
		*slash = '\0';
	}
}

const char *
th_tmpdir(void)
{
	const char *base = getenv("TMPDIR");

	if (tmpdir[0] != '\0')
		return tmpdir;
	if (base == NULL || (geteuid() == 0 && !reachable(base)))
		base = "/tmp";
	snprintf(tmpdir, sizeof(tmpdir), "%s/leat-XXXXXX", base);
	if (mkdtemp(tmpdir) == NULL) {
		int e = errno;

		tmpdir[0] = '\0';
		th_fail("cannot make a folder in %s: %s", base, strerror(e));
	}
	chmod(tmpdir, 0711);
	(void)th_text("first");	/* sets owner, before our own atexit() */
	atexit(remove_tmpdir);
	return tmpdir;
}

char *
th_slurp(const char *path, size_t *ret_len)
{
	size_t len = 0, cap = 0;
	char *data = NULL;
	ssize_t n;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		th_fail("cannot read %s: %s", path, strerror(errno));
	do {
		if (len + 1 >= cap) {
			cap = cap > 0 ? cap * 2 : 8192;
			if ((data = realloc(data, cap)) == NULL)
				th_fail("out of memory");
		}
		n = read(fd, data + len, cap - len - 1);
		if (n < 0 && errno != EINTR)
			th_fail("cannot read %s: %s", path, strerror(errno));
		if (n > 0)
			len += (size_t)n;
	} while (n != 0);
	close(fd);
	data[len] = '\0';
	if (ret_len != NULL)
		*ret_len = len;
	return data;
}

void
th_write_file(const char *path, const void *data, size_t len)
{
	char tmp[PATH_MAX];
	size_t done = 0;
	ssize_t n;
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.th-new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		th_fail("cannot write %s: %s", tmp, strerror(errno));
	while (done < len) {
		n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			th_fail("cannot write %s: %s", tmp, strerror(errno));
		if (n > 0)
			done += (size_t)n;
	}
	if (close(fd) < 0 || rename(tmp, path) < 0)
		th_fail("cannot write %s: %s", path, strerror(errno));
}

void
th_write_text(const char *path, const char *text)
{
	th_write_file(path, text, strlen(text));
}

bool
th_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

void
th_mkdir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		th_fail("cannot make %s: %s", path, strerror(errno));
}

/* Runs at exit too, so it complains to nobody. */
void
th_remove(const char *path)
{
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (lstat(path, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		unlink(path);
		return;
	}
	chmod(path, 0700);
	if ((d = opendir(path)) != NULL) {
		while ((e = readdir(d)) != NULL) {
			char sub[PATH_MAX];

			if (strcmp(e->d_name, ".") == 0 ||
			    strcmp(e->d_name, "..") == 0)
				continue;
			snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
			th_remove(sub);
		}
		closedir(d);
	}
	rmdir(path);
}

bool
th_file_has(const char *path, const char *text)
{
	char *data;
	bool has;

	if (access(path, R_OK) < 0)
		return false;
	data = th_slurp(path, NULL);
	has = strstr(data, text) != NULL;
	free(data);
	return has;
}

/* ------------------------------------------------ where the program lives */

const char *
th_build_dir(void)
{
	static char dir[PATH_MAX];
	const char *env = getenv("LEAT_BUILD");
	char *p, *mode, *last = NULL;
	ssize_t n;

	if (dir[0] != '\0')
		return dir;
	if (env != NULL && env[0] == '/') {
		snprintf(dir, sizeof(dir), "%s", env);
		return dir;
	}
	n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = '\0';
	for (p = dir; (p = strstr(p, "/build/")) != NULL; p += 7)
		last = p;
	if (last == NULL || (mode = strchr(last + 7, '/')) == NULL)
		th_fail("%s is not below build/<mode>/; set LEAT_BUILD", dir);
	*mode = '\0';
	return dir;
}

const char *
th_src_dir(void)
{
	const char *env = getenv("LEAT_SRC");

	return env != NULL ? env : th_text("%s/../..", th_build_dir());
}

const char *
th_leat_bin(void)
{
	const char *env = getenv("LEAT_BIN");

	return env != NULL ? env : th_text("%s/bin/leat", th_build_dir());
}

const char *
th_plugin_dir(void)
{
	const char *env = getenv("LEAT_PLUGIN_PATH");

	return env != NULL ? env : th_text("%s/plugins", th_build_dir());
}

const char *
th_test_plugin_dir(void)
{
	const char *env = getenv("LEAT_TEST_PLUGINS");

	return env != NULL ? env : th_text("%s/test-plugins", th_build_dir());
}

bool
th_thread_sanitizer(void)
{
#if defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

int
th_slowness(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 3;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return 3;
#else
	return 1;
#endif
#else
	return 1;
#endif
}

/* ------------------------------------------------------- time and waiting */

int64_t
th_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
th_nap(int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

bool
th_wait_until(bool (*cond)(void *arg), void *arg, int timeout_ms)
{
	int64_t end = th_now_ms() + (int64_t)timeout_ms * th_slowness();

	while (!cond(arg)) {
		if (th_now_ms() > end)
			return cond(arg);
		th_nap(5);
	}
	return true;
}

uint16_t
th_free_port(void)
{
	/* Programs that run side by side begin at different places. */
	static unsigned next;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd, i, one = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (next == 0)
		next = (unsigned)getpid() * 61;
	for (i = 0; i < 2000; i++) {
		uint16_t port = (uint16_t)(20000 + next++ % 12000);
		int ok;

		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			th_fail("socket: %s", strerror(errno));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		sin.sin_port = htons(port);
		ok = bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;
		close(fd);
		if (ok)
			return port;
	}
	th_fail("no free port between 20000 and 32000");
}
