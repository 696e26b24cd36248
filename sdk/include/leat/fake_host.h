/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_host.h: a worker for unit tests of connectors (link libtestkit.a, or
 * libleat-testkit.a where it is installed, in front of libleat.a).
 *
 * It runs one task of one connector in the calling thread: fills the config
 * from text as the worker does, calls the callbacks when the test says so, and
 * keeps what they produce. It is strict where the worker is tolerant: a broken
 * rule of connector.h makes the call fail with LEAT_E_STATE and a text. And it
 * is hostile within the rules: every piece of batch memory is an allocation of
 * its own that is freed before the next poll(), as are strings and records once
 * their callback has returned, so that a sanitizer or valgrind finds a
 * connector that keeps them.
 *
 *	struct leat_fake *f = leat_fake_new(&counter_source);
 *
 *	leat_fake_set(f, "topic", "t");
 *	assert_int_equal(leat_fake_open(f), 0);
 *	assert_int_equal(leat_fake_poll(f), 2);
 *	assert_string_equal(leat_fake_json(f, 0), "{\"topic\":\"t\",...");
 *	leat_fake_free(f);
 *
 * Calls that drive the connector return what it returned, and leat_fake_err()
 * has the error. Strings that are handed out stay valid until leat_fake_free().
 * Where memory ends the program ends.
 */
#ifndef LEAT_FAKE_HOST_H
#define LEAT_FAKE_HOST_H

#include <stddef.h>
#include <stdint.h>

#include <leat/connector.h>
#include <leat/err.h>

struct leat_fake;

/* A task of this connector, not open yet. Close and free it at the end. */
struct leat_fake *leat_fake_new(const struct leat_connector *connector);
/* Closes the connector if it is open. Accepts NULL. */
void leat_fake_free(struct leat_fake *f);

/* The task as the connector sees it, for calling its callbacks by hand. */
struct leat_task *leat_fake_task(struct leat_fake *f);
/* What open() gave as its state. */
void *leat_fake_self(struct leat_fake *f);
/* The error of the last call that failed. */
const struct leat_err *leat_fake_err(const struct leat_fake *f);

/* ------------------------------------------------------- configuration */

/* Sets an option for the next open(); NULL takes it back. */
void leat_fake_set(struct leat_fake *f, const char *key, const char *value);
/*
 * Fills the config and calls check(). LEAT_E_CONFIG: everything wrong, as
 * "key: text; key: text".
 */
int leat_fake_validate(struct leat_fake *f);
/* Calls plan(): the number of tasks, 1 where there is no plan(). */
int leat_fake_plan(struct leat_fake *f, int32_t max_tasks);
/* What task i of the plan overrides, or NULL. */
const char *leat_fake_planned(struct leat_fake *f, size_t i, const char *key);

/* ----------------------------------------------------- driving a source */

/* Fills the config, calls check(), then open(). */
int leat_fake_open(struct leat_fake *f);
void leat_fake_close(struct leat_fake *f);
/*
 * Calls poll(): the number of records it added, or its error. Of a poll that
 * failed the records in front of its last position are kept, as in the worker.
 */
int leat_fake_poll(struct leat_fake *f);
/*
 * Waits as the connector asked with leat_wait(): 1 when its fd is ready or the
 * task was stopped, 0 when the time is up. With a scripted clock no time
 * passes: the clock is moved on instead.
 */
int leat_fake_wait(struct leat_fake *f);
/*
 * Polls, waits and ticks until `n` records are there in all: 0, -ETIME, or the
 * connector's error.
 */
int leat_fake_run(struct leat_fake *f, size_t n, int64_t timeout_ms);
/*
 * Makes everything up to position i durable: the offsets are stored, so that
 * the next open() finds them, and durable() is called, once per partition.
 */
int leat_fake_durable_to(struct leat_fake *f, size_t i);
/* The same up to the last position. */
int leat_fake_durable(struct leat_fake *f);
int leat_fake_tick(struct leat_fake *f);
/* Calls signal(); LEAT_E_NOTFOUND when the source has none. */
int leat_fake_signal(struct leat_fake *f, const char *id, const char *type,
    const char *data);
/* Adds a record to a topic that leat_topic_next() reads; NULL is a null. */
void leat_fake_topic_add(struct leat_fake *f, const char *topic,
    const char *key, const char *value);
/* Sets stopping and calls interrupt(). @thread any */
void leat_fake_stop(struct leat_fake *f);

/* -------------------------------------------------------- driving a sink */

/*
 * Calls put(), with copies that are freed afterwards. Where a record has no
 * origin it gets one: its topic, partition 0, the next offset.
 */
int leat_fake_put(struct leat_fake *f, const struct leat_record *records,
    uint32_t n);
/* Puts one schemaless record from JSON texts; NULL is a null. */
int leat_fake_put_json(struct leat_fake *f, const char *topic,
    const char *key, const char *value);
int leat_fake_flush(struct leat_fake *f);

/* Of the last put(): was the record acknowledged? */
int leat_fake_acked(const struct leat_fake *f, uint32_t index);
/* All records that the sink failed, oldest first. */
size_t leat_fake_failures(const struct leat_fake *f);
const struct leat_err *leat_fake_failure(const struct leat_fake *f, size_t i);
/* The record's place in its put(). */
uint32_t leat_fake_failed_index(const struct leat_fake *f, size_t i);
/* 1: failed records are taken over (the default); 0: leat_sink_fail refuses. */
void leat_fake_tolerate(struct leat_fake *f, int tolerate);

/* --------------------------------------------- what a source has produced */

size_t leat_fake_count(const struct leat_fake *f);
/* Deep copies, with the topic, schemas and headers. */
const struct leat_record *leat_fake_record(const struct leat_fake *f,
    size_t i);
/*
 * {"topic":"t","partition":0,"timestamp":1,"key":..,"value":..,"headers":{..}}
 * without partition, timestamp and headers where they are not set. Structs are
 * objects, bytes base64; a null is null.
 */
const char *leat_fake_json(struct leat_fake *f, size_t i);
const char *leat_fake_key(struct leat_fake *f, size_t i);
const char *leat_fake_value(struct leat_fake *f, size_t i);
/* Forgets records and positions, but not the stored offsets. */
void leat_fake_clear(struct leat_fake *f);

/* A position, and the number of records in front of it. */
struct leat_fake_position {
	const char *partition;
	const char *offset;
	size_t nrecords;
};

size_t leat_fake_positions(const struct leat_fake *f);
const struct leat_fake_position *leat_fake_position(const struct leat_fake *f,
    size_t i);
/* The stored offset of a partition (JSON, compared as JSON), or NULL. */
const char *leat_fake_offset(struct leat_fake *f, const char *partition);
/* Presets it, as if an earlier run had left it; NULL removes it. */
void leat_fake_set_offset(struct leat_fake *f, const char *partition,
    const char *offset);

/* ----------------------------------------------------------- the rest */

/* Log lines: how many contain `part` in "level message fields"? */
size_t leat_fake_logged(const struct leat_fake *f, const char *part);
/* A metric's value, 0 if there is none of that name. */
int64_t leat_fake_metric(const struct leat_fake *f, const char *name);
/* The last status object, or NULL. */
const char *leat_fake_status(const struct leat_fake *f);

/* From now on the clocks stand still, but for what the test adds. */
void leat_fake_set_clock(struct leat_fake *f, int64_t now_us);
void leat_fake_add_clock(struct leat_fake *f, int64_t us);

/* A batch is full after this many records (default 500) or bytes (1 MiB). */
void leat_fake_batch_limits(struct leat_fake *f, uint32_t records,
    uint64_t bytes);
/*
 * The n-th (from 1) thing that may run out of memory does so from now on: batch
 * memory, adding a record or a position, interning a schema. 0: none does.
 */
void leat_fake_fail_at(struct leat_fake *f, uint32_t n);
/* Did that happen? */
int leat_fake_has_failed(const struct leat_fake *f);

#endif
