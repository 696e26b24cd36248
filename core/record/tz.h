/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz.h: time zones, read from the system's database (TZif files, RFC 8536)
 * without touching the process's own zone. A zone is immutable once read.
 */
#ifndef LEAT_RECORD_TZ_H
#define LEAT_RECORD_TZ_H

#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#define TZ_DIR "/usr/share/zoneinfo"

enum { TZ_FILE_MAX = 256 << 10 };

struct tz;

/*
 * `name` is a zone of the database ("Europe/Berlin"), or an offset: "+08:00",
 * "-03:30:00", of at most 18 hours. Fails with class CONFIG.
 */
int tz_open(const char *dir, const char *name, struct tz **ret_tz,
    struct leat_err *err);
/* The same from the bytes of a file. */
int tz_parse(const uint8_t *p, size_t len, struct tz **ret_tz,
    struct leat_err *err);
void tz_free(struct tz *tz); /* accepts NULL */

/* Seconds east of UTC at an instant. */
int32_t tz_offset_at(const struct tz *tz, int64_t utc_s);
/*
 * The same for seconds of local time; where there are two such times or none,
 * as before the change.
 */
int32_t tz_offset_of_local(const struct tz *tz, int64_t local_s);

#endif
