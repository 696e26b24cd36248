/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: how commands talk to a running worker: its REST API, over plain
 * HTTP/1.1, one request per connection.
 */
#ifndef LEAT_CORE_CLI_CLIENT_H
#define LEAT_CORE_CLI_CLIENT_H

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>
#include <leat/value.h>

#define CLIENT_URL_DEFAULT "http://127.0.0.1:8083"

struct answer {
	int status;		/* of HTTP */
	struct leat_buf body;
	struct leat_arena arena;
	struct leat_value json;	/* the body parsed, in the arena */
};

/*
 * Sends a request. path is appended to the URL ("http://host:port"); body may
 * be NULL. 0 for any answer of 2xx; otherwise an exit code, and what is wrong
 * was printed. The answer must be released in any case.
 */
int client_call(const char *url, const char *method, const char *path,
    const char *body, struct answer *ret_answer);
void answer_release(struct answer *a);

/* Appends a part of a path with what is special percent-encoded. */
void client_add_part(struct leat_buf *path, const char *part);

/* Members of a JSON object, with "" and 0 for what is not there. */
struct leat_str json_text_of(const struct leat_value *map, const char *name);
int64_t json_int_of(const struct leat_value *map, const char *name);

#endif
