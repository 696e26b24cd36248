/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_status.h: sets of HTTP status codes, written as "408,429,5xx,500-599".
 */
#ifndef LEAT_HTTP_STATUS_H
#define LEAT_HTTP_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/connector.h>
#include <leat/err.h>

struct http_status_set {
	uint64_t bits[10];	/* codes 0..639 */
};

/*
 * Fills a set from the items of a list option: "429", "500-599", "400-" (to
 * 599) or "5xx". `option` is named in the error. 0, or class CONFIG.
 */
int http_status_parse(const struct leat_list *list, const char *option,
    struct http_status_set *ret_set, struct leat_err *err);

static inline bool
http_status_has(const struct http_status_set *s, int status)
{
	return status >= 0 && status < 640 &&
	    (s->bits[status / 64] >> (status % 64) & 1) != 0;
}

#endif
