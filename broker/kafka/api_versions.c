/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_versions.c: ApiVersions, by which clients find out what we speak.
 */
#include "broker/coord/txns.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"

/*
 * The one feature of the cluster that clients change their ways by: they take
 * to transactions whose end bumps the epoch (KIP-890). There is nothing to
 * upgrade, so what is supported is in use.
 */
static const char feature[] = "transaction.version";

enum {
	FEATURE_MIN = TXN_CLASSIC,
	FEATURE_MAX = TXN_BUMPS,
	FEATURES_EPOCH = 1,	/* clients believe the largest they have seen */
	TAG_SUPPORTED = 0,
	TAG_EPOCH = 1,
	TAG_FINALIZED = 2,
	ZERO_VERSION = 4	/* clients below it take a minimum of 0 for an
				   error */
};

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

/* An array of one. */
static void
write_feature(struct kafka_out *out, uint32_t tag, int16_t first,
    int16_t second)
{
	/* Two lengths of a byte each, the name, two versions, no tags. */
	kout_tag(out, tag, 2 + sizeof(feature) - 1 + 2 * sizeof(first) + 1);
	kout_array(out, 1);
	kout_str(out, feature);
	kout_i16(out, first);
	kout_i16(out, second);
	kout_tags(out);
}

static void
write_features(struct kafka_out *out)
{
	bool supported = out->version >= ZERO_VERSION;

	kout_tags_begin(out, supported ? 3 : 2);
	if (supported)
		write_feature(out, TAG_SUPPORTED, FEATURE_MIN, FEATURE_MAX);
	kout_tag(out, TAG_EPOCH, sizeof(int64_t));
	kout_i64(out, FEATURES_EPOCH);
	write_feature(out, TAG_FINALIZED, FEATURE_MAX, FEATURE_MAX);
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
	if (rq->version >= 3)
		write_features(out);
	kafka_reply(rq);
}
