/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_command.h: the START_REPLICATION command and its options.
 */
#ifndef LEAT_PG_COMMAND_H
#define LEAT_PG_COMMAND_H

#include <leat/buf.h>

#include "pg_conn.h"

/*
 * Writes the command for a stream from `from` on, with streaming of large
 * transactions or without; check b->failed.
 */
void pg_command_write(struct pg_conn *repl, const struct pg_config *cfg,
    uint64_t from, int streaming, struct leat_buf *b);

/* Is slot.stream.params well formed? It may be NULL. */
int pg_command_check(const char *params, struct leat_err *err);

#endif
