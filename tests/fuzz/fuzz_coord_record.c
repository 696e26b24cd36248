/* SPDX-License-Identifier: Apache-2.0 */
/* Records of __consumer_offsets and __transaction_state, and snapshots. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "broker/coord/offset_record.h"
#include "broker/coord/txn_record.h"
#include "broker/log/producers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leat_str s = { (const char *)data, size }, id;
	struct offset_value ov;
	struct offset_key ok;
	struct txn_value tv;
	struct producers ps;

	(void)offset_key_decode(s, &ok);
	(void)offset_value_decode(s, &ov);
	(void)txn_key_decode(s, &id);
	if (txn_value_decode(s, &tv) == 0)
		free(tv.places);
	producers_init(&ps);
	(void)producers_decode(&ps, data, size, NULL);
	producers_fini(&ps);
	(void)java_hash(s);
	return 0;
}
