/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h: from settings as text to a connector's config struct.
 *
 * The worker, the test kit and the tools fill config structs with the same
 * function, so that a connector sees the same values everywhere. Nothing here
 * stops at the first mistake: everything wrong with a configuration is
 * reported at once, each with the setting it belongs to.
 *
 * How text is read: white space around a value is dropped. A bool is true or
 * false (yes, no, on, off). A choice is matched without regard to case. A
 * duration or a number of bytes may carry a unit. A list is split at commas, a
 * comma inside an item is written \, and empty items are dropped. A row of type
 * LEAT_OPT_MAP named "x" takes all settings "x.<key>" that no other row takes.
 */
#ifndef LEAT_OPTIONS_H
#define LEAT_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/connector.h>
#include <leat/str.h>

/* One setting as somebody wrote it. */
struct leat_setting {
	const char *key;
	const char *value;	/* NULL counts as not set */
	const void *place;	/* for the caller: where it was written */
	int32_t secret;		/* 1: messages must not show the value */
	int32_t reserved;
};

enum {
	LEAT_ISSUE_ERROR = 1,
	LEAT_ISSUE_WARNING = 2	/* a deprecated option is set */
};

/* Something wrong; its texts are valid until the callback returns. */
struct leat_issue {
	int32_t severity;	/* LEAT_ISSUE_* */
	int32_t reserved;
	const struct leat_option *option;	/* NULL: no such option */
	const struct leat_setting *setting;	/* NULL: a missing one */
	const char *key;	/* as written, or the missing option's name */
	const char *text;	/* "expected a whole number (1 to 65535)" */
	const char *hint;	/* "did you mean 'tables'?", or NULL */
};

typedef void leat_issue_fn(void *arg, const struct leat_issue *issue);

/* What leat_options_fill() works on. */
struct leat_fill {
	const struct leat_option *table;
	/*
	 * More tables, ended by NULL, or NULL: their keys are known, but
	 * filled by somebody else.
	 */
	const struct leat_option *const *others;
	const struct leat_setting *settings;
	size_t nsettings;
	leat_issue_fn *issue;	/* may be NULL */
	void *arg;
};

/*
 * Zeroes the config struct and fills it from the settings and the defaults.
 * What it points to comes from the arena. Returns the number of errors (0: the
 * config is good), or -ENOMEM.
 */
int leat_options_fill(const struct leat_fill *fill, struct leat_arena *arena,
    void *config, size_t config_size);

/*
 * The row that takes a key, by its name or an alias, or NULL. For a row of type
 * MAP *ret_rest (may be NULL) is the part of the key behind the name and its
 * dot, else NULL.
 */
const struct leat_option *leat_options_find(const struct leat_option *table,
    const char *key, const char **ret_rest);

/* The name or alias nearest to a key that nothing takes, or an empty string. */
struct leat_str leat_options_nearest(const struct leat_option *table,
    const char *key);

/* Bytes that a row's field takes in the config struct; 0 for unknown types. */
size_t leat_option_size(int32_t type);
/* Kafka Connect's word for a type: "STRING", "INT", "LIST", ... */
const char *leat_option_type_name(int32_t type);

/*
 * Appends the text of a filled field: a secret as "***", and in other strings
 * the password of a URL. 0 or -1, as the buffer.
 */
int leat_option_print(const struct leat_option *opt, const void *config,
    struct leat_buf *to);
/* All fields that are set, as lines "name=value". */
int leat_options_print(const struct leat_option *table, const void *config,
    struct leat_buf *to);

#endif
