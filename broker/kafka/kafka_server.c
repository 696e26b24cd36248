/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_server.c: what the requests share: made, and freed.
 */
#include "broker/kafka/kafka_server.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"
#include "broker/kafka/fetch_session.h"
#include "broker/kafka/kafka_request.h"
#include "broker/kafka/sasl.h"
#include "core/base/obj.h"

void
broker_listen_options_init(struct broker_listen_options *o)
{
	*o = (struct broker_listen_options){
		.listen = "127.0.0.1:9092",
		.node_id = 1,
		.threads = 2,
		.max_connections = 12000,
		.max_connections_per_ip = 12000,
		.idle_ms = 600000,
		.request_max_bytes = 100 << 20,
		.queued_max_bytes = 128 << 20,
		.fetch_max_bytes = 55 << 20,
		.fetch_sessions_max = 1000,
		.delete_topics = true,
		.lenient_replication = true,
		.group_initial_delay_ms = 0,
		.group_session_min_ms = 6000,
		.group_session_max_ms = 1800000,
		.group_max_members = 10000,
		.txn_max_timeout_ms = 900000,
	};
}

/* "host:port", "[::1]:port" */
static int
set_advertised(struct kafka_server *s, const char *text, struct leat_err *err)
{
	const char *colon;
	int64_t port;
	size_t len;

	if (text == NULL)
		return 0;
	colon = strrchr(text, ':');
	if (colon == NULL || colon == text ||
	    leat_parse_i64(leat_str_c(colon + 1), 1, 65535, &port) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "advertised listener '%s': want host:port", text);
	len = (size_t)(colon - text);
	if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if ((s->advertised_host = strndup(text, len)) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->advertised_port = (int32_t)port;
	return 0;
}

/* Every text of the options, by its place. */
static const size_t texts[] = {
	offsetof(struct broker_listen_options, listen),
	offsetof(struct broker_listen_options, advertised),
	offsetof(struct broker_listen_options, tls_certificate),
	offsetof(struct broker_listen_options, tls_key),
	offsetof(struct broker_listen_options, tls_client_ca),
	offsetof(struct broker_listen_options, users_file),
	offsetof(struct broker_listen_options, sasl_mechanisms),
	offsetof(struct broker_listen_options, acl_file),
	offsetof(struct broker_listen_options, super_users),
};

static char **
text_at(struct broker_listen_options *o, size_t i)
{
	return (char **)(void *)((char *)o + texts[i]);
}

/* All or nothing: those that were not copied are NULL. */
static int
copy_options(struct kafka_server *s, const struct broker_listen_options *o)
{
	int rc = 0;

	s->o = *o;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char **text = text_at(&s->o, i);

		if (*text != NULL && (*text = strdup(*text)) == NULL)
			rc = -ENOMEM;
	}
	return rc;
}

int
kafka_server_new(struct broker *b, const struct broker_listen_options *o,
    struct kafka_server **ret_server, struct leat_err *err)
{
	struct kafka_server *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	s->broker = b;
	if (copy_options(s, o) < 0) {
		kafka_server_free(s);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	}
	if ((rc = set_advertised(s, o->advertised, err)) < 0 ||
	    (rc = access_new(&s->o, &s->access, err)) < 0) {
		kafka_server_free(s);
		return rc;
	}
	s->fetch_sessions = fetch_sessions_new(o->fetch_sessions_max);
	if (s->fetch_sessions == NULL) {
		kafka_server_free(s);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	}
	groups_configure(b->groups, &(struct group_limits){
	    .initial_delay_ms = o->group_initial_delay_ms,
	    .session_min_ms = o->group_session_min_ms,
	    .session_max_ms = o->group_session_max_ms,
	    .max_members = o->group_max_members });
	*ret_server = s;
	return 0;
}

void
kafka_server_free(struct kafka_server *s)
{
	if (s == NULL)
		return;
	fetch_sessions_free(s->fetch_sessions);
	access_free(s->access);
	free(s->advertised_host);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*text_at(&s->o, i));
	free(s);
}

int
kafka_peer_init(struct kafka_peer *peer, const struct kafka_server *s)
{
	peer->authenticated = !access_needs_login(s->access);
	peer->principal = strdup("User:ANONYMOUS");
	return peer->principal == NULL ? -1 : 0;
}

void
kafka_peer_fini(struct kafka_peer *peer)
{
	sasl_free(TAKE(peer->sasl));
	free(TAKE(peer->principal));
}
