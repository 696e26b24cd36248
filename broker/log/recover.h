/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.h: the two halves of loading a partition: putting its files in order
 * and reading its segments.
 */
#ifndef LEAT_BROKER_RECOVER_H
#define LEAT_BROKER_RECOVER_H

#include "broker/log/dir_list.h"
#include "broker/log/partition.h"

/*
 * Ends what a compaction or a deletion left half done and removes what belongs
 * to no segment.
 */
int recover_files(struct broker_partition *p, struct leat_err *err);
/* Makes segment structs of the files; nothing is read yet. */
int recover_list(struct broker_partition *p, const struct dir_list *files,
    struct leat_err *err);
/* "<20 digits><suffix>": the number, or -1. */
int64_t recover_parse_name(const char *name, const char *suffix);
/*
 * Reads segments[i] from its start, rebuilding indexes and producer state:
 * before the recovery point the headers alone, from there on everything.
 * 0, or 1 when bad bytes begin at *ret_bad; the segment then ends there.
 */
int recover_scan(struct broker_partition *p, size_t i, int64_t recovery_point,
    int64_t *ret_bad, struct recovered *stats, struct leat_err *err);
/* Do valid batches stand anywhere behind a position, or in later segments? */
int recover_more_behind(struct broker_partition *p, size_t i, int64_t pos,
    int64_t file_size, struct leat_err *err);
/* One batch's effect on the producers, for scans. */
int recover_replay(struct broker_partition *p, struct segment *note_aborted,
    const struct batch_header *h, const uint8_t *batch, struct leat_err *err);
/*
 * Does a message of a format older than Kafka 0.11's stand at byte pos? Such a
 * log is not read, and not to be taken for a torn one.
 */
bool recover_is_old_format(struct broker_partition *p, size_t i, int64_t pos,
    int64_t file_size);

#endif
