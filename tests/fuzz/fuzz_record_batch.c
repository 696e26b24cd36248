/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of a record batch: any bytes, also with the checksum made right. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/log/batch.h"
#include "broker/log/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(const uint8_t *data, size_t size)
{
	struct batch_reader *r = batch_reader_new(1 << 20);
	struct record rec;
	int32_t epoch;

	if (r != NULL && batch_reader_open(r, data, size, NULL) == 0)
		while (batch_reader_next(r, &rec, NULL) > 0)
			;
	batch_reader_free(r);
	(void)batch_marker_decode(data, size, &epoch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct topic_config config;
	struct batch_header h;
	uint8_t *copy = malloc(size + 1);
	int32_t bad;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	read_all(copy, size);
	if (size >= RECORD_BATCH_HEADER_BYTES) {
		copy[16] = 2;
		batch_seal(copy, size);
		read_all(copy, size);
		topic_config_init(&config);
		config.cleanup = CLEANUP_COMPACT;
		(void)validate_batch(copy, size, &config, 1700000000000, &h,
		    &bad, NULL);
	}
	free(copy);
	return 0;
}
