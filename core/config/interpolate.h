/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpolate.h: references in values: ${env:X} and the like.
 *
 *	${env:X}		the environment variable X
 *	${env:X:-text}		the same; `text` where X is unset or empty
 *	${file:/path}		the file's contents without the last line end
 *	${file:/path:key}	the value of a key in a Java properties file
 *	${dir:/path:name}	the contents of /path/name (Kafka's provider)
 *	${cred:name}		a systemd credential ($CREDENTIALS_DIRECTORY)
 *	$$			one $
 *
 * What stands for itself: a $ before anything else; ${word}, since connectors
 * have templates of their own; ${word:...} where word is one of theirs (key,
 * value, header, topic, partition, offset, timestamp). Any other ${word:...}
 * is an error. A value that was put in is not looked at again.
 *
 * In a text of Kafka Connect (JSON) a "$$" is an escape only before "{", since
 * Kafka has none: passwords that work there must work here.
 */
#ifndef LEAT_CORE_CONFIG_INTERPOLATE_H
#define LEAT_CORE_CONFIG_INTERPOLATE_H

#include <stdbool.h>

#include <leat/buf.h>
#include <leat/err.h>

#include "core/base/fsio.h"

enum { INTERPOLATED_MAX = 1024 * 1024 };	/* bytes of one value */

/* Where references lead. All zero: nowhere but to defaults. */
struct references {
	/* A variable of the environment, or NULL; normally references_env. */
	const char *(*env)(const char *name);
	const struct fsio *fs;	/* NULL: no files are read */
	/* Comma-separated directories that file: and dir: stay in; NULL: any. */
	const char *allowed;
};

/* getenv(). */
const char *references_env(const char *name);
/* References as the worker resolves them. */
extern const struct references references_system;

struct interpolated {
	bool secret;		/* something came from file:, dir: or cred: */
	bool changed;		/* the text is not what was written */
};

/*
 * Appends the value of `text`. 0; LEAT_E_CONFIG with what is wrong, in words
 * that hold no value; -ENOMEM.
 */
int interpolate(const struct references *refs, const char *text, bool kafka,
    struct leat_buf *to, struct interpolated *ret_facts,
    struct leat_err *err);

/* The value of a key in a Java properties text; 0, or LEAT_E_NOTFOUND. */
int java_properties_find(const char *text, const char *key,
    struct leat_buf *to);

#endif
