/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_topics.c: CreateTopics, DeleteTopics and CreatePartitions.
 *
 * Each topic of a request has its own outcome; those that can be done are done
 * in one commit (topic_commit.c), so that many cost no more syncs than one. All
 * is durable when the answer leaves; a timeout matters only where a request
 * names many topics: those that were not begun in time are answered with
 * REQUEST_TIMED_OUT.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "broker/kafka/topic_config.h"
#include "core/base/obj.h"

/* What became of one topic; its text, when there is one, is in the arena. */
struct outcome {
	enum kafka_error error;
	const char *text;
	bool prepared;		/* its change is part of the commit */
};

static void fail(struct kafka_request *rq, struct outcome *to,
    enum kafka_error error, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
fail(struct kafka_request *rq, struct outcome *to, enum kafka_error error,
    const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	to->error = error;
	to->text = leat_arena_strdup(&rq->arena, text);
}

static void
fail_err(struct kafka_request *rq, struct outcome *to,
    const struct leat_err *err)
{
	fail(rq, to, kafka_error_of(err), "%s", err->text);
}

static void
fail_rights(struct kafka_request *rq, struct outcome *to)
{
	fail(rq, to, KAFKA_TOPIC_AUTHORIZATION_FAILED, "not authorized");
}

/* When topics of this request may no longer be begun; -1: no such time. */
static int64_t
deadline_of(int32_t timeout_ms)
{
	return timeout_ms <= 0 ? -1 :
	    clock_mono_ms(&clock_system) + timeout_ms;
}

static bool
timed_out(struct kafka_request *rq, int64_t deadline, struct outcome *to)
{
	if (deadline < 0 || clock_mono_ms(&clock_system) < deadline)
		return false;
	fail(rq, to, KAFKA_REQUEST_TIMED_OUT,
	    "it was not begun within the request's timeout");
	return true;
}

/* The outcome of preparing a change. */
static void
note_prepared(struct kafka_request *rq, struct outcome *to, int rc,
    const struct leat_err *err)
{
	if (rc < 0)
		fail_err(rq, to, err);
	else
		to->prepared = true;
}

/* What was part of a commit that failed, failed. */
static void
note_committed(struct kafka_request *rq, struct outcome *to, int rc,
    const struct leat_err *err)
{
	if (rc < 0 && to->prepared)
		fail_err(rq, to, err);
}

/*
 * Remembers that a topic of that name has `to` as its outcome; of two with the
 * same name both fail. NULL is no name.
 */
static void
note_name(struct kafka_request *rq, struct leat_map *names, const char *name,
    struct outcome *to)
{
	struct outcome *first;

	if (name == NULL)
		return;
	first = leat_map_get_c(names, name);
	if (first != NULL) {
		fail(rq, first, KAFKA_INVALID_REQUEST,
		    "Duplicate topic name.");
		*to = *first;
	} else if (leat_map_set(names, leat_str_c(name), to, NULL) < 0) {
		fail(rq, to, KAFKA_UNKNOWN_SERVER_ERROR, "out of memory");
	}
}

/* Assigned to the one broker there is, and to it alone? */
static bool
is_here(const struct kafka_request *rq, const int32_t *nodes, int32_t n)
{
	return n == 1 && nodes[0] == rq->server->o.node_id;
}

static int32_t *
decode_nodes(struct kafka_in *in, int32_t *ret_n)
{
	int32_t n = kin_array(in);
	int32_t *nodes = KIN_CALLOC(in, n, int32_t);

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		nodes[i] = kin_i32(in);
	*ret_n = n;
	return nodes;
}

/* --------------------------------------------------------- CreateTopics */

struct assignment {
	int32_t partition;
	int32_t *nodes;
	int32_t nnodes;
};

struct new_topic {
	const char *name;
	int32_t partitions;
	int16_t replicas;
	struct assignment *assigned;
	int32_t nassigned;
	struct broker_setting *settings;
	int32_t nsettings;
	struct outcome outcome;
};

static void
decode_new_topic(struct kafka_in *in, struct new_topic *t)
{
	t->name = kin_str(in);
	t->partitions = kin_i32(in);
	t->replicas = kin_i16(in);
	t->nassigned = kin_array(in);
	t->assigned = KIN_CALLOC(in, t->nassigned, struct assignment);
	for (int32_t i = 0; i < t->nassigned && kin_ok(in); i++) {
		struct assignment *a = &t->assigned[i];

		a->partition = kin_i32(in);
		a->nodes = decode_nodes(in, &a->nnodes);
		kin_tags(in);
	}
	t->nsettings = kin_array(in);
	t->settings = KIN_CALLOC(in, t->nsettings, struct broker_setting);
	for (int32_t i = 0; i < t->nsettings && kin_ok(in); i++) {
		t->settings[i].name = kin_str(in);
		t->settings[i].value = kin_str_null(in);
		kin_tags(in);
	}
	kin_tags(in);
}

/* Every partition once, from 0 on, and all of them here? */
static void
check_assigned(struct kafka_request *rq, struct new_topic *t)
{
	struct outcome *to = &t->outcome;
	bool *seen = leat_arena_calloc(&rq->arena, (size_t)t->nassigned,
	    sizeof(*seen));

	if (seen == NULL) {
		fail(rq, to, KAFKA_UNKNOWN_SERVER_ERROR, "out of memory");
		return;
	}
	if (t->replicas != -1 || t->partitions != -1)
		fail(rq, to, KAFKA_INVALID_REQUEST, "with a manual assignment "
		    "the number of partitions and the replication factor must "
		    "be -1");
	for (int32_t i = 0; i < t->nassigned && to->error == 0; i++) {
		const struct assignment *a = &t->assigned[i];

		if (a->partition < 0 || a->partition >= t->nassigned ||
		    seen[a->partition])
			fail(rq, to, KAFKA_INVALID_REPLICA_ASSIGNMENT,
			    "the partitions assigned are not 0 to %d, each "
			    "once", t->nassigned - 1);
		else if (!is_here(rq, a->nodes, a->nnodes))
			fail(rq, to, KAFKA_INVALID_REPLICA_ASSIGNMENT,
			    "partition %d: the one broker there is, is %d",
			    a->partition, rq->server->o.node_id);
		else
			seen[a->partition] = true;
	}
}

static void
check_numbers(struct kafka_request *rq, struct new_topic *t)
{
	struct outcome *to = &t->outcome;

	if (t->replicas == 0 || t->replicas < -1)
		fail(rq, to, KAFKA_INVALID_REPLICATION_FACTOR,
		    "Replication factor must be larger than 0, or -1 to use "
		    "the default value.");
	else if (t->partitions == 0 || t->partitions < -1)
		fail(rq, to, KAFKA_INVALID_PARTITIONS,
		    "Number of partitions was set to an invalid non-positive "
		    "value.");
	else if (t->replicas > 1 && !rq->server->o.lenient_replication)
		fail(rq, to, KAFKA_INVALID_REPLICATION_FACTOR,
		    "a replication factor of %d cannot be had of one broker",
		    t->replicas);
}

static void
check_new_topic(struct kafka_request *rq, struct new_topic *t)
{
	struct outcome *to = &t->outcome;

	if (!kafka_may(rq, ACL_CREATE, ACL_CLUSTER, ACL_THE_CLUSTER) &&
	    !kafka_may(rq, ACL_CREATE, ACL_TOPIC, t->name)) {
		fail_rights(rq, to);
		return;
	}
	for (int32_t i = 0; i < t->nsettings; i++)
		if (t->settings[i].value == NULL) {
			fail(rq, to, KAFKA_INVALID_CONFIG,
			    "%s: null is no value", t->settings[i].name);
			return;
		}
	if (t->nassigned > 0)
		check_assigned(rq, t);
	else
		check_numbers(rq, t);
}

static void
create_topic(struct kafka_request *rq, struct topic_changes *c,
    struct new_topic *t, bool check_only)
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct topic_wish w = {
		.name = t->name,
		.partitions = t->nassigned > 0 ? t->nassigned : t->partitions,
		.settings = t->settings,
		.nsettings = (size_t)t->nsettings,
		.check_only = check_only,
	};

	note_prepared(rq, &t->outcome, topics_create(c, &w, &err), &err);
	t->partitions = w.partitions < 0 ? rq->broker->o.default_partitions :
	    w.partitions;
}

static void
write_new_settings(struct kafka_request *rq, const struct new_topic *t)
{
	const char **own = topic_config_none(rq);
	struct kafka_out *out = &rq->out;

	if (own == NULL) {
		kout_array(out, -1);
		return;
	}
	for (int32_t k = 0; k < t->nsettings; k++)
		own[setting_find(t->settings[k].name)] = t->settings[k].value;
	kout_array(out, setting_count());
	for (int i = 0; i < setting_count(); i++) {
		kout_str(out, setting_name(i));
		kout_str_null(out, topic_config_value(rq, own, i));
		kout_bool(out, false);
		kout_i8(out, topic_config_source(rq, own, i));
		kout_bool(out, false);
		kout_tags(out);
	}
}

static void
write_new_topic(struct kafka_request *rq, const struct new_topic *t)
{
	struct broker_topic_info info = { .partitions = 0 };
	struct kafka_out *out = &rq->out;
	bool ok = t->outcome.error == KAFKA_NONE, told;

	kout_str(out, t->name);
	if (rq->version >= 7) {
		if (ok)		/* not there yet where it was only checked */
			(void)topics_info(rq->broker, t->name, &info);
		kout_uuid(out, info.id);
	}
	kout_i16(out, t->outcome.error);
	kout_str_null(out, t->outcome.text);
	if (rq->version < 5)
		return;
	told = kafka_may(rq, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, t->name);
	kout_i32(out, ok && told ? t->partitions : -1);
	kout_i16(out, ok && told ? 1 : -1);
	if (ok && told)
		write_new_settings(rq, t);
	else
		kout_array(out, ok ? -1 : 0);
	if (ok && !told) {
		kout_tags_begin(out, 1);
		kout_tag(out, 0, 2);
		kout_i16(out, KAFKA_TOPIC_AUTHORIZATION_FAILED);
	} else {
		kout_tags(out);
	}
}

static void
create_topics(struct kafka_request *rq, struct new_topic *topics, int32_t n,
    int64_t deadline, bool check_only)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct topic_changes c;
	int rc;

	for (int32_t i = 0; i < n; i++)
		if (topics[i].outcome.error == KAFKA_NONE)
			check_new_topic(rq, &topics[i]);
	topics_begin(&c, rq->broker);
	for (int32_t i = 0; i < n; i++)
		if (topics[i].outcome.error == KAFKA_NONE &&
		    !timed_out(rq, deadline, &topics[i].outcome))
			create_topic(rq, &c, &topics[i], check_only);
	rc = topics_commit(&c, &err);
	for (int32_t i = 0; i < n; i++)
		note_committed(rq, &topics[i].outcome, rc, &err);
}

void
api_create_topics(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	int32_t n = kin_array(in);
	struct new_topic *topics = KIN_CALLOC(in, n, struct new_topic);
	struct leat_map names;
	int64_t deadline;
	bool check_only;

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		decode_new_topic(in, &topics[i]);
	deadline = deadline_of(kin_i32(in));
	check_only = kin_bool(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	leat_map_init(&names);
	for (int32_t i = 0; i < n; i++)
		note_name(rq, &names, topics[i].name, &topics[i].outcome);
	leat_map_fini(&names);
	create_topics(rq, topics, n, deadline, check_only);
	kout_throttle(&rq->out);
	kout_array(&rq->out, n);
	for (int32_t i = 0; i < n; i++)
		write_new_topic(rq, &topics[i]);
	kout_tags(&rq->out);
	kafka_reply(rq);
}

/* --------------------------------------------------------- DeleteTopics */

struct old_topic {
	const char *name;	/* NULL: by id */
	uint8_t id[16];
	struct outcome outcome;
};

static struct old_topic *
decode_old_topics(struct kafka_request *rq, int32_t *ret_n)
{
	struct kafka_in *in = &rq->in;
	int32_t n = kin_array(in);
	struct old_topic *topics = KIN_CALLOC(in, n, struct old_topic);

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		if (rq->version < 6) {
			topics[i].name = kin_str(in);
			continue;
		}
		topics[i].name = kin_str_null(in);
		kin_uuid(in, topics[i].id);
		kin_tags(in);
	}
	*ret_n = n;
	return topics;
}

/* Finds the name that belongs to the id, or the other way round. */
static void
resolve(struct kafka_request *rq, struct old_topic *t)
{
	static const uint8_t none[16];
	struct broker_topic_info info;
	char name[TOPIC_NAME_MAX_LEN + 1];
	bool by_id = memcmp(t->id, none, sizeof(none)) != 0;

	if (t->name != NULL && by_id) {
		fail(rq, &t->outcome, KAFKA_INVALID_REQUEST,
		    "You may not specify both topic name and topic id.");
	} else if (t->name == NULL && !by_id) {
		fail(rq, &t->outcome, KAFKA_INVALID_REQUEST,
		    "Neither topic name nor id were specified.");
	} else if (by_id) {
		if (topics_name(rq->broker, t->id, name) < 0 ||
		    !kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, name))
			fail(rq, &t->outcome, KAFKA_UNKNOWN_TOPIC_ID,
			    "there is no topic of this id");
		else
			t->name = leat_arena_strdup(&rq->arena, name);
	} else if (topics_info(rq->broker, t->name, &info) == 0) {
		memcpy(t->id, info.id, sizeof(t->id));
	}
}

static void
check_old_topic(struct kafka_request *rq, struct old_topic *t)
{
	if (!kafka_may(rq, ACL_DELETE, ACL_TOPIC, t->name))
		fail_rights(rq, &t->outcome);
	else if (!rq->server->o.delete_topics)
		fail(rq, &t->outcome, rq->version < 3 ? KAFKA_INVALID_REQUEST :
		    KAFKA_TOPIC_DELETION_DISABLED,
		    "topics cannot be deleted (delete.topic.enable=false)");
}

static void
delete_topics(struct kafka_request *rq, struct old_topic *topics, int32_t n,
    int64_t deadline)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct topic_changes c;
	int rc;

	for (int32_t i = 0; i < n; i++)
		if (topics[i].outcome.error == KAFKA_NONE)
			check_old_topic(rq, &topics[i]);
	topics_begin(&c, rq->broker);
	for (int32_t i = 0; i < n; i++) {
		struct outcome *to = &topics[i].outcome;

		if (to->error == KAFKA_NONE && !timed_out(rq, deadline, to))
			note_prepared(rq, to, topics_delete(&c,
			    topics[i].name, &err), &err);
	}
	rc = topics_commit(&c, &err);
	for (int32_t i = 0; i < n; i++)
		note_committed(rq, &topics[i].outcome, rc, &err);
}

static void
write_old_topic(struct kafka_request *rq, const struct old_topic *t)
{
	struct kafka_out *out = &rq->out;

	if (rq->version < 6) {
		kout_str(out, t->name);
	} else {
		kout_str_null(out, t->name);
		kout_uuid(out, t->id);
	}
	kout_i16(out, t->outcome.error);
	if (rq->version >= 5)
		kout_str_null(out, t->outcome.text);
	kout_tags(out);
}

void
api_delete_topics(struct kafka_request *rq)
{
	int32_t n;
	struct old_topic *topics = decode_old_topics(rq, &n);
	int64_t deadline = deadline_of(kin_i32(&rq->in));
	struct leat_map names;

	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	leat_map_init(&names);
	for (int32_t i = 0; i < n; i++) {
		resolve(rq, &topics[i]);
		note_name(rq, &names, topics[i].name, &topics[i].outcome);
	}
	leat_map_fini(&names);
	delete_topics(rq, topics, n, deadline);
	kout_throttle(&rq->out);
	kout_array(&rq->out, n);
	for (int32_t i = 0; i < n; i++)
		write_old_topic(rq, &topics[i]);
	kout_tags(&rq->out);
	kafka_reply(rq);
}

/* ----------------------------------------------------- CreatePartitions */

struct growth {
	const char *name;
	int32_t count;
	struct assignment *assigned;
	int32_t nassigned;	/* -1: none */
	struct outcome outcome;
};

static void
decode_growth(struct kafka_in *in, struct growth *g)
{
	g->name = kin_str(in);
	g->count = kin_i32(in);
	g->nassigned = kin_array_null(in);
	g->assigned = KIN_CALLOC(in, g->nassigned, struct assignment);
	for (int32_t i = 0; i < g->nassigned && kin_ok(in); i++) {
		g->assigned[i].nodes = decode_nodes(in,
		    &g->assigned[i].nnodes);
		kin_tags(in);
	}
	kin_tags(in);
}

static void
check_growth(struct kafka_request *rq, struct growth *g)
{
	int32_t have = broker_topic_partitions(rq->broker, g->name);
	struct outcome *to = &g->outcome;

	if (!kafka_may(rq, ACL_ALTER, ACL_TOPIC, g->name)) {
		fail_rights(rq, to);
		return;
	}
	if (have < 0) {
		fail(rq, to, KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
		    "there is no topic '%.249s'", g->name);
		return;
	}
	if (g->count <= have) {
		fail(rq, to, KAFKA_INVALID_PARTITIONS, "Topic currently has "
		    "%d partitions, which is higher than or equal to the "
		    "requested %d.", have, g->count);
		return;
	}
	if (g->nassigned >= 0 && g->nassigned != g->count - have)
		fail(rq, to, KAFKA_INVALID_REPLICA_ASSIGNMENT, "%d partitions "
		    "are assigned, %d are added", g->nassigned,
		    g->count - have);
	for (int32_t i = 0; i < g->nassigned && to->error == 0; i++)
		if (!is_here(rq, g->assigned[i].nodes, g->assigned[i].nnodes))
			fail(rq, to, KAFKA_INVALID_REPLICA_ASSIGNMENT,
			    "partition %d: the one broker there is, is %d",
			    have + i, rq->server->o.node_id);
}

static void
grow_topics(struct kafka_request *rq, struct growth *list, int32_t n,
    int64_t deadline, bool check_only)
{
	struct topic_wish w = { .check_only = check_only };
	struct leat_err err = LEAT_ERR_INIT;
	struct topic_changes c;
	int rc;

	for (int32_t i = 0; i < n; i++)
		if (list[i].outcome.error == KAFKA_NONE)
			check_growth(rq, &list[i]);
	topics_begin(&c, rq->broker);
	for (int32_t i = 0; i < n; i++) {
		struct outcome *to = &list[i].outcome;

		w.name = list[i].name;
		w.partitions = MAX(list[i].count, 0);
		if (to->error == KAFKA_NONE && !timed_out(rq, deadline, to))
			note_prepared(rq, to, topics_change(&c, &w, &err),
			    &err);
	}
	rc = topics_commit(&c, &err);
	for (int32_t i = 0; i < n; i++)
		note_committed(rq, &list[i].outcome, rc, &err);
}

void
api_create_partitions(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t n = kin_array(in);
	struct growth *list = KIN_CALLOC(in, n, struct growth);
	struct leat_map names;
	int64_t deadline;
	bool check_only;

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		decode_growth(in, &list[i]);
	deadline = deadline_of(kin_i32(in));
	check_only = kin_bool(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	leat_map_init(&names);
	for (int32_t i = 0; i < n; i++)
		note_name(rq, &names, list[i].name, &list[i].outcome);
	leat_map_fini(&names);
	grow_topics(rq, list, n, deadline, check_only);
	kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		kout_str(out, list[i].name);
		kout_i16(out, list[i].outcome.error);
		kout_str_null(out, list[i].outcome.text);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}
