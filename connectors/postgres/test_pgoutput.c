/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pgoutput.c: the decoder against bytes that a PostgreSQL 15.20 sent.
 */
#include "pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pgo_decoder dec;
static struct pgo_msg msg;
static struct leat_err err;
static uint8_t bytes[4096];

#define BEGIN_1 "42 000000001fab5f08 000303d6e74406da 0003105b"
#define COMMIT_1 "43 00 000000001fab5f08 000000001fab5f38 000303d6e74406da"
#define TYPE_1 "59 00004053 73686f7000 6d6f6f6400"
#define RELATION_1 "52 00004058 73686f7000 6f726465727300 64 0006 " \
		   "01 696400 00000017 ffffffff " \
		   "00 637573746f6d657200 00000413 00000018 " \
		   "00 616d6f756e7400 000006a4 000a0006 " \
		   "00 6e6f746500 00000019 ffffffff " \
		   "00 6372656174656400 000004a0 ffffffff " \
		   "00 6d00 00004053 ffffffff"
#define ROW_1 "0006 74 00000001 31 74 00000003 616e6e " \
	      "74 00000005 31392e3939 74 00000004 6e6f6e65 " \
	      "74 00000019 323032342d30332d30312030313a30323a30332e" \
	      "34352b3030 6e"
#define INSERT_1 "49 00004058 4e " ROW_1
#define KEY_1 "0006 74 00000001 31 6e 6e 6e 6e 6e"

static size_t
from_hex(const char *hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	int half = 0;

	for (; *hex != '\0'; hex++) {
		const char *at = strchr(digits, *hex);

		if (*hex == ' ')
			continue;
		assert_non_null(at);
		if (half)
			bytes[n++] |= (uint8_t)(at - digits);
		else
			bytes[n] = (uint8_t)((at - digits) << 4);
		half = !half;
	}
	return n;
}

static int
decode(const char *hex)
{
	leat_err_clear(&err);
	return pgo_decode(&dec, bytes, from_hex(hex), &msg, &err);
}

#define assert_str(s, text) \
	do { \
		assert_int_equal((s).len, strlen(text)); \
		assert_memory_equal((s).ptr, text, strlen(text)); \
	} while (0)

static void
assert_column(const struct pgo_tuple *t, uint32_t i, const char *text)
{
	assert_true(i < t->ncols);
	if (text == NULL) {
		assert_int_equal(t->cols[i].kind, PGO_NULL);
		return;
	}
	assert_int_equal(t->cols[i].kind, PGO_TEXT);
	assert_int_equal(t->cols[i].len, strlen(text));
	assert_memory_equal(t->cols[i].data, text, strlen(text));
}

static void
test_transaction(void **state)
{
	assert_int_equal(decode(BEGIN_1), 0);
	assert_int_equal(msg.tag, PGO_BEGIN);
	assert_int_equal(msg.xid, 200795);
	assert_int_equal(msg.u.begin.final_lsn, 0x1fab5f08);
	assert_int_equal(msg.u.begin.commit_us, INT64_C(1795331268011738));
	assert_int_equal(decode(COMMIT_1), 0);
	assert_int_equal(msg.u.commit.commit_lsn, 0x1fab5f08);
	assert_int_equal(msg.u.commit.end_lsn, 0x1fab5f38);
	assert_int_equal(msg.u.commit.commit_us, INT64_C(1795331268011738));
	assert_int_equal(decode("4f 0000000000000010 6e6f646500"), 0);
	assert_int_equal(msg.u.origin.lsn, 16);
	assert_str(msg.u.origin.name, "node");
}

static void
test_relation(void **state)
{
	const struct pgo_relation *r = &msg.u.relation;

	assert_int_equal(decode(TYPE_1), 0);
	assert_int_equal(msg.u.type.oid, 0x4053);
	assert_str(msg.u.type.schema, "shop");
	assert_str(msg.u.type.name, "mood");
	assert_int_equal(decode(RELATION_1), 0);
	assert_int_equal(r->oid, 0x4058);
	assert_str(r->schema, "shop");
	assert_str(r->name, "orders");
	assert_int_equal(r->identity, 'd');
	assert_int_equal(r->ncols, 6);
	assert_int_equal(r->cols[0].in_identity, 1);
	assert_int_equal(r->cols[1].in_identity, 0);
	assert_str(r->cols[2].name, "amount");
	assert_int_equal(r->cols[2].type_oid, 1700);
	assert_int_equal(r->cols[2].typmod, 0x000a0006);
	assert_int_equal(r->cols[5].typmod, -1);
}

static void
test_changes(void **state)
{
	const struct pgo_change *c = &msg.u.change;

	assert_int_equal(decode(INSERT_1), 0);
	assert_int_equal(c->rel_oid, 0x4058);
	assert_int_equal(c->old_kind, 0);
	assert_column(&c->new_row, 2, "19.99");
	assert_column(&c->new_row, 4, "2024-03-01 01:02:03.45+00");
	assert_column(&c->new_row, 5, NULL);
	assert_int_equal(decode("55 00004058 4e " ROW_1), 0);
	assert_int_equal(c->old_kind, 0);
	assert_int_equal(decode("55 00004058 4b " KEY_1 " 4e " ROW_1), 0);
	assert_int_equal(c->old_kind, 'K');
	assert_column(&c->old_row, 0, "1");
	assert_column(&c->old_row, 1, NULL);
	assert_column(&c->new_row, 1, "ann");
	assert_int_equal(decode("55 00004058 4f " ROW_1 " 4e 0001 75"), 0);
	assert_int_equal(c->old_kind, 'O');
	assert_int_equal(c->new_row.cols[0].kind, PGO_UNCHANGED);
	assert_int_equal(decode("44 00004058 4b " KEY_1), 0);
	assert_column(&c->old_row, 0, "1");
}

static void
test_others(void **state)
{
	assert_int_equal(decode("54 00000001 02 00004058"), 0);
	assert_int_equal(msg.u.truncate.nrels, 1);
	assert_int_equal(msg.u.truncate.restart_identity, 1);
	assert_int_equal(msg.u.truncate.cascade, 0);
	assert_int_equal(decode("4d 01 000000001fab7348 617564697400 00000002 "
	    "6869"), 0);
	assert_int_equal(msg.u.message.transactional, 1);
	assert_str(msg.u.message.prefix, "audit");
	assert_str(msg.u.message.content, "hi");
}

/* Inside a streamed block rows carry a transaction id. */
static void
test_streamed(void **state)
{
	assert_int_equal(decode("53 00000007 01"), 0);
	assert_int_equal(msg.xid, 7);
	assert_int_equal(msg.first, 1);
	assert_int_equal(decode("49 00000008 00004058 4e " KEY_1), 0);
	assert_int_equal(msg.xid, 8);
	assert_int_equal(msg.u.change.rel_oid, 0x4058);
	assert_true(decode("53 00000007 00") < 0);
	assert_int_equal(decode("45"), 0);
	assert_int_equal(decode(INSERT_1), 0);
	assert_int_equal(decode("63 00000007 00 0000000000000001 "
	    "0000000000000002 0000000000000003"), 0);
	assert_int_equal(msg.u.prepared.end_lsn, 2);
	assert_int_equal(decode("41 00000007 00000008"), 0);
	assert_int_equal(msg.u.prepared.subxid, 8);
	assert_int_equal(decode("41 00000007 00000008 0000000000000009 "
	    "0000000000000000"), 0);
	assert_int_equal(msg.u.prepared.lsn, 9);
	assert_int_equal(decode("62 0000000000000001 0000000000000002 "
	    "0000000000000003 00000004 67696400"), 0);
	assert_int_equal(msg.xid, 4);
	assert_str(msg.u.prepared.gid, "gid");
	assert_int_equal(decode("4b 00 0000000000000001 0000000000000002 "
	    "0000000000000003 00000004 67696400"), 0);
	assert_int_equal(decode("72 00 0000000000000001 0000000000000002 "
	    "0000000000000003 0000000000000005 00000004 67696400"), 0);
	assert_int_equal(msg.xid, 4);
	assert_true(decode("45") < 0);
}

/* Every message cut short anywhere, or with a byte more, is refused. */
static void
test_cut_short(void **state)
{
	static const char *const all[] = { BEGIN_1, COMMIT_1, TYPE_1,
		RELATION_1, INSERT_1, ("55 00004058 4b " KEY_1 " 4e " ROW_1),
		("44 00004058 4b " KEY_1), "54 00000001 02 00004058",
		"4d 01 000000001fab7348 617564697400 00000002 6869",
		"4f 0000000000000010 6e6f646500",
		"63 00000007 00 0000000000000001 0000000000000002 "
		"0000000000000003",
		"62 0000000000000001 0000000000000002 0000000000000003 "
		"00000004 67696400",
		"50 00 0000000000000001 0000000000000002 0000000000000003 "
		"00000004 67696400",
		"4b 00 0000000000000001 0000000000000002 0000000000000003 "
		"00000004 67696400",
		"70 00 0000000000000001 0000000000000002 0000000000000003 "
		"00000004 67696400",
		"72 00 0000000000000001 0000000000000002 0000000000000003 "
		"0000000000000005 00000004 67696400" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t n = from_hex(all[i]);

		for (size_t k = 0; k < n; k++) {
			uint8_t *exact = malloc(k + 1);

			/* Its own allocation, so that overreads are seen. */
			assert_non_null(exact);
			memcpy(exact, bytes, k);
			assert_int_equal(pgo_decode(&dec, exact, k, &msg,
			    &err), LEAT_E_PROTO);
			free(exact);
		}
		bytes[n] = 0;
		assert_int_equal(pgo_decode(&dec, bytes, n + 1, &msg, &err),
		    LEAT_E_PROTO);
		assert_non_null(strstr(err.text, "left over"));
	}
	assert_true(decode("00") < 0);
	assert_non_null(strstr(err.text, "unknown pgoutput message 0x00"));
	assert_true(decode("49 00004058 4e ffff") < 0);
	assert_true(decode("54 ffffffff 00") < 0);
	assert_true(decode("49 00004058 4e 0001 78") < 0);
}

static void
test_frames(void **state)
{
	struct pgo_frame f;
	uint8_t status[PGO_STATUS_BYTES];
	size_t n = from_hex("77 000000001fab5e10 000000001fab5e10 "
	    "0000000000000000 43");

	assert_int_equal(pgo_frame_decode(bytes, n, &f, &err), 0);
	assert_int_equal(f.kind, PGO_FRAME_DATA);
	assert_int_equal(f.lsn, 531324432);
	assert_int_equal(f.payload_len, 1);
	for (size_t k = 0; k < n - 1; k++)
		assert_int_equal(pgo_frame_decode(bytes, k, &f, &err),
		    LEAT_E_PROTO);
	n = from_hex("6b 000000001fab5e10 0000000000000000 01");
	assert_int_equal(pgo_frame_decode(bytes, n, &f, &err), 0);
	assert_int_equal(f.kind, PGO_FRAME_KEEPALIVE);
	assert_int_equal(f.reply_now, 1);
	assert_int_equal(pgo_frame_decode(bytes, n - 1, &f, &err),
	    LEAT_E_PROTO);
	pgo_status_encode(status, 0x1fab5e11, 0x1fab5e10, PGO_EPOCH_US + 5, 1);
	assert_memory_equal(status, "r\0\0\0\0\x1f\xab\x5e\x11", 9);
	assert_memory_equal(status + 9, "\0\0\0\0\x1f\xab\x5e\x10", 8);
	assert_memory_equal(status + 17, "\0\0\0\0\x1f\xab\x5e\x10", 8);
	assert_memory_equal(status + 25, "\0\0\0\0\0\0\0\5\1", 9);
}

/* Decodes a seed: frames, each with two bytes of length before it. */
static void
decode_seed(const char *name, char *seen)
{
	const char *src = getenv("LEAT_SRC");
	char path[1024];
	size_t n, at;
	FILE *f;

	(void)snprintf(path, sizeof(path),
	    "%s/tests/fuzz/corpus/pgoutput/%s", src != NULL ? src : ".", name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("no %s", path);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	pgo_reset(&dec);
	for (at = 0; at + 2 <= n;) {
		size_t len = (size_t)bytes[at] << 8 | bytes[at + 1];
		struct pgo_frame frame;

		assert_true(at + 2 + len <= n);
		assert_int_equal(pgo_frame_decode(bytes + at + 2, len, &frame,
		    &err), 0);
		if (pgo_decode(&dec, frame.payload, frame.payload_len, &msg,
		    &err) < 0)
			fail_msg("%s: %s", name, err.text);
		seen[(unsigned char)frame.payload[0]] = 1;
		at += 2 + len;
	}
	assert_int_equal(at, n);
}

/* Fuzzing begins at every message of every version of the protocol. */
static void
test_corpus(void **state)
{
	static const char all[] = "BCORYIUDTMSEcAbPKrp";
	char seen[256] = { 0 };

	decode_seed("version_1", seen);
	for (const char *p = "BCORYIUDTM"; *p != '\0'; p++)
		assert_true(seen[(unsigned char)*p]);
	decode_seed("version_2", seen);
	decode_seed("version_3", seen);
	decode_seed("version_3_streamed", seen);
	decode_seed("version_4", seen);
	assert_int_equal(msg.tag, PGO_STREAM_ABORT);
	assert_int_equal(msg.u.prepared.lsn, 0x1fab5f08);
	for (const char *p = all; *p != '\0'; p++)
		if (!seen[(unsigned char)*p])
			fail_msg("no '%c' in the corpus", *p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_relation),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_streamed),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
