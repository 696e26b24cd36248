/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_config.h: the properties of Kafka's Java clients as librdkafka takes
 * them, so that a client.properties that exists serves here too.
 */
#ifndef LEAT_CORE_CLI_KAFKA_CONFIG_H
#define LEAT_CORE_CLI_KAFKA_CONFIG_H

#include <leat/err.h>

#include "core/cli/rdkafka.h"

/*
 * Reads a file into conf. Names that neither Java's clients nor librdkafka
 * know are said on standard error and passed over. 0, or an error that begins
 * with the file's name.
 */
int kafka_config_file(rd_kafka_conf_t *conf, const char *path,
    struct leat_err *err);

#endif
