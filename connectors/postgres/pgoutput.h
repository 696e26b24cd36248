/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgoutput.h: PostgreSQL's logical replication messages, decoded.
 *
 * A pure decoder: bytes in, structs out, no I/O and no allocation. It knows
 * protocol versions 1 to 4; what stands inside a streamed block (between
 * Stream start and Stream stop) carries a transaction id in front, and the
 * decoder keeps track of that. All pointers of a decoded message lead into the
 * bytes that were given or into the decoder, and hold until the next call.
 */
#ifndef LEAT_PGOUTPUT_H
#define LEAT_PGOUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>
#include <leat/str.h>

enum {
	PGO_MAX_COLUMNS = 1664,	/* PostgreSQL's MaxTupleAttributeNumber */
	PGO_MAX_TRUNCATED = 65536	/* relations of one TRUNCATE */
};

#define PGO_EPOCH_US INT64_C(946684800000000)

/* The tag bytes of the messages. */
enum pgo_tag {
	PGO_BEGIN = 'B',
	PGO_COMMIT = 'C',
	PGO_ORIGIN = 'O',
	PGO_RELATION = 'R',
	PGO_TYPE = 'Y',
	PGO_INSERT = 'I',
	PGO_UPDATE = 'U',
	PGO_DELETE = 'D',
	PGO_TRUNCATE = 'T',
	PGO_MESSAGE = 'M',
	PGO_STREAM_START = 'S',
	PGO_STREAM_STOP = 'E',
	PGO_STREAM_COMMIT = 'c',
	PGO_STREAM_ABORT = 'A',
	PGO_BEGIN_PREPARE = 'b',
	PGO_PREPARE = 'P',
	PGO_COMMIT_PREPARED = 'K',
	PGO_ROLLBACK_PREPARED = 'r',
	PGO_STREAM_PREPARE = 'p'
};

/* What a column of a tuple holds. */
enum {
	PGO_NULL = 'n',
	PGO_UNCHANGED = 'u',	/* a large value that the update left alone */
	PGO_TEXT = 't',
	PGO_BINARY = 'b'
};

struct pgo_column {
	const char *data;	/* TEXT, BINARY; not NUL-terminated */
	uint32_t len;
	uint32_t kind;		/* PGO_NULL .. */
};

struct pgo_tuple {
	const struct pgo_column *cols;
	uint32_t ncols;
};

struct pgo_relcol {
	struct leat_str name;
	uint32_t type_oid;
	int32_t typmod;
	uint32_t in_identity;	/* 1: part of the replica identity */
};

struct pgo_begin {
	uint64_t final_lsn;	/* where the commit record stands */
	int64_t commit_us;	/* since 1970 */
};

struct pgo_commit {
	uint64_t commit_lsn;
	uint64_t end_lsn;
	int64_t commit_us;
};

struct pgo_origin {
	uint64_t lsn;
	struct leat_str name;
};

struct pgo_relation {
	uint32_t oid;
	uint32_t identity;	/* 'd', 'n', 'f' or 'i' */
	struct leat_str schema;
	struct leat_str name;
	uint32_t ncols;
	const struct pgo_relcol *cols;
};

struct pgo_type {
	uint32_t oid;
	struct leat_str schema;
	struct leat_str name;
};

struct pgo_change {
	uint32_t rel_oid;
	uint32_t old_kind;	/* 0: no old tuple, 'K': key, 'O': whole row */
	struct pgo_tuple old_row;
	struct pgo_tuple new_row;	/* INSERT, UPDATE */
};

struct pgo_truncate {
	uint32_t nrels;
	uint32_t cascade;
	uint32_t restart_identity;
	const uint8_t *oids;	/* nrels big-endian numbers: leat_get_u32() */
};

struct pgo_message {
	uint32_t transactional;
	uint64_t lsn;
	struct leat_str prefix;
	struct leat_str content;
};

/* c A b P K r p: only what all of them have in common, and their LSNs. */
struct pgo_prepared {
	uint32_t subxid;	/* STREAM_ABORT */
	uint64_t lsn;		/* of the commit, prepare or abort record */
	uint64_t end_lsn;
	int64_t time_us;
	struct leat_str gid;
};

struct pgo_msg {
	enum pgo_tag tag;
	uint32_t xid;		/* where the message has one, else 0 */
	uint32_t first;		/* STREAM_START: the first block */
	union {
		struct pgo_begin begin;
		struct pgo_commit commit;
		struct pgo_origin origin;
		struct pgo_relation relation;
		struct pgo_type type;
		struct pgo_change change;
		struct pgo_truncate truncate;
		struct pgo_message message;
		struct pgo_prepared prepared;
	} u;
};

struct pgo_decoder {
	int in_stream;		/* between S and E */
	struct pgo_column old_cols[PGO_MAX_COLUMNS];
	struct pgo_column new_cols[PGO_MAX_COLUMNS];
	struct pgo_relcol rel_cols[PGO_MAX_COLUMNS];
};

/* Forgets that a streamed block was open: for a new connection. */
void pgo_reset(struct pgo_decoder *d);

/*
 * Decodes one message, the payload of an XLogData frame. 0, or LEAT_E_PROTO
 * with the tag and the byte in err; *ret_msg is unspecified then.
 */
int pgo_decode(struct pgo_decoder *d, const void *p, size_t len,
    struct pgo_msg *ret_msg, struct leat_err *err);

/* The frames inside CopyData. */
enum {
	PGO_FRAME_DATA = 'w',
	PGO_FRAME_KEEPALIVE = 'k',
	PGO_DATA_HEADER = 25,
	PGO_STATUS_BYTES = 34
};

struct pgo_frame {
	uint32_t kind;		/* PGO_FRAME_DATA or PGO_FRAME_KEEPALIVE */
	uint32_t reply_now;	/* KEEPALIVE: the server wants a status */
	uint64_t lsn;		/* DATA: of the change; else: server's end */
	const char *payload;	/* DATA */
	size_t payload_len;
};

/* Decodes the head of a CopyData frame. 0, or LEAT_E_PROTO. */
int pgo_frame_decode(const void *p, size_t len, struct pgo_frame *ret_frame,
    struct leat_err *err);

/*
 * Writes a standby status update: what was received, and what is durable and
 * applied (0: not said).
 */
void pgo_status_encode(uint8_t to[PGO_STATUS_BYTES], uint64_t written,
    uint64_t flushed, int64_t now_us, int reply_now);

#endif
