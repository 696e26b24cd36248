/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_retry.h: how long to wait before a request is tried again.
 */
#ifndef LEAT_HTTP_RETRY_H
#define LEAT_HTTP_RETRY_H

#include <stdint.h>

#include <leat/str.h>

/*
 * The value of a Retry-After header: seconds, or one of the three date forms
 * of RFC 9110. now_s is the wall clock. Gives milliseconds from now, 0 for a
 * date in the past. 0, or -1 for bad text.
 */
int http_retry_after_parse(struct leat_str text, int64_t now_s,
    int64_t *ret_ms);

/* An HTTP date as seconds since the epoch; 0 or -1. */
int http_date_parse(struct leat_str text, int64_t *ret_s);

/* Exponential back-off with full jitter. */
struct http_backoff {
	int64_t base_ms;	/* ceiling of the first wait */
	int64_t max_ms;		/* ceiling of any wait */
	uint64_t rng;
};

void http_backoff_init(struct http_backoff *b, int64_t base_ms,
    int64_t max_ms, uint64_t seed);

/* A wait before try `attempt` + 1, attempt counting from 1: random in
 * 1 .. min(max, base * 2^(attempt-1)). */
int64_t http_backoff_ms(struct http_backoff *b, uint32_t attempt);

#endif
