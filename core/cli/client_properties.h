/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_properties.h: files of Java's Properties, as Kafka's clients are
 * configured with: "name=value" lines, comments, continued lines, escapes.
 */
#ifndef LEAT_CORE_CLI_CLIENT_PROPERTIES_H
#define LEAT_CORE_CLI_CLIENT_PROPERTIES_H

#include <stddef.h>

#include <leat/err.h>

/* One property; line is where it begins. 0, or a code that ends the parsing. */
typedef int (*property_fn)(void *arg, const char *name, const char *value,
    int line, struct leat_err *err);

/*
 * Calls fn for each property in the order of the text; the texts are valid
 * during the call. 0, or the error of a line that is not understood or of fn.
 */
int properties_parse(const char *text, size_t len, property_fn fn, void *arg,
    struct leat_err *err);

/*
 * An option of a JAAS line, `...LoginModule required username="a" ...;`,
 * without its quotes. 1 when it is there (ret holds it, cut to size - 1
 * bytes), 0 when not.
 */
int properties_jaas(const char *jaas, const char *option, char *ret,
    size_t size);

#endif
