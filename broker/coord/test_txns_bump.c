/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions whose end bumps the epoch (KIP-890): who is fenced, who may ask
 * again, what a restart finds, and what happens when the epochs are used up.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"
#include "tests/harness/th_txns.h"

static struct clock_fake fake;
static struct fsio disk;

/* When set, syncs of the topic "t" fail. */
static atomic_bool broken;

static int
breaking_fdatasync(const struct fsio *fs, int fd)
{
	char link[64], path[1024];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[MAX(n, (ssize_t)0)] = '\0';
	if (atomic_load(&broken) && strstr(path, "/t-0/") != NULL)
		return -EIO;
	return fsio_system.fdatasync(fs, fd);
}

static struct broker *
open_broker(const char *name)
{
	struct broker_options o;

	broker_options_init(&o);
	o.fs = &disk;
	o.clock = &fake.clock;
	o.flush_interval_ms = 5;
	o.checkpoint_ms = 3600000;
	return th_broker_open(name, &o);
}

static struct txn_ident
producer(struct broker *b, const char *id)
{
	struct txn_ident who = { id, -1, -1, TXN_BUMPS };

	assert_int_equal(th_txn_begin(b, &who), 0);
	return who;
}

/* A transaction of one record that is open. */
static void
write_one(struct broker *b, const struct txn_ident *who,
    struct broker_partition *p)
{
	assert_int_equal(th_txn_add(b, who, p), 0);
	assert_int_equal(th_txn_produce(p, who, 0), 0);
}

static void
set_epoch(struct broker *b, struct txn_ident *who, int16_t epoch)
{
	lock_acquire(&b->txns->lock);
	txn_entry_find(b->txns, who->id)->epoch = epoch;
	lock_release(&b->txns->lock);
	who->epoch = epoch;
}

/* Asks again with what it was: must get what it is. */
static void
ask_again(struct broker *b, struct txn_ident was, bool commit,
    const struct txn_ident *is)
{
	struct txn_ident other = was;

	assert_int_equal(th_txn_end(b, &other, !commit), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_end(b, &was, commit), 0);
	assert_int_equal(was.producer_id, is->producer_id);
	assert_int_equal(was.epoch, is->epoch);
}

static void
test_ends(void **state)
{
	struct broker *b = open_broker("ends");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was;

	for (int i = 0; i < 4; i++) {
		bool commit = i % 2 == 0;

		write_one(b, &who, p);
		was = who;
		assert_int_equal(th_txn_end(b, &who, commit), 0);
		assert_int_equal(who.producer_id, was.producer_id);
		assert_int_equal(who.epoch, was.epoch + 1);
		ask_again(b, was, commit, &who);
		/* What was long under way. */
		assert_int_equal(th_txn_produce(p, &was, 1), LEAT_E_FENCED);
		assert_int_equal(th_txn_add(b, &was, p), BROKER_E_TXN_FENCED);
		assert_int_equal(th_txn_offsets(b, &was, "g", 1),
		    BROKER_E_TXN_FENCED);
		was.epoch--;
		assert_int_equal(th_txn_end(b, &was, commit),
		    BROKER_E_TXN_FENCED);
	}
	assert_int_equal(th_txn_count(p), 2);
	assert_int_equal(p->stable, p->written);
	broker_partition_put(p);
	broker_close(b);
}

/* Abort of nothing, by who does not know what became of its transaction. */
static void
test_abort_nothing(void **state)
{
	struct broker *b = open_broker("nothing");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was = who;

	assert_int_equal(th_txn_end(b, &who, true), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_equal(who.epoch, was.epoch + 1);
	ask_again(b, was, false, &who);
	was = who;
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_equal(who.epoch, was.epoch + 1);
	write_one(b, &who, p);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	was = who;
	assert_int_equal(th_txn_end(b, &who, true), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	ask_again(b, was, false, &who);
	broker_partition_put(p);
	broker_close(b);
	/* The abort came behind the commit, and must not stand in its place. */
	b = open_broker("nothing");
	p = th_topic(b, "t");
	assert_int_equal(th_txn_count(p), 1);
	ask_again(b, was, false, &who);
	broker_partition_put(p);
	broker_close(b);
}

/* The classic requests and these, one after another. */
static void
test_both_flows(void **state)
{
	struct broker *b = open_broker("flows");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was;

	who.version = TXN_CLASSIC;
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(who.epoch, 0);
	/* In the same epoch the sequences go on. */
	who.version = TXN_BUMPS;
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 1), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(who.epoch, 1);
	/* Begun in one flow and ended in the other. */
	write_one(b, &who, p);
	who.version = TXN_CLASSIC;
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(who.epoch, 1);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	/* That end gave nobody another epoch: who had 0 is a zombie. */
	was = who;
	was.epoch = 0;
	was.version = TXN_BUMPS;
	assert_int_equal(th_txn_end(b, &was, true), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_count(p), 4 - 1);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_fenced(void **state)
{
	struct broker *b = open_broker("fenced");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was = who;
	struct txn_entry *e;

	/* By its successor. */
	write_one(b, &was, p);
	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(who.epoch, was.epoch + 2);
	assert_int_equal(th_txn_end(b, &was, false), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_end(b, &was, true), BROKER_E_TXN_FENCED);
	/* By time: it may still agree to the abort, but not commit. */
	write_one(b, &who, p);
	clock_fake_advance_ms(&fake, TH_TXN_TIMEOUT_MS);
	txns_expire(b->txns);
	lock_acquire(&b->txns->lock);
	e = txn_entry_find(b->txns, "a");
	txn_wait_idle_locked(e);
	lock_release(&b->txns->lock);
	assert_int_equal(th_txn_produce(p, &who, 1), LEAT_E_FENCED);
	was = who;
	assert_int_equal(th_txn_end(b, &who, true), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_equal(who.epoch, was.epoch + 1);
	write_one(b, &who, p);
	/* It asks for an epoch, having lost the answer to its end. */
	was = who;
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_begin_as(b, &was, was.producer_id, was.epoch),
	    0);
	assert_int_equal(was.epoch, who.epoch);
	assert_int_equal(th_txn_count(p), 1);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_offsets(void **state)
{
	struct broker *b = open_broker("offsets");
	struct txn_ident who = producer(b, "a");
	int64_t at = -1;

	/* The first of them adds the group. */
	assert_int_equal(th_txn_offsets(b, &who, "g", 5), 0);
	assert_int_equal(th_txn_state(b, "a"), TXN_ONGOING);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at),
	    LEAT_E_NOTFOUND);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at), 0);
	assert_int_equal(at, 5);
	assert_int_equal(th_txn_offsets(b, &who, "g", 6), 0);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at), 0);
	assert_int_equal(at, 5);
	broker_close(b);
}

/* What could not be decided keeps its epoch, for its producer to abort. */
static void
test_not_ended(void **state)
{
	struct broker *b = open_broker("undecided");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was;

	set_epoch(b, &who, TXN_EPOCH_LAST);
	was = who;
	atomic_store(&broken, true);
	write_one(b, &who, p);
	assert_true(th_txn_end(b, &who, true) < 0);
	assert_int_equal(th_txn_state(b, "a"), TXN_ONGOING);
	assert_int_equal(who.epoch, was.epoch);
	assert_int_equal(who.producer_id, was.producer_id);
	assert_true(th_txn_end(b, &who, true) < 0);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_not_equal(who.producer_id, was.producer_id);
	assert_int_equal(who.epoch, 0);
	atomic_store(&broken, false);
	broker_partition_put(p);
	broker_close(b);
	b = open_broker("undecided");
	p = th_topic(b, "t");
	assert_int_equal(th_txn_count(p), 0);
	assert_int_equal(p->stable, p->written);
	ask_again(b, was, false, &who);
	write_one(b, &who, p);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_count(p), 1);
	broker_partition_put(p);
	broker_close(b);
}

/* -------------------------------------------------- the end of the epochs */

static void
test_last_epoch(void **state)
{
	struct broker *b = open_broker("last");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was;

	for (int i = 0; i < 2; i++) {
		bool commit = i == 0;

		set_epoch(b, &who, TXN_EPOCH_LAST);
		write_one(b, &who, p);
		was = who;
		assert_int_equal(th_txn_end(b, &who, commit), 0);
		assert_int_not_equal(who.producer_id, was.producer_id);
		assert_int_equal(who.epoch, 0);
		ask_again(b, was, commit, &who);
		assert_true(th_txn_produce(p, &was, 1) < 0);
		broker_partition_put(p);
		broker_close(b);
		b = open_broker("last");
		p = th_topic(b, "t");
		ask_again(b, was, commit, &who);
		assert_true(th_txn_produce(p, &was, 1) < 0);
		write_one(b, &who, p);
		assert_int_equal(th_txn_end(b, &who, true), 0);
		assert_int_equal(who.epoch, 1);
	}
	/* Fenced by time at the last epoch, it goes on in the one behind. */
	set_epoch(b, &who, TXN_EPOCH_LAST);
	write_one(b, &who, p);
	clock_fake_advance_ms(&fake, TH_TXN_TIMEOUT_MS);
	txns_expire(b->txns);
	lock_acquire(&b->txns->lock);
	txn_wait_idle_locked(txn_entry_find(b->txns, "a"));
	lock_release(&b->txns->lock);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_equal(who.epoch, INT16_MAX);
	write_one(b, &who, p);
	was = who;
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(who.epoch, 0);
	assert_int_equal(p->stable, p->written);
	assert_int_equal(th_txn_count(p), 4);
	broker_partition_put(p);
	broker_close(b);
}

/* --------------------------------------------------------------- restart */

/* Opens a copy of the directory, as kill -9 would leave it. */
static struct broker *
crash(struct broker *b, const char *from, const char *to)
{
	char *out;

	if (th_run(&out, "cp", "-r", th_path("%s", from), th_path("%s", to),
	    NULL) != 0)
		fail_msg("%s", out);
	free(out);
	broker_close(b);
	return open_broker(to);
}

static void
test_restart(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool commit = (i & 1) != 0, complete = (i & 2) != 0;
		bool last = (i & 4) != 0;
		char from[32], to[32];
		struct broker *b;
		struct broker_partition *p;
		struct txn_ident who, was;

		snprintf(from, sizeof(from), "restart-%d", i);
		snprintf(to, sizeof(to), "crashed-%d", i);
		b = open_broker(from);
		p = th_topic(b, "t");
		who = producer(b, "a");
		if (last)
			set_epoch(b, &who, TXN_EPOCH_LAST);
		write_one(b, &who, p);
		was = who;
		assert_int_equal(th_txn_end(b, &who, commit), 0);
		if (complete) {
			txns_sync_markers(b->txns);
			(void)txns_tend(b->txns);
		}
		broker_partition_put(p);
		b = crash(b, from, to);
		p = th_topic(b, "t");
		assert_int_equal(th_txn_count(p), commit);
		assert_int_equal(th_txn_state(b, "a"), commit ?
		    TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT);
		ask_again(b, was, commit, &who);
		assert_true(th_txn_produce(p, &was, 1) < 0);
		write_one(b, &who, p);
		assert_int_equal(th_txn_end(b, &who, true), 0);
		assert_int_equal(th_txn_count(p), commit + 1);
		assert_int_equal(p->stable, p->written);
		broker_partition_put(p);
		broker_close(b);
	}
}

/* A record of Kafka's: like ours, without our header. */
static void
write_kafkas(struct broker *b, const struct txn_ident *who)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 16);
	struct txn_place place = { LEAT_STR("t"), 0 };
	struct txn_value v = { .producer_id = who->producer_id,
	    .epoch = (int16_t)(who->epoch + 1), .timeout_ms = 1000,
	    .status = TXN_PREPARE_COMMIT, .places = &place, .nplaces = 1,
	    .version = TXN_BUMPS, .previous_id = who->producer_id,
	    .next_id = -1 };
	struct record rec = { .timestamp_ms = 1 };
	struct leat_buf key, value;
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	leat_buf_init(&key, 1 << 10);
	leat_buf_init(&value, 1 << 10);
	txn_key_encode(&key, leat_str_c(who->id));
	txn_value_encode(&value, &v);
	rec.key = (struct leat_str){ (char *)key.data, key.len };
	rec.value = (struct leat_str){ (char *)value.data, value.len };
	assert_int_equal(batch_builder_add(bb, &rec, NULL), 0);
	assert_int_equal(batch_builder_finish(bb, NULL, &data, &len, NULL), 0);
	assert_int_equal(partition_append_own(txn_log(b->txns, who->id), data,
	    len, &done, NULL), 0);
	batch_builder_free(bb);
	leat_buf_fini(&key);
	leat_buf_fini(&value);
}

/* A directory of Kafka's, stopped between the decision and the markers. */
static void
test_kafkas_decision(void **state)
{
	struct broker *b = open_broker("kafkas");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a"), was = who;

	write_one(b, &who, p);
	write_kafkas(b, &who);
	broker_partition_put(p);
	b = crash(b, "kafkas", "kafkas-crashed");
	p = th_topic(b, "t");
	assert_int_equal(th_txn_count(p), 1);
	assert_int_equal(th_txn_state(b, "a"), TXN_COMPLETE_COMMIT);
	who.epoch++;
	ask_again(b, was, true, &who);
	write_one(b, &who, p);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	broker_partition_put(p);
	broker_close(b);
}

/* ---------------------------------------------------------------- records */

/* "status:epoch:version:previous:next", ids counted from the first. */
struct dump {
	char text[512];
	size_t len;
	int64_t first;
};

static long long
relative(const struct dump *d, int64_t id)
{
	return id < 0 ? -1 : id - d->first;
}

static int
dump_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct batch_reader *r = batch_reader_new(1 << 20);
	struct dump *d = arg;
	struct record rec;
	struct txn_value v;

	assert_int_equal(batch_reader_open(r, batch, h->size, err), 0);
	while (batch_reader_next(r, &rec, err) > 0) {
		assert_int_equal(txn_value_decode(rec.value, &v), 0);
		d->len += (size_t)snprintf(d->text + d->len,
		    sizeof(d->text) - d->len, "%d:%d:%d:%lld:%lld ",
		    (int)v.status, v.epoch, v.version,
		    relative(d, v.previous_id), relative(d, v.next_id));
		free(v.places);
	}
	batch_reader_free(r);
	return 0;
}

static void
test_records(void **state)
{
	struct broker *b = open_broker("records");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = producer(b, "a");
	struct dump d = { .first = who.producer_id };

	write_one(b, &who, p);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	txns_sync_markers(b->txns);
	(void)txns_tend(b->txns);
	set_epoch(b, &who, TXN_EPOCH_LAST);
	write_one(b, &who, p);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	txns_sync_markers(b->txns);
	(void)txns_tend(b->txns);
	assert_int_equal(partition_each_batch(b->txns->parts[0], dump_batch,
	    &d, NULL), 0);
	assert_string_equal(d.text, "0:0:0:-1:-1 1:0:2:-1:-1 2:1:2:0:-1 "
	    "4:1:2:0:-1 1:32766:2:0:-1 3:32767:2:0:1 5:0:2:0:-1 ");
	broker_partition_put(p);
	broker_close(b);
}

/* Every field of version 1, as Kafka writes it, and with tags to come. */
static void
test_record_encoding(void **state)
{
	static const char kafka[] = "\x00\x01"		/* version */
	    "\x00\x00\x00\x00\x00\x00\x00\x07"		/* producer id */
	    "\x00\x05" "\x00\x00\xea\x60" "\x02"	/* PrepareCommit */
	    "\x02" "\x02t" "\x03" "\x00\x00\x00\x00" "\x00\x00\x00\x03" "\x00"
	    "\x00\x00\x00\x00\x00\x00\x00\x0a"		/* updated */
	    "\x00\x00\x00\x00\x00\x00\x00\x09"		/* started */
	    "\x03" "\x00\x08" "\x00\x00\x00\x00\x00\x00\x00\x07"
	    "\x01\x08" "\x00\x00\x00\x00\x00\x00\x00\x08"
	    "\x02\x02" "\x00\x02";
	struct leat_str bytes = { kafka, sizeof(kafka) - 1 };
	char longer[sizeof(kafka) + 8];
	struct txn_value v;
	struct leat_buf to;
	size_t n;

	assert_int_equal(txn_value_decode(bytes, &v), 0);
	assert_int_equal(v.epoch, 5);
	assert_int_equal(v.nplaces, 2);
	assert_int_equal(v.places[1].partition, 3);
	assert_int_equal(v.version, 2);
	assert_int_equal(v.previous_id, 7);
	assert_int_equal(v.next_id, 8);
	leat_buf_init(&to, 1 << 16);
	txn_value_encode(&to, &v);
	assert_int_equal(to.len, bytes.len);
	assert_memory_equal(to.data, kafka, to.len);
	leat_buf_fini(&to);
	free(v.places);
	/* Cut anywhere it is none. */
	for (n = 0; n < bytes.len; n++)
		assert_int_equal(txn_value_decode((struct leat_str){ kafka,
		    n }, &v), LEAT_E_PROTO);
	/* A tag that nobody knows yet: nextProducerEpoch. */
	memcpy(longer, kafka, bytes.len);
	longer[bytes.len - 4 - 10 - 10 - 1] = 4;
	memcpy(longer + bytes.len, "\x03\x02\x00\x01", 4);
	assert_int_equal(txn_value_decode((struct leat_str){ longer,
	    bytes.len + 4 }, &v), 0);
	assert_int_equal(v.version, 2);
	free(v.places);
}

static int
group_setup(void **state)
{
	disk = fsio_system;
	disk.fdatasync = breaking_fdatasync;
	clock_fake_init(&fake, 1700000000000000LL);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_abort_nothing),
		cmocka_unit_test(test_both_flows),
		cmocka_unit_test(test_fenced),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_not_ended),
		cmocka_unit_test(test_last_epoch),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_kafkas_decision),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_record_encoding),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
