/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_pgoutput.c: a stream of frames, each with two bytes of length before it.
 * What decodes must lie within the input.
 */
#include <stdlib.h>
#include <string.h>

#include "pgoutput.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pgo_decoder dec;

static void
inside(const void *p, size_t n, const char *from, size_t len)
{
	const char *s = p;

	if (n > 0 && (s < from || n > len || s + n > from + len))
		abort();
}

static void
check_tuple(const struct pgo_tuple *t, const char *from, size_t len)
{
	for (uint32_t i = 0; i < t->ncols; i++)
		inside(t->cols[i].data, t->cols[i].len, from, len);
}

static void
check(const struct pgo_msg *m, const char *from, size_t len)
{
	if (m->tag == PGO_INSERT || m->tag == PGO_UPDATE)
		check_tuple(&m->u.change.new_row, from, len);
	if (m->tag == PGO_DELETE ||
	    (m->tag == PGO_UPDATE && m->u.change.old_kind != 0))
		check_tuple(&m->u.change.old_row, from, len);
	if (m->tag == PGO_TRUNCATE)
		inside(m->u.truncate.oids, (size_t)m->u.truncate.nrels * 4,
		    from, len);
	if (m->tag == PGO_MESSAGE)
		inside(m->u.message.content.ptr, m->u.message.content.len,
		    from, len);
	if (m->tag == PGO_RELATION)
		for (uint32_t i = 0; i < m->u.relation.ncols; i++)
			inside(m->u.relation.cols[i].name.ptr,
			    m->u.relation.cols[i].name.len, from, len);
}

static void
one_frame(const uint8_t *data, size_t len)
{
	struct leat_err err;
	struct pgo_frame f;
	struct pgo_msg m;
	uint8_t *exact = malloc(len + 1);

	if (exact == NULL)
		return;
	memcpy(exact, data, len);
	if (pgo_frame_decode(exact, len, &f, &err) == 0 &&
	    f.kind == PGO_FRAME_DATA &&
	    pgo_decode(&dec, f.payload, f.payload_len, &m, &err) == 0)
		check(&m, f.payload, f.payload_len);
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pgo_reset(&dec);
	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		one_frame(data, len);
		data += len;
		size -= len;
	}
	return 0;
}
