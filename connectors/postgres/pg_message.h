/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_message.h: logical decoding messages (pg_logical_emit_message) as records
 * of topic <prefix>.message.
 */
#ifndef LEAT_PG_MESSAGE_H
#define LEAT_PG_MESSAGE_H

#include "pg_emit.h"

struct pg_messages {
	const char *topic;
	const struct leat_schema *key;
	const struct leat_schema *value;
	struct pg_filter include;	/* of prefixes */
	struct pg_filter exclude;
	int64_t *m_events;
};

int pg_messages_init(struct pg_messages *m, const struct pg_emit *e,
    struct leat_arena *a, struct leat_err *err);
/* Accepts a zeroed one. */
void pg_messages_fini(struct pg_messages *m);

/* Do the lists of prefixes let it through? The prefix ends with a NUL. */
int pg_messages_wants(const struct pg_messages *m, struct leat_str prefix);

/*
 * Adds its record. The message must stay where it is as long as the batch.
 * 0 or PG_CONV_NOMEM.
 */
int pg_messages_emit(const struct pg_messages *m, struct pg_emit *e,
    struct leat_batch *b, const struct pgo_message *msg, uint64_t lsn);

#endif
