/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of proc.h about processes.
 *
 * A child gets a death signal from the kernel when the test dies, however that
 * happens. As a second net, its number and start time stand in <name>.pid, from
 * which tests/run ends what is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/proc.h"

extern char **environ;

enum {
	MAX_ARGS = 64,
	MAX_GROUPS = 64
};

struct th_proc {
	struct th_proc *next;	/* in `procs` */
	pid_t pid;
	bool ended;
	int status;		/* as waitpid() gave it, when ended */
	char output[PATH_MAX];
	char pidfile[PATH_MAX];
};

/* All that were started and not freed; ended when the program exits. */
static struct th_proc *procs;
static pid_t owner;
static unsigned n_started;

static void
end_all(void)
{
	if (getpid() != owner)
		return;
	while (procs != NULL)
		th_proc_free(procs);
}

/* The environment with additions; the array is to be freed. */
static char **
make_env(const char *const *add)
{
	size_t i, n = 0, m = 0, k = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	while (add != NULL && add[m] != NULL)
		m++;
	if ((env = calloc(n + m + 1, sizeof(*env))) == NULL)
		th_fail("out of memory");
	for (i = 0; i < n; i++) {
		size_t j, len = strcspn(environ[i], "=") + 1;

		for (j = 0; j < m; j++)
			if (strncmp(environ[i], add[j], len) == 0)
				break;
		if (j == m)
			env[k++] = environ[i];
	}
	for (i = 0; i < m; i++)
		env[k++] = (char *)(uintptr_t)add[i];
	return env;
}

/* The executable for a command's name, as a shell would find it. */
static const char *
find_program(const char *name)
{
	const char *path = getenv("PATH"), *end;

	if (strchr(name, '/') != NULL)
		return name;
	for (; path != NULL && *path != '\0'; path = *end ? end + 1 : end) {
		char full[PATH_MAX];

		end = strchrnul(path, ':');
		snprintf(full, sizeof(full), "%.*s/%s", (int)(end - path),
		    path, name);
		if (access(full, X_OK) == 0)
			return th_text("%s", full);
	}
	th_fail("there is no program '%s'", name);
}

static void
write_pidfile(struct th_proc *p)
{
	char path[64], line[64], *stat, *s;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	stat = th_slurp(path, NULL);
	/* Field 22 is the start time; the name in field 2 may hold blanks. */
	s = strrchr(stat, ')');
	for (i = 2; i < 22 && s != NULL; i++)
		if ((s = strchr(s, ' ')) != NULL)
			s++;
	snprintf(line, sizeof(line), "%d %.*s\n", (int)p->pid,
	    s != NULL ? (int)strcspn(s, " ") : 0, s != NULL ? s : "");
	free(stat);
	th_write_text(p->pidfile, line);
}

/*
 * What the child needs, prepared before fork(): after it, malloc() and stdio
 * may be locked for ever by a thread that is not there.
 */
struct launch {
	const char *program;
	char *const *argv;
	char *const *env;
	const char *cwd;
	int in, out;
	int death_signal;
	pid_t parent;
	bool change_user;
	uid_t uid;
	gid_t gid;
	gid_t groups[MAX_GROUPS];
	int n_groups;
};

static noreturn void
child(const struct launch *l)
{
	sigset_t none;
	int sig;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (sig = 1; sig < 32; sig++) {
		struct sigaction sa = { .sa_handler = SIG_DFL };

		sigaction(sig, &sa, NULL);
	}
	if (l->change_user && (setgroups((size_t)l->n_groups, l->groups) < 0 ||
	    setgid(l->gid) < 0 || setuid(l->uid) < 0))
		_exit(126);
	/* Changing the user clears it, so this comes after. */
	prctl(PR_SET_PDEATHSIG, l->death_signal);
	if (getppid() != l->parent)
		_exit(126);
	if (chdir(l->cwd) < 0 || dup2(l->in, 0) < 0 || dup2(l->out, 1) < 0 ||
	    dup2(l->out, 2) < 0)
		_exit(126);
	execve(l->program, l->argv, l->env);
	_exit(127);
}

static void
prepare_user(struct launch *l, const char *user)
{
	struct passwd *pw;

	if (user == NULL || geteuid() != 0)
		return;
	if ((pw = getpwnam(user)) == NULL)
		th_fail("there is no user '%s'", user);
	l->change_user = true;
	l->uid = pw->pw_uid;
	l->gid = pw->pw_gid;
	l->n_groups = MAX_GROUPS;
	if (getgrouplist(user, pw->pw_gid, l->groups, &l->n_groups) < 0)
		th_fail("user '%s' has too many groups", user);
}

struct th_proc *
th_proc_start(const struct th_proc_opts *opts)
{
	struct launch l = { .parent = getpid() };
	const char *base, *in;
	struct th_proc *p;
	char **env;

	base = strrchr(opts->argv[0], '/');
	base = base != NULL ? base + 1 : opts->argv[0];
	if ((p = calloc(1, sizeof(*p))) == NULL)
		th_fail("out of memory");
	if (opts->output != NULL)
		snprintf(p->output, sizeof(p->output), "%s", opts->output);
	else
		snprintf(p->output, sizeof(p->output), "%s/%s.log",
		    th_tmpdir(), opts->name != NULL ? opts->name :
		    th_text("%s-%u", base, n_started));
	snprintf(p->pidfile, sizeof(p->pidfile), "%s/%s-%u.pid", th_tmpdir(),
	    base, n_started++);

	l.program = find_program(opts->argv[0]);
	l.argv = (char *const *)(uintptr_t)opts->argv;
	env = make_env(opts->env);
	l.env = env;
	l.cwd = opts->cwd != NULL ? opts->cwd : th_tmpdir();
	l.death_signal = opts->death_signal ? opts->death_signal : SIGKILL;
	prepare_user(&l, opts->user);
	in = opts->input != NULL ? opts->input : "/dev/null";
	l.in = open(in, O_RDONLY | O_CLOEXEC);
	l.out = open(p->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0644);
	if (l.in < 0 || l.out < 0)
		th_fail("cannot open %s: %s", l.in < 0 ? in : p->output,
		    strerror(errno));

	if ((p->pid = fork()) < 0)
		th_fail("fork: %s", strerror(errno));
	if (p->pid == 0)
		child(&l);
	close(l.in);
	close(l.out);
	free(env);
	if (owner == 0) {
		owner = getpid();
		/* After the folder's removal was registered: runs before. */
		atexit(end_all);
	}
	p->next = procs;
	procs = p;
	write_pidfile(p);
	return p;
}

static void
collect_args(const char **argv, const char *argv0, va_list ap)
{
	size_t n = 0;

	for (argv[n++] = argv0; n < MAX_ARGS; n++)
		if ((argv[n] = va_arg(ap, const char *)) == NULL)
			return;
	th_fail("more than %d arguments for %s", MAX_ARGS, argv0);
}

struct th_proc *
th_proc_spawn(const char *argv0, ...)
{
	const char *argv[MAX_ARGS];
	struct th_proc_opts opts = { .argv = argv };
	va_list ap;

	va_start(ap, argv0);
	collect_args(argv, argv0, ap);
	va_end(ap);
	return th_proc_start(&opts);
}

pid_t
th_proc_pid(const struct th_proc *p)
{
	return p->pid;
}

const char *
th_proc_output(const struct th_proc *p)
{
	return p->output;
}

char *
th_proc_text(const struct th_proc *p)
{
	return th_slurp(p->output, NULL);
}

bool
th_proc_said(const struct th_proc *p, const char *text)
{
	return th_file_has(p->output, text);
}

bool
th_proc_running(struct th_proc *p)
{
	pid_t pid;

	if (p->ended)
		return false;
	do
		pid = waitpid(p->pid, &p->status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return true;
	p->ended = true;
	unlink(p->pidfile);
	return false;
}

void
th_proc_signal(struct th_proc *p, int sig)
{
	/* Not reaped yet, so the number cannot be another's. */
	if (th_proc_running(p))
		kill(p->pid, sig);
}

bool
th_proc_wait(struct th_proc *p, int timeout_ms, int *ret_status)
{
	int64_t end = th_now_ms() + (int64_t)timeout_ms * th_slowness();

	while (th_proc_running(p)) {
		if (th_now_ms() > end)
			return false;
		th_nap(2);
	}
	if (ret_status != NULL)
		*ret_status = p->status;
	return true;
}

int
th_proc_stop(struct th_proc *p, int timeout_ms)
{
	th_proc_signal(p, SIGTERM);
	if (!th_proc_wait(p, timeout_ms, NULL))
		th_proc_kill(p);
	return WIFEXITED(p->status) ? WEXITSTATUS(p->status) :
	    128 + WTERMSIG(p->status);
}

void
th_proc_kill(struct th_proc *p)
{
	th_proc_signal(p, SIGKILL);
	if (!th_proc_wait(p, 30000, NULL))
		th_fail("process %d does not die", (int)p->pid);
}

void
th_proc_free(struct th_proc *p)
{
	struct th_proc **pp;

	if (p == NULL)
		return;
	for (pp = &procs; *pp != NULL; pp = &(*pp)->next)
		if (*pp == p) {
			*pp = p->next;
			break;
		}
	th_proc_kill(p);
	free(p);
}

int
th_run(char **ret_output, const char *argv0, ...)
{
	const char *argv[MAX_ARGS];
	struct th_proc_opts opts = { .argv = argv };
	struct th_proc *p;
	va_list ap;
	int status;

	va_start(ap, argv0);
	collect_args(argv, argv0, ap);
	va_end(ap);
	p = th_proc_start(&opts);
	if (!th_proc_wait(p, 60000, NULL))
		th_fail("'%s' runs for more than a minute; it said: %s", argv0,
		    th_proc_text(p));
	status = th_proc_stop(p, 0);
	if (ret_output != NULL)
		*ret_output = th_proc_text(p);
	unlink(p->output);
	th_proc_free(p);
	return status;
}
