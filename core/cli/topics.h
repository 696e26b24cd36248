/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.h: the commands of `leat topics`.
 */
#ifndef LEAT_CORE_CLI_TOPICS_H
#define LEAT_CORE_CLI_TOPICS_H

#include <stdbool.h>

#include "core/cli/rdkafka.h"

int cmd_topics_list(int argc, char **argv);
int cmd_topics_describe(int argc, char **argv);
int cmd_topics_create(int argc, char **argv);
int cmd_topics_delete(int argc, char **argv);
int cmd_topics_alter(int argc, char **argv);
int cmd_topics_purge(int argc, char **argv);

/* One that the cluster keeps for itself, by its name. */
bool cmd_topics_internal(const char *name);
/* Is this setting the topic's own? */
bool cmd_topics_own(const rd_kafka_ConfigEntry_t *e);

#endif
