/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append.c: a sink that appends the value of each record to a file, as one
 * line of JSON. A flush makes the lines durable.
 */
#include <stdio.h>
#include <unistd.h>

#include <leat/connector.h>
#include <leat/json.h>

struct config {
	const char *path;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ .name = "path", .type = LEAT_OPT_STRING, .flags = LEAT_OPT_REQUIRED,
	  .offset = offsetof(struct config, path), .help = "The file." },
	{ .name = NULL }
};
/* clang-format on */

static int32_t
append_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	const struct config *c = config;

	*ret_self = fopen(c->path, "ae");
	if (*ret_self == NULL)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "path: open '%s'",
		    c->path);
	return 0;
}

static int32_t
append_put(void *self, const struct leat_sink_batch *batch,
    struct leat_err *err)
{
	struct leat_buf text;
	int32_t rc = 0;
	uint32_t i;

	leat_buf_init(&text, 16 << 20);
	for (i = 0; i < batch->nrecords; i++) {
		const struct leat_record *r = &batch->records[i];

		(void)leat_json_add_typed(&text, r->value_schema, &r->value, 0);
		(void)leat_buf_add_byte(&text, '\n');
	}
	if (text.failed)	/* the records come again, one by one */
		rc = leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "more than 16 MiB of text");
	else if (fwrite(text.data, 1, text.len, self) != text.len)
		rc = leat_err_errno(err, LEAT_CLS_RETRY, "write");
	leat_buf_fini(&text);
	return rc;
}

static int32_t
append_flush(void *self, struct leat_err *err)
{
	if (fflush(self) != 0 || fdatasync(fileno(self)) != 0)
		return leat_err_errno(err, LEAT_CLS_FATAL, "flush");
	return 0;
}

static void
append_close(void *self)
{
	(void)fclose(self);
}

static const struct leat_sink_ops append_ops = {
	.size = sizeof(struct leat_sink_ops),
	.open = append_open,
	.put = append_put,
	.flush = append_flush,
	.close = append_close,
};

/* clang-format off */
LEAT_SINGLE_PLUGIN("append-sink", "1.0.0",
    .kind = LEAT_SINK,
    .help = "Appends values to a file, as lines of JSON.",
    .flags = LEAT_TAKES_TOMBSTONES,
    .options = options,
    .config_size = sizeof(struct config),
    .sink = &append_ops)
