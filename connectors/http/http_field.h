/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_field.h: parts of records, as text.
 */
#ifndef LEAT_HTTP_FIELD_H
#define LEAT_HTTP_FIELD_H

#include <leat/buf.h>
#include <leat/schema.h>
#include <leat/str.h>
#include <leat/value.h>

/*
 * Follows a JSON pointer (RFC 6901) through a value, typed or schemaless; an
 * empty pointer is the value itself. NULL where it leads nowhere. *ret_schema
 * gets the schema of what was found, or NULL.
 */
const struct leat_value *http_field_find(const struct leat_schema *schema,
    const struct leat_value *v, struct leat_str pointer,
    const struct leat_schema **ret_schema);

/*
 * Appends a value as plain text: strings and bytes as they are, numbers and
 * booleans as in JSON, structures as JSON, null as nothing. 0 or -1 (the
 * buffer failed).
 */
int http_field_text(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v);

/*
 * A hash of a value's content; equal values hash equal. Structures hash by
 * their items, so it needs no schema.
 */
uint64_t http_field_hash(const struct leat_value *v, uint64_t seed);

#endif
