/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h: the handlers that the table of requests names, by family.
 */
#ifndef LEAT_BROKER_KAFKA_API_H
#define LEAT_BROKER_KAFKA_API_H

struct kafka_api;
struct kafka_request;

/* ---- api_versions.c */
void api_versions(struct kafka_request *rq);

/* ---- api_metadata.c */
void api_metadata(struct kafka_request *rq);
void api_find_coordinator(struct kafka_request *rq);

/* ---- api_sasl.c */
void api_sasl_handshake(struct kafka_request *rq);
void api_sasl_authenticate(struct kafka_request *rq);
void api_sasl_cancel(struct kafka_request *rq);
/* What comes after a handshake of version 0: tokens without a header. */
extern const struct kafka_api api_sasl_raw;

#endif
