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

/* A text of the message; one for the empty schema is the decoder's own. */
static void
check_text(struct leat_str s, const char *from, size_t len)
{
	if (!leat_str_eq_c(s, "pg_catalog"))
		inside(s.ptr, s.len, from, len);
}

static void
check_relation(const struct pgo_relation *r, const char *from, size_t len)
{
	check_text(r->schema, from, len);
	check_text(r->name, from, len);
	for (uint32_t i = 0; i < r->ncols; i++)
		check_text(r->cols[i].name, from, len);
}

/* What the decoder takes for transactions by themselves. */
static void
check_kept(const struct pgo_msg *m, const char *from, size_t len)
{
	if (m->tag == PGO_STREAM_START && !dec.in_stream)
		abort();
	if (m->tag == PGO_STREAM_STOP && dec.in_stream)
		abort();
	if (m->tag == PGO_BEGIN_PREPARE || m->tag == PGO_PREPARE ||
	    m->tag == PGO_COMMIT_PREPARED || m->tag == PGO_STREAM_PREPARE ||
	    m->tag == PGO_ROLLBACK_PREPARED)
		check_text(m->u.prepared.gid, from, len);
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
	if (m->tag == PGO_MESSAGE) {
		check_text(m->u.message.prefix, from, len);
		check_text(m->u.message.content, from, len);
	}
	if (m->tag == PGO_RELATION)
		check_relation(&m->u.relation, from, len);
	if (m->tag == PGO_TYPE)
		check_text(m->u.type.name, from, len);
	if (m->tag == PGO_ORIGIN)
		check_text(m->u.origin.name, from, len);
	check_kept(m, from, len);
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
