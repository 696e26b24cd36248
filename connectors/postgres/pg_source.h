/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_source.h: the connector postgres-source.
 */
#ifndef LEAT_PG_SOURCE_H
#define LEAT_PG_SOURCE_H

#include <leat/connector.h>

extern const struct leat_connector pg_source_connector;

#endif
