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
 *	$${			the two characters ${
 *
 * What stands for itself: a $ before anything else; ${word}, since connectors
 * have templates of their own; ${word:...} where word is one of theirs (key,
 * value, header, topic, partition, offset, timestamp). Any other ${word:...}
 * is an error. A value that was put in is not looked at again.
 *
 * In YAML, "$$" is one $ everywhere (interpolate_from_yaml). In a text of Kafka
 * Connect (JSON) it is an escape only before "{", since Kafka has none:
 * passwords that work there must work here.
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
	/* Directories (commas) that file: and dir: stay in; NULL: any. */
	const char *allowed;
};

/* getenv(). */
const char *references_env(const char *name);
/* References as the worker resolves them. */
extern const struct references references_system;

/*
 * Appends the value of `text`. *ret_secret turns true when something came from
 * file:, dir: or cred:. 0; LEAT_E_CONFIG with what is wrong, in words that hold
 * no value; -ENOMEM.
 */
int interpolate(const struct references *refs, const char *text,
    struct leat_buf *to, bool *ret_secret, struct leat_err *err);

/*
 * Appends a text as YAML has it with its "$$" written the way interpolate()
 * takes it. 0; LEAT_E_CONFIG for a $ right before a reference, which cannot be
 * written so; -ENOMEM.
 */
int interpolate_from_yaml(const char *text, struct leat_buf *to,
    struct leat_err *err);

/* The value of a key in a Java properties text; 0, or LEAT_E_NOTFOUND. */
int java_properties_find(const char *text, const char *key,
    struct leat_buf *to);

#endif
