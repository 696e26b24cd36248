/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.c: the files' present contents, and the thread that watches them.
 *
 * Users are asked for at logins only and guarded by a lock. The table of rules
 * is asked for by every request: readers count themselves into a slot of their
 * thread while they look, and whoever puts a new table in place waits until
 * each slot was seen empty before the old one goes.
 */
#include "broker/kafka/access.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/kafka/acl_table.h"
#include "core/base/net_address.h"
#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/base/obj.h"
#include "core/base/thread.h"

enum {
	LOOK_EVERY_MS = 1000,
	SLOTS = 64,
	MECHANISMS_MAX = 3
};

static const struct logger lg = { "kafka", NULL, -1 };

static const char plain[] = "PLAIN";
static const char *const all_mechanisms[] = { "SCRAM-SHA-256",
	"SCRAM-SHA-512", plain };

struct reader_slot {
	uint32_t n;		/* atomic: readers at this moment */
} __attribute__((aligned(64)));

struct access {
	struct reader_slot slots[SLOTS];
	struct acl_table *table;	/* atomic; NULL: no file */
	char *super;

	struct access_file users_file;	/* path NULL: none */
	struct access_file rules_file;
	/* One at a time reads or changes the files; held over that. */
	struct lock files;		/* RANK_CONFIG */
	struct lock lock;		/* RANK_LEAF; guards the next two */
	struct users *users;
	bool stop;
	struct cond cond;
	struct thread thread;

	const char *mechanisms[MECHANISMS_MAX + 1];
	uint8_t secret[32];		/* of what is made up */
};

/* ------------------------------------------------------------ mechanisms */

/* Does a password get to all addresses of the list unseen by others? */
static bool
passwords_are_safe(const struct broker_listen_options *o)
{
	struct leat_str rest = leat_str_c(o->listen), one;
	struct net_address at;
	char text[NET_ADDRESS_MAX];

	while (rest.len > 0) {
		one = leat_str_trim(leat_str_cut(&rest, ','));
		if (one.len == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%.*s", (int)one.len,
		    one.ptr);
		if (net_address_parse(text, &at, NULL) < 0)
			return false;
		if ((o->tls_certificate == NULL || at.protocol == NET_PLAIN) &&
		    !net_address_is_loopback(&at))
			return false;
	}
	return true;
}

static int
add_mechanism(struct access *a, struct leat_str name, struct leat_err *err)
{
	size_t n = 0, i;

	for (i = 0; i < ARRAY_LEN(all_mechanisms); i++)
		if (leat_str_eq_c(name, all_mechanisms[i]))
			break;
	if (i == ARRAY_LEN(all_mechanisms))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "SASL mechanism '%.*s': not one of SCRAM-SHA-256, "
		    "SCRAM-SHA-512, PLAIN", (int)name.len, name.ptr);
	while (a->mechanisms[n] != NULL &&
	    a->mechanisms[n] != all_mechanisms[i])
		n++;
	a->mechanisms[n] = all_mechanisms[i];
	return 0;
}

static int
set_mechanisms(struct access *a, const struct broker_listen_options *o,
    struct leat_err *err)
{
	bool safe = passwords_are_safe(o);
	struct leat_str rest, one;
	int rc;

	if (o->sasl_mechanisms == NULL) {
		for (size_t i = 0; i < ARRAY_LEN(all_mechanisms); i++)
			if (safe || o->sasl_plain_cleartext ||
			    all_mechanisms[i] != plain)
				(void)add_mechanism(a,
				    leat_str_c(all_mechanisms[i]), NULL);
		return 0;
	}
	rest = leat_str_c(o->sasl_mechanisms);
	while (rest.len > 0) {
		one = leat_str_trim(leat_str_cut(&rest, ','));
		if (one.len > 0 && (rc = add_mechanism(a, one, err)) < 0)
			return rc;
	}
	if (a->mechanisms[0] == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "there are users, but no SASL mechanism to log in by");
	if (access_offers(a, plain) && !safe && !o->sasl_plain_cleartext)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "PLAIN sends passwords as they are, and '%s' is neither "
		    "loopback nor TLS: take a certificate, or SCRAM only, or "
		    "set broker.sasl.plain.cleartext", o->listen);
	return 0;
}

const char *const *
access_mechanisms(const struct access *a)
{
	return a->mechanisms;
}

bool
access_offers(const struct access *a, const char *mechanism)
{
	for (size_t i = 0; a->mechanisms[i] != NULL; i++)
		if (strcmp(a->mechanisms[i], mechanism) == 0)
			return true;
	return false;
}

/* --------------------------------------------------------------- loading */

/* Says each problem in a line of its own. */
static void
log_problems(const struct access_problems *p)
{
	struct leat_str rest = { (const char *)p->text.data, p->text.len };
	struct leat_str one;

	while (rest.len > 0) {
		one = leat_str_cut(&rest, '\n');
		log_error(&lg, "a line is refused", "why=%.*s", (int)one.len,
		    one.ptr);
	}
}

static void
take_users(struct access *a, struct users *owned)
{
	struct users *old;

	lock_acquire(&a->lock);
	old = a->users;
	a->users = owned;
	lock_release(&a->lock);
	users_put(old);
}

static int
load_users_locked(struct access *a, struct access_problems *problems,
    struct leat_err *err)
{
	struct users *fresh;
	char *text = NULL;
	size_t len;
	int rc;

	lock_assert_held(&a->files);
	if ((rc = access_file_read(&a->users_file, &text, &len, err)) < 0)
		return rc;
	rc = users_parse((struct leat_str){ text, len }, problems, &fresh);
	access_text_free(text, len);
	if (rc < 0)
		return access_problems_err(problems, err);
	take_users(a, fresh);
	return 0;
}

/* Nobody looks at the old table when this returns. */
static void
take_table(struct access *a, struct acl_table *owned)
{
	struct acl_table *old = __atomic_exchange_n(&a->table, owned,
	    __ATOMIC_SEQ_CST);

	for (size_t i = 0; old != NULL && i < SLOTS; i++)
		while (__atomic_load_n(&a->slots[i].n, __ATOMIC_SEQ_CST) > 0)
			(void)sched_yield();
	acl_table_free(old);
}

static int
load_rules_locked(struct access *a, struct access_problems *problems,
    struct leat_err *err)
{
	struct acl_table *fresh;
	struct acl_rules *rules;
	char *text = NULL;
	size_t len;
	int rc;

	lock_assert_held(&a->files);
	if ((rc = access_file_read(&a->rules_file, &text, &len, err)) < 0)
		return rc;
	rc = acl_rules_parse((struct leat_str){ text, len }, problems,
	    &rules);
	free(text);
	if (rc < 0)
		return access_problems_err(problems, err);
	if ((rc = acl_table_new(rules, a->super, &fresh, err)) < 0)
		return rc;
	take_table(a, fresh);
	return 0;
}

typedef int load_fn(struct access *a, struct access_problems *problems,
    struct leat_err *err);

static int
load(struct access *a, const struct access_file *f, load_fn *fn,
    struct leat_err *err)
{
	struct access_problems problems;
	int rc;

	access_problems_init(&problems, f->path);
	lock_acquire(&a->files);
	rc = fn(a, &problems, err);
	lock_release(&a->files);
	log_problems(&problems);
	access_problems_fini(&problems);
	return rc;
}

/* -------------------------------------------------------------- watching */

static void
reload(struct access *a, const struct access_file *f, load_fn *fn)
{
	struct leat_err err = LEAT_ERR_INIT;
	bool changed;

	if (f->path == NULL)
		return;
	lock_acquire(&a->files);
	changed = access_file_changed(f);
	lock_release(&a->files);
	if (!changed)
		return;
	if (load(a, f, fn, &err) < 0)
		log_err(&lg, "a changed file is refused, what it said before "
		    "still holds", &err);
	else
		log_info(&lg, "read again", "file=%s", f->path);
}

static void *
watch_main(void *arg)
{
	struct access *a = arg;
	int64_t until;
	bool stop;

	do {
		until = clock_deadline_ns(&clock_system, LOOK_EVERY_MS);
		lock_acquire(&a->lock);
		while (!a->stop && cond_wait_until(&a->cond, &a->lock, until))
			;
		stop = a->stop;
		lock_release(&a->lock);
		if (!stop) {
			reload(a, &a->users_file, load_users_locked);
			reload(a, &a->rules_file, load_rules_locked);
		}
	} while (!stop);
	return NULL;
}

/* --------------------------------------------------------- begin and end */

static int
open_files(struct access *a, const struct broker_listen_options *o,
    struct leat_err *err)
{
	int rc;

	if (o->users_file != NULL) {
		if ((rc = access_file_init(&a->users_file, o->users_file, true,
		    err)) < 0 || (rc = set_mechanisms(a, o, err)) < 0 ||
		    (rc = load(a, &a->users_file, load_users_locked,
		    err)) < 0)
			return rc;
	}
	if ((rc = acl_super_check(o->super_users, err)) < 0)
		return rc;
	if (o->super_users != NULL &&
	    (a->super = strdup(o->super_users)) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	if (o->acl_file == NULL)
		return 0;
	if ((rc = access_file_init(&a->rules_file, o->acl_file, false,
	    err)) < 0)
		return rc;
	return load(a, &a->rules_file, load_rules_locked, err);
}

int
access_new(const struct broker_listen_options *o, struct access **ret_access,
    struct leat_err *err)
{
	struct access *a = NULL;
	int rc;

	/* Slots on cache lines of their own. */
	if (posix_memalign((void **)&a, _Alignof(struct access),
	    sizeof(*a)) != 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	memset(a, 0, sizeof(*a));
	lock_init(&a->files, RANK_CONFIG);
	lock_init(&a->lock, RANK_LEAF);
	cond_init(&a->cond);
	/* Not OpenSSL's, which costs 2 MB where nobody logs in. */
	if (getrandom(a->secret, sizeof(a->secret), 0) != sizeof(a->secret))
		rc = leat_err_errno(err, LEAT_CLS_RETRY, "getrandom");
	else if ((rc = open_files(a, o, err)) == 0 &&
	    (a->users_file.path != NULL || a->rules_file.path != NULL))
		rc = thread_start(&a->thread, "leat-access", watch_main, a,
		    err);
	if (rc < 0) {
		access_free(a);
		return rc;
	}
	*ret_access = a;
	return 0;
}

void
access_free(struct access *a)
{
	if (a == NULL)
		return;
	lock_acquire(&a->lock);
	a->stop = true;
	cond_signal(&a->cond);
	lock_release(&a->lock);
	thread_join(&a->thread);
	users_put(a->users);
	acl_table_free(a->table);
	access_file_fini(&a->users_file);
	access_file_fini(&a->rules_file);
	free(a->super);
	cond_fini(&a->cond);
	lock_fini(&a->lock);
	lock_fini(&a->files);
	OPENSSL_cleanse(a->secret, sizeof(a->secret));
	free(a);
}

/* ----------------------------------------------------------------- users */

bool
access_needs_login(const struct access *a)
{
	return a->users_file.path != NULL;
}

struct users *
access_users(struct access *a)
{
	struct users *u = NULL;

	lock_acquire(&a->lock);
	if (a->users != NULL)
		u = users_get(a->users);
	lock_release(&a->lock);
	return u;
}

/* What the first user has that has any. */
static int32_t
usual_iterations(struct access *a, enum scram_mechanism m)
{
	struct users *u = access_users(a);
	int32_t n = SCRAM_ITERATIONS_MIN;

	for (size_t i = 0; u != NULL && i < u->n; i++)
		if (u->list[i].scram[m].mechanism != 0) {
			n = u->list[i].scram[m].iterations;
			break;
		}
	users_put(u);
	return n;
}

void
access_made_up(struct access *a, const char *name, enum scram_mechanism m,
    struct scram_credential *ret_c)
{
	uint8_t salt[SCRAM_KEY_MAX] = { 0 };

	*ret_c = (struct scram_credential){ .mechanism = m,
		.iterations = usual_iterations(a, m),
		.salt_len = SCRAM_SALT_BYTES };
	(void)scram_hmac(m, a->secret, sizeof(a->secret), name, strlen(name),
	    salt);
	memcpy(ret_c->salt, salt, SCRAM_SALT_BYTES);
	memcpy(ret_c->stored_key, a->secret, sizeof(a->secret));
	memcpy(ret_c->server_key, a->secret, sizeof(a->secret));
}

int
access_change_users(struct access *a, const struct user_change *changes,
    size_t n, struct leat_err *err)
{
	struct users *fresh;
	int fd, rc;

	fd = access_file_lock(&a->users_file, err);
	if (fd < 0)
		return fd;
	lock_acquire(&a->files);
	rc = users_change(&a->users_file, changes, n, &fresh, err);
	if (rc == 0)
		take_users(a, fresh);
	lock_release(&a->files);
	(void)close(fd);
	return rc;
}

/* ----------------------------------------------------------------- rules */

bool
access_has_rules(const struct access *a)
{
	return a->rules_file.path != NULL;
}

static struct reader_slot *
enter(struct access *a)
{
	static uint32_t threads;
	static __thread uint32_t mine;	/* 0: none yet */
	struct reader_slot *slot;

	if (mine == 0)
		mine = 1 + __atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED) %
		    SLOTS;
	slot = &a->slots[mine - 1];
	__atomic_fetch_add(&slot->n, 1, __ATOMIC_SEQ_CST);
	return slot;
}

static void
leave(struct reader_slot *slot)
{
	__atomic_fetch_sub(&slot->n, 1, __ATOMIC_RELEASE);
}

uint32_t
access_allowed(struct access *a, const char *principal, const char *host,
    enum acl_resource resource, const char *name)
{
	struct reader_slot *slot = enter(a);
	uint32_t ops = acl_table_ask(__atomic_load_n(&a->table,
	    __ATOMIC_SEQ_CST), principal, host, resource, name);

	leave(slot);
	return ops;
}

bool
access_allowed_any(struct access *a, const char *principal, const char *host,
    enum acl_operation op, enum acl_resource resource)
{
	struct reader_slot *slot = enter(a);
	bool may = acl_table_ask_any(__atomic_load_n(&a->table,
	    __ATOMIC_SEQ_CST), principal, host, op, resource);

	leave(slot);
	return may;
}

static int
change_rules_locked(struct access *a, access_rules_fn *fn, void *arg,
    struct access_problems *problems, struct leat_err *err)
{
	struct acl_rules *rules = NULL, *again = NULL;
	struct acl_table *fresh = NULL;
	struct leat_buf out;
	char *text = NULL;
	size_t len = 0;
	int rc;

	leat_buf_init(&out, ACCESS_FILE_MAX);
	rc = access_file_read(&a->rules_file, &text, &len, err);
	if (rc == 0 && acl_rules_parse((struct leat_str){ text, len },
	    problems, &rules) < 0)
		rc = access_problems_err(problems, err);
	if (rc == 0)
		rc = fn(arg, rules, err);
	if (rc == 0 && acl_rules_print(rules, &out) < 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s: no room for more rules", a->rules_file.path);
	/* What is written is read back first: it must say what was meant. */
	if (rc == 0 && acl_rules_parse((struct leat_str){ (char *)out.data,
	    out.len }, problems, &again) < 0)
		rc = access_problems_err(problems, err);
	if (rc == 0)
		rc = acl_table_new(TAKE(again), a->super, &fresh, err);
	if (rc == 0)
		rc = access_file_replace(&a->rules_file, out.data, out.len,
		    err);
	if (rc == 0)
		take_table(a, TAKE(fresh));
	if (rc > 0)
		rc = 0;
	acl_table_free(fresh);
	acl_rules_free(again);
	acl_rules_free(rules);
	free(text);
	leat_buf_fini(&out);
	return rc;
}

int
access_change_rules(struct access *a, access_rules_fn *fn, void *arg,
    struct leat_err *err)
{
	struct access_problems problems;
	int fd, rc;

	fd = access_file_lock(&a->rules_file, err);
	if (fd < 0)
		return fd;
	access_problems_init(&problems, a->rules_file.path);
	lock_acquire(&a->files);
	rc = change_rules_locked(a, fn, arg, &problems, err);
	lock_release(&a->files);
	access_problems_fini(&problems);
	(void)close(fd);
	return rc;
}

int
access_read_rules(struct access *a, access_rules_fn *fn, void *arg,
    struct leat_err *err)
{
	int rc;

	/* The table changes under this lock only. */
	lock_acquire(&a->files);
	rc = fn(arg, acl_table_rules(a->table), err);
	lock_release(&a->files);
	return rc;
}
