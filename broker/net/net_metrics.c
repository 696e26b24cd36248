/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_metrics.c: what the listener counts. The numbers of an API are made when
 * it is first asked for, so that /metrics lists what is in use.
 */
#include <string.h>

#include "broker/net/net_int.h"
#include "core/base/metrics.h"
#include "core/base/obj.h"

enum {
	APIS_MAX = 128,
	NS_PER_US = 1000,
	US_PER_S = 1000000
};

static const struct {
	enum metric_type type;
	const char *name, *help;
} rows[NET_METRIC_N] = {
	[NET_CONNECTIONS] = { METRIC_GAUGE, "leat_kafka_connections",
	    "Connections of Kafka's clients." },
	[NET_ACCEPTED] = { METRIC_COUNTER,
	    "leat_kafka_connections_accepted_total",
	    "Connections that were let in." },
	[NET_REFUSED] = { METRIC_COUNTER,
	    "leat_kafka_connections_refused_total",
	    "Connections beyond the limits of connections." },
	[NET_BYTES_IN] = { METRIC_COUNTER, "leat_kafka_received_bytes_total",
	    "Bytes of requests." },
	[NET_BYTES_OUT] = { METRIC_COUNTER, "leat_kafka_sent_bytes_total",
	    "Bytes of answers." },
};

struct api_metrics {
	int64_t *requests;
	int64_t *seconds;
};

struct net_metrics {
	struct metrics *registry;
	int64_t *v[NET_METRIC_N];
	struct lock lock;	/* RANK_LEAF; guards `seen` */
	bool seen[APIS_MAX];
	struct api_metrics apis[APIS_MAX];	/* the pointers are atomic */
};

struct net_metrics *
net_metrics_new(struct metrics *registry)
{
	struct net_metrics *m;

	if (registry == NULL || (m = calloc(1, sizeof(*m))) == NULL)
		return NULL;
	m->registry = registry;
	lock_init(&m->lock, RANK_LEAF);
	for (int i = 0; i < NET_METRIC_N; i++)
		m->v[i] = metrics_get(registry, rows[i].type, rows[i].name,
		    rows[i].help, NULL, 0, 1);
	return m;
}

void
net_metrics_free(struct net_metrics *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < NET_METRIC_N; i++)
		if (m->v[i] != NULL)
			metrics_put(m->registry, m->v[i]);
	for (int i = 0; i < APIS_MAX; i++) {
		if (m->apis[i].requests != NULL)
			metrics_put(m->registry, m->apis[i].requests);
		if (m->apis[i].seconds != NULL)
			metrics_put(m->registry, m->apis[i].seconds);
	}
	lock_fini(&m->lock);
	free(m);
}

void
net_metrics_add(struct net_metrics *m, enum net_metric which, int64_t n)
{
	if (m != NULL)
		metric_add(m->v[which], n);
}

/* Registers the numbers of an API, once. */
static void
first_request(struct net_metrics *m, const struct kafka_api *api)
{
	struct api_metrics *a = &m->apis[api->key];
	struct metric_label label = { "api", api->name };
	bool seen;

	lock_acquire(&m->lock);
	seen = m->seen[api->key];
	m->seen[api->key] = true;
	lock_release(&m->lock);
	if (seen)
		return;
	__atomic_store_n(&a->seconds, metrics_get(m->registry, METRIC_COUNTER,
	    "leat_kafka_request_seconds_total",
	    "Time from the begin of requests to the end of their answers, "
	    "waiting included.", &label, 1, US_PER_S), __ATOMIC_RELEASE);
	__atomic_store_n(&a->requests, metrics_get(m->registry, METRIC_COUNTER,
	    "leat_kafka_requests_total", "Requests that were answered.",
	    &label, 1, 1), __ATOMIC_RELEASE);
}

void
net_metrics_request(struct net_metrics *m, const struct kafka_api *api,
    int64_t ns)
{
	struct api_metrics *a;

	if (m == NULL || api == NULL || api->key >= APIS_MAX)
		return;
	a = &m->apis[api->key];
	if (__atomic_load_n(&a->requests, __ATOMIC_ACQUIRE) == NULL)
		first_request(m, api);
	metric_add(__atomic_load_n(&a->requests, __ATOMIC_ACQUIRE), 1);
	metric_add(__atomic_load_n(&a->seconds, __ATOMIC_ACQUIRE),
	    ns / NS_PER_US);
}
