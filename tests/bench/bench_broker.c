/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker costs: building batches, appending with group commit,
 * commit latency, reading. One JSON object on standard output.
 *
 *	bench_broker [directory]
 */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "core/base/obj.h"

enum { RECORD_BYTES = 800, BATCH_BYTES = 1 << 20, COMMITS = 300 };

static char value[RECORD_BYTES];

static void
die(const struct leat_err *err)
{
	fprintf(stderr, "bench_broker: %s\n", err->text);
	exit(1);
}

static double
now(void)
{
	return (double)clock_mono_ns(&clock_system) / 1e9;
}

static double
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static uint32_t
fill(struct batch_builder *b, uint32_t most)
{
	struct record rec = { .timestamp_ms = 1700000000000,
	    .value = { value, sizeof(value) } };
	char key[16];
	uint32_t n = 0;

	batch_builder_reset(b);
	rec.key.ptr = key;
	rec.key.len = 12;
	memcpy(key, "{\"id\":12345}", 12);
	while (n < most && batch_builder_add(b, &rec, NULL) == 0)
		n++;
	return n;
}

/* Seconds per record of add and finish; with `copy`, of a bare memcpy. */
static double
builder_cost(bool copy)
{
	struct batch_builder *b = batch_builder_new(CODEC_NONE, 0, BATCH_BYTES);
	char *plain = malloc(BATCH_BYTES);
	uint64_t n = 0;
	uint8_t *data;
	size_t len;
	double t;

	fill(b, UINT32_MAX);
	memset(plain, 1, BATCH_BYTES);
	t = now();
	for (int i = 0; i < 2000; i++) {
		uint32_t k = BATCH_BYTES / (RECORD_BYTES + 30);

		if (!copy) {
			k = fill(b, UINT32_MAX);
			batch_builder_finish(b, NULL, &data, &len, NULL);
		}
		for (uint32_t r = 0; copy && r < k; r++) {
			memcpy(plain + r * (RECORD_BYTES + 30), value,
			    RECORD_BYTES);
			__asm__ volatile("" ::: "memory");
		}
		n += k;
	}
	t = now() - t;
	batch_builder_free(b);
	free(plain);
	return t / (double)n;
}

static double
crc_rate(void)
{
	uint8_t *p = malloc(BATCH_BYTES);
	uint32_t c = 0;
	double t;

	memset(p, 7, BATCH_BYTES);
	t = now();
	for (int i = 0; i < 4000; i++)
		c = crc32c(c, p, BATCH_BYTES);
	t = now() - t;
	if (c == 42)
		puts("");
	free(p);
	return 4000.0 * BATCH_BYTES / t / 1e9;
}

struct done {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int count;
};

static void
on_done(void *arg, const struct leat_err *err)
{
	struct done *d = arg;

	if (err != NULL)
		die(err);
	pthread_mutex_lock(&d->mutex);
	d->count++;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->mutex);
}

static void
wait_for(struct done *d, int count)
{
	pthread_mutex_lock(&d->mutex);
	while (d->count < count)
		pthread_cond_wait(&d->cond, &d->mutex);
	pthread_mutex_unlock(&d->mutex);
}

/* Appends for some seconds, flushed every 50 ms: bytes a second. */
static double
append_rate(struct broker_partition *p, double seconds, double *ret_cpu)
{
	struct batch_builder *b = batch_builder_new(CODEC_NONE, 0, 256 << 10);
	struct done d = { PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_COND_INITIALIZER, 0 };
	struct leat_err err = LEAT_ERR_INIT;
	double start = now(), last = start, used = cpu();
	uint64_t bytes = 0, records = 0;
	int waits = 0;

	while (now() - start < seconds) {
		struct broker_appended done;
		uint8_t *data;
		size_t len;

		records += fill(b, UINT32_MAX);
		batch_builder_finish(b, NULL, &data, &len, NULL);
		if (broker_append(p, data, len, &done, &err) < 0)
			die(&err);
		bytes += len;
		if (now() - last > 0.05) {
			wait_for(&d, waits - 1);
			broker_when_durable(p, done.last_offset + 1, on_done,
			    &d);
			waits++;
			last = now();
		}
	}
	wait_for(&d, waits);
	*ret_cpu = (cpu() - used) / (double)records;
	batch_builder_free(b);
	return (double)bytes / (now() - start);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
commit_latency(struct broker *b, struct broker_partition *p, double *ret_p50,
    double *ret_p99)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 64 << 10);
	struct done d = { PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_COND_INITIALIZER, 0 };
	struct leat_err err = LEAT_ERR_INIT;
	double took[COMMITS];
	struct broker_txn *t;

	if (broker_txn_open(b, "bench", 60000, &t, &err) < 0)
		die(&err);
	for (int i = 0; i < COMMITS; i++) {
		struct broker_appended done;

		took[i] = now();
		fill(bb, 3);
		if (broker_txn_append(t, p, bb, &done, &err) < 0)
			die(&err);
		broker_txn_commit(t, on_done, &d);
		wait_for(&d, i + 1);
		took[i] = now() - took[i];
	}
	broker_txn_close(t);
	batch_builder_free(bb);
	qsort(took, COMMITS, sizeof(took[0]), by_value);
	*ret_p50 = took[COMMITS / 2];
	*ret_p99 = took[COMMITS * 99 / 100];
}

static double
sync_cost(const char *dir)
{
	char path[4200], block[2500] = { 0 };
	double t;
	int fd;

	snprintf(path, sizeof(path), "%s/sync", dir);
	fd = fsio_system.open(&fsio_system, path, O_RDWR | O_CREAT, 0600);
	t = now();
	for (int i = 0; i < 200; i++) {
		(void)fsio_pwrite_full(&fsio_system, fd, block, sizeof(block),
		    (int64_t)i * (int64_t)sizeof(block), NULL);
		(void)fsio_system.fdatasync(&fsio_system, fd);
	}
	t = (now() - t) / 200;
	fsio_system.close(&fsio_system, fd);
	fsio_system.unlink(&fsio_system, path);
	return t;
}

static double
read_rate(struct broker_partition *p)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_reader *r = broker_reader_open(p, 0, READ_COMMITTED,
	    &err);
	struct record rec;
	uint64_t n = 0;
	double t = now();

	while (n < 2000000 && broker_reader_fill(r, 1 << 20, &err) > 0)
		while (broker_reader_next(r, &rec, &err) > 0)
			n++;
	t = now() - t;
	broker_reader_close(r);
	return (double)n / t;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

int
main(int argc, char **argv)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_options o;
	struct broker_partition *p, *q;
	struct broker *b;
	char dir[4096];
	double build, copy, rate, use, p50, p99, sync, start;

	snprintf(dir, sizeof(dir), "%s/bench-broker-%d", argc > 1 ? argv[1] :
	    "/tmp", getpid());
	memset(value, 'x', sizeof(value));
	broker_options_init(&o);
	o.dir = dir;
	if (broker_open(&o, &b, &err) < 0 ||
	    broker_topic_create(b, "stream", 1, NULL, 0, &err) < 0 ||
	    broker_topic_create(b, "txn", 1, NULL, 0, &err) < 0)
		die(&err);
	p = broker_partition_get(b, "stream", 0, &err);
	q = broker_partition_get(b, "txn", 0, &err);
	copy = builder_cost(true);
	build = builder_cost(false);
	sync = sync_cost(dir);
	commit_latency(b, q, &p50, &p99);
	rate = append_rate(p, 3, &use);
	printf("{\"builder_us_per_record\":%.3f,\"memcpy_us_per_record\":%.3f,"
	    "\"crc32c_gb_per_s\":%.1f,\"append_mb_per_s\":%.0f,"
	    "\"append_cpu_us_per_record\":%.2f,\"sync_ms\":%.3f,"
	    "\"commit_p50_ms\":%.3f,\"commit_p99_ms\":%.3f,"
	    "\"read_records_per_s\":%.0f", build * 1e6, copy * 1e6,
	    crc_rate(), rate / 1e6, use * 1e6, sync * 1e3, p50 * 1e3,
	    p99 * 1e3, read_rate(p));
	broker_partition_put(p);
	broker_partition_put(q);
	broker_close(b);
	start = now();
	if (broker_open(&o, &b, &err) < 0)
		die(&err);
	printf(",\"open_clean_ms\":%.2f}\n", (now() - start) * 1e3);
	broker_close(b);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}
