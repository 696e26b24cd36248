/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_scan.c: from the files to fresh entries.
 *
 * Names are unique over all files. A file that claims a name which another one
 * holds is refused; of files that claim a name at the same time all are. A file
 * that is refused goes back to its last good version, which may hold names that
 * a third one claims, so that is repeated until nothing changes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/map.h>
#include <leat/str.h>

#include "core/base/obj.h"
#include "core/config/directory_state.h"
#include "core/config/tree.h"

void
entry_free(struct entry *e)
{
	if (e == NULL)
		return;
	config_file_fini(&e->live);
	config_file_fini(&e->fresh);
	free(e->path);
	free(e);
}

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "read the configuration: out of memory");
}

/* --------------------------------------------------------------- listing */

static bool
is_config_name(const char *name)
{
	struct leat_str s = leat_str_c(name);

	return name[0] != '.' && name[0] != '#' &&
	    (leat_str_ends(s, ".yaml") || leat_str_ends(s, ".yml") ||
	    leat_str_ends(s, ".json"));
}

/* The entry of a path; a new one goes where it belongs. */
static struct entry *
entry_of(struct directory *d, const char *path)
{
	struct entry **more, *e;
	size_t at = 0;

	while (at < d->len && strcmp(d->entries[at]->path, path) < 0)
		at++;
	if (at < d->len && strcmp(d->entries[at]->path, path) == 0)
		return d->entries[at];
	more = realloc(d->entries, (d->len + 1) * sizeof(struct entry *));
	if (more == NULL)
		return NULL;
	d->entries = more;
	e = calloc(1, sizeof(*e));
	if (e == NULL || (e->path = strdup(path)) == NULL) {
		free(e);
		return NULL;
	}
	memmove(more + at + 1, more + at,
	    (d->len - at) * sizeof(struct entry *));
	more[at] = e;
	d->len++;
	return e;
}

static int
see(struct directory *d, const char *name, struct leat_err *err)
{
	struct entry *e;
	char *path;

	if (asprintf(&path, "%s/%s", d->path, name) < 0)
		return no_memory(err);
	e = entry_of(d, path);
	free(path);
	if (e == NULL)
		return no_memory(err);
	e->seen = true;
	return 0;
}

static int
list(struct directory *d, struct leat_err *err)
{
	DIR *dir = opendir(d->path);
	struct dirent *de;
	size_t n = 0;
	int rc = 0;

	if (dir == NULL)
		return leat_err_errno(err, LEAT_CLS_CONFIG,
		    "open directory '%s'", d->path);
	errno = 0;
	while (rc == 0 && (de = readdir(dir)) != NULL) {
		if (is_config_name(de->d_name)) {
			rc = see(d, de->d_name, err);
			n++;
		}
		if (rc == 0 && n > DIRECTORY_FILES_MAX)
			rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
			    "more than %d files in '%s'",
			    (int)DIRECTORY_FILES_MAX, d->path);
		errno = 0;
	}
	if (rc == 0 && errno != 0)
		rc = leat_err_errno(err, LEAT_CLS_RETRY,
		    "read directory '%s'", d->path);
	(void)closedir(dir);
	return rc;
}

/* --------------------------------------------------------------- reading */

static void
refuse_file(struct problems *problems, const char *path, const char *text)
{
	problems_add(problems, (struct place){ .file = path }, NULL, NULL,
	    "%s", text);
}

/*
 * Is there a file to read? One that is gone by now, and what is no file, are
 * not there; a link into nowhere is wrong, and so is what cannot be reached.
 */
static bool
is_there(struct entry *e, struct problems *problems)
{
	struct stat st;

	if (stat(e->path, &st) == 0) {
		e->seen = S_ISREG(st.st_mode);
		return e->seen;
	}
	if (errno != ENOENT) {
		refuse_file(problems, e->path, "cannot be reached");
	} else if (lstat(e->path, &st) == 0) {
		refuse_file(problems, e->path,
		    "a symbolic link that leads nowhere");
	} else {
		e->seen = false;
	}
	return false;
}

static char *
stem_of(const char *path)
{
	const char *base = strrchr(path, '/') + 1;

	return strndup(base, (size_t)(strrchr(base, '.') - base));
}

static void
read_text(struct directory *d, struct entry *e, struct problems *problems)
{
	struct config_reader reader = { d->options.refs, d->options.find,
		d->options.arg };
	struct leat_err err = LEAT_ERR_INIT;
	char *stem = stem_of(e->path);
	char *text = NULL;
	size_t len;

	if (stem == NULL)
		refuse_file(problems, e->path, "out of memory");
	else if (fsio_slurp(d->options.fs, e->path, TREE_BYTES_MAX, &text,
	    &len, &err) < 0)
		refuse_file(problems, e->path, err.text);
	else
		e->has_fresh = config_file_read(&reader, e->path, stem, text,
		    len, &e->fresh, problems) == 0;
	free(text);
	free(stem);
}

/* -------------------------------------------------------------- validating */

/* Is this what runs already? */
static bool
is_live(const struct entry *e, const struct config_connector *c)
{
	for (size_t i = 0; i < e->live.len; i++)
		if (strcmp(e->live.connectors[i].name, c->name) == 0)
			return properties_equal(e->live.connectors[i].props,
			    c->props);
	return false;
}

static void
validate(struct directory *d, struct entry *e, struct problems *problems)
{
	size_t before = problems_count(problems);

	for (size_t i = 0; d->options.validate != NULL && i < e->fresh.len;
	    i++) {
		const struct config_connector *c = &e->fresh.connectors[i];

		if (!is_live(e, c))
			d->options.validate(d->options.arg, c->name, c->props,
			    problems);
	}
	e->has_fresh = problems_count(problems) == before;
}

static void
read_entry(struct directory *d, struct entry *e, struct problems *problems)
{
	config_file_fini(&e->fresh);
	e->has_fresh = false;
	if (!is_there(e, problems))
		return;
	read_text(d, e, problems);
	if (e->has_fresh)
		validate(d, e, problems);
}

/* ------------------------------------------------------------------- names */

/* A connector in what a file means at this point. */
struct claim {
	struct entry *entry;
	const struct config_connector *connector;
	struct claim *next;	/* of the same name */
};

static const struct config_file *
meaning(const struct entry *e)
{
	return e->has_fresh ? &e->fresh : &e->live;
}

static bool
holds(const struct entry *e, const char *name)
{
	for (size_t i = 0; i < e->live.len; i++)
		if (strcmp(e->live.connectors[i].name, name) == 0)
			return true;
	return false;
}

static struct place
place_of(const struct claim *c)
{
	const struct property *row = properties_find(c->connector->props,
	    "name");

	if (row != NULL && row->place.line > 0)
		return row->place;
	return properties_origin(c->connector->props);
}

/* Of two claims, is the first one to go? */
static bool
yields(const struct claim *c)
{
	return c->entry->has_fresh && !holds(c->entry, c->connector->name);
}

static void
refuse_claim(const struct claim *c, const struct claim *other,
    struct problems *problems)
{
	struct place there = place_of(other);

	problems_add(problems, place_of(c), "name", NULL,
	    "connector '%s' is also in %s:%d", c->connector->name,
	    there.file, there.line);
	c->entry->refused = true;
}

/* Refuses those of one name that must go; their entries are marked. */
static void
settle(const struct claim *first, struct problems *problems)
{
	for (const struct claim *c = first; c != NULL; c = c->next) {
		const struct claim *other = c == first ? first->next : first;

		if (other != NULL && yields(c))
			refuse_claim(c, other, problems);
	}
}

static int
claim_all(struct directory *d, struct leat_map *names, struct claim *claims)
{
	for (size_t i = 0; i < d->len; i++) {
		struct entry *e = d->entries[i];
		const struct config_file *f = meaning(e);

		for (size_t k = 0; e->seen && k < f->len; k++) {
			struct claim *c = claims++;
			void *before = NULL;

			*c = (struct claim){ e, &f->connectors[k], NULL };
			if (leat_map_set(names, leat_str_c(c->connector->name),
			    c, &before) < 0)
				return -ENOMEM;
			c->next = before;
		}
	}
	return 0;
}

/* One pass; *ret_again says that some file was refused. */
static int
check_names_once(struct directory *d, struct problems *problems,
    bool *ret_again)
{
	const struct leat_map_entry *it;
	struct leat_map names = { 0 };
	struct claim *claims;
	size_t n = 1, at = 0;
	int rc = -ENOMEM;

	for (size_t i = 0; i < d->len; i++) {
		n += meaning(d->entries[i])->len;
		d->entries[i]->refused = false;
	}
	*ret_again = false;
	claims = calloc(n, sizeof(*claims));
	if (claims != NULL)
		rc = claim_all(d, &names, claims);
	while (rc == 0 && (it = leat_map_next(&names, &at)) != NULL)
		settle(it->value, problems);
	for (size_t i = 0; i < d->len; i++) {
		if (!d->entries[i]->refused)
			continue;
		d->entries[i]->has_fresh = false;
		*ret_again = true;
	}
	leat_map_fini(&names);
	free(claims);
	return rc;
}

int
directory_scan(struct directory *d, struct problems *problems,
    struct leat_err *err)
{
	bool again = true;
	int rc;

	for (size_t i = 0; i < d->len; i++)
		d->entries[i]->seen = false;
	rc = list(d, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < d->len; i++)
		if (d->entries[i]->seen)
			read_entry(d, d->entries[i], problems);
	while (again)
		if (check_names_once(d, problems, &again) < 0)
			return no_memory(err);
	for (size_t i = 0; i < d->len; i++)
		d->entries[i]->refused = d->entries[i]->seen &&
		    !d->entries[i]->has_fresh;
	return 0;
}
