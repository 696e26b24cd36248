/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: which topics there are, in the file leat-topics.
 *
 *	leat-topics 1
 *	topic <name> <id, base64url> <partitions> <0|1 internal>
 *	set <name>=<value>		(of the topic above)
 *	crc <8 hex digits>		(CRC-32C of all before this line)
 *
 * Kafka keeps this in its metadata log. The file is replaced whole, so either
 * the old or the new list is there after a crash. A topic stands in it before
 * its first record is taken, and leaves it before its directories go: what the
 * catalogue does not name is no topic.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"

enum { CATALOGUE_MAX_BYTES = 64 << 20 };

static void
add_topic(struct leat_buf *text, const struct topic *t)
{
	char id[23];

	uuid_text(t->id, id);
	leat_buf_printf(text, "topic %s %s %d %d\n", t->name, id,
	    t->npartitions, t->internal);
	for (int i = 0; i < setting_count(); i++)
		if (t->settings[i] != NULL)
			leat_buf_printf(text, "set %s=%s\n", setting_name(i),
			    t->settings[i]);
}

int
catalogue_save(struct broker *b, const struct topic_changes *changes,
    struct leat_err *err)
{
	const struct leat_map_entry *e;
	struct leat_buf text;
	char path[4096];
	size_t it = 0;
	int rc;

	lock_assert_held(&b->files);
	leat_buf_init(&text, CATALOGUE_MAX_BYTES);
	leat_buf_printf(&text, "leat-topics 1\n");
	lock_acquire(&b->lock);
	while ((e = leat_map_next(&b->topics, &it)) != NULL)
		if (changes == NULL || !((struct topic *)e->value)->leaving)
			add_topic(&text, e->value);
	lock_release(&b->lock);
	for (size_t i = 0; changes != NULL && i < changes->n; i++)
		if (changes->list[i].new != NULL)
			add_topic(&text, changes->list[i].new);
	leat_buf_printf(&text, "crc %08x\n",
	    text.failed ? 0 : crc32c(0, text.data, text.len));
	snprintf(path, sizeof(path), "%s/leat-topics", b->dir);
	if (text.failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for the catalogue");
	else
		rc = fsio_replace(b->env.fs, path, text.data, text.len, 0640,
		    err);
	leat_buf_fini(&text);
	return rc;
}

static int
damaged(struct leat_err *err, int line, const char *why)
{
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
	    "leat-topics:%d: %s", line, why);
}

static int
parse_topic(struct broker *b, struct leat_str line, int n,
    struct topic **ret, struct leat_err *err)
{
	struct leat_str name = leat_str_cut(&line, ' ');
	struct leat_str id = leat_str_cut(&line, ' ');
	int64_t partitions, internal;
	struct topic *t;
	char text[256];

	if (name.len == 0 || name.len >= sizeof(text) || id.len != 22 ||
	    leat_parse_i64(leat_str_cut(&line, ' '), 1, PARTITIONS_MAX,
	    &partitions) < 0 || leat_parse_i64(line, 0, 1, &internal) < 0)
		return damaged(err, n, "bad topic line");
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	if (broker_topic_name_check(text, err) < 0)
		return damaged(err, n, "bad topic name");
	t = topic_new(text, (int32_t)partitions, internal != 0);
	if (t == NULL || leat_map_set(&b->topics, name, t, NULL) < 0) {
		topic_free(t);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
	}
	memcpy(text, id.ptr, 22);
	text[22] = '\0';
	if (uuid_parse(text, t->id) < 0)
		return damaged(err, n, "bad topic id");
	*ret = t;
	return 0;
}

static int
parse_setting(struct topic *t, struct leat_str line, int n,
    struct leat_err *err)
{
	struct leat_str name = leat_str_cut(&line, '=');
	char text[128];
	int i;

	if (t == NULL || name.len >= sizeof(text))
		return damaged(err, n, "setting without a topic");
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	if ((i = setting_find(text)) < 0)
		return 0;	/* of a newer version */
	free(t->settings[i]);
	t->settings[i] = strndup(line.ptr != NULL ? line.ptr : "", line.len);
	if (t->settings[i] == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a setting");
	if (setting_check(i, t->settings[i], err) < 0)
		return leat_err_wrap(err, "leat-topics:%d", n);
	return 0;
}

static int
parse(struct broker *b, const char *data, size_t len, struct leat_err *err)
{
	struct leat_str rest = { data, len };
	struct topic *t = NULL;
	int n = 1, rc = 0;
	char crc[32];

	if (!leat_str_eq_c(leat_str_cut(&rest, '\n'), "leat-topics 1"))
		return damaged(err, 1, "not a catalogue of version 1");
	while (rc == 0 && rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		n++;
		if (leat_str_starts(line, "topic ")) {
			line.ptr += 6;
			line.len -= 6;
			rc = parse_topic(b, line, n, &t, err);
		} else if (leat_str_starts(line, "set ")) {
			line.ptr += 4;
			line.len -= 4;
			rc = parse_setting(t, line, n, err);
		} else {
			snprintf(crc, sizeof(crc), "crc %08x", crc32c(0, data,
			    (size_t)(line.ptr - data)));
			if (!leat_str_eq_c(line, crc))
				return damaged(err, n, "checksum differs");
			return 0;
		}
	}
	return rc < 0 ? rc : damaged(err, n, "it ends early");
}

int
catalogue_load(struct broker *b, struct leat_err *err)
{
	char path[4096], *data;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/leat-topics", b->dir);
	rc = fsio_slurp(b->env.fs, path, CATALOGUE_MAX_BYTES, &data, &len,
	    err);
	if (rc < 0)
		return rc;
	rc = parse(b, data, len, err);
	free(data);
	return rc;
}
