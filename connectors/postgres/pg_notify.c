/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <leat/buf.h>

#include "pg_types.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

/* The members of a notification, by place. */
enum { VALUE_ID, VALUE_TYPE, VALUE_AGGREGATE, VALUE_DATA, VALUE_TIME, VALUE_N };

int
pg_uuid(char to[37], struct leat_err *err)
{
	uint8_t r[16];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return leat_err_errno(err, LEAT_CLS_RETRY, "random numbers");
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	(void)snprintf(to, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4],
	    r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
	    r[15]);
	return 0;
}

/* ------------------------------------------------------------------ set-up */

static int
make_schemas(struct pg_notify *n, struct leat_err *err)
{
	const struct leat_schema *text = leat_schema_plain(LEAT_STRING, 0);
	struct leat_field key = { .name = "id", .schema = text };
	struct leat_schema map = { .kind = LEAT_MAP, .optional = 1,
		.key = text, .elem = text };
	struct leat_field value[VALUE_N] = {
		[VALUE_ID] = { .name = "id", .schema = text },
		[VALUE_TYPE] = { .name = "type", .schema = text },
		[VALUE_AGGREGATE] = { .name = "aggregate_type",
		    .schema = text },
		[VALUE_DATA] = { .name = "additional_data", .schema = &map },
		[VALUE_TIME] = { .name = "timestamp",
		    .schema = leat_schema_plain(LEAT_INT64, 0) },
	};
	struct leat_schema ks = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.common.NotificationKey",
		.fields = &key, .nfields = 1 };
	struct leat_schema vs = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.common.Notification",
		.fields = value, .nfields = VALUE_N };

	n->key_schema = leat_schema_intern(n->task, &ks, err);
	n->value_schema = n->key_schema == NULL ? NULL :
	    leat_schema_intern(n->task, &vs, err);
	return n->value_schema == NULL ?
	    leat_err_wrap(err, "schema of the notifications") : 0;
}

int
pg_notify_init(struct pg_notify *n, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, struct leat_err *err)
{
	int32_t channels = pg_config_notify_channels(cfg, err);

	*n = (struct pg_notify){ .task = t, .prefix = prefix };
	if (channels < 0)
		return channels;
	n->log = (channels & PG_CHANNEL_LOG) != 0;
	if ((channels & PG_CHANNEL_SINK) == 0)
		return 0;
	n->topic = cfg->notify_topic;
	return make_schemas(n, err);
}

static void
free_list(struct pg_notice *one)
{
	while (one != NULL) {
		struct pg_notice *next = one->next;

		for (uint32_t i = 0; i < one->nfields; i++)
			free((char *)(uintptr_t)one->fields[i].value);
		free(one);
		one = next;
	}
}

void
pg_notify_sweep(struct pg_notify *n)
{
	free_list(n->sent);
	n->sent = NULL;
}

void
pg_notify_fini(struct pg_notify *n)
{
	pg_notify_sweep(n);
	free_list(n->first);
	n->first = n->last = NULL;
	n->waiting = 0;
}

/* ----------------------------------------------------------------- telling */

static void
log_notice(struct pg_notify *n, const struct pg_notice *one)
{
	struct leat_buf b;

	leat_buf_init(&b, LINE_MAX_BYTES);
	(void)leat_buf_printf(&b, "type=%s aggregate=\"%s\" id=%s", one->type,
	    one->aggregate, one->id);
	for (uint32_t i = 0; i < one->nfields; i++)
		(void)leat_buf_printf(&b, " %s=\"%s\"", one->fields[i].name,
		    one->fields[i].value);
	leat_log_notice(n->task, "notification", "%s",
	    leat_buf_cstr(&b) == NULL ? "(too long)" : leat_buf_cstr(&b));
	leat_buf_fini(&b);
}

static struct pg_notice *
notice_new(struct pg_notify *n, const struct pg_notify_field *fields,
    uint32_t nfields)
{
	struct pg_notify_field all[PG_NOTIFY_FIELDS] = {
		{ "connector_name", n->prefix }
	};
	struct pg_notice *one = calloc(1, sizeof(*one));
	uint32_t k = 1;

	if (one == NULL)
		return NULL;
	for (uint32_t i = 0; i < nfields && k < PG_NOTIFY_FIELDS; i++)
		if (fields[i].value != NULL)
			all[k++] = fields[i];
	for (uint32_t i = 0; i < k; i++) {
		one->fields[i].name = all[i].name;
		one->fields[i].value = strdup(all[i].value);
		if (one->fields[i].value == NULL) {
			free_list(one);
			return NULL;
		}
		one->nfields++;
	}
	return one;
}

static void
enqueue(struct pg_notify *n, struct pg_notice *owned_one)
{
	if (n->last != NULL)
		n->last->next = owned_one;
	else
		n->first = owned_one;
	n->last = owned_one;
	n->waiting++;
}

void
pg_notify(struct pg_notify *n, const char *id, const char *aggregate,
    const char *type, const struct pg_notify_field *fields, uint32_t nfields)
{
	struct pg_notice *one;

	if (!pg_notify_is_on(n))
		return;
	one = notice_new(n, fields, nfields);
	if (one == NULL)
		return;		/* out of memory: the snapshot goes on */
	one->type = type;
	one->aggregate = aggregate;
	one->timestamp_ms = leat_now_us(n->task) / 1000;
	if (id != NULL && id[0] != '\0')
		(void)snprintf(one->id, sizeof(one->id), "%.63s", id);
	else if (pg_uuid(one->id, NULL) < 0)
		one->id[0] = '\0';
	if (n->log)
		log_notice(n, one);
	if (n->topic == NULL || n->waiting == PG_NOTIFY_WAITING) {
		if (n->topic != NULL)
			leat_log_warn(n->task, "notification dropped, too many "
			    "wait", "type=%s", type);
		free_list(one);
		return;
	}
	enqueue(n, one);
}

/* ----------------------------------------------------------------- records */

static int
add_record(struct pg_notify *n, const struct pg_notice *one,
    struct leat_batch *b)
{
	struct leat_value *v = leat_batch_alloc(b, (1 + VALUE_N +
	    2 * PG_NOTIFY_FIELDS) * sizeof(*v));
	struct leat_value *value = v + 1, *pairs = v + 1 + VALUE_N;
	struct leat_record rec = { .topic = n->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = LEAT_TIMESTAMP_NONE,
		.key_schema = n->key_schema,
		.value_schema = n->value_schema };

	if (v == NULL)
		return PG_CONV_NOMEM;
	v[0] = leat_cstring(one->id);
	value[VALUE_ID] = leat_cstring(one->id);
	value[VALUE_TYPE] = leat_cstring(one->type);
	value[VALUE_AGGREGATE] = leat_cstring(one->aggregate);
	value[VALUE_TIME] = leat_i64(one->timestamp_ms);
	for (uint32_t i = 0; i < one->nfields; i++) {
		pairs[2 * i] = leat_cstring(one->fields[i].name);
		pairs[2 * i + 1] = leat_cstring(one->fields[i].value);
	}
	value[VALUE_DATA] = leat_items(LEAT_MAP, pairs, one->nfields);
	rec.key = leat_items(LEAT_STRUCT, v, 1);
	rec.value = leat_items(LEAT_STRUCT, value, VALUE_N);
	return leat_batch_add(b, &rec) < 0 ? PG_CONV_NOMEM : 0;
}

int
pg_notify_flush(struct pg_notify *n, struct leat_batch *b)
{
	while (n->first != NULL) {
		struct pg_notice *one = n->first;
		int rc = add_record(n, one, b);

		if (rc != 0)
			return rc;
		n->first = one->next;
		if (n->first == NULL)
			n->last = NULL;
		n->waiting--;
		one->next = n->sent;
		n->sent = one;
	}
	return 0;
}
