/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_write.c: connectors made, changed and removed through REST.
 *
 * Files are written in Kafka Connect's form as JSON, readable by the owner
 * only, since what was posted may hold passwords. A name is made into a file
 * name by percent-encoding all but letters, digits and "._-", so that no name
 * leads out of the directory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/json.h>

#include "core/base/obj.h"
#include "core/config/directory_state.h"
#include "core/config/tree.h"

enum {
	STEM_MAX = 180,		/* leaves room for the extension and ".tmp" */
	TRIES = 100
};

/* -------------------------------------------------------------- file names */

static bool
is_plain(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' ||
	    (!first && (c == '-' || c == '.'));
}

/* A long name keeps its beginning; what it is called stands in the file. */
static void
add_stem(struct leat_buf *to, const char *name)
{
	size_t start = to->len;

	for (const char *p = name; *p != '\0' && to->len - start < STEM_MAX;
	    p++) {
		if (is_plain(*p, p == name))
			(void)leat_buf_add_byte(to, (uint8_t)*p);
		else
			(void)leat_buf_printf(to, "%%%02X", (unsigned char)*p);
	}
}

/* A path that no file has; NULL when memory or patience is out. */
static char *
new_path(const struct directory *d, const char *name)
{
	struct leat_buf b;
	char *path = NULL;
	size_t len;

	leat_buf_init(&b, 65536);
	for (int i = 0; path == NULL && i < TRIES; i++) {
		leat_buf_reset(&b);
		(void)leat_buf_printf(&b, "%s/", d->path);
		add_stem(&b, name);
		if (i > 0)
			(void)leat_buf_printf(&b, "-%d", i);
		(void)leat_buf_add_str(&b, ".json");
		if (leat_buf_cstr(&b) == NULL)
			break;
		if (access((const char *)b.data, F_OK) < 0)
			path = (char *)leat_buf_detach(&b, &len);
	}
	leat_buf_fini(&b);
	return path;
}

/* ------------------------------------------------------------------ owners */

/* The file of a connector: NULL with rc 0 when it has none. */
static int
owner_of(const struct directory *d, const char *name,
    const struct entry **ret_entry, struct leat_err *err)
{
	*ret_entry = NULL;
	for (size_t i = 0; i < d->len; i++) {
		const struct entry *e = d->entries[i];

		for (size_t k = 0; k < e->live.len; k++) {
			if (strcmp(e->live.connectors[k].name, name) != 0)
				continue;
			if (e->live.pipeline)
				return leat_err_set(err, LEAT_CLS_CONFIG,
				    LEAT_E_STATE, "connector '%s' is part of "
				    "the pipeline in '%s': edit that file",
				    name, e->path);
			*ret_entry = e;
		}
	}
	return 0;
}

/* ----------------------------------------------------------------- writing */

static void
add_string(struct leat_buf *to, const char *s)
{
	(void)leat_json_add_string(to, s, strlen(s));
}

static int
encode(const char *name, const struct properties *props, struct leat_buf *to,
    struct leat_err *err)
{
	const char *sep = "";

	(void)leat_buf_add_str(to, "{\n  \"name\": ");
	add_string(to, name);
	(void)leat_buf_add_str(to, ",\n  \"config\": {");
	for (size_t i = 0; i < properties_count(props); i++) {
		const struct property *row = properties_at(props, i);

		if (strcmp(row->key, "name") == 0)
			continue;
		(void)leat_buf_printf(to, "%s\n    ", sep);
		add_string(to, row->key);
		(void)leat_buf_add_str(to, ": ");
		add_string(to, row->raw);
		sep = ",";
	}
	(void)leat_buf_add_str(to, "\n  }\n}\n");
	if (!to->failed)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
	    "the configuration of '%s' is larger than %d bytes", name,
	    (int)TREE_BYTES_MAX);
}

/* Would the text be taken? Says why not, with the first problem. */
static int
try_text(const struct directory *d, const char *path,
    const struct leat_buf *text, struct leat_err *err)
{
	struct config_reader reader = { d->options.refs, d->options.find,
		d->options.arg };
	struct problems *problems = problems_new();
	struct config_file file = { 0 };
	int rc = 0;

	if (problems == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (config_file_read(&reader, path, "", (const char *)text->data,
	    text->len, &file, problems) == 0 && file.len > 0 &&
	    d->options.validate != NULL)
		d->options.validate(d->options.arg, file.connectors[0].name,
		    file.connectors[0].props, problems);
	if (problems_count(problems) > 0) {
		const struct problem *p = problems_at(problems, 0);

		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s%s%s", p->key != NULL ? p->key : "",
		    p->key != NULL ? ": " : "", p->text);
	}
	config_file_fini(&file);
	problems_free(problems);
	return rc;
}

/* Out of sight, but not lost: it may have comments. */
static int
set_aside(struct directory *d, const char *path, struct leat_err *err)
{
	char *to;
	int rc;

	if (asprintf(&to, "%s~", path) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	rc = d->options.fs->rename(d->options.fs, path, to);
	free(to);
	if (rc == 0)
		rc = d->options.fs->fsync_dir(d->options.fs, d->path);
	if (rc < 0) {
		errno = -rc;
		return leat_err_errno(err, LEAT_CLS_RETRY,
		    "set '%s' aside", path);
	}
	return 0;
}

static int
write_busy(struct directory *d, const char *name,
    const struct properties *props, struct leat_err *err)
{
	const struct entry *owner;
	struct leat_buf text;
	char *path = NULL;
	bool aside;
	int rc;

	leat_buf_init(&text, TREE_BYTES_MAX);
	if ((rc = owner_of(d, name, &owner, err)) < 0 ||
	    (rc = encode(name, props, &text, err)) < 0)
		goto done;
	aside = owner != NULL &&
	    !leat_str_ends(leat_str_c(owner->path), ".json");
	path = owner != NULL && !aside ? strdup(owner->path) :
	    new_path(d, name);
	if (path == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no file name for connector '%s'", name);
		goto done;
	}
	if ((rc = try_text(d, path, &text, err)) < 0)
		goto done;
	rc = fsio_replace(d->options.fs, path, text.data, text.len, 0600, err);
	if (rc == 0 && aside)
		rc = set_aside(d, owner->path, err);
	if (rc == 0)
		rc = directory_reload_busy(d, err);
done:
	free(path);
	leat_buf_fini(&text);
	return rc;
}

int
directory_write(struct directory *d, const char *name,
    const struct properties *props, struct leat_err *err)
{
	const char *wrong = connector_name_check(name);
	int rc;

	if (wrong != NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s",
		    wrong);
	directory_begin(d);
	rc = write_busy(d, name, props, err);
	directory_end(d);
	return rc;
}

/* ---------------------------------------------------------------- removing */

static int
remove_busy(struct directory *d, const char *name, struct leat_err *err)
{
	const struct fsio *fs = d->options.fs;
	const struct entry *owner;
	int rc = owner_of(d, name, &owner, err);

	if (rc < 0)
		return rc;
	if (owner == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "no connector '%s'", name);
	rc = fs->unlink(fs, owner->path);
	if (rc == 0 || rc == -ENOENT)
		rc = fs->fsync_dir(fs, d->path);
	if (rc < 0) {
		errno = -rc;
		return leat_err_errno(err, LEAT_CLS_RETRY, "remove '%s'",
		    owner->path);
	}
	return directory_reload_busy(d, err);
}

int
directory_remove(struct directory *d, const char *name, struct leat_err *err)
{
	int rc;

	directory_begin(d);
	rc = remove_busy(d, name, err);
	directory_end(d);
	return rc;
}
