/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_resume.h: may the stream go on at the stored position?
 *
 * A position is of one database cluster, one timeline of its log, and one life
 * of a slot. Where one of these is another now, changes may be missing between
 * the position and what the slot can give: that is said, with what to do, and
 * never passed over in silence.
 */
#ifndef LEAT_PG_RESUME_H
#define LEAT_PG_RESUME_H

#include "pg_checks.h"
#include "pg_position.h"
#include "pg_slot.h"

/*
 * 1: yes, from *pos, which offset.mismatch.strategy may have moved to the
 * slot's; 0: no, with the reason in err, in words for the case that nothing can
 * be done about it; negative: the server could not be asked. `repl` is a
 * replication connection.
 */
int pg_resume_check(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_server *srv, const struct pg_slot *slot,
    struct pg_position *pos, struct leat_err *err);

/*
 * Where a timeline was left, in the history file of a later one: its end, or 0
 * when the file does not name it.
 */
uint64_t pg_timeline_end(const char *history, uint32_t timeline);

#endif
