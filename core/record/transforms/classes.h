/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes.h: all transforms and predicates by name; each has a file of its own.
 */
#ifndef LEAT_RECORD_CLASSES_H
#define LEAT_RECORD_CLASSES_H

#include "core/record/transform.h"

#define TRANSFORMS(X)                                                     \
	X(extract_new_record_state)                                       \
	X(filter)                                                         \
	X(insert_field)                                                   \
	X(regex_router)                                                   \
	X(replace_field)                                                  \
	X(value_to_key)

#define PREDICATES(X)                                                     \
	X(has_header_key)                                                 \
	X(record_is_tombstone)                                            \
	X(topic_name_matches)

#define DECLARE(name) extern const struct transform_class transform_##name;
TRANSFORMS(DECLARE)
#undef DECLARE
#define DECLARE(name) extern const struct predicate_class predicate_##name;
PREDICATES(DECLARE)
#undef DECLARE

#endif
