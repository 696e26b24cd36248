/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_digest.h: message digests by Java's names ("SHA-256", "MD5").
 */
#ifndef LEAT_PG_DIGEST_H
#define LEAT_PG_DIGEST_H

#include <stdint.h>

#include <leat/str.h>

enum { PG_DIGEST_MAX = 64 };

/* Is there a digest of that name? */
int pg_digest_known(const char *name);

/* The digest of salt and data; its size, or -1. */
int pg_digest(const char *name, struct leat_str salt, struct leat_str data,
    uint8_t ret[PG_DIGEST_MAX]);

#endif
