/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flatten.h: from a tree to properties.
 *
 * Nesting joins with dots, a list of values becomes comma text (a comma inside
 * an item is written \,), null is "not set". Values are interpolated here, item
 * by item, so that what is put in is never parsed as YAML or as a list.
 *
 * `transforms` and `predicates` may be written the long way: as a map from
 * alias to settings, or as a list of maps (named by their `name`, else t1, t2,
 * ... or p1, ...). Both give what Kafka Connect has: transforms=a,b and
 * transforms.a.type=...
 */
#ifndef LEAT_CORE_CONFIG_FLATTEN_H
#define LEAT_CORE_CONFIG_FLATTEN_H

#include <leat/value.h>

#include "core/config/interpolate.h"
#include "core/config/properties.h"
#include "core/config/tree.h"

struct flatten {
	const char *file;
	const struct references *refs;
	bool kafka;		/* a text of Kafka Connect: see interpolate.h */
	struct problems *problems;
};

/*
 * Sets all of a map in the builder. A key set before, there or here, is a
 * problem. 0, or negative after problems were added; what was good is set.
 */
int flatten_map(const struct flatten *f, const struct tree_node *map,
    struct properties_builder *to);
/* One item of a map. */
int flatten_item(const struct flatten *f, const struct tree_item *item,
    struct properties_builder *to);

/*
 * The properties of a JSON object, as REST gets it; file is what stands for the
 * place ("REST"). NULL after a problem.
 */
struct properties *flatten_json(const struct leat_value *object,
    const char *file, const struct references *refs,
    struct problems *problems);

#endif
