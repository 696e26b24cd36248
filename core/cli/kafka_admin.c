/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_admin.c: see kafka_admin.h. */
#include "core/cli/kafka_admin.h"

#include <string.h>

#include "core/base/obj.h"
#include "core/cli/cli.h"

enum { MARGIN_MS = 2000, SLICE_MS = 100 };

void
kafka_call_begin(struct kafka *k, struct kafka_call *ret_call)
{
	struct kafka_call *c = ret_call;
	char text[256];

	memset(c, 0, sizeof(*c));
	c->k = k;
	c->queue = rdk.queue_new(k->rk);
	c->options = rdk.AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_ANY);
	if (rdk.AdminOptions_set_request_timeout(c->options, k->timeout_ms,
		text, sizeof(text)) != 0)
		UNREACHABLE("a timeout that librdkafka refuses");
}

/* The library answers with a time-out by itself, a little later at most. */
int
kafka_call_wait(struct kafka_call *c, const char *what)
{
	int64_t end = kafka_now_ms() + c->k->timeout_ms + MARGIN_MS;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	const char *text = NULL;

	while (c->event == NULL && kafka_now_ms() < end &&
	    kafka_stop_signal() == 0)
		c->event = rdk.queue_poll(c->queue, SLICE_MS);
	if (c->event != NULL) {
		code = rdk.event_error(c->event);
		text = rdk.event_error_string(c->event);
	}
	if (code == 0)
		return EXIT_OK;
	return kafka_complain(c->k, code, text, "%s", what);
}

void
kafka_call_end(struct kafka_call *c)
{
	if (c->event != NULL)
		rdk.event_destroy(c->event);
	if (c->options != NULL)
		rdk.AdminOptions_destroy(c->options);
	if (c->queue != NULL)
		rdk.queue_destroy(c->queue);
	memset(c, 0, sizeof(*c));
}

int
kafka_topic_results(const struct kafka *k,
    const rd_kafka_topic_result_t **results, size_t n, const char *verb,
    rd_kafka_resp_err_t fine)
{
	int rc = EXIT_OK;

	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t code = rdk.topic_result_error(results[i]);
		int one;

		if (code == 0 || code == fine)
			continue;
		one = kafka_complain(k, code,
		    rdk.topic_result_error_string(results[i]),
		    "cannot %s topic '%s'", verb,
		    rdk.topic_result_name(results[i]));
		rc = rc == EXIT_OK ? one : rc;
	}
	return rc;
}

int
kafka_group_results(const struct kafka *k,
    const rd_kafka_group_result_t **results, size_t n, const char *verb)
{
	int rc = EXIT_OK;

	for (size_t i = 0; i < n; i++) {
		const rd_kafka_error_t *e = rdk.group_result_error(results[i]);
		const rd_kafka_topic_partition_list_t *parts =
		    rdk.group_result_partitions(results[i]);
		const char *name = rdk.group_result_name(results[i]);
		int one = EXIT_OK;

		if (e != NULL)
			one = kafka_complain(k, rdk.error_code(e),
			    rdk.error_string(e), "cannot %s group '%s'", verb,
			    name);
		for (int j = 0; e == NULL && parts != NULL && j < parts->cnt;
		    j++)
			if (parts->elems[j].err != 0)
				one = kafka_complain(k, parts->elems[j].err,
				    NULL, "cannot %s group '%s', topic '%s', "
				    "partition %d", verb, name,
				    parts->elems[j].topic,
				    parts->elems[j].partition);
		rc = rc == EXIT_OK ? one : rc;
	}
	return rc;
}

int
kafka_topic_config(struct kafka *k, struct kafka_call *c, const char *topic,
    const rd_kafka_ConfigEntry_t ***ret_entries, size_t *ret_n)
{
	rd_kafka_ConfigResource_t *r = rdk.ConfigResource_new(
	    RD_KAFKA_RESOURCE_TOPIC, topic);
	const rd_kafka_ConfigResource_t **found;
	rd_kafka_resp_err_t code;
	size_t n;
	int rc;

	kafka_call_begin(k, c);
	rdk.DescribeConfigs(k->rk, &r, 1, c->options, c->queue);
	rdk.ConfigResource_destroy(r);
	rc = kafka_call_wait(c, "cannot ask for the settings of the topic");
	if (rc != EXIT_OK)
		return rc;
	found = rdk.DescribeConfigs_result_resources(
	    rdk.event_DescribeConfigs_result(c->event), &n);
	code = n == 1 ? rdk.ConfigResource_error(found[0])
		      : RD_KAFKA_RESP_ERR__BAD_MSG;
	if (code != 0)
		return kafka_complain(k, code,
		    n == 1 ? rdk.ConfigResource_error_string(found[0]) : NULL,
		    "cannot ask for the settings of topic '%s'", topic);
	*ret_entries = rdk.ConfigResource_configs(found[0], ret_n);
	return EXIT_OK;
}
