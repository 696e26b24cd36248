/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_golden.c: a session as PostgreSQL 15 wrote it, byte by byte, through
 * decoding and apply to the events that Debezium makes of it.
 *
 * The catalog is that of a server with the same table; its OIDs replace R and
 * E in the recorded bytes. Nulls that have a default stay null here: it is the
 * converter that replaces them.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/fake_host.h>

#include "pg_apply.h"
#include "pg_message.h"
#include "tests/harness/pg.h"
#include "tests/harness/pgserver.h"
#include "tests/harness/proc.h"

/* ------------------------------------------------------- what was recorded */

#define EPOCH_US INT64_C(946684800000000)	/* 2000 in Unix time */

/* clang-format off */
static const struct frame {
	uint64_t lsn;
	const char *hex;	/* R: of the relation, E: of the enum */
} frames[] = {
	{ 0x1fab5e10, "42 000000001fab5f08 000303d6e74406da 0003105b" },
	{ 0, "59 EEEEEEEE 73686f7000 6d6f6f6400" },
	{ 0, "52 RRRRRRRR 73686f7000 6f726465727300 64 0006"
	     "01 696400 00000017 ffffffff"
	     "00 637573746f6d657200 00000413 00000018"
	     "00 616d6f756e7400 000006a4 000a0006"
	     "00 6e6f746500 00000019 ffffffff"
	     "00 6372656174656400 000004a0 ffffffff"
	     "00 6d00 EEEEEEEE ffffffff" },
	{ 0x1fab5e10, "49 RRRRRRRR 4e 0006 74 00000001 31"
	     "74 00000003 616e6e 74 00000005 31392e3939"
	     "74 00000004 6e6f6e65 74 00000019 323032342d30332d30312030313a30"
	     "323a30332e34352b3030 6e" },
	{ 0x1fab5f38, "43 00 000000001fab5f08 000000001fab5f38"
	     "000303d6e74406da" },
	{ 0x1fab5f38, "42 000000001fab5fa0 000303d6e7440813 0003105c" },
	{ 0x1fab5f38, "55 RRRRRRRR 4e 0006 74 00000001 31"
	     "74 00000003 616e6e 74 00000004 352e3030"
	     "74 00000004 6e6f6e65 74 00000019 323032342d30332d30312030313a30"
	     "323a30332e34352b3030 6e" },
	{ 0x1fab5fd0, "43 00 000000001fab5fa0 000000001fab5fd0"
	     "000303d6e7440813" },
	/* ..015522 after E1's ..011738 */
	{ 0x1fab5fd0, "42 000000001fab6090 000303d6e74415a2 0003105d" },
	{ 0x1fab5fd0, "55 RRRRRRRR 4b 0006 74 00000001 31 6e 6e 6e 6e 6e"
	     "4e 0006 74 00000001 37 74 00000003 616e6e 74 00000004 352e3030"
	     "74 00000004 6e6f6e65 74 00000019 323032342d30332d30312030313a30"
	     "323a30332e34352b3030 6e" },
	{ 0x1fab60c8, "43 00 000000001fab6090 000000001fab60c8"
	     "000303d6e74415a2" },
	{ 0x1fab60c8, "42 000000001fab6100 000303d6e744163a 0003105e" },
	{ 0x1fab60c8, "44 RRRRRRRR 4b 0006 74 00000001 37 6e 6e 6e 6e 6e" },
	{ 0x1fab6138, "43 00 000000001fab6100 000000001fab6138"
	     "000303d6e744163a" },
	{ 0x1fab7130, "42 000000001fab7300 000303d6e7441872 0003105f" },
	{ 0x1fab7130, "54 00000001 02 RRRRRRRR" },
	{ 0x1fab7348, "43 00 000000001fab7300 000000001fab7348"
	     "000303d6e7441872" },
};
/* clang-format on */

enum { NFRAMES = sizeof(frames) / sizeof(frames[0]) };

/* ---------------------------------------------- what Debezium makes of it */

#define ROW(id, amount) \
	"{\"id\":" id ",\"customer\":\"ann\",\"amount\":\"" amount "\"," \
	"\"note\":\"none\",\"created\":\"2024-03-01T01:02:03.450000Z\"," \
	"\"m\":null}"
#define KEY_ROW(id) \
	"{\"id\":" id ",\"customer\":\"\",\"amount\":null,\"note\":null," \
	"\"created\":\"1970-01-01T00:00:00Z\",\"m\":null}"
#define EVENT(before, after, ms, sequence, us, txid, lsn, op) \
	"{\"before\":" before ",\"after\":" after ",\"source\":{\"version\":" \
	"\"" LEAT_VERSION "\",\"connector\":\"postgresql\",\"name\":\"px\"," \
	"\"ts_ms\":17953312680" ms ",\"snapshot\":null,\"db\":\"demo\"," \
	"\"sequence\":\"[" sequence ",\\\"" lsn "\\\"]\",\"ts_us\":" \
	"17953312680" us ",\"ts_ns\":17953312680" us "000,\"schema\":" \
	"\"shop\",\"table\":\"orders\",\"txId\":" txid ",\"lsn\":" lsn "," \
	"\"xmin\":null,\"origin\":null,\"origin_lsn\":null}," \
	"\"transaction\":null,\"op\":\"" op "\",\"ts_ms\":1795331268300," \
	"\"ts_us\":1795331268300412,\"ts_ns\":1795331268300412000}"

static const struct {
	const char *key;
	const char *value;
} events[] = {
	{ "{\"id\":1}", EVENT("null", ROW("1", "B88="), "11", "null", "11738",
	    "200795", "531324432", "c") },
	{ "{\"id\":1}", EVENT("null", ROW("1", "AfQ="), "12",
	    "\\\"531324728\\\"", "12051", "200796", "531324728", "u") },
	{ "{\"id\":1}", EVENT(KEY_ROW("1"), "null", "15",
	    "\\\"531324880\\\"", "15522", "200797", "531324880", "d") },
	{ "{\"id\":1}", "null" },
	{ "{\"id\":7}", EVENT("null", ROW("7", "AfQ="), "15",
	    "\\\"531324880\\\"", "15522", "200797", "531324880", "c") },
	{ "{\"id\":7}", EVENT(KEY_ROW("7"), "null", "15",
	    "\\\"531325128\\\"", "15674", "200798", "531325128", "d") },
	{ "{\"id\":7}", "null" },
	{ "null", EVENT("null", "null", "16", "\\\"531325240\\\"", "16242",
	    "200799", "531329328", "t") },
};

enum { NEVENTS = sizeof(events) / sizeof(events[0]) };

/* ---------------------------------------- a source that reads these frames */

struct golden {
	const struct pg_config *cfg;
	struct leat_arena arena;
	struct pg_conn sql;
	struct pg_filters filters;
	struct pg_relcache rels;
	struct pg_emit emit;
	struct pg_messages messages;
	struct pg_stream stream;
	char rel[9];
	char mood[9];
	int next;
};

static void
golden_close(void *self)
{
	struct golden *g = self;

	pg_relcache_fini(&g->rels);
	pg_emit_fini(&g->emit);
	pg_filters_fini(&g->filters);
	pg_conn_close(&g->sql);
	leat_arena_fini(&g->arena);
	free(g);
}

static void
fill_stream(struct golden *g, struct leat_task *t)
{
	int64_t *m = leat_metric(t, LEAT_METRIC_COUNTER, "x", "x");

	pg_relcache_init(&g->rels);
	g->rels.task = g->stream.task = t;
	g->rels.cfg = g->stream.cfg = g->cfg;
	g->rels.filters = &g->filters;
	g->rels.prefix = "px";
	g->rels.conn = &g->sql;
	g->rels.m_unconverted = m;
	g->stream.rels = &g->rels;
	g->stream.emit = &g->emit;
	g->stream.messages = &g->messages;
	g->stream.m_lag = g->stream.m_messages = g->stream.m_tx = m;
	g->stream.m_delay = g->stream.m_filtered = m;
	g->stream.m_confirmed = m;
}

static int32_t
golden_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	struct golden *g = calloc(1, sizeof(*g));
	int rc;

	assert_non_null(g);
	g->cfg = config;
	leat_arena_init(&g->arena, 65536, 0);
	fill_stream(g, t);
	rc = pg_filters_init(&g->filters, g->cfg, err);
	if (rc == 0)
		rc = pg_conn_open(&g->sql, t, g->cfg, PG_CONN_SQL, err);
	if (rc == 0)
		rc = pg_emit_init(&g->emit, t, g->cfg, "px", "demo", &g->arena,
		    err);
	g->rels.source_schema = g->emit.source_schema;
	if (rc == 0)
		rc = pg_messages_init(&g->messages, &g->emit, &g->arena, err);
	if (rc < 0) {
		golden_close(g);
		return rc;
	}
	memcpy(g->rel, th_pg_value(pg, "SELECT lpad(to_hex("
	    "'shop.orders'::regclass::oid::int), 8, '0')"), 9);
	memcpy(g->mood, th_pg_value(pg, "SELECT lpad(to_hex("
	    "'shop.mood'::regtype::oid::int), 8, '0')"), 9);
	*ret_self = g;
	return 0;
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The bytes of a frame, with the OIDs of this server. */
static size_t
frame_bytes(const struct golden *g, const char *hex, char *to)
{
	char text[1024];
	size_t n = 0;

	for (const char *p = hex; *p != '\0'; p++) {
		if (*p == ' ')
			continue;
		if (*p == 'R' || *p == 'E') {
			memcpy(text + n, *p == 'R' ? g->rel : g->mood, 8);
			n += 8;
			p += 7;
		} else {
			text[n++] = *p;
		}
	}
	for (size_t i = 0; i < n / 2; i++)
		to[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i +
		    1]));
	return n / 2;
}

static int32_t
golden_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct golden *g = self;
	char bytes[512];
	int rc = 0;

	pg_emit_clock(&g->emit);
	for (; g->next < NFRAMES && rc == 0; g->next++) {
		struct pgo_frame f = { .kind = PGO_FRAME_DATA,
			.lsn = frames[g->next].lsn,
			.payload = bytes };

		f.payload_len = frame_bytes(g, frames[g->next].hex, bytes);
		rc = pg_apply(&g->stream, b, &f, err);
	}
	return rc == 0 ? pg_apply_position(&g->stream, b, err) : rc;
}

static const struct leat_source_ops golden_calls = {
	.size = sizeof(golden_calls),
	.open = golden_open,
	.poll = golden_poll,
	.close = golden_close,
};

static const struct leat_connector golden = {
	.size = sizeof(golden),
	.kind = LEAT_SOURCE,
	.name = "golden-source",
	.version = "1",
	.help = "Reads recorded frames.",
	.options = pg_source_options,
	.config_size = sizeof(struct pg_config),
	.source = &golden_calls,
};

static void
test_session(void **state)
{
	struct leat_fake *f = leat_fake_new(&golden);
	int rc;

	th_pg_exec(pg, "CREATE SCHEMA shop;"
	    "CREATE TYPE shop.mood AS ENUM ('sad','happy');"
	    "CREATE TABLE shop.orders(id serial PRIMARY KEY,"
	    " customer varchar(20) NOT NULL, amount numeric(10,2),"
	    " note text DEFAULT 'none', created timestamptz NOT NULL,"
	    " m shop.mood)");
	leat_fake_set(f, "url", th_pg_url(pg, NULL));
	leat_fake_set(f, "topic.prefix", "px");
	leat_fake_set_clock(f, INT64_C(1795331268300412));
	if (leat_fake_open(f) < 0)
		fail_msg("%s", leat_fake_err(f)->text);
	rc = leat_fake_poll(f);
	if (rc < 0)
		fail_msg("%s", leat_fake_err(f)->text);
	assert_int_equal(rc, NEVENTS);
	for (size_t i = 0; i < NEVENTS; i++) {
		assert_string_equal(leat_fake_record(f, i)->topic,
		    "px.shop.orders");
		assert_string_equal(leat_fake_key(f, i), events[i].key);
		assert_string_equal(leat_fake_value(f, i), events[i].value);
	}
	assert_non_null(strstr(leat_fake_json(f, 2),
	    "\"__debezium.newkey\":{\"id\":7}"));
	assert_non_null(strstr(leat_fake_json(f, 4),
	    "\"__debezium.oldkey\":{\"id\":1}"));
	leat_fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
