/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users.c: the lines of a users file.
 */
#include "broker/kafka/users.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

/* A line taken apart. */
struct user_line {
	struct leat_str name;
	struct leat_str secret;		/* behind the colon */
	struct leat_str password;	/* of PLAIN$; ptr NULL: SCRAM */
};

static bool
line_split(struct leat_str line, struct user_line *ret)
{
	*ret = (struct user_line){ 0 };
	if (line.len == 0 || line.ptr[0] == '#' ||
	    memchr(line.ptr, ':', line.len) == NULL)
		return false;
	ret->name = leat_str_trim(leat_str_cut(&line, ':'));
	ret->secret = leat_str_trim(line);
	if (leat_str_starts(ret->secret, "PLAIN$"))
		ret->password = (struct leat_str){ ret->secret.ptr + 6,
			ret->secret.len - 6 };
	return true;
}

const char *
user_name_check(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "the name is empty";
	if (len > SCRAM_NAME_MAX)
		return "the name has more than 255 bytes";
	if (!leat_utf8_valid(name, len))
		return "the name is not UTF-8";
	if (name[0] == '#' || name[0] == ' ' || name[len - 1] == ' ')
		return "a name cannot begin with # or a blank, nor end "
		    "with one";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f ||
		    name[i] == ':')
			return "the name has a colon or a control character";
	return NULL;
}

/* ----------------------------------------------------------------- table */

struct users *
users_get(struct users *u)
{
	__atomic_fetch_add(&u->refs, 1, __ATOMIC_RELAXED);
	return u;
}

void
users_put(struct users *u)
{
	if (u == NULL ||
	    __atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < u->n; i++) {
		access_text_free(u->list[i].password,
		    u->list[i].password == NULL ? 0 :
		    strlen(u->list[i].password));
		free(u->list[i].name);
	}
	if (u->list != NULL)
		OPENSSL_cleanse(u->list, u->cap * sizeof(*u->list));
	free(u->list);
	free(u);
}

static int
compare(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct user *
users_find(const struct users *u, const char *name)
{
	size_t lo = 0, hi = u->n, mid;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		order = strcmp(name, u->list[mid].name);
		if (order == 0)
			return &u->list[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* Each line is a user of its own at first; the lines of one are merged. */
static struct user *
add_user(struct users *u)
{
	size_t cap = u->cap > 0 ? 2 * u->cap : 16;
	struct user *more;

	if (u->n == u->cap) {
		/* Not by realloc, which would leave secrets behind. */
		if ((more = calloc(cap, sizeof(*more))) == NULL)
			return NULL;
		if (u->list != NULL) {
			memcpy(more, u->list, u->n * sizeof(*more));
			OPENSSL_cleanse(u->list, u->n * sizeof(*more));
		}
		free(u->list);
		u->list = more;
		u->cap = cap;
	}
	return &u->list[u->n++];
}

static void
parse_line(struct users *u, const struct user_line *l, int32_t number,
    struct access_problems *problems)
{
	struct scram_credential c = { 0 };
	const char *why = NULL;
	struct user *user;
	char *name;

	if (memchr(l->secret.ptr, '\0', l->secret.len) != NULL ||
	    memchr(l->name.ptr, '\0', l->name.len) != NULL)
		why = "the line has a NUL";
	else if (l->password.ptr != NULL && l->password.len == 0)
		why = "the password is empty";
	else if (l->password.ptr == NULL)
		(void)scram_decode(l->secret, &c, &why);
	name = strndup(l->name.ptr, l->name.len);
	if (why == NULL && name != NULL)
		why = user_name_check(name);
	if (why == NULL && u->n == USERS_MAX)
		why = "too many users";
	user = why != NULL || name == NULL ? NULL : add_user(u);
	if (user == NULL) {
		access_problem(problems, number, "%s",
		    why != NULL ? why : "no memory");
		free(name);
		return;
	}
	user->name = name;
	user->scram[c.mechanism] = c;
	if (l->password.ptr != NULL) {
		user->password = strndup(l->password.ptr, l->password.len);
		if (user->password == NULL)
			access_problem(problems, number, "no memory");
	}
	/* Until the lines are merged, where it stands. */
	user->scram[0].iterations = number;
	OPENSSL_cleanse(&c, sizeof(c));
}

/* Takes what `from` has into `to`, which has the same name. */
static void
merge(struct user *to, struct user *from, struct access_problems *problems)
{
	int32_t line = MAX(from->scram[0].iterations,
	    to->scram[0].iterations);
	bool twice = to->password != NULL && from->password != NULL;

	for (int m = SCRAM_SHA_256; m < SCRAM_MECHANISM_N; m++) {
		if (from->scram[m].mechanism == 0)
			continue;
		twice = twice || to->scram[m].mechanism != 0;
		to->scram[m] = from->scram[m];
	}
	if (twice)
		access_problem(problems, line, "'%s' has a line of this kind "
		    "already", to->name);
	if (to->password == NULL)
		to->password = TAKE(from->password);
	access_text_free(from->password, from->password == NULL ? 0 :
	    strlen(from->password));
	free(from->name);
	OPENSSL_cleanse(from, sizeof(*from));
}

static void
merge_all(struct users *u, struct access_problems *problems)
{
	size_t n = 0;

	if (u->n > 1)
		qsort(u->list, u->n, sizeof(*u->list), compare);
	for (size_t i = 0; i < u->n; i++) {
		if (n > 0 && strcmp(u->list[n - 1].name,
		    u->list[i].name) == 0)
			merge(&u->list[n - 1], &u->list[i], problems);
		else if (n++ != i) {
			u->list[n - 1] = u->list[i];
			OPENSSL_cleanse(&u->list[i], sizeof(*u->list));
		}
	}
	u->n = n;
}

int
users_parse(struct leat_str text, struct access_problems *problems,
    struct users **ret_users)
{
	struct users *u = calloc(1, sizeof(*u));
	struct leat_str line;
	struct user_line l;
	int32_t number = 0;

	if (u == NULL) {
		access_problem(problems, 0, "no memory");
		return -ENOMEM;
	}
	u->refs = 1;
	while (access_line(&text, &number, &line)) {
		if (line_split(line, &l))
			parse_line(u, &l, number, problems);
		else if (line.len > 0 && line.ptr[0] != '#')
			access_problem(problems, number, "want name:secret");
	}
	merge_all(u, problems);
	if (problems->n > 0) {
		users_put(u);
		return LEAT_E_CONFIG;
	}
	*ret_users = u;
	return 0;
}

/* --------------------------------------------------------------- editing */

/* Is this line the one that the change is about? */
static bool
is_about(const struct user_line *l, const struct user_change *c)
{
	const char *kind = c->mechanism == 0 ? "PLAIN" :
	    scram_name(c->mechanism);
	struct leat_str secret = l->secret;

	return leat_str_eq_c(l->name, c->name) &&
	    (c->all || leat_str_eq_c(leat_str_cut(&secret, '$'), kind));
}

static int
put_line(struct leat_buf *out, const struct user_change *c)
{
	char secret[SCRAM_TEXT_MAX];
	int rc;

	scram_encode(c->set, secret);
	rc = leat_buf_printf(out, "%s:%s\n", c->name, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return rc;
}

int
users_edit(struct leat_str text, const struct user_change *changes, size_t n,
    struct leat_buf *out)
{
	bool *done = calloc(n > 0 ? n : 1, sizeof(*done));
	struct leat_str raw;
	struct user_line l;
	size_t i;

	if (done == NULL)
		return -ENOMEM;
	while (text.len > 0) {
		raw = leat_str_cut(&text, '\n');
		i = n;
		if (line_split(leat_str_trim(raw), &l))
			for (i = 0; i < n && !is_about(&l, &changes[i]); i++)
				;
		if (i == n) {
			(void)leat_buf_add(out, raw.ptr, raw.len);
			(void)leat_buf_add_byte(out, '\n');
		} else if (changes[i].set != NULL && !done[i]) {
			(void)put_line(out, &changes[i]);
			done[i] = true;
		}
	}
	for (i = 0; i < n; i++)
		if (changes[i].set != NULL && !done[i])
			(void)put_line(out, &changes[i]);
	free(done);
	return out->failed ? LEAT_E_LIMIT : 0;
}

int
users_change(struct access_file *f, const struct user_change *changes,
    size_t n, struct users **ret_users, struct leat_err *err)
{
	struct access_problems problems;
	struct users *fresh = NULL;
	struct leat_buf out;
	char *text = NULL;
	size_t len = 0;
	int rc;

	access_problems_init(&problems, f->path);
	leat_buf_init(&out, ACCESS_FILE_MAX);
	rc = access_file_read(f, &text, &len, err);
	if (rc == 0 && users_edit((struct leat_str){ text, len }, changes, n,
	    &out) < 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s: no room for more", f->path);
	/* A line that was wrong before is no reason to lose it. */
	if (rc == 0 && users_parse((struct leat_str){ (char *)out.data,
	    out.len }, &problems, &fresh) < 0)
		rc = access_problems_err(&problems, err);
	if (rc == 0)
		rc = access_file_replace(f, out.data, out.len, err);
	if (rc == 0)
		*ret_users = TAKE(fresh);
	users_put(fresh);
	access_text_free(text, len);
	if (out.data != NULL)
		OPENSSL_cleanse(out.data, out.len);
	leat_buf_fini(&out);
	access_problems_fini(&problems);
	return rc;
}
