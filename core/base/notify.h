/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h: telling the service manager how it goes: sd_notify(3)'s protocol,
 * a datagram to $NOTIFY_SOCKET. Without that variable nothing happens.
 */
#ifndef LEAT_CORE_BASE_NOTIFY_H
#define LEAT_CORE_BASE_NOTIFY_H

#include <leat/err.h>

/*
 * Sends lines such as "READY=1" or "STATUS=3 connectors run". 1 when sent, 0
 * when nobody wants to know, negative on failure. @thread any
 */
int notify_send(struct leat_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
