/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp_router.c: TimestampRouter: a topic with the record's date in it.
 */
#include <string.h>

#include <leat/buf.h>

#include "core/record/java_date.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

struct config {
	const char *topic_format;
	const char *timestamp_format;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "topic.format", NULL, LEAT_OPT_STRING, 0, "${topic}-${timestamp}",
	  0, 0, NULL, offsetof(struct config, topic_format),
	  "The new topic; ${topic} and ${timestamp} are filled in.", "0.1" },
	{ "timestamp.format", NULL, LEAT_OPT_STRING, 0, "yyyyMMdd", 0, 0,
	  NULL, offsetof(struct config, timestamp_format),
	  "A pattern of Java's SimpleDateFormat; UTC.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
router_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;

	return java_date_check(cfg->timestamp_format, err);
}

static bool
take(const char **p, const char *word)
{
	const size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

static int
router_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const char *p = cfg->topic_format, *topic;
	char date[JAVA_DATE_TEXT];
	struct leat_buf out;
	size_t len;

	if (rec->timestamp_ms < 0)
		return record_error(err, "Timestamp missing on record");
	len = java_date_format(date, cfg->timestamp_format,
	    rec->timestamp_ms);
	leat_buf_init(&out, 4096);
	while (*p != '\0') {
		if (take(&p, "${topic}"))
			leat_buf_add_str(&out, rec->topic);
		else if (take(&p, "${timestamp}"))
			leat_buf_add(&out, date, len);
		else
			leat_buf_add_byte(&out, (uint8_t)*p++);
	}
	topic = leat_buf_cstr(&out);
	if (topic != NULL)
		topic = leat_arena_strdup(arena, topic);
	leat_buf_fini(&out);
	if (topic == NULL)
		return record_no_memory(arena, err);
	rec->topic = topic;
	return 0;
}

const struct transform_class transform_timestamp_router = {
	.name = "org.apache.kafka.connect.transforms.TimestampRouter",
	.on_null = NULL_UNUSED,
	.options = options,
	.config_size = sizeof(struct config),
	.init = router_init,
	.apply = router_apply,
};
