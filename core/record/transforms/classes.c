/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes.c: the lists of transforms and predicates.
 */
#include "core/record/transforms/classes.h"

#include <stddef.h>

const struct transform_class *const transform_classes[] = {
#define CLASS(name) &transform_##name,
	TRANSFORMS(CLASS) NULL
#undef CLASS
};

const struct predicate_class *const predicate_classes[] = {
#define CLASS(name) &predicate_##name,
	PREDICATES(CLASS) NULL
#undef CLASS
};
