/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes.h: all transforms and predicates by name; each has a file of its own.
 */
#ifndef LEAT_RECORD_CLASSES_H
#define LEAT_RECORD_CLASSES_H

#include "core/record/transform.h"

#define TRANSFORMS(X)                                                     \
	X(by_logical_table_router)                                        \
	X(cast)                                                           \
	X(content_based_router)                                           \
	X(decode_message)                                                 \
	X(drop_headers)                                                   \
	X(enforce_record_size)                                            \
	X(event_router)                                                   \
	X(extract_changed_record_state)                                   \
	X(extract_field)                                                  \
	X(extract_new_record_state)                                       \
	X(filter)                                                         \
	X(filter_by_expression)                                           \
	X(flatten)                                                        \
	X(geometry_format)                                                \
	X(header_from)                                                    \
	X(header_to_value)                                                \
	X(hoist_field)                                                    \
	X(insert_field)                                                   \
	X(insert_header)                                                  \
	X(mask_field)                                                     \
	X(partition_routing)                                              \
	X(regex_router)                                                   \
	X(replace_field)                                                  \
	X(set_schema_metadata)                                            \
	X(swap_geometry_coordinates)                                      \
	X(timestamp_converter)                                            \
	X(timestamp_router)                                               \
	X(timezone_converter)                                             \
	X(to_logical_topic_router)                                        \
	X(value_to_key)                                                   \
	X(vector_to_json)

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
