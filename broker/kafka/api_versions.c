/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_versions.c: ApiVersions, by which clients find out what we speak.
 */
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"

/* A version from the future: the layout of version 0 tells them ours. */
static bool
is_unknown(const struct kafka_request *rq)
{
	return rq->version < 0;
}

static void
write_apis(struct kafka_out *out)
{
	size_t n;
	const struct kafka_api *rows = kafka_apis(&n);

	kout_array(out, (int32_t)n);
	for (size_t i = 0; i < n; i++) {
		kout_i16(out, rows[i].key);
		kout_i16(out, rows[i].advertised_min);
		kout_i16(out, rows[i].max);
		kout_tags(out);
	}
}

void
api_versions(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;

	if (!is_unknown(rq)) {
		if (rq->version >= 3) {
			(void)kin_str(in);	/* clientSoftwareName */
			(void)kin_str(in);	/* clientSoftwareVersion */
		}
		kin_tags(in);
		if (!kafka_decoded(rq))
			return;
	}
	kout_i16(out, is_unknown(rq) ? KAFKA_UNSUPPORTED_VERSION : KAFKA_NONE);
	write_apis(out);
	if (rq->version >= 1)
		kout_throttle(out);
	kout_tags(out);
	kafka_reply(rq);
}
