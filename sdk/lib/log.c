/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c: formats a plugin's log line and hands it to the host.
 */
#include <leat/connector.h>

#include <stdarg.h>
#include <stdio.h>

enum { FIELDS_BYTES = 2048 };

void
leat_log_at(struct leat_task *t, int32_t level, const char *msg,
    const char *fmt, ...)
{
	char fields[FIELDS_BYTES] = "";
	va_list ap;

	if (!leat_log_enabled(t, level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	leat_host_of(t)->log(t, level, msg, fields);
}
