/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_session.h: fetch sessions (KIP-227): the broker remembers which
 * partitions a consumer reads and what it was told of them, so that requests
 * and answers carry only what has changed.
 *
 * A session belongs to one request at a time, from fetch_session_take or
 * _create until fetch_session_release; who asks for it in between is told that
 * its epoch is wrong. While it is taken, the holder alone touches its parts.
 * The table of sessions may be used from any thread.
 */
#ifndef LEAT_BROKER_KAFKA_FETCH_SESSION_H
#define LEAT_BROKER_KAFKA_FETCH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/map.h>

#include "broker/broker.h"
#include "broker/kafka/kafka_error.h"

struct fetch_sessions;

/* A partition that a request, or a session, reads. */
struct fetch_part {
	struct fetch_part *prev, *next;	/* in the order of the answer */
	const char *topic;		/* NULL: by id, and not found yet */
	uint8_t id[16];
	int32_t number;
	int32_t leader_epoch;		/* as the client knows it, -1: no */
	int32_t fetched_epoch;		/* of its last record, -1: no */
	int64_t offset;
	int32_t max_bytes;
	/* What we know. */
	struct broker_partition *part;	/* counted, or NULL */
	struct broker_waiter waiter;
	bool waiting;
	/* What the answer says, or said last. */
	enum kafka_error error;
	int64_t high_watermark;
	int64_t log_start;
	int32_t diverging_epoch;	/* -1: the client's log is a prefix */
	int64_t diverging_end;
	int64_t end;			/* of what it may see */
	/* Of a session. */
	char *owned_topic;
};

struct fetch_list {
	struct fetch_part *head, *tail;
	int32_t n;
};

void fetch_list_add(struct fetch_list *l, struct fetch_part *p);
void fetch_list_remove(struct fetch_list *l, struct fetch_part *p);

struct fetch_session {
	int32_t id;
	int32_t epoch;			/* of the next request */
	bool by_id;			/* of topics; else by name */
	struct fetch_list list;
	struct leat_map by_key;		/* topic and number to fetch_part */
	/* The table's. */
	struct fetch_session *prev, *next;	/* least recently used first */
	int64_t used_ns;
	int32_t counted;		/* parts, as the table counts them */
	bool taken;
	bool dropped;			/* out of the table: goes on release */
};

/* max: of sessions, 0: none. NULL without memory. */
struct fetch_sessions *fetch_sessions_new(int32_t max);
/* None may be taken. Accepts NULL. */
void fetch_sessions_free(struct fetch_sessions *t);
/* How many there are. */
int32_t fetch_sessions_count(struct fetch_sessions *t);

/*
 * A session for `n` partitions, taken; NULL when there is no room for one. Its
 * first epoch is 1.
 */
struct fetch_session *fetch_session_create(struct fetch_sessions *t,
    int32_t n, bool by_id);
/*
 * The session of an incremental request: 0, FETCH_SESSION_ID_NOT_FOUND,
 * INVALID_FETCH_SESSION_EPOCH or FETCH_SESSION_TOPIC_ID_ERROR. It expects the
 * next epoch afterwards.
 */
enum kafka_error fetch_session_take(struct fetch_sessions *t, int32_t id,
    int32_t epoch, bool by_id, struct fetch_session **ret_session);
/* Gives it back; an empty one ends. */
void fetch_session_release(struct fetch_sessions *t, struct fetch_session *s);
/* Ends the session, if there is one. */
void fetch_session_close(struct fetch_sessions *t, int32_t id);

/*
 * The session's part for a topic (by name, or by id) and number: found, or
 * made. NULL without memory, or when the session is full.
 */
struct fetch_part *fetch_session_part(struct fetch_session *s,
    const char *topic, const uint8_t id[16], int32_t number);
/* Forgets a part; its waiter must have been stopped. */
void fetch_session_forget(struct fetch_session *s, const char *topic,
    const uint8_t id[16], int32_t number);

#endif
