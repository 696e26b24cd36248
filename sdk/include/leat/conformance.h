/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance.h: does a plugin keep the rules of connector.h? In libtestkit.a;
 * `leat plugin test` runs these checks.
 */
#ifndef LEAT_CONFORMANCE_H
#define LEAT_CONFORMANCE_H

#include <stddef.h>
#include <stdint.h>

#include <leat/connector.h>
#include <leat/options.h>

/*
 * One check: `where` is the plugin, connector or option it looked at, `text`
 * what is wrong, NULL where nothing is. Valid until the callback returns.
 */
typedef void leat_conformance_fn(void *arg, const char *where,
    const char *check, const char *text);

/*
 * The descriptors and option tables of a plugin: names, versions, sizes,
 * callbacks, defaults that parse, fields that lie in their struct and do not
 * overlap. Runs none of its code. Returns the number of failures.
 */
int leat_conformance_tables(const struct leat_plugin *plugin,
    leat_conformance_fn *report, void *arg);

/*
 * A connector's life in the fake host, with settings that it can run with: it
 * opens and closes twice, breaks no rule on the way, refuses to open without
 * what is required, survives the end of memory at each place, and returns soon
 * when it is stopped. A source is polled; a sink gets no records, because there
 * is no telling where they would go. Returns the number of failures.
 */
int leat_conformance_life(const struct leat_connector *connector,
    const struct leat_setting *settings, size_t nsettings,
    leat_conformance_fn *report, void *arg);

#endif
