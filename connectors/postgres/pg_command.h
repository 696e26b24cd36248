/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_command.h: the START_REPLICATION command and its options.
 */
#ifndef LEAT_PG_COMMAND_H
#define LEAT_PG_COMMAND_H

#include <leat/buf.h>

#include "pg_conn.h"

struct pg_command {
	uint64_t from;		/* where the stream is to begin */
	int protocol;		/* of pgoutput: 1 .. 4 */
	int streaming;		/* large transactions come while they run */
	int two_phase;		/* prepared ones come at their PREPARE */
};

/* The version of the protocol: the server's best, or what the options say. */
int pg_command_protocol(const struct pg_config *cfg, int server);

/* Writes the command; check b->failed. */
void pg_command_write(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_command *c, struct leat_buf *b);

/* Does streaming.protocol.version have what the other options ask for? */
int pg_command_check_protocol(const struct pg_config *cfg,
    struct leat_err *err);

/* Is slot.stream.params well formed? It may be NULL. */
int pg_command_check(const char *params, struct leat_err *err);

#endif
