/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes.h: all transforms and predicates by name; each has a file of its own.
 */
#ifndef LEAT_RECORD_CLASSES_H
#define LEAT_RECORD_CLASSES_H

#include "core/record/transform.h"

#define TRANSFORMS(X)

#define PREDICATES(X)

#define DECLARE(name) extern const struct transform_class transform_##name;
TRANSFORMS(DECLARE)
#undef DECLARE
#define DECLARE(name) extern const struct predicate_class predicate_##name;
PREDICATES(DECLARE)
#undef DECLARE

#endif
