/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake.h: the parts of the fake host, private to the test kit.
 */
#ifndef LEAT_TESTKIT_FAKE_H
#define LEAT_TESTKIT_FAKE_H

#include <stdbool.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/fake_host.h>
#include <leat/map.h>
#include <leat/options.h>

/* A growing array of pointers to things in the fake's arena. */
struct fake_list {
	void **items;
	size_t len;
	size_t cap;
};

struct fake_metric {
	const char *name;
	int32_t type;
	int64_t value;
};

/* A record of the topics that a source reads. */
struct fake_topic_record {
	const char *topic;
	const char *key;	/* NULL: null */
	const char *value;
};

struct fake_failure {
	uint32_t index;
	struct leat_err err;
};

/* What one task of a plan overrides. */
struct fake_plan {
	const struct leat_param *params;
	uint32_t n;
};

/* One allocation that a callback must not keep. */
struct fake_loan {
	struct fake_loan *next;
	uint64_t reserved;	/* keeps what follows 16-byte aligned */
};

struct leat_fake {
	struct leat_task_head head;	/* must be first */
	const struct leat_connector *connector;
	void *self;
	bool open;
	int stopping;		/* atomic */
	int wake;		/* eventfd, readable once stopping */
	struct leat_err err;
	char broken[256];	/* the first rule that was broken */
	struct leat_arena arena;	/* lives as long as the fake */

	struct leat_map settings;
	struct leat_arena config_arena;	/* lives from open to close */
	void *config;
	struct fake_list plans;	/* of struct fake_plan */

	struct leat_schema_pool *pool;	/* of this open() */
	struct fake_list old_pools;	/* still named by records */

	struct leat_batch batch;
	struct fake_loan *batch_loans;	/* freed before the next poll() */
	struct fake_loan *call_loans;	/* freed when the callback returned */
	uint64_t batch_bytes;
	uint32_t limit_records;
	uint64_t limit_bytes;
	uint32_t fail_at;	/* counts down; 1 fails, and goes on failing */
	bool has_failed;
	bool in_poll;
	bool position_failed;	/* in this poll() */

	struct fake_list topic;	/* of struct fake_topic_record */
	struct fake_list records;	/* of struct leat_record */
	struct fake_list positions;	/* of struct leat_fake_position */
	size_t durable;		/* positions that are */
	struct leat_map offsets;	/* canonical partition -> offset text */

	const struct leat_sink_batch *putting;
	uint8_t *acked;		/* of the last put(), one byte per record */
	uint32_t nacked;
	bool refuse_failures;
	struct fake_list failures;
	int64_t next_offset;

	struct fake_list logs;	/* of char */
	struct fake_list metrics;
	const char *status;

	int32_t wait_fd;
	int32_t wait_events;
	int64_t wait_ms;
	bool scripted;
	int64_t clock_us;
};

extern const struct leat_host fake_table;

/* Ends the program where memory ended. */
void *fake_need(void *p);
void fake_add(struct fake_list *list, void *item);
char *fake_strdup(struct leat_fake *f, const char *s);
/* Remembers that a rule was broken; the driver reports the first one. */
void fake_broken(struct leat_fake *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Behind every callback: what it may not keep ends, and the rules are looked
 * at. Returns what the callback did, or LEAT_E_STATE.
 */
int fake_returned(struct leat_fake *f, const char *callback, int rc);
int fake_not_open(struct leat_fake *f, const char *callback);

/* Memory by itself, on a list; and the end of all of them. */
void *fake_lend(struct fake_loan **loans, size_t size);
void fake_end_loans(struct fake_loan **loans);

/* Copies a record with all it points to; schemas stay. */
void fake_copy_record(struct leat_arena *arena, struct leat_record *to,
    const struct leat_record *from);
struct leat_value fake_copy_value(struct leat_arena *arena,
    const struct leat_value *v);
/* The canonical text of a JSON object, or NULL if it is none. */
const char *fake_canonical(struct leat_fake *f, const char *json);
int64_t fake_mono_ms(const struct leat_fake *f);

#endif
