/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonq.h: questions about JSON, by JSON pointer ("/tasks/0/state").
 *
 * As in proc.h: texts and values live until the program ends, and what is not
 * JSON fails the running test.
 */
#ifndef LEAT_TESTS_HARNESS_JSONQ_H
#define LEAT_TESTS_HARNESS_JSONQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/value.h>

/* Parses a whole document. */
const struct leat_value *th_json(const char *text);

/* What stands there, or NULL. */
const struct leat_value *th_json_at(const struct leat_value *doc,
    const char *pointer);

/*
 * A string as it is, everything else as JSON; "(nothing)" where the pointer
 * leads nowhere, so that the answer can be compared without a look at it.
 */
const char *th_json_text(const struct leat_value *doc, const char *pointer);

/* The number that must be there. */
int64_t th_json_int(const struct leat_value *doc, const char *pointer);

/* Items or members of what is there; fails for other kinds. */
size_t th_json_len(const struct leat_value *doc, const char *pointer);

/* Is the string among the items of the array? */
bool th_json_lists(const struct leat_value *doc, const char *pointer,
    const char *text);

#endif
