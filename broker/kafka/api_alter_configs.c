/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_alter_configs.c: AlterConfigs, which puts a new list of settings in the
 * place of a topic's old one, and IncrementalAlterConfigs, which changes some.
 *
 * Lists are read, changed and written back: no two of these requests run at a
 * time, since slow ones have one thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/broker_config.h"
#include "broker/kafka/kafka_request.h"
#include "broker/kafka/topic_config.h"
#include "core/base/obj.h"

enum alter_op { OP_SET, OP_DELETE, OP_APPEND, OP_SUBTRACT, OP_N };

struct change {
	const char *name;
	const char *value;
	int8_t op;
};

struct target {
	int8_t type;
	const char *name;
	struct change *changes;
	int32_t nchanges;
	enum kafka_error error;
	const char *text;
	bool prepared;		/* its change is part of the commit */
};

static void refuse(struct kafka_request *rq, struct target *t,
    enum kafka_error error, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
refuse(struct kafka_request *rq, struct target *t, enum kafka_error error,
    const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->error = error;
	t->text = leat_arena_strdup(&rq->arena, text);
}

/* ------------------------------------------------------------- decoding */

static void
decode_target(struct kafka_in *in, struct target *t, bool incremental)
{
	t->type = kin_i8(in);
	t->name = kin_str(in);
	t->nchanges = kin_array(in);
	t->changes = KIN_CALLOC(in, t->nchanges, struct change);
	for (int32_t i = 0; i < t->nchanges && kin_ok(in); i++) {
		struct change *c = &t->changes[i];

		c->name = kin_str(in);
		c->op = incremental ? kin_i8(in) : OP_SET;
		c->value = kin_str_null(in);
		kin_tags(in);
	}
	kin_tags(in);
}

/* Two entries of one resource, or of one setting, contradict each other. */
static void
refuse_doubles(struct kafka_request *rq, struct target *list, int32_t n)
{
	struct leat_map seen;

	leat_map_init(&seen);
	for (int32_t i = 0; i < n; i++) {
		const char *key = leat_arena_printf(&rq->arena, "%d %s",
		    list[i].type, list[i].name);
		struct target *first = key == NULL ? NULL :
		    leat_map_get_c(&seen, key);

		if (first != NULL) {
			refuse(rq, first, KAFKA_INVALID_REQUEST,
			    "the resource stands in the request twice");
			list[i].error = first->error;
			list[i].text = first->text;
		} else if (key == NULL || leat_map_set(&seen,
		    leat_str_c(key), &list[i], NULL) < 0) {
			refuse(rq, &list[i], KAFKA_UNKNOWN_SERVER_ERROR,
			    "out of memory");
		}
	}
	leat_map_fini(&seen);
}

/* ------------------------------------------------------------ the values */

static bool
has_word(const char *list, struct leat_str word)
{
	struct leat_str rest = leat_str_c(list);

	while (rest.len > 0)
		if (leat_str_eq(leat_str_trim(leat_str_cut(&rest, ',')), word))
			return true;
	return false;
}

/* Those words of `from` that are (not) in `other`, behind `to`. */
static void
add_words(struct leat_buf *to, const char *from, const char *other, bool in)
{
	struct leat_str rest = leat_str_c(from);

	while (rest.len > 0) {
		struct leat_str word = leat_str_trim(leat_str_cut(&rest, ','));

		if (word.len == 0 || has_word(other, word) != in)
			continue;
		leat_buf_printf(to, "%s%.*s", to->len > 0 ? "," : "",
		    (int)word.len, word.ptr);
	}
}

/* The list `have` with the words of c->value put in or taken out. */
static const char *
changed_list(struct kafka_request *rq, const char *have,
    const struct change *c)
{
	struct leat_buf words;
	const char *text = NULL;

	leat_buf_init(&words, 64 << 10);
	if (c->op == OP_APPEND) {
		add_words(&words, have, "", false);
		add_words(&words, c->value, have, false);
	} else {
		add_words(&words, have, c->value, false);
	}
	if (!words.failed)
		text = leat_arena_strndup(&rq->arena, words.len == 0 ? "" :
		    (const char *)words.data, words.len);
	leat_buf_fini(&words);
	return text;
}

/* Puts the value that setting i shall have into to->value; NULL: none. */
static void
resolve(struct kafka_request *rq, struct target *t, const struct change *c,
    const char *const *own, struct broker_setting *to)
{
	int i = setting_find(c->name);

	to->name = c->name;
	if (i < 0) {
		refuse(rq, t, KAFKA_INVALID_CONFIG,
		    "unknown topic setting '%.200s'", c->name);
	} else if (c->op < 0 || c->op >= OP_N) {
		refuse(rq, t, KAFKA_INVALID_REQUEST,
		    "%s: there is no operation %d", c->name, c->op);
	} else if (c->op == OP_DELETE) {
		to->value = NULL;
	} else if (c->value == NULL) {
		refuse(rq, t, KAFKA_INVALID_REQUEST, "%s: null is no value",
		    c->name);
	} else if (c->op == OP_SET) {
		to->value = c->value;
	} else if (setting_type(i) != SETTING_LIST) {
		refuse(rq, t, KAFKA_INVALID_CONFIG,
		    "%s: it is no list that words could be put in or taken "
		    "out", c->name);
	} else {
		to->value = changed_list(rq, topic_config_value(rq, own, i),
		    c);
		if (to->value == NULL)
			refuse(rq, t, KAFKA_INVALID_CONFIG,
			    "%s: the list is too long", c->name);
	}
}

/* ------------------------------------------------------------- changing */

/* Every setting, those that are not mentioned going back to their default. */
static struct broker_setting *
whole_list(struct kafka_request *rq)
{
	struct broker_setting *all = leat_arena_calloc(&rq->arena,
	    (size_t)setting_count(), sizeof(*all));

	for (int i = 0; all != NULL && i < setting_count(); i++)
		all[i].name = setting_name(i);
	return all;
}

static struct broker_setting *
wished(struct kafka_request *rq, struct target *t, const char *const *own,
    bool replace, size_t *ret_n)
{
	const struct broker_setting unset = { NULL, NULL };
	struct broker_setting *list = whole_list(rq);
	bool *seen = leat_arena_calloc(&rq->arena, (size_t)setting_count(),
	    sizeof(*seen));
	size_t n = 0;

	if (list == NULL || seen == NULL) {
		refuse(rq, t, KAFKA_UNKNOWN_SERVER_ERROR, "out of memory");
		return NULL;
	}
	for (int32_t k = 0; k < t->nchanges && t->error == 0; k++) {
		int i = setting_find(t->changes[k].name);
		struct broker_setting s = unset;

		resolve(rq, t, &t->changes[k], own, &s);
		if (t->error != KAFKA_NONE)
			break;
		if (seen[i])
			refuse(rq, t, KAFKA_INVALID_REQUEST,
			    "%s stands in the request twice", s.name);
		seen[i] = true;
		list[replace ? (size_t)i : n++] = s;
	}
	*ret_n = replace ? (size_t)setting_count() : n;
	return t->error == KAFKA_NONE ? list : NULL;
}

static void
alter_topic(struct kafka_request *rq, struct topic_changes *c,
    struct target *t, bool replace, bool check_only)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct topic_wish w = { .name = t->name, .partitions = -1,
		.check_only = check_only };
	const char **own;

	if (!kafka_may(rq, ACL_ALTER_CONFIGS, ACL_TOPIC, t->name)) {
		refuse(rq, t, KAFKA_TOPIC_AUTHORIZATION_FAILED,
		    "not authorized");
		return;
	}
	if (broker_topic_name_check(t->name, &err) == 0 &&
	    (own = topic_config_own(rq, t->name, &err)) != NULL) {
		w.settings = wished(rq, t, own, replace, &w.nsettings);
		if (w.settings != NULL)
			t->prepared = topics_change(c, &w, &err) == 0;
	}
	if (err.code != 0)
		refuse(rq, t, kafka_error_of(&err), "%s", err.text);
}

/* The broker's settings stand in a file, which no client changes. */
static void
alter_broker(struct kafka_request *rq, struct target *t)
{
	if (!kafka_may(rq, ACL_ALTER_CONFIGS, ACL_CLUSTER, ACL_THE_CLUSTER))
		refuse(rq, t, KAFKA_CLUSTER_AUTHORIZATION_FAILED,
		    "not authorized");
	else if (config_target(rq, t->name) == CONFIG_OF_NOBODY)
		refuse(rq, t, KAFKA_INVALID_REQUEST,
		    "there is no broker '%.60s'", t->name);
	else if (t->nchanges > 0)
		refuse(rq, t, KAFKA_INVALID_REQUEST,
		    "%.200s cannot be changed here: the broker's settings "
		    "stand in the worker's configuration",
		    t->changes[0].name);
}

/* All topics of a request in one commit. */
static void
alter_all(struct kafka_request *rq, struct target *list, int32_t n,
    bool replace, bool check_only)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct topic_changes c;
	int rc;

	topics_begin(&c, rq->broker);
	for (int32_t i = 0; i < n; i++) {
		struct target *t = &list[i];

		if (t->error != KAFKA_NONE)
			;	/* decided above */
		else if (t->type == CONFIG_TOPIC)
			alter_topic(rq, &c, t, replace, check_only);
		else if (t->type == CONFIG_BROKER)
			alter_broker(rq, t);
		else
			refuse(rq, t, KAFKA_INVALID_REQUEST, "only topics (2) "
			    "and brokers (4) have settings here");
	}
	rc = topics_commit(&c, &err);
	for (int32_t i = 0; i < n && rc < 0; i++)
		if (list[i].prepared)
			refuse(rq, &list[i], kafka_error_of(&err), "%s",
			    err.text);
}

static void
alter(struct kafka_request *rq, bool incremental)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t n = kin_array(in);
	struct target *list = KIN_CALLOC(in, n, struct target);
	bool check_only;

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		decode_target(in, &list[i], incremental);
	check_only = kin_bool(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	refuse_doubles(rq, list, n);
	alter_all(rq, list, n, !incremental, check_only);
	kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		const struct target *t = &list[i];

		kout_i16(out, t->error);
		kout_str_null(out, t->text);
		kout_i8(out, t->type);
		kout_str(out, t->name);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

void
api_alter_configs(struct kafka_request *rq)
{
	alter(rq, false);
}

void
api_incremental_alter_configs(struct kafka_request *rq)
{
	alter(rq, true);
}
