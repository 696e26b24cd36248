/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpolate.c: one pass over a text; providers are rows of a table.
 */
#include "core/config/interpolate.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"

enum { FILE_MAX = 256 * 1024 };

const char *
references_env(const char *name)
{
	return getenv(name);
}

const struct references references_system = {
	.env = references_env,
	.fs = &fsio_system,
};

static int
refuse(struct leat_err *err, const char *what, const char *name)
{
	(void)leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s '%s'",
	    what, name);
	return LEAT_E_CONFIG;
}

/* ------------------------------------------------------------------- env */

static int
get_env(const struct references *refs, char *arg, struct leat_buf *to,
    struct leat_err *err)
{
	char *def = strstr(arg, ":-");
	const char *value;

	if (def != NULL) {
		*def = '\0';
		def += 2;
	}
	if (*arg == '\0')
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "${env:} names no variable");
	value = refs->env != NULL ? refs->env(arg) : NULL;
	if (def != NULL && (value == NULL || *value == '\0'))
		value = def;
	if (value == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "environment variable '%s' is not set", arg);
	return leat_buf_add_str(to, value) < 0 ? -ENOMEM : 0;
}

/* ----------------------------------------------------------------- files */

/* Is the real path below one of the directories? */
static bool
is_allowed(const char *allowed, const char *path)
{
	struct leat_str rest = leat_str_c(allowed);
	char real[PATH_MAX], dir[PATH_MAX];

	if (realpath(path, real) == NULL)
		return true;	/* opening it will say why */
	while (rest.len > 0) {
		struct leat_str item = leat_str_trim(leat_str_cut(&rest, ','));
		char *copy = strndup(item.ptr, item.len);
		bool below = copy != NULL && item.len > 0 &&
		    realpath(copy, dir) != NULL &&
		    leat_str_starts(leat_str_c(real), dir) &&
		    (real[strlen(dir)] == '/' || strcmp(dir, "/") == 0 ||
		    real[strlen(dir)] == '\0');

		free(copy);
		if (below)
			return true;
	}
	return false;
}

/* The file as text in malloc'ed memory. */
static int
read_text(const struct references *refs, const char *path, bool restricted,
    char **ret_text, struct leat_err *err)
{
	char *text = NULL;
	size_t len;
	int rc;

	if (refs->fs == NULL)
		return refuse(err, "files may not be read here:", path);
	if (path[0] != '/')
		return refuse(err, "expected an absolute path, got", path);
	if (restricted && refs->allowed != NULL &&
	    !is_allowed(refs->allowed, path))
		return refuse(err, "outside the allowed directories:", path);
	rc = fsio_slurp(refs->fs, path, FILE_MAX, &text, &len, err);
	if (rc < 0)
		return rc == -ENOMEM ? rc : LEAT_E_CONFIG;
	assert(text != NULL);
	if (memchr(text, '\0', len) != NULL) {
		free(text);
		return refuse(err, "a NUL byte in", path);
	}
	*ret_text = text;
	return 0;
}

/* Without the line end that editors and `echo` leave. */
static int
add_file(const struct references *refs, const char *path, bool restricted,
    struct leat_buf *to, struct leat_err *err)
{
	char *text = NULL;
	size_t len;
	int rc = read_text(refs, path, restricted, &text, err);

	if (rc < 0)
		return rc;
	len = strlen(text);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	rc = leat_buf_add(to, text, len) < 0 ? -ENOMEM : 0;
	free(text);
	return rc;
}

static int
add_key_of_file(const struct references *refs, const char *path,
    const char *key, struct leat_buf *to, struct leat_err *err)
{
	struct leat_buf value;
	char *text = NULL;
	int rc = read_text(refs, path, true, &text, err);

	if (rc < 0)
		return rc;
	leat_buf_init(&value, INTERPOLATED_MAX);
	if (java_properties_find(text, key, &value) < 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "no key '%s' in '%s'", key, path);
	else if (value.failed || leat_buf_add(to, value.data, value.len) < 0)
		rc = -ENOMEM;
	leat_buf_fini(&value);
	free(text);
	return rc;
}

/* As in Kafka, the path ends at the first colon. */
static int
get_file(const struct references *refs, char *arg, struct leat_buf *to,
    struct leat_err *err)
{
	char *key = strchr(arg, ':');

	if (key == NULL)
		return add_file(refs, arg, true, to, err);
	*key++ = '\0';
	return add_key_of_file(refs, arg, key, to, err);
}

/* A file name, not a path. */
static int
check_name(const char *name, struct leat_err *err)
{
	if (*name == '\0' || strchr(name, '/') != NULL ||
	    strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
		return refuse(err, "expected a file name, got", name);
	return 0;
}

static int
add_file_in(const struct references *refs, const char *dir, const char *name,
    bool restricted, struct leat_buf *to, struct leat_err *err)
{
	char path[PATH_MAX];
	struct leat_buf joined = { .data = NULL, .max = sizeof(path) - 1 };
	int rc = check_name(name, err);

	if (rc < 0)
		return rc;
	(void)leat_buf_printf(&joined, "%s/%s", dir, name);
	if (leat_buf_cstr(&joined) == NULL)
		rc = refuse(err, "the path is too long:", name);
	else
		rc = add_file(refs, (const char *)joined.data, restricted, to,
		    err);
	leat_buf_fini(&joined);
	return rc;
}

static int
get_dir(const struct references *refs, char *arg, struct leat_buf *to,
    struct leat_err *err)
{
	char *name = strchr(arg, ':');

	if (name == NULL)
		return refuse(err, "expected ${dir:/path:name}, got", arg);
	*name++ = '\0';
	return add_file_in(refs, arg, name, true, to, err);
}

static int
get_cred(const struct references *refs, char *arg, struct leat_buf *to,
    struct leat_err *err)
{
	const char *dir = refs->env != NULL ?
	    refs->env("CREDENTIALS_DIRECTORY") : NULL;
	int rc = check_name(arg, err);

	if (rc < 0)
		return rc;
	if (dir == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "no credential '%s': the service has no LoadCredential=",
		    arg);
	return add_file_in(refs, dir, arg, false, to, err);
}

/* ------------------------------------------------------------- providers */

static const struct provider {
	const char *name;
	bool secret;
	int (*get)(const struct references *refs, char *arg,
	    struct leat_buf *to, struct leat_err *err);
} providers[] = {
	{ "env", false, get_env },
	{ "file", true, get_file },
	{ "dir", true, get_dir },
	{ "cred", true, get_cred },
};

static const struct provider *
provider_find(struct leat_str name)
{
	for (size_t i = 0; i < ARRAY_LEN(providers); i++)
		if (leat_str_eq_c(name, providers[i].name))
			return &providers[i];
	return NULL;
}

/* Variables of the connectors' own templates. */
static bool
is_template(struct leat_str name)
{
	static const char *const words[] = { "key", "value", "header",
	    "headers", "topic", "partition", "offset", "timestamp" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (leat_str_eq_c(name, words[i]))
			return true;
	return false;
}

static bool
is_word(struct leat_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		    c == '.'))
			return false;
	}
	return s.len > 0;
}

static int
resolve(const struct references *refs, const struct provider *p,
    struct leat_str arg, struct leat_buf *to, struct leat_err *err)
{
	char *copy = strndup(arg.ptr, arg.len);
	int rc;

	if (copy == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	leat_err_clear(err);
	rc = p->get(refs, copy, to, err);
	free(copy);
	return rc == -ENOMEM && to->failed ? 0 : rc;
}

enum kind { PLAIN, REFERENCE, UNKNOWN };

/* A "${" and what it turned out to be. */
struct dollar {
	enum kind kind;
	const struct provider *provider;
	struct leat_str name;
	struct leat_str arg;
	const char *end;	/* behind it */
};

/* `last` is the last "}" of the text, or NULL. */
static struct dollar
classify(const char *at, const char *last)
{
	const char *start = at + 2;
	const char *colon = start + strcspn(start, ":}$");
	struct dollar d = { .kind = PLAIN, .end = start,
	    .name = { start, (size_t)(colon - start) } };
	bool closed = last != NULL && last >= start;

	if (*colon != ':' || !is_word(d.name) || is_template(d.name))
		return d;
	d.provider = provider_find(d.name);
	if (d.provider == NULL) {
		d.kind = closed ? UNKNOWN : PLAIN;
		return d;
	}
	d.kind = REFERENCE;
	d.arg.ptr = colon + 1;
	d.end = closed ? strchr(start, '}') : NULL;
	if (d.end != NULL)
		d.arg.len = (size_t)(d.end++ - d.arg.ptr);
	return d;
}

/* At a "${": resolves it, or leaves it as it is. *at moves behind it. */
static int
reference(const struct references *refs, const char **at, const char *last,
    struct leat_buf *to, bool *secret, struct leat_err *err)
{
	struct dollar d = classify(*at, last);

	switch (d.kind) {
	case PLAIN:
		(void)leat_buf_add_str(to, "${");
		*at = d.end;
		return 0;
	case UNKNOWN:
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "unknown provider '%.*s' (allowed: env, file, dir, cred)",
		    (int)MIN(d.name.len, 60), d.name.ptr);
	case REFERENCE:
		break;
	}
	if (d.end == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "'${%s:' without '}'", d.provider->name);
	*at = d.end;
	*secret = *secret || d.provider->secret;
	return resolve(refs, d.provider, d.arg, to, err);
}

static int
check_room(const struct leat_buf *to, struct leat_err *err)
{
	if (!to->failed)
		return 0;
	if (to->len >= to->max / 2)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "the value is larger than %zu bytes", to->max);
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

int
interpolate(const struct references *refs, const char *text,
    struct leat_buf *to, bool *ret_secret, struct leat_err *err)
{
	const char *last = strrchr(text, '}');
	bool secret = false;
	int rc = 0;

	while (rc == 0 && *text != '\0') {
		size_t plain = strcspn(text, "$");

		(void)leat_buf_add(to, text, plain);
		text += plain;
		if (strncmp(text, "$${", 3) == 0) {
			(void)leat_buf_add_str(to, "${");
			text += 3;
		} else if (strncmp(text, "${", 2) == 0) {
			rc = reference(refs, &text, last, to, &secret, err);
		} else if (*text == '$') {
			(void)leat_buf_add_byte(to, '$');
			text++;
		}
	}
	if (rc == 0)
		rc = check_room(to, err);
	if (rc == 0)
		*ret_secret = secret;
	return rc;
}

/* A "${" that stands behind a $ of its own. */
static int
behind_dollar(const char **text, const char *last, struct leat_buf *to,
    struct leat_err *err)
{
	if (classify(*text, last).kind != PLAIN)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "a '$' right before a reference is not possible");
	(void)leat_buf_add_str(to, "$${");
	*text += 2;
	return 0;
}

int
interpolate_from_yaml(const char *text, struct leat_buf *to,
    struct leat_err *err)
{
	const char *last = strrchr(text, '}');
	bool dollar = false;	/* a $ was just written */
	int rc = 0;

	while (rc == 0 && *text != '\0') {
		size_t plain = strcspn(text, "$");

		(void)leat_buf_add(to, text, plain);
		text += plain;
		dollar = dollar && plain == 0;
		if (strncmp(text, "$${", 3) == 0) {
			(void)leat_buf_add_str(to, "$${");
			text += 3;
			dollar = false;
		} else if (strncmp(text, "$$", 2) == 0) {
			(void)leat_buf_add_byte(to, '$');
			text += 2;
			dollar = true;
		} else if (strncmp(text, "${", 2) == 0 && dollar) {
			rc = behind_dollar(&text, last, to, err);
			dollar = false;
		} else if (*text == '$') {
			(void)leat_buf_add_byte(to, '$');
			text++;
		}
	}
	return rc == 0 ? check_room(to, err) : rc;
}
