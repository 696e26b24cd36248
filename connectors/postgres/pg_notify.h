/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_notify.h: what snapshots tell about their progress: records of a topic,
 * lines of the log.
 *
 * A notification waits here until a batch has room for it. A source gives no
 * position while one waits, so that it is stored together with what it tells.
 */
#ifndef LEAT_PG_NOTIFY_H
#define LEAT_PG_NOTIFY_H

#include <stdint.h>

#include <leat/connector.h>

#include "pg_config.h"

enum { PG_NOTIFY_FIELDS = 8, PG_NOTIFY_WAITING = 1024 };

#define PG_NOTIFY_INITIAL "Initial Snapshot"
#define PG_NOTIFY_INCREMENTAL "Incremental Snapshot"
#define PG_NOTIFY_SIGNAL "Signal"

/* One member of additional_data. */
struct pg_notify_field {
	const char *name;	/* a constant */
	const char *value;	/* NULL: the field is left out */
};

struct pg_notice {
	char id[64];
	const char *type;	/* constants */
	const char *aggregate;
	int64_t timestamp_ms;
	uint32_t nfields;
	struct pg_notify_field fields[PG_NOTIFY_FIELDS];
	struct pg_notice *next;
};

struct pg_notify {
	struct leat_task *task;
	const char *prefix;
	const char *topic;	/* NULL: no channel sink */
	int log;
	const struct leat_schema *key_schema;
	const struct leat_schema *value_schema;
	struct pg_notice *first;	/* those that wait */
	struct pg_notice *last;
	uint32_t waiting;
	struct pg_notice *sent;	/* a batch refers to them */
};

int pg_notify_init(struct pg_notify *n, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, struct leat_err *err);
/* Accepts a zeroed one. */
void pg_notify_fini(struct pg_notify *n);

/*
 * Tells. `id` is that of the signal behind it, NULL: a new one. The member
 * connector_name comes by itself, in front of `fields`, which are copied. Of
 * more than PG_NOTIFY_WAITING that wait, the newest are logged and dropped.
 */
void pg_notify(struct pg_notify *n, const char *id, const char *aggregate,
    const char *type, const struct pg_notify_field *fields, uint32_t nfields);

/* Frees what the batch before referred to. */
void pg_notify_sweep(struct pg_notify *n);

/* Adds those that wait to the batch. 0, or PG_CONV_NOMEM. */
int pg_notify_flush(struct pg_notify *n, struct leat_batch *b);

/* Does anybody listen? */
static inline int
pg_notify_is_on(const struct pg_notify *n)
{
	return n->topic != NULL || n->log;
}

static inline int
pg_notify_waits(const struct pg_notify *n)
{
	return n->first != NULL;
}

/* A random UUID as text. */
int pg_uuid(char to[37], struct leat_err *err);

#endif
