/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_position.h"

#include <string.h>

#include <leat/arena.h>
#include <leat/json.h>

static const struct {
	char tag;
	const char *word;
} types[] = {
	{ 'B', "BEGIN" },
	{ 'C', "COMMIT" },
	{ 'I', "INSERT" },
	{ 'U', "UPDATE" },
	{ 'D', "DELETE" },
	{ 'T', "TRUNCATE" },
	{ 'M', "MESSAGE" },
};

enum { NTYPES = sizeof(types) / sizeof(types[0]) };

static void
add_number(struct leat_buf *b, const char *key, uint64_t v)
{
	if (b->len > 1)
		(void)leat_buf_add_byte(b, ',');
	(void)leat_buf_add_byte(b, '"');
	(void)leat_buf_add_str(b, key);
	(void)leat_buf_add(b, "\":", 2);
	(void)leat_buf_add_u64(b, v);
}

static void
add_text(struct leat_buf *b, const char *key, const char *v)
{
	if (b->len > 1)
		(void)leat_buf_add_byte(b, ',');
	(void)leat_json_add_string(b, key, strlen(key));
	(void)leat_buf_add_byte(b, ':');
	(void)leat_json_add_string(b, v, strlen(v));
}

void
pg_position_encode(const struct pg_position *p, struct leat_buf *b)
{
	(void)leat_buf_add_byte(b, '{');
	if (p->snapshot || p->snapshot_done)
		add_text(b, "snapshot", "INITIAL");
	if (p->snapshot_done)
		(void)leat_buf_add_str(b, ",\"last_snapshot_record\":true,"
		    "\"snapshot_completed\":true");
	if (p->snapshot && p->snapshot_id != 0)
		add_number(b, "snapshot_id", (uint64_t)p->snapshot_id);
	add_number(b, "lsn_proc", p->lsn);
	for (int i = 0; i < NTYPES; i++)
		if (types[i].tag == p->message_type)
			add_text(b, "messageType", types[i].word);
	if (p->lsn_commit != 0)
		add_number(b, "lsn_commit", p->lsn_commit);
	add_number(b, "lsn", p->lsn);
	if (p->txid != 0)
		add_number(b, "txId", (uint64_t)p->txid);
	add_number(b, "ts_usec", (uint64_t)p->ts_us);
	add_number(b, "lsn_flush", p->flush);
	if (p->prepared != 0)
		add_number(b, "lsn_prepared", p->prepared);
	if (p->final_lsn != 0) {
		add_number(b, "final_lsn", p->final_lsn);
		add_number(b, "tx_events", p->events);
		if (p->records != 0)
			add_number(b, "tx_records", p->records);
	}
	if (p->system_id[0] != '\0')
		add_text(b, "system_id", p->system_id);
	if (p->timeline != 0)
		add_number(b, "timeline", p->timeline);
	(void)leat_buf_add_byte(b, '}');
}

/* A number of the object; 0 when it is not there. -1 when it is none. */
static int
get_number(const struct leat_value *map, const char *key, uint64_t *ret)
{
	const struct leat_value *v = leat_map_value(map, key);

	*ret = 0;
	if (v == NULL || v->kind == LEAT_NULL)
		return 0;
	if (v->kind != LEAT_INT64 || v->u.i < 0)
		return -1;
	*ret = (uint64_t)v->u.i;
	return 0;
}

static int
get_numbers(const struct leat_value *map, struct pg_position *p)
{
	uint64_t proc, txid, ts, timeline, id;

	if (get_number(map, "lsn", &p->lsn) < 0 ||
	    get_number(map, "lsn_proc", &proc) < 0 ||
	    get_number(map, "lsn_commit", &p->lsn_commit) < 0 ||
	    get_number(map, "lsn_flush", &p->flush) < 0 ||
	    get_number(map, "lsn_prepared", &p->prepared) < 0 ||
	    get_number(map, "final_lsn", &p->final_lsn) < 0 ||
	    get_number(map, "tx_events", &p->events) < 0 ||
	    get_number(map, "tx_records", &p->records) < 0 ||
	    get_number(map, "txId", &txid) < 0 ||
	    get_number(map, "ts_usec", &ts) < 0 ||
	    get_number(map, "snapshot_id", &id) < 0 ||
	    get_number(map, "timeline", &timeline) < 0 ||
	    timeline > UINT32_MAX)
		return -1;
	p->snapshot_id = (int64_t)id;
	p->timeline = (uint32_t)timeline;
	p->txid = (int64_t)txid;
	p->ts_us = (int64_t)ts;
	/* A position of Debezium's: whole transactions up to its commit. */
	if (p->flush == 0)
		p->flush = p->lsn_commit != 0 ? p->lsn_commit : proc;
	return 0;
}

static int
truth(const struct leat_value *v)
{
	return v != NULL && v->kind == LEAT_BOOLEAN && v->u.i != 0;
}

static void
get_words(const struct leat_value *map, struct pg_position *p)
{
	const struct leat_value *v = leat_map_value(map, "snapshot");
	int taking = v != NULL && v->kind != LEAT_NULL &&
	    (v->kind != LEAT_BOOLEAN || v->u.i != 0);

	p->snapshot_done = (char)truth(leat_map_value(map,
	    "snapshot_completed"));
	p->snapshot = (char)(taking && !p->snapshot_done);
	v = leat_map_value(map, "system_id");
	if (v != NULL && v->kind == LEAT_STRING &&
	    v->len < sizeof(p->system_id))
		memcpy(p->system_id, v->u.s, v->len);
	v = leat_map_value(map, "messageType");
	for (int i = 0; v != NULL && v->kind == LEAT_STRING && i < NTYPES; i++)
		if (leat_str_eq_c((struct leat_str){ v->u.s, v->len },
		    types[i].word))
			p->message_type = types[i].tag;
}

int
pg_position_parse(const char *text, struct pg_position *ret,
    struct leat_err *err)
{
	struct pg_position p = { 0 };
	struct leat_arena a;
	struct leat_value v;
	int rc;

	leat_arena_init(&a, 4096, 32u << 20);
	rc = leat_json_parse(&a, text, strlen(text), &v, err);
	if (rc == 0 && (v.kind != LEAT_MAP || get_numbers(&v, &p) < 0))
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_PARSE,
		    "not a position: %.200s", text);
	if (rc == 0) {
		get_words(&v, &p);
		*ret = p;
	}
	leat_arena_fini(&a);
	return rc < 0 ? leat_err_wrap(err, "stored position") : 0;
}
