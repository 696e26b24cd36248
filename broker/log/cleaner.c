/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/partition.h"

int
partition_clean(struct broker_partition *p, size_t max_memory, bool force,
    struct leat_err *err)
{
	return 0;
}
