/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h: the committed records of a topic, read through the worker's REST
 * API. A reader remembers where it stands, also over restarts of the worker.
 */
#ifndef LEAT_TESTS_HARNESS_READER_H
#define LEAT_TESTS_HARNESS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/value.h>

#include "tests/harness/th_worker.h"

struct th_reader;

/* A record; all of it is valid until the callback returns. */
struct th_record {
	int32_t partition;
	int64_t offset;
	int64_t timestamp;
	const char *key;	/* NULL: none */
	const char *value;	/* NULL: a tombstone */
	const struct leat_value *headers;	/* [{"name":..,"value":..}] */
};

typedef void th_record_fn(void *arg, const struct th_record *rec);

struct th_reader *th_reader_open(struct th_worker *w, const char *topic);
/* Accepts NULL. */
void th_reader_close(struct th_reader *r);

/*
 * Reads what there is now, about up to the end; records are given to fn (NULL:
 * only counted). Their number; 0 also when the topic is not there yet.
 */
size_t th_reader_read(struct th_reader *r, th_record_fn *fn, void *arg);

/* Records read since the beginning. */
size_t th_reader_count(const struct th_reader *r);

/* Reads on until n records were read in all; the test fails after the time. */
void th_reader_wait(struct th_reader *r, size_t n, int timeout_ms,
    th_record_fn *fn, void *arg);

/* The value of a record's header as text, or NULL. */
const char *th_record_header(const struct th_record *rec, const char *name);

#endif
