/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_source.h: the inside of the http-source.
 *
 * A round is what one poll interval brings: one response, or several pages.
 *
 *	source_options.c	the option table
 *	source_state.c	where we stand, to and from the stored offset
 *	source_fetch.c	one request at a time through libcurl, never blocking
 *	source_page.c	the next request from what a response said
 *	source.c	poll(): fetch, find the records, hand them out
 */
#ifndef LEAT_HTTP_SOURCE_H
#define LEAT_HTTP_SOURCE_H

#include <leat/arena.h>
#include <leat/buf.h>

#include "http_options.h"
#include "http_retry.h"
#include "http_status.h"
#include "http_template.h"

enum { SOURCE_SEEN_MAX = 128, SOURCE_HEADERS_MAX = 64 };

enum source_pages {
	PAGES_NONE,
	PAGES_PAGE,
	PAGES_OFFSET,
	PAGES_CURSOR,
	PAGES_LINK
};
enum source_format { FORMAT_AUTO, FORMAT_JSON, FORMAT_NDJSON };
enum source_time { TIME_ISO, TIME_S, TIME_MS };
enum source_select { SELECT_LAST, SELECT_MAX };

struct source_config {
	struct http_options http;
	const char *url;
	const char *body;
	const char *topic;
	const char *records_pointer;
	const char *key_pointer;
	const char *time_pointer;
	const char *cursor_pointer;
	const char *cursor_response;
	const char *cursor_header;
	const char *cursor_param;
	const char *cursor_initial;
	const char *page_param;
	const char *offset_param;
	const char *limit_param;
	int32_t method;
	int32_t format;
	int32_t time_format;
	int32_t cursor_select;
	int32_t pages;
	int32_t restart;
	int32_t conditional;
	int32_t skip_unchanged;
	int64_t page_start;
	int64_t page_size;
	int64_t interval_ms;
	int64_t max_bytes;
	int64_t max_retries;
	int64_t backoff_ms;
	int64_t backoff_max_ms;
	int64_t retry_after_max_ms;
	struct leat_list retry;
};

/* Records already delivered that stand at one cursor. */
struct source_seen {
	uint64_t hash[SOURCE_SEEN_MAX];
	uint32_t n;
};

/*
 * Where we stand. The strings are owned, NULL is none. All of it goes into the
 * stored offset, as far as it is set.
 */
struct source_state {
	char *cursor;		/* sent in the requests of this round */
	char *next_cursor;	/* of the records of this round */
	char *link;		/* the page, when pages are links */
	char *etag;		/* of the last response, if all delivered */
	char *modified;
	int64_t page;
	int64_t skip;		/* the page, when pages are offsets */
	int64_t delivered;	/* records of the current response */
	uint64_t prefix;	/* hash over these */
	uint64_t body;		/* hash of the last whole response */
	struct source_seen seen;	/* at cursor */
	struct source_seen next_seen;	/* at next_cursor */
};

/* A response, complete. */
struct source_response {
	int status;
	struct leat_buf body;
	char *etag;
	char *modified;
	char *link;		/* Link header, all of them joined */
	char *cursor;		/* the header cursor.header */
	char *retry_after;
	bool ndjson;		/* by Content-Type */
};

enum source_phase {
	PHASE_WAIT,		/* until next_ms */
	PHASE_FETCH,
	PHASE_DELIVER
};

struct http_source {
	struct leat_task *task;
	const struct source_config *cfg;
	struct http_status_set retry;
	struct http_template url;	/* without the cursor parameter */
	struct http_template url_cursor;	/* with it */
	struct http_template body;
	struct http_template headers[SOURCE_HEADERS_MAX];
	char *url_text;		/* what the templates point into */
	char *url_cursor_text;
	char *partition;
	struct source_state state;
	enum source_phase phase;
	int64_t next_ms;	/* WAIT: until then */
	uint32_t attempt;
	struct http_backoff backoff;
	/* The request under way. */
	CURL *easy;
	CURLM *multi;
	struct curl_slist *lines;
	struct leat_buf request_url;
	struct leat_buf request_body;
	int epoll_fd;
	int64_t timer_ms;	/* libcurl wants to run then; -1: not */
	bool running;
	bool too_big;
	char detail[CURL_ERROR_SIZE];
	struct source_response resp;
	/* The records of the response. */
	struct leat_arena arena;
	struct leat_value doc;
	const struct leat_value *records;
	uint32_t nrecords;
	uint32_t at;		/* next to deliver */
	uint64_t body_hash;
	bool warned;		/* a changed prefix was logged */
	int64_t *m_requests;
	int64_t *m_retries;
	int64_t *m_records;
	int64_t *m_skipped;
	int64_t *m_bytes;
};

extern const struct leat_option source_options[];
int source_options_check(const struct source_config *c, struct leat_err *err);

void source_state_fini(struct source_state *st);
/* Reads a stored offset. 0, or class CONFIG. */
int source_state_parse(struct source_state *st, const char *text,
    struct leat_err *err);
/* Appends it as JSON. 0 or -1. */
int source_state_print(const struct source_state *st, struct leat_buf *b);
/* Replaces an owned string by a copy (NULL: none). 0 or -1. */
int source_set(char **at, const char *text, size_t len);

bool source_seen_has(const struct source_seen *s, uint64_t hash);
/* Adds one; the oldest goes when it is full. */
void source_seen_add(struct source_seen *s, uint64_t hash);

/* Prepares url templates and the partition. 0, or negative with err. */
int source_page_init(struct http_source *s, struct leat_err *err);
/* The URL of the next request into s->request_url, its body likewise. */
int source_page_request(struct http_source *s, struct leat_err *err);
/* A record was looked at: moves next_cursor. 0 or -ENOMEM. */
int source_page_record(struct http_source *s, const struct leat_value *rec,
    uint64_t hash);
/* Is this record one that was delivered before at the same cursor? */
bool source_page_seen(const struct http_source *s,
    const struct leat_value *rec, uint64_t hash);
/*
 * All records of the response are delivered: the next request.
 * 1: at once, 0: after the poll interval, negative with err filled.
 */
int source_page_advance(struct http_source *s, struct leat_err *err);
/* Appends a text for a value that serves as cursor. */
int source_page_variable(const void *ctx, const struct http_part *part,
    struct leat_buf *out, struct leat_err *err);

int source_fetch_open(struct http_source *s, struct leat_err *err);
void source_fetch_close(struct http_source *s);
/* Starts the request in s->request_url. 0, or negative with err filled. */
int source_fetch_start(struct http_source *s, struct leat_err *err);
/* 1: s->resp is complete; 0: not yet, wait on epoll_fd; negative with err. */
int source_fetch_run(struct http_source *s, struct leat_err *err);
/* How long to wait at most, ms. */
int64_t source_fetch_wait_ms(const struct http_source *s);

extern const struct leat_source_ops http_source_ops;

#endif
