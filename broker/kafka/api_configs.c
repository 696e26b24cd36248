/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_configs.c: DescribeConfigs and ListConfigResources. Tools read the whole
 * of a topic's settings, change some and write all of them back: so every
 * setting there is, is shown.
 */
#include <stdio.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/broker_config.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "broker/kafka/topic_config.h"
#include "core/base/obj.h"

struct describe {
	bool synonyms;
	bool docs;
};

struct resource {
	int8_t type;
	const char *name;
	const char **keys;
	int32_t nkeys;		/* -1: all */
};

/* ------------------------------------------------------ one setting */

struct shown {
	const char *name;
	const char *value;
	enum config_source source;
	enum setting_type type;
	const char *doc;
	bool read_only;
};

/* Opens the entry; its synonyms and write_end follow. */
static void
write_begin(struct kafka_request *rq, const struct shown *s)
{
	struct kafka_out *out = &rq->out;

	kout_str(out, s->name);
	kout_str_null(out, s->value);
	kout_bool(out, s->read_only);
	kout_i8(out, s->source);
	kout_bool(out, false);		/* sensitive: none of them is */
}

static void
write_synonym(struct kafka_out *out, const char *name, const char *value,
    enum config_source source)
{
	kout_str(out, name);
	kout_str_null(out, value);
	kout_i8(out, source);
	kout_tags(out);
}

static void
write_end(struct kafka_request *rq, const struct describe *d,
    const struct shown *s)
{
	struct kafka_out *out = &rq->out;

	if (rq->version >= 3) {
		kout_i8(out, s->type);
		kout_str_null(out, d->docs ? s->doc : NULL);
	}
	kout_tags(out);
}

static bool
is_asked(const struct resource *r, const char *name)
{
	for (int32_t i = 0; i < r->nkeys; i++)
		if (strcmp(r->keys[i], name) == 0)
			return true;
	return r->nkeys < 0;
}

/* ------------------------------------------------------------- a topic */

/* Whence a value may come, the first that is set winning. */
static void
write_topic_synonyms(struct kafka_request *rq, const char *const *own, int i)
{
	const char *of_broker = rq->broker->defaults[i];
	const char *name = setting_broker_name(i);
	struct kafka_out *out = &rq->out;
	size_t at = kout_array_begin(out);
	int32_t n = 0;

	if (own[i] != NULL) {
		write_synonym(out, setting_name(i), own[i],
		    CONFIG_SOURCE_TOPIC);
		n++;
	}
	if (name != NULL && of_broker != NULL) {
		write_synonym(out, name, of_broker,
		    CONFIG_SOURCE_STATIC_BROKER);
		n++;
	}
	if (name != NULL) {
		write_synonym(out, name, setting_default(i),
		    CONFIG_SOURCE_DEFAULT);
		n++;
	}
	kout_array_end(out, at, n);
}

static void
write_topic(struct kafka_request *rq, const struct describe *d,
    const struct resource *r, const char *const *own)
{
	struct kafka_out *out = &rq->out;
	size_t at = kout_array_begin(out);
	int32_t n = 0;

	for (int i = 0; i < setting_count(); i++) {
		const struct shown s = {
			.name = setting_name(i),
			.value = topic_config_value(rq, own, i),
			.source = topic_config_source(rq, own, i),
			.type = setting_type(i),
			.doc = setting_doc(i),
		};

		if (!is_asked(r, s.name))
			continue;
		write_begin(rq, &s);
		if (d->synonyms)
			write_topic_synonyms(rq, own, i);
		else
			kout_array(out, 0);
		write_end(rq, d, &s);
		n++;
	}
	kout_array_end(out, at, n);
}

/* ---------------------------------------------------------- the broker */

static void
write_broker(struct kafka_request *rq, const struct describe *d,
    const struct resource *r)
{
	struct kafka_out *out = &rq->out;
	size_t at = kout_array_begin(out);
	int32_t n = 0;

	for (int i = 0; i < broker_config_count(); i++) {
		struct shown s = {
			.name = broker_config_name(i),
			.type = broker_config_type(i),
			.doc = broker_config_doc(i),
			.read_only = true,
		};
		bool is_default;

		if (!is_asked(r, s.name))
			continue;
		s.value = broker_config_value(rq, i, &is_default);
		s.source = is_default ? CONFIG_SOURCE_DEFAULT :
		    CONFIG_SOURCE_STATIC_BROKER;
		write_begin(rq, &s);
		kout_array(out, d->synonyms ? 1 : 0);
		if (d->synonyms)
			write_synonym(out, s.name, s.value, s.source);
		write_end(rq, d, &s);
		n++;
	}
	kout_array_end(out, at, n);
}

/* ------------------------------------------------------ DescribeConfigs */

static void
write_head(struct kafka_request *rq, const struct resource *r,
    enum kafka_error error, const char *text)
{
	struct kafka_out *out = &rq->out;

	kout_i16(out, error);
	kout_str_null(out, text);
	kout_i8(out, r->type);
	kout_str(out, r->name);
	if (error != KAFKA_NONE)
		kout_array(out, 0);
}

static void
describe_topic(struct kafka_request *rq, const struct describe *d,
    const struct resource *r)
{
	struct leat_err err = LEAT_ERR_INIT;
	const char **own;

	if (!kafka_may(rq, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, r->name)) {
		write_head(rq, r, KAFKA_TOPIC_AUTHORIZATION_FAILED, NULL);
	} else if (broker_topic_name_check(r->name, &err) < 0 ||
	    (own = topic_config_own(rq, r->name, &err)) == NULL) {
		write_head(rq, r, kafka_error_of(&err), err.text);
	} else {
		write_head(rq, r, KAFKA_NONE, NULL);
		write_topic(rq, d, r, own);
	}
}

static void
describe_broker(struct kafka_request *rq, const struct describe *d,
    const struct resource *r)
{
	enum config_target target = config_target(rq, r->name);

	if (!kafka_may(rq, ACL_DESCRIBE_CONFIGS, ACL_CLUSTER,
	    ACL_THE_CLUSTER)) {
		write_head(rq, r, KAFKA_CLUSTER_AUTHORIZATION_FAILED, NULL);
	} else if (target == CONFIG_OF_NOBODY) {
		write_head(rq, r, KAFKA_INVALID_REQUEST,
		    "there is no broker of this id");
	} else {
		write_head(rq, r, KAFKA_NONE, NULL);
		/* What is set for all brokers by clients: nothing. */
		if (target == CONFIG_OF_ALL_BROKERS)
			kout_array(&rq->out, 0);
		else
			write_broker(rq, d, r);
	}
}

static void
describe(struct kafka_request *rq, const struct describe *d,
    const struct resource *r)
{
	if (r->type == CONFIG_TOPIC)
		describe_topic(rq, d, r);
	else if (r->type == CONFIG_BROKER)
		describe_broker(rq, d, r);
	else
		write_head(rq, r, KAFKA_INVALID_REQUEST,
		    "only topics (2) and brokers (4) have settings here");
	kout_tags(&rq->out);
}

static void
decode_resource(struct kafka_in *in, struct resource *r)
{
	r->type = kin_i8(in);
	r->name = kin_str(in);
	r->nkeys = kin_array_null(in);
	r->keys = KIN_CALLOC(in, r->nkeys, const char *);
	for (int32_t i = 0; i < r->nkeys && kin_ok(in); i++)
		r->keys[i] = kin_str(in);
	kin_tags(in);
}

void
api_describe_configs(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	int32_t n = kin_array(in);
	struct resource *list = KIN_CALLOC(in, n, struct resource);
	struct describe d = { false, false };

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		decode_resource(in, &list[i]);
	d.synonyms = kin_bool(in);
	if (rq->version >= 3)
		d.docs = kin_bool(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(&rq->out);
	kout_array(&rq->out, n);
	for (int32_t i = 0; i < n && !rq->out.buf.failed; i++)
		describe(rq, &d, &list[i]);
	kout_tags(&rq->out);
	kafka_reply(rq);
}

/* -------------------------------------------------- ListConfigResources */

struct listing {
	struct kafka_request *rq;
	int32_t n;
};

static void
list_one(struct listing *l, const char *name, int8_t type)
{
	kout_str(&l->rq->out, name);
	if (l->rq->version >= 1)
		kout_i8(&l->rq->out, type);
	kout_tags(&l->rq->out);
	l->n++;
}

static int
list_topic(void *arg, const struct broker_topic_info *info)
{
	struct listing *l = arg;

	if (kafka_may(l->rq, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, info->name))
		list_one(l, info->name, CONFIG_TOPIC);
	return 0;
}

void
api_list_config_resources(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t n = rq->version >= 1 ? kin_array(in) : 0;
	/* Version 0 asks for the settings of clients' metrics: none. */
	bool topics = rq->version >= 1 && n == 0, brokers = topics;
	struct listing l = { rq, 0 };
	bool may;
	size_t at;

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		int8_t type = kin_i8(in);

		topics = topics || type == CONFIG_TOPIC;
		brokers = brokers || type == CONFIG_BROKER;
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	may = kafka_may(rq, ACL_DESCRIBE_CONFIGS, ACL_CLUSTER,
	    ACL_THE_CLUSTER);
	kout_throttle(out);
	kout_i16(out, may ? KAFKA_NONE : KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	at = kout_array_begin(out);
	if (topics && may)
		(void)broker_topic_each(rq->broker, list_topic, &l);
	if (brokers && may) {
		char id[16];

		snprintf(id, sizeof(id), "%d", rq->server->o.node_id);
		list_one(&l, id, CONFIG_BROKER);
	}
	kout_array_end(out, at, l.n);
	kout_tags(out);
	kafka_reply(rq);
}
