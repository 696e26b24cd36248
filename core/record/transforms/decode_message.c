/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode_message.c: Debezium's DecodeLogicalDecodingMessageContent: a message
 * that a transaction wrote into PostgreSQL's log (pg_logical_emit_message) as
 * the insert of a row, whose columns are the members of the message's JSON.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/json_shape.h"
#include "core/record/value_text.h"

#define MESSAGE_VALUE "io.debezium.connector.postgresql.MessageValue"

struct config {
	int32_t keep_nulls;
};

/* What is known of a message's schema. */
struct message_plan {
	int32_t message; /* its fields */
	int32_t op;
	int32_t content; /* the field of `message` */
	/* The last schema that came out, and the row's that it has. */
	const struct leat_schema *out;
	const struct leat_schema *row;
};

struct decoder {
	struct json_shape shape;
	struct plans plans; /* struct message_plan by message */
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "fields.null.include", NULL, LEAT_OPT_BOOL, 0, "false", 0, 0, NULL,
	  offsetof(struct config, keep_nulls),
	  "Keep members that are null, as optional bytes.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
decoder_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct decoder *self = t->self;

	self->shape = (struct json_shape){ .pool = t->pool,
		.keep_nulls = cfg->keep_nulls };
	return 0;
}

/* ----------------------------------------------------------------- schemas */

static int
fill_plan(const struct leat_schema *in, struct message_plan *p,
    struct leat_err *err)
{
	const struct leat_schema *message, *content;

	p->message = leat_schema_field(in, "message");
	p->op = leat_schema_field(in, "op");
	message = p->message < 0 ? NULL : in->fields[p->message].schema;
	p->content = message == NULL ? -1
	    : leat_schema_field(message, "content");
	if (p->op < 0 || p->content < 0)
		return record_error(err, "a logical decoding message without "
		    "op or message.content");
	content = message->fields[p->content].schema;
	if (content->kind == LEAT_BYTES)
		return 0;
	return record_error(err, "The content of a logical decoding message "
	    "is non-binary: it is decoded from bytes "
	    "(binary.handling.mode=bytes), not from %s",
	    leat_kind_name(content->kind));
}

static struct message_plan *
get_plan(struct decoder *self, const struct leat_schema *in,
    struct leat_err *err)
{
	struct message_plan *p = plans_get(&self->plans, in);

	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	if (fill_plan(in, p, err) < 0) {
		free(p);
		return NULL;
	}
	if (plans_put(&self->plans, in, p) < 0) {
		free(p);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	return p;
}

/* The message's fields but for `message`, then `after`. */
static const struct leat_schema *
get_out(struct transform *t, struct message_plan *p,
    const struct leat_schema *in, const struct leat_schema *row,
    struct leat_arena *arena, struct leat_err *err)
{
	struct leat_schema s = { .kind = LEAT_STRUCT,
		.name = MESSAGE_VALUE ".Envelope" };
	struct leat_field *f;
	uint32_t i, n = 0;

	if (p->row == row)
		return p->out;
	f = leat_arena_calloc(arena, in->nfields, sizeof(*f));
	if (f == NULL) {
		record_no_memory(arena, err);
		return NULL;
	}
	for (i = 0; i < in->nfields; i++)
		if ((int32_t)i != p->message)
			f[n++] = in->fields[i];
	f[n++] = (struct leat_field){ .name = "after", .schema = row };
	s.fields = f;
	s.nfields = n;
	p->out = leat_schema_pool_intern(t->pool, &s, err);
	p->row = p->out == NULL ? NULL : row;
	return p->out;
}

/* ---------------------------------------------------------------- applying */

static int
decode(struct decoder *self, const struct message_plan *p,
    const struct leat_value *value, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_row,
    struct leat_err *err)
{
	const struct leat_value *message = &value->u.items[p->message];
	const struct leat_value *content;
	int rc;

	if (message->kind != LEAT_STRUCT ||
	    message->len <= (uint32_t)p->content)
		return record_error(err, "a logical decoding message that is "
		    "%s",
		    leat_kind_name(message->kind));
	content = &message->u.items[p->content];
	if (content->kind != LEAT_BYTES)
		return record_error(err, "a logical decoding message without "
		    "content");
	rc = json_shape_parse(&self->shape, NULL,
	    (struct leat_str){ (const char *)content->u.b, content->len },
	    arena, ret_schema, ret_row, err);
	if (rc == 0 && ret_row->kind != LEAT_STRUCT)
		rc = record_error(err, "a list, and no object");
	if (rc < 0)
		leat_err_wrap(err, "Unable to parse logical decoding message "
		    "content as JSON");
	return rc;
}

static int
decoder_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct decoder *self = t->self;
	const struct leat_schema *in = rec->value_schema, *row_schema, *out;
	struct leat_value row, *items;
	struct message_plan *p;
	uint32_t i, n = 0;

	if (!schema_is(in, MESSAGE_VALUE) || rec->value.kind == LEAT_NULL)
		return 0;
	if (require_struct(in, &rec->value, "Retrieve a record value",
		err) < 0 ||
	    (p = get_plan(self, in, err)) == NULL ||
	    decode(self, p, &rec->value, arena, &row_schema, &row, err) < 0)
		return err->code;
	out = get_out(t, p, in, row_schema, arena, err);
	if (out == NULL)
		return err->code;
	items = leat_arena_alloc(arena, in->nfields * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < in->nfields; i++)
		if ((int32_t)i == p->op)
			items[n++] = leat_cstring("c");
		else if ((int32_t)i != p->message)
			items[n++] = field_value(in, &rec->value, i, true);
	items[n++] = row;
	rec->value_schema = out;
	rec->value = leat_items(LEAT_STRUCT, items, n);
	rec->key_schema = NULL;
	rec->key = leat_null();
	return 0;
}

static void
decoder_fini(struct transform *t)
{
	struct decoder *self = t->self;

	plans_fini(&self->plans);
}

const struct transform_class transform_decode_message = {
	.name = "io.debezium.connector.postgresql.transforms."
		"DecodeLogicalDecodingMessageContent",
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct decoder),
	.init = decoder_init,
	.apply = decoder_apply,
	.fini = decoder_fini,
};
