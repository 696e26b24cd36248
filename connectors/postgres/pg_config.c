/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_config.h"

#include <string.h>

#include <leat/str.h>

#include "pg_command.h"
#include "pg_identity.h"
#include "pg_mask.h"

static int
refuse(struct leat_err *err, const char *option, const char *why)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s: %s",
	    option, why);
}

int32_t
pg_config_skipped(const struct pg_config *cfg, struct leat_err *err)
{
	static const char ops[] = "cudt";	/* in the order of the bits */
	int32_t bits = cfg->skipped.len == 0 ? PG_SKIP_TRUNCATE : 0;

	for (uint32_t i = 0; i < cfg->skipped.len; i++) {
		const char *op = cfg->skipped.items[i];
		const char *at;

		if (strcmp(op, "none") == 0)
			continue;
		at = op[0] == '\0' ? NULL : strchr(ops, op[0]);
		if (at == NULL || op[1] != '\0')
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
			    "skipped.operations: '%s' is not one of c, u, d, "
			    "t, none", op);
		bits |= 1 << (at - ops);
	}
	return bits;
}

struct channel {
	const char *word;
	int32_t bit;
};

static int32_t
channels(const struct leat_list *list, const char *option,
    const struct channel *rows, const char *allowed, struct leat_err *err)
{
	int32_t bits = 0;

	for (uint32_t i = 0; i < list->len; i++) {
		const struct channel *row = rows;

		while (row->word != NULL &&
		    strcmp(row->word, list->items[i]) != 0)
			row++;
		if (row->word == NULL)
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
			    "%s: '%s' is not one of %s", option,
			    list->items[i], allowed);
		bits |= row->bit;
	}
	return bits;
}

int32_t
pg_config_signal_channels(const struct pg_config *cfg, struct leat_err *err)
{
	static const struct channel rows[] = {
		{ "source", PG_CHANNEL_SOURCE },
		{ "kafka", PG_CHANNEL_KAFKA },
		{ "file", PG_CHANNEL_FILE },
		{ "in-process", PG_CHANNEL_PROCESS },
		{ "jmx", PG_CHANNEL_PROCESS },
		{ NULL, 0 },
	};

	return channels(&cfg->signal_channels, "signal.enabled.channels", rows,
	    "source, kafka, file, in-process, jmx", err);
}

int32_t
pg_config_notify_channels(const struct pg_config *cfg, struct leat_err *err)
{
	static const struct channel rows[] = {
		{ "sink", PG_CHANNEL_SINK },
		{ "log", PG_CHANNEL_LOG },
		{ NULL, 0 },
	};

	return channels(&cfg->notify_channels,
	    "notification.enabled.channels", rows, "sink, log", err);
}

static int
check_signals(const struct pg_config *c, struct leat_err *err)
{
	int32_t notify = pg_config_notify_channels(c, err);
	const char *dot = c->signal_table == NULL ? NULL :
	    strchr(c->signal_table, '.');

	if (notify < 0 || pg_config_signal_channels(c, err) < 0)
		return LEAT_E_CONFIG;
	if ((notify & PG_CHANNEL_SINK) != 0 && (c->notify_topic == NULL ||
	    c->notify_topic[0] == '\0'))
		return refuse(err, "notification.sink.topic.name",
		    "needed by the notification channel sink");
	if (c->signal_table != NULL && (dot == NULL ||
	    dot == c->signal_table || dot[1] == '\0'))
		return refuse(err, "signal.data.collection",
		    "must be schema.table");
	return 0;
}

/* The server's rule: lower-case letters, digits and underscores, 63 at most. */
static int
valid_slot_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < 64 &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int
check_pairs(const struct pg_config *c, struct leat_err *err)
{
	if (c->schema_include.len > 0 && c->schema_exclude.len > 0)
		return refuse(err, "schema.exclude.list",
		    "not together with schema.include.list");
	if (c->table_include.len > 0 && c->table_exclude.len > 0)
		return refuse(err, "table.exclude.list",
		    "not together with table.include.list");
	if (c->column_include.len > 0 && c->column_exclude.len > 0)
		return refuse(err, "column.exclude.list",
		    "not together with column.include.list");
	if (c->message_include.len > 0 && c->message_exclude.len > 0)
		return refuse(err, "message.prefix.exclude.list",
		    "not together with message.prefix.include.list");
	return 0;
}

int32_t
pg_config_check(const void *config, struct leat_err *err)
{
	const struct pg_config *c = config;
	struct pg_filters f;
	struct pg_rules rules;
	int rc;

	if (c->url == NULL && c->hostname == NULL)
		return refuse(err, "database.hostname",
		    "neither this nor url is set");
	if (c->url == NULL && c->dbname == NULL)
		return refuse(err, "database.dbname",
		    "neither this nor url is set");
	if (!valid_slot_name(c->slot))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "slot.name: '%s' is not 1 to 63 lower-case letters, "
		    "digits and underscores", c->slot);
	if (c->publication[0] == '\0' || strlen(c->publication) > 63)
		return refuse(err, "publication.name",
		    "must have 1 to 63 characters");
	if (c->prefix != NULL && (c->prefix[0] == '\0' ||
	    c->prefix[strspn(c->prefix, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0'))
		return refuse(err, "topic.prefix",
		    "only letters, digits, '.', '_' and '-' are allowed");
	rc = check_pairs(c, err);
	if (rc == 0)
		rc = pg_config_check_snapshot(c, err);
	if (rc == 0)
		rc = pg_command_check(c->stream_params, err);
	if (rc == 0)
		rc = pg_command_check_protocol(c, err);
	if (rc == 0)
		rc = pg_identity_check(&c->identities, err);
	if (rc == 0)
		rc = pg_compat_check(c->compat, err);
	if (rc < 0)
		return rc;
	if (pg_config_skipped(c, err) < 0)
		return LEAT_E_CONFIG;
	if (c->converters.len > 0)
		return refuse(err, "converters",
		    "custom converters are Java classes and cannot run here; "
		    "the *.handling.mode options and transforms change values "
		    "too");
	rc = pg_rules_init(&rules, c, err);
	if (rc < 0)
		return rc;
	pg_rules_fini(&rules);
	rc = check_signals(c, err);
	if (rc < 0)
		return rc;
	rc = pg_filters_init(&f, c, err);
	if (rc == 0)
		pg_filters_fini(&f);
	return rc;
}
