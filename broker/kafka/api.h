/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h: the handlers that the table of requests names, by family.
 */
#ifndef LEAT_BROKER_KAFKA_API_H
#define LEAT_BROKER_KAFKA_API_H

struct kafka_request;

/* ---- api_versions.c */
void api_versions(struct kafka_request *rq);

/* ---- api_metadata.c */
void api_metadata(struct kafka_request *rq);
void api_find_coordinator(struct kafka_request *rq);

/* ---- api_topics.c */
void api_create_topics(struct kafka_request *rq);
void api_delete_topics(struct kafka_request *rq);
void api_create_partitions(struct kafka_request *rq);

/* ---- api_delete_records.c */
void api_delete_records(struct kafka_request *rq);

#endif
