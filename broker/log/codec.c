/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression of record batches, through the libraries of each codec.
 *
 * Inflating is bounded by the ceiling of the buffer it goes to: a peer's batch
 * of a few bytes may claim any size.
 */
#include "broker/log/codec.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <leat/wire.h>

#include "core/base/obj.h"

enum {
	XERIAL_HEADER = 16,
	XERIAL_BLOCK = 32 * 1024,
	CHUNK = 64 * 1024
};

static const uint8_t xerial_magic[8] = {
	0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0
};

static const char *const codec_names[CODEC_N] = {
	"none", "gzip", "snappy", "lz4", "zstd"
};

int
record_codec_parse(struct leat_str name)
{
	for (int i = 0; i < CODEC_N; i++)
		if (leat_str_eq_c(name, codec_names[i]))
			return i;
	return leat_str_eq_c(name, "uncompressed") ? CODEC_NONE : -1;
}

const char *
record_codec_name(enum record_codec codec)
{
	return (unsigned)codec < CODEC_N ? codec_names[codec] : "unknown";
}

void
codec_fini(struct codec *c)
{
	ZSTD_freeCCtx(c->zstd_compress);
	ZSTD_freeDCtx(c->zstd_inflate);
	if (c->lz4_inflate != NULL)
		LZ4F_freeDecompressionContext(c->lz4_inflate);
	memset(c, 0, sizeof(*c));
}

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static int
corrupt(struct leat_err *err, enum record_codec kind, const char *why)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_CORRUPT,
	    "%s data does not inflate: %s", codec_names[kind], why);
}

/* Room for the next piece of output, or the reason why there is none. */
static int
out_room(struct leat_buf *to, size_t want, size_t *ret_room,
    struct leat_err *err)
{
	size_t room = to->cap - to->len;

	if (room == 0) {
		room = MIN(want, to->max - to->len);
		if (room == 0)
			return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
			    "batch inflates to more than %zu bytes", to->max);
		if (leat_buf_reserve(to, room) == NULL)
			return no_memory(err);
		room = to->cap - to->len;
	}
	*ret_room = room;
	return 0;
}

/* ------------------------------------------------------------ compress */

static int
gzip_compress(int level, const void *src, size_t len, struct leat_buf *to,
    struct leat_err *err)
{
	z_stream z = { 0 };
	size_t bound;
	uint8_t *out;
	int rc;

	if (deflateInit2(&z, level == 0 ? Z_DEFAULT_COMPRESSION : level,
	    Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return no_memory(err);
	bound = deflateBound(&z, len);
	out = leat_buf_reserve(to, bound);
	if (out == NULL || len > UINT_MAX || bound > UINT_MAX) {
		deflateEnd(&z);
		return no_memory(err);
	}
	z.next_in = (Bytef *)(uintptr_t)src;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)bound;
	rc = deflate(&z, Z_FINISH);
	to->len += bound - z.avail_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : no_memory(err);
}

static int
snappy_compress_xerial(const uint8_t *src, size_t len, struct leat_buf *to,
    struct leat_err *err)
{
	(void)leat_buf_add(to, xerial_magic, sizeof(xerial_magic));
	leat_write_u32(to, 1);
	leat_write_u32(to, 1);
	while (len > 0) {
		size_t n = MIN(len, (size_t)XERIAL_BLOCK);
		size_t room = snappy_max_compressed_length(n);
		uint8_t *out = leat_buf_reserve(to, 4 + room);

		if (out == NULL)
			return no_memory(err);
		snappy_compress((const char *)src, n, (char *)out + 4, &room);
		leat_put_u32(out, (uint32_t)room);
		to->len += 4 + room;
		src += n;
		len -= n;
	}
	return to->failed ? no_memory(err) : 0;
}

static int
lz4_compress(int level, const void *src, size_t len, struct leat_buf *to,
    struct leat_err *err)
{
	LZ4F_preferences_t prefs = LZ4F_INIT_PREFERENCES;
	size_t bound, n;
	uint8_t *out;

	prefs.frameInfo.blockMode = LZ4F_blockIndependent;
	prefs.frameInfo.blockSizeID = LZ4F_max64KB;
	prefs.compressionLevel = level;
	bound = LZ4F_compressFrameBound(len, &prefs);
	out = leat_buf_reserve(to, bound);
	if (out == NULL)
		return no_memory(err);
	n = LZ4F_compressFrame(out, bound, src, len, &prefs);
	if (LZ4F_isError(n))
		return no_memory(err);
	to->len += n;
	return 0;
}

static int
zstd_compress(struct codec *c, int level, const void *src, size_t len,
    struct leat_buf *to, struct leat_err *err)
{
	size_t bound = ZSTD_compressBound(len), n;
	uint8_t *out;

	if (c->zstd_compress == NULL)
		c->zstd_compress = ZSTD_createCCtx();
	out = leat_buf_reserve(to, bound);
	if (out == NULL || c->zstd_compress == NULL)
		return no_memory(err);
	n = ZSTD_compressCCtx(c->zstd_compress, out, bound, src, len,
	    level == 0 ? ZSTD_CLEVEL_DEFAULT : level);
	if (ZSTD_isError(n))
		return no_memory(err);
	to->len += n;
	return 0;
}

int
codec_compress(struct codec *c, enum record_codec kind, int level,
    const void *src, size_t len, struct leat_buf *to, struct leat_err *err)
{
	switch (kind) {
	case CODEC_NONE:
		return leat_buf_add(to, src, len) < 0 ? no_memory(err) : 0;
	case CODEC_GZIP:
		return gzip_compress(level, src, len, to, err);
	case CODEC_SNAPPY:
		return snappy_compress_xerial(src, len, to, err);
	case CODEC_LZ4:
		return lz4_compress(level, src, len, to, err);
	case CODEC_ZSTD:
		return zstd_compress(c, level, src, len, to, err);
	case CODEC_N:
		break;
	}
	UNREACHABLE("codec");
}

/* ------------------------------------------------------------- inflate */

static int
gzip_inflate(const void *src, size_t len, struct leat_buf *to,
    struct leat_err *err)
{
	z_stream z = { 0 };
	int rc = 0, zrc = Z_OK;
	size_t room;

	if (len > UINT_MAX)
		return corrupt(err, CODEC_GZIP, "too long");
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return no_memory(err);
	z.next_in = (Bytef *)(uintptr_t)src;
	z.avail_in = (uInt)len;
	while (z.avail_in > 0 || zrc == Z_OK) {
		/* Java reads concatenated members as one stream. */
		if (zrc == Z_STREAM_END && inflateReset(&z) != Z_OK)
			break;
		if ((rc = out_room(to, MAX(len * 4, (size_t)CHUNK), &room,
		    err)) < 0)
			break;
		room = MIN(room, (size_t)UINT_MAX);
		z.next_out = to->data + to->len;
		z.avail_out = (uInt)room;
		zrc = inflate(&z, Z_NO_FLUSH);
		to->len += room - z.avail_out;
		if (zrc != Z_OK && zrc != Z_STREAM_END)
			break;
	}
	inflateEnd(&z);
	if (rc == 0 && zrc != Z_STREAM_END)
		rc = corrupt(err, CODEC_GZIP,
		    z.msg != NULL ? z.msg : "it ends early");
	return rc;
}

static int
snappy_block(const uint8_t *src, size_t len, struct leat_buf *to,
    struct leat_err *err)
{
	size_t n;
	uint8_t *out;

	if (snappy_uncompressed_length((const char *)src, len, &n) !=
	    SNAPPY_OK)
		return corrupt(err, CODEC_SNAPPY, "bad block header");
	if (n > to->max - to->len)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "batch inflates to more than %zu bytes", to->max);
	/* No block expands more than this; do not allocate for a lie. */
	if (n / 64 > len + 64)
		return corrupt(err, CODEC_SNAPPY, "impossible size");
	out = leat_buf_reserve(to, n > 0 ? n : 1);
	if (out == NULL)
		return no_memory(err);
	if (snappy_uncompress((const char *)src, len, (char *)out, &n) !=
	    SNAPPY_OK)
		return corrupt(err, CODEC_SNAPPY, "bad block");
	to->len += n;
	return 0;
}

static int
snappy_inflate(const uint8_t *src, size_t len, struct leat_buf *to,
    struct leat_err *err)
{
	if (len < sizeof(xerial_magic) ||
	    memcmp(src, xerial_magic, sizeof(xerial_magic)) != 0)
		return snappy_block(src, len, to, err);
	if (len < XERIAL_HEADER)
		return corrupt(err, CODEC_SNAPPY, "it ends early");
	src += XERIAL_HEADER;
	len -= XERIAL_HEADER;
	while (len > 0) {
		size_t n;
		int rc;

		if (len < 4 || (n = leat_get_u32(src)) > len - 4)
			return corrupt(err, CODEC_SNAPPY, "it ends early");
		if ((rc = snappy_block(src + 4, n, to, err)) < 0)
			return rc;
		src += 4 + n;
		len -= 4 + n;
	}
	return 0;
}

static int
lz4_inflate(struct codec *c, const uint8_t *src, size_t len,
    struct leat_buf *to, struct leat_err *err)
{
	LZ4F_dctx *d;
	size_t hint = 1;
	int rc;

	if (c->lz4_inflate == NULL) {
		if (LZ4F_isError(LZ4F_createDecompressionContext(&d,
		    LZ4F_VERSION)))
			return no_memory(err);
		c->lz4_inflate = d;
	}
	d = c->lz4_inflate;
	LZ4F_resetDecompressionContext(d);
	while (hint != 0) {
		size_t room, in = len;

		if ((rc = out_room(to, MAX(len * 3, (size_t)CHUNK), &room,
		    err)) < 0)
			return rc;
		hint = LZ4F_decompress(d, to->data + to->len, &room, src, &in,
		    NULL);
		if (LZ4F_isError(hint))
			return corrupt(err, CODEC_LZ4, LZ4F_getErrorName(hint));
		to->len += room;
		src += in;
		len -= in;
		if (in == 0 && room == 0 && hint != 0)
			return corrupt(err, CODEC_LZ4, "it ends early");
	}
	return len == 0 ? 0 : corrupt(err, CODEC_LZ4, "bytes behind the frame");
}

static int
zstd_inflate(struct codec *c, const void *src, size_t len,
    struct leat_buf *to, struct leat_err *err)
{
	ZSTD_inBuffer in = { src, len, 0 };
	size_t left = 1;
	int rc;

	if (c->zstd_inflate == NULL)
		c->zstd_inflate = ZSTD_createDCtx();
	if (c->zstd_inflate == NULL)
		return no_memory(err);
	ZSTD_DCtx_reset(c->zstd_inflate, ZSTD_reset_session_only);
	/* What a frame asks for as its window is memory of ours. */
	ZSTD_DCtx_setParameter(c->zstd_inflate, ZSTD_d_windowLogMax, 27);
	while (in.pos < in.size || left != 0) {
		size_t room, was = in.pos;
		ZSTD_outBuffer out;

		if ((rc = out_room(to, MAX(len * 4, (size_t)CHUNK), &room,
		    err)) < 0)
			return rc;
		out = (ZSTD_outBuffer){ to->data + to->len, room, 0 };
		left = ZSTD_decompressStream(c->zstd_inflate, &out, &in);
		if (ZSTD_isError(left))
			return corrupt(err, CODEC_ZSTD,
			    ZSTD_getErrorName(left));
		to->len += out.pos;
		if (in.pos == was && out.pos == 0 && left != 0)
			return corrupt(err, CODEC_ZSTD, "it ends early");
	}
	return 0;
}

int
codec_inflate(struct codec *c, enum record_codec kind, const void *src,
    size_t len, struct leat_buf *to, struct leat_err *err)
{
	switch (kind) {
	case CODEC_NONE:
		return leat_buf_add(to, src, len) < 0 ? no_memory(err) : 0;
	case CODEC_GZIP:
		return gzip_inflate(src, len, to, err);
	case CODEC_SNAPPY:
		return snappy_inflate(src, len, to, err);
	case CODEC_LZ4:
		return lz4_inflate(c, src, len, to, err);
	case CODEC_ZSTD:
		return zstd_inflate(c, src, len, to, err);
	case CODEC_N:
		break;
	}
	UNREACHABLE("codec");
}
