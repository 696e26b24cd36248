/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Producer ids: numbers that are given out once, ever.
 *
 * The file leat-producer-ids holds the first id that may not have been given
 * out, as "0\n<id>\n". Ids are taken from a block that was reserved by moving
 * that number forward durably, so a crash skips the rest of a block and never
 * repeats an id.
 */
#include <inttypes.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

enum { BLOCK = 1000, FILE_MAX_BYTES = 4096 };

static int
save_end(struct broker *b, int64_t end, struct leat_err *err)
{
	char path[4096], text[64];
	int n, rc;

	n = snprintf(text, sizeof(text), "0\n%" PRId64 "\n", end);
	snprintf(path, sizeof(path), "%s/leat-producer-ids", b->dir);
	rc = fsio_replace(b->env.fs, path, text, (size_t)n, 0640, err);
	if (rc == 0)
		b->end_id = end;
	return rc;
}

static int
reserve_block(struct broker *b, struct leat_err *err)
{
	if (b->end_id > INT64_MAX - BLOCK)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_LIMIT,
		    "no producer ids are left");
	return save_end(b, b->end_id + BLOCK, err);
}

int
producer_ids_raise(struct broker *b, int64_t to, struct leat_err *err)
{
	int rc;

	if (to <= b->end_id)
		return 0;
	if ((rc = save_end(b, to, err)) == 0)
		b->next_id = to;
	return rc;
}

int
producer_ids_open(struct broker *b, struct leat_err *err)
{
	char path[4096], *data;
	struct leat_str rest;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/leat-producer-ids", b->dir);
	rc = fsio_slurp(b->env.fs, path, FILE_MAX_BYTES, &data, &len, err);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	rest = (struct leat_str){ data, len };
	if (!leat_str_eq_c(leat_str_cut(&rest, '\n'), "0") ||
	    leat_parse_i64(leat_str_cut(&rest, '\n'), 0, INT64_MAX,
	    &b->next_id) < 0)
		rc = leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
		    "%s is damaged", path);
	b->end_id = b->next_id;
	free(data);
	return rc;
}

int
broker_producer_id(struct broker *b, int64_t *ret_id, struct leat_err *err)
{
	int rc = 0;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&b->ids_lock);
	if (b->next_id == b->end_id)
		rc = reserve_block(b, err);
	if (rc == 0)
		*ret_id = b->next_id++;
	lock_release(&b->ids_lock);
	return rc;
}
