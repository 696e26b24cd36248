/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_meter.h: the numbers of a stream in /metrics.
 */
#ifndef LEAT_PG_METER_H
#define LEAT_PG_METER_H

#include "pg_stream.h"

void pg_meter_init(struct pg_stream *s);

/* Once per poll, with the number of records that it made. */
void pg_meter_poll(struct pg_stream *s, uint32_t nrecords);

/* Whenever the server is told something. */
void pg_meter_status(struct pg_stream *s);

#endif
