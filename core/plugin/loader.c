/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.c: see loader.h.
 *
 * A struct that comes from a plugin may be shorter than ours (an older plugin)
 * or longer (a newer patch of it), so nothing is read behind the size that it
 * states, and nothing at all before the size was read and believed. What we
 * keep are copies in structs of our own size, zero behind what was there.
 */
#include "core/plugin/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/obj.h"

/* The sizes of ABI 1.0: nothing smaller was ever built. */
enum {
	PLUGIN_MIN = 48,
	CONNECTOR_MIN = 96,
	SOURCE_MIN = 56,
	SINK_MIN = 56,
	PREFIX_BYTES = 16
};

_Static_assert(offsetof(struct leat_plugin, abi_minor) + 4 == PREFIX_BYTES,
    "the prefix is frozen");

#define refuse(err, code, ...) \
	leat_err_set((err), LEAT_CLS_CONFIG, (code), __VA_ARGS__)

/* May somebody else than root and we write it? Then it is not ours to run. */
static int
check_owner(const char *path, const struct stat *st, const char *what,
    struct leat_err *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(err, -EPERM, "%s: the %s belongs to user %u, "
		    "neither root nor the worker: change its owner with chown",
		    path, what, (unsigned)st->st_uid);
	if ((st->st_mode & S_IWOTH) != 0)
		return refuse(err, -EPERM, "%s: the %s is writable by "
		    "everyone, so anyone could run code in the worker: "
		    "chmod o-w it", path, what);
	return 0;
}

static int
check_file(const char *path, struct leat_err *err)
{
	struct stat st;
	char copy[PATH_MAX];
	size_t n = strlen(path);

	if (stat(path, &st) < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "%s", path);
	if (!S_ISREG(st.st_mode))
		return refuse(err, -EINVAL, "%s: not a regular file", path);
	if (check_owner(path, &st, "file", err) < 0)
		return err->code;
	if (n >= sizeof(copy))
		return refuse(err, -ENAMETOOLONG, "%s: path too long", path);
	memcpy(copy, path, n + 1);
	if (stat(dirname(copy), &st) < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "%s", path);
	return check_owner(path, &st, "directory it is in", err);
}

/* The frozen prefix; nothing behind it was looked at yet. */
static int
check_prefix(const char *path, const struct leat_plugin *prefix,
    struct leat_err *err)
{
	if (prefix->magic != LEAT_PLUGIN_MAGIC)
		return refuse(err, LEAT_E_ABI, "%s: %s() returns something "
		    "that is not a plugin descriptor (magic %08" PRIx32 ", "
		    "expected %08" PRIx32 "): define it with LEAT_PLUGIN_HEAD",
		    path, LEAT_PLUGIN_SYMBOL, prefix->magic,
		    (uint32_t)LEAT_PLUGIN_MAGIC);
	if (prefix->abi_major != LEAT_ABI_MAJOR)
		return refuse(err, LEAT_E_ABI, "%s: built for plugin ABI "
		    "%" PRIu32 ".%" PRIu32 ", this worker has %d.%d: rebuild "
		    "the plugin with the SDK of this worker", path,
		    prefix->abi_major, prefix->abi_minor, LEAT_ABI_MAJOR,
		    LEAT_ABI_MINOR);
	if (prefix->abi_minor > LEAT_ABI_MINOR)
		return refuse(err, LEAT_E_ABI, "%s: built for plugin ABI "
		    "%" PRIu32 ".%" PRIu32 ", newer than this worker's %d.%d: "
		    "upgrade the worker, or rebuild the plugin with an older "
		    "SDK", path, prefix->abi_major, prefix->abi_minor,
		    LEAT_ABI_MAJOR, LEAT_ABI_MINOR);
	if (prefix->size < PLUGIN_MIN)
		return refuse(err, LEAT_E_ABI, "%s: its descriptor of ABI "
		    "%" PRIu32 ".%" PRIu32 " is %" PRIu32 " bytes, shorter "
		    "than the %d of 1.0 (this worker has %d.%d): rebuild it",
		    path, prefix->abi_major, prefix->abi_minor, prefix->size,
		    (int)PLUGIN_MIN, LEAT_ABI_MAJOR, LEAT_ABI_MINOR);
	return 0;
}

/* Copies a table that begins with its own size; `what` is for the message. */
static int
copy_sized(const char *path, const char *name, const char *what,
    const void *from, size_t least, void *to, size_t own,
    struct leat_err *err)
{
	uint32_t size;

	if (from == NULL)
		return refuse(err, LEAT_E_ABI, "%s: connector '%s' has no %s "
		    "table", path, name, what);
	memcpy(&size, from, sizeof(size));
	if (size < least)
		return refuse(err, LEAT_E_ABI, "%s: connector '%s': its %s "
		    "table states %" PRIu32 " bytes, the ABI has at least %zu: "
		    "set .size = sizeof(...) and rebuild it", path, name, what,
		    size, least);
	memset(to, 0, own);
	memcpy(to, from, MIN((size_t)size, own));
	return 0;
}

static int
missing_callback(const char *path, const char *name, const char *callback,
    struct leat_err *err)
{
	return refuse(err, LEAT_E_ABI, "%s: connector '%s' has no %s() "
	    "callback, which is required", path, name, callback);
}

static int
copy_source(const char *path, struct loaded_connector *c,
    struct leat_err *err)
{
	const char *name = c->connector.name;

	if (copy_sized(path, name, "source", c->connector.source, SOURCE_MIN,
	    &c->source, sizeof(c->source), err) < 0)
		return err->code;
	c->connector.source = NULL;
	if (c->source.open == NULL)
		return missing_callback(path, name, "open", err);
	if (c->source.poll == NULL)
		return missing_callback(path, name, "poll", err);
	if (c->source.close == NULL)
		return missing_callback(path, name, "close", err);
	return 0;
}

static int
copy_sink(const char *path, struct loaded_connector *c, struct leat_err *err)
{
	const char *name = c->connector.name;

	if (copy_sized(path, name, "sink", c->connector.sink, SINK_MIN,
	    &c->sink, sizeof(c->sink), err) < 0)
		return err->code;
	c->connector.sink = NULL;
	if (c->sink.open == NULL)
		return missing_callback(path, name, "open", err);
	if (c->sink.put == NULL)
		return missing_callback(path, name, "put", err);
	if (c->sink.close == NULL)
		return missing_callback(path, name, "close", err);
	return 0;
}

static int
copy_connector(const char *path, const struct leat_connector *from, size_t i,
    struct loaded_connector *c, struct leat_err *err)
{
	if (from == NULL)
		return refuse(err, LEAT_E_ABI, "%s: entry %zu of its "
		    "connectors is NULL", path, i);
	if (copy_sized(path, "?", "connector", from, CONNECTOR_MIN,
	    &c->connector, sizeof(c->connector), err) < 0)
		return err->code;
	if (c->connector.name == NULL || c->connector.name[0] == '\0')
		return refuse(err, LEAT_E_ABI, "%s: entry %zu of its "
		    "connectors has no name", path, i);
	if (c->connector.version == NULL)
		return refuse(err, LEAT_E_ABI, "%s: connector '%s' has no "
		    "version", path, c->connector.name);
	if (c->connector.options != NULL && c->connector.config_size == 0)
		return refuse(err, LEAT_E_ABI, "%s: connector '%s' has options "
		    "but a config_size of 0", path, c->connector.name);
	switch (c->connector.kind) {
	case LEAT_SOURCE:
		return copy_source(path, c, err);
	case LEAT_SINK:
		return copy_sink(path, c, err);
	default:
		return refuse(err, LEAT_E_ABI, "%s: connector '%s' is of kind "
		    "%" PRId32 ", neither source (%d) nor sink (%d)", path,
		    c->connector.name, c->connector.kind, LEAT_SOURCE,
		    LEAT_SINK);
	}
}

int
loader_check(const char *path, const struct leat_plugin *descriptor,
    struct loaded *ret_loaded, struct leat_err *err)
{
	struct leat_plugin own = { 0 };
	struct loaded_connector *list;
	uint32_t i;

	if (descriptor == NULL)
		return refuse(err, LEAT_E_ABI, "%s: %s() returns NULL", path,
		    LEAT_PLUGIN_SYMBOL);
	memcpy(&own, descriptor, PREFIX_BYTES);
	if (check_prefix(path, &own, err) < 0)
		return err->code;
	memcpy(&own, descriptor, MIN(own.size, sizeof(own)));
	if (own.name == NULL || own.name[0] == '\0')
		return refuse(err, LEAT_E_ABI, "%s: the plugin has no name",
		    path);
	if (own.version == NULL)
		return refuse(err, LEAT_E_ABI, "%s: plugin '%s' has no version",
		    path, own.name);
	if (own.connectors == NULL || own.nconnectors == 0)
		return refuse(err, LEAT_E_ABI, "%s: plugin '%s' has no "
		    "connectors", path, own.name);
	if (own.nconnectors > LOADER_CONNECTORS_MAX)
		return refuse(err, LEAT_E_LIMIT, "%s: plugin '%s' states "
		    "%" PRIu32 " connectors, the most is %d", path, own.name,
		    own.nconnectors, (int)LOADER_CONNECTORS_MAX);
	list = calloc(own.nconnectors, sizeof(*list));
	if (list == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "%s: out of memory", path);
	for (i = 0; i < own.nconnectors; i++) {
		if (copy_connector(path, own.connectors[i], i, &list[i],
		    err) < 0) {
			free(list);
			return err->code;
		}
	}
	ret_loaded->plugin = own;
	ret_loaded->connectors = list;
	return 0;
}

int
loader_open(const char *path, struct loaded *ret_loaded,
    struct leat_err *err)
{
	const struct leat_plugin *(*entry)(void);
	const char *why;
	void *dl;

	if (check_file(path, err) < 0)
		return err->code;
	/* NODELETE: threads of a library it needs may outlive any close. */
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (dl == NULL) {
		why = dlerror();
		return refuse(err, LEAT_E_ABI, "%s: cannot be loaded: %s: "
		    "install what is missing, or rebuild the plugin for this "
		    "machine", path, why == NULL ? "no reason given" : why);
	}
	/* ISO C has no cast from object to function pointers; POSIX does. */
	*(void **)(void *)&entry = dlsym(dl, LEAT_PLUGIN_SYMBOL);
	if (entry == NULL) {
		(void)dlclose(dl);
		return refuse(err, LEAT_E_ABI, "%s: has no symbol %s, so it is "
		    "not a plugin for this worker (ABI %d.%d): declare it with "
		    "LEAT_PLUGIN()", path, LEAT_PLUGIN_SYMBOL, LEAT_ABI_MAJOR,
		    LEAT_ABI_MINOR);
	}
	return loader_check(path, entry(), ret_loaded, err);
}
